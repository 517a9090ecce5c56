/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a page tells of digests.
 */
#ifndef SATCHEL_SERVER_SERVICE_DIGEST_PAGE_H
#define SATCHEL_SERVER_SERVICE_DIGEST_PAGE_H

#include "service/digest.h"
#include "service/pull.h"

typedef struct satchel_digest_page {
    bool known;
    uint8_t digest[SATCHEL_ROW_DIGEST_BYTES];
    satchel_buffer frame; /* of ranges, may be empty */
    bool whole;           /* the ranges were everything, and this is what was counted in them */
    satchel_row_digest counted;
} satchel_digest_page;

/* Gathers the rows of ranges that differ. `question` may be NULL. `out` is to be deinited whatever was returned. */
SATCHEL_MUST_USE satchel_status satchel_digest_page_ask(satchel_gathering *gathering,
                                                        const satchel_pull_question *question, uint32_t page_bytes,
                                                        satchel_digest_page *out);
/* The digest of a last page. `*out_books_differ`: it is not what was counted from the rows just now. */
SATCHEL_MUST_USE satchel_status satchel_digest_page_tell(satchel_gathering *gathering, satchel_digest_page *page,
                                                         bool *out_books_differ);
void satchel_digest_page_deinit(satchel_digest_page *page);

/* Writes what should never happen into audit and metrics; sums that are wrong are to be made anew. */
SATCHEL_MUST_USE satchel_status satchel_digest_note(const satchel_service *service, satchel_db *db,
                                                    const satchel_id *user, const satchel_id *device, bool asks,
                                                    bool books_differ, satchel_error *error);

#endif
