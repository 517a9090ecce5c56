/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An independent judge: nanopb's generated structs of envelope.proto read what we write, and we read what they write.
 */
#include "base/ids.h"
#include "support/wire/samples.h"
#include "wire/enroll.h"
#include "wire/fields.h"

#include <pb_decode.h>
#include <pb_encode.h>
#include <satchel/envelope.pb.h>
#include <string.h>

static satchel_answer_frame frame_of(test_random *random, satchel_frame_kind kind, satchel_arena *arena,
                                     satchel_buffer *payload, satchel_bytes *out_content) {
    satchel_wire_field field;
    bool found = false;
    satchel_answer_frame frame = sample_frame(random, kind, arena);
    satchel_buffer_clear(payload);
    REQUIRE_OK(satchel_answer_write(&frame, payload));
    satchel_reader reader = satchel_reader_of(satchel_buffer_view(payload));
    REQUIRE_OK(satchel_wire_next(&reader, &field, &found));
    REQUIRE(found && field.number == (uint32_t)kind && field.type == SATCHEL_WIRE_BYTES);
    *out_content = field.bytes;
    return frame;
}

/* nanopb reads our bytes into `message` and writes them again: the same bytes, for both are in order of number. */
static void pass_through(const pb_msgdesc_t *description, void *message, satchel_bytes content) {
    static uint8_t again[65536];
    pb_istream_t in = pb_istream_from_buffer(content.data, content.bytes);
    REQUIRE(pb_decode(&in, description, message));
    pb_ostream_t out = pb_ostream_from_buffer(again, sizeof again);
    REQUIRE(pb_encode(&out, description, message));
    CHECK_BYTES(satchel_bytes_of(again, out.bytes_written), content);
}

TEST(against_nanopb, every_frame_passes_through_it_unchanged) {
    static union {
        satchel_AnswerHead head;
        satchel_UnitResult result;
        satchel_ScopeSet scope_set;
        satchel_ScopeLoss scope_loss;
        satchel_Row row;
        satchel_Removal removal;
        satchel_PageEnd end;
        satchel_DigestRanges ranges;
        satchel_Erased erased;
    } message;
    const pb_msgdesc_t *const descriptions[] = {
        NULL,
        satchel_AnswerHead_fields,
        satchel_UnitResult_fields,
        satchel_ScopeSet_fields,
        satchel_ScopeLoss_fields,
        satchel_Row_fields,
        satchel_Removal_fields,
        satchel_PageEnd_fields,
        satchel_DigestRanges_fields,
        satchel_Erased_fields,
    };
    test_random random = test_random_of(181);
    satchel_arena arena = {0};
    satchel_buffer payload = {0};
    for (int i = 0; i < 7000; i++) {
        satchel_bytes content;
        satchel_frame_kind kind = (satchel_frame_kind)(1 + i % SATCHEL_FRAME_MOST);
        frame_of(&random, kind, &arena, &payload, &content);
        pass_through(descriptions[kind], &message, content);
        satchel_arena_reset(&arena);
    }
    satchel_buffer_deinit(&payload);
    satchel_arena_deinit(&arena);
}

TEST(against_nanopb, members_mean_the_same) {
    test_random random = test_random_of(182);
    satchel_arena arena = {0};
    satchel_buffer payload = {0};
    for (int i = 0; i < 1000; i++) {
        satchel_bytes content;
        satchel_AnswerHead head = satchel_AnswerHead_init_zero;
        satchel_answer_frame frame = frame_of(&random, SATCHEL_FRAME_HEAD, &arena, &payload, &content);
        pass_through(satchel_AnswerHead_fields, &head, content);
        const satchel_answer_head *ours = &frame.as.head;
        REQUIRE(head.status == (uint32_t)ours->status && head.server_time_ms == ours->server_time_ms);
        REQUIRE(head.epoch == ours->epoch && head.token_moved == ours->token_moved);
        REQUIRE(head.applied_through == ours->applied_through && head.minimum_schema == ours->minimum_schema);
        REQUIRE(head.backoff_ms == ours->backoff_ms && head.request_number == ours->request_number);
        satchel_Row row = satchel_Row_init_zero;
        frame = frame_of(&random, SATCHEL_FRAME_ROW, &arena, &payload, &content);
        pass_through(satchel_Row_fields, &row, content);
        const satchel_row_frame *our_row = &frame.as.row;
        REQUIRE(row.entity == our_row->entity && row.n == our_row->n && row.scope_set == our_row->scope_set);
        REQUIRE(row.whole == our_row->whole && row.deleted == our_row->deleted);
        REQUIRE(row.cleared_count == our_row->cleared_count);
        REQUIRE(satchel_bytes_equal(satchel_bytes_of(row.record.bytes, row.record.size), our_row->record));
        satchel_arena_reset(&arena);
    }
    CHECK(payload.bytes > 0);
    satchel_buffer_deinit(&payload);
    satchel_arena_deinit(&arena);
}

/* nanopb writes packed fields and the kind of an edit as we do not, so only what it read is compared. */
TEST(against_nanopb, ops_are_read_by_it) {
    static satchel_Op message;
    satchel_schema schema = sample_schema();
    test_random random = test_random_of(183);
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    satchel_buffer set = {0};
    for (int i = 0; i < 3000; i++) {
        satchel_op op = sample_op(&random, &schema, &arena);
        satchel_buffer_clear(&bytes);
        satchel_buffer_clear(&set);
        REQUIRE_OK(satchel_op_encode(&schema, &op, &bytes));
        REQUIRE_OK(satchel_record_encode(&schema, op.entity, &op.set, &set));
        pass_through(satchel_Op_fields, &message, satchel_buffer_view(&bytes));
        REQUIRE(message.kind == (op.kind == SATCHEL_OP_EDIT ? 0 : (uint32_t)op.kind) && message.entity == op.entity);
        REQUIRE(message.base_n == op.base_n && message.target == op.target && message.command == op.command);
        REQUIRE(message.exceptions_count == 2 * op.exception_count && message.cleared_count == op.cleared_count);
        REQUIRE(memcmp(message.row.bytes, op.row.bytes, sizeof op.row.bytes) == 0);
        REQUIRE(satchel_bytes_equal(satchel_bytes_of(message.set.bytes, message.set.size), satchel_buffer_view(&set)));
        satchel_arena_reset(&arena);
    }
    CHECK(bytes.bytes > 0);
    satchel_buffer_deinit(&set);
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

TEST(against_nanopb, request_heads_are_read_by_it) {
    static satchel_RequestHead message;
    satchel_schema schema = sample_schema();
    test_random random = test_random_of(184);
    satchel_arena arena = {0};
    satchel_buffer payload = {0};
    for (int i = 0; i < 1000; i++) {
        satchel_wire_field field;
        satchel_request_head head;
        bool found = false;
        sample_request(&random, &schema, &arena, &payload);
        satchel_reader reader = satchel_reader_of(satchel_buffer_view(&payload));
        satchel_reader same = reader;
        REQUIRE_OK(satchel_wire_next(&reader, &field, &found));
        REQUIRE_OK(satchel_request_read_head(&same, &head, NULL));
        pass_through(satchel_RequestHead_fields, &message, field.bytes);
        REQUIRE((message.protocol == 0 ? 1 : message.protocol) == head.protocol && message.schema == head.schema);
        REQUIRE(message.page_kib * 1024 == head.page_bytes && message.settled_through == head.settled_through);
        REQUIRE(message.now.boot == head.now.boot && message.now.offset_ms == head.now.offset_ms);
        REQUIRE(message.now.monotonic_ms == head.now.monotonic_ms &&
                message.now.start_ms == (int64_t)((uint64_t)head.now.wall_ms - (uint64_t)head.now.monotonic_ms));
        REQUIRE(memcmp(message.token_next.bytes, head.token_next, sizeof head.token_next) == 0);
        satchel_arena_reset(&arena);
    }
    CHECK(payload.bytes > 0);
    satchel_buffer_deinit(&payload);
    satchel_arena_deinit(&arena);
}

TEST(against_nanopb, its_enrolment_messages_are_read_by_us) {
    uint8_t bytes[1024];
    satchel_enroll_request read;
    satchel_EnrollRequest message = satchel_EnrollRequest_init_zero;
    message.code_key.size = SATCHEL_CODE_KEY_BYTES;
    memset(message.code_key.bytes, 3, SATCHEL_CODE_KEY_BYTES);
    message.token.size = SATCHEL_TOKEN_BYTES;
    memset(message.token.bytes, 4, SATCHEL_TOKEN_BYTES);
    memcpy(message.device_name, "phone", 6);
    message.protocol = 1;
    message.schema = 7;
    pb_ostream_t out = pb_ostream_from_buffer(bytes, sizeof bytes);
    REQUIRE(pb_encode(&out, satchel_EnrollRequest_fields, &message));
    REQUIRE_OK(satchel_enroll_request_read(satchel_bytes_of(bytes, out.bytes_written), &read, NULL));
    CHECK_TEXT(read.device_name, "phone");
    CHECK(read.protocol == 1 && read.schema == 7 && read.code_key[15] == 3 && read.token[7] == 4);
    CHECK(satchel_id_is_none(&read.incarnation));
}
