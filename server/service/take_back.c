/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VOID: an op of a phone takes back an earlier one of its own. It becomes a deletion of the row that only its maker
 * ever wrote, facts and archived kinds too, or the return of the row that he deleted.
 *
 * It is allowed to who reads the row and could make, change or delete one like it now. What stands by now (an order
 * that was submitted, a customer that others were merged into) is not taken back.
 */
#include "service/change_work.h"

#include "base/ids.h"

#include <satchel/model.h>

/* Was the row's deletion the op that is taken back? */
static bool is_his_deletion(const satchel_op_work *work) {
    const satchel_version *deletion =
        satchel_versions_find(&work->row.merged.versions, SATCHEL_FIELD_DELETED, (satchel_bytes){NULL, 0});
    return work->row.merged.deleted && deletion != NULL && satchel_op_is_his(work->change->author, &deletion->writer) &&
           deletion->writer.sequence == work->op->target;
}

/* Did this lineage alone write the row, and nothing before the target? Then the target made it. */
static bool is_his_making(const satchel_op_work *work) {
    const satchel_versions *versions = &work->row.merged.versions;
    bool made = work->row.merged.exists && !work->row.merged.deleted && satchel_op_is_his_alone(work);
    for (uint32_t i = 0; i < versions->count; i++) {
        made = made && versions->items[i].writer.sequence >= work->op->target;
    }
    return made;
}

/* What a merge of customers gave or took is undone by unmerging. */
static satchel_status is_merged(satchel_op_work *work, bool *out) {
    int64_t count = 0;
    satchel_status status = SATCHEL_OK;
    if (work->op->entity == SATCHEL_ENTITY_CUSTOMER) {
        status = SATCHEL_DB_NUMBER(work->change->db, work->error, &count, 0,
                                   "SELECT count(*) FROM customer_merge WHERE gone = ?1 OR survivor = ?1",
                                   satchel_value_id(&work->op->row));
    }
    *out = count > 0;
    return status;
}

/* It names the row as it stands, so that it never loses. */
static satchel_status turn(satchel_op_work *work) {
    satchel_op *op = work->op;
    bool merged = false;
    satchel_status status = is_merged(work, &merged);
    if (status != SATCHEL_OK) {
        return status;
    }
    op->base_n = work->row.revision;
    if (is_his_deletion(work)) {
        op->kind = SATCHEL_OP_EDIT;
        return satchel_record_set_bool(&op->set, SATCHEL_FIELD_DELETED, false);
    }
    if (!merged && is_his_making(work)) {
        op->kind = SATCHEL_OP_DELETE;
        return SATCHEL_OK;
    }
    return satchel_op_refuse(work, SATCHEL_IMMUTABLE, 0,
                             "others have worked on the row since, or the op did not make it");
}

satchel_status satchel_op_take_back(satchel_op_work *work) {
    satchel_status (*const steps[])(satchel_op_work *) = {satchel_op_look_up, satchel_op_check_void, turn,
                                                          satchel_op_check_root, satchel_op_check_order_body};
    satchel_status status = SATCHEL_OK;
    if (!work->change->by_phone || work->op->target == 0 || work->op->target >= work->op->sequence) {
        return satchel_op_refuse(work, SATCHEL_INVALID_ARGUMENT, 0, "an op takes back an earlier one of its own phone");
    }
    for (size_t i = 0; status == SATCHEL_OK && !satchel_op_is_decided(work) && i < sizeof steps / sizeof *steps; i++) {
        if (steps[i] != satchel_op_check_root || work->entity->root != 0) {
            status = steps[i](work);
        }
    }
    return status;
}
