/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands: what phones and managers ask the server to do. core/doc/commands.md explains each.
 *
 * A command is an op: it runs inside its change, under the savepoint of its unit, so all of it holds or nothing. A
 * refusal is a decision, not an error.
 */
#ifndef SATCHEL_SERVER_SERVICE_COMMAND_H
#define SATCHEL_SERVER_SERVICE_COMMAND_H

#include "service/journal.h"

/* One command under way. */
typedef struct satchel_order_given {
    satchel_change *change;
    const satchel_op *op;
    satchel_op_decision *decision;
    satchel_stored_row row; /* its subject */
    satchel_standing standing;
    uint32_t relations; /* of the person to the subject, now */
    bool approved;      /* it was asked for and approved: rights were checked then */
    satchel_id asker;   /* who asked; the author, unless it was approved */
    satchel_error *error;
} satchel_order_given;

/* Decides on a COMMAND and carries it out. Errors: those of the database, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_command_decide(satchel_change *change, const satchel_op *op,
                                                       satchel_op_decision *out, satchel_error *error);

/* Carries out what was approved: `asker` asked for `op`. A refusal is a decision again. */
SATCHEL_MUST_USE satchel_status satchel_command_approved(satchel_change *change, const satchel_op *op,
                                                         const satchel_id *asker, satchel_op_decision *out,
                                                         satchel_error *error);

/* --- for the commands themselves --- */

SATCHEL_MUST_USE satchel_status satchel_given_refuse(satchel_order_given *given, satchel_status why, uint32_t field,
                                                     const char *rule);
/* Somebody was first: OVERTAKEN with his name (none: nobody's), which the reply shows if it may be seen. */
SATCHEL_MUST_USE satchel_status satchel_given_overtaken(satchel_order_given *given, uint32_t field,
                                                        const satchel_id *winner, int64_t winner_ms, const char *rule);
bool satchel_given_is_refused(const satchel_order_given *given);

/* May the person do `verb` to the subject? */
bool satchel_given_may(const satchel_order_given *given, satchel_verb verb);

/* The same by rights alone: whether somebody has to agree is not settled by being a decided fact of a lost stretch. */
bool satchel_given_decides(const satchel_order_given *given, satchel_verb verb);
/* Was it decided in an epoch that ended? Then rules that had been kept are not asked again. */
bool satchel_given_is_fact(const satchel_order_given *given);

/* Puts fields into the subject, ascending by number, and saves it. */
typedef struct satchel_given_field {
    uint32_t number;
    satchel_value value;
} satchel_given_field;
SATCHEL_MUST_USE satchel_status satchel_given_put(satchel_order_given *given, const satchel_given_field *fields,
                                                  uint32_t count);

/* Was the field written after the op's base by someone else's store? `out` gets who wrote it. */
SATCHEL_MUST_USE satchel_status satchel_given_is_behind(satchel_order_given *given, uint32_t field, bool *out_behind,
                                                        satchel_id *out_winner, int64_t *out_ms);

/* The commands, by number. */
SATCHEL_MUST_USE satchel_status satchel_command_claim(satchel_order_given *given);
SATCHEL_MUST_USE satchel_status satchel_command_release(satchel_order_given *given);
SATCHEL_MUST_USE satchel_status satchel_command_transfer(satchel_order_given *given);
SATCHEL_MUST_USE satchel_status satchel_command_merge(satchel_order_given *given);
SATCHEL_MUST_USE satchel_status satchel_command_unmerge(satchel_order_given *given);
SATCHEL_MUST_USE satchel_status satchel_command_approval(satchel_order_given *given);
SATCHEL_MUST_USE satchel_status satchel_command_submit_order(satchel_order_given *given);
SATCHEL_MUST_USE satchel_status satchel_command_change_plan(satchel_order_given *given);
SATCHEL_MUST_USE satchel_status satchel_command_resolve(satchel_order_given *given);

/* May the person decide on a conflict: write every field that it is about? */
SATCHEL_MUST_USE satchel_status satchel_conflict_may_decide(satchel_change *change, const satchel_stored_row *conflict,
                                                            bool *out, satchel_error *error);

/* --- approvals --- */

/*
 * Asks for an approval in `steps` steps (≥ 1) instead of carrying the command out: applied, with APPROVAL_PENDING as
 * its status. Refused with APPROVAL_PENDING if one of the subject waits already.
 */
SATCHEL_MUST_USE satchel_status satchel_approval_ask(satchel_order_given *given, int64_t steps);

/* Ends what waits for an approval of the row: it is asked for anew, or came otherwise. */
SATCHEL_MUST_USE satchel_status satchel_approval_end(satchel_change *change, const satchel_id *row,
                                                     satchel_error *error);

/* Did the person approve an earlier step of what `given` decides on, and may nobody approve two? */
SATCHEL_MUST_USE satchel_status satchel_approval_decided_before(satchel_order_given *given, bool *out);

#define SATCHEL_APPROVAL_STEPS_MOST 5

/* --- the company's rules: numbers by name, in the table company_rule --- */

typedef enum satchel_rule {
    SATCHEL_RULE_POOL_RECYCLE_DAYS, /* without follow-up or deal; 0: nothing is recycled */
    SATCHEL_RULE_POOL_WARN_DAYS,    /* before that the owner gets a task */
    SATCHEL_RULE_POOL_CLAIMS_A_DAY, /* 0: no cap */
    SATCHEL_RULE_POOL_HOLDINGS,     /* 0: no cap */
    SATCHEL_RULE_POOL_PROTECT_DAYS, /* whoever lost it does not claim it for so long */
    SATCHEL_RULE_APPROVE_ALONE,     /* 1: one person may approve several steps of one thing */
    SATCHEL_RULE_APPROVE_TRANSFER,  /* steps; 0: none is needed */
    SATCHEL_RULE_APPROVE_PLAN,      /* steps of a rep's change, at least 1 */
    SATCHEL_RULE_APPROVE_DISCOUNT,  /* steps above the limit; 0: none is needed */
    SATCHEL_RULE_DISCOUNT_LIMIT_BP, /* of a line or an order */
    SATCHEL_RULE_DUPLICATE_ANSWERS, /* a user and day; 0: duplicates are not looked for */
    SATCHEL_RULE_COUNT
} satchel_rule;

typedef struct satchel_rule_info {
    const char *name;
    int64_t otherwise; /* while nothing was set */
    int64_t least, most;
} satchel_rule_info;
/* NULL for a number that is none. */
const satchel_rule_info *satchel_rule_of(uint32_t rule);
SATCHEL_MUST_USE satchel_status satchel_rule_get(satchel_db *db, satchel_rule rule, int64_t *out, satchel_error *error);

/* --- counts of a user and day --- */

typedef enum satchel_daily { SATCHEL_DAILY_CLAIMS = 1, SATCHEL_DAILY_DUPLICATES = 2 } satchel_daily;
SATCHEL_MUST_USE satchel_status satchel_daily_get(satchel_db *db, satchel_daily kind, const satchel_id *user,
                                                  int64_t day, int64_t *out, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_daily_add(satchel_db *db, satchel_daily kind, const satchel_id *user,
                                                  int64_t day, satchel_error *error);

/* --- merged customers --- */

/* The customer that stands for this one now, itself if it was never merged away. Follows chains. */
SATCHEL_MUST_USE satchel_status satchel_customer_survivor(satchel_db *db, const satchel_id *customer, satchel_id *out,
                                                          satchel_error *error);

/*
 * Lets an op that names a merged-away customer mean the survivor. `*out_gone`: what its row was, none if that did not
 * change. References in `set` change in place.
 */
SATCHEL_MUST_USE satchel_status satchel_op_to_survivor(satchel_change *change, satchel_op *op, satchel_id *out_gone,
                                                       satchel_error *error);

/* --- what follows from facts --- */

/*
 * After a row was stored: the customer's last visit, order and follow-up, its first visit; a warned customer that was
 * followed up is owned again. `row` as it is now, at `anchor`.
 */
SATCHEL_MUST_USE satchel_status satchel_pool_follow(satchel_change *change, const satchel_stored_row *row,
                                                    const satchel_id *anchor, satchel_error *error);

/* Keeps the keys of a customer that was stored; flags a new one of a phone or manager that exists already elsewhere. */
SATCHEL_MUST_USE satchel_status satchel_duplicate_note(satchel_change *change, satchel_stored_row *row, bool created,
                                                       const satchel_op *op, satchel_error *error);

/* Puts the subject, a customer, into the pool; whoever had it is kept from claiming it for the days of protection. */
SATCHEL_MUST_USE satchel_status satchel_pool_put(satchel_order_given *given);

/* Is the customer in the public pool? `record`: its values. */
bool satchel_pool_holds(const satchel_record *record);

#endif
