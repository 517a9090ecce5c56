/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of a user at the moment of a decision: roles, territories with all below, who reports to him, whom he
 * stands in for today. Read from the rows of user, team, territory and assignment, never kept.
 */
#ifndef SATCHEL_SERVER_SERVICE_PEOPLE_H
#define SATCHEL_SERVER_SERVICE_PEOPLE_H

#include "base/id_list.h"
#include "service/state.h"

typedef struct satchel_person {
    satchel_access_user access;
    const satchel_access_policy *policy; /* in force when he was loaded; lives as long as the service */
    const uint64_t *role_marks;          /* of that policy, by role */
    uint64_t rights_n;                   /* revision at which his roles, or the rules of any, were last changed */
    bool system;                         /* the operator of the machine: an administrator who is no user */
    satchel_id home_territory;           /* first of his own, for rows that he makes */
    satchel_id_list covered;             /* territories that dated assignments give him today, with all below */
    satchel_id_list stands_in_for;       /* users, today */
    satchel_id_list pools;               /* territories whose public pool he sees: his, all below, those above */
    bool all_pools;                      /* he reads every customer */
    uint32_t reach;                      /* relations through which he reads any entity */
    uint64_t view;                       /* changes with what he may see through each relation, whatever the rows */
} satchel_person;

/*
 * An unknown or deleted user is given as one without roles who is not active. `day`: the company's day.
 * Errors: those of the database.
 */
SATCHEL_MUST_USE satchel_status satchel_person_load(const satchel_service *service, satchel_db *db,
                                                    const satchel_id *user, int64_t day, satchel_arena *arena,
                                                    satchel_person *out, satchel_error *error);
/* He has the rules of the shipped administrator, whatever the company makes of that role: nobody locks him out. */
void satchel_person_system(const satchel_service *service, satchel_person *out);

/*
 * Does he see the public pool of the territory (none: of none)? Everybody sees the pool of his territories, with all
 * below and those above, and the customers in the pool that have no territory; who reads everything sees all pools.
 */
bool satchel_person_sees_pool(const satchel_person *person, const satchel_id *territory);

/* Does what he sees through the relations of `lost` go beyond what each relation of `kept` shows? See pull.c. */
bool satchel_person_sees_more(const satchel_service *service, const satchel_person *person, uint32_t lost,
                              uint32_t kept);

#endif
