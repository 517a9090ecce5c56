/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every allocation of the server's scenarios fails, once and for good: those of our own heap, on the caller's thread
 * and on the lane's, and those of SQLite.
 */
#include "fault/support/company.h"
#include "fault/support/shortage.h"

#include <inttypes.h>
#include <stdio.h>

#define SAMPLE 3u /* points of a source in a scenario, unless all are asked for */

typedef struct oom_point {
    shortage_source source;
    uint64_t number;
    bool forever;
} oom_point;

static const shortage_source sources[] = {SHORTAGE_OF_SATCHEL, SHORTAGE_OF_SQLITE};
#define SOURCES (sizeof sources / sizeof sources[0])

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
    for (size_t i = 0; i < SOURCES; i++) {
        shortage_at(sources[i], 0, false);
    }
}

static void stop_counting(void) {
    for (size_t i = 0; i < SOURCES; i++) {
        seen[sources[i]] = shortage_count(sources[i]);
    }
}

static void run_point(const company_scenario *scenario, const company_truth *truth, const oom_point *point) {
    char text[96];
    (void)snprintf(text, sizeof text, "%s allocation %" PRIu64 " %s", shortage_name(point->source), point->number,
                   point->forever ? "and all after it" : "once");
    const company_trouble trouble = {.arm = arm,
                                     .disarm = disarm,
                                     .has_struck = has_struck,
                                     .context = point,
                                     .text = text,
                                     .forever = point->forever,
                                     .fits = fits,
                                     .counter = FAULT_OOM_FAILURES};
    company_point(scenario, truth, &trouble);
}

static void run_scenario(const company_scenario *scenario) {
    company_truth truth;
    if (!company_measure(scenario, start_counting, stop_counting, &truth)) {
        return;
    }
    for (size_t s = 0; s < SOURCES; s++) {
        uint64_t total = seen[sources[s]] * 2;
        for (uint64_t i = 0; i < total; i++) {
            const oom_point point = {sources[s], i / 2 + 1, i % 2 == 1};
            if (fault_takes(i + 1, total, SAMPLE)) {
                run_point(scenario, &truth, &point);
            }
        }
    }
    printf("%s: %" PRIu64 " allocations of ours, %" PRIu64 " of SQLite\n", scenario->name, seen[SHORTAGE_OF_SATCHEL],
           seen[SHORTAGE_OF_SQLITE]);
}

static void run_all(void) {
    if (!shortage_prepare()) {
        fault_wrong(FAULT_FAILURES, "SQLite was in use before its allocator could be replaced");
        return;
    }
    if (company_begin()) {
        for (const company_scenario *one = company_scenarios; one->name != NULL; one++) {
            run_scenario(one);
        }
    }
    company_end();
}

const fault_case fault_cases[] = {{"server", run_all}, {NULL, NULL}};
