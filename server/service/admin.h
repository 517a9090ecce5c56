/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What administrators and managers do on the server: users, territories, assignments, codes, devices; rows of every
 * entity; conflicts and parked edits. Each call is checked against the actor's rights and is one revision.
 */
#ifndef SATCHEL_SERVER_SERVICE_ADMIN_H
#define SATCHEL_SERVER_SERVICE_ADMIN_H

#include "service/service.h"
#include "wire/orders.h"

/* Who acts. `system` is the operator at the unix socket of the machine: an administrator who is no user. */
typedef struct satchel_actor {
    bool system;
    satchel_id user; /* if not system */
} satchel_actor;

static inline satchel_actor satchel_actor_system(void) {
    satchel_actor actor = {true, {{0}}};
    return actor;
}
static inline satchel_actor satchel_actor_user(const satchel_id *user) {
    satchel_actor actor = {false, *user};
    return actor;
}

/*
 * Common errors: FORBIDDEN, OUT_OF_SCOPE (absent or not his to see), those of validation (error->field names the
 * field), NOT_FOUND, and those of the database.
 */

/* --- people and places (all write) --- */

typedef struct satchel_new_user {
    satchel_text login; /* unique, 1 … 64 bytes */
    satchel_text name;
    uint64_t roles;           /* bit r = role r */
    satchel_id manager;       /* none: nobody */
    satchel_id territory;     /* none: no territory of his own */
    satchel_text external_id; /* may be empty */
} satchel_new_user;
/* Errors: ALREADY_EXISTS (login), REFERENCE_MISSING (manager, territory), INVALID_ARGUMENT (no role). */
SATCHEL_MUST_USE satchel_status satchel_user_add(const satchel_service *service, satchel_db *db,
                                                 const satchel_actor *actor, const satchel_new_user *user,
                                                 satchel_id *out, satchel_error *error);

/* What a change of a user leaves as it is: a NULL member. */
typedef struct satchel_user_change {
    const satchel_text *name;
    const uint64_t *roles;
    const satchel_id *manager; /* pointing to none: takes it away */
    const satchel_id *territory;
    const bool *active;
} satchel_user_change;
/* Errors: NOT_FOUND, REFERENCE_MISSING, INVALID_ARGUMENT (he would report to himself, directly or not). */
SATCHEL_MUST_USE satchel_status satchel_user_change_to(const satchel_service *service, satchel_db *db,
                                                       const satchel_actor *actor, const satchel_id *user,
                                                       const satchel_user_change *change, satchel_error *error);
/* Reads. Errors: NOT_FOUND. */
SATCHEL_MUST_USE satchel_status satchel_user_named(const satchel_service *service, satchel_db *db, satchel_text login,
                                                   satchel_id *out, satchel_error *error);

/* Errors: REFERENCE_MISSING (parent). A given external id makes it an upsert. */
SATCHEL_MUST_USE satchel_status satchel_territory_add(const satchel_service *service, satchel_db *db,
                                                      const satchel_actor *actor, satchel_text name,
                                                      const satchel_id *parent, satchel_text external_id,
                                                      satchel_id *out, satchel_error *error);

/*
 * Covers a customer or, if `customer` is none, a territory. Days since 1970-01-01, both included; SATCHEL_DAY_OPEN =
 * no end.
 */
#define SATCHEL_DAY_OPEN INT64_MAX
typedef struct satchel_new_assignment {
    satchel_id user;
    satchel_id customer;
    satchel_id territory;
    int64_t first_day;
    int64_t last_day;
} satchel_new_assignment;
/* Errors: REFERENCE_MISSING, INVALID_ARGUMENT (both or neither object, last before first). */
SATCHEL_MUST_USE satchel_status satchel_assignment_add(const satchel_service *service, satchel_db *db,
                                                       const satchel_actor *actor, const satchel_new_assignment *given,
                                                       satchel_id *out, satchel_error *error);
/* Changes its last day (a day before the first: it never was). */
SATCHEL_MUST_USE satchel_status satchel_assignment_end(const satchel_service *service, satchel_db *db,
                                                       const satchel_actor *actor, const satchel_id *assignment,
                                                       int64_t last_day, satchel_error *error);

/*
 * Gives a customer to another owner and/or territory; NULL leaves as is, none takes away. Rows that hang on it move
 * too.
 */
SATCHEL_MUST_USE satchel_status satchel_customer_reassign(const satchel_service *service, satchel_db *db,
                                                          const satchel_actor *actor, const satchel_id *customer,
                                                          const satchel_id *owner, const satchel_id *territory,
                                                          satchel_error *error);

/* --- codes and devices --- */

#define SATCHEL_CODE_LIFE_MS INT64_C(900000) /* 15 minutes */

typedef struct satchel_issued_code {
    uint8_t code[SATCHEL_CODE_BYTES];
    uint8_t server_key[SATCHEL_PUBLIC_KEY_BYTES];
    int64_t expires_ms;
} satchel_issued_code;
/* Writes. Errors: NOT_FOUND, FORBIDDEN, RANDOM_FAILED. */
SATCHEL_MUST_USE satchel_status satchel_code_issue(const satchel_service *service, satchel_db *db,
                                                   const satchel_actor *actor, const satchel_id *user,
                                                   satchel_issued_code *out, satchel_error *error);

typedef struct satchel_device_row {
    satchel_id id;
    satchel_id user;
    satchel_text name;
    satchel_text platform;
    int64_t enrolled_ms;
    int64_t seen_ms; /* last exchange that moved something */
    uint64_t applied_through;
    bool revoked;
    satchel_order_command command;     /* what it was told to do */
    bool orders_pending;               /* it has not said yet that it carried out what is ordered now */
    satchel_receipt_kind receipt_kind; /* 0: it did not say that it ended */
    int64_t receipt_ms;
    bool lost_counted;         /* of a receipt: `lost` is known */
    uint64_t lost;             /* changes and items that were on it and reached nobody */
    uint64_t witness_position; /* of the checkpoint of the audit that it showed last; 0: none */
    uint64_t bad_position;     /* of one that it showed and the audit does not hold; 0: none */
} satchel_device_row;
/*
 * Called for each, in order of enrolment; texts live until the return. A status other than OK ends the walk and is
 * returned.
 */
typedef satchel_status (*satchel_device_visitor)(void *context, const satchel_device_row *row);
SATCHEL_MUST_USE satchel_status satchel_devices_list(const satchel_service *service, satchel_db *db,
                                                     const satchel_actor *actor, satchel_device_visitor visit,
                                                     void *context, satchel_error *error);
/* Writes. Its next exchange is answered with REVOKED. Errors: NOT_FOUND. */
SATCHEL_MUST_USE satchel_status satchel_device_revoke(const satchel_service *service, satchel_db *db,
                                                      const satchel_actor *actor, const satchel_id *device,
                                                      satchel_error *error);

/* Writes. It is answered with REVOKED and told to destroy its keys at once. Errors: NOT_FOUND. */
SATCHEL_MUST_USE satchel_status satchel_device_order_wipe(const satchel_service *service, satchel_db *db,
                                                          const satchel_actor *actor, const satchel_id *device,
                                                          satchel_error *error);
/*
 * Writes. What it still sends is parked for supervisors; then it wipes itself and says so, and is revoked.
 * Errors: NOT_FOUND, REVOKED.
 */
SATCHEL_MUST_USE satchel_status satchel_device_order_retirement(const satchel_service *service, satchel_db *db,
                                                                const satchel_actor *actor, const satchel_id *device,
                                                                satchel_error *error);

/* --- rows of every entity --- */

/* What became of a write. */
typedef struct satchel_write_outcome {
    satchel_id id;
    uint64_t n; /* its revision; the newest one of the row if nothing changed */
    bool created;
    bool changed;
    uint32_t conflicts; /* conflict records that it made */
} satchel_write_outcome;

/*
 * Writes. `id` none: a new id is made. Merges like any other writer's op: what was changed since `base_n` (0 with
 * EDIT: the present revision) by others is a conflict of that field. `cleared` are fields to empty. Only what differs
 * is written. Errors: common, ALREADY_EXISTS (create of an id that exists), REFERENCE_MISSING, LATE_FOR_PARENT,
 * IMMUTABLE.
 */
SATCHEL_MUST_USE satchel_status satchel_served_row_create(const satchel_service *service, satchel_db *db,
                                                          const satchel_actor *actor, uint32_t entity,
                                                          const satchel_id *id, const satchel_record *record,
                                                          satchel_write_outcome *out, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_served_row_edit(const satchel_service *service, satchel_db *db,
                                                        const satchel_actor *actor, uint32_t entity,
                                                        const satchel_id *id, uint64_t base_n,
                                                        const satchel_record *record, const uint32_t *cleared,
                                                        uint32_t cleared_count, satchel_write_outcome *out,
                                                        satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_served_row_delete(const satchel_service *service, satchel_db *db,
                                                          const satchel_actor *actor, uint32_t entity,
                                                          const satchel_id *id, satchel_write_outcome *out,
                                                          satchel_error *error);

/*
 * Reads what the actor may see of a row, with `revision`, `created_*`, `updated_*` of his view. `out` is initialised
 * on its arena.
 */
SATCHEL_MUST_USE satchel_status satchel_served_row_read(const satchel_service *service, satchel_db *db,
                                                        const satchel_actor *actor, uint32_t entity,
                                                        const satchel_id *id, satchel_record *out, uint64_t *out_n,
                                                        satchel_error *error);

/* Live row whose `external_id` is this. Errors: NOT_FOUND, UNSUPPORTED (the entity has no external id). */
SATCHEL_MUST_USE satchel_status satchel_served_row_by_external_id(const satchel_service *service, satchel_db *db,
                                                                  uint32_t entity, satchel_text external_id,
                                                                  satchel_id *out, satchel_error *error);

/*
 * A page of rows that the actor may read, as far as he may see them. `out_next` gets where to go on, empty at the end.
 * Visitor as for devices. Errors: as satchel_query_compile; UNKNOWN_FIELD, FORBIDDEN: the query names a field that the
 * actor does not read in every row that he may read (core/doc/access.md).
 */
typedef satchel_status (*satchel_served_row_visitor)(void *context, const satchel_id *id, const satchel_record *record,
                                                     uint64_t n);
SATCHEL_MUST_USE satchel_status satchel_rows_list(const satchel_service *service, satchel_db *db,
                                                  const satchel_actor *actor, const satchel_query *query,
                                                  satchel_bytes keyset, uint32_t limit,
                                                  satchel_served_row_visitor visit, void *context,
                                                  satchel_buffer *out_next, satchel_error *error);

/*
 * Many rows as one revision: `put` upserts by external id where the record has one (else by `id`, else creates); a row
 * that the actor does not see is not found by its external id. A failing row leaves the others as they are. `close`
 * writes the audit entry; NULL is fine. One bulk at a time a transaction.
 */
typedef struct satchel_bulk satchel_bulk;
SATCHEL_MUST_USE satchel_status satchel_bulk_open(satchel_bulk **out, const satchel_service *service, satchel_db *db,
                                                  const satchel_actor *actor, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_bulk_put(satchel_bulk *bulk, uint32_t entity, const satchel_id *id,
                                                 const satchel_record *record, satchel_write_outcome *out,
                                                 satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_bulk_close(satchel_bulk *bulk, satchel_error *error);

/* --- what needs a person --- */

/* Conflicts are rows of entity `conflict` and parked edits of `parked_edit`: satchel_rows_list shows them. */
typedef enum satchel_decision {
    SATCHEL_DECISION_KEEP = 1,   /* what stands, stands */
    SATCHEL_DECISION_RESTORE = 2 /* the losing value, or the parked edit, is written as an edit of the actor */
} satchel_decision;
/*
 * Write. Errors: NOT_FOUND, OUT_OF_SCOPE, OVERTAKEN (decided already), FORBIDDEN (a parked edit as a whole is decided
 * on by those who may assign its row), and those of the edit.
 */
SATCHEL_MUST_USE satchel_status satchel_conflict_decide(const satchel_service *service, satchel_db *db,
                                                        const satchel_actor *actor, const satchel_id *conflict,
                                                        satchel_decision decision, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_parked_decide(const satchel_service *service, satchel_db *db,
                                                      const satchel_actor *actor, const satchel_id *parked,
                                                      satchel_decision decision, satchel_error *error);

/*
 * Reads what a parked edit meant: the op, opened and decoded, with the fields that the actor may see. For lists.
 * Errors: NOT_FOUND, DAMAGED.
 */
SATCHEL_MUST_USE satchel_status satchel_parked_op(const satchel_service *service, satchel_db *db,
                                                  const satchel_actor *actor, const satchel_id *parked,
                                                  satchel_arena *arena, satchel_op *out, satchel_error *error);

/* --- why a row is as it is --- */

typedef enum satchel_fate_kind {
    SATCHEL_FATE_THERE = 0,
    SATCHEL_FATE_DELETED = 1,
    SATCHEL_FATE_ABSENT = 2,
    SATCHEL_FATE_IN_REACH = 3, /* of the device that was asked about */
    SATCHEL_FATE_OUT_OF_REACH = 4,
    SATCHEL_FATE_REFUSED = 5,
    SATCHEL_FATE_PARKED = 6,
    SATCHEL_FATE_CONFLICT = 7,
    SATCHEL_FATE_UNMADE = 8 /* a phone made the row and the server did not: its dependents are held */
} satchel_fate_kind;

typedef struct satchel_row_fate {
    satchel_fate_kind kind;
    satchel_status status; /* what explains it */
    satchel_text rule;     /* for administrators; may be empty */
    satchel_id user;       /* whose op it was; THERE: whose row it is */
    satchel_id device;
    uint64_t sequence;
    int64_t at_ms;
    bool open;         /* a person still has to decide */
    satchel_id keeper; /* PARKED: who decides on it; none: the administrators */
} satchel_row_fate;

/* First how the row stands, then whether `device` (none: not asked) reaches it, then what became of ops on it. */
typedef satchel_status (*satchel_fate_visitor)(void *context, const satchel_row_fate *fate);
/* Reads; for administrators. Errors: common, NOT_FOUND (the device). */
SATCHEL_MUST_USE satchel_status satchel_row_why(const satchel_service *service, satchel_db *db,
                                                const satchel_actor *actor, uint32_t entity, const satchel_id *id,
                                                const satchel_id *device, satchel_fate_visitor visit, void *context,
                                                satchel_error *error);
/* A plain sentence ("zh…": Chinese). Static. */
const char *satchel_fate_text(satchel_fate_kind kind, const char *language);

/* Units that were set aside after an unexpected failure: counts in satchel_service_counts; bytes for an operator. */
typedef satchel_status (*satchel_kept_visitor)(void *context, const satchel_id *device, uint64_t first_sequence,
                                               satchel_status reason, int64_t at_ms, satchel_bytes unit);
SATCHEL_MUST_USE satchel_status satchel_quarantine_list(const satchel_service *service, satchel_db *db,
                                                        const satchel_actor *actor, satchel_kept_visitor visit,
                                                        void *context, satchel_error *error);

#endif
