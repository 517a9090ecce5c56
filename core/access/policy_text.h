/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of a role as text, one a line, three words each:
 *
 *     customer create,edit own,assigned,shared     may do these verbs to customers to which he stands so
 *     * read company                               any entity
 *     customer personal=masked any                 sees fields of this class so: hidden, masked, read, write
 *
 * An empty line, and one that begins with '#', says nothing.
 */
#ifndef SATCHEL_ACCESS_POLICY_TEXT_H
#define SATCHEL_ACCESS_POLICY_TEXT_H

#include "access/access.h"

#define SATCHEL_ROLE_LINES_MOST 1024

/*
 * The rules of one role; arrays live in `arena`. `bad_line` NULL: a line that makes no sense is an error (MALFORMED,
 * with its number in the detail); else it gives nothing, and the number of the first one goes there, 0: none.
 * Errors: MALFORMED, LIMIT_EXCEEDED (SATCHEL_ROLE_LINES_MOST), NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_access_rules_read(const satchel_schema *schema, uint8_t role, satchel_text text,
                                                          satchel_arena *arena, satchel_access_policy *out,
                                                          uint32_t *bad_line, satchel_error *error);

/* Appends the rules that a policy has for a role. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_access_rules_write(const satchel_schema *schema,
                                                           const satchel_access_policy *policy, uint8_t role,
                                                           satchel_buffer *out);

#endif
