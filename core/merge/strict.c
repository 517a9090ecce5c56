/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STRICT: of writes that did not know of each other the most restrictive (largest) stands; null is the least
 * restrictive.
 *
 * The winner alone is not enough to keep: a lineage that first forbids and then allows again must not free what another
 * lineage forbade meanwhile, in whatever order the ops arrive. So the frontier is kept: every write that no later op
 * has seen, the value being the entry's element. With one such write the field's own version is the frontier.
 */
#include "base/bytes.h"
#include "merge/kernel.h"

/* [1][value in zigzag, big-endian, without leading zero bytes], or [0] for null. */
#define ELEMENT_BYTES 9

static bool is_strict_value(const satchel_value *value) {
    return value->type == SATCHEL_TYPE_NULL || value->type == SATCHEL_TYPE_BOOL || value->type == SATCHEL_TYPE_INT;
}

static satchel_bytes element_of(const satchel_value *value, uint8_t out[ELEMENT_BYTES]) {
    if (value->type == SATCHEL_TYPE_NULL) {
        out[0] = 0;
        return (satchel_bytes){out, 1};
    }
    uint64_t bits = satchel_zigzag(value->type == SATCHEL_TYPE_BOOL ? (int64_t)value->as.boolean : value->as.integer);
    size_t bytes = 1;
    out[0] = 1;
    for (int shift = 56; shift >= 0; shift -= 8) {
        uint8_t byte = (uint8_t)(bits >> shift);
        if (bytes > 1 || byte != 0) {
            out[bytes++] = byte;
        }
    }
    return (satchel_bytes){out, bytes};
}

static satchel_value value_of(const satchel_field *field, satchel_bytes element) {
    if (element.data[0] == 0) {
        return satchel_value_null();
    }
    uint64_t bits = 0;
    for (size_t i = 1; i < element.bytes; i++) {
        bits = bits << 8 | element.data[i];
    }
    int64_t integer = satchel_unzigzag(bits);
    return field->type == SATCHEL_TYPE_BOOL ? satchel_value_bool(integer != 0) : satchel_value_int(integer);
}

/* The next entry of the frontier from `*at` on; NULL at its end. */
static const satchel_version *next_write(const satchel_merge_job *job, uint32_t key, uint32_t *at) {
    const satchel_versions *versions = &job->row.versions;
    for (; *at < versions->count; (*at)++) {
        const satchel_version *version = &versions->items[*at];
        if (version->field == key && version->element.bytes > 0) {
            (*at)++;
            return version;
        }
    }
    return NULL;
}

static bool has_frontier(const satchel_merge_job *job, uint32_t key) {
    uint32_t at = 0;
    return next_write(job, key, &at) != NULL;
}

/* Writes out the frontier if the field's own version stands for it, then drops what the op's author knew of. */
static satchel_status open_frontier(satchel_merge_job *job, const satchel_merge_cell *cell) {
    uint8_t bytes[ELEMENT_BYTES];
    if (cell->concurrent && !has_frontier(job, cell->key)) {
        satchel_version version = cell->version;
        version.element = element_of(satchel_merge_current(job, cell->key), bytes);
        satchel_status status = satchel_merge_put(job, &version);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    const satchel_version *write;
    for (uint32_t at = 0; (write = next_write(job, cell->key, &at)) != NULL;) {
        uint32_t first = at - 1;
        at = first + satchel_merge_prune(job, cell, write->element);
    }
    return SATCHEL_OK;
}

static bool is_in_frontier(const satchel_merge_job *job, uint32_t key, const satchel_value *value) {
    uint8_t bytes[ELEMENT_BYTES];
    return satchel_versions_find(&job->row.versions, key, element_of(value, bytes)) != NULL;
}

static satchel_version strictest(const satchel_merge_job *job, const satchel_merge_cell *cell, satchel_value *out,
                                 uint32_t *out_count) {
    satchel_version best = {.field = cell->key};
    const satchel_version *write;
    *out = satchel_value_null();
    *out_count = 0;
    for (uint32_t at = 0; (write = next_write(job, cell->key, &at)) != NULL; (*out_count)++) {
        satchel_value value = value_of(cell->field, write->element);
        if (*out_count == 0 || satchel_value_compare(&value, out) > 0) {
            best = *write;
            *out = value;
        }
    }
    return best;
}

/* The row does not hold the winner yet where a stricter write came back, so the loss is filled from the frontier. */
static satchel_status lose_to(satchel_merge_job *job, const satchel_merge_cell *cell, const satchel_value *value,
                              const satchel_version *winner) {
    satchel_status status = satchel_merge_lose_op(job, cell, SATCHEL_LOSS_OF_OP, SATCHEL_OVERTAKEN);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_loss *loss = &job->outcome->losses[job->outcome->loss_count - 1];
    loss->winner_version = *winner;
    loss->winner_version.element = (satchel_bytes){NULL, 0};
    return satchel_record_set(&loss->winner, cell->key, value);
}

static satchel_status settle(satchel_merge_job *job, const satchel_merge_cell *cell, const satchel_value *value,
                             const satchel_version *winner, uint32_t write_count) {
    satchel_bytes element = winner->element;
    satchel_version version = *winner;
    version.element = (satchel_bytes){NULL, 0};
    if (!satchel_value_equal(satchel_merge_current(job, cell->key), value)) {
        version.n = job->context->n; /* readers see a change now, even if the value is an older one that came back */
    }
    if (write_count == 1) { /* the op's own: the field's version says it all */
        satchel_merge_drop(job, cell->key, element);
    }
    satchel_status status = satchel_merge_store(job, cell->key, value);
    return status == SATCHEL_OK ? satchel_merge_put(job, &version) : status;
}

satchel_status satchel_merge_strict(satchel_merge_job *job, const satchel_merge_cell *cell) {
    const satchel_value *incoming = satchel_merge_incoming(job, cell->key);
    const satchel_value *current = satchel_merge_current(job, cell->key);
    uint8_t bytes[ELEMENT_BYTES];
    if (!is_strict_value(incoming) || !is_strict_value(current)) {
        return SATCHEL_WRONG_TYPE;
    }
    satchel_status status = open_frontier(job, cell);
    if (status != SATCHEL_OK) {
        return status;
    }
    bool current_stands = is_in_frontier(job, cell->key, current);
    status = satchel_merge_add_beside(job, cell, element_of(incoming, bytes));
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_value value;
    uint32_t write_count;
    satchel_version winner = strictest(job, cell, &value, &write_count);
    if (!satchel_value_equal(&value, incoming)) {
        status = lose_to(job, cell, &value, &winner);
    } else if (current_stands && !satchel_value_equal(current, incoming)) {
        status = satchel_merge_lose_current(job, cell);
    }
    return status == SATCHEL_OK ? settle(job, cell, &value, &winner, write_count) : status;
}
