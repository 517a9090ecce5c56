/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Approvals: a command that needs one waits as a proposal; each step is a row of its own, decided once. The last
 * approval carries the command out in its own transaction, or is refused with what stands against that.
 */
#include "service/discount.h"

#include "base/error.h"
#include "base/ids.h"
#include "wire/unit_codec.h"

#include <satchel/model.h>

/* --- asking --- */

static satchel_status manager_of(satchel_change *change, const satchel_id *user, satchel_id *out,
                                 satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    *out = (satchel_id){{0}};
    satchel_status status = SATCHEL_DB_START(&statement, change->db, error,
                                             "SELECT m.\"id\" FROM \"user\" u JOIN \"user\" m ON m.\"id\" ="
                                             " u.\"manager\" WHERE u.\"id\" = ?1 AND m.\"deleted\" = 0",
                                             satchel_value_id(user));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && found) {
        *out = satchel_db_id(statement, 0);
    }
    satchel_db_end(statement);
    return status;
}

/* One step of one command: the same ask makes the same row. */
static satchel_id step_id(const satchel_change *change, const satchel_id *before, int64_t step) {
    uint8_t numbers[24];
    satchel_put_u64be(numbers, change->fact_n != 0 ? change->fact_n : change->n); /* a fact has the row that it had */
    satchel_put_u64be(numbers + 8, change->sequence);
    satchel_put_u64be(numbers + 16, (uint64_t)step);
    const satchel_bytes parts[] = {satchel_id_view(&change->author->incarnation_id), satchel_id_view(before),
                                   satchel_bytes_of(numbers, sizeof numbers)};
    return satchel_id_derive("satchel approval", parts, 3);
}

typedef struct approval_step {
    uint32_t entity;
    satchel_id row;
    satchel_id customer;
    int64_t step;
    satchel_id asker;
    satchel_id below; /* whose manager is to decide */
} approval_step;

static satchel_status set_unless_none(satchel_record *record, uint32_t field, const satchel_id *id) {
    return satchel_id_is_none(id) ? SATCHEL_OK : satchel_record_set_id(record, field, id);
}

static satchel_status make_step(satchel_change *change, const approval_step *step, satchel_id *out,
                                satchel_error *error) {
    satchel_record record;
    satchel_id approver;
    satchel_record_init(&record, change->arena);
    *out = step_id(change, &step->row, step->step);
    satchel_status status = manager_of(change, &step->below, &approver, error);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&record, SATCHEL_APPROVAL_SUBJECT_ENTITY, step->entity);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(&record, SATCHEL_APPROVAL_SUBJECT_ROW, &step->row);
    }
    if (status == SATCHEL_OK) {
        status = set_unless_none(&record, SATCHEL_APPROVAL_CUSTOMER, &step->customer);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&record, SATCHEL_APPROVAL_STEP, step->step);
    }
    if (status == SATCHEL_OK) {
        status = set_unless_none(&record, SATCHEL_APPROVAL_REQUESTED_BY, &step->asker);
    }
    if (status == SATCHEL_OK) {
        status = set_unless_none(&record, SATCHEL_APPROVAL_APPROVER, &approver);
    }
    return status == SATCHEL_OK ? satchel_change_insert(change, SATCHEL_ENTITY_APPROVAL, out, &record, NULL, error)
                                : status;
}

static satchel_status keep_proposal(satchel_change *change, const satchel_id *approval, int64_t steps,
                                    const satchel_op *op, satchel_error *error) {
    satchel_buffer bytes;
    satchel_buffer_init(&bytes);
    satchel_status status = satchel_op_encode(&change->service->schema, op, &bytes);
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(change->db, error, "INSERT INTO proposal (approval, steps, op) VALUES (?1, ?2, ?3)",
                                satchel_value_id(approval), satchel_value_int(steps),
                                satchel_value_bytes(satchel_buffer_view(&bytes)));
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

satchel_status satchel_approval_ask(satchel_order_given *given, int64_t steps) {
    satchel_change *change = given->change;
    int64_t waiting = 0;
    satchel_id approval;
    satchel_status status =
        SATCHEL_DB_NUMBER(change->db, given->error, &waiting, 0,
                          "SELECT count(*) FROM \"approval\" WHERE \"subject_row\" = ?1 AND \"decision\" IS NULL"
                          " AND \"deleted\" = 0",
                          satchel_value_id(&given->op->row));
    if (status != SATCHEL_OK) {
        return status;
    }
    if (waiting > 0) {
        return satchel_given_refuse(given, SATCHEL_APPROVAL_PENDING, 0, "an approval of this row waits already");
    }
    const approval_step first = {.entity = given->op->entity,
                                 .row = given->op->row,
                                 .customer = given->standing.anchor.id,
                                 .step = 1,
                                 .asker = change->author->user,
                                 .below = change->author->user};
    status = make_step(change, &first, &approval, given->error);
    if (status == SATCHEL_OK) {
        status = keep_proposal(change, &approval, steps, given->op, given->error);
    }
    given->decision->status = SATCHEL_APPROVAL_PENDING;
    return status;
}

static satchel_status write_decision(satchel_order_given *given, int64_t decision) {
    const satchel_change *change = given->change;
    const satchel_value *comment = satchel_record_get(&given->op->set, SATCHEL_APPROVAL_COMMENT);
    const satchel_id *user = &change->author->user;
    const satchel_given_field fields[] = {
        {SATCHEL_APPROVAL_DECISION, satchel_value_int(decision)},
        {SATCHEL_APPROVAL_DECIDED_BY, satchel_id_is_none(user) ? satchel_value_null() : satchel_value_id(user)},
        {SATCHEL_APPROVAL_DECIDED_AT, satchel_value_time(change->stamp_ms)},
        {SATCHEL_APPROVAL_COMMENT, comment != NULL ? *comment : satchel_value_null()}};
    return satchel_given_put(given, fields, sizeof fields / sizeof *fields);
}

satchel_status satchel_approval_end(satchel_change *change, const satchel_id *row, satchel_error *error) {
    satchel_id ids[2];
    uint32_t count = 0;
    satchel_db_statement *statement = NULL;
    satchel_status status = SATCHEL_DB_START(&statement, change->db, error,
                                             "SELECT \"id\" FROM \"approval\" WHERE \"subject_row\" = ?1 AND"
                                             " \"decision\" IS NULL AND \"deleted\" = 0",
                                             satchel_value_id(row));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found && count < 2) { /* one waits at a time */
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            ids[count++] = satchel_db_id(statement, 0);
        }
    }
    satchel_db_end(statement);
    for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
        satchel_op op;
        satchel_op_decision ignored = {.code = SATCHEL_RESULT_APPLIED};
        satchel_op_init(&op, SATCHEL_OP_COMMAND, SATCHEL_ENTITY_APPROVAL, &ids[i], change->arena);
        satchel_order_given given = {.change = change, .op = &op, .decision = &ignored, .error = error};
        status = satchel_stored_row_load(change->service->tables, change->db, SATCHEL_ENTITY_APPROVAL, &ids[i],
                                         change->arena, &given.row, error);
        status = status == SATCHEL_OK ? write_decision(&given, SATCHEL_APPROVAL_DECISION_WITHDRAWN) : status;
    }
    return status;
}

/* --- deciding --- */

typedef struct proposal {
    int64_t steps;
    satchel_op op;
} proposal;

static satchel_status load_proposal(satchel_order_given *given, proposal *out) {
    satchel_change *change = given->change;
    satchel_db_statement *statement = NULL;
    satchel_bytes bytes = {NULL, 0};
    bool found = false;
    satchel_status status =
        SATCHEL_DB_START(&statement, change->db, given->error, "SELECT steps, op FROM proposal WHERE approval = ?1",
                         satchel_value_id(&given->row.id));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, given->error);
    }
    if (status == SATCHEL_OK && found) {
        out->steps = satchel_db_int(statement, 0);
        status = satchel_arena_copy(change->arena, satchel_db_bytes(statement, 1), &bytes);
    }
    satchel_db_end(statement);
    if (status != SATCHEL_OK || !found) {
        return status == SATCHEL_OK
                   ? satchel_given_refuse(given, SATCHEL_NOT_FOUND, 0, "what was asked for is not there any more")
                   : status;
    }
    return satchel_op_decode(&change->service->schema, bytes, change->sequence, change->arena, &out->op, given->error);
}

static satchel_status next_step(satchel_order_given *given, const proposal *what, int64_t step) {
    const satchel_record *values = &given->row.merged.value;
    satchel_id below = satchel_record_id(values, SATCHEL_APPROVAL_APPROVER);
    satchel_id approval;
    const approval_step next = {.entity = what->op.entity,
                                .row = what->op.row,
                                .customer = satchel_record_id(values, SATCHEL_APPROVAL_CUSTOMER),
                                .step = step + 1,
                                .asker = satchel_record_id(values, SATCHEL_APPROVAL_REQUESTED_BY),
                                .below = satchel_id_is_none(&below) ? given->change->author->user : below};
    satchel_status status = make_step(given->change, &next, &approval, given->error);
    if (status == SATCHEL_OK) {
        status = keep_proposal(given->change, &approval, what->steps, &what->op, given->error);
    }
    given->decision->status = SATCHEL_APPROVAL_PENDING;
    return status;
}

static satchel_status carry_out(satchel_order_given *given, const proposal *what) {
    satchel_op_decision decision;
    satchel_id asker = satchel_record_id(&given->row.merged.value, SATCHEL_APPROVAL_REQUESTED_BY);
    satchel_status status = satchel_command_approved(given->change, &what->op, &asker, &decision, given->error);
    if (status == SATCHEL_OK && decision.code == SATCHEL_RESULT_REFUSED) {
        satchel_place place = given->decision->place;
        *given->decision = decision;
        given->decision->place = place;
    }
    return status;
}

/* Nobody agrees to what he asked for himself, and only he takes it back. */
static satchel_status check_decider(satchel_order_given *given, int64_t decision) {
    const satchel_id *user = &given->change->author->user;
    satchel_id asker = satchel_record_id(&given->row.merged.value, SATCHEL_APPROVAL_REQUESTED_BY);
    bool asked = !satchel_id_is_none(&asker) && satchel_id_equal(&asker, user);
    if (decision == SATCHEL_APPROVAL_DECISION_WITHDRAWN) {
        return asked || given->change->trusted
                   ? SATCHEL_OK
                   : satchel_given_refuse(given, SATCHEL_FORBIDDEN, 0, "only who asked takes it back");
    }
    if (asked) {
        return satchel_given_refuse(given, SATCHEL_FORBIDDEN, 0, "nobody decides on what he asked for himself");
    }
    bool again = false;
    satchel_status status =
        decision == SATCHEL_APPROVAL_DECISION_APPROVED ? satchel_approval_decided_before(given, &again) : SATCHEL_OK;
    if (status != SATCHEL_OK) {
        return status;
    }
    if (again) {
        return satchel_given_refuse(given, SATCHEL_FORBIDDEN, 0, "approve.one_person: he approved a step of it before");
    }
    return satchel_given_may(given, SATCHEL_VERB_APPROVE)
               ? SATCHEL_OK
               : satchel_given_refuse(given, SATCHEL_FORBIDDEN, 0, "no rule lets the user approve this");
}

/*
 * A decided fact is not undone when it is refused, so the decision is written behind what it decides: what was
 * overtaken since the restore is not said to be approved. Carrying it out may have ended approvals of the row, this one
 * too.
 */
static satchel_status carry_out_fact(satchel_order_given *given, const proposal *what) {
    satchel_change *change = given->change;
    satchel_status status = carry_out(given, what);
    if (status != SATCHEL_OK || satchel_given_is_refused(given)) {
        return status;
    }
    status = satchel_stored_row_load(change->service->tables, change->db, SATCHEL_ENTITY_APPROVAL, &given->op->row,
                                     change->arena, &given->row, given->error);
    return status == SATCHEL_OK ? write_decision(given, SATCHEL_APPROVAL_DECISION_APPROVED) : status;
}

satchel_status satchel_command_approval(satchel_order_given *given) {
    const satchel_record *values = &given->row.merged.value;
    int64_t decision = satchel_record_int(&given->op->set, SATCHEL_APPROVAL_DECISION, 0);
    int64_t step = satchel_record_int(values, SATCHEL_APPROVAL_STEP, 1);
    proposal what;
    if (satchel_record_get(values, SATCHEL_APPROVAL_DECISION) != NULL) {
        satchel_id winner = satchel_record_id(values, SATCHEL_APPROVAL_DECIDED_BY);
        int64_t at = satchel_record_int(values, SATCHEL_APPROVAL_DECIDED_AT, 0);
        return satchel_given_overtaken(given, SATCHEL_APPROVAL_DECISION, &winner, at, "it was decided before");
    }
    if (decision == 0) {
        return satchel_given_refuse(given, SATCHEL_REQUIRED_MISSING, SATCHEL_APPROVAL_DECISION, "decided how?");
    }
    satchel_status status = check_decider(given, decision);
    bool approves = decision == SATCHEL_APPROVAL_DECISION_APPROVED;
    if (status == SATCHEL_OK && !satchel_given_is_refused(given) && approves) {
        status = load_proposal(given, &what);
    }
    if (status == SATCHEL_OK && !satchel_given_is_refused(given) && approves && given->change->fact_n != 0 &&
        step >= what.steps) {
        return carry_out_fact(given, &what);
    }
    if (status == SATCHEL_OK && !satchel_given_is_refused(given)) {
        status = write_decision(given, decision);
    }
    if (status != SATCHEL_OK || satchel_given_is_refused(given)) {
        return status;
    }
    if (!approves) {
        satchel_id order = satchel_record_id(values, SATCHEL_APPROVAL_SUBJECT_ROW);
        bool is_order = satchel_record_int(values, SATCHEL_APPROVAL_SUBJECT_ENTITY, 0) == SATCHEL_ENTITY_ORDER;
        return is_order ? satchel_discount_decided(given->change, &order, given->error) : SATCHEL_OK;
    }
    return step < what.steps ? next_step(given, &what, step) : carry_out(given, &what);
}
