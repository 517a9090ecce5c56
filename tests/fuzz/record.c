/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record: [choice of entity][encoded record]. What is read is written again in one form, reads back as the same
 * record, and is never longer than it was; copied and borrowed reading agree; a whole row can be judged.
 */
#include "fuzz/support/fuzz.h"

#include "schema/validate.h"
#include "support/wire/samples.h"

#define ENTITY_CHOICES 250
/* Fields, sets and what gathers a scattered tail: a set's element of 2 bytes is 16 in memory, grown by doubling. */
#define RECORD_MEMORY(bytes) ((bytes)*96 + 262144)

static uint32_t entity_of(const satchel_schema *schema, uint8_t choice) {
    return schema->model->entities[choice % schema->model->entity_count].number;
}

static void write_again(const satchel_schema *schema, uint32_t entity, satchel_bytes input,
                        const satchel_record *record, satchel_arena *arena) {
    satchel_buffer once = {NULL, 0, 0}, twice = {NULL, 0, 0};
    satchel_record again;
    satchel_record_init(&again, arena);
    FUZZ_HOLDS(satchel_record_encode(schema, entity, record, &once) == SATCHEL_OK);
    FUZZ_HOLDS(once.bytes <= input.bytes);
    FUZZ_HOLDS(satchel_record_decode(schema, entity, satchel_buffer_view(&once), false, &again, NULL) == SATCHEL_OK);
    FUZZ_HOLDS(satchel_record_equal(record, &again));
    FUZZ_HOLDS(satchel_record_encode(schema, entity, &again, &twice) == SATCHEL_OK);
    FUZZ_HOLDS(satchel_bytes_equal(satchel_buffer_view(&once), satchel_buffer_view(&twice)));
    satchel_buffer_deinit(&once);
    satchel_buffer_deinit(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_schema schema = sample_schema();
    satchel_reader input = satchel_reader_of(satchel_bytes_of(data, bytes));
    uint32_t entity = entity_of(&schema, fuzz_choice(&input, ENTITY_CHOICES));
    satchel_bytes encoded = fuzz_rest(&input);
    satchel_arena arena = {0};
    satchel_record borrowed, copied;
    fuzz_begin();
    satchel_record_init(&borrowed, &arena);
    satchel_record_init(&copied, &arena);
    satchel_status status = satchel_record_decode(&schema, entity, encoded, true, &borrowed, NULL);
    FUZZ_HOLDS(status == SATCHEL_OK || status == SATCHEL_MALFORMED || status == SATCHEL_BAD_TEXT ||
               status == SATCHEL_LIMIT_EXCEEDED);
    FUZZ_HOLDS(satchel_record_decode(&schema, entity, encoded, false, &copied, NULL) == status);
    if (status == SATCHEL_OK) {
        FUZZ_HOLDS(satchel_record_equal(&borrowed, &copied));
        write_again(&schema, entity, encoded, &borrowed, &arena);
        status = satchel_validate_row(&schema, entity, &borrowed, true, NULL);
        FUZZ_HOLDS(status != SATCHEL_INTERNAL && status != SATCHEL_NO_MEMORY);
    }
    satchel_arena_deinit(&arena);
    fuzz_end(RECORD_MEMORY(bytes));
    return 0;
}

void fuzz_seeds(void) {
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    satchel_buffer seed = {NULL, 0, 0};
    test_random random = test_random_of(1);
    for (uint8_t i = 0; i < schema.model->entity_count; i++) {
        satchel_record record = sample_record(&random, &schema, entity_of(&schema, i), i == 0 ? 100 : 60, &arena);
        fuzz_start_seed(&seed, i);
        FUZZ_HOLDS(satchel_record_encode(&schema, entity_of(&schema, i), &record, &seed) == SATCHEL_OK);
        fuzz_seed(satchel_buffer_view(&seed));
    }
    satchel_buffer_deinit(&seed);
    satchel_arena_deinit(&arena);
}
