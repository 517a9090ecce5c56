/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's sync engine: a step machine without I/O. An event goes in, one action comes out; whoever drives it
 * carries the action out and gives its result back as the next event. It handles encoded units and pages, never rows.
 *
 *   START ─► LOAD_UNITS ─(UNITS)─► SAVE_STATE ─(SAVED)─► SEND ─(ANSWER)─► STORE ─(STORED)─► LOAD_UNITS … ─► DONE
 *                           └──────── already saved ──────►┘  │  └ nothing new ┴──────────────────────────►─┘
 *                                                             └(FAILED)─► WAIT ─(TIMER)─► LOAD_UNITS
 *
 * What must survive a kill is in satchel_sync_state; it is saved before a request leaves (tokens, request number) and
 * in the same transaction as the page that it belongs to (cursor, position, and token and number of the next request,
 * so that a page costs one durable write). An answer with nothing new is not stored. A kill between any two steps is
 * legal.
 */
#ifndef SATCHEL_SYNC_ENGINE_H
#define SATCHEL_SYNC_ENGINE_H

#include "wire/answer.h"
#include "wire/request.h"

typedef struct satchel_sync_state {
    satchel_id incarnation;
    /* The server was not told of it at enrolment: every request names it and its parents until an answer came. */
    bool incarnation_new;
    satchel_id
        parents[SATCHEL_LIMIT_PARENTS]; /* lives that it may go on from, newest first; see satchel_sync_begin_life */
    uint32_t parent_count;
    uint8_t token_current[SATCHEL_TOKEN_BYTES];
    uint8_t token_next[SATCHEL_TOKEN_BYTES];
    bool token_next_sent;    /* token_next was used in a request: a retry must use the same */
    uint64_t request_number; /* no higher one was used */
    uint8_t cursor[SATCHEL_LIMIT_CURSOR_BYTES];
    uint32_t cursor_bytes;
    satchel_revision position; /* of the last stored page */
    int64_t seen_ms;           /* server time of the last stored answer */
    int64_t offset_ms;         /* server time minus wall clock, as measured at the last answer */
    uint64_t settled_through;  /* every op up to here is settled */
    uint32_t page_bytes;       /* size that fits the link */
} satchel_sync_state;

typedef enum satchel_sync_event_kind {
    SATCHEL_SYNC_START = 1, /* begin an exchange; `moment` and `random` are given */
    SATCHEL_SYNC_UNITS =
        2, /* `units`, `unit_count`, `last_sequence` (of their last op), `more_units`; `moment` if known */
    SATCHEL_SYNC_SAVED = 3,        /* the state of the last action is durable */
    SATCHEL_SYNC_ANSWER = 4,       /* `http_status`, `body`, `moment`, `elapsed_ms` */
    SATCHEL_SYNC_FAILED = 5,       /* the request got no answer; `status` if one is known */
    SATCHEL_SYNC_STORED = 6,       /* the page and the state of the last action are durable; `settled_through` */
    SATCHEL_SYNC_STORE_FAILED = 7, /* they are not (also of SAVE_STATE); `status` */
    SATCHEL_SYNC_TIMER = 8,        /* the wait is over; `moment` and `random` */
    SATCHEL_SYNC_CANCEL = 9        /* after STORE or SAVE_STATE: says that they were not carried out */
} satchel_sync_event_kind;

#define SATCHEL_SYNC_RANDOM_BYTES 24

typedef struct satchel_sync_event {
    satchel_sync_event_kind kind;
    satchel_moment moment;
    uint8_t
        random[SATCHEL_SYNC_RANDOM_BYTES]; /* for tokens and back-off jitter; more of it is mixed in with any event */
    const satchel_bytes *units;            /* UNITS: encoded units in order, borrowed for the step */
    uint32_t unit_count;
    uint64_t last_sequence;
    uint64_t given_through; /* UNITS: the last sequence that the store has given to an op; UINT64_MAX: it cannot tell */
    bool more_units;
    satchel_bytes digests; /* UNITS: ranges to ask about, borrowed for the step; empty: none */
    bool digest_wanted;    /* UNITS: the last page is to tell the digest even if nothing moved */
    bool digests_due;      /* STORED: the next UNITS would have ranges */
    satchel_bytes erased;  /* UNITS: erasures to be confirmed, 16 bytes each; borrowed for the step */
    uint32_t http_status;
    satchel_bytes body;
    int64_t elapsed_ms;
    uint64_t settled_through;
    satchel_status status;
} satchel_sync_event;

typedef enum satchel_sync_action_kind {
    SATCHEL_SYNC_DO_LOAD_UNITS = 1, /* give unsettled units after `after_sequence`, up to `limit_bytes` */
    SATCHEL_SYNC_DO_SAVE_STATE = 2, /* make satchel_sync_engine_state durable */
    SATCHEL_SYNC_DO_SEND = 3,       /* sign and send `body` with `request_number` to POST /v1/sync */
    SATCHEL_SYNC_DO_STORE = 4,      /* store `page` (a checked payload) and the state in one transaction */
    SATCHEL_SYNC_DO_WAIT = 5,       /* nothing until `wait_ms` have passed (or a better network is known) */
    SATCHEL_SYNC_DO_DONE = 6        /* the exchange is over: `status` */
} satchel_sync_action_kind;

typedef struct satchel_sync_action {
    satchel_sync_action_kind kind;
    uint64_t after_sequence;
    uint32_t limit_bytes;
    satchel_bytes body; /* owned by the engine until the next step */
    uint64_t request_number;
    satchel_bytes page; /* STORE: a checked payload, owned by the engine until the next step */
    int64_t wait_ms;
    satchel_status status;
    uint32_t minimum_schema;        /* DONE with UPGRADE_REQUIRED */
    bool more;                      /* DONE: more is known to be ready on either side */
    uint64_t rows_done, rows_total; /* progress of a running snapshot */
} satchel_sync_action;

/* Named limits of the engine. */
#define SATCHEL_SYNC_DIGEST_ROUNDS 8 /* requests with ranges in one exchange */
#define SATCHEL_SYNC_RETRIES 5       /* attempts without an answer in one exchange */
#define SATCHEL_SYNC_BACKOFF_FIRST_MS 1000
#define SATCHEL_SYNC_BACKOFF_MOST_MS 300000
#define SATCHEL_SYNC_PAGE_FIRST_BYTES 65536
#define SATCHEL_SYNC_PAGE_LEAST_BYTES 4096
#define SATCHEL_SYNC_PAGE_MOST_BYTES 1048576
#define SATCHEL_SYNC_PUSH_BYTES 524288 /* units of one request; a larger unit travels alone */
#define SATCHEL_SYNC_PAGE_MS 2000      /* how long a page should take */
#define SATCHEL_SYNC_SEEN_STEP_MS                                                                                      \
    3600000 /* an answer with nothing new is stored for its time alone after this long                                 \
             */

typedef struct satchel_sync_engine satchel_sync_engine;

/*
 * The store goes on under a new name: it was put back, or it is a copy. `incarnation` and `token` were drawn for it.
 * Until the server answered, a name that it may never have heard stays among the parents; of more than
 * SATCHEL_LIMIT_PARENTS the second oldest goes, as the oldest is known to the server.
 */
void satchel_sync_begin_life(satchel_sync_state *state, const satchel_id *incarnation,
                             const uint8_t token[SATCHEL_TOKEN_BYTES]);

/* `state` is copied. Errors: NO_MEMORY, INVALID_ARGUMENT (a cursor past its limit). */
SATCHEL_MUST_USE satchel_status satchel_sync_engine_open(satchel_sync_engine **out, const satchel_sync_state *state,
                                                         uint32_t schema_version);
void satchel_sync_engine_close(satchel_sync_engine *engine);

/* What the requests say beside units, until it is replaced; bytes are borrowed until then. */
typedef struct satchel_sync_notes {
    satchel_bytes witness;
    uint64_t orders_serial;
    uint32_t page_rows; /* that the phone can store in good time; 0: as many as fit the link */
    bool push_only;     /* the company wants a newer app, or a PIN: as after UPGRADE_REQUIRED */
} satchel_sync_notes;
void satchel_sync_engine_say(satchel_sync_engine *engine, const satchel_sync_notes *notes);

/* The head of the last answer, borrowed until the next step; all zero if it was none of ours. */
const satchel_answer_head *satchel_sync_engine_head(const satchel_sync_engine *engine);

/* What is to be made durable with the current action. */
const satchel_sync_state *satchel_sync_engine_state(const satchel_sync_engine *engine);

/* Up to where the last answer says that the server has decided on ops; of FORKED: in the life that it knows. */
uint64_t satchel_sync_engine_applied(const satchel_sync_engine *engine);

/*
 * One step. Errors: MISUSE (the event does not fit the state; nothing changes), NO_MEMORY (the step may be repeated).
 * What goes wrong with network or answer is no error here but leads to WAIT or DONE with a status: an answer that is
 * malformed or names another cursor is PROTOCOL_ERROR and is never stored.
 */
SATCHEL_MUST_USE satchel_status satchel_sync_engine_step(satchel_sync_engine *engine, const satchel_sync_event *event,
                                                         satchel_sync_action *out);

#endif
