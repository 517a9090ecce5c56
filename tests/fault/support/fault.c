/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main of the programs of the fault ring. One process, one thread.
 */
#include "fault/support/fault.h"

#include "support/test.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRINTED_MOST 40u

static struct {
    bool full;
    uint64_t seed;
    const char *only;
    const char *running;
    uint64_t counters[FAULT_COUNTER_COUNT];
    unsigned printed;
} state = {.seed = 1};

bool fault_full(void) {
    return state.full;
}

uint64_t fault_seed(void) {
    return state.seed;
}

void fault_count(fault_counter counter, uint64_t more) {
    state.counters[counter] += more;
}

void fault_wrong(fault_counter counter, const char *format, ...) {
    va_list arguments;
    state.counters[counter]++;
    if (state.printed++ >= PRINTED_MOST) {
        return;
    }
    printf("%s, seed %" PRIu64 "%s: ", state.running, state.seed, state.full ? ", full" : "");
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

bool fault_takes(uint64_t number, uint64_t total, uint64_t sample) {
    if (state.full || sample >= total) {
        return true;
    }
    /* The numbers at which floor((number + shift) · sample / total) rises. */
    uint64_t shift = state.seed * UINT64_C(0x9e3779b97f4a7c15) % total;
    return (number + shift) * sample / total != (number + shift - 1) * sample / total;
}

static bool read_options(int count, char **words) {
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], "--full") == 0) {
            state.full = true;
        } else if (strcmp(words[i], "--seed") == 0 && i + 1 < count) {
            state.seed = strtoull(words[++i], NULL, 10);
        } else if (strcmp(words[i], "--only") == 0 && i + 1 < count) {
            state.only = words[++i];
        } else {
            fprintf(stderr, "usage: %s [--full] [--seed N] [--only CASE]\n", words[0]);
            return false;
        }
    }
    return true;
}

/* The line that ends the output; gives whether all is well. */
static bool summary(void) {
    static const char *const names[] = {
#define FAULT_NAME(name, key) #key,
        FAULT_COUNTERS(FAULT_NAME)
#undef FAULT_NAME
    };
    uint64_t seen = 0;
    printf("{");
    for (size_t i = 0; i < FAULT_COUNTER_COUNT; i++) {
        printf("%s\"%s\":%" PRIu64, i == 0 ? "" : ",", names[i], state.counters[i]);
        seen += i < FAULT_REFUSED_OPENS ? state.counters[i] : 0;
    }
    printf("}\n");
    return seen > 0 && state.counters[FAULT_REFUSED_OPENS] == 0 && state.counters[FAULT_SILENT] == 0 &&
           state.counters[FAULT_UNOPENABLE] == 0 && state.counters[FAULT_FAILURES] == 0;
}

/* The checks of support/test.h, which the ring's helpers make: one that fails is a failure, a required one ends all. */
void test_report(const char *file, int line, const char *message) {
    fault_wrong(FAULT_FAILURES, "%s:%d: %s", file, line, message);
}

_Noreturn void test_end(void) {
    (void)summary();
    exit(1);
}

int main(int count, char **words) {
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!read_options(count, words)) {
        return 2;
    }
    printf("seed %" PRIu64 "%s\n", state.seed, state.full ? ", full" : "");
    for (const fault_case *one = fault_cases; one->name != NULL; one++) {
        if (state.only == NULL || strcmp(state.only, one->name) == 0) {
            state.running = one->name;
            one->run();
        }
    }
    return summary() ? 0 : 1;
}
