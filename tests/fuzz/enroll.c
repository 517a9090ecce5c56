/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolment: [0 link, 1 code, 2 request, 3 answer][text or payload]. What is read is written again and reads back as
 * the same; the code is the same however it was typed.
 */
#include "fuzz/support/fuzz.h"

#include "base/arena.h"
#include "base/text.h"
#include "wire/enroll.h"

#include <string.h>

/* What a read link may need when all of its server's address is escaped. */
#define LINK_ESCAPED (SATCHEL_LINK_BYTES_MOST - 128)
#define ENROLL_MEMORY(bytes) ((bytes)*16 + 16384)

static void try_link(satchel_text text) {
    satchel_arena arena = {0};
    satchel_buffer once = {NULL, 0, 0};
    satchel_enroll_link link, again;
    satchel_status status = satchel_enroll_link_read(text, &arena, &link, NULL);
    FUZZ_HOLDS(status == SATCHEL_OK || status == SATCHEL_MALFORMED || status == SATCHEL_LIMIT_EXCEEDED);
    if (status == SATCHEL_OK) {
        FUZZ_HOLDS(link.server.bytes <= text.bytes && satchel_text_valid(link.server));
        status = satchel_enroll_link_write(&link, &once);
        FUZZ_HOLDS(status == SATCHEL_OK || (status == SATCHEL_LIMIT_EXCEEDED && 3 * text.bytes > LINK_ESCAPED));
    }
    if (status == SATCHEL_OK) {
        text = satchel_text_from(satchel_buffer_view(&once));
        FUZZ_HOLDS(satchel_enroll_link_read(text, &arena, &again, NULL) == SATCHEL_OK);
        FUZZ_HOLDS(satchel_text_equal(again.server, link.server));
        FUZZ_HOLDS(memcmp(again.code, link.code, sizeof link.code) == 0);
        FUZZ_HOLDS(memcmp(again.server_key, link.server_key, sizeof link.server_key) == 0);
    }
    satchel_buffer_deinit(&once);
    satchel_arena_deinit(&arena);
}

static void try_code(satchel_text text) {
    uint8_t code[SATCHEL_CODE_BYTES], again[SATCHEL_CODE_BYTES];
    char shown[SATCHEL_CODE_TEXT_BYTES];
    satchel_status status = satchel_code_read(text, code);
    FUZZ_HOLDS(status == SATCHEL_OK || status == SATCHEL_MALFORMED);
    if (status == SATCHEL_OK) {
        satchel_code_write(code, shown);
        FUZZ_HOLDS(satchel_code_read(satchel_text_of(shown), again) == SATCHEL_OK);
        FUZZ_HOLDS(memcmp(code, again, sizeof code) == 0);
    }
}

static void try_request(satchel_bytes payload) {
    satchel_buffer once = {NULL, 0, 0};
    satchel_enroll_request request, again;
    satchel_status status = satchel_enroll_request_read(payload, &request, NULL);
    FUZZ_HOLDS(status == SATCHEL_OK || status == SATCHEL_MALFORMED || status == SATCHEL_LIMIT_EXCEEDED ||
               status == SATCHEL_BAD_TEXT);
    if (status == SATCHEL_OK) {
        FUZZ_HOLDS(request.device_name.bytes <= SATCHEL_DEVICE_NAME_BYTES && satchel_text_valid(request.device_name));
        FUZZ_HOLDS(satchel_enroll_request_write(&request, &once) == SATCHEL_OK && once.bytes <= payload.bytes);
        FUZZ_HOLDS(satchel_enroll_request_read(satchel_buffer_view(&once), &again, NULL) == SATCHEL_OK);
        FUZZ_HOLDS(satchel_text_equal(request.platform, again.platform) && request.schema == again.schema);
        FUZZ_HOLDS(memcmp(request.mac, again.mac, sizeof again.mac) == 0);
    }
    satchel_buffer_deinit(&once);
}

static void try_answer(satchel_bytes payload) {
    satchel_buffer once = {NULL, 0, 0};
    satchel_enroll_answer answer, again;
    satchel_status status = satchel_enroll_answer_read(payload, &answer, NULL);
    FUZZ_HOLDS(status == SATCHEL_OK || status == SATCHEL_MALFORMED || status == SATCHEL_LIMIT_EXCEEDED ||
               status == SATCHEL_BAD_TEXT);
    if (status == SATCHEL_OK) {
        FUZZ_HOLDS(satchel_enroll_answer_write(&answer, &once) == SATCHEL_OK && once.bytes <= payload.bytes);
        FUZZ_HOLDS(satchel_enroll_answer_read(satchel_buffer_view(&once), &again, NULL) == SATCHEL_OK);
        FUZZ_HOLDS(satchel_text_equal(answer.company, again.company) && answer.policy == again.policy);
        FUZZ_HOLDS(memcmp(answer.recovery_key, again.recovery_key, sizeof again.recovery_key) == 0);
    }
    satchel_buffer_deinit(&once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_reader input = satchel_reader_of(satchel_bytes_of(data, bytes));
    fuzz_begin();
    switch (fuzz_choice(&input, 4)) {
    case 0: try_link(satchel_text_from(fuzz_rest(&input))); break;
    case 1: try_code(satchel_text_from(fuzz_rest(&input))); break;
    case 2: try_request(fuzz_rest(&input)); break;
    default: try_answer(fuzz_rest(&input)); break;
    }
    fuzz_end(ENROLL_MEMORY(bytes));
    return 0;
}

void fuzz_seeds(void) {
    satchel_buffer seed = {NULL, 0, 0};
    satchel_enroll_link link = {.server = satchel_text_of("https://sync.example.com:8443/%E8%8C%B6?a=b&c")};
    satchel_enroll_request request = {.device_name = satchel_text_of("\xe6\xb5\x8b\xe8\xaf\x95 phone"),
                                      .platform = satchel_text_of("Android 14"),
                                      .incarnation = {{7}},
                                      .protocol = 1,
                                      .schema = 3};
    satchel_enroll_answer answer = {.device = {{1}},
                                    .user = {{2}},
                                    .company = satchel_text_of("Tea & Co"),
                                    .login = satchel_text_of("wang"),
                                    .epoch = 4,
                                    .server_time_ms = INT64_C(1795305600000),
                                    .policy = SATCHEL_POLICY_PIN_REQUIRED};
    fuzz_fixed_key(link.code, sizeof link.code);
    fuzz_fixed_key(link.server_key, sizeof link.server_key);
    fuzz_fixed_key(request.mac, sizeof request.mac);
    fuzz_fixed_key(request.device_key, sizeof request.device_key);
    fuzz_fixed_key(request.code_key, sizeof request.code_key);
    fuzz_fixed_key(answer.mac, sizeof answer.mac);
    fuzz_fixed_key(answer.recovery_key, sizeof answer.recovery_key);
    fuzz_start_seed(&seed, 0);
    FUZZ_HOLDS(satchel_enroll_link_write(&link, &seed) == SATCHEL_OK);
    fuzz_seed(satchel_buffer_view(&seed));
    fuzz_start_seed(&seed, 1);
    fuzz_append_text(&seed, "o123-4567-89ab-cdIl");
    fuzz_seed(satchel_buffer_view(&seed));
    fuzz_start_seed(&seed, 2);
    FUZZ_HOLDS(satchel_enroll_request_write(&request, &seed) == SATCHEL_OK);
    fuzz_seed(satchel_buffer_view(&seed));
    fuzz_start_seed(&seed, 3);
    FUZZ_HOLDS(satchel_enroll_answer_write(&answer, &seed) == SATCHEL_OK);
    fuzz_seed(satchel_buffer_view(&seed));
    satchel_buffer_deinit(&seed);
}
