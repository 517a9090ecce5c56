/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encrypted page store against the same SQLite, plain, in the same process.
 *
 * Both have the same rows, PRAGMAs, cache and WAL limit, and the same number of fsyncs, which is counted and checked.
 * Runs alternate between the two; each figure is the median of all runs. A `…_ratio` is the speed of ours over that of
 * plain, the median of the ratios of neighbouring runs, so that a busy machine harms both alike.
 * The file's pages are in the system's cache, so reads measure what encryption costs, not the disk.
 */
#include "support/bench.h"

#include "support/temp.h"
#include "vault/vault.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_BYTES 200
#define NAME_BYTES 24

typedef struct sizes {
    int runs;
    int rows;         /* of the big table */
    int batch;        /* rows of a transaction while it is filled */
    int transactions; /* of one row each */
    int reads;
} bench_sizes;

typedef struct side {
    bool sealed;
    sqlite3 *database;
    satchel_vault *vault;
} bench_side;

enum { ONE_ROW, ONE_ROW_UPDATE, BULK, READ_SMALL, READ_LARGE, LIST, SCAN, OPEN, MEASURES };
static const char *const names[MEASURES] = {
    "one_row_insert",         "one_row_update",  "bulk_insert", "point_read_small_cache",
    "point_read_large_cache", "list_50_by_name", "full_scan",   "open",
};

/* ---- fsyncs of the plain side, counted below SQLite ---- */

#define KINDS_OF_METHODS 4 /* the unix VFS has one table with locks for databases, one without for WALs */

static uint64_t plain_syncs;
static sqlite3_vfs counting_vfs;
static sqlite3_io_methods counting_methods[KINDS_OF_METHODS];
static const sqlite3_io_methods *unix_methods[KINDS_OF_METHODS];

static int count_sync(sqlite3_file *file, int flags) {
    plain_syncs++;
    return unix_methods[file->pMethods - counting_methods]->xSync(file, flags);
}

static int counting_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags) {
    sqlite3_vfs *below = vfs->pAppData;
    int code = below->xOpen(below, path, file, flags, out_flags);
    if (code != SQLITE_OK) {
        return code;
    }
    int kind = 0;
    while (kind < KINDS_OF_METHODS - 1 && unix_methods[kind] != NULL && unix_methods[kind] != file->pMethods) {
        kind++;
    }
    bench_require(unix_methods[kind] == NULL || unix_methods[kind] == file->pMethods, "few kinds of files");
    unix_methods[kind] = file->pMethods;
    counting_methods[kind] = *file->pMethods;
    counting_methods[kind].xSync = count_sync;
    file->pMethods = &counting_methods[kind];
    return SQLITE_OK;
}

/* The unix VFS finds its own data in pAppData, so calls that need it go to the original. */
static int below_access(sqlite3_vfs *vfs, const char *path, int flags, int *out) {
    sqlite3_vfs *below = vfs->pAppData;
    return below->xAccess(below, path, flags, out);
}

static int below_delete(sqlite3_vfs *vfs, const char *path, int sync) {
    sqlite3_vfs *below = vfs->pAppData;
    return below->xDelete(below, path, sync);
}

static int below_full_path(sqlite3_vfs *vfs, const char *path, int bytes, char *out) {
    sqlite3_vfs *below = vfs->pAppData;
    return below->xFullPathname(below, path, bytes, out);
}

static void register_counting_vfs(void) {
    sqlite3_vfs *below = sqlite3_vfs_find(NULL);
    counting_vfs = *below;
    counting_vfs.zName = "bench-counting";
    counting_vfs.pAppData = below;
    counting_vfs.xOpen = counting_open;
    counting_vfs.xAccess = below_access;
    counting_vfs.xDelete = below_delete;
    counting_vfs.xFullPathname = below_full_path;
    counting_vfs.pNext = NULL;
    bench_require(sqlite3_vfs_register(&counting_vfs, 0) == SQLITE_OK, "a counting VFS");
}

/* ---- the two sides ---- */

static satchel_status bench_secret(void *context, uint8_t out[32]) {
    (void)context;
    memset(out, 7, 32);
    return SATCHEL_OK;
}

static void must(sqlite3 *database, const char *sql) {
    char *message = NULL;
    int code = sqlite3_exec(database, sql, NULL, NULL, &message);
    if (code != SQLITE_OK) {
        (void)fprintf(stderr, "%s: %s\n", sql, message != NULL ? message : "?");
    }
    bench_require(code == SQLITE_OK, "SQL");
}

#define CHECKPOINT_FRAMES 1000

static void open_sealed(bench_side *side, const char *folder, uint32_t cache_kib, bool fresh) {
    satchel_vault_config config;
    satchel_error error = {0};
    satchel_vault_config_init(&config);
    config.folder = folder;
    config.cache_kib = cache_kib;
    config.checkpoint_frames = CHECKPOINT_FRAMES;
    config.unlock.slot = SATCHEL_VAULT_SLOT_DEVICE;
    config.unlock.keystore.secret = bench_secret;
    satchel_status status =
        fresh ? satchel_vault_create(&side->vault, &config, &error) : satchel_vault_open(&side->vault, &config, &error);
    bench_require(status == SATCHEL_OK, error.detail);
    side->database = satchel_vault_database(side->vault);
}

static void open_plain(bench_side *side, const char *folder, uint32_t cache_kib) {
    char text[TEST_PATH_BYTES + 64];
    (void)snprintf(text, sizeof text, "%s/plain.db", folder);
    int code = sqlite3_open_v2(text, &side->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                               "bench-counting");
    bench_require(code == SQLITE_OK, "a plain store");
    must(side->database,
         "PRAGMA locking_mode=EXCLUSIVE; PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL;"
         "PRAGMA temp_store=MEMORY; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON");
    (void)snprintf(text, sizeof text,
                   "PRAGMA cache_size=-%u; PRAGMA wal_autocheckpoint=%d; PRAGMA journal_size_limit=%d", cache_kib,
                   CHECKPOINT_FRAMES, 2 * CHECKPOINT_FRAMES * 4120);
    must(side->database, text);
    must(side->database, "SELECT count(*) FROM sqlite_schema");
}

static void open_side(bench_side *side, const char *folder, uint32_t cache_kib, bool fresh) {
    if (side->sealed) {
        open_sealed(side, folder, cache_kib, fresh);
    } else {
        open_plain(side, folder, cache_kib);
    }
}

static void close_side(bench_side *side) {
    if (side->sealed) {
        bench_require(satchel_vault_stats_of(side->vault).refused_opens == 0, "no refused open");
        satchel_vault_close(side->vault);
    } else {
        bench_require(sqlite3_close(side->database) == SQLITE_OK, "a clean close");
    }
    side->database = NULL;
    side->vault = NULL;
}

static uint64_t syncs_of(const bench_side *side) {
    return side->sealed ? satchel_vault_stats_of(side->vault).syncs : plain_syncs;
}

/* ---- work ---- */

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

static sqlite3_stmt *prepare(sqlite3 *database, const char *sql) {
    sqlite3_stmt *statement = NULL;
    bench_require(sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK, sql);
    return statement;
}

static void step_done(sqlite3_stmt *statement) {
    bench_require(sqlite3_step(statement) == SQLITE_DONE, "a change");
    (void)sqlite3_reset(statement);
}

static void insert_row(sqlite3_stmt *insert, uint64_t seed) {
    char name[NAME_BYTES], body[BODY_BYTES];
    fill_text(seed, name, NAME_BYTES);
    fill_text(seed + 1, body, BODY_BYTES);
    (void)sqlite3_bind_text(insert, 1, name, NAME_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_text(insert, 2, body, BODY_BYTES, SQLITE_STATIC);
    step_done(insert);
}

static void bulk(sqlite3 *database, const bench_sizes *sizes) {
    sqlite3_stmt *insert = prepare(database, "INSERT INTO big(name, body) VALUES(?,?)");
    for (int row = 0; row < sizes->rows; row++) {
        if (row % sizes->batch == 0) {
            must(database, "BEGIN");
        }
        insert_row(insert, (uint64_t)row * 3);
        if (row % sizes->batch == sizes->batch - 1 || row == sizes->rows - 1) {
            must(database, "COMMIT");
        }
    }
    (void)sqlite3_finalize(insert);
}

static void one_row_inserts(sqlite3 *database, const bench_sizes *sizes) {
    sqlite3_stmt *insert = prepare(database, "INSERT INTO big(name, body) VALUES(?,?)");
    for (int number = 0; number < sizes->transactions; number++) {
        insert_row(insert, (uint64_t)number * 5);
    }
    (void)sqlite3_finalize(insert);
}

static void one_row_updates(sqlite3 *database, const bench_sizes *sizes) {
    sqlite3_stmt *update = prepare(database, "UPDATE big SET name=? WHERE id=?");
    char name[NAME_BYTES];
    for (int number = 0; number < sizes->transactions; number++) {
        fill_text((uint64_t)number * 7, name, NAME_BYTES);
        (void)sqlite3_bind_text(update, 1, name, NAME_BYTES, SQLITE_STATIC);
        (void)sqlite3_bind_int64(update, 2, 1 + (int64_t)(mix((uint64_t)number) % (uint64_t)sizes->rows));
        step_done(update);
    }
    (void)sqlite3_finalize(update);
}

static uint64_t point_reads(sqlite3 *database, const bench_sizes *sizes) {
    sqlite3_stmt *select = prepare(database, "SELECT name, body FROM big WHERE id=?");
    uint64_t sum = 0;
    for (int number = 0; number < sizes->reads; number++) {
        (void)sqlite3_bind_int64(select, 1, 1 + (int64_t)(mix((uint64_t)number + 77) % (uint64_t)sizes->rows));
        bench_require(sqlite3_step(select) == SQLITE_ROW, "a row");
        sum = sum * 31 + sqlite3_column_text(select, 1)[number % BODY_BYTES];
        (void)sqlite3_reset(select);
    }
    (void)sqlite3_finalize(select);
    return sum;
}

static uint64_t lists(sqlite3 *database, const bench_sizes *sizes) {
    sqlite3_stmt *select = prepare(database, "SELECT id, name, body FROM big WHERE name>? ORDER BY name LIMIT 50");
    uint64_t sum = 0;
    for (int number = 0; number < sizes->reads / 50; number++) {
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

static uint64_t scan(sqlite3 *database) {
    sqlite3_stmt *select = prepare(database, "SELECT id, name, body FROM big");
    uint64_t sum = 0;
    while (sqlite3_step(select) == SQLITE_ROW) {
        sum = sum * 31 + sqlite3_column_text(select, 2)[7] + sqlite3_column_text(select, 1)[2];
    }
    (void)sqlite3_finalize(select);
    return sum;
}

/* ---- one run of one side ---- */

typedef struct results {
    double seconds[MEASURES];
    uint64_t checksum;
    uint64_t syncs;
    int64_t file_bytes;
} results;

static double seconds_since(int64_t start_ns) {
    return (double)(bench_now_ns() - start_ns) / 1e9;
}

static void write_part(bench_side *side, const bench_sizes *sizes, results *out) {
    uint64_t syncs = syncs_of(side);
    must(side->database, "CREATE TABLE big(id INTEGER PRIMARY KEY, name TEXT, body TEXT)");
    int64_t start = bench_now_ns();
    bulk(side->database, sizes);
    out->seconds[BULK] = seconds_since(start);
    must(side->database, "PRAGMA wal_checkpoint(FULL)");
    start = bench_now_ns();
    one_row_inserts(side->database, sizes);
    out->seconds[ONE_ROW] = seconds_since(start);
    start = bench_now_ns();
    one_row_updates(side->database, sizes);
    out->seconds[ONE_ROW_UPDATE] = seconds_since(start);
    must(side->database, "CREATE INDEX by_name ON big(name)");
    must(side->database, "PRAGMA wal_checkpoint(FULL)");
    out->syncs = syncs_of(side) - syncs;
}

/* A cache of a seventeenth of the file. */
static uint32_t small_cache_kib(int64_t file_bytes) {
    int64_t kib = file_bytes / 17 / 1024;
    return kib < 64 ? 64 : (uint32_t)kib;
}

static void read_part(bench_side *side, const char *folder, const bench_sizes *sizes, results *out) {
    uint32_t small_kib = small_cache_kib(out->file_bytes);
    int64_t start = bench_now_ns();
    open_side(side, folder, small_kib, false);
    out->seconds[OPEN] = seconds_since(start);
    start = bench_now_ns();
    out->checksum = point_reads(side->database, sizes);
    out->seconds[READ_SMALL] = seconds_since(start);
    start = bench_now_ns();
    out->checksum = out->checksum * 31 + scan(side->database);
    out->seconds[SCAN] = seconds_since(start);
    start = bench_now_ns();
    out->checksum = out->checksum * 31 + lists(side->database, sizes);
    out->seconds[LIST] = seconds_since(start);
    close_side(side);
    open_side(side, folder, (uint32_t)(out->file_bytes / 512), false);
    (void)scan(side->database); /* the cache is warm */
    start = bench_now_ns();
    out->checksum = out->checksum * 31 + point_reads(side->database, sizes);
    out->seconds[READ_LARGE] = seconds_since(start);
    close_side(side);
}

static int64_t file_bytes(const char *folder, bool sealed) {
    char path[TEST_PATH_BYTES + 16];
    uint64_t bytes = 0;
    const satchel_vault_files *files = satchel_vault_files_posix();
    (void)snprintf(path, sizeof path, "%s/%s", folder, sealed ? "store.db" : "plain.db");
    bench_require(files->size(files->context, path, &bytes) == SATCHEL_OK, "the size of the file");
    return (int64_t)bytes;
}

static results run_side(bool sealed, const bench_sizes *sizes) {
    results out = {0};
    bench_side side = {.sealed = sealed};
    test_temp temp = test_temp_make();
    open_side(&side, temp.path, SATCHEL_VAULT_CACHE_KIB_DEFAULT, true);
    write_part(&side, sizes, &out);
    close_side(&side);
    out.file_bytes = file_bytes(temp.path, sealed);
    read_part(&side, temp.path, sizes, &out);
    test_temp_remove(&temp);
    return out;
}

typedef struct measured {
    bench_samples plain[MEASURES];
    bench_samples sealed[MEASURES];
    bench_samples ratio[MEASURES];
} measured;

static void print_measure(measured *all, int measure) {
    char name[96];
    (void)snprintf(name, sizeof name, "store_%s_plain", names[measure]);
    bench_print_samples(name, &all->plain[measure], "ms");
    (void)snprintf(name, sizeof name, "store_%s_sealed", names[measure]);
    bench_print_samples(name, &all->sealed[measure], "ms");
    (void)snprintf(name, sizeof name, "store_%s_ratio", names[measure]);
    bench_print(name, bench_samples_quantile(&all->ratio[measure], 0.5), "ours/plain");
}

/* One run of each side; neither is always the first. */
static void run_pair(const bench_sizes *sizes, int run, measured *all, results last[2]) {
    for (int turn = 0; turn < 2; turn++) {
        int kind = (turn + run) % 2;
        last[kind] = run_side(kind == 1, sizes);
    }
    bench_require(last[0].checksum == last[1].checksum, "both sides read the same");
    bench_require(last[0].syncs == last[1].syncs, "both sides sync as often");
    for (int measure = 0; measure < MEASURES; measure++) {
        bench_samples_add(&all->plain[measure], last[0].seconds[measure] * 1000);
        bench_samples_add(&all->sealed[measure], last[1].seconds[measure] * 1000);
        bench_samples_add(&all->ratio[measure], last[0].seconds[measure] / last[1].seconds[measure]);
    }
}

int main(int argc, char **argv) {
    bool tiny = bench_is_tiny(argc, argv);
    bench_sizes sizes = {
        .runs = (int)bench_option(argc, argv, "--runs", tiny ? 1 : 7),
        .rows = (int)bench_option(argc, argv, "--rows", tiny ? 2000 : 100000),
        .batch = 1000,
        .transactions = (int)bench_option(argc, argv, "--transactions", tiny ? 50 : 2000),
        .reads = (int)bench_option(argc, argv, "--reads", tiny ? 500 : 50000),
    };
    static measured all;
    results last[2] = {{{0}, 0, 0, 0}, {{0}, 0, 0, 0}};
    register_counting_vfs();
    for (int measure = 0; measure < MEASURES; measure++) {
        bench_samples_init(&all.plain[measure]);
        bench_samples_init(&all.sealed[measure]);
        bench_samples_init(&all.ratio[measure]);
    }
    for (int run = 0; run < sizes.runs; run++) {
        run_pair(&sizes, run, &all, last);
    }
    bench_print("store_rows", sizes.rows, "rows");
    bench_print("store_runs", sizes.runs, "runs");
    bench_print("store_checksum", (double)(last[0].checksum % 1000000), "");
    bench_print("store_syncs", (double)last[0].syncs, "fsyncs");
    for (int measure = 0; measure < MEASURES; measure++) {
        print_measure(&all, measure);
        bench_samples_deinit(&all.plain[measure]);
        bench_samples_deinit(&all.sealed[measure]);
        bench_samples_deinit(&all.ratio[measure]);
    }
    bench_print("store_file_size_ratio", (double)last[1].file_bytes / (double)last[0].file_bytes, "ours/plain");
    return 0;
}
