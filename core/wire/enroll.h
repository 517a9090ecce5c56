/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolment: the one-time code, its proofs, and the two messages.
 *
 * A code is 80 random bits shown as 16 characters of Crockford's base 32 in groups of four ("7K3M-Q2TD-…"); I, L, O are
 * read as 1, 1, 0, case and hyphens do not matter. It never travels: code_key (a hash) names it, and it keys the MACs.
 */
#ifndef SATCHEL_WIRE_ENROLL_H
#define SATCHEL_WIRE_ENROLL_H

#include "base/bytes.h"
#include "base/limits.h"
#include "crypto/mac.h"
#include "wire/request.h"

#define SATCHEL_CODE_BYTES 10
#define SATCHEL_CODE_TEXT_BYTES 20 /* with hyphens and zero */
#define SATCHEL_CODE_KEY_BYTES 16
#define SATCHEL_PUBLIC_KEY_BYTES 32
#define SATCHEL_DEVICE_NAME_BYTES 128

typedef struct satchel_enroll_request {
    uint8_t code_key[SATCHEL_CODE_KEY_BYTES];
    uint8_t device_key[SATCHEL_PUBLIC_KEY_BYTES];
    satchel_id incarnation;
    satchel_text device_name; /* borrowed from the payload when read; ≤ SATCHEL_DEVICE_NAME_BYTES */
    satchel_text platform;
    uint8_t mac[SATCHEL_MAC_BYTES];
    uint8_t token[SATCHEL_TOKEN_BYTES]; /* the first current one */
    uint32_t protocol;
    uint32_t schema;
} satchel_enroll_request;

/* What the company asks of a phone's store; bits, stored and sent. */
typedef enum satchel_store_policy {
    SATCHEL_POLICY_PIN_REQUIRED = 1,     /* nothing is synced onto a phone without a PIN */
    SATCHEL_POLICY_LOCK_ROLLED_BACK = 2, /* a store that was put back stays shut until an administrator decides */
} satchel_store_policy;

typedef struct satchel_enroll_answer {
    satchel_status status;
    satchel_id device;
    satchel_id user;
    uint8_t server_key[SATCHEL_PUBLIC_KEY_BYTES];
    satchel_text company;
    satchel_text login;
    uint32_t epoch;
    int64_t server_time_ms;
    uint8_t mac[SATCHEL_MAC_BYTES];
    uint8_t recovery_key[SATCHEL_PUBLIC_KEY_BYTES]; /* X25519, of the company; zeros: no escrow */
    uint32_t policy;                                /* satchel_store_policy */
} satchel_enroll_answer;

void satchel_code_write(const uint8_t code[SATCHEL_CODE_BYTES], char text[SATCHEL_CODE_TEXT_BYTES]);
/* Errors: MALFORMED. */
SATCHEL_MUST_USE satchel_status satchel_code_read(satchel_text text, uint8_t out[SATCHEL_CODE_BYTES]);
void satchel_code_key(const uint8_t code[SATCHEL_CODE_BYTES], uint8_t out[SATCHEL_CODE_KEY_BYTES]);

/* The proofs of both sides; see the message comments in envelope.proto for what they cover. */
void satchel_enroll_request_mac(const uint8_t code[SATCHEL_CODE_BYTES],
                                const uint8_t server_key[SATCHEL_PUBLIC_KEY_BYTES],
                                const satchel_enroll_request *request, uint8_t out[SATCHEL_MAC_BYTES]);
void satchel_enroll_answer_mac(const uint8_t code[SATCHEL_CODE_BYTES], const satchel_enroll_request *request,
                               const satchel_enroll_answer *answer, uint8_t out[SATCHEL_MAC_BYTES]);

SATCHEL_MUST_USE satchel_status satchel_enroll_request_write(const satchel_enroll_request *request,
                                                             satchel_buffer *payload);
SATCHEL_MUST_USE satchel_status satchel_enroll_request_read(satchel_bytes payload, satchel_enroll_request *out,
                                                            satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_enroll_answer_write(const satchel_enroll_answer *answer,
                                                            satchel_buffer *payload);
SATCHEL_MUST_USE satchel_status satchel_enroll_answer_read(satchel_bytes payload, satchel_enroll_answer *out,
                                                           satchel_error *error);

/*
 * The enrolment link that a QR code carries: "satchel:enroll?server=https://…&code=7K3M…&key=<base64url of the server
 * key>". Parts are percent-encoded. Errors: NO_MEMORY; write: LIMIT_EXCEEDED (the server's address makes it longer than
 * is read); read: MALFORMED. The texts that are read live in `arena`.
 */
#define SATCHEL_LINK_BYTES_MOST 4096u
typedef struct satchel_enroll_link {
    satchel_text server;
    uint8_t code[SATCHEL_CODE_BYTES];
    uint8_t server_key[SATCHEL_PUBLIC_KEY_BYTES];
} satchel_enroll_link;
struct satchel_arena;
SATCHEL_MUST_USE satchel_status satchel_enroll_link_write(const satchel_enroll_link *link, satchel_buffer *out);
SATCHEL_MUST_USE satchel_status satchel_enroll_link_read(satchel_text text, struct satchel_arena *arena,
                                                         satchel_enroll_link *out, satchel_error *error);

#endif
