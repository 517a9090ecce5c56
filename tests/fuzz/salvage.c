/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Salvage: pages and frames of a store in any state (support/image.h), read without SQLite. The walk gives no page that
 * did not open, in order of age; a row lies within what its page holds, and a payload within the limit of a row.
 */
#include "fuzz/support/image.h"

#include "store/salvage.h"
#include "store/salvage_page.h"
#include "vault/connection.h"
#include "vault/salvage.h"

#include <string.h>

/* The disk's copies, scratch, and the largest payload, grown by doubling. */
#define SALVAGE_MEMORY (4194304 + 4 * SATCHEL_SALVAGE_ROW_MOST_BYTES)

typedef struct walk {
    satchel_salvage *salvage;
    satchel_buffer room;
    uint64_t pages;
    uint64_t last_age;
    uint64_t sum;
} walk;

static satchel_status take_row(void *context, const satchel_salvage_row *row) {
    walk *here = context;
    FUZZ_HOLDS(row->column_count <= SATCHEL_SALVAGE_COLUMNS_MOST);
    for (uint32_t i = 0; i < row->column_count; i++) {
        const satchel_salvage_column *column = &row->columns[i];
        FUZZ_HOLDS(column->type <= SATCHEL_SALVAGE_BLOB && column->bytes.bytes <= SATCHEL_SALVAGE_ROW_MOST_BYTES);
        for (size_t at = 0; at < column->bytes.bytes; at++) { /* each byte is ours to read */
            here->sum += column->bytes.data[at];
        }
    }
    return SATCHEL_OK;
}

static satchel_status take_page(void *context, const satchel_salvage_page *page) {
    walk *here = context;
    uint8_t again[SATCHEL_SALVAGE_PAGE_BYTES];
    FUZZ_HOLDS(page->age >= here->last_age);
    here->last_age = page->age;
    here->pages++;
    satchel_status status = satchel_salvage_read(here->salvage, page->number, page->age, again);
    FUZZ_HOLDS(status == SATCHEL_OK || status == SATCHEL_NOT_FOUND || status == SATCHEL_DAMAGED);
    return satchel_salvage_rows(here->salvage, page, &here->room, take_row, here);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_reader input = satchel_reader_of(satchel_bytes_of(data, bytes));
    walk here = {NULL, {NULL, 0, 0}, 0, 0, 0};
    (void)fuzz_image_keys();
    fuzz_begin();
    test_disk *disk = test_disk_make();
    fuzz_image_make(disk, &input);
    satchel_status status =
        satchel_salvage_open(&here.salvage, test_disk_vfs(disk), FUZZ_IMAGE_PATH, fuzz_image_keys(), NULL);
    FUZZ_HOLDS(status == SATCHEL_OK || status == SATCHEL_NOT_FOUND);
    if (status == SATCHEL_OK) {
        FUZZ_HOLDS(satchel_salvage_walk(here.salvage, take_page, &here, NULL) == SATCHEL_OK);
        const satchel_salvage_count *count = satchel_salvage_counts(here.salvage);
        FUZZ_HOLDS(here.pages + count->frames_bad <= FUZZ_IMAGE_PAGES_MOST + FUZZ_IMAGE_FRAMES_MOST);
        FUZZ_HOLDS(count->frames_bad + count->frames_old + count->frames_dropped <= count->frames);
        FUZZ_HOLDS(count->pages_bad <= count->pages && count->pages_missing <= count->pages_bad);
        satchel_salvage_close(here.salvage);
    }
    satchel_buffer_deinit(&here.room);
    test_disk_free(disk);
    fuzz_end(SALVAGE_MEMORY);
    return 0;
}

/* A store of tables with and without row ids, an index, and a row with overflow pages; half of it in the WAL. */
void fuzz_seeds(void) {
    static const satchel_connection_config config = {64, 100};
    static satchel_random_seeded seeded;
    (void)sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, 1, (sqlite3 *)NULL); /* salts */
    test_disk *disk = test_disk_make();
    satchel_buffer seed = {NULL, 0, 0};
    satchel_vfs *vfs = NULL;
    sqlite3 *database = NULL;
    satchel_random random = satchel_random_from_seed(&seeded, 7);
    FUZZ_HOLDS(satchel_vfs_open(&vfs, FUZZ_IMAGE_PATH, true, fuzz_image_keys(), random, test_disk_vfs(disk)) ==
               SATCHEL_OK);
    FUZZ_HOLDS(satchel_connection_create(vfs, NULL) == SATCHEL_OK);
    vfs->creating = false;
    FUZZ_HOLDS(satchel_connection_open(&database, vfs, &config, NULL) == SATCHEL_OK);
    FUZZ_HOLDS(sqlite3_exec(database,
                            "BEGIN; CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b BLOB, c REAL, d);"
                            "CREATE TABLE w(k BLOB PRIMARY KEY, v TEXT) WITHOUT ROWID;"
                            "INSERT INTO t VALUES(1,'tea',x'0102',1.5,NULL),(-5,'',NULL,0,9999999999);"
                            "INSERT INTO w VALUES(x'01','one'),(x'02','two'); COMMIT;"
                            "PRAGMA wal_checkpoint(TRUNCATE);"
                            "INSERT INTO t VALUES(2,'long',zeroblob(5000),2,1)",
                            NULL, NULL, NULL) == SQLITE_OK);
    for (uint8_t flags = 0; flags < 4; flags++) {
        fuzz_image_describe(disk, flags, &seed);
        fuzz_append_text(&seed, (flags & FUZZ_IMAGE_TEAR) != 0 ? "\x01\x23\x45\x67" : "");
        fuzz_seed(satchel_buffer_view(&seed));
    }
    FUZZ_HOLDS(satchel_connection_close(database) == SATCHEL_OK);
    satchel_vfs_close(vfs);
    satchel_buffer_deinit(&seed);
    test_disk_free(disk);
}
