/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stories: an engine, what its driver holds on disk, and a transcript of events and actions that reads as one.
 */
#ifndef SATCHEL_TESTS_SUPPORT_SYNC_STORY_H
#define SATCHEL_TESTS_SUPPORT_SYNC_STORY_H

#include "support/test.h"
#include "sync/engine.h"

#define STORY_BYTES 4096

#define STORY_MORE_UNITS 100 /* ops behind those of a request that has more to send */

typedef struct story {
    uint64_t given; /* the last sequence that was ever loaded */
    satchel_sync_engine *engine;
    satchel_sync_state disk; /* what is durable */
    satchel_sync_action action;
    satchel_request_head request; /* of the last SEND; its cursor lives in `payload` */
    uint32_t request_units;
    satchel_buffer payload; /* of the last SEND, unpacked */
    satchel_buffer scratch;
    satchel_buffer body;
    int64_t clock_ms;
    char text[STORY_BYTES];
} story;

/* What an answer says; everything not given is zero. */
typedef struct story_answer {
    satchel_status status;
    uint64_t request_number; /* 0: that of the last SEND */
    uint64_t highest_number; /* with REPLAYED */
    bool token_moved;
    uint64_t applied_through;
    uint32_t backoff_ms;
    uint32_t minimum_schema;
    uint64_t result_first; /* one unit result from here … */
    uint32_t result_count; /* … of so many ops */
    const char *cursor;    /* with an end: the new cursor */
    const char *continues; /* with an end: the cursor that it continues; NULL: no end */
    uint32_t rows;
    bool more;
    uint64_t position_n;
    bool fork;
    bool digest;
} story_answer;

/* A phone that met the server once and holds nothing yet; or one with such a state on disk. */
void story_open(story *told);
void story_open_with(story *told, const satchel_sync_state *state);
void story_close(story *told);

/* The process is killed and comes back: only what is on disk is left. */
void story_kill(story *told);

/* One event each. UNITS gives `count` units, the last op of which is `last`. */
void story_start(story *told);
void story_units(story *told, uint32_t count, uint64_t last, bool more);
void story_saved(story *told);
void story_answer_with(story *told, const story_answer *answer);
void story_answer_bytes(story *told, uint32_t http_status, satchel_bytes body);
void story_failed(story *told);
void story_stored(story *told, uint64_t settled_through);
void story_store_failed(story *told, satchel_status status);
void story_timer(story *told);
void story_cancel(story *told);

/* START, no units, SAVED if asked: up to the request. */
void story_send_poll(story *told);

/* The body of such an answer to the last request, in `told->body`. */
satchel_bytes story_body_of(story *told, const story_answer *answer);

#endif
