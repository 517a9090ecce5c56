/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Discounts above the limit: whatever way an order would become submitted, it waits for an approval, and comes in.
 */
#include "command_stage.h"

#include "service/discount.h"

static void limit(command_day *day, int64_t limit_bp) {
    command_day_open(day);
    set_rule(&day->here, "approve.discount", 1);
    set_rule(&day->here, "discount.limit_bp", limit_bp);
}

static int64_t state_of(command_day *day, const satchel_id *order) {
    return number_of(&day->here, SATCHEL_ENTITY_ORDER, order, SATCHEL_ORDER_STATUS);
}

static bool is_flagged(command_day *day, const satchel_id *order) {
    satchel_record row = stage_read(&day->here, SATCHEL_ENTITY_ORDER, order, NULL);
    const satchel_value *flags = satchel_record_get(&row, SATCHEL_ORDER_FLAGS);
    return flags != NULL &&
           satchel_set_has(&flags->as.set, satchel_text_bytes(satchel_text_of(SATCHEL_FLAG_AWAITING_APPROVAL)));
}

static void approve(command_day *day, satchel_status expected) {
    satchel_id approval = approval_waiting(&day->here);
    CHECK_STATUS(approval_decide(&day->here, &day->boss, &approval, SATCHEL_APPROVAL_DECISION_APPROVED), expected);
}

/* As satchel_order_submit does it: an edit of the state. */
static phone_result submit(phone *mine, const satchel_id *order, int64_t at_ms) {
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_edit(mine, &unit, SATCHEL_ENTITY_ORDER, order);
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_SUBMITTED));
    REQUIRE_OK(satchel_record_set_int(&op->from, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_DRAFT));
    REQUIRE_OK(satchel_record_set_time(&op->set, SATCHEL_ORDER_SUBMITTED_AT, at_ms));
    phone_commit(mine, &unit);
    phone_sync(mine);
    return phone_last(mine);
}

TEST(discounts, an_order_up_to_the_limit_is_submitted_and_one_above_it_comes_in_and_waits) {
    for (int64_t above = 0; above < 2; above++) {
        command_day day;
        limit(&day, 1000);
        satchel_id order = order_of_li(&day, 1000 + above);
        phone_result result = submit(&day.lis, &order, STAGE_START_MS);
        CHECK_INT(result.code, SATCHEL_RESULT_APPLIED);
        CHECK_STATUS(result.status, above ? SATCHEL_APPROVAL_PENDING : SATCHEL_OK);
        CHECK_INT(state_of(&day, &order), above ? SATCHEL_ORDER_STATUS_DRAFT : SATCHEL_ORDER_STATUS_SUBMITTED);
        CHECK(is_flagged(&day, &order) == (above != 0));
        int64_t last = number_of(&day.here, SATCHEL_ENTITY_CUSTOMER, &day.customer, SATCHEL_CUSTOMER_LAST_ORDER_AT);
        CHECK((last > 0) == (above == 0)); /* what waits is no deal yet */
        satchel_id waits = approval_waiting(&day.here);
        CHECK(satchel_id_is_none(&waits) == (above == 0));
        command_day_close(&day);
    }
}

TEST(discounts, an_approved_order_is_submitted_at_the_time_of_its_maker) {
    command_day day;
    limit(&day, 1000);
    satchel_id order = order_of_li(&day, 2000);
    submit(&day.lis, &order, STAGE_START_MS - 5000);
    stage_pass(&day.here, DAY_MS);
    approve(&day, SATCHEL_OK);
    CHECK_INT(state_of(&day, &order), SATCHEL_ORDER_STATUS_SUBMITTED);
    CHECK_INT(number_of(&day.here, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_SUBMITTED_AT), STAGE_START_MS - 5000);
    CHECK_INT(number_of(&day.here, SATCHEL_ENTITY_CUSTOMER, &day.customer, SATCHEL_CUSTOMER_LAST_ORDER_AT),
              STAGE_START_MS - 5000);
    CHECK(!is_flagged(&day, &order));
    phone_sync(&day.lis);
    const mirror_row *row = phone_find(&day.lis, SATCHEL_ENTITY_ORDER, &order);
    REQUIRE(row != NULL);
    CHECK_INT(satchel_record_int(&row->record, SATCHEL_ORDER_STATUS, 0), SATCHEL_ORDER_STATUS_SUBMITTED);
    command_day_close(&day);
}

TEST(discounts, an_order_made_submitted_with_its_lines_in_one_unit_waits_as_well) {
    command_day day;
    phone_unit unit = {.count = 0};
    satchel_id order;
    satchel_id line;
    limit(&day, 1000);
    order_of_li(&day, 0); /* makes the product, too */
    satchel_id tea;
    CHECK_UINT(stage_list(&day.here, SATCHEL_ENTITY_PRODUCT, &tea, 1), 1);
    satchel_op *op = phone_create(&day.lis, &unit, SATCHEL_ENTITY_ORDER, &order);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_CUSTOMER, &day.customer));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_SUBMITTED));
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_ORDER_CURRENCY, satchel_text_of("CNY")));
    op = phone_create(&day.lis, &unit, SATCHEL_ENTITY_ORDER_LINE, &line);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_LINE_ORDER, &order));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_LINE_PRODUCT, &tea));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_QUANTITY_E3, 1000));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, 1000));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_DISCOUNT_BP, 1001));
    phone_commit(&day.lis, &unit);
    phone_sync(&day.lis);
    CHECK_INT(phone_last(&day.lis).code, SATCHEL_RESULT_APPLIED);
    CHECK_INT(state_of(&day, &order), SATCHEL_ORDER_STATUS_DRAFT);
    CHECK_INT(number_of(&day.here, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_TOTAL_MINOR), 900);
    approve(&day, SATCHEL_OK);
    CHECK_INT(state_of(&day, &order), SATCHEL_ORDER_STATUS_SUBMITTED);
    command_day_close(&day);
}

TEST(discounts, the_discount_of_the_whole_order_counts_too) {
    command_day day;
    limit(&day, 1000);
    satchel_id order = order_of_li(&day, 0);
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_edit(&day.lis, &unit, SATCHEL_ENTITY_ORDER, &order);
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_DISCOUNT_BP, 1001));
    phone_commit(&day.lis, &unit);
    CHECK_STATUS(submit(&day.lis, &order, STAGE_START_MS).status, SATCHEL_APPROVAL_PENDING);
    CHECK_INT(state_of(&day, &order), SATCHEL_ORDER_STATUS_DRAFT);
    command_day_close(&day);
}

/* The rep, his boss and the operator write the state at the desk. */
TEST(discounts, at_the_desk_who_may_approve_is_not_asked) {
    for (int who = 0; who < 3; who++) {
        command_day day;
        satchel_write_outcome outcome;
        limit(&day, 1000);
        satchel_id order = order_of_li(&day, 1001);
        satchel_actor actor = who == 2 ? day.here.system : satchel_actor_user(who == 0 ? &day.li : &day.boss);
        satchel_record set = stage_record(&day.here);
        REQUIRE_OK(satchel_record_set_int(&set, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_SUBMITTED));
        REQUIRE_OK(stage_try_edit(&day.here, &actor, SATCHEL_ENTITY_ORDER, &order, 0, &set, &outcome));
        CHECK_INT(state_of(&day, &order), who == 0 ? SATCHEL_ORDER_STATUS_DRAFT : SATCHEL_ORDER_STATUS_SUBMITTED);
        CHECK(is_flagged(&day, &order) == (who == 0));
        command_day_close(&day);
    }
}

TEST(discounts, submitted_again_unchanged_the_approval_goes_on_and_changed_it_is_asked_anew) {
    command_day day;
    limit(&day, 1000);
    satchel_id order = order_of_li(&day, 2000);
    submit(&day.lis, &order, STAGE_START_MS);
    satchel_id first = approval_waiting(&day.here);
    CHECK_STATUS(submit(&day.lis, &order, STAGE_START_MS).status, SATCHEL_APPROVAL_PENDING);
    satchel_id second = approval_waiting(&day.here);
    CHECK_ID(&second, &first);
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_edit(&day.lis, &unit, SATCHEL_ENTITY_ORDER, &order);
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_DISCOUNT_BP, 3000));
    phone_commit(&day.lis, &unit);
    CHECK_STATUS(submit(&day.lis, &order, STAGE_START_MS).status, SATCHEL_APPROVAL_PENDING);
    satchel_id third = approval_waiting(&day.here);
    CHECK(!satchel_id_equal(&third, &first));
    CHECK_INT(number_of(&day.here, SATCHEL_ENTITY_APPROVAL, &first, SATCHEL_APPROVAL_DECISION),
              SATCHEL_APPROVAL_DECISION_WITHDRAWN);
    approve(&day, SATCHEL_OK);
    CHECK_INT(state_of(&day, &order), SATCHEL_ORDER_STATUS_SUBMITTED);
    command_day_close(&day);
}

TEST(discounts, a_refused_one_loses_its_flag_and_is_a_draft) {
    command_day day;
    limit(&day, 1000);
    satchel_id order = order_of_li(&day, 2000);
    submit(&day.lis, &order, STAGE_START_MS);
    satchel_id approval = approval_waiting(&day.here);
    CHECK_OK(approval_decide(&day.here, &day.boss, &approval, SATCHEL_APPROVAL_DECISION_REFUSED));
    CHECK_INT(state_of(&day, &order), SATCHEL_ORDER_STATUS_DRAFT);
    CHECK(!is_flagged(&day, &order));
    command_day_close(&day);
}

TEST(discounts, what_is_submitted_or_cancelled_otherwise_waits_no_more) {
    static const int64_t states[] = {SATCHEL_ORDER_STATUS_SUBMITTED, SATCHEL_ORDER_STATUS_CANCELLED};
    for (size_t i = 0; i < 2; i++) {
        command_day day;
        satchel_write_outcome outcome;
        limit(&day, 1000);
        satchel_id order = order_of_li(&day, 2000);
        submit(&day.lis, &order, STAGE_START_MS);
        satchel_actor boss = satchel_actor_user(&day.boss);
        satchel_record set = stage_record(&day.here);
        REQUIRE_OK(satchel_record_set_int(&set, SATCHEL_ORDER_STATUS, states[i]));
        REQUIRE_OK(stage_try_edit(&day.here, &boss, SATCHEL_ENTITY_ORDER, &order, 0, &set, &outcome));
        CHECK_INT(state_of(&day, &order), states[i]);
        CHECK(!is_flagged(&day, &order));
        satchel_id waits = approval_waiting(&day.here);
        CHECK(satchel_id_is_none(&waits));
        command_day_close(&day);
    }
}

TEST(discounts, the_fact_of_a_rep_who_lost_the_customer_waits_too) {
    command_day day;
    limit(&day, 1000);
    satchel_id order = order_of_li(&day, 2000);
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_edit(&day.lis, &unit, SATCHEL_ENTITY_ORDER, &order);
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_SUBMITTED));
    REQUIRE_OK(satchel_record_set_int(&op->from, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_DRAFT));
    phone_commit(&day.lis, &unit);
    stage_reassign(&day.here, &day.customer, &day.wang);
    phone_sync(&day.lis);
    CHECK_INT(phone_last(&day.lis).code, SATCHEL_RESULT_APPLIED);
    CHECK_STATUS(phone_last(&day.lis).status, SATCHEL_APPROVAL_PENDING);
    CHECK_INT(state_of(&day, &order), SATCHEL_ORDER_STATUS_DRAFT);
    approve(&day, SATCHEL_OK);
    CHECK_INT(state_of(&day, &order), SATCHEL_ORDER_STATUS_SUBMITTED);
    command_day_close(&day);
}

static void lose_discount(command_day *day, const satchel_id *line) {
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_edit(&day->lis, &unit, SATCHEL_ENTITY_ORDER_LINE, line);
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_DISCOUNT_BP, 9000));
    phone_commit(&day->lis, &unit);
    stage_pass(&day->here, 60000);
    satchel_record set = stage_record(&day->here);
    REQUIRE_OK(satchel_record_set_int(&set, SATCHEL_ORDER_LINE_DISCOUNT_BP, 500));
    stage_edit(&day->here, SATCHEL_ENTITY_ORDER_LINE, line, &set);
    phone_sync(&day->lis);
}

/* Both write the line's discount: the rep's, which is larger, lost and is put back, before or after submitting. */
TEST(discounts, regress_a_decided_conflict_writes_no_line_of_a_submitted_order) {
    for (int submitted = 0; submitted < 2; submitted++) {
        command_day day;
        satchel_id line;
        satchel_id conflict;
        limit(&day, 1000);
        satchel_id order = order_of_li(&day, 0);
        satchel_actor boss = satchel_actor_user(&day.boss);
        CHECK_UINT(stage_list(&day.here, SATCHEL_ENTITY_ORDER_LINE, &line, 1), 1);
        lose_discount(&day, &line);
        REQUIRE(stage_list(&day.here, SATCHEL_ENTITY_CONFLICT, &conflict, 1) == 1);
        if (submitted) {
            CHECK_STATUS(submit(&day.lis, &order, STAGE_START_MS).status, SATCHEL_OK);
        }
        stage_begin(&day.here);
        CHECK_STATUS(
            satchel_conflict_decide(day.here.service, day.here.db, &boss, &conflict, SATCHEL_DECISION_RESTORE, NULL),
            submitted ? SATCHEL_LATE_FOR_PARENT : SATCHEL_OK);
        stage_commit(&day.here);
        int64_t total = submitted ? 1900 : 200;
        CHECK_INT(number_of(&day.here, SATCHEL_ENTITY_ORDER_LINE, &line, SATCHEL_ORDER_LINE_TOTAL_MINOR), total);
        CHECK_INT(number_of(&day.here, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_TOTAL_MINOR), total);
        CHECK(submitted || submit(&day.lis, &order, STAGE_START_MS).status == SATCHEL_APPROVAL_PENDING);
        command_day_close(&day);
    }
}
