/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging: apply (the server decides) and rebase (what the phone shows). Pure; policies are explained in
 * core/doc/merge.md.
 *
 * Laws (property tests): for LATER, SET, SUM, MAX, MIN and STRICT the result does not depend on the order in which the
 * ops of different lineages arrive (each lineage's own in their order); winner ∪ losers = all inputs; a value is never
 * lost without an entry in the outcome; rebase equals apply if nothing else happens.
 */
#ifndef SATCHEL_MERGE_MERGE_H
#define SATCHEL_MERGE_MERGE_H

#include "merge/versions.h"

/* A row as the server holds it. */
typedef struct satchel_merge_row {
    satchel_record value;
    satchel_versions versions;
    bool exists; /* false: no such row was ever stored */
    bool deleted;
} satchel_merge_row;

/* What is the same for all fields of the op being applied. */
typedef struct satchel_merge_context {
    const satchel_schema *schema;
    uint64_t n;       /* revision that the changes get */
    int64_t stamp_ms; /* effective stamp of the op */
    satchel_writer writer;
    satchel_ancestry ancestry;
    uint64_t base_cap;           /* bases above this count as this (bases of an ended epoch); UINT64_MAX = none */
    const int64_t *op_stamps_ms; /* rebase only: stamp of each op; NULL = stamp_ms for all */
} satchel_merge_context;

typedef enum satchel_loss_kind {
    SATCHEL_LOSS_OF_OP = 1,      /* the incoming value lost */
    SATCHEL_LOSS_OF_CURRENT = 2, /* the incoming value won over a concurrent one */
    SATCHEL_LOSS_ASK = 3         /* the current value (of a deletion: the edit) stands and a person decides */
} satchel_loss_kind;

/* One field or group in which a value lost. Winner and loser hold the fields of the group (NULL values included). */
typedef struct satchel_loss {
    uint32_t field; /* the version key: lowest field of the group; SATCHEL_FIELD_DELETED for a deletion */
    satchel_policy policy;
    satchel_loss_kind kind;
    /*
     * OVERTAKEN (concurrent), ILLEGAL_STATE, ALREADY_EXISTS (ONCE, facts), OUT_OF_RANGE (SUM), LIMIT_EXCEEDED (SET),
     * UNSUPPORTED (clearing a SUM, MAX or MIN), READ_ONLY_FIELD (archived)
     */
    satchel_status reason;
    satchel_record winner;
    satchel_record loser; /* of a SET: the elements that found no room; of a SUM: the delta */
    satchel_version winner_version;
    satchel_version loser_version; /* element always empty */
} satchel_loss;

typedef struct satchel_merge_outcome {
    satchel_arena *arena;
    bool created;
    bool deleted;  /* the op deleted the row */
    bool restored; /* a concurrent edit, or an explicit restore, brought a deleted row back */
    bool moved;    /* some version moved: the row is to be stored, and sent, at context.n even if no value changed */
    uint32_t *changed; /* field numbers whose stored value changed, ascending */
    uint32_t changed_count;
    satchel_loss *losses;
    uint32_t loss_count;
    uint32_t loss_capacity;
} satchel_merge_outcome;

void satchel_merge_row_init(satchel_merge_row *row, satchel_arena *arena);
void satchel_merge_outcome_init(satchel_merge_outcome *outcome, satchel_arena *arena);

/*
 * Applies one validated op of kind CREATE, EDIT or DELETE to `row`. A merge loss is not an error. `outcome` must be
 * fresh. A CREATE of a row that exists merges as an edit with its own base (0); of a fact that exists, its values
 * stand. A new row gets the initial state of each STATE field that the op does not give. An empty field is absent from
 * the row's value. Fields that this version does not know go to the tail of the row's value. Ties of equal stamps:
 * larger writer.incarnation, then larger sequence wins. An EDIT that sets SATCHEL_FIELD_DELETED to false restores a
 * deleted row. The server's own ops (writer.incarnation 0) carry as base the revision that their maker saw, like all
 * others.
 * Errors: NO_MEMORY, NOT_FOUND (EDIT or DELETE of a row that never existed; EDIT of a deleted row by someone who had
 * seen the deletion), IMMUTABLE (EDIT of a fact's fields other than the server's), UNKNOWN_ENTITY, UNKNOWN_FIELD,
 * WRONG_TYPE, INVALID_ARGUMENT (kind), LIMIT_EXCEEDED, MALFORMED (tail). The row is unchanged on error.
 */
SATCHEL_MUST_USE satchel_status satchel_merge_apply(const satchel_merge_context *context, satchel_merge_row *row,
                                                    const satchel_op *op, satchel_merge_outcome *outcome,
                                                    satchel_error *error);

/*
 * Removes what the op did where that is still possible: not part of merging; a VOID op reaches the server as an op
 * whose target was applied before, and is applied by making the inverse edit. Gives the inverse of `op` against the row
 * as it stood before it: sets become the earlier values, adds become removes, deltas change sign, a CREATE a DELETE, a
 * DELETE an explicit restore. What cannot be taken back (ONCE, MAX, MIN, SERVER) is left out. Entity, row, base and
 * sequence are those of `op`; the caller gives it its own. `out` must be initialised. Errors: NO_MEMORY, OUT_OF_RANGE
 * (a delta that has no opposite), UNKNOWN_ENTITY, MISUSE (VOID, COMMAND).
 */
SATCHEL_MUST_USE satchel_status satchel_merge_invert(const satchel_schema *schema, const satchel_record *before,
                                                     const satchel_op *op, satchel_op *out);

/*
 * What the user sees: `server` (may be NULL: the server does not have the row) and the phone's own ops that it does not
 * reflect yet, in order. `news` (may be NULL) are versions of fields that the server is known to have changed after the
 * ops' bases; with complete news the result equals what apply would give, without news an own edit is shown as
 * standing. Of `context` it uses schema, stamps, base_cap, ancestry (ops of the lineage before ops[0]) and
 * writer.incarnation (any number if the phone does not know its own). A server row that holds SATCHEL_FIELD_DELETED =
 * true is deleted. An op whose VOID is among the ops is left out; an op that the server will refuse as a whole shows
 * nothing; COMMANDs show nothing. `*out_deleted` tells whether the row is shown as deleted. `out` must be initialised;
 * its old content is dropped.
 * Errors: NO_MEMORY, NOT_FOUND (no server row and the first op is no CREATE).
 */
SATCHEL_MUST_USE satchel_status satchel_merge_rebase(const satchel_merge_context *context, const satchel_record *server,
                                                     const satchel_versions *news, const satchel_op *ops,
                                                     uint32_t op_count, satchel_record *out, bool *out_deleted,
                                                     satchel_error *error);

#endif
