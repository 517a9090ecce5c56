/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same SQLite on a plain file and on vaults of each cipher, with the same PRAGMAs, below them one VFS that counts.
 */
#ifndef SATCHEL_TESTS_BENCH_SUPPORT_SIDES_H
#define SATCHEL_TESTS_BENCH_SUPPORT_SIDES_H

#include "crypto/seal.h"
#include "support/temp.h"
#include "vault/vault.h"

#include <sqlite3.h>

/* Plain, and each cipher that there is. */
#define BENCH_SIDES_MOST 4
#define BENCH_CHECKPOINT_FRAMES 1000

/* Calls that reached the system's files, of all sides together. */
typedef struct bench_calls {
    uint64_t syncs;
    uint64_t reads;
    uint64_t writes;
    uint64_t bytes_read;
    uint64_t bytes_written;
} bench_calls;

typedef struct bench_side {
    const char *name;
    uint32_t cipher; /* 0: plain */
    test_temp temp;
    sqlite3 *database;
    satchel_vault *vault;
} bench_side;

/* Registers the counting VFS and gives the sides, plain first. Their folders are made. */
size_t bench_sides_init(bench_side sides[BENCH_SIDES_MOST]);
void bench_sides_deinit(bench_side *sides, size_t count);

/* A new empty store in place of the one that was there. */
void bench_side_create(bench_side *side, uint32_t cache_kib);
void bench_side_open(bench_side *side, uint32_t cache_kib);
void bench_side_close(bench_side *side);

/* A vault refuses this PRAGMA; here, and only here, the refusal is lifted for the moment. */
void bench_side_synchronous(bench_side *side, const char *level);

int64_t bench_side_file_bytes(const bench_side *side);
bench_calls bench_calls_so_far(void);

void bench_sql(sqlite3 *database, const char *sql);
sqlite3_stmt *bench_prepare(sqlite3 *database, const char *sql);

#endif
