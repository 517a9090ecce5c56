/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Realignment: many customers go to another owner or territory at once.
 *
 * The facts change in one transaction, and access is decided from facts, so from its commit on nobody reads or writes
 * what he has lost. The memberships, by which phones hear of it, follow in steps of bounded size, removals first, each
 * a change of its own; what is left to do stands in the database, so a server that is killed goes on where it was. A
 * row that is saved at a customer which still waits takes that customer along at once.
 */
#ifndef SATCHEL_SERVER_SERVICE_REALIGN_H
#define SATCHEL_SERVER_SERVICE_REALIGN_H

#include "service/admin.h"
#include "service/change.h"

#define SATCHEL_REALIGN_STEP_MOST 10000 /* customers of one step */

/* Which customers, and whose they become. NULL: any, or as it is. `owner`, `territory` none: nobody's, nowhere. */
typedef struct satchel_realign_wish {
    const satchel_id *of_owner;
    const satchel_id *of_territory; /* or below it */
    const satchel_id *customers;    /* only these */
    uint32_t customer_count;        /* with `customers` */
    const satchel_id *owner;
    const satchel_id *territory;
} satchel_realign_wish;

/* What it would mean for one user. */
typedef struct satchel_realign_user {
    satchel_id user;
    uint64_t gains; /* customers */
    uint64_t loses;
    uint32_t phones;
    int64_t seen_ms;       /* when the one of them was heard of that was silent longest; 0: no phone */
    uint64_t answer_bytes; /* expected, for all his phones, before compression */
} satchel_realign_user;

typedef struct satchel_realign_impact {
    uint64_t customers; /* that would move */
    uint64_t children;  /* aggregates that hang on them */
    uint64_t open_tasks;
    uint64_t open_visits;
    satchel_realign_user *users; /* who gain or lose */
    uint32_t user_count;
    uint64_t answer_bytes;
} satchel_realign_impact;

/* Reads only. `arena` holds the result. Errors: FORBIDDEN (only who assigns everywhere), INVALID_ARGUMENT. */
SATCHEL_MUST_USE satchel_status satchel_realign_preview(const satchel_service *service, satchel_db *db,
                                                        const satchel_actor *actor, const satchel_realign_wish *wish,
                                                        satchel_arena *arena, satchel_realign_impact *out,
                                                        satchel_error *error);

/* Writes the facts. Errors: as the preview, INVALID_ARGUMENT (nothing is to change), REFERENCE_MISSING. */
SATCHEL_MUST_USE satchel_status satchel_realign_begin(const satchel_service *service, satchel_db *db,
                                                      const satchel_actor *actor, const satchel_realign_wish *wish,
                                                      uint64_t *out_moved, satchel_error *error);

/* What is left to do: customers whose removals wait, and those whose arrivals do. */
typedef struct satchel_realign_progress {
    uint64_t to_remove;
    uint64_t to_add;
} satchel_realign_progress;
SATCHEL_MUST_USE satchel_status satchel_realign_left(satchel_db *db, satchel_realign_progress *out,
                                                     satchel_error *error);

/* Writes: one step of up to `customers` of them. Nothing is left: does nothing. Errors: INVALID_ARGUMENT (none, or more
 * than SATCHEL_REALIGN_STEP_MOST). */
SATCHEL_MUST_USE satchel_status satchel_realign_step(const satchel_service *service, satchel_db *db, uint32_t customers,
                                                     satchel_realign_progress *out, satchel_error *error);

/* --- for change.c and standing.c --- */

/* The customer's facts were changed; its memberships wait. */
SATCHEL_MUST_USE satchel_status satchel_realign_defer(satchel_change *change, const satchel_id *customer,
                                                      satchel_error *error);

/* Brings the memberships of a customer that waits up to date, within the change. */
SATCHEL_MUST_USE satchel_status satchel_realign_catch_up(satchel_change *change, const satchel_id *customer,
                                                         satchel_error *error);

/* Do the memberships of this customer wait? None: of any customer. */
SATCHEL_MUST_USE satchel_status satchel_realign_waits(satchel_db *db, const satchel_id *customer, bool *out,
                                                      satchel_error *error);

/* The customers that are meant, by id. Errors: INVALID_ARGUMENT (of which, or whose, is not said). */
SATCHEL_MUST_USE satchel_status satchel_realign_select(satchel_db *db, const satchel_realign_wish *wish,
                                                       satchel_arena *arena, satchel_id_list *out,
                                                       satchel_error *error);

#endif
