/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders, tasks and notes.
 */
#include "store/rights.h"
#include "unit/sales/fixture.h"

#include <string.h>

static satchel_id new_order(shop *s) {
    satchel_id order = {{0}};
    REQUIRE_OK(satchel_sales_order_new(&s->sales, &shop_customer, NULL, satchel_text_of("CNY"), satchel_text_of(""),
                                       &order, &s->error));
    return order;
}

static satchel_status add(shop *s, const satchel_id *order, const satchel_id *product, int64_t quantity_e3,
                          int64_t price_minor, int64_t discount_bp, satchel_id *line_id) {
    const satchel_sales_line line = {*product, quantity_e3, price_minor, discount_bp};
    return satchel_sales_order_add(&s->sales, order, &line, line_id, &s->error);
}

TEST(orders, lines_take_the_products_price_and_the_order_adds_up) {
    shop s;
    satchel_id first = {{0}};
    satchel_id second = {{0}};
    shop_open(&s, 20);
    satchel_id order = new_order(&s);
    REQUIRE_OK(add(&s, &order, &shop_tea, 2500, -1, 0, &first));
    REQUIRE_OK(add(&s, &order, &shop_tea, 12000, 1000, 550, &second));
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_ORDER_LINE, &first, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR), 1250);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_ORDER_LINE, &first, SATCHEL_ORDER_LINE_TOTAL_MINOR), 3125);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_ORDER_LINE, &first, SATCHEL_ORDER_LINE_POSITION), 1);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_ORDER_LINE, &second, SATCHEL_ORDER_LINE_POSITION), 2);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_ORDER_LINE, &second, SATCHEL_ORDER_LINE_TOTAL_MINOR), 11340);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_TOTAL_MINOR), 14465);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_LINE_COUNT), 2);
    shop_close(&s);
}

TEST(orders, a_removed_line_leaves_the_sum) {
    shop s;
    satchel_id first = {{0}};
    satchel_id second = {{0}};
    shop_open(&s, 21);
    satchel_id order = new_order(&s);
    REQUIRE_OK(add(&s, &order, &shop_tea, 1000, -1, 0, &first));
    REQUIRE_OK(add(&s, &order, &shop_tea, 3000, -1, 0, &second));
    REQUIRE_OK(satchel_sales_order_remove(&s.sales, &first, &s.error));
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_TOTAL_MINOR), 3750);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_LINE_COUNT), 1);
    CHECK_STATUS(satchel_sales_order_remove(&s.sales, &first, &s.error), SATCHEL_NOT_FOUND);
    shop_close(&s);
}

TEST(orders, submitted_they_take_no_change) {
    shop s;
    satchel_id line = {{0}};
    shop_open(&s, 22);
    satchel_id order = new_order(&s);
    CHECK_STATUS(satchel_sales_order_submit(&s.sales, &order, &s.error), SATCHEL_REQUIRED_MISSING);
    REQUIRE_OK(add(&s, &order, &shop_tea, 1000, -1, 0, &line));
    REQUIRE_OK(satchel_sales_order_submit(&s.sales, &order, &s.error));
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_STATUS), SATCHEL_ORDER_STATUS_SUBMITTED);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_SUBMITTED_AT), SHOP_NOW_MS);
    CHECK_STATUS(add(&s, &order, &shop_tea, 1000, -1, 0, NULL), SATCHEL_LATE_FOR_PARENT);
    CHECK_STATUS(satchel_sales_order_remove(&s.sales, &line, &s.error), SATCHEL_LATE_FOR_PARENT);
    CHECK_STATUS(satchel_sales_order_submit(&s.sales, &order, &s.error), SATCHEL_ILLEGAL_STATE);
    shop_close(&s);
}

/* Larger than the limit, and the rep approves nothing: it is asked for, and stays a draft. */
TEST(orders, one_with_too_large_a_discount_is_asked_for_and_the_phone_tells_before) {
    for (int64_t above = 0; above < 2; above++) {
        shop s;
        bool waits = false;
        shop_open(&s, 24);
        s.sales.discount_steps = 1;
        s.sales.discount_limit_bp = 1000;
        satchel_id order = new_order(&s);
        REQUIRE_OK(add(&s, &order, &shop_tea, 1000, -1, 1000 + above, NULL));
        uint32_t units = shop_units(&s);
        CHECK_OK(satchel_sales_order_waits(&s.sales, &order, &waits, &s.error));
        CHECK(waits == (above != 0));
        CHECK_UINT(shop_units(&s), units);
        REQUIRE_OK(satchel_sales_order_submit(&s.sales, &order, &s.error));
        CHECK_UINT(shop_units(&s), units + 1);
        CHECK_INT(shop_int(&s, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_STATUS),
                  above ? SATCHEL_ORDER_STATUS_DRAFT : SATCHEL_ORDER_STATUS_SUBMITTED);
        satchel_status again = satchel_sales_order_waits(&s.sales, &order, &waits, &s.error);
        CHECK_STATUS(again, above ? SATCHEL_OK : SATCHEL_ILLEGAL_STATE);
        shop_close(&s);
    }
}

TEST(orders, quantities_discounts_and_prices_have_their_ranges) {
    static const struct {
        int64_t quantity_e3, price_minor, discount_bp;
        satchel_status status;
    } cases[] = {
        {0, -1, 0, SATCHEL_OUT_OF_RANGE}, {-1, -1, 0, SATCHEL_OUT_OF_RANGE},
        {1, -1, 0, SATCHEL_OK},           {1000, -1, -1, SATCHEL_OUT_OF_RANGE},
        {1000, -1, 10000, SATCHEL_OK},    {1000, -1, 10001, SATCHEL_OUT_OF_RANGE},
        {1000, 0, 0, SATCHEL_OK},         {INT64_MAX, INT64_MAX, 0, SATCHEL_OUT_OF_RANGE},
    };
    shop s;
    shop_open(&s, 23);
    satchel_id order = new_order(&s);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_note("case %zu", i);
        CHECK_STATUS(add(&s, &order, &shop_tea, cases[i].quantity_e3, cases[i].price_minor, cases[i].discount_bp, NULL),
                     cases[i].status);
    }
    shop_close(&s);
}

TEST(orders, a_price_in_another_currency_must_be_given) {
    shop s;
    shop_open(&s, 24);
    satchel_id order = new_order(&s);
    CHECK_STATUS(add(&s, &order, &shop_yen, 1000, -1, 0, NULL), SATCHEL_INVALID_ARGUMENT);
    CHECK_OK(add(&s, &order, &shop_yen, 1000, 1500, 0, NULL));
    CHECK_STATUS(add(&s, &order, &shop_rep, 1000, 1500, 0, NULL), SATCHEL_REFERENCE_MISSING);
    CHECK_STATUS(add(&s, &shop_rep, &shop_tea, 1000, -1, 0, NULL), SATCHEL_NOT_FOUND);
    shop_close(&s);
}

TEST(orders, a_new_one_needs_customer_currency_and_an_existing_visit) {
    shop s;
    satchel_id order = {{0}};
    const satchel_text none = satchel_text_of("");
    shop_open(&s, 25);
    CHECK_STATUS(satchel_sales_order_new(&s.sales, &shop_rep, NULL, satchel_text_of("CNY"), none, NULL, &s.error),
                 SATCHEL_NOT_FOUND);
    CHECK_STATUS(
        satchel_sales_order_new(&s.sales, &shop_customer, &shop_rep, satchel_text_of("CNY"), none, NULL, &s.error),
        SATCHEL_NOT_FOUND);
    CHECK_STATUS(satchel_sales_order_new(&s.sales, &shop_customer, NULL, satchel_text_of("cny"), none, NULL, &s.error),
                 SATCHEL_PATTERN_MISMATCH);
    REQUIRE_OK(satchel_sales_order_new(&s.sales, &shop_customer, NULL, satchel_text_of("CNY"), satchel_text_of("A-1"),
                                       &order, &s.error));
    satchel_record record = shop_read(&s, SATCHEL_ENTITY_ORDER, &order);
    CHECK_TEXT(satchel_record_text(&record, SATCHEL_ORDER_EXTERNAL_ID), "A-1");
    CHECK_STATUS(
        satchel_sales_order_new(&s.sales, &shop_customer, NULL, satchel_text_of("CNY"), none, &order, &s.error),
        SATCHEL_ALREADY_EXISTS);
    shop_close(&s);
}

/* Random orders: the phone's total is that of an independent sum in long arithmetic. */
TEST(orders, totals_are_those_of_plain_arithmetic) {
    shop s;
    test_random random = test_random_of(26);
    shop_open(&s, 26);
    for (int round = 0; round < 20; round++) {
        satchel_id order = new_order(&s);
        int64_t expected = 0;
        int lines = (int)test_random_between(&random, 1, 6);
        for (int i = 0; i < lines; i++) {
            int64_t quantity_e3 = test_random_between(&random, 1, 500000);
            int64_t price_minor = test_random_between(&random, 0, 100000);
            int64_t discount_bp = test_random_between(&random, 0, 10000);
            REQUIRE_OK(add(&s, &order, &shop_tea, quantity_e3, price_minor, discount_bp, NULL));
            int64_t exact = quantity_e3 * price_minor * (10000 - discount_bp);
            int64_t whole = exact / 10000000;
            int64_t rest = exact % 10000000;
            bool up = rest > 5000000 || (rest == 5000000 && whole % 2 != 0);
            expected += whole + (up ? 1 : 0);
        }
        CHECK_INT(shop_int(&s, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_TOTAL_MINOR), expected);
    }
    shop_close(&s);
}

TEST(tasks, are_for_oneself_unless_someone_is_named) {
    shop s;
    satchel_id task = {{0}};
    shop_open(&s, 30);
    REQUIRE_OK(satchel_sales_task_add(&s.sales, satchel_text_of("call back"), &shop_customer, NULL, SHOP_NOW_MS, &task,
                                      &s.error));
    satchel_record record = shop_read(&s, SATCHEL_ENTITY_TASK, &task);
    const satchel_id assignee = satchel_record_id(&record, SATCHEL_TASK_ASSIGNEE);
    const satchel_id customer = satchel_record_id(&record, SATCHEL_TASK_CUSTOMER);
    CHECK_ID(&assignee, &shop_rep);
    CHECK_ID(&customer, &shop_customer);
    CHECK_INT(satchel_record_int(&record, SATCHEL_TASK_STATUS, 0), SATCHEL_TASK_STATUS_OPEN);
    CHECK_STATUS(satchel_sales_task_add(&s.sales, satchel_text_of(""), NULL, NULL, 0, NULL, &s.error),
                 SATCHEL_REQUIRED_MISSING);
    CHECK_STATUS(satchel_sales_task_add(&s.sales, satchel_text_of("x"), &shop_rep, NULL, 0, NULL, &s.error),
                 SATCHEL_NOT_FOUND);
    shop_close(&s);
}

TEST(tasks, end_once) {
    shop s;
    satchel_id task = {{0}};
    shop_open(&s, 31);
    REQUIRE_OK(satchel_sales_task_add(&s.sales, satchel_text_of("a"), NULL, NULL, 0, &task, &s.error));
    REQUIRE_OK(satchel_sales_task_end(&s.sales, &task, SATCHEL_TASK_STATUS_COMPLETED, &s.error));
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_TASK, &task, SATCHEL_TASK_STATUS), SATCHEL_TASK_STATUS_COMPLETED);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_TASK, &task, SATCHEL_TASK_COMPLETED_AT), SHOP_NOW_MS);
    CHECK_STATUS(satchel_sales_task_end(&s.sales, &task, SATCHEL_TASK_STATUS_CANCELLED, &s.error),
                 SATCHEL_ILLEGAL_STATE);
    satchel_id other = {{0}};
    REQUIRE_OK(satchel_sales_task_add(&s.sales, satchel_text_of("b"), NULL, NULL, 0, &other, &s.error));
    REQUIRE_OK(satchel_sales_task_end(&s.sales, &other, SATCHEL_TASK_STATUS_CANCELLED, &s.error));
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_TASK, &other, SATCHEL_TASK_COMPLETED_AT), INT64_MIN);
    shop_close(&s);
}

TEST(notes, are_facts_of_the_customer) {
    shop s;
    satchel_id note = {{0}};
    shop_open(&s, 40);
    REQUIRE_OK(satchel_sales_note(&s.sales, &shop_customer, SATCHEL_ACTIVITY_KIND_CALL, satchel_text_of("shelf"),
                                  satchel_text_of("wants a new one"), &note, &s.error));
    satchel_record record = shop_read(&s, SATCHEL_ENTITY_ACTIVITY, &note);
    CHECK_TEXT(satchel_record_text(&record, SATCHEL_ACTIVITY_BODY), "wants a new one");
    CHECK_INT(satchel_record_int(&record, SATCHEL_ACTIVITY_AT, 0), SHOP_NOW_MS);
    CHECK_UINT(shop_last_ops(&s), 1);
    CHECK_STATUS(satchel_sales_note(&s.sales, &shop_customer, SATCHEL_ACTIVITY_KIND_CALL, satchel_text_of("shelf"),
                                    satchel_text_of("again"), &note, &s.error),
                 SATCHEL_ALREADY_EXISTS);
    CHECK_STATUS(
        satchel_sales_note(&s.sales, &shop_customer, 62, satchel_text_of(""), satchel_text_of("x"), NULL, &s.error),
        SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_sales_note(&s.sales, &shop_rep, SATCHEL_ACTIVITY_KIND_NOTE, satchel_text_of(""),
                                    satchel_text_of("x"), NULL, &s.error),
                 SATCHEL_NOT_FOUND);
    shop_close(&s);
}

TEST(sales, a_failing_random_source_commits_nothing) {
    shop s;
    shop_open(&s, 50);
    s.random.limited = true;
    s.random.fails_after = s.random.calls;
    CHECK_STATUS(satchel_sales_task_add(&s.sales, satchel_text_of("a"), NULL, NULL, 0, NULL, &s.error),
                 SATCHEL_RANDOM_FAILED);
    CHECK_UINT(shop_units(&s), 0);
    shop_close(&s);
}

TEST(orders, what_a_user_might_do_is_told_by_his_roles) {
    shop s;
    bool might = true;
    shop_open(&s, 25);
    CHECK_OK(satchel_store_might(s.store, SATCHEL_ENTITY_ORDER, SATCHEL_VERB_APPROVE, &might, &s.error));
    CHECK(!might);
    CHECK_OK(satchel_store_might(s.store, SATCHEL_ENTITY_ORDER, SATCHEL_VERB_CREATE, &might, &s.error));
    CHECK(might);
    shop_close(&s);
}
