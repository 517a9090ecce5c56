/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is refused, held, parked, quarantined; and that facts come in all the same.
 */
#include "support/server_service/stage.h"

#include "base/text.h"

#include <string.h>

typedef struct field_day {
    stage here;
    satchel_id boss, li, wang;
    satchel_id customer;
    satchel_id product;
    phone mine;
} field_day;

static void set_up(field_day *day) {
    stage *here = &day->here;
    stage_open(here, NULL, 5);
    day->boss = stage_user(here, "boss", SATCHEL_ROLE_MANAGER, NULL, NULL);
    day->li = stage_user(here, "li", SATCHEL_ROLE_REP, &day->boss, NULL);
    day->wang = stage_user(here, "wang", SATCHEL_ROLE_REP, &day->boss, NULL);
    day->customer = stage_customer(here, "Anna's Shop", &day->li, NULL);
    satchel_record product = stage_record(here);
    REQUIRE_OK(satchel_record_set_text(&product, SATCHEL_PRODUCT_CODE, satchel_text_of("T1")));
    REQUIRE_OK(satchel_record_set_text(&product, SATCHEL_PRODUCT_NAME, satchel_text_of("Tea")));
    day->product = stage_create(here, SATCHEL_ENTITY_PRODUCT, &product).id;
    phone_enrol(&day->mine, here, &day->li);
    phone_sync(&day->mine);
}

static void tear_down(field_day *day) {
    phone_close(&day->mine);
    stage_close(&day->here);
}

static satchel_id new_order(phone *mine, const satchel_id *customer) {
    phone_unit unit = {.count = 0};
    satchel_id id;
    satchel_op *op = phone_create(mine, &unit, SATCHEL_ENTITY_ORDER, &id);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_CUSTOMER, customer));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_DRAFT));
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_ORDER_CURRENCY, satchel_text_of("CNY")));
    phone_commit(mine, &unit);
    return id;
}

static satchel_id add_line(phone *mine, const satchel_id *order, const satchel_id *product, int64_t quantity,
                           int64_t price) {
    phone_unit unit = {.count = 0};
    satchel_id id;
    satchel_op *op = phone_create(mine, &unit, SATCHEL_ENTITY_ORDER_LINE, &id);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_LINE_ORDER, order));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_LINE_PRODUCT, product));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_QUANTITY_E3, quantity * 1000));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, price));
    phone_commit(mine, &unit);
    return id;
}

static void submit(phone *mine, const satchel_id *order) {
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_edit(mine, &unit, SATCHEL_ENTITY_ORDER, order);
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_SUBMITTED));
    REQUIRE_OK(satchel_record_set_int(&op->from, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_DRAFT));
    phone_commit(mine, &unit);
}

TEST(decisions, an_order_is_summed_up_by_the_server) {
    field_day day;
    set_up(&day);
    satchel_id order = new_order(&day.mine, &day.customer);
    satchel_id line = add_line(&day.mine, &order, &day.product, 3, 1250);
    add_line(&day.mine, &order, &day.product, 1, 50);
    phone_sync(&day.mine);
    satchel_record row = stage_read(&day.here, SATCHEL_ENTITY_ORDER, &order, NULL);
    CHECK_INT(satchel_record_int(&row, SATCHEL_ORDER_TOTAL_MINOR, 0), 3800);
    CHECK_INT(satchel_record_int(&row, SATCHEL_ORDER_LINE_COUNT, 0), 2);
    const mirror_row *mine = phone_find(&day.mine, SATCHEL_ENTITY_ORDER, &order);
    REQUIRE(mine != NULL);
    CHECK_INT(satchel_record_int(&mine->record, SATCHEL_ORDER_TOTAL_MINOR, 0), 3800);
    const mirror_row *first = phone_find(&day.mine, SATCHEL_ENTITY_ORDER_LINE, &line);
    REQUIRE(first != NULL);
    CHECK_INT(satchel_record_int(&first->record, SATCHEL_ORDER_LINE_TOTAL_MINOR, 0), 3750);
    tear_down(&day);
}

TEST(decisions, no_line_slips_into_a_submitted_order) {
    field_day day;
    set_up(&day);
    satchel_id order = new_order(&day.mine, &day.customer);
    add_line(&day.mine, &order, &day.product, 3, 1250);
    submit(&day.mine, &order);
    phone_sync(&day.mine);
    CHECK_INT(phone_last(&day.mine).code, SATCHEL_RESULT_APPLIED);
    satchel_id late = add_line(&day.mine, &order, &day.product, 1, 50);
    phone_sync(&day.mine);
    CHECK_INT(phone_last(&day.mine).code, SATCHEL_RESULT_REFUSED);
    CHECK_STATUS(phone_last(&day.mine).status, SATCHEL_LATE_FOR_PARENT);
    CHECK(phone_find(&day.mine, SATCHEL_ENTITY_ORDER_LINE, &late) == NULL);
    phone_edit_text(&day.mine, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_NOTE, "too late");
    phone_sync(&day.mine);
    CHECK_STATUS(phone_last(&day.mine).status, SATCHEL_LATE_FOR_PARENT);
    satchel_record row = stage_read(&day.here, SATCHEL_ENTITY_ORDER, &order, NULL);
    CHECK_INT(satchel_record_int(&row, SATCHEL_ORDER_TOTAL_MINOR, 0), 3750);
    tear_down(&day);
}

TEST(decisions, an_order_without_lines_is_not_submitted) {
    field_day day;
    set_up(&day);
    satchel_id order = new_order(&day.mine, &day.customer);
    submit(&day.mine, &order);
    phone_sync(&day.mine);
    CHECK_INT(phone_last(&day.mine).code, SATCHEL_RESULT_REFUSED);
    CHECK_STATUS(phone_last(&day.mine).status, SATCHEL_REQUIRED_MISSING);
    satchel_record row = stage_read(&day.here, SATCHEL_ENTITY_ORDER, &order, NULL);
    CHECK_INT(satchel_record_int(&row, SATCHEL_ORDER_STATUS, 0), SATCHEL_ORDER_STATUS_DRAFT);
    tear_down(&day);
}

TEST(decisions, what_hangs_on_a_refused_row_is_held_by_it_and_the_rest_goes_on) {
    field_day day;
    set_up(&day);
    satchel_id nowhere = {{0x77}};
    uint64_t root = day.mine.next_sequence;
    satchel_id order = new_order(&day.mine, &nowhere);
    add_line(&day.mine, &order, &day.product, 1, 100);
    phone_edit_text(&day.mine, SATCHEL_ENTITY_CUSTOMER, &day.customer, SATCHEL_CUSTOMER_CITY, "Ningbo");
    phone_sync(&day.mine);
    CHECK_INT(phone_result_of(&day.mine, root).code, SATCHEL_RESULT_REFUSED);
    CHECK_STATUS(phone_result_of(&day.mine, root).status, SATCHEL_OUT_OF_SCOPE);
    CHECK_INT(phone_result_of(&day.mine, root + 1).code, SATCHEL_RESULT_HELD);
    CHECK_UINT(phone_result_of(&day.mine, root + 1).held_by, root);
    CHECK_INT(phone_result_of(&day.mine, root + 2).code, SATCHEL_RESULT_APPLIED);
    CHECK_UINT(stage_counts(&day.here).units_refused, 1);
    CHECK_UINT(stage_counts(&day.here).units_held, 1);
    CHECK_INT(stage_number(&day.here, "SELECT count(*) FROM kept_unit"), 2);
    tear_down(&day);
}

TEST(decisions, a_unit_is_applied_as_a_whole_or_not_at_all) {
    field_day day;
    set_up(&day);
    phone_unit unit = {.count = 0};
    satchel_op *good = phone_edit(&day.mine, &unit, SATCHEL_ENTITY_CUSTOMER, &day.customer);
    REQUIRE_OK(satchel_record_set_text(&good->set, SATCHEL_CUSTOMER_CITY, satchel_text_of("Ningbo")));
    satchel_op *bad = phone_edit(&day.mine, &unit, SATCHEL_ENTITY_CUSTOMER, &day.customer);
    REQUIRE_OK(satchel_record_set_int(&bad->set, SATCHEL_CUSTOMER_PAYMENT_DAYS, 30));
    uint64_t first = day.mine.next_sequence;
    phone_commit(&day.mine, &unit);
    phone_sync(&day.mine);
    CHECK_INT(phone_result_of(&day.mine, first).code, SATCHEL_RESULT_HELD);
    CHECK_UINT(phone_result_of(&day.mine, first).held_by, first + 1);
    CHECK_INT(phone_result_of(&day.mine, first + 1).code, SATCHEL_RESULT_REFUSED);
    CHECK_STATUS(phone_result_of(&day.mine, first + 1).status, SATCHEL_FORBIDDEN);
    CHECK_UINT(phone_result_of(&day.mine, first + 1).field, SATCHEL_CUSTOMER_PAYMENT_DAYS);
    satchel_record row = stage_read(&day.here, SATCHEL_ENTITY_CUSTOMER, &day.customer, NULL);
    CHECK_TEXT(satchel_record_text(&row, SATCHEL_CUSTOMER_CITY), "");
    tear_down(&day);
}

TEST(decisions, absent_and_forbidden_rows_give_the_same_answer) {
    field_day day;
    set_up(&day);
    satchel_id his = stage_customer(&day.here, "Not Li's", &day.wang, NULL);
    satchel_id absent = {{0x55}};
    phone_edit_text(&day.mine, SATCHEL_ENTITY_CUSTOMER, &his, SATCHEL_CUSTOMER_CITY, "Ningbo");
    phone_sync(&day.mine);
    CHECK_STATUS(phone_last(&day.mine).status, SATCHEL_OUT_OF_SCOPE);
    phone_edit_text(&day.mine, SATCHEL_ENTITY_CUSTOMER, &absent, SATCHEL_CUSTOMER_CITY, "Ningbo");
    phone_sync(&day.mine);
    CHECK_STATUS(phone_last(&day.mine).status, SATCHEL_OUT_OF_SCOPE);
    CHECK_INT(phone_last(&day.mine).code, SATCHEL_RESULT_REFUSED);
    tear_down(&day);
}

/* Li is offline while the customer goes to Wang. */
static void lose_customer(field_day *day) {
    stage_pass(&day->here, 60000);
    stage_reassign(&day->here, &day->customer, &day->wang);
}

TEST(decisions, of_a_customer_that_moved_away_facts_come_in_and_edits_are_parked) {
    field_day day;
    set_up(&day);
    satchel_id visit = phone_check_in(&day.mine, &day.customer);
    satchel_id order = new_order(&day.mine, &day.customer);
    satchel_id line = add_line(&day.mine, &order, &day.product, 2, 100);
    uint64_t edit = day.mine.next_sequence;
    phone_edit_text(&day.mine, SATCHEL_ENTITY_CUSTOMER, &day.customer, SATCHEL_CUSTOMER_NOTE, "likes tea");
    lose_customer(&day);
    phone_sync(&day.mine);
    CHECK_INT(phone_result_of(&day.mine, 1).code, SATCHEL_RESULT_APPLIED);
    CHECK_INT(phone_result_of(&day.mine, 2).code, SATCHEL_RESULT_APPLIED);
    CHECK_INT(phone_result_of(&day.mine, 3).code, SATCHEL_RESULT_APPLIED);
    CHECK_INT(phone_result_of(&day.mine, edit).code, SATCHEL_RESULT_PARKED);
    CHECK_STATUS(phone_result_of(&day.mine, edit).status, SATCHEL_MOVED_AWAY);
    CHECK(phone_find(&day.mine, SATCHEL_ENTITY_CUSTOMER, &day.customer) == NULL);
    /* Children follow their customer: what he did there stands on the server, and is Wang's to see. */
    CHECK(phone_find(&day.mine, SATCHEL_ENTITY_VISIT, &visit) == NULL);
    CHECK(phone_find(&day.mine, SATCHEL_ENTITY_ORDER_LINE, &line) == NULL);
    satchel_record row = stage_read(&day.here, SATCHEL_ENTITY_CUSTOMER, &day.customer, NULL);
    CHECK_TEXT(satchel_record_text(&row, SATCHEL_CUSTOMER_NOTE), "");
    CHECK_UINT(stage_counts(&day.here).parked_open, 1);
    tear_down(&day);
}

TEST(decisions, work_on_his_own_facts_goes_on_after_the_customer_moved) {
    field_day day;
    set_up(&day);
    satchel_id order = new_order(&day.mine, &day.customer);
    add_line(&day.mine, &order, &day.product, 2, 100);
    lose_customer(&day);
    submit(&day.mine, &order);
    phone_sync(&day.mine);
    CHECK_INT(phone_last(&day.mine).code, SATCHEL_RESULT_APPLIED);
    satchel_record row = stage_read(&day.here, SATCHEL_ENTITY_ORDER, &order, NULL);
    CHECK_INT(satchel_record_int(&row, SATCHEL_ORDER_STATUS, 0), SATCHEL_ORDER_STATUS_SUBMITTED);
    /* What he knew of the move when he made it is no fact any more: it is as if the customer were not there. */
    satchel_id late = phone_check_in(&day.mine, &day.customer);
    phone_sync(&day.mine);
    CHECK_STATUS(phone_last(&day.mine).status, SATCHEL_OUT_OF_SCOPE);
    CHECK(phone_find(&day.mine, SATCHEL_ENTITY_VISIT, &late) == NULL);
    tear_down(&day);
}

TEST(decisions, what_he_made_goes_with_its_customer_and_what_hangs_on_none_stays) {
    field_day day;
    set_up(&day);
    satchel_record task = stage_record(&day.here);
    REQUIRE_OK(satchel_record_set_text(&task, SATCHEL_TASK_TITLE, satchel_text_of("Wash the car")));
    REQUIRE_OK(satchel_record_set_int(&task, SATCHEL_TASK_STATUS, SATCHEL_TASK_STATUS_OPEN));
    REQUIRE_OK(satchel_record_set_id(&task, SATCHEL_TASK_ASSIGNEE, &day.li));
    satchel_id own = stage_create(&day.here, SATCHEL_ENTITY_TASK, &task).id;
    satchel_id visit = phone_check_in(&day.mine, &day.customer);
    phone_sync(&day.mine);
    CHECK(phone_find(&day.mine, SATCHEL_ENTITY_VISIT, &visit) != NULL);
    lose_customer(&day);
    uint32_t before = day.mine.removals;
    phone_sync(&day.mine);
    CHECK_UINT(day.mine.removals, before + 2); /* the customer by name, the visit with it */
    CHECK(phone_find(&day.mine, SATCHEL_ENTITY_VISIT, &visit) == NULL);
    CHECK(phone_find(&day.mine, SATCHEL_ENTITY_TASK, &own) != NULL);
    tear_down(&day);
}

/* Whether the stored bytes of the one parked edit hold `words`. */
static bool parked_ops_show(field_day *day, const char *words) {
    satchel_db_statement *statement = NULL;
    bool row = false;
    bool shown = false;
    REQUIRE_OK(satchel_db_start(&statement, day->here.db, "SELECT sealed_op FROM parked_edit", NULL, 0, NULL));
    REQUIRE_OK(satchel_db_step(statement, &row, NULL));
    REQUIRE(row);
    satchel_bytes stored = satchel_db_bytes(statement, 0);
    for (size_t at = 0; at + strlen(words) <= stored.bytes; at++) {
        shown = shown || memcmp(stored.data + at, words, strlen(words)) == 0;
    }
    REQUIRE(stored.bytes > strlen(words));
    satchel_db_end(statement);
    return shown;
}

TEST(decisions, a_parked_edit_is_sealed_and_can_be_accepted) {
    field_day day;
    set_up(&day);
    phone_edit_text(&day.mine, SATCHEL_ENTITY_CUSTOMER, &day.customer, SATCHEL_CUSTOMER_NOTE, "likes tea");
    lose_customer(&day);
    phone_sync(&day.mine);
    satchel_id parked;
    satchel_op op;
    satchel_error error;
    REQUIRE_UINT(stage_list(&day.here, SATCHEL_ENTITY_PARKED_EDIT, &parked, 1), 1);
    CHECK(!parked_ops_show(&day, "likes tea"));
    REQUIRE_OK(
        satchel_parked_op(day.here.service, day.here.db, &day.here.system, &parked, &day.here.arena, &op, &error));
    CHECK_TEXT(satchel_record_text(&op.set, SATCHEL_CUSTOMER_NOTE), "likes tea");
    stage_begin(&day.here);
    CHECK_OK(satchel_parked_decide(day.here.service, day.here.db, &day.here.system, &parked, SATCHEL_DECISION_RESTORE,
                                   &error));
    stage_commit(&day.here);
    satchel_record row = stage_read(&day.here, SATCHEL_ENTITY_CUSTOMER, &day.customer, NULL);
    CHECK_TEXT(satchel_record_text(&row, SATCHEL_CUSTOMER_NOTE), "likes tea");
    stage_begin(&day.here);
    CHECK_STATUS(
        satchel_parked_decide(day.here.service, day.here.db, &day.here.system, &parked, SATCHEL_DECISION_KEEP, &error),
        SATCHEL_OVERTAKEN);
    stage_commit(&day.here);
    tear_down(&day);
}

TEST(decisions, a_contact_made_at_a_customer_that_moved_away_is_parked_and_its_dependents_held) {
    field_day day;
    set_up(&day);
    phone_unit unit = {.count = 0};
    satchel_id contact;
    satchel_op *op = phone_create(&day.mine, &unit, SATCHEL_ENTITY_CONTACT, &contact);
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CONTACT_NAME, satchel_text_of("Chen")));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_CONTACT_CUSTOMER, &day.customer));
    phone_commit(&day.mine, &unit);
    phone_edit_text(&day.mine, SATCHEL_ENTITY_CONTACT, &contact, SATCHEL_CONTACT_TITLE, "Owner");
    lose_customer(&day);
    phone_sync(&day.mine);
    CHECK_INT(phone_result_of(&day.mine, 1).code, SATCHEL_RESULT_PARKED);
    CHECK_INT(phone_result_of(&day.mine, 2).code, SATCHEL_RESULT_HELD);
    CHECK_UINT(phone_result_of(&day.mine, 2).held_by, 1);
    tear_down(&day);
}

TEST(decisions, an_edit_made_after_the_removal_was_seen_is_refused) {
    field_day day;
    set_up(&day);
    lose_customer(&day);
    phone_sync(&day.mine);
    phone_edit_text(&day.mine, SATCHEL_ENTITY_CUSTOMER, &day.customer, SATCHEL_CUSTOMER_NOTE, "cheeky");
    phone_sync(&day.mine);
    CHECK_INT(phone_last(&day.mine).code, SATCHEL_RESULT_REFUSED);
    CHECK_STATUS(phone_last(&day.mine).status, SATCHEL_OUT_OF_SCOPE);
    tear_down(&day);
}

TEST(decisions, a_visit_to_a_customer_of_someone_else_is_refused) {
    field_day day;
    set_up(&day);
    satchel_id his = stage_customer(&day.here, "Not Li's", &day.wang, NULL);
    phone_check_in(&day.mine, &his);
    phone_sync(&day.mine);
    CHECK_INT(phone_last(&day.mine).code, SATCHEL_RESULT_REFUSED);
    CHECK_STATUS(phone_last(&day.mine).status, SATCHEL_OUT_OF_SCOPE);
    tear_down(&day);
}

TEST(decisions, a_unit_that_fails_twice_is_quarantined_and_the_rest_goes_on) {
    field_day day;
    set_up(&day);
    satchel_id other = stage_customer(&day.here, "Other", &day.li, NULL);
    phone_sync(&day.mine);
    stage_begin(&day.here);
    REQUIRE_OK(SATCHEL_DB_RUN(day.here.db, NULL, "UPDATE customer SET versions = ?2 WHERE id = ?1",
                              satchel_value_id(&day.customer), satchel_db_blob("\xff\xff\xff\xff", 4)));
    stage_commit(&day.here);
    phone_edit_text(&day.mine, SATCHEL_ENTITY_CUSTOMER, &day.customer, SATCHEL_CUSTOMER_CITY, "Ningbo");
    phone_edit_text(&day.mine, SATCHEL_ENTITY_CUSTOMER, &other, SATCHEL_CUSTOMER_CITY, "Ningbo");
    day.mine.page_bytes = 0;
    REQUIRE_STATUS(phone_exchange(&day.mine, PHONE_GOOD_LUCK), SATCHEL_OK);
    CHECK_INT(phone_result_of(&day.mine, 1).code, SATCHEL_RESULT_HELD);
    CHECK_STATUS(phone_result_of(&day.mine, 1).status, SATCHEL_QUARANTINED);
    CHECK_INT(phone_result_of(&day.mine, 2).code, SATCHEL_RESULT_APPLIED);
    CHECK_UINT(stage_counts(&day.here).units_quarantined, 1);
    CHECK_UINT(day.mine.outbox_count, 0);
    tear_down(&day);
}

TEST(decisions, an_op_of_an_unknown_kind_or_entity_is_refused_by_name) {
    field_day day;
    set_up(&day);
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_edit(&day.mine, &unit, SATCHEL_ENTITY_CUSTOMER, &day.customer);
    op->kind = SATCHEL_OP_COMMAND;
    op->command = 99;
    phone_commit(&day.mine, &unit);
    op = phone_edit(&day.mine, &unit, SATCHEL_ENTITY_USER, &day.li);
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_USER_NAME, satchel_text_of("Boss")));
    phone_commit(&day.mine, &unit);
    phone_sync(&day.mine);
    CHECK_STATUS(phone_result_of(&day.mine, 1).status, SATCHEL_UNSUPPORTED);
    CHECK_STATUS(phone_result_of(&day.mine, 2).status, SATCHEL_READ_ONLY_FIELD);
    tear_down(&day);
}
