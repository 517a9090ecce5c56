/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store with its WAL, opened as the vault does: the input describes plain pages and frames (support/image.h), which
 * the harness seals, and may tear the sealed bytes. Opening ends with a typed status and without a refused file; what
 * is committed then is there when the store is opened again.
 */
#include "fuzz/support/image.h"

#include "vault/connection.h"

#include <string.h>

/* Scratch of both files and the disk's two copies of each; SQLite's own memory is not counted. */
#define WAL_MEMORY 4194304

static const satchel_connection_config config = {64, 100};

static bool is_typed(satchel_status status) {
    return status == SATCHEL_OK || status == SATCHEL_DAMAGED || status == SATCHEL_FOREIGN_FILE ||
           status == SATCHEL_UNSUPPORTED_SQLITE || status == SATCHEL_DATABASE_ERROR || status == SATCHEL_IO_ERROR ||
           status == SATCHEL_NOT_FOUND || status == SATCHEL_READ_ONLY_STORE || status == SATCHEL_UNSUPPORTED_IO;
}

static sqlite3 *open_store(test_disk *disk, satchel_vfs **vfs, bool creating) {
    static satchel_random_seeded seeded;
    satchel_random random = satchel_random_from_seed(&seeded, 7);
    sqlite3 *database = NULL;
    FUZZ_HOLDS(satchel_vfs_open(vfs, FUZZ_IMAGE_PATH, creating, fuzz_image_keys(), random, test_disk_vfs(disk)) ==
               SATCHEL_OK);
    if (creating) {
        FUZZ_HOLDS(satchel_connection_create(*vfs, NULL) == SATCHEL_OK);
        (*vfs)->creating = false;
    }
    satchel_status status = satchel_connection_open(&database, *vfs, &config, NULL);
    FUZZ_HOLDS(is_typed(status) && (status == SATCHEL_OK) == (database != NULL));
    FUZZ_HOLDS((*vfs)->stats.refused_opens == 0);
    return database;
}

static int run(sqlite3 *database, const char *sql) {
    return sqlite3_exec(database, sql, NULL, NULL, NULL);
}

static int64_t number_of(sqlite3 *database, const char *sql) {
    sqlite3_stmt *statement = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
        number = sqlite3_column_int64(statement, 0);
    }
    (void)sqlite3_finalize(statement);
    return number;
}

/* Whether a commit was acknowledged. */
static bool use(sqlite3 *database) {
    (void)run(database, "SELECT * FROM sqlite_schema");
    (void)run(database, "SELECT count(*) FROM t");
    (void)run(database, "PRAGMA quick_check(3)");
    return run(database, "PRAGMA user_version=77") == SQLITE_OK && number_of(database, "PRAGMA user_version") == 77;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_reader input = satchel_reader_of(satchel_bytes_of(data, bytes));
    satchel_vfs *vfs = NULL;
    (void)fuzz_image_keys();
    fuzz_begin();
    test_disk *disk = test_disk_make();
    fuzz_image_make(disk, &input);
    sqlite3 *database = open_store(disk, &vfs, false);
    bool committed = database != NULL && use(database);
    FUZZ_HOLDS(satchel_connection_close(database) != SATCHEL_BUSY);
    committed = committed && vfs->trouble == SATCHEL_OK && vfs->poison == SATCHEL_OK;
    satchel_vfs_close(vfs);
    if (committed) {
        database = open_store(disk, &vfs, false);
        FUZZ_HOLDS(database != NULL && number_of(database, "PRAGMA user_version") == 77);
        FUZZ_HOLDS(satchel_connection_close(database) == SATCHEL_OK);
        satchel_vfs_close(vfs);
    }
    test_disk_free(disk);
    fuzz_end(WAL_MEMORY);
    return 0;
}

/* A store with three kept commits, then each of the ways to take it. */
void fuzz_seeds(void) {
    static const char *const steps[] = {"CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT)",
                                        "INSERT INTO t(body) VALUES('tea')", "UPDATE t SET body='more tea'"};
    (void)sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, 1, (sqlite3 *)NULL); /* salts */
    test_disk *disk = test_disk_make();
    satchel_buffer seed = {NULL, 0, 0};
    satchel_vfs *vfs = NULL;
    sqlite3 *database = open_store(disk, &vfs, true);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        FUZZ_HOLDS(run(database, steps[i]) == SQLITE_OK);
        for (uint8_t flags = 0; flags < 4; flags++) {
            fuzz_image_describe(disk, flags, &seed);
            fuzz_append_text(&seed, (flags & FUZZ_IMAGE_TEAR) != 0 ? "\x01\x23\x45\x67" : "");
            fuzz_seed(satchel_buffer_view(&seed));
        }
    }
    FUZZ_HOLDS(satchel_connection_close(database) == SATCHEL_OK);
    satchel_vfs_close(vfs);
    fuzz_image_describe(disk, 0, &seed);
    fuzz_seed(satchel_buffer_view(&seed));
    satchel_buffer_deinit(&seed);
    test_disk_free(disk);
}
