/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as people type them, on command lines and in CSV: [choice of a customer's field][text]. A value that is read
 * is written in a form that reads back as the same value.
 */
#include "fuzz/support/fuzz.h"

#include "base/text.h"
#include "schema/text_form.h"
#include "schema/validate.h"
#include "support/wire/samples.h"

#define CUSTOMER 1u
#define FIELDS_MOST 64u
/* Elements of a set: 16 bytes for one of 1. */
#define TEXT_MEMORY(bytes) ((bytes)*64 + 65536)

static const satchel_field *field_of(const satchel_schema *schema, uint8_t choice) {
    const satchel_field *first = satchel_schema_field_at(schema, CUSTOMER, 0);
    const satchel_field *field = satchel_schema_field_at(schema, CUSTOMER, choice);
    return field != NULL && field->number != SATCHEL_FIELD_CUSTOM_LIST ? field : first;
}

/* " ; " is one; the wire does not tell it from null either. */
static bool is_empty_set(const satchel_value *value) {
    return value->type == SATCHEL_TYPE_SET && value->as.set.count == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_schema schema = sample_schema();
    satchel_reader input = satchel_reader_of(satchel_bytes_of(data, bytes));
    const satchel_field *field = field_of(&schema, fuzz_choice(&input, FIELDS_MOST));
    satchel_arena arena = {0};
    satchel_buffer text = {NULL, 0, 0};
    satchel_value value, again;
    fuzz_begin();
    satchel_status status = satchel_value_from_text(field, satchel_text_from(fuzz_rest(&input)), &arena, &value, NULL);
    FUZZ_HOLDS(status == SATCHEL_OK || status == SATCHEL_MALFORMED || status == SATCHEL_OUT_OF_RANGE ||
               status == SATCHEL_BAD_TEXT || status == SATCHEL_LIMIT_EXCEEDED);
    if (status == SATCHEL_OK) {
        const satchel_entity *customer = satchel_schema_entity(&schema, CUSTOMER);
        status = satchel_validate_value(customer, field, &value, NULL);
        FUZZ_HOLDS(status != SATCHEL_INTERNAL && status != SATCHEL_NO_MEMORY);
        FUZZ_HOLDS(satchel_value_to_text(field, &value, &text) == SATCHEL_OK);
        status = satchel_value_from_text(field, satchel_text_from(satchel_buffer_view(&text)), &arena, &again, NULL);
        FUZZ_HOLDS(status == SATCHEL_OK);
        FUZZ_HOLDS(satchel_value_equal(&value, &again) || (is_empty_set(&value) && again.type == SATCHEL_TYPE_NULL));
    }
    satchel_buffer_deinit(&text);
    satchel_arena_deinit(&arena);
    fuzz_end(TEXT_MEMORY(bytes));
    return 0;
}

void fuzz_seeds(void) {
    static const char *const texts[] = {
        "1;2;\xe8\x8c\xb6;a b", "2026-11-22", "2026-11-22T03:04:05.678+08:00", "-1e-7", "true", "00ff7A"};
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    satchel_buffer seed = {NULL, 0, 0};
    test_random random = test_random_of(9);
    satchel_record record = sample_record(&random, &schema, CUSTOMER, 100, &arena);
    for (uint8_t i = 0; i < FIELDS_MOST; i++) {
        const satchel_field *field = satchel_schema_field_at(&schema, CUSTOMER, i);
        const satchel_value *value = field != NULL ? satchel_record_get(&record, field->number) : NULL;
        if (value != NULL) {
            fuzz_start_seed(&seed, i);
            FUZZ_HOLDS(satchel_value_to_text(field, value, &seed) == SATCHEL_OK);
            fuzz_seed(satchel_buffer_view(&seed));
        }
        for (size_t t = 0; i % 8 == 0 && t < sizeof texts / sizeof texts[0]; t++) {
            fuzz_start_seed(&seed, i);
            fuzz_append_text(&seed, texts[t]);
            fuzz_seed(satchel_buffer_view(&seed));
        }
    }
    satchel_buffer_deinit(&seed);
    satchel_arena_deinit(&arena);
}
