/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random histories of one phone and one server with a bad network between them. The world itself (support/sync/world.c)
 * ends the test at what must never happen; here it is checked that everything arrives in the end.
 */
#include "support/sync/world.h"

typedef struct counters {
    unsigned long exchanges, steps, stores, kills, lost_requests, lost_replies, late_answers, duplicates, broken, stale;
} counters;

static void count(counters *sum, const world *w) {
    sum->exchanges += w->exchanges;
    sum->steps += w->steps;
    sum->stores += w->stores;
    sum->kills += w->kills;
    sum->lost_requests += w->lost_requests;
    sum->lost_replies += w->lost_replies;
    sum->late_answers += w->late_answers;
    sum->duplicates += w->duplicates;
    sum->broken += w->broken;
    sum->stale += w->stale;
}

/* Some exchanges in trouble, then the network works: everything must arrive within a few. */
static void play(uint64_t seed, unsigned trouble, counters *sum) {
    world w;
    world_open(&w, seed, trouble);
    for (int i = 0; i < 12; i++) {
        world_live(&w);
        (void)world_exchange(&w);
    }
    w.trouble = 0;
    for (int i = 0; i < 3 && !world_agrees(&w); i++) {
        (void)world_exchange(&w);
    }
    REQUIRE(world_agrees(&w));
    REQUIRE_STATUS(world_exchange(&w), SATCHEL_OK);
    count(sum, &w);
    world_close(&w);
}

TEST(engine_property, everything_arrives_once_and_in_order_whatever_goes_wrong) {
    static const unsigned trouble[] = {2, 10, 25, 45, 70};
    counters sum = {0};
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        play(seed, trouble[seed % 5], &sum);
    }
    test_note("%lu exchanges, %lu steps, %lu stores, %lu kills", sum.exchanges, sum.steps, sum.stores, sum.kills);
    CHECK(sum.exchanges > 25000 && sum.steps > 100000 && sum.stores > 10000);
    CHECK(sum.kills > 1000 && sum.lost_requests > 1000 && sum.lost_replies > 1000 && sum.late_answers > 1000);
    CHECK(sum.duplicates > 1000 && sum.broken > 1000 && sum.stale > 100);
}

TEST(engine_property, without_trouble_one_exchange_is_enough) {
    for (uint64_t seed = 1; seed <= 500; seed++) {
        world w;
        world_open(&w, seed, 0);
        world_live(&w);
        REQUIRE_STATUS(world_exchange(&w), SATCHEL_OK);
        REQUIRE(world_agrees(&w));
        world_close(&w);
    }
}
