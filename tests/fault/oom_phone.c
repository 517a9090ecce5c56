/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every allocation of the phone's scenarios fails, once and for good: those of our own heap, of SQLite, and of
 * libsodium's guarded heap. What zstd and Argon2id take themselves is not reached.
 *
 * SQLite may do without some of its memory; then the result must be right. Otherwise it is NO_MEMORY.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT */
#endif

#include "fault/support/handset.h"
#include "fault/support/medium.h"
#include "fault/support/shortage.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SAMPLE 2u /* points of a source in a scenario, unless all are asked for */

__attribute__((weak)) const satchel_vault_files *satchel_vault_files_posix(void) {
    return medium_files();
}

/* Stands before libsodium's. */
void *sodium_malloc(const size_t bytes) {
    void *(*real)(size_t) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "sodium_malloc");
    memcpy(&real, &symbol, sizeof real); /* ISO C has no cast from an object to a function */
    return shortage_of_sodium_now() ? NULL : real(bytes);
}

typedef struct oom_point {
    shortage_source source;
    uint64_t number;
    bool forever;
} oom_point;

static oom_point armed;

static void arm(const void *context) {
    armed = *(const oom_point *)context;
    shortage_at(armed.source, armed.number, armed.forever);
}

static void disarm(void) {
    shortage_at(armed.source, 0, false);
}

static bool has_struck(void) {
    return shortage_has_failed(armed.source);
}

static bool fits(satchel_status status) {
    return status == SATCHEL_NO_MEMORY;
}

static uint64_t seen[SHORTAGE_SOURCE_COUNT];

static void start_counting(void) {
    for (int source = 0; source < SHORTAGE_SOURCE_COUNT; source++) {
        shortage_at((shortage_source)source, 0, false);
    }
}

static void stop_counting(void) {
    for (int source = 0; source < SHORTAGE_SOURCE_COUNT; source++) {
        seen[source] = shortage_count((shortage_source)source);
    }
}

static void run_point(const handset_scenario *scenario, const handset_truth *truth, const oom_point *point) {
    char text[96];
    (void)snprintf(text, sizeof text, "%s allocation %" PRIu64 " %s", shortage_name(point->source), point->number,
                   point->forever ? "and all after it" : "once");
    const handset_trouble trouble = {.arm = arm,
                                     .disarm = disarm,
                                     .has_struck = has_struck,
                                     .context = point,
                                     .text = text,
                                     .forever = point->forever,
                                     .fits = fits,
                                     .counter = FAULT_OOM_FAILURES};
    handset_point(scenario, truth, &trouble);
}

static void run_scenario(const handset_scenario *scenario) {
    handset_truth truth;
    if (!handset_measure(scenario, start_counting, stop_counting, &truth)) {
        return;
    }
    for (int source = 0; source < SHORTAGE_SOURCE_COUNT; source++) {
        uint64_t total = seen[source] * 2;
        for (uint64_t i = 0; i < total; i++) {
            const oom_point point = {(shortage_source)source, i / 2 + 1, i % 2 == 1};
            if (fault_takes(i + 1, total, SAMPLE)) {
                run_point(scenario, &truth, &point);
            }
        }
    }
    printf("%s: %" PRIu64 " allocations of ours, %" PRIu64 " of SQLite, %" PRIu64 " guarded\n", scenario->name,
           seen[SHORTAGE_OF_SATCHEL], seen[SHORTAGE_OF_SQLITE], seen[SHORTAGE_OF_SODIUM]);
}

static void run_all(void) {
    if (!shortage_prepare()) {
        fault_wrong(FAULT_FAILURES, "SQLite was in use before its allocator could be replaced");
    } else if (handset_begin()) {
        for (const handset_scenario *one = handset_scenarios; one->name != NULL; one++) {
            run_scenario(one);
        }
        handset_end();
    } else {
        fault_wrong(FAULT_FAILURES, "the images cannot be made");
    }
}

const fault_case fault_cases[] = {{"phone", run_all}, {NULL, NULL}};
