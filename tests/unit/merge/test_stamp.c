/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Effective stamps: wrong clocks do not change who wins.
 */
#include "merge/stamp.h"
#include "support/random.h"

#define TEN_YEARS_MS INT64_C(315576000000)

typedef struct stamp_case {
    satchel_stamp_context context;
    satchel_moment moment;
    int64_t expected;
} stamp_case;

TEST(merge_stamp, the_monotonic_clock_dates_an_op_of_the_same_boot) {
    static const stamp_case cases[] = {
        /* now: boot, monotonic, wall, offset; server now; seen */
        {{{3, 9000, 77, 0}, 100000, 0}, {3, 4000, -5, 123456}, 95000},
        {{{3, 9000, 77, 0}, 100000, 98000}, {3, 4000, -5, 0}, 98000},          /* not before what it was made on */
        {{{3, 4000, 77, 0}, 100000, 0}, {3, 9000, -5, 0}, 100000},             /* not after now */
        {{{4, 10, 77, 0}, 100000, INT64_MIN}, {3, 9000, 88000, -1000}, 87000}, /* another boot: wall and offset */
        {{{4, 10, 77, 0}, 100000, 0}, {3, 9000, 200000, 0}, 100000},
        {{{4, 10, 77, 0}, 100000, 90000}, {3, 9000, 1, 1}, 90000},
        {{{4, 10, 77, 0}, 100000, 200000}, {3, 9000, 1, 1}, 100000}, /* now wins over seen */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_note("case %zu", i);
        CHECK_INT(satchel_stamp_estimate(&cases[i].context, &cases[i].moment), cases[i].expected);
    }
}

TEST(merge_stamp, no_input_overflows) {
    static const int64_t ends[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    const size_t count = sizeof ends / sizeof ends[0];
    for (size_t i = 0; i < count * count * count * count; i++) {
        satchel_stamp_context context = {
            {(uint32_t)(i & 1), ends[i % count], 0, 0}, ends[i / count % count], INT64_MIN};
        satchel_moment moment = {0, ends[i / count / count % count], ends[i % count], ends[i / count / count / count]};
        int64_t stamp_ms = satchel_stamp_estimate(&context, &moment);
        REQUIRE(stamp_ms <= context.server_now_ms);
    }
}

/* A phone whose clock is off by a constant, which it measured at its last exchange. */
typedef struct phone {
    int64_t clock_error_ms;
    uint32_t boot;
    int64_t booted_at; /* true time */
    int64_t seen_ms;
} phone;

static satchel_moment moment_of(const phone *p, int64_t true_ms) {
    return (satchel_moment){p->boot, true_ms - p->booted_at, true_ms + p->clock_error_ms, -p->clock_error_ms};
}

static phone random_phone(test_random *random, int64_t start_ms) {
    return (phone){test_random_between(random, -TEN_YEARS_MS, TEN_YEARS_MS), 1,
                   start_ms - test_random_between(random, 0, 1000000), start_ms};
}

/* The op is made, the phone may be restarted, then it sends. */
static int64_t stamp_of(test_random *random, phone *p, int64_t made_ms, int64_t sent_ms) {
    satchel_moment moment = moment_of(p, made_ms);
    if (test_random_chance(random, 40)) {
        p->boot++;
        p->booted_at = made_ms + (sent_ms - made_ms) / 2;
    }
    satchel_stamp_context context = {moment_of(p, sent_ms), sent_ms, p->seen_ms};
    return satchel_stamp_estimate(&context, &moment);
}

TEST(merge_stamp, clocks_ten_years_off_have_the_winners_of_true_clocks) {
    test_random random = test_random_of(301);
    for (unsigned i = 0; i < 100000; i++) {
        int64_t start_ms = test_random_between(&random, 0, INT64_C(1) << 42);
        phone a = random_phone(&random, start_ms);
        phone b = random_phone(&random, start_ms);
        int64_t made_a = start_ms + test_random_between(&random, 0, 100000000);
        int64_t made_b = start_ms + test_random_between(&random, 0, 100000000);
        int64_t sent_a = made_a + test_random_between(&random, 0, 100000000);
        int64_t sent_b = made_b + test_random_between(&random, 0, 100000000);
        REQUIRE_INT(stamp_of(&random, &a, made_a, sent_a), made_a);
        REQUIRE_INT(stamp_of(&random, &b, made_b, sent_b), made_b);
    }
}

TEST(merge_stamp, a_clock_that_jumps_within_a_boot_changes_nothing) {
    test_random random = test_random_of(302);
    for (unsigned i = 0; i < 100000; i++) {
        int64_t start_ms = test_random_between(&random, 0, INT64_C(1) << 42);
        phone p = random_phone(&random, start_ms);
        int64_t made_ms = start_ms + test_random_between(&random, 0, 100000000);
        satchel_moment moment = moment_of(&p, made_ms);
        moment.wall_ms += test_random_between(&random, -TEN_YEARS_MS, TEN_YEARS_MS);
        int64_t sent_ms = made_ms + test_random_between(&random, 0, 100000000);
        satchel_stamp_context context = {moment_of(&p, sent_ms), sent_ms, start_ms};
        REQUIRE_INT(satchel_stamp_estimate(&context, &moment), made_ms);
    }
}

TEST(merge_stamp, nothing_lies_outside_of_what_was_seen_and_now) {
    test_random random = test_random_of(303);
    for (unsigned i = 0; i < 100000; i++) {
        int64_t seen_ms = test_random_between(&random, 0, 1000000);
        int64_t now_ms = seen_ms + test_random_between(&random, 0, 1000000);
        satchel_stamp_context context = {
            {(uint32_t)test_random_below(&random, 2), (int64_t)test_random_u64(&random), 0, 0}, now_ms, seen_ms};
        satchel_moment moment = {0, (int64_t)test_random_u64(&random), (int64_t)test_random_u64(&random),
                                 (int64_t)test_random_u64(&random)};
        int64_t stamp_ms = satchel_stamp_estimate(&context, &moment);
        REQUIRE(stamp_ms >= seen_ms && stamp_ms <= now_ms);
    }
}
