/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sealed log of page tags would cost: it would tell the replay of a single old page (threat-model.md,
 * Decisions).
 *
 * The log is not built. Measured are a real checkpoint, and the work that the log would add: at each checkpoint a
 * sealed delta of 12 bytes a page, appended and synced; at open the whole log read, opened and laid into a table of 8
 * bytes a page; now and then the log written anew, when its deltas are as long as the table.
 */
#include "support/bench.h"
#include "support/sides.h"

#include "base/memory.h"
#include "crypto/random.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TABLE_BYTES_A_PAGE 8u
#define DELTA_BYTES_A_PAGE 12u /* page number 4, tag 8 */
#define DELTA_PAGES 1000u      /* as many as a checkpoint has at most */
#define PIECE_BYTES 16384u     /* of the table, sealed each for itself */

static const uint8_t key[SATCHEL_KEY_BYTES] = {1, 2, 3};

typedef struct timing {
    int64_t wall;
    int64_t cpu;
} timing;

static timing timing_begin(void) {
    return (timing){bench_now_ns(), bench_thread_cpu_ns()};
}

static void timing_end(timing begun, bench_samples *ms, bench_samples *cpu_ms) {
    bench_samples_add(cpu_ms, (double)(bench_thread_cpu_ns() - begun.cpu) / 1e6);
    bench_samples_add(ms, (double)(bench_now_ns() - begun.wall) / 1e6);
}

typedef struct timed {
    bench_samples ms;
    bench_samples cpu_ms;
} timed;

static void figure_init(timed *figure) {
    bench_samples_init(&figure->ms);
    bench_samples_init(&figure->cpu_ms);
}

static double figure_end(timed *figure, const char *what, uint64_t pages) {
    char name[96];
    double median = bench_samples_quantile(&figure->ms, 0.5);
    (void)snprintf(name, sizeof name, "page_tags_%s_%llu_pages", what, (unsigned long long)pages);
    bench_print_samples(name, &figure->ms, "ms");
    (void)snprintf(name, sizeof name, "page_tags_%s_%llu_pages_cpu", what, (unsigned long long)pages);
    bench_print(name, bench_samples_quantile(&figure->cpu_ms, 0.5), "ms");
    bench_samples_deinit(&figure->ms);
    bench_samples_deinit(&figure->cpu_ms);
    return median;
}

/* Checkpoints of about a thousand frames each, at random places of a real store; about four rows lie on a page. */
static double checkpoints(bench_side *side, uint64_t pages, int runs) {
    timed figure;
    char sql[256];
    figure_init(&figure);
    bench_side_create(side, SATCHEL_VAULT_CACHE_KIB_DEFAULT);
    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE t(id INTEGER PRIMARY KEY, body BLOB); BEGIN;"
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<%llu)"
                   "INSERT INTO t SELECT i, randomblob(900) FROM n; COMMIT; PRAGMA wal_checkpoint(TRUNCATE)",
                   (unsigned long long)pages * 4);
    bench_sql(side->database, sql);
    for (int run = 0; run < runs; run++) {
        (void)snprintf(sql, sizeof sql,
                       "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<900)"
                       "UPDATE t SET body=randomblob(900) WHERE id IN"
                       "(SELECT 1+abs(random()) %% %llu FROM n)",
                       (unsigned long long)pages * 4);
        bench_sql(side->database, sql);
        timing begun = timing_begin();
        bench_sql(side->database, "PRAGMA wal_checkpoint(FULL)");
        timing_end(begun, &figure.ms, &figure.cpu_ms);
    }
    bench_side_close(side);
    return figure_end(&figure, "checkpoint", pages);
}

/* Appends `plain`, sealed in pieces, and syncs. */
static void append(int file, const uint8_t *plain, size_t bytes, satchel_buffer *sealed) {
    satchel_random random = satchel_random_system();
    sealed->bytes = 0;
    for (size_t at = 0; at < bytes; at += PIECE_BYTES) {
        size_t piece = bytes - at < PIECE_BYTES ? bytes - at : PIECE_BYTES;
        satchel_status status =
            satchel_seal_message(key, random, satchel_bytes_of(key, 8), satchel_bytes_of(plain + at, piece), sealed);
        bench_require(status == SATCHEL_OK, "a sealed piece");
    }
    bench_require(write(file, sealed->data, sealed->bytes) == (ssize_t)sealed->bytes, "a written log");
    bench_require(fsync(file) == 0, "a synced log");
}

static int open_log(const bench_side *side, const char *name, int flags) {
    char path[TEST_PATH_BYTES];
    int file = open(test_temp_path(&side->temp, name, path), flags, 0600);
    bench_require(file >= 0, "a log");
    return file;
}

/* The log written anew beside the old one, renamed over it. */
static double rewrites(const bench_side *side, uint64_t pages, const uint8_t *table, int runs) {
    char from[TEST_PATH_BYTES], to[TEST_PATH_BYTES];
    satchel_buffer sealed = {0};
    timed figure;
    figure_init(&figure);
    for (int run = 0; run < runs; run++) {
        timing begun = timing_begin();
        int file = open_log(side, "tags.new", O_RDWR | O_CREAT | O_TRUNC);
        append(file, table, (size_t)pages * TABLE_BYTES_A_PAGE, &sealed);
        (void)close(file);
        int moved = rename(test_temp_path(&side->temp, "tags.new", from), test_temp_path(&side->temp, "tags", to));
        bench_require(moved == 0, "a renamed log");
        int folder = open(side->temp.path, O_RDONLY);
        bench_require(folder >= 0 && fsync(folder) == 0, "a synced folder");
        (void)close(folder);
        timing_end(begun, &figure.ms, &figure.cpu_ms);
    }
    satchel_buffer_deinit(&sealed);
    return figure_end(&figure, "rewrite", pages);
}

/* Deltas until they are as long as the table. */
static double appends(const bench_side *side, uint64_t pages, const uint8_t *table) {
    satchel_buffer sealed = {0};
    timed figure;
    uint64_t count = pages * TABLE_BYTES_A_PAGE / (DELTA_PAGES * DELTA_BYTES_A_PAGE) + 1;
    int file = open_log(side, "tags", O_RDWR | O_APPEND);
    figure_init(&figure);
    for (uint64_t number = 0; number < count; number++) {
        timing begun = timing_begin();
        append(file, table, DELTA_PAGES * DELTA_BYTES_A_PAGE, &sealed);
        timing_end(begun, &figure.ms, &figure.cpu_ms);
    }
    (void)close(file);
    satchel_buffer_deinit(&sealed);
    return figure_end(&figure, "append", pages);
}

/* Opens every piece; those of the table are laid down, of deltas each page is looked up. */
static void load(int file, uint64_t pages, uint8_t *table, satchel_buffer *log, satchel_buffer *plain) {
    size_t bytes = (size_t)lseek(file, 0, SEEK_END) & INT32_MAX;
    log->bytes = 0;
    bench_require(satchel_buffer_reserve(log, bytes) == SATCHEL_OK, "room for the log");
    bench_require(pread(file, log->data, bytes, 0) == (ssize_t)bytes, "the log");
    size_t left = (size_t)pages * TABLE_BYTES_A_PAGE;
    size_t at = 0;
    for (size_t place = 0; at < bytes;) {
        size_t whole = left > 0 ? left : DELTA_PAGES * DELTA_BYTES_A_PAGE;
        size_t piece = whole < PIECE_BYTES ? whole : PIECE_BYTES;
        size_t message = piece + SATCHEL_SEAL_OVERHEAD_BYTES;
        plain->bytes = 0;
        satchel_status status =
            satchel_unseal_message(key, satchel_bytes_of(key, 8), satchel_bytes_of(log->data + at, message), plain);
        bench_require(status == SATCHEL_OK, "a piece that opens");
        at += message;
        if (left > 0) {
            memcpy(table + place, plain->data, piece);
            place += piece;
            left -= piece;
            continue;
        }
        for (size_t entry = 0; entry + DELTA_BYTES_A_PAGE <= piece; entry += DELTA_BYTES_A_PAGE) {
            uint64_t page = satchel_get_u32be(plain->data + entry) % pages;
            memcpy(table + page * TABLE_BYTES_A_PAGE, plain->data + entry + 4, TABLE_BYTES_A_PAGE);
        }
    }
}

static void loads(const bench_side *side, uint64_t pages, int runs) {
    satchel_buffer log = {0};
    satchel_buffer plain = {0};
    timed figure;
    figure_init(&figure);
    for (int run = 0; run < runs; run++) {
        timing begun = timing_begin();
        uint8_t *table = satchel_memory_take((size_t)pages * TABLE_BYTES_A_PAGE);
        bench_require(table != NULL, "a table");
        int file = open_log(side, "tags", O_RDONLY);
        load(file, pages, table, &log, &plain);
        (void)close(file);
        timing_end(begun, &figure.ms, &figure.cpu_ms);
        satchel_memory_give(table);
    }
    satchel_buffer_deinit(&log);
    satchel_buffer_deinit(&plain);
    (void)figure_end(&figure, "load", pages);
}

static void measure(bench_side *side, uint64_t pages, int runs, double checkpoint_ms) {
    char name[96];
    uint8_t *table = satchel_memory_take((size_t)pages * TABLE_BYTES_A_PAGE + DELTA_PAGES * DELTA_BYTES_A_PAGE);
    bench_require(table != NULL, "a table");
    satchel_status status = satchel_random_fill(satchel_random_system(), table, (size_t)pages * TABLE_BYTES_A_PAGE);
    bench_require(status == SATCHEL_OK, "tags");
    double rewrite = rewrites(side, pages, table, runs);
    double every = (double)(pages * TABLE_BYTES_A_PAGE) / (DELTA_PAGES * DELTA_BYTES_A_PAGE) + 1;
    double appended = appends(side, pages, table);
    loads(side, pages, runs);
    (void)snprintf(name, sizeof name, "page_tags_cost_%llu_pages_ratio", (unsigned long long)pages);
    bench_print(name, (appended + rewrite / every) / checkpoint_ms, "log/checkpoint");
    satchel_memory_give(table);
}

int main(int argc, char **argv) {
    bool tiny = bench_is_tiny(argc, argv);
    int runs = (int)bench_option(argc, argv, "--runs", tiny ? 2 : 15);
    uint64_t pages = tiny ? 2000 : 25000;
    bench_side sides[BENCH_SIDES_MOST];
    size_t count = bench_sides_init(sides);
    double checkpoint = checkpoints(&sides[1], pages, runs);
    measure(&sides[1], pages, runs, checkpoint);
    measure(&sides[1], 10 * pages, runs, checkpoint);
    bench_sides_deinit(sides, count);
    return 0;
}
