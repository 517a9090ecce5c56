/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stamps: from what a phone knows of time to the estimated true time by which concurrent writes are ranked.
 *
 * Clocks are never trusted: within one boot the monotonic clock dates an op against the present exchange; across boots
 * the last measured offset does; everything is bounded to [time of the exchange that the op was made on, now].
 */
#ifndef SATCHEL_MERGE_STAMP_H
#define SATCHEL_MERGE_STAMP_H

#include <satchel/types.h>

typedef struct satchel_stamp_context {
    satchel_moment phone_now; /* the phone's moment when it made the request */
    int64_t server_now_ms;    /* the server's clock at the same exchange */
    int64_t seen_ms;          /* server time of the exchange that the op was made on; INT64_MIN if unknown */
} satchel_stamp_context;

/*
 * The effective stamp of an op committed at `moment`, ms since 1970-01-01 UTC on the server's clock. Same boot as
 * phone_now: server_now - (phone_now.monotonic - moment.monotonic). Another boot: moment.wall + moment.offset. Then
 * clamped to [seen_ms, server_now_ms]. No arithmetic overflow for any input.
 */
int64_t satchel_stamp_estimate(const satchel_stamp_context *context, const satchel_moment *moment);

#endif
