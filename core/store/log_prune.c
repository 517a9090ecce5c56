/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acknowledged ops go once the server has them in a backup that was read back, or when they are too old or too many.
 * Until then they are what a server that comes back from a backup lacks. A unit goes as a whole, and only if each of
 * its ops is settled, reflected, lies on no row, and is nothing that a person still has to look at: what was refused,
 * held or parked stays until it is dismissed, what was not decided stays whatever its age.
 */
#include "store/log_prune.h"

#include "store/epoch.h"

#define DAY_MS INT64_C(86400000)

void satchel_log_prune_reset(satchel_store *store) {
    store->prune = (satchel_log_pruning){.after = 0};
}

bool satchel_log_prune_is_due(const satchel_store *store) {
    const satchel_log_pruning *prune = &store->prune;
    return prune->walking || store->verified_n != prune->verified_n ||
           store->settled_through >= prune->settled + SATCHEL_LOG_KEPT_OPS;
}

typedef struct old_unit {
    uint64_t first;
    uint64_t last;
    uint64_t n; /* of the change that it made on the server, 0: not known */
    int64_t made_ms;
} old_unit;

static satchel_status next_unit(satchel_store *store, old_unit *out, bool *out_found, satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_unit_head head;
    satchel_status status = satchel_statement_of(
        store, "SELECT sequence, head, receipt FROM store_op WHERE sequence > ? AND head IS NOT NULL ORDER BY sequence",
        &statement, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, (int64_t)store->prune.after);
    status = satchel_statement_step(store, statement, out_found, error);
    if (status == SATCHEL_OK && *out_found) {
        status = satchel_head_decode(satchel_column_bytes(statement, 1), &head);
    }
    if (status == SATCHEL_OK && *out_found) {
        *out = (old_unit){.first = (uint64_t)sqlite3_column_int64(statement, 0),
                          .n = satchel_return_n(satchel_column_bytes(statement, 2)),
                          .made_ms = head.moment.wall_ms + head.moment.offset_ms};
        out->last = out->first + head.count - 1;
    }
    satchel_statement_end(statement);
    return status == SATCHEL_DAMAGED ? satchel_fail(error, status, "the op log is damaged") : status;
}

static bool is_old_enough(const satchel_store *store, const old_unit *unit) {
    bool backed_up = unit->n != 0 && unit->n <= store->verified_n;
    bool aged = store->sync.seen_ms - unit->made_ms >= SATCHEL_LOG_DAYS_MOST * DAY_MS;
    bool many = store->next_sequence - unit->last > SATCHEL_LOG_OPS_MOST;
    return backed_up || aged || many;
}

/* Does an op lie on its row, or wait for it? */
static satchel_status is_laid(satchel_store *store, uint64_t sequence, uint32_t entity, const satchel_id *id, bool *out,
                              satchel_error *error) {
    satchel_arena arena = {0};
    satchel_stored_row row;
    uint64_t orphan = 0;
    satchel_table *table = satchel_table_of(store, entity);
    satchel_status status = satchel_orphan_last(store, entity, id, &orphan, error);
    *out = orphan >= sequence;
    if (status == SATCHEL_OK && table != NULL) {
        status = satchel_row_load(store, table, id, &arena, &row, error);
        *out = *out || (status == SATCHEL_OK && row.found && row.overlay.kind != SATCHEL_OVERLAY_NONE &&
                        row.overlay.first <= sequence && sequence <= row.overlay.last);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status may_go(satchel_store *store, const old_unit *unit, bool *out, satchel_error *error) {
    sqlite3_stmt *statement;
    bool has_row = true;
    *out = true;
    satchel_status status = satchel_statement_of(
        store, "SELECT sequence, entity, row, state FROM store_op WHERE sequence >= ? AND sequence <= ?", &statement,
        error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, (int64_t)unit->first);
    satchel_bind_int(statement, 2, (int64_t)unit->last);
    while (status == SATCHEL_OK && *out) {
        satchel_id id;
        bool laid = false;
        status = satchel_statement_step(store, statement, &has_row, error);
        if (status != SATCHEL_OK || !has_row) {
            break;
        }
        satchel_op_state state = (satchel_op_state)sqlite3_column_int64(statement, 3);
        uint32_t entity = (uint32_t)sqlite3_column_int64(statement, 1);
        *out = state == SATCHEL_OP_ACCEPTED || state == SATCHEL_OP_DISMISSED;
        if (*out && entity != 0) {
            status = satchel_column_id(statement, 2, &id);
            if (status == SATCHEL_OK) {
                status = is_laid(store, (uint64_t)sqlite3_column_int64(statement, 0), entity, &id, &laid, error);
            }
            *out = !laid;
        }
    }
    satchel_statement_end(statement);
    return status;
}

static satchel_status drop_unit(satchel_store *store, const old_unit *unit, satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status =
        satchel_statement_of(store, "DELETE FROM store_op WHERE sequence >= ? AND sequence <= ?", &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, (int64_t)unit->first);
        satchel_bind_int(statement, 2, (int64_t)unit->last);
        status = satchel_statement_run(store, statement, error);
    }
    return status;
}

/* Behind it nothing goes. */
static uint64_t last_that_may_go(const satchel_store *store) {
    uint64_t last = store->next_sequence - 1;
    last = last > SATCHEL_LOG_KEPT_OPS ? last - SATCHEL_LOG_KEPT_OPS : 0;
    last = last < store->settled_through ? last : store->settled_through;
    return last < store->reflected_through ? last : store->reflected_through;
}

satchel_status satchel_log_prune(satchel_store *store, uint32_t *budget_rows, satchel_error *error) {
    satchel_log_pruning *prune = &store->prune;
    uint64_t end = last_that_may_go(store);
    satchel_status status = SATCHEL_OK;
    if (*budget_rows == 0 || !satchel_log_prune_is_due(store)) {
        return SATCHEL_OK;
    }
    if (!prune->walking) {
        *prune =
            (satchel_log_pruning){.walking = true, .verified_n = store->verified_n, .settled = store->settled_through};
    }
    while (status == SATCHEL_OK && prune->walking && *budget_rows > 0) {
        old_unit unit = {.first = 0};
        bool goes = false;
        status = next_unit(store, &unit, &prune->walking, error);
        prune->walking = prune->walking && status == SATCHEL_OK && unit.last <= end;
        if (status == SATCHEL_OK && prune->walking && is_old_enough(store, &unit)) {
            status = may_go(store, &unit, &goes, error);
        }
        if (status == SATCHEL_OK && goes) {
            status = drop_unit(store, &unit, error);
        }
        prune->after = unit.last;
        uint32_t cost = goes ? (uint32_t)(unit.last - unit.first + 1) : 1;
        *budget_rows -= cost < *budget_rows ? cost : *budget_rows;
    }
    return status;
}
