/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all drivers have in common: transactions and savepoints, the cache of prepared statements, the shorthands.
 *
 * A statement is in use between start and end; the same text started again meanwhile gets a second one.
 */
#include "db/driver.h"

#include "base/error.h"
#include "base/memory.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

satchel_db *satchel_db_new(const satchel_db_driver *driver, void *native, satchel_db_role role) {
    satchel_db *db = satchel_memory_take(sizeof *db);
    if (db != NULL) {
        db->driver = driver;
        db->native = native;
        db->role = role;
    }
    return db;
}

static void free_statement(satchel_db_statement *statement) {
    for (size_t i = 0; i < SATCHEL_DB_SHORTCUTS; i++) {
        if (statement->db->shortcuts[i] == statement) {
            statement->db->shortcuts[i] = NULL;
        }
    }
    statement->db->driver->finalize(statement->native);
    statement->db->statement_count--;
    satchel_memory_give(statement->sql);
    satchel_memory_give(statement);
}

void satchel_db_close(satchel_db *db) {
    if (db == NULL) {
        return;
    }
    satchel_db_rollback(db);
    for (size_t i = 0; i < SATCHEL_DB_CACHE_BUCKETS; i++) {
        while (db->buckets[i] != NULL) {
            satchel_db_statement *statement = db->buckets[i];
            assert(!statement->busy);
            db->buckets[i] = statement->next;
            free_statement(statement);
        }
    }
    db->driver->close(db);
    satchel_memory_give(db);
}

satchel_dialect satchel_db_dialect(const satchel_db *db) {
    return db->driver->dialect;
}

satchel_db_stats satchel_db_get_stats(const satchel_db *db) {
    satchel_db_stats stats = db->stats;
    stats.cached = db->statement_count;
    return stats;
}

/* --- transactions --- */

satchel_status satchel_db_begin(satchel_db *db, satchel_db_access access, satchel_error *error) {
    if (db->spoiled) {
        satchel_db_rollback(db);
    }
    if (db->spoiled) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "the last transaction could not be undone yet");
    }
    if (db->driver->in_transaction(db)) {
        return satchel_fail(error, SATCHEL_MISUSE, "a transaction is open already");
    }
    if (access == SATCHEL_DB_WRITE && db->role != SATCHEL_DB_WRITER) {
        return satchel_fail(error, SATCHEL_MISUSE, "a reader does not write");
    }
    db->depth = 0;
    db->writing = access == SATCHEL_DB_WRITE;
    satchel_status status = db->driver->wake != NULL ? db->driver->wake(db, error) : SATCHEL_OK;
    if (status == SATCHEL_OK) {
        status = db->driver->exec(db, db->writing ? db->driver->begin_write : db->driver->begin_read, error);
    }
    if (status != SATCHEL_OK) {
        satchel_db_rollback(db);
    }
    return status;
}

satchel_status satchel_db_commit(satchel_db *db, satchel_error *error) {
    if (db->spoiled) {
        satchel_db_rollback(db);
        return satchel_fail(error, SATCHEL_NO_MEMORY, "a part of the transaction could not be undone");
    }
    if (!db->driver->in_transaction(db)) {
        return satchel_fail(error, SATCHEL_MISUSE, "there is no transaction to commit");
    }
    satchel_status status = db->driver->exec(db, "COMMIT", error);
    if (status != SATCHEL_OK) {
        satchel_db_rollback(db);
        return status;
    }
    db->stats.commits += db->writing ? 1 : 0;
    return SATCHEL_OK;
}

void satchel_db_rollback(satchel_db *db) {
    if (db->driver->in_transaction(db)) {
        satchel_status ignored = db->driver->exec(db, "ROLLBACK", NULL);
        (void)ignored;
    }
    db->spoiled = db->driver->in_transaction(db);
    db->depth = 0;
}

bool satchel_db_in_transaction(const satchel_db *db) {
    return !db->spoiled && db->driver->in_transaction(db);
}

#define SAVEPOINT_SQL_BYTES 48

static satchel_status run_savepoint(satchel_db *db, const char *verb, uint32_t number, satchel_error *error) {
    char sql[SAVEPOINT_SQL_BYTES];
    int length = snprintf(sql, sizeof sql, "%s s%u", verb, (unsigned)number);
    assert(length > 0 && (size_t)length < sizeof sql);
    (void)length;
    return satchel_db_run_values(db, sql, NULL, 0, NULL, error);
}

satchel_status satchel_db_savepoint(satchel_db *db, satchel_error *error) {
    if (!satchel_db_in_transaction(db)) {
        return satchel_fail(error, SATCHEL_MISUSE, "a savepoint needs a transaction");
    }
    satchel_status status = run_savepoint(db, "SAVEPOINT", db->depth, error);
    db->depth += status == SATCHEL_OK ? 1 : 0;
    return status;
}

satchel_status satchel_db_release(satchel_db *db, satchel_error *error) {
    if (db->depth == 0) {
        return satchel_fail(error, SATCHEL_MISUSE, "there is no savepoint to release");
    }
    db->depth--;
    return run_savepoint(db, "RELEASE SAVEPOINT", db->depth, error);
}

void satchel_db_back(satchel_db *db) {
    if (db->depth == 0 || !db->driver->in_transaction(db)) {
        return;
    }
    db->depth--;
    if (run_savepoint(db, "ROLLBACK TO SAVEPOINT", db->depth, NULL) != SATCHEL_OK ||
        run_savepoint(db, "RELEASE SAVEPOINT", db->depth, NULL) != SATCHEL_OK) {
        satchel_db_rollback(db);
    }
}

/* --- the cache --- */

/* FNV-1a, 64 bits. */
static uint64_t hash_text(const char *text) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *at = text; *at != '\0'; at++) {
        hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static satchel_db_statement **shortcut_of(satchel_db *db, const char *sql) {
    uintptr_t address = (uintptr_t)sql;
    return &db->shortcuts[(address >> 4 ^ address >> 12) % SATCHEL_DB_SHORTCUTS];
}

static satchel_db_statement *find_idle(satchel_db *db, const char *sql, uint64_t hash) {
    for (satchel_db_statement *at = db->buckets[hash % SATCHEL_DB_CACHE_BUCKETS]; at != NULL; at = at->next) {
        if (!at->busy && at->hash == hash && strcmp(at->sql, sql) == 0) {
            return at;
        }
    }
    return NULL;
}

static void drop_oldest(satchel_db *db) {
    satchel_db_statement **oldest = NULL;
    for (size_t i = 0; i < SATCHEL_DB_CACHE_BUCKETS; i++) {
        for (satchel_db_statement **at = &db->buckets[i]; *at != NULL; at = &(*at)->next) {
            if (!(*at)->busy && (oldest == NULL || (*at)->used < (*oldest)->used)) {
                oldest = at;
            }
        }
    }
    if (oldest != NULL) {
        satchel_db_statement *statement = *oldest;
        *oldest = statement->next;
        free_statement(statement);
    }
}

static satchel_status make_statement(satchel_db *db, const char *sql, uint64_t hash, satchel_db_statement **out,
                                     satchel_error *error) {
    if (db->statement_count >= SATCHEL_DB_CACHE_STATEMENTS) {
        drop_oldest(db);
    }
    size_t bytes = strlen(sql) + 1;
    satchel_db_statement *statement = satchel_memory_take(sizeof *statement);
    char *copy = satchel_memory_take(bytes);
    void *native = NULL;
    satchel_status status = SATCHEL_NO_MEMORY;
    if (statement != NULL && copy != NULL) {
        status = db->driver->prepare(db, sql, &native, error);
    } else {
        status = satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a statement");
    }
    if (status != SATCHEL_OK) {
        satchel_memory_give(statement);
        satchel_memory_give(copy);
        return status;
    }
    memcpy(copy, sql, bytes);
    *statement = (satchel_db_statement){.db = db, .native = native, .sql = copy, .hash = hash};
    statement->next = db->buckets[hash % SATCHEL_DB_CACHE_BUCKETS];
    db->buckets[hash % SATCHEL_DB_CACHE_BUCKETS] = statement;
    db->statement_count++;
    db->stats.prepared++;
    *out = statement;
    return SATCHEL_OK;
}

/* --- statements --- */

satchel_status satchel_db_exec(satchel_db *db, const char *sql, satchel_error *error) {
    db->stats.statements++;
    return db->driver->exec(db, sql, error);
}

/* What `values` point to lives until the statement has ended; an id lies in `values` itself, which may go before. */
static satchel_status bind(satchel_db_statement *statement, uint32_t at, const satchel_value *value,
                           satchel_error *error) {
    satchel_value held = *value;
    if (value->type == SATCHEL_TYPE_ID && at < SATCHEL_DB_HELD_IDS) {
        statement->ids[at] = value->as.id;
        held = satchel_value_bytes(satchel_bytes_of(statement->ids[at].bytes, sizeof statement->ids[at].bytes));
    }
    return statement->db->driver->bind(statement->db, statement->native, at + 1, &held, error);
}

satchel_status satchel_db_start(satchel_db_statement **out, satchel_db *db, const char *sql,
                                const satchel_value *values, uint32_t count, satchel_error *error) {
    *out = NULL;
    satchel_db_statement **shortcut = shortcut_of(db, sql);
    satchel_db_statement *statement = *shortcut;
    satchel_status status = SATCHEL_OK;
    if (statement == NULL || statement->busy || strcmp(statement->sql, sql) != 0) {
        uint64_t hash = hash_text(sql);
        statement = find_idle(db, sql, hash);
        if (statement == NULL) {
            status = make_statement(db, sql, hash, &statement, error);
        }
        *shortcut = status == SATCHEL_OK ? statement : NULL;
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
        status = bind(statement, i, &values[i], error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    statement->busy = true;
    statement->used = ++db->starts;
    db->stats.statements++;
    *out = statement;
    return SATCHEL_OK;
}

satchel_status satchel_db_step(satchel_db_statement *statement, bool *out_row, satchel_error *error) {
    return statement->db->driver->step(statement->db, statement->native, out_row, error);
}

void satchel_db_end(satchel_db_statement *statement) {
    if (statement != NULL) {
        statement->db->driver->reset(statement->native);
        statement->busy = false;
    }
}

bool satchel_db_is_null(const satchel_db_statement *statement, uint32_t column) {
    return statement->db->driver->is_null(statement->native, column);
}

int64_t satchel_db_int(const satchel_db_statement *statement, uint32_t column) {
    return statement->db->driver->get_int(statement->native, column);
}

double satchel_db_real(const satchel_db_statement *statement, uint32_t column) {
    return statement->db->driver->get_real(statement->native, column);
}

satchel_bytes satchel_db_bytes(const satchel_db_statement *statement, uint32_t column) {
    return statement->db->driver->get_bytes(statement->native, column);
}

satchel_id satchel_db_id(const satchel_db_statement *statement, uint32_t column) {
    satchel_id id = {{0}};
    satchel_bytes bytes = satchel_db_bytes(statement, column);
    if (bytes.bytes == sizeof id.bytes) {
        memcpy(id.bytes, bytes.data, sizeof id.bytes);
    }
    return id;
}

satchel_status satchel_db_run_values(satchel_db *db, const char *sql, const satchel_value *values, uint32_t count,
                                     uint64_t *out_changes, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    satchel_status status = satchel_db_start(&statement, db, sql, values, count, error);
    bool row = status == SATCHEL_OK;
    while (status == SATCHEL_OK && row) {
        status = satchel_db_step(statement, &row, error);
    }
    if (status == SATCHEL_OK && out_changes != NULL) {
        *out_changes = db->driver->changes(db);
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_db_number_values(satchel_db *db, const char *sql, const satchel_value *values, uint32_t count,
                                        int64_t otherwise, int64_t *out, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    *out = otherwise;
    satchel_status status = satchel_db_start(&statement, db, sql, values, count, error);
    bool row = false;
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &row, error);
    }
    if (status == SATCHEL_OK && row && !satchel_db_is_null(statement, 0)) {
        *out = satchel_db_int(statement, 0);
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_db_checkpoint(satchel_db *db, satchel_error *error) {
    if (db->role != SATCHEL_DB_WRITER || db->driver->in_transaction(db)) {
        return satchel_fail(error, SATCHEL_MISUSE, "only the writer checkpoints, outside a transaction");
    }
    return db->driver->checkpoint(db, error);
}
