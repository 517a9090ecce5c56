/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite's allocator under a wrapper that counts and fails; the counters of the other sources.
 */
#include "fault/support/shortage.h"

#include "base/memory.h"

#include <sqlite3.h>

typedef struct counter {
    uint64_t taken;
    uint64_t fails_at;
    bool forever;
} counter;

static counter of_sqlite;
static counter of_sodium;
static counter of_satchel; /* what was asked for, and what threads that paused have taken; base/memory.h counts on */
static sqlite3_mem_methods real;

const char *shortage_name(shortage_source source) {
    static const char *const names[SHORTAGE_SOURCE_COUNT] = {"satchel", "sqlite", "sodium"};
    return names[source];
}

static bool must_fail(counter *of) {
    of->taken++;
    return of->fails_at != 0 && (of->forever ? of->taken >= of->fails_at : of->taken == of->fails_at);
}

static void *failing_malloc(int bytes) {
    return must_fail(&of_sqlite) ? NULL : real.xMalloc(bytes);
}

static void *failing_realloc(void *block, int bytes) {
    return must_fail(&of_sqlite) ? NULL : real.xRealloc(block, bytes);
}

bool shortage_prepare(void) {
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) != SQLITE_OK) {
        return false;
    }
    if (real.xMalloc == NULL) { /* SQLite fills its default in only at its start */
        if (sqlite3_initialize() != SQLITE_OK || sqlite3_shutdown() != SQLITE_OK ||
            sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) != SQLITE_OK) {
            return false;
        }
    }
    sqlite3_mem_methods failing = real;
    failing.xMalloc = failing_malloc;
    failing.xRealloc = failing_realloc;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) == SQLITE_OK &&
           sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK && sqlite3_initialize() == SQLITE_OK;
}

static counter *counter_of(shortage_source source) {
    return source == SHORTAGE_OF_SQLITE ? &of_sqlite : &of_sodium;
}

void shortage_at(shortage_source source, uint64_t number, bool forever) {
    const counter armed = {0, number, forever};
    if (source == SHORTAGE_OF_SATCHEL) {
        of_satchel = armed;
        satchel_memory_fail_at((unsigned long)number, forever ? 1 : 0);
    } else {
        *counter_of(source) = armed;
    }
}

uint64_t shortage_count(shortage_source source) {
    return source == SHORTAGE_OF_SATCHEL ? of_satchel.taken + satchel_memory_count() : counter_of(source)->taken;
}

bool shortage_has_failed(shortage_source source) {
    uint64_t at = source == SHORTAGE_OF_SATCHEL ? of_satchel.fails_at : counter_of(source)->fails_at;
    return at != 0 && shortage_count(source) >= at;
}

void shortage_pause(void) {
    of_satchel.taken += satchel_memory_count();
    satchel_memory_fail_at(0, 0);
}

void shortage_go_on(void) {
    uint64_t left = of_satchel.fails_at > of_satchel.taken ? of_satchel.fails_at - of_satchel.taken : 0;
    bool is_over = of_satchel.fails_at != 0 && left == 0 && of_satchel.forever;
    satchel_memory_fail_at(is_over ? 1 : (unsigned long)left, of_satchel.forever ? 1 : 0);
}

bool shortage_of_sodium_now(void) {
    return must_fail(&of_sodium);
}
