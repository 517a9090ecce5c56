/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimal numbers as text.
 */
#include "base/text.h"
#include "support/random.h"
#include "support/test.h"

#include <inttypes.h>

typedef struct number_case {
    const char *text;
    unsigned scale;
    satchel_status status;
    int64_t value;
} number_case;

static const number_case numbers[] = {
    {"0", 0, SATCHEL_OK, 0},
    {"-0", 0, SATCHEL_OK, 0},
    {"+7", 0, SATCHEL_OK, 7},
    {"007", 0, SATCHEL_OK, 7},
    {"9223372036854775807", 0, SATCHEL_OK, INT64_MAX},
    {"9223372036854775808", 0, SATCHEL_OUT_OF_RANGE, 0},
    {"-9223372036854775808", 0, SATCHEL_OK, INT64_MIN},
    {"-9223372036854775809", 0, SATCHEL_OUT_OF_RANGE, 0},
    {"99999999999999999999999", 0, SATCHEL_OUT_OF_RANGE, 0},
    {"", 0, SATCHEL_MALFORMED, 0},
    {"+", 0, SATCHEL_MALFORMED, 0},
    {"-", 0, SATCHEL_MALFORMED, 0},
    {"--1", 0, SATCHEL_MALFORMED, 0},
    {" 1", 0, SATCHEL_MALFORMED, 0},
    {"1 ", 0, SATCHEL_MALFORMED, 0},
    {"1.0", 0, SATCHEL_MALFORMED, 0},
    {"0x10", 0, SATCHEL_MALFORMED, 0},
    {"1e3", 0, SATCHEL_MALFORMED, 0},
    {"１", 0, SATCHEL_MALFORMED, 0}, /* a full-width digit */
    {"12.5", 2, SATCHEL_OK, 1250},
    {"12.50", 2, SATCHEL_OK, 1250},
    {"12.500", 2, SATCHEL_OK, 1250},
    {"12.501", 2, SATCHEL_MALFORMED, 0},
    {"-12.05", 2, SATCHEL_OK, -1205},
    {"-0.01", 2, SATCHEL_OK, -1},
    {"0.1", 1, SATCHEL_OK, 1},
    {"3", 9, SATCHEL_OK, INT64_C(3000000000)},
    {"3", 10, SATCHEL_OUT_OF_RANGE, 0},
    {".5", 2, SATCHEL_MALFORMED, 0},
    {"5.", 2, SATCHEL_MALFORMED, 0},
    {"1.2.3", 2, SATCHEL_MALFORMED, 0},
    {"1,5", 2, SATCHEL_MALFORMED, 0},
    {"92233720368547758.07", 2, SATCHEL_OK, INT64_MAX},
    {"92233720368547758.08", 2, SATCHEL_OUT_OF_RANGE, 0},
    {"-92233720368547758.08", 2, SATCHEL_OK, INT64_MIN},
    {"-92233720368547758.09", 2, SATCHEL_OUT_OF_RANGE, 0},
    {"92233720368547759", 2, SATCHEL_OUT_OF_RANGE, 0},
};

TEST(numbers, texts_are_read_exactly_or_refused) {
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const number_case *expected = &numbers[i];
        int64_t value = 0;
        test_note("\"%s\" with scale %u", expected->text, expected->scale);
        CHECK_STATUS(satchel_text_to_fixed(satchel_text_of(expected->text), expected->scale, &value), expected->status);
        CHECK_INT(value, expected->value);
    }
}

TEST(numbers, integers_are_fixed_point_of_scale_zero) {
    int64_t value = 5;
    CHECK_OK(satchel_text_to_int(satchel_text_of("-42"), &value));
    CHECK_INT(value, -42);
    CHECK_STATUS(satchel_text_to_int(satchel_text_of("4.2"), &value), SATCHEL_MALFORMED);
    CHECK_STATUS(satchel_text_to_int((satchel_text){NULL, 0}, &value), SATCHEL_MALFORMED);
    CHECK_STATUS(satchel_text_to_int((satchel_text){"1\0002", 3}, &value), SATCHEL_MALFORMED);
    CHECK_INT(value, -42);
}

TEST(numbers, values_are_written_with_all_digits_of_the_scale) {
    static const struct {
        int64_t value;
        unsigned scale;
        const char *text;
    } cases[] = {
        {0, 0, "0"},
        {0, 2, "0.00"},
        {1250, 2, "12.50"},
        {-1, 2, "-0.01"},
        {5, 1, "0.5"},
        {100, 2, "1.00"},
        {INT64_MAX, 0, "9223372036854775807"},
        {INT64_MIN, 0, "-9223372036854775808"},
        {INT64_MIN, 2, "-92233720368547758.08"},
        {INT64_MIN, 9, "-9223372036.854775808"},
        {7, 9, "0.000000007"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[SATCHEL_FIXED_TEXT_BYTES];
        satchel_text_from_fixed(cases[i].value, cases[i].scale, text);
        CHECK_TEXT(text, cases[i].text);
    }
}

TEST(numbers, any_value_comes_back_at_any_scale) {
    test_random random = test_random_of(51);
    for (int i = 0; i < 100000; i++) {
        char text[SATCHEL_FIXED_TEXT_BYTES];
        int64_t back = 0;
        int64_t value = (int64_t)(test_random_u64(&random) >> test_random_below(&random, 64));
        unsigned scale = (unsigned)test_random_below(&random, 10);
        value = value == INT64_MIN || test_random_chance(&random, 50) ? value : -value;
        satchel_text_from_fixed(value, scale, text);
        REQUIRE_OK(satchel_text_to_fixed(satchel_text_of(text), scale, &back));
        REQUIRE_INT(back, value);
    }
}
