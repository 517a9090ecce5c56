/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small table under one mutex: it is held for a walk over at most 256 places, far less than an exchange takes.
 */
#include "http/turns.h"

#include "base/ids.h"

bool satchel_turns_take(satchel_turns *turns, const satchel_id *device, int *out_place) {
    int place = -1;
    bool may = true;
    pthread_mutex_lock(&turns->mutex);
    for (int i = 0; i < SATCHEL_TURNS_DEVICES_MOST; i++) {
        if (turns->places[i].count == 0) {
            place = place < 0 ? i : place;
        } else if (satchel_id_equal(&turns->places[i].device, device)) {
            may = turns->places[i].count < SATCHEL_TURNS_EACH_MOST;
            place = i;
            break;
        }
    }
    if (may && place >= 0) {
        turns->places[place].device = *device;
        turns->places[place].count++;
    }
    pthread_mutex_unlock(&turns->mutex);
    *out_place = may ? place : -1;
    return may;
}

void satchel_turns_give(satchel_turns *turns, int place) {
    if (place >= 0) {
        pthread_mutex_lock(&turns->mutex);
        turns->places[place].count--;
        pthread_mutex_unlock(&turns->mutex);
    }
}
