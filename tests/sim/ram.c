/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of the server's database in memory: it can be kept, and put back to what was kept.
 *
 * SQLite sees a file that somebody else has changed since: it drops its cached pages and goes on with the schema and
 * the statements that it has, which are still true. That is what makes the next seed cheap. One file, one connection.
 */
#include "sim/ram.h"

#include "support/test.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 4096u
/* In SQLite's header: the change counter, and the counter that the header's size of the database is valid for. */
#define CHANGES_AT 24u
#define VALID_FOR_AT 92u
#define HEADER_BYTES 100u
#define CHANGES_A_RUN 0x10000u /* more than one run commits */

struct sim_ram {
    sqlite3_vfs vfs;
    uint8_t *data;
    uint64_t bytes;
    uint64_t room;
    uint8_t *kept;
    uint64_t kept_bytes;
    bool *changed; /* pages of `kept`, since it was kept or put back */
    uint32_t changes;
};

typedef struct ram_file {
    sqlite3_file base;
    sim_ram *ram;
} ram_file;

static sim_ram *ram_of(sqlite3_file *base) {
    return ((ram_file *)(void *)base)->ram;
}

static void note(sim_ram *ram, uint64_t from, uint64_t to) {
    uint64_t pages = ram->kept_bytes / PAGE_BYTES;
    for (uint64_t page = from / PAGE_BYTES; page < pages && page * PAGE_BYTES < to; page++) {
        ram->changed[page] = true;
    }
}

static void resize(sim_ram *ram, uint64_t bytes) {
    if (bytes > ram->room) {
        uint64_t room = bytes * 2;
        ram->data = realloc(ram->data, room);
        REQUIRE(ram->data != NULL);
        ram->room = room;
    }
    if (bytes > ram->bytes) {
        memset(ram->data + ram->bytes, 0, bytes - ram->bytes);
    } else {
        note(ram, bytes, ram->bytes);
    }
    ram->bytes = bytes;
}

static int ram_close(sqlite3_file *base) {
    (void)base;
    return SQLITE_OK;
}

static int ram_read(sqlite3_file *base, void *out, int amount, sqlite3_int64 offset) {
    const sim_ram *ram = ram_of(base);
    uint64_t at = (uint64_t)offset, wanted = (uint64_t)amount;
    uint64_t there = at < ram->bytes ? ram->bytes - at : 0;
    uint64_t got = there < wanted ? there : wanted;
    if (got > 0) {
        memcpy(out, ram->data + at, got);
    }
    memset((uint8_t *)out + got, 0, wanted - got);
    return got == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int ram_write(sqlite3_file *base, const void *data, int amount, sqlite3_int64 offset) {
    sim_ram *ram = ram_of(base);
    uint64_t end = (uint64_t)offset + (uint64_t)amount;
    if (end > ram->bytes) {
        resize(ram, end);
    }
    note(ram, (uint64_t)offset, end);
    memcpy(ram->data + offset, data, (size_t)amount);
    return SQLITE_OK;
}

static int ram_truncate(sqlite3_file *base, sqlite3_int64 bytes) {
    resize(ram_of(base), (uint64_t)bytes);
    return SQLITE_OK;
}

static int ram_size(sqlite3_file *base, sqlite3_int64 *out) {
    *out = (sqlite3_int64)ram_of(base)->bytes;
    return SQLITE_OK;
}

static int ram_nothing(sqlite3_file *base, int flags) {
    (void)base;
    (void)flags;
    return SQLITE_OK;
}

static int ram_check_reserved(sqlite3_file *base, int *out) {
    (void)base;
    *out = 0;
    return SQLITE_OK;
}

static int ram_control(sqlite3_file *base, int op, void *argument) {
    (void)base;
    (void)op;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int ram_sector(sqlite3_file *base) {
    (void)base;
    return (int)PAGE_BYTES;
}

static int ram_characteristics(sqlite3_file *base) {
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods ram_methods = {
    .iVersion = 1,
    .xClose = ram_close,
    .xRead = ram_read,
    .xWrite = ram_write,
    .xTruncate = ram_truncate,
    .xSync = ram_nothing,
    .xFileSize = ram_size,
    .xLock = ram_nothing,
    .xUnlock = ram_nothing,
    .xCheckReservedLock = ram_check_reserved,
    .xFileControl = ram_control,
    .xSectorSize = ram_sector,
    .xDeviceCharacteristics = ram_characteristics,
};

/* The database alone: its journal is kept in memory by SQLite itself. */
static int ram_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *out_flags) {
    ram_file *file = (ram_file *)(void *)base;
    (void)path;
    file->base.pMethods = NULL;
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0) {
        return SQLITE_CANTOPEN;
    }
    file->ram = vfs->pAppData;
    file->base.pMethods = &ram_methods;
    if (out_flags != NULL) {
        *out_flags = flags;
    }
    return SQLITE_OK;
}

static int ram_delete(sqlite3_vfs *vfs, const char *path, int sync_folder) {
    (void)vfs;
    (void)path;
    (void)sync_folder;
    return SQLITE_IOERR_DELETE_NOENT;
}

static int ram_access(sqlite3_vfs *vfs, const char *path, int flags, int *out) {
    (void)vfs;
    (void)path;
    (void)flags;
    *out = 0;
    return SQLITE_OK;
}

static int ram_full_path(sqlite3_vfs *vfs, const char *path, int bytes, char *out) {
    size_t length = strlen(path) + 1;
    (void)vfs;
    if (bytes < 0 || length > (size_t)bytes) {
        return SQLITE_CANTOPEN;
    }
    memcpy(out, path, length);
    return SQLITE_OK;
}

static int ram_randomness(sqlite3_vfs *vfs, int bytes, char *out) {
    (void)vfs;
    memset(out, 3, (size_t)bytes);
    return bytes;
}

static int ram_sleep(sqlite3_vfs *vfs, int microseconds) {
    (void)vfs;
    return microseconds;
}

static int ram_time(sqlite3_vfs *vfs, double *out) {
    (void)vfs;
    *out = 2461000.5;
    return SQLITE_OK;
}

static sim_ram *make_ram(void) {
    sim_ram *ram = calloc(1, sizeof *ram);
    REQUIRE(ram != NULL);
    ram->vfs = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = (int)sizeof(ram_file),
        .mxPathname = 255,
        .zName = "sim-ram",
        .pAppData = ram,
        .xOpen = ram_open,
        .xDelete = ram_delete,
        .xAccess = ram_access,
        .xFullPathname = ram_full_path,
        .xRandomness = ram_randomness,
        .xSleep = ram_sleep,
        .xCurrentTime = ram_time,
    };
    return ram;
}

static void free_ram(sim_ram *ram) {
    if (ram != NULL) {
        free(ram->data);
        free(ram->kept);
        free(ram->changed);
        free(ram);
    }
}

sim_ram *sim_ram_open(satchel_db **out) {
    sim_ram *ram = make_ram();
    sqlite3_vfs_register(&ram->vfs, 1);
    satchel_status status = satchel_db_open_sqlite(out, "company.db", SATCHEL_DB_WRITER, NULL);
    sqlite3_vfs_unregister(&ram->vfs);
    if (status == SATCHEL_OK) {
        status = satchel_db_exec(*out, "PRAGMA journal_mode=MEMORY", NULL);
    }
    if (status != SATCHEL_OK) {
        satchel_db_close(*out);
        *out = NULL;
        free_ram(ram);
        return NULL;
    }
    return ram;
}

void sim_ram_close(sim_ram *ram, satchel_db *db) {
    satchel_db_close(db);
    free_ram(ram);
}

void sim_ram_keep(sim_ram *ram) {
    REQUIRE(ram->bytes >= HEADER_BYTES && ram->bytes % PAGE_BYTES == 0);
    ram->kept = malloc(ram->bytes);
    ram->changed = calloc(ram->bytes / PAGE_BYTES, sizeof *ram->changed);
    REQUIRE(ram->kept != NULL && ram->changed != NULL);
    memcpy(ram->kept, ram->data, ram->bytes);
    ram->kept_bytes = ram->bytes;
    ram->changes = satchel_get_u32be(ram->data + CHANGES_AT);
}

void sim_ram_put_back(sim_ram *ram) {
    resize(ram, ram->kept_bytes);
    for (uint64_t page = 0; page < ram->kept_bytes / PAGE_BYTES; page++) {
        if (ram->changed[page]) {
            memcpy(ram->data + page * PAGE_BYTES, ram->kept + page * PAGE_BYTES, PAGE_BYTES);
            ram->changed[page] = false;
        }
    }
    ram->changes += CHANGES_A_RUN;
    satchel_put_u32be(ram->data + CHANGES_AT, ram->changes);
    satchel_put_u32be(ram->data + VALID_FOR_AT, ram->changes);
    ram->changed[0] = true;
}
