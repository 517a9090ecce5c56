/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking what is held about a person.
 */
#include "service/personal.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "service/desk.h"
#include "service/erase.h"
#include "wire/unit_codec.h"

#include <satchel/model.h>
#include <stdio.h>

typedef struct personal_work {
    satchel_desk desk;
    satchel_personal_visitor visit;
    void *context;
    satchel_person_row *rows;
    uint32_t count;
    satchel_error *error;
} personal_work;

static satchel_status visit_row(personal_work *work, const char *section, uint32_t entity, const satchel_id *id) {
    satchel_arena arena;
    satchel_stored_row row;
    satchel_arena_init(&arena);
    satchel_status status =
        satchel_stored_row_load(work->desk.service->tables, work->desk.db, entity, id, &arena, &row, work->error);
    if (status == SATCHEL_OK && row.merged.exists) {
        status = work->visit(work->context, section, entity, id, &row.merged.value);
    }
    satchel_arena_deinit(&arena);
    return status;
}

/* Rows of a journal, or of the audit, that are about one of the rows. */
static satchel_status visit_about(personal_work *work, const char *section, uint32_t entity, const char *table,
                                  const satchel_id *subject) {
    satchel_db_statement *statement = NULL;
    satchel_id_list ids = {NULL, 0, 0};
    char sql[128];
    (void)snprintf(sql, sizeof sql, "SELECT \"id\" FROM \"%s\" WHERE \"subject_row\" = ?1 ORDER BY rowid", table);
    satchel_status status = SATCHEL_DB_START(&statement, work->desk.db, work->error, sql, satchel_value_id(subject));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            satchel_id id = satchel_db_id(statement, 0);
            status = satchel_id_list_add(&ids, &work->desk.arena, &id);
        }
    }
    satchel_db_end(statement);
    for (uint32_t i = 0; status == SATCHEL_OK && i < ids.count; i++) {
        status = visit_row(work, section, entity, &ids.items[i]);
    }
    return status;
}

static satchel_status visit_journals(personal_work *work, const satchel_id *subject) {
    static const struct {
        const char *section;
        uint32_t entity;
        const char *table;
    } journals[] = {{"conflicts", SATCHEL_ENTITY_CONFLICT, "conflict"},
                    {"refused", SATCHEL_ENTITY_REFUSAL, "refusal"},
                    {"audit", SATCHEL_ENTITY_AUDIT_EVENT, "audit_event"}};
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; status == SATCHEL_OK && i < sizeof journals / sizeof *journals; i++) {
        status = visit_about(work, journals[i].section, journals[i].entity, journals[i].table, subject);
    }
    return status;
}

/* A parked edit is sealed: what it meant is shown. */
static satchel_status visit_parked(personal_work *work, const satchel_id *subject) {
    const satchel_actor system = satchel_actor_system();
    satchel_db_statement *statement = NULL;
    satchel_id_list ids = {NULL, 0, 0};
    satchel_status status = SATCHEL_DB_START(
        &statement, work->desk.db, work->error,
        "SELECT \"id\" FROM \"parked_edit\" WHERE \"subject_row\" = ?1 AND \"sealed_op\" IS NOT NULL ORDER BY rowid",
        satchel_value_id(subject));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            satchel_id id = satchel_db_id(statement, 0);
            status = satchel_id_list_add(&ids, &work->desk.arena, &id);
        }
    }
    satchel_db_end(statement);
    for (uint32_t i = 0; status == SATCHEL_OK && i < ids.count; i++) {
        satchel_op op;
        status = satchel_parked_op(work->desk.service, work->desk.db, &system, &ids.items[i], &work->desk.arena, &op,
                                   work->error);
        if (status == SATCHEL_OK) {
            status = work->visit(work->context, "parked", op.entity, &op.row, &op.set);
        }
    }
    return status;
}

static satchel_status visit_unit(personal_work *work, satchel_bytes bytes) {
    satchel_arena arena;
    satchel_unit_ops head;
    satchel_bytes *ops = NULL;
    satchel_arena_init(&arena);
    satchel_status status = SATCHEL_OK;
    if (satchel_unit_decode(bytes, &arena, &head, &ops, NULL) != SATCHEL_OK) {
        head.count = 0; /* what cannot be read cannot be shown either */
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < head.count; i++) {
        satchel_op op;
        if (satchel_op_decode(&work->desk.service->schema, ops[i], head.first_sequence + i, &arena, &op, NULL) ==
                SATCHEL_OK &&
            satchel_person_is_in(&work->desk.service->schema, work->rows, work->count, &op)) {
            status = work->visit(work->context, "kept", op.entity, &op.row, &op.set);
        }
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status visit_kept(personal_work *work) {
    satchel_db_statement *statement = NULL;
    satchel_status status = satchel_db_start(
        &statement, work->desk.db,
        "SELECT unit FROM kept_unit WHERE length(unit) > 0 ORDER BY incarnation, first_sequence", NULL, 0, work->error);
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            status = visit_unit(work, satchel_db_bytes(statement, 0));
        }
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status walk(personal_work *work, uint32_t entity, const satchel_id *row) {
    satchel_desk *desk = &work->desk;
    if (!satchel_erase_is_person(entity)) {
        return satchel_fail(work->error, SATCHEL_UNSUPPORTED, "a contact, a customer or a user is a person");
    }
    if (!desk->person.system) {
        return satchel_fail(work->error, SATCHEL_FORBIDDEN, "only the operator exports personal data");
    }
    satchel_stored_row subject;
    satchel_status status =
        satchel_stored_row_load(desk->service->tables, desk->db, entity, row, &desk->arena, &subject, work->error);
    if (status == SATCHEL_OK && !subject.merged.exists) {
        return satchel_fail(work->error, SATCHEL_NOT_FOUND, "there is no such row");
    }
    if (status == SATCHEL_OK) {
        status = satchel_person_rows(desk->service, desk->db, &desk->arena, entity, row, &work->rows, &work->count,
                                     work->error);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < work->count; i++) {
        status = visit_row(work, "rows", work->rows[i].entity, &work->rows[i].id);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < work->count; i++) {
        status = visit_journals(work, &work->rows[i].id);
        if (status == SATCHEL_OK) {
            status = visit_parked(work, &work->rows[i].id);
        }
    }
    return status == SATCHEL_OK ? visit_kept(work) : status;
}

satchel_status satchel_personal_walk(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                     uint32_t entity, const satchel_id *row, satchel_personal_visitor visit,
                                     void *context, satchel_error *error) {
    personal_work work = {.visit = visit, .context = context, .error = error};
    satchel_status status = satchel_desk_enter(&work.desk, service, db, actor, error);
    if (status == SATCHEL_OK) {
        status = walk(&work, entity, row);
        satchel_desk_leave(&work.desk);
    }
    return status;
}
