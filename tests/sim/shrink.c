/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seed that failed, told with the shortest command that still fails.
 */
#include "sim/run.h"

#include <inttypes.h>
#include <stdio.h>

#define SHRINKS_MOST 12

void sim_print_command(const sim_playing *how, uint64_t seed) {
    printf("again: ./run sim --seeds %" PRIu64 "..%" PRIu64 " --profile %s", seed, seed, how->profile->name);
    if (how->on_postgres) {
        printf(" --database postgres");
    }
    if (how->steps != 0) {
        printf(" --steps %" PRIu32, how->steps);
    }
    const char *separator = " --without ";
    for (uint32_t i = 0; i < SIM_TROUBLE_COUNT; i++) {
        if ((how->without >> i & 1) != 0) {
            printf("%s%s", separator, sim_trouble_names[i]);
            separator = ",";
        }
    }
    printf(" --story\n");
}

/* Forbids one kind of trouble after the other, then cuts the tail, as long as it still fails. */
void sim_shrink(sim *here, sim_playing how, uint64_t seed) {
    uint32_t low = 1;
    how.tells = false;
    how.hushed = true;
    (void)sim_play(here, &how, seed);
    how.steps = here->step;
    for (uint32_t i = 0; i < SIM_TROUBLE_COUNT; i++) {
        sim_playing less = how;
        less.without |= UINT32_C(1) << i;
        if (less.without != how.without && !sim_play(here, &less, seed)) {
            how = less;
        }
    }
    bool fails = !sim_play(here, &how, seed);
    uint32_t high = here->step;
    for (uint32_t tries = 0; fails && low < high && tries < SHRINKS_MOST; tries++) {
        sim_playing less = how;
        less.steps = low + (high - low) / 2;
        if (sim_play(here, &less, seed)) {
            low = less.steps + 1;
        } else {
            high = less.steps;
            how.steps = less.steps;
        }
    }
    sim_print_command(&how, seed);
}
