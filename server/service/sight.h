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

/* Sets the base of a field among exceptions in order of field; there is room for one more. */
void satchel_sight_put_base(satchel_base_exception *into, uint32_t *count, uint32_t field, uint64_t base_n);

#endif
