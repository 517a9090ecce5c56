/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes chosen allocations fail: those of our own heap, those of SQLite, those of libsodium's guarded heap.
 *
 * One source at a time, so that a point has a number. Our own heap counts by thread (base/memory.h), the other two by
 * process. SQLite's lookaside is turned off, so that each of its allocations counts.
 */
#ifndef SATCHEL_TESTS_FAULT_SUPPORT_SHORTAGE_H
#define SATCHEL_TESTS_FAULT_SUPPORT_SHORTAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum shortage_source {
    SHORTAGE_OF_SATCHEL,
    SHORTAGE_OF_SQLITE,
    SHORTAGE_OF_SODIUM,
    SHORTAGE_SOURCE_COUNT
} shortage_source;

const char *shortage_name(shortage_source source);

/* Before anything of SQLite is used; false if that is too late. */
bool shortage_prepare(void);

/* Allocation `number` from now fails (1 = the next), with `forever` all that follow, too; 0: none. */
void shortage_at(shortage_source source, uint64_t number, bool forever);
/* Allocations of that source since it was armed. */
uint64_t shortage_count(shortage_source source);
/* Whether one of them was made to fail. */
bool shortage_has_failed(shortage_source source);

/*
 * Work that goes on in another thread: `pause` before, in the thread that was armed, `go_on` in the other one, and the
 * same on the way back. For the other sources they do nothing.
 */
void shortage_pause(void);
void shortage_go_on(void);

/* For a program that stands in for sodium_malloc: whether the allocation that begins now must fail. */
bool shortage_of_sodium_now(void);

#endif
