/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The effective stamp of an op: when it truly happened, as well as server and phone together can tell.
 * Every input may be hostile: all arithmetic saturates, and the result never leaves [seen, now].
 */
#include "merge/stamp.h"

static int64_t add_saturating(int64_t a, int64_t b) {
    if (b > 0 && a > INT64_MAX - b) {
        return INT64_MAX;
    }
    if (b < 0 && a < INT64_MIN - b) {
        return INT64_MIN;
    }
    return a + b;
}

static int64_t subtract_saturating(int64_t a, int64_t b) {
    if (b < 0 && a > INT64_MAX + b) {
        return INT64_MAX;
    }
    if (b > 0 && a < INT64_MIN + b) {
        return INT64_MIN;
    }
    return a - b;
}

int64_t satchel_stamp_estimate(const satchel_stamp_context *context, const satchel_moment *moment) {
    int64_t now_ms = context->server_now_ms;
    int64_t estimate_ms;
    if (moment->boot == context->phone_now.boot) {
        int64_t age_ms = subtract_saturating(context->phone_now.monotonic_ms, moment->monotonic_ms);
        estimate_ms = subtract_saturating(now_ms, age_ms);
    } else {
        estimate_ms = add_saturating(moment->wall_ms, moment->offset_ms);
    }
    if (estimate_ms < context->seen_ms) {
        estimate_ms = context->seen_ms;
    }
    /* Now wins over seen: a stamp in the server's future would beat every honest write until then. */
    return estimate_ms > now_ms ? now_ms : estimate_ms;
}
