/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decisions of people: a conflict's loser is put back or not, a parked edit is accepted or discarded.
 */
#include "base/error.h"
#include "base/ids.h"
#include "rules/orders.h"
#include "service/command.h"
#include "service/command_admin.h"
#include "service/desk.h"
#include "service/offer.h"
#include "service/rights.h"

#include <satchel/model.h>

/* Loads what is to be decided on, if the actor may read it. */
static satchel_status load_open(satchel_desk *desk, uint32_t entity, const satchel_id *id, satchel_stored_row *out) {
    satchel_status status =
        satchel_stored_row_load(desk->service->tables, desk->db, entity, id, &desk->arena, out, desk->error);
    if (status == SATCHEL_OK && !out->merged.exists) {
        status = desk->person.system ? satchel_fail(desk->error, SATCHEL_NOT_FOUND, "there is no such row")
                                     : satchel_fail(desk->error, SATCHEL_OUT_OF_SCOPE, "no such row is within reach");
    }
    uint32_t relations = 0;
    if (status == SATCHEL_OK) {
        status = satchel_desk_require_row(desk, out, SATCHEL_VERB_READ, &relations);
    }
    bool hidden = status == SATCHEL_OK && entity == SATCHEL_ENTITY_CONFLICT && !desk->person.system &&
                  !satchel_conflict_is_seen(&desk->person, &out->merged.value, relations);
    return hidden ? satchel_fail(desk->error, SATCHEL_OUT_OF_SCOPE, "no such row is within reach") : status;
}

/* Deciding is for who may write every field that it is about. */
static satchel_status require_decider(satchel_desk *desk, const satchel_stored_row *conflict) {
    bool may = false;
    satchel_status status = satchel_conflict_may_decide(&desk->change, conflict, &may, desk->error);
    return status == SATCHEL_OK && !may
               ? satchel_fail(desk->error, SATCHEL_FORBIDDEN, "no rule lets the user write what it is about")
               : status;
}

typedef struct resolution_fields {
    uint32_t status, by, at;
} resolution_fields;

static satchel_status resolve(satchel_desk *desk, satchel_stored_row *row, const resolution_fields *fields,
                              int64_t resolved) {
    const uint32_t changed[] = {fields->status, fields->by, fields->at};
    const satchel_value values[] = {satchel_value_int(resolved),
                                    satchel_id_is_none(&desk->author.user) ? satchel_value_null()
                                                                           : satchel_value_id(&desk->author.user),
                                    satchel_value_time(desk->change.now_ms)};
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < 3; i++) {
        status = satchel_change_put(&desk->change, row, changed[i], &values[i]);
    }
    return status == SATCHEL_OK ? satchel_change_save(&desk->change, row, changed, 3, desk->error) : status;
}

/* --- conflicts --- */

static bool is_decided(const satchel_stored_row *conflict) {
    const satchel_record *values = &conflict->merged.value;
    int64_t state = satchel_record_int(values, SATCHEL_CONFLICT_STATUS, 0);
    bool by_a_person = satchel_record_get(values, SATCHEL_CONFLICT_RESOLVED_AT) != NULL;
    return state == SATCHEL_CONFLICT_STATUS_RESTORED || state == SATCHEL_CONFLICT_STATUS_EDITED || by_a_person;
}

/* What a conflict is about, as it stands now; of a merged-away customer the survivor. */
static satchel_status load_subject(const satchel_service *service, satchel_db *db, const satchel_record *conflict,
                                   satchel_arena *arena, satchel_stored_row *out, satchel_error *error) {
    uint32_t entity = (uint32_t)satchel_record_int(conflict, SATCHEL_CONFLICT_SUBJECT_ENTITY, 0);
    satchel_id id = satchel_record_id(conflict, SATCHEL_CONFLICT_SUBJECT_ROW);
    satchel_status status = SATCHEL_OK;
    if (entity == SATCHEL_ENTITY_CUSTOMER) {
        status = satchel_customer_survivor(db, &id, &id, error);
    }
    return status == SATCHEL_OK ? satchel_stored_row_load(service->tables, db, entity, &id, arena, out, error) : status;
}

satchel_status satchel_conflict_may_decide(satchel_change *change, const satchel_stored_row *conflict, bool *out,
                                           satchel_error *error) {
    const satchel_record *values = &conflict->merged.value;
    satchel_stored_row subject;
    satchel_record winner;
    satchel_record loser;
    satchel_field_rights rights;
    *out = change->trusted;
    if (change->trusted) {
        return SATCHEL_OK;
    }
    satchel_status status = load_subject(change->service, change->db, values, change->arena, &subject, error);
    if (status == SATCHEL_OK) {
        status = satchel_journal_values(&change->service->schema, values, change->arena, &winner, &loser, error);
    }
    if (status == SATCHEL_OK) {
        status =
            satchel_rights_look(change->service, change->db, change->person, &subject, change->arena, &rights, error);
    }
    *out = status == SATCHEL_OK && subject.merged.exists && satchel_rights_may(&rights, SATCHEL_VERB_EDIT) &&
           satchel_rights_forbidden(&rights, &winner, &loser) == 0;
    return status;
}

/* The value that a field gets when what lost is put back: united, added, or as it is. */
static satchel_status value_back(satchel_desk *desk, const satchel_field *field, const satchel_value *now,
                                 const satchel_value *lost, satchel_value *out) {
    *out = *lost;
    if (field == NULL || now == NULL || now->type != lost->type) {
        return SATCHEL_OK;
    }
    if (field->policy == SATCHEL_POLICY_SET && lost->type == SATCHEL_TYPE_SET) {
        return satchel_set_union(&desk->arena, &now->as.set, &lost->as.set, &out->as.set);
    }
    if (field->policy == SATCHEL_POLICY_SUM && lost->type == SATCHEL_TYPE_INT &&
        __builtin_add_overflow(now->as.integer, lost->as.integer, &out->as.integer)) {
        return satchel_fail(desk->error, SATCHEL_OUT_OF_RANGE, "the counter cannot jump that far");
    }
    return SATCHEL_OK;
}

static satchel_status put_back(satchel_desk *desk, satchel_stored_row *subject, uint32_t number,
                               const satchel_value *lost) {
    const satchel_field *field = satchel_schema_field(&desk->service->schema, subject->entity, number);
    satchel_value value;
    satchel_status status = value_back(desk, field, satchel_record_get(&subject->merged.value, number), lost, &value);
    return status == SATCHEL_OK ? satchel_change_put(&desk->change, subject, number, &value) : status;
}

/* A line's total follows from what is put back. */
static satchel_status derive_line(satchel_desk *desk, satchel_stored_row *line) {
    satchel_record after;
    satchel_record_init(&after, &desk->arena);
    satchel_status status = satchel_record_copy(&line->merged.value, &after);
    if (status == SATCHEL_OK) {
        status = satchel_order_line_derive(&after, desk->error);
    }
    const satchel_value *total =
        status == SATCHEL_OK ? satchel_record_get(&after, SATCHEL_ORDER_LINE_TOTAL_MINOR) : NULL;
    return total != NULL ? satchel_change_put(&desk->change, line, SATCHEL_ORDER_LINE_TOTAL_MINOR, total) : status;
}

/* The loser's fields are written; members of the group that it did not have are emptied. */
static satchel_status restore_fields(satchel_desk *desk, satchel_stored_row *subject, const satchel_record *winner,
                                     const satchel_record *loser) {
    const satchel_value none = satchel_value_null();
    uint32_t *changed = satchel_arena_take_array(&desk->arena, winner->count + loser->count + 1, sizeof *changed);
    uint32_t count = 0;
    satchel_status status = changed != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
    for (uint32_t i = 0; status == SATCHEL_OK && i < loser->count; i++) {
        changed[count++] = loser->fields[i].number;
        status = put_back(desk, subject, loser->fields[i].number, &loser->fields[i].value);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < winner->count; i++) {
        uint32_t number = winner->fields[i].number;
        if (satchel_record_get(loser, number) == NULL) {
            changed[count++] = number;
            status = satchel_change_put(&desk->change, subject, number, &none);
        }
    }
    if (status == SATCHEL_OK && subject->entity == SATCHEL_ENTITY_ORDER_LINE) {
        changed[count++] = SATCHEL_ORDER_LINE_TOTAL_MINOR;
        status = derive_line(desk, subject);
    }
    return status == SATCHEL_OK ? satchel_change_save(&desk->change, subject, changed, count, desk->error)
                                : satchel_fail(desk->error, status, "the loser cannot be put back");
}

/* Of an order that was submitted neither body nor lines are written, not even by who decides on a conflict. */
static satchel_status check_order(satchel_desk *desk, const satchel_stored_row *subject, const satchel_record *loser,
                                  const satchel_id *order) {
    satchel_stored_row row;
    bool body = subject->entity == SATCHEL_ENTITY_ORDER_LINE;
    for (uint32_t i = 0; i < loser->count; i++) {
        const satchel_field *field =
            satchel_schema_field(&desk->service->schema, subject->entity, loser->fields[i].number);
        body = body || field == NULL ||
               (field->writer == SATCHEL_WRITE_OWNER && (field->flags & SATCHEL_FIELD_DERIVED) == 0);
    }
    satchel_status status = satchel_stored_row_load(desk->service->tables, desk->db, SATCHEL_ENTITY_ORDER, order,
                                                    &desk->arena, &row, desk->error);
    bool open = status == SATCHEL_OK && satchel_order_is_open(&row.merged.value);
    return status == SATCHEL_OK && body && !open && !desk->change.trusted
               ? satchel_fail(desk->error, SATCHEL_LATE_FOR_PARENT, "the order is no draft any more")
               : status;
}

/* An order is summed up again, and waits for an approval if it would become submitted that way. */
static satchel_status follow_order(satchel_desk *desk, const satchel_stored_row *subject, const satchel_record *loser) {
    bool is_line = subject->entity == SATCHEL_ENTITY_ORDER_LINE;
    if (!is_line && subject->entity != SATCHEL_ENTITY_ORDER) {
        return SATCHEL_OK;
    }
    satchel_id order = is_line ? satchel_record_id(&subject->merged.value, SATCHEL_ORDER_LINE_ORDER) : subject->id;
    int64_t state = satchel_record_int(loser, SATCHEL_ORDER_STATUS, 0);
    bool submits = !is_line && (state == SATCHEL_ORDER_STATUS_SUBMITTED || state == SATCHEL_ORDER_STATUS_CONFIRMED);
    satchel_status status = check_order(desk, subject, loser, &order);
    if (status == SATCHEL_OK && satchel_change_touch_order(&desk->change, &order, false, submits) != SATCHEL_OK) {
        status = satchel_fail(desk->error, SATCHEL_NO_MEMORY, "no memory for an order");
    }
    return status;
}

static satchel_status restore(satchel_desk *desk, const satchel_stored_row *conflict) {
    const satchel_record *values = &conflict->merged.value;
    satchel_stored_row subject;
    satchel_record winner;
    satchel_record loser;
    satchel_field_rights rights;
    satchel_status status = load_subject(desk->service, desk->db, values, &desk->arena, &subject, desk->error);
    if (status == SATCHEL_OK) {
        status = satchel_desk_require_row(desk, &subject, SATCHEL_VERB_EDIT, NULL);
    }
    if (status == SATCHEL_OK) {
        status = satchel_journal_values(&desk->service->schema, values, &desk->arena, &winner, &loser, desk->error);
    }
    if (status == SATCHEL_OK) {
        status =
            satchel_rights_look(desk->service, desk->db, &desk->person, &subject, &desk->arena, &rights, desk->error);
    }
    uint32_t forbidden =
        status == SATCHEL_OK && !desk->person.system ? satchel_rights_forbidden(&rights, &winner, &loser) : 0;
    if (forbidden != 0) {
        return satchel_fail_field(desk->error, SATCHEL_FORBIDDEN, subject.entity, forbidden,
                                  "no rule lets the user write what would be put back");
    }
    if (status == SATCHEL_OK) {
        status = follow_order(desk, &subject, &loser);
    }
    return status == SATCHEL_OK ? restore_fields(desk, &subject, &winner, &loser) : status;
}

satchel_status satchel_conflict_decide(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                       const satchel_id *conflict, satchel_decision decision, satchel_error *error) {
    static const resolution_fields fields = {SATCHEL_CONFLICT_STATUS, SATCHEL_CONFLICT_RESOLVED_BY,
                                             SATCHEL_CONFLICT_RESOLVED_AT};
    satchel_desk desk;
    satchel_stored_row row;
    bool restores = decision == SATCHEL_DECISION_RESTORE;
    satchel_status status = satchel_desk_open(&desk, service, db, actor, 0, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = load_open(&desk, SATCHEL_ENTITY_CONFLICT, conflict, &row);
    if (status == SATCHEL_OK && is_decided(&row)) {
        status = satchel_fail(error, SATCHEL_OVERTAKEN, "the conflict was decided before");
    }
    if (status == SATCHEL_OK) {
        status = restores ? restore(&desk, &row) : require_decider(&desk, &row);
    }
    if (status == SATCHEL_OK) {
        status =
            resolve(&desk, &row, &fields, restores ? SATCHEL_CONFLICT_STATUS_RESTORED : SATCHEL_CONFLICT_STATUS_KEPT);
    }
    if (status == SATCHEL_OK) {
        status = satchel_offer_decided(&desk.change, &row, error);
    }
    return satchel_desk_close(&desk, status, "conflict decided", SATCHEL_ENTITY_CONFLICT, conflict);
}

/* A value of his own: an edit like any other, made on what the row is now. */
static satchel_status write_instead(satchel_desk *desk, const satchel_stored_row *conflict,
                                    const satchel_record *record, const uint32_t *cleared, uint32_t cleared_count) {
    satchel_stored_row subject;
    satchel_op op;
    satchel_op_decision decision;
    bool any = false;
    satchel_status status =
        load_subject(desk->service, desk->db, &conflict->merged.value, &desk->arena, &subject, desk->error);
    if (status == SATCHEL_OK) {
        status = satchel_desk_require_row(desk, &subject, SATCHEL_VERB_EDIT, NULL);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_op_init(&op, SATCHEL_OP_EDIT, subject.entity, &subject.id, &desk->arena);
    op.base_n = subject.revision;
    status = satchel_desk_difference(desk, &subject, record, cleared, cleared_count, &op, &any);
    return status == SATCHEL_OK && any ? satchel_desk_op(desk, &op, &decision) : status;
}

satchel_status satchel_conflict_edit(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                     const satchel_id *conflict, const satchel_record *record, const uint32_t *cleared,
                                     uint32_t cleared_count, satchel_error *error) {
    static const resolution_fields fields = {SATCHEL_CONFLICT_STATUS, SATCHEL_CONFLICT_RESOLVED_BY,
                                             SATCHEL_CONFLICT_RESOLVED_AT};
    satchel_desk desk;
    satchel_stored_row row;
    if (record->count == 0 && cleared_count == 0) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "an edit says what it wants");
    }
    satchel_status status = satchel_desk_open(&desk, service, db, actor, 0, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = load_open(&desk, SATCHEL_ENTITY_CONFLICT, conflict, &row);
    if (status == SATCHEL_OK && is_decided(&row)) {
        status = satchel_fail(error, SATCHEL_OVERTAKEN, "the conflict was decided before");
    }
    if (status == SATCHEL_OK) {
        status = require_decider(&desk, &row);
    }
    if (status == SATCHEL_OK) {
        status = write_instead(&desk, &row, record, cleared, cleared_count);
    }
    if (status == SATCHEL_OK) {
        status = resolve(&desk, &row, &fields, SATCHEL_CONFLICT_STATUS_EDITED);
    }
    if (status == SATCHEL_OK) {
        status = satchel_offer_decided(&desk.change, &row, error);
    }
    return satchel_desk_close(&desk, status, "conflict decided", SATCHEL_ENTITY_CONFLICT, conflict);
}

/* --- parked edits --- */

/* What nobody has decided on is carried out as the actor's own, on what the row is now. */
static satchel_status accept(satchel_desk *desk, const satchel_id *parked, satchel_op op) {
    satchel_op_decision decision;
    satchel_stored_row subject;
    bool any = false;
    satchel_status status = satchel_offer_strip(&desk->change, parked, &op, &any, desk->error);
    if (status == SATCHEL_OK && any) {
        status = satchel_stored_row_load(desk->service->tables, desk->db, op.entity, &op.row, &desk->arena, &subject,
                                         desk->error);
    }
    if (status != SATCHEL_OK || !any) {
        return status;
    }
    op.base_n = subject.revision;
    op.exceptions = NULL;
    op.exception_count = 0;
    status = satchel_desk_op(desk, &op, &decision);
    if (status == SATCHEL_OK && decision.created) {
        status =
            SATCHEL_DB_RUN(desk->db, desk->error, "DELETE FROM unmade_row WHERE row = ?1", satchel_value_id(&op.row));
    }
    return status;
}

/* With the edit its offers end. */
static satchel_status decide_whole(satchel_desk *desk, const satchel_stored_row *parked, bool accepts) {
    satchel_op op;
    satchel_status status =
        satchel_journal_open_parked(desk->service, desk->db, parked, &desk->arena, &op, desk->error);
    if (!accepts && (status == SATCHEL_DAMAGED || status == SATCHEL_MALFORMED)) {
        return SATCHEL_OK; /* what cannot be read can still be put away */
    }
    if (status == SATCHEL_OK && accepts) {
        satchel_op copy;
        status = satchel_op_copy(&desk->arena, &op, &copy);
        status = status == SATCHEL_OK ? accept(desk, &parked->id, copy)
                                      : satchel_fail(desk->error, status, "no memory for a parked edit");
    }
    int64_t how = accepts ? SATCHEL_CONFLICT_STATUS_RESTORED : SATCHEL_CONFLICT_STATUS_KEPT;
    return status == SATCHEL_OK ? satchel_offer_close(&desk->change, &parked->id, &op, how, desk->error) : status;
}

satchel_status satchel_parked_decide(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                     const satchel_id *parked, satchel_decision decision, satchel_error *error) {
    static const resolution_fields fields = {SATCHEL_PARKED_EDIT_STATUS, SATCHEL_PARKED_EDIT_RESOLVED_BY,
                                             SATCHEL_PARKED_EDIT_RESOLVED_AT};
    satchel_desk desk;
    satchel_stored_row row;
    bool accepts = decision == SATCHEL_DECISION_RESTORE;
    satchel_status status = satchel_desk_open(&desk, service, db, actor, 0, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = load_open(&desk, SATCHEL_ENTITY_PARKED_EDIT, parked, &row);
    if (status == SATCHEL_OK &&
        satchel_record_int(&row.merged.value, SATCHEL_PARKED_EDIT_STATUS, 0) != SATCHEL_PARKED_STATUS_WAITING) {
        status = satchel_fail(error, SATCHEL_OVERTAKEN, "the edit was decided on before");
    }
    /* Whoever has the customer reads of it; the whole of it, with what he may not see, is his supervisor's. */
    if (status == SATCHEL_OK) {
        status = satchel_desk_require_row(&desk, &row, SATCHEL_VERB_ASSIGN, NULL);
    }
    if (status == SATCHEL_OK) {
        status = decide_whole(&desk, &row, accepts);
    }
    if (status == SATCHEL_OK) {
        status =
            resolve(&desk, &row, &fields, accepts ? SATCHEL_PARKED_STATUS_ACCEPTED : SATCHEL_PARKED_STATUS_DISCARDED);
    }
    return satchel_desk_close(&desk, status, "parked decided", SATCHEL_ENTITY_PARKED_EDIT, parked);
}

/* Leaves in a record of an op what the actor may see. */
static satchel_status filter_part(satchel_desk *desk, uint32_t entity, uint32_t relations, satchel_arena *arena,
                                  satchel_record *part) {
    satchel_record seen;
    satchel_record_init(&seen, arena);
    satchel_status status = satchel_access_filter(&desk->service->schema, desk->person.policy, &desk->person.access,
                                                  entity, relations, part, &seen);
    *part = seen;
    return status;
}

static satchel_status show_op(satchel_desk *desk, const satchel_stored_row *parked, satchel_arena *arena,
                              satchel_op *out) {
    satchel_stored_row subject;
    satchel_standing standing;
    uint32_t relations = 0;
    satchel_status status = satchel_journal_open_parked(desk->service, desk->db, parked, arena, out, desk->error);
    if (status == SATCHEL_OK) {
        status = satchel_stored_row_load(desk->service->tables, desk->db, out->entity, &out->row, &desk->arena,
                                         &subject, desk->error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    /* Of a row that was to be made the op itself tells where it would stand. */
    const satchel_record *values = subject.merged.exists ? &subject.merged.value : &out->set;
    status = satchel_standing_of(desk->service, desk->db, out->entity, &out->row, values, &desk->arena, &standing,
                                 desk->error);
    if (status == SATCHEL_OK) {
        status = satchel_relations_of(desk->db, &standing, &desk->person, satchel_service_today(desk->service),
                                      &relations, desk->error);
    }
    satchel_record *parts[] = {&out->set, &out->removed, &out->from};
    for (size_t i = 0; status == SATCHEL_OK && i < sizeof parts / sizeof *parts; i++) {
        status = filter_part(desk, out->entity, relations, arena, parts[i]);
    }
    return status;
}

satchel_status satchel_parked_op(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                 const satchel_id *parked, satchel_arena *arena, satchel_op *out,
                                 satchel_error *error) {
    satchel_desk desk;
    satchel_stored_row row;
    satchel_status status = satchel_desk_enter(&desk, service, db, actor, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = load_open(&desk, SATCHEL_ENTITY_PARKED_EDIT, parked, &row);
    if (status == SATCHEL_OK) {
        status = show_op(&desk, &row, arena, out);
    }
    satchel_desk_leave(&desk);
    return status;
}
