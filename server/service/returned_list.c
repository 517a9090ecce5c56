/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads returned_op, its states 1 and 4.
 */
#include "service/returned_list.h"

#include "base/error.h"
#include "base/ids.h"
#include "service/audit.h"
#include "service/identity.h"
#include "service/state.h"
#include "wire/unit_codec.h"

#include <satchel/model.h>
#include <stdio.h>

static satchel_status row_is_there(satchel_db *db, const satchel_entity *entity, const satchel_id *row, bool *out,
                                   satchel_error *error) {
    int64_t count = 0;
    char sql[128];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM \"%s\" WHERE \"id\" = ?1 AND \"deleted\" = 0", entity->name);
    const satchel_value id = satchel_value_id(row);
    satchel_status status = satchel_db_number_values(db, sql, &id, 1, 0, &count, error);
    *out = count > 0;
    return status;
}

static satchel_status read_one(const satchel_service *service, satchel_db *db, const satchel_db_statement *statement,
                               satchel_arena *arena, satchel_returned_waiting *out, satchel_error *error) {
    satchel_incarnation life;
    *out = (satchel_returned_waiting){
        .n = satchel_db_uint(statement, 0), .user = satchel_db_id(statement, 3), .at_ms = satchel_db_int(statement, 4)};
    satchel_status status = satchel_op_decode(&service->schema, satchel_db_bytes(statement, 5),
                                              satchel_db_uint(statement, 1), arena, &out->op, error);
    if (status == SATCHEL_OK) {
        status = satchel_incarnation_by_number(db, satchel_db_uint(statement, 2), &life, error);
    }
    if (status == SATCHEL_OK) {
        out->device = life.device;
        status = row_is_there(db, satchel_schema_entity(&service->schema, out->op.entity), &out->op.row,
                              &out->row_is_there, error);
    }
    return status;
}

satchel_status satchel_returned_list(const satchel_service *service, satchel_db *db, satchel_returned_visitor visit,
                                     void *context, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    satchel_arena arena;
    satchel_arena_init(&arena);
    satchel_status status = satchel_db_start(&statement, db,
                                             "SELECT n, sequence, incarnation, owner, stamp_ms, op FROM returned_op"
                                             " WHERE command IN (1, 4) ORDER BY entity, row, n, sequence, incarnation",
                                             NULL, 0, error);
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        satchel_returned_waiting waiting;
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            status = read_one(service, db, statement, &arena, &waiting, error);
        }
        if (status == SATCHEL_OK && found) {
            status = visit(context, &waiting);
        }
        satchel_arena_reset(&arena);
    }
    satchel_db_end(statement);
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_returned_count(satchel_db *db, uint64_t *out, satchel_error *error) {
    int64_t count = 0;
    satchel_status status = satchel_db_number_values(db, "SELECT count(*) FROM returned_op WHERE command IN (1, 4)",
                                                     NULL, 0, 0, &count, error);
    *out = (uint64_t)count;
    return status;
}

satchel_status satchel_returned_discard(const satchel_service *service, satchel_db *db, uint32_t entity,
                                        const satchel_id *row, satchel_error *error) {
    satchel_counter counter;
    int64_t count = 0;
    satchel_status status = satchel_counter_read(db, &counter, error);
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_NUMBER(db, error, &count, 0,
                                   "SELECT count(*) FROM returned_op WHERE entity = ?1 AND row = ?2"
                                   " AND command IN (1, 4)",
                                   satchel_db_count(entity), satchel_value_id(row));
    }
    if (status != SATCHEL_OK || count == 0) {
        return status == SATCHEL_OK ? satchel_fail(error, SATCHEL_NOT_FOUND, "nothing waits for this row") : status;
    }
    status = SATCHEL_DB_RUN(db, error, "DELETE FROM returned_op WHERE entity = ?1 AND row = ?2 AND command IN (1, 4)",
                            satchel_db_count(entity), satchel_value_id(row));
    const satchel_audit_entry entry = {
        .action = "returned edits discarded", .subject_entity = entity, .subject_row = *row};
    if (status == SATCHEL_OK) {
        status = satchel_audit_add(db, &counter, satchel_service_now_ms(service), &entry, error);
    }
    return status == SATCHEL_OK ? satchel_counter_write(db, &counter, error) : status;
}
