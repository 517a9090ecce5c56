/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arenas as a list of blocks, each twice as large as the one before it up to a bound; what is larger than a block gets
 * one of its own. Under AddressSanitizer every piece is followed by poisoned bytes, so that an overrun is found.
 */
#include "base/arena.h"

#include "base/memory.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define GAP_BYTES alignof(max_align_t)
#define FORBID(address, bytes) ASAN_POISON_MEMORY_REGION(address, bytes)
#define ALLOW(address, bytes) ASAN_UNPOISON_MEMORY_REGION(address, bytes)
#else
#define GAP_BYTES ((size_t)0)
#define FORBID(address, bytes) ((void)0)
#define ALLOW(address, bytes) ((void)0)
#endif

#define BLOCK_BYTES_FIRST ((size_t)1024)
#define BLOCK_BYTES_LARGEST ((size_t)65536)

struct satchel_arena_block {
    satchel_arena_block *older;
    size_t capacity; /* bytes of room */
    size_t used;
    alignas(max_align_t) unsigned char room[];
};

void satchel_arena_init(satchel_arena *arena) {
    *arena = (satchel_arena){NULL, 0};
}

static void free_blocks(satchel_arena_block *block) {
    while (block != NULL) {
        satchel_arena_block *older = block->older;
        ALLOW(block->room, block->capacity);
        satchel_memory_give(block);
        block = older;
    }
}

void satchel_arena_deinit(satchel_arena *arena) {
    free_blocks(arena->newest);
    satchel_arena_init(arena);
}

void satchel_arena_reset(satchel_arena *arena) {
    satchel_arena_block *kept = arena->newest;
    arena->used_bytes = 0;
    if (kept == NULL) {
        return;
    }
    free_blocks(kept->older);
    kept->older = NULL;
    if (kept->capacity > BLOCK_BYTES_LARGEST) { /* one huge value must not stay for ever */
        satchel_arena_deinit(arena);
        return;
    }
    ALLOW(kept->room, kept->capacity);
    memset(kept->room, 0, kept->used); /* what is taken next must be zero again */
    FORBID(kept->room, kept->capacity);
    kept->used = 0;
}

/* A block with room for `bytes`, put before the others; NULL if memory is exhausted. */
static satchel_arena_block *add_block(satchel_arena *arena, size_t bytes) {
    size_t capacity = BLOCK_BYTES_FIRST;
    if (arena->newest != NULL) {
        capacity =
            arena->newest->capacity < BLOCK_BYTES_LARGEST / 2 ? arena->newest->capacity * 2 : BLOCK_BYTES_LARGEST;
    }
    if (capacity < bytes) {
        capacity = bytes;
    }
    if (capacity > SIZE_MAX - sizeof(satchel_arena_block)) {
        return NULL;
    }
    satchel_arena_block *block = satchel_memory_take(sizeof *block + capacity);
    if (block == NULL) {
        return NULL;
    }
    block->capacity = capacity;
    block->older = arena->newest;
    arena->newest = block;
    FORBID(block->room, block->capacity);
    return block;
}

void *satchel_arena_take(satchel_arena *arena, size_t bytes) {
    const size_t alignment = alignof(max_align_t);
    satchel_arena_block *block = arena->newest;
    if (bytes > SIZE_MAX - alignment - GAP_BYTES || bytes > SIZE_MAX - arena->used_bytes) {
        return NULL;
    }
    size_t padded = ((bytes > 0 ? bytes : 1) + alignment - 1) / alignment * alignment + GAP_BYTES;
    if (block == NULL || block->capacity - block->used < padded) {
        block = add_block(arena, padded);
        if (block == NULL) {
            return NULL;
        }
    }
    unsigned char *piece = block->room + block->used;
    ALLOW(piece, bytes);
    block->used += padded;
    arena->used_bytes += bytes;
    return piece;
}

void *satchel_arena_take_array(satchel_arena *arena, size_t count, size_t bytes) {
    if (bytes != 0 && count > SIZE_MAX / bytes) {
        return NULL;
    }
    return satchel_arena_take(arena, count * bytes);
}

satchel_status satchel_arena_copy(satchel_arena *arena, satchel_bytes from, satchel_bytes *out) {
    uint8_t *copy = satchel_arena_take(arena, from.bytes);
    if (copy == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    if (from.bytes > 0) {
        memcpy(copy, from.data, from.bytes);
    }
    *out = (satchel_bytes){copy, from.bytes};
    return SATCHEL_OK;
}

char *satchel_arena_text(satchel_arena *arena, satchel_text from) {
    if (from.bytes == SIZE_MAX) {
        return NULL;
    }
    char *copy = satchel_arena_take(arena, from.bytes + 1);
    if (copy != NULL && from.bytes > 0) {
        memcpy(copy, from.data, from.bytes);
    }
    return copy;
}
