/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page-sealing VFS: one instance for one open store, registered with SQLite under a name of its own.
 *
 * It stands on another VFS (SQLite's default, or what a test injects) and knows two files, the database and its WAL.
 * Every other open is refused and counted. Methods have iVersion 1: no shared memory, no mmap.
 * An access that is not listed in database_file.c or wal_file.c poisons the instance; so does a failure of the random
 * source or of sealing: from then on nothing is written.
 */
#ifndef SATCHEL_VAULT_VFS_H
#define SATCHEL_VAULT_VFS_H

#include "crypto/random.h"
#include "vault/vault.h"
#include "vault/wal.h"

#include <sqlite3.h>

/* Sealed units that are written by one call of the VFS below. */
#define SATCHEL_RUN_UNITS 16u
/* Pages that one read fetches when a scan goes through the file in order. */
#define SATCHEL_AHEAD_UNITS 16u
#define SATCHEL_VFS_NAME_BYTES 48
/* File control of the database: gives the satchel_vfs * below a connection. SQLite leaves numbers above 100 to VFSes.
 */
#define SATCHEL_VFS_FCNTL_SELF 1001

struct satchel_database_file;
struct satchel_wal_file;

typedef struct satchel_vfs {
    sqlite3_vfs base;
    char name[SATCHEL_VFS_NAME_BYTES];
    sqlite3_vfs *below;
    satchel_vault_keys *keys; /* borrowed */
    satchel_random random;
    satchel_nonces nonces;
    char *database_path; /* as SQLite gives it */
    char *wal_path;
    bool creating; /* an empty database file is expected */
    bool registered;
    satchel_status poison;  /* SATCHEL_OK, or why nothing is written any more */
    satchel_status trouble; /* the first failure of a file below; SQLite keeps some to itself (a new journal mode) */
    bool foreign;           /* page 1 belongs to another store */
    uint64_t damaged_page;  /* last page or frame that did not open, for the detail of an error */
    bool damage_in_wal;
    struct satchel_database_file *database; /* while open */
    struct satchel_wal_file *wal;
    satchel_vault_stats stats;
} satchel_vfs;

/*
 * Makes and registers an instance for the database at `path` (absolute). `keys` and `below` must outlive it.
 * Errors: UNSUPPORTED (the cipher, on this machine), NO_MEMORY, RANDOM_FAILED, DATABASE_ERROR (registration).
 */
SATCHEL_MUST_USE satchel_status satchel_vfs_open(satchel_vfs **out, const char *path, bool creating,
                                                 satchel_vault_keys *keys, satchel_random random, sqlite3_vfs *below);

/* Unregisters and frees. All its files must be closed. NULL is fine. */
void satchel_vfs_close(satchel_vfs *vfs);

/* For an instance that cannot be closed: it answers nothing any more, uses no key, and is never freed. */
void satchel_vfs_abandon(satchel_vfs *vfs);

/*
 * To be called once SQLite has recovered the WAL, before anything is written. Checks that the database is as long as
 * the WAL's prologue says, and seals anew the empty pages that an interrupted checkpoint left behind.
 * Errors: DAMAGED, IO_ERROR, DISK_FULL, RANDOM_FAILED.
 */
SATCHEL_MUST_USE satchel_status satchel_vfs_finish_recovery(satchel_vfs *vfs);

/* Records why nothing may be written any more (the first reason stays) and gives the code to return to SQLite. */
int satchel_vfs_poison(satchel_vfs *vfs, satchel_status reason);

/* A fresh nonce, or poison. Gives SQLITE_OK or an error code. */
int satchel_vfs_nonce(satchel_vfs *vfs, uint8_t out[SATCHEL_NONCE_BYTES]);

/* Calls of the file below, counted. A short read leaves zeros and gives SQLITE_IOERR_SHORT_READ. */
int satchel_vfs_read(satchel_vfs *vfs, sqlite3_file *below, void *out, size_t bytes, uint64_t offset);
int satchel_vfs_write(satchel_vfs *vfs, sqlite3_file *below, const void *data, size_t bytes, uint64_t offset);
int satchel_vfs_sync(satchel_vfs *vfs, sqlite3_file *below, int flags);

/* What both files answer alike. */
int satchel_vfs_file_control(satchel_vfs *vfs, sqlite3_file *below, int op, void *argument);
int satchel_vfs_device_characteristics(sqlite3_file *file);

#endif
