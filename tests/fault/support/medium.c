/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layer that fails. Every method counts itself, then asks the one below or answers for it.
 */
#include "fault/support/medium.h"

#include <sqlite3.h>
#include <string.h>

#define SECTOR_BYTES 512

typedef struct medium_file {
    sqlite3_file base;
    bool is_wal;
    sqlite3_file *below; /* behind this struct, in the same memory */
} medium_file;

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *below;
    satchel_vault_files files;
    const satchel_vault_files *files_below;
    uint64_t calls;
    uint64_t fails_at;
    bool forever;
    bool failed;
    bool wal_is_unsynced;
    medium_fault fault;
} medium;

const char *medium_fault_name(medium_fault fault) {
    static const char *const names[MEDIUM_FAULT_COUNT] = {"error", "full", "part", "late", "sync"};
    return names[fault];
}

void medium_fail_at(uint64_t number, bool forever, medium_fault fault) {
    medium.calls = 0;
    medium.failed = false;
    medium.wal_is_unsynced = false;
    medium.fails_at = number;
    medium.forever = forever;
    medium.fault = fault;
}

uint64_t medium_calls(void) {
    return medium.calls;
}

bool medium_wal_is_unsynced(void) {
    return medium.wal_is_unsynced;
}

bool medium_has_failed(void) {
    return medium.failed;
}

/* Counts a call and tells whether it fails. */
static bool call_fails(bool is_sync) {
    medium.calls++;
    if (medium.fails_at == 0 || medium.calls < medium.fails_at || (medium.fault == MEDIUM_SYNC && !is_sync)) {
        return false;
    }
    bool fails = medium.forever || (medium.fault == MEDIUM_SYNC ? !medium.failed : medium.calls == medium.fails_at);
    medium.failed = medium.failed || fails;
    return fails;
}

static bool works_late(void) {
    return medium.fault == MEDIUM_LATE;
}

/* --- files of the VFS --- */

static sqlite3_file *below_of(sqlite3_file *base) {
    return ((medium_file *)(void *)base)->below;
}

static bool is_wal(sqlite3_file *base) {
    return ((medium_file *)(void *)base)->is_wal;
}

static int medium_close(sqlite3_file *base) {
    sqlite3_file *below = below_of(base);
    return below->pMethods != NULL ? below->pMethods->xClose(below) : SQLITE_OK;
}

static int medium_read(sqlite3_file *base, void *out, int amount, sqlite3_int64 offset) {
    sqlite3_file *below = below_of(base);
    if (call_fails(false)) {
        if (works_late()) {
            (void)below->pMethods->xRead(below, out, amount, offset);
        }
        return SQLITE_IOERR_READ;
    }
    return below->pMethods->xRead(below, out, amount, offset);
}

static int medium_write(sqlite3_file *base, const void *data, int amount, sqlite3_int64 offset) {
    sqlite3_file *below = below_of(base);
    medium.wal_is_unsynced = medium.wal_is_unsynced || is_wal(base);
    if (!call_fails(false)) {
        return below->pMethods->xWrite(below, data, amount, offset);
    }
    int part = 0;
    if (medium.fault == MEDIUM_FULL || medium.fault == MEDIUM_PART) {
        part = amount / 2 / SECTOR_BYTES * SECTOR_BYTES;
    } else if (works_late()) {
        part = amount;
    }
    if (part > 0) {
        (void)below->pMethods->xWrite(below, data, part, offset);
    }
    return medium.fault == MEDIUM_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int medium_truncate(sqlite3_file *base, sqlite3_int64 size) {
    sqlite3_file *below = below_of(base);
    bool fails = call_fails(false);
    int code = fails && !works_late() ? SQLITE_OK : below->pMethods->xTruncate(below, size);
    return fails ? SQLITE_IOERR_TRUNCATE : code;
}

static int medium_sync(sqlite3_file *base, int flags) {
    sqlite3_file *below = below_of(base);
    bool fails = call_fails(true);
    int code = fails && !works_late() ? SQLITE_OK : below->pMethods->xSync(below, flags);
    medium.wal_is_unsynced = medium.wal_is_unsynced && !(is_wal(base) && !fails && code == SQLITE_OK);
    return fails ? SQLITE_IOERR_FSYNC : code;
}

static int medium_size(sqlite3_file *base, sqlite3_int64 *out) {
    sqlite3_file *below = below_of(base);
    return call_fails(false) ? SQLITE_IOERR_FSTAT : below->pMethods->xFileSize(below, out);
}

static int medium_lock(sqlite3_file *base, int level) {
    sqlite3_file *below = below_of(base);
    return below->pMethods->xLock(below, level);
}

static int medium_unlock(sqlite3_file *base, int level) {
    sqlite3_file *below = below_of(base);
    return below->pMethods->xUnlock(below, level);
}

static int medium_check_reserved(sqlite3_file *base, int *out) {
    sqlite3_file *below = below_of(base);
    return below->pMethods->xCheckReservedLock(below, out);
}

static int medium_control(sqlite3_file *base, int op, void *argument) {
    sqlite3_file *below = below_of(base);
    return below->pMethods->xFileControl(below, op, argument);
}

static int medium_sector(sqlite3_file *base) {
    sqlite3_file *below = below_of(base);
    return below->pMethods->xSectorSize(below);
}

static int medium_characteristics(sqlite3_file *base) {
    sqlite3_file *below = below_of(base);
    return below->pMethods->xDeviceCharacteristics(below);
}

static int medium_shm_map(sqlite3_file *base, int region, int bytes, int extend, void volatile **out) {
    sqlite3_file *below = below_of(base);
    if (call_fails(false)) {
        *out = NULL;
        return SQLITE_IOERR_SHMMAP;
    }
    return below->pMethods->xShmMap(below, region, bytes, extend, out);
}

static int medium_shm_lock(sqlite3_file *base, int offset, int count, int flags) {
    sqlite3_file *below = below_of(base);
    return below->pMethods->xShmLock(below, offset, count, flags);
}

static void medium_shm_barrier(sqlite3_file *base) {
    sqlite3_file *below = below_of(base);
    below->pMethods->xShmBarrier(below);
}

static int medium_shm_unmap(sqlite3_file *base, int remove) {
    sqlite3_file *below = below_of(base);
    return below->pMethods->xShmUnmap(below, remove);
}

#define PLAIN_METHODS(version)                                                                                         \
    .iVersion = (version), .xClose = medium_close, .xRead = medium_read, .xWrite = medium_write,                       \
    .xTruncate = medium_truncate, .xSync = medium_sync, .xFileSize = medium_size, .xLock = medium_lock,                \
    .xUnlock = medium_unlock, .xCheckReservedLock = medium_check_reserved, .xFileControl = medium_control,             \
    .xSectorSize = medium_sector, .xDeviceCharacteristics = medium_characteristics

static const sqlite3_io_methods plain_methods = {PLAIN_METHODS(1)};
static const sqlite3_io_methods shared_methods = {
    PLAIN_METHODS(2),
    .xShmMap = medium_shm_map,
    .xShmLock = medium_shm_lock,
    .xShmBarrier = medium_shm_barrier,
    .xShmUnmap = medium_shm_unmap,
};

/* --- the VFS --- */

static int medium_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *out_flags) {
    medium_file *file = (medium_file *)(void *)base;
    (void)vfs;
    memset(file, 0, (size_t)medium.vfs.szOsFile);
    file->below = (sqlite3_file *)(void *)(file + 1);
    file->is_wal = (flags & SQLITE_OPEN_WAL) != 0;
    bool fails = call_fails(false);
    if (fails && !works_late()) {
        return SQLITE_CANTOPEN;
    }
    int code = medium.below->xOpen(medium.below, path, file->below, flags, out_flags);
    if (code == SQLITE_OK && fails) {
        (void)file->below->pMethods->xClose(file->below);
        return SQLITE_CANTOPEN;
    }
    if (file->below->pMethods != NULL) {
        base->pMethods = file->below->pMethods->iVersion > 1 ? &shared_methods : &plain_methods;
    }
    return code;
}

static int medium_delete(sqlite3_vfs *vfs, const char *path, int sync_folder) {
    (void)vfs;
    bool fails = call_fails(false);
    int code = fails && !works_late() ? SQLITE_OK : medium.below->xDelete(medium.below, path, sync_folder);
    return fails ? SQLITE_IOERR_DELETE : code;
}

static int medium_access(sqlite3_vfs *vfs, const char *path, int flags, int *out) {
    (void)vfs;
    return call_fails(false) ? SQLITE_IOERR_ACCESS : medium.below->xAccess(medium.below, path, flags, out);
}

static int medium_full_path(sqlite3_vfs *vfs, const char *path, int bytes, char *out) {
    (void)vfs;
    return medium.below->xFullPathname(medium.below, path, bytes, out);
}

static int medium_randomness(sqlite3_vfs *vfs, int bytes, char *out) {
    (void)vfs;
    return medium.below->xRandomness(medium.below, bytes, out);
}

static int medium_sleep(sqlite3_vfs *vfs, int microseconds) {
    (void)vfs;
    return medium.below->xSleep(medium.below, microseconds);
}

static int medium_time(sqlite3_vfs *vfs, double *out) {
    (void)vfs;
    return medium.below->xCurrentTime(medium.below, out);
}

static int medium_last_error(sqlite3_vfs *vfs, int bytes, char *out) {
    (void)vfs;
    return medium.below->xGetLastError != NULL ? medium.below->xGetLastError(medium.below, bytes, out) : 0;
}

/* --- the file verbs of a vault --- */

static satchel_status failure(void) {
    return medium.fault == MEDIUM_FULL ? SATCHEL_DISK_FULL : SATCHEL_IO_ERROR;
}

static satchel_status verb_read(void *context, const char *path, size_t limit_bytes, satchel_buffer *out) {
    (void)context;
    if (call_fails(false)) {
        return SATCHEL_IO_ERROR;
    }
    return medium.files_below->read(medium.files_below->context, path, limit_bytes, out);
}

static satchel_status verb_write(void *context, const char *path, satchel_bytes content) {
    (void)context;
    bool writing_fails = call_fails(false);
    bool sync_fails = !writing_fails && call_fails(true);
    if (!writing_fails && !sync_fails) {
        return medium.files_below->write(medium.files_below->context, path, content);
    }
    if (writing_fails && (medium.fault == MEDIUM_FULL || medium.fault == MEDIUM_PART)) {
        content.bytes /= 2;
    }
    if (sync_fails || medium.fault != MEDIUM_ERROR) {
        satchel_status ignored = medium.files_below->write(medium.files_below->context, path, content);
        (void)ignored;
    }
    return failure();
}

/* After the count: a call that fails and does nothing, or too much. */
#define VERB(is_sync, call)                                                                                            \
    bool fails = call_fails(is_sync);                                                                                  \
    satchel_status status = fails && !works_late() ? SATCHEL_OK : medium.files_below->call;                            \
    return fails ? failure() : status

static satchel_status verb_sync(void *context, const char *path) {
    (void)context;
    VERB(true, sync(medium.files_below->context, path));
}

static satchel_status verb_rename(void *context, const char *from, const char *to) {
    (void)context;
    VERB(false, rename(medium.files_below->context, from, to));
}

static satchel_status verb_remove(void *context, const char *path) {
    (void)context;
    VERB(false, remove(medium.files_below->context, path));
}

static satchel_status verb_sync_folder(void *context, const char *folder) {
    (void)context;
    VERB(true, sync_folder(medium.files_below->context, folder));
}

static satchel_status verb_size(void *context, const char *path, uint64_t *out_bytes) {
    (void)context;
    VERB(false, size(medium.files_below->context, path, out_bytes));
}

static satchel_status verb_lock(void *context, const char *path, intptr_t *out_lock) {
    (void)context;
    if (call_fails(false)) {
        return failure();
    }
    return medium.files_below->lock(medium.files_below->context, path, out_lock);
}

static void verb_unlock(void *context, intptr_t lock) {
    (void)context;
    medium.files_below->unlock(medium.files_below->context, lock);
}

const satchel_vault_files *medium_files(void) {
    return &medium.files;
}

void medium_put_over(sqlite3_vfs *below, const satchel_vault_files *files) {
    if (medium.vfs.zName != NULL) {
        (void)sqlite3_vfs_unregister(&medium.vfs);
    }
    medium.below = below != NULL ? below : sqlite3_vfs_find(NULL);
    medium.files_below = files;
    medium.vfs = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = (int)sizeof(medium_file) + medium.below->szOsFile,
        .mxPathname = medium.below->mxPathname,
        .zName = "failing-medium",
        .xOpen = medium_open,
        .xDelete = medium_delete,
        .xAccess = medium_access,
        .xFullPathname = medium_full_path,
        .xRandomness = medium_randomness,
        .xSleep = medium_sleep,
        .xCurrentTime = medium_time,
        .xGetLastError = medium_last_error,
    };
    medium.files = (satchel_vault_files){
        .read = verb_read,
        .write = verb_write,
        .sync = verb_sync,
        .rename = verb_rename,
        .remove = verb_remove,
        .sync_folder = verb_sync_folder,
        .size = verb_size,
        .lock = verb_lock,
        .unlock = verb_unlock,
    };
    (void)sqlite3_vfs_register(&medium.vfs, 1);
}
