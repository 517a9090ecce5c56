/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plain runner: every test in one process, one after the other, in the order of the sources.
 *
 *     plain_base [--list] [--slow SECONDS] [PATTERN…]      PATTERN: suite/behaviour, with * and ? as in a shell
 *
 * Last line: "N passed, N failed". Exits 0 if all passed, 1 if one failed, 2 if no test fits. A test that hangs is
 * ended after SATCHEL_TEST_SECONDS (600) seconds together with the run, naming the test.
 */
#include "support/runner.h"
#include "support/test.h"

#include <fnmatch.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NAME_BYTES 256
#define LIMIT_SECONDS 600

static test_case *first_case;
static test_case **last_link = &first_case;
static atomic_ulong failures;
static char current_name[NAME_BYTES];
static jmp_buf leave_test;
static _Thread_local bool is_test_thread;

void test_register(test_case *entry) {
    *last_link = entry;
    last_link = &entry->next;
}

void test_report(const char *file, int line, const char *message) {
    atomic_fetch_add(&failures, 1);
    fflush(stdout);
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, current_name, message);
}

_Noreturn void test_end(void) {
    if (!is_test_thread) {
        fprintf(stderr, "%s: REQUIRE failed outside the test's own thread\n", current_name);
        abort();
    }
    longjmp(leave_test, 1);
}

static void say(const char *text) {
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written; /* nothing is left to be done about it */
}

static void on_signal(int number) {
    say(number == SIGALRM ? "\nhangs: " : "\naborts: ");
    say(current_name);
    say("\n");
    signal(number, SIG_DFL);
    raise(number);
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool wanted(const char *name, char **patterns, int count) {
    for (int i = 0; i < count; i++) {
        if (fnmatch(patterns[i], name, 0) == 0) {
            return true;
        }
    }
    return count == 0;
}

static bool run_case(const test_case *entry, unsigned limit_seconds) {
    unsigned long failures_before = atomic_load(&failures);
    test_checks_reset();
    alarm(limit_seconds);
    if (setjmp(leave_test) == 0) {
        entry->body();
    }
    alarm(0);
    if (test_checks_made() == 0) {
        test_report("plain runner", 0, "the test made no check, so it cannot fail");
    }
    return atomic_load(&failures) == failures_before;
}

static int run_all(char **patterns, int pattern_count, double slow_seconds) {
    const char *limit = getenv("SATCHEL_TEST_SECONDS");
    unsigned limit_seconds = limit != NULL ? (unsigned)strtoul(limit, NULL, 10) : LIMIT_SECONDS;
    unsigned passed = 0;
    unsigned failed = 0;
    for (const test_case *entry = first_case; entry != NULL; entry = entry->next) {
        snprintf(current_name, sizeof current_name, "%s/%s", entry->suite, entry->behaviour);
        if (!wanted(current_name, patterns, pattern_count)) {
            continue;
        }
        double start = seconds_now();
        bool good = run_case(entry, limit_seconds);
        double seconds = seconds_now() - start;
        passed += good ? 1 : 0;
        failed += good ? 0 : 1;
        if (!good || seconds >= slow_seconds) {
            printf("%s %8.3f s  %s\n", good ? "pass" : "FAIL", seconds, current_name);
            fflush(stdout);
        }
    }
    printf("%u passed, %u failed\n", passed, failed);
    fflush(stdout); /* the leak check at exit may end the process without */
    if (passed + failed == 0) {
        return 2;
    }
    return failed == 0 ? 0 : 1;
}

static void list_all(void) {
    for (const test_case *entry = first_case; entry != NULL; entry = entry->next) {
        printf("%s/%s\n", entry->suite, entry->behaviour);
    }
}

int main(int argc, char **argv) {
    double slow_seconds = 1e9;
    int at = 1;
    is_test_thread = true;
    if (at < argc && strcmp(argv[at], "--list") == 0) {
        list_all();
        return 0;
    }
    if (at + 1 < argc && strcmp(argv[at], "--slow") == 0) {
        slow_seconds = strtod(argv[at + 1], NULL);
        at += 2;
    }
    signal(SIGABRT, on_signal);
    signal(SIGALRM, on_signal);
    return run_all(argv + at, argc - at, slow_seconds);
}
