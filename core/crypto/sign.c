/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ed25519 through libsodium, which rejects small-order keys and signatures that are not canonical.
 */
#include "crypto/sign.h"

#include <sodium.h>

_Static_assert(SATCHEL_SIGN_PUBLIC_BYTES == crypto_sign_PUBLICKEYBYTES, "public key of Ed25519");
_Static_assert(SATCHEL_SIGN_SECRET_BYTES == crypto_sign_SECRETKEYBYTES, "secret key of Ed25519");
_Static_assert(SATCHEL_SIGNATURE_BYTES == crypto_sign_BYTES, "signature of Ed25519");
_Static_assert(SATCHEL_KEY_BYTES == crypto_sign_SEEDBYTES, "seed of Ed25519");

void satchel_sign_keys(const uint8_t seed[SATCHEL_KEY_BYTES], uint8_t out_public[SATCHEL_SIGN_PUBLIC_BYTES],
                       uint8_t out_secret[SATCHEL_SIGN_SECRET_BYTES]) {
    (void)crypto_sign_seed_keypair(out_public, out_secret, seed); /* always 0 */
}

void satchel_sign_make(const uint8_t secret[SATCHEL_SIGN_SECRET_BYTES], satchel_bytes message,
                       uint8_t out[SATCHEL_SIGNATURE_BYTES]) {
    (void)crypto_sign_detached(out, NULL, message.data, message.bytes, secret); /* always 0 */
}

satchel_status satchel_sign_check(const uint8_t public_key[SATCHEL_SIGN_PUBLIC_BYTES], satchel_bytes message,
                                  const uint8_t signature[SATCHEL_SIGNATURE_BYTES]) {
    int result = crypto_sign_verify_detached(signature, message.data, message.bytes, public_key);
    return result == 0 ? SATCHEL_OK : SATCHEL_UNAUTHENTICATED;
}
