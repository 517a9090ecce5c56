/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite driver. WAL, every commit synced; the writer alone checkpoints (SQLite 3.40.1 has a fault that two
 * checkpointing connections can hit), readers neither at commit nor at close. Pages of a transaction are not spilled
 * into the log before its commit: in 3.40.1 a savepoint that is undone after a spill makes later commits vanish with
 * the process, and every job here is a savepoint. A transaction's dirty pages are held in memory instead.
 */
#include "db/driver.h"

#include "base/error.h"
#include "base/memory.h"
#include "lite/functions.h"

#include <limits.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#define LEAST_SQLITE_VERSION 3035000 /* RETURNING */
#define BUSY_TIMEOUT_MS 10000

static satchel_status status_of(int code) {
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return SATCHEL_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return SATCHEL_BUSY;
    case SQLITE_NOMEM: return SATCHEL_NO_MEMORY;
    case SQLITE_READONLY: return SATCHEL_MISUSE;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: return SATCHEL_IO_ERROR;
    case SQLITE_FULL: return SATCHEL_DISK_FULL;
    case SQLITE_CORRUPT: return SATCHEL_DAMAGED;
    case SQLITE_NOTADB: return SATCHEL_FOREIGN_FILE;
    case SQLITE_TOOBIG: return SATCHEL_LIMIT_EXCEEDED;
    default: break;
    }
    if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_ROWID) {
        return SATCHEL_ALREADY_EXISTS;
    }
    return SATCHEL_DATABASE_ERROR;
}

/* SQLite's messages name tables, columns and words of our own SQL, never bound values. */
static satchel_status fail(sqlite3 *native, int code, satchel_error *error) {
    return satchel_fail(error, status_of(code), "SQLite %d: %.200s", code,
                        native != NULL ? sqlite3_errmsg(native) : sqlite3_errstr(code));
}

static satchel_status sqlite_exec(satchel_db *db, const char *sql, satchel_error *error) {
    int code = sqlite3_exec(db->native, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? SATCHEL_OK : fail(db->native, code, error);
}

static satchel_status sqlite_prepare(satchel_db *db, const char *sql, void **out_native, satchel_error *error) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v3(db->native, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    *out_native = statement;
    if (code == SQLITE_OK && statement == NULL) {
        return satchel_fail(error, SATCHEL_DATABASE_ERROR, "a statement without text");
    }
    return code == SQLITE_OK ? SATCHEL_OK : fail(db->native, code, error);
}

static void sqlite_finalize(void *native) {
    sqlite3_finalize(native);
}

static int bind_bytes(sqlite3_stmt *statement, int index, const satchel_value *value) {
    const void *data = value->as.bytes.data != NULL ? (const void *)value->as.bytes.data : "";
    if (value->as.bytes.bytes > INT_MAX) {
        return SQLITE_TOOBIG;
    }
    int bytes = (int)value->as.bytes.bytes;
    return value->type == SATCHEL_TYPE_TEXT ? sqlite3_bind_text(statement, index, data, bytes, SQLITE_STATIC)
                                            : sqlite3_bind_blob(statement, index, data, bytes, SQLITE_STATIC);
}

static satchel_status sqlite_bind(satchel_db *db, void *native, uint32_t index, const satchel_value *value,
                                  satchel_error *error) {
    int at = (int)index;
    int code = SQLITE_MISUSE;
    switch (value->type) {
    case SATCHEL_TYPE_NULL: code = sqlite3_bind_null(native, at); break;
    case SATCHEL_TYPE_BOOL: code = sqlite3_bind_int64(native, at, value->as.boolean ? 1 : 0); break;
    case SATCHEL_TYPE_INT:
    case SATCHEL_TYPE_TIME: code = sqlite3_bind_int64(native, at, value->as.integer); break;
    case SATCHEL_TYPE_REAL: code = sqlite3_bind_double(native, at, value->as.real); break;
    case SATCHEL_TYPE_TEXT:
    case SATCHEL_TYPE_BYTES: code = bind_bytes(native, at, value); break;
    case SATCHEL_TYPE_ID:
        code = sqlite3_bind_blob(native, at, value->as.id.bytes, SATCHEL_ID_BYTES, SQLITE_TRANSIENT);
        break;
    case SATCHEL_TYPE_SET: return satchel_fail(error, SATCHEL_WRONG_TYPE, "a set is bound in its encoded form");
    }
    return code == SQLITE_OK ? SATCHEL_OK : fail(db->native, code, error);
}

static satchel_status sqlite_step(satchel_db *db, void *native, bool *out_row, satchel_error *error) {
    int code = sqlite3_step(native);
    *out_row = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE ? SATCHEL_OK
                                                     : fail(db->native, sqlite3_extended_errcode(db->native), error);
}

static void sqlite_reset(void *native) {
    sqlite3_reset(native);
    sqlite3_clear_bindings(native);
}

static uint64_t sqlite_changes(satchel_db *db) {
    return (uint64_t)sqlite3_changes64(db->native);
}

static bool sqlite_in_transaction(const satchel_db *db) {
    return sqlite3_get_autocommit(db->native) == 0;
}

static satchel_status sqlite_checkpoint(satchel_db *db, satchel_error *error) {
    int code = sqlite3_wal_checkpoint_v2(db->native, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return code == SQLITE_OK || code == SQLITE_BUSY ? SATCHEL_OK : fail(db->native, code, error);
}

static bool sqlite_is_null(void *native, uint32_t column) {
    return sqlite3_column_type(native, (int)column) == SQLITE_NULL;
}

static int64_t sqlite_get_int(void *native, uint32_t column) {
    return sqlite3_column_type(native, (int)column) == SQLITE_INTEGER ? sqlite3_column_int64(native, (int)column) : 0;
}

static double sqlite_get_real(void *native, uint32_t column) {
    int type = sqlite3_column_type(native, (int)column);
    return type == SQLITE_FLOAT || type == SQLITE_INTEGER ? sqlite3_column_double(native, (int)column) : 0.0;
}

static satchel_bytes sqlite_get_bytes(void *native, uint32_t column) {
    int type = sqlite3_column_type(native, (int)column);
    if (type != SQLITE_BLOB && type != SQLITE_TEXT) {
        return (satchel_bytes){NULL, 0};
    }
    const void *data = type == SQLITE_TEXT ? (const void *)sqlite3_column_text(native, (int)column)
                                           : sqlite3_column_blob(native, (int)column);
    return (satchel_bytes){data, (size_t)sqlite3_column_bytes(native, (int)column)};
}

static void sqlite_close(satchel_db *db) {
    sqlite3_close(db->native);
}

static const satchel_db_driver sqlite_driver = {
    .dialect = SATCHEL_DIALECT_SQLITE,
    .begin_read = "BEGIN DEFERRED",
    .begin_write = "BEGIN IMMEDIATE",
    .close = sqlite_close,
    .exec = sqlite_exec,
    .prepare = sqlite_prepare,
    .finalize = sqlite_finalize,
    .bind = sqlite_bind,
    .step = sqlite_step,
    .reset = sqlite_reset,
    .changes = sqlite_changes,
    .in_transaction = sqlite_in_transaction,
    .checkpoint = sqlite_checkpoint,
    .is_null = sqlite_is_null,
    .get_int = sqlite_get_int,
    .get_real = sqlite_get_real,
    .get_bytes = sqlite_get_bytes,
};

static int set_up(sqlite3 *native, satchel_db_role role, bool in_memory) {
    int code = sqlite3_extended_result_codes(native, 1);
    if (code == SQLITE_OK) {
        code = sqlite3_busy_timeout(native, BUSY_TIMEOUT_MS);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_db_config(native, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    }
    /* Or a bound value that is compared with a partial index has its statement planned anew whenever it changes. */
    if (code == SQLITE_OK) {
        code = sqlite3_db_config(native, SQLITE_DBCONFIG_ENABLE_QPSG, 1, (int *)NULL);
    }
    if (code == SQLITE_OK && !in_memory) {
        code = sqlite3_exec(native, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", NULL, NULL, NULL);
    }
    if (code == SQLITE_OK && role == SATCHEL_DB_READER && !in_memory) {
        code = sqlite3_db_config(native, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(native,
                            role == SATCHEL_DB_WRITER || in_memory
                                ? "PRAGMA wal_autocheckpoint=1000; PRAGMA cache_size=-65536; PRAGMA cache_spill=OFF"
                                : "PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-16384; PRAGMA query_only=ON",
                            NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) {
        code = satchel_lite_functions_add(native);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(native, "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF", NULL, NULL, NULL);
    }
    return code;
}

void satchel_db_process_begin(void) {
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* MISUSE once SQLite is in use: it goes on counting */
}

satchel_status satchel_db_open_sqlite(satchel_db **out, const char *path, satchel_db_role role, satchel_error *error) {
    *out = NULL;
    bool in_memory = strcmp(path, ":memory:") == 0;
    if (sqlite3_libversion_number() < LEAST_SQLITE_VERSION) {
        return satchel_fail(error, SATCHEL_UNSUPPORTED_SQLITE, "SQLite %s is too old", sqlite3_libversion());
    }
    if (role == SATCHEL_DB_READER && !in_memory && access(path, F_OK) != 0) {
        return satchel_fail(error, SATCHEL_NOT_FOUND, "there is no database file yet");
    }
    sqlite3 *native = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (role == SATCHEL_DB_WRITER ? SQLITE_OPEN_CREATE : 0);
    int code = sqlite3_open_v2(path, &native, in_memory ? flags | SQLITE_OPEN_CREATE : flags, NULL);
    if (code == SQLITE_OK) {
        code = set_up(native, role, in_memory);
    }
    satchel_status status = code == SQLITE_OK ? SATCHEL_OK : fail(native, code, error);
    if (status == SATCHEL_OK) {
        *out = satchel_db_new(&sqlite_driver, native, in_memory ? SATCHEL_DB_WRITER : role);
        if (*out == NULL) {
            status = satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a connection");
        }
    }
    if (status != SATCHEL_OK) {
        sqlite3_close(native);
    }
    return status;
}
