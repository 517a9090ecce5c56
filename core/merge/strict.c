/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STRICT: of writes that did not know of each other the most restrictive (largest) stands; null is the least
 * restrictive.
 *
 * The winner alone is not enough to keep: a lineage that first forbids and then allows again must not free what another
 * lineage forbade meanwhile, in whatever order the ops arrive. So the frontier is kept: every write that no later write
 * has seen, one entry a value, the value being the entry's element. With one write the field's own version is the
 * frontier.
 */
#include "base/bytes.h"
#include "merge/kernel.h"

/* [1][big-endian value with its sign bit flipped, without leading zero bytes], or [0] for null. */
#define ELEMENT_BYTES 9

typedef struct strict_write {
    satchel_value value;
    satchel_version version;
} strict_write;

typedef struct strict_frontier {
    strict_write *writes;
    uint32_t count;
} strict_frontier;

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

/* The writes that the op's author did not know of, with room for one more. */
static satchel_status load_survivors(satchel_merge_job *job, const satchel_merge_cell *cell, strict_frontier *out) {
    const satchel_versions *versions = &job->row.versions;
    strict_write *writes = satchel_arena_take_array(job->outcome->arena, (size_t)versions->count + 1, sizeof *writes);
    if (writes == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    uint32_t count = 0;
    bool several = false;
    for (uint32_t i = 0; i < versions->count; i++) {
        const satchel_version *version = &versions->items[i];
        if (version->field != cell->key || version->element.bytes == 0) {
            continue;
        }
        several = true;
        if (!satchel_merge_covers(job, cell->base, version)) {
            writes[count++] = (strict_write){value_of(cell->field, version->element), *version};
        }
    }
    if (!several && cell->concurrent) {
        writes[count++] = (strict_write){*satchel_merge_current(job, cell->key), cell->version};
    }
    *out = (strict_frontier){writes, count};
    return SATCHEL_OK;
}

/* Puts the op's write beside the survivors; equal values of several lineages become one write of nobody's. */
static void join_own(const satchel_merge_job *job, const satchel_value *value, uint32_t key,
                     strict_frontier *frontier) {
    satchel_version own = satchel_merge_own_version(job, key);
    for (uint32_t i = 0; i < frontier->count; i++) {
        strict_write *write = &frontier->writes[i];
        if (satchel_value_equal(&write->value, value)) {
            int64_t stamp_ms = write->version.stamp_ms;
            write->version = own;
            write->version.stamp_ms = stamp_ms > own.stamp_ms ? stamp_ms : own.stamp_ms;
            write->version.writer = (satchel_writer){SATCHEL_WRITER_SEVERAL, 0};
            return;
        }
    }
    frontier->writes[frontier->count++] = (strict_write){*value, own};
}

static const strict_write *strictest(const strict_frontier *frontier) {
    const strict_write *best = &frontier->writes[0];
    for (uint32_t i = 1; i < frontier->count; i++) {
        if (satchel_value_compare(&frontier->writes[i].value, &best->value) > 0) {
            best = &frontier->writes[i];
        }
    }
    return best;
}

static void drop_elements(satchel_merge_job *job, uint32_t key) {
    satchel_versions *versions = &job->row.versions;
    for (uint32_t i = versions->count; i > 0; i--) {
        const satchel_version *version = &versions->items[i - 1];
        if (version->field == key && version->element.bytes > 0) {
            satchel_merge_drop(job, key, version->element);
        }
    }
}

static satchel_status save(satchel_merge_job *job, const satchel_merge_cell *cell, const strict_frontier *frontier,
                           const strict_write *winner) {
    drop_elements(job, cell->key);
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < frontier->count && frontier->count > 1 && status == SATCHEL_OK; i++) {
        uint8_t bytes[ELEMENT_BYTES];
        satchel_version version = frontier->writes[i].version;
        version.field = cell->key;
        version.element = element_of(&frontier->writes[i].value, bytes);
        status = satchel_merge_put(job, &version);
    }
    satchel_version version = winner->version;
    version.field = cell->key;
    version.element = (satchel_bytes){NULL, 0};
    if (!satchel_value_equal(satchel_merge_current(job, cell->key), &winner->value)) {
        version.n = job->context->n; /* readers see a change now, even if the value is an older one that came back */
    }
    if (status == SATCHEL_OK) {
        status = satchel_merge_store(job, cell->key, &winner->value);
    }
    return status == SATCHEL_OK ? satchel_merge_put(job, &version) : status;
}

/* The row does not hold the winner yet where a stricter write came back, so the loss is filled from the frontier. */
static satchel_status lose_to(satchel_merge_job *job, const satchel_merge_cell *cell, const strict_write *winner) {
    satchel_status status = satchel_merge_lose_op(job, cell, SATCHEL_LOSS_OF_OP, SATCHEL_OVERTAKEN);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_loss *loss = &job->outcome->losses[job->outcome->loss_count - 1];
    loss->winner_version = winner->version;
    loss->winner_version.field = cell->key;
    loss->winner_version.element = (satchel_bytes){NULL, 0};
    return satchel_record_set(&loss->winner, cell->key, &winner->value);
}

satchel_status satchel_merge_strict(satchel_merge_job *job, const satchel_merge_cell *cell) {
    const satchel_value *incoming = satchel_merge_incoming(job, cell->key);
    const satchel_value *current = satchel_merge_current(job, cell->key);
    if (!is_strict_value(incoming) || !is_strict_value(current)) {
        return SATCHEL_WRONG_TYPE;
    }
    strict_frontier frontier;
    satchel_status status = load_survivors(job, cell, &frontier);
    if (status != SATCHEL_OK) {
        return status;
    }
    bool current_survives = false;
    for (uint32_t i = 0; i < frontier.count; i++) {
        current_survives = current_survives || satchel_value_equal(&frontier.writes[i].value, current);
    }
    join_own(job, incoming, cell->key, &frontier);
    const strict_write *winner = strictest(&frontier);
    if (!satchel_value_equal(&winner->value, incoming)) {
        status = lose_to(job, cell, winner);
    } else if (current_survives && !satchel_value_equal(current, incoming)) {
        status = satchel_merge_lose_current(job, cell);
    }
    return status == SATCHEL_OK ? save(job, cell, &frontier, winner) : status;
}
