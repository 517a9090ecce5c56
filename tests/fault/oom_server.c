/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every allocation of the server's scenarios fails, once and for good: those of our own heap, on the caller's thread
 * and on the lane's, and those of SQLite.
 */
#include "fault/support/company.h"
#include "fault/support/shortage.h"

#define SAMPLE 3u /* points of a source in a scenario, unless all are asked for */

typedef struct play {
    const company_scenario *scenario;
    company_truth truth;
} play;

static void meet(void *context, const fault_trouble *trouble) {
    const play *now = context;
    company_point(now->scenario, &now->truth, trouble);
}

static const shortage_source sources[] = {SHORTAGE_OF_SATCHEL, SHORTAGE_OF_SQLITE};

static void run_scenario(const company_scenario *scenario) {
    play now = {.scenario = scenario};
    if (company_measure(scenario, trouble_oom_begin, trouble_oom_end, &now.truth)) {
        trouble_oom_points(scenario->name, sources, sizeof sources / sizeof *sources, SAMPLE, meet, &now);
    }
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
