/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data key of a store and the subkeys drawn from it. One block in locked memory for the life of an open vault.
 */
#ifndef SATCHEL_VAULT_KEYS_H
#define SATCHEL_VAULT_KEYS_H

#include "crypto/crypto.h"
#include "crypto/sealer.h"

/*
 * Numbers of the subkeys: stored by what they sealed, so never reused. 4 … 7, of satchel_vault_purpose, are
 * drawn from a message key (message_keys.h).
 */
typedef enum satchel_vault_subkey {
    SATCHEL_SUBKEY_PAGE = 1,
    SATCHEL_SUBKEY_WAL = 2,
    SATCHEL_SUBKEY_KEY_FILE = 3,
    SATCHEL_SUBKEY_EXPORT = 4,
    SATCHEL_SUBKEY_BLOB = 5,
    SATCHEL_SUBKEY_AUDIT = 6,
    SATCHEL_SUBKEY_OPLOG = 7,
    SATCHEL_SUBKEY_MESSAGE_KEYS = 8,
    SATCHEL_SUBKEY_COUNT = 9
} satchel_vault_subkey;

typedef struct satchel_vault_keys {
    satchel_sealer page; /* both hold expanded keys: one more reason for locked memory */
    satchel_sealer wal;
    uint8_t data[SATCHEL_KEY_BYTES];
    uint8_t sub[SATCHEL_SUBKEY_COUNT][SATCHEL_KEY_BYTES]; /* by number; 0 is unused */
    satchel_cipher cipher;
    satchel_id store;
} satchel_vault_keys;

/* Locked memory, zeroed; NULL if exhausted. Given back with satchel_secret_give, which wipes. */
SATCHEL_MUST_USE satchel_vault_keys *satchel_vault_keys_take(void);

/* Fills subkeys and sealers from `data` and `cipher`. */
void satchel_vault_keys_derive(satchel_vault_keys *keys);

#endif
