/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows to columns and back. The order of columns is that of satchel_table.columns.
 */
#include "db/rows.h"

#include "base/error.h"
#include "base/limits.h"
#include "wire/record_codec.h"

#include <stdio.h>
#include <string.h>

/* Columns before the first field: rowid, id, versions, four revisions. */
#define COLUMNS_BEFORE_FIELDS 7u
/* Parameters of a save beside its fields: id or rowid, versions, four revisions, what is always saved, custom, tail. */
#define PARAMETERS_BESIDE_FIELDS 16u

void satchel_stored_row_init(satchel_stored_row *row, uint32_t entity, const satchel_id *id, satchel_arena *arena) {
    *row = (satchel_stored_row){.entity = entity, .id = *id};
    satchel_merge_row_init(&row->merged, arena);
}

/* --- reading --- */

static satchel_status read_value(const satchel_db_statement *statement, uint32_t column, const satchel_field *field,
                                 satchel_arena *arena, satchel_value *out) {
    switch ((satchel_type)field->type) {
    case SATCHEL_TYPE_BOOL: *out = satchel_value_bool(satchel_db_int(statement, column) != 0); break;
    case SATCHEL_TYPE_INT: *out = satchel_value_int(satchel_db_int(statement, column)); break;
    case SATCHEL_TYPE_TIME: *out = satchel_value_time(satchel_db_int(statement, column)); break;
    case SATCHEL_TYPE_REAL: *out = satchel_value_real(satchel_db_real(statement, column)); break;
    case SATCHEL_TYPE_ID: {
        satchel_id id = satchel_db_id(statement, column);
        *out = satchel_value_id(&id);
        break;
    }
    case SATCHEL_TYPE_SET:
        *out = satchel_value_set(NULL, 0);
        return satchel_set_decode(satchel_db_bytes(statement, column), arena, &out->as.set);
    case SATCHEL_TYPE_TEXT:
    case SATCHEL_TYPE_BYTES:
    case SATCHEL_TYPE_NULL:
        *out = satchel_value_bytes(satchel_db_bytes(statement, column));
        out->type = (satchel_type)field->type;
        break;
    }
    return SATCHEL_OK;
}

static void read_common(const satchel_db_statement *statement, uint32_t column, uint32_t number,
                        satchel_stored_row *out) {
    switch (number) {
    case SATCHEL_FIELD_CREATED_AT: out->created_at = satchel_db_int(statement, column); break;
    case SATCHEL_FIELD_CREATED_BY: out->created_by = satchel_db_id(statement, column); break;
    case SATCHEL_FIELD_CREATED_DEVICE: out->created_device = satchel_db_id(statement, column); break;
    case SATCHEL_FIELD_UPDATED_AT: out->updated_at = satchel_db_int(statement, column); break;
    case SATCHEL_FIELD_UPDATED_BY: out->updated_by = satchel_db_id(statement, column); break;
    case SATCHEL_FIELD_DELETED:
        out->merged.deleted = satchel_db_int(statement, column) != 0;
        out->was_deleted = out->merged.deleted;
        break;
    case SATCHEL_FIELD_REVISION: out->revision = satchel_db_uint(statement, column); break;
    default: break;
    }
}

static satchel_status read_fields(const satchel_db_statement *statement, const satchel_entity *entity,
                                  satchel_arena *arena, uint32_t *column, satchel_stored_row *out) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < entity->field_count; i++) {
        const satchel_field *field = &entity->fields[i];
        if (field->number == SATCHEL_FIELD_ID) {
            continue;
        }
        uint32_t at = (*column)++;
        if ((field->flags & SATCHEL_FIELD_META) != 0) {
            read_common(statement, at, field->number, out);
        } else if (!satchel_db_is_null(statement, at)) {
            satchel_value value;
            status = read_value(statement, at, field, arena, &value);
            if (status == SATCHEL_OK) {
                status = satchel_record_set(&out->merged.value, field->number, &value);
            }
        }
    }
    return status;
}

satchel_status satchel_stored_row_read(const satchel_tables *tables, const satchel_db_statement *statement,
                                       uint32_t entity, satchel_arena *arena, satchel_stored_row *out,
                                       satchel_error *error) {
    satchel_id id = satchel_db_id(statement, 1);
    satchel_stored_row_init(out, entity, &id, arena);
    out->merged.exists = true;
    out->rowid = satchel_db_int(statement, 0);
    for (uint32_t c = 0; c < SATCHEL_SENSITIVITY_COUNT; c++) {
        out->revisions[c] = satchel_db_uint(statement, 3 + c);
    }
    uint32_t column = COLUMNS_BEFORE_FIELDS;
    satchel_status status = read_fields(statement, tables->items[entity].entity, arena, &column, out);
    satchel_bytes custom = satchel_db_bytes(statement, column);
    if (status == SATCHEL_OK && custom.bytes > 0) {
        status = satchel_custom_decode(tables->schema, entity, custom, &out->merged.value);
    }
    if (status == SATCHEL_OK) {
        status = satchel_arena_copy(arena, satchel_db_bytes(statement, column + 1), &out->merged.value.tail);
    }
    satchel_bytes versions = satchel_db_bytes(statement, 2);
    if (status == SATCHEL_OK && versions.bytes > 0) {
        status = satchel_versions_decode(versions, &out->merged.versions);
    }
    if (status == SATCHEL_MALFORMED || status == SATCHEL_NEWER_FORMAT) {
        status = SATCHEL_DAMAGED;
    }
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(error, status, "a row of entity %u", (unsigned)entity);
}

satchel_status satchel_stored_row_load(const satchel_tables *tables, satchel_db *db, uint32_t entity,
                                       const satchel_id *id, satchel_arena *arena, satchel_stored_row *out,
                                       satchel_error *error) {
    const satchel_table *table = satchel_db_tables_get(tables, entity);
    satchel_stored_row_init(out, entity, id, arena);
    if (table == NULL) {
        return satchel_fail(error, SATCHEL_UNKNOWN_ENTITY, "there is no entity %u", (unsigned)entity);
    }
    satchel_db_statement *statement = NULL;
    bool found = false;
    satchel_status status = SATCHEL_DB_START(&statement, db, error, table->select_by_id, satchel_value_id(id));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && found) {
        status = satchel_stored_row_read(tables, statement, entity, arena, out, error);
    }
    satchel_db_end(statement);
    return status;
}

/* --- writing --- */

/* What a save binds; blobs made on the way live in `blobs`, one buffer each, until the statement has run. */
typedef struct row_writer {
    const satchel_tables *tables;
    const satchel_stored_row *row;
    satchel_arena *arena;
    satchel_value *values;
    uint32_t count;
    uint32_t capacity;
} row_writer;

static satchel_status put(row_writer *writer, satchel_value value) {
    if (writer->count == writer->capacity) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    writer->values[writer->count++] = value;
    return SATCHEL_OK;
}

/* Puts the content of `buffer`, copied into the arena; NULL if it is empty. */
static satchel_status put_blob(row_writer *writer, const satchel_buffer *buffer) {
    satchel_bytes copy = {NULL, 0};
    if (buffer->bytes == 0) {
        return put(writer, satchel_value_null());
    }
    satchel_status status = satchel_arena_copy(writer->arena, satchel_buffer_view(buffer), &copy);
    return status == SATCHEL_OK ? put(writer, satchel_value_bytes(copy)) : status;
}

static satchel_status put_set(row_writer *writer, const satchel_set *set) {
    satchel_buffer blob;
    satchel_buffer_init(&blob);
    satchel_status status = set->count > 0 ? satchel_set_encode(set, &blob) : SATCHEL_OK;
    if (status == SATCHEL_OK) {
        status = put_blob(writer, &blob);
    }
    satchel_buffer_deinit(&blob);
    return status;
}

static satchel_value id_or_null(const satchel_id *id) {
    static const satchel_id none = {{0}};
    return memcmp(id, &none, sizeof none) == 0 ? satchel_value_null() : satchel_value_id(id);
}

static satchel_value common_value(const satchel_stored_row *row, uint32_t number) {
    switch (number) {
    case SATCHEL_FIELD_CREATED_AT: return satchel_value_time(row->created_at);
    case SATCHEL_FIELD_CREATED_BY: return id_or_null(&row->created_by);
    case SATCHEL_FIELD_CREATED_DEVICE: return id_or_null(&row->created_device);
    case SATCHEL_FIELD_UPDATED_AT: return satchel_value_time(row->updated_at);
    case SATCHEL_FIELD_UPDATED_BY: return id_or_null(&row->updated_by);
    case SATCHEL_FIELD_DELETED: return satchel_value_bool(row->merged.deleted);
    case SATCHEL_FIELD_REVISION: return satchel_value_int((int64_t)row->revision);
    default: return satchel_value_null();
    }
}

static satchel_status put_field(row_writer *writer, const satchel_field *field) {
    if ((field->flags & SATCHEL_FIELD_META) != 0) {
        return put(writer, common_value(writer->row, field->number));
    }
    const satchel_value *value = satchel_record_get(&writer->row->merged.value, field->number);
    if (value == NULL) {
        return put(writer, satchel_value_null());
    }
    return value->type == SATCHEL_TYPE_SET ? put_set(writer, &value->as.set) : put(writer, *value);
}

static satchel_status put_custom(row_writer *writer) {
    satchel_buffer blob;
    satchel_buffer_init(&blob);
    satchel_status status =
        satchel_custom_encode(writer->tables->schema, writer->row->entity, &writer->row->merged.value, &blob);
    if (status == SATCHEL_OK) {
        status = put_blob(writer, &blob);
    }
    satchel_buffer_deinit(&blob);
    return status;
}

static satchel_status put_tail(row_writer *writer) {
    satchel_bytes tail = writer->row->merged.value.tail;
    return put(writer, tail.bytes > 0 ? satchel_value_bytes(tail) : satchel_value_null());
}

static satchel_status put_versions(row_writer *writer) {
    satchel_buffer blob;
    satchel_buffer_init(&blob);
    satchel_status status = satchel_versions_encode(&writer->row->merged.versions, &blob);
    if (status == SATCHEL_OK) {
        status = put_blob(writer, &blob);
    }
    satchel_buffer_deinit(&blob);
    for (uint32_t c = 0; status == SATCHEL_OK && c < SATCHEL_SENSITIVITY_COUNT; c++) {
        status = put(writer, satchel_value_int((int64_t)writer->row->revisions[c]));
    }
    return status;
}

static satchel_status insert_row(row_writer *writer, satchel_db *db, satchel_stored_row *row, satchel_error *error) {
    const satchel_table *table = &writer->tables->items[row->entity];
    satchel_status status = put(writer, satchel_value_id(&row->id));
    if (status == SATCHEL_OK) {
        status = put_versions(writer);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < table->entity->field_count; i++) {
        if (table->entity->fields[i].number != SATCHEL_FIELD_ID) {
            status = put_field(writer, &table->entity->fields[i]);
        }
    }
    if (status == SATCHEL_OK) {
        status = put_custom(writer);
    }
    if (status == SATCHEL_OK) {
        status = put_tail(writer);
    }
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "a new row of %s cannot be bound", table->entity->name);
    }
    return satchel_db_number_values(db, table->insert, writer->values, writer->count, 0, &row->rowid, error);
}

static satchel_status put_text(satchel_buffer *sql, const char *text) {
    return satchel_buffer_append(sql, satchel_bytes_of(text, strlen(text)));
}

/* Appends `, "name" = ?n` for the value that was put last. A text is made for each save, so not by a format. */
static satchel_status set_column(satchel_buffer *sql, const char *name, uint32_t parameter) {
    char number[8];
    size_t at = sizeof number;
    for (uint32_t left = parameter; at == sizeof number || left > 0; left /= 10) {
        number[--at] = (char)('0' + left % 10);
    }
    satchel_status status = put_text(sql, ", \"");
    if (status == SATCHEL_OK) {
        status = put_text(sql, name);
    }
    if (status == SATCHEL_OK) {
        status = put_text(sql, "\" = ?");
    }
    return status == SATCHEL_OK ? satchel_buffer_append(sql, satchel_bytes_of(number + at, sizeof number - at))
                                : status;
}

static const uint32_t always_saved[] = {SATCHEL_FIELD_UPDATED_AT, SATCHEL_FIELD_UPDATED_BY, SATCHEL_FIELD_DELETED,
                                        SATCHEL_FIELD_REVISION};

static satchel_status put_column(row_writer *writer, satchel_buffer *sql, uint32_t number, bool *custom_done) {
    const satchel_field *field = satchel_schema_field(writer->tables->schema, writer->row->entity, number);
    satchel_status status = SATCHEL_OK;
    if (field == NULL || (field->flags & SATCHEL_FIELD_CUSTOM) != 0) {
        if (*custom_done) {
            return SATCHEL_OK;
        }
        *custom_done = true;
        status = put_custom(writer);
        return status == SATCHEL_OK ? set_column(sql, "custom", writer->count) : status;
    }
    status = put_field(writer, field);
    return status == SATCHEL_OK ? set_column(sql, field->name, writer->count) : status;
}

static satchel_status update_row(row_writer *writer, satchel_db *db, const uint32_t *changed, uint32_t changed_count,
                                 satchel_error *error) {
    const satchel_table *table = &writer->tables->items[writer->row->entity];
    satchel_buffer sql;
    satchel_buffer_init(&sql);
    bool custom_done = false;
    satchel_status status = put(writer, satchel_value_int(writer->row->rowid));
    if (status == SATCHEL_OK) {
        status = put_versions(writer);
    }
    if (status == SATCHEL_OK) {
        status = put_text(&sql, "UPDATE ");
    }
    if (status == SATCHEL_OK) {
        status = put_text(&sql, table->name);
    }
    if (status == SATCHEL_OK) {
        status = put_text(&sql, " SET \"versions\" = ?2, \"rev_open\" = ?3, \"rev_personal\" = ?4,"
                                " \"rev_commercial\" = ?5, \"rev_secret\" = ?6");
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < sizeof always_saved / sizeof *always_saved; i++) {
        status = put_column(writer, &sql, always_saved[i], &custom_done);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < changed_count; i++) {
        status = put_column(writer, &sql, changed[i], &custom_done);
    }
    if (status == SATCHEL_OK) {
        status = put_tail(writer);
    }
    if (status == SATCHEL_OK) {
        status = set_column(&sql, "tail", writer->count);
    }
    if (status == SATCHEL_OK) {
        status = put_text(&sql, " WHERE rowid = ?1");
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    status = status == SATCHEL_OK
                 ? satchel_db_run_values(db, (const char *)sql.data, writer->values, writer->count, NULL, error)
                 : satchel_fail(error, status, "a row of %s cannot be bound", table->entity->name);
    satchel_buffer_deinit(&sql);
    return status;
}

satchel_status satchel_stored_row_save(const satchel_tables *tables, satchel_db *db, satchel_stored_row *row,
                                       const uint32_t *changed, uint32_t changed_count, satchel_error *error) {
    const satchel_versions *versions = &row->merged.versions;
    row->revision = satchel_versions_newest(versions);
    satchel_versions_newest_each(tables->schema, row->entity, versions, row->revisions);
    satchel_arena arena;
    satchel_arena_init(&arena);
    const bool is_new = row->rowid == 0;
    const uint32_t fields = is_new ? tables->items[row->entity].entity->field_count : changed_count;
    row_writer writer = {.tables = tables, .row = row, .arena = &arena, .capacity = fields + PARAMETERS_BESIDE_FIELDS};
    writer.values = satchel_arena_take_array(&arena, writer.capacity, sizeof *writer.values);
    satchel_status status = SATCHEL_OK;
    if (writer.values == NULL) {
        status = satchel_fail(error, SATCHEL_NO_MEMORY, "no memory to save a row");
    } else {
        status = is_new ? insert_row(&writer, db, row, error) : update_row(&writer, db, changed, changed_count, error);
        row->was_deleted = status == SATCHEL_OK ? row->merged.deleted : row->was_deleted;
    }
    satchel_arena_deinit(&arena);
    return status;
}

satchel_row_stamp satchel_stored_row_stamp(const satchel_schema *schema, const satchel_stored_row *row,
                                           uint32_t classes) {
    satchel_row_stamp stamp = {0, 0, 0};
    uint64_t newest = 0;
    for (uint32_t c = 0; c < SATCHEL_SENSITIVITY_COUNT; c++) {
        bool newer = (classes & (1u << c)) != 0 && row->revisions[c] > newest;
        newest = newer ? row->revisions[c] : newest;
    }
    for (uint32_t i = 0; i < row->merged.versions.count; i++) {
        const satchel_version *version = &row->merged.versions.items[i];
        const satchel_field *field = satchel_schema_field(schema, row->entity, version->field);
        uint32_t of_class = field != NULL ? field->sensitivity : SATCHEL_SENSITIVITY_SECRET;
        if ((classes & (1u << of_class)) == 0) {
            continue;
        }
        if (version->n > stamp.n || (version->n == stamp.n && version->stamp_ms > stamp.updated_at)) {
            stamp = (satchel_row_stamp){version->n, version->stamp_ms, version->writer.incarnation};
        }
    }
    stamp.n = newest;
    return stamp;
}
