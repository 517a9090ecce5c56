/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading: pages of rows, materialised, so that no read holds the store once the call has returned.
 *
 * A row is given as protobuf bytes of its entity's message in model.proto, as the user sees it: the server's value with
 * his own pending changes on top.
 */
#ifndef SATCHEL_READ_H
#define SATCHEL_READ_H

#include <satchel/device.h>
#include <satchel/query.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SATCHEL_PAGE_ROWS_MOST 1000

typedef struct satchel_page satchel_page;

/* Bits of satchel_row_view.flags. */
#define SATCHEL_ROW_PENDING 1u  /* has changes that the server has not decided on */
#define SATCHEL_ROW_CONFLICT 2u /* has an open conflict */
#define SATCHEL_ROW_REFUSED 4u  /* has a refused or held change */
#define SATCHEL_ROW_DELETED 8u

typedef struct satchel_row_view {
    satchel_id id;
    satchel_bytes record; /* owned by the page */
    uint32_t flags;
    uint64_t base_n; /* revision of the server's value below it, 0 = the server does not have it */
} satchel_row_view;

/*
 * Up to `limit` rows (1 … SATCHEL_PAGE_ROWS_MOST) from the start, or behind `after`, the keyset of an earlier page of
 * an equal query (empty: from the start). The page stays as it is whatever happens to the store; the query may be
 * closed. Errors: INVALID_ARGUMENT (limit), MALFORMED (keyset of another query), UNKNOWN_FIELD, WRONG_TYPE, UNSUPPORTED
 * (query), LOCKED, DAMAGED, IO_ERROR, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_page_open(satchel_page **out, satchel_device *device,
                                                  const satchel_query *query, satchel_bytes after, uint32_t limit,
                                                  satchel_error *error);
void satchel_page_close(satchel_page *page);

uint32_t satchel_page_count(const satchel_page *page);
/* Errors: OUT_OF_RANGE. */
SATCHEL_MUST_USE satchel_status satchel_page_row(const satchel_page *page, uint32_t index, satchel_row_view *out);
/* Where to go on; empty if there is nothing more. Owned by the page. */
satchel_bytes satchel_page_next(const satchel_page *page);

/*
 * One row as a page of one.
 * Errors: NOT_FOUND (absent, deleted or out of reach), UNKNOWN_ENTITY and as satchel_page_open.
 */
SATCHEL_MUST_USE satchel_status satchel_row_open(satchel_page **out, satchel_device *device, uint32_t entity,
                                                 const satchel_id *id, satchel_error *error);

/* Number of rows that fit. Errors: as satchel_page_open. */
SATCHEL_MUST_USE satchel_status satchel_count(satchel_device *device, const satchel_query *query, uint64_t *out,
                                              satchel_error *error);

#ifdef __cplusplus
}
#endif
#endif
