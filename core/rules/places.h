/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places: positions in 1e-7 degrees and great-circle distances.
 */
#ifndef SATCHEL_RULES_PLACES_H
#define SATCHEL_RULES_PLACES_H

#include <satchel/status.h>
#include <satchel/types.h>

/*
 * Great-circle distance in whole metres by the haversine formula on a sphere of radius 6,371,008.8 m (IUGG mean radius
 * R1).
 * Errors: OUT_OF_RANGE (latitude beyond ±90°, longitude beyond ±180°).
 */
SATCHEL_MUST_USE satchel_status satchel_distance_m(int64_t latitude_a_e7, int64_t longitude_a_e7, int64_t latitude_b_e7,
                                                   int64_t longitude_b_e7, int64_t *out_metres);

/* A box that holds every point within `metres` of a place, in 1e-7 degrees; it may cross ±180° (then west > east). */
typedef struct satchel_place_box {
    int64_t south_e7, north_e7, west_e7, east_e7;
} satchel_place_box;
SATCHEL_MUST_USE satchel_status satchel_place_box_around(int64_t latitude_e7, int64_t longitude_e7, int64_t metres,
                                                         satchel_place_box *out);

#endif
