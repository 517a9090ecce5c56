/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region of memory that is freed as a whole. What one call decodes or builds lives in one arena.
 */
#ifndef SATCHEL_BASE_ARENA_H
#define SATCHEL_BASE_ARENA_H

#include <satchel/status.h>
#include <satchel/types.h>

typedef struct satchel_arena_block satchel_arena_block;

/* A zeroed struct is an empty arena. */
typedef struct satchel_arena {
    satchel_arena_block *newest;
    size_t used_bytes; /* handed out since init or reset */
} satchel_arena;

void satchel_arena_init(satchel_arena *arena);

/* Frees everything that was taken from it. */
void satchel_arena_deinit(satchel_arena *arena);

/* Like deinit, but keeps one block for what comes next. */
void satchel_arena_reset(satchel_arena *arena);

/* `bytes` zeroed bytes, aligned for any type; NULL if memory is exhausted. 0 bytes give a valid pointer. */
SATCHEL_MUST_USE void *satchel_arena_take(satchel_arena *arena, size_t bytes);

/* `count` × `bytes`, checked for overflow. */
SATCHEL_MUST_USE void *satchel_arena_take_array(satchel_arena *arena, size_t count, size_t bytes);

/* A copy of `from` in the arena. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_arena_copy(satchel_arena *arena, satchel_bytes from, satchel_bytes *out);

/* A zero-terminated copy, NULL if memory is exhausted. */
SATCHEL_MUST_USE char *satchel_arena_text(satchel_arena *arena, satchel_text from);

#endif
