/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed requests: the worked example of core/doc/protocol.md, and everything that must not pass.
 */
#include "base/ids.h"
#include "base/text.h"
#include "crypto/sign.h"
#include "support/random.h"
#include "wire/base64.h"
#include "wire/signing.h"

#include <string.h>

/* The example: keys of the seed 00 01 … 1f, and what must come of them. Computed once with OpenSSL. */
#define EXAMPLE_DEVICE "0190b4c8-0000-7000-8000-000000000001"
#define EXAMPLE_BODY "\x01\x00hello"

typedef struct example {
    satchel_id device;
    uint8_t public_key[SATCHEL_SIGN_PUBLIC_BYTES];
    uint8_t secret_key[SATCHEL_SIGN_SECRET_BYTES];
    satchel_bytes body;
    satchel_signed_headers headers;
} example;

static example make_example(void) {
    example made;
    uint8_t seed[SATCHEL_KEY_BYTES];
    for (size_t i = 0; i < sizeof seed; i++) {
        seed[i] = (uint8_t)i;
    }
    REQUIRE_OK(satchel_crypto_init());
    satchel_sign_keys(seed, made.public_key, made.secret_key);
    REQUIRE_OK(satchel_id_read(satchel_text_of(EXAMPLE_DEVICE), &made.device));
    made.body = satchel_bytes_of(EXAMPLE_BODY, 7);
    REQUIRE_OK(satchel_request_sign("POST", "/v1/sync", made.body, &made.device, 42, made.secret_key, &made.headers));
    return made;
}

TEST(signing, the_worked_example_is_right) {
    example made = make_example();
    CHECK_TEXT(made.headers.content_digest, "sha-256=:7t4VsdaiCsnLkTbdi+vpEOJ2s1tf/zOBHMILnfmWvh8=:");
    CHECK_TEXT(made.headers.request_number, "42");
    CHECK_TEXT(made.headers.signature_input,
               "satchel=(\"@method\" \"@path\" \"content-digest\" \"satchel-request\");keyid=\"" EXAMPLE_DEVICE
               "\";alg=\"ed25519\"");
    CHECK_TEXT(made.headers.signature, "satchel=:Q6VHH92m2p8iPpbcPNCcaAGKtIhwbdV8nVfb2FJ3b0b0"
                                       "gr1+bboI2geWA9e+SVWXfBXJcUaTx/hDFakjB/VACQ==:");
}

TEST(signing, a_signed_request_is_verified_and_names_its_device) {
    example made = make_example();
    satchel_id device;
    uint64_t number = 0;
    REQUIRE_OK(satchel_request_claim(&made.headers, &device, &number, NULL));
    CHECK_ID(&device, &made.device);
    CHECK_UINT(number, 42);
    CHECK_OK(satchel_request_verify("POST", "/v1/sync", made.body, &made.headers, made.public_key, NULL));
}

TEST(signing, another_request_does_not_pass) {
    example made = make_example();
    satchel_bytes other = satchel_bytes_of("\x01\x00hellp", 7);
    uint8_t key[SATCHEL_SIGN_PUBLIC_BYTES];
    memcpy(key, made.public_key, sizeof key);
    key[0] ^= 1;
    CHECK_STATUS(satchel_request_verify("GET", "/v1/sync", made.body, &made.headers, made.public_key, NULL),
                 SATCHEL_UNAUTHENTICATED);
    CHECK_STATUS(satchel_request_verify("POST", "/v1/synd", made.body, &made.headers, made.public_key, NULL),
                 SATCHEL_UNAUTHENTICATED);
    CHECK_STATUS(satchel_request_verify("POST", "/v1/sync", other, &made.headers, made.public_key, NULL),
                 SATCHEL_UNAUTHENTICATED);
    CHECK_STATUS(satchel_request_verify("POST", "/v1/sync", made.body, &made.headers, key, NULL),
                 SATCHEL_UNAUTHENTICATED);
}

TEST(signing, no_changed_byte_of_any_header_passes) {
    example made = make_example();
    char *const headers[] = {made.headers.content_digest, made.headers.request_number, made.headers.signature_input,
                             made.headers.signature};
    for (size_t h = 0; h < sizeof headers / sizeof headers[0]; h++) {
        size_t length = strlen(headers[h]);
        for (size_t at = 0; at <= length; at++) {
            char kept = headers[h][at];
            test_note("header %zu, byte %zu", h, at);
            headers[h][at] = kept == '4' ? '5' : '4';
            if (at == length) {
                headers[h][at + 1] = '\0';
            }
            CHECK_STATUS(satchel_request_verify("POST", "/v1/sync", made.body, &made.headers, made.public_key, NULL),
                         SATCHEL_UNAUTHENTICATED);
            headers[h][at] = '\0';
            CHECK(at == length || satchel_request_verify("POST", "/v1/sync", made.body, &made.headers, made.public_key,
                                                         NULL) == SATCHEL_UNAUTHENTICATED);
            headers[h][at] = kept;
        }
    }
    CHECK_OK(satchel_request_verify("POST", "/v1/sync", made.body, &made.headers, made.public_key, NULL));
}

TEST(signing, a_header_without_end_is_no_claim) {
    example made = make_example();
    satchel_id device;
    uint64_t number = 0;
    memset(made.headers.signature, 'A', sizeof made.headers.signature);
    CHECK_STATUS(satchel_request_claim(&made.headers, &device, &number, NULL), SATCHEL_UNAUTHENTICATED);
}

TEST(signing, request_numbers_are_plain_decimals) {
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"0", true},
        {"18446744073709551615", true},
        {"18446744073709551616", false},
        {"", false},
        {"007", false},
        {"-1", false},
        {"+1", false},
        {"1 ", false},
        {"1e3", false},
        {"184467440737095516150", false},
    };
    example made = make_example();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_id device;
        uint64_t number = 0;
        memcpy(made.headers.request_number, cases[i].text, strlen(cases[i].text) + 1);
        test_note("%s", cases[i].text);
        CHECK_STATUS(satchel_request_claim(&made.headers, &device, &number, NULL),
                     cases[i].good ? SATCHEL_OK : SATCHEL_UNAUTHENTICATED);
    }
}

TEST(signing, methods_and_paths_have_limits) {
    example made = make_example();
    char path[258];
    memset(path, 'p', sizeof path);
    path[0] = '/';
    path[256] = '\0';
    CHECK_OK(satchel_request_sign("POST", path, made.body, &made.device, 1, made.secret_key, &made.headers));
    CHECK_OK(satchel_request_verify("POST", path, made.body, &made.headers, made.public_key, NULL));
    path[256] = 'p';
    path[257] = '\0';
    CHECK_STATUS(satchel_request_sign("POST", path, made.body, &made.device, 1, made.secret_key, &made.headers),
                 SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_request_sign("POST", "/a\nb", made.body, &made.device, 1, made.secret_key, &made.headers),
                 SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_request_sign("", "/a", made.body, &made.device, 1, made.secret_key, &made.headers),
                 SATCHEL_INVALID_ARGUMENT);
}

TEST(base64, has_one_form_for_each_value) {
    /* RFC 4648, section 10 */
    static const char *const vectors[][2] = {{"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char text[16];
        uint8_t back[8];
        size_t bytes = strlen(vectors[i][0]);
        satchel_base64_write(satchel_bytes_of(vectors[i][0], bytes), false, text);
        CHECK_TEXT(text, vectors[i][1]);
        REQUIRE_OK(satchel_base64_read(satchel_text_of(text), false, back, bytes));
        CHECK_BYTES(satchel_bytes_of(back, bytes), satchel_bytes_of(vectors[i][0], bytes));
    }
    uint8_t byte;
    CHECK_STATUS(satchel_base64_read(satchel_text_of("Zh=="), false, &byte, 1), SATCHEL_MALFORMED);
    CHECK_STATUS(satchel_base64_read(satchel_text_of("Zg="), false, &byte, 1), SATCHEL_MALFORMED);
    CHECK_STATUS(satchel_base64_read(satchel_text_of("Zg=x"), false, &byte, 1), SATCHEL_MALFORMED);
    CHECK_OK(satchel_base64_read(satchel_text_of("Zg"), true, &byte, 1));
    CHECK_STATUS(satchel_base64_read(satchel_text_of("Z+"), true, &byte, 1), SATCHEL_MALFORMED);
}
