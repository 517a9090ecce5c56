/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The observers of a device, under a mutex of their own that is never held while one is called.
 */
#ifndef SATCHEL_DEVICE_OBSERVERS_H
#define SATCHEL_DEVICE_OBSERVERS_H

#include <satchel/observe.h>

#include <pthread.h>

/* A bit per entity number. */
#define SATCHEL_CHANGED_BYTES 32
typedef struct satchel_changed_set {
    uint8_t bits[SATCHEL_CHANGED_BYTES];
} satchel_changed_set;

static inline void satchel_changed_add(satchel_changed_set *set, uint32_t entity) {
    if (entity < SATCHEL_CHANGED_BYTES * 8) {
        set->bits[entity / 8] = (uint8_t)(set->bits[entity / 8] | (1u << (entity % 8)));
    }
}

static inline bool satchel_changed_has(const satchel_changed_set *set, uint32_t entity) {
    return entity < SATCHEL_CHANGED_BYTES * 8 && ((unsigned)set->bits[entity / 8] >> (entity % 8) & 1u) != 0;
}

typedef struct satchel_observers {
    pthread_mutex_t mutex;
    pthread_cond_t quiet; /* a call of some observer ended */
    satchel_observer *first;
} satchel_observers;

SATCHEL_MUST_USE satchel_status satchel_observers_init(satchel_observers *observers);
void satchel_observers_deinit(satchel_observers *observers);

/* Calls everyone concerned, on this thread. No device may be held. */
void satchel_observers_tell(satchel_observers *observers, const satchel_changed_set *changed);

#endif
