/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An op: exactly what was meant to happen to one row. Ops are immutable once committed.
 * A unit: the ops of one local transaction, with the moment and the position that they were made on.
 */
#ifndef SATCHEL_SCHEMA_OP_H
#define SATCHEL_SCHEMA_OP_H

#include "schema/record.h"

/* The numbers are stored and sent. */
typedef enum satchel_op_kind {
    SATCHEL_OP_CREATE = 1, /* a row that its maker believes new */
    SATCHEL_OP_EDIT = 2,
    SATCHEL_OP_DELETE = 3, /* with the declared cascade as further ops of the same unit */
    SATCHEL_OP_VOID = 4,   /* takes back an earlier op of the same lineage that is not settled: `target` */
    SATCHEL_OP_COMMAND = 5 /* asks the server to do something that phones cannot: `command`, arguments in `set` */
} satchel_op_kind;

/* The op's base holds for all its fields but these. */
typedef struct satchel_base_exception {
    uint32_t field;
    uint64_t base_n;
} satchel_base_exception;

typedef struct satchel_op {
    satchel_op_kind kind;
    uint32_t entity;
    satchel_id row;
    uint64_t sequence;                        /* within the incarnation, ≥ 1, contiguous */
    uint64_t base_n;                          /* revision n of the row that the op was made on, 0 = none */
    const satchel_base_exception *exceptions; /* by field */
    uint32_t exception_count;
    satchel_record set;      /* scalars to set, elements added to sets, signed deltas of sums */
    satchel_record removed;  /* SET fields only: elements removed */
    satchel_record from;     /* STATE fields only: the state that the user saw */
    const uint32_t *cleared; /* field numbers set to null, ascending */
    uint32_t cleared_count;
    uint64_t target;  /* VOID: sequence of the op taken back */
    uint32_t command; /* COMMAND: satchel_command_kind, else 0 */
    uint32_t schema;  /* release whose rules its maker knew; 0: not a phone's, all rules hold */
} satchel_op;

typedef struct satchel_unit_ops {
    uint64_t first_sequence; /* of ops[0]; the others follow without a gap */
    satchel_moment moment;   /* when it was committed */
    satchel_revision seen;   /* position of the last page stored before it */
    satchel_id incarnation;
    satchel_op *ops;
    uint32_t count;
} satchel_unit_ops;

/* All fields zero, records initialised on `arena`. */
void satchel_op_init(satchel_op *op, satchel_op_kind kind, uint32_t entity, const satchel_id *row,
                     satchel_arena *arena);

/* The base that holds for one field. */
uint64_t satchel_op_base(const satchel_op *op, uint32_t field);

/* Does the op say anything about the field (set, removed, cleared)? */
bool satchel_op_touches(const satchel_op *op, uint32_t field);
bool satchel_op_clears(const satchel_op *op, uint32_t field);

/* Deep copy into `arena`. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_op_copy(satchel_arena *arena, const satchel_op *from, satchel_op *out);

#endif
