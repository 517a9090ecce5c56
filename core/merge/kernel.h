/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of merge: one op at work on one row, cell by cell. A cell is what merges as one value: a field or a group.
 * Each policy is one function over a cell; apply.c decides about rows and dispatches.
 */
#ifndef SATCHEL_MERGE_KERNEL_H
#define SATCHEL_MERGE_KERNEL_H

#include "merge/merge.h"

/* Fields of one group; the generator allows no more. */
#define SATCHEL_MERGE_MEMBERS 16

typedef struct satchel_merge_job {
    const satchel_merge_context *context;
    const satchel_entity *entity;
    const satchel_op *op;
    satchel_merge_outcome *outcome;
    satchel_merge_row row; /* a copy that replaces the caller's row only if all went well */
    uint32_t changed_capacity;
    bool fact_stands; /* CREATE of a fact that exists */
} satchel_merge_job;

typedef struct satchel_merge_cell {
    uint32_t key;               /* number under which the version is kept */
    const satchel_field *field; /* that field */
    const satchel_field *members[SATCHEL_MERGE_MEMBERS];
    uint32_t member_count;
    uint64_t base;           /* revision that the op's author had seen of it */
    satchel_version version; /* of the current value; all zero if it was never written */
    bool written;            /* there is such a version */
    bool concurrent;         /* the current value was written without the author's knowledge */
} satchel_merge_cell;

/* Had the author of the op seen this write, or did his own lineage make it? */
bool satchel_merge_covers(const satchel_merge_job *job, uint64_t base, const satchel_version *version);

/* The base that holds for a field, capped. */
uint64_t satchel_merge_base(const satchel_merge_job *job, uint32_t field);

/* Never NULL: an absent field is a null value. */
const satchel_value *satchel_merge_current(const satchel_merge_job *job, uint32_t field);
const satchel_value *satchel_merge_incoming(const satchel_merge_job *job, uint32_t field);

/* Are the incoming values of all members those that the row holds? Are all members empty in the row? */
bool satchel_merge_same(const satchel_merge_job *job, const satchel_merge_cell *cell);
bool satchel_merge_empty(const satchel_merge_job *job, const satchel_merge_cell *cell);

/* Writes one value (null: removes it) and notes the change. Errors: NO_MEMORY, LIMIT_EXCEEDED. */
SATCHEL_MUST_USE satchel_status satchel_merge_store(satchel_merge_job *job, uint32_t field, const satchel_value *value);

/* The version that a write by this op has. */
satchel_version satchel_merge_own_version(const satchel_merge_job *job, uint32_t field);

/* Puts or drops a version and notes that the row moved. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_merge_put(satchel_merge_job *job, const satchel_version *version);
void satchel_merge_drop(satchel_merge_job *job, uint32_t field, satchel_bytes element);

/*
 * Writes that no later op has seen. prune drops the entries of the element that the op's author knew of, and returns
 * how many are left; add puts the op's own beside them. Errors: NO_MEMORY.
 */
uint32_t satchel_merge_prune(satchel_merge_job *job, const satchel_merge_cell *cell, satchel_bytes element);
SATCHEL_MUST_USE satchel_status satchel_merge_add_beside(satchel_merge_job *job, const satchel_merge_cell *cell,
                                                         satchel_bytes element);

/* Makes the op the writer of the cell; its values are stored. Errors: NO_MEMORY, LIMIT_EXCEEDED. */
SATCHEL_MUST_USE satchel_status satchel_merge_write(satchel_merge_job *job, const satchel_merge_cell *cell);

/* Notes that the incoming value (the current one) of the cell lost. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_merge_lose_op(satchel_merge_job *job, const satchel_merge_cell *cell,
                                                      satchel_loss_kind kind, satchel_status reason);
SATCHEL_MUST_USE satchel_status satchel_merge_lose_current(satchel_merge_job *job, const satchel_merge_cell *cell);

/* Appends an empty loss, records initialised, for the caller to fill. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_merge_add_loss(satchel_merge_job *job, satchel_loss **out);

/* The policies. Errors: NO_MEMORY, LIMIT_EXCEEDED, WRONG_TYPE. */
SATCHEL_MUST_USE satchel_status satchel_merge_later(satchel_merge_job *job, const satchel_merge_cell *cell);
SATCHEL_MUST_USE satchel_status satchel_merge_ask(satchel_merge_job *job, const satchel_merge_cell *cell);
SATCHEL_MUST_USE satchel_status satchel_merge_once(satchel_merge_job *job, const satchel_merge_cell *cell);
SATCHEL_MUST_USE satchel_status satchel_merge_once_then_ask(satchel_merge_job *job, const satchel_merge_cell *cell);
SATCHEL_MUST_USE satchel_status satchel_merge_server(satchel_merge_job *job, const satchel_merge_cell *cell);
SATCHEL_MUST_USE satchel_status satchel_merge_stands(satchel_merge_job *job, const satchel_merge_cell *cell);
SATCHEL_MUST_USE satchel_status satchel_merge_strict(satchel_merge_job *job, const satchel_merge_cell *cell);
SATCHEL_MUST_USE satchel_status satchel_merge_set(satchel_merge_job *job, const satchel_merge_cell *cell);
SATCHEL_MUST_USE satchel_status satchel_merge_sum(satchel_merge_job *job, const satchel_merge_cell *cell);
SATCHEL_MUST_USE satchel_status satchel_merge_max(satchel_merge_job *job, const satchel_merge_cell *cell);
SATCHEL_MUST_USE satchel_status satchel_merge_min(satchel_merge_job *job, const satchel_merge_cell *cell);
SATCHEL_MUST_USE satchel_status satchel_merge_state(satchel_merge_job *job, const satchel_merge_cell *cell);

/*
 * Joins the bytes of unknown fields: a varint, a fixed field or a text longer than any element replaces what had its
 * number, others are appended once. At the limits of a set and of a tail the oldest of a number make room.
 * Errors: NO_MEMORY, LIMIT_EXCEEDED, MALFORMED.
 */
SATCHEL_MUST_USE satchel_status satchel_merge_tails(satchel_arena *arena, satchel_bytes old, satchel_bytes more,
                                                    satchel_bytes *out);

#endif
