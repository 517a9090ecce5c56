/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only the PostgreSQL driver does: addresses, and the failures of its sessions. Without a server in
 * SATCHEL_TEST_POSTGRES the addresses alone are looked at.
 */
#include "base/text.h"
#include "db/postgres.h"
#include "support/database.h"

#include <string.h>

static satchel_db *open_new(char where[TEST_DATABASE_WHERE_BYTES]) {
    satchel_db *db = NULL;
    test_database_make(NULL, where);
    REQUIRE_OK(satchel_db_open_postgres(&db, where, SATCHEL_DB_WRITER, NULL));
    REQUIRE_OK(satchel_db_exec(db, "CREATE TABLE t (k BIGINT PRIMARY KEY, v BYTEA, w TEXT)", NULL));
    return db;
}

static int64_t number_of(satchel_db *db, const char *sql) {
    int64_t number = -1;
    CHECK_OK(satchel_db_number_values(db, sql, NULL, 0, -1, &number, NULL));
    return number;
}

/* True where there is no server to test with. */
static bool skips(void) {
    CHECK(true);
    return test_database_server() == NULL;
}

TEST(postgres, an_address_is_told_from_a_path) {
    satchel_db *db = NULL;
    CHECK(satchel_db_is_postgres("postgres://satchel@/x"));
    CHECK(satchel_db_is_postgres("postgresql://satchel@/x"));
    CHECK(!satchel_db_is_postgres("/var/lib/satchel.db"));
    CHECK_STATUS(satchel_db_open_postgres(&db, "host=/tmp", SATCHEL_DB_WRITER, NULL), SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_db_open(&db, "postgres://nobody@/x?host=/nowhere", SATCHEL_DB_WRITER, NULL), SATCHEL_IO_ERROR);
    CHECK(db == NULL);
}

TEST(postgres, a_failed_statement_fails_the_transaction_but_not_beyond_its_savepoint) {
    char where[TEST_DATABASE_WHERE_BYTES];
    if (skips()) {
        return;
    }
    satchel_db *db = open_new(where);
    REQUIRE_OK(satchel_db_exec(db, "INSERT INTO t (k) VALUES (1)", NULL));
    REQUIRE_OK(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL));
    REQUIRE_OK(satchel_db_savepoint(db, NULL));
    CHECK_STATUS(satchel_db_exec(db, "INSERT INTO t (k) VALUES (1)", NULL), SATCHEL_ALREADY_EXISTS);
    satchel_db_back(db);
    CHECK_OK(satchel_db_exec(db, "INSERT INTO t (k) VALUES (2)", NULL));
    CHECK_OK(satchel_db_commit(db, NULL));
    CHECK_INT(number_of(db, "SELECT count(*) FROM t"), 2);
    satchel_db_close(db);
}

TEST(postgres, a_commit_after_a_failure_is_no_commit) {
    char where[TEST_DATABASE_WHERE_BYTES];
    if (skips()) {
        return;
    }
    satchel_db *db = open_new(where);
    REQUIRE_OK(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL));
    CHECK_OK(satchel_db_exec(db, "INSERT INTO t (k) VALUES (1)", NULL));
    CHECK_STATUS(satchel_db_exec(db, "SELECT * FROM nowhere", NULL), SATCHEL_DATABASE_ERROR);
    CHECK_STATUS(satchel_db_commit(db, NULL), SATCHEL_DATABASE_ERROR);
    CHECK(!satchel_db_in_transaction(db));
    CHECK_INT(number_of(db, "SELECT count(*) FROM t"), 0);
    satchel_db_close(db);
}

TEST(postgres, a_session_that_was_ended_is_made_anew_at_the_next_begin) {
    char where[TEST_DATABASE_WHERE_BYTES];
    if (skips()) {
        return;
    }
    satchel_db *other = NULL;
    satchel_db *db = open_new(where);
    REQUIRE_OK(satchel_db_open_postgres(&other, where, SATCHEL_DB_WRITER, NULL));
    REQUIRE_OK(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL));
    REQUIRE_OK(SATCHEL_DB_RUN(db, NULL, "INSERT INTO t (k) VALUES (?1)", satchel_value_int(1)));
    int64_t session = number_of(db, "SELECT pg_backend_pid()");
    bool ended = false;
    satchel_db_statement *statement = NULL;
    REQUIRE_OK(
        SATCHEL_DB_START(&statement, other, NULL, "SELECT pg_terminate_backend(?1::int4)", satchel_value_int(session)));
    CHECK_OK(satchel_db_step(statement, &ended, NULL));
    satchel_db_end(statement);
    CHECK_STATUS(SATCHEL_DB_RUN(db, NULL, "INSERT INTO t (k) VALUES (?1)", satchel_value_int(2)), SATCHEL_IO_ERROR);
    CHECK(!satchel_db_in_transaction(db));
    REQUIRE_OK(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL));
    CHECK_OK(SATCHEL_DB_RUN(db, NULL, "INSERT INTO t (k) VALUES (?1)", satchel_value_int(3)));
    CHECK_OK(satchel_db_commit(db, NULL));
    CHECK_INT(number_of(db, "SELECT count(*) FROM t"), 1);
    satchel_db_close(other);
    satchel_db_close(db);
}

/* The connection may come back and the statements that set it up fail: then it must not be used as it is. */
TEST(postgres, a_session_without_its_settings_is_made_anew) {
    char where[TEST_DATABASE_WHERE_BYTES];
    if (skips()) {
        return;
    }
    satchel_db *reader = NULL;
    satchel_db *db = open_new(where);
    REQUIRE_OK(satchel_db_open_postgres(&reader, where, SATCHEL_DB_READER, NULL));
    REQUIRE_OK(satchel_db_exec(reader, "SET default_transaction_read_only = off", NULL));
    ((satchel_postgres *)reader->native)->ready = false;
    REQUIRE_OK(satchel_db_begin(reader, SATCHEL_DB_READ, NULL));
    CHECK_INT(number_of(reader, "SELECT count(*) FROM pg_settings WHERE name = 'default_transaction_read_only'"
                                " AND setting = 'on' OR name = 'lock_timeout' AND setting = '20000'"),
              2);
    CHECK(SATCHEL_DB_RUN(reader, NULL, "INSERT INTO t (k) VALUES (?1)", satchel_value_int(1)) != SATCHEL_OK);
    satchel_db_rollback(reader);
    satchel_db_close(reader);
    satchel_db_close(db);
}

TEST(postgres, a_failure_tells_no_value) {
    char where[TEST_DATABASE_WHERE_BYTES];
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    if (skips()) {
        return;
    }
    satchel_db *db = open_new(where);
    REQUIRE_OK(satchel_db_exec(db, "CREATE UNIQUE INDEX t_by_w ON t (w)", NULL));
    for (int64_t key = 1; key <= 2; key++) {
        satchel_status status = SATCHEL_DB_RUN(db, &error, "INSERT INTO t (k, w) VALUES (?1, ?2)",
                                               satchel_value_int(key), satchel_value_text(satchel_text_of("王小明")));
        CHECK_STATUS(status, key == 1 ? SATCHEL_OK : SATCHEL_ALREADY_EXISTS);
    }
    CHECK(strstr(error.detail, "t_by_w") != NULL);
    CHECK(strstr(error.detail, "王小明") == NULL);
    satchel_db_close(db);
}

TEST(postgres, sums_small_numbers_and_types_that_change_are_read) {
    char where[TEST_DATABASE_WHERE_BYTES];
    static const char insert[] = "INSERT INTO t (k, v, w) VALUES (?1, ?2, ?3)";
    if (skips()) {
        return;
    }
    satchel_db *db = open_new(where);
    REQUIRE_OK(
        SATCHEL_DB_RUN(db, NULL, insert, satchel_value_int(12345678), satchel_value_null(), satchel_value_null()));
    REQUIRE_OK(SATCHEL_DB_RUN(db, NULL, insert, satchel_value_int(-5), satchel_db_blob("\0\x01", 2),
                              satchel_value_text(satchel_text_of("?1 'x'"))));
    CHECK_INT(number_of(db, "SELECT sum(k) FROM t"), 12345673);
    CHECK_INT(number_of(db, "SELECT -sum(k) FROM t"), -12345673);
    CHECK_INT(number_of(db, "SELECT 7::int2"), 7);
    CHECK_INT(number_of(db, "SELECT 70000::int4"), 70000);
    CHECK_INT(number_of(db, "SELECT true"), 1);
    CHECK_INT(number_of(db, "SELECT octet_length(v) FROM t WHERE v IS NOT NULL AND w = '?1 ''x'''"), 2);
    satchel_db_close(db);
}
