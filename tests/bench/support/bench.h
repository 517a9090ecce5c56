/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What benches share: a clock, samples with median and spread, and the one form of output: `name value unit`.
 */
#ifndef SATCHEL_TESTS_BENCH_SUPPORT_BENCH_H
#define SATCHEL_TESTS_BENCH_SUPPORT_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Monotonic. */
int64_t bench_now_ns(void);
/* CPU time of the calling thread, of the process. */
int64_t bench_thread_cpu_ns(void);
int64_t bench_process_cpu_ns(void);

/* Highest resident size of the process so far, and the present one, in bytes. */
int64_t bench_peak_bytes(void);
int64_t bench_resident_bytes(void);

/* "--tiny" among the arguments: a run of moments, so that the bench cannot rot. */
bool bench_is_tiny(int argc, char **argv);

/* Value of "--name N", or `otherwise`. */
int64_t bench_option(int argc, char **argv, const char *name, int64_t otherwise);

/* One line. */
void bench_print(const char *name, double value, const char *unit);

#define BENCH_SAMPLES_MOST 100000
typedef struct bench_samples {
    double *values;
    size_t count;
} bench_samples;

/* Ends the program if memory is exhausted, as all here does on failure. */
void bench_samples_init(bench_samples *samples);
void bench_samples_deinit(bench_samples *samples);
void bench_samples_add(bench_samples *samples, double value);
/* 0 … 1; 0.5 is the median. Sorts. */
double bench_samples_quantile(bench_samples *samples, double fraction);

/* "name median unit", "name_least …" and "name_most …". */
void bench_print_samples(const char *name, bench_samples *samples, const char *unit);

/* Ends the program with a message unless the condition holds: a bench that measures nonsense must not print figures. */
void bench_require(bool holds, const char *what);

#endif
