/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a long walk through a company has come, kept under its name in company_mark: it goes on behind a restart, in
 * steps that each commit with what they changed.
 */
#ifndef SATCHEL_SERVER_SERVICE_WALK_H
#define SATCHEL_SERVER_SERVICE_WALK_H

#include "db/db.h"

typedef struct satchel_walk {
    int64_t at; /* what is walked through: a day, or an entity */
    bool done;
    satchel_id after; /* the last row that was looked at */
} satchel_walk;

/* A walk that nobody asked for is done. */
SATCHEL_MUST_USE satchel_status satchel_walk_load(satchel_db *db, const char *name, satchel_walk *out,
                                                  satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_walk_save(satchel_db *db, const char *name, const satchel_walk *walk,
                                                  satchel_error *error);

#endif
