/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inverse of an op against the row as it stood before: what a VOID does where the op was applied already.
 */
#include "base/error.h"
#include "merge/kernel.h"

typedef struct invert_work {
    const satchel_schema *schema;
    const satchel_record *before;
    const satchel_op *op;
    satchel_op *out;
    uint32_t *cleared; /* room for every field of the op */
} invert_work;

/* A set element that the op added anew is removed, one that it took away is added. */
static satchel_status invert_set(invert_work *work, uint32_t number) {
    satchel_arena *arena = work->out->set.arena;
    const satchel_value *before = satchel_record_get(work->before, number);
    const satchel_value *added = satchel_record_get(&work->op->set, number);
    const satchel_value *removed = satchel_record_get(&work->op->removed, number);
    satchel_set empty = {NULL, 0};
    satchel_set old = before != NULL && before->type == SATCHEL_TYPE_SET ? before->as.set : empty;
    satchel_set plus = added != NULL && added->type == SATCHEL_TYPE_SET ? added->as.set : empty;
    satchel_set minus = removed != NULL && removed->type == SATCHEL_TYPE_SET ? removed->as.set : empty;
    satchel_set fresh = empty;
    satchel_set untouched = empty;
    satchel_set lost = empty;
    if (satchel_op_clears(work->op, number)) {
        minus = old;
    }
    satchel_status status = satchel_set_minus(arena, &plus, &old, &fresh);
    if (status == SATCHEL_OK) {
        status = satchel_set_minus(arena, &old, &minus, &untouched);
    }
    if (status == SATCHEL_OK) {
        status = satchel_set_minus(arena, &old, &untouched, &lost);
    }
    if (status == SATCHEL_OK && fresh.count > 0) {
        satchel_value value = satchel_value_set(fresh.elements, fresh.count);
        status = satchel_record_set(&work->out->removed, number, &value);
    }
    if (status == SATCHEL_OK && lost.count > 0) {
        satchel_value value = satchel_value_set(lost.elements, lost.count);
        status = satchel_record_set(&work->out->set, number, &value);
    }
    return status;
}

static satchel_status invert_sum(invert_work *work, uint32_t number) {
    const satchel_value *delta = satchel_record_get(&work->op->set, number);
    if (delta == NULL || delta->type != SATCHEL_TYPE_INT) {
        return SATCHEL_OK;
    }
    if (delta->as.integer == INT64_MIN) {
        return SATCHEL_OUT_OF_RANGE;
    }
    return satchel_record_set_int(&work->out->set, number, -delta->as.integer);
}

static satchel_status invert_scalar(invert_work *work, uint32_t number) {
    const satchel_value *before = satchel_record_get(work->before, number);
    if (before == NULL || before->type == SATCHEL_TYPE_NULL) {
        work->cleared[work->out->cleared_count++] = number;
        return SATCHEL_OK;
    }
    return satchel_record_set(&work->out->set, number, before);
}

static satchel_status invert_state(invert_work *work, uint32_t number) {
    const satchel_value *given = satchel_record_get(&work->op->set, number);
    satchel_status status = SATCHEL_OK;
    if (given != NULL) {
        status = satchel_record_set(&work->out->from, number, given);
    }
    return status == SATCHEL_OK ? invert_scalar(work, number) : status;
}

static satchel_status invert_field(invert_work *work, const satchel_field *field) {
    switch (field->policy) {
    case SATCHEL_POLICY_ONCE:
    case SATCHEL_POLICY_MAX:
    case SATCHEL_POLICY_MIN:
    case SATCHEL_POLICY_SERVER: return SATCHEL_OK;
    case SATCHEL_POLICY_SET: return invert_set(work, field->number);
    case SATCHEL_POLICY_SUM: return invert_sum(work, field->number);
    case SATCHEL_POLICY_STATE: return invert_state(work, field->number);
    default: return invert_scalar(work, field->number);
    }
}

static satchel_status invert_edit(invert_work *work) {
    size_t most = (size_t)work->op->set.count + work->op->removed.count + work->op->cleared_count;
    work->cleared = satchel_arena_take_array(work->out->set.arena, most, sizeof *work->cleared);
    if (work->cleared == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    work->out->cleared = work->cleared;
    const satchel_field *field;
    for (uint32_t i = 0; (field = satchel_schema_field_at(work->schema, work->op->entity, i)) != NULL; i++) {
        if (!satchel_op_touches(work->op, field->number) || (field->flags & SATCHEL_FIELD_META) != 0) {
            continue;
        }
        satchel_status status = invert_field(work, field);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    return SATCHEL_OK;
}

satchel_status satchel_merge_invert(const satchel_schema *schema, const satchel_record *before, const satchel_op *op,
                                    satchel_op *out) {
    satchel_arena *arena = out->set.arena;
    if (satchel_schema_entity(schema, op->entity) == NULL) {
        return SATCHEL_UNKNOWN_ENTITY;
    }
    satchel_op_kind kind = op->kind == SATCHEL_OP_CREATE ? SATCHEL_OP_DELETE : SATCHEL_OP_EDIT;
    satchel_op_init(out, kind, op->entity, &op->row, arena);
    out->sequence = op->sequence;
    out->base_n = op->base_n;
    invert_work work = {.schema = schema, .before = before, .op = op, .out = out};
    switch (op->kind) {
    case SATCHEL_OP_CREATE: return SATCHEL_OK;
    case SATCHEL_OP_EDIT: return invert_edit(&work);
    case SATCHEL_OP_DELETE: return satchel_record_set_bool(&out->set, SATCHEL_FIELD_DELETED, false);
    default: return SATCHEL_MISUSE;
    }
}
