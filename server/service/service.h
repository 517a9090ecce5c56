/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service: what is the same for all who ask, and the company that it serves.
 *
 * The service decides; it owns no thread, no clock, no global and no connection. Time and randomness come through its
 * platform, the database through the connection that each call is given; every call runs inside a transaction of that
 * connection which the caller opened (SATCHEL_DB_WRITE where "writes" is said) and will commit or roll back.
 * After open a service is read-only, so any number of threads may use it, each with a connection of its own.
 */
#ifndef SATCHEL_SERVER_SERVICE_SERVICE_H
#define SATCHEL_SERVER_SERVICE_SERVICE_H

#include "access/access.h"
#include "crypto/random.h"
#include "crypto/sign.h"
#include "db/db.h"

typedef struct satchel_service satchel_service;

typedef struct satchel_service_platform {
    void *context;
    int64_t (*now_ms)(void *context); /* ms since 1970-01-01 UTC */
    satchel_random random;
    int32_t zone_minutes; /* the company's zone, east of UTC: when its days begin */
} satchel_service_platform;

/*
 * Makes or checks the tables (in a transaction of its own) and loads the company's schema. `db` is a writer and is
 * not kept. `platform` is copied. Errors: NEWER_FORMAT, MISUSE (a transaction is open), IO_ERROR, DISK_FULL,
 * DATABASE_ERROR, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_service_open(satchel_service **out, const satchel_service_platform *platform,
                                                     satchel_db *db, satchel_error *error);
void satchel_service_close(satchel_service *service);

const satchel_schema *satchel_service_schema(const satchel_service *service);
int64_t satchel_service_now_ms(const satchel_service *service);

/* --- the company --- */

#define SATCHEL_COMPANY_NAME_BYTES 128

typedef struct satchel_company {
    char name[SATCHEL_COMPANY_NAME_BYTES + 1];
    uint32_t epoch;
    uint64_t n; /* newest revision */
    uint8_t public_key[SATCHEL_SIGN_PUBLIC_BYTES];
} satchel_company;

/*
 * Writes: makes the company, with a new Ed25519 key pair and epoch 1. Errors: ALREADY_EXISTS, INVALID_ARGUMENT (name
 * empty), TOO_LONG, BAD_TEXT, RANDOM_FAILED and those of the database.
 */
SATCHEL_MUST_USE satchel_status satchel_company_init(const satchel_service *service, satchel_db *db, satchel_text name,
                                                     satchel_error *error);
/* Errors: NOT_FOUND (no init yet). */
SATCHEL_MUST_USE satchel_status satchel_company_get(const satchel_service *service, satchel_db *db,
                                                    satchel_company *out, satchel_error *error);

/* What the company asks of the stores on its phones; told at enrolment and, when it changes, by standing orders. */
typedef struct satchel_company_policy {
    uint8_t recovery_key[SATCHEL_SIGN_PUBLIC_BYTES]; /* X25519; zeros: no escrow */
    uint32_t flags;                                  /* satchel_store_policy of wire/enroll.h */
    uint32_t lease_days;                             /* a phone that does not sync for longer locks; 0: never */
    uint32_t minimum_app;                            /* major * 1,000,000 + minor * 1,000 + patch; 0: any */
} satchel_company_policy;

/* Nothing was asked: zeros. Errors: those of the database. */
SATCHEL_MUST_USE satchel_status satchel_store_policy_get(satchel_db *db, satchel_company_policy *out,
                                                         satchel_error *error);
/* Writes. Errors: NOT_FOUND (no company), OUT_OF_RANGE (lease), and those of the database. */
SATCHEL_MUST_USE satchel_status satchel_store_policy_set(const satchel_service *service, satchel_db *db,
                                                         const satchel_company_policy *policy, satchel_error *error);

/*
 * Writes: moves memberships whose dated assignments begin or end by today; returns at once if this day was done before.
 * To be called before an exchange or by a timer. `*out_due` of `day_due` tells, by a read, whether there is anything
 * to do; `gate` tells also whether the server is fenced (service/epoch.h), with no further read.
 */
SATCHEL_MUST_USE satchel_status satchel_service_gate(const satchel_service *service, satchel_db *db, bool *out_day_due,
                                                     bool *out_fenced, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_service_day_due(const satchel_service *service, satchel_db *db, bool *out_due,
                                                        satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_service_day(const satchel_service *service, satchel_db *db,
                                                    satchel_error *error);

/* What /healthz and /metrics show; all are read from the database, so any server of the company gives the same. */
typedef struct satchel_service_counts {
    uint64_t users, devices, devices_revoked;
    uint64_t units_applied, units_refused, units_parked, units_held, units_quarantined;
    uint64_t stored_answers; /* units whose stored result was given again */
    uint64_t digest_repairs; /* requests of phones whose rows were others than they should be: should be none */
    uint64_t digest_books;   /* times that digests had to be made anew: should be none */
    uint64_t conflicts, conflicts_open;
    uint64_t parked_open;
    uint64_t memberships;
    uint64_t audit_entries;
    uint64_t audit_alarms;          /* phones that showed what the audit does not hold */
    uint64_t role_troubles;         /* roles, or lines of their rules, that make no sense and give nothing */
    uint64_t backups, backup_age_s; /* verified ones; how long ago the newest was read back, 0 if there is none */
    uint64_t fenced;                /* satchel_fence: why phones are turned away */
    uint64_t n;
    uint32_t epoch;
} satchel_service_counts;
SATCHEL_MUST_USE satchel_status satchel_service_count(const satchel_service *service, satchel_db *db,
                                                      satchel_service_counts *out, satchel_error *error);

/*
 * Compares the chain with what was handed out and shown by phones. `contradicted` 0: it holds all of it; else the
 * lowest position that somebody holds otherwise, and who (none: the server's own list of checkpoints); `agreed`: the
 * highest one below it that still fits. Between the two the chain was cut or written anew.
 */
typedef struct satchel_audit_comparison {
    uint64_t entries;
    uint64_t witnesses; /* phones that showed a checkpoint */
    uint64_t contradicted;
    uint64_t agreed;
    satchel_id device;
} satchel_audit_comparison;
SATCHEL_MUST_USE satchel_status satchel_audit_compare(satchel_db *db, satchel_audit_comparison *out,
                                                      satchel_error *error);

/* Reads the audit chain from its start. `*out_bad` 0: all entries fit; else the number of the first that does not. */
SATCHEL_MUST_USE satchel_status satchel_audit_verify(satchel_db *db, uint64_t *out_bad, uint64_t *out_count,
                                                     satchel_error *error);

#endif
