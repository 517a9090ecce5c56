/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The company that a run begins with.
 */
#ifndef SATCHEL_TESTS_SIM_IMAGE_H
#define SATCHEL_TESTS_SIM_IMAGE_H

#include "sim/sim.h"

/* `here` is zeroed but for how it is to be played. Opens the server and all phones; sim_close ends both in any case. */
bool sim_open(sim *here, const sim_profile *profile, uint64_t seed);
void sim_close(sim *here);

/* Gives back what later runs of the process would have used. */
void sim_image_drop(void);

#endif
