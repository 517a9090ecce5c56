/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A person is erased by the operator of a story. It assumes that the caller has begun a transaction and ends it.
 */
#include "sim/hazards/erase.h"

#include "base/text.h"
#include "service/erase.h"

satchel_status hazard_erase(const satchel_service *service, satchel_db *db, uint32_t entity, const satchel_id *row) {
    const satchel_actor system = satchel_actor_system();
    satchel_id id;
    uint64_t rows = 0;
    return satchel_person_erase(service, db, &system, entity, row, satchel_text_of("asked for it"), &id, &rows, NULL);
}
