/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the maker of an op had in sight. A base says which state of a row he had, but of that state he had only the
 * classes that he could read then: what lay in others he did not know of, and writes over it blindly.
 */
#ifndef SATCHEL_SERVER_SERVICE_SIGHT_H
#define SATCHEL_SERVER_SERVICE_SIGHT_H

#include "service/change.h"

/*
 * Gives fields of the op that its maker could not read when he made it the base 0, in the present arena. Only an edit
 * of a phone has such fields. Errors: those of the database, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_sight_narrow(const satchel_change *change, const satchel_standing *standing,
                                                     satchel_op *op, satchel_error *error);

#endif
