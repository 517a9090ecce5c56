/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's database through a small driver: SQL text with parameters ?1 … ?n in the dialect that SQLite ≥ 3.35 and
 * PostgreSQL share, values as satchel_value. A second driver needs nothing of the callers but the same text.
 *
 * A result of PostgreSQL is fetched whole, so a text that may find many rows asks for them in batches.
 *
 * A connection belongs to one thread at a time. SQLite: one connection is the writer, any number are readers; only the
 * writer checkpoints. Nothing here knows what the tables mean.
 */
#ifndef SATCHEL_SERVER_DB_DB_H
#define SATCHEL_SERVER_DB_DB_H

#include "base/arena.h"
#include "query/query.h"
#include "schema/record.h"

typedef struct satchel_db satchel_db;
typedef struct satchel_db_statement satchel_db_statement;

typedef enum satchel_db_role {
    SATCHEL_DB_WRITER = 1, /* the one that writes and checkpoints */
    SATCHEL_DB_READER = 2  /* every write through it fails with MISUSE */
} satchel_db_role;

/*
 * Once, before the first connection of a process that is a server: SQLite then counts no memory, for which all
 * connections take one lock at each allocation. Later, or again, it has no effect. Not thread-safe.
 */
void satchel_db_process_begin(void);

/*
 * Opens the SQLite file `path` (made by a writer if absent; WAL, synchronous=FULL). ":memory:" gives a database of its
 * own that ends with the connection; it is then writer and reader in one.
 * Errors: NOT_FOUND (a reader before the writer made the file), IO_ERROR, FOREIGN_FILE (no SQLite file),
 * UNSUPPORTED_SQLITE (older than 3.35), IN_USE, DISK_FULL, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_db_open_sqlite(satchel_db **out, const char *path, satchel_db_role role,
                                                       satchel_error *error);

/*
 * Opens the PostgreSQL database (12 or later) at `address`, as libpq reads it: postgres://user@host/database. A
 * connection that is lost fails the transaction and is made anew at the next begin. A commit during which it is lost
 * may have happened: the caller asks again, and finds out by what is stored.
 * Errors: INVALID_ARGUMENT (address), IO_ERROR (not reached, refused), UNSUPPORTED (version), NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_db_open_postgres(satchel_db **out, const char *address, satchel_db_role role,
                                                         satchel_error *error);

/* Whether `address` names a PostgreSQL database. */
bool satchel_db_is_postgres(const char *address);

/* The one that `where` names: an address of PostgreSQL, or else a path for SQLite. Errors: of either. */
SATCHEL_MUST_USE satchel_status satchel_db_open(satchel_db **out, const char *where, satchel_db_role role,
                                                satchel_error *error);

/* Rolls an open transaction back. Open statements must be closed before. NULL is fine. */
void satchel_db_close(satchel_db *db);

satchel_dialect satchel_db_dialect(const satchel_db *db);

/* --- transactions --- */

typedef enum satchel_db_access {
    SATCHEL_DB_READ = 1, /* one snapshot for all that is read */
    SATCHEL_DB_WRITE = 2 /* takes the write lock at once */
} satchel_db_access;

/* Errors: MISUSE (one is open), BUSY, IO_ERROR, DATABASE_ERROR. */
SATCHEL_MUST_USE satchel_status satchel_db_begin(satchel_db *db, satchel_db_access access, satchel_error *error);

/*
 * Durable when it returns OK; on failure the transaction is rolled back. Errors: IO_ERROR, DISK_FULL, DATABASE_ERROR.
 */
SATCHEL_MUST_USE satchel_status satchel_db_commit(satchel_db *db, satchel_error *error);

/*
 * Never fails visibly; without a transaction it does nothing. Undoing takes memory: what could not be undone for want
 * of it is never committed, and is undone before the next transaction begins (NO_MEMORY until that works).
 */
void satchel_db_rollback(satchel_db *db);

/* False also after the database itself gave the transaction up (full disk, I/O error), or it could not be undone. */
bool satchel_db_in_transaction(const satchel_db *db);

/*
 * Savepoints nest; `release` keeps and `back` undoes what came after the newest one, and both end it. `back` never
 * fails visibly: if it cannot be done the whole transaction is rolled back.
 */
SATCHEL_MUST_USE satchel_status satchel_db_savepoint(satchel_db *db, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_db_release(satchel_db *db, satchel_error *error);
void satchel_db_back(satchel_db *db);

/* --- statements --- */

/* Runs statements that have no parameters and whose rows nobody wants. Errors: as satchel_db_step. */
SATCHEL_MUST_USE satchel_status satchel_db_exec(satchel_db *db, const char *sql, satchel_error *error);

/*
 * A statement from the connection's cache, with `values` bound to ?1 … in order; to be given back by satchel_db_end.
 * BOOL, INT and TIME become integers, ID and BYTES blobs, TEXT text, REAL a double, NULL null; a SET is to be encoded
 * before. The values are borrowed until satchel_db_end. Errors: DATABASE_ERROR (text), NO_MEMORY, WRONG_TYPE.
 */
SATCHEL_MUST_USE satchel_status satchel_db_start(satchel_db_statement **out, satchel_db *db, const char *sql,
                                                 const satchel_value *values, uint32_t count, satchel_error *error);

/*
 * Next row. Errors: BUSY, IO_ERROR, DISK_FULL, DAMAGED, ALREADY_EXISTS (a unique key), MISUSE, NO_MEMORY,
 * DATABASE_ERROR.
 */
SATCHEL_MUST_USE satchel_status satchel_db_step(satchel_db_statement *statement, bool *out_row, satchel_error *error);

/* NULL is fine. */
void satchel_db_end(satchel_db_statement *statement);

/*
 * Columns of the present row, from 0. Bytes and text are borrowed until the next step or end; a NULL or a value of
 * another kind reads as 0, empty or none.
 */
bool satchel_db_is_null(const satchel_db_statement *statement, uint32_t column);
int64_t satchel_db_int(const satchel_db_statement *statement, uint32_t column);
double satchel_db_real(const satchel_db_statement *statement, uint32_t column);
satchel_bytes satchel_db_bytes(const satchel_db_statement *statement, uint32_t column);
satchel_id satchel_db_id(const satchel_db_statement *statement, uint32_t column);

static inline uint64_t satchel_db_uint(const satchel_db_statement *statement, uint32_t column) {
    return (uint64_t)satchel_db_int(statement, column);
}

/*
 * Runs one statement to its end; rows are dropped. `*out_changes` (may be NULL): rows that it inserted, updated,
 * deleted.
 */
SATCHEL_MUST_USE satchel_status satchel_db_run_values(satchel_db *db, const char *sql, const satchel_value *values,
                                                      uint32_t count, uint64_t *out_changes, satchel_error *error);

/* The first row's first column as an integer; `otherwise` if there is no row or it is NULL. */
SATCHEL_MUST_USE satchel_status satchel_db_number_values(satchel_db *db, const char *sql, const satchel_value *values,
                                                         uint32_t count, int64_t otherwise, int64_t *out,
                                                         satchel_error *error);

/* The values follow the text: SATCHEL_DB_RUN(db, error, "DELETE FROM t WHERE id = ?1", satchel_value_id(&id)). */
#define SATCHEL_DB_VALUES(...)                                                                                         \
    (const satchel_value[]){__VA_ARGS__},                                                                              \
        (uint32_t)(sizeof((const satchel_value[]){__VA_ARGS__}) / sizeof(satchel_value))
#define SATCHEL_DB_RUN(db, error, sql, ...) satchel_db_run_values(db, sql, SATCHEL_DB_VALUES(__VA_ARGS__), NULL, error)
#define SATCHEL_DB_START(out, db, error, sql, ...) satchel_db_start(out, db, sql, SATCHEL_DB_VALUES(__VA_ARGS__), error)
#define SATCHEL_DB_NUMBER(db, error, out, otherwise, sql, ...)                                                         \
    satchel_db_number_values(db, sql, SATCHEL_DB_VALUES(__VA_ARGS__), otherwise, out, error)

static inline satchel_value satchel_db_count(uint64_t number) {
    return satchel_value_int((int64_t)number);
}
static inline satchel_value satchel_db_blob(const void *data, size_t bytes) {
    return satchel_value_bytes((satchel_bytes){(const uint8_t *)data, bytes});
}

/* --- upkeep --- */

/*
 * SQLite: copies what it can of the log into the file; writer only, outside a transaction. Errors: MISUSE, IO_ERROR,
 * DISK_FULL.
 */
SATCHEL_MUST_USE satchel_status satchel_db_checkpoint(satchel_db *db, satchel_error *error);

/* What metrics show. */
typedef struct satchel_db_stats {
    uint64_t commits;    /* durable write transactions of this connection */
    uint64_t statements; /* executed */
    uint64_t cached;     /* prepared statements kept now */
    uint64_t prepared;   /* statements that had to be prepared */
} satchel_db_stats;
satchel_db_stats satchel_db_get_stats(const satchel_db *db);

#endif
