/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lane: the one thread that writes. Jobs that wait are gathered into one transaction, a savepoint each, and are
 * completed together after one durable commit, so a busy server pays one fsync for many exchanges.
 */
#ifndef SATCHEL_SERVER_SERVICE_LANE_H
#define SATCHEL_SERVER_SERVICE_LANE_H

#include "db/db.h"

typedef struct satchel_lane satchel_lane;

#define SATCHEL_LANE_JOBS_MOST 256     /* jobs of one transaction */
#define SATCHEL_LANE_WAITING_MOST 4096 /* jobs that may wait; past it a caller gets BUSY */

/*
 * Carried out on the lane's thread inside its transaction. Any status but OK undoes what this job wrote, and no
 * other's.
 */
typedef satchel_status (*satchel_lane_work)(void *context, satchel_db *db, satchel_error *error);

/*
 * Takes the writer connection over until close (it stays the caller's to close). Errors: NO_MEMORY, INTERNAL (no
 * thread).
 */
SATCHEL_MUST_USE satchel_status satchel_lane_open(satchel_lane **out, satchel_db *writer, satchel_error *error);

/*
 * Carries out `work` and waits until it is durable. Any thread but the lane's. A job may be carried out again if
 * another job of its batch broke the transaction, so `work` must not depend on what an undone run left in memory.
 * Errors: what `work` returned; BUSY (too many wait, or the lane is closing); IO_ERROR, DISK_FULL … of the commit.
 */
SATCHEL_MUST_USE satchel_status satchel_lane_run(satchel_lane *lane, satchel_lane_work work, void *context,
                                                 satchel_error *error);

typedef struct satchel_lane_stats {
    uint64_t commits;
    uint64_t jobs;
    uint64_t failures; /* jobs whose work or commit failed */
    uint64_t largest;  /* jobs of the largest batch */
} satchel_lane_stats;
satchel_lane_stats satchel_lane_get_stats(satchel_lane *lane);

/* Carries out what waits, then ends the thread. No call of run may begin after it. NULL is fine. */
void satchel_lane_close(satchel_lane *lane);

#endif
