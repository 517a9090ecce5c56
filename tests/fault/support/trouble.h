/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trouble of a point, and the loops over all points of a scenario: every I/O call in every way, every allocation.
 *
 * A program measures its scenario between `…_begin` and `…_end`, which count, and then meets each point.
 */
#ifndef SATCHEL_TESTS_FAULT_SUPPORT_TROUBLE_H
#define SATCHEL_TESTS_FAULT_SUPPORT_TROUBLE_H

#include "fault/support/fault.h"
#include "fault/support/shortage.h"

#include <satchel/status.h>

/* `arm` and `disarm` are called around the scenario's act. */
typedef struct fault_trouble {
    void (*arm)(const void *context);
    void (*disarm)(void);
    bool (*has_struck)(void);
    const void *context;
    const char *text; /* for reports */
    bool forever;
    bool (*fits)(satchel_status status); /* may the act answer this? */
    fault_counter counter;
} fault_trouble;

/* Plays the scenario of `context` under the trouble, judges and counts. */
typedef void (*trouble_meet)(void *context, const fault_trouble *trouble);

/* I/O calls: each fails in every way of the medium, once and for good. */
void trouble_io_begin(void);
void trouble_io_end(void);
void trouble_io_points(const char *name, trouble_meet meet, void *context);

/* Allocations of each source: each fails, once and for good. `sample`: points of a source, unless all are asked for. */
void trouble_oom_begin(void);
void trouble_oom_end(void);
void trouble_oom_points(const char *name, const shortage_source *sources, size_t count, uint64_t sample,
                        trouble_meet meet, void *context);

#endif
