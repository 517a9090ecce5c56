/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops and losses are sealed with the sequence of their op (log.c, results.c). Row by row in the order of their keys, so
 * no statement stays open over a row that changes.
 */
#include "store/reseal.h"

#include "base/bytes.h"
#include "base/error.h"

#include <inttypes.h>
#include <sqlite3.h>

#define SEQUENCE_BYTES 8

/* A table with sealed bodies: how the next row is found, and how it is written. */
typedef struct sealed_table {
    const char *next; /* key, sequence, body of the first row behind a key */
    const char *update;
} sealed_table;

static const sealed_table tables[] = {
    {"SELECT sequence, sequence, body FROM store_op WHERE sequence > ? ORDER BY sequence LIMIT 1",
     "UPDATE store_op SET body = ? WHERE sequence = ?"},
    {"SELECT number, sequence, body FROM store_loss WHERE number > ? ORDER BY number LIMIT 1",
     "UPDATE store_loss SET body = ? WHERE number = ?"},
};

#define TABLE_COUNT (sizeof tables / sizeof tables[0])

typedef struct reseal_work {
    satchel_vault *vault;
    sqlite3_stmt *next;
    sqlite3_stmt *update;
    int64_t key; /* of the last row that was sealed anew */
    satchel_buffer plain;
    satchel_buffer sealed;
} reseal_work;

static satchel_status fail_with(const reseal_work *work, int code, satchel_error *error) {
    satchel_status status = satchel_vault_status(work->vault, code);
    return satchel_fail(error, status, "sealing ops anew: code %d", code);
}

static satchel_status run(const reseal_work *work, const char *sql, satchel_error *error) {
    int code = sqlite3_exec(satchel_vault_database(work->vault), sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? SATCHEL_OK : fail_with(work, code, error);
}

/* The body of the row that `next` stands on, into `sealed`. */
static satchel_status seal_anew(reseal_work *work, satchel_error *error) {
    uint8_t bound[SEQUENCE_BYTES];
    int64_t sequence = sqlite3_column_int64(work->next, 1);
    const void *data = sqlite3_column_blob(work->next, 2);
    satchel_bytes old = satchel_bytes_of(data, (size_t)sqlite3_column_bytes(work->next, 2));
    satchel_put_u64be(bound, (uint64_t)sequence);
    satchel_bytes associated = satchel_bytes_of(bound, sizeof bound);
    satchel_buffer_clear(&work->plain);
    satchel_buffer_clear(&work->sealed);
    satchel_status status = satchel_vault_unseal(work->vault, SATCHEL_VAULT_FOR_OPLOG, associated, old, &work->plain);
    if (status == SATCHEL_OK) {
        status = satchel_vault_seal(work->vault, SATCHEL_VAULT_FOR_OPLOG, associated, satchel_buffer_view(&work->plain),
                                    &work->sealed);
    }
    return status == SATCHEL_OK ? status
                                : satchel_fail(error, status, "op %" PRId64 " cannot be sealed anew", sequence);
}

/* The next row; `*out_more` false: there is none. */
static satchel_status reseal_row(reseal_work *work, bool *out_more, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    (void)sqlite3_bind_int64(work->next, 1, work->key);
    int code = sqlite3_step(work->next);
    *out_more = code == SQLITE_ROW;
    if (code == SQLITE_ROW) {
        work->key = sqlite3_column_int64(work->next, 0);
        status = seal_anew(work, error);
    } else if (code != SQLITE_DONE) {
        status = fail_with(work, code, error);
    }
    (void)sqlite3_reset(work->next);
    if (status != SATCHEL_OK || !*out_more) {
        return status;
    }
    (void)sqlite3_bind_blob64(work->update, 1, work->sealed.data, work->sealed.bytes, SQLITE_STATIC);
    (void)sqlite3_bind_int64(work->update, 2, work->key);
    code = sqlite3_step(work->update);
    (void)sqlite3_reset(work->update);
    return code == SQLITE_DONE ? SATCHEL_OK : fail_with(work, code, error);
}

/* At most `rows` bodies in one transaction. `*out_more` false: there are no more in the table. */
static satchel_status reseal_step(reseal_work *work, uint32_t rows, bool *out_more, satchel_error *error) {
    satchel_status status = run(work, "BEGIN IMMEDIATE", error);
    if (status != SATCHEL_OK) {
        return status;
    }
    *out_more = true;
    for (uint32_t row = 0; row < rows && *out_more && status == SATCHEL_OK; row++) {
        status = reseal_row(work, out_more, error);
    }
    if (status == SATCHEL_OK) {
        status = run(work, "COMMIT", error);
    }
    if (status != SATCHEL_OK) {
        satchel_status undone = run(work, "ROLLBACK", NULL);
        (void)undone; /* SQLite may have done so itself */
    }
    return status;
}

static satchel_status reseal_table(satchel_vault *vault, satchel_reseal_position *position, uint32_t rows,
                                   bool *out_more, satchel_error *error) {
    const sealed_table *table = &tables[position->table];
    reseal_work work = {.vault = vault, .key = position->begun ? position->key : INT64_MIN};
    sqlite3 *database = satchel_vault_database(vault);
    satchel_status status = SATCHEL_OK;
    int code = sqlite3_prepare_v2(database, table->next, -1, &work.next, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_prepare_v2(database, table->update, -1, &work.update, NULL);
    }
    status = code == SQLITE_OK ? reseal_step(&work, rows, out_more, error) : fail_with(&work, code, error);
    if (status == SATCHEL_OK) {
        position->begun = true;
        position->key = work.key;
    }
    (void)sqlite3_finalize(work.next);
    (void)sqlite3_finalize(work.update);
    satchel_buffer_deinit(&work.plain);
    satchel_buffer_deinit(&work.sealed);
    return status;
}

satchel_status satchel_store_reseal_slice(satchel_vault *vault, satchel_reseal_position *position, uint32_t budget_rows,
                                          bool *out_left, satchel_error *error) {
    bool more = false;
    *out_left = false;
    if (budget_rows == 0) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "no bodies are to be sealed anew");
    }
    if (satchel_vault_database(vault) == NULL) {
        return satchel_fail(error, SATCHEL_LOCKED, "the vault is locked");
    }
    if (satchel_vault_stats_of(vault).old_message_keys == 0) {
        return SATCHEL_OK;
    }
    *out_left = true;
    if (position->table < TABLE_COUNT) {
        satchel_status status = reseal_table(vault, position, budget_rows, &more, error);
        if (status != SATCHEL_OK) {
            return status;
        }
        if (!more) {
            *position = (satchel_reseal_position){.table = position->table + 1};
        }
    }
    if (position->table < TABLE_COUNT) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_vault_forget_messages(vault, error);
    *out_left = status != SATCHEL_OK;
    return status;
}

satchel_status satchel_store_reseal(satchel_vault *vault, satchel_error *error) {
    satchel_reseal_position position = {0};
    bool left = true;
    satchel_status status = SATCHEL_OK;
    while (left && status == SATCHEL_OK) {
        status = satchel_store_reseal_slice(vault, &position, SATCHEL_RESEAL_STEP_ROWS, &left, error);
    }
    return status;
}
