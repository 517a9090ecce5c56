/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Phones of another version than the server: which of them get pages.
 *
 * Push is lifted from every schema that was released: whatever a phone sends is decided and answered. Only the rows of
 * a page may be more than an old one should hold.
 */
#ifndef SATCHEL_SERVER_SERVICE_SKEW_H
#define SATCHEL_SERVER_SERVICE_SKEW_H

#include "service/service.h"

/* The oldest schema that gets pages, at least 1. Errors: those of the database, DAMAGED. */
SATCHEL_MUST_USE satchel_status satchel_minimum_schema_get(satchel_db *db, uint32_t *out, satchel_error *error);
/*
 * Writes. Errors: OUT_OF_RANGE (0, or newer than the server's own, which would shut out the phones of its release),
 * and those of the database.
 */
SATCHEL_MUST_USE satchel_status satchel_minimum_schema_set(const satchel_service *service, satchel_db *db,
                                                           uint32_t version, satchel_error *error);

/* Is it too old for pages? A phone that does not say what it knows knows the first release. */
bool satchel_schema_is_too_old(uint32_t said, uint32_t minimum);

#endif
