/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records: a sorted array of field values in an arena. It assumes that whoever fills `fields` by hand keeps it sorted.
 * A failed call leaves the record as it was.
 */
#include "schema/record.h"

#include "base/limits.h"

#include <string.h>

#define FIRST_CAPACITY 8u

void satchel_record_init(satchel_record *record, satchel_arena *arena) {
    memset(record, 0, sizeof *record);
    record->arena = arena;
}

/* Index of the field, or of the place where it belongs. */
static uint32_t place_of(const satchel_record *record, uint32_t number) {
    uint32_t low = 0, high = record->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (record->fields[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool holds_at(const satchel_record *record, uint32_t place, uint32_t number) {
    return place < record->count && record->fields[place].number == number;
}

satchel_status satchel_record_make_room(satchel_record *record) {
    if (record->count >= SATCHEL_LIMIT_FIELDS_PER_RECORD) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    if (record->count < record->capacity) {
        return SATCHEL_OK;
    }
    uint32_t capacity = record->capacity == 0 ? FIRST_CAPACITY : record->capacity * 2;
    satchel_field_value *fields = satchel_arena_take_array(record->arena, capacity, sizeof *fields);
    if (fields == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    if (record->count > 0) {
        memcpy(fields, record->fields, record->count * sizeof *fields);
    }
    record->fields = fields;
    record->capacity = capacity;
    return SATCHEL_OK;
}

satchel_status satchel_record_set(satchel_record *record, uint32_t number, const satchel_value *value) {
    uint32_t place = place_of(record, number);
    bool held = holds_at(record, place, number);
    satchel_value copy = satchel_value_null();
    /* The copy comes first: `value` may lie in this record. */
    satchel_status status = satchel_value_copy(record->arena, value, &copy);
    if (status == SATCHEL_OK && !held) {
        status = satchel_record_make_room(record);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    if (!held) {
        memmove(&record->fields[place + 1], &record->fields[place], (record->count - place) * sizeof *record->fields);
        record->count++;
        record->fields[place].number = number;
    }
    record->fields[place].value = copy;
    return SATCHEL_OK;
}

satchel_status satchel_record_set_int(satchel_record *record, uint32_t number, int64_t integer) {
    satchel_value value = satchel_value_int(integer);
    return satchel_record_set(record, number, &value);
}

satchel_status satchel_record_set_time(satchel_record *record, uint32_t number, int64_t unix_ms) {
    satchel_value value = satchel_value_time(unix_ms);
    return satchel_record_set(record, number, &value);
}

satchel_status satchel_record_set_bool(satchel_record *record, uint32_t number, bool boolean) {
    satchel_value value = satchel_value_bool(boolean);
    return satchel_record_set(record, number, &value);
}

satchel_status satchel_record_set_text(satchel_record *record, uint32_t number, satchel_text text) {
    satchel_value value = satchel_value_text(text);
    return satchel_record_set(record, number, &value);
}

satchel_status satchel_record_set_id(satchel_record *record, uint32_t number, const satchel_id *id) {
    satchel_value value = satchel_value_id(id);
    return satchel_record_set(record, number, &value);
}

const satchel_value *satchel_record_get(const satchel_record *record, uint32_t number) {
    uint32_t place = place_of(record, number);
    return holds_at(record, place, number) ? &record->fields[place].value : NULL;
}

int64_t satchel_record_int(const satchel_record *record, uint32_t number, int64_t otherwise) {
    const satchel_value *value = satchel_record_get(record, number);
    if (value == NULL) {
        return otherwise;
    }
    if (value->type == SATCHEL_TYPE_BOOL) {
        return value->as.boolean;
    }
    bool whole = value->type == SATCHEL_TYPE_INT || value->type == SATCHEL_TYPE_TIME;
    return whole ? value->as.integer : otherwise;
}

satchel_text satchel_record_text(const satchel_record *record, uint32_t number) {
    const satchel_value *value = satchel_record_get(record, number);
    satchel_text text = {NULL, 0};
    if (value != NULL && value->type == SATCHEL_TYPE_TEXT) {
        text.data = (const char *)value->as.bytes.data;
        text.bytes = value->as.bytes.bytes;
    }
    return text;
}

satchel_id satchel_record_id(const satchel_record *record, uint32_t number) {
    const satchel_value *value = satchel_record_get(record, number);
    satchel_id id = {{0}};
    if (value != NULL && value->type == SATCHEL_TYPE_ID) {
        id = value->as.id;
    }
    return id;
}

void satchel_record_remove(satchel_record *record, uint32_t number) {
    uint32_t place = place_of(record, number);
    if (holds_at(record, place, number)) {
        record->count--;
        memmove(&record->fields[place], &record->fields[place + 1], (record->count - place) * sizeof *record->fields);
    }
}

satchel_status satchel_record_copy(const satchel_record *from, satchel_record *out) {
    satchel_record copy;
    satchel_status status = SATCHEL_OK;
    if (from == out) {
        return SATCHEL_OK;
    }
    satchel_record_init(&copy, out->arena);
    if (from->count > 0) {
        copy.fields = satchel_arena_take_array(copy.arena, from->count, sizeof *copy.fields);
        if (copy.fields == NULL) {
            return SATCHEL_NO_MEMORY;
        }
        copy.capacity = from->count;
    }
    for (uint32_t i = 0; i < from->count && status == SATCHEL_OK; i++) {
        copy.fields[i].number = from->fields[i].number;
        status = satchel_value_copy(copy.arena, &from->fields[i].value, &copy.fields[i].value);
        copy.count++;
    }
    if (status == SATCHEL_OK && from->tail.bytes > 0) {
        status = satchel_arena_copy(copy.arena, from->tail, &copy.tail);
    }
    if (status == SATCHEL_OK) {
        *out = copy;
    }
    return status;
}

bool satchel_record_equal(const satchel_record *a, const satchel_record *b) {
    if (a->count != b->count || !satchel_bytes_equal(a->tail, b->tail)) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->fields[i].number != b->fields[i].number ||
            !satchel_value_equal(&a->fields[i].value, &b->fields[i].value)) {
            return false;
        }
    }
    return true;
}
