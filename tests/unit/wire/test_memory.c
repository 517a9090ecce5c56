/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs out: every allocation of every verb fails once. The verb says so, leaves the buffer that it appends
 * to as it was, and works when it is called again.
 */
#include "base/memory.h"
#include "base/text.h"
#include "support/wire/samples.h"
#include "wire/body.h"
#include "wire/enroll.h"

#include <string.h>

typedef struct stage {
    satchel_schema schema;
    satchel_arena made;  /* the samples live here */
    satchel_arena arena; /* what the verb takes */
    satchel_record record;
    satchel_op op;
    satchel_answer_frame frame;
    satchel_value value;
    satchel_bytes encoded; /* of what the verb reads */
    satchel_bytes packed;
    satchel_buffer out;
} stage;

typedef satchel_status (*verb)(stage *on);

static satchel_status encode_record(stage *on) {
    return satchel_record_encode(&on->schema, 1, &on->record, &on->out);
}

static satchel_status encode_custom(stage *on) {
    return satchel_custom_encode(&on->schema, 1, &on->record, &on->out);
}

static satchel_status encode_op(stage *on) {
    return satchel_op_encode(&on->schema, &on->op, &on->out);
}

static satchel_status encode_unit(stage *on) {
    const satchel_unit_ops head = {.first_sequence = 1, .moment = {1, 2, 3, 4}};
    return satchel_unit_encode(&head, &on->encoded, 1, &on->out);
}

static satchel_status encode_value(stage *on) {
    return satchel_value_encode(&on->value, &on->out);
}

static satchel_status write_answer(stage *on) {
    return satchel_answer_write(&on->frame, &on->out);
}

static satchel_status write_request(stage *on) {
    satchel_request_head head = {.protocol = 2, .cursor = on->encoded};
    head.cursor.bytes = head.cursor.bytes < 4096 ? head.cursor.bytes : 4096;
    return satchel_request_write_head(&head, &on->out);
}

static satchel_status write_link(stage *on) {
    const satchel_enroll_link link = {.server = satchel_text_of("https://satchel.example/%")};
    return satchel_enroll_link_write(&link, &on->out);
}

static const verb writers[] = {encode_record, encode_custom, encode_op,     encode_unit,
                               encode_value,  write_answer,  write_request, write_link};

static satchel_status decode_record(stage *on) {
    satchel_record read;
    satchel_record_init(&read, &on->arena);
    return satchel_record_decode(&on->schema, 1, on->encoded, false, &read, NULL);
}

static satchel_status decode_op(stage *on) {
    satchel_op read;
    return satchel_op_decode(&on->schema, on->packed, 1, &on->arena, &read, NULL);
}

static satchel_status read_link(stage *on) {
    satchel_enroll_link link;
    return satchel_enroll_link_read(satchel_text_of("satchel:enroll?server=https%3A%2F%2Fa&code=0123456789ABCDE1"
                                                    "&key=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
                                    &on->arena, &link, NULL);
}

static const verb readers[] = {decode_record, decode_op, read_link};

static void open_stage(stage *on) {
    test_random random = test_random_of(201);
    satchel_buffer bytes = {0};
    memset(on, 0, sizeof *on);
    on->schema = sample_schema();
    on->record = sample_record(&random, &on->schema, 1, 100, &on->made);
    do {
        on->op = sample_op(&random, &on->schema, &on->made);
    } while (on->op.exception_count == 0 || on->op.set.count < 3 || on->op.cleared_count == 0);
    do {
        on->frame = sample_frame(&random, SATCHEL_FRAME_RESULT, &on->made);
    } while (on->frame.as.result.op_count < 2);
    on->value = *satchel_record_get(&on->record, SAMPLE_CUSTOM_SET);
    REQUIRE_OK(satchel_record_encode(&on->schema, 1, &on->record, &bytes));
    REQUIRE_OK(satchel_arena_copy(&on->made, satchel_buffer_view(&bytes), &on->encoded));
    satchel_buffer_clear(&bytes);
    REQUIRE_OK(satchel_op_encode(&on->schema, &on->op, &bytes));
    REQUIRE_OK(satchel_arena_copy(&on->made, satchel_buffer_view(&bytes), &on->packed));
    satchel_buffer_deinit(&bytes);
}

static void close_stage(stage *on) {
    satchel_buffer_deinit(&on->out);
    satchel_arena_deinit(&on->arena);
    satchel_arena_deinit(&on->made);
}

/* Lets the n-th allocation fail, for n = 1, 2, … until none is left; the buffer begins with one byte of another. */
static unsigned long fail_each(stage *on, verb do_it) {
    satchel_status status = SATCHEL_NO_MEMORY;
    unsigned long failures = 0;
    for (unsigned long at = 1; status != SATCHEL_OK; at++) {
        satchel_buffer_deinit(&on->out);
        REQUIRE_OK(satchel_buffer_append_byte(&on->out, 7));
        satchel_memory_fail_at(at, 0);
        status = do_it(on);
        satchel_memory_fail_at(0, 0);
        REQUIRE(status == SATCHEL_OK || status == SATCHEL_NO_MEMORY);
        REQUIRE(status == SATCHEL_OK || on->out.bytes == 1);
        failures += status != SATCHEL_OK;
        satchel_arena_deinit(&on->arena);
        satchel_arena_init(&on->arena);
        REQUIRE(at < 1000);
    }
    return failures;
}

TEST(memory, every_writer_leaves_the_buffer_as_it_was) {
    stage on;
    open_stage(&on);
    for (size_t i = 0; i < sizeof writers / sizeof writers[0]; i++) {
        test_note("writer %zu", i);
        CHECK(fail_each(&on, writers[i]) > 0);
    }
    close_stage(&on);
}

TEST(memory, every_reader_says_that_memory_ran_out) {
    stage on;
    open_stage(&on);
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        test_note("reader %zu", i);
        CHECK(fail_each(&on, readers[i]) > 0);
    }
    close_stage(&on);
}

TEST(memory, bodies_are_whole_or_empty) {
    stage on;
    satchel_buffer body = {0};
    satchel_buffer back = {0};
    open_stage(&on);
    satchel_memory_fail_at(1, 0);
    CHECK_STATUS(satchel_body_pack(on.encoded, &body), SATCHEL_NO_MEMORY);
    CHECK_UINT(body.bytes, 0);
    satchel_memory_fail_at(0, 0);
    REQUIRE_OK(satchel_body_pack(on.encoded, &body));
    satchel_memory_fail_at(1, 0);
    CHECK_STATUS(satchel_body_unpack(satchel_buffer_view(&body), &back, NULL), SATCHEL_NO_MEMORY);
    CHECK_UINT(back.bytes, 0);
    satchel_memory_fail_at(0, 0);
    satchel_buffer_deinit(&back);
    satchel_buffer_deinit(&body);
    close_stage(&on);
}
