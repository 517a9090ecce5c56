/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures, derived keys, randomness and locked memory.
 */
#include "base/bytes.h"
#include "base/memory.h"
#include "base/text.h"
#include "crypto/derive.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "crypto/sign.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

static void from_hex(const char *hex, uint8_t *out, size_t bytes) {
    REQUIRE_OK(satchel_hex_read(satchel_text_of(hex), out, bytes));
}

/* RFC 8032, 7.1, test 1: the empty message. */
TEST(sign, gives_the_signature_of_the_rfc) {
    uint8_t seed[SATCHEL_KEY_BYTES], public_key[SATCHEL_SIGN_PUBLIC_BYTES], secret[SATCHEL_SIGN_SECRET_BYTES];
    uint8_t expected_key[SATCHEL_SIGN_PUBLIC_BYTES], expected[SATCHEL_SIGNATURE_BYTES], got[SATCHEL_SIGNATURE_BYTES];
    from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", seed, sizeof seed);
    from_hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", expected_key, sizeof expected_key);
    from_hex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5"
             "f0595bbe24655141438e7a100b",
             expected, sizeof expected);
    REQUIRE_OK(satchel_crypto_init());
    satchel_sign_keys(seed, public_key, secret);
    satchel_sign_make(secret, (satchel_bytes){NULL, 0}, got);
    CHECK_BYTES(satchel_bytes_of(public_key, sizeof public_key), satchel_bytes_of(expected_key, sizeof expected_key));
    CHECK_BYTES(satchel_bytes_of(got, sizeof got), satchel_bytes_of(expected, sizeof expected));
    CHECK_OK(satchel_sign_check(public_key, (satchel_bytes){NULL, 0}, got));
}

TEST(sign, every_flipped_bit_is_seen) {
    uint8_t seed[SATCHEL_KEY_BYTES] = {5}, public_key[SATCHEL_SIGN_PUBLIC_BYTES], secret[SATCHEL_SIGN_SECRET_BYTES];
    uint8_t signature[SATCHEL_SIGNATURE_BYTES];
    satchel_bytes message = satchel_text_bytes(satchel_text_of("POST /v1/sync"));
    satchel_bytes other = satchel_text_bytes(satchel_text_of("POST /v1/synd"));
    satchel_sign_keys(seed, public_key, secret);
    satchel_sign_make(secret, message, signature);
    for (size_t bit = 0; bit < 8 * sizeof signature; bit++) {
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK_STATUS(satchel_sign_check(public_key, message, signature), SATCHEL_UNAUTHENTICATED);
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CHECK_OK(satchel_sign_check(public_key, message, signature));
    CHECK_STATUS(satchel_sign_check(public_key, other, signature), SATCHEL_UNAUTHENTICATED);
    public_key[3] ^= 1;
    CHECK_STATUS(satchel_sign_check(public_key, message, signature), SATCHEL_UNAUTHENTICATED);
}

/* Expected: BLAKE2b by Python's hashlib with salt = number, little-endian, and personal = context. */
TEST(derive, a_subkey_is_that_of_crypto_kdf) {
    uint8_t master[SATCHEL_KEY_BYTES], got[SATCHEL_KEY_BYTES], expected[SATCHEL_KEY_BYTES];
    static const char context[SATCHEL_DERIVE_CONTEXT_BYTES] = {'s', 'a', 't', 'c', 'h', 'e', 'l', '1'};
    for (unsigned i = 0; i < sizeof master; i++) {
        master[i] = (uint8_t)i;
    }
    from_hex("ebe20e22c072839f35bba78d9f84aabd0db2a5af84df57d12b24b2005f6d335c", expected, sizeof expected);
    satchel_derive_subkey(master, 7, context, got);
    CHECK_BYTES(satchel_bytes_of(got, sizeof got), satchel_bytes_of(expected, sizeof expected));
    satchel_derive_subkey(master, 8, context, got);
    CHECK(memcmp(got, expected, sizeof got) != 0);
}

TEST(derive, a_pin_gives_the_same_key_for_ever) {
    uint8_t salt[SATCHEL_SALT_BYTES] = {1, 2, 3}, got[SATCHEL_KEY_BYTES], expected[SATCHEL_KEY_BYTES];
    from_hex("4f68ba7e17df0d1e18499b8ac886a2ce9fcac44fb3fa5f060c0805bed4148869", expected, sizeof expected);
    REQUIRE_OK(satchel_derive_from_pin(satchel_text_of("135790"), salt, 2, 19456, got));
    CHECK_BYTES(satchel_bytes_of(got, sizeof got), satchel_bytes_of(expected, sizeof expected));
    salt[0] = 2;
    REQUIRE_OK(satchel_derive_from_pin(satchel_text_of("135790"), salt, 2, 19456, got));
    CHECK(memcmp(got, expected, sizeof got) != 0);
}

TEST(derive, costs_outside_the_algorithm_are_refused) {
    uint8_t salt[SATCHEL_SALT_BYTES] = {0}, got[SATCHEL_KEY_BYTES];
    CHECK_STATUS(satchel_derive_from_pin(satchel_text_of("1"), salt, 0, 19456, got), SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_derive_from_pin(satchel_text_of("1"), salt, 2, 7, got), SATCHEL_INVALID_ARGUMENT);
    CHECK_OK(satchel_derive_from_pin(satchel_text_of("1"), salt, 1, 8, got));
}

TEST(random, the_system_source_fills_and_does_not_repeat) {
    uint8_t first[1000] = {0}, second[1000] = {0};
    REQUIRE_OK(satchel_random_fill(satchel_random_system(), first, sizeof first));
    REQUIRE_OK(satchel_random_fill(satchel_random_system(), second, sizeof second));
    for (size_t at = 0; at + 16 <= sizeof first; at += 16) {
        CHECK(memcmp(first + at, second + at, 16) != 0);
    }
}

TEST(random, a_seed_repeats_and_a_limit_fails) {
    satchel_random_seeded one, two;
    uint8_t first[40], second[40], zeros[40] = {0};
    satchel_random a = satchel_random_from_seed(&one, 7);
    satchel_random b = satchel_random_from_seed(&two, 7);
    for (int call = 0; call < 3; call++) {
        REQUIRE_OK(satchel_random_fill(a, first, sizeof first));
        REQUIRE_OK(satchel_random_fill(b, second, sizeof second));
        CHECK(memcmp(first, second, sizeof first) == 0);
    }
    two.limited = true;
    two.fails_after = 4;
    CHECK_OK(satchel_random_fill(b, second, sizeof second));
    CHECK(memcmp(first, second, sizeof first) != 0);
    CHECK_STATUS(satchel_random_fill(b, second, sizeof second), SATCHEL_RANDOM_FAILED);
    CHECK(memcmp(second, zeros, sizeof second) == 0);
}

static int compare_nonces(const void *a, const void *b) {
    return memcmp(a, b, SATCHEL_NONCE_BYTES);
}

TEST(random, no_nonce_comes_twice) {
    enum { COUNT = 20000 };
    static uint8_t seen[COUNT][SATCHEL_NONCE_BYTES];
    static satchel_nonces nonces;
    for (size_t i = 0; i < COUNT; i++) {
        REQUIRE_OK(satchel_nonces_next(&nonces, satchel_random_system(), false, seen[i]));
    }
    qsort(seen, COUNT, sizeof seen[0], compare_nonces);
    for (size_t i = 1; i < COUNT; i++) {
        REQUIRE(memcmp(seen[i - 1], seen[i], SATCHEL_NONCE_BYTES) != 0);
    }
}

TEST(random, an_epoch_ends_after_its_most_nonces) {
    satchel_random_seeded state;
    satchel_random random = satchel_random_from_seed(&state, 2);
    static satchel_nonces nonces;
    uint8_t first[SATCHEL_NONCE_BYTES], next[SATCHEL_NONCE_BYTES];
    REQUIRE_OK(satchel_nonces_next(&nonces, random, true, first));
    for (uint32_t i = 1; i < SATCHEL_EPOCH_SEALS_MOST; i++) {
        REQUIRE_OK(satchel_nonces_next(&nonces, random, true, next));
        REQUIRE(memcmp(next, first, SATCHEL_EPOCH_BYTES) == 0);
        REQUIRE(memcmp(next + SATCHEL_EPOCH_BYTES, first + SATCHEL_EPOCH_BYTES, 12) != 0);
    }
    REQUIRE_OK(satchel_nonces_next(&nonces, random, true, next)); /* one past it */
    CHECK(memcmp(next, first, SATCHEL_EPOCH_BYTES) != 0);
    satchel_nonces again = {0}; /* a new opening */
    REQUIRE_OK(satchel_nonces_next(&again, random, true, first));
    CHECK(memcmp(next, first, SATCHEL_EPOCH_BYTES) != 0);
}

TEST(random, nonces_end_with_the_source) {
    satchel_random_seeded state;
    satchel_nonces nonces = {0};
    uint8_t nonce[SATCHEL_NONCE_BYTES];
    satchel_random random = satchel_random_from_seed(&state, 1);
    state.limited = true;
    state.fails_after = 1;
    for (int i = 0; i < SATCHEL_NONCE_BATCH; i++) {
        REQUIRE_OK(satchel_nonces_next(&nonces, random, false, nonce));
    }
    CHECK_STATUS(satchel_nonces_next(&nonces, random, false, nonce), SATCHEL_RANDOM_FAILED);
    CHECK_STATUS(satchel_nonces_next(&nonces, random, false, nonce), SATCHEL_RANDOM_FAILED);
}

TEST(secret, is_zeroed_compared_and_wiped) {
    uint8_t same[32] = {0};
    REQUIRE_OK(satchel_crypto_init());
    uint8_t *block = satchel_secret_take(32);
    REQUIRE(block != NULL);
    CHECK(satchel_secret_equal(block, same, sizeof same));
    for (size_t at = 0; at < sizeof same; at++) {
        same[at] = 1;
        CHECK(!satchel_secret_equal(block, same, sizeof same));
        satchel_secret_wipe(same, sizeof same);
        CHECK_UINT(same[at], 0);
    }
    satchel_secret_give(block);
    satchel_secret_give(NULL);
}

TEST(secret, memory_that_runs_out_gives_none) {
    REQUIRE_OK(satchel_crypto_init());
    satchel_memory_fail_at(1, 1);
    void *block = satchel_secret_take(32);
    satchel_memory_fail_at(0, 0);
    CHECK(block == NULL);
}
