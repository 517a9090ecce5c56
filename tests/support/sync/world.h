/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small world for the engine: a phone with a disk, a server with tokens, ops and pages, and a bad network between
 * them. Everything that can go wrong goes wrong by the seed; what must never happen ends the test.
 */
#ifndef SATCHEL_TESTS_SUPPORT_SYNC_WORLD_H
#define SATCHEL_TESTS_SUPPORT_SYNC_WORLD_H

#include "support/random.h"
#include "sync/engine.h"

typedef struct world {
    test_random random;
    unsigned trouble; /* per cent of steps where something goes wrong */

    /* server */
    uint8_t current[SATCHEL_TOKEN_BYTES];
    uint8_t previous[SATCHEL_TOKEN_BYTES];
    uint64_t last_number;
    uint64_t decided; /* ops */
    uint32_t pages;   /* that exist; page k leads from cursor k to k + 1 */

    /* the phone's disk */
    satchel_sync_state disk;
    uint64_t committed; /* ops */
    uint64_t settled;
    uint32_t stored; /* pages, since the cursor was last empty */

    /* the phone's process */
    satchel_sync_engine *engine;
    satchel_sync_action action;

    satchel_buffer answer;
    satchel_buffer late; /* an earlier answer that the network may bring again */
    satchel_arena arena;

    /* what happened */
    unsigned long exchanges, steps, stores, kills, lost_requests, lost_replies, late_answers, duplicates, broken, stale;
} world;

void world_open(world *w, uint64_t seed, unsigned trouble);
void world_close(world *w);

/* Ops are committed on the phone, pages appear on the server. */
void world_live(world *w);

/* One exchange from START to DONE or a kill; gives what DONE said (CANCELLED if killed). Ends the test if it does not
 * end. */
satchel_status world_exchange(world *w);

/* Does the phone hold all, and has everything of its own been decided? */
bool world_agrees(const world *w);

#endif
