/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing and verifying requests. The header values have one form only, so a claim is checked by making that form again
 * from what it says and comparing; no general parser of structured fields is needed.
 */
#include "wire/signing.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "wire/base64.h"

#include <stdio.h>
#include <string.h>

#define METHOD_BYTES_MOST 16u
#define PATH_BYTES_MOST 256u
#define NUMBER_DIGITS_MOST 20u
#define BASE_BYTES_MOST 1024u

#define PARAMETERS "(\"@method\" \"@path\" \"content-digest\" \"satchel-request\");keyid=\""
#define PARAMETERS_END "\";alg=\"ed25519\""
#define LABEL "satchel="

static bool printable(const char *text, size_t limit) {
    size_t bytes = strlen(text);
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return false;
        }
    }
    return bytes > 0 && bytes <= limit;
}

static void write_digest(satchel_bytes body, char out[SATCHEL_SIGNING_HEADER_BYTES]) {
    uint8_t hash[SATCHEL_HASH_BYTES];
    char text[SATCHEL_BASE64_TEXT_BYTES(SATCHEL_HASH_BYTES)];
    satchel_sha256_of(body, hash);
    satchel_base64_write(satchel_bytes_of(hash, sizeof hash), false, text);
    (void)snprintf(out, SATCHEL_SIGNING_HEADER_BYTES, "sha-256=:%s:", text);
}

static void write_input(const satchel_id *device, char out[SATCHEL_SIGNING_HEADER_BYTES]) {
    char id[SATCHEL_ID_TEXT_BYTES];
    satchel_id_write(device, id);
    (void)snprintf(out, SATCHEL_SIGNING_HEADER_BYTES, LABEL PARAMETERS "%s" PARAMETERS_END, id);
}

/* The signature base of RFC 9421, section 2.5. Method and path are printable and within their limits. */
static satchel_bytes write_base(const char *method, const char *path, const satchel_signed_headers *headers,
                                char out[BASE_BYTES_MOST]) {
    int bytes = snprintf(out, BASE_BYTES_MOST,
                         "\"@method\": %s\n"
                         "\"@path\": %s\n"
                         "\"content-digest\": %s\n"
                         "\"satchel-request\": %s\n"
                         "\"@signature-params\": %s",
                         method, path, headers->content_digest, headers->request_number,
                         headers->signature_input + strlen(LABEL));
    return satchel_bytes_of(out, (size_t)bytes);
}

satchel_status satchel_request_sign(const char *method, const char *path, satchel_bytes body, const satchel_id *device,
                                    uint64_t request_number, const uint8_t secret_key[64],
                                    satchel_signed_headers *out) {
    char base[BASE_BYTES_MOST];
    uint8_t signature[SATCHEL_SIGNATURE_BYTES];
    char text[SATCHEL_BASE64_TEXT_BYTES(SATCHEL_SIGNATURE_BYTES)];
    if (!printable(method, METHOD_BYTES_MOST) || !printable(path, PATH_BYTES_MOST)) {
        return SATCHEL_INVALID_ARGUMENT;
    }
    write_digest(body, out->content_digest);
    write_input(device, out->signature_input);
    (void)snprintf(out->request_number, sizeof out->request_number, "%llu", (unsigned long long)request_number);
    satchel_sign_make(secret_key, write_base(method, path, out, base), signature);
    satchel_base64_write(satchel_bytes_of(signature, sizeof signature), false, text);
    (void)snprintf(out->signature, sizeof out->signature, LABEL ":%s:", text);
    return SATCHEL_OK;
}

/* What must stand within SATCHEL_SIGNING_HEADER_BYTES, with its zero. */
static bool terminated(const char *header) {
    return memchr(header, '\0', SATCHEL_SIGNING_HEADER_BYTES) != NULL;
}

static bool read_number(const char *text, uint64_t *out) {
    size_t digits = strlen(text);
    uint64_t number = 0;
    if (digits == 0 || digits > NUMBER_DIGITS_MOST || (text[0] == '0' && digits > 1)) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *out = number;
    return true;
}

static bool read_input(const char *header, satchel_id *out) {
    char again[SATCHEL_SIGNING_HEADER_BYTES];
    size_t before = strlen(LABEL PARAMETERS);
    if (strlen(header) != before + SATCHEL_ID_TEXT_BYTES - 1 + strlen(PARAMETERS_END) ||
        satchel_id_read((satchel_text){header + before, SATCHEL_ID_TEXT_BYTES - 1}, out) != SATCHEL_OK) {
        return false;
    }
    write_input(out, again);
    return strcmp(header, again) == 0;
}

static bool read_signature(const char *header, uint8_t out[SATCHEL_SIGNATURE_BYTES]) {
    const size_t before = strlen(LABEL ":");
    const size_t digits = SATCHEL_BASE64_TEXT_BYTES(SATCHEL_SIGNATURE_BYTES) - 1;
    if (strlen(header) != before + digits + 1 || memcmp(header, LABEL ":", before) != 0 ||
        header[before + digits] != ':') {
        return false;
    }
    return satchel_base64_read((satchel_text){header + before, digits}, false, out, SATCHEL_SIGNATURE_BYTES) ==
           SATCHEL_OK;
}

satchel_status satchel_request_claim(const satchel_signed_headers *headers, satchel_id *out_device,
                                     uint64_t *out_request_number, satchel_error *error) {
    uint8_t signature[SATCHEL_SIGNATURE_BYTES];
    if (!terminated(headers->content_digest) || !terminated(headers->request_number) ||
        !terminated(headers->signature_input) || !terminated(headers->signature)) {
        return satchel_fail(error, SATCHEL_UNAUTHENTICATED, "signature: a header is too long");
    }
    if (!read_number(headers->request_number, out_request_number)) {
        return satchel_fail(error, SATCHEL_UNAUTHENTICATED, "signature: Satchel-Request is missing or no number");
    }
    if (!read_input(headers->signature_input, out_device)) {
        return satchel_fail(error, SATCHEL_UNAUTHENTICATED, "signature: Signature-Input is missing or of another form");
    }
    if (!read_signature(headers->signature, signature)) {
        return satchel_fail(error, SATCHEL_UNAUTHENTICATED, "signature: Signature is missing or of another form");
    }
    return SATCHEL_OK;
}

satchel_status satchel_request_verify(const char *method, const char *path, satchel_bytes body,
                                      const satchel_signed_headers *headers, const uint8_t public_key[32],
                                      satchel_error *error) {
    char base[BASE_BYTES_MOST];
    char digest[SATCHEL_SIGNING_HEADER_BYTES];
    uint8_t signature[SATCHEL_SIGNATURE_BYTES];
    satchel_id device;
    uint64_t number = 0;
    satchel_status status = satchel_request_claim(headers, &device, &number, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    write_digest(body, digest);
    if (strcmp(digest, headers->content_digest) != 0) {
        return satchel_fail(error, SATCHEL_UNAUTHENTICATED, "signature: Content-Digest does not fit the body");
    }
    if (!printable(method, METHOD_BYTES_MOST) || !printable(path, PATH_BYTES_MOST) ||
        !read_signature(headers->signature, signature) ||
        satchel_sign_check(public_key, write_base(method, path, headers, base), signature) != SATCHEL_OK) {
        return satchel_fail(error, SATCHEL_UNAUTHENTICATED, "signature: does not fit the request");
    }
    return SATCHEL_OK;
}
