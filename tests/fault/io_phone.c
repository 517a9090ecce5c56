/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every I/O call of the phone's scenarios fails, once and for good, in every way: an error, a full disk, a part of a
 * write, a call that did its work and reports an error, a sync that fails.
 */
#include "fault/support/handset.h"
#include "fault/support/medium.h"

/* The device takes its file verbs from here. Weak: the real ones stand in the same library. */
__attribute__((weak)) const satchel_vault_files *satchel_vault_files_posix(void) {
    return medium_files();
}

typedef struct play {
    const handset_scenario *scenario;
    handset_truth truth;
} play;

static void meet(void *context, const fault_trouble *trouble) {
    const play *now = context;
    handset_point(now->scenario, &now->truth, trouble);
}

static void run_scenario(const handset_scenario *scenario) {
    play now = {.scenario = scenario};
    if (handset_measure(scenario, trouble_io_begin, trouble_io_end, &now.truth)) {
        trouble_io_points(scenario->name, meet, &now);
    }
}

static void run_all(void) {
    if (handset_begin()) {
        for (const handset_scenario *one = handset_scenarios; one->name != NULL; one++) {
            run_scenario(one);
        }
    } else {
        fault_wrong(FAULT_FAILURES, "the images cannot be made");
    }
    handset_end();
}

const fault_case fault_cases[] = {{"phone", run_all}, {NULL, NULL}};
