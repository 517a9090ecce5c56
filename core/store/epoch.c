/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts of decided units, and what happens when the server comes back with another epoch.
 */
#include "store/epoch.h"

#include "store/page.h"

#define LEFT_NAME ".epoch"

/* --- receipts --- */

satchel_status satchel_return_read(satchel_bytes column, satchel_arena *arena, satchel_unit_return *out) {
    satchel_reader reader = satchel_reader_of(column);
    satchel_bytes receipt = {NULL, 0};
    uint64_t stamp = 0;
    uint64_t code = 0;
    *out = (satchel_unit_return){.receipt = {NULL, 0}};
    if (column.bytes <= SATCHEL_RECEIPT_BYTES) {
        return SATCHEL_OK; /* none, or of a version that kept no more */
    }
    if (satchel_reader_take(&reader, SATCHEL_RECEIPT_BYTES, &receipt) != SATCHEL_OK ||
        satchel_reader_varint(&reader, &stamp) != SATCHEL_OK || satchel_reader_varint(&reader, &code) != SATCHEL_OK ||
        code > SATCHEL_RESULT_HELD) {
        return SATCHEL_DAMAGED;
    }
    out->stamp_ms = satchel_unzigzag(stamp);
    out->code = (uint32_t)code;
    return satchel_arena_copy(arena, receipt, &out->receipt);
}

uint64_t satchel_return_n(satchel_bytes column) {
    return column.bytes > SATCHEL_RECEIPT_BYTES ? satchel_get_u64be(column.data + 4) : 0;
}

satchel_status satchel_return_store(satchel_store *store, const satchel_unit_result *result, satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_buffer column = {NULL, 0, 0};
    if (result->receipt.bytes != SATCHEL_RECEIPT_BYTES) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_buffer_append(&column, result->receipt);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(&column, satchel_zigzag(result->stamp_ms));
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(&column, (uint64_t)result->code);
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_of(
            store, "UPDATE store_op SET receipt = ?1 WHERE sequence = ?2 AND receipt IS NOT ?1", &statement, error);
    }
    if (status == SATCHEL_OK) {
        satchel_bind_bytes(statement, 1, satchel_buffer_view(&column));
        satchel_bind_int(statement, 2, (int64_t)result->first_sequence);
        status = satchel_statement_run(store, statement, error);
    }
    satchel_buffer_deinit(&column);
    return status;
}

/* --- showing again --- */

void satchel_again_begin(satchel_store *store, uint64_t through) {
    if (through < store->settled_through) {
        store->again_through =
            store->again_through > store->settled_through ? store->again_through : store->settled_through;
        store->settled_through = through;
    }
}

void satchel_again_pass(satchel_store *store, uint64_t last) {
    if (store->settled_through < store->again_through && last > store->settled_through) {
        store->settled_through = last;
    }
}

satchel_status satchel_epoch_meet(satchel_store *store, const satchel_answer_head *head, uint32_t *out_epoch,
                                  satchel_error *error) {
    uint32_t known = store->sync.position.epoch;
    (void)error;
    *out_epoch = 0;
    if (head->verified_n > store->verified_n) {
        store->verified_n = head->verified_n;
    }
    if (head->epoch == 0 || known == 0 || head->epoch == known) {
        return SATCHEL_OK;
    }
    satchel_again_begin(store, head->applied_through);
    *out_epoch = head->status == SATCHEL_OK ? head->epoch : 0;
    return SATCHEL_OK;
}

static satchel_status was_left(satchel_store *store, uint32_t epoch, bool *out, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes known = {NULL, 0};
    satchel_status status = satchel_store_get_value(store, LEFT_NAME, &arena, &known, error);
    *out = status == SATCHEL_OK && known.bytes == 4 && satchel_get_u32be(known.data) == epoch;
    satchel_arena_deinit(&arena);
    if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
    }
    return status;
}

/* Every scope of every set that is here. */
static satchel_status list_scopes(satchel_store *store, satchel_arena *arena, satchel_scope_set *out,
                                  satchel_error *error) {
    sqlite3_stmt *statement;
    bool has_row = true;
    uint32_t *scopes = satchel_arena_take_array(arena, SATCHEL_LIMIT_SCOPES, sizeof *scopes);
    *out = (satchel_scope_set){0, scopes, 0};
    if (scopes == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for scopes");
    }
    satchel_status status = satchel_statement_of(store, "SELECT scopes FROM store_scope_set", &statement, error);
    while (status == SATCHEL_OK && has_row) {
        status = satchel_statement_step(store, statement, &has_row, error);
        satchel_reader reader =
            satchel_reader_of(has_row ? satchel_column_bytes(statement, 0) : (satchel_bytes){NULL, 0});
        uint64_t scope = 0;
        while (status == SATCHEL_OK && has_row && satchel_reader_left(&reader) > 0 &&
               satchel_reader_varint(&reader, &scope) == SATCHEL_OK) {
            bool known = false;
            for (uint32_t i = 0; i < out->scope_count; i++) {
                known = known || scopes[i] == (uint32_t)scope;
            }
            if (!known && out->scope_count < SATCHEL_LIMIT_SCOPES) {
                scopes[out->scope_count++] = (uint32_t)scope;
            }
        }
    }
    satchel_statement_end(statement);
    return status;
}

satchel_status satchel_epoch_leave(satchel_store *store, uint32_t epoch, satchel_store_outcome *outcome,
                                   satchel_error *error) {
    uint8_t number[4];
    bool left = false;
    satchel_arena arena = {0};
    satchel_scope_set all;
    satchel_status status = was_left(store, epoch, &left, error);
    if (status != SATCHEL_OK || left) {
        return status;
    }
    status = list_scopes(store, &arena, &all, error);
    /* More than one loss may name are lost in several steps: a set goes when its last scope does. */
    while (status == SATCHEL_OK && all.scope_count > 0) {
        status = satchel_scopes_lose(store, &all, outcome, error);
        satchel_arena_reset(&arena);
        status = status == SATCHEL_OK ? list_scopes(store, &arena, &all, error) : status;
    }
    satchel_arena_deinit(&arena);
    satchel_put_u32be(number, epoch);
    return status == SATCHEL_OK
               ? satchel_store_write_value(store, LEFT_NAME, satchel_bytes_of(number, sizeof number), error)
               : status;
}
