/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which store speaks: the one whose token is expected, a retry, a new life of it, or a copy.
 */
#include "service/exchange_state.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "service/audit.h"

#include <string.h>

satchel_status satchel_exchange_answer_with(satchel_server_exchange *exchange, satchel_status status) {
    exchange->status = status;
    return SATCHEL_OK;
}

static const uint8_t no_token[SATCHEL_TOKEN_BYTES] = {0};

static bool same_token(const uint8_t a[SATCHEL_TOKEN_BYTES], const uint8_t b[SATCHEL_TOKEN_BYTES]) {
    return memcmp(a, b, SATCHEL_TOKEN_BYTES) == 0;
}

satchel_status satchel_exchange_answer_fork(satchel_server_exchange *exchange, const satchel_incarnation *known) {
    exchange->fork_through = known->applied_through;
    memcpy(exchange->fork_digest, known->applied_digest, sizeof exchange->fork_digest);
    return satchel_exchange_answer_with(exchange, SATCHEL_FORKED);
}

/*
 * How far the phone's ops are known before its new life, if the server was put back and the phone may not have heard of
 * it: what it settled in a lost stretch is not. A first parent that is unknown began there, and where it parted from
 * those that are known is not known either.
 */
static satchel_status known_before(const satchel_server_exchange *exchange, satchel_db *db,
                                   const satchel_incarnation *parent, bool first, uint64_t *out, satchel_error *error) {
    satchel_counter counter;
    satchel_cursor cursor = {.epoch = 0};
    const satchel_bytes told = exchange->head.cursor;
    satchel_status status = satchel_counter_read(db, &counter, error);
    bool readable = told.bytes == 0 || satchel_cursor_read(told, &cursor, NULL) == SATCHEL_OK;
    bool heard =
        counter.epoch == 1 || !readable || cursor.epoch == counter.epoch || exchange->head.heard_epoch == counter.epoch;
    *out = exchange->head.parent_sequence;
    if (status == SATCHEL_OK && !heard) {
        *out = parent->number != 0 && (first || told.bytes == 0) ? parent->applied_through : 0;
    }
    return status;
}

/*
 * A name that the server never heard, with parents: a restored or cloned store goes on under it. The first parent that
 * is a life of this device counts; with none of them known it begins where it says, and nothing of it is known.
 */
static satchel_status look_for_new_life(satchel_server_exchange *exchange, satchel_db *db,
                                        const satchel_device_state *state, satchel_incarnation *out,
                                        satchel_error *error) {
    const satchel_request_head *head = &exchange->head;
    satchel_incarnation known;
    satchel_status status = satchel_incarnation_load(db, &head->incarnation, &known, NULL);
    if (status != SATCHEL_NOT_FOUND) {
        return status == SATCHEL_OK ? satchel_exchange_answer_fork(exchange, out)
                                    : satchel_fail(error, status, "the lives of a store cannot be read");
    }
    if (head->parent_sequence > INT64_MAX - SATCHEL_LIMIT_UNIT_OPS) {
        return satchel_exchange_answer_with(exchange, SATCHEL_PROTOCOL_ERROR);
    }
    *out = (satchel_incarnation){.id = head->incarnation,
                                 .device = state->id,
                                 .user = state->user,
                                 .parent_sequence = head->parent_sequence,
                                 .applied_through = head->parent_sequence};
    satchel_incarnation from = {.number = 0};
    bool first = false;
    uint64_t before = 0;
    for (size_t at = 0; at < head->parents.bytes && out->parent == 0; at += SATCHEL_ID_BYTES) {
        satchel_id parent;
        memcpy(parent.bytes, head->parents.data + at, SATCHEL_ID_BYTES);
        status = satchel_incarnation_load(db, &parent, &known, NULL);
        if (status != SATCHEL_OK && status != SATCHEL_NOT_FOUND) {
            return satchel_fail(error, status, "the lives of a store cannot be read");
        }
        if (status == SATCHEL_OK && satchel_id_equal(&known.device, &state->id)) {
            out->parent = known.number;
            from = known;
            first = at == 0;
        }
    }
    status = known_before(exchange, db, &from, first, &before, error);
    if (status == SATCHEL_OK && head->parent_sequence > before) {
        from.applied_through = before;
        return satchel_exchange_answer_fork(exchange, &from);
    }
    exchange->begins = status == SATCHEL_OK;
    return status;
}

/*
 * A life that began in a lost stretch: where it parted from those that are known is not, and what it shares with them
 * is found by its bytes. So it is told to show everything that it keeps.
 */
static satchel_status answer_lost_life(satchel_server_exchange *exchange, satchel_db *db,
                                       const satchel_incarnation *known, satchel_error *error) {
    satchel_incarnation named;
    satchel_counter counter;
    satchel_status status = satchel_incarnation_load(db, &exchange->head.incarnation, &named, NULL);
    if (status == SATCHEL_NOT_FOUND) {
        status = satchel_counter_read(db, &counter, error);
        if (status == SATCHEL_OK && counter.epoch > 1) {
            const satchel_incarnation nothing = {.number = known->number};
            return satchel_exchange_answer_fork(exchange, &nothing);
        }
    }
    return status == SATCHEL_OK || status == SATCHEL_NOT_FOUND
               ? satchel_exchange_answer_fork(exchange, known)
               : satchel_fail(error, status, "the lives of a store cannot be read");
}

satchel_status satchel_exchange_check_store(satchel_server_exchange *exchange, satchel_db *db,
                                            const satchel_device_state *state, satchel_incarnation *out,
                                            satchel_error *error) {
    satchel_status status = satchel_incarnation_by_number(db, state->incarnation, out, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_request_head *head = &exchange->head;
    bool named = !satchel_id_is_none(&head->incarnation);
    exchange->begins = false;
    if (named && !satchel_id_equal(&head->incarnation, &out->id)) {
        return head->parents.bytes > 0 ? look_for_new_life(exchange, db, state, out, error)
                                       : answer_lost_life(exchange, db, out, error);
    }
    exchange->incarnation = out->number;
    /* A restored server takes the token as it comes: it knows an older one at best. */
    if (same_token(head->token_current, state->token_current) || same_token(state->token_current, no_token)) {
        return SATCHEL_OK;
    }
    if (same_token(head->token_current, state->token_previous) && same_token(head->token_next, state->token_current)) {
        exchange->token_moved = true;
        return SATCHEL_OK;
    }
    return satchel_exchange_answer_fork(exchange, out);
}

void satchel_exchange_take_token(const satchel_server_exchange *exchange, satchel_device_state *state) {
    if (same_token(state->token_current, no_token)) {
        memcpy(state->token_current, exchange->head.token_current, sizeof state->token_current);
    }
}

satchel_status satchel_exchange_check_device(satchel_server_exchange *exchange, const satchel_device_state *state) {
    if (state->revoked) {
        return satchel_exchange_answer_with(exchange, SATCHEL_REVOKED);
    }
    exchange->highest_number = state->request_number;
    return exchange->request_number > state->request_number ? SATCHEL_OK
                                                            : satchel_exchange_answer_with(exchange, SATCHEL_REPLAYED);
}

satchel_status satchel_exchange_take_over(satchel_server_exchange *exchange, satchel_db *db,
                                          satchel_incarnation *incarnation, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    bool same = incarnation->applied_through == incarnation->parent_sequence;
    /* Of a life whose parents went with a lost stretch the first that it kept is as good a beginning as any. */
    if (same && incarnation->parent == 0 && exchange->unit_count > 0 && exchange->units[0].shown.receipt.bytes > 0 &&
        exchange->units[0].head.first_sequence > incarnation->applied_through + 1) {
        incarnation->applied_through = exchange->units[0].head.first_sequence - 1;
        incarnation->parent_sequence = incarnation->applied_through;
    }
    uint64_t before = incarnation->applied_through;
    for (uint32_t i = 0; status == SATCHEL_OK && same && i < exchange->unit_count; i++) {
        const satchel_arrived_unit *unit = &exchange->units[i];
        uint64_t holder = 0;
        if (unit->head.first_sequence <= incarnation->applied_through) {
            continue;
        }
        status = satchel_unit_decided_in(db, incarnation, unit, &holder, error);
        same = holder != 0 && unit->head.first_sequence == incarnation->applied_through + 1;
        if (status == SATCHEL_OK && same) {
            incarnation->applied_through += unit->head.count;
            incarnation->parent_sequence = incarnation->applied_through;
            incarnation->parent = holder;
            memcpy(incarnation->applied_digest, unit->digest, sizeof incarnation->applied_digest);
        }
    }
    return status == SATCHEL_OK && incarnation->applied_through > before
               ? satchel_incarnation_advance(db, incarnation, error)
               : status;
}

/* The new life is the device's from here on. */
satchel_status satchel_exchange_begin_life(satchel_server_exchange *exchange, satchel_db *db,
                                           satchel_device_state *state, satchel_incarnation *incarnation,
                                           satchel_error *error) {
    const satchel_audit_entry entry = {.action = "store forked", .user = state->user, .device = state->id};
    satchel_status status = satchel_incarnation_add(db, incarnation, error);
    if (status == SATCHEL_OK) {
        status = satchel_audit_note(exchange->service, db, &entry, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_orders_forget(db, &state->id, error); /* the copy may hold older ones */
    }
    exchange->incarnation = incarnation->number;
    state->incarnation = incarnation->number;
    memcpy(state->token_current, exchange->head.token_current, sizeof state->token_current);
    return status;
}
