/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keysets: what they continue, whose they are, and bytes that are no keyset. (Pages over a real database are tested
 * with the store.)
 */
#include "base/ids.h"
#include "base/text.h"
#include "query/query.h"
#include "support/random.h"
#include "support/test.h"

#include <satchel/model.h>

#include <string.h>

#define CUSTOMER SATCHEL_ENTITY_CUSTOMER
#define NAME SATCHEL_CUSTOMER_NAME
#define GRADE SATCHEL_CUSTOMER_GRADE

static const satchel_schema schema = {&satchel_generated_model, NULL, 0};
static const satchel_id row_id = {{7}};

static satchel_query *sorted_by(uint32_t field, bool descending) {
    satchel_query *query;
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    if (field != 0) {
        REQUIRE_OK(satchel_query_sort(query, field, descending));
    }
    return query;
}

/* A customer "m" without a grade. */
static satchel_buffer keyset_of(const satchel_query *query) {
    satchel_arena arena = {0};
    satchel_record row;
    satchel_buffer keyset = {NULL, 0, 0};
    satchel_record_init(&row, &arena);
    REQUIRE_OK(satchel_record_set_text(&row, NAME, satchel_text_of("m")));
    REQUIRE_OK(satchel_query_keyset(query, &row, &row_id, &keyset));
    satchel_arena_deinit(&arena);
    return keyset;
}

static satchel_status compile(const satchel_query *query, satchel_bytes keyset, satchel_arena *arena,
                              satchel_sql *sql) {
    return satchel_query_compile(query, &schema, SATCHEL_DIALECT_SQLITE, satchel_text_of("1"), NULL, keyset, 5, arena,
                                 sql, NULL);
}

static void check_continuation(uint32_t field, bool descending, const char *expected) {
    satchel_query *query = sorted_by(field, descending);
    satchel_buffer keyset = keyset_of(query);
    satchel_arena arena = {0};
    satchel_sql sql;
    satchel_query_include_deleted(query);
    satchel_buffer_deinit(&keyset);
    keyset = keyset_of(query); /* deleted rows or not: another query */
    REQUIRE_OK(compile(query, satchel_buffer_view(&keyset), &arena, &sql));
    CHECK(strstr((const char *)sql.text.data, expected) != NULL);
    satchel_sql_deinit(&sql);
    satchel_buffer_deinit(&keyset);
    satchel_arena_deinit(&arena);
    satchel_query_close(query);
}

TEST(keyset, it_continues_behind_values_and_nulls_in_both_directions) {
    check_continuation(0, false, " WHERE ((\"id\" > ?)) ORDER BY");
    check_continuation(NAME, false,
                       " WHERE \"name\" >= ? AND ((\"name\" > ?) OR (\"name\" = ? AND \"id\" > ?)) ORDER BY");
    check_continuation(NAME, true,
                       " WHERE (((\"name\" < ? OR \"name\" IS NULL)) OR (\"name\" = ? AND \"id\" > ?)) ORDER");
    check_continuation(GRADE, false, " WHERE ((\"grade\" IS NOT NULL) OR (\"grade\" IS NULL AND \"id\" > ?)) ORDER BY");
    check_continuation(GRADE, true,
                       " WHERE ((\"grade\" IS NULL AND 1 = 0) OR (\"grade\" IS NULL AND \"id\" > ?)) ORDER");
}

TEST(keyset, one_of_another_query_is_refused) {
    satchel_query *query = sorted_by(NAME, false);
    satchel_buffer keyset = keyset_of(query);
    satchel_query *others[6];
    satchel_arena arena = {0};
    satchel_sql sql;
    for (int i = 0; i < 6; i++) {
        others[i] = sorted_by(i == 0 ? GRADE : NAME, i == 1);
    }
    REQUIRE_OK(satchel_query_where_int(others[2], GRADE, SATCHEL_COMPARE_EQUAL, 1));
    REQUIRE_OK(satchel_query_search(others[3], satchel_text_of("x")));
    REQUIRE_OK(satchel_query_near(others[4], 0, 0, 0));
    satchel_query_include_deleted(others[5]);
    for (int i = 0; i < 6; i++) {
        CHECK_STATUS(compile(others[i], satchel_buffer_view(&keyset), &arena, &sql), SATCHEL_MALFORMED);
        satchel_query_close(others[i]);
    }
    CHECK_OK(compile(query, satchel_buffer_view(&keyset), &arena, &sql));
    satchel_sql_deinit(&sql);
    satchel_buffer_deinit(&keyset);
    satchel_arena_deinit(&arena);
    satchel_query_close(query);
}

TEST(keyset, bytes_that_are_cut_or_grown_are_refused) {
    satchel_query *query = sorted_by(NAME, false);
    satchel_buffer keyset = keyset_of(query);
    satchel_arena arena = {0};
    satchel_sql sql;
    for (size_t bytes = 1; bytes < keyset.bytes; bytes++) {
        CHECK_STATUS(compile(query, satchel_bytes_of(keyset.data, bytes), &arena, &sql), SATCHEL_MALFORMED);
    }
    REQUIRE_OK(satchel_buffer_append_byte(&keyset, 0));
    CHECK_STATUS(compile(query, satchel_buffer_view(&keyset), &arena, &sql), SATCHEL_MALFORMED);
    satchel_buffer_deinit(&keyset);
    satchel_arena_deinit(&arena);
    satchel_query_close(query);
}

/* The head of a right keyset with other content behind it. */
static satchel_status compile_content(const satchel_query *query, const char *content, size_t bytes) {
    satchel_buffer keyset = keyset_of(query);
    satchel_arena arena = {0};
    satchel_sql sql = {{NULL, 0, 0}, NULL, 0};
    keyset.bytes = 9;
    REQUIRE_OK(satchel_buffer_append(&keyset, satchel_bytes_of(content, bytes)));
    REQUIRE_OK(satchel_buffer_append(&keyset, satchel_id_view(&row_id)));
    satchel_status status = compile(query, satchel_buffer_view(&keyset), &arena, &sql);
    satchel_sql_deinit(&sql);
    satchel_buffer_deinit(&keyset);
    satchel_arena_deinit(&arena);
    return status;
}

TEST(keyset, hostile_values_are_refused) {
    satchel_query *query = sorted_by(NAME, false);
    CHECK_OK(compile_content(query, "\x04\x01m", 3));                           /* TEXT "m" */
    CHECK_OK(compile_content(query, "\x00", 1));                                /* NULL */
    CHECK_STATUS(compile_content(query, "\x02\x02", 2), SATCHEL_MALFORMED);     /* INT for a text */
    CHECK_STATUS(compile_content(query, "\x04\x01\xff", 3), SATCHEL_MALFORMED); /* no UTF-8 */
    CHECK_STATUS(compile_content(query, "\x04\x7f", 2), SATCHEL_MALFORMED);     /* longer than what is there */
    CHECK_STATUS(compile_content(query, "\x04\xff\xff\xff\xff\x0f", 6), SATCHEL_MALFORMED);
    CHECK_STATUS(compile_content(query, "\x07\x00", 2), SATCHEL_MALFORMED); /* a set */
    CHECK_STATUS(compile_content(query, "\x63", 1), SATCHEL_MALFORMED);     /* no type */
    satchel_query_close(query);
}

TEST(keyset, random_bytes_never_do_harm) {
    enum { CASES = 100000 };
    satchel_query *query = sorted_by(NAME, true);
    satchel_buffer keyset = keyset_of(query);
    test_random random = test_random_of(5);
    satchel_arena arena = {0};
    uint32_t taken = 0;
    REQUIRE_OK(satchel_query_sort(query, GRADE, false));
    satchel_buffer_deinit(&keyset);
    keyset = keyset_of(query);
    for (uint32_t i = 0; i < CASES; i++) {
        uint8_t bytes[64];
        satchel_sql sql = {{NULL, 0, 0}, NULL, 0};
        memcpy(bytes, keyset.data, keyset.bytes);
        bytes[9 + test_random_below(&random, keyset.bytes - 9)] = (uint8_t)test_random_u64(&random);
        bytes[9 + test_random_below(&random, keyset.bytes - 9)] ^= (uint8_t)(1u << test_random_below(&random, 8));
        size_t length = keyset.bytes - test_random_below(&random, 3);
        taken += compile(query, satchel_bytes_of(bytes, length), &arena, &sql) == SATCHEL_OK ? 1 : 0;
        satchel_sql_deinit(&sql);
        satchel_arena_reset(&arena);
    }
    CHECK(taken > 0 && taken < CASES);
    satchel_buffer_deinit(&keyset);
    satchel_arena_deinit(&arena);
    satchel_query_close(query);
}
