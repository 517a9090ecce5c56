/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pauses double up to a bound, each cut at random to between half and all of it, so that a fleet does not return in
 * step. Page sizes follow the speed of the last page.
 */
#include "sync/pace.h"

#include "sync/engine.h"

#include <string.h>

#define KIB 1024u
#define MEASURABLE_BYTES 4096u /* below this, latency is measured rather than speed */
#define CLOCK_MOST_MS (INT64_C(1) << 60)

void satchel_pace_rest(satchel_pace *pace) {
    pace->failures = 0;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

bool satchel_pace_fail(satchel_pace *pace, uint32_t least_ms, int64_t *out_wait_ms) {
    uint64_t random = 0;
    if (pace->failures + 1 >= SATCHEL_SYNC_RETRIES) {
        return false;
    }
    int64_t full_ms = SATCHEL_SYNC_BACKOFF_FIRST_MS;
    for (uint32_t i = 0; i < pace->failures && full_ms < SATCHEL_SYNC_BACKOFF_MOST_MS; i++) {
        full_ms *= 2;
    }
    full_ms = smaller(full_ms, SATCHEL_SYNC_BACKOFF_MOST_MS);
    pace->failures++;
    satchel_pace_draw(pace, (uint8_t *)&random, sizeof random);
    int64_t jitter_ms = (int64_t)(random % (uint64_t)(full_ms / 2 + 1));
    int64_t wait_ms = full_ms / 2 + jitter_ms;
    if (least_ms > 0) {
        int64_t asked_ms = smaller(least_ms, SATCHEL_SYNC_BACKOFF_MOST_MS) + jitter_ms;
        wait_ms = asked_ms > wait_ms ? asked_ms : wait_ms;
    }
    *out_wait_ms = wait_ms;
    return true;
}

void satchel_pace_mix(satchel_pace *pace, const uint8_t *random, size_t bytes) {
    satchel_hash hash;
    size_t zeros = 0;
    while (zeros < bytes && random[zeros] == 0) {
        zeros++;
    }
    if (zeros == bytes) {
        return;
    }
    satchel_hash_begin(&hash);
    satchel_hash_add(&hash, satchel_bytes_of(pace->pool, sizeof pace->pool));
    satchel_hash_add(&hash, satchel_bytes_of(random, bytes));
    satchel_hash_end(&hash, pace->pool);
}

void satchel_pace_draw(satchel_pace *pace, uint8_t *out, size_t bytes) {
    satchel_hash hash;
    uint8_t number[8];
    uint8_t drawn[SATCHEL_HASH_BYTES];
    satchel_put_u64be(number, ++pace->drawn);
    satchel_hash_begin_keyed(&hash, satchel_bytes_of(pace->pool, sizeof pace->pool));
    satchel_hash_add(&hash, satchel_bytes_of(number, sizeof number));
    satchel_hash_end(&hash, drawn);
    memcpy(out, drawn, bytes < sizeof drawn ? bytes : sizeof drawn);
}

uint32_t satchel_pace_page_bytes(uint32_t known) {
    if (known == 0) {
        return SATCHEL_SYNC_PAGE_FIRST_BYTES;
    }
    if (known < SATCHEL_SYNC_PAGE_LEAST_BYTES) {
        return SATCHEL_SYNC_PAGE_LEAST_BYTES;
    }
    return known > SATCHEL_SYNC_PAGE_MOST_BYTES ? SATCHEL_SYNC_PAGE_MOST_BYTES : known / KIB * KIB;
}

uint32_t satchel_pace_measure(uint32_t page_bytes, size_t bytes, int64_t elapsed_ms) {
    if (bytes < MEASURABLE_BYTES) {
        return page_bytes;
    }
    uint64_t elapsed = elapsed_ms > 0 ? (uint64_t)elapsed_ms : 1;
    uint64_t fits = (uint64_t)bytes * SATCHEL_SYNC_PAGE_MS / elapsed;
    uint64_t least = page_bytes / 2;
    uint64_t most = (uint64_t)page_bytes * 2;
    fits = fits < least ? least : fits;
    return satchel_pace_page_bytes((uint32_t)(fits > most ? most : fits));
}

uint32_t satchel_pace_shrink(uint32_t page_bytes) {
    return satchel_pace_page_bytes(page_bytes / 2);
}

int64_t satchel_pace_offset(int64_t server_ms, int64_t wall_ms, int64_t elapsed_ms, int64_t otherwise) {
    bool absurd = server_ms > CLOCK_MOST_MS || server_ms < -CLOCK_MOST_MS || wall_ms > CLOCK_MOST_MS ||
                  wall_ms < -CLOCK_MOST_MS || elapsed_ms < 0 || elapsed_ms > CLOCK_MOST_MS;
    return absurd ? otherwise : server_ms - (wall_ms - elapsed_ms / 2);
}
