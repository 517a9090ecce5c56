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
#include <sodium.h>
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

typedef struct play {
    const handset_scenario *scenario;
    handset_truth truth;
} play;

static void meet(void *context, const fault_trouble *trouble) {
    const play *now = context;
    handset_point(now->scenario, &now->truth, trouble);
}

static const shortage_source sources[] = {SHORTAGE_OF_SATCHEL, SHORTAGE_OF_SQLITE, SHORTAGE_OF_SODIUM};

static void run_scenario(const handset_scenario *scenario) {
    play now = {.scenario = scenario};
    if (handset_measure(scenario, trouble_oom_begin, trouble_oom_end, &now.truth)) {
        trouble_oom_points(scenario->name, sources, sizeof sources / sizeof *sources, SAMPLE, meet, &now);
    }
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
