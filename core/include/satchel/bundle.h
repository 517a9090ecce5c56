/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The support bundle: how a phone's store stands, for people who must not see what is in it.
 */
#ifndef SATCHEL_BUNDLE_H
#define SATCHEL_BUNDLE_H

#include <satchel/device.h>
#include <satchel/repair.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The newest changes whose states are listed. */
#define SATCHEL_BUNDLE_OPS_MOST 1000

typedef satchel_status (*satchel_bundle_taker)(void *context, satchel_text text);

/*
 * Gives lines of text "name value": versions, sizes, counts, states of changes without what they change, statuses,
 * orders, timings. The device's id is the only id in it; there is no name, no address, no text of any row, no key.
 * `health`: what satchel_device_check found before the device was opened; NULL: it was not examined. `taken` gets the
 * whole, which lives until it returns. Also of a locked phone whose lease is over. Errors: LOCKED, MISUSE (suspended),
 * IO_ERROR, NO_MEMORY, what `taken` returned.
 */
SATCHEL_MUST_USE satchel_status satchel_bundle_write(satchel_device *device, const satchel_device_health *health,
                                                     satchel_bundle_taker taken, void *context, satchel_error *error);

#ifdef __cplusplus
}
#endif
#endif
