/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the policies share: who knew of what, reading both sides of a cell, writing, and noting losses.
 */
#include "merge/kernel.h"

#include <string.h>

static const satchel_value null_value = {SATCHEL_TYPE_NULL, {false}};

bool satchel_merge_covers(const satchel_merge_job *job, uint64_t base, const satchel_version *version) {
    return version->n <= base || satchel_ancestry_has(&job->context->ancestry, &version->writer);
}

uint64_t satchel_merge_base(const satchel_merge_job *job, uint32_t field) {
    uint64_t base = satchel_op_base(job->op, field);
    return base < job->context->base_cap ? base : job->context->base_cap;
}

const satchel_value *satchel_merge_current(const satchel_merge_job *job, uint32_t field) {
    const satchel_value *value = satchel_record_get(&job->row.value, field);
    return value != NULL ? value : &null_value;
}

const satchel_value *satchel_merge_incoming(const satchel_merge_job *job, uint32_t field) {
    const satchel_value *value = satchel_record_get(&job->op->set, field);
    return value != NULL ? value : &null_value;
}

bool satchel_merge_same(const satchel_merge_job *job, const satchel_merge_cell *cell) {
    for (uint32_t i = 0; i < cell->member_count; i++) {
        uint32_t number = cell->members[i]->number;
        if (!satchel_value_equal(satchel_merge_current(job, number), satchel_merge_incoming(job, number))) {
            return false;
        }
    }
    return true;
}

bool satchel_merge_empty(const satchel_merge_job *job, const satchel_merge_cell *cell) {
    for (uint32_t i = 0; i < cell->member_count; i++) {
        if (satchel_merge_current(job, cell->members[i]->number)->type != SATCHEL_TYPE_NULL) {
            return false;
        }
    }
    return true;
}

static satchel_status note_changed(satchel_merge_job *job, uint32_t field) {
    satchel_merge_outcome *outcome = job->outcome;
    if (outcome->changed_count == job->changed_capacity) {
        uint32_t capacity = job->changed_capacity < 16 ? 16 : job->changed_capacity * 2;
        uint32_t *changed = satchel_arena_take_array(outcome->arena, capacity, sizeof *changed);
        if (changed == NULL) {
            return SATCHEL_NO_MEMORY;
        }
        if (outcome->changed_count > 0) {
            memcpy(changed, outcome->changed, outcome->changed_count * sizeof *changed);
        }
        outcome->changed = changed;
        job->changed_capacity = capacity;
    }
    uint32_t at = outcome->changed_count;
    while (at > 0 && outcome->changed[at - 1] > field) {
        outcome->changed[at] = outcome->changed[at - 1];
        at--;
    }
    outcome->changed[at] = field;
    outcome->changed_count++;
    return SATCHEL_OK;
}

satchel_status satchel_merge_store(satchel_merge_job *job, uint32_t field, const satchel_value *value) {
    if (satchel_value_equal(satchel_merge_current(job, field), value)) {
        return SATCHEL_OK;
    }
    if (value->type == SATCHEL_TYPE_NULL) {
        satchel_record_remove(&job->row.value, field);
    } else {
        satchel_status status = satchel_record_set(&job->row.value, field, value);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    return note_changed(job, field);
}

satchel_version satchel_merge_own_version(const satchel_merge_job *job, uint32_t field) {
    return (satchel_version){
        .field = field, .n = job->context->n, .stamp_ms = job->context->stamp_ms, .writer = job->context->writer};
}

satchel_status satchel_merge_put(satchel_merge_job *job, const satchel_version *version) {
    job->outcome->moved = true;
    return satchel_versions_put(&job->row.versions, version);
}

void satchel_merge_drop(satchel_merge_job *job, uint32_t field, satchel_bytes element) {
    job->outcome->moved = true;
    satchel_versions_drop(&job->row.versions, field, element);
}

/* Index of the first entry of the element; the count of all entries if there is none. */
static uint32_t index_of(const satchel_versions *versions, uint32_t field, satchel_bytes element) {
    const satchel_version *first = satchel_versions_find(versions, field, element);
    return first != NULL ? (uint32_t)(first - versions->items) : versions->count;
}

static bool is_of(const satchel_version *version, uint32_t field, satchel_bytes element) {
    return version->field == field && satchel_bytes_equal(version->element, element);
}

uint32_t satchel_merge_prune(satchel_merge_job *job, const satchel_merge_cell *cell, satchel_bytes element) {
    satchel_versions *versions = &job->row.versions;
    uint32_t first = index_of(versions, cell->key, element);
    uint32_t read = first;
    uint32_t kept = first;
    for (; read < versions->count && is_of(&versions->items[read], cell->key, element); read++) {
        if (!satchel_merge_covers(job, cell->base, &versions->items[read])) {
            versions->items[kept++] = versions->items[read];
        }
    }
    if (kept < read) {
        job->outcome->moved = true;
        memmove(&versions->items[kept], &versions->items[read], (versions->count - read) * sizeof *versions->items);
        versions->count -= read - kept;
    }
    return kept - first;
}

satchel_status satchel_merge_add_beside(satchel_merge_job *job, const satchel_merge_cell *cell, satchel_bytes element) {
    const satchel_versions *versions = &job->row.versions;
    satchel_version own = satchel_merge_own_version(job, cell->key);
    own.element = element;
    uint32_t count = 0;
    uint32_t first = index_of(versions, cell->key, element);
    for (uint32_t i = first; i < versions->count && is_of(&versions->items[i], cell->key, element); i++) {
        count++;
    }
    if (count >= SATCHEL_VERSIONS_BESIDE) {
        /* Nobody's from now on: what is there survives rather than goes. */
        own.writer = (satchel_writer){SATCHEL_WRITER_SEVERAL, 0};
        return satchel_merge_put(job, &own);
    }
    job->outcome->moved = true;
    return satchel_versions_add(&job->row.versions, &own);
}

satchel_status satchel_merge_write(satchel_merge_job *job, const satchel_merge_cell *cell) {
    for (uint32_t i = 0; i < cell->member_count; i++) {
        uint32_t number = cell->members[i]->number;
        satchel_status status = satchel_merge_store(job, number, satchel_merge_incoming(job, number));
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    satchel_version version = satchel_merge_own_version(job, cell->key);
    /* What was written on top of a known value is later than it, whatever the clocks say: order of arrival cannot
     * matter. */
    if (cell->written && cell->version.stamp_ms > version.stamp_ms) {
        version.stamp_ms = cell->version.stamp_ms;
    }
    return satchel_merge_put(job, &version);
}

satchel_status satchel_merge_add_loss(satchel_merge_job *job, satchel_loss **out) {
    satchel_merge_outcome *outcome = job->outcome;
    if (outcome->loss_count == outcome->loss_capacity) {
        uint32_t capacity = outcome->loss_capacity < 4 ? 4 : outcome->loss_capacity * 2;
        satchel_loss *losses = satchel_arena_take_array(outcome->arena, capacity, sizeof *losses);
        if (losses == NULL) {
            return SATCHEL_NO_MEMORY;
        }
        if (outcome->loss_count > 0) {
            memcpy(losses, outcome->losses, outcome->loss_count * sizeof *losses);
        }
        outcome->losses = losses;
        outcome->loss_capacity = capacity;
    }
    satchel_loss *loss = &outcome->losses[outcome->loss_count++];
    *loss = (satchel_loss){.reason = SATCHEL_OVERTAKEN};
    satchel_record_init(&loss->winner, outcome->arena);
    satchel_record_init(&loss->loser, outcome->arena);
    *out = loss;
    return SATCHEL_OK;
}

/* The two sides of a cell: what the row holds and what the op brings. */
static satchel_status fill_sides(const satchel_merge_job *job, const satchel_merge_cell *cell, satchel_record *current,
                                 satchel_record *incoming) {
    for (uint32_t i = 0; i < cell->member_count; i++) {
        uint32_t number = cell->members[i]->number;
        satchel_status status = satchel_record_set(current, number, satchel_merge_current(job, number));
        if (status == SATCHEL_OK) {
            status = satchel_record_set(incoming, number, satchel_merge_incoming(job, number));
        }
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    return SATCHEL_OK;
}

satchel_status satchel_merge_lose_op(satchel_merge_job *job, const satchel_merge_cell *cell, satchel_loss_kind kind,
                                     satchel_status reason) {
    satchel_loss *loss = NULL;
    satchel_status status = satchel_merge_add_loss(job, &loss);
    if (status != SATCHEL_OK) {
        return status;
    }
    loss->field = cell->key;
    loss->policy = (satchel_policy)cell->field->policy;
    loss->kind = kind;
    loss->reason = reason;
    loss->winner_version = cell->version;
    loss->winner_version.field = cell->key;
    loss->loser_version = satchel_merge_own_version(job, cell->key);
    return fill_sides(job, cell, &loss->winner, &loss->loser);
}

satchel_status satchel_merge_lose_current(satchel_merge_job *job, const satchel_merge_cell *cell) {
    satchel_loss *loss = NULL;
    satchel_status status = satchel_merge_add_loss(job, &loss);
    if (status != SATCHEL_OK) {
        return status;
    }
    loss->field = cell->key;
    loss->policy = (satchel_policy)cell->field->policy;
    loss->kind = SATCHEL_LOSS_OF_CURRENT;
    loss->winner_version = satchel_merge_own_version(job, cell->key);
    loss->loser_version = cell->version;
    return fill_sides(job, cell, &loss->loser, &loss->winner);
}
