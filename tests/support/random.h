/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seeded pseudo-random numbers for property tests: SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number
 * Generators", 2014). Not for keys. A failing check prints the seed.
 */
#ifndef SATCHEL_TESTS_SUPPORT_RANDOM_H
#define SATCHEL_TESTS_SUPPORT_RANDOM_H

#include "support/test.h"

#include <inttypes.h>

typedef struct test_random {
    uint64_t state;
} test_random;

static inline test_random test_random_of(uint64_t seed) {
    test_note("seed %" PRIu64, seed);
    return (test_random){seed};
}

static inline uint64_t test_random_u64(test_random *random) {
    uint64_t z = (random->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0 … limit-1; 0 if limit is 0. The bias of the remainder is below 2^-32 for limits below 2^32. */
static inline uint64_t test_random_below(test_random *random, uint64_t limit) {
    return limit == 0 ? 0 : test_random_u64(random) % limit;
}

/* first … last, both included. */
static inline int64_t test_random_between(test_random *random, int64_t first, int64_t last) {
    uint64_t width = (uint64_t)last - (uint64_t)first + 1;
    uint64_t step = width == 0 ? test_random_u64(random) : test_random_below(random, width);
    return (int64_t)((uint64_t)first + step);
}

/* True `percent` times in a hundred. */
static inline bool test_random_chance(test_random *random, unsigned percent) {
    return test_random_below(random, 100) < percent;
}

static inline void test_random_bytes(test_random *random, void *out, size_t bytes) {
    uint8_t *to = out;
    for (size_t i = 0; i < bytes; i++) {
        to[i] = (uint8_t)test_random_u64(random);
    }
}

static inline satchel_id test_random_id(test_random *random) {
    satchel_id id;
    test_random_bytes(random, id.bytes, sizeof id.bytes);
    return id;
}

#endif
