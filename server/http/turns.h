/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many exchanges of one device are worked on at once in this process: a phone has one, and one more when it gave an
 * answer up and asked again. What comes beyond is told to wait, so that one device cannot take every thread.
 */
#ifndef SATCHEL_SERVER_HTTP_TURNS_H
#define SATCHEL_SERVER_HTTP_TURNS_H

#include <satchel/types.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define SATCHEL_TURNS_EACH_MOST 2
/* Devices that are counted at once; with more, those beyond are let in uncounted: there are fewer threads. */
#define SATCHEL_TURNS_DEVICES_MOST 256

typedef struct satchel_turns {
    pthread_mutex_t mutex;
    struct {
        satchel_id device;
        uint32_t count; /* 0: the place is free */
    } places[SATCHEL_TURNS_DEVICES_MOST];
} satchel_turns;

#define SATCHEL_TURNS_INIT                                                                                             \
    {                                                                                                                  \
        PTHREAD_MUTEX_INITIALIZER, {                                                                                   \
            { {{0}}, 0 }                                                                                               \
        }                                                                                                              \
    }

/* `*out_place`: to be given back; negative: not counted. False: the device has as many as it may. */
bool satchel_turns_take(satchel_turns *turns, const satchel_id *device, int *out_place);
void satchel_turns_give(satchel_turns *turns, int place);

#endif
