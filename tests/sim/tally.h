/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What many runs counted.
 */
#ifndef SATCHEL_TESTS_SIM_TALLY_H
#define SATCHEL_TESTS_SIM_TALLY_H

#include "sim/sim.h"

#define SIM_TALLY_MOST 4096 /* larger numbers of one run count as this one for the median */

/* What a worker tells of a run. */
typedef struct sim_result {
    uint64_t seed;
    bool ended; /* false: it begins */
    bool fine;
    bool again; /* it was played for the second time, and is not counted */
    uint64_t counters[SIM_COUNTER_COUNT];
} sim_result;

typedef struct sim_tally {
    const sim_profile *profile;
    uint64_t seeds;
    uint64_t failed;
    uint64_t again;
    uint64_t faults;
    uint64_t counters[SIM_COUNTER_COUNT];
    uint32_t times[SIM_COUNTER_COUNT + 1]
                  [SIM_TALLY_MOST + 1]; /* of each number; the last are the faults of all kinds */
} sim_tally;

void sim_tally_add(sim_tally *tally, const sim_result *result);

/* Counters with their medians, for people. */
void sim_tally_print(const sim_tally *tally);
/* One line of JSON. */
void sim_tally_print_json(const sim_tally *tally);

/* Over so many seeds every kind of fault must have happened: says which did not. */
bool sim_tally_is_whole(const sim_tally *tally);

#endif
