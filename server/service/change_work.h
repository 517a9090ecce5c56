/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One op on its way through change_op.c (in order, merging, storing) and change_access.c (may it be).
 */
#ifndef SATCHEL_SERVER_SERVICE_CHANGE_WORK_H
#define SATCHEL_SERVER_SERVICE_CHANGE_WORK_H

#include "service/command.h"

typedef struct satchel_op_work {
    satchel_change *change;
    satchel_op *op;
    const satchel_entity *entity;
    satchel_stored_row row;
    satchel_record future;     /* of a new row: what the op sets, with the server's defaults */
    satchel_standing standing; /* before the op; of a new row as it will be */
    satchel_id gone;           /* the customer that the op named, if that was merged into the one it stands for now */
    satchel_loss *asked;       /* what of an edit of that one a person decides on */
    uint32_t asked_count;
    uint32_t flagged; /* field whose rule is newer than the op, and broken; 0: none */
    satchel_op_decision *decision;
    satchel_error *error;
} satchel_op_work;

/* --- decisions --- */

SATCHEL_MUST_USE satchel_status satchel_op_refuse(satchel_op_work *work, satchel_status status, uint32_t field,
                                                  const char *rule);
SATCHEL_MUST_USE satchel_status satchel_op_park(satchel_op_work *work, satchel_status status, const char *rule);

/* Turns what a pure function said into a decision, or passes a failure of the server on. */
SATCHEL_MUST_USE satchel_status satchel_op_settle(satchel_op_work *work, satchel_status status,
                                                  const satchel_error *why);

/* Is it refused or parked? Then nothing more is looked at. */
bool satchel_op_is_decided(const satchel_op_work *work);

/* Loads the row and how it stands, or would stand. */
SATCHEL_MUST_USE satchel_status satchel_op_look_up(satchel_op_work *work);

/* A VOID becomes the op that undoes its target, or is refused. */
SATCHEL_MUST_USE satchel_status satchel_op_take_back(satchel_op_work *work);

/* --- checks, in this order, after the row was looked up --- */

SATCHEL_MUST_USE satchel_status satchel_op_check_access(satchel_op_work *work);
/* Of a VOID. Who had the row when he made the op takes back a fact of his, and nothing else. */
SATCHEL_MUST_USE satchel_status satchel_op_check_void(satchel_op_work *work);
SATCHEL_MUST_USE satchel_status satchel_op_check_name(satchel_op_work *work);
SATCHEL_MUST_USE satchel_status satchel_op_check_anchor(satchel_op_work *work);
/* Only of a row that has a root. */
SATCHEL_MUST_USE satchel_status satchel_op_check_root(satchel_op_work *work);
SATCHEL_MUST_USE satchel_status satchel_op_check_order_body(satchel_op_work *work);
/* Does every line of a role's rules make sense? */
SATCHEL_MUST_USE satchel_status satchel_op_check_role(satchel_op_work *work);

/* Was it written by this store, in this life of it or in one that it goes on from? */
bool satchel_op_is_his(const satchel_author *author, const satchel_writer *writer);

/* Did this lineage alone write the row? */
bool satchel_op_is_his_alone(const satchel_op_work *work);

#endif
