/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locked memory through libsodium's guarded heap.
 */
#include "crypto/secret.h"

#include "base/memory.h"

#include <sodium.h>
#include <string.h>

void *satchel_secret_take(size_t bytes) {
    /* Goes through the one heap for a moment, so that a test which makes allocations fail reaches this one, too. */
    void *ticket = satchel_memory_take(1);
    void *block = ticket != NULL ? sodium_malloc(bytes) : NULL;
    satchel_memory_give(ticket);
    if (block != NULL) {
        memset(block, 0, bytes); /* sodium_malloc fills with 0xdb */
    }
    return block;
}

void satchel_secret_give(void *block) {
    sodium_free(block);
}

void satchel_secret_wipe(void *data, size_t bytes) {
    sodium_memzero(data, bytes);
}

void satchel_secret_wipe_stack(void) {
    enum { DEEPEST_BYTES = 65536 }; /* SQLite's deepest calls with a page being sealed at their end stay far above */
    sodium_stackzero(DEEPEST_BYTES);
}

bool satchel_secret_equal(const void *a, const void *b, size_t bytes) {
    return sodium_memcmp(a, b, bytes) == 0;
}
