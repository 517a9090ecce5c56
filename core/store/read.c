/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads: one row, a page of a query, rows that refer to another. A visitor is called while the statement stands on
 * its row, so it must not query the store itself; nothing stays open when the call returns.
 */
#include "store/migrate.h"
#include "store/rows.h"

#include <inttypes.h>

#define HEAD_COLUMNS 3 /* "id", scope_set, overlay come before the fields */

satchel_status satchel_store_read(satchel_store *store, uint32_t entity, const satchel_id *id, satchel_arena *arena,
                                  satchel_record *out, uint32_t *out_flags, uint64_t *out_base_n,
                                  satchel_error *error) {
    satchel_table *table;
    satchel_stored_row row;
    satchel_record_init(out, arena);
    satchel_status status = satchel_table_need(store, entity, &table, error);
    if (status == SATCHEL_OK) {
        status = satchel_row_load(store, table, id, arena, &row, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    if (!row.found || satchel_row_is_hidden(store, row.scope_set)) {
        return satchel_fail(error, SATCHEL_NOT_FOUND, "there is no such row of %s", table->entity->name);
    }
    *out = row.visible;
    *out_base_n = satchel_record_base(&row.visible);
    return satchel_row_flags(store, entity, id, &row.visible, row.overlay, out_flags, error);
}

/* --- queries --- */

/* What of the store's own comes into a query: what is hidden, and what the search found. `limit` 0: all of it. */
static satchel_status write_predicate(satchel_store *store, const satchel_table *table, const satchel_query *query,
                                      uint32_t limit, satchel_arena *arena, satchel_buffer *text,
                                      satchel_predicate *out, bool *out_none, satchel_error *error) {
    const char *and = "";
    satchel_text match;
    satchel_status status = SATCHEL_OK;
    satchel_value *bindings = satchel_arena_take_array(arena, 4, sizeof *bindings);
    *out = (satchel_predicate){{NULL, 0}, bindings, 0};
    *out_none = false;
    if (bindings == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    if (store->has_dead_sets) {
        status = satchel_buffer_append_format(
            text, "(scope_set IS NULL OR scope_set NOT IN (SELECT local FROM store_dead_set))");
        and = " AND ";
    }
    if (status == SATCHEL_OK && satchel_query_has_search(query)) {
        int64_t first = satchel_search_target(table, 0);
        bool many = false;
        status = satchel_search_match(satchel_query_words(query), arena, &match, out_none);
        if (status == SATCHEL_OK && !*out_none && limit > 0 && satchel_query_only_searches(query)) {
            status = satchel_found_look(store, table, match, limit, &many, error);
        }
        if (status == SATCHEL_OK && many) {
            status = satchel_buffer_append_format(text, "%s" SATCHEL_FOUND_FUNCTION "(rowid)", and);
        } else if (status == SATCHEL_OK) {
            status = satchel_buffer_append_format(
                text,
                "%srowid IN (SELECT rowid - ? FROM store_search WHERE store_search MATCH ? AND rowid > ? AND "
                "rowid < ?)",
                and);
        }
        bindings[0] = satchel_value_int(first);
        bindings[1] = satchel_value_text(match);
        bindings[2] = satchel_value_int(first);
        bindings[3] = satchel_value_int(satchel_search_target(table, INT64_MAX));
        out->binding_count = many ? 0 : 4;
    }
    out->text = (satchel_text){(const char *)text->data, text->bytes};
    return status;
}

static void bind_all(sqlite3_stmt *statement, const satchel_sql *sql) {
    for (uint32_t i = 0; i < sql->binding_count; i++) {
        const satchel_value *value = &sql->bindings[i];
        int index = (int)i + 1;
        switch (value->type) {
        case SATCHEL_TYPE_BOOL: satchel_bind_int(statement, index, value->as.boolean ? 1 : 0); break;
        case SATCHEL_TYPE_INT:
        case SATCHEL_TYPE_TIME: satchel_bind_int(statement, index, value->as.integer); break;
        case SATCHEL_TYPE_REAL: sqlite3_bind_double(statement, index, value->as.real); break;
        case SATCHEL_TYPE_TEXT:
            sqlite3_bind_text64(statement, index, value->as.bytes.bytes > 0 ? (const char *)value->as.bytes.data : "",
                                value->as.bytes.bytes, SQLITE_STATIC, SQLITE_UTF8);
            break;
        case SATCHEL_TYPE_BYTES: satchel_bind_bytes(statement, index, value->as.bytes); break;
        case SATCHEL_TYPE_ID: satchel_bind_id(statement, index, &value->as.id); break;
        case SATCHEL_TYPE_SET:
        case SATCHEL_TYPE_NULL: break;
        }
    }
}

/* One row of a statement that selects the head columns and the table's. */
static satchel_status visit_row(satchel_store *store, const satchel_table *table, sqlite3_stmt *statement,
                                satchel_arena *arena, satchel_id *id, satchel_record *record, satchel_row_visitor visit,
                                void *context, satchel_error *error) {
    satchel_overlay overlay;
    satchel_bytes server;
    uint32_t flags = 0;
    satchel_status status = satchel_column_id(statement, 0, id);
    if (status == SATCHEL_OK) {
        status = satchel_overlay_read(satchel_column_bytes(statement, 2), &overlay, &server);
    }
    if (status == SATCHEL_OK) {
        status = satchel_row_read(store, table, statement, HEAD_COLUMNS, arena, record, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_row_flags(store, table->entity->number, id, record, overlay, &flags, error);
    }
    /* A rebase carries the server's revision over, so the record shows the base of a dirty row too. */
    return status == SATCHEL_OK ? visit(context, id, record, flags, satchel_record_base(record)) : status;
}

typedef struct page_walk {
    satchel_row_visitor visit;
    void *context;
    uint32_t limit;
    satchel_buffer *next; /* NULL: not wanted */
} page_walk;

static satchel_status walk_page(satchel_store *store, const satchel_table *table, const satchel_query *query,
                                sqlite3_stmt *statement, const page_walk *walk, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_id id;
    satchel_record record;
    bool has_row = true;
    satchel_status status = SATCHEL_OK;
    for (uint32_t count = 0; status == SATCHEL_OK; count++) {
        status = satchel_statement_step(store, statement, &has_row, error);
        if (status != SATCHEL_OK || !has_row) {
            break;
        }
        if (count == walk->limit) {
            /* `record` and `id` are still those of the last row that was visited. */
            status = walk->next != NULL ? satchel_query_keyset(query, &record, &id, walk->next) : SATCHEL_OK;
            break;
        }
        satchel_arena_reset(&arena);
        status = visit_row(store, table, statement, &arena, &id, &record, walk->visit, walk->context, error);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status write_columns(const satchel_table *table, satchel_buffer *out) {
    return satchel_buffer_append_format(out, "\"id\", scope_set, overlay, %s", table->columns);
}

satchel_status satchel_store_query(satchel_store *store, const satchel_query *query, satchel_bytes keyset,
                                   uint32_t limit, satchel_row_visitor visit, void *context, satchel_buffer *out_next,
                                   satchel_error *error) {
    satchel_table *table;
    satchel_arena arena = {0};
    satchel_buffer columns = {NULL, 0, 0};
    satchel_buffer text = {NULL, 0, 0};
    satchel_predicate predicate;
    satchel_sql sql = {{NULL, 0, 0}, NULL, 0};
    sqlite3_stmt *statement = NULL;
    bool none = false;
    if (limit == 0 || limit > SATCHEL_LIMIT_PAGE_ROWS) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a page has 1 to %d rows", SATCHEL_LIMIT_PAGE_ROWS);
    }
    satchel_status status = satchel_table_need(store, satchel_query_entity(query), &table, error);
    if (status == SATCHEL_OK) {
        status = satchel_migrate_catch_up(store, satchel_query_has_search(query), error);
    }
    if (status == SATCHEL_OK) {
        status = write_columns(table, &columns);
    }
    if (status == SATCHEL_OK) {
        status = write_predicate(store, table, query, limit, &arena, &text, &predicate, &none, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_query_compile(query, &store->schema, SATCHEL_DIALECT_SQLITE,
                                       (satchel_text){(const char *)columns.data, columns.bytes}, &predicate, keyset,
                                       limit, &arena, &sql, error);
    }
    if (status == SATCHEL_OK && !none) {
        status = satchel_statement_of(store, (const char *)sql.text.data, &statement, error);
        if (status == SATCHEL_OK) {
            bind_all(statement, &sql);
            const page_walk walk = {visit, context, limit, out_next};
            status = walk_page(store, table, query, statement, &walk, error);
        }
        satchel_statement_end(statement);
    }
    satchel_sql_deinit(&sql);
    satchel_buffer_deinit(&columns);
    satchel_buffer_deinit(&text);
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_store_count(satchel_store *store, const satchel_query *query, uint64_t *out,
                                   satchel_error *error) {
    satchel_table *table;
    satchel_arena arena = {0};
    satchel_buffer text = {NULL, 0, 0};
    satchel_predicate predicate;
    satchel_sql sql = {{NULL, 0, 0}, NULL, 0};
    sqlite3_stmt *statement = NULL;
    bool none = false;
    bool has_row = false;
    *out = 0;
    satchel_status status = satchel_table_need(store, satchel_query_entity(query), &table, error);
    if (status == SATCHEL_OK) {
        status = satchel_migrate_catch_up(store, satchel_query_has_search(query), error);
    }
    if (status == SATCHEL_OK) {
        status = write_predicate(store, table, query, 0, &arena, &text, &predicate, &none, error);
    }
    if (status == SATCHEL_OK) {
        status =
            satchel_query_compile_count(query, &store->schema, SATCHEL_DIALECT_SQLITE, &predicate, &arena, &sql, error);
    }
    if (status == SATCHEL_OK && !none) {
        status = satchel_statement_of(store, (const char *)sql.text.data, &statement, error);
        if (status == SATCHEL_OK) {
            bind_all(statement, &sql);
            status = satchel_statement_step(store, statement, &has_row, error);
            *out = has_row ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
        }
        satchel_statement_end(statement);
    }
    satchel_sql_deinit(&sql);
    satchel_buffer_deinit(&text);
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_store_referring(satchel_store *store, uint32_t entity, uint32_t field, const satchel_id *id,
                                       uint32_t limit, satchel_row_visitor visit, void *context, satchel_error *error) {
    satchel_table *table;
    satchel_buffer sql = {NULL, 0, 0};
    sqlite3_stmt *statement = NULL;
    const satchel_field *named = satchel_schema_field(&store->schema, entity, field);
    satchel_status status = satchel_table_need(store, entity, &table, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (named == NULL || named->type != SATCHEL_TYPE_ID || (named->flags & SATCHEL_FIELD_CUSTOM) != 0) {
        return satchel_fail_field(error, named == NULL ? SATCHEL_UNKNOWN_FIELD : SATCHEL_WRONG_TYPE, entity, field,
                                  "the field refers to nothing");
    }
    status = satchel_buffer_append_format(
        &sql,
        "SELECT \"id\", scope_set, overlay, %s FROM \"%s\" WHERE \"%s\" = ? AND coalesce(\"deleted\", 0) = 0%s LIMIT ?",
        table->columns, table->entity->name, named->name,
        store->has_dead_sets ? " AND (scope_set IS NULL OR scope_set NOT IN (SELECT local FROM store_dead_set))" : "");
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_of(store, (const char *)sql.data, &statement, error);
    }
    if (status == SATCHEL_OK) {
        const page_walk walk = {visit, context, limit, NULL};
        satchel_bind_id(statement, 1, id);
        satchel_bind_int(statement, 2, limit);
        status = walk_page(store, table, NULL, statement, &walk, error);
        satchel_statement_end(statement);
    }
    satchel_buffer_deinit(&sql);
    return status;
}
