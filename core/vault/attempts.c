/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delays are measured on the monotonic clock only: a user can set the wall clock.
 */
#include "vault/attempts.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)

int64_t satchel_attempts_delay_ms(uint32_t wrong) {
    static const int64_t delays_ms[] = {
        0, 0, 0, 30 * SECOND_MS, MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS, 8 * HOUR_MS,
    };
    uint32_t last = (uint32_t)(sizeof delays_ms / sizeof delays_ms[0]) - 1;
    return delays_ms[wrong < last ? wrong : last];
}

int64_t satchel_attempts_wait_ms(const satchel_key_attempts *attempts, const satchel_moment *now) {
    int64_t delay_ms = satchel_attempts_delay_ms(attempts->wrong);
    int64_t passed_ms = now->monotonic_ms > 0 ? now->monotonic_ms : 0;
    if (now->boot == attempts->boot && passed_ms >= attempts->monotonic_ms && attempts->monotonic_ms >= 0) {
        passed_ms -= attempts->monotonic_ms;
    }
    return passed_ms < delay_ms ? delay_ms - passed_ms : 0;
}
