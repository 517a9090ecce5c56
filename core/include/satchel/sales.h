/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of field sales: each is one checked, committed unit. Facts and edits of the customer never share a unit.
 *
 * All return as soon as the unit is durable on the phone. `*…_id` of a verb that makes a row: none = an id is made and
 * given back, else it is used as is, so that a call which may have been carried out can be repeated: it then answers
 * ALREADY_EXISTS. The pointer may be NULL. Common errors: UNAUTHENTICATED (not enrolled), NOT_FOUND (the row), LOCKED,
 * FORBIDDEN, DISK_FULL, IO_ERROR, NO_MEMORY and those of validation.
 */
#ifndef SATCHEL_SALES_H
#define SATCHEL_SALES_H

#include <satchel/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A position fix. `known` false: none could be had, and that is recorded too. */
typedef struct satchel_fix {
    bool known;
    int64_t latitude_e7; /* 1e-7 degree */
    int64_t longitude_e7;
    int64_t accuracy_m; /* radius, metres */
    bool mocked;        /* the platform says that the position was simulated */
} satchel_fix;

/*
 * Begins a visit: the planned one `visit` if given (not NULL, not none), else a new one at `customer`. The distance to
 * the customer's position is computed and recorded. Errors: REQUIRED_BEFORE (another visit is open: the detail gives
 * its id), ILLEGAL_STATE (the planned visit has begun or is over), INVALID_ARGUMENT (it is planned at another
 * customer), OUT_OF_RANGE (fix).
 */
SATCHEL_MUST_USE satchel_status satchel_visit_check_in(satchel_device *device, const satchel_id *customer,
                                                       const satchel_id *visit, const satchel_fix *fix,
                                                       satchel_id *visit_id, satchel_error *error);

/* Ends it with an outcome (choice of visit.outcome) and a summary (may be empty). Errors: ILLEGAL_STATE (not begun, or
 * over). */
SATCHEL_MUST_USE satchel_status satchel_visit_check_out(satchel_device *device, const satchel_id *visit,
                                                        const satchel_fix *fix, int64_t outcome, satchel_text summary,
                                                        satchel_error *error);

/* Errors: ILLEGAL_STATE. The reason is required. */
SATCHEL_MUST_USE satchel_status satchel_visit_cancel(satchel_device *device, const satchel_id *visit,
                                                     satchel_text reason, satchel_error *error);

/* Plans a visit for a day (days since 1970-01-01). */
SATCHEL_MUST_USE satchel_status satchel_visit_plan(satchel_device *device, const satchel_id *customer, int64_t day,
                                                   satchel_id *visit_id, satchel_error *error);

/* A draft order in `currency` (ISO 4217); `visit` may be NULL; `external_id` (may be empty): its number elsewhere. */
SATCHEL_MUST_USE satchel_status satchel_order_new(satchel_device *device, const satchel_id *customer,
                                                  const satchel_id *visit, satchel_text currency,
                                                  satchel_text external_id, satchel_id *order_id, satchel_error *error);

/*
 * Adds a line; the price is the product's unless `unit_price_minor` ≥ 0 is given. quantity_e3 in thousandths > 0;
 * discount_bp 0 … 10000. Errors: LATE_FOR_PARENT (the order is no draft), REFERENCE_MISSING (product), OUT_OF_RANGE.
 */
SATCHEL_MUST_USE satchel_status satchel_order_add(satchel_device *device, const satchel_id *order,
                                                  const satchel_id *product, int64_t quantity_e3,
                                                  int64_t unit_price_minor, int64_t discount_bp, satchel_id *line_id,
                                                  satchel_error *error);

/* Errors: LATE_FOR_PARENT, NOT_FOUND. */
SATCHEL_MUST_USE satchel_status satchel_order_remove(satchel_device *device, const satchel_id *line,
                                                     satchel_error *error);

/*
 * Submits: from then on the body stands. An order of which satchel_order_waits is true stays a draft and is asked for
 * instead, as by satchel_order_request; one of which the phone does not know that comes back from the server as a draft
 * with the flag `awaiting_approval`. Either way it is submitted when somebody approved. Errors: REQUIRED_MISSING (no
 * line), ILLEGAL_STATE (no draft).
 */
SATCHEL_MUST_USE satchel_status satchel_order_submit(satchel_device *device, const satchel_id *order,
                                                     satchel_error *error);

/*
 * Would submitting it wait for an approval, because of its discounts? As far as the phone knows: the server decides.
 * Errors: as satchel_order_submit.
 */
SATCHEL_MUST_USE satchel_status satchel_order_waits(satchel_device *device, const satchel_id *order, bool *out,
                                                    satchel_error *error);

/* A task for `assignee` (NULL: oneself); customer may be NULL; due in ms since 1970, 0 = none. */
SATCHEL_MUST_USE satchel_status satchel_task_add(satchel_device *device, satchel_text title, const satchel_id *customer,
                                                 const satchel_id *assignee, int64_t due_ms, satchel_id *task_id,
                                                 satchel_error *error);
/* Errors: ILLEGAL_STATE (already over). */
SATCHEL_MUST_USE satchel_status satchel_task_finish(satchel_device *device, const satchel_id *task,
                                                    satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_task_cancel(satchel_device *device, const satchel_id *task,
                                                    satchel_error *error);

/* Records an activity (kind: choice of activity.kind) at a customer. */
SATCHEL_MUST_USE satchel_status satchel_note_add(satchel_device *device, const satchel_id *customer, int64_t kind,
                                                 satchel_text subject, satchel_text body, satchel_id *activity_id,
                                                 satchel_error *error);

#ifdef __cplusplus
}
#endif
#endif
