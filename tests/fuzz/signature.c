/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The four headers of a signed request, with method, path and body, a line feed after each but the body. First as they
 * are: what is claimed has one form. Then method, path and body are signed with a fixed key, which must verify, and not
 * under another path, body or number.
 */
#include "fuzz/support/fuzz.h"

#include "crypto/sign.h"
#include "wire/signing.h"

#include <string.h>

#define PARTS 6

/* The next line, cut at SATCHEL_SIGNING_HEADER_BYTES; a header of just that length keeps no zero. */
static void take_line(satchel_reader *input, char out[SATCHEL_SIGNING_HEADER_BYTES]) {
    uint8_t byte = 0;
    size_t length = 0;
    memset(out, 0, SATCHEL_SIGNING_HEADER_BYTES);
    while (satchel_reader_byte(input, &byte) == SATCHEL_OK && byte != '\n') {
        if (length < SATCHEL_SIGNING_HEADER_BYTES) {
            out[length++] = (char)byte;
        }
    }
}

static void key_pair(uint8_t secret[64], uint8_t public_key[32]) {
    uint8_t seed[32];
    fuzz_fixed_key(seed, sizeof seed);
    satchel_sign_keys(seed, public_key, secret);
}

static void try_signing(const char *method, const char *path, satchel_bytes body) {
    const satchel_id device = {{1, 2, 3}};
    satchel_signed_headers headers;
    satchel_id claimed;
    uint8_t secret[64], public_key[32];
    uint64_t number = 0;
    key_pair(secret, public_key);
    satchel_status status = satchel_request_sign(method, path, body, &device, 42, secret, &headers);
    FUZZ_HOLDS(status == SATCHEL_OK || status == SATCHEL_INVALID_ARGUMENT);
    if (status == SATCHEL_OK) {
        FUZZ_HOLDS(satchel_request_claim(&headers, &claimed, &number, NULL) == SATCHEL_OK && number == 42);
        FUZZ_HOLDS(memcmp(claimed.bytes, device.bytes, sizeof device.bytes) == 0);
        FUZZ_HOLDS(satchel_request_verify(method, path, body, &headers, public_key, NULL) == SATCHEL_OK);
        FUZZ_HOLDS(satchel_request_verify(method, "/v1/other", body, &headers, public_key, NULL) != SATCHEL_OK ||
                   strcmp(path, "/v1/other") == 0);
        FUZZ_HOLDS(body.bytes == 0 || satchel_request_verify(method, path, satchel_bytes_of(body.data, body.bytes - 1),
                                                             &headers, public_key, NULL) == SATCHEL_UNAUTHENTICATED);
        headers.request_number[1] = '3'; /* 43 */
        FUZZ_HOLDS(satchel_request_verify(method, path, body, &headers, public_key, NULL) == SATCHEL_UNAUTHENTICATED);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_reader input = satchel_reader_of(satchel_bytes_of(data, bytes));
    satchel_signed_headers headers;
    char method[SATCHEL_SIGNING_HEADER_BYTES], path[SATCHEL_SIGNING_HEADER_BYTES];
    uint8_t secret[64], public_key[32];
    satchel_id device;
    uint64_t number = 0;
    fuzz_begin();
    take_line(&input, headers.content_digest);
    take_line(&input, headers.request_number);
    take_line(&input, headers.signature_input);
    take_line(&input, headers.signature);
    take_line(&input, method);
    take_line(&input, path);
    method[sizeof method - 1] = '\0';
    path[sizeof path - 1] = '\0';
    key_pair(secret, public_key);
    satchel_status claim = satchel_request_claim(&headers, &device, &number, NULL);
    satchel_status status = satchel_request_verify(method, path, fuzz_rest(&input), &headers, public_key, NULL);
    FUZZ_HOLDS(claim == SATCHEL_OK || claim == SATCHEL_UNAUTHENTICATED);
    FUZZ_HOLDS(status == SATCHEL_UNAUTHENTICATED || (status == SATCHEL_OK && claim == SATCHEL_OK));
    try_signing(method, path, fuzz_rest(&input));
    fuzz_end(0);
    return 0;
}

void fuzz_seeds(void) {
    static const char *const paths[] = {"/v1/sync", "/", "/v1/enroll"};
    satchel_buffer seed = {NULL, 0, 0};
    satchel_signed_headers headers;
    uint8_t secret[64], public_key[32];
    key_pair(secret, public_key);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const satchel_id device = {{(uint8_t)i, 9}};
        satchel_bytes body = satchel_bytes_of("\x01\x00hello", 3 * i);
        FUZZ_HOLDS(satchel_request_sign("POST", paths[i], body, &device, UINT64_MAX >> 20 * i, secret, &headers) ==
                   SATCHEL_OK);
        const char *const parts[PARTS] = {headers.content_digest,
                                          headers.request_number,
                                          headers.signature_input,
                                          headers.signature,
                                          "POST",
                                          paths[i]};
        satchel_buffer_clear(&seed);
        for (size_t part = 0; part < PARTS; part++) {
            fuzz_append_text(&seed, parts[part]);
            fuzz_append_text(&seed, "\n");
        }
        fuzz_append(&seed, body);
        fuzz_seed(satchel_buffer_view(&seed));
    }
    satchel_buffer_deinit(&seed);
}
