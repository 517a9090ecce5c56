/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Custom values: messages CustomValue and CustomSet of model.proto, elements of field 900 of every entity.
 *
 * The type of a custom field never changes, so a known field with a value of another kind is malformed. A field or kind
 * that this version does not know stays in the record's tail.
 */
#include "base/ids.h"
#include "base/limits.h"
#include "wire/record_codec.h"
#include "wire/record_parts.h"

#include <string.h>

/* Field numbers of CustomValue. */
#define NUMBER 1u
#define BOOLEAN 2u
#define INTEGER 3u
#define REAL 4u
#define TEXT 5u
#define ID 6u
#define SET 7u
#define TIME 8u
#define BYTES 9u
/* Field number of CustomSet. */
#define ELEMENTS 1u

static satchel_status write_set(const satchel_set *set, satchel_buffer *out) {
    size_t mark = 0;
    satchel_status status = satchel_wire_begin(out, SET, &mark);
    for (uint32_t i = 0; i < set->count && status == SATCHEL_OK; i++) {
        status = satchel_wire_put_bytes(out, ELEMENTS, set->elements[i]);
    }
    return status == SATCHEL_OK ? satchel_wire_end(out, mark) : status;
}

static satchel_status write_content(const satchel_value *value, satchel_buffer *out) {
    switch (value->type) {
    case SATCHEL_TYPE_BOOL: return satchel_wire_put_varint(out, BOOLEAN, value->as.boolean ? 1 : 0);
    case SATCHEL_TYPE_INT: return satchel_wire_put_varint(out, INTEGER, satchel_zigzag(value->as.integer));
    case SATCHEL_TYPE_TIME: return satchel_wire_put_varint(out, TIME, satchel_zigzag(value->as.integer));
    case SATCHEL_TYPE_REAL: return satchel_wire_put_fixed64(out, REAL, satchel_wire_bits(value->as.real));
    case SATCHEL_TYPE_TEXT: return satchel_wire_put_bytes(out, TEXT, value->as.bytes);
    case SATCHEL_TYPE_BYTES: return satchel_wire_put_bytes(out, BYTES, value->as.bytes);
    case SATCHEL_TYPE_ID: return satchel_wire_put_bytes(out, ID, satchel_id_view(&value->as.id));
    case SATCHEL_TYPE_SET: return write_set(&value->as.set, out);
    default: return SATCHEL_WRONG_TYPE;
    }
}

satchel_status satchel_wire_custom_write(const satchel_schema *schema, uint32_t entity,
                                         const satchel_field_value *value, satchel_buffer *out) {
    size_t mark = 0;
    const satchel_field *field = satchel_schema_field(schema, entity, value->number);
    if (field == NULL) {
        return SATCHEL_UNKNOWN_FIELD;
    }
    bool empty = value->value.type == SATCHEL_TYPE_SET && value->value.as.set.count == 0;
    if (value->value.type == SATCHEL_TYPE_NULL || empty) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_wire_value_check(field, &value->value);
    if (status == SATCHEL_OK) {
        status = satchel_wire_begin(out, SATCHEL_FIELD_CUSTOM_LIST, &mark);
    }
    if (status == SATCHEL_OK) {
        status = satchel_wire_put_varint(out, NUMBER, value->number);
    }
    if (status == SATCHEL_OK) {
        status = write_content(&value->value, out);
    }
    return status == SATCHEL_OK ? satchel_wire_end(out, mark) : status;
}

typedef struct content_kind {
    uint32_t number;
    satchel_type type;
    satchel_wire_type wire;
} content_kind;

static const content_kind content_kinds[] = {
    {BOOLEAN, SATCHEL_TYPE_BOOL, SATCHEL_WIRE_VARINT}, {INTEGER, SATCHEL_TYPE_INT, SATCHEL_WIRE_VARINT},
    {REAL, SATCHEL_TYPE_REAL, SATCHEL_WIRE_FIXED64},   {TEXT, SATCHEL_TYPE_TEXT, SATCHEL_WIRE_BYTES},
    {ID, SATCHEL_TYPE_ID, SATCHEL_WIRE_BYTES},         {SET, SATCHEL_TYPE_SET, SATCHEL_WIRE_BYTES},
    {TIME, SATCHEL_TYPE_TIME, SATCHEL_WIRE_VARINT},    {BYTES, SATCHEL_TYPE_BYTES, SATCHEL_WIRE_BYTES},
};

static const content_kind *find_kind(uint32_t number) {
    for (size_t i = 0; i < sizeof content_kinds / sizeof content_kinds[0]; i++) {
        if (content_kinds[i].number == number) {
            return &content_kinds[i];
        }
    }
    return NULL;
}

/* What one CustomValue holds: its number and the last of its contents, as members of a oneof override each other. */
typedef struct custom_value {
    uint64_t number;
    const content_kind *kind; /* NULL: none that this version knows */
    satchel_wire_field content;
} custom_value;

static satchel_status read_parts(satchel_bytes bytes, custom_value *out) {
    satchel_reader reader = satchel_reader_of(bytes);
    satchel_wire_field field = {0};
    bool found = true;
    while (found) {
        satchel_status status = satchel_wire_next(&reader, &field, &found);
        if (status != SATCHEL_OK) {
            return status;
        }
        const content_kind *kind = found ? find_kind(field.number) : NULL;
        if (found && field.number == NUMBER) {
            if (field.type != SATCHEL_WIRE_VARINT) {
                return SATCHEL_MALFORMED;
            }
            out->number = field.value;
        } else if (kind != NULL) {
            if (field.type != kind->wire) {
                return SATCHEL_MALFORMED;
            }
            out->kind = kind;
            out->content = field;
        }
    }
    bool fits = out->number >= SATCHEL_CUSTOM_FIELD_FIRST && out->number <= SATCHEL_CUSTOM_FIELD_LAST;
    return fits ? SATCHEL_OK : SATCHEL_MALFORMED;
}

static satchel_status read_set(satchel_arena *arena, const satchel_field *field, satchel_bytes bytes,
                               satchel_set *out) {
    satchel_reader reader = satchel_reader_of(bytes);
    satchel_wire_field read = {0};
    bool found = true;
    *out = (satchel_set){NULL, 0};
    while (found) {
        satchel_status status = satchel_wire_next(&reader, &read, &found);
        if (status == SATCHEL_OK && found && read.number == ELEMENTS) {
            status = read.type == SATCHEL_WIRE_BYTES
                         ? satchel_wire_set_add(arena, (satchel_type)field->element, read.bytes, out)
                         : SATCHEL_MALFORMED;
        }
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    return satchel_wire_set_finish(arena, out);
}

static satchel_status read_content(satchel_arena *arena, const satchel_field *field, const satchel_wire_field *content,
                                   satchel_value *out) {
    *out = satchel_value_null();
    out->type = (satchel_type)field->type;
    switch (out->type) {
    case SATCHEL_TYPE_BOOL: out->as.boolean = content->value != 0; return SATCHEL_OK;
    case SATCHEL_TYPE_INT:
    case SATCHEL_TYPE_TIME: out->as.integer = satchel_unzigzag(content->value); return SATCHEL_OK;
    case SATCHEL_TYPE_REAL: out->as.real = satchel_wire_real(content->value); return SATCHEL_OK;
    case SATCHEL_TYPE_SET: return read_set(arena, field, content->bytes, &out->as.set);
    default: return satchel_wire_value_of(out->type, content->bytes, out);
    }
}

satchel_status satchel_wire_custom_read(const satchel_schema *schema, uint32_t entity, satchel_bytes bytes,
                                        satchel_record *out, bool *out_known) {
    custom_value read = {0};
    satchel_value value;
    *out_known = false;
    satchel_status status = read_parts(bytes, &read);
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_field *field = satchel_schema_field(schema, entity, (uint32_t)read.number);
    if (field == NULL || read.kind == NULL) {
        return SATCHEL_OK;
    }
    if ((uint8_t)read.kind->type != field->type) {
        return SATCHEL_MALFORMED;
    }
    status = read_content(out->arena, field, &read.content, &value);
    *out_known = status == SATCHEL_OK;
    if (status != SATCHEL_OK || (value.type == SATCHEL_TYPE_SET && value.as.set.count == 0)) {
        return status;
    }
    return satchel_wire_record_put(out, (uint32_t)read.number, &value);
}

satchel_status satchel_custom_encode(const satchel_schema *schema, uint32_t entity, const satchel_record *record,
                                     satchel_buffer *out) {
    size_t start = out->bytes;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < record->count && status == SATCHEL_OK; i++) {
        if (record->fields[i].number >= SATCHEL_CUSTOM_FIELD_FIRST) {
            status = satchel_wire_custom_write(schema, entity, &record->fields[i], out);
        }
    }
    if (status == SATCHEL_OK && out->bytes - start > SATCHEL_LIMIT_RECORD_BYTES) {
        status = SATCHEL_LIMIT_EXCEEDED;
    }
    return satchel_wire_cut(out, start, status);
}

/* `record` keeps its tail and gets what was gathered behind it. */
static satchel_status join_tails(satchel_record *record, satchel_bytes before) {
    satchel_bytes after = record->tail;
    if (before.bytes == 0 || after.bytes == 0) {
        record->tail = before.bytes == 0 ? after : before;
        return SATCHEL_OK;
    }
    if (after.bytes > SATCHEL_LIMIT_TAIL_BYTES || before.bytes > SATCHEL_LIMIT_TAIL_BYTES - after.bytes) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    uint8_t *joined = satchel_arena_take(record->arena, before.bytes + after.bytes);
    if (joined == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    memcpy(joined, before.data, before.bytes);
    memcpy(joined + before.bytes, after.data, after.bytes);
    record->tail = satchel_bytes_of(joined, before.bytes + after.bytes);
    return SATCHEL_OK;
}

static satchel_status read_blob(const satchel_schema *schema, uint32_t entity, satchel_bytes bytes,
                                satchel_record *out) {
    satchel_reader reader = satchel_reader_of(bytes);
    satchel_wire_tail tail = {bytes, NULL};
    satchel_wire_field read = {0};
    bool found = true;
    while (found) {
        bool known = true;
        satchel_status status = satchel_wire_next(&reader, &read, &found);
        if (status == SATCHEL_OK && found) {
            bool fits = read.number == SATCHEL_FIELD_CUSTOM_LIST && read.type == SATCHEL_WIRE_BYTES;
            status = fits ? satchel_wire_custom_read(schema, entity, read.bytes, out, &known) : SATCHEL_MALFORMED;
        }
        if (status == SATCHEL_OK && !known) {
            status = satchel_wire_tail_add(&tail, out, read.raw);
        }
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    return SATCHEL_OK;
}

satchel_status satchel_custom_decode(const satchel_schema *schema, uint32_t entity, satchel_bytes bytes,
                                     satchel_record *out) {
    satchel_bytes before = out->tail;
    if (bytes.bytes > SATCHEL_LIMIT_RECORD_BYTES) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    satchel_status status = satchel_arena_copy(out->arena, bytes, &bytes);
    if (status != SATCHEL_OK) {
        return status;
    }
    out->tail = (satchel_bytes){NULL, 0};
    status = read_blob(schema, entity, bytes, out);
    if (status == SATCHEL_OK) {
        status = join_tails(out, before);
    }
    if (status != SATCHEL_OK) {
        out->tail = before;
    }
    return status;
}
