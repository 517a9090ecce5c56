/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of sealed messages: one that seals, and those that did before the data key was changed.
 *
 * A message (an op's body, an export) outlives the data key under which it was made, so it has a key of its own that
 * the key file keeps, sealed under the data key. A change of the data key draws a new message key and keeps the old
 * ones for opening: whoever knew the old data key can open no message that was sealed after the change.
 */
#ifndef SATCHEL_VAULT_MESSAGE_KEYS_H
#define SATCHEL_VAULT_MESSAGE_KEYS_H

#include "vault/key_file.h"
#include "vault/keys.h"

#define SATCHEL_MESSAGE_PURPOSES 4u /* 4 … 7 of satchel_vault_purpose */

/* One block in locked memory (secret.h). */
typedef struct satchel_message_keys {
    uint32_t count; /* at least 1 in an open vault */
    uint8_t key[SATCHEL_MESSAGE_KEYS_MOST][SATCHEL_KEY_BYTES];
    uint8_t sub[SATCHEL_MESSAGE_KEYS_MOST][SATCHEL_MESSAGE_PURPOSES][SATCHEL_KEY_BYTES];
} satchel_message_keys;

/*
 * Puts a new random key before those there. LIMIT_EXCEEDED at SATCHEL_MESSAGE_KEYS_MOST keys, RANDOM_FAILED; nothing
 * has changed then.
 */
SATCHEL_MUST_USE satchel_status satchel_message_keys_renew(satchel_message_keys *message, satchel_random random);

/* Forgets all but the first. */
void satchel_message_keys_trim(satchel_message_keys *message);

/* Seals the keys under the data key into `file`. Errors: RANDOM_FAILED, INTERNAL. */
SATCHEL_MUST_USE satchel_status satchel_message_keys_write(const satchel_message_keys *message,
                                                           const satchel_vault_keys *keys, satchel_random random,
                                                           satchel_key_file *file);

/* The reverse. A file without message keys is one of the first stores: the data key is the message key. DAMAGED. */
SATCHEL_MUST_USE satchel_status satchel_message_keys_read(const satchel_key_file *file, const satchel_vault_keys *keys,
                                                          satchel_message_keys *message);

/* `purpose` is one of satchel_vault_purpose. Errors: as satchel_vault_seal, satchel_vault_unseal. */
SATCHEL_MUST_USE satchel_status satchel_message_keys_seal(const satchel_message_keys *message, uint32_t purpose,
                                                          satchel_random random, satchel_bytes associated,
                                                          satchel_bytes plain, satchel_buffer *out);
SATCHEL_MUST_USE satchel_status satchel_message_keys_unseal(const satchel_message_keys *message, uint32_t purpose,
                                                            satchel_bytes associated, satchel_bytes sealed,
                                                            satchel_buffer *out);

#endif
