/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user writes into a field that he could not read yet overwrites nothing silently.
 */
#include "support/server_service/stage.h"

#include "base/text.h"

typedef struct blind {
    stage here;
    satchel_id boss, li, wang;
    satchel_id customer;
    phone wangs;
} blind;

/* Li's customer has a tax number. Wang sees it in the pool, of which reps read the open fields, then gets it. */
static void set_up(blind *all) {
    stage_open(&all->here, NULL, 31);
    all->boss = stage_user(&all->here, "boss", SATCHEL_ROLE_MANAGER, NULL, NULL);
    all->wang = stage_user(&all->here, "wang", SATCHEL_ROLE_REP, &all->boss, NULL);
    satchel_record record = stage_record(&all->here);
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of("Pool Shop")));
    REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_CUSTOMER_POOL_STATE, SATCHEL_POOL_STATE_POOL));
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_TAX_NUMBER, satchel_text_of("T-1")));
    all->customer = stage_create(&all->here, SATCHEL_ENTITY_CUSTOMER, &record).id;
    phone_enrol(&all->wangs, &all->here, &all->wang);
    phone_sync(&all->wangs);
    stage_pass(&all->here, 60000);
    satchel_record owned = stage_record(&all->here);
    REQUIRE_OK(satchel_record_set_id(&owned, SATCHEL_CUSTOMER_OWNER, &all->wang));
    REQUIRE_OK(satchel_record_set_int(&owned, SATCHEL_CUSTOMER_POOL_STATE, SATCHEL_POOL_STATE_OWNED));
    stage_edit(&all->here, SATCHEL_ENTITY_CUSTOMER, &all->customer, &owned);
    stage_pass(&all->here, 60000);
}

static void tear_down(blind *all) {
    phone_close(&all->wangs);
    stage_close(&all->here);
}

TEST(sight, regress_a_value_that_was_hidden_is_not_overwritten_without_a_trace) {
    blind all;
    set_up(&all);
    REQUIRE(phone_find(&all.wangs, SATCHEL_ENTITY_CUSTOMER, &all.customer) != NULL);
    phone_edit_text(&all.wangs, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_TAX_NUMBER, "T-2");
    phone_sync(&all.wangs);
    CHECK(phone_last(&all.wangs).code == SATCHEL_RESULT_APPLIED ||
          phone_last(&all.wangs).code == SATCHEL_RESULT_MERGED);
    CHECK_UINT(stage_counts(&all.here).conflicts, 1);
    phone_edit_text(&all.wangs, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_TAX_NUMBER, "T-3");
    phone_sync(&all.wangs); /* by now he has seen what is there */
    CHECK_UINT(stage_counts(&all.here).conflicts, 1);
    tear_down(&all);
}

TEST(sight, what_was_seen_is_overwritten_as_ever) {
    blind all;
    set_up(&all);
    phone_edit_text(&all.wangs, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_CITY, "Ningbo"); /* open */
    phone_sync(&all.wangs);
    phone_edit_text(&all.wangs, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_TAX_NUMBER, "T-2");
    phone_sync(&all.wangs);
    CHECK_UINT(stage_counts(&all.here).conflicts, 0);
    tear_down(&all);
}

static void give_roles(blind *all, uint64_t roles) {
    const satchel_user_change change = {.roles = &roles};
    stage_begin(&all->here);
    REQUIRE_OK(satchel_user_change_to(all->here.service, all->here.db, &all->here.system, &all->wang, &change, NULL));
    stage_commit(&all->here);
    stage_pass(&all->here, 60000);
}

static void give_customer(blind *all, const char *tax_number) {
    satchel_record record = stage_record(&all->here);
    REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_CUSTOMER_OWNER, &all->wang));
    REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_CUSTOMER_POOL_STATE, SATCHEL_POOL_STATE_OWNED));
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_TAX_NUMBER, satchel_text_of(tax_number)));
    stage_edit(&all->here, SATCHEL_ENTITY_CUSTOMER, &all->customer, &record);
    stage_pass(&all->here, 60000);
}

/* Marketing reads the open fields of everything. His roles change while he is away, whether he gains one or loses it.
 */
TEST(sight, regress_roles_that_changed_meanwhile_show_nothing_after_the_fact) {
    const uint64_t rep = UINT64_C(1) << SATCHEL_ROLE_REP;
    const uint64_t marketing = UINT64_C(1) << SATCHEL_ROLE_MARKETING;
    const uint64_t before[] = {marketing, rep | marketing};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        blind all;
        set_up(&all);
        stage_reassign(&all.here, &all.customer, i == 0 ? &all.wang : &all.boss);
        give_roles(&all, before[i]);
        phone_sync(&all.wangs);
        REQUIRE(phone_find(&all.wangs, SATCHEL_ENTITY_CUSTOMER, &all.customer) != NULL);
        give_customer(&all, "T-1");
        give_roles(&all, rep);
        phone_edit_text(&all.wangs, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_TAX_NUMBER, "T-2");
        phone_sync(&all.wangs);
        CHECK(phone_last(&all.wangs).code == SATCHEL_RESULT_APPLIED ||
              phone_last(&all.wangs).code == SATCHEL_RESULT_MERGED);
        CHECK_UINT(stage_counts(&all.here).conflicts, 1);
        tear_down(&all);
    }
}
