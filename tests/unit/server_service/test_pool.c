/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public pool from day to day, what is derived from facts for it, and customers that exist twice.
 */
#include "command_stage.h"

#include "service/pool.h"

static void new_day(stage *here) {
    bool due = true;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    for (int i = 0; due && i < 100; i++) {
        stage_begin(here);
        REQUIRE_OK(satchel_service_day(here->service, here->db, &error));
        REQUIRE_OK(satchel_service_day_due(here->service, here->db, &due, &error));
        stage_commit(here);
    }
    CHECK(!due);
}

static int64_t pool_state(command_day *day) {
    return number_of(&day->here, SATCHEL_ENTITY_CUSTOMER, &day->customer, SATCHEL_CUSTOMER_POOL_STATE);
}

static void open_pool(command_day *day, int64_t recycle, int64_t warn) {
    command_day_open(day);
    set_rule(&day->here, "pool.recycle_days", recycle);
    set_rule(&day->here, "pool.warn_days", warn);
}

TEST(pool, who_is_not_followed_up_is_warned_about_and_then_recycled) {
    command_day day;
    open_pool(&day, 30, 7);
    stage_pass(&day.here, 23 * DAY_MS); /* made at midnight: day 23 has begun, 23 whole days are over */
    new_day(&day.here);
    CHECK_INT(pool_state(&day), -1);
    stage_pass(&day.here, DAY_MS);
    new_day(&day.here);
    CHECK_INT(pool_state(&day), SATCHEL_POOL_STATE_WARNED);
    CHECK(is_owner(&day.here, &day.customer, &day.li));
    stage_pass(&day.here, 6 * DAY_MS);
    new_day(&day.here);
    CHECK(is_owner(&day.here, &day.customer, &day.li)); /* the thirtieth day */
    stage_pass(&day.here, DAY_MS);
    new_day(&day.here);
    CHECK_INT(pool_state(&day), SATCHEL_POOL_STATE_POOL);
    CHECK(!is_owner(&day.here, &day.customer, &day.li));
    phone_sync(&day.wangs);
    CHECK(phone_find(&day.wangs, SATCHEL_ENTITY_CUSTOMER, &day.customer) != NULL);
    command_day_close(&day);
}

TEST(pool, a_warning_is_one_task_for_the_owner) {
    command_day day;
    satchel_id tasks[4];
    open_pool(&day, 30, 7);
    for (int i = 0; i < 3; i++) {
        stage_pass(&day.here, (i == 0 ? 24 : 1) * DAY_MS);
        new_day(&day.here);
    }
    REQUIRE_UINT(stage_list(&day.here, SATCHEL_ENTITY_TASK, tasks, 4), 1);
    satchel_record task = stage_read(&day.here, SATCHEL_ENTITY_TASK, &tasks[0], NULL);
    satchel_id assignee = satchel_record_id(&task, SATCHEL_TASK_ASSIGNEE);
    CHECK_ID(&assignee, &day.li);
    CHECK_INT(satchel_record_int(&task, SATCHEL_TASK_DUE_AT, 0), STAGE_START_MS + 30 * DAY_MS);
    phone_sync(&day.lis);
    CHECK(phone_find(&day.lis, SATCHEL_ENTITY_TASK, &tasks[0]) != NULL);
    command_day_close(&day);
}

TEST(pool, a_visit_keeps_the_customer_and_takes_the_warning_back) {
    command_day day;
    open_pool(&day, 30, 7);
    stage_pass(&day.here, 24 * DAY_MS);
    new_day(&day.here);
    CHECK_INT(pool_state(&day), SATCHEL_POOL_STATE_WARNED);
    phone_sync(&day.lis);
    phone_check_in(&day.lis, &day.customer);
    phone_sync(&day.lis);
    CHECK_INT(pool_state(&day), SATCHEL_POOL_STATE_OWNED);
    stage_pass(&day.here, 20 * DAY_MS);
    new_day(&day.here);
    CHECK(is_owner(&day.here, &day.customer, &day.li));
    CHECK_INT(pool_state(&day), SATCHEL_POOL_STATE_OWNED);
    command_day_close(&day);
}

TEST(pool, who_lost_a_customer_to_the_pool_is_kept_from_it) {
    command_day day;
    open_pool(&day, 1, 0);
    set_rule(&day.here, "pool.protect_days", 5);
    stage_pass(&day.here, 2 * DAY_MS);
    new_day(&day.here);
    phone_sync(&day.lis);
    give_customer(&day.lis, SATCHEL_COMMAND_CLAIM, &day.customer);
    phone_sync(&day.lis);
    CHECK_STATUS(phone_last(&day.lis).status, SATCHEL_POOL_PROTECTED);
    CHECK_INT(number_of(&day.here, SATCHEL_ENTITY_CUSTOMER, &day.customer, SATCHEL_CUSTOMER_PROTECTED_UNTIL),
              day.here.now_ms + 5 * DAY_MS);
    command_day_close(&day);
}

TEST(pool, a_day_goes_in_steps_until_all_are_looked_at) {
    command_day day;
    bool due = false;
    open_pool(&day, 1, 0);
    stage *here = &day.here;
    for (uint32_t i = 0; i < SATCHEL_POOL_STEP_MOST; i++) { /* with Anna's one more than a step takes */
        stage_customer(here, "Shop", &day.wang, NULL);
    }
    stage_pass(here, 2 * DAY_MS);
    stage_begin(here);
    REQUIRE_OK(satchel_service_day(here->service, here->db, NULL));
    stage_commit(here);
    CHECK_INT(stage_number(here, "SELECT count(*) FROM customer WHERE pool_state = 4"), SATCHEL_POOL_STEP_MOST);
    REQUIRE_OK(satchel_pool_due(here->service, here->db, &due, NULL));
    CHECK(due);
    stage_begin(here);
    REQUIRE_OK(satchel_pool_step(here->service, here->db, NULL));
    stage_commit(here);
    CHECK_INT(stage_number(here, "SELECT count(*) FROM customer WHERE pool_state = 4"), SATCHEL_POOL_STEP_MOST + 1);
    command_day_close(&day);
}

TEST(pool, without_a_rule_nobody_loses_a_customer) {
    command_day day;
    bool due = true;
    command_day_open(&day);
    stage_pass(&day.here, 1000 * DAY_MS);
    new_day(&day.here);
    CHECK(is_owner(&day.here, &day.customer, &day.li));
    REQUIRE_OK(satchel_pool_due(day.here.service, day.here.db, &due, NULL));
    CHECK(!due);
    command_day_close(&day);
}

/* --- what follows from facts --- */

static satchel_id note(command_day *day, int64_t at_ms) {
    phone_unit unit = {.count = 0};
    satchel_id id;
    satchel_op *op = phone_create(&day->lis, &unit, SATCHEL_ENTITY_ACTIVITY, &id);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ACTIVITY_CUSTOMER, &day->customer));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ACTIVITY_KIND, SATCHEL_ACTIVITY_KIND_CALL));
    REQUIRE_OK(satchel_record_set_time(&op->set, SATCHEL_ACTIVITY_AT, at_ms));
    phone_commit(&day->lis, &unit);
    phone_sync(&day->lis);
    return id;
}

static int64_t last_activity(command_day *day) {
    return number_of(&day->here, SATCHEL_ENTITY_CUSTOMER, &day->customer, SATCHEL_CUSTOMER_LAST_ACTIVITY_AT);
}

TEST(pool, the_last_contact_is_the_latest_whatever_the_order_and_never_in_the_future) {
    command_day day;
    command_day_open(&day);
    stage_pass(&day.here, 10 * DAY_MS);
    note(&day, STAGE_START_MS + 5 * DAY_MS);
    CHECK_INT(last_activity(&day), STAGE_START_MS + 5 * DAY_MS);
    note(&day, STAGE_START_MS + 2 * DAY_MS);
    CHECK_INT(last_activity(&day), STAGE_START_MS + 5 * DAY_MS);
    note(&day, STAGE_START_MS + 4000 * DAY_MS);
    CHECK_INT(last_activity(&day), day.here.now_ms);
    command_day_close(&day);
}

TEST(pool, regress_nobody_keeps_a_customer_by_an_edit_that_says_he_was_there_in_years) {
    command_day day;
    command_day_open(&day);
    for (int64_t days = -1; days <= 4000; days += 4001) {
        phone_unit unit = {.count = 0};
        satchel_op *op = phone_edit(&day.lis, &unit, SATCHEL_ENTITY_CUSTOMER, &day.customer);
        REQUIRE_OK(
            satchel_record_set_time(&op->set, SATCHEL_CUSTOMER_LAST_ACTIVITY_AT, day.here.now_ms + days * DAY_MS));
        phone_commit(&day.lis, &unit);
        phone_sync(&day.lis);
        CHECK_INT(phone_last(&day.lis).code, SATCHEL_RESULT_APPLIED);
        CHECK_INT(last_activity(&day), day.here.now_ms + (days < 0 ? days * DAY_MS : 0));
    }
    command_day_close(&day);
}

TEST(pool, a_check_in_is_the_last_visit_and_the_first) {
    command_day day;
    command_day_open(&day);
    phone_check_in(&day.lis, &day.customer);
    phone_sync(&day.lis);
    satchel_record row = stage_read(&day.here, SATCHEL_ENTITY_CUSTOMER, &day.customer, NULL);
    CHECK(satchel_record_int(&row, SATCHEL_CUSTOMER_LAST_VISIT_AT, 0) > 0);
    CHECK_INT(satchel_record_int(&row, SATCHEL_CUSTOMER_FIRST_VISIT_AT, 0),
              satchel_record_int(&row, SATCHEL_CUSTOMER_LAST_VISIT_AT, 1));
    command_day_close(&day);
}

/* --- duplicates --- */

static satchel_duplicate ask(stage *here, const satchel_id *user, const char *name) {
    satchel_actor actor = satchel_actor_user(user);
    satchel_record record = stage_record(here);
    satchel_duplicate answer = SATCHEL_DUPLICATE_NONE;
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of(name)));
    stage_begin(here);
    REQUIRE_OK(satchel_duplicate_ask(here->service, here->db, &actor, &record, &answer, NULL));
    stage_commit(here);
    return answer;
}

TEST(pool, a_name_that_exists_elsewhere_is_told_and_nothing_more) {
    command_day day;
    command_day_open(&day);
    CHECK_INT(ask(&day.here, &day.li, "ANNA'S SHOP Ltd"), SATCHEL_DUPLICATE_SEEN);
    CHECK_INT(ask(&day.here, &day.wang, "ANNA'S SHOP Ltd"), SATCHEL_DUPLICATE_ELSEWHERE);
    CHECK_INT(ask(&day.here, &day.wang, "Berta's Shop"), SATCHEL_DUPLICATE_NONE);
    satchel_id eve = stage_user(&day.here, "eve", SATCHEL_ROLE_AUDITOR, NULL, NULL);
    satchel_actor actor = satchel_actor_user(&eve);
    satchel_record record = stage_record(&day.here);
    satchel_duplicate answer;
    stage_begin(&day.here);
    CHECK_STATUS(satchel_duplicate_ask(day.here.service, day.here.db, &actor, &record, &answer, NULL),
                 SATCHEL_FORBIDDEN);
    stage_commit(&day.here);
    command_day_close(&day);
}

TEST(pool, a_day_has_so_many_answers) {
    command_day day;
    command_day_open(&day);
    set_rule(&day.here, "duplicate.answers_a_day", 2);
    CHECK_INT(ask(&day.here, &day.wang, "Berta's Shop"), SATCHEL_DUPLICATE_NONE);
    CHECK_INT(ask(&day.here, &day.wang, "Anna's Shop"), SATCHEL_DUPLICATE_ELSEWHERE);
    CHECK_INT(ask(&day.here, &day.wang, "Anna's Shop"), SATCHEL_DUPLICATE_UNCHECKED);
    CHECK_INT(ask(&day.here, &day.wang, "Berta's Shop"), SATCHEL_DUPLICATE_UNCHECKED);
    stage_pass(&day.here, DAY_MS);
    CHECK_INT(ask(&day.here, &day.wang, "Anna's Shop"), SATCHEL_DUPLICATE_ELSEWHERE);
    command_day_close(&day);
}

static bool has_flag(command_day *day, const satchel_id *customer, const char *flag) {
    satchel_record row = stage_read(&day->here, SATCHEL_ENTITY_CUSTOMER, customer, NULL);
    const satchel_value *flags = satchel_record_get(&row, SATCHEL_CUSTOMER_FLAGS);
    return flags != NULL && satchel_set_has(&flags->as.set, satchel_text_bytes(satchel_text_of(flag)));
}

TEST(pool, a_new_customer_that_exists_is_flagged_and_never_refused) {
    command_day day;
    command_day_open(&day);
    satchel_id made = phone_add_customer(&day.wangs, "Annas Shop");
    satchel_id fresh = phone_add_customer(&day.wangs, "Berta's Shop");
    satchel_id own = phone_add_customer(&day.wangs, "Bertas Shop");
    phone_sync(&day.wangs);
    CHECK_INT(phone_last(&day.wangs).code, SATCHEL_RESULT_APPLIED);
    CHECK(has_flag(&day, &made, "duplicate_elsewhere"));
    CHECK(!has_flag(&day, &fresh, "duplicate_elsewhere") && !has_flag(&day, &fresh, "duplicate"));
    CHECK(has_flag(&day, &own, "duplicate"));
    const mirror_row *row = phone_find(&day.wangs, SATCHEL_ENTITY_CUSTOMER, &made);
    REQUIRE(row != NULL);
    CHECK(satchel_record_get(&row->record, SATCHEL_CUSTOMER_FLAGS) != NULL);
    command_day_close(&day);
}

TEST(pool, phones_and_external_numbers_count_too) {
    command_day day;
    command_day_open(&day);
    satchel_record theirs = stage_record(&day.here);
    satchel_bytes number = satchel_text_bytes(satchel_text_of("+86 138-1234-4729"));
    satchel_value phones = satchel_value_set(&number, 1);
    REQUIRE_OK(satchel_record_set(&theirs, SATCHEL_CUSTOMER_PHONES, &phones));
    REQUIRE_OK(satchel_record_set_text(&theirs, SATCHEL_CUSTOMER_EXTERNAL_ID, satchel_text_of("K-7")));
    stage_edit(&day.here, SATCHEL_ENTITY_CUSTOMER, &day.customer, &theirs);
    phone_unit unit = {.count = 0};
    satchel_id made[2];
    satchel_op *op = phone_create(&day.wangs, &unit, SATCHEL_ENTITY_CUSTOMER, &made[0]);
    number = satchel_text_bytes(satchel_text_of("0086 13812344729"));
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CUSTOMER_NAME, satchel_text_of("X")));
    REQUIRE_OK(satchel_record_set(&op->set, SATCHEL_CUSTOMER_PHONES, &phones));
    op = phone_create(&day.wangs, &unit, SATCHEL_ENTITY_CUSTOMER, &made[1]);
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CUSTOMER_NAME, satchel_text_of("Y")));
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CUSTOMER_EXTERNAL_ID, satchel_text_of("K-7")));
    phone_commit(&day.wangs, &unit);
    phone_sync(&day.wangs);
    CHECK(has_flag(&day, &made[0], "duplicate_elsewhere"));
    CHECK(has_flag(&day, &made[1], "duplicate_elsewhere"));
    command_day_close(&day);
}

TEST(pool, one_that_was_merged_away_is_no_double_any_more) {
    command_day day;
    command_day_open(&day);
    stage *here = &day.here;
    satchel_id gone = stage_customer(here, "Berta's Shop", &day.li, NULL);
    satchel_record set = stage_record(here);
    REQUIRE_OK(satchel_record_set_id(&set, SATCHEL_CUSTOMER_MERGED_INTO, &day.customer));
    REQUIRE_OK(desk_give(here, &here->system, SATCHEL_COMMAND_MERGE, SATCHEL_ENTITY_CUSTOMER, &gone, &set, NULL));
    CHECK_INT(ask(here, &day.wang, "Berta's Shop"), SATCHEL_DUPLICATE_NONE);
    REQUIRE_OK(desk_give(here, &here->system, SATCHEL_COMMAND_UNMERGE, SATCHEL_ENTITY_CUSTOMER, &gone, NULL, NULL));
    CHECK_INT(ask(here, &day.wang, "Berta's Shop"), SATCHEL_DUPLICATE_ELSEWHERE);
    command_day_close(&day);
}

static satchel_duplicate ask_by_phone(stage *here, const satchel_id *user, const char *number) {
    const satchel_actor actor = satchel_actor_user(user);
    satchel_record record = stage_record(here);
    satchel_duplicate answer = SATCHEL_DUPLICATE_NONE;
    satchel_bytes element = satchel_text_bytes(satchel_text_of(number));
    const satchel_value phones = satchel_value_set(&element, 1);
    REQUIRE_OK(satchel_record_set(&record, SATCHEL_CUSTOMER_PHONES, &phones));
    stage_begin(here);
    REQUIRE_OK(satchel_duplicate_ask(here->service, here->db, &actor, &record, &answer, NULL));
    stage_commit(here);
    return answer;
}

/* Of a customer in the pool a rep sees no phone number: whose a number is he must not find out by asking. */
TEST(pool, regress_a_key_that_is_not_read_is_somewhere_and_no_more) {
    command_day day;
    command_day_open(&day);
    satchel_id pooled = pool_customer(&day, "Pool Shop");
    satchel_record record = stage_record(&day.here);
    satchel_bytes number = satchel_text_bytes(satchel_text_of("13812344729"));
    const satchel_value phones = satchel_value_set(&number, 1);
    REQUIRE_OK(satchel_record_set(&record, SATCHEL_CUSTOMER_PHONES, &phones));
    stage_edit(&day.here, SATCHEL_ENTITY_CUSTOMER, &pooled, &record);
    CHECK_INT(ask_by_phone(&day.here, &day.li, "13812344729"), SATCHEL_DUPLICATE_ELSEWHERE);
    CHECK_INT(ask(&day.here, &day.li, "Pool Shop"), SATCHEL_DUPLICATE_SEEN);
    stage_edit(&day.here, SATCHEL_ENTITY_CUSTOMER, &day.customer, &record);
    CHECK_INT(ask_by_phone(&day.here, &day.li, "13812344729"), SATCHEL_DUPLICATE_SEEN); /* his own, too */
    command_day_close(&day);
}
