/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must outlive a restored backup: numbers that were given out, epochs, revoked devices, erased persons. Entries
 * are written into an outbox in the transaction of their effect; whoever owns the ledger's file moves them there, and
 * makes them durable, before the effect is answered. An entry is absent from the outbox only if some server's ledger
 * holds it. Carrying out an entry again changes nothing.
 *
 *   entry   [kind 1] and  1 numbers   [epoch varint][n varint]: up to n may have been given out
 *                         2 epoch     [number varint]: it began
 *                         3 revoked   [device 16]
 *                         4 erased    [erasure 16][entity varint][row 16][at zigzag]
 */
#ifndef SATCHEL_SERVER_SERVICE_LEDGER_H
#define SATCHEL_SERVER_SERVICE_LEDGER_H

#include "service/state.h"

/* Numbers of revisions are reserved so many at a time. */
#define SATCHEL_LEDGER_RESERVE 4096u
#define SATCHEL_LEDGER_ENTRY_MOST 64u

typedef enum satchel_ledger_kind {
    SATCHEL_LEDGER_NUMBERS = 1,
    SATCHEL_LEDGER_EPOCH = 2,
    SATCHEL_LEDGER_REVOKED = 3,
    SATCHEL_LEDGER_ERASED = 4
} satchel_ledger_kind;

typedef struct satchel_ledger_entry {
    satchel_ledger_kind kind;
    uint32_t epoch; /* NUMBERS, EPOCH */
    uint64_t n;     /* NUMBERS */
    satchel_id id;  /* device, or erasure */
    uint32_t entity;
    satchel_id row;
    int64_t at_ms;
} satchel_ledger_entry;

SATCHEL_MUST_USE satchel_status satchel_ledger_encode(const satchel_ledger_entry *entry, satchel_buffer *out);
/* Errors: MALFORMED (also: a kind that this version does not know). */
SATCHEL_MUST_USE satchel_status satchel_ledger_decode(satchel_bytes bytes, satchel_ledger_entry *out);

/* Writes an entry into the outbox, once. */
SATCHEL_MUST_USE satchel_status satchel_ledger_put(satchel_db *db, const satchel_ledger_entry *entry,
                                                   satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_ledger_reserve(satchel_db *db, uint32_t epoch, uint64_t n,
                                                       satchel_error *error);

/* How many entries wait in the outbox. */
SATCHEL_MUST_USE satchel_status satchel_ledger_waiting(satchel_db *db, uint64_t *out, satchel_error *error);

/* Called for each entry that waits; a status other than OK ends the walk and is returned. */
typedef satchel_status (*satchel_ledger_visitor)(void *context, const satchel_id *id, satchel_bytes entry);
SATCHEL_MUST_USE satchel_status satchel_ledger_list(satchel_db *db, satchel_ledger_visitor visit, void *context,
                                                    satchel_error *error);
/* Writes: some ledger holds it. */
SATCHEL_MUST_USE satchel_status satchel_ledger_drop(satchel_db *db, const satchel_id *id, satchel_error *error);

/* What a ledger says of numbers. */
typedef struct satchel_ledger_marks {
    uint32_t epoch; /* the newest */
    uint64_t n;     /* the highest */
} satchel_ledger_marks;
void satchel_ledger_mark(satchel_ledger_marks *marks, const satchel_ledger_entry *entry);

/* Has the entry yet to be carried out on the database? */
SATCHEL_MUST_USE satchel_status satchel_ledger_is_due(satchel_db *db, const satchel_ledger_entry *entry, bool *out,
                                                      satchel_error *error);

/*
 * Writes: carries out an entry of a ledger on the database if it was not yet (revoked, erased; marks are the caller's
 * business). `*out_done` true: it was not.
 */
SATCHEL_MUST_USE satchel_status satchel_ledger_carry_out(const satchel_service *service, satchel_db *db,
                                                         const satchel_ledger_entry *entry, bool *out_done,
                                                         satchel_error *error);

#endif
