/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drafts: what becomes an op and what does not, what is refused at once, what a commit leaves.
 */
#include "kit.h"

#include "wire/unit_codec.h"

#include <stdio.h>

#define CUSTOMER SATCHEL_ENTITY_CUSTOMER
#define NAME SATCHEL_CUSTOMER_NAME
#define CITY SATCHEL_CUSTOMER_CITY
#define TAGS SATCHEL_CUSTOMER_TAGS

static satchel_draft *open_draft(store_kit *kit) {
    satchel_draft *draft;
    REQUIRE_OK(satchel_draft_open(&draft, kit->store));
    return draft;
}

/* The ops of the unit that begins at `first`. */
static satchel_op *ops_of(store_kit *kit, uint64_t first, uint32_t *count) {
    satchel_unit_batch batch;
    satchel_unit_ops unit;
    satchel_bytes *bytes;
    REQUIRE_OK(satchel_store_load_units(kit->store, first - 1, 2000000, &kit->arena, &batch, NULL));
    REQUIRE(batch.count > 0);
    REQUIRE_OK(satchel_unit_decode(batch.units[0], &kit->arena, &unit, &bytes, NULL));
    satchel_op *ops = satchel_arena_take_array(&kit->arena, unit.count, sizeof *ops);
    REQUIRE(ops != NULL);
    for (uint32_t i = 0; i < unit.count; i++) {
        REQUIRE_OK(
            satchel_op_decode(satchel_store_schema(kit->store), bytes[i], first + i, &kit->arena, &ops[i], NULL));
    }
    *count = unit.count;
    return ops;
}

static satchel_status draft_edit(satchel_draft *draft, satchel_id id, const satchel_record *record) {
    return satchel_draft_edit(draft, CUSTOMER, &id, record, NULL, 0, NULL);
}

TEST(draft, only_what_differs_becomes_an_op) {
    store_kit kit = kit_open(NULL);
    satchel_record record = kit_record(&kit, NAME, "Huaning");
    kit_put(&record, CITY, "Ningbo");
    kit_create(&kit, CUSTOMER, kit_id(1), &record);
    kit_put(&record, CITY, "Hangzhou");
    uint32_t count;
    satchel_op *ops = ops_of(&kit, kit_edit(&kit, CUSTOMER, kit_id(1), &record), &count);
    CHECK_UINT(count, 1);
    CHECK_UINT(ops[0].set.count, 1);
    CHECK_TEXT(satchel_record_text(&ops[0].set, CITY), "Hangzhou");
    CHECK_UINT(kit_edit(&kit, CUSTOMER, kit_id(1), &record), 0); /* nothing differs: nothing is committed */
    kit_close(&kit);
}

TEST(draft, a_set_becomes_what_is_added_and_removed) {
    store_kit kit = kit_open(NULL);
    satchel_record record = kit_record(&kit, NAME, "Huaning");
    kit_elements(&record, TAGS, "a b c");
    kit_create(&kit, CUSTOMER, kit_id(1), &record);
    kit_elements(&record, TAGS, "b c d");
    uint32_t count;
    satchel_op *ops = ops_of(&kit, kit_edit(&kit, CUSTOMER, kit_id(1), &record), &count);
    const satchel_value *added = satchel_record_get(&ops[0].set, TAGS);
    const satchel_value *removed = satchel_record_get(&ops[0].removed, TAGS);
    REQUIRE(added != NULL && removed != NULL);
    CHECK_UINT(added->as.set.count, 1);
    CHECK_TEXT(satchel_text_from(added->as.set.elements[0]), "d");
    CHECK_UINT(removed->as.set.count, 1);
    CHECK_TEXT(satchel_text_from(removed->as.set.elements[0]), "a");
    kit_close(&kit);
}

TEST(draft, a_group_is_completed_from_what_the_user_sees) {
    store_kit kit = kit_open(NULL);
    satchel_record record = kit_record(&kit, NAME, "Huaning");
    kit_set(&record, SATCHEL_CUSTOMER_LATITUDE_E7, 300000000);
    kit_set(&record, SATCHEL_CUSTOMER_LONGITUDE_E7, 1200000000);
    kit_create(&kit, CUSTOMER, kit_id(1), &record);
    satchel_record move = kit_record(&kit, 0, NULL);
    kit_set(&move, SATCHEL_CUSTOMER_LATITUDE_E7, 310000000);
    uint32_t count;
    satchel_op *ops = ops_of(&kit, kit_edit(&kit, CUSTOMER, kit_id(1), &move), &count);
    CHECK_UINT(ops[0].set.count, 2);
    CHECK_INT(satchel_record_int(&ops[0].set, SATCHEL_CUSTOMER_LONGITUDE_E7, 0), 1200000000);
    CHECK(satchel_op_clears(&ops[0], SATCHEL_CUSTOMER_POSITION_ACCURACY_M));
    kit_close(&kit);
}

TEST(draft, a_state_goes_with_the_state_that_the_user_saw) {
    store_kit kit = kit_open(NULL);
    satchel_record task = kit_record(&kit, SATCHEL_TASK_TITLE, "call");
    kit_create(&kit, SATCHEL_ENTITY_TASK, kit_id(9), &task); /* the initial state is filled in */
    satchel_record change = kit_record(&kit, 0, NULL);
    kit_set(&change, SATCHEL_TASK_STATUS, SATCHEL_TASK_STATUS_COMPLETED);
    uint32_t count;
    satchel_op *ops = ops_of(&kit, kit_edit(&kit, SATCHEL_ENTITY_TASK, kit_id(9), &change), &count);
    CHECK_INT(satchel_record_int(&ops[0].from, SATCHEL_TASK_STATUS, 0), SATCHEL_TASK_STATUS_OPEN);
    satchel_draft *draft = open_draft(&kit);
    kit_set(&change, SATCHEL_TASK_STATUS, SATCHEL_TASK_STATUS_OPEN);
    const satchel_id id = kit_id(9);
    CHECK_STATUS(satchel_draft_edit(draft, SATCHEL_ENTITY_TASK, &id, &change, NULL, 0, NULL), SATCHEL_ILLEGAL_STATE);
    satchel_draft_close(draft);
    kit_close(&kit);
}

TEST(draft, a_field_can_be_cleared_unless_it_is_required) {
    store_kit kit = kit_open(NULL);
    satchel_record record = kit_record(&kit, NAME, "Huaning");
    kit_put(&record, CITY, "Ningbo");
    kit_create(&kit, CUSTOMER, kit_id(1), &record);
    satchel_draft *draft = open_draft(&kit);
    const satchel_id id = kit_id(1);
    const satchel_record nothing = kit_record(&kit, 0, NULL);
    const uint32_t city[] = {CITY};
    const uint32_t name[] = {NAME};
    const uint32_t unknown[] = {777};
    CHECK_STATUS(satchel_draft_edit(draft, CUSTOMER, &id, &nothing, name, 1, NULL), SATCHEL_REQUIRED_MISSING);
    CHECK_STATUS(satchel_draft_edit(draft, CUSTOMER, &id, &nothing, unknown, 1, NULL), SATCHEL_UNKNOWN_FIELD);
    CHECK_OK(satchel_draft_edit(draft, CUSTOMER, &id, &nothing, city, 1, NULL));
    kit_commit(&kit, draft);
    satchel_draft_close(draft);
    CHECK_TEXT(kit_text(&kit, id, CITY), "");
    kit_close(&kit);
}

TEST(draft, reads_see_what_it_holds_and_nothing_is_stored_before_commit) {
    store_kit kit = kit_open(NULL);
    satchel_draft *draft = open_draft(&kit);
    const satchel_id id = kit_id(1);
    satchel_record record = kit_record(&kit, NAME, "Huaning");
    REQUIRE_OK(satchel_draft_create(draft, CUSTOMER, &id, &record, NULL));
    kit_put(&record, CITY, "Ningbo");
    REQUIRE_OK(draft_edit(draft, id, &record));
    satchel_record read;
    REQUIRE_OK(satchel_draft_read(draft, CUSTOMER, &id, &kit.arena, &read, NULL));
    CHECK_TEXT(satchel_record_text(&read, CITY), "Ningbo");
    CHECK(!kit_has(&kit, CUSTOMER, id));
    satchel_draft_close(draft);
    CHECK(!kit_has(&kit, CUSTOMER, id));
    CHECK_STATUS(satchel_draft_open(&draft, kit.store), SATCHEL_OK);
    CHECK_STATUS(satchel_draft_read(draft, CUSTOMER, &id, &kit.arena, &read, NULL), SATCHEL_NOT_FOUND);
    satchel_draft_close(draft);
    kit_close(&kit);
}

TEST(draft, one_unit_holds_several_ops_in_order) {
    store_kit kit = kit_open(NULL);
    satchel_draft *draft = open_draft(&kit);
    const satchel_id id = kit_id(1);
    satchel_record record = kit_record(&kit, NAME, "Huaning");
    REQUIRE_OK(satchel_draft_create(draft, CUSTOMER, &id, &record, NULL));
    REQUIRE_OK(satchel_draft_add(draft, CUSTOMER, &id, SATCHEL_CUSTOMER_LOYALTY_POINTS, 7, NULL));
    REQUIRE_OK(satchel_draft_add(draft, CUSTOMER, &id, SATCHEL_CUSTOMER_LOYALTY_POINTS, -2, NULL));
    satchel_receipt receipt = kit_commit(&kit, draft);
    CHECK_UINT(receipt.first_sequence, 1);
    CHECK_UINT(receipt.count, 3);
    CHECK_INT(kit_int(&kit, id, SATCHEL_CUSTOMER_LOYALTY_POINTS), 5);
    receipt = kit_commit(&kit, draft); /* it was left empty */
    CHECK_UINT(receipt.count, 0);
    satchel_draft_close(draft);
    satchel_device_info info;
    REQUIRE_OK(satchel_store_count_info(kit.store, &info, NULL));
    CHECK_UINT(info.units_unsent, 1);
    CHECK_UINT(info.rows, 1);
    kit_close(&kit);
}

TEST(draft, what_is_not_there_cannot_be_changed) {
    store_kit kit = kit_open(NULL);
    kit_customer(&kit, kit_id(1), "Huaning");
    satchel_draft *draft = open_draft(&kit);
    const satchel_id here = kit_id(1);
    const satchel_id absent = kit_id(2);
    const satchel_record record = kit_record(&kit, NAME, "x");
    CHECK_STATUS(satchel_draft_create(draft, CUSTOMER, &here, &record, NULL), SATCHEL_ALREADY_EXISTS);
    CHECK_STATUS(draft_edit(draft, absent, &record), SATCHEL_NOT_FOUND);
    CHECK_STATUS(satchel_draft_add(draft, CUSTOMER, &absent, SATCHEL_CUSTOMER_LOYALTY_POINTS, 1, NULL),
                 SATCHEL_NOT_FOUND);
    CHECK_STATUS(satchel_draft_delete(draft, SATCHEL_ENTITY_TASK, &absent, NULL), SATCHEL_NOT_FOUND);
    CHECK_STATUS(satchel_draft_delete(draft, CUSTOMER, &here, NULL), SATCHEL_FORBIDDEN); /* archived instead */
    CHECK_STATUS(satchel_draft_add(draft, CUSTOMER, &here, NAME, 1, NULL), SATCHEL_WRONG_TYPE);
    CHECK_STATUS(satchel_draft_add(draft, CUSTOMER, &here, 777, 1, NULL), SATCHEL_UNKNOWN_FIELD);
    CHECK_STATUS(satchel_draft_create(draft, 222, &absent, &record, NULL), SATCHEL_UNKNOWN_ENTITY);
    CHECK_STATUS(satchel_draft_create(draft, SATCHEL_ENTITY_PRODUCT, &absent, &record, NULL), SATCHEL_READ_ONLY_FIELD);
    satchel_draft_close(draft);
    kit_close(&kit);
}

TEST(draft, references_that_carry_a_row_must_be_here) {
    store_kit kit = kit_open(NULL);
    kit_customer(&kit, kit_id(1), "Huaning");
    satchel_draft *draft = open_draft(&kit);
    const satchel_id contact = kit_id(20);
    const satchel_id line = kit_id(21);
    satchel_record record = kit_record(&kit, SATCHEL_CONTACT_NAME, "Wang");
    kit_refer(&record, SATCHEL_CONTACT_CUSTOMER, kit_id(2));
    CHECK_STATUS(satchel_draft_create(draft, SATCHEL_ENTITY_CONTACT, &contact, &record, NULL),
                 SATCHEL_REFERENCE_MISSING);
    kit_refer(&record, SATCHEL_CONTACT_CUSTOMER, kit_id(1));
    CHECK_OK(satchel_draft_create(draft, SATCHEL_ENTITY_CONTACT, &contact, &record, NULL));
    satchel_record missing = kit_record(&kit, SATCHEL_ORDER_LINE_NOTE, "x");
    kit_refer(&missing, SATCHEL_ORDER_LINE_ORDER, kit_id(3));
    CHECK_STATUS(satchel_draft_create(draft, SATCHEL_ENTITY_ORDER_LINE, &line, &missing, NULL),
                 SATCHEL_REFERENCE_MISSING);
    satchel_draft_close(draft);
    kit_close(&kit);
}

/* Order 5 of customer 1 with line 6, in a unit of its own. */
static void make_order(store_kit *kit) {
    satchel_draft *draft = open_draft(kit);
    const satchel_id order = kit_id(5);
    const satchel_id line = kit_id(6);
    kit_customer(kit, kit_id(1), "Huaning");
    satchel_record record = kit_record(kit, SATCHEL_ORDER_CURRENCY, "CNY");
    kit_refer(&record, SATCHEL_ORDER_CUSTOMER, kit_id(1));
    REQUIRE_OK(satchel_draft_create(draft, SATCHEL_ENTITY_ORDER, &order, &record, NULL));
    record = kit_record(kit, SATCHEL_ORDER_LINE_NOTE, "first");
    kit_refer(&record, SATCHEL_ORDER_LINE_ORDER, order);
    kit_refer(&record, SATCHEL_ORDER_LINE_PRODUCT, kit_id(40));
    kit_set(&record, SATCHEL_ORDER_LINE_QUANTITY_E3, 1000);
    kit_set(&record, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, 500);
    REQUIRE_OK(satchel_draft_create(draft, SATCHEL_ENTITY_ORDER_LINE, &line, &record, NULL));
    kit_commit(kit, draft);
    satchel_draft_close(draft);
}

TEST(draft, a_submitted_order_takes_no_more_lines) {
    store_kit kit = kit_open(NULL);
    make_order(&kit);
    satchel_record change = kit_record(&kit, 0, NULL);
    kit_set(&change, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_SUBMITTED);
    kit_edit(&kit, SATCHEL_ENTITY_ORDER, kit_id(5), &change);
    satchel_draft *draft = open_draft(&kit);
    const satchel_id line = kit_id(6);
    const satchel_id other = kit_id(7);
    satchel_record record = kit_read(&kit, SATCHEL_ENTITY_ORDER_LINE, line, NULL);
    CHECK_STATUS(satchel_draft_create(draft, SATCHEL_ENTITY_ORDER_LINE, &other, &record, NULL),
                 SATCHEL_LATE_FOR_PARENT);
    kit_put(&record, SATCHEL_ORDER_LINE_NOTE, "changed");
    CHECK_STATUS(satchel_draft_edit(draft, SATCHEL_ENTITY_ORDER_LINE, &line, &record, NULL, 0, NULL),
                 SATCHEL_LATE_FOR_PARENT);
    CHECK_STATUS(satchel_draft_delete(draft, SATCHEL_ENTITY_ORDER_LINE, &line, NULL), SATCHEL_LATE_FOR_PARENT);
    satchel_draft_close(draft);
    kit_close(&kit);
}

TEST(draft, a_deletion_takes_along_what_travels_with_the_row) {
    store_kit kit = kit_open(NULL);
    make_order(&kit);
    uint32_t count;
    satchel_op *ops = ops_of(&kit, kit_delete(&kit, SATCHEL_ENTITY_ORDER, kit_id(5)), &count);
    REQUIRE_UINT(count, 2);
    CHECK_UINT(ops[0].entity, SATCHEL_ENTITY_ORDER_LINE);
    CHECK_UINT(ops[1].entity, SATCHEL_ENTITY_ORDER);
    CHECK((kit_flags(&kit, SATCHEL_ENTITY_ORDER_LINE, kit_id(6)) & SATCHEL_ROW_DELETED) != 0);
    kit_close(&kit);
}

TEST(draft, what_was_meant_survives_a_page_that_comes_in_between) {
    store_kit kit = kit_open(NULL);
    satchel_record record = kit_record(&kit, NAME, "Huaning");
    kit_page page = kit_page_begin(0);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(1), 5, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    satchel_draft *draft = open_draft(&kit);
    satchel_record change = kit_record(&kit, CITY, "Ningbo");
    REQUIRE_OK(draft_edit(draft, kit_id(1), &change));
    kit_put(&record, NAME, "Huaning Foods");
    kit_put(&record, CITY, "Shanghai");
    page = kit_page_begin(0);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(1), 6, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    uint32_t count;
    satchel_op *ops = ops_of(&kit, kit_commit(&kit, draft).first_sequence, &count);
    satchel_draft_close(draft);
    CHECK_UINT(ops[0].base_n, 5); /* the user saw revision 5 */
    CHECK_TEXT(kit_text(&kit, kit_id(1), CITY), "Ningbo");
    CHECK_TEXT(kit_text(&kit, kit_id(1), NAME), "Huaning Foods");
    kit_close(&kit);
}

TEST(draft, an_edit_of_a_row_that_left_meanwhile_is_kept_for_sending) {
    store_kit kit = kit_open(NULL);
    satchel_record record = kit_record(&kit, NAME, "Huaning");
    kit_page page = kit_page_begin(0);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(1), 5, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    satchel_draft *draft = open_draft(&kit);
    satchel_record change = kit_record(&kit, CITY, "Ningbo");
    REQUIRE_OK(draft_edit(draft, kit_id(1), &change));
    page = kit_page_begin(0);
    kit_page_removal(&page, CUSTOMER, kit_id(1));
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    kit_purge(&kit);
    CHECK_UINT(kit_commit(&kit, draft).count, 1);
    satchel_draft_close(draft);
    CHECK(!kit_has(&kit, CUSTOMER, kit_id(1)));
    satchel_reason reason;
    REQUIRE_UINT(kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_GONE, &reason), 1);
    CHECK_UINT(reason.mine.bytes, 0);
    kit_close(&kit);
}

TEST(draft, a_unit_takes_as_many_ops_as_its_limit) {
    store_kit kit = kit_open(NULL);
    kit_customer(&kit, kit_id(1), "Huaning");
    satchel_draft *draft = open_draft(&kit);
    const satchel_id id = kit_id(1);
    for (uint32_t i = 0; i < SATCHEL_LIMIT_UNIT_OPS; i++) {
        REQUIRE_OK(satchel_draft_add(draft, CUSTOMER, &id, SATCHEL_CUSTOMER_LOYALTY_POINTS, 1, NULL));
    }
    CHECK_STATUS(satchel_draft_add(draft, CUSTOMER, &id, SATCHEL_CUSTOMER_LOYALTY_POINTS, 1, NULL),
                 SATCHEL_LIMIT_EXCEEDED);
    CHECK_UINT(kit_commit(&kit, draft).count, SATCHEL_LIMIT_UNIT_OPS);
    satchel_draft_close(draft);
    CHECK_INT(kit_int(&kit, id, SATCHEL_CUSTOMER_LOYALTY_POINTS), SATCHEL_LIMIT_UNIT_OPS);
    kit_close(&kit);
}

/* A note of as many bytes. */
static satchel_record long_note(store_kit *kit, const char *name, size_t bytes) {
    satchel_record record = kit_record(kit, SATCHEL_CUSTOMER_NAME, name);
    char *text = satchel_arena_take(&kit->arena, bytes + 1);
    REQUIRE(text != NULL);
    for (size_t i = 0; i < bytes; i++) {
        text[i] = 'n';
    }
    kit_put(&record, SATCHEL_CUSTOMER_NOTE, text);
    return record;
}

TEST(draft, a_unit_takes_as_many_bytes_as_its_limit) {
    store_kit kit = kit_open(NULL);
    satchel_draft *draft = open_draft(&kit);
    satchel_status status = SATCHEL_OK;
    uint32_t created = 0;
    satchel_record record = long_note(&kit, "Big", 4000);
    while (status == SATCHEL_OK && created < 1000) {
        const satchel_id id = kit_id(100 + created);
        status = satchel_draft_create(draft, CUSTOMER, &id, &record, NULL);
        created += status == SATCHEL_OK ? 1 : 0;
    }
    CHECK_STATUS(status, SATCHEL_LIMIT_EXCEEDED);
    REQUIRE_UINT(kit_commit(&kit, draft).count, created); /* what went in before stays */
    satchel_draft_close(draft);
    satchel_unit_batch batch;
    REQUIRE_OK(satchel_store_load_units(kit.store, 0, 1, &kit.arena, &batch, NULL));
    REQUIRE_UINT(batch.count, 1);
    CHECK(batch.units[0].bytes <= SATCHEL_LIMIT_UNIT_BYTES);
    CHECK(batch.units[0].bytes + 4100 > SATCHEL_LIMIT_UNIT_BYTES); /* and the limit is used */
    kit_close(&kit);
}

TEST(draft, an_op_is_taken_back_once) {
    store_kit kit = kit_open(NULL);
    satchel_record record = kit_record(&kit, NAME, "Huaning");
    kit_put(&record, CITY, "Ningbo");
    kit_create(&kit, CUSTOMER, kit_id(1), &record);
    uint64_t edited = kit_edit_text(&kit, kit_id(1), CITY, "Hangzhou");
    uint64_t added = kit_add(&kit, kit_id(1), 9);
    satchel_draft *draft = open_draft(&kit);
    CHECK_STATUS(satchel_draft_invert(draft, 99, NULL), SATCHEL_NOT_FOUND);
    REQUIRE_OK(satchel_draft_invert(draft, edited, NULL));
    kit_commit(&kit, draft);
    REQUIRE_OK(satchel_draft_invert(draft, added, NULL));
    kit_commit(&kit, draft);
    CHECK_TEXT(kit_text(&kit, kit_id(1), CITY), "Ningbo");
    CHECK_INT(kit_int(&kit, kit_id(1), SATCHEL_CUSTOMER_LOYALTY_POINTS), 0);
    CHECK_STATUS(satchel_draft_invert(draft, added, NULL), SATCHEL_NOT_FOUND);
    satchel_draft_close(draft);
    kit_close(&kit);
}

TEST(draft, a_made_row_is_taken_back_by_deleting_it_and_a_fact_by_voiding_it) {
    store_kit kit = kit_open(NULL);
    kit_customer(&kit, kit_id(1), "Huaning");
    satchel_record task = kit_record(&kit, SATCHEL_TASK_TITLE, "call");
    uint64_t made = kit_create(&kit, SATCHEL_ENTITY_TASK, kit_id(9), &task);
    satchel_record note = kit_record(&kit, SATCHEL_ACTIVITY_BODY, "spoke with Wang");
    kit_refer(&note, SATCHEL_ACTIVITY_CUSTOMER, kit_id(1));
    kit_set(&note, SATCHEL_ACTIVITY_KIND, SATCHEL_ACTIVITY_KIND_NOTE);
    REQUIRE_OK(satchel_record_set_time(&note, SATCHEL_ACTIVITY_AT, 1700000000000));
    uint64_t fact = kit_create(&kit, SATCHEL_ENTITY_ACTIVITY, kit_id(10), &note);
    satchel_draft *draft = open_draft(&kit);
    REQUIRE_OK(satchel_draft_invert(draft, made, NULL));
    kit_commit(&kit, draft);
    REQUIRE_OK(satchel_draft_invert(draft, fact, NULL));
    uint32_t count;
    satchel_op *ops = ops_of(&kit, kit_commit(&kit, draft).first_sequence, &count);
    CHECK_INT(ops[0].kind, SATCHEL_OP_VOID);
    CHECK_UINT(ops[0].target, fact);
    CHECK((kit_flags(&kit, SATCHEL_ENTITY_TASK, kit_id(9)) & SATCHEL_ROW_DELETED) != 0);
    CHECK((kit_flags(&kit, SATCHEL_ENTITY_ACTIVITY, kit_id(10)) & SATCHEL_ROW_DELETED) != 0);
    satchel_draft_close(draft);
    kit_close(&kit);
}

TEST(draft, a_fact_that_the_server_has_stays) {
    store_kit kit = kit_open(NULL);
    kit_customer(&kit, kit_id(1), "Huaning");
    satchel_record note = kit_record(&kit, SATCHEL_ACTIVITY_BODY, "spoke with Wang");
    kit_refer(&note, SATCHEL_ACTIVITY_CUSTOMER, kit_id(1));
    kit_set(&note, SATCHEL_ACTIVITY_KIND, SATCHEL_ACTIVITY_KIND_NOTE);
    REQUIRE_OK(satchel_record_set_time(&note, SATCHEL_ACTIVITY_AT, 1700000000000));
    uint64_t fact = kit_create(&kit, SATCHEL_ENTITY_ACTIVITY, kit_id(10), &note);
    kit_page page = kit_page_begin(fact);
    kit_page_result(&page, fact, 1, SATCHEL_RESULT_APPLIED);
    REQUIRE_OK(kit_page_store_results(&kit, &page));
    satchel_draft *draft = open_draft(&kit);
    const satchel_id id = kit_id(10);
    CHECK_STATUS(satchel_draft_invert(draft, fact, NULL), SATCHEL_IMMUTABLE);
    CHECK_STATUS(satchel_draft_edit(draft, SATCHEL_ENTITY_ACTIVITY, &id, &note, NULL, 0, NULL), SATCHEL_OK);
    kit_put(&note, SATCHEL_ACTIVITY_BODY, "rewritten");
    CHECK_STATUS(satchel_draft_edit(draft, SATCHEL_ENTITY_ACTIVITY, &id, &note, NULL, 0, NULL), SATCHEL_IMMUTABLE);
    CHECK_STATUS(satchel_draft_delete(draft, SATCHEL_ENTITY_ACTIVITY, &id, NULL), SATCHEL_IMMUTABLE);
    satchel_draft_close(draft);
    kit_close(&kit);
}

TEST(draft, a_role_that_allows_nothing_of_the_kind_is_refused_at_once) {
    store_kit kit = kit_open(NULL);
    const satchel_id user = kit_id(60);
    satchel_record record = kit_record(&kit, SATCHEL_USER_NAME, "Auditor");
    kit_put(&record, SATCHEL_USER_LOGIN, "auditor");
    kit_elements(&record, SATCHEL_USER_ROLES, "auditor");
    kit_page page = kit_page_begin(0);
    kit_page_row(&kit, &page, SATCHEL_ENTITY_USER, user, 2, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    REQUIRE_OK(satchel_store_put_value(kit.store, SATCHEL_STORE_USER_NAME, satchel_id_view(&user), NULL));
    satchel_draft *draft = open_draft(&kit);
    satchel_record customer = kit_record(&kit, NAME, "x");
    const satchel_id id = kit_id(1);
    CHECK_STATUS(satchel_draft_create(draft, CUSTOMER, &id, &customer, NULL), SATCHEL_FORBIDDEN);
    kit_elements(&record, SATCHEL_USER_ROLES, "rep");
    page = kit_page_begin(0);
    kit_page_row(&kit, &page, SATCHEL_ENTITY_USER, user, 3, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_OK(satchel_draft_create(draft, CUSTOMER, &id, &customer, NULL));
    satchel_draft_close(draft);
    kit_close(&kit);
}
