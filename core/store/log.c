/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The op log: what was committed here, kept after it was acknowledged. An op is immutable but for its state and what
 * the server said of it. Ops that belong together (a unit) have sequences without a gap; the first carries the unit's
 * head.
 *
 *   body      sealed, with the sequence (8 bytes, big-endian) as associated data: [op bytes varint][op][before]
 *   before    EDIT: record of the fields that it touches, as the user saw them; else nothing
 *   head      [format 1][ops varint][boot varint][monotonic, wall, offset zigzag][epoch varint][n
 * varint][incarnation 16]
 *   ".log"    [format 1][settled through varint][reflected through varint][sent through varint]
 *             [shown again through varint][verified n varint]
 */
#include "store/epoch.h"

#include "wire/record_codec.h"
#include "wire/unit_codec.h"

#include <inttypes.h>

#define HEAD_FORMAT 1
#define MARKS_FORMAT 1
#define MARKS_NAME ".log"
#define SEQUENCE_BYTES 8

/* --- heads --- */

satchel_status satchel_head_encode(const satchel_unit_head *head, satchel_buffer *out) {
    const uint64_t numbers[] = {head->count,
                                head->moment.boot,
                                satchel_zigzag(head->moment.monotonic_ms),
                                satchel_zigzag(head->moment.wall_ms),
                                satchel_zigzag(head->moment.offset_ms),
                                head->seen.epoch,
                                head->seen.n};
    satchel_status status = satchel_buffer_append_byte(out, HEAD_FORMAT);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == SATCHEL_OK; i++) {
        status = satchel_buffer_append_varint(out, numbers[i]);
    }
    return status == SATCHEL_OK ? satchel_buffer_append(out, satchel_id_view(&head->incarnation)) : status;
}

satchel_status satchel_head_decode(satchel_bytes bytes, satchel_unit_head *out) {
    satchel_reader reader = satchel_reader_of(bytes);
    uint64_t numbers[7];
    satchel_bytes incarnation;
    uint8_t format = 0;
    if (satchel_reader_byte(&reader, &format) != SATCHEL_OK || format != HEAD_FORMAT) {
        return SATCHEL_DAMAGED;
    }
    for (size_t i = 0; i < 7; i++) {
        if (satchel_reader_varint(&reader, &numbers[i]) != SATCHEL_OK) {
            return SATCHEL_DAMAGED;
        }
    }
    if (satchel_reader_take(&reader, SATCHEL_ID_BYTES, &incarnation) != SATCHEL_OK ||
        satchel_id_from(incarnation, &out->incarnation) != SATCHEL_OK || numbers[0] == 0 ||
        numbers[0] > SATCHEL_LIMIT_UNIT_OPS || numbers[1] > UINT32_MAX || numbers[5] > UINT32_MAX) {
        return SATCHEL_DAMAGED;
    }
    out->count = (uint32_t)numbers[0];
    out->moment = (satchel_moment){(uint32_t)numbers[1], satchel_unzigzag(numbers[2]), satchel_unzigzag(numbers[3]),
                                   satchel_unzigzag(numbers[4])};
    out->seen = (satchel_revision){(uint32_t)numbers[5], numbers[6]};
    return SATCHEL_OK;
}

/* --- bodies --- */

satchel_status satchel_log_seal(satchel_store *store, uint64_t sequence, satchel_bytes plain, satchel_buffer *out) {
    uint8_t associated[SEQUENCE_BYTES];
    if (!store->has_seal) {
        return satchel_buffer_append(out, plain);
    }
    satchel_put_u64be(associated, sequence);
    return store->seal.seal(store->seal.context, plain, satchel_bytes_of(associated, sizeof associated), out);
}

satchel_status satchel_log_unseal(satchel_store *store, uint64_t sequence, satchel_bytes sealed, satchel_buffer *out) {
    uint8_t associated[SEQUENCE_BYTES];
    if (!store->has_seal) {
        return satchel_buffer_append(out, sealed);
    }
    satchel_put_u64be(associated, sequence);
    return store->seal.open(store->seal.context, sealed, satchel_bytes_of(associated, sizeof associated), out);
}

static satchel_status seal_body(satchel_store *store, const satchel_op_entry *entry, satchel_buffer *out) {
    satchel_buffer plain = {NULL, 0, 0};
    satchel_status status = satchel_buffer_append_varint(&plain, entry->op.bytes);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(&plain, entry->op);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(&plain, entry->before);
    }
    if (status == SATCHEL_OK) {
        status = satchel_log_seal(store, entry->sequence, satchel_buffer_view(&plain), out);
    }
    satchel_buffer_deinit(&plain);
    return status;
}

satchel_status satchel_log_open_body(satchel_store *store, uint64_t sequence, satchel_bytes body,
                                     satchel_buffer *opened, satchel_bytes *out_op, satchel_bytes *out_before,
                                     satchel_error *error) {
    uint64_t bytes = 0;
    satchel_buffer_clear(opened);
    satchel_status status = satchel_log_unseal(store, sequence, body, opened);
    if (status == SATCHEL_OK) {
        satchel_reader reader = satchel_reader_of(satchel_buffer_view(opened));
        if (satchel_reader_varint(&reader, &bytes) != SATCHEL_OK || bytes > satchel_reader_left(&reader) ||
            satchel_reader_take(&reader, (size_t)bytes, out_op) != SATCHEL_OK ||
            satchel_reader_take(&reader, satchel_reader_left(&reader), out_before) != SATCHEL_OK) {
            status = SATCHEL_DAMAGED;
        }
    }
    return status == SATCHEL_OK ? status
                                : satchel_fail(error, status, "op %" PRIu64 " of the log cannot be opened", sequence);
}

/* --- writing --- */

satchel_status satchel_log_append(satchel_store *store, const satchel_op_entry *entry, const satchel_unit_head *head,
                                  satchel_error *error) {
    satchel_buffer body = {NULL, 0, 0};
    satchel_buffer head_bytes = {NULL, 0, 0};
    sqlite3_stmt *statement = NULL;
    satchel_status status = seal_body(store, entry, &body);
    if (status == SATCHEL_OK && head != NULL) {
        status = satchel_head_encode(head, &head_bytes);
    }
    if (status != SATCHEL_OK) {
        satchel_fail(error, status, "an op cannot be sealed");
        goto done;
    }
    status = satchel_statement_of(store,
                                  "INSERT INTO store_op (sequence, unit, entity, row, state, previous, body, head) "
                                  "VALUES (?, ?, ?, ?, 0, ?, ?, ?)",
                                  &statement, error);
    if (status != SATCHEL_OK) {
        goto done;
    }
    satchel_bind_int(statement, 1, (int64_t)entry->sequence);
    satchel_bind_int(statement, 2, (int64_t)entry->unit);
    satchel_bind_int(statement, 3, entry->entity);
    satchel_bind_id(statement, 4, &entry->row);
    if (entry->previous != 0) {
        satchel_bind_int(statement, 5, (int64_t)entry->previous);
    }
    satchel_bind_bytes(statement, 6, satchel_buffer_view(&body));
    if (head != NULL) {
        satchel_bind_bytes(statement, 7, satchel_buffer_view(&head_bytes));
    }
    status = satchel_statement_run(store, statement, error);
done:
    satchel_buffer_deinit(&body);
    satchel_buffer_deinit(&head_bytes);
    return status;
}

satchel_status satchel_log_save_marks(satchel_store *store, satchel_error *error) {
    satchel_buffer marks = {NULL, 0, 0};
    satchel_status status = satchel_buffer_append_byte(&marks, MARKS_FORMAT);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(&marks, store->settled_through);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(&marks, store->reflected_through);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(&marks, store->sent_through);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(&marks, store->again_through);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(&marks, store->verified_n);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_write_value(store, MARKS_NAME, satchel_buffer_view(&marks), error);
    }
    satchel_buffer_deinit(&marks);
    return status;
}

/* --- reading --- */

static satchel_status load_marks(satchel_store *store, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes marks = {NULL, 0};
    uint8_t format = 0;
    store->settled_through = 0;
    store->reflected_through = 0;
    store->sent_through = 0;
    store->again_through = 0;
    store->verified_n = 0;
    satchel_status status = satchel_store_get_value(store, MARKS_NAME, &arena, &marks, error);
    if (status == SATCHEL_OK) {
        satchel_reader reader = satchel_reader_of(marks);
        if (satchel_reader_byte(&reader, &format) != SATCHEL_OK || format != MARKS_FORMAT ||
            satchel_reader_varint(&reader, &store->settled_through) != SATCHEL_OK ||
            satchel_reader_varint(&reader, &store->reflected_through) != SATCHEL_OK ||
            satchel_reader_varint(&reader, &store->sent_through) != SATCHEL_OK) {
            status = satchel_fail(error, SATCHEL_DAMAGED, "the marks of the op log are damaged");
        }
        /* Older versions did not write these two. */
        if (status == SATCHEL_OK && satchel_reader_left(&reader) > 0 &&
            (satchel_reader_varint(&reader, &store->again_through) != SATCHEL_OK ||
             satchel_reader_varint(&reader, &store->verified_n) != SATCHEL_OK)) {
            status = satchel_fail(error, SATCHEL_DAMAGED, "the marks of the op log are damaged");
        }
    } else if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
    }
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_log_reload(satchel_store *store, satchel_error *error) {
    int64_t newest = 0;
    int64_t waiting = 0;
    int64_t troubled = 0;
    sqlite3_stmt *statement;
    bool has_row = false;
    satchel_status status = load_marks(store, error);
    if (status == SATCHEL_OK) {
        status = satchel_store_number(store, "SELECT max(sequence) FROM store_op", 0, &newest, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_number(store, "SELECT count(*) FROM store_op WHERE state > 4", 0, &troubled, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_of(
            store, "SELECT count(*) FROM store_op WHERE sequence > ? AND head IS NOT NULL AND state = 0", &statement,
            error);
    }
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, (int64_t)store->settled_through);
        status = satchel_statement_step(store, statement, &has_row, error);
        waiting = has_row ? sqlite3_column_int64(statement, 0) : 0;
        satchel_statement_end(statement);
    }
    store->next_sequence = (uint64_t)newest + 1;
    store->units_waiting = (uint64_t)waiting;
    store->troubled = (uint64_t)troubled;
    return status;
}

/* Columns sequence, unit, entity, row, state, previous, body. */
static satchel_status read_op(satchel_store *store, sqlite3_stmt *statement, satchel_arena *arena,
                              satchel_logged_op *out, satchel_error *error) {
    satchel_buffer opened = {NULL, 0, 0};
    satchel_bytes op;
    satchel_bytes before;
    out->sequence = (uint64_t)sqlite3_column_int64(statement, 0);
    out->unit = (uint64_t)sqlite3_column_int64(statement, 1);
    out->entity = (uint32_t)sqlite3_column_int64(statement, 2);
    out->state = (satchel_op_state)sqlite3_column_int64(statement, 4);
    out->previous = (uint64_t)sqlite3_column_int64(statement, 5);
    satchel_status status = satchel_column_id(statement, 3, &out->row);
    if (status == SATCHEL_OK) {
        status = satchel_log_open_body(store, out->sequence, satchel_column_bytes(statement, 6), &opened, &op, &before,
                                       error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_op_decode(&store->schema, op, out->sequence, arena, &out->op, error);
    }
    if (status == SATCHEL_OK) {
        satchel_record_init(&out->before, arena);
        status = satchel_record_decode(&store->schema, out->entity, before, false, &out->before, error);
    }
    satchel_buffer_deinit(&opened);
    if (status != SATCHEL_OK && status != SATCHEL_NO_MEMORY && status != SATCHEL_LOCKED) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "op %" PRIu64 " of the log is damaged", out->sequence);
    }
    return status;
}

satchel_status satchel_log_read(satchel_store *store, uint64_t sequence, satchel_arena *arena, satchel_logged_op *out,
                                satchel_error *error) {
    sqlite3_stmt *statement;
    bool has_row = false;
    memset(out, 0, sizeof *out);
    satchel_status status = satchel_statement_of(
        store, "SELECT sequence, unit, entity, row, state, previous, body FROM store_op WHERE sequence = ?", &statement,
        error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, (int64_t)sequence);
    status = satchel_statement_step(store, statement, &has_row, error);
    if (status == SATCHEL_OK) {
        status = has_row ? read_op(store, statement, arena, out, error)
                         : satchel_fail(error, SATCHEL_NOT_FOUND, "no op %" PRIu64 " in the log", sequence);
    }
    satchel_statement_end(statement);
    return status;
}

satchel_status satchel_log_head(satchel_store *store, uint64_t unit, satchel_unit_head *out, satchel_error *error) {
    sqlite3_stmt *statement;
    bool has_row = false;
    satchel_status status =
        satchel_statement_of(store, "SELECT head FROM store_op WHERE sequence = ?", &statement, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, (int64_t)unit);
    status = satchel_statement_step(store, statement, &has_row, error);
    if (status == SATCHEL_OK) {
        status = has_row ? satchel_head_decode(satchel_column_bytes(statement, 0), out) : SATCHEL_NOT_FOUND;
        if (status != SATCHEL_OK) {
            satchel_fail(error, status, "unit %" PRIu64 " of the log has no head", unit);
        }
    }
    satchel_statement_end(statement);
    return status;
}

satchel_status satchel_log_overlay(satchel_store *store, satchel_overlay overlay, uint64_t through,
                                   satchel_arena *arena, satchel_logged_op **out, uint32_t *out_count,
                                   satchel_error *error) {
    satchel_logged_op *ops = NULL;
    uint32_t count = 0;
    uint32_t capacity = 0;
    satchel_status status = SATCHEL_OK;
    uint64_t next = overlay.kind == SATCHEL_OVERLAY_NONE ? 0 : overlay.last;
    while (next != 0 && next >= overlay.first && next > through && status == SATCHEL_OK) {
        if (count == capacity) {
            uint32_t larger = capacity == 0 ? 4 : capacity * 2;
            satchel_logged_op *room = satchel_arena_take_array(arena, larger, sizeof *room);
            if (room == NULL) {
                return SATCHEL_NO_MEMORY;
            }
            /* Filled from the end: the walk goes from the newest to the oldest. */
            if (count > 0) {
                memcpy(room + (larger - count), ops + (capacity - count), count * sizeof *room);
            }
            ops = room;
            capacity = larger;
        }
        satchel_logged_op *op = &ops[capacity - count - 1];
        status = satchel_log_read(store, next, arena, op, error);
        count++;
        next = op->previous;
    }
    *out = count > 0 ? ops + (capacity - count) : NULL;
    *out_count = count;
    return status == SATCHEL_NOT_FOUND ? satchel_fail(error, SATCHEL_DAMAGED, "the op log has a gap") : status;
}

/* --- sending --- */

/* One unit while its ops are read. */
typedef struct unit_reading {
    satchel_unit_ops head;
    satchel_bytes *ops;
    uint32_t count;
    satchel_unit_return shown; /* receipt empty: it was not decided on yet */
} unit_reading;

static satchel_status begin_unit(sqlite3_stmt *statement, satchel_arena *arena, unit_reading *out) {
    satchel_unit_head head;
    satchel_status status = satchel_head_decode(satchel_column_bytes(statement, 1), &head);
    if (status != SATCHEL_OK) {
        return status;
    }
    memset(out, 0, sizeof *out);
    out->head.first_sequence = (uint64_t)sqlite3_column_int64(statement, 0);
    out->head.moment = head.moment;
    out->head.seen = head.seen;
    out->head.incarnation = head.incarnation;
    out->head.count = head.count;
    status = satchel_return_read(satchel_column_bytes(statement, 3), arena, &out->shown);
    if (status != SATCHEL_OK) {
        return status;
    }
    out->ops = satchel_arena_take_array(arena, head.count, sizeof *out->ops);
    return out->ops != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status add_op(satchel_store *store, sqlite3_stmt *statement, satchel_buffer *opened,
                             satchel_arena *arena, unit_reading *unit, satchel_error *error) {
    satchel_bytes op;
    satchel_bytes before;
    if (unit->count == unit->head.count) {
        return SATCHEL_DAMAGED;
    }
    satchel_status status = satchel_log_open_body(store, (uint64_t)sqlite3_column_int64(statement, 0),
                                                  satchel_column_bytes(statement, 2), opened, &op, &before, error);
    return status == SATCHEL_OK ? satchel_arena_copy(arena, op, &unit->ops[unit->count++]) : status;
}

/* Adds a whole unit to the batch; `*out_full`: it found no room. */
static satchel_status end_unit(const unit_reading *unit, uint32_t limit_bytes, size_t *used, satchel_arena *arena,
                               satchel_unit_batch *out, bool *out_full) {
    satchel_buffer bytes = {NULL, 0, 0};
    satchel_status status = satchel_unit_encode(&unit->head, unit->ops, unit->count, &bytes);
    if (status == SATCHEL_OK && unit->shown.receipt.bytes > 0) {
        status = satchel_unit_write_return(&unit->shown, &bytes);
    }
    *out_full =
        status == SATCHEL_OK && out->count > 0 && (bytes.bytes > limit_bytes || *used > limit_bytes - bytes.bytes);
    if (status == SATCHEL_OK && !*out_full) {
        status = satchel_arena_copy(arena, satchel_buffer_view(&bytes), &out->units[out->count]);
        if (status == SATCHEL_OK) {
            *used += bytes.bytes;
            out->count++;
            out->last_sequence = unit->head.first_sequence + unit->count - 1;
        }
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

static satchel_status read_units(satchel_store *store, sqlite3_stmt *statement, uint64_t most, uint32_t limit_bytes,
                                 satchel_arena *arena, satchel_unit_batch *out, satchel_error *error) {
    satchel_buffer opened = {NULL, 0, 0};
    satchel_arena scratch = {0};
    unit_reading unit = {.count = 0};
    size_t used = 0;
    bool has_row = true;
    bool full = false;
    satchel_status status = satchel_statement_step(store, statement, &has_row, error);
    while (status == SATCHEL_OK && has_row && !full) {
        if (out->count == most) {
            full = true;
            break;
        }
        if (sqlite3_column_type(statement, 1) != SQLITE_NULL) {
            /* a request holds no gap; behind what a salvaged log lost the next one begins */
            if (out->count > 0 && (uint64_t)sqlite3_column_int64(statement, 0) != out->last_sequence + 1) {
                full = true;
                break;
            }
            satchel_arena_reset(&scratch);
            status = begin_unit(statement, &scratch, &unit);
        }
        if (status == SATCHEL_OK) {
            status = add_op(store, statement, &opened, &scratch, &unit, error);
        }
        if (status == SATCHEL_OK && unit.count == unit.head.count) {
            status = end_unit(&unit, limit_bytes, &used, arena, out, &full);
        }
        if (status == SATCHEL_OK && !full) {
            status = satchel_statement_step(store, statement, &has_row, error);
        }
    }
    out->more = full;
    satchel_buffer_deinit(&opened);
    satchel_arena_deinit(&scratch);
    return status;
}

satchel_status satchel_store_load_units(satchel_store *store, uint64_t after_sequence, uint32_t limit_bytes,
                                        satchel_arena *arena, satchel_unit_batch *out, satchel_error *error) {
    sqlite3_stmt *statement;
    uint64_t after = after_sequence > store->settled_through ? after_sequence : store->settled_through;
    *out = (satchel_unit_batch){NULL, 0, after_sequence, false};
    if (after + 1 >= store->next_sequence) {
        return SATCHEL_OK;
    }
    uint64_t most = store->next_sequence - 1 - after; /* a unit has at least one op */
    most = most < SATCHEL_LIMIT_UNITS_PER_REQUEST ? most : SATCHEL_LIMIT_UNITS_PER_REQUEST;
    out->units = satchel_arena_take_array(arena, (size_t)most, sizeof *out->units);
    if (out->units == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for units");
    }
    satchel_status status = satchel_statement_of(
        store,
        "SELECT sequence, head, body, receipt FROM store_op WHERE sequence > ? AND (state = 0 OR sequence <= ?)"
        " ORDER BY sequence",
        &statement, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, (int64_t)after);
    satchel_bind_int(statement, 2, (int64_t)store->again_through);
    status = read_units(store, statement, most, limit_bytes, arena, out, error);
    satchel_statement_end(statement);
    return status == SATCHEL_DAMAGED ? satchel_fail(error, status, "the op log is damaged") : status;
}

satchel_status satchel_store_mark_sent(satchel_store *store, uint64_t through_sequence, satchel_error *error) {
    (void)error;
    if (through_sequence > store->sent_through) {
        store->sent_through = through_sequence < store->next_sequence ? through_sequence : store->next_sequence - 1;
    }
    return SATCHEL_OK;
}
