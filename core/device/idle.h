/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that nobody waits for, in slices: purge, index, upgrade, ops sealed anew. A slice holds the device for some
 * SATCHEL_IDLE_SLICE_MS at most on any phone, because the next one is sized by how long the last one took. What
 * cannot be divided takes longer: a merge within the search index, a checkpoint, an upgrade's new index
 * (core/doc/store.md).
 */
#ifndef SATCHEL_DEVICE_IDLE_H
#define SATCHEL_DEVICE_IDLE_H

#include "store/reseal.h"
#include "store/store.h"

struct satchel_device;

#define SATCHEL_IDLE_SLICE_MS 10
/* Rows of a slice: the first, and the bounds for those that follow. */
#define SATCHEL_IDLE_ROWS_FIRST 32u
#define SATCHEL_IDLE_ROWS_LEAST 8u
#define SATCHEL_IDLE_ROWS_MOST 64u
/* Of a slice of a page: nothing in it takes long all at once, so it may be larger, for fewer commits. */
#define SATCHEL_STORING_ROWS_FIRST 64u
#define SATCHEL_STORING_ROWS_MOST 256u

/*
 * Rows of slices that share a transaction: many while nobody uses the device, for a commit writes the pages of the
 * indexes again; few while somebody does, who waits for it.
 */
#define SATCHEL_SHARED_ROWS 4096u
#define SATCHEL_SHARED_ROWS_IN_USE 256u
#define SATCHEL_IN_USE_MS 1000 /* so long behind a call the device counts as used */

/* Rows that a page may have so that it is stored in about SATCHEL_SYNC_PAGE_MS; no fewer than these. */
#define SATCHEL_CREDIT_ROWS_LEAST 256u

typedef struct satchel_idle {
    uint32_t rows;      /* of the next slice */
    uint32_t page_rows; /* of the next slice of a page */
    unsigned calls;     /* of others, as they were counted last, */
    int64_t in_use_ms;  /* … and until when the device is in use */
    satchel_reseal_position reseal;
} satchel_idle;

/* After opening. */
void satchel_idle_begin(struct satchel_device *device);

/* Before a slice that begins now: how many rows may share its transaction. */
void satchel_idle_share(struct satchel_device *device, int64_t now_ms);

/* The rows of the slice behind one of `rows` that took so long. */
uint32_t satchel_idle_rows_after(uint32_t rows, int64_t took_ms);

uint32_t satchel_page_rows_after(uint32_t rows, int64_t took_ms);

/* Rows that the phone takes in a page, as its slices are `slice_rows` long; 0: it is quick, the link alone counts. */
uint32_t satchel_idle_page_credit(uint32_t slice_rows);

/*
 * Stores a slice of a page: the first one of `payload`, or with NULL data the next one of the page that was begun. The
 * device is held. Errors: those of satchel_store_page_begin and satchel_store_page_go_on.
 */
SATCHEL_MUST_USE satchel_status satchel_idle_page(struct satchel_device *device, satchel_bytes payload,
                                                  const satchel_sync_state *state, satchel_store_outcome *out,
                                                  bool *out_left, satchel_error *error);

/* A slice of what the store alone has to do; the device is held. Errors: those of the store. */
SATCHEL_MUST_USE satchel_status satchel_idle_purge(struct satchel_device *device, bool *out_left, satchel_error *error);

#endif
