/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of ids that grow in an arena.
 */
#ifndef SATCHEL_BASE_ID_LIST_H
#define SATCHEL_BASE_ID_LIST_H

#include "base/arena.h"

#include <satchel/types.h>

/* Empty as {NULL, 0, 0}. What it holds lives as long as the arena. */
typedef struct satchel_id_list {
    satchel_id *items;
    uint32_t count;
    uint32_t capacity;
} satchel_id_list;

/* Appends, doubles too. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_id_list_add(satchel_id_list *list, satchel_arena *arena, const satchel_id *id);

/* By memcmp; doubles go. */
void satchel_id_list_sort(satchel_id_list *list);

/* Of a sorted list. */
bool satchel_id_list_has(const satchel_id_list *list, const satchel_id *id);

#endif
