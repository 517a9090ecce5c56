/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes of all users before and after. Such changes are rare; a company of thousands of users takes part of a second.
 */
#include "service/people_moves.h"

#include "base/error.h"

#include <satchel/model.h>

bool satchel_entity_moves_people(uint32_t entity) {
    switch (entity) {
    case SATCHEL_ENTITY_USER:
    case SATCHEL_ENTITY_TEAM:
    case SATCHEL_ENTITY_ROLE:
    case SATCHEL_ENTITY_TERRITORY:
    case SATCHEL_ENTITY_ASSIGNMENT: return true;
    default: return false;
    }
}

/* Of a user with more scopes than a phone may have nothing is noted: he has no phone that could have edits. */
static satchel_status scopes_of_user(const satchel_people_moves *moves, const satchel_id *user, int64_t day,
                                     satchel_scope_list *out, satchel_error *error) {
    satchel_person person;
    satchel_status status = satchel_person_load(moves->service, moves->db, user, day, moves->arena, &person, error);
    if (status == SATCHEL_OK) {
        status = satchel_scopes_of(moves->db, &person, moves->arena, out, error);
    }
    if (status == SATCHEL_LIMIT_EXCEEDED) {
        *out = (satchel_scope_list){NULL, NULL, 0};
        status = SATCHEL_OK;
    }
    return status;
}

static satchel_status list_users(satchel_people_moves *moves, satchel_id_list *out, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    satchel_status status =
        satchel_db_start(&statement, moves->db, "SELECT DISTINCT owner FROM device_state", NULL, 0, error);
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            satchel_id user = satchel_db_id(statement, 0);
            status = satchel_id_list_add(out, moves->arena, &user);
        }
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_people_moves_begin(satchel_people_moves *moves, const satchel_service *service, satchel_db *db,
                                          int64_t day, satchel_arena *arena, satchel_error *error) {
    satchel_id_list users = {NULL, 0, 0};
    *moves = (satchel_people_moves){.service = service, .db = db, .arena = arena};
    satchel_status status = list_users(moves, &users, error);
    moves->before = satchel_arena_take_array(arena, users.count, sizeof *moves->before);
    if (moves->before == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the scopes of users");
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < users.count; i++) {
        moves->before[i].user = users.items[i];
        status = scopes_of_user(moves, &users.items[i], day, &moves->before[i].scopes, error);
        moves->count = i + 1;
    }
    return status;
}

static satchel_status note_losses(satchel_people_moves *moves, const satchel_user_scopes *before,
                                  const satchel_scope_list *now, uint64_t n, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < before->scopes.count; i++) {
        uint32_t scope = before->scopes.numbers[i];
        if (!satchel_scope_list_has(now, scope)) {
            status = SATCHEL_DB_RUN(moves->db, error,
                                    "INSERT INTO scope_loss (owner, scope, lost_n) VALUES (?1, ?2, ?3)"
                                    " ON CONFLICT (owner, scope) DO UPDATE SET lost_n = excluded.lost_n",
                                    satchel_value_id(&before->user), satchel_db_count(scope), satchel_db_count(n));
        }
    }
    return status;
}

satchel_status satchel_people_moves_end(satchel_people_moves *moves, int64_t day, uint64_t n, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < moves->count; i++) {
        satchel_scope_list now;
        status = scopes_of_user(moves, &moves->before[i].user, day, &now, error);
        if (status == SATCHEL_OK) {
            status = note_losses(moves, &moves->before[i], &now, n, error);
        }
    }
    return status;
}
