/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit chain: append-only rows of audit_event, each holding the hash of the one before.
 *
 *   hash = BLAKE2b-256(previous hash ‖ position ‖ at ‖ part(action) ‖ part(user) ‖ part(device) ‖ subject entity ‖
 *                      part(subject row) ‖ status ‖ part(commitment))
 *
 * Numbers are 8 bytes, big-endian; part(x) is the length of x in 8 bytes, then x. Entries hold ids and keyed hashes of
 * what was decided, never values.
 */
#ifndef SATCHEL_SERVER_SERVICE_AUDIT_H
#define SATCHEL_SERVER_SERVICE_AUDIT_H

#include "service/state.h"

typedef struct satchel_audit_entry {
    const char *action; /* lower case, at most 60 bytes: "unit", "user add", … */
    satchel_id user;    /* none: the operator, or nobody */
    satchel_id device;
    uint32_t subject_entity;
    satchel_id subject_row;
    satchel_status status;
    satchel_bytes commitment; /* empty or 32 bytes */
} satchel_audit_entry;

/* Writes the entry and moves the chain's end in `counter`, which the caller writes back. */
SATCHEL_MUST_USE satchel_status satchel_audit_add(satchel_db *db, satchel_counter *counter, int64_t at_ms,
                                                  const satchel_audit_entry *entry, satchel_error *error);

/* For what happens outside a change: reads and writes the counter itself. */
SATCHEL_MUST_USE satchel_status satchel_audit_note(const satchel_service *service, satchel_db *db,
                                                   const satchel_audit_entry *entry, satchel_error *error);

#endif
