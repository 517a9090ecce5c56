/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto_kdf and Argon2id through libsodium.
 */
#include "crypto/derive.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>

_Static_assert(SATCHEL_KEY_BYTES == crypto_kdf_KEYBYTES, "master key of crypto_kdf");
_Static_assert(SATCHEL_DERIVE_CONTEXT_BYTES == crypto_kdf_CONTEXTBYTES, "context of crypto_kdf");
_Static_assert(SATCHEL_SALT_BYTES == crypto_pwhash_argon2id_SALTBYTES, "salt of Argon2id");

#define BYTES_PER_KIB 1024u

void satchel_derive_subkey(const uint8_t master[SATCHEL_KEY_BYTES], uint64_t number,
                           const char context[SATCHEL_DERIVE_CONTEXT_BYTES], uint8_t out[SATCHEL_KEY_BYTES]) {
    int result = crypto_kdf_derive_from_key(out, SATCHEL_KEY_BYTES, number, context, master);
    assert(result == 0); /* fails only for other lengths of output */
    (void)result;
}

satchel_status satchel_derive_from_pin(satchel_text pin, const uint8_t salt[SATCHEL_SALT_BYTES], uint32_t passes,
                                       uint32_t memory_kib, uint8_t out[SATCHEL_KEY_BYTES]) {
    size_t memory_bytes = (size_t)memory_kib * BYTES_PER_KIB;
    if (passes < crypto_pwhash_argon2id_OPSLIMIT_MIN || memory_bytes / BYTES_PER_KIB != memory_kib ||
        memory_bytes < crypto_pwhash_argon2id_MEMLIMIT_MIN || memory_bytes > crypto_pwhash_argon2id_MEMLIMIT_MAX ||
        pin.bytes > crypto_pwhash_argon2id_PASSWD_MAX) {
        return SATCHEL_INVALID_ARGUMENT;
    }
    int result = crypto_pwhash_argon2id(out, SATCHEL_KEY_BYTES, pin.data, pin.bytes, salt, passes, memory_bytes,
                                        crypto_pwhash_argon2id_ALG_ARGON2ID13);
    if (result != 0) {
        sodium_memzero(out, SATCHEL_KEY_BYTES);
        return SATCHEL_NO_MEMORY; /* the only failure left: no room for the lanes */
    }
    return SATCHEL_OK;
}
