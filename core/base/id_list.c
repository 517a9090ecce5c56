/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of ids: appended, then sorted once.
 */
#include "base/id_list.h"

#include "base/ids.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 8u

satchel_status satchel_id_list_add(satchel_id_list *list, satchel_arena *arena, const satchel_id *id) {
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? FIRST_CAPACITY : list->capacity * 2;
        satchel_id *items = satchel_arena_take_array(arena, capacity, sizeof *items);
        if (items == NULL) {
            return SATCHEL_NO_MEMORY;
        }
        if (list->count > 0) {
            memcpy(items, list->items, list->count * sizeof *items);
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = *id;
    return SATCHEL_OK;
}

static int compare_ids(const void *a, const void *b) {
    return satchel_id_compare(a, b);
}

void satchel_id_list_sort(satchel_id_list *list) {
    if (list->count < 2) {
        return;
    }
    qsort(list->items, list->count, sizeof *list->items, compare_ids);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < list->count; i++) {
        if (!satchel_id_equal(&list->items[i], &list->items[kept - 1])) {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

bool satchel_id_list_has(const satchel_id_list *list, const satchel_id *id) {
    return list->count > 0 && bsearch(id, list->items, list->count, sizeof *id, compare_ids) != NULL;
}
