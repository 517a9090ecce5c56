/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies that combine all ops into one number: SUM, MAX, MIN. Nothing conflicts and no value loses: each is in the
 * result. Clearing has no meaning here that would not depend on the order of arrival, so it loses.
 */
#include "merge/kernel.h"

static satchel_status refuse_clear(satchel_merge_job *job, const satchel_merge_cell *cell) {
    if (satchel_merge_empty(job, cell)) {
        return SATCHEL_OK;
    }
    return satchel_merge_lose_op(job, cell, SATCHEL_LOSS_OF_OP, SATCHEL_UNSUPPORTED);
}

static bool adds_up(int64_t a, int64_t b, int64_t *out) {
    if ((b > 0 && a > INT64_MAX - b) || (b < 0 && a < INT64_MIN - b)) {
        return false;
    }
    *out = a + b;
    return true;
}

satchel_status satchel_merge_sum(satchel_merge_job *job, const satchel_merge_cell *cell) {
    const satchel_value *current = satchel_merge_current(job, cell->key);
    const satchel_value *delta = satchel_merge_incoming(job, cell->key);
    if (delta->type == SATCHEL_TYPE_NULL) {
        return refuse_clear(job, cell);
    }
    bool current_fits = current->type == SATCHEL_TYPE_INT || current->type == SATCHEL_TYPE_NULL;
    if (delta->type != SATCHEL_TYPE_INT || !current_fits) {
        return SATCHEL_WRONG_TYPE;
    }
    int64_t total;
    if (!adds_up(current->type == SATCHEL_TYPE_INT ? current->as.integer : 0, delta->as.integer, &total)) {
        return satchel_merge_lose_op(job, cell, SATCHEL_LOSS_OF_OP, SATCHEL_OUT_OF_RANGE);
    }
    satchel_value value = satchel_value_int(total);
    satchel_version version = satchel_merge_own_version(job, cell->key);
    satchel_status status = satchel_merge_store(job, cell->key, &value);
    return status == SATCHEL_OK ? satchel_merge_put(job, &version) : status;
}

/* `direction` 1: the largest, -1: the smallest. */
static satchel_status merge_extreme(satchel_merge_job *job, const satchel_merge_cell *cell, int direction) {
    const satchel_value *current = satchel_merge_current(job, cell->key);
    const satchel_value *incoming = satchel_merge_incoming(job, cell->key);
    if (incoming->type == SATCHEL_TYPE_NULL) {
        return refuse_clear(job, cell);
    }
    bool wins = current->type == SATCHEL_TYPE_NULL || satchel_value_compare(incoming, current) * direction > 0;
    if (!wins) {
        return SATCHEL_OK;
    }
    satchel_version version = satchel_merge_own_version(job, cell->key);
    satchel_status status = satchel_merge_store(job, cell->key, incoming);
    return status == SATCHEL_OK ? satchel_merge_put(job, &version) : status;
}

satchel_status satchel_merge_max(satchel_merge_job *job, const satchel_merge_cell *cell) {
    return merge_extreme(job, cell, 1);
}

satchel_status satchel_merge_min(satchel_merge_job *job, const satchel_merge_cell *cell) {
    return merge_extreme(job, cell, -1);
}
