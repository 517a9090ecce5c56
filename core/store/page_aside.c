/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of pages that this version cannot read, and parts of rows that are not here: their frames wait in store_aside,
 * all of a row in order, and are tried again after an upgrade. What waits holds up nothing else.
 */
#include "store/page_work.h"

satchel_status satchel_aside_set(satchel_page_work *work, const satchel_row_frame *row, satchel_status why) {
    sqlite3_stmt *statement;
    satchel_status status = satchel_statement_of(
        work->store,
        "INSERT OR REPLACE INTO store_aside (entity, row, n, local, status, frame) VALUES (?, ?, ?, ?, ?, ?)",
        &statement, work->error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, row->entity);
        satchel_bind_id(statement, 2, &row->row);
        satchel_bind_int(statement, 3, (int64_t)row->n);
        satchel_bind_int(statement, 4, work->scope_set); /* its number may mean something else one day */
        satchel_bind_int(statement, 5, (int64_t)why);
        satchel_bind_bytes(statement, 6, work->frame);
        status = satchel_statement_run(work->store, statement, work->error);
    }
    work->store->has_aside = true;
    work->outcome->rows_set_aside++;
    return status;
}

satchel_status satchel_aside_forget(satchel_store *store, uint32_t entity, const satchel_id *id, satchel_error *error) {
    sqlite3_stmt *statement;
    if (!store->has_aside) {
        return SATCHEL_OK;
    }
    satchel_status status =
        satchel_statement_of(store, "DELETE FROM store_aside WHERE entity = ? AND row = ?", &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, entity);
        satchel_bind_id(statement, 2, id);
        status = satchel_statement_run(store, statement, error);
    }
    return status;
}

satchel_status satchel_aside_queue(satchel_page_work *work, const satchel_row_frame *row, bool *out_waits) {
    sqlite3_stmt *statement;
    satchel_buffer frames = {NULL, 0, 0};
    satchel_status why = SATCHEL_OK;
    *out_waits = false;
    if (!work->store->has_aside || row->whole) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_statement_of(
        work->store, "SELECT status, frame FROM store_aside WHERE entity = ? AND row = ?", &statement, work->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, row->entity);
    satchel_bind_id(statement, 2, &row->row);
    status = satchel_statement_step(work->store, statement, out_waits, work->error);
    if (status == SATCHEL_OK && *out_waits) {
        why = (satchel_status)sqlite3_column_int64(statement, 0);
        status = satchel_buffer_append(&frames, satchel_column_bytes(statement, 1));
    }
    satchel_statement_end(statement);
    if (status == SATCHEL_OK && *out_waits) {
        status = satchel_buffer_append(&frames, work->frame);
    }
    if (status == SATCHEL_OK && *out_waits) {
        work->frame = satchel_buffer_view(&frames);
        status = satchel_aside_set(work, row, why);
    }
    satchel_buffer_deinit(&frames);
    return status;
}

/* --- again --- */

/* The entry with the least (entity, row) behind the given one; its frames in the arena. */
static satchel_status next_aside(satchel_page_work *work, satchel_touched_row *at, satchel_arena *arena,
                                 satchel_bytes *out, bool *out_found) {
    sqlite3_stmt *statement;
    const satchel_touched_row after = *at;
    satchel_status status =
        satchel_statement_of(work->store,
                             "SELECT entity, row, local, frame FROM store_aside WHERE (entity, row) "
                             "> (?, ?) ORDER BY entity, row LIMIT 1",
                             &statement, work->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, after.entity);
    satchel_bind_id(statement, 2, &after.id);
    status = satchel_statement_step(work->store, statement, out_found, work->error);
    if (status == SATCHEL_OK && *out_found) {
        at->entity = (uint32_t)sqlite3_column_int64(statement, 0);
        work->scope_set = sqlite3_column_int64(statement, 2);
        status = satchel_column_id(statement, 1, &at->id);
    }
    if (status == SATCHEL_OK && *out_found) {
        status = satchel_arena_copy(arena, satchel_column_bytes(statement, 3), out);
    }
    satchel_statement_end(statement);
    return status;
}

/* The frames of one row in order; from the first that still cannot be stored, all are set aside again. */
static satchel_status retry_row(satchel_page_work *work, const satchel_touched_row *row, satchel_bytes frames) {
    satchel_reader reader = satchel_reader_of(frames);
    satchel_status status = satchel_aside_forget(work->store, row->entity, &row->id, work->error);
    while (status == SATCHEL_OK && satchel_reader_left(&reader) > 0) {
        satchel_answer_frame frame;
        size_t begin = reader.at;
        uint32_t aside = work->outcome->rows_set_aside;
        satchel_arena_reset(&work->arena);
        status = satchel_answer_read(&reader, &work->arena, &frame, work->error);
        if (status != SATCHEL_OK || frame.kind != SATCHEL_FRAME_ROW) {
            break;
        }
        work->frame = satchel_bytes_of(frames.data + begin, frames.bytes - begin);
        status = satchel_page_put_row(work, &frame.as.row);
        if (status == SATCHEL_OK && work->outcome->rows_set_aside != aside) {
            break;
        }
    }
    return status;
}

satchel_status satchel_aside_retry(satchel_store *store, uint32_t *budget_rows, uint32_t *entity, satchel_id *row,
                                   bool *out_done, bool *out_custom, satchel_error *error) {
    satchel_store_outcome ignored = {0};
    satchel_page_work work = {
        .store = store, .outcome = &ignored, .through = store->reflected_through, .retrying = true, .error = error};
    satchel_touched_row at = {*entity, *row};
    satchel_arena arena = {0};
    bool found = store->has_aside;
    satchel_status status = SATCHEL_OK;
    for (; found && *budget_rows > 0 && status == SATCHEL_OK; (*budget_rows)--) {
        satchel_bytes frames = {NULL, 0};
        satchel_arena_reset(&arena);
        status = next_aside(&work, &at, &arena, &frames, &found);
        if (status == SATCHEL_OK && found) {
            status = retry_row(&work, &at, frames);
        }
    }
    if (status == SATCHEL_OK && work.conflicts_changed) {
        status = satchel_conflicts_count(store, error);
    }
    for (size_t i = 0; i < sizeof ignored.changed; i++) {
        store->told_late[i] = (uint8_t)(store->told_late[i] | ignored.changed[i]);
    }
    *entity = at.entity;
    *row = at.id;
    *out_done = !found;
    *out_custom = work.custom_changed;
    satchel_arena_deinit(&arena);
    satchel_arena_deinit(&work.arena);
    return status;
}
