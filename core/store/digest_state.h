/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the digests: what digest.c and digest_ask.c share.
 */
#ifndef SATCHEL_STORE_DIGEST_STATE_H
#define SATCHEL_STORE_DIGEST_STATE_H

#include "store/digest.h"

typedef struct satchel_set_digest {
    int64_t local;
    satchel_row_digest sum;
    satchel_row_digest counted; /* of the rows that a count under way has passed */
    bool moved;
} satchel_set_digest;

struct satchel_digests {
    satchel_set_digest *sets;
    uint32_t count;
    uint32_t capacity;
    uint32_t last; /* the one that was looked up last */
    bool moved;    /* some sum */
    bool changed;  /* the state, which follows */

    bool counted;              /* the sums were right once, and followed every row since */
    bool known;                /* `server` is about the rows that are here */
    bool differs;              /* they are not what the server says */
    uint32_t rounds;           /* requests with ranges since they agreed */
    uint64_t repairs;          /* differences that were made good */
    int64_t counted_ms;        /* server time of the last count */
    int64_t asked_ms;          /* … of the last request with ranges */
    satchel_row_digest server; /* what its last complete page said */

    /* in memory alone */
    bool recount;
    bool counting;
    uint32_t table; /* index of the table that the count stands in, and the last row that was counted */
    int64_t rowid;
    satchel_digest_range splits[SATCHEL_LIMIT_DIGEST_RANGES]; /* to be asked about in finer ranges */
    uint32_t split_count;
};

typedef struct satchel_digest_row {
    const satchel_table *table;
    int64_t rowid;
    satchel_id id;
    satchel_id root; /* its own id if it has none */
    int64_t local;
    uint64_t n;
    bool counts;
    satchel_row_digest digest;
} satchel_digest_row;

/* `SELECT … FROM "table"` as satchel_digest_row_read wants it. */
SATCHEL_MUST_USE satchel_status satchel_digest_columns(const satchel_store *store, const satchel_table *table,
                                                       satchel_buffer *out);
/* `arena` is reset. Errors: DAMAGED, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_digest_row_read(satchel_store *store, const satchel_table *table,
                                                        sqlite3_stmt *statement, satchel_arena *arena,
                                                        satchel_digest_row *out, satchel_error *error);

#endif
