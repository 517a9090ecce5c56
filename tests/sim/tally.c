/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums and medians over runs.
 */
#include "sim/tally.h"

#include "sim/run.h"

#include <inttypes.h>
#include <stdio.h>

#define SEEDS_FOR_ALL_KINDS 40 /* fewer may lack a rare kind by chance */

static void add_time(sim_tally *tally, uint32_t at, uint64_t number) {
    tally->times[at][number < SIM_TALLY_MOST ? number : SIM_TALLY_MOST]++;
}

void sim_tally_add(sim_tally *tally, const sim_result *result) {
    uint32_t kinds = 0;
    uint64_t faults = sim_faults_of(result->counters, &kinds);
    tally->failed += result->fine ? 0 : 1;
    if (result->again) {
        tally->again++;
        return;
    }
    tally->seeds++;
    tally->faults += faults;
    for (uint32_t i = 0; i < SIM_COUNTER_COUNT; i++) {
        tally->counters[i] += result->counters[i];
        add_time(tally, i, result->counters[i]);
    }
    add_time(tally, SIM_COUNTER_COUNT, faults);
}

static uint32_t median_of(const sim_tally *tally, uint32_t at) {
    uint64_t seen = 0;
    uint32_t number = 0;
    while (number < SIM_TALLY_MOST && (seen += tally->times[at][number]) * 2 < tally->seeds) {
        number++;
    }
    return number;
}

static uint32_t least_of(const sim_tally *tally, uint32_t at) {
    uint32_t number = 0;
    while (number < SIM_TALLY_MOST && tally->times[at][number] == 0) {
        number++;
    }
    return number;
}

static void print_row(const sim_tally *tally, const char *name, uint32_t at, uint64_t sum) {
    printf("%-18s %12" PRIu64 " %8" PRIu32 " %8" PRIu32 "\n", name, sum, median_of(tally, at), least_of(tally, at));
}

void sim_tally_print(const sim_tally *tally) {
    printf("%-18s %12s %8s %8s   over %" PRIu64 " seeds of %s\n", "", "sum", "median", "least", tally->seeds,
           tally->profile->name);
    print_row(tally, "faults", SIM_COUNTER_COUNT, tally->faults);
    for (uint32_t i = 0; i < SIM_COUNTER_COUNT; i++) {
        print_row(tally, sim_counter_names[i], i, tally->counters[i]);
    }
    printf("%" PRIu64 " of them were played twice\n", tally->again);
}

void sim_tally_print_json(const sim_tally *tally) {
    static const sim_counter first[] = {SIM_CRASHES, SIM_CONFLICTS, SIM_PARKED, SIM_VIOLATIONS, SIM_STUCK};
    bool told[SIM_COUNTER_COUNT] = {[SIM_EDITS] = true, [SIM_OPS] = true};
    printf("{\"seeds\":%" PRIu64 ",\"edits\":%" PRIu64 ",\"ops\":%" PRIu64 ",\"faults\":%" PRIu64, tally->seeds,
           tally->counters[SIM_EDITS], tally->counters[SIM_OPS], tally->faults);
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        printf(",\"%s\":%" PRIu64, sim_counter_names[first[i]], tally->counters[first[i]]);
        told[first[i]] = true;
    }
    printf(",\"profile\":\"%s\",\"failed\":%" PRIu64 ",\"again\":%" PRIu64 ",\"faults_median\":%" PRIu32
           ",\"edits_median\":%" PRIu32,
           tally->profile->name, tally->failed, tally->again, median_of(tally, SIM_COUNTER_COUNT),
           median_of(tally, SIM_EDITS));
    for (uint32_t i = 0; i < SIM_COUNTER_COUNT; i++) {
        if (!told[i]) {
            printf(",\"%s\":%" PRIu64, sim_counter_names[i], tally->counters[i]);
        }
    }
    printf("}\n");
}

bool sim_tally_is_whole(const sim_tally *tally) {
    const sim_counter *kind;
    bool whole = true;
    for (uint32_t i = 0; (kind = sim_fault_kind(tally->profile, i)) != NULL; i++) {
        if (tally->seeds >= SEEDS_FOR_ALL_KINDS && tally->counters[*kind] == 0) {
            printf("a kind of fault never happened: %s\n", sim_counter_names[*kind]);
            whole = false;
        }
    }
    return whole;
}
