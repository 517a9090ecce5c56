/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must outlive a restored backup. Entries are written into the database in the transaction of their effect,
 * numbered 1, 2, … (serials); whoever owns a ledger's file copies them there in this order, durable before the effect
 * is answered. So every file is a beginning of one list, whichever server keeps it. Carrying one out again is nothing.
 *
 *   entry   [kind 1] and  1 numbers   [epoch varint][n varint]: up to n may have been given out
 *                         2 epoch     [number varint]: it began
 *                         3 revoked   [device 16]
 *                         4 erased    [erasure 16][entity varint][row 16][at zigzag]
 *                         5 numbered  [serial varint][one of the others], as it is in a file
 *                         6 enrolled  [device 16][user 16][first life 16][public key 32]: so that what it sent comes
 * back
 */
#ifndef SATCHEL_SERVER_SERVICE_LEDGER_H
#define SATCHEL_SERVER_SERVICE_LEDGER_H

#include "crypto/sign.h"
#include "service/state.h"

/* Numbers of revisions are reserved so many at a time. */
#define SATCHEL_LEDGER_RESERVE 4096u
#define SATCHEL_LEDGER_ENTRY_MOST 128u

typedef enum satchel_ledger_kind {
    SATCHEL_LEDGER_NUMBERS = 1,
    SATCHEL_LEDGER_EPOCH = 2,
    SATCHEL_LEDGER_REVOKED = 3,
    SATCHEL_LEDGER_ERASED = 4,
    SATCHEL_LEDGER_NUMBERED = 5, /* never of an entry in memory */
    SATCHEL_LEDGER_ENROLLED = 6
} satchel_ledger_kind;

typedef struct satchel_ledger_entry {
    satchel_ledger_kind kind;
    uint64_t serial; /* 0: it has none, in a file of before */
    uint32_t epoch;  /* NUMBERS, EPOCH */
    uint64_t n;      /* NUMBERS */
    satchel_id id;   /* device, or erasure */
    uint32_t entity;
    satchel_id row; /* ENROLLED: the user */
    int64_t at_ms;
    satchel_id life; /* ENROLLED */
    uint8_t public_key[SATCHEL_SIGN_PUBLIC_BYTES];
} satchel_ledger_entry;

/* With its serial, if it has one. */
SATCHEL_MUST_USE satchel_status satchel_ledger_encode(const satchel_ledger_entry *entry, satchel_buffer *out);
/* The same of an entry that is encoded already, perhaps by a later version. */
SATCHEL_MUST_USE satchel_status satchel_ledger_number(uint64_t serial, satchel_bytes entry, satchel_buffer *out);
/* The serial that encoded bytes say, 0 if none, whatever entry follows. */
uint64_t satchel_ledger_serial_of(satchel_bytes bytes);
/* Errors: MALFORMED (also: a kind that this version does not know). */
SATCHEL_MUST_USE satchel_status satchel_ledger_decode(satchel_bytes bytes, satchel_ledger_entry *out);

/* Writes an entry behind the others, once; its serial is found. */
SATCHEL_MUST_USE satchel_status satchel_ledger_put(satchel_db *db, const satchel_ledger_entry *entry,
                                                   satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_ledger_reserve(satchel_db *db, uint32_t epoch, uint64_t n,
                                                       satchel_error *error);
/*
 * Writes: an entry that a file holds has there the serial that the file says; another that has it here was written by a
 * server that did not know of the file, and goes behind all. `*out_new`: it was not here.
 */
SATCHEL_MUST_USE satchel_status satchel_ledger_adopt(satchel_db *db, const satchel_ledger_entry *entry, bool *out_new,
                                                     satchel_error *error);

/* Writes: entries of a database of before the serials get theirs. */
SATCHEL_MUST_USE satchel_status satchel_ledger_number_all(satchel_db *db, satchel_error *error);

/* The newest serial here; 0: there is no entry. */
SATCHEL_MUST_USE satchel_status satchel_ledger_head(satchel_db *db, uint64_t *out, satchel_error *error);
/* Up to here some ledger's file is known to hold every entry: it was written there, or a phone was told so. */
SATCHEL_MUST_USE satchel_status satchel_ledger_known(satchel_db *db, uint64_t *out, satchel_error *error);
/* Writes: it is known now. Never takes anything back; of an old copy that was found out nothing is to be known. */
SATCHEL_MUST_USE satchel_status satchel_ledger_know(satchel_db *db, uint64_t serial, satchel_error *error);
/* Writes: what was known is of an old copy; the ledger that is missing goes so far at least, 0 if nobody said. */
SATCHEL_MUST_USE satchel_status satchel_ledger_want(satchel_db *db, uint64_t serial, satchel_error *error);
/* How many entries no file is known to hold. */
SATCHEL_MUST_USE satchel_status satchel_ledger_waiting(satchel_db *db, uint64_t *out, satchel_error *error);

/* Called for each entry behind `after`, in order; a status other than OK ends the walk and is returned. */
typedef satchel_status (*satchel_ledger_visitor)(void *context, uint64_t serial, satchel_bytes entry);
SATCHEL_MUST_USE satchel_status satchel_ledger_list(satchel_db *db, uint64_t after, satchel_ledger_visitor visit,
                                                    void *context, satchel_error *error);

/* What a ledger says of numbers. */
typedef struct satchel_ledger_marks {
    uint32_t epoch;  /* the newest */
    uint64_t n;      /* the highest */
    uint64_t serial; /* of its newest entry */
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
