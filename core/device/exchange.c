/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange: carries out what the sync engine asks for, until it wants the network, a pause, or is done.
 *
 * Every action is one short hold of the device, so other calls get their turn between two of them. A kill at any point
 * is legal: what must survive is saved before a request leaves, and with the page that it belongs to. When the engine
 * is done, rows that were removed are purged in small transactions before DONE is told.
 */
#include <satchel/sync.h>
#include <satchel/version.h>

#include "device/device.h"
#include "device/ending.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/memory.h"
#include "store/salvage.h"
#include "wire/body.h"
#include "wire/signing.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define SYNC_PATH "/v1/sync"
#define URL_BYTES (SATCHEL_IDENTITY_TEXT_BYTES + 32)
#define TIMEOUT_MS 60000

typedef enum exchange_phase {
    PHASE_CARRY = 0,  /* the engine's action is to be carried out */
    PHASE_ANSWER = 1, /* a request is out */
    PHASE_WAIT = 2,   /* the engine waits */
    PHASE_PURGE = 3,  /* the engine is done, rows are purged */
    PHASE_OVER = 4,
    PHASE_STORE = 5,  /* a page is stored, slice by slice */
    PHASE_RESUME = 6, /* the same of a page that an earlier exchange began */
    PHASE_NOTICE = 7, /* the store is gone: its notice is to be sent */
    PHASE_NOTICE_OUT = 8
} exchange_phase;

struct satchel_exchange {
    satchel_device *device;
    satchel_sync_engine *engine; /* not used once over; it owns the body that the shell may be sending */
    satchel_sync_action action;
    exchange_phase phase;
    atomic_bool cancelled;
    int64_t budget_ms;
    int64_t started_ms;     /* monotonic */
    uint64_t last_sequence; /* of the units in the request */
    uint32_t pages;
    bool tells_erased; /* the request confirms erasures */
    unsigned probes;
    satchel_status status;  /* how it ended */
    satchel_status failure; /* why it waits or last waited, OK after a page */
    bool more;
    bool budget_over;
    bool anchored;
    uint64_t rows_done, rows_total;
    uint64_t sent_number; /* of the request that is out */
    bool says;            /* … and it says what satchel_orders_notes gave */
    satchel_notice *notice;
    satchel_arena arena;
    satchel_changed_set changed; /* not told yet */
    char url[URL_BYTES];
    satchel_signed_headers headers;
};

static satchel_status step(satchel_exchange *exchange, satchel_sync_event *event, satchel_error *error) {
    satchel_status status = satchel_sync_engine_step(exchange->engine, event, &exchange->action);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the sync engine refuses event %d", (int)event->kind);
    }
    if (exchange->action.rows_total != 0) {
        exchange->rows_done = exchange->action.rows_done;
        exchange->rows_total = exchange->action.rows_total;
    }
    exchange->phase = PHASE_CARRY;
    return SATCHEL_OK;
}

/* Events that begin something carry the moment and fresh randomness. */
static satchel_status step_fresh(satchel_exchange *exchange, satchel_sync_event_kind kind, satchel_error *error) {
    satchel_sync_event event = {.kind = kind, .moment = satchel_device_moment(exchange->device)};
    satchel_status status =
        satchel_random_fill(satchel_device_random(exchange->device), event.random, sizeof event.random);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the random source failed");
    }
    return step(exchange, &event, error);
}

static satchel_status step_plain(satchel_exchange *exchange, satchel_sync_event_kind kind, satchel_error *error) {
    satchel_sync_event event = {.kind = kind, .moment = satchel_device_moment(exchange->device)};
    return step(exchange, &event, error);
}

/* The device is held. */
static void end_exchange(satchel_exchange *exchange, satchel_status status) {
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
        end_exchange(device->exchange, status);
    }
}

static void say_notes(satchel_exchange *exchange) {
    satchel_sync_notes notes;
    satchel_orders_notes(exchange->device, &notes);
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
        say_notes(exchange);
        exchange->started_ms = satchel_device_moment(device).monotonic_ms;
        status = step_fresh(exchange, SATCHEL_SYNC_START, error);
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

/* --- a store that was repaired --- */

#define PROBES_MOST 2 /* requests without units in one exchange */

/* The engine anew from what is stored: legal at any point, as a kill is. */
static satchel_status begin_again(satchel_exchange *exchange, satchel_error *error) {
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
    say_notes(exchange);
    return step_fresh(exchange, SATCHEL_SYNC_START, error);
}

/* The server has told how far it got: what was lost can be told from what was only not answered. */
static satchel_status learn(satchel_exchange *exchange, bool forked, satchel_error *error) {
    satchel_device *device = exchange->device;
    const satchel_moment moment = satchel_device_moment(device);
    satchel_status status =
        satchel_store_learn(device->store, satchel_sync_engine_applied(exchange->engine), forked, &moment, error);
    return status == SATCHEL_OK ? begin_again(exchange, error) : status;
}

/* Until then no unit goes out; if the server begins with FORKED, that is its word. */
static satchel_status load_nothing(satchel_exchange *exchange, satchel_error *error) {
    const satchel_sync_state *next = satchel_sync_engine_state(exchange->engine);
    satchel_sync_state stored;
    satchel_status status = satchel_store_sync_state(exchange->device->store, &stored, error);
    if (status == SATCHEL_OK && !satchel_id_equal(&stored.incarnation, &next->incarnation)) {
        return learn(exchange, true, error);
    }
    satchel_sync_event event = {.kind = SATCHEL_SYNC_UNITS,
                                .moment = satchel_device_moment(exchange->device),
                                .last_sequence = exchange->action.after_sequence,
                                .more_units = ++exchange->probes < PROBES_MOST};
    exchange->last_sequence = 0;
    return status == SATCHEL_OK ? step(exchange, &event, error) : status;
}

/* The disk is full: the reserve is for work that waits, never for what only comes down. True: try once more. */
static bool may_use_reserve(satchel_exchange *exchange) {
    uint64_t unsent = 0;
    return satchel_store_count_unsent(exchange->device->store, &unsent, NULL) == SATCHEL_OK && unsent > 0 &&
           satchel_space_relieve(exchange->device);
}

/* --- the engine's actions --- */

static satchel_status load_units(satchel_exchange *exchange, satchel_error *error) {
    satchel_unit_batch batch = {0};
    bool restoring = false;
    satchel_arena_reset(&exchange->arena);
    satchel_status status = satchel_store_restoring(exchange->device->store, &restoring, error);
    if (status != SATCHEL_OK || restoring) {
        return status == SATCHEL_OK ? load_nothing(exchange, error) : status;
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
        .more_units = batch.more,
    };
    status = satchel_store_erased(exchange->device->store, &exchange->arena, &event.erased, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    exchange->tells_erased = event.erased.bytes > 0;
    exchange->last_sequence = batch.count > 0 ? batch.last_sequence : 0;
    status = step(exchange, &event, error);
    satchel_arena_reset(&exchange->arena);
    return status;
}

/* The engine may have begun a new life, as the server knows another copy: the user is told before it counts. */
static satchel_status save_state(satchel_exchange *exchange, satchel_error *error) {
    satchel_device *device = exchange->device;
    const satchel_sync_state *next = satchel_sync_engine_state(exchange->engine);
    satchel_sync_state stored;
    satchel_status status = satchel_store_sync_state(device->store, &stored, error);
    if (status == SATCHEL_OK && !satchel_id_equal(&stored.incarnation, &next->incarnation)) {
        status = satchel_device_warn(device, SATCHEL_WARNING_FORKED, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_save_sync_state(device->store, next, error);
    }
    if (status == SATCHEL_DISK_FULL && may_use_reserve(exchange)) {
        satchel_error_clear(error);
        status = satchel_store_save_sync_state(device->store, next, error);
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
    satchel_status status = satchel_request_sign("POST", SYNC_PATH, exchange->action.body, &identity->device,
                                                 exchange->action.request_number, identity->secret, &exchange->headers);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the request cannot be signed");
    }
    snprintf(exchange->url, sizeof exchange->url, "%s" SYNC_PATH, identity->server);
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
    }
    return status;
}

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
        return status == SATCHEL_OK ? learn(exchange, false, error) : status;
    }
    return step(exchange, &event, error);
}

/* A slice of the page: the first if it is in the engine's hands, else the next. */
static satchel_status store_slice(satchel_exchange *exchange, satchel_bytes payload, bool *out_left,
                                  uint64_t *out_settled, satchel_error *error) {
    satchel_store_outcome outcome = {0};
    satchel_device *device = exchange->device;
    const satchel_sync_state *state = satchel_sync_engine_state(exchange->engine);
    satchel_status status = satchel_idle_page(device, payload, state, &outcome, out_left, error);
    if (status == SATCHEL_DISK_FULL && may_use_reserve(exchange)) {
        satchel_error_clear(error);
        status = satchel_idle_page(device, payload, state, &outcome, out_left, error);
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
    return step(exchange, &event, error);
}

static satchel_status store_page(satchel_exchange *exchange, satchel_error *error) {
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
static satchel_status go_on_storing(satchel_exchange *exchange, satchel_error *error) {
    const satchel_bytes none = {NULL, 0};
    uint64_t settled = 0;
    bool left = false;
    satchel_status status = store_slice(exchange, none, &left, &settled, error);
    if (status == SATCHEL_MALFORMED && exchange->phase == PHASE_STORE) {
        return refuse_page(exchange, error);
    }
    if (status == SATCHEL_MALFORMED) { /* given up: it is asked for again, all of it */
        satchel_error_clear(error);
        return begin_again(exchange, error);
    }
    if (status != SATCHEL_OK || left) {
        return status;
    }
    return exchange->phase == PHASE_RESUME ? begin_again(exchange, error) : page_stored(exchange, settled, error);
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
    say_notes(exchange);
    return status;
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
    end_exchange(exchange, kind == SATCHEL_RECEIPT_WIPED ? SATCHEL_WIPED : SATCHEL_RETIRED);
    exchange->phase =
        satchel_notice_open(&exchange->notice, device->folder, NULL) == SATCHEL_OK ? PHASE_NOTICE : PHASE_OVER;
    return SATCHEL_OK;
}

/* The engine is done: what is remembered of it, then the purge. */
static satchel_status finish(satchel_exchange *exchange, satchel_error *error) {
    exchange->status = exchange->action.status;
    if (exchange->status == SATCHEL_UPGRADE_REQUIRED && satchel_orders_want_pin(exchange->device)) {
        exchange->status = SATCHEL_REQUIRED_BEFORE; /* nothing came down for want of a PIN */
    }
    exchange->more = exchange->action.more;
    if (exchange->budget_over && exchange->status == SATCHEL_CANCELLED) {
        /* The budget is no failure once something was stored; before that the network was too slow, or worse. */
        satchel_status without = exchange->pages > 0 ? SATCHEL_OK : SATCHEL_TIMED_OUT;
        exchange->status = exchange->failure != SATCHEL_OK ? exchange->failure : without;
        exchange->more = true;
    }
    satchel_receipt_kind ends = look_for_end(exchange);
    if (ends != 0) {
        return end_store(exchange, ends, error);
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

static satchel_status purge(satchel_exchange *exchange, satchel_error *error) {
    bool left = false;
    satchel_status status = satchel_idle_purge(exchange->device, &left, error);
    satchel_store_take_changed(exchange->device->store, exchange->changed.bits);
    if (status == SATCHEL_OK && (!left || exchange->budget_over)) {
        end_exchange(exchange, exchange->status);
    }
    return status;
}

/* --- the pull --- */

static bool budget_is_over(const satchel_exchange *exchange) {
    if (exchange->budget_ms <= 0) {
        return false;
    }
    int64_t now_ms = satchel_device_moment(exchange->device).monotonic_ms;
    return now_ms - exchange->started_ms >= exchange->budget_ms;
}

/* Cancel and budget are looked at where the engine has nothing half done: before a request, and while it waits. */
static bool wants_to_stop(satchel_exchange *exchange) {
    bool idle = exchange->phase == PHASE_WAIT ||
                (exchange->phase == PHASE_CARRY && (exchange->action.kind == SATCHEL_SYNC_DO_LOAD_UNITS ||
                                                    exchange->action.kind == SATCHEL_SYNC_DO_WAIT));
    if (!idle) {
        return false;
    }
    if (atomic_load(&exchange->cancelled)) {
        return true;
    }
    exchange->budget_over = budget_is_over(exchange);
    return exchange->budget_over;
}

static void fill_step(const satchel_exchange *exchange, satchel_step_kind kind, satchel_step *out) {
    out->kind = kind;
    out->rows_done = exchange->rows_done;
    out->rows_total = exchange->rows_total;
    out->status = exchange->status;
    out->more = exchange->more;
}

/* Carries out one action. `*out_told` becomes true when there is something for the caller. */
static satchel_status carry_out(satchel_exchange *exchange, satchel_step *out, bool *out_told, satchel_error *error) {
    switch (exchange->action.kind) {
    case SATCHEL_SYNC_DO_LOAD_UNITS: return load_units(exchange, error);
    case SATCHEL_SYNC_DO_SAVE_STATE: return save_state(exchange, error);
    case SATCHEL_SYNC_DO_STORE: return store_page(exchange, error);
    case SATCHEL_SYNC_DO_DONE: return finish(exchange, error);
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
    case PHASE_WAIT: return step_fresh(exchange, SATCHEL_SYNC_TIMER, error);
    case PHASE_PURGE: return purge(exchange, error);
    case PHASE_STORE:
    case PHASE_RESUME: return go_on_storing(exchange, error);
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
        status = satchel_device_enter(device, error);
        if (status != SATCHEL_OK) {
            break;
        }
        status = advance(exchange, out, &told, error);
        if (status == SATCHEL_OK && told) {
            status = satchel_store_count_unsent(device->store, &out->units_unsent, error);
        }
        if (status != SATCHEL_OK && status != SATCHEL_MISUSE && status != SATCHEL_NO_MEMORY) {
            end_exchange(exchange, status);
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
        status = satchel_random_fill(satchel_device_random(exchange->device), event.random, sizeof event.random);
        status = status == SATCHEL_OK ? step(exchange, &event, error)
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
        status = step_fresh(exchange, SATCHEL_SYNC_FAILED, error);
    } else if (exchange->phase != PHASE_OVER) {
        status = satchel_fail(error, SATCHEL_MISUSE, "no request is out");
    }
    satchel_device_leave(exchange->device);
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
        end_exchange(exchange, SATCHEL_CANCELLED);
    }
    pthread_mutex_unlock(&device->mutex);
    satchel_sync_engine_close(exchange->engine);
    satchel_notice_close(exchange->notice);
    satchel_arena_deinit(&exchange->arena);
    satchel_memory_give(exchange);
}
