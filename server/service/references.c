/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that an op names. A row that its writer may not see is to him as one that is not there: the answer is the same,
 * and nothing comes to hang on it.
 */
#include "base/error.h"
#include "base/ids.h"
#include "service/change.h"

/* Whoever names a row must see it, or have seen it when he wrote. */
static satchel_status may_name(satchel_change *change, uint32_t target, const satchel_id *id, bool *out,
                               satchel_error *error) {
    satchel_stored_row row;
    satchel_standing standing;
    uint32_t relations = 0;
    *out = false;
    satchel_status status =
        satchel_stored_row_load(change->service->tables, change->db, target, id, change->arena, &row, error);
    if (status != SATCHEL_OK || !row.merged.exists) {
        return status;
    }
    if (change->trusted) {
        *out = true;
        return SATCHEL_OK;
    }
    status = satchel_standing_of(change->service, change->db, target, id, &row.merged.value, change->arena, &standing,
                                 error);
    if (status == SATCHEL_OK) {
        status = satchel_relations_of(change->db, &standing, change->person, change->day, &relations, error);
    }
    if (status == SATCHEL_OK) {
        *out = satchel_access_reads(change->person->policy, &change->person->access, target, relations,
                                    satchel_standing_is_anchored(&standing));
    }
    if (status == SATCHEL_OK && !*out && change->by_phone && change->seen.epoch == change->counter->epoch) {
        status = satchel_standing_had(change->db, &standing, &change->author->user, change->scopes, change->seen.n,
                                      change->arena, out, error);
    }
    return status;
}

static satchel_status check_reference(satchel_change *change, const satchel_op *op, const satchel_field *field,
                                      const satchel_id *id, satchel_error *error) {
    bool fits = false;
    if (satchel_db_tables_get(change->service->tables, field->ref) == NULL || satchel_id_is_none(id)) {
        return SATCHEL_OK;
    }
    satchel_status status = may_name(change, field->ref, id, &fits, error);
    if (status == SATCHEL_OK && !fits) {
        status = satchel_fail_field(error, SATCHEL_REFERENCE_MISSING, op->entity, field->number,
                                    "it names a row that is not there");
    }
    return status;
}

/* Root and anchor were looked at before, with the rules of their own. */
static const satchel_field *reference_at(const satchel_change *change, const satchel_op *op, uint32_t number) {
    const satchel_entity *entity = satchel_schema_entity(&change->service->schema, op->entity);
    const satchel_field *field = satchel_schema_field(&change->service->schema, op->entity, number);
    bool is_parent = entity != NULL && (number == entity->root_field || number == entity->anchor_field);
    return field != NULL && field->ref != 0 && !is_parent ? field : NULL;
}

satchel_status satchel_change_check_references(satchel_change *change, const satchel_op *op, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < op->set.count; i++) {
        const satchel_field_value *given = &op->set.fields[i];
        const satchel_field *field = reference_at(change, op, given->number);
        if (field == NULL) {
            continue;
        }
        if (given->value.type == SATCHEL_TYPE_ID) {
            status = check_reference(change, op, field, &given->value.as.id, error);
        }
        for (uint32_t e = 0;
             given->value.type == SATCHEL_TYPE_SET && status == SATCHEL_OK && e < given->value.as.set.count; e++) {
            satchel_id id;
            status = satchel_id_from(given->value.as.set.elements[e], &id);
            if (status == SATCHEL_OK) {
                status = check_reference(change, op, field, &id, error);
            }
        }
    }
    return status;
}
