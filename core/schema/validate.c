/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops and rows against the schema. An op is judged by itself: what it meets on the other side is for merge and access.
 */
#include "schema/validate.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"

/* What is judged, so that helpers need one parameter. */
typedef struct judged {
    const satchel_schema *schema;
    const satchel_entity *entity;
    const satchel_op *op;
    bool by_phone;
    uint32_t *flagged; /* first field whose rule is newer than the op and broken; NULL: such a rule refuses */
    satchel_error *error;
} judged;

static satchel_status refuse(const judged *what, satchel_status status, const char *sentence) {
    return satchel_fail_field(what->error, status, what->op->entity, 0, "an op of %s %s",
                              what->entity != NULL ? what->entity->name : "an unknown entity", sentence);
}

static satchel_status refuse_field(const judged *what, const satchel_field *field, satchel_status status,
                                   const char *sentence) {
    return satchel_fail_field(what->error, status, what->entity->number, field->number, "%s.%s %s", what->entity->name,
                              field->name, sentence);
}

/* --- rules that are newer than the op --- */

/* Is the maker of the op to be excused if he broke a rule of the field? Then it is noted. */
static bool excuse(const judged *what, const satchel_field *field) {
    uint32_t made_by = what->op->schema;
    if (what->flagged == NULL || made_by == 0 || field->rules_since <= made_by) {
        return false;
    }
    *what->flagged = *what->flagged != 0 ? *what->flagged : field->number;
    satchel_error_clear(what->error);
    return true;
}

/* What a field takes by type and limits alone. */
static satchel_field without_rules(const satchel_field *field) {
    satchel_field loose = *field;
    loose.flags = (uint8_t)(loose.flags & ~SATCHEL_FIELD_REQUIRED);
    loose.pattern = NULL;
    loose.min = INT64_MIN;
    loose.max = INT64_MAX;
    loose.max_bytes = field->type == SATCHEL_TYPE_SET ? SATCHEL_LIMIT_SET_ELEMENT_BYTES : SATCHEL_LIMIT_TEXT_BYTES;
    return loose;
}

static satchel_status check_value(const judged *what, const satchel_field *field, const satchel_value *value) {
    satchel_status status = satchel_validate_value(what->entity, field, value, what->error);
    if (status == SATCHEL_OK || field->rules_since == 0) {
        return status;
    }
    const satchel_field loose = without_rules(field);
    bool broken = satchel_validate_value(what->entity, &loose, value, NULL) != SATCHEL_OK;
    return !broken && excuse(what, field) ? SATCHEL_OK : status;
}

/* The field of a number that an op names, or NULL with *status set. */
static const satchel_field *named_field(const judged *what, uint32_t number, satchel_status *status) {
    const satchel_field *field = satchel_schema_field(what->schema, what->entity->number, number);
    if (field == NULL) {
        *status = satchel_fail_field(what->error, SATCHEL_UNKNOWN_FIELD, what->entity->number, number,
                                     "%s has no field %u", what->entity->name, number);
        return NULL;
    }
    if ((field->flags & SATCHEL_FIELD_META) != 0) {
        *status = refuse_field(what, field, SATCHEL_READ_ONLY_FIELD, "is never set by an op");
        return NULL;
    }
    if (what->by_phone && what->op->kind != SATCHEL_OP_COMMAND &&
        (field->policy == SATCHEL_POLICY_SERVER || field->writer == SATCHEL_WRITE_SERVER)) {
        *status = refuse_field(what, field, SATCHEL_READ_ONLY_FIELD, "is written by the server only");
        return NULL;
    }
    return field;
}

/* ---- states ---- */

static satchel_status check_state(const judged *what, const satchel_field *field, int64_t to) {
    const satchel_choice *choice = satchel_field_choice(field, to);
    const satchel_value *from = satchel_record_get(&what->op->from, field->number);
    int64_t start = field->choices->initial;
    if (choice != NULL && choice->server_only && what->by_phone) {
        return refuse_field(what, field, SATCHEL_READ_ONLY_FIELD, "gets this state from the server only");
    }
    if (from != NULL) {
        if (from->type != SATCHEL_TYPE_INT) {
            return refuse_field(what, field, SATCHEL_WRONG_TYPE, "has a `from` that is no state");
        }
        start = from->as.integer;
    } else if (what->op->kind == SATCHEL_OP_EDIT && (field->flags & SATCHEL_FIELD_REQUIRED) != 0) {
        return refuse_field(what, field, SATCHEL_INVALID_ARGUMENT, "is set without the state that it had");
    }
    if (start != 0 && !satchel_choices_reach(field->choices, start, to)) {
        return refuse_field(what, field, SATCHEL_ILLEGAL_STATE, "cannot go this way");
    }
    return SATCHEL_OK;
}

static satchel_status check_from(const judged *what) {
    const satchel_record *from = &what->op->from;
    for (uint32_t i = 0; i < from->count; i++) {
        satchel_status status = SATCHEL_OK;
        const satchel_field *field = named_field(what, from->fields[i].number, &status);
        if (field == NULL) {
            return status;
        }
        if (field->policy != SATCHEL_POLICY_STATE || satchel_record_get(&what->op->set, field->number) == NULL) {
            return refuse_field(what, field, SATCHEL_INVALID_ARGUMENT, "has a `from` but is no state that is set");
        }
    }
    return SATCHEL_OK;
}

/* ---- what is set, removed, cleared ---- */

static satchel_status check_delta(const judged *what, const satchel_field *field, const satchel_value *value) {
    if (value->type != SATCHEL_TYPE_INT) {
        return refuse_field(what, field, SATCHEL_WRONG_TYPE, "takes a delta");
    }
    if (value->as.integer < -SATCHEL_LARGEST_DELTA || value->as.integer > SATCHEL_LARGEST_DELTA) {
        return refuse_field(what, field, SATCHEL_OUT_OF_RANGE, "takes no delta as large");
    }
    return SATCHEL_OK;
}

static satchel_status check_set_value(const judged *what, const satchel_field *field, const satchel_value *value) {
    if (value->type == SATCHEL_TYPE_NULL) {
        return refuse_field(what, field, SATCHEL_INVALID_ARGUMENT, "is set to nothing: clear it");
    }
    if (field->policy == SATCHEL_POLICY_SUM && what->op->kind != SATCHEL_OP_COMMAND) {
        return check_delta(what, field, value);
    }
    satchel_status status = check_value(what, field, value);
    if (status == SATCHEL_OK && field->policy == SATCHEL_POLICY_STATE && what->op->kind != SATCHEL_OP_COMMAND) {
        status = check_state(what, field, value->as.integer);
    }
    return status;
}

static satchel_status check_set(const judged *what) {
    const satchel_record *set = &what->op->set;
    for (uint32_t i = 0; i < set->count; i++) {
        satchel_status status = SATCHEL_OK;
        const satchel_field *field = named_field(what, set->fields[i].number, &status);
        if (field != NULL) {
            status = check_set_value(what, field, &set->fields[i].value);
        }
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    return SATCHEL_OK;
}

static satchel_status check_disjoint(const judged *what, const satchel_field *field, const satchel_set *removed) {
    const satchel_value *added = satchel_record_get(&what->op->set, field->number);
    for (uint32_t i = 0; added != NULL && added->type == SATCHEL_TYPE_SET && i < removed->count; i++) {
        if (satchel_set_has(&added->as.set, removed->elements[i])) {
            return refuse_field(what, field, SATCHEL_INVALID_ARGUMENT, "has an element both added and removed");
        }
    }
    return SATCHEL_OK;
}

/* Removed elements need not obey today's patterns: what was once taken must be removable. */
static satchel_status check_removed_set(const judged *what, const satchel_field *field, const satchel_set *removed) {
    if (removed->count > SATCHEL_LIMIT_SET_ELEMENTS) {
        return refuse_field(what, field, SATCHEL_LIMIT_EXCEEDED, "has too many elements removed");
    }
    for (uint32_t i = 0; i < removed->count; i++) {
        if (removed->elements[i].bytes > SATCHEL_LIMIT_SET_ELEMENT_BYTES) {
            return refuse_field(what, field, SATCHEL_TOO_LONG, "has an element removed that is too long");
        }
        if (i > 0 && satchel_bytes_compare(removed->elements[i - 1], removed->elements[i]) >= 0) {
            return refuse_field(what, field, SATCHEL_WRONG_TYPE, "is no canonical set");
        }
    }
    return check_disjoint(what, field, removed);
}

static satchel_status check_removed(const judged *what) {
    const satchel_record *removed = &what->op->removed;
    for (uint32_t i = 0; i < removed->count; i++) {
        const satchel_value *value = &removed->fields[i].value;
        satchel_status status = SATCHEL_OK;
        const satchel_field *field = named_field(what, removed->fields[i].number, &status);
        if (field == NULL) {
            return status;
        }
        if (field->policy != SATCHEL_POLICY_SET || value->type != SATCHEL_TYPE_SET) {
            return refuse_field(what, field, SATCHEL_INVALID_ARGUMENT, "has no elements to remove");
        }
        status = check_removed_set(what, field, &value->as.set);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    return SATCHEL_OK;
}

static bool is_clearable(const satchel_field *field) {
    switch ((satchel_policy)field->policy) {
    case SATCHEL_POLICY_SET:
    case SATCHEL_POLICY_SUM:
    case SATCHEL_POLICY_MAX:
    case SATCHEL_POLICY_MIN:
    case SATCHEL_POLICY_STATE: return false;
    default: return true;
    }
}

static satchel_status check_cleared(const judged *what) {
    for (uint32_t i = 0; i < what->op->cleared_count; i++) {
        uint32_t number = what->op->cleared[i];
        satchel_status status = SATCHEL_OK;
        if (i > 0 && what->op->cleared[i - 1] >= number) {
            return refuse(what, SATCHEL_INVALID_ARGUMENT, "clears fields out of order");
        }
        const satchel_field *field = named_field(what, number, &status);
        if (field == NULL) {
            return status;
        }
        bool required = (field->flags & SATCHEL_FIELD_REQUIRED) != 0 && (field->flags & SATCHEL_FIELD_CUSTOM) == 0;
        if (required && !excuse(what, field)) {
            return refuse_field(what, field, SATCHEL_REQUIRED_MISSING, "is required");
        }
        if (!is_clearable(field) || satchel_record_get(&what->op->set, number) != NULL) {
            return refuse_field(what, field, SATCHEL_INVALID_ARGUMENT, "cannot be cleared so");
        }
    }
    return SATCHEL_OK;
}

/* ---- the op as a whole ---- */

static satchel_status check_group_of(const judged *what, uint32_t number) {
    const satchel_field *field = satchel_schema_field(what->schema, what->entity->number, number);
    if (field == NULL || field->group == 0) {
        return SATCHEL_OK;
    }
    for (uint32_t i = 0; i < what->entity->field_count; i++) {
        const satchel_field *other = &what->entity->fields[i];
        if (other->group == field->group && !satchel_op_touches(what->op, other->number)) {
            return refuse_field(what, other, SATCHEL_INVALID_ARGUMENT, "is missing from its group");
        }
    }
    return SATCHEL_OK;
}

static satchel_status check_groups(const judged *what) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < what->op->set.count && status == SATCHEL_OK; i++) {
        status = check_group_of(what, what->op->set.fields[i].number);
    }
    for (uint32_t i = 0; i < what->op->cleared_count && status == SATCHEL_OK; i++) {
        status = check_group_of(what, what->op->cleared[i]);
    }
    return status;
}

static satchel_status check_required(const judged *what) {
    for (uint32_t i = 0; i < what->entity->field_count; i++) {
        const satchel_field *field = &what->entity->fields[i];
        bool of_server = field->policy == SATCHEL_POLICY_SERVER || field->writer == SATCHEL_WRITE_SERVER;
        if ((field->flags & SATCHEL_FIELD_REQUIRED) == 0 || (what->by_phone && of_server)) {
            continue;
        }
        if (satchel_record_get(&what->op->set, field->number) == NULL && !excuse(what, field)) {
            return refuse_field(what, field, SATCHEL_REQUIRED_MISSING, "is required");
        }
    }
    return SATCHEL_OK;
}

static bool says_something(const satchel_op *op) {
    return op->set.count > 0 || op->removed.count > 0 || op->from.count > 0 || op->cleared_count > 0 ||
           op->set.tail.bytes > 0 || op->removed.tail.bytes > 0 || op->from.tail.bytes > 0;
}

static satchel_status check_fields(const judged *what) {
    satchel_status status = check_set(what);
    if (status == SATCHEL_OK) {
        status = check_removed(what);
    }
    if (status == SATCHEL_OK) {
        status = check_cleared(what);
    }
    return status == SATCHEL_OK ? check_from(what) : status;
}

static satchel_status check_create(const judged *what) {
    if (what->op->removed.count > 0 || what->op->from.count > 0) {
        return refuse(what, SATCHEL_INVALID_ARGUMENT, "creates a row and removes from it");
    }
    satchel_status status = check_fields(what);
    return status == SATCHEL_OK ? check_required(what) : status;
}

static satchel_status check_edit(const judged *what) {
    if ((what->entity->flags & SATCHEL_ENTITY_FACT) != 0) {
        return refuse(what, SATCHEL_IMMUTABLE, "edits a recorded fact");
    }
    if (!says_something(what->op)) {
        return refuse(what, SATCHEL_INVALID_ARGUMENT, "edits nothing");
    }
    satchel_status status = check_fields(what);
    return status == SATCHEL_OK ? check_groups(what) : status;
}

static satchel_status check_delete(const judged *what) {
    if (what->by_phone && (what->entity->flags & SATCHEL_ENTITY_FACT) != 0) {
        return refuse(what, SATCHEL_IMMUTABLE, "deletes a recorded fact");
    }
    return says_something(what->op) ? refuse(what, SATCHEL_INVALID_ARGUMENT, "deletes and sets") : SATCHEL_OK;
}

static satchel_status check_void(const judged *what) {
    if (what->op->target == 0 || says_something(what->op)) {
        return refuse(what, SATCHEL_INVALID_ARGUMENT, "takes back nothing, or more than an op");
    }
    return SATCHEL_OK;
}

static satchel_status check_command(const judged *what) {
    return what->op->command == 0 ? refuse(what, SATCHEL_INVALID_ARGUMENT, "commands nothing") : check_set(what);
}

static satchel_status check_frame(const judged *what) {
    const satchel_op *op = what->op;
    if (op->exception_count > SATCHEL_LIMIT_BASE_EXCEPTIONS) {
        return refuse(what, SATCHEL_LIMIT_EXCEEDED, "has too many exceptions from its base");
    }
    for (uint32_t i = 1; i < op->exception_count; i++) {
        if (op->exceptions[i - 1].field >= op->exceptions[i].field) {
            return refuse(what, SATCHEL_INVALID_ARGUMENT, "has exceptions from its base out of order");
        }
    }
    if (op->set.tail.bytes > SATCHEL_LIMIT_TAIL_BYTES || op->removed.tail.bytes > SATCHEL_LIMIT_TAIL_BYTES ||
        op->from.tail.bytes > SATCHEL_LIMIT_TAIL_BYTES) {
        return refuse(what, SATCHEL_LIMIT_EXCEEDED, "has too many bytes of unknown fields");
    }
    if (satchel_id_is_none(&op->row)) {
        return refuse(what, SATCHEL_INVALID_ARGUMENT, "names no row");
    }
    bool other = op->kind == SATCHEL_OP_COMMAND || op->kind == SATCHEL_OP_VOID;
    if (what->by_phone && !other && (what->entity->flags & SATCHEL_ENTITY_SERVER_MADE) != 0) {
        return refuse(what, SATCHEL_READ_ONLY_FIELD, "writes what only the server makes");
    }
    return SATCHEL_OK;
}

satchel_status satchel_validate_op(const satchel_schema *schema, const satchel_op *op, bool by_phone,
                                   satchel_error *error) {
    return satchel_validate_old_op(schema, op, by_phone, NULL, error);
}

satchel_status satchel_validate_old_op(const satchel_schema *schema, const satchel_op *op, bool by_phone,
                                       uint32_t *out_flagged, satchel_error *error) {
    judged what = {schema, satchel_schema_entity(schema, op->entity), op, by_phone, out_flagged, error};
    if (out_flagged != NULL) {
        *out_flagged = 0;
    }
    if (what.entity == NULL) {
        return satchel_fail(error, SATCHEL_UNKNOWN_ENTITY, "there is no entity %u", op->entity);
    }
    satchel_status status = check_frame(&what);
    if (status != SATCHEL_OK) {
        return status;
    }
    switch (op->kind) {
    case SATCHEL_OP_CREATE: return check_create(&what);
    case SATCHEL_OP_EDIT: return check_edit(&what);
    case SATCHEL_OP_DELETE: return check_delete(&what);
    case SATCHEL_OP_VOID: return check_void(&what);
    case SATCHEL_OP_COMMAND: return check_command(&what);
    }
    return refuse(&what, SATCHEL_INVALID_ARGUMENT, "is of an unknown kind");
}

satchel_status satchel_validate_row(const satchel_schema *schema, uint32_t entity, const satchel_record *row,
                                    bool by_phone, satchel_error *error) {
    const satchel_entity *known = satchel_schema_entity(schema, entity);
    const satchel_value nothing = satchel_value_null();
    const satchel_field *field = NULL;
    if (known == NULL) {
        return satchel_fail(error, SATCHEL_UNKNOWN_ENTITY, "there is no entity %u", entity);
    }
    for (uint32_t i = 0; i < row->count; i++) {
        if (satchel_schema_field(schema, entity, row->fields[i].number) == NULL) {
            return satchel_fail_field(error, SATCHEL_UNKNOWN_FIELD, entity, row->fields[i].number, "%s has no field %u",
                                      known->name, row->fields[i].number);
        }
    }
    for (uint32_t i = 0; (field = satchel_schema_field_at(schema, entity, i)) != NULL; i++) {
        const satchel_value *value = satchel_record_get(row, field->number);
        bool of_server = field->policy == SATCHEL_POLICY_SERVER || field->writer == SATCHEL_WRITE_SERVER;
        bool passed_by = (field->flags & (SATCHEL_FIELD_META | SATCHEL_FIELD_ARCHIVED)) != 0;
        if (passed_by || (value == NULL && by_phone && of_server)) {
            continue;
        }
        satchel_status status = satchel_validate_value(known, field, value != NULL ? value : &nothing, error);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    return SATCHEL_OK;
}
