/* SPDX-License-Identifier: Apache-2.0 */
/*
 * States of logged ops without their contents: nothing is unsealed.
 */
#include "store/log.h"

#include "base/limits.h"

satchel_status satchel_store_walk_states(satchel_store *store, uint32_t limit, satchel_state_visitor visit,
                                         void *context, satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_arena arena = {0};
    bool has_row = true;
    satchel_status status = satchel_statement_of(
        store, "SELECT sequence, unit, entity, state, result FROM store_op ORDER BY sequence DESC LIMIT ?", &statement,
        error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, limit);
    while (status == SATCHEL_OK) {
        satchel_stored_result result = {0};
        status = satchel_statement_step(store, statement, &has_row, error);
        if (status != SATCHEL_OK || !has_row) {
            break;
        }
        satchel_arena_reset(&arena);
        satchel_bytes column = satchel_column_bytes(statement, 4);
        if (column.bytes > 0) {
            status = satchel_result_read(column, &arena, &result);
        }
        const satchel_state_view view = {.sequence = (uint64_t)sqlite3_column_int64(statement, 0),
                                         .unit = (uint64_t)sqlite3_column_int64(statement, 1),
                                         .entity = (uint32_t)sqlite3_column_int64(statement, 2),
                                         .state = (uint32_t)sqlite3_column_int64(statement, 3),
                                         .status = result.status,
                                         .held_by = result.held_by};
        status = status == SATCHEL_OK ? visit(context, &view) : status;
    }
    satchel_statement_end(statement);
    satchel_arena_deinit(&arena);
    return status;
}
