/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures: Ed25519 (RFC 8032).
 */
#ifndef SATCHEL_CRYPTO_SIGN_H
#define SATCHEL_CRYPTO_SIGN_H

#include "crypto/crypto.h"

#define SATCHEL_SIGN_PUBLIC_BYTES 32
#define SATCHEL_SIGN_SECRET_BYTES 64 /* seed and public key */
#define SATCHEL_SIGNATURE_BYTES 64

/* The pair that belongs to a seed of 32 random bytes (random.h). `out_secret` belongs into locked memory (secret.h). */
void satchel_sign_keys(const uint8_t seed[SATCHEL_KEY_BYTES], uint8_t out_public[SATCHEL_SIGN_PUBLIC_BYTES],
                       uint8_t out_secret[SATCHEL_SIGN_SECRET_BYTES]);

void satchel_sign_make(const uint8_t secret[SATCHEL_SIGN_SECRET_BYTES], satchel_bytes message,
                       uint8_t out[SATCHEL_SIGNATURE_BYTES]);

/* Errors: UNAUTHENTICATED. */
SATCHEL_MUST_USE satchel_status satchel_sign_check(const uint8_t public_key[SATCHEL_SIGN_PUBLIC_BYTES],
                                                   satchel_bytes message,
                                                   const uint8_t signature[SATCHEL_SIGNATURE_BYTES]);

#endif
