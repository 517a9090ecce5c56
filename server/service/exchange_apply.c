/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writing half of an exchange: units are decided in order, the device goes on.
 */
#include "service/exchange_state.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"

#include "service/cursor.h"
#include "service/digest_page.h"
#include "service/evidence.h"
#include "service/tombstone.h"

#include <string.h>

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
                               .phone_now = exchange->head.now,
                               .lasting = &exchange->arena,
                               .parks = exchange->parks};
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
 * Units between what is known and what came: decided in the lost stretch of an epoch that ended. A phone that does not
 * yet know of the restore is told from where to show them; one that does, for it shows receipts, or holds a cursor of
 * this epoch, or says so, has forgotten the first of them.
 */
static satchel_status answer_gap(satchel_server_exchange *exchange, satchel_db *db,
                                 const satchel_incarnation *incarnation, const satchel_arrived_unit *unit,
                                 satchel_error *error) {
    satchel_counter counter;
    satchel_cursor cursor = {.epoch = 0};
    satchel_status status = satchel_counter_read(db, &counter, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    bool readable =
        exchange->head.cursor.bytes == 0 || satchel_cursor_read(exchange->head.cursor, &cursor, NULL) == SATCHEL_OK;
    bool knows = unit->shown.receipt.bytes > 0 || exchange->head.heard_epoch == counter.epoch ||
                 (readable && cursor.epoch == counter.epoch);
    if (counter.epoch > 1 && knows) {
        return SATCHEL_OK;
    }
    exchange->fork_through = incarnation->applied_through;
    bool older = readable && counter.epoch > 1 && cursor.epoch < counter.epoch;
    return satchel_exchange_answer_with(exchange, older ? SATCHEL_STALE_CURSOR : SATCHEL_PROTOCOL_ERROR);
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
            return satchel_exchange_answer_fork(exchange, incarnation);
        }
        i++;
    }
    *out_new = i;
    bool gap = i < exchange->unit_count && exchange->units[i].head.first_sequence != expected;
    return status == SATCHEL_OK && gap ? answer_gap(exchange, db, incarnation, &exchange->units[i], error) : status;
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
        satchel_exchange_take_token(exchange, state);
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

/* What the units of one exchange share while they are decided. */
typedef struct deciding {
    satchel_person person;
    satchel_scope_list scopes;
    satchel_counter counter;
    satchel_author author;
    satchel_intake intake;
    satchel_arena scratch;
} deciding;

static satchel_status decide_run(satchel_server_exchange *exchange, satchel_db *db,
                                 const satchel_incarnation *incarnation, uint32_t first, uint32_t end,
                                 satchel_arena *arena, deciding *work, satchel_error *error) {
    const bool together = work->intake.together;
    work->intake = (satchel_intake){.counter = &work->counter, .author = &work->author};
    satchel_status status = begin_intake(exchange, db, arena, &work->person, &work->scopes, &work->intake, error);
    if (status == SATCHEL_OK) {
        status = satchel_author_of_phone(db, incarnation, &work->author, error);
    }
    work->intake.batch.touched.arena = arena;
    work->intake.scratch = &work->scratch;
    work->intake.together = together;
    for (uint32_t i = first; status == SATCHEL_OK && i < end && exchange->tried; i++) {
        status = satchel_unit_read_ops(&exchange->service->schema, &exchange->arena, &exchange->units[i], error);
    }
    exchange->tried = true;
    for (uint32_t i = first; status == SATCHEL_OK && i < end; i++) {
        status = satchel_unit_decide(&work->intake, &exchange->units[i], error);
    }
    return status == SATCHEL_OK ? satchel_change_batch_end(&work->intake.batch, db, &work->counter, error) : status;
}

/* Mostly all units are applied: they share a savepoint. If one is not, all are decided anew with one each. */
static satchel_status decide_all(satchel_server_exchange *exchange, satchel_db *db,
                                 const satchel_incarnation *incarnation, uint32_t first, uint32_t end,
                                 satchel_arena *arena, deciding *work, satchel_error *error) {
    satchel_status status = satchel_db_savepoint(db, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    work->intake.together = true;
    status = decide_run(exchange, db, incarnation, first, end, arena, work, error);
    if (status == SATCHEL_OK) {
        return satchel_db_release(db, error);
    }
    satchel_db_back(db);
    if (!work->intake.torn || !satchel_db_in_transaction(db)) {
        return status;
    }
    satchel_error_clear(error);
    work->intake.together = false;
    return decide_run(exchange, db, incarnation, first, end, arena, work, error);
}

static satchel_status decide_units(satchel_server_exchange *exchange, satchel_db *db, satchel_device_state *state,
                                   satchel_incarnation *incarnation, uint32_t first_new, satchel_arena *arena,
                                   satchel_error *error) {
    deciding work = {.intake = {.torn = false}};
    uint32_t end = units_to_decide(exchange, first_new);
    satchel_status status = decide_all(exchange, db, incarnation, first_new, end, arena, &work, error);
    if (status == SATCHEL_OK) {
        status = write_metrics(db, &work.intake, first_new, error);
    }
    if (status == SATCHEL_OK) {
        status = move_device(exchange, db, state, incarnation, first_new, end, error);
    }
    exchange->facts.stored_answers = first_new;
    satchel_arena_deinit(&work.scratch);
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
        status = satchel_exchange_check_device(exchange, &state);
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status = satchel_exchange_check_store(exchange, db, &state, &incarnation, error);
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK && exchange->begins) {
        status = satchel_exchange_begin_life(exchange, db, &state, &incarnation, error);
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status = satchel_exchange_take_over(exchange, db, &incarnation, error);
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
    exchange->status = exchange->last_words ? SATCHEL_REVOKED : SATCHEL_OK;
    exchange->applied = exchange->committed;
    for (uint32_t i = 0; i < exchange->unit_count && !exchange->applied; i++) {
        exchange->units[i].result = (satchel_bytes){NULL, 0};
    }
    bool behind = false;
    satchel_status status =
        satchel_evidence_look(exchange->service, db, &exchange->device, exchange->head.witness, exchange->units,
                              exchange->applied ? 0 : exchange->unit_count, &behind, error);
    if (status == SATCHEL_OK && behind) {
        return satchel_exchange_answer_with(exchange, SATCHEL_BUSY); /* the fence is up from here on */
    }
    status = status == SATCHEL_OK && exchange->day_due ? satchel_service_day(exchange->service, db, error) : status;
    if (status == SATCHEL_OK && exchange->wanted_sets != NULL) {
        status = intern_sets(exchange, db, error);
    }
    if (status == SATCHEL_OK && (exchange->unit_count > 0 || exchange->begins) && !exchange->applied) {
        status = apply_units(exchange, db, error);
        exchange->applied = status == SATCHEL_OK;
    }
    if (status == SATCHEL_OK && (exchange->repair_due || exchange->books_due)) {
        status = satchel_digest_note(exchange->service, db, &exchange->user, &exchange->device, exchange->repair_due,
                                     exchange->books_due, error);
        exchange->books_told = exchange->books_told || exchange->books_due;
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK && exchange->point_due) {
        status = satchel_point_write(exchange->service, db, &exchange->device, exchange->point_n, error);
    }
    return status == SATCHEL_OK ? satchel_exchange_apply_notes(exchange, db, error) : status;
}
