/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Algebra of canonical sets. Results are copied, so they live as long as the arena that was given and no longer need
 * their inputs.
 */
#include "schema/record.h"

#include "base/limits.h"

#include <stdlib.h>

static int compare_elements(const void *a, const void *b) {
    const satchel_bytes *left = a;
    const satchel_bytes *right = b;
    return satchel_bytes_compare(*left, *right);
}

/* Copies borrowed, canonical elements into the arena. */
static satchel_status keep(satchel_arena *arena, const satchel_bytes *elements, uint32_t count, satchel_set *out) {
    if (count > SATCHEL_LIMIT_SET_ELEMENTS) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    satchel_value borrowed = satchel_value_set(elements, count);
    satchel_value copy = satchel_value_null();
    satchel_status status = satchel_value_copy(arena, &borrowed, &copy);
    if (status == SATCHEL_OK) {
        *out = copy.as.set;
    }
    return status;
}

satchel_status satchel_set_sort(satchel_arena *arena, const satchel_bytes *elements, uint32_t count, satchel_set *out) {
    satchel_bytes *sorted = satchel_arena_take_array(arena, count, sizeof *sorted);
    uint32_t distinct = 0;
    if (sorted == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = elements[i];
    }
    qsort(sorted, count, sizeof *sorted, compare_elements);
    for (uint32_t i = 0; i < count; i++) {
        if (distinct == 0 || !satchel_bytes_equal(sorted[distinct - 1], sorted[i])) {
            sorted[distinct++] = sorted[i];
        }
    }
    return keep(arena, sorted, distinct, out);
}

satchel_status satchel_set_union(satchel_arena *arena, const satchel_set *a, const satchel_set *b, satchel_set *out) {
    satchel_bytes *merged = satchel_arena_take_array(arena, (size_t)a->count + b->count, sizeof *merged);
    uint32_t i = 0, k = 0, count = 0;
    if (merged == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    while (i < a->count || k < b->count) {
        int order = i == a->count ? 1 : k == b->count ? -1 : satchel_bytes_compare(a->elements[i], b->elements[k]);
        merged[count++] = order <= 0 ? a->elements[i] : b->elements[k];
        i += order <= 0;
        k += order >= 0;
    }
    return keep(arena, merged, count, out);
}

satchel_status satchel_set_minus(satchel_arena *arena, const satchel_set *a, const satchel_set *b, satchel_set *out) {
    satchel_bytes *left = satchel_arena_take_array(arena, a->count, sizeof *left);
    uint32_t count = 0;
    if (left == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (!satchel_set_has(b, a->elements[i])) {
            left[count++] = a->elements[i];
        }
    }
    return keep(arena, left, count, out);
}

bool satchel_set_has(const satchel_set *set, satchel_bytes element) {
    uint32_t low = 0, high = set->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = satchel_bytes_compare(set->elements[middle], element);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}
