/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What phone and server tell each other beside rows: standing orders, receipts, checkpoints of the audit.
 *
 * All of it is rare: an exchange with nothing new of this kind has none of these fields and costs one look.
 */
#include "service/exchange_state.h"

#include "base/error.h"
#include "base/ids.h"
#include "service/erase.h"

#include <string.h>

satchel_status satchel_exchange_look_at_notes(satchel_server_exchange *exchange, satchel_db *db, satchel_error *error) {
    const satchel_request_head *head = &exchange->head;
    satchel_order_state *state = &exchange->orders;
    satchel_status status = satchel_order_state_load(db, &exchange->device, state, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    bool ends = head->receipt.bytes > 0 && state->receipt_kind == 0;
    bool heard = head->orders_serial > state->heard;
    bool shows = head->witness.bytes > 0;
    bool ok = exchange->status == SATCHEL_OK;
    exchange->notes_due =
        (ok || exchange->status == SATCHEL_REVOKED) && (ends || (ok && (heard || shows || head->erased.bytes > 0)));
    exchange->checkpoint_due = ok && satchel_checkpoint_due(exchange->service, state);
    exchange->parks = state->command == SATCHEL_ORDER_RETIRE;
    return SATCHEL_OK;
}

/* The number that was used is used up, as with anything else that moved. */
static satchel_status take_number(satchel_server_exchange *exchange, satchel_db *db, bool *out_fresh,
                                  satchel_error *error) {
    satchel_device_state state;
    satchel_status status = satchel_device_state_load(db, &exchange->device, &state, error);
    *out_fresh = status == SATCHEL_OK && (exchange->request_number > state.request_number ||
                                          (exchange->applied && exchange->request_number == state.request_number));
    if (*out_fresh && exchange->request_number > state.request_number) {
        state.request_number = exchange->request_number;
        state.seen_ms = satchel_service_now_ms(exchange->service);
        status = satchel_device_state_save(db, &state, error);
    }
    return status;
}

static satchel_status write_down(satchel_server_exchange *exchange, satchel_db *db, satchel_error *error) {
    const satchel_request_head *head = &exchange->head;
    const satchel_service *service = exchange->service;
    satchel_status status = SATCHEL_OK;
    if (head->receipt.bytes > 0) {
        status = satchel_orders_receive(service, db, &exchange->device, head->receipt, error);
    }
    if (status == SATCHEL_OK && head->orders_serial > 0) {
        status = satchel_orders_heard(service, db, &exchange->device, head->orders_serial, error);
    }
    if (status == SATCHEL_OK && head->witness.bytes > 0) {
        status = satchel_witness_take(service, db, &exchange->device, head->witness, error);
    }
    if (status == SATCHEL_OK && head->erased.bytes > 0) {
        status = satchel_erase_confirmed(service, db, &exchange->device, head->erased, error);
    }
    return status;
}

satchel_status satchel_exchange_apply_notes(satchel_server_exchange *exchange, satchel_db *db, satchel_error *error) {
    bool fresh = false;
    satchel_status status = SATCHEL_OK;
    bool goes_on = exchange->status == SATCHEL_OK;
    if (exchange->notes_due && (goes_on || exchange->last_words)) {
        status = take_number(exchange, db, &fresh, error);
    }
    if (status == SATCHEL_OK && fresh) {
        status = write_down(exchange, db, error);
    }
    if (status == SATCHEL_OK && goes_on && exchange->checkpoint_due) {
        status = satchel_checkpoint_make(exchange->service, db, error);
    }
    return status;
}

/* --- telling --- */

static satchel_status tell_orders(const satchel_server_exchange *exchange, satchel_db *db,
                                  const satchel_order_state *state, satchel_arena *arena, satchel_answer_head *head,
                                  satchel_error *error) {
    satchel_buffer block = {0};
    satchel_status status = satchel_orders_build(exchange->service, db, &exchange->device, state, &block, error);
    if (status == SATCHEL_OK) {
        status = satchel_arena_copy(arena, satchel_buffer_view(&block), &head->orders);
    }
    satchel_buffer_deinit(&block);
    return status;
}

static satchel_status tell_checkpoint(satchel_db *db, const satchel_order_state *state, satchel_arena *arena,
                                      satchel_answer_head *head, satchel_error *error) {
    uint8_t hash[SATCHEL_HASH_BYTES];
    bool found = false;
    satchel_status status = satchel_checkpoint_newest(db, arena, &head->checkpoint, error);
    if (status == SATCHEL_OK && state->witness_position > 0) {
        status = satchel_audit_hash_at(db, state->witness_position, hash, &found, error);
    }
    return status == SATCHEL_OK && state->witness_position > 0
               ? satchel_arena_copy(arena, satchel_bytes_of(hash, sizeof hash), &head->witnessed)
               : status;
}

satchel_status satchel_exchange_tell(const satchel_server_exchange *exchange, satchel_db *db,
                                     satchel_status head_status, satchel_arena *arena, satchel_answer_head *head,
                                     satchel_error *error) {
    satchel_order_state state;
    bool ended = head_status == SATCHEL_REVOKED;
    if (satchel_id_is_none(&exchange->device) || (head_status != SATCHEL_OK && !ended)) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_order_state_load(db, &exchange->device, &state, error);
    if (status == SATCHEL_OK && state.serial > state.heard && (!ended || state.command == SATCHEL_ORDER_WIPE)) {
        status = tell_orders(exchange, db, &state, arena, head, error);
    }
    if (status == SATCHEL_OK && !ended &&
        (state.checkpoint_position > state.witness_position || state.checkpoint_ms > state.witness_ms)) {
        status = tell_checkpoint(db, &state, arena, head, error);
    }
    return status;
}
