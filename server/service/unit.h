/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Units: deciding on what a phone committed as one transaction.
 *
 * A unit is atomic. If one of its ops is refused, none is applied: that op is REFUSED, the others are HELD by it. If
 * one is parked, all are parked: whoever decides on them decides on each. Facts never stand beside edits that can be
 * parked (the verbs of field sales see to it), so parking a unit parks no fact of theirs. Everything that was not
 * applied is kept.
 */
#ifndef SATCHEL_SERVER_SERVICE_UNIT_H
#define SATCHEL_SERVER_SERVICE_UNIT_H

#include "service/identity.h"

/* A unit as it came, decoded outside the writer. */
typedef struct satchel_arrived_unit {
    satchel_bytes bytes;       /* its own, without what is shown behind them */
    satchel_unit_return shown; /* receipt empty: nothing */
    satchel_unit_ops head;     /* ops decoded, up to the first that cannot be */
    satchel_bytes *op_bytes;
    uint8_t digest[SATCHEL_DIGEST_BYTES];
    satchel_status bad_status; /* OK: all ops were decoded */
    uint32_t bad_index;
    char bad_rule[SATCHEL_ERROR_DETAIL_BYTES];
    satchel_bytes result; /* the frame that was stored when this exchange decided on it; empty: it did not */
} satchel_arrived_unit;

/* Decodes; ops that cannot be read are noted, not an error. Errors: MALFORMED (no unit at all), LIMIT_EXCEEDED,
 * NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_unit_arrive(const satchel_schema *schema, satchel_bytes bytes,
                                                    satchel_arena *arena, satchel_arrived_unit *out,
                                                    satchel_error *error);

/* Reads its ops once more: deciding on an op may change it. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_unit_read_ops(const satchel_schema *schema, satchel_arena *arena,
                                                      satchel_arrived_unit *unit, satchel_error *error);

/* What is the same for all units of an exchange, in the writer's transaction. */
typedef struct satchel_intake {
    const satchel_service *service;
    satchel_db *db;
    satchel_counter *counter;
    const satchel_person *person;
    const satchel_scope_list *scopes;
    const satchel_author *author;
    satchel_moment phone_now;
    uint8_t receipt_key[SATCHEL_KEY_BYTES];
    satchel_change_batch batch;
    satchel_arena *lasting; /* of the exchange: results live there until it is answered */
    satchel_arena *scratch; /* of the unit that is being decided: its blocks serve the next one too */
    bool seen_known;        /* the last seen revision that was looked up, and its time */
    uint64_t seen_n;
    int64_t seen_ms;
    bool parks;      /* the device is being retired */
    bool has_unmade; /* this device has rows that were not made: dependents are looked for */
    /*
     * Units are decided under one savepoint of the caller's, without one each, which costs as much as a change. If one
     * must be undone, `torn` is set and BUSY given: the caller undoes all and decides each by itself.
     */
    bool together;
    bool torn;
    uint64_t applied, refused, parked, held, quarantined; /* units */
} satchel_intake;

/*
 * Decides on one new unit, writes what follows and the stored result. Errors: those of the machine; nothing of the unit
 * is kept then. What fails twice for another reason is quarantined.
 */
SATCHEL_MUST_USE satchel_status satchel_unit_decide(satchel_intake *intake, satchel_arrived_unit *unit,
                                                    satchel_error *error);

/*
 * An older life of the same device in which a unit with this number and these bytes was decided; 0: none. It need not
 * be an ancestor: one copy may have been put back twice.
 */
SATCHEL_MUST_USE satchel_status satchel_unit_decided_in(satchel_db *db, const satchel_incarnation *incarnation,
                                                        const satchel_arrived_unit *unit, uint64_t *out,
                                                        satchel_error *error);

/* A unit that was decided before: its digest. `*out_found` false: it was not. */
SATCHEL_MUST_USE satchel_status satchel_unit_known(satchel_db *db, uint64_t incarnation, uint64_t first_sequence,
                                                   uint8_t out_digest[SATCHEL_DIGEST_BYTES], bool *out_found,
                                                   satchel_error *error);

/* Appends the stored result of a unit, with what the person may see now of winners and losers, as a frame. Behind a
 * page's worth of bytes in `out` values are left out. A unit with its result at hand is not looked up. */
SATCHEL_MUST_USE satchel_status satchel_unit_reply(const satchel_service *service, satchel_db *db,
                                                   const satchel_person *person, uint64_t incarnation,
                                                   const satchel_arrived_unit *unit, satchel_arena *arena,
                                                   satchel_buffer *out, satchel_error *error);

#endif
