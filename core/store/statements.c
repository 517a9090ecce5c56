/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements, transactions and SQLite's result codes. Statements are prepared once and kept by their text; the least
 * recently used one goes when the slots are full. Nothing of a statement crosses the store's interface.
 */
#include "store/digest.h"

#include "vault/vault.h"

#define PROBES 8

satchel_status satchel_store_status(const satchel_store *store, int code) {
    return satchel_vault_status_of(store->database, code);
}

satchel_status satchel_store_fail(const satchel_store *store, int code, satchel_error *error) {
    satchel_status status = satchel_store_status(store, code);
    /* Not sqlite3_errmsg: it may quote values. */
    return satchel_fail(error, status, "SQLite reports %d", sqlite3_extended_errcode(store->database));
}

static uint64_t hash_of(const char *sql) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *sql != '\0'; sql++) {
        hash = (hash ^ (uint8_t)*sql) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* Ends what a failure left open. Should even that fail, whatever is done next tries again before anything else. */
static void roll_back(satchel_store *store) {
    if (!sqlite3_get_autocommit(store->database)) {
        sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
    }
}

static satchel_status prepare(satchel_store *store, const char *sql, sqlite3_stmt **out, satchel_error *error) {
    int code = sqlite3_prepare_v3(store->database, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return code == SQLITE_OK ? SATCHEL_OK : satchel_store_fail(store, code, error);
}

static void drop_slot(satchel_statement_slot *slot) {
    sqlite3_finalize(slot->statement);
    satchel_memory_give(slot->sql);
    *slot = (satchel_statement_slot){NULL, 0, NULL, 0};
}

/* The slot that holds the text, or the one to put it in; NULL if all its places are busy. */
static satchel_statement_slot *find_slot(satchel_store *store, const char *sql, uint64_t hash) {
    satchel_statement_slot *oldest = NULL;
    for (uint32_t i = 0; i < PROBES; i++) {
        satchel_statement_slot *slot = &store->slots[(hash + i) % SATCHEL_STATEMENT_SLOTS];
        if (slot->sql != NULL && slot->hash == hash && strcmp(slot->sql, sql) == 0) {
            return slot;
        }
        bool idle = slot->statement == NULL || !sqlite3_stmt_busy(slot->statement);
        if (idle && (oldest == NULL || slot->used < oldest->used)) {
            oldest = slot;
        }
    }
    return oldest;
}

satchel_status satchel_statement_of(satchel_store *store, const char *sql, sqlite3_stmt **out, satchel_error *error) {
    uint64_t hash = hash_of(sql);
    satchel_statement_slot *slot = find_slot(store, sql, hash);
    *out = NULL;
    if (!store->in_transaction && !store->held.open) {
        roll_back(store);
    }
    if (slot == NULL || (slot->statement != NULL && slot->hash == hash && sqlite3_stmt_busy(slot->statement))) {
        return satchel_fail(error, SATCHEL_INTERNAL, "a statement is used while it is being stepped");
    }
    if (slot->statement == NULL || slot->hash != hash || strcmp(slot->sql, sql) != 0) {
        drop_slot(slot);
        size_t bytes = strlen(sql) + 1;
        slot->sql = satchel_memory_take(bytes);
        if (slot->sql == NULL) {
            return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a statement");
        }
        memcpy(slot->sql, sql, bytes);
        slot->hash = hash;
        satchel_status status = prepare(store, sql, &slot->statement, error);
        if (status != SATCHEL_OK) {
            drop_slot(slot);
            return status;
        }
    }
    slot->used = ++store->clock;
    *out = slot->statement;
    return SATCHEL_OK;
}

satchel_status satchel_statement_keep(satchel_store *store, sqlite3_stmt **slot, const char *sql,
                                      satchel_error *error) {
    if (!store->in_transaction && !store->held.open) {
        roll_back(store);
    }
    if (*slot != NULL) {
        return sqlite3_stmt_busy(*slot) ? satchel_fail(error, SATCHEL_INTERNAL, "a statement is being stepped")
                                        : SATCHEL_OK;
    }
    return prepare(store, sql, slot, error);
}

satchel_status satchel_statement_step(satchel_store *store, sqlite3_stmt *statement, bool *out_row,
                                      satchel_error *error) {
    int code = sqlite3_step(statement);
    *out_row = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE ? SATCHEL_OK : satchel_store_fail(store, code, error);
}

satchel_status satchel_statement_run(satchel_store *store, sqlite3_stmt *statement, satchel_error *error) {
    bool has_row = true;
    satchel_status status = SATCHEL_OK;
    while (has_row && status == SATCHEL_OK) {
        status = satchel_statement_step(store, statement, &has_row, error);
    }
    satchel_statement_end(statement);
    return status;
}

void satchel_statement_end(sqlite3_stmt *statement) {
    if (statement != NULL) {
        sqlite3_reset(statement); /* its code repeats the one of the last step */
        sqlite3_clear_bindings(statement);
    }
}

void satchel_statements_close(satchel_store *store) {
    for (uint32_t i = 0; i < SATCHEL_STATEMENT_SLOTS; i++) {
        drop_slot(&store->slots[i]);
    }
    for (uint32_t i = 0; i < store->table_count; i++) {
        sqlite3_finalize(store->tables[i].find);
        sqlite3_finalize(store->tables[i].fetch);
        sqlite3_finalize(store->tables[i].insert);
        store->tables[i].find = NULL;
        store->tables[i].fetch = NULL;
        store->tables[i].insert = NULL;
    }
    if (store->held.open) {
        roll_back(store); /* the connection is another's; what was not settled is stored again */
    }
}

satchel_status satchel_store_execute(satchel_store *store, const char *sql, satchel_error *error) {
    int code = sqlite3_exec(store->database, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? SATCHEL_OK : satchel_store_fail(store, code, error);
}

satchel_status satchel_store_number(satchel_store *store, const char *sql, int64_t otherwise, int64_t *out,
                                    satchel_error *error) {
    sqlite3_stmt *statement;
    bool has_row = false;
    *out = otherwise;
    satchel_status status = satchel_statement_of(store, sql, &statement, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_statement_step(store, statement, &has_row, error);
    if (has_row && sqlite3_column_type(statement, 0) != SQLITE_NULL) {
        *out = sqlite3_column_int64(statement, 0);
    }
    satchel_statement_end(statement);
    return status;
}

/* Binding numbers and borrowed bytes takes no memory and cannot fail. */
void satchel_bind_int(sqlite3_stmt *statement, int index, int64_t value) {
    sqlite3_bind_int64(statement, index, value);
}

void satchel_bind_bytes(sqlite3_stmt *statement, int index, satchel_bytes bytes) {
    const void *data = bytes.data != NULL ? (const void *)bytes.data : "";
    sqlite3_bind_blob64(statement, index, data, bytes.bytes, SQLITE_STATIC);
}

void satchel_bind_id(sqlite3_stmt *statement, int index, const satchel_id *id) {
    sqlite3_bind_blob64(statement, index, id->bytes, SATCHEL_ID_BYTES, SQLITE_STATIC);
}

satchel_bytes satchel_column_bytes(sqlite3_stmt *statement, int column) {
    const void *data = sqlite3_column_blob(statement, column);
    return satchel_bytes_of(data, (size_t)sqlite3_column_bytes(statement, column));
}

satchel_status satchel_column_id(sqlite3_stmt *statement, int column, satchel_id *out) {
    return satchel_id_from(satchel_column_bytes(statement, column), out) == SATCHEL_OK ? SATCHEL_OK : SATCHEL_DAMAGED;
}

/*
 * After a transaction that failed. FTS5 keeps its totals in memory; if reading them fails, SQLite rolls back below its
 * feet, and FTS5 then takes zeros for the totals and would write them at the next commit. A transaction that touches
 * the index and is undone makes it forget them.
 */
static satchel_status forget_totals(satchel_store *store, satchel_error *error) {
    static const char sql[] = "BEGIN; DELETE FROM store_search WHERE 0; ROLLBACK";
    int code = sqlite3_exec(store->database, sql, NULL, NULL, NULL);
    store->totals_stale = code != SQLITE_OK;
    if (store->totals_stale) {
        roll_back(store);
        return satchel_store_fail(store, code, error);
    }
    return SATCHEL_OK;
}

satchel_status satchel_store_begin(satchel_store *store, satchel_error *error) {
    sqlite3_stmt *statement;
    if (store->grouped) {
        return SATCHEL_OK;
    }
    if (store->in_transaction) {
        return satchel_fail(error, SATCHEL_INTERNAL, "a transaction is open");
    }
    satchel_status settled = satchel_store_settle(store, error);
    if (settled != SATCHEL_OK) {
        return settled;
    }
    if (store->totals_stale) {
        satchel_status forgotten = forget_totals(store, error);
        if (forgotten != SATCHEL_OK) {
            return forgotten;
        }
    }
    if (store->mirrors_stale) {
        satchel_status reloaded = satchel_store_reload(store, error);
        if (reloaded != SATCHEL_OK) {
            return reloaded;
        }
    }
    satchel_status status = satchel_statement_of(store, "BEGIN IMMEDIATE", &statement, error);
    if (status == SATCHEL_OK) {
        status = satchel_statement_run(store, statement, error);
    }
    store->in_transaction = status == SATCHEL_OK;
    return status;
}

satchel_status satchel_store_end(satchel_store *store, satchel_status status, satchel_error *error) {
    sqlite3_stmt *statement;
    bool open = !sqlite3_get_autocommit(store->database);
    if (store->grouped) {
        return status;
    }
    store->generation++;
    if (status == SATCHEL_OK) {
        status = satchel_digests_flush(store, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_of(store, "COMMIT", &statement, error);
        if (status == SATCHEL_OK) {
            status = satchel_statement_run(store, statement, error);
        }
        /* An interrupt never undoes a transaction by itself, but may be told after COMMIT has done its work. */
        if (status == SATCHEL_CANCELLED && open && sqlite3_get_autocommit(store->database)) {
            status = SATCHEL_OK;
        }
    }
    store->in_transaction = false;
    if (status == SATCHEL_OK) {
        return SATCHEL_OK;
    }
    roll_back(store);
    (void)forget_totals(store, NULL); /* else the next transaction begins with it */
    satchel_status reloaded = satchel_store_reload(store, NULL);
    store->mirrors_stale = reloaded != SATCHEL_OK;
    return status;
}

satchel_status satchel_store_together(satchel_store *store, satchel_status (*work)(void *context, satchel_error *error),
                                      void *context, satchel_error *error) {
    satchel_status status = satchel_store_begin(store, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    store->grouped = true;
    status = work(context, error);
    store->grouped = false;
    return satchel_store_end(store, status, error);
}

void satchel_store_take_changed(satchel_store *store, uint8_t out[32]) {
    for (size_t i = 0; i < sizeof store->told_late; i++) {
        out[i] = (uint8_t)(out[i] | store->told_late[i]);
        store->told_late[i] = 0;
    }
}
