/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values of a conflict: in which field they are, and both sides out of them.
 */
#include "rules/conflict_values.h"

#include "base/memory.h"
#include "support/test.h"

#include <satchel/model.h>

#include <string.h>

static satchel_bytes bytes_of(const char *text) {
    return (satchel_bytes){(const uint8_t *)text, strlen(text)};
}

static void expect_side(satchel_bytes values, satchel_conflict_side side, const char *wanted) {
    satchel_bytes got;
    bool found = false;
    CHECK_OK(satchel_conflict_side_find(values, side, &got, &found));
    CHECK(found == (wanted != NULL));
    CHECK_UINT(got.bytes, wanted != NULL ? strlen(wanted) : 0);
    CHECK(wanted == NULL || got.bytes == 0 || memcmp(got.data, wanted, strlen(wanted)) == 0);
}

TEST(conflict_values, both_sides_come_back) {
    satchel_buffer values;
    satchel_buffer_init(&values);
    expect_side(satchel_buffer_view(&values), SATCHEL_SIDE_WINNER, NULL);
    REQUIRE_OK(satchel_conflict_side_put(SATCHEL_SIDE_WINNER, bytes_of("first"), &values));
    expect_side(satchel_buffer_view(&values), SATCHEL_SIDE_LOSER, NULL);
    REQUIRE_OK(satchel_conflict_side_put(SATCHEL_SIDE_LOSER, bytes_of(""), &values));
    expect_side(satchel_buffer_view(&values), SATCHEL_SIDE_WINNER, "first");
    expect_side(satchel_buffer_view(&values), SATCHEL_SIDE_LOSER, "");
    satchel_buffer_deinit(&values);
}

TEST(conflict_values, a_field_of_a_newer_model_is_passed_over) {
    static const uint8_t values[] = {3 << 3 | 2, 1, 'x', 2 << 3 | 2, 2, 'n', 'o'};
    expect_side((satchel_bytes){values, sizeof values}, SATCHEL_SIDE_LOSER, "no");
    expect_side((satchel_bytes){values, sizeof values}, SATCHEL_SIDE_WINNER, NULL);
}

TEST(conflict_values, what_is_no_message_is_malformed) {
    static const uint8_t whole[] = {1 << 3 | 2, 3, 'y', 'e', 's'};
    static const uint8_t number[] = {1 << 3 | 0, 3};
    static const uint8_t too_long[] = {1 << 3 | 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f};
    satchel_bytes got;
    bool found = false;
    for (size_t bytes = 1; bytes < sizeof whole; bytes++) {
        satchel_bytes part = {whole, bytes};
        CHECK_STATUS(satchel_conflict_side_find(part, SATCHEL_SIDE_WINNER, &got, &found), SATCHEL_MALFORMED);
        CHECK(!found);
    }
    satchel_bytes other = {number, sizeof number};
    CHECK_STATUS(satchel_conflict_side_find(other, SATCHEL_SIDE_WINNER, &got, &found), SATCHEL_MALFORMED);
    satchel_bytes beyond = {too_long, sizeof too_long};
    CHECK_STATUS(satchel_conflict_side_find(beyond, SATCHEL_SIDE_WINNER, &got, &found), SATCHEL_MALFORMED);
    CHECK(!found);
}

TEST(conflict_values, the_class_says_in_which_field_they_are) {
    satchel_arena arena = {0};
    satchel_record conflict;
    satchel_record_init(&conflict, &arena);
    CHECK_INT(satchel_conflict_class(&conflict), SATCHEL_SENSITIVITY_OPEN);
    CHECK_UINT(satchel_conflict_values(&conflict).bytes, 0);
    for (uint32_t c = 0; c < SATCHEL_SENSITIVITY_COUNT; c++) {
        satchel_value value = satchel_value_bytes(bytes_of("values"));
        uint32_t field = satchel_conflict_value_field((satchel_sensitivity)c);
        satchel_record_init(&conflict, &arena);
        REQUIRE_OK(satchel_record_set(&conflict, field, &value));
        CHECK_INT(satchel_conflict_class(&conflict), c);
        CHECK_UINT(satchel_conflict_values(&conflict).bytes, 6);
    }
    satchel_arena_deinit(&arena);
}
