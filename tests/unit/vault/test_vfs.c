/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sealing VFS from the outside: accesses that it does not know, files that it refuses, randomness that ends.
 */
#include "fixture.h"

#include "base/bytes.h"
#include "base/memory.h"
#include "support/vault/disk.h"
#include "vault/connection.h"
#include "vault/database_file.h"
#include "vault/run.h"
#include "vault/vfs.h"
#include "vault/wal_file.h"

#include <string.h>

static sqlite3_file *database_file(const vault_fixture *fixture) {
    sqlite3_file *file = NULL;
    sqlite3 *database = satchel_vault_database(fixture->vault);
    REQUIRE_INT(sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file), SQLITE_OK);
    return file;
}

static sqlite3_file *wal_file(const vault_fixture *fixture) {
    sqlite3_file *file = NULL;
    sqlite3 *database = satchel_vault_database(fixture->vault);
    REQUIRE_INT(sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file), SQLITE_OK);
    return file;
}

/* After an access that is not known nothing is written any more, and the status says why. */
static void check_poisoned(vault_fixture *fixture) {
    int code = run_sql(fixture->vault, "INSERT INTO t(body) VALUES('x')");
    CHECK(code != SQLITE_OK);
    CHECK_STATUS(satchel_vault_status(fixture->vault, code), SATCHEL_UNSUPPORTED_IO);
    fixture_close(fixture);
    fixture_open(fixture);
    CHECK_INT(number_of(fixture->vault, "SELECT count(*) FROM t"), 5);
}

TEST(vfs, other_sizes_and_places_in_the_database_are_typed_failures) {
    static const struct {
        int amount;
        sqlite3_int64 offset;
        bool write;
    } cases[] = {
        {4096, 1, false}, {4095, 0, false}, {100, 4096, false}, {16, 0, false}, {1, 0, false},   {8192, 0, false},
        {4096, 1, true},  {4095, 0, true},  {100, 0, true},     {512, 0, true}, {8192, 0, true}, {4096, -4096, true},
    };
    static uint8_t buffer[8192];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vault_fixture fixture;
        fixture_init(&fixture);
        fixture_create(&fixture);
        fill_rows(fixture.vault, 5);
        sqlite3_file *file = database_file(&fixture);
        const sqlite3_io_methods *methods = file->pMethods;
        int code = cases[i].write ? methods->xWrite(file, buffer, cases[i].amount, cases[i].offset)
                                  : methods->xRead(file, buffer, cases[i].amount, cases[i].offset);
        CHECK(code != SQLITE_OK);
        check_poisoned(&fixture);
        fixture_deinit(&fixture);
    }
}

TEST(vfs, other_sizes_and_places_in_the_wal_are_typed_failures) {
    static const struct {
        int amount;
        sqlite3_int64 offset;
        bool write;
    } cases[] = {
        {31, 0, false}, {32, 32, false}, {24, 33, false}, {4096, 32, false}, {4120, 33, false}, {4, 24, false},
        {8, 16, false}, {24, 0, true},   {32, 32, true},  {4096, 0, true},   {4120, 32, true},  {8, 48, true},
    };
    static uint8_t buffer[8192];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vault_fixture fixture;
        fixture_init(&fixture);
        fixture_create(&fixture);
        fill_rows(fixture.vault, 5);
        sqlite3_file *file = wal_file(&fixture);
        const sqlite3_io_methods *methods = file->pMethods;
        int code = cases[i].write ? methods->xWrite(file, buffer, cases[i].amount, cases[i].offset)
                                  : methods->xRead(file, buffer, cases[i].amount, cases[i].offset);
        test_note("case %zu", i);
        CHECK(code != SQLITE_OK);
        check_poisoned(&fixture);
        fixture_deinit(&fixture);
    }
}

TEST(vfs, truncation_to_a_part_of_a_page_is_a_typed_failure) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    fill_rows(fixture.vault, 5);
    sqlite3_file *file = database_file(&fixture);
    CHECK(file->pMethods->xTruncate(file, 4097) != SQLITE_OK);
    check_poisoned(&fixture);
    fixture_deinit(&fixture);
}

TEST(vfs, hands_out_methods_without_shared_memory_or_mapping) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    fill_rows(fixture.vault, 1);
    CHECK_INT(database_file(&fixture)->pMethods->iVersion, 1);
    CHECK_INT(wal_file(&fixture)->pMethods->iVersion, 1);
    int traits = database_file(&fixture)->pMethods->xDeviceCharacteristics(database_file(&fixture));
    CHECK_INT(traits, SQLITE_IOCAP_POWERSAFE_OVERWRITE);
    fixture_deinit(&fixture);
}

static size_t bytes_on_disk(const vault_fixture *fixture, const char *name) {
    satchel_buffer bytes = file_bytes(fixture, name);
    size_t count = bytes.bytes;
    satchel_buffer_deinit(&bytes);
    return count;
}

/* SQLite leaves a gap at the pending byte (1 GiB), and others where secure_delete is off. */
TEST(vfs, gaps_are_filled_with_sealed_empty_pages) {
    static const uint8_t zeros[4096];
    vault_fixture fixture;
    sqlite3_int64 bytes = 0;
    fixture_init(&fixture);
    fixture_create(&fixture);
    sqlite3_file *file = database_file(&fixture);
    REQUIRE_INT(file->pMethods->xFileSize(file, &bytes), SQLITE_OK);
    CHECK_INT(file->pMethods->xWrite(file, zeros, 4096, bytes + 3 * 4096), SQLITE_OK); /* a gap of three pages */
    CHECK_INT(file->pMethods->xTruncate(file, bytes + 6 * 4096), SQLITE_OK);           /* and two more behind it */
    CHECK_INT(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL), SQLITE_OK);
    satchel_buffer content = file_bytes(&fixture, "store.db");
    CHECK_UINT(content.bytes, (size_t)bytes + 6 * 4096);
    for (size_t at = (size_t)bytes; at < content.bytes; at += 4096) {
        uint8_t page[4096];
        CHECK(memcmp(content.data + at, zeros, sizeof zeros) != 0);
        CHECK_INT(file->pMethods->xRead(file, page, 4096, (sqlite3_int64)at), SQLITE_OK);
        CHECK(memcmp(page, zeros, sizeof zeros) == 0);
    }
    satchel_buffer_deinit(&content);
    fixture_deinit(&fixture);
}

/* A frame as SQLite writes it: a copy of frame 1, as the commit frame of a database of `commit` pages or none. */
static int write_frame(sqlite3_file *wal, uint32_t number, uint32_t commit) {
    uint8_t frame[4120];
    sqlite3_int64 at = 32 + (sqlite3_int64)(number - 1) * 4120;
    REQUIRE_INT(wal->pMethods->xRead(wal, frame, 24, 32), SQLITE_OK);
    REQUIRE_INT(wal->pMethods->xRead(wal, frame + 24, 4096, 32 + 24), SQLITE_OK);
    satchel_put_u32be(frame + 4, commit);
    int code = wal->pMethods->xWrite(wal, frame, 24, at);
    return code == SQLITE_OK ? wal->pMethods->xWrite(wal, frame + 24, 4096, at + 24) : code;
}

static uint32_t frames_seen(sqlite3_file *wal) {
    sqlite3_int64 bytes = 0;
    REQUIRE_INT(wal->pMethods->xFileSize(wal, &bytes), SQLITE_OK);
    return (uint32_t)((bytes - 32) / 4120);
}

TEST(vfs, frames_are_gathered_until_the_commit_frame) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    fill_rows(fixture.vault, 3);
    sqlite3_file *wal = wal_file(&fixture);
    uint32_t frames = frames_seen(wal);
    size_t before = bytes_on_disk(&fixture, "store.db-wal");
    CHECK_INT(write_frame(wal, frames + 1, 0), SQLITE_OK);
    CHECK_INT(write_frame(wal, frames + 2, 0), SQLITE_OK);
    CHECK_UINT(bytes_on_disk(&fixture, "store.db-wal"), before);
    CHECK_INT(write_frame(wal, frames + 3, 9), SQLITE_OK); /* without any sync */
    CHECK_UINT(bytes_on_disk(&fixture, "store.db-wal"), before + 3 * 4160);
    fixture_deinit(&fixture);
}

TEST(vfs, after_a_lost_write_only_a_rewind_makes_writing_possible) {
    test_disk *disk = test_disk_make();
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture.config.parent = test_disk_vfs(disk);
    fixture.config.files = test_disk_files(disk);
    fixture_create(&fixture);
    fill_rows(fixture.vault, 3);
    sqlite3_file *wal = wal_file(&fixture);
    uint32_t frames = frames_seen(wal);
    CHECK_INT(write_frame(wal, frames + 1, 0), SQLITE_OK);
    CHECK_INT(write_frame(wal, frames + 2, 0), SQLITE_OK);
    test_disk_fail_at(disk, test_disk_operations(disk) + 1, false, TEST_FAULT_ERROR); /* frame 1 is in memory */
    CHECK(write_frame(wal, frames + 3, 5) != SQLITE_OK);
    uint8_t page[4096];
    sqlite3_int64 lost = 32 + (sqlite3_int64)frames * 4120 + 24;
    CHECK_INT(wal->pMethods->xRead(wal, page, 4096, lost), SQLITE_IOERR_READ); /* not taken for damage */
    CHECK(write_frame(wal, frames + 4, 5) != SQLITE_OK);
    CHECK(write_frame(wal, frames + 2, 5) != SQLITE_OK);
    CHECK_INT(write_frame(wal, frames + 1, 5), SQLITE_OK);
    CHECK_INT(write_frame(wal, frames + 2, 5), SQLITE_OK);
    fixture_deinit(&fixture);
    test_disk_free(disk);
}

TEST(vfs, refuses_and_counts_every_other_file) {
    static const struct {
        int flags;
        const char *suffix;
    } cases[] = {
        {SQLITE_OPEN_MAIN_JOURNAL, "-journal"},
        {SQLITE_OPEN_TEMP_DB, ""},
        {SQLITE_OPEN_TEMP_JOURNAL, ""},
        {SQLITE_OPEN_SUBJOURNAL, ""},
        {SQLITE_OPEN_SUPER_JOURNAL, "-mj"},
        {SQLITE_OPEN_TRANSIENT_DB, ""},
        {SQLITE_OPEN_MAIN_DB, "x"},
        {SQLITE_OPEN_WAL, "-walx"},
        {SQLITE_OPEN_MAIN_DB, ""},
    };
    vault_fixture fixture;
    sqlite3_vfs *vfs = NULL;
    fixture_init(&fixture);
    fixture_create(&fixture);
    fill_rows(fixture.vault, 1);
    sqlite3 *database = satchel_vault_database(fixture.vault);
    REQUIRE_INT(sqlite3_file_control(database, "main", SQLITE_FCNTL_VFS_POINTER, &vfs), SQLITE_OK);
    const char *path = sqlite3_db_filename(database, "main");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char other[1024];
        sqlite3_file *file = satchel_memory_take((size_t)vfs->szOsFile);
        int flags = cases[i].flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
        (void)sqlite3_snprintf(sizeof other, other, "%s%s", path, cases[i].suffix);
        CHECK_INT(vfs->xOpen(vfs, other, file, flags, NULL), SQLITE_CANTOPEN); /* the last one is open already */
        CHECK_UINT(satchel_vault_stats_of(fixture.vault).refused_opens, i + 1);
        satchel_memory_give(file);
    }
    satchel_vault_close(fixture.vault);
    fixture.vault = NULL;
    fixture_deinit(&fixture);
}

TEST(vfs, each_open_store_has_an_instance_of_its_own) {
    vault_fixture one, two;
    char *names[2] = {NULL, NULL};
    fixture_init(&one);
    fixture_create(&one);
    fixture_init(&two);
    fixture_create(&two);
    (void)sqlite3_file_control(satchel_vault_database(one.vault), "main", SQLITE_FCNTL_VFSNAME, &names[0]);
    (void)sqlite3_file_control(satchel_vault_database(two.vault), "main", SQLITE_FCNTL_VFSNAME, &names[1]);
    REQUIRE(names[0] != NULL && names[1] != NULL);
    CHECK(strcmp(names[0], names[1]) != 0);
    CHECK(sqlite3_vfs_find(names[0]) != NULL);
    fixture_deinit(&one);
    CHECK(sqlite3_vfs_find(names[0]) == NULL);
    CHECK(sqlite3_vfs_find(names[1]) != NULL);
    sqlite3_free(names[0]);
    sqlite3_free(names[1]);
    fixture_deinit(&two);
}

/* The random source ends after `calls` calls; nothing unsealed and nothing under a used nonce may be written then. */
TEST(vfs, a_failed_random_source_stops_all_writing) {
    vault_fixture fixture;
    satchel_random_seeded state;
    fixture_init(&fixture);
    fixture.config.random = satchel_random_from_seed(&state, 3);
    fixture_create(&fixture);
    fill_rows(fixture.vault, 5);
    state.limited = true;
    state.fails_after = state.calls;
    int code = SQLITE_OK;
    int rows = 5;
    for (; code == SQLITE_OK && rows < 1000; rows += code == SQLITE_OK ? 1 : 0) {
        code = run_sql(fixture.vault, "INSERT INTO t(body) VALUES('" CANARY "')"); /* one batch of nonces is left */
    }
    CHECK(rows < 5 + SATCHEL_NONCE_BATCH);
    CHECK_STATUS(satchel_vault_status(fixture.vault, code), SATCHEL_RANDOM_FAILED);
    uint64_t written = satchel_vault_stats_of(fixture.vault).bytes_written;
    CHECK_STATUS(satchel_vault_checkpoint(fixture.vault, NULL), SATCHEL_RANDOM_FAILED);
    CHECK(run_sql(fixture.vault, "DELETE FROM t") != SQLITE_OK);
    CHECK_UINT(satchel_vault_stats_of(fixture.vault).bytes_written, written);
    state.limited = false; /* the source works again, but only a new connection may trust it */
    CHECK(run_sql(fixture.vault, "DELETE FROM t") != SQLITE_OK);
    fixture_close(&fixture);
    fixture_open(&fixture);
    CHECK_INT(number_of(fixture.vault, "SELECT count(*) FROM t"), rows);
    fixture_deinit(&fixture);
}

TEST(vfs, creation_needs_randomness) {
    vault_fixture fixture;
    satchel_random_seeded state;
    satchel_status status = SATCHEL_RANDOM_FAILED;
    fixture_init(&fixture);
    for (uint64_t calls = 0; status != SATCHEL_OK && calls < 100; calls++) {
        satchel_vault *vault = NULL;
        fixture.config.random = satchel_random_from_seed(&state, 4);
        state.limited = true;
        state.fails_after = calls;
        status = satchel_vault_create(&vault, &fixture.config, NULL);
        CHECK(status == SATCHEL_RANDOM_FAILED || (status == SATCHEL_OK && calls > 4) ||
              status == SATCHEL_ALREADY_EXISTS); /* made, but not opened */
        satchel_vault_close(vault);
        if (status == SATCHEL_ALREADY_EXISTS) {
            break;
        }
    }
    state.limited = false;
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_OK);
    fixture_deinit(&fixture);
}

TEST(vfs, sqlites_own_methods_are_answered_or_refused) {
    vault_fixture fixture;
    sqlite3_vfs *vfs = NULL;
    char text[64];
    double day = 0;
    fixture_init(&fixture);
    fixture_create(&fixture);
    (void)sqlite3_file_control(satchel_vault_database(fixture.vault), "main", SQLITE_FCNTL_VFS_POINTER, &vfs);
    CHECK(vfs->xDlOpen(vfs, "libc.so.6") == NULL);
    vfs->xDlError(vfs, sizeof text, text);
    CHECK_TEXT(text, "extensions are not loaded");
    CHECK(vfs->xDlSym(vfs, NULL, "x") == NULL);
    vfs->xDlClose(vfs, NULL);
    CHECK_INT(vfs->xRandomness(vfs, sizeof text, text), (int)sizeof text);
    CHECK_INT(vfs->xCurrentTime(vfs, &day), SQLITE_OK);
    CHECK_INT(vfs->xDelete(vfs, "/etc/satchel-not-there", 0), SQLITE_IOERR_DELETE);
    int there = 1;
    CHECK_INT(vfs->xAccess(vfs, "/etc/passwd", SQLITE_ACCESS_EXISTS, &there), SQLITE_OK);
    CHECK_INT(there, 0); /* it knows its own two files only */
    fixture_deinit(&fixture);
}

TEST(vfs, a_run_takes_what_follows_and_what_it_has) {
    satchel_run run;
    REQUIRE_OK(satchel_run_init(&run, 8, 0));
    CHECK(satchel_run_takes(&run, 7));
    for (uint64_t number = 7; number < 7 + SATCHEL_RUN_UNITS; number++) {
        REQUIRE(satchel_run_takes(&run, number));
        satchel_run_room(&run, number)[0] = (uint8_t)number;
        CHECK(satchel_run_find(&run, number) == NULL); /* not before it is kept */
        satchel_run_keep(&run, number);
        CHECK_UINT(satchel_run_find(&run, number)[0], number);
        CHECK(!satchel_run_takes(&run, number + 2));
    }
    CHECK(satchel_run_full(&run));
    CHECK(satchel_run_takes(&run, 8));
    CHECK(!satchel_run_takes(&run, 6));
    CHECK(!satchel_run_takes(&run, 7 + SATCHEL_RUN_UNITS));
    satchel_run_keep(&run, 8); /* changed in its place */
    CHECK_UINT(run.count, SATCHEL_RUN_UNITS);
    satchel_run_deinit(&run);
}

TEST(vfs, this_sqlite_has_what_the_store_needs) {
    CHECK_OK(satchel_connection_check_sqlite(NULL));
}
