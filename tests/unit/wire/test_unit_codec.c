/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops and units as bytes: exact, deterministic, and small.
 */
#include "base/limits.h"
#include "base/text.h"
#include "support/wire/samples.h"

#include <satchel/model.h>
#include <string.h>

TEST(unit_codec, any_op_comes_back_from_its_bytes) {
    satchel_schema schema = sample_schema();
    test_random random = test_random_of(121);
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    satchel_buffer again = {0};
    unsigned long same = 0;
    for (int i = 0; i < 100000; i++) {
        satchel_op read;
        satchel_op op = sample_op(&random, &schema, &arena);
        satchel_buffer_clear(&bytes);
        satchel_buffer_clear(&again);
        REQUIRE_OK(satchel_op_encode(&schema, &op, &bytes));
        REQUIRE_OK(satchel_op_decode(&schema, satchel_buffer_view(&bytes), op.sequence, &arena, &read, NULL));
        REQUIRE_OK(satchel_op_encode(&schema, &read, &again));
        same += sample_ops_equal(&op, &read) &&
                satchel_bytes_equal(satchel_buffer_view(&bytes), satchel_buffer_view(&again));
        satchel_arena_reset(&arena);
    }
    CHECK_UINT(same, 100000);
    satchel_buffer_deinit(&again);
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

TEST(unit_codec, one_changed_field_takes_few_bytes) {
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    const satchel_id row = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
    satchel_op op;
    satchel_op_init(&op, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, &row, &arena);
    op.base_n = 70000;
    REQUIRE_OK(satchel_record_set_int(&op.set, SATCHEL_CUSTOMER_GRADE, 2));
    REQUIRE_OK(satchel_op_encode(&schema, &op, &bytes));
    /* entity 2, row 18, base 4, set 2 + 2 */
    CHECK_UINT(bytes.bytes, 28);
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

TEST(unit_codec, an_op_that_lacks_a_part_is_neither_written_nor_read) {
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    const satchel_id none = {{0}};
    const satchel_id row = {{1}};
    const struct {
        satchel_op_kind kind;
        uint32_t entity;
        const satchel_id *row;
    } cases[] = {
        {SATCHEL_OP_EDIT, 0, &row},    {SATCHEL_OP_EDIT, 1, &none},   {SATCHEL_OP_CREATE, 1, &none},
        {SATCHEL_OP_DELETE, 0, &row},  {SATCHEL_OP_VOID, 1, &row},    {SATCHEL_OP_COMMAND, 1, &row},
        {(satchel_op_kind)0, 1, &row}, {(satchel_op_kind)6, 1, &row},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_op op;
        satchel_op_init(&op, cases[i].kind, cases[i].entity, cases[i].row, &arena);
        test_note("case %zu", i);
        CHECK_STATUS(satchel_op_encode(&schema, &op, &bytes), SATCHEL_INVALID_ARGUMENT);
    }
    CHECK_UINT(bytes.bytes, 0);
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

TEST(unit_codec, bytes_that_are_no_op_are_refused) {
    static const struct {
        const char *what;
        const char *hex;
        satchel_status status;
    } cases[] = {
        {"empty", "", SATCHEL_MALFORMED},
        {"row of 2 bytes", "10011a020102", SATCHEL_MALFORMED},
        {"kind 6", "080610011a1001000000000000000000000000000000", SATCHEL_MALFORMED},
        {"kind -1", "08ffffffffffffffffff0110011a1001000000000000000000000000000000", SATCHEL_MALFORMED},
        {"unknown entity", "10ff011a1001000000000000000000000000000000", SATCHEL_UNKNOWN_ENTITY},
        {"void of nothing", "0804", SATCHEL_MALFORMED},
        {"cleared descends", "10011a10010000000000000000000000000000004a020302", SATCHEL_MALFORMED},
        {"cleared field 0", "10011a10010000000000000000000000000000004a0100", SATCHEL_MALFORMED},
        {"half an exception", "10011a10010000000000000000000000000000002a0103", SATCHEL_MALFORMED},
        {"exceptions descend", "10011a10010000000000000000000000000000002a0403010201", SATCHEL_MALFORMED},
        {"bad record", "10011a1001000000000000000000000000000000320112", SATCHEL_MALFORMED},
    };
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[64];
        satchel_op op;
        size_t count = strlen(cases[i].hex) / 2;
        REQUIRE_OK(satchel_hex_read(satchel_text_of(cases[i].hex), bytes, count));
        test_note("%s", cases[i].what);
        CHECK_STATUS(satchel_op_decode(&schema, satchel_bytes_of(bytes, count), 1, &arena, &op, NULL), cases[i].status);
    }
    satchel_arena_deinit(&arena);
}

static satchel_status exceptions_of(uint32_t count, satchel_arena *arena) {
    satchel_schema schema = sample_schema();
    satchel_buffer bytes = {0};
    const satchel_id row = {{1}};
    satchel_op op;
    satchel_op read;
    satchel_base_exception *exceptions = satchel_arena_take_array(arena, count, sizeof *exceptions);
    REQUIRE(exceptions != NULL);
    for (uint32_t i = 0; i < count; i++) {
        exceptions[i] = (satchel_base_exception){i + 1, UINT64_MAX};
    }
    satchel_op_init(&op, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, &row, arena);
    op.exceptions = exceptions;
    op.exception_count = count;
    satchel_status status = satchel_op_encode(&schema, &op, &bytes);
    if (status == SATCHEL_OK) {
        status = satchel_op_decode(&schema, satchel_buffer_view(&bytes), 1, arena, &read, NULL);
        CHECK_UINT(read.exception_count, count);
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

TEST(unit_codec, base_exceptions_stop_at_their_limit) {
    satchel_arena arena = {0};
    CHECK_OK(exceptions_of(SATCHEL_LIMIT_BASE_EXCEPTIONS, &arena));
    CHECK_STATUS(exceptions_of(SATCHEL_LIMIT_BASE_EXCEPTIONS + 1, &arena), SATCHEL_LIMIT_EXCEEDED);
    satchel_arena_deinit(&arena);
}

static size_t op_of_release(uint32_t made_by, uint32_t *out_read) {
    const satchel_schema schema = {&satchel_generated_model, NULL, 0};
    const satchel_id id = {{7}};
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    satchel_op op;
    satchel_op read;
    satchel_op_init(&op, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, &id, &arena);
    op.schema = made_by;
    REQUIRE_OK(satchel_record_set_text(&op.set, SATCHEL_CUSTOMER_CITY, satchel_text_of("Lund")));
    REQUIRE_OK(satchel_op_encode(&schema, &op, &bytes));
    REQUIRE_OK(satchel_op_decode(&schema, satchel_buffer_view(&bytes), 1, &arena, &read, NULL));
    *out_read = read.schema;
    size_t count = bytes.bytes;
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
    return count;
}

TEST(unit_codec, an_op_tells_the_release_that_made_it_and_the_first_costs_nothing) {
    uint32_t read = 0;
    size_t first = op_of_release(1, &read);
    CHECK_UINT(read, 1);
    CHECK_UINT(op_of_release(0, &read), first);
    CHECK_UINT(read, 1);
    CHECK_UINT(op_of_release(2, &read), first + 2);
    CHECK_UINT(read, 2);
}

TEST(unit_codec, a_unit_comes_back_with_its_ops_as_bytes) {
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    const satchel_bytes ops[] = {satchel_bytes_of("abc", 3), satchel_bytes_of("de", 2)};
    const satchel_unit_ops head = {.first_sequence = 41, .moment = {3, 5000, -7, 120000}, .seen = {2, 900}};
    satchel_unit_ops read;
    satchel_bytes *read_ops = NULL;
    REQUIRE_OK(satchel_unit_encode(&head, ops, 2, &bytes));
    REQUIRE_OK(satchel_unit_decode(satchel_buffer_view(&bytes), &arena, &read, &read_ops, NULL));
    CHECK_UINT(read.first_sequence, 41);
    CHECK_UINT(read.count, 2);
    CHECK_UINT(read.moment.boot, 3);
    CHECK_INT(read.moment.monotonic_ms, 5000);
    CHECK_INT(read.moment.wall_ms, -7);
    CHECK_INT(read.moment.offset_ms, 120000);
    CHECK_UINT(read.seen.epoch, 2);
    CHECK_UINT(read.seen.n, 900);
    CHECK_BYTES(read_ops[0], ops[0]);
    CHECK_BYTES(read_ops[1], ops[1]);
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

static satchel_status unit_of(uint64_t first_sequence, uint32_t count, size_t op_bytes, satchel_arena *arena) {
    satchel_buffer bytes = {0};
    const satchel_unit_ops head = {.first_sequence = first_sequence};
    satchel_unit_ops read;
    satchel_bytes *read_ops = NULL;
    satchel_bytes *ops = satchel_arena_take_array(arena, count, sizeof *ops);
    uint8_t *op = satchel_arena_take(arena, op_bytes);
    REQUIRE(ops != NULL && op != NULL);
    for (uint32_t i = 0; i < count; i++) {
        ops[i] = satchel_bytes_of(op, op_bytes);
    }
    satchel_status status = satchel_unit_encode(&head, ops, count, &bytes);
    if (status == SATCHEL_OK) {
        status = satchel_unit_decode(satchel_buffer_view(&bytes), arena, &read, &read_ops, NULL);
        CHECK_UINT(read.count, count);
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

TEST(unit_codec, a_unit_keeps_its_limits) {
    satchel_arena arena = {0};
    size_t head = 2 + 1 + 3; /* first sequence; tag and length of the op */
    CHECK_OK(unit_of(1, SATCHEL_LIMIT_UNIT_OPS, 3, &arena));
    CHECK_STATUS(unit_of(1, SATCHEL_LIMIT_UNIT_OPS + 1, 3, &arena), SATCHEL_LIMIT_EXCEEDED);
    CHECK_OK(unit_of(1, 1, SATCHEL_LIMIT_UNIT_BYTES - head, &arena));
    CHECK_STATUS(unit_of(1, 1, SATCHEL_LIMIT_UNIT_BYTES - head + 1, &arena), SATCHEL_LIMIT_EXCEEDED);
    CHECK_STATUS(unit_of(1, 0, 3, &arena), SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(unit_of(0, 1, 3, &arena), SATCHEL_INVALID_ARGUMENT);
    CHECK_OK(unit_of(UINT64_MAX, 1, 3, &arena));
    CHECK_STATUS(unit_of(UINT64_MAX, 2, 3, &arena), SATCHEL_INVALID_ARGUMENT);
    satchel_arena_deinit(&arena);
}

TEST(unit_codec, a_unit_without_ops_or_sequence_is_malformed) {
    static const char *const cases[] = {"", "0801", "2a0110", "08002a0110", "08ffffffffffffffffff012a01102a0110"};
    satchel_arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[64];
        satchel_unit_ops read;
        satchel_bytes *ops = NULL;
        size_t count = strlen(cases[i]) / 2;
        REQUIRE_OK(satchel_hex_read(satchel_text_of(cases[i]), bytes, count));
        test_note("%s", cases[i]);
        CHECK_STATUS(satchel_unit_decode(satchel_bytes_of(bytes, count), &arena, &read, &ops, NULL), SATCHEL_MALFORMED);
    }
    satchel_arena_deinit(&arena);
}

TEST(unit_codec, the_digest_is_the_hash_of_the_bytes) {
    uint8_t digest[SATCHEL_DIGEST_BYTES];
    char hex[2 * SATCHEL_DIGEST_BYTES + 1];
    satchel_unit_digest(satchel_bytes_of("abc", 3), digest);
    satchel_hex_write(satchel_bytes_of(digest, sizeof digest), hex);
    /* b2sum -l 256 of "abc" */
    CHECK_TEXT(hex, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

TEST(unit_codec, a_receipt_stands_behind_the_unit_and_is_no_part_of_it) {
    const uint8_t receipt[SATCHEL_RECEIPT_BYTES + 1] = {0, 0, 0, 1, 7};
    const satchel_bytes op = satchel_bytes_of("\x10\x01", 2);
    const satchel_unit_ops head = {.first_sequence = 3, .seen = {1, 9}};
    satchel_unit_return shown = {satchel_bytes_of(receipt, SATCHEL_RECEIPT_BYTES), -5, 2};
    satchel_unit_return read;
    satchel_buffer bytes = {NULL, 0, 0};
    satchel_bytes unit;
    REQUIRE_OK(satchel_unit_encode(&head, &op, 1, &bytes));
    size_t own = bytes.bytes;
    REQUIRE_OK(satchel_unit_split(satchel_buffer_view(&bytes), &unit, &read, NULL));
    CHECK(unit.bytes == own && read.receipt.bytes == 0);
    REQUIRE_OK(satchel_unit_write_return(&shown, &bytes));
    CHECK(bytes.bytes - own <= SATCHEL_UNIT_RETURN_BYTES_MOST);
    REQUIRE_OK(satchel_unit_split(satchel_buffer_view(&bytes), &unit, &read, NULL));
    CHECK(unit.bytes == own && read.stamp_ms == -5 && read.code == 2);
    CHECK_BYTES(read.receipt, shown.receipt);
    shown.receipt.bytes++;
    CHECK_STATUS(satchel_unit_write_return(&shown, &bytes), SATCHEL_INVALID_ARGUMENT);
    bytes.data[own + 1] = SATCHEL_RECEIPT_BYTES - 1; /* one byte short: what follows is no field */
    CHECK(satchel_unit_split(satchel_buffer_view(&bytes), &unit, &read, NULL) != SATCHEL_OK);
    satchel_buffer_deinit(&bytes);
}
