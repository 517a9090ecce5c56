/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way to the heap, so that tests can make every allocation fail in turn.
 */
#ifndef SATCHEL_BASE_MEMORY_H
#define SATCHEL_BASE_MEMORY_H

#include <satchel/status.h>
#include <stddef.h>

/* Zeroed memory, NULL if exhausted. */
SATCHEL_MUST_USE void *satchel_memory_take(size_t bytes);
/* As realloc; new bytes are not zeroed; the old block stays valid on failure. */
SATCHEL_MUST_USE void *satchel_memory_resize(void *block, size_t bytes);
/* NULL is fine. */
void satchel_memory_give(void *block);

/*
 * Tests only: the allocation numbered `countdown` from now fails (1 = the next one), `forever` = all after it too;
 * 0 turns it off. Counts allocations of this thread since the last call; satchel_memory_count gives that count.
 */
void satchel_memory_fail_at(unsigned long countdown, int forever);
unsigned long satchel_memory_count(void);

#endif
