/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Units that were decided in an epoch that ended, shown again with their receipts: decided facts. Nothing is validated
 * and no access is decided; merging repeats what was.
 *
 * Phones come in any order. So each row that such ops touch is kept as it was before the first of them, with the ops in
 * their old order, and built anew whenever one comes in between. A row that somebody wrote to since the restore is not
 * built anew: an op that comes then is merged into it with its old stamp and its base capped.
 *
 *   receipt   [epoch 4][n 8][first 16 bytes of the keyed hash of device ‖ digest ‖ stamp 8 ‖ code 8 ‖ epoch 8 ‖ n 8]
 */
#ifndef SATCHEL_SERVER_SERVICE_RETURNED_H
#define SATCHEL_SERVER_SERVICE_RETURNED_H

#include "service/epoch.h"
#include "service/journal.h"
#include "service/unit.h"

/* What a receipt is about. */
typedef struct satchel_receipt_facts {
    satchel_id device; /* that sent the unit: nobody else's receipt is of use */
    uint8_t digest[SATCHEL_DIGEST_BYTES];
    int64_t stamp_ms;
    satchel_result_code code; /* as it travels: REFUSED counts as HELD */
    uint32_t epoch;
    uint64_t n;
} satchel_receipt_facts;

void satchel_receipt_make(const uint8_t key[SATCHEL_KEY_BYTES], const satchel_receipt_facts *facts,
                          uint8_t out[SATCHEL_RECEIPT_BYTES], uint8_t out_commitment[SATCHEL_HASH_BYTES]);
/* Was it made by this company for this device, these bytes and this decision? Gives epoch and n. */
bool satchel_receipt_check(const uint8_t key[SATCHEL_KEY_BYTES], const satchel_id *device,
                           const uint8_t digest[SATCHEL_DIGEST_BYTES], const satchel_unit_return *shown,
                           satchel_receipt_facts *out);

typedef enum satchel_return_kind {
    SATCHEL_RETURN_NONE = 0, /* not shown, or not to be believed: the unit is decided on like a new one */
    SATCHEL_RETURN_KEPT = 1, /* its effect is in the database, perhaps by another life of the store */
    SATCHEL_RETURN_LOST = 2  /* its effect was lost */
} satchel_return_kind;
SATCHEL_MUST_USE satchel_status satchel_return_look(satchel_db *db, const satchel_counter *counter,
                                                    const uint8_t key[SATCHEL_KEY_BYTES], const satchel_author *author,
                                                    const satchel_arrived_unit *unit, satchel_return_kind *out_kind,
                                                    satchel_receipt_facts *out, satchel_error *error);

/*
 * Carries out one op of an applied unit; `old_n` is its revision then. What no longer makes sense is passed over. A
 * command is noted only.
 */
SATCHEL_MUST_USE satchel_status satchel_returned_op(satchel_change *change, satchel_op *op, uint64_t old_n,
                                                    satchel_error *error);

/*
 * After the ops of a unit: a root that is deleted, while a row below it lives that came back later or that its deletion
 * did not meet, comes back with what was deleted with it, and a person is asked; as when a deletion meets such a row.
 */
SATCHEL_MUST_USE satchel_status satchel_returned_families(satchel_change *change, const satchel_op *ops, uint32_t count,
                                                          satchel_error *error);

/* Is the writer an op that came back in this epoch, of whatever row? */
SATCHEL_MUST_USE satchel_status satchel_returned_is(satchel_db *db, const satchel_writer *writer, bool *out,
                                                    satchel_error *error);

/*
 * After the ops of a unit: carries out the commands that came back, in their old order, whoever gave them. One of a row
 * on which a later one about the same was carried out is passed over, for what that left is what was. One that cannot
 * be carried out yet, because what it is about did not come back, waits for the units that follow; the first time the
 * audit tells why
 * ("returned command waits"). One that was overtaken since the restore waits no more. Rules that were kept then are not
 * asked again; but what needs somebody's approval by the rights of now is asked for again, under the same name, so that
 * his answer finds it when it comes back, too.
 */
SATCHEL_MUST_USE satchel_status satchel_returned_commands(satchel_change *change, satchel_error *error);
/* Tried with one unit, in turn; those whose row is not there do not count. */
#define SATCHEL_RETURNED_COMMANDS_MOST 256

#endif
