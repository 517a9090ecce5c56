/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops: making, asking, copying. Whether an op makes sense is judged in validate.c.
 */
#include "schema/op.h"

#include <string.h>

void satchel_op_init(satchel_op *op, satchel_op_kind kind, uint32_t entity, const satchel_id *row,
                     satchel_arena *arena) {
    memset(op, 0, sizeof *op);
    op->kind = kind;
    op->entity = entity;
    op->row = *row;
    satchel_record_init(&op->set, arena);
    satchel_record_init(&op->removed, arena);
    satchel_record_init(&op->from, arena);
}

uint64_t satchel_op_base(const satchel_op *op, uint32_t field) {
    for (uint32_t i = 0; i < op->exception_count; i++) {
        if (op->exceptions[i].field == field) {
            return op->exceptions[i].base_n;
        }
    }
    return op->base_n;
}

bool satchel_op_touches(const satchel_op *op, uint32_t field) {
    return satchel_record_get(&op->set, field) != NULL || satchel_record_get(&op->removed, field) != NULL ||
           satchel_op_clears(op, field);
}

bool satchel_op_clears(const satchel_op *op, uint32_t field) {
    for (uint32_t i = 0; i < op->cleared_count; i++) {
        if (op->cleared[i] == field) {
            return true;
        }
    }
    return false;
}

/* A copy of `bytes` bytes, NULL for none of them; `failed` is set if memory is exhausted. */
static void *copy_block(satchel_arena *arena, const void *from, size_t count, size_t bytes, bool *failed) {
    if (count == 0) {
        return NULL;
    }
    void *copy = satchel_arena_take_array(arena, count, bytes);
    if (copy == NULL) {
        *failed = true;
        return NULL;
    }
    memcpy(copy, from, count * bytes);
    return copy;
}

satchel_status satchel_op_copy(satchel_arena *arena, const satchel_op *from, satchel_op *out) {
    satchel_op copy = *from;
    bool failed = false;
    copy.exceptions = copy_block(arena, from->exceptions, from->exception_count, sizeof *from->exceptions, &failed);
    copy.cleared = copy_block(arena, from->cleared, from->cleared_count, sizeof *from->cleared, &failed);
    if (failed) {
        return SATCHEL_NO_MEMORY;
    }
    satchel_record_init(&copy.set, arena);
    satchel_record_init(&copy.removed, arena);
    satchel_record_init(&copy.from, arena);
    satchel_status status = satchel_record_copy(&from->set, &copy.set);
    if (status == SATCHEL_OK) {
        status = satchel_record_copy(&from->removed, &copy.removed);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_copy(&from->from, &copy.from);
    }
    if (status == SATCHEL_OK) {
        *out = copy;
    }
    return status;
}
