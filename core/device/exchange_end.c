/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an exchange ends: what is remembered of it, an order to end the store, the purge of what left.
 */
#include "device/exchange.h"

#include "device/ending.h"

/* The device is held. */
void satchel_exchange_end(satchel_exchange *exchange, satchel_status status) {
    bool is_out = exchange->phase == PHASE_ANSWER; /* another thread may be sending the body: it goes at close */
    exchange->phase = PHASE_OVER;
    exchange->status = status;
    if (!is_out) {
        satchel_sync_engine_close(exchange->engine);
        exchange->engine = NULL;
    }
    if (exchange->device->exchange == exchange) {
        exchange->device->exchange = NULL;
    }
}

void satchel_device_cut_exchange(satchel_device *device, satchel_status status) {
    if (device->exchange != NULL) {
        satchel_exchange_end(device->exchange, status);
    }
}

/* Is it time to end the store? `*out_kind` 0: no. */
static satchel_receipt_kind look_for_end(satchel_exchange *exchange) {
    satchel_wipe_receipt left;
    const satchel_orders *orders = &exchange->device->book.orders;
    if (orders->command == SATCHEL_ORDER_WIPE) {
        return SATCHEL_RECEIPT_WIPED;
    }
    bool sent = exchange->status == SATCHEL_OK || exchange->status == SATCHEL_UPGRADE_REQUIRED ||
                exchange->status == SATCHEL_REQUIRED_BEFORE; /* also of one to which nothing comes down */
    if (orders->command != SATCHEL_ORDER_RETIRE || !sent || exchange->more) {
        return (satchel_receipt_kind)0;
    }
    satchel_ending_count(exchange->device, &left);
    if (!satchel_ending_is_clear(&left)) {
        exchange->status = SATCHEL_REQUIRED_BEFORE;
        return (satchel_receipt_kind)0;
    }
    return SATCHEL_RECEIPT_RETIRED;
}

/* The store ends here; the exchange goes on for its notice. */
static satchel_status end_store(satchel_exchange *exchange, satchel_receipt_kind kind, satchel_error *error) {
    satchel_device *device = exchange->device;
    const satchel_sync_state state = *satchel_sync_engine_state(exchange->engine);
    satchel_wipe_receipt receipt;
    device->exchange = NULL;
    satchel_status status = satchel_ending_by_order(device, kind, &state, &receipt, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_exchange_end(exchange, kind == SATCHEL_RECEIPT_WIPED ? SATCHEL_WIPED : SATCHEL_RETIRED);
    exchange->phase =
        satchel_notice_open(&exchange->notice, device->folder, NULL) == SATCHEL_OK ? PHASE_NOTICE : PHASE_OVER;
    return SATCHEL_OK;
}

/* The engine is done: what is remembered of it, then the purge. */
satchel_status satchel_exchange_finish(satchel_exchange *exchange, satchel_error *error) {
    exchange->status = exchange->action.status;
    if (exchange->status == SATCHEL_UPGRADE_REQUIRED && satchel_orders_want_pin(exchange->device)) {
        exchange->status = SATCHEL_REQUIRED_BEFORE; /* nothing came down for want of a PIN */
    }
    exchange->more = exchange->action.more || satchel_store_page_left(exchange->device->store);
    if (exchange->budget_over && exchange->status == SATCHEL_CANCELLED) {
        /* The budget is no failure once something was stored; before that the network was too slow, or worse. */
        satchel_status without = exchange->pages > 0 || exchange->slices > 0 ? SATCHEL_OK : SATCHEL_TIMED_OUT;
        exchange->status = exchange->failure != SATCHEL_OK ? exchange->failure : without;
        exchange->more = true;
    }
    satchel_receipt_kind ends = look_for_end(exchange);
    if (ends != 0) {
        return end_store(exchange, ends, error);
    }
    if (exchange->bare && (exchange->status == SATCHEL_OK || exchange->status == SATCHEL_UPGRADE_REQUIRED)) {
        exchange->status = SATCHEL_DISK_FULL;
    }
    exchange->phase = PHASE_PURGE;
    /* An answer with nothing new is not stored, yet it measured the clock. */
    const satchel_sync_state *state = satchel_sync_engine_state(exchange->engine);
    exchange->device->offset_ms = state->offset_ms;
    exchange->device->seen_ms = state->seen_ms;
    bool complete = exchange->status == SATCHEL_OK && !exchange->more;
    satchel_anchor_write(exchange->device);
    return satchel_device_note_sync(exchange->device, exchange->status, complete, error);
}

/* The rest of a page comes before the purge; what is not purged now is, in slices of its own (idle.c), later. */
satchel_status satchel_exchange_purge(satchel_exchange *exchange, satchel_error *error) {
    bool left = false;
    bool stops = atomic_load(&exchange->cancelled) || satchel_store_page_left(exchange->device->store);
    satchel_status status = stops ? SATCHEL_OK : satchel_idle_purge(exchange->device, &left, error);
    satchel_store_take_changed(exchange->device->store, exchange->changed.bits);
    exchange->budget_over = exchange->budget_over || satchel_exchange_budget_is_over(exchange);
    if (status == SATCHEL_OK && (!left || exchange->budget_over)) {
        satchel_exchange_end(exchange, exchange->status);
    }
    return status;
}

bool satchel_exchange_budget_is_over(const satchel_exchange *exchange) {
    if (exchange->budget_ms <= 0) {
        return false;
    }
    int64_t now_ms = satchel_device_moment(exchange->device).monotonic_ms;
    return now_ms - exchange->started_ms >= exchange->budget_ms;
}
