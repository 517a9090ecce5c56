/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a ledger says is carried out on a restored database: in the new epoch, whose numbers are its own.
 */
#include "base/memory.h"
#include "host/host_ledger.h"
#include "service/epoch.h"
#include "support/server_service/stage.h"

#include <stdio.h>
#include <string.h>

typedef struct restored {
    stage here;
    phone lost; /* it is revoked in the ledger alone */
    test_temp temp;
    satchel_host_ledger ledger;
} restored;

static void replay(restored *at, bool loaded) {
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    stage_begin(&at->here);
    satchel_status status = satchel_host_ledger_replay(&at->ledger, at->here.service, at->here.db, loaded, &error);
    if (status != SATCHEL_OK) {
        test_note("%s", error.detail);
    }
    REQUIRE_OK(status);
    stage_commit(&at->here);
}

static void open_ledger(restored *at) {
    char path[TEST_PATH_BYTES];
    (void)test_temp_path(&at->temp, "ledger", path);
    REQUIRE(pthread_mutex_init(&at->ledger.mutex, NULL) == 0);
    REQUIRE_OK(satchel_host_ledger_init(&at->ledger, "", path, NULL));
}

/* A company with a ledger, which tells of a revoked device what the database does not know. */
static void set_up(restored *at) {
    satchel_buffer bytes = {NULL, 0, 0};
    memset(at, 0, sizeof *at);
    stage_open(&at->here, NULL, 3);
    at->temp = test_temp_make();
    satchel_id mei = stage_user(&at->here, "mei", SATCHEL_ROLE_REP, NULL, NULL);
    phone_enrol(&at->lost, &at->here, &mei);
    open_ledger(at);
    replay(at, false);
    const satchel_ledger_entry entry = {.kind = SATCHEL_LEDGER_REVOKED, .id = at->lost.device};
    REQUIRE_OK(satchel_ledger_encode(&entry, &bytes));
    REQUIRE_OK(satchel_ledger_file_append(at->ledger.file, satchel_buffer_view(&bytes), NULL));
    REQUIRE_OK(satchel_ledger_file_sync(at->ledger.file, NULL));
    satchel_buffer_deinit(&bytes);
    satchel_host_ledger_deinit(&at->ledger);
    open_ledger(at);
}

static void tear_down(restored *at) {
    satchel_host_ledger_deinit(&at->ledger);
    phone_close(&at->lost);
    stage_close(&at->here);
    test_temp_remove(&at->temp);
}

TEST(host_ledger, regress_what_is_carried_out_takes_no_number_of_the_lost_stretch) {
    for (int loaded = 0; loaded < 2; loaded++) {
        restored at;
        set_up(&at);
        int64_t n = stage_number(&at.here, "SELECT n FROM counter");
        replay(&at, loaded == 1);
        CHECK_INT(stage_number(&at.here, "SELECT epoch FROM counter"), 2);
        CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM device_state WHERE revoked = 1"), 1);
        CHECK_INT(stage_number(&at.here, "SELECT restored_n FROM epoch WHERE number = 2"), n);
        CHECK_INT(
            stage_number(&at.here, "SELECT count(*) FROM device WHERE revision > (SELECT max(begins_n) FROM epoch)"),
            1);
        tear_down(&at);
    }
}

/* --- copies that are too old --- */

/* Everything that the list has is in the file, and known to be. */
static uint64_t fill(restored *at) {
    uint64_t serial = 0;
    REQUIRE_OK(satchel_db_begin(at->here.db, SATCHEL_DB_READ, NULL));
    REQUIRE_OK(satchel_host_ledger_fill(&at->ledger, at->here.service, at->here.db, &serial, NULL));
    satchel_db_rollback(at->here.db);
    stage_begin(&at->here);
    REQUIRE_OK(satchel_ledger_know(at->here.db, serial, NULL));
    stage_commit(&at->here);
    return serial;
}

static void begin_company(restored *at) {
    memset(at, 0, sizeof *at);
    stage_open(&at->here, NULL, 3);
    at->temp = test_temp_make();
    satchel_id mei = stage_user(&at->here, "mei", SATCHEL_ROLE_REP, NULL, NULL);
    phone_enrol(&at->lost, &at->here, &mei);
    open_ledger(at);
    replay(at, false);
    (void)fill(at);
}

static void copy_file(restored *at, const char *from, const char *to) {
    char source[TEST_PATH_BYTES];
    char target[TEST_PATH_BYTES];
    uint8_t bytes[4096];
    FILE *in = fopen(test_temp_path(&at->temp, from, source), "rb");
    FILE *out = fopen(test_temp_path(&at->temp, to, target), "wb");
    REQUIRE(in != NULL && out != NULL);
    size_t count = fread(bytes, 1, sizeof bytes, in);
    REQUIRE(count < sizeof bytes && fwrite(bytes, 1, count, out) == count);
    REQUIRE(fclose(in) == 0 && fclose(out) == 0);
}

static void revoke_and_fill(restored *at) {
    stage_begin(&at->here);
    REQUIRE_OK(satchel_device_revoke(at->here.service, at->here.db, &at->here.system, &at->lost.device, NULL));
    stage_commit(&at->here);
    (void)fill(at);
}

/* The server is started anew with the ledger that lies there now. */
static satchel_fence start_again(restored *at, bool loaded) {
    satchel_fence fence = SATCHEL_FENCE_NONE;
    satchel_host_ledger_deinit(&at->ledger);
    open_ledger(at);
    replay(at, loaded);
    stage_begin(&at->here);
    REQUIRE_OK(satchel_epoch_fence_of(at->here.db, &fence, NULL));
    stage_commit(&at->here);
    return fence;
}

TEST(host_ledger, a_ledger_that_is_older_than_the_database_knows_fences_until_the_newest_is_back) {
    restored at;
    begin_company(&at);
    copy_file(&at, "ledger", "old");
    revoke_and_fill(&at);
    copy_file(&at, "ledger", "newest");
    copy_file(&at, "old", "ledger");
    CHECK_INT(start_again(&at, false), SATCHEL_FENCE_STALE);
    CHECK_INT(stage_number(&at.here, "SELECT epoch FROM counter"), 1); /* the database itself lost nothing */
    CHECK_INT(start_again(&at, false), SATCHEL_FENCE_STALE);
    CHECK(strstr(satchel_fence_text(SATCHEL_FENCE_STALE), "old copy") != NULL);
    copy_file(&at, "newest", "ledger");
    CHECK_INT(start_again(&at, false), SATCHEL_FENCE_NONE);
    tear_down(&at);
}

TEST(host_ledger, a_backup_that_knows_of_a_later_ledger_is_not_served_with_the_older) {
    restored at;
    begin_company(&at);
    copy_file(&at, "ledger", "old");
    revoke_and_fill(&at);
    copy_file(&at, "old", "ledger");
    CHECK_INT(start_again(&at, true), SATCHEL_FENCE_STALE);
    CHECK(stage_number(&at.here, "SELECT begins_n FROM epoch ORDER BY number DESC LIMIT 1") > (1 << 28));
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM device_state WHERE revoked = 1"), 1);
    tear_down(&at);
}

/* Written but not known to be: the crash came between the two. */
TEST(host_ledger, a_ledger_that_holds_all_that_is_known_fences_nobody) {
    restored at;
    begin_company(&at);
    copy_file(&at, "ledger", "before");
    stage_begin(&at.here);
    REQUIRE_OK(satchel_device_revoke(at.here.service, at.here.db, &at.here.system, &at.lost.device, NULL));
    stage_commit(&at.here);
    CHECK(satchel_host_ledger_lags(&at.ledger,
                                   (uint64_t)stage_number(&at.here, "SELECT max(serial) FROM ledger_outbox")));
    CHECK_INT(start_again(&at, false), SATCHEL_FENCE_NONE);
    CHECK_INT(stage_number(&at.here, "SELECT epoch FROM counter"), 1);
    CHECK_UINT(fill(&at), (uint64_t)stage_number(&at.here, "SELECT max(serial) FROM ledger_outbox"));
    CHECK(!satchel_host_ledger_lags(&at.ledger, fill(&at)));
    tear_down(&at);
}

TEST(host_ledger, a_second_server_s_file_holds_what_the_first_wrote) {
    restored at;
    begin_company(&at);
    revoke_and_fill(&at);
    satchel_host_ledger other = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    char path[TEST_PATH_BYTES];
    REQUIRE_OK(satchel_host_ledger_init(&other, "", test_temp_path(&at.temp, "other", path), NULL));
    REQUIRE_OK(satchel_db_begin(at.here.db, SATCHEL_DB_READ, NULL));
    REQUIRE_OK(satchel_host_ledger_make(&other, at.here.service, at.here.db, NULL));
    uint64_t serial = 0;
    REQUIRE_OK(satchel_host_ledger_fill(&other, at.here.service, at.here.db, &serial, NULL));
    satchel_db_rollback(at.here.db);
    CHECK_UINT(serial, satchel_ledger_file_serial(at.ledger.file));
    CHECK(serial >= 2 && other.marks.n == (uint64_t)stage_number(&at.here, "SELECT reserved_n FROM counter"));
    satchel_host_ledger_deinit(&other);
    tear_down(&at);
}
