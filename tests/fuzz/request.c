/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The payload of a sync request, read as the server does: head, units, ops. What passes the check can be read to its
 * end; written again it is the same head and the same units; a unit written again has the same ops.
 */
#include "fuzz/support/fuzz.h"

#include "support/wire/samples.h"

/* A unit's table of ops: 16 bytes for an op of 2; of one unit at a time, twice; and the payload written again. */
#define REQUEST_MEMORY(bytes) ((bytes)*256 + 262144)

static bool expected(satchel_status status) {
    return status == SATCHEL_OK || status == SATCHEL_MALFORMED || status == SATCHEL_BAD_TEXT ||
           status == SATCHEL_LIMIT_EXCEEDED || status == SATCHEL_UNKNOWN_ENTITY;
}

static void try_unit(const satchel_schema *schema, satchel_bytes unit) {
    satchel_arena arena = {0};
    satchel_buffer once = {NULL, 0, 0};
    satchel_unit_ops head, again;
    satchel_bytes *ops = NULL, *same = NULL;
    satchel_status status = satchel_unit_decode(unit, &arena, &head, &ops, NULL);
    FUZZ_HOLDS(expected(status));
    if (status == SATCHEL_OK) {
        FUZZ_HOLDS(head.count > 0 && head.count <= SATCHEL_LIMIT_UNIT_OPS && head.first_sequence > 0);
        FUZZ_HOLDS(satchel_unit_encode(&head, ops, head.count, &once) == SATCHEL_OK);
        FUZZ_HOLDS(satchel_unit_decode(satchel_buffer_view(&once), &arena, &again, &same, NULL) == SATCHEL_OK);
        FUZZ_HOLDS(again.count == head.count && again.first_sequence == head.first_sequence);
        for (uint32_t i = 0; i < head.count; i++) {
            satchel_arena one = {0};
            satchel_op op;
            FUZZ_HOLDS(satchel_bytes_equal(ops[i], same[i]));
            FUZZ_HOLDS(expected(satchel_op_decode(schema, ops[i], head.first_sequence + i, &one, &op, NULL)));
            satchel_arena_deinit(&one);
        }
    }
    satchel_buffer_deinit(&once);
    satchel_arena_deinit(&arena);
}

static void try_again(const satchel_request_head *head, const satchel_buffer *payload, uint32_t units) {
    satchel_request_head again;
    uint32_t count = 0;
    FUZZ_HOLDS(satchel_request_check(satchel_buffer_view(payload), &again, &count, NULL) == SATCHEL_OK);
    FUZZ_HOLDS(count == units && again.protocol == head->protocol && again.schema == head->schema);
    FUZZ_HOLDS(satchel_bytes_equal(again.cursor, head->cursor) && satchel_bytes_equal(again.parents, head->parents));
    FUZZ_HOLDS(again.settled_through == head->settled_through && again.page_bytes == head->page_bytes);
    FUZZ_HOLDS(again.parent_sequence == head->parent_sequence && again.now.wall_ms == head->now.wall_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_schema schema = sample_schema();
    satchel_reader reader = satchel_reader_of(satchel_bytes_of(data, bytes));
    satchel_buffer payload = {NULL, 0, 0};
    satchel_request_head head;
    uint32_t count = 0, seen = 0;
    fuzz_begin();
    satchel_status status = satchel_request_check(satchel_bytes_of(data, bytes), &head, &count, NULL);
    FUZZ_HOLDS(expected(status));
    if (status == SATCHEL_OK) {
        bool found = true;
        satchel_bytes unit;
        FUZZ_HOLDS(satchel_request_read_head(&reader, &head, NULL) == SATCHEL_OK);
        FUZZ_HOLDS(head.cursor.bytes <= SATCHEL_LIMIT_CURSOR_BYTES && count <= SATCHEL_LIMIT_UNITS_PER_REQUEST);
        FUZZ_HOLDS(satchel_request_write_head(&head, &payload) == SATCHEL_OK);
        while (satchel_request_next_unit(&reader, &unit, &found, NULL) == SATCHEL_OK && found) {
            try_unit(&schema, unit);
            FUZZ_HOLDS(satchel_request_write_unit(unit, &payload) == SATCHEL_OK);
            seen++;
        }
        FUZZ_HOLDS(!found && seen == count);
        try_again(&head, &payload, count);
    }
    satchel_buffer_deinit(&payload);
    fuzz_end(REQUEST_MEMORY(bytes));
    return 0;
}

void fuzz_seeds(void) {
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    satchel_buffer seed = {NULL, 0, 0};
    test_random random = test_random_of(4);
    for (int i = 0; i < 20; i++) {
        sample_request(&random, &schema, &arena, &seed);
        if (seed.bytes < 1500) {
            fuzz_seed(satchel_buffer_view(&seed));
        }
    }
    satchel_buffer_deinit(&seed);
    satchel_arena_deinit(&arena);
}
