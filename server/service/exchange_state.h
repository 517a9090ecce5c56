/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of an exchange: what the files that read, apply and answer it share. Not for other modules.
 */
#ifndef SATCHEL_SERVER_SERVICE_EXCHANGE_STATE_H
#define SATCHEL_SERVER_SERVICE_EXCHANGE_STATE_H

#include "service/exchange.h"
#include "service/orders.h"
#include "service/pull.h"
#include "service/unit.h"

struct satchel_server_exchange {
    const satchel_service *service;
    satchel_arena arena;    /* what was read */
    satchel_buffer payload; /* units are borrowed from it */
    satchel_id device;
    satchel_id user;
    uint64_t request_number;
    uint64_t highest_number; /* that this device has used before */
    satchel_request_head head;
    satchel_arrived_unit *units;
    uint32_t unit_count;
    uint64_t incarnation;  /* number; 0: not known */
    satchel_status status; /* of the answer's head, as far as it is decided */
    uint32_t http_status;
    bool day_due;
    bool applied;   /* the units are decided */
    bool tried;     /* deciding on them was begun: their ops are no more as they came */
    bool committed; /* … and that is durable: an answer was asked for since */
    bool token_moved;
    bool begins; /* a new life of the device's store, not known yet */
    uint64_t fork_through;
    uint8_t fork_digest[SATCHEL_DIGEST_BYTES];
    satchel_wanted_set *wanted_sets;
    satchel_arena wanted_arena;
    satchel_exchange_facts facts;
    satchel_order_state orders; /* as the device stood when the request was read, or the notes were applied */
    uint64_t point_n;           /* up to where the phone's cursor says that it has everything */
    bool point_due;             /* … to be written down */
    bool repair_due;            /* the phone asks about ranges: to be noted */
    bool books_due;             /* the digests are to be made anew … */
    bool books_told;            /* … as was written down */
    bool notes_due;             /* the phone says something that is to be written down */
    bool checkpoint_due;
    bool last_words; /* of a revoked device: that it ended */
    bool parks;      /* the device is being retired: whatever it sends is parked */
};

/* --- exchange_read.c --- */

/* Everything of `read`: who asks, what was sent, from which store. */
SATCHEL_MUST_USE satchel_status satchel_exchange_take_request(satchel_server_exchange *exchange, satchel_db *db,
                                                              const char *method, const char *path,
                                                              const satchel_signed_headers *headers, satchel_bytes body,
                                                              satchel_error *error);

/* --- exchange_store.c: which store, which life of it --- */

/* The answer's head is decided: the rest of the exchange is skipped. */
satchel_status satchel_exchange_answer_with(satchel_server_exchange *exchange, satchel_status status);
satchel_status satchel_exchange_answer_fork(satchel_server_exchange *exchange, const satchel_incarnation *known);
satchel_status satchel_exchange_check_device(satchel_server_exchange *exchange, const satchel_device_state *state);
/* After a restore: the token of the request is the one that holds. */
void satchel_exchange_take_token(const satchel_server_exchange *exchange, satchel_device_state *state);
/*
 * Is it the one store that goes on from where this device was? The token that is expected, or the retry of the request
 * whose answer was lost, or a new life of it; anything else comes from a copy.
 */
SATCHEL_MUST_USE satchel_status satchel_exchange_check_store(satchel_server_exchange *exchange, satchel_db *db,
                                                             const satchel_device_state *state,
                                                             satchel_incarnation *out, satchel_error *error);
/* Writes: the new life is the device's from here on. */
SATCHEL_MUST_USE satchel_status satchel_exchange_begin_life(satchel_server_exchange *exchange, satchel_db *db,
                                                            satchel_device_state *state,
                                                            satchel_incarnation *incarnation, satchel_error *error);
/*
 * Writes. A new life may have got less far in settling than another was decided on: units that stand there with the
 * same bytes are taken over, from the first on and until one differs. Stores with one unit in common have all before it
 * in common too, so that life is the parent from there on. The answer gives the results again.
 */
SATCHEL_MUST_USE satchel_status satchel_exchange_take_over(satchel_server_exchange *exchange, satchel_db *db,
                                                           satchel_incarnation *incarnation, satchel_error *error);

/* --- exchange_notes.c: orders, receipts, witnesses --- */

/* Looks whether the phone says anything new; also of a revoked one, which may say that it has ended. */
SATCHEL_MUST_USE satchel_status satchel_exchange_look_at_notes(satchel_server_exchange *exchange, satchel_db *db,
                                                               satchel_error *error);
/* Writes what it said. */
SATCHEL_MUST_USE satchel_status satchel_exchange_apply_notes(satchel_server_exchange *exchange, satchel_db *db,
                                                             satchel_error *error);
/* Puts into the head what the phone has not heard; bytes live in the arena. */
SATCHEL_MUST_USE satchel_status satchel_exchange_tell(const satchel_server_exchange *exchange, satchel_db *db,
                                                      satchel_status head_status, satchel_arena *arena,
                                                      satchel_answer_head *head, satchel_error *error);

/* --- exchange_head.c, exchange_answer.c --- */

typedef struct satchel_answer_work {
    satchel_server_exchange *exchange;
    satchel_db *db;
    satchel_arena arena;
    satchel_person person;
    satchel_counter counter;
    uint64_t applied_through;
    satchel_pulled_page page;
    bool has_page;
    uint32_t minimum_schema; /* of who gets pages */
    bool too_old;            /* the phone does not: results only */
    satchel_arena told;      /* of the head */
    satchel_error *error;
} satchel_answer_work;

SATCHEL_MUST_USE satchel_status satchel_exchange_write_head(satchel_answer_work *work, satchel_status head_status,
                                                            satchel_buffer *payload);

#endif
