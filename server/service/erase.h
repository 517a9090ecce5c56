/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Erasing a person (a contact, a customer, a user), and what is held about one. Values go; rows stay as shells that
 * tell what happened, when, and how much, but not to whom: ids, references, states, amounts.
 *
 * Which values go: rules/erase.h. With a customer go its contacts. Erased rows are remembered: what comes late from
 * a phone, or comes back after a restore, writes no such value again.
 */
#ifndef SATCHEL_SERVER_SERVICE_ERASE_H
#define SATCHEL_SERVER_SERVICE_ERASE_H

#include "rules/erase.h"
#include "service/admin.h"
#include "service/change.h"
#include "service/ledger.h"

/*
 * Writes. `entity` is contact, customer or user. Devices of an erased user are revoked. `*out_rows`: rows that lost
 * something. Errors: NOT_FOUND, UNSUPPORTED (entity), FORBIDDEN (only the operator may).
 */
SATCHEL_MUST_USE satchel_status satchel_person_erase(const satchel_service *service, satchel_db *db,
                                                     const satchel_actor *actor, uint32_t entity, const satchel_id *row,
                                                     satchel_text reason, satchel_id *out_id, uint64_t *out_rows,
                                                     satchel_error *error);

typedef struct satchel_person_row {
    uint32_t entity;
    satchel_id id;
} satchel_person_row;
/* Reads: the subject's rows and those that name it, in `arena`; the subject first. */
SATCHEL_MUST_USE satchel_status satchel_person_rows(const satchel_service *service, satchel_db *db,
                                                    satchel_arena *arena, uint32_t entity, const satchel_id *row,
                                                    satchel_person_row **out, uint32_t *out_count,
                                                    satchel_error *error);

/* Is the op about one of the rows, or does it name a person among them? */
bool satchel_person_is_in(const satchel_schema *schema, const satchel_person_row *rows, uint32_t count,
                          const satchel_op *op);

/* Writes: carries an erasure of the ledger out on a database that does not have it. */
SATCHEL_MUST_USE satchel_status satchel_erase_again(const satchel_service *service, satchel_db *db,
                                                    const satchel_ledger_entry *entry, bool *out_done,
                                                    satchel_error *error);

/* Takes out of an op what must not be written again. `*out_empty`: its row was erased, so nothing of it is left. */
SATCHEL_MUST_USE satchel_status satchel_erase_strip(satchel_change *change, satchel_op *op, bool *out_empty,
                                                    satchel_error *error);

/* Does the op touch, or name, a row that was erased? Its bytes are not to be kept then. */
SATCHEL_MUST_USE satchel_status satchel_erase_concerns(satchel_change *change, const satchel_op *op, bool *out,
                                                       satchel_error *error);

/* --- phones: erase_phones.c --- */

/* Rows that a phone is told of at once; the next follow when it has confirmed these. */
#define SATCHEL_ERASED_PART_ROWS 2048u
/* Rows that one answer tells of in all. */
#define SATCHEL_ERASED_ROWS_OF_ANSWER 4096u

/* Appends frames for what the device was not told of, or did not confirm, as far as one answer goes. */
SATCHEL_MUST_USE satchel_status satchel_erase_frames(satchel_db *db, const satchel_id *device, satchel_arena *arena,
                                                     satchel_buffer *out, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_erase_due(satchel_db *db, const satchel_id *device, bool *out,
                                                  satchel_error *error);
/* Writes: the device says that it carried these out; ids of 16 bytes each. */
SATCHEL_MUST_USE satchel_status satchel_erase_confirmed(const satchel_service *service, satchel_db *db,
                                                        const satchel_id *device, satchel_bytes erasures,
                                                        satchel_error *error);
/*
 * Writes, in steps (`*out_left`: there are more): phones that cannot confirm any more are not waited for, and that is
 * recorded. RETIRED: it was wiped or retired and said so. REVOKED: it was revoked and its lease is over. LEASE_OVER: it
 * did not call within its lease; it is told all the same if it ever does. The audit says "erasure not confirmed".
 */
SATCHEL_MUST_USE satchel_status satchel_erase_close(const satchel_service *service, satchel_db *db, bool *out_left,
                                                    satchel_error *error);
/* Phones that did not confirm: `reason` OK for one that is waited for. */
typedef satchel_status (*satchel_erase_visitor)(void *context, const satchel_id *device, satchel_status reason,
                                                int64_t at_ms);
SATCHEL_MUST_USE satchel_status satchel_erase_phones(satchel_db *db, const satchel_id *erasure,
                                                     satchel_erase_visitor visit, void *context, satchel_error *error);

#endif
