/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change: everything that gets one revision n. A phone's unit is one, a manager's edit is one, an import is one.
 *
 * begin → any number of ops, inserts and puts → finish (derived totals, heads of scopes, audit, the counter). Nothing
 * is seen by others before the transaction commits; whoever gives a change up rolls back to a savepoint that was set
 * before begin.
 */
#ifndef SATCHEL_SERVER_SERVICE_CHANGE_H
#define SATCHEL_SERVER_SERVICE_CHANGE_H

#include "service/audit.h"
#include "service/standing.h"
#include "wire/answer.h"

/* Who writes, as versions name him. */
typedef struct satchel_author {
    uint64_t incarnation;      /* interned number; 0: the server itself */
    satchel_id incarnation_id; /* none for the server itself */
    satchel_id device;         /* none on the server */
    satchel_id user;
    satchel_writer ancestors[8]; /* of the lineage, with the last sequence before each fork */
    uint32_t ancestor_count;
} satchel_author;

/* An order whose totals are to be derived when the change ends. */
typedef struct satchel_touched_order {
    satchel_id id;
    bool created;   /* in this change: it takes lines whatever its state */
    bool submitted; /* it became submitted in this change */
    bool approved;  /* … because somebody approved it */
    bool waits;     /* … and waits for an approval instead */
} satchel_touched_order;

/* Several changes of one transaction: what each would write at its end, and the next one would write again, waits. */
typedef struct satchel_change_batch {
    satchel_touched touched;
    bool time_noted;
    int64_t noted_ms; /* time that the newest row of revision_time holds */
    bool lag_known;   /* `lags`, as in a change; it can only become false while the batch lasts */
    bool lags;
    bool merges_known; /* `merges` says whether any customer was merged into another */
    bool merges;
} satchel_change_batch;

typedef struct satchel_change {
    const satchel_service *service;
    satchel_db *db;
    satchel_arena *arena;     /* of the present op; what must last lives in touched.arena */
    satchel_counter *counter; /* of the transaction; its n is the last one given */
    const satchel_person *person;
    const satchel_scope_list *scopes; /* of the person; NULL on the server's own behalf */
    const satchel_author *author;
    bool by_phone;
    bool parks;   /* the phone is being retired: its ops are kept for people, none is applied */
    bool trusted; /* the operator or the server itself: no access rules */
    int64_t now_ms;
    int64_t day;
    uint64_t n;
    int64_t stamp_ms;
    uint64_t base_cap;
    satchel_revision seen;
    uint64_t sequence; /* of the op being applied */
    uint64_t fact_n; /* revision that it had in an epoch that ended: decided then (returned.h); 0: it is decided now */
    satchel_touched touched;
    satchel_touched_order *orders;
    uint32_t order_count;
    uint32_t order_capacity;
    satchel_id_list weighed; /* roots whose children were found to fit */
    uint32_t conflicts;
    uint64_t journalled; /* conflict rows made in all, for their ids */
    uint32_t parked;
    bool defers;    /* moved customers are noted, their memberships follow: realign.h */
    bool withdraws; /* scopes are left, none is entered */
    bool lag_known; /* `lags` says whether memberships of any customer wait */
    bool lags;
    bool moved;                  /* something was written */
    satchel_change_batch *batch; /* NULL: the change stands alone */
} satchel_change;

/* Takes the next n. Members that the caller sets after it: by_phone, trusted, scopes, seen, stamp_ms (else now). */
void satchel_change_begin(satchel_change *change, const satchel_service *service, satchel_db *db, satchel_arena *arena,
                          satchel_counter *counter, const satchel_person *person, const satchel_author *author);

/*
 * Ends it: derives, checks submitted orders, moves the scopes' heads, notes n's time, writes the audit entry (NULL:
 * none) and the counter. A change that moved nothing gives its n back. Errors: refusals of what only shows at the end
 * (REQUIRED_MISSING of a submitted order, OUT_OF_RANGE of a total), and those of the database.
 */
SATCHEL_MUST_USE satchel_status satchel_change_finish(satchel_change *change, const satchel_audit_entry *audit,
                                                      satchel_error *error);

/* Ends a batch: heads of scopes and the counter. */
SATCHEL_MUST_USE satchel_status satchel_change_batch_end(satchel_change_batch *batch, satchel_db *db,
                                                         const satchel_counter *counter, satchel_error *error);

/* What became of one op. */
typedef struct satchel_op_decision {
    satchel_result_code code;
    satchel_status status; /* why, if it was not applied as it is */
    uint32_t field;
    const char *rule; /* in the arena, may be NULL */
    uint64_t held_by;
    bool created;
    satchel_result_loss *losses; /* without values: these are read when the answer is made */
    uint32_t loss_count;
    satchel_place place; /* of the row; what it is parked under */
} satchel_op_decision;

/*
 * Decides on one op and carries it out. Refusals and parkings are decisions, not errors. `op` may be completed with
 * what the server fills in. Errors: those of the database, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_change_op(satchel_change *change, satchel_op *op, satchel_op_decision *out,
                                                  satchel_error *error);

/* Do the rows exist that the op names besides root and anchor? REFERENCE_MISSING with the field otherwise. */
SATCHEL_MUST_USE satchel_status satchel_change_check_references(satchel_change *change, const satchel_op *op,
                                                                satchel_error *error);

/* Do all children of the op's root fit one page? Asked when all ops of the change are in. LIMIT_EXCEEDED otherwise. */
SATCHEL_MUST_USE satchel_status satchel_change_check_weight(satchel_change *change, const satchel_op *op,
                                                            satchel_error *error);

/* --- rows that the server makes itself: no merging, no access --- */

/* Gives a field a value (NULL empties it), with a version. */
SATCHEL_MUST_USE satchel_status satchel_change_put(satchel_change *change, satchel_stored_row *row, uint32_t field,
                                                   const satchel_value *value);

/* A new row from a record. `out` may be NULL. */
SATCHEL_MUST_USE satchel_status satchel_change_insert(satchel_change *change, uint32_t entity, const satchel_id *id,
                                                      const satchel_record *record, satchel_stored_row *out,
                                                      satchel_error *error);

/* Saves a row whose `changed` fields were put, and moves its memberships. */
SATCHEL_MUST_USE satchel_status satchel_change_save(satchel_change *change, satchel_stored_row *row,
                                                    const uint32_t *changed, uint32_t changed_count,
                                                    satchel_error *error);

/* Recomputes the scopes of everything that hangs on a customer (after a move, or when a dated assignment begins or
 * ends). */
SATCHEL_MUST_USE satchel_status satchel_change_refresh(satchel_change *change, const satchel_id *customer,
                                                       satchel_error *error);

/* The lines of an order that are not deleted, in the present arena. */
SATCHEL_MUST_USE satchel_status satchel_change_order_lines(satchel_change *change, const satchel_id *order,
                                                           satchel_record **out, size_t *count, satchel_error *error);

/* Notes an order whose totals are to be derived. */
SATCHEL_MUST_USE satchel_status satchel_change_touch_order(satchel_change *change, const satchel_id *order,
                                                           bool created, bool submitted);

/* Is it a truth about the field (check-in, order, append-only row), which is kept even if the row went to someone else?
 */
bool satchel_entity_is_field_fact(const satchel_entity *entity);

#endif
