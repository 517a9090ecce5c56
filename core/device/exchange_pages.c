/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an exchange stores: each page slice by slice, with other calls between two slices. A page that was begun is gone
 * on with before anything is asked for, by whichever exchange comes next.
 */
#include "device/exchange.h"

#include "base/error.h"
#include "store/salvage.h"

/* The page is stored whole. */
static satchel_status page_stored(satchel_exchange *exchange, uint64_t settled_through, satchel_error *error) {
    satchel_device *device = exchange->device;
    satchel_sync_event event = {.kind = SATCHEL_SYNC_STORED, .settled_through = settled_through};
    bool restoring = false;
    event.moment = satchel_device_moment(device);
    device->offset_ms = satchel_sync_engine_state(exchange->engine)->offset_ms;
    satchel_anchor_note(device);
    exchange->pages++;
    exchange->failure = SATCHEL_OK;
    event.digests_due = satchel_store_digests_due(device->store);
    satchel_status status = satchel_store_restoring(device->store, &restoring, error);
    if (status != SATCHEL_OK || restoring) {
        return status == SATCHEL_OK ? satchel_exchange_learn(exchange, false, error) : status;
    }
    return satchel_exchange_step(exchange, &event, error);
}

/* A slice of the page: the first if it is in the engine's hands, else the next. */
static satchel_status store_slice(satchel_exchange *exchange, satchel_bytes payload, bool *out_left,
                                  uint64_t *out_settled, satchel_error *error) {
    satchel_store_outcome outcome = {0};
    satchel_device *device = exchange->device;
    const satchel_sync_state *state = satchel_sync_engine_state(exchange->engine);
    satchel_status status = satchel_idle_page(device, payload, state, &outcome, out_left, error);
    if (status == SATCHEL_DISK_FULL && satchel_exchange_may_use_reserve(exchange)) {
        satchel_error_clear(error);
        status = satchel_idle_page(device, payload, state, &outcome, out_left, error);
    }
    if (status == SATCHEL_OK) {
        exchange->slices++;
        exchange->failure = SATCHEL_OK;
        exchange->progress.rows_received += (uint64_t)outcome.rows_stored + outcome.rows_removed;
    }
    for (size_t i = 0; i < sizeof outcome.changed; i++) {
        exchange->changed.bits[i] = (uint8_t)(exchange->changed.bits[i] | outcome.changed[i]);
    }
    *out_settled = outcome.settled_through;
    return status;
}

/* Not the phone's fault. */
static satchel_status refuse_page(satchel_exchange *exchange, satchel_error *error) {
    satchel_sync_event event = {.kind = SATCHEL_SYNC_STORE_FAILED, .status = SATCHEL_MALFORMED};
    event.moment = satchel_device_moment(exchange->device);
    satchel_error_clear(error);
    return satchel_exchange_step(exchange, &event, error);
}

satchel_status satchel_exchange_store_page(satchel_exchange *exchange, satchel_error *error) {
    uint64_t settled = 0;
    bool left = false;
    satchel_status stored = store_slice(exchange, exchange->action.page, &left, &settled, error);
    if (stored == SATCHEL_OK) {
        exchange->phase = left ? PHASE_STORE : exchange->phase;
        return left ? SATCHEL_OK : page_stored(exchange, settled, error);
    }
    /* Else a fault of this phone: the exchange is over, the page comes again. */
    return stored == SATCHEL_MALFORMED ? refuse_page(exchange, error) : stored;
}

/* What was begun is ended before anything is asked for: only then does the cursor say what is here. */
satchel_status satchel_exchange_go_on_storing(satchel_exchange *exchange, satchel_error *error) {
    const satchel_bytes none = {NULL, 0};
    uint64_t settled = 0;
    bool left = false;
    satchel_status status = store_slice(exchange, none, &left, &settled, error);
    if (status == SATCHEL_MALFORMED && exchange->phase == PHASE_STORE) {
        return refuse_page(exchange, error);
    }
    if (status == SATCHEL_MALFORMED) { /* given up: it is asked for again, all of it */
        satchel_error_clear(error);
        return satchel_exchange_begin_again(exchange, error);
    }
    if (status == SATCHEL_DISK_FULL && exchange->phase == PHASE_RESUME) {
        satchel_error_clear(error);
        return satchel_exchange_ask_bare(exchange, error);
    }
    if (status != SATCHEL_OK || left) {
        return status;
    }
    return exchange->phase == PHASE_RESUME ? satchel_exchange_begin_again(exchange, error)
                                           : page_stored(exchange, settled, error);
}
