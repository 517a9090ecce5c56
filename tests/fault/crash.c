/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses of power in the life of a vault: what was acknowledged is there, what was in flight wholly or not at all.
 */
#include "fault/support/crash.h"

#include <sqlite3.h>
#include <stdio.h>

#define ROUNDS 6u /* of a story in a full run */
#define LONG_ROUNDS 1u
#define GENERATED_ROUNDS 16u /* of the one that the seed makes */
#define SQL_BYTES 512

#define TABLE "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c BLOB); CREATE INDEX tb ON t(b)"
#define ROWS(count, text)                                                                                              \
    "INSERT INTO t(b) WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < " #count                \
    ") SELECT printf('%0*d " text "', i * 37 % 900 + 1, i) FROM c"

/* --- making a vault --- */

static void tell_creation(crash_play *play) {
    crash_create(play);
    crash_sql(play, "CREATE TABLE first(a); INSERT INTO first VALUES(1)");
}

static void creation(void) {
    static const crash_story story = {.name = "creation", .tell = tell_creation, .second = 10};
    crash_run_rounds(&story, ROUNDS);
}

/* --- commits --- */

static void tell_rows(crash_play *play) {
    char sql[SQL_BYTES];
    crash_sql(play, TABLE);
    for (uint64_t row = 0; row < 60; row++) {
        uint64_t bytes = test_random_below(&play->random, row % 9 == 0 ? 9000 : 400);
        (void)snprintf(sql, sizeof sql, "INSERT INTO t(b, c) VALUES('row %u', zeroblob(%u))", (unsigned)row,
                       (unsigned)bytes);
        crash_sql(play, sql);
    }
}

static const crash_story rows_story = {.name = "rows", .tell = tell_rows, .begins_open = true};

static void rows(void) {
    crash_run_rounds(&rows_story, ROUNDS);
}

static void tell_bulk(crash_play *play) {
    static const char *const lines[] = {
        TABLE,
        ROWS(260, "bulk"),
        "BEGIN; " ROWS(200, "second") "; DELETE FROM t WHERE a % 7 = 0; COMMIT",
        "INSERT INTO t(b) VALUES('after')",
        NULL,
    };
    crash_script(play, lines);
}

static void bulk(void) {
    static const crash_story story = {.name = "bulk", .tell = tell_bulk, .begins_open = true, .checkpoint_frames = 90};
    crash_run_rounds(&story, LONG_ROUNDS);
}

/* With so small a cache SQLite writes pages of the running transaction to the WAL and later over them. */
static void tell_rewriting(crash_play *play) {
    static const char *const lines[] = {
        TABLE,
        ROWS(120, "base"),
        "BEGIN; UPDATE t SET b = b || 'x'; UPDATE t SET b = b || 'y' WHERE a % 2; UPDATE t SET b = b || 'z'; COMMIT",
        "BEGIN; " ROWS(80, "more") "; UPDATE t SET b = 'a' || b; UPDATE t SET c = zeroblob(a * 9); COMMIT",
        "BEGIN; UPDATE t SET b = substr(b, 5); UPDATE t SET b = b || b; DELETE FROM t WHERE a % 3 = 1; COMMIT",
        "INSERT INTO t(b) VALUES('after')",
        NULL,
    };
    crash_script(play, lines);
}

static void rewriting(void) {
    static const crash_story story = {
        .name = "rewriting", .tell = tell_rewriting, .begins_open = true, .cache_kib = 40, .checkpoint_frames = 400};
    crash_run_rounds(&story, LONG_ROUNDS);
}

static void tell_undoing(crash_play *play) {
    static const char *const lines[] = {
        TABLE,
        ROWS(60, "base"),
        "BEGIN; UPDATE t SET b = b || hex(zeroblob(700)); ROLLBACK",
        "INSERT INTO t(b) VALUES('one')",
        "BEGIN; INSERT INTO t(b) VALUES('kept'); SAVEPOINT s; " ROWS(150, "lost") "; ROLLBACK TO s; RELEASE s; COMMIT",
        "BEGIN; " ROWS(200, "lost") "; DROP TABLE t; ROLLBACK",
        "BEGIN; SAVEPOINT a; " ROWS(90, "kept") "; SAVEPOINT b; DELETE FROM t WHERE a % 2; ROLLBACK TO b; RELEASE a; "
                                                "COMMIT",
        "INSERT INTO t(b) VALUES('two')",
        "!checkpoint",
        "BEGIN; UPDATE t SET b = b || hex(zeroblob(300)); ROLLBACK",
        "INSERT INTO t(b) VALUES('three')",
        NULL,
    };
    crash_script(play, lines);
}

static void undoing(void) {
    static const crash_story story = {
        .name = "undoing", .tell = tell_undoing, .begins_open = true, .checkpoint_frames = 60};
    crash_run_rounds(&story, LONG_ROUNDS);
}

/* --- the WAL's life --- */

static void tell_checkpoints(crash_play *play) {
    static const char *const lines[] = {
        TABLE,
        ROWS(40, "base"),
        "PRAGMA wal_checkpoint(PASSIVE)",
        "UPDATE t SET b = b || 'x' WHERE a % 5 = 0",
        "PRAGMA wal_checkpoint(FULL)",
        "INSERT INTO t(b) VALUES('one')",
        "INSERT INTO t(b) VALUES('two')",
        "PRAGMA wal_checkpoint(RESTART)",
        "DELETE FROM t WHERE a % 4 = 0",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "INSERT INTO t(b) VALUES('three')",
        ROWS(30, "more"),
        "!checkpoint",
        "UPDATE t SET b = b || 'y' WHERE a % 6 = 0",
        "!reopen",
        "INSERT INTO t(b) VALUES('four')",
        NULL,
    };
    crash_script(play, lines);
}

static void checkpoints(void) {
    static const crash_story story = {
        .name = "checkpoints", .tell = tell_checkpoints, .begins_open = true, .checkpoint_frames = 1000};
    crash_run_rounds(&story, ROUNDS);
}

static void tell_restarts(crash_play *play) {
    char sql[SQL_BYTES];
    crash_sql(play, TABLE);
    for (unsigned row = 0; row < 40; row++) {
        (void)snprintf(sql, sizeof sql,
                       "INSERT INTO t(b, c) VALUES('row %u', zeroblob(%u)); DELETE FROM t WHERE a = %u", row,
                       (row * 977) % 6000, row / 2);
        crash_sql(play, sql);
    }
}

static void restarts(void) {
    static const crash_story story = {
        .name = "restarts", .tell = tell_restarts, .begins_open = true, .checkpoint_frames = 7};
    crash_run_rounds(&story, ROUNDS);
}

static void tell_growth(crash_play *play) {
    static const char *const lines[] = {
        TABLE,
        "INSERT INTO t(b, c) VALUES('large', zeroblob(90000))",
        "INSERT INTO t(b, c) VALUES('large', zeroblob(150000))",
        "!checkpoint",
        "DELETE FROM t WHERE a = 1",
        "PRAGMA incremental_vacuum(10)",
        "!checkpoint",
        "DELETE FROM t",
        "PRAGMA incremental_vacuum",
        "!checkpoint",
        ROWS(90, "again"),
        "!checkpoint",
        "BEGIN; DELETE FROM t WHERE a > 10; INSERT INTO t(c) VALUES(zeroblob(60000)); COMMIT",
        "PRAGMA incremental_vacuum(5)",
        "PRAGMA incremental_vacuum",
        "INSERT INTO t(b, c) VALUES('large', zeroblob(120000))",
        NULL,
    };
    crash_script(play, lines);
}

static void growth(void) {
    static const crash_story story = {.name = "growth", .tell = tell_growth, .begins_open = true};
    crash_run_rounds(&story, ROUNDS);
}

/* --- schema, and what SQLite keeps in tables of its own --- */

static void tell_schema(crash_play *play) {
    static const char *const lines[] = {
        TABLE,
        ROWS(50, "base"),
        "ALTER TABLE t ADD COLUMN d DEFAULT 7",
        "CREATE INDEX td ON t(d, b)",
        "CREATE TABLE u(x TEXT PRIMARY KEY, y) WITHOUT ROWID",
        "INSERT INTO u SELECT b || a, a FROM t",
        "CREATE TRIGGER after_t AFTER INSERT ON t BEGIN INSERT INTO u VALUES(new.b || new.a, new.d); END",
        "INSERT INTO t(b, d) VALUES('triggered', 3)",
        "DROP INDEX tb",
        "BEGIN; ALTER TABLE t RENAME TO v; ALTER TABLE v DROP COLUMN c; COMMIT",
        "DROP TABLE u",
        "ANALYZE",
        "REINDEX",
        NULL,
    };
    crash_script(play, lines);
}

static void schema(void) {
    static const crash_story story = {.name = "schema", .tell = tell_schema, .begins_open = true};
    crash_run_rounds(&story, ROUNDS);
}

static void tell_searching(crash_play *play) {
    static const char *const lines[] = {
        "CREATE VIRTUAL TABLE f USING fts5(b); CREATE VIRTUAL TABLE r USING rtree(id, x0, x1)",
        "INSERT INTO f WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 90) "
        "SELECT 'word' || i || ' common ' || (i * 7 % 31) FROM c",
        "INSERT INTO r WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 150) "
        "SELECT i, i * 31 % 90, i * 31 % 90 + 4 FROM c",
        "INSERT INTO f VALUES('a row of its own')",
        "DELETE FROM f WHERE rowid % 3 = 0",
        "UPDATE r SET x1 = x1 + 9 WHERE id % 4 = 0",
        "INSERT INTO f(f) VALUES('optimize')",
        "DELETE FROM r WHERE id > 40",
        NULL,
    };
    crash_script(play, lines);
}

static void searching(void) {
    static const crash_story story = {.name = "searching", .tell = tell_searching, .begins_open = true};
    crash_run_rounds(&story, ROUNDS);
}

/* --- the life of a process --- */

static void tell_pauses(crash_play *play) {
    static const char *const lines[] = {
        TABLE,         ROWS(30, "base"), "!suspend", "INSERT INTO t(b) VALUES('one')",        "!lock",
        "!suspend",    "!lock",          "!reopen",  "UPDATE t SET b = b WHERE a % 2",        "!lock",
        "!checkpoint", ROWS(20, "more"), "!reopen",  "DELETE FROM t WHERE a BETWEEN 5 AND 9", "!suspend",
        NULL,
    };
    crash_script(play, lines);
}

static void pauses(void) {
    static const crash_story story = {.name = "pauses", .tell = tell_pauses, .begins_open = true};
    crash_run_rounds(&story, ROUNDS);
}

/* --- whatever the seed makes --- */

static void generated_line(test_random *random, char sql[SQL_BYTES]) {
    unsigned row = (unsigned)test_random_below(random, 300), bytes = (unsigned)test_random_below(random, 5000);
    unsigned count = 1 + (unsigned)test_random_below(random, 60);
    switch (test_random_below(random, 12)) {
    case 0:
        (void)snprintf(sql, SQL_BYTES, "INSERT OR REPLACE INTO t VALUES(%u, 'v', zeroblob(%u))", row, bytes * 9);
        break;
    case 1:
    case 2: (void)snprintf(sql, SQL_BYTES, "INSERT INTO t(b, c) VALUES('w%u', zeroblob(%u))", row, bytes); break;
    case 3: (void)snprintf(sql, SQL_BYTES, "UPDATE t SET b = b || %u WHERE a %% 9 = %u", row, row % 9); break;
    case 4: (void)snprintf(sql, SQL_BYTES, "DELETE FROM t WHERE a > %u", row); break;
    case 5: (void)snprintf(sql, SQL_BYTES, "PRAGMA incremental_vacuum(%u)", count); break;
    case 6: (void)snprintf(sql, SQL_BYTES, "!checkpoint"); break;
    case 7: (void)snprintf(sql, SQL_BYTES, "PRAGMA wal_checkpoint(%s)", row % 2 ? "TRUNCATE" : "FULL"); break;
    case 8: (void)snprintf(sql, SQL_BYTES, "%s", row % 3 == 0 ? "!lock" : row % 3 == 1 ? "!suspend" : "!reopen"); break;
    case 9:
        (void)snprintf(sql, SQL_BYTES, "BEGIN; UPDATE t SET b = b || 'q'; SAVEPOINT s; DELETE FROM t; %s",
                       row % 3 == 0 ? "ROLLBACK" : "ROLLBACK TO s; COMMIT");
        break;
    default:
        (void)snprintf(
            sql, SQL_BYTES,
            "BEGIN; INSERT INTO t(b, c) WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE "
            "i < %u) SELECT 'b' || i, zeroblob(i * %u %% 1500) FROM c; UPDATE t SET c = zeroblob(%u) "
            "WHERE a %% 5 = %u; COMMIT",
            count, bytes, bytes, row % 5);
        break;
    }
}

static void tell_generated(crash_play *play) {
    static const char *const begin[] = {TABLE, ROWS(50, "base"), NULL};
    crash_script(play, begin);
    for (int number = 0; number < 25; number++) {
        char sql[SQL_BYTES];
        const char *const line[] = {sql, NULL};
        generated_line(&play->random, sql);
        crash_script(play, line);
    }
}

static void generated(void) {
    for (uint64_t round = 0; round < (fault_full() ? GENERATED_ROUNDS : 2); round++) {
        uint64_t seed = fault_seed() * 1000 + 500 + round;
        const crash_story story = {.name = "generated",
                                   .tell = tell_generated,
                                   .begins_open = true,
                                   .cache_kib = 40 + (uint32_t)(seed * 37 % 100),
                                   .checkpoint_frames = 8 + (uint32_t)(seed * 53 % 120)};
        crash_run(&story, seed);
    }
}

/* --- the judge --- */

static void lying(void) {
    crash_run_lying(&rows_story, fault_seed());
}

const fault_case fault_cases[] = {
    {"creation", creation},   {"rows", rows},       {"bulk", bulk},
    {"rewriting", rewriting}, {"undoing", undoing}, {"checkpoints", checkpoints},
    {"restarts", restarts},   {"growth", growth},   {"schema", schema},
    {"searching", searching}, {"pauses", pauses},   {"generated", generated},
    {"lying", lying},         {NULL, NULL},
};
