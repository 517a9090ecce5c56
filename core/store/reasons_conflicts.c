/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conflict journal as this phone has it: conflicts that came as rows, and own losses that results told of. Each
 * with both sides, who and when, and, of an own change that the log still holds, what was there before it.
 */
#include "store/reasons.h"

#include "merge/merge.h"
#include "rules/conflict_values.h"

#include <satchel/model.h>

/* Whose side is the reader on: of the winner if he is that and not also the loser. */
static void choose_side(const satchel_store *store, const satchel_id *user, const satchel_record *conflict,
                        satchel_bytes winner, satchel_bytes loser, satchel_reason *out) {
    const satchel_id incarnation = satchel_record_id(conflict, SATCHEL_CONFLICT_LOSER_INCARNATION);
    const satchel_id winner_user = satchel_record_id(conflict, SATCHEL_CONFLICT_WINNER_USER);
    const satchel_id loser_user = satchel_record_id(conflict, SATCHEL_CONFLICT_LOSER_USER);
    bool lost_here = !satchel_id_is_none(&incarnation) && satchel_id_equal(&incarnation, &store->sync.incarnation);
    bool won = !satchel_id_is_none(user) && satchel_id_equal(user, &winner_user) &&
               !satchel_id_equal(user, &loser_user) && !lost_here;
    uint64_t sequence = (uint64_t)satchel_record_int(conflict, SATCHEL_CONFLICT_LOSER_SEQUENCE, 0);
    if (lost_here && sequence != SATCHEL_WRITER_ELSEWHERE) {
        out->sequence = sequence;
    }
    out->mine = won ? winner : loser;
    out->theirs = won ? loser : winner;
    out->mine_stands = won;
    out->other_user = won ? loser_user : winner_user;
    out->other_ms = satchel_record_int(conflict, won ? SATCHEL_CONFLICT_LOSER_AT : SATCHEL_CONFLICT_WINNER_AT, 0);
    out->at_ms = satchel_record_int(conflict, won ? SATCHEL_CONFLICT_WINNER_AT : SATCHEL_CONFLICT_LOSER_AT, 0);
}

/* Fields that are decided together with `field`. */
static bool goes_with(const satchel_entity *entity, uint32_t field, uint32_t other, const satchel_schema *schema) {
    const satchel_field *one = satchel_schema_field(schema, entity->number, field);
    const satchel_field *two = satchel_schema_field(schema, entity->number, other);
    return field == other || (one != NULL && two != NULL && one->group != 0 && one->group == two->group);
}

/* What the user saw when he wrote, of an own change that is still in the log. */
static satchel_status fill_base(satchel_reason_list *list, satchel_reason *reason, const satchel_logged_op *op) {
    const satchel_schema *schema = &list->store->schema;
    const satchel_entity *entity = satchel_schema_entity(schema, op->entity);
    satchel_record base;
    satchel_record_init(&base, list->arena);
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; entity != NULL && status == SATCHEL_OK && i < op->before.count; i++) {
        const satchel_field_value *seen = &op->before.fields[i];
        if (goes_with(entity, reason->field, seen->number, schema)) {
            status = satchel_record_set(&base, seen->number, &seen->value);
        }
    }
    return status == SATCHEL_OK && base.count > 0 ? satchel_reasons_encode(list, op->entity, &base, &reason->base)
                                                  : status;
}

/* The same by the op's sequence; 0, or of an op that is not in the log any more: it is not known. */
static satchel_status find_base(satchel_reason_list *list, satchel_reason *reason) {
    satchel_arena arena = {0};
    satchel_logged_op op;
    satchel_error ignored = {SATCHEL_OK, 0, 0, ""};
    if (reason->sequence == 0 || reason->mine.bytes == 0) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_log_read(list->store, reason->sequence, &arena, &op, &ignored);
    bool his = status == SATCHEL_OK && op.entity == reason->entity && satchel_id_equal(&op.row, &reason->row);
    status = status == SATCHEL_NOT_FOUND ? SATCHEL_OK : status;
    if (his) {
        status = fill_base(list, reason, &op);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status describe_conflict(satchel_reason_list *list, const satchel_id *user, const satchel_id *id,
                                        const satchel_record *conflict) {
    satchel_bytes winner = {NULL, 0};
    satchel_bytes loser = {NULL, 0};
    satchel_reason *reason = satchel_reasons_add(list);
    if (reason == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    reason->kind = SATCHEL_REASON_CONFLICT;
    reason->entity = (uint32_t)satchel_record_int(conflict, SATCHEL_CONFLICT_SUBJECT_ENTITY, 0);
    reason->row = satchel_record_id(conflict, SATCHEL_CONFLICT_SUBJECT_ROW);
    reason->field = (uint32_t)satchel_record_int(conflict, SATCHEL_CONFLICT_SUBJECT_FIELD, 0);
    reason->status = (satchel_status)satchel_record_int(conflict, SATCHEL_CONFLICT_REASON, 0);
    reason->policy = (uint32_t)satchel_record_int(conflict, SATCHEL_CONFLICT_POLICY, 0);
    reason->open = satchel_record_int(conflict, SATCHEL_CONFLICT_STATUS, 0) == SATCHEL_CONFLICT_STATUS_OPEN;
    reason->conflict = *id;
    satchel_bytes values = satchel_conflict_values(conflict);
    bool found = false;
    if (satchel_conflict_side_find(values, SATCHEL_SIDE_WINNER, &winner, &found) != SATCHEL_OK ||
        satchel_conflict_side_find(values, SATCHEL_SIDE_LOSER, &loser, &found) != SATCHEL_OK) {
        loser = (satchel_bytes){NULL, 0}; /* told without the values that cannot be read */
    }
    choose_side(list->store, user, conflict, winner, loser, reason);
    return SATCHEL_OK;
}

/* Copies of bytes that the reasons keep: the record that they came from is about to be dropped. */
static satchel_status keep_sides(satchel_reason_list *list) {
    satchel_reason *reason = &list->items[list->count - 1];
    satchel_status status = satchel_arena_copy(list->arena, reason->mine, &reason->mine);
    return status == SATCHEL_OK ? satchel_arena_copy(list->arena, reason->theirs, &reason->theirs) : status;
}

/* Rows of entity conflict: of one subject, or all, the newest first. */
satchel_status satchel_reasons_conflicts(satchel_reason_list *list, uint32_t entity, const satchel_id *row,
                                         const satchel_id *user) {
    satchel_store *store = list->store;
    satchel_table *table = satchel_table_of(store, SATCHEL_ENTITY_CONFLICT);
    satchel_arena arena = {0};
    satchel_buffer sql = {NULL, 0, 0};
    sqlite3_stmt *statement = NULL;
    bool has_row = true;
    satchel_status status = satchel_buffer_append_format(
        &sql,
        "SELECT \"id\", %s FROM \"conflict\" WHERE coalesce(\"deleted\", 0) = 0%s%s ORDER BY \"status\" = 1 DESC, "
        "\"revision\" DESC LIMIT ?1",
        table->columns, entity != 0 ? " AND \"subject_row\" = ?2 AND \"subject_entity\" = ?3" : "",
        store->has_dead_sets ? " AND (scope_set IS NULL OR scope_set NOT IN (SELECT local FROM store_dead_set))" : "");
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_of(store, (const char *)sql.data, &statement, list->error);
    }
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, list->limit);
        if (entity != 0) {
            satchel_bind_id(statement, 2, row);
            satchel_bind_int(statement, 3, entity);
        }
    }
    while (status == SATCHEL_OK && list->count < list->limit) {
        satchel_record conflict;
        satchel_id id;
        status = satchel_statement_step(store, statement, &has_row, list->error);
        if (status != SATCHEL_OK || !has_row) {
            break;
        }
        satchel_arena_reset(&arena);
        status = satchel_column_id(statement, 0, &id);
        if (status == SATCHEL_OK) {
            status = satchel_row_read(store, table, statement, 1, &arena, &conflict, list->error);
        }
        if (status == SATCHEL_OK) {
            status = describe_conflict(list, user, &id, &conflict);
        }
        if (status == SATCHEL_OK) {
            status = keep_sides(list);
        }
        if (status == SATCHEL_OK) {
            status = find_base(list, &list->items[list->count - 1]);
        }
    }
    satchel_statement_end(statement);
    satchel_buffer_deinit(&sql);
    satchel_arena_deinit(&arena);
    return status;
}

/* --- losses that results told of --- */

static bool is_listed(const satchel_reason_list *list, const satchel_id *conflict) {
    for (uint32_t i = 0; i < list->count && !satchel_id_is_none(conflict); i++) {
        if (satchel_id_equal(&list->items[i].conflict, conflict)) {
            return true;
        }
    }
    return false;
}

typedef struct kept_loss {
    uint32_t entity;
    satchel_id row;
    uint64_t sequence;
    satchel_id conflict;
    satchel_bytes body;
} kept_loss;

static satchel_status describe_loss(satchel_reason_list *list, const kept_loss *loss) {
    satchel_buffer opened = {NULL, 0, 0};
    satchel_result_loss content;
    satchel_unit_head head;
    satchel_logged_op op;
    satchel_arena arena = {0};
    bool visible = false;
    satchel_status status = satchel_log_unseal(list->store, loss->sequence, loss->body, &opened);
    if (status == SATCHEL_OK) {
        status = satchel_loss_read(satchel_buffer_view(&opened), list->arena, &content);
    }
    if (status == SATCHEL_OK) {
        status = satchel_log_read(list->store, loss->sequence, &arena, &op, list->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_log_head(list->store, op.unit, &head, list->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_reasons_visible(list->store, loss->entity, &loss->row, &visible, list->error);
    }
    satchel_reason *reason = status == SATCHEL_OK ? satchel_reasons_add(list) : NULL;
    if (reason != NULL) {
        bool won = content.kind == SATCHEL_LOSS_OF_CURRENT;
        const satchel_bytes none = {NULL, 0};
        reason->kind = SATCHEL_REASON_CONFLICT;
        reason->sequence = loss->sequence;
        reason->unit = op.unit;
        reason->entity = loss->entity;
        reason->row = loss->row;
        reason->field = content.field;
        reason->status = content.status;
        reason->policy = content.policy;
        reason->conflict = loss->conflict;
        reason->open = content.kind == SATCHEL_LOSS_ASK;
        reason->at_ms = satchel_reasons_moment_ms(&head.moment);
        reason->mine_stands = won;
        reason->mine = !visible ? none : won ? content.winner : content.loser;
        reason->theirs = !visible ? none : won ? content.loser : content.winner;
        reason->other_user = content.winner_user;
        reason->other_ms = content.winner_ms;
        status = visible ? fill_base(list, reason, &op) : SATCHEL_OK;
    } else if (status == SATCHEL_OK) {
        status = SATCHEL_NO_MEMORY;
    }
    satchel_buffer_deinit(&opened);
    satchel_arena_deinit(&arena);
    return status;
}

/* The next loss behind `number`, the newest first. */
static satchel_status next_loss(satchel_reason_list *list, uint32_t entity, const satchel_id *row, int64_t *number,
                                kept_loss *out, bool *out_found) {
    sqlite3_stmt *statement;
    satchel_status status = satchel_statement_of(
        list->store,
        entity != 0 ? "SELECT number, entity, row, sequence, conflict, body FROM store_loss WHERE number < ?1 AND "
                      "entity = ?2 AND row = ?3 ORDER BY number DESC LIMIT 1"
                    : "SELECT number, entity, row, sequence, conflict, body FROM store_loss WHERE number < ?1 "
                      "ORDER BY number DESC LIMIT 1",
        &statement, list->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, *number);
    if (entity != 0) {
        satchel_bind_int(statement, 2, entity);
        satchel_bind_id(statement, 3, row);
    }
    status = satchel_statement_step(list->store, statement, out_found, list->error);
    if (status == SATCHEL_OK && *out_found) {
        *number = sqlite3_column_int64(statement, 0);
        out->entity = (uint32_t)sqlite3_column_int64(statement, 1);
        status = satchel_column_id(statement, 2, &out->row);
        out->sequence = (uint64_t)sqlite3_column_int64(statement, 3);
        if (status == SATCHEL_OK) {
            status = satchel_column_id(statement, 4, &out->conflict);
        }
        if (status == SATCHEL_OK) {
            status = satchel_arena_copy(list->arena, satchel_column_bytes(statement, 5), &out->body);
        }
    }
    satchel_statement_end(statement);
    return status;
}

satchel_status satchel_reasons_losses(satchel_reason_list *list, uint32_t entity, const satchel_id *row) {
    int64_t number = INT64_MAX;
    bool found = true;
    satchel_status status = SATCHEL_OK;
    while (status == SATCHEL_OK && list->count < list->limit) {
        kept_loss loss;
        status = next_loss(list, entity, row, &number, &loss, &found);
        if (status != SATCHEL_OK || !found) {
            break;
        }
        /* One without a conflict tells who was first with a command: that stands beside the refusal. */
        if (!satchel_id_is_none(&loss.conflict) && !is_listed(list, &loss.conflict)) {
            status = describe_loss(list, &loss);
        }
    }
    return status;
}
