/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clocks, samples, output.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t bench_now_ns(void) {
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t bench_thread_cpu_ns(void) {
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

int64_t bench_process_cpu_ns(void) {
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* Not getrusage: its highest value goes on over exec, and would be that of the program which started this one. */
int64_t bench_peak_bytes(void) {
    char line[256];
    long long kib = -1;
    FILE *file = fopen("/proc/self/status", "r");
    bench_require(file != NULL, "/proc/self/status");
    while (kib < 0 && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "VmHWM: %lld kB", &kib) != 1) {
            kib = -1;
        }
    }
    fclose(file);
    bench_require(kib >= 0, "the highest resident size");
    return kib * 1024;
}

int64_t bench_resident_bytes(void) {
    long total = 0;
    long resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    bench_require(file != NULL && fscanf(file, "%ld %ld", &total, &resident) == 2, "/proc/self/statm");
    fclose(file);
    return (int64_t)resident * sysconf(_SC_PAGESIZE);
}

bool bench_is_tiny(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--tiny") == 0) {
            return true;
        }
    }
    return false;
}

int64_t bench_option(int argc, char **argv, const char *name, int64_t otherwise) {
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return strtoll(argv[i + 1], NULL, 10);
        }
    }
    return otherwise;
}

void bench_print(const char *name, double value, const char *unit) {
    printf("%-44s %14.3f %s\n", name, value, unit);
    fflush(stdout);
}

void bench_samples_init(bench_samples *samples) {
    samples->values = calloc(BENCH_SAMPLES_MOST, sizeof *samples->values);
    samples->count = 0;
    bench_require(samples->values != NULL, "memory for samples");
}

void bench_samples_deinit(bench_samples *samples) {
    free(samples->values);
    samples->values = NULL;
}

void bench_samples_add(bench_samples *samples, double value) {
    bench_require(samples->count < BENCH_SAMPLES_MOST, "fewer samples");
    samples->values[samples->count++] = value;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_samples_quantile(bench_samples *samples, double fraction) {
    bench_require(samples->count > 0, "at least one sample");
    qsort(samples->values, samples->count, sizeof *samples->values, compare);
    size_t index = (size_t)(fraction * (double)(samples->count - 1) + 0.5);
    return samples->values[index];
}

void bench_print_samples(const char *name, bench_samples *samples, const char *unit) {
    char text[128];
    bench_print(name, bench_samples_quantile(samples, 0.5), unit);
    snprintf(text, sizeof text, "%s_least", name);
    bench_print(text, bench_samples_quantile(samples, 0.0), unit);
    snprintf(text, sizeof text, "%s_most", name);
    bench_print(text, bench_samples_quantile(samples, 1.0), unit);
}

void bench_require(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "bench: not as it should be: %s\n", what);
        exit(1);
    }
}
