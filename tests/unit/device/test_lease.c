/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The offline lease: what counts, what does not, what it stops and what it never stops.
 */
#include "unit/device/fixture.h"

#include "device/device.h"

#include <string.h>

#define DAY_MS INT64_C(86400000)

static void leased(phone *p, uint64_t seed, uint32_t days) {
    phone_ready(p, seed);
    p->server.orders.serial = 2;
    p->server.orders.lease_days = days;
    CHECK_STATUS(phone_sync(p), SATCHEL_OK);
    CHECK_UINT(phone_info(p).lease_days, days);
}

static satchel_status look(phone *p) {
    satchel_page *page = NULL;
    satchel_status status = satchel_row_open(&page, p->device, SATCHEL_ENTITY_CUSTOMER, &fake_customer, &p->error);
    satchel_page_close(page);
    return status;
}

/* Time goes on, for both clocks. */
static void pass(phone *p, int64_t ms) {
    p->wall_ms += ms;
    p->monotonic_ms += ms;
}

static void restart(phone *p) {
    phone_close(p);
    p->boot_tag[0]++;
    p->monotonic_ms = 0;
    phone_open(p);
}

TEST(lease, holds_to_its_last_moment_and_not_one_longer) {
    phone p;
    leased(&p, 821, 30);
    pass(&p, phone_info(&p).lease_left_ms);
    CHECK_OK(look(&p));
    CHECK_INT(phone_info(&p).lease_left_ms, 0);
    pass(&p, 1);
    CHECK_STATUS(look(&p), SATCHEL_LEASE_OVER);
    CHECK_INT(phone_info(&p).lease_left_ms, -1);
    phone_deinit(&p);
}

TEST(lease, what_is_locked_is_sent_and_the_sync_unlocks_it) {
    phone p;
    satchel_write *write = NULL;
    leased(&p, 822, 2);
    phone_rename(&p, "Unsent");
    pass(&p, 2 * DAY_MS + 1);
    CHECK_STATUS(satchel_write_begin(&write, p.device, &p.error), SATCHEL_LEASE_OVER);
    CHECK_UINT(phone_info(&p).units_unsent, 1);
    phone_close(&p);
    phone_open(&p);
    CHECK_STATUS(look(&p), SATCHEL_LEASE_OVER);
    uint32_t before = p.server.units_applied;
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(p.server.units_applied, before + 1);
    CHECK_OK(look(&p));
    phone_deinit(&p);
}

TEST(lease, the_wall_clock_has_no_part_in_it) {
    static const int64_t jumps[] = {3650 * DAY_MS, -3650 * DAY_MS, -INT64_C(1700000000000), INT64_C(500000000000)};
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        phone p;
        leased(&p, 823, 7);
        p.wall_ms += jumps[i];
        CHECK_OK(look(&p));
        restart(&p);
        CHECK_OK(look(&p));
        pass(&p, phone_info(&p).lease_left_ms);
        p.wall_ms -= 2 * jumps[i];
        CHECK_OK(look(&p));
        pass(&p, 1);
        CHECK_STATUS(look(&p), SATCHEL_LEASE_OVER);
        phone_deinit(&p);
    }
}

TEST(lease, a_restart_of_the_phone_takes_nothing_back) {
    phone p;
    leased(&p, 824, 3);
    pass(&p, 2 * DAY_MS);
    restart(&p);
    CHECK(phone_info(&p).lease_left_ms <= DAY_MS && phone_info(&p).lease_left_ms > DAY_MS - 1000);
    pass(&p, phone_info(&p).lease_left_ms);
    CHECK_OK(look(&p));
    pass(&p, 1);
    CHECK_STATUS(look(&p), SATCHEL_LEASE_OVER);
    restart(&p);
    CHECK_STATUS(look(&p), SATCHEL_LEASE_OVER);
    phone_deinit(&p);
}

/* A process that is killed loses at most the step of what it had counted. */
TEST(lease, what_passed_in_use_is_written_down_now_and_then) {
    phone p;
    leased(&p, 825, 10);
    for (int hour = 0; hour < 24 * 9; hour++) {
        pass(&p, SATCHEL_LEASE_STEP_MS);
        CHECK_OK(look(&p));
    }
    phone_back_up(&p, "killed");
    phone_close(&p);
    phone_put_back(&p, "killed");
    p.boot_tag[0]++;
    p.monotonic_ms = 0;
    phone_open(&p);
    CHECK(phone_info(&p).lease_left_ms <= DAY_MS + SATCHEL_LEASE_STEP_MS);
    phone_deinit(&p);
}

TEST(lease, an_answer_that_does_not_renew_still_tells_the_time) {
    phone p;
    leased(&p, 826, 5);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    restart(&p);
    p.server.revoked = true;
    p.server.now_ms += 6 * DAY_MS;
    CHECK_STATUS(phone_sync(&p), SATCHEL_REVOKED);
    CHECK_STATUS(look(&p), SATCHEL_LEASE_OVER);
    phone_deinit(&p);
}

TEST(lease, a_company_without_one_locks_nobody) {
    phone p;
    leased(&p, 827, 0);
    pass(&p, 4000 * DAY_MS);
    CHECK_OK(look(&p));
    CHECK_INT(phone_info(&p).lease_left_ms, 0);
    phone_deinit(&p);
}
