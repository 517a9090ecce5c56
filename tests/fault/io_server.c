/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every I/O call below the server's database fails, once and for good, in every way.
 */
#include "fault/support/company.h"

typedef struct play {
    const company_scenario *scenario;
    company_truth truth;
} play;

static void meet(void *context, const fault_trouble *trouble) {
    const play *now = context;
    company_point(now->scenario, &now->truth, trouble);
}

static void run_scenario(const company_scenario *scenario) {
    play now = {.scenario = scenario};
    if (company_measure(scenario, trouble_io_begin, trouble_io_end, &now.truth)) {
        trouble_io_points(scenario->name, meet, &now);
    }
}

static void run_all(void) {
    if (company_begin()) {
        for (const company_scenario *one = company_scenarios; one->name != NULL; one++) {
            run_scenario(one);
        }
    }
    company_end();
}

const fault_case fault_cases[] = {{"server", run_all}, {NULL, NULL}};
