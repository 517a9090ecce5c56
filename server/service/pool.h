/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public pool: its rules, and what a new day does with customers that nobody looked after.
 */
#ifndef SATCHEL_SERVER_SERVICE_POOL_H
#define SATCHEL_SERVER_SERVICE_POOL_H

#include "service/admin.h"

/* Customers that one step looks at; a step is one revision. */
#define SATCHEL_POOL_STEP_MOST 200

/* Is there anything left to look at of the day that began? A read. */
SATCHEL_MUST_USE satchel_status satchel_pool_due(const satchel_service *service, satchel_db *db, bool *out,
                                                 satchel_error *error);

/*
 * Writes: looks at the next customers. Warns owners (a task for each) and puts into the pool who was not followed up
 * for the days of the rule. Returns at once if the day is done.
 */
SATCHEL_MUST_USE satchel_status satchel_pool_step(const satchel_service *service, satchel_db *db, satchel_error *error);

#endif
