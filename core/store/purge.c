/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that leave. Hiding is at once and cheap: a scope set that died hides all its rows by itself, a single row gets
 * the number of the hidden. Purging follows in small transactions: row, search index, journal. Own ops that were not
 * sent are not touched: they stay in the log, are sent like all others, and lie on the row again should it come back.
 */
#include "store/digest_state.h"
#include "store/log_prune.h"
#include "store/migrate.h"
#include "store/page.h"

#include <satchel/model.h>

#define HIDE_BATCH 64          /* rows that one statement hides */
#define SCAN_ROWS_PER_PURGE 16 /* rows looked at for each that may be purged */

/* --- hiding --- */

/* The rows that go together: one statement a table hides them all. */
typedef struct hidden_rows {
    const satchel_id *ids;
    uint32_t count; /* 1 to HIDE_BATCH */
} hidden_rows;

/* Places of a statement for so many rows: of two lengths, so that the texts are few. The last row fills what is left.
 */
static uint32_t places_of(const hidden_rows *rows) {
    return rows->count == 1 ? 1 : HIDE_BATCH;
}

static void bind_rows(sqlite3_stmt *statement, int first, const hidden_rows *rows) {
    for (uint32_t i = 0; i < places_of(rows); i++) {
        satchel_bind_id(statement, first + (int)i, &rows->ids[i < rows->count ? i : rows->count - 1]);
    }
}

static satchel_status run_for(satchel_store *store, const satchel_buffer *sql, int64_t first, const hidden_rows *rows,
                              satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status = satchel_statement_of(store, (const char *)sql->data, &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, first);
        satchel_bind_int(statement, 2, SATCHEL_SCOPE_SET_HIDDEN);
        bind_rows(statement, 3, rows);
        status = satchel_statement_run(store, statement, error);
    }
    return status;
}

/* Text for which rows go: those whose `column` is one of the ids (parameters from 3 on), or belong to rows of `of`
 * whose `by` is. */
typedef struct hide_rule {
    const char *column;
    const char *of; /* NULL: `column` itself is compared */
    const char *by;
} hide_rule;

static satchel_status put_places(satchel_buffer *out, const hidden_rows *rows) {
    satchel_status status = satchel_buffer_append_format(out, " IN (?3");
    for (uint32_t i = 1; i < places_of(rows) && status == SATCHEL_OK; i++) {
        status = satchel_buffer_append_format(out, ", ?%u", (unsigned)(i + 3));
    }
    return status == SATCHEL_OK ? satchel_buffer_append_byte(out, ')') : status;
}

static satchel_status put_rule(satchel_buffer *out, const hide_rule *rule, const hidden_rows *rows) {
    satchel_status status = satchel_buffer_append_format(out, " WHERE \"%s\"", rule->column);
    if (status == SATCHEL_OK && rule->of != NULL) {
        status = satchel_buffer_append_format(out, " IN (SELECT \"id\" FROM \"%s\" WHERE \"%s\"", rule->of, rule->by);
    }
    if (status == SATCHEL_OK) {
        status = put_places(out, rows);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_format(out, "%s AND scope_set IS NOT ?2", rule->of != NULL ? ")" : "");
    }
    return status;
}

/* What the digests lose, as they are read from the rows before these are hidden. */
static satchel_status leave_digests(satchel_store *store, const satchel_table *table, const satchel_buffer *where,
                                    const hidden_rows *rows, bool *out_any, satchel_error *error) {
    satchel_buffer sql = {NULL, 0, 0};
    sqlite3_stmt *statement = NULL;
    satchel_status status = satchel_digest_columns(store, table, &sql);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(&sql, satchel_buffer_view(where));
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_of(store, (const char *)sql.data, &statement, error);
    }
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 2, SATCHEL_SCOPE_SET_HIDDEN);
        bind_rows(statement, 3, rows);
        status = satchel_digests_leave(store, table, statement, out_any, error);
    }
    satchel_buffer_deinit(&sql);
    return status;
}

/* Hides the rows that fit and queues them for the purge. */
static satchel_status hide_where(satchel_store *store, const satchel_table *table, const hide_rule *rule,
                                 const hidden_rows *rows, satchel_store_outcome *outcome, satchel_error *error) {
    const char *name = table->entity->name;
    satchel_buffer sql = {NULL, 0, 0};
    satchel_buffer where = {NULL, 0, 0};
    bool any = false;
    satchel_status status = put_rule(&where, rule, rows);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&where, 0);
    }
    if (status == SATCHEL_OK) {
        status = leave_digests(store, table, &where, rows, &any, error);
    }
    if (status != SATCHEL_OK || !any) {
        satchel_buffer_deinit(&where);
        return status;
    }
    status = satchel_buffer_append_format(
        &sql, "INSERT OR IGNORE INTO store_hidden (entity, position) SELECT ?1, rowid FROM \"%s\"%s", name,
        (const char *)where.data);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    if (status == SATCHEL_OK) {
        status = run_for(store, &sql, table->entity->number, rows, error);
    }
    satchel_buffer_clear(&sql);
    if (status == SATCHEL_OK) {
        status =
            satchel_buffer_append_format(&sql, "UPDATE \"%s\" SET scope_set = ?1%s", name, (const char *)where.data);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    if (status == SATCHEL_OK) {
        status = run_for(store, &sql, SATCHEL_SCOPE_SET_HIDDEN, rows, error);
    }
    if (status == SATCHEL_OK && sqlite3_changes(store->database) > 0) {
        outcome->rows_removed += (uint32_t)sqlite3_changes(store->database);
        satchel_outcome_changed(outcome, table->entity->number);
    }
    satchel_buffer_deinit(&sql);
    satchel_buffer_deinit(&where);
    return status;
}

/* What has the rows as its root. */
static satchel_status hide_children(satchel_store *store, uint32_t root, const hide_rule *roots,
                                    const hidden_rows *rows, satchel_store_outcome *outcome, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < store->table_count && status == SATCHEL_OK; i++) {
        const satchel_entity *child = store->tables[i].entity;
        if (child->root == root) {
            const satchel_field *field = satchel_schema_field(&store->schema, child->number, child->root_field);
            const hide_rule rule = {field != NULL ? field->name : NULL, roots->of, roots->by};
            status = field != NULL ? hide_where(store, &store->tables[i], &rule, rows, outcome, error) : SATCHEL_OK;
        }
    }
    return status;
}

/* What hangs on customers goes with them, the rows that travel with it first: they are found through it. */
static satchel_status hide_anchored(satchel_store *store, const hidden_rows *customers, satchel_store_outcome *outcome,
                                    satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < store->table_count && status == SATCHEL_OK; i++) {
        const satchel_entity *entity = store->tables[i].entity;
        const satchel_field *anchor = satchel_schema_field(&store->schema, entity->number, entity->anchor_field);
        if (anchor == NULL) {
            continue;
        }
        const hide_rule roots = {NULL, entity->name, anchor->name};
        const hide_rule rule = {anchor->name, NULL, NULL};
        status = hide_children(store, entity->number, &roots, customers, outcome, error);
        if (status == SATCHEL_OK) {
            status = hide_where(store, &store->tables[i], &rule, customers, outcome, error);
        }
    }
    return status;
}

/* Rows of no scope set: the purge finds them by this one. */
static satchel_status begin_hiding(satchel_store *store, const satchel_table *table, const hidden_rows *rows,
                                   satchel_error *error) {
    satchel_status status = satchel_store_execute(
        store, "INSERT OR IGNORE INTO store_dead_set (local, entity, position) VALUES (-1, 0, 0)", error);
    store->has_dead_sets = true;
    store->rows = -1;
    for (uint32_t i = 0; i < rows->count && status == SATCHEL_OK && store->has_aside; i++) {
        status = satchel_aside_forget(store, table->entity->number, &rows->ids[i], error);
    }
    return status;
}

satchel_status satchel_row_hide_alone(satchel_store *store, satchel_table *table, const satchel_id *id,
                                      satchel_store_outcome *outcome, satchel_error *error) {
    const hide_rule itself = {"id", NULL, NULL};
    const hidden_rows row = {id, 1};
    satchel_status status = begin_hiding(store, table, &row, error);
    return status == SATCHEL_OK ? hide_where(store, table, &itself, &row, outcome, error) : status;
}

static satchel_status hide(satchel_store *store, satchel_table *table, const hidden_rows *rows,
                           satchel_store_outcome *outcome, satchel_error *error) {
    const hide_rule itself = {"id", NULL, NULL};
    satchel_status status = begin_hiding(store, table, rows, error);
    if (status == SATCHEL_OK) {
        status = hide_where(store, table, &itself, rows, outcome, error);
    }
    if (status == SATCHEL_OK) {
        status = hide_children(store, table->entity->number, &itself, rows, outcome, error);
    }
    return status == SATCHEL_OK && table->entity->number == SATCHEL_ENTITY_CUSTOMER
               ? hide_anchored(store, rows, outcome, error)
               : status;
}

satchel_status satchel_rows_hide(satchel_store *store, satchel_table *table, const satchel_id *ids, uint32_t count,
                                 satchel_store_outcome *outcome, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < count && status == SATCHEL_OK; i += HIDE_BATCH) {
        const hidden_rows rows = {ids + i, count - i < HIDE_BATCH ? count - i : HIDE_BATCH};
        status = hide(store, table, &rows, outcome, error);
    }
    return status;
}

/* --- purging --- */

/*
 * Looked at before: a statement that may delete several rows makes the search index write down all that it gathered.
 */
static satchel_status forget_losses(satchel_store *store, const satchel_stored_row *row, satchel_error *error) {
    static const char *const texts[] = {
        "SELECT 1 FROM store_loss WHERE entity = ? AND row = ? AND conflict <> zeroblob(16) LIMIT 1",
        "DELETE FROM store_loss WHERE entity = ? AND row = ? AND conflict <> zeroblob(16)"};
    bool any = true;
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; i < 2 && any && status == SATCHEL_OK; i++) {
        sqlite3_stmt *statement;
        status = satchel_statement_of(store, texts[i], &statement, error);
        if (status == SATCHEL_OK) {
            satchel_bind_int(statement, 1, row->table->entity->number);
            satchel_bind_id(statement, 2, &row->id);
            status = satchel_statement_step(store, statement, &any, error);
            satchel_statement_end(statement);
        }
    }
    return status;
}

/*
 * What is set aside goes when its own row is hidden or its scope set dies; what is there at the purge came later. Only
 * a child's goes with the root, which took it along.
 */
static satchel_status forget_aside(satchel_store *store, const satchel_stored_row *row, satchel_arena *arena,
                                   satchel_error *error) {
    const satchel_entity *entity = row->table->entity;
    satchel_table *table = satchel_table_of(store, entity->root);
    const satchel_id id = satchel_record_id(&row->visible, entity->root_field);
    satchel_stored_row root;
    if (!store->has_aside || table == NULL) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_row_load(store, table, &id, arena, &root, error);
    bool here = status == SATCHEL_OK && root.found && !satchel_row_is_hidden(store, root.scope_set);
    return status != SATCHEL_OK || here ? status : satchel_aside_forget(store, entity->number, &row->id, error);
}

/* The row, if it is still hidden. */
static satchel_status purge_row(satchel_store *store, satchel_table *table, const satchel_id *id,
                                satchel_error *error) {
    satchel_arena arena = {0};
    satchel_stored_row row;
    satchel_status status = satchel_row_load(store, table, id, &arena, &row, error);
    if (status == SATCHEL_OK && row.found && satchel_row_is_hidden(store, row.scope_set)) {
        if (row.overlay.kind != SATCHEL_OVERLAY_NONE) {
            status = satchel_orphan_put(store, table->entity->number, id, row.overlay, error);
        }
        if (status == SATCHEL_OK) {
            status = forget_losses(store, &row, error);
        }
        if (status == SATCHEL_OK) {
            status = forget_aside(store, &row, &arena, error);
        }
        if (status == SATCHEL_OK) {
            status = satchel_row_delete(store, &row, &arena, error);
        }
    }
    satchel_arena_deinit(&arena);
    return status;
}

/* What a step of the purge found. */
typedef struct purge_step {
    bool found;
    uint32_t entity;
    int64_t position;
    satchel_id id;
    bool has_id;
} purge_step;

static satchel_status find_id(satchel_store *store, const satchel_table *table, purge_step *step,
                              satchel_error *error) {
    satchel_buffer sql = {NULL, 0, 0};
    sqlite3_stmt *statement = NULL;
    step->has_id = false;
    satchel_status status =
        satchel_buffer_append_format(&sql, "SELECT \"id\" FROM \"%s\" WHERE rowid = ?", table->entity->name);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_of(store, (const char *)sql.data, &statement, error);
    }
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, step->position);
        status = satchel_statement_step(store, statement, &step->has_id, error);
        if (status == SATCHEL_OK && step->has_id) {
            status = satchel_column_id(statement, 0, &step->id);
        }
        satchel_statement_end(statement);
    }
    satchel_buffer_deinit(&sql);
    return status;
}

static satchel_status next_hidden(satchel_store *store, purge_step *step, satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status =
        satchel_statement_of(store, "SELECT entity, position FROM store_hidden LIMIT 1", &statement, error);
    if (status == SATCHEL_OK) {
        status = satchel_statement_step(store, statement, &step->found, error);
        step->entity = (uint32_t)sqlite3_column_int64(statement, 0);
        step->position = sqlite3_column_int64(statement, 1);
        satchel_statement_end(statement);
    }
    return status;
}

static satchel_status drop_hidden(satchel_store *store, const purge_step *step, satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status =
        satchel_statement_of(store, "DELETE FROM store_hidden WHERE entity = ? AND position = ?", &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, step->entity);
        satchel_bind_int(statement, 2, step->position);
        status = satchel_statement_run(store, statement, error);
    }
    return status;
}

/* Rows that were hidden one by one. */
static satchel_status purge_hidden(satchel_store *store, uint32_t *budget, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    while (*budget > 0 && status == SATCHEL_OK) {
        purge_step step = {.found = false};
        status = next_hidden(store, &step, error);
        if (status != SATCHEL_OK || !step.found) {
            break;
        }
        satchel_table *table = satchel_table_of(store, step.entity);
        if (table != NULL) {
            status = find_id(store, table, &step, error);
            if (status == SATCHEL_OK && step.has_id) {
                status = purge_row(store, table, &step.id, error);
            }
        }
        if (status == SATCHEL_OK) {
            status = drop_hidden(store, &step, error);
        }
        (*budget)--;
    }
    return status;
}

/* The dead set that is being purged, and how far: index of the table, and rowid. */
typedef struct dead_set {
    bool found;
    int64_t local;
    int64_t table;
    int64_t position;
} dead_set;

static satchel_status next_dead_set(satchel_store *store, dead_set *out, satchel_error *error) {
    sqlite3_stmt *statement;
    out->found = false;
    satchel_status status = satchel_statement_of(
        store, "SELECT local, entity, position FROM store_dead_set WHERE local > 0 LIMIT 1", &statement, error);
    if (status == SATCHEL_OK) {
        status = satchel_statement_step(store, statement, &out->found, error);
        out->local = sqlite3_column_int64(statement, 0);
        out->table = sqlite3_column_int64(statement, 1);
        out->position = sqlite3_column_int64(statement, 2);
        satchel_statement_end(statement);
    }
    return status;
}

static satchel_status move_dead_set(satchel_store *store, const dead_set *set, satchel_error *error) {
    sqlite3_stmt *statement;
    bool done = set->table >= (int64_t)store->table_count;
    satchel_status status =
        satchel_statement_of(store,
                             done ? "DELETE FROM store_dead_set WHERE local = ?1"
                                  : "UPDATE store_dead_set SET entity = ?2, position = ?3 WHERE local = ?1",
                             &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, set->local);
        if (!done) {
            satchel_bind_int(statement, 2, set->table);
            satchel_bind_int(statement, 3, set->position);
        }
        status = satchel_statement_run(store, statement, error);
    }
    return status;
}

/* The next row of the set in a window of `scan` rows; `step->found` false: none in it, `*out_end`: nor behind it. */
static satchel_status scan_window(satchel_store *store, const satchel_table *table, const dead_set *set, uint32_t scan,
                                  purge_step *step, int64_t *out_window_end, bool *out_end, satchel_error *error) {
    satchel_buffer sql = {NULL, 0, 0};
    sqlite3_stmt *statement = NULL;
    bool has_row = true;
    satchel_status status = satchel_buffer_append_format(
        &sql, "SELECT rowid, scope_set, \"id\" FROM \"%s\" WHERE rowid > ? ORDER BY rowid LIMIT ?",
        table->entity->name);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_of(store, (const char *)sql.data, &statement, error);
    }
    *out_window_end = set->position;
    *out_end = false;
    step->found = false;
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, set->position);
        satchel_bind_int(statement, 2, scan);
        for (uint32_t i = 0; i < scan && !step->found && status == SATCHEL_OK; i++) {
            status = satchel_statement_step(store, statement, &has_row, error);
            if (status != SATCHEL_OK || !has_row) {
                *out_end = !has_row;
                break;
            }
            *out_window_end = sqlite3_column_int64(statement, 0);
            step->found = sqlite3_column_int64(statement, 1) == set->local;
            status = step->found ? satchel_column_id(statement, 2, &step->id) : SATCHEL_OK;
        }
        satchel_statement_end(statement);
    }
    satchel_buffer_deinit(&sql);
    return status;
}

/* Rows of scope sets that died, found by walking the tables: an index would cost every clean row its bytes. */
static satchel_status purge_sets(satchel_store *store, uint32_t *budget, satchel_error *error) {
    dead_set set;
    satchel_status status = next_dead_set(store, &set, error);
    while (*budget > 0 && status == SATCHEL_OK && set.found) {
        purge_step step = {.found = false};
        bool end = false;
        satchel_table *table = &store->tables[set.table];
        status = scan_window(store, table, &set, SCAN_ROWS_PER_PURGE, &step, &set.position, &end, error);
        if (status == SATCHEL_OK && step.found) {
            status = purge_row(store, table, &step.id, error);
        }
        (*budget)--;
        if (end) {
            set.table++;
            set.position = 0;
        }
        if (status == SATCHEL_OK && (end || *budget == 0)) {
            status = move_dead_set(store, &set, error);
        }
        if (status == SATCHEL_OK && set.table >= (int64_t)store->table_count) {
            status = next_dead_set(store, &set, error);
        }
    }
    return status;
}

static bool is_due(const satchel_store *store) {
    return store->has_dead_sets || satchel_migrate_is_due(store) || satchel_digests_count_is_due(store) ||
           satchel_log_prune_is_due(store);
}

static satchel_status purge(satchel_store *store, uint32_t budget_rows, bool *out_left, satchel_error *error) {
    uint32_t budget = budget_rows;
    int64_t hidden = 0;
    bool unindexed = false;
    satchel_status status = SATCHEL_OK;
    if (store->has_dead_sets) {
        status = purge_hidden(store, &budget, error);
        if (status == SATCHEL_OK) {
            status = satchel_store_number(store, "SELECT 1 FROM store_hidden LIMIT 1", 0, &hidden, error);
        }
        if (status == SATCHEL_OK && hidden == 0) {
            status = satchel_store_execute(store, "DELETE FROM store_dead_set WHERE local = -1", error);
        }
        if (status == SATCHEL_OK) {
            status = purge_sets(store, &budget, error);
        }
        if (status == SATCHEL_OK) {
            status = satchel_scopes_reload(store, error);
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_migrate_slice(store, &budget, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_search_drain(store, budget, &unindexed, error);
    }
    if (status == SATCHEL_OK && !unindexed) {
        status = satchel_digests_slice(store, &budget, error);
    }
    if (status == SATCHEL_OK && !unindexed) {
        status = satchel_log_prune(store, &budget, error);
    }
    *out_left = unindexed || is_due(store);
    return status;
}

satchel_status satchel_store_purge(satchel_store *store, uint32_t budget_rows, bool *out_left, satchel_error *error) {
    *out_left = false;
    if (budget_rows == 0) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a purge of no rows");
    }
    if (!store->has_unindexed && !store->mirrors_stale && !is_due(store)) {
        return SATCHEL_OK;
    }
    if (satchel_held_is_full(store)) {
        *out_left = true;
        return satchel_store_settle(store, error);
    }
    satchel_status status = satchel_held_begin(store, error);
    if (status == SATCHEL_OK) {
        status = purge(store, budget_rows, out_left, error);
        status = satchel_held_end(store, status, budget_rows, !*out_left || store->custom_read, error);
    }
    return status;
}
