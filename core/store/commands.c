/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of the user: putting them into a draft, and telling what became of them. What a command wants is a record of
 * its subject's entity; the row itself shows nothing of it but that something waits.
 */
#include "store/commands.h"

#include "store/draft_state.h"
#include "wire/record_codec.h"

#include <satchel/command.h>
#include <satchel/model.h>

#define GONE_NAME ".losses"

satchel_status satchel_commands_make(satchel_store *store, satchel_error *error) {
    return satchel_store_execute(
        store, "CREATE TABLE store_command (sequence INTEGER PRIMARY KEY, command INTEGER NOT NULL);", error);
}

satchel_status satchel_command_note(satchel_store *store, uint64_t sequence, uint32_t command, satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status =
        satchel_statement_of(store, "INSERT INTO store_command (sequence, command) VALUES (?, ?)", &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, (int64_t)sequence);
        satchel_bind_int(statement, 2, command);
        status = satchel_statement_run(store, statement, error);
    }
    return status;
}

satchel_status satchel_draft_command(satchel_draft *draft, uint32_t entity, const satchel_id *id, uint32_t command,
                                     const satchel_record *set, satchel_error *error) {
    uint32_t row;
    satchel_op op;
    satchel_status status = satchel_draft_row_of(draft, entity, id, &row, error);
    /* Only a stop of a plan is named before it is there. */
    bool makes = command == SATCHEL_COMMAND_CHANGE_PLAN && entity == SATCHEL_ENTITY_PLAN_STOP && set->count > 0;
    if (status == SATCHEL_OK && !draft->rows[row].exists && !makes) {
        status = satchel_fail(error, SATCHEL_NOT_FOUND, "there is no such row of entity %u", (unsigned)entity);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_op_init(&op, SATCHEL_OP_COMMAND, entity, id, &draft->arena);
    op.command = command;
    status = satchel_record_copy(set, &op.set);
    return status == SATCHEL_OK ? satchel_draft_push(draft, row, &op, NULL, error)
                                : satchel_fail(error, status, "no memory for a command");
}

/* --- what became of them --- */

static satchel_status next_loss(satchel_store *store, sqlite3_stmt *statement, uint64_t sequence, satchel_id *out,
                                int64_t *out_ms, bool *out_found, satchel_error *error) {
    satchel_buffer opened = {NULL, 0, 0};
    satchel_arena arena = {0};
    satchel_result_loss loss;
    satchel_status status = satchel_statement_step(store, statement, out_found, error);
    if (status == SATCHEL_OK && *out_found) {
        status = satchel_log_unseal(store, sequence, satchel_column_bytes(statement, 0), &opened);
        if (status == SATCHEL_OK) {
            status = satchel_loss_read(satchel_buffer_view(&opened), &arena, &loss);
        }
        if (status == SATCHEL_OK) {
            *out = loss.winner_user;
            *out_ms = loss.winner_ms;
        }
    }
    satchel_buffer_deinit(&opened);
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_command_winner(satchel_store *store, uint32_t entity, const satchel_id *row, uint64_t sequence,
                                      satchel_id *out, int64_t *out_ms, satchel_error *error) {
    static const satchel_id none = {{0}};
    sqlite3_stmt *statement;
    bool found = false;
    *out = none;
    *out_ms = 0;
    satchel_status status = satchel_statement_of(
        store, "SELECT body FROM store_loss WHERE entity = ? AND row = ? AND sequence = ? AND conflict = ? LIMIT 1",
        &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, entity);
        satchel_bind_id(statement, 2, row);
        satchel_bind_int(statement, 3, (int64_t)sequence);
        satchel_bind_id(statement, 4, &none);
        status = next_loss(store, statement, sequence, out, out_ms, &found, error);
        satchel_statement_end(statement);
    }
    return status;
}

typedef struct command_list {
    satchel_store *store;
    satchel_arena *arena;
    satchel_command_info *items;
    uint32_t count;
    satchel_error *error;
} command_list;

static satchel_command_state state_of(const satchel_store *store, const satchel_logged_op *op) {
    switch (op->state) {
    case SATCHEL_OP_ACCEPTED: return SATCHEL_COMMAND_ACCEPTED;
    case SATCHEL_OP_HELD: return SATCHEL_COMMAND_HELD;
    case SATCHEL_OP_PARKED: return SATCHEL_COMMAND_PARKED;
    case SATCHEL_OP_WAITING:
        return op->sequence <= store->sent_through ? SATCHEL_COMMAND_SENT : SATCHEL_COMMAND_WAITING;
    case SATCHEL_OP_REFUSED:
    case SATCHEL_OP_DISMISSED:
    case SATCHEL_OP_TROUBLED: break;
    }
    return SATCHEL_COMMAND_REFUSED;
}

static satchel_status fill_result(command_list *list, uint64_t sequence, satchel_command_info *info) {
    satchel_stored_result result;
    satchel_status status = satchel_result_of(list->store, sequence, list->arena, &result, list->error);
    info->status = result.status;
    info->rule = result.rule;
    return status;
}

static satchel_status encode_request(command_list *list, const satchel_op *op, satchel_command_info *info) {
    satchel_buffer bytes = {NULL, 0, 0};
    satchel_status status = satchel_record_encode(&list->store->schema, op->entity, &op->set, &bytes);
    if (status == SATCHEL_OK) {
        status = satchel_arena_copy(list->arena, satchel_buffer_view(&bytes), &info->request);
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

static satchel_status describe(command_list *list, uint64_t sequence) {
    satchel_arena arena = {0};
    satchel_logged_op op;
    satchel_unit_head head;
    satchel_command_info *info = &list->items[list->count];
    memset(info, 0, sizeof *info);
    satchel_status status = satchel_log_read(list->store, sequence, &arena, &op, list->error);
    if (status == SATCHEL_OK) {
        status = satchel_log_head(list->store, op.unit, &head, list->error);
    }
    if (status == SATCHEL_OK) {
        status = fill_result(list, sequence, info);
    }
    if (status == SATCHEL_OK) {
        info->sequence = sequence;
        info->unit = op.unit;
        info->kind = (satchel_command_kind)op.op.command;
        info->state = state_of(list->store, &op);
        info->entity = op.entity;
        info->row = op.row;
        info->at_ms = head.moment.wall_ms + head.moment.offset_ms;
        status = encode_request(list, &op.op, info);
    }
    if (status == SATCHEL_OK) {
        status = satchel_command_winner(list->store, op.entity, &op.row, sequence, &info->winner, &info->winner_ms,
                                        list->error);
    }
    list->count += status == SATCHEL_OK ? 1 : 0;
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status list_sequences(command_list *list, uint32_t limit, uint64_t *sequences, uint32_t *out_count) {
    sqlite3_stmt *statement;
    bool has_row = true;
    *out_count = 0;
    satchel_status status = satchel_statement_of(
        list->store,
        "SELECT c.sequence FROM store_command c JOIN store_op o ON o.sequence = c.sequence WHERE o.state <> 2"
        " ORDER BY c.sequence DESC LIMIT ?",
        &statement, list->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, limit);
    while (status == SATCHEL_OK && *out_count < limit) {
        status = satchel_statement_step(list->store, statement, &has_row, list->error);
        if (status != SATCHEL_OK || !has_row) {
            break;
        }
        sequences[(*out_count)++] = (uint64_t)sqlite3_column_int64(statement, 0);
    }
    satchel_statement_end(statement);
    return status;
}

satchel_status satchel_store_commands(satchel_store *store, uint32_t limit, satchel_arena *arena,
                                      satchel_command_info **out, uint32_t *out_count, satchel_error *error) {
    command_list list = {.store = store, .arena = arena, .error = error};
    uint32_t count = 0;
    *out_count = 0;
    *out = NULL;
    if (limit == 0 || limit > SATCHEL_LIMIT_PAGE_ROWS) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "1 to %d commands", SATCHEL_LIMIT_PAGE_ROWS);
    }
    uint64_t *sequences = satchel_arena_take_array(arena, limit, sizeof *sequences);
    list.items = satchel_arena_take_array(arena, limit, sizeof *list.items);
    if (sequences == NULL || list.items == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for commands");
    }
    satchel_status status = list_sequences(&list, limit, sequences, &count);
    for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
        status = describe(&list, sequences[i]);
    }
    *out = list.items;
    *out_count = list.count;
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the commands cannot be read");
}

/* --- losses --- */

satchel_status satchel_losses_gone(satchel_store *store, uint64_t *out, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes value = {NULL, 0};
    *out = 0;
    satchel_status status = satchel_store_get_value(store, GONE_NAME, &arena, &value, error);
    if (status == SATCHEL_OK && value.bytes == 8) {
        *out = satchel_get_u64be(value.data);
    } else if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
    }
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_losses_bound(satchel_store *store, satchel_error *error) {
    sqlite3_stmt *statement;
    int64_t count = 0;
    uint64_t gone = 0;
    uint8_t bytes[8];
    satchel_status status = satchel_store_number(store, "SELECT count(*) FROM store_loss", 0, &count, error);
    if (status != SATCHEL_OK || count <= SATCHEL_LOSSES_MOST) {
        return status;
    }
    status = satchel_statement_of(
        store, "DELETE FROM store_loss WHERE number IN (SELECT number FROM store_loss ORDER BY number LIMIT ?)",
        &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, count - SATCHEL_LOSSES_MOST);
        status = satchel_statement_run(store, statement, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_losses_gone(store, &gone, error);
    }
    satchel_put_u64be(bytes, gone + (uint64_t)(count - SATCHEL_LOSSES_MOST));
    return status == SATCHEL_OK
               ? satchel_store_write_value(store, GONE_NAME, satchel_bytes_of(bytes, sizeof bytes), error)
               : status;
}
