/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a draft holds, shared by draft.c (the functions of store.h) and draft_edit.c (building the op of an edit).
 */
#ifndef SATCHEL_STORE_DRAFT_STATE_H
#define SATCHEL_STORE_DRAFT_STATE_H

#include "store/log.h"

typedef struct satchel_draft_op {
    satchel_op op;
    satchel_bytes encoded;
    satchel_bytes before;
    uint32_t row;  /* index in rows */
    uint32_t next; /* index + 1 of the row's next op, 0 = none */
} satchel_draft_op;

/* A row that the draft touches, as it was found in the store, and as the draft leaves it. */
typedef struct satchel_draft_row {
    satchel_stored_row stored;
    satchel_record visible; /* with the draft applied */
    bool exists;            /* shown and not deleted */
    bool shown;             /* `visible` is what the draft's ops make of the row */
    uint64_t base_n;
    satchel_logged_op *lying; /* own ops that lie on it already: they freeze bases */
    uint32_t lying_count;
    uint32_t first_op; /* index + 1 of the draft's first and last op on it, 0 = none */
    uint32_t last_op;
    uint64_t last_sequence; /* while committing: the newest op on the row */
} satchel_draft_row;

struct satchel_draft {
    satchel_store *store;
    satchel_arena arena;
    uint64_t generation; /* of the store when the rows were read */
    satchel_draft_op *ops;
    uint32_t op_count;
    uint32_t op_capacity;
    satchel_draft_row *rows;
    uint32_t row_count;
    uint32_t row_capacity;
    uint32_t *places; /* hash table of row index + 1 */
    uint32_t place_count;
    size_t bytes;    /* of the unit, at most */
    uint64_t undoes; /* sequence of the op that the draft takes back, 0 = none */
};

/* The row, read from the store at its first use. Errors: UNKNOWN_ENTITY and those of the store. */
SATCHEL_MUST_USE satchel_status satchel_draft_row_of(satchel_draft *draft, uint32_t entity, const satchel_id *id,
                                                     uint32_t *out_index, satchel_error *error);

/*
 * Checks the op, freezes its bases, and adds it; its row then shows it. The op's parts live in the draft's arena.
 * Errors: those of validation, FORBIDDEN, LIMIT_EXCEEDED, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_draft_push(satchel_draft *draft, uint32_t row, satchel_op *op,
                                                   const satchel_record *before, satchel_error *error);

/*
 * The op that makes of `current` what the user wants: `record` set, `cleared` null. `*out_empty`: nothing differs.
 * `before` (initialised) gets the fields that it touches as they are. Errors: UNKNOWN_FIELD, WRONG_TYPE,
 * OUT_OF_RANGE, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_edit_build(const satchel_schema *schema, const satchel_record *current,
                                                   const satchel_record *record, const uint32_t *cleared,
                                                   uint32_t cleared_count, satchel_op *out, satchel_record *before,
                                                   bool *out_empty, satchel_error *error);

#endif
