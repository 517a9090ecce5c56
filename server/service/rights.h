/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one person may write of one row that is there, field by field: for values that come back to a row otherwise than
 * by an op of his.
 */
#ifndef SATCHEL_SERVER_SERVICE_RIGHTS_H
#define SATCHEL_SERVER_SERVICE_RIGHTS_H

#include "service/change.h"

typedef struct satchel_field_rights {
    const satchel_service *service;
    const satchel_person *person;
    const satchel_stored_row *row;
    uint32_t relations;
    satchel_id owner;
} satchel_field_rights;

/* How the person stands to the row today. Person and row outlive `out`. Errors: those of the database. */
SATCHEL_MUST_USE satchel_status satchel_rights_look(const satchel_service *service, satchel_db *db,
                                                    const satchel_person *person, const satchel_stored_row *row,
                                                    satchel_arena *arena, satchel_field_rights *out,
                                                    satchel_error *error);

bool satchel_rights_may(const satchel_field_rights *rights, satchel_verb verb);

/* The first field of the two sides of a conflict that he may not write, 0 if he may write all. */
uint32_t satchel_rights_forbidden(const satchel_field_rights *rights, const satchel_record *winner,
                                  const satchel_record *loser);

/*
 * Does somebody who stands in these relations to its subject see a conflict? Who reads, in clear, the class of the
 * field that it is about, of the subject and of conflicts: to who sees that field masked or not at all there is no
 * conflict.
 */
bool satchel_conflict_is_seen(const satchel_person *person, const satchel_record *conflict, uint32_t relations);

#endif
