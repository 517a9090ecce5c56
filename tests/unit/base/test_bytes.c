/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffers, readers, varints and hexadecimal text.
 */
#include "base/bytes.h"
#include "base/memory.h"
#include "base/text.h"
#include "support/random.h"
#include "support/test.h"

#include <string.h>

typedef struct varint_case {
    uint64_t value;
    const char *form;
    size_t bytes;
} varint_case;

static const varint_case varints[] = {
    {0, "\x00", 1},
    {1, "\x01", 1},
    {127, "\x7f", 1},
    {128, "\x80\x01", 2},
    {300, "\xac\x02", 2},
    {16383, "\xff\x7f", 2},
    {16384, "\x80\x80\x01", 3},
    {UINT32_MAX, "\xff\xff\xff\xff\x0f", 5},
    {INT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 9},
    {UINT64_C(1) << 63, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 10},
    {UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
};

TEST(bytes, varints_have_the_known_forms) {
    for (size_t i = 0; i < sizeof varints / sizeof varints[0]; i++) {
        const varint_case *expected = &varints[i];
        satchel_buffer buffer = {0};
        uint64_t value = 42;
        test_note("row %zu", i);
        CHECK_OK(satchel_buffer_append_varint(&buffer, expected->value));
        CHECK_BYTES(satchel_buffer_view(&buffer), satchel_bytes_of(expected->form, expected->bytes));
        satchel_reader reader = satchel_reader_of(satchel_buffer_view(&buffer));
        CHECK_OK(satchel_reader_varint(&reader, &value));
        CHECK_UINT(value, expected->value);
        CHECK_UINT(satchel_reader_left(&reader), 0);
        satchel_buffer_deinit(&buffer);
    }
}

TEST(bytes, any_varint_comes_back) {
    test_random random = test_random_of(21);
    satchel_buffer buffer = {0};
    for (int i = 0; i < 100000; i++) {
        uint64_t value = test_random_u64(&random) >> test_random_below(&random, 64);
        uint64_t back = 0;
        satchel_buffer_clear(&buffer);
        REQUIRE_OK(satchel_buffer_append_varint(&buffer, value));
        satchel_reader reader = satchel_reader_of(satchel_buffer_view(&buffer));
        REQUIRE_OK(satchel_reader_varint(&reader, &back));
        REQUIRE_UINT(back, value);
    }
    satchel_buffer_deinit(&buffer);
}

TEST(bytes, malformed_varints_are_refused_and_the_reader_stays) {
    static const struct {
        const char *form;
        size_t bytes;
    } cases[] = {
        {"", 0},
        {"\x80", 1},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_reader reader = satchel_reader_of(satchel_bytes_of(cases[i].form, cases[i].bytes));
        uint64_t value = 7;
        test_note("row %zu", i);
        CHECK_STATUS(satchel_reader_varint(&reader, &value), SATCHEL_MALFORMED);
        CHECK_UINT(reader.at, 0);
        CHECK_UINT(value, 7);
    }
}

TEST(bytes, readers_stop_at_the_end) {
    satchel_reader reader = satchel_reader_of(satchel_bytes_of("abc", 3));
    satchel_bytes taken = {NULL, 0};
    uint8_t byte = 0;
    CHECK_OK(satchel_reader_byte(&reader, &byte));
    CHECK_INT(byte, 'a');
    CHECK_STATUS(satchel_reader_take(&reader, 3, &taken), SATCHEL_MALFORMED);
    CHECK_STATUS(satchel_reader_take(&reader, SIZE_MAX, &taken), SATCHEL_MALFORMED);
    CHECK_OK(satchel_reader_take(&reader, 2, &taken));
    CHECK_BYTES(taken, satchel_bytes_of("bc", 2));
    CHECK_OK(satchel_reader_take(&reader, 0, &taken));
    CHECK_UINT(taken.bytes, 0);
    CHECK_STATUS(satchel_reader_byte(&reader, &byte), SATCHEL_MALFORMED);
    CHECK_UINT(reader.at, 3);
}

TEST(bytes, an_empty_reader_holds_nothing) {
    satchel_reader reader = satchel_reader_of((satchel_bytes){NULL, 0});
    satchel_bytes taken;
    uint8_t byte;
    CHECK_UINT(satchel_reader_left(&reader), 0);
    CHECK_STATUS(satchel_reader_byte(&reader, &byte), SATCHEL_MALFORMED);
    CHECK_OK(satchel_reader_take(&reader, 0, &taken));
}

TEST(bytes, zigzag_keeps_small_numbers_small) {
    static const struct {
        int64_t value;
        uint64_t form;
    } cases[] = {{0, 0}, {-1, 1}, {1, 2}, {-2, 3}, {INT64_MAX, UINT64_MAX - 1}, {INT64_MIN, UINT64_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_UINT(satchel_zigzag(cases[i].value), cases[i].form);
        CHECK_INT(satchel_unzigzag(cases[i].form), cases[i].value);
    }
}

TEST(bytes, a_buffer_may_be_appended_to_itself) {
    satchel_buffer buffer = {0};
    REQUIRE_OK(satchel_buffer_append(&buffer, satchel_bytes_of("ab", 2)));
    for (int i = 0; i < 12; i++) { /* grows several times on the way */
        REQUIRE_OK(satchel_buffer_append(&buffer, satchel_buffer_view(&buffer)));
    }
    CHECK_UINT(buffer.bytes, 8192);
    for (size_t i = 0; i < buffer.bytes; i++) {
        REQUIRE(buffer.data[i] == (i % 2 == 0 ? 'a' : 'b'));
    }
    satchel_buffer_deinit(&buffer);
}

TEST(bytes, appending_fails_without_a_trace) {
    satchel_buffer buffer = {0};
    REQUIRE_OK(satchel_buffer_append(&buffer, satchel_bytes_of("abc", 3)));
    size_t room = buffer.capacity - buffer.bytes;
    satchel_memory_fail_at(1, 1);
    CHECK_STATUS(satchel_buffer_reserve(&buffer, room + 1), SATCHEL_NO_MEMORY);
    CHECK_STATUS(satchel_buffer_append_format(&buffer, "%*d", 500, 1), SATCHEL_NO_MEMORY);
    CHECK_OK(satchel_buffer_reserve(&buffer, room));
    satchel_memory_fail_at(0, 0);
    CHECK_STATUS(satchel_buffer_reserve(&buffer, SIZE_MAX), SATCHEL_LIMIT_EXCEEDED);
    CHECK_STATUS(satchel_buffer_reserve(&buffer, SIZE_MAX - 2), SATCHEL_LIMIT_EXCEEDED);
    CHECK_BYTES(satchel_buffer_view(&buffer), satchel_bytes_of("abc", 3));
    satchel_buffer_deinit(&buffer);
}

TEST(bytes, the_first_allocation_of_each_append_may_fail) {
    satchel_buffer buffer;
    satchel_buffer_init(&buffer);
    satchel_memory_fail_at(1, 1);
    CHECK_STATUS(satchel_buffer_append(&buffer, satchel_bytes_of("x", 1)), SATCHEL_NO_MEMORY);
    CHECK_STATUS(satchel_buffer_append_byte(&buffer, 1), SATCHEL_NO_MEMORY);
    CHECK_STATUS(satchel_buffer_append_varint(&buffer, 1), SATCHEL_NO_MEMORY);
    CHECK_STATUS(satchel_buffer_append_format(&buffer, "x"), SATCHEL_NO_MEMORY);
    satchel_memory_fail_at(0, 0);
    CHECK_UINT(buffer.bytes, 0);
    CHECK(buffer.data == NULL);
}

TEST(bytes, formatted_text_has_no_zero_at_its_end) {
    satchel_buffer buffer = {0};
    REQUIRE_OK(satchel_buffer_append_format(&buffer, "%s-%d", "客户", 7));
    REQUIRE_OK(satchel_buffer_append_format(&buffer, "%s", ""));
    REQUIRE_OK(satchel_buffer_append_byte(&buffer, '!'));
    CHECK_TEXT(satchel_text_from(satchel_buffer_view(&buffer)), "客户-7!");
    satchel_buffer_deinit(&buffer);
}

TEST(bytes, clear_keeps_the_room_and_wipe_gives_it_back) {
    satchel_buffer buffer = {0};
    REQUIRE_OK(satchel_buffer_append(&buffer, satchel_bytes_of("secret", 6)));
    const uint8_t *room = buffer.data;
    satchel_buffer_clear(&buffer);
    CHECK_UINT(buffer.bytes, 0);
    CHECK(buffer.data == room);
    satchel_buffer_wipe(&buffer);
    CHECK(buffer.data == NULL);
    CHECK_UINT(buffer.capacity, 0);
    satchel_buffer_wipe(&buffer); /* empty: nothing to do */
}

TEST(bytes, order_is_that_of_memcmp_with_prefixes_first) {
    static const char *const ascending[] = {"", "a", "aa", "a\xff", "b", "\x80", "\xff"};
    for (size_t i = 0; i < sizeof ascending / sizeof ascending[0]; i++) {
        for (size_t j = i; j < sizeof ascending / sizeof ascending[0]; j++) {
            satchel_bytes a = satchel_bytes_of(ascending[i], strlen(ascending[i]));
            satchel_bytes b = satchel_bytes_of(ascending[j], strlen(ascending[j]));
            test_note("%zu and %zu", i, j);
            CHECK_INT(satchel_bytes_compare(a, b), i == j ? 0 : -1);
            CHECK_INT(satchel_bytes_compare(b, a), i == j ? 0 : 1);
            CHECK(satchel_bytes_equal(a, b) == (i == j));
        }
    }
}

TEST(bytes, big_endian_numbers) {
    uint8_t out[8];
    satchel_put_u32be(out, 0x01020304);
    CHECK_BYTES(satchel_bytes_of(out, 4), satchel_bytes_of("\x01\x02\x03\x04", 4));
    CHECK_UINT(satchel_get_u32be(out), 0x01020304);
    satchel_put_u64be(out, UINT64_C(0xfffefdfc01020304));
    CHECK_BYTES(satchel_bytes_of(out, 8), satchel_bytes_of("\xff\xfe\xfd\xfc\x01\x02\x03\x04", 8));
    CHECK_UINT(satchel_get_u64be(out), UINT64_C(0xfffefdfc01020304));
}

TEST(bytes, hexadecimal_is_written_low_and_read_in_both_cases) {
    char text[9];
    uint8_t bytes[4];
    satchel_hex_write(satchel_bytes_of("\x00\x9a\xbc\xff", 4), text);
    CHECK_TEXT(text, "009abcff");
    CHECK_OK(satchel_hex_read(satchel_text_of("009aBCfF"), bytes, 4));
    CHECK_BYTES(satchel_bytes_of(bytes, 4), satchel_bytes_of("\x00\x9a\xbc\xff", 4));
    satchel_hex_write(satchel_bytes_of(NULL, 0), text);
    CHECK_TEXT(text, "");
    CHECK_OK(satchel_hex_read(satchel_text_of(""), bytes, 0));
}

TEST(bytes, other_characters_are_not_hexadecimal) {
    static const char *const cases[] = {"",     "0",    "000",  "00000", "0g00", "00 0",
                                        "0x00", "/000", ":000", "@000",  "`000"};
    uint8_t bytes[2];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_note("\"%s\"", cases[i]);
        CHECK_STATUS(satchel_hex_read(satchel_text_of(cases[i]), bytes, 2), SATCHEL_MALFORMED);
    }
}
