/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search index: one FTS5 table for all entities, fed with tokens of our own making (search_words.c).
 *
 * The index holds no content: to take a row out, the very tokens that went in are given again, made from the row as
 * it stood. What a page brings waits in store_unindexed and is indexed in the background; local changes are indexed
 * at once. When other fields are searched than before, the index is emptied and a walk through the tables fills it;
 * rows ahead of the walk are not in it.
 */
#include "store/rows.h"

#define TARGET_SHIFT 40
/* ".search": [format 1][fingerprint of what is searched 8][indexed through target 8], big-endian */
#define NOTE_NAME ".search"
#define NOTE_FORMAT 1
#define NOTE_BYTES 17

int64_t satchel_search_target(const satchel_table *table, int64_t rowid) {
    int64_t first = (int64_t)table->entity->number << TARGET_SHIFT;
    int64_t width = INT64_C(1) << TARGET_SHIFT;
    return first + (rowid < width ? rowid : width);
}

bool satchel_entity_is_searchable(const satchel_schema *schema, const satchel_entity *entity) {
    const satchel_field *field;
    for (uint32_t i = 0; (field = satchel_schema_field_at(schema, entity->number, i)) != NULL; i++) {
        if (satchel_field_is_searched(field)) {
            return true;
        }
    }
    return false;
}

/* --- keeping the index --- */

static satchel_status run_index(satchel_store *store, const char *sql, int64_t target, const satchel_buffer *tokens,
                                satchel_error *error) {
    sqlite3_stmt *statement;
    if (tokens->bytes == 0) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_statement_of(store, sql, &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, target);
        sqlite3_bind_text64(statement, 2, (const char *)tokens->data, tokens->bytes, SQLITE_STATIC, SQLITE_UTF8);
        status = satchel_statement_run(store, statement, error);
    }
    return status;
}

static satchel_status index_put(satchel_store *store, const satchel_table *table, int64_t rowid,
                                const satchel_record *record, satchel_error *error) {
    satchel_buffer tokens = {NULL, 0, 0};
    satchel_status status = satchel_search_tokens(&store->schema, table, record, &tokens);
    if (status == SATCHEL_OK) {
        status = run_index(store, "INSERT INTO store_search (rowid, words) VALUES (?, ?)",
                           satchel_search_target(table, rowid), &tokens, error);
    }
    satchel_buffer_deinit(&tokens);
    return status;
}

static satchel_status index_drop(satchel_store *store, const satchel_table *table, int64_t rowid,
                                 const satchel_record *record, satchel_error *error) {
    satchel_buffer tokens = {NULL, 0, 0};
    satchel_status status = satchel_search_tokens(&store->schema, table, record, &tokens);
    if (status == SATCHEL_OK) {
        status = run_index(store, "INSERT INTO store_search (store_search, rowid, words) VALUES ('delete', ?, ?)",
                           satchel_search_target(table, rowid), &tokens, error);
    }
    satchel_buffer_deinit(&tokens);
    return status;
}

static satchel_status run_queue(satchel_store *store, const char *sql, int64_t target, bool *out_found,
                                satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status = satchel_statement_of(store, sql, &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, target);
        status = satchel_statement_step(store, statement, out_found, error);
        satchel_statement_end(statement);
    }
    return status;
}

/* The walk that fills an index made anew has not come to the row yet; it will be indexed as it then is. */
static bool is_ahead(const satchel_store *store, const satchel_table *table, int64_t rowid) {
    return satchel_search_target(table, rowid) > store->search_through;
}

satchel_status satchel_search_enqueue(satchel_store *store, const satchel_table *table, int64_t rowid,
                                      satchel_error *error) {
    bool row;
    if (!table->searchable || is_ahead(store, table, rowid)) {
        return SATCHEL_OK;
    }
    store->has_unindexed = true;
    return run_queue(store, "INSERT OR IGNORE INTO store_unindexed (target) VALUES (?)",
                     satchel_search_target(table, rowid), &row, error);
}

static bool same_words(const satchel_schema *schema, const satchel_table *table, const satchel_record *a,
                       const satchel_record *b) {
    const satchel_value null = satchel_value_null();
    const satchel_field *field;
    for (uint32_t i = 0; (field = satchel_schema_field_at(schema, table->entity->number, i)) != NULL; i++) {
        if (satchel_field_is_searched(field)) {
            const satchel_value *before = satchel_record_get(a, field->number);
            const satchel_value *after = satchel_record_get(b, field->number);
            if (!satchel_value_equal(before != NULL ? before : &null, after != NULL ? after : &null)) {
                return false;
            }
        }
    }
    return true;
}

satchel_status satchel_search_update(satchel_store *store, const satchel_table *table, int64_t rowid,
                                     const satchel_record *before, const satchel_record *after, bool at_once,
                                     satchel_error *error) {
    bool queued = false;
    bool row;
    satchel_status status = SATCHEL_OK;
    if (!table->searchable || is_ahead(store, table, rowid) ||
        (before != NULL && after != NULL && same_words(&store->schema, table, before, after))) {
        return SATCHEL_OK;
    }
    if (store->has_unindexed) {
        status = run_queue(store, "SELECT 1 FROM store_unindexed WHERE target = ?", satchel_search_target(table, rowid),
                           &queued, error);
    }
    if (status != SATCHEL_OK || (queued && after != NULL)) {
        return status; /* it will be indexed as it then is */
    }
    if (queued) {
        return run_queue(store, "DELETE FROM store_unindexed WHERE target = ?", satchel_search_target(table, rowid),
                         &row, error);
    }
    if (before != NULL) {
        status = index_drop(store, table, rowid, before, error);
    }
    if (status == SATCHEL_OK && after != NULL) {
        status =
            at_once ? index_put(store, table, rowid, after, error) : satchel_search_enqueue(store, table, rowid, error);
    }
    return status;
}

/* --- the queue --- */

/* The columns of a table with NULL where nothing is searched: what is not needed is not decoded. */
static satchel_status write_searched_columns(const satchel_schema *schema, const satchel_entity *entity,
                                             satchel_buffer *sql) {
    const satchel_field *field;
    bool custom = false;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; (field = satchel_schema_field_at(schema, entity->number, i)) != NULL; i++) {
        if ((field->flags & SATCHEL_FIELD_CUSTOM) != 0) {
            custom = custom || satchel_field_is_searched(field);
        } else if (field->number != SATCHEL_FIELD_ID && status == SATCHEL_OK) {
            status = satchel_field_is_searched(field) ? satchel_buffer_append_format(sql, "\"%s\", ", field->name)
                                                      : satchel_buffer_append_format(sql, "NULL, ");
        }
    }
    return status == SATCHEL_OK ? satchel_buffer_append_format(sql, custom ? "\"custom\", NULL" : "NULL, NULL")
                                : status;
}

static satchel_status prepare_fetch(satchel_store *store, satchel_table *table, satchel_error *error) {
    satchel_buffer sql = {NULL, 0, 0};
    satchel_status status = SATCHEL_OK;
    if (table->fetch == NULL) {
        status = satchel_buffer_append_format(&sql, "SELECT ");
        if (status == SATCHEL_OK) {
            status = write_searched_columns(&store->schema, table->entity, &sql);
        }
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append_format(&sql, " FROM \"%s\" WHERE rowid = ?", table->entity->name);
        }
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append_byte(&sql, 0);
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_keep(store, &table->fetch, (const char *)sql.data, error);
    }
    satchel_buffer_deinit(&sql);
    return status;
}

static satchel_status index_target(satchel_store *store, int64_t target, satchel_arena *arena, satchel_error *error) {
    satchel_table *table = satchel_table_of(store, (uint32_t)(target >> TARGET_SHIFT));
    int64_t rowid = target & ((INT64_C(1) << TARGET_SHIFT) - 1);
    satchel_record record;
    bool has_row = false;
    if (table == NULL || !table->searchable) {
        return SATCHEL_OK;
    }
    satchel_status status = prepare_fetch(store, table, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(table->fetch, 1, rowid);
    status = satchel_statement_step(store, table->fetch, &has_row, error);
    if (status == SATCHEL_OK && has_row) {
        status = satchel_row_read(store, table, table->fetch, 0, arena, &record, error);
    }
    satchel_statement_end(table->fetch);
    return status == SATCHEL_OK && has_row ? index_put(store, table, rowid, &record, error) : status;
}

static satchel_status list_queue(satchel_store *store, uint32_t budget_rows, int64_t *targets, uint32_t *out_count,
                                 satchel_error *error) {
    sqlite3_stmt *statement;
    bool has_row = true;
    *out_count = 0;
    satchel_status status =
        satchel_statement_of(store, "SELECT target FROM store_unindexed ORDER BY target LIMIT ?", &statement, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, budget_rows);
    while (*out_count < budget_rows) {
        status = satchel_statement_step(store, statement, &has_row, error);
        if (status != SATCHEL_OK || !has_row) {
            break;
        }
        targets[(*out_count)++] = sqlite3_column_int64(statement, 0);
    }
    satchel_statement_end(statement);
    return status;
}

satchel_status satchel_search_drain(satchel_store *store, uint32_t budget_rows, bool *out_left, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_arena row_arena = {0};
    uint32_t count = 0;
    bool row;
    *out_left = false;
    if (!store->has_unindexed || budget_rows == 0) {
        *out_left = store->has_unindexed;
        return SATCHEL_OK;
    }
    int64_t *targets = satchel_arena_take_array(&arena, budget_rows, sizeof *targets);
    satchel_status status = targets != NULL ? list_queue(store, budget_rows, targets, &count, error)
                                            : satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the queue");
    for (uint32_t i = 0; i < count && status == SATCHEL_OK; i++) {
        satchel_arena_reset(&row_arena);
        status = index_target(store, targets[i], &row_arena, error);
    }
    if (status == SATCHEL_OK && count > 0) {
        status = run_queue(store, "DELETE FROM store_unindexed WHERE target <= ?", targets[count - 1], &row, error);
    }
    if (status == SATCHEL_OK) {
        store->has_unindexed = count == budget_rows; /* rather one empty look too many */
        *out_left = store->has_unindexed;
    }
    satchel_arena_deinit(&row_arena);
    satchel_arena_deinit(&arena);
    return status;
}

/* --- making it anew --- */

/* FNV-1a over the fields that are searched. */
static uint64_t fingerprint(const satchel_store *store) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (uint32_t t = 0; t < store->table_count; t++) {
        const satchel_field *field;
        uint32_t entity = store->tables[t].entity->number;
        for (uint32_t i = 0; (field = satchel_schema_field_at(&store->schema, entity, i)) != NULL; i++) {
            if (satchel_field_is_searched(field)) {
                const uint32_t parts[] = {entity, field->number, field->search, field->type};
                for (uint32_t k = 0; k < 4; k++) {
                    hash = (hash ^ parts[k]) * UINT64_C(0x100000001b3);
                }
            }
        }
    }
    return hash;
}

static satchel_status read_note(satchel_store *store, uint64_t *out_made_for, int64_t *out_through, bool *out_unknown,
                                satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes bytes = {NULL, 0};
    satchel_status status = satchel_store_get_value(store, NOTE_NAME, &arena, &bytes, error);
    *out_unknown = status == SATCHEL_NOT_FOUND;
    *out_made_for = 0;
    *out_through = INT64_MAX;
    if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
    } else if (status == SATCHEL_OK && (bytes.bytes != NOTE_BYTES || bytes.data[0] != NOTE_FORMAT)) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "the note of the search index is damaged");
    } else if (status == SATCHEL_OK) {
        *out_made_for = satchel_get_u64be(bytes.data + 1);
        *out_through = (int64_t)satchel_get_u64be(bytes.data + 9);
    }
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_search_reload(satchel_store *store, satchel_error *error) {
    uint64_t made_for;
    bool unknown;
    return read_note(store, &made_for, &store->search_through, &unknown, error);
}

satchel_status satchel_search_fits(satchel_store *store, bool *out, bool *out_unknown, satchel_error *error) {
    uint64_t made_for;
    int64_t through;
    satchel_status status = read_note(store, &made_for, &through, out_unknown, error);
    *out = made_for == fingerprint(store);
    return status;
}

satchel_status satchel_search_note(satchel_store *store, satchel_error *error) {
    uint8_t bytes[NOTE_BYTES] = {NOTE_FORMAT};
    satchel_put_u64be(bytes + 1, fingerprint(store));
    satchel_put_u64be(bytes + 9, (uint64_t)store->search_through);
    return satchel_store_write_value(store, NOTE_NAME, satchel_bytes_of(bytes, sizeof bytes), error);
}

satchel_status satchel_search_rebuild(satchel_store *store, satchel_error *error) {
    satchel_status status =
        satchel_store_execute(store,
                              "INSERT INTO store_search (store_search) VALUES ('delete-all'); DELETE FROM "
                              "store_unindexed",
                              error);
    store->has_unindexed = false;
    store->search_through = 0;
    return status == SATCHEL_OK ? satchel_search_note(store, error) : status;
}

/* The rowids of the table behind the walk, at most `budget_rows`. */
static satchel_status list_rows(satchel_store *store, const satchel_table *table, int64_t after, uint32_t budget_rows,
                                int64_t *targets, uint32_t *out_count, satchel_error *error) {
    satchel_buffer sql = {NULL, 0, 0};
    sqlite3_stmt *statement = NULL;
    bool has_row = true;
    *out_count = 0;
    satchel_status status = satchel_buffer_append_format(
        &sql, "SELECT rowid FROM \"%s\" WHERE rowid > ? ORDER BY rowid LIMIT ?", table->entity->name);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_of(store, (const char *)sql.data, &statement, error);
    }
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, after);
        satchel_bind_int(statement, 2, budget_rows);
    }
    while (status == SATCHEL_OK && *out_count < budget_rows) {
        status = satchel_statement_step(store, statement, &has_row, error);
        if (status != SATCHEL_OK || !has_row) {
            break;
        }
        targets[(*out_count)++] = satchel_search_target(table, sqlite3_column_int64(statement, 0));
    }
    satchel_statement_end(statement);
    satchel_buffer_deinit(&sql);
    return status;
}

/* Indexes what follows in the table; moves the walk on, behind the table if that was all of it. */
static satchel_status walk_table(satchel_store *store, const satchel_table *table, uint32_t *budget_rows,
                                 satchel_error *error) {
    satchel_arena arena = {0};
    satchel_arena row_arena = {0};
    const int64_t first = satchel_search_target(table, 0);
    uint32_t count = 0;
    satchel_status status = SATCHEL_OK;
    int64_t *targets = satchel_arena_take_array(&arena, *budget_rows, sizeof *targets);
    if (targets == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the index");
    }
    if (table->searchable) {
        int64_t after = store->search_through > first ? store->search_through - first : 0;
        status = list_rows(store, table, after, *budget_rows, targets, &count, error);
    }
    for (uint32_t i = 0; i < count && status == SATCHEL_OK; i++) {
        satchel_arena_reset(&row_arena);
        status = index_target(store, targets[i], &row_arena, error);
    }
    if (status == SATCHEL_OK) {
        store->search_through = count == *budget_rows ? targets[count - 1] : satchel_search_target(table, INT64_MAX);
        *budget_rows -= count;
    }
    satchel_arena_deinit(&row_arena);
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_search_walk(satchel_store *store, uint32_t *budget_rows, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    if (store->search_through == INT64_MAX || *budget_rows == 0) {
        return SATCHEL_OK;
    }
    for (uint32_t i = 0; i<store->table_count && * budget_rows> 0 && status == SATCHEL_OK; i++) {
        const satchel_table *table = &store->tables[i];
        if (store->search_through < satchel_search_target(table, INT64_MAX)) {
            status = walk_table(store, table, budget_rows, error);
        }
    }
    if (status == SATCHEL_OK && *budget_rows > 0) {
        store->search_through = INT64_MAX; /* behind the last table */
    }
    return status == SATCHEL_OK ? satchel_search_note(store, error) : status;
}
