/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The offline lease: a phone that did not hear its server for longer than the company allows shows nothing and takes no
 * new work until it has synced.
 *
 * What counts is time that cannot be set: the phone's monotonic clock within each of its starts, and the server's own
 * time where an answer tells it. The wall clock, right or wrong, set back or forward, has no part in it; neither has
 * time during which the phone was switched off, as nothing on the phone measures that.
 */
#ifndef SATCHEL_DEVICE_LEASE_H
#define SATCHEL_DEVICE_LEASE_H

#include <satchel/status.h>

#include <stdbool.h>
#include <stdint.h>

struct satchel_device;

/* What passed is written down at most this often while the device is used, and when it closes. */
#define SATCHEL_LEASE_STEP_MS INT64_C(3600000)

typedef struct satchel_lease {
    uint32_t days;      /* 0: no lease */
    int64_t used_ms;    /* since the server was heard, up to `mark_ms` */
    uint32_t boot;      /* the start of the phone that `mark_ms` belongs to */
    int64_t mark_ms;    /* monotonic */
    int64_t renewed_ms; /* server time of the answer that renewed it, 0: none */
    int64_t kept_ms;    /* monotonic, when it was written down last */
} satchel_lease;

/* After opening, when the orders are known. Errors: those of the store. */
SATCHEL_MUST_USE satchel_status satchel_lease_load(struct satchel_device *device, uint32_t days, satchel_error *error);
/* The company changed it, in an answer: it counts from now. Errors: those of the store. */
SATCHEL_MUST_USE satchel_status satchel_lease_change(struct satchel_device *device, uint32_t days,
                                                     satchel_error *error);
/* An answer came: `renews` if it says that all is well; else it only tells the time. Errors: those of the store. */
SATCHEL_MUST_USE satchel_status satchel_lease_hear(struct satchel_device *device, int64_t server_ms, bool renews,
                                                   satchel_error *error);
/* Time that counts against the lease. */
int64_t satchel_lease_used_ms(const struct satchel_device *device);
/* Until the lease is over; below 0: it is. Of use with a lease only. */
int64_t satchel_lease_left_ms(const struct satchel_device *device);
/* Errors: LEASE_OVER. */
SATCHEL_MUST_USE satchel_status satchel_lease_check(struct satchel_device *device, satchel_error *error);
/* Before the store closes: what passed lasts. A failure costs what passed since the last time. */
void satchel_lease_keep(struct satchel_device *device);

#endif
