/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that is held about a person, for the person: rows, values that lost, edits that wait, what was refused,
 * bytes of kept units, and the places in the audit that name the subject.
 */
#ifndef SATCHEL_SERVER_SERVICE_PERSONAL_H
#define SATCHEL_SERVER_SERVICE_PERSONAL_H

#include "service/admin.h"

/* The record lives until the return; `section` is "rows", "conflicts", "parked", "refused", "kept" or "audit". */
typedef satchel_status (*satchel_personal_visitor)(void *context, const char *section, uint32_t entity,
                                                   const satchel_id *id, const satchel_record *record);

/*
 * Reads. `entity` is contact, customer or user. Errors: UNSUPPORTED, FORBIDDEN (only the operator may), NOT_FOUND, what
 * `visit` returned, and those of the database.
 */
SATCHEL_MUST_USE satchel_status satchel_personal_walk(const satchel_service *service, satchel_db *db,
                                                      const satchel_actor *actor, uint32_t entity,
                                                      const satchel_id *row, satchel_personal_visitor visit,
                                                      void *context, satchel_error *error);

#endif
