/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deciding on one op: validate, decide access now, look at the state of its root, merge, store.
 *
 * What a phone may no longer do because the row went to someone else after it last synced is not refused: facts are
 * applied, edits are parked. Everything else that does not fit is refused with the status that says why.
 */
#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "rules/orders.h"
#include "schema/validate.h"
#include "service/command.h"
#include "service/erase.h"
#include "service/family.h"
#include "service/merge_customers.h"

#include <satchel/model.h>
#include <string.h>

#define MOVED_AWAY "the row went to someone else before the edit arrived"

typedef struct op_work {
    satchel_change *change;
    satchel_op *op;
    const satchel_entity *entity;
    satchel_stored_row row;
    satchel_record future;     /* of a new row: what the op sets, with the server's defaults */
    satchel_standing standing; /* before the op; of a new row as it will be */
    satchel_id gone;           /* the customer that the op named, if that was merged into the one it stands for now */
    satchel_loss *asked;       /* what of an edit of that one a person decides on */
    uint32_t asked_count;
    satchel_op_decision *decision;
    satchel_error *error;
} op_work;

/* --- decisions --- */

static satchel_status refuse(op_work *work, satchel_status status, uint32_t field, const char *rule) {
    char *copy = satchel_arena_text(work->change->arena, satchel_text_of(rule));
    work->decision->code = SATCHEL_RESULT_REFUSED;
    work->decision->status = status;
    work->decision->field = field;
    work->decision->rule = copy;
    return copy != NULL ? SATCHEL_OK : satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for a refusal");
}

static satchel_status park(op_work *work, satchel_status status, const char *rule) {
    satchel_status refused = refuse(work, status, 0, rule);
    work->decision->code = SATCHEL_RESULT_PARKED;
    return refused;
}

static bool is_decided(const op_work *work) {
    return work->decision->code != SATCHEL_RESULT_APPLIED;
}

/* Turns what a pure function said into a decision, or passes a failure of the server on. */
static satchel_status settle(op_work *work, satchel_status status, const satchel_error *why) {
    if (status == SATCHEL_OK) {
        return SATCHEL_OK;
    }
    if (satchel_status_refuses(status)) {
        return refuse(work, status, why->field, why->detail);
    }
    return satchel_fail(work->error, status, "%s", why->detail);
}

/* --- what the op is about --- */

static satchel_status build_future(op_work *work) {
    satchel_record_init(&work->future, work->change->arena);
    satchel_status status = satchel_record_copy(&work->op->set, &work->future);
    bool fills_in = work->change->by_phone && (work->entity->flags & SATCHEL_ENTITY_SERVER_MADE) == 0;
    uint32_t owner = work->entity->owner_field;
    if (status == SATCHEL_OK && fills_in && owner != 0 && satchel_record_get(&work->future, owner) == NULL) {
        status = satchel_record_set_id(&work->future, owner, &work->change->author->user);
    }
    const satchel_id *home = &work->change->person->home_territory;
    if (status == SATCHEL_OK && fills_in && work->op->entity == SATCHEL_ENTITY_CUSTOMER && !satchel_id_is_none(home)) {
        status = satchel_record_set_id(&work->future, SATCHEL_CUSTOMER_TERRITORY, home);
    }
    return status;
}

static satchel_status look_up(op_work *work) {
    satchel_change *change = work->change;
    satchel_status status = satchel_stored_row_load(change->service->tables, change->db, work->op->entity,
                                                    &work->op->row, change->arena, &work->row, work->error);
    if (status == SATCHEL_OK) {
        status = build_future(work);
    }
    if (status == SATCHEL_OK) {
        const satchel_record *values = work->row.merged.exists ? &work->row.merged.value : &work->future;
        status = satchel_standing_of(change->service, change->db, work->op->entity, &work->op->row, values,
                                     change->arena, &work->standing, work->error);
    }
    work->decision->place = work->standing.place;
    return status;
}

/* --- access --- */

/* Was it written by this store, in this life of it or in one that it goes on from? */
static bool is_his(const satchel_author *author, const satchel_writer *writer) {
    bool his = writer->incarnation == author->incarnation;
    for (uint32_t i = 0; i < author->ancestor_count && !his; i++) {
        const satchel_writer *ancestor = &author->ancestors[i];
        his = writer->incarnation == ancestor->incarnation && writer->sequence <= ancestor->sequence;
    }
    return his;
}

/* Did this lineage alone write the row? Then nobody else's work goes with it. */
static bool is_his_alone(const op_work *work) {
    const satchel_versions *versions = &work->row.merged.versions;
    const satchel_author *author = work->change->author;
    for (uint32_t i = 0; i < versions->count; i++) {
        if (!is_his(author, &versions->items[i].writer)) {
            return false;
        }
    }
    return author->incarnation != 0;
}

/* Did he make the row, alone, since what he had seen when he made the op? Then nobody can have taken it from him. */
static bool made_it_unseen(const op_work *work) {
    const satchel_versions *versions = &work->row.merged.versions;
    for (uint32_t i = 0; i < versions->count; i++) {
        if (versions->items[i].n <= work->change->seen.n) {
            return false;
        }
    }
    return work->row.merged.exists && is_his_alone(work);
}

/* Had he the row, or its customer, when he made the op, and lost it since? */
static satchel_status had_it(op_work *work, const satchel_standing *standing, bool *out) {
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
static bool is_own_fact(const op_work *work) {
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
static satchel_status check_as_holder(op_work *work) {
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
    return is_denied && why.field == 0 ? park(work, SATCHEL_MOVED_AWAY, MOVED_AWAY) : settle(work, status, &why);
}

/* Access says no. Facts of someone who had the row are applied nevertheless, his edits are parked. */
static satchel_status answer_denial(op_work *work, satchel_status status, const satchel_error *why,
                                    const satchel_standing *standing) {
    bool had = false;
    if (status == SATCHEL_OUT_OF_SCOPE || status == SATCHEL_FORBIDDEN) {
        satchel_status failed = had_it(work, standing, &had);
        if (failed != SATCHEL_OK) {
            return failed;
        }
    }
    if (!had) {
        return settle(work, status, why);
    }
    if (is_own_fact(work)) {
        return check_as_holder(work);
    }
    return park(work, SATCHEL_MOVED_AWAY, MOVED_AWAY);
}

/* On the console the server's own fields are written by those who may assign. */
static satchel_status check_console(op_work *work, const satchel_access_row *row, satchel_error *why) {
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

static satchel_status ask_access(op_work *work, const satchel_access_row *row, satchel_error *why) {
    satchel_change *change = work->change;
    return change->by_phone ? satchel_access_check_op(&change->service->schema, change->person->policy,
                                                      &change->person->access, row, work->op, why)
                            : check_console(work, row, why);
}

static satchel_status check_access(op_work *work) {
    satchel_change *change = work->change;
    satchel_access_row row;
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    satchel_id creator = work->row.merged.exists ? work->row.created_by : change->author->user;
    if (change->trusted) {
        return SATCHEL_OK;
    }
    /* An edit of what does not exist is answered like one of what he may not see. */
    if (!work->row.merged.exists && work->op->kind != SATCHEL_OP_CREATE) {
        return refuse(work, SATCHEL_OUT_OF_SCOPE, 0, "no such row is within reach");
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

/* What happened in the field is told by who was there: only who may assign writes it in another's name. */
static satchel_status check_name(op_work *work) {
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
    return refuse(work, SATCHEL_FORBIDDEN, field, "it is written in the name of someone else");
}

/* --- root and anchor --- */

/* Whoever hangs a row on a customer must be able to see the customer. */
static satchel_status check_anchor(op_work *work) {
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
        return refuse(work, SATCHEL_REFERENCE_MISSING, field, "the customer does not exist");
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

static satchel_status load_order_state(op_work *work, const satchel_id *order, bool *out_open) {
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

static satchel_status check_root_there(op_work *work, const satchel_id *root) {
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
        return refuse(work, SATCHEL_REFERENCE_MISSING, work->entity->root_field,
                      "the row that it belongs to is not there");
    }
    if (deleted > 0 && work->op->kind != SATCHEL_OP_DELETE) {
        const char *rule = "the row that it belongs to was deleted";
        return work->change->by_phone ? park(work, SATCHEL_LATE_FOR_PARENT, rule)
                                      : refuse(work, SATCHEL_LATE_FOR_PARENT, work->entity->root_field, rule);
    }
    return SATCHEL_OK;
}

/* A child is judged by the state of its root. */
static satchel_status check_root(op_work *work) {
    const satchel_record *values = work->row.merged.exists ? &work->row.merged.value : &work->future;
    satchel_id root = satchel_record_id(values, work->entity->root_field);
    satchel_status status = check_root_there(work, &root);
    if (status != SATCHEL_OK || is_decided(work) || work->op->entity != SATCHEL_ENTITY_ORDER_LINE ||
        work->change->trusted || order_is_new_here(work->change, &root)) {
        return status;
    }
    bool open = false;
    status = load_order_state(work, &root, &open);
    if (status == SATCHEL_OK && !open) {
        status = refuse(work, SATCHEL_LATE_FOR_PARENT, work->entity->root_field, "the order is no draft any more");
    }
    return status;
}

/* Once submitted the body of an order stands, and so does the order: what its owner writes. */
static satchel_status check_order_body(op_work *work) {
    if (work->op->entity != SATCHEL_ENTITY_ORDER || !work->row.merged.exists || work->change->trusted ||
        satchel_order_is_open(&work->row.merged.value) || order_is_new_here(work->change, &work->op->row)) {
        return SATCHEL_OK;
    }
    if (work->op->kind == SATCHEL_OP_DELETE) {
        return refuse(work, SATCHEL_LATE_FOR_PARENT, 0, "the order is no draft any more");
    }
    for (uint32_t i = 0; i < work->entity->field_count; i++) {
        const satchel_field *field = &work->entity->fields[i];
        bool is_body = field->writer == SATCHEL_WRITE_OWNER && (field->flags & SATCHEL_FIELD_DERIVED) == 0;
        if (is_body && satchel_op_touches(work->op, field->number)) {
            return refuse(work, SATCHEL_LATE_FOR_PARENT, field->number, "the order is no draft any more");
        }
    }
    return SATCHEL_OK;
}

/* --- applying --- */

static void drop_derived(op_work *work) {
    for (uint32_t i = 0; i < work->entity->field_count; i++) {
        if ((work->entity->fields[i].flags & SATCHEL_FIELD_DERIVED) != 0) {
            satchel_record_remove(&work->op->set, work->entity->fields[i].number);
        }
    }
}

/* The latest of something is in the past: a maximum of years ahead could never be taken back. */
static void cap_times(op_work *work) {
    for (uint32_t i = 0; i < work->op->set.count; i++) {
        satchel_field_value *given = &work->op->set.fields[i];
        const satchel_field *field =
            satchel_schema_field(&work->change->service->schema, work->op->entity, given->number);
        bool latest = field != NULL && field->policy == SATCHEL_POLICY_MAX && field->type == SATCHEL_TYPE_TIME;
        if (latest && given->value.type == SATCHEL_TYPE_TIME && given->value.as.integer > work->change->now_ms) {
            given->value.as.integer = work->change->now_ms;
        }
    }
}

static satchel_status merge(op_work *work, satchel_merge_outcome *outcome) {
    satchel_change *change = work->change;
    satchel_writer known[1 + sizeof change->author->ancestors / sizeof *change->author->ancestors];
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    uint32_t count = 0;
    if (change->by_phone) {
        known[count++] = (satchel_writer){change->author->incarnation, change->sequence - 1};
        for (uint32_t i = 0; i < change->author->ancestor_count; i++) {
            known[count++] = change->author->ancestors[i];
        }
    }
    satchel_merge_context context = {.schema = &change->service->schema,
                                     .n = change->n,
                                     .stamp_ms = change->stamp_ms,
                                     .writer = {change->author->incarnation, change->sequence},
                                     .ancestry = {known, count},
                                     .base_cap = change->base_cap};
    satchel_merge_outcome_init(outcome, change->arena);
    return settle(work, satchel_merge_apply(&context, &work->row.merged, work->op, outcome, &why), &why);
}

typedef struct changed_fields {
    uint32_t *numbers;
    uint32_t count;
    uint32_t capacity;
} changed_fields;

static void note_changed(changed_fields *changed, uint32_t number) {
    for (uint32_t i = 0; i < changed->count; i++) {
        if (changed->numbers[i] == number) {
            return;
        }
    }
    if (changed->count < changed->capacity) {
        changed->numbers[changed->count++] = number;
    }
}

static satchel_status fill_in(op_work *work, uint32_t field, changed_fields *changed) {
    const satchel_value *value = field != 0 ? satchel_record_get(&work->future, field) : NULL;
    if (value == NULL || satchel_record_get(&work->row.merged.value, field) != NULL) {
        return SATCHEL_OK;
    }
    note_changed(changed, field);
    return satchel_change_put(work->change, &work->row, field, value);
}

static satchel_status derive_line(op_work *work, changed_fields *changed) {
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    satchel_record after;
    satchel_record_init(&after, work->change->arena);
    satchel_status status = satchel_record_copy(&work->row.merged.value, &after);
    if (status == SATCHEL_OK) {
        status = settle(work, satchel_order_line_derive(&after, &why), &why);
    }
    if (status != SATCHEL_OK || is_decided(work)) {
        return status;
    }
    const satchel_value *total = satchel_record_get(&after, SATCHEL_ORDER_LINE_TOTAL_MINOR);
    const satchel_value *before = satchel_record_get(&work->row.merged.value, SATCHEL_ORDER_LINE_TOTAL_MINOR);
    if (total == NULL || (before != NULL && satchel_value_equal(before, total))) {
        return SATCHEL_OK;
    }
    note_changed(changed, SATCHEL_ORDER_LINE_TOTAL_MINOR);
    return satchel_change_put(work->change, &work->row, SATCHEL_ORDER_LINE_TOTAL_MINOR, total);
}

/* Values that follow from the op: defaults of a new row, the total of a line, orders to be summed up. */
static satchel_status derive(op_work *work, const satchel_merge_outcome *outcome, changed_fields *changed) {
    satchel_status status = SATCHEL_OK;
    if (outcome->created) {
        status = fill_in(work, work->entity->owner_field, changed);
        if (status == SATCHEL_OK && work->op->entity == SATCHEL_ENTITY_CUSTOMER) {
            status = fill_in(work, SATCHEL_CUSTOMER_TERRITORY, changed);
        }
    }
    if (status == SATCHEL_OK && work->op->entity == SATCHEL_ENTITY_ORDER) {
        bool set = satchel_op_touches(work->op, SATCHEL_ORDER_STATUS);
        bool now =
            satchel_record_int(&work->row.merged.value, SATCHEL_ORDER_STATUS, 0) == SATCHEL_ORDER_STATUS_SUBMITTED;
        status = satchel_change_touch_order(work->change, &work->op->row, outcome->created, set && now);
    }
    if (status == SATCHEL_OK && work->op->entity == SATCHEL_ENTITY_ORDER_LINE) {
        satchel_id order = satchel_record_id(&work->row.merged.value, SATCHEL_ORDER_LINE_ORDER);
        status = satchel_change_touch_order(work->change, &order, false, false);
        if (status == SATCHEL_OK) {
            status = derive_line(work, changed);
        }
    }
    return status;
}

static satchel_status record_losses(op_work *work, const satchel_merge_outcome *outcome) {
    satchel_op_decision *decision = work->decision;
    satchel_status status = SATCHEL_OK;
    uint32_t count = outcome->loss_count + work->asked_count;
    decision->losses = satchel_arena_take_array(work->change->arena, count, sizeof *decision->losses);
    if (decision->losses == NULL) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for losses");
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
        const satchel_loss *loss =
            i < outcome->loss_count ? &outcome->losses[i] : &work->asked[i - outcome->loss_count];
        satchel_result_loss *result = &decision->losses[decision->loss_count++];
        *result = (satchel_result_loss){
            .field = loss->field, .policy = loss->policy, .kind = loss->kind, .status = loss->reason};
        status =
            satchel_journal_conflict(work->change, &work->row, &work->standing, loss, &result->conflict, work->error);
        if (loss->kind != SATCHEL_LOSS_OF_CURRENT) {
            decision->code = SATCHEL_RESULT_MERGED;
        }
    }
    return status;
}

/* What the row means for its customer, and for finding a customer twice. */
static satchel_status follow(op_work *work, const satchel_merge_outcome *outcome) {
    if (work->op->entity == SATCHEL_ENTITY_CUSTOMER) {
        return satchel_duplicate_note(work->change, &work->row, outcome->created, work->op, work->error);
    }
    return satchel_pool_follow(work->change, &work->row, &work->standing.anchor.id, work->error);
}

static satchel_status store(op_work *work, const satchel_merge_outcome *outcome) {
    changed_fields changed = {.capacity = outcome->changed_count + 8};
    changed.numbers = satchel_arena_take_array(work->change->arena, changed.capacity, sizeof *changed.numbers);
    if (changed.numbers == NULL) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for changed fields");
    }
    if (outcome->changed_count > 0) {
        memcpy(changed.numbers, outcome->changed, outcome->changed_count * sizeof *changed.numbers);
        changed.count = outcome->changed_count;
    }
    satchel_status status = derive(work, outcome, &changed);
    if (status == SATCHEL_OK && !is_decided(work) &&
        (outcome->moved || changed.count > 0 || outcome->created || outcome->deleted || outcome->restored)) {
        status = satchel_change_save(work->change, &work->row, changed.numbers, changed.count, work->error);
    }
    if (status == SATCHEL_OK && !is_decided(work) && outcome->loss_count + work->asked_count > 0) {
        status = record_losses(work, outcome);
    }
    if (status == SATCHEL_OK && !is_decided(work)) {
        status = follow(work, outcome);
    }
    work->decision->created = outcome->created;
    return status;
}

/* --- in order --- */

static satchel_status check_kind(op_work *work) {
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    satchel_status status =
        settle(work, satchel_validate_op(&work->change->service->schema, work->op, work->change->by_phone, &why), &why);
    bool archives = (work->entity->flags & SATCHEL_ENTITY_ARCHIVE) != 0 && work->op->kind == SATCHEL_OP_DELETE;
    if (status == SATCHEL_OK && !is_decided(work) && archives) {
        status = refuse(work, SATCHEL_FORBIDDEN, 0, "a row of this kind is archived, not deleted");
    }
    return status;
}

/* --- taking back --- */

/* Was the row's deletion the op that is taken back? */
static bool is_his_deletion(const op_work *work) {
    const satchel_version *deletion =
        satchel_versions_find(&work->row.merged.versions, SATCHEL_FIELD_DELETED, (satchel_bytes){NULL, 0});
    return work->row.merged.deleted && deletion != NULL && is_his(work->change->author, &deletion->writer) &&
           deletion->writer.sequence == work->op->target;
}

/*
 * A VOID becomes what undoes its target: a deletion of the row that only its maker ever wrote, facts and archived kinds
 * too, or the return of the row that he deleted. It names the row as it stands, so it never loses; anything else stays.
 */
static satchel_status decide_void(op_work *work) {
    satchel_op *op = work->op;
    if (!work->change->by_phone || op->target == 0 || op->target >= op->sequence) {
        return refuse(work, SATCHEL_INVALID_ARGUMENT, 0, "an op takes back an earlier one of its own phone");
    }
    satchel_status status = look_up(work);
    if (status != SATCHEL_OK || is_decided(work)) {
        return status;
    }
    op->base_n = work->row.revision;
    if (is_his_deletion(work)) {
        op->kind = SATCHEL_OP_EDIT;
        return satchel_record_set_bool(&op->set, SATCHEL_FIELD_DELETED, false);
    }
    if (work->row.merged.exists && !work->row.merged.deleted && is_his_alone(work)) {
        op->kind = SATCHEL_OP_DELETE;
        return SATCHEL_OK;
    }
    return refuse(work, SATCHEL_IMMUTABLE, 0, "others have worked on the row since, or it is not there to take back");
}

static satchel_status decide(op_work *work) {
    if (work->op->kind == SATCHEL_OP_VOID) {
        return decide_void(work);
    }
    satchel_status (*const steps[])(op_work *) = {check_kind,   look_up,    check_access,    check_name,
                                                  check_anchor, check_root, check_order_body};
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; status == SATCHEL_OK && !is_decided(work) && i < sizeof steps / sizeof *steps; i++) {
        if (steps[i] != check_root || work->entity->root != 0) {
            status = steps[i](work);
        }
    }
    return status;
}

static satchel_status park_all(op_work *work) {
    satchel_status status = look_up(work);
    return status == SATCHEL_OK ? park(work, SATCHEL_RETIRED, "the phone is being retired") : status;
}

/* An edit of a customer that was merged away: what differs from the survivor is for a person to decide. */
static satchel_status ask_for_survivor(op_work *work) {
    if (work->op->entity != SATCHEL_ENTITY_CUSTOMER || satchel_id_is_none(&work->gone)) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_survivor_asks(work->change, work->op, &work->row, &work->asked, &work->asked_count);
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(work->error, status, "an edit of a merged customer");
}

/* What is deleted below a root, or comes back with it, goes with what becomes of the root. */
static satchel_status apply(op_work *work) {
    satchel_merge_outcome outcome;
    uint64_t deleted_n = satchel_family_deleted_n(&work->row);
    bool stays = false;
    satchel_status status = satchel_family_stays(work->change, work->op, &work->row, &outcome, &stays, work->error);
    if (status == SATCHEL_OK && !stays) {
        status = merge(work, &outcome);
    }
    if (status != SATCHEL_OK || is_decided(work)) {
        return status;
    }
    status = store(work, &outcome);
    bool stands = work->decision->code == SATCHEL_RESULT_APPLIED || work->decision->code == SATCHEL_RESULT_MERGED;
    return status == SATCHEL_OK && stands && outcome.restored
               ? satchel_family_returns(work->change, work->op, deleted_n, work->error)
               : status;
}

satchel_status satchel_family_bring_back(satchel_change *change, satchel_op *op, satchel_error *error) {
    satchel_op_decision decision = {.code = SATCHEL_RESULT_APPLIED, .status = SATCHEL_OK};
    op_work work = {.change = change, .op = op, .decision = &decision, .error = error};
    satchel_merge_outcome outcome;
    work.entity = satchel_schema_entity(&change->service->schema, op->entity);
    satchel_status status = look_up(&work);
    if (status == SATCHEL_OK) {
        status = merge(&work, &outcome);
    }
    return status == SATCHEL_OK && !is_decided(&work) ? store(&work, &outcome) : status;
}

/* Deciding changes the op, and a unit may be decided twice: the phone's own stays as it came. */
static satchel_status take_copy(satchel_change *change, const satchel_op *op, satchel_op *out, satchel_error *error) {
    satchel_record_init(&out->set, change->arena);
    satchel_record_init(&out->from, change->arena);
    satchel_status status = satchel_record_copy(&op->set, &out->set);
    if (status == SATCHEL_OK) {
        status = satchel_record_copy(&op->from, &out->from);
    }
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(error, status, "no memory for an op");
}

satchel_status satchel_change_op(satchel_change *change, satchel_op *op, satchel_op_decision *out,
                                 satchel_error *error) {
    satchel_op own = *op;
    op_work work = {.change = change, .op = &own, .decision = out, .error = error};
    *out = (satchel_op_decision){.code = SATCHEL_RESULT_APPLIED, .status = SATCHEL_OK};
    change->sequence = op->sequence;
    work.entity = satchel_schema_entity(&change->service->schema, op->entity);
    if (work.entity == NULL) {
        return refuse(&work, SATCHEL_UNKNOWN_ENTITY, 0, "the server does not know this entity");
    }
    bool erased = false;
    satchel_status status = take_copy(change, op, &own, error);
    if (status == SATCHEL_OK) {
        status = satchel_erase_strip(change, &own, &erased, error);
    }
    if (status != SATCHEL_OK || erased) {
        return status; /* nothing is left of it: erasing beats everything */
    }
    if (op->kind == SATCHEL_OP_COMMAND && !change->parks) {
        return satchel_command_decide(change, &own, out, error);
    }
    status = satchel_op_to_survivor(change, &own, &work.gone, error);
    if (status == SATCHEL_OK) {
        status = change->parks ? park_all(&work) : decide(&work);
    }
    if (status == SATCHEL_OK && !is_decided(&work)) {
        status = ask_for_survivor(&work);
    }
    if (status != SATCHEL_OK || is_decided(&work)) {
        return status;
    }
    drop_derived(&work);
    cap_times(&work);
    return apply(&work);
}
