/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests of rows and the ranges in which a difference is looked for.
 */
#include "support/random.h"
#include "support/test.h"

#include "wire/digest.h"

#include <string.h>

TEST(digest, an_element_is_the_hash_of_entity_row_and_n) {
    satchel_id row = {{0}};
    uint8_t bytes[SATCHEL_ROW_DIGEST_BYTES];
    char hex[2 * sizeof bytes + 1];
    for (uint8_t i = 0; i < 16; i++) {
        row.bytes[i] = i;
    }
    satchel_row_digest element = satchel_row_digest_of(1, &row, 7);
    satchel_row_digest_write(&element, bytes);
    satchel_hex_write(satchel_bytes_of(bytes, sizeof bytes), hex);
    CHECK_TEXT(hex, "5f7fc8c4f01fc90568ab0f9bf5d8612d");
}

TEST(digest, the_order_of_rows_does_not_matter_and_what_goes_is_taken_out) {
    test_random random = test_random_of(301);
    satchel_row_digest forth = {{0, 0}};
    satchel_row_digest back = {{0, 0}};
    satchel_row_digest elements[50];
    for (uint32_t i = 0; i < 50; i++) {
        const satchel_id row = test_random_id(&random);
        elements[i] = satchel_row_digest_of(1 + i % 5, &row, i);
        satchel_row_digest_add(&forth, &elements[i]);
    }
    for (uint32_t i = 50; i > 0; i--) {
        satchel_row_digest_add(&back, &elements[i - 1]);
    }
    CHECK(satchel_row_digest_equal(&forth, &back));
    satchel_row_digest_add(&forth, &elements[3]);
    CHECK(!satchel_row_digest_equal(&forth, &back)); /* twice is not none */
    for (uint32_t i = 0; i < 50; i++) {
        satchel_row_digest_take(&back, &elements[i]);
    }
    CHECK(satchel_row_digest_is_zero(&back));
}

TEST(digest, each_part_of_a_row_changes_its_element) {
    const satchel_id a = {{1}};
    const satchel_id b = {{2}};
    const satchel_row_digest one = satchel_row_digest_of(1, &a, 1);
    const satchel_row_digest others[] = {satchel_row_digest_of(2, &a, 1), satchel_row_digest_of(1, &b, 1),
                                         satchel_row_digest_of(1, &a, 2)};
    for (size_t i = 0; i < 3; i++) {
        CHECK(!satchel_row_digest_equal(&one, &others[i]));
    }
}

TEST(digest, a_digest_comes_back_from_its_bytes) {
    const satchel_row_digest digest = {{UINT64_C(0x0102030405060708), 9}};
    satchel_row_digest read;
    uint8_t bytes[SATCHEL_ROW_DIGEST_BYTES];
    satchel_row_digest_write(&digest, bytes);
    CHECK_OK(satchel_row_digest_read(satchel_bytes_of(bytes, sizeof bytes), &read));
    CHECK(satchel_row_digest_equal(&digest, &read));
    CHECK_STATUS(satchel_row_digest_read(satchel_bytes_of(bytes, 15), &read), SATCHEL_MALFORMED);
}

TEST(digest, places_of_ids_that_follow_each_other_are_spread) {
    uint32_t counts[16] = {0};
    for (uint32_t i = 0; i < 16000; i++) {
        satchel_id id = {{0x01, 0x90}};
        id.bytes[14] = (uint8_t)(i >> 8);
        id.bytes[15] = (uint8_t)i;
        counts[satchel_digest_place(&id) >> 60]++;
    }
    for (uint32_t i = 0; i < 16; i++) {
        CHECK(counts[i] > 850 && counts[i] < 1150);
    }
}

TEST(digest, a_place_is_in_one_range_of_each_depth) {
    test_random random = test_random_of(302);
    for (int i = 0; i < 1000; i++) {
        uint64_t place = test_random_u64(&random);
        satchel_digest_range range = {.bits = (uint8_t)test_random_below(&random, SATCHEL_RANGE_BITS_MOST + 1)};
        range.prefix = range.bits > 0 ? place >> (64 - range.bits) : 0;
        REQUIRE(satchel_digest_range_has(&range, place));
        range.prefix ^= range.bits > 0 ? 1 : 0;
        REQUIRE(satchel_digest_range_has(&range, place) == (range.bits == 0));
    }
    CHECK(satchel_digest_range_has(&(satchel_digest_range){.bits = 0}, 0));
}

static void write_ranges(satchel_buffer *out, uint32_t count, bool with_sums) {
    for (uint32_t i = 0; i < count; i++) {
        const satchel_digest_range range = {.bits = 10, .prefix = i, .rows = i * 3, .sum = i * 5};
        REQUIRE_OK(satchel_digest_range_write(&range, with_sums, out));
    }
}

TEST(digest, ranges_come_back_up_to_their_limit) {
    satchel_digest_range read[SATCHEL_LIMIT_DIGEST_RANGES];
    satchel_buffer bytes = {0};
    uint32_t count = 0;
    write_ranges(&bytes, SATCHEL_LIMIT_DIGEST_RANGES, true);
    CHECK(bytes.bytes <= SATCHEL_LIMIT_DIGEST_BYTES);
    REQUIRE_OK(
        satchel_digest_ranges_read(satchel_buffer_view(&bytes), true, read, SATCHEL_LIMIT_DIGEST_RANGES, &count));
    CHECK_UINT(count, SATCHEL_LIMIT_DIGEST_RANGES);
    CHECK(read[77].bits == 10 && read[77].prefix == 77 && read[77].rows == 231 && read[77].sum == 385);
    write_ranges(&bytes, 1, true);
    CHECK_STATUS(
        satchel_digest_ranges_read(satchel_buffer_view(&bytes), true, read, SATCHEL_LIMIT_DIGEST_RANGES, &count),
        SATCHEL_LIMIT_EXCEEDED);
    satchel_buffer_clear(&bytes);
    write_ranges(&bytes, 3, false);
    REQUIRE_OK(satchel_digest_ranges_read(satchel_buffer_view(&bytes), false, read, 3, &count));
    CHECK(count == 3 && read[2].prefix == 2 && read[2].sum == 0);
    satchel_buffer_deinit(&bytes);
}

TEST(digest, ranges_that_are_none_are_refused) {
    static const struct {
        const char *bytes;
        size_t count;
    } cases[] = {{"\x3d\x00", 2}, {"\x02\x04", 2}, {"\x02", 1}, {"\x02\x80", 2}};
    satchel_digest_range read[4];
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_STATUS(
            satchel_digest_ranges_read(satchel_bytes_of(cases[i].bytes, cases[i].count), false, read, 4, &count),
            SATCHEL_MALFORMED);
    }
    CHECK_OK(satchel_digest_ranges_read(satchel_bytes_of("\x3c\x00", 2), false, read, 4, &count));
}
