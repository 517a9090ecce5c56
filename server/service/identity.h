/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices and their stores: who signs, which life of which store speaks, how far its ops are decided.
 */
#ifndef SATCHEL_SERVER_SERVICE_IDENTITY_H
#define SATCHEL_SERVER_SERVICE_IDENTITY_H

#include "service/change.h"
#include "service/ledger.h"
#include "wire/request.h"
#include "wire/unit_codec.h"

typedef struct satchel_device_state {
    satchel_id id;
    satchel_id user;
    uint8_t public_key[SATCHEL_SIGN_PUBLIC_BYTES];
    uint64_t incarnation; /* number of the present one */
    uint8_t token_current[SATCHEL_TOKEN_BYTES];
    uint8_t token_previous[SATCHEL_TOKEN_BYTES]; /* zeros: none yet */
    uint64_t request_number;                     /* last one that moved something */
    int64_t enrolled_ms;
    int64_t seen_ms;
    bool revoked;
} satchel_device_state;

/* Errors: NOT_FOUND. */
SATCHEL_MUST_USE satchel_status satchel_device_state_load(satchel_db *db, const satchel_id *device,
                                                          satchel_device_state *out, satchel_error *error);
/* Writes; inserts or replaces. */
SATCHEL_MUST_USE satchel_status satchel_device_state_save(satchel_db *db, const satchel_device_state *state,
                                                          satchel_error *error);

/*
 * Writes: a device that was enrolled in a lost stretch is there again, as the ledger says; what it sent comes back with
 * it. Its name went with the stretch.
 */
SATCHEL_MUST_USE satchel_status satchel_device_again(const satchel_service *service, satchel_db *db,
                                                     const satchel_ledger_entry *entry, satchel_error *error);

/* One life of a device's store, or of a user's hand on the console (device none). */
typedef struct satchel_incarnation {
    uint64_t number;
    satchel_id id;
    satchel_id device;
    satchel_id user;
    uint64_t parent; /* 0: none */
    uint64_t parent_sequence;
    uint64_t applied_through;
    uint8_t applied_digest[SATCHEL_DIGEST_BYTES]; /* of the unit that ended there */
} satchel_incarnation;

/* Errors: NOT_FOUND. */
SATCHEL_MUST_USE satchel_status satchel_incarnation_load(satchel_db *db, const satchel_id *id, satchel_incarnation *out,
                                                         satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_incarnation_by_number(satchel_db *db, uint64_t number, satchel_incarnation *out,
                                                              satchel_error *error);
/* Writes: gives the next number. */
SATCHEL_MUST_USE satchel_status satchel_incarnation_add(satchel_db *db, satchel_incarnation *incarnation,
                                                        satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_incarnation_advance(satchel_db *db, const satchel_incarnation *incarnation,
                                                            satchel_error *error);

/* The life in which this op of a store was decided: `number` itself or an ancestor of it. */
SATCHEL_MUST_USE satchel_status satchel_incarnation_holder(satchel_db *db, uint64_t number, uint64_t sequence,
                                                           uint64_t *out, satchel_error *error);

/* The author of a phone's ops, with the ancestors of its lineage. */
SATCHEL_MUST_USE satchel_status satchel_author_of_phone(satchel_db *db, const satchel_incarnation *incarnation,
                                                        satchel_author *out, satchel_error *error);

/* The author of what a user does on the console; `writes` the first time. None: the server itself. */
SATCHEL_MUST_USE satchel_status satchel_author_on_server(const satchel_service *service, satchel_db *db,
                                                         const satchel_id *user, satchel_author *out,
                                                         satchel_error *error);

#endif
