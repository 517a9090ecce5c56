/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that compiled queries call, as the server's connections have them: known answers on either database,
 * and PostgreSQL's held to SQLite's on random values, damaged ones among them.
 */
#include "base/text.h"
#include "db/postgres.h"
#include "rules/places.h"
#include "support/database.h"
#include "support/random.h"
#include "wire/record_codec.h"

#include <math.h>

#define ROUNDS 1000
#define BLOB_BYTES 96

static const char has_sql[] = "SELECT CASE WHEN satchel_set_has(?1, ?2) IS NULL THEN 2"
                              " WHEN satchel_set_has(?1, ?2) THEN 1 ELSE 0 END";
static const char distance_sql[] = "SELECT satchel_distance_m(?1, ?2, ?3, ?4)";
static const char custom_sql[] =
    "SELECT satchel_custom_int(?1, 1000), satchel_custom_real(?1, 1000), satchel_custom_blob(?1, 1000)";

static satchel_db *open_either(void) {
    char where[TEST_DATABASE_WHERE_BYTES];
    satchel_db *db = NULL;
    test_database_make(NULL, where);
    REQUIRE_OK(satchel_db_open(&db, where, SATCHEL_DB_WRITER, NULL));
    if (satchel_db_dialect(db) == SATCHEL_DIALECT_POSTGRES) {
        satchel_error error = {SATCHEL_OK, 0, 0, ""};
        REQUIRE_OK(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL));
        CHECK_OK(satchel_postgres_functions_add(db, &error));
        CHECK_TEXT(satchel_text_of(error.detail), "");
        CHECK_OK(satchel_postgres_functions_add(db, &error)); /* they are there already */
        REQUIRE_OK(satchel_db_commit(db, NULL));
    }
    return db;
}

static int64_t has(satchel_db *db, satchel_bytes set, const char *element) {
    int64_t answer = -1;
    CHECK_OK(SATCHEL_DB_NUMBER(db, NULL, &answer, -1, has_sql, satchel_value_bytes(set),
                               satchel_value_bytes(satchel_text_bytes(satchel_text_of(element)))));
    return answer;
}

TEST(functions, a_set_tells_whether_it_has_an_element) {
    satchel_db *db = open_either();
    const satchel_bytes set = satchel_bytes_of("\x03\x00\x02hi\x05south", 11);
    CHECK_INT(has(db, set, "hi"), 1);
    CHECK_INT(has(db, set, "south"), 1);
    CHECK_INT(has(db, set, ""), 1);
    CHECK_INT(has(db, set, "h"), 0);
    CHECK_INT(has(db, satchel_bytes_of("\x00", 1), ""), 0);
    CHECK_INT(has(db, satchel_bytes_of("\x02\x09h", 3), "h"), 2); /* no set: NULL */
    CHECK_INT(has(db, satchel_bytes_of("\xff", 1), "h"), 2);
    satchel_db_close(db);
}

TEST(functions, the_distance_is_that_of_the_rules) {
    satchel_db *db = open_either();
    test_random random = test_random_of(9);
    for (int i = 0; i < 500; i++) {
        int64_t wanted = -1;
        int64_t given = -1;
        int64_t la = test_random_between(&random, -900000000, 900000000);
        int64_t oa = test_random_between(&random, -1800000000, 1800000000);
        int64_t near = i % 2 == 0 ? 100000 : 0;
        int64_t lb = near > 0 && la < 800000000 ? la + test_random_between(&random, 0, near)
                                                : test_random_between(&random, -900000000, 900000000);
        REQUIRE_OK(satchel_distance_m(la, oa, lb, oa / 2, &wanted));
        REQUIRE_OK(SATCHEL_DB_NUMBER(db, NULL, &given, -1, distance_sql, satchel_value_int(la), satchel_value_int(oa),
                                     satchel_value_int(lb), satchel_value_int(oa / 2)));
        CHECK_INT(given, wanted);
    }
    int64_t none = -1;
    REQUIRE_OK(SATCHEL_DB_NUMBER(db, NULL, &none, -7, distance_sql, satchel_value_int(INT64_MIN), satchel_value_int(0),
                                 satchel_value_int(0), satchel_value_int(0)));
    CHECK_INT(none, -7);
    satchel_db_close(db);
}

/* --- custom values --- */

static uint8_t *put_varint(uint8_t *at, uint64_t number) {
    for (; number > 127; number >>= 7) {
        *at++ = (uint8_t)(number | 128);
    }
    *at++ = (uint8_t)number;
    return at;
}

/* One CustomValue of a random kind under the number 1000 or another. */
static uint8_t *put_random(uint8_t *at, test_random *random) {
    static const uint64_t tags[] = {16, 24, 33, 50, 58, 64, 74, 3};
    uint8_t message[40];
    uint8_t *end = put_varint(message, 8);
    uint64_t tag = tags[test_random_below(random, 100) < 97 ? test_random_below(random, 7) : 7];
    end = put_varint(end, test_random_below(random, 2) + 999);
    end = put_varint(end, tag);
    if (tag == 58) {
        *end++ = 6;
        memcpy(end, "\x0a\x01x\x0a\x01y", 6);
        end += 6;
    } else if ((tag & 7) == 0) {
        end = put_varint(end, test_random_u64(random) >> test_random_below(random, 64));
    } else {
        uint64_t size = (tag & 7) == 1 ? 8 : test_random_below(random, 18);
        end = (tag & 7) == 1 ? end : put_varint(end, size);
        for (uint64_t i = 0; i < size; i++) {
            *end++ = (uint8_t)test_random_u64(random);
        }
    }
    at = put_varint(at, 7202);
    at = put_varint(at, (uint64_t)(end - message));
    memcpy(at, message, (size_t)(end - message));
    return at + (end - message);
}

static satchel_db_statement *ask(satchel_db *db, satchel_bytes blob) {
    satchel_db_statement *statement = NULL;
    bool row = false;
    REQUIRE_OK(SATCHEL_DB_START(&statement, db, NULL, custom_sql, satchel_value_bytes(blob)));
    REQUIRE_OK(satchel_db_step(statement, &row, NULL));
    REQUIRE(row);
    return statement;
}

/* Infinity and what is no number are stored by nobody; SQLite gives the first as it is, PostgreSQL's function NULL. */
static void compare(satchel_db *db, satchel_db *other, satchel_bytes blob) {
    satchel_db_statement *a = ask(db, blob);
    satchel_db_statement *b = ask(other, blob);
    CHECK_INT(satchel_db_is_null(a, 0), satchel_db_is_null(b, 0));
    CHECK_INT(satchel_db_int(a, 0), satchel_db_int(b, 0));
    if (isfinite(satchel_db_real(a, 1)) && isfinite(satchel_db_real(b, 1))) {
        CHECK_REAL(satchel_db_real(a, 1), satchel_db_real(b, 1));
    }
    CHECK_INT(satchel_db_is_null(a, 2), satchel_db_is_null(b, 2));
    CHECK_BYTES(satchel_db_bytes(a, 2), satchel_db_bytes(b, 2));
    satchel_db_end(a);
    satchel_db_end(b);
    if (blob.bytes > 1) {
        const satchel_bytes element = {blob.data + 1, blob.bytes % 3};
        int64_t here = -1;
        int64_t there = -2;
        CHECK_OK(
            SATCHEL_DB_NUMBER(db, NULL, &here, -1, has_sql, satchel_value_bytes(blob), satchel_value_bytes(element)));
        CHECK_OK(SATCHEL_DB_NUMBER(other, NULL, &there, -2, has_sql, satchel_value_bytes(blob),
                                   satchel_value_bytes(element)));
        CHECK_INT(here, there);
    }
}

TEST(functions, both_databases_read_the_same_out_of_a_blob) {
    satchel_db *db = open_either();
    satchel_db *other = NULL;
    test_random random = test_random_of(11);
    REQUIRE_OK(satchel_db_open_sqlite(&other, ":memory:", SATCHEL_DB_WRITER, NULL));
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t blob[BLOB_BYTES * 2];
        uint8_t *end = blob;
        while (end < blob + BLOB_BYTES && test_random_below(&random, 3) > 0) {
            end = put_random(end, &random);
        }
        size_t bytes = (size_t)(end - blob);
        if (bytes > 0 && round % 3 == 0) {
            blob[test_random_below(&random, bytes)] = (uint8_t)test_random_u64(&random);
        }
        bytes -= round % 5 == 0 ? test_random_below(&random, bytes + 1) : 0;
        compare(db, other, satchel_bytes_of(blob, bytes));
    }
    satchel_db_close(other);
    satchel_db_close(db);
}

TEST(functions, a_custom_value_is_found_by_its_number) {
    satchel_db *db = open_either();
    /* 999: an integer of 5; 1000: the real 1.5; 1001: a text; 1002: set of "a" */
    static const char blob[] = "\xa2\x38\x05\x08\xe7\x07\x18\x0a"
                               "\xa2\x38\x0c\x08\xe8\x07\x21\0\0\0\0\0\0\xf8\x3f"
                               "\xa2\x38\x09\x08\xe9\x07\x2a\x04\xe5\x8d\x8e!"
                               "\xa2\x38\x08\x08\xea\x07\x3a\x03\x0a\x01"
                               "a";
    satchel_db_statement *s = NULL;
    bool row = false;
    REQUIRE_OK(SATCHEL_DB_START(&s, db, NULL,
                                "SELECT satchel_custom_int(?1, 999), satchel_custom_real(?1, 1000),"
                                " satchel_custom_text(?1, 1001), satchel_custom_blob(?1, 1002),"
                                " satchel_custom_int(?1, 1003), satchel_custom_int(?1, 1000)",
                                satchel_db_blob(blob, sizeof blob - 1)));
    REQUIRE_OK(satchel_db_step(s, &row, NULL));
    REQUIRE(row);
    CHECK_INT(satchel_db_int(s, 0), 5);
    CHECK_REAL(satchel_db_real(s, 1), 1.5);
    CHECK_TEXT(satchel_text_from(satchel_db_bytes(s, 2)), "华!");
    CHECK_BYTES(satchel_db_bytes(s, 3), satchel_bytes_of("\x01\x01"
                                                         "a",
                                                         3));
    CHECK(satchel_db_is_null(s, 4));
    CHECK(satchel_db_is_null(s, 5));
    satchel_db_end(s);
    satchel_db_close(db);
}
