/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roots and what travels with them, behind ops that came back: phones come in any order, so a deletion may be there
 * before the row below it that made it lose, and nothing was decided when either was laid.
 */
#include "service/family.h"
#include "service/returned_work.h"

#include "base/error.h"
#include "base/ids.h"

/* The root that the op's row is, or hangs on. `*out` not there: the row is not, or its root did not come back. */
static satchel_status load_root(satchel_change *change, const satchel_op *op, satchel_stored_row *out,
                                satchel_error *error) {
    const satchel_entity *entity = satchel_schema_entity(&change->service->schema, op->entity);
    const satchel_tables *tables = change->service->tables;
    satchel_status status =
        satchel_stored_row_load(tables, change->db, op->entity, &op->row, change->arena, out, error);
    if (status != SATCHEL_OK || entity->root == 0 || !out->merged.exists) {
        return status;
    }
    const satchel_id root = satchel_record_id(&out->merged.value, entity->root_field);
    return satchel_stored_row_load(tables, change->db, entity->root, &root, change->arena, out, error);
}

static satchel_status ask(satchel_change *change, const satchel_id *id, uint32_t entity, const satchel_loss *loss,
                          satchel_error *error) {
    satchel_stored_row root;
    satchel_standing standing;
    satchel_id conflict;
    bool recorded = false;
    satchel_status status = satchel_returned_is_recorded(change->db, id, loss, &recorded, error);
    if (status != SATCHEL_OK || recorded) {
        return status;
    }
    status = satchel_stored_row_load(change->service->tables, change->db, entity, id, change->arena, &root, error);
    if (status == SATCHEL_OK) {
        status = satchel_standing_of(change->service, change->db, entity, id, &root.merged.value, change->arena,
                                     &standing, error);
    }
    return status == SATCHEL_OK ? satchel_journal_conflict(change, &root, &standing, loss, &conflict, error) : status;
}

static satchel_status look_at(satchel_change *change, const satchel_op *op, satchel_error *error) {
    satchel_stored_row root;
    satchel_loss loss;
    bool mended = false;
    satchel_status status = load_root(change, op, &root, error);
    if (status != SATCHEL_OK || !root.merged.exists || !root.merged.deleted) {
        return status;
    }
    change->sequence = op->sequence;
    status = satchel_family_mend(change, op, &root, &loss, &mended, error);
    return status == SATCHEL_OK && mended ? ask(change, &root.id, root.entity, &loss, error) : status;
}

satchel_status satchel_returned_families(satchel_change *change, const satchel_op *ops, uint32_t count,
                                         satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
        bool known = satchel_schema_entity(&change->service->schema, ops[i].entity) != NULL;
        status = known && ops[i].kind != SATCHEL_OP_COMMAND ? look_at(change, &ops[i], error) : SATCHEL_OK;
    }
    return status;
}
