/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim --seeds A..B [--profile mild|hard|restored|small] [--jobs N] [--database postgres] [--without TROUBLE,…] [--steps
 * N]
 * [--json] [--story]: plays each seed and judges it. A seed that fails is played again with less, and told with the
 * shortest command that still fails. The last line is one of JSON; without --json what was counted is told before it.
 *
 * `postgres` is the server whose address is in SATCHEL_TEST_POSTGRES (tests/support/postgres.py starts one).
 */
#include "sim/hazards/hazard.h"
#include "sim/jobs.h"
#include "sim/memory.h"
#include "sim/run.h"

#include "crypto/crypto.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEED_MOST UINT32_MAX
#define JOBS_MOST 64

typedef struct options {
    uint64_t first, last;
    uint32_t jobs; /* 0: as many as there are processors */
    sim_playing how;
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
    return *end == '\0' && out->last >= out->first && out->last <= SEED_MOST;
}

static bool read_number(const char *word, uint32_t most, uint32_t *out) {
    char *end = NULL;
    unsigned long number = strtoul(word, &end, 10);
    *out = (uint32_t)number;
    return *end == '\0' && number > 0 && number <= most;
}

static bool read_database(const char *word, options *out) {
    bool known = strcmp(word, "postgres") == 0;
    if (known && getenv("SATCHEL_TEST_POSTGRES") == NULL) {
        fprintf(stderr, "SATCHEL_TEST_POSTGRES is not set\n");
        return false;
    }
    out->how.on_postgres = known;
    return known || strcmp(word, "sqlite") == 0;
}

static bool read_option(const char *name, const char *value, options *out) {
    if (strcmp(name, "--seeds") == 0) {
        return read_seeds(value, out);
    }
    if (strcmp(name, "--profile") == 0) {
        out->how.profile = sim_profile_named(value);
        return out->how.profile != NULL;
    }
    if (strcmp(name, "--without") == 0) {
        return read_troubles(value, &out->how.without);
    }
    if (strcmp(name, "--steps") == 0) {
        return read_number(value, UINT32_MAX, &out->how.steps);
    }
    if (strcmp(name, "--jobs") == 0) {
        return read_number(value, JOBS_MOST, &out->jobs);
    }
    return strcmp(name, "--database") == 0 && read_database(value, out);
}

static bool read_options(int count, char **words, options *out) {
    *out = (options){.first = 1, .last = 20};
    bool fine = true;
    for (int i = 1; i < count && fine; i++) {
        if (strcmp(words[i], "--json") == 0) {
            out->json = true;
        } else if (strcmp(words[i], "--story") == 0) {
            out->how.tells = true;
        } else {
            fine = i + 1 < count && read_option(words[i], words[i + 1], out);
            i++;
        }
    }
    if (out->how.profile == NULL) {
        out->how.profile = sim_profile_named(out->how.on_postgres ? "small" : "mild");
    }
    return fine;
}

static uint32_t jobs_of(const options *given) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t seeds = given->last - given->first + 1;
    uint32_t jobs = given->jobs != 0 ? given->jobs : processors > 0 ? (uint32_t)processors : 1;
    if (given->how.tells) {
        return 1;
    }
    return seeds < jobs ? (uint32_t)seeds : jobs;
}

int main(int count, char **words) {
    static sim_tally tally;
    options given;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    sim_memory_set_up();
    int stories = satchel_crypto_init() == SATCHEL_OK ? sim_hazards(count, words) : 2;
    if (stories >= 0) {
        return stories;
    }
    if (!read_options(count, words, &given)) {
        fprintf(stderr,
                "usage: sim [--seeds A..B] [--profile mild|hard|restored|small] [--jobs N] [--database postgres] "
                "[--without TROUBLE,…] [--steps N] [--json] [--story]\n");
        return 2;
    }
    tally.profile = given.how.profile;
    sim_jobs_run(&given.how, given.first, given.last, jobs_of(&given), &tally);
    bool whole = given.how.without != 0 || given.how.steps != 0 || sim_tally_is_whole(&tally);
    if (!given.json) {
        sim_tally_print(&tally);
        printf("%" PRIu64 " passed, %" PRIu64 " failed\n", tally.seeds + tally.again - tally.failed, tally.failed);
    }
    sim_tally_print_json(&tally);
    return tally.failed == 0 && whole ? 0 : 1;
}
