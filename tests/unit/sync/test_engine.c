/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sync engine as stories: each test is one exchange or two, and its transcript.
 */
#include "base/memory.h"
#include "support/sync/story.h"
#include "wire/body.h"

#include "base/ids.h"

#include <string.h>

static const story_answer nothing_new = {.continues = "", .cursor = ""};

static bool same_token(const uint8_t *a, const uint8_t *b) {
    return memcmp(a, b, SATCHEL_TOKEN_BYTES) == 0;
}

TEST(engine, pushes_its_units_and_stores_the_page_that_comes_with_the_results) {
    story s;
    story_open(&s);
    story_start(&s);
    story_units(&s, 2, 7, false);
    story_saved(&s);
    story_answer_with(&s, &(story_answer){.token_moved = true,
                                          .applied_through = 7,
                                          .result_first = 1,
                                          .result_count = 7,
                                          .rows = 3,
                                          .cursor = "c1",
                                          .continues = "",
                                          .position_n = 90});
    story_stored(&s, 7);
    CHECK_TEXT(s.text, "start: load after 0; 2 units: save; saved: send #1 with 2 units; answer: store; "
                       "stored: done (OK)");
    CHECK_BYTES(satchel_bytes_of(s.disk.cursor, s.disk.cursor_bytes), satchel_bytes_of("c1", 2));
    CHECK_UINT(s.disk.position.n, 90);
    CHECK_UINT(s.disk.position.epoch, 1);
    CHECK(s.disk.seen_ms > 1770000000000);
    story_close(&s);
}

TEST(engine, a_poll_with_nothing_new_costs_one_write_before_and_none_after) {
    story s;
    story_open(&s);
    story_send_poll(&s);
    story_answer_with(&s, &nothing_new);
    CHECK_TEXT(s.text, "start: load after 0; 0 units: save; saved: send #1 with 0 units; answer: done (OK)");
    story_close(&s);
}

TEST(engine, goes_on_while_the_server_has_pages_and_saves_once_a_page) {
    story s;
    story_open(&s);
    story_send_poll(&s);
    story_answer_with(&s,
                      &(story_answer){.token_moved = true, .rows = 5, .cursor = "c1", .continues = "", .more = true});
    story_stored(&s, 0);
    story_units(&s, 0, 0, false);
    CHECK_BYTES(s.request.cursor, satchel_bytes_of("c1", 2));
    story_answer_with(&s, &(story_answer){.token_moved = true, .rows = 5, .cursor = "c2", .continues = "c1"});
    story_stored(&s, 0);
    CHECK_TEXT(s.text, "start: load after 0; 0 units: save; saved: send #1 with 0 units; answer: store; "
                       "stored: load after 0; 0 units: send #2 with 0 units; answer: store; stored: done (OK)");
    story_close(&s);
}

TEST(engine, pushes_in_several_requests_each_after_what_was_decided) {
    story s;
    story_open(&s);
    story_start(&s);
    story_units(&s, 3, 30, true);
    story_saved(&s);
    story_answer_with(&s, &(story_answer){.token_moved = true,
                                          .applied_through = 30,
                                          .result_first = 1,
                                          .result_count = 30,
                                          .cursor = "c1",
                                          .continues = ""});
    story_stored(&s, 30);
    story_units(&s, 1, 31, false);
    story_answer_with(
        &s, &(story_answer){
                .token_moved = true, .applied_through = 31, .result_first = 31, .result_count = 1, .continues = "c1"});
    story_stored(&s, 31);
    CHECK_TEXT(s.text, "start: load after 0; 3 units of more: save; saved: send #1 with 3 units; answer: store; "
                       "stored: load after 30; 1 units: send #2 with 1 units; answer: store; stored: done (OK)");
    CHECK_UINT(s.disk.settled_through, 31);
    story_close(&s);
}

TEST(engine, sends_again_from_where_the_server_stopped_deciding) {
    story s;
    story_open(&s);
    story_start(&s);
    story_units(&s, 2, 20, false);
    story_saved(&s);
    story_answer_with(&s,
                      &(story_answer){.token_moved = true, .applied_through = 8, .result_first = 1, .result_count = 8});
    story_stored(&s, 8);
    CHECK_UINT(s.action.after_sequence, 8);
    CHECK_TEXT(s.text, "start: load after 0; 2 units: save; saved: send #1 with 2 units; answer: store; "
                       "stored: load after 8");
    story_close(&s);
}

TEST(engine, a_server_that_passes_over_what_it_was_sent_is_asked_again_later) {
    story s;
    story_open(&s);
    story_start(&s);
    for (int i = 0; i < SATCHEL_SYNC_RETRIES; i++) {
        story_units(&s, 1, 5, false);
        if (s.action.kind == SATCHEL_SYNC_DO_SAVE_STATE) {
            story_saved(&s);
        }
        story_answer_with(&s, &nothing_new);
        if (i < SATCHEL_SYNC_RETRIES - 1) {
            REQUIRE(s.action.kind == SATCHEL_SYNC_DO_WAIT);
            story_timer(&s);
        }
    }
    CHECK(s.action.kind == SATCHEL_SYNC_DO_DONE);
    CHECK_STATUS(s.action.status, SATCHEL_PROTOCOL_ERROR);
    story_close(&s);
}

TEST(engine, asks_for_the_page_once_more_after_results_alone) {
    story s;
    story_open(&s);
    story_start(&s);
    story_units(&s, 1, 4, false);
    story_saved(&s);
    story_answer_with(&s,
                      &(story_answer){.token_moved = true, .applied_through = 4, .result_first = 1, .result_count = 4});
    story_stored(&s, 4);
    story_units(&s, 0, 0, false);
    CHECK(s.request.page_bytes > 0);
    story_answer_with(&s, &nothing_new);
    CHECK_TEXT(s.text, "start: load after 0; 1 units: save; saved: send #1 with 1 units; answer: store; "
                       "stored: load after 4; 0 units: send #2 with 0 units; answer: done (OK)");
    story_close(&s);
}

TEST(engine, a_lost_reply_is_asked_for_with_the_same_tokens_and_a_new_number) {
    story s;
    uint8_t next[SATCHEL_TOKEN_BYTES];
    story_open(&s);
    story_send_poll(&s);
    memcpy(next, s.request.token_next, sizeof next);
    story_failed(&s);
    story_timer(&s);
    story_units(&s, 0, 0, false);
    story_saved(&s);
    CHECK(same_token(s.request.token_next, next));
    CHECK(same_token(s.request.token_current, (const uint8_t *)"\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0"));
    CHECK_TEXT(s.text,
               "start: load after 0; 0 units: save; saved: send #1 with 0 units; no answer: wait (NETWORK_ERROR); "
               "timer: load after 0; 0 units: save; saved: send #2 with 0 units");
    story_answer_with(&s, &(story_answer){.token_moved = true, .cursor = "c1", .continues = ""});
    story_stored(&s, 0);
    CHECK(same_token(s.disk.token_current, next));
    CHECK(!same_token(s.disk.token_next, next));
    story_close(&s);
}

TEST(engine, gives_up_after_so_many_failures_in_a_row) {
    story s;
    int64_t waited_ms = 0;
    story_open(&s);
    story_send_poll(&s);
    for (int i = 1; i < SATCHEL_SYNC_RETRIES; i++) {
        story_failed(&s);
        REQUIRE(s.action.kind == SATCHEL_SYNC_DO_WAIT);
        int64_t full_ms = SATCHEL_SYNC_BACKOFF_FIRST_MS << (i - 1);
        CHECK(s.action.wait_ms >= full_ms / 2 && s.action.wait_ms <= full_ms);
        waited_ms += s.action.wait_ms;
        story_timer(&s);
        story_units(&s, 0, 0, false);
        story_saved(&s);
    }
    story_failed(&s);
    CHECK(s.action.kind == SATCHEL_SYNC_DO_DONE);
    CHECK_STATUS(s.action.status, SATCHEL_NETWORK_ERROR);
    CHECK(waited_ms > SATCHEL_SYNC_BACKOFF_FIRST_MS);
    story_close(&s);
}

TEST(engine, a_busy_server_is_left_alone_for_as_long_as_it_says_within_bounds) {
    static const uint32_t asked_ms[] = {20000, 4000000000u};
    static const int64_t least_ms[] = {20000, SATCHEL_SYNC_BACKOFF_MOST_MS};
    for (int i = 0; i < 2; i++) {
        story s;
        story_open(&s);
        story_send_poll(&s);
        story_answer_with(&s, &(story_answer){.status = SATCHEL_BUSY, .backoff_ms = asked_ms[i]});
        REQUIRE(s.action.kind == SATCHEL_SYNC_DO_WAIT);
        CHECK_STATUS(s.action.status, SATCHEL_BUSY);
        CHECK(s.action.wait_ms >= least_ms[i] && s.action.wait_ms <= least_ms[i] + SATCHEL_SYNC_BACKOFF_FIRST_MS);
        story_close(&s);
    }
}

TEST(engine, a_page_that_continues_another_cursor_is_never_stored) {
    story s;
    story_open(&s);
    story_send_poll(&s);
    story_answer_with(&s, &(story_answer){.token_moved = true, .rows = 1, .cursor = "c2", .continues = "c1"});
    CHECK_TEXT(s.text,
               "start: load after 0; 0 units: save; saved: send #1 with 0 units; answer: wait (PROTOCOL_ERROR)");
    CHECK_UINT(satchel_sync_engine_state(s.engine)->cursor_bytes, 0);
    CHECK(same_token(satchel_sync_engine_state(s.engine)->token_current, s.request.token_current));
    story_close(&s);
}

TEST(engine, an_answer_to_another_request_is_never_taken) {
    story s;
    story_open(&s);
    story_send_poll(&s);
    story_failed(&s);
    story_timer(&s);
    story_units(&s, 0, 0, false);
    story_saved(&s);
    story_answer_with(&s, &(story_answer){.request_number = 1, .token_moved = true, .cursor = "c1", .continues = ""});
    CHECK_STATUS(s.action.status, SATCHEL_PROTOCOL_ERROR);
    CHECK(s.action.kind == SATCHEL_SYNC_DO_WAIT);
    story_close(&s);
}

TEST(engine, answers_that_make_no_sense_are_not_stored) {
    static const story_answer cases[] = {
        {.rows = 2},                                                           /* rows without an end */
        {.continues = "", .cursor = "", .more = true},                         /* more, but no way on */
        {.status = SATCHEL_STALE_CURSOR},                                      /* of no cursor at all */
        {.status = SATCHEL_UPGRADE_REQUIRED, .continues = "", .cursor = "c1"}, /* a page all the same */
        {.status = SATCHEL_PROTOCOL_ERROR},
        {.status = SATCHEL_SERVER_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        story s;
        story_open(&s);
        story_send_poll(&s);
        test_note("case %zu", i);
        story_answer_with(&s, &cases[i]);
        CHECK_INT(s.action.kind, SATCHEL_SYNC_DO_WAIT);
        story_close(&s);
    }
}

TEST(engine, bodies_that_are_no_answer_are_judged_by_their_http_status) {
    static const struct {
        uint32_t http_status;
        satchel_sync_action_kind action;
        satchel_status status;
    } cases[] = {
        {200, SATCHEL_SYNC_DO_WAIT, SATCHEL_PROTOCOL_ERROR},
        {302, SATCHEL_SYNC_DO_WAIT, SATCHEL_PROTOCOL_ERROR},
        {401, SATCHEL_SYNC_DO_DONE, SATCHEL_UNAUTHENTICATED},
        {404, SATCHEL_SYNC_DO_WAIT, SATCHEL_PROTOCOL_ERROR},
        {408, SATCHEL_SYNC_DO_WAIT, SATCHEL_TIMED_OUT},
        {409, SATCHEL_SYNC_DO_WAIT, SATCHEL_REPLAYED},
        {410, SATCHEL_SYNC_DO_DONE, SATCHEL_REVOKED},
        {413, SATCHEL_SYNC_DO_DONE, SATCHEL_LIMIT_EXCEEDED},
        {429, SATCHEL_SYNC_DO_WAIT, SATCHEL_BUSY},
        {500, SATCHEL_SYNC_DO_WAIT, SATCHEL_SERVER_ERROR},
        {503, SATCHEL_SYNC_DO_WAIT, SATCHEL_BUSY},
        {504, SATCHEL_SYNC_DO_WAIT, SATCHEL_TIMED_OUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        story s;
        story_open(&s);
        story_send_poll(&s);
        test_note("http %u", cases[i].http_status);
        story_answer_bytes(&s, cases[i].http_status, satchel_bytes_of("<html>sign in to the hotel</html>", 33));
        CHECK_INT(s.action.kind, cases[i].action);
        CHECK_STATUS(s.action.status, cases[i].status);
        story_close(&s);
    }
}

TEST(engine, statuses_that_no_retry_mends_end_the_exchange) {
    static const satchel_status cases[] = {SATCHEL_REVOKED, SATCHEL_UNAUTHENTICATED, SATCHEL_MALFORMED,
                                           SATCHEL_FORBIDDEN, SATCHEL_LIMIT_EXCEEDED};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        story s;
        story_open(&s);
        story_send_poll(&s);
        story_answer_with(&s, &(story_answer){.status = cases[i]});
        CHECK_INT(s.action.kind, SATCHEL_SYNC_DO_DONE);
        CHECK_STATUS(s.action.status, cases[i]);
        story_close(&s);
    }
}

TEST(engine, a_fork_goes_on_under_a_new_name_that_is_durable_before_it_is_sent) {
    story s;
    story_open(&s);
    const satchel_id before = s.disk.incarnation;
    story_send_poll(&s);
    story_answer_with(&s, &(story_answer){.status = SATCHEL_FORKED, .applied_through = 12, .fork = true});
    CHECK_INT(s.action.kind, SATCHEL_SYNC_DO_LOAD_UNITS);
    story_units(&s, 0, 0, false);
    CHECK_INT(s.action.kind, SATCHEL_SYNC_DO_SAVE_STATE);
    story_saved(&s);
    CHECK(s.disk.incarnation_new);
    CHECK(!satchel_id_equal(&s.disk.incarnation, &before));
    CHECK(satchel_id_equal(&s.request.incarnation, &s.disk.incarnation));
    REQUIRE(s.request.parents.bytes == SATCHEL_ID_BYTES);
    CHECK(memcmp(s.request.parents.data, before.bytes, SATCHEL_ID_BYTES) == 0);
    story_answer_with(&s, &(story_answer){.token_moved = true, .continues = "", .cursor = "a"});
    story_stored(&s, 0);
    CHECK_INT(s.action.kind, SATCHEL_SYNC_DO_DONE);
    CHECK(!s.disk.incarnation_new);
    story_close(&s);
}

TEST(engine, two_forks_in_one_exchange_are_the_end_of_it) {
    story s;
    story_open(&s);
    story_send_poll(&s);
    story_answer_with(&s, &(story_answer){.status = SATCHEL_FORKED, .fork = true});
    story_units(&s, 0, 0, false);
    story_saved(&s);
    story_answer_with(&s, &(story_answer){.status = SATCHEL_FORKED, .fork = true});
    CHECK_INT(s.action.kind, SATCHEL_SYNC_DO_DONE);
    CHECK_STATUS(s.action.status, SATCHEL_FORKED);
    story_close(&s);
}

/* A clone with the same tokens asks after the other has sent: a page that holds the other's ops is not for its log. */
TEST(engine, regress_what_a_copy_sent_under_our_name_is_a_fork) {
    const uint64_t applied[] = {7, 8};
    for (size_t i = 0; i < sizeof applied / sizeof *applied; i++) {
        story s;
        story_open(&s);
        story_start(&s);
        story_units(&s, 2, 7, false);
        story_saved(&s);
        const satchel_id before = s.disk.incarnation;
        story_answer_with(&s, &(story_answer){.token_moved = true,
                                              .applied_through = applied[i],
                                              .result_first = 1,
                                              .result_count = 7,
                                              .rows = 1,
                                              .cursor = "c1",
                                              .continues = ""});
        CHECK_INT(s.action.kind, i == 0 ? SATCHEL_SYNC_DO_STORE : SATCHEL_SYNC_DO_LOAD_UNITS);
        if (i == 1) {
            story_units(&s, 2, 7, false);
            story_saved(&s);
            CHECK(s.disk.incarnation_new && !satchel_id_equal(&s.disk.incarnation, &before));
            CHECK_UINT(s.disk.cursor_bytes, 0);
        }
        story_close(&s);
    }
}

/* A repaired log sends in parts what was sent in one: the server knows more than this part, and no copy is at work. */
TEST(engine, regress_what_is_still_to_be_sent_again_makes_no_fork) {
    story s;
    story_open(&s);
    story_start(&s);
    story_units(&s, 1, 3, true);
    story_saved(&s);
    story_answer_with(
        &s,
        &(story_answer){
            .applied_through = 5, .result_first = 1, .result_count = 3, .rows = 1, .cursor = "c1", .continues = ""});
    CHECK_INT(s.action.kind, SATCHEL_SYNC_DO_STORE);
    CHECK(!s.disk.incarnation_new);
    story_close(&s);
}

TEST(engine, names_that_the_server_may_not_know_are_kept_up_to_their_limit) {
    satchel_sync_state state = {.incarnation = {{1}}};
    const uint8_t token[SATCHEL_TOKEN_BYTES] = {9};
    for (uint8_t i = 2; i <= SATCHEL_LIMIT_PARENTS + 1; i++) {
        satchel_sync_begin_life(&state, &(satchel_id){{i}}, token);
    }
    CHECK_UINT(state.parent_count, SATCHEL_LIMIT_PARENTS);
    CHECK_UINT(state.parents[0].bytes[0], SATCHEL_LIMIT_PARENTS);
    CHECK_UINT(state.parents[SATCHEL_LIMIT_PARENTS - 1].bytes[0], 1);
    satchel_sync_begin_life(&state, &(satchel_id){{99}}, token);
    CHECK_UINT(state.parent_count, SATCHEL_LIMIT_PARENTS);
    CHECK_UINT(state.parents[0].bytes[0], SATCHEL_LIMIT_PARENTS + 1);
    CHECK_UINT(state.parents[SATCHEL_LIMIT_PARENTS - 2].bytes[0], 3);
    CHECK_UINT(state.parents[SATCHEL_LIMIT_PARENTS - 1].bytes[0], 1);
    state.incarnation_new = false;
    satchel_sync_begin_life(&state, &(satchel_id){{100}}, token);
    CHECK_UINT(state.parent_count, 1);
}

TEST(engine, says_how_many_rows_it_takes_where_it_asks_for_a_page) {
    for (int push_only = 0; push_only < 2; push_only++) {
        story s;
        story_open(&s);
        satchel_sync_engine_say(s.engine, &(satchel_sync_notes){.page_rows = 300, .push_only = push_only != 0});
        story_start(&s);
        story_units(&s, 1, 4, false);
        story_saved(&s);
        CHECK_UINT(s.request.page_rows, push_only != 0 ? 0 : 300);
        story_close(&s);
    }
}

TEST(engine, an_old_app_still_pushes_everything_and_then_asks_for_the_upgrade) {
    story s;
    story_open(&s);
    story_start(&s);
    story_units(&s, 1, 5, true);
    story_saved(&s);
    story_answer_with(&s, &(story_answer){.status = SATCHEL_UPGRADE_REQUIRED,
                                          .minimum_schema = 4,
                                          .token_moved = true,
                                          .applied_through = 5,
                                          .result_first = 1,
                                          .result_count = 5});
    story_stored(&s, 5);
    story_units(&s, 1, 9, false);
    CHECK_UINT(s.request.page_bytes, 0);
    story_answer_with(&s,
                      &(story_answer){.token_moved = true, .applied_through = 9, .result_first = 6, .result_count = 4});
    story_stored(&s, 9);
    CHECK_TEXT(s.text, "start: load after 0; 1 units of more: save; saved: send #1 with 1 units; answer: store; "
                       "stored: load after 5; 1 units: send #2 with 1 units; answer: store; "
                       "stored: done (UPGRADE_REQUIRED)");
    CHECK_UINT(s.action.minimum_schema, 4);
    story_close(&s);
}

TEST(engine, a_stale_cursor_is_dropped_and_all_begins_again) {
    story s;
    satchel_sync_state state = {.incarnation = {{1}}, .cursor = "old", .cursor_bytes = 3, .position = {1, 50}};
    story_open_with(&s, &state);
    story_send_poll(&s);
    story_answer_with(&s, &(story_answer){.status = SATCHEL_STALE_CURSOR});
    story_stored(&s, 0);
    story_units(&s, 0, 0, false);
    CHECK_UINT(s.request.cursor.bytes, 0);
    story_answer_with(&s, &(story_answer){.token_moved = true, .rows = 2, .cursor = "new", .continues = ""});
    story_stored(&s, 0);
    CHECK_TEXT(s.text, "start: load after 0; 0 units: save; saved: send #1 with 0 units; answer: store; "
                       "stored: load after 0; 0 units: send #2 with 0 units; answer: store; stored: done (OK)");
    CHECK_BYTES(satchel_bytes_of(s.disk.cursor, s.disk.cursor_bytes), satchel_bytes_of("new", 3));
    story_close(&s);
}

/* Copies of a phone that leap past each other by guesses end beyond what the slowest of them reaches. */
TEST(engine, regress_a_copy_far_behind_goes_on_from_the_number_that_the_server_names) {
    story s;
    const uint64_t far = UINT64_C(1) << 40;
    story_open(&s);
    story_send_poll(&s);
    story_answer_with(&s, &(story_answer){.status = SATCHEL_REPLAYED, .highest_number = far});
    REQUIRE(s.action.kind == SATCHEL_SYNC_DO_WAIT);
    story_timer(&s);
    story_units(&s, 0, 0, false);
    story_saved(&s);
    CHECK_UINT(s.action.request_number, far + 1);
    story_answer_with(&s, &(story_answer){.status = SATCHEL_REPLAYED, .highest_number = UINT64_MAX}); /* a mistake */
    story_timer(&s);
    story_units(&s, 0, 0, false);
    story_saved(&s);
    CHECK(s.action.request_number > far + 1 && s.action.request_number < far + 65536);
    story_close(&s);
}

TEST(engine, numbers_leap_ever_further_until_the_server_has_not_seen_one) {
    story s;
    uint64_t last = 0;
    uint64_t leap = 0;
    story_open(&s);
    story_send_poll(&s);
    for (int i = 1; i < SATCHEL_SYNC_RETRIES; i++) {
        story_answer_with(&s, &(story_answer){.status = SATCHEL_REPLAYED});
        REQUIRE(s.action.kind == SATCHEL_SYNC_DO_WAIT);
        story_timer(&s);
        story_units(&s, 0, 0, false);
        story_saved(&s);
        CHECK(s.action.request_number - last > leap);
        leap = s.action.request_number - last;
        last = s.action.request_number;
        CHECK_UINT(s.disk.request_number, last);
    }
    CHECK(last > 65536);
    story_close(&s);
}

TEST(engine, a_page_that_cannot_be_stored_ends_the_exchange_and_comes_again) {
    story s;
    story_open(&s);
    story_send_poll(&s);
    story_answer_with(&s, &(story_answer){.token_moved = true, .rows = 1, .cursor = "c1", .continues = ""});
    story_store_failed(&s, SATCHEL_DISK_FULL);
    CHECK_STATUS(s.action.status, SATCHEL_DISK_FULL);
    CHECK_UINT(satchel_sync_engine_state(s.engine)->cursor_bytes, 0);
    story_send_poll(&s);
    CHECK_UINT(s.request.cursor.bytes, 0);
    CHECK(same_token(s.request.token_current, s.disk.token_current));
    story_answer_with(&s, &(story_answer){.token_moved = true, .rows = 1, .cursor = "c1", .continues = ""});
    story_stored(&s, 0);
    CHECK_UINT(s.disk.cursor_bytes, 2);
    story_close(&s);
}

TEST(engine, a_state_that_cannot_be_saved_sends_nothing) {
    story s;
    story_open(&s);
    story_start(&s);
    story_units(&s, 0, 0, false);
    story_store_failed(&s, SATCHEL_IO_ERROR);
    CHECK_TEXT(s.text, "start: load after 0; 0 units: save; not stored: done (IO_ERROR)");
    story_send_poll(&s);
    CHECK_UINT(s.disk.request_number, s.action.request_number);
    story_close(&s);
}

TEST(engine, a_kill_between_any_two_steps_leaves_a_request_that_the_server_can_place) {
    for (int killed_at = 0; killed_at < 5; killed_at++) {
        story s;
        story_open(&s);
        story_start(&s);
        if (killed_at > 0) {
            story_units(&s, 0, 0, false);
        }
        if (killed_at > 1) {
            story_saved(&s);
        }
        if (killed_at > 2) {
            story_answer_with(&s, &(story_answer){.token_moved = true, .cursor = "c1", .continues = "", .more = true});
        }
        if (killed_at > 3) {
            story_stored(&s, 0);
        }
        satchel_sync_state before = s.disk;
        story_kill(&s);
        story_send_poll(&s);
        test_note("killed at %d: %s", killed_at, s.text);
        CHECK(same_token(s.request.token_current, before.token_current));
        CHECK(!before.token_next_sent || same_token(s.request.token_next, before.token_next));
        CHECK(s.action.request_number > before.request_number);
        CHECK_UINT(s.disk.request_number, s.action.request_number);
        CHECK_UINT(s.request.cursor.bytes, before.cursor_bytes);
        story_close(&s);
    }
}

TEST(engine, cancel_ends_any_step_and_the_next_exchange_goes_on) {
    for (int step = 0; step < 5; step++) {
        story s;
        story_open(&s);
        story_start(&s);
        if (step > 0) {
            story_units(&s, 1, 3, false);
        }
        if (step > 1) {
            story_saved(&s);
        }
        if (step == 3) {
            story_failed(&s);
        }
        if (step == 4) {
            story_answer_with(&s, &(story_answer){.token_moved = true, .cursor = "c1", .continues = ""});
        }
        story_cancel(&s);
        CHECK_STATUS(s.action.status, SATCHEL_CANCELLED);
        story_send_poll(&s);
        CHECK_UINT(s.request.cursor.bytes, 0);
        CHECK(same_token(s.request.token_current, (const uint8_t *)"\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0"));
        story_close(&s);
    }
}

TEST(engine, tells_that_more_is_ready_when_it_is_cut_short) {
    story s;
    story_open(&s);
    story_send_poll(&s);
    story_answer_with(&s,
                      &(story_answer){.token_moved = true, .rows = 1, .cursor = "c1", .continues = "", .more = true});
    story_stored(&s, 0);
    story_cancel(&s);
    CHECK(s.action.more);
    CHECK_UINT(s.action.rows_done, 1);
    story_close(&s);
}

TEST(engine, events_that_do_not_fit_change_nothing) {
    static const satchel_sync_event_kind wrong[] = {SATCHEL_SYNC_UNITS,  SATCHEL_SYNC_SAVED,  SATCHEL_SYNC_ANSWER,
                                                    SATCHEL_SYNC_FAILED, SATCHEL_SYNC_STORED, SATCHEL_SYNC_STORE_FAILED,
                                                    SATCHEL_SYNC_TIMER,  SATCHEL_SYNC_CANCEL};
    story s;
    satchel_sync_action action;
    story_open(&s);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const satchel_sync_event event = {.kind = wrong[i]};
        CHECK_STATUS(satchel_sync_engine_step(s.engine, &event, &action), SATCHEL_MISUSE);
    }
    const satchel_sync_event none = {.kind = (satchel_sync_event_kind)0};
    const satchel_sync_event past = {.kind = (satchel_sync_event_kind)10};
    CHECK_STATUS(satchel_sync_engine_step(s.engine, &none, &action), SATCHEL_MISUSE);
    CHECK_STATUS(satchel_sync_engine_step(s.engine, &past, &action), SATCHEL_MISUSE);
    story_send_poll(&s);
    const satchel_sync_event start = {.kind = SATCHEL_SYNC_START};
    CHECK_STATUS(satchel_sync_engine_step(s.engine, &start, &action), SATCHEL_MISUSE);
    story_answer_with(&s, &nothing_new);
    const satchel_sync_event again = {.kind = SATCHEL_SYNC_ANSWER, .body = satchel_buffer_view(&s.body)};
    CHECK_STATUS(satchel_sync_engine_step(s.engine, &again, &action), SATCHEL_MISUSE); /* a duplicated answer */
    story_close(&s);
}

TEST(engine, what_is_settled_is_told_once) {
    story s;
    satchel_sync_state state = {.incarnation = {{1}}, .settled_through = 6};
    story_open_with(&s, &state);
    story_start(&s);
    CHECK_UINT(s.action.after_sequence, 6);
    story_units(&s, 1, 8, false);
    story_saved(&s);
    CHECK_UINT(s.request.settled_through, 0);
    story_answer_with(&s, &(story_answer){.token_moved = true,
                                          .applied_through = 8,
                                          .result_first = 7,
                                          .result_count = 2,
                                          .cursor = "c1",
                                          .continues = "",
                                          .more = true});
    story_stored(&s, 8);
    story_units(&s, 0, 0, false);
    CHECK_UINT(s.request.settled_through, 8);
    story_answer_with(&s, &(story_answer){.continues = "c1"});
    story_send_poll(&s);
    CHECK_UINT(s.request.settled_through, 0);
    story_close(&s);
}

TEST(engine, names_its_incarnation_with_units_and_when_it_is_new) {
    story s;
    satchel_sync_state state = {.incarnation = {{7}}, .incarnation_new = true};
    story_open_with(&s, &state);
    story_send_poll(&s);
    CHECK_UINT(s.request.incarnation.bytes[0], 7);
    story_answer_with(&s, &nothing_new);
    REQUIRE(s.action.kind == SATCHEL_SYNC_DO_STORE);
    story_stored(&s, 0);
    story_send_poll(&s);
    CHECK_UINT(s.request.incarnation.bytes[0], 0);
    story_answer_with(&s, &nothing_new);
    story_start(&s);
    story_units(&s, 1, 1, false);
    story_saved(&s);
    CHECK_UINT(s.request.incarnation.bytes[0], 7);
    story_close(&s);
}

TEST(engine, a_poll_is_at_most_64_bytes_each_way) {
    story s;
    satchel_sync_state state = {
        .incarnation = {{7}}, .cursor = "sixteen bytes...", .cursor_bytes = 16, .settled_through = 9000};
    story_open_with(&s, &state);
    s.clock_ms = 400000000;
    story_send_poll(&s);
    CHECK(s.action.body.bytes <= 64);
    story_body_of(&s, &(story_answer){.continues = "sixteen bytes...", .position_n = 70000, .applied_through = 9000});
    CHECK(s.body.bytes <= 64);
    story_close(&s);
}

TEST(engine, a_digest_is_stored_even_if_nothing_else_is_new) {
    story s;
    story_open(&s);
    story_send_poll(&s);
    story_answer_with(&s, &(story_answer){.continues = "", .digest = true});
    CHECK_INT(s.action.kind, SATCHEL_SYNC_DO_STORE);
    story_close(&s);
}

TEST(engine, the_time_of_the_server_is_stored_after_an_hour_at_most) {
    story s;
    story_open(&s);
    s.disk.seen_ms = 1770000001000;
    story_kill(&s);
    s.clock_ms = SATCHEL_SYNC_SEEN_STEP_MS - 100;
    story_send_poll(&s);
    story_answer_with(&s, &nothing_new);
    CHECK_INT(s.action.kind, SATCHEL_SYNC_DO_DONE);
    story_kill(&s);
    s.clock_ms = SATCHEL_SYNC_SEEN_STEP_MS + 100;
    story_send_poll(&s);
    story_answer_with(&s, &nothing_new);
    CHECK_INT(s.action.kind, SATCHEL_SYNC_DO_STORE);
    story_close(&s);
}

TEST(engine, too_many_units_end_the_exchange) {
    static satchel_bytes units[SATCHEL_LIMIT_UNITS_PER_REQUEST + 1];
    for (uint32_t over = 0; over < 2; over++) {
        story s;
        story_open(&s);
        story_start(&s);
        satchel_sync_event event = {.kind = SATCHEL_SYNC_UNITS, .units = units, .last_sequence = 9};
        event.unit_count = SATCHEL_LIMIT_UNITS_PER_REQUEST + over;
        REQUIRE_OK(satchel_sync_engine_step(s.engine, &event, &s.action));
        CHECK_INT(s.action.kind, over == 0 ? SATCHEL_SYNC_DO_SAVE_STATE : SATCHEL_SYNC_DO_DONE);
        CHECK_STATUS(s.action.status, over == 0 ? SATCHEL_OK : SATCHEL_LIMIT_EXCEEDED);
        story_close(&s);
    }
}

TEST(engine, every_step_may_be_repeated_after_memory_ran_out) {
    story s;
    satchel_sync_action action;
    unsigned long failures = 0;
    story_open(&s);
    story_start(&s);
    const satchel_bytes unit = {(const uint8_t *)"unit", 4};
    satchel_sync_event units = {.kind = SATCHEL_SYNC_UNITS, .units = &unit, .unit_count = 1, .last_sequence = 1};
    satchel_status status = SATCHEL_NO_MEMORY;
    for (unsigned long at = 1; status == SATCHEL_NO_MEMORY; at++, failures++) {
        satchel_memory_fail_at(at, 0);
        status = satchel_sync_engine_step(s.engine, &units, &s.action);
        satchel_memory_fail_at(0, 0);
    }
    REQUIRE_OK(status);
    story_saved(&s);
    satchel_bytes body = story_body_of(&s, &(story_answer){.token_moved = true, .result_first = 1, .result_count = 1});
    satchel_sync_event answer = {.kind = SATCHEL_SYNC_ANSWER, .http_status = 200, .body = body};
    status = SATCHEL_NO_MEMORY;
    for (unsigned long at = 1; status == SATCHEL_NO_MEMORY; at++, failures++) {
        satchel_memory_fail_at(at, 0);
        status = satchel_sync_engine_step(s.engine, &answer, &action);
        satchel_memory_fail_at(0, 0);
    }
    REQUIRE_OK(status);
    CHECK_INT(action.kind, SATCHEL_SYNC_DO_STORE);
    CHECK(failures > 2);
    story_close(&s);
}

TEST(engine, opens_with_a_cursor_of_its_limit_and_no_longer) {
    satchel_sync_engine *engine = NULL;
    satchel_sync_state state = {.cursor_bytes = SATCHEL_LIMIT_CURSOR_BYTES};
    REQUIRE_OK(satchel_sync_engine_open(&engine, &state, 1));
    satchel_sync_engine_close(engine);
    state.cursor_bytes++;
    CHECK_STATUS(satchel_sync_engine_open(&engine, &state, 1), SATCHEL_INVALID_ARGUMENT);
    CHECK(engine == NULL);
    satchel_sync_engine_close(NULL);
    satchel_memory_fail_at(1, 0);
    state.cursor_bytes = 0;
    CHECK_STATUS(satchel_sync_engine_open(&engine, &state, 1), SATCHEL_NO_MEMORY);
    satchel_memory_fail_at(0, 0);
}

/* A store that differs asks in the same exchange again, but not for ever. */
TEST(engine, a_difference_is_asked_about_a_bounded_number_of_times) {
    story s;
    uint32_t asked = 0;
    story_open(&s);
    story_start(&s);
    while (s.action.kind == SATCHEL_SYNC_DO_LOAD_UNITS && asked < 20) {
        satchel_sync_event event = {.kind = SATCHEL_SYNC_UNITS, .digests = {(const uint8_t *)"\x00\x00\x05\x01", 4}};
        REQUIRE_OK(satchel_sync_engine_step(s.engine, &event, &s.action));
        asked++;
        if (s.action.kind == SATCHEL_SYNC_DO_SAVE_STATE) {
            story_saved(&s);
        }
        story_answer_with(&s, &(story_answer){.continues = "", .digest = true});
        REQUIRE(s.action.kind == SATCHEL_SYNC_DO_STORE);
        event = (satchel_sync_event){.kind = SATCHEL_SYNC_STORED, .digests_due = true};
        REQUIRE_OK(satchel_sync_engine_step(s.engine, &event, &s.action));
    }
    CHECK_UINT(asked, SATCHEL_SYNC_DIGEST_ROUNDS);
    CHECK_INT(s.action.kind, SATCHEL_SYNC_DO_DONE);
    CHECK_STATUS(s.action.status, SATCHEL_OK);
    story_close(&s);
}
