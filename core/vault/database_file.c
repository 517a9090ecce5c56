/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing sealed pages.
 *
 * Pages are opened in the reader's own buffer and sealed into a run, which one write takes to the disk. A scan is seen
 * by its order and then reads several pages at once. Neither changes what is on the disk, only the number of calls.
 */
#include "vault/database_file.h"

#include "base/memory.h"

#include <string.h>

/* dbFileVers of SQLite's pager: change counter and what follows it. */
#define VERSION_AT 24
#define VERSION_BYTES 16
/* Reads in order after which pages are read ahead. */
#define SCAN_AFTER 2u

static satchel_database_file *file_of(sqlite3_file *base) {
    return (satchel_database_file *)(void *)base;
}

static uint64_t offset_of(uint64_t number) {
    return (number - 1) * SATCHEL_PAGE_BYTES;
}

static int flush(satchel_database_file *file) {
    return satchel_run_flush(&file->run, file->vfs, file->below);
}

static int damaged(satchel_database_file *file, uint64_t number) {
    file->vfs->damaged_page = number;
    file->vfs->damage_in_wal = false;
    return SQLITE_IOERR_DATA;
}

/*
 * Where the sealed page lies: in `out`, or in the pages read ahead. A run of three pages in order is taken for a scan,
 * and each time that the pages read ahead are used up, twice as many are read.
 */
static int fetch(satchel_database_file *file, uint64_t number, uint8_t *out, const uint8_t **sealed) {
    if (number >= file->ahead_first && number - file->ahead_first < file->ahead_count) {
        *sealed = file->ahead + (number - file->ahead_first) * SATCHEL_PAGE_BYTES;
        return SQLITE_OK;
    }
    file->in_order = number == file->last_read + 1 ? file->in_order + 1 : 0;
    uint64_t count = file->in_order < SCAN_AFTER ? 1 : file->in_order == SCAN_AFTER ? 4 : SATCHEL_AHEAD_UNITS;
    uint64_t left = file->pages - number + 1;
    *sealed = out;
    if (count == 1 || left < 2) {
        return satchel_vfs_read(file->vfs, file->below, out, SATCHEL_PAGE_BYTES, offset_of(number));
    }
    count = left < count ? left : count;
    file->ahead_count = 0;
    int code = satchel_vfs_read(file->vfs, file->below, file->ahead, count * SATCHEL_PAGE_BYTES, offset_of(number));
    if (code == SQLITE_OK) {
        file->ahead_first = number;
        file->ahead_count = count;
        *sealed = file->ahead;
    }
    return code;
}

static int read_page(satchel_database_file *file, uint64_t number, uint8_t *out) {
    int code = flush(file);
    if (code != SQLITE_OK) {
        return code;
    }
    if (number > file->pages) {
        memset(out, 0, SATCHEL_PAGE_BYTES);
        return SQLITE_IOERR_SHORT_READ;
    }
    const uint8_t *sealed = out;
    code = fetch(file, number, out, &sealed);
    file->last_read = number;
    if (code == SQLITE_IOERR_SHORT_READ) {
        return damaged(file, number); /* the file was cut under our feet */
    }
    if (code != SQLITE_OK) {
        return code;
    }
    file->vfs->stats.pages_opened++;
    satchel_status status = satchel_page_unseal(file->vfs->keys, number, sealed, out);
    if (status == SATCHEL_FOREIGN_FILE) {
        file->vfs->foreign = true;
    }
    return status == SATCHEL_OK ? SQLITE_OK : damaged(file, number);
}

/*
 * SQLite reads its header before it recovers the WAL. If page 1 does not open, a checkpoint may have been cut off in
 * the middle of it, and the WAL holds the good one: so the answer is a constant header, not an error.
 */
static int read_header(satchel_database_file *file, uint8_t *out, size_t at, size_t bytes) {
    if (file->pages == 0 && file->vfs->creating) {
        memset(out, 0, bytes);
        return SQLITE_IOERR_SHORT_READ;
    }
    int code = read_page(file, 1, file->scratch);
    if (code == SQLITE_IOERR_DATA || code == SQLITE_IOERR_SHORT_READ) {
        satchel_page_synthetic_header(file->vfs->keys->cipher, file->scratch);
        code = SQLITE_OK;
    }
    if (code == SQLITE_OK) {
        memcpy(out, file->scratch + at, bytes);
    }
    return code;
}

static int database_read(sqlite3_file *base, void *out, int amount, sqlite3_int64 offset) {
    satchel_database_file *file = file_of(base);
    if (file->vfs->poison != SATCHEL_OK) {
        return SQLITE_IOERR_READ;
    }
    if (amount == SATCHEL_PAGE_BYTES && offset >= 0 && offset % SATCHEL_PAGE_BYTES == 0) {
        return read_page(file, (uint64_t)offset / SATCHEL_PAGE_BYTES + 1, out);
    }
    if ((amount == SATCHEL_PAGE_HEADER_BYTES && offset == 0) || (amount == VERSION_BYTES && offset == VERSION_AT)) {
        return read_header(file, out, (size_t)offset, (size_t)amount);
    }
    return satchel_vfs_poison(file->vfs, SATCHEL_UNSUPPORTED_IO);
}

/* Seals one page into the run; the file may grow by it. `plain` is not touched. */
static int put_page(satchel_database_file *file, uint64_t number, const uint8_t *plain) {
    uint8_t nonce[SATCHEL_NONCE_BYTES];
    if (!satchel_run_takes(&file->run, number)) {
        int code = flush(file);
        if (code != SQLITE_OK) {
            return code;
        }
    }
    int code = satchel_vfs_nonce(file->vfs, nonce);
    if (code != SQLITE_OK) {
        return code;
    }
    uint8_t *room = satchel_run_room(&file->run, number);
    satchel_status status = satchel_page_seal(file->vfs->keys, number, nonce, plain, room);
    if (status != SATCHEL_OK) {
        return satchel_vfs_poison(file->vfs, status);
    }
    satchel_run_keep(&file->run, number);
    file->vfs->stats.pages_sealed++;
    file->ahead_count = 0;
    if (number > file->pages) {
        file->pages = number;
    }
    return satchel_run_full(&file->run) ? flush(file) : SQLITE_OK;
}

/* Extends the file to `pages` by sealed empty pages, so that a page of zeros on the disk is always an error. */
static int fill_gap(satchel_database_file *file, uint64_t pages) {
    int code = SQLITE_OK;
    if (file->pages < pages) {
        memset(file->scratch, 0, SATCHEL_PAGE_BYTES);
    }
    while (code == SQLITE_OK && file->pages < pages) {
        code = put_page(file, file->pages + 1, file->scratch);
    }
    return code;
}

static int database_write(sqlite3_file *base, const void *data, int amount, sqlite3_int64 offset) {
    satchel_database_file *file = file_of(base);
    if (file->vfs->poison != SATCHEL_OK) {
        return SQLITE_IOERR_WRITE;
    }
    if (amount != SATCHEL_PAGE_BYTES || offset < 0 || offset % SATCHEL_PAGE_BYTES != 0) {
        return satchel_vfs_poison(file->vfs, SATCHEL_UNSUPPORTED_IO);
    }
    uint64_t number = (uint64_t)offset / SATCHEL_PAGE_BYTES + 1;
    int code = fill_gap(file, number - 1);
    return code == SQLITE_OK ? put_page(file, number, data) : code;
}

static int database_truncate(sqlite3_file *base, sqlite3_int64 size) {
    satchel_database_file *file = file_of(base);
    if (file->vfs->poison != SATCHEL_OK) {
        return SQLITE_IOERR_TRUNCATE;
    }
    if (size < 0 || size % SATCHEL_PAGE_BYTES != 0) {
        return satchel_vfs_poison(file->vfs, SATCHEL_UNSUPPORTED_IO);
    }
    uint64_t pages = (uint64_t)size / SATCHEL_PAGE_BYTES;
    int code = fill_gap(file, pages);
    if (code == SQLITE_OK) {
        code = flush(file);
    }
    if (code != SQLITE_OK || file->pages == pages) {
        return code;
    }
    file->ahead_count = 0;
    code = file->below->pMethods->xTruncate(file->below, size);
    if (code == SQLITE_OK) {
        file->pages = pages;
    }
    return code;
}

static int database_sync(sqlite3_file *base, int flags) {
    satchel_database_file *file = file_of(base);
    int code = flush(file);
    return code == SQLITE_OK ? satchel_vfs_sync(file->vfs, file->below, flags) : code;
}

static int database_size(sqlite3_file *base, sqlite3_int64 *out) {
    *out = (sqlite3_int64)(file_of(base)->pages * SATCHEL_PAGE_BYTES);
    return SQLITE_OK;
}

static int database_lock(sqlite3_file *base, int level) {
    sqlite3_file *below = file_of(base)->below;
    return below->pMethods->xLock(below, level);
}

static int database_unlock(sqlite3_file *base, int level) {
    satchel_database_file *file = file_of(base);
    int flushed = flush(file);
    int code = file->below->pMethods->xUnlock(file->below, level);
    return flushed != SQLITE_OK ? flushed : code;
}

static int database_check_reserved(sqlite3_file *base, int *out) {
    sqlite3_file *below = file_of(base)->below;
    return below->pMethods->xCheckReservedLock(below, out);
}

static int database_control(sqlite3_file *base, int op, void *argument) {
    satchel_database_file *file = file_of(base);
    return satchel_vfs_file_control(file->vfs, file->below, op, argument);
}

static int database_sector_size(sqlite3_file *base) {
    sqlite3_file *below = file_of(base)->below;
    return below->pMethods->xSectorSize(below);
}

static void give_memory(satchel_database_file *file) {
    satchel_run_deinit(&file->run);
    satchel_memory_give(file->scratch);
    satchel_memory_give(file->ahead);
}

static int database_close(sqlite3_file *base) {
    satchel_database_file *file = file_of(base);
    int flushed = flush(file);
    int code = file->below->pMethods->xClose(file->below);
    file->vfs->database = NULL;
    give_memory(file);
    return flushed != SQLITE_OK ? flushed : code;
}

static const sqlite3_io_methods database_methods = {
    .iVersion = 1,
    .xClose = database_close,
    .xRead = database_read,
    .xWrite = database_write,
    .xTruncate = database_truncate,
    .xSync = database_sync,
    .xFileSize = database_size,
    .xLock = database_lock,
    .xUnlock = database_unlock,
    .xCheckReservedLock = database_check_reserved,
    .xFileControl = database_control,
    .xSectorSize = database_sector_size,
    .xDeviceCharacteristics = satchel_vfs_device_characteristics,
};

int satchel_database_file_init(satchel_database_file *file, satchel_vfs *vfs) {
    sqlite3_int64 size = 0;
    int code = file->below->pMethods->xFileSize(file->below, &size);
    if (code != SQLITE_OK) {
        return code;
    }
    file->pages = (uint64_t)size / SATCHEL_PAGE_BYTES;
    file->scratch = satchel_memory_take(SATCHEL_PAGE_BYTES);
    file->ahead = satchel_memory_take(SATCHEL_AHEAD_UNITS * SATCHEL_PAGE_BYTES);
    satchel_status status = satchel_run_init(&file->run, SATCHEL_PAGE_BYTES, 0);
    if (status != SATCHEL_OK || file->scratch == NULL || file->ahead == NULL) {
        give_memory(file);
        return SQLITE_NOMEM;
    }
    file->base.pMethods = &database_methods;
    vfs->database = file;
    return SQLITE_OK;
}

satchel_status satchel_database_file_heal(satchel_database_file *file, uint64_t lower) {
    uint64_t healed = 0;
    int code = SQLITE_OK;
    for (uint64_t number = lower + 1; number <= file->pages && code == SQLITE_OK; number++) {
        code = read_page(file, number, file->scratch);
        if (code == SQLITE_IOERR_DATA) {
            memset(file->scratch, 0, SATCHEL_PAGE_BYTES);
            code = put_page(file, number, file->scratch);
            healed++;
        }
    }
    if (code == SQLITE_OK && healed > 0) {
        code = database_sync(&file->base, SQLITE_SYNC_NORMAL);
    }
    file->vfs->stats.healed_pages += healed;
    if (code == SQLITE_OK) {
        return SATCHEL_OK;
    }
    if (file->vfs->poison != SATCHEL_OK) {
        return file->vfs->poison;
    }
    return code == SQLITE_FULL ? SATCHEL_DISK_FULL : SATCHEL_IO_ERROR;
}
