/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server decided of the ops of this phone. An op is settled in the transaction that stores its result, once:
 * the same result again changes nothing.
 *
 *   result column   [format 1][status varint][field varint][held by varint][rule bytes varint][rule]
 *                   [format 2][keeper 16] and the rest as of format 1
 *   loss body       sealed like an op's, with the op's sequence: [format 1][field, policy, kind, status varint]
 *                   [winner user 16][winner ms zigzag][winner bytes varint][winner][loser bytes varint][loser]
 */
#include "store/commands.h"
#include "store/epoch.h"
#include "store/page.h"

#include "wire/record_codec.h"

#include <inttypes.h>

#define RESULT_FORMAT 1
#define RESULT_FORMAT_KEPT 2
#define LOSS_FORMAT 1
#define RULE_BYTES_MOST 255

/* --- forms --- */

static satchel_status write_result(const satchel_op_result *result, const satchel_id *keeper, satchel_buffer *out) {
    satchel_text rule = result->rule.bytes <= RULE_BYTES_MOST ? result->rule : (satchel_text){NULL, 0};
    bool kept = !satchel_id_is_none(keeper);
    satchel_status status = satchel_buffer_append_byte(out, kept ? RESULT_FORMAT_KEPT : RESULT_FORMAT);
    if (status == SATCHEL_OK && kept) {
        status = satchel_buffer_append(out, satchel_id_view(keeper));
    }
    const uint64_t numbers[] = {(uint64_t)result->status, result->field, result->held_by, rule.bytes};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == SATCHEL_OK; i++) {
        status = satchel_buffer_append_varint(out, numbers[i]);
    }
    return status == SATCHEL_OK ? satchel_buffer_append(out, satchel_bytes_of(rule.data, rule.bytes)) : status;
}

static satchel_status read_keeper(satchel_reader *reader, satchel_id *out) {
    satchel_bytes keeper = {NULL, 0};
    satchel_status status = satchel_reader_take(reader, SATCHEL_ID_BYTES, &keeper);
    return status == SATCHEL_OK ? satchel_id_from(keeper, out) : status;
}

satchel_status satchel_result_read(satchel_bytes column, satchel_arena *arena, satchel_stored_result *out) {
    satchel_reader reader = satchel_reader_of(column);
    uint64_t numbers[4] = {0};
    uint8_t format = 0;
    satchel_bytes rule = {NULL, 0};
    memset(out, 0, sizeof *out);
    if (column.bytes == 0) {
        return SATCHEL_OK;
    }
    if (satchel_reader_byte(&reader, &format) != SATCHEL_OK ||
        (format != RESULT_FORMAT && format != RESULT_FORMAT_KEPT) ||
        (format == RESULT_FORMAT_KEPT && read_keeper(&reader, &out->keeper) != SATCHEL_OK)) {
        return SATCHEL_DAMAGED;
    }
    for (size_t i = 0; i < 4; i++) {
        if (satchel_reader_varint(&reader, &numbers[i]) != SATCHEL_OK) {
            return SATCHEL_DAMAGED;
        }
    }
    if (numbers[0] > INT32_MAX || numbers[1] > UINT32_MAX || numbers[3] != satchel_reader_left(&reader) ||
        satchel_reader_take(&reader, (size_t)numbers[3], &rule) != SATCHEL_OK) {
        return SATCHEL_DAMAGED;
    }
    out->status = (satchel_status)numbers[0];
    out->field = (uint32_t)numbers[1];
    out->held_by = numbers[2];
    satchel_status status = satchel_arena_copy(arena, rule, &rule);
    out->rule = (satchel_text){(const char *)rule.data, rule.bytes};
    return status;
}

satchel_status satchel_result_of(satchel_store *store, uint64_t sequence, satchel_arena *arena,
                                 satchel_stored_result *out, satchel_error *error) {
    sqlite3_stmt *statement;
    bool has_row = false;
    memset(out, 0, sizeof *out);
    satchel_status status =
        satchel_statement_of(store, "SELECT result FROM store_op WHERE sequence = ?", &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, (int64_t)sequence);
        status = satchel_statement_step(store, statement, &has_row, error);
        if (status == SATCHEL_OK && has_row) {
            status = satchel_result_read(satchel_column_bytes(statement, 0), arena, out);
        }
        satchel_statement_end(statement);
    }
    return status;
}

static satchel_status write_loss(const satchel_result_loss *loss, satchel_buffer *out) {
    const uint64_t numbers[] = {loss->field, loss->policy, loss->kind, (uint64_t)loss->status};
    satchel_status status = satchel_buffer_append_byte(out, LOSS_FORMAT);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == SATCHEL_OK; i++) {
        status = satchel_buffer_append_varint(out, numbers[i]);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(out, satchel_id_view(&loss->winner_user));
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(out, satchel_zigzag(loss->winner_ms));
    }
    const satchel_bytes sides[] = {loss->winner, loss->loser};
    for (size_t i = 0; i < 2 && status == SATCHEL_OK; i++) {
        status = satchel_buffer_append_varint(out, sides[i].bytes);
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append(out, sides[i]);
        }
    }
    return status;
}

static satchel_status read_side(satchel_reader *reader, satchel_arena *arena, satchel_bytes *out) {
    uint64_t bytes = 0;
    satchel_bytes side;
    if (satchel_reader_varint(reader, &bytes) != SATCHEL_OK || bytes > satchel_reader_left(reader) ||
        satchel_reader_take(reader, (size_t)bytes, &side) != SATCHEL_OK) {
        return SATCHEL_DAMAGED;
    }
    return satchel_arena_copy(arena, side, out);
}

satchel_status satchel_loss_read(satchel_bytes body, satchel_arena *arena, satchel_result_loss *out) {
    satchel_reader reader = satchel_reader_of(body);
    uint64_t numbers[4] = {0};
    uint64_t moment = 0;
    uint8_t format = 0;
    satchel_bytes user;
    memset(out, 0, sizeof *out);
    if (satchel_reader_byte(&reader, &format) != SATCHEL_OK || format != LOSS_FORMAT) {
        return SATCHEL_DAMAGED;
    }
    for (size_t i = 0; i < 4; i++) {
        if (satchel_reader_varint(&reader, &numbers[i]) != SATCHEL_OK || numbers[i] > INT32_MAX) {
            return SATCHEL_DAMAGED;
        }
    }
    if (satchel_reader_take(&reader, SATCHEL_ID_BYTES, &user) != SATCHEL_OK ||
        satchel_id_from(user, &out->winner_user) != SATCHEL_OK ||
        satchel_reader_varint(&reader, &moment) != SATCHEL_OK) {
        return SATCHEL_DAMAGED;
    }
    out->field = (uint32_t)numbers[0];
    out->policy = (uint32_t)numbers[1];
    out->kind = (uint32_t)numbers[2];
    out->status = (satchel_status)numbers[3];
    out->winner_ms = satchel_unzigzag(moment);
    satchel_status status = read_side(&reader, arena, &out->winner);
    return status == SATCHEL_OK ? read_side(&reader, arena, &out->loser) : status;
}

/* --- storing --- */

/* One op of the unit as the log has it. */
typedef struct settled_op {
    uint64_t sequence;
    uint32_t entity;
    satchel_id row;
    satchel_op_state state;
} settled_op;

static satchel_op_state state_of(satchel_result_code code) {
    switch (code) {
    case SATCHEL_RESULT_APPLIED:
    case SATCHEL_RESULT_MERGED: return SATCHEL_OP_ACCEPTED;
    case SATCHEL_RESULT_REFUSED: return SATCHEL_OP_REFUSED;
    case SATCHEL_RESULT_PARKED: return SATCHEL_OP_PARKED;
    case SATCHEL_RESULT_HELD: return SATCHEL_OP_HELD;
    }
    return SATCHEL_OP_REFUSED; /* a decision that this version does not know: shown, never taken for success */
}

static satchel_status store_loss(satchel_store *store, const settled_op *op, const satchel_result_loss *loss,
                                 satchel_error *error) {
    satchel_buffer plain = {NULL, 0, 0};
    satchel_buffer body = {NULL, 0, 0};
    sqlite3_stmt *statement = NULL;
    satchel_status status = write_loss(loss, &plain);
    if (status == SATCHEL_OK) {
        status = satchel_log_seal(store, op->sequence, satchel_buffer_view(&plain), &body);
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_of(
            store, "INSERT INTO store_loss (entity, row, sequence, conflict, body) VALUES (?, ?, ?, ?, ?)", &statement,
            error);
    }
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, op->entity);
        satchel_bind_id(statement, 2, &op->row);
        satchel_bind_int(statement, 3, (int64_t)op->sequence);
        satchel_bind_id(statement, 4, &loss->conflict);
        satchel_bind_bytes(statement, 5, satchel_buffer_view(&body));
        status = satchel_statement_run(store, statement, error);
    }
    satchel_buffer_deinit(&plain);
    satchel_buffer_deinit(&body);
    return status;
}

static satchel_status write_state(satchel_store *store, uint64_t sequence, satchel_op_state state,
                                  const satchel_op_result *result, const satchel_id *keeper, satchel_error *error) {
    satchel_buffer column = {NULL, 0, 0};
    sqlite3_stmt *statement;
    satchel_status status =
        satchel_statement_of(store, "UPDATE store_op SET state = ?, result = ? WHERE sequence = ?", &statement, error);
    if (status == SATCHEL_OK && result != NULL) {
        status = write_result(result, keeper, &column);
    }
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, (int64_t)state);
        if (result != NULL) {
            satchel_bind_bytes(statement, 2, satchel_buffer_view(&column));
        }
        satchel_bind_int(statement, 3, (int64_t)sequence);
        status = satchel_statement_run(store, statement, error);
    }
    satchel_buffer_deinit(&column);
    return status;
}

/* An undo that was not accepted took nothing back: what it named may be undone again. */
static satchel_status forget_undo(satchel_store *store, uint64_t undo_sequence, satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status =
        satchel_statement_of(store, "UPDATE store_op SET undone = NULL WHERE undone = ?", &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, (int64_t)undo_sequence);
        status = satchel_statement_run(store, statement, error);
    }
    return status;
}

static satchel_status settle(satchel_store *store, const settled_op *op, satchel_result_code code,
                             const satchel_op_result *result, const satchel_id *keeper, satchel_store_outcome *outcome,
                             satchel_error *error) {
    static const satchel_id nobody = {{0}};
    /* an empty op of a salvaged log was sent to be refused */
    satchel_op_state state = op->entity == 0 ? SATCHEL_OP_DISMISSED : state_of(code);
    if (op->state != SATCHEL_OP_WAITING) {
        return SATCHEL_OK; /* told before */
    }
    satchel_status status =
        write_state(store, op->sequence, state, result, state == SATCHEL_OP_PARKED ? keeper : &nobody, error);
    for (uint32_t i = 0; result != NULL && i < result->loss_count && status == SATCHEL_OK; i++) {
        status = store_loss(store, op, &result->losses[i], error);
    }
    if (result != NULL && result->loss_count > 0 && status == SATCHEL_OK) {
        status = satchel_losses_bound(store, error);
    }
    if (status == SATCHEL_OK && state > SATCHEL_OP_TROUBLED) {
        store->troubled++;
        status = forget_undo(store, op->sequence, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    /*
     * What is not accepted comes off its row; an accepted CREATE that a page has passed by shows that it is not for
     * us.
     */
    if (state > SATCHEL_OP_TROUBLED || op->sequence <= store->reflected_through) {
        satchel_outcome_changed(outcome, op->entity);
        status = satchel_overlay_refresh(store, op->entity, &op->row, store->reflected_through, error);
    }
    return status;
}

/* The ops of the unit, in order, in `arena`. */
static satchel_status list_ops(satchel_store *store, const satchel_unit_result *result, satchel_arena *arena,
                               settled_op **out, uint32_t *out_count, satchel_error *error) {
    sqlite3_stmt *statement;
    bool has_row = true;
    *out_count = 0;
    *out = satchel_arena_take_array(arena, result->count, sizeof **out);
    if (*out == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    satchel_status status = satchel_statement_of(
        store,
        "SELECT sequence, entity, row, state FROM store_op WHERE sequence >= ? AND sequence < ? AND unit = ? "
        "ORDER BY sequence",
        &statement, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, (int64_t)result->first_sequence);
    satchel_bind_int(statement, 2, (int64_t)(result->first_sequence + result->count));
    satchel_bind_int(statement, 3, (int64_t)result->first_sequence);
    while (status == SATCHEL_OK && *out_count < result->count) {
        status = satchel_statement_step(store, statement, &has_row, error);
        if (status != SATCHEL_OK || !has_row) {
            break;
        }
        settled_op *op = &(*out)[(*out_count)++];
        op->sequence = (uint64_t)sqlite3_column_int64(statement, 0);
        op->entity = (uint32_t)sqlite3_column_int64(statement, 1);
        op->state = (satchel_op_state)sqlite3_column_int64(statement, 3);
        status = satchel_column_id(statement, 2, &op->row);
    }
    satchel_statement_end(statement);
    return status;
}

/* A result speaks of a whole unit, or it was not made for ours. */
static satchel_status check_count(satchel_store *store, const satchel_unit_result *result, satchel_error *error) {
    satchel_unit_head head;
    satchel_status status = satchel_log_head(store, result->first_sequence, &head, error);
    if (status == SATCHEL_OK && head.count != result->count) {
        status = satchel_fail(error, SATCHEL_MALFORMED, "a result does not have the ops of its unit");
    }
    return status;
}

satchel_status satchel_results_store(satchel_store *store, const satchel_unit_result *result, satchel_arena *arena,
                                     satchel_store_outcome *outcome, satchel_error *error) {
    settled_op *ops;
    uint32_t count = 0;
    uint32_t listed = 0;
    if (result->count == 0 || result->count > SATCHEL_LIMIT_UNIT_OPS || result->first_sequence == 0 ||
        result->first_sequence > INT64_MAX - SATCHEL_LIMIT_UNIT_OPS) {
        return satchel_fail(error, SATCHEL_MALFORMED, "a result names no unit");
    }
    satchel_status status = list_ops(store, result, arena, &ops, &count, error);
    if (status == SATCHEL_OK && count > 0) {
        status = check_count(store, result, error);
    }
    if (status == SATCHEL_OK && count > 0 && ops[0].state == SATCHEL_OP_WAITING) {
        store->units_waiting -= store->units_waiting > 0 ? 1 : 0;
    }
    if (status == SATCHEL_OK && count > 0) {
        status = satchel_return_store(store, result, error);
        satchel_again_pass(store, result->first_sequence + result->count - 1);
    }
    for (uint32_t i = 0; i < count && status == SATCHEL_OK; i++) {
        const satchel_op_result *special = NULL;
        uint32_t index = (uint32_t)(ops[i].sequence - result->first_sequence);
        while (listed < result->op_count && result->ops[listed].index < index) {
            listed++;
        }
        if (listed < result->op_count && result->ops[listed].index == index) {
            special = &result->ops[listed];
        }
        const satchel_op_result plain = {.index = index, .code = result->code};
        bool kept = special == NULL && !satchel_id_is_none(&result->keeper);
        status = settle(store, &ops[i], special != NULL ? special->code : result->code, kept ? &plain : special,
                        &result->keeper, outcome, error);
    }
    return status;
}

void satchel_store_marks(const satchel_store *store, uint64_t *out_settled, uint64_t *out_last) {
    *out_settled = store->settled_through;
    *out_last = store->next_sequence - 1;
}

satchel_status satchel_results_advance(satchel_store *store, satchel_error *error) {
    sqlite3_stmt *statement;
    bool has_row = false;
    if (store->settled_through < store->again_through) {
        return SATCHEL_OK; /* results of what is shown again settle it one by one */
    }
    satchel_status status = satchel_statement_of(
        store, "SELECT sequence FROM store_op WHERE sequence > ? AND state = 0 ORDER BY sequence LIMIT 1", &statement,
        error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, (int64_t)store->settled_through);
    status = satchel_statement_step(store, statement, &has_row, error);
    if (status == SATCHEL_OK) {
        store->settled_through = has_row ? (uint64_t)sqlite3_column_int64(statement, 0) - 1 : store->next_sequence - 1;
    }
    satchel_statement_end(statement);
    return status;
}
