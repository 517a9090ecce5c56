/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keysets: where a page ended, as bytes that go through a shell or a browser and come back.
 *
 *   [format 1][mark 8][value]…[id 16]      one value a sort key: [type 1][content]
 *   content   NULL none · BOOL, INT, TIME zigzag varint · REAL 8 bytes big-endian · TEXT, BYTES varint length and
 * bytes ·
 *             ID 16 bytes
 *
 * The mark is FNV-1a (64 bits) over what the query asks, so that a keyset of another query is refused; it keeps
 * nobody out, and need not: a keyset only says where to go on within what its reader may see anyway.
 */
#include "query/query_state.h"

#include "base/error.h"
#include "base/text.h"

#include <string.h>

#define KEYSET_FORMAT 1
#define MARK_BYTES 8

static uint64_t mark_bytes(uint64_t mark, const void *data, size_t bytes) {
    const uint8_t *from = data;
    for (size_t i = 0; i < bytes; i++) {
        mark = (mark ^ from[i]) * UINT64_C(0x100000001b3);
    }
    return mark;
}

static uint64_t mark_int(uint64_t mark, uint64_t value) {
    uint8_t bytes[8];
    satchel_put_u64be(bytes, value);
    return mark_bytes(mark, bytes, sizeof bytes);
}

static uint64_t mark_condition(uint64_t mark, const satchel_condition *condition) {
    mark = mark_int(mark, condition->field);
    mark = mark_int(mark, (uint64_t)condition->compare << 2 | (uint64_t)condition->is_null_test << 1 |
                              (uint64_t)condition->wants_null);
    mark = mark_int(mark, (uint64_t)condition->value.type);
    switch (condition->value.type) {
    case SATCHEL_TYPE_INT: return mark_int(mark, (uint64_t)condition->value.as.integer);
    case SATCHEL_TYPE_ID: return mark_bytes(mark, condition->value.as.id.bytes, SATCHEL_ID_BYTES);
    case SATCHEL_TYPE_TEXT:
        mark = mark_int(mark, condition->value.as.bytes.bytes);
        return mark_bytes(mark, condition->value.as.bytes.data, condition->value.as.bytes.bytes);
    case SATCHEL_TYPE_NULL:
    case SATCHEL_TYPE_BOOL:
    case SATCHEL_TYPE_REAL:
    case SATCHEL_TYPE_BYTES:
    case SATCHEL_TYPE_SET:
    case SATCHEL_TYPE_TIME: break;
    }
    return mark;
}

static uint64_t query_mark(const satchel_query *query) {
    uint64_t mark = UINT64_C(0xcbf29ce484222325);
    mark = mark_int(mark, query->entity->number);
    mark = mark_int(mark, (uint64_t)query->include_deleted << 1 | (uint64_t)query->has_near);
    mark = mark_int(mark, query->condition_count);
    for (uint32_t i = 0; i < query->condition_count; i++) {
        mark = mark_condition(mark, &query->conditions[i]);
    }
    for (uint32_t i = 0; i < query->sort_count; i++) {
        mark = mark_int(mark, (uint64_t)query->sorts[i].field << 1 | (uint64_t)query->sorts[i].descending);
    }
    mark = mark_int(mark, query->words.bytes);
    mark = mark_bytes(mark, query->words.data, query->words.bytes);
    mark = mark_int(mark, (uint64_t)query->near_latitude_e7);
    mark = mark_int(mark, (uint64_t)query->near_longitude_e7);
    return mark_int(mark, (uint64_t)query->near_metres);
}

static satchel_status write_value(const satchel_value *value, satchel_buffer *out) {
    uint8_t fixed[8];
    uint64_t bits;
    satchel_status status = satchel_buffer_append_byte(out, (uint8_t)value->type);
    if (status != SATCHEL_OK) {
        return status;
    }
    switch (value->type) {
    case SATCHEL_TYPE_NULL: return SATCHEL_OK;
    case SATCHEL_TYPE_BOOL: return satchel_buffer_append_varint(out, satchel_zigzag(value->as.boolean ? 1 : 0));
    case SATCHEL_TYPE_INT:
    case SATCHEL_TYPE_TIME: return satchel_buffer_append_varint(out, satchel_zigzag(value->as.integer));
    case SATCHEL_TYPE_REAL:
        memcpy(&bits, &value->as.real, sizeof bits);
        satchel_put_u64be(fixed, bits);
        return satchel_buffer_append(out, satchel_bytes_of(fixed, sizeof fixed));
    case SATCHEL_TYPE_TEXT:
    case SATCHEL_TYPE_BYTES:
        status = satchel_buffer_append_varint(out, value->as.bytes.bytes);
        return status == SATCHEL_OK ? satchel_buffer_append(out, value->as.bytes) : status;
    case SATCHEL_TYPE_ID: return satchel_buffer_append(out, satchel_bytes_of(value->as.id.bytes, SATCHEL_ID_BYTES));
    case SATCHEL_TYPE_SET: break;
    }
    return SATCHEL_WRONG_TYPE;
}

satchel_status satchel_query_keyset(const satchel_query *query, const satchel_record *row, const satchel_id *id,
                                    satchel_buffer *out) {
    const satchel_value null = satchel_value_null();
    uint8_t mark[MARK_BYTES];
    satchel_status status = satchel_buffer_append_byte(out, KEYSET_FORMAT);
    satchel_put_u64be(mark, query_mark(query));
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(out, satchel_bytes_of(mark, sizeof mark));
    }
    for (uint32_t i = 0; i < query->sort_count && status == SATCHEL_OK; i++) {
        satchel_value id_value = satchel_value_id(id);
        const satchel_value *value =
            query->sorts[i].field == SATCHEL_FIELD_ID ? &id_value : satchel_record_get(row, query->sorts[i].field);
        status = write_value(value != NULL ? value : &null, out);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(out, satchel_bytes_of(id->bytes, SATCHEL_ID_BYTES));
    }
    return status;
}

static satchel_status read_content(satchel_reader *reader, satchel_value *out) {
    satchel_bytes bytes = {NULL, 0};
    uint64_t number = 0;
    satchel_status status = SATCHEL_OK;
    switch (out->type) {
    case SATCHEL_TYPE_NULL: return SATCHEL_OK;
    case SATCHEL_TYPE_BOOL:
    case SATCHEL_TYPE_INT:
    case SATCHEL_TYPE_TIME:
        status = satchel_reader_varint(reader, &number);
        *out = satchel_value_int(satchel_unzigzag(number));
        return status;
    case SATCHEL_TYPE_REAL:
        status = satchel_reader_take(reader, 8, &bytes);
        if (status == SATCHEL_OK) {
            number = satchel_get_u64be(bytes.data);
            memcpy(&out->as.real, &number, sizeof out->as.real);
        }
        return status;
    case SATCHEL_TYPE_TEXT:
    case SATCHEL_TYPE_BYTES:
        status = satchel_reader_varint(reader, &number);
        if (status == SATCHEL_OK) {
            status = number <= SATCHEL_LIMIT_TEXT_BYTES ? satchel_reader_take(reader, (size_t)number, &out->as.bytes)
                                                        : SATCHEL_MALFORMED;
        }
        return status;
    case SATCHEL_TYPE_ID:
        status = satchel_reader_take(reader, SATCHEL_ID_BYTES, &bytes);
        if (status == SATCHEL_OK) {
            memcpy(out->as.id.bytes, bytes.data, SATCHEL_ID_BYTES);
        }
        return status;
    case SATCHEL_TYPE_SET: break;
    }
    return SATCHEL_MALFORMED;
}

/* A value of the field's own type or NULL. */
static satchel_status read_value(satchel_reader *reader, const satchel_field *field, satchel_arena *arena,
                                 satchel_value *out) {
    uint8_t type;
    satchel_value value;
    memset(&value, 0, sizeof value);
    satchel_status status = satchel_reader_byte(reader, &type);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (type != SATCHEL_TYPE_NULL && type != field->type) {
        return SATCHEL_MALFORMED;
    }
    value.type = (satchel_type)type;
    status = read_content(reader, &value);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (value.type == SATCHEL_TYPE_TEXT && !satchel_text_valid(satchel_text_from(value.as.bytes))) {
        return SATCHEL_MALFORMED;
    }
    if (value.type == SATCHEL_TYPE_REAL && value.as.real != value.as.real) {
        return SATCHEL_MALFORMED; /* a NaN is stored as null */
    }
    return satchel_value_copy(arena, &value, out);
}

satchel_status satchel_keyset_read(const satchel_query *query, const satchel_schema *schema, satchel_bytes bytes,
                                   satchel_arena *arena, satchel_keyset *out, satchel_error *error) {
    satchel_reader reader = satchel_reader_of(bytes);
    satchel_bytes head;
    satchel_bytes id;
    satchel_status status = satchel_reader_take(&reader, 1 + MARK_BYTES, &head);
    if (status == SATCHEL_OK &&
        (head.data[0] != KEYSET_FORMAT || satchel_get_u64be(head.data + 1) != query_mark(query))) {
        return satchel_fail(error, SATCHEL_MALFORMED, "the keyset belongs to another query");
    }
    for (uint32_t i = 0; i < query->sort_count && status == SATCHEL_OK; i++) {
        const satchel_field *field = satchel_schema_field(schema, query->entity->number, query->sorts[i].field);
        if (field == NULL) {
            return satchel_fail_field(error, SATCHEL_UNKNOWN_FIELD, query->entity->number, query->sorts[i].field,
                                      "the query sorts by an unknown field");
        }
        status = read_value(&reader, field, arena, &out->values[i]);
    }
    if (status == SATCHEL_OK) {
        status = satchel_reader_take(&reader, SATCHEL_ID_BYTES, &id);
    }
    if (status == SATCHEL_NO_MEMORY) {
        return status;
    }
    if (status != SATCHEL_OK || satchel_reader_left(&reader) != 0) {
        return satchel_fail(error, SATCHEL_MALFORMED, "the keyset is damaged");
    }
    memcpy(out->id.bytes, id.data, SATCHEL_ID_BYTES);
    return SATCHEL_OK;
}
