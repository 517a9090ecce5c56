/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that break a rule which is newer than the app that wrote them: taken, and marked for people to look at.
 */
#ifndef SATCHEL_SERVER_SERVICE_RULE_FLAGS_H
#define SATCHEL_SERVER_SERVICE_RULE_FLAGS_H

#include "service/change.h"

/* Element of `flags`. */
#define SATCHEL_FLAG_NEWER_RULE "newer_rule"

/*
 * Writes: marks the row, which was just stored, in its field `flags`; a kind that has none is noted in the audit.
 * Errors: those of the database, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_rule_flag(satchel_change *change, uint32_t entity, satchel_stored_row *row,
                                                  satchel_error *error);

#endif
