/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stored results as they are sent. A result is stored as a frame without values; what won and what lost is read from
 * the conflict rows when the answer is made, as far as the user may see it then.
 */
#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "service/journal.h"
#include "service/unit.h"
#include "wire/record_codec.h"

#include <satchel/model.h>
#include <string.h>

typedef struct reply_work {
    const satchel_service *service;
    satchel_db *db;
    const satchel_person *person;
    satchel_arena *arena;
    size_t room; /* for values; without room a loss is told without them, as they stand in its conflict row */
    satchel_error *error;
} reply_work;

static satchel_status load_result(reply_work *work, uint64_t incarnation, uint64_t first_sequence, satchel_bytes *out) {
    satchel_db_statement *statement = NULL;
    uint64_t holder = 0;
    bool found = false;
    satchel_status status = satchel_incarnation_holder(work->db, incarnation, first_sequence, &holder, work->error);
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_START(&statement, work->db, work->error,
                                  "SELECT result FROM unit_result WHERE incarnation = ?1 AND first_sequence = ?2",
                                  satchel_db_count(holder), satchel_db_count(first_sequence));
    }
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, work->error);
    }
    if (status == SATCHEL_OK) {
        status = found ? satchel_arena_copy(work->arena, satchel_db_bytes(statement, 0), out)
                       : satchel_fail(work->error, SATCHEL_NOT_FOUND, "there is no such result");
    }
    satchel_db_end(statement);
    return status;
}

/* Relations of the person to the row that a conflict is about; 0 if it is not his to see. */
static satchel_status relations_to_subject(reply_work *work, const satchel_record *conflict, uint32_t entity,
                                           uint32_t *out) {
    satchel_stored_row row;
    satchel_standing standing;
    satchel_id id = satchel_record_id(conflict, SATCHEL_CONFLICT_SUBJECT_ROW);
    *out = 0;
    satchel_status status =
        satchel_stored_row_load(work->service->tables, work->db, entity, &id, work->arena, &row, work->error);
    if (status != SATCHEL_OK || !row.merged.exists) {
        return status;
    }
    status = satchel_standing_of(work->service, work->db, entity, &id, &row.merged.value, work->arena, &standing,
                                 work->error);
    if (status == SATCHEL_OK) {
        status = satchel_relations_of(work->db, &standing, work->person, satchel_service_today(work->service), out,
                                      work->error);
    }
    if (status == SATCHEL_OK &&
        !satchel_access_allows(work->person->policy, &work->person->access, entity, *out, SATCHEL_VERB_READ)) {
        *out = 0;
    }
    return status;
}

static satchel_status encode_side(reply_work *work, uint32_t entity, uint32_t relations, const satchel_record *side,
                                  satchel_bytes *out) {
    satchel_record seen;
    satchel_buffer bytes;
    satchel_buffer_init(&bytes);
    satchel_record_init(&seen, work->arena);
    satchel_status status = satchel_access_filter(&work->service->schema, work->person->policy, &work->person->access,
                                                  entity, relations, side, &seen);
    if (status == SATCHEL_OK) {
        status = satchel_record_encode(&work->service->schema, entity, &seen, &bytes);
    }
    if (status == SATCHEL_OK) {
        status = satchel_arena_copy(work->arena, satchel_buffer_view(&bytes), out);
    }
    satchel_buffer_deinit(&bytes);
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(work->error, status, "a value that lost");
}

/* Who was first with a command, who decides on what is parked: named to those who read the users of the company. */
static bool sees_users(const reply_work *work) {
    return work->person->access.active &&
           satchel_access_allows(work->person->policy, &work->person->access, SATCHEL_ENTITY_USER,
                                 SATCHEL_RELATION_COMPANY, SATCHEL_VERB_READ);
}

static void fill_winner(const reply_work *work, satchel_result_loss *loss) {
    if (!sees_users(work)) {
        loss->winner_user = (satchel_id){{0}};
        loss->winner_ms = 0;
    }
}

static satchel_status fill_loss(reply_work *work, satchel_result_loss *loss) {
    satchel_stored_row conflict;
    satchel_record winner;
    satchel_record loser;
    uint32_t relations = 0;
    satchel_status status = satchel_stored_row_load(work->service->tables, work->db, SATCHEL_ENTITY_CONFLICT,
                                                    &loss->conflict, work->arena, &conflict, work->error);
    if (status != SATCHEL_OK || !conflict.merged.exists) {
        return status;
    }
    const satchel_record *values = &conflict.merged.value;
    uint32_t entity = (uint32_t)satchel_record_int(values, SATCHEL_CONFLICT_SUBJECT_ENTITY, 0);
    status = relations_to_subject(work, values, entity, &relations);
    uint32_t classes = satchel_access_visible_classes(work->person->policy, &work->person->access, entity, relations);
    if (status != SATCHEL_OK || relations == 0 || (classes & (1u << satchel_conflict_class(values))) == 0) {
        return status;
    }
    status = satchel_journal_values(&work->service->schema, values, work->arena, &winner, &loser, work->error);
    if (status == SATCHEL_OK) {
        status = encode_side(work, entity, relations, &winner, &loss->winner);
    }
    if (status == SATCHEL_OK) {
        status = encode_side(work, entity, relations, &loser, &loss->loser);
    }
    size_t taken = loss->winner.bytes + loss->loser.bytes;
    work->room -= taken < work->room ? taken : work->room;
    loss->winner_user = satchel_record_id(values, SATCHEL_CONFLICT_WINNER_USER);
    const satchel_value *at = satchel_record_get(values, SATCHEL_CONFLICT_WINNER_AT);
    loss->winner_ms = at != NULL ? at->as.integer : 0;
    return status;
}

static satchel_status fill_op(reply_work *work, satchel_op_result *op) {
    satchel_result_loss *losses = satchel_arena_take_array(work->arena, op->loss_count, sizeof *losses);
    satchel_status status = SATCHEL_OK;
    if (losses == NULL) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for losses");
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < op->loss_count; i++) {
        losses[i] = op->losses[i];
        if (satchel_id_is_none(&losses[i].conflict)) {
            fill_winner(work, &losses[i]);
            continue;
        }
        status = work->room > 0 ? fill_loss(work, &losses[i]) : SATCHEL_OK;
    }
    op->losses = losses;
    return status;
}

static satchel_status fill_result(reply_work *work, satchel_unit_result *result, bool *out_filled) {
    satchel_op_result *ops = satchel_arena_take_array(work->arena, result->op_count, sizeof *ops);
    satchel_status status = SATCHEL_OK;
    *out_filled = false;
    if (ops == NULL) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for results");
    }
    if (!satchel_id_is_none(&result->keeper) && !sees_users(work)) {
        result->keeper = (satchel_id){{0}};
        *out_filled = true;
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < result->op_count; i++) {
        ops[i] = result->ops[i];
        if (ops[i].loss_count > 0) {
            *out_filled = true;
            status = fill_op(work, &ops[i]);
        }
    }
    result->ops = ops;
    return status;
}

satchel_status satchel_unit_reply(const satchel_service *service, satchel_db *db, const satchel_person *person,
                                  uint64_t incarnation, const satchel_arrived_unit *unit, satchel_arena *arena,
                                  satchel_buffer *out, satchel_error *error) {
    reply_work work = {service, db, person, arena, 0, error};
    satchel_bytes stored = unit->result;
    satchel_answer_frame frame;
    bool filled = false;
    work.room = out->bytes < SATCHEL_LIMIT_PAGE_BYTES ? SATCHEL_LIMIT_PAGE_BYTES - out->bytes : 0;
    satchel_status status = SATCHEL_OK;
    if (stored.bytes == 0) {
        status = load_result(&work, incarnation, unit->head.first_sequence, &stored);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_reader reader = satchel_reader_of(stored);
    status = satchel_answer_read(&reader, arena, &frame, error);
    if (status == SATCHEL_OK && frame.kind != SATCHEL_FRAME_RESULT) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "a stored result");
    }
    if (status == SATCHEL_OK) {
        status = fill_result(&work, &frame.as.result, &filled);
    }
    if (status != SATCHEL_OK) {
        return status == SATCHEL_MALFORMED ? SATCHEL_DAMAGED : status;
    }
    status = filled ? satchel_answer_write(&frame, out) : satchel_buffer_append(out, stored);
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(error, status, "a result cannot be written");
}
