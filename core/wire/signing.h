/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request signatures in the manner of RFC 9421 (HTTP Message Signatures) with Ed25519 and RFC 9530 (Content-Digest).
 *
 *   Content-Digest:  sha-256=:<base64>:
 *   Satchel-Request: <decimal request number, strictly increasing for a device>
 *   Signature-Input: satchel=("@method" "@path" "content-digest" "satchel-request");keyid="<device id>";alg="ed25519"
 *   Signature:       satchel=:<base64>:
 *
 * The signature base is exactly the one of RFC 9421, section 2.5, for these components in this order.
 */
#ifndef SATCHEL_WIRE_SIGNING_H
#define SATCHEL_WIRE_SIGNING_H

#include "base/bytes.h"

#define SATCHEL_SIGNING_HEADER_BYTES 320

/* The four header values, zero-terminated. */
typedef struct satchel_signed_headers {
    char content_digest[SATCHEL_SIGNING_HEADER_BYTES];
    char request_number[SATCHEL_SIGNING_HEADER_BYTES];
    char signature_input[SATCHEL_SIGNING_HEADER_BYTES];
    char signature[SATCHEL_SIGNING_HEADER_BYTES];
} satchel_signed_headers;

/* Errors: INVALID_ARGUMENT (method or path too long or with other than printable ASCII), RANDOM_FAILED never. */
SATCHEL_MUST_USE satchel_status satchel_request_sign(const char *method, const char *path, satchel_bytes body,
                                                     const satchel_id *device, uint64_t request_number,
                                                     const uint8_t secret_key[64], satchel_signed_headers *out);

/* Who claims to have signed, before any key is known. Errors: UNAUTHENTICATED (any header missing or of another form).
 */
SATCHEL_MUST_USE satchel_status satchel_request_claim(const satchel_signed_headers *headers, satchel_id *out_device,
                                                      uint64_t *out_request_number, satchel_error *error);

/* Errors: UNAUTHENTICATED (digest or signature does not fit). */
SATCHEL_MUST_USE satchel_status satchel_request_verify(const char *method, const char *path, satchel_bytes body,
                                                       const satchel_signed_headers *headers,
                                                       const uint8_t public_key[32], satchel_error *error);

#endif
