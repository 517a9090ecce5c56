/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A root and the rows that travel with it are deleted together and come back together.
 */
#ifndef SATCHEL_SERVER_SERVICE_FAMILY_H
#define SATCHEL_SERVER_SERVICE_FAMILY_H

#include "service/change.h"

/* The n of the change that deleted the row; 0: it is not deleted. */
uint64_t satchel_family_deleted_n(const satchel_stored_row *row);

/*
 * Asked of a DELETE, whose change has deleted the rows that its author knew of below `row` before. If one is left,
 * somebody made it or wrote into it without his knowledge: then `*out` is true, the deletion loses as a whole (what it
 * deleted below the root comes back) and `outcome`, ready to be stored, holds what a person is asked.
 */
SATCHEL_MUST_USE satchel_status satchel_family_stays(satchel_change *change, const satchel_op *op,
                                                     const satchel_stored_row *row, satchel_merge_outcome *outcome,
                                                     bool *out, satchel_error *error);

/* The root is there again: so are the rows below it that change `n` deleted. `op` is what brought it back. */
SATCHEL_MUST_USE satchel_status satchel_family_returns(satchel_change *change, const satchel_op *op, uint64_t n,
                                                       satchel_error *error);

/*
 * Asked of a root behind ops that nobody decided on (returned.h). Is it deleted, though a row lives below it? Then the
 * deletion loses as it does above: root and what went with it come back, and `*out_loss` holds what a person is asked.
 */
SATCHEL_MUST_USE satchel_status satchel_family_mend(satchel_change *change, const satchel_op *op,
                                                    const satchel_stored_row *root, satchel_loss *out_loss, bool *out,
                                                    satchel_error *error);

/*
 * Carries out an EDIT that brings a row back, without asking anybody: it follows from what somebody with the right to
 * it did. In change_op.c.
 */
SATCHEL_MUST_USE satchel_status satchel_family_bring_back(satchel_change *change, satchel_op *op, satchel_error *error);

#endif
