/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of a store that are put back: noticed by the anchor or by the server, and nothing lost or twice either way.
 */
#include "unit/device/fixture.h"

#include "device/anchor.h"

#include <string.h>

/* An enrolled phone in sync whose keystore holds an anchor. */
static void set_up(phone *p, uint64_t seed) {
    phone_init(p, seed);
    phone_anchor(p);
    phone_create(p);
    phone_enroll(p);
    fake_server_stock(&p->server, "Huaning Market");
    REQUIRE_STATUS(phone_sync(p), SATCHEL_OK);
}

static void put_back(phone *p, const char *name) {
    phone_close(p);
    phone_put_back(p, name);
}

TEST(anchor, a_store_that_nobody_touched_opens_without_a_warning) {
    phone p;
    set_up(&p, 901);
    phone_rename(&p, "One");
    phone_close(&p);
    phone_open(&p);
    CHECK_UINT(phone_info(&p).warnings, 0);
    satchel_store_stats stats;
    REQUIRE_OK(satchel_device_get_stats(p.device, &stats, &p.error));
    CHECK(stats.anchored);
    phone_deinit(&p);
}

TEST(anchor, a_copy_that_is_put_back_is_told_and_syncs_everything_once) {
    phone p;
    set_up(&p, 902);
    phone_rename(&p, "Unsent before the copy");
    phone_close(&p);
    phone_back_up(&p, "old");
    phone_open(&p);
    phone_rename(&p, "Sent after the copy");
    REQUIRE_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(p.server.units_applied, 2);
    put_back(&p, "old");
    phone_open(&p);
    CHECK_UINT(phone_info(&p).warnings, SATCHEL_WARNING_ROLLED_BACK);
    CHECK_UINT(phone_info(&p).units_unsent, 1);
    phone_rename(&p, "Made on the copy");
    p.server.finds_copies = true;
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(p.server.lives, 1);
    CHECK_UINT(p.server.units_applied, 3);
    CHECK_UINT(phone_info(&p).units_unsent, 0);
    phone_deinit(&p);
}

TEST(anchor, the_warning_stays_until_it_is_acknowledged) {
    phone p;
    set_up(&p, 903);
    phone_close(&p);
    phone_back_up(&p, "old");
    phone_open(&p);
    phone_rename(&p, "Newer");
    put_back(&p, "old");
    phone_open(&p);
    phone_close(&p);
    phone_open(&p);
    CHECK_UINT(phone_info(&p).warnings, SATCHEL_WARNING_ROLLED_BACK);
    REQUIRE_OK(satchel_device_acknowledge(p.device, SATCHEL_WARNING_ROLLED_BACK, &p.error));
    CHECK_UINT(phone_info(&p).warnings, 0);
    phone_close(&p);
    phone_open(&p);
    CHECK_UINT(phone_info(&p).warnings, 0);
    phone_deinit(&p);
}

TEST(anchor, older_copies_of_either_life_stay_older_for_good) {
    phone p;
    set_up(&p, 904);
    phone_close(&p);
    phone_back_up(&p, "old");
    phone_open(&p);
    phone_rename(&p, "The life that was lost");
    phone_close(&p);
    phone_back_up(&p, "lost");
    phone_put_back(&p, "old");
    phone_open(&p);
    const char *const copies[] = {"old", "lost", "old"};
    for (size_t i = 0; i < 3; i++) {
        REQUIRE_OK(satchel_device_acknowledge(p.device, UINT32_MAX, &p.error));
        put_back(&p, copies[i]);
        phone_open(&p);
        test_note("copy %zu", i);
        CHECK_UINT(phone_info(&p).warnings, SATCHEL_WARNING_ROLLED_BACK);
    }
    phone_deinit(&p);
}

TEST(anchor, a_keystore_that_was_reset_is_told_and_opens) {
    phone p;
    set_up(&p, 905);
    phone_close(&p);
    p.anchor_bytes = 0;
    phone_open(&p);
    CHECK_UINT(phone_info(&p).warnings, SATCHEL_WARNING_ANCHOR_LOST);
    CHECK_UINT(p.server.lives, 0);
    phone_close(&p);
    p.anchor[1] ^= 1; /* another store's */
    REQUIRE(p.anchor_bytes > 0);
    phone_open(&p);
    CHECK_UINT(phone_info(&p).warnings, SATCHEL_WARNING_ANCHOR_LOST);
    phone_deinit(&p);
}

/* Its count is 0, which was taken for a record that is there. */
TEST(anchor, regress_a_store_that_was_only_made_opens_again_without_a_warning) {
    phone p;
    phone_init(&p, 932);
    phone_anchor(&p);
    phone_create(&p);
    CHECK(p.anchor_bytes > 0);
    phone_close(&p);
    phone_open(&p);
    CHECK_UINT(phone_info(&p).warnings, 0);
    phone_deinit(&p);
}

/* A kill, or a keystore that was busy, between the store's first anchor and its record: nothing was lost. */
TEST(anchor, regress_a_first_record_that_was_never_written_frightens_nobody) {
    phone p;
    phone_init(&p, 931);
    phone_anchor(&p);
    p.anchor_status = SATCHEL_NOT_FOUND; /* there is none, and none can be written */
    phone_create(&p);
    phone_close(&p);
    REQUIRE(p.anchor_writes > 0 && p.anchor_bytes == 0);
    p.anchor_status = SATCHEL_OK;
    phone_open(&p);
    CHECK_UINT(phone_info(&p).warnings, 0);
    REQUIRE(p.anchor_bytes > 0);
    phone_close(&p);
    p.anchor_bytes = 0; /* from now on that is a loss */
    phone_open(&p);
    CHECK_UINT(phone_info(&p).warnings, SATCHEL_WARNING_ANCHOR_LOST);
    phone_deinit(&p);
}

TEST(anchor, a_locked_phone_is_asked_again_and_nothing_is_taken_for_lost) {
    phone p;
    set_up(&p, 906);
    phone_close(&p);
    p.anchor_status = SATCHEL_KEY_UNAVAILABLE;
    CHECK_STATUS(satchel_device_open(&p.device, &p.config, &p.error), SATCHEL_KEY_UNAVAILABLE);
    p.anchor_status = SATCHEL_OK;
    phone_open(&p);
    CHECK_UINT(phone_info(&p).warnings, 0);
    phone_deinit(&p);
}

TEST(anchor, a_keystore_that_takes_no_record_costs_no_work) {
    phone p;
    set_up(&p, 907);
    p.anchor_status = SATCHEL_IO_ERROR;
    phone_rename(&p, "One");
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    p.anchor_status = SATCHEL_OK;
    REQUIRE_OK(satchel_device_lock(p.device, &p.error));
    REQUIRE_OK(satchel_device_unlock(p.device, NULL, &p.error));
    CHECK_UINT(phone_info(&p).warnings, 0);
    phone_deinit(&p);
}

TEST(anchor, work_is_named_at_most_once_in_its_step) {
    phone p;
    set_up(&p, 908);
    p.monotonic_ms += SATCHEL_ANCHOR_STEP_MS;
    phone_rename(&p, "a");
    uint32_t before = p.anchor_writes;
    for (int i = 0; i < 20; i++) {
        phone_rename(&p, i % 2 == 0 ? "b" : "c");
    }
    CHECK_UINT(p.anchor_writes, before);
    p.monotonic_ms += SATCHEL_ANCHOR_STEP_MS - 1;
    phone_rename(&p, "d");
    CHECK_UINT(p.anchor_writes, before);
    p.monotonic_ms += 1;
    phone_rename(&p, "e");
    CHECK_UINT(p.anchor_writes, before + 1);
    phone_close(&p);
    CHECK_UINT(p.anchor_writes, before + 1);
    phone_deinit(&p);
}

TEST(anchor, the_company_may_lock_such_stores_until_an_administrator_decides) {
    phone p;
    phone_init(&p, 909);
    phone_anchor(&p);
    phone_create(&p);
    p.server.policy = SATCHEL_POLICY_LOCK_ROLLED_BACK;
    phone_enroll(&p);
    phone_close(&p);
    phone_back_up(&p, "old");
    phone_open(&p);
    fake_server_stock(&p.server, "Huaning Market");
    REQUIRE_STATUS(phone_sync(&p), SATCHEL_OK);
    put_back(&p, "old");
    CHECK_STATUS(satchel_device_open(&p.device, &p.config, &p.error), SATCHEL_ROLLED_BACK);
    CHECK_STATUS(satchel_device_open(&p.device, &p.config, &p.error), SATCHEL_ROLLED_BACK);
    p.config.accept_rolled_back = true;
    phone_open(&p);
    CHECK_UINT(phone_info(&p).warnings, SATCHEL_WARNING_ROLLED_BACK);
    phone_deinit(&p);
}

/* The keystore says nothing of it; the server knows by the token. */
TEST(anchor, without_a_keystore_record_the_server_finds_the_copy) {
    phone p;
    phone_ready(&p, 910);
    phone_rename(&p, "Sent, and the answer was not stored");
    phone_close(&p);
    phone_back_up(&p, "old");
    phone_open(&p);
    REQUIRE_STATUS(phone_sync(&p), SATCHEL_OK);
    phone_rename(&p, "Sent after the copy");
    REQUIRE_STATUS(phone_sync(&p), SATCHEL_OK);
    put_back(&p, "old");
    phone_open(&p);
    phone_rename(&p, "Made on the copy");
    p.server.finds_copies = true;
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(phone_info(&p).warnings, SATCHEL_WARNING_FORKED);
    CHECK_UINT(p.server.lives, 1);
    CHECK_UINT(p.server.units_applied, 3);
    CHECK_UINT(phone_info(&p).units_unsent, 0);
    phone_deinit(&p);
}

/* Killed between any two steps of finding it old, it is found old again. */
TEST(anchor, a_new_life_that_is_cut_off_is_begun_again) {
    phone p;
    set_up(&p, 911);
    phone_close(&p);
    phone_back_up(&p, "old");
    phone_open(&p);
    phone_rename(&p, "Newer");
    put_back(&p, "old");
    p.anchor_status = SATCHEL_OK;
    uint8_t anchor[SATCHEL_ANCHOR_BYTES];
    memcpy(anchor, p.anchor, sizeof anchor);
    phone_open(&p);
    phone_close(&p);
    memcpy(p.anchor, anchor, sizeof anchor); /* the leap was not told to the keystore */
    phone_open(&p);
    CHECK_UINT(phone_info(&p).warnings, SATCHEL_WARNING_ROLLED_BACK);
    p.server.finds_copies = true;
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(p.server.lives, 1);
    phone_deinit(&p);
}
