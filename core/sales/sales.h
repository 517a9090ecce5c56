/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of field sales over the store: check in and out, plan a day, take an order, finish a task, note something.
 *
 * Each verb is one committed unit. Facts about the field and edits of the customer never share a unit: a unit that
 * holds a fact is accepted even if the customer moved to someone else meanwhile, an edit is then parked. Moment, user
 * and randomness are inputs; no clock is read here.
 */
#ifndef SATCHEL_SALES_SALES_H
#define SATCHEL_SALES_SALES_H

#include <satchel/sales.h>

#include "crypto/random.h"
#include "store/store.h"

typedef struct satchel_sales {
    satchel_store *store;
    satchel_moment moment; /* of the commit */
    int64_t now_ms;        /* best estimate of the true time: what is recorded as the time of the fact */
    satchel_id user;
    satchel_random random; /* for new ids */
    /* As the company's standing orders have it: an order with a larger discount waits; steps 0: none does. */
    int64_t discount_limit_bp;
    int64_t discount_steps;
} satchel_sales;

/* Errors: as the function of <satchel/sales.h> of the same purpose. */
SATCHEL_MUST_USE satchel_status satchel_sales_check_in(const satchel_sales *sales, const satchel_id *customer,
                                                       const satchel_id *visit, const satchel_fix *fix,
                                                       satchel_id *visit_id, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_sales_check_out(const satchel_sales *sales, const satchel_id *visit,
                                                        const satchel_fix *fix, int64_t outcome, satchel_text summary,
                                                        satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_sales_cancel(const satchel_sales *sales, const satchel_id *visit,
                                                     satchel_text reason, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_sales_plan(const satchel_sales *sales, const satchel_id *customer, int64_t day,
                                                   satchel_id *visit_id, satchel_error *error);

SATCHEL_MUST_USE satchel_status satchel_sales_order_new(const satchel_sales *sales, const satchel_id *customer,
                                                        const satchel_id *visit, satchel_text currency,
                                                        satchel_text external_id, satchel_id *order_id,
                                                        satchel_error *error);

/* What is ordered. unit_price_minor < 0: the product's own price. */
typedef struct satchel_sales_line {
    satchel_id product;
    int64_t quantity_e3;
    int64_t unit_price_minor;
    int64_t discount_bp;
} satchel_sales_line;
SATCHEL_MUST_USE satchel_status satchel_sales_order_add(const satchel_sales *sales, const satchel_id *order,
                                                        const satchel_sales_line *line, satchel_id *line_id,
                                                        satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_sales_order_remove(const satchel_sales *sales, const satchel_id *line,
                                                           satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_sales_order_submit(const satchel_sales *sales, const satchel_id *order,
                                                           satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_sales_order_waits(const satchel_sales *sales, const satchel_id *order,
                                                          bool *out, satchel_error *error);

/* `customer` may be NULL or none; `assignee` NULL or none: the user himself. due_ms 0: no due time. */
SATCHEL_MUST_USE satchel_status satchel_sales_task_add(const satchel_sales *sales, satchel_text title,
                                                       const satchel_id *customer, const satchel_id *assignee,
                                                       int64_t due_ms, satchel_id *task_id, satchel_error *error);
/* `end`: SATCHEL_TASK_STATUS_COMPLETED or _CANCELLED. */
SATCHEL_MUST_USE satchel_status satchel_sales_task_end(const satchel_sales *sales, const satchel_id *task, int64_t end,
                                                       satchel_error *error);

SATCHEL_MUST_USE satchel_status satchel_sales_note(const satchel_sales *sales, const satchel_id *customer, int64_t kind,
                                                   satchel_text subject, satchel_text body, satchel_id *activity_id,
                                                   satchel_error *error);

#endif
