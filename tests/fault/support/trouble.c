/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loops over points. One process, one scenario at a time.
 */
#include "fault/support/trouble.h"

#include "fault/support/medium.h"

#include <inttypes.h>
#include <stdio.h>

#define IO_SAMPLE 1u /* points of a kind of failure in a scenario, unless all are asked for */
#define TEXT_BYTES 96

/* --- I/O calls --- */

typedef struct io_point {
    uint64_t number;
    bool forever;
    medium_fault fault;
} io_point;

static uint64_t calls_seen;

static void io_arm(const void *context) {
    const io_point *point = context;
    medium_fail_at(point->number, point->forever, point->fault);
}

void trouble_io_begin(void) {
    medium_fail_at(0, false, MEDIUM_ERROR);
}

void trouble_io_end(void) {
    calls_seen = medium_calls();
}

static bool io_fits(satchel_status status) {
    return status == SATCHEL_IO_ERROR || status == SATCHEL_DISK_FULL;
}

static void meet_io(const io_point *point, trouble_meet meet, void *context) {
    char text[TEXT_BYTES];
    (void)snprintf(text, sizeof text, "%s %s at call %" PRIu64, medium_fault_name(point->fault),
                   point->forever ? "for good" : "once", point->number);
    const fault_trouble trouble = {.arm = io_arm,
                                   .disarm = trouble_io_begin,
                                   .has_struck = medium_has_failed,
                                   .context = point,
                                   .text = text,
                                   .forever = point->forever,
                                   .fits = io_fits,
                                   .counter = FAULT_IO_ERRORS};
    meet(context, &trouble);
}

void trouble_io_points(const char *name, trouble_meet meet, void *context) {
    uint64_t calls = calls_seen;
    uint64_t total = calls * 2 * MEDIUM_FAULT_COUNT;
    for (uint64_t i = 0; i < total; i++) {
        const io_point point = {i / (2 * MEDIUM_FAULT_COUNT) + 1, i % 2 == 1,
                                (medium_fault)(i / 2 % MEDIUM_FAULT_COUNT)};
        bool twin = point.fault == MEDIUM_SYNC && !point.forever; /* a sync that fails once is a call that fails once */
        if (!twin && fault_takes(i + 1, total, IO_SAMPLE * MEDIUM_FAULT_COUNT)) {
            meet_io(&point, meet, context);
        }
    }
    printf("%s: %" PRIu64 " calls\n", name, calls);
}

/* --- allocations --- */

typedef struct oom_point {
    shortage_source source;
    uint64_t number;
    bool forever;
} oom_point;

static oom_point armed;
static uint64_t seen[SHORTAGE_SOURCE_COUNT];

static void oom_arm(const void *context) {
    armed = *(const oom_point *)context;
    shortage_at(armed.source, armed.number, armed.forever);
}

static void oom_disarm(void) {
    shortage_at(armed.source, 0, false);
}

static bool oom_has_struck(void) {
    return shortage_has_failed(armed.source);
}

static bool oom_fits(satchel_status status) {
    return status == SATCHEL_NO_MEMORY;
}

void trouble_oom_begin(void) {
    for (int source = 0; source < SHORTAGE_SOURCE_COUNT; source++) {
        shortage_at((shortage_source)source, 0, false);
    }
}

void trouble_oom_end(void) {
    for (int source = 0; source < SHORTAGE_SOURCE_COUNT; source++) {
        seen[source] = shortage_count((shortage_source)source);
    }
}

static void meet_oom(const oom_point *point, trouble_meet meet, void *context) {
    char text[TEXT_BYTES];
    (void)snprintf(text, sizeof text, "%s allocation %" PRIu64 " %s", shortage_name(point->source), point->number,
                   point->forever ? "and all after it" : "once");
    const fault_trouble trouble = {.arm = oom_arm,
                                   .disarm = oom_disarm,
                                   .has_struck = oom_has_struck,
                                   .context = point,
                                   .text = text,
                                   .forever = point->forever,
                                   .fits = oom_fits,
                                   .counter = FAULT_OOM_FAILURES};
    meet(context, &trouble);
}

void trouble_oom_points(const char *name, const shortage_source *sources, size_t count, uint64_t sample,
                        trouble_meet meet, void *context) {
    uint64_t counted[SHORTAGE_SOURCE_COUNT];
    for (int source = 0; source < SHORTAGE_SOURCE_COUNT; source++) {
        counted[source] = seen[source];
    }
    for (size_t s = 0; s < count; s++) {
        uint64_t total = counted[sources[s]] * 2;
        for (uint64_t i = 0; i < total; i++) {
            const oom_point point = {sources[s], i / 2 + 1, i % 2 == 1};
            if (fault_takes(i + 1, total, sample)) {
                meet_oom(&point, meet, context);
            }
        }
        printf("%s: %" PRIu64 " allocations, %s\n", name, counted[sources[s]], shortage_name(sources[s]));
    }
}
