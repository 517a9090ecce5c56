/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields that the maker of an op could not read. Which ones they are follows from the scopes that the row was in at the
 * position that he had seen: someone who reads all customers a little and then gets one may have written into it
 * before his phone had heard of that. What other roles showed him, or other scopes, is not known any more: then only
 * open fields count as seen. At worst a loser is listed that he knew.
 */
#include "service/sight.h"

#include "base/limits.h"

/* Classes of the row's fields that he read at the position that he had seen. */
static satchel_status classes_seen(const satchel_change *change, const satchel_standing *standing, uint32_t entity,
                                   uint32_t *out, satchel_error *error) {
    satchel_member_list members = {NULL, 0};
    uint32_t relations = 0;
    *out = UINT32_C(1) << SATCHEL_SENSITIVITY_OPEN;
    if (change->seen.n < change->person->rights_n) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_members_of(change->db, &standing->place, change->arena, &members, error);
    for (uint32_t i = 0; status == SATCHEL_OK && i < members.count; i++) {
        const satchel_member *member = &members.items[i];
        bool there_then = member->entered_n <= change->seen.n && (member->present || member->last_n > change->seen.n);
        if (there_then && satchel_scope_list_has(change->scopes, member->scope)) {
            status = satchel_scope_relations_of(change->db, change->person, member->scope, &relations, error);
        }
    }
    if (relations != 0) {
        *out = satchel_access_visible_classes(change->person->policy, &change->person->access, entity, relations);
    }
    return status;
}

static bool is_covered_class(const satchel_field *field, uint32_t classes) {
    return field == NULL || field->sensitivity >= SATCHEL_SENSITIVITY_COUNT || (classes >> field->sensitivity & 1) != 0;
}

/* The next field from `at` on, by number, that the op touches and he did not see; NULL: none. */
static const satchel_field *next_unseen(const satchel_schema *schema, const satchel_op *op, uint32_t classes,
                                        uint32_t *at) {
    const satchel_field *field;
    while ((field = satchel_schema_field_at(schema, op->entity, *at)) != NULL) {
        (*at)++;
        if (!is_covered_class(field, classes) && satchel_op_touches(op, field->number)) {
            return field;
        }
    }
    return NULL;
}

static bool is_closed(const satchel_schema *schema, uint32_t entity, uint32_t number) {
    return !is_covered_class(satchel_schema_field(schema, entity, number), UINT32_C(1) << SATCHEL_SENSITIVITY_OPEN);
}

/* Asked of every edit: from what it touches, which is little, and not from all fields of the entity. */
static bool touches_closed(const satchel_schema *schema, const satchel_op *op) {
    bool closed = false;
    for (uint32_t i = 0; i < op->set.count && !closed; i++) {
        closed = is_closed(schema, op->entity, op->set.fields[i].number);
    }
    for (uint32_t i = 0; i < op->removed.count && !closed; i++) {
        closed = is_closed(schema, op->entity, op->removed.fields[i].number);
    }
    for (uint32_t i = 0; i < op->cleared_count && !closed; i++) {
        closed = is_closed(schema, op->entity, op->cleared[i]);
    }
    return closed;
}

void satchel_sight_put_base(satchel_base_exception *into, uint32_t *count, uint32_t field, uint64_t base_n) {
    uint32_t at = 0;
    while (at < *count && into[at].field < field) {
        at++;
    }
    if (at == *count || into[at].field != field) {
        for (uint32_t i = *count; i > at; i--) {
            into[i] = into[i - 1];
        }
        (*count)++;
    }
    into[at] = (satchel_base_exception){field, base_n};
}

satchel_status satchel_sight_narrow(const satchel_change *change, const satchel_standing *standing, satchel_op *op,
                                    satchel_error *error) {
    const satchel_schema *schema = &change->service->schema;
    uint32_t classes = 0;
    uint32_t at = 0;
    if (!change->by_phone || change->trusted || change->scopes == NULL || op->kind != SATCHEL_OP_EDIT ||
        change->seen.epoch != change->counter->epoch || !touches_closed(schema, op)) {
        return SATCHEL_OK;
    }
    satchel_status status = classes_seen(change, standing, op->entity, &classes, error);
    const satchel_field *field = status == SATCHEL_OK ? next_unseen(schema, op, classes, &at) : NULL;
    if (field == NULL) {
        return status;
    }
    satchel_base_exception *exceptions = satchel_arena_take_array(
        change->arena, (size_t)op->exception_count + SATCHEL_LIMIT_FIELDS_PER_RECORD, sizeof *exceptions);
    if (exceptions == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (uint32_t i = 0; i < op->exception_count; i++) {
        exceptions[i] = op->exceptions[i];
    }
    for (; field != NULL; field = next_unseen(schema, op, classes, &at)) {
        satchel_sight_put_base(exceptions, &op->exception_count, field->number, 0);
    }
    op->exceptions = exceptions;
    return SATCHEL_OK;
}
