/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From "these fields are to be so" to an op that says exactly what was meant: only what differs, sets as added and
 * removed elements, counters as deltas, states with the state that the user saw, groups whole.
 */
#include "store/draft_state.h"

#include <stdlib.h>

typedef struct edit_work {
    const satchel_schema *schema;
    const satchel_entity *entity;
    const satchel_record *current;
    const satchel_record *record;
    const uint32_t *cleared;
    uint32_t cleared_count;
    satchel_op *op;
    satchel_record *before;
    uint32_t *nulls; /* room for the cleared fields of the op */
    satchel_error *error;
} edit_work;

static const satchel_value *present(const satchel_record *record, uint32_t number) {
    const satchel_value *value = satchel_record_get(record, number);
    bool empty = value == NULL || value->type == SATCHEL_TYPE_NULL ||
                 (value->type == SATCHEL_TYPE_SET && value->as.set.count == 0);
    return empty ? NULL : value;
}

static bool is_cleared(const edit_work *work, uint32_t number) {
    for (uint32_t i = 0; i < work->cleared_count; i++) {
        if (work->cleared[i] == number) {
            return true;
        }
    }
    return false;
}

/* What the field is to be; NULL: empty. */
static const satchel_value *wanted(const edit_work *work, uint32_t number) {
    if (is_cleared(work, number)) {
        return NULL;
    }
    return satchel_record_get(work->record, number) != NULL ? present(work->record, number)
                                                            : present(work->current, number);
}

static bool differs(const edit_work *work, uint32_t number) {
    const satchel_value *now = present(work->current, number);
    const satchel_value *then = wanted(work, number);
    return (now == NULL) != (then == NULL) || (now != NULL && !satchel_value_equal(now, then));
}

/* The field differs, or another one of its group does. */
static bool is_part(const edit_work *work, const satchel_field *field) {
    if (field->group == 0 || (field->flags & SATCHEL_FIELD_CUSTOM) != 0) {
        return differs(work, field->number);
    }
    for (uint32_t i = 0; i < work->entity->field_count; i++) {
        const satchel_field *other = &work->entity->fields[i];
        if (other->group == field->group && differs(work, other->number)) {
            return true;
        }
    }
    return false;
}

static satchel_status put_delta(edit_work *work, uint32_t number) {
    const satchel_value *now = present(work->current, number);
    const satchel_value *then = wanted(work, number);
    int64_t from = now != NULL ? now->as.integer : 0;
    int64_t to = then != NULL ? then->as.integer : 0;
    if (then != NULL && then->type != SATCHEL_TYPE_INT) {
        return satchel_fail_field(work->error, SATCHEL_WRONG_TYPE, work->entity->number, number,
                                  "a counter is a number");
    }
    if ((from < 0 && to > INT64_MAX + from) || (from > 0 && to < INT64_MIN + from)) {
        return satchel_fail_field(work->error, SATCHEL_OUT_OF_RANGE, work->entity->number, number,
                                  "the counter cannot move so far");
    }
    return to == from ? SATCHEL_OK : satchel_record_set_int(&work->op->set, number, to - from);
}

static satchel_status put_elements(edit_work *work, uint32_t number) {
    const satchel_value *now = present(work->current, number);
    const satchel_value *then = wanted(work, number);
    const satchel_set none = {NULL, 0};
    satchel_set added;
    satchel_set removed;
    if (then != NULL && then->type != SATCHEL_TYPE_SET) {
        return satchel_fail_field(work->error, SATCHEL_WRONG_TYPE, work->entity->number, number, "the field is a set");
    }
    const satchel_set *old = now != NULL ? &now->as.set : &none;
    const satchel_set *new = then != NULL ? &then->as.set : &none;
    satchel_status status = satchel_set_minus(work->op->set.arena, new, old, &added);
    if (status == SATCHEL_OK) {
        status = satchel_set_minus(work->op->set.arena, old, new, &removed);
    }
    if (status == SATCHEL_OK && added.count > 0) {
        satchel_value value = satchel_value_set(added.elements, added.count);
        status = satchel_record_set(&work->op->set, number, &value);
    }
    if (status == SATCHEL_OK && removed.count > 0) {
        satchel_value value = satchel_value_set(removed.elements, removed.count);
        status = satchel_record_set(&work->op->removed, number, &value);
    }
    return status;
}

static satchel_status put_scalar(edit_work *work, const satchel_field *field) {
    const satchel_value *now = present(work->current, field->number);
    const satchel_value *then = wanted(work, field->number);
    if (then == NULL) {
        work->nulls[work->op->cleared_count++] = field->number;
        return SATCHEL_OK;
    }
    satchel_status status = satchel_record_set(&work->op->set, field->number, then);
    if (status == SATCHEL_OK && field->policy == SATCHEL_POLICY_STATE && now != NULL) {
        status = satchel_record_set(&work->op->from, field->number, now);
    }
    return status;
}

static satchel_status put_field(edit_work *work, const satchel_field *field) {
    const satchel_value *now = present(work->current, field->number);
    satchel_status status = SATCHEL_OK;
    switch (field->policy) {
    case SATCHEL_POLICY_SUM: status = put_delta(work, field->number); break;
    case SATCHEL_POLICY_SET: status = put_elements(work, field->number); break;
    default: status = put_scalar(work, field); break;
    }
    return status == SATCHEL_OK && now != NULL ? satchel_record_set(work->before, field->number, now) : status;
}

static satchel_status check_numbers(const edit_work *work) {
    for (uint32_t i = 0; i < work->record->count + work->cleared_count; i++) {
        uint32_t number =
            i < work->record->count ? work->record->fields[i].number : work->cleared[i - work->record->count];
        if (satchel_schema_field(work->schema, work->entity->number, number) == NULL) {
            return satchel_fail_field(work->error, SATCHEL_UNKNOWN_FIELD, work->entity->number, number,
                                      "no such field");
        }
    }
    return SATCHEL_OK;
}

satchel_status satchel_edit_build(const satchel_schema *schema, const satchel_record *current,
                                  const satchel_record *record, const uint32_t *cleared, uint32_t cleared_count,
                                  satchel_op *out, satchel_record *before, bool *out_empty, satchel_error *error) {
    const satchel_entity *entity = satchel_schema_entity(schema, out->entity);
    edit_work work = {schema, entity, current, record, cleared, cleared_count, out, before, NULL, error};
    const satchel_field *field;
    satchel_status status = check_numbers(&work);
    if (status != SATCHEL_OK) {
        return status;
    }
    work.nulls = satchel_arena_take_array(out->set.arena, SATCHEL_LIMIT_FIELDS_PER_RECORD, sizeof *work.nulls);
    if (work.nulls == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (uint32_t i = 0; (field = satchel_schema_field_at(schema, entity->number, i)) != NULL; i++) {
        if (field->number == SATCHEL_FIELD_ID || !is_part(&work, field)) {
            continue;
        }
        if (out->cleared_count == SATCHEL_LIMIT_FIELDS_PER_RECORD) {
            return SATCHEL_LIMIT_EXCEEDED;
        }
        status = put_field(&work, field);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    out->cleared = work.nulls;
    if (record->tail.bytes > 0 && !satchel_bytes_equal(record->tail, current->tail)) {
        status = satchel_arena_copy(out->set.arena, record->tail, &out->set.tail);
    }
    *out_empty = out->set.count == 0 && out->removed.count == 0 && out->cleared_count == 0 && out->set.tail.bytes == 0;
    return status;
}
