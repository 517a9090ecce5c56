/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests and the horizon on the server: damage to its own books is found, and what nobody needs any more goes.
 */
#include "support/server_service/stage.h"

#include "base/ids.h"
#include "db/rows.h"
#include "service/digest.h"
#include "service/tombstone.h"

#include <satchel/model.h>
#include <string.h>

#define DAY INT64_C(86400000)

typedef struct two_reps {
    stage here;
    satchel_id first;
    satchel_id second;
    satchel_id customer;
    phone mine;
} two_reps;

static void set_up(two_reps *all) {
    memset(all, 0, sizeof *all);
    stage_open(&all->here, NULL, 1);
    all->first = stage_user(&all->here, "first", SATCHEL_ROLE_REP, NULL, NULL);
    all->second = stage_user(&all->here, "second", SATCHEL_ROLE_REP, NULL, NULL);
    all->customer = stage_customer(&all->here, "Shop", &all->first, NULL);
    phone_enrol(&all->mine, &all->here, &all->first);
    phone_sync(&all->mine);
}

static void tear_down(two_reps *all) {
    phone_close(&all->mine);
    stage_close(&all->here);
}

static void execute(stage *here, const char *sql) {
    REQUIRE_OK(satchel_db_begin(here->db, SATCHEL_DB_WRITE, NULL));
    REQUIRE_OK(satchel_db_exec(here->db, sql, NULL));
    REQUIRE_OK(satchel_db_commit(here->db, NULL));
}

/* Steps until nothing is left; how many. */
static int tidy(stage *here) {
    bool left = true;
    int steps = 0;
    for (; left && steps < 100; steps++) {
        REQUIRE_OK(satchel_db_begin(here->db, SATCHEL_DB_WRITE, NULL));
        REQUIRE_OK(satchel_service_tidy(here->service, here->db, &left, NULL));
        REQUIRE_OK(satchel_db_commit(here->db, NULL));
    }
    return steps;
}

static satchel_horizon horizon_of(stage *here) {
    satchel_horizon out;
    REQUIRE_OK(satchel_db_begin(here->db, SATCHEL_DB_READ, NULL));
    REQUIRE_OK(satchel_horizon_read(here->service, here->db, &out, NULL));
    satchel_db_rollback(here->db);
    return out;
}

/* --- digests --- */

TEST(server_digest, digests_made_anew_are_those_that_were_kept) {
    two_reps all;
    set_up(&all);
    for (int i = 0; i < 12; i++) {
        stage_customer(&all.here, "More", i % 3 == 0 ? &all.second : &all.first, NULL);
    }
    stage_reassign(&all.here, &all.customer, &all.second);
    phone_sync(&all.mine);
    int64_t rows = stage_number(&all.here, "SELECT count(*) FROM digest");
    execute(&all.here, "DELETE FROM digest");
    execute(&all.here, "DELETE FROM digest_scope");
    execute(&all.here, "UPDATE digest_state SET valid = 0");
    CHECK_INT(tidy(&all.here), 2);
    CHECK_INT(stage_number(&all.here, "SELECT valid FROM digest_state"), 1);
    CHECK(stage_number(&all.here, "SELECT count(*) FROM digest") <= rows); /* those whose sums are 0 are gone */
    stage_customer(&all.here, "After", &all.first, NULL);
    phone_sync(&all.mine);
    CHECK_TEXT(all.mine.complaint, "");
    CHECK(all.mine.digests >= 2);
    tear_down(&all);
}

TEST(server_digest, without_valid_digests_none_is_told) {
    two_reps all;
    set_up(&all);
    uint32_t told = all.mine.digests;
    REQUIRE_OK(satchel_db_begin(all.here.db, SATCHEL_DB_WRITE, NULL));
    REQUIRE_OK(satchel_digest_invalidate(all.here.db, NULL));
    REQUIRE_OK(satchel_db_commit(all.here.db, NULL));
    stage_customer(&all.here, "More", &all.first, NULL);
    phone_sync(&all.mine);
    CHECK_UINT(all.mine.digests, told);
    tidy(&all.here);
    stage_customer(&all.here, "Again", &all.first, NULL);
    phone_sync(&all.mine);
    CHECK_UINT(all.mine.digests, told + 1);
    CHECK_TEXT(all.mine.complaint, "");
    tear_down(&all);
}

/* --- the horizon --- */

TEST(tombstone, the_slowest_live_device_holds_the_horizon) {
    two_reps all;
    set_up(&all);
    phone other;
    phone_enrol(&other, &all.here, &all.second);
    phone_sync(&other);
    all.here.now_ms += DAY;
    phone_add_customer(&all.mine, "Push");
    phone_sync(&all.mine);
    phone_sync(&all.mine);
    satchel_horizon horizon = horizon_of(&all.here);
    uint64_t held = horizon.n;
    stage_customer(&all.here, "More", &all.first, NULL);
    all.here.now_ms += DAY;
    phone_sync(&all.mine);
    phone_sync(&all.mine);
    CHECK_UINT(horizon_of(&all.here).n, held); /* the other one has not called */
    horizon = horizon_of(&all.here);
    CHECK(!satchel_id_is_none(&horizon.held_by));
    all.here.now_ms += (SATCHEL_HORIZON_LEASE_DAYS - 1) * DAY;
    phone_sync(&all.mine);
    CHECK(horizon_of(&all.here).n > held); /* it does not count any more */
    phone_close(&other);
    tear_down(&all);
}

TEST(tombstone, a_phone_behind_the_horizon_begins_anew_and_keeps_its_ops) {
    two_reps all;
    set_up(&all);
    phone other;
    phone_enrol(&other, &all.here, &all.second);
    phone_sync(&other);
    stage_reassign(&all.here, &all.customer, &all.second);
    phone_edit_text(&all.mine, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_NAME, "Late");
    execute(&all.here, "UPDATE device_state SET seen_ms = 0");
    all.here.now_ms += 2 * SATCHEL_HORIZON_LEASE_DAYS * DAY;
    for (int day = 0; day < 2; day++) {
        all.here.now_ms += DAY;
        phone_sync(&other);
    }
    CHECK(stage_number(&all.here, "SELECT count(*) FROM membership WHERE present = 0") > 0);
    tidy(&all.here);
    CHECK_INT(stage_number(&all.here, "SELECT count(*) FROM membership WHERE present = 0"), 0);
    CHECK(horizon_of(&all.here).pruned > 0);
    CHECK_STATUS(phone_exchange(&all.mine, PHONE_GOOD_LUCK), SATCHEL_STALE_CURSOR);
    CHECK_UINT(all.mine.result_count, 1); /* what it had to say was heard */
    phone_close(&other);
    tear_down(&all);
}

TEST(tombstone, a_point_is_written_a_few_times_a_day) {
    two_reps all;
    set_up(&all);
    const satchel_id device = all.mine.device;
    bool due = true;
    for (int late = 0; late < 2; late++) {
        all.here.now_ms += SATCHEL_POINT_EVERY_MS - 1 + late - (late == 1 ? SATCHEL_POINT_EVERY_MS - 1 : 0);
        REQUIRE_OK(satchel_db_begin(all.here.db, SATCHEL_DB_READ, NULL));
        REQUIRE_OK(satchel_point_is_due(all.here.service, all.here.db, &device, 5, &due, NULL));
        satchel_db_rollback(all.here.db);
        CHECK(due == (late == 1));
    }
    REQUIRE_OK(satchel_db_begin(all.here.db, SATCHEL_DB_WRITE, NULL));
    REQUIRE_OK(satchel_point_write(all.here.service, all.here.db, &device, 5, NULL));
    REQUIRE_OK(satchel_db_commit(all.here.db, NULL));
    CHECK_UINT(horizon_of(&all.here).n, 5);
    tear_down(&all);
}

TEST(tombstone, only_a_cursor_of_ours_has_a_point) {
    uint64_t n = 7;
    bool found = true;
    satchel_point_of((satchel_bytes){NULL, 0}, &n, &found);
    CHECK(!found && n == 0);
    satchel_point_of(satchel_bytes_of("nonsense", 8), &n, &found);
    CHECK(!found);
}

/* More than one step of what left. */
TEST(tombstone, pruning_goes_in_steps) {
    two_reps all;
    set_up(&all);
    execute(&all.here, "UPDATE device_state SET revoked = 1");
    stage_begin(&all.here);
    for (uint32_t i = 0; i < 1200; i++) {
        REQUIRE_OK(SATCHEL_DB_RUN(all.here.db, NULL, "INSERT INTO scope_loss (owner, scope, lost_n) VALUES (?1, ?2, 1)",
                                  satchel_value_id(&all.first), satchel_db_count(900000 + i)));
    }
    stage_commit(&all.here);
    int steps = tidy(&all.here);
    CHECK(steps >= 1200 / SATCHEL_TIDY_ROWS + 1);
    CHECK_INT(stage_number(&all.here, "SELECT count(*) FROM scope_loss"), 0);
    tear_down(&all);
}
