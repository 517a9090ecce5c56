/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that leave and come back: scopes lost, removals, the purge behind them, own ops on what is gone.
 */
#include "kit.h"

#define CUSTOMER SATCHEL_ENTITY_CUSTOMER
#define NAME SATCHEL_CUSTOMER_NAME
#define CITY SATCHEL_CUSTOMER_CITY

/* Customers 1 … count in set 1 = {10}, and customer 1000 in set 2 = {20}. */
static store_kit with_scopes(uint32_t count) {
    store_kit kit = kit_open(NULL);
    satchel_record record = kit_record(&kit, NAME, "Someone");
    kit_page page = kit_page_begin(0);
    kit_page_scope_set(&page, 1, 10);
    kit_page_scope_set(&page, 2, 20);
    for (uint32_t i = 1; i <= count; i++) {
        kit_page_row_in(&kit, &page, CUSTOMER, kit_id(i), i, 1, &record);
    }
    kit_page_row_in(&kit, &page, CUSTOMER, kit_id(1000), 1000, 2, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    return kit;
}

static void lose_scope(store_kit *kit, uint32_t scope) {
    kit_page page = kit_page_begin(0);
    kit_page_scope_loss(&page, scope);
    REQUIRE_OK(kit_page_store(kit, &page, false));
}

static uint64_t count_customers(store_kit *kit) {
    satchel_query *query;
    uint64_t count;
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    REQUIRE_OK(satchel_store_count(kit->store, query, &count, NULL));
    satchel_query_close(query);
    satchel_device_info info;
    REQUIRE_OK(satchel_store_count_info(kit->store, &info, NULL));
    CHECK_UINT(info.rows, count);
    return count;
}

static int64_t rows_of(store_kit *kit, const char *sql) {
    sqlite3_stmt *statement;
    REQUIRE_INT(sqlite3_prepare_v2(kit->database, sql, -1, &statement, NULL), SQLITE_OK);
    REQUIRE_INT(sqlite3_step(statement), SQLITE_ROW);
    int64_t count = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return count;
}

TEST(scopes, a_lost_scope_hides_its_rows_at_once_and_the_purge_follows) {
    store_kit kit = with_scopes(300);
    CHECK_UINT(count_customers(&kit), 301);
    lose_scope(&kit, 10);
    CHECK_UINT(count_customers(&kit), 1);
    CHECK(!kit_has(&kit, CUSTOMER, kit_id(5)));
    CHECK_UINT(kit_find(&kit, "someone"), 1);
    CHECK_INT(rows_of(&kit, "SELECT count(*) FROM customer"), 301);
    kit_reopen(&kit);
    CHECK_UINT(count_customers(&kit), 1);
    kit_purge(&kit);
    CHECK_INT(rows_of(&kit, "SELECT count(*) FROM customer"), 1);
    CHECK_INT(rows_of(&kit, "SELECT count(*) FROM store_dead_set"), 0);
    CHECK_UINT(kit_find(&kit, "someone"), 1);
    kit_close(&kit);
}

TEST(scopes, a_row_in_two_scopes_stays_when_one_is_lost) {
    store_kit kit = kit_open(NULL);
    satchel_record record = kit_record(&kit, NAME, "Someone");
    const uint32_t both[] = {10, 20};
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_SCOPE_SET};
    frame.as.scope_set = (satchel_scope_set){3, both, 2};
    kit_page page = kit_page_begin(0);
    kit_page_frame(&page, &frame);
    kit_page_row_in(&kit, &page, CUSTOMER, kit_id(1), 1, 3, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    lose_scope(&kit, 10);
    CHECK(kit_has(&kit, CUSTOMER, kit_id(1)));
    lose_scope(&kit, 20);
    CHECK(!kit_has(&kit, CUSTOMER, kit_id(1)));
    kit_close(&kit);
}

TEST(scopes, a_number_that_comes_back_does_not_bring_old_rows_back) {
    store_kit kit = with_scopes(3);
    lose_scope(&kit, 10);
    satchel_record record = kit_record(&kit, NAME, "Back");
    kit_page page = kit_page_begin(0);
    kit_page_scope_set(&page, 1, 10);
    kit_page_row_in(&kit, &page, CUSTOMER, kit_id(2), 50, 1, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_UINT(count_customers(&kit), 2); /* 2 and 1000 */
    kit_purge(&kit);
    CHECK_UINT(count_customers(&kit), 2);
    CHECK_TEXT(kit_text(&kit, kit_id(2), NAME), "Back");
    CHECK_INT(rows_of(&kit, "SELECT count(*) FROM customer"), 2);
    CHECK_UINT(kit_find(&kit, "back"), 1);
    CHECK_UINT(kit_find(&kit, "someone"), 1);
    kit_close(&kit);
}

TEST(scopes, a_set_that_was_never_defined_is_refused_and_nothing_is_stored) {
    store_kit kit = with_scopes(1);
    satchel_record record = kit_record(&kit, NAME, "x");
    kit_page page = kit_page_begin(0);
    kit_page_row_in(&kit, &page, CUSTOMER, kit_id(5), 50, 1, &record);
    kit_page_row_in(&kit, &page, CUSTOMER, kit_id(6), 50, 9, &record);
    CHECK_STATUS(kit_page_store(&kit, &page, false), SATCHEL_MALFORMED);
    CHECK(!kit_has(&kit, CUSTOMER, kit_id(5)));
    kit_close(&kit);
}

TEST(scopes, a_part_moves_a_row_to_another_set) {
    store_kit kit = with_scopes(1);
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_ROW};
    frame.as.row = (satchel_row_frame){.entity = CUSTOMER, .row = kit_id(1), .n = 9, .scope_set = 2};
    kit_page page = kit_page_begin(0);
    kit_page_frame(&page, &frame);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    lose_scope(&kit, 10);
    CHECK(kit_has(&kit, CUSTOMER, kit_id(1)));
    CHECK_TEXT(kit_text(&kit, kit_id(1), NAME), "Someone");
    kit_close(&kit);
}

TEST(scopes, a_removal_takes_along_what_travels_with_the_row) {
    store_kit kit = kit_open(NULL);
    satchel_record order = kit_record(&kit, SATCHEL_ORDER_CURRENCY, "CNY");
    satchel_record line = kit_record(&kit, SATCHEL_ORDER_LINE_NOTE, "x");
    kit_refer(&line, SATCHEL_ORDER_LINE_ORDER, kit_id(5));
    kit_page page = kit_page_begin(0);
    kit_page_row(&kit, &page, SATCHEL_ENTITY_ORDER, kit_id(5), 1, &order);
    kit_page_row(&kit, &page, SATCHEL_ENTITY_ORDER_LINE, kit_id(6), 1, &line);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    page = kit_page_begin(0);
    kit_page_removal(&page, SATCHEL_ENTITY_ORDER, kit_id(5));
    kit_page_removal(&page, SATCHEL_ENTITY_ORDER, kit_id(77)); /* unknown: nothing to do */
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_UINT(kit.outcome.rows_removed, 2);
    CHECK(!kit_has(&kit, SATCHEL_ENTITY_ORDER, kit_id(5)));
    CHECK(!kit_has(&kit, SATCHEL_ENTITY_ORDER_LINE, kit_id(6)));
    kit_purge(&kit);
    CHECK_INT(rows_of(&kit, "SELECT count(*) FROM order_line"), 0);
    kit_close(&kit);
}

/* Customers 1 … count, each with an order of one line. */
static void store_orders(store_kit *kit, uint32_t count) {
    kit_page page = kit_page_begin(0);
    for (uint32_t i = 1; i <= count; i++) {
        satchel_record customer = kit_record(kit, NAME, "Someone");
        satchel_record order = kit_record(kit, SATCHEL_ORDER_CURRENCY, "CNY");
        satchel_record line = kit_record(kit, SATCHEL_ORDER_LINE_NOTE, "x");
        kit_refer(&order, SATCHEL_ORDER_CUSTOMER, kit_id(i));
        kit_refer(&line, SATCHEL_ORDER_LINE_ORDER, kit_id(10000 + i));
        kit_page_row(kit, &page, CUSTOMER, kit_id(i), i, &customer);
        kit_page_row(kit, &page, SATCHEL_ENTITY_ORDER, kit_id(10000 + i), i, &order);
        kit_page_row(kit, &page, SATCHEL_ENTITY_ORDER_LINE, kit_id(20000 + i), i, &line);
    }
    REQUIRE_OK(kit_page_store(kit, &page, false));
}

/* Rows are hidden many at a time: all of them go, and no other one, however many they are. */
TEST(scopes, a_removal_of_many_takes_each_of_them_along_and_no_other) {
    const uint32_t counts[] = {1, 2, 63, 64, 65, 128, 129};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        store_kit kit = kit_open(NULL);
        satchel_id ids[129];
        store_orders(&kit, counts[c] + 2);
        for (uint32_t i = 0; i < counts[c]; i++) {
            ids[i] = kit_id(i + 2); /* all but the first and the last */
        }
        satchel_answer_frame frame = {.kind = SATCHEL_FRAME_REMOVAL};
        frame.as.removal = (satchel_removal_frame){CUSTOMER, satchel_bytes_of(ids[0].bytes, counts[c] * sizeof *ids)};
        kit_page page = kit_page_begin(0);
        kit_page_frame(&page, &frame);
        REQUIRE_OK(kit_page_store(&kit, &page, false));
        CHECK_UINT(kit.outcome.rows_removed, 3 * counts[c]);
        CHECK(!kit_has(&kit, CUSTOMER, kit_id(2)) && !kit_has(&kit, CUSTOMER, kit_id(counts[c] + 1)));
        CHECK(kit_has(&kit, CUSTOMER, kit_id(1)) && kit_has(&kit, SATCHEL_ENTITY_ORDER_LINE, kit_id(20001)));
        kit_purge(&kit);
        CHECK_INT(rows_of(&kit, "SELECT count(*) FROM order_line"), 2);
        CHECK_INT(rows_of(&kit, "SELECT count(*) FROM store_hidden"), 0);
        kit_close(&kit);
    }
}

TEST(scopes, a_customer_that_leaves_takes_along_what_hangs_on_it) {
    store_kit kit = kit_open(NULL);
    satchel_record customer = kit_record(&kit, NAME, "Someone");
    satchel_record order = kit_record(&kit, SATCHEL_ORDER_CURRENCY, "CNY");
    satchel_record other = kit_record(&kit, SATCHEL_ORDER_CURRENCY, "CNY");
    satchel_record line = kit_record(&kit, SATCHEL_ORDER_LINE_NOTE, "x");
    kit_refer(&order, SATCHEL_ORDER_CUSTOMER, kit_id(1));
    kit_refer(&other, SATCHEL_ORDER_CUSTOMER, kit_id(2));
    kit_refer(&line, SATCHEL_ORDER_LINE_ORDER, kit_id(5));
    kit_page page = kit_page_begin(0);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(1), 1, &customer);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(2), 1, &customer);
    kit_page_row(&kit, &page, SATCHEL_ENTITY_ORDER, kit_id(5), 1, &order);
    kit_page_row(&kit, &page, SATCHEL_ENTITY_ORDER_LINE, kit_id(6), 1, &line);
    kit_page_row(&kit, &page, SATCHEL_ENTITY_ORDER, kit_id(7), 1, &other);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    page = kit_page_begin(0);
    kit_page_removal(&page, CUSTOMER, kit_id(1));
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_UINT(kit.outcome.rows_removed, 3);
    CHECK(!kit_has(&kit, SATCHEL_ENTITY_ORDER, kit_id(5)) && !kit_has(&kit, SATCHEL_ENTITY_ORDER_LINE, kit_id(6)));
    CHECK(kit_has(&kit, CUSTOMER, kit_id(2)) && kit_has(&kit, SATCHEL_ENTITY_ORDER, kit_id(7)));
    kit_close(&kit);
}

TEST(scopes, own_ops_on_a_row_that_left_are_still_sent_and_show_no_value) {
    store_kit kit = with_scopes(1);
    kit_edit_text(&kit, kit_id(1), CITY, "Hangzhou");
    kit_page page = kit_page_begin(0);
    kit_page_removal(&page, CUSTOMER, kit_id(1));
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    satchel_unit_batch batch;
    REQUIRE_OK(satchel_store_load_units(kit.store, 0, 1000, &kit.arena, &batch, NULL));
    CHECK_UINT(batch.count, 1);
    satchel_reason reason;
    REQUIRE_UINT(kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_GONE, &reason), 1);
    CHECK_UINT(reason.mine.bytes, 0);
    CHECK_UINT(kit_reasons(&kit, SATCHEL_REASON_GONE), 1);
    kit_purge(&kit);
    const satchel_op_result parked = {.index = 0, .code = SATCHEL_RESULT_PARKED, .status = SATCHEL_MOVED_AWAY};
    page = kit_page_begin(1);
    kit_page_op_result(&page, 1, 1, &parked, 1);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    REQUIRE_UINT(kit_reasons(&kit, SATCHEL_REASON_PARKED), 1);
    kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_PARKED, &reason);
    CHECK_INT(reason.status, SATCHEL_MOVED_AWAY);
    CHECK_UINT(reason.mine.bytes, 0);
    kit_close(&kit);
}

TEST(scopes, own_ops_lie_on_the_row_again_when_it_comes_back) {
    for (int purged = 0; purged < 2; purged++) {
        store_kit kit = with_scopes(1);
        kit_edit_text(&kit, kit_id(1), CITY, "Hangzhou");
        kit_page page = kit_page_begin(0);
        kit_page_removal(&page, CUSTOMER, kit_id(1));
        REQUIRE_OK(kit_page_store(&kit, &page, false));
        if (purged != 0) {
            kit_purge(&kit);
        }
        kit_reopen(&kit);
        satchel_record record = kit_record(&kit, NAME, "Someone else");
        page = kit_page_begin(0);
        kit_page_row_in(&kit, &page, CUSTOMER, kit_id(1), 60, 2, &record);
        REQUIRE_OK(kit_page_store(&kit, &page, false));
        CHECK_TEXT(kit_text(&kit, kit_id(1), CITY), "Hangzhou");
        CHECK_TEXT(kit_text(&kit, kit_id(1), NAME), "Someone else");
        CHECK_UINT(kit_flags(&kit, CUSTOMER, kit_id(1)), SATCHEL_ROW_PENDING);
        page = kit_page_begin(1);
        kit_page_result(&page, 1, 1, SATCHEL_RESULT_APPLIED);
        REQUIRE_OK(kit_page_store(&kit, &page, false));
        CHECK_TEXT(kit_text(&kit, kit_id(1), CITY), "");
        kit_purge(&kit);
        CHECK(kit_has(&kit, CUSTOMER, kit_id(1)));
        kit_close(&kit);
    }
}

TEST(scopes, a_purge_works_in_portions) {
    store_kit kit = with_scopes(200);
    lose_scope(&kit, 10);
    bool left = false;
    CHECK_STATUS(satchel_store_purge(kit.store, 0, &left, NULL), SATCHEL_INVALID_ARGUMENT);
    REQUIRE_OK(satchel_store_purge(kit.store, 20, &left, NULL));
    CHECK(left);
    CHECK(rows_of(&kit, "SELECT count(*) FROM customer") >= 181 - 20);
    kit_purge(&kit);
    REQUIRE_OK(satchel_store_purge(kit.store, 20, &left, NULL));
    CHECK(!left);
    kit_close(&kit);
}
