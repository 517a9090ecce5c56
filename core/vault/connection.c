/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and configuring the one connection.
 *
 * The order matters: EXCLUSIVE locking comes before the first access to the WAL (so that its index is on the heap),
 * auto_vacuum before the first table, the reserved bytes before the first write.
 */
#include "vault/connection.h"

#include "base/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SQLITE_VERSION_WANTED 3040000
#define PRAGMA_BYTES 64
#define WAL_BYTES_A_FRAME 4120u

satchel_status satchel_connection_check_sqlite(satchel_error *error) {
    if (sqlite3_libversion_number() < SQLITE_VERSION_WANTED) {
        return satchel_fail(error, SATCHEL_UNSUPPORTED_SQLITE, "SQLite %s is older than 3.40", sqlite3_libversion());
    }
    if (sqlite3_threadsafe() == 0) {
        return satchel_fail(error, SATCHEL_UNSUPPORTED_SQLITE, "SQLite was built without threads");
    }
    if (!sqlite3_compileoption_used("ENABLE_FTS5") || !sqlite3_compileoption_used("ENABLE_RTREE")) {
        return satchel_fail(error, SATCHEL_UNSUPPORTED_SQLITE, "SQLite was built without FTS5 or R*Tree");
    }
    return SATCHEL_OK;
}

satchel_status satchel_connection_status(const satchel_vfs *vfs, sqlite3 *database, int code) {
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) {
        return SATCHEL_OK;
    }
    if (vfs != NULL && vfs->poison != SATCHEL_OK) {
        return vfs->poison;
    }
    int full = code;
    if (database != NULL && (code & 0xff) == code && (sqlite3_extended_errcode(database) & 0xff) == code) {
        full = sqlite3_extended_errcode(database);
    }
    /* While it reads the schema SQLite forgets what kind of I/O error it was; the VFS gives none without its kind. */
    bool kind_lost = full == SQLITE_IOERR && vfs != NULL && vfs->damaged_page > 0;
    if (full == SQLITE_IOERR_DATA || kind_lost) {
        return vfs != NULL && vfs->foreign ? SATCHEL_FOREIGN_FILE : SATCHEL_DAMAGED;
    }
    if (full == SQLITE_IOERR_NOMEM) {
        return SATCHEL_NO_MEMORY;
    }
    switch (full & 0xff) {
    case SQLITE_NOMEM: return SATCHEL_NO_MEMORY;
    case SQLITE_FULL: return SATCHEL_DISK_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return SATCHEL_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return SATCHEL_DAMAGED;
    case SQLITE_INTERRUPT: return SATCHEL_CANCELLED;
    case SQLITE_READONLY: return SATCHEL_READ_ONLY_STORE;
    case SQLITE_TOOBIG: return SATCHEL_LIMIT_EXCEEDED;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM: return SATCHEL_IO_ERROR;
    default: return SATCHEL_DATABASE_ERROR;
    }
}

satchel_status satchel_vault_status_of(sqlite3 *database, int sqlite_code) {
    satchel_vfs *vfs = NULL;
    if (sqlite_code == SQLITE_OK || sqlite_code == SQLITE_ROW || sqlite_code == SQLITE_DONE) {
        return SATCHEL_OK;
    }
    if (sqlite3_file_control(database, "main", SATCHEL_VFS_FCNTL_SELF, &vfs) != SQLITE_OK) {
        vfs = NULL;
    }
    return satchel_connection_status(vfs, database, sqlite_code);
}

static satchel_status fail_with(const satchel_vfs *vfs, sqlite3 *database, int code, const char *what,
                                satchel_error *error) {
    satchel_status status = satchel_connection_status(vfs, database, code);
    if (status == SATCHEL_BUSY) {
        status = SATCHEL_IN_USE;
    }
    if (status == SATCHEL_DAMAGED && vfs->damaged_page > 0) {
        return satchel_fail(error, status, "%s: %s %" PRIu64 " does not open", what,
                            vfs->damage_in_wal ? "WAL frame" : "page", vfs->damaged_page);
    }
    return satchel_fail(error, status, "%s: code %d", what, code);
}

static satchel_status run(satchel_vfs *vfs, sqlite3 *database, const char *sql, satchel_error *error) {
    int code = sqlite3_exec(database, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? SATCHEL_OK : fail_with(vfs, database, code, sql, error);
}

static satchel_status run_all(satchel_vfs *vfs, sqlite3 *database, const char *const *statements, size_t count,
                              satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (size_t index = 0; index < count && status == SATCHEL_OK; index++) {
        status = run(vfs, database, statements[index], error);
    }
    return status;
}

static satchel_status run_number(satchel_vfs *vfs, sqlite3 *database, const char *name, int64_t value,
                                 satchel_error *error) {
    char sql[PRAGMA_BYTES];
    (void)snprintf(sql, sizeof sql, "PRAGMA %s=%" PRId64, name, value);
    return run(vfs, database, sql, error);
}

/* The one value that a PRAGMA answers must be `wanted`. */
static satchel_status expect(satchel_vfs *vfs, sqlite3 *database, const char *sql, const char *wanted,
                             satchel_error *error) {
    sqlite3_stmt *statement = NULL;
    bool same = false;
    int code = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    if (code == SQLITE_ROW) {
        const char *got = (const char *)sqlite3_column_text(statement, 0);
        same = got != NULL && strcmp(got, wanted) == 0;
        code = got != NULL ? code : SQLITE_NOMEM; /* none of these settings is NULL */
    }
    satchel_status status = SATCHEL_OK;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        status = fail_with(vfs, database, code, sql, error);
    } else if (!same && vfs->trouble != SATCHEL_OK) {
        status = satchel_fail(error, vfs->trouble, "%s: a file could not be read or written", sql);
    } else if (!same) {
        status = satchel_fail(error, SATCHEL_UNSUPPORTED_SQLITE, "%s is not %s", sql, wanted);
    }
    (void)sqlite3_finalize(statement);
    return status;
}

static satchel_status expect_reserve(const satchel_vfs *vfs, sqlite3 *database, satchel_error *error) {
    int reserve = -1;
    int code = sqlite3_file_control(database, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve);
    if (code != SQLITE_OK || reserve != (int)satchel_page_reserve_bytes(vfs->keys->cipher)) {
        return satchel_fail(error, SATCHEL_UNSUPPORTED_SQLITE, "SQLite does not reserve bytes in pages");
    }
    return SATCHEL_OK;
}

/* Switches that a caller cannot undo by SQL. */
static void close_ways_out(sqlite3 *database) {
    (void)sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    /* Or a bound value that is compared with a partial index has its statement planned anew whenever it changes. */
    (void)sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_QPSG, 1, NULL);
    (void)sqlite3_limit(database, SQLITE_LIMIT_ATTACHED, 0);
    (void)sqlite3_limit(database, SQLITE_LIMIT_WORKER_THREADS, 0);
}

/* PRAGMAs by which a statement could undo how the store is set up. Reading them stays allowed. */
static bool setting_is_fixed(const char *name) {
    static const char *const fixed[] = {
        "journal_mode",
        "locking_mode",
        "synchronous",
        "temp_store",
        "temp_store_directory",
        "auto_vacuum",
        "page_size",
        "mmap_size",
        "writable_schema",
        "fullfsync",
        "data_store_directory",
        "journal_size_limit",
        "wal_autocheckpoint",
        "checkpoint_fullfsync",
        "secure_delete",
    };
    for (size_t index = 0; index < sizeof fixed / sizeof fixed[0]; index++) {
        if (sqlite3_stricmp(name, fixed[index]) == 0) {
            return true;
        }
    }
    return false;
}

static int authorize(void *context, int action, const char *first, const char *second, const char *database,
                     const char *trigger) {
    (void)context;
    (void)database;
    (void)trigger;
    if (action == SQLITE_ATTACH || action == SQLITE_DETACH) {
        return SQLITE_DENY;
    }
    if (action == SQLITE_PRAGMA && second != NULL && first != NULL && setting_is_fixed(first)) {
        return SQLITE_DENY;
    }
    return SQLITE_OK;
}

static satchel_status open_handle(sqlite3 **out, satchel_vfs *vfs, int flags, satchel_error *error) {
    int code =
        sqlite3_open_v2(vfs->database_path, out, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, vfs->name);
    return code == SQLITE_OK ? SATCHEL_OK : fail_with(vfs, *out, code, "open", error);
}

satchel_status satchel_connection_create(satchel_vfs *vfs, satchel_error *error) {
    static const char *const before[] = {
        "PRAGMA page_size=4096",      "PRAGMA locking_mode=EXCLUSIVE", "PRAGMA temp_store=MEMORY",
        "PRAGMA journal_mode=MEMORY", "PRAGMA synchronous=FULL",       "PRAGMA auto_vacuum=INCREMENTAL",
    };
    sqlite3 *database = NULL;
    int reserve = (int)satchel_page_reserve_bytes(vfs->keys->cipher);
    satchel_status status = open_handle(&database, vfs, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
    if (status == SATCHEL_OK) {
        close_ways_out(database);
        (void)sqlite3_file_control(database, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve);
        status = run_all(vfs, database, before, sizeof before / sizeof before[0], error);
    }
    if (status == SATCHEL_OK) {
        status = expect_reserve(vfs, database, error);
    }
    if (status == SATCHEL_OK) {
        status = run_number(vfs, database, "application_id", SATCHEL_VAULT_APPLICATION_ID, error);
    }
    if (status == SATCHEL_OK) {
        status = expect(vfs, database, "PRAGMA journal_mode=WAL", "wal", error);
    }
    if (status == SATCHEL_OK) {
        status = run(vfs, database, "PRAGMA wal_checkpoint(TRUNCATE)", error);
    }
    satchel_status closed = satchel_connection_close(database);
    if (status == SATCHEL_OK && closed == SATCHEL_OK) {
        closed = vfs->trouble; /* SQLite says nothing of a write that fails while it closes */
    }
    if (status == SATCHEL_OK && closed != SATCHEL_OK) {
        status = satchel_fail(error, closed, "the new store could not be closed");
    }
    return status;
}

static satchel_status configure(satchel_vfs *vfs, sqlite3 *database, const satchel_connection_config *config,
                                satchel_error *error) {
    static const char *const before[] = {
        "PRAGMA locking_mode=EXCLUSIVE", "PRAGMA temp_store=MEMORY", "PRAGMA mmap_size=0",
        "PRAGMA synchronous=FULL",       "PRAGMA fullfsync=1",       "PRAGMA checkpoint_fullfsync=1",
        "PRAGMA secure_delete=ON", /* a row that a user may no longer see is overwritten, not just unlinked */
    };
    int64_t wal_bytes = (int64_t)config->checkpoint_frames * WAL_BYTES_A_FRAME;
    satchel_status status = run_all(vfs, database, before, sizeof before / sizeof before[0], error);
    if (status == SATCHEL_OK) {
        status = run_number(vfs, database, "cache_size", -(int64_t)config->cache_kib, error);
    }
    if (status == SATCHEL_OK) {
        status = run_number(vfs, database, "wal_autocheckpoint", config->checkpoint_frames, error);
    }
    if (status == SATCHEL_OK) {
        status = run_number(vfs, database, "journal_size_limit", 2 * wal_bytes, error);
    }
    return status;
}

/* The first read makes SQLite recover the WAL; what it found is judged before anything is written. */
static satchel_status recover(satchel_vfs *vfs, sqlite3 *database, satchel_error *error) {
    satchel_status status = run(vfs, database, "PRAGMA schema_version", error);
    if (vfs->foreign) {
        return satchel_fail(error, SATCHEL_FOREIGN_FILE, "the store belongs to another key file");
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_vfs_finish_recovery(vfs);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the database does not fit its WAL");
}

static satchel_status expect_format(satchel_vfs *vfs, sqlite3 *database, satchel_error *error) {
    satchel_status status = expect(vfs, database, "PRAGMA journal_mode", "wal", error);
    if (status == SATCHEL_OK) {
        status = expect(vfs, database, "PRAGMA locking_mode", "exclusive", error);
    }
    if (status == SATCHEL_OK) {
        status = expect(vfs, database, "PRAGMA page_size", "4096", error);
    }
    if (status == SATCHEL_OK) {
        status = expect(vfs, database, "PRAGMA auto_vacuum", "2", error);
    }
    if (status == SATCHEL_OK) {
        status = expect(vfs, database, "PRAGMA temp_store", "2", error);
    }
    return status == SATCHEL_OK ? expect_reserve(vfs, database, error) : status;
}

satchel_status satchel_connection_open(sqlite3 **out, satchel_vfs *vfs, const satchel_connection_config *config,
                                       satchel_error *error) {
    sqlite3 *database = NULL;
    *out = NULL;
    satchel_status status = open_handle(&database, vfs, SQLITE_OPEN_READWRITE, error);
    if (status == SATCHEL_OK) {
        close_ways_out(database);
        status = configure(vfs, database, config, error);
    }
    if (status == SATCHEL_OK) {
        status = recover(vfs, database, error);
    }
    if (status == SATCHEL_OK) {
        status = expect_format(vfs, database, error);
    }
    if (status == SATCHEL_OK) {
        (void)sqlite3_set_authorizer(database, authorize, NULL);
        *out = database;
        return SATCHEL_OK;
    }
    (void)satchel_connection_close(database);
    return status;
}

satchel_status satchel_connection_close(sqlite3 *database) {
    int code = database != NULL ? sqlite3_close(database) : SQLITE_OK;
    return satchel_connection_status(NULL, NULL, code);
}
