/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a database driver gives; db.c adds the cache of statements, savepoints and the shorthands. Not for other
 * modules.
 */
#ifndef SATCHEL_SERVER_DB_DRIVER_H
#define SATCHEL_SERVER_DB_DRIVER_H

#include "db/db.h"

/* Prepared statements kept by a connection; past it the one that was not used for the longest time is given up. */
#define SATCHEL_DB_CACHE_STATEMENTS 512
#define SATCHEL_DB_CACHE_BUCKETS 256
/* Most texts are constants: where a text was last seen, its statement is looked for first, before it is hashed. */
#define SATCHEL_DB_SHORTCUTS 128
/* Ids among the first parameters are held in the statement, so that the driver need not copy them for itself. */
#define SATCHEL_DB_HELD_IDS 12

/* `native` is the driver's own statement. Every function that fails fills `error`. */
typedef struct satchel_db_driver {
    satchel_dialect dialect;
    const char *begin_read;
    const char *begin_write;
    /* Before a transaction: mends a lost connection. NULL: there is nothing to mend. */
    satchel_status (*wake)(satchel_db *db, satchel_error *error);
    void (*close)(satchel_db *db);
    satchel_status (*exec)(satchel_db *db, const char *sql, satchel_error *error);
    satchel_status (*prepare)(satchel_db *db, const char *sql, void **out_native, satchel_error *error);
    void (*finalize)(void *native);
    /* `index` counts from 1. */
    satchel_status (*bind)(satchel_db *db, void *native, uint32_t index, const satchel_value *value,
                           satchel_error *error);
    satchel_status (*step)(satchel_db *db, void *native, bool *out_row, satchel_error *error);
    void (*reset)(void *native);
    uint64_t (*changes)(satchel_db *db);
    bool (*in_transaction)(const satchel_db *db);
    satchel_status (*checkpoint)(satchel_db *db, satchel_error *error);
    bool (*is_null)(void *native, uint32_t column);
    int64_t (*get_int)(void *native, uint32_t column);
    double (*get_real)(void *native, uint32_t column);
    satchel_bytes (*get_bytes)(void *native, uint32_t column);
} satchel_db_driver;

struct satchel_db_statement {
    satchel_db *db;
    void *native;
    char *sql;
    uint64_t hash;
    uint64_t used; /* the connection's count of starts when it was last started */
    bool busy;
    satchel_db_statement *next; /* of its bucket */
    satchel_id ids[SATCHEL_DB_HELD_IDS];
};

struct satchel_db {
    const satchel_db_driver *driver;
    void *native;
    satchel_db_role role;
    bool writing;   /* the open transaction writes */
    bool spoiled;   /* it could not be undone (that takes memory): never committed, undone before anything else */
    uint32_t depth; /* of savepoints */
    uint64_t starts;
    uint32_t statement_count;
    satchel_db_statement *buckets[SATCHEL_DB_CACHE_BUCKETS];
    satchel_db_statement *shortcuts[SATCHEL_DB_SHORTCUTS]; /* by address of the text */
    satchel_db_stats stats;
};

/* Makes a connection for a driver, or NULL if memory is exhausted. */
SATCHEL_MUST_USE satchel_db *satchel_db_new(const satchel_db_driver *driver, void *native, satchel_db_role role);

#endif
