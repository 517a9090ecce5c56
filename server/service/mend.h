/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memberships made anew from facts, when damage to them was found: a walk through all aggregates in short steps, each a
 * change of its own. Where it is stands in company_mark, so a server that is killed goes on from there.
 *
 * An aggregate whose entries say what its facts say is left alone, so the walk costs phones nothing where nothing was
 * damaged. Customers that wait for a realignment are passed over: their entries are to lag.
 */
#ifndef SATCHEL_SERVER_SERVICE_MEND_H
#define SATCHEL_SERVER_SERVICE_MEND_H

#include "service/members.h"
#include "service/state.h"

#define SATCHEL_MEND_STEP_MOST 200 /* rows that a step looks at */

/* Writes: a walk is due, from the beginning; one under way begins again. */
SATCHEL_MUST_USE satchel_status satchel_mend_ask(satchel_db *db, satchel_error *error);

/* Writes: a step of the walk that is due. `*out_walked` false: none is. Errors: those of the database. */
SATCHEL_MUST_USE satchel_status satchel_mend_step(const satchel_service *service, satchel_db *db, bool *out_walked,
                                                  satchel_error *error);

/* Writes: where customers are in the scope of the company (pools were rows of it once), a walk becomes due. */
SATCHEL_MUST_USE satchel_status satchel_mend_pools(satchel_db *db, satchel_error *error);

#endif
