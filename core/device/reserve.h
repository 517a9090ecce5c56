/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A full disk: the reserve is given back once, so that the work at hand, or an opening, is finished; then new work
 * waits until it can be made again. Sync goes on meanwhile, in the space that the reserve left.
 */
#ifndef SATCHEL_DEVICE_RESERVE_H
#define SATCHEL_DEVICE_RESERVE_H

#include <satchel/status.h>

#include <stdbool.h>
#include <stdint.h>

struct satchel_device;

/* A reserve that did not fit is tried again at the earliest after this. */
#define SATCHEL_RESERVE_STEP_MS 2000

typedef struct satchel_space {
    bool low;         /* the disk is full, and there is no reserve: new work waits */
    int64_t tried_ms; /* monotonic, when it was tried last; 0: not since the device was opened */
} satchel_space;

/* After opening: makes the reserve if it is not there, and lets the store ask for it. No failure: space is low then. */
void satchel_space_open(struct satchel_device *device);

/* May new work be stored? Errors: READ_ONLY_STORE (the disk is full). */
SATCHEL_MUST_USE satchel_status satchel_space_admit(struct satchel_device *device, satchel_error *error);

/* The disk is full. True: the reserve was given back, try once more. */
bool satchel_space_relieve(struct satchel_device *device);

#endif
