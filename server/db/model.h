/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The version of the model that a database was made for, and bringing it up to that of this program: tables of new
 * entities, columns of new fields. Values of new fields that came before lie in tails: `model_lift` in meta says that
 * they have to be moved (service/lift.h).
 */
#ifndef SATCHEL_SERVER_DB_MODEL_H
#define SATCHEL_SERVER_DB_MODEL_H

#include "db/tables.h"

/* Errors: NEWER_FORMAT (made for a later model: what it holds would be written without fields that are not known). */
SATCHEL_MUST_USE satchel_status satchel_db_model_check(const satchel_tables *tables, satchel_db *db,
                                                       satchel_error *error);

/* Inside a write transaction, of a database that was checked: makes what is absent. New and equal ones cost a read. */
SATCHEL_MUST_USE satchel_status satchel_db_model_bring_up(const satchel_tables *tables, satchel_db *db,
                                                          satchel_error *error);

/* Writes the version of this program into a new database. */
SATCHEL_MUST_USE satchel_status satchel_db_model_note(const satchel_tables *tables, satchel_db *db,
                                                      satchel_error *error);

/* Do values of new fields have to be moved from tails? done: they were. */
SATCHEL_MUST_USE satchel_status satchel_db_lift_is_due(satchel_db *db, bool *out, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_db_lift_done(satchel_db *db, satchel_error *error);

#endif
