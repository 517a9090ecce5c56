/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The desk: one act of an administrator or manager as one change. What fails leaves nothing behind.
 */
#ifndef SATCHEL_SERVER_SERVICE_DESK_H
#define SATCHEL_SERVER_SERVICE_DESK_H

#include "service/admin.h"
#include "service/identity.h"
#include "service/people_moves.h"

typedef struct satchel_desk {
    const satchel_service *service;
    satchel_db *db;
    satchel_arena arena;
    satchel_arena *scratch; /* for the row at hand: `arena`, or what a bulk resets for each row */
    satchel_person person;
    satchel_scope_list scopes;
    satchel_author author;
    satchel_counter counter;
    satchel_change change;
    satchel_people_moves moves;
    bool moves_people;
    satchel_error *error;
} satchel_desk;

/* Loads the actor without beginning a change: for reads. To be closed by satchel_desk_leave. */
SATCHEL_MUST_USE satchel_status satchel_desk_enter(satchel_desk *desk, const satchel_service *service, satchel_db *db,
                                                   const satchel_actor *actor, satchel_error *error);
void satchel_desk_leave(satchel_desk *desk);

/*
 * Enters and begins a change under a savepoint. `entity`: what will be written, so that people's moves are noted if it
 * moves any. On failure the desk is closed already.
 */
SATCHEL_MUST_USE satchel_status satchel_desk_open(satchel_desk *desk, const satchel_service *service, satchel_db *db,
                                                  const satchel_actor *actor, uint32_t entity, satchel_error *error);

/* Ends it: keeps what was done if `status` is OK, undoes it otherwise. Returns what became of it. */
SATCHEL_MUST_USE satchel_status satchel_desk_close(satchel_desk *desk, satchel_status status, const char *action,
                                                   uint32_t entity, const satchel_id *row);

/* Carries out one op of the actor's; a refusal comes back as its status with the field in the error. */
SATCHEL_MUST_USE satchel_status satchel_desk_op(satchel_desk *desk, satchel_op *op, satchel_op_decision *out);

/* Fills `op` (initialised) with the differences between the stored row and what is wanted; `*out_any` false: none. */
SATCHEL_MUST_USE satchel_status satchel_desk_difference(satchel_desk *desk, const satchel_stored_row *row,
                                                        const satchel_record *wanted, const uint32_t *cleared,
                                                        uint32_t cleared_count, satchel_op *op, bool *out_any);

/* Errors: FORBIDDEN unless the actor may do `verb` to rows of the entity wherever they are (or is the operator). */
SATCHEL_MUST_USE satchel_status satchel_desk_require(const satchel_desk *desk, uint32_t entity, satchel_verb verb);

/* Errors: OUT_OF_SCOPE, FORBIDDEN: the actor may not do `verb` to this row. `out_relations` may be NULL. */
SATCHEL_MUST_USE satchel_status satchel_desk_require_row(satchel_desk *desk, const satchel_stored_row *row,
                                                         satchel_verb verb, uint32_t *out_relations);

#endif
