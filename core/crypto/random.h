/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Randomness as an input: whoever needs some is given a satchel_random, so tests can make it fail or repeat.
 */
#ifndef SATCHEL_CRYPTO_RANDOM_H
#define SATCHEL_CRYPTO_RANDOM_H

#include "crypto/crypto.h"

/* A source of random bytes. `fill` writes all `bytes` or returns a status other than OK (RANDOM_FAILED). */
typedef struct satchel_random {
    satchel_status (*fill)(void *context, uint8_t *out, size_t bytes);
    void *context;
} satchel_random;

/* The operating system's generator. Any thread. Its failure is a status, never an abort. */
satchel_random satchel_random_system(void);

/* Fills `out`. On failure `out` is zeroed. Errors: RANDOM_FAILED. */
SATCHEL_MUST_USE satchel_status satchel_random_fill(satchel_random random, void *out, size_t bytes);

/*
 * A source that repeats for the same seed, for simulators and tests. The struct must outlive its users; one thread.
 * `fails_after` counts calls that still succeed when `limited` is true; afterwards every call gives RANDOM_FAILED.
 */
typedef struct satchel_random_seeded {
    uint8_t seed[SATCHEL_KEY_BYTES];
    uint64_t calls;
    uint64_t fails_after;
    bool limited;
} satchel_random_seeded;

satchel_random satchel_random_from_seed(satchel_random_seeded *state, uint64_t seed);

/*
 * Nonces drawn from the source in batches, each handed out once. A zeroed struct is an empty batch. Not for a fork.
 *
 * The first 12 bytes of a nonce are its epoch. With `by_epoch` they stay the same for SATCHEL_EPOCH_SEALS_MOST nonces
 * and only the other 12 are fresh: a cipher whose own nonce has 96 bits gets a key of its own for each epoch
 * (sealer.h). Two nonces of an epoch are equal with a probability below 2^-57. Without, all 24 bytes are fresh each
 * time.
 */
#define SATCHEL_NONCE_BATCH 128
#define SATCHEL_EPOCH_BYTES 12
#define SATCHEL_EPOCH_SEALS_MOST (UINT32_C(1) << 20)
typedef struct satchel_nonces {
    uint8_t bytes[SATCHEL_NONCE_BATCH * SATCHEL_NONCE_BYTES];
    size_t left;
    uint8_t epoch[SATCHEL_EPOCH_BYTES];
    uint32_t epoch_left; /* nonces that this epoch may still get */
} satchel_nonces;

/* The next nonce. Errors: RANDOM_FAILED; nothing is handed out then. */
SATCHEL_MUST_USE satchel_status satchel_nonces_next(satchel_nonces *nonces, satchel_random random, bool by_epoch,
                                                    uint8_t out[SATCHEL_NONCE_BYTES]);

#endif
