/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Observers: being told that rows of an entity changed, by a local commit or by sync.
 */
#ifndef SATCHEL_OBSERVE_H
#define SATCHEL_OBSERVE_H

#include <satchel/device.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct satchel_observer satchel_observer;

/*
 * Called after a transaction in which rows of `entity` changed, on the thread whose call made the change, with the
 * store not held, so any satchel function may be called from it. Several changes of one transaction give one call.
 */
typedef void (*satchel_changed)(void *context, uint32_t entity);

/* `entity` 0: any. Errors: NO_MEMORY, UNKNOWN_ENTITY. */
SATCHEL_MUST_USE satchel_status satchel_observer_open(satchel_observer **out, satchel_device *device, uint32_t entity,
                                                      satchel_changed changed, void *context);
/*
 * After it returns no call is made and none is running, unless it is called from within that very call. NULL is fine.
 * By one thread alone: two calls of the observer that both close it would wait for each other.
 */
void satchel_observer_close(satchel_observer *observer);

#ifdef __cplusplus
}
#endif
#endif
