/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a shell may do at the wrong moment: locking while its HTTP is under way, answers that come too late.
 */
#include "unit/device/fixture.h"

#include <string.h>

/* The body is read by the shell's HTTP thread while another thread locks: it must still be there. */
TEST(device_attack, a_request_that_is_out_outlives_a_lock) {
    phone p;
    satchel_exchange *exchange;
    satchel_step step;
    uint64_t sum = 0;
    phone_ready(&p, 900);
    phone_rename(&p, "under way");
    REQUIRE_OK(satchel_exchange_open(&exchange, p.device, 0, &p.error));
    REQUIRE_OK(satchel_exchange_next(exchange, &step, &p.error));
    REQUIRE(step.kind == SATCHEL_STEP_SEND);
    REQUIRE_OK(satchel_device_lock(p.device, &p.error));
    for (size_t i = 0; i < step.request.body.bytes; i++) {
        sum += step.request.body.data[i];
    }
    CHECK(sum > 0);
    CHECK_STATUS(satchel_exchange_feed(exchange, 200, step.request.body, 1, &p.error), SATCHEL_LOCKED);
    satchel_exchange_close(exchange);
    phone_deinit(&p);
}
