/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small schema with a field for every policy, and a world in which ops are applied to one row as the server does it:
 * rising revisions, one lineage a number, versions through their bytes now and then.
 */
#ifndef SATCHEL_TESTS_MERGE_SYNTHETIC_H
#define SATCHEL_TESTS_MERGE_SYNTHETIC_H

#include "merge/merge.h"
#include "support/random.h"

#define THING 1u
#define FACT 2u

enum thing_field {
    T_LATER = 2,
    T_ASK = 3,
    T_STRICT = 4,
    T_ONCE = 5,
    T_SET = 6,
    T_SUM = 7,
    T_MAX = 8,
    T_MIN = 9,
    T_STATE = 10,
    T_SERVER = 11,
    T_GROUP_A = 12, /* LATER */
    T_GROUP_B = 14,
    T_GROUP_C = 15,
    T_LATER_INT = 13, /* lies between the members of the group */
    T_ONCE_GROUP_A = 16,
    T_ONCE_GROUP_B = 17,
    T_FIRST_A = 18, /* ONCE_THEN_ASK */
    T_FIRST_B = 19,
    T_ASK_GROUP_A = 20,
    T_ASK_GROUP_B = 21,
    T_FLAG = 22, /* STRICT, bool */
    T_IDS = 23,
    T_DERIVED = 24,
    T_STAGE = 25,
    T_EVIDENCE = 26,
    T_PERSONAL = 27,
    T_CUSTOM_LATER = 1000,
    T_CUSTOM_SET = 1001,
    T_CUSTOM_ARCHIVED = 1002
};

enum fact_field { F_TEXT = 2, F_INT = 3, F_SERVER = 4 };

/* T_STATE: planned → in progress → completed (rank 2, counts with T_EVIDENCE only) / cancelled (rank 1). */
enum thing_state { PLANNED = 1, IN_PROGRESS = 2, COMPLETED = 3, CANCELLED = 4 };
/* T_STAGE: 1, 2, 3 in any order → won (rank 2) / lost (rank 1). */
enum thing_stage { STAGE_1 = 1, STAGE_2 = 2, STAGE_3 = 3, WON = 4, LOST = 5 };

extern const satchel_schema synthetic_schema;

typedef struct world {
    satchel_arena arena;
    const satchel_schema *schema;
    uint32_t entity;
    satchel_merge_row row;
    uint64_t n; /* last revision given */
    uint64_t base_cap;
    satchel_merge_outcome outcome; /* of the last op */
    satchel_error error;
} world;

void world_open(world *w, const satchel_schema *schema, uint32_t entity);
void world_close(world *w);

/* Empty row, same memory. */
void world_reset(world *w);

/* A fresh op in the world's arena. */
satchel_op *world_op(world *w, satchel_op_kind kind, uint64_t base_n);
satchel_op *with_text(satchel_op *op, uint32_t field, const char *text);
satchel_op *with_int(satchel_op *op, uint32_t field, int64_t integer);
satchel_op *with_bool(satchel_op *op, uint32_t field, bool boolean);
satchel_op *with_clear(satchel_op *op, uint32_t field);
satchel_op *with_from(satchel_op *op, uint32_t field, int64_t state);
/* Elements parted by spaces. */
satchel_op *with_added(satchel_op *op, uint32_t field, const char *elements);
satchel_op *with_removed(satchel_op *op, uint32_t field, const char *elements);

/* Applies as op `sequence` of lineage `lineage` (0: the server) at the next revision. */
satchel_status world_try(world *w, uint64_t lineage, uint64_t sequence, int64_t stamp_ms, const satchel_op *op);
/* The same; the test ends if it fails. */
void world_apply(world *w, uint64_t lineage, uint64_t sequence, int64_t stamp_ms, const satchel_op *op);

/* What the row holds: "a", "42", "{a b}" or "-". The text lives in the world's arena. */
const char *world_show(world *w, uint32_t field);
const char *show_value(satchel_arena *arena, const satchel_value *value);
const char *show_field(satchel_arena *arena, const satchel_record *record, uint32_t field);

/* The index-th loss of the last op: "kind reason field winner/loser", for example "op OVERTAKEN 2 a/b". */
const char *world_loss(world *w, uint32_t index);

/* The test ends if there is none. */
const satchel_loss *loss_of(const world *w, uint32_t index);

/* ---- random ops ---- */

typedef struct random_options {
    bool states;      /* STATE fields */
    bool uncommuting; /* ASK, ONCE, ONCE_THEN_ASK, SERVER, archived, derived */
    bool deletes;
    unsigned cells; /* at most so many cells an op */
} random_options;

/* An EDIT (or DELETE) of the world's entity that touches some cells with values from small domains. */
satchel_op *random_op(world *w, test_random *random, uint64_t base_n, const random_options *options);

#endif
