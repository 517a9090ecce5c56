/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STATE: a field that moves along the paths of its enum. A path that exists from the current state is taken, known of
 * or not; but a terminal state that the author did not know of yields only to a terminal state of higher rank. A choice
 * may name evidence (rank_field) without which its rank does not count: a visit that was completed with a check-in
 * stands over a cancelled one, without a check-in it does not.
 */
#include "merge/kernel.h"

/* Evidence may come with the op itself. */
static bool holds(const satchel_merge_job *job, uint32_t field) {
    return satchel_merge_current(job, field)->type != SATCHEL_TYPE_NULL ||
           satchel_merge_incoming(job, field)->type != SATCHEL_TYPE_NULL;
}

static int32_t rank_of(const satchel_merge_job *job, const satchel_field *field, int64_t state) {
    const satchel_choice *choice = satchel_field_choice(field, state);
    if (choice == NULL || (choice->rank_field != 0 && !holds(job, choice->rank_field))) {
        return 0;
    }
    return choice->rank;
}

static satchel_status move(satchel_merge_job *job, const satchel_merge_cell *cell) {
    if (cell->concurrent) {
        satchel_status status = satchel_merge_lose_current(job, cell);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    return satchel_merge_write(job, cell);
}

/* The first state of a row, or of a field that did not exist when the row was made. */
static satchel_status enter(satchel_merge_job *job, const satchel_merge_cell *cell, int64_t to) {
    const satchel_choices *choices = cell->field->choices;
    bool reachable = choices == NULL || choices->initial == 0 || satchel_choices_reach(choices, choices->initial, to);
    if (!reachable) {
        return satchel_merge_lose_op(job, cell, SATCHEL_LOSS_OF_OP, SATCHEL_ILLEGAL_STATE);
    }
    return satchel_merge_write(job, cell);
}

static satchel_status move_from(satchel_merge_job *job, const satchel_merge_cell *cell, int64_t state, int64_t to) {
    const satchel_field *field = cell->field;
    const satchel_value *from = satchel_record_get(&job->op->from, cell->key);
    /* A phone keeps no versions; that the state is not the one that the author left tells it the same. */
    bool unknown_to_author =
        cell->concurrent || (from != NULL && from->type == SATCHEL_TYPE_INT && from->as.integer != state);
    int32_t rank = rank_of(job, field, state);
    if (unknown_to_author && rank > 0) {
        if (rank_of(job, field, to) > rank) {
            return move(job, cell);
        }
        return satchel_merge_lose_op(job, cell, SATCHEL_LOSS_OF_OP, SATCHEL_OVERTAKEN);
    }
    if (field->choices != NULL && !satchel_choices_reach(field->choices, state, to)) {
        return satchel_merge_lose_op(job, cell, SATCHEL_LOSS_OF_OP, SATCHEL_ILLEGAL_STATE);
    }
    return move(job, cell);
}

satchel_status satchel_merge_state(satchel_merge_job *job, const satchel_merge_cell *cell) {
    const satchel_value *current = satchel_merge_current(job, cell->key);
    const satchel_value *incoming = satchel_merge_incoming(job, cell->key);
    if (satchel_merge_same(job, cell)) {
        return SATCHEL_OK;
    }
    if (incoming->type == SATCHEL_TYPE_NULL) {
        return satchel_merge_lose_op(job, cell, SATCHEL_LOSS_OF_OP, SATCHEL_ILLEGAL_STATE);
    }
    if (incoming->type != SATCHEL_TYPE_INT) {
        return SATCHEL_WRONG_TYPE;
    }
    if (current->type != SATCHEL_TYPE_INT) {
        return enter(job, cell, incoming->as.integer);
    }
    return move_from(job, cell, current->as.integer, incoming->as.integer);
}
