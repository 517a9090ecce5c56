/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches that find much. Few rows that were found are looked up and sorted by id; many would cost a read of each,
 * although only a page of them is shown. Then it is cheaper to go through the table in the order that is wanted and to
 * ask of each row whether it was found: on average `limit` × rows ÷ found of them, without reading the others.
 *
 * What was found lies in a bitmap by rowid that lives until the next search; the function "satchel_found" reads it.
 */
#include "store/rows.h"

/*
 * A row that is looked up costs about as much as eight that are passed by (0.7 against 6 µs at 100,000 rows, sealed):
 * walking is cheaper where found² × 8 > limit × rows.
 */
#define WALK_GAIN 8
#define WALK_ROWS_LEAST 1024 /* below it everything is quick */

static void is_found(sqlite3_context *context, int count, sqlite3_value **values) {
    const satchel_store *store = sqlite3_user_data(context);
    int64_t rowid = sqlite3_value_int64(values[0]);
    bool held = count == 1 && rowid >= 0 && rowid < store->found.rows;
    sqlite3_result_int(context, held && (store->found.bits[rowid / 64] >> (rowid % 64) & 1) != 0);
}

satchel_status satchel_found_open(satchel_store *store, satchel_error *error) {
    int code = sqlite3_create_function_v2(store->database, SATCHEL_FOUND_FUNCTION, 1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
                                          store, is_found, NULL, NULL, NULL);
    return code == SQLITE_OK ? SATCHEL_OK : satchel_store_fail(store, code, error);
}

void satchel_found_close(satchel_store *store) {
    (void)sqlite3_create_function_v2(store->database, SATCHEL_FOUND_FUNCTION, 1, SQLITE_UTF8, NULL, NULL, NULL, NULL,
                                     NULL);
    satchel_memory_give(store->found.bits);
    store->found = (satchel_found){NULL, 0, 0};
}

/* Room for rowids below `rows`, all of them not found. Errors: NO_MEMORY. */
static satchel_status clear(satchel_found *found, int64_t rows) {
    size_t words = (size_t)(rows + 63) / 64;
    if (words > found->words) {
        uint64_t *bits = satchel_memory_resize(found->bits, words * sizeof *bits);
        if (bits == NULL) {
            return SATCHEL_NO_MEMORY;
        }
        found->bits = bits;
        found->words = words;
    }
    memset(found->bits, 0, words * sizeof *found->bits);
    found->rows = rows;
    return SATCHEL_OK;
}

static satchel_status rows_of(satchel_store *store, const satchel_table *table, int64_t *out, satchel_error *error) {
    satchel_buffer sql = {NULL, 0, 0};
    satchel_status status = satchel_buffer_append_format(&sql, "SELECT max(rowid) FROM \"%s\"", table->entity->name);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_number(store, (const char *)sql.data, 0, out, error);
    }
    satchel_buffer_deinit(&sql);
    return status;
}

/* Notes all that the index finds. */
static satchel_status note_found(satchel_store *store, const satchel_table *table, satchel_text match, int64_t *count,
                                 satchel_error *error) {
    const int64_t first = satchel_search_target(table, 0);
    sqlite3_stmt *statement;
    bool has_row = true;
    satchel_status status = satchel_statement_of(
        store, "SELECT rowid FROM store_search WHERE store_search MATCH ? AND rowid > ? AND rowid < ?", &statement,
        error);
    if (status != SATCHEL_OK) {
        return status;
    }
    sqlite3_bind_text64(statement, 1, match.data, match.bytes, SQLITE_STATIC, SQLITE_UTF8);
    satchel_bind_int(statement, 2, first);
    satchel_bind_int(statement, 3, satchel_search_target(table, INT64_MAX));
    while (status == SATCHEL_OK && has_row) {
        status = satchel_statement_step(store, statement, &has_row, error);
        int64_t rowid = status == SATCHEL_OK && has_row ? sqlite3_column_int64(statement, 0) - first : -1;
        if (rowid >= 0 && rowid < store->found.rows) {
            store->found.bits[rowid / 64] |= UINT64_C(1) << (rowid % 64);
            (*count)++;
        }
    }
    satchel_statement_end(statement);
    return status;
}

satchel_status satchel_found_look(satchel_store *store, const satchel_table *table, satchel_text match, uint32_t limit,
                                  bool *out_many, satchel_error *error) {
    int64_t rows = 0;
    int64_t count = 0;
    *out_many = false;
    satchel_status status = rows_of(store, table, &rows, error);
    if (status != SATCHEL_OK || rows < WALK_ROWS_LEAST || rows > INT32_MAX) {
        return status;
    }
    status = clear(&store->found, rows + 1);
    if (status == SATCHEL_OK) {
        status = note_found(store, table, match, &count, error);
    }
    *out_many = status == SATCHEL_OK && count * count * WALK_GAIN > rows * (int64_t)limit;
    return status;
}
