/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single values and sets as stored in columns and journals: our own form, one encoding a value.
 *
 *   value   [type varint][content]        set   [count varint] and, an element, [bytes varint][bytes]
 *   content NULL nothing · BOOL 1 byte · INT, TIME zigzag varint · REAL 8 bytes, big-endian · ID 16 bytes
 *           TEXT, BYTES [bytes varint][bytes] · SET as above
 */
#include "base/ids.h"
#include "base/limits.h"
#include "base/text.h"
#include "wire/fields.h"
#include "wire/record_codec.h"

#define REAL_BYTES 8

static satchel_status write_counted(satchel_bytes bytes, size_t limit, satchel_buffer *out) {
    if (bytes.bytes > limit) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    satchel_status status = satchel_buffer_append_varint(out, bytes.bytes);
    return status == SATCHEL_OK ? satchel_buffer_append(out, bytes) : status;
}

static satchel_status read_counted(satchel_reader *reader, size_t limit, satchel_bytes *out) {
    uint64_t bytes = 0;
    satchel_status status = satchel_reader_varint(reader, &bytes);
    if (status != SATCHEL_OK) {
        return status;
    }
    return bytes > limit ? SATCHEL_LIMIT_EXCEEDED : satchel_reader_take(reader, (size_t)bytes, out);
}

static satchel_status write_set(const satchel_set *set, satchel_buffer *out) {
    if (set->count > SATCHEL_LIMIT_SET_ELEMENTS) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    satchel_status status = satchel_buffer_append_varint(out, set->count);
    for (uint32_t i = 0; i < set->count && status == SATCHEL_OK; i++) {
        status = write_counted(set->elements[i], SATCHEL_LIMIT_SET_ELEMENT_BYTES, out);
    }
    return status;
}

static satchel_status read_set(satchel_reader *reader, satchel_arena *arena, satchel_set *out) {
    uint64_t count = 0;
    satchel_status status = satchel_reader_varint(reader, &count);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (count > SATCHEL_LIMIT_SET_ELEMENTS) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    satchel_bytes *elements = satchel_arena_take_array(arena, (size_t)count, sizeof *elements);
    if (elements == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (uint64_t i = 0; i < count; i++) {
        satchel_bytes element;
        status = read_counted(reader, SATCHEL_LIMIT_SET_ELEMENT_BYTES, &element);
        if (status != SATCHEL_OK) {
            return status;
        }
        if (i > 0 && satchel_bytes_compare(elements[i - 1], element) >= 0) {
            return SATCHEL_MALFORMED;
        }
        status = satchel_arena_copy(arena, element, &elements[i]);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    *out = (satchel_set){elements, (uint32_t)count};
    return SATCHEL_OK;
}

satchel_status satchel_set_encode(const satchel_set *set, satchel_buffer *out) {
    size_t start = out->bytes;
    return satchel_wire_cut(out, start, write_set(set, out));
}

satchel_status satchel_set_decode(satchel_bytes bytes, satchel_arena *arena, satchel_set *out) {
    satchel_reader reader = satchel_reader_of(bytes);
    satchel_status status = read_set(&reader, arena, out);
    if (status == SATCHEL_OK && satchel_reader_left(&reader) > 0) {
        status = SATCHEL_MALFORMED;
    }
    return status;
}

static satchel_status write_real(double real, satchel_buffer *out) {
    uint8_t bytes[REAL_BYTES];
    satchel_put_u64be(bytes, satchel_wire_bits(real));
    return satchel_buffer_append(out, satchel_bytes_of(bytes, sizeof bytes));
}

static satchel_status write_content(const satchel_value *value, satchel_buffer *out) {
    switch (value->type) {
    case SATCHEL_TYPE_NULL: return SATCHEL_OK;
    case SATCHEL_TYPE_BOOL: return satchel_buffer_append_byte(out, value->as.boolean ? 1 : 0);
    case SATCHEL_TYPE_INT:
    case SATCHEL_TYPE_TIME: return satchel_buffer_append_varint(out, satchel_zigzag(value->as.integer));
    case SATCHEL_TYPE_REAL: return write_real(value->as.real, out);
    case SATCHEL_TYPE_TEXT:
    case SATCHEL_TYPE_BYTES: return write_counted(value->as.bytes, SATCHEL_LIMIT_TEXT_BYTES, out);
    case SATCHEL_TYPE_ID: return satchel_buffer_append(out, satchel_id_view(&value->as.id));
    case SATCHEL_TYPE_SET: return write_set(&value->as.set, out);
    default: return SATCHEL_WRONG_TYPE;
    }
}

satchel_status satchel_value_encode(const satchel_value *value, satchel_buffer *out) {
    size_t start = out->bytes;
    satchel_status status = satchel_buffer_append_varint(out, (uint64_t)value->type);
    if (status == SATCHEL_OK) {
        status = write_content(value, out);
    }
    return satchel_wire_cut(out, start, status);
}

static satchel_status read_bool(satchel_reader *reader, bool *out) {
    uint8_t byte = 0;
    satchel_status status = satchel_reader_byte(reader, &byte);
    *out = byte == 1;
    return status == SATCHEL_OK && byte > 1 ? SATCHEL_MALFORMED : status;
}

static satchel_status read_integer(satchel_reader *reader, int64_t *out) {
    uint64_t zigzag = 0;
    satchel_status status = satchel_reader_varint(reader, &zigzag);
    *out = satchel_unzigzag(zigzag);
    return status;
}

static satchel_status read_real(satchel_reader *reader, double *out) {
    satchel_bytes bytes;
    satchel_status status = satchel_reader_take(reader, REAL_BYTES, &bytes);
    if (status == SATCHEL_OK) {
        *out = satchel_wire_real(satchel_get_u64be(bytes.data));
    }
    return status;
}

static satchel_status read_bytes(satchel_reader *reader, satchel_arena *arena, bool text, satchel_bytes *out) {
    satchel_bytes bytes;
    satchel_status status = read_counted(reader, SATCHEL_LIMIT_TEXT_BYTES, &bytes);
    if (status == SATCHEL_OK && text && !satchel_text_valid(satchel_text_from(bytes))) {
        status = SATCHEL_BAD_TEXT;
    }
    return status == SATCHEL_OK ? satchel_arena_copy(arena, bytes, out) : status;
}

static satchel_status read_id(satchel_reader *reader, satchel_id *out) {
    satchel_bytes bytes;
    satchel_status status = satchel_reader_take(reader, SATCHEL_ID_BYTES, &bytes);
    return status == SATCHEL_OK ? satchel_id_from(bytes, out) : status;
}

satchel_status satchel_value_decode(satchel_reader *reader, satchel_arena *arena, satchel_value *out) {
    uint64_t type = 0;
    *out = satchel_value_null();
    satchel_status status = satchel_reader_varint(reader, &type);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (type > SATCHEL_TYPE_TIME) {
        return SATCHEL_MALFORMED;
    }
    out->type = (satchel_type)type;
    switch (out->type) {
    case SATCHEL_TYPE_BOOL: return read_bool(reader, &out->as.boolean);
    case SATCHEL_TYPE_INT:
    case SATCHEL_TYPE_TIME: return read_integer(reader, &out->as.integer);
    case SATCHEL_TYPE_REAL: return read_real(reader, &out->as.real);
    case SATCHEL_TYPE_TEXT:
    case SATCHEL_TYPE_BYTES: return read_bytes(reader, arena, out->type == SATCHEL_TYPE_TEXT, &out->as.bytes);
    case SATCHEL_TYPE_ID: return read_id(reader, &out->as.id);
    case SATCHEL_TYPE_SET: return read_set(reader, arena, &out->as.set);
    default: return SATCHEL_OK;
    }
}
