/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two enrolment messages and their proofs.
 *
 * The code keys both MACs through a hash, for it is shorter than a key. Each MAC covers every field of its message, the
 * request's also the server's public key that the phone was given with the code, the answer's also the request's MAC.
 */
#include "wire/enroll.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "wire/message.h"

#include <assert.h>
#include <string.h>

#define STATUS_MOST 65535u
#define NAME_BYTES 512u /* company and login */

static const satchel_wire_member request_members[] = {
    SATCHEL_WIRE_MEMBER(satchel_enroll_request, code_key, 1, SATCHEL_WIRE_FIXED, SATCHEL_CODE_KEY_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_enroll_request, device_key, 2, SATCHEL_WIRE_FIXED, SATCHEL_PUBLIC_KEY_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_enroll_request, incarnation, 3, SATCHEL_WIRE_FIXED, SATCHEL_ID_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_enroll_request, device_name, 4, SATCHEL_WIRE_TEXT, SATCHEL_DEVICE_NAME_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_enroll_request, platform, 5, SATCHEL_WIRE_TEXT, SATCHEL_DEVICE_NAME_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_enroll_request, mac, 6, SATCHEL_WIRE_FIXED, SATCHEL_MAC_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_enroll_request, token, 7, SATCHEL_WIRE_FIXED, SATCHEL_TOKEN_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_enroll_request, protocol, 8, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_enroll_request, schema, 9, SATCHEL_WIRE_U32, 0),
};
static const satchel_wire_message request_message =
    SATCHEL_WIRE_TABLE("EnrollRequest", satchel_enroll_request, request_members);

static const satchel_wire_member answer_members[] = {
    SATCHEL_WIRE_MEMBER(satchel_enroll_answer, status, 1, SATCHEL_WIRE_ENUM, STATUS_MOST),
    SATCHEL_WIRE_MEMBER(satchel_enroll_answer, device, 2, SATCHEL_WIRE_FIXED, SATCHEL_ID_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_enroll_answer, user, 3, SATCHEL_WIRE_FIXED, SATCHEL_ID_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_enroll_answer, server_key, 4, SATCHEL_WIRE_FIXED, SATCHEL_PUBLIC_KEY_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_enroll_answer, company, 5, SATCHEL_WIRE_TEXT, NAME_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_enroll_answer, epoch, 6, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_enroll_answer, server_time_ms, 7, SATCHEL_WIRE_I64, 0),
    SATCHEL_WIRE_MEMBER(satchel_enroll_answer, mac, 8, SATCHEL_WIRE_FIXED, SATCHEL_MAC_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_enroll_answer, login, 9, SATCHEL_WIRE_TEXT, NAME_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_enroll_answer, recovery_key, 10, SATCHEL_WIRE_FIXED, SATCHEL_PUBLIC_KEY_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_enroll_answer, policy, 11, SATCHEL_WIRE_U32, 0),
};
static const satchel_wire_message answer_message =
    SATCHEL_WIRE_TABLE("EnrollAnswer", satchel_enroll_answer, answer_members);

static void make_mac(const uint8_t code[SATCHEL_CODE_BYTES], const char *context, const satchel_bytes *parts,
                     size_t count, uint8_t out[SATCHEL_MAC_BYTES]) {
    uint8_t key[SATCHEL_HASH_BYTES];
    satchel_hash hash;
    satchel_hash_begin(&hash);
    satchel_hash_add_part(&hash, satchel_text_bytes(satchel_text_of("satchel enrolment code key")));
    satchel_hash_add_part(&hash, satchel_bytes_of(code, SATCHEL_CODE_BYTES));
    satchel_hash_end(&hash, key);
    satchel_status status = satchel_mac_make(satchel_bytes_of(key, sizeof key), context, parts, count, out);
    assert(status == SATCHEL_OK); /* a hash is a key of a legal size */
    (void)status;
    satchel_secret_wipe(key, sizeof key);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void satchel_enroll_request_mac(const uint8_t code[SATCHEL_CODE_BYTES],
                                const uint8_t server_key[SATCHEL_PUBLIC_KEY_BYTES],
                                const satchel_enroll_request *request, uint8_t out[SATCHEL_MAC_BYTES]) {
    uint8_t versions[8];
    satchel_put_u32be(versions, request->protocol);
    satchel_put_u32be(versions + 4, request->schema);
    const satchel_bytes parts[] = {
        satchel_bytes_of(server_key, SATCHEL_PUBLIC_KEY_BYTES),
        satchel_bytes_of(request->code_key, SATCHEL_CODE_KEY_BYTES),
        satchel_bytes_of(request->device_key, SATCHEL_PUBLIC_KEY_BYTES),
        satchel_id_view(&request->incarnation),
        satchel_text_bytes(request->device_name),
        satchel_text_bytes(request->platform),
        satchel_bytes_of(request->token, SATCHEL_TOKEN_BYTES),
        satchel_bytes_of(versions, sizeof versions),
    };
    make_mac(code, "satchel enrolment request 1", parts, COUNT(parts), out);
}

void satchel_enroll_answer_mac(const uint8_t code[SATCHEL_CODE_BYTES], const satchel_enroll_request *request,
                               const satchel_enroll_answer *answer, uint8_t out[SATCHEL_MAC_BYTES]) {
    uint8_t numbers[20];
    satchel_put_u32be(numbers, (uint32_t)answer->status);
    satchel_put_u32be(numbers + 4, answer->epoch);
    satchel_put_u64be(numbers + 8, (uint64_t)answer->server_time_ms);
    satchel_put_u32be(numbers + 16, answer->policy);
    const satchel_bytes parts[] = {
        satchel_bytes_of(request->mac, SATCHEL_MAC_BYTES),
        satchel_bytes_of(request->device_key, SATCHEL_PUBLIC_KEY_BYTES),
        satchel_id_view(&answer->device),
        satchel_id_view(&answer->user),
        satchel_bytes_of(answer->server_key, SATCHEL_PUBLIC_KEY_BYTES),
        satchel_text_bytes(answer->company),
        satchel_text_bytes(answer->login),
        satchel_bytes_of(numbers, sizeof numbers),
        satchel_bytes_of(answer->recovery_key, SATCHEL_PUBLIC_KEY_BYTES),
    };
    make_mac(code, "satchel enrolment answer 2", parts, COUNT(parts), out);
}

satchel_status satchel_enroll_request_write(const satchel_enroll_request *request, satchel_buffer *payload) {
    size_t start = payload->bytes;
    return satchel_wire_cut(payload, start, satchel_wire_write(&request_message, request, payload));
}

satchel_status satchel_enroll_request_read(satchel_bytes payload, satchel_enroll_request *out, satchel_error *error) {
    return satchel_wire_read(&request_message, payload, NULL, out, error);
}

satchel_status satchel_enroll_answer_write(const satchel_enroll_answer *answer, satchel_buffer *payload) {
    size_t start = payload->bytes;
    return satchel_wire_cut(payload, start, satchel_wire_write(&answer_message, answer, payload));
}

satchel_status satchel_enroll_answer_read(satchel_bytes payload, satchel_enroll_answer *out, satchel_error *error) {
    return satchel_wire_read(&answer_message, payload, NULL, out, error);
}
