/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storing an answer: results, scopes, rows and removals with the state of sync, in one transaction, so that a cursor
 * never stands without its page nor a page without its cursor. A long page is stored in several: the rest of it is
 * kept with the first and gone on with (paging.c), the state of sync comes with the last.
 */
#include "store/page_work.h"

#include "store/digest.h"
#include "store/epoch.h"
#include "store/migrate.h"

/* A page above this is first kept, then stored: the two together would hold the store too long. */
#define KEPT_FIRST_BYTES 65536u
/* What a new definition of a custom field concerns is at once as it should be in a small store. */
#define LIFT_AT_ONCE_ROWS 100

void satchel_outcome_changed(satchel_store_outcome *outcome, uint32_t entity) {
    if (outcome != NULL && entity < 256) {
        outcome->changed[entity / 8] |= (uint8_t)(1u << (entity % 8));
    }
}

/* --- what a last page reflects --- */

/* Rows of ops behind `after` and up to `through`, at most `most`, and the sequence of the last op seen. */
static satchel_status list_touched(satchel_page_work *work, uint64_t after, satchel_touched_row *rows, uint32_t most,
                                   uint32_t *out_count, uint64_t *out_last) {
    sqlite3_stmt *statement;
    bool has_row = true;
    *out_count = 0;
    satchel_status status = satchel_statement_of(
        work->store,
        "SELECT sequence, entity, row FROM store_op WHERE sequence > ? AND sequence <= ? ORDER BY sequence", &statement,
        work->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, (int64_t)after);
    satchel_bind_int(statement, 2, (int64_t)work->through);
    while (*out_count < most) {
        status = satchel_statement_step(work->store, statement, &has_row, work->error);
        if (status != SATCHEL_OK || !has_row) {
            break;
        }
        satchel_touched_row *row = &rows[*out_count];
        *out_last = (uint64_t)sqlite3_column_int64(statement, 0);
        row->entity = (uint32_t)sqlite3_column_int64(statement, 1);
        status = satchel_column_id(statement, 2, &row->id);
        (*out_count)++;
    }
    satchel_statement_end(statement);
    return status;
}

static satchel_status forget_orphans(satchel_page_work *work) {
    sqlite3_stmt *statement;
    if (!work->store->has_orphans) {
        return SATCHEL_OK;
    }
    satchel_status status =
        satchel_statement_of(work->store, "DELETE FROM store_orphan WHERE last <= ?", &statement, work->error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, (int64_t)work->through);
        status = satchel_statement_run(work->store, statement, work->error);
    }
    return status;
}

/*
 * A last page reflects all ops that it holds, whether their rows were among it or not. `*out_done` false: the budget
 * ended it, and what is reflected so far is.
 */
static satchel_status reflect(satchel_page_work *work, bool *out_done) {
    enum { BATCH = 256 };
    satchel_touched_row rows[BATCH];
    uint64_t after = work->store->reflected_through;
    uint32_t count = 1;
    satchel_status status = SATCHEL_OK;
    while (work->through > after && count > 0 && work->budget > 0 && status == SATCHEL_OK) {
        status = list_touched(work, after, rows, work->budget < BATCH ? work->budget : BATCH, &count, &after);
        for (uint32_t i = 0; i < count && status == SATCHEL_OK; i++) {
            status = satchel_overlay_refresh(work->store, rows[i].entity, &rows[i].id, work->through, work->error);
            satchel_page_note_changed(work, rows[i].entity);
        }
        work->budget -= count;
    }
    *out_done = work->through <= after || count == 0;
    if (status == SATCHEL_OK && work->through > work->store->reflected_through) {
        work->store->reflected_through = *out_done ? work->through : after;
        status = *out_done ? forget_orphans(work) : SATCHEL_OK;
    }
    return status;
}

/* --- the page --- */

static satchel_status end_of_page(satchel_page_work *work, const satchel_page_end *end, bool *out_done) {
    satchel_status status = end->more ? SATCHEL_OK : reflect(work, out_done);
    if (status == SATCHEL_OK && *out_done && !end->more && end->digest.bytes > 0) {
        return satchel_digests_compare(work->store, end->digest, work->error);
    }
    if (end->more || end->cursor.bytes > 0) {
        satchel_digests_unknown(work->store);
    }
    return status;
}

/* `*out_done` false: the budget ended it, the frame comes again. */
static satchel_status store_frame(satchel_page_work *work, const satchel_answer_frame *frame, bool *out_done) {
    satchel_store *store = work->store;
    if (work->epoch != 0 && frame->kind >= SATCHEL_FRAME_SCOPE_SET) {
        satchel_status left = satchel_epoch_leave(store, work->epoch, work->outcome, work->error);
        work->epoch = 0;
        if (left != SATCHEL_OK) {
            return left;
        }
    }
    switch (frame->kind) {
    case SATCHEL_FRAME_HEAD:
        work->through = frame->as.head.applied_through < store->next_sequence ? frame->as.head.applied_through
                                                                              : store->next_sequence - 1;
        return satchel_epoch_meet(store, &frame->as.head, &work->epoch, work->error);
    case SATCHEL_FRAME_RESULT:
        return satchel_results_store(store, &frame->as.result, &work->arena, work->outcome, work->error);
    case SATCHEL_FRAME_SCOPE_SET: return satchel_scopes_define(store, &frame->as.scope_set, work->error);
    case SATCHEL_FRAME_SCOPE_LOSS:
        work->conflicts_changed = true;
        return satchel_scopes_lose(store, &frame->as.scope_set, work->outcome, work->error);
    case SATCHEL_FRAME_ROW:
        *out_done = work->budget > 0;
        work->budget -= *out_done ? 1 : 0;
        return *out_done ? satchel_page_put_row(work, &frame->as.row) : SATCHEL_OK;
    case SATCHEL_FRAME_REMOVAL: return satchel_page_take_rows(work, &frame->as.removal, out_done);
    case SATCHEL_FRAME_RANGES: return satchel_digests_settle(store, &frame->as.ranges, work->outcome, work->error);
    case SATCHEL_FRAME_END: return end_of_page(work, &frame->as.end, out_done);
    case SATCHEL_FRAME_ERASED:
        work->conflicts_changed = true;
        return satchel_erased_store(store, &frame->as.erased, work->outcome, work->error);
    case SATCHEL_FRAME_NONE: break;
    }
    return SATCHEL_OK;
}

/* Stores frames until the budget or the page ends. */
static satchel_status store_frames(satchel_page_work *work, satchel_bytes payload, bool *out_done) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    satchel_status status = SATCHEL_OK;
    *out_done = true;
    while (status == SATCHEL_OK && *out_done && frame.kind != SATCHEL_FRAME_NONE) {
        satchel_reader reader = satchel_reader_of(payload);
        reader.at = work->offset;
        satchel_arena_reset(&work->arena);
        status = satchel_answer_read(&reader, &work->arena, &frame, work->error);
        work->frame = satchel_bytes_of(payload.data + work->offset, reader.at - work->offset);
        if (status == SATCHEL_OK) {
            status = store_frame(work, &frame, out_done);
        }
        if (status == SATCHEL_OK && *out_done) {
            work->offset = reader.at;
            work->within = 0;
        }
    }
    return status;
}

/* What every slice leaves in order. */
static satchel_status tidy(satchel_page_work *work) {
    satchel_store *store = work->store;
    uint32_t at_once = LIFT_AT_ONCE_ROWS;
    satchel_status status = satchel_results_advance(store, work->error);
    if (status == SATCHEL_OK && work->custom_changed) {
        status = satchel_store_load_custom(store, work->error);
        if (status == SATCHEL_OK) {
            status = satchel_migrate_custom(store, work->error);
        }
        if (status == SATCHEL_OK) {
            status = satchel_migrate_slice(store, &at_once, work->error);
        }
    }
    if (status == SATCHEL_OK && work->conflicts_changed) {
        status = satchel_conflicts_count(store, work->error);
    }
    return status == SATCHEL_OK ? satchel_log_save_marks(store, work->error) : status;
}

/* The transaction ends, or is left open for the next slice; what `out` tells is true, or becomes it. */
static satchel_status end_slice(satchel_page_work *work, satchel_status status, bool last) {
    satchel_store *store = work->store;
    satchel_arena_deinit(&work->arena);
    status = satchel_held_end(store, status, work->granted - work->budget, last, work->error);
    if (status != SATCHEL_OK) {
        memset(work->outcome, 0, sizeof *work->outcome);
        if (work->custom_changed && satchel_store_load_custom(store, NULL) != SATCHEL_OK) {
            store->mirrors_stale = true;
        }
        return status;
    }
    work->outcome->settled_through = store->settled_through;
    work->outcome->digests_due = satchel_store_digests_due(store);
    return SATCHEL_OK;
}

/* What is left of a page, in the order in which it is stored. */
typedef enum rest_turn {
    REST_PARTS = 0, /* what changed of rows that are here: behind a removal one that left its root would be gone */
    REST_TAKES = 1, /* what takes away */
    REST_ALL = 2,   /* whole rows, which need nothing of what is here, and the end */
    REST_TURNS = 3
} rest_turn;

static rest_turn turn_of(const satchel_answer_frame *frame) {
    if (frame->kind == SATCHEL_FRAME_ROW && !frame->as.row.whole) {
        return REST_PARTS;
    }
    return frame->kind == SATCHEL_FRAME_REMOVAL || frame->kind == SATCHEL_FRAME_ERASED ? REST_TAKES : REST_ALL;
}

/* The one frame whose inside the reading of an answer does not look at. */
static satchel_status check_ranges(satchel_page_work *work, const satchel_ranges_frame *ranges) {
    satchel_digest_range *items = satchel_arena_take_array(&work->arena, SATCHEL_LIMIT_DIGEST_RANGES, sizeof *items);
    uint32_t count = 0;
    if (items == NULL) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for ranges");
    }
    satchel_status status =
        satchel_digest_ranges_read(ranges->settled, false, items, SATCHEL_LIMIT_DIGEST_RANGES, &count);
    if (status == SATCHEL_OK) {
        status = satchel_digest_ranges_read(ranges->split, false, items, SATCHEL_LIMIT_DIGEST_RANGES, &count);
    }
    return status == SATCHEL_OK ? status : satchel_fail(work->error, SATCHEL_MALFORMED, "ranges that are none");
}

/*
 * The frames that are left, by their turns. Nothing of what is left can be malformed: the engine has checked the
 * frames, scope sets and ranges are looked at here.
 */
static satchel_status gather_rest(satchel_page_work *work, satchel_bytes payload, satchel_buffer rest[REST_TURNS]) {
    satchel_reader reader = satchel_reader_of(payload);
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    satchel_status status = SATCHEL_OK;
    reader.at = work->offset;
    while (status == SATCHEL_OK && frame.kind != SATCHEL_FRAME_NONE) {
        size_t start = reader.at;
        satchel_arena_reset(&work->arena);
        status = satchel_answer_read(&reader, &work->arena, &frame, work->error);
        if (status != SATCHEL_OK) {
            break;
        }
        if (frame.kind == SATCHEL_FRAME_ROW) {
            status = satchel_scopes_number(work->store, frame.as.row.scope_set, &work->scope_set, work->error);
        } else if (frame.kind == SATCHEL_FRAME_RANGES) {
            status = check_ranges(work, &frame.as.ranges);
        }
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append(&rest[turn_of(&frame)],
                                           satchel_bytes_of(payload.data + start, reader.at - start));
        }
    }
    return status;
}

/*
 * What a page takes away is out of sight before the first of its rows that are new here. A removal that was begun
 * begins again, which hides nothing twice.
 */
static satchel_status keep_rest(satchel_page_work *work, satchel_bytes payload, const satchel_sync_state *state) {
    satchel_buffer rest[REST_TURNS] = {{NULL, 0, 0}};
    satchel_status status = gather_rest(work, payload, rest);
    for (rest_turn turn = REST_TAKES; turn < REST_TURNS && status == SATCHEL_OK; turn++) {
        status = satchel_buffer_append(&rest[REST_PARTS], satchel_buffer_view(&rest[turn]));
    }
    if (status == SATCHEL_OK) {
        status =
            satchel_paging_keep(work->store, satchel_buffer_view(&rest[REST_PARTS]), work->through, state, work->error);
    }
    for (rest_turn turn = REST_PARTS; turn < REST_TURNS; turn++) {
        satchel_buffer_deinit(&rest[turn]);
    }
    return status;
}

satchel_status satchel_store_page_begin(satchel_store *store, satchel_bytes payload, const satchel_sync_state *state,
                                        uint32_t budget_rows, satchel_store_outcome *out, bool *out_left,
                                        satchel_error *error) {
    satchel_page_work work = {
        .store = store, .outcome = out, .granted = budget_rows, .budget = budget_rows, .error = error};
    bool done = false;
    memset(out, 0, sizeof *out);
    *out_left = false;
    if (store->page_left || budget_rows == 0) {
        return satchel_fail(error, SATCHEL_MISUSE, "a page is begun already, or no row of it may be stored");
    }
    if (payload.bytes > KEPT_FIRST_BYTES && budget_rows != SATCHEL_PAGE_WHOLE) {
        work.budget = 0;
    }
    satchel_status status = satchel_store_begin(store, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = store_frames(&work, payload, &done);
    if (status == SATCHEL_OK) {
        status = tidy(&work);
    }
    if (status == SATCHEL_OK) {
        status = done ? satchel_store_write_sync(store, state, error) : keep_rest(&work, payload, state);
    }
    status = end_slice(&work, status, true);
    *out_left = status == SATCHEL_OK && !done;
    return status;
}

satchel_status satchel_store_page(satchel_store *store, satchel_bytes payload, const satchel_sync_state *state,
                                  satchel_store_outcome *out, satchel_error *error) {
    bool left;
    return satchel_store_page_begin(store, payload, state, SATCHEL_PAGE_WHOLE, out, &left, error);
}

/*
 * The state that follows the page. Has the store begun a new life since the page came, its name, token and number
 * stay: the page is of the device, not of the life.
 */
static satchel_status end_page(satchel_page_work *work) {
    satchel_store *store = work->store;
    satchel_sync_state next = store->paging->state;
    if (!satchel_id_equal(&next.incarnation, &store->sync.incarnation)) {
        next = store->sync;
        memcpy(next.cursor, store->paging->state.cursor, sizeof next.cursor);
        next.cursor_bytes = store->paging->state.cursor_bytes;
        next.position = store->paging->state.position;
        next.page_bytes = store->paging->state.page_bytes;
    }
    satchel_status status = satchel_store_write_sync(store, &next, work->error);
    return status == SATCHEL_OK ? satchel_paging_end(store, work->error) : status;
}

/* A slice of the page that was begun, in the running transaction. */
static satchel_status store_rest(satchel_page_work *work, bool *out_done) {
    satchel_store *store = work->store;
    satchel_status status = satchel_paging_need(store, work->error);
    if (status == SATCHEL_OK) {
        work->through = store->paging->through;
        work->offset = store->paging->offset;
        work->within = store->paging->within;
        status = store_frames(work, satchel_buffer_view(&store->paging->payload), out_done);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    store->paging->offset = work->offset;
    store->paging->within = work->within;
    store->held.holds_pages = !*out_done;
    if (*out_done || work->custom_changed || work->conflicts_changed) {
        status = tidy(work);
    }
    return status == SATCHEL_OK && *out_done ? end_page(work) : status;
}

satchel_status satchel_store_page_go_on(satchel_store *store, uint32_t budget_rows, satchel_store_outcome *out,
                                        bool *out_left, satchel_error *error) {
    satchel_page_work work = {.store = store,
                              .outcome = out,
                              .granted = budget_rows,
                              .budget = budget_rows,
                              .index_at_once = store->held.most > 0,
                              .error = error};
    bool done = true;
    memset(out, 0, sizeof *out);
    *out_left = store->page_left;
    if (budget_rows == 0) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a slice of no rows");
    }
    if (satchel_held_is_full(store)) {
        return satchel_store_settle(store, error);
    }
    *out_left = false;
    satchel_status status = satchel_held_begin(store, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (store->page_left) {
        status = store_rest(&work, &done);
    }
    /* What only a transaction of its own undoes rightly shares none. */
    status = end_slice(&work, status, done || work.custom_changed || work.conflicts_changed);
    if (status == SATCHEL_OK && !store->page_left) {
        satchel_paging_close(store);
    }
    *out_left = status == SATCHEL_OK && store->page_left;
    return status;
}
