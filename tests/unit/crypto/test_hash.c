/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes, MACs and derived ids against published vectors and against values computed by another implementation
 * (Python's hashlib).
 */
#include "base/bytes.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/mac.h"
#include "support/random.h"
#include "support/test.h"

#include <string.h>

static satchel_bytes text(const char *zero_terminated) {
    return satchel_text_bytes(satchel_text_of(zero_terminated));
}

static void check_hex(const uint8_t *got, size_t bytes, const char *expected) {
    char hex[2 * 64 + 1];
    satchel_hex_write(satchel_bytes_of(got, bytes), hex);
    CHECK_TEXT(hex, expected);
}

static void counting_key(uint8_t key[SATCHEL_KEY_BYTES]) {
    for (unsigned i = 0; i < SATCHEL_KEY_BYTES; i++) {
        key[i] = (uint8_t)i;
    }
}

TEST(hash, blake2b_and_sha256_give_the_published_values) {
    uint8_t hash[SATCHEL_HASH_BYTES];
    satchel_hash_of(text("abc"), hash);
    check_hex(hash, sizeof hash, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    satchel_hash_of((satchel_bytes){NULL, 0}, hash);
    check_hex(hash, sizeof hash, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    satchel_sha256_of(text("abc"), hash);
    check_hex(hash, sizeof hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    satchel_sha256_of((satchel_bytes){NULL, 0}, hash);
    check_hex(hash, sizeof hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(hash, a_keyed_hash_is_blake2b_with_its_key) {
    uint8_t key[SATCHEL_KEY_BYTES];
    uint8_t hash[SATCHEL_HASH_BYTES];
    satchel_hash state;
    counting_key(key);
    satchel_hash_begin_keyed(&state, satchel_bytes_of(key, sizeof key));
    satchel_hash_add(&state, text("abc"));
    satchel_hash_end(&state, hash);
    check_hex(hash, sizeof hash, "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f");
}

TEST(hash, pieces_give_the_hash_of_the_whole) {
    uint8_t data[700];
    test_random random = test_random_of(1);
    test_random_bytes(&random, data, sizeof data);
    for (int round = 0; round < 2000; round++) {
        size_t bytes = (size_t)test_random_below(&random, sizeof data);
        size_t cut = (size_t)test_random_below(&random, bytes + 1);
        uint8_t whole[SATCHEL_HASH_BYTES];
        uint8_t pieces[SATCHEL_HASH_BYTES];
        satchel_hash hash;
        satchel_hash_begin(&hash);
        satchel_hash_add(&hash, satchel_bytes_of(data, cut));
        satchel_hash_add(&hash, satchel_bytes_of(data + cut, bytes - cut));
        satchel_hash_end(&hash, pieces);
        satchel_hash_of(satchel_bytes_of(data, bytes), whole);
        REQUIRE(memcmp(whole, pieces, sizeof whole) == 0);
    }
}

TEST(hash, sha256_pieces_give_the_hash_of_the_whole) {
    uint8_t data[300];
    test_random random = test_random_of(2);
    test_random_bytes(&random, data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut++) {
        uint8_t whole[SATCHEL_HASH_BYTES];
        uint8_t pieces[SATCHEL_HASH_BYTES];
        satchel_sha256 hash;
        satchel_sha256_begin(&hash);
        satchel_sha256_add(&hash, satchel_bytes_of(data, cut));
        satchel_sha256_add(&hash, satchel_bytes_of(data + cut, sizeof data - cut));
        satchel_sha256_end(&hash, pieces);
        satchel_sha256_of(satchel_bytes_of(data, sizeof data), whole);
        REQUIRE(memcmp(whole, pieces, sizeof whole) == 0);
    }
}

TEST(hash, the_state_is_wiped_at_the_end) {
    uint8_t out[SATCHEL_HASH_BYTES];
    satchel_hash hash;
    const uint8_t *state = (const uint8_t *)&hash;
    satchel_hash_begin(&hash);
    satchel_hash_add(&hash, text("secret"));
    satchel_hash_end(&hash, out);
    for (size_t at = 0; at < sizeof hash; at++) {
        REQUIRE_UINT(state[at], 0);
    }
}

TEST(hash, parts_of_another_cut_give_another_hash) {
    uint8_t first[SATCHEL_HASH_BYTES];
    uint8_t second[SATCHEL_HASH_BYTES];
    satchel_hash hash;
    satchel_hash_begin(&hash);
    satchel_hash_add_part(&hash, text("ab"));
    satchel_hash_add_part(&hash, text("c"));
    satchel_hash_end(&hash, first);
    satchel_hash_begin(&hash);
    satchel_hash_add_part(&hash, text("a"));
    satchel_hash_add_part(&hash, text("bc"));
    satchel_hash_end(&hash, second);
    CHECK(memcmp(first, second, sizeof first) != 0);
}

TEST(hash, an_id_follows_from_its_parts) {
    satchel_bytes parts[] = {text("plan-1"), text("2026-11-21")};
    satchel_bytes joined[] = {text("plan-12026-11-21")};
    satchel_id id = satchel_id_derive("visit", parts, 2);
    satchel_id other = satchel_id_derive("visit", joined, 1);
    satchel_id elsewhere = satchel_id_derive("task", parts, 2);
    check_hex(id.bytes, sizeof id.bytes, "e8e6df2337b5d01061ecfb04e1ca1f1b");
    CHECK(memcmp(&id, &other, sizeof id) != 0);
    CHECK(memcmp(&id, &elsewhere, sizeof id) != 0);
}

TEST(mac, a_mac_is_keyed_blake2b_over_context_and_parts) {
    uint8_t key[SATCHEL_KEY_BYTES];
    uint8_t mac[SATCHEL_MAC_BYTES];
    satchel_bytes parts[] = {text("a"), text("bc")};
    counting_key(key);
    REQUIRE_OK(satchel_mac_make(satchel_bytes_of(key, sizeof key), "enrol", parts, 2, mac));
    check_hex(mac, sizeof mac, "6d4fffd0c4f7b97981a6d0f326f339707c8a7b171f48746ec014873cf4587560");
    CHECK_OK(satchel_mac_check(satchel_bytes_of(key, sizeof key), "enrol", parts, 2, mac));
}

TEST(mac, every_flipped_bit_is_seen) {
    uint8_t key[SATCHEL_KEY_BYTES];
    uint8_t mac[SATCHEL_MAC_BYTES];
    satchel_bytes parts[] = {text("a")};
    counting_key(key);
    satchel_bytes key_bytes = satchel_bytes_of(key, sizeof key);
    REQUIRE_OK(satchel_mac_make(key_bytes, "enrol", parts, 1, mac));
    for (size_t bit = 0; bit < 8 * sizeof mac; bit++) {
        mac[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK_STATUS(satchel_mac_check(key_bytes, "enrol", parts, 1, mac), SATCHEL_UNAUTHENTICATED);
        mac[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CHECK_STATUS(satchel_mac_check(key_bytes, "other", parts, 1, mac), SATCHEL_UNAUTHENTICATED);
}

TEST(mac, keys_have_16_to_64_bytes) {
    static const struct {
        size_t bytes;
        satchel_status status;
    } cases[] = {{0, SATCHEL_INVALID_ARGUMENT},
                 {15, SATCHEL_INVALID_ARGUMENT},
                 {16, SATCHEL_OK},
                 {64, SATCHEL_OK},
                 {65, SATCHEL_INVALID_ARGUMENT}};
    uint8_t key[65] = {0};
    uint8_t mac[SATCHEL_MAC_BYTES];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_bytes key_bytes = satchel_bytes_of(key, cases[i].bytes);
        CHECK_STATUS(satchel_mac_make(key_bytes, "x", NULL, 0, mac), cases[i].status);
        CHECK_STATUS(satchel_mac_check(key_bytes, "x", NULL, 0, mac), cases[i].status);
    }
}
