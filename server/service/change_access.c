/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this op be, now: access as it stands when the op arrives, and the states of the root and of the customer that its
 * row hangs on. Nothing is written here.
 *
 * Who had the row when he made the op and lost it since is not refused: his facts are applied, his edits are parked.
 */
#include "service/change_work.h"

#include "base/error.h"
#include "base/ids.h"
#include "rules/orders.h"
#include "service/merge_customers.h"

#include <satchel/model.h>

#define MOVED_AWAY "the row went to someone else before the edit arrived"

/* --- whose it was --- */

/* Was it written by this store, in this life of it or in one that it goes on from? */
bool satchel_op_is_his(const satchel_author *author, const satchel_writer *writer) {
    bool his = writer->incarnation == author->incarnation;
    for (uint32_t i = 0; i < author->ancestor_count && !his; i++) {
        const satchel_writer *ancestor = &author->ancestors[i];
        his = writer->incarnation == ancestor->incarnation && writer->sequence <= ancestor->sequence;
    }
    return his;
}

/* Did this lineage alone write the row? Then nobody else's work goes with it. */
bool satchel_op_is_his_alone(const satchel_op_work *work) {
    const satchel_versions *versions = &work->row.merged.versions;
    const satchel_author *author = work->change->author;
    for (uint32_t i = 0; i < versions->count; i++) {
        if (!satchel_op_is_his(author, &versions->items[i].writer)) {
            return false;
        }
    }
    return author->incarnation != 0;
}

/* Did he make the row, alone, since what he had seen when he made the op? Then nobody can have taken it from him. */
static bool made_it_unseen(const satchel_op_work *work) {
    const satchel_versions *versions = &work->row.merged.versions;
    for (uint32_t i = 0; i < versions->count; i++) {
        if (versions->items[i].n <= work->change->seen.n) {
            return false;
        }
    }
    return work->row.merged.exists && satchel_op_is_his_alone(work);
}

/* Had he the row, or its customer, when he made the op, and lost it since? */
static satchel_status had_it(satchel_op_work *work, const satchel_standing *standing, bool *out) {
    const satchel_change *change = work->change;
    /* The customer that went says nothing about a row that stands elsewhere and is only to be hung on it. */
    bool stands_there = work->op->entity == SATCHEL_ENTITY_CUSTOMER || !work->row.merged.exists;
    *out = false;
    if (change->by_phone && !satchel_id_is_none(&work->gone) && (stands_there || standing != &work->standing)) {
        return satchel_gone_is_his(work->change, &work->gone, out, work->error);
    }
    if (!change->by_phone || change->seen.epoch != change->counter->epoch) {
        return SATCHEL_OK;
    }
    if (made_it_unseen(work)) {
        *out = true;
        return SATCHEL_OK;
    }
    return satchel_standing_had(change->db, standing, &change->author->user, change->scopes, change->seen.n,
                                change->arena, out, work->error);
}

/*
 * A truth about the field that is his: a row that he makes, or work on one of his own (checking out of a visit,
 * submitting an order). Whatever else he changed is an edit.
 */
static bool is_own_fact(const satchel_op_work *work) {
    const satchel_id *user = &work->change->author->user;
    satchel_id owner = satchel_record_id(&work->row.merged.value, work->entity->owner_field);
    bool his =
        !work->row.merged.exists || satchel_id_equal(&owner, user) || satchel_id_equal(&work->row.created_by, user);
    return his && work->op->kind != SATCHEL_OP_COMMAND && satchel_entity_is_field_fact(work->entity);
}

/*
 * A fact of someone who had the customer, even of one who has left meanwhile, may hold what it might have held then and
 * no more. If his roles give him no such row any more, people decide.
 */
static satchel_status check_as_holder(satchel_op_work *work) {
    const satchel_change *change = work->change;
    satchel_access_user holder = change->person->access;
    satchel_access_row row;
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    satchel_id creator = work->row.merged.exists ? work->row.created_by : change->author->user;
    satchel_status status =
        satchel_standing_for(change->db, &work->standing, change->person, &creator, change->day, &row, work->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    holder.active = true;
    row.anchor_owner = change->author->user;
    row.anchored = true;
    status = satchel_access_check_op(&change->service->schema, change->person->policy, &holder, &row, work->op, &why);
    bool is_denied = status == SATCHEL_OUT_OF_SCOPE || status == SATCHEL_FORBIDDEN;
    return is_denied && why.field == 0 ? satchel_op_park(work, SATCHEL_MOVED_AWAY, MOVED_AWAY)
                                       : satchel_op_settle(work, status, &why);
}

/* Access says no. Facts of someone who had the row are applied nevertheless, his edits are parked. */
static satchel_status answer_denial(satchel_op_work *work, satchel_status status, const satchel_error *why,
                                    const satchel_standing *standing) {
    bool had = false;
    if (status == SATCHEL_OUT_OF_SCOPE || status == SATCHEL_FORBIDDEN) {
        satchel_status failed = had_it(work, standing, &had);
        if (failed != SATCHEL_OK) {
            return failed;
        }
    }
    if (!had) {
        return satchel_op_settle(work, status, why);
    }
    if (is_own_fact(work)) {
        return check_as_holder(work);
    }
    return satchel_op_park(work, SATCHEL_MOVED_AWAY, MOVED_AWAY);
}

/* On the console the server's own fields are written by those who may assign. */
static satchel_status check_console(satchel_op_work *work, const satchel_access_row *row, satchel_error *why) {
    const satchel_service *service = work->change->service;
    const satchel_access_user *user = &work->change->person->access;
    static const satchel_verb verbs[] = {[SATCHEL_OP_CREATE] = SATCHEL_VERB_CREATE,
                                         [SATCHEL_OP_EDIT] = SATCHEL_VERB_EDIT,
                                         [SATCHEL_OP_DELETE] = SATCHEL_VERB_DELETE};
    uint32_t relations = satchel_access_relations(user, row);
    uint32_t entity = work->op->entity;
    if (!satchel_access_reads(work->change->person->policy, user, entity, relations, row->anchored)) {
        return satchel_fail(why, SATCHEL_OUT_OF_SCOPE, "no rule lets the user read this %s", work->entity->name);
    }
    if (!satchel_access_allows(work->change->person->policy, user, entity, relations, verbs[work->op->kind])) {
        return satchel_fail(why, SATCHEL_FORBIDDEN, "no rule lets the user do this to this %s", work->entity->name);
    }
    bool assigns = satchel_access_allows(work->change->person->policy, user, entity, relations, SATCHEL_VERB_ASSIGN);
    const satchel_field *field = NULL;
    for (uint32_t i = 0; (field = satchel_schema_field_at(&service->schema, entity, i)) != NULL; i++) {
        if (!satchel_op_touches(work->op, field->number)) {
            continue;
        }
        satchel_level level = satchel_access_level(work->change->person->policy, user, entity, relations,
                                                   (satchel_sensitivity)field->sensitivity);
        bool managed = field->writer == SATCHEL_WRITE_SERVER || field->writer == SATCHEL_WRITE_MANAGER;
        if (level != SATCHEL_LEVEL_WRITE || (managed && !assigns)) {
            return satchel_fail_field(why, SATCHEL_FORBIDDEN, entity, field->number,
                                      "%s.%s: the user does not write it", work->entity->name, field->name);
        }
    }
    return SATCHEL_OK;
}

static satchel_status ask_access(satchel_op_work *work, const satchel_access_row *row, satchel_error *why) {
    satchel_change *change = work->change;
    return change->by_phone ? satchel_access_check_op(&change->service->schema, change->person->policy,
                                                      &change->person->access, row, work->op, why)
                            : check_console(work, row, why);
}

satchel_status satchel_op_check_access(satchel_op_work *work) {
    satchel_change *change = work->change;
    satchel_access_row row;
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    satchel_id creator = work->row.merged.exists ? work->row.created_by : change->author->user;
    if (change->trusted) {
        return SATCHEL_OK;
    }
    /* An edit of what does not exist is answered like one of what he may not see. */
    if (!work->row.merged.exists && work->op->kind != SATCHEL_OP_CREATE) {
        return satchel_op_refuse(work, SATCHEL_OUT_OF_SCOPE, 0, "no such row is within reach");
    }
    /* More relations only allow more, so assignments are looked up only where the others do not do. */
    satchel_standing_facts(&work->standing, change->person, &creator, &row);
    if (ask_access(work, &row, &why) == SATCHEL_OK) {
        return SATCHEL_OK;
    }
    satchel_status status =
        satchel_standing_for(change->db, &work->standing, change->person, &creator, change->day, &row, work->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = ask_access(work, &row, &why);
    return status == SATCHEL_OK ? SATCHEL_OK : answer_denial(work, status, &why, &work->standing);
}

satchel_status satchel_op_check_void(satchel_op_work *work) {
    satchel_change *change = work->change;
    satchel_access_row row;
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    bool had = false;
    if (!work->row.merged.exists) {
        return satchel_op_refuse(work, SATCHEL_OUT_OF_SCOPE, 0, "no such row is within reach");
    }
    satchel_status status = satchel_standing_for(change->db, &work->standing, change->person, &work->row.created_by,
                                                 change->day, &row, work->error);
    if (status != SATCHEL_OK || ask_access(work, &row, &why) == SATCHEL_OK) {
        return status;
    }
    status = had_it(work, &work->standing, &had);
    if (status != SATCHEL_OK || (had && is_own_fact(work))) {
        return status;
    }
    return had ? satchel_op_refuse(work, SATCHEL_MOVED_AWAY, 0, MOVED_AWAY) : satchel_op_settle(work, why.status, &why);
}

/* What happened in the field is told by who was there: only who may assign writes it in another's name. */
satchel_status satchel_op_check_name(satchel_op_work *work) {
    const satchel_change *change = work->change;
    uint32_t field = work->entity->owner_field;
    satchel_access_row row;
    if (!change->by_phone || field == 0 || !satchel_entity_is_field_fact(work->entity) ||
        !satchel_op_touches(work->op, field)) {
        return SATCHEL_OK;
    }
    satchel_id given = satchel_record_id(&work->op->set, field);
    satchel_id stored = satchel_record_id(&work->row.merged.value, field);
    if (satchel_id_equal(&given, &change->author->user) || satchel_id_equal(&given, &stored)) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_standing_for(change->db, &work->standing, change->person, &change->author->user,
                                                 change->day, &row, work->error);
    uint32_t relations = status == SATCHEL_OK ? satchel_access_relations(&change->person->access, &row) : 0;
    if (status != SATCHEL_OK || satchel_access_allows(change->person->policy, &change->person->access, work->op->entity,
                                                      relations, SATCHEL_VERB_ASSIGN)) {
        return status;
    }
    return satchel_op_refuse(work, SATCHEL_FORBIDDEN, field, "it is written in the name of someone else");
}

/* --- root and anchor --- */

/* Whoever hangs a row on a customer must be able to see the customer. */
satchel_status satchel_op_check_anchor(satchel_op_work *work) {
    satchel_change *change = work->change;
    uint32_t field = work->entity->anchor_field;
    satchel_id customer = field != 0 ? satchel_record_id(&work->op->set, field) : (satchel_id){{0}};
    satchel_standing standing = {.entity = SATCHEL_ENTITY_CUSTOMER};
    if (satchel_id_is_none(&customer)) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_anchor_load(change->db, &customer, change->arena, &standing.anchor, work->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (!standing.anchor.exists && change->trusted) {
        return satchel_op_refuse(work, SATCHEL_REFERENCE_MISSING, field, "the customer does not exist");
    }
    uint32_t relations = 0;
    standing.owner = standing.anchor.owner;
    standing.place = satchel_place_of(SATCHEL_ENTITY_CUSTOMER, &customer, &customer);
    if (change->trusted) {
        return SATCHEL_OK;
    }
    status = satchel_relations_of(change->db, &standing, change->person, change->day, &relations, work->error);
    bool readable = satchel_access_allows(change->person->policy, &change->person->access, SATCHEL_ENTITY_CUSTOMER,
                                          relations, SATCHEL_VERB_READ);
    if (status != SATCHEL_OK || (standing.anchor.exists && readable)) {
        return status;
    }
    /* Absent and forbidden get the same answer. */
    satchel_error why = {SATCHEL_OUT_OF_SCOPE, work->op->entity, field, "the customer is not within reach"};
    work->decision->place = standing.place;
    return answer_denial(work, SATCHEL_OUT_OF_SCOPE, &why, &standing);
}

static bool order_is_new_here(const satchel_change *change, const satchel_id *order) {
    for (uint32_t i = 0; i < change->order_count; i++) {
        if (change->orders[i].created && satchel_id_equal(&change->orders[i].id, order)) {
            return true;
        }
    }
    return false;
}

static satchel_status load_order_state(satchel_op_work *work, const satchel_id *order, bool *out_open) {
    satchel_record state;
    int64_t status_number = 0;
    satchel_record_init(&state, work->change->arena);
    satchel_status status =
        SATCHEL_DB_NUMBER(work->change->db, work->error, &status_number, 0,
                          "SELECT \"status\" FROM \"order\" WHERE \"id\" = ?1", satchel_value_id(order));
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&state, SATCHEL_ORDER_STATUS, status_number);
    }
    *out_open = status == SATCHEL_OK && satchel_order_is_open(&state);
    return status;
}

static satchel_status check_root_there(satchel_op_work *work, const satchel_id *root) {
    int64_t deleted = -1;
    const satchel_table *table = satchel_db_tables_get(work->change->service->tables, work->entity->root);
    satchel_db_statement *statement = NULL;
    bool found = false;
    satchel_status status =
        SATCHEL_DB_START(&statement, work->change->db, work->error, table->select_facts, satchel_value_id(root));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, work->error);
    }
    if (status == SATCHEL_OK && found) {
        deleted = satchel_db_int(statement, 3);
    }
    satchel_db_end(statement);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (deleted < 0) {
        return satchel_op_refuse(work, SATCHEL_REFERENCE_MISSING, work->entity->root_field,
                                 "the row that it belongs to is not there");
    }
    if (deleted > 0 && work->op->kind != SATCHEL_OP_DELETE) {
        const char *rule = "the row that it belongs to was deleted";
        return work->change->by_phone
                   ? satchel_op_park(work, SATCHEL_LATE_FOR_PARENT, rule)
                   : satchel_op_refuse(work, SATCHEL_LATE_FOR_PARENT, work->entity->root_field, rule);
    }
    return SATCHEL_OK;
}

/* A child is judged by the state of its root. */
satchel_status satchel_op_check_root(satchel_op_work *work) {
    const satchel_record *values = work->row.merged.exists ? &work->row.merged.value : &work->future;
    satchel_id root = satchel_record_id(values, work->entity->root_field);
    satchel_status status = check_root_there(work, &root);
    if (status != SATCHEL_OK || satchel_op_is_decided(work) || work->op->entity != SATCHEL_ENTITY_ORDER_LINE ||
        work->change->trusted || order_is_new_here(work->change, &root)) {
        return status;
    }
    bool open = false;
    status = load_order_state(work, &root, &open);
    if (status == SATCHEL_OK && !open) {
        status = satchel_op_refuse(work, SATCHEL_LATE_FOR_PARENT, work->entity->root_field,
                                   "the order is no draft any more");
    }
    return status;
}

/* Once submitted the body of an order stands, and so does the order: what its owner writes. */
satchel_status satchel_op_check_order_body(satchel_op_work *work) {
    if (work->op->entity != SATCHEL_ENTITY_ORDER || !work->row.merged.exists || work->change->trusted ||
        satchel_order_is_open(&work->row.merged.value) || order_is_new_here(work->change, &work->op->row)) {
        return SATCHEL_OK;
    }
    if (work->op->kind == SATCHEL_OP_DELETE) {
        return satchel_op_refuse(work, SATCHEL_LATE_FOR_PARENT, 0, "the order is no draft any more");
    }
    for (uint32_t i = 0; i < work->entity->field_count; i++) {
        const satchel_field *field = &work->entity->fields[i];
        bool is_body = field->writer == SATCHEL_WRITE_OWNER && (field->flags & SATCHEL_FIELD_DERIVED) == 0;
        if (is_body && satchel_op_touches(work->op, field->number)) {
            return satchel_op_refuse(work, SATCHEL_LATE_FOR_PARENT, field->number, "the order is no draft any more");
        }
    }
    return SATCHEL_OK;
}
