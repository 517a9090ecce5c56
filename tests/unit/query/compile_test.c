/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a query to SQL: golden texts of both dialects, every comparison, predicates, limits.
 */
#include "base/ids.h"
#include "base/limits.h"
#include "base/text.h"
#include "query/query.h"
#include "support/test.h"

#include <satchel/model.h>

#include <string.h>

#define CUSTOMER SATCHEL_ENTITY_CUSTOMER
#define NAME SATCHEL_CUSTOMER_NAME
#define GRADE SATCHEL_CUSTOMER_GRADE
#define OWNER SATCHEL_CUSTOMER_OWNER
#define TAGS SATCHEL_CUSTOMER_TAGS
#define SHARED SATCHEL_CUSTOMER_SHARED_WITH

#define LIVE "coalesce(\"deleted\", 0) = 0 AND coalesce(\"archived\", 0) = 0"

static const satchel_schema schema = {&satchel_generated_model, NULL, 0};

static satchel_query *open_query(uint32_t entity) {
    satchel_query *query;
    REQUIRE_OK(satchel_query_open(&query, entity));
    return query;
}

/* What stands behind WHERE, up to ORDER BY, in one dialect. */
static satchel_text where_of(const satchel_query *query, satchel_dialect dialect, satchel_arena *arena) {
    satchel_sql sql;
    REQUIRE_OK(satchel_query_compile_count(query, &schema, dialect, NULL, arena, &sql, NULL));
    const char *where = strstr((const char *)sql.text.data, " WHERE ");
    char *copy = satchel_arena_text(arena, satchel_text_of(where != NULL ? where + 7 : ""));
    REQUIRE(copy != NULL);
    satchel_sql_deinit(&sql);
    return satchel_text_of(copy);
}

static void check_where(satchel_query *query, const char *sqlite, const char *postgres) {
    satchel_arena arena = {0};
    satchel_query_include_deleted(query);
    CHECK_TEXT(where_of(query, SATCHEL_DIALECT_SQLITE, &arena), sqlite);
    CHECK_TEXT(where_of(query, SATCHEL_DIALECT_POSTGRES, &arena), postgres);
    satchel_arena_deinit(&arena);
    satchel_query_close(query);
}

TEST(query, a_plain_query_lists_what_is_live_in_order_of_id) {
    satchel_query *query = open_query(CUSTOMER);
    satchel_arena arena = {0};
    satchel_sql sql;
    REQUIRE_OK(satchel_query_compile(query, &schema, SATCHEL_DIALECT_SQLITE, satchel_text_of("\"id\""), NULL,
                                     (satchel_bytes){NULL, 0}, 20, &arena, &sql, NULL));
    CHECK_TEXT((const char *)sql.text.data, "SELECT \"id\" FROM \"customer\" WHERE " LIVE " ORDER BY \"id\" LIMIT ?");
    REQUIRE_UINT(sql.binding_count, 1);
    CHECK_INT(sql.bindings[0].as.integer, 21); /* one more tells whether there is more */
    satchel_sql_deinit(&sql);
    satchel_arena_deinit(&arena);
    satchel_query_close(query);
}

TEST(query, every_comparison_of_numbers) {
    static const struct {
        satchel_compare compare;
        const char *sqlite;
        const char *postgres;
    } cases[] = {
        {SATCHEL_COMPARE_EQUAL, "\"grade\" = ?", "\"grade\" = $1"},
        {SATCHEL_COMPARE_NOT_EQUAL, "\"grade\" IS NOT ?", "\"grade\" IS DISTINCT FROM $1"},
        {SATCHEL_COMPARE_LESS, "\"grade\" < ?", "\"grade\" < $1"},
        {SATCHEL_COMPARE_LESS_OR_EQUAL, "\"grade\" <= ?", "\"grade\" <= $1"},
        {SATCHEL_COMPARE_GREATER, "\"grade\" > ?", "\"grade\" > $1"},
        {SATCHEL_COMPARE_GREATER_OR_EQUAL, "\"grade\" >= ?", "\"grade\" >= $1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_query *query = open_query(CUSTOMER);
        REQUIRE_OK(satchel_query_where_int(query, GRADE, cases[i].compare, 2));
        check_where(query, cases[i].sqlite, cases[i].postgres);
    }
}

TEST(query, texts_ids_sets_and_nulls) {
    const satchel_id id = {{9}};
    satchel_query *query = open_query(CUSTOMER);
    REQUIRE_OK(satchel_query_where_text(query, NAME, SATCHEL_COMPARE_LESS, satchel_text_of("m")));
    REQUIRE_OK(satchel_query_where_id(query, OWNER, SATCHEL_COMPARE_EQUAL, &id));
    REQUIRE_OK(satchel_query_where_text(query, TAGS, SATCHEL_COMPARE_HAS, satchel_text_of("vip")));
    REQUIRE_OK(satchel_query_where_id(query, SHARED, SATCHEL_COMPARE_HAS, &id));
    REQUIRE_OK(satchel_query_where_null(query, SATCHEL_CUSTOMER_CITY, true));
    REQUIRE_OK(satchel_query_where_null(query, SATCHEL_CUSTOMER_NOTE, false));
    check_where(query,
                "\"name\" < ? AND \"owner\" = ? AND satchel_set_has(\"tags\", ?) AND "
                "satchel_set_has(\"shared_with\", ?) AND \"city\" IS NULL AND \"note\" IS NOT NULL",
                "\"name\" < $1 AND \"owner\" = $2 AND satchel_set_has(\"tags\", $3) AND "
                "satchel_set_has(\"shared_with\", $4) AND \"city\" IS NULL AND \"note\" IS NOT NULL");
}

static satchel_text above_of(const char *prefix, satchel_arena *arena) {
    satchel_query *query = open_query(CUSTOMER);
    satchel_sql sql;
    satchel_text above = {NULL, 0};
    REQUIRE_OK(satchel_query_where_text(query, NAME, SATCHEL_COMPARE_BEGINS_WITH, satchel_text_of(prefix)));
    REQUIRE_OK(satchel_query_compile_count(query, &schema, SATCHEL_DIALECT_SQLITE, NULL, arena, &sql, NULL));
    if (sql.binding_count == 2) {
        above = satchel_text_from(sql.bindings[1].as.bytes);
    }
    satchel_sql_deinit(&sql);
    satchel_query_close(query);
    return above;
}

TEST(query, a_prefix_becomes_a_range_of_valid_texts) {
    satchel_arena arena = {0};
    CHECK_TEXT(above_of("abc", &arena), "abd");
    CHECK_TEXT(above_of("\xe5\x8d\x8e", &arena), "\xe5\x8d\x8f"); /* 华 and the code point behind it */
    CHECK_TEXT(above_of("\xed\x9f\xbf", &arena), "\xee\x80\x80"); /* U+D7FF: the surrogates are jumped over */
    CHECK_TEXT(above_of("a\xf4\x8f\xbf\xbf", &arena), "b");       /* U+10FFFF has no successor */
    CHECK_UINT(above_of("\xf4\x8f\xbf\xbf", &arena).bytes, 0);    /* nothing is above: no upper bound */
    CHECK_UINT(above_of("", &arena).bytes, 0);
    satchel_arena_deinit(&arena);
}

TEST(query, it_says_which_fields_it_reads) {
    satchel_query *query = open_query(CUSTOMER);
    CHECK(!satchel_query_reads(query, NAME) && !satchel_query_reads(query, GRADE));
    REQUIRE_OK(satchel_query_where_null(query, GRADE, false));
    REQUIRE_OK(satchel_query_sort(query, OWNER, false));
    REQUIRE_OK(satchel_query_where_int(query, SATCHEL_CUSTOM_FIELD_FIRST, SATCHEL_COMPARE_EQUAL, 1));
    CHECK(satchel_query_reads(query, GRADE) && satchel_query_reads(query, OWNER));
    CHECK(satchel_query_reads(query, SATCHEL_CUSTOM_FIELD_FIRST) && !satchel_query_reads(query, NAME));
    CHECK(!satchel_query_reads(query, SATCHEL_CUSTOMER_LATITUDE_E7));
    REQUIRE_OK(satchel_query_near(query, 0, 0, 1));
    CHECK(satchel_query_reads(query, SATCHEL_CUSTOMER_LATITUDE_E7));
    CHECK(satchel_query_reads(query, SATCHEL_CUSTOMER_LONGITUDE_E7));
    REQUIRE_OK(satchel_query_search(query, satchel_text_of("tea")));
    CHECK(satchel_query_reads(query, NAME) && satchel_query_reads(query, SATCHEL_CUSTOMER_PHONES));
    CHECK(!satchel_query_reads(query, SHARED));
    satchel_query_close(query);
}

TEST(query, near_is_a_band_and_a_distance) {
    satchel_query *query = open_query(CUSTOMER);
    CHECK_STATUS(satchel_query_near(query, 900000001, 0, 1), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_query_near(query, 0, -1800000001, 1), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_query_near(query, 0, 0, -1), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_query_near(query, 0, 0, 20037510), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_query_near(query, -900000000, 1800000000, 20037509), SATCHEL_OK);
    REQUIRE_OK(satchel_query_near(query, 300000000, 1200000000, 500));
    check_where(query,
                "\"latitude_e7\" >= ? AND \"latitude_e7\" <= ? AND satchel_distance_m(\"latitude_e7\", "
                "\"longitude_e7\", ?, ?) <= ?",
                "\"latitude_e7\" >= $1 AND \"latitude_e7\" <= $2 AND satchel_distance_m(\"latitude_e7\", "
                "\"longitude_e7\", $3, $4) <= $5");
    query = open_query(SATCHEL_ENTITY_TASK);
    CHECK_STATUS(satchel_query_near(query, 0, 0, 1), SATCHEL_UNSUPPORTED);
    satchel_query_close(query);
}

TEST(query, nulls_come_first_and_ids_break_ties_in_both_dialects) {
    satchel_query *query = open_query(CUSTOMER);
    satchel_arena arena = {0};
    satchel_sql sql;
    const satchel_bytes none = {NULL, 0};
    REQUIRE_OK(satchel_query_sort(query, GRADE, true));
    REQUIRE_OK(satchel_query_sort(query, NAME, false));
    REQUIRE_OK(satchel_query_compile(query, &schema, SATCHEL_DIALECT_SQLITE, satchel_text_of("1"), NULL, none, 1,
                                     &arena, &sql, NULL));
    CHECK(strstr((const char *)sql.text.data, " ORDER BY \"grade\" DESC, \"name\", \"id\" LIMIT ?") != NULL);
    satchel_sql_deinit(&sql);
    REQUIRE_OK(satchel_query_compile(query, &schema, SATCHEL_DIALECT_POSTGRES, satchel_text_of("1"), NULL, none, 1,
                                     &arena, &sql, NULL));
    CHECK(strstr((const char *)sql.text.data,
                 " ORDER BY \"grade\" DESC NULLS LAST, \"name\" ASC NULLS FIRST, \"id\" LIMIT $1") != NULL);
    satchel_sql_deinit(&sql);
    satchel_arena_deinit(&arena);
    satchel_query_close(query);
}

TEST(query, a_predicate_stands_in_parentheses_with_its_own_parameters) {
    satchel_query *query = open_query(CUSTOMER);
    satchel_arena arena = {0};
    satchel_sql sql;
    const satchel_value values[] = {satchel_value_int(7), satchel_value_int(8)};
    satchel_predicate predicate = {satchel_text_of("a = ? OR b = ?"), values, 2};
    REQUIRE_OK(satchel_query_where_int(query, GRADE, SATCHEL_COMPARE_EQUAL, 1));
    satchel_query_include_deleted(query);
    REQUIRE_OK(satchel_query_compile_count(query, &schema, SATCHEL_DIALECT_POSTGRES, &predicate, &arena, &sql, NULL));
    CHECK_TEXT((const char *)sql.text.data,
               "SELECT count(*) FROM \"customer\" WHERE \"grade\" = $1 AND (a = $2 OR b = $3)");
    CHECK_INT(sql.bindings[2].as.integer, 8);
    satchel_sql_deinit(&sql);
    predicate.text = satchel_text_of("a = ?");
    CHECK_STATUS(satchel_query_compile_count(query, &schema, SATCHEL_DIALECT_SQLITE, &predicate, &arena, &sql, NULL),
                 SATCHEL_INVALID_ARGUMENT);
    satchel_arena_deinit(&arena);
    satchel_query_close(query);
}

TEST(query, entities_whose_names_are_words_of_sql_are_quoted) {
    satchel_query *query = open_query(SATCHEL_ENTITY_ORDER);
    satchel_arena arena = {0};
    satchel_sql sql;
    REQUIRE_OK(satchel_query_compile_count(query, &schema, SATCHEL_DIALECT_SQLITE, NULL, &arena, &sql, NULL));
    CHECK_TEXT((const char *)sql.text.data, "SELECT count(*) FROM \"order\" WHERE coalesce(\"deleted\", 0) = 0");
    satchel_sql_deinit(&sql);
    satchel_arena_deinit(&arena);
    satchel_query_close(query);
}

TEST(query, the_builder_refuses_what_does_not_fit) {
    satchel_query *query = open_query(CUSTOMER);
    const satchel_id id = {{1}};
    CHECK_STATUS(satchel_query_where_int(query, 777, SATCHEL_COMPARE_EQUAL, 1), SATCHEL_UNKNOWN_FIELD);
    CHECK_STATUS(satchel_query_where_int(query, NAME, SATCHEL_COMPARE_EQUAL, 1), SATCHEL_WRONG_TYPE);
    CHECK_STATUS(satchel_query_where_int(query, GRADE, SATCHEL_COMPARE_BEGINS_WITH, 1), SATCHEL_WRONG_TYPE);
    CHECK_STATUS(satchel_query_where_int(query, TAGS, SATCHEL_COMPARE_HAS, 1), SATCHEL_WRONG_TYPE);
    CHECK_STATUS(satchel_query_where_int(query, GRADE, (satchel_compare)0, 1), SATCHEL_WRONG_TYPE);
    CHECK_STATUS(satchel_query_where_int(query, GRADE, (satchel_compare)9, 1), SATCHEL_WRONG_TYPE);
    CHECK_STATUS(satchel_query_where_text(query, GRADE, SATCHEL_COMPARE_EQUAL, satchel_text_of("1")),
                 SATCHEL_WRONG_TYPE);
    CHECK_STATUS(satchel_query_where_text(query, TAGS, SATCHEL_COMPARE_EQUAL, satchel_text_of("1")),
                 SATCHEL_WRONG_TYPE);
    CHECK_STATUS(satchel_query_where_text(query, NAME, SATCHEL_COMPARE_HAS, satchel_text_of("1")), SATCHEL_WRONG_TYPE);
    CHECK_STATUS(satchel_query_where_text(query, NAME, SATCHEL_COMPARE_EQUAL, satchel_text_of("\xff")),
                 SATCHEL_BAD_TEXT);
    CHECK_STATUS(satchel_query_where_id(query, TAGS, SATCHEL_COMPARE_HAS, &id), SATCHEL_WRONG_TYPE);
    CHECK_STATUS(satchel_query_where_id(query, OWNER, SATCHEL_COMPARE_BEGINS_WITH, &id), SATCHEL_WRONG_TYPE);
    CHECK_STATUS(satchel_query_where_null(query, 777, true), SATCHEL_UNKNOWN_FIELD);
    CHECK_STATUS(satchel_query_sort(query, TAGS, false), SATCHEL_WRONG_TYPE);
    CHECK_STATUS(satchel_query_sort(query, 777, false), SATCHEL_UNKNOWN_FIELD);
    satchel_query *none;
    CHECK_STATUS(satchel_query_open(&none, 222), SATCHEL_UNKNOWN_ENTITY);
    CHECK(none == NULL);
    satchel_query_close(none);
    satchel_query_close(query);
}

TEST(query, the_builder_takes_as_much_as_its_limits) {
    satchel_query *query = open_query(CUSTOMER);
    char words[SATCHEL_LIMIT_SEARCH_BYTES + 2];
    memset(words, 'w', sizeof words);
    CHECK_OK(satchel_query_search(query, (satchel_text){words, SATCHEL_LIMIT_SEARCH_BYTES}));
    CHECK_STATUS(satchel_query_search(query, (satchel_text){words, SATCHEL_LIMIT_SEARCH_BYTES + 1}),
                 SATCHEL_LIMIT_EXCEEDED);
    CHECK_STATUS(satchel_query_search(query, satchel_text_of("\xc0")), SATCHEL_BAD_TEXT);
    for (uint32_t i = 0; i < SATCHEL_LIMIT_CONDITIONS; i++) {
        REQUIRE_OK(satchel_query_where_int(query, GRADE, SATCHEL_COMPARE_EQUAL, i));
    }
    CHECK_STATUS(satchel_query_where_int(query, GRADE, SATCHEL_COMPARE_EQUAL, 1), SATCHEL_LIMIT_EXCEEDED);
    CHECK_STATUS(satchel_query_where_null(query, GRADE, true), SATCHEL_LIMIT_EXCEEDED);
    for (uint32_t i = 0; i < SATCHEL_LIMIT_SORT_KEYS; i++) {
        REQUIRE_OK(satchel_query_sort(query, NAME, i % 2 == 0));
    }
    CHECK_STATUS(satchel_query_sort(query, NAME, false), SATCHEL_LIMIT_EXCEEDED);
    satchel_query_close(query);
    query = open_query(SATCHEL_ENTITY_STOCK);
    CHECK_STATUS(satchel_query_search(query, satchel_text_of("x")), SATCHEL_UNSUPPORTED);
    satchel_query_close(query);
}

TEST(query, words_of_a_search_are_trimmed_and_kept) {
    satchel_query *query = open_query(CUSTOMER);
    CHECK(!satchel_query_has_search(query));
    REQUIRE_OK(satchel_query_search(query, satchel_text_of("  Hua Ning ")));
    CHECK(satchel_query_has_search(query));
    CHECK_TEXT(satchel_query_words(query), "Hua Ning");
    CHECK_UINT(satchel_query_entity(query), CUSTOMER);
    REQUIRE_OK(satchel_query_search(query, satchel_text_of("   ")));
    CHECK(!satchel_query_has_search(query));
    satchel_query_close(query);
}

/* Custom field 1000 of customers, of a type. */
static satchel_custom_field custom_of(satchel_type type, satchel_type element) {
    satchel_custom_field custom = {.entity = CUSTOMER};
    custom.field = (satchel_field){.number = 1000,
                                   .name = "custom_one",
                                   .label = {"One", "One"},
                                   .type = (uint8_t)type,
                                   .element = (uint8_t)element,
                                   .flags = SATCHEL_FIELD_CUSTOM,
                                   .max_bytes = 100,
                                   .min = INT64_MIN,
                                   .max = INT64_MAX};
    return custom;
}

TEST(query, custom_fields_are_read_by_a_function_of_their_type) {
    static const struct {
        satchel_type type;
        satchel_type element;
        const char *where;
    } cases[] = {
        {SATCHEL_TYPE_INT, SATCHEL_TYPE_NULL, "satchel_custom_int(\"custom\", 1000) IS NULL"},
        {SATCHEL_TYPE_REAL, SATCHEL_TYPE_NULL, "satchel_custom_real(\"custom\", 1000) IS NULL"},
        {SATCHEL_TYPE_TEXT, SATCHEL_TYPE_NULL, "satchel_custom_text(\"custom\", 1000) IS NULL"},
        {SATCHEL_TYPE_ID, SATCHEL_TYPE_NULL, "satchel_custom_blob(\"custom\", 1000) IS NULL"},
        {SATCHEL_TYPE_SET, SATCHEL_TYPE_TEXT, "satchel_custom_blob(\"custom\", 1000) IS NULL"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const satchel_custom_field custom = custom_of(cases[i].type, cases[i].element);
        const satchel_schema with = {&satchel_generated_model, &custom, 1};
        satchel_query *query = open_query(CUSTOMER);
        satchel_arena arena = {0};
        satchel_sql sql;
        satchel_query_include_deleted(query);
        REQUIRE_OK(satchel_query_where_null(query, 1000, true));
        REQUIRE_OK(satchel_query_compile_count(query, &with, SATCHEL_DIALECT_SQLITE, NULL, &arena, &sql, NULL));
        CHECK_TEXT(strstr((const char *)sql.text.data, "satchel"), cases[i].where);
        satchel_sql_deinit(&sql);
        satchel_arena_deinit(&arena);
        satchel_query_close(query);
    }
}

TEST(query, custom_fields_are_checked_when_the_query_is_compiled) {
    const satchel_custom_field custom = custom_of(SATCHEL_TYPE_SET, SATCHEL_TYPE_TEXT);
    const satchel_schema with = {&satchel_generated_model, &custom, 1};
    satchel_arena arena = {0};
    satchel_sql sql;
    satchel_query *query = open_query(CUSTOMER);
    REQUIRE_OK(satchel_query_where_text(query, 1000, SATCHEL_COMPARE_HAS, satchel_text_of("x")));
    CHECK_OK(satchel_query_compile_count(query, &with, SATCHEL_DIALECT_SQLITE, NULL, &arena, &sql, NULL));
    satchel_sql_deinit(&sql);
    CHECK_STATUS(satchel_query_compile_count(query, &schema, SATCHEL_DIALECT_SQLITE, NULL, &arena, &sql, NULL),
                 SATCHEL_UNKNOWN_FIELD);
    REQUIRE_OK(satchel_query_where_int(query, 1000, SATCHEL_COMPARE_EQUAL, 1));
    CHECK_STATUS(satchel_query_compile_count(query, &with, SATCHEL_DIALECT_SQLITE, NULL, &arena, &sql, NULL),
                 SATCHEL_WRONG_TYPE);
    satchel_query_close(query);
    query = open_query(CUSTOMER);
    REQUIRE_OK(satchel_query_sort(query, 1000, false));
    CHECK_STATUS(satchel_query_compile(query, &with, SATCHEL_DIALECT_SQLITE, satchel_text_of("1"), NULL,
                                       (satchel_bytes){NULL, 0}, 1, &arena, &sql, NULL),
                 SATCHEL_WRONG_TYPE);
    satchel_query_close(query);
    satchel_arena_deinit(&arena);
}
