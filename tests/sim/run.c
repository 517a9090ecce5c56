/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: troubles until the profile has enough of everything, then calm, then the judgement.
 */
#include "sim/run.h"

#include "service/state.h"
#include "sim/image.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUIET_ROUNDS_MOST 40 /* syncs of everybody after the troubles */
#define QUIET_ROUNDS_WANTED 2
#define STEPS_WITHOUT 1000 /* if kinds of trouble are forbidden and no number of steps is given */

const char *const sim_counter_names[SIM_COUNTER_COUNT] = {
#define SIM_NAME(name, key) #key,
    SIM_COUNTERS(SIM_NAME)
#undef SIM_NAME
};

const char *const sim_trouble_names[SIM_TROUBLE_COUNT] = {
#define SIM_NAME(name, key) #key,
    SIM_TROUBLES(SIM_NAME)
#undef SIM_NAME
};

/* The least of a run, as the design pins it; a run that lacks something goes on. */
static const sim_profile profiles[] = {
    {.name = "mild",
     .phones = 3,
     .customers = 12,
     .edits = 60,
     .exchanges = 20,
     .faults = 12,
     .fault_kinds = 5,
     .permissions = 1,
     .writes_most = 3,
     .steps_most = 4000},
    {.name = "hard",
     .phones = 8,
     .customers = 30,
     .edits = 400,
     .exchanges = 80,
     .faults = 60,
     .fault_kinds = UINT32_MAX,
     .permissions = 1,
     .restores = true,
     .clones = true,
     .writes_most = 8,
     .steps_most = 20000},
    /* with a server that is put back to its backup */
    {.name = "restored",
     .phones = 3,
     .customers = 12,
     .edits = 90,
     .exchanges = 30,
     .faults = 16,
     .fault_kinds = 5,
     .permissions = 1,
     .put_back = 1,
     .writes_most = 3,
     .steps_most = 4000},
    /* for databases that take their time */
    {.name = "small",
     .phones = 3,
     .customers = 6,
     .edits = 25,
     .exchanges = 10,
     .faults = 5,
     .fault_kinds = 3,
     .permissions = 1,
     .writes_most = 4,
     .steps_most = 4000},
};

const sim_profile *sim_profile_named(const char *name) {
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        if (strcmp(profiles[i].name, name) == 0) {
            return &profiles[i];
        }
    }
    return NULL;
}

bool sim_may(const sim *here, sim_trouble trouble) {
    return (here->without >> trouble & 1) == 0;
}

void sim_count(sim *here, sim_counter counter) {
    here->counters[counter]++;
}

/* --- the story --- */

static void add_to_trace(sim *here, const char *text) {
    for (; *text != '\0'; text++) {
        here->trace = (here->trace ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    }
}

void sim_tell(sim *here, const char *format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    add_to_trace(here, line);
    if (here->tells) {
        printf("%5" PRIu32 "  %s\n", here->step, line);
    }
}

static void say(const sim *here, const char *text) {
    if (!here->hushed) {
        printf("seed %" PRIu64 ", step %" PRIu32 ": %s\n", here->seed, here->step, text);
    }
}

void sim_violation(sim *here, const char *format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    here->counters[SIM_VIOLATIONS]++;
    say(here, line);
}

satchel_random sim_random_of(satchel_random_seeded *seeded, uint64_t seed) {
    return satchel_random_from_seed(seeded, seed);
}

/* What the disk and the folders of tests want to tell: a broken simulator. */
void test_report(const char *file, int line, const char *message);
void test_report(const char *file, int line, const char *message) {
    fprintf(stderr, "%s:%d: %s\n", file, line, message);
}

_Noreturn void test_end(void);
_Noreturn void test_end(void) {
    abort();
}

/* --- enough --- */

const sim_counter *sim_fault_kind(const sim_profile *profile, uint32_t index) {
    static const sim_counter kinds[] = {SIM_REQUESTS_LOST,   SIM_REPLIES_LOST, SIM_REPLIES_CUT, SIM_PORTALS,
                                        SIM_REQUESTS_SPOILT, SIM_DUPLICATES,   SIM_PARTITIONS,  SIM_LATE_REQUESTS,
                                        SIM_CRASHES,         SIM_DISK_ERRORS,  SIM_DISK_FULL,   SIM_SERVER_RESTARTS,
                                        SIM_RESTORES,        SIM_CLOCK_JUMPS,  SIM_REBOOTS,     SIM_CLONES};
    uint32_t count = sizeof kinds / sizeof *kinds - (profile != NULL && !profile->clones ? 1 : 0);
    return index < count ? &kinds[index] : NULL;
}

uint64_t sim_faults_of(const uint64_t counters[SIM_COUNTER_COUNT], uint32_t *out_kinds) {
    uint64_t faults = 0;
    const sim_counter *kind;
    *out_kinds = 0;
    for (uint32_t i = 0; (kind = sim_fault_kind(NULL, i)) != NULL; i++) {
        faults += counters[*kind];
        *out_kinds += counters[*kind] > 0 ? 1 : 0;
    }
    return faults;
}

static bool has_kinds(const sim *here, uint32_t kinds) {
    uint32_t all = 0;
    while (sim_fault_kind(here->profile, all) != NULL) {
        all++;
    }
    return kinds >= (here->profile->fault_kinds < all ? here->profile->fault_kinds : all);
}

static bool has_faults(const sim *here) {
    uint32_t kinds = 0;
    uint64_t faults = sim_faults_of(here->counters, &kinds);
    return faults >= here->profile->faults && has_kinds(here, kinds);
}

bool sim_lacks(const sim *here, sim_counter kind) {
    uint32_t kinds = 0;
    (void)sim_faults_of(here->counters, &kinds);
    return here->counters[kind] == 0 && !has_kinds(here, kinds);
}

static bool has_enough(const sim *here) {
    const sim_profile *least = here->profile;
    const uint64_t *counters = here->counters;
    if (here->steps != 0) {
        return here->step >= here->steps;
    }
    if (here->without != 0) { /* what is forbidden never becomes enough */
        return here->step >= STEPS_WITHOUT;
    }
    return counters[SIM_EDITS] >= least->edits && counters[SIM_EXCHANGES] >= least->exchanges && has_faults(here) &&
           counters[SIM_REASSIGNMENTS] + counters[SIM_ROLE_CHANGES] >= least->permissions &&
           counters[SIM_SERVERS_PUT_BACK] >= least->put_back &&
           (!least->restores || counters[SIM_RESTORES] + counters[SIM_CLONES] > 0);
}

/* --- a run --- */

static void play_troubles(sim *here) {
    while (!has_enough(here) && here->step < here->profile->steps_most) {
        here->step++;
        here->now_ms += 1 + (int64_t)test_random_below(&here->random, 60000);
        sim_mail_deliver_due(here);
        if (test_random_chance(&here->random, 8)) {
            sim_office_act(here);
        } else {
            sim_phone_act(&here->phones[test_random_below(&here->random, here->phone_count)]);
        }
    }
}

/* The server's newest revision; none can be read: another each time. */
static uint64_t newest_revision(sim *here) {
    satchel_counter counter = {0};
    satchel_status status = satchel_db_begin(here->db, SATCHEL_DB_READ, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_counter_read(here->db, &counter, NULL);
        satchel_db_rollback(here->db);
    }
    return status == SATCHEL_OK ? counter.n : (uint64_t)here->now_ms;
}

/*
 * Everybody syncs in turn until for some rounds nobody has anything unsent and the server has nothing new: what one
 * sends, others must still fetch, and who hears late that the server was put back sends what was sent before.
 */
static void play_calm(sim *here) {
    uint32_t quiet_rounds = 0;
    here->calm = true;
    for (uint32_t i = 0; i < here->phone_count; i++) {
        sim_phone_end_troubles(&here->phones[i]);
    }
    sim_tell(here, "all troubles end");
    for (uint32_t round = 0; round < QUIET_ROUNDS_MOST && quiet_rounds < QUIET_ROUNDS_WANTED; round++) {
        bool quiet = true;
        uint64_t before = newest_revision(here);
        for (uint32_t i = 0; i < here->phone_count; i++) {
            here->now_ms += 1000;
            quiet = here->phones[i].device != NULL && sim_phone_sync(&here->phones[i]) && quiet;
        }
        quiet_rounds = quiet && newest_revision(here) == before ? quiet_rounds + 1 : 0;
    }
    if (quiet_rounds < QUIET_ROUNDS_WANTED) {
        here->counters[SIM_STUCK]++;
        say(here, "still not quiet after all rounds");
    }
}

bool sim_play(sim *here, const sim_playing *how, uint64_t seed) {
    memset(here, 0, sizeof *here);
    here->tells = how->tells;
    here->hushed = how->hushed;
    here->without = how->without;
    here->steps = how->steps;
    here->on_postgres = how->on_postgres;
    if (!sim_open(here, how->profile, seed)) {
        sim_violation(here, "the company could not be set up");
    } else {
        play_troubles(here);
        play_calm(here);
        sim_judge(here);
    }
    if (!has_enough(here) && how->without == 0) {
        say(here, "less happened than the profile wants");
        here->counters[SIM_STUCK]++;
    }
    sim_close(here);
    return here->counters[SIM_VIOLATIONS] == 0 && here->counters[SIM_STUCK] == 0;
}
