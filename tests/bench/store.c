/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encrypted page store against the same SQLite, plain, in the same process, for each cipher that there is.
 *
 * All sides have the same rows (about 250 B), PRAGMAs, cache and WAL limit, and the same number of fsyncs: counted
 * below SQLite, and checked phase by phase, as is what was read. Each phase runs on one side after the other, beginning
 * with another one each time. A `…_ratio` is the speed of ours over that of plain, the median of the ratios of such
 * neighbours, so that a busy machine harms both alike; `…_cpu_ratio` is the same of CPU time, user and system.
 * The files' pages are in the system's cache, so reads measure what encryption costs, not the disk.
 */
#include "support/bench.h"
#include "support/sides.h"

#include <stdio.h>
#include <string.h>

#define BODY_BYTES 200
#define NAME_BYTES 24
#define LIST_ROWS 50
#define WORD_BYTES 16

typedef struct bench_sizes {
    int runs;
    int rows;         /* of the big table */
    int batch;        /* rows of a transaction while it is filled */
    int transactions; /* of one row each */
    int reads;
    int searches;
} bench_sizes;

/* ---- work: each gives a checksum of what it read or did ---- */

static uint64_t mix(uint64_t value) {
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static void fill_text(uint64_t seed, char *out, int bytes) {
    for (int at = 0; at < bytes; at++) {
        if (at % 12 == 0) {
            seed = mix(seed + 0x9e3779b97f4a7c15);
        }
        out[at] = (char)('a' + (seed >> (at % 12 * 5)) % 26);
    }
}

/* A word that about one row in 200 has. */
static void fill_word(uint64_t seed, char out[WORD_BYTES]) {
    (void)snprintf(out, WORD_BYTES, "w%u", (unsigned)(mix(seed) % 1600));
}

/* Eight words, padded to the length of a body. */
static void fill_body(uint64_t seed, char *out) {
    fill_text(seed, out, BODY_BYTES);
    for (uint64_t word = 0; word < 8; word++) {
        char text[WORD_BYTES];
        fill_word(seed * 8 + word, text);
        size_t bytes = strlen(text);
        memcpy(out + word * 24, text, bytes);
        out[word * 24 + bytes] = ' ';
        out[word * 24 + 23] = ' ';
    }
}

static int64_t some_id(uint64_t number, const bench_sizes *sizes) {
    return 1 + (int64_t)(mix(number + 77) % (uint64_t)sizes->rows);
}

static void step_done(sqlite3_stmt *statement) {
    bench_require(sqlite3_step(statement) == SQLITE_DONE, "a change");
    (void)sqlite3_reset(statement);
}

static void insert_row(sqlite3_stmt *insert, uint64_t seed) {
    char name[NAME_BYTES], body[BODY_BYTES];
    fill_text(seed, name, NAME_BYTES);
    fill_body(seed, body);
    (void)sqlite3_bind_text(insert, 1, name, NAME_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_text(insert, 2, body, BODY_BYTES, SQLITE_STATIC);
    step_done(insert);
}

static void update_row(sqlite3_stmt *update, uint64_t seed, const bench_sizes *sizes) {
    char name[NAME_BYTES];
    fill_text(seed, name, NAME_BYTES);
    (void)sqlite3_bind_text(update, 1, name, NAME_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_int64(update, 2, some_id(seed, sizes));
    step_done(update);
}

static const char insert_sql[] = "INSERT INTO big(name, body) VALUES(?,?)";
static const char update_sql[] = "UPDATE big SET name=? WHERE id=?";

static uint64_t in_batches(sqlite3 *database, const bench_sizes *sizes, int rows, bool update) {
    sqlite3_stmt *statement = bench_prepare(database, update ? update_sql : insert_sql);
    for (int row = 0; row < rows; row++) {
        if (row % sizes->batch == 0) {
            bench_sql(database, "BEGIN");
        }
        if (update) {
            update_row(statement, (uint64_t)row * 13, sizes);
        } else {
            insert_row(statement, (uint64_t)row * 3);
        }
        if (row % sizes->batch == sizes->batch - 1 || row == rows - 1) {
            bench_sql(database, "COMMIT");
        }
    }
    (void)sqlite3_finalize(statement);
    return 0;
}

static uint64_t bulk_insert(sqlite3 *database, const bench_sizes *sizes) {
    return in_batches(database, sizes, sizes->rows, false);
}

static uint64_t bulk_update(sqlite3 *database, const bench_sizes *sizes) {
    return in_batches(database, sizes, sizes->rows / 4, true);
}

static uint64_t one_row_inserts(sqlite3 *database, int count) {
    sqlite3_stmt *insert = bench_prepare(database, insert_sql);
    for (int number = 0; number < count; number++) {
        insert_row(insert, (uint64_t)number * 5);
    }
    (void)sqlite3_finalize(insert);
    return 0;
}

static uint64_t one_row_updates(sqlite3 *database, const bench_sizes *sizes, int count) {
    sqlite3_stmt *update = bench_prepare(database, update_sql);
    for (int number = 0; number < count; number++) {
        update_row(update, (uint64_t)number * 7, sizes);
    }
    (void)sqlite3_finalize(update);
    return 0;
}

static uint64_t inserts_full(sqlite3 *database, const bench_sizes *sizes) {
    return one_row_inserts(database, sizes->transactions);
}

static uint64_t updates_full(sqlite3 *database, const bench_sizes *sizes) {
    return one_row_updates(database, sizes, sizes->transactions);
}

/* Without a sync each, there must be more of them to be measured. */
static uint64_t inserts_normal(sqlite3 *database, const bench_sizes *sizes) {
    return one_row_inserts(database, sizes->transactions * 10);
}

static uint64_t updates_normal(sqlite3 *database, const bench_sizes *sizes) {
    return one_row_updates(database, sizes, sizes->transactions * 10);
}

static uint64_t point_reads(sqlite3 *database, const bench_sizes *sizes) {
    sqlite3_stmt *select = bench_prepare(database, "SELECT name, body FROM big WHERE id=?");
    uint64_t sum = 0;
    for (int number = 0; number < sizes->reads; number++) {
        (void)sqlite3_bind_int64(select, 1, some_id((uint64_t)number, sizes));
        bench_require(sqlite3_step(select) == SQLITE_ROW, "a row");
        sum = sum * 31 + sqlite3_column_text(select, 1)[number % BODY_BYTES];
        (void)sqlite3_reset(select);
    }
    (void)sqlite3_finalize(select);
    return sum;
}

static uint64_t lists(sqlite3 *database, const bench_sizes *sizes) {
    sqlite3_stmt *select =
        bench_prepare(database, "SELECT id, name, body FROM big WHERE name>? ORDER BY name LIMIT 50");
    uint64_t sum = 0;
    for (int number = 0; number < sizes->reads / LIST_ROWS; number++) {
        char name[NAME_BYTES];
        fill_text((uint64_t)number * 11, name, NAME_BYTES);
        (void)sqlite3_bind_text(select, 1, name, NAME_BYTES, SQLITE_STATIC);
        while (sqlite3_step(select) == SQLITE_ROW) {
            sum = sum * 31 + sqlite3_column_text(select, 2)[3] + (uint64_t)sqlite3_column_int64(select, 0);
        }
        (void)sqlite3_reset(select);
    }
    (void)sqlite3_finalize(select);
    return sum;
}

/* Two words of a row that exists, the first 50 rows that have both. */
static uint64_t searches(sqlite3 *database, const bench_sizes *sizes) {
    sqlite3_stmt *select = bench_prepare(database, "SELECT rowid FROM find WHERE find MATCH ? LIMIT 50");
    uint64_t sum = 0;
    for (int number = 0; number < sizes->searches; number++) {
        char first[WORD_BYTES], second[WORD_BYTES], both[2 * WORD_BYTES];
        uint64_t row = mix((uint64_t)number) % (uint64_t)sizes->rows * 3;
        fill_word(row * 8, first);
        fill_word(row * 8 + 1, second);
        (void)snprintf(both, sizeof both, "%s %s", first, second);
        (void)sqlite3_bind_text(select, 1, both, -1, SQLITE_STATIC);
        int found = 0;
        for (; sqlite3_step(select) == SQLITE_ROW; found++) {
            sum = sum * 31 + (uint64_t)sqlite3_column_int64(select, 0);
        }
        bench_require(found > 0, "a row that has both words");
        (void)sqlite3_reset(select);
    }
    (void)sqlite3_finalize(select);
    return sum;
}

static uint64_t full_scan(sqlite3 *database, const bench_sizes *sizes) {
    sqlite3_stmt *select = bench_prepare(database, "SELECT id, name, body FROM big");
    uint64_t sum = 0;
    int rows = 0;
    for (; sqlite3_step(select) == SQLITE_ROW; rows++) {
        sum = sum * 31 + sqlite3_column_text(select, 2)[7] + sqlite3_column_text(select, 1)[2];
    }
    bench_require(rows >= sizes->rows, "all rows");
    (void)sqlite3_finalize(select);
    return sum;
}

/* ---- what is around the work, not timed ---- */

static void begin_store(bench_side *side) {
    bench_side_create(side, SATCHEL_VAULT_CACHE_KIB_DEFAULT);
    bench_sql(side->database, "CREATE TABLE big(id INTEGER PRIMARY KEY, name TEXT, body TEXT);"
                              "CREATE VIRTUAL TABLE find USING fts5(body, content=big, content_rowid=id, detail=none)");
}

static void checkpoint(bench_side *side) {
    bench_sql(side->database, "PRAGMA wal_checkpoint(FULL)");
}

static void sync_normal(bench_side *side) {
    checkpoint(side);
    bench_side_synchronous(side, "NORMAL");
}

/* The table is whole: index, full-text index, and the file closed, so that opening can be timed. */
static void finish_writing(bench_side *side) {
    bench_side_synchronous(side, "FULL");
    bench_sql(side->database, "CREATE INDEX by_name ON big(name); INSERT INTO find(find) VALUES('rebuild')");
    checkpoint(side);
    bench_side_close(side);
}

/* A cache of a seventeenth of the file. */
static uint32_t small_cache_kib(const bench_side *side) {
    int64_t kib = bench_side_file_bytes(side) / 17 / 1024;
    return kib < 64 ? 64 : (uint32_t)kib;
}

static void open_large(bench_side *side) {
    bench_side_close(side);
    bench_side_open(side, (uint32_t)(bench_side_file_bytes(side) / 512));
    const bench_sizes any = {0};
    (void)full_scan(side->database, &any); /* the cache is warm */
}

/* ---- phases ---- */

typedef struct bench_phase {
    const char *name;
    void (*before)(bench_side *side);                              /* not timed; NULL: nothing */
    uint64_t (*work)(sqlite3 *database, const bench_sizes *sizes); /* NULL: the store is opened */
} bench_phase;

static const bench_phase phases[] = {
    {"bulk_insert", begin_store, bulk_insert},
    {"bulk_update", checkpoint, bulk_update},
    {"one_row_insert_full", checkpoint, inserts_full},
    {"one_row_update_full", checkpoint, updates_full},
    {"one_row_insert_normal", sync_normal, inserts_normal},
    {"one_row_update_normal", checkpoint, updates_normal},
    {"open", finish_writing, NULL},
    {"point_read_small_cache", NULL, point_reads},
    {"full_scan", NULL, full_scan},
    {"list_50_by_name", NULL, lists},
    {"search", NULL, searches},
    {"point_read_large_cache", open_large, point_reads},
};
#define PHASES (sizeof phases / sizeof phases[0])

typedef struct bench_reading {
    double ms;
    double cpu_ms;
    uint64_t checksum;
    bench_calls calls; /* made by this phase */
} bench_reading;

static bench_calls calls_since(bench_calls before) {
    bench_calls now = bench_calls_so_far();
    return (bench_calls){now.syncs - before.syncs, now.reads - before.reads, now.writes - before.writes,
                         now.bytes_read - before.bytes_read, now.bytes_written - before.bytes_written};
}

static bench_reading run_phase(const bench_phase *phase, bench_side *side, const bench_sizes *sizes) {
    bench_reading out = {0};
    if (phase->before != NULL) {
        phase->before(side);
    }
    uint32_t small_kib = phase->work == NULL ? small_cache_kib(side) : 0;
    bench_calls before = bench_calls_so_far();
    int64_t cpu = bench_thread_cpu_ns();
    int64_t start = bench_now_ns();
    if (phase->work == NULL) {
        bench_side_open(side, small_kib);
    } else {
        out.checksum = phase->work(side->database, sizes);
    }
    out.ms = (double)(bench_now_ns() - start) / 1e6;
    out.cpu_ms = (double)(bench_thread_cpu_ns() - cpu) / 1e6;
    out.calls = calls_since(before);
    return out;
}

/* ---- figures ---- */

typedef struct figures {
    bench_samples ms;
    bench_samples cpu_ms;
    bench_samples ratio;
    bench_samples cpu_ratio;
    bench_reading last;
} figures;

static figures all[PHASES][BENCH_SIDES_MOST];

static void print_ratio(const char *phase, const char *side, const char *what, bench_samples *samples) {
    char name[96];
    (void)snprintf(name, sizeof name, "store_%s_%s_%s", phase, side, what);
    bench_print_samples(name, samples, "ours/plain");
}

static void print_count(const char *phase, const char *side, const char *what, uint64_t count) {
    char name[96];
    (void)snprintf(name, sizeof name, "store_%s_%s_%s", phase, side, what);
    if (count > 0) {
        bench_print(name, (double)count, "calls");
    }
}

static void print_phase(size_t phase, const bench_side *sides, size_t count) {
    for (size_t side = 0; side < count; side++) {
        char name[96];
        figures *figure = &all[phase][side];
        (void)snprintf(name, sizeof name, "store_%s_%s", phases[phase].name, sides[side].name);
        bench_print_samples(name, &figure->ms, "ms");
        (void)snprintf(name, sizeof name, "store_%s_%s_cpu", phases[phase].name, sides[side].name);
        bench_print(name, bench_samples_quantile(&figure->cpu_ms, 0.5), "ms");
        if (side > 0) {
            print_ratio(phases[phase].name, sides[side].name, "ratio", &figure->ratio);
            print_ratio(phases[phase].name, sides[side].name, "cpu_ratio", &figure->cpu_ratio);
        }
        print_count(phases[phase].name, sides[side].name, "syncs", figure->last.calls.syncs);
        print_count(phases[phase].name, sides[side].name, "reads", figure->last.calls.reads);
        print_count(phases[phase].name, sides[side].name, "writes", figure->last.calls.writes);
    }
}

static void add_readings(size_t phase, size_t count, const bench_reading *readings) {
    const bench_reading *plain = &readings[0];
    for (size_t side = 0; side < count; side++) {
        figures *figure = &all[phase][side];
        const bench_reading *reading = &readings[side];
        bench_require(reading->checksum == plain->checksum, "all sides read the same");
        bench_require(reading->calls.syncs == plain->calls.syncs, "all sides sync as often");
        figure->last = *reading;
        bench_samples_add(&figure->ms, reading->ms);
        bench_samples_add(&figure->cpu_ms, reading->cpu_ms);
        bench_samples_add(&figure->ratio, plain->ms / reading->ms);
        bench_samples_add(&figure->cpu_ratio, plain->cpu_ms / reading->cpu_ms);
    }
}

/* Each phase on each side in turn, so that what is compared was measured within a second. */
static void run_all(bench_side *sides, size_t count, const bench_sizes *sizes, int run) {
    for (size_t phase = 0; phase < PHASES; phase++) {
        bench_reading readings[BENCH_SIDES_MOST] = {{0}};
        for (size_t turn = 0; turn < count; turn++) {
            size_t side = (turn + (size_t)run + phase) % count;
            readings[side] = run_phase(&phases[phase], &sides[side], sizes);
        }
        add_readings(phase, count, readings);
    }
    for (size_t side = 0; side < count; side++) {
        bench_side_close(&sides[side]);
    }
}

static void init_figures(void) {
    for (size_t index = 0; index < PHASES * BENCH_SIDES_MOST; index++) {
        figures *figure = &all[index / BENCH_SIDES_MOST][index % BENCH_SIDES_MOST];
        bench_samples_init(&figure->ms);
        bench_samples_init(&figure->cpu_ms);
        bench_samples_init(&figure->ratio);
        bench_samples_init(&figure->cpu_ratio);
    }
}

static void deinit_figures(void) {
    for (size_t index = 0; index < PHASES * BENCH_SIDES_MOST; index++) {
        figures *figure = &all[index / BENCH_SIDES_MOST][index % BENCH_SIDES_MOST];
        bench_samples_deinit(&figure->ms);
        bench_samples_deinit(&figure->cpu_ms);
        bench_samples_deinit(&figure->ratio);
        bench_samples_deinit(&figure->cpu_ratio);
    }
}

static void print_all(const bench_side *sides, size_t count, const bench_sizes *sizes) {
    uint64_t checksum = 0;
    (void)printf("store_sqlite %s\n", sqlite3_libversion());
    bench_print("store_rows", sizes->rows, "rows");
    bench_print("store_runs", sizes->runs, "runs");
    for (size_t phase = 0; phase < PHASES; phase++) {
        checksum = checksum * 31 + all[phase][0].last.checksum;
        print_phase(phase, sides, count);
    }
    bench_print("store_checksum", (double)(checksum % 1000000), "");
    for (size_t side = 1; side < count; side++) {
        char name[96];
        (void)snprintf(name, sizeof name, "store_file_size_%s_ratio", sides[side].name);
        bench_print(name, (double)bench_side_file_bytes(&sides[side]) / (double)bench_side_file_bytes(&sides[0]),
                    "ours/plain");
    }
}

int main(int argc, char **argv) {
    bool tiny = bench_is_tiny(argc, argv);
    bench_sizes sizes = {
        .runs = (int)bench_option(argc, argv, "--runs", tiny ? 1 : 9),
        .rows = (int)bench_option(argc, argv, "--rows", tiny ? 2000 : 100000),
        .batch = 1000,
        .transactions = (int)bench_option(argc, argv, "--transactions", tiny ? 50 : 2000),
        .reads = (int)bench_option(argc, argv, "--reads", tiny ? 500 : 50000),
        .searches = (int)bench_option(argc, argv, "--searches", tiny ? 20 : 1000),
    };
    bench_side sides[BENCH_SIDES_MOST];
    size_t count = bench_sides_init(sides);
    init_figures();
    for (int run = 0; run < sizes.runs; run++) {
        run_all(sides, count, &sizes, run);
    }
    print_all(sides, count, &sizes);
    deinit_figures();
    bench_sides_deinit(sides, count);
    return 0;
}
