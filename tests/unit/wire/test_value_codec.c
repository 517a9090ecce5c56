/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single values and sets as blobs: one form a value, and nothing but that form is read.
 */
#include "base/limits.h"
#include "base/text.h"
#include "support/wire/samples.h"

#include <math.h>
#include <string.h>

TEST(value_codec, every_value_of_a_record_comes_back) {
    satchel_schema schema = sample_schema();
    test_random random = test_random_of(111);
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    unsigned long values = 0;
    unsigned long same = 0;
    while (values < 100000) {
        satchel_record record = sample_record(&random, &schema, sample_entity(&random, &schema), 60, &arena);
        for (uint32_t i = 0; i < record.count; i++, values++) {
            satchel_value read;
            satchel_buffer_clear(&bytes);
            REQUIRE_OK(satchel_value_encode(&record.fields[i].value, &bytes));
            satchel_reader reader = satchel_reader_of(satchel_buffer_view(&bytes));
            REQUIRE_OK(satchel_value_decode(&reader, &arena, &read));
            same += satchel_value_equal(&record.fields[i].value, &read) && satchel_reader_left(&reader) == 0;
        }
        satchel_arena_reset(&arena);
    }
    CHECK_UINT(same, values);
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

TEST(value_codec, has_the_documented_bytes) {
    const satchel_id id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
    const satchel_bytes elements[] = {satchel_bytes_of("a", 1), satchel_bytes_of("bc", 2)};
    const struct {
        satchel_value value;
        const char *hex;
    } cases[] = {
        {satchel_value_null(), "00"},
        {satchel_value_bool(true), "0101"},
        {satchel_value_int(-2), "0203"},
        {satchel_value_real(1.5), "033ff8000000000000"},
        {satchel_value_text(satchel_text_of("Te")), "04025465"},
        {satchel_value_bytes(satchel_bytes_of("\xff", 1)), "0501ff"},
        {satchel_value_id(&id), "060102030405060708090a0b0c0d0e0f10"},
        {satchel_value_set(elements, 2), "0702016102"
                                         "6263"},
        {satchel_value_time(1), "0802"},
    };
    satchel_buffer bytes = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char hex[80];
        satchel_buffer_clear(&bytes);
        REQUIRE_OK(satchel_value_encode(&cases[i].value, &bytes));
        REQUIRE(bytes.bytes < sizeof hex / 2);
        satchel_hex_write(satchel_buffer_view(&bytes), hex);
        CHECK_TEXT(hex, cases[i].hex);
    }
    satchel_buffer_deinit(&bytes);
}

TEST(value_codec, cut_at_any_byte_is_malformed) {
    satchel_schema schema = sample_schema();
    test_random random = test_random_of(112);
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    satchel_record record = sample_record(&random, &schema, 1, 100, &arena);
    REQUIRE(record.count > 30);
    for (uint32_t i = 0; i < record.count; i++) {
        satchel_buffer_clear(&bytes);
        REQUIRE_OK(satchel_value_encode(&record.fields[i].value, &bytes));
        for (size_t cut = 0; cut < bytes.bytes; cut++) {
            satchel_value read;
            satchel_reader reader = satchel_reader_of(satchel_bytes_of(bytes.data, cut));
            CHECK_STATUS(satchel_value_decode(&reader, &arena, &read), SATCHEL_MALFORMED);
        }
    }
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

TEST(value_codec, other_forms_are_refused) {
    static const struct {
        const char *what;
        const char *bytes;
        size_t count;
        satchel_status status;
    } cases[] = {
        {"type 9", "\x09", 1, SATCHEL_MALFORMED},
        {"bool 2", "\x01\x02", 2, SATCHEL_MALFORMED},
        {"bad UTF-8", "\x04\x01\xff", 3, SATCHEL_BAD_TEXT},
        {"unordered set",
         "\x07\x02\x01"
         "b\x01"
         "a",
         6, SATCHEL_MALFORMED},
        {"twice the same",
         "\x07\x02\x01"
         "a\x01"
         "a",
         6, SATCHEL_MALFORMED},
        {"257 elements", "\x07\x81\x02", 3, SATCHEL_LIMIT_EXCEEDED},
        {"element of 257 bytes", "\x07\x01\x81\x02", 4, SATCHEL_LIMIT_EXCEEDED},
        {"text of 65537 bytes", "\x04\x81\x80\x04", 4, SATCHEL_LIMIT_EXCEEDED},
    };
    satchel_arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_value read;
        satchel_reader reader = satchel_reader_of(satchel_bytes_of(cases[i].bytes, cases[i].count));
        test_note("%s", cases[i].what);
        CHECK_STATUS(satchel_value_decode(&reader, &arena, &read), cases[i].status);
    }
    satchel_arena_deinit(&arena);
}

TEST(value_codec, a_set_blob_is_read_whole) {
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    const satchel_bytes elements[] = {satchel_bytes_of("a", 1), satchel_bytes_of("b", 1)};
    const satchel_set set = {elements, 2};
    satchel_set read;
    REQUIRE_OK(satchel_set_encode(&set, &bytes));
    REQUIRE_OK(satchel_set_decode(satchel_buffer_view(&bytes), &arena, &read));
    REQUIRE_UINT(read.count, 2);
    CHECK_BYTES(read.elements[1], elements[1]);
    REQUIRE_OK(satchel_buffer_append_byte(&bytes, 0));
    CHECK_STATUS(satchel_set_decode(satchel_buffer_view(&bytes), &arena, &read), SATCHEL_MALFORMED);
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

TEST(value_codec, writing_stops_one_past_each_limit) {
    static uint8_t text[SATCHEL_LIMIT_TEXT_BYTES + 1];
    satchel_bytes elements[SATCHEL_LIMIT_SET_ELEMENTS + 1];
    uint8_t names[SATCHEL_LIMIT_SET_ELEMENTS + 1][2];
    satchel_buffer bytes = {0};
    for (uint32_t i = 0; i <= SATCHEL_LIMIT_SET_ELEMENTS; i++) {
        names[i][0] = (uint8_t)(i >> 8);
        names[i][1] = (uint8_t)i;
        elements[i] = satchel_bytes_of(names[i], 2);
    }
    satchel_value most = satchel_value_bytes(satchel_bytes_of(text, SATCHEL_LIMIT_TEXT_BYTES));
    satchel_value more = satchel_value_bytes(satchel_bytes_of(text, SATCHEL_LIMIT_TEXT_BYTES + 1));
    satchel_value full = satchel_value_set(elements, SATCHEL_LIMIT_SET_ELEMENTS);
    satchel_value fuller = satchel_value_set(elements, SATCHEL_LIMIT_SET_ELEMENTS + 1);
    CHECK_OK(satchel_value_encode(&most, &bytes));
    CHECK_OK(satchel_value_encode(&full, &bytes));
    size_t before = bytes.bytes;
    CHECK_STATUS(satchel_value_encode(&more, &bytes), SATCHEL_LIMIT_EXCEEDED);
    CHECK_STATUS(satchel_value_encode(&fuller, &bytes), SATCHEL_LIMIT_EXCEEDED);
    CHECK_UINT(bytes.bytes, before);
    satchel_buffer_deinit(&bytes);
}
