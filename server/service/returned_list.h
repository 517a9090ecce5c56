/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came back after a restore and waits, for administrators: edits that found no place, because what made their row
 * (or brought it back) did not come, and commands that could not be carried out.
 */
#ifndef SATCHEL_SERVER_SERVICE_RETURNED_LIST_H
#define SATCHEL_SERVER_SERVICE_RETURNED_LIST_H

#include "db/db.h"
#include "schema/op.h"
#include "service/service.h"

typedef struct satchel_returned_waiting {
    satchel_op op;
    satchel_id user; /* who did it, and on which phone */
    satchel_id device;
    uint64_t n; /* its revision then */
    int64_t at_ms;
    bool row_is_there; /* false: it never came back, or is deleted */
} satchel_returned_waiting;

/*
 * Visits ops that came back and wait: edits that found no place (the audit told: "returned edit waits") and commands.
 * They go by themselves when what they wait for comes back, whatever restores come between.
 */
typedef satchel_status (*satchel_returned_visitor)(void *context, const satchel_returned_waiting *waiting);
SATCHEL_MUST_USE satchel_status satchel_returned_list(const satchel_service *service, satchel_db *db,
                                                      satchel_returned_visitor visit, void *context,
                                                      satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_returned_count(satchel_db *db, uint64_t *out, satchel_error *error);
/* Somebody has seen to what waits for this row: it is gone. Errors: NOT_FOUND and those of the database. */
SATCHEL_MUST_USE satchel_status satchel_returned_discard(const satchel_service *service, satchel_db *db,
                                                         uint32_t entity, const satchel_id *row, satchel_error *error);

#endif
