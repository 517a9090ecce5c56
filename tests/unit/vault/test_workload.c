/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A generated SQL workload gives the same results on a vault and on plain SQLite, with reopenings and kills between.
 */
#include "fixture.h"

#include "support/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SQL_BYTES 512

typedef struct workload {
    test_random random;
    int depth; /* open savepoints */
    bool open; /* in a transaction */
} workload;

static uint64_t below(workload *work, uint64_t limit) {
    return test_random_below(&work->random, limit);
}

/* Transactions and savepoints that fit the state. */
static void next_control(workload *work, char sql[SQL_BYTES]) {
    if (!work->open) {
        work->open = true;
        (void)snprintf(sql, SQL_BYTES, "BEGIN");
    } else if (work->depth < 3 && below(work, 3) == 0) {
        (void)snprintf(sql, SQL_BYTES, "SAVEPOINT s%d", ++work->depth);
    } else if (work->depth > 0) {
        bool undo = below(work, 2) == 0;
        (void)snprintf(sql, SQL_BYTES, undo ? "ROLLBACK TO s%d; RELEASE s%d" : "RELEASE s%d", work->depth, work->depth);
        work->depth--;
    } else {
        work->open = false;
        (void)snprintf(sql, SQL_BYTES, "%s", below(work, 3) == 0 ? "ROLLBACK" : "COMMIT");
    }
}

static void next_change(workload *work, char sql[SQL_BYTES]) {
    uint64_t row = below(work, 400), bytes = below(work, 40) == 0 ? below(work, 30000) : below(work, 300);
    switch (below(work, 7)) {
    case 0:
    case 1:
        (void)snprintf(sql, SQL_BYTES,
                       "INSERT OR REPLACE INTO t VALUES(%" PRIu64 ",'v%" PRIu64 "',zeroblob(%" PRIu64 "))", row,
                       below(work, 50), bytes);
        break;
    case 2:
        (void)snprintf(sql, SQL_BYTES, "UPDATE t SET b=b||'%" PRIu64 "', c=zeroblob(%" PRIu64 ") WHERE a=%" PRIu64, row,
                       bytes, row);
        break;
    case 3:
        (void)snprintf(sql, SQL_BYTES, "DELETE FROM t WHERE a BETWEEN %" PRIu64 " AND %" PRIu64, row, row + 4);
        break;
    case 4: (void)snprintf(sql, SQL_BYTES, "INSERT INTO t VALUES(%" PRIu64 ",'dup',NULL)", row); break;
    case 5:
        (void)snprintf(sql, SQL_BYTES, "INSERT INTO u SELECT a,b,hex(c) FROM t WHERE a<%" PRIu64 " LIMIT 30", row);
        break;
    default: (void)snprintf(sql, SQL_BYTES, "DELETE FROM u WHERE rowid %% 5 = %" PRIu64, row % 5); break;
    }
}

static void next_query(workload *work, char sql[SQL_BYTES]) {
    uint64_t row = below(work, 400);
    switch (below(work, 5)) {
    case 0:
        (void)snprintf(sql, SQL_BYTES, "SELECT a,b,length(c) FROM t WHERE a>%" PRIu64 " ORDER BY b,a LIMIT 20", row);
        break;
    case 1: (void)snprintf(sql, SQL_BYTES, "SELECT count(*),sum(a),group_concat(b) FROM t WHERE b>'v2'"); break;
    case 2: (void)snprintf(sql, SQL_BYTES, "SELECT b,count(*) FROM u GROUP BY b ORDER BY 1"); break;
    case 3: (void)snprintf(sql, SQL_BYTES, "SELECT t.a,u.z FROM t JOIN u ON u.x=t.a ORDER BY 1,2 LIMIT 50"); break;
    default: (void)snprintf(sql, SQL_BYTES, "SELECT count(*),total(length(z)) FROM u"); break;
    }
}

static void next_statement(workload *work, char sql[SQL_BYTES]) {
    uint64_t dice = below(work, 100);
    if (dice < 25) {
        next_control(work, sql);
    } else if (dice < 80) {
        next_change(work, sql);
    } else if (dice < 97 || work->open) {
        next_query(work, sql);
    } else {
        (void)snprintf(sql, SQL_BYTES, "%s", below(work, 2) == 0 ? "PRAGMA incremental_vacuum(20)" : "ANALYZE");
    }
}

static int add_row(void *context, int columns, char **values, char **names) {
    satchel_buffer *out = context;
    (void)names;
    for (int column = 0; column < columns; column++) {
        REQUIRE_OK(satchel_buffer_append_format(out, "%s|", values[column] != NULL ? values[column] : "NULL"));
    }
    return 0;
}

/* Result code and rows of a statement; for a change, how many rows it changed. */
static satchel_buffer answer(sqlite3 *database, const char *sql) {
    satchel_buffer out = {0};
    int code = sqlite3_exec(database, sql, add_row, &out, NULL);
    bool change = sql[0] == 'I' || sql[0] == 'U' || sql[0] == 'D';
    REQUIRE_OK(satchel_buffer_append_format(&out, "#%d changes %d", code, change ? sqlite3_changes(database) : 0));
    return out;
}

static const char schema[] = "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c BLOB); CREATE INDEX tb ON t(b);"
                             "CREATE TABLE u(x,b,z); CREATE INDEX ux ON u(x)";

/* Between transactions: close and open, or go on with what a kill would have left. */
static void disturb(workload *work, vault_fixture *fixture) {
    vault_fixture copy;
    switch (below(work, 3)) {
    case 0:
        fixture_close(fixture);
        fixture_open(fixture);
        break;
    case 1:
        fixture_copy(&copy, fixture);
        copy.config.cache_kib = fixture->config.cache_kib;
        fixture_deinit(fixture);
        *fixture = copy;
        fixture->config.folder = fixture->temp.path;
        fixture->config.unlock.keystore = fixture_keystore(&fixture->keystore);
        fixture_open(fixture);
        break;
    default: REQUIRE_OK(satchel_vault_checkpoint(fixture->vault, NULL)); break;
    }
}

static void compare_workloads(uint64_t seed, int statements) {
    workload work = {test_random_of(seed), 0, false};
    vault_fixture fixture;
    sqlite3 *plain = NULL;
    fixture_init(&fixture);
    fixture.config.cache_kib = 48 + (uint32_t)below(&work, 400);
    fixture.config.checkpoint_frames = 20 + (uint32_t)below(&work, 200);
    fixture_create(&fixture);
    REQUIRE_INT(sqlite3_open(":memory:", &plain), SQLITE_OK);
    REQUIRE_INT(sqlite3_exec(plain, schema, NULL, NULL, NULL), SQLITE_OK);
    must_run(fixture.vault, schema);
    for (int number = 0; number < statements; number++) {
        char sql[SQL_BYTES];
        next_statement(&work, sql);
        satchel_buffer expected = answer(plain, sql);
        satchel_buffer got = answer(satchel_vault_database(fixture.vault), sql);
        test_note("seed %" PRIu64 ", statement %d: %s", seed, number, sql);
        bool equal = CHECK_BYTES(satchel_buffer_view(&got), satchel_buffer_view(&expected));
        satchel_buffer_deinit(&expected);
        satchel_buffer_deinit(&got);
        REQUIRE(equal);
        if (!work.open && below(&work, 40) == 0) {
            disturb(&work, &fixture);
        }
    }
    CHECK_INT(sqlite3_close(plain), SQLITE_OK);
    fixture_deinit(&fixture);
}

TEST(workload, gives_the_results_of_plain_sqlite) {
    for (uint64_t seed = 1; seed <= 4; seed++) {
        compare_workloads(seed, 600);
    }
}
