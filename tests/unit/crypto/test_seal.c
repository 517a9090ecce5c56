/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing: the draft's vector, every flipped bit, lengths, sealed messages and boxes.
 */
#include "base/bytes.h"
#include "base/memory.h"
#include "base/text.h"
#include "crypto/seal.h"
#include "support/random.h"
#include "support/test.h"

#include <string.h>

static void from_hex(const char *hex, uint8_t *out, size_t bytes) {
    REQUIRE_OK(satchel_hex_read(satchel_text_of(hex), out, bytes));
}

static satchel_random seeded(satchel_random_seeded *state) {
    REQUIRE_OK(satchel_crypto_init());
    return satchel_random_from_seed(state, 42);
}

/* draft-irtf-cfrg-xchacha-03, A.3.1 */
static const char vector_plain[] = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
                                   "the future, sunscreen would be it.";

TEST(seal, gives_the_tag_of_the_drafts_vector) {
    uint8_t key[SATCHEL_KEY_BYTES], nonce[SATCHEL_NONCE_BYTES], associated[12], tag[SATCHEL_TAG_BYTES];
    uint8_t expected[SATCHEL_TAG_BYTES], sealed[sizeof vector_plain - 1], start[8];
    from_hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", key, sizeof key);
    from_hex("404142434445464748494a4b4c4d4e4f5051525354555657", nonce, sizeof nonce);
    from_hex("50515253c0c1c2c3c4c5c6c7", associated, sizeof associated);
    from_hex("c0875924c1c7987947deafd8780acf49", expected, sizeof expected);
    from_hex("bd6d179d3e83d43b", start, sizeof start);
    REQUIRE_OK(satchel_seal(SATCHEL_CIPHER_XCHACHA20_POLY1305, key, nonce,
                            satchel_bytes_of(associated, sizeof associated),
                            satchel_bytes_of(vector_plain, sizeof sealed), sealed, tag));
    CHECK_BYTES(satchel_bytes_of(tag, sizeof tag), satchel_bytes_of(expected, sizeof expected));
    CHECK_BYTES(satchel_bytes_of(sealed, sizeof start), satchel_bytes_of(start, sizeof start));
}

TEST(seal, what_was_sealed_opens_in_place_at_any_length) {
    uint8_t key[SATCHEL_KEY_BYTES], nonce[SATCHEL_NONCE_BYTES], tag[SATCHEL_TAG_BYTES];
    uint8_t plain[300], copy[300];
    test_random random = test_random_of(3);
    test_random_bytes(&random, key, sizeof key);
    for (size_t bytes = 0; bytes <= sizeof plain; bytes++) {
        test_random_bytes(&random, nonce, sizeof nonce);
        test_random_bytes(&random, plain, sizeof plain);
        memcpy(copy, plain, sizeof copy);
        satchel_bytes in = satchel_bytes_of(copy, bytes);
        REQUIRE_OK(satchel_seal(SATCHEL_CIPHER_XCHACHA20_POLY1305, key, nonce, in, in, copy, tag));
        CHECK(bytes < 8 || memcmp(copy, plain, bytes) != 0);
        satchel_bytes associated = satchel_bytes_of(plain, bytes);
        REQUIRE_OK(satchel_unseal(SATCHEL_CIPHER_XCHACHA20_POLY1305, key, nonce, associated, in, tag, copy));
        REQUIRE(memcmp(copy, plain, sizeof copy) == 0);
    }
}

TEST(seal, the_roomy_form_gives_the_same_bytes) {
    uint8_t key[SATCHEL_KEY_BYTES], nonce[SATCHEL_NONCE_BYTES], tags[2][SATCHEL_TAG_BYTES];
    static uint8_t plain[1200], sealed[2][1200], opened[1200];
    test_random random = test_random_of(4);
    for (size_t bytes = 0; bytes <= 1100; bytes++) {
        size_t room = (size_t)test_random_below(&random, 100);
        test_random_bytes(&random, key, sizeof key);
        test_random_bytes(&random, nonce, sizeof nonce);
        test_random_bytes(&random, plain, sizeof plain);
        satchel_bytes in = satchel_bytes_of(plain, bytes), associated = satchel_bytes_of(plain + 100, bytes % 77);
        satchel_cipher cipher = SATCHEL_CIPHER_XCHACHA20_POLY1305;
        REQUIRE_OK(satchel_seal(cipher, key, nonce, associated, in, sealed[0], tags[0]));
        REQUIRE_OK(satchel_seal_roomy(cipher, key, nonce, associated, in, room, sealed[1], tags[1]));
        REQUIRE(memcmp(tags[0], tags[1], sizeof tags[0]) == 0);
        REQUIRE(memcmp(sealed[0], sealed[1], bytes) == 0);
        satchel_bytes out = satchel_bytes_of(sealed[0], bytes);
        REQUIRE_OK(satchel_unseal_roomy(cipher, key, nonce, associated, out, room, tags[0], opened));
        REQUIRE(memcmp(opened, plain, bytes) == 0);
        tags[0][bytes % 16] ^= 0x10;
        REQUIRE_STATUS(satchel_unseal_roomy(cipher, key, nonce, associated, out, room, tags[0], opened),
                       SATCHEL_DAMAGED);
    }
}

TEST(seal, an_unknown_cipher_is_refused) {
    uint8_t key[SATCHEL_KEY_BYTES] = {0}, nonce[SATCHEL_NONCE_BYTES] = {0}, tag[SATCHEL_TAG_BYTES] = {0}, data[1];
    satchel_bytes none = {NULL, 0};
    satchel_cipher unknown = (satchel_cipher)4;
    CHECK(satchel_cipher_known(SATCHEL_CIPHER_XCHACHA20_POLY1305));
    CHECK(!satchel_cipher_known(0));
    CHECK(!satchel_cipher_known(4));
    CHECK_STATUS(satchel_seal(unknown, key, nonce, none, none, data, tag), SATCHEL_UNSUPPORTED);
    CHECK_STATUS(satchel_unseal(unknown, key, nonce, none, none, tag, data), SATCHEL_UNSUPPORTED);
    CHECK_STATUS(satchel_seal_roomy(unknown, key, nonce, none, none, 0, data, tag), SATCHEL_UNSUPPORTED);
    CHECK_STATUS(satchel_unseal_roomy(unknown, key, nonce, none, none, 0, tag, data), SATCHEL_UNSUPPORTED);
}

typedef struct message_fixture {
    uint8_t key[SATCHEL_KEY_BYTES];
    satchel_random_seeded seed;
    satchel_random random;
    satchel_bytes associated;
    satchel_bytes plain;
    satchel_buffer sealed;
} message_fixture;

static void message_make(message_fixture *fixture, const char *plain) {
    memset(fixture, 0, sizeof *fixture);
    fixture->random = seeded(&fixture->seed);
    fixture->key[0] = 9;
    fixture->associated = satchel_text_bytes(satchel_text_of("op 17"));
    fixture->plain = satchel_text_bytes(satchel_text_of(plain));
    REQUIRE_OK(
        satchel_seal_message(fixture->key, fixture->random, fixture->associated, fixture->plain, &fixture->sealed));
}

TEST(message, carries_nonce_and_tag_and_opens) {
    message_fixture fixture;
    satchel_buffer out = {0};
    message_make(&fixture, "华宁 +20 cases");
    CHECK_UINT(fixture.sealed.bytes, fixture.plain.bytes + SATCHEL_SEAL_OVERHEAD_BYTES);
    REQUIRE_OK(satchel_unseal_message(fixture.key, fixture.associated, satchel_buffer_view(&fixture.sealed), &out));
    CHECK_BYTES(satchel_buffer_view(&out), fixture.plain);
    satchel_buffer_deinit(&out);
    satchel_buffer_deinit(&fixture.sealed);
}

TEST(message, may_be_empty) {
    message_fixture fixture;
    satchel_buffer out = {0};
    message_make(&fixture, "");
    REQUIRE_OK(satchel_unseal_message(fixture.key, fixture.associated, satchel_buffer_view(&fixture.sealed), &out));
    CHECK_UINT(out.bytes, 0);
    satchel_buffer_deinit(&out);
    satchel_buffer_deinit(&fixture.sealed);
}

TEST(message, every_flipped_bit_and_every_cut_is_damage) {
    message_fixture fixture;
    satchel_buffer out = {0};
    message_make(&fixture, "visit");
    satchel_bytes sealed = satchel_buffer_view(&fixture.sealed);
    for (size_t bit = 0; bit < 8 * sealed.bytes; bit++) {
        fixture.sealed.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK_STATUS(satchel_unseal_message(fixture.key, fixture.associated, sealed, &out), SATCHEL_DAMAGED);
        fixture.sealed.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t bytes = 0; bytes < sealed.bytes; bytes++) {
        satchel_bytes cut = {sealed.data, bytes};
        CHECK_STATUS(satchel_unseal_message(fixture.key, fixture.associated, cut, &out), SATCHEL_DAMAGED);
    }
    CHECK_STATUS(satchel_unseal_message(fixture.key, fixture.plain, sealed, &out), SATCHEL_DAMAGED);
    CHECK_UINT(out.bytes, 0);
    satchel_buffer_deinit(&out);
    satchel_buffer_deinit(&fixture.sealed);
}

TEST(message, the_same_plain_text_twice_has_no_equal_block) {
    message_fixture fixture;
    message_make(&fixture, "the same words twice");
    REQUIRE_OK(satchel_seal_message(fixture.key, fixture.random, fixture.associated, fixture.plain, &fixture.sealed));
    size_t half = fixture.sealed.bytes / 2;
    for (size_t at = 0; at + 8 <= half; at += 8) {
        CHECK(memcmp(fixture.sealed.data + at, fixture.sealed.data + half + at, 8) != 0);
    }
    satchel_buffer_deinit(&fixture.sealed);
}

TEST(message, a_failed_random_source_or_heap_leaves_the_output_alone) {
    message_fixture fixture;
    satchel_buffer fresh = {0};
    message_make(&fixture, "note");
    size_t bytes = fixture.sealed.bytes;
    fixture.seed.limited = true;
    CHECK_STATUS(satchel_seal_message(fixture.key, fixture.random, fixture.associated, fixture.plain, &fixture.sealed),
                 SATCHEL_RANDOM_FAILED);
    CHECK_UINT(fixture.sealed.bytes, bytes);
    satchel_memory_fail_at(1, 1);
    satchel_status status =
        satchel_unseal_message(fixture.key, fixture.associated, satchel_buffer_view(&fixture.sealed), &fresh);
    satchel_memory_fail_at(0, 0);
    CHECK_STATUS(status, SATCHEL_NO_MEMORY);
    CHECK_UINT(fresh.bytes, 0);
    satchel_buffer_deinit(&fixture.sealed);
}

/* RFC 7748, 5.2: the first of the iterated products has scalar and point 9, which is the base point. */
TEST(box, the_public_key_is_that_of_rfc_7748) {
    uint8_t seed[SATCHEL_KEY_BYTES] = {9}, expected[SATCHEL_BOX_PUBLIC_BYTES], got[SATCHEL_BOX_PUBLIC_BYTES];
    from_hex("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079", expected, sizeof expected);
    satchel_box_public(seed, got);
    CHECK_BYTES(satchel_bytes_of(got, sizeof got), satchel_bytes_of(expected, sizeof expected));
}

TEST(box, opens_for_the_owner_of_the_seed_alone) {
    uint8_t seed[SATCHEL_KEY_BYTES] = {0, 1}, other[SATCHEL_KEY_BYTES] = {0, 2}, owner[SATCHEL_BOX_PUBLIC_BYTES];
    satchel_random_seeded state;
    satchel_buffer box = {0}, out = {0};
    satchel_bytes plain = satchel_text_bytes(satchel_text_of("from the share sheet"));
    satchel_random random = seeded(&state);
    satchel_box_public(seed, owner);
    REQUIRE_OK(satchel_box_seal(owner, random, plain, plain, &box));
    CHECK_UINT(box.bytes, plain.bytes + SATCHEL_BOX_OVERHEAD_BYTES);
    CHECK_STATUS(satchel_box_open(other, plain, satchel_buffer_view(&box), &out), SATCHEL_DAMAGED);
    REQUIRE_OK(satchel_box_open(seed, plain, satchel_buffer_view(&box), &out));
    CHECK_BYTES(satchel_buffer_view(&out), plain);
    satchel_buffer_deinit(&box);
    satchel_buffer_deinit(&out);
}

TEST(box, every_flipped_bit_and_every_cut_is_damage) {
    uint8_t seed[SATCHEL_KEY_BYTES] = {1}, owner[SATCHEL_BOX_PUBLIC_BYTES];
    satchel_random_seeded state;
    satchel_buffer box = {0}, out = {0};
    satchel_bytes plain = satchel_text_bytes(satchel_text_of("n")), none = {NULL, 0};
    satchel_random random = seeded(&state);
    satchel_box_public(seed, owner);
    REQUIRE_OK(satchel_box_seal(owner, random, none, plain, &box));
    satchel_bytes view = satchel_buffer_view(&box);
    for (size_t bit = 0; bit < 8 * box.bytes; bit++) {
        box.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK_STATUS(satchel_box_open(seed, none, view, &out), SATCHEL_DAMAGED);
        box.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t bytes = 0; bytes < view.bytes; bytes++) {
        CHECK_STATUS(satchel_box_open(seed, none, satchel_bytes_of(view.data, bytes), &out), SATCHEL_DAMAGED);
    }
    satchel_buffer_deinit(&box);
    satchel_buffer_deinit(&out);
}

TEST(box, a_public_key_of_small_order_is_refused) {
    uint8_t zero[SATCHEL_BOX_PUBLIC_BYTES] = {0};
    satchel_random_seeded state;
    satchel_buffer box = {0};
    satchel_bytes none = {NULL, 0};
    satchel_random random = seeded(&state);
    CHECK_STATUS(satchel_box_seal(zero, random, none, none, &box), SATCHEL_INVALID_ARGUMENT);
    state.limited = true;
    CHECK_STATUS(satchel_box_seal(zero, random, none, none, &box), SATCHEL_RANDOM_FAILED);
    CHECK_UINT(box.bytes, 0);
    satchel_buffer_deinit(&box);
}
