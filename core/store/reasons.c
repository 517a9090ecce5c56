/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why things are as they are: own ops that wait or were not accepted, values that lost, conflicts that came as rows,
 * rows that left or cannot be read. Values are shown only of rows that the user still has: what is left of the others
 * is when, of what kind, and why.
 */
#include "store/commands.h"
#include "store/page.h"

#include "merge/merge.h"
#include "wire/record_codec.h"

#include <satchel/model.h>

#include <stdlib.h>

typedef struct reason_list {
    satchel_store *store;
    satchel_arena *arena;
    satchel_reason *items;
    uint32_t count;
    uint32_t capacity;
    uint32_t limit;
    satchel_error *error;
} reason_list;

static satchel_reason *add_reason(reason_list *list) {
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

/* Is the row here and within reach? */
static satchel_status is_visible(satchel_store *store, uint32_t entity, const satchel_id *id, bool *out,
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

static satchel_status encode_into(reason_list *list, uint32_t entity, const satchel_record *record,
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

/* When a moment was, on the server's clock as well as the phone knew it. */
static int64_t moment_ms(const satchel_moment *moment) {
    if (moment->offset_ms > 0 ? moment->wall_ms > INT64_MAX - moment->offset_ms
                              : moment->wall_ms < INT64_MIN - moment->offset_ms) {
        return moment->wall_ms;
    }
    return moment->wall_ms + moment->offset_ms;
}

static satchel_status fill_result(reason_list *list, uint64_t sequence, satchel_reason *reason) {
    satchel_stored_result result;
    satchel_status status = satchel_result_of(list->store, sequence, list->arena, &result, list->error);
    reason->status = result.status;
    reason->field = result.field;
    reason->held_by = result.held_by;
    reason->rule = result.rule;
    reason->keeper = result.keeper;
    return status;
}

static satchel_status describe_op(reason_list *list, uint64_t sequence, satchel_reason_kind wanted) {
    satchel_arena arena = {0};
    satchel_logged_op op;
    satchel_unit_head head;
    bool visible = false;
    satchel_status status = satchel_log_read(list->store, sequence, &arena, &op, list->error);
    if (status == SATCHEL_OK) {
        status = satchel_log_head(list->store, op.unit, &head, list->error);
    }
    if (status == SATCHEL_OK) {
        status = is_visible(list->store, op.entity, &op.row, &visible, list->error);
    }
    if (status == SATCHEL_OK && (wanted == 0 || wanted == kind_of(list->store, &op, visible))) {
        satchel_reason *reason = add_reason(list);
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
            reason->at_ms = moment_ms(&head.moment);
            if (status == SATCHEL_OK && visible && reason->kind != SATCHEL_REASON_PARKED) {
                status = encode_into(list, op.entity, &op.op.set, &reason->mine);
            }
        }
    }
    satchel_arena_deinit(&arena);
    return status;
}

/* Runs a query that gives sequences, and describes their ops until the limit is reached. */
static satchel_status add_ops(reason_list *list, const char *sql, int64_t first, int64_t second, const satchel_id *row,
                              satchel_reason_kind wanted) {
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

static satchel_status add_row_ops(reason_list *list, uint32_t entity, const satchel_id *row) {
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

static satchel_status add_kind_ops(reason_list *list, satchel_reason_kind kind) {
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

/* --- conflicts --- */

/* The two sides out of ConflictValues (model.proto): winner = 1, loser = 2. Other content is passed over. */
static void read_sides(satchel_bytes values, satchel_bytes *winner, satchel_bytes *loser) {
    satchel_reader reader = satchel_reader_of(values);
    uint64_t tag = 0;
    uint64_t bytes = 0;
    satchel_bytes side;
    while (satchel_reader_left(&reader) > 0 && satchel_reader_varint(&reader, &tag) == SATCHEL_OK && (tag & 7) == 2 &&
           satchel_reader_varint(&reader, &bytes) == SATCHEL_OK && bytes <= satchel_reader_left(&reader) &&
           satchel_reader_take(&reader, (size_t)bytes, &side) == SATCHEL_OK) {
        if (tag >> 3 == 1) {
            *winner = side;
        } else if (tag >> 3 == 2) {
            *loser = side;
        }
    }
}

static satchel_bytes values_of(const satchel_record *conflict) {
    static const uint32_t fields[] = {SATCHEL_CONFLICT_VALUES_OPEN, SATCHEL_CONFLICT_VALUES_PERSONAL,
                                      SATCHEL_CONFLICT_VALUES_COMMERCIAL, SATCHEL_CONFLICT_VALUES_SECRET};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const satchel_value *value = satchel_record_get(conflict, fields[i]);
        if (value != NULL && value->type == SATCHEL_TYPE_BYTES) {
            return value->as.bytes;
        }
    }
    return (satchel_bytes){NULL, 0};
}

/* Whose side is the reader on: of the winner if he is that and not also the loser. */
static void choose_side(const satchel_store *store, const satchel_id *user, const satchel_record *conflict,
                        satchel_bytes winner, satchel_bytes loser, satchel_reason *out) {
    const satchel_id incarnation = satchel_record_id(conflict, SATCHEL_CONFLICT_LOSER_INCARNATION);
    const satchel_id winner_user = satchel_record_id(conflict, SATCHEL_CONFLICT_WINNER_USER);
    const satchel_id loser_user = satchel_record_id(conflict, SATCHEL_CONFLICT_LOSER_USER);
    bool lost_here = !satchel_id_is_none(&incarnation) && satchel_id_equal(&incarnation, &store->sync.incarnation);
    bool won = !satchel_id_is_none(user) && satchel_id_equal(user, &winner_user) &&
               !satchel_id_equal(user, &loser_user) && !lost_here;
    if (lost_here) {
        out->sequence = (uint64_t)satchel_record_int(conflict, SATCHEL_CONFLICT_LOSER_SEQUENCE, 0);
    }
    out->mine = won ? winner : loser;
    out->theirs = won ? loser : winner;
    out->mine_stands = won;
    out->other_user = won ? loser_user : winner_user;
    out->other_ms = satchel_record_int(conflict, won ? SATCHEL_CONFLICT_LOSER_AT : SATCHEL_CONFLICT_WINNER_AT, 0);
    out->at_ms = satchel_record_int(conflict, won ? SATCHEL_CONFLICT_WINNER_AT : SATCHEL_CONFLICT_LOSER_AT, 0);
}

static satchel_status describe_conflict(reason_list *list, const satchel_id *user, const satchel_id *id,
                                        const satchel_record *conflict) {
    satchel_bytes winner = {NULL, 0};
    satchel_bytes loser = {NULL, 0};
    satchel_reason *reason = add_reason(list);
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
    read_sides(values_of(conflict), &winner, &loser);
    choose_side(list->store, user, conflict, winner, loser, reason);
    return SATCHEL_OK;
}

/* Copies of bytes that the reasons keep: the record that they came from is about to be dropped. */
static satchel_status keep_sides(reason_list *list) {
    satchel_reason *reason = &list->items[list->count - 1];
    satchel_status status = satchel_arena_copy(list->arena, reason->mine, &reason->mine);
    return status == SATCHEL_OK ? satchel_arena_copy(list->arena, reason->theirs, &reason->theirs) : status;
}

/* Rows of entity conflict: of one subject, or all, the newest first. */
static satchel_status add_conflicts(reason_list *list, uint32_t entity, const satchel_id *row, const satchel_id *user) {
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
    }
    satchel_statement_end(statement);
    satchel_buffer_deinit(&sql);
    satchel_arena_deinit(&arena);
    return status;
}

/* --- losses that results told of --- */

static bool is_listed(const reason_list *list, const satchel_id *conflict) {
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

static satchel_status describe_loss(reason_list *list, const kept_loss *loss) {
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
        status = is_visible(list->store, loss->entity, &loss->row, &visible, list->error);
    }
    satchel_reason *reason = status == SATCHEL_OK ? add_reason(list) : NULL;
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
        reason->at_ms = moment_ms(&head.moment);
        reason->mine_stands = won;
        reason->mine = !visible ? none : won ? content.winner : content.loser;
        reason->theirs = !visible ? none : won ? content.loser : content.winner;
        reason->other_user = content.winner_user;
        reason->other_ms = content.winner_ms;
    } else if (status == SATCHEL_OK) {
        status = SATCHEL_NO_MEMORY;
    }
    satchel_buffer_deinit(&opened);
    satchel_arena_deinit(&arena);
    return status;
}

/* The next loss behind `number`, the newest first. */
static satchel_status next_loss(reason_list *list, uint32_t entity, const satchel_id *row, int64_t *number,
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

static satchel_status add_losses(reason_list *list, uint32_t entity, const satchel_id *row) {
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

/* --- rows that cannot be read --- */

static satchel_status add_unread(reason_list *list, uint32_t entity, const satchel_id *row) {
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
        satchel_reason *reason = add_reason(list);
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
    reason_list list = {.store = store, .arena = arena, .limit = limit, .error = error};
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
        status = add_conflicts(&list, entity, row, &user);
        if (status == SATCHEL_OK) {
            status = add_losses(&list, entity, row);
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

/* --- giving up --- */

typedef struct unit_look {
    uint32_t waiting;
    uint32_t troubled;
} unit_look;

static satchel_status look_at_unit(satchel_store *store, uint64_t unit, unit_look *out, satchel_error *error) {
    sqlite3_stmt *statement;
    bool has_row = false;
    *out = (unit_look){0, 0};
    satchel_status status = satchel_statement_of(
        store,
        "SELECT coalesce(sum(state = 0), 0), coalesce(sum(state > 4), 0) FROM store_op WHERE sequence >= ?1 AND "
        "sequence < ?1 + ?2 AND unit = ?1",
        &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, (int64_t)unit);
        satchel_bind_int(statement, 2, SATCHEL_LIMIT_UNIT_OPS);
        status = satchel_statement_step(store, statement, &has_row, error);
        if (status == SATCHEL_OK && has_row) {
            out->waiting = (uint32_t)sqlite3_column_int64(statement, 0);
            out->troubled = (uint32_t)sqlite3_column_int64(statement, 1);
        }
        satchel_statement_end(statement);
    }
    return status;
}

static satchel_status dismiss_op(satchel_store *store, uint64_t sequence, satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_arena arena = {0};
    satchel_logged_op op;
    satchel_status status =
        satchel_statement_of(store, "UPDATE store_op SET state = 2 WHERE sequence = ?", &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, (int64_t)sequence);
        status = satchel_statement_run(store, statement, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_log_read(store, sequence, &arena, &op, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_overlay_refresh(store, op.entity, &op.row, store->reflected_through, error);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status dismiss_ops(satchel_store *store, uint64_t unit, satchel_error *error) {
    uint64_t after = unit - 1;
    bool found = true;
    satchel_status status = SATCHEL_OK;
    while (status == SATCHEL_OK) {
        sqlite3_stmt *statement;
        status = satchel_statement_of(store,
                                      "SELECT sequence FROM store_op WHERE sequence > ?1 AND sequence < ?2 AND "
                                      "unit = ?3 AND state > 4 ORDER BY sequence LIMIT 1",
                                      &statement, error);
        if (status != SATCHEL_OK) {
            break;
        }
        satchel_bind_int(statement, 1, (int64_t)after);
        satchel_bind_int(statement, 2, (int64_t)(unit + SATCHEL_LIMIT_UNIT_OPS));
        satchel_bind_int(statement, 3, (int64_t)unit);
        status = satchel_statement_step(store, statement, &found, error);
        after = found ? (uint64_t)sqlite3_column_int64(statement, 0) : after;
        satchel_statement_end(statement);
        if (status != SATCHEL_OK || !found) {
            break;
        }
        status = dismiss_op(store, after, error);
        store->troubled -= store->troubled > 0 ? 1 : 0;
    }
    return status;
}

satchel_status satchel_store_dismiss(satchel_store *store, uint64_t unit, satchel_error *error) {
    unit_look look;
    if (unit == 0 || unit > INT64_MAX - SATCHEL_LIMIT_UNIT_OPS) {
        return satchel_fail(error, SATCHEL_NOT_FOUND, "no unit of that number");
    }
    satchel_status status = satchel_store_begin(store, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = look_at_unit(store, unit, &look, error);
    if (status == SATCHEL_OK && look.waiting > 0) {
        status = satchel_fail(error, SATCHEL_MISUSE, "the unit has no decision yet");
    } else if (status == SATCHEL_OK && look.troubled == 0) {
        status = satchel_fail(error, SATCHEL_NOT_FOUND, "nothing of the unit is refused, held or parked");
    }
    if (status == SATCHEL_OK) {
        status = dismiss_ops(store, unit, error);
    }
    return satchel_store_end(store, status, error);
}
