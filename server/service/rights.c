/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rights to single fields: the level of the field's class, and the kind of writer that the field wants, as for any op.
 */
#include "service/rights.h"

#include "base/ids.h"
#include "service/journal.h"

#include <satchel/model.h>

satchel_status satchel_rights_look(const satchel_service *service, satchel_db *db, const satchel_person *person,
                                   const satchel_stored_row *row, satchel_arena *arena, satchel_field_rights *out,
                                   satchel_error *error) {
    satchel_standing standing;
    *out = (satchel_field_rights){.service = service, .person = person, .row = row};
    satchel_status status =
        satchel_standing_of(service, db, row->entity, &row->id, &row->merged.value, arena, &standing, error);
    if (status == SATCHEL_OK) {
        out->owner = *satchel_standing_owner(&standing);
        status = satchel_relations_of(db, &standing, person, satchel_service_today(service), &out->relations, error);
    }
    return status;
}

bool satchel_rights_may(const satchel_field_rights *rights, satchel_verb verb) {
    return satchel_access_allows(rights->person->policy, &rights->person->access, rights->row->entity,
                                 rights->relations, verb);
}

static bool may_write(const satchel_field_rights *rights, uint32_t number) {
    const satchel_field *field = satchel_schema_field(&rights->service->schema, rights->row->entity, number);
    const satchel_id *user = &rights->person->access.id;
    if (number == SATCHEL_FIELD_DELETED) {
        return satchel_rights_may(rights, SATCHEL_VERB_DELETE);
    }
    if (field == NULL || (field->flags & SATCHEL_FIELD_META) != 0) {
        return false;
    }
    bool assigns = satchel_rights_may(rights, SATCHEL_VERB_ASSIGN);
    bool fits = field->policy != SATCHEL_POLICY_SERVER || assigns;
    switch (field->writer) {
    case SATCHEL_WRITE_ANY_EDITOR: break;
    case SATCHEL_WRITE_OWNER: fits &= assigns || satchel_id_equal(&rights->owner, user); break;
    case SATCHEL_WRITE_CREATOR: fits &= assigns || satchel_id_equal(&rights->row->created_by, user); break;
    default: fits &= assigns; break;
    }
    return fits &&
           satchel_access_level(rights->person->policy, &rights->person->access, rights->row->entity, rights->relations,
                                (satchel_sensitivity)field->sensitivity) == SATCHEL_LEVEL_WRITE;
}

uint32_t satchel_rights_forbidden(const satchel_field_rights *rights, const satchel_record *winner,
                                  const satchel_record *loser) {
    const satchel_record *sides[] = {loser, winner};
    for (size_t s = 0; s < 2; s++) {
        for (uint32_t i = 0; i < sides[s]->count; i++) {
            if (!may_write(rights, sides[s]->fields[i].number)) {
                return sides[s]->fields[i].number;
            }
        }
    }
    return 0;
}

bool satchel_conflict_is_seen(const satchel_person *person, const satchel_record *conflict, uint32_t relations) {
    uint32_t subject = (uint32_t)satchel_record_int(conflict, SATCHEL_CONFLICT_SUBJECT_ENTITY, 0);
    satchel_sensitivity of = (satchel_sensitivity)satchel_conflict_class(conflict);
    return satchel_access_level(person->policy, &person->access, subject, relations, of) >= SATCHEL_LEVEL_READ &&
           satchel_access_level(person->policy, &person->access, SATCHEL_ENTITY_CONFLICT, relations, of) >=
               SATCHEL_LEVEL_READ;
}
