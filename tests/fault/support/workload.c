/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements of the workload. Each verb has its weight in a table of a hundred.
 */
#include "fault/support/workload.h"

#include <stdio.h>

#define ROWS 400u
#define TABLES 6u /* that come and go */

static const char *const schema[] = {
    "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c BLOB)",
    "CREATE INDEX tb ON t(b)",
    "CREATE TABLE u(x, b, z)",
    "CREATE INDEX ux ON u(x)",
    "CREATE TABLE w(k TEXT PRIMARY KEY, v, n INTEGER CHECK (n < 90)) WITHOUT ROWID",
    "CREATE TABLE p(id INTEGER PRIMARY KEY AUTOINCREMENT, parent REFERENCES p(id), s TEXT COLLATE NOCASE)",
    "CREATE TABLE log(what, a)",
    "CREATE VIRTUAL TABLE f USING fts5(body, tag)",
    "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, y0, y1)",
    "CREATE TRIGGER ti AFTER INSERT ON t WHEN new.a % 3 = 0 BEGIN INSERT INTO log VALUES('i', new.a); END",
    "CREATE TRIGGER td AFTER DELETE ON t BEGIN INSERT INTO log VALUES('d', old.a); DELETE FROM f WHERE rowid=old.a;END",
    "CREATE TRIGGER lim AFTER INSERT ON log WHEN (SELECT count(*) FROM log) > 500 BEGIN DELETE FROM log; END",
    "CREATE VIEW tv AS SELECT t.a, t.b, u.z FROM t LEFT JOIN u ON u.x = t.a",
};
#define SCHEMA (sizeof schema / sizeof schema[0])

static unsigned below(workload_source *source, unsigned limit) {
    return (unsigned)test_random_below(&source->random, limit);
}

/* Some long enough for overflow pages, few for hundreds of them. */
static unsigned size_of(workload_source *source) {
    unsigned dice = below(source, 100);
    return dice < 80 ? below(source, 300) : dice < 98 ? below(source, 9000) : below(source, 120000);
}

typedef void workload_verb(workload_source *source, char *sql);

#define SAY(...) ((void)snprintf(sql, WORKLOAD_SQL_BYTES, __VA_ARGS__))

static void control(workload_source *source, char *sql) {
    static const char *const begins[] = {"BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"};
    if (!source->open) {
        source->open = true;
        SAY("%s", begins[below(source, 3)]);
    } else if (source->depth < 4 && below(source, 3) == 0) {
        SAY("SAVEPOINT s%u", ++source->depth);
    } else if (source->depth > 0) {
        unsigned depth = source->depth--;
        bool undo = below(source, 2) == 0;
        SAY(undo ? "ROLLBACK TO s%u; RELEASE s%u" : "RELEASE s%u", depth, depth);
    } else {
        source->open = false;
        SAY("%s", below(source, 3) == 0 ? "ROLLBACK" : "COMMIT");
    }
}

static void insert_row(workload_source *source, char *sql) {
    unsigned row = below(source, ROWS), bytes = size_of(source);
    switch (below(source, 4)) {
    case 0: SAY("INSERT INTO t VALUES(%u, 'dup', NULL)", row); break;
    case 1: SAY("INSERT INTO t VALUES(%u, 'k', 1) ON CONFLICT(a) DO UPDATE SET b = b || excluded.a", row); break;
    default:
        SAY("INSERT OR REPLACE INTO t VALUES(%u, 'v%u', CAST(printf('%%.*c', %u, 'x') AS BLOB))", row,
            below(source, 50), bytes);
        break;
    }
}

static void update_rows(workload_source *source, char *sql) {
    unsigned row = below(source, ROWS);
    switch (below(source, 4)) {
    case 0: SAY("UPDATE t SET b = b || '%u' WHERE a %% 7 = %u", row % 10, row % 7); break;
    case 1: SAY("UPDATE t SET c = zeroblob(%u) WHERE a = %u", size_of(source), row); break;
    case 2: SAY("UPDATE t SET b = substr(b, 1, 9), c = substr(c, 1, %u) WHERE a < %u RETURNING a", row, row); break;
    default: SAY("UPDATE t SET a = a + 1 WHERE a = %u", row); break;
    }
}

static void delete_rows(workload_source *source, char *sql) {
    unsigned row = below(source, ROWS);
    switch (below(source, 5)) {
    case 0: SAY("DELETE FROM u WHERE rowid %% 5 = %u", row % 5); break;
    case 1: SAY("DELETE FROM w WHERE n > %u", row % 90); break;
    case 2: SAY("DELETE FROM t WHERE length(c) > %u", 20000 + row * 90); break;
    default: SAY("DELETE FROM t WHERE a BETWEEN %u AND %u", row, row + 6); break;
    }
}

/* Transactions of some hundred pages: more than the cache holds. */
static void bulk(workload_source *source, char *sql) {
    unsigned count = 20 + below(source, 300), bytes = below(source, 900), row = below(source, ROWS);
    switch (below(source, 4)) {
    case 0:
        SAY("WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < %u) INSERT OR REPLACE INTO t "
            "SELECT i * 7 %% %u, 'bulk' || i, zeroblob(i * 13 %% %u) FROM c",
            count, ROWS, bytes + 1);
        break;
    case 1: SAY("INSERT INTO u SELECT a, b, hex(substr(c, 1, %u)) FROM t WHERE a < %u", bytes, row); break;
    case 2: SAY("UPDATE t SET b = b || a, c = CAST(b || '%u' AS BLOB)", row); break;
    default: SAY("UPDATE u SET z = substr(z, 2, 400), b = b || %u WHERE rowid %% 2 = %u", row % 10, row % 2); break;
    }
}

static void other_tables(workload_source *source, char *sql) {
    unsigned row = below(source, ROWS);
    switch (below(source, 6)) {
    case 0: SAY("INSERT OR IGNORE INTO w VALUES('key%u', zeroblob(%u), %u)", row, size_of(source), row % 100); break;
    case 1: SAY("INSERT OR ABORT INTO w VALUES('key%u', 2, %u)", row, row % 100); break;
    case 2: SAY("REPLACE INTO w SELECT 'from' || a, b, a %% 80 FROM t WHERE a %% 11 = %u", row % 11); break;
    case 3: SAY("INSERT INTO p(parent, s) SELECT max(id), 'Node%u' FROM p", row); break;
    case 4: SAY("UPDATE p SET s = lower(s) WHERE id %% 4 = %u", row % 4); break;
    default: SAY("DELETE FROM p WHERE id < (SELECT max(id) - 60 FROM p)"); break;
    }
}

static void searched(workload_source *source, char *sql) {
    unsigned row = below(source, ROWS);
    switch (below(source, 8)) {
    case 0:
    case 1:
        SAY("INSERT OR REPLACE INTO f(rowid, body, tag) VALUES(%u, 'word%u and word%u in common text', 'tag%u')", row,
            row % 37, row % 19, row % 5);
        break;
    case 2: SAY("UPDATE f SET body = body || ' later word%u' WHERE rowid = %u", row % 23, row); break;
    case 3: SAY("DELETE FROM f WHERE rowid BETWEEN %u AND %u", row, row + 9); break;
    case 4: SAY("INSERT INTO f SELECT b || ' ' || a, 'bulk' FROM t WHERE a %% 13 = %u", row % 13); break;
    case 5: SAY("INSERT INTO f(f) VALUES('%s')", row % 3 == 0 ? "optimize" : "integrity-check"); break;
    case 6:
        SAY("SELECT rowid, snippet(f, 0, '[', ']', '', 5) FROM f WHERE f MATCH 'word%u' ORDER BY rowid", row % 37);
        break;
    default:
        SAY("SELECT rowid, bm25(f) FROM f WHERE f MATCH 'common AND tag%u*' ORDER BY 2, 1 LIMIT 20", row % 5);
        break;
    }
}

static void placed(workload_source *source, char *sql) {
    unsigned row = below(source, ROWS), x = below(source, 1000), y = below(source, 1000);
    switch (below(source, 5)) {
    case 0: SAY("INSERT OR REPLACE INTO r VALUES(%u, %u, %u, %u, %u)", row, x, x + row % 30, y, y + row % 50); break;
    case 1: SAY("INSERT INTO r VALUES(%u, %u, %u, %u, %u)", row, x, x + 1, y, y + (row % 9 == 0 ? 0 : 1)); break;
    case 2: SAY("DELETE FROM r WHERE x0 > %u AND y1 < %u", x, y); break;
    case 3: SAY("UPDATE r SET x1 = x1 + %u WHERE id = %u", row % 40, row); break;
    default: SAY("SELECT id, x0, y1 FROM r WHERE x1 > %u AND y0 < %u ORDER BY id LIMIT 40", x, y); break;
    }
}

/* Tables and indexes that come and go; some of these fail because of what is there. */
static void change_schema(workload_source *source, char *sql) {
    unsigned name = below(source, TABLES), other = below(source, TABLES);
    switch (below(source, 10)) {
    case 0:
    case 1: SAY("CREATE TABLE IF NOT EXISTS m%u(a INTEGER PRIMARY KEY, b DEFAULT 'none', c)", name); break;
    case 2: SAY("DROP TABLE IF EXISTS m%u", name); break;
    case 3: SAY("CREATE INDEX IF NOT EXISTS mi%u ON m%u(b, c)", other, name); break;
    case 4: SAY("DROP INDEX IF EXISTS mi%u", other); break;
    case 5: SAY("ALTER TABLE m%u ADD COLUMN d%u DEFAULT %u", name, other, other); break;
    case 6: SAY("ALTER TABLE m%u RENAME TO m%u", name, other); break;
    case 7: SAY("CREATE UNIQUE INDEX IF NOT EXISTS un%u ON t(b, a) WHERE a > %u", name, other * 30); break;
    case 8: SAY("DROP INDEX IF EXISTS un%u", name); break;
    default: SAY("REINDEX"); break;
    }
}

static void made_tables(workload_source *source, char *sql) {
    unsigned name = below(source, TABLES), row = below(source, ROWS);
    switch (below(source, 4)) {
    case 0:
        SAY("INSERT OR IGNORE INTO m%u(a, b, c) SELECT a, b, length(c) FROM t WHERE a %% 5 = %u", name, row % 5);
        break;
    case 1: SAY("UPDATE m%u SET c = a * %u, b = 'changed' WHERE a < %u", name, row, row); break;
    case 2: SAY("DELETE FROM m%u WHERE a > %u", name, row); break;
    default: SAY("SELECT * FROM m%u WHERE a > %u ORDER BY b, a LIMIT 30", name, row); break;
    }
}

static void query(workload_source *source, char *sql) {
    unsigned row = below(source, ROWS);
    switch (below(source, 10)) {
    case 0: SAY("SELECT a, b, length(c) FROM t WHERE a > %u ORDER BY b, a LIMIT 20", row); break;
    case 1: SAY("SELECT count(*), sum(a), group_concat(b) FROM t WHERE b > 'v2'"); break;
    case 2: SAY("SELECT b, count(*) FROM u GROUP BY b ORDER BY 1 LIMIT 60"); break;
    case 3: SAY("SELECT * FROM tv WHERE a %% 9 = %u ORDER BY 1, 3 LIMIT 50", row % 9); break;
    case 4: SAY("SELECT count(*), total(length(z)) FROM u"); break;
    case 5: SAY("SELECT a, c FROM t WHERE a = %u", row); break;
    case 6: SAY("SELECT k, n, length(v) FROM w WHERE k > 'key%u' ORDER BY k LIMIT 25", row); break;
    case 7:
        SAY("WITH RECURSIVE up(id, s) AS (SELECT id, s FROM p WHERE id = %u UNION SELECT p.id, p.s FROM p JOIN up ON "
            "p.parent = up.id) SELECT * FROM up ORDER BY id LIMIT 40",
            row);
        break;
    case 8: SAY("SELECT what, count(*), min(a), max(a) FROM log GROUP BY what"); break;
    default: SAY("SELECT a, row_number() OVER (PARTITION BY a %% 4 ORDER BY b, a) FROM t WHERE a < %u", row); break;
    }
}

static void upkeep(workload_source *source, char *sql) {
    if (source->open) {
        query(source, sql);
        return;
    }
    switch (below(source, 7)) {
    case 0: SAY("PRAGMA incremental_vacuum(%u)", 1 + below(source, 40)); break;
    case 1: SAY("PRAGMA incremental_vacuum"); break;
    case 2: SAY("ANALYZE"); break;
    case 3: SAY("PRAGMA quick_check"); break;
    case 4: SAY("PRAGMA user_version = %u; PRAGMA user_version", below(source, 1000)); break;
    case 5: SAY("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2"); break;
    default: SAY("PRAGMA foreign_key_check"); break;
    }
}

void workload_begin(workload_source *source, uint64_t seed) {
    *source = (workload_source){.random = {seed}};
}

void workload_settle(workload_source *source) {
    source->open = false;
    source->depth = 0;
}

void workload_next(workload_source *source, char sql[WORKLOAD_SQL_BYTES]) {
    static const struct {
        workload_verb *verb;
        unsigned weight;
    } verbs[] = {
        {control, 22}, {insert_row, 13}, {update_rows, 9},   {delete_rows, 6}, {bulk, 2},   {other_tables, 7},
        {searched, 9}, {placed, 7},      {change_schema, 3}, {made_tables, 4}, {query, 16}, {upkeep, 2},
    };
    if (source->made < SCHEMA) {
        SAY("%s", schema[source->made++]);
        return;
    }
    unsigned dice = below(source, 100);
    size_t index = 0;
    while (dice >= verbs[index].weight) {
        dice -= verbs[index++].weight;
    }
    verbs[index].verb(source, sql);
}
