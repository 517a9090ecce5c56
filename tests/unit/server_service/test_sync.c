/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The straight line: enrol, push, merge, pull; two phones, a manager, conflicts.
 */
#include "support/server_service/stage.h"

#include "base/text.h"
#include "wire/record_codec.h"

typedef struct two_phones {
    stage here;
    satchel_id user;
    satchel_id customer;
    phone first;
    phone second;
} two_phones;

/* One rep with two phones and one customer, both phones in sync. */
static void set_up(two_phones *all) {
    stage_open(&all->here, NULL, 1);
    all->user = stage_user(&all->here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    all->customer = stage_customer(&all->here, "Anna's Shop", &all->user, NULL);
    phone_enrol(&all->first, &all->here, &all->user);
    phone_enrol(&all->second, &all->here, &all->user);
    phone_sync(&all->first);
    phone_sync(&all->second);
}

static void tear_down(two_phones *all) {
    phone_close(&all->first);
    phone_close(&all->second);
    stage_close(&all->here);
}

TEST(sync, a_first_pull_brings_what_the_user_may_see) {
    two_phones all;
    set_up(&all);
    CHECK_TEXT(phone_text(&all.first, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_NAME), "Anna's Shop");
    CHECK_UINT(phone_count(&all.first, SATCHEL_ENTITY_CUSTOMER), 1);
    CHECK_UINT(phone_count(&all.first, SATCHEL_ENTITY_USER), 1);
    tear_down(&all);
}

TEST(sync, edits_of_different_fields_on_two_phones_both_stand) {
    two_phones all;
    set_up(&all);
    phone_edit_text(&all.first, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_CITY, "Hangzhou");
    phone_edit_text(&all.second, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_INDUSTRY, "Food");
    phone_sync(&all.first);
    phone_sync(&all.second);
    phone_sync(&all.first);
    CHECK_INT(phone_last(&all.second).code, SATCHEL_RESULT_APPLIED);
    CHECK_TEXT(phone_text(&all.first, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_INDUSTRY), "Food");
    CHECK_TEXT(phone_text(&all.first, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_CITY), "Hangzhou");
    CHECK_TEXT(phone_text(&all.second, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_CITY), "Hangzhou");
    CHECK_UINT(stage_counts(&all.here).conflicts, 0);
    tear_down(&all);
}

TEST(sync, of_two_edits_of_one_field_the_later_wins_and_the_earlier_is_kept) {
    two_phones all;
    set_up(&all);
    phone_edit_text(&all.first, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_CITY, "Ningbo");
    stage_pass(&all.here, 60000);
    phone_edit_text(&all.second, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_CITY, "Wenzhou");
    stage_pass(&all.here, 60000);
    phone_sync(&all.second);
    phone_sync(&all.first);
    phone_sync(&all.second);
    phone_result lost = phone_last(&all.first);
    CHECK_INT(lost.code, SATCHEL_RESULT_MERGED);
    CHECK_UINT(lost.loss_count, 1);
    CHECK_UINT(lost.loss.field, SATCHEL_CUSTOMER_CITY);
    CHECK_TEXT(phone_text(&all.first, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_CITY), "Wenzhou");
    CHECK_TEXT(phone_text(&all.second, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_CITY), "Wenzhou");
    CHECK_UINT(phone_count(&all.second, SATCHEL_ENTITY_CONFLICT), 1);
    CHECK_UINT(stage_counts(&all.here).conflicts, 1);
    tear_down(&all);
}

static void check_side(stage *here, satchel_bytes bytes, uint32_t field, const char *expected) {
    satchel_record record = stage_record(here);
    REQUIRE_OK(satchel_record_decode(satchel_service_schema(here->service), SATCHEL_ENTITY_CUSTOMER, bytes, false,
                                     &record, NULL));
    CHECK_TEXT(satchel_record_text(&record, field), expected);
}

TEST(sync, a_concurrent_name_is_asked_about_and_both_values_are_shown) {
    two_phones all;
    set_up(&all);
    stage_edit_text(&all.here, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_NAME, "Anna Ltd");
    phone_edit_text(&all.first, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_NAME, "Anna & Co");
    phone_sync(&all.first);
    phone_result lost = phone_last(&all.first);
    CHECK_INT(lost.code, SATCHEL_RESULT_MERGED);
    CHECK_INT(lost.loss.kind, 3);
    check_side(&all.here, lost.loss.winner, SATCHEL_CUSTOMER_NAME, "Anna Ltd");
    check_side(&all.here, lost.loss.loser, SATCHEL_CUSTOMER_NAME, "Anna & Co");
    CHECK_TEXT(phone_text(&all.first, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_NAME), "Anna Ltd");
    CHECK_UINT(stage_counts(&all.here).conflicts_open, 1);
    tear_down(&all);
}

TEST(sync, a_phone_never_conflicts_with_itself) {
    two_phones all;
    set_up(&all);
    for (int i = 0; i < 3; i++) {
        phone_edit_text(&all.first, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_NAME, i == 2 ? "C" : "A");
    }
    phone_sync(&all.first);
    CHECK_UINT(stage_counts(&all.here).conflicts, 0);
    satchel_record row = stage_read(&all.here, SATCHEL_ENTITY_CUSTOMER, &all.customer, NULL);
    CHECK_TEXT(satchel_record_text(&row, SATCHEL_CUSTOMER_NAME), "C");
    tear_down(&all);
}

TEST(sync, a_customer_made_on_the_phone_belongs_to_its_maker) {
    two_phones all;
    set_up(&all);
    satchel_id made = phone_add_customer(&all.first, "New Shop");
    phone_sync(&all.first);
    phone_sync(&all.second);
    satchel_record row = stage_read(&all.here, SATCHEL_ENTITY_CUSTOMER, &made, NULL);
    satchel_id owner = satchel_record_id(&row, SATCHEL_CUSTOMER_OWNER);
    CHECK_ID(&owner, &all.user);
    CHECK_TEXT(phone_text(&all.second, SATCHEL_ENTITY_CUSTOMER, &made, SATCHEL_CUSTOMER_NAME), "New Shop");
    tear_down(&all);
}

TEST(sync, an_empty_exchange_writes_nothing) {
    two_phones all;
    set_up(&all);
    uint64_t commits = satchel_db_get_stats(all.here.db).commits;
    uint64_t n = stage_counts(&all.here).n;
    phone_sync(&all.first);
    CHECK_UINT(satchel_db_get_stats(all.here.db).commits, commits);
    CHECK_UINT(stage_counts(&all.here).n, n);
    tear_down(&all);
}

static uint64_t take_back(phone *mine, uint32_t entity, const satchel_id *row, uint64_t target) {
    phone_unit unit = {.count = 1};
    satchel_op_init(&unit.ops[0], SATCHEL_OP_VOID, entity, row, &mine->arena);
    unit.ops[0].target = target;
    uint64_t sequence = mine->next_sequence;
    phone_commit(mine, &unit);
    return sequence;
}

TEST(sync, a_row_that_its_maker_takes_back_goes_and_one_with_others_work_stays) {
    stage here;
    phone mine;
    stage_open(&here, NULL, 31);
    satchel_id rep = stage_user(&here, "rep", SATCHEL_ROLE_REP, NULL, NULL);
    phone_enrol(&mine, &here, &rep);
    satchel_id lone = phone_add_customer(&mine, "Mistake");
    satchel_id shared = phone_add_customer(&mine, "Kept");
    uint64_t made_shared = mine.next_sequence - 1;
    phone_sync(&mine);
    stage_edit_text(&here, SATCHEL_ENTITY_CUSTOMER, &shared, SATCHEL_CUSTOMER_CITY, "上海");
    uint64_t void_lone = take_back(&mine, SATCHEL_ENTITY_CUSTOMER, &lone, made_shared - 1);
    uint64_t void_shared = take_back(&mine, SATCHEL_ENTITY_CUSTOMER, &shared, made_shared);
    phone_sync(&mine);
    CHECK_INT(phone_result_of(&mine, void_lone).code, SATCHEL_RESULT_APPLIED);
    CHECK_INT(phone_result_of(&mine, void_shared).code, SATCHEL_RESULT_REFUSED);
    CHECK_STATUS(phone_result_of(&mine, void_shared).status, SATCHEL_IMMUTABLE);
    CHECK(phone_find(&mine, SATCHEL_ENTITY_CUSTOMER, &lone) == NULL);
    CHECK(phone_find(&mine, SATCHEL_ENTITY_CUSTOMER, &shared) != NULL);
    phone_close(&mine);
    stage_close(&here);
}
