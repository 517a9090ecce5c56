/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key file: [0 as it is, 1 with a right checksum][1024 bytes, zeros behind the end]. With 1 the parser behind the
 * checksum is reached. A file that is read is written again byte for byte: it has one form, and no room to hide in.
 * [2][160 bytes]: message keys, sealed by the harness under a fixed data key.
 */
#include "fuzz/support/fuzz.h"

#include "crypto/hash.h"
#include "crypto/secret.h"
#include "vault/key_file.h"
#include "vault/message_keys.h"

#include <string.h>

/* Locked memory goes through the heap for a moment. */
#define TICKET_BYTES 16
#define SUM_BYTES 32u
#define LIST_BYTES (SATCHEL_MESSAGE_KEYS_MOST * SATCHEL_KEY_BYTES)

static void try_file(const uint8_t *bytes, size_t count) {
    satchel_key_file file;
    uint8_t again[SATCHEL_KEY_FILE_BYTES];
    memset(&file, 0, sizeof file);
    satchel_status status = satchel_key_file_read(satchel_bytes_of(bytes, count), &file);
    FUZZ_HOLDS(status == SATCHEL_OK || status == SATCHEL_DAMAGED || status == SATCHEL_FOREIGN_FILE ||
               status == SATCHEL_NEWER_FORMAT);
    if (status == SATCHEL_OK) {
        satchel_key_file_write(&file, again);
        FUZZ_HOLDS(count == sizeof again && memcmp(again, bytes, count) == 0);
        FUZZ_HOLDS(!satchel_key_file_newer(&file, &file));
        for (uint32_t i = 0; i < SATCHEL_KEY_FILE_SLOTS; i++) {
            FUZZ_HOLDS(satchel_key_file_find(&file, file.slots[i].kind) <= i);
        }
    }
}

static satchel_vault_keys *fixed_keys(void) {
    satchel_vault_keys *keys = satchel_vault_keys_take();
    FUZZ_HOLDS(keys != NULL);
    fuzz_fixed_key(keys->data, sizeof keys->data);
    keys->cipher = SATCHEL_CIPHER_XCHACHA20_POLY1305;
    satchel_vault_keys_derive(keys);
    return keys;
}

/* The list as it comes out of a file: it ends at the first absent key, and an empty one is damage. */
static void try_message_keys(satchel_reader *input) {
    static satchel_vault_keys *keys; /* one for the process: locked memory is dear */
    static const uint8_t none[SATCHEL_KEY_BYTES];
    keys = keys != NULL ? keys : fixed_keys();
    satchel_random_seeded seeded;
    satchel_random random = satchel_random_from_seed(&seeded, 1);
    satchel_key_file file;
    satchel_message_keys *message = satchel_secret_take(2 * sizeof *message), *read = message + 1;
    FUZZ_HOLDS(message != NULL);
    memset(&file, 0, sizeof file);
    fuzz_fill(input, message->key[0], LIST_BYTES);
    message->count = SATCHEL_MESSAGE_KEYS_MOST;
    FUZZ_HOLDS(satchel_message_keys_write(message, keys, random, &file) == SATCHEL_OK);
    satchel_status status = satchel_message_keys_read(&file, keys, read);
    bool empty = memcmp(message->key[0], none, sizeof none) == 0;
    FUZZ_HOLDS(status == (empty ? SATCHEL_DAMAGED : SATCHEL_OK));
    for (uint32_t i = 0; i < read->count; i++) {
        FUZZ_HOLDS(memcmp(read->key[i], message->key[i], SATCHEL_KEY_BYTES) == 0);
        FUZZ_HOLDS(memcmp(read->key[i], none, sizeof none) != 0);
    }
    satchel_secret_give(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_reader input = satchel_reader_of(satchel_bytes_of(data, bytes));
    uint8_t file[SATCHEL_KEY_FILE_BYTES];
    fuzz_begin();
    switch (fuzz_choice(&input, 3)) {
    case 0: try_file(fuzz_rest(&input).data, fuzz_rest(&input).bytes); break;
    case 1:
        fuzz_fill(&input, file, sizeof file - SUM_BYTES);
        satchel_hash_of(satchel_bytes_of(file, sizeof file - SUM_BYTES), file + sizeof file - SUM_BYTES);
        try_file(file, sizeof file);
        break;
    default: try_message_keys(&input); break;
    }
    fuzz_end(TICKET_BYTES);
    return 0;
}

static void seed_file(const satchel_key_file *file) {
    uint8_t bytes[SATCHEL_KEY_FILE_BYTES];
    satchel_buffer seed = {NULL, 0, 0};
    satchel_key_file_write(file, bytes);
    fuzz_start_seed(&seed, 0);
    fuzz_append(&seed, satchel_bytes_of(bytes, sizeof bytes));
    fuzz_seed(satchel_buffer_view(&seed));
    fuzz_start_seed(&seed, 1);
    fuzz_append(&seed, satchel_bytes_of(bytes, sizeof bytes - SUM_BYTES));
    fuzz_seed(satchel_buffer_view(&seed));
    satchel_buffer_deinit(&seed);
}

void fuzz_seeds(void) {
    satchel_buffer seed = {NULL, 0, 0};
    satchel_key_file file;
    uint8_t list[LIST_BYTES];
    memset(&file, 0, sizeof file);
    file.cipher = SATCHEL_CIPHER_XCHACHA20_POLY1305;
    fuzz_fixed_key(file.store.bytes, sizeof file.store.bytes);
    seed_file(&file);
    for (uint32_t i = 0; i < 3; i++) { /* device, pin+device, escrow */
        satchel_key_slot *slot = &file.slots[i];
        slot->kind = i + 1;
        slot->passes = i == 1 ? 2 : 0;
        slot->memory_kib = i == 1 ? 19456 : 0;
        slot->flags = i < 2 ? SATCHEL_KEY_SLOT_KEYSTORE : 0;
        fuzz_fixed_key(slot->salt, sizeof slot->salt);
        fuzz_fixed_key(slot->wrapped, sizeof slot->wrapped);
        fuzz_fixed_key(slot->recovery, sizeof slot->recovery);
        fuzz_fixed_key(slot->box, sizeof slot->box);
    }
    file.attempts = (satchel_key_attempts){.sequence = 5, .wrong = 3, .boot = 2, .monotonic_ms = 12345};
    fuzz_fixed_key(file.mac, sizeof file.mac);
    fuzz_fixed_key(file.message, sizeof file.message);
    seed_file(&file);
    fuzz_fixed_key(list, sizeof list);
    fuzz_start_seed(&seed, 2);
    fuzz_append(&seed, satchel_bytes_of(list, sizeof list));
    fuzz_seed(satchel_buffer_view(&seed));
    seed.bytes = 1 + 2 * SATCHEL_KEY_BYTES;
    fuzz_seed(satchel_buffer_view(&seed));
    satchel_buffer_deinit(&seed);
}
