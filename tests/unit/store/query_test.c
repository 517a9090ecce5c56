/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries over a store: pages by keyset equal sorting in memory, conditions choose what they say, nothing stays open.
 */
#include "kit.h"

#include "rules/places.h"
#include "support/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUSTOMER SATCHEL_ENTITY_CUSTOMER
#define NAME SATCHEL_CUSTOMER_NAME
#define GRADE SATCHEL_CUSTOMER_GRADE
#define CITY SATCHEL_CUSTOMER_CITY

enum { ROWS = 400 };

/* What the model of a row needs for sorting; grade 0 and an empty city are null. */
typedef struct plain_row {
    satchel_id id;
    int64_t grade;
    char city[8];
} plain_row;

static plain_row plain[ROWS];

static store_kit with_rows(uint64_t seed) {
    static const char *const cities[] = {"", "a", "aa", "ab", "b", "\xe5\x8d\x8e"};
    store_kit kit = kit_open(NULL);
    test_random random = test_random_of(seed);
    kit_page page = kit_page_begin(0);
    for (uint32_t i = 0; i < ROWS; i++) {
        satchel_record record = kit_record(&kit, NAME, "Someone");
        plain[i] = (plain_row){.id = kit_id((uint32_t)test_random_below(&random, 4) * 1000 + i),
                               .grade = (int64_t)test_random_below(&random, 4)};
        snprintf(plain[i].city, sizeof plain[i].city, "%s", cities[test_random_below(&random, 6)]);
        if (plain[i].grade != 0) {
            kit_set(&record, GRADE, plain[i].grade);
        }
        if (plain[i].city[0] != '\0') {
            kit_put(&record, CITY, plain[i].city);
        }
        kit_page_row(&kit, &page, CUSTOMER, plain[i].id, 1, &record);
    }
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    return kit;
}

typedef struct order {
    bool by_grade;
    bool grade_down;
    bool by_city;
    bool city_down;
} order;

static order current;

static int compare_plain(const void *left, const void *right) {
    const plain_row *a = left;
    const plain_row *b = right;
    if (current.by_grade && a->grade != b->grade) {
        return (a->grade < b->grade) == current.grade_down ? 1 : -1;
    }
    int cities = strcmp(a->city, b->city);
    if (current.by_city && cities != 0) {
        return (cities < 0) == current.city_down ? 1 : -1;
    }
    return satchel_id_compare(&a->id, &b->id);
}

typedef struct collected {
    satchel_id ids[ROWS + 1];
    uint32_t count;
} collected;

static satchel_status collect(void *context, const satchel_id *id, const satchel_record *record, uint32_t flags,
                              uint64_t base_n) {
    collected *list = context;
    (void)record;
    (void)flags;
    (void)base_n;
    REQUIRE(list->count < ROWS + 1);
    list->ids[list->count++] = *id;
    return SATCHEL_OK;
}

static void walk(store_kit *kit, const satchel_query *query, uint32_t limit, collected *out) {
    satchel_buffer at = {NULL, 0, 0};
    satchel_buffer next = {NULL, 0, 0};
    out->count = 0;
    do {
        satchel_buffer_clear(&next);
        REQUIRE_OK(
            satchel_store_query(kit->store, query, satchel_buffer_view(&at), limit, collect, out, &next, &kit->error));
        satchel_buffer_clear(&at);
        REQUIRE_OK(satchel_buffer_append(&at, satchel_buffer_view(&next)));
    } while (next.bytes > 0);
    satchel_buffer_deinit(&at);
    satchel_buffer_deinit(&next);
}

static void check_order(store_kit *kit, order wanted, uint32_t limit) {
    static collected got;
    satchel_query *query;
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    if (wanted.by_grade) {
        REQUIRE_OK(satchel_query_sort(query, GRADE, wanted.grade_down));
    }
    if (wanted.by_city) {
        REQUIRE_OK(satchel_query_sort(query, CITY, wanted.city_down));
    }
    current = wanted;
    qsort(plain, ROWS, sizeof plain[0], compare_plain);
    walk(kit, query, limit, &got);
    REQUIRE_UINT(got.count, ROWS);
    for (uint32_t i = 0; i < ROWS; i++) {
        REQUIRE(satchel_id_equal(&got.ids[i], &plain[i].id));
    }
    satchel_query_close(query);
}

TEST(store_query, pages_by_keyset_equal_sorting_in_memory) {
    store_kit kit = with_rows(3);
    for (unsigned mask = 0; mask < 16; mask++) {
        const order wanted = {(mask & 1) != 0, (mask & 2) != 0, (mask & 4) != 0, (mask & 8) != 0};
        test_note("order %u", mask);
        check_order(&kit, wanted, 7);
    }
    const order both = {true, true, true, false};
    check_order(&kit, both, 1);
    check_order(&kit, both, ROWS - 1);
    check_order(&kit, both, ROWS);
    check_order(&kit, both, SATCHEL_LIMIT_PAGE_ROWS);
    kit_close(&kit);
}

static uint64_t count_where(store_kit *kit, satchel_query *query) {
    uint64_t count;
    static collected got;
    REQUIRE_OK(satchel_store_count(kit->store, query, &count, &kit->error));
    walk(kit, query, 13, &got);
    CHECK_UINT(got.count, count);
    satchel_query_close(query);
    return count;
}

static uint64_t plain_where(int64_t grade, int compare) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        int64_t g = plain[i].grade;
        bool fits[] = {false,     g == grade,          g != grade, g != 0 && g < grade, g != 0 && g <= grade,
                       g > grade, g != 0 && g >= grade};
        count += fits[compare] ? 1 : 0;
    }
    return count;
}

TEST(store_query, conditions_choose_what_they_say) {
    store_kit kit = with_rows(4);
    satchel_query *query;
    for (int compare = SATCHEL_COMPARE_EQUAL; compare <= SATCHEL_COMPARE_GREATER_OR_EQUAL; compare++) {
        REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
        REQUIRE_OK(satchel_query_where_int(query, GRADE, (satchel_compare)compare, 2));
        CHECK_UINT(count_where(&kit, query), plain_where(2, compare));
    }
    uint64_t begins = 0;
    uint64_t empty = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        begins += plain[i].city[0] == 'a' ? 1 : 0;
        empty += plain[i].city[0] == '\0' ? 1 : 0;
    }
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    REQUIRE_OK(satchel_query_where_text(query, CITY, SATCHEL_COMPARE_BEGINS_WITH, satchel_text_of("a")));
    CHECK_UINT(count_where(&kit, query), begins);
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    REQUIRE_OK(satchel_query_where_null(query, CITY, true));
    CHECK_UINT(count_where(&kit, query), empty);
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    REQUIRE_OK(satchel_query_where_id(query, SATCHEL_FIELD_ID, SATCHEL_COMPARE_EQUAL, &plain[9].id));
    CHECK_UINT(count_where(&kit, query), 1);
    kit_close(&kit);
}

TEST(store_query, a_set_has_exactly_its_elements) {
    store_kit kit = kit_open(NULL);
    static const char *const tags[] = {"north", "northern south", "nort h", "south"};
    kit_page page = kit_page_begin(0);
    for (uint32_t i = 0; i < 4; i++) {
        satchel_record record = kit_record(&kit, NAME, "x");
        kit_elements(&record, SATCHEL_CUSTOMER_TAGS, tags[i]);
        kit_page_row(&kit, &page, CUSTOMER, kit_id(i), 1, &record);
    }
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    satchel_query *query;
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    REQUIRE_OK(satchel_query_where_text(query, SATCHEL_CUSTOMER_TAGS, SATCHEL_COMPARE_HAS, satchel_text_of("north")));
    CHECK_UINT(count_where(&kit, query), 1);
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    REQUIRE_OK(satchel_query_where_text(query, SATCHEL_CUSTOMER_TAGS, SATCHEL_COMPARE_HAS, satchel_text_of("south")));
    CHECK_UINT(count_where(&kit, query), 2);
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    REQUIRE_OK(satchel_query_where_text(query, SATCHEL_CUSTOMER_TAGS, SATCHEL_COMPARE_HAS, satchel_text_of("")));
    CHECK_UINT(count_where(&kit, query), 0);
    kit_close(&kit);
}

TEST(store_query, near_finds_what_lies_within_the_distance) {
    store_kit kit = kit_open(NULL);
    kit_page page = kit_page_begin(0);
    test_random random = test_random_of(8);
    uint64_t within = 0;
    for (uint32_t i = 0; i < 200; i++) {
        satchel_record record = kit_record(&kit, NAME, "x");
        int64_t latitude = 300000000 + test_random_between(&random, -200000, 200000);
        int64_t longitude = 1200000000 + test_random_between(&random, -200000, 200000);
        int64_t metres;
        kit_set(&record, SATCHEL_CUSTOMER_LATITUDE_E7, latitude);
        kit_set(&record, SATCHEL_CUSTOMER_LONGITUDE_E7, longitude);
        kit_page_row(&kit, &page, CUSTOMER, kit_id(i), 1, &record);
        REQUIRE_OK(satchel_distance_m(latitude, longitude, 300000000, 1200000000, &metres));
        within += metres <= 1500 ? 1 : 0;
    }
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    satchel_query *query;
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    REQUIRE_OK(satchel_query_near(query, 300000000, 1200000000, 1500));
    CHECK_UINT(count_where(&kit, query), within);
    CHECK(within > 10 && within < 190);
    kit_close(&kit);
}

TEST(store_query, a_page_has_a_size_and_a_visitor_can_end_it) {
    store_kit kit = with_rows(5);
    satchel_query *query;
    static collected got;
    const satchel_bytes start = {NULL, 0};
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    CHECK_STATUS(satchel_store_query(kit.store, query, start, 0, collect, &got, NULL, NULL), SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_store_query(kit.store, query, start, SATCHEL_LIMIT_PAGE_ROWS + 1, collect, &got, NULL, NULL),
                 SATCHEL_INVALID_ARGUMENT);
    got.count = 0;
    CHECK_OK(satchel_store_query(kit.store, query, start, SATCHEL_LIMIT_PAGE_ROWS, collect, &got, NULL, NULL));
    CHECK_UINT(got.count, ROWS);
    const uint8_t bytes[] = {1, 2, 3};
    CHECK_STATUS(satchel_store_query(kit.store, query, satchel_bytes_of(bytes, 3), 5, collect, &got, NULL, NULL),
                 SATCHEL_MALFORMED);
    satchel_query_close(query);
    REQUIRE_OK(satchel_query_open(&query, SATCHEL_ENTITY_AUDIT_EVENT)); /* never travels to a phone */
    CHECK_STATUS(satchel_store_query(kit.store, query, start, 5, collect, &got, NULL, NULL), SATCHEL_UNKNOWN_ENTITY);
    satchel_query_close(query);
    kit_close(&kit);
}

static satchel_status stop(void *context, const satchel_id *id, const satchel_record *record, uint32_t flags,
                           uint64_t base_n) {
    uint32_t *count = context;
    (void)id;
    (void)record;
    (void)flags;
    (void)base_n;
    return ++*count == 3 ? SATCHEL_CANCELLED : SATCHEL_OK;
}

TEST(store_query, rows_that_refer_to_another_are_listed) {
    store_kit kit = kit_open(NULL);
    kit_customer(&kit, kit_id(1), "Huaning");
    for (uint32_t i = 10; i < 20; i++) {
        satchel_record record = kit_record(&kit, SATCHEL_CONTACT_NAME, "Wang");
        kit_refer(&record, SATCHEL_CONTACT_CUSTOMER, kit_id(1));
        kit_create(&kit, SATCHEL_ENTITY_CONTACT, kit_id(i), &record);
    }
    kit_delete(&kit, SATCHEL_ENTITY_CONTACT, kit_id(10));
    const satchel_id customer = kit_id(1);
    static collected got;
    got.count = 0;
    REQUIRE_OK(satchel_store_referring(kit.store, SATCHEL_ENTITY_CONTACT, SATCHEL_CONTACT_CUSTOMER, &customer, 100,
                                       collect, &got, NULL));
    CHECK_UINT(got.count, 9);
    got.count = 0;
    REQUIRE_OK(satchel_store_referring(kit.store, SATCHEL_ENTITY_CONTACT, SATCHEL_CONTACT_CUSTOMER, &customer, 4,
                                       collect, &got, NULL));
    CHECK_UINT(got.count, 4);
    uint32_t seen = 0;
    CHECK_STATUS(satchel_store_referring(kit.store, SATCHEL_ENTITY_CONTACT, SATCHEL_CONTACT_CUSTOMER, &customer, 100,
                                         stop, &seen, NULL),
                 SATCHEL_CANCELLED);
    CHECK_STATUS(satchel_store_referring(kit.store, SATCHEL_ENTITY_CONTACT, SATCHEL_CONTACT_NAME, &customer, 1, collect,
                                         &got, NULL),
                 SATCHEL_WRONG_TYPE);
    CHECK_STATUS(satchel_store_referring(kit.store, SATCHEL_ENTITY_CONTACT, 777, &customer, 1, collect, &got, NULL),
                 SATCHEL_UNKNOWN_FIELD);
    kit_close(&kit);
}

/* The plan of the statement that a query compiles to. */
static void check_plan(store_kit *kit, const satchel_query *query, const char *forbidden) {
    satchel_arena arena = {0};
    satchel_sql sql;
    satchel_buffer explain = {NULL, 0, 0};
    sqlite3_stmt *statement;
    REQUIRE_OK(satchel_query_compile(query, satchel_store_schema(kit->store), SATCHEL_DIALECT_SQLITE,
                                     satchel_text_of("\"id\""), NULL, (satchel_bytes){NULL, 0}, 50, &arena, &sql,
                                     NULL));
    REQUIRE_OK(satchel_buffer_append_format(&explain, "EXPLAIN QUERY PLAN %s", (const char *)sql.text.data));
    REQUIRE_INT(sqlite3_prepare_v2(kit->database, (const char *)explain.data, (int)explain.bytes, &statement, NULL),
                SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(statement, 3);
        test_note("%s", detail);
        CHECK(strstr(detail, forbidden) == NULL);
    }
    sqlite3_finalize(statement);
    satchel_buffer_deinit(&explain);
    satchel_sql_deinit(&sql);
    satchel_arena_deinit(&arena);
}

TEST(store_query, the_screens_lists_sort_by_an_index) {
    static const struct {
        uint32_t entity;
        uint32_t field;
    } lists[] = {{CUSTOMER, 0},
                 {CUSTOMER, NAME},
                 {SATCHEL_ENTITY_TASK, SATCHEL_TASK_DUE_AT},
                 {SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_PLANNED_START},
                 {SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_ORDERED_AT},
                 {SATCHEL_ENTITY_ACTIVITY, SATCHEL_ACTIVITY_AT},
                 {SATCHEL_ENTITY_PRODUCT, SATCHEL_PRODUCT_NAME}};
    store_kit kit = with_rows(6);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        satchel_query *query;
        REQUIRE_OK(satchel_query_open(&query, lists[i].entity));
        if (lists[i].field != 0) {
            REQUIRE_OK(satchel_query_sort(query, lists[i].field, false));
        }
        check_plan(&kit, query, "USE TEMP B-TREE FOR ORDER BY");
        satchel_query_close(query);
    }
    kit_close(&kit);
}
