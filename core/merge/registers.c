/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies of fields that hold one value as a whole: LATER, ASK, ONCE, ONCE_THEN_ASK, SERVER, and the fact that stands.
 * Equal values never conflict.
 */
#include "merge/kernel.h"

static uint64_t place_in_lineage(const satchel_writer *writer) {
    return writer->sequence == SATCHEL_WRITER_ELSEWHERE ? 0 : writer->sequence;
}

/* The total order of concurrent writes: stamp, then writer. */
static bool ranks_later(const satchel_version *a, const satchel_version *b) {
    if (a->stamp_ms != b->stamp_ms) {
        return a->stamp_ms > b->stamp_ms;
    }
    if (a->writer.incarnation != b->writer.incarnation) {
        return a->writer.incarnation > b->writer.incarnation;
    }
    return place_in_lineage(&a->writer) > place_in_lineage(&b->writer);
}

/*
 * An equal value still takes over the version if it ranks later: else a third write that ranks between the two would
 * win in one order of arrival and lose in another.
 */
satchel_status satchel_merge_later(satchel_merge_job *job, const satchel_merge_cell *cell) {
    satchel_version own = satchel_merge_own_version(job, cell->key);
    bool wins = !cell->concurrent || ranks_later(&own, &cell->version);
    if (satchel_merge_same(job, cell)) {
        return wins ? satchel_merge_write(job, cell) : SATCHEL_OK;
    }
    if (!wins) {
        return satchel_merge_lose_op(job, cell, SATCHEL_LOSS_OF_OP, SATCHEL_OVERTAKEN);
    }
    if (cell->concurrent) {
        satchel_status status = satchel_merge_lose_current(job, cell);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    return satchel_merge_write(job, cell);
}

satchel_status satchel_merge_ask(satchel_merge_job *job, const satchel_merge_cell *cell) {
    if (satchel_merge_same(job, cell)) {
        return SATCHEL_OK;
    }
    if (cell->concurrent) {
        return satchel_merge_lose_op(job, cell, SATCHEL_LOSS_ASK, SATCHEL_OVERTAKEN);
    }
    return satchel_merge_write(job, cell);
}

satchel_status satchel_merge_once(satchel_merge_job *job, const satchel_merge_cell *cell) {
    if (satchel_merge_same(job, cell)) {
        return SATCHEL_OK;
    }
    if (!satchel_merge_empty(job, cell)) {
        return satchel_merge_lose_op(job, cell, SATCHEL_LOSS_OF_OP, SATCHEL_ALREADY_EXISTS);
    }
    return satchel_merge_write(job, cell);
}

/* A version under this element says that the current value is the first that the cell ever had. */
static const uint8_t first_mark = 1;

satchel_status satchel_merge_once_then_ask(satchel_merge_job *job, const satchel_merge_cell *cell) {
    satchel_bytes mark = {&first_mark, 1};
    if (satchel_merge_same(job, cell)) {
        return SATCHEL_OK;
    }
    bool is_first = satchel_versions_find(&job->row.versions, cell->key, mark) != NULL;
    if (cell->concurrent && is_first) {
        /* The author saw no value either: two first ones, and the first for the server stands. Nobody is bothered. */
        return satchel_merge_lose_op(job, cell, SATCHEL_LOSS_OF_OP, SATCHEL_ALREADY_EXISTS);
    }
    if (cell->concurrent) {
        return satchel_merge_lose_op(job, cell, SATCHEL_LOSS_ASK, SATCHEL_OVERTAKEN);
    }
    satchel_status status = satchel_merge_write(job, cell);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (is_first) {
        satchel_merge_drop(job, cell->key, mark);
    } else if (!cell->written) {
        satchel_version version = satchel_merge_own_version(job, cell->key);
        version.element = mark;
        status = satchel_merge_put(job, &version);
    }
    return status;
}

satchel_status satchel_merge_server(satchel_merge_job *job, const satchel_merge_cell *cell) {
    return satchel_merge_same(job, cell) ? SATCHEL_OK : satchel_merge_write(job, cell);
}

satchel_status satchel_merge_stands(satchel_merge_job *job, const satchel_merge_cell *cell) {
    if (satchel_merge_same(job, cell)) {
        return SATCHEL_OK;
    }
    bool archived = (cell->field->flags & SATCHEL_FIELD_ARCHIVED) != 0;
    return satchel_merge_lose_op(job, cell, SATCHEL_LOSS_OF_OP,
                                 archived ? SATCHEL_READ_ONLY_FIELD : SATCHEL_ALREADY_EXISTS);
}
