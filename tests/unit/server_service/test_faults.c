/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What fails on the way is as if it had never been: transactions that were rolled back, memory that ran out anywhere.
 */
#include "support/server_service/stage.h"

#include "base/memory.h"
#include "base/text.h"

typedef struct fixture {
    stage here;
    satchel_id li, shop;
    phone mine;
    uint64_t failures;
} fixture;

static fixture *fixture_of(phone *mine) {
    return (fixture *)(void *)((uint8_t *)mine - offsetof(fixture, mine));
}

static void set_up(fixture *all) {
    stage_open(&all->here, NULL, 12);
    all->failures = 0;
    all->li = stage_user(&all->here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    all->shop = stage_customer(&all->here, "Shop", &all->li, NULL);
    phone_enrol(&all->mine, &all->here, &all->li);
    phone_sync(&all->mine);
    /* A merge with a conflict, a new row, a refusal and a row that hangs on it. */
    stage_edit_text(&all->here, SATCHEL_ENTITY_CUSTOMER, &all->shop, SATCHEL_CUSTOMER_NAME, "Office's");
    phone_edit_text(&all->mine, SATCHEL_ENTITY_CUSTOMER, &all->shop, SATCHEL_CUSTOMER_NAME, "Li's");
    phone_check_in(&all->mine, &all->shop);
    satchel_id nowhere = {{0x42}};
    satchel_id visit = phone_check_in(&all->mine, &nowhere);
    phone_edit_text(&all->mine, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_SUMMARY, "none");
}

static void check_and_tear_down(fixture *all) {
    CHECK_INT(phone_result_of(&all->mine, 1).code, SATCHEL_RESULT_MERGED);
    CHECK_INT(phone_result_of(&all->mine, 2).code, SATCHEL_RESULT_APPLIED);
    CHECK_INT(phone_result_of(&all->mine, 3).code, SATCHEL_RESULT_REFUSED);
    CHECK_INT(phone_result_of(&all->mine, 4).code, SATCHEL_RESULT_HELD);
    satchel_service_counts counts = stage_counts(&all->here);
    CHECK_UINT(counts.units_applied, 2);
    CHECK_UINT(counts.units_refused, 1);
    CHECK_UINT(counts.units_held, 1);
    CHECK_UINT(counts.units_quarantined, 0);
    CHECK_UINT(counts.conflicts, 1);
    CHECK_INT(stage_number(&all->here, "SELECT count(*) FROM visit"), 1);
    uint64_t bad = 1;
    uint64_t count = 0;
    CHECK_OK(satchel_audit_verify(all->here.db, &bad, &count, NULL));
    CHECK_UINT(bad, 0);
    phone_close(&all->mine);
    stage_close(&all->here);
}

static void apply_after_rollback(phone *mine, satchel_server_exchange *exchange) {
    satchel_db *db = mine->here->db;
    for (int i = 0; i < 3; i++) {
        stage_begin(mine->here);
        REQUIRE_OK(satchel_server_exchange_apply(exchange, db, NULL));
        if (i < 2) {
            satchel_db_rollback(db);
        }
    }
    stage_commit(mine->here);
}

TEST(faults, an_exchange_is_applied_again_from_the_start_after_a_rollback) {
    fixture all;
    set_up(&all);
    all.mine.apply = apply_after_rollback;
    phone_sync(&all.mine);
    check_and_tear_down(&all);
}

/* Every allocation fails once, in turn; each time nothing is kept. */
static void apply_short_of_memory(phone *mine, satchel_server_exchange *exchange) {
    satchel_db *db = mine->here->db;
    satchel_status status = SATCHEL_NO_MEMORY;
    for (unsigned long at = 1; status != SATCHEL_OK; at++) {
        stage_begin(mine->here);
        satchel_memory_fail_at(at, 0);
        status = satchel_server_exchange_apply(exchange, db, NULL);
        satchel_memory_fail_at(0, 0);
        if (status != SATCHEL_OK) {
            REQUIRE_STATUS(status, SATCHEL_NO_MEMORY);
            satchel_db_rollback(db);
            fixture_of(mine)->failures++;
        }
    }
    stage_commit(mine->here);
}

static void answer_short_of_memory(phone *mine, satchel_server_exchange *exchange, satchel_buffer *body,
                                   uint32_t *http) {
    satchel_status status = SATCHEL_NO_MEMORY;
    for (unsigned long at = 1; status != SATCHEL_OK; at++) {
        satchel_memory_fail_at(at, 0);
        status = satchel_server_exchange_answer(exchange, mine->here->db, body, http, NULL);
        satchel_memory_fail_at(0, 0);
        if (status != SATCHEL_OK) {
            REQUIRE_STATUS(status, SATCHEL_NO_MEMORY);
            fixture_of(mine)->failures++;
        }
    }
}

TEST(faults, memory_that_runs_out_anywhere_while_deciding_loses_nothing) {
    fixture all;
    set_up(&all);
    all.mine.apply = apply_short_of_memory;
    phone_sync(&all.mine);
    test_note("%u failures", (unsigned)all.failures);
    CHECK(all.failures > 20);
    check_and_tear_down(&all);
}

TEST(faults, memory_that_runs_out_anywhere_while_answering_is_a_failure_that_can_be_tried_again) {
    fixture all;
    set_up(&all);
    all.mine.answer = answer_short_of_memory;
    phone_sync(&all.mine);
    test_note("%u failures", (unsigned)all.failures);
    CHECK(all.failures > 20);
    check_and_tear_down(&all);
}

/* --- limits --- */

TEST(limits, more_unfinished_snapshots_than_a_cursor_holds_begin_anew) {
    stage here;
    phone boss;
    stage_open(&here, NULL, 13);
    satchel_id north = stage_territory(&here, "North", NULL);
    satchel_id user = stage_user(&here, "boss", SATCHEL_ROLE_MANAGER, NULL, &north);
    phone_enrol(&boss, &here, &user);
    boss.page_bytes = 1024;
    for (int i = 0; i < 12; i++) {
        satchel_id territory = stage_territory(&here, "Town", &north);
        for (int c = 0; c < 20; c++) {
            stage_customer(&here, "A shop with quite a long name, so that a page holds only some", NULL, &territory);
        }
        REQUIRE_STATUS(phone_exchange(&boss, PHONE_GOOD_LUCK), SATCHEL_OK);
    }
    CHECK(boss.more);
    phone_sync(&boss);
    CHECK_UINT(phone_count(&boss, SATCHEL_ENTITY_CUSTOMER), 240);
    phone_close(&boss);
    stage_close(&here);
}

static void add_owner_scopes(stage *here, int64_t until) {
    int64_t last = 0;
    stage_begin(here);
    REQUIRE_OK(satchel_db_number_values(here->db, "SELECT max(number) FROM scope", NULL, 0, 0, &last, NULL));
    for (int64_t number = last + 1; number <= until; number++) {
        REQUIRE_OK(SATCHEL_DB_RUN(here->db, NULL,
                                  "INSERT INTO scope (number, kind, subject, head_n, members)"
                                  " VALUES (?1, 2, ?2, 0, 0)",
                                  satchel_value_int(number), satchel_db_blob(&number, sizeof number)));
    }
    stage_commit(here);
}

TEST(limits, a_user_has_at_most_so_many_scopes) {
    stage here;
    phone mine;
    stage_open(&here, NULL, 14);
    satchel_id user = stage_user(&here, "audit", SATCHEL_ROLE_AUDITOR, NULL, NULL);
    phone_enrol(&mine, &here, &user);
    REQUIRE_INT(stage_number(&here, "SELECT max(number) FROM scope"), 5);
    add_owner_scopes(&here, SATCHEL_LIMIT_SCOPES);
    CHECK_STATUS(phone_exchange(&mine, PHONE_GOOD_LUCK), SATCHEL_OK);
    add_owner_scopes(&here, SATCHEL_LIMIT_SCOPES + 1);
    CHECK_STATUS(phone_exchange(&mine, PHONE_GOOD_LUCK), SATCHEL_LIMIT_EXCEEDED);
    phone_close(&mine);
    stage_close(&here);
}
