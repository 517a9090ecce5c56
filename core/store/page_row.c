/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row of a page. A new row goes straight in; a row that is here, or that own ops lie on, is read, rebased, and
 * written where it differs. Also the rows that a page takes away.
 */
#include "store/digest.h"
#include "store/page_work.h"

#include "merge/kernel.h"
#include "wire/record_codec.h"

#include <satchel/model.h>

#define TAKEN_AT_ONCE 64u /* rows of a removal that are hidden together */

/* Revision and deletion stand in the frame, not in the record. */
static satchel_status complete(const satchel_row_frame *row, satchel_record *record) {
    satchel_record_remove(record, SATCHEL_FIELD_ID);
    satchel_record_remove(record, SATCHEL_FIELD_DELETED);
    satchel_status status = satchel_record_set_int(record, SATCHEL_FIELD_REVISION, (int64_t)row->n);
    return status == SATCHEL_OK && row->deleted ? satchel_record_set_bool(record, SATCHEL_FIELD_DELETED, true) : status;
}

/* What the server has of the row: what it had, with what the frame says. */
static satchel_status join(const satchel_record *known, const satchel_row_frame *row, const satchel_record *news,
                           satchel_record *out) {
    satchel_status status = satchel_record_copy(known, out);
    satchel_record_remove(out, SATCHEL_FIELD_DELETED);
    for (uint32_t i = 0; i < row->cleared_count; i++) {
        satchel_record_remove(out, row->cleared[i]);
    }
    for (uint32_t i = 0; i < news->count && status == SATCHEL_OK; i++) {
        status = satchel_record_set(out, news->fields[i].number, &news->fields[i].value);
    }
    if (status == SATCHEL_OK && news->tail.bytes > 0) {
        status = satchel_merge_tails(out->arena, out->tail, news->tail, &out->tail);
    }
    return status;
}

static satchel_status rebase_row(satchel_page_work *work, satchel_stored_row *row, const satchel_record *server,
                                 int64_t scope_set) {
    const satchel_rebase how = {.server = server, .scope_set = scope_set, .through = work->through};
    return satchel_row_rebase(work->store, row, &how, &work->arena, work->error);
}

/* A row that is here, or of which only a part came. */
static satchel_status store_known(satchel_page_work *work, satchel_table *table, const satchel_row_frame *frame,
                                  const satchel_record *news, int64_t scope_set) {
    satchel_stored_row row;
    satchel_record server;
    satchel_status status = satchel_row_load(work->store, table, &frame->row, &work->arena, &row, work->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    bool hidden = row.found && satchel_row_is_hidden(work->store, row.scope_set);
    if (!frame->whole && (!row.found || hidden || row.overlay.kind == SATCHEL_OVERLAY_OWN)) {
        return satchel_aside_set(work, frame, SATCHEL_NOT_FOUND); /* a part of what is not here */
    }
    server = *news;
    if (!frame->whole) {
        satchel_record_init(&server, &work->arena);
        status = join(row.overlay.kind == SATCHEL_OVERLAY_SERVER ? &row.server : &row.visible, frame, news, &server);
    }
    if (hidden) {
        work->store->rows = -1;
    }
    if (status == SATCHEL_OK && !row.found) {
        status = satchel_fail(work->error, SATCHEL_INTERNAL, "a row is there and is not");
    }
    return status == SATCHEL_OK ? rebase_row(work, &row, &server, scope_set) : status;
}

/* A row that is new here. */
static satchel_status store_new(satchel_page_work *work, satchel_table *table, const satchel_row_frame *frame,
                                const satchel_record *news, int64_t scope_set, bool *out_inserted) {
    satchel_stored_row row = {.table = table, .id = frame->row, .scope_set = scope_set, .visible = *news};
    satchel_overlay orphan;
    satchel_status status = satchel_row_insert(work->store, &row, &work->arena, out_inserted, work->error);
    if (status != SATCHEL_OK || !*out_inserted) {
        return status;
    }
    status = work->index_at_once ? satchel_search_update(work->store, table, row.rowid, NULL, news, true, work->error)
                                 : satchel_search_enqueue(work->store, table, row.rowid, work->error);
    if (status == SATCHEL_OK) {
        status = satchel_orphan_take(work->store, frame->entity, &frame->row, &orphan, work->error);
    }
    if (status == SATCHEL_OK && orphan.kind != SATCHEL_OVERLAY_NONE) {
        row.overlay = orphan;
        row.server = *news;
        status = rebase_row(work, &row, news, scope_set);
    }
    return status;
}

void satchel_page_note_changed(satchel_page_work *work, uint32_t entity) {
    satchel_outcome_changed(work->outcome, entity);
    work->custom_changed = work->custom_changed || entity == SATCHEL_ENTITY_CUSTOM_FIELD;
    work->conflicts_changed = work->conflicts_changed || entity == SATCHEL_ENTITY_CONFLICT;
    if (entity == SATCHEL_ENTITY_USER || entity == SATCHEL_ENTITY_TERRITORY || entity == SATCHEL_ENTITY_ROLE) {
        work->store->user_fresh = false;
    }
}

/* A child that was set aside may have outlived its root. */
static satchel_status root_is_here(satchel_page_work *work, const satchel_entity *entity, const satchel_record *record,
                                   bool *out) {
    satchel_table *table = satchel_table_of(work->store, entity->root);
    const satchel_id id = satchel_record_id(record, entity->root_field);
    satchel_stored_row root;
    *out = true;
    if (entity->root == 0 || table == NULL || satchel_id_is_none(&id)) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_row_load(work->store, table, &id, &work->arena, &root, work->error);
    *out = status == SATCHEL_OK && root.found && !satchel_row_is_hidden(work->store, root.scope_set);
    return status;
}

static satchel_status store_readable(satchel_page_work *work, satchel_table *table, const satchel_row_frame *frame,
                                     const satchel_record *news) {
    uint32_t aside = work->outcome->rows_set_aside;
    bool inserted = false;
    bool here = true;
    satchel_status status = satchel_aside_forget(work->store, frame->entity, &frame->row, work->error);
    if (status == SATCHEL_OK && work->retrying) {
        status = root_is_here(work, table->entity, news, &here);
    }
    if (status != SATCHEL_OK || !here) {
        return status;
    }
    if (frame->whole) {
        status = store_new(work, table, frame, news, work->scope_set, &inserted);
    }
    if (status == SATCHEL_OK && !inserted) {
        status = store_known(work, table, frame, news, work->scope_set);
    }
    work->outcome->rows_stored += status == SATCHEL_OK && work->outcome->rows_set_aside == aside ? 1 : 0;
    satchel_page_note_changed(work, frame->entity);
    return status;
}

satchel_status satchel_page_put_row(satchel_page_work *work, const satchel_row_frame *frame) {
    satchel_table *table = satchel_table_of(work->store, frame->entity);
    satchel_record news;
    satchel_error ignored;
    bool waits = false;
    satchel_status status = SATCHEL_OK;
    if (!work->retrying) {
        status = satchel_scopes_number(work->store, frame->scope_set, &work->scope_set, work->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_aside_queue(work, frame, &waits);
    }
    if (status != SATCHEL_OK || waits) {
        return status;
    }
    if (table == NULL) {
        return satchel_aside_set(work, frame, SATCHEL_UNKNOWN_ENTITY);
    }
    satchel_record_init(&news, &work->arena);
    status = satchel_record_decode(&work->store->schema, frame->entity, frame->record, true, &news, &ignored);
    if (status == SATCHEL_OK) {
        status = complete(frame, &news);
    }
    if (status != SATCHEL_OK) {
        return status == SATCHEL_NO_MEMORY ? satchel_fail(work->error, status, "no memory for a row")
                                           : satchel_aside_set(work, frame, status);
    }
    return store_readable(work, table, frame, &news);
}

satchel_status satchel_page_take_rows(satchel_page_work *work, const satchel_removal_frame *removal, bool *out_done) {
    satchel_table *table = satchel_table_of(work->store, removal->entity);
    size_t count = table != NULL ? removal->rows.bytes / SATCHEL_ID_BYTES : 0;
    satchel_status status = SATCHEL_OK;
    while (work->within < count && work->budget > 0 && status == SATCHEL_OK) {
        satchel_id ids[TAKEN_AT_ONCE];
        uint32_t taken = work->budget < TAKEN_AT_ONCE ? work->budget : TAKEN_AT_ONCE;
        taken = count - work->within < taken ? (uint32_t)(count - work->within) : taken;
        memcpy(ids, removal->rows.data + work->within * SATCHEL_ID_BYTES, taken * SATCHEL_ID_BYTES);
        status = satchel_rows_hide(work->store, table, ids, taken, work->outcome, work->error);
        satchel_page_note_changed(work, removal->entity);
        work->conflicts_changed = true;
        work->within += taken;
        work->budget -= taken;
    }
    *out_done = work->within >= count;
    return status;
}
