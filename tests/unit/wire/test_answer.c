/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answer payloads, frame by frame.
 */
#include "base/ids.h"
#include "base/limits.h"
#include "base/text.h"
#include "support/wire/samples.h"
#include "wire/fields.h"

#include <string.h>

/* Two frames are equal if their bytes are: every member is written, and only what is not zero. */
static bool comes_back(const satchel_answer_frame *frame, satchel_arena *arena, satchel_buffer *bytes,
                       satchel_buffer *again) {
    satchel_answer_frame read;
    satchel_buffer_clear(bytes);
    satchel_buffer_clear(again);
    REQUIRE_OK(satchel_answer_write(frame, bytes));
    satchel_reader reader = satchel_reader_of(satchel_buffer_view(bytes));
    REQUIRE_OK(satchel_answer_read(&reader, arena, &read, NULL));
    REQUIRE_OK(satchel_answer_write(&read, again));
    return read.kind == frame->kind && satchel_reader_left(&reader) == 0 &&
           satchel_bytes_equal(satchel_buffer_view(bytes), satchel_buffer_view(again));
}

TEST(answer, any_frame_comes_back_from_its_bytes) {
    test_random random = test_random_of(141);
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    satchel_buffer again = {0};
    unsigned long same = 0;
    for (int i = 0; i < 100000; i++) {
        satchel_frame_kind kind =
            (satchel_frame_kind)test_random_between(&random, SATCHEL_FRAME_HEAD, SATCHEL_FRAME_MOST);
        satchel_answer_frame frame = sample_frame(&random, kind, &arena);
        same += comes_back(&frame, &arena, &bytes, &again);
        satchel_arena_reset(&arena);
    }
    CHECK_UINT(same, 100000);
    satchel_buffer_deinit(&again);
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

TEST(answer, a_result_keeps_every_member) {
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    satchel_answer_frame read;
    const satchel_result_loss loss = {
        24, 1, 3, SATCHEL_OVERTAKEN, {{9}}, {(const uint8_t *)"win", 3}, {(const uint8_t *)"lost", 4}, {{8}}, -5};
    const satchel_op_result op = {2, SATCHEL_RESULT_MERGED, SATCHEL_OVERTAKEN, 24, 7, {"rule", 4}, &loss, 1};
    const satchel_answer_frame frame = {
        .kind = SATCHEL_FRAME_RESULT,
        .as.result = {40,
                      3,
                      SATCHEL_RESULT_APPLIED,
                      1770000000000,
                      &op,
                      1,
                      {(const uint8_t *)"0123456789abcdef0123456789ab", SATCHEL_RECEIPT_BYTES},
                      {{7}}}};
    REQUIRE_OK(satchel_answer_write(&frame, &bytes));
    satchel_reader reader = satchel_reader_of(satchel_buffer_view(&bytes));
    REQUIRE_OK(satchel_answer_read(&reader, &arena, &read, NULL));
    const satchel_unit_result *result = &read.as.result;
    REQUIRE_UINT(result->op_count, 1);
    REQUIRE_UINT(result->ops[0].loss_count, 1);
    CHECK(result->first_sequence == 40 && result->count == 3 && result->code == SATCHEL_RESULT_APPLIED);
    CHECK(result->stamp_ms == 1770000000000 && satchel_bytes_equal(result->receipt, frame.as.result.receipt));
    CHECK_ID(&result->keeper, &frame.as.result.keeper);
    CHECK(result->ops[0].index == 2 && result->ops[0].code == SATCHEL_RESULT_MERGED && result->ops[0].held_by == 7);
    CHECK(result->ops[0].status == SATCHEL_OVERTAKEN && result->ops[0].field == 24);
    CHECK_TEXT(result->ops[0].rule, "rule");
    const satchel_result_loss *got = result->ops[0].losses;
    CHECK(got->field == 24 && got->policy == 1 && got->kind == 3 && got->status == SATCHEL_OVERTAKEN);
    CHECK(satchel_id_equal(&got->conflict, &loss.conflict) && satchel_id_equal(&got->winner_user, &loss.winner_user));
    CHECK(satchel_bytes_equal(got->winner, loss.winner) && satchel_bytes_equal(got->loser, loss.loser));
    CHECK_INT(got->winner_ms, -5);
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

TEST(answer, a_payload_is_surveyed_without_its_rows) {
    test_random random = test_random_of(142);
    satchel_arena arena = {0};
    satchel_buffer payload = {0};
    for (int i = 0; i < 5000; i++) {
        satchel_answer_survey survey;
        satchel_answer_head head;
        satchel_page_end end;
        bool has_end = false;
        sample_answer(&random, &arena, &payload);
        satchel_bytes bytes = satchel_buffer_view(&payload);
        REQUIRE_OK(satchel_answer_look(bytes, &arena, &survey, NULL));
        REQUIRE_OK(satchel_answer_check(bytes, &arena, &head, &end, &has_end, NULL));
        REQUIRE(has_end && survey.has_end && survey.counts[SATCHEL_FRAME_HEAD] == 1);
        REQUIRE(head.server_time_ms == survey.head.server_time_ms && end.position_n == survey.end.position_n);
        satchel_arena_reset(&arena);
    }
    CHECK(payload.bytes > 0);
    satchel_buffer_deinit(&payload);
    satchel_arena_deinit(&arena);
}

static satchel_status check_kinds(const char *kinds) {
    test_random random = test_random_of(143);
    satchel_arena arena = {0};
    satchel_buffer payload = {0};
    satchel_answer_survey survey;
    for (const char *kind = kinds; *kind != '\0'; kind++) {
        satchel_answer_frame frame = sample_frame(&random, (satchel_frame_kind)(*kind - '0'), &arena);
        REQUIRE_OK(satchel_answer_write(&frame, &payload));
    }
    satchel_status status = satchel_answer_look(satchel_buffer_view(&payload), &arena, &survey, NULL);
    satchel_buffer_deinit(&payload);
    satchel_arena_deinit(&arena);
    return status;
}

TEST(answer, frames_stand_in_their_order) {
    static const char *const good[] = {"1", "17", "12234567", "155566", "1222", "147", "1687", "18"};
    static const char *const bad[] = {"",    "2",    "7", "11", "121", "132",  "177",
                                      "175", "1654", "5", "21", "178", "1878", "1887"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        test_note("%s", good[i]);
        CHECK_OK(check_kinds(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        test_note("%s", bad[i]);
        CHECK_STATUS(check_kinds(bad[i]), SATCHEL_MALFORMED);
    }
}

TEST(answer, a_frame_that_lacks_a_member_is_not_written) {
    const satchel_op_result past = {.index = 3, .code = SATCHEL_RESULT_APPLIED};
    const satchel_op_result twice[] = {{.code = SATCHEL_RESULT_APPLIED}, {.code = SATCHEL_RESULT_APPLIED}};
    const satchel_answer_frame cases[] = {
        {.kind = SATCHEL_FRAME_NONE},
        {.kind = (satchel_frame_kind)(SATCHEL_FRAME_MOST + 1)},
        {.kind = SATCHEL_FRAME_RANGES},
        {.kind = SATCHEL_FRAME_HEAD, .as.head = {.fork_digest = {(const uint8_t *)"short", 5}}},
        {.kind = SATCHEL_FRAME_RESULT, .as.result = {0, 1, SATCHEL_RESULT_APPLIED, 0, NULL, 0, {NULL, 0}, {{0}}}},
        {.kind = SATCHEL_FRAME_RESULT, .as.result = {1, 0, SATCHEL_RESULT_APPLIED, 0, NULL, 0, {NULL, 0}, {{0}}}},
        {.kind = SATCHEL_FRAME_RESULT, .as.result = {1, 1, (satchel_result_code)0, 0, NULL, 0, {NULL, 0}, {{0}}}},
        {.kind = SATCHEL_FRAME_RESULT, .as.result = {1, 3, SATCHEL_RESULT_APPLIED, 0, &past, 1, {NULL, 0}, {{0}}}},
        {.kind = SATCHEL_FRAME_RESULT, .as.result = {1, 3, SATCHEL_RESULT_APPLIED, 0, twice, 2, {NULL, 0}, {{0}}}},
        {.kind = SATCHEL_FRAME_RESULT,
         .as.result = {1, 1, SATCHEL_RESULT_APPLIED, 0, NULL, 0, {(const uint8_t *)"x", 1}, {{0}}}},
        {.kind = SATCHEL_FRAME_SCOPE_SET},
        {.kind = SATCHEL_FRAME_SCOPE_LOSS},
        {.kind = SATCHEL_FRAME_ROW, .as.row = {.row = {{1}}}},
        {.kind = SATCHEL_FRAME_ROW, .as.row = {.entity = 1}},
        {.kind = SATCHEL_FRAME_REMOVAL, .as.removal = {1, {NULL, 0}}},
        {.kind = SATCHEL_FRAME_REMOVAL, .as.removal = {1, {(const uint8_t *)"short", 5}}},
        {.kind = SATCHEL_FRAME_END, .as.end = {.digest = {(const uint8_t *)"short", 5}}},
    };
    satchel_buffer payload = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_note("case %zu", i);
        CHECK_STATUS(satchel_answer_write(&cases[i], &payload), SATCHEL_INVALID_ARGUMENT);
    }
    CHECK_UINT(payload.bytes, 0);
    satchel_buffer_deinit(&payload);
}

TEST(answer, bytes_that_are_no_frame_are_refused) {
    static const struct {
        const char *what;
        const char *hex;
        satchel_status status;
    } cases[] = {
        {"a head that is a number", "0801", SATCHEL_MALFORMED},
        {"status past its bound", "0a04 0880 8004", SATCHEL_MALFORMED},
        {"unit result code 6", "1206 0801 1001 1806", SATCHEL_MALFORMED},
        {"a rule that is no text", "120d 0801 1001 1801 2a05 1001 3201 ff", SATCHEL_MALFORMED},
        {"a row id of 2 bytes", "2a06 0801 1202 0102", SATCHEL_MALFORMED},
        {"scopes that end early", "1a05 0801 1201 80", SATCHEL_MALFORMED},
        {"a scope past 32 bits", "1a09 0801 1205 ffffffff7f", SATCHEL_MALFORMED},
        {"a mark of 3 bytes", "3a05 0a03 010203", SATCHEL_MALFORMED},
    };
    satchel_arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char hex[80];
        uint8_t bytes[40];
        size_t digits = 0;
        satchel_answer_frame frame;
        for (const char *at = cases[i].hex; *at != '\0'; at++) {
            if (*at != ' ') {
                hex[digits++] = *at;
            }
        }
        REQUIRE_OK(satchel_hex_read((satchel_text){hex, digits}, bytes, digits / 2));
        satchel_reader reader = satchel_reader_of(satchel_bytes_of(bytes, digits / 2));
        test_note("%s", cases[i].what);
        CHECK_STATUS(satchel_answer_read(&reader, &arena, &frame, NULL), cases[i].status);
    }
    satchel_arena_deinit(&arena);
}

TEST(answer, unknown_frames_are_passed_over) {
    satchel_arena arena = {0};
    satchel_answer_survey survey;
    CHECK_OK(satchel_answer_look(satchel_bytes_of("\x7a\x01z\x0a\x02\x18\x07\x50\x05", 9), &arena, &survey, NULL));
    CHECK_UINT(survey.head.epoch, 7);
    CHECK(!survey.has_end);
    satchel_arena_deinit(&arena);
}

static satchel_status write_scopes(uint32_t count, satchel_arena *arena) {
    satchel_buffer payload = {0};
    satchel_answer_frame read;
    uint32_t *scopes = satchel_arena_take_array(arena, count, sizeof *scopes);
    REQUIRE(scopes != NULL);
    const satchel_answer_frame frame = {.kind = SATCHEL_FRAME_SCOPE_SET, .as.scope_set = {1, scopes, count}};
    satchel_status status = satchel_answer_write(&frame, &payload);
    if (status == SATCHEL_OK) {
        satchel_reader reader = satchel_reader_of(satchel_buffer_view(&payload));
        status = satchel_answer_read(&reader, arena, &read, NULL);
        CHECK_UINT(read.as.scope_set.scope_count, count);
    }
    satchel_buffer_deinit(&payload);
    return status;
}

TEST(answer, scopes_and_removals_keep_their_limits) {
    static uint8_t rows[(SATCHEL_LIMIT_REMOVED_ROWS + 1) * SATCHEL_ID_BYTES];
    satchel_arena arena = {0};
    satchel_buffer payload = {0};
    CHECK_OK(write_scopes(SATCHEL_LIMIT_SCOPES, &arena));
    CHECK_STATUS(write_scopes(SATCHEL_LIMIT_SCOPES + 1, &arena), SATCHEL_LIMIT_EXCEEDED);
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_REMOVAL,
                                  .as.removal = {1, {rows, sizeof rows - SATCHEL_ID_BYTES}}};
    CHECK_OK(satchel_answer_write(&frame, &payload));
    frame.as.removal.rows.bytes = sizeof rows;
    CHECK_STATUS(satchel_answer_write(&frame, &payload), SATCHEL_LIMIT_EXCEEDED);
    satchel_buffer_deinit(&payload);
    satchel_arena_deinit(&arena);
}

TEST(answer, the_mark_of_a_cursor_begins_its_hash) {
    uint8_t mark[SATCHEL_CURSOR_MARK_BYTES];
    char hex[2 * SATCHEL_CURSOR_MARK_BYTES + 1];
    satchel_cursor_mark((satchel_bytes){NULL, 0}, mark);
    satchel_hex_write(satchel_bytes_of(mark, sizeof mark), hex);
    CHECK_TEXT(hex, "0e5751c026e543b2"); /* b2sum -l 256 of nothing */
}
