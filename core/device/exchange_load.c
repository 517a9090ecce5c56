/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an exchange sends up: units, ranges to be compared, erasures to be confirmed. A store that was repaired sends no
 * unit until the server told how far it got.
 */
#include "device/exchange.h"

#include "base/error.h"
#include "base/ids.h"
#include "store/epoch.h"
#include "store/salvage.h"

#include <satchel/version.h>

/* The engine anew from what is stored: legal at any point, as a kill is. */
satchel_status satchel_exchange_begin_again(satchel_exchange *exchange, satchel_error *error) {
    satchel_sync_state state;
    satchel_status status = satchel_store_sync_state(exchange->device->store, &state, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_sync_engine *engine = NULL;
    status = satchel_sync_engine_open(&engine, &state, satchel_schema_version());
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the sync engine cannot begin again");
    }
    satchel_sync_engine_close(exchange->engine);
    exchange->engine = engine;
    satchel_exchange_say_notes(exchange);
    return satchel_exchange_step_fresh(exchange, SATCHEL_SYNC_START, error);
}

/* The server has told how far it got: what was lost can be told from what was only not answered. */
satchel_status satchel_exchange_learn(satchel_exchange *exchange, bool forked, satchel_error *error) {
    satchel_device *device = exchange->device;
    const satchel_moment moment = satchel_device_moment(device);
    satchel_status status =
        satchel_store_learn(device->store, satchel_sync_engine_applied(exchange->engine), forked, &moment, error);
    return status == SATCHEL_OK ? satchel_exchange_begin_again(exchange, error) : status;
}

/* Until then no unit goes out; if the server begins with FORKED, that is its word. */
static satchel_status load_nothing(satchel_exchange *exchange, satchel_error *error) {
    const satchel_sync_state *next = satchel_sync_engine_state(exchange->engine);
    satchel_sync_state stored;
    satchel_status status = satchel_store_sync_state(exchange->device->store, &stored, error);
    if (status == SATCHEL_OK && !satchel_id_equal(&stored.incarnation, &next->incarnation)) {
        return satchel_exchange_learn(exchange, true, error);
    }
    satchel_sync_event event = {.kind = SATCHEL_SYNC_UNITS,
                                .moment = satchel_device_moment(exchange->device),
                                .last_sequence = exchange->action.after_sequence,
                                .given_through = UINT64_MAX,
                                .more_units = ++exchange->probes < SATCHEL_EXCHANGE_PROBES_MOST};
    exchange->last_sequence = 0;
    return status == SATCHEL_OK ? satchel_exchange_step(exchange, &event, error) : status;
}

/* The disk is full: the reserve is for work that waits, never for what only comes down. True: try once more. */
bool satchel_exchange_may_use_reserve(satchel_exchange *exchange) {
    uint64_t unsent = 0;
    return satchel_store_count_unsent(exchange->device->store, &unsent, NULL) == SATCHEL_OK && unsent > 0 &&
           satchel_space_relieve(exchange->device);
}

/*
 * A request without units, page and notes moves nothing on the server. So its number and token need not last, and what
 * is stored is as good for the next request as it was for this one: at worst that is answered REPLAYED, and goes on.
 */
satchel_status satchel_exchange_ask_bare(satchel_exchange *exchange, satchel_error *error) {
    exchange->bare = true;
    exchange->last_sequence = 0;
    return satchel_exchange_begin_again(exchange, error);
}

satchel_status satchel_exchange_load_units(satchel_exchange *exchange, satchel_error *error) {
    satchel_unit_batch batch = {0};
    bool restoring = false;
    const uint64_t given = exchange->device->store->next_sequence - 1;
    if (exchange->bare) {
        satchel_sync_event none = {
            .kind = SATCHEL_SYNC_UNITS, .moment = satchel_device_moment(exchange->device), .given_through = given};
        return satchel_exchange_step(exchange, &none, error);
    }
    satchel_arena_reset(&exchange->arena);
    satchel_status status = satchel_store_restoring(exchange->device->store, &restoring, error);
    if (status != SATCHEL_OK || restoring) {
        return status == SATCHEL_OK ? load_nothing(exchange, error) : status;
    }
    const satchel_sync_state *next = satchel_sync_engine_state(exchange->engine);
    if (next->incarnation_new) { /* a life that a restored server did not know begins as far back as it says */
        satchel_again_begin(exchange->device->store, next->settled_through);
    }
    status = satchel_store_load_units(exchange->device->store, exchange->action.after_sequence,
                                      exchange->action.limit_bytes, &exchange->arena, &batch, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_digest_question question;
    status = satchel_store_ask_digests(exchange->device->store, &exchange->arena, &question, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_sync_event event = {
        .kind = SATCHEL_SYNC_UNITS,
        .moment = satchel_device_moment(exchange->device),
        .digests = question.ranges,
        .digest_wanted = question.wanted,
        .units = batch.units,
        .unit_count = batch.count,
        .last_sequence = batch.last_sequence,
        .given_through = given,
        .more_units = batch.more,
    };
    status = satchel_store_erased(exchange->device->store, &exchange->arena, &event.erased, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    exchange->tells_erased = event.erased.bytes > 0;
    exchange->last_sequence = batch.count > 0 ? batch.last_sequence : 0;
    status = satchel_exchange_step(exchange, &event, error);
    satchel_arena_reset(&exchange->arena);
    return status;
}
