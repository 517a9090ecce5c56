/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads of answers, written frame by frame: what a server says in tests of the store's users.
 */
#ifndef SATCHEL_TESTS_UNIT_DEVICE_ANSWERS_H
#define SATCHEL_TESTS_UNIT_DEVICE_ANSWERS_H

#include "support/test.h"
#include "wire/answer.h"
#include "wire/record_codec.h"

#define ANSWER_SCOPE_SET 1u
#define ANSWER_SCOPE 7u

static inline void answer_frame(satchel_buffer *payload, const satchel_answer_frame *frame) {
    REQUIRE_OK(satchel_answer_write(frame, payload));
}

static inline void answer_head(satchel_buffer *payload, const satchel_answer_head *head) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    frame.as.head = *head;
    answer_frame(payload, &frame);
}

/* The one scope set of these tests; rows name it. */
static inline void answer_scopes(satchel_buffer *payload) {
    static const uint32_t scopes[] = {ANSWER_SCOPE};
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_SCOPE_SET};
    frame.as.scope_set = (satchel_scope_set){ANSWER_SCOPE_SET, scopes, 1};
    answer_frame(payload, &frame);
}

/* A whole row as the user sees it. */
static inline void answer_row(satchel_buffer *payload, const satchel_schema *schema, uint32_t entity,
                              const satchel_id *id, uint64_t n, const satchel_record *record) {
    satchel_buffer bytes = {0};
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_ROW};
    REQUIRE_OK(satchel_record_encode(schema, entity, record, &bytes));
    frame.as.row = (satchel_row_frame){
        .entity = entity,
        .row = *id,
        .n = n,
        .scope_set = ANSWER_SCOPE_SET,
        .whole = true,
        .record = satchel_buffer_view(&bytes),
    };
    answer_frame(payload, &frame);
    satchel_buffer_deinit(&bytes);
}

static inline void answer_removal(satchel_buffer *payload, uint32_t entity, const satchel_id *row) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_REMOVAL};
    frame.as.removal = (satchel_removal_frame){entity, satchel_bytes_of(row->bytes, SATCHEL_ID_BYTES)};
    answer_frame(payload, &frame);
}

/* The page that leads from cursor `before` to cursor `after`. */
static inline void answer_end(satchel_buffer *payload, satchel_bytes before, satchel_bytes after, uint64_t n,
                              bool more) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_END};
    frame.as.end = (satchel_page_end){.cursor = after, .position_n = n, .more = more};
    satchel_cursor_mark(before, frame.as.end.continues);
    answer_frame(payload, &frame);
}

#endif
