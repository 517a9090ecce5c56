/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing: encryption that also shows every change, with associated data that is bound but not hidden.
 */
#ifndef SATCHEL_CRYPTO_SEAL_H
#define SATCHEL_CRYPTO_SEAL_H

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "crypto/random.h"

/* Numbers are stored in key files: never reused or changed. What 2 and 3 need beside a key: sealer.h. */
typedef enum satchel_cipher {
    SATCHEL_CIPHER_XCHACHA20_POLY1305 = 1, /* draft-irtf-cfrg-xchacha-03; everywhere, and for all but pages */
    SATCHEL_CIPHER_AES256_GCM = 2,         /* NIST SP 800-38D */
    SATCHEL_CIPHER_AEGIS256 = 3            /* draft-irtf-cfrg-aegis-aead */
} satchel_cipher;

/* Whether the number means a cipher, on this machine or another. */
bool satchel_cipher_known(uint32_t cipher);
/* Whether this build has it and this machine has the instructions for it. After satchel_crypto_init. */
bool satchel_cipher_available(satchel_cipher cipher);
/* The fastest one that is available and of constant time. */
satchel_cipher satchel_cipher_best(void);
/* The length of its tag: 16, but 32 for AEGIS-256. */
size_t satchel_cipher_tag_bytes(satchel_cipher cipher);

/*
 * Seals `plain` into `sealed` (plain.bytes of room; may be the same place) and writes the tag apart.
 * A nonce must never serve twice under one key. Errors: UNSUPPORTED (any but XChaCha20-Poly1305), INTERNAL.
 */
SATCHEL_MUST_USE satchel_status satchel_seal(satchel_cipher cipher, const uint8_t key[SATCHEL_KEY_BYTES],
                                             const uint8_t nonce[SATCHEL_NONCE_BYTES], satchel_bytes associated,
                                             satchel_bytes plain, uint8_t *sealed, uint8_t tag[SATCHEL_TAG_BYTES]);

/* The reverse, into `plain` (sealed.bytes of room; may be the same place). Errors: UNSUPPORTED, DAMAGED (plain zeroed).
 */
SATCHEL_MUST_USE satchel_status satchel_unseal(satchel_cipher cipher, const uint8_t key[SATCHEL_KEY_BYTES],
                                               const uint8_t nonce[SATCHEL_NONCE_BYTES], satchel_bytes associated,
                                               satchel_bytes sealed, const uint8_t tag[SATCHEL_TAG_BYTES],
                                               uint8_t *plain);

/*
 * The same two for pages, in the same format: `room` bytes behind `plain` may be read and `room` bytes behind the
 * output may be overwritten. ChaCha20 goes through 512 bytes at once, and a tail of less costs as much as several such
 * groups: with room up to the next multiple of 512 there is no tail. `plain` and `sealed` may be the same place.
 */
SATCHEL_MUST_USE satchel_status satchel_seal_roomy(satchel_cipher cipher, const uint8_t key[SATCHEL_KEY_BYTES],
                                                   const uint8_t nonce[SATCHEL_NONCE_BYTES], satchel_bytes associated,
                                                   satchel_bytes plain, size_t room, uint8_t *sealed,
                                                   uint8_t tag[SATCHEL_TAG_BYTES]);
SATCHEL_MUST_USE satchel_status satchel_unseal_roomy(satchel_cipher cipher, const uint8_t key[SATCHEL_KEY_BYTES],
                                                     const uint8_t nonce[SATCHEL_NONCE_BYTES], satchel_bytes associated,
                                                     satchel_bytes sealed, size_t room,
                                                     const uint8_t tag[SATCHEL_TAG_BYTES], uint8_t *plain);

/*
 * A self-contained sealed message, `[nonce 24][sealed n][tag 16]`, appended to `out`.
 * Errors: RANDOM_FAILED, NO_MEMORY, LIMIT_EXCEEDED; `out` is unchanged then.
 */
SATCHEL_MUST_USE satchel_status satchel_seal_message(const uint8_t key[SATCHEL_KEY_BYTES], satchel_random random,
                                                     satchel_bytes associated, satchel_bytes plain,
                                                     satchel_buffer *out);

/* Opens such a message, appending the plain bytes. Errors: DAMAGED (also: too short), NO_MEMORY, LIMIT_EXCEEDED. */
SATCHEL_MUST_USE satchel_status satchel_unseal_message(const uint8_t key[SATCHEL_KEY_BYTES], satchel_bytes associated,
                                                       satchel_bytes message, satchel_buffer *out);

/* Public and secret half of an X25519 pair follow from a seed of 32 random bytes. */
#define SATCHEL_BOX_PUBLIC_BYTES 32
#define SATCHEL_BOX_OVERHEAD_BYTES (SATCHEL_BOX_PUBLIC_BYTES + SATCHEL_TAG_BYTES)
void satchel_box_public(const uint8_t seed[SATCHEL_KEY_BYTES], uint8_t out_public[SATCHEL_BOX_PUBLIC_BYTES]);

/*
 * Seals to whoever holds the seed of `public_key`: `[one-time public key 32][sealed n][tag 16]`, appended to `out`.
 * The key is BLAKE2b-256 over (context, X25519 secret, one-time key, public key); the nonce is zero as each key serves
 * once. Errors: RANDOM_FAILED, INVALID_ARGUMENT (a public key of small order), NO_MEMORY, LIMIT_EXCEEDED.
 */
SATCHEL_MUST_USE satchel_status satchel_box_seal(const uint8_t public_key[SATCHEL_BOX_PUBLIC_BYTES],
                                                 satchel_random random, satchel_bytes associated, satchel_bytes plain,
                                                 satchel_buffer *out);

/* Errors: DAMAGED (also: too short, another's box), NO_MEMORY, LIMIT_EXCEEDED. */
SATCHEL_MUST_USE satchel_status satchel_box_open(const uint8_t seed[SATCHEL_KEY_BYTES], satchel_bytes associated,
                                                 satchel_bytes box, satchel_buffer *out);

#endif
