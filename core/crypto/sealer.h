/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing of pages under one subkey with the cipher that the store was made with.
 *
 * Nonces are 24 random bytes for every cipher (random.h draws them); what a cipher makes of them:
 *   XChaCha20-Poly1305: the nonce as it is; tag 16.
 *   AES-256-GCM: 12 bytes of epoch, 12 bytes of nonce. The AES key follows from subkey and epoch, so that random nonces
 *     of 96 bits stay far below any collision; tag 16.
 *   AEGIS-256: the nonce and 8 zeros; tag 32, the only one that libsodium offers.
 * Expanded AES keys of the epochs met last are kept. A sealer holds keys: it belongs into locked memory (secret.h),
 * which is wiped as a whole. One thread at a time.
 */
#ifndef SATCHEL_CRYPTO_SEALER_H
#define SATCHEL_CRYPTO_SEALER_H

#include "crypto/seal.h"

#define SATCHEL_TAG_LONGEST_BYTES 32
#define SATCHEL_SEALER_EPOCHS 16u
#define SATCHEL_SEALER_STATE_BYTES 512u

/* Placed by the caller; zeros before init. */
typedef struct satchel_sealer {
    _Alignas(16) uint8_t expanded[SATCHEL_SEALER_EPOCHS][SATCHEL_SEALER_STATE_BYTES]; /* AES-256-GCM */
    uint8_t epochs[SATCHEL_SEALER_EPOCHS][SATCHEL_EPOCH_BYTES];
    uint64_t used[SATCHEL_SEALER_EPOCHS]; /* when; 0: empty */
    uint64_t uses;
    size_t last;
    uint8_t key[SATCHEL_KEY_BYTES];
    satchel_cipher cipher;
} satchel_sealer;

/* Forgets all that it held. Any cipher, also one that is not available: sealing then gives UNSUPPORTED. */
void satchel_sealer_init(satchel_sealer *sealer, satchel_cipher cipher, const uint8_t subkey[SATCHEL_KEY_BYTES]);

/*
 * Seals `plain` into `sealed` (plain.bytes + room; may be the same place) and writes the tag apart. `room` bytes behind
 * `plain` may be read and `room` bytes behind `sealed` may be overwritten, as in satchel_seal_roomy.
 * A nonce must never serve twice. Errors: UNSUPPORTED (cipher not available), INTERNAL.
 */
SATCHEL_MUST_USE satchel_status satchel_sealer_seal(satchel_sealer *sealer, const uint8_t nonce[SATCHEL_NONCE_BYTES],
                                                    satchel_bytes associated, satchel_bytes plain, size_t room,
                                                    uint8_t *sealed, uint8_t *tag);

/* The reverse. Errors: UNSUPPORTED, DAMAGED (plain zeroed). */
SATCHEL_MUST_USE satchel_status satchel_sealer_unseal(satchel_sealer *sealer, const uint8_t nonce[SATCHEL_NONCE_BYTES],
                                                      satchel_bytes associated, satchel_bytes sealed, size_t room,
                                                      const uint8_t *tag, uint8_t *plain);

#endif
