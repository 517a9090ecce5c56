/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies on a row: the user's own ops over the server's value, by the merge module's rebase. One place decides
 * what becomes of a row when an op is committed, a result comes, or the server's value is stored.
 *
 * An op shows on its row until it is reflected: until the row is stored from, or a last page is reached at, a
 * position that holds it. Of ops that were not accepted only a CREATE goes on showing, with what was held for its
 * sake: its row stays, marked, until it is dismissed. A parked CREATE goes: the row has left for somebody else's
 * desk.
 */
#include "store/digest.h"
#include "store/log.h"

#include "merge/merge.h"

/* Fields that merging treats in a way of their own even when a row is new. */
static bool is_plain_create(const satchel_schema *schema, const satchel_op *op) {
    for (uint32_t i = 0; i < op->set.count; i++) {
        const satchel_field *field = satchel_schema_field(schema, op->entity, op->set.fields[i].number);
        if (field == NULL || field->policy == SATCHEL_POLICY_SERVER ||
            (field->flags & (SATCHEL_FIELD_META | SATCHEL_FIELD_DERIVED | SATCHEL_FIELD_ARCHIVED)) != 0) {
            return false;
        }
    }
    return op->kind == SATCHEL_OP_CREATE && op->set.tail.bytes == 0 && op->cleared_count == 0;
}

/* A new row under its CREATE alone: what the op says and the initial states. Merging would give the same, slower. */
static satchel_status show_create(const satchel_schema *schema, const satchel_op *op, satchel_record *out) {
    const satchel_entity *entity = satchel_schema_entity(schema, op->entity);
    satchel_status status = satchel_record_copy(&op->set, out);
    for (uint32_t i = 0; i < entity->field_count && status == SATCHEL_OK; i++) {
        const satchel_field *field = &entity->fields[i];
        if (field->policy == SATCHEL_POLICY_STATE && field->choices != NULL && field->choices->initial != 0 &&
            satchel_record_get(out, field->number) == NULL) {
            status = satchel_record_set_int(out, field->number, field->choices->initial);
        }
    }
    return status;
}

satchel_status satchel_overlay_show(satchel_store *store, const satchel_record *server, const satchel_op *ops,
                                    uint32_t op_count, satchel_record *out, bool *out_shown, satchel_error *error) {
    satchel_merge_context context = {.schema = &store->schema, .base_cap = UINT64_MAX};
    bool deleted = false;
    *out_shown = false;
    if (server == NULL && (op_count == 0 || ops[0].kind != SATCHEL_OP_CREATE)) {
        return SATCHEL_OK;
    }
    if (server == NULL && op_count == 1 && is_plain_create(&store->schema, &ops[0])) {
        *out_shown = true;
        return show_create(&store->schema, &ops[0], out);
    }
    satchel_status status = satchel_merge_rebase(&context, server, NULL, ops, op_count, out, &deleted, error);
    if (status == SATCHEL_OK && deleted) {
        status = satchel_record_set_bool(out, SATCHEL_FIELD_DELETED, true);
    }
    *out_shown = status == SATCHEL_OK;
    return status;
}

bool satchel_op_shows(const satchel_logged_op *op, bool server_has) {
    switch (op->state) {
    case SATCHEL_OP_WAITING:
    case SATCHEL_OP_ACCEPTED: return true;
    case SATCHEL_OP_REFUSED: return !server_has && op->op.kind == SATCHEL_OP_CREATE;
    case SATCHEL_OP_HELD: return !server_has;
    case SATCHEL_OP_DISMISSED:
    case SATCHEL_OP_PARKED:
    case SATCHEL_OP_TROUBLED: break;
    }
    return false;
}

/*
 * While the server is not known to have the row, its ops stay although a last page was reached behind them, unless
 * the decision on its CREATE is known: accepted and yet not sent means that the row is not for this user.
 */
static uint64_t own_row_through(const satchel_logged_op *ops, uint32_t count, uint64_t through) {
    bool decided = count > 0 && ops[0].state == SATCHEL_OP_ACCEPTED && ops[0].sequence <= through;
    return decided ? through : 0;
}

/* The ops that show, gathered for rebase, with the range of the overlay set around them. */
static satchel_status gather(const satchel_logged_op *logged, uint32_t count, bool server_has, uint64_t through,
                             const satchel_rebase *how, satchel_arena *arena, satchel_overlay *overlay,
                             satchel_op **out, uint32_t *out_count) {
    uint32_t shown = 0;
    satchel_op *ops = satchel_arena_take_array(arena, (size_t)count + how->more_count, sizeof *ops);
    if (ops == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    *overlay = (satchel_overlay){SATCHEL_OVERLAY_NONE, 0, 0};
    for (uint32_t i = 0; i < count; i++) {
        if (logged[i].sequence > through && satchel_op_shows(&logged[i], server_has)) {
            ops[shown++] = logged[i].op;
        }
    }
    for (uint32_t i = 0; i < how->more_count; i++) {
        ops[shown++] = how->more[i];
    }
    if (shown > 0) {
        overlay->kind = server_has ? SATCHEL_OVERLAY_SERVER : SATCHEL_OVERLAY_OWN;
        overlay->first = ops[0].sequence;
        overlay->last = ops[shown - 1].sequence;
    }
    *out = ops;
    *out_count = shown;
    return SATCHEL_OK;
}

static satchel_status write_row(satchel_store *store, const satchel_stored_row *old, satchel_stored_row *row,
                                bool index_later, satchel_arena *arena, satchel_error *error) {
    bool inserted = false;
    bool at_once = row->overlay.kind != SATCHEL_OVERLAY_NONE && !index_later;
    if (old->found) {
        satchel_status status =
            satchel_search_update(store, row->table, row->rowid, &old->visible, &row->visible, at_once, error);
        if (status == SATCHEL_OK) {
            status = satchel_row_update(store, &old->visible, row, arena, error);
        }
        return status == SATCHEL_OK ? satchel_digests_move(store, old, row, error) : status;
    }
    satchel_status status = satchel_row_insert(store, row, arena, &inserted, error);
    if (status == SATCHEL_OK && !inserted) {
        status = satchel_fail(error, SATCHEL_INTERNAL, "a new row is there already");
    }
    if (status == SATCHEL_OK) {
        status = satchel_search_update(store, row->table, row->rowid, NULL, &row->visible, at_once, error);
    }
    return status;
}

static satchel_status remove_row(satchel_store *store, const satchel_stored_row *old, satchel_arena *arena,
                                 satchel_error *error) {
    if (!old->found) {
        return SATCHEL_OK;
    }
    store->rows -= store->rows > 0 && !satchel_row_is_hidden(store, old->scope_set) ? 1 : 0;
    return satchel_row_delete(store, old, arena, error);
}

satchel_status satchel_row_rebase(satchel_store *store, satchel_stored_row *row, const satchel_rebase *how,
                                  satchel_arena *arena, satchel_error *error) {
    const satchel_stored_row old = *row;
    const satchel_record *server = how->server;
    satchel_logged_op *logged = NULL;
    satchel_op *ops = NULL;
    uint32_t count = 0;
    bool shown = false;
    if (server == NULL && row->found && old.overlay.kind != SATCHEL_OVERLAY_OWN) {
        server = old.overlay.kind == SATCHEL_OVERLAY_SERVER ? &old.server : &old.visible;
    }
    satchel_status status = satchel_log_overlay(store, old.overlay, 0, arena, &logged, &count, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    uint64_t through = server != NULL ? how->through : own_row_through(logged, count, how->through);
    status = gather(logged, count, server != NULL, through, how, arena, &row->overlay, &ops, &count);
    if (status == SATCHEL_OK && how->visible != NULL && old.overlay.kind == SATCHEL_OVERLAY_NONE) {
        row->visible = *how->visible;
        shown = true;
    } else if (status == SATCHEL_OK) {
        satchel_record_init(&row->visible, arena);
        status = satchel_overlay_show(store, server, ops, count, &row->visible, &shown, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    row->scope_set = how->scope_set;
    if (!shown) {
        status = remove_row(store, &old, arena, error);
        return status == SATCHEL_OK && row->overlay.kind != SATCHEL_OVERLAY_NONE
                   ? satchel_orphan_put(store, row->table->entity->number, &row->id, row->overlay, error)
                   : status;
    }
    if (row->overlay.kind == SATCHEL_OVERLAY_SERVER) {
        row->server = *server;
    } else if (row->overlay.kind == SATCHEL_OVERLAY_NONE) {
        row->visible = *server; /* as it came: rebase drops values that are null or false by default */
    }
    return write_row(store, &old, row, how->index_later, arena, error);
}

satchel_status satchel_overlay_refresh(satchel_store *store, uint32_t entity, const satchel_id *id, uint64_t through,
                                       satchel_error *error) {
    satchel_table *table = satchel_table_of(store, entity);
    satchel_arena arena = {0};
    satchel_stored_row row;
    if (table == NULL) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_row_load(store, table, id, &arena, &row, error);
    if (status == SATCHEL_OK && row.found && row.overlay.kind != SATCHEL_OVERLAY_NONE) {
        const satchel_rebase how = {.scope_set = row.scope_set, .through = through};
        status = satchel_row_rebase(store, &row, &how, &arena, error);
    }
    satchel_arena_deinit(&arena);
    return status;
}

/* --- ops of rows that left --- */

satchel_status satchel_orphan_put(satchel_store *store, uint32_t entity, const satchel_id *id, satchel_overlay overlay,
                                  satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status = satchel_statement_of(
        store,
        "INSERT INTO store_orphan (entity, row, first, last) VALUES (?, ?, ?, ?) ON CONFLICT (entity, row) DO UPDATE "
        "SET first = min(first, excluded.first), last = max(last, excluded.last)",
        &statement, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, entity);
    satchel_bind_id(statement, 2, id);
    satchel_bind_int(statement, 3, (int64_t)overlay.first);
    satchel_bind_int(statement, 4, (int64_t)overlay.last);
    store->has_orphans = true;
    return satchel_statement_run(store, statement, error);
}

satchel_status satchel_orphan_last(satchel_store *store, uint32_t entity, const satchel_id *id, uint64_t *out,
                                   satchel_error *error) {
    sqlite3_stmt *statement;
    bool has_row = false;
    *out = 0;
    if (!store->has_orphans) {
        return SATCHEL_OK;
    }
    satchel_status status =
        satchel_statement_of(store, "SELECT last FROM store_orphan WHERE entity = ? AND row = ?", &statement, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, entity);
    satchel_bind_id(statement, 2, id);
    status = satchel_statement_step(store, statement, &has_row, error);
    *out = status == SATCHEL_OK && has_row ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    satchel_statement_end(statement);
    return status;
}

satchel_status satchel_orphan_take(satchel_store *store, uint32_t entity, const satchel_id *id, satchel_overlay *out,
                                   satchel_error *error) {
    sqlite3_stmt *statement;
    bool has_row = false;
    *out = (satchel_overlay){SATCHEL_OVERLAY_NONE, 0, 0};
    if (!store->has_orphans) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_statement_of(
        store, "DELETE FROM store_orphan WHERE entity = ? AND row = ? RETURNING first, last", &statement, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, entity);
    satchel_bind_id(statement, 2, id);
    status = satchel_statement_step(store, statement, &has_row, error);
    if (status == SATCHEL_OK && has_row) {
        *out = (satchel_overlay){SATCHEL_OVERLAY_SERVER, (uint64_t)sqlite3_column_int64(statement, 0),
                                 (uint64_t)sqlite3_column_int64(statement, 1)};
        return satchel_statement_run(store, statement, error); /* to its end */
    }
    satchel_statement_end(statement);
    return status;
}
