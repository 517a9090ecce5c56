/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums and medians over runs.
 */
#include "sim/tally.h"

#include "sim/run.h"

#include <inttypes.h>
#include <stdio.h>

#define SEEDS_FOR_ALL_KINDS 40 /* fewer may lack a rare kind by chance */
#define SEEDS_FOR_ALL_HAZARDS 4000

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

/* Which hazard of sync each counter stands for; tests/sim/hazards plays one of each kind. */
static const struct {
    const char *name;
    sim_counter counter;
} hazards[] = {{"lost_update", SIM_LOST_UPDATES},
               {"self_conflict", SIM_OWN_FOLLOWED},
               {"create_edit_delete", SIM_NEW_ROWS_DELETED},
               {"base_moved", SIM_BASES_MOVED},
               {"reply_lost", SIM_REPLIES_LOST},
               {"duplicated", SIM_DUPLICATES},
               {"reordered", SIM_LATE_REQUESTS},
               {"counter_storm", SIM_COUNTERS_SHARED},
               {"clock_jumps", SIM_CLOCK_JUMPS},
               {"restored_phone", SIM_RESTORES},
               {"crash_page_cursor", SIM_CRASHES_IN_SYNC},
               {"disk_full", SIM_DISK_FULL},
               {"role_field", SIM_ROLE_CHANGES},
               {"hidden_edit", SIM_HIDDEN_EDITS},
               {"leaves_and_reenters", SIM_RETURNS},
               {"reassigned_offline", SIM_PARKED},
               {"edit_after_delete", SIM_DELETES_LOST},
               {"refused_create", SIM_HELD},
               {"late_line", SIM_TOO_LATE},
               {"shops_merged", SIM_MERGES},
               {"cascade_restored", SIM_CASCADES_LOST},
               {"poison", SIM_QUARANTINED},
               {"plan_regenerated", SIM_PLANNED_TWICE},
               {"two_clones", SIM_CLONES}};

static void print_hazards(const sim_tally *tally) {
    const char *separator = ",\"hazards\":{";
    for (size_t i = 0; i < sizeof hazards / sizeof *hazards; i++) {
        printf("%s\"%s\":%" PRIu64, separator, hazards[i].name, tally->counters[hazards[i].counter]);
        separator = ",";
    }
    printf("}");
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
    print_hazards(tally);
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
    for (size_t i = 0; i < sizeof hazards / sizeof *hazards; i++) {
        bool never = (hazards[i].counter == SIM_CLONES && !tally->profile->clones) ||
                     ((hazards[i].counter == SIM_QUARANTINED || hazards[i].counter == SIM_MERGES) &&
                      tally->profile->put_back > 0);
        if (!never && tally->seeds >= SEEDS_FOR_ALL_HAZARDS && tally->counters[hazards[i].counter] == 0) {
            printf("a hazard was never met: %s\n", hazards[i].name);
            whole = false;
        }
    }
    return whole;
}
