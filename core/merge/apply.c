/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applying one op to one row: creating, deleting, restoring, and one call of a policy for each cell that the op
 * touches. All work is done on a shallow copy of the row: values and elements are never changed in place, so the
 * caller's row is whole until the copy replaces it.
 */
#include "base/error.h"
#include "merge/kernel.h"

#include <string.h>

typedef satchel_status (*cell_rule)(satchel_merge_job *job, const satchel_merge_cell *cell);

static const cell_rule rules[] = {
    [SATCHEL_POLICY_LATER] = satchel_merge_later,
    [SATCHEL_POLICY_ASK] = satchel_merge_ask,
    [SATCHEL_POLICY_STRICT] = satchel_merge_strict,
    [SATCHEL_POLICY_ONCE] = satchel_merge_once,
    [SATCHEL_POLICY_SET] = satchel_merge_set,
    [SATCHEL_POLICY_SUM] = satchel_merge_sum,
    [SATCHEL_POLICY_MAX] = satchel_merge_max,
    [SATCHEL_POLICY_MIN] = satchel_merge_min,
    [SATCHEL_POLICY_STATE] = satchel_merge_state,
    [SATCHEL_POLICY_SERVER] = satchel_merge_server,
    [SATCHEL_POLICY_ONCE_THEN_ASK] = satchel_merge_once_then_ask,
};

void satchel_merge_row_init(satchel_merge_row *row, satchel_arena *arena) {
    *row = (satchel_merge_row){.exists = false};
    satchel_record_init(&row->value, arena);
    satchel_versions_init(&row->versions, arena);
}

void satchel_merge_outcome_init(satchel_merge_outcome *outcome, satchel_arena *arena) {
    *outcome = (satchel_merge_outcome){.arena = arena};
}

/* Own arrays, shared contents; one more entry than there is, so that a zero count is no special case. */
static satchel_status copy_shallow(const satchel_merge_row *from, satchel_merge_row *out) {
    *out = *from;
    out->value.capacity = from->value.count + 1;
    out->versions.capacity = from->versions.count + 1;
    out->value.fields = satchel_arena_take_array(from->value.arena, out->value.capacity, sizeof *out->value.fields);
    out->versions.items =
        satchel_arena_take_array(from->versions.arena, out->versions.capacity, sizeof *out->versions.items);
    if (out->value.fields == NULL || out->versions.items == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    if (from->value.count > 0) {
        memcpy(out->value.fields, from->value.fields, from->value.count * sizeof *from->value.fields);
    }
    if (from->versions.count > 0) {
        memcpy(out->versions.items, from->versions.items, from->versions.count * sizeof *from->versions.items);
    }
    return SATCHEL_OK;
}

static satchel_status fill_cell(const satchel_merge_job *job, const satchel_field *field, satchel_merge_cell *cell) {
    *cell = (satchel_merge_cell){.key = satchel_versions_key(job->context->schema, job->entity->number, field)};
    cell->field = satchel_schema_field(job->context->schema, job->entity->number, cell->key);
    if (field->group == 0) {
        cell->members[cell->member_count++] = field;
    }
    for (uint32_t i = 0; field->group != 0 && i < job->entity->field_count; i++) {
        if (!satchel_versions_same_cell(field, &job->entity->fields[i])) {
            continue;
        }
        if (cell->member_count == SATCHEL_MERGE_MEMBERS) {
            return SATCHEL_INTERNAL;
        }
        cell->members[cell->member_count++] = &job->entity->fields[i];
    }
    cell->base = UINT64_MAX;
    for (uint32_t i = 0; i < cell->member_count; i++) {
        uint64_t base = satchel_merge_base(job, cell->members[i]->number);
        cell->base = base < cell->base ? base : cell->base;
    }
    const satchel_version *version = satchel_versions_find(&job->row.versions, cell->key, (satchel_bytes){NULL, 0});
    if (version != NULL) {
        cell->written = true;
        cell->version = *version;
        cell->concurrent = !satchel_merge_covers(job, cell->base, version);
    }
    return SATCHEL_OK;
}

static satchel_status merge_cell(satchel_merge_job *job, const satchel_field *field) {
    satchel_merge_cell cell;
    satchel_status status = fill_cell(job, field, &cell);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (job->fact_stands || (field->flags & SATCHEL_FIELD_ARCHIVED) != 0) {
        return satchel_merge_stands(job, &cell);
    }
    if ((field->flags & SATCHEL_FIELD_DERIVED) != 0) {
        return satchel_merge_server(job, &cell);
    }
    if (field->policy >= sizeof rules / sizeof rules[0]) {
        return SATCHEL_INTERNAL;
    }
    return rules[field->policy](job, &cell);
}

/* The smallest number ≥ `from` that the op touches; 0 if there is none. */
static uint32_t next_touched(const satchel_op *op, uint32_t from) {
    uint32_t next = UINT32_MAX;
    for (uint32_t i = 0; i < op->set.count; i++) {
        uint32_t number = op->set.fields[i].number;
        next = number >= from && number < next ? number : next;
    }
    for (uint32_t i = 0; i < op->removed.count; i++) {
        uint32_t number = op->removed.fields[i].number;
        next = number >= from && number < next ? number : next;
    }
    for (uint32_t i = 0; i < op->cleared_count; i++) {
        uint32_t number = op->cleared[i];
        next = number >= from && number < next ? number : next;
    }
    return next == UINT32_MAX ? 0 : next;
}

/* A group is merged where the op names its first member. */
static bool names_earlier_member(const satchel_merge_job *job, const satchel_field *field) {
    for (uint32_t i = 0; field->group != 0 && i < job->entity->field_count; i++) {
        const satchel_field *other = &job->entity->fields[i];
        bool earlier = other->number < field->number && satchel_versions_same_cell(field, other);
        if (earlier && satchel_op_touches(job->op, other->number)) {
            return true;
        }
    }
    return false;
}

static satchel_status merge_cells(satchel_merge_job *job, satchel_error *error) {
    for (uint32_t number = next_touched(job->op, 1); number != 0; number = next_touched(job->op, number + 1)) {
        if (number == SATCHEL_FIELD_DELETED) {
            continue;
        }
        const satchel_field *field = satchel_schema_field(job->context->schema, job->entity->number, number);
        if (field == NULL) {
            return satchel_fail_field(error, SATCHEL_UNKNOWN_FIELD, job->entity->number, number, "no such field");
        }
        if (names_earlier_member(job, field)) {
            continue;
        }
        satchel_status status = merge_cell(job, field);
        if (status != SATCHEL_OK) {
            return satchel_fail_field(error, status, job->entity->number, number, "the field cannot be merged");
        }
    }
    return SATCHEL_OK;
}

static satchel_status enter_initial_states(satchel_merge_job *job) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < job->entity->field_count && status == SATCHEL_OK; i++) {
        const satchel_field *field = &job->entity->fields[i];
        bool given = satchel_merge_incoming(job, field->number)->type != SATCHEL_TYPE_NULL;
        if (field->policy != SATCHEL_POLICY_STATE || field->choices == NULL || field->choices->initial == 0 || given) {
            continue;
        }
        satchel_value initial = satchel_value_int(field->choices->initial);
        satchel_version version = satchel_merge_own_version(job, field->number);
        status = satchel_merge_store(job, field->number, &initial);
        if (status == SATCHEL_OK) {
            status = satchel_merge_put(job, &version);
        }
    }
    return status;
}

static satchel_status put_deletion(satchel_merge_job *job) {
    satchel_version version = satchel_merge_own_version(job, SATCHEL_FIELD_DELETED);
    return satchel_merge_put(job, &version);
}

/* A deletion and an edit met: the edit stands. `edit` and `deletion` are their versions. */
static satchel_status ask_about_deletion(satchel_merge_job *job, const satchel_version *edit,
                                         const satchel_version *deletion) {
    satchel_loss *loss = NULL;
    satchel_status status = satchel_merge_add_loss(job, &loss);
    if (status != SATCHEL_OK) {
        return status;
    }
    loss->field = SATCHEL_FIELD_DELETED;
    loss->policy = SATCHEL_POLICY_ASK;
    loss->kind = SATCHEL_LOSS_ASK;
    loss->winner_version = *edit;
    loss->winner_version.element = (satchel_bytes){NULL, 0};
    loss->loser_version = *deletion;
    status = satchel_record_set_bool(&loss->winner, SATCHEL_FIELD_DELETED, false);
    return status == SATCHEL_OK ? satchel_record_set_bool(&loss->loser, SATCHEL_FIELD_DELETED, true) : status;
}

/* What the server fills in by itself is nobody's edit. */
static bool is_edit(const satchel_merge_job *job, uint32_t number) {
    const satchel_field *field = satchel_schema_field(job->context->schema, job->entity->number, number);
    return field == NULL || (field->policy != SATCHEL_POLICY_SERVER &&
                             (field->flags & (SATCHEL_FIELD_META | SATCHEL_FIELD_DERIVED)) == 0);
}

/* The newest write of the row that the author of a DELETE did not know of; NULL if he knew of all. */
static const satchel_version *find_unknown_edit(const satchel_merge_job *job) {
    const satchel_version *newest = NULL;
    for (uint32_t i = 0; i < job->row.versions.count; i++) {
        const satchel_version *version = &job->row.versions.items[i];
        bool counts = version->field == SATCHEL_FIELD_DELETED || is_edit(job, version->field);
        if (!counts || satchel_merge_covers(job, satchel_merge_base(job, version->field), version)) {
            continue;
        }
        if (newest == NULL || version->n > newest->n) {
            newest = version;
        }
    }
    return newest;
}

static satchel_status apply_delete(satchel_merge_job *job) {
    if (job->row.deleted) {
        return SATCHEL_OK;
    }
    const satchel_version *edit = find_unknown_edit(job);
    if (edit != NULL) {
        satchel_version own = satchel_merge_own_version(job, SATCHEL_FIELD_DELETED);
        return ask_about_deletion(job, edit, &own);
    }
    job->row.deleted = true;
    job->outcome->deleted = true;
    return put_deletion(job);
}

static bool is_explicit_restore(const satchel_op *op) {
    const satchel_value *deleted = satchel_record_get(&op->set, SATCHEL_FIELD_DELETED);
    return op->kind == SATCHEL_OP_EDIT && deleted != NULL && deleted->type == SATCHEL_TYPE_BOOL && !deleted->as.boolean;
}

/* A CREATE or EDIT meets a deleted row. */
static satchel_status revive(satchel_merge_job *job, satchel_error *error) {
    const satchel_version *deletion =
        satchel_versions_find(&job->row.versions, SATCHEL_FIELD_DELETED, (satchel_bytes){NULL, 0});
    satchel_version unknown = {.field = SATCHEL_FIELD_DELETED};
    uint64_t base = satchel_merge_base(job, SATCHEL_FIELD_DELETED);
    satchel_status status = SATCHEL_OK;
    if (!is_explicit_restore(job->op)) {
        if (deletion != NULL && satchel_merge_covers(job, base, deletion)) {
            return satchel_fail(error, SATCHEL_NOT_FOUND, "the row was deleted, and the author knew it");
        }
        satchel_version own = satchel_merge_own_version(job, SATCHEL_FIELD_DELETED);
        status = ask_about_deletion(job, &own, deletion != NULL ? deletion : &unknown);
    }
    job->row.deleted = false;
    job->outcome->restored = true;
    return status == SATCHEL_OK ? put_deletion(job) : status;
}

static satchel_status apply_write(satchel_merge_job *job, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    if (!job->row.exists) {
        job->row.exists = true;
        job->row.deleted = false;
        job->outcome->created = true;
        job->outcome->moved = true;
    } else if (job->row.deleted) {
        status = revive(job, error);
    }
    if (status == SATCHEL_OK && job->outcome->created) {
        status = enter_initial_states(job);
    }
    if (status == SATCHEL_OK) {
        status = merge_cells(job, error);
    }
    if (status == SATCHEL_OK && job->op->set.tail.bytes > 0) {
        status =
            satchel_merge_tails(job->row.value.arena, job->row.value.tail, job->op->set.tail, &job->row.value.tail);
        job->outcome->moved = true;
    }
    return status;
}

/* An EDIT of a fact may touch only what the server writes. */
static bool edits_fact(const satchel_merge_job *job) {
    if ((job->entity->flags & SATCHEL_ENTITY_FACT) == 0 || job->op->kind != SATCHEL_OP_EDIT) {
        return false;
    }
    for (uint32_t number = next_touched(job->op, 1); number != 0; number = next_touched(job->op, number + 1)) {
        const satchel_field *field = satchel_schema_field(job->context->schema, job->entity->number, number);
        bool servers = number == SATCHEL_FIELD_DELETED ||
                       (field != NULL && (field->policy == SATCHEL_POLICY_SERVER ||
                                          (field->flags & (SATCHEL_FIELD_META | SATCHEL_FIELD_DERIVED)) != 0));
        if (!servers) {
            return true;
        }
    }
    return job->op->set.tail.bytes > 0;
}

static satchel_status apply_op(satchel_merge_job *job, satchel_error *error) {
    bool creates = job->op->kind == SATCHEL_OP_CREATE;
    if (!job->row.exists && !creates) {
        return satchel_fail(error, SATCHEL_NOT_FOUND, "there is no such row");
    }
    if (edits_fact(job)) {
        return satchel_fail(error, SATCHEL_IMMUTABLE, "a fact is never edited");
    }
    job->fact_stands = creates && job->row.exists && (job->entity->flags & SATCHEL_ENTITY_FACT) != 0;
    switch (job->op->kind) {
    case SATCHEL_OP_CREATE:
    case SATCHEL_OP_EDIT: return apply_write(job, error);
    case SATCHEL_OP_DELETE: return apply_delete(job);
    default: return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "an op of kind %d is not merged", (int)job->op->kind);
    }
}

satchel_status satchel_merge_apply(const satchel_merge_context *context, satchel_merge_row *row, const satchel_op *op,
                                   satchel_merge_outcome *outcome, satchel_error *error) {
    satchel_merge_job job = {.context = context, .op = op, .outcome = outcome};
    job.entity = satchel_schema_entity(context->schema, op->entity);
    if (job.entity == NULL) {
        return satchel_fail(error, SATCHEL_UNKNOWN_ENTITY, "there is no entity %u", (unsigned)op->entity);
    }
    satchel_status status = copy_shallow(row, &job.row);
    if (status == SATCHEL_OK) {
        status = apply_op(&job, error);
    }
    if (status == SATCHEL_NO_MEMORY) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "memory is exhausted while merging");
    }
    if (status == SATCHEL_OK) {
        *row = job.row;
    }
    return status;
}
