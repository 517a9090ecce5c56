/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting values, sets and tails together while a record is read, without copying what they point to.
 */
#include "wire/record_parts.h"

#include "base/ids.h"
#include "base/limits.h"
#include "base/text.h"

#include <string.h>

#define ELEMENTS_FIRST 4u

satchel_status satchel_wire_record_put(satchel_record *record, uint32_t number, const satchel_value *value) {
    uint32_t at = record->count;
    while (at > 0 && record->fields[at - 1].number >= number) {
        at--;
    }
    if (at < record->count && record->fields[at].number == number) {
        record->fields[at].value = *value;
        return SATCHEL_OK;
    }
    satchel_status status = satchel_record_make_room(record);
    if (status != SATCHEL_OK) {
        return status;
    }
    memmove(record->fields + at + 1, record->fields + at, (record->count - at) * sizeof *record->fields);
    record->fields[at] = (satchel_field_value){number, *value};
    record->count++;
    return SATCHEL_OK;
}

static satchel_status check_element(satchel_type type, satchel_bytes element) {
    if (element.bytes > SATCHEL_LIMIT_SET_ELEMENT_BYTES) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    if (type == SATCHEL_TYPE_ID) {
        return element.bytes == SATCHEL_ID_BYTES ? SATCHEL_OK : SATCHEL_MALFORMED;
    }
    if (type == SATCHEL_TYPE_TEXT && !satchel_text_valid(satchel_text_from(element))) {
        return SATCHEL_BAD_TEXT;
    }
    return SATCHEL_OK;
}

/* The room of a set being read is the power of two that its count has reached, so it needs no field of its own. */
satchel_status satchel_wire_set_add(satchel_arena *arena, satchel_type element_type, satchel_bytes element,
                                    satchel_set *set) {
    satchel_status status = check_element(element_type, element);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (set->count >= SATCHEL_LIMIT_SET_ELEMENTS) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    bool full = set->count == 0 || (set->count >= ELEMENTS_FIRST && (set->count & (set->count - 1)) == 0);
    satchel_bytes *elements = (satchel_bytes *)(uintptr_t)set->elements; /* taken below, so writable */
    if (full) {
        uint32_t capacity = set->count == 0 ? ELEMENTS_FIRST : set->count * 2;
        elements = satchel_arena_take_array(arena, capacity, sizeof *elements);
        if (elements == NULL) {
            return SATCHEL_NO_MEMORY;
        }
        if (set->count > 0) {
            memcpy(elements, set->elements, set->count * sizeof *elements);
        }
        set->elements = elements;
    }
    elements[set->count++] = element;
    return SATCHEL_OK;
}

satchel_status satchel_wire_set_finish(satchel_arena *arena, satchel_set *set) {
    for (uint32_t i = 1; i < set->count; i++) {
        if (satchel_bytes_compare(set->elements[i - 1], set->elements[i]) >= 0) {
            satchel_set read = *set;
            return satchel_set_sort(arena, read.elements, read.count, set);
        }
    }
    return SATCHEL_OK;
}

satchel_status satchel_wire_value_of(satchel_type type, satchel_bytes bytes, satchel_value *out) {
    out->type = type;
    if (type == SATCHEL_TYPE_ID) {
        return satchel_id_from(bytes, &out->as.id);
    }
    if (bytes.bytes > SATCHEL_LIMIT_TEXT_BYTES) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    if (type == SATCHEL_TYPE_TEXT && !satchel_text_valid(satchel_text_from(bytes))) {
        return SATCHEL_BAD_TEXT;
    }
    out->as.bytes = bytes;
    return SATCHEL_OK;
}

satchel_status satchel_wire_value_check(const satchel_field *field, const satchel_value *value) {
    if ((uint8_t)value->type != field->type) {
        return SATCHEL_WRONG_TYPE;
    }
    if (value->type == SATCHEL_TYPE_TEXT || value->type == SATCHEL_TYPE_BYTES) {
        return value->as.bytes.bytes > SATCHEL_LIMIT_TEXT_BYTES ? SATCHEL_LIMIT_EXCEEDED : SATCHEL_OK;
    }
    if (value->type != SATCHEL_TYPE_SET) {
        return SATCHEL_OK;
    }
    if (value->as.set.count > SATCHEL_LIMIT_SET_ELEMENTS) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    for (uint32_t i = 0; i < value->as.set.count; i++) {
        satchel_bytes element = value->as.set.elements[i];
        if (element.bytes > SATCHEL_LIMIT_SET_ELEMENT_BYTES) {
            return SATCHEL_LIMIT_EXCEEDED;
        }
        if (field->element == SATCHEL_TYPE_ID && element.bytes != SATCHEL_ID_BYTES) {
            return SATCHEL_WRONG_TYPE;
        }
    }
    return SATCHEL_OK;
}

satchel_status satchel_wire_tail_add(satchel_wire_tail *tail, satchel_record *record, satchel_bytes raw) {
    satchel_bytes *held = &record->tail;
    if (raw.bytes > SATCHEL_LIMIT_TAIL_BYTES - held->bytes) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    if (held->bytes == 0) {
        *held = raw;
        return SATCHEL_OK;
    }
    if (tail->gathered == NULL) {
        if (held->data + held->bytes == raw.data) {
            held->bytes += raw.bytes;
            return SATCHEL_OK;
        }
        tail->gathered = satchel_arena_take(record->arena, tail->whole.bytes);
        if (tail->gathered == NULL) {
            return SATCHEL_NO_MEMORY;
        }
        memcpy(tail->gathered, held->data, held->bytes);
        held->data = tail->gathered;
    }
    memcpy(tail->gathered + held->bytes, raw.data, raw.bytes);
    held->bytes += raw.bytes;
    return SATCHEL_OK;
}
