/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources of randomness. libsodium's own randombytes_buf aborts when the system's generator fails; here that is a
 * status, because a store must then refuse to write, not take the app down with it.
 */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* getrandom */
#endif
#include "crypto/random.h"

#include "base/bytes.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/random.h>

/* getentropy(2) gives at most this much in one call. */
#define ENTROPY_CALL_BYTES 256

static satchel_status system_fill(void *context, uint8_t *out, size_t bytes) {
    (void)context;
    while (bytes > 0) {
        size_t part = bytes < ENTROPY_CALL_BYTES ? bytes : ENTROPY_CALL_BYTES;
#if defined(__linux__)
        ssize_t got = getrandom(out, part, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return SATCHEL_RANDOM_FAILED;
        }
        part = (size_t)got;
#else
        if (getentropy(out, part) != 0) {
            return SATCHEL_RANDOM_FAILED;
        }
#endif
        out += part;
        bytes -= part;
    }
    return SATCHEL_OK;
}

satchel_random satchel_random_system(void) {
    return (satchel_random){system_fill, NULL};
}

satchel_status satchel_random_fill(satchel_random random, void *out, size_t bytes) {
    satchel_status status = random.fill(random.context, out, bytes);
    if (status != SATCHEL_OK && bytes > 0) {
        sodium_memzero(out, bytes);
    }
    return status;
}

/* Call n gives the ChaCha20 stream under the seed with n as nonce. */
static satchel_status seeded_fill(void *context, uint8_t *out, size_t bytes) {
    satchel_random_seeded *state = context;
    if (state->limited && state->calls >= state->fails_after) {
        return SATCHEL_RANDOM_FAILED;
    }
    uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
    satchel_put_u64be(nonce, state->calls);
    state->calls++;
    return crypto_stream_chacha20(out, bytes, nonce, state->seed) == 0 ? SATCHEL_OK : SATCHEL_RANDOM_FAILED;
}

satchel_random satchel_random_from_seed(satchel_random_seeded *state, uint64_t seed) {
    memset(state, 0, sizeof *state);
    satchel_put_u64be(state->seed, seed);
    return (satchel_random){seeded_fill, state};
}

/*
 * One call to the source for a whole batch: its 32 bytes key a ChaCha20 stream that is cut into nonces. A nonce is
 * public; all that it must be is unlike every other, and streams under fresh 256-bit keys are.
 */
static satchel_status nonces_refill(satchel_nonces *nonces, satchel_random random) {
    static const uint8_t zero[crypto_stream_chacha20_NONCEBYTES];
    uint8_t key[crypto_stream_chacha20_KEYBYTES];
    satchel_status status = satchel_random_fill(random, key, sizeof key);
    if (status == SATCHEL_OK && crypto_stream_chacha20(nonces->bytes, sizeof nonces->bytes, zero, key) != 0) {
        status = SATCHEL_RANDOM_FAILED;
    }
    nonces->left = status == SATCHEL_OK ? SATCHEL_NONCE_BATCH : 0;
    sodium_memzero(key, sizeof key);
    return status;
}

static satchel_status next_fresh(satchel_nonces *nonces, satchel_random random, uint8_t out[SATCHEL_NONCE_BYTES]) {
    if (nonces->left == 0) {
        satchel_status status = nonces_refill(nonces, random);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    nonces->left--;
    memcpy(out, nonces->bytes + nonces->left * SATCHEL_NONCE_BYTES, SATCHEL_NONCE_BYTES);
    return SATCHEL_OK;
}

satchel_status satchel_nonces_next(satchel_nonces *nonces, satchel_random random, bool by_epoch,
                                   uint8_t out[SATCHEL_NONCE_BYTES]) {
    uint8_t fresh[SATCHEL_NONCE_BYTES];
    satchel_status status = next_fresh(nonces, random, fresh);
    if (status == SATCHEL_OK && by_epoch && nonces->epoch_left == 0) {
        memcpy(nonces->epoch, fresh, SATCHEL_EPOCH_BYTES);
        nonces->epoch_left = SATCHEL_EPOCH_SEALS_MOST;
    }
    if (status == SATCHEL_OK && by_epoch) {
        memcpy(fresh, nonces->epoch, SATCHEL_EPOCH_BYTES);
        nonces->epoch_left--;
    }
    if (status == SATCHEL_OK) {
        memcpy(out, fresh, sizeof fresh);
    }
    return status;
}
