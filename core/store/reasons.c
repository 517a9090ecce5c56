/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why things are as they are: own ops that wait or were not accepted, rows that left or cannot be read. Values are
 * shown only of rows that the user still has: what is left of the others is when, of what kind, and why.
 */
#include "store/reasons.h"

#include "store/commands.h"
#include "wire/record_codec.h"

#include <stdlib.h>

satchel_reason *satchel_reasons_add(satchel_reason_list *list) {
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        satchel_reason *items = satchel_arena_take_array(list->arena, capacity, sizeof *items);
        if (items == NULL) {
            return NULL;
        }
        if (list->count > 0) {
            memcpy(items, list->items, list->count * sizeof *items);
        }
        list->items = items;
        list->capacity = capacity;
    }
    satchel_reason *reason = &list->items[list->count++];
    memset(reason, 0, sizeof *reason);
    return reason;
}

satchel_status satchel_reasons_visible(satchel_store *store, uint32_t entity, const satchel_id *id, bool *out,
                                       satchel_error *error) {
    satchel_table *table = satchel_table_of(store, entity);
    satchel_arena arena = {0};
    satchel_stored_row row;
    *out = false;
    if (table == NULL) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_row_load(store, table, id, &arena, &row, error);
    *out = status == SATCHEL_OK && row.found && !satchel_row_is_hidden(store, row.scope_set);
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_reasons_encode(satchel_reason_list *list, uint32_t entity, const satchel_record *record,
                                      satchel_bytes *out) {
    satchel_buffer bytes = {NULL, 0, 0};
    satchel_status status = satchel_record_encode(&list->store->schema, entity, record, &bytes);
    if (status == SATCHEL_OK) {
        status = satchel_arena_copy(list->arena, satchel_buffer_view(&bytes), out);
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

/* --- ops --- */

static satchel_reason_kind kind_of(const satchel_store *store, const satchel_logged_op *op, bool visible) {
    switch (op->state) {
    case SATCHEL_OP_REFUSED: return SATCHEL_REASON_REFUSED;
    case SATCHEL_OP_HELD: return SATCHEL_REASON_HELD;
    case SATCHEL_OP_PARKED: return SATCHEL_REASON_PARKED;
    case SATCHEL_OP_WAITING:
    case SATCHEL_OP_ACCEPTED:
    case SATCHEL_OP_DISMISSED:
    case SATCHEL_OP_TROUBLED: break;
    }
    if (!visible) {
        return SATCHEL_REASON_GONE;
    }
    return op->sequence <= store->sent_through ? SATCHEL_REASON_SENT : SATCHEL_REASON_WAITING;
}

int64_t satchel_reasons_moment_ms(const satchel_moment *moment) {
    if (moment->offset_ms > 0 ? moment->wall_ms > INT64_MAX - moment->offset_ms
                              : moment->wall_ms < INT64_MIN - moment->offset_ms) {
        return moment->wall_ms;
    }
    return moment->wall_ms + moment->offset_ms;
}

static satchel_status fill_result(satchel_reason_list *list, uint64_t sequence, satchel_reason *reason) {
    satchel_stored_result result;
    satchel_status status = satchel_result_of(list->store, sequence, list->arena, &result, list->error);
    reason->status = result.status;
    reason->field = result.field;
    reason->held_by = result.held_by;
    reason->rule = result.rule;
    reason->keeper = result.keeper;
    return status;
}

static satchel_status describe_op(satchel_reason_list *list, uint64_t sequence, satchel_reason_kind wanted) {
    satchel_arena arena = {0};
    satchel_logged_op op;
    satchel_unit_head head;
    bool visible = false;
    satchel_status status = satchel_log_read(list->store, sequence, &arena, &op, list->error);
    if (status == SATCHEL_OK) {
        status = satchel_log_head(list->store, op.unit, &head, list->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_reasons_visible(list->store, op.entity, &op.row, &visible, list->error);
    }
    if (status == SATCHEL_OK && (wanted == 0 || wanted == kind_of(list->store, &op, visible))) {
        satchel_reason *reason = satchel_reasons_add(list);
        if (reason == NULL) {
            status = SATCHEL_NO_MEMORY;
        } else {
            status = fill_result(list, sequence, reason);
            reason->kind = kind_of(list->store, &op, visible);
            if (status == SATCHEL_OK && reason->kind == SATCHEL_REASON_REFUSED) {
                status = satchel_command_winner(list->store, op.entity, &op.row, sequence, &reason->other_user,
                                                &reason->other_ms, list->error);
            }
            reason->sequence = sequence;
            reason->unit = op.unit;
            reason->entity = op.entity;
            reason->row = op.row;
            reason->change = (satchel_change_kind)op.op.kind;
            reason->unit_ops = head.count;
            reason->at_ms = satchel_reasons_moment_ms(&head.moment);
            if (status == SATCHEL_OK && visible && reason->kind != SATCHEL_REASON_PARKED) {
                status = satchel_reasons_encode(list, op.entity, &op.op.set, &reason->mine);
            }
        }
    }
    satchel_arena_deinit(&arena);
    return status;
}

/* Runs a query that gives sequences, and describes their ops until the limit is reached. */
static satchel_status add_ops(satchel_reason_list *list, const char *sql, int64_t first, int64_t second,
                              const satchel_id *row, satchel_reason_kind wanted) {
    enum { BATCH = 256 };
    uint64_t sequences[BATCH];
    uint64_t below = INT64_MAX;
    uint32_t count = BATCH;
    satchel_status status = SATCHEL_OK;
    while (count == BATCH && status == SATCHEL_OK && list->count < list->limit) {
        sqlite3_stmt *statement;
        bool has_row = true;
        count = 0;
        status = satchel_statement_of(list->store, sql, &statement, list->error);
        if (status != SATCHEL_OK) {
            return status;
        }
        satchel_bind_int(statement, 1, (int64_t)below);
        satchel_bind_int(statement, 2, first);
        satchel_bind_int(statement, 3, second);
        if (row != NULL) {
            satchel_bind_id(statement, 4, row);
        }
        while (count < BATCH) {
            status = satchel_statement_step(list->store, statement, &has_row, list->error);
            if (status != SATCHEL_OK || !has_row) {
                break;
            }
            sequences[count++] = (uint64_t)sqlite3_column_int64(statement, 0);
        }
        satchel_statement_end(statement);
        for (uint32_t i = 0; i < count && status == SATCHEL_OK && list->count < list->limit; i++) {
            status = describe_op(list, sequences[i], wanted);
            below = sequences[i];
        }
    }
    return status;
}

static satchel_status add_row_ops(satchel_reason_list *list, uint32_t entity, const satchel_id *row) {
    satchel_status status =
        add_ops(list,
                "SELECT sequence FROM store_op WHERE sequence < ?1 AND sequence > ?2 AND entity = ?3 AND row = ?4 AND "
                "state = 0 ORDER BY sequence DESC",
                (int64_t)list->store->settled_through, entity, row, (satchel_reason_kind)0);
    if (status == SATCHEL_OK) {
        status = add_ops(list,
                         "SELECT sequence FROM store_op WHERE sequence < ?1 AND ?2 = 0 AND entity = ?3 AND row = ?4 "
                         "AND state > 4 ORDER BY sequence DESC",
                         0, entity, row, (satchel_reason_kind)0);
    }
    return status;
}

static satchel_status add_kind_ops(satchel_reason_list *list, satchel_reason_kind kind) {
    const char *waiting =
        "SELECT sequence FROM store_op WHERE sequence < ?1 AND sequence > ?2 AND ?3 = 0 AND state = 0 "
        "ORDER BY sequence DESC";
    const char *troubled = "SELECT sequence FROM store_op WHERE sequence < ?1 AND state = ?2 AND ?3 = 0 AND state > 4 "
                           "ORDER BY sequence DESC";
    int64_t settled = (int64_t)list->store->settled_through;
    switch (kind) {
    case SATCHEL_REASON_WAITING:
    case SATCHEL_REASON_SENT:
    case SATCHEL_REASON_GONE: return add_ops(list, waiting, settled, 0, NULL, kind);
    case SATCHEL_REASON_REFUSED: return add_ops(list, troubled, SATCHEL_OP_REFUSED, 0, NULL, kind);
    case SATCHEL_REASON_HELD: return add_ops(list, troubled, SATCHEL_OP_HELD, 0, NULL, kind);
    case SATCHEL_REASON_PARKED: return add_ops(list, troubled, SATCHEL_OP_PARKED, 0, NULL, kind);
    case SATCHEL_REASON_CONFLICT:
    case SATCHEL_REASON_UNREAD: break;
    }
    return SATCHEL_OK;
}

/* --- rows that cannot be read --- */

static satchel_status add_unread(satchel_reason_list *list, uint32_t entity, const satchel_id *row) {
    sqlite3_stmt *statement;
    bool has_row = true;
    if (!list->store->has_aside) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_statement_of(
        list->store,
        entity != 0 ? "SELECT entity, row, status FROM store_aside WHERE ?1 >= 0 AND entity = ?2 AND row = ?3"
                    : "SELECT entity, row, status FROM store_aside ORDER BY n DESC LIMIT ?1",
        &statement, list->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, list->limit);
    if (entity != 0) {
        satchel_bind_int(statement, 2, entity);
        satchel_bind_id(statement, 3, row);
    }
    while (status == SATCHEL_OK && list->count < list->limit) {
        status = satchel_statement_step(list->store, statement, &has_row, list->error);
        if (status != SATCHEL_OK || !has_row) {
            break;
        }
        satchel_reason *reason = satchel_reasons_add(list);
        if (reason == NULL) {
            status = SATCHEL_NO_MEMORY;
            break;
        }
        reason->kind = SATCHEL_REASON_UNREAD;
        reason->entity = (uint32_t)sqlite3_column_int64(statement, 0);
        reason->status = (satchel_status)sqlite3_column_int64(statement, 2);
        status = satchel_column_id(statement, 1, &reason->row);
    }
    satchel_statement_end(statement);
    return status;
}

/* --- the list --- */

static int newest_first(const void *left, const void *right) {
    const satchel_reason *a = left;
    const satchel_reason *b = right;
    if (a->at_ms != b->at_ms) {
        return a->at_ms > b->at_ms ? -1 : 1;
    }
    return a->sequence > b->sequence ? -1 : a->sequence < b->sequence;
}

static satchel_id own_user(satchel_store *store) {
    satchel_arena arena = {0};
    satchel_bytes value = {NULL, 0};
    satchel_id user = {{0}};
    if (satchel_store_get_value(store, SATCHEL_STORE_USER_NAME, &arena, &value, NULL) != SATCHEL_OK ||
        satchel_id_from(value, &user) != SATCHEL_OK) {
        memset(&user, 0, sizeof user);
    }
    satchel_arena_deinit(&arena);
    return user;
}

satchel_status satchel_store_reasons(satchel_store *store, uint32_t entity, const satchel_id *row,
                                     satchel_reason_kind kind, uint32_t limit, satchel_arena *arena,
                                     satchel_reason **out, uint32_t *out_count, satchel_error *error) {
    satchel_reason_list list = {.store = store, .arena = arena, .limit = limit, .error = error};
    const satchel_id user = own_user(store);
    satchel_status status = SATCHEL_OK;
    *out = NULL;
    *out_count = 0;
    if (limit == 0 || limit > SATCHEL_LIMIT_PAGE_ROWS || (entity == 0) == (kind == 0)) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "either a row or a kind, and 1 to %d reasons",
                            SATCHEL_LIMIT_PAGE_ROWS);
    }
    if (entity != 0) {
        status = add_row_ops(&list, entity, row);
    } else {
        status = add_kind_ops(&list, kind);
    }
    if (status == SATCHEL_OK && (entity != 0 || kind == SATCHEL_REASON_CONFLICT)) {
        status = satchel_reasons_conflicts(&list, entity, row, &user);
        if (status == SATCHEL_OK) {
            status = satchel_reasons_losses(&list, entity, row);
        }
    }
    if (status == SATCHEL_OK && (entity != 0 || kind == SATCHEL_REASON_UNREAD)) {
        status = add_unread(&list, entity, row);
    }
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the reasons cannot be read");
    }
    if (list.count > 0) {
        qsort(list.items, list.count, sizeof *list.items, newest_first);
    }
    *out = list.items;
    *out_count = list.count;
    return SATCHEL_OK;
}
