/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Salvaged ops on their way into a new store, and what the server's first word makes of the gaps between them.
 *
 *   ".restore"  [format 1]: here until the server has told how far it got
 *
 * Behind the last op found a mark, a dismissed row of store_op without an entity, keeps the sequences free that may
 * have been used; a further repair before that word leaves a further one. Rows without an entity are never shown; when
 * they are sent the server refuses them, and they are dismissed.
 */
#include "store/salvage.h"

#include "store/page.h"

#include "base/error.h"

#include <inttypes.h>
#include <stdlib.h>

#define RESTORE_NAME ".restore"
#define RESTORE_FORMAT 1
#define NO_ENTITY 0

typedef struct restoring {
    satchel_store *store;
    const satchel_store_salvage *salvage;
    satchel_restored *out;
    uint64_t settled;
    satchel_error *error;
} restoring;

/* --- rows of the log --- */

/* An op as it was found, with the one that it follows on its row. */
static satchel_status put_op(satchel_store *store, const satchel_salvaged_op *op, uint64_t previous,
                             satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status =
        satchel_statement_of(store,
                             "INSERT INTO store_op (sequence, unit, entity, row, state, previous, body, head, receipt, "
                             "result, undone) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                             &statement, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    const uint64_t numbers[] = {op->sequence, op->unit, op->entity};
    for (int i = 0; i < 3; i++) {
        satchel_bind_int(statement, i + 1, (int64_t)numbers[i]);
    }
    satchel_bind_id(statement, 4, &op->row);
    satchel_bind_int(statement, 5, op->state);
    if (previous != 0) {
        satchel_bind_int(statement, 6, (int64_t)previous);
    }
    const satchel_bytes blobs[] = {op->body, op->head, op->receipt, op->result};
    for (int i = 0; i < 4; i++) {
        if (i == 0 || blobs[i].bytes > 0) {
            satchel_bind_bytes(statement, 7 + i, blobs[i]);
        }
    }
    if (op->undone != 0) {
        satchel_bind_int(statement, 11, (int64_t)op->undone);
    }
    return satchel_statement_run(store, statement, error);
}

/* A row without an entity: DISMISSED, a mark; WAITING, an empty op that is to be sent as a part of `unit`. */
static satchel_status put_empty(satchel_store *store, uint64_t sequence, uint64_t unit, satchel_op_state state,
                                const satchel_unit_head *head, satchel_error *error) {
    satchel_op_entry entry = {.sequence = sequence, .unit = unit, .entity = NO_ENTITY};
    satchel_status status = satchel_log_append(store, &entry, head, error);
    if (status == SATCHEL_OK && state != SATCHEL_OP_WAITING) {
        sqlite3_stmt *statement;
        status = satchel_statement_of(store, "UPDATE store_op SET state = ? WHERE sequence = ?", &statement, error);
        if (status == SATCHEL_OK) {
            satchel_bind_int(statement, 1, (int64_t)state);
            satchel_bind_int(statement, 2, (int64_t)sequence);
            status = satchel_statement_run(store, statement, error);
        }
    }
    return status;
}

bool satchel_store_salvage_moment(const satchel_salvaged_op *op, satchel_moment *out) {
    satchel_unit_head head;
    bool known = op->head.bytes > 0 && satchel_head_decode(op->head, &head) == SATCHEL_OK;
    if (known) {
        *out = head.moment;
    }
    return known;
}

/* --- what lies on rows --- */

/* Nothing is decided yet, or it was not accepted and is listed until it is dismissed. */
static bool lies(const satchel_salvaged_op *op, uint64_t settled) {
    return (op->state == SATCHEL_OP_WAITING && op->sequence > settled) || op->state > SATCHEL_OP_TROUBLED;
}

static int compare_lying(const void *a, const void *b) {
    const satchel_salvaged_op *left = *(const satchel_salvaged_op *const *)a;
    const satchel_salvaged_op *right = *(const satchel_salvaged_op *const *)b;
    if (left->entity != right->entity) {
        return left->entity < right->entity ? -1 : 1;
    }
    int order = memcmp(left->row.bytes, right->row.bytes, SATCHEL_ID_BYTES);
    return order != 0 ? order : (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

static bool same_row(const satchel_salvaged_op *a, const satchel_salvaged_op *b) {
    return a->entity == b->entity && satchel_id_equal(&a->row, &b->row);
}

/* The ops that lie on rows, by row and sequence. */
static satchel_status list_lying(const restoring *work, satchel_arena *arena, const satchel_salvaged_op ***out,
                                 size_t *out_count) {
    size_t count = 0;
    const satchel_salvaged_op *ops = satchel_store_salvage_ops(work->salvage, &count);
    *out_count = 0;
    *out = satchel_arena_take_array(arena, count + 1, sizeof **out);
    if (*out == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        if (ops[i].entity != NO_ENTITY && lies(&ops[i], work->settled)) {
            (*out)[(*out_count)++] = &ops[i];
        }
    }
    qsort(*out, *out_count, sizeof **out, compare_lying);
    return SATCHEL_OK;
}

static satchel_status link_op(satchel_store *store, const satchel_salvaged_op *op, uint64_t previous,
                              satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status =
        satchel_statement_of(store, "UPDATE store_op SET previous = ? WHERE sequence = ?", &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, (int64_t)previous);
        satchel_bind_int(statement, 2, (int64_t)op->sequence);
        status = satchel_statement_run(store, statement, error);
    }
    return status;
}

/*
 * The row that ops `first` … `last` lie on: made here, it shows again; else they lie on it when it comes.
 */
static satchel_status show_row(restoring *work, const satchel_salvaged_op *first, const satchel_salvaged_op *last,
                               bool waiting) {
    satchel_arena arena = {0};
    satchel_logged_op logged;
    satchel_stored_row row = {.table = satchel_table_of(work->store, first->entity), .id = first->row};
    if (row.table == NULL) {
        return SATCHEL_OK; /* an entity that this version does not know: the op is sent all the same */
    }
    satchel_status status = satchel_log_read(work->store, first->sequence, &arena, &logged, work->error);
    row.overlay = (satchel_overlay){SATCHEL_OVERLAY_OWN, first->sequence, last->sequence};
    if (status == SATCHEL_DAMAGED) {
        status = SATCHEL_OK; /* its seal holds, so a later version wrote it; it is sent as it is */
    } else if (status == SATCHEL_OK && logged.op.kind == SATCHEL_OP_CREATE) {
        const satchel_rebase how = {.scope_set = SATCHEL_SCOPE_SET_NONE, .index_later = true};
        satchel_record_init(&row.visible, &arena);
        status = satchel_row_rebase(work->store, &row, &how, &arena, work->error);
        work->out->rows++;
    } else if (status == SATCHEL_OK && waiting) {
        status = satchel_orphan_put(work->store, first->entity, &first->row, row.overlay, work->error);
        work->out->rows++;
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status show_rows(restoring *work) {
    satchel_arena arena = {0};
    const satchel_salvaged_op **lying = NULL;
    size_t count = 0;
    satchel_status status = list_lying(work, &arena, &lying, &count);
    for (size_t first = 0; first < count && status == SATCHEL_OK;) {
        size_t last = first;
        bool waiting = lying[first]->state == SATCHEL_OP_WAITING;
        while (last + 1 < count && same_row(lying[first], lying[last + 1]) && status == SATCHEL_OK) {
            status = link_op(work->store, lying[last + 1], lying[last]->sequence, work->error);
            last++;
            waiting = waiting || lying[last]->state == SATCHEL_OP_WAITING;
        }
        if (status == SATCHEL_OK) {
            status = show_row(work, lying[first], lying[last], waiting);
        }
        first = last + 1;
    }
    satchel_arena_deinit(&arena);
    return status;
}

/* --- restoring --- */

static bool is_own_value(const char *name) {
    return name[0] == '.';
}

static satchel_status put_values(restoring *work) {
    satchel_status status = SATCHEL_OK;
    const satchel_salvaged_value *value = NULL;
    for (size_t i = 0; status == SATCHEL_OK && (value = satchel_store_salvage_value_at(work->salvage, i)) != NULL;
         i++) {
        bool state = strcmp(value->name, ".sync") == 0 || strcmp(value->name, ".log") == 0;
        if (state || !is_own_value(value->name)) {
            status = satchel_store_write_value(work->store, value->name, value->value, work->error);
        }
    }
    return status;
}

static satchel_status put_ops(restoring *work) {
    size_t count = 0;
    const satchel_salvaged_op *ops = satchel_store_salvage_ops(work->salvage, &count);
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; i < count && status == SATCHEL_OK; i++) {
        satchel_salvaged_op op = ops[i];
        if (op.state == SATCHEL_OP_WAITING && op.sequence <= work->settled) {
            op.state = SATCHEL_OP_ACCEPTED; /* an old page: its result was stored since, and is lost */
        }
        work->out->ops++;
        work->out->ops_waiting += op.state == SATCHEL_OP_WAITING ? 1 : 0;
        status = put_op(work->store, &op, 0, work->error);
    }
    uint64_t at = 0;
    uint64_t first;
    uint64_t last;
    while (satchel_store_salvage_gap(work->salvage, &at, &first, &last)) {
        work->out->ops_lost += last - first + 1;
    }
    return status;
}

/* The mark behind the last op, and the note that gaps are to be closed. */
static satchel_status put_mark(restoring *work, uint64_t tail) {
    const uint8_t note[] = {RESTORE_FORMAT};
    size_t count = 0;
    const satchel_salvaged_op *ops = satchel_store_salvage_ops(work->salvage, &count);
    uint64_t last = count > 0 ? ops[count - 1].sequence : 0;
    last = last > work->settled ? last : work->settled;
    satchel_status status =
        satchel_store_write_value(work->store, RESTORE_NAME, satchel_bytes_of(note, sizeof note), work->error);
    if (status == SATCHEL_OK && tail > 0) {
        status = put_empty(work->store, last + tail, last + tail, SATCHEL_OP_DISMISSED, NULL, work->error);
    }
    return status;
}

/* Read as it was found; the cursor goes, so that the server gives everything again. */
static satchel_status put_sync(restoring *work) {
    satchel_sync_state state;
    satchel_status status = satchel_store_reload(work->store, work->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    state = work->store->sync;
    state.cursor_bytes = 0;
    state.position.n = 0;
    work->out->has_sync = !satchel_id_is_none(&state.incarnation);
    if (state.settled_through > work->store->settled_through) {
        work->store->settled_through = state.settled_through;
    }
    /* What was decided is in what the server will give. */
    work->store->reflected_through = work->store->settled_through;
    status = satchel_store_write_sync(work->store, &state, work->error);
    if (status == SATCHEL_OK) {
        status = satchel_log_save_marks(work->store, work->error);
    }
    work->settled = work->store->settled_through;
    return status;
}

satchel_status satchel_store_restore(satchel_store *store, const satchel_store_salvage *salvage, uint64_t tail,
                                     satchel_restored *out, satchel_error *error) {
    restoring work = {.store = store, .salvage = salvage, .out = out, .error = error};
    memset(out, 0, sizeof *out);
    if (store->next_sequence != 1) {
        return satchel_fail(error, SATCHEL_MISUSE, "the store holds ops already");
    }
    if (tail > SATCHEL_SALVAGE_TAIL_MOST) {
        return satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "more than %u sequences are to be left free",
                            SATCHEL_SALVAGE_TAIL_MOST);
    }
    satchel_status status = satchel_store_begin(store, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = put_values(&work);
    if (status == SATCHEL_OK) {
        status = put_sync(&work);
    }
    if (status == SATCHEL_OK) {
        status = put_ops(&work);
    }
    if (status == SATCHEL_OK) {
        status = put_mark(&work, tail);
    }
    if (status == SATCHEL_OK) {
        status = satchel_log_reload(store, error);
    }
    if (status == SATCHEL_OK) {
        status = show_rows(&work);
    }
    if (status == SATCHEL_DAMAGED) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "what was salvaged does not fit together");
    }
    status = satchel_store_end(store, status, error);
    store->user_fresh = false;
    return status == SATCHEL_OK ? satchel_store_reload(store, error) : status;
}

/* --- the server's first word --- */

satchel_status satchel_store_restoring(satchel_store *store, bool *out, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes note = {NULL, 0};
    satchel_status status = satchel_store_get_value(store, RESTORE_NAME, &arena, &note, error);
    satchel_arena_deinit(&arena);
    *out = status == SATCHEL_OK;
    if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
    }
    return status;
}

typedef struct closing {
    satchel_store *store;
    uint64_t known; /* the server has decided on all ops up to here */
    bool forked;
    bool torn;              /* something is lost among these */
    uint64_t expected;      /* the sequence that comes next, if nothing is lost */
    satchel_unit_head head; /* the newest that was seen: for units whose own is lost */
    satchel_error *error;
} closing;

/* Units of empty ops for `expected` … `last`. */
static satchel_status fill_gap(closing *work, uint64_t last) {
    satchel_status status = SATCHEL_OK;
    while (work->expected <= last && status == SATCHEL_OK) {
        uint64_t count = last - work->expected + 1;
        satchel_unit_head head = work->head;
        head.count = (uint32_t)(count < SATCHEL_LIMIT_UNIT_OPS ? count : SATCHEL_LIMIT_UNIT_OPS);
        uint64_t unit = work->expected;
        for (uint32_t i = 0; i < head.count && status == SATCHEL_OK; i++) {
            status = put_empty(work->store, unit + i, unit, SATCHEL_OP_WAITING, i == 0 ? &head : NULL, work->error);
        }
        work->expected += head.count;
    }
    return status;
}

static satchel_status run_numbers(satchel_store *store, const char *sql, uint64_t a, uint64_t b, satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status = satchel_statement_of(store, sql, &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, (int64_t)a);
        satchel_bind_int(statement, 2, (int64_t)b);
        status = satchel_statement_run(store, statement, error);
    }
    return status;
}

/* One op of a unit that is not whole any more: a unit of its own. */
static satchel_status single_op(closing *work, uint64_t sequence) {
    sqlite3_stmt *statement;
    satchel_buffer bytes = {NULL, 0, 0};
    satchel_unit_head head = work->head;
    head.count = 1;
    satchel_status status = satchel_head_encode(&head, &bytes);
    if (status == SATCHEL_OK) {
        status = satchel_statement_of(work->store, "UPDATE store_op SET unit = sequence, head = ? WHERE sequence = ?",
                                      &statement, work->error);
    }
    if (status == SATCHEL_OK) {
        satchel_bind_bytes(statement, 1, satchel_buffer_view(&bytes));
        satchel_bind_int(statement, 2, (int64_t)sequence);
        status = satchel_statement_run(work->store, statement, work->error);
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

/* Ops of the unit that are there from `sequence` on, as far as there is no gap. */
static satchel_status count_whole(closing *work, uint64_t unit, uint64_t *out, satchel_unit_head *head,
                                  bool *out_has_head) {
    sqlite3_stmt *statement;
    bool has_row = false;
    *out = 0;
    *out_has_head = false;
    satchel_status status = satchel_statement_of(
        work->store,
        "SELECT count(*), (SELECT head FROM store_op WHERE sequence = ?1) FROM store_op WHERE unit = ?1 "
        "AND sequence >= ?1 AND sequence < ?1 + 4096",
        &statement, work->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, (int64_t)unit);
    status = satchel_statement_step(work->store, statement, &has_row, work->error);
    if (status == SATCHEL_OK && has_row) {
        *out = (uint64_t)sqlite3_column_int64(statement, 0);
        *out_has_head = satchel_head_decode(satchel_column_bytes(statement, 1), head) == SATCHEL_OK;
    }
    satchel_statement_end(statement);
    return status;
}

/* The next WAITING op from `expected` on; `*out` 0: none. */
static satchel_status next_waiting(closing *work, uint64_t *out, uint64_t *out_unit) {
    sqlite3_stmt *statement;
    bool has_row = false;
    *out = 0;
    satchel_status status = satchel_statement_of(
        work->store, "SELECT sequence, unit FROM store_op WHERE sequence >= ? AND state = 0 ORDER BY sequence LIMIT 1",
        &statement, work->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, (int64_t)work->expected);
    status = satchel_statement_step(work->store, statement, &has_row, work->error);
    if (status == SATCHEL_OK && has_row) {
        *out = (uint64_t)sqlite3_column_int64(statement, 0);
        *out_unit = (uint64_t)sqlite3_column_int64(statement, 1);
    }
    satchel_statement_end(statement);
    return status;
}

static satchel_status accept_through(closing *work, uint64_t first, uint64_t last) {
    return run_numbers(work->store, "UPDATE store_op SET state = 1 WHERE sequence >= ? AND sequence <= ? AND state = 0",
                       first, last, work->error);
}

/* One unit, or what is left of it. */
static satchel_status close_unit(closing *work, uint64_t sequence, uint64_t unit) {
    satchel_unit_head head;
    uint64_t count = 0;
    bool has_head = false;
    satchel_status status = SATCHEL_OK;
    bool decided = sequence <= work->known;
    if (!decided) {
        work->expected = work->expected > work->known ? work->expected : work->known + 1;
        status = fill_gap(work, sequence - 1);
    } else if (sequence > work->expected) {
        work->torn = true;
    }
    if (status == SATCHEL_OK) {
        status = count_whole(work, unit, &count, &head, &has_head);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    if (has_head) {
        work->head = head;
    }
    if (has_head && unit == sequence && head.count == count) {
        work->expected = sequence + count;
        return SATCHEL_OK;
    }
    work->expected = sequence + 1;
    work->torn = work->torn || decided;
    return decided ? accept_through(work, sequence, sequence) : single_op(work, sequence);
}

/*
 * What the server has decided cannot be sent again if a part of its unit is lost: it counts as accepted. What it has
 * not gets neither gaps nor torn units.
 */
static satchel_status close_gaps(closing *work) {
    satchel_status status = SATCHEL_OK;
    for (;;) {
        uint64_t sequence = 0;
        uint64_t unit = 0;
        status = next_waiting(work, &sequence, &unit);
        if (status != SATCHEL_OK || sequence == 0) {
            return status;
        }
        status = close_unit(work, sequence, unit);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
}

/* The marks anew from the rows, with what has become decided. */
static satchel_status settle_marks(satchel_store *store, satchel_error *error) {
    satchel_status status = satchel_log_reload(store, error);
    if (status == SATCHEL_OK) {
        status = satchel_results_advance(store, error);
    }
    return status == SATCHEL_OK ? satchel_log_save_marks(store, error) : status;
}

static satchel_status learn(closing *work, const satchel_moment *moment) {
    satchel_store *store = work->store;
    uint64_t settled = store->settled_through;
    uint64_t next = store->next_sequence;
    work->head = (satchel_unit_head){1, *moment, store->sync.position, store->sync.incarnation};
    work->expected = settled + 1;
    /* the marks: what they kept free is filled in below, if anything follows */
    satchel_status status = run_numbers(store, "DELETE FROM store_op WHERE sequence > ? AND entity = 0 AND state = ?",
                                        settled, SATCHEL_OP_DISMISSED, work->error);
    if (status == SATCHEL_OK) {
        status = close_gaps(work);
    }
    if (status == SATCHEL_OK && work->forked && work->torn) {
        /* under its new name the server compares from the first unit on, so none of these may be sent */
        status = accept_through(work, settled + 1, work->known);
    }
    if (status == SATCHEL_OK) {
        status = satchel_log_reload(store, work->error);
    }
    if (status == SATCHEL_OK && store->next_sequence <= work->known) {
        /* the server knows ops that are lost here: their sequences are never given again */
        status = put_empty(store, work->known, work->known, SATCHEL_OP_DISMISSED, NULL, work->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_write_value(store, RESTORE_NAME, (satchel_bytes){NULL, 0}, work->error);
    }
    if (status == SATCHEL_OK) {
        status = settle_marks(store, work->error);
    }
    if (status == SATCHEL_OK && store->next_sequence < next) {
        satchel_sync_state state = store->sync;
        state.request_number += next - store->next_sequence; /* satchel_store_moves never gets smaller */
        status = satchel_store_write_sync(store, &state, work->error);
    }
    return status;
}

satchel_status satchel_store_learn(satchel_store *store, uint64_t applied_through, bool forked,
                                   const satchel_moment *moment, satchel_error *error) {
    closing work = {.store = store, .known = applied_through, .forked = forked, .error = error};
    satchel_arena arena = {0};
    satchel_bytes note = {NULL, 0};
    satchel_status status = satchel_store_get_value(store, RESTORE_NAME, &arena, &note, error);
    if (status == SATCHEL_OK) {
        if (note.bytes == 0 || note.data[0] != RESTORE_FORMAT) {
            status = satchel_fail(error, SATCHEL_DAMAGED, "the note of a restored store is damaged");
        }
    }
    satchel_arena_deinit(&arena);
    if (status == SATCHEL_OK) {
        status = satchel_store_begin(store, error);
        if (status == SATCHEL_OK) {
            status = satchel_store_end(store, learn(&work, moment), error);
        }
        if (status == SATCHEL_OK) {
            status = satchel_store_reload(store, error);
        }
    }
    return status;
}
