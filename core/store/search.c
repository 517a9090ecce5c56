/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search index: one FTS5 table for all entities, fed with tokens of our own making. Alphabetic words are folded
 * and found by their beginning; Chinese, Japanese and Korean text is cut into single characters and overlapping
 * pairs, so that a word of two characters is found (a longer one wherever all its pairs occur); telephone numbers are
 * found by their beginning and by their end.
 *
 * The index holds no content: to take a row out, the very tokens that went in are given again, made from the row as
 * it stood. What a page brings waits in store_unindexed and is indexed in the background; local changes are indexed
 * at once. When other fields are searched than before, the index is emptied and a walk through the tables fills it;
 * rows ahead of the walk are not in it.
 */
#include "store/rows.h"

#include "base/text.h"
#include "rules/names.h"

#define TARGET_SHIFT 40
/* Before the reversed digits of a telephone number: no word of any language. */
#define REVERSED_MARK "zqz"
#define DIGITS_LEAST 3
/* ".search": [format 1][fingerprint of what is searched 8][indexed through target 8], big-endian */
#define NOTE_NAME ".search"
#define NOTE_FORMAT 1
#define NOTE_BYTES 17
/* China's: its numbers are written with and without. */
#define HOME_PREFIX "86"
#define MOBILE_DIGITS 11u

int64_t satchel_search_target(const satchel_table *table, int64_t rowid) {
    int64_t first = (int64_t)table->entity->number << TARGET_SHIFT;
    int64_t width = INT64_C(1) << TARGET_SHIFT;
    return first + (rowid < width ? rowid : width);
}

static bool has_search(const satchel_field *field) {
    bool is_text =
        field->type == SATCHEL_TYPE_TEXT || (field->type == SATCHEL_TYPE_SET && field->element == SATCHEL_TYPE_TEXT);
    return is_text && field->search != SATCHEL_SEARCH_NONE && (field->flags & SATCHEL_FIELD_ARCHIVED) == 0;
}

bool satchel_entity_is_searchable(const satchel_schema *schema, const satchel_entity *entity) {
    const satchel_field *field;
    for (uint32_t i = 0; (field = satchel_schema_field_at(schema, entity->number, i)) != NULL; i++) {
        if (has_search(field)) {
            return true;
        }
    }
    return false;
}

/* --- tokens --- */

/* Scripts without spaces between words: Han, kana, hangul. */
static bool is_unspaced(uint32_t c) {
    return (c >= 0x2E80 && c <= 0x2FDF) || (c >= 0x3005 && c <= 0x3007) || (c >= 0x3040 && c <= 0x30FF) ||
           (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7AF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF);
}

/* What FTS5's ascii tokenizer keeps in a token. */
static bool is_word(uint32_t c) {
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

typedef enum run_kind { RUN_NONE = 0, RUN_WORD = 1, RUN_UNSPACED = 2 } run_kind;

static run_kind kind_of(uint32_t c) {
    if (!is_word(c)) {
        return RUN_NONE;
    }
    return is_unspaced(c) ? RUN_UNSPACED : RUN_WORD;
}

/* The next run of one kind in a valid text. */
static run_kind next_run(satchel_text text, size_t *at, satchel_text *out) {
    run_kind kind = RUN_NONE;
    size_t begin = *at;
    while (*at < text.bytes) {
        size_t before = *at;
        run_kind next = kind_of(satchel_text_next(text, at));
        if (kind == RUN_NONE) {
            begin = before;
            kind = next;
        } else if (next != kind) {
            *at = before;
            break;
        }
    }
    *out = (satchel_text){text.data + begin, *at - begin};
    return kind;
}

static satchel_status put_token(satchel_buffer *out, const char *data, size_t bytes) {
    satchel_status status = out->bytes > 0 ? satchel_buffer_append_byte(out, ' ') : SATCHEL_OK;
    return status == SATCHEL_OK ? satchel_buffer_append(out, satchel_bytes_of(data, bytes)) : status;
}

/* Each character, and each pair of neighbours. */
static satchel_status put_unspaced(satchel_buffer *out, satchel_text run) {
    satchel_status status = SATCHEL_OK;
    size_t previous = 0;
    for (size_t at = 0; at < run.bytes && status == SATCHEL_OK;) {
        size_t begin = at;
        satchel_text_next(run, &at);
        status = put_token(out, run.data + begin, at - begin);
        if (status == SATCHEL_OK && begin > 0) {
            status = put_token(out, run.data + previous, at - previous);
        }
        previous = begin;
    }
    return status;
}

static satchel_status put_text(satchel_buffer *out, satchel_text text) {
    satchel_buffer folded = {NULL, 0, 0};
    satchel_text run;
    run_kind kind;
    size_t at = 0;
    satchel_status status = satchel_name_fold(text, &folded);
    satchel_text whole = satchel_text_from(satchel_buffer_view(&folded));
    while (status == SATCHEL_OK && (kind = next_run(whole, &at, &run)) != RUN_NONE) {
        status = kind == RUN_WORD ? put_token(out, run.data, run.bytes) : put_unspaced(out, run);
    }
    satchel_buffer_deinit(&folded);
    return status;
}

/* The mark and the digits from last to first. */
static satchel_status put_reversed(satchel_buffer *out, satchel_text digits) {
    satchel_status status = put_token(out, REVERSED_MARK, sizeof REVERSED_MARK - 1);
    for (size_t i = digits.bytes; i > 0 && status == SATCHEL_OK; i--) {
        status = satchel_buffer_append_byte(out, (uint8_t)digits.data[i - 1]);
    }
    return status;
}

static satchel_status put_phone(satchel_buffer *out, satchel_text phone) {
    satchel_buffer key = {NULL, 0, 0};
    satchel_status status = satchel_phone_key(phone, &key);
    const satchel_text whole = satchel_text_from(satchel_buffer_view(&key));
    satchel_text digits = whole;
    if (digits.bytes > 0 && digits.data[0] == '+') {
        digits = (satchel_text){digits.data + 1, digits.bytes - 1};
    }
    if (status == SATCHEL_OK && digits.bytes > 0) {
        status = put_token(out, digits.data, digits.bytes);
    }
    if (status == SATCHEL_OK && digits.bytes > 2 && memcmp(digits.data, HOME_PREFIX, 2) == 0 &&
        digits.data != whole.data) {
        status = put_token(out, digits.data + 2, digits.bytes - 2); /* as it is dialled at home */
    }
    if (status == SATCHEL_OK && digits.bytes > 0) {
        status = put_reversed(out, digits);
    }
    satchel_buffer_deinit(&key);
    return status;
}

static satchel_status put_value(satchel_buffer *out, const satchel_field *field, satchel_text text) {
    return field->search == SATCHEL_SEARCH_PHONE ? put_phone(out, text) : put_text(out, text);
}

/* All tokens of a record, in the order of its fields. */
static satchel_status write_tokens(const satchel_schema *schema, const satchel_table *table,
                                   const satchel_record *record, satchel_buffer *out) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < record->count && status == SATCHEL_OK; i++) {
        const satchel_field *field = satchel_schema_field(schema, table->entity->number, record->fields[i].number);
        const satchel_value *value = &record->fields[i].value;
        if (field == NULL || !has_search(field)) {
            continue;
        }
        if (value->type == SATCHEL_TYPE_TEXT) {
            status = put_value(out, field, satchel_text_from(value->as.bytes));
        }
        for (uint32_t k = 0; value->type == SATCHEL_TYPE_SET && k < value->as.set.count && status == SATCHEL_OK; k++) {
            status = put_value(out, field, satchel_text_from(value->as.set.elements[k]));
        }
    }
    return status;
}

/* --- words of a search --- */

static satchel_status put_phrase(satchel_buffer *out, const char *data, size_t bytes, bool prefix) {
    satchel_status status = satchel_buffer_append_byte(out, '"');
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(out, satchel_bytes_of(data, bytes));
    }
    return status == SATCHEL_OK ? satchel_buffer_append_format(out, prefix ? "\"*" : "\"") : status;
}

static bool is_digits(satchel_text run) {
    for (size_t i = 0; i < run.bytes; i++) {
        if (run.data[i] < '0' || run.data[i] > '9') {
            return false;
        }
    }
    return true;
}

/* Digits by the beginning or by the end of a number. */
static satchel_status match_digits(satchel_buffer *out, satchel_text digits) {
    satchel_buffer reversed = {NULL, 0, 0};
    satchel_status status = put_reversed(&reversed, digits);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(out, '(');
    }
    if (status == SATCHEL_OK) {
        status = put_phrase(out, digits.data, digits.bytes, true);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_format(out, " OR ");
    }
    if (status == SATCHEL_OK) {
        status = put_phrase(out, (const char *)reversed.data, reversed.bytes, true);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(out, ')');
    }
    satchel_buffer_deinit(&reversed);
    return status;
}

/* A word by its beginning; digits also by the end of a telephone number. */
static satchel_status match_word(satchel_buffer *out, satchel_text run) {
    return is_digits(run) && run.bytes >= DIGITS_LEAST ? match_digits(out, run)
                                                       : put_phrase(out, run.data, run.bytes, true);
}

/* A number written in parts: the parts joined, without the country's prefix too, or each of them by itself. */
static satchel_status match_number(satchel_buffer *out, satchel_text joined, const satchel_buffer *parts) {
    satchel_text bare = joined;
    if (bare.bytes >= 2 && memcmp(bare.data, "00", 2) == 0) {
        bare = (satchel_text){bare.data + 2, bare.bytes - 2};
    }
    if (bare.bytes >= MOBILE_DIGITS + 2 && memcmp(bare.data, HOME_PREFIX, 2) == 0) {
        bare = (satchel_text){bare.data + 2, bare.bytes - 2};
    }
    satchel_status status = satchel_buffer_append_byte(out, '(');
    if (status == SATCHEL_OK) {
        status = match_digits(out, joined);
    }
    if (status == SATCHEL_OK && bare.bytes != joined.bytes) {
        status = satchel_buffer_append_format(out, " OR ");
        if (status == SATCHEL_OK) {
            status = match_digits(out, bare);
        }
    }
    if (status == SATCHEL_OK && parts->bytes > 0) {
        status = satchel_buffer_append_format(out, " OR (");
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append(out, satchel_buffer_view(parts));
        }
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append_byte(out, ')');
        }
    }
    return status == SATCHEL_OK ? satchel_buffer_append_byte(out, ')') : status;
}

/* The words from the first digits on to the last that stand beside one another; `*at` goes behind them. */
static satchel_status match_number_words(satchel_buffer *out, satchel_text whole, satchel_text first, size_t *at) {
    satchel_buffer joined = {NULL, 0, 0};
    satchel_buffer parts = {NULL, 0, 0};
    satchel_text run = first;
    uint32_t count = 0;
    satchel_status status = SATCHEL_OK;
    for (;;) {
        size_t next = *at;
        if (count > 0) {
            status = satchel_buffer_append_format(&parts, " AND ");
        }
        if (status == SATCHEL_OK) {
            status = match_word(&parts, run);
        }
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append(&joined, satchel_text_bytes(run));
        }
        count++;
        if (status != SATCHEL_OK || next_run(whole, &next, &run) != RUN_WORD || !is_digits(run)) {
            break;
        }
        *at = next;
    }
    if (count == 1) {
        satchel_buffer_clear(&parts); /* it is the number */
    }
    satchel_text number = satchel_text_from(satchel_buffer_view(&joined));
    if (status == SATCHEL_OK) {
        status = number.bytes >= DIGITS_LEAST ? match_number(out, number, &parts) : match_word(out, number);
    }
    satchel_buffer_deinit(&joined);
    satchel_buffer_deinit(&parts);
    return status;
}

/* One character itself, else all pairs. */
static satchel_status match_unspaced(satchel_buffer *out, satchel_text run) {
    size_t at = 0;
    size_t previous = 0;
    satchel_text_next(run, &at);
    if (at == run.bytes) {
        return put_phrase(out, run.data, run.bytes, false);
    }
    satchel_status status = SATCHEL_OK;
    for (bool first = true; at < run.bytes && status == SATCHEL_OK; first = false) {
        size_t begin = at;
        satchel_text_next(run, &at);
        status = first ? SATCHEL_OK : satchel_buffer_append_format(out, " AND ");
        if (status == SATCHEL_OK) {
            status = put_phrase(out, run.data + previous, at - previous, false);
        }
        previous = begin;
    }
    return status;
}

satchel_status satchel_search_match(satchel_text words, satchel_arena *arena, satchel_text *out, bool *out_none) {
    satchel_buffer folded = {NULL, 0, 0};
    satchel_buffer match = {NULL, 0, 0};
    satchel_bytes copy = {NULL, 0};
    satchel_text run;
    run_kind kind;
    size_t at = 0;
    satchel_status status = satchel_name_fold(words, &folded);
    satchel_text whole = satchel_text_from(satchel_buffer_view(&folded));
    while (status == SATCHEL_OK && (kind = next_run(whole, &at, &run)) != RUN_NONE) {
        status = match.bytes > 0 ? satchel_buffer_append_format(&match, " AND ") : SATCHEL_OK;
        if (status == SATCHEL_OK && kind == RUN_WORD && is_digits(run)) {
            status = match_number_words(&match, whole, run, &at);
        } else if (status == SATCHEL_OK) {
            status = kind == RUN_WORD ? match_word(&match, run) : match_unspaced(&match, run);
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_arena_copy(arena, satchel_buffer_view(&match), &copy);
    }
    *out = satchel_text_from(copy);
    *out_none = match.bytes == 0;
    satchel_buffer_deinit(&folded);
    satchel_buffer_deinit(&match);
    return status;
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
    satchel_status status = write_tokens(&store->schema, table, record, &tokens);
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
    satchel_status status = write_tokens(&store->schema, table, record, &tokens);
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
        if (has_search(field)) {
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
            custom = custom || has_search(field);
        } else if (field->number != SATCHEL_FIELD_ID && status == SATCHEL_OK) {
            status = has_search(field) ? satchel_buffer_append_format(sql, "\"%s\", ", field->name)
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
            if (has_search(field)) {
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
