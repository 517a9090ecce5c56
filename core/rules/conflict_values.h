/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ConflictValues (model.proto): the two sides of a conflict, each a record, in the one of four fields that has the
 * class of what the conflict is about. Who may not see that class gets none of it.
 */
#ifndef SATCHEL_RULES_CONFLICT_VALUES_H
#define SATCHEL_RULES_CONFLICT_VALUES_H

#include "schema/record.h"
#include "schema/schema.h"

typedef enum satchel_conflict_side { SATCHEL_SIDE_WINNER = 1, SATCHEL_SIDE_LOSER = 2 } satchel_conflict_side;

/* The field of a conflict that holds values of this class. */
uint32_t satchel_conflict_value_field(satchel_sensitivity of);

/* The class of the values that are there; OPEN if there are none. */
satchel_sensitivity satchel_conflict_class(const satchel_record *conflict);

/* Borrowed from the record; empty if there are none. */
satchel_bytes satchel_conflict_values(const satchel_record *conflict);

/* Appends one side, an encoded record. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_conflict_side_put(satchel_conflict_side side, satchel_bytes record,
                                                          satchel_buffer *out);

/* The encoded record of one side, borrowed; other fields are passed over. Errors: MALFORMED, before it was met. */
SATCHEL_MUST_USE satchel_status satchel_conflict_side_find(satchel_bytes values, satchel_conflict_side side,
                                                           satchel_bytes *out, bool *out_found);

#endif
