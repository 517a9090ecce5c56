/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as bytes: every record comes back, equal records have equal bytes, unknown fields are given back unchanged.
 */
#include "base/limits.h"
#include "base/text.h"
#include "support/wire/samples.h"
#include "wire/fields.h"

#include <satchel/model.h>
#include <string.h>

#define CASES 100000

static satchel_bytes customer_bytes(const satchel_schema *schema, const satchel_record *record, satchel_buffer *out) {
    satchel_buffer_clear(out);
    REQUIRE_OK(satchel_record_encode(schema, SATCHEL_ENTITY_CUSTOMER, record, out));
    return satchel_buffer_view(out);
}

TEST(record_codec, any_record_comes_back_from_its_bytes) {
    satchel_schema schema = sample_schema();
    test_random random = test_random_of(101);
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    satchel_buffer again = {0};
    unsigned long same = 0;
    for (int i = 0; i < CASES; i++) {
        satchel_arena_reset(&arena);
        satchel_buffer_clear(&bytes);
        satchel_buffer_clear(&again);
        uint32_t entity = test_random_chance(&random, 30) ? SATCHEL_ENTITY_CUSTOMER : sample_entity(&random, &schema);
        satchel_record record = sample_record(&random, &schema, entity, i % 100 == 0 ? 90 : 15, &arena);
        satchel_record read;
        satchel_record_init(&read, &arena);
        REQUIRE_OK(satchel_record_encode(&schema, entity, &record, &bytes));
        REQUIRE_OK(satchel_record_decode(&schema, entity, satchel_buffer_view(&bytes), i % 2 == 0, &read, NULL));
        REQUIRE_OK(satchel_record_encode(&schema, entity, &read, &again));
        same += satchel_record_equal(&record, &read) &&
                satchel_bytes_equal(satchel_buffer_view(&bytes), satchel_buffer_view(&again));
    }
    CHECK_UINT(same, CASES);
    satchel_buffer_deinit(&again);
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

TEST(record_codec, fields_are_those_of_the_entitys_message) {
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    satchel_record record;
    satchel_value amount = satchel_value_int(-1);
    satchel_record_init(&record, &arena);
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of("Tea")));
    REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_CUSTOMER_KIND, 2));
    REQUIRE_OK(satchel_record_set(&record, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR, &amount));
    REQUIRE_OK(satchel_record_set_bool(&record, SAMPLE_CUSTOM_BOOL, true));
    REQUIRE_OK(satchel_record_set_bool(&record, SATCHEL_FIELD_DELETED, false));
    static const uint8_t expected[] = {
        0x12, 3,    'T', 'e',  'a',              /* 2: name */
        0x20, 2,                                 /* 4: kind */
        0xc0, 1,    1,                           /* 24: credit limit, zigzag */
        0xa2, 0x38, 5,   0x08, 0xe8, 7, 0x10, 1, /* 900: {1: 1000, 2: true} */
        0xd0, 0x38, 0,                           /* 906: deleted, false is present */
    };
    CHECK_BYTES(customer_bytes(&schema, &record, &bytes), satchel_bytes_of(expected, sizeof expected));
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

TEST(record_codec, null_values_and_empty_sets_are_not_written) {
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    satchel_record record;
    satchel_value null = satchel_value_null();
    satchel_value empty = satchel_value_set(NULL, 0);
    satchel_record_init(&record, &arena);
    REQUIRE_OK(satchel_record_set(&record, SATCHEL_CUSTOMER_NAME, &null));
    REQUIRE_OK(satchel_record_set(&record, SATCHEL_CUSTOMER_TAGS, &empty));
    REQUIRE_OK(satchel_record_set(&record, SAMPLE_CUSTOM_TEXT, &null));
    REQUIRE_OK(satchel_record_set(&record, SAMPLE_CUSTOM_SET, &empty));
    CHECK_UINT(customer_bytes(&schema, &record, &bytes).bytes, 0);
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

TEST(record_codec, custom_fields_of_a_newer_definition_survive_an_older_reader) {
    satchel_schema newer = sample_schema();
    satchel_schema older = sample_plain_schema();
    test_random random = test_random_of(102);
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    unsigned long same = 0;
    for (int i = 0; i < 1000; i++) {
        satchel_record record = sample_record(&random, &newer, SATCHEL_ENTITY_CUSTOMER, 30, &arena);
        satchel_record passed;
        satchel_record back;
        satchel_record_init(&passed, &arena);
        satchel_record_init(&back, &arena);
        satchel_bytes sent = customer_bytes(&newer, &record, &bytes);
        REQUIRE_OK(satchel_record_decode(&older, SATCHEL_ENTITY_CUSTOMER, sent, false, &passed, NULL));
        sent = customer_bytes(&older, &passed, &bytes);
        REQUIRE_OK(satchel_record_decode(&newer, SATCHEL_ENTITY_CUSTOMER, sent, false, &back, NULL));
        same += satchel_record_equal(&record, &back);
        satchel_arena_reset(&arena);
    }
    CHECK_UINT(same, 1000);
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

TEST(record_codec, unknown_fields_between_known_ones_are_gathered_unchanged) {
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    satchel_record read;
    satchel_record_init(&read, &arena);
    static const uint8_t sent[] = {
        0x20, 2,                           /* 4: kind */
        0x80, 0xfa, 1,   0x85, 0x00,       /* 4000: varint 5 in an overlong form */
        0x12, 1,    'T',                   /* 2: name */
        0x8d, 0xfa, 1,   1,    2,    3, 4, /* 4001: fixed32 */
    };
    static const uint8_t tail[] = {0x80, 0xfa, 1, 0x85, 0x00, 0x8d, 0xfa, 1, 1, 2, 3, 4};
    REQUIRE_OK(satchel_record_decode(&schema, SATCHEL_ENTITY_CUSTOMER, satchel_bytes_of(sent, sizeof sent), true, &read,
                                     NULL));
    CHECK_BYTES(read.tail, satchel_bytes_of(tail, sizeof tail));
    CHECK_UINT(read.count, 2);
    CHECK_TEXT(satchel_record_text(&read, SATCHEL_CUSTOMER_NAME), "T");
    satchel_bytes again = customer_bytes(&schema, &read, &bytes);
    CHECK_BYTES(satchel_bytes_of(again.data + 5, again.bytes - 5), satchel_bytes_of(tail, sizeof tail));
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

TEST(record_codec, the_last_of_repeated_scalars_wins_and_sets_are_put_in_order) {
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    satchel_record read;
    satchel_record_init(&read, &arena);
    static const uint8_t sent[] = {0x20, 1, 0x52, 1, 'b', 0x20, 3, 0x52, 1, 'a', 0x52, 1, 'b'};
    REQUIRE_OK(satchel_record_decode(&schema, SATCHEL_ENTITY_CUSTOMER, satchel_bytes_of(sent, sizeof sent), false,
                                     &read, NULL));
    CHECK_INT(satchel_record_int(&read, SATCHEL_CUSTOMER_KIND, 0), 3);
    const satchel_value *tags = satchel_record_get(&read, SATCHEL_CUSTOMER_TAGS);
    REQUIRE(tags != NULL && tags->type == SATCHEL_TYPE_SET);
    REQUIRE_UINT(tags->as.set.count, 2);
    CHECK_TEXT(satchel_text_from(tags->as.set.elements[0]), "a");
    CHECK_TEXT(satchel_text_from(tags->as.set.elements[1]), "b");
    satchel_arena_deinit(&arena);
}

TEST(record_codec, bytes_that_are_no_record_are_refused_with_their_reason) {
    static const struct {
        const char *what;
        satchel_status status;
        uint8_t bytes[10];
        size_t count;
    } cases[] = {
        {"cut tag", SATCHEL_MALFORMED, {0x92}, 1},
        {"cut length", SATCHEL_MALFORMED, {0x12}, 1},
        {"cut text", SATCHEL_MALFORMED, {0x12, 2, 'T'}, 3},
        {"field 0", SATCHEL_MALFORMED, {0x02, 0}, 2},
        {"a group", SATCHEL_MALFORMED, {0x13, 0x14}, 2},
        {"wire type 7", SATCHEL_MALFORMED, {0x17, 0}, 2},
        {"a varint of eleven bytes",
         SATCHEL_MALFORMED,
         {0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
         10},
        {"text as a varint", SATCHEL_MALFORMED, {0x10, 1}, 2},
        {"a number as text", SATCHEL_MALFORMED, {0x22, 0}, 2},
        {"an id of 2 bytes", SATCHEL_MALFORMED, {0x0a, 2, 1, 2}, 4},
        {"bad UTF-8", SATCHEL_BAD_TEXT, {0x12, 1, 0xff}, 3},
        {"bad UTF-8 in a set", SATCHEL_BAD_TEXT, {0x52, 1, 0xff}, 3},
        {"a custom value without number", SATCHEL_MALFORMED, {0xa2, 0x38, 2, 0x10, 1}, 5},
        {"a custom value of a low number", SATCHEL_MALFORMED, {0xa2, 0x38, 2, 0x08, 7}, 5},
        {"a custom bool as text", SATCHEL_MALFORMED, {0xa2, 0x38, 5, 0x08, 0xe8, 7, 0x2a, 0}, 8},
    };
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_record read;
        satchel_record_init(&read, &arena);
        test_note("%s", cases[i].what);
        CHECK_STATUS(satchel_record_decode(&schema, SATCHEL_ENTITY_CUSTOMER,
                                           satchel_bytes_of(cases[i].bytes, cases[i].count), false, &read, NULL),
                     cases[i].status);
        CHECK_UINT(read.count, 0);
    }
    satchel_arena_deinit(&arena);
}

static satchel_status decode_text_of(size_t bytes, uint32_t number) {
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    satchel_buffer sent = {0};
    satchel_record read;
    satchel_record_init(&read, &arena);
    uint8_t *text = satchel_arena_take(&arena, bytes);
    REQUIRE(text != NULL);
    memset(text, 'a', bytes);
    REQUIRE_OK(satchel_wire_put_bytes(&sent, number, satchel_bytes_of(text, bytes)));
    satchel_status status =
        satchel_record_decode(&schema, SATCHEL_ENTITY_CUSTOMER, satchel_buffer_view(&sent), true, &read, NULL);
    satchel_buffer_deinit(&sent);
    satchel_arena_deinit(&arena);
    return status;
}

TEST(record_codec, reading_stops_one_past_each_limit) {
    CHECK_OK(decode_text_of(SATCHEL_LIMIT_TEXT_BYTES, SATCHEL_CUSTOMER_NAME));
    CHECK_STATUS(decode_text_of(SATCHEL_LIMIT_TEXT_BYTES + 1, SATCHEL_CUSTOMER_NAME), SATCHEL_LIMIT_EXCEEDED);
    CHECK_OK(decode_text_of(SATCHEL_LIMIT_SET_ELEMENT_BYTES, SATCHEL_CUSTOMER_TAGS));
    CHECK_STATUS(decode_text_of(SATCHEL_LIMIT_SET_ELEMENT_BYTES + 1, SATCHEL_CUSTOMER_TAGS), SATCHEL_LIMIT_EXCEEDED);
    size_t head = 6; /* tag of three bytes, length of three */
    CHECK_OK(decode_text_of(SATCHEL_LIMIT_TAIL_BYTES - head, 30000));
    CHECK_STATUS(decode_text_of(SATCHEL_LIMIT_TAIL_BYTES - head + 1, 30000), SATCHEL_LIMIT_EXCEEDED);
    CHECK_STATUS(decode_text_of(SATCHEL_LIMIT_RECORD_BYTES, 30000), SATCHEL_LIMIT_EXCEEDED);
}

static satchel_status decode_tags(uint32_t count) {
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    satchel_buffer sent = {0};
    satchel_record read;
    satchel_record_init(&read, &arena);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t element[] = {(uint8_t)('a' + i / 16 % 16), (uint8_t)('a' + i % 16), (uint8_t)('a' + i / 256)};
        REQUIRE_OK(satchel_wire_put_bytes(&sent, SATCHEL_CUSTOMER_TAGS, satchel_bytes_of(element, sizeof element)));
    }
    satchel_status status =
        satchel_record_decode(&schema, SATCHEL_ENTITY_CUSTOMER, satchel_buffer_view(&sent), true, &read, NULL);
    if (status == SATCHEL_OK) {
        CHECK_UINT(satchel_record_get(&read, SATCHEL_CUSTOMER_TAGS)->as.set.count, count);
    }
    satchel_buffer_deinit(&sent);
    satchel_arena_deinit(&arena);
    return status;
}

TEST(record_codec, a_set_takes_its_limit_of_elements_and_no_more) {
    CHECK_OK(decode_tags(1));
    CHECK_OK(decode_tags(5));
    CHECK_OK(decode_tags(SATCHEL_LIMIT_SET_ELEMENTS));
    CHECK_STATUS(decode_tags(SATCHEL_LIMIT_SET_ELEMENTS + 1), SATCHEL_LIMIT_EXCEEDED);
}

TEST(record_codec, what_does_not_fit_the_schema_is_not_written) {
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    satchel_record record;
    REQUIRE_OK(satchel_buffer_append_byte(&bytes, 7));
    satchel_record_init(&record, &arena);
    REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_CUSTOMER_KIND, 1));
    CHECK_STATUS(satchel_record_encode(&schema, 999, &record, &bytes), SATCHEL_UNKNOWN_ENTITY);
    REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_CUSTOMER_NAME, 1));
    CHECK_STATUS(satchel_record_encode(&schema, SATCHEL_ENTITY_CUSTOMER, &record, &bytes), SATCHEL_WRONG_TYPE);
    satchel_record_remove(&record, SATCHEL_CUSTOMER_NAME);
    REQUIRE_OK(satchel_record_set_int(&record, 899, 1));
    CHECK_STATUS(satchel_record_encode(&schema, SATCHEL_ENTITY_CUSTOMER, &record, &bytes), SATCHEL_UNKNOWN_FIELD);
    satchel_record_remove(&record, 899);
    REQUIRE_OK(satchel_record_set_int(&record, 1999, 1));
    CHECK_STATUS(satchel_record_encode(&schema, SATCHEL_ENTITY_CUSTOMER, &record, &bytes), SATCHEL_UNKNOWN_FIELD);
    CHECK_UINT(bytes.bytes, 1); /* nothing half-written stays */
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

TEST(record_codec, custom_values_travel_as_a_blob_of_their_own) {
    satchel_schema schema = sample_schema();
    satchel_schema plain = sample_plain_schema();
    test_random random = test_random_of(103);
    satchel_arena arena = {0};
    satchel_buffer blob = {0};
    for (int i = 0; i < 1000; i++) {
        satchel_record record = sample_record(&random, &schema, SATCHEL_ENTITY_CUSTOMER, 30, &arena);
        satchel_record read;
        satchel_record kept;
        satchel_record_init(&read, &arena);
        satchel_record_init(&kept, &arena);
        satchel_buffer_clear(&blob);
        REQUIRE_OK(satchel_custom_encode(&schema, SATCHEL_ENTITY_CUSTOMER, &record, &blob));
        satchel_bytes bytes = satchel_buffer_view(&blob);
        REQUIRE_OK(satchel_custom_decode(&schema, SATCHEL_ENTITY_CUSTOMER, bytes, &read));
        REQUIRE_OK(satchel_custom_decode(&plain, SATCHEL_ENTITY_CUSTOMER, bytes, &kept));
        for (uint32_t number = SAMPLE_CUSTOM_BOOL; number <= SAMPLE_CUSTOM_IDS; number++) {
            const satchel_value *was = satchel_record_get(&record, number);
            const satchel_value *is = satchel_record_get(&read, number);
            REQUIRE((was == NULL) == (is == NULL) && (was == NULL || satchel_value_equal(was, is)));
        }
        REQUIRE(satchel_bytes_equal(kept.tail, bytes)); /* unknown ones stay as they came */
        satchel_arena_reset(&arena);
    }
    satchel_buffer_deinit(&blob);
    satchel_arena_deinit(&arena);
}
