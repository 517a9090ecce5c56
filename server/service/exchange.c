/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /v1/sync from the signed bytes to the packed answer.
 *
 * What decides is checked twice: in `read`, so that most of what is wrong never reaches the writer, and in `apply`,
 * which alone sees what other exchanges of the same device have done meanwhile.
 */
#include "service/exchange_state.h"
#include "service/tombstone.h"

#include "base/error.h"
#include "base/memory.h"

satchel_status satchel_server_exchange_read(satchel_server_exchange **out, const satchel_service *service,
                                            satchel_db *db, const char *method, const char *path,
                                            const satchel_signed_headers *headers, satchel_bytes body,
                                            satchel_error *error) {
    *out = NULL;
    satchel_server_exchange *exchange = satchel_memory_take(sizeof *exchange);
    if (exchange == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for an exchange");
    }
    exchange->service = service;
    exchange->http_status = 200;
    satchel_arena_init(&exchange->arena);
    satchel_arena_init(&exchange->wanted_arena);
    satchel_buffer_init(&exchange->payload);
    satchel_status status = satchel_exchange_take_request(exchange, db, method, path, headers, body, error);
    if (status != SATCHEL_OK) {
        satchel_server_exchange_close(exchange);
        return status;
    }
    exchange->repair_due = exchange->head.digests.bytes > 0;
    satchel_point_of(exchange->head.cursor, &exchange->point_n, &exchange->point_due);
    if (exchange->status == SATCHEL_OK && exchange->point_due) {
        status = satchel_point_is_due(service, db, &exchange->device, exchange->point_n, &exchange->point_due, error);
    }
    if (status != SATCHEL_OK) {
        satchel_server_exchange_close(exchange);
        return status;
    }
    *out = exchange;
    return SATCHEL_OK;
}

bool satchel_server_exchange_needs_apply(const satchel_server_exchange *exchange) {
    bool undecided = exchange->unit_count > 0 && !exchange->applied;
    return exchange->notes_due ||
           (exchange->status == SATCHEL_OK &&
            (undecided || exchange->begins || exchange->day_due || exchange->checkpoint_due || exchange->repair_due ||
             exchange->books_due || exchange->point_due || exchange->wanted_sets != NULL));
}
satchel_exchange_facts satchel_server_exchange_facts(const satchel_server_exchange *exchange) {
    return exchange->facts;
}

void satchel_server_exchange_close(satchel_server_exchange *exchange) {
    if (exchange != NULL) {
        satchel_buffer_deinit(&exchange->payload);
        satchel_arena_deinit(&exchange->arena);
        satchel_arena_deinit(&exchange->wanted_arena);
        satchel_memory_give(exchange);
    }
}
