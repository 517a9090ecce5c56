/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Money and quantities: integers in minor units and thousandths, rounding half to even, never a float.
 */
#ifndef SATCHEL_RULES_MONEY_H
#define SATCHEL_RULES_MONEY_H

#include <satchel/status.h>
#include <satchel/types.h>

#define SATCHEL_BASIS_POINTS_ONE INT64_C(10000)
#define SATCHEL_QUANTITY_ONE_E3 INT64_C(1000)

/* numerator / denominator rounded half to even; denominator > 0. Exact for all int64 inputs. */
int64_t satchel_divide_half_even(int64_t numerator, int64_t denominator);

/*
 * Total of an order line in minor units: quantity_e3 × unit_price_minor × (10000 - discount_bp) / 10^7, rounded once,
 * half to even. quantity_e3 ≥ 0, 0 ≤ discount_bp ≤ 10000. Errors: OUT_OF_RANGE (argument, or the total does not fit).
 */
SATCHEL_MUST_USE satchel_status satchel_line_total(int64_t quantity_e3, int64_t unit_price_minor, int64_t discount_bp,
                                                   int64_t *out_minor);

/* Sum less an order discount in basis points, rounded half to even. Errors: OUT_OF_RANGE. */
SATCHEL_MUST_USE satchel_status satchel_order_total(const int64_t *line_totals_minor, size_t count, int64_t discount_bp,
                                                    int64_t *out_minor);

/* Digits after the point of an ISO 4217 currency ("JPY" 0, "CNY" 2, "KWD" 3); 2 for a code not in the list. */
unsigned satchel_currency_digits(satchel_text code);

/*
 * A decimal text, any number of digits, rounded half to even to `scale` digits: "9.80000019" → 980. Errors: MALFORMED,
 * OUT_OF_RANGE.
 */
SATCHEL_MUST_USE satchel_status satchel_decimal_round(satchel_text text, unsigned scale, int64_t *out);

#endif
