/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading, re-sealing and overwriting files through the VFS below. Plain pages pass through one buffer, which is wiped.
 */
#include "vault/store_file.h"

#include "base/memory.h"
#include "crypto/secret.h"
#include "vault/page.h"

#include <string.h>

#define COPY_PAGES 16u
#define COPY_BYTES (COPY_PAGES * SATCHEL_PAGE_BYTES)
/* SQLite's VFSes expect parameters behind the name of a database: none here. */
#define NAME_END_BYTES 4

/* An open file of the VFS below. */
typedef struct raw_file {
    sqlite3_file *file; /* NULL: not open */
    char *name;
} raw_file;

static satchel_status status_of(int code) {
    switch (code & 0xff) {
    case SQLITE_OK: return SATCHEL_OK;
    case SQLITE_FULL: return SATCHEL_DISK_FULL;
    case SQLITE_NOMEM: return SATCHEL_NO_MEMORY;
    default: return code == SQLITE_IOERR_NOMEM ? SATCHEL_NO_MEMORY : SATCHEL_IO_ERROR;
    }
}

static void close_raw(raw_file *raw) {
    if (raw->file != NULL && raw->file->pMethods != NULL) {
        (void)raw->file->pMethods->xClose(raw->file);
    }
    satchel_memory_give(raw->file);
    satchel_memory_give(raw->name);
    *raw = (raw_file){NULL, NULL};
}

/* Errors: NOT_FOUND (absent or empty), IO_ERROR, NO_MEMORY. */
static satchel_status open_raw(sqlite3_vfs *below, const char *path, bool writing, raw_file *out) {
    size_t bytes = strlen(path);
    int there = 0, out_flags = 0;
    int flags = SQLITE_OPEN_MAIN_DB | (writing ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
    *out = (raw_file){satchel_memory_take((size_t)below->szOsFile), satchel_memory_take(bytes + NAME_END_BYTES)};
    satchel_status status = out->file != NULL && out->name != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
    if (status == SATCHEL_OK) {
        memcpy(out->name, path, bytes);
        status = status_of(below->xOpen(below, out->name, out->file, flags, &out_flags));
        if (status == SATCHEL_IO_ERROR && below->xAccess(below, path, SQLITE_ACCESS_EXISTS, &there) == SQLITE_OK &&
            !there) {
            status = SATCHEL_NOT_FOUND;
        }
    }
    if (status != SATCHEL_OK) {
        close_raw(out);
    }
    return status;
}

static satchel_status size_raw(const raw_file *raw, uint64_t *out_bytes) {
    sqlite3_int64 bytes = 0;
    satchel_status status = status_of(raw->file->pMethods->xFileSize(raw->file, &bytes));
    *out_bytes = bytes > 0 ? (uint64_t)bytes : 0;
    return status;
}

satchel_status satchel_store_file_id(sqlite3_vfs *below, const char *path, satchel_id *out) {
    raw_file raw;
    uint64_t bytes = 0;
    memset(out, 0, sizeof *out);
    satchel_status status = open_raw(below, path, false, &raw);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = size_raw(&raw, &bytes);
    if (status == SATCHEL_OK && bytes < SATCHEL_PAGE_BYTES) {
        status = SATCHEL_DAMAGED;
    }
    if (status == SATCHEL_OK) {
        status = status_of(raw.file->pMethods->xRead(raw.file, out->bytes, sizeof out->bytes, 0));
    }
    close_raw(&raw);
    return status;
}

satchel_status satchel_store_file_scrub(sqlite3_vfs *below, const char *path) {
    static const uint8_t zeros[SATCHEL_PAGE_BYTES];
    raw_file raw;
    uint64_t bytes = 0;
    satchel_status status = open_raw(below, path, true, &raw);
    if (status != SATCHEL_OK) {
        return status == SATCHEL_NOT_FOUND ? SATCHEL_OK : status;
    }
    status = size_raw(&raw, &bytes);
    for (uint64_t at = 0; at < bytes && status == SATCHEL_OK; at += sizeof zeros) {
        uint64_t part = bytes - at < sizeof zeros ? bytes - at : sizeof zeros;
        status = status_of(raw.file->pMethods->xWrite(raw.file, zeros, (int)part, (sqlite3_int64)at));
    }
    if (status == SATCHEL_OK) {
        status = status_of(raw.file->pMethods->xSync(raw.file, SQLITE_SYNC_FULL));
    }
    close_raw(&raw);
    return status;
}

/* The two files of a copy, the keys of each, and the buffers between. */
typedef struct reseal_work {
    raw_file from;
    raw_file to;
    satchel_vault_keys *old_keys;
    satchel_vault_keys *new_keys;
    satchel_random random;
    satchel_nonces nonces;
    uint8_t plain[COPY_BYTES];
    uint8_t sealed[COPY_BYTES];
} reseal_work;

static satchel_status reseal_page(reseal_work *work, uint64_t number, size_t index) {
    uint8_t nonce[SATCHEL_NONCE_BYTES];
    uint8_t *plain = work->plain + index * SATCHEL_PAGE_BYTES;
    bool by_epoch = work->new_keys->cipher == SATCHEL_CIPHER_AES256_GCM;
    satchel_status status = satchel_page_unseal(work->old_keys, number, plain, plain);
    if (status == SATCHEL_OK) {
        status = satchel_nonces_next(&work->nonces, work->random, by_epoch, nonce);
    }
    if (status == SATCHEL_OK) {
        status = satchel_page_seal(work->new_keys, number, nonce, plain, work->sealed + index * SATCHEL_PAGE_BYTES);
    }
    return status;
}

/* Up to COPY_PAGES pages from `*page` on, of `pages` in all. */
static satchel_status reseal_run(reseal_work *work, uint64_t pages, uint64_t *page) {
    uint64_t first = *page;
    size_t count = pages - first < COPY_PAGES ? (size_t)(pages - first) : COPY_PAGES;
    sqlite3_int64 at = (sqlite3_int64)(first * SATCHEL_PAGE_BYTES);
    int bytes = (int)(count * SATCHEL_PAGE_BYTES);
    satchel_status status = status_of(work->from.file->pMethods->xRead(work->from.file, work->plain, bytes, at));
    for (size_t index = 0; index < count && status == SATCHEL_OK; index++) {
        *page = first + index;
        status = reseal_page(work, first + index + 1, index);
    }
    if (status == SATCHEL_OK) {
        status = status_of(work->to.file->pMethods->xWrite(work->to.file, work->sealed, bytes, at));
        *page = first + count;
    }
    return status;
}

satchel_status satchel_store_file_reseal(sqlite3_vfs *below, const char *from, satchel_vault_keys *old_keys,
                                         const char *to, satchel_vault_keys *new_keys, satchel_random random,
                                         uint64_t *out_page) {
    uint64_t bytes = 0, page = 0;
    *out_page = 0;
    reseal_work *work = satchel_memory_take(sizeof *work);
    if (work == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    work->old_keys = old_keys;
    work->new_keys = new_keys;
    work->random = random;
    satchel_status status = open_raw(below, from, false, &work->from);
    if (status == SATCHEL_OK) {
        status = open_raw(below, to, true, &work->to);
    }
    if (status == SATCHEL_OK) {
        status = size_raw(&work->from, &bytes);
    }
    if (status == SATCHEL_OK && (bytes == 0 || bytes % SATCHEL_PAGE_BYTES != 0)) {
        status = SATCHEL_DAMAGED;
    }
    while (status == SATCHEL_OK && page < bytes / SATCHEL_PAGE_BYTES) {
        status = reseal_run(work, bytes / SATCHEL_PAGE_BYTES, &page);
    }
    *out_page = page + 1;
    if (status == SATCHEL_OK) {
        status = status_of(work->to.file->pMethods->xSync(work->to.file, SQLITE_SYNC_FULL));
    }
    close_raw(&work->from);
    close_raw(&work->to);
    if (status == SATCHEL_NOT_FOUND) {
        status = SATCHEL_IO_ERROR; /* both were there a moment ago */
    }
    satchel_secret_wipe(work, sizeof *work);
    satchel_memory_give(work);
    return status;
}
