/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim --seeds A..B [--profile mild|hard] [--json] [--story]: plays each seed and judges it. Every hundredth seed is
 * played twice and must leave the same trace. A seed that fails is told with the command that plays it again.
 */
#include "sim/sim.h"

#include "crypto/crypto.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUIET_ROUNDS_MOST 40 /* syncs of everybody after the troubles */
#define QUIET_ROUNDS_WANTED 2
#define TWICE_EVERY 100
#define FAULT_KINDS_LEAST 5
#define START_MS INT64_C(1795305600000) /* 2026-11-22T00:00:00Z */

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

static const sim_profile profiles[] = {
    {"mild", 3, 12, 60, 20, 12, false, false, 4000},
    {"hard", 8, 30, 400, 80, 60, true, true, 20000},
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

void sim_violation(sim *here, const char *format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    here->counters[SIM_VIOLATIONS]++;
    printf("seed %" PRIu64 ", step %" PRIu32 ": %s\n", here->seed, here->step, line);
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

/* --- a run --- */

static uint64_t faults_of(const sim *here, uint32_t *out_kinds) {
    static const sim_counter kinds[] = {SIM_REQUESTS_LOST,   SIM_REPLIES_LOST, SIM_REPLIES_CUT,   SIM_PORTALS,
                                        SIM_REQUESTS_SPOILT, SIM_DUPLICATES,   SIM_LATE_REQUESTS, SIM_CRASHES,
                                        SIM_SERVER_RESTARTS, SIM_RESTORES,     SIM_CLOCK_JUMPS,   SIM_REBOOTS,
                                        SIM_CLONES,          SIM_DISK_ERRORS,  SIM_DISK_FULL};
    uint64_t faults = 0;
    *out_kinds = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        faults += here->counters[kinds[i]];
        *out_kinds += here->counters[kinds[i]] > 0 ? 1 : 0;
    }
    return faults;
}

static bool has_enough(const sim *here) {
    uint32_t kinds = 0;
    uint64_t faults = faults_of(here, &kinds);
    return here->counters[SIM_EDITS] >= here->profile->edits && faults >= here->profile->faults &&
           kinds >= FAULT_KINDS_LEAST && here->counters[SIM_EXCHANGES] >= here->profile->exchanges &&
           here->counters[SIM_REASSIGNMENTS] + here->counters[SIM_ROLE_CHANGES] > 0 &&
           (!here->profile->restores || here->counters[SIM_RESTORES] + here->counters[SIM_CLONES] > 0);
}

static bool open_all(sim *here) {
    if (!sim_office_open(here)) {
        return false;
    }
    for (uint32_t i = 0; i < here->phone_count; i++) {
        if (!sim_phone_make(here, i, &here->phones[i].user)) {
            return false;
        }
    }
    return true;
}

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

/* Everybody syncs in turn until for some rounds nobody has anything unsent: what one sends, others must still fetch. */
static void play_calm(sim *here) {
    uint32_t quiet_rounds = 0;
    here->calm = true;
    for (uint32_t i = 0; i < here->phone_count; i++) {
        sim_phone_end_troubles(&here->phones[i]);
    }
    sim_tell(here, "all troubles end");
    for (uint32_t round = 0; round < QUIET_ROUNDS_MOST && quiet_rounds < QUIET_ROUNDS_WANTED; round++) {
        bool quiet = true;
        for (uint32_t i = 0; i < here->phone_count; i++) {
            here->now_ms += 1000;
            quiet = here->phones[i].device != NULL && sim_phone_sync(&here->phones[i]) && quiet;
        }
        quiet_rounds = quiet ? quiet_rounds + 1 : 0;
    }
    if (quiet_rounds < QUIET_ROUNDS_WANTED) {
        here->counters[SIM_STUCK]++;
        printf("seed %" PRIu64 ": still not quiet after %d rounds\n", here->seed, QUIET_ROUNDS_MOST);
    }
}

static void close_all(sim *here) {
    for (uint32_t i = 0; i < here->phone_count; i++) {
        sim_phone_close(&here->phones[i]);
    }
    for (uint32_t i = 0; i < SIM_MAIL_MOST; i++) {
        satchel_buffer_deinit(&here->mail[i].body);
    }
    sim_office_close(here);
}

static void play(sim *here, const sim_profile *profile, uint64_t seed, bool tells) {
    memset(here, 0, sizeof *here);
    here->profile = profile;
    here->seed = seed;
    here->tells = tells;
    here->random = test_random_of(seed);
    here->now_ms = START_MS;
    here->phone_count = profile->phones;
    here->people = profile->phones;
    here->customer_count = profile->customers;
    here->trace = UINT64_C(0xcbf29ce484222325);
    if (!open_all(here)) {
        sim_violation(here, "the company could not be set up");
    } else {
        play_troubles(here);
        play_calm(here);
        sim_judge(here);
    }
    if (!has_enough(here)) {
        printf("seed %" PRIu64 ": less happened than the profile wants\n", seed);
        here->counters[SIM_STUCK]++;
    }
    close_all(here);
}

/* --- options --- */

typedef struct options {
    uint64_t first, last;
    const sim_profile *profile;
    bool json;
    bool story;
} options;

static bool read_options(int count, char **words, options *out) {
    *out = (options){1, 20, sim_profile_named("mild"), false, false};
    for (int i = 1; i < count; i++) {
        char *end = NULL;
        if (strcmp(words[i], "--seeds") == 0 && i + 1 < count) {
            out->first = strtoull(words[++i], &end, 10);
            out->last = strncmp(end, "..", 2) == 0 ? strtoull(end + 2, &end, 10) : out->first;
            if (*end != '\0' || out->last < out->first) {
                return false;
            }
        } else if (strcmp(words[i], "--profile") == 0 && i + 1 < count) {
            out->profile = sim_profile_named(words[++i]);
        } else if (strcmp(words[i], "--json") == 0) {
            out->json = true;
        } else if (strcmp(words[i], "--story") == 0) {
            out->story = true;
        } else {
            return false;
        }
    }
    return out->profile != NULL;
}

static void add_run(const sim *here, uint64_t total[SIM_COUNTER_COUNT]) {
    for (size_t i = 0; i < SIM_COUNTER_COUNT; i++) {
        total[i] += here->counters[i];
    }
}

static void print_totals(const options *given, const uint64_t total[SIM_COUNTER_COUNT], uint64_t faults) {
    printf("{\"seeds\":%" PRIu64 ",\"profile\":\"%s\",\"faults\":%" PRIu64, given->last - given->first + 1,
           given->profile->name, faults);
    for (size_t i = 0; i < SIM_COUNTER_COUNT; i++) {
        printf(",\"%s\":%" PRIu64, sim_counter_names[i], total[i]);
    }
    printf("}\n");
}

int main(int count, char **words) {
    static sim here;
    static uint64_t total[SIM_COUNTER_COUNT];
    options given;
    uint64_t faults = 0;
    uint64_t failed = 0;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!read_options(count, words, &given) || satchel_crypto_init() != SATCHEL_OK) {
        fprintf(stderr, "usage: sim [--seeds A..B] [--profile mild|hard] [--json] [--story]\n");
        return 2;
    }
    for (uint64_t seed = given.first; seed <= given.last; seed++) {
        uint32_t kinds;
        play(&here, given.profile, seed, given.story);
        uint64_t trace = here.trace;
        add_run(&here, total);
        faults += faults_of(&here, &kinds);
        bool fine = here.counters[SIM_VIOLATIONS] == 0 && here.counters[SIM_STUCK] == 0;
        if (fine && seed % TWICE_EVERY == 0) {
            play(&here, given.profile, seed, false);
            if (here.trace != trace) {
                printf("seed %" PRIu64 ": played twice, it went two ways\n", seed);
                fine = false;
                total[SIM_VIOLATIONS]++;
            }
        }
        if (!fine) {
            failed++;
            printf("again: ./run sim --seeds %" PRIu64 "..%" PRIu64 " --profile %s --story\n", seed, seed,
                   given.profile->name);
        }
    }
    if (given.json) {
        print_totals(&given, total, faults);
    } else {
        printf("%" PRIu64 " passed, %" PRIu64 " failed\n", given.last - given.first + 1 - failed, failed);
    }
    return failed == 0 ? 0 : 1;
}
