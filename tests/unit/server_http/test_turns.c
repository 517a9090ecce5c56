/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One device does not take every thread.
 */
#include "http/turns.h"

#include "support/test.h"

static satchel_id device_of(uint32_t number) {
    satchel_id id = {{1}};
    id.bytes[14] = (uint8_t)(number >> 8);
    id.bytes[15] = (uint8_t)number;
    return id;
}

TEST(turns, a_device_has_its_turns_and_not_one_more) {
    static satchel_turns turns = SATCHEL_TURNS_INIT;
    int places[SATCHEL_TURNS_EACH_MOST];
    int more;
    const satchel_id mine = device_of(1);
    const satchel_id other = device_of(2);
    for (int i = 0; i < SATCHEL_TURNS_EACH_MOST; i++) {
        CHECK(satchel_turns_take(&turns, &mine, &places[i]));
    }
    CHECK(!satchel_turns_take(&turns, &mine, &more));
    CHECK_INT(more, -1);
    CHECK(satchel_turns_take(&turns, &other, &more));
    satchel_turns_give(&turns, more);
    satchel_turns_give(&turns, places[0]);
    CHECK(satchel_turns_take(&turns, &mine, &places[0]));
    CHECK(!satchel_turns_take(&turns, &mine, &more));
}

TEST(turns, devices_beyond_the_table_are_let_in) {
    static satchel_turns turns = SATCHEL_TURNS_INIT;
    int place = 0;
    for (uint32_t i = 0; i < SATCHEL_TURNS_DEVICES_MOST; i++) {
        const satchel_id device = device_of(i);
        REQUIRE(satchel_turns_take(&turns, &device, &place) && place >= 0);
    }
    const satchel_id beyond = device_of(SATCHEL_TURNS_DEVICES_MOST);
    CHECK(satchel_turns_take(&turns, &beyond, &place));
    CHECK_INT(place, -1);
    satchel_turns_give(&turns, place);
    const satchel_id first = device_of(0);
    CHECK(satchel_turns_take(&turns, &first, &place));
    CHECK(!satchel_turns_take(&turns, &first, &place));
}
