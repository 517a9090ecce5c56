/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every I/O call below the server's database fails, once and for good, in every way.
 */
#include "fault/support/company.h"
#include "fault/support/medium.h"

#include <inttypes.h>
#include <stdio.h>

#define SAMPLE 1u /* points of a kind of failure in a scenario, unless all are asked for */

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

static void run_point(const company_scenario *scenario, const company_truth *truth, const io_point *point) {
    char text[96];
    (void)snprintf(text, sizeof text, "%s %s at call %" PRIu64, medium_fault_name(point->fault),
                   point->forever ? "for good" : "once", point->number);
    const company_trouble trouble = {.arm = arm,
                                     .disarm = disarm,
                                     .has_struck = medium_has_failed,
                                     .context = point,
                                     .text = text,
                                     .forever = point->forever,
                                     .fits = fits,
                                     .counter = FAULT_IO_ERRORS};
    company_point(scenario, truth, &trouble);
}

static void run_scenario(const company_scenario *scenario) {
    company_truth truth;
    if (!company_measure(scenario, disarm, stop_counting, &truth)) {
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
    if (company_begin()) {
        for (const company_scenario *one = company_scenarios; one->name != NULL; one++) {
            run_scenario(one);
        }
    }
    company_end();
}

const fault_case fault_cases[] = {{"server", run_all}, {NULL, NULL}};
