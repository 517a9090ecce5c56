/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every I/O call of the phone's scenarios fails, once and for good, in every way: an error, a full disk, a part of a
 * write, a call that did its work and reports an error, a sync that fails.
 */
#include "fault/support/handset.h"
#include "fault/support/medium.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SAMPLE 1u /* points of a kind of failure in a scenario, unless all are asked for */

/* The device takes its file verbs from here. Weak: the real ones stand in the same library. */
__attribute__((weak)) const satchel_vault_files *satchel_vault_files_posix(void) {
    return medium_files();
}

typedef struct io_point {
    uint64_t number;
    bool forever;
    medium_fault fault;
} io_point;

static void arm(const void *context) {
    const io_point *point = context;
    medium_fail_at(point->number, point->forever, point->fault);
}

static void disarm(void) {
    medium_fail_at(0, false, MEDIUM_ERROR);
}

static bool fits(satchel_status status) {
    return status == SATCHEL_IO_ERROR || status == SATCHEL_DISK_FULL;
}

static uint64_t calls_seen;

static void stop_counting(void) {
    calls_seen = medium_calls();
}

static void run_point(const handset_scenario *scenario, const handset_truth *truth, const io_point *point) {
    char text[96];
    (void)snprintf(text, sizeof text, "%s %s at call %" PRIu64, medium_fault_name(point->fault),
                   point->forever ? "for good" : "once", point->number);
    const handset_trouble trouble = {.arm = arm,
                                     .disarm = disarm,
                                     .has_struck = medium_has_failed,
                                     .context = point,
                                     .text = text,
                                     .forever = point->forever,
                                     .fits = fits,
                                     .counter = FAULT_IO_ERRORS};
    handset_point(scenario, truth, &trouble);
}

static void run_scenario(const handset_scenario *scenario) {
    handset_truth truth;
    if (!handset_measure(scenario, disarm, stop_counting, &truth)) {
        return;
    }
    uint64_t total = calls_seen * 2 * MEDIUM_FAULT_COUNT;
    for (uint64_t i = 0; i < total; i++) {
        const io_point point = {i / (2 * MEDIUM_FAULT_COUNT) + 1, i % 2 == 1,
                                (medium_fault)(i / 2 % MEDIUM_FAULT_COUNT)};
        bool twin = point.fault == MEDIUM_SYNC && !point.forever; /* a sync that fails once is a call that fails once */
        if (!twin && fault_takes(i + 1, total, SAMPLE * MEDIUM_FAULT_COUNT)) {
            run_point(scenario, &truth, &point);
        }
    }
    printf("%s: %" PRIu64 " calls\n", scenario->name, calls_seen);
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
