/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deciding on a unit: under a savepoint apply all its ops or none, keep what was not applied, store the result.
 */
#include "service/unit.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/text.h"
#include "merge/stamp.h"
#include "service/discount.h"
#include "service/erase.h"
#include "service/keeper.h"
#include "service/offer.h"
#include "service/returned.h"

#include <satchel/model.h>
#include <string.h>

/* --- arriving --- */

satchel_status satchel_unit_read_ops(const satchel_schema *schema, satchel_arena *arena, satchel_arrived_unit *unit,
                                     satchel_error *error) {
    unit->head.ops = satchel_arena_take_array(arena, unit->head.count, sizeof *unit->head.ops);
    if (unit->head.ops == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a unit");
    }
    unit->bad_status = SATCHEL_OK;
    for (uint32_t i = 0; i < unit->head.count && unit->bad_status == SATCHEL_OK; i++) {
        satchel_error why = {SATCHEL_OK, 0, 0, ""};
        uint64_t sequence = unit->head.first_sequence + i;
        satchel_status status = satchel_op_decode(schema, unit->op_bytes[i], sequence, arena, &unit->head.ops[i], &why);
        if (status == SATCHEL_NO_MEMORY) {
            return satchel_fail(error, status, "no memory for an op");
        }
        if (status != SATCHEL_OK) {
            unit->bad_status = status;
            unit->bad_index = i;
            memcpy(unit->bad_rule, why.detail, sizeof unit->bad_rule);
        }
    }
    return SATCHEL_OK;
}

satchel_status satchel_unit_arrive(const satchel_schema *schema, satchel_bytes bytes, satchel_arena *arena,
                                   satchel_arrived_unit *out, satchel_error *error) {
    *out = (satchel_arrived_unit){.bytes = bytes};
    satchel_status status = satchel_unit_split(bytes, &out->bytes, &out->shown, error);
    if (status == SATCHEL_OK) {
        status = satchel_unit_decode(out->bytes, arena, &out->head, &out->op_bytes, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_unit_digest(out->bytes, out->digest);
    return satchel_unit_read_ops(schema, arena, out, error);
}

/* --- the work on one unit --- */

typedef struct unit_work {
    satchel_intake *intake;
    satchel_arrived_unit *unit;
    satchel_arena arena;
    satchel_op_decision *decisions; /* one an op */
    satchel_result_code code;
    uint32_t cause; /* index of the op that decided a unit which was not applied */
    int64_t stamp_ms;
    uint64_t n;
    int64_t now_ms; /* of the change */
    satchel_return_kind returned;
    satchel_receipt_facts shown; /* of a unit that was decided before */
    satchel_id keeper;           /* parked: who decides on it */
    satchel_error *error;
} unit_work;

/* Server time at which revision n was made: no op that had seen it is older. */
static satchel_status time_of(satchel_db *db, uint64_t n, int64_t *out, satchel_error *error) {
    return SATCHEL_DB_NUMBER(db, error, out, INT64_MIN,
                             "SELECT at_ms FROM revision_time WHERE n <= ?1 ORDER BY n DESC LIMIT 1",
                             satchel_db_count(n));
}

/* Units of one exchange have mostly seen the same. */
static satchel_status look_up_seen(satchel_intake *intake, uint64_t n, int64_t *out, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    if (!intake->seen_known || intake->seen_n != n) {
        status = time_of(intake->db, n, &intake->seen_ms, error);
        intake->seen_known = status == SATCHEL_OK;
        intake->seen_n = n;
    }
    *out = intake->seen_ms;
    return status;
}

static satchel_status estimate_stamp(unit_work *work) {
    const satchel_unit_ops *head = &work->unit->head;
    satchel_stamp_context context = {.phone_now = work->intake->phone_now,
                                     .server_now_ms = satchel_service_now_ms(work->intake->service),
                                     .seen_ms = INT64_MIN};
    satchel_status status = SATCHEL_OK;
    if (head->seen.epoch != 0 && head->seen.epoch <= work->intake->counter->epoch) {
        status = look_up_seen(work->intake, head->seen.n, &context.seen_ms, work->error);
    }
    work->stamp_ms = satchel_stamp_estimate(&context, &head->moment);
    return status;
}

/* Positions of the lost stretch of an ended epoch count as the point that was restored. */
static satchel_status cap_seen(unit_work *work) {
    satchel_revision *seen = &work->unit->head.seen;
    const satchel_counter *counter = work->intake->counter;
    if (seen->epoch == 0 || seen->epoch >= counter->epoch) {
        return SATCHEL_OK;
    }
    seen->epoch = counter->epoch;
    return satchel_epoch_cap(work->intake->db, counter, seen->n, &seen->n, work->error);
}

static void begin_change(unit_work *work, satchel_change *change) {
    satchel_intake *intake = work->intake;
    satchel_change_begin(change, intake->service, intake->db, &work->arena, intake->counter, intake->person,
                         intake->author);
    change->by_phone = true;
    change->parks = work->intake->parks;
    change->batch = &intake->batch;
    change->touched.looked_up_in = &intake->batch.touched;
    change->scopes = intake->scopes;
    change->seen = work->unit->head.seen;
    change->stamp_ms = work->stamp_ms;
    /* Bases of an epoch that is not known say nothing here, and none can be above the newest revision. */
    if (work->unit->head.seen.epoch != intake->counter->epoch) {
        change->base_cap = 0;
    }
    work->n = change->n;
    work->now_ms = change->now_ms;
}

static satchel_audit_entry audit_entry(const unit_work *work, const uint8_t *commitment) {
    const satchel_op *op = &work->unit->head.ops[work->cause < work->unit->head.count ? work->cause : 0];
    bool readable = work->unit->bad_status == SATCHEL_OK || work->unit->bad_index > work->cause;
    return (satchel_audit_entry){.action = "unit",
                                 .user = work->intake->author->user,
                                 .device = work->intake->author->device,
                                 .subject_entity = readable ? op->entity : 0,
                                 .subject_row = readable ? op->row : (satchel_id){{0}},
                                 .status = work->decisions[work->cause].status,
                                 .commitment = satchel_bytes_of(commitment, SATCHEL_HASH_BYTES)};
}

/* What the phone can show after a restore, and the commitment to it. */
static void make_receipt(const unit_work *work, uint8_t out[SATCHEL_RECEIPT_BYTES],
                         uint8_t out_commitment[SATCHEL_HASH_BYTES]) {
    satchel_receipt_facts facts = {.device = work->intake->author->device,
                                   .stamp_ms = work->stamp_ms,
                                   .code = work->code,
                                   .epoch = work->intake->counter->epoch,
                                   .n = work->n};
    memcpy(facts.digest, work->unit->digest, sizeof facts.digest);
    satchel_receipt_make(work->intake->receipt_key, &facts, out, out_commitment);
}

/* --- decisions --- */

static satchel_status decide_all(unit_work *work, satchel_result_code code, satchel_status status, uint32_t cause,
                                 const char *rule) {
    char *copy = satchel_arena_text(&work->arena, satchel_text_of(rule));
    work->code = code;
    work->cause = cause;
    for (uint32_t i = 0; i < work->unit->head.count; i++) {
        work->decisions[i] = (satchel_op_decision){.code = code, .status = status, .rule = copy};
    }
    return copy != NULL ? SATCHEL_OK : satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for decisions");
}

/* One op is refused: the others wait for it. */
static satchel_status hold_others(unit_work *work, uint32_t cause) {
    uint64_t sequence = work->unit->head.first_sequence + cause;
    satchel_op_decision refused = work->decisions[cause];
    satchel_status status = decide_all(work, SATCHEL_RESULT_HELD, SATCHEL_HELD_BY_UNIT, cause, "");
    for (uint32_t i = 0; i < work->unit->head.count; i++) {
        work->decisions[i].held_by = sequence;
        work->decisions[i].rule = NULL;
    }
    work->decisions[cause] = refused;
    work->code = SATCHEL_RESULT_REFUSED;
    return status;
}

/* --- holding --- */

static satchel_status row_is_there(unit_work *work, uint32_t entity, const satchel_id *row, bool *out) {
    const satchel_table *table = satchel_db_tables_get(work->intake->service->tables, entity);
    satchel_db_statement *statement = NULL;
    *out = false;
    if (table == NULL) {
        return SATCHEL_OK;
    }
    satchel_status status =
        SATCHEL_DB_START(&statement, work->intake->db, work->error, table->select_facts, satchel_value_id(row));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, out, work->error);
    }
    satchel_db_end(statement);
    return status;
}

/* Sequence of the op that should have made the row, 0 if it is there or was never to be made by this device. */
static satchel_status missing_maker(unit_work *work, uint32_t entity, const satchel_id *row, uint64_t *out) {
    int64_t sequence = 0;
    bool there = false;
    *out = 0;
    satchel_status status = SATCHEL_DB_NUMBER(work->intake->db, work->error, &sequence, 0,
                                              "SELECT sequence FROM unmade_row WHERE device = ?1 AND row = ?2",
                                              satchel_value_id(&work->intake->author->device), satchel_value_id(row));
    if (status != SATCHEL_OK || sequence == 0) {
        return status;
    }
    status = row_is_there(work, entity, row, &there);
    *out = there ? 0 : (uint64_t)sequence;
    return status;
}

static satchel_status find_hold_in(unit_work *work, const satchel_op *op, uint64_t *out) {
    satchel_status status = SATCHEL_OK;
    *out = 0;
    if (op->kind != SATCHEL_OP_CREATE) {
        status = missing_maker(work, op->entity, &op->row, out);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && *out == 0 && i < op->set.count; i++) {
        const satchel_field_value *given = &op->set.fields[i];
        const satchel_field *field = satchel_schema_field(&work->intake->service->schema, op->entity, given->number);
        if (field == NULL || field->ref == 0) {
            continue;
        }
        if (given->value.type == SATCHEL_TYPE_ID) {
            status = missing_maker(work, field->ref, &given->value.as.id, out);
        }
        for (uint32_t e = 0; given->value.type == SATCHEL_TYPE_SET && status == SATCHEL_OK && *out == 0 &&
                             e < given->value.as.set.count;
             e++) {
            satchel_id id;
            if (satchel_id_from(given->value.as.set.elements[e], &id) == SATCHEL_OK) {
                status = missing_maker(work, field->ref, &id, out);
            }
        }
    }
    return status;
}

/* A unit that touches or names a row which an earlier unit of the device failed to make waits for that unit. */
static satchel_status look_for_hold(unit_work *work) {
    satchel_status status = SATCHEL_OK;
    uint64_t held_by = 0;
    uint32_t readable = work->unit->bad_status == SATCHEL_OK ? work->unit->head.count : work->unit->bad_index;
    for (uint32_t i = 0; status == SATCHEL_OK && held_by == 0 && i < readable; i++) {
        status = find_hold_in(work, &work->unit->head.ops[i], &held_by);
    }
    if (status == SATCHEL_OK && held_by != 0) {
        status = decide_all(work, SATCHEL_RESULT_HELD, SATCHEL_HELD_BY_UNIT, 0, "");
        for (uint32_t i = 0; i < work->unit->head.count; i++) {
            work->decisions[i].held_by = held_by;
            work->decisions[i].rule = NULL;
        }
    }
    return status;
}

/* --- applying --- */

static satchel_status refuse_at(unit_work *work, uint32_t index, satchel_status why, uint32_t field,
                                const char *detail) {
    char *rule = satchel_arena_text(&work->arena, satchel_text_of(detail));
    work->decisions[index] =
        (satchel_op_decision){.code = SATCHEL_RESULT_REFUSED, .status = why, .field = field, .rule = rule};
    return rule != NULL ? hold_others(work, index) : satchel_fail(work->error, SATCHEL_NO_MEMORY, "a refusal");
}

static satchel_status apply_ops(unit_work *work, satchel_change *change) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < work->unit->head.count; i++) {
        satchel_op_decision *decision = &work->decisions[i];
        satchel_op *op = &work->unit->head.ops[i];
        status = satchel_epoch_cap_op(work->intake->db, work->intake->counter, &work->arena, op, work->error);
        if (status == SATCHEL_OK) {
            status = satchel_change_op(change, op, decision, work->error);
        }
        if (status != SATCHEL_OK || decision->code == SATCHEL_RESULT_APPLIED ||
            decision->code == SATCHEL_RESULT_MERGED) {
            continue;
        }
        if (decision->code == SATCHEL_RESULT_REFUSED) {
            return hold_others(work, i);
        }
        satchel_place place = decision->place;
        satchel_status why = decision->status;
        status = decide_all(work, SATCHEL_RESULT_PARKED, why, i, decision->rule != NULL ? decision->rule : "");
        work->decisions[i].place = place;
        return status;
    }
    return status;
}

static satchel_status check_references(unit_work *work, satchel_change *change) {
    for (uint32_t i = 0; i < work->unit->head.count; i++) {
        satchel_error why = {SATCHEL_OK, 0, 0, ""};
        satchel_status status = satchel_change_check_references(change, &work->unit->head.ops[i], &why);
        if (status == SATCHEL_OK) {
            status = satchel_change_check_weight(change, &work->unit->head.ops[i], &why);
        }
        if (status != SATCHEL_OK && satchel_status_refuses(status)) {
            return refuse_at(work, i, status, why.field, why.detail);
        }
        if (status != SATCHEL_OK) {
            return satchel_fail(work->error, status, "%s", why.detail);
        }
    }
    return SATCHEL_OK;
}

/* The op to which a refusal belongs that shows only when the whole unit is there: who submitted the order, or the
 * first. */
static uint32_t op_to_blame(const unit_work *work) {
    for (uint32_t i = 0; i < work->unit->head.count; i++) {
        const satchel_op *op = &work->unit->head.ops[i];
        if (op->entity == SATCHEL_ENTITY_ORDER && satchel_op_touches(op, SATCHEL_ORDER_STATUS)) {
            return i;
        }
    }
    return 0;
}

static satchel_status finish_change(unit_work *work, satchel_change *change) {
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    uint8_t receipt[SATCHEL_RECEIPT_BYTES];
    uint8_t commitment[SATCHEL_HASH_BYTES];
    make_receipt(work, receipt, commitment);
    satchel_audit_entry entry = audit_entry(work, commitment);
    satchel_status status = satchel_change_finish(change, &entry, &why);
    if (status != SATCHEL_OK && satchel_status_refuses(status)) {
        return refuse_at(work, op_to_blame(work), status, why.field, why.detail);
    }
    if (status != SATCHEL_OK) {
        return satchel_fail(work->error, status, "%s", why.detail);
    }
    /* Whoever submitted an order that waits for an approval is told so. */
    for (uint32_t i = 0; work->code == SATCHEL_RESULT_APPLIED && i < work->unit->head.count; i++) {
        if (satchel_discount_waits(change, &work->unit->head.ops[i])) {
            work->decisions[i].status = SATCHEL_APPROVAL_PENDING;
        }
    }
    return SATCHEL_OK;
}

/* All ops or none; on OK the decisions say which. */
static satchel_status apply_unit(unit_work *work) {
    satchel_change change;
    work->code = SATCHEL_RESULT_APPLIED;
    work->cause = 0;
    memset(work->decisions, 0, work->unit->head.count * sizeof *work->decisions);
    if (work->unit->bad_status != SATCHEL_OK) {
        return refuse_at(work, work->unit->bad_index, work->unit->bad_status, 0, work->unit->bad_rule);
    }
    begin_change(work, &change);
    satchel_status status = apply_ops(work, &change);
    if (status == SATCHEL_OK && work->code == SATCHEL_RESULT_APPLIED) {
        status = check_references(work, &change);
    }
    if (status == SATCHEL_OK && work->code == SATCHEL_RESULT_APPLIED) {
        status = finish_change(work, &change);
    }
    return status;
}

/* --- what was decided before --- */

/* All its ops as decided facts, or nothing if the restored database has them. */
static satchel_status apply_returned(unit_work *work) {
    satchel_change change;
    satchel_status status = SATCHEL_OK;
    work->code = SATCHEL_RESULT_APPLIED;
    begin_change(work, &change);
    change.fact_n = work->shown.n;
    for (uint32_t i = 0; i < work->unit->head.count; i++) {
        work->decisions[i] = (satchel_op_decision){.code = SATCHEL_RESULT_APPLIED, .status = SATCHEL_OK};
    }
    for (uint32_t i = 0; status == SATCHEL_OK && work->returned == SATCHEL_RETURN_LOST && i < work->unit->head.count;
         i++) {
        status = satchel_returned_op(&change, &work->unit->head.ops[i], work->shown.n, work->error);
    }
    if (status == SATCHEL_OK && work->returned == SATCHEL_RETURN_LOST) {
        status = satchel_returned_families(&change, work->unit->head.ops, work->unit->head.count, work->error);
    }
    if (status == SATCHEL_OK && work->returned == SATCHEL_RETURN_LOST) {
        status = satchel_returned_commands(&change, work->error);
    }
    return status == SATCHEL_OK ? finish_change(work, &change) : status;
}

/* Whose business the op's row is: as it is stored, since an edit does not say on what it hangs. */
static satchel_status find_place(unit_work *work, const satchel_op *op, satchel_place *out) {
    const satchel_service *service = work->intake->service;
    satchel_stored_row row;
    satchel_standing standing;
    satchel_status status = satchel_stored_row_load(service->tables, work->intake->db, op->entity, &op->row,
                                                    &work->arena, &row, work->error);
    if (status == SATCHEL_OK) {
        status =
            satchel_standing_of(service, work->intake->db, op->entity, &op->row,
                                row.merged.exists ? &row.merged.value : &op->set, &work->arena, &standing, work->error);
    }
    *out = status == SATCHEL_OK ? standing.place : (satchel_place){.anchor = {{0}}};
    return status;
}

/* Parked, held and refused units wait for people again; the phone knows why. */
static satchel_status keep_returned(unit_work *work) {
    bool parked = work->shown.code == SATCHEL_RESULT_PARKED;
    satchel_status status = decide_all(work, parked ? SATCHEL_RESULT_PARKED : SATCHEL_RESULT_HELD,
                                       parked ? SATCHEL_MOVED_AWAY : SATCHEL_HELD_BY_UNIT, 0, "");
    return status == SATCHEL_OK && parked ? find_place(work, &work->unit->head.ops[0], &work->decisions[0].place)
                                          : status;
}

static satchel_status look_at_receipt(unit_work *work) {
    const satchel_arrived_unit *unit = work->unit;
    satchel_status status = satchel_return_look(work->intake->db, work->intake->counter, work->intake->receipt_key,
                                                work->intake->author, unit, &work->returned, &work->shown, work->error);
    if (status != SATCHEL_OK || work->returned == SATCHEL_RETURN_NONE || unit->bad_status != SATCHEL_OK) {
        work->returned = SATCHEL_RETURN_NONE;
        return status;
    }
    work->stamp_ms = work->shown.stamp_ms;
    bool applied = work->shown.code == SATCHEL_RESULT_APPLIED || work->shown.code == SATCHEL_RESULT_MERGED;
    return applied ? SATCHEL_OK : keep_returned(work);
}

/* --- what was not applied --- */

static satchel_status note_unmade(unit_work *work) {
    satchel_status status = SATCHEL_OK;
    uint32_t readable = work->unit->bad_status == SATCHEL_OK ? work->unit->head.count : work->unit->bad_index;
    for (uint32_t i = 0; status == SATCHEL_OK && i < readable; i++) {
        const satchel_op *op = &work->unit->head.ops[i];
        if (op->kind == SATCHEL_OP_CREATE) {
            work->intake->has_unmade = true;
            status = SATCHEL_DB_RUN(work->intake->db, work->error,
                                    "INSERT INTO unmade_row (device, row, sequence) VALUES (?1, ?2, ?3)"
                                    " ON CONFLICT (device, row) DO UPDATE SET sequence = excluded.sequence",
                                    satchel_value_id(&work->intake->author->device), satchel_value_id(&op->row),
                                    satchel_db_count(op->sequence));
        }
    }
    return status;
}

static satchel_status journal_unit(unit_work *work, satchel_change *change) {
    const satchel_arrived_unit *unit = work->unit;
    satchel_status status = SATCHEL_OK;
    if (work->code == SATCHEL_RESULT_REFUSED && unit->bad_status == SATCHEL_OK) {
        return satchel_journal_refusal(change, &unit->head.ops[work->cause], unit->op_bytes[work->cause],
                                       &work->decisions[work->cause], work->error);
    }
    for (uint32_t i = 0; work->code == SATCHEL_RESULT_PARKED && status == SATCHEL_OK && i < unit->head.count; i++) {
        status = satchel_journal_park(change, &unit->head.ops[i], unit->op_bytes[i], work->decisions[i].status,
                                      &work->decisions[work->cause].place, work->error);
        if (status == SATCHEL_OK && work->decisions[work->cause].status == SATCHEL_MOVED_AWAY) {
            satchel_id parked = satchel_parked_id(&change->author->incarnation_id, unit->head.ops[i].sequence);
            status = satchel_offer_parked(change, &unit->head.ops[i], &parked, &work->decisions[work->cause].place,
                                          work->stamp_ms, work->error);
        }
    }
    return status;
}

/* Bytes that speak of an erased person are not kept; that there was a unit is. */
static satchel_status look_for_erased(unit_work *work, satchel_change *change, bool *out) {
    const satchel_arrived_unit *unit = work->unit;
    uint32_t readable = unit->bad_status == SATCHEL_OK ? unit->head.count : unit->bad_index;
    satchel_status status = SATCHEL_OK;
    *out = false;
    for (uint32_t i = 0; status == SATCHEL_OK && !*out && i < readable; i++) {
        status = satchel_erase_concerns(change, &unit->head.ops[i], out, work->error);
    }
    return status;
}

/* Refused, parked, held or quarantined: the bytes are kept, people are told, dependents will be found. */
static satchel_status keep_unit(unit_work *work) {
    satchel_change change;
    begin_change(work, &change);
    change.stamp_ms = change.now_ms;
    bool erased = false;
    satchel_status status = look_for_erased(work, &change, &erased);
    if (status == SATCHEL_OK && !erased) {
        status = journal_unit(work, &change);
    }
    if (status == SATCHEL_OK && work->code == SATCHEL_RESULT_PARKED) {
        status = satchel_keeper_of_op(work->intake->service, work->intake->db, &work->unit->head.ops[work->cause],
                                      &work->arena, &work->keeper, work->error);
    }
    if (status == SATCHEL_OK) {
        status = note_unmade(work);
    }
    if (status == SATCHEL_OK) {
        status =
            satchel_journal_keep(work->intake->db, work->intake->author->incarnation, work->unit->head.first_sequence,
                                 work->code, work->decisions[work->cause].status, change.now_ms,
                                 erased ? (satchel_bytes){NULL, 0} : work->unit->bytes, work->error);
    }
    return status == SATCHEL_OK ? finish_change(work, &change) : status;
}

/* --- the stored result --- */

static bool tells_something(const unit_work *work, const satchel_op_decision *decision) {
    return decision->code != SATCHEL_RESULT_APPLIED || decision->status != SATCHEL_OK || decision->loss_count > 0 ||
           work->code != SATCHEL_RESULT_APPLIED;
}

static satchel_status encode_result(unit_work *work, satchel_buffer *out) {
    uint8_t receipt[SATCHEL_RECEIPT_BYTES];
    uint8_t commitment[SATCHEL_HASH_BYTES];
    satchel_op_result *ops = satchel_arena_take_array(&work->arena, work->unit->head.count, sizeof *ops);
    uint32_t count = 0;
    if (ops == NULL) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for a result");
    }
    for (uint32_t i = 0; i < work->unit->head.count; i++) {
        const satchel_op_decision *decision = &work->decisions[i];
        if (tells_something(work, decision)) {
            ops[count++] = (satchel_op_result){
                .index = i,
                .code = decision->code,
                .status = decision->status,
                .field = decision->field,
                .held_by = decision->held_by,
                .rule = satchel_text_clip(satchel_text_of(decision->rule), SATCHEL_ERROR_DETAIL_BYTES - 1),
                .losses = decision->losses,
                .loss_count = decision->loss_count};
        }
    }
    make_receipt(work, receipt, commitment);
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_RESULT};
    frame.as.result =
        (satchel_unit_result){.first_sequence = work->unit->head.first_sequence,
                              .count = work->unit->head.count,
                              .code = work->code == SATCHEL_RESULT_REFUSED ? SATCHEL_RESULT_HELD : work->code,
                              .stamp_ms = work->stamp_ms,
                              .ops = ops,
                              .op_count = count,
                              .receipt = satchel_bytes_of(receipt, sizeof receipt)};
    if (work->code == SATCHEL_RESULT_PARKED) {
        frame.as.result.keeper = work->keeper;
    }
    satchel_status status = satchel_answer_write(&frame, out);
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(work->error, status, "a result");
}

static satchel_status store_result(unit_work *work) {
    satchel_buffer result;
    satchel_buffer_init(&result);
    satchel_status status = encode_result(work, &result);
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(
            work->intake->db, work->error,
            "INSERT INTO unit_result (incarnation, first_sequence, count, digest, n, result)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            satchel_db_count(work->intake->author->incarnation), satchel_db_count(work->unit->head.first_sequence),
            satchel_db_count(work->unit->head.count), satchel_db_blob(work->unit->digest, sizeof work->unit->digest),
            satchel_db_count(work->n), satchel_value_bytes(satchel_buffer_view(&result)));
    }
    if (status == SATCHEL_OK &&
        satchel_arena_copy(work->intake->lasting, satchel_buffer_view(&result), &work->unit->result) != SATCHEL_OK) {
        status = satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for a result");
    }
    satchel_buffer_deinit(&result);
    return status;
}

/* --- in order --- */

/* One attempt under a savepoint, which is gone when it returns. The counter is as before unless all went well. */
static satchel_status attempt(unit_work *work, satchel_status (*step)(unit_work *), bool *out_keeps) {
    satchel_counter before = *work->intake->counter;
    const bool together = work->intake->together;
    satchel_status status = together ? SATCHEL_OK : satchel_db_savepoint(work->intake->db, work->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = step(work);
    *out_keeps = status == SATCHEL_OK && (step == keep_unit || work->code == SATCHEL_RESULT_APPLIED);
    if (*out_keeps) {
        satchel_change_batch *batch = &work->intake->batch;
        bool moved = work->intake->counter->n > before.n;
        batch->noted_ms = moved ? work->now_ms : batch->noted_ms;
        batch->time_noted = batch->time_noted || moved;
        return together ? SATCHEL_OK : satchel_db_release(work->intake->db, work->error);
    }
    if (together) {
        work->intake->torn = status == SATCHEL_OK || !satchel_status_is_of_machine(status);
        return work->intake->torn ? SATCHEL_BUSY : status;
    }
    satchel_db_back(work->intake->db);
    *work->intake->counter = before;
    work->intake->batch.touched.groups = NULL; /* numbers of sets may be undone with it */
    work->intake->batch.touched.group_count = 0;
    if (!satchel_db_in_transaction(work->intake->db)) {
        return satchel_fail(work->error, SATCHEL_IO_ERROR, "the database gave the transaction up");
    }
    return status;
}

static bool is_hopeless(satchel_status status) {
    return status != SATCHEL_OK && !satchel_status_is_of_machine(status);
}

static satchel_status try_to_apply(unit_work *work) {
    bool kept = false;
    satchel_status (*const apply)(unit_work *) = work->returned == SATCHEL_RETURN_NONE ? apply_unit : apply_returned;
    satchel_status status = attempt(work, apply, &kept);
    if (is_hopeless(status)) {
        status = attempt(work, apply, &kept);
    }
    if (is_hopeless(status)) {
        status = decide_all(work, SATCHEL_RESULT_HELD, SATCHEL_QUARANTINED, 0, satchel_status_name(status));
    }
    return status;
}

static void count_unit(unit_work *work) {
    satchel_intake *intake = work->intake;
    bool quarantined = work->decisions[work->cause].status == SATCHEL_QUARANTINED;
    switch (work->code) {
    case SATCHEL_RESULT_REFUSED: intake->refused++; break;
    case SATCHEL_RESULT_PARKED: intake->parked++; break;
    case SATCHEL_RESULT_HELD:
        intake->held += quarantined ? 0 : 1;
        intake->quarantined += quarantined ? 1 : 0;
        break;
    default: intake->applied++; break;
    }
}

static satchel_status decide_unit(unit_work *work) {
    bool kept = false;
    work->decisions = satchel_arena_take_array(&work->arena, work->unit->head.count, sizeof *work->decisions);
    if (work->decisions == NULL) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for decisions");
    }
    satchel_status status = cap_seen(work);
    if (status == SATCHEL_OK) {
        status = estimate_stamp(work);
    }
    if (status == SATCHEL_OK && work->unit->shown.receipt.bytes > 0) {
        status = look_at_receipt(work);
    }
    if (status == SATCHEL_OK && work->intake->has_unmade && work->returned == SATCHEL_RETURN_NONE) {
        status = look_for_hold(work);
    }
    if (status == SATCHEL_OK && work->code == 0) {
        status = try_to_apply(work);
    }
    if (status == SATCHEL_OK && work->code != SATCHEL_RESULT_APPLIED) {
        status = attempt(work, keep_unit, &kept);
    }
    /* What cannot even be journalled must not stop the phone either: the bytes alone are kept. */
    if (is_hopeless(status) && work->code != 0) {
        status = decide_all(work, SATCHEL_RESULT_HELD, SATCHEL_QUARANTINED, 0, satchel_status_name(status));
        if (status == SATCHEL_OK) {
            status = attempt(work, keep_unit, &kept);
        }
    }
    if (status == SATCHEL_OK) {
        status = store_result(work);
    }
    if (status == SATCHEL_OK) {
        count_unit(work);
    }
    return status;
}

satchel_status satchel_unit_decide(satchel_intake *intake, satchel_arrived_unit *unit, satchel_error *error) {
    unit_work work = {.intake = intake, .unit = unit, .arena = *intake->scratch, .error = error};
    satchel_status status = decide_unit(&work);
    *intake->scratch = work.arena;
    satchel_arena_reset(intake->scratch);
    return status;
}

satchel_status satchel_unit_decided_in(satchel_db *db, const satchel_incarnation *incarnation,
                                       const satchel_arrived_unit *unit, uint64_t *out, satchel_error *error) {
    int64_t life = 0;
    satchel_status status = SATCHEL_DB_NUMBER(
        db, error, &life, 0,
        "SELECT i.number FROM incarnation i JOIN unit_result r ON r.incarnation = i.number WHERE i.device = ?1"
        " AND i.number < ?2 AND r.first_sequence = ?3 AND r.digest = ?4 ORDER BY i.number LIMIT 1",
        satchel_value_id(&incarnation->device), satchel_db_count(incarnation->number),
        satchel_db_count(unit->head.first_sequence), satchel_db_blob(unit->digest, sizeof unit->digest));
    *out = (uint64_t)life;
    return status;
}

satchel_status satchel_unit_known(satchel_db *db, uint64_t incarnation, uint64_t first_sequence,
                                  uint8_t out_digest[SATCHEL_DIGEST_BYTES], bool *out_found, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    uint64_t holder = 0;
    *out_found = false;
    satchel_status status = satchel_incarnation_holder(db, incarnation, first_sequence, &holder, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = SATCHEL_DB_START(&statement, db, error,
                              "SELECT digest FROM unit_result WHERE incarnation = ?1 AND first_sequence = ?2",
                              satchel_db_count(holder), satchel_db_count(first_sequence));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, out_found, error);
    }
    if (status == SATCHEL_OK && *out_found) {
        satchel_bytes digest = satchel_db_bytes(statement, 0);
        memset(out_digest, 0, SATCHEL_DIGEST_BYTES);
        if (digest.bytes == SATCHEL_DIGEST_BYTES) {
            memcpy(out_digest, digest.data, digest.bytes);
        }
    }
    satchel_db_end(statement);
    return status;
}
