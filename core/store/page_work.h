/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page that is being stored: what page.c (frames, slices), page_row.c (rows) and page_aside.c (what cannot be stored
 * yet) share.
 */
#ifndef SATCHEL_STORE_PAGE_WORK_H
#define SATCHEL_STORE_PAGE_WORK_H

#include "store/page.h"

typedef struct satchel_page_work {
    satchel_store *store;
    satchel_store_outcome *outcome;
    satchel_arena arena; /* of one frame */
    uint32_t epoch;      /* of a restored server, whose first page this is; 0: nothing of the kind */
    uint64_t through;    /* the page holds the own ops up to here */
    size_t offset;       /* of the next frame */
    size_t within;       /* rows of it that are done */
    uint32_t granted;    /* rows that this slice may store, */
    uint32_t budget;     /* … and may still */
    satchel_bytes frame; /* the bytes of the row frame in hand */
    int64_t scope_set;   /* its local scope set */
    bool retrying;       /* what was set aside is tried again */
    bool index_at_once;  /* many rows share a transaction: the queue of the search would cost more than it saves */
    bool custom_changed;
    bool conflicts_changed;
    satchel_error *error;
} satchel_page_work;

typedef struct satchel_touched_row {
    uint32_t entity;
    satchel_id id;
} satchel_touched_row;

void satchel_page_note_changed(satchel_page_work *work, uint32_t entity);

/* --- page_row.c --- */

/* Stores a row, or sets it aside. */
SATCHEL_MUST_USE satchel_status satchel_page_put_row(satchel_page_work *work, const satchel_row_frame *frame);
/* Goes on behind the rows that are done; `*out_done` false: the budget ended it. */
SATCHEL_MUST_USE satchel_status satchel_page_take_rows(satchel_page_work *work, const satchel_removal_frame *removal,
                                                       bool *out_done);

/* --- page_aside.c --- */

/* The frame in hand, which is of this row, waits until it can be stored. */
SATCHEL_MUST_USE satchel_status satchel_aside_set(satchel_page_work *work, const satchel_row_frame *row,
                                                  satchel_status why);
/*
 * A part of a row whose earlier news are set aside waits behind them: laid on the old row it would hide that they are
 * missing. `*out_waits` false: nothing of the row is set aside.
 */
SATCHEL_MUST_USE satchel_status satchel_aside_queue(satchel_page_work *work, const satchel_row_frame *row,
                                                    bool *out_waits);

#endif
