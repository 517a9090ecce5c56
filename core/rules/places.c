/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Great-circle geometry on a sphere; good to about half a per cent of the real distance, which is less than what a
 * phone's position is worth.
 */
#include "rules/places.h"

#include <math.h>

#define RADIUS_M 6371008.8
#define DEGREE_E7 1e7
#define QUARTER_E7 INT64_C(900000000)
#define HALF_E7 INT64_C(1800000000)
#define TURN_E7 INT64_C(3600000000)

static const double pi = 3.14159265358979323846;

static double radians(int64_t degrees_e7) {
    return (double)degrees_e7 / DEGREE_E7 * (pi / 180.0);
}

static bool is_place(int64_t latitude_e7, int64_t longitude_e7) {
    return latitude_e7 >= -QUARTER_E7 && latitude_e7 <= QUARTER_E7 && longitude_e7 >= -HALF_E7 &&
           longitude_e7 <= HALF_E7;
}

satchel_status satchel_distance_m(int64_t latitude_a_e7, int64_t longitude_a_e7, int64_t latitude_b_e7,
                                  int64_t longitude_b_e7, int64_t *out_metres) {
    if (!is_place(latitude_a_e7, longitude_a_e7) || !is_place(latitude_b_e7, longitude_b_e7)) {
        return SATCHEL_OUT_OF_RANGE;
    }
    double half_latitude = sin(radians(latitude_b_e7 - latitude_a_e7) / 2);
    double half_longitude = sin(radians(longitude_b_e7 - longitude_a_e7) / 2);
    double haversine = half_latitude * half_latitude +
                       cos(radians(latitude_a_e7)) * cos(radians(latitude_b_e7)) * half_longitude * half_longitude;
    double angle = 2 * asin(sqrt(haversine > 1 ? 1 : haversine));
    *out_metres = llround(RADIUS_M * angle);
    return SATCHEL_OK;
}

static int64_t wrap_longitude(int64_t longitude_e7) {
    if (longitude_e7 < -HALF_E7) {
        return longitude_e7 + TURN_E7;
    }
    return longitude_e7 > HALF_E7 ? longitude_e7 - TURN_E7 : longitude_e7;
}

/* One unit more than computed, so that rounding never leaves a point outside. */
static int64_t outward_e7(double angle) {
    return (int64_t)ceil(angle * (180.0 / pi) * DEGREE_E7) + 1;
}

satchel_status satchel_place_box_around(int64_t latitude_e7, int64_t longitude_e7, int64_t metres,
                                        satchel_place_box *out) {
    if (!is_place(latitude_e7, longitude_e7) || metres < 0) {
        return SATCHEL_OUT_OF_RANGE;
    }
    /* satchel_distance_m rounds to whole metres: a point at 10.4 m counts as within 10. */
    double angle = ((double)metres + 0.5) / RADIUS_M;
    satchel_place_box box = {-QUARTER_E7, QUARTER_E7, -HALF_E7, HALF_E7};
    if (angle < pi) {
        int64_t reach_e7 = outward_e7(angle);
        int64_t south_e7 = latitude_e7 - reach_e7;
        int64_t north_e7 = latitude_e7 + reach_e7;
        bool holds_pole = south_e7 <= -QUARTER_E7 || north_e7 >= QUARTER_E7;
        box.south_e7 = south_e7 > -QUARTER_E7 ? south_e7 : -QUARTER_E7;
        box.north_e7 = north_e7 < QUARTER_E7 ? north_e7 : QUARTER_E7;
        if (!holds_pole) {
            /* The widest point of a circle lies nearer to the pole than its centre. */
            double ratio = sin(angle) / cos(radians(latitude_e7));
            int64_t width_e7 = outward_e7(asin(ratio > 1 ? 1 : ratio));
            if (width_e7 < HALF_E7) {
                box.west_e7 = wrap_longitude(longitude_e7 - width_e7);
                box.east_e7 = wrap_longitude(longitude_e7 + width_e7);
            }
        }
    }
    *out = box;
    return SATCHEL_OK;
}
