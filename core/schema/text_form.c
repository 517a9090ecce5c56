/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text forms of values, one reader and one writer a type. They are the same in every locale.
 */
#include "schema/text_form.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/times.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REAL_TEXT_BYTES 64
#define QUANTITY_SCALE 3
#define ELEMENT_SEPARATOR ';'

static satchel_status read_bool(satchel_text text, satchel_value *out) {
    bool yes = satchel_text_is(text, "true") || satchel_text_is(text, "1");
    if (!yes && !satchel_text_is(text, "false") && !satchel_text_is(text, "0")) {
        return SATCHEL_MALFORMED;
    }
    *out = satchel_value_bool(yes);
    return SATCHEL_OK;
}

static satchel_status read_int(const satchel_field *field, satchel_text text, satchel_value *out) {
    int64_t integer = 0;
    satchel_status status = SATCHEL_OK;
    const satchel_choice *choice = field->choices != NULL ? satchel_field_choice_named(field, text) : NULL;
    if (choice != NULL) {
        integer = choice->value;
    } else if (field->unit == SATCHEL_UNIT_DAYS && satchel_day_read(text, &integer) == SATCHEL_OK) {
        status = SATCHEL_OK;
    } else if (field->unit == SATCHEL_UNIT_QUANTITY_E3) {
        status = satchel_text_to_fixed(text, QUANTITY_SCALE, &integer);
    } else {
        status = satchel_text_to_int(text, &integer);
    }
    if (status == SATCHEL_OK) {
        *out = satchel_value_int(integer);
    }
    return status;
}

/*
 * The C library reads and writes the decimal point of the locale that the host program has set, which may be several
 * bytes; people get a point. Gives its bytes as they stand in "0.5".
 */
static size_t decimal_point(char point[REAL_TEXT_BYTES]) {
    char half[REAL_TEXT_BYTES];
    int length = snprintf(half, sizeof half, "%.1f", 0.5);
    size_t bytes = length > 2 && (size_t)length < sizeof half ? (size_t)length - 2 : 0;
    memcpy(point, half + 1, bytes);
    return bytes;
}

static satchel_status read_real(satchel_text text, satchel_value *out) {
    char point[REAL_TEXT_BYTES], copy[2 * REAL_TEXT_BYTES];
    size_t point_bytes = decimal_point(point), bytes = 0;
    bool pointed = false;
    if (text.bytes == 0 || text.bytes >= REAL_TEXT_BYTES) {
        return SATCHEL_MALFORMED;
    }
    for (size_t i = 0; i < text.bytes; i++) {
        char c = text.data[i];
        if (c == '.' && !pointed) {
            memcpy(copy + bytes, point, point_bytes);
            bytes += point_bytes;
            pointed = true;
        } else if ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == 'e' || c == 'E') {
            copy[bytes++] = c;
        } else {
            return SATCHEL_MALFORMED;
        }
    }
    copy[bytes] = '\0';
    char *end = NULL;
    double real = strtod(copy, &end);
    if (end != copy + bytes || !isfinite(real)) {
        return SATCHEL_MALFORMED;
    }
    *out = satchel_value_real(real);
    return SATCHEL_OK;
}

static satchel_status read_time(satchel_text text, satchel_value *out) {
    int64_t unix_ms = 0;
    satchel_status status = satchel_time_read(text, &unix_ms);
    if (status != SATCHEL_OK) {
        status = satchel_text_to_int(text, &unix_ms);
    }
    if (status == SATCHEL_OK) {
        *out = satchel_value_time(unix_ms);
    }
    return status;
}

static satchel_status read_bytes(satchel_text text, satchel_arena *arena, satchel_value *out) {
    size_t bytes = text.bytes / 2;
    uint8_t *data = satchel_arena_take(arena, bytes);
    if (data == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    satchel_status status = satchel_hex_read(text, data, bytes);
    if (status == SATCHEL_OK) {
        *out = satchel_value_bytes(satchel_bytes_of(data, bytes));
    }
    return status;
}

static satchel_status read_text(satchel_text text, satchel_arena *arena, satchel_value *out) {
    if (!satchel_text_valid(text)) {
        return SATCHEL_BAD_TEXT;
    }
    satchel_bytes copy;
    satchel_status status = satchel_arena_copy(arena, satchel_text_bytes(text), &copy);
    if (status == SATCHEL_OK) {
        *out = satchel_value_text(satchel_text_from(copy));
    }
    return status;
}

static satchel_status read_id(satchel_text text, satchel_value *out) {
    satchel_id id;
    satchel_status status = satchel_id_read(text, &id);
    if (status == SATCHEL_OK) {
        *out = satchel_value_id(&id);
    }
    return status;
}

/* One element as the bytes that a set holds. */
static satchel_status read_element(const satchel_field *field, satchel_text text, satchel_arena *arena,
                                   satchel_bytes *out) {
    satchel_value value;
    if (field->element == SATCHEL_TYPE_ID) {
        satchel_status status = read_id(text, &value);
        return status == SATCHEL_OK ? satchel_arena_copy(arena, satchel_id_view(&value.as.id), out) : status;
    }
    satchel_status status = read_text(text, arena, &value);
    if (status == SATCHEL_OK) {
        *out = value.as.bytes;
    }
    return status;
}

static satchel_status read_set(const satchel_field *field, satchel_text text, satchel_arena *arena,
                               satchel_value *out) {
    satchel_bytes *elements = satchel_arena_take_array(arena, SATCHEL_LIMIT_SET_ELEMENTS, sizeof *elements);
    uint32_t count = 0;
    size_t at = 0;
    if (elements == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    while (at <= text.bytes) {
        const char *start = text.data + at;
        const char *end = memchr(start, ELEMENT_SEPARATOR, text.bytes - at);
        size_t bytes = end != NULL ? (size_t)(end - start) : text.bytes - at;
        satchel_text element = satchel_text_trim((satchel_text){start, bytes});
        at += bytes + 1;
        if (element.bytes == 0) {
            continue;
        }
        if (count == SATCHEL_LIMIT_SET_ELEMENTS) {
            return SATCHEL_LIMIT_EXCEEDED;
        }
        satchel_status status = read_element(field, element, arena, &elements[count]);
        if (status != SATCHEL_OK) {
            return status;
        }
        count++;
    }
    satchel_set set;
    satchel_status status = satchel_set_sort(arena, elements, count, &set);
    if (status == SATCHEL_OK) {
        *out = satchel_value_set(set.elements, set.count);
    }
    return status;
}

static satchel_status read_typed(const satchel_field *field, satchel_text text, satchel_arena *arena,
                                 satchel_value *out) {
    switch ((satchel_type)field->type) {
    case SATCHEL_TYPE_BOOL: return read_bool(text, out);
    case SATCHEL_TYPE_INT: return read_int(field, text, out);
    case SATCHEL_TYPE_REAL: return read_real(text, out);
    case SATCHEL_TYPE_TIME: return read_time(text, out);
    case SATCHEL_TYPE_BYTES: return read_bytes(text, arena, out);
    case SATCHEL_TYPE_ID: return read_id(text, out);
    case SATCHEL_TYPE_SET: return read_set(field, text, arena, out);
    case SATCHEL_TYPE_TEXT: return read_text(text, arena, out);
    case SATCHEL_TYPE_NULL: break;
    }
    return SATCHEL_WRONG_TYPE;
}

satchel_status satchel_value_from_text(const satchel_field *field, satchel_text text, satchel_arena *arena,
                                       satchel_value *out, satchel_error *error) {
    *out = satchel_value_null();
    if (text.bytes == 0) {
        return SATCHEL_OK;
    }
    satchel_status status = read_typed(field, text, arena, out);
    if (status != SATCHEL_OK) {
        *out = satchel_value_null();
        return satchel_fail_field(error, status, 0, field->number, "%s: the text is not a value of this field",
                                  field->name);
    }
    return SATCHEL_OK;
}

static satchel_status append_text(satchel_buffer *out, const char *zero_terminated) {
    return satchel_buffer_append(out, satchel_text_bytes(satchel_text_of(zero_terminated)));
}

static satchel_status write_int(const satchel_field *field, int64_t integer, satchel_buffer *out) {
    const satchel_choice *choice = field->choices != NULL ? satchel_field_choice(field, integer) : NULL;
    char text[SATCHEL_FIXED_TEXT_BYTES];
    if (choice != NULL) {
        return append_text(out, choice->name);
    }
    if (field->unit == SATCHEL_UNIT_DAYS) {
        int64_t again = 0;
        satchel_day_write(integer, text);
        if (satchel_day_read(satchel_text_of(text), &again) == SATCHEL_OK) {
            return append_text(out, text);
        }
    }
    satchel_text_from_fixed(integer, field->unit == SATCHEL_UNIT_QUANTITY_E3 ? QUANTITY_SCALE : 0, text);
    return append_text(out, text);
}

/* A wall clock may say anything: a moment outside the years that RFC 3339 has is its number of ms. */
static satchel_status write_time(int64_t unix_ms, satchel_buffer *out) {
    char text[SATCHEL_TIME_TEXT_BYTES];
    int64_t again = 0;
    satchel_time_write(unix_ms, text);
    if (satchel_time_read(satchel_text_of(text), &again) != SATCHEL_OK) {
        satchel_text_from_fixed(unix_ms, 0, text);
    }
    return append_text(out, text);
}

static satchel_status write_real(double real, satchel_buffer *out) {
    char point[REAL_TEXT_BYTES], text[REAL_TEXT_BYTES];
    size_t point_bytes = decimal_point(point);
    snprintf(text, sizeof text, "%.17g", real);
    char *found = point_bytes > 0 ? memchr(text, point[0], strlen(text)) : NULL;
    if (found != NULL) {
        memmove(found + 1, found + point_bytes, strlen(found + point_bytes) + 1);
        *found = '.';
    }
    return append_text(out, text);
}

static satchel_status write_id(const satchel_id *id, satchel_buffer *out) {
    char text[SATCHEL_ID_TEXT_BYTES];
    satchel_id_write(id, text);
    return append_text(out, text);
}

static satchel_status write_hex(satchel_bytes bytes, satchel_buffer *out) {
    satchel_status status = satchel_buffer_reserve(out, bytes.bytes * 2 + 1);
    if (status == SATCHEL_OK) {
        satchel_hex_write(bytes, (char *)out->data + out->bytes);
        out->bytes += bytes.bytes * 2;
    }
    return status;
}

static satchel_status write_set(const satchel_field *field, const satchel_set *set, satchel_buffer *out) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < set->count && status == SATCHEL_OK; i++) {
        if (i > 0) {
            status = satchel_buffer_append_byte(out, ELEMENT_SEPARATOR);
        }
        satchel_id id;
        if (status != SATCHEL_OK) {
            break;
        }
        if (field->element == SATCHEL_TYPE_ID && satchel_id_from(set->elements[i], &id) == SATCHEL_OK) {
            status = write_id(&id, out);
        } else {
            status = satchel_buffer_append(out, set->elements[i]);
        }
    }
    return status;
}

satchel_status satchel_value_to_text(const satchel_field *field, const satchel_value *value, satchel_buffer *out) {
    switch (value->type) {
    case SATCHEL_TYPE_NULL: return SATCHEL_OK;
    case SATCHEL_TYPE_BOOL: return append_text(out, value->as.boolean ? "true" : "false");
    case SATCHEL_TYPE_INT: return write_int(field, value->as.integer, out);
    case SATCHEL_TYPE_REAL: return write_real(value->as.real, out);
    case SATCHEL_TYPE_TEXT: return satchel_buffer_append(out, value->as.bytes);
    case SATCHEL_TYPE_BYTES: return write_hex(value->as.bytes, out);
    case SATCHEL_TYPE_ID: return write_id(&value->as.id, out);
    case SATCHEL_TYPE_SET: return write_set(field, &value->as.set, out);
    case SATCHEL_TYPE_TIME: return write_time(value->as.integer, out);
    }
    return SATCHEL_WRONG_TYPE;
}
