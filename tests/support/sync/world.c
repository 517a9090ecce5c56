/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world's rules. A unit is one op; its bytes are its sequence. A cursor is the number of pages stored.
 *
 * Never may happen: a request whose tokens the server cannot place, a number that was not durable before it was used, a
 * page stored twice or out of order, an op settled that the server has not decided.
 */
#include "support/sync/world.h"

#include "wire/body.h"

#include <string.h>

#define STEPS_MOST 4000
#define UNITS_PER_REQUEST 5

static bool goes_wrong(world *w) {
    return test_random_chance(&w->random, w->trouble);
}

/* ---- the server ---- */

typedef struct verdict {
    satchel_status status;
    bool moved;
    uint64_t first, last; /* results, none if first is 0 */
    bool page;
    uint32_t from; /* cursor of the page */
} verdict;

static uint32_t cursor_number(satchel_bytes cursor) {
    REQUIRE(cursor.bytes == 0 || cursor.bytes == 4);
    return cursor.bytes == 0 ? 0 : satchel_get_u32be(cursor.data);
}

static void put_frame(const satchel_answer_frame *frame, satchel_buffer *payload) {
    REQUIRE_OK(satchel_answer_write(frame, payload));
}

static void put_end(world *w, const verdict *v, satchel_bytes asked, satchel_buffer *payload) {
    uint8_t cursor[4];
    satchel_answer_frame end = {.kind = SATCHEL_FRAME_END};
    bool moves = v->from < w->pages;
    if (moves) {
        satchel_answer_frame row = {.kind = SATCHEL_FRAME_ROW, .as.row = {.entity = 1, .row = {{1}}, .n = v->from + 1}};
        put_frame(&row, payload);
        satchel_put_u32be(cursor, v->from + 1);
        end.as.end.cursor = satchel_bytes_of(cursor, sizeof cursor);
    }
    satchel_cursor_mark(asked, end.as.end.continues);
    end.as.end.more = moves && v->from + 1 < w->pages;
    end.as.end.position_n = v->from + moves;
    if (goes_wrong(w)) {
        end.as.end.continues[0] ^= 1; /* as from another phone's exchange */
    }
    put_frame(&end, payload);
}

static void write_answer(world *w, uint64_t number, const verdict *v, satchel_bytes cursor) {
    satchel_buffer payload = {0};
    satchel_answer_frame head = {.kind = SATCHEL_FRAME_HEAD,
                                 .as.head = {.status = v->status,
                                             .server_time_ms = 1770000000000 + (int64_t)w->steps,
                                             .epoch = 1,
                                             .token_moved = v->moved,
                                             .applied_through = w->decided,
                                             .request_number = number}};
    put_frame(&head, &payload);
    if (v->first > 0) {
        satchel_answer_frame result = {.kind = SATCHEL_FRAME_RESULT,
                                       .as.result = {.first_sequence = v->first,
                                                     .count = (uint32_t)(v->last - v->first + 1),
                                                     .code = SATCHEL_RESULT_APPLIED}};
        put_frame(&result, &payload);
    }
    if (v->page) {
        put_end(w, v, cursor, &payload);
    }
    REQUIRE_OK(satchel_body_pack(satchel_buffer_view(&payload), &w->answer));
    satchel_buffer_deinit(&payload);
}

static void decide_units(world *w, satchel_reader *reader, verdict *v) {
    satchel_bytes unit;
    bool found = true;
    bool stops = false;
    for (;;) {
        REQUIRE_OK(satchel_request_next_unit(reader, &unit, &found, NULL));
        if (!found || stops) {
            break;
        }
        uint64_t sequence = satchel_get_u64be(unit.data);
        REQUIRE(sequence <= w->decided + 1); /* no gap */
        if (sequence == w->decided + 1) {
            w->decided++;
            v->moved = true;
        }
        v->first = v->first == 0 ? sequence : v->first;
        v->last = sequence;
        stops = goes_wrong(w); /* the rest is left for later */
    }
}

/* The rule of tokens: the current one goes on, the previous one with the same next is a retry, all else is a fork. */
static bool place_tokens(const world *w, const satchel_request_head *head, bool *out_retry) {
    bool current = memcmp(head->token_current, w->current, sizeof w->current) == 0;
    *out_retry = !current && memcmp(head->token_current, w->previous, sizeof w->previous) == 0 &&
                 memcmp(head->token_next, w->current, sizeof w->current) == 0;
    return current || *out_retry;
}

static void serve(world *w, satchel_bytes body, uint64_t number) {
    satchel_request_head head;
    satchel_buffer payload = {0};
    verdict v = {SATCHEL_OK, false, 0, 0, false, 0};
    bool retried = false;
    REQUIRE_OK(satchel_body_unpack(body, &payload, NULL));
    satchel_reader reader = satchel_reader_of(satchel_buffer_view(&payload));
    REQUIRE_OK(satchel_request_read_head(&reader, &head, NULL));
    if (number <= w->last_number) {
        v.status = SATCHEL_REPLAYED;
    } else if (goes_wrong(w)) {
        v.status = SATCHEL_BUSY;
    } else {
        w->last_number = number;
        REQUIRE(place_tokens(w, &head, &retried)); /* never a fork: there is one phone */
        decide_units(w, &reader, &v);
        v.from = cursor_number(head.cursor);
        if (v.from > 0 && test_random_chance(&w->random, w->trouble / 4)) {
            v.status = SATCHEL_STALE_CURSOR;
        } else {
            v.page = head.page_bytes > 0 && !goes_wrong(w);
            v.moved = v.moved || (v.page && v.from < w->pages) || retried;
        }
    }
    if (v.moved && !retried) {
        memcpy(w->previous, w->current, sizeof w->previous);
        memcpy(w->current, head.token_next, sizeof w->current);
    }
    write_answer(w, number, &v, head.cursor);
    satchel_buffer_deinit(&payload);
}

/* ---- the phone ---- */

static void open_engine(world *w) {
    REQUIRE_OK(satchel_sync_engine_open(&w->engine, &w->disk, 1));
}

static void kill_process(world *w) {
    satchel_sync_engine_close(w->engine);
    open_engine(w);
    w->kills++;
}

static satchel_sync_event fresh(world *w, satchel_sync_event_kind kind) {
    satchel_sync_event event = {.kind = kind};
    event.moment = (satchel_moment){1, (int64_t)w->steps, 1770000000000 + (int64_t)w->steps, 0};
    test_random_bytes(&w->random, event.random, sizeof event.random);
    return event;
}

static void step(world *w, const satchel_sync_event *event) {
    w->steps++;
    REQUIRE_OK(satchel_sync_engine_step(w->engine, event, &w->action));
}

static void load_units(world *w) {
    uint8_t bytes[UNITS_PER_REQUEST][8];
    satchel_bytes units[UNITS_PER_REQUEST];
    satchel_sync_event event = fresh(w, SATCHEL_SYNC_UNITS);
    uint64_t first = (w->action.after_sequence > w->settled ? w->action.after_sequence : w->settled) + 1;
    while (event.unit_count < UNITS_PER_REQUEST && first + event.unit_count <= w->committed) {
        event.last_sequence = first + event.unit_count;
        satchel_put_u64be(bytes[event.unit_count], event.last_sequence);
        units[event.unit_count] = satchel_bytes_of(bytes[event.unit_count], 8);
        event.unit_count++;
    }
    event.units = units;
    event.given_through = w->committed;
    event.more_units = event.unit_count > 0 && event.last_sequence < w->committed;
    step(w, &event);
}

/* Nothing may leave that is not durable. */
static void check_request(world *w) {
    const satchel_sync_state *state = satchel_sync_engine_state(w->engine);
    REQUIRE(w->disk.request_number >= w->action.request_number && w->disk.token_next_sent);
    REQUIRE(memcmp(w->disk.token_next, state->token_next, sizeof state->token_next) == 0);
    REQUIRE(memcmp(w->disk.token_current, state->token_current, sizeof state->token_current) == 0);
}

static void deliver(world *w, satchel_bytes body, uint32_t http_status) {
    satchel_sync_event event = fresh(w, SATCHEL_SYNC_ANSWER);
    event.body = body;
    event.http_status = http_status;
    event.elapsed_ms = test_random_between(&w->random, 0, 5000);
    step(w, &event);
}

static void fail(world *w) {
    satchel_sync_event event = fresh(w, SATCHEL_SYNC_FAILED);
    step(w, &event);
}

/* One of the ways in which a request may fare badly. */
static void send_in_trouble(world *w) {
    switch (test_random_below(&w->random, 5)) {
    case 0:
        w->lost_requests++;
        fail(w);
        return;
    case 1:
        serve(w, w->action.body, w->action.request_number);
        w->lost_replies++;
        fail(w);
        return;
    case 2: /* delivered twice, the second answer comes back */
        serve(w, w->action.body, w->action.request_number);
        serve(w, w->action.body, w->action.request_number);
        w->duplicates++;
        break;
    case 3:
        w->broken++;
        deliver(w, satchel_bytes_of("<html>", 6), test_random_chance(&w->random, 50) ? 200 : 502);
        return;
    default:
        serve(w, w->action.body, w->action.request_number);
        if (w->late.bytes > 0) {
            w->late_answers++;
            deliver(w, satchel_buffer_view(&w->late), 200);
            return;
        }
        break;
    }
    deliver(w, satchel_buffer_view(&w->answer), 200);
}

static void send_request(world *w) {
    check_request(w);
    if (goes_wrong(w)) {
        send_in_trouble(w);
    } else {
        serve(w, w->action.body, w->action.request_number);
        deliver(w, satchel_buffer_view(&w->answer), 200);
    }
    if (test_random_chance(&w->random, 20)) {
        satchel_buffer_clear(&w->late);
        REQUIRE_OK(satchel_buffer_append(&w->late, satchel_buffer_view(&w->answer)));
    }
}

/* The store's transaction: results settle ops, the page's row must be the next one. */
static void store(world *w) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    satchel_reader reader = satchel_reader_of(w->action.page);
    while (frame.kind != SATCHEL_FRAME_NONE) {
        REQUIRE_OK(satchel_answer_read(&reader, &w->arena, &frame, NULL));
        if (frame.kind == SATCHEL_FRAME_RESULT) {
            uint64_t last = frame.as.result.first_sequence + frame.as.result.count - 1;
            REQUIRE(frame.as.result.first_sequence <= w->settled + 1 && last <= w->decided);
            w->settled = last > w->settled ? last : w->settled;
        }
        if (frame.kind == SATCHEL_FRAME_ROW) {
            REQUIRE(frame.as.row.n == w->stored + 1);
            w->stored++;
        }
    }
    satchel_arena_reset(&w->arena);
    w->disk = *satchel_sync_engine_state(w->engine);
    w->disk.settled_through = w->settled;
    if (w->disk.cursor_bytes == 0 && w->stored > 0) {
        w->stored = 0; /* a stale cursor was dropped */
        w->stale++;
    }
    REQUIRE(cursor_number(satchel_bytes_of(w->disk.cursor, w->disk.cursor_bytes)) == w->stored);
    w->stores++;
}

static void carry_out(world *w) {
    satchel_sync_event event;
    switch (w->action.kind) {
    case SATCHEL_SYNC_DO_LOAD_UNITS: load_units(w); return;
    case SATCHEL_SYNC_DO_SEND: send_request(w); return;
    case SATCHEL_SYNC_DO_SAVE_STATE:
        w->disk = *satchel_sync_engine_state(w->engine);
        event = fresh(w, SATCHEL_SYNC_SAVED);
        break;
    case SATCHEL_SYNC_DO_STORE:
        if (goes_wrong(w)) {
            event = fresh(w, SATCHEL_SYNC_STORE_FAILED);
            event.status = SATCHEL_DISK_FULL;
        } else {
            store(w);
            event = fresh(w, SATCHEL_SYNC_STORED);
            event.settled_through = w->settled;
        }
        break;
    default: event = fresh(w, goes_wrong(w) ? SATCHEL_SYNC_CANCEL : SATCHEL_SYNC_TIMER); break;
    }
    if (goes_wrong(w) && test_random_chance(&w->random, 30)) {
        kill_process(w); /* after the disk, before the engine heard of it */
        return;
    }
    step(w, &event);
}

satchel_status world_exchange(world *w) {
    satchel_sync_event start = fresh(w, SATCHEL_SYNC_START);
    unsigned long kills = w->kills;
    unsigned long first = w->steps;
    w->exchanges++;
    step(w, &start);
    while (w->action.kind != SATCHEL_SYNC_DO_DONE) {
        carry_out(w);
        if (w->kills > kills) {
            return SATCHEL_CANCELLED;
        }
        REQUIRE(w->steps - first < STEPS_MOST);
    }
    return w->action.status;
}

void world_live(world *w) {
    w->committed += test_random_below(&w->random, 12);
    w->pages += (uint32_t)test_random_below(&w->random, 4);
}

bool world_agrees(const world *w) {
    return w->settled == w->committed && w->decided == w->committed && w->stored == w->pages;
}

void world_open(world *w, uint64_t seed, unsigned trouble) {
    memset(w, 0, sizeof *w);
    w->random = test_random_of(seed);
    w->trouble = trouble;
    w->disk.incarnation = (satchel_id){{1}};
    test_random_bytes(&w->random, w->current, sizeof w->current);
    memcpy(w->disk.token_current, w->current, sizeof w->current);
    open_engine(w);
}

void world_close(world *w) {
    satchel_sync_engine_close(w->engine);
    satchel_buffer_deinit(&w->answer);
    satchel_buffer_deinit(&w->late);
    satchel_arena_deinit(&w->arena);
}
