/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The payload of a sync answer. Look and check agree; what passes can be read frame by frame to its end; a frame that
 * is read is written again in one form, which reads back and is written as the same bytes.
 */
#include "fuzz/support/fuzz.h"

#include "support/wire/samples.h"

#include <string.h>

/* Lists of results and losses: some 200 bytes in memory for one of 2, in the reading of a frame and of its like. */
#define ANSWER_MEMORY(bytes) ((bytes)*1024 + 65536)

static bool expected(satchel_status status) {
    return status == SATCHEL_OK || status == SATCHEL_MALFORMED || status == SATCHEL_LIMIT_EXCEEDED ||
           status == SATCHEL_BAD_TEXT;
}

/* A frame that is read may lack what its kind needs; then it cannot be written, and the check refuses the payload. */
static void write_again(const satchel_answer_frame *frame, bool must_write) {
    satchel_arena arena = {0};
    satchel_buffer once = {NULL, 0, 0}, twice = {NULL, 0, 0};
    satchel_answer_frame again;
    satchel_status status = satchel_answer_write(frame, &once);
    FUZZ_HOLDS(status == SATCHEL_OK || (status == SATCHEL_INVALID_ARGUMENT && !must_write && once.bytes == 0));
    if (status == SATCHEL_OK) {
        satchel_reader reader = satchel_reader_of(satchel_buffer_view(&once));
        FUZZ_HOLDS(satchel_answer_read(&reader, &arena, &again, NULL) == SATCHEL_OK);
        FUZZ_HOLDS(again.kind == frame->kind && satchel_reader_left(&reader) == 0);
        FUZZ_HOLDS(satchel_answer_write(&again, &twice) == SATCHEL_OK);
        FUZZ_HOLDS(satchel_bytes_equal(satchel_buffer_view(&once), satchel_buffer_view(&twice)));
    }
    satchel_buffer_deinit(&once);
    satchel_buffer_deinit(&twice);
    satchel_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_bytes payload = satchel_bytes_of(data, bytes);
    satchel_reader reader = satchel_reader_of(payload);
    satchel_arena arena = {0};
    satchel_answer_survey survey;
    satchel_answer_frame frame;
    satchel_answer_head head;
    satchel_page_end end;
    bool has_end = false;
    fuzz_begin();
    satchel_status whole = satchel_answer_look(payload, &arena, &survey, NULL);
    FUZZ_HOLDS(expected(whole));
    FUZZ_HOLDS(satchel_answer_check(payload, &arena, &head, &end, &has_end, NULL) == whole);
    FUZZ_HOLDS(whole != SATCHEL_OK || (has_end == survey.has_end && head.epoch == survey.head.epoch));
    uint32_t counts[SATCHEL_FRAME_MOST + 1] = {0};
    do {
        satchel_arena_reset(&arena);
        satchel_status status = satchel_answer_read(&reader, &arena, &frame, NULL);
        FUZZ_HOLDS(expected(status) && (status == SATCHEL_OK || whole != SATCHEL_OK));
        if (status != SATCHEL_OK || frame.kind == SATCHEL_FRAME_NONE) {
            break;
        }
        counts[frame.kind]++;
        write_again(&frame, whole == SATCHEL_OK);
    } while (true);
    for (size_t i = 0; whole == SATCHEL_OK && i <= SATCHEL_FRAME_MOST; i++) {
        FUZZ_HOLDS(counts[i] == survey.counts[i]);
    }
    satchel_arena_deinit(&arena);
    fuzz_end(ANSWER_MEMORY(bytes));
    return 0;
}

void fuzz_seeds(void) {
    satchel_arena arena = {0};
    satchel_buffer seed = {NULL, 0, 0};
    test_random random = test_random_of(5);
    for (int i = 0; i < 20; i++) {
        sample_answer(&random, &arena, &seed);
        if (seed.bytes < 1500) {
            fuzz_seed(satchel_buffer_view(&seed));
        }
    }
    satchel_buffer_deinit(&seed);
    satchel_arena_deinit(&arena);
}
