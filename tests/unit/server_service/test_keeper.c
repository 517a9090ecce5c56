/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who decides on a parked edit, as phones are told it.
 */
#include "command_stage.h"

#include "service/policies.h"

static const satchel_id nobody = {{0}};

/* Li's edit comes after his customer went to `owner` (none: the public pool). */
static phone_result lose_to(command_day *day, const satchel_id *owner) {
    phone_edit_text(&day->lis, SATCHEL_ENTITY_CUSTOMER, &day->customer, SATCHEL_CUSTOMER_NOTE, "likes tea");
    stage_pass(&day->here, 60000);
    if (owner != NULL) {
        stage_reassign(&day->here, &day->customer, owner);
    } else {
        REQUIRE_OK(desk_give(&day->here, &day->here.system, SATCHEL_COMMAND_RELEASE, SATCHEL_ENTITY_CUSTOMER,
                             &day->customer, NULL, NULL));
    }
    phone_sync(&day->lis);
    REQUIRE_INT(phone_last(&day->lis).code, SATCHEL_RESULT_PARKED);
    return phone_last(&day->lis);
}

static void put_rep(stage *here, const char *rules) {
    stage_begin(here);
    REQUIRE_OK(
        satchel_role_put(here->service, here->db, &here->system, satchel_text_of("rep"), satchel_text_of(rules), NULL));
    stage_commit(here);
}

TEST(keeper, the_new_owners_manager_has_a_parked_edit) {
    command_day day;
    command_day_open(&day);
    satchel_id other_boss = stage_user(&day.here, "zhao", SATCHEL_ROLE_MANAGER, NULL, NULL);
    satchel_id sun = stage_user(&day.here, "sun", SATCHEL_ROLE_REP, &other_boss, NULL);
    phone_sync(&day.lis);
    phone_result result = lose_to(&day, &sun);
    CHECK_ID(&result.keeper, &other_boss);
    CHECK(phone_find(&day.lis, SATCHEL_ENTITY_USER, &other_boss) != NULL); /* so he can be named */
    command_day_close(&day);
}

TEST(keeper, without_an_owner_or_an_active_manager_the_administrators_have_it) {
    command_day day;
    command_day_open(&day);
    phone_result result = lose_to(&day, NULL);
    CHECK_ID(&result.keeper, &nobody);
    command_day_close(&day);
    command_day_open(&day);
    satchel_record left = stage_record(&day.here);
    const satchel_value no = satchel_value_bool(false);
    REQUIRE_OK(satchel_record_set(&left, SATCHEL_USER_ACTIVE, &no));
    stage_edit(&day.here, SATCHEL_ENTITY_USER, &day.boss, &left);
    result = lose_to(&day, &day.wang);
    CHECK_ID(&result.keeper, &nobody);
    command_day_close(&day);
}

TEST(keeper, he_is_not_named_to_whom_users_are_hidden) {
    command_day day;
    command_day_open(&day);
    put_rep(&day.here, "customer read own\ncustomer edit own\ncustomer open=write own");
    phone_sync(&day.lis);
    phone_sync(&day.lis);
    CHECK(phone_find(&day.lis, SATCHEL_ENTITY_USER, &day.boss) == NULL);
    phone_result result = lose_to(&day, &day.wang);
    CHECK_ID(&result.keeper, &nobody);
    command_day_close(&day);
}

TEST(keeper, every_op_of_the_unit_and_a_repeated_answer_name_the_same) {
    command_day day;
    phone_unit unit = {.count = 0};
    command_day_open(&day);
    satchel_id second = stage_customer(&day.here, "Li's too", &day.li, NULL);
    phone_sync(&day.lis);
    satchel_op *op = phone_edit(&day.lis, &unit, SATCHEL_ENTITY_CUSTOMER, &second);
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CUSTOMER_NOTE, satchel_text_of("stays")));
    op = phone_edit(&day.lis, &unit, SATCHEL_ENTITY_CUSTOMER, &day.customer);
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CUSTOMER_NOTE, satchel_text_of("moved")));
    phone_commit(&day.lis, &unit);
    stage_pass(&day.here, 60000);
    stage_reassign(&day.here, &day.customer, &day.wang);
    CHECK_STATUS(phone_exchange(&day.lis, PHONE_LOSE_REPLY), SATCHEL_NETWORK_ERROR);
    phone_sync(&day.lis);
    for (uint64_t sequence = 1; sequence <= 2; sequence++) {
        phone_result result = phone_result_of(&day.lis, sequence);
        CHECK_INT(result.code, SATCHEL_RESULT_PARKED);
        CHECK_ID(&result.keeper, &day.boss);
    }
    command_day_close(&day);
}
