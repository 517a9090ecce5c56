/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An empty database for a test of the server: SQLite in memory, or a schema of its own in the PostgreSQL database whose
 * address is in SATCHEL_TEST_POSTGRES. So one suite runs on both; `./run test postgres` sets the address.
 */
#ifndef SATCHEL_TESTS_SUPPORT_DATABASE_H
#define SATCHEL_TESTS_SUPPORT_DATABASE_H

#include "db/db.h"
#include "support/test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEST_DATABASE_WHERE_BYTES 512

/* NULL: tests run on SQLite. */
static inline const char *test_database_server(void) {
    return getenv("SATCHEL_TEST_POSTGRES");
}

/*
 * Where the new empty database is, for satchel_db_open. `path`: the file that SQLite uses, NULL: memory. In PostgreSQL
 * a type `blob` is there, so that a test's own tables can be written once.
 */
static inline void test_database_make(const char *path, char where[TEST_DATABASE_WHERE_BYTES]) {
    static atomic_uint made;
    char schema[48];
    char sql[160];
    satchel_db *db = NULL;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    if (test_database_server() == NULL) {
        (void)snprintf(where, TEST_DATABASE_WHERE_BYTES, "%s", path != NULL ? path : ":memory:");
        return;
    }
    /* Each file that includes this counts for itself, so its counter's place is part of the name. */
    (void)snprintf(schema, sizeof schema, "t%d_%x_%u", (int)getpid(), (unsigned)((uintptr_t)&made & 0xffffff),
                   atomic_fetch_add(&made, 1));
    REQUIRE_OK(satchel_db_open_postgres(&db, test_database_server(), SATCHEL_DB_WRITER, &error));
    (void)snprintf(sql, sizeof sql, "CREATE SCHEMA %s; CREATE DOMAIN %s.blob AS bytea", schema, schema);
    test_note("%s", error.detail);
    REQUIRE_OK(satchel_db_exec(db, sql, &error));
    satchel_db_close(db);
    (void)snprintf(where, TEST_DATABASE_WHERE_BYTES, "%s%coptions=-csearch_path%%3D%s", test_database_server(),
                   strchr(test_database_server(), '?') != NULL ? '&' : '?', schema);
}

#endif
