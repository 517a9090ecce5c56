/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this op be applied by this user? Verb first, then field by field: who may write it at all, and whether the user
 * writes its class. The detail of a refusal names the rule in words for administrators; it holds no value.
 */
#include "access/access.h"

#include "base/error.h"
#include "base/ids.h"

typedef struct check_work {
    const satchel_schema *schema;
    const satchel_access_policy *policy;
    const satchel_access_user *user;
    const satchel_access_row *row;
    const satchel_op *op;
    const char *entity_name;
    uint32_t relations;
    satchel_level levels[SATCHEL_SENSITIVITY_COUNT];
    satchel_error *error;
} check_work;

static const char *const class_names[SATCHEL_SENSITIVITY_COUNT] = {"open", "personal", "commercial", "secret"};

static bool may(const check_work *work, satchel_verb verb) {
    return satchel_access_allows(work->policy, work->user, work->op->entity, work->relations, verb);
}

static bool reads(const check_work *work) {
    return satchel_access_reads(work->policy, work->user, work->op->entity, work->relations, work->row->anchored);
}

static satchel_status check_verb(const check_work *work, satchel_verb verb, const char *name) {
    bool creates = work->op->kind == SATCHEL_OP_CREATE;
    bool allowed = verb == SATCHEL_VERB_READ ? reads(work) : may(work, verb);
    if (allowed && (creates || reads(work))) {
        return SATCHEL_OK;
    }
    if (!reads(work)) {
        return satchel_fail(work->error, SATCHEL_OUT_OF_SCOPE, "no rule lets the user read this %s", work->entity_name);
    }
    return satchel_fail(work->error, SATCHEL_FORBIDDEN, "no rule lets the user %s this %s", name, work->entity_name);
}

/* Taking back is for who could make, change or delete such a row now. */
static satchel_status check_void(const check_work *work) {
    bool may_any = may(work, SATCHEL_VERB_CREATE) || may(work, SATCHEL_VERB_EDIT) || may(work, SATCHEL_VERB_DELETE);
    return reads(work) && may_any ? SATCHEL_OK : check_verb(work, SATCHEL_VERB_EDIT, "take back work on");
}

static satchel_status check_kind(const check_work *work) {
    switch (work->op->kind) {
    case SATCHEL_OP_CREATE: return check_verb(work, SATCHEL_VERB_CREATE, "create");
    case SATCHEL_OP_EDIT: return check_verb(work, SATCHEL_VERB_EDIT, "edit");
    case SATCHEL_OP_VOID: return check_void(work);
    case SATCHEL_OP_DELETE: return check_verb(work, SATCHEL_VERB_DELETE, "delete");
    case SATCHEL_OP_COMMAND:
        /* Which verb a command needs is for the command to say; nobody commands what he cannot see. */
        return check_verb(work, SATCHEL_VERB_READ, "read");
    default: return satchel_fail(work->error, SATCHEL_INVALID_ARGUMENT, "unknown kind of op");
    }
}

/* Whoever may give a row to someone else could give it to himself, so he stands in for the owner. */
static bool is_owner(const check_work *work) {
    const satchel_id *owner = satchel_id_is_none(&work->row->owner) ? &work->row->anchor_owner : &work->row->owner;
    bool own = !satchel_id_is_none(owner) && satchel_id_equal(owner, &work->user->id);
    return own || may(work, SATCHEL_VERB_ASSIGN);
}

static bool is_creator(const check_work *work) {
    return work->op->kind == SATCHEL_OP_CREATE || satchel_id_equal(&work->row->creator, &work->user->id);
}

static satchel_status refuse(const check_work *work, satchel_status status, const satchel_field *field,
                             const char *rule) {
    return satchel_fail_field(work->error, status, work->op->entity, field->number, "%s.%s: %s", work->entity_name,
                              field->name, rule);
}

static satchel_status check_writer(const check_work *work, const satchel_field *field) {
    if (field->policy == SATCHEL_POLICY_SERVER || (field->flags & SATCHEL_FIELD_META) != 0) {
        return refuse(work, SATCHEL_READ_ONLY_FIELD, field, "only the server writes it");
    }
    switch (field->writer) {
    case SATCHEL_WRITE_ANY_EDITOR: return SATCHEL_OK;
    case SATCHEL_WRITE_OWNER:
        return is_owner(work) ? SATCHEL_OK : refuse(work, SATCHEL_FORBIDDEN, field, "only the owner writes it");
    case SATCHEL_WRITE_CREATOR:
        return is_creator(work) ? SATCHEL_OK : refuse(work, SATCHEL_FORBIDDEN, field, "only the creator writes it");
    case SATCHEL_WRITE_MANAGER:
        return may(work, SATCHEL_VERB_ASSIGN) ? SATCHEL_OK
                                              : refuse(work, SATCHEL_FORBIDDEN, field, "only a manager writes it");
    default: return refuse(work, SATCHEL_READ_ONLY_FIELD, field, "only the server writes it");
    }
}

static satchel_status check_class(const check_work *work, const satchel_field *field) {
    uint32_t sensitivity =
        field->sensitivity < SATCHEL_SENSITIVITY_COUNT ? field->sensitivity : SATCHEL_SENSITIVITY_SECRET;
    satchel_level level = work->levels[sensitivity];
    if (level == SATCHEL_LEVEL_WRITE) {
        return SATCHEL_OK;
    }
    /* What a user sees masked he could only write back masked. */
    satchel_status status = level == SATCHEL_LEVEL_MASKED ? SATCHEL_READ_ONLY_FIELD : SATCHEL_FORBIDDEN;
    return satchel_fail_field(work->error, status, work->op->entity, field->number,
                              "%s.%s: the user does not write fields of class %s", work->entity_name, field->name,
                              class_names[sensitivity]);
}

static satchel_status check_field(const check_work *work, uint32_t number) {
    const satchel_field *field = satchel_schema_field(work->schema, work->op->entity, number);
    if (field == NULL) {
        return satchel_fail_field(work->error, SATCHEL_UNKNOWN_FIELD, work->op->entity, number, "no such field");
    }
    /* Derived values are computed again, values of archived fields go to the journal: neither changes the row. */
    if ((field->flags & (SATCHEL_FIELD_DERIVED | SATCHEL_FIELD_ARCHIVED)) != 0) {
        return SATCHEL_OK;
    }
    satchel_status status = check_writer(work, field);
    return status == SATCHEL_OK ? check_class(work, field) : status;
}

static satchel_status check_record(const check_work *work, const satchel_record *record) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < record->count && status == SATCHEL_OK; i++) {
        status = check_field(work, record->fields[i].number);
    }
    return status;
}

static satchel_status check_fields(const check_work *work) {
    satchel_status status = check_record(work, &work->op->set);
    if (status == SATCHEL_OK) {
        status = check_record(work, &work->op->removed);
    }
    for (uint32_t i = 0; i < work->op->cleared_count && status == SATCHEL_OK; i++) {
        status = check_field(work, work->op->cleared[i]);
    }
    return status;
}

satchel_status satchel_access_check_op(const satchel_schema *schema, const satchel_access_policy *policy,
                                       const satchel_access_user *user, const satchel_access_row *row,
                                       const satchel_op *op, satchel_error *error) {
    const satchel_entity *entity = satchel_schema_entity(schema, op->entity);
    if (entity == NULL) {
        return satchel_fail(error, SATCHEL_UNKNOWN_ENTITY, "there is no entity %u", (unsigned)op->entity);
    }
    check_work work = {.schema = schema,
                       .policy = policy,
                       .user = user,
                       .row = row,
                       .op = op,
                       .entity_name = entity->name,
                       .relations = satchel_access_relations(user, row),
                       .error = error};
    for (uint32_t i = 0; i < SATCHEL_SENSITIVITY_COUNT; i++) {
        work.levels[i] = satchel_access_level(policy, user, op->entity, work.relations, (satchel_sensitivity)i);
    }
    satchel_status status = check_kind(&work);
    bool writes = op->kind == SATCHEL_OP_CREATE || op->kind == SATCHEL_OP_EDIT;
    return status == SATCHEL_OK && writes ? check_fields(&work) : status;
}
