/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deleted rows that nobody needs any more go for good, with the rows below them: a walk over the tables, once a day,
 * in small steps while the server is idle.
 *
 * A root goes when it and all below it were deleted, and not touched since, before every live phone's point and longer
 * ago than stored answers are kept; when no row names it, no attachment or approval hangs on it, and nothing about it
 * waits for a person. Phones that held it hear of a removal. Entries of the journal and of the audit stay. That there
 * was such a row is kept: its id makes no row again.
 *
 * Not pruned: the company's own rows and what the office makes, customers (they are archived, or were merged), kinds of
 * rows that sets name (contacts) or a field of the company's own, deleted rows below a root that lives.
 */
#ifndef SATCHEL_SERVER_SERVICE_PRUNE_H
#define SATCHEL_SERVER_SERVICE_PRUNE_H

#include "service/state.h"

#define SATCHEL_PRUNE_PASSED_MOST 2048 /* rows of a table that a step passes over */
#define SATCHEL_PRUNE_LOOKED_MOST 32   /* deleted ones among them that it looks at, */
#define SATCHEL_PRUNE_BELOW_MOST 128   /* … or fewer: none more when it has looked at so many rows below them */

/*
 * Writes: one step, if today's walk is not done. `below_n`: nobody needs to hear of what was deleted up to here; 0:
 * nothing goes. `*out_walked`: there may be more. Errors: those of the database.
 */
SATCHEL_MUST_USE satchel_status satchel_prune_step(const satchel_service *service, satchel_db *db, uint64_t below_n,
                                                   bool *out_walked, satchel_error *error);

/* Was there a row with this id, which went for good? */
SATCHEL_MUST_USE satchel_status satchel_prune_has_gone(satchel_db *db, uint32_t entity, const satchel_id *row,
                                                       bool *out, satchel_error *error);

#endif
