/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many seeds over several processes.
 */
#ifndef SATCHEL_TESTS_SIM_JOBS_H
#define SATCHEL_TESTS_SIM_JOBS_H

#include "sim/run.h"
#include "sim/tally.h"

/* Plays first … last in `jobs` processes (1: in this one) and adds up what they counted. */
void sim_jobs_run(const sim_playing *how, uint64_t first, uint64_t last, uint32_t jobs, sim_tally *out);

#endif
