/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parked edits of a row that moved are offered to its new owner, field by field.
 */
#include "command_stage.h"

#include "service/erase.h"

/* Li is offline with edits of his own while the customer goes to Wang. */
static void move_to_wang(command_day *day) {
    stage_pass(&day->here, 60000);
    stage_reassign(&day->here, &day->customer, &day->wang);
}

static satchel_op *edit_two(command_day *day, phone_unit *unit) {
    satchel_op *op = phone_edit(&day->lis, unit, SATCHEL_ENTITY_CUSTOMER, &day->customer);
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CUSTOMER_NOTE, satchel_text_of("likes tea")));
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CUSTOMER_CITY, satchel_text_of("Ningbo")));
    return op;
}

static void lose_two(command_day *day) {
    phone_unit unit = {.count = 0};
    command_day_open(day);
    edit_two(day, &unit);
    phone_commit(&day->lis, &unit);
    move_to_wang(day);
    phone_sync(&day->lis);
    CHECK_INT(phone_last(&day->lis).code, SATCHEL_RESULT_PARKED);
}

static satchel_id offer_of(command_day *day, uint32_t field) {
    satchel_id ids[16];
    satchel_id found = {{0}};
    uint32_t count = stage_list(&day->here, SATCHEL_ENTITY_CONFLICT, ids, 16);
    for (uint32_t i = 0; i < count; i++) {
        bool open = number_of(&day->here, SATCHEL_ENTITY_CONFLICT, &ids[i], SATCHEL_CONFLICT_STATUS) ==
                    SATCHEL_CONFLICT_STATUS_OPEN;
        bool of_field =
            number_of(&day->here, SATCHEL_ENTITY_CONFLICT, &ids[i], SATCHEL_CONFLICT_SUBJECT_FIELD) == field;
        found = open && of_field ? ids[i] : found;
    }
    return found;
}

static int64_t parked_state(command_day *day) {
    satchel_id parked;
    REQUIRE_UINT(stage_list(&day->here, SATCHEL_ENTITY_PARKED_EDIT, &parked, 1), 1);
    return number_of(&day->here, SATCHEL_ENTITY_PARKED_EDIT, &parked, SATCHEL_PARKED_EDIT_STATUS);
}

static satchel_status decide_parked(command_day *day, const satchel_actor *actor, satchel_decision how) {
    stage *here = &day->here;
    satchel_id parked;
    REQUIRE_UINT(stage_list(here, SATCHEL_ENTITY_PARKED_EDIT, &parked, 1), 1);
    stage_begin(here);
    satchel_status status = satchel_parked_decide(here->service, here->db, actor, &parked, how, NULL);
    stage_commit(here);
    return status;
}

static satchel_status decide_offer(command_day *day, const satchel_id *conflict, satchel_decision how) {
    stage *here = &day->here;
    satchel_actor wang = satchel_actor_user(&day->wang);
    stage_begin(here);
    satchel_status status = satchel_conflict_decide(here->service, here->db, &wang, conflict, how, NULL);
    stage_commit(here);
    return status;
}

static satchel_text text_now(command_day *day, uint32_t field) {
    satchel_record row = stage_read(&day->here, SATCHEL_ENTITY_CUSTOMER, &day->customer, NULL);
    return satchel_record_text(&row, field);
}

static void resolve(phone *mine, const satchel_id *conflict, int64_t state) {
    satchel_record set = stage_record(mine->here);
    REQUIRE_OK(satchel_record_set_int(&set, SATCHEL_CONFLICT_STATUS, state));
    give(mine, SATCHEL_COMMAND_RESOLVE, SATCHEL_ENTITY_CONFLICT, conflict, &set);
    phone_sync(mine);
    CHECK_INT(phone_last(mine).code, SATCHEL_RESULT_APPLIED);
}

TEST(offers, what_was_parked_travels_to_the_new_owner_as_a_question) {
    command_day day;
    lose_two(&day);
    satchel_id note = offer_of(&day, SATCHEL_CUSTOMER_NOTE);
    phone_sync(&day.wangs);
    const mirror_row *his = phone_find(&day.wangs, SATCHEL_ENTITY_CONFLICT, &note);
    REQUIRE(his != NULL);
    CHECK_INT(satchel_record_int(&his->record, SATCHEL_CONFLICT_KIND, 0), SATCHEL_CONFLICT_KIND_ASK);
    CHECK_INT(satchel_record_int(&his->record, SATCHEL_CONFLICT_STATUS, 0), SATCHEL_CONFLICT_STATUS_OPEN);
    CHECK_INT(satchel_record_int(&his->record, SATCHEL_CONFLICT_REASON, 0), SATCHEL_MOVED_AWAY);
    satchel_id loser = satchel_record_id(&his->record, SATCHEL_CONFLICT_LOSER_USER);
    CHECK_ID(&loser, &day.li);
    CHECK_UINT(phone_count(&day.wangs, SATCHEL_ENTITY_CONFLICT), 2);
    CHECK_UINT(phone_count(&day.lis, SATCHEL_ENTITY_CONFLICT), 0);
    CHECK_INT(parked_state(&day), SATCHEL_PARKED_STATUS_WAITING);
    CHECK_TEXT(text_now(&day, SATCHEL_CUSTOMER_NOTE), "");
    command_day_close(&day);
}

TEST(offers, the_last_field_that_is_decided_settles_the_edit) {
    command_day day;
    lose_two(&day);
    phone_sync(&day.wangs);
    satchel_id note = offer_of(&day, SATCHEL_CUSTOMER_NOTE);
    satchel_id city = offer_of(&day, SATCHEL_CUSTOMER_CITY);
    resolve(&day.wangs, &note, SATCHEL_CONFLICT_STATUS_KEPT);
    CHECK_INT(parked_state(&day), SATCHEL_PARKED_STATUS_WAITING);
    CHECK_OK(decide_offer(&day, &city, SATCHEL_DECISION_RESTORE));
    CHECK_INT(parked_state(&day), SATCHEL_PARKED_STATUS_ACCEPTED);
    CHECK_TEXT(text_now(&day, SATCHEL_CUSTOMER_CITY), "Ningbo");
    CHECK_TEXT(text_now(&day, SATCHEL_CUSTOMER_NOTE), "");
    CHECK_STATUS(decide_parked(&day, &day.here.system, SATCHEL_DECISION_RESTORE), SATCHEL_OVERTAKEN);
    command_day_close(&day);
}

TEST(offers, an_edit_of_which_nothing_is_taken_is_discarded) {
    command_day day;
    lose_two(&day);
    phone_sync(&day.wangs);
    satchel_id note = offer_of(&day, SATCHEL_CUSTOMER_NOTE);
    satchel_id city = offer_of(&day, SATCHEL_CUSTOMER_CITY);
    resolve(&day.wangs, &note, SATCHEL_CONFLICT_STATUS_KEPT);
    resolve(&day.wangs, &city, SATCHEL_CONFLICT_STATUS_KEPT);
    CHECK_INT(parked_state(&day), SATCHEL_PARKED_STATUS_DISCARDED);
    CHECK_UINT(stage_counts(&day.here).parked_open, 0);
    CHECK_UINT(stage_counts(&day.here).conflicts_open, 0);
    command_day_close(&day);
}

TEST(offers, a_value_of_the_new_owners_own_settles_its_field) {
    command_day day;
    lose_two(&day);
    stage *here = &day.here;
    satchel_actor wang = satchel_actor_user(&day.wang);
    satchel_id note = offer_of(&day, SATCHEL_CUSTOMER_NOTE);
    satchel_id city = offer_of(&day, SATCHEL_CUSTOMER_CITY);
    satchel_record record = stage_record(here);
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_NOTE, satchel_text_of("likes black tea")));
    CHECK_OK(decide_offer(&day, &city, SATCHEL_DECISION_KEEP));
    stage_begin(here);
    CHECK_OK(satchel_conflict_edit(here->service, here->db, &wang, &note, &record, NULL, 0, NULL));
    stage_commit(here);
    CHECK_INT(parked_state(&day), SATCHEL_PARKED_STATUS_ACCEPTED);
    CHECK_TEXT(text_now(&day, SATCHEL_CUSTOMER_NOTE), "likes black tea");
    command_day_close(&day);
}

TEST(offers, with_the_edit_its_offers_end) {
    static const struct {
        satchel_decision how;
        int64_t state;
        const char *note;
    } cases[] = {{SATCHEL_DECISION_KEEP, SATCHEL_CONFLICT_STATUS_KEPT, ""},
                 {SATCHEL_DECISION_RESTORE, SATCHEL_CONFLICT_STATUS_RESTORED, "likes tea"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        command_day day;
        lose_two(&day);
        satchel_actor boss = satchel_actor_user(&day.boss);
        satchel_id note = offer_of(&day, SATCHEL_CUSTOMER_NOTE);
        CHECK_OK(decide_parked(&day, &boss, cases[i].how));
        CHECK_INT(number_of(&day.here, SATCHEL_ENTITY_CONFLICT, &note, SATCHEL_CONFLICT_STATUS), cases[i].state);
        CHECK_UINT(stage_counts(&day.here).conflicts_open, 0);
        CHECK_TEXT(text_now(&day, SATCHEL_CUSTOMER_NOTE), cases[i].note);
        CHECK_STATUS(decide_offer(&day, &note, SATCHEL_DECISION_RESTORE), SATCHEL_OVERTAKEN);
        command_day_close(&day);
    }
}

TEST(offers, the_edit_as_a_whole_is_the_supervisors) {
    static const satchel_decision decisions[] = {SATCHEL_DECISION_KEEP, SATCHEL_DECISION_RESTORE};
    command_day day;
    lose_two(&day);
    satchel_actor wang = satchel_actor_user(&day.wang);
    satchel_actor li = satchel_actor_user(&day.li);
    satchel_actor boss = satchel_actor_user(&day.boss);
    for (size_t i = 0; i < 2; i++) {
        CHECK_STATUS(decide_parked(&day, &wang, decisions[i]), SATCHEL_FORBIDDEN);
        CHECK(decide_parked(&day, &li, decisions[i]) != SATCHEL_OK);
    }
    CHECK_INT(parked_state(&day), SATCHEL_PARKED_STATUS_WAITING);
    CHECK_OK(decide_parked(&day, &boss, SATCHEL_DECISION_RESTORE));
    CHECK_TEXT(text_now(&day, SATCHEL_CUSTOMER_NOTE), "likes tea");
    command_day_close(&day);
}

TEST(offers, the_supervisor_lets_in_only_what_the_owner_did_not_decide_on) {
    command_day day;
    lose_two(&day);
    satchel_id note = offer_of(&day, SATCHEL_CUSTOMER_NOTE);
    CHECK_OK(decide_offer(&day, &note, SATCHEL_DECISION_KEEP));
    CHECK_OK(decide_parked(&day, &day.here.system, SATCHEL_DECISION_RESTORE));
    CHECK_TEXT(text_now(&day, SATCHEL_CUSTOMER_NOTE), "");
    CHECK_TEXT(text_now(&day, SATCHEL_CUSTOMER_CITY), "Ningbo");
    command_day_close(&day);
}

TEST(offers, of_a_field_that_the_owner_may_not_write_the_supervisor_alone_is_asked) {
    command_day day;
    phone_unit unit = {.count = 0};
    command_day_open(&day);
    satchel_op *op = edit_two(&day, &unit);
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CUSTOMER_RISK_NOTE, satchel_text_of("owes everybody")));
    phone_commit(&day.lis, &unit);
    move_to_wang(&day);
    phone_sync(&day.lis);
    REQUIRE_INT(phone_last(&day.lis).code, SATCHEL_RESULT_PARKED);
    satchel_id hidden = offer_of(&day, SATCHEL_CUSTOMER_RISK_NOTE);
    satchel_id note = offer_of(&day, SATCHEL_CUSTOMER_NOTE);
    satchel_id city = offer_of(&day, SATCHEL_CUSTOMER_CITY);
    CHECK(satchel_id_is_none(&hidden));
    CHECK_OK(decide_offer(&day, &note, SATCHEL_DECISION_RESTORE));
    CHECK_OK(decide_offer(&day, &city, SATCHEL_DECISION_RESTORE));
    CHECK_INT(parked_state(&day), SATCHEL_PARKED_STATUS_WAITING);
    CHECK_OK(decide_parked(&day, &day.here.system, SATCHEL_DECISION_RESTORE));
    CHECK_TEXT(text_now(&day, SATCHEL_CUSTOMER_RISK_NOTE), "owes everybody");
    command_day_close(&day);
}

TEST(offers, what_stands_already_is_not_offered) {
    command_day day;
    phone_unit unit = {.count = 0};
    command_day_open(&day);
    edit_two(&day, &unit);
    phone_commit(&day.lis, &unit);
    move_to_wang(&day);
    stage_edit_text(&day.here, SATCHEL_ENTITY_CUSTOMER, &day.customer, SATCHEL_CUSTOMER_CITY, "Ningbo");
    phone_sync(&day.lis);
    satchel_id city = offer_of(&day, SATCHEL_CUSTOMER_CITY);
    satchel_id note = offer_of(&day, SATCHEL_CUSTOMER_NOTE);
    CHECK(satchel_id_is_none(&city));
    CHECK_OK(decide_offer(&day, &note, SATCHEL_DECISION_KEEP));
    CHECK_INT(parked_state(&day), SATCHEL_PARKED_STATUS_DISCARDED);
    command_day_close(&day);
}

TEST(offers, the_newest_of_a_field_is_open) {
    command_day day;
    command_day_open(&day);
    phone_edit_text(&day.lis, SATCHEL_ENTITY_CUSTOMER, &day.customer, SATCHEL_CUSTOMER_NOTE, "likes tea");
    phone_edit_text(&day.lis, SATCHEL_ENTITY_CUSTOMER, &day.customer, SATCHEL_CUSTOMER_NOTE, "likes coffee");
    move_to_wang(&day);
    phone_sync(&day.lis);
    CHECK_UINT(stage_counts(&day.here).parked_open, 2);
    CHECK_UINT(stage_counts(&day.here).conflicts_open, 1);
    satchel_id note = offer_of(&day, SATCHEL_CUSTOMER_NOTE);
    CHECK_OK(decide_offer(&day, &note, SATCHEL_DECISION_RESTORE));
    CHECK_TEXT(text_now(&day, SATCHEL_CUSTOMER_NOTE), "likes coffee");
    CHECK_UINT(stage_counts(&day.here).parked_open, 1); /* nobody said anything of the first */
    command_day_close(&day);
}

TEST(offers, a_row_that_he_never_had_is_offered_to_nobody) {
    command_day day;
    phone_unit unit = {.count = 0};
    command_day_open(&day);
    satchel_id other = stage_customer(&day.here, "Not Li's", &day.wang, NULL);
    edit_two(&day, &unit);
    satchel_op *op = phone_edit(&day.lis, &unit, SATCHEL_ENTITY_CUSTOMER, &other);
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CUSTOMER_NOTE, satchel_text_of("cheeky")));
    phone_commit(&day.lis, &unit);
    move_to_wang(&day);
    phone_sync(&day.lis);
    CHECK_UINT(stage_counts(&day.here).parked_open, 2);
    CHECK_UINT(stage_counts(&day.here).conflicts_open, 2);
    command_day_close(&day);
}

TEST(offers, a_customer_that_went_to_nobody_is_offered_to_nobody) {
    command_day day;
    command_day_open(&day);
    phone_edit_text(&day.lis, SATCHEL_ENTITY_CUSTOMER, &day.customer, SATCHEL_CUSTOMER_NOTE, "likes tea");
    stage_pass(&day.here, 60000);
    REQUIRE_OK(desk_give(&day.here, &day.here.system, SATCHEL_COMMAND_RELEASE, SATCHEL_ENTITY_CUSTOMER, &day.customer,
                         NULL, NULL));
    phone_sync(&day.lis);
    CHECK_UINT(stage_counts(&day.here).parked_open, 1);
    CHECK_UINT(stage_counts(&day.here).conflicts_open, 0);
    command_day_close(&day);
}

TEST(offers, of_an_erased_customer_no_offer_holds_a_value) {
    command_day day;
    lose_two(&day);
    stage *here = &day.here;
    satchel_id note = offer_of(&day, SATCHEL_CUSTOMER_NOTE);
    satchel_id erasure;
    uint64_t rows = 0;
    phone_sync(&day.wangs);
    stage_begin(here);
    REQUIRE_OK(satchel_person_erase(here->service, here->db, &here->system, SATCHEL_ENTITY_CUSTOMER, &day.customer,
                                    satchel_text_of("asked"), &erasure, &rows, NULL));
    stage_commit(here);
    CHECK_INT(stage_number(here, "SELECT count(*) FROM conflict WHERE values_open IS NOT NULL OR values_personal IS NOT"
                                 " NULL OR values_commercial IS NOT NULL OR values_secret IS NOT NULL"),
              0);
    CHECK_INT(parked_state(&day), SATCHEL_PARKED_STATUS_DISCARDED);
    CHECK_UINT(stage_counts(here).conflicts_open, 0);
    CHECK_STATUS(decide_offer(&day, &note, SATCHEL_DECISION_RESTORE), SATCHEL_OVERTAKEN);
    CHECK_TEXT(text_now(&day, SATCHEL_CUSTOMER_NOTE), "");
    command_day_close(&day);
}

TEST(offers, a_third_owner_gets_the_question_with_the_row) {
    command_day day;
    phone bosss;
    lose_two(&day);
    phone_sync(&day.wangs);
    CHECK_UINT(phone_count(&day.wangs, SATCHEL_ENTITY_CONFLICT), 2);
    phone_enrol(&bosss, &day.here, &day.boss);
    stage_pass(&day.here, 60000);
    stage_reassign(&day.here, &day.customer, &day.boss);
    phone_sync(&day.wangs);
    phone_sync(&bosss);
    CHECK_UINT(phone_count(&day.wangs, SATCHEL_ENTITY_CONFLICT), 0);
    CHECK_UINT(phone_count(&bosss, SATCHEL_ENTITY_CONFLICT), 2);
    phone_close(&bosss);
    command_day_close(&day);
}
