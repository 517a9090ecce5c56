/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving up what was not accepted: the user has seen it. It comes off its row and stays in the log.
 */
#include "store/page.h"

typedef struct unit_look {
    uint32_t waiting;
    uint32_t troubled;
} unit_look;

static satchel_status look_at_unit(satchel_store *store, uint64_t unit, unit_look *out, satchel_error *error) {
    sqlite3_stmt *statement;
    bool has_row = false;
    *out = (unit_look){0, 0};
    satchel_status status = satchel_statement_of(
        store,
        "SELECT coalesce(sum(state = 0), 0), coalesce(sum(state > 4), 0) FROM store_op WHERE sequence >= ?1 AND "
        "sequence < ?1 + ?2 AND unit = ?1",
        &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, (int64_t)unit);
        satchel_bind_int(statement, 2, SATCHEL_LIMIT_UNIT_OPS);
        status = satchel_statement_step(store, statement, &has_row, error);
        if (status == SATCHEL_OK && has_row) {
            out->waiting = (uint32_t)sqlite3_column_int64(statement, 0);
            out->troubled = (uint32_t)sqlite3_column_int64(statement, 1);
        }
        satchel_statement_end(statement);
    }
    return status;
}

static satchel_status dismiss_op(satchel_store *store, uint64_t sequence, satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_arena arena = {0};
    satchel_logged_op op;
    satchel_status status =
        satchel_statement_of(store, "UPDATE store_op SET state = 2 WHERE sequence = ?", &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, (int64_t)sequence);
        status = satchel_statement_run(store, statement, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_log_read(store, sequence, &arena, &op, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_overlay_refresh(store, op.entity, &op.row, store->reflected_through, error);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status dismiss_ops(satchel_store *store, uint64_t unit, satchel_error *error) {
    uint64_t after = unit - 1;
    bool found = true;
    satchel_status status = SATCHEL_OK;
    while (status == SATCHEL_OK) {
        sqlite3_stmt *statement;
        status = satchel_statement_of(store,
                                      "SELECT sequence FROM store_op WHERE sequence > ?1 AND sequence < ?2 AND "
                                      "unit = ?3 AND state > 4 ORDER BY sequence LIMIT 1",
                                      &statement, error);
        if (status != SATCHEL_OK) {
            break;
        }
        satchel_bind_int(statement, 1, (int64_t)after);
        satchel_bind_int(statement, 2, (int64_t)(unit + SATCHEL_LIMIT_UNIT_OPS));
        satchel_bind_int(statement, 3, (int64_t)unit);
        status = satchel_statement_step(store, statement, &found, error);
        after = found ? (uint64_t)sqlite3_column_int64(statement, 0) : after;
        satchel_statement_end(statement);
        if (status != SATCHEL_OK || !found) {
            break;
        }
        status = dismiss_op(store, after, error);
        store->troubled -= store->troubled > 0 ? 1 : 0;
    }
    return status;
}

satchel_status satchel_store_dismiss(satchel_store *store, uint64_t unit, satchel_error *error) {
    unit_look look;
    if (unit == 0 || unit > INT64_MAX - SATCHEL_LIMIT_UNIT_OPS) {
        return satchel_fail(error, SATCHEL_NOT_FOUND, "no unit of that number");
    }
    satchel_status status = satchel_store_begin(store, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = look_at_unit(store, unit, &look, error);
    if (status == SATCHEL_OK && look.waiting > 0) {
        status = satchel_fail(error, SATCHEL_MISUSE, "the unit has no decision yet");
    } else if (status == SATCHEL_OK && look.troubled == 0) {
        status = satchel_fail(error, SATCHEL_NOT_FOUND, "nothing of the unit is refused, held or parked");
    }
    if (status == SATCHEL_OK) {
        status = dismiss_ops(store, unit, error);
    }
    return satchel_store_end(store, status, error);
}
