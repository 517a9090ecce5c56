/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pulling: the page that follows a cursor, read in one snapshot of the database.
 *
 *   scopes lost and gained ─► change lane (what moved behind the cursor) ─► snapshot lane (scopes that the phone lacks)
 *
 * The change lane always comes first and is read to its end before a snapshot goes on, so both lanes join at the
 * revision of the read. A change of an aggregate that its snapshot has not reached yet is left to the snapshot.
 */
#ifndef SATCHEL_SERVER_SERVICE_PULL_H
#define SATCHEL_SERVER_SERVICE_PULL_H

#include "service/aggregate.h"
#include "service/cursor.h"

typedef struct satchel_pulled_page {
    satchel_status status; /* OK, STALE_CURSOR; LIMIT_EXCEEDED: too many scopes */
    satchel_buffer frames; /* sets, losses, rows, removals */
    satchel_buffer cursor; /* empty: as in the request */
    uint64_t position_n;
    bool more;
    uint64_t rows_done;
    uint64_t rows_total;
    uint32_t rows;
    uint32_t removals;
    uint8_t digest[SATCHEL_ROW_DIGEST_BYTES]; /* of all that the phone holds behind it, in a last page that moved */
    bool has_digest;
    bool books_differ;               /* the sums that digests are told from are not what the rows say */
    satchel_wanted_set *wanted_sets; /* not NULL: these must get numbers first, and the page be asked for again */
} satchel_pulled_page;

/* What a phone asks of digests. */
typedef struct satchel_pull_question {
    bool digest_wanted;
    satchel_bytes ranges;
    uint32_t page_rows; /* 0: as many as fit */
} satchel_pull_question;

/* `out` is to be deinited whatever was returned. `question` may be NULL. Errors: those of the database, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_pull(const satchel_service *service, satchel_db *db,
                                             const satchel_person *person, satchel_bytes cursor, uint32_t page_bytes,
                                             const satchel_pull_question *question, satchel_arena *arena,
                                             satchel_pulled_page *out, satchel_error *error);
void satchel_pulled_page_deinit(satchel_pulled_page *page);

#endif
