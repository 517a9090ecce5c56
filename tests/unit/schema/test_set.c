/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets: canonical form, algebra against a naive model, the limit of elements.
 */
#include "base/limits.h"
#include "base/memory.h"
#include "schema/record.h"
#include "support/random.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static satchel_bytes bytes_of(const char *text) {
    return satchel_bytes_of(text, strlen(text));
}

/* `count` distinct elements "e0000", "e0001", … from `first` on. */
static void number_elements(char (*names)[8], satchel_bytes *elements, uint32_t first, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "e%04u", first + i);
        elements[i] = bytes_of(names[i]);
    }
}

TEST(set, sorting_orders_by_bytes_and_drops_repetitions) {
    const satchel_bytes mixed[] = {bytes_of("b"), bytes_of("客"), bytes_of("a"), bytes_of("b"), bytes_of("ab")};
    satchel_arena arena = {0};
    satchel_set set;
    REQUIRE_OK(satchel_set_sort(&arena, mixed, 5, &set));
    REQUIRE_UINT(set.count, 4);
    CHECK_BYTES(set.elements[0], bytes_of("a"));
    CHECK_BYTES(set.elements[1], bytes_of("ab"));
    CHECK_BYTES(set.elements[2], bytes_of("b"));
    CHECK_BYTES(set.elements[3], bytes_of("客"));
    satchel_arena_deinit(&arena);
}

TEST(set, the_empty_set_is_neutral) {
    const satchel_bytes one[] = {bytes_of("a")};
    const satchel_set empty = {NULL, 0}, a = {one, 1};
    satchel_arena arena = {0};
    satchel_set out;
    REQUIRE_OK(satchel_set_union(&arena, &empty, &a, &out));
    CHECK_UINT(out.count, 1);
    REQUIRE_OK(satchel_set_minus(&arena, &a, &empty, &out));
    CHECK_UINT(out.count, 1);
    REQUIRE_OK(satchel_set_minus(&arena, &empty, &a, &out));
    CHECK_UINT(out.count, 0);
    REQUIRE_OK(satchel_set_sort(&arena, NULL, 0, &out));
    CHECK_UINT(out.count, 0);
    CHECK(!satchel_set_has(&empty, bytes_of("a")));
    satchel_arena_deinit(&arena);
}

/* Elements are the letters of the bits that are set. */
static uint32_t from_bits(uint32_t bits, satchel_bytes *elements) {
    static const char letters[] = "abcdefghij";
    uint32_t count = 0;
    for (uint32_t i = 0; i < 10; i++) {
        if (bits >> i & 1) {
            elements[count++] = satchel_bytes_of(&letters[i], 1);
        }
    }
    return count;
}

static uint32_t to_bits(const satchel_set *set) {
    uint32_t bits = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        REQUIRE(i == 0 || set->elements[i].data[0] > set->elements[i - 1].data[0]);
        bits |= UINT32_C(1) << (set->elements[i].data[0] - 'a');
    }
    return bits;
}

TEST(set, algebra_is_that_of_bits) {
    enum { CASES = 100000 };
    test_random random = test_random_of(3);
    satchel_arena arena = {0};
    for (int i = 0; i < CASES; i++) {
        satchel_bytes rooms[2][10];
        uint32_t a = (uint32_t)test_random_below(&random, 1024), b = (uint32_t)test_random_below(&random, 1024);
        satchel_set left = {rooms[0], from_bits(a, rooms[0])}, right = {rooms[1], from_bits(b, rooms[1])}, out;
        REQUIRE_OK(satchel_set_union(&arena, &left, &right, &out));
        REQUIRE_UINT(to_bits(&out), a | b);
        REQUIRE_OK(satchel_set_minus(&arena, &left, &right, &out));
        REQUIRE_UINT(to_bits(&out), a & ~b);
        REQUIRE(satchel_set_has(&left, bytes_of("d")) == ((a >> 3 & 1) != 0));
        satchel_arena_reset(&arena);
    }
    satchel_arena_deinit(&arena);
}

TEST(set, holds_the_limit_and_not_one_more) {
    static char names[SATCHEL_LIMIT_SET_ELEMENTS + 1][8];
    static satchel_bytes elements[SATCHEL_LIMIT_SET_ELEMENTS + 1];
    satchel_arena arena = {0};
    satchel_set all, out;
    number_elements(names, elements, 0, SATCHEL_LIMIT_SET_ELEMENTS + 1);
    REQUIRE_OK(satchel_set_sort(&arena, elements, SATCHEL_LIMIT_SET_ELEMENTS, &all));
    CHECK_UINT(all.count, SATCHEL_LIMIT_SET_ELEMENTS);
    CHECK_STATUS(satchel_set_sort(&arena, elements, SATCHEL_LIMIT_SET_ELEMENTS + 1, &out), SATCHEL_LIMIT_EXCEEDED);
    satchel_set last = {&elements[SATCHEL_LIMIT_SET_ELEMENTS], 1}, first = {elements, 1};
    CHECK_OK(satchel_set_union(&arena, &all, &first, &out));
    CHECK_STATUS(satchel_set_union(&arena, &all, &last, &out), SATCHEL_LIMIT_EXCEEDED);
    satchel_arena_deinit(&arena);
}

TEST(set, results_do_not_need_their_inputs) {
    char letter[] = "a";
    satchel_bytes elements[] = {{(const uint8_t *)letter, 1}};
    satchel_set a = {elements, 1}, empty = {NULL, 0}, united, left;
    satchel_arena arena = {0};
    REQUIRE_OK(satchel_set_union(&arena, &a, &empty, &united));
    REQUIRE_OK(satchel_set_minus(&arena, &a, &empty, &left));
    letter[0] = 'z';
    CHECK_BYTES(united.elements[0], bytes_of("a"));
    CHECK_BYTES(left.elements[0], bytes_of("a"));
    satchel_arena_deinit(&arena);
}

TEST(set, without_memory_every_call_says_so) {
    satchel_bytes elements[] = {bytes_of("a"), bytes_of("b")};
    satchel_set a = {elements, 2}, out = {NULL, 77};
    for (int call = 0; call < 3; call++) {
        satchel_arena arena = {0};
        satchel_memory_fail_at(1, 1);
        satchel_status status = call == 0   ? satchel_set_sort(&arena, elements, 2, &out)
                                : call == 1 ? satchel_set_union(&arena, &a, &a, &out)
                                            : satchel_set_minus(&arena, &a, &a, &out);
        satchel_memory_fail_at(0, 0);
        CHECK_STATUS(status, SATCHEL_NO_MEMORY);
        CHECK_UINT(out.count, 77);
        satchel_arena_deinit(&arena);
    }
}
