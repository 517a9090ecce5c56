/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of scopes on the wire. The server's numbers count up as scopes come into being anywhere in the company, so they
 * would tell a phone what happens where it sees nothing. On the wire a scope is named by what it is to this user alone:
 *
 *     scope  first 4 bytes, big-endian, of BLAKE2b-256("satchel wire scope" ‖ user ‖ kind ‖ subject ‖ generation)
 *     set    28 bits of BLAKE2b-256 over its scopes, ascending; the next number if another set of the page has it
 *
 * When what a user may see through his relations changes, the generation moves on: everything that he holds belongs to
 * scopes then that he has no longer, and comes anew.
 */
#ifndef SATCHEL_SERVER_SERVICE_WIRE_SCOPES_H
#define SATCHEL_SERVER_SERVICE_WIRE_SCOPES_H

#include "service/scopes.h"

/* Never 0. */
uint32_t satchel_wire_scope(const satchel_id *user, uint8_t kind, const satchel_id *subject, uint8_t generation);

/* Names of scopes by number, ascending, into `out` (room for `count`). Errors: those of the database. */
SATCHEL_MUST_USE satchel_status satchel_wire_scopes(satchel_db *db, const satchel_id *user, const uint32_t *numbers,
                                                    uint32_t count, uint8_t generation, uint32_t *out,
                                                    satchel_error *error);

/* Of names that ascend. Never 0, and below 2^28. */
uint32_t satchel_wire_set(const uint32_t *scopes, uint32_t count);

/* Have two lists of names, both ascending, one in common? Then losing the one would take the other away. */
bool satchel_wire_scopes_meet(const uint32_t *a, uint32_t a_count, const uint32_t *b, uint32_t b_count);

#endif
