/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SET: an add adds, a remove removes only what its author knew of (an observed-remove set with one version an element).
 *
 * An element that lineages added without knowing of each other belongs to none of them (SATCHEL_WRITER_SEVERAL): each
 * may take back its own add without taking back the other's. Elements are compared as bytes; both sides canonicalise
 * them before they get here.
 */
#include "base/limits.h"
#include "merge/kernel.h"

static satchel_set set_of(const satchel_value *value) {
    static const satchel_set empty = {NULL, 0};
    return value->type == SATCHEL_TYPE_SET ? value->as.set : empty;
}

static satchel_set removed_by(const satchel_merge_job *job, const satchel_merge_cell *cell) {
    if (satchel_op_clears(job->op, cell->key)) {
        return set_of(satchel_merge_current(job, cell->key));
    }
    const satchel_value *removed = satchel_record_get(&job->op->removed, cell->key);
    return removed != NULL ? set_of(removed) : (satchel_set){NULL, 0};
}

/* Of the elements to remove those that are there and known to the author. */
static satchel_status pick_removed(satchel_merge_job *job, const satchel_merge_cell *cell, satchel_set *out) {
    satchel_set current = set_of(satchel_merge_current(job, cell->key));
    satchel_set wanted = removed_by(job, cell);
    satchel_bytes *picked = satchel_arena_take_array(job->outcome->arena, wanted.count, sizeof *picked);
    if (picked == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < wanted.count; i++) {
        satchel_bytes element = wanted.elements[i];
        if (satchel_set_has(&current, element) && satchel_merge_prune(job, cell, element) == 0) {
            picked[count++] = element;
        }
    }
    *out = (satchel_set){picked, count};
    return SATCHEL_OK;
}

static satchel_status put_added(satchel_merge_job *job, const satchel_merge_cell *cell, const satchel_set *added) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < added->count && status == SATCHEL_OK; i++) {
        (void)satchel_merge_prune(job, cell, added->elements[i]);
        status = satchel_merge_add_beside(job, cell, added->elements[i]);
    }
    return status;
}

/* All elements that the op adds and that are not there lose together: which of them fit would be chance. */
static satchel_status lose_added(satchel_merge_job *job, const satchel_merge_cell *cell, const satchel_set *fresh) {
    satchel_status status = satchel_merge_lose_op(job, cell, SATCHEL_LOSS_OF_OP, SATCHEL_LIMIT_EXCEEDED);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_loss *loss = &job->outcome->losses[job->outcome->loss_count - 1];
    satchel_value value = satchel_value_set(fresh->elements, fresh->count);
    return satchel_record_set(&loss->loser, cell->key, &value);
}

static satchel_status write_set(satchel_merge_job *job, const satchel_merge_cell *cell, const satchel_set *added,
                                const satchel_set *result) {
    satchel_value value = result->count > 0 ? satchel_value_set(result->elements, result->count) : satchel_value_null();
    satchel_version version = satchel_merge_own_version(job, cell->key);
    satchel_status status = put_added(job, cell, added);
    if (status == SATCHEL_OK) {
        status = satchel_merge_store(job, cell->key, &value);
    }
    return status == SATCHEL_OK ? satchel_merge_put(job, &version) : status;
}

satchel_status satchel_merge_set(satchel_merge_job *job, const satchel_merge_cell *cell) {
    satchel_arena *arena = job->outcome->arena;
    satchel_set current = set_of(satchel_merge_current(job, cell->key));
    satchel_set added = set_of(satchel_merge_incoming(job, cell->key));
    satchel_set removed = {NULL, 0};
    satchel_set kept = {NULL, 0};
    satchel_set fresh = {NULL, 0};
    satchel_set result = {NULL, 0};
    satchel_status status = pick_removed(job, cell, &removed);
    if (status == SATCHEL_OK) {
        status = satchel_set_minus(arena, &current, &removed, &kept);
    }
    if (status == SATCHEL_OK) {
        status = satchel_set_minus(arena, &added, &kept, &fresh);
    }
    if (status == SATCHEL_OK && kept.count + fresh.count > SATCHEL_LIMIT_SET_ELEMENTS) {
        status = lose_added(job, cell, &fresh);
        added.count = 0;
    }
    if (status == SATCHEL_OK && added.count + removed.count == 0) {
        return SATCHEL_OK;
    }
    if (status == SATCHEL_OK) {
        status = satchel_set_union(arena, &kept, &added, &result);
    }
    return status == SATCHEL_OK ? write_set(job, cell, &added, &result) : status;
}
