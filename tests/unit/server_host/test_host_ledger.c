/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a ledger says is carried out on a restored database: in the new epoch, whose numbers are its own.
 */
#include "base/memory.h"
#include "host/host_ledger.h"
#include "support/server_service/stage.h"

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
