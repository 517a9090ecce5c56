/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deciding on conflicts: from a phone and at the desk, once, and by who may write what it is about.
 */
#include "command_stage.h"

#include "service/policies.h"

/* Both edit the customer's name: Li's is behind, so a person is asked. Gives the open conflict. */
static satchel_id conflict_between(command_day *day, const char *mine, const char *theirs) {
    satchel_id ids[8];
    satchel_id open = {{0}};
    phone_edit_text(&day->lis, SATCHEL_ENTITY_CUSTOMER, &day->customer, SATCHEL_CUSTOMER_NAME, mine);
    stage_edit_text(&day->here, SATCHEL_ENTITY_CUSTOMER, &day->customer, SATCHEL_CUSTOMER_NAME, theirs);
    phone_sync(&day->lis);
    uint32_t count = stage_list(&day->here, SATCHEL_ENTITY_CONFLICT, ids, 8);
    for (uint32_t i = 0; i < count; i++) {
        int64_t state = number_of(&day->here, SATCHEL_ENTITY_CONFLICT, &ids[i], SATCHEL_CONFLICT_STATUS);
        open = state == SATCHEL_CONFLICT_STATUS_OPEN ? ids[i] : open;
    }
    return open;
}

static satchel_id make_conflict(command_day *day) {
    return conflict_between(day, "Anna Ltd", "Anna & Co");
}

static void resolve(phone *mine, const satchel_id *conflict, int64_t state) {
    satchel_record set = stage_record(mine->here);
    REQUIRE_OK(satchel_record_set_int(&set, SATCHEL_CONFLICT_STATUS, state));
    give(mine, SATCHEL_COMMAND_RESOLVE, SATCHEL_ENTITY_CONFLICT, conflict, &set);
    phone_sync(mine);
}

TEST(conflicts, a_phone_decides_and_the_second_decision_is_overtaken) {
    command_day day;
    command_day_open(&day);
    satchel_id conflict = make_conflict(&day);
    resolve(&day.lis, &conflict, SATCHEL_CONFLICT_STATUS_KEPT);
    CHECK_INT(phone_last(&day.lis).code, SATCHEL_RESULT_APPLIED);
    CHECK_UINT(stage_counts(&day.here).conflicts_open, 0);
    resolve(&day.lis, &conflict, SATCHEL_CONFLICT_STATUS_RESTORED);
    CHECK_STATUS(phone_last(&day.lis).status, SATCHEL_OVERTAKEN);
    satchel_record row = stage_read(&day.here, SATCHEL_ENTITY_CONFLICT, &conflict, NULL);
    satchel_id by = satchel_record_id(&row, SATCHEL_CONFLICT_RESOLVED_BY);
    CHECK_ID(&by, &day.li);
    resolve(&day.lis, &conflict, SATCHEL_CONFLICT_STATUS_OPEN);
    CHECK_STATUS(phone_last(&day.lis).status, SATCHEL_OUT_OF_RANGE);
    command_day_close(&day);
}

TEST(conflicts, of_a_row_and_field_one_is_open) {
    command_day day;
    command_day_open(&day);
    satchel_id first = make_conflict(&day);
    satchel_id second = conflict_between(&day, "Anna GmbH", "Anna & Sons");
    CHECK(!satchel_id_equal(&first, &second));
    CHECK_UINT(stage_counts(&day.here).conflicts_open, 1);
    CHECK_INT(number_of(&day.here, SATCHEL_ENTITY_CONFLICT, &first, SATCHEL_CONFLICT_STATUS),
              SATCHEL_CONFLICT_STATUS_KEPT);
    command_day_close(&day);
}

TEST(conflicts, a_third_value_ends_one_too) {
    command_day day;
    command_day_open(&day);
    stage *here = &day.here;
    satchel_actor boss = satchel_actor_user(&day.boss);
    satchel_id conflict = make_conflict(&day);
    satchel_record record = stage_record(here);
    stage_begin(here);
    CHECK_STATUS(satchel_conflict_edit(here->service, here->db, &boss, &conflict, &record, NULL, 0, NULL),
                 SATCHEL_INVALID_ARGUMENT);
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of("Anna's")));
    CHECK_OK(satchel_conflict_edit(here->service, here->db, &boss, &conflict, &record, NULL, 0, NULL));
    CHECK_STATUS(satchel_conflict_edit(here->service, here->db, &boss, &conflict, &record, NULL, 0, NULL),
                 SATCHEL_OVERTAKEN);
    stage_commit(here);
    satchel_record row = stage_read(here, SATCHEL_ENTITY_CUSTOMER, &day.customer, NULL);
    CHECK_TEXT(satchel_record_text(&row, SATCHEL_CUSTOMER_NAME), "Anna's");
    CHECK_INT(number_of(here, SATCHEL_ENTITY_CONFLICT, &conflict, SATCHEL_CONFLICT_STATUS),
              SATCHEL_CONFLICT_STATUS_EDITED);
    command_day_close(&day);
}

/* The credit limit is a manager's: whoever may edit the row but not that field does not put it back. */
static satchel_id limit_conflict(command_day *day) {
    satchel_actor boss = satchel_actor_user(&day->boss);
    satchel_write_outcome outcome;
    satchel_record limit = stage_record(&day->here);
    uint64_t before = 0;
    stage_read(&day->here, SATCHEL_ENTITY_CUSTOMER, &day->customer, &before);
    REQUIRE_OK(satchel_record_set_int(&limit, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR, 100));
    REQUIRE_OK(satchel_record_set_text(&limit, SATCHEL_CUSTOMER_CURRENCY, satchel_text_of("CNY")));
    stage_edit(&day->here, SATCHEL_ENTITY_CUSTOMER, &day->customer, &limit);
    REQUIRE_OK(satchel_record_set_int(&limit, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR, 900));
    REQUIRE_OK(stage_try_edit(&day->here, &boss, SATCHEL_ENTITY_CUSTOMER, &day->customer, before, &limit, &outcome));
    REQUIRE_UINT(outcome.conflicts, 1);
    satchel_id ids[4];
    REQUIRE_UINT(stage_list(&day->here, SATCHEL_ENTITY_CONFLICT, ids, 4), 1);
    return ids[0];
}

TEST(conflicts, regress_what_is_put_back_is_checked_field_by_field) {
    command_day day;
    command_day_open(&day);
    stage *here = &day.here;
    satchel_actor rep = satchel_actor_user(&day.li);
    satchel_actor boss = satchel_actor_user(&day.boss);
    satchel_id conflict = limit_conflict(&day);
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    stage_begin(here);
    CHECK_STATUS(satchel_conflict_decide(here->service, here->db, &rep, &conflict, SATCHEL_DECISION_RESTORE, &error),
                 SATCHEL_FORBIDDEN);
    CHECK_UINT(error.field, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR);
    stage_commit(here);
    CHECK_INT(number_of(here, SATCHEL_ENTITY_CUSTOMER, &day.customer, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR), 100);
    stage_begin(here);
    CHECK_OK(satchel_conflict_decide(here->service, here->db, &boss, &conflict, SATCHEL_DECISION_RESTORE, &error));
    stage_commit(here);
    CHECK_INT(number_of(here, SATCHEL_ENTITY_CUSTOMER, &day.customer, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR), 900);
    command_day_close(&day);
}

TEST(conflicts, a_phone_decides_only_on_what_its_user_may_write) {
    command_day day;
    command_day_open(&day);
    satchel_id conflict = limit_conflict(&day);
    phone_sync(&day.lis);
    resolve(&day.lis, &conflict, SATCHEL_CONFLICT_STATUS_KEPT);
    CHECK_STATUS(phone_last(&day.lis).status, SATCHEL_FORBIDDEN);
    CHECK_UINT(stage_counts(&day.here).conflicts_open, 1);
    resolve(&day.wangs, &conflict, SATCHEL_CONFLICT_STATUS_KEPT);
    CHECK_STATUS(phone_last(&day.wangs).status, SATCHEL_OUT_OF_SCOPE);
    command_day_close(&day);
}

static satchel_status read_as(stage *here, const satchel_id *user, uint32_t entity, const satchel_id *row) {
    satchel_actor actor = satchel_actor_user(user);
    satchel_record seen = stage_record(here);
    uint64_t n = 0;
    return satchel_served_row_read(here->service, here->db, &actor, entity, row, &seen, &n, NULL);
}

/* About a field that he sees masked or not at all there is no conflict for him, at the desk as on the phone. */
TEST(conflicts, regress_one_about_a_field_that_is_not_read_in_clear_is_not_there) {
    static const char rules[] =
        "* read own\n* open=read own\nconflict commercial=read own\ncustomer commercial=masked own";
    command_day day;
    command_day_open(&day);
    stage *here = &day.here;
    satchel_record record = stage_record(here);
    satchel_write_outcome outcome;
    uint64_t base = 0;
    stage_read(here, SATCHEL_ENTITY_CUSTOMER, &day.customer, &base);
    for (int i = 0; i < 2; i++) { /* two write what is commercial from the same base */
        REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_INVOICE_TITLE,
                                           satchel_text_of(i == 0 ? "first" : "second")));
        satchel_actor actor = i == 0 ? here->system : satchel_actor_user(&day.boss);
        REQUIRE_OK(stage_try_edit(here, &actor, SATCHEL_ENTITY_CUSTOMER, &day.customer, base, &record, &outcome));
    }
    satchel_id conflict;
    REQUIRE(stage_list(here, SATCHEL_ENTITY_CONFLICT, &conflict, 1) == 1);
    CHECK_OK(read_as(here, &day.li, SATCHEL_ENTITY_CONFLICT, &conflict));
    phone_sync(&day.lis);
    CHECK(phone_find(&day.lis, SATCHEL_ENTITY_CONFLICT, &conflict) != NULL);
    stage_begin(here);
    REQUIRE_OK(
        satchel_role_put(here->service, here->db, &here->system, satchel_text_of("rep"), satchel_text_of(rules), NULL));
    stage_commit(here);
    CHECK_STATUS(read_as(here, &day.li, SATCHEL_ENTITY_CONFLICT, &conflict), SATCHEL_OUT_OF_SCOPE);
    satchel_actor li = satchel_actor_user(&day.li);
    stage_begin(here);
    CHECK_STATUS(satchel_conflict_decide(here->service, here->db, &li, &conflict, SATCHEL_DECISION_KEEP, NULL),
                 SATCHEL_OUT_OF_SCOPE);
    stage_commit(here);
    phone_sync(&day.lis);
    CHECK(phone_find(&day.lis, SATCHEL_ENTITY_CONFLICT, &conflict) == NULL);
    CHECK_TEXT(day.lis.complaint, "");
    command_day_close(&day);
}

/* Who only reads what it is about decides nothing, not even that all stays as it is. */
TEST(conflicts, regress_keeping_is_for_who_may_write_what_it_is_about) {
    command_day day;
    command_day_open(&day);
    satchel_id auditor = stage_user(&day.here, "eve", SATCHEL_ROLE_AUDITOR, NULL, NULL);
    satchel_id conflict = make_conflict(&day);
    const satchel_id *users[] = {&auditor, &day.li};
    for (size_t i = 0; i < 2; i++) {
        satchel_actor actor = satchel_actor_user(users[i]);
        stage_begin(&day.here);
        CHECK_STATUS(
            satchel_conflict_decide(day.here.service, day.here.db, &actor, &conflict, SATCHEL_DECISION_KEEP, NULL),
            i == 0 ? SATCHEL_FORBIDDEN : SATCHEL_OK);
        stage_commit(&day.here);
    }
    command_day_close(&day);
}
