/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standing orders and checkpoints of the audit on the phone: what the company signed for it, kept, carried out, and
 * told back.
 *
 * A block is stored by itself, before the page that came with it: it stands on its signature and its number alone, so a
 * kill in between costs nothing, and what is older than what is here is not taken.
 */
#ifndef SATCHEL_DEVICE_ORDERS_H
#define SATCHEL_DEVICE_ORDERS_H

#include <satchel/device.h>

#include "sync/engine.h"
#include "wire/orders.h"

struct satchel_device;

typedef struct satchel_order_book {
    satchel_orders orders; /* serial 0: none came */
    bool done;             /* they are carried out, but for a command */
    bool told;             /* the server knows that */
    uint8_t block[SATCHEL_ORDERS_BLOCK_BYTES];
    uint32_t block_bytes;
    satchel_checkpoint checkpoint; /* position 0: none came */
    bool shown;                    /* the server has seen it again */
    uint64_t shown_to;             /* an epoch other than its own to which it was shown since opening */
    uint8_t findings;              /* satchel_audit_finding */
    uint8_t checkpoint_block[SATCHEL_CHECKPOINT_BLOCK_BYTES];
    uint32_t checkpoint_bytes;
} satchel_order_book;

/* After opening: what is stored, and what of it is not carried out yet. Errors: those of the store and the vault. */
SATCHEL_MUST_USE satchel_status satchel_orders_load(struct satchel_device *device, satchel_error *error);

/* Before an exchange: what could not be carried out when it came. Errors: those of the store and the vault. */
SATCHEL_MUST_USE satchel_status satchel_orders_resume(struct satchel_device *device, satchel_error *error);

/*
 * Takes what an answer's head holds. `said`: the request held what satchel_orders_notes gave, and the answer is OK.
 * Orders for another device, older ones, and blocks that the company did not sign are passed over.
 * Errors: those of the store and the vault; the next answer brings it again.
 */
SATCHEL_MUST_USE satchel_status satchel_orders_take(struct satchel_device *device, const satchel_answer_head *head,
                                                    bool said, satchel_error *error);

/*
 * The disk is full: a store that is to end gives its reserve back for what its end needs, whatever is unsent. True: try
 * once more.
 */
bool satchel_orders_relieve(struct satchel_device *device);

/* What the next request is to say; bytes live in the device. */
void satchel_orders_notes(const struct satchel_device *device, satchel_sync_notes *out);

/* Fills the members of the info that orders and audit give. */
void satchel_orders_tell(const struct satchel_device *device, satchel_device_info *out);

/* Does the company want a PIN, and there is none? Then work goes up and orders come, but no row. */
bool satchel_orders_want_pin(const struct satchel_device *device);
/* Is this library older than what the company wants? */
bool satchel_orders_want_newer(const struct satchel_device *device);
/* "major.minor.patch" as major * 1,000,000 + minor * 1,000 + patch; 0 if it is none. */
uint32_t satchel_app_number(const char *text);

#endif
