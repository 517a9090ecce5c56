/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of fields that the server did not know when they came: phones of a newer version had sent them, and they lay
 * in the tails of their rows. A server whose model knows them moves them to where they belong, each row with a new
 * revision, so that everybody who may see them is sent them.
 */
#ifndef SATCHEL_SERVER_SERVICE_LIFT_H
#define SATCHEL_SERVER_SERVICE_LIFT_H

#include "service/state.h"

/* In one write transaction of its own, if it is due. Errors: those of the database. */
SATCHEL_MUST_USE satchel_status satchel_service_lift(const satchel_service *service, satchel_db *db,
                                                     satchel_error *error);

#endif
