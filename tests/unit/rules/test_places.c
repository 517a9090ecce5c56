/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distances against known places and the spherical law of cosines; boxes that leave no near point out.
 */
#include "rules/places.h"
#include "support/random.h"

#include <math.h>

#define E7(degrees) ((int64_t)((degrees)*10000000.0))

TEST(rules_places, distances_by_example) {
    static const struct {
        double a[2], b[2];
        int64_t metres;
        int64_t tolerance_m;
    } cases[] = {
        {{0, 0}, {0, 0}, 0, 0},
        {{0, 0}, {0, 1}, 111195, 0},
        {{0, 0}, {0, 180}, 20015115, 1},
        {{90, 0}, {-90, 0}, 20015115, 1},
        {{90, 17}, {90, -120}, 0, 0},
        {{0, 180}, {0, -180}, 0, 0},
        {{0, 179.5}, {0, -179.5}, 111195, 1},
        {{31.2304, 121.4737}, {39.9042, 116.4074}, 1067312, 1}, /* Shanghai, Beijing */
        {{51.4778, 0}, {48.8566, 2.3522}, 336143, 1},           /* Greenwich, Paris */
        {{31.230400, 121.473700}, {31.230400, 121.473710}, 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t metres = -1;
        test_note("case %zu", i);
        CHECK_OK(
            satchel_distance_m(E7(cases[i].a[0]), E7(cases[i].a[1]), E7(cases[i].b[0]), E7(cases[i].b[1]), &metres));
        CHECK(metres >= cases[i].metres - cases[i].tolerance_m && metres <= cases[i].metres + cases[i].tolerance_m);
    }
}

TEST(rules_places, what_is_not_on_earth_is_refused) {
    const int64_t quarter = 900000000;
    const int64_t half = 1800000000;
    int64_t metres = -7;
    satchel_place_box box = {1, 2, 3, 4};
    CHECK_OK(satchel_distance_m(quarter, half, -quarter, -half, &metres));
    CHECK_STATUS(satchel_distance_m(quarter + 1, 0, 0, 0, &metres), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_distance_m(0, half + 1, 0, 0, &metres), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_distance_m(0, 0, -quarter - 1, 0, &metres), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_distance_m(0, 0, 0, -half - 1, &metres), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_distance_m(INT64_MIN, INT64_MAX, INT64_MAX, INT64_MIN, &metres), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_place_box_around(quarter + 1, 0, 1, &box), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_place_box_around(0, 0, -1, &box), SATCHEL_OUT_OF_RANGE);
    CHECK_INT(box.south_e7, 1);
}

static int64_t any_latitude(test_random *random) {
    return test_random_between(random, -900000000, 900000000);
}

static int64_t any_longitude(test_random *random) {
    return test_random_between(random, -1800000000, 1800000000);
}

/* By unit vectors, in long double. */
static long double slow_distance(int64_t la, int64_t oa, int64_t lb, int64_t ob) {
    const long double radian = 3.14159265358979323846264338327950288L / 180 / 10000000;
    long double a[3] = {cosl((long double)la * radian) * cosl((long double)oa * radian),
                        cosl((long double)la * radian) * sinl((long double)oa * radian),
                        sinl((long double)la * radian)};
    long double b[3] = {cosl((long double)lb * radian) * cosl((long double)ob * radian),
                        cosl((long double)lb * radian) * sinl((long double)ob * radian),
                        sinl((long double)lb * radian)};
    long double cross[3] = {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
    long double sine = sqrtl(cross[0] * cross[0] + cross[1] * cross[1] + cross[2] * cross[2]);
    return 6371008.8L * atan2l(sine, a[0] * b[0] + a[1] * b[1] + a[2] * b[2]);
}

TEST(rules_places, distances_agree_with_vectors) {
    test_random random = test_random_of(921);
    for (unsigned i = 0; i < 100000; i++) {
        int64_t la = any_latitude(&random);
        int64_t oa = any_longitude(&random);
        bool near = test_random_chance(&random, 50);
        int64_t lb = near && la < 899000000 ? la + test_random_between(&random, 0, 100000) : any_latitude(&random);
        int64_t ob = near && oa < 1799000000 ? oa + test_random_between(&random, 0, 100000) : any_longitude(&random);
        int64_t metres = -1;
        int64_t back = -2;
        REQUIRE_OK(satchel_distance_m(la, oa, lb, ob, &metres));
        REQUIRE_OK(satchel_distance_m(lb, ob, la, oa, &back));
        REQUIRE_INT(metres, back);
        REQUIRE(fabsl((long double)metres - slow_distance(la, oa, lb, ob)) <= 0.75L);
    }
}

static bool box_holds(const satchel_place_box *box, int64_t latitude_e7, int64_t longitude_e7) {
    bool east_west = box->west_e7 <= box->east_e7 ? longitude_e7 >= box->west_e7 && longitude_e7 <= box->east_e7
                                                  : longitude_e7 >= box->west_e7 || longitude_e7 <= box->east_e7;
    return east_west && latitude_e7 >= box->south_e7 && latitude_e7 <= box->north_e7;
}

/* A place at about the distance, in any direction, by the direct formula. */
static void place_near(test_random *random, int64_t latitude_e7, int64_t longitude_e7, double metres, int64_t out[2]) {
    const double radian = 3.14159265358979323846 / 180 / 1e7;
    double bearing = (double)test_random_below(random, 628318) / 1e5;
    double angle = metres / 6371008.8;
    double latitude = (double)latitude_e7 * radian;
    double other = asin(fmax(-1, fmin(1, sin(latitude) * cos(angle) + cos(latitude) * sin(angle) * cos(bearing))));
    double turn = atan2(sin(bearing) * sin(angle) * cos(latitude), cos(angle) - sin(latitude) * sin(other));
    double longitude = remainder((double)longitude_e7 * radian + turn, 2 * 3.14159265358979323846);
    out[0] = (int64_t)fmax(-9e8, fmin(9e8, other / radian));
    out[1] = (int64_t)fmax(-1.8e9, fmin(1.8e9, longitude / radian));
}

TEST(rules_places, a_box_leaves_no_near_point_out) {
    test_random random = test_random_of(922);
    unsigned near = 0;
    unsigned crossing = 0;
    for (unsigned i = 0; i < 200000; i++) {
        int64_t latitude_e7 = any_latitude(&random);
        int64_t longitude_e7 = any_longitude(&random);
        int64_t metres = test_random_between(&random, 0, INT64_C(1) << test_random_below(&random, 26));
        satchel_place_box box;
        int64_t other[2];
        int64_t distance_m = 0;
        REQUIRE_OK(satchel_place_box_around(latitude_e7, longitude_e7, metres, &box));
        place_near(&random, latitude_e7, longitude_e7, (double)metres, other);
        REQUIRE_OK(satchel_distance_m(latitude_e7, longitude_e7, other[0], other[1], &distance_m));
        if (distance_m <= metres) {
            near++;
            REQUIRE(box_holds(&box, other[0], other[1]));
        }
        crossing += box.west_e7 > box.east_e7;
    }
    CHECK(near > 50000);
    CHECK(crossing > 500);
}

TEST(rules_places, a_box_is_not_much_larger_than_its_circle) {
    satchel_place_box box;
    CHECK_OK(satchel_place_box_around(0, 0, 1000, &box));
    CHECK(box.north_e7 > 89000 && box.north_e7 < 91000 && box.south_e7 == -box.north_e7);
    CHECK(box.east_e7 > 89000 && box.east_e7 < 91000 && box.west_e7 == -box.east_e7);
    CHECK_OK(satchel_place_box_around(600000000, 0, 1000, &box));
    CHECK(box.east_e7 > 179000 && box.east_e7 < 181000);
}

TEST(rules_places, a_box_across_the_date_line_goes_on_at_the_other_side) {
    satchel_place_box box;
    CHECK_OK(satchel_place_box_around(0, 1799999999, 1000, &box));
    CHECK(box.west_e7 > 1799909000 && box.west_e7 < 1799911000);
    CHECK(box.east_e7 > -1799911000 && box.east_e7 < -1799909000);
    CHECK_OK(satchel_place_box_around(0, -1799999999, 1000, &box));
    CHECK(box.west_e7 > 1799909000 && box.west_e7 < 1799911000);
    CHECK(box.east_e7 > -1799911000 && box.east_e7 < -1799909000);
}

TEST(rules_places, at_the_poles_a_box_goes_all_round) {
    satchel_place_box box;
    CHECK_OK(satchel_place_box_around(899999999, 5, 1000, &box));
    CHECK(box.west_e7 == -1800000000 && box.east_e7 == 1800000000 && box.north_e7 == 900000000 && box.south_e7 > 0);
    CHECK_OK(satchel_place_box_around(0, 0, INT64_MAX, &box));
    CHECK(box.south_e7 == -900000000 && box.north_e7 == 900000000 && box.west_e7 == -1800000000);
}
