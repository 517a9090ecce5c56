/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a store: what a wipe says and leaves, what retire refuses, what signing out keeps.
 */
#include "unit/device/fixture.h"

#include "device/device.h"
#include "device/inbox.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool has_file(const phone *p, const char *name) {
    char path[TEST_PATH_BYTES + 32];
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    return access(path, F_OK) == 0;
}

static void check_gone(phone *p) {
    static const char *const names[] = {"keys.a", "keys.b", "store.db", "store.db-wal", "inbox.pub", "inbox"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        test_note("%s", names[i]);
        CHECK(!has_file(p, names[i]));
    }
    phone_close(p);
    CHECK_STATUS(satchel_device_open(&p->device, &p->config, &p->error), SATCHEL_NOT_FOUND);
}

TEST(retire, a_wipe_counts_what_is_lost_and_leaves_nothing) {
    phone p;
    satchel_wipe_receipt receipt;
    phone_ready(&p, 701);
    phone_anchor(&p); /* of use from the next opening on; a wipe forgets it now */
    phone_close(&p);
    phone_open(&p);
    phone_rename(&p, "One");
    phone_rename(&p, "Two");
    REQUIRE_OK(satchel_device_wipe(p.device, &receipt, &p.error));
    CHECK(receipt.wiped);
    CHECK(receipt.counted);
    CHECK_UINT(receipt.units_unsent, 2);
    CHECK_ID(&receipt.device, &p.server.device);
    CHECK_INT(receipt.at_ms, p.wall_ms);
    CHECK(p.forgotten);
    satchel_device_info info;
    CHECK_STATUS(satchel_device_get_info(p.device, &info, &p.error), SATCHEL_NOT_FOUND);
    CHECK_STATUS(satchel_device_unlock(p.device, NULL, &p.error), SATCHEL_NOT_FOUND);
    CHECK_STATUS(satchel_device_resume(p.device, &p.error), SATCHEL_NOT_FOUND);
    check_gone(&p);
    phone_deinit(&p);
}

TEST(retire, a_locked_store_is_wiped_and_the_receipt_says_that_nobody_counted) {
    phone p;
    satchel_wipe_receipt receipt;
    phone_ready(&p, 702);
    phone_rename(&p, "One");
    REQUIRE_OK(satchel_device_lock(p.device, &p.error));
    REQUIRE_OK(satchel_device_wipe(p.device, &receipt, &p.error));
    CHECK(receipt.wiped);
    CHECK(!receipt.counted);
    CHECK_OK(satchel_device_wipe(p.device, &receipt, &p.error));
    check_gone(&p);
    phone_deinit(&p);
}

TEST(retire, a_store_that_cannot_be_opened_is_wiped_by_its_folder) {
    phone p;
    satchel_wipe_receipt receipt;
    phone_ready(&p, 703);
    CHECK_STATUS(satchel_store_wipe(&p.config, &receipt, &p.error), SATCHEL_IN_USE);
    CHECK(!receipt.wiped);
    phone_close(&p);
    p.keystore_status = SATCHEL_KEY_GONE;
    REQUIRE_OK(satchel_store_wipe(&p.config, &receipt, &p.error));
    CHECK(receipt.wiped && !receipt.counted);
    satchel_device_config bad = p.config;
    bad.folder = NULL;
    CHECK_STATUS(satchel_store_wipe(&bad, &receipt, &p.error), SATCHEL_INVALID_ARGUMENT);
    check_gone(&p);
    p.keystore_status = SATCHEL_OK;
    phone_create(&p);
    CHECK(!phone_info(&p).enrolled);
    phone_deinit(&p);
}

TEST(retire, what_was_not_handed_over_keeps_the_store) {
    phone p;
    satchel_wipe_receipt receipt;
    phone_ready(&p, 704);
    phone_rename(&p, "One");
    CHECK_STATUS(satchel_device_retire(p.device, &receipt, &p.error), SATCHEL_REQUIRED_BEFORE);
    CHECK_UINT(receipt.units_unsent, 1);
    CHECK(!receipt.wiped);
    CHECK_UINT(phone_info(&p).units_unsent, 1);
    REQUIRE_STATUS(phone_sync(&p), SATCHEL_OK);
    REQUIRE_OK(satchel_device_retire(p.device, &receipt, &p.error));
    CHECK(receipt.wiped);
    CHECK_UINT(receipt.units_unsent, 0);
    check_gone(&p);
    phone_deinit(&p);
}

/* What cannot be counted is not taken for nothing. */
TEST(retire, regress_an_inbox_that_cannot_be_read_keeps_the_store) {
    phone p;
    satchel_wipe_receipt receipt;
    uint64_t kept = 0;
    phone_ready(&p, 714);
    REQUIRE_OK(satchel_store_put_value(p.device->store, "inbox", satchel_bytes_of("\x09", 1), &p.error));
    CHECK_STATUS(satchel_inbox_kept(p.device, &kept, &p.error), SATCHEL_DAMAGED);
    CHECK_STATUS(satchel_device_retire(p.device, &receipt, &p.error), SATCHEL_REQUIRED_BEFORE);
    CHECK(!receipt.wiped && !receipt.counted);
    REQUIRE_OK(satchel_device_sign_out(p.device, &receipt, &p.error));
    CHECK(!receipt.wiped && phone_info(&p).locked);
    phone_deinit(&p);
}

/* The keystore can forget, from now on. */
static void forgetful(phone *p) {
    phone_anchor(p);
    phone_close(p);
    phone_open(p);
}

static void make_folder(const phone *p, const char *name) {
    char path[TEST_PATH_BYTES + 64];
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    REQUIRE(mkdir(path, 0700) == 0);
}

static void make_file(const phone *p, const char *name) {
    char path[TEST_PATH_BYTES + 64];
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    FILE *file = fopen(path, "wb");
    REQUIRE(file != NULL && fclose(file) == 0);
}

/* A folder in the inbox kept the wipe from its end, and the keystore from forgetting. */
TEST(retire, regress_a_wipe_clears_folders_out_of_the_inbox) {
    phone p;
    satchel_wipe_receipt receipt;
    phone_ready(&p, 720);
    forgetful(&p);
    make_folder(&p, "inbox");
    make_folder(&p, "inbox/strange");
    make_folder(&p, "inbox/strange/deep");
    make_file(&p, "inbox/strange/deep/file");
    REQUIRE_OK(satchel_device_wipe(p.device, &receipt, &p.error));
    CHECK(p.forgotten);
    check_gone(&p);
    phone_deinit(&p);
}

TEST(retire, regress_the_keystore_forgets_even_if_the_inbox_cannot_be_removed) {
    static const char *const deep = "inbox/1/2/3/4/5/6/7/8/9";
    phone p;
    satchel_wipe_receipt receipt;
    char name[32];
    phone_ready(&p, 721);
    forgetful(&p);
    for (size_t bytes = 5; bytes <= strlen(deep); bytes += 2) {
        snprintf(name, sizeof name, "%.*s", (int)bytes, deep);
        make_folder(&p, name);
    }
    make_file(&p, "inbox/1/2/3/4/5/6/7/8/9/file");
    CHECK_STATUS(satchel_device_wipe(p.device, &receipt, &p.error), SATCHEL_IO_ERROR);
    CHECK(receipt.wiped && p.forgotten);
    phone_deinit(&p);
}

TEST(retire, a_wipe_removes_what_repairs_left) {
    static const char *const names[] = {"quarantine-1.db", "quarantine-1.db-wal", "quarantine-8.db",
                                        "repair.db",       "repair.db-wal",       "repair.ready"};
    phone p;
    satchel_wipe_receipt receipt;
    phone_ready(&p, 722);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        make_file(&p, names[i]);
    }
    REQUIRE_OK(satchel_device_wipe(p.device, &receipt, &p.error));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        CHECK(!has_file(&p, names[i]));
    }
    check_gone(&p);
    phone_deinit(&p);
}

TEST(retire, signing_out_keeps_what_is_unsent_sealed_and_wipes_the_rest) {
    phone p;
    satchel_wipe_receipt receipt;
    phone_ready(&p, 705);
    phone_rename(&p, "One");
    REQUIRE_OK(satchel_device_sign_out(p.device, &receipt, &p.error));
    CHECK(!receipt.wiped);
    CHECK_UINT(receipt.units_unsent, 1);
    CHECK(phone_info(&p).locked);
    REQUIRE_OK(satchel_device_sign_out(p.device, &receipt, &p.error));
    CHECK(!receipt.wiped);
    REQUIRE_OK(satchel_device_unlock(p.device, NULL, &p.error));
    CHECK_UINT(phone_info(&p).units_unsent, 1);
    REQUIRE_STATUS(phone_sync(&p), SATCHEL_OK);
    REQUIRE_OK(satchel_device_sign_out(p.device, &receipt, &p.error));
    CHECK(receipt.wiped);
    check_gone(&p);
    phone_deinit(&p);
}

TEST(retire, a_store_of_one_user_takes_no_other) {
    phone p;
    satchel_buffer link = {0};
    satchel_enrolment *enrolment;
    satchel_device *second;
    phone_ready(&p, 706);
    fake_server_link(&p.server, "http://localhost:8080", &link);
    const satchel_text text = satchel_text_from(satchel_buffer_view(&link));
    CHECK_STATUS(
        satchel_enrolment_open(&enrolment, p.device, text, satchel_text_of("x"), satchel_text_of("y"), &p.error),
        SATCHEL_ALREADY_EXISTS);
    phone_close(&p);
    CHECK_STATUS(satchel_device_create(&second, &p.config, &p.error), SATCHEL_ALREADY_EXISTS);
    satchel_buffer_deinit(&link);
    phone_deinit(&p);
}
