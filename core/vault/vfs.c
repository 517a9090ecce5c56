/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VFS object: which files may be opened, and what is passed to the VFS below.
 */
#include "vault/vfs.h"

#include "base/bytes.h"
#include "base/memory.h"
#include "vault/database_file.h"
#include "vault/wal_file.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char wal_suffix[] = "-wal";

/* Behind our part of a file lies the file of the VFS below, aligned for any type. */
#define HEAD_BYTES(type) ((sizeof(type) + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t))

static satchel_vfs *vfs_of(sqlite3_vfs *base) {
    return (satchel_vfs *)base->pAppData;
}

int satchel_vfs_poison(satchel_vfs *vfs, satchel_status reason) {
    if (vfs->poison == SATCHEL_OK) {
        vfs->poison = reason;
    }
    return SQLITE_IOERR;
}

int satchel_vfs_nonce(satchel_vfs *vfs, uint8_t out[SATCHEL_NONCE_BYTES]) {
    bool by_epoch = vfs->keys->cipher == SATCHEL_CIPHER_AES256_GCM;
    satchel_status status = satchel_nonces_next(&vfs->nonces, vfs->random, by_epoch, out);
    return status == SATCHEL_OK ? SQLITE_OK : satchel_vfs_poison(vfs, status);
}

static int noted(satchel_vfs *vfs, int code) {
    if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ && vfs->trouble == SATCHEL_OK) {
        vfs->trouble = (code & 0xff) == SQLITE_FULL                                  ? SATCHEL_DISK_FULL
                       : (code & 0xff) == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM ? SATCHEL_NO_MEMORY
                                                                                     : SATCHEL_IO_ERROR;
    }
    return code;
}

int satchel_vfs_read(satchel_vfs *vfs, sqlite3_file *below, void *out, size_t bytes, uint64_t offset) {
    vfs->stats.reads++;
    vfs->stats.bytes_read += bytes;
    return noted(vfs, below->pMethods->xRead(below, out, (int)bytes, (sqlite3_int64)offset));
}

int satchel_vfs_write(satchel_vfs *vfs, sqlite3_file *below, const void *data, size_t bytes, uint64_t offset) {
    if (vfs->poison != SATCHEL_OK) {
        return SQLITE_IOERR_WRITE;
    }
    vfs->stats.writes++;
    vfs->stats.bytes_written += bytes;
    return noted(vfs, below->pMethods->xWrite(below, data, (int)bytes, (sqlite3_int64)offset));
}

int satchel_vfs_sync(satchel_vfs *vfs, sqlite3_file *below, int flags) {
    if (vfs->poison != SATCHEL_OK) {
        return SQLITE_IOERR_FSYNC;
    }
    vfs->stats.syncs++;
    return noted(vfs, below->pMethods->xSync(below, flags));
}

/*
 * Hints about size and mapping are swallowed: they would let the VFS below grow the file by unsealed bytes or map it.
 * What SQLite asks only to learn whether somebody else handles it gets NOTFOUND.
 */
int satchel_vfs_file_control(satchel_vfs *vfs, sqlite3_file *below, int op, void *argument) {
    switch (op) {
    case SQLITE_FCNTL_SIZE_HINT:
    case SQLITE_FCNTL_CHUNK_SIZE: return SQLITE_OK;
    case SQLITE_FCNTL_LOCKSTATE:
    case SQLITE_FCNTL_LAST_ERRNO:
    case SQLITE_FCNTL_HAS_MOVED: return below->pMethods->xFileControl(below, op, argument);
    case SATCHEL_VFS_FCNTL_SELF: *(satchel_vfs **)argument = vfs; return SQLITE_OK;
    case SQLITE_FCNTL_VFSNAME: {
        char **name = argument;
        *name = sqlite3_mprintf("%s", vfs->name);
        return *name != NULL ? SQLITE_OK : SQLITE_NOMEM;
    }
    default: return SQLITE_NOTFOUND;
    }
}

int satchel_vfs_device_characteristics(sqlite3_file *file) {
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int refuse(satchel_vfs *vfs) {
    vfs->stats.refused_opens++;
    return SQLITE_CANTOPEN;
}

static int open_database(satchel_vfs *vfs, const char *path, sqlite3_file *out, int flags, int *out_flags) {
    satchel_database_file *file = (satchel_database_file *)(void *)out;
    memset(file, 0, sizeof *file);
    file->vfs = vfs;
    file->below = (sqlite3_file *)(void *)((uint8_t *)out + HEAD_BYTES(satchel_database_file));
    int code = vfs->below->xOpen(vfs->below, path, file->below, flags, out_flags);
    if (code != SQLITE_OK) {
        return code;
    }
    code = satchel_database_file_init(file, vfs);
    if (code != SQLITE_OK) {
        (void)file->below->pMethods->xClose(file->below);
        file->base.pMethods = NULL;
    }
    return code;
}

static int open_wal(satchel_vfs *vfs, const char *path, sqlite3_file *out, int flags, int *out_flags) {
    satchel_wal_file *file = (satchel_wal_file *)(void *)out;
    memset(file, 0, sizeof *file);
    file->vfs = vfs;
    file->below = (sqlite3_file *)(void *)((uint8_t *)out + HEAD_BYTES(satchel_wal_file));
    int code = vfs->below->xOpen(vfs->below, path, file->below, flags, out_flags);
    if (code != SQLITE_OK) {
        return code;
    }
    code = satchel_wal_file_init(file, vfs);
    if (code != SQLITE_OK) {
        (void)file->below->pMethods->xClose(file->below);
        file->base.pMethods = NULL;
    }
    return code;
}

#define KINDS_OF_FILE                                                                                                  \
    (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_TEMP_DB | SQLITE_OPEN_TRANSIENT_DB | SQLITE_OPEN_MAIN_JOURNAL |                 \
     SQLITE_OPEN_TEMP_JOURNAL | SQLITE_OPEN_SUBJOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL)

static int vfs_open(sqlite3_vfs *base, const char *path, sqlite3_file *file, int flags, int *out_flags) {
    satchel_vfs *vfs = vfs_of(base);
    int kind = flags & KINDS_OF_FILE;
    file->pMethods = NULL;
    if (kind == SQLITE_OPEN_MAIN_DB && path != NULL && strcmp(path, vfs->database_path) == 0 && vfs->database == NULL) {
        return noted(vfs, open_database(vfs, path, file, flags, out_flags));
    }
    if (kind == SQLITE_OPEN_WAL && path != NULL && strcmp(path, vfs->wal_path) == 0 && vfs->wal == NULL) {
        return noted(vfs, open_wal(vfs, path, file, flags, out_flags));
    }
    return refuse(vfs);
}

static int vfs_delete(sqlite3_vfs *base, const char *path, int sync_folder) {
    satchel_vfs *vfs = vfs_of(base);
    if (strcmp(path, vfs->wal_path) != 0) {
        return SQLITE_IOERR_DELETE;
    }
    return vfs->below->xDelete(vfs->below, path, sync_folder);
}

/* A journal never exists: what lies under that name is not ours, and SQLite must not roll it back into the store. */
static int vfs_access(sqlite3_vfs *base, const char *path, int flags, int *out) {
    satchel_vfs *vfs = vfs_of(base);
    *out = 0;
    if (strcmp(path, vfs->wal_path) != 0 && strcmp(path, vfs->database_path) != 0) {
        return SQLITE_OK;
    }
    return noted(vfs, vfs->below->xAccess(vfs->below, path, flags, out));
}

/* The path was made absolute before; SQLite must find the same text again. */
static int vfs_full_pathname(sqlite3_vfs *base, const char *path, int out_bytes, char *out) {
    (void)base;
    size_t bytes = strlen(path) + 1;
    if (out_bytes < 0 || bytes > (size_t)out_bytes) {
        return SQLITE_CANTOPEN;
    }
    memcpy(out, path, bytes);
    return SQLITE_OK;
}

static void *vfs_dl_open(sqlite3_vfs *base, const char *path) {
    (void)base;
    (void)path;
    return NULL;
}

static void vfs_dl_error(sqlite3_vfs *base, int bytes, char *out) {
    (void)base;
    if (bytes > 0) {
        sqlite3_snprintf(bytes, out, "extensions are not loaded");
    }
}

static void (*vfs_dl_sym(sqlite3_vfs *base, void *library, const char *symbol))(void) {
    (void)base;
    (void)library;
    (void)symbol;
    return NULL;
}

static void vfs_dl_close(sqlite3_vfs *base, void *library) {
    (void)base;
    (void)library;
}

static int vfs_randomness(sqlite3_vfs *base, int bytes, char *out) {
    satchel_vfs *vfs = vfs_of(base);
    if (bytes <= 0 || satchel_random_fill(vfs->random, out, (size_t)bytes) != SATCHEL_OK) {
        return 0;
    }
    return bytes;
}

static int vfs_sleep(sqlite3_vfs *base, int microseconds) {
    satchel_vfs *vfs = vfs_of(base);
    return vfs->below->xSleep(vfs->below, microseconds);
}

static int vfs_current_time(sqlite3_vfs *base, double *out) {
    satchel_vfs *vfs = vfs_of(base);
    return vfs->below->xCurrentTime(vfs->below, out);
}

static int vfs_last_error(sqlite3_vfs *base, int bytes, char *out) {
    satchel_vfs *vfs = vfs_of(base);
    return vfs->below->xGetLastError != NULL ? vfs->below->xGetLastError(vfs->below, bytes, out) : 0;
}

static void fill_methods(satchel_vfs *vfs) {
    size_t head = HEAD_BYTES(satchel_database_file);
    if (head < HEAD_BYTES(satchel_wal_file)) {
        head = HEAD_BYTES(satchel_wal_file);
    }
    vfs->base = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = (int)head + vfs->below->szOsFile,
        .mxPathname = vfs->below->mxPathname,
        .zName = vfs->name,
        .pAppData = vfs,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_pathname,
        .xDlOpen = vfs_dl_open,
        .xDlError = vfs_dl_error,
        .xDlSym = vfs_dl_sym,
        .xDlClose = vfs_dl_close,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_current_time,
        .xGetLastError = vfs_last_error,
    };
}

/* A name that no other instance has: 16 random bytes. */
static satchel_status fill_name(satchel_vfs *vfs) {
    uint8_t random[16];
    char hex[2 * sizeof random + 1];
    satchel_status status = satchel_random_fill(vfs->random, random, sizeof random);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_hex_write(satchel_bytes_of(random, sizeof random), hex);
    (void)snprintf(vfs->name, sizeof vfs->name, "satchel-%s", hex);
    return SATCHEL_OK;
}

static satchel_status fill_paths(satchel_vfs *vfs, const char *path) {
    size_t bytes = strlen(path);
    vfs->database_path = satchel_memory_take(bytes + 1);
    vfs->wal_path = satchel_memory_take(bytes + sizeof wal_suffix);
    if (vfs->database_path == NULL || vfs->wal_path == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    memcpy(vfs->database_path, path, bytes);
    memcpy(vfs->wal_path, path, bytes);
    memcpy(vfs->wal_path + bytes, wal_suffix, sizeof wal_suffix);
    return SATCHEL_OK;
}

satchel_status satchel_vfs_open(satchel_vfs **out, const char *path, bool creating, satchel_vault_keys *keys,
                                satchel_random random, sqlite3_vfs *below) {
    *out = NULL;
    if (!satchel_cipher_available(keys->cipher)) {
        return SATCHEL_UNSUPPORTED;
    }
    satchel_vfs *vfs = satchel_memory_take(sizeof *vfs);
    if (vfs == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    vfs->below = below;
    vfs->keys = keys;
    vfs->random = random;
    vfs->creating = creating;
    satchel_status status = fill_name(vfs);
    if (status == SATCHEL_OK) {
        status = fill_paths(vfs, path);
    }
    if (status == SATCHEL_OK) {
        fill_methods(vfs);
        vfs->registered = sqlite3_vfs_register(&vfs->base, 0) == SQLITE_OK;
        status = vfs->registered ? SATCHEL_OK : SATCHEL_DATABASE_ERROR;
    }
    if (status != SATCHEL_OK) {
        satchel_vfs_close(vfs);
        return status;
    }
    *out = vfs;
    return SATCHEL_OK;
}

void satchel_vfs_close(satchel_vfs *vfs) {
    if (vfs == NULL) {
        return;
    }
    assert(vfs->database == NULL && vfs->wal == NULL);
    if (vfs->registered) {
        (void)sqlite3_vfs_unregister(&vfs->base);
    }
    satchel_memory_give(vfs->database_path);
    satchel_memory_give(vfs->wal_path);
    satchel_memory_give(vfs);
}

void satchel_vfs_abandon(satchel_vfs *vfs) {
    vfs->poison = SATCHEL_LOCKED;
    vfs->keys = NULL;
}

satchel_status satchel_vfs_finish_recovery(satchel_vfs *vfs) {
    if (vfs->database == NULL || vfs->wal == NULL || !vfs->wal->has_header) {
        return SATCHEL_OK;
    }
    uint64_t lower = vfs->wal->base_pages < vfs->wal->low_pages ? vfs->wal->base_pages : vfs->wal->low_pages;
    if (vfs->database->pages < lower) {
        return SATCHEL_DAMAGED;
    }
    satchel_status status = satchel_database_file_heal(vfs->database, lower);
    /* A commit whose sync failed may be among what was found: once it is seen, a loss of power must not take it. */
    if (status == SATCHEL_OK && satchel_vfs_sync(vfs, vfs->wal->below, SQLITE_SYNC_FULL) != SQLITE_OK) {
        status = vfs->poison != SATCHEL_OK ? vfs->poison : SATCHEL_IO_ERROR;
    }
    return status;
}
