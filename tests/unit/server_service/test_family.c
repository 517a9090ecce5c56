/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A root and the rows below it are deleted together, come back together, and are kept together by what the deleter did
 * not know of.
 */
#include "support/server_service/stage.h"

#include "base/text.h"

typedef struct two_phones {
    stage here;
    satchel_id boss, li, customer, product;
    phone first, second; /* both Li's */
} two_phones;

static void set_up(two_phones *day) {
    stage *here = &day->here;
    stage_open(here, NULL, 11);
    day->boss = stage_user(here, "boss", SATCHEL_ROLE_MANAGER, NULL, NULL);
    day->li = stage_user(here, "li", SATCHEL_ROLE_REP, &day->boss, NULL);
    day->customer = stage_customer(here, "Anna's Shop", &day->li, NULL);
    satchel_record product = stage_record(here);
    REQUIRE_OK(satchel_record_set_text(&product, SATCHEL_PRODUCT_CODE, satchel_text_of("T1")));
    REQUIRE_OK(satchel_record_set_text(&product, SATCHEL_PRODUCT_NAME, satchel_text_of("Tea")));
    day->product = stage_create(here, SATCHEL_ENTITY_PRODUCT, &product).id;
    phone_enrol(&day->first, here, &day->li);
    phone_enrol(&day->second, here, &day->li);
}

static void tear_down(two_phones *day) {
    phone_close(&day->first);
    phone_close(&day->second);
    stage_close(&day->here);
}

static satchel_id new_order(two_phones *day) {
    phone_unit unit = {.count = 0};
    satchel_id id;
    satchel_op *op = phone_create(&day->first, &unit, SATCHEL_ENTITY_ORDER, &id);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_CUSTOMER, &day->customer));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_DRAFT));
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_ORDER_CURRENCY, satchel_text_of("CNY")));
    phone_commit(&day->first, &unit);
    return id;
}

static satchel_id add_line(two_phones *day, phone *mine, const satchel_id *order, int64_t price) {
    phone_unit unit = {.count = 0};
    satchel_id id;
    satchel_op *op = phone_create(mine, &unit, SATCHEL_ENTITY_ORDER_LINE, &id);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_LINE_ORDER, order));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_LINE_PRODUCT, &day->product));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_QUANTITY_E3, 1000));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, price));
    phone_commit(mine, &unit);
    return id;
}

/* The line first, as phones do it, in one unit. */
static void delete_both(phone *mine, const satchel_id *order, const satchel_id *line) {
    phone_unit unit = {.count = 0};
    phone_edit(mine, &unit, SATCHEL_ENTITY_ORDER_LINE, line)->kind = SATCHEL_OP_DELETE;
    phone_edit(mine, &unit, SATCHEL_ENTITY_ORDER, order)->kind = SATCHEL_OP_DELETE;
    phone_commit(mine, &unit);
}

static void check_order(two_phones *day, const satchel_id *order, int64_t lines, int64_t total) {
    satchel_record row = stage_read(&day->here, SATCHEL_ENTITY_ORDER, order, NULL);
    CHECK(satchel_record_get(&row, SATCHEL_FIELD_DELETED) == NULL);
    CHECK_INT(satchel_record_int(&row, SATCHEL_ORDER_LINE_COUNT, 0), lines);
    CHECK_INT(satchel_record_int(&row, SATCHEL_ORDER_TOTAL_MINOR, 0), total);
}

TEST(family, regress_a_line_that_the_deleter_did_not_know_of_holds_the_whole_order) {
    two_phones day;
    set_up(&day);
    satchel_id order = new_order(&day);
    satchel_id tea = add_line(&day, &day.first, &order, 300);
    phone_sync(&day.first);
    phone_sync(&day.second);
    add_line(&day, &day.second, &order, 50);
    phone_sync(&day.second);
    delete_both(&day.first, &order, &tea);
    phone_sync(&day.first);
    CHECK_INT(phone_last(&day.first).code, SATCHEL_RESULT_MERGED);
    CHECK_UINT(phone_last(&day.first).loss_count, 1);
    check_order(&day, &order, 2, 350);
    CHECK_UINT(phone_count(&day.first, SATCHEL_ENTITY_ORDER_LINE), 2);
    tear_down(&day);
}

TEST(family, regress_a_line_that_was_changed_meanwhile_holds_its_order) {
    two_phones day;
    set_up(&day);
    satchel_id order = new_order(&day);
    satchel_id tea = add_line(&day, &day.first, &order, 300);
    phone_sync(&day.first);
    phone_sync(&day.second);
    phone_edit_text(&day.second, SATCHEL_ENTITY_ORDER_LINE, &tea, SATCHEL_ORDER_LINE_NOTE, "green");
    phone_sync(&day.second);
    delete_both(&day.first, &order, &tea);
    phone_sync(&day.first);
    check_order(&day, &order, 1, 300);
    CHECK_TEXT(phone_text(&day.first, SATCHEL_ENTITY_ORDER_LINE, &tea, SATCHEL_ORDER_LINE_NOTE), "green");
    tear_down(&day);
}

TEST(family, regress_an_order_comes_back_with_the_lines_that_went_with_it) {
    two_phones day;
    set_up(&day);
    satchel_id order = new_order(&day);
    satchel_id tea = add_line(&day, &day.first, &order, 300);
    satchel_id rice = add_line(&day, &day.first, &order, 50);
    phone_sync(&day.first);
    phone_unit unit = {.count = 0};
    phone_edit(&day.first, &unit, SATCHEL_ENTITY_ORDER_LINE, &rice)->kind = SATCHEL_OP_DELETE;
    phone_commit(&day.first, &unit);
    phone_sync(&day.first);
    phone_sync(&day.second);
    phone_edit_text(&day.second, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_NOTE, "to the back door");
    delete_both(&day.first, &order, &tea);
    phone_sync(&day.first);
    phone_sync(&day.second);
    check_order(&day, &order, 1, 300);
    satchel_record line = stage_read(&day.here, SATCHEL_ENTITY_ORDER_LINE, &rice, NULL);
    CHECK(satchel_record_get(&line, SATCHEL_FIELD_DELETED) != NULL);
    tear_down(&day);
}
