/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys from keys, and keys from PINs.
 */
#ifndef SATCHEL_CRYPTO_DERIVE_H
#define SATCHEL_CRYPTO_DERIVE_H

#include "crypto/crypto.h"

#define SATCHEL_DERIVE_CONTEXT_BYTES 8
#define SATCHEL_SALT_BYTES 16

/* Subkey `number` of a master key: libsodium's crypto_kdf (BLAKE2b). `context` has exactly 8 characters. */
void satchel_derive_subkey(const uint8_t master[SATCHEL_KEY_BYTES], uint64_t number,
                           const char context[SATCHEL_DERIVE_CONTEXT_BYTES], uint8_t out[SATCHEL_KEY_BYTES]);

/*
 * Argon2id (RFC 9106, version 1.3, one lane) of `pin`. Slow and hungry by design: `passes` over `memory_kib` KiB.
 * The caller holds both within floor and ceiling before it trusts a stored value.
 * Errors: NO_MEMORY, INVALID_ARGUMENT (passes or memory outside what libsodium takes).
 */
SATCHEL_MUST_USE satchel_status satchel_derive_from_pin(satchel_text pin, const uint8_t salt[SATCHEL_SALT_BYTES],
                                                        uint32_t passes, uint32_t memory_kib,
                                                        uint8_t out[SATCHEL_KEY_BYTES]);

#endif
