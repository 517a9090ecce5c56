/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The company's rules as numbers by name, and what users did today. Both are tables of their own: a rule that was never
 * set has the value that stands here.
 */
#include "service/command.h"

#include "base/error.h"
#include "base/text.h"

static const satchel_rule_info rules[SATCHEL_RULE_COUNT] = {
    [SATCHEL_RULE_POOL_RECYCLE_DAYS] = {"pool.recycle_days", 0, 0, 3650},
    [SATCHEL_RULE_POOL_WARN_DAYS] = {"pool.warn_days", 7, 0, 365},
    [SATCHEL_RULE_POOL_CLAIMS_A_DAY] = {"pool.claims_a_day", 0, 0, 100000},
    [SATCHEL_RULE_POOL_HOLDINGS] = {"pool.holdings", 0, 0, 1000000},
    [SATCHEL_RULE_POOL_PROTECT_DAYS] = {"pool.protect_days", 0, 0, 3650},
    [SATCHEL_RULE_APPROVE_ALONE] = {"approve.one_person", 0, 0, 1},
    [SATCHEL_RULE_APPROVE_TRANSFER] = {"approve.transfer", 0, 0, SATCHEL_APPROVAL_STEPS_MOST},
    [SATCHEL_RULE_APPROVE_PLAN] = {"approve.plan", 1, 1, SATCHEL_APPROVAL_STEPS_MOST},
    [SATCHEL_RULE_APPROVE_DISCOUNT] = {"approve.discount", 0, 0, SATCHEL_APPROVAL_STEPS_MOST},
    [SATCHEL_RULE_DISCOUNT_LIMIT_BP] = {"discount.limit_bp", 10000, 0, 10000},
    [SATCHEL_RULE_DUPLICATE_ANSWERS] = {"duplicate.answers_a_day", 20, 0, 100000},
};

const satchel_rule_info *satchel_rule_of(uint32_t rule) {
    return rule < SATCHEL_RULE_COUNT ? &rules[rule] : NULL;
}

satchel_status satchel_rule_get(satchel_db *db, satchel_rule rule, int64_t *out, satchel_error *error) {
    return SATCHEL_DB_NUMBER(db, error, out, rules[rule].otherwise, "SELECT value FROM company_rule WHERE name = ?1",
                             satchel_value_text(satchel_text_of(rules[rule].name)));
}

satchel_status satchel_daily_get(satchel_db *db, satchel_daily kind, const satchel_id *user, int64_t day, int64_t *out,
                                 satchel_error *error) {
    return SATCHEL_DB_NUMBER(db, error, out, 0,
                             "SELECT times FROM daily_count WHERE owner = ?1 AND kind = ?2 AND day = ?3",
                             satchel_value_id(user), satchel_value_int(kind), satchel_value_int(day));
}

satchel_status satchel_daily_add(satchel_db *db, satchel_daily kind, const satchel_id *user, int64_t day,
                                 satchel_error *error) {
    return SATCHEL_DB_RUN(db, error,
                          "INSERT INTO daily_count (owner, kind, day, times) VALUES (?1, ?2, ?3, 1)"
                          " ON CONFLICT (owner, kind, day) DO UPDATE SET times = daily_count.times + 1",
                          satchel_value_id(user), satchel_value_int(kind), satchel_value_int(day));
}
