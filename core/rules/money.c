/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Money: products of three int64 are exact in two 64-bit words, and each figure is rounded once, half to even.
 * Compilers' 128-bit integers are not ISO C, so the wide arithmetic is spelled out; it is checked against them in
 * tests.
 */
#include "rules/money.h"

#include "base/text.h"

#include <string.h>

#define LINE_DIVISOR UINT64_C(10000000) /* thousandths of a quantity × basis points */

typedef struct wide {
    uint64_t high;
    uint64_t low;
} wide;

static uint64_t magnitude(int64_t value) {
    return value < 0 ? UINT64_C(0) - (uint64_t)value : (uint64_t)value;
}

static wide multiply(uint64_t a, uint64_t b) {
    uint64_t a_low = a & UINT32_MAX;
    uint64_t a_high = a >> 32;
    uint64_t b_low = b & UINT32_MAX;
    uint64_t b_high = b >> 32;
    uint64_t low = a_low * b_low;
    uint64_t cross = a_high * b_low + (low >> 32);
    uint64_t middle = (cross & UINT32_MAX) + a_low * b_high;
    return (wide){a_high * b_high + (cross >> 32) + (middle >> 32), middle << 32 | (low & UINT32_MAX)};
}

/* value × factor; false if it does not fit. */
static bool scale(wide value, uint64_t factor, wide *out) {
    wide low = multiply(value.low, factor);
    wide high = multiply(value.high, factor);
    if (high.high != 0 || high.low > UINT64_MAX - low.high) {
        return false;
    }
    *out = (wide){high.low + low.high, low.low};
    return true;
}

/* Long division by bits, for a divisor below 2^63; the quotient must fit 64 bits (value.high < divisor). */
static uint64_t divide(wide value, uint64_t divisor, uint64_t *out_rest) {
    uint64_t rest = value.high;
    uint64_t quotient = 0;
    for (int bit = 63; bit >= 0; bit--) {
        rest = rest << 1 | (value.low >> bit & 1);
        if (rest >= divisor) {
            rest -= divisor;
            quotient |= UINT64_C(1) << bit;
        }
    }
    *out_rest = rest;
    return quotient;
}

/* Rounds a quotient half to even by its rest. */
static uint64_t round_half_even(uint64_t quotient, uint64_t rest, uint64_t divisor) {
    uint64_t other = divisor - rest;
    bool up = rest > other || (rest == other && (quotient & 1) != 0);
    return up ? quotient + 1 : quotient;
}

/* The signed result of a rounded magnitude; false if it does not fit. */
static bool with_sign(uint64_t value, bool negative, int64_t *out) {
    if (value > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        return false;
    }
    *out = negative ? (int64_t)(UINT64_C(0) - value) : (int64_t)value;
    return true;
}

int64_t satchel_divide_half_even(int64_t numerator, int64_t denominator) {
    uint64_t divisor = (uint64_t)denominator;
    uint64_t value = magnitude(numerator);
    uint64_t rounded = round_half_even(value / divisor, value % divisor, divisor);
    int64_t result = 0;
    (void)with_sign(rounded, numerator < 0, &result); /* not larger than the numerator, so it fits */
    return result;
}

satchel_status satchel_line_total(int64_t quantity_e3, int64_t unit_price_minor, int64_t discount_bp,
                                  int64_t *out_minor) {
    if (quantity_e3 < 0 || discount_bp < 0 || discount_bp > SATCHEL_BASIS_POINTS_ONE) {
        return SATCHEL_OUT_OF_RANGE;
    }
    wide product = multiply((uint64_t)quantity_e3, magnitude(unit_price_minor));
    if (!scale(product, (uint64_t)(SATCHEL_BASIS_POINTS_ONE - discount_bp), &product) || product.high >= LINE_DIVISOR) {
        return SATCHEL_OUT_OF_RANGE;
    }
    uint64_t rest;
    uint64_t quotient = divide(product, LINE_DIVISOR, &rest);
    if (quotient > (uint64_t)INT64_MAX + 1) {
        return SATCHEL_OUT_OF_RANGE;
    }
    uint64_t rounded = round_half_even(quotient, rest, LINE_DIVISOR);
    return with_sign(rounded, unit_price_minor < 0, out_minor) ? SATCHEL_OK : SATCHEL_OUT_OF_RANGE;
}

satchel_status satchel_order_total(const int64_t *line_totals_minor, size_t count, int64_t discount_bp,
                                   int64_t *out_minor) {
    if (discount_bp < 0 || discount_bp > SATCHEL_BASIS_POINTS_ONE) {
        return SATCHEL_OUT_OF_RANGE;
    }
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t line = line_totals_minor[i];
        if ((line > 0 && sum > INT64_MAX - line) || (line < 0 && sum < INT64_MIN - line)) {
            return SATCHEL_OUT_OF_RANGE;
        }
        sum += line;
    }
    wide product = multiply(magnitude(sum), (uint64_t)(SATCHEL_BASIS_POINTS_ONE - discount_bp));
    uint64_t divisor = (uint64_t)SATCHEL_BASIS_POINTS_ONE;
    uint64_t rest;
    uint64_t quotient = divide(product, divisor, &rest);
    /* Not larger than the sum, so it fits. */
    return with_sign(round_half_even(quotient, rest, divisor), sum < 0, out_minor) ? SATCHEL_OK : SATCHEL_OUT_OF_RANGE;
}

/* ISO 4217:2015, minor units other than 2. */
static const struct {
    char code[4];
    unsigned digits;
} odd_currencies[] = {
    {"BHD", 3}, {"BIF", 0}, {"CLF", 4}, {"CLP", 0}, {"DJF", 0}, {"GNF", 0}, {"IQD", 3}, {"ISK", 0}, {"JOD", 3},
    {"JPY", 0}, {"KMF", 0}, {"KRW", 0}, {"KWD", 3}, {"LYD", 3}, {"OMR", 3}, {"PYG", 0}, {"RWF", 0}, {"TND", 3},
    {"UGX", 0}, {"UYI", 0}, {"UYW", 4}, {"VND", 0}, {"VUV", 0}, {"XAF", 0}, {"XOF", 0}, {"XPF", 0},
};

unsigned satchel_currency_digits(satchel_text code) {
    for (size_t i = 0; i < sizeof odd_currencies / sizeof odd_currencies[0]; i++) {
        if (satchel_text_is(code, odd_currencies[i].code)) {
            return odd_currencies[i].digits;
        }
    }
    return 2;
}
