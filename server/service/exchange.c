/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /v1/sync from the signed bytes to the packed answer.
 *
 * What decides is checked twice: in `read`, so that most of what is wrong never reaches the writer, and in `apply`,
 * which alone sees what other exchanges of the same device have done meanwhile.
 */
#include "service/exchange.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/memory.h"
#include "service/pull.h"
#include "service/unit.h"
#include "wire/body.h"

#include <string.h>

struct satchel_server_exchange {
    const satchel_service *service;
    satchel_arena arena;    /* what was read */
    satchel_buffer payload; /* units are borrowed from it */
    satchel_id device;
    satchel_id user;
    uint64_t request_number;
    satchel_request_head head;
    satchel_arrived_unit *units;
    uint32_t unit_count;
    uint64_t incarnation;  /* number; 0: not known */
    satchel_status status; /* of the answer's head, as far as it is decided */
    uint32_t http_status;
    bool day_due;
    bool applied;   /* the units are decided */
    bool committed; /* … and that is durable: an answer was asked for since */
    bool token_moved;
    bool begins; /* a new life of the device's store, not known yet */
    uint64_t fork_through;
    uint8_t fork_digest[SATCHEL_DIGEST_BYTES];
    satchel_wanted_set *wanted_sets;
    satchel_arena wanted_arena;
    satchel_exchange_facts facts;
};

/* --- reading --- */

static satchel_status answer_with(satchel_server_exchange *exchange, satchel_status status) {
    exchange->status = status;
    return SATCHEL_OK;
}

static satchel_status turn_away(satchel_server_exchange *exchange, uint32_t http_status, satchel_status status) {
    exchange->http_status = http_status;
    return answer_with(exchange, status);
}

/* Who asks, and is it he? `out_state` only if the exchange goes on. */
static satchel_status authenticate(satchel_server_exchange *exchange, satchel_db *db, const char *method,
                                   const char *path, const satchel_signed_headers *headers, satchel_bytes body,
                                   satchel_device_state *out_state, satchel_error *error) {
    satchel_id device;
    if (satchel_request_claim(headers, &device, &exchange->request_number, NULL) != SATCHEL_OK) {
        return turn_away(exchange, 401, SATCHEL_UNAUTHENTICATED);
    }
    satchel_status status = satchel_device_state_load(db, &device, out_state, error);
    if (status == SATCHEL_NOT_FOUND) {
        return turn_away(exchange, 401, SATCHEL_UNAUTHENTICATED);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    if (satchel_request_verify(method, path, body, headers, out_state->public_key, NULL) != SATCHEL_OK) {
        return turn_away(exchange, 401, SATCHEL_UNAUTHENTICATED);
    }
    exchange->device = device;
    exchange->user = out_state->user;
    exchange->facts.device = device;
    return SATCHEL_OK;
}

/* Units follow each other without a gap. */
static bool are_contiguous(const satchel_server_exchange *exchange) {
    for (uint32_t i = 1; i < exchange->unit_count; i++) {
        const satchel_unit_ops *before = &exchange->units[i - 1].head;
        if (exchange->units[i].head.first_sequence != before->first_sequence + before->count) {
            return false;
        }
    }
    return true;
}

static satchel_status read_units(satchel_server_exchange *exchange, uint32_t count) {
    satchel_reader reader = satchel_reader_of(satchel_buffer_view(&exchange->payload));
    satchel_request_head head;
    satchel_status status = satchel_request_read_head(&reader, &head, NULL);
    bool found = true;
    exchange->units = satchel_arena_take_array(&exchange->arena, count, sizeof *exchange->units);
    if (exchange->units == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    while (status == SATCHEL_OK && found && exchange->unit_count < count) {
        satchel_bytes bytes = {NULL, 0};
        status = satchel_request_next_unit(&reader, &bytes, &found, NULL);
        if (status == SATCHEL_OK && found) {
            status = satchel_unit_arrive(&exchange->service->schema, bytes, &exchange->arena,
                                         &exchange->units[exchange->unit_count++], NULL);
        }
    }
    return status;
}

static satchel_status take_payload(satchel_server_exchange *exchange, satchel_bytes body, satchel_error *error) {
    uint32_t count = 0;
    satchel_status status = satchel_body_unpack(body, &exchange->payload, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_request_check(satchel_buffer_view(&exchange->payload), &exchange->head, &count, NULL);
    }
    if (status == SATCHEL_OK && exchange->head.protocol != SATCHEL_PROTOCOL_VERSION) {
        return answer_with(exchange, SATCHEL_UPGRADE_REQUIRED);
    }
    if (status == SATCHEL_OK) {
        status = read_units(exchange, count);
    }
    if (status == SATCHEL_NO_MEMORY) {
        return satchel_fail(error, status, "no memory for a request");
    }
    exchange->facts.units = exchange->unit_count;
    return status == SATCHEL_OK && are_contiguous(exchange) ? SATCHEL_OK
                                                            : answer_with(exchange, SATCHEL_PROTOCOL_ERROR);
}

static bool same_token(const uint8_t a[SATCHEL_TOKEN_BYTES], const uint8_t b[SATCHEL_TOKEN_BYTES]) {
    return memcmp(a, b, SATCHEL_TOKEN_BYTES) == 0;
}

static satchel_status answer_fork(satchel_server_exchange *exchange, const satchel_incarnation *known) {
    exchange->fork_through = known->applied_through;
    memcpy(exchange->fork_digest, known->applied_digest, sizeof exchange->fork_digest);
    return answer_with(exchange, SATCHEL_FORKED);
}

/*
 * A name that the server never heard, with parents: a restored or cloned store goes on under it. The first parent that
 * is a life of this device counts; with none of them known it begins where it says, and nothing of it is known.
 */
static satchel_status look_for_new_life(satchel_server_exchange *exchange, satchel_db *db,
                                        const satchel_device_state *state, satchel_incarnation *out,
                                        satchel_error *error) {
    const satchel_request_head *head = &exchange->head;
    satchel_incarnation known;
    satchel_status status = satchel_incarnation_load(db, &head->incarnation, &known, NULL);
    if (status != SATCHEL_NOT_FOUND) {
        return status == SATCHEL_OK ? answer_fork(exchange, out)
                                    : satchel_fail(error, status, "the lives of a store cannot be read");
    }
    if (head->parent_sequence > INT64_MAX - SATCHEL_LIMIT_UNIT_OPS) {
        return answer_with(exchange, SATCHEL_PROTOCOL_ERROR);
    }
    *out = (satchel_incarnation){.id = head->incarnation,
                                 .device = state->id,
                                 .user = state->user,
                                 .parent_sequence = head->parent_sequence,
                                 .applied_through = head->parent_sequence};
    for (size_t at = 0; at < head->parents.bytes && out->parent == 0; at += SATCHEL_ID_BYTES) {
        satchel_id parent;
        memcpy(parent.bytes, head->parents.data + at, SATCHEL_ID_BYTES);
        status = satchel_incarnation_load(db, &parent, &known, NULL);
        if (status != SATCHEL_OK && status != SATCHEL_NOT_FOUND) {
            return satchel_fail(error, status, "the lives of a store cannot be read");
        }
        out->parent = status == SATCHEL_OK && satchel_id_equal(&known.device, &state->id) ? known.number : 0;
    }
    exchange->begins = true;
    return SATCHEL_OK;
}

/*
 * Is it the one store that goes on from where this device was? The token that is expected, or the retry of the request
 * whose answer was lost, or a new life of it; anything else comes from a copy.
 */
static satchel_status check_store(satchel_server_exchange *exchange, satchel_db *db, const satchel_device_state *state,
                                  satchel_incarnation *out, satchel_error *error) {
    satchel_status status = satchel_incarnation_by_number(db, state->incarnation, out, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_request_head *head = &exchange->head;
    bool named = !satchel_id_is_none(&head->incarnation);
    exchange->begins = false;
    if (named && !satchel_id_equal(&head->incarnation, &out->id)) {
        return head->parents.bytes > 0 ? look_for_new_life(exchange, db, state, out, error)
                                       : answer_fork(exchange, out);
    }
    exchange->incarnation = out->number;
    if (same_token(head->token_current, state->token_current)) {
        return SATCHEL_OK;
    }
    if (same_token(head->token_current, state->token_previous) && same_token(head->token_next, state->token_current)) {
        exchange->token_moved = true;
        return SATCHEL_OK;
    }
    return answer_fork(exchange, out);
}

static satchel_status check_device(satchel_server_exchange *exchange, const satchel_device_state *state) {
    if (state->revoked) {
        return answer_with(exchange, SATCHEL_REVOKED);
    }
    return exchange->request_number > state->request_number ? SATCHEL_OK : answer_with(exchange, SATCHEL_REPLAYED);
}

static satchel_status read_request(satchel_server_exchange *exchange, satchel_db *db, const char *method,
                                   const char *path, const satchel_signed_headers *headers, satchel_bytes body,
                                   satchel_error *error) {
    satchel_device_state state;
    satchel_incarnation incarnation;
    satchel_status status = authenticate(exchange, db, method, path, headers, body, &state, error);
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status = check_device(exchange, &state);
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status = take_payload(exchange, body, error);
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status = check_store(exchange, db, &state, &incarnation, error);
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status = satchel_service_day_due(exchange->service, db, &exchange->day_due, error);
    }
    return status;
}

satchel_status satchel_server_exchange_read(satchel_server_exchange **out, const satchel_service *service,
                                            satchel_db *db, const char *method, const char *path,
                                            const satchel_signed_headers *headers, satchel_bytes body,
                                            satchel_error *error) {
    *out = NULL;
    satchel_server_exchange *exchange = satchel_memory_take(sizeof *exchange);
    if (exchange == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for an exchange");
    }
    exchange->service = service;
    exchange->http_status = 200;
    satchel_arena_init(&exchange->arena);
    satchel_arena_init(&exchange->wanted_arena);
    satchel_buffer_init(&exchange->payload);
    satchel_status status = read_request(exchange, db, method, path, headers, body, error);
    if (status != SATCHEL_OK) {
        satchel_server_exchange_close(exchange);
        return status;
    }
    *out = exchange;
    return SATCHEL_OK;
}

bool satchel_server_exchange_needs_apply(const satchel_server_exchange *exchange) {
    bool undecided = exchange->unit_count > 0 && !exchange->applied;
    return exchange->status == SATCHEL_OK &&
           (undecided || exchange->begins || exchange->day_due || exchange->wanted_sets != NULL);
}

/* --- applying --- */

static satchel_status begin_intake(satchel_server_exchange *exchange, satchel_db *db, satchel_arena *arena,
                                   satchel_person *person, satchel_scope_list *scopes, satchel_intake *intake,
                                   satchel_error *error) {
    int64_t unmade = 0;
    *intake = (satchel_intake){.service = exchange->service,
                               .db = db,
                               .counter = intake->counter,
                               .person = person,
                               .scopes = scopes,
                               .author = intake->author,
                               .phone_now = exchange->head.now};
    satchel_status status = satchel_counter_read(db, intake->counter, error);
    if (status == SATCHEL_OK) {
        status = satchel_person_load(exchange->service, db, &exchange->user, satchel_service_today(exchange->service),
                                     arena, person, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_scopes_of(db, person, arena, scopes, error);
    }
    /* With more scopes than a phone may have he still may push. */
    if (status == SATCHEL_LIMIT_EXCEEDED) {
        *scopes = (satchel_scope_list){NULL, NULL, 0};
        status = SATCHEL_OK;
    }
    if (status == SATCHEL_OK) {
        status = satchel_company_key(db, "receipts", intake->receipt_key, error);
    }
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_NUMBER(db, error, &unmade, 0, "SELECT count(*) FROM unmade_row WHERE device = ?1",
                                   satchel_value_id(&exchange->device));
    }
    intake->has_unmade = unmade > 0;
    return status;
}

/*
 * A new life may have got less far in settling than another was decided on: units that stand there with the same bytes
 * are taken over, from the first on and until one differs. Stores with one unit in common have all before it in common
 * too, so that life is the parent from there on. The answer gives the results again.
 */
static satchel_status take_over(satchel_server_exchange *exchange, satchel_db *db, satchel_incarnation *incarnation,
                                satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    bool same = incarnation->applied_through == incarnation->parent_sequence;
    uint64_t before = incarnation->applied_through;
    for (uint32_t i = 0; status == SATCHEL_OK && same && i < exchange->unit_count; i++) {
        const satchel_arrived_unit *unit = &exchange->units[i];
        uint64_t holder = 0;
        if (unit->head.first_sequence <= incarnation->applied_through) {
            continue;
        }
        status = satchel_unit_decided_in(db, incarnation, unit, &holder, error);
        same = holder != 0 && unit->head.first_sequence == incarnation->applied_through + 1;
        if (status == SATCHEL_OK && same) {
            incarnation->applied_through += unit->head.count;
            incarnation->parent_sequence = incarnation->applied_through;
            incarnation->parent = holder;
            memcpy(incarnation->applied_digest, unit->digest, sizeof incarnation->applied_digest);
        }
    }
    return status == SATCHEL_OK && incarnation->applied_through > before
               ? satchel_incarnation_advance(db, incarnation, error)
               : status;
}

/* The new life is the device's from here on. */
static satchel_status begin_life(satchel_server_exchange *exchange, satchel_db *db, satchel_device_state *state,
                                 satchel_incarnation *incarnation, satchel_error *error) {
    const satchel_audit_entry entry = {.action = "store forked", .user = state->user, .device = state->id};
    satchel_status status = satchel_incarnation_add(db, incarnation, error);
    if (status == SATCHEL_OK) {
        status = satchel_audit_note(exchange->service, db, &entry, error);
    }
    exchange->incarnation = incarnation->number;
    state->incarnation = incarnation->number;
    memcpy(state->token_current, exchange->head.token_current, sizeof state->token_current);
    return status;
}

/* Decided before, with the same bytes? `*out_new`: index of the first unit that is not. FORKED if the bytes differ. */
static satchel_status skip_known(satchel_server_exchange *exchange, satchel_db *db,
                                 const satchel_incarnation *incarnation, uint32_t *out_new, satchel_error *error) {
    uint64_t expected = incarnation->applied_through + 1;
    satchel_status status = SATCHEL_OK;
    uint32_t i = 0;
    while (status == SATCHEL_OK && i < exchange->unit_count && exchange->units[i].head.first_sequence < expected) {
        uint8_t digest[SATCHEL_DIGEST_BYTES];
        bool found = false;
        status =
            satchel_unit_known(db, incarnation->number, exchange->units[i].head.first_sequence, digest, &found, error);
        if (status == SATCHEL_OK && (!found || memcmp(digest, exchange->units[i].digest, sizeof digest) != 0)) {
            return answer_fork(exchange, incarnation);
        }
        i++;
    }
    *out_new = i;
    bool gap = i < exchange->unit_count && exchange->units[i].head.first_sequence != expected;
    return status == SATCHEL_OK && gap ? answer_with(exchange, SATCHEL_PROTOCOL_ERROR) : status;
}

static satchel_status write_metrics(satchel_db *db, const satchel_intake *intake, uint32_t known,
                                    satchel_error *error) {
    const struct {
        const char *name;
        uint64_t count;
    } metrics[] = {{"stored_answers", known},          {"units_applied", intake->applied},
                   {"units_refused", intake->refused}, {"units_parked", intake->parked},
                   {"units_held", intake->held},       {"units_quarantined", intake->quarantined}};
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; status == SATCHEL_OK && i < sizeof metrics / sizeof *metrics; i++) {
        if (metrics[i].count > 0) {
            status = satchel_metric_add(db, metrics[i].name, metrics[i].count, error);
        }
    }
    return status;
}

/* The device goes on: request number, tokens, how far its ops are decided. */
static satchel_status move_device(satchel_server_exchange *exchange, satchel_db *db, satchel_device_state *state,
                                  satchel_incarnation *incarnation, uint32_t first_new, uint32_t end,
                                  satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    if (first_new < end) {
        const satchel_arrived_unit *last = &exchange->units[end - 1];
        incarnation->applied_through = last->head.first_sequence + last->head.count - 1;
        memcpy(incarnation->applied_digest, last->digest, sizeof incarnation->applied_digest);
        status = satchel_incarnation_advance(db, incarnation, error);
    }
    if (!exchange->token_moved) {
        memcpy(state->token_previous, state->token_current, sizeof state->token_previous);
        memcpy(state->token_current, exchange->head.token_next, sizeof state->token_current);
        exchange->token_moved = true;
    }
    state->request_number = exchange->request_number;
    state->seen_ms = satchel_service_now_ms(exchange->service);
    return status == SATCHEL_OK ? satchel_device_state_save(db, state, error) : status;
}

/*
 * Behind the last unit that this exchange decides on. The writer serves everybody, so one phone gets it for no more ops
 * at a time than one unit may have; the phone sends the rest again.
 */
static uint32_t units_to_decide(const satchel_server_exchange *exchange, uint32_t first_new) {
    uint64_t ops = 0;
    uint32_t end = first_new;
    while (end < exchange->unit_count && ops + exchange->units[end].head.count <= SATCHEL_LIMIT_UNIT_OPS) {
        ops += exchange->units[end++].head.count;
    }
    return end;
}

static satchel_status decide_units(satchel_server_exchange *exchange, satchel_db *db, satchel_device_state *state,
                                   satchel_incarnation *incarnation, uint32_t first_new, satchel_arena *arena,
                                   satchel_error *error) {
    satchel_person person;
    satchel_scope_list scopes;
    satchel_counter counter;
    satchel_author author;
    satchel_intake intake = {.counter = &counter, .author = &author};
    satchel_status status = begin_intake(exchange, db, arena, &person, &scopes, &intake, error);
    if (status == SATCHEL_OK) {
        status = satchel_author_of_phone(db, incarnation, &author, error);
    }
    intake.batch.touched.arena = arena;
    uint32_t end = units_to_decide(exchange, first_new);
    for (uint32_t i = first_new; status == SATCHEL_OK && i < end; i++) {
        status = satchel_unit_decide(&intake, &exchange->units[i], error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_change_batch_end(&intake.batch, db, &counter, error);
    }
    if (status == SATCHEL_OK) {
        status = write_metrics(db, &intake, first_new, error);
    }
    if (status == SATCHEL_OK) {
        status = move_device(exchange, db, state, incarnation, first_new, end, error);
    }
    exchange->facts.stored_answers = first_new;
    return status;
}

static satchel_status apply_units(satchel_server_exchange *exchange, satchel_db *db, satchel_error *error) {
    satchel_device_state state;
    satchel_incarnation incarnation;
    satchel_arena arena;
    uint32_t first_new = 0;
    satchel_arena_init(&arena);
    exchange->token_moved = false;
    satchel_status status = satchel_device_state_load(db, &exchange->device, &state, error);
    if (status == SATCHEL_OK) {
        status = check_device(exchange, &state);
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status = check_store(exchange, db, &state, &incarnation, error);
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK && exchange->begins) {
        status = begin_life(exchange, db, &state, &incarnation, error);
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status = take_over(exchange, db, &incarnation, error);
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status = skip_known(exchange, db, &incarnation, &first_new, error);
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status = decide_units(exchange, db, &state, &incarnation, first_new, &arena, error);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status intern_sets(satchel_server_exchange *exchange, satchel_db *db, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    const satchel_wanted_set *wanted = exchange->wanted_sets;
    for (; status == SATCHEL_OK && wanted != NULL; wanted = wanted->next) {
        uint32_t set = 0;
        status = satchel_scope_set_intern(db, wanted->numbers, wanted->count, &set, error);
    }
    return status;
}

satchel_status satchel_server_exchange_apply(satchel_server_exchange *exchange, satchel_db *db, satchel_error *error) {
    /* Whatever an earlier run in a transaction that was rolled back has decided is forgotten. */
    exchange->status = SATCHEL_OK;
    exchange->applied = exchange->committed;
    satchel_status status = exchange->day_due ? satchel_service_day(exchange->service, db, error) : SATCHEL_OK;
    if (status == SATCHEL_OK && exchange->wanted_sets != NULL) {
        status = intern_sets(exchange, db, error);
    }
    if (status == SATCHEL_OK && (exchange->unit_count > 0 || exchange->begins) && !exchange->applied) {
        status = apply_units(exchange, db, error);
        exchange->applied = status == SATCHEL_OK;
    }
    return status;
}

/* --- answering --- */

static satchel_status write_head(const satchel_server_exchange *exchange, satchel_status head_status, uint32_t epoch,
                                 uint64_t applied_through, satchel_buffer *payload) {
    bool forked = head_status == SATCHEL_FORKED;
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    frame.as.head = (satchel_answer_head){.status = head_status,
                                          .server_time_ms = satchel_service_now_ms(exchange->service),
                                          .epoch = epoch,
                                          .token_moved = exchange->token_moved,
                                          .applied_through = forked ? exchange->fork_through : applied_through,
                                          .minimum_schema = 1,
                                          .request_number = exchange->request_number};
    if (forked) {
        frame.as.head.fork_digest = satchel_bytes_of(exchange->fork_digest, sizeof exchange->fork_digest);
    }
    return satchel_answer_write(&frame, payload);
}

static satchel_status write_results(const satchel_server_exchange *exchange, satchel_db *db,
                                    const satchel_person *person, uint64_t decided_through, satchel_arena *arena,
                                    satchel_buffer *payload, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0;
         status == SATCHEL_OK && i < exchange->unit_count && exchange->units[i].head.first_sequence <= decided_through;
         i++) {
        status = satchel_unit_reply(exchange->service, db, person, exchange->incarnation,
                                    exchange->units[i].head.first_sequence, arena, payload, error);
    }
    return status;
}

static satchel_status write_end(const satchel_server_exchange *exchange, const satchel_pulled_page *page,
                                satchel_buffer *payload) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_END};
    frame.as.end = (satchel_page_end){.cursor = satchel_buffer_view(&page->cursor),
                                      .position_n = page->position_n,
                                      .more = page->more,
                                      .rows_done = page->rows_done,
                                      .rows_total = page->rows_total};
    satchel_cursor_mark(exchange->head.cursor, frame.as.end.continues);
    return satchel_answer_write(&frame, payload);
}

/* Sets without a number: they are copied, since the page's arena goes, and the exchange asks to be applied once more.
 */
static satchel_status keep_wanted(satchel_server_exchange *exchange, const satchel_wanted_set *wanted) {
    for (; wanted != NULL; wanted = wanted->next) {
        satchel_wanted_set *copy = satchel_arena_take(&exchange->wanted_arena, sizeof *copy);
        uint32_t *numbers = satchel_arena_take_array(&exchange->wanted_arena, wanted->count, sizeof *numbers);
        if (copy == NULL || numbers == NULL) {
            return SATCHEL_NO_MEMORY;
        }
        if (wanted->count > 0) {
            memcpy(numbers, wanted->numbers, wanted->count * sizeof *numbers);
        }
        *copy = (satchel_wanted_set){numbers, wanted->count, exchange->wanted_sets};
        exchange->wanted_sets = copy;
    }
    return SATCHEL_OK;
}

typedef struct answer_work {
    satchel_server_exchange *exchange;
    satchel_db *db;
    satchel_arena arena;
    satchel_person person;
    satchel_counter counter;
    uint64_t applied_through;
    satchel_pulled_page page;
    bool has_page;
    satchel_error *error;
} answer_work;

static satchel_status read_page(answer_work *work) {
    satchel_server_exchange *exchange = work->exchange;
    satchel_incarnation incarnation;
    satchel_status status = satchel_incarnation_by_number(work->db, exchange->incarnation, &incarnation, work->error);
    work->applied_through = incarnation.applied_through;
    if (status == SATCHEL_OK) {
        status =
            satchel_person_load(exchange->service, work->db, &exchange->user, satchel_service_today(exchange->service),
                                &work->arena, &work->person, work->error);
    }
    work->has_page = exchange->head.page_bytes > 0;
    if (status == SATCHEL_OK && work->has_page) {
        status = satchel_pull(exchange->service, work->db, &work->person, exchange->head.cursor,
                              exchange->head.page_bytes, &work->arena, &work->page, work->error);
    }
    if (status == SATCHEL_OK && work->page.wanted_sets != NULL) {
        status = keep_wanted(exchange, work->page.wanted_sets);
    }
    return status;
}

static satchel_status build_payload(answer_work *work, satchel_buffer *payload) {
    satchel_server_exchange *exchange = work->exchange;
    satchel_status head_status = exchange->status == SATCHEL_OK ? work->page.status : exchange->status;
    satchel_status status = write_head(exchange, head_status, work->counter.epoch, work->applied_through, payload);
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status =
            write_results(exchange, work->db, &work->person, work->applied_through, &work->arena, payload, work->error);
    }
    if (status == SATCHEL_OK && work->has_page && head_status == SATCHEL_OK) {
        status = satchel_buffer_append(payload, satchel_buffer_view(&work->page.frames));
        if (status == SATCHEL_OK) {
            status = write_end(exchange, &work->page, payload);
        }
    }
    exchange->facts.status = head_status;
    exchange->facts.rows = work->page.rows;
    exchange->facts.removals = work->page.removals;
    exchange->facts.more = work->page.more;
    return status;
}

static satchel_status answer(answer_work *work, satchel_buffer *out_body) {
    satchel_server_exchange *exchange = work->exchange;
    satchel_buffer payload;
    satchel_buffer_init(&payload);
    satchel_status status = satchel_counter_read(work->db, &work->counter, work->error);
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status = read_page(work);
    }
    bool waits = exchange->wanted_sets != NULL;
    if (status == SATCHEL_OK && !waits) {
        status = build_payload(work, &payload);
    }
    if (status == SATCHEL_OK && !waits) {
        status = satchel_body_pack(satchel_buffer_view(&payload), out_body);
    }
    satchel_buffer_deinit(&payload);
    return status;
}

satchel_status satchel_server_exchange_answer(satchel_server_exchange *exchange, satchel_db *db,
                                              satchel_buffer *out_body, uint32_t *out_http_status,
                                              satchel_error *error) {
    answer_work *work = satchel_memory_take(sizeof *work);
    if (work == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for an answer");
    }
    work->exchange = exchange;
    work->db = db;
    work->error = error;
    satchel_arena_init(&work->arena);
    satchel_arena_reset(&exchange->wanted_arena);
    exchange->wanted_sets = NULL;
    exchange->day_due = false;
    exchange->begins = false;
    exchange->committed = exchange->applied;
    satchel_status status = answer(work, out_body);
    *out_http_status = exchange->http_status;
    satchel_pulled_page_deinit(&work->page);
    satchel_arena_deinit(&work->arena);
    satchel_memory_give(work);
    return status;
}

satchel_exchange_facts satchel_server_exchange_facts(const satchel_server_exchange *exchange) {
    return exchange->facts;
}

void satchel_server_exchange_close(satchel_server_exchange *exchange) {
    if (exchange != NULL) {
        satchel_buffer_deinit(&exchange->payload);
        satchel_arena_deinit(&exchange->arena);
        satchel_arena_deinit(&exchange->wanted_arena);
        satchel_memory_give(exchange);
    }
}
