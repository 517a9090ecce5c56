/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Totals of lines and orders, open orders, and what an order needs before it is submitted.
 */
#include "base/memory.h"
#include "rules/orders.h"
#include "support/test.h"

#include <satchel/model.h>

static void make_line(satchel_record *line, satchel_arena *arena, int64_t quantity_e3, int64_t price_minor,
                      int64_t discount_bp) {
    satchel_record_init(line, arena);
    REQUIRE_OK(satchel_record_set_int(line, SATCHEL_ORDER_LINE_QUANTITY_E3, quantity_e3));
    REQUIRE_OK(satchel_record_set_int(line, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, price_minor));
    REQUIRE_OK(satchel_record_set_int(line, SATCHEL_ORDER_LINE_DISCOUNT_BP, discount_bp));
}

TEST(rules_orders, a_line_gets_its_total) {
    satchel_arena arena = {0};
    satchel_record line;
    make_line(&line, &arena, 9000, 1860, 1500);
    CHECK_OK(satchel_order_line_derive(&line, NULL));
    CHECK_INT(satchel_record_int(&line, SATCHEL_ORDER_LINE_TOTAL_MINOR, -1), 14229);
    satchel_record_remove(&line, SATCHEL_ORDER_LINE_DISCOUNT_BP);
    CHECK_OK(satchel_order_line_derive(&line, NULL));
    CHECK_INT(satchel_record_int(&line, SATCHEL_ORDER_LINE_TOTAL_MINOR, -1), 16740);
    satchel_arena_deinit(&arena);
}

TEST(rules_orders, a_line_without_quantity_or_price_has_none) {
    static const uint32_t needed[] = {SATCHEL_ORDER_LINE_QUANTITY_E3, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR};
    satchel_arena arena = {0};
    for (size_t i = 0; i < 2; i++) {
        satchel_record line;
        satchel_error error = {0};
        satchel_value null = satchel_value_null();
        make_line(&line, &arena, 1000, 100, 0);
        REQUIRE_OK(satchel_record_set(&line, needed[i], &null));
        CHECK_STATUS(satchel_order_line_derive(&line, &error), SATCHEL_REQUIRED_MISSING);
        CHECK_UINT(error.field, needed[i]);
        CHECK(satchel_record_get(&line, SATCHEL_ORDER_LINE_TOTAL_MINOR) == NULL);
    }
    satchel_record line;
    make_line(&line, &arena, -1, 100, 0);
    CHECK_STATUS(satchel_order_line_derive(&line, NULL), SATCHEL_OUT_OF_RANGE);
    satchel_arena_deinit(&arena);
}

TEST(rules_orders, an_order_adds_up_what_is_not_deleted) {
    satchel_arena arena = {0};
    satchel_record order;
    satchel_record lines[4];
    satchel_record_init(&order, &arena);
    make_line(&lines[0], &arena, 2000, 500, 0);
    make_line(&lines[1], &arena, 1000, 999, 0);
    make_line(&lines[2], &arena, 1000, 250, 0);
    satchel_record_init(&lines[3], &arena); /* from elsewhere: its total only */
    REQUIRE_OK(satchel_record_set_bool(&lines[1], SATCHEL_FIELD_DELETED, true));
    REQUIRE_OK(satchel_record_set_bool(&lines[2], SATCHEL_FIELD_DELETED, false));
    REQUIRE_OK(satchel_record_set_int(&lines[2], SATCHEL_ORDER_LINE_TOTAL_MINOR, 7)); /* stale */
    REQUIRE_OK(satchel_record_set_int(&lines[3], SATCHEL_ORDER_LINE_TOTAL_MINOR, 50));
    REQUIRE_OK(satchel_record_set_int(&order, SATCHEL_ORDER_DISCOUNT_BP, 1000));
    CHECK_OK(satchel_order_derive(&order, lines, 4, NULL));
    CHECK_INT(satchel_record_int(&order, SATCHEL_ORDER_TOTAL_MINOR, -1), 1170);
    CHECK_INT(satchel_record_int(&order, SATCHEL_ORDER_LINE_COUNT, -1), 3);
    CHECK_OK(satchel_order_derive(&order, NULL, 0, NULL));
    CHECK_INT(satchel_record_int(&order, SATCHEL_ORDER_TOTAL_MINOR, -1), 0);
    satchel_arena_deinit(&arena);
}

TEST(rules_orders, a_total_that_does_not_fit_is_told) {
    satchel_arena arena = {0};
    satchel_record order;
    satchel_record lines[2];
    satchel_error error = {0};
    satchel_record_init(&order, &arena);
    make_line(&lines[0], &arena, 1000, INT64_MAX, 0);
    make_line(&lines[1], &arena, 1000, 1, 0);
    CHECK_STATUS(satchel_order_derive(&order, lines, 2, &error), SATCHEL_OUT_OF_RANGE);
    CHECK_UINT(error.entity, SATCHEL_ENTITY_ORDER);
    make_line(&lines[1], &arena, 2000, INT64_MAX, 0);
    CHECK_STATUS(satchel_order_derive(&order, lines, 2, &error), SATCHEL_OUT_OF_RANGE);
    CHECK_UINT(error.entity, SATCHEL_ENTITY_ORDER_LINE);
    satchel_arena_deinit(&arena);
}

TEST(rules_orders, the_largest_discount_is_that_of_the_order_or_of_a_line_that_is_there) {
    satchel_arena arena = {0};
    satchel_record order;
    satchel_record lines[2];
    satchel_record_init(&order, &arena);
    make_line(&lines[0], &arena, 1000, 100, 300);
    make_line(&lines[1], &arena, 1000, 100, 900);
    CHECK_INT(satchel_order_discount(&order, lines, 0), 0);
    CHECK_INT(satchel_order_discount(&order, lines, 2), 900);
    REQUIRE_OK(satchel_record_set_bool(&lines[1], SATCHEL_FIELD_DELETED, true));
    CHECK_INT(satchel_order_discount(&order, lines, 2), 300);
    REQUIRE_OK(satchel_record_set_int(&order, SATCHEL_ORDER_DISCOUNT_BP, 301));
    CHECK_INT(satchel_order_discount(&order, lines, 2), 301);
    satchel_arena_deinit(&arena);
}

TEST(rules_orders, only_a_draft_is_open) {
    satchel_arena arena = {0};
    satchel_record order;
    satchel_record_init(&order, &arena);
    CHECK(satchel_order_is_open(&order));
    for (int state = SATCHEL_ORDER_STATUS_DRAFT; state <= SATCHEL_ORDER_STATUS_CANCELLED; state++) {
        REQUIRE_OK(satchel_record_set_int(&order, SATCHEL_ORDER_STATUS, state));
        CHECK_INT(satchel_order_is_open(&order), state == SATCHEL_ORDER_STATUS_DRAFT);
    }
    satchel_arena_deinit(&arena);
}

TEST(rules_orders, submitting_needs_customer_currency_and_a_line) {
    satchel_arena arena = {0};
    satchel_record order;
    satchel_error error = {0};
    satchel_id customer = {{1}};
    satchel_record_init(&order, &arena);
    CHECK_STATUS(satchel_order_check_submit(&order, 1, &error), SATCHEL_REQUIRED_MISSING);
    CHECK_UINT(error.field, SATCHEL_ORDER_CUSTOMER);
    REQUIRE_OK(satchel_record_set_id(&order, SATCHEL_ORDER_CUSTOMER, &customer));
    CHECK_STATUS(satchel_order_check_submit(&order, 1, &error), SATCHEL_REQUIRED_MISSING);
    CHECK_UINT(error.field, SATCHEL_ORDER_CURRENCY);
    REQUIRE_OK(satchel_record_set_text(&order, SATCHEL_ORDER_CURRENCY, test_text_of("CNY")));
    CHECK_STATUS(satchel_order_check_submit(&order, 0, &error), SATCHEL_REQUIRED_MISSING);
    CHECK_UINT(error.field, SATCHEL_ORDER_LINE_COUNT);
    CHECK_OK(satchel_order_check_submit(&order, 1, NULL));
    satchel_arena_deinit(&arena);
}

TEST(rules_orders, running_out_of_memory_is_told) {
    satchel_arena arena = {0};
    satchel_record order;
    satchel_record_init(&order, &arena);
    satchel_memory_fail_at(1, 1);
    satchel_status status = satchel_order_derive(&order, NULL, 0, NULL);
    satchel_memory_fail_at(0, 0);
    CHECK_STATUS(status, SATCHEL_NO_MEMORY);
    satchel_arena_deinit(&arena);
}
