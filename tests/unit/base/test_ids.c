/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids: the layout of version 7, order, and the text form.
 */
#include "base/bytes.h"
#include "base/ids.h"
#include "base/text.h"
#include "support/random.h"
#include "support/test.h"

#include <string.h>

static const uint8_t ones[SATCHEL_ID_RANDOM_BYTES] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
static const uint8_t zeros[SATCHEL_ID_RANDOM_BYTES] = {0};

static const char *text_of(const satchel_id *id) {
    static char text[SATCHEL_ID_TEXT_BYTES];
    satchel_id_write(id, text);
    return text;
}

/* The example of RFC 9562, appendix A.6. */
TEST(ids, the_example_of_the_standard) {
    static const uint8_t random[SATCHEL_ID_RANDOM_BYTES] = {0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
    satchel_id id = satchel_id_make(INT64_C(1645557742000), random);
    CHECK_TEXT(text_of(&id), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

TEST(ids, version_and_variant_hold_for_any_randomness) {
    satchel_id high = satchel_id_make(0, ones);
    satchel_id low = satchel_id_make(0, zeros);
    CHECK_TEXT(text_of(&high), "00000000-0000-7fff-bfff-ffffffffffff");
    CHECK_TEXT(text_of(&low), "00000000-0000-7000-8000-000000000000");
    CHECK(!satchel_id_is_none(&low));
}

TEST(ids, time_is_clamped_to_48_bits) {
    static const struct {
        int64_t unix_ms;
        const char *text;
    } cases[] = {
        {-1, "00000000-0000-7000-8000-000000000000"},
        {INT64_MIN, "00000000-0000-7000-8000-000000000000"},
        {INT64_C(0xffffffffffff), "ffffffff-ffff-7000-8000-000000000000"},
        {INT64_C(0x1000000000000), "ffffffff-ffff-7000-8000-000000000000"},
        {INT64_MAX, "ffffffff-ffff-7000-8000-000000000000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_id id = satchel_id_make(cases[i].unix_ms, zeros);
        CHECK_TEXT(text_of(&id), cases[i].text);
    }
}

TEST(ids, a_later_id_sorts_behind_an_earlier_one) {
    test_random random = test_random_of(31);
    for (int i = 0; i < 100000; i++) {
        uint8_t bytes[2 * SATCHEL_ID_RANDOM_BYTES];
        int64_t unix_ms = test_random_between(&random, 0, INT64_C(0xfffffffffffe));
        test_random_bytes(&random, bytes, sizeof bytes);
        satchel_id early = satchel_id_make(unix_ms, bytes);
        satchel_id late = satchel_id_make(unix_ms + 1, bytes + SATCHEL_ID_RANDOM_BYTES);
        REQUIRE(satchel_id_compare(&early, &late) == -1);
        REQUIRE(satchel_id_compare(&late, &early) == 1);
        REQUIRE(satchel_id_compare(&late, &late) == 0);
        REQUIRE(!satchel_id_equal(&early, &late));
    }
}

TEST(ids, any_id_comes_back_from_its_text) {
    test_random random = test_random_of(32);
    for (int i = 0; i < 100000; i++) {
        char text[SATCHEL_ID_TEXT_BYTES];
        satchel_id id = test_random_id(&random);
        satchel_id back;
        satchel_id_write(&id, text);
        REQUIRE_OK(satchel_id_read(satchel_text_of(text), &back));
        REQUIRE(satchel_id_equal(&id, &back));
    }
}

TEST(ids, text_is_read_with_hyphens_or_without_and_in_both_cases) {
    satchel_id first;
    satchel_id second;
    CHECK_OK(satchel_id_read(satchel_text_of("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), &first));
    CHECK_OK(satchel_id_read(satchel_text_of("017f22e279b07cc398c4dc0c0c07398f"), &second));
    CHECK_ID(&first, &second);
}

TEST(ids, other_texts_are_refused_and_change_nothing) {
    static const char *const cases[] = {
        "",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",   /* one digit less */
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0", /* one more */
        "017f22e279b0-7cc3-98c4-dc0c0c07398f00", /* a hyphen less */
        "017f22e2-79b0-7cc3-98c4dc0c0c07398f-",  /* in another place */
        "017f22e2_79b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "g17f22e279b07cc398c4dc0c0c07398f",
        " 17f22e279b07cc398c4dc0c0c07398f",
        "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
    };
    satchel_id none = {{0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_id id = none;
        test_note("\"%s\"", cases[i]);
        CHECK_STATUS(satchel_id_read(satchel_text_of(cases[i]), &id), SATCHEL_MALFORMED);
        CHECK(satchel_id_is_none(&id));
    }
}

TEST(ids, only_sixteen_bytes_are_an_id) {
    static const uint8_t bytes[17] = {1};
    satchel_id id = {{0}};
    CHECK_STATUS(satchel_id_from(satchel_bytes_of(bytes, 15), &id), SATCHEL_MALFORMED);
    CHECK_STATUS(satchel_id_from(satchel_bytes_of(bytes, 17), &id), SATCHEL_MALFORMED);
    CHECK_STATUS(satchel_id_from(satchel_bytes_of(NULL, 0), &id), SATCHEL_MALFORMED);
    CHECK(satchel_id_is_none(&id));
    CHECK_OK(satchel_id_from(satchel_bytes_of(bytes, 16), &id));
    CHECK_BYTES(satchel_id_view(&id), satchel_bytes_of(bytes, 16));
}

TEST(ids, the_id_behind_one_counts_its_last_bytes_and_keeps_its_form) {
    const uint8_t random[SATCHEL_ID_RANDOM_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
    const satchel_id first = satchel_id_make(1, random);
    const satchel_id last = satchel_id_after(&first);
    const satchel_id again = satchel_id_after(&last);
    CHECK_INT(memcmp(first.bytes, last.bytes, 15), 0);
    CHECK_UINT(last.bytes[15], 0xff);
    CHECK(satchel_id_compare(&last, &first) > 0);
    CHECK_INT(memcmp(first.bytes, again.bytes, 9), 0); /* time, version and variant never change */
    for (int i = 9; i < SATCHEL_ID_BYTES; i++) {
        CHECK_UINT(again.bytes[i], 0);
    }
}
