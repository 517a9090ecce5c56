/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of an exchange: what its files share. exchange.c is the pull, exchange_load.c what goes up,
 * exchange_pages.c what is stored, exchange_end.c how it ends. Every function is called with the device held.
 */
#ifndef SATCHEL_DEVICE_EXCHANGE_H
#define SATCHEL_DEVICE_EXCHANGE_H

#include <satchel/sync.h>

#include "device/device.h"

#include "wire/signing.h"

#include <stdatomic.h>

#define SATCHEL_EXCHANGE_PATH "/v1/sync"
#define SATCHEL_EXCHANGE_URL_BYTES (SATCHEL_IDENTITY_TEXT_BYTES + 32)
#define SATCHEL_EXCHANGE_PROBES_MOST 2 /* requests without units in one exchange of a store that was repaired */

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
    /* Another call may cut it, and whoever drives it looks before he enters the device. */
    _Atomic exchange_phase phase;
    atomic_bool cancelled;
    int64_t budget_ms;
    int64_t started_ms;     /* monotonic */
    uint64_t last_sequence; /* of the units in the request */
    uint32_t pages;
    uint32_t slices;   /* of pages, a page that an earlier exchange began among them */
    bool tells_erased; /* the request confirms erasures */
    unsigned probes;
    _Atomic satchel_status status; /* how it ended */
    satchel_status failure;        /* why it waits or last waited, OK after a page */
    bool more;
    bool budget_over;
    bool anchored;
    bool bare; /* nothing can be written: it only asks what the company ordered */
    satchel_progress progress;
    uint64_t settled_first; /* own changes up to here were decided before */
    uint64_t sent_number;   /* of the request that is out */
    bool says;              /* … and it says what satchel_orders_notes gave */
    satchel_notice *notice;
    satchel_arena arena;
    satchel_changed_set changed; /* not told yet */
    char url[SATCHEL_EXCHANGE_URL_BYTES];
    satchel_signed_headers headers;
};

/* --- exchange.c: events for the engine --- */

SATCHEL_MUST_USE satchel_status satchel_exchange_step(satchel_exchange *exchange, satchel_sync_event *event,
                                                      satchel_error *error);
/* An event that begins something: with the moment and fresh randomness. */
SATCHEL_MUST_USE satchel_status satchel_exchange_step_fresh(satchel_exchange *exchange, satchel_sync_event_kind kind,
                                                            satchel_error *error);
void satchel_exchange_say_notes(satchel_exchange *exchange);

/* --- exchange_load.c --- */

/* The engine anew from what is stored: legal at any point, as a kill is. */
SATCHEL_MUST_USE satchel_status satchel_exchange_begin_again(satchel_exchange *exchange, satchel_error *error);
/* The server has told how far it got: what was lost can be told from what was only not answered. */
SATCHEL_MUST_USE satchel_status satchel_exchange_learn(satchel_exchange *exchange, bool forked, satchel_error *error);
/*
 * The disk is full, and its reserve is for work that waits or is gone: begins again with requests that need no durable
 * write. The company may want the store wiped or retired, and that is what makes space.
 */
SATCHEL_MUST_USE satchel_status satchel_exchange_ask_bare(satchel_exchange *exchange, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_exchange_load_units(satchel_exchange *exchange, satchel_error *error);
/* The disk is full: the reserve is for work that waits, never for what only comes down. True: try once more. */
bool satchel_exchange_may_use_reserve(satchel_exchange *exchange);

/* --- exchange_pages.c --- */

SATCHEL_MUST_USE satchel_status satchel_exchange_store_page(satchel_exchange *exchange, satchel_error *error);
/* What was begun is ended before anything is asked for: only then does the cursor say what is here. */
SATCHEL_MUST_USE satchel_status satchel_exchange_go_on_storing(satchel_exchange *exchange, satchel_error *error);

/* --- exchange_end.c --- */

void satchel_exchange_end(satchel_exchange *exchange, satchel_status status);
/* The engine is done: what is remembered of it, then the purge. */
SATCHEL_MUST_USE satchel_status satchel_exchange_finish(satchel_exchange *exchange, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_exchange_purge(satchel_exchange *exchange, satchel_error *error);
bool satchel_exchange_budget_is_over(const satchel_exchange *exchange);

#endif
