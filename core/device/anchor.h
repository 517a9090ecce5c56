/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The anchor: how far a store was, kept in the platform's keystore, so that a copy of its files that is put back is
 * known as old. Named counter and frequency: see anchor.c.
 */
#ifndef SATCHEL_DEVICE_ANCHOR_H
#define SATCHEL_DEVICE_ANCHOR_H

#include <satchel/status.h>
#include <satchel/types.h>

struct satchel_device;
struct satchel_store;

/* A new store's count is 0: that the keystore has it is to be known, too. */
#define SATCHEL_ANCHOR_UNKNOWN UINT64_MAX

typedef struct satchel_anchor {
    bool on;            /* the store has an anchor */
    bool told;          /* the keystore has had a record of it: that it has none any more is a loss */
    satchel_id id;      /* of the store's anchor; another one belongs to another store */
    uint64_t base;      /* what is added to the store's own count */
    uint64_t written;   /* the count that the keystore has, as far as this process knows */
    int64_t written_ms; /* monotonic */
    uint64_t writes;    /* of the keystore, for tests and support */
} satchel_anchor;

/* Work between two writes of the keystore waits for this, unless it syncs, locks or closes. */
#define SATCHEL_ANCHOR_STEP_MS 10000

/*
 * Compares the open store with its anchor and writes the anchor if it is behind. A store older than its anchor goes on
 * under a new name, with a warning. `fresh`: the store was made just now.
 * Errors: ROLLED_BACK (the company locks such stores), KEY_UNAVAILABLE and other failures of the keystore but KEY_GONE
 * and NOT_FOUND, those of the store.
 */
SATCHEL_MUST_USE satchel_status satchel_anchor_check(struct satchel_device *device, bool fresh, satchel_error *error);

/* For a repaired store: its count is above whatever the keystore may have noted. Errors: those of the store. */
SATCHEL_MUST_USE satchel_status satchel_anchor_leap(struct satchel_store *store, satchel_error *error);

/* Names the last commit; not if nothing moved since. A failure is not told: it is repeated at the next chance. */
void satchel_anchor_write(struct satchel_device *device);

/* The same, at most once in SATCHEL_ANCHOR_STEP_MS: after every commit. */
void satchel_anchor_note(struct satchel_device *device);

/* Adds to the warnings that the user must acknowledge. Errors: those of the store. */
SATCHEL_MUST_USE satchel_status satchel_device_warn(struct satchel_device *device, uint32_t warnings,
                                                    satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_device_load_warnings(struct satchel_device *device, satchel_error *error);

#endif
