/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept for people: values that lost (conflict), changes that were refused (refusal), edits that wait for a
 * supervisor (parked_edit), and the bytes of units that were not applied (kept_unit).
 */
#ifndef SATCHEL_SERVER_SERVICE_JOURNAL_H
#define SATCHEL_SERVER_SERVICE_JOURNAL_H

#include "rules/conflict_values.h"
#include "service/change.h"

/*
 * Records one loss as a conflict row at the customer of the row that it is about. `*out_id` is its id.
 * Of one field of one row at most one conflict is open: an older one steps back, its loser is kept and can be restored.
 */
SATCHEL_MUST_USE satchel_status satchel_journal_conflict(satchel_change *change, const satchel_stored_row *row,
                                                         const satchel_standing *standing, const satchel_loss *loss,
                                                         satchel_id *out_id, satchel_error *error);

/* The same as an open conflict whose id the caller gives: what a parked edit would change. */
SATCHEL_MUST_USE satchel_status satchel_journal_offer(satchel_change *change, const satchel_stored_row *row,
                                                      const satchel_standing *standing, const satchel_loss *loss,
                                                      const satchel_id *id, satchel_error *error);

/* The two sides of a conflict row: records of its subject's entity. Errors: DAMAGED, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_journal_values(const satchel_schema *schema, const satchel_record *conflict,
                                                       satchel_arena *arena, satchel_record *out_winner,
                                                       satchel_record *out_loser, satchel_error *error);

/* A refused op, for administrators. */
SATCHEL_MUST_USE satchel_status satchel_journal_refusal(satchel_change *change, const satchel_op *op,
                                                        satchel_bytes op_bytes, const satchel_op_decision *decision,
                                                        satchel_error *error);

/* Id of the parked edit that an op of that incarnation is kept as. */
satchel_id satchel_parked_id(const satchel_id *incarnation, uint64_t sequence);

/* An op of a parked unit, sealed with the company's key, at the customer of its row. */
SATCHEL_MUST_USE satchel_status satchel_journal_park(satchel_change *change, const satchel_op *op,
                                                     satchel_bytes op_bytes, satchel_status reason,
                                                     const satchel_place *place, satchel_error *error);

/* Opens a parked edit's op again. Errors: DAMAGED, MALFORMED. */
SATCHEL_MUST_USE satchel_status satchel_journal_open_parked(const satchel_service *service, satchel_db *db,
                                                            const satchel_stored_row *parked, satchel_arena *arena,
                                                            satchel_op *out, satchel_error *error);

/* The unit as it came, for whatever code but APPLIED and MERGED. */
SATCHEL_MUST_USE satchel_status satchel_journal_keep(satchel_db *db, uint64_t incarnation, uint64_t first_sequence,
                                                     satchel_result_code code, satchel_status reason, int64_t at_ms,
                                                     satchel_bytes unit, satchel_error *error);

/* Who an interned incarnation is. All none for 0 and for unknown numbers. */
typedef struct satchel_writer_identity {
    satchel_id user;
    satchel_id device;
    satchel_id incarnation;
} satchel_writer_identity;
SATCHEL_MUST_USE satchel_status satchel_writer_look_up(satchel_db *db, uint64_t incarnation,
                                                       satchel_writer_identity *out, satchel_error *error);

#endif
