/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subkeys by crypto_kdf, so that no two uses of the data key ever share a key.
 */
#include "vault/keys.h"

#include "crypto/derive.h"
#include "crypto/secret.h"

static const char subkey_context[SATCHEL_DERIVE_CONTEXT_BYTES] = {'s', 'a', 't', 'c', 'h', 'e', 'l', '1'};

satchel_vault_keys *satchel_vault_keys_take(void) {
    return satchel_secret_take(sizeof(satchel_vault_keys));
}

void satchel_vault_keys_derive(satchel_vault_keys *keys) {
    for (unsigned number = 1; number < SATCHEL_SUBKEY_COUNT; number++) {
        satchel_derive_subkey(keys->data, number, subkey_context, keys->sub[number]);
    }
    satchel_sealer_init(&keys->page, keys->cipher, keys->sub[SATCHEL_SUBKEY_PAGE]);
    satchel_sealer_init(&keys->wal, keys->cipher, keys->sub[SATCHEL_SUBKEY_WAL]);
}
