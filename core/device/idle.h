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

struct satchel_device;

#define SATCHEL_IDLE_SLICE_MS 10
/* Rows of a slice: the first, and the bounds for those that follow. */
#define SATCHEL_IDLE_ROWS_FIRST 32u
#define SATCHEL_IDLE_ROWS_LEAST 8u
#define SATCHEL_IDLE_ROWS_MOST 64u

typedef struct satchel_idle {
    uint32_t rows; /* of the next slice */
    satchel_reseal_position reseal;
} satchel_idle;

/* After opening. */
void satchel_idle_begin(struct satchel_device *device);

/* The rows of the slice behind one of `rows` that took so long. */
uint32_t satchel_idle_rows_after(uint32_t rows, int64_t took_ms);

/* A slice of what the store alone has to do; the device is held. Errors: those of the store. */
SATCHEL_MUST_USE satchel_status satchel_idle_purge(struct satchel_device *device, bool *out_left, satchel_error *error);

#endif
