/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a query to SQL text. Every name is quoted, every value is bound; both dialects sort text byte for byte
 * (SQLite's BINARY, PostgreSQL's "C" collation of ddl.c), nulls before everything else when ascending and behind it
 * when descending. Functions that the database must have are listed in ddl.h.
 */
#include "query/query_state.h"

#include "base/error.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

/* One degree of a great circle is 111195.08 m, so 1 m is less than 90 × 1e-7 degrees. */
#define E7_PER_METRE INT64_C(90)

/* Status is sticky: after the first failure nothing more is written. */
typedef struct sql_writer {
    const satchel_query *query;
    const satchel_schema *schema;
    satchel_dialect dialect;
    satchel_arena *arena;
    satchel_sql *out;
    uint32_t capacity;
    satchel_status status;
    satchel_error *error;
} sql_writer;

static void put_bytes(sql_writer *writer, satchel_bytes bytes) {
    if (writer->status == SATCHEL_OK) {
        writer->status = satchel_buffer_append(&writer->out->text, bytes);
    }
}

static void put(sql_writer *writer, const char *text) {
    put_bytes(writer, satchel_text_bytes(satchel_text_of(text)));
}

static void put_name(sql_writer *writer, const char *name) {
    put(writer, "\"");
    put(writer, name);
    put(writer, "\"");
}

static void bind(sql_writer *writer, const satchel_value *value) {
    satchel_sql *sql = writer->out;
    if (writer->status != SATCHEL_OK) {
        return;
    }
    if (sql->binding_count == writer->capacity) {
        uint32_t capacity = writer->capacity == 0 ? 16 : writer->capacity * 2;
        satchel_value *larger = satchel_arena_take_array(writer->arena, capacity, sizeof *larger);
        if (larger == NULL) {
            writer->status = SATCHEL_NO_MEMORY;
            return;
        }
        if (sql->binding_count > 0) {
            memcpy(larger, sql->bindings, sql->binding_count * sizeof *larger);
        }
        sql->bindings = larger;
        writer->capacity = capacity;
    }
    sql->bindings[sql->binding_count++] = *value;
}

static void put_value(sql_writer *writer, const satchel_value *value) {
    bind(writer, value);
    if (writer->status != SATCHEL_OK) {
        return;
    }
    if (writer->dialect == SATCHEL_DIALECT_POSTGRES) {
        writer->status = satchel_buffer_append_format(&writer->out->text, "$%" PRIu32, writer->out->binding_count);
    } else {
        put(writer, "?");
    }
}

static void put_int(sql_writer *writer, int64_t integer) {
    satchel_value value = satchel_value_int(integer);
    put_value(writer, &value);
}

/* The model's field, or the custom field of the schema that the query is compiled with. */
static const satchel_field *need_field(sql_writer *writer, uint32_t number) {
    const satchel_field *field = satchel_schema_field(writer->schema, writer->query->entity->number, number);
    if (field == NULL && writer->status == SATCHEL_OK) {
        writer->status = satchel_fail_field(writer->error, SATCHEL_UNKNOWN_FIELD, writer->query->entity->number, number,
                                            "the query names an unknown field");
    }
    return field;
}

static const char *custom_function(uint8_t type) {
    switch ((satchel_type)type) {
    case SATCHEL_TYPE_BOOL:
    case SATCHEL_TYPE_INT:
    case SATCHEL_TYPE_TIME: return "satchel_custom_int";
    case SATCHEL_TYPE_REAL: return "satchel_custom_real";
    case SATCHEL_TYPE_TEXT: return "satchel_custom_text";
    case SATCHEL_TYPE_BYTES:
    case SATCHEL_TYPE_ID:
    case SATCHEL_TYPE_SET:
    case SATCHEL_TYPE_NULL: break;
    }
    return "satchel_custom_blob";
}

/* The field as an expression. */
static void put_field(sql_writer *writer, const satchel_field *field) {
    if (field == NULL || writer->status != SATCHEL_OK) {
        return;
    }
    if ((field->flags & SATCHEL_FIELD_CUSTOM) == 0) {
        put_name(writer, field->name);
        return;
    }
    put(writer, custom_function(field->type));
    if (writer->status == SATCHEL_OK) {
        writer->status = satchel_buffer_append_format(&writer->out->text, "(\"custom\", %" PRIu32 ")", field->number);
    }
}

static const char *operator_of(satchel_compare compare) {
    switch (compare) {
    case SATCHEL_COMPARE_LESS: return " < ";
    case SATCHEL_COMPARE_LESS_OR_EQUAL: return " <= ";
    case SATCHEL_COMPARE_GREATER: return " > ";
    case SATCHEL_COMPARE_GREATER_OR_EQUAL: return " >= ";
    case SATCHEL_COMPARE_EQUAL:
    case SATCHEL_COMPARE_NOT_EQUAL:
    case SATCHEL_COMPARE_BEGINS_WITH:
    case SATCHEL_COMPARE_HAS: break;
    }
    return " = ";
}

/*
 * The smallest text above all that begin with `prefix`: its last code point that has a successor is raised and the
 * rest is dropped. (UTF-8 sorts like its code points.) Empty if there is no such text.
 */
static satchel_status text_above(satchel_arena *arena, satchel_text prefix, satchel_text *out) {
    char *copy = satchel_arena_take(arena, prefix.bytes + 4);
    if (copy == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    size_t kept = 0;
    uint32_t raised = 0;
    for (size_t at = 0; at < prefix.bytes;) {
        size_t before = at;
        uint32_t code_point = satchel_text_next(prefix, &at);
        if (code_point < 0x10FFFF) {
            kept = before;
            raised = code_point == 0xD7FF ? 0xE000 : code_point + 1;
        }
    }
    *out = (satchel_text){copy, 0};
    if (raised != 0) {
        memcpy(copy, prefix.data, kept);
        out->bytes = kept + satchel_text_put(raised, copy + kept);
    }
    return SATCHEL_OK;
}

static void put_begins_with(sql_writer *writer, const satchel_field *field, const satchel_value *prefix) {
    satchel_text above = {NULL, 0};
    put_field(writer, field);
    put(writer, " >= ");
    put_value(writer, prefix);
    if (writer->status == SATCHEL_OK) {
        writer->status = text_above(writer->arena, satchel_text_from(prefix->as.bytes), &above);
    }
    if (above.bytes > 0) {
        satchel_value end = satchel_value_text(above);
        put(writer, " AND ");
        put_field(writer, field);
        put(writer, " < ");
        put_value(writer, &end);
    }
}

static void put_has(sql_writer *writer, const satchel_field *field, const satchel_value *element) {
    satchel_bytes bytes =
        element->type == SATCHEL_TYPE_ID ? satchel_bytes_of(element->as.id.bytes, SATCHEL_ID_BYTES) : element->as.bytes;
    satchel_value wanted = satchel_value_bytes(bytes);
    put(writer, "satchel_set_has(");
    put_field(writer, field);
    put(writer, ", ");
    put_value(writer, &wanted);
    put(writer, ")");
}

/* What the builder could not check of a custom field. */
static void check_custom(sql_writer *writer, const satchel_field *field, const satchel_condition *condition) {
    if (writer->status != SATCHEL_OK || (field->flags & SATCHEL_FIELD_CUSTOM) == 0 || condition->is_null_test) {
        return;
    }
    bool fits = condition->compare == SATCHEL_COMPARE_HAS
                    ? field->type == SATCHEL_TYPE_SET && field->element == condition->value.type
                    : satchel_query_types_fit((uint8_t)condition->value.type, field->type);
    if (!fits) {
        writer->status = satchel_fail_field(writer->error, SATCHEL_WRONG_TYPE, writer->query->entity->number,
                                            field->number, "the condition does not fit the type of the field");
    }
}

static void put_condition(sql_writer *writer, const satchel_condition *condition) {
    const satchel_field *field = need_field(writer, condition->field);
    if (field == NULL) {
        return;
    }
    check_custom(writer, field, condition);
    if (condition->is_null_test) {
        put_field(writer, field);
        put(writer, condition->wants_null ? " IS NULL" : " IS NOT NULL");
    } else if (condition->compare == SATCHEL_COMPARE_BEGINS_WITH) {
        put_begins_with(writer, field, &condition->value);
    } else if (condition->compare == SATCHEL_COMPARE_HAS) {
        put_has(writer, field, &condition->value);
    } else if (condition->compare == SATCHEL_COMPARE_NOT_EQUAL) {
        put_field(writer, field);
        put(writer, writer->dialect == SATCHEL_DIALECT_POSTGRES ? " IS DISTINCT FROM " : " IS NOT ");
        put_value(writer, &condition->value);
    } else {
        put_field(writer, field);
        put(writer, operator_of(condition->compare));
        put_value(writer, &condition->value);
    }
}

/* Each condition of the WHERE clause begins with this. */
static void put_and(sql_writer *writer, bool *is_first) {
    put(writer, *is_first ? " WHERE " : " AND ");
    *is_first = false;
}

static void put_near(sql_writer *writer, bool *is_first) {
    const satchel_query *query = writer->query;
    const satchel_field *latitude;
    const satchel_field *longitude;
    satchel_query_position_fields(query->entity, &latitude, &longitude);
    int64_t reach_e7 = query->near_metres * E7_PER_METRE + 1;
    put_and(writer, is_first);
    put_field(writer, latitude);
    put(writer, " >= ");
    put_int(writer, query->near_latitude_e7 - reach_e7);
    put(writer, " AND ");
    put_field(writer, latitude);
    put(writer, " <= ");
    put_int(writer, query->near_latitude_e7 + reach_e7);
    put(writer, " AND satchel_distance_m(");
    put_field(writer, latitude);
    put(writer, ", ");
    put_field(writer, longitude);
    put(writer, ", ");
    put_int(writer, query->near_latitude_e7);
    put(writer, ", ");
    put_int(writer, query->near_longitude_e7);
    put(writer, ") <= ");
    put_int(writer, query->near_metres);
}

static void put_live(sql_writer *writer, bool *is_first) {
    const satchel_entity *entity = writer->query->entity;
    const satchel_field *archived =
        satchel_schema_field_named(writer->schema, entity->number, satchel_text_of("archived"));
    put_and(writer, is_first);
    put(writer, "coalesce(\"deleted\", 0) = 0");
    if ((entity->flags & SATCHEL_ENTITY_ARCHIVE) != 0 && archived != NULL) {
        put(writer, " AND coalesce(\"archived\", 0) = 0");
    }
}

/* The predicate's question marks become this dialect's parameters. */
static void put_predicate(sql_writer *writer, const satchel_predicate *predicate, bool *is_first) {
    uint32_t used = 0;
    size_t from = 0;
    put_and(writer, is_first);
    put(writer, "(");
    for (size_t at = 0; at < predicate->text.bytes; at++) {
        if (predicate->text.data[at] == '?' && used < predicate->binding_count) {
            put_bytes(writer, satchel_bytes_of(predicate->text.data + from, at - from));
            put_value(writer, &predicate->bindings[used++]);
            from = at + 1;
        }
    }
    put_bytes(writer, satchel_bytes_of(predicate->text.data + from, predicate->text.bytes - from));
    put(writer, ")");
    if (writer->status == SATCHEL_OK && used != predicate->binding_count) {
        writer->status = satchel_fail(writer->error, SATCHEL_INVALID_ARGUMENT, "the predicate has too few parameters");
    }
}

/* "Behind this value" for one key; nothing is behind a null when nulls come last. */
static void put_behind(sql_writer *writer, const satchel_field *field, bool descending, const satchel_value *value) {
    if (value->type == SATCHEL_TYPE_NULL) {
        put_field(writer, field);
        put(writer, descending ? " IS NULL AND 1 = 0" : " IS NOT NULL");
        return;
    }
    put(writer, descending ? "(" : "");
    put_field(writer, field);
    put(writer, descending ? " < " : " > ");
    put_value(writer, value);
    if (descending) {
        put(writer, " OR ");
        put_field(writer, field);
        put(writer, " IS NULL)");
    }
}

static void put_same(sql_writer *writer, const satchel_field *field, const satchel_value *value) {
    put_field(writer, field);
    if (value->type == SATCHEL_TYPE_NULL) {
        put(writer, " IS NULL");
    } else {
        put(writer, " = ");
        put_value(writer, value);
    }
}

/*
 * Behind (k1, …, id): for some key all before it are the same and it is behind. The first term repeats the first key
 * as a plain bound, from which an index on it can start.
 */
static void put_continuation(sql_writer *writer, const satchel_keyset *keyset, bool *is_first) {
    const satchel_query *query = writer->query;
    const satchel_field *fields[SATCHEL_LIMIT_SORT_KEYS] = {NULL};
    const satchel_value id = satchel_value_id(&keyset->id);
    for (uint32_t i = 0; i < query->sort_count; i++) {
        fields[i] = need_field(writer, query->sorts[i].field);
    }
    if (writer->status != SATCHEL_OK) {
        return;
    }
    put_and(writer, is_first);
    if (query->sort_count > 0 && keyset->values[0].type != SATCHEL_TYPE_NULL && !query->sorts[0].descending) {
        put_field(writer, fields[0]);
        put(writer, " >= ");
        put_value(writer, &keyset->values[0]);
        put(writer, " AND ");
    }
    put(writer, "(");
    for (uint32_t i = 0; i <= query->sort_count; i++) {
        put(writer, i > 0 ? " OR (" : "(");
        for (uint32_t k = 0; k < i; k++) {
            put_same(writer, fields[k], &keyset->values[k]);
            put(writer, " AND ");
        }
        if (i < query->sort_count) {
            put_behind(writer, fields[i], query->sorts[i].descending, &keyset->values[i]);
        } else {
            put(writer, "\"id\" > ");
            put_value(writer, &id);
        }
        put(writer, ")");
    }
    put(writer, ")");
}

static void put_where(sql_writer *writer, const satchel_predicate *predicate, const satchel_keyset *keyset) {
    const satchel_query *query = writer->query;
    bool is_first = true;
    if (!query->include_deleted) {
        put_live(writer, &is_first);
    }
    for (uint32_t i = 0; i < query->condition_count; i++) {
        put_and(writer, &is_first);
        put_condition(writer, &query->conditions[i]);
    }
    if (query->has_near) {
        put_near(writer, &is_first);
    }
    if (predicate != NULL && predicate->text.bytes > 0) {
        put_predicate(writer, predicate, &is_first);
    }
    if (keyset != NULL) {
        put_continuation(writer, keyset, &is_first);
    }
}

static void put_order(sql_writer *writer) {
    const satchel_query *query = writer->query;
    bool is_postgres = writer->dialect == SATCHEL_DIALECT_POSTGRES;
    put(writer, " ORDER BY ");
    for (uint32_t i = 0; i < query->sort_count; i++) {
        const satchel_field *field = need_field(writer, query->sorts[i].field);
        if (field != NULL && field->type == SATCHEL_TYPE_SET) {
            writer->status = satchel_fail_field(writer->error, SATCHEL_WRONG_TYPE, query->entity->number, field->number,
                                                "a set has no order");
        }
        put_field(writer, field);
        if (is_postgres) {
            put(writer, query->sorts[i].descending ? " DESC NULLS LAST, " : " ASC NULLS FIRST, ");
        } else {
            put(writer, query->sorts[i].descending ? " DESC, " : ", ");
        }
    }
    put(writer, "\"id\"");
}

static satchel_status begin(sql_writer *writer, satchel_sql *out) {
    *out = (satchel_sql){{NULL, 0, 0}, NULL, 0};
    const satchel_entity *entity = satchel_schema_entity(writer->schema, writer->query->entity->number);
    if (entity == NULL) {
        return satchel_fail(writer->error, SATCHEL_UNSUPPORTED, "the schema lacks the entity of the query");
    }
    return SATCHEL_OK;
}

static satchel_status finish(sql_writer *writer) {
    if (writer->status == SATCHEL_OK) {
        writer->status = satchel_buffer_append_byte(&writer->out->text, 0);
    }
    if (writer->status != SATCHEL_OK) {
        satchel_sql_deinit(writer->out);
    }
    return writer->status;
}

satchel_status satchel_query_compile(const satchel_query *query, const satchel_schema *schema, satchel_dialect dialect,
                                     satchel_text columns, const satchel_predicate *predicate, satchel_bytes keyset,
                                     uint32_t limit, satchel_arena *arena, satchel_sql *out, satchel_error *error) {
    sql_writer writer = {query, schema, dialect, arena, out, 0, SATCHEL_OK, error};
    satchel_keyset from;
    writer.status = begin(&writer, out);
    if (writer.status == SATCHEL_OK && keyset.bytes > 0) {
        writer.status = satchel_keyset_read(query, schema, keyset, arena, &from, error);
    }
    put(&writer, "SELECT ");
    put_bytes(&writer, satchel_text_bytes(columns));
    put(&writer, " FROM ");
    put_name(&writer, query->entity->name);
    put_where(&writer, predicate, writer.status == SATCHEL_OK && keyset.bytes > 0 ? &from : NULL);
    put_order(&writer);
    put(&writer, " LIMIT ");
    put_int(&writer, (int64_t)limit + 1);
    return finish(&writer);
}

satchel_status satchel_query_compile_count(const satchel_query *query, const satchel_schema *schema,
                                           satchel_dialect dialect, const satchel_predicate *predicate,
                                           satchel_arena *arena, satchel_sql *out, satchel_error *error) {
    sql_writer writer = {query, schema, dialect, arena, out, 0, SATCHEL_OK, error};
    writer.status = begin(&writer, out);
    put(&writer, "SELECT count(*) FROM ");
    put_name(&writer, query->entity->name);
    put_where(&writer, predicate, NULL);
    return finish(&writer);
}

void satchel_sql_deinit(satchel_sql *sql) {
    satchel_buffer_deinit(&sql->text);
    sql->bindings = NULL;
    sql->binding_count = 0;
}
