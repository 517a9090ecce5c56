/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a store, and the notice of it: what the server is told by a phone that has no key any more.
 *
 *   count ─► sign the notice, write it as "wiping" ─► destroy the keys, remove the rest ─► rename it to "notice" ─►
 * send
 *
 * A kill before "wiping" is there leaves the whole store and its orders, which the next opening obeys; after that
 * whoever opens the folder first destroys what is left. The notice is sent only when nothing is left.
 */
#ifndef SATCHEL_DEVICE_ENDING_H
#define SATCHEL_DEVICE_ENDING_H

#include <satchel/sync.h>

#include "sync/engine.h"
#include "vault/files.h"
#include "wire/orders.h"

struct satchel_device;

/* What a wipe would destroy, as far as it can be known. The device is held. */
void satchel_ending_count(struct satchel_device *device, satchel_wipe_receipt *out);
/* Nothing of its own is left on this phone that the server does not have. */
bool satchel_ending_is_clear(const satchel_wipe_receipt *receipt);

/* Destroys keys, files, inbox, and what the keystore holds. The device is held, from any state. */
SATCHEL_MUST_USE satchel_status satchel_ending_wipe(struct satchel_device *device, satchel_wipe_receipt *out,
                                                    satchel_error *error);

/*
 * Carries out what the company ordered, with a notice. The device is held and open; `state`: whose tokens and number
 * the notice goes on from. A wipe goes on if the notice cannot be written. Errors: those of a wipe and, of a
 * retirement, of writing the notice (nothing has changed then).
 */
SATCHEL_MUST_USE satchel_status satchel_ending_by_order(struct satchel_device *device, satchel_receipt_kind kind,
                                                        const satchel_sync_state *state, satchel_wipe_receipt *out,
                                                        satchel_error *error);

/* Was a wipe by order begun here and not finished? Finishes it; WIPED if so, OK if there was none. */
SATCHEL_MUST_USE satchel_status satchel_ending_resume(struct satchel_device *device, satchel_error *error);

#endif
