/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: one seed, played and judged.
 */
#ifndef SATCHEL_TESTS_SIM_RUN_H
#define SATCHEL_TESTS_SIM_RUN_H

#include "sim/sim.h"

/* How a seed is played. */
typedef struct sim_playing {
    const sim_profile *profile;
    uint32_t without; /* bits of sim_trouble */
    uint32_t steps;   /* exactly so many; 0: until the profile has enough */
    bool on_postgres;
    bool tells;
    bool hushed; /* prints nothing */
} sim_playing;

/* Gives whether all held. */
bool sim_play(sim *here, const sim_playing *how, uint64_t seed);

/* Plays a seed that failed again with less, and prints the shortest command that still fails. */
void sim_shrink(sim *here, sim_playing how, uint64_t seed);
void sim_print_command(const sim_playing *how, uint64_t seed);

/* Faults of a run, and how many kinds of them; a kind is a counter. */
uint64_t sim_faults_of(const uint64_t counters[SIM_COUNTER_COUNT], uint32_t *out_kinds);
/* NULL behind the last one. Not every profile has all of them. */
const sim_counter *sim_fault_kind(const sim_profile *profile, uint32_t index);

#endif
