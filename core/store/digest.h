/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store holds of the server's rows, as one digest: a sum an own scope set, moved with every row that is
 * stored or goes, so that comparing costs nothing and a lost scope takes its sum along.
 *
 * A row counts with the n of the server's value, whatever own ops lie on it; a deleted one does not, nor one that the
 * server is not known to have, nor one that is hidden. The sums are checked now and then by counting them anew from
 * the rows, in slices of the background work: damage behind the store's back shows there. Only if the count still
 * differs from what the server said does a request carry ranges.
 */
#ifndef SATCHEL_STORE_DIGEST_H
#define SATCHEL_STORE_DIGEST_H

#include "store/rows.h"

#define SATCHEL_DIGEST_RANGE_ROWS 32  /* rows of a first range, so that small stores ask about few */
#define SATCHEL_DIGEST_FIRST_BITS 8   /* … at most 2^8 of them */
#define SATCHEL_DIGEST_SPLIT_BITS 6   /* how much finer the ranges of a range that was split are */
#define SATCHEL_DIGEST_ROUNDS_MOST 24 /* requests with ranges in a row that did not help */
#define SATCHEL_DIGEST_ROUNDS_AGAIN 8 /* … and then once a day */
#define SATCHEL_DIGEST_DAY_MS 86400000
#define SATCHEL_DIGEST_COUNT_MS (7 * SATCHEL_DIGEST_DAY_MS) /* the sums are counted anew after this long */

typedef struct satchel_digests satchel_digests;

SATCHEL_MUST_USE satchel_status satchel_digests_make(satchel_store *store, satchel_error *error);
/* What a transaction that failed did is forgotten; a count under way begins again. */
SATCHEL_MUST_USE satchel_status satchel_digests_reload(satchel_store *store, satchel_error *error);
void satchel_digests_close(satchel_store *store);
/* Writes what moved, in the running transaction. */
SATCHEL_MUST_USE satchel_status satchel_digests_flush(satchel_store *store, satchel_error *error);

/* The row was `before` (NULL: it was not there) and is `after` (NULL: it goes). In the running transaction. */
SATCHEL_MUST_USE satchel_status satchel_digests_move(satchel_store *store, const satchel_stored_row *before,
                                                     const satchel_stored_row *after, satchel_error *error);
/* The rows that the statement (satchel_digest_columns, bound) gives leave; it is ended. `*out_any`: there were some. */
SATCHEL_MUST_USE satchel_status satchel_digests_leave(satchel_store *store, const satchel_table *table,
                                                      sqlite3_stmt *statement, bool *out_any, satchel_error *error);
/* The scope set died, with all its rows. */
SATCHEL_MUST_USE satchel_status satchel_digests_drop(satchel_store *store, int64_t local, satchel_error *error);

/* A page that is not the last, or tells no digest: what the server said last is not about these rows any more. */
void satchel_digests_unknown(satchel_store *store);
/* What the server says that the store holds behind the page that is being stored. */
SATCHEL_MUST_USE satchel_status satchel_digests_compare(satchel_store *store, satchel_bytes digest,
                                                        satchel_error *error);
/* What it says to the ranges that were asked about: rows of settled ones that it does not name go. */
SATCHEL_MUST_USE satchel_status satchel_digests_settle(satchel_store *store, const satchel_ranges_frame *ranges,
                                                       satchel_store_outcome *outcome, satchel_error *error);

/* Is there anything to count? Then satchel_digests_slice goes on with it, at most `*budget_rows` rows. */
bool satchel_digests_count_is_due(const satchel_store *store);
SATCHEL_MUST_USE satchel_status satchel_digests_slice(satchel_store *store, uint32_t *budget_rows,
                                                      satchel_error *error);

#endif
