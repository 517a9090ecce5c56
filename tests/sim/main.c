/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim --seeds A..B [--profile mild|hard] [--without TROUBLE,…] [--steps N] [--json] [--story]: plays each seed and
 * judges it. Every hundredth seed is played twice and must leave the same trace. A seed that fails is played again with
 * less, and told with the shortest command that still fails.
 */
#include "sim/hazards/hazard.h"
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
#define SHRINKS_MOST 12
#define STEPS_WITHOUT 1000 /* if kinds of trouble are forbidden and no number of steps is given */
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
    if (here->steps != 0) {
        return here->step >= here->steps;
    }
    uint32_t kinds = 0;
    uint64_t faults = faults_of(here, &kinds);
    if (here->without != 0) { /* what is forbidden never becomes enough */
        return here->step >= STEPS_WITHOUT;
    }
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
        say(here, "still not quiet after all rounds");
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

/* How a seed is played. */
typedef struct playing {
    const sim_profile *profile;
    uint32_t without; /* bits of sim_trouble */
    uint32_t steps;   /* exactly so many; 0: until the profile has enough */
    bool tells;
    bool hushed; /* prints nothing */
} playing;

static bool play(sim *here, const playing *how, uint64_t seed) {
    const sim_profile *profile = how->profile;
    memset(here, 0, sizeof *here);
    here->profile = profile;
    here->seed = seed;
    here->tells = how->tells;
    here->hushed = how->hushed;
    here->without = how->without;
    here->steps = how->steps;
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
    if (!has_enough(here) && how->without == 0) {
        say(here, "less happened than the profile wants");
        here->counters[SIM_STUCK]++;
    }
    close_all(here);
    return here->counters[SIM_VIOLATIONS] == 0 && here->counters[SIM_STUCK] == 0;
}

/* --- shrinking --- */

static void print_command(const playing *how, uint64_t seed) {
    printf("again: ./run sim --seeds %" PRIu64 "..%" PRIu64 " --profile %s", seed, seed, how->profile->name);
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
static void shrink(sim *here, playing how, uint64_t seed) {
    uint32_t low = 1;
    how.tells = false;
    how.hushed = true;
    (void)play(here, &how, seed);
    how.steps = here->step;
    for (uint32_t i = 0; i < SIM_TROUBLE_COUNT; i++) {
        playing less = how;
        less.without |= UINT32_C(1) << i;
        if (less.without != how.without && !play(here, &less, seed)) {
            how = less;
        }
    }
    bool fails = !play(here, &how, seed);
    uint32_t high = here->step;
    for (uint32_t tries = 0; fails && low < high && tries < SHRINKS_MOST; tries++) {
        playing less = how;
        less.steps = low + (high - low) / 2;
        if (play(here, &less, seed)) {
            low = less.steps + 1;
        } else {
            high = less.steps;
            how.steps = less.steps;
        }
    }
    print_command(&how, seed);
}

/* --- options --- */

typedef struct options {
    uint64_t first, last;
    playing how;
    bool json;
} options;

/* "crashes,restores" into bits. */
static bool read_troubles(const char *word, uint32_t *out) {
    while (*word != '\0') {
        size_t bytes = strcspn(word, ",");
        uint32_t at = 0;
        while (at < SIM_TROUBLE_COUNT &&
               (strlen(sim_trouble_names[at]) != bytes || strncmp(sim_trouble_names[at], word, bytes) != 0)) {
            at++;
        }
        if (at == SIM_TROUBLE_COUNT) {
            return false;
        }
        *out |= UINT32_C(1) << at;
        word += bytes + (word[bytes] == ',' ? 1 : 0);
    }
    return true;
}

static bool read_seeds(const char *word, options *out) {
    char *end = NULL;
    out->first = strtoull(word, &end, 10);
    out->last = strncmp(end, "..", 2) == 0 ? strtoull(end + 2, &end, 10) : out->first;
    return *end == '\0' && out->last >= out->first;
}

static bool read_options(int count, char **words, options *out) {
    *out = (options){.first = 1, .last = 20, .how = {.profile = sim_profile_named("mild")}};
    bool fine = true;
    for (int i = 1; i < count && fine; i++) {
        const char *next = i + 1 < count ? words[i + 1] : NULL;
        if (strcmp(words[i], "--json") == 0) {
            out->json = true;
        } else if (strcmp(words[i], "--story") == 0) {
            out->how.tells = true;
        } else if (next == NULL) {
            return false;
        } else if (strcmp(words[i], "--seeds") == 0) {
            fine = read_seeds(words[++i], out);
        } else if (strcmp(words[i], "--profile") == 0) {
            out->how.profile = sim_profile_named(words[++i]);
        } else if (strcmp(words[i], "--without") == 0) {
            fine = read_troubles(words[++i], &out->how.without);
        } else if (strcmp(words[i], "--steps") == 0) {
            out->how.steps = (uint32_t)strtoul(words[++i], NULL, 10);
        } else {
            return false;
        }
    }
    return fine && out->how.profile != NULL;
}

static void add_run(const sim *here, uint64_t total[SIM_COUNTER_COUNT]) {
    for (size_t i = 0; i < SIM_COUNTER_COUNT; i++) {
        total[i] += here->counters[i];
    }
}

static void print_totals(const options *given, const uint64_t total[SIM_COUNTER_COUNT], uint64_t faults) {
    printf("{\"seeds\":%" PRIu64 ",\"profile\":\"%s\",\"faults\":%" PRIu64, given->last - given->first + 1,
           given->how.profile->name, faults);
    for (size_t i = 0; i < SIM_COUNTER_COUNT; i++) {
        printf(",\"%s\":%" PRIu64, sim_counter_names[i], total[i]);
    }
    printf("}\n");
}

/* Every hundredth seed must leave the same trace twice. */
static bool is_repeatable(sim *here, const playing *how, uint64_t seed) {
    playing again = *how;
    uint64_t trace = here->trace;
    again.tells = false;
    (void)play(here, &again, seed);
    if (here->trace != trace) {
        say(here, "played twice, it went two ways");
    }
    return here->trace == trace;
}

int main(int count, char **words) {
    static sim here;
    static uint64_t total[SIM_COUNTER_COUNT];
    options given;
    uint64_t faults = 0;
    uint64_t failed = 0;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    int stories = satchel_crypto_init() == SATCHEL_OK ? sim_hazards(count, words) : 2;
    if (stories >= 0) {
        return stories;
    }
    if (!read_options(count, words, &given)) {
        fprintf(stderr, "usage: sim [--seeds A..B] [--profile mild|hard] [--without TROUBLE,…] [--steps N] [--json] "
                        "[--story]\n");
        return 2;
    }
    for (uint64_t seed = given.first; seed <= given.last; seed++) {
        uint32_t kinds;
        bool fine = play(&here, &given.how, seed);
        add_run(&here, total);
        faults += faults_of(&here, &kinds);
        if (fine && seed % TWICE_EVERY == 0 && !is_repeatable(&here, &given.how, seed)) {
            fine = false;
            total[SIM_VIOLATIONS]++;
            print_command(&given.how, seed);
        } else if (!fine) {
            shrink(&here, given.how, seed);
        }
        failed += fine ? 0 : 1;
    }
    if (given.json) {
        print_totals(&given, total, faults);
    } else {
        printf("%" PRIu64 " passed, %" PRIu64 " failed\n", given.last - given.first + 1 - failed, failed);
    }
    return failed == 0 ? 0 : 1;
}
