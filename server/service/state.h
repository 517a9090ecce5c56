/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the service share: the service itself, the company's counter, small named values. Not for other
 * modules.
 */
#ifndef SATCHEL_SERVER_SERVICE_STATE_H
#define SATCHEL_SERVER_SERVICE_STATE_H

#include "crypto/derive.h"
#include "crypto/hash.h"
#include "db/rows.h"
#include "service/service.h"

struct satchel_service {
    satchel_service_platform platform;
    satchel_schema schema;
    satchel_arena arena;                   /* the company's custom fields */
    struct satchel_policy_shelf *policies; /* policies.h */
    satchel_tables *tables;
};

/* Why phones are answered BUSY; the numbers are stored. */
typedef enum satchel_fence {
    SATCHEL_FENCE_NONE = 0,
    SATCHEL_FENCE_MISSING = 1, /* the ledger is not there */
    SATCHEL_FENCE_STALE = 2,   /* the ledger is older than what the database knows of it */
    SATCHEL_FENCE_BEHIND = 3   /* a phone showed more of the ledger, or of the numbers, than the server has */
} satchel_fence;

/* The row that every change moves. */
typedef struct satchel_counter {
    uint32_t epoch;
    uint64_t n;
    uint64_t audit_position;
    uint8_t audit_hash[SATCHEL_HASH_BYTES]; /* zeros before the first entry */
    int64_t day;                            /* last day whose assignments are settled in the memberships */
    satchel_fence fenced;                   /* see service/epoch.h */
    uint64_t erasures;                      /* persons that were erased: 0 saves looking for them */
    uint64_t reserved_n;                    /* the ledger says that numbers up to here may have been given out */
} satchel_counter;

SATCHEL_MUST_USE satchel_status satchel_counter_read(satchel_db *db, satchel_counter *out, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_counter_write(satchel_db *db, const satchel_counter *counter,
                                                      satchel_error *error);

/* The company's present day. */
int64_t satchel_service_today(const satchel_service *service);

/* A new id. Errors: RANDOM_FAILED. */
SATCHEL_MUST_USE satchel_status satchel_service_make_id(const satchel_service *service, satchel_id *out,
                                                        satchel_error *error);

/* Named values in meta. Errors: NOT_FOUND (get). */
SATCHEL_MUST_USE satchel_status satchel_meta_get(satchel_db *db, const char *name, satchel_arena *arena,
                                                 satchel_bytes *out, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_meta_put(satchel_db *db, const char *name, satchel_bytes value,
                                                 satchel_error *error);

/* A key for one use, derived from the company's seed; `context` has 8 characters. Errors: NOT_FOUND (no company yet).
 */
SATCHEL_MUST_USE satchel_status satchel_company_key(satchel_db *db, const char *context, uint8_t out[SATCHEL_KEY_BYTES],
                                                    satchel_error *error);

/* The company's signing key; the caller wipes it. Errors: NOT_FOUND (no company yet). */
SATCHEL_MUST_USE satchel_status satchel_company_secret(satchel_db *db, uint8_t out[SATCHEL_SIGN_SECRET_BYTES],
                                                       satchel_error *error);

/* Adds to a count shown by /metrics. */
SATCHEL_MUST_USE satchel_status satchel_metric_add(satchel_db *db, const char *name, uint64_t count,
                                                   satchel_error *error);

/*
 * Is it an answer to the one who asked (USER and ACCESS statuses), rather than a failure of the server? Failures are of
 * two kinds: those of the machine (try again), and those that will come again (a row that cannot be read).
 */
bool satchel_status_refuses(satchel_status status);
bool satchel_status_is_of_machine(satchel_status status);

/* Reads the company's own fields, sorted as satchel_schema_init wants them, into `arena`. */
SATCHEL_MUST_USE satchel_status satchel_custom_fields_load(const satchel_tables *tables, satchel_db *db,
                                                           satchel_arena *arena, satchel_custom_field **out,
                                                           uint32_t *out_count, satchel_error *error);

#endif
