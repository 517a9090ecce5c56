/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key file's bytes.
 */
#include "vault/key_file.h"

#include "base/bytes.h"
#include "base/text.h"
#include "crypto/seal.h"
#include "vault/page.h"
#include "vault/vault.h"

#include <string.h>

static const uint8_t key_file_magic[8] = {'S', 'A', 'T', 'C', 'H', 'K', 'E', 'Y'};

enum {
    AT_VERSION = 8,
    AT_CIPHER = 12,
    AT_STORE = 16,
    AT_GENERATION = 32,
    AT_SLOTS = 64,
    AT_MAC = 704,
    AT_ATTEMPTS = 736,
    AT_ATTEMPTS_MAC = 760,
    AT_MESSAGE = 792,
    AT_CHECKSUM = 992
};
#define ATTEMPTS_BYTES (AT_ATTEMPTS_MAC - AT_ATTEMPTS)

enum {
    SLOT_PASSES = 4,
    SLOT_MEMORY = 8,
    SLOT_FLAGS = 12,
    SLOT_SALT = 16,
    SLOT_CHECK = 32,
    SLOT_NONCE = 48,
    SLOT_WRAPPED = 72,
    SLOT_TAG = 104,
    SLOT_RECOVERY = 16,
    SLOT_BOX = 48
};

_Static_assert(AT_SLOTS + SATCHEL_KEY_FILE_SLOTS * SATCHEL_KEY_SLOT_BYTES == AT_MAC, "slots end where the MAC starts");
_Static_assert(AT_MESSAGE + SATCHEL_KEY_FILE_MESSAGE_BYTES == AT_CHECKSUM,
               "message keys end where the checksum starts");
_Static_assert(SLOT_RECOVERY + SATCHEL_BOX_PUBLIC_BYTES == SATCHEL_KEY_SLOT_BOUND_BYTES, "the recovery key is bound");
_Static_assert(AT_CHECKSUM + SATCHEL_HASH_BYTES == SATCHEL_KEY_FILE_BYTES, "the checksum ends the file");

static bool kind_known(uint32_t kind) {
    return kind == SATCHEL_VAULT_SLOT_DEVICE || kind == SATCHEL_VAULT_SLOT_PIN_DEVICE ||
           kind == SATCHEL_VAULT_SLOT_ESCROW;
}

static void write_slot(const satchel_key_slot *slot, uint8_t *out) {
    if (slot->kind != 0 && !kind_known(slot->kind)) {
        memcpy(out, slot->raw, SATCHEL_KEY_SLOT_BYTES);
        return;
    }
    memset(out, 0, SATCHEL_KEY_SLOT_BYTES);
    if (slot->kind == 0) {
        return;
    }
    satchel_put_u32be(out, slot->kind);
    if (slot->kind == SATCHEL_VAULT_SLOT_ESCROW) {
        memcpy(out + SLOT_RECOVERY, slot->recovery, sizeof slot->recovery);
        memcpy(out + SLOT_BOX, slot->box, sizeof slot->box);
        return;
    }
    satchel_put_u32be(out + SLOT_PASSES, slot->passes);
    satchel_put_u32be(out + SLOT_MEMORY, slot->memory_kib);
    satchel_put_u32be(out + SLOT_FLAGS, slot->flags);
    memcpy(out + SLOT_SALT, slot->salt, sizeof slot->salt);
    memcpy(out + SLOT_CHECK, slot->check, sizeof slot->check);
    memcpy(out + SLOT_NONCE, slot->nonce, sizeof slot->nonce);
    memcpy(out + SLOT_WRAPPED, slot->wrapped, sizeof slot->wrapped);
    memcpy(out + SLOT_TAG, slot->tag, sizeof slot->tag);
}

/* Argon2id's cost must lie within floor and ceiling: a forged file must neither weaken the PIN nor eat the memory. */
static bool cost_fits(const satchel_key_slot *slot) {
    if (slot->kind != SATCHEL_VAULT_SLOT_PIN_DEVICE) {
        return slot->passes == 0 && slot->memory_kib == 0;
    }
    return slot->passes >= SATCHEL_VAULT_PASSES_FLOOR && slot->passes <= SATCHEL_VAULT_PASSES_CEILING &&
           slot->memory_kib >= SATCHEL_VAULT_MEMORY_KIB_FLOOR && slot->memory_kib <= SATCHEL_VAULT_MEMORY_KIB_CEILING;
}

static satchel_status read_slot(const uint8_t *in, satchel_key_slot *out) {
    memset(out, 0, sizeof *out);
    out->kind = satchel_get_u32be(in);
    memcpy(out->raw, in, SATCHEL_KEY_SLOT_BYTES);
    if (!kind_known(out->kind)) {
        return SATCHEL_OK;
    }
    if (out->kind == SATCHEL_VAULT_SLOT_ESCROW) {
        memcpy(out->recovery, in + SLOT_RECOVERY, sizeof out->recovery);
        memcpy(out->box, in + SLOT_BOX, sizeof out->box);
        return SATCHEL_OK;
    }
    out->passes = satchel_get_u32be(in + SLOT_PASSES);
    out->memory_kib = satchel_get_u32be(in + SLOT_MEMORY);
    out->flags = satchel_get_u32be(in + SLOT_FLAGS);
    memcpy(out->salt, in + SLOT_SALT, sizeof out->salt);
    memcpy(out->check, in + SLOT_CHECK, sizeof out->check);
    memcpy(out->nonce, in + SLOT_NONCE, sizeof out->nonce);
    memcpy(out->wrapped, in + SLOT_WRAPPED, sizeof out->wrapped);
    memcpy(out->tag, in + SLOT_TAG, sizeof out->tag);
    return cost_fits(out) ? SATCHEL_OK : SATCHEL_DAMAGED;
}

/* Header and slots: what the MAC covers. */
static void write_front(const satchel_key_file *file, uint8_t out[AT_MAC]) {
    memset(out, 0, AT_MAC);
    memcpy(out, key_file_magic, sizeof key_file_magic);
    satchel_put_u32be(out + AT_VERSION, SATCHEL_STORE_FORMAT);
    satchel_put_u32be(out + AT_CIPHER, file->cipher);
    memcpy(out + AT_STORE, file->store.bytes, SATCHEL_ID_BYTES);
    satchel_put_u64be(out + AT_GENERATION, file->generation);
    for (size_t index = 0; index < SATCHEL_KEY_FILE_SLOTS; index++) {
        write_slot(&file->slots[index], out + AT_SLOTS + index * SATCHEL_KEY_SLOT_BYTES);
    }
}

static void write_attempts(const satchel_key_attempts *attempts, uint8_t out[ATTEMPTS_BYTES]) {
    satchel_put_u64be(out, attempts->sequence);
    satchel_put_u32be(out + 8, attempts->wrong);
    satchel_put_u32be(out + 12, attempts->boot);
    satchel_put_u64be(out + 16, (uint64_t)attempts->monotonic_ms);
}

void satchel_key_file_write(const satchel_key_file *file, uint8_t out[SATCHEL_KEY_FILE_BYTES]) {
    memset(out, 0, SATCHEL_KEY_FILE_BYTES);
    write_front(file, out);
    memcpy(out + AT_MAC, file->mac, sizeof file->mac);
    write_attempts(&file->attempts, out + AT_ATTEMPTS);
    memcpy(out + AT_ATTEMPTS_MAC, file->attempts.mac, sizeof file->attempts.mac);
    memcpy(out + AT_MESSAGE, file->message, sizeof file->message);
    satchel_hash_of(satchel_bytes_of(out, AT_CHECKSUM), out + AT_CHECKSUM);
}

/* A slot that no lookup finds would outlive its removal, and the MAC with it, once a file without one is written again.
 */
static bool has_two_of_a_kind(const satchel_key_file *file) {
    for (size_t index = 0; index < SATCHEL_KEY_FILE_SLOTS; index++) {
        uint32_t kind = file->slots[index].kind;
        if (kind_known(kind) && satchel_key_file_find(file, kind) != index) {
            return true;
        }
    }
    return false;
}

satchel_status satchel_key_file_read(satchel_bytes bytes, satchel_key_file *out) {
    memset(out, 0, sizeof *out);
    uint8_t checksum[SATCHEL_HASH_BYTES];
    if (bytes.bytes != SATCHEL_KEY_FILE_BYTES) {
        return SATCHEL_DAMAGED;
    }
    const uint8_t *in = bytes.data;
    satchel_hash_of(satchel_bytes_of(in, AT_CHECKSUM), checksum);
    if (memcmp(checksum, in + AT_CHECKSUM, sizeof checksum) != 0) {
        return SATCHEL_DAMAGED;
    }
    if (memcmp(in, key_file_magic, sizeof key_file_magic) != 0) {
        return SATCHEL_FOREIGN_FILE;
    }
    out->cipher = satchel_get_u32be(in + AT_CIPHER);
    if (satchel_get_u32be(in + AT_VERSION) != SATCHEL_STORE_FORMAT || !satchel_cipher_known(out->cipher)) {
        return SATCHEL_NEWER_FORMAT;
    }
    memcpy(out->store.bytes, in + AT_STORE, SATCHEL_ID_BYTES);
    out->generation = satchel_get_u64be(in + AT_GENERATION);
    for (size_t index = 0; index < SATCHEL_KEY_FILE_SLOTS; index++) {
        satchel_status status = read_slot(in + AT_SLOTS + index * SATCHEL_KEY_SLOT_BYTES, &out->slots[index]);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    if (has_two_of_a_kind(out)) {
        return SATCHEL_DAMAGED;
    }
    memcpy(out->mac, in + AT_MAC, sizeof out->mac);
    out->attempts.sequence = satchel_get_u64be(in + AT_ATTEMPTS);
    out->attempts.wrong = satchel_get_u32be(in + AT_ATTEMPTS + 8);
    out->attempts.boot = satchel_get_u32be(in + AT_ATTEMPTS + 12);
    out->attempts.monotonic_ms = (int64_t)satchel_get_u64be(in + AT_ATTEMPTS + 16);
    memcpy(out->attempts.mac, in + AT_ATTEMPTS_MAC, sizeof out->attempts.mac);
    memcpy(out->message, in + AT_MESSAGE, sizeof out->message);
    uint8_t again[SATCHEL_KEY_FILE_BYTES];
    satchel_key_file_write(out, again);
    return memcmp(in, again, sizeof again) == 0 ? SATCHEL_OK : SATCHEL_DAMAGED; /* spare bytes are zeros */
}

bool satchel_key_file_newer(const satchel_key_file *a, const satchel_key_file *b) {
    return a->generation != b->generation ? a->generation > b->generation : a->attempts.sequence > b->attempts.sequence;
}

bool satchel_key_file_has_message_keys(const satchel_key_file *file) {
    static const uint8_t none[SATCHEL_KEY_FILE_MESSAGE_BYTES];
    return memcmp(file->message, none, sizeof none) != 0;
}

void satchel_key_file_front(const satchel_key_file *file, uint8_t out[SATCHEL_KEY_FILE_BOUND_BYTES]) {
    uint8_t front[AT_MAC];
    write_front(file, front);
    memcpy(out, front, SATCHEL_KEY_FILE_BOUND_BYTES);
}

void satchel_key_file_binding(const satchel_key_file *file, const satchel_key_slot *slot,
                              uint8_t out[SATCHEL_KEY_FILE_BOUND_BYTES + SATCHEL_KEY_SLOT_BOUND_BYTES]) {
    uint8_t slot_bytes[SATCHEL_KEY_SLOT_BYTES];
    write_slot(slot, slot_bytes);
    satchel_key_file_front(file, out);
    memcpy(out + SATCHEL_KEY_FILE_BOUND_BYTES, slot_bytes, SATCHEL_KEY_SLOT_BOUND_BYTES);
}

void satchel_key_file_mac(const satchel_key_file *file, const uint8_t key[SATCHEL_KEY_BYTES],
                          uint8_t out[SATCHEL_MAC_BYTES]) {
    uint8_t front[AT_MAC];
    satchel_hash hash;
    write_front(file, front);
    satchel_hash_begin_keyed(&hash, satchel_bytes_of(key, SATCHEL_KEY_BYTES));
    satchel_hash_add_part(&hash, satchel_text_bytes(satchel_text_of("satchel key file")));
    satchel_hash_add_part(&hash, satchel_bytes_of(front, sizeof front));
    if (satchel_key_file_has_message_keys(file)) {
        satchel_hash_add_part(&hash, satchel_bytes_of(file->message, sizeof file->message));
    }
    satchel_hash_end(&hash, out);
}

void satchel_key_attempts_mac(const satchel_key_file *file, const uint8_t *secret, uint8_t out[SATCHEL_MAC_BYTES]) {
    static const uint8_t none[SATCHEL_KEY_BYTES];
    uint8_t attempts[ATTEMPTS_BYTES];
    satchel_hash hash;
    write_attempts(&file->attempts, attempts);
    satchel_hash_begin_keyed(&hash, satchel_bytes_of(secret != NULL ? secret : none, SATCHEL_KEY_BYTES));
    satchel_hash_add_part(&hash, satchel_text_bytes(satchel_text_of("satchel attempts")));
    satchel_hash_add_part(&hash, satchel_bytes_of(file->store.bytes, SATCHEL_ID_BYTES));
    satchel_hash_add_part(&hash, satchel_bytes_of(attempts, sizeof attempts));
    satchel_hash_end(&hash, out);
}

size_t satchel_key_file_find(const satchel_key_file *file, uint32_t kind) {
    size_t index = 0;
    while (index < SATCHEL_KEY_FILE_SLOTS && file->slots[index].kind != kind) {
        index++;
    }
    return index;
}
