/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What users lose when people, teams, territories or days move: noted per user and scope, so that edits which they made
 * before are parked, not refused. Begun before the rows change, ended after.
 */
#ifndef SATCHEL_SERVER_SERVICE_PEOPLE_MOVES_H
#define SATCHEL_SERVER_SERVICE_PEOPLE_MOVES_H

#include "service/change.h"

typedef struct satchel_user_scopes {
    satchel_id user;
    satchel_scope_list scopes;
} satchel_user_scopes;

typedef struct satchel_people_moves {
    const satchel_service *service;
    satchel_db *db;
    satchel_arena *arena;
    satchel_user_scopes *before;
    uint32_t count;
} satchel_people_moves;

/* Notes the scopes of all users as they are on `day`. */
SATCHEL_MUST_USE satchel_status satchel_people_moves_begin(satchel_people_moves *moves, const satchel_service *service,
                                                           satchel_db *db, int64_t day, satchel_arena *arena,
                                                           satchel_error *error);
/* Compares with what they are now, on `day`, and writes down what was lost at n. */
SATCHEL_MUST_USE satchel_status satchel_people_moves_end(satchel_people_moves *moves, int64_t day, uint64_t n,
                                                         satchel_error *error);

/* Does a change of this entity move what users see? (user, team, territory, assignment) */
bool satchel_entity_moves_people(uint32_t entity);

#endif
