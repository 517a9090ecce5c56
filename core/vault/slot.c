/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cryptography of key slots. Every key on the stack is wiped before its function returns.
 */
#include "vault/slot.h"

#include "base/bytes.h"
#include "base/text.h"
#include "crypto/seal.h"
#include "crypto/secret.h"

#include <string.h>

static satchel_bytes context_bytes(const char *context) {
    return satchel_text_bytes(satchel_text_of(context));
}

static void check_value(const uint8_t *secret, const uint8_t salt[SATCHEL_SALT_BYTES],
                        uint8_t out[SATCHEL_KEY_SLOT_CHECK_BYTES]) {
    uint8_t full[SATCHEL_HASH_BYTES];
    satchel_hash hash;
    satchel_hash_begin_keyed(&hash, satchel_bytes_of(secret, SATCHEL_KEY_BYTES));
    satchel_hash_add_part(&hash, context_bytes("satchel slot check"));
    satchel_hash_add_part(&hash, satchel_bytes_of(salt, SATCHEL_SALT_BYTES));
    satchel_hash_end(&hash, full);
    memcpy(out, full, SATCHEL_KEY_SLOT_CHECK_BYTES);
}

bool satchel_slot_is_local(uint32_t kind) {
    return kind == SATCHEL_VAULT_SLOT_DEVICE || kind == SATCHEL_VAULT_SLOT_PIN_DEVICE;
}

bool satchel_slot_secret_fits(const satchel_key_slot *slot, const uint8_t *secret) {
    uint8_t check[SATCHEL_KEY_SLOT_CHECK_BYTES];
    if ((slot->flags & SATCHEL_KEY_SLOT_KEYSTORE) == 0) {
        return true;
    }
    if (secret == NULL) {
        return false;
    }
    check_value(secret, slot->salt, check);
    return satchel_secret_equal(check, slot->check, sizeof check);
}

static void device_key(const satchel_key_file *file, const satchel_key_slot *slot, const uint8_t *secret,
                       uint8_t out[SATCHEL_KEY_BYTES]) {
    satchel_hash hash;
    satchel_hash_begin_keyed(&hash, satchel_bytes_of(secret, SATCHEL_KEY_BYTES));
    satchel_hash_add_part(&hash, context_bytes("satchel slot device"));
    satchel_hash_add_part(&hash, satchel_bytes_of(file->store.bytes, SATCHEL_ID_BYTES));
    satchel_hash_add_part(&hash, satchel_bytes_of(slot->salt, sizeof slot->salt));
    satchel_hash_end(&hash, out);
}

static satchel_status pin_key(const satchel_key_file *file, const satchel_key_slot *slot,
                              const satchel_slot_input *input, uint8_t out[SATCHEL_KEY_BYTES]) {
    uint8_t stretched[SATCHEL_KEY_BYTES];
    bool bound = (slot->flags & SATCHEL_KEY_SLOT_KEYSTORE) != 0;
    satchel_status status = satchel_derive_from_pin(input->pin, slot->salt, slot->passes, slot->memory_kib, stretched);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_hash hash;
    satchel_hash_begin_keyed(&hash, satchel_bytes_of(stretched, sizeof stretched));
    satchel_hash_add_part(&hash, context_bytes("satchel slot pin"));
    satchel_hash_add_part(&hash, satchel_bytes_of(file->store.bytes, SATCHEL_ID_BYTES));
    satchel_hash_add_part(&hash, satchel_bytes_of(input->secret, bound ? SATCHEL_KEY_BYTES : 0));
    satchel_hash_end(&hash, out);
    satchel_secret_wipe(stretched, sizeof stretched);
    return SATCHEL_OK;
}

static satchel_status wrapping_key(const satchel_key_file *file, const satchel_key_slot *slot,
                                   const satchel_slot_input *input, uint8_t out[SATCHEL_KEY_BYTES]) {
    bool bound = (slot->flags & SATCHEL_KEY_SLOT_KEYSTORE) != 0;
    if (bound && input->secret == NULL) {
        return SATCHEL_INVALID_ARGUMENT;
    }
    if (slot->kind == SATCHEL_VAULT_SLOT_PIN_DEVICE) {
        return pin_key(file, slot, input, out);
    }
    if (slot->kind != SATCHEL_VAULT_SLOT_DEVICE || !bound) {
        return SATCHEL_INVALID_ARGUMENT;
    }
    device_key(file, slot, input->secret, out);
    return SATCHEL_OK;
}

satchel_status satchel_slot_wrap(const satchel_key_file *file, const satchel_slot_input *input, uint32_t passes,
                                 uint32_t memory_kib, satchel_random random, const uint8_t data_key[SATCHEL_KEY_BYTES],
                                 satchel_key_slot *slot) {
    uint8_t key[SATCHEL_KEY_BYTES] = {0};
    uint8_t binding[SATCHEL_KEY_FILE_BOUND_BYTES + SATCHEL_KEY_SLOT_BOUND_BYTES];
    satchel_key_slot made = {0};
    made.kind = (uint32_t)input->kind;
    if (input->kind == SATCHEL_VAULT_SLOT_PIN_DEVICE) {
        made.passes = passes;
        made.memory_kib = memory_kib;
    }
    satchel_status status = satchel_random_fill(random, made.salt, sizeof made.salt);
    if (status == SATCHEL_OK) {
        status = satchel_random_fill(random, made.nonce, sizeof made.nonce);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    if (input->secret != NULL) {
        made.flags = SATCHEL_KEY_SLOT_KEYSTORE;
        check_value(input->secret, made.salt, made.check);
    }
    status = wrapping_key(file, &made, input, key);
    if (status == SATCHEL_OK) {
        satchel_key_file_binding(file, &made, binding);
        status =
            satchel_seal(SATCHEL_CIPHER_XCHACHA20_POLY1305, key, made.nonce, satchel_bytes_of(binding, sizeof binding),
                         satchel_bytes_of(data_key, SATCHEL_KEY_BYTES), made.wrapped, made.tag);
    }
    if (status == SATCHEL_OK) {
        *slot = made;
    }
    satchel_secret_wipe(key, sizeof key);
    return status;
}

satchel_status satchel_slot_unwrap(const satchel_key_file *file, const satchel_key_slot *slot,
                                   const satchel_slot_input *input, uint8_t out_data_key[SATCHEL_KEY_BYTES]) {
    uint8_t key[SATCHEL_KEY_BYTES] = {0};
    uint8_t binding[SATCHEL_KEY_FILE_BOUND_BYTES + SATCHEL_KEY_SLOT_BOUND_BYTES];
    satchel_status status = wrapping_key(file, slot, input, key);
    if (status == SATCHEL_OK) {
        satchel_key_file_binding(file, slot, binding);
        status = satchel_unseal(SATCHEL_CIPHER_XCHACHA20_POLY1305, key, slot->nonce,
                                satchel_bytes_of(binding, sizeof binding),
                                satchel_bytes_of(slot->wrapped, sizeof slot->wrapped), slot->tag, out_data_key);
        if (status == SATCHEL_DAMAGED) {
            status = slot->kind == SATCHEL_VAULT_SLOT_PIN_DEVICE ? SATCHEL_WRONG_PIN : SATCHEL_KEY_GONE;
        }
    }
    satchel_secret_wipe(key, sizeof key);
    return status;
}

satchel_status satchel_slot_box(const satchel_key_file *file, const uint8_t recovery[SATCHEL_BOX_PUBLIC_BYTES],
                                satchel_random random, const uint8_t data_key[SATCHEL_KEY_BYTES],
                                satchel_key_slot *slot) {
    uint8_t binding[SATCHEL_KEY_FILE_BOUND_BYTES + SATCHEL_KEY_SLOT_BOUND_BYTES];
    satchel_key_slot made = {.kind = SATCHEL_VAULT_SLOT_ESCROW};
    satchel_buffer box;
    satchel_buffer_init(&box);
    memcpy(made.recovery, recovery, sizeof made.recovery);
    satchel_key_file_binding(file, &made, binding);
    satchel_status status = satchel_box_seal(recovery, random, satchel_bytes_of(binding, sizeof binding),
                                             satchel_bytes_of(data_key, SATCHEL_KEY_BYTES), &box);
    if (status == SATCHEL_OK) {
        memcpy(made.box, box.data, sizeof made.box);
        *slot = made;
    }
    satchel_buffer_deinit(&box);
    return status;
}

satchel_status satchel_slot_unbox(const satchel_key_file *file, const satchel_key_slot *slot,
                                  const uint8_t seed[SATCHEL_KEY_BYTES], uint8_t out_data_key[SATCHEL_KEY_BYTES]) {
    uint8_t binding[SATCHEL_KEY_FILE_BOUND_BYTES + SATCHEL_KEY_SLOT_BOUND_BYTES];
    uint8_t owner[SATCHEL_BOX_PUBLIC_BYTES];
    satchel_buffer plain;
    satchel_box_public(seed, owner);
    if (!satchel_secret_equal(owner, slot->recovery, sizeof owner)) {
        return SATCHEL_UNAUTHENTICATED;
    }
    satchel_buffer_init(&plain);
    satchel_key_file_binding(file, slot, binding);
    satchel_status status = satchel_box_open(seed, satchel_bytes_of(binding, sizeof binding),
                                             satchel_bytes_of(slot->box, sizeof slot->box), &plain);
    if (status == SATCHEL_OK) {
        memcpy(out_data_key, plain.data, SATCHEL_KEY_BYTES);
        satchel_secret_wipe(plain.data, plain.bytes);
    }
    satchel_buffer_deinit(&plain);
    return status;
}
