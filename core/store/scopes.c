/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why rows are here: each carries the number of a set of scopes. The server names sets by its own numbers; the phone
 * gives each meaning a number of its own and never changes it but by loss, so that a set which died and whose number
 * comes back with a new meaning does not bring the old rows back that still wait for their purge.
 */
#include "store/digest.h"
#include "store/page.h"

static satchel_status encode_scopes(const uint32_t *scopes, uint32_t count, satchel_buffer *out) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < count && status == SATCHEL_OK; i++) {
        status = satchel_buffer_append_varint(out, scopes[i]);
    }
    return status;
}

satchel_status satchel_scopes_reload(satchel_store *store, satchel_error *error) {
    int64_t dead = 0;
    int64_t orphans = 0;
    store->last_set_number = 0;
    satchel_status status = satchel_store_number(store, "SELECT 1 FROM store_dead_set LIMIT 1", 0, &dead, error);
    if (status == SATCHEL_OK) {
        status = satchel_store_number(store, "SELECT 1 FROM store_orphan LIMIT 1", 0, &orphans, error);
    }
    store->has_dead_sets = dead != 0;
    store->has_orphans = orphans != 0;
    return status;
}

/* The live set of the server's number: its local number and scopes. `*out_found` false if there is none. */
static satchel_status find_set(satchel_store *store, uint32_t number, int64_t *out_local, satchel_buffer *out_scopes,
                               bool *out_found, satchel_error *error) {
    sqlite3_stmt *statement;
    *out_found = false;
    satchel_status status =
        satchel_statement_of(store, "SELECT local, scopes FROM store_scope_set WHERE number = ?", &statement, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, number);
    status = satchel_statement_step(store, statement, out_found, error);
    if (status == SATCHEL_OK && *out_found) {
        *out_local = sqlite3_column_int64(statement, 0);
        status = satchel_buffer_append(out_scopes, satchel_column_bytes(statement, 1));
    }
    satchel_statement_end(statement);
    return status;
}

satchel_status satchel_scopes_number(satchel_store *store, uint32_t number, int64_t *out, satchel_error *error) {
    satchel_buffer scopes = {NULL, 0, 0};
    bool found = false;
    if (number == 0) {
        *out = SATCHEL_SCOPE_SET_NONE;
        return SATCHEL_OK;
    }
    if (number == store->last_set_number) {
        *out = store->last_set_local;
        return SATCHEL_OK;
    }
    satchel_status status = find_set(store, number, out, &scopes, &found, error);
    satchel_buffer_deinit(&scopes);
    if (status == SATCHEL_OK && !found) {
        status = satchel_fail(error, SATCHEL_MALFORMED, "scope set %u was never defined", (unsigned)number);
    }
    if (status == SATCHEL_OK) {
        store->last_set_number = number;
        store->last_set_local = *out;
    }
    return status;
}

/* Sets without a server's number keep their rows alive under the meaning that they had. */
static satchel_status forget_number(satchel_store *store, int64_t local, satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status =
        satchel_statement_of(store, "UPDATE store_scope_set SET number = -local WHERE local = ?", &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, local);
        status = satchel_statement_run(store, statement, error);
    }
    return status;
}

static satchel_status add_set(satchel_store *store, uint32_t number, satchel_bytes scopes, satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status = satchel_statement_of(
        store,
        "INSERT INTO store_scope_set (local, number, scopes) VALUES (1 + max((SELECT coalesce(max(local), 0) FROM "
        "store_scope_set), (SELECT coalesce(max(local), 0) FROM store_dead_set)), ?, ?)",
        &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, number);
        satchel_bind_bytes(statement, 2, scopes);
        status = satchel_statement_run(store, statement, error);
    }
    return status;
}

satchel_status satchel_scopes_define(satchel_store *store, const satchel_scope_set *set, satchel_error *error) {
    satchel_buffer wanted = {NULL, 0, 0};
    satchel_buffer known = {NULL, 0, 0};
    int64_t local = 0;
    bool found = false;
    if (set->number == 0) {
        return satchel_fail(error, SATCHEL_MALFORMED, "a scope set has no number");
    }
    satchel_status status = encode_scopes(set->scopes, set->scope_count, &wanted);
    if (status == SATCHEL_OK) {
        status = find_set(store, set->number, &local, &known, &found, error);
    }
    bool same = found && satchel_bytes_equal(satchel_buffer_view(&wanted), satchel_buffer_view(&known));
    if (status == SATCHEL_OK && found && !same) {
        status = forget_number(store, local, error);
    }
    if (status == SATCHEL_OK && !same) {
        status = add_set(store, set->number, satchel_buffer_view(&wanted), error);
    }
    store->last_set_number = 0;
    satchel_buffer_deinit(&wanted);
    satchel_buffer_deinit(&known);
    return status;
}

/* --- losing scopes --- */

typedef struct known_set {
    int64_t local;
    satchel_bytes scopes;
} known_set;

static bool is_lost(uint32_t scope, const satchel_scope_set *lost) {
    for (uint32_t i = 0; i < lost->scope_count; i++) {
        if (lost->scopes[i] == scope) {
            return true;
        }
    }
    return false;
}

/* What remains of a set. Errors: DAMAGED, NO_MEMORY. */
static satchel_status subtract(satchel_bytes scopes, const satchel_scope_set *lost, satchel_buffer *out) {
    satchel_reader reader = satchel_reader_of(scopes);
    while (satchel_reader_left(&reader) > 0) {
        uint64_t scope = 0;
        if (satchel_reader_varint(&reader, &scope) != SATCHEL_OK || scope > UINT32_MAX) {
            return SATCHEL_DAMAGED;
        }
        if (!is_lost((uint32_t)scope, lost)) {
            satchel_status status = satchel_buffer_append_varint(out, scope);
            if (status != SATCHEL_OK) {
                return status;
            }
        }
    }
    return SATCHEL_OK;
}

static satchel_status list_sets(satchel_store *store, satchel_arena *arena, known_set **out, uint32_t *out_count,
                                satchel_error *error) {
    sqlite3_stmt *statement;
    int64_t count = 0;
    bool has_row = true;
    *out_count = 0;
    satchel_status status = satchel_store_number(store, "SELECT count(*) FROM store_scope_set", 0, &count, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    *out = satchel_arena_take_array(arena, (size_t)count, sizeof **out);
    if (*out == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    status = satchel_statement_of(store, "SELECT local, scopes FROM store_scope_set ORDER BY local", &statement, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    while (status == SATCHEL_OK && *out_count < count) {
        status = satchel_statement_step(store, statement, &has_row, error);
        if (status != SATCHEL_OK || !has_row) {
            break;
        }
        known_set *set = &(*out)[(*out_count)++];
        set->local = sqlite3_column_int64(statement, 0);
        status = satchel_arena_copy(arena, satchel_column_bytes(statement, 1), &set->scopes);
    }
    satchel_statement_end(statement);
    return status;
}

static satchel_status run_with(satchel_store *store, const char *sql, int64_t local, satchel_bytes scopes,
                               satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status = satchel_statement_of(store, sql, &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, local);
        if (sqlite3_bind_parameter_count(statement) > 1) {
            satchel_bind_bytes(statement, 2, scopes);
        }
        status = satchel_statement_run(store, statement, error);
    }
    return status;
}

static satchel_status shrink_set(satchel_store *store, const known_set *set, satchel_bytes left, satchel_error *error) {
    const satchel_bytes none = {NULL, 0};
    if (left.bytes > 0) {
        return run_with(store, "UPDATE store_scope_set SET scopes = ?2 WHERE local = ?1", set->local, left, error);
    }
    satchel_status status = run_with(store, "DELETE FROM store_scope_set WHERE local = ?", set->local, none, error);
    if (status == SATCHEL_OK) {
        status = run_with(store, "DELETE FROM store_aside WHERE local = ?", set->local, none, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_digests_drop(store, set->local, error);
    }
    if (status == SATCHEL_OK) {
        store->has_dead_sets = true;
        status = run_with(store, "INSERT OR IGNORE INTO store_dead_set (local, entity, position) VALUES (?, 0, 0)",
                          set->local, none, error);
    }
    return status;
}

satchel_status satchel_scopes_lose(satchel_store *store, const satchel_scope_set *lost, satchel_store_outcome *outcome,
                                   satchel_error *error) {
    satchel_arena arena = {0};
    satchel_buffer left = {NULL, 0, 0};
    known_set *sets = NULL;
    uint32_t count = 0;
    satchel_status status = list_sets(store, &arena, &sets, &count, error);
    for (uint32_t i = 0; i < count && status == SATCHEL_OK; i++) {
        satchel_buffer_clear(&left);
        status = subtract(sets[i].scopes, lost, &left);
        if (status == SATCHEL_OK && left.bytes != sets[i].scopes.bytes) {
            status = shrink_set(store, &sets[i], satchel_buffer_view(&left), error);
        }
    }
    for (uint32_t i = 0; i < store->table_count; i++) {
        satchel_outcome_changed(outcome, store->tables[i].entity->number);
    }
    store->last_set_number = 0;
    store->rows = -1;
    satchel_buffer_deinit(&left);
    satchel_arena_deinit(&arena);
    return status;
}
