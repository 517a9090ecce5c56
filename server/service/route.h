/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rep needs first of a snapshot: the customers whom he visits today, and next.
 */
#ifndef SATCHEL_SERVER_SERVICE_ROUTE_H
#define SATCHEL_SERVER_SERVICE_ROUTE_H

#include "service/cursor.h"

/*
 * By time: visits of his that are planned for today or later, or are under way, and the stops of his active plans on
 * the next day that each of them is due; each customer once, at most SATCHEL_CURSOR_ROUTE_MOST. It says nothing of
 * what he may see. Reads. Errors: those of the database.
 */
SATCHEL_MUST_USE satchel_status satchel_route_of(const satchel_service *service, satchel_db *db, const satchel_id *user,
                                                 satchel_id out[SATCHEL_CURSOR_ROUTE_MOST], uint32_t *out_count,
                                                 satchel_error *error);

/* When a plan is followed. */
typedef struct satchel_plan_terms {
    int64_t rule;        /* a PLAN_RULE; another than those known here is taken for every day */
    int64_t every_days;  /* 0: 1 */
    int64_t weekdays;    /* bit 0 = Monday */
    int64_t every_weeks; /* 0: 1 */
    int64_t valid_from;  /* days since 1970 */
    int64_t valid_until; /* INT64_MAX: for good */
} satchel_plan_terms;
/* The first day from `today` on that it is due; false: none within a year. */
bool satchel_plan_due(const satchel_plan_terms *plan, int64_t today, int64_t *out_day);

#endif
