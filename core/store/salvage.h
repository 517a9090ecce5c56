/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The op log and the values of a store whose tables can no longer be trusted, read from single pages; and their way
 * into a new store.
 *
 * An op is taken if its own seal opens with its sequence, wherever its row is found: interior pages, the schema and
 * page 1 are not needed. Nothing is made up: what does not open is not there, and gaps between sequences are named.
 * An op is never deleted from the log and its body never changes, so old states of pages serve as well as new ones.
 */
#ifndef SATCHEL_STORE_SALVAGE_H
#define SATCHEL_STORE_SALVAGE_H

#include "store/store.h"
#include "vault/salvage.h"

/* A larger row than any that the store writes is not read. */
#define SATCHEL_SALVAGE_ROW_MOST_BYTES 2097152u
/* Sequences that are left free for ops that may have been lost behind the last one found; see satchel_store_restore. */
#define SATCHEL_SALVAGE_TAIL_MOST 4096u

typedef struct satchel_salvaged_op {
    uint64_t sequence;
    uint64_t unit; /* first sequence of its unit */
    uint32_t entity;
    satchel_id row;
    uint32_t state;        /* satchel_op_state; the furthest that any page tells */
    satchel_bytes body;    /* sealed, as it was found */
    satchel_bytes head;    /* first op of a unit; may be absent elsewhere only */
    satchel_bytes receipt; /* empty: none */
    satchel_bytes result;  /* empty: none */
    uint64_t undone;       /* 0: not */
} satchel_salvaged_op;

typedef struct satchel_salvaged_value {
    const char *name;
    satchel_bytes value;
    uint64_t number; /* ".sync": of the last request; ".log": ops settled */
} satchel_salvaged_value;

typedef struct satchel_store_salvage satchel_store_salvage;

/*
 * Reads everything that is there. `seal` opens ops; NULL: they are not sealed.
 * Errors: IO_ERROR, NO_MEMORY, and whatever `seal` gives but DAMAGED.
 */
SATCHEL_MUST_USE satchel_status satchel_store_salvage_open(satchel_store_salvage **out, satchel_salvage *pages,
                                                           const satchel_op_seal *seal, satchel_error *error);
/* NULL is fine. */
void satchel_store_salvage_close(satchel_store_salvage *salvage);

/* By sequence; live as long as `salvage`. */
const satchel_salvaged_op *satchel_store_salvage_ops(const satchel_store_salvage *salvage, size_t *out_count);
/* When its unit was committed; false if the op is not the first of it. */
bool satchel_store_salvage_moment(const satchel_salvaged_op *op, satchel_moment *out);

/* NULL if there is none. */
const satchel_salvaged_value *satchel_store_salvage_value(const satchel_store_salvage *salvage, const char *name);

/* By place, NULL behind the last. */
const satchel_salvaged_value *satchel_store_salvage_value_at(const satchel_store_salvage *salvage, size_t index);

/* Ops up to here had a result that was stored. */
uint64_t satchel_store_salvage_settled(const satchel_store_salvage *salvage);

/* The next range of sequences above *at and above the settled ones that is missing; false: none. Begin with 0. */
bool satchel_store_salvage_gap(const satchel_store_salvage *salvage, uint64_t *at, uint64_t *out_first,
                               uint64_t *out_last);

typedef struct satchel_restored {
    uint64_t ops;         /* put into the log */
    uint64_t ops_waiting; /* of these: without a decision */
    uint64_t ops_lost;    /* sequences that are missing among them */
    uint64_t rows;        /* that waiting ops lie on */
    bool has_sync;        /* the state of sync was found: tokens and incarnation */
} satchel_restored;

/*
 * Fills an empty store in one transaction: values, the state of sync without its cursor (the next sync brings every row
 * again), all ops; rows that were made here and not accepted yet show at once, others when the server's row is there.
 * `tail`: so many sequences may have been used behind the last op found.
 * Errors: MISUSE (not empty), LIMIT_EXCEEDED (`tail`), those of the store.
 */
SATCHEL_MUST_USE satchel_status satchel_store_restore(satchel_store *store, const satchel_store_salvage *salvage,
                                                      uint64_t tail, satchel_restored *out, satchel_error *error);

/* Whether the store was restored and no server has told yet how far it got: until then no unit is sent. */
SATCHEL_MUST_USE satchel_status satchel_store_restoring(satchel_store *store, bool *out, satchel_error *error);

/*
 * The server has decided on every op up to `applied_through`. What is lost among these is lost here only. Behind them
 * the server takes no op before the one in front of it, so for each that is lost an empty one is sent, which it refuses
 * and which nobody is shown; of a unit that lost a part, each op that is left becomes a unit of its own. `moment`: for
 * units whose head is lost and none is before them. `forked`: the server knows a later state of this store, which goes
 * on under a new name; if anything is lost among what was decided, all of it then counts as settled.
 * Errors: NOT_FOUND (not restoring), those of the store.
 */
SATCHEL_MUST_USE satchel_status satchel_store_learn(satchel_store *store, uint64_t applied_through, bool forked,
                                                    const satchel_moment *moment, satchel_error *error);

#endif
