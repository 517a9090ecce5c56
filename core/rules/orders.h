/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Derived figures of an order, computed the same on phone and server.
 */
#ifndef SATCHEL_RULES_ORDERS_H
#define SATCHEL_RULES_ORDERS_H

#include "schema/record.h"

/* Sets total_minor of a line from quantity, price and discount. Errors: OUT_OF_RANGE, REQUIRED_MISSING, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_order_line_derive(satchel_record *line, satchel_error *error);

/*
 * Sets total_minor and line_count of an order from its lines that are not deleted; a line's total is derived again
 * where it can be. Errors: OUT_OF_RANGE, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_order_derive(satchel_record *order, const satchel_record *lines,
                                                     size_t line_count, satchel_error *error);

/* The largest discount, in basis points, of the order as a whole and of its lines that are not deleted. */
int64_t satchel_order_discount(const satchel_record *order, const satchel_record *lines, size_t line_count);

/* May an order in this state still take lines and edits of its body? */
bool satchel_order_is_open(const satchel_record *order);

/* Is the order complete enough to be submitted? Errors: REQUIRED_MISSING (no line, no customer, no currency). */
SATCHEL_MUST_USE satchel_status satchel_order_check_submit(const satchel_record *order, size_t line_count,
                                                           satchel_error *error);

#endif
