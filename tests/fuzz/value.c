/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single values as columns and journals hold them: [0 value, 1 set, 2 custom values of a customer][bytes]. What is read
 * is written again in one form that reads back as the same.
 */
#include "fuzz/support/fuzz.h"

#include "support/wire/samples.h"

#define CUSTOMER 1u
/* A set's element is 16 bytes in memory, 1 on the wire; and every reading is done twice. */
#define VALUE_MEMORY(bytes) ((bytes)*96 + 65536)

static bool expected(satchel_status status) {
    return status == SATCHEL_OK || status == SATCHEL_MALFORMED || status == SATCHEL_BAD_TEXT ||
           status == SATCHEL_LIMIT_EXCEEDED;
}

static void try_value(satchel_bytes bytes, satchel_arena *arena, satchel_buffer *once) {
    satchel_reader reader = satchel_reader_of(bytes);
    satchel_value value, again;
    satchel_status status = satchel_value_decode(&reader, arena, &value);
    FUZZ_HOLDS(expected(status));
    if (status == SATCHEL_OK) {
        FUZZ_HOLDS(satchel_value_encode(&value, once) == SATCHEL_OK);
        FUZZ_HOLDS(once->bytes <= reader.at);
        reader = satchel_reader_of(satchel_buffer_view(once));
        FUZZ_HOLDS(satchel_value_decode(&reader, arena, &again) == SATCHEL_OK);
        FUZZ_HOLDS(satchel_reader_left(&reader) == 0);
        FUZZ_HOLDS(satchel_value_equal(&value, &again) && satchel_value_compare(&value, &again) == 0);
    }
}

static void try_set(satchel_bytes bytes, satchel_arena *arena, satchel_buffer *once) {
    satchel_set set, again;
    satchel_status status = satchel_set_decode(bytes, arena, &set);
    FUZZ_HOLDS(expected(status));
    if (status == SATCHEL_OK) {
        FUZZ_HOLDS(satchel_set_encode(&set, once) == SATCHEL_OK);
        FUZZ_HOLDS(satchel_set_decode(satchel_buffer_view(once), arena, &again) == SATCHEL_OK);
        satchel_value a = satchel_value_set(set.elements, set.count);
        satchel_value b = satchel_value_set(again.elements, again.count);
        FUZZ_HOLDS(satchel_value_equal(&a, &b));
    }
}

static void try_custom(satchel_bytes bytes, satchel_arena *arena, satchel_buffer *once) {
    satchel_schema schema = sample_schema();
    satchel_record record, again;
    satchel_record_init(&record, arena);
    satchel_record_init(&again, arena);
    satchel_status status = satchel_custom_decode(&schema, CUSTOMER, bytes, &record);
    FUZZ_HOLDS(expected(status));
    if (status == SATCHEL_OK) {
        FUZZ_HOLDS(satchel_custom_encode(&schema, CUSTOMER, &record, once) == SATCHEL_OK);
        FUZZ_HOLDS(satchel_custom_decode(&schema, CUSTOMER, satchel_buffer_view(once), &again) == SATCHEL_OK);
        record.tail = (satchel_bytes){NULL, 0}; /* what is not known is in the tail, which is stored apart */
        FUZZ_HOLDS(satchel_record_equal(&record, &again));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_reader input = satchel_reader_of(satchel_bytes_of(data, bytes));
    satchel_arena arena = {0};
    satchel_buffer once = {NULL, 0, 0};
    fuzz_begin();
    switch (fuzz_choice(&input, 3)) {
    case 0: try_value(fuzz_rest(&input), &arena, &once); break;
    case 1: try_set(fuzz_rest(&input), &arena, &once); break;
    default: try_custom(fuzz_rest(&input), &arena, &once); break;
    }
    satchel_buffer_deinit(&once);
    satchel_arena_deinit(&arena);
    fuzz_end(VALUE_MEMORY(bytes));
    return 0;
}

void fuzz_seeds(void) {
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    satchel_buffer seed = {NULL, 0, 0};
    test_random random = test_random_of(2);
    satchel_record record = sample_record(&random, &schema, CUSTOMER, 100, &arena);
    for (uint32_t i = 0; i < record.count; i++) {
        const satchel_value *value = &record.fields[i].value;
        fuzz_start_seed(&seed, 0);
        FUZZ_HOLDS(satchel_value_encode(value, &seed) == SATCHEL_OK);
        fuzz_seed(satchel_buffer_view(&seed));
        if (value->type == SATCHEL_TYPE_SET) {
            fuzz_start_seed(&seed, 1);
            FUZZ_HOLDS(satchel_set_encode(&value->as.set, &seed) == SATCHEL_OK);
            fuzz_seed(satchel_buffer_view(&seed));
        }
    }
    fuzz_start_seed(&seed, 2);
    FUZZ_HOLDS(satchel_custom_encode(&schema, CUSTOMER, &record, &seed) == SATCHEL_OK);
    fuzz_seed(satchel_buffer_view(&seed));
    satchel_buffer_deinit(&seed);
    satchel_arena_deinit(&arena);
}
