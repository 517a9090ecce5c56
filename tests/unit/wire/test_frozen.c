/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Golden wire bytes of every released schema version: each record of each entity decodes, is valid, and encodes to the
 * same bytes again. The bytes were made by another implementation of Protocol Buffers (proto/frozen/freeze.py).
 */
#include "base/text.h"
#include "schema/validate.h"
#include "support/test.h"
#include "wire/record_codec.h"

#include <string.h>

typedef struct golden_record {
    uint32_t entity;
    uint32_t value_count;
    const char *hex;
} golden_record;

static const golden_record version_1[] = {
#include "frozen_v1.inc"
};

static void check_values(const satchel_schema *schema, uint32_t entity, const satchel_record *record) {
    for (uint32_t i = 0; i < record->count; i++) {
        const satchel_field *field = satchel_schema_field(schema, entity, record->fields[i].number);
        satchel_error error = {0};
        test_note("entity %u, field %u", entity, record->fields[i].number);
        REQUIRE(field != NULL);
        CHECK_OK(
            satchel_validate_value(satchel_schema_entity(schema, entity), field, &record->fields[i].value, &error));
    }
}

static void check_record(const satchel_schema *schema, const golden_record *golden) {
    static uint8_t bytes[16384];
    size_t count = strlen(golden->hex) / 2;
    satchel_buffer again = {0};
    satchel_arena arena = {0};
    satchel_record record;
    satchel_record_init(&record, &arena);
    test_note("entity %u", golden->entity);
    REQUIRE(count <= sizeof bytes);
    REQUIRE_OK(satchel_hex_read(satchel_text_of(golden->hex), bytes, count));
    REQUIRE_OK(satchel_record_decode(schema, golden->entity, satchel_bytes_of(bytes, count), false, &record, NULL));
    CHECK_UINT(record.count, golden->value_count);
    CHECK_UINT(record.tail.bytes, 0);
    check_values(schema, golden->entity, &record);
    REQUIRE_OK(satchel_record_encode(schema, golden->entity, &record, &again));
    CHECK_BYTES(satchel_buffer_view(&again), satchel_bytes_of(bytes, count));
    satchel_buffer_deinit(&again);
    satchel_arena_deinit(&arena);
}

TEST(frozen, records_of_version_1_decode_and_encode_alike) {
    satchel_schema schema;
    uint32_t entities = 0, before = 0;
    REQUIRE_OK(satchel_schema_init(&schema, &satchel_generated_model, NULL, 0, NULL));
    for (size_t i = 0; i < sizeof version_1 / sizeof version_1[0]; i++) {
        entities += version_1[i].entity != before;
        before = version_1[i].entity;
        check_record(&schema, &version_1[i]);
    }
    CHECK_UINT(entities, 35);
}
