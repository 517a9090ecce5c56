/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of reasons while it is made: reasons.c tells of ops and unread rows, reasons_conflicts.c of values that
 * lost.
 */
#ifndef SATCHEL_STORE_REASONS_H
#define SATCHEL_STORE_REASONS_H

#include "store/page.h"

typedef struct satchel_reason_list {
    satchel_store *store;
    satchel_arena *arena;
    satchel_reason *items;
    uint32_t count;
    uint32_t capacity;
    uint32_t limit;
    satchel_error *error;
} satchel_reason_list;

/* Room for one more, zeroed; NULL: no memory. The array may move. */
satchel_reason *satchel_reasons_add(satchel_reason_list *list);

/* Is the row here and within reach? Of rows that are not, no value is shown. */
SATCHEL_MUST_USE satchel_status satchel_reasons_visible(satchel_store *store, uint32_t entity, const satchel_id *id,
                                                        bool *out, satchel_error *error);

SATCHEL_MUST_USE satchel_status satchel_reasons_encode(satchel_reason_list *list, uint32_t entity,
                                                       const satchel_record *record, satchel_bytes *out);

/* When a moment was, on the server's clock as well as the phone knew it. */
int64_t satchel_reasons_moment_ms(const satchel_moment *moment);

/* Rows of entity conflict, of one subject or (entity 0) all, then losses that results told of and no row does. */
SATCHEL_MUST_USE satchel_status satchel_reasons_conflicts(satchel_reason_list *list, uint32_t entity,
                                                          const satchel_id *row, const satchel_id *user);
SATCHEL_MUST_USE satchel_status satchel_reasons_losses(satchel_reason_list *list, uint32_t entity,
                                                       const satchel_id *row);

#endif
