/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A creation that fails at any call of the disk: it says that a file failed, can be tried again, and what then is
 * there outlives a loss of power.
 */
#include "fixture.h"
#include "support/vault/disk.h"

#define CALLS_MOST 80 /* more than a creation makes */

static void put_on(vault_fixture *fixture, test_disk *disk) {
    fixture->config.parent = test_disk_vfs(disk);
    fixture->config.files = test_disk_files(disk);
}

/* Makes the store, or opens the one that a failed creation has left. */
static void create_or_open(vault_fixture *fixture) {
    satchel_status status = satchel_vault_create(&fixture->vault, &fixture->config, &fixture->error);
    if (status == SATCHEL_ALREADY_EXISTS) {
        status = satchel_vault_open(&fixture->vault, &fixture->config, &fixture->error);
    }
    REQUIRE_OK(status);
}

/* False: the creation needs no more than `call` - 1 calls. */
static bool fail_creation(vault_fixture *fixture, uint64_t call, test_fault fault) {
    test_disk *disk = test_disk_make();
    put_on(fixture, disk);
    test_disk_fail_at(disk, call, false, fault);
    satchel_status status = satchel_vault_create(&fixture->vault, &fixture->config, &fixture->error);
    test_disk_fail_at(disk, 0, false, fault);
    bool failed = status != SATCHEL_OK;
    if (failed) {
        test_note("call %u: %s", (unsigned)call, fixture->error.detail);
        CHECK(status == SATCHEL_IO_ERROR || status == SATCHEL_DISK_FULL);
        create_or_open(fixture);
        must_run(fixture->vault, "CREATE TABLE t (a)");
        test_disk *left = test_disk_after_power_loss(disk, TEST_SURVIVES_NONE, call);
        fixture_close(fixture);
        put_on(fixture, left);
        fixture_open(fixture);
        CHECK_INT(number_of(fixture->vault, "SELECT count(*) FROM t"), 0);
        fixture_close(fixture);
        test_disk_free(left);
    }
    fixture_close(fixture);
    test_disk_free(disk);
    return failed;
}

static void fail_at_every_call(test_fault fault) {
    vault_fixture fixture;
    uint64_t failures = 0;
    fixture_init(&fixture);
    for (uint64_t call = 1; call < CALLS_MOST; call++) {
        failures += fail_creation(&fixture, call, fault) ? 1 : 0;
    }
    CHECK(failures > 20);
    fixture_deinit(&fixture);
}

TEST(creation, regress_an_error_anywhere_is_an_io_error_and_the_next_try_makes_a_store_that_lasts) {
    fail_at_every_call(TEST_FAULT_ERROR);
}

TEST(creation, regress_a_full_disk_anywhere_is_no_damage_and_the_next_try_makes_a_store_that_lasts) {
    fail_at_every_call(TEST_FAULT_FULL);
}

/* A commit whose sync failed may be found by the next opening. False: it needs no more than `call` - 1 calls. */
static bool fail_commit(vault_fixture *fixture, uint64_t call) {
    test_disk *disk = test_disk_make();
    put_on(fixture, disk);
    fixture_create(fixture);
    must_run(fixture->vault, "CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    test_disk_fail_at(disk, test_disk_operations(disk) + call, true, TEST_FAULT_ERROR);
    bool failed = run_sql(fixture->vault, "INSERT INTO t VALUES (2)") != SQLITE_OK;
    fixture_close(fixture);
    test_disk_fail_at(disk, 0, false, TEST_FAULT_ERROR);
    fixture_open(fixture);
    int64_t seen = number_of(fixture->vault, "SELECT count(*) FROM t");
    test_disk *left = test_disk_after_power_loss(disk, TEST_SURVIVES_NONE, call);
    fixture_close(fixture);
    put_on(fixture, left);
    fixture_open(fixture);
    CHECK_INT(number_of(fixture->vault, "SELECT count(*) FROM t"), seen);
    fixture_close(fixture);
    test_disk_free(left);
    test_disk_free(disk);
    return failed;
}

TEST(creation, regress_what_an_opening_has_found_outlives_a_loss_of_power) {
    vault_fixture fixture;
    uint64_t call = 1;
    fixture_init(&fixture);
    while (call < CALLS_MOST && fail_commit(&fixture, call)) {
        call++;
    }
    CHECK(call > 1);
    fixture_deinit(&fixture);
}
