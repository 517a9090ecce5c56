/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Erasing a person on a story's server. Apart from hazard.h, because the service's own headers and the device's use the
 * same word for different things.
 */
#ifndef SATCHEL_TESTS_SIM_HAZARDS_ERASE_H
#define SATCHEL_TESTS_SIM_HAZARDS_ERASE_H

#include "db/db.h"
#include "service/service.h"

/* Writes. */
SATCHEL_MUST_USE satchel_status hazard_erase(const satchel_service *service, satchel_db *db, uint32_t entity,
                                             const satchel_id *row);

#endif
