/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange: carries out what the sync engine asks for, until it wants the network, a pause, or is done.
 *
 * Every action is one short hold of the device, so other calls get their turn between two of them. A kill at any point
 * is legal: what must survive is saved before a request leaves, and with the page that it belongs to. When the engine
 * is done, rows that were removed are purged in small transactions before DONE is told.
 */
#include "device/exchange.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/memory.h"
#include "wire/body.h"

#include <satchel/version.h>

#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 60000

satchel_status satchel_exchange_step(satchel_exchange *exchange, satchel_sync_event *event, satchel_error *error) {
    satchel_status status = satchel_sync_engine_step(exchange->engine, event, &exchange->action);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the sync engine refuses event %d", (int)event->kind);
    }
    if (exchange->action.rows_total != 0) {
        exchange->progress.rows_done = exchange->action.rows_done;
        exchange->progress.rows_total = exchange->action.rows_total;
    }
    exchange->phase = PHASE_CARRY;
    return SATCHEL_OK;
}

/* Events that begin something carry the moment and fresh randomness. */
satchel_status satchel_exchange_step_fresh(satchel_exchange *exchange, satchel_sync_event_kind kind,
                                           satchel_error *error) {
    satchel_sync_event event = {.kind = kind, .moment = satchel_device_moment(exchange->device)};
    satchel_status status =
        satchel_random_fill(satchel_device_random(exchange->device), event.random, sizeof event.random);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the random source failed");
    }
    return satchel_exchange_step(exchange, &event, error);
}

static satchel_status step_plain(satchel_exchange *exchange, satchel_sync_event_kind kind, satchel_error *error) {
    satchel_sync_event event = {.kind = kind, .moment = satchel_device_moment(exchange->device)};
    return satchel_exchange_step(exchange, &event, error);
}

void satchel_exchange_say_notes(satchel_exchange *exchange) {
    satchel_sync_notes notes;
    satchel_orders_notes(exchange->device, &notes);
    notes.page_rows = satchel_idle_page_credit(exchange->device->idle.page_rows);
    if (exchange->bare) {
        notes = (satchel_sync_notes){.push_only = true};
    }
    satchel_sync_engine_say(exchange->engine, &notes);
    exchange->says = notes.witness.bytes > 0 || notes.orders_serial > 0;
}

satchel_status satchel_exchange_open(satchel_exchange **out, satchel_device *device, int64_t budget_ms,
                                     satchel_error *error) {
    satchel_sync_state state;
    *out = NULL;
    satchel_status status = satchel_device_enter(device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_exchange *exchange = satchel_memory_take(sizeof *exchange);
    if (exchange == NULL) {
        status = satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for an exchange");
        goto done;
    }
    exchange->device = device;
    exchange->budget_ms = budget_ms;
    atomic_init(&exchange->cancelled, false);
    if (!device->identity.enrolled) {
        status = satchel_fail(error, SATCHEL_UNAUTHENTICATED, "the device is not enrolled");
    } else if (device->exchange != NULL) {
        status = satchel_fail(error, SATCHEL_MISUSE, "an exchange is running already");
    } else {
        status = satchel_store_sync_state(device->store, &state, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_orders_resume(device, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_sync_engine_open(&exchange->engine, &state, satchel_schema_version());
    }
    if (status == SATCHEL_OK) {
        satchel_exchange_say_notes(exchange);
        exchange->started_ms = satchel_device_moment(device).monotonic_ms;
        exchange->settled_first = state.settled_through;
        status = satchel_exchange_step_fresh(exchange, SATCHEL_SYNC_START, error);
        exchange->phase = satchel_store_page_left(device->store) ? PHASE_RESUME : exchange->phase;
    }
    if (status == SATCHEL_OK) {
        device->exchange = exchange;
        *out = exchange;
        exchange = NULL;
    }
done:
    if (exchange != NULL) {
        satchel_sync_engine_close(exchange->engine);
        satchel_memory_give(exchange);
    }
    satchel_device_leave(device);
    return status;
}

/* --- the engine's actions --- */

/* The engine may have begun a new life, as the server knows another copy: the user is told before it counts. */
static satchel_status save_state(satchel_exchange *exchange, satchel_error *error) {
    satchel_device *device = exchange->device;
    const satchel_sync_state *next = satchel_sync_engine_state(exchange->engine);
    satchel_sync_state stored;
    satchel_status status = satchel_store_sync_state(device->store, &stored, error);
    bool forked = status == SATCHEL_OK && !satchel_id_equal(&stored.incarnation, &next->incarnation);
    if (status == SATCHEL_OK && exchange->bare) {
        return forked ? satchel_fail(error, SATCHEL_DISK_FULL, "a new life of the store cannot be written down")
                      : step_plain(exchange, SATCHEL_SYNC_SAVED, error);
    }
    if (forked) {
        status = satchel_device_warn(device, SATCHEL_WARNING_FORKED, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_save_sync_state(device->store, next, error);
    }
    if (status == SATCHEL_DISK_FULL && satchel_exchange_may_use_reserve(exchange)) {
        satchel_error_clear(error);
        status = satchel_store_save_sync_state(device->store, next, error);
    }
    if (status == SATCHEL_DISK_FULL) {
        satchel_error_clear(error);
        return satchel_exchange_ask_bare(exchange, error);
    }
    if (status == SATCHEL_OK && !exchange->anchored) {
        satchel_anchor_write(device); /* before the first request: what the server hears of is named */
        exchange->anchored = true;
    }
    return status == SATCHEL_OK ? step_plain(exchange, SATCHEL_SYNC_SAVED, error) : status;
}

static satchel_status sign_request(satchel_exchange *exchange, satchel_http_request *out, satchel_error *error) {
    exchange->sent_number = exchange->action.request_number;
    const satchel_identity *identity = &exchange->device->identity;
    satchel_status status =
        satchel_request_sign("POST", SATCHEL_EXCHANGE_PATH, exchange->action.body, &identity->device,
                             exchange->action.request_number, identity->secret, &exchange->headers);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the request cannot be signed");
    }
    snprintf(exchange->url, sizeof exchange->url, "%s" SATCHEL_EXCHANGE_PATH, identity->server);
    out->method = "POST";
    out->url = exchange->url;
    out->headers[0] = (satchel_http_header){"Content-Type", SATCHEL_BODY_MEDIA_TYPE};
    out->headers[1] = (satchel_http_header){"Content-Digest", exchange->headers.content_digest};
    out->headers[2] = (satchel_http_header){"Satchel-Request", exchange->headers.request_number};
    out->headers[3] = (satchel_http_header){"Signature-Input", exchange->headers.signature_input};
    out->headers[4] = (satchel_http_header){"Signature", exchange->headers.signature};
    out->header_count = 5;
    out->body = exchange->action.body;
    out->timeout_ms = TIMEOUT_MS;
    if (exchange->last_sequence > 0) {
        status = satchel_store_mark_sent(exchange->device->store, exchange->last_sequence, error);
    }
    if (status == SATCHEL_OK) {
        exchange->phase = PHASE_ANSWER;
        exchange->progress.bytes_sent += exchange->action.body.bytes;
    }
    return status;
}

/* --- orders --- */

/* What came beside rows is taken from any answer to this very request: it stands on its signature. */
static satchel_status take_head(satchel_exchange *exchange, satchel_error *error) {
    satchel_device *device = exchange->device;
    const satchel_answer_head *head = satchel_sync_engine_head(exchange->engine);
    if (head->request_number == 0 || head->request_number != exchange->sent_number) {
        return SATCHEL_OK;
    }
    bool ok = head->status == SATCHEL_OK;
    satchel_status status = satchel_orders_take(device, head, ok && exchange->says, error);
    /* A store that is to be wiped needs no lease, and one that cannot be written to is no excuse. */
    if (status == SATCHEL_OK && device->book.orders.command != SATCHEL_ORDER_WIPE) {
        status =
            satchel_lease_hear(device, head->server_time_ms, ok || head->status == SATCHEL_UPGRADE_REQUIRED, error);
    }
    if (status == SATCHEL_DISK_FULL && exchange->bare) {
        satchel_error_clear(error); /* what could not be written comes again; an order to end the store was taken */
        status = SATCHEL_OK;
    }
    satchel_exchange_say_notes(exchange);
    return status;
}

/* --- the pull --- */

/*
 * Cancel and budget are looked at where the engine has nothing half done: before a request, while it waits, and between
 * two slices of a page. Of a page at least one slice is stored before the budget is asked, so that exchanges of any
 * budget come to an end of it.
 */
static bool wants_to_stop(satchel_exchange *exchange) {
    bool stores = exchange->phase == PHASE_STORE || exchange->phase == PHASE_RESUME;
    bool idle = exchange->phase == PHASE_WAIT ||
                (exchange->phase == PHASE_CARRY && (exchange->action.kind == SATCHEL_SYNC_DO_LOAD_UNITS ||
                                                    exchange->action.kind == SATCHEL_SYNC_DO_WAIT));
    if (!idle && !stores) {
        return false;
    }
    if (atomic_load(&exchange->cancelled)) {
        return true;
    }
    exchange->budget_over = (idle || exchange->slices > 0) && satchel_exchange_budget_is_over(exchange);
    return exchange->budget_over;
}

/* Own changes: sequences without a gap, so the marks of the log tell how many. After a restore it goes back. */
static void measure(satchel_exchange *exchange) {
    satchel_progress *progress = &exchange->progress;
    uint64_t settled = 0;
    uint64_t last = 0;
    satchel_store_marks(exchange->device->store, &settled, &last);
    exchange->settled_first = settled < exchange->settled_first ? settled : exchange->settled_first;
    progress->changes_done = settled - exchange->settled_first;
    progress->changes_total = last > exchange->settled_first ? last - exchange->settled_first : 0;
}

static void fill_step(const satchel_exchange *exchange, satchel_step_kind kind, satchel_step *out) {
    out->kind = kind;
    out->progress = exchange->progress;
    out->status = exchange->status;
    out->more = exchange->more;
}

/* Carries out one action. `*out_told` becomes true when there is something for the caller. */
static satchel_status carry_out(satchel_exchange *exchange, satchel_step *out, bool *out_told, satchel_error *error) {
    switch (exchange->action.kind) {
    case SATCHEL_SYNC_DO_LOAD_UNITS: return satchel_exchange_load_units(exchange, error);
    case SATCHEL_SYNC_DO_SAVE_STATE: return save_state(exchange, error);
    case SATCHEL_SYNC_DO_STORE:
        return exchange->bare ? step_plain(exchange, SATCHEL_SYNC_STORED, error) /* the server's time alone */
                              : satchel_exchange_store_page(exchange, error);
    case SATCHEL_SYNC_DO_DONE: return satchel_exchange_finish(exchange, error);
    case SATCHEL_SYNC_DO_SEND:
        fill_step(exchange, SATCHEL_STEP_SEND, out);
        *out_told = true;
        return sign_request(exchange, &out->request, error);
    case SATCHEL_SYNC_DO_WAIT:
        fill_step(exchange, SATCHEL_STEP_WAIT, out);
        out->wait_ms = exchange->action.wait_ms;
        out->status = exchange->action.status;
        exchange->failure = exchange->action.status;
        exchange->phase = PHASE_WAIT;
        *out_told = true;
        return SATCHEL_OK;
    }
    return satchel_fail(error, SATCHEL_INTERNAL, "the sync engine asks for action %d", (int)exchange->action.kind);
}

/* One hold of the device. */
static satchel_status advance(satchel_exchange *exchange, satchel_step *out, bool *out_told, satchel_error *error) {
    if (wants_to_stop(exchange)) {
        return step_plain(exchange, SATCHEL_SYNC_CANCEL, error);
    }
    switch (exchange->phase) {
    case PHASE_CARRY: return carry_out(exchange, out, out_told, error);
    case PHASE_WAIT: return satchel_exchange_step_fresh(exchange, SATCHEL_SYNC_TIMER, error);
    case PHASE_PURGE: return satchel_exchange_purge(exchange, error);
    case PHASE_STORE:
    case PHASE_RESUME: return satchel_exchange_go_on_storing(exchange, error);
    case PHASE_ANSWER:
        if (atomic_load(&exchange->cancelled)) {
            return step_plain(exchange, SATCHEL_SYNC_CANCEL, error);
        }
        return satchel_fail(error, SATCHEL_MISUSE, "the last request has neither answer nor failure yet");
    case PHASE_NOTICE:
    case PHASE_NOTICE_OUT: break; /* without the device: send_notice */
    case PHASE_OVER:
        fill_step(exchange, SATCHEL_STEP_DONE, out);
        *out_told = true;
        return SATCHEL_OK;
    }
    return SATCHEL_INTERNAL;
}

/* There is no store any more, and no device to hold. */
static satchel_status send_notice(satchel_exchange *exchange, satchel_step *out, satchel_error *error) {
    if (exchange->phase == PHASE_NOTICE_OUT && !atomic_load(&exchange->cancelled)) {
        return satchel_fail(error, SATCHEL_MISUSE, "the last request has neither answer nor failure yet");
    }
    bool sends = exchange->phase == PHASE_NOTICE && !atomic_load(&exchange->cancelled);
    exchange->phase = sends ? PHASE_NOTICE_OUT : PHASE_OVER;
    fill_step(exchange, sends ? SATCHEL_STEP_SEND : SATCHEL_STEP_DONE, out);
    if (sends) {
        satchel_notice_request(exchange->notice, &out->request);
    }
    return SATCHEL_OK;
}

static bool has_no_device(const satchel_exchange *exchange) {
    return exchange->phase == PHASE_NOTICE || exchange->phase == PHASE_NOTICE_OUT ||
           (exchange->phase == PHASE_OVER &&
            (exchange->status == SATCHEL_WIPED || exchange->status == SATCHEL_RETIRED));
}

satchel_status satchel_exchange_next(satchel_exchange *exchange, satchel_step *out, satchel_error *error) {
    satchel_device *device = exchange->device;
    satchel_status status = SATCHEL_OK;
    bool told = false;
    memset(out, 0, sizeof *out);
    while (status == SATCHEL_OK && !told) {
        if (has_no_device(exchange)) {
            return send_notice(exchange, out, error);
        }
        status = satchel_device_enter_slice(device, error);
        if (status != SATCHEL_OK) {
            break;
        }
        status = advance(exchange, out, &told, error);
        if (status == SATCHEL_OK && told) {
            status = satchel_store_settle(device->store, error);
        }
        if (status == SATCHEL_OK && told) {
            status = satchel_store_count_unsent(device->store, &out->units_unsent, error);
        }
        if (status == SATCHEL_OK && device->store != NULL) {
            measure(exchange);
            out->progress = exchange->progress;
        }
        if (status != SATCHEL_OK && status != SATCHEL_MISUSE && status != SATCHEL_NO_MEMORY) {
            satchel_exchange_end(exchange, status);
        }
        satchel_device_leave(device);
        const satchel_changed_set changed = exchange->changed;
        memset(&exchange->changed, 0, sizeof exchange->changed);
        satchel_observers_tell(&device->observers, &changed);
        if (status == SATCHEL_OK && !told) {
            satchel_device_give_way(device);
        }
    }
    return status;
}

satchel_status satchel_exchange_feed(satchel_exchange *exchange, uint32_t http_status, satchel_bytes body,
                                     int64_t elapsed_ms, satchel_error *error) {
    if (exchange->phase == PHASE_NOTICE_OUT) {
        satchel_status taken = satchel_notice_feed(exchange->notice, http_status, body, NULL);
        (void)taken; /* what was not taken stays, to be sent at another time */
        exchange->phase = PHASE_OVER;
        return SATCHEL_OK;
    }
    satchel_status status = satchel_device_enter(exchange->device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (exchange->phase == PHASE_OVER) {
        status = SATCHEL_OK; /* cut short meanwhile: next tells */
    } else if (exchange->phase != PHASE_ANSWER) {
        status = satchel_fail(error, SATCHEL_MISUSE, "no request is out");
    } else {
        satchel_sync_event event = {
            .kind = SATCHEL_SYNC_ANSWER,
            .moment = satchel_device_moment(exchange->device),
            .http_status = http_status,
            .body = body,
            .elapsed_ms = elapsed_ms,
        };
        exchange->progress.bytes_received += body.bytes;
        status = satchel_random_fill(satchel_device_random(exchange->device), event.random, sizeof event.random);
        status = status == SATCHEL_OK ? satchel_exchange_step(exchange, &event, error)
                                      : satchel_fail(error, status, "the random source failed");
        if (status == SATCHEL_OK && exchange->tells_erased && exchange->action.kind != SATCHEL_SYNC_DO_WAIT) {
            exchange->tells_erased = false;
            status = satchel_store_erased_told(exchange->device->store, error);
        }
        if (status == SATCHEL_OK) {
            status = take_head(exchange, error);
        }
    }
    satchel_device_leave(exchange->device);
    return status;
}

satchel_status satchel_exchange_fail(satchel_exchange *exchange, satchel_error *error) {
    if (exchange->phase == PHASE_NOTICE_OUT) {
        exchange->phase = PHASE_OVER;
        return SATCHEL_OK;
    }
    satchel_status status = satchel_device_enter(exchange->device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (exchange->phase == PHASE_ANSWER) {
        status = satchel_exchange_step_fresh(exchange, SATCHEL_SYNC_FAILED, error);
    } else if (exchange->phase != PHASE_OVER) {
        status = satchel_fail(error, SATCHEL_MISUSE, "no request is out");
    }
    satchel_device_leave(exchange->device);
    return status;
}

satchel_status satchel_sync_progress(satchel_device *device, satchel_progress *out, satchel_error *error) {
    memset(out, 0, sizeof *out);
    satchel_status status = satchel_device_enter_slice(device, error);
    if (status == SATCHEL_OK) {
        if (device->exchange != NULL) {
            *out = device->exchange->progress;
        }
        satchel_device_leave(device);
    }
    return status;
}

void satchel_exchange_cancel(satchel_exchange *exchange) {
    atomic_store(&exchange->cancelled, true);
}

void satchel_exchange_close(satchel_exchange *exchange) {
    if (exchange == NULL) {
        return;
    }
    satchel_device *device = exchange->device;
    pthread_mutex_lock(&device->mutex); /* also while locked or suspended */
    if (exchange->phase != PHASE_OVER) {
        satchel_exchange_end(exchange, SATCHEL_CANCELLED);
    }
    pthread_mutex_unlock(&device->mutex);
    satchel_sync_engine_close(exchange->engine);
    satchel_notice_close(exchange->notice);
    satchel_arena_deinit(&exchange->arena);
    satchel_memory_give(exchange);
}
