/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Approvals: transfers, plans and discounts that somebody has to agree to, in one step or several.
 */
#include "command_stage.h"

#include "service/command.h"

static void ask_for_transfer(command_day *day) {
    give_id(&day->lis, SATCHEL_COMMAND_TRANSFER, SATCHEL_ENTITY_CUSTOMER, &day->customer, SATCHEL_CUSTOMER_OWNER,
            &day->wang);
    phone_sync(&day->lis);
}

TEST(approvals, a_transfer_waits_until_it_is_approved) {
    command_day day;
    command_day_open(&day);
    set_rule(&day.here, "approve.transfer", 1);
    ask_for_transfer(&day);
    CHECK_INT(phone_last(&day.lis).code, SATCHEL_RESULT_APPLIED);
    CHECK_STATUS(phone_last(&day.lis).status, SATCHEL_APPROVAL_PENDING);
    CHECK(is_owner(&day.here, &day.customer, &day.li));
    satchel_id approval = approval_waiting(&day.here);
    CHECK(phone_find(&day.lis, SATCHEL_ENTITY_APPROVAL, &approval) != NULL); /* who asked sees that it waits */
    CHECK_OK(approval_decide(&day.here, &day.boss, &approval, SATCHEL_APPROVAL_DECISION_APPROVED));
    CHECK(is_owner(&day.here, &day.customer, &day.wang));
    CHECK_STATUS(approval_decide(&day.here, &day.boss, &approval, SATCHEL_APPROVAL_DECISION_REFUSED),
                 SATCHEL_OVERTAKEN);
    CHECK(is_owner(&day.here, &day.customer, &day.wang));
    command_day_close(&day);
}

TEST(approvals, what_was_refused_or_withdrawn_has_no_effect) {
    static const int64_t decisions[] = {SATCHEL_APPROVAL_DECISION_REFUSED, SATCHEL_APPROVAL_DECISION_WITHDRAWN};
    for (size_t i = 0; i < 2; i++) {
        command_day day;
        command_day_open(&day);
        set_rule(&day.here, "approve.transfer", 1);
        ask_for_transfer(&day);
        satchel_id approval = approval_waiting(&day.here);
        const satchel_id *user = i == 0 ? &day.boss : &day.li;
        CHECK_OK(approval_decide(&day.here, user, &approval, decisions[i]));
        CHECK(is_owner(&day.here, &day.customer, &day.li));
        ask_for_transfer(&day); /* it may be asked for again */
        CHECK_STATUS(phone_last(&day.lis).status, SATCHEL_APPROVAL_PENDING);
        CHECK_INT(phone_last(&day.lis).code, SATCHEL_RESULT_APPLIED);
        command_day_close(&day);
    }
}

TEST(approvals, of_one_row_one_waits_at_a_time) {
    command_day day;
    command_day_open(&day);
    set_rule(&day.here, "approve.transfer", 1);
    ask_for_transfer(&day);
    ask_for_transfer(&day);
    CHECK_INT(phone_last(&day.lis).code, SATCHEL_RESULT_REFUSED);
    CHECK_STATUS(phone_last(&day.lis).status, SATCHEL_APPROVAL_PENDING);
    CHECK_INT(stage_number(&day.here, "SELECT count(*) FROM approval"), 1);
    command_day_close(&day);
}

TEST(approvals, nobody_decides_on_his_own_and_no_rep_on_any) {
    command_day day;
    command_day_open(&day);
    set_rule(&day.here, "approve.transfer", 1);
    ask_for_transfer(&day);
    satchel_id approval = approval_waiting(&day.here);
    CHECK_STATUS(approval_decide(&day.here, &day.li, &approval, SATCHEL_APPROVAL_DECISION_APPROVED), SATCHEL_FORBIDDEN);
    CHECK_STATUS(approval_decide(&day.here, &day.wang, &approval, SATCHEL_APPROVAL_DECISION_APPROVED),
                 SATCHEL_OUT_OF_SCOPE);
    CHECK_STATUS(approval_decide(&day.here, &day.boss, &approval, SATCHEL_APPROVAL_DECISION_WITHDRAWN),
                 SATCHEL_FORBIDDEN);
    CHECK(is_owner(&day.here, &day.customer, &day.li));
    command_day_close(&day);
}

TEST(approvals, who_asked_does_not_decide_even_when_he_has_become_a_manager) {
    command_day day;
    command_day_open(&day);
    set_rule(&day.here, "approve.transfer", 1);
    ask_for_transfer(&day);
    satchel_id approval = approval_waiting(&day.here);
    const uint64_t roles = UINT64_C(1) << SATCHEL_ROLE_MANAGER;
    const satchel_user_change promoted = {.roles = &roles};
    stage_begin(&day.here);
    REQUIRE_OK(satchel_user_change_to(day.here.service, day.here.db, &day.here.system, &day.li, &promoted, NULL));
    stage_commit(&day.here);
    CHECK_STATUS(approval_decide(&day.here, &day.li, &approval, SATCHEL_APPROVAL_DECISION_APPROVED), SATCHEL_FORBIDDEN);
    CHECK(is_owner(&day.here, &day.customer, &day.li));
    CHECK_OK(approval_decide(&day.here, &day.boss, &approval, SATCHEL_APPROVAL_DECISION_APPROVED));
    command_day_close(&day);
}

TEST(approvals, a_chain_has_its_steps_one_after_another) {
    command_day day;
    command_day_open(&day);
    set_rule(&day.here, "approve.transfer", SATCHEL_APPROVAL_STEPS_MOST);
    set_rule(&day.here, "approve.one_person", 1);
    ask_for_transfer(&day);
    for (int64_t step = 1; step <= SATCHEL_APPROVAL_STEPS_MOST; step++) {
        satchel_id approval = approval_waiting(&day.here);
        CHECK(is_owner(&day.here, &day.customer, &day.li));
        CHECK_INT(number_of(&day.here, SATCHEL_ENTITY_APPROVAL, &approval, SATCHEL_APPROVAL_STEP), step);
        REQUIRE_OK(approval_decide(&day.here, &day.boss, &approval, SATCHEL_APPROVAL_DECISION_APPROVED));
    }
    CHECK(is_owner(&day.here, &day.customer, &day.wang));
    command_day_close(&day);
}

static satchel_id second_boss(command_day *day) {
    satchel_id chief = stage_user(&day->here, "chief", SATCHEL_ROLE_MANAGER, NULL, NULL);
    const satchel_user_change below = {.manager = &chief};
    stage_begin(&day->here);
    REQUIRE_OK(satchel_user_change_to(day->here.service, day->here.db, &day->here.system, &day->boss, &below, NULL));
    stage_commit(&day->here);
    return chief;
}

TEST(approvals, nobody_approves_two_steps_of_one_thing) {
    command_day day;
    command_day_open(&day);
    satchel_id chief = second_boss(&day);
    set_rule(&day.here, "approve.transfer", 3);
    for (int chain = 0; chain < 2; chain++) { /* what was approved in a chain before does not count */
        ask_for_transfer(&day);
        satchel_id first = approval_waiting(&day.here);
        REQUIRE_OK(approval_decide(&day.here, &day.boss, &first, SATCHEL_APPROVAL_DECISION_APPROVED));
        satchel_id second = approval_waiting(&day.here);
        CHECK_STATUS(approval_decide(&day.here, &day.boss, &second, SATCHEL_APPROVAL_DECISION_APPROVED),
                     SATCHEL_FORBIDDEN);
        REQUIRE_OK(approval_decide(&day.here, &chief, &second, SATCHEL_APPROVAL_DECISION_APPROVED));
        satchel_id third = approval_waiting(&day.here);
        CHECK_STATUS(approval_decide(&day.here, &day.boss, &third, SATCHEL_APPROVAL_DECISION_APPROVED),
                     SATCHEL_FORBIDDEN);
        CHECK_STATUS(approval_decide(&day.here, &chief, &third, SATCHEL_APPROVAL_DECISION_APPROVED), SATCHEL_FORBIDDEN);
        CHECK(is_owner(&day.here, &day.customer, &day.li));
        satchel_actor last = day.here.system;
        satchel_record set = stage_record(&day.here);
        REQUIRE_OK(satchel_record_set_int(&set, SATCHEL_APPROVAL_DECISION, SATCHEL_APPROVAL_DECISION_APPROVED));
        REQUIRE_OK(chain == 0 ? approval_decide(&day.here, &day.boss, &third, SATCHEL_APPROVAL_DECISION_REFUSED)
                              : desk_give(&day.here, &last, SATCHEL_COMMAND_DECIDE, SATCHEL_ENTITY_APPROVAL, &third,
                                          &set, NULL));
    }
    CHECK(is_owner(&day.here, &day.customer, &day.wang));
    command_day_close(&day);
}

TEST(approvals, where_the_company_says_so_one_person_approves_all_steps) {
    command_day day;
    command_day_open(&day);
    set_rule(&day.here, "approve.transfer", 2);
    ask_for_transfer(&day);
    for (int64_t alone = 0; alone < 2; alone++) {
        satchel_id approval = approval_waiting(&day.here);
        set_rule(&day.here, "approve.one_person", alone);
        REQUIRE_OK(approval_decide(&day.here, &day.boss, &approval, SATCHEL_APPROVAL_DECISION_APPROVED));
    }
    CHECK(is_owner(&day.here, &day.customer, &day.wang));
    command_day_close(&day);
}

TEST(approvals, what_is_overtaken_meanwhile_is_not_carried_out) {
    command_day day;
    command_day_open(&day);
    set_rule(&day.here, "approve.transfer", 1);
    ask_for_transfer(&day);
    satchel_id approval = approval_waiting(&day.here);
    stage_reassign(&day.here, &day.customer, &day.boss);
    CHECK_STATUS(approval_decide(&day.here, &day.boss, &approval, SATCHEL_APPROVAL_DECISION_APPROVED),
                 SATCHEL_OVERTAKEN);
    CHECK(is_owner(&day.here, &day.customer, &day.boss));
    CHECK_OK(approval_decide(&day.here, &day.boss, &approval, SATCHEL_APPROVAL_DECISION_REFUSED));
    command_day_close(&day);
}

TEST(approvals, two_who_decide_at_once_decide_once) {
    command_day day;
    phone boss;
    phone again;
    command_day_open(&day);
    set_rule(&day.here, "approve.transfer", 1);
    ask_for_transfer(&day);
    phone_enrol(&boss, &day.here, &day.boss);
    phone_enrol(&again, &day.here, &day.boss);
    phone_sync(&boss);
    phone_sync(&again);
    satchel_id approval = approval_waiting(&day.here);
    satchel_record set = stage_record(&day.here);
    REQUIRE_OK(satchel_record_set_int(&set, SATCHEL_APPROVAL_DECISION, SATCHEL_APPROVAL_DECISION_APPROVED));
    give(&boss, SATCHEL_COMMAND_DECIDE, SATCHEL_ENTITY_APPROVAL, &approval, &set);
    give(&again, SATCHEL_COMMAND_DECIDE, SATCHEL_ENTITY_APPROVAL, &approval, &set);
    phone_exchange(&boss, PHONE_LOSE_REPLY);
    phone_sync(&again);
    phone_sync(&boss);
    CHECK_INT(phone_last(&boss).code, SATCHEL_RESULT_APPLIED);
    CHECK_STATUS(phone_last(&again).status, SATCHEL_OVERTAKEN);
    CHECK(is_owner(&day.here, &day.customer, &day.wang));
    phone_close(&boss);
    phone_close(&again);
    command_day_close(&day);
}

static satchel_id plan_of_li(command_day *day) {
    satchel_record plan = stage_record(&day->here);
    REQUIRE_OK(satchel_record_set_text(&plan, SATCHEL_VISIT_PLAN_NAME, satchel_text_of("Mondays")));
    REQUIRE_OK(satchel_record_set_id(&plan, SATCHEL_VISIT_PLAN_OWNER, &day->li));
    REQUIRE_OK(satchel_record_set_int(&plan, SATCHEL_VISIT_PLAN_RULE, SATCHEL_PLAN_RULE_EVERY_DAYS));
    REQUIRE_OK(satchel_record_set_int(&plan, SATCHEL_VISIT_PLAN_EVERY_DAYS, 7));
    REQUIRE_OK(satchel_record_set_int(&plan, SATCHEL_VISIT_PLAN_VALID_FROM, 19000));
    return stage_create(&day->here, SATCHEL_ENTITY_VISIT_PLAN, &plan).id;
}

TEST(approvals, a_rep_proposes_a_plan_and_his_boss_changes_it) {
    command_day day;
    command_day_open(&day);
    satchel_id plan = plan_of_li(&day);
    satchel_record set = stage_record(&day.here);
    REQUIRE_OK(satchel_record_set_int(&set, SATCHEL_VISIT_PLAN_EVERY_DAYS, 14));
    phone_sync(&day.lis);
    give(&day.lis, SATCHEL_COMMAND_CHANGE_PLAN, SATCHEL_ENTITY_VISIT_PLAN, &plan, &set);
    phone_sync(&day.lis);
    CHECK_STATUS(phone_last(&day.lis).status, SATCHEL_APPROVAL_PENDING);
    CHECK_INT(number_of(&day.here, SATCHEL_ENTITY_VISIT_PLAN, &plan, SATCHEL_VISIT_PLAN_EVERY_DAYS), 7);
    satchel_id approval = approval_waiting(&day.here);
    REQUIRE_OK(approval_decide(&day.here, &day.boss, &approval, SATCHEL_APPROVAL_DECISION_APPROVED));
    CHECK_INT(number_of(&day.here, SATCHEL_ENTITY_VISIT_PLAN, &plan, SATCHEL_VISIT_PLAN_EVERY_DAYS), 14);
    satchel_actor boss = satchel_actor_user(&day.boss);
    REQUIRE_OK(satchel_record_set_int(&set, SATCHEL_VISIT_PLAN_EVERY_DAYS, 0));
    CHECK_STATUS(desk_give(&day.here, &boss, SATCHEL_COMMAND_CHANGE_PLAN, SATCHEL_ENTITY_VISIT_PLAN, &plan, &set, NULL),
                 SATCHEL_OUT_OF_RANGE);
    command_day_close(&day);
}

TEST(approvals, a_stop_is_made_moved_and_dropped) {
    command_day day;
    command_day_open(&day);
    satchel_id plan = plan_of_li(&day);
    satchel_actor boss = satchel_actor_user(&day.boss);
    satchel_id stop = {{4}};
    satchel_record set = stage_record(&day.here);
    REQUIRE_OK(satchel_record_set_id(&set, SATCHEL_PLAN_STOP_PLAN, &plan));
    REQUIRE_OK(satchel_record_set_id(&set, SATCHEL_PLAN_STOP_CUSTOMER, &day.customer));
    REQUIRE_OK(satchel_record_set_int(&set, SATCHEL_PLAN_STOP_POSITION, 1));
    REQUIRE_OK(desk_give(&day.here, &boss, SATCHEL_COMMAND_CHANGE_PLAN, SATCHEL_ENTITY_PLAN_STOP, &stop, &set, NULL));
    CHECK_INT(number_of(&day.here, SATCHEL_ENTITY_PLAN_STOP, &stop, SATCHEL_PLAN_STOP_POSITION), 1);
    satchel_record moved = stage_record(&day.here);
    REQUIRE_OK(satchel_record_set_int(&moved, SATCHEL_PLAN_STOP_POSITION, 2));
    REQUIRE_OK(desk_give(&day.here, &boss, SATCHEL_COMMAND_CHANGE_PLAN, SATCHEL_ENTITY_PLAN_STOP, &stop, &moved, NULL));
    CHECK_INT(number_of(&day.here, SATCHEL_ENTITY_PLAN_STOP, &stop, SATCHEL_PLAN_STOP_POSITION), 2);
    REQUIRE_OK(desk_give(&day.here, &boss, SATCHEL_COMMAND_CHANGE_PLAN, SATCHEL_ENTITY_PLAN_STOP, &stop, NULL, NULL));
    CHECK_INT(stage_number(&day.here, "SELECT count(*) FROM plan_stop WHERE deleted = 0"), 0);
    command_day_close(&day);
}

TEST(approvals, regress_a_stop_stays_in_its_plan) {
    command_day day;
    command_day_open(&day);
    satchel_id plan = plan_of_li(&day);
    satchel_id other = plan_of_li(&day);
    satchel_actor boss = satchel_actor_user(&day.boss);
    satchel_id stop = {{4}};
    for (int i = 0; i < 3; i++) { /* made, written as it is, moved */
        satchel_record set = stage_record(&day.here);
        REQUIRE_OK(satchel_record_set_id(&set, SATCHEL_PLAN_STOP_PLAN, i < 2 ? &plan : &other));
        REQUIRE_OK(satchel_record_set_id(&set, SATCHEL_PLAN_STOP_CUSTOMER, &day.customer));
        REQUIRE_OK(satchel_record_set_int(&set, SATCHEL_PLAN_STOP_POSITION, 1));
        CHECK_STATUS(
            desk_give(&day.here, &boss, SATCHEL_COMMAND_CHANGE_PLAN, SATCHEL_ENTITY_PLAN_STOP, &stop, &set, NULL),
            i < 2 ? SATCHEL_OK : SATCHEL_IMMUTABLE);
    }
    satchel_record row = stage_read(&day.here, SATCHEL_ENTITY_PLAN_STOP, &stop, NULL);
    satchel_id of = satchel_record_id(&row, SATCHEL_PLAN_STOP_PLAN);
    CHECK_ID(&of, &plan);
    command_day_close(&day);
}

/* --- orders --- */

static phone_result request(command_day *day, const satchel_id *order, int64_t total) {
    satchel_record seen = stage_record(&day->here);
    REQUIRE_OK(satchel_record_set_int(&seen, SATCHEL_ORDER_TOTAL_MINOR, total));
    REQUIRE_OK(satchel_record_set_int(&seen, SATCHEL_ORDER_LINE_COUNT, 1));
    give(&day->lis, SATCHEL_COMMAND_SUBMIT_ORDER, SATCHEL_ENTITY_ORDER, order, &seen);
    phone_sync(&day->lis);
    return phone_last(&day->lis);
}

TEST(approvals, an_order_is_submitted_as_it_was_seen_and_once) {
    command_day day;
    command_day_open(&day);
    satchel_id order = order_of_li(&day, 0);
    CHECK_STATUS(request(&day, &order, 1999).status, SATCHEL_TOTALS_DIFFER);
    CHECK_INT(request(&day, &order, 2000).code, SATCHEL_RESULT_APPLIED);
    CHECK_INT(number_of(&day.here, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_STATUS), SATCHEL_ORDER_STATUS_SUBMITTED);
    CHECK_STATUS(request(&day, &order, 2000).status, SATCHEL_OVERTAKEN);
    CHECK(number_of(&day.here, SATCHEL_ENTITY_CUSTOMER, &day.customer, SATCHEL_CUSTOMER_LAST_ORDER_AT) > 0);
    command_day_close(&day);
}

TEST(approvals, a_discount_up_to_the_limit_needs_nobody_and_one_above_does) {
    static const struct {
        int64_t discount_bp;
        int64_t total;
        satchel_status status;
    } cases[] = {{1000, 1800, SATCHEL_OK}, {1001, 1800, SATCHEL_APPROVAL_PENDING}};
    for (size_t i = 0; i < 2; i++) {
        command_day day;
        command_day_open(&day);
        set_rule(&day.here, "approve.discount", 1);
        set_rule(&day.here, "discount.limit_bp", 1000);
        satchel_id order = order_of_li(&day, cases[i].discount_bp);
        CHECK_STATUS(request(&day, &order, cases[i].total).status, cases[i].status);
        bool submitted =
            number_of(&day.here, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_STATUS) == SATCHEL_ORDER_STATUS_SUBMITTED;
        CHECK(submitted == (i == 0));
        satchel_id approval = approval_waiting(&day.here);
        CHECK(i == 0 ||
              approval_decide(&day.here, &day.boss, &approval, SATCHEL_APPROVAL_DECISION_APPROVED) == SATCHEL_OK);
        CHECK_INT(number_of(&day.here, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_STATUS),
                  SATCHEL_ORDER_STATUS_SUBMITTED);
        command_day_close(&day);
    }
}

static satchel_id line_of(stage *here) {
    satchel_id line = {{0}};
    CHECK_UINT(stage_list(here, SATCHEL_ENTITY_ORDER_LINE, &line, 1), 1);
    return line;
}

TEST(approvals, regress_an_order_is_approved_as_it_was_asked_for) {
    static const uint32_t fields[] = {SATCHEL_ORDER_LINE_DISCOUNT_BP, SATCHEL_ORDER_LINE_POSITION, 0};
    for (size_t i = 0; i < 3; i++) { /* another total, another line with the same total, another order */
        command_day day;
        command_day_open(&day);
        set_rule(&day.here, "approve.discount", 1);
        set_rule(&day.here, "discount.limit_bp", 1000);
        satchel_id order = order_of_li(&day, 2000);
        give(&day.lis, SATCHEL_COMMAND_SUBMIT_ORDER, SATCHEL_ENTITY_ORDER, &order, NULL); /* says no total */
        phone_sync(&day.lis);
        CHECK_STATUS(phone_last(&day.lis).status, SATCHEL_APPROVAL_PENDING);
        satchel_id approval = approval_waiting(&day.here);
        satchel_id line = line_of(&day.here);
        phone_unit unit = {.count = 0};
        satchel_op *op = fields[i] != 0 ? phone_edit(&day.lis, &unit, SATCHEL_ENTITY_ORDER_LINE, &line)
                                        : phone_edit(&day.lis, &unit, SATCHEL_ENTITY_ORDER, &order);
        REQUIRE_OK(satchel_record_set_int(&op->set, fields[i] != 0 ? fields[i] : SATCHEL_ORDER_DISCOUNT_BP,
                                          9000 - 6000 * (int64_t)(i == 1)));
        phone_commit(&day.lis, &unit);
        phone_sync(&day.lis);
        CHECK_INT(phone_last(&day.lis).code, SATCHEL_RESULT_APPLIED);
        CHECK_STATUS(approval_decide(&day.here, &day.boss, &approval, SATCHEL_APPROVAL_DECISION_APPROVED),
                     SATCHEL_TOTALS_DIFFER);
        CHECK_INT(number_of(&day.here, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_STATUS), SATCHEL_ORDER_STATUS_DRAFT);
        CHECK_OK(approval_decide(&day.here, &day.boss, &approval, SATCHEL_APPROVAL_DECISION_REFUSED));
        command_day_close(&day);
    }
}
