/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking back: only one's own op, on a row that one may still work on, and nothing that stands by now.
 */
#include "command_stage.h"

static satchel_op void_of(phone *mine, uint32_t entity, const satchel_id *row, uint64_t target) {
    satchel_op op;
    satchel_op_init(&op, SATCHEL_OP_VOID, entity, row, &mine->arena);
    op.target = target;
    return op;
}

static phone_result take_back(phone *mine, uint32_t entity, const satchel_id *row, uint64_t target) {
    phone_unit unit = {.count = 1};
    unit.ops[0] = void_of(mine, entity, row, target);
    phone_commit(mine, &unit);
    phone_sync(mine);
    return phone_last(mine);
}

static bool is_there(command_day *day, uint32_t entity, const satchel_id *row) {
    satchel_id ids[8];
    uint32_t count = stage_list(&day->here, entity, ids, 8);
    for (uint32_t i = 0; i < count; i++) {
        if (satchel_id_equal(&ids[i], row)) {
            return true;
        }
    }
    return false;
}

TEST(take_back, of_absent_and_forbidden_rows_the_answer_is_one) {
    command_day day;
    command_day_open(&day);
    satchel_id nothing = {{9}};
    satchel_id wangs = phone_add_customer(&day.wangs, "Wang's");
    phone_sync(&day.wangs);
    phone_add_customer(&day.lis, "Li's");
    phone_result absent = take_back(&day.lis, SATCHEL_ENTITY_CUSTOMER, &nothing, 1);
    phone_result forbidden = take_back(&day.lis, SATCHEL_ENTITY_CUSTOMER, &wangs, 1);
    CHECK_STATUS(absent.status, SATCHEL_OUT_OF_SCOPE);
    CHECK_STATUS(forbidden.status, SATCHEL_OUT_OF_SCOPE);
    CHECK_INT(forbidden.code, SATCHEL_RESULT_REFUSED);
    CHECK(is_there(&day, SATCHEL_ENTITY_CUSTOMER, &wangs));
    command_day_close(&day);
}

TEST(take_back, another_phones_op_on_a_row_that_one_may_change_stays) {
    command_day day;
    phone boss;
    command_day_open(&day);
    satchel_id made = phone_add_customer(&day.lis, "Li's");
    phone_sync(&day.lis);
    phone_enrol(&boss, &day.here, &day.boss);
    phone_sync(&boss);
    phone_add_customer(&boss, "Boss's");
    phone_result result = take_back(&boss, SATCHEL_ENTITY_CUSTOMER, &made, 1);
    CHECK_STATUS(result.status, SATCHEL_IMMUTABLE);
    CHECK(is_there(&day, SATCHEL_ENTITY_CUSTOMER, &made));
    phone_close(&boss);
    command_day_close(&day);
}

TEST(take_back, who_lost_the_customer_takes_back_nothing_of_it) {
    command_day day;
    command_day_open(&day);
    satchel_id made = phone_add_customer(&day.lis, "Li's");
    uint64_t target = day.lis.next_sequence - 1;
    phone_sync(&day.lis);
    phone_unit unit = {.count = 1};
    unit.ops[0] = void_of(&day.lis, SATCHEL_ENTITY_CUSTOMER, &made, target);
    phone_commit(&day.lis, &unit);
    stage_reassign(&day.here, &made, &day.wang);
    phone_sync(&day.lis);
    CHECK_INT(phone_last(&day.lis).code, SATCHEL_RESULT_REFUSED);
    CHECK_STATUS(phone_last(&day.lis).status, SATCHEL_MOVED_AWAY);
    CHECK(is_there(&day, SATCHEL_ENTITY_CUSTOMER, &made));
    CHECK_STATUS(take_back(&day.lis, SATCHEL_ENTITY_CUSTOMER, &made, target).status, SATCHEL_OUT_OF_SCOPE);
    command_day_close(&day);
}

TEST(take_back, a_fact_of_his_own_is_taken_back_by_who_lost_the_customer_before_he_heard) {
    command_day day;
    command_day_open(&day);
    satchel_id visit = phone_check_in(&day.lis, &day.customer);
    uint64_t target = day.lis.next_sequence - 1;
    phone_sync(&day.lis);
    phone_unit unit = {.count = 1};
    unit.ops[0] = void_of(&day.lis, SATCHEL_ENTITY_VISIT, &visit, target);
    phone_commit(&day.lis, &unit);
    stage_reassign(&day.here, &day.customer, &day.wang);
    phone_sync(&day.lis);
    CHECK_INT(phone_last(&day.lis).code, SATCHEL_RESULT_APPLIED);
    CHECK(!is_there(&day, SATCHEL_ENTITY_VISIT, &visit));
    command_day_close(&day);
}

TEST(take_back, an_edit_is_not_the_making_of_a_row) {
    command_day day;
    command_day_open(&day);
    satchel_id made = phone_add_customer(&day.lis, "Li's");
    phone_edit_text(&day.lis, SATCHEL_ENTITY_CUSTOMER, &made, SATCHEL_CUSTOMER_CITY, "Ningbo");
    uint64_t edit = day.lis.next_sequence - 1;
    phone_sync(&day.lis);
    CHECK_STATUS(take_back(&day.lis, SATCHEL_ENTITY_CUSTOMER, &made, edit).status, SATCHEL_IMMUTABLE);
    CHECK(is_there(&day, SATCHEL_ENTITY_CUSTOMER, &made));
    CHECK_INT(take_back(&day.lis, SATCHEL_ENTITY_CUSTOMER, &made, edit - 1).code, SATCHEL_RESULT_APPLIED);
    CHECK(!is_there(&day, SATCHEL_ENTITY_CUSTOMER, &made));
    command_day_close(&day);
}

static void submit(phone *mine, const satchel_id *order) {
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_edit(mine, &unit, SATCHEL_ENTITY_ORDER, order);
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_SUBMITTED));
    REQUIRE_OK(satchel_record_set_int(&op->from, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_DRAFT));
    phone_commit(mine, &unit);
    phone_sync(mine);
}

TEST(take_back, regress_a_submitted_order_stands_and_so_do_its_lines) {
    command_day day;
    satchel_id line;
    command_day_open(&day);
    satchel_id order = order_of_li(&day, 0);
    uint64_t made = day.lis.next_sequence - 2;
    CHECK_UINT(stage_list(&day.here, SATCHEL_ENTITY_ORDER_LINE, &line, 1), 1);
    submit(&day.lis, &order);
    CHECK_STATUS(take_back(&day.lis, SATCHEL_ENTITY_ORDER_LINE, &line, made + 1).status, SATCHEL_LATE_FOR_PARENT);
    CHECK_STATUS(take_back(&day.lis, SATCHEL_ENTITY_ORDER, &order, made).status, SATCHEL_LATE_FOR_PARENT);
    CHECK(is_there(&day, SATCHEL_ENTITY_ORDER, &order) && is_there(&day, SATCHEL_ENTITY_ORDER_LINE, &line));
    command_day_close(&day);
}

TEST(take_back, regress_a_customer_that_others_were_merged_into_stands) {
    command_day day;
    command_day_open(&day);
    satchel_id kept = phone_add_customer(&day.lis, "Kept");
    satchel_id gone = phone_add_customer(&day.lis, "Gone");
    phone_sync(&day.lis);
    give_id(&day.lis, SATCHEL_COMMAND_MERGE, SATCHEL_ENTITY_CUSTOMER, &gone, SATCHEL_CUSTOMER_MERGED_INTO, &kept);
    phone_sync(&day.lis);
    REQUIRE(phone_last(&day.lis).code == SATCHEL_RESULT_APPLIED);
    CHECK_STATUS(take_back(&day.lis, SATCHEL_ENTITY_CUSTOMER, &kept, 1).status, SATCHEL_IMMUTABLE);
    CHECK(is_there(&day, SATCHEL_ENTITY_CUSTOMER, &kept));
    command_day_close(&day);
}
