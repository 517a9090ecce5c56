/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite's memory: pieces of a few sizes, which are kept when they are given back. A run opens and closes hundreds of
 * connections that take the same pieces again and again.
 */
#include "sim/memory.h"

#include <malloc.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define STEP_BYTES 16
#define FINE_CLASSES 64 /* in steps of 16 bytes, up to 1 KiB; then powers of two */
#define CLASSES 80
#define KEEP_BYTES (64 << 20)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WATCHED 1
#else
#define WATCHED 0
#endif

/* In front of a piece; aligned as malloc's own. */
typedef union head {
    max_align_t align;
    struct {
        union head *next;
        uint32_t bytes;
        uint32_t place;
    } is;
} head;

static head *kept[CLASSES];

static uint32_t place_of(int bytes, uint32_t *out_room) {
    uint32_t wanted = bytes > 0 ? (uint32_t)bytes : 1;
    uint32_t place = (wanted + STEP_BYTES - 1) / STEP_BYTES;
    if (place <= FINE_CLASSES) {
        *out_room = place * STEP_BYTES;
        return place - 1;
    }
    uint32_t room = FINE_CLASSES * STEP_BYTES;
    place = FINE_CLASSES - 1;
    while (room < wanted && place < CLASSES) {
        room *= 2;
        place++;
    }
    *out_room = room;
    return place;
}

static void *take(int bytes) {
    uint32_t room = 0;
    uint32_t place = place_of(bytes, &room);
    if (place >= CLASSES) {
        return NULL; /* more than SQLite ever asks for */
    }
    head *piece = kept[place];
    if (piece != NULL) {
        kept[place] = piece->is.next;
        __builtin_prefetch(piece->is.next); /* its head is read when it is taken, which is soon */
    } else {
        piece = malloc(sizeof *piece + room);
        if (piece == NULL) {
            return NULL;
        }
        piece->is.bytes = room;
        piece->is.place = place;
    }
    return piece + 1;
}

static void give(void *memory) {
    head *piece = (head *)memory - 1;
    piece->is.next = kept[piece->is.place];
    kept[piece->is.place] = piece;
}

static int size_of(void *memory) {
    return memory != NULL ? (int)((head *)memory - 1)->is.bytes : 0;
}

static void *resize(void *memory, int bytes) {
    if (bytes <= size_of(memory)) {
        return memory;
    }
    void *larger = take(bytes);
    if (larger != NULL) {
        memcpy(larger, memory, (size_t)size_of(memory));
        give(memory);
    }
    return larger;
}

static int round_up(int bytes) {
    uint32_t room = 0;
    return place_of(bytes, &room) < CLASSES ? (int)room : bytes;
}

static int begin(void *context) {
    (void)context;
    return SQLITE_OK;
}

static void end(void *context) {
    (void)context;
}

void sim_memory_set_up(void) {
    static const sqlite3_mem_methods methods = {.xMalloc = take,
                                                .xFree = give,
                                                .xRealloc = resize,
                                                .xSize = size_of,
                                                .xRoundup = round_up,
                                                .xInit = begin,
                                                .xShutdown = end};
    (void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (!WATCHED) {
        (void)sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
    }
    (void)mallopt(M_MMAP_THRESHOLD, KEEP_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, KEEP_BYTES);
}
