/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hazards of clocks: wrong by years, in other centuries, jumping.
 */
#include "sim/hazards/hazard.h"

#define DAY_MS INT64_C(86400000)
#define YEAR_MS (365 * DAY_MS)
#define NOON_1990_MS INT64_C(631195200000)  /* 1990-01-01T12:00:00Z */
#define NOON_2040_MS INT64_C(2209032000000) /* 2040-01-01T12:00:00Z: past what 32 bits of seconds hold */

static void hazard_ends_with(hazard *on, const char *note, uint32_t conflicts) {
    hazard_settle(on);
    hazard_server_shows(on, &on->shops[LOTUS], SATCHEL_CUSTOMER_NOTE, note);
    hazard_server_lists(on, SATCHEL_ENTITY_CONFLICT, conflicts, "conflicts");
}

static void ten_years(hazard *on) {
    hazard_clock(on, ANNA, 10 * YEAR_MS, "ten years ahead");
    hazard_clock(on, MONA, -10 * YEAR_MS, "ten years behind");
    hazard_edit(on, ANNA, &on->shops[LOTUS], SATCHEL_CUSTOMER_NOTE, "Anna's, first");
    hazard_edit(on, MONA, &on->shops[LOTUS], SATCHEL_CUSTOMER_NOTE, "Mona's, second");
    hazard_sync(on, MONA);
    hazard_sync(on, ANNA);
    hazard_ends_with(on, "Mona's, second", 1);
    hazard_edit(on, MONA, &on->shops[TIGER], SATCHEL_CUSTOMER_NOTE, "Mona's, first");
    hazard_edit(on, ANNA, &on->shops[TIGER], SATCHEL_CUSTOMER_NOTE, "Anna's, second");
    hazard_sync(on, ANNA);
    hazard_sync(on, MONA);
    hazard_settle(on);
    hazard_server_shows(on, &on->shops[TIGER], SATCHEL_CUSTOMER_NOTE, "Anna's, second");
    hazard_why(on, "What counts is when something was really done, as the server reckons it from the phone's monotonic"
                   " clock; what the phone's calendar says does not.");
}

static void other_centuries(hazard *on) {
    hazard_clock(on, ANNA, NOON_1990_MS - on->here->now_ms, "in 1990");
    hazard_clock(on, MONA, NOON_2040_MS - on->here->now_ms, "in 2040");
    hazard_sync(on, ANNA);
    hazard_edit(on, MONA, &on->shops[LOTUS], SATCHEL_CUSTOMER_NOTE, "Mona's, first");
    hazard_edit(on, ANNA, &on->shops[LOTUS], SATCHEL_CUSTOMER_NOTE, "Anna's, second");
    hazard_sync(on, ANNA);
    hazard_sync(on, MONA);
    hazard_ends_with(on, "Anna's, second", 1);
    hazard_why(on, "Both phones sync as ever, because no request is judged by the time that it claims; and the later"
                   " note stands.");
}

static void clock_jumps(hazard *on) {
    hazard_edit(on, ANNA, &on->shops[LOTUS], SATCHEL_CUSTOMER_NOTE, "Anna's, first");
    hazard_clock(on, ANNA, -3 * YEAR_MS, "put back by three years");
    hazard_edit(on, MONA, &on->shops[LOTUS], SATCHEL_CUSTOMER_NOTE, "Mona's, second");
    hazard_edit(on, ANNA, &on->shops[LOTUS], SATCHEL_CUSTOMER_NOTE, "Anna's, third");
    hazard_clock(on, ANNA, 5 * YEAR_MS, "put forward by five years");
    hazard_sync(on, MONA);
    hazard_sync(on, ANNA);
    hazard_ends_with(on, "Anna's, third", 2);
    hazard_why(on, "Within one boot the monotonic clock tells the order, wherever the calendar jumps.");
}

static void jump_over_a_boot(hazard *on) {
    hazard_sync(on, ANNA);
    hazard_clock(on, ANNA, 8 * YEAR_MS, "put forward by eight years");
    hazard_edit(on, ANNA, &on->shops[LOTUS], SATCHEL_CUSTOMER_NOTE, "Anna's, first");
    hazard_crash(on, ANNA, TEST_SURVIVES_ALL);
    hazard_clock(on, ANNA, 0, "right again");
    hazard_edit(on, MONA, &on->shops[LOTUS], SATCHEL_CUSTOMER_CITY, "Ningbo");
    hazard_sync(on, MONA);
    hazard_sync(on, ANNA);
    hazard_edit(on, MONA, &on->shops[LOTUS], SATCHEL_CUSTOMER_NOTE, "Mona's, later");
    hazard_ends_with(on, "Mona's, later", 1);
    hazard_why(on, "An op of an earlier boot has only the calendar to go by, but it never counts as later than the"
                   " moment at which it arrives: Mona's note, made after that, is not beaten by one from the future.");
}

const hazard_story hazard_stories_clocks[] = {
    {"ten_years", "Clocks are wrong by ten years, in both directions.", ten_years, false},
    {"other_centuries", "One phone lives in 1990, another in 2040.", other_centuries, false},
    {"clock_jumps", "A clock jumps between changes.", clock_jumps, false},
    {"jump_over_a_boot", "A clock is eight years ahead, the phone restarts, the clock is right again.",
     jump_over_a_boot, false},
    {NULL, NULL, NULL, false},
};
