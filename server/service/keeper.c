/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who decides on what was parked. Only facts are read: the row's owner, and who his manager is.
 */
#include "service/keeper.h"

#include "service/aggregate.h"

#include <string.h>

satchel_status satchel_keeper_of(satchel_db *db, const satchel_standing *standing, satchel_id *out,
                                 satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    memset(out, 0, sizeof *out);
    satchel_status status = SATCHEL_DB_START(
        &statement, db, error,
        "SELECT m.\"id\" FROM \"user\" u JOIN \"user\" m ON m.\"id\" = u.\"manager\" WHERE u.\"id\" = ?1"
        " AND m.\"deleted\" = 0 AND coalesce(m.\"active\", 1) = 1",
        satchel_value_id(satchel_standing_owner(standing)));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && found) {
        *out = satchel_db_id(statement, 0);
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_keeper_of_op(const satchel_service *service, satchel_db *db, const satchel_op *op,
                                    satchel_arena *arena, satchel_id *out, satchel_error *error) {
    satchel_stored_row row;
    satchel_standing standing;
    memset(out, 0, sizeof *out);
    satchel_status status = satchel_stored_row_load(service->tables, db, op->entity, &op->row, arena, &row, error);
    if (status == SATCHEL_OK) {
        status = satchel_standing_of(service, db, op->entity, &op->row,
                                     row.merged.exists ? &row.merged.value : &op->set, arena, &standing, error);
    }
    return status == SATCHEL_OK ? satchel_keeper_of(db, &standing, out, error) : status;
}
