/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of simulated phones and servers: a keyed hash in place of Ed25519, which would take a sixth of the time.
 *
 * Whatever is signed by another key, for another message, or spoilt on its way is refused as by Ed25519. What it does
 * not do is keep out a forger who has the public key: there is none here, and the true signatures have their tests.
 */
#include "crypto/sign.h"

#include <sodium.h>
#include <string.h>

void satchel_sign_keys(const uint8_t seed[SATCHEL_KEY_BYTES], uint8_t out_public[SATCHEL_SIGN_PUBLIC_BYTES],
                       uint8_t out_secret[SATCHEL_SIGN_SECRET_BYTES]) {
    (void)crypto_generichash(out_public, SATCHEL_SIGN_PUBLIC_BYTES, seed, SATCHEL_KEY_BYTES, NULL, 0);
    memcpy(out_secret, seed, SATCHEL_KEY_BYTES);
    memcpy(out_secret + SATCHEL_KEY_BYTES, out_public, SATCHEL_SIGN_PUBLIC_BYTES);
}

static void sign(const uint8_t public_key[SATCHEL_SIGN_PUBLIC_BYTES], satchel_bytes message,
                 uint8_t out[SATCHEL_SIGNATURE_BYTES]) {
    (void)crypto_generichash(out, SATCHEL_SIGNATURE_BYTES, message.data, message.bytes, public_key,
                             SATCHEL_SIGN_PUBLIC_BYTES);
}

void satchel_sign_make(const uint8_t secret[SATCHEL_SIGN_SECRET_BYTES], satchel_bytes message,
                       uint8_t out[SATCHEL_SIGNATURE_BYTES]) {
    sign(secret + SATCHEL_KEY_BYTES, message, out);
}

satchel_status satchel_sign_check(const uint8_t public_key[SATCHEL_SIGN_PUBLIC_BYTES], satchel_bytes message,
                                  const uint8_t signature[SATCHEL_SIGNATURE_BYTES]) {
    uint8_t wanted[SATCHEL_SIGNATURE_BYTES];
    sign(public_key, message, wanted);
    return memcmp(wanted, signature, sizeof wanted) == 0 ? SATCHEL_OK : SATCHEL_UNAUTHENTICATED;
}
