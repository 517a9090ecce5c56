/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the maker of an op that came back had in sight. Who could read which fields of a row in the lost stretch is not
 * known any more: an edit may have gone over a value that its maker did not see, and then that was a loser. So of
 * fields that are not open nothing of the lost stretch counts as seen, but what the maker's own store wrote: at worst a
 * loser is listed that he knew. Winners stay what they were, as what is written over a known value has a later stamp.
 * Sets are left alone: who takes an element out names it.
 */
#include "service/returned_work.h"

#include "base/error.h"
#include "service/sight.h"

static satchel_status cap_field(const satchel_returned_work *work, satchel_op *op, uint32_t number) {
    const satchel_change *change = work->change;
    const satchel_field *field = satchel_schema_field(&change->service->schema, op->entity, number);
    uint64_t base_n = satchel_op_base(op, number);
    uint64_t capped = base_n;
    if (field == NULL || field->sensitivity == SATCHEL_SENSITIVITY_OPEN || field->type == SATCHEL_TYPE_SET) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_epoch_cap(change->db, change->counter, base_n, &capped, work->error);
    if (status != SATCHEL_OK || capped == base_n) {
        return status;
    }
    satchel_base_exception *bases =
        satchel_arena_take_array(change->arena, (size_t)op->exception_count + 1, sizeof *bases);
    if (bases == NULL) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for bases");
    }
    for (uint32_t i = 0; i < op->exception_count; i++) {
        bases[i] = op->exceptions[i];
    }
    satchel_sight_put_base(bases, &op->exception_count, number, capped);
    op->exceptions = bases;
    return SATCHEL_OK;
}

satchel_status satchel_returned_narrow(const satchel_returned_work *work, satchel_op *op) {
    satchel_change *change = work->change;
    satchel_standing standing;
    if (op->kind != SATCHEL_OP_EDIT) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_standing_of(change->service, change->db, op->entity, &op->row,
                                                &work->now.merged.value, change->arena, &standing, work->error);
    if (status == SATCHEL_OK) {
        status = satchel_sight_narrow(change, &standing, op, work->error);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < op->set.count; i++) {
        status = cap_field(work, op, op->set.fields[i].number);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < op->cleared_count; i++) {
        status = cap_field(work, op, op->cleared[i]);
    }
    return status;
}
