/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who this device is to its server; kept inside the sealed store and nowhere else.
 */
#ifndef SATCHEL_DEVICE_IDENTITY_H
#define SATCHEL_DEVICE_IDENTITY_H

#include "crypto/sign.h"
#include "store/store.h"
#include "wire/enroll.h"
#include "wire/request.h"

#define SATCHEL_IDENTITY_TEXT_BYTES 256

typedef struct satchel_identity {
    bool enrolled;
    satchel_id device;
    satchel_id user;
    uint32_t epoch; /* of the server's database at enrolment */
    uint8_t server_key[SATCHEL_SIGN_PUBLIC_BYTES];
    uint8_t *secret;                          /* SATCHEL_SIGN_SECRET_BYTES in locked memory, NULL if not enrolled */
    char server[SATCHEL_IDENTITY_TEXT_BYTES]; /* scheme://host[:port], no slash at the end */
    char login[128];
    char company[128];
} satchel_identity;

/* Reads it from the store; not enrolled is no error. Errors: DAMAGED, NEWER_FORMAT, and those of the store. */
SATCHEL_MUST_USE satchel_status satchel_identity_load(satchel_identity *identity, satchel_store *store,
                                                      satchel_error *error);
/* Stores it. `identity->secret` must be there. Errors: those of the store. */
SATCHEL_MUST_USE satchel_status satchel_identity_save(const satchel_identity *identity, satchel_store *store,
                                                      satchel_error *error);
/* Wipes and frees the secret; the identity is then that of a device that is not enrolled. */
void satchel_identity_deinit(satchel_identity *identity);

/*
 * What an enrolment that is under way has drawn, stored before its first request leaves, so that a request that is
 * repeated after a lost answer or a kill is the same.
 */
typedef struct satchel_enrolling {
    uint8_t code[SATCHEL_CODE_BYTES];
    uint8_t server_key[SATCHEL_PUBLIC_KEY_BYTES];
    uint8_t seed[SATCHEL_KEY_BYTES];
    satchel_id incarnation;
    uint8_t token[SATCHEL_TOKEN_BYTES];
} satchel_enrolling;

/* Errors: NOT_FOUND (none is under way), and those of the store. */
SATCHEL_MUST_USE satchel_status satchel_enrolling_load(satchel_enrolling *out, satchel_store *store,
                                                       satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_enrolling_save(const satchel_enrolling *enrolling, satchel_store *store,
                                                       satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_enrolling_forget(satchel_store *store, satchel_error *error);

/*
 * Checks the address of a server: https, or http to localhost; host and optional port, nothing behind. Copies it
 * without a slash at its end. Errors: MALFORMED, INVALID_ARGUMENT (plain http to another host), TOO_LONG.
 */
SATCHEL_MUST_USE satchel_status satchel_server_address(satchel_text server, char out[SATCHEL_IDENTITY_TEXT_BYTES],
                                                       satchel_error *error);

#endif
