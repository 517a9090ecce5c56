/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's clock: the system's, or a rehearsal's that is moved against it by a stored offset.
 */
#ifndef SATCHEL_SERVER_HOST_CLOCK_H
#define SATCHEL_SERVER_HOST_CLOCK_H

#include <satchel/status.h>

#include <stdatomic.h>

typedef struct satchel_clock {
    _Atomic int64_t offset_ms;
} satchel_clock;

/* Reads the folder's stored offset; none is 0. Errors: IO_ERROR, DAMAGED (the file holds no number). */
SATCHEL_MUST_USE satchel_status satchel_clock_load(satchel_clock *clock, const char *folder, satchel_error *error);

/* Stores durably, then moves. 0 removes the file. Errors: IO_ERROR. */
SATCHEL_MUST_USE satchel_status satchel_clock_store(satchel_clock *clock, const char *folder, int64_t offset_ms,
                                                    satchel_error *error);

/* ms since 1970-01-01 UTC; the form that satchel_service_platform wants. */
int64_t satchel_clock_now_ms(void *clock);

/* The system's time, without any offset. */
int64_t satchel_clock_system_ms(void);

#endif
