/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile bytes: whatever is done to what we sent, reading it ends with a status and touches nothing that is not its
 * own (the sanitizers watch). What is still read has one form and comes back from it.
 */
#include "support/wire/samples.h"
#include "wire/body.h"
#include "wire/enroll.h"

#include <string.h>

#define CASES 100000

/* Exactly as long as its content, so that a read past the end is seen. */
static satchel_bytes exact(const satchel_buffer *bytes, satchel_arena *arena) {
    satchel_bytes out;
    REQUIRE_OK(satchel_arena_copy(arena, satchel_buffer_view(bytes), &out));
    return out;
}

static bool expected(satchel_status status) {
    return status == SATCHEL_OK || status == SATCHEL_MALFORMED || status == SATCHEL_BAD_TEXT ||
           status == SATCHEL_LIMIT_EXCEEDED || status == SATCHEL_UNKNOWN_ENTITY;
}

TEST(hostile, spoiled_records_are_refused_or_read_as_another_record) {
    satchel_schema schema = sample_schema();
    test_random random = test_random_of(171);
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    unsigned long read_count = 0;
    for (int i = 0; i < CASES; i++) {
        uint32_t entity = sample_entity(&random, &schema);
        satchel_record record = sample_record(&random, &schema, entity, 15, &arena);
        satchel_record read;
        satchel_record again;
        satchel_record_init(&read, &arena);
        satchel_record_init(&again, &arena);
        satchel_buffer_clear(&bytes);
        REQUIRE_OK(satchel_record_encode(&schema, entity, &record, &bytes));
        sample_spoil(&random, &bytes);
        satchel_status status = satchel_record_decode(&schema, entity, exact(&bytes, &arena), true, &read, NULL);
        REQUIRE(expected(status));
        if (status == SATCHEL_OK) {
            satchel_buffer_clear(&bytes);
            REQUIRE_OK(satchel_record_encode(&schema, entity, &read, &bytes));
            REQUIRE_OK(satchel_record_decode(&schema, entity, exact(&bytes, &arena), true, &again, NULL));
            REQUIRE(satchel_record_equal(&read, &again));
            read_count++;
        }
        satchel_arena_reset(&arena);
    }
    CHECK(read_count > CASES / 10 && read_count < CASES / 10 * 9);
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

TEST(hostile, spoiled_ops_are_refused_or_read_as_another_op) {
    satchel_schema schema = sample_schema();
    test_random random = test_random_of(172);
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    unsigned long read_count = 0;
    for (int i = 0; i < CASES; i++) {
        satchel_op op = sample_op(&random, &schema, &arena);
        satchel_op read;
        satchel_op again;
        satchel_buffer_clear(&bytes);
        REQUIRE_OK(satchel_op_encode(&schema, &op, &bytes));
        sample_spoil(&random, &bytes);
        satchel_status status = satchel_op_decode(&schema, exact(&bytes, &arena), 1, &arena, &read, NULL);
        REQUIRE(expected(status));
        if (status == SATCHEL_OK) {
            satchel_buffer_clear(&bytes);
            REQUIRE_OK(satchel_op_encode(&schema, &read, &bytes));
            REQUIRE_OK(satchel_op_decode(&schema, exact(&bytes, &arena), 1, &arena, &again, NULL));
            REQUIRE(sample_ops_equal(&read, &again));
            read_count++;
        }
        satchel_arena_reset(&arena);
    }
    CHECK(read_count > CASES / 10 && read_count < CASES / 10 * 9);
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

/* Reads a request as the server does, units and ops included. */
static satchel_status read_request(const satchel_schema *schema, satchel_bytes payload, satchel_arena *arena) {
    satchel_request_head head;
    satchel_bytes unit;
    uint32_t count = 0;
    bool found = true;
    satchel_reader reader = satchel_reader_of(payload);
    satchel_status status = satchel_request_check(payload, &head, &count, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_request_read_head(&reader, &head, NULL);
    }
    while (status == SATCHEL_OK && found) {
        satchel_unit_ops unit_head;
        satchel_bytes *ops = NULL;
        satchel_op op;
        status = satchel_request_next_unit(&reader, &unit, &found, NULL);
        if (status != SATCHEL_OK || !found) {
            break;
        }
        status = satchel_unit_decode(unit, arena, &unit_head, &ops, NULL);
        for (uint32_t i = 0; status == SATCHEL_OK && i < unit_head.count; i++) {
            status = satchel_op_decode(schema, ops[i], unit_head.first_sequence + i, arena, &op, NULL);
        }
    }
    return status;
}

TEST(hostile, spoiled_requests_are_refused_or_read) {
    satchel_schema schema = sample_schema();
    test_random random = test_random_of(173);
    satchel_arena arena = {0};
    satchel_buffer whole = {0};
    satchel_buffer bytes = {0};
    unsigned long read_count = 0;
    for (int i = 0; i < CASES; i++) {
        if (i % 10 == 0) {
            sample_request(&random, &schema, &arena, &whole);
        }
        satchel_buffer_clear(&bytes);
        REQUIRE_OK(satchel_buffer_append(&bytes, satchel_buffer_view(&whole)));
        sample_spoil(&random, &bytes);
        satchel_status status = read_request(&schema, exact(&bytes, &arena), &arena);
        REQUIRE(expected(status));
        read_count += status == SATCHEL_OK;
        satchel_arena_reset(&arena);
    }
    CHECK(read_count > CASES / 10 && read_count < CASES / 10 * 9);
    satchel_buffer_deinit(&bytes);
    satchel_buffer_deinit(&whole);
    satchel_arena_deinit(&arena);
}

TEST(hostile, spoiled_answers_are_refused_or_read) {
    test_random random = test_random_of(174);
    satchel_arena arena = {0};
    satchel_buffer whole = {0};
    satchel_buffer bytes = {0};
    unsigned long read_count = 0;
    for (int i = 0; i < CASES; i++) {
        satchel_answer_survey survey;
        if (i % 10 == 0) {
            sample_answer(&random, &arena, &whole);
        }
        satchel_buffer_clear(&bytes);
        REQUIRE_OK(satchel_buffer_append(&bytes, satchel_buffer_view(&whole)));
        sample_spoil(&random, &bytes);
        satchel_status status = satchel_answer_look(exact(&bytes, &arena), &arena, &survey, NULL);
        REQUIRE(expected(status));
        read_count += status == SATCHEL_OK;
        satchel_arena_reset(&arena);
    }
    CHECK(read_count > CASES / 10 && read_count < CASES / 10 * 9);
    satchel_buffer_deinit(&bytes);
    satchel_buffer_deinit(&whole);
    satchel_arena_deinit(&arena);
}

TEST(hostile, spoiled_bodies_are_refused_or_unpacked) {
    satchel_schema schema = sample_schema();
    test_random random = test_random_of(175);
    satchel_arena arena = {0};
    satchel_buffer payload = {0};
    satchel_buffer whole = {0};
    satchel_buffer bytes = {0};
    for (int i = 0; i < CASES / 2; i++) {
        if (i % 10 == 0) {
            sample_request(&random, &schema, &arena, &payload);
            REQUIRE_OK(satchel_body_pack(satchel_buffer_view(&payload), &whole));
        }
        satchel_buffer_clear(&bytes);
        REQUIRE_OK(satchel_buffer_append(&bytes, satchel_buffer_view(&whole)));
        sample_spoil(&random, &bytes);
        satchel_status status = satchel_body_unpack(exact(&bytes, &arena), &payload, NULL);
        REQUIRE(expected(status) || status == SATCHEL_NEWER_FORMAT);
        satchel_arena_reset(&arena);
    }
    CHECK(whole.bytes > 0);
    satchel_buffer_deinit(&bytes);
    satchel_buffer_deinit(&whole);
    satchel_buffer_deinit(&payload);
    satchel_arena_deinit(&arena);
}

TEST(hostile, noise_is_never_taken_for_more_than_it_is) {
    satchel_schema schema = sample_schema();
    test_random random = test_random_of(176);
    satchel_arena arena = {0};
    for (int i = 0; i < CASES; i++) {
        uint8_t noise[48];
        satchel_enroll_request enroll;
        satchel_answer_survey survey;
        satchel_record record;
        satchel_value value;
        satchel_record_init(&record, &arena);
        satchel_bytes bytes = satchel_bytes_of(noise, (size_t)test_random_below(&random, sizeof noise + 1));
        test_random_bytes(&random, noise, bytes.bytes);
        satchel_reader reader = satchel_reader_of(bytes);
        REQUIRE(expected(satchel_record_decode(&schema, 1, bytes, false, &record, NULL)));
        REQUIRE(expected(satchel_custom_decode(&schema, 1, bytes, &record)));
        REQUIRE(expected(satchel_value_decode(&reader, &arena, &value)));
        REQUIRE(expected(satchel_enroll_request_read(bytes, &enroll, NULL)));
        REQUIRE(expected(satchel_answer_look(bytes, &arena, &survey, NULL)));
        REQUIRE(expected(read_request(&schema, bytes, &arena)));
        satchel_arena_reset(&arena);
    }
    satchel_arena_deinit(&arena);
}

/* A prefix that ends between two fields is a shorter message: read_request and _look judge only what is there. */
TEST(hostile, a_payload_cut_at_any_byte_is_malformed_or_shorter) {
    satchel_schema schema = sample_schema();
    test_random random = test_random_of(177);
    satchel_arena arena = {0};
    satchel_buffer payload = {0};
    for (int i = 0; i < 200; i++) {
        size_t whole_count = 0;
        sample_answer(&random, &arena, &payload);
        for (size_t cut = 0; cut < payload.bytes; cut++) {
            satchel_answer_survey survey;
            satchel_buffer prefix = {payload.data, cut, cut};
            satchel_status status = satchel_answer_look(exact(&prefix, &arena), &arena, &survey, NULL);
            REQUIRE(status == SATCHEL_OK || status == SATCHEL_MALFORMED);
            REQUIRE(status != SATCHEL_OK || !survey.has_end); /* never a page that is not whole */
            whole_count += status == SATCHEL_OK;
        }
        REQUIRE(whole_count <= 13); /* one a frame at most */
        sample_request(&random, &schema, &arena, &payload);
        for (size_t cut = 0; cut < payload.bytes; cut++) {
            satchel_buffer prefix = {payload.data, cut, cut};
            satchel_status status = read_request(&schema, exact(&prefix, &arena), &arena);
            REQUIRE(status == SATCHEL_OK || status == SATCHEL_MALFORMED);
        }
        satchel_arena_reset(&arena);
    }
    satchel_buffer_deinit(&payload);
    satchel_arena_deinit(&arena);
}

TEST(hostile, a_record_cut_at_any_byte_is_malformed_or_shorter) {
    satchel_schema schema = sample_schema();
    test_random random = test_random_of(178);
    satchel_arena arena = {0};
    satchel_buffer bytes = {0};
    unsigned long malformed = 0;
    for (int i = 0; i < 300; i++) {
        satchel_record record = sample_record(&random, &schema, 1, 40, &arena);
        satchel_buffer_clear(&bytes);
        REQUIRE_OK(satchel_record_encode(&schema, 1, &record, &bytes));
        for (size_t cut = 0; cut < bytes.bytes; cut++) {
            satchel_record read;
            satchel_buffer prefix = {bytes.data, cut, cut};
            satchel_record_init(&read, &arena);
            satchel_status status = satchel_record_decode(&schema, 1, exact(&prefix, &arena), true, &read, NULL);
            REQUIRE(status == SATCHEL_OK || status == SATCHEL_MALFORMED);
            REQUIRE(read.count <= record.count);
            malformed += status == SATCHEL_MALFORMED;
        }
        satchel_arena_reset(&arena);
    }
    CHECK(malformed > 10000);
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}
