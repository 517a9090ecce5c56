/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rounding and totals, against a slow second way: the compiler's 128-bit integers, and tables made by decimal
 * arithmetic.
 */
#include "base/text.h"
#include "rules/money.h"
#include "support/random.h"

#include <string.h>

__extension__ typedef __int128 int128;

/* Half to even by comparing twice the rest with the divisor. */
static int128 slow_round(int128 numerator, int128 denominator) {
    int128 quotient = numerator / denominator;
    int128 rest = numerator % denominator;
    int128 twice = rest < 0 ? -2 * rest : 2 * rest;
    int128 away = numerator < 0 ? quotient - 1 : quotient + 1;
    if (twice == denominator) {
        return quotient % 2 == 0 ? quotient : away;
    }
    return twice > denominator ? away : quotient;
}

static int64_t any_int(test_random *random) {
    int64_t value = (int64_t)(test_random_u64(random) >> test_random_below(random, 64));
    return test_random_chance(random, 50) ? value : (int64_t)(UINT64_C(0) - (uint64_t)value);
}

TEST(rules_money, halves_go_to_the_even_neighbour) {
    static const int64_t cases[][3] = {
        {5, 10, 0},
        {15, 10, 2},
        {25, 10, 2},
        {-5, 10, 0},
        {-15, 10, -2},
        {-25, 10, -2},
        {26, 10, 3},
        {24, 10, 2},
        {0, 7, 0},
        {7, 7, 1},
        {1, 3, 0},
        {2, 3, 1},
        {INT64_MAX, 1, INT64_MAX},
        {INT64_MIN, 1, INT64_MIN},
        {INT64_MAX, 2, 4611686018427387904},
        {INT64_MIN, INT64_MAX, -1},
        {INT64_MAX, INT64_MAX, 1},
        {4611686018427387904, INT64_MAX, 1},
        {4611686018427387903, INT64_MAX, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_note("case %zu", i);
        CHECK_INT(satchel_divide_half_even(cases[i][0], cases[i][1]), cases[i][2]);
    }
}

TEST(rules_money, division_agrees_with_wide_arithmetic) {
    test_random random = test_random_of(901);
    for (unsigned i = 0; i < 200000; i++) {
        int64_t numerator = any_int(&random);
        int64_t denominator = any_int(&random);
        if (denominator <= 0) {
            continue;
        }
        REQUIRE_INT(satchel_divide_half_even(numerator, denominator), (int64_t)slow_round(numerator, denominator));
    }
}

/* True if the exact figure fits; the factors may overflow even 128 bits, so it is divided in two steps when large. */
static bool slow_line(int64_t quantity_e3, int64_t price_minor, int64_t discount_bp, int64_t *out) {
    int128 product = (int128)quantity_e3 * price_minor;
    int128 bound = (int128)INT64_MAX * 10000000 * 4;
    int64_t kept_bp = 10000 - discount_bp;
    if (kept_bp > 0 && (product > bound || product < -bound)) {
        return false; /* at least 4 × the limit × 10^7 / 10^7 × 1 bp … larger only */
    }
    int128 total = slow_round(product * kept_bp, 10000000);
    if (total > INT64_MAX || total < INT64_MIN) {
        return false;
    }
    *out = (int64_t)total;
    return true;
}

TEST(rules_money, line_totals_agree_with_wide_arithmetic) {
    test_random random = test_random_of(902);
    unsigned fits = 0;
    unsigned overflows = 0;
    for (unsigned i = 0; i < 200000; i++) {
        int64_t quantity_e3 = any_int(&random) & INT64_MAX;
        int64_t price_minor = any_int(&random);
        int64_t discount_bp = test_random_between(&random, 0, 10000);
        int64_t expected = 0;
        int64_t got = 0;
        bool fit = slow_line(quantity_e3, price_minor, discount_bp, &expected);
        satchel_status status = satchel_line_total(quantity_e3, price_minor, discount_bp, &got);
        REQUIRE_STATUS(status, fit ? SATCHEL_OK : SATCHEL_OUT_OF_RANGE);
        REQUIRE(!fit || got == expected);
        fits += fit;
        overflows += !fit;
    }
    CHECK(fits > 10000);
    CHECK(overflows > 10000);
}

TEST(rules_money, line_totals_by_example) {
    static const struct {
        int64_t quantity_e3, price_minor, discount_bp;
        satchel_status status;
        int64_t total_minor;
    } cases[] = {
        {12000, 1400, 0, SATCHEL_OK, 16800},
        {9000, 1860, 1500, SATCHEL_OK, 14229},
        {1000, 5, 5000, SATCHEL_OK, 2},  /* 2.5 */
        {1000, 15, 5000, SATCHEL_OK, 8}, /* 7.5 */
        {500, 1, 0, SATCHEL_OK, 0},
        {1500, 1, 0, SATCHEL_OK, 2},
        {1500, -1, 0, SATCHEL_OK, -2},
        {1000, 99, 10000, SATCHEL_OK, 0},
        {0, INT64_MAX, 0, SATCHEL_OK, 0},
        {1000, INT64_MAX, 0, SATCHEL_OK, INT64_MAX},
        {1000, INT64_MIN, 0, SATCHEL_OK, INT64_MIN},
        {1001, INT64_MAX, 0, SATCHEL_OUT_OF_RANGE, 0},
        {1001, INT64_MIN, 0, SATCHEL_OUT_OF_RANGE, 0},
        {INT64_MAX, INT64_MAX, 0, SATCHEL_OUT_OF_RANGE, 0},
        {INT64_MAX, 3689348814741911, 0, SATCHEL_OUT_OF_RANGE, 0}, /* carries out of 128 bits by the lower word only */
        {INT64_MAX, INT64_MIN, 9999, SATCHEL_OUT_OF_RANGE, 0},
        {INT64_MAX, INT64_MIN, 10000, SATCHEL_OK, 0},
        {-1, 1, 0, SATCHEL_OUT_OF_RANGE, 0},
        {1, 1, -1, SATCHEL_OUT_OF_RANGE, 0},
        {1, 1, 10001, SATCHEL_OUT_OF_RANGE, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t total_minor = 0;
        test_note("case %zu", i);
        CHECK_STATUS(satchel_line_total(cases[i].quantity_e3, cases[i].price_minor, cases[i].discount_bp, &total_minor),
                     cases[i].status);
        CHECK_INT(total_minor, cases[i].total_minor);
    }
}

TEST(rules_money, an_order_is_its_lines_less_its_discount) {
    static const int64_t lines[] = {1000, 250, -5};
    static const int64_t high[] = {INT64_MAX, 1, -1};
    static const int64_t low[] = {INT64_MIN, -1};
    int64_t total_minor = -1;
    CHECK_OK(satchel_order_total(lines, 3, 0, &total_minor));
    CHECK_INT(total_minor, 1245);
    CHECK_OK(satchel_order_total(lines, 3, 1000, &total_minor));
    CHECK_INT(total_minor, 1120); /* 1120.5 */
    CHECK_OK(satchel_order_total(NULL, 0, 1000, &total_minor));
    CHECK_INT(total_minor, 0);
    CHECK_OK(satchel_order_total(low, 1, 0, &total_minor));
    CHECK_INT(total_minor, INT64_MIN);
    CHECK_STATUS(satchel_order_total(high, 3, 0, &total_minor), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_order_total(low, 2, 0, &total_minor), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_order_total(lines, 3, 10001, &total_minor), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_order_total(lines, 3, -1, &total_minor), SATCHEL_OUT_OF_RANGE);
}

TEST(rules_money, order_totals_agree_with_wide_arithmetic) {
    test_random random = test_random_of(903);
    for (unsigned i = 0; i < 100000; i++) {
        int64_t lines[6];
        int128 sum = 0;
        size_t count = (size_t)test_random_below(&random, 7);
        for (size_t k = 0; k < count; k++) {
            lines[k] = any_int(&random) / 8;
            sum += lines[k];
        }
        int64_t discount_bp = test_random_between(&random, 0, 10000);
        int64_t total_minor = 0;
        REQUIRE_OK(satchel_order_total(lines, count, discount_bp, &total_minor));
        REQUIRE_INT(total_minor, (int64_t)slow_round(sum * (10000 - discount_bp), 10000));
    }
}

TEST(rules_money, currencies_have_their_digits) {
    static const struct {
        const char *code;
        unsigned digits;
    } cases[] = {{"CNY", 2}, {"USD", 2}, {"JPY", 0}, {"KWD", 3}, {"CLF", 4},
                 {"XYZ", 2}, {"", 2},    {"jpy", 2}, {"JPYX", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_note("%s", cases[i].code);
        CHECK_UINT(satchel_currency_digits(test_text_of(cases[i].code)), cases[i].digits);
    }
}

TEST(rules_money, decimals_round_once_half_to_even) {
    /* Made with Python: Decimal(text).scaleb(scale).to_integral_value(ROUND_HALF_EVEN). */
    static const struct {
        const char *text;
        unsigned scale;
        int64_t value;
    } cases[] = {
        {"9.80000019", 2, 980},
        {"0.005", 2, 0},
        {"0.015", 2, 2},
        {"0.0150000000000000000001", 2, 2},
        {"0.00500000000000000001", 2, 1},
        {"-0.005", 2, 0},
        {"-0.015", 2, -2},
        {"2.5", 0, 2},
        {"3.5", 0, 4},
        {"-2.5", 0, -2},
        {"12", 2, 1200},
        {"+12.3", 2, 1230},
        {".5", 1, 5},
        {"0.1499999999", 1, 1},
        {"18.6000003815", 2, 1860},
        {"0", 9, 0},
        {"9223372036854775807", 0, INT64_MAX},
        {"-9223372036854775808", 0, INT64_MIN},
        {"92233720368547758.07", 2, INT64_MAX},
        {"9223372036854775807.4999", 0, INT64_MAX},
        {"-9223372036854775808.5", 0, INT64_MIN},
        {"000000000000000000000000000001.5", 0, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value = -77;
        test_note("%s", cases[i].text);
        CHECK_OK(satchel_decimal_round(test_text_of(cases[i].text), cases[i].scale, &value));
        CHECK_INT(value, cases[i].value);
    }
}

TEST(rules_money, what_is_no_decimal_or_too_large_is_refused) {
    static const struct {
        const char *text;
        unsigned scale;
        satchel_status status;
    } cases[] = {
        {"", 2, SATCHEL_MALFORMED},
        {"-", 2, SATCHEL_MALFORMED},
        {".", 2, SATCHEL_MALFORMED},
        {"1.", 2, SATCHEL_MALFORMED},
        {"1.2.3", 2, SATCHEL_MALFORMED},
        {"1e5", 2, SATCHEL_MALFORMED},
        {" 1", 2, SATCHEL_MALFORMED},
        {"1 ", 2, SATCHEL_MALFORMED},
        {"--1", 2, SATCHEL_MALFORMED},
        {"1,5", 2, SATCHEL_MALFORMED},
        {"NaN", 2, SATCHEL_MALFORMED},
        {"９", 0, SATCHEL_MALFORMED},
        {"9223372036854775808", 0, SATCHEL_OUT_OF_RANGE},
        {"9223372036854775807.5", 0, SATCHEL_OUT_OF_RANGE},
        {"-9223372036854775809", 0, SATCHEL_OUT_OF_RANGE},
        {"-9223372036854775808.51", 0, SATCHEL_OUT_OF_RANGE},
        {"92233720368547758.08", 2, SATCHEL_OUT_OF_RANGE},
        {"99999999999999999999999999", 0, SATCHEL_OUT_OF_RANGE},
        {"18446744073709551616", 0, SATCHEL_OUT_OF_RANGE},
        {"18446744073709551615", 9, SATCHEL_OUT_OF_RANGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value = -77;
        test_note("%s", cases[i].text);
        CHECK_STATUS(satchel_decimal_round(test_text_of(cases[i].text), cases[i].scale, &value), cases[i].status);
        CHECK_INT(value, -77);
    }
}
