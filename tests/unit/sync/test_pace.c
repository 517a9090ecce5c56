/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pauses, page sizes and offsets.
 */
#include "support/random.h"
#include "sync/engine.h"
#include "sync/pace.h"

#include <string.h>

TEST(pace, pages_follow_the_speed_of_the_link_in_steps_of_two) {
    static const struct {
        uint32_t page_bytes;
        size_t bytes;
        int64_t elapsed_ms;
        uint32_t expected;
    } cases[] = {
        {65536, 65536, 2000, 65536},      {65536, 65536, 1000, 131072},    {65536, 65536, 10, 131072},
        {65536, 65536, 4000, 32768},      {65536, 65536, 400000, 32768},   {65536, 4095, 400000, 65536},
        {1048576, 900000, 1, 1048576},    {4096, 4096, 100000000, 4096},   {65536, 65536, 0, 131072},
        {65536, 65536, -5, 131072},       {65536, 16777216, 2000, 131072}, {65536, 65536, 3000, 43008},
        {65536, 65536, INT64_MAX, 32768},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_note("case %zu", i);
        CHECK_UINT(satchel_pace_measure(cases[i].page_bytes, cases[i].bytes, cases[i].elapsed_ms), cases[i].expected);
    }
}

TEST(pace, page_sizes_stay_within_their_bounds) {
    CHECK_UINT(satchel_pace_page_bytes(0), SATCHEL_SYNC_PAGE_FIRST_BYTES);
    CHECK_UINT(satchel_pace_page_bytes(1), SATCHEL_SYNC_PAGE_LEAST_BYTES);
    CHECK_UINT(satchel_pace_page_bytes(SATCHEL_SYNC_PAGE_LEAST_BYTES), SATCHEL_SYNC_PAGE_LEAST_BYTES);
    CHECK_UINT(satchel_pace_page_bytes(SATCHEL_SYNC_PAGE_LEAST_BYTES - 1), SATCHEL_SYNC_PAGE_LEAST_BYTES);
    CHECK_UINT(satchel_pace_page_bytes(5000), 4096);
    CHECK_UINT(satchel_pace_page_bytes(SATCHEL_SYNC_PAGE_MOST_BYTES), SATCHEL_SYNC_PAGE_MOST_BYTES);
    CHECK_UINT(satchel_pace_page_bytes(SATCHEL_SYNC_PAGE_MOST_BYTES + 1), SATCHEL_SYNC_PAGE_MOST_BYTES);
    CHECK_UINT(satchel_pace_shrink(SATCHEL_SYNC_PAGE_LEAST_BYTES), SATCHEL_SYNC_PAGE_LEAST_BYTES);
    CHECK_UINT(satchel_pace_shrink(65536), 32768);
}

TEST(pace, pauses_differ_between_phones_and_never_pass_the_bound) {
    test_random random = test_random_of(191);
    int64_t first = -1;
    unsigned different = 0;
    for (int i = 0; i < 2000; i++) {
        satchel_pace pace = {0};
        uint8_t seed[24];
        int64_t wait_ms = 0;
        uint32_t least_ms = (uint32_t)test_random_u64(&random);
        test_random_bytes(&random, seed, sizeof seed);
        satchel_pace_mix(&pace, seed, sizeof seed);
        REQUIRE(satchel_pace_fail(&pace, i % 2 == 0 ? 0 : least_ms, &wait_ms));
        REQUIRE(wait_ms >= SATCHEL_SYNC_BACKOFF_FIRST_MS / 2);
        REQUIRE(wait_ms <= SATCHEL_SYNC_BACKOFF_MOST_MS + SATCHEL_SYNC_BACKOFF_FIRST_MS / 2);
        different += i % 2 == 0 && wait_ms != first;
        first = i % 2 == 0 ? wait_ms : first;
    }
    CHECK(different > 900);
}

TEST(pace, a_rest_forgets_the_failures) {
    satchel_pace pace = {0};
    int64_t wait_ms = 0;
    unsigned count = 0;
    while (satchel_pace_fail(&pace, 0, &wait_ms)) {
        count++;
    }
    CHECK_UINT(count, SATCHEL_SYNC_RETRIES - 1);
    satchel_pace_rest(&pace);
    CHECK(satchel_pace_fail(&pace, 0, &wait_ms));
    CHECK(wait_ms <= SATCHEL_SYNC_BACKOFF_FIRST_MS);
}

TEST(pace, drawn_bytes_depend_on_all_that_was_mixed_in_and_never_repeat) {
    satchel_pace a = {0};
    satchel_pace b = {0};
    uint8_t from_a[8];
    uint8_t from_b[8];
    satchel_pace_mix(&a, (const uint8_t *)"one", 3);
    satchel_pace_mix(&b, (const uint8_t *)"two", 3);
    satchel_pace_mix(&a, (const uint8_t *)"same", 4);
    satchel_pace_mix(&b, (const uint8_t *)"same", 4);
    satchel_pace_draw(&a, from_a, sizeof from_a);
    satchel_pace_draw(&b, from_b, sizeof from_b);
    CHECK(memcmp(from_a, from_b, sizeof from_a) != 0);
    memcpy(from_b, from_a, sizeof from_b);
    satchel_pace_mix(&a, (const uint8_t *)"\0\0\0", 3); /* says nothing */
    satchel_pace_draw(&a, from_a, sizeof from_a);
    CHECK(memcmp(from_a, from_b, sizeof from_a) != 0);
}

TEST(pace, the_offset_is_measured_at_half_way_and_absurd_clocks_are_passed_over) {
    CHECK_INT(satchel_pace_offset(1000000, 900000, 200, 5), 100100);
    CHECK_INT(satchel_pace_offset(1000000, 2000000, 0, 5), -1000000);
    CHECK_INT(satchel_pace_offset(1000000, INT64_MAX, 0, 5), 5);
    CHECK_INT(satchel_pace_offset(1000000, INT64_MIN, 0, 5), 5);
    CHECK_INT(satchel_pace_offset(INT64_MAX, 0, 0, 5), 5);
    CHECK_INT(satchel_pace_offset(INT64_MIN, 0, 0, 5), 5);
    CHECK_INT(satchel_pace_offset(1, 0, -1, 5), 5);
    CHECK_INT(satchel_pace_offset(1, 0, INT64_MAX, 5), 5);
}
