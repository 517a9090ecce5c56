/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Persons that were erased. Values go from what waits to be sent and what was sent, from the rows, the losses, what was
 * set aside; the search index follows the row. What SQLite leaves in free pages stays sealed until they serve again.
 *
 * A unit that had such a value has other bytes from then on: after a restore of the server its receipt does not hold,
 * and it is decided on like a new one.
 */
#include "store/epoch.h"

#include "rules/erase.h"
#include "store/page.h"
#include "wire/record_codec.h"

#define ERASED_NAME ".erased"
#define ERASED_MOST 64

/* --- the op log --- */

static satchel_status erase_cleared(const satchel_store *store, satchel_op *op, satchel_arena *arena) {
    uint32_t *cleared = satchel_arena_take_array(arena, op->cleared_count, sizeof *cleared);
    uint32_t count = 0;
    if (cleared == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (uint32_t i = 0; i < op->cleared_count; i++) {
        const satchel_field *field = satchel_schema_field(&store->schema, op->entity, op->cleared[i]);
        if (field != NULL && !satchel_erase_takes(op->entity, field)) {
            cleared[count++] = op->cleared[i];
        }
    }
    op->cleared = cleared;
    op->cleared_count = count;
    return SATCHEL_OK;
}

/* The op without the values; the body that was before it goes with them. */
static satchel_status write_body(satchel_store *store, satchel_logged_op *logged, satchel_arena *arena,
                                 satchel_buffer *out) {
    satchel_buffer op = {NULL, 0, 0};
    satchel_buffer plain = {NULL, 0, 0};
    satchel_status status = satchel_erase_record(&store->schema, logged->entity, &logged->op.set);
    if (status == SATCHEL_OK) {
        status = satchel_erase_record(&store->schema, logged->entity, &logged->op.removed);
    }
    if (status == SATCHEL_OK) {
        status = erase_cleared(store, &logged->op, arena);
    }
    if (status == SATCHEL_OK) {
        status = satchel_op_encode(&store->schema, &logged->op, &op);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(&plain, op.bytes);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(&plain, satchel_buffer_view(&op));
    }
    if (status == SATCHEL_OK) {
        status = satchel_log_seal(store, logged->sequence, satchel_buffer_view(&plain), out);
    }
    satchel_buffer_deinit(&op);
    satchel_buffer_deinit(&plain);
    return status;
}

static satchel_status erase_op(satchel_store *store, uint64_t sequence, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_buffer body = {NULL, 0, 0};
    satchel_logged_op logged;
    sqlite3_stmt *statement;
    satchel_status status = satchel_log_read(store, sequence, &arena, &logged, error);
    if (status == SATCHEL_OK) {
        status = write_body(store, &logged, &arena, &body);
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_of(store, "UPDATE store_op SET body = ? WHERE sequence = ?", &statement, error);
    }
    if (status == SATCHEL_OK) {
        satchel_bind_bytes(statement, 1, satchel_buffer_view(&body));
        satchel_bind_int(statement, 2, (int64_t)sequence);
        status = satchel_statement_run(store, statement, error);
    }
    satchel_buffer_deinit(&body);
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status erase_ops(satchel_store *store, uint32_t entity, const satchel_id *row, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    uint64_t after = 0;
    bool has_row = true;
    while (status == SATCHEL_OK && has_row) {
        sqlite3_stmt *statement;
        status = satchel_statement_of(store,
                                      "SELECT sequence FROM store_op WHERE entity = ? AND row = ? AND sequence > ?"
                                      " ORDER BY sequence LIMIT 1",
                                      &statement, error);
        if (status != SATCHEL_OK) {
            break;
        }
        satchel_bind_int(statement, 1, entity);
        satchel_bind_id(statement, 2, row);
        satchel_bind_int(statement, 3, (int64_t)after);
        status = satchel_statement_step(store, statement, &has_row, error);
        after = has_row ? (uint64_t)sqlite3_column_int64(statement, 0) : after;
        satchel_statement_end(statement);
        if (status == SATCHEL_OK && has_row) {
            status = erase_op(store, after, error);
        }
    }
    return status;
}

/* --- the row --- */

static satchel_status forget_losses(satchel_store *store, uint32_t entity, const satchel_id *row,
                                    satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status =
        satchel_statement_of(store, "DELETE FROM store_loss WHERE entity = ? AND row = ?", &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, entity);
        satchel_bind_id(statement, 2, row);
        status = satchel_statement_run(store, statement, error);
    }
    return status;
}

static satchel_status erase_stored(satchel_store *store, satchel_table *table, const satchel_id *id,
                                   satchel_error *error) {
    satchel_arena arena = {0};
    satchel_stored_row row;
    satchel_record server;
    satchel_status status = satchel_row_load(store, table, id, &arena, &row, error);
    if (status != SATCHEL_OK || !row.found) {
        satchel_arena_deinit(&arena);
        return status;
    }
    bool own = row.overlay.kind == SATCHEL_OVERLAY_OWN;
    satchel_record_init(&server, &arena);
    status = satchel_record_copy(row.overlay.kind == SATCHEL_OVERLAY_SERVER ? &row.server : &row.visible, &server);
    if (status == SATCHEL_OK) {
        status = satchel_erase_record(&store->schema, table->entity->number, &server);
    }
    if (status == SATCHEL_OK) {
        const satchel_rebase how = {
            .server = own ? NULL : &server, .scope_set = row.scope_set, .through = store->reflected_through};
        status = satchel_row_rebase(store, &row, &how, &arena, error);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status erase_row(satchel_store *store, uint32_t entity, const satchel_id *id,
                                satchel_store_outcome *outcome, satchel_error *error) {
    satchel_table *table = satchel_table_of(store, entity);
    satchel_status status = erase_ops(store, entity, id, error);
    if (status == SATCHEL_OK) {
        status = forget_losses(store, entity, id, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_aside_forget(store, entity, id, error);
    }
    if (status == SATCHEL_OK && table != NULL) {
        status = erase_stored(store, table, id, error);
    }
    satchel_outcome_changed(outcome, entity);
    return status;
}

/* --- what is to be confirmed --- */

static satchel_status note_erasure(satchel_store *store, const satchel_id *erasure, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_buffer ids = {NULL, 0, 0};
    satchel_bytes known = {NULL, 0};
    satchel_status status = satchel_store_erased(store, &arena, &known, error);
    bool there = false;
    for (size_t at = 0; at + SATCHEL_ID_BYTES <= known.bytes; at += SATCHEL_ID_BYTES) {
        there = there || memcmp(known.data + at, erasure->bytes, SATCHEL_ID_BYTES) == 0;
    }
    if (status == SATCHEL_OK && !there && known.bytes < (size_t)ERASED_MOST * SATCHEL_ID_BYTES) {
        status = satchel_buffer_append(&ids, known);
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append(&ids, satchel_id_view(erasure));
        }
        if (status == SATCHEL_OK) {
            status = satchel_store_write_value(store, ERASED_NAME, satchel_buffer_view(&ids), error);
        }
    }
    satchel_buffer_deinit(&ids);
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_erased_store(satchel_store *store, const satchel_erased_frame *erased,
                                    satchel_store_outcome *outcome, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (size_t at = 0; at + SATCHEL_ID_BYTES <= erased->rows.bytes && status == SATCHEL_OK; at += SATCHEL_ID_BYTES) {
        satchel_id id;
        memcpy(id.bytes, erased->rows.data + at, SATCHEL_ID_BYTES);
        status = erase_row(store, erased->entity, &id, outcome, error);
    }
    return status == SATCHEL_OK ? note_erasure(store, &erased->erasure, error) : status;
}

satchel_status satchel_store_erased(satchel_store *store, satchel_arena *arena, satchel_bytes *out,
                                    satchel_error *error) {
    satchel_status status = satchel_store_get_value(store, ERASED_NAME, arena, out, error);
    if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        *out = (satchel_bytes){NULL, 0};
        status = SATCHEL_OK;
    }
    return status;
}

satchel_status satchel_store_erased_told(satchel_store *store, satchel_error *error) {
    satchel_status status = satchel_store_begin(store, error);
    if (status == SATCHEL_OK) {
        status = satchel_store_write_value(store, ERASED_NAME, (satchel_bytes){NULL, 0}, error);
        status = satchel_store_end(store, status, error);
    }
    return status;
}
