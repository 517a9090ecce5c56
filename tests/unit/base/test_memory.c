/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap's switch for tests: which allocation fails, and that nothing else does.
 */
#include "base/memory.h"
#include "support/test.h"

TEST(memory, taken_bytes_are_zero) {
    unsigned char *block = satchel_memory_take(257);
    REQUIRE(block != NULL);
    for (size_t i = 0; i < 257; i++) {
        CHECK_INT(block[i], 0);
    }
    satchel_memory_give(block);
}

TEST(memory, no_bytes_give_a_block_all_the_same) {
    void *block = satchel_memory_take(0);
    CHECK(block != NULL);
    block = satchel_memory_resize(block, 0);
    CHECK(block != NULL);
    satchel_memory_give(block);
    satchel_memory_give(NULL);
}

TEST(memory, only_the_chosen_allocation_fails) {
    satchel_memory_fail_at(2, 0);
    void *first = satchel_memory_take(8);
    void *second = satchel_memory_take(8);
    void *third = satchel_memory_take(8);
    CHECK(first != NULL);
    CHECK(second == NULL);
    CHECK(third != NULL);
    CHECK_UINT(satchel_memory_count(), 3);
    satchel_memory_fail_at(0, 0);
    satchel_memory_give(first);
    satchel_memory_give(third);
}

TEST(memory, all_allocations_fail_from_the_chosen_one_on) {
    satchel_memory_fail_at(2, 1);
    void *first = satchel_memory_take(8);
    CHECK(first != NULL);
    CHECK(satchel_memory_take(8) == NULL);
    CHECK(satchel_memory_resize(first, 16) == NULL);
    satchel_memory_fail_at(0, 0);
    first = satchel_memory_resize(first, 16);
    CHECK(first != NULL);
    satchel_memory_give(first);
}

TEST(memory, a_failed_resize_leaves_the_block) {
    char *block = satchel_memory_take(4);
    REQUIRE(block != NULL);
    block[0] = 'x';
    satchel_memory_fail_at(1, 0);
    CHECK(satchel_memory_resize(block, 4096) == NULL);
    CHECK_INT(block[0], 'x');
    satchel_memory_fail_at(0, 0);
    satchel_memory_give(block);
}
