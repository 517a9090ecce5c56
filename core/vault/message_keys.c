/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of message keys and its sealed form: nonce 24, five keys of 32 sealed (absent ones zeros), tag 16.
 */
#include "vault/message_keys.h"

#include "crypto/derive.h"
#include "crypto/secret.h"

#include <string.h>

#define FIRST_PURPOSE ((uint32_t)SATCHEL_SUBKEY_EXPORT)
#define LIST_SUBKEY SATCHEL_SUBKEY_MESSAGE_KEYS

static const char message_context[SATCHEL_DERIVE_CONTEXT_BYTES] = {'s', 'a', 't', 'c', 'h', 'e', 'l', '1'};
static const uint8_t no_key[SATCHEL_KEY_BYTES];

enum { AT_SEALED = SATCHEL_NONCE_BYTES, SEALED_BYTES = SATCHEL_MESSAGE_KEYS_MOST * SATCHEL_KEY_BYTES };
_Static_assert(AT_SEALED + SEALED_BYTES + SATCHEL_TAG_BYTES == SATCHEL_KEY_FILE_MESSAGE_BYTES, "the list fills it");

static void derive(satchel_message_keys *message) {
    for (uint32_t index = 0; index < message->count; index++) {
        for (uint32_t purpose = 0; purpose < SATCHEL_MESSAGE_PURPOSES; purpose++) {
            satchel_derive_subkey(message->key[index], FIRST_PURPOSE + purpose, message_context,
                                  message->sub[index][purpose]);
        }
    }
}

satchel_status satchel_message_keys_renew(satchel_message_keys *message, satchel_random random) {
    uint8_t fresh[SATCHEL_KEY_BYTES];
    if (message->count == SATCHEL_MESSAGE_KEYS_MOST) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    satchel_status status = satchel_random_fill(random, fresh, sizeof fresh);
    if (status == SATCHEL_OK) {
        memmove(message->key[1], message->key[0], message->count * sizeof fresh);
        memcpy(message->key[0], fresh, sizeof fresh);
        message->count++;
        derive(message);
    }
    satchel_secret_wipe(fresh, sizeof fresh);
    return status;
}

void satchel_message_keys_trim(satchel_message_keys *message) {
    uint32_t kept = message->count > 0 ? 1 : 0;
    satchel_secret_wipe(message->key[kept], (SATCHEL_MESSAGE_KEYS_MOST - kept) * sizeof message->key[0]);
    satchel_secret_wipe(message->sub[kept], (SATCHEL_MESSAGE_KEYS_MOST - kept) * sizeof message->sub[0]);
    message->count = kept;
}

satchel_status satchel_message_keys_write(const satchel_message_keys *message, const satchel_vault_keys *keys,
                                          satchel_random random, satchel_key_file *file) {
    uint8_t binding[SATCHEL_KEY_FILE_BOUND_BYTES];
    uint8_t *out = file->message;
    satchel_status status = satchel_random_fill(random, out, SATCHEL_NONCE_BYTES);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_key_file_front(file, binding);
    return satchel_seal(SATCHEL_CIPHER_XCHACHA20_POLY1305, keys->sub[LIST_SUBKEY], out,
                        satchel_bytes_of(binding, sizeof binding), satchel_bytes_of(message->key[0], SEALED_BYTES),
                        out + AT_SEALED, out + AT_SEALED + SEALED_BYTES);
}

satchel_status satchel_message_keys_read(const satchel_key_file *file, const satchel_vault_keys *keys,
                                         satchel_message_keys *message) {
    uint8_t binding[SATCHEL_KEY_FILE_BOUND_BYTES];
    const uint8_t *in = file->message;
    memset(message, 0, sizeof *message);
    if (!satchel_key_file_has_message_keys(file)) {
        memcpy(message->key[0], keys->data, SATCHEL_KEY_BYTES);
        message->count = 1;
        derive(message);
        return SATCHEL_OK;
    }
    satchel_key_file_front(file, binding);
    satchel_status status = satchel_unseal(
        SATCHEL_CIPHER_XCHACHA20_POLY1305, keys->sub[LIST_SUBKEY], in, satchel_bytes_of(binding, sizeof binding),
        satchel_bytes_of(in + AT_SEALED, SEALED_BYTES), in + AT_SEALED + SEALED_BYTES, message->key[0]);
    while (status == SATCHEL_OK && message->count < SATCHEL_MESSAGE_KEYS_MOST &&
           !satchel_secret_equal(message->key[message->count], no_key, sizeof no_key)) {
        message->count++;
    }
    if (status == SATCHEL_OK && message->count == 0) {
        status = SATCHEL_DAMAGED;
    }
    derive(message);
    return status;
}

static bool purpose_known(uint32_t purpose) {
    return purpose >= FIRST_PURPOSE && purpose < FIRST_PURPOSE + SATCHEL_MESSAGE_PURPOSES;
}

satchel_status satchel_message_keys_seal(const satchel_message_keys *message, uint32_t purpose, satchel_random random,
                                         satchel_bytes associated, satchel_bytes plain, satchel_buffer *out) {
    if (!purpose_known(purpose)) {
        return SATCHEL_INVALID_ARGUMENT;
    }
    return satchel_seal_message(message->sub[0][purpose - FIRST_PURPOSE], random, associated, plain, out);
}

satchel_status satchel_message_keys_unseal(const satchel_message_keys *message, uint32_t purpose,
                                           satchel_bytes associated, satchel_bytes sealed, satchel_buffer *out) {
    if (!purpose_known(purpose)) {
        return SATCHEL_INVALID_ARGUMENT;
    }
    satchel_status status = SATCHEL_DAMAGED;
    for (uint32_t index = 0; index < message->count && status == SATCHEL_DAMAGED; index++) {
        status = satchel_unseal_message(message->sub[index][purpose - FIRST_PURPOSE], associated, sealed, out);
    }
    return status;
}
