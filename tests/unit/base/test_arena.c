/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arenas: zeroed, aligned, separate pieces; overflow and exhaustion leave the arena usable.
 */
#include "base/arena.h"
#include "base/bytes.h"
#include "base/memory.h"
#include "base/text.h"
#include "support/random.h"
#include "support/test.h"

#include <stdalign.h>
#include <string.h>

TEST(arena, a_zeroed_struct_is_an_empty_arena) {
    satchel_arena arena = {0};
    CHECK(satchel_arena_take(&arena, 1) != NULL);
    satchel_arena_deinit(&arena);
    satchel_arena_deinit(&arena); /* empty again */
    CHECK_UINT(arena.used_bytes, 0);
}

TEST(arena, pieces_are_zeroed_aligned_and_apart) {
    enum { PIECES = 2000 };
    static unsigned char *pieces[PIECES];
    static size_t sizes[PIECES];
    test_random random = test_random_of(11);
    satchel_arena arena;
    satchel_arena_init(&arena);
    for (size_t i = 0; i < PIECES; i++) {
        sizes[i] = (size_t)test_random_below(&random, i % 50 == 0 ? 9000 : 90);
        pieces[i] = satchel_arena_take(&arena, sizes[i]);
        REQUIRE(pieces[i] != NULL);
        REQUIRE_UINT((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        for (size_t at = 0; at < sizes[i]; at++) {
            REQUIRE(pieces[i][at] == 0);
        }
        memset(pieces[i], (int)(i % 251), sizes[i]);
    }
    for (size_t i = 0; i < PIECES; i++) {
        for (size_t at = 0; at < sizes[i]; at++) {
            REQUIRE(pieces[i][at] == i % 251);
        }
    }
    satchel_arena_deinit(&arena);
}

TEST(arena, no_bytes_give_a_pointer_of_their_own) {
    satchel_arena arena = {0};
    void *first = satchel_arena_take(&arena, 0);
    void *second = satchel_arena_take(&arena, 0);
    CHECK(first != NULL);
    CHECK(second != NULL);
    CHECK(first != second);
    CHECK(satchel_arena_take_array(&arena, 0, SIZE_MAX) != NULL);
    CHECK(satchel_arena_take_array(&arena, SIZE_MAX, 0) != NULL);
    CHECK_UINT(arena.used_bytes, 0);
    satchel_arena_deinit(&arena);
}

TEST(arena, sizes_that_overflow_are_refused) {
    satchel_arena arena = {0};
    CHECK(satchel_arena_take(&arena, SIZE_MAX) == NULL);
    CHECK(satchel_arena_take(&arena, SIZE_MAX - 8) == NULL);
    CHECK(satchel_arena_take(&arena, SIZE_MAX - 64) == NULL);
    CHECK(satchel_arena_take_array(&arena, SIZE_MAX / 2 + 1, 2) == NULL);
    CHECK(satchel_arena_take_array(&arena, 2, SIZE_MAX / 2 + 1) == NULL);
    CHECK(satchel_arena_text(&arena, (satchel_text){"", SIZE_MAX}) == NULL);
    CHECK(satchel_arena_take(&arena, 8) != NULL);
    CHECK_UINT(arena.used_bytes, 8);
    satchel_arena_deinit(&arena);
}

TEST(arena, reset_gives_zeroed_memory_again_without_the_heap) {
    satchel_arena arena = {0};
    for (int round = 0; round < 5; round++) {
        satchel_memory_fail_at(round == 0 ? 0 : 1, 1);
        unsigned char *piece = satchel_arena_take(&arena, 500);
        satchel_memory_fail_at(0, 0);
        REQUIRE(piece != NULL);
        for (size_t at = 0; at < 500; at++) {
            REQUIRE(piece[at] == 0);
        }
        memset(piece, 0xff, 500);
        satchel_arena_reset(&arena);
        CHECK_UINT(arena.used_bytes, 0);
    }
    satchel_arena_deinit(&arena);
}

TEST(arena, reset_does_not_keep_a_huge_block) {
    satchel_arena arena = {0};
    CHECK(satchel_arena_take(&arena, 1 << 20) != NULL);
    satchel_arena_reset(&arena);
    CHECK(arena.newest == NULL);
    satchel_arena_reset(&arena);
    satchel_arena_deinit(&arena);
}

TEST(arena, exhaustion_gives_null_and_the_arena_goes_on) {
    satchel_arena arena = {0};
    satchel_bytes copy = {NULL, 0};
    satchel_memory_fail_at(1, 1);
    CHECK(satchel_arena_take(&arena, 1) == NULL);
    CHECK(satchel_arena_text(&arena, satchel_text_of("x")) == NULL);
    CHECK_STATUS(satchel_arena_copy(&arena, satchel_bytes_of("x", 1), &copy), SATCHEL_NO_MEMORY);
    CHECK(copy.data == NULL);
    satchel_memory_fail_at(0, 0);
    CHECK_OK(satchel_arena_copy(&arena, satchel_bytes_of("x", 1), &copy));
    CHECK_BYTES(copy, satchel_bytes_of("x", 1));
    satchel_arena_deinit(&arena);
}

TEST(arena, copies_are_copies) {
    satchel_arena arena = {0};
    char source[] = "客户";
    satchel_bytes copy;
    char *text = satchel_arena_text(&arena, satchel_text_of(source));
    REQUIRE(text != NULL);
    REQUIRE_OK(satchel_arena_copy(&arena, satchel_bytes_of(source, 6), &copy));
    source[0] = 'x';
    CHECK_TEXT(text, "客户");
    CHECK_BYTES(copy, satchel_bytes_of("客户", 6));
    REQUIRE_OK(satchel_arena_copy(&arena, satchel_bytes_of(NULL, 0), &copy));
    CHECK_UINT(copy.bytes, 0);
    CHECK_TEXT(satchel_arena_text(&arena, satchel_text_of(NULL)), "");
    satchel_arena_deinit(&arena);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>

TEST(arena, the_sanitizer_sees_an_overrun) {
    satchel_arena arena = {0};
    unsigned char *first = satchel_arena_take(&arena, 16);
    unsigned char *second = satchel_arena_take(&arena, 5);
    REQUIRE(first != NULL && second != NULL);
    CHECK(!__asan_address_is_poisoned(first + 15));
    CHECK(__asan_address_is_poisoned(first + 16));
    CHECK(!__asan_address_is_poisoned(second + 4));
    CHECK(__asan_address_is_poisoned(second + 5));
    satchel_arena_reset(&arena);
    CHECK(__asan_address_is_poisoned(first));
    satchel_arena_deinit(&arena);
}
#endif
