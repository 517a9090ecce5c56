/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every program of the fault ring shares: options, counters, and the one line of JSON at its end.
 *
 * A program of tests/fault/ gives `fault_cases`; support/fault.c has main. `--full` asks for every point, otherwise
 * each case takes a sample that differs with `--seed N` (printed). `--only CASE` narrows it. A point is counted only
 * after what it left was opened again and checked. Exit 1: something was silent, unopenable or failed, or nothing was
 * counted.
 */
#ifndef SATCHEL_TESTS_FAULT_SUPPORT_FAULT_H
#define SATCHEL_TESTS_FAULT_SUPPORT_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(NAME, key): what is counted. The sum over all programs ends the ring. */
#define FAULT_COUNTERS(X)                                                                                              \
    X(CRASH_POINTS, crash_points)           /* losses of power, each opened again and compared with the model */       \
    X(CRASHES_IN_RECOVERY, recovery_points) /* of these: a second loss of power while the first was recovered */       \
    X(IO_ERRORS, io_errors)                                                                                            \
    X(OOM_FAILURES, oom_failures)                                                                                      \
    X(BITS_FLIPPED, bits_flipped)                                                                                      \
    X(PAGES_SWAPPED, pages_swapped) /* pages and frames swapped, zeroed, replayed or brought from elsewhere */         \
    X(BYTES_SCANNED, bytes_scanned) /* for canaries, in every file ever written */                                     \
    X(STATEMENTS, statements)       /* of generated SQL, same answer on both VFSes */                                  \
    X(REFUSED_OPENS, refused_opens) /* of files in clear: must be 0 */                                                 \
    X(SILENT, silent)               /* a change that nobody noticed, or an acknowledged commit lost: must be 0 */      \
    X(UNOPENABLE, unopenable)       /* a store that a mere power cut or failure left unopenable: must be 0 */          \
    X(FAILURES, failures)           /* anything else that is wrong: must be 0 */

typedef enum fault_counter {
#define FAULT_ENUM(name, key) FAULT_##name,
    FAULT_COUNTERS(FAULT_ENUM)
#undef FAULT_ENUM
        FAULT_COUNTER_COUNT
} fault_counter;

typedef struct fault_case {
    const char *name;
    void (*run)(void);
} fault_case;

/* Given by the program; ends with a NULL name. */
extern const fault_case fault_cases[];

bool fault_full(void);
uint64_t fault_seed(void);

void fault_count(fault_counter counter, uint64_t more);

/*
 * Notes something wrong under `counter` (SILENT, UNOPENABLE or FAILURES) and prints it with the case's name and seed.
 * Printing stops after some, counting does not.
 */
void fault_wrong(fault_counter counter, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Whether point `number` (from 1) belongs to this run: all with --full, otherwise about `sample` of `total`, spread
 * evenly and shifted by the seed.
 */
bool fault_takes(uint64_t number, uint64_t total, uint64_t sample);

#endif
