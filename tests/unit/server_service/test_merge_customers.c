/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two customers become one: what hangs on them, their values, what phones still send to the one that went, and back.
 */
#include "command_stage.h"

#include "service/merge_customers.h"

typedef struct merge_day {
    command_day day;
    satchel_id gone; /* Li's as well */
} merge_day;

static void put_set(satchel_record *record, uint32_t field, const char *text) {
    satchel_bytes element = satchel_text_bytes(satchel_text_of(text));
    satchel_value value = satchel_value_set(&element, 1);
    REQUIRE_OK(satchel_record_set(record, field, &value));
}

static void open_day(merge_day *m) {
    command_day_open(&m->day);
    m->gone = stage_customer(&m->day.here, "Annas Shop", &m->day.li, NULL);
    phone_sync(&m->day.lis);
}

static satchel_status merge(merge_day *m, const satchel_id *gone, const satchel_id *survivor) {
    satchel_record set = stage_record(&m->day.here);
    satchel_actor boss = satchel_actor_user(&m->day.boss);
    REQUIRE_OK(satchel_record_set_id(&set, SATCHEL_CUSTOMER_MERGED_INTO, survivor));
    return desk_give(&m->day.here, &boss, SATCHEL_COMMAND_MERGE, SATCHEL_ENTITY_CUSTOMER, gone, &set, NULL);
}

static satchel_status unmerge(merge_day *m, const satchel_id *gone) {
    satchel_actor boss = satchel_actor_user(&m->day.boss);
    return desk_give(&m->day.here, &boss, SATCHEL_COMMAND_UNMERGE, SATCHEL_ENTITY_CUSTOMER, gone, NULL, NULL);
}

static satchel_id customer_of(merge_day *m, uint32_t entity, const satchel_id *row, uint32_t field) {
    satchel_record record = stage_read(&m->day.here, entity, row, NULL);
    return satchel_record_id(&record, field);
}

static satchel_id contact_at(merge_day *m, const satchel_id *customer, const char *name) {
    satchel_record record = stage_record(&m->day.here);
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CONTACT_NAME, satchel_text_of(name)));
    REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_CONTACT_CUSTOMER, customer));
    return stage_create(&m->day.here, SATCHEL_ENTITY_CONTACT, &record).id;
}

TEST(merge_customers, what_hangs_on_one_hangs_on_the_other) {
    merge_day m;
    open_day(&m);
    satchel_id contact = contact_at(&m, &m.gone, "Anna");
    satchel_id visit = phone_check_in(&m.day.lis, &m.gone);
    phone_sync(&m.day.lis);
    REQUIRE_OK(merge(&m, &m.gone, &m.day.customer));
    satchel_id of_contact = customer_of(&m, SATCHEL_ENTITY_CONTACT, &contact, SATCHEL_CONTACT_CUSTOMER);
    satchel_id of_visit = customer_of(&m, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_CUSTOMER);
    CHECK_ID(&of_contact, &m.day.customer);
    CHECK_ID(&of_visit, &m.day.customer);
    phone_sync(&m.day.lis);
    const mirror_row *row = phone_find(&m.day.lis, SATCHEL_ENTITY_VISIT, &visit);
    REQUIRE(row != NULL);
    satchel_id shown = satchel_record_id(&row->record, SATCHEL_VISIT_CUSTOMER);
    CHECK_ID(&shown, &m.day.customer);
    CHECK_INT(stage_number(&m.day.here, "SELECT count(*) FROM customer WHERE archived = 1"), 1);
    command_day_close(&m.day);
}

TEST(merge_customers, sets_are_united_gaps_filled_and_the_rest_is_in_the_journal) {
    merge_day m;
    open_day(&m);
    stage *here = &m.day.here;
    satchel_record ours = stage_record(here);
    satchel_record theirs = stage_record(here);
    put_set(&ours, SATCHEL_CUSTOMER_TAGS, "vip");
    put_set(&theirs, SATCHEL_CUSTOMER_TAGS, "tea");
    REQUIRE_OK(satchel_record_set_text(&theirs, SATCHEL_CUSTOMER_CITY, satchel_text_of("Ningbo")));
    REQUIRE_OK(satchel_record_set_int(&ours, SATCHEL_CUSTOMER_LOYALTY_POINTS, 3));
    REQUIRE_OK(satchel_record_set_int(&theirs, SATCHEL_CUSTOMER_LOYALTY_POINTS, 4));
    stage_edit(here, SATCHEL_ENTITY_CUSTOMER, &m.day.customer, &ours);
    stage_edit(here, SATCHEL_ENTITY_CUSTOMER, &m.gone, &theirs);
    REQUIRE_OK(merge(&m, &m.gone, &m.day.customer));
    satchel_record row = stage_read(here, SATCHEL_ENTITY_CUSTOMER, &m.day.customer, NULL);
    CHECK_UINT(satchel_record_get(&row, SATCHEL_CUSTOMER_TAGS)->as.set.count, 2);
    CHECK_TEXT(satchel_record_text(&row, SATCHEL_CUSTOMER_CITY), "Ningbo");
    CHECK_TEXT(satchel_record_text(&row, SATCHEL_CUSTOMER_NAME), "Anna's Shop");
    CHECK_INT(satchel_record_int(&row, SATCHEL_CUSTOMER_LOYALTY_POINTS, 0), 7);
    CHECK_INT(stage_number(here, "SELECT count(*) FROM conflict WHERE kind = 7 AND subject_field = 2"), 1);
    CHECK_UINT(stage_counts(here).conflicts_open, 0);
    command_day_close(&m.day);
}

TEST(merge_customers, edits_that_come_late_are_asked_about_at_the_survivor) {
    merge_day m;
    open_day(&m);
    stage *here = &m.day.here;
    phone other;
    phone_enrol(&other, here, &m.day.li);
    phone_sync(&other);
    stage_edit_text(here, SATCHEL_ENTITY_CUSTOMER, &m.day.customer, SATCHEL_CUSTOMER_CITY, "Hangzhou");
    phone_edit_text(&m.day.lis, SATCHEL_ENTITY_CUSTOMER, &m.gone, SATCHEL_CUSTOMER_CITY, "Ningbo");
    phone_edit_text(&other, SATCHEL_ENTITY_CUSTOMER, &m.gone, SATCHEL_CUSTOMER_STREET, "Long Road 5");
    REQUIRE_OK(merge(&m, &m.gone, &m.day.customer));
    phone_sync(&m.day.lis);
    phone_sync(&other);
    CHECK_INT(phone_last(&m.day.lis).code, SATCHEL_RESULT_MERGED);
    CHECK_INT(phone_last(&other).code, SATCHEL_RESULT_APPLIED);
    satchel_record row = stage_read(here, SATCHEL_ENTITY_CUSTOMER, &m.day.customer, NULL);
    CHECK_TEXT(satchel_record_text(&row, SATCHEL_CUSTOMER_CITY), "Hangzhou");
    CHECK_TEXT(satchel_record_text(&row, SATCHEL_CUSTOMER_STREET), "Long Road 5");
    CHECK_UINT(stage_counts(here).conflicts_open, 1);
    phone_close(&other);
    command_day_close(&m.day);
}

/* Both are one phone's, but it never saw the first one where it went. */
TEST(merge_customers, regress_a_late_value_is_listed_when_its_writer_writes_at_the_survivor) {
    for (int gap_ms = 0; gap_ms <= 1000; gap_ms += 1000) { /* of equal stamps the later op wins, too */
        merge_day m;
        open_day(&m);
        stage *here = &m.day.here;
        phone_edit_text(&m.day.lis, SATCHEL_ENTITY_CUSTOMER, &m.gone, SATCHEL_CUSTOMER_CITY, "Ningbo");
        REQUIRE_OK(merge(&m, &m.gone, &m.day.customer));
        here->now_ms += gap_ms;
        phone_edit_text(&m.day.lis, SATCHEL_ENTITY_CUSTOMER, &m.day.customer, SATCHEL_CUSTOMER_CITY, "Suzhou");
        int64_t before = stage_number(here, "SELECT count(*) FROM conflict");
        phone_sync(&m.day.lis);
        CHECK_INT(phone_result_of(&m.day.lis, 1).code, SATCHEL_RESULT_APPLIED);
        satchel_record row = stage_read(here, SATCHEL_ENTITY_CUSTOMER, &m.day.customer, NULL);
        CHECK_TEXT(satchel_record_text(&row, SATCHEL_CUSTOMER_CITY), "Suzhou");
        CHECK_INT(stage_number(here, "SELECT count(*) FROM conflict"), before + 1);
        CHECK_INT(stage_number(here, "SELECT count(*) FROM conflict WHERE loser_sequence < 0"), 0);
        command_day_close(&m.day);
    }
}

TEST(merge_customers, a_chain_leads_to_its_end_and_is_undone_from_there) {
    merge_day m;
    open_day(&m);
    satchel_id last = stage_customer(&m.day.here, "Anna & Co", &m.day.li, NULL);
    satchel_id contact = contact_at(&m, &m.gone, "Anna");
    REQUIRE_OK(merge(&m, &m.gone, &m.day.customer));
    REQUIRE_OK(merge(&m, &m.day.customer, &last));
    phone_edit_text(&m.day.lis, SATCHEL_ENTITY_CUSTOMER, &m.gone, SATCHEL_CUSTOMER_STREET, "Long Road 5");
    satchel_id visit = phone_check_in(&m.day.lis, &m.gone);
    phone_sync(&m.day.lis);
    satchel_id of_contact = customer_of(&m, SATCHEL_ENTITY_CONTACT, &contact, SATCHEL_CONTACT_CUSTOMER);
    satchel_id of_visit = customer_of(&m, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_CUSTOMER);
    CHECK_ID(&of_contact, &last);
    CHECK_ID(&of_visit, &last);
    satchel_record row = stage_read(&m.day.here, SATCHEL_ENTITY_CUSTOMER, &last, NULL);
    CHECK_TEXT(satchel_record_text(&row, SATCHEL_CUSTOMER_STREET), "Long Road 5");
    CHECK_STATUS(unmerge(&m, &m.gone), SATCHEL_REQUIRED_BEFORE);
    REQUIRE_OK(unmerge(&m, &m.day.customer));
    REQUIRE_OK(unmerge(&m, &m.gone));
    of_contact = customer_of(&m, SATCHEL_ENTITY_CONTACT, &contact, SATCHEL_CONTACT_CUSTOMER);
    CHECK_ID(&of_contact, &m.gone);
    command_day_close(&m.day);
}

TEST(merge_customers, an_undo_takes_back_what_the_merge_gave_and_no_more) {
    merge_day m;
    open_day(&m);
    stage *here = &m.day.here;
    satchel_record theirs = stage_record(here);
    put_set(&theirs, SATCHEL_CUSTOMER_TAGS, "tea");
    REQUIRE_OK(satchel_record_set_text(&theirs, SATCHEL_CUSTOMER_CITY, satchel_text_of("Ningbo")));
    REQUIRE_OK(satchel_record_set_int(&theirs, SATCHEL_CUSTOMER_LOYALTY_POINTS, 4));
    stage_edit(here, SATCHEL_ENTITY_CUSTOMER, &m.gone, &theirs);
    REQUIRE_OK(merge(&m, &m.gone, &m.day.customer));
    stage_edit_text(here, SATCHEL_ENTITY_CUSTOMER, &m.day.customer, SATCHEL_CUSTOMER_CITY, "Hangzhou");
    REQUIRE_OK(unmerge(&m, &m.gone));
    satchel_record row = stage_read(here, SATCHEL_ENTITY_CUSTOMER, &m.day.customer, NULL);
    CHECK_TEXT(satchel_record_text(&row, SATCHEL_CUSTOMER_CITY), "Hangzhou");
    CHECK(satchel_record_get(&row, SATCHEL_CUSTOMER_TAGS) == NULL);
    CHECK_INT(satchel_record_int(&row, SATCHEL_CUSTOMER_LOYALTY_POINTS, 0), 0);
    satchel_record back = stage_read(here, SATCHEL_ENTITY_CUSTOMER, &m.gone, NULL);
    CHECK(satchel_record_get(&back, SATCHEL_CUSTOMER_MERGED_INTO) == NULL);
    CHECK_INT(satchel_record_int(&back, SATCHEL_CUSTOMER_ARCHIVED, 0), 0);
    CHECK_STATUS(unmerge(&m, &m.gone), SATCHEL_ILLEGAL_STATE);
    command_day_close(&m.day);
}

TEST(merge_customers, the_second_merge_of_one_customer_is_overtaken) {
    merge_day m;
    open_day(&m);
    satchel_id third = stage_customer(&m.day.here, "Third", &m.day.li, NULL);
    give_id(&m.day.lis, SATCHEL_COMMAND_MERGE, SATCHEL_ENTITY_CUSTOMER, &m.gone, SATCHEL_CUSTOMER_MERGED_INTO, &third);
    REQUIRE_OK(merge(&m, &m.gone, &m.day.customer));
    phone_sync(&m.day.lis);
    phone_result second = phone_last(&m.day.lis);
    CHECK_STATUS(second.status, SATCHEL_OVERTAKEN);
    REQUIRE(second.loss_count == 1);
    CHECK(satchel_id_equal(&second.loss.winner_user, &m.day.boss));
    CHECK_STATUS(merge(&m, &m.day.customer, &m.gone), SATCHEL_INVALID_ARGUMENT); /* it would go into itself */
    command_day_close(&m.day);
}

TEST(merge_customers, a_customer_that_one_does_not_see_is_not_there) {
    merge_day m;
    open_day(&m);
    satchel_id hidden = stage_customer(&m.day.here, "Hidden", &m.day.wang, NULL);
    satchel_id nothing = {{3}};
    give_id(&m.day.lis, SATCHEL_COMMAND_MERGE, SATCHEL_ENTITY_CUSTOMER, &m.gone, SATCHEL_CUSTOMER_MERGED_INTO, &hidden);
    give_id(&m.day.lis, SATCHEL_COMMAND_MERGE, SATCHEL_ENTITY_CUSTOMER, &m.gone, SATCHEL_CUSTOMER_MERGED_INTO,
            &nothing);
    phone_sync(&m.day.lis);
    CHECK_STATUS(phone_result_of(&m.day.lis, 1).status, SATCHEL_OUT_OF_SCOPE);
    CHECK_STATUS(phone_result_of(&m.day.lis, 2).status, SATCHEL_OUT_OF_SCOPE);
    CHECK_INT(stage_number(&m.day.here, "SELECT count(*) FROM customer_merge"), 0);
    command_day_close(&m.day);
}

static void share(merge_day *m, const satchel_id *customer, const satchel_id *user) {
    satchel_record record = stage_record(&m->day.here);
    satchel_bytes element = satchel_id_view(user);
    satchel_value with = satchel_value_set(&element, 1);
    REQUIRE_OK(satchel_record_set(&record, SATCHEL_CUSTOMER_SHARED_WITH, &with));
    (void)stage_edit(&m->day.here, SATCHEL_ENTITY_CUSTOMER, customer, &record);
}

/* Both are Li's to edit: one is his, the other is Wang's and shared with him. */
TEST(merge_customers, regress_nobody_takes_what_is_shared_with_him_by_a_merge) {
    merge_day m;
    open_day(&m);
    satchel_id wangs = stage_customer(&m.day.here, "Wang's", &m.day.wang, NULL);
    satchel_id contact = contact_at(&m, &wangs, "Anna");
    share(&m, &wangs, &m.day.li);
    phone_sync(&m.day.lis);
    give_id(&m.day.lis, SATCHEL_COMMAND_MERGE, SATCHEL_ENTITY_CUSTOMER, &wangs, SATCHEL_CUSTOMER_MERGED_INTO, &m.gone);
    give_id(&m.day.lis, SATCHEL_COMMAND_MERGE, SATCHEL_ENTITY_CUSTOMER, &m.gone, SATCHEL_CUSTOMER_MERGED_INTO, &wangs);
    phone_sync(&m.day.lis);
    CHECK_STATUS(phone_result_of(&m.day.lis, 1).status, SATCHEL_FORBIDDEN);
    CHECK_STATUS(phone_result_of(&m.day.lis, 2).status, SATCHEL_FORBIDDEN);
    satchel_id at = customer_of(&m, SATCHEL_ENTITY_CONTACT, &contact, SATCHEL_CONTACT_CUSTOMER);
    CHECK_ID(&at, &wangs);
    REQUIRE_OK(merge(&m, &m.gone, &wangs));
    give_customer(&m.day.lis, SATCHEL_COMMAND_UNMERGE, &m.gone); /* nor back by undoing what others decided */
    phone_sync(&m.day.lis);
    CHECK_STATUS(phone_last(&m.day.lis).status, SATCHEL_FORBIDDEN);
    command_day_close(&m.day);
}

TEST(merge_customers, an_edit_of_who_sees_only_the_one_that_went_is_parked) {
    merge_day m;
    open_day(&m);
    satchel_id wangs = stage_customer(&m.day.here, "Wang's", &m.day.wang, NULL);
    phone_sync(&m.day.wangs);
    phone_edit_text(&m.day.wangs, SATCHEL_ENTITY_CUSTOMER, &wangs, SATCHEL_CUSTOMER_CITY, "Ningbo");
    satchel_id visit = phone_check_in(&m.day.wangs, &wangs);
    REQUIRE_OK(merge(&m, &wangs, &m.day.customer));
    phone_sync(&m.day.wangs);
    CHECK_INT(phone_result_of(&m.day.wangs, 1).code, SATCHEL_RESULT_PARKED);
    CHECK_INT(phone_result_of(&m.day.wangs, 2).code, SATCHEL_RESULT_APPLIED); /* a fact */
    satchel_id of_visit = customer_of(&m, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_CUSTOMER);
    CHECK_ID(&of_visit, &m.day.customer);
    CHECK(phone_find(&m.day.wangs, SATCHEL_ENTITY_CUSTOMER, &m.day.customer) == NULL);
    command_day_close(&m.day);
}

TEST(merge_customers, regress_a_customer_that_went_opens_no_row_that_he_never_had) {
    merge_day m;
    open_day(&m);
    satchel_id wangs = stage_customer(&m.day.here, "Wang's", &m.day.wang, NULL);
    phone_sync(&m.day.wangs);
    REQUIRE_OK(merge(&m, &wangs, &m.day.customer));
    phone_sync(&m.day.wangs);
    const satchel_id rows[] = {contact_at(&m, &m.gone, "Anna"), contact_at(&m, &m.day.customer, "Bo"), {{9}}};
    for (uint64_t i = 0; i < 3; i++) { /* of another customer, of the survivor, of none: one answer */
        phone_unit unit = {.count = 0};
        satchel_op *op = phone_edit(&m.day.wangs, &unit, SATCHEL_ENTITY_CONTACT, &rows[i]);
        REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_CONTACT_CUSTOMER, &wangs));
        phone_commit(&m.day.wangs, &unit);
        phone_sync(&m.day.wangs);
        CHECK_INT(phone_last(&m.day.wangs).code, SATCHEL_RESULT_REFUSED);
        CHECK_STATUS(phone_last(&m.day.wangs).status, SATCHEL_OUT_OF_SCOPE);
    }
    command_day_close(&m.day);
}

TEST(merge_customers, regress_work_on_a_fact_that_came_late_is_a_fact_too) {
    merge_day m;
    open_day(&m);
    satchel_id wangs = stage_customer(&m.day.here, "Wang's", &m.day.wang, NULL);
    phone_sync(&m.day.wangs);
    satchel_id visit = phone_check_in(&m.day.wangs, &wangs);
    phone_edit_text(&m.day.wangs, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_SUMMARY, "wants tea");
    REQUIRE_OK(merge(&m, &wangs, &m.day.customer));
    phone_sync(&m.day.wangs);
    CHECK_INT(phone_result_of(&m.day.wangs, 1).code, SATCHEL_RESULT_APPLIED);
    CHECK_INT(phone_result_of(&m.day.wangs, 2).code, SATCHEL_RESULT_APPLIED);
    satchel_record row = stage_read(&m.day.here, SATCHEL_ENTITY_VISIT, &visit, NULL);
    CHECK_TEXT(satchel_record_text(&row, SATCHEL_VISIT_SUMMARY), "wants tea");
    command_day_close(&m.day);
}

static satchel_id planned_visit(merge_day *m, const satchel_id *customer, const satchel_id *plan, bool facts) {
    satchel_record record = stage_record(&m->day.here);
    REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_VISIT_CUSTOMER, customer));
    REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_VISIT_OWNER, &m->day.li));
    REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_VISIT_PLAN, plan));
    REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_VISIT_PLAN_DAY, 20000));
    REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_VISIT_STATUS, SATCHEL_VISIT_STATUS_PLANNED));
    if (facts) {
        REQUIRE_OK(satchel_record_set_time(&record, SATCHEL_VISIT_CHECK_IN_AT, STAGE_START_MS));
    }
    return stage_create(&m->day.here, SATCHEL_ENTITY_VISIT, &record).id;
}

static satchel_id plan_of_li(merge_day *m) {
    satchel_record plan = stage_record(&m->day.here);
    REQUIRE_OK(satchel_record_set_text(&plan, SATCHEL_VISIT_PLAN_NAME, satchel_text_of("Mondays")));
    REQUIRE_OK(satchel_record_set_id(&plan, SATCHEL_VISIT_PLAN_OWNER, &m->day.li));
    REQUIRE_OK(satchel_record_set_int(&plan, SATCHEL_VISIT_PLAN_RULE, SATCHEL_PLAN_RULE_EVERY_DAYS));
    REQUIRE_OK(satchel_record_set_int(&plan, SATCHEL_VISIT_PLAN_EVERY_DAYS, 7));
    REQUIRE_OK(satchel_record_set_int(&plan, SATCHEL_VISIT_PLAN_VALID_FROM, 19000));
    return stage_create(&m->day.here, SATCHEL_ENTITY_VISIT_PLAN, &plan).id;
}

TEST(merge_customers, planned_visits_of_a_day_join_and_the_one_with_facts_stays) {
    static const struct {
        bool gone_facts, stays_facts;
        int64_t left; /* of the two */
    } cases[] = {{false, false, 1}, {true, false, 1}, {false, true, 1}, {true, true, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        merge_day m;
        open_day(&m);
        satchel_id plan = plan_of_li(&m);
        satchel_id theirs = planned_visit(&m, &m.gone, &plan, cases[i].gone_facts);
        satchel_id ours = planned_visit(&m, &m.day.customer, &plan, cases[i].stays_facts);
        REQUIRE_OK(merge(&m, &m.gone, &m.day.customer));
        CHECK_INT(stage_number(&m.day.here, "SELECT count(*) FROM visit WHERE deleted = 0"), cases[i].left);
        CHECK_INT(
            number_of(&m.day.here, SATCHEL_ENTITY_VISIT, cases[i].gone_facts ? &theirs : &ours, SATCHEL_VISIT_PLAN_DAY),
            20000);
        REQUIRE_OK(unmerge(&m, &m.gone));
        CHECK_INT(stage_number(&m.day.here, "SELECT count(*) FROM visit WHERE deleted = 0"), 2);
        command_day_close(&m.day);
    }
}

TEST(merge_customers, so_many_rows_move_at_once_and_one_more_does_not) {
    merge_day m;
    open_day(&m);
    stage *here = &m.day.here;
    contact_at(&m, &m.gone, "Anna");
    stage_begin(here);
    for (uint32_t i = 0; i < SATCHEL_MERGE_ROWS_MOST; i++) {
        satchel_id id = {{1}};
        satchel_put_u32be(id.bytes + 4, i);
        REQUIRE_OK(
            SATCHEL_DB_RUN(here->db, NULL,
                           "INSERT INTO contact (id, name, customer, deleted, rev_open, revision) SELECT ?1, 'x',"
                           " customer, 0, rev_open, revision FROM contact WHERE name = 'Anna'",
                           satchel_value_id(&id)));
    }
    stage_commit(here);
    CHECK_STATUS(merge(&m, &m.gone, &m.day.customer), SATCHEL_LIMIT_EXCEEDED);
    stage_begin(here);
    REQUIRE_OK(satchel_db_exec(here->db, "DELETE FROM contact WHERE name = 'Anna'", NULL));
    stage_commit(here);
    CHECK_INT(stage_number(here, "SELECT count(*) FROM contact"), SATCHEL_MERGE_ROWS_MOST);
    CHECK_STATUS(merge(&m, &m.gone, &m.day.customer), SATCHEL_OK);
    command_day_close(&m.day);
}
