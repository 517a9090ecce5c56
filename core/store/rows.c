/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the entity tables: binding and reading by the schema table, and the overlay column. A record of a row holds
 * all its fields but the id; its base is the field `revision`.
 *
 *   overlay   NULL: no own op lies on the row
 *             [kind varint][first sequence varint][last - first varint][record of the server, kind SERVER only]
 */
#include "store/rows.h"

#include "store/digest.h"

#include "base/text.h"
#include "wire/record_codec.h"

#include <inttypes.h>

#define FIND_COLUMNS 3 /* rowid, scope_set, overlay come before the fields */

bool satchel_record_is_deleted(const satchel_record *record) {
    return satchel_record_int(record, SATCHEL_FIELD_DELETED, 0) != 0;
}

uint64_t satchel_record_base(const satchel_record *record) {
    return (uint64_t)satchel_record_int(record, SATCHEL_FIELD_REVISION, 0);
}

/* --- the overlay column --- */

satchel_status satchel_overlay_read(satchel_bytes column, satchel_overlay *out, satchel_bytes *out_record) {
    satchel_reader reader = satchel_reader_of(column);
    uint64_t kind = 0;
    uint64_t more = 0;
    *out = (satchel_overlay){SATCHEL_OVERLAY_NONE, 0, 0};
    *out_record = (satchel_bytes){NULL, 0};
    if (column.bytes == 0) {
        return SATCHEL_OK;
    }
    if (satchel_reader_varint(&reader, &kind) != SATCHEL_OK || kind < SATCHEL_OVERLAY_OWN ||
        kind > SATCHEL_OVERLAY_SERVER || satchel_reader_varint(&reader, &out->first) != SATCHEL_OK ||
        satchel_reader_varint(&reader, &more) != SATCHEL_OK || more > UINT64_MAX - out->first) {
        return SATCHEL_DAMAGED;
    }
    out->kind = (satchel_overlay_kind)kind;
    out->last = out->first + more;
    return satchel_reader_take(&reader, satchel_reader_left(&reader), out_record);
}

static satchel_status write_overlay(satchel_store *store, const satchel_stored_row *row, satchel_buffer *out) {
    satchel_status status = satchel_buffer_append_varint(out, row->overlay.kind);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(out, row->overlay.first);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(out, row->overlay.last - row->overlay.first);
    }
    if (status == SATCHEL_OK && row->overlay.kind == SATCHEL_OVERLAY_SERVER) {
        status = satchel_record_encode(&store->schema, row->table->entity->number, &row->server, out);
    }
    return status;
}

/* --- reading --- */

static satchel_status read_column(sqlite3_stmt *statement, int column, const satchel_field *field, satchel_arena *arena,
                                  satchel_value *out) {
    satchel_bytes bytes;
    satchel_set set;
    satchel_status status = SATCHEL_OK;
    switch ((satchel_type)field->type) {
    case SATCHEL_TYPE_BOOL: *out = satchel_value_bool(sqlite3_column_int64(statement, column) != 0); return SATCHEL_OK;
    case SATCHEL_TYPE_INT: *out = satchel_value_int(sqlite3_column_int64(statement, column)); return SATCHEL_OK;
    case SATCHEL_TYPE_TIME: *out = satchel_value_time(sqlite3_column_int64(statement, column)); return SATCHEL_OK;
    case SATCHEL_TYPE_REAL: *out = satchel_value_real(sqlite3_column_double(statement, column)); return SATCHEL_OK;
    case SATCHEL_TYPE_TEXT:
    case SATCHEL_TYPE_BYTES:
        status = satchel_arena_copy(arena, satchel_column_bytes(statement, column), &bytes);
        if (status == SATCHEL_OK) {
            *out = satchel_value_bytes(bytes);
            out->type = (satchel_type)field->type;
        }
        return status;
    case SATCHEL_TYPE_ID: out->type = SATCHEL_TYPE_ID; return satchel_column_id(statement, column, &out->as.id);
    case SATCHEL_TYPE_SET:
        status = satchel_set_decode(satchel_column_bytes(statement, column), arena, &set);
        *out = satchel_value_set(set.elements, set.count);
        return status == SATCHEL_OK || status == SATCHEL_NO_MEMORY ? status : SATCHEL_DAMAGED;
    case SATCHEL_TYPE_NULL: break;
    }
    return SATCHEL_INTERNAL;
}

/* Custom values and unknown fields: the last two columns. */
static satchel_status read_rest(satchel_store *store, const satchel_entity *entity, sqlite3_stmt *statement, int column,
                                satchel_arena *arena, satchel_record *out) {
    satchel_bytes copy;
    satchel_status status = SATCHEL_OK;
    if (sqlite3_column_type(statement, column) != SQLITE_NULL) {
        status = satchel_arena_copy(arena, satchel_column_bytes(statement, column), &copy);
        if (status == SATCHEL_OK) {
            status = satchel_custom_decode(&store->schema, entity->number, copy, out);
        }
    }
    if (status == SATCHEL_OK && sqlite3_column_type(statement, column + 1) != SQLITE_NULL) {
        status = satchel_arena_copy(arena, satchel_column_bytes(statement, column + 1), &copy);
        /* A definition that was dropped leaves its values to the tail. */
        if (status == SATCHEL_OK && out->tail.bytes == 0) {
            out->tail = copy;
        } else if (status == SATCHEL_OK) {
            satchel_buffer both = {NULL, 0, 0};
            status = satchel_buffer_append(&both, out->tail);
            if (status == SATCHEL_OK) {
                status = satchel_buffer_append(&both, copy);
            }
            if (status == SATCHEL_OK) {
                status = satchel_arena_copy(arena, satchel_buffer_view(&both), &out->tail);
            }
            satchel_buffer_deinit(&both);
        }
    }
    return status;
}

satchel_status satchel_record_lift(satchel_store *store, uint32_t entity, satchel_record *record, bool *out_moved) {
    satchel_record known;
    satchel_record_init(&known, record->arena);
    *out_moved = false;
    if (record->tail.bytes == 0) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_record_decode(&store->schema, entity, record->tail, false, &known, NULL);
    if (status == SATCHEL_NO_MEMORY) {
        return status;
    }
    if (status != SATCHEL_OK) {
        return SATCHEL_OK; /* stays as it came */
    }
    for (uint32_t i = 0; i < known.count && status == SATCHEL_OK; i++) {
        status = satchel_record_set(record, known.fields[i].number, &known.fields[i].value);
        *out_moved = true;
    }
    record->tail = known.tail;
    return status;
}

static satchel_status read_row(satchel_store *store, const satchel_table *table, sqlite3_stmt *statement, int first,
                               satchel_arena *arena, satchel_record *out, bool *out_lifted, satchel_error *error) {
    const satchel_entity *entity = table->entity;
    satchel_status status = SATCHEL_OK;
    int column = first;
    *out_lifted = false;
    satchel_record_init(out, arena);
    out->fields = satchel_arena_take_array(arena, entity->field_count + 1u, sizeof *out->fields);
    if (out->fields == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    out->capacity = entity->field_count + 1u;
    for (uint32_t i = 0; i < entity->field_count && status == SATCHEL_OK; i++) {
        const satchel_field *field = &entity->fields[i];
        if (field->number == SATCHEL_FIELD_ID) {
            continue;
        }
        if (sqlite3_column_type(statement, column) != SQLITE_NULL) {
            out->fields[out->count].number = field->number;
            status = read_column(statement, column, field, arena, &out->fields[out->count].value);
            out->count++;
        }
        column++;
    }
    if (status == SATCHEL_OK) {
        status = read_rest(store, entity, statement, column, arena, out);
    }
    if (status == SATCHEL_OK && satchel_store_is_lifting(store)) {
        status = satchel_record_lift(store, entity->number, out, out_lifted);
    }
    if (status == SATCHEL_NO_MEMORY || status == SATCHEL_OK) {
        return status;
    }
    return satchel_fail(error, SATCHEL_DAMAGED, "a row of %s is not what was written", entity->name);
}

satchel_status satchel_row_read(satchel_store *store, const satchel_table *table, sqlite3_stmt *statement, int first,
                                satchel_arena *arena, satchel_record *out, satchel_error *error) {
    bool lifted;
    return read_row(store, table, statement, first, arena, out, &lifted, error);
}

static satchel_status prepare_find(satchel_store *store, satchel_table *table, satchel_error *error) {
    satchel_buffer sql = {NULL, 0, 0};
    satchel_status status = SATCHEL_OK;
    if (table->find == NULL) {
        status = satchel_buffer_append_format(&sql, "SELECT rowid, scope_set, overlay, %s FROM \"%s\" WHERE \"id\" = ?",
                                              table->columns, table->entity->name);
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append_byte(&sql, 0);
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_keep(store, &table->find, (const char *)sql.data, error);
    }
    satchel_buffer_deinit(&sql);
    return status;
}

static satchel_status read_found(satchel_store *store, satchel_table *table, satchel_arena *arena,
                                 satchel_stored_row *out, satchel_error *error) {
    satchel_bytes server;
    sqlite3_stmt *statement = table->find;
    out->found = true;
    out->rowid = sqlite3_column_int64(statement, 0);
    out->scope_set = sqlite3_column_int64(statement, 1);
    satchel_status status = satchel_overlay_read(satchel_column_bytes(statement, 2), &out->overlay, &server);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the overlay of a row of %s is damaged", table->entity->name);
    }
    status = read_row(store, table, statement, FIND_COLUMNS, arena, &out->visible, &out->lifted, error);
    if (status == SATCHEL_OK && out->overlay.kind == SATCHEL_OVERLAY_SERVER) {
        status = satchel_record_decode(&store->schema, table->entity->number, server, false, &out->server, error);
        if (status != SATCHEL_OK && status != SATCHEL_NO_MEMORY) {
            status =
                satchel_fail(error, SATCHEL_DAMAGED, "what lies below a row of %s is damaged", table->entity->name);
        }
    }
    return status;
}

satchel_status satchel_row_load(satchel_store *store, satchel_table *table, const satchel_id *id, satchel_arena *arena,
                                satchel_stored_row *out, satchel_error *error) {
    bool has_row = false;
    *out = (satchel_stored_row){.table = table, .id = *id};
    satchel_record_init(&out->visible, arena);
    satchel_record_init(&out->server, arena);
    satchel_status status = prepare_find(store, table, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_id(table->find, 1, &out->id);
    status = satchel_statement_step(store, table->find, &has_row, error);
    if (status == SATCHEL_OK && has_row) {
        status = read_found(store, table, arena, out, error);
    }
    satchel_statement_end(table->find);
    return status;
}

/* --- writing --- */

static satchel_status bind_value(sqlite3_stmt *statement, int index, const satchel_value *value, satchel_arena *arena) {
    satchel_buffer blob = {NULL, 0, 0};
    satchel_bytes copy;
    satchel_status status = SATCHEL_OK;
    switch (value->type) {
    case SATCHEL_TYPE_NULL: sqlite3_bind_null(statement, index); return SATCHEL_OK;
    case SATCHEL_TYPE_BOOL: sqlite3_bind_int64(statement, index, value->as.boolean ? 1 : 0); return SATCHEL_OK;
    case SATCHEL_TYPE_INT:
    case SATCHEL_TYPE_TIME: sqlite3_bind_int64(statement, index, value->as.integer); return SATCHEL_OK;
    case SATCHEL_TYPE_REAL: sqlite3_bind_double(statement, index, value->as.real); return SATCHEL_OK;
    case SATCHEL_TYPE_TEXT:
        sqlite3_bind_text64(statement, index, value->as.bytes.bytes > 0 ? (const char *)value->as.bytes.data : "",
                            value->as.bytes.bytes, SQLITE_STATIC, SQLITE_UTF8);
        return SATCHEL_OK;
    case SATCHEL_TYPE_BYTES: satchel_bind_bytes(statement, index, value->as.bytes); return SATCHEL_OK;
    case SATCHEL_TYPE_ID: satchel_bind_id(statement, index, &value->as.id); return SATCHEL_OK;
    case SATCHEL_TYPE_SET:
        if (value->as.set.count == 0) {
            sqlite3_bind_null(statement, index);
            return SATCHEL_OK;
        }
        status = satchel_set_encode(&value->as.set, &blob);
        if (status == SATCHEL_OK) {
            status = satchel_arena_copy(arena, satchel_buffer_view(&blob), &copy);
        }
        satchel_buffer_deinit(&blob);
        if (status == SATCHEL_OK) {
            satchel_bind_bytes(statement, index, copy);
        }
        return status;
    }
    return SATCHEL_INTERNAL;
}

static bool has_custom(const satchel_record *record) {
    return record->count > 0 && record->fields[record->count - 1].number >= SATCHEL_CUSTOM_FIELD_FIRST;
}

static satchel_status bind_custom(satchel_store *store, const satchel_entity *entity, sqlite3_stmt *statement,
                                  int index, const satchel_record *record, satchel_arena *arena) {
    satchel_buffer blob = {NULL, 0, 0};
    satchel_bytes copy = {NULL, 0};
    satchel_status status = SATCHEL_OK;
    if (!has_custom(record)) {
        sqlite3_bind_null(statement, index);
        return SATCHEL_OK;
    }
    status = satchel_custom_encode(&store->schema, entity->number, record, &blob);
    if (status == SATCHEL_OK) {
        status = satchel_arena_copy(arena, satchel_buffer_view(&blob), &copy);
    }
    if (status == SATCHEL_OK) {
        satchel_bind_bytes(statement, index, copy);
    }
    satchel_buffer_deinit(&blob);
    return status;
}

static void bind_tail(sqlite3_stmt *statement, int index, const satchel_record *record) {
    if (record->tail.bytes > 0) {
        satchel_bind_bytes(statement, index, record->tail);
    } else {
        sqlite3_bind_null(statement, index);
    }
}

/* Scope set and overlay, the last two parameters of INSERT and UPDATE. */
static satchel_status bind_extra(satchel_store *store, sqlite3_stmt *statement, int index,
                                 const satchel_stored_row *row, satchel_arena *arena) {
    if (row->scope_set != SATCHEL_SCOPE_SET_NONE) {
        satchel_bind_int(statement, index, row->scope_set);
    } else {
        sqlite3_bind_null(statement, index);
    }
    if (row->overlay.kind == SATCHEL_OVERLAY_NONE) {
        sqlite3_bind_null(statement, index + 1);
        return SATCHEL_OK;
    }
    satchel_buffer blob = {NULL, 0, 0};
    satchel_bytes copy = {NULL, 0};
    satchel_status status = write_overlay(store, row, &blob);
    if (status == SATCHEL_OK) {
        status = satchel_arena_copy(arena, satchel_buffer_view(&blob), &copy);
    }
    if (status == SATCHEL_OK) {
        satchel_bind_bytes(statement, index + 1, copy);
    }
    satchel_buffer_deinit(&blob);
    return status;
}

static satchel_status prepare_insert(satchel_store *store, satchel_table *table, satchel_error *error) {
    satchel_buffer sql = {NULL, 0, 0};
    satchel_status status = SATCHEL_OK;
    if (table->insert == NULL) {
        status = satchel_buffer_append_format(&sql, "INSERT INTO \"%s\" (\"id\", %s, scope_set, overlay) VALUES (?",
                                              table->entity->name, table->columns);
        /* All fields but the id, and custom, tail, scope_set, overlay. */
        for (uint32_t i = 0; i + 1 < table->entity->field_count + 4 && status == SATCHEL_OK; i++) {
            status = satchel_buffer_append_format(&sql, ", ?");
        }
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append_format(&sql, ") ON CONFLICT (\"id\") DO NOTHING");
        }
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append_byte(&sql, 0);
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_keep(store, &table->insert, (const char *)sql.data, error);
    }
    satchel_buffer_deinit(&sql);
    return status;
}

/*
 * Parameters of a new row; those of absent fields are NULL already. Fields that are no columns were refused before.
 */
static satchel_status bind_row(satchel_store *store, const satchel_stored_row *row, satchel_arena *arena) {
    const satchel_entity *entity = row->table->entity;
    sqlite3_stmt *statement = row->table->insert;
    const satchel_record *record = &row->visible;
    satchel_status status = SATCHEL_OK;
    uint32_t next = 0;
    int index = 2;
    satchel_bind_id(statement, 1, &row->id);
    for (uint32_t i = 0; i < entity->field_count && status == SATCHEL_OK; i++) {
        if (entity->fields[i].number == SATCHEL_FIELD_ID) {
            continue;
        }
        while (next < record->count && record->fields[next].number < entity->fields[i].number) {
            next++;
        }
        if (next < record->count && record->fields[next].number == entity->fields[i].number) {
            status = bind_value(statement, index, &record->fields[next].value, arena);
        }
        index++;
    }
    if (status == SATCHEL_OK) {
        status = bind_custom(store, entity, statement, index, record, arena);
    }
    if (status == SATCHEL_OK) {
        bind_tail(statement, index + 1, record);
        status = bind_extra(store, statement, index + 2, row, arena);
    }
    return status;
}

satchel_status satchel_row_insert(satchel_store *store, satchel_stored_row *row, satchel_arena *arena,
                                  bool *out_inserted, satchel_error *error) {
    *out_inserted = false;
    satchel_status status = prepare_insert(store, row->table, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = bind_row(store, row, arena);
    if (status != SATCHEL_OK) {
        satchel_statement_end(row->table->insert);
        return satchel_fail(error, status, "a row of %s cannot be written", row->table->entity->name);
    }
    status = satchel_statement_run(store, row->table->insert, error);
    if (status == SATCHEL_OK && sqlite3_changes(store->database) > 0) {
        *out_inserted = true;
        row->found = true;
        row->rowid = sqlite3_last_insert_rowid(store->database);
        store->rows += store->rows >= 0 ? 1 : 0;
        status = satchel_digests_move(store, NULL, row, error);
    }
    return status;
}

static bool same_value(const satchel_value *a, const satchel_value *b) {
    const satchel_value null = satchel_value_null();
    return satchel_value_equal(a != NULL ? a : &null, b != NULL ? b : &null);
}

static bool custom_differs(const satchel_record *a, const satchel_record *b) {
    uint32_t i = 0;
    uint32_t k = 0;
    while (i < a->count && a->fields[i].number < SATCHEL_CUSTOM_FIELD_FIRST) {
        i++;
    }
    while (k < b->count && b->fields[k].number < SATCHEL_CUSTOM_FIELD_FIRST) {
        k++;
    }
    if (a->count - i != b->count - k) {
        return true;
    }
    for (; i < a->count; i++, k++) {
        if (a->fields[i].number != b->fields[k].number || !same_value(&a->fields[i].value, &b->fields[k].value)) {
            return true;
        }
    }
    return false;
}

/* What an UPDATE changes: numbers of fields, and the two columns that are no fields. */
typedef struct row_change {
    const satchel_field *fields[SATCHEL_LIMIT_FIELDS_PER_RECORD];
    uint32_t count;
    bool custom;
    bool tail;
} row_change;

/* Of a row whose fields lay in the tail, the table holds less than `before`: all is written. */
static void find_change(const satchel_stored_row *row, const satchel_record *before, row_change *out) {
    const satchel_entity *entity = row->table->entity;
    const satchel_record *after = &row->visible;
    out->count = 0;
    for (uint32_t i = 0; i < entity->field_count && out->count < SATCHEL_LIMIT_FIELDS_PER_RECORD; i++) {
        uint32_t number = entity->fields[i].number;
        if (number != SATCHEL_FIELD_ID &&
            (row->lifted || !same_value(satchel_record_get(before, number), satchel_record_get(after, number)))) {
            out->fields[out->count++] = &entity->fields[i];
        }
    }
    out->custom = row->lifted || custom_differs(before, after);
    out->tail = row->lifted || !satchel_bytes_equal(before->tail, after->tail);
}

/* Appends texts up to a NULL; formatting would cost more than the update. */
static satchel_status put_texts(satchel_buffer *out, const char *const *texts) {
    satchel_status status = SATCHEL_OK;
    for (; *texts != NULL && status == SATCHEL_OK; texts++) {
        status = satchel_buffer_append(out, satchel_text_bytes(satchel_text_of(*texts)));
    }
    return status;
}

static satchel_status write_update(const satchel_entity *entity, const row_change *change, satchel_buffer *sql) {
    satchel_status status = put_texts(sql, (const char *[]){"UPDATE \"", entity->name, "\" SET ", NULL});
    for (uint32_t i = 0; i < change->count && status == SATCHEL_OK; i++) {
        status = put_texts(sql, (const char *[]){"\"", change->fields[i]->name, "\" = ?, ", NULL});
    }
    if (status == SATCHEL_OK && change->custom) {
        status = put_texts(sql, (const char *[]){"\"custom\" = ?, ", NULL});
    }
    if (status == SATCHEL_OK && change->tail) {
        status = put_texts(sql, (const char *[]){"\"tail\" = ?, ", NULL});
    }
    if (status == SATCHEL_OK) {
        status = put_texts(sql, (const char *[]){"scope_set = ?, overlay = ? WHERE rowid = ?", NULL});
    }
    return status == SATCHEL_OK ? satchel_buffer_append_byte(sql, 0) : status;
}

static satchel_status bind_update(satchel_store *store, sqlite3_stmt *statement, const row_change *change,
                                  const satchel_stored_row *row, satchel_arena *arena) {
    const satchel_value null = satchel_value_null();
    satchel_status status = SATCHEL_OK;
    int index = 1;
    for (uint32_t i = 0; i < change->count && status == SATCHEL_OK; i++) {
        const satchel_value *value = satchel_record_get(&row->visible, change->fields[i]->number);
        status = bind_value(statement, index++, value != NULL ? value : &null, arena);
    }
    if (status == SATCHEL_OK && change->custom) {
        status = bind_custom(store, row->table->entity, statement, index++, &row->visible, arena);
    }
    if (status == SATCHEL_OK && change->tail) {
        bind_tail(statement, index++, &row->visible);
    }
    if (status == SATCHEL_OK) {
        status = bind_extra(store, statement, index, row, arena);
        satchel_bind_int(statement, index + 2, row->rowid);
    }
    return status;
}

satchel_status satchel_row_update(satchel_store *store, const satchel_record *before, const satchel_stored_row *row,
                                  satchel_arena *arena, satchel_error *error) {
    row_change change;
    satchel_buffer sql = {NULL, 0, 0};
    sqlite3_stmt *statement = NULL;
    find_change(row, before, &change);
    satchel_status status = write_update(row->table->entity, &change, &sql);
    if (status == SATCHEL_OK) {
        status = satchel_statement_of(store, (const char *)sql.data, &statement, error);
    }
    if (status == SATCHEL_OK) {
        status = bind_update(store, statement, &change, row, arena);
        if (status == SATCHEL_OK) {
            status = satchel_statement_run(store, statement, error);
        } else {
            satchel_statement_end(statement);
        }
    }
    satchel_buffer_deinit(&sql);
    return status;
}

satchel_status satchel_row_delete(satchel_store *store, const satchel_stored_row *row, satchel_arena *arena,
                                  satchel_error *error) {
    satchel_buffer sql = {NULL, 0, 0};
    sqlite3_stmt *statement = NULL;
    (void)arena;
    satchel_status status = satchel_search_update(store, row->table, row->rowid, &row->visible, NULL, true, error);
    if (status == SATCHEL_OK) {
        status = satchel_digests_move(store, row, NULL, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_format(&sql, "DELETE FROM \"%s\" WHERE rowid = ?", row->table->entity->name);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_of(store, (const char *)sql.data, &statement, error);
    }
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, row->rowid);
        status = satchel_statement_run(store, statement, error);
    }
    satchel_buffer_deinit(&sql);
    return status;
}

/* --- what a reader is told of a row --- */

bool satchel_row_is_hidden(satchel_store *store, int64_t scope_set) {
    sqlite3_stmt *statement;
    bool dead = false;
    if (!store->has_dead_sets || scope_set == SATCHEL_SCOPE_SET_NONE) {
        return false;
    }
    if (satchel_statement_of(store, "SELECT 1 FROM store_dead_set WHERE local = ?", &statement, NULL) != SATCHEL_OK) {
        return true; /* rather nothing than what may be out of reach */
    }
    satchel_bind_int(statement, 1, scope_set);
    satchel_status status = satchel_statement_step(store, statement, &dead, NULL);
    satchel_statement_end(statement);
    return dead || status != SATCHEL_OK;
}

static satchel_status exists(satchel_store *store, const char *sql, uint32_t entity, const satchel_id *id, bool *out,
                             satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status = satchel_statement_of(store, sql, &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, entity);
        satchel_bind_id(statement, 2, id);
        status = satchel_statement_step(store, statement, out, error);
        satchel_statement_end(statement);
    }
    return status;
}

satchel_status satchel_row_flags(satchel_store *store, uint32_t entity, const satchel_id *id,
                                 const satchel_record *visible, satchel_overlay overlay, uint32_t *out_flags,
                                 satchel_error *error) {
    bool found = false;
    satchel_status status = SATCHEL_OK;
    *out_flags = satchel_record_is_deleted(visible) ? SATCHEL_ROW_DELETED : 0;
    if (overlay.kind != SATCHEL_OVERLAY_NONE && overlay.last > store->settled_through) {
        *out_flags |= SATCHEL_ROW_PENDING;
    }
    if (store->troubled > 0) {
        status =
            exists(store, "SELECT 1 FROM store_op WHERE entity = ? AND row = ? AND state > 4 AND state < 7 LIMIT 1",
                   entity, id, &found, error);
        *out_flags |= found ? SATCHEL_ROW_REFUSED : 0;
    }
    if (status == SATCHEL_OK && store->open_conflicts > 0) {
        status = exists(store,
                        "SELECT 1 FROM \"conflict\" WHERE \"subject_entity\" = ? AND \"subject_row\" = ? AND "
                        "\"status\" = 1 AND coalesce(\"deleted\", 0) = 0 AND (scope_set IS NULL OR scope_set NOT IN "
                        "(SELECT local FROM store_dead_set)) LIMIT 1",
                        entity, id, &found, error);
        *out_flags |= found ? SATCHEL_ROW_CONFLICT : 0;
    }
    return status;
}
