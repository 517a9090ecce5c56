/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as the entity's own protobuf message, driven by the schema table.
 *
 * Order of the bytes: fields below 900, custom values (all under field 900, by their own number), fields above 900,
 * the raw tail. So equal records have equal bytes.
 */
#include "wire/record_codec.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "wire/record_parts.h"

/* The field of that number; `*hint` makes a walk in ascending order cheap. */
static const satchel_field *find(const satchel_entity *entity, uint32_t number, uint32_t *hint) {
    if (*hint == entity->field_count || entity->fields[*hint].number > number) {
        *hint = 0;
    }
    while (*hint < entity->field_count && entity->fields[*hint].number < number) {
        (*hint)++;
    }
    bool found = *hint < entity->field_count && entity->fields[*hint].number == number;
    return found ? &entity->fields[*hint] : NULL;
}

static satchel_status write_set(uint32_t number, const satchel_set *set, satchel_buffer *out) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < set->count && status == SATCHEL_OK; i++) {
        status = satchel_wire_put_bytes(out, number, set->elements[i]);
    }
    return status;
}

static satchel_status write_value(const satchel_field *field, const satchel_value *value, satchel_buffer *out) {
    bool zigzag = field->encoding == SATCHEL_ENCODING_ZIGZAG;
    satchel_status status = satchel_wire_value_check(field, value);
    if (status != SATCHEL_OK) {
        return status;
    }
    switch (value->type) {
    case SATCHEL_TYPE_BOOL: return satchel_wire_put_varint(out, field->number, value->as.boolean ? 1 : 0);
    case SATCHEL_TYPE_INT:
    case SATCHEL_TYPE_TIME:
        return satchel_wire_put_varint(out, field->number,
                                       zigzag ? satchel_zigzag(value->as.integer) : (uint64_t)value->as.integer);
    case SATCHEL_TYPE_REAL: return satchel_wire_put_fixed64(out, field->number, satchel_wire_bits(value->as.real));
    case SATCHEL_TYPE_TEXT:
    case SATCHEL_TYPE_BYTES: return satchel_wire_put_bytes(out, field->number, value->as.bytes);
    case SATCHEL_TYPE_ID: return satchel_wire_put_bytes(out, field->number, satchel_id_view(&value->as.id));
    case SATCHEL_TYPE_SET: return write_set(field->number, &value->as.set, out);
    default: return SATCHEL_WRONG_TYPE;
    }
}

/* Writes the model's own fields from `*index` on whose number is below `limit`; `*index` moves behind them. */
static satchel_status write_fields(const satchel_entity *entity, const satchel_record *record, uint32_t *index,
                                   uint32_t limit, satchel_buffer *out) {
    uint32_t hint = 0;
    satchel_status status = SATCHEL_OK;
    for (; *index < record->count && record->fields[*index].number < limit && status == SATCHEL_OK; (*index)++) {
        const satchel_field_value *held = &record->fields[*index];
        const satchel_field *field = find(entity, held->number, &hint);
        if (field == NULL) {
            status = SATCHEL_UNKNOWN_FIELD;
        } else if (held->value.type != SATCHEL_TYPE_NULL) {
            status = write_value(field, &held->value, out);
        }
    }
    return status;
}

static satchel_status write_custom(const satchel_schema *schema, uint32_t entity, const satchel_record *record,
                                   uint32_t index, satchel_buffer *out) {
    satchel_status status = SATCHEL_OK;
    for (; index < record->count && status == SATCHEL_OK; index++) {
        const satchel_field_value *held = &record->fields[index];
        if (held->number >= SATCHEL_CUSTOM_FIELD_FIRST) {
            status = satchel_wire_custom_write(schema, entity, held, out);
        }
    }
    return status;
}

static satchel_status write_record(const satchel_schema *schema, const satchel_entity *entity,
                                   const satchel_record *record, satchel_buffer *out) {
    uint32_t index = 0;
    satchel_status status = write_fields(entity, record, &index, SATCHEL_FIELD_CUSTOM_LIST, out);
    if (status == SATCHEL_OK) {
        status = write_custom(schema, entity->number, record, index, out);
    }
    if (status == SATCHEL_OK) {
        status = write_fields(entity, record, &index, SATCHEL_CUSTOM_FIELD_FIRST, out);
    }
    if (status == SATCHEL_OK && record->tail.bytes > SATCHEL_LIMIT_TAIL_BYTES) {
        status = SATCHEL_LIMIT_EXCEEDED;
    }
    return status == SATCHEL_OK ? satchel_buffer_append(out, record->tail) : status;
}

satchel_status satchel_record_encode(const satchel_schema *schema, uint32_t entity, const satchel_record *record,
                                     satchel_buffer *out) {
    size_t start = out->bytes;
    const satchel_entity *described = satchel_schema_entity(schema, entity);
    if (described == NULL) {
        return SATCHEL_UNKNOWN_ENTITY;
    }
    satchel_status status = write_record(schema, described, record, out);
    if (status == SATCHEL_OK && out->bytes - start > SATCHEL_LIMIT_RECORD_BYTES) {
        status = SATCHEL_LIMIT_EXCEEDED;
    }
    return satchel_wire_cut(out, start, status);
}

static satchel_wire_type wire_type(const satchel_field *field) {
    switch (field->encoding) {
    case SATCHEL_ENCODING_FIXED64: return SATCHEL_WIRE_FIXED64;
    case SATCHEL_ENCODING_BYTES: return SATCHEL_WIRE_BYTES;
    default: return SATCHEL_WIRE_VARINT;
    }
}

static satchel_status read_value(const satchel_field *field, const satchel_wire_field *read, satchel_value *out) {
    *out = satchel_value_null();
    out->type = (satchel_type)field->type;
    switch (out->type) {
    case SATCHEL_TYPE_BOOL: out->as.boolean = read->value != 0; return SATCHEL_OK;
    case SATCHEL_TYPE_INT:
    case SATCHEL_TYPE_TIME:
        out->as.integer =
            field->encoding == SATCHEL_ENCODING_ZIGZAG ? satchel_unzigzag(read->value) : (int64_t)read->value;
        return SATCHEL_OK;
    case SATCHEL_TYPE_REAL: out->as.real = satchel_wire_real(read->value); return SATCHEL_OK;
    default: return satchel_wire_value_of(out->type, read->bytes, out);
    }
}

static satchel_status read_element(const satchel_field *field, satchel_bytes element, satchel_record *out) {
    satchel_value value = {SATCHEL_TYPE_SET, {.set = {NULL, 0}}};
    const satchel_value *held = satchel_record_get(out, field->number);
    if (held != NULL) {
        value = *held;
    }
    satchel_status status = satchel_wire_set_add(out->arena, (satchel_type)field->element, element, &value.as.set);
    return status == SATCHEL_OK ? satchel_wire_record_put(out, field->number, &value) : status;
}

static satchel_status read_known(const satchel_field *field, const satchel_wire_field *read, satchel_record *out) {
    satchel_value value;
    if (read->type != wire_type(field)) {
        return SATCHEL_MALFORMED;
    }
    if (field->type == SATCHEL_TYPE_SET) {
        return read_element(field, read->bytes, out);
    }
    satchel_status status = read_value(field, read, &value);
    return status == SATCHEL_OK ? satchel_wire_record_put(out, field->number, &value) : status;
}

static satchel_status read_one(const satchel_schema *schema, const satchel_entity *entity,
                               const satchel_wire_field *read, uint32_t *hint, satchel_wire_tail *tail,
                               satchel_record *out) {
    if (read->number == SATCHEL_FIELD_CUSTOM_LIST) {
        bool known = false;
        if (read->type != SATCHEL_WIRE_BYTES) {
            return SATCHEL_MALFORMED;
        }
        satchel_status status = satchel_wire_custom_read(schema, entity->number, read->bytes, out, &known);
        return status == SATCHEL_OK && !known ? satchel_wire_tail_add(tail, out, read->raw) : status;
    }
    const satchel_field *field = find(entity, read->number, hint);
    return field != NULL ? read_known(field, read, out) : satchel_wire_tail_add(tail, out, read->raw);
}

static satchel_status finish_sets(satchel_record *record) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < record->count && status == SATCHEL_OK; i++) {
        satchel_value *value = &record->fields[i].value;
        if (value->type == SATCHEL_TYPE_SET) {
            status = satchel_wire_set_finish(record->arena, &value->as.set);
        }
    }
    return status;
}

static satchel_status read_record(const satchel_schema *schema, const satchel_entity *entity, satchel_bytes bytes,
                                  satchel_record *out, satchel_error *error) {
    satchel_reader reader = satchel_reader_of(bytes);
    satchel_wire_tail tail = {bytes, NULL};
    satchel_wire_field read = {0};
    uint32_t hint = 0;
    for (;;) {
        bool found = false;
        satchel_status status = satchel_wire_next(&reader, &read, &found);
        if (status == SATCHEL_OK && found) {
            status = read_one(schema, entity, &read, &hint, &tail, out);
        }
        if (status != SATCHEL_OK) {
            return satchel_fail_field(error, status, entity->number, read.number, "record: bad field at byte %zu",
                                      reader.at);
        }
        if (!found) {
            break;
        }
    }
    satchel_status status = finish_sets(out);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "record: a set cannot be sorted");
}

satchel_status satchel_record_decode(const satchel_schema *schema, uint32_t entity, satchel_bytes bytes, bool borrow,
                                     satchel_record *out, satchel_error *error) {
    const satchel_entity *described = satchel_schema_entity(schema, entity);
    out->count = 0;
    out->tail = (satchel_bytes){NULL, 0};
    if (described == NULL) {
        return satchel_fail(error, SATCHEL_UNKNOWN_ENTITY, "record: no entity %u", entity);
    }
    if (bytes.bytes > SATCHEL_LIMIT_RECORD_BYTES) {
        return satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "record: %zu bytes", bytes.bytes);
    }
    /* One copy of the whole is cheaper than one a value. */
    if (!borrow && satchel_arena_copy(out->arena, bytes, &bytes) != SATCHEL_OK) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "record: %zu bytes", bytes.bytes);
    }
    satchel_status status = read_record(schema, described, bytes, out, error);
    if (status != SATCHEL_OK) {
        out->count = 0;
        out->tail = (satchel_bytes){NULL, 0};
    }
    return status;
}
