/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands about who has a customer: claim it from the public pool, give it back, hand it to someone else.
 *
 * A customer of the pool has no owner and the state POOL; everybody sees its open fields. Whoever gives one up, or
 * loses it, is kept from claiming it for the days of protection.
 */
#include "service/command.h"

#include "base/error.h"
#include "base/ids.h"

#include <satchel/model.h>

#define DAY_MS INT64_C(86400000)

bool satchel_pool_holds(const satchel_record *record) {
    satchel_id owner = satchel_record_id(record, SATCHEL_CUSTOMER_OWNER);
    return satchel_id_is_none(&owner) &&
           satchel_record_int(record, SATCHEL_CUSTOMER_POOL_STATE, 0) == SATCHEL_POOL_STATE_POOL &&
           satchel_record_get(record, SATCHEL_CUSTOMER_MERGED_INTO) == NULL &&
           satchel_record_int(record, SATCHEL_CUSTOMER_ARCHIVED, 0) == 0;
}

static satchel_id owner_of(const satchel_order_given *given) {
    return satchel_record_id(&given->row.merged.value, SATCHEL_CUSTOMER_OWNER);
}

static int64_t since_of(const satchel_order_given *given) {
    return satchel_record_int(&given->row.merged.value, SATCHEL_CUSTOMER_POOL_SINCE, 0);
}

/* A customer that was merged away or put in the archive goes nowhere. */
static satchel_status check_standing(satchel_order_given *given) {
    const satchel_record *values = &given->row.merged.value;
    bool gone = satchel_record_get(values, SATCHEL_CUSTOMER_MERGED_INTO) != NULL ||
                satchel_record_int(values, SATCHEL_CUSTOMER_ARCHIVED, 0) != 0;
    return gone ? satchel_given_refuse(given, SATCHEL_ILLEGAL_STATE, SATCHEL_CUSTOMER_ARCHIVED,
                                       "the customer is archived or was merged into another")
                : SATCHEL_OK;
}

/* --- to an owner --- */

static satchel_status give_to(satchel_order_given *given, const satchel_id *user) {
    const satchel_change *change = given->change;
    const satchel_given_field fields[] = {{SATCHEL_CUSTOMER_OWNER, satchel_value_id(user)},
                                          {SATCHEL_CUSTOMER_POOL_STATE, satchel_value_int(SATCHEL_POOL_STATE_OWNED)},
                                          {SATCHEL_CUSTOMER_POOL_SINCE, satchel_value_time(change->now_ms)},
                                          {SATCHEL_CUSTOMER_PROTECTED_UNTIL, satchel_value_null()}};
    return satchel_given_put(given, fields, sizeof fields / sizeof *fields);
}

/* Could he own a customer at all: does some rule let him edit what is his? */
static bool could_own(const satchel_order_given *given) {
    const satchel_change *change = given->change;
    return satchel_access_allows(change->person->policy, &change->person->access, SATCHEL_ENTITY_CUSTOMER,
                                 SATCHEL_RELATION_OWN, SATCHEL_VERB_EDIT);
}

static satchel_status check_protection(satchel_order_given *given) {
    const satchel_change *change = given->change;
    int64_t until = 0;
    satchel_status status = SATCHEL_DB_NUMBER(
        change->db, given->error, &until, 0, "SELECT until_ms FROM pool_past WHERE customer = ?1 AND owner = ?2",
        satchel_value_id(&given->row.id), satchel_value_id(&change->author->user));
    if (status == SATCHEL_OK && until > change->now_ms) {
        status = satchel_given_refuse(given, SATCHEL_POOL_PROTECTED, SATCHEL_CUSTOMER_PROTECTED_UNTIL,
                                      "pool.protect_days: it was his own until a short time ago");
    }
    return status;
}

static satchel_status check_claims(satchel_order_given *given) {
    const satchel_change *change = given->change;
    int64_t most = 0;
    int64_t today = 0;
    satchel_status status = satchel_rule_get(change->db, SATCHEL_RULE_POOL_CLAIMS_A_DAY, &most, given->error);
    if (status == SATCHEL_OK && most > 0) {
        status = satchel_daily_get(change->db, SATCHEL_DAILY_CLAIMS, &change->author->user, change->day, &today,
                                   given->error);
    }
    return status == SATCHEL_OK && most > 0 && today >= most
               ? satchel_given_refuse(given, SATCHEL_POOL_CLAIMS, 0, "pool.claims_a_day is used up")
               : status;
}

static satchel_status check_holdings(satchel_order_given *given) {
    const satchel_change *change = given->change;
    int64_t most = 0;
    int64_t held = 0;
    satchel_status status = satchel_rule_get(change->db, SATCHEL_RULE_POOL_HOLDINGS, &most, given->error);
    if (status == SATCHEL_OK && most > 0) {
        status = SATCHEL_DB_NUMBER(change->db, given->error, &held, 0,
                                   "SELECT count(*) FROM \"customer\" WHERE \"owner\" = ?1 AND \"deleted\" = 0"
                                   " AND \"merged_into\" IS NULL AND coalesce(\"archived\", 0) = 0",
                                   satchel_value_id(&change->author->user));
    }
    return status == SATCHEL_OK && most > 0 && held >= most
               ? satchel_given_refuse(given, SATCHEL_POOL_HOLDINGS, 0, "pool.holdings is reached")
               : status;
}

/* It was his in an epoch that ended: it is again, unless somebody got it since. */
static satchel_status claim_again(satchel_order_given *given) {
    satchel_id winner;
    int64_t winner_ms = 0;
    bool behind = false;
    satchel_status status = satchel_given_is_behind(given, SATCHEL_CUSTOMER_OWNER, &behind, &winner, &winner_ms);
    if (status == SATCHEL_OK && behind) {
        winner = owner_of(given);
        return satchel_given_overtaken(given, SATCHEL_CUSTOMER_OWNER, &winner, winner_ms, "it was given away since");
    }
    return status == SATCHEL_OK ? give_to(given, &given->change->author->user) : status;
}

satchel_status satchel_command_claim(satchel_order_given *given) {
    satchel_status (*const checks[])(satchel_order_given *) = {check_protection, check_claims, check_holdings};
    satchel_change *change = given->change;
    satchel_id owner = owner_of(given);
    satchel_status status = SATCHEL_OK;
    if (satchel_id_is_none(&change->author->user)) {
        return satchel_given_refuse(given, SATCHEL_INVALID_ARGUMENT, 0, "a user claims, not the operator");
    }
    if (satchel_id_equal(&owner, &change->author->user)) {
        return SATCHEL_OK; /* it is his: he has what he asked for */
    }
    if (satchel_given_is_fact(given)) {
        return claim_again(given);
    }
    if (!satchel_pool_holds(&given->row.merged.value)) {
        return satchel_given_overtaken(given, SATCHEL_CUSTOMER_OWNER, &owner, since_of(given), "it is not in the pool");
    }
    if (!could_own(given)) {
        return satchel_given_refuse(given, SATCHEL_FORBIDDEN, 0, "no rule lets the user own a customer");
    }
    for (size_t i = 0; status == SATCHEL_OK && i < sizeof checks / sizeof *checks; i++) {
        status = checks[i](given);
        if (status == SATCHEL_OK && satchel_given_is_refused(given)) {
            return SATCHEL_OK;
        }
    }
    if (status == SATCHEL_OK) {
        status = give_to(given, &change->author->user);
    }
    return status == SATCHEL_OK
               ? satchel_daily_add(change->db, SATCHEL_DAILY_CLAIMS, &change->author->user, change->day, given->error)
               : status;
}

/* --- to the pool --- */

satchel_status satchel_pool_put(satchel_order_given *given) {
    satchel_change *change = given->change;
    satchel_id owner = owner_of(given);
    int64_t days = 0;
    satchel_status status = satchel_rule_get(change->db, SATCHEL_RULE_POOL_PROTECT_DAYS, &days, given->error);
    int64_t until = change->now_ms + days * DAY_MS;
    const satchel_given_field fields[] = {
        {SATCHEL_CUSTOMER_OWNER, satchel_value_null()},
        {SATCHEL_CUSTOMER_POOL_STATE, satchel_value_int(SATCHEL_POOL_STATE_POOL)},
        {SATCHEL_CUSTOMER_POOL_SINCE, satchel_value_time(change->now_ms)},
        {SATCHEL_CUSTOMER_PROTECTED_UNTIL, days > 0 ? satchel_value_time(until) : satchel_value_null()}};
    if (status == SATCHEL_OK && days > 0 && !satchel_id_is_none(&owner)) {
        status = SATCHEL_DB_RUN(change->db, given->error,
                                "INSERT INTO pool_past (customer, owner, until_ms) VALUES (?1, ?2, ?3)"
                                " ON CONFLICT (customer) DO UPDATE SET owner = excluded.owner,"
                                " until_ms = excluded.until_ms",
                                satchel_value_id(&given->row.id), satchel_value_id(&owner), satchel_value_time(until));
    }
    return status == SATCHEL_OK ? satchel_given_put(given, fields, sizeof fields / sizeof *fields) : status;
}

satchel_status satchel_command_release(satchel_order_given *given) {
    satchel_id owner = owner_of(given);
    bool his = !satchel_id_is_none(&owner) && satchel_id_equal(&owner, &given->change->author->user);
    if (satchel_pool_holds(&given->row.merged.value)) {
        return SATCHEL_OK;
    }
    satchel_status status = check_standing(given);
    if (status != SATCHEL_OK || satchel_given_is_refused(given)) {
        return status;
    }
    if (!satchel_given_may(given, SATCHEL_VERB_ASSIGN) && !(his && satchel_given_may(given, SATCHEL_VERB_EDIT))) {
        return satchel_given_refuse(given, SATCHEL_FORBIDDEN, 0, "only its owner gives a customer back");
    }
    return satchel_pool_put(given);
}

/* --- to someone else --- */

static satchel_status check_receiver(satchel_order_given *given, const satchel_id *user) {
    int64_t active = 0;
    satchel_status status =
        SATCHEL_DB_NUMBER(given->change->db, given->error, &active, 0,
                          "SELECT count(*) FROM \"user\" WHERE \"id\" = ?1 AND \"deleted\" = 0 AND \"active\" = 1",
                          satchel_value_id(user));
    return status == SATCHEL_OK && active == 0
               ? satchel_given_refuse(given, SATCHEL_REFERENCE_MISSING, SATCHEL_CUSTOMER_OWNER, "no such active user")
               : status;
}

/* Whether somebody has to agree first: those who could agree themselves need not ask. */
static satchel_status needs_approval(satchel_order_given *given, int64_t *out_steps) {
    satchel_status status = SATCHEL_OK;
    *out_steps = 0;
    if (!given->approved) {
        status = satchel_rule_get(given->change->db, SATCHEL_RULE_APPROVE_TRANSFER, out_steps, given->error);
    }
    bool decides =
        satchel_given_decides(given, SATCHEL_VERB_ASSIGN) && satchel_given_decides(given, SATCHEL_VERB_APPROVE);
    *out_steps = decides ? 0 : *out_steps;
    return status;
}

static satchel_status check_behind(satchel_order_given *given) {
    satchel_id winner;
    int64_t winner_ms = 0;
    bool behind = false;
    satchel_status status = satchel_given_is_behind(given, SATCHEL_CUSTOMER_OWNER, &behind, &winner, &winner_ms);
    satchel_id owner = owner_of(given);
    return status == SATCHEL_OK && behind ? satchel_given_overtaken(given, SATCHEL_CUSTOMER_OWNER, &owner, winner_ms,
                                                                    "it was given to someone else meanwhile")
                                          : status;
}

satchel_status satchel_command_transfer(satchel_order_given *given) {
    satchel_id to = satchel_record_id(&given->op->set, SATCHEL_CUSTOMER_OWNER);
    satchel_id owner = owner_of(given);
    int64_t steps = 0;
    if (satchel_id_is_none(&to)) {
        return satchel_given_refuse(given, SATCHEL_REQUIRED_MISSING, SATCHEL_CUSTOMER_OWNER, "to whom?");
    }
    if (satchel_id_equal(&to, &owner)) {
        return SATCHEL_OK;
    }
    satchel_status (*const checks[])(satchel_order_given *) = {check_standing, check_behind};
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; status == SATCHEL_OK && !satchel_given_is_refused(given) && i < 2; i++) {
        status = checks[i](given);
    }
    if (status == SATCHEL_OK && !satchel_given_is_refused(given)) {
        status = check_receiver(given, &to);
    }
    if (status == SATCHEL_OK) {
        status = needs_approval(given, &steps);
    }
    if (status != SATCHEL_OK || satchel_given_is_refused(given)) {
        return status;
    }
    bool may = given->approved || satchel_given_may(given, steps > 0 ? SATCHEL_VERB_EDIT : SATCHEL_VERB_ASSIGN);
    if (!may) {
        return satchel_given_refuse(given, SATCHEL_FORBIDDEN, SATCHEL_CUSTOMER_OWNER,
                                    "no rule lets the user give this customer to others");
    }
    return steps > 0 ? satchel_approval_ask(given, steps) : give_to(given, &to);
}
