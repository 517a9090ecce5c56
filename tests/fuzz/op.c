/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One op as the log stores and a unit carries it. What is read is written again in one form that reads back as the same
 * op; a copy is the same op; both sides' validation takes any of them.
 */
#include "fuzz/support/fuzz.h"

#include "schema/validate.h"
#include "support/wire/samples.h"

/* Three records of a reading, which is done twice, and a copy. */
#define OP_MEMORY(bytes) ((bytes)*256 + 262144)

static void write_again(const satchel_schema *schema, const satchel_op *op, satchel_arena *arena) {
    satchel_buffer once = {NULL, 0, 0}, twice = {NULL, 0, 0};
    satchel_op again, copy;
    FUZZ_HOLDS(satchel_op_encode(schema, op, &once) == SATCHEL_OK);
    FUZZ_HOLDS(satchel_op_decode(schema, satchel_buffer_view(&once), op->sequence, arena, &again, NULL) == SATCHEL_OK);
    FUZZ_HOLDS(sample_ops_equal(op, &again));
    FUZZ_HOLDS(satchel_op_copy(arena, op, &copy) == SATCHEL_OK);
    FUZZ_HOLDS(sample_ops_equal(op, &copy));
    FUZZ_HOLDS(satchel_op_encode(schema, &copy, &twice) == SATCHEL_OK);
    FUZZ_HOLDS(satchel_bytes_equal(satchel_buffer_view(&once), satchel_buffer_view(&twice)));
    satchel_buffer_deinit(&once);
    satchel_buffer_deinit(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    satchel_op op;
    fuzz_begin();
    satchel_status status = satchel_op_decode(&schema, satchel_bytes_of(data, bytes), 7, &arena, &op, NULL);
    FUZZ_HOLDS(status == SATCHEL_OK || status == SATCHEL_MALFORMED || status == SATCHEL_BAD_TEXT ||
               status == SATCHEL_LIMIT_EXCEEDED || status == SATCHEL_UNKNOWN_ENTITY);
    if (status == SATCHEL_OK) {
        write_again(&schema, &op, &arena);
        satchel_status by_phone = satchel_validate_op(&schema, &op, true, NULL);
        satchel_status by_server = satchel_validate_op(&schema, &op, false, NULL);
        FUZZ_HOLDS(by_phone != SATCHEL_OK || by_server == SATCHEL_OK || op.kind == SATCHEL_OP_CREATE);
    }
    satchel_arena_deinit(&arena);
    fuzz_end(OP_MEMORY(bytes));
    return 0;
}

void fuzz_seeds(void) {
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    satchel_buffer seed = {NULL, 0, 0};
    test_random random = test_random_of(3);
    for (int i = 0; i < 40; i++) {
        satchel_op op = sample_op(&random, &schema, &arena);
        satchel_buffer_clear(&seed);
        FUZZ_HOLDS(satchel_op_encode(&schema, &op, &seed) == SATCHEL_OK);
        fuzz_seed(satchel_buffer_view(&seed));
    }
    satchel_buffer_deinit(&seed);
    satchel_arena_deinit(&arena);
}
