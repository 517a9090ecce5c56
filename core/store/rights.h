/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user's roles let him do, as far as the phone knows. The server decides.
 */
#ifndef SATCHEL_STORE_RIGHTS_H
#define SATCHEL_STORE_RIGHTS_H

#include "store/store.h"

/*
 * Might the user do `verb` (satchel_verb) to some row of the entity? False only if it is certain that no role of his
 * could. Errors: as satchel_store_user, but NOT_FOUND.
 */
SATCHEL_MUST_USE satchel_status satchel_store_might(satchel_store *store, uint32_t entity, uint32_t verb, bool *out,
                                                    satchel_error *error);

#endif
