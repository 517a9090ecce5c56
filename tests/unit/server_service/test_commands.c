/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim, release, transfer; submitting an order; changing a plan: what the first one gets and the second is told.
 */
#include "command_stage.h"

#include <string.h>

TEST(commands, everybody_sees_the_open_fields_of_a_customer_in_the_pool) {
    command_day day;
    command_day_open(&day);
    satchel_id pooled = pool_customer(&day, "Pool Shop");
    satchel_record record = stage_record(&day.here);
    satchel_bytes phone_number = satchel_text_bytes(satchel_text_of("13812344729"));
    satchel_value phones = satchel_value_set(&phone_number, 1);
    REQUIRE_OK(satchel_record_set(&record, SATCHEL_CUSTOMER_PHONES, &phones));
    stage_edit(&day.here, SATCHEL_ENTITY_CUSTOMER, &pooled, &record);
    phone_sync(&day.lis);
    const mirror_row *row = phone_find(&day.lis, SATCHEL_ENTITY_CUSTOMER, &pooled);
    REQUIRE(row != NULL);
    CHECK_TEXT(phone_text(&day.lis, SATCHEL_ENTITY_CUSTOMER, &pooled, SATCHEL_CUSTOMER_NAME), "Pool Shop");
    CHECK(satchel_record_get(&row->record, SATCHEL_CUSTOMER_PHONES) == NULL);
    CHECK_INT(phone_count(&day.wangs, SATCHEL_ENTITY_CUSTOMER), 0);
    command_day_close(&day);
}

TEST(commands, who_claims_first_has_it_and_the_second_is_told_who) {
    command_day day;
    command_day_open(&day);
    satchel_id pooled = pool_customer(&day, "Pool Shop");
    phone_sync(&day.lis);
    phone_sync(&day.wangs);
    give_customer(&day.lis, SATCHEL_COMMAND_CLAIM, &pooled);
    give_customer(&day.wangs, SATCHEL_COMMAND_CLAIM, &pooled);
    phone_sync(&day.lis);
    phone_sync(&day.wangs);
    CHECK_INT(phone_last(&day.lis).code, SATCHEL_RESULT_APPLIED);
    CHECK(is_owner(&day.here, &pooled, &day.li));
    phone_result second = phone_last(&day.wangs);
    CHECK_INT(second.code, SATCHEL_RESULT_REFUSED);
    CHECK_STATUS(second.status, SATCHEL_OVERTAKEN);
    REQUIRE(second.loss_count == 1);
    CHECK(satchel_id_equal(&second.loss.winner_user, &day.li));
    CHECK(phone_find(&day.wangs, SATCHEL_ENTITY_CUSTOMER, &pooled) == NULL);
    CHECK(phone_find(&day.lis, SATCHEL_ENTITY_CUSTOMER, &pooled) != NULL);
    command_day_close(&day);
}

TEST(commands, a_claim_whose_answer_was_lost_counts_once) {
    command_day day;
    command_day_open(&day);
    set_rule(&day.here, "pool.claims_a_day", 2);
    satchel_id first = pool_customer(&day, "One");
    satchel_id second = pool_customer(&day, "Two");
    phone_sync(&day.lis);
    give_customer(&day.lis, SATCHEL_COMMAND_CLAIM, &first);
    phone_exchange(&day.lis, PHONE_LOSE_REPLY);
    phone_exchange(&day.lis, PHONE_LOSE_REPLY);
    phone_sync(&day.lis);
    CHECK_INT(phone_result_of(&day.lis, 1).code, SATCHEL_RESULT_APPLIED);
    CHECK_INT(stage_number(&day.here, "SELECT sum(times) FROM daily_count WHERE kind = 1"), 1);
    give_customer(&day.lis, SATCHEL_COMMAND_CLAIM, &second);
    phone_sync(&day.lis);
    CHECK_INT(phone_last(&day.lis).code, SATCHEL_RESULT_APPLIED);
    command_day_close(&day);
}

TEST(commands, claims_of_a_day_and_holdings_have_caps) {
    static const struct {
        const char *rule;
        int64_t most;
        satchel_status beyond;
    } caps[] = {{"pool.claims_a_day", 2, SATCHEL_POOL_CLAIMS}, {"pool.holdings", 3, SATCHEL_POOL_HOLDINGS}};
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++) {
        command_day day;
        command_day_open(&day);
        set_rule(&day.here, caps[i].rule, caps[i].most);
        satchel_id pooled[] = {pool_customer(&day, "One"), pool_customer(&day, "Two"), pool_customer(&day, "Three")};
        phone_sync(&day.lis);
        for (size_t c = 0; c < 3; c++) {
            give_customer(&day.lis, SATCHEL_COMMAND_CLAIM, &pooled[c]);
        }
        phone_sync(&day.lis);
        CHECK_INT(phone_result_of(&day.lis, 2).code, SATCHEL_RESULT_APPLIED); /* the second: at the cap */
        CHECK_STATUS(phone_result_of(&day.lis, 3).status, caps[i].beyond);
        CHECK(!is_owner(&day.here, &pooled[2], &day.li));
        command_day_close(&day);
    }
}

TEST(commands, the_cap_of_claims_begins_anew_with_the_day) {
    command_day day;
    command_day_open(&day);
    set_rule(&day.here, "pool.claims_a_day", 1);
    satchel_id pooled[] = {pool_customer(&day, "One"), pool_customer(&day, "Two")};
    phone_sync(&day.lis);
    give_customer(&day.lis, SATCHEL_COMMAND_CLAIM, &pooled[0]);
    give_customer(&day.lis, SATCHEL_COMMAND_CLAIM, &pooled[1]);
    phone_sync(&day.lis);
    CHECK_STATUS(phone_last(&day.lis).status, SATCHEL_POOL_CLAIMS);
    stage_pass(&day.here, DAY_MS);
    give_customer(&day.lis, SATCHEL_COMMAND_CLAIM, &pooled[1]);
    phone_sync(&day.lis);
    CHECK_INT(phone_last(&day.lis).code, SATCHEL_RESULT_APPLIED);
    command_day_close(&day);
}

TEST(commands, who_gives_one_back_claims_it_only_after_the_days_of_protection) {
    command_day day;
    command_day_open(&day);
    set_rule(&day.here, "pool.protect_days", 3);
    give_customer(&day.lis, SATCHEL_COMMAND_RELEASE, &day.customer);
    give_customer(&day.lis, SATCHEL_COMMAND_CLAIM, &day.customer);
    phone_sync(&day.lis);
    CHECK_INT(phone_result_of(&day.lis, 1).code, SATCHEL_RESULT_APPLIED);
    CHECK_STATUS(phone_result_of(&day.lis, 2).status, SATCHEL_POOL_PROTECTED);
    stage_pass(&day.here, 3 * DAY_MS - 1);
    give_customer(&day.lis, SATCHEL_COMMAND_CLAIM, &day.customer);
    phone_sync(&day.lis);
    CHECK_STATUS(phone_last(&day.lis).status, SATCHEL_POOL_PROTECTED);
    stage_pass(&day.here, 1);
    give_customer(&day.lis, SATCHEL_COMMAND_CLAIM, &day.customer);
    phone_sync(&day.lis);
    CHECK_INT(phone_last(&day.lis).code, SATCHEL_RESULT_APPLIED);
    command_day_close(&day);
}

TEST(commands, protection_holds_for_nobody_else) {
    command_day day;
    command_day_open(&day);
    set_rule(&day.here, "pool.protect_days", 3);
    give_customer(&day.lis, SATCHEL_COMMAND_RELEASE, &day.customer);
    phone_sync(&day.lis);
    phone_sync(&day.wangs);
    give_customer(&day.wangs, SATCHEL_COMMAND_CLAIM, &day.customer);
    phone_sync(&day.wangs);
    CHECK_INT(phone_last(&day.wangs).code, SATCHEL_RESULT_APPLIED);
    CHECK(is_owner(&day.here, &day.customer, &day.wang));
    command_day_close(&day);
}

TEST(commands, what_one_does_not_see_does_not_exist) {
    command_day day;
    command_day_open(&day);
    satchel_id nothing = {{9}};
    const satchel_command_kind kinds[] = {SATCHEL_COMMAND_CLAIM, SATCHEL_COMMAND_RELEASE, SATCHEL_COMMAND_UNMERGE};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        give_customer(&day.wangs, kinds[i], &day.customer);
        give_customer(&day.wangs, kinds[i], &nothing);
    }
    phone_sync(&day.wangs);
    for (uint64_t s = 1; s <= 6; s++) {
        CHECK_STATUS(phone_result_of(&day.wangs, s).status, SATCHEL_OUT_OF_SCOPE);
        CHECK_INT(phone_result_of(&day.wangs, s).loss_count, 0);
    }
    CHECK(is_owner(&day.here, &day.customer, &day.li));
    command_day_close(&day);
}

TEST(commands, an_auditor_owns_no_customer) {
    command_day day;
    command_day_open(&day);
    satchel_id eve = stage_user(&day.here, "eve", SATCHEL_ROLE_AUDITOR, NULL, NULL);
    satchel_actor actor = satchel_actor_user(&eve);
    satchel_id pooled = pool_customer(&day, "One");
    CHECK_STATUS(desk_give(&day.here, &actor, SATCHEL_COMMAND_CLAIM, SATCHEL_ENTITY_CUSTOMER, &pooled, NULL, NULL),
                 SATCHEL_FORBIDDEN);
    CHECK_STATUS(
        desk_give(&day.here, &day.here.system, SATCHEL_COMMAND_CLAIM, SATCHEL_ENTITY_CUSTOMER, &pooled, NULL, NULL),
        SATCHEL_INVALID_ARGUMENT);
    command_day_close(&day);
}

TEST(commands, a_claim_loses_against_a_transfer_that_came_first) {
    command_day day;
    command_day_open(&day);
    satchel_id pooled = pool_customer(&day, "One");
    phone_sync(&day.wangs);
    give_customer(&day.wangs, SATCHEL_COMMAND_CLAIM, &pooled);
    satchel_record to = stage_record(&day.here);
    REQUIRE_OK(satchel_record_set_id(&to, SATCHEL_CUSTOMER_OWNER, &day.li));
    REQUIRE_OK(
        desk_give(&day.here, &day.here.system, SATCHEL_COMMAND_TRANSFER, SATCHEL_ENTITY_CUSTOMER, &pooled, &to, NULL));
    phone_sync(&day.wangs);
    CHECK_STATUS(phone_last(&day.wangs).status, SATCHEL_OVERTAKEN);
    CHECK(is_owner(&day.here, &pooled, &day.li));
    command_day_close(&day);
}

TEST(commands, a_rep_transfers_nothing_without_approvals) {
    command_day day;
    command_day_open(&day);
    give_id(&day.lis, SATCHEL_COMMAND_TRANSFER, SATCHEL_ENTITY_CUSTOMER, &day.customer, SATCHEL_CUSTOMER_OWNER,
            &day.wang);
    phone_sync(&day.lis);
    CHECK_STATUS(phone_last(&day.lis).status, SATCHEL_FORBIDDEN);
    satchel_actor boss = satchel_actor_user(&day.boss);
    satchel_record to = stage_record(&day.here);
    REQUIRE_OK(satchel_record_set_id(&to, SATCHEL_CUSTOMER_OWNER, &day.wang));
    REQUIRE_OK(
        desk_give(&day.here, &boss, SATCHEL_COMMAND_TRANSFER, SATCHEL_ENTITY_CUSTOMER, &day.customer, &to, NULL));
    CHECK(is_owner(&day.here, &day.customer, &day.wang));
    phone_sync(&day.lis);
    CHECK(phone_find(&day.lis, SATCHEL_ENTITY_CUSTOMER, &day.customer) == NULL);
    command_day_close(&day);
}

TEST(commands, a_transfer_made_on_an_older_owner_is_overtaken) {
    command_day day;
    command_day_open(&day);
    satchel_actor boss = satchel_actor_user(&day.boss);
    satchel_command_outcome outcome;
    uint64_t before = 0;
    stage_read(&day.here, SATCHEL_ENTITY_CUSTOMER, &day.customer, &before);
    stage_reassign(&day.here, &day.customer, &day.wang);
    satchel_record to = stage_record(&day.here);
    REQUIRE_OK(satchel_record_set_id(&to, SATCHEL_CUSTOMER_OWNER, &day.boss));
    stage_begin(&day.here);
    CHECK_STATUS(satchel_command_give(day.here.service, day.here.db, &boss, SATCHEL_COMMAND_TRANSFER,
                                      SATCHEL_ENTITY_CUSTOMER, &day.customer, &to, before, &outcome, NULL),
                 SATCHEL_OVERTAKEN);
    stage_commit(&day.here);
    CHECK(satchel_id_equal(&outcome.winner, &day.wang));
    CHECK(is_owner(&day.here, &day.customer, &day.wang));
    command_day_close(&day);
}

TEST(commands, nothing_goes_to_who_is_not_there) {
    command_day day;
    command_day_open(&day);
    satchel_id nobody = {{7}};
    satchel_record to = stage_record(&day.here);
    CHECK_STATUS(desk_give(&day.here, &day.here.system, SATCHEL_COMMAND_TRANSFER, SATCHEL_ENTITY_CUSTOMER,
                           &day.customer, &to, NULL),
                 SATCHEL_REQUIRED_MISSING);
    REQUIRE_OK(satchel_record_set_id(&to, SATCHEL_CUSTOMER_OWNER, &nobody));
    CHECK_STATUS(desk_give(&day.here, &day.here.system, SATCHEL_COMMAND_TRANSFER, SATCHEL_ENTITY_CUSTOMER,
                           &day.customer, &to, NULL),
                 SATCHEL_REFERENCE_MISSING);
    command_day_close(&day);
}

TEST(commands, a_rule_has_a_name_and_a_range) {
    command_day day;
    command_day_open(&day);
    stage *here = &day.here;
    satchel_actor boss = satchel_actor_user(&day.boss);
    stage_begin(here);
    CHECK_OK(satchel_rule_set(here->service, here->db, &here->system, satchel_text_of("approve.plan"), 5, NULL));
    CHECK_STATUS(satchel_rule_set(here->service, here->db, &here->system, satchel_text_of("approve.plan"), 6, NULL),
                 SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_rule_set(here->service, here->db, &here->system, satchel_text_of("approve.plan"), 0, NULL),
                 SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_rule_set(here->service, here->db, &here->system, satchel_text_of("approve"), 1, NULL),
                 SATCHEL_NOT_FOUND);
    CHECK_STATUS(satchel_rule_set(here->service, here->db, &boss, satchel_text_of("approve.plan"), 1, NULL),
                 SATCHEL_FORBIDDEN);
    stage_commit(here);
    CHECK_INT(stage_number(here, "SELECT value FROM company_rule WHERE name = 'approve.plan'"), 5);
    command_day_close(&day);
}

static satchel_status count_rule(void *context, const char *name, int64_t value, int64_t least, int64_t most) {
    uint32_t *count = context;
    CHECK(name[0] != '\0' && value >= least && value <= most);
    (*count)++;
    return SATCHEL_OK;
}

TEST(commands, all_rules_are_listed_with_what_they_may_be) {
    command_day day;
    uint32_t count = 0;
    command_day_open(&day);
    REQUIRE_OK(satchel_rules_list(day.here.db, count_rule, &count, NULL));
    CHECK_INT(count, 11);
    command_day_close(&day);
}
