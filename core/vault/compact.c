/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving free pages back. The store's incremental vacuum moves pages from the end of the file into free places, through
 * the WAL like any other write: nothing plain, no second file, no ATTACH, and a kill leaves what each step committed.
 * It does not sort pages by table, as a copy of the whole store would.
 */
#include "vault/handle.h"

#include "base/error.h"

/* Pages given back in one transaction: short enough that others are not kept waiting. */
#define STEP_SQL "PRAGMA incremental_vacuum(256)"

static satchel_status free_pages(satchel_vault *vault, int64_t *out_count, satchel_error *error) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(vault->database, "PRAGMA freelist_count", -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    *out_count = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    satchel_status status = satchel_vault_status(vault, code);
    (void)sqlite3_finalize(statement);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "free pages: code %d", code);
}

satchel_status satchel_vault_compact(satchel_vault *vault, satchel_error *error) {
    if (vault->database == NULL) {
        return satchel_fail(error, SATCHEL_LOCKED, "the vault is locked");
    }
    if (sqlite3_get_autocommit(vault->database) == 0) {
        return satchel_fail(error, SATCHEL_BUSY, "a transaction is open");
    }
    int64_t before = 0, left = 0;
    satchel_status status = free_pages(vault, &left, error);
    before = left + 1;
    while (status == SATCHEL_OK && left > 0 && left < before) {
        before = left;
        int code = sqlite3_exec(vault->database, STEP_SQL, NULL, NULL, NULL);
        status = satchel_vault_status(vault, code);
        if (status != SATCHEL_OK) {
            return satchel_fail(error, status, "vacuum: code %d", code);
        }
        status = free_pages(vault, &left, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    int code = sqlite3_wal_checkpoint_v2(vault->database, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    status = satchel_vault_status(vault, code);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "checkpoint: code %d", code);
}
