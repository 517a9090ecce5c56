/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Discounts above the company's limit: by whatever way an order would become submitted, it waits for an approval.
 *
 * It is never refused: what was agreed with a customer is a fact. The order is stored with all its lines, stays a draft
 * with the flag, and is submitted when somebody approves. The operator is not asked.
 */
#ifndef SATCHEL_SERVER_SERVICE_DISCOUNT_H
#define SATCHEL_SERVER_SERVICE_DISCOUNT_H

#include "service/command.h"

/* Element of order.flags while it waits. */
#define SATCHEL_FLAG_AWAITING_APPROVAL "awaiting_approval"

/* The steps that an order with this discount needs, 0: none. `approves`: its author may approve it himself. */
SATCHEL_MUST_USE satchel_status satchel_discount_steps(satchel_db *db, int64_t discount_bp, bool approves,
                                                       int64_t *out_steps, satchel_error *error);

/* Asks for the approval of the order as it is now: `given` is a command that submits it. */
SATCHEL_MUST_USE satchel_status satchel_discount_ask(satchel_order_given *given, int64_t steps);

/*
 * When a change ends: an order that became submitted in it (`touched`) and may not be is made to wait; of one that left
 * the state of a draft otherwise nothing waits any more. What was submitted counts for its customer.
 */
SATCHEL_MUST_USE satchel_status satchel_discount_at_end(satchel_change *change, satchel_touched_order *touched,
                                                        satchel_stored_row *order, const satchel_record *lines,
                                                        size_t line_count, satchel_error *error);

/* Somebody approved that the order, noted as touched, be submitted in this change. */
void satchel_discount_approved(satchel_change *change, const satchel_id *order);

/* Did the op submit an order that waits now? */
bool satchel_discount_waits(const satchel_change *change, const satchel_op *op);

/* Takes the flag off an order about which somebody decided. */
SATCHEL_MUST_USE satchel_status satchel_discount_decided(satchel_change *change, const satchel_id *order,
                                                         satchel_error *error);

/* Was nothing of the order's body or lines written since `n`? */
SATCHEL_MUST_USE satchel_status satchel_order_unchanged(satchel_change *change, const satchel_stored_row *order,
                                                        uint64_t n, bool *out, satchel_error *error);

/* The flags of an order with or without the one of waiting; NULL if there are none. */
SATCHEL_MUST_USE satchel_status satchel_discount_flags(satchel_arena *arena, const satchel_record *order, bool waits,
                                                       satchel_value *out);

#endif
