/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flash. Every change of a file goes through put_bytes, resize or drop, so the watcher misses none.
 */
#include "fault/support/flash.h"

#include "support/test.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 256

struct flash {
    sqlite3_vfs vfs;
    satchel_vault_files files;
    flash_file list[FLASH_FILES_MOST];
    flash_watcher *watcher;
    void *context;
};

typedef struct open_file {
    sqlite3_file base;
    flash *flash;
    flash_file *file;
} open_file;

/* ---- contents ---- */

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* The place of a name, made if it is new. */
static flash_file *place_of(flash *one, const char *name) {
    flash_file *free_place = NULL;
    for (size_t at = 0; at < FLASH_FILES_MOST; at++) {
        if (strcmp(one->list[at].name, name) == 0) {
            return &one->list[at];
        }
        if (free_place == NULL && one->list[at].name[0] == '\0') {
            free_place = &one->list[at];
        }
    }
    REQUIRE(free_place != NULL && strlen(name) < FLASH_NAME_BYTES);
    memcpy(free_place->name, name, strlen(name) + 1);
    return free_place;
}

static void resize(flash_file *file, size_t bytes) {
    if (bytes > file->room) {
        file->data = realloc(file->data, 2 * bytes);
        REQUIRE(file->data != NULL);
        file->room = 2 * bytes;
    }
    if (bytes > file->bytes) {
        memset(file->data + file->bytes, 0, bytes - file->bytes);
    }
    file->bytes = bytes;
}

static void put_bytes(flash *one, flash_file *file, size_t offset, const uint8_t *data, size_t bytes) {
    if (offset + bytes > file->bytes) {
        resize(file, offset + bytes);
    }
    if (bytes > 0) {
        memcpy(file->data + offset, data, bytes);
    }
    if (one->watcher != NULL) {
        one->watcher(one->context, file, offset, bytes);
    }
}

static flash_file *make_file(flash *one, const char *name) {
    flash_file *file = place_of(one, name);
    file->there = true;
    return file;
}

static void drop(flash_file *file) {
    file->there = false;
    file->bytes = 0;
}

flash_file *flash_find(flash *one, const char *name) {
    flash_file *file = place_of(one, name);
    return file->there ? file : NULL;
}

void flash_put(flash *one, const char *name, satchel_bytes content) {
    flash_file *file = make_file(one, name);
    resize(file, 0);
    put_bytes(one, file, 0, content.data, content.bytes);
}

void flash_remove(flash *one, const char *name) {
    drop(place_of(one, name));
}

void flash_copy(flash *to, const flash *from) {
    for (size_t at = 0; at < FLASH_FILES_MOST; at++) {
        drop(&to->list[at]);
    }
    for (size_t at = 0; at < FLASH_FILES_MOST; at++) {
        if (from->list[at].there) {
            flash_put(to, from->list[at].name, satchel_bytes_of(from->list[at].data, from->list[at].bytes));
        }
    }
}

/* ---- the VFS ---- */

static open_file *open_of(sqlite3_file *base) {
    return (open_file *)(void *)base;
}

static int file_close(sqlite3_file *base) {
    base->pMethods = NULL;
    return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *out, int amount, sqlite3_int64 offset) {
    const flash_file *file = open_of(base)->file;
    size_t at = (size_t)offset, wanted = (size_t)amount;
    size_t there = at < file->bytes ? file->bytes - at : 0;
    size_t got = there < wanted ? there : wanted;
    if (got > 0) {
        memcpy(out, file->data + at, got);
    }
    memset((uint8_t *)out + got, 0, wanted - got);
    return got == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *base, const void *data, int amount, sqlite3_int64 offset) {
    put_bytes(open_of(base)->flash, open_of(base)->file, (size_t)offset, data, (size_t)amount);
    return SQLITE_OK;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size) {
    resize(open_of(base)->file, (size_t)size);
    return SQLITE_OK;
}

static int file_done(sqlite3_file *base, int argument) {
    (void)base;
    (void)argument;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *out) {
    *out = (sqlite3_int64)open_of(base)->file->bytes;
    return SQLITE_OK;
}

static int file_reserved(sqlite3_file *base, int *out) {
    (void)base;
    *out = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int op, void *argument) {
    (void)base;
    (void)op;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int file_zero(sqlite3_file *base) {
    (void)base;
    return 0;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_done,
    .xFileSize = file_size,
    .xLock = file_done,
    .xUnlock = file_done,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_zero,
    .xDeviceCharacteristics = file_zero,
};

/* A plain SQLite, which the canary scan is tried on, also asks for files without a name. */
static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *out_flags) {
    flash *one = vfs->pAppData;
    const char *name = path != NULL ? last_part(path) : "unnamed";
    base->pMethods = NULL;
    if ((flags & SQLITE_OPEN_CREATE) == 0 && flash_find(one, name) == NULL) {
        return SQLITE_CANTOPEN;
    }
    open_of(base)->flash = one;
    open_of(base)->file = make_file(one, name);
    base->pMethods = &methods;
    if (out_flags != NULL) {
        *out_flags = flags;
    }
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_folder) {
    flash *one = vfs->pAppData;
    (void)sync_folder;
    if (flash_find(one, last_part(path)) == NULL) {
        return SQLITE_IOERR_DELETE_NOENT;
    }
    flash_remove(one, last_part(path));
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out) {
    const flash_file *file = flash_find(vfs->pAppData, last_part(path));
    (void)flags;
    *out = file != NULL && file->bytes > 0; /* as the unix VFS */
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int bytes, char *out) {
    (void)vfs;
    REQUIRE((int)strlen(path) < bytes);
    memcpy(out, path, strlen(path) + 1);
    return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *vfs, int bytes, char *out) {
    (void)vfs;
    memset(out, 5, (size_t)bytes);
    return bytes;
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds) {
    (void)vfs;
    return microseconds;
}

static int vfs_time(sqlite3_vfs *vfs, double *out) {
    (void)vfs;
    *out = 2461000.5;
    return SQLITE_OK;
}

/* ---- the file verbs ---- */

static satchel_status verb_read(void *context, const char *path, size_t limit_bytes, satchel_buffer *out) {
    const flash_file *file = flash_find(context, last_part(path));
    if (file == NULL) {
        return SATCHEL_NOT_FOUND;
    }
    if (file->bytes > limit_bytes) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    return satchel_buffer_append(out, satchel_bytes_of(file->data, file->bytes));
}

static satchel_status verb_write(void *context, const char *path, satchel_bytes content) {
    flash_put(context, last_part(path), content);
    return SATCHEL_OK;
}

static satchel_status verb_done(void *context, const char *path) {
    (void)context;
    (void)path;
    return SATCHEL_OK;
}

static satchel_status verb_rename(void *context, const char *from, const char *to) {
    flash_file *old = flash_find(context, last_part(from));
    if (old == NULL) {
        return SATCHEL_NOT_FOUND;
    }
    flash_put(context, last_part(to), satchel_bytes_of(old->data, old->bytes));
    flash_remove(context, last_part(from));
    return SATCHEL_OK;
}

static satchel_status verb_remove(void *context, const char *path) {
    flash_remove(context, last_part(path));
    return SATCHEL_OK;
}

static satchel_status verb_size(void *context, const char *path, uint64_t *out_bytes) {
    const flash_file *file = flash_find(context, last_part(path));
    *out_bytes = file != NULL ? file->bytes : 0;
    return file != NULL ? SATCHEL_OK : SATCHEL_NOT_FOUND;
}

static satchel_status verb_lock(void *context, const char *path, intptr_t *out_lock) {
    (void)make_file(context, last_part(path));
    *out_lock = 0;
    return SATCHEL_OK;
}

static void verb_unlock(void *context, intptr_t lock) {
    (void)context;
    (void)lock;
}

/* ---- making ---- */

flash *flash_make(void) {
    flash *one = calloc(1, sizeof *one);
    REQUIRE(one != NULL);
    one->vfs = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = (int)sizeof(open_file),
        .mxPathname = PATH_BYTES,
        .zName = "flash",
        .pAppData = one,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
    };
    one->files = (satchel_vault_files){
        .context = one,
        .read = verb_read,
        .write = verb_write,
        .sync = verb_done,
        .rename = verb_rename,
        .remove = verb_remove,
        .sync_folder = verb_done,
        .size = verb_size,
        .lock = verb_lock,
        .unlock = verb_unlock,
    };
    return one;
}

void flash_free(flash *one) {
    for (size_t at = 0; one != NULL && at < FLASH_FILES_MOST; at++) {
        free(one->list[at].data);
    }
    free(one);
}

sqlite3_vfs *flash_vfs(flash *one) {
    return &one->vfs;
}

const satchel_vault_files *flash_files(flash *one) {
    return &one->files;
}

void flash_watch(flash *one, flash_watcher *watcher, void *context) {
    one->watcher = watcher;
    one->context = context;
}
