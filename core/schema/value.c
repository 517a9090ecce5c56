/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values: making, comparing, copying. The order is total over all values, so that ties are decided alike everywhere;
 * therefore -0.0 stands before 0.0 although they are equal as numbers.
 */
#include "schema/record.h"

#include "base/ids.h"

#include <math.h>
#include <string.h>

satchel_value satchel_value_bool(bool boolean) {
    satchel_value value = {SATCHEL_TYPE_BOOL, {.boolean = boolean}};
    return value;
}

satchel_value satchel_value_int(int64_t integer) {
    satchel_value value = {SATCHEL_TYPE_INT, {.integer = integer}};
    return value;
}

satchel_value satchel_value_real(double real) {
    satchel_value value = {SATCHEL_TYPE_REAL, {.real = real}};
    return value;
}

satchel_value satchel_value_time(int64_t unix_ms) {
    satchel_value value = {SATCHEL_TYPE_TIME, {.integer = unix_ms}};
    return value;
}

satchel_value satchel_value_text(satchel_text text) {
    satchel_value value = {SATCHEL_TYPE_TEXT, {.bytes = {(const uint8_t *)text.data, text.bytes}}};
    return value;
}

satchel_value satchel_value_bytes(satchel_bytes bytes) {
    satchel_value value = {SATCHEL_TYPE_BYTES, {.bytes = bytes}};
    return value;
}

satchel_value satchel_value_id(const satchel_id *id) {
    satchel_value value = {SATCHEL_TYPE_ID, {.id = *id}};
    return value;
}

satchel_value satchel_value_set(const satchel_bytes *sorted_elements, uint32_t count) {
    satchel_value value = {SATCHEL_TYPE_SET, {.set = {sorted_elements, count}}};
    return value;
}

static int compare_integers(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

static int compare_reals(double a, double b) {
    if (isnan(a) || isnan(b)) {
        return (isnan(b) != 0) - (isnan(a) != 0);
    }
    if (a < b || a > b) {
        return a > b ? 1 : -1;
    }
    return (signbit(b) != 0) - (signbit(a) != 0);
}

static int compare_sets(const satchel_set *a, const satchel_set *b) {
    uint32_t common = a->count < b->count ? a->count : b->count;
    for (uint32_t i = 0; i < common; i++) {
        int order = satchel_bytes_compare(a->elements[i], b->elements[i]);
        if (order != 0) {
            return order;
        }
    }
    return (a->count > b->count) - (a->count < b->count);
}

int satchel_value_compare(const satchel_value *a, const satchel_value *b) {
    if (a->type != b->type) {
        return a->type > b->type ? 1 : -1;
    }
    switch (a->type) {
    case SATCHEL_TYPE_BOOL: return a->as.boolean - b->as.boolean;
    case SATCHEL_TYPE_INT:
    case SATCHEL_TYPE_TIME: return compare_integers(a->as.integer, b->as.integer);
    case SATCHEL_TYPE_REAL: return compare_reals(a->as.real, b->as.real);
    case SATCHEL_TYPE_TEXT:
    case SATCHEL_TYPE_BYTES: return satchel_bytes_compare(a->as.bytes, b->as.bytes);
    case SATCHEL_TYPE_ID: return satchel_id_compare(&a->as.id, &b->as.id);
    case SATCHEL_TYPE_SET: return compare_sets(&a->as.set, &b->as.set);
    case SATCHEL_TYPE_NULL: break;
    }
    return 0;
}

bool satchel_value_equal(const satchel_value *a, const satchel_value *b) {
    return satchel_value_compare(a, b) == 0;
}

/* All elements in one block, so that a set costs two pieces of the arena. */
static satchel_status copy_set(satchel_arena *arena, const satchel_set *from, satchel_set *out) {
    size_t total = 0;
    for (uint32_t i = 0; i < from->count; i++) {
        if (from->elements[i].bytes > SIZE_MAX - total) {
            return SATCHEL_NO_MEMORY;
        }
        total += from->elements[i].bytes;
    }
    satchel_bytes *elements = satchel_arena_take_array(arena, from->count, sizeof *elements);
    uint8_t *block = satchel_arena_take(arena, total);
    if (elements == NULL || block == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (uint32_t i = 0; i < from->count; i++) {
        size_t bytes = from->elements[i].bytes;
        if (bytes > 0) {
            memcpy(block, from->elements[i].data, bytes);
        }
        elements[i] = (satchel_bytes){block, bytes};
        block += bytes;
    }
    *out = (satchel_set){elements, from->count};
    return SATCHEL_OK;
}

satchel_status satchel_value_copy(satchel_arena *arena, const satchel_value *from, satchel_value *out) {
    satchel_value copy = *from;
    satchel_status status = SATCHEL_OK;
    if (from->type == SATCHEL_TYPE_TEXT || from->type == SATCHEL_TYPE_BYTES) {
        status = satchel_arena_copy(arena, from->as.bytes, &copy.as.bytes);
    } else if (from->type == SATCHEL_TYPE_SET) {
        status = copy_set(arena, &from->as.set, &copy.as.set);
    }
    if (status == SATCHEL_OK) {
        *out = copy;
    }
    return status;
}
