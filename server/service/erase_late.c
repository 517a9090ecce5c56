/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeps an erasure: ops that come late lose what must not be written again.
 */
#include "service/erase.h"

#include "base/error.h"
#include "base/ids.h"

#include <satchel/model.h>
#include <string.h>

static satchel_status was_erased(satchel_change *change, uint32_t entity, const satchel_id *row, satchel_id *out_by,
                                 bool *out, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    *out = false;
    satchel_status status =
        SATCHEL_DB_START(&statement, change->db, error, "SELECT erasure FROM erased_row WHERE entity = ?1 AND row = ?2",
                         satchel_db_count(entity), satchel_value_id(row));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, out, error);
    }
    if (status == SATCHEL_OK && *out) {
        *out_by = satchel_db_id(statement, 0);
    }
    satchel_db_end(statement);
    return status;
}

/* Does a value of the op name an erased contact or customer? */
static satchel_status names_erased(satchel_change *change, const satchel_op *op, satchel_id *out_by, bool *out,
                                   satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    *out = false;
    for (uint32_t i = 0; status == SATCHEL_OK && !*out && i < op->set.count; i++) {
        const satchel_field *field =
            satchel_schema_field(&change->service->schema, op->entity, op->set.fields[i].number);
        const satchel_value *value = &op->set.fields[i].value;
        if (field == NULL || (field->ref != SATCHEL_ENTITY_CONTACT && field->ref != SATCHEL_ENTITY_CUSTOMER)) {
            continue;
        }
        if (value->type == SATCHEL_TYPE_ID) {
            status = was_erased(change, field->ref, &value->as.id, out_by, out, error);
        }
        for (uint32_t e = 0;
             value->type == SATCHEL_TYPE_SET && status == SATCHEL_OK && !*out && e < value->as.set.count; e++) {
            satchel_id id;
            if (satchel_id_from(value->as.set.elements[e], &id) == SATCHEL_OK) {
                status = was_erased(change, field->ref, &id, out_by, out, error);
            }
        }
    }
    return status;
}

/* What hangs on a row of any kind (a photo) says on which by two fields. */
static satchel_status hangs_on_erased(satchel_change *change, const satchel_op *op, satchel_id *out_by, bool *out,
                                      satchel_error *error) {
    uint64_t entity = 0;
    const satchel_id *row = NULL;
    *out = false;
    for (uint32_t i = 0; i < op->set.count; i++) {
        const satchel_field_value *given = &op->set.fields[i];
        const satchel_field *field = satchel_schema_field(&change->service->schema, op->entity, given->number);
        if (field != NULL && strcmp(field->name, "subject_entity") == 0) {
            entity = (uint64_t)satchel_record_int(&op->set, given->number, 0);
        }
        if (field != NULL && strcmp(field->name, "subject_row") == 0 && given->value.type == SATCHEL_TYPE_ID) {
            row = &given->value.as.id;
        }
    }
    return entity > 0 && entity < SATCHEL_TABLE_COUNT && row != NULL
               ? was_erased(change, (uint32_t)entity, row, out_by, out, error)
               : SATCHEL_OK;
}

/* Into an array of its own: the op may be decided on once more. */
static satchel_status strip_cleared(const satchel_change *change, satchel_op *op) {
    uint32_t *cleared = satchel_arena_take_array(change->arena, op->cleared_count, sizeof *cleared);
    uint32_t kept = 0;
    if (cleared == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (uint32_t i = 0; i < op->cleared_count; i++) {
        const satchel_field *field = satchel_schema_field(&change->service->schema, op->entity, op->cleared[i]);
        if (field != NULL && !satchel_erase_takes(op->entity, field)) {
            cleared[kept++] = op->cleared[i];
        }
    }
    op->cleared = cleared;
    op->cleared_count = kept;
    return SATCHEL_OK;
}

/* Erasable values go; what a new row must have becomes the sign of an erased text. */
static satchel_status strip(satchel_change *change, satchel_op *op) {
    const satchel_schema *schema = &change->service->schema;
    bool is_new = op->kind == SATCHEL_OP_CREATE;
    satchel_status status = satchel_erase_record(schema, op->entity, &op->set);
    for (uint32_t i = op->set.count; !is_new && i > 0; i--) {
        const satchel_field *field = satchel_schema_field(schema, op->entity, op->set.fields[i - 1].number);
        if (field != NULL && satchel_erase_takes(op->entity, field)) {
            satchel_record_remove(&op->set, field->number);
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_erase_record(schema, op->entity, &op->removed);
    }
    return status == SATCHEL_OK ? strip_cleared(change, op) : status;
}

static satchel_status remember(satchel_change *change, const satchel_op *op, const satchel_id *by,
                               satchel_error *error) {
    return SATCHEL_DB_RUN(change->db, error,
                          "INSERT INTO erased_row (entity, row, erasure) VALUES (?1, ?2, ?3)"
                          " ON CONFLICT (entity, row) DO NOTHING",
                          satchel_db_count(op->entity), satchel_value_id(&op->row), satchel_value_id(by));
}

satchel_status satchel_erase_strip(satchel_change *change, satchel_op *op, bool *out_empty, satchel_error *error) {
    satchel_id by = {{0}};
    bool erased = false;
    *out_empty = false;
    if (change->counter->erasures == 0) {
        return SATCHEL_OK;
    }
    satchel_status status = was_erased(change, op->entity, &op->row, &by, &erased, error);
    if (status == SATCHEL_OK && erased && satchel_erase_is_person(op->entity)) {
        *out_empty = true;
        return SATCHEL_OK;
    }
    if (status == SATCHEL_OK && !erased) {
        status = names_erased(change, op, &by, &erased, error);
        if (status == SATCHEL_OK && !erased) {
            status = hangs_on_erased(change, op, &by, &erased, error);
        }
        if (status == SATCHEL_OK && erased && op->kind == SATCHEL_OP_CREATE) {
            status = remember(change, op, &by, error);
        }
    }
    return status == SATCHEL_OK && erased ? strip(change, op) : status;
}

satchel_status satchel_erase_concerns(satchel_change *change, const satchel_op *op, bool *out, satchel_error *error) {
    satchel_id by;
    *out = false;
    if (change->counter->erasures == 0) {
        return SATCHEL_OK;
    }
    satchel_status status = was_erased(change, op->entity, &op->row, &by, out, error);
    if (status == SATCHEL_OK && !*out) {
        status = names_erased(change, op, &by, out, error);
    }
    return status == SATCHEL_OK && !*out ? hangs_on_erased(change, op, &by, out, error) : status;
}
