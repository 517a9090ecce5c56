/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A phone that does not play by the rules, and rows that move at a bad moment: nothing is learnt, forged or lost.
 */
#include "support/server_service/stage.h"

#include "base/limits.h"
#include "base/text.h"

#include <string.h>

typedef struct rivals {
    stage here;
    satchel_id boss, li, wang;
    satchel_id mine, his; /* customers */
    phone phone;
} rivals;

static void set_up(rivals *all) {
    stage *here = &all->here;
    stage_open(here, NULL, 17);
    all->boss = stage_user(here, "boss", SATCHEL_ROLE_MANAGER, NULL, NULL);
    all->li = stage_user(here, "li", SATCHEL_ROLE_REP, &all->boss, NULL);
    all->wang = stage_user(here, "wang", SATCHEL_ROLE_REP, &all->boss, NULL);
    all->mine = stage_customer(here, "Anna's Shop", &all->li, NULL);
    all->his = stage_customer(here, "Wang's Shop", &all->wang, NULL);
    phone_enrol(&all->phone, here, &all->li);
    phone_sync(&all->phone);
}

static void tear_down(rivals *all) {
    phone_close(&all->phone);
    stage_close(&all->here);
}

/* A row at a customer with a title or name; `other` is one more id that it names. */
static satchel_id hang(phone *mine, uint32_t entity, uint32_t text_field, uint32_t customer_field,
                       const satchel_id *customer, uint32_t other_field, const satchel_id *other) {
    phone_unit unit = {.count = 0};
    satchel_id id;
    satchel_op *op = phone_create(mine, &unit, entity, &id);
    REQUIRE_OK(satchel_record_set_text(&op->set, text_field, satchel_text_of("X")));
    REQUIRE_OK(satchel_record_set_id(&op->set, customer_field, customer));
    if (entity == SATCHEL_ENTITY_TASK) {
        REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_TASK_STATUS, SATCHEL_TASK_STATUS_OPEN));
    }
    if (other_field != 0) {
        REQUIRE_OK(satchel_record_set_id(&op->set, other_field, other));
    }
    phone_commit(mine, &unit);
    return id;
}

static satchel_id visit_in_name_of(phone *mine, const satchel_id *customer, const satchel_id *owner) {
    phone_unit unit = {.count = 0};
    satchel_id id;
    satchel_op *op = phone_create(mine, &unit, SATCHEL_ENTITY_VISIT, &id);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_VISIT_CUSTOMER, customer));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_VISIT_OWNER, owner));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_VISIT_STATUS, SATCHEL_VISIT_STATUS_PLANNED));
    phone_commit(mine, &unit);
    return id;
}

/* Does the id occur anywhere in what the phone was sent? */
static bool was_sent(const phone *mine, const satchel_id *id) {
    for (size_t at = 0; at + SATCHEL_ID_BYTES <= mine->wire.bytes; at++) {
        if (memcmp(mine->wire.data + at, id->bytes, SATCHEL_ID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

TEST(attack, regress_a_row_that_goes_to_another_customer_of_the_same_rep_stays) {
    rivals all;
    set_up(&all);
    satchel_id second = stage_customer(&all.here, "Second", &all.li, NULL);
    satchel_id contact =
        hang(&all.phone, SATCHEL_ENTITY_CONTACT, SATCHEL_CONTACT_NAME, SATCHEL_CONTACT_CUSTOMER, &second, 0, NULL);
    phone_sync(&all.phone);
    phone other;
    phone_enrol(&other, &all.here, &all.boss);
    phone_sync(&other);
    const satchel_id *customers[] = {&all.mine, &second};
    for (int i = 0; i < 2; i++) {
        satchel_record record = stage_record(&all.here);
        REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_CONTACT_CUSTOMER, customers[i]));
        stage_edit(&all.here, SATCHEL_ENTITY_CONTACT, &contact, &record);
        phone_sync(&all.phone);
        phone_sync(&other);
        CHECK(phone_find(&all.phone, SATCHEL_ENTITY_CONTACT, &contact) != NULL);
        CHECK(phone_find(&other, SATCHEL_ENTITY_CONTACT, &contact) != NULL);
    }
    phone_close(&other);
    tear_down(&all);
}

TEST(attack, regress_absent_and_forbidden_customers_get_the_same_answer) {
    rivals all;
    set_up(&all);
    const satchel_id nowhere = {{0x77}};
    hang(&all.phone, SATCHEL_ENTITY_TASK, SATCHEL_TASK_TITLE, SATCHEL_TASK_CUSTOMER, &nowhere, 0, NULL);
    hang(&all.phone, SATCHEL_ENTITY_TASK, SATCHEL_TASK_TITLE, SATCHEL_TASK_CUSTOMER, &all.his, 0, NULL);
    phone_sync(&all.phone);
    phone_result absent = phone_result_of(&all.phone, 1);
    phone_result forbidden = phone_result_of(&all.phone, 2);
    CHECK_INT(absent.code, SATCHEL_RESULT_REFUSED);
    CHECK_INT(forbidden.code, absent.code);
    CHECK_STATUS(forbidden.status, absent.status);
    CHECK_UINT(forbidden.field, absent.field);
    tear_down(&all);
}

TEST(attack, regress_a_row_does_not_name_what_its_writer_cannot_see) {
    rivals all;
    set_up(&all);
    const satchel_id nowhere = {{0x78}};
    satchel_record record = stage_record(&all.here);
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CONTACT_NAME, satchel_text_of("Chen")));
    REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_CONTACT_CUSTOMER, &all.his));
    satchel_id hidden = stage_create(&all.here, SATCHEL_ENTITY_CONTACT, &record).id;
    hang(&all.phone, SATCHEL_ENTITY_TASK, SATCHEL_TASK_TITLE, SATCHEL_TASK_CUSTOMER, &all.mine, SATCHEL_TASK_CONTACT,
         &nowhere);
    hang(&all.phone, SATCHEL_ENTITY_TASK, SATCHEL_TASK_TITLE, SATCHEL_TASK_CUSTOMER, &all.mine, SATCHEL_TASK_CONTACT,
         &hidden);
    phone_sync(&all.phone);
    CHECK_INT(phone_result_of(&all.phone, 1).code, SATCHEL_RESULT_REFUSED);
    CHECK_INT(phone_result_of(&all.phone, 2).code, SATCHEL_RESULT_REFUSED);
    CHECK_STATUS(phone_result_of(&all.phone, 2).status, phone_result_of(&all.phone, 1).status);
    CHECK_UINT(phone_result_of(&all.phone, 2).field, phone_result_of(&all.phone, 1).field);
    tear_down(&all);
}

TEST(attack, regress_a_fact_may_name_what_moved_away_meanwhile) {
    rivals all;
    set_up(&all);
    satchel_id contact =
        hang(&all.phone, SATCHEL_ENTITY_CONTACT, SATCHEL_CONTACT_NAME, SATCHEL_CONTACT_CUSTOMER, &all.mine, 0, NULL);
    phone_sync(&all.phone);
    phone_unit unit = {.count = 0};
    satchel_id activity;
    satchel_op *op = phone_create(&all.phone, &unit, SATCHEL_ENTITY_ACTIVITY, &activity);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ACTIVITY_CUSTOMER, &all.mine));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ACTIVITY_CONTACT, &contact));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ACTIVITY_KIND, SATCHEL_ACTIVITY_KIND_CALL));
    REQUIRE_OK(satchel_record_set_time(&op->set, SATCHEL_ACTIVITY_AT, all.here.now_ms));
    phone_commit(&all.phone, &unit);
    stage_reassign(&all.here, &all.mine, &all.wang);
    phone_sync(&all.phone);
    CHECK_INT(phone_last(&all.phone).code, SATCHEL_RESULT_APPLIED);
    tear_down(&all);
}

TEST(attack, regress_nobody_checks_in_in_the_name_of_another) {
    rivals all;
    set_up(&all);
    visit_in_name_of(&all.phone, &all.mine, &all.wang);
    phone_sync(&all.phone);
    CHECK_INT(phone_last(&all.phone).code, SATCHEL_RESULT_REFUSED);
    CHECK_STATUS(phone_last(&all.phone).status, SATCHEL_FORBIDDEN);
    visit_in_name_of(&all.phone, &all.mine, &all.wang);
    stage_reassign(&all.here, &all.mine, &all.wang);
    phone_sync(&all.phone);
    CHECK_INT(phone_last(&all.phone).code, SATCHEL_RESULT_REFUSED);
    CHECK_STATUS(phone_last(&all.phone).status, SATCHEL_FORBIDDEN);
    CHECK_INT(stage_number(&all.here, "SELECT count(*) FROM visit"), 0);
    tear_down(&all);
}

TEST(attack, regress_a_visit_is_not_handed_to_another) {
    rivals all;
    set_up(&all);
    satchel_id visit = phone_check_in(&all.phone, &all.mine);
    phone_sync(&all.phone);
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_edit(&all.phone, &unit, SATCHEL_ENTITY_VISIT, &visit);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_VISIT_OWNER, &all.wang));
    phone_commit(&all.phone, &unit);
    phone_sync(&all.phone);
    CHECK_STATUS(phone_last(&all.phone).status, SATCHEL_FORBIDDEN);
    tear_down(&all);
}

TEST(attack, regress_what_never_travels_leaves_no_removal_either) {
    rivals all;
    set_up(&all);
    phone other;
    phone_enrol(&other, &all.here, &all.wang);
    phone_sync(&other);
    phone_edit_text(&all.phone, SATCHEL_ENTITY_CUSTOMER, &all.mine, SATCHEL_CUSTOMER_NOTE, "parked");
    stage_reassign(&all.here, &all.mine, &all.wang);
    phone_sync(&all.phone);
    phone_sync(&other);
    satchel_id parked;
    REQUIRE_UINT(stage_list(&all.here, SATCHEL_ENTITY_PARKED_EDIT, &parked, 1), 1);
    stage_reassign(&all.here, &all.mine, &all.boss);
    phone_sync(&other);
    CHECK(phone_find(&other, SATCHEL_ENTITY_CUSTOMER, &all.mine) == NULL);
    CHECK(!was_sent(&other, &parked));
    phone_close(&other);
    tear_down(&all);
}

TEST(attack, regress_a_conflict_of_a_hidden_class_leaves_no_removal_either) {
    rivals all;
    set_up(&all);
    satchel_id desk = stage_user(&all.here, "desk", SATCHEL_ROLE_SERVICE, NULL, NULL);
    satchel_id shop = stage_customer(&all.here, "Desk's", &desk, NULL);
    phone other;
    phone_enrol(&other, &all.here, &desk);
    phone_sync(&other);
    satchel_record record = stage_record(&all.here);
    satchel_write_outcome out;
    for (int i = 0; i < 2; i++) {
        REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR, 100 + i));
        REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_CURRENCY, satchel_text_of("CNY")));
        REQUIRE_OK(stage_try_edit(&all.here, &all.here.system, SATCHEL_ENTITY_CUSTOMER, &shop, 1, &record, &out));
    }
    satchel_id conflict = {{0}};
    REQUIRE_UINT(stage_list(&all.here, SATCHEL_ENTITY_CONFLICT, &conflict, 1), 1);
    phone_sync(&other);
    stage_reassign(&all.here, &shop, &all.wang);
    phone_sync(&other);
    CHECK(!was_sent(&other, &conflict));
    phone_close(&other);
    tear_down(&all);
}

TEST(attack, regress_a_submitted_order_is_not_deleted_by_its_rep) {
    rivals all;
    set_up(&all);
    satchel_record product = stage_record(&all.here);
    REQUIRE_OK(satchel_record_set_text(&product, SATCHEL_PRODUCT_CODE, satchel_text_of("T1")));
    REQUIRE_OK(satchel_record_set_text(&product, SATCHEL_PRODUCT_NAME, satchel_text_of("Tea")));
    satchel_id tea = stage_create(&all.here, SATCHEL_ENTITY_PRODUCT, &product).id;
    phone_unit unit = {.count = 0};
    satchel_id order;
    satchel_id line;
    satchel_op *op = phone_create(&all.phone, &unit, SATCHEL_ENTITY_ORDER, &order);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_CUSTOMER, &all.mine));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_SUBMITTED));
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_ORDER_CURRENCY, satchel_text_of("CNY")));
    op = phone_create(&all.phone, &unit, SATCHEL_ENTITY_ORDER_LINE, &line);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_LINE_ORDER, &order));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_LINE_PRODUCT, &tea));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_QUANTITY_E3, 1000));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, 5));
    phone_commit(&all.phone, &unit);
    phone_sync(&all.phone);
    CHECK_INT(phone_last(&all.phone).code, SATCHEL_RESULT_APPLIED);
    op = phone_edit(&all.phone, &unit, SATCHEL_ENTITY_ORDER, &order);
    op->kind = SATCHEL_OP_DELETE;
    phone_commit(&all.phone, &unit);
    phone_sync(&all.phone);
    CHECK_INT(phone_last(&all.phone).code, SATCHEL_RESULT_REFUSED);
    CHECK_STATUS(phone_last(&all.phone).status, SATCHEL_LATE_FOR_PARENT);
    tear_down(&all);
}

TEST(attack, regress_a_page_is_bounded_whatever_the_phone_asks_for) {
    rivals all;
    set_up(&all);
    char note[4001];
    memset(note, 'n', sizeof note - 1);
    note[sizeof note - 1] = '\0';
    for (int i = 0; i < 600; i++) {
        satchel_id id = stage_customer(&all.here, "Big", &all.li, NULL);
        stage_edit_text(&all.here, SATCHEL_ENTITY_CUSTOMER, &id, SATCHEL_CUSTOMER_NOTE, note);
    }
    all.phone.page_bytes = UINT32_C(1) << 30;
    size_t before = all.phone.wire.bytes;
    REQUIRE_STATUS(phone_exchange(&all.phone, PHONE_GOOD_LUCK), SATCHEL_OK);
    CHECK(all.phone.more);
    CHECK(all.phone.wire.bytes - before >= SATCHEL_LIMIT_PAGE_BYTES);
    CHECK(all.phone.wire.bytes - before < SATCHEL_LIMIT_PAGE_BYTES + 8192);
    phone_sync(&all.phone);
    CHECK_UINT(phone_count(&all.phone, SATCHEL_ENTITY_CUSTOMER), 601);
    tear_down(&all);
}

static satchel_id make_template(stage *here) {
    satchel_record record = stage_record(here);
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_FORM_TEMPLATE_NAME, satchel_text_of("Form")));
    const satchel_id family = {{0x21}};
    REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_FORM_TEMPLATE_FAMILY, &family));
    REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_FORM_TEMPLATE_VERSION, 1));
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_FORM_TEMPLATE_QUESTIONS, satchel_text_of("[]")));
    return stage_create(here, SATCHEL_ENTITY_FORM_TEMPLATE, &record).id;
}

#define ANSWER_BYTES 48 /* what an answer weighs beside its text: id, visit, template, question */

static void answer_at_length(phone *mine, const satchel_id *visit, const satchel_id *form, int count, size_t bytes) {
    char text[8001];
    phone_unit unit = {.count = 0};
    memset(text, 'x', sizeof text - 1);
    text[bytes] = '\0';
    for (int i = 0; i < count; i++) {
        satchel_id id;
        satchel_op *op = phone_create(mine, &unit, SATCHEL_ENTITY_FORM_ANSWER, &id);
        REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_FORM_ANSWER_VISIT, visit));
        REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_FORM_ANSWER_TEMPLATE, form));
        REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_FORM_ANSWER_QUESTION, i + 1));
        REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_FORM_ANSWER_TEXT, satchel_text_of(text)));
    }
    phone_commit(mine, &unit);
}

/* 128 answers of 8 kB and one that makes the limit, or one byte more: that one is refused, and everybody still syncs.
 */
TEST(attack, regress_no_aggregate_grows_beyond_what_a_page_takes) {
    rivals all;
    phone other;
    set_up(&all);
    satchel_id form = make_template(&all.here);
    for (size_t beyond = 0; beyond <= 1; beyond++) {
        satchel_id visit = phone_check_in(&all.phone, &all.mine);
        for (int i = 0; i < 8; i++) {
            answer_at_length(&all.phone, &visit, &form, 16, 8000);
        }
        size_t left = SATCHEL_LIMIT_AGGREGATE_BYTES - 128 * (8000 + ANSWER_BYTES);
        for (; left > 8000; left -= 4000 + ANSWER_BYTES) {
            answer_at_length(&all.phone, &visit, &form, 1, 4000);
        }
        answer_at_length(&all.phone, &visit, &form, 1, left - ANSWER_BYTES + beyond);
        phone_sync(&all.phone);
        CHECK_STATUS(phone_last(&all.phone).status, beyond == 0 ? SATCHEL_OK : SATCHEL_LIMIT_EXCEEDED);
    }
    phone_enrol(&other, &all.here, &all.boss);
    phone_sync(&other);
    CHECK_INT(phone_count(&other, SATCHEL_ENTITY_FORM_ANSWER),
              stage_number(&all.here, "SELECT count(*) FROM form_answer"));
    phone_close(&other);
    tear_down(&all);
}

/* Each of many small edits loses against one long value: 512 times 4 kB are not sent, that each lost is. */
TEST(attack, regress_losses_without_end_still_fit_an_answer) {
    rivals all;
    set_up(&all);
    char note[4001];
    memset(note, 'n', sizeof note - 1);
    note[sizeof note - 1] = '\0';
    for (int i = 0; i < PHONE_RESULTS_MOST; i++) {
        phone_edit_text(&all.phone, SATCHEL_ENTITY_CUSTOMER, &all.mine, SATCHEL_CUSTOMER_NOTE, "x");
    }
    stage_pass(&all.here, 1000);
    stage_edit_text(&all.here, SATCHEL_ENTITY_CUSTOMER, &all.mine, SATCHEL_CUSTOMER_NOTE, note);
    size_t before = all.phone.wire.bytes;
    all.phone.page_bytes = 0;
    REQUIRE_STATUS(phone_exchange(&all.phone, PHONE_GOOD_LUCK), SATCHEL_OK);
    CHECK(all.phone.wire.bytes - before < SATCHEL_LIMIT_PAGE_BYTES + 131072);
    CHECK_UINT(phone_result_of(&all.phone, 1).loss.winner.bytes > 4000, true);
    CHECK_INT(phone_last(&all.phone).code, SATCHEL_RESULT_MERGED);
    CHECK_UINT(phone_last(&all.phone).loss_count, 1);
    CHECK_UINT(phone_last(&all.phone).loss.winner.bytes, 0);
    tear_down(&all);
}

TEST(attack, regress_facts_of_someone_who_left_come_in_and_his_edits_are_parked) {
    rivals all;
    set_up(&all);
    phone_check_in(&all.phone, &all.mine);
    phone_edit_text(&all.phone, SATCHEL_ENTITY_CUSTOMER, &all.mine, SATCHEL_CUSTOMER_NOTE, "last words");
    const bool active = false;
    const satchel_user_change gone = {.active = &active};
    stage_begin(&all.here);
    REQUIRE_OK(satchel_user_change_to(all.here.service, all.here.db, &all.here.system, &all.li, &gone, NULL));
    stage_commit(&all.here);
    phone_sync(&all.phone);
    CHECK_INT(phone_result_of(&all.phone, 1).code, SATCHEL_RESULT_APPLIED);
    CHECK_INT(phone_result_of(&all.phone, 2).code, SATCHEL_RESULT_PARKED);
    CHECK_UINT(all.phone.row_count, 0);
    tear_down(&all);
}

/* 140 units of 30 ops are more than the writer takes at once; what is left comes with the next request. */
TEST(attack, regress_one_phone_does_not_hold_the_writer_for_long) {
    rivals all;
    set_up(&all);
    for (int i = 0; i < 140; i++) {
        phone_unit unit = {.count = 0};
        for (int k = 0; k < 30; k++) {
            satchel_op *op = phone_edit(&all.phone, &unit, SATCHEL_ENTITY_CUSTOMER, &all.mine);
            REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CUSTOMER_NOTE, satchel_text_of("x")));
        }
        phone_commit(&all.phone, &unit);
    }
    all.phone.page_bytes = 0;
    REQUIRE_STATUS(phone_exchange(&all.phone, PHONE_GOOD_LUCK), SATCHEL_OK);
    CHECK_UINT(stage_counts(&all.here).units_applied, SATCHEL_LIMIT_UNIT_OPS / 30);
    REQUIRE_STATUS(phone_exchange(&all.phone, PHONE_GOOD_LUCK), SATCHEL_OK);
    CHECK_UINT(stage_counts(&all.here).units_applied, 140);
    CHECK_UINT(all.phone.outbox_count, 0);
    tear_down(&all);
}
