/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that fills up: the folder of the store may hold so many bytes, and not one more.
 *
 * A VFS over the system's counts what lies in the folder before each write that makes a file longer; the file verbs of
 * the reserve do the same. Both are of this process, for one phone at a time.
 */
#include "device/device.h"
#include "device/reserve.h"
#include "vault/reserve.h"

#include "fixture.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- the disk --- */

typedef struct small_disk {
    sqlite3_vfs vfs;
    sqlite3_vfs *below;
    satchel_vault_files files;
    const satchel_vault_files *files_below;
    char folder[TEST_PATH_BYTES];
    uint64_t room;   /* bytes that fit, UINT64_MAX: any number */
    bool broken;     /* every write fails as on a locked phone */
    bool no_reserve; /* the reserve's own writes fail, for another reason than space */
} small_disk;

static small_disk disk;

typedef struct small_file {
    sqlite3_file base;
    sqlite3_file *below; /* lies behind this struct */
} small_file;

static uint64_t used(void) {
    uint64_t bytes = 0;
    DIR *folder = opendir(disk.folder);
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        char path[TEST_PATH_BYTES + 300];
        struct stat info;
        (void)snprintf(path, sizeof path, "%s/%s", disk.folder, entry->d_name);
        bytes += stat(path, &info) == 0 && S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return bytes;
}

static bool fits(uint64_t more) {
    return disk.room == UINT64_MAX || used() + more <= disk.room;
}

static sqlite3_file *below_of(sqlite3_file *file) {
    return ((small_file *)(void *)file)->below;
}

static int file_close(sqlite3_file *file) {
    return below_of(file)->pMethods->xClose(below_of(file));
}

static int file_read(sqlite3_file *file, void *out, int bytes, sqlite3_int64 offset) {
    return below_of(file)->pMethods->xRead(below_of(file), out, bytes, offset);
}

static int file_write(sqlite3_file *file, const void *data, int bytes, sqlite3_int64 offset) {
    sqlite3_int64 size = 0;
    (void)below_of(file)->pMethods->xFileSize(below_of(file), &size);
    if (disk.broken) {
        return SQLITE_IOERR_WRITE;
    }
    if (offset + bytes > size && !fits((uint64_t)(offset + bytes - size))) {
        return SQLITE_FULL;
    }
    return below_of(file)->pMethods->xWrite(below_of(file), data, bytes, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size) {
    return below_of(file)->pMethods->xTruncate(below_of(file), size);
}

static int file_sync(sqlite3_file *file, int flags) {
    return disk.broken ? SQLITE_IOERR_FSYNC : below_of(file)->pMethods->xSync(below_of(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *out) {
    return below_of(file)->pMethods->xFileSize(below_of(file), out);
}

static int file_lock(sqlite3_file *file, int level) {
    return below_of(file)->pMethods->xLock(below_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level) {
    return below_of(file)->pMethods->xUnlock(below_of(file), level);
}

static int file_reserved(sqlite3_file *file, int *out) {
    return below_of(file)->pMethods->xCheckReservedLock(below_of(file), out);
}

static int file_control(sqlite3_file *file, int op, void *argument) {
    return below_of(file)->pMethods->xFileControl(below_of(file), op, argument);
}

static int file_sector(sqlite3_file *file) {
    return below_of(file)->pMethods->xSectorSize(below_of(file));
}

static int file_traits(sqlite3_file *file) {
    return below_of(file)->pMethods->xDeviceCharacteristics(below_of(file));
}

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags) {
    static const sqlite3_io_methods methods = {
        .iVersion = 1,
        .xClose = file_close,
        .xRead = file_read,
        .xWrite = file_write,
        .xTruncate = file_truncate,
        .xSync = file_sync,
        .xFileSize = file_size,
        .xLock = file_lock,
        .xUnlock = file_unlock,
        .xCheckReservedLock = file_reserved,
        .xFileControl = file_control,
        .xSectorSize = file_sector,
        .xDeviceCharacteristics = file_traits,
    };
    small_file *made = (small_file *)(void *)file;
    (void)vfs;
    made->below = (sqlite3_file *)(void *)(made + 1);
    memset(made->below, 0, (size_t)disk.below->szOsFile);
    int code = disk.below->xOpen(disk.below, name, made->below, flags, out_flags);
    made->base.pMethods = code == SQLITE_OK ? &methods : NULL;
    return code;
}

static satchel_status files_write(void *context, const char *path, satchel_bytes content) {
    (void)context;
    if (disk.no_reserve) {
        return SATCHEL_IO_ERROR;
    }
    return fits(content.bytes) ? disk.files_below->write(disk.files_below->context, path, content) : SATCHEL_DISK_FULL;
}

static void disk_put_in(const phone *p) {
    disk.below = sqlite3_vfs_find(NULL);
    disk.vfs = *disk.below;
    disk.vfs.zName = "small-disk";
    disk.vfs.szOsFile = (int)sizeof(small_file) + disk.below->szOsFile;
    disk.vfs.xOpen = disk_open;
    disk.room = UINT64_MAX;
    disk.broken = false;
    disk.no_reserve = false;
    disk.files_below = satchel_vault_files_posix();
    disk.files = *disk.files_below;
    disk.files.write = files_write;
    (void)snprintf(disk.folder, sizeof disk.folder, "%s", p->folder);
    REQUIRE(sqlite3_vfs_register(&disk.vfs, 1) == SQLITE_OK);
}

static void disk_take_out(void) {
    REQUIRE(sqlite3_vfs_unregister(&disk.vfs) == SQLITE_OK);
    REQUIRE(sqlite3_vfs_register(disk.below, 1) == SQLITE_OK);
}

/* --- a phone on it --- */

static void phone_on_disk(phone *p, uint64_t seed) {
    phone_ready(p, seed);
    phone_close(p);
    disk_put_in(p);
    phone_open(p);
    p->device->files = &disk.files;
}

static void phone_off_disk(phone *p) {
    disk.room = UINT64_MAX;
    disk.broken = false;
    phone_close(p);
    disk_take_out();
    phone_deinit(p);
}

static satchel_status rename_customer(phone *p, unsigned number) {
    satchel_fields *fields;
    satchel_record_builder *builder;
    satchel_write *write = NULL;
    satchel_bytes record;
    char name[32];
    (void)snprintf(name, sizeof name, "Name %u", number);
    REQUIRE_OK(satchel_fields_open(&fields, p->device, &p->error));
    REQUIRE_OK(satchel_record_builder_open(&builder, fields, SATCHEL_ENTITY_CUSTOMER));
    REQUIRE_OK(satchel_record_builder_text(builder, SATCHEL_CUSTOMER_SHORT_NAME, satchel_text_of(name)));
    REQUIRE_OK(satchel_record_builder_encode(builder, &record));
    REQUIRE_OK(satchel_write_begin(&write, p->device, &p->error));
    REQUIRE_OK(satchel_write_edit(write, SATCHEL_ENTITY_CUSTOMER, &fake_customer, record, NULL, 0, &p->error));
    satchel_status status = satchel_commit(write, NULL, &p->error);
    if (status != SATCHEL_OK) {
        satchel_write_abandon(write);
    }
    satchel_record_builder_close(builder);
    satchel_fields_close(fields);
    return status;
}

TEST(space, the_reserve_is_there_after_opening) {
    phone p;
    phone_on_disk(&p, 1);
    CHECK(satchel_reserve_is_whole(satchel_vault_files_posix(), p.folder));
    CHECK(!phone_info(&p).disk_low);
    phone_off_disk(&p);
}

TEST(space, a_full_disk_lets_the_work_at_hand_be_finished_and_synced) {
    phone p;
    phone_on_disk(&p, 2);
    disk.room = used();
    unsigned committed = 0;
    while (committed < 500 && !phone_info(&p).disk_low && rename_customer(&p, committed) == SATCHEL_OK) {
        committed++;
    }
    CHECK(committed > 0 && committed < 500);
    CHECK(phone_info(&p).disk_low);
    CHECK_UINT(phone_info(&p).units_unsent, committed);
    CHECK_STATUS(rename_customer(&p, 900), SATCHEL_READ_ONLY_STORE);
    CHECK_UINT(phone_info(&p).units_unsent, committed);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(phone_info(&p).units_unsent, 0);
    CHECK_UINT(p.server.units_applied, committed);
    phone_off_disk(&p);
}

TEST(space, the_store_takes_work_again_when_there_is_space) {
    phone p;
    phone_on_disk(&p, 3);
    disk.room = used();
    while (!phone_info(&p).disk_low) {
        (void)!rename_customer(&p, 1);
    }
    CHECK_STATUS(rename_customer(&p, 2), SATCHEL_READ_ONLY_STORE);
    disk.room = UINT64_MAX;
    CHECK_STATUS(rename_customer(&p, 3), SATCHEL_READ_ONLY_STORE); /* not tried again at once */
    p.monotonic_ms += SATCHEL_RESERVE_STEP_MS;
    CHECK_STATUS(rename_customer(&p, 4), SATCHEL_OK);
    CHECK(!phone_info(&p).disk_low);
    CHECK(satchel_reserve_is_whole(satchel_vault_files_posix(), p.folder));
    phone_off_disk(&p);
}

/* A shell that takes "disk low" for a reason to begin no write must hear of it when there is space again. */
TEST(space, regress_space_that_is_back_is_told_though_nothing_is_written) {
    phone p;
    phone_on_disk(&p, 11);
    disk.room = used();
    while (!phone_info(&p).disk_low) {
        (void)!rename_customer(&p, 1);
    }
    disk.room = UINT64_MAX;
    p.monotonic_ms += SATCHEL_RESERVE_STEP_MS;
    CHECK(!phone_info(&p).disk_low);
    CHECK(satchel_reserve_is_whole(satchel_vault_files_posix(), p.folder));
    phone_off_disk(&p);
}

/* Nothing left at all: the commit fails whole, nothing is half there, and the same handle goes on later. */
TEST(space, without_a_reserve_a_commit_fails_whole) {
    phone p;
    bool freed = false;
    phone_on_disk(&p, 4);
    REQUIRE_OK(satchel_reserve_free(satchel_vault_files_posix(), p.folder, &freed));
    disk.room = used();
    satchel_status status = SATCHEL_OK;
    unsigned committed = 0;
    while (committed < 500 && (status = rename_customer(&p, committed)) == SATCHEL_OK) {
        committed++;
    }
    CHECK(status == SATCHEL_DISK_FULL || status == SATCHEL_READ_ONLY_STORE);
    CHECK_UINT(phone_info(&p).units_unsent, committed);
    disk.room = UINT64_MAX;
    p.monotonic_ms += SATCHEL_RESERVE_STEP_MS;
    CHECK_STATUS(rename_customer(&p, 700), SATCHEL_OK);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(p.server.units_applied, committed + 1);
    phone_off_disk(&p);
}

/* Nobody is told of a full disk, and kept from working, where the disk is not full. */
TEST(space, regress_a_reserve_that_fails_for_another_reason_takes_no_work_away) {
    phone p;
    bool freed = false;
    phone_on_disk(&p, 10);
    REQUIRE_OK(satchel_reserve_free(satchel_vault_files_posix(), p.folder, &freed));
    REQUIRE_OK(satchel_device_lock(p.device, &p.error));
    disk.no_reserve = true;
    REQUIRE_OK(satchel_device_unlock(p.device, NULL, &p.error));
    CHECK(!phone_info(&p).disk_low);
    CHECK_STATUS(rename_customer(&p, 1), SATCHEL_OK);
    disk.room = used();
    unsigned committed = 0;
    while (committed < 500 && rename_customer(&p, committed) == SATCHEL_OK) {
        committed++;
    }
    CHECK(committed < 500 && phone_info(&p).disk_low);
    phone_off_disk(&p);
}

/* A phone that was locked: its files cannot be written. It is worth a retry, and nothing is taken for damage. */
TEST(space, failed_writes_roll_back_and_are_retried) {
    phone p;
    phone_on_disk(&p, 5);
    REQUIRE_OK(rename_customer(&p, 1));
    disk.broken = true;
    for (unsigned i = 0; i < 3; i++) {
        satchel_status status = rename_customer(&p, 2);
        CHECK_STATUS(status, SATCHEL_IO_ERROR);
        CHECK_INT(satchel_status_class_of(status), SATCHEL_CLASS_RETRY);
        CHECK_INT(satchel_status_class_of(phone_sync(&p)), SATCHEL_CLASS_RETRY);
    }
    CHECK_UINT(phone_info(&p).units_unsent, 1);
    disk.broken = false;
    CHECK_STATUS(rename_customer(&p, 3), SATCHEL_OK);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(p.server.units_applied, 2);
    phone_off_disk(&p);
}

TEST(space, a_suspension_that_fails_can_be_repeated) {
    phone p;
    phone_on_disk(&p, 6);
    REQUIRE_OK(rename_customer(&p, 1));
    disk.broken = true;
    CHECK_STATUS(satchel_device_suspend(p.device, &p.error), SATCHEL_IO_ERROR);
    disk.broken = false;
    REQUIRE_OK(rename_customer(&p, 2));
    REQUIRE_OK(satchel_device_suspend(p.device, &p.error));
    REQUIRE_OK(satchel_device_resume(p.device, &p.error));
    CHECK_UINT(phone_info(&p).units_unsent, 2);
    phone_off_disk(&p);
}

/* --- opening on a full disk --- */

static int64_t number_in(phone *p, const char *sql) {
    sqlite3_stmt *statement = NULL;
    sqlite3 *database = satchel_vault_database(p->device->vault);
    REQUIRE_INT(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
    REQUIRE_INT(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return number;
}

static void run_in(phone *p, const char *sql) {
    REQUIRE_INT(sqlite3_exec(satchel_vault_database(p->device->vault), sql, NULL, NULL, NULL), SQLITE_OK);
}

#define TABLES "SELECT count(*) FROM sqlite_master WHERE name IN ('visit', 'task')"

/* A store of a version that had fewer tables, with one unit that was not sent; locked, and no byte fits any more. */
static void older_store_on_full_disk(phone *p, uint64_t seed) {
    phone_on_disk(p, seed);
    REQUIRE_OK(rename_customer(p, 1));
    run_in(p, "DROP TABLE visit; DROP TABLE task; DELETE FROM store_value WHERE name = '.tables'");
    REQUIRE_OK(satchel_vault_checkpoint(p->device->vault, NULL));
    REQUIRE_OK(satchel_device_lock(p->device, &p->error));
    disk.room = used();
}

TEST(space, an_upgrade_on_a_full_disk_takes_the_reserve) {
    phone p;
    older_store_on_full_disk(&p, 7);
    CHECK_OK(satchel_device_unlock(p.device, NULL, &p.error));
    CHECK_INT(number_in(&p, TABLES), 2);
    CHECK(phone_info(&p).disk_low);
    CHECK_STATUS(rename_customer(&p, 2), SATCHEL_READ_ONLY_STORE);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(p.server.units_applied, 1);
    phone_off_disk(&p);
}

TEST(space, an_upgrade_without_a_reserve_waits_for_space) {
    phone p;
    bool freed = false;
    older_store_on_full_disk(&p, 8);
    REQUIRE_OK(satchel_reserve_free(satchel_vault_files_posix(), p.folder, &freed));
    CHECK(freed);
    disk.room = used();
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(satchel_device_unlock(p.device, NULL, &p.error), SATCHEL_DISK_FULL);
        CHECK(phone_info(&p).locked);
    }
    disk.room = UINT64_MAX;
    CHECK_OK(satchel_device_unlock(p.device, NULL, &p.error));
    CHECK_INT(number_in(&p, TABLES), 2);
    CHECK_UINT(phone_info(&p).units_unsent, 1);
    CHECK(!phone_info(&p).disk_low);
    phone_off_disk(&p);
}

/* The phone was started anew, which the store counts; at each room from none on it opens, or says why and is whole. */
TEST(space, a_store_opens_at_any_space_that_is_left) {
    phone p;
    phone_on_disk(&p, 9);
    REQUIRE_OK(rename_customer(&p, 1));
    for (uint64_t left = 0; left < 40000; left += 3000) {
        phone_close(&p);
        p.boot_tag[0]++;
        disk.room = used() + left;
        CHECK_OK(satchel_device_open(&p.device, &p.config, &p.error));
        REQUIRE(p.device != NULL);
        CHECK_UINT(phone_info(&p).units_unsent, 1);
        disk.room = UINT64_MAX;
    }
    phone_off_disk(&p);
}

/* --- the end of a store on a full disk --- */

static void order_end(phone *p, satchel_order_command command) {
    p->server.orders.serial = 7;
    p->server.orders.command = command;
    p->server.revoked = command == SATCHEL_ORDER_WIPE;
}

static bool is_there(const phone *p, const char *name) {
    char path[TEST_PATH_BYTES + 32];
    (void)snprintf(path, sizeof path, "%s/%s", p->folder, name);
    struct stat info;
    return stat(path, &info) == 0;
}

/* Full to the last byte; `reserve`: it is still there. */
static void fill_disk(phone *p, bool reserve) {
    bool freed = reserve;
    if (!reserve) {
        REQUIRE_OK(satchel_reserve_free(satchel_vault_files_posix(), p->folder, &freed));
        CHECK(freed);
    }
    disk.room = used();
}

TEST(space, regress_a_wipe_reaches_a_phone_whose_disk_is_full_with_nothing_to_send) {
    for (int reserve = 0; reserve < 2; reserve++) {
        phone p;
        phone_on_disk(&p, 20);
        fill_disk(&p, reserve != 0);
        order_end(&p, SATCHEL_ORDER_WIPE);
        CHECK_STATUS(phone_sync(&p), SATCHEL_WIPED);
        CHECK(!is_there(&p, "keys.a") && !is_there(&p, "store.db"));
        CHECK(p.server.receipts == 1 && p.server.receipt.kind == SATCHEL_RECEIPT_WIPED);
        phone_off_disk(&p);
    }
}

TEST(space, regress_a_retirement_on_a_full_disk_takes_the_reserve) {
    phone p;
    phone_on_disk(&p, 21);
    fill_disk(&p, true);
    order_end(&p, SATCHEL_ORDER_RETIRE);
    CHECK_STATUS(phone_sync(&p), SATCHEL_RETIRED);
    CHECK(!is_there(&p, "keys.a") && !is_there(&p, "store.db"));
    CHECK(p.server.receipts == 1 && p.server.receipt.kind == SATCHEL_RECEIPT_RETIRED);
    phone_off_disk(&p);
}

TEST(space, without_a_reserve_a_retirement_waits_for_space_and_nothing_is_lost) {
    phone p;
    phone_on_disk(&p, 22);
    fill_disk(&p, false);
    order_end(&p, SATCHEL_ORDER_RETIRE);
    uint64_t number = p.server.request_number;
    CHECK_STATUS(phone_sync(&p), SATCHEL_DISK_FULL);
    p.server.request_number = number; /* what moved nothing uses up no number */
    CHECK(is_there(&p, "keys.a"));
    CHECK_UINT(phone_info(&p).rows, 3);
    disk.room = UINT64_MAX;
    CHECK_STATUS(phone_sync(&p), SATCHEL_RETIRED);
    phone_off_disk(&p);
}

TEST(space, a_poll_on_a_full_disk_leaves_the_reserve_to_work) {
    phone p;
    phone_on_disk(&p, 23);
    fill_disk(&p, true);
    fake_server_stock(&p.server, "again");
    uint64_t number = p.server.request_number;
    CHECK_STATUS(phone_sync(&p), SATCHEL_DISK_FULL);
    CHECK(p.server.request_number > number);
    CHECK(satchel_reserve_is_whole(satchel_vault_files_posix(), p.folder));
    CHECK_OK(rename_customer(&p, 1));
    disk.room = UINT64_MAX;
    p.server.request_number = number;
    CHECK_OK(phone_sync(&p));
    CHECK_UINT(p.server.units_applied, 1);
    CHECK_UINT(p.server.lives, 0);
    phone_off_disk(&p);
}
