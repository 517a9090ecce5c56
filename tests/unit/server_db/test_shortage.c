/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite without memory, at the moment when a transaction is to be undone. By SQLite's own limit of its heap.
 */
#include "db/driver.h"

#include "support/test.h"

#include <sqlite3.h>

static satchel_db *open_database(void) {
    satchel_db *db = NULL;
    REQUIRE_OK(satchel_db_open(&db, ":memory:", SATCHEL_DB_WRITER, NULL));
    REQUIRE_INT(sqlite3_db_config(db->native, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0), SQLITE_OK);
    REQUIRE_OK(satchel_db_exec(db, "CREATE TABLE t (k INTEGER PRIMARY KEY)", NULL));
    return db;
}

static void set_short_of_memory(bool is_short) {
    (void)sqlite3_hard_heap_limit64(is_short ? 1 : 0);
}

static int64_t count(satchel_db *db) {
    int64_t rows = -1;
    REQUIRE_OK(satchel_db_number_values(db, "SELECT count(*) FROM t", NULL, 0, -1, &rows, NULL));
    return rows;
}

static void begin_with_a_row(satchel_db *db) {
    REQUIRE_OK(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL));
    REQUIRE_OK(satchel_db_exec(db, "INSERT INTO t (k) VALUES (1)", NULL));
}

TEST(shortage, regress_a_transaction_that_could_not_be_undone_is_undone_before_the_next) {
    satchel_db *db = open_database();
    begin_with_a_row(db);
    set_short_of_memory(true);
    satchel_db_rollback(db);
    CHECK(db->spoiled); /* else the limit does not bite, and this shows nothing */
    CHECK(!satchel_db_in_transaction(db));
    CHECK_STATUS(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL), SATCHEL_NO_MEMORY);
    set_short_of_memory(false);
    CHECK_OK(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL));
    CHECK_INT(count(db), 0);
    CHECK_OK(satchel_db_commit(db, NULL));
    satchel_db_close(db);
}

TEST(shortage, regress_what_a_savepoint_could_not_undo_is_never_committed) {
    satchel_db *db = open_database();
    REQUIRE_OK(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL));
    REQUIRE_OK(satchel_db_savepoint(db, NULL));
    REQUIRE_OK(satchel_db_exec(db, "INSERT INTO t (k) VALUES (1)", NULL));
    set_short_of_memory(true);
    satchel_db_back(db);
    set_short_of_memory(false);
    CHECK(!satchel_db_in_transaction(db));
    CHECK_STATUS(satchel_db_savepoint(db, NULL), SATCHEL_MISUSE);
    CHECK_STATUS(satchel_db_commit(db, NULL), SATCHEL_NO_MEMORY);
    REQUIRE_OK(satchel_db_begin(db, SATCHEL_DB_READ, NULL));
    CHECK_INT(count(db), 0);
    satchel_db_rollback(db);
    satchel_db_close(db);
}
