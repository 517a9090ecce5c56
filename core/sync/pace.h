/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the engine goes: pauses between attempts, size of pages, measured clock offset, and the random numbers that
 * it needs for jitter and tokens. Internal to sync/.
 */
#ifndef SATCHEL_SYNC_PACE_H
#define SATCHEL_SYNC_PACE_H

#include "base/bytes.h"
#include "crypto/hash.h"

typedef struct satchel_pace {
    uint32_t failures;                /* in a row */
    uint8_t pool[SATCHEL_HASH_BYTES]; /* what the drawn bytes are hashed from */
    uint64_t drawn;
} satchel_pace;

/* Something went well: the next failure is the first again. */
void satchel_pace_rest(satchel_pace *pace);

/* Counts a failure. False: enough of them; else how long to wait, `least_ms` (bounded) at least. */
bool satchel_pace_fail(satchel_pace *pace, uint32_t least_ms, int64_t *out_wait_ms);

/* Random bytes of the driver go into the pool; zeros only are passed over. */
void satchel_pace_mix(satchel_pace *pace, const uint8_t *random, size_t bytes);

/* At most SATCHEL_HASH_BYTES that nobody can foretell who does not know what was mixed in. */
void satchel_pace_draw(satchel_pace *pace, uint8_t *out, size_t bytes);

/* The size to ask for: 0 is none known yet. */
uint32_t satchel_pace_page_bytes(uint32_t known);

/* The next size, from one page of `bytes` that took `elapsed_ms`; at most twice or half the last. */
uint32_t satchel_pace_measure(uint32_t page_bytes, size_t bytes, int64_t elapsed_ms);
uint32_t satchel_pace_shrink(uint32_t page_bytes);

/*
 * Server time minus wall clock at an answer that was on its way for `elapsed_ms`; `otherwise` if a clock is absurd.
 * No arithmetic overflow for any input.
 */
int64_t satchel_pace_offset(int64_t server_ms, int64_t wall_ms, int64_t elapsed_ms, int64_t otherwise);

#endif
