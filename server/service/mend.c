/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk: entity by entity, in order of id. Only roots have memberships; what travels with one follows it.
 */
#include "service/mend.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "service/change.h"
#include "service/digest.h"
#include "service/realign.h"
#include "service/walk.h"

#include <satchel/model.h>

#define MARK "members.mend"

satchel_status satchel_mend_ask(satchel_db *db, satchel_error *error) {
    const satchel_walk walk = {.at = 0};
    return satchel_walk_save(db, MARK, &walk, error);
}

/* --- one aggregate --- */

typedef struct mend_step {
    satchel_change change;
    satchel_arena arena;
    satchel_error *error;
} mend_step;

static bool holds(const uint32_t *scopes, uint32_t count, uint32_t scope) {
    for (uint32_t i = 0; i < count; i++) {
        if (scopes[i] == scope) {
            return true;
        }
    }
    return false;
}

/* Do the entries say that it is in just these scopes? */
static bool agrees(const satchel_member_list *members, const uint32_t *scopes, uint32_t count) {
    uint32_t present = 0;
    uint32_t wanted = 0;
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->items[i].present && !holds(scopes, count, members->items[i].scope)) {
            return false;
        }
        present += members->items[i].present ? 1 : 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        wanted += holds(scopes, i, scopes[i]) ? 0 : 1;
    }
    return present == wanted;
}

static satchel_status look_at(mend_step *step, uint32_t entity, const satchel_id *id) {
    satchel_change *change = &step->change;
    satchel_stored_row row;
    satchel_standing standing;
    satchel_member_list members;
    uint32_t *scopes = NULL;
    uint32_t count = 0;
    bool lags = false;
    satchel_status status =
        satchel_stored_row_load(change->service->tables, change->db, entity, id, change->arena, &row, step->error);
    if (status == SATCHEL_OK) {
        status = satchel_standing_of(change->service, change->db, entity, id, &row.merged.value, change->arena,
                                     &standing, step->error);
    }
    if (status == SATCHEL_OK && !satchel_id_is_none(&standing.anchor.id)) {
        status = satchel_realign_waits(change->db, &standing.anchor.id, &lags, step->error);
    }
    if (status != SATCHEL_OK || lags) {
        return status;
    }
    status = satchel_standing_scopes(change->db, &standing, change->day, change->arena, &scopes, &count, step->error);
    if (status == SATCHEL_OK) {
        status = satchel_members_of(change->db, &standing.place, change->arena, &members, step->error);
    }
    if (status != SATCHEL_OK || agrees(&members, scopes, count)) {
        return status;
    }
    change->moved = true;
    return satchel_members_set(change->db, &standing.place, scopes, count, false, change->n, &change->touched,
                               step->error);
}

/* --- one step --- */

static satchel_status next_rows(mend_step *step, const satchel_table *table, const satchel_id *after, uint32_t most,
                                satchel_id *ids, uint32_t *out_count) {
    satchel_buffer sql;
    satchel_db_statement *statement = NULL;
    bool found = true;
    satchel_buffer_init(&sql);
    *out_count = 0;
    satchel_status status = satchel_buffer_append_format(
        &sql, "SELECT \"id\" FROM %s WHERE \"id\" > ?1 ORDER BY \"id\" LIMIT ?2", table->name);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    status = status == SATCHEL_OK ? SATCHEL_DB_START(&statement, step->change.db, step->error, (const char *)sql.data,
                                                     satchel_value_id(after), satchel_value_int(most))
                                  : satchel_fail(step->error, status, "no memory for a query");
    while (status == SATCHEL_OK && found && *out_count < most) {
        status = satchel_db_step(statement, &found, step->error);
        if (status == SATCHEL_OK && found) {
            ids[(*out_count)++] = satchel_db_id(statement, 0);
        }
    }
    satchel_db_end(statement);
    satchel_buffer_deinit(&sql);
    return status;
}

/* The next entity behind `after` whose rows are roots; 0: there is none. */
static uint32_t next_entity(const satchel_service *service, int64_t after) {
    for (uint32_t number = (uint32_t)after + 1; number < SATCHEL_TABLE_COUNT; number++) {
        const satchel_entity *entity = satchel_schema_entity(&service->schema, number);
        if (entity != NULL && entity->root == 0 && number != SATCHEL_ENTITY_AUDIT_EVENT) {
            return number;
        }
    }
    return 0;
}

/* Looks at up to `most` rows of the walk's entity, or goes on to the next one. */
static satchel_status look_at_some(mend_step *step, satchel_walk *walk, uint32_t most, uint32_t *out_count) {
    const satchel_service *service = step->change.service;
    const satchel_table *table = satchel_db_tables_get(service->tables, (uint32_t)walk->at);
    satchel_id ids[SATCHEL_MEND_STEP_MOST];
    satchel_arena scratch;
    *out_count = 0;
    satchel_status status = table != NULL ? next_rows(step, table, &walk->after, most, ids, out_count) : SATCHEL_OK;
    satchel_arena_init(&scratch);
    step->change.arena = &scratch;
    for (uint32_t i = 0; status == SATCHEL_OK && i < *out_count; i++) {
        satchel_arena_reset(&scratch);
        status = look_at(step, (uint32_t)walk->at, &ids[i]);
        walk->after = ids[i];
    }
    step->change.arena = &step->arena;
    satchel_arena_deinit(&scratch);
    if (*out_count < most) {
        walk->at = next_entity(service, walk->at);
        walk->after = (satchel_id){{0}};
        walk->done = walk->at == 0;
    }
    return status;
}

static satchel_status take_step(mend_step *step, satchel_walk *walk) {
    satchel_status status = SATCHEL_OK;
    uint32_t left = SATCHEL_MEND_STEP_MOST;
    while (status == SATCHEL_OK && left > 0 && !walk->done) {
        uint32_t looked = 0;
        status = look_at_some(step, walk, left, &looked);
        left -= looked;
    }
    return status;
}

satchel_status satchel_mend_step(const satchel_service *service, satchel_db *db, bool *out_walked,
                                 satchel_error *error) {
    const satchel_author author = {.incarnation = 0};
    const satchel_audit_entry entry = {.action = "memberships made anew"};
    mend_step step = {.error = error};
    satchel_counter counter;
    satchel_person system;
    satchel_walk walk;
    satchel_status status = satchel_walk_load(db, MARK, &walk, error);
    *out_walked = status == SATCHEL_OK && !walk.done;
    if (!*out_walked) {
        return status;
    }
    status = satchel_counter_read(db, &counter, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_arena_init(&step.arena);
    satchel_person_system(service, &system);
    satchel_change_begin(&step.change, service, db, &step.arena, &counter, &system, &author);
    step.change.trusted = true;
    status = take_step(&step, &walk);
    if (status == SATCHEL_OK) {
        status = satchel_walk_save(db, MARK, &walk, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_change_finish(&step.change, step.change.moved ? &entry : NULL, error);
    }
    if (status == SATCHEL_OK && walk.done) {
        status = satchel_digest_invalidate(db, error); /* made anew from what is right now */
    }
    satchel_arena_deinit(&step.arena);
    return status;
}

satchel_status satchel_mend_pools(satchel_db *db, satchel_error *error) {
    int64_t found = 0;
    satchel_walk walk;
    satchel_status status = satchel_walk_load(db, MARK, &walk, error);
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_NUMBER(db, error, &found, 0,
                                   "SELECT 1 FROM membership m JOIN scope s ON s.number = m.scope WHERE s.kind = ?1"
                                   " AND m.present = 1 AND m.rank = 0 LIMIT 1",
                                   satchel_value_int(SATCHEL_SCOPE_COMPANY));
    }
    if (status != SATCHEL_OK || found == 0 || !walk.done) {
        return status;
    }
    status = satchel_mend_ask(db, error);
    return status == SATCHEL_OK ? satchel_digest_invalidate(db, error) : status;
}
