/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores that were put back or copied go on under a new name: nothing of them is lost, and nothing counts twice.
 */
#include "support/server_service/stage.h"

#include "base/text.h"

#include <string.h>

static void set_up(stage *here, phone *mine) {
    stage_open(here, NULL, 3);
    satchel_id user = stage_user(here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    phone_enrol(mine, here, &user);
    phone_sync(mine);
}

static void tear_down(stage *here, phone *mine) {
    phone_close(mine);
    stage_close(here);
}

/* What a copy that is put back forgets: the last unit was never made. */
static void forget_last(phone *mine) {
    REQUIRE(mine->outbox_count > 0);
    mine->outbox_count--;
    satchel_buffer_deinit(&mine->outbox[mine->outbox_count]);
    mine->next_sequence = mine->outbox_first[mine->outbox_count];
}

static uint32_t customers(stage *here) {
    satchel_id ids[16];
    return stage_list(here, SATCHEL_ENTITY_CUSTOMER, ids, 16);
}

TEST(lives, units_that_the_parent_sent_are_settled_and_the_rest_goes_on) {
    stage here;
    phone mine;
    set_up(&here, &mine);
    phone_add_customer(&mine, "Anna's Shop");
    phone_add_customer(&mine, "Bao's Shop");
    CHECK_STATUS(phone_exchange(&mine, PHONE_LOSE_REPLY), SATCHEL_NETWORK_ERROR);
    phone_begin_life(&mine);
    satchel_id third = phone_add_customer(&mine, "Cai's Shop");
    phone_sync(&mine);
    CHECK_UINT(customers(&here), 3);
    CHECK_UINT(stage_counts(&here).units_applied, 3);
    CHECK_UINT(mine.result_count, 3);
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &third, SATCHEL_CUSTOMER_CITY, "Ningbo");
    phone_sync(&mine);
    CHECK_INT(phone_last(&mine).code, SATCHEL_RESULT_APPLIED);
    tear_down(&here, &mine);
}

TEST(lives, what_both_lives_did_under_one_number_is_there_twice) {
    stage here;
    phone mine;
    set_up(&here, &mine);
    phone_add_customer(&mine, "Anna's Shop");
    phone_add_customer(&mine, "Bao's Shop");
    CHECK_STATUS(phone_exchange(&mine, PHONE_LOSE_REPLY), SATCHEL_NETWORK_ERROR);
    forget_last(&mine);
    phone_begin_life(&mine);
    phone_add_customer(&mine, "Cai's Shop");
    phone_sync(&mine);
    CHECK_UINT(customers(&here), 3);
    CHECK_UINT(phone_count(&mine, SATCHEL_ENTITY_CUSTOMER), 3);
    CHECK_UINT(stage_counts(&here).units_applied, 3);
    tear_down(&here, &mine);
}

TEST(lives, a_new_life_whose_first_answer_was_lost_begins_once) {
    stage here;
    phone mine;
    set_up(&here, &mine);
    phone_add_customer(&mine, "Anna's Shop");
    phone_begin_life(&mine);
    CHECK_STATUS(phone_exchange(&mine, PHONE_LOSE_REPLY), SATCHEL_NETWORK_ERROR);
    CHECK_STATUS(phone_exchange(&mine, PHONE_LOSE_REPLY), SATCHEL_NETWORK_ERROR);
    phone_sync(&mine);
    CHECK_UINT(customers(&here), 1);
    CHECK_UINT(stage_counts(&here).units_applied, 1);
    tear_down(&here, &mine);
}

TEST(lives, a_life_without_units_begins_too_and_pulls) {
    stage here;
    phone mine;
    set_up(&here, &mine);
    satchel_id customer = stage_customer(&here, "Anna's Shop", &mine.user, NULL);
    phone_begin_life(&mine);
    phone_sync(&mine);
    CHECK_TEXT(phone_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_NAME), "Anna's Shop");
    phone_add_customer(&mine, "Bao's Shop");
    phone_sync(&mine);
    CHECK_UINT(customers(&here), 2);
    tear_down(&here, &mine);
}

/* The name in between never reached the server; the older one did. */
TEST(lives, the_first_parent_that_the_server_knows_counts) {
    stage here;
    phone mine;
    set_up(&here, &mine);
    phone_add_customer(&mine, "Anna's Shop");
    CHECK_STATUS(phone_exchange(&mine, PHONE_LOSE_REPLY), SATCHEL_NETWORK_ERROR);
    phone_begin_life(&mine);
    phone_begin_life(&mine);
    phone_sync(&mine);
    CHECK_UINT(customers(&here), 1);
    CHECK_UINT(stage_counts(&here).units_applied, 1);
    tear_down(&here, &mine);
}

/* Its results lie two lives back. */
TEST(lives, a_grandchild_is_given_the_results_of_the_first_life) {
    stage here;
    phone mine;
    set_up(&here, &mine);
    phone_add_customer(&mine, "Anna's Shop");
    for (int life = 0; life < 3; life++) {
        CHECK_STATUS(phone_exchange(&mine, PHONE_LOSE_REPLY), SATCHEL_NETWORK_ERROR);
        mine.parent_count = 0;
        phone_begin_life(&mine);
    }
    phone_sync(&mine);
    CHECK_UINT(customers(&here), 1);
    CHECK_UINT(stage_counts(&here).units_applied, 1);
    CHECK_INT(phone_last(&mine).code, SATCHEL_RESULT_APPLIED);
    tear_down(&here, &mine);
}

/* The same copy is put back twice: what the first of the two sent is known to the second, which is no child of it. */
TEST(lives, regress_what_a_sister_life_sent_is_not_done_again) {
    stage here;
    phone mine;
    set_up(&here, &mine);
    const satchel_id first = mine.incarnation;
    phone_add_customer(&mine, "Anna's Shop");
    phone_add_customer(&mine, "Bao's Shop");
    phone_begin_life(&mine);
    CHECK_STATUS(phone_exchange(&mine, PHONE_LOSE_REPLY), SATCHEL_NETWORK_ERROR);
    mine.incarnation = first;
    mine.parent_count = 0;
    phone_begin_life(&mine);
    phone_add_customer(&mine, "Cai's Shop");
    phone_sync(&mine);
    CHECK_UINT(customers(&here), 3);
    CHECK_UINT(stage_counts(&here).units_applied, 3);
    CHECK_UINT(mine.result_count, 3);
    tear_down(&here, &mine);
}

TEST(lives, an_edit_on_the_edit_of_the_parent_is_no_conflict) {
    stage here;
    phone mine;
    set_up(&here, &mine);
    satchel_id customer = stage_customer(&here, "Anna's Shop", &mine.user, NULL);
    phone_sync(&mine);
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_CITY, "Ningbo");
    CHECK_STATUS(phone_exchange(&mine, PHONE_LOSE_REPLY), SATCHEL_NETWORK_ERROR);
    phone_begin_life(&mine);
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_CITY, "Wenzhou");
    phone_sync(&mine);
    CHECK_INT(phone_last(&mine).code, SATCHEL_RESULT_APPLIED);
    CHECK_TEXT(phone_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_CITY), "Wenzhou");
    CHECK_UINT(stage_counts(&here).conflicts, 0);
    tear_down(&here, &mine);
}

TEST(lives, a_row_of_the_parent_can_be_taken_back) {
    stage here;
    phone mine;
    phone_unit unit = {.count = 0};
    set_up(&here, &mine);
    satchel_id customer = phone_add_customer(&mine, "Anna's Shop");
    phone_sync(&mine);
    phone_begin_life(&mine);
    satchel_op_init(&unit.ops[0], SATCHEL_OP_VOID, SATCHEL_ENTITY_CUSTOMER, &customer, &mine.arena);
    unit.ops[0].target = 1;
    unit.count = 1;
    phone_commit(&mine, &unit);
    phone_sync(&mine);
    CHECK_INT(phone_last(&mine).code, SATCHEL_RESULT_APPLIED);
    CHECK_UINT(phone_count(&mine, SATCHEL_ENTITY_CUSTOMER), 0);
    tear_down(&here, &mine);
}

/* The older life is a copy from then on; it may go on under a name of its own. */
TEST(lives, the_old_life_is_told_that_it_is_a_copy_and_can_go_on_too) {
    stage here;
    phone mine;
    set_up(&here, &mine);
    const satchel_id first = mine.incarnation;
    phone_begin_life(&mine);
    const satchel_id second = mine.incarnation;
    phone_sync(&mine);
    mine.incarnation = first;
    phone_add_customer(&mine, "Anna's Shop");
    CHECK_STATUS(phone_exchange(&mine, PHONE_GOOD_LUCK), SATCHEL_FORKED);
    phone_begin_life(&mine);
    phone_sync(&mine);
    CHECK_UINT(customers(&here), 1);
    mine.incarnation = second;
    mine.parent_count = 1;
    CHECK_STATUS(phone_exchange(&mine, PHONE_GOOD_LUCK), SATCHEL_FORKED);
    tear_down(&here, &mine);
}

TEST(lives, a_life_of_another_device_is_no_parent) {
    stage here;
    phone mine;
    phone other;
    set_up(&here, &mine);
    phone_enrol(&other, &here, &mine.user);
    phone_sync(&other);
    phone_add_customer(&other, "Anna's Shop");
    phone_begin_life(&other);
    other.parents[0] = mine.incarnation;
    phone_sync(&other);
    CHECK_UINT(customers(&here), 1);
    phone_add_customer(&mine, "Bao's Shop");
    phone_sync(&mine);
    CHECK_UINT(customers(&here), 2);
    phone_close(&other);
    tear_down(&here, &mine);
}
