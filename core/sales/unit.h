/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every verb does: read rows, fill one draft, commit it.
 */
#ifndef SATCHEL_SALES_UNIT_H
#define SATCHEL_SALES_UNIT_H

#include "sales/sales.h"

/* One verb under way: its draft and its memory. */
typedef struct sales_unit {
    const satchel_sales *sales;
    satchel_draft *draft;
    satchel_arena arena;
    satchel_error *error;
} sales_unit;

SATCHEL_MUST_USE satchel_status satchel_sales_unit_open(sales_unit *unit, const satchel_sales *sales,
                                                        satchel_error *error);
/* Commits if `status` is OK, frees the draft, and gives the status of the verb. */
SATCHEL_MUST_USE satchel_status satchel_sales_unit_end(sales_unit *unit, satchel_status status);

/* A row that is there and not deleted, as the user sees it, in the unit's arena. Errors: NOT_FOUND. */
SATCHEL_MUST_USE satchel_status satchel_sales_read(sales_unit *unit, uint32_t entity, const satchel_id *id,
                                                   satchel_record *out);
/* Makes an id if `*id` is none. Errors: RANDOM_FAILED. */
SATCHEL_MUST_USE satchel_status satchel_sales_new_id(sales_unit *unit, satchel_id *id);

/* Is a row named at all: not NULL and not none? */
bool satchel_sales_given(const satchel_id *id);

/* `*id`, or none if it is NULL. */
satchel_id satchel_sales_wanted(const satchel_id *id);

#endif
