/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries out what the engine asks, on a disk of one struct, and writes the transcript:
 * "start: load after 0; 2 units: save; saved: send #1 with 2 units; …".
 */
#include "support/sync/story.h"

#include "wire/body.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void tell(story *told, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(story *told, const char *format, ...) {
    size_t at = strlen(told->text);
    va_list arguments;
    va_start(arguments, format);
    int bytes = vsnprintf(told->text + at, sizeof told->text - at, format, arguments);
    va_end(arguments);
    REQUIRE(bytes >= 0 && (size_t)bytes < sizeof told->text - at);
}

static void read_request(story *told) {
    satchel_bytes unit;
    bool found = true;
    REQUIRE_OK(satchel_body_unpack(told->action.body, &told->payload, NULL));
    satchel_reader reader = satchel_reader_of(satchel_buffer_view(&told->payload));
    REQUIRE_OK(satchel_request_read_head(&reader, &told->request, NULL));
    for (told->request_units = 0; found; told->request_units += found) {
        REQUIRE_OK(satchel_request_next_unit(&reader, &unit, &found, NULL));
    }
}

static void tell_action(story *told) {
    const satchel_sync_action *action = &told->action;
    switch (action->kind) {
    case SATCHEL_SYNC_DO_LOAD_UNITS: tell(told, ": load after %" PRIu64, action->after_sequence); break;
    case SATCHEL_SYNC_DO_SAVE_STATE: tell(told, ": save"); break;
    case SATCHEL_SYNC_DO_SEND:
        read_request(told);
        tell(told, ": send #%" PRIu64 " with %u units", action->request_number, told->request_units);
        break;
    case SATCHEL_SYNC_DO_STORE: tell(told, ": store"); break;
    case SATCHEL_SYNC_DO_WAIT: tell(told, ": wait (%s)", satchel_status_name(action->status)); break;
    case SATCHEL_SYNC_DO_DONE:
        tell(told, ": done (%s%s)", satchel_status_name(action->status), action->more ? ", more" : "");
        break;
    }
}

static satchel_sync_event event_of(story *told, satchel_sync_event_kind kind) {
    satchel_sync_event event = {.kind = kind};
    told->clock_ms += 10;
    event.moment = (satchel_moment){1, told->clock_ms, 1770000000000 + told->clock_ms, 0};
    memset(event.random, (int)(told->clock_ms / 10 % 255 + 1), sizeof event.random);
    return event;
}

static void step(story *told, const satchel_sync_event *event) {
    REQUIRE_OK(satchel_sync_engine_step(told->engine, event, &told->action));
    tell_action(told);
}

static void open_engine(story *told) {
    REQUIRE_OK(satchel_sync_engine_open(&told->engine, &told->disk, 1));
}

void story_open_with(story *told, const satchel_sync_state *state) {
    memset(told, 0, sizeof *told);
    told->disk = *state;
    open_engine(told);
}

void story_open(story *told) {
    satchel_sync_state state;
    memset(&state, 0, sizeof state);
    state.incarnation = (satchel_id){{1}};
    memset(state.token_current, 0xc0, sizeof state.token_current);
    state.seen_ms = 1770000000000;
    state.position.epoch = 1;
    story_open_with(told, &state);
}

void story_close(story *told) {
    satchel_sync_engine_close(told->engine);
    satchel_buffer_deinit(&told->payload);
    satchel_buffer_deinit(&told->scratch);
    satchel_buffer_deinit(&told->body);
}

void story_kill(story *told) {
    satchel_sync_engine_close(told->engine);
    tell(told, "; killed");
    open_engine(told);
}

void story_start(story *told) {
    satchel_sync_event event = event_of(told, SATCHEL_SYNC_START);
    tell(told, "%sstart", told->text[0] == '\0' ? "" : "; ");
    step(told, &event);
}

void story_units(story *told, uint32_t count, uint64_t last, bool more) {
    satchel_sync_event event = event_of(told, SATCHEL_SYNC_UNITS);
    const satchel_bytes units[4] = {
        {(const uint8_t *)"one", 3}, {(const uint8_t *)"two", 3}, {(const uint8_t *)"3", 1}};
    REQUIRE(count <= 4);
    event.units = units;
    event.unit_count = count;
    event.last_sequence = last;
    event.more_units = more;
    told->given = last > told->given ? last : told->given;
    event.given_through = told->given + (more ? STORY_MORE_UNITS : 0);
    tell(told, "; %u units%s", count, more ? " of more" : "");
    step(told, &event);
}

void story_saved(story *told) {
    satchel_sync_event event = event_of(told, SATCHEL_SYNC_SAVED);
    told->disk = *satchel_sync_engine_state(told->engine);
    tell(told, "; saved");
    step(told, &event);
}

static void write_frame(story *told, const satchel_answer_frame *frame) {
    REQUIRE_OK(satchel_answer_write(frame, &told->scratch));
}

static void write_end(story *told, const story_answer *answer) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_END};
    const char *cursor = answer->cursor != NULL ? answer->cursor : "";
    satchel_cursor_mark(satchel_bytes_of(answer->continues, strlen(answer->continues)), frame.as.end.continues);
    frame.as.end.cursor = satchel_bytes_of(cursor, strlen(cursor));
    frame.as.end.more = answer->more;
    frame.as.end.position_n = answer->position_n;
    frame.as.end.rows_done = answer->rows;
    frame.as.end.digest = satchel_bytes_of("0123456789abcdef", answer->digest ? 16 : 0);
    write_frame(told, &frame);
}

satchel_bytes story_body_of(story *told, const story_answer *answer) {
    satchel_answer_frame head = {
        .kind = SATCHEL_FRAME_HEAD,
        .as.head = {.status = answer->status,
                    .server_time_ms = 1770000001000 + told->clock_ms,
                    .epoch = 1,
                    .token_moved = answer->token_moved,
                    .applied_through = answer->applied_through,
                    .minimum_schema = answer->minimum_schema,
                    .backoff_ms = answer->backoff_ms,
                    .fork_digest = {(const uint8_t *)"0123456789abcdef0123456789abcdef", answer->fork ? 32 : 0}}};
    head.as.head.highest_number = answer->highest_number;
    head.as.head.request_number =
        answer->request_number != 0 ? answer->request_number : satchel_sync_engine_state(told->engine)->request_number;
    satchel_buffer_clear(&told->scratch);
    write_frame(told, &head);
    if (answer->result_count > 0) {
        satchel_answer_frame result = {.kind = SATCHEL_FRAME_RESULT,
                                       .as.result = {.first_sequence = answer->result_first,
                                                     .count = answer->result_count,
                                                     .code = SATCHEL_RESULT_APPLIED}};
        write_frame(told, &result);
    }
    for (uint32_t i = 0; i < answer->rows; i++) {
        satchel_answer_frame row = {.kind = SATCHEL_FRAME_ROW, .as.row = {.entity = 1, .row = {{1}}, .n = i}};
        write_frame(told, &row);
    }
    if (answer->continues != NULL) {
        write_end(told, answer);
    }
    REQUIRE_OK(satchel_body_pack(satchel_buffer_view(&told->scratch), &told->body));
    return satchel_buffer_view(&told->body);
}

void story_answer_bytes(story *told, uint32_t http_status, satchel_bytes body) {
    satchel_sync_event event = event_of(told, SATCHEL_SYNC_ANSWER);
    event.http_status = http_status;
    event.body = body;
    event.elapsed_ms = 100;
    tell(told, "; answer");
    step(told, &event);
}

void story_answer_with(story *told, const story_answer *answer) {
    story_answer_bytes(told, 200, story_body_of(told, answer));
}

void story_failed(story *told) {
    satchel_sync_event event = event_of(told, SATCHEL_SYNC_FAILED);
    tell(told, "; no answer");
    step(told, &event);
}

void story_stored(story *told, uint64_t settled_through) {
    satchel_sync_event event = event_of(told, SATCHEL_SYNC_STORED);
    event.settled_through = settled_through;
    told->disk = *satchel_sync_engine_state(told->engine);
    if (settled_through > told->disk.settled_through) {
        told->disk.settled_through = settled_through;
    }
    tell(told, "; stored");
    step(told, &event);
}

void story_store_failed(story *told, satchel_status status) {
    satchel_sync_event event = event_of(told, SATCHEL_SYNC_STORE_FAILED);
    event.status = status;
    tell(told, "; not stored");
    step(told, &event);
}

void story_timer(story *told) {
    satchel_sync_event event = event_of(told, SATCHEL_SYNC_TIMER);
    tell(told, "; timer");
    step(told, &event);
}

void story_cancel(story *told) {
    satchel_sync_event event = event_of(told, SATCHEL_SYNC_CANCEL);
    tell(told, "; cancel");
    step(told, &event);
}

void story_send_poll(story *told) {
    story_start(told);
    story_units(told, 0, 0, false);
    if (told->action.kind == SATCHEL_SYNC_DO_SAVE_STATE) {
        story_saved(told);
    }
    REQUIRE(told->action.kind == SATCHEL_SYNC_DO_SEND);
}
