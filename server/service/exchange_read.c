/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading half of an exchange: whose signature, which units. What is checked here is checked again in `apply`,
 * which alone sees what other exchanges of the same device have done meanwhile.
 */
#include "service/exchange_state.h"

#include "base/error.h"
#include "base/limits.h"
#include "wire/body.h"

#include <string.h>

static satchel_status turn_away(satchel_server_exchange *exchange, uint32_t http_status, satchel_status status) {
    exchange->http_status = http_status;
    return satchel_exchange_answer_with(exchange, status);
}

/* Who asks, and is it he? `out_state` only if the exchange goes on. */
static satchel_status authenticate(satchel_server_exchange *exchange, satchel_db *db, const char *method,
                                   const char *path, const satchel_signed_headers *headers, satchel_bytes body,
                                   satchel_device_state *out_state, satchel_error *error) {
    satchel_id device;
    if (satchel_request_claim(headers, &device, &exchange->request_number, NULL) != SATCHEL_OK) {
        return turn_away(exchange, 401, SATCHEL_UNAUTHENTICATED);
    }
    satchel_status status = satchel_device_state_load(db, &device, out_state, error);
    if (status == SATCHEL_NOT_FOUND) {
        return turn_away(exchange, 401, SATCHEL_UNAUTHENTICATED);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    if (satchel_request_verify(method, path, body, headers, out_state->public_key, NULL) != SATCHEL_OK) {
        return turn_away(exchange, 401, SATCHEL_UNAUTHENTICATED);
    }
    exchange->device = device;
    exchange->user = out_state->user;
    exchange->facts.device = device;
    return SATCHEL_OK;
}

/* Units follow each other without a gap. */
static bool are_contiguous(const satchel_server_exchange *exchange) {
    for (uint32_t i = 1; i < exchange->unit_count; i++) {
        const satchel_unit_ops *before = &exchange->units[i - 1].head;
        if (exchange->units[i].head.first_sequence != before->first_sequence + before->count) {
            return false;
        }
    }
    return true;
}

static satchel_status read_units(satchel_server_exchange *exchange, uint32_t count) {
    satchel_reader reader = satchel_reader_of(satchel_buffer_view(&exchange->payload));
    satchel_request_head head;
    satchel_status status = satchel_request_read_head(&reader, &head, NULL);
    bool found = true;
    exchange->units = satchel_arena_take_array(&exchange->arena, count, sizeof *exchange->units);
    if (exchange->units == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    while (status == SATCHEL_OK && found && exchange->unit_count < count) {
        satchel_bytes bytes = {NULL, 0};
        status = satchel_request_next_unit(&reader, &bytes, &found, NULL);
        if (status == SATCHEL_OK && found) {
            status = satchel_unit_arrive(&exchange->service->schema, bytes, &exchange->arena,
                                         &exchange->units[exchange->unit_count++], NULL);
        }
    }
    return status;
}

static satchel_status take_payload(satchel_server_exchange *exchange, satchel_bytes body, satchel_error *error) {
    uint32_t count = 0;
    satchel_status status = satchel_body_unpack(body, &exchange->payload, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_request_check(satchel_buffer_view(&exchange->payload), &exchange->head, &count, NULL);
    }
    if (status == SATCHEL_OK && exchange->head.protocol != SATCHEL_PROTOCOL_VERSION) {
        return satchel_exchange_answer_with(exchange, SATCHEL_UPGRADE_REQUIRED);
    }
    if (status == SATCHEL_OK) {
        status = read_units(exchange, count);
    }
    if (status == SATCHEL_NO_MEMORY) {
        return satchel_fail(error, status, "no memory for a request");
    }
    exchange->facts.units = exchange->unit_count;
    return status == SATCHEL_OK && are_contiguous(exchange)
               ? SATCHEL_OK
               : satchel_exchange_answer_with(exchange, SATCHEL_PROTOCOL_ERROR);
}
/* A revoked device is answered REVOKED, but may still say that it ended: of its units nothing is read. */
static satchel_status read_last_words(satchel_server_exchange *exchange, satchel_db *db, satchel_bytes body,
                                      satchel_error *error) {
    uint32_t count = 0;
    satchel_status status = satchel_body_unpack(body, &exchange->payload, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_request_check(satchel_buffer_view(&exchange->payload), &exchange->head, &count, NULL);
    }
    if (status == SATCHEL_NO_MEMORY) {
        return satchel_fail(error, status, "no memory for a request");
    }
    status = status == SATCHEL_OK ? satchel_exchange_look_at_notes(exchange, db, error) : SATCHEL_OK;
    exchange->last_words = status == SATCHEL_OK && exchange->notes_due;
    return status;
}

satchel_status satchel_exchange_take_request(satchel_server_exchange *exchange, satchel_db *db, const char *method,
                                             const char *path, const satchel_signed_headers *headers,
                                             satchel_bytes body, satchel_error *error) {
    satchel_device_state state;
    satchel_incarnation incarnation;
    bool fenced = false;
    satchel_status status = authenticate(exchange, db, method, path, headers, body, &state, error);
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status = satchel_exchange_check_device(exchange, &state);
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_REVOKED) {
        return read_last_words(exchange, db, body, error);
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status = take_payload(exchange, body, error);
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status = satchel_service_gate(exchange->service, db, &exchange->day_due, &fenced, error);
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK && fenced) {
        status = satchel_exchange_answer_with(exchange, SATCHEL_BUSY); /* before anything is said of forks */
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status = satchel_exchange_check_store(exchange, db, &state, &incarnation, error);
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status = satchel_exchange_look_at_notes(exchange, db, error);
    }
    return status;
}
