/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap, with a switch that makes chosen allocations fail.
 *
 * The counters are the one mutable state in base: thread-local, and without effect unless a test turns them on.
 */
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>

static _Thread_local unsigned long taken;
static _Thread_local unsigned long fails_at;
static _Thread_local int fails_forever;

void satchel_memory_fail_at(unsigned long countdown, int forever) {
    taken = 0;
    fails_at = countdown;
    fails_forever = forever;
}

unsigned long satchel_memory_count(void) {
    return taken;
}

static int must_fail(size_t bytes) {
    taken++;
    if (bytes > PTRDIFF_MAX) { /* no object may be larger: differences of pointers into it would overflow */
        return 1;
    }
    if (fails_at == 0) {
        return 0;
    }
    return fails_forever ? taken >= fails_at : taken == fails_at;
}

void *satchel_memory_take(size_t bytes) {
    if (must_fail(bytes)) {
        return NULL;
    }
    return calloc(1, bytes > 0 ? bytes : 1);
}

void *satchel_memory_resize(void *block, size_t bytes) {
    if (must_fail(bytes)) {
        return NULL;
    }
    return realloc(block, bytes > 0 ? bytes : 1);
}

void satchel_memory_give(void *block) {
    free(block);
}
