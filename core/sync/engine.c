/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sync engine: which event may come in which state is one table; each cell is one small step.
 *
 * It never acts on an answer that it cannot place: the answer must be well-formed, name this request, and its page must
 * continue this cursor. Tokens, cursor and position move only in the state that is stored together with the page.
 */
#include "sync/engine.h"

#include "base/ids.h"
#include "base/memory.h"
#include "crypto/hash.h"
#include "sync/pace.h"
#include "wire/body.h"

#include <string.h>

/* Beyond it a number that a server names is a mistake: nobody would ever reach it. */
#define NUMBER_MOST (UINT64_C(1) << 62)

typedef enum engine_place { AT_REST = 0, LOADING, SAVING, SENDING, STORING, WAITING, PLACE_COUNT } engine_place;

struct satchel_sync_engine {
    satchel_sync_state state;
    satchel_sync_state before; /* STORING: what to go back to if the page is not stored */
    uint32_t schema_version;
    engine_place place;
    satchel_moment now;
    satchel_pace pace;
    bool prepared; /* number and next token of the coming request are durable */
    bool forked;   /* a new life was begun in this exchange */
    bool pull_off; /* the server wants a newer app: units go up, nothing comes down */
    uint32_t minimum_schema;
    satchel_sync_notes notes;
    uint64_t after;      /* units up to here were decided in this exchange or are settled */
    uint64_t told;       /* settled_through that the server need not hear again */
    uint32_t unit_count; /* of the request under way */
    uint64_t last_sequence;
    uint64_t given_through; /* what the store had made when it was asked for units */
    bool more_units;
    uint64_t rows_done, rows_total;
    uint32_t digest_rounds; /* requests with ranges in this exchange */
    uint32_t heard_epoch;   /* of a restored server whose first page has not come */
    bool digests_due;
    satchel_answer_survey answer;
    satchel_buffer payload; /* of the request while it is built, then of the answer */
    satchel_buffer body;
    satchel_arena arena;
};

void satchel_sync_begin_life(satchel_sync_state *state, const satchel_id *incarnation,
                             const uint8_t token[SATCHEL_TOKEN_BYTES]) {
    const size_t most = SATCHEL_LIMIT_PARENTS;
    uint32_t kept = state->incarnation_new ? state->parent_count : 0;
    if (kept == most) {
        state->parents[most - 2] = state->parents[most - 1];
        kept--;
    }
    memmove(state->parents + 1, state->parents, kept * sizeof *state->parents);
    state->parents[0] = state->incarnation;
    state->parent_count = kept + 1;
    state->incarnation = *incarnation;
    state->incarnation_new = true;
    memcpy(state->token_current, token, SATCHEL_TOKEN_BYTES);
    state->token_next_sent = false;
}

/* ---- leaving a step ---- */

static satchel_status finish(satchel_sync_engine *engine, satchel_status status, satchel_sync_action *out) {
    engine->place = AT_REST;
    out->kind = SATCHEL_SYNC_DO_DONE;
    out->status = status;
    out->minimum_schema = engine->minimum_schema;
    out->rows_done = engine->rows_done;
    out->rows_total = engine->rows_total;
    out->more = engine->more_units || (engine->answer.has_end && engine->answer.end.more);
    return SATCHEL_OK;
}

static satchel_status load(satchel_sync_engine *engine, satchel_sync_action *out) {
    engine->place = LOADING;
    out->kind = SATCHEL_SYNC_DO_LOAD_UNITS;
    out->after_sequence = engine->after;
    out->limit_bytes = SATCHEL_SYNC_PUSH_BYTES;
    return SATCHEL_OK;
}

static satchel_status send_request(satchel_sync_engine *engine, satchel_sync_action *out) {
    engine->place = SENDING;
    engine->prepared = false; /* the number is used now */
    out->kind = SATCHEL_SYNC_DO_SEND;
    out->body = satchel_buffer_view(&engine->body);
    out->request_number = engine->state.request_number;
    return SATCHEL_OK;
}

/* Tries again after a pause, or gives up with `status`. */
static satchel_status retry(satchel_sync_engine *engine, satchel_status status, uint32_t least_ms,
                            satchel_sync_action *out) {
    int64_t wait_ms = 0;
    if (!satchel_pace_fail(&engine->pace, least_ms, &wait_ms)) {
        return finish(engine, status, out);
    }
    engine->place = WAITING;
    out->kind = SATCHEL_SYNC_DO_WAIT;
    out->wait_ms = wait_ms;
    out->status = status;
    return SATCHEL_OK;
}

/* ---- building a request ---- */

static void begin(satchel_sync_engine *engine, const satchel_sync_event *event) {
    engine->now = event->moment;
    engine->now.offset_ms = engine->state.offset_ms;
}

static satchel_status on_start(satchel_sync_engine *engine, const satchel_sync_event *event, satchel_sync_action *out) {
    begin(engine, event);
    satchel_pace_rest(&engine->pace);
    engine->forked = false;
    engine->pull_off = engine->notes.push_only;
    engine->minimum_schema = 0;
    engine->after = engine->state.settled_through;
    engine->more_units = false;
    engine->rows_done = 0;
    engine->rows_total = 0;
    engine->digest_rounds = 0;
    engine->digests_due = false;
    memset(&engine->answer, 0, sizeof engine->answer);
    return load(engine, out);
}

static satchel_status on_timer(satchel_sync_engine *engine, const satchel_sync_event *event, satchel_sync_action *out) {
    begin(engine, event);
    return load(engine, out);
}

/* Token and number of the next request. A next token that may have been sent stays until an answer moves it. */
static void prepare(satchel_sync_engine *engine) {
    satchel_sync_state *state = &engine->state;
    if (!state->token_next_sent) {
        satchel_pace_draw(&engine->pace, state->token_next, sizeof state->token_next);
        state->token_next_sent = true;
    }
    state->request_number++;
}

static satchel_status write_request(satchel_sync_engine *engine, const satchel_sync_event *event) {
    const satchel_sync_state *state = &engine->state;
    satchel_request_head head = {
        .protocol = SATCHEL_PROTOCOL_VERSION,
        .schema = engine->schema_version,
        .now = engine->now,
        .cursor = satchel_bytes_of(state->cursor, state->cursor_bytes),
        .page_bytes = engine->pull_off ? 0 : satchel_pace_page_bytes(state->page_bytes),
        .settled_through = state->settled_through > engine->told ? state->settled_through : 0,
    };
    head.witness = engine->notes.witness;
    head.orders_serial = engine->notes.orders_serial;
    head.page_rows = head.page_bytes > 0 ? engine->notes.page_rows : 0;
    head.erased = event->erased;
    head.heard_epoch = event->unit_count > 0 ? engine->heard_epoch : 0;
    head.now.offset_ms = 0; /* the server measures it itself */
    if (event->unit_count > 0 || state->incarnation_new) {
        head.incarnation = state->incarnation;
    }
    if (state->incarnation_new) {
        head.parents = satchel_bytes_of(state->parents, state->parent_count * SATCHEL_ID_BYTES);
        head.parent_sequence = state->parent_count > 0 ? state->settled_through : 0;
    }
    if (!engine->pull_off) {
        head.digests = event->digests;
        head.digest_wanted = event->digest_wanted;
    }
    memcpy(head.token_current, state->token_current, sizeof head.token_current);
    memcpy(head.token_next, state->token_next, sizeof head.token_next);
    satchel_buffer_clear(&engine->payload);
    satchel_status status = satchel_request_write_head(&head, &engine->payload);
    for (uint32_t i = 0; i < event->unit_count && status == SATCHEL_OK; i++) {
        status = satchel_request_write_unit(event->units[i], &engine->payload);
    }
    return status == SATCHEL_OK ? satchel_body_pack(satchel_buffer_view(&engine->payload), &engine->body) : status;
}

static satchel_status on_units(satchel_sync_engine *engine, const satchel_sync_event *event, satchel_sync_action *out) {
    if (event->moment.wall_ms != 0) {
        begin(engine, event);
    }
    bool prepared = engine->prepared;
    if (!prepared) {
        prepare(engine);
    }
    satchel_status status =
        event->unit_count > SATCHEL_LIMIT_UNITS_PER_REQUEST ? SATCHEL_LIMIT_EXCEEDED : write_request(engine, event);
    if (status == SATCHEL_NO_MEMORY) {
        return status;
    }
    if (status != SATCHEL_OK) {
        return finish(engine, status, out);
    }
    engine->unit_count = event->unit_count;
    engine->last_sequence = event->unit_count > 0 ? event->last_sequence : 0;
    engine->given_through = event->given_through;
    engine->more_units = event->more_units;
    engine->digests_due = false;
    engine->digest_rounds += event->digests.bytes > 0 ? 1 : 0;
    if (prepared) {
        return send_request(engine, out);
    }
    engine->place = SAVING;
    out->kind = SATCHEL_SYNC_DO_SAVE_STATE;
    return SATCHEL_OK;
}

static satchel_status on_saved(satchel_sync_engine *engine, const satchel_sync_event *event, satchel_sync_action *out) {
    (void)event;
    return send_request(engine, out);
}

/* ---- after an answer ---- */

/*
 * From where to load next: what is settled, for then no result is missing. If nothing more was settled, what the server
 * says that it decided, so that a result that it no longer has cannot hold up the rest.
 */
static uint64_t decided_through(const satchel_sync_engine *engine) {
    uint64_t decided = engine->answer.head.applied_through;
    if (engine->state.settled_through > engine->after) {
        return engine->state.settled_through;
    }
    return decided < engine->last_sequence ? decided : engine->last_sequence;
}

/* Goes on with the next request, or is done. */
static satchel_status go_on(satchel_sync_engine *engine, satchel_sync_action *out) {
    const satchel_answer_survey *answer = &engine->answer;
    uint64_t decided = decided_through(engine);
    bool sent = engine->unit_count > 0;
    bool undecided = sent && decided < engine->last_sequence;
    if (undecided && decided <= engine->after && answer->head.status != SATCHEL_STALE_CURSOR) {
        return retry(engine, SATCHEL_PROTOCOL_ERROR, 0, out); /* the server passes over what it was sent */
    }
    satchel_pace_rest(&engine->pace);
    if (decided > engine->after) {
        engine->after = decided;
    }
    bool page_due = !engine->pull_off && !answer->has_end && (sent || answer->head.status == SATCHEL_STALE_CURSOR);
    bool asks = engine->digests_due && engine->digest_rounds < SATCHEL_SYNC_DIGEST_ROUNDS && !engine->pull_off;
    if (engine->more_units || undecided || page_due || asks || (answer->has_end && answer->end.more)) {
        return load(engine, out);
    }
    return finish(engine, engine->pull_off ? SATCHEL_UPGRADE_REQUIRED : SATCHEL_OK, out);
}

/* The page's own members of the state. */
static void take_end(satchel_sync_engine *engine) {
    satchel_sync_state *state = &engine->state;
    const satchel_page_end *end = &engine->answer.end;
    if (end->cursor.bytes > 0) {
        memcpy(state->cursor, end->cursor.data, end->cursor.bytes);
        state->cursor_bytes = (uint32_t)end->cursor.bytes;
    }
    state->position = (satchel_revision){engine->answer.head.epoch, end->position_n};
    engine->rows_done = end->rows_done;
    engine->rows_total = end->rows_total;
}

static void take_times(satchel_sync_engine *engine, const satchel_sync_event *event) {
    satchel_sync_state *state = &engine->state;
    int64_t server_ms = engine->answer.head.server_time_ms;
    if (server_ms > 0) {
        state->seen_ms = server_ms;
        state->offset_ms = satchel_pace_offset(server_ms, event->moment.wall_ms, event->elapsed_ms, state->offset_ms);
    }
    if (engine->answer.has_end) {
        state->page_bytes =
            satchel_pace_measure(satchel_pace_page_bytes(state->page_bytes), engine->payload.bytes, event->elapsed_ms);
    }
}

static bool cursor_differs(const satchel_sync_state *a, const satchel_sync_state *b) {
    return a->cursor_bytes != b->cursor_bytes || memcmp(a->cursor, b->cursor, a->cursor_bytes) != 0;
}

static bool has_rows(const satchel_answer_survey *answer) {
    uint32_t count = 0;
    for (int kind = SATCHEL_FRAME_SCOPE_SET; kind <= SATCHEL_FRAME_REMOVAL; kind++) {
        count |= answer->counts[kind];
    }
    return count > 0;
}

/* Is the answer worth a durable write? */
static bool anything_new(const satchel_sync_engine *engine) {
    const satchel_answer_survey *answer = &engine->answer;
    const satchel_sync_state *state = &engine->state;
    const satchel_sync_state *before = &engine->before;
    return answer->counts[SATCHEL_FRAME_RESULT] > 0 || answer->counts[SATCHEL_FRAME_ERASED] > 0 || has_rows(answer) ||
           answer->end.digest.bytes > 0 || answer->counts[SATCHEL_FRAME_RANGES] > 0 || cursor_differs(state, before) ||
           state->position.epoch != before->position.epoch || state->incarnation_new != before->incarnation_new ||
           state->seen_ms < before->seen_ms || state->seen_ms - before->seen_ms >= SATCHEL_SYNC_SEEN_STEP_MS;
}

static satchel_status store(satchel_sync_engine *engine, satchel_sync_action *out) {
    prepare(engine);
    engine->place = STORING;
    out->kind = SATCHEL_SYNC_DO_STORE;
    out->page = satchel_buffer_view(&engine->payload);
    out->rows_done = engine->rows_done;
    out->rows_total = engine->rows_total;
    return SATCHEL_OK;
}

/*
 * The server was restored from a backup and lacks what it had accepted since: everything behind what it has is loaded
 * again, what was accepted with its receipts.
 */
static void meet_epoch(satchel_sync_engine *engine) {
    satchel_sync_state *state = &engine->state;
    const satchel_answer_head *head = &engine->answer.head;
    bool other = head->epoch != 0 && state->position.epoch != 0 && head->epoch != state->position.epoch;
    engine->heard_epoch = other ? head->epoch : 0;
    if (other && head->applied_through < state->settled_through) {
        state->settled_through = head->applied_through;
        engine->after = head->applied_through;
        engine->told = head->applied_through;
    }
}

/*
 * The server knows another copy of this store, or a later state of it. It goes on under a new name: what the server
 * knows of its units is settled by their bytes, the rest is sent under that name. Once an exchange, lest two copies
 * chase each other.
 */
static satchel_status on_forked(satchel_sync_engine *engine, const satchel_sync_event *event,
                                satchel_sync_action *out) {
    uint8_t random[SATCHEL_ID_RANDOM_BYTES];
    uint8_t token[SATCHEL_TOKEN_BYTES];
    if (engine->forked) {
        return finish(engine, SATCHEL_FORKED, out);
    }
    satchel_pace_draw(&engine->pace, random, sizeof random);
    satchel_pace_draw(&engine->pace, token, sizeof token);
    const satchel_id incarnation = satchel_id_make(event->moment.wall_ms, random);
    satchel_sync_begin_life(&engine->state, &incarnation, token);
    engine->forked = true;
    engine->prepared = false;
    meet_epoch(engine);
    engine->after = engine->state.settled_through;
    return load(engine, out);
}

/*
 * Decided under our name: what this store had not even made when it asked. A copy of it spoke with our tokens, and what
 * the server applied of the copy must not be taken for ours. What is sent is compared by its bytes.
 */
static bool copy_spoke(const satchel_sync_engine *engine) {
    return !engine->state.incarnation_new && engine->answer.head.applied_through > engine->given_through;
}

/* An answer that was placed: its effects go into the state, and with its page into the store. */
static satchel_status take_answer(satchel_sync_engine *engine, const satchel_sync_event *event,
                                  satchel_sync_action *out) {
    satchel_sync_state *state = &engine->state;
    if (copy_spoke(engine)) {
        return on_forked(engine, event, out);
    }
    engine->before = *state;
    if (state->settled_through > engine->told) {
        engine->told = state->settled_through;
    }
    meet_epoch(engine);
    state->incarnation_new = false;
    state->parent_count = 0;
    if (engine->answer.head.token_moved) {
        memcpy(state->token_current, state->token_next, sizeof state->token_current);
        state->token_next_sent = false;
    }
    if (engine->answer.head.status == SATCHEL_STALE_CURSOR) {
        state->cursor_bytes = 0;
    }
    if (engine->answer.has_end) {
        take_end(engine);
    }
    take_times(engine, event);
    begin(engine, event);
    return anything_new(engine) ? store(engine, out) : go_on(engine, out);
}

/* Does the page continue what this phone holds, and does it lead on? */
static bool page_fits(const satchel_sync_engine *engine) {
    const satchel_answer_survey *answer = &engine->answer;
    const satchel_sync_state *state = &engine->state;
    satchel_bytes cursor = satchel_bytes_of(state->cursor, state->cursor_bytes);
    uint8_t mark[SATCHEL_CURSOR_MARK_BYTES];
    if (!answer->has_end) {
        return !has_rows(answer);
    }
    satchel_cursor_mark(cursor, mark);
    bool stands = answer->end.cursor.bytes == 0 || satchel_bytes_equal(answer->end.cursor, cursor);
    return answer->head.status == SATCHEL_OK && memcmp(mark, answer->end.continues, sizeof mark) == 0 &&
           !(stands && answer->end.more);
}

static satchel_status on_ok(satchel_sync_engine *engine, const satchel_sync_event *event, satchel_sync_action *out) {
    return page_fits(engine) ? take_answer(engine, event, out) : retry(engine, SATCHEL_PROTOCOL_ERROR, 0, out);
}

static satchel_status on_upgrade(satchel_sync_engine *engine, const satchel_sync_event *event,
                                 satchel_sync_action *out) {
    if (!page_fits(engine)) {
        return retry(engine, SATCHEL_PROTOCOL_ERROR, 0, out);
    }
    engine->pull_off = true;
    engine->minimum_schema = engine->answer.head.minimum_schema;
    return take_answer(engine, event, out);
}

static satchel_status on_stale(satchel_sync_engine *engine, const satchel_sync_event *event, satchel_sync_action *out) {
    bool sensible = engine->state.cursor_bytes > 0 && page_fits(engine);
    return sensible ? take_answer(engine, event, out) : retry(engine, SATCHEL_PROTOCOL_ERROR, 0, out);
}

static satchel_status on_busy(satchel_sync_engine *engine, const satchel_sync_event *event, satchel_sync_action *out) {
    (void)event;
    return retry(engine, SATCHEL_BUSY, engine->answer.head.backoff_ms, out);
}

/*
 * A restored phone may be far behind: it goes on from the number that the server names. Copies that leapt past each
 * other by guesses would leave the slowest of them behind for good. A server that names none is left by leaps.
 */
static satchel_status on_replayed(satchel_sync_engine *engine, const satchel_sync_event *event,
                                  satchel_sync_action *out) {
    uint64_t highest = engine->answer.head.highest_number;
    (void)event;
    if (highest >= engine->state.request_number && highest <= NUMBER_MOST) {
        engine->state.request_number = highest;
    } else {
        engine->state.request_number += UINT64_C(1) << (4 * (engine->pace.failures + 1));
    }
    return retry(engine, SATCHEL_REPLAYED, 0, out);
}

/* Any other status: by its class. */
static satchel_status on_other(satchel_sync_engine *engine, satchel_status status, satchel_sync_action *out) {
    return satchel_status_class_of(status) == SATCHEL_CLASS_RETRY ? retry(engine, status, 0, out)
                                                                  : finish(engine, status, out);
}

typedef satchel_status (*engine_step)(satchel_sync_engine *engine, const satchel_sync_event *event,
                                      satchel_sync_action *out);

static const struct {
    satchel_status status;
    engine_step step;
} answers[] = {
    {SATCHEL_OK, on_ok},     {SATCHEL_UPGRADE_REQUIRED, on_upgrade}, {SATCHEL_STALE_CURSOR, on_stale},
    {SATCHEL_BUSY, on_busy}, {SATCHEL_REPLAYED, on_replayed},        {SATCHEL_FORKED, on_forked},
};

/* What an HTTP status says when no answer of ours came with it (a proxy, an overloaded front). */
static satchel_status status_of_http(uint32_t http_status) {
    switch (http_status) {
    case 401: return SATCHEL_UNAUTHENTICATED;
    case 408:
    case 504: return SATCHEL_TIMED_OUT;
    case 409: return SATCHEL_REPLAYED;
    case 410: return SATCHEL_REVOKED;
    case 413: return SATCHEL_LIMIT_EXCEEDED;
    case 429:
    case 503: return SATCHEL_BUSY;
    default: return http_status >= 500 ? SATCHEL_SERVER_ERROR : SATCHEL_PROTOCOL_ERROR;
    }
}

static satchel_status dispatch(satchel_sync_engine *engine, const satchel_sync_event *event, satchel_sync_action *out) {
    satchel_status status = engine->answer.head.status;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (answers[i].status == status) {
            return answers[i].step(engine, event, out);
        }
    }
    return on_other(engine, status, out);
}

/* The answer's payload and what it holds. Errors: NO_MEMORY, else it is none of ours. */
static satchel_status open_answer(satchel_sync_engine *engine, satchel_bytes body) {
    memset(&engine->answer, 0, sizeof engine->answer);
    satchel_arena_reset(&engine->arena);
    satchel_status status = satchel_body_unpack(body, &engine->payload, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_answer_look(satchel_buffer_view(&engine->payload), &engine->arena, &engine->answer, NULL);
    }
    if (status != SATCHEL_OK) {
        memset(&engine->answer, 0, sizeof engine->answer);
    }
    return status;
}

static satchel_status on_answer(satchel_sync_engine *engine, const satchel_sync_event *event,
                                satchel_sync_action *out) {
    satchel_status status = open_answer(engine, event->body);
    if (status == SATCHEL_NO_MEMORY) {
        return status;
    }
    if (status != SATCHEL_OK) {
        engine->answer.head.status = status_of_http(event->http_status);
        return dispatch(engine, event, out);
    }
    uint64_t answered = engine->answer.head.request_number;
    if (answered != 0 && answered != engine->state.request_number) {
        memset(&engine->answer, 0, sizeof engine->answer);
        return retry(engine, SATCHEL_PROTOCOL_ERROR, 0, out);
    }
    return dispatch(engine, event, out);
}

static satchel_status on_failed(satchel_sync_engine *engine, const satchel_sync_event *event,
                                satchel_sync_action *out) {
    satchel_sync_state *state = &engine->state;
    state->page_bytes = satchel_pace_shrink(satchel_pace_page_bytes(state->page_bytes));
    return retry(engine, event->status == SATCHEL_OK ? SATCHEL_NETWORK_ERROR : event->status, 0, out);
}

static satchel_status on_stored(satchel_sync_engine *engine, const satchel_sync_event *event,
                                satchel_sync_action *out) {
    engine->prepared = true;
    engine->digests_due = event->digests_due;
    if (event->settled_through > engine->state.settled_through) {
        engine->state.settled_through = event->settled_through;
    }
    return go_on(engine, out);
}

static satchel_status on_store_failed(satchel_sync_engine *engine, const satchel_sync_event *event,
                                      satchel_sync_action *out) {
    if (engine->place == STORING) {
        engine->state = engine->before;
    }
    satchel_status status = event->status == SATCHEL_OK ? SATCHEL_INTERNAL : event->status;
    return finish(engine, status == SATCHEL_MALFORMED ? SATCHEL_PROTOCOL_ERROR : status, out);
}

static satchel_status on_cancel(satchel_sync_engine *engine, const satchel_sync_event *event,
                                satchel_sync_action *out) {
    (void)event;
    if (engine->place == STORING) {
        engine->state = engine->before;
    }
    return finish(engine, SATCHEL_CANCELLED, out);
}

/* ---- the table ---- */

#define EVENT_COUNT (SATCHEL_SYNC_CANCEL + 1)

static const engine_step steps[PLACE_COUNT][EVENT_COUNT] = {
    [AT_REST] = {[SATCHEL_SYNC_START] = on_start},
    [LOADING] = {[SATCHEL_SYNC_UNITS] = on_units, [SATCHEL_SYNC_CANCEL] = on_cancel},
    [SAVING] = {[SATCHEL_SYNC_SAVED] = on_saved,
                [SATCHEL_SYNC_STORE_FAILED] = on_store_failed,
                [SATCHEL_SYNC_CANCEL] = on_cancel},
    [SENDING] =
        {[SATCHEL_SYNC_ANSWER] = on_answer, [SATCHEL_SYNC_FAILED] = on_failed, [SATCHEL_SYNC_CANCEL] = on_cancel},
    [STORING] = {[SATCHEL_SYNC_STORED] = on_stored,
                 [SATCHEL_SYNC_STORE_FAILED] = on_store_failed,
                 [SATCHEL_SYNC_CANCEL] = on_cancel},
    [WAITING] = {[SATCHEL_SYNC_TIMER] = on_timer, [SATCHEL_SYNC_CANCEL] = on_cancel},
};

satchel_status satchel_sync_engine_step(satchel_sync_engine *engine, const satchel_sync_event *event,
                                        satchel_sync_action *out) {
    memset(out, 0, sizeof *out);
    bool known = event->kind >= SATCHEL_SYNC_START && event->kind <= SATCHEL_SYNC_CANCEL;
    engine_step step = known ? steps[engine->place][event->kind] : NULL;
    if (step == NULL) {
        return SATCHEL_MISUSE;
    }
    satchel_pace_mix(&engine->pace, event->random, sizeof event->random);
    return step(engine, event, out);
}

satchel_status satchel_sync_engine_open(satchel_sync_engine **out, const satchel_sync_state *state,
                                        uint32_t schema_version) {
    *out = NULL;
    if (state->cursor_bytes > SATCHEL_LIMIT_CURSOR_BYTES) {
        return SATCHEL_INVALID_ARGUMENT;
    }
    satchel_sync_engine *engine = satchel_memory_take(sizeof *engine);
    if (engine == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    engine->state = *state;
    engine->state.seen_ms = state->seen_ms > 0 ? state->seen_ms : 0;
    engine->schema_version = schema_version;
    engine->told = state->settled_through;
    satchel_buffer_init(&engine->payload);
    satchel_buffer_init(&engine->body);
    satchel_arena_init(&engine->arena);
    *out = engine;
    return SATCHEL_OK;
}

void satchel_sync_engine_close(satchel_sync_engine *engine) {
    if (engine == NULL) {
        return;
    }
    satchel_buffer_deinit(&engine->payload);
    satchel_buffer_deinit(&engine->body);
    satchel_arena_deinit(&engine->arena);
    satchel_memory_give(engine);
}

const satchel_sync_state *satchel_sync_engine_state(const satchel_sync_engine *engine) {
    return &engine->state;
}

uint64_t satchel_sync_engine_applied(const satchel_sync_engine *engine) {
    return engine->answer.head.applied_through;
}

void satchel_sync_engine_say(satchel_sync_engine *engine, const satchel_sync_notes *notes) {
    engine->notes = *notes;
}

const satchel_answer_head *satchel_sync_engine_head(const satchel_sync_engine *engine) {
    return &engine->answer.head;
}
