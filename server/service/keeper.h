/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who decides on what was parked: the manager of whoever has the row's customer. Phones name him on the stub of a
 * parked edit, the operator sees him in the explanation of a row. He is told as he was when the edit was parked.
 */
#ifndef SATCHEL_SERVER_SERVICE_KEEPER_H
#define SATCHEL_SERVER_SERVICE_KEEPER_H

#include "service/standing.h"

/* None: nobody has the row, or he has no (active) manager, so the administrators decide. Errors: those of the database.
 */
SATCHEL_MUST_USE satchel_status satchel_keeper_of(satchel_db *db, const satchel_standing *standing, satchel_id *out,
                                                  satchel_error *error);

/* Of the row that an op is about, as it stands now; of one that is not there by what the op would make it. */
SATCHEL_MUST_USE satchel_status satchel_keeper_of_op(const satchel_service *service, satchel_db *db,
                                                     const satchel_op *op, satchel_arena *arena, satchel_id *out,
                                                     satchel_error *error);

#endif
