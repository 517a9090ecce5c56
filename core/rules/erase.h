/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which values go when a person is erased: the same on the server and on phones. A row of the person's own (contact,
 * customer, user) loses every value that is no reference, state, amount or decision; a row that names the person loses
 * what is personal and what was written freely.
 */
#ifndef SATCHEL_RULES_ERASE_H
#define SATCHEL_RULES_ERASE_H

#include "schema/record.h"

/* What stands in a text that must not be empty. */
#define SATCHEL_ERASED_TEXT "-"
/* A text that may be longer than this counts as written freely. */
#define SATCHEL_ERASE_TEXT_MOST 200u

/* Is it a kind of row that is about one person? */
bool satchel_erase_is_person(uint32_t entity);
/* Does the value of this field go? */
bool satchel_erase_takes(uint32_t entity, const satchel_field *field);
/* Takes those values out of a record; what is required becomes SATCHEL_ERASED_TEXT, and what is not known goes. */
SATCHEL_MUST_USE satchel_status satchel_erase_record(const satchel_schema *schema, uint32_t entity,
                                                     satchel_record *record);

#endif
