/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The payload of a sync answer: message SyncAnswer of envelope.proto, written and read frame by frame. A frame's kind
 * is its field number; one row of `frames` a kind makes writing, reading and checking.
 */
#include "wire/answer.h"

#include "base/error.h"
#include "base/ids.h"
#include "crypto/hash.h"
#include "wire/message.h"
#include "wire/orders.h"

#include <string.h>

#define STATUS_MOST 65535u /* newer servers may know more than this version: the number is passed on */

static const satchel_wire_member head_members[] = {
    SATCHEL_WIRE_MEMBER(satchel_answer_head, status, 1, SATCHEL_WIRE_ENUM, STATUS_MOST),
    SATCHEL_WIRE_MEMBER(satchel_answer_head, server_time_ms, 2, SATCHEL_WIRE_I64, 0),
    SATCHEL_WIRE_MEMBER(satchel_answer_head, epoch, 3, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_answer_head, token_moved, 4, SATCHEL_WIRE_BOOL, 0),
    SATCHEL_WIRE_MEMBER(satchel_answer_head, applied_through, 5, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_answer_head, minimum_schema, 6, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_answer_head, backoff_ms, 7, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_answer_head, fork_digest, 8, SATCHEL_WIRE_BLOB, SATCHEL_ANSWER_DIGEST_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_answer_head, request_number, 9, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_answer_head, orders, 11, SATCHEL_WIRE_BLOB, SATCHEL_ORDERS_BLOCK_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_answer_head, checkpoint, 12, SATCHEL_WIRE_BLOB, SATCHEL_CHECKPOINT_BLOCK_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_answer_head, witnessed, 13, SATCHEL_WIRE_BLOB, SATCHEL_CHECKPOINT_HASH_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_answer_head, verified_n, 14, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_answer_head, highest_number, 16, SATCHEL_WIRE_U64, 0),
};
static const satchel_wire_message head_message = SATCHEL_WIRE_TABLE("AnswerHead", satchel_answer_head, head_members);

static const satchel_wire_member loss_members[] = {
    SATCHEL_WIRE_MEMBER(satchel_result_loss, field, 1, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_result_loss, policy, 2, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_result_loss, kind, 3, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_result_loss, status, 4, SATCHEL_WIRE_ENUM, STATUS_MOST),
    SATCHEL_WIRE_MEMBER(satchel_result_loss, conflict, 5, SATCHEL_WIRE_FIXED, SATCHEL_ID_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_result_loss, winner, 6, SATCHEL_WIRE_BLOB, SATCHEL_LIMIT_RECORD_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_result_loss, loser, 7, SATCHEL_WIRE_BLOB, SATCHEL_LIMIT_RECORD_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_result_loss, winner_user, 8, SATCHEL_WIRE_FIXED, SATCHEL_ID_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_result_loss, winner_ms, 9, SATCHEL_WIRE_I64, 0),
};
static const satchel_wire_message loss_message = SATCHEL_WIRE_TABLE("Loss", satchel_result_loss, loss_members);

static const satchel_wire_member op_members[] = {
    SATCHEL_WIRE_MEMBER(satchel_op_result, index, 1, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_op_result, code, 2, SATCHEL_WIRE_ENUM, SATCHEL_RESULT_HELD),
    SATCHEL_WIRE_MEMBER(satchel_op_result, status, 3, SATCHEL_WIRE_ENUM, STATUS_MOST),
    SATCHEL_WIRE_MEMBER(satchel_op_result, field, 4, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_op_result, held_by, 5, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_op_result, rule, 6, SATCHEL_WIRE_TEXT, SATCHEL_LIMIT_RULE_BYTES),
    SATCHEL_WIRE_REPEATED(satchel_op_result, losses, loss_count, 7, SATCHEL_LIMIT_FIELDS_PER_RECORD, &loss_message),
};
static const satchel_wire_message op_message = SATCHEL_WIRE_TABLE("OpResult", satchel_op_result, op_members);

static const satchel_wire_member result_members[] = {
    SATCHEL_WIRE_MEMBER(satchel_unit_result, first_sequence, 1, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_unit_result, count, 2, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_unit_result, code, 3, SATCHEL_WIRE_ENUM, SATCHEL_RESULT_HELD),
    SATCHEL_WIRE_MEMBER(satchel_unit_result, stamp_ms, 4, SATCHEL_WIRE_I64, 0),
    SATCHEL_WIRE_REPEATED(satchel_unit_result, ops, op_count, 5, SATCHEL_LIMIT_UNIT_OPS, &op_message),
    SATCHEL_WIRE_MEMBER(satchel_unit_result, receipt, 6, SATCHEL_WIRE_BLOB, SATCHEL_RECEIPT_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_unit_result, keeper, 7, SATCHEL_WIRE_FIXED, SATCHEL_ID_BYTES),
};
static const satchel_wire_message result_message =
    SATCHEL_WIRE_TABLE("UnitResult", satchel_unit_result, result_members);

static const satchel_wire_member scope_set_members[] = {
    SATCHEL_WIRE_MEMBER(satchel_scope_set, number, 1, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_LIST(satchel_scope_set, scopes, scope_count, 2, SATCHEL_LIMIT_SCOPES),
};
static const satchel_wire_message scope_set_message =
    SATCHEL_WIRE_TABLE("ScopeSet", satchel_scope_set, scope_set_members);

static const satchel_wire_member scope_loss_members[] = {
    SATCHEL_WIRE_LIST(satchel_scope_set, scopes, scope_count, 1, SATCHEL_LIMIT_SCOPES),
};
static const satchel_wire_message scope_loss_message =
    SATCHEL_WIRE_TABLE("ScopeLoss", satchel_scope_set, scope_loss_members);

static const satchel_wire_member row_members[] = {
    SATCHEL_WIRE_MEMBER(satchel_row_frame, entity, 1, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_row_frame, row, 2, SATCHEL_WIRE_FIXED, SATCHEL_ID_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_row_frame, n, 3, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_row_frame, scope_set, 4, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_row_frame, whole, 5, SATCHEL_WIRE_BOOL, 0),
    SATCHEL_WIRE_MEMBER(satchel_row_frame, record, 6, SATCHEL_WIRE_BLOB, SATCHEL_LIMIT_RECORD_BYTES),
    SATCHEL_WIRE_LIST(satchel_row_frame, cleared, cleared_count, 7, SATCHEL_LIMIT_FIELDS_PER_RECORD),
    SATCHEL_WIRE_MEMBER(satchel_row_frame, deleted, 8, SATCHEL_WIRE_BOOL, 0),
};
static const satchel_wire_message row_message = SATCHEL_WIRE_TABLE("Row", satchel_row_frame, row_members);

static const satchel_wire_member removal_members[] = {
    SATCHEL_WIRE_MEMBER(satchel_removal_frame, entity, 1, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_removal_frame, rows, 2, SATCHEL_WIRE_BLOB,
                        SATCHEL_LIMIT_REMOVED_ROWS *SATCHEL_ID_BYTES),
};
static const satchel_wire_message removal_message =
    SATCHEL_WIRE_TABLE("Removal", satchel_removal_frame, removal_members);

static const satchel_wire_member end_members[] = {
    SATCHEL_WIRE_MEMBER(satchel_page_end, continues, 1, SATCHEL_WIRE_FIXED, SATCHEL_CURSOR_MARK_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_page_end, cursor, 2, SATCHEL_WIRE_BLOB, SATCHEL_LIMIT_CURSOR_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_page_end, position_n, 3, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_page_end, more, 4, SATCHEL_WIRE_BOOL, 0),
    SATCHEL_WIRE_MEMBER(satchel_page_end, rows_done, 5, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_page_end, rows_total, 6, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_page_end, digest, 7, SATCHEL_WIRE_BLOB, SATCHEL_ROW_DIGEST_BYTES),
};
static const satchel_wire_message end_message = SATCHEL_WIRE_TABLE("PageEnd", satchel_page_end, end_members);

static const satchel_wire_member ranges_members[] = {
    SATCHEL_WIRE_MEMBER(satchel_ranges_frame, settled, 1, SATCHEL_WIRE_BLOB, SATCHEL_LIMIT_DIGEST_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_ranges_frame, split, 2, SATCHEL_WIRE_BLOB, SATCHEL_LIMIT_DIGEST_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_ranges_frame, elements, 3, SATCHEL_WIRE_BLOB, SATCHEL_LIMIT_REMOVED_ROWS * 8),
};
static const satchel_wire_message ranges_message =
    SATCHEL_WIRE_TABLE("DigestRanges", satchel_ranges_frame, ranges_members);

static const satchel_wire_member erased_members[] = {
    SATCHEL_WIRE_MEMBER(satchel_erased_frame, erasure, 1, SATCHEL_WIRE_FIXED, SATCHEL_ID_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_erased_frame, entity, 2, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_erased_frame, rows, 3, SATCHEL_WIRE_BLOB, SATCHEL_LIMIT_REMOVED_ROWS *SATCHEL_ID_BYTES),
};
static const satchel_wire_message erased_message = SATCHEL_WIRE_TABLE("Erased", satchel_erased_frame, erased_members);

/* What the tables cannot say. All hold for what is written as well as for what is read. */

static bool empty_or(satchel_bytes bytes, size_t expected) {
    return bytes.bytes == 0 || bytes.bytes == expected;
}

static bool head_fits(const satchel_answer_frame *frame) {
    return empty_or(frame->as.head.fork_digest, SATCHEL_ANSWER_DIGEST_BYTES) &&
           empty_or(frame->as.head.witnessed, SATCHEL_CHECKPOINT_HASH_BYTES);
}

static bool result_fits(const satchel_answer_frame *frame) {
    const satchel_unit_result *result = &frame->as.result;
    if (result->first_sequence == 0 || result->count == 0 || result->count > SATCHEL_LIMIT_UNIT_OPS ||
        result->first_sequence > UINT64_MAX - (result->count - 1) || result->code == 0 ||
        !empty_or(result->receipt, SATCHEL_RECEIPT_BYTES)) {
        return false;
    }
    for (uint32_t i = 0; i < result->op_count; i++) {
        const satchel_op_result *op = &result->ops[i];
        if (op->index >= result->count || op->code == 0 || (i > 0 && result->ops[i - 1].index >= op->index)) {
            return false;
        }
    }
    return true;
}

static bool scope_set_fits(const satchel_answer_frame *frame) {
    return frame->as.scope_set.number != 0;
}

static bool scope_loss_fits(const satchel_answer_frame *frame) {
    return frame->as.scope_set.number == 0 && frame->as.scope_set.scope_count > 0;
}

static bool row_fits(const satchel_answer_frame *frame) {
    return frame->as.row.entity != 0 && !satchel_id_is_none(&frame->as.row.row);
}

static bool removal_fits(const satchel_answer_frame *frame) {
    const satchel_removal_frame *removal = &frame->as.removal;
    return removal->entity != 0 && removal->rows.bytes > 0 && removal->rows.bytes % SATCHEL_ID_BYTES == 0;
}

static bool end_fits(const satchel_answer_frame *frame) {
    return empty_or(frame->as.end.digest, SATCHEL_ROW_DIGEST_BYTES);
}

static bool ranges_fit(const satchel_answer_frame *frame) {
    const satchel_ranges_frame *ranges = &frame->as.ranges;
    return (ranges->settled.bytes > 0 || ranges->split.bytes > 0) && ranges->elements.bytes % 8 == 0;
}

static bool erased_fits(const satchel_answer_frame *frame) {
    const satchel_erased_frame *erased = &frame->as.erased;
    return !satchel_id_is_none(&erased->erasure) && erased->entity != 0 && erased->rows.bytes > 0 &&
           erased->rows.bytes % SATCHEL_ID_BYTES == 0;
}

typedef struct frame_kind {
    const satchel_wire_message *message;
    bool (*fits)(const satchel_answer_frame *frame);
} frame_kind;

static const frame_kind frames[] = {
    [SATCHEL_FRAME_HEAD] = {&head_message, head_fits},
    [SATCHEL_FRAME_RESULT] = {&result_message, result_fits},
    [SATCHEL_FRAME_SCOPE_SET] = {&scope_set_message, scope_set_fits},
    [SATCHEL_FRAME_SCOPE_LOSS] = {&scope_loss_message, scope_loss_fits},
    [SATCHEL_FRAME_ROW] = {&row_message, row_fits},
    [SATCHEL_FRAME_REMOVAL] = {&removal_message, removal_fits},
    [SATCHEL_FRAME_END] = {&end_message, end_fits},
    [SATCHEL_FRAME_RANGES] = {&ranges_message, ranges_fit},
    [SATCHEL_FRAME_ERASED] = {&erased_message, erased_fits},
};

static bool known(uint32_t kind) {
    return kind > SATCHEL_FRAME_NONE && kind <= SATCHEL_FRAME_MOST;
}

satchel_status satchel_answer_write(const satchel_answer_frame *frame, satchel_buffer *payload) {
    size_t start = payload->bytes;
    if (!known(frame->kind) || !frames[frame->kind].fits(frame)) {
        return SATCHEL_INVALID_ARGUMENT;
    }
    return satchel_wire_cut(payload, start,
                            satchel_wire_write_in(frames[frame->kind].message, frame->kind, &frame->as, payload));
}

satchel_status satchel_answer_read(satchel_reader *payload, satchel_arena *arena, satchel_answer_frame *out,
                                   satchel_error *error) {
    satchel_wire_field field = {0};
    bool found = true;
    out->kind = SATCHEL_FRAME_NONE;
    do {
        satchel_status status = satchel_wire_next(payload, &field, &found);
        if (status != SATCHEL_OK) {
            return satchel_fail(error, status, "SyncAnswer: broken at byte %zu", payload->at);
        }
    } while (found && !known(field.number));
    if (!found) {
        return SATCHEL_OK;
    }
    if (field.type != SATCHEL_WIRE_BYTES) {
        return satchel_fail(error, SATCHEL_MALFORMED, "SyncAnswer: frame %u is no message", field.number);
    }
    satchel_status status = satchel_wire_read(frames[field.number].message, field.bytes, arena, &out->as, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (!frames[field.number].fits(out)) {
        return satchel_fail(error, SATCHEL_MALFORMED, "%s: a member is missing or has a wrong size",
                            frames[field.number].message->name);
    }
    out->kind = (satchel_frame_kind)field.number;
    return SATCHEL_OK;
}

/* Frames come by number, but the end behind all. */
static int rank_of(satchel_frame_kind kind) {
    return kind == SATCHEL_FRAME_END ? SATCHEL_FRAME_MOST + 1 : (int)kind;
}

static satchel_status note_frame(const satchel_answer_frame *frame, satchel_frame_kind last, satchel_answer_survey *out,
                                 satchel_error *error) {
    bool once =
        frame->kind == SATCHEL_FRAME_HEAD || frame->kind == SATCHEL_FRAME_END || frame->kind == SATCHEL_FRAME_RANGES;
    bool first = last == SATCHEL_FRAME_NONE;
    if (first != (frame->kind == SATCHEL_FRAME_HEAD) || rank_of(frame->kind) < rank_of(last) ||
        (once && frame->kind == last)) {
        return satchel_fail(error, SATCHEL_MALFORMED, "SyncAnswer: frame %d after %d", (int)frame->kind, (int)last);
    }
    if (frame->kind == SATCHEL_FRAME_HEAD) {
        out->head = frame->as.head;
    }
    if (frame->kind == SATCHEL_FRAME_END) {
        out->end = frame->as.end;
        out->has_end = true;
    }
    out->counts[frame->kind]++;
    return SATCHEL_OK;
}

satchel_status satchel_answer_look(satchel_bytes payload, satchel_arena *arena, satchel_answer_survey *out,
                                   satchel_error *error) {
    satchel_reader reader = satchel_reader_of(payload);
    satchel_answer_frame frame;
    satchel_frame_kind last = SATCHEL_FRAME_NONE;
    memset(out, 0, sizeof *out);
    for (;;) {
        satchel_status status = satchel_answer_read(&reader, arena, &frame, error);
        if (status == SATCHEL_OK && frame.kind != SATCHEL_FRAME_NONE) {
            status = note_frame(&frame, last, out, error);
        }
        if (status != SATCHEL_OK) {
            return status;
        }
        if (frame.kind == SATCHEL_FRAME_NONE) {
            break;
        }
        last = frame.kind;
    }
    return last == SATCHEL_FRAME_NONE ? satchel_fail(error, SATCHEL_MALFORMED, "SyncAnswer: no head") : SATCHEL_OK;
}

satchel_status satchel_answer_check(satchel_bytes payload, satchel_arena *arena, satchel_answer_head *out_head,
                                    satchel_page_end *out_end, bool *out_has_end, satchel_error *error) {
    satchel_answer_survey survey;
    satchel_status status = satchel_answer_look(payload, arena, &survey, error);
    *out_head = survey.head;
    *out_end = survey.end;
    *out_has_end = survey.has_end;
    return status;
}

void satchel_cursor_mark(satchel_bytes cursor, uint8_t out[SATCHEL_CURSOR_MARK_BYTES]) {
    uint8_t hash[SATCHEL_HASH_BYTES];
    satchel_hash_of(cursor, hash);
    memcpy(out, hash, SATCHEL_CURSOR_MARK_BYTES);
}
