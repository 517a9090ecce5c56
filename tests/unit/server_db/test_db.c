/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver: values there and back, snapshots, savepoints, who may write, what is durable.
 */
#include "db/driver.h"

#include "base/text.h"
#include "support/database.h"
#include "support/temp.h"
#include "support/test.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static satchel_db *open_memory(void) {
    char where[TEST_DATABASE_WHERE_BYTES];
    satchel_db *db = NULL;
    test_database_make(NULL, where);
    REQUIRE_OK(satchel_db_open(&db, where, SATCHEL_DB_WRITER, NULL));
    REQUIRE_OK(satchel_db_exec(db, "CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB)", NULL));
    return db;
}

static int64_t count(satchel_db *db) {
    int64_t rows = -1;
    REQUIRE_OK(satchel_db_number_values(db, "SELECT count(*) FROM t", NULL, 0, -1, &rows, NULL));
    return rows;
}

static satchel_status put(satchel_db *db, int64_t key) {
    return SATCHEL_DB_RUN(db, NULL, "INSERT INTO t (k, v) VALUES (?1, NULL)", satchel_value_int(key));
}

TEST(db, values_of_every_type_come_back_as_they_went) {
    satchel_db *db = open_memory();
    satchel_db_statement *statement = NULL;
    satchel_id id = {{1, 2, 3}};
    bool row = false;
    REQUIRE_OK(SATCHEL_DB_START(&statement, db, NULL, "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8",
                                satchel_value_int(INT64_MIN), satchel_value_bool(true), satchel_value_time(-5),
                                satchel_value_real(0.5), satchel_value_text(satchel_text_of("华宁")),
                                satchel_db_blob("a\0b", 3), satchel_value_id(&id), satchel_value_null()));
    REQUIRE_OK(satchel_db_step(statement, &row, NULL));
    REQUIRE(row);
    CHECK_INT(satchel_db_int(statement, 0), INT64_MIN);
    CHECK_INT(satchel_db_int(statement, 1), 1);
    CHECK_INT(satchel_db_int(statement, 2), -5);
    CHECK_REAL(satchel_db_real(statement, 3), 0.5);
    CHECK_TEXT(satchel_text_from(satchel_db_bytes(statement, 4)), "华宁");
    CHECK_BYTES(satchel_db_bytes(statement, 5), satchel_bytes_of("a\0b", 3));
    satchel_id back = satchel_db_id(statement, 6);
    CHECK_ID(&back, &id);
    CHECK(satchel_db_is_null(statement, 7));
    CHECK_INT(satchel_db_int(statement, 4), 0);
    satchel_db_end(statement);
    satchel_db_close(db);
}

TEST(db, an_empty_blob_is_not_null) {
    satchel_db *db = open_memory();
    int64_t is_null = -1;
    REQUIRE_OK(SATCHEL_DB_NUMBER(db, NULL, &is_null, -1, "SELECT ?1 IS NULL", satchel_db_blob(NULL, 0)));
    CHECK_INT(is_null, 0);
    satchel_db_close(db);
}

TEST(db, a_set_is_not_bound_as_it_is) {
    satchel_db *db = open_memory();
    int64_t out = 0;
    CHECK_STATUS(SATCHEL_DB_NUMBER(db, NULL, &out, 0, "SELECT ?1", satchel_value_set(NULL, 0)), SATCHEL_WRONG_TYPE);
    satchel_db_close(db);
}

TEST(db, a_process_that_begins_late_as_a_server_loses_nothing) {
    satchel_db *db = NULL;
    int64_t rows = 0;
    REQUIRE_OK(satchel_db_open_sqlite(&db, ":memory:", SATCHEL_DB_WRITER, NULL));
    satchel_db_process_begin();
    satchel_db_process_begin();
    REQUIRE_OK(satchel_db_exec(db, "CREATE TABLE t (k INTEGER PRIMARY KEY)", NULL));
    CHECK_OK(satchel_db_exec(db, "INSERT INTO t (k) VALUES (1)", NULL));
    CHECK_OK(SATCHEL_DB_NUMBER(db, NULL, &rows, 0, "SELECT count(*) FROM t WHERE k > ?1", satchel_value_int(0)));
    CHECK_INT(rows, 1);
    satchel_db_close(db);
}

TEST(db, savepoints_nest_and_go_back_one_at_a_time) {
    satchel_db *db = open_memory();
    REQUIRE_OK(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL));
    REQUIRE_OK(put(db, 1));
    REQUIRE_OK(satchel_db_savepoint(db, NULL));
    REQUIRE_OK(put(db, 2));
    REQUIRE_OK(satchel_db_savepoint(db, NULL));
    REQUIRE_OK(put(db, 3));
    satchel_db_back(db);
    CHECK_INT(count(db), 2);
    REQUIRE_OK(satchel_db_release(db, NULL));
    REQUIRE_OK(satchel_db_commit(db, NULL));
    CHECK_INT(count(db), 2);
    CHECK_UINT(satchel_db_get_stats(db).commits, 1);
    satchel_db_close(db);
}

TEST(db, what_does_not_fit_the_state_is_misuse) {
    satchel_db *db = open_memory();
    CHECK_STATUS(satchel_db_commit(db, NULL), SATCHEL_MISUSE);
    CHECK_STATUS(satchel_db_savepoint(db, NULL), SATCHEL_MISUSE);
    CHECK_STATUS(satchel_db_release(db, NULL), SATCHEL_MISUSE);
    REQUIRE_OK(satchel_db_begin(db, SATCHEL_DB_READ, NULL));
    CHECK_STATUS(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL), SATCHEL_MISUSE);
    CHECK_STATUS(satchel_db_checkpoint(db, NULL), SATCHEL_MISUSE);
    satchel_db_rollback(db);
    CHECK(!satchel_db_in_transaction(db));
    CHECK_INT(satchel_db_dialect(db),
              test_database_server() == NULL ? SATCHEL_DIALECT_SQLITE : SATCHEL_DIALECT_POSTGRES);
    satchel_db_close(db);
}

TEST(db, errors_are_told_apart) {
    satchel_db *db = open_memory();
    satchel_error error;
    REQUIRE_OK(put(db, 1));
    CHECK_STATUS(put(db, 1), SATCHEL_ALREADY_EXISTS);
    CHECK_STATUS(satchel_db_exec(db, "SELEKT", &error), SATCHEL_DATABASE_ERROR);
    CHECK(strstr(error.detail, test_database_server() == NULL ? "SELEKT" : "42601") != NULL);
    CHECK_STATUS(SATCHEL_DB_RUN(db, &error, "SELECT ?1 FROM nowhere", satchel_value_int(1)), SATCHEL_DATABASE_ERROR);
    satchel_db_close(db);
}

TEST(db, the_same_text_may_run_twice_at_once) {
    satchel_db *db = open_memory();
    satchel_db_statement *first = NULL;
    satchel_db_statement *second = NULL;
    bool row = false;
    REQUIRE_OK(put(db, 1));
    REQUIRE_OK(SATCHEL_DB_START(&first, db, NULL, "SELECT k + ?1 FROM t", satchel_value_int(10)));
    REQUIRE_OK(SATCHEL_DB_START(&second, db, NULL, "SELECT k + ?1 FROM t", satchel_value_int(20)));
    REQUIRE_OK(satchel_db_step(second, &row, NULL));
    REQUIRE_OK(satchel_db_step(first, &row, NULL));
    CHECK_INT(satchel_db_int(first, 0), 11);
    CHECK_INT(satchel_db_int(second, 0), 21);
    satchel_db_end(first);
    satchel_db_end(second);
    satchel_db_end(NULL);
    satchel_db_close(db);
}

TEST(db, the_cache_of_statements_has_a_limit) {
    satchel_db *db = open_memory();
    char sql[64];
    for (int i = 0; i < SATCHEL_DB_CACHE_STATEMENTS + 1; i++) {
        int64_t out = 0;
        snprintf(sql, sizeof sql, "SELECT %d", i);
        REQUIRE_OK(satchel_db_number_values(db, sql, NULL, 0, -1, &out, NULL));
        CHECK_INT(out, i);
        CHECK(satchel_db_get_stats(db).cached <= SATCHEL_DB_CACHE_STATEMENTS);
    }
    uint64_t prepared = satchel_db_get_stats(db).prepared;
    int64_t out = 0;
    REQUIRE_OK(satchel_db_number_values(db, sql, NULL, 0, -1, &out, NULL));
    CHECK_UINT(satchel_db_get_stats(db).prepared, prepared);
    satchel_db_close(db);
}

/* --- files --- */

typedef struct on_disk {
    test_temp temp;
    char where[TEST_DATABASE_WHERE_BYTES];
    satchel_db *writer;
    satchel_db *reader;
} on_disk;

static void set_up(on_disk *here) {
    here->temp = test_temp_make();
    char path[TEST_PATH_BYTES];
    test_temp_path(&here->temp, "server.db", path);
    CHECK_STATUS(satchel_db_open_sqlite(&here->reader, path, SATCHEL_DB_READER, NULL), SATCHEL_NOT_FOUND);
    test_database_make(path, here->where);
    REQUIRE_OK(satchel_db_open(&here->writer, here->where, SATCHEL_DB_WRITER, NULL));
    REQUIRE_OK(satchel_db_exec(here->writer, "CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB)", NULL));
    REQUIRE_OK(satchel_db_open(&here->reader, here->where, SATCHEL_DB_READER, NULL));
}

static void tear_down(on_disk *here) {
    satchel_db_close(here->reader);
    satchel_db_close(here->writer);
    test_temp_remove(&here->temp);
}

TEST(db, a_reader_keeps_its_snapshot_while_the_writer_goes_on) {
    on_disk here;
    set_up(&here);
    REQUIRE_OK(satchel_db_begin(here.reader, SATCHEL_DB_READ, NULL));
    CHECK_INT(count(here.reader), 0);
    REQUIRE_OK(put(here.writer, 1));
    CHECK_INT(count(here.reader), 0);
    satchel_db_rollback(here.reader);
    CHECK_INT(count(here.reader), 1);
    tear_down(&here);
}

TEST(db, a_reader_never_writes) {
    on_disk here;
    set_up(&here);
    CHECK_STATUS(put(here.reader, 1), SATCHEL_MISUSE);
    CHECK_STATUS(satchel_db_begin(here.reader, SATCHEL_DB_WRITE, NULL), SATCHEL_MISUSE);
    CHECK_STATUS(satchel_db_checkpoint(here.reader, NULL), SATCHEL_MISUSE);
    REQUIRE_OK(put(here.writer, 1));
    CHECK_OK(satchel_db_checkpoint(here.writer, NULL));
    tear_down(&here);
}

TEST(db, of_sqlite_only_the_writer_checkpoints_and_syncs_each_commit) {
    test_temp temp = test_temp_make();
    char path[TEST_PATH_BYTES];
    satchel_db *writer = NULL;
    satchel_db *reader = NULL;
    int64_t pages = -1;
    int64_t sync_mode = -1;
    test_temp_path(&temp, "server.db", path);
    REQUIRE_OK(satchel_db_open_sqlite(&writer, path, SATCHEL_DB_WRITER, NULL));
    REQUIRE_OK(satchel_db_open_sqlite(&reader, path, SATCHEL_DB_READER, NULL));
    REQUIRE_OK(satchel_db_number_values(reader, "PRAGMA wal_autocheckpoint", NULL, 0, -1, &pages, NULL));
    CHECK_INT(pages, 0);
    REQUIRE_OK(satchel_db_number_values(writer, "PRAGMA synchronous", NULL, 0, -1, &sync_mode, NULL));
    CHECK_INT(sync_mode, 2);
    satchel_db_close(reader);
    satchel_db_close(writer);
    test_temp_remove(&temp);
}

static void copy_file(const test_temp *temp, const char *from, const char *to) {
    static char bytes[1 << 22];
    char path[TEST_PATH_BYTES];
    FILE *file = fopen(test_temp_path(temp, from, path), "rb");
    REQUIRE(file != NULL);
    size_t count = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    file = fopen(test_temp_path(temp, to, path), "wb");
    REQUIRE(file != NULL && count < sizeof bytes);
    CHECK_UINT(fwrite(bytes, 1, count, file), count);
    fclose(file);
}

/*
 * SQLite 3.40 loses what is committed behind a savepoint that was undone after pages had been spilled and written over:
 * it is there for this process, and gone with it. So nothing is spilled.
 */
TEST(db, regress_commits_outlive_a_job_that_was_undone_after_a_spill) {
    test_temp temp = test_temp_make();
    char path[TEST_PATH_BYTES];
    satchel_db *writer = NULL;
    satchel_db *after = NULL;
    REQUIRE_OK(satchel_db_open_sqlite(&writer, test_temp_path(&temp, "a.db", path), SATCHEL_DB_WRITER, NULL));
    REQUIRE_OK(satchel_db_exec(writer,
                               "PRAGMA cache_size=10; CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT);"
                               "CREATE INDEX tv ON t (v)",
                               NULL));
    REQUIRE_OK(satchel_db_begin(writer, SATCHEL_DB_WRITE, NULL));
    REQUIRE_OK(satchel_db_exec(writer, "INSERT INTO t (v) VALUES ('kept')", NULL));
    REQUIRE_OK(satchel_db_savepoint(writer, NULL));
    REQUIRE_OK(satchel_db_exec(writer,
                               "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
                               " INSERT INTO t (v) SELECT hex(randomblob(100)) FROM n",
                               NULL));
    satchel_db_back(writer);
    REQUIRE_OK(satchel_db_commit(writer, NULL));
    REQUIRE_OK(satchel_db_exec(writer, "INSERT INTO t (v) VALUES ('later')", NULL));
    copy_file(&temp, "a.db", "b.db");
    copy_file(&temp, "a.db-wal", "b.db-wal"); /* as a kill leaves them */
    REQUIRE_OK(satchel_db_open_sqlite(&after, test_temp_path(&temp, "b.db", path), SATCHEL_DB_WRITER, NULL));
    CHECK_INT(count(after), 2);
    satchel_db_close(after);
    satchel_db_close(writer);
    test_temp_remove(&temp);
}

TEST(db, a_file_that_is_no_database_is_foreign) {
    test_temp temp = test_temp_make();
    char path[TEST_PATH_BYTES];
    satchel_db *db = NULL;
    FILE *file = fopen(test_temp_path(&temp, "x.db", path), "w");
    REQUIRE(file != NULL);
    fputs("this is a text file, and long enough to be looked at as if it were a header of a database", file);
    for (int i = 0; i < 100; i++) {
        fputs("more of it", file);
    }
    fclose(file);
    CHECK_STATUS(satchel_db_open_sqlite(&db, path, SATCHEL_DB_WRITER, NULL), SATCHEL_FOREIGN_FILE);
    CHECK(db == NULL);
    satchel_db_close(NULL);
    test_temp_remove(&temp);
}

/* As the memberships of a row are read: not planned anew because another row is asked for. */
TEST(db, a_statement_is_planned_once_whatever_is_bound) {
    satchel_db *db = NULL;
    sqlite3_stmt *statement = NULL;
    REQUIRE_OK(satchel_db_open(&db, ":memory:", SATCHEL_DB_WRITER, NULL));
    REQUIRE_OK(satchel_db_exec(db,
                               "CREATE TABLE m (scope, anchor, root, present, PRIMARY KEY (anchor, root, scope))"
                               " WITHOUT ROWID; CREATE INDEX m_here ON m (scope, anchor, root) WHERE present = 1",
                               NULL));
    REQUIRE(sqlite3_prepare_v2(db->native, "SELECT scope FROM m WHERE anchor = ?1 AND root = ?2 ORDER BY scope", -1,
                               &statement, NULL) == SQLITE_OK);
    for (int row = 0; row < 5; row++) {
        REQUIRE(sqlite3_bind_int(statement, 1, row) == SQLITE_OK && sqlite3_bind_int(statement, 2, -row) == SQLITE_OK);
        REQUIRE(sqlite3_step(statement) == SQLITE_DONE);
        REQUIRE(sqlite3_reset(statement) == SQLITE_OK);
    }
    REQUIRE(sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_REPREPARE, 0) == 0);
    sqlite3_finalize(statement);
    satchel_db_close(db);
}
