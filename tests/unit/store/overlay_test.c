/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user sees while his own changes travel: over new values of the server, after lost replies, after
 * decisions.
 */
#include "kit.h"

#include "wire/record_codec.h"
#include "wire/unit_codec.h"

#define CUSTOMER SATCHEL_ENTITY_CUSTOMER
#define NAME SATCHEL_CUSTOMER_NAME
#define CITY SATCHEL_CUSTOMER_CITY
#define NOTE SATCHEL_CUSTOMER_NOTE
#define POINTS SATCHEL_CUSTOMER_LOYALTY_POINTS

/* A store with customer 1, "Huaning" in Ningbo with 10 points, at revision 5. */
static store_kit with_customer(void) {
    store_kit kit = kit_open(NULL);
    satchel_record record = kit_record(&kit, NAME, "Huaning");
    kit_put(&record, CITY, "Ningbo");
    kit_set(&record, POINTS, 10);
    kit_page page = kit_page_begin(0);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(1), 5, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    return kit;
}

static satchel_record server_row(store_kit *kit, const char *name, const char *city, int64_t points) {
    satchel_record record = kit_record(kit, NAME, name);
    kit_put(&record, CITY, city);
    kit_set(&record, POINTS, points);
    return record;
}

static satchel_op last_op(store_kit *kit, uint64_t sequence) {
    satchel_unit_batch batch;
    satchel_unit_ops unit;
    satchel_bytes *ops;
    satchel_op op;
    REQUIRE_OK(satchel_store_load_units(kit->store, sequence - 1, 100000, &kit->arena, &batch, NULL));
    REQUIRE(batch.count > 0);
    REQUIRE_OK(satchel_unit_decode(batch.units[0], &kit->arena, &unit, &ops, NULL));
    REQUIRE_UINT(unit.first_sequence, sequence);
    REQUIRE_OK(satchel_op_decode(satchel_store_schema(kit->store), ops[0], sequence, &kit->arena, &op, NULL));
    return op;
}

TEST(overlay, an_own_edit_stays_over_another_value_of_the_server) {
    store_kit kit = with_customer();
    kit_edit_text(&kit, kit_id(1), CITY, "Hangzhou");
    satchel_record record = server_row(&kit, "Huaning Foods", "Shanghai", 12);
    kit_page page = kit_page_begin(0);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(1), 8, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_TEXT(kit_text(&kit, kit_id(1), CITY), "Hangzhou");
    CHECK_TEXT(kit_text(&kit, kit_id(1), NAME), "Huaning Foods");
    CHECK_INT(kit_int(&kit, kit_id(1), POINTS), 12);
    CHECK_UINT(kit_flags(&kit, CUSTOMER, kit_id(1)), SATCHEL_ROW_PENDING);
    kit_close(&kit);
}

TEST(overlay, a_reflected_edit_is_dropped_when_its_row_comes) {
    store_kit kit = with_customer();
    kit_edit_text(&kit, kit_id(1), CITY, "Hangzhou");
    satchel_record record = server_row(&kit, "Huaning", "Shanghai", 10); /* the later value of somebody else */
    kit_page page = kit_page_begin(1);
    kit_page_result(&page, 1, 1, SATCHEL_RESULT_APPLIED);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(1), 8, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, true));
    CHECK_TEXT(kit_text(&kit, kit_id(1), CITY), "Shanghai");
    CHECK_UINT(kit_flags(&kit, CUSTOMER, kit_id(1)), 0);
    kit_close(&kit);
}

TEST(overlay, an_edit_shows_until_the_last_page_when_its_row_does_not_come) {
    store_kit kit = with_customer();
    kit_edit_text(&kit, kit_id(1), CITY, "Hangzhou");
    kit_page page = kit_page_begin(1);
    kit_page_result(&page, 1, 1, SATCHEL_RESULT_APPLIED);
    REQUIRE_OK(kit_page_store(&kit, &page, true));
    CHECK_TEXT(kit_text(&kit, kit_id(1), CITY), "Hangzhou");
    page = kit_page_begin(1);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_TEXT(kit_text(&kit, kit_id(1), CITY), "Ningbo");
    kit_close(&kit);
}

TEST(overlay, a_lost_reply_never_counts_a_delta_twice) {
    store_kit kit = with_customer();
    kit_add(&kit, kit_id(1), 5);
    CHECK_INT(kit_int(&kit, kit_id(1), POINTS), 15);
    satchel_record record = server_row(&kit, "Huaning", "Ningbo", 15);
    kit_page page = kit_page_begin(1); /* applied, but the answer with the result was lost */
    kit_page_row(&kit, &page, CUSTOMER, kit_id(1), 9, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_INT(kit_int(&kit, kit_id(1), POINTS), 15);
    satchel_unit_batch batch;
    REQUIRE_OK(satchel_store_load_units(kit.store, 0, 1000, &kit.arena, &batch, NULL));
    CHECK_UINT(batch.count, 1); /* sent again, so that its result comes */
    page = kit_page_begin(1);
    kit_page_result(&page, 1, 1, SATCHEL_RESULT_APPLIED);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_INT(kit_int(&kit, kit_id(1), POINTS), 15);
    CHECK_UINT(kit.outcome.settled_through, 1);
    kit_close(&kit);
}

TEST(overlay, results_without_a_page_leave_what_is_shown) {
    store_kit kit = with_customer();
    kit_add(&kit, kit_id(1), 5);
    kit_page page = kit_page_begin(1);
    kit_page_result(&page, 1, 1, SATCHEL_RESULT_APPLIED);
    REQUIRE_OK(kit_page_store_results(&kit, &page));
    CHECK_INT(kit_int(&kit, kit_id(1), POINTS), 15);
    CHECK_UINT(kit_flags(&kit, CUSTOMER, kit_id(1)), 0); /* decided */
    kit_add(&kit, kit_id(1), 1);
    CHECK_INT(kit_int(&kit, kit_id(1), POINTS), 16);
    satchel_record record = server_row(&kit, "Huaning", "Ningbo", 15);
    page = kit_page_begin(1);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(1), 9, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_INT(kit_int(&kit, kit_id(1), POINTS), 16);
    kit_close(&kit);
}

static satchel_status store_refusal(store_kit *kit, uint64_t sequence, satchel_result_code code) {
    const satchel_op_result result = {.index = 0,
                                      .code = code,
                                      .status = SATCHEL_FORBIDDEN,
                                      .field = CITY,
                                      .held_by = 1,
                                      .rule = satchel_text_of("owner only")};
    kit_page page = kit_page_begin(sequence);
    kit_page_op_result(&page, sequence, 1, &result, 1);
    return kit_page_store(kit, &page, false);
}

TEST(overlay, a_refused_edit_comes_off_but_stays_listed_with_its_value) {
    store_kit kit = with_customer();
    kit_edit_text(&kit, kit_id(1), CITY, "Hangzhou");
    kit_edit_text(&kit, kit_id(1), NOTE, "asks for a price");
    REQUIRE_OK(store_refusal(&kit, 1, SATCHEL_RESULT_REFUSED));
    CHECK_TEXT(kit_text(&kit, kit_id(1), CITY), "Ningbo");
    CHECK_TEXT(kit_text(&kit, kit_id(1), NOTE), "asks for a price"); /* a refusal never wipes a later edit */
    CHECK_UINT(kit_flags(&kit, CUSTOMER, kit_id(1)), SATCHEL_ROW_PENDING | SATCHEL_ROW_REFUSED);
    satchel_reason reason;
    REQUIRE_UINT(kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_REFUSED, &reason), 1);
    CHECK_INT(reason.status, SATCHEL_FORBIDDEN);
    CHECK_UINT(reason.field, CITY);
    CHECK_TEXT(reason.rule, "owner only");
    satchel_record expected = kit_record(&kit, CITY, "Hangzhou");
    satchel_buffer bytes = {NULL, 0, 0};
    REQUIRE_OK(satchel_record_encode(satchel_store_schema(kit.store), CUSTOMER, &expected, &bytes));
    CHECK_BYTES(reason.mine, satchel_buffer_view(&bytes));
    satchel_buffer_deinit(&bytes);
    kit_close(&kit);
}

TEST(overlay, a_dismissed_refusal_is_no_longer_listed) {
    store_kit kit = with_customer();
    kit_edit_text(&kit, kit_id(1), CITY, "Hangzhou");
    CHECK_STATUS(satchel_store_dismiss(kit.store, 1, NULL), SATCHEL_MISUSE); /* no decision yet */
    CHECK_STATUS(satchel_store_dismiss(kit.store, 2, NULL), SATCHEL_NOT_FOUND);
    REQUIRE_OK(store_refusal(&kit, 1, SATCHEL_RESULT_HELD));
    CHECK_UINT(kit_reasons(&kit, SATCHEL_REASON_HELD), 1);
    REQUIRE_OK(satchel_store_dismiss(kit.store, 1, NULL));
    CHECK_UINT(kit_reasons(&kit, SATCHEL_REASON_HELD), 0);
    CHECK_UINT(kit_flags(&kit, CUSTOMER, kit_id(1)), 0);
    CHECK_STATUS(satchel_store_dismiss(kit.store, 1, NULL), SATCHEL_NOT_FOUND);
    kit_close(&kit);
}

TEST(overlay, a_refused_new_row_stays_marked_until_it_is_dismissed) {
    store_kit kit = kit_open(NULL);
    kit_customer(&kit, kit_id(2), "Two");
    kit_edit_text(&kit, kit_id(2), CITY, "Wuhan");
    REQUIRE_OK(store_refusal(&kit, 1, SATCHEL_RESULT_REFUSED));
    REQUIRE_OK(store_refusal(&kit, 2, SATCHEL_RESULT_HELD));
    CHECK_TEXT(kit_text(&kit, kit_id(2), CITY), "Wuhan");
    CHECK_UINT(kit_flags(&kit, CUSTOMER, kit_id(2)), SATCHEL_ROW_REFUSED);
    satchel_reason reason;
    REQUIRE_UINT(kit_why(&kit, CUSTOMER, kit_id(2), SATCHEL_REASON_HELD, &reason), 1);
    CHECK_UINT(reason.held_by, 1);
    kit_reopen(&kit);
    REQUIRE_OK(satchel_store_dismiss(kit.store, 1, NULL));
    CHECK(!kit_has(&kit, CUSTOMER, kit_id(2)));
    CHECK_UINT(kit_find(&kit, "two"), 0);
    REQUIRE_OK(satchel_store_dismiss(kit.store, 2, NULL));
    kit_close(&kit);
}

TEST(overlay, a_parked_new_row_leaves_a_stub_without_values) {
    store_kit kit = kit_open(NULL);
    kit_customer(&kit, kit_id(2), "Two");
    REQUIRE_OK(store_refusal(&kit, 1, SATCHEL_RESULT_PARKED));
    CHECK(!kit_has(&kit, CUSTOMER, kit_id(2)));
    satchel_reason reason;
    REQUIRE_UINT(kit_why(&kit, CUSTOMER, kit_id(2), SATCHEL_REASON_PARKED, &reason), 1);
    CHECK_UINT(reason.mine.bytes, 0);
    CHECK_INT(reason.status, SATCHEL_FORBIDDEN);
    CHECK_UINT(reason.unit, 1);
    kit_close(&kit);
}

TEST(overlay, an_accepted_new_row_that_is_never_sent_goes) {
    store_kit kit = kit_open(NULL);
    kit_customer(&kit, kit_id(2), "Two");
    kit_page page = kit_page_begin(1);
    kit_page_result(&page, 1, 1, SATCHEL_RESULT_APPLIED);
    REQUIRE_OK(kit_page_store(&kit, &page, true));
    CHECK(kit_has(&kit, CUSTOMER, kit_id(2))); /* it may be on the next page */
    page = kit_page_begin(1);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK(!kit_has(&kit, CUSTOMER, kit_id(2)));
    kit_close(&kit);
}

TEST(overlay, a_new_row_with_a_lost_reply_waits_for_its_result) {
    store_kit kit = kit_open(NULL);
    kit_customer(&kit, kit_id(2), "Two");
    kit_page page = kit_page_begin(1);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK(kit_has(&kit, CUSTOMER, kit_id(2)));
    REQUIRE_OK(store_refusal(&kit, 1, SATCHEL_RESULT_REFUSED));
    CHECK_UINT(kit_flags(&kit, CUSTOMER, kit_id(2)), SATCHEL_ROW_REFUSED);
    kit_close(&kit);
}

TEST(overlay, only_pages_move_a_base_and_a_dirty_field_keeps_its_first) {
    store_kit kit = with_customer();
    CHECK_UINT(last_op(&kit, kit_edit_text(&kit, kit_id(1), CITY, "Hangzhou")).base_n, 5);
    satchel_record record = server_row(&kit, "Huaning Foods", "Shanghai", 12);
    kit_page page = kit_page_begin(0);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(1), 8, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    satchel_record edit = kit_record(&kit, CITY, "Wuhan");
    kit_put(&edit, NOTE, "new");
    satchel_op op = last_op(&kit, kit_edit(&kit, CUSTOMER, kit_id(1), &edit));
    CHECK_UINT(op.base_n, 8);
    CHECK_UINT(satchel_op_base(&op, NOTE), 8);
    CHECK_UINT(satchel_op_base(&op, CITY), 5);
    page = kit_page_begin(1); /* the first is reflected, the second keeps the frozen base */
    kit_page_row(&kit, &page, CUSTOMER, kit_id(1), 9, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    op = last_op(&kit, kit_edit_text(&kit, kit_id(1), CITY, "Suzhou"));
    CHECK_UINT(op.base_n, 9);
    CHECK_UINT(satchel_op_base(&op, CITY), 5);
    kit_close(&kit);
}

static void put_tags(satchel_record *record, const char *const *tags, uint32_t count) {
    satchel_bytes elements[4];
    for (uint32_t i = 0; i < count; i++) {
        elements[i] = satchel_text_bytes(satchel_text_of(tags[i]));
    }
    const satchel_value value = satchel_value_set(elements, count);
    satchel_value kept;
    REQUIRE_OK(satchel_value_copy(record->arena, &value, &kept));
    REQUIRE_OK(satchel_record_set(record, SATCHEL_CUSTOMER_TAGS, &kept));
}

/* A set shows the server's elements beside the phone's own, so whoever takes one out has seen it. */
TEST(overlay, regress_an_element_that_came_below_an_own_edit_can_be_taken_out) {
    static const char *const mine[] = {"mine"};
    static const char *const theirs[] = {"theirs"};
    store_kit kit = with_customer();
    satchel_record edit = kit_record(&kit, CITY, "Hangzhou");
    put_tags(&edit, mine, 1);
    (void)kit_edit(&kit, CUSTOMER, kit_id(1), &edit);
    satchel_record record = server_row(&kit, "Huaning", "Shanghai", 12);
    put_tags(&record, theirs, 1);
    kit_page page = kit_page_begin(0);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(1), 8, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    edit = kit_record(&kit, CITY, "Wuhan");
    put_tags(&edit, mine, 1);
    satchel_op op = last_op(&kit, kit_edit(&kit, CUSTOMER, kit_id(1), &edit));
    CHECK_UINT(satchel_record_get(&op.removed, SATCHEL_CUSTOMER_TAGS)->as.set.count, 1);
    CHECK_UINT(satchel_op_base(&op, SATCHEL_CUSTOMER_TAGS), 8);
    CHECK_UINT(satchel_op_base(&op, CITY), 5);
    kit_close(&kit);
}

TEST(overlay, a_field_is_free_again_after_its_last_op_is_reflected) {
    store_kit kit = with_customer();
    kit_edit_text(&kit, kit_id(1), CITY, "Hangzhou");
    satchel_record record = server_row(&kit, "Huaning", "Hangzhou", 10);
    kit_page page = kit_page_begin(1);
    kit_page_result(&page, 1, 1, SATCHEL_RESULT_APPLIED);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(1), 8, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    satchel_op op = last_op(&kit, kit_edit_text(&kit, kit_id(1), CITY, "Wuhan"));
    CHECK_UINT(op.base_n, 8);
    CHECK_UINT(op.exception_count, 0);
    kit_close(&kit);
}

TEST(overlay, a_part_of_a_row_changes_only_what_it_names) {
    store_kit kit = with_customer();
    kit_edit_text(&kit, kit_id(1), NAME, "Mine");
    satchel_record part = kit_record(&kit, NOTE, "from the office");
    const uint32_t cleared[] = {CITY};
    kit_page page = kit_page_begin(0);
    kit_page_part(&kit, &page, CUSTOMER, kit_id(1), 8, &part, cleared, 1);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_TEXT(kit_text(&kit, kit_id(1), NAME), "Mine");
    CHECK_TEXT(kit_text(&kit, kit_id(1), NOTE), "from the office");
    CHECK_TEXT(kit_text(&kit, kit_id(1), CITY), "");
    CHECK_INT(kit_int(&kit, kit_id(1), POINTS), 10);
    CHECK_INT(kit_int(&kit, kit_id(1), SATCHEL_FIELD_REVISION), 8);
    kit_close(&kit);
}

TEST(overlay, a_part_of_an_unknown_row_is_set_aside_and_explained) {
    store_kit kit = kit_open(NULL);
    satchel_record part = kit_record(&kit, NOTE, "part");
    kit_page page = kit_page_begin(0);
    kit_page_part(&kit, &page, CUSTOMER, kit_id(4), 8, &part, NULL, 0);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(5), 8, &part);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_UINT(kit.outcome.rows_set_aside, 1);
    CHECK_UINT(kit_why(&kit, CUSTOMER, kit_id(4), SATCHEL_REASON_UNREAD, NULL), 1);
    CHECK(kit_has(&kit, CUSTOMER, kit_id(5)));
    page = kit_page_begin(0);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(4), 9, &part);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_UINT(kit_why(&kit, CUSTOMER, kit_id(4), SATCHEL_REASON_UNREAD, NULL), 0);
    kit_close(&kit);
}

TEST(overlay, a_row_of_an_unknown_entity_is_set_aside) {
    store_kit kit = kit_open(NULL);
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_ROW};
    const uint8_t bytes[] = {0x12, 0x01, 'x'};
    frame.as.row = (satchel_row_frame){
        .entity = 222, .row = kit_id(9), .n = 3, .whole = true, .record = satchel_bytes_of(bytes, sizeof bytes)};
    kit_page page = kit_page_begin(0);
    kit_page_frame(&page, &frame);
    frame.as.row.entity = CUSTOMER;
    frame.as.row.record.bytes = 2; /* cut short: no record at all */
    kit_page_frame(&page, &frame);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_UINT(kit.outcome.rows_set_aside, 2);
    CHECK_UINT(kit_reasons(&kit, SATCHEL_REASON_UNREAD), 2);
    kit_close(&kit);
}

TEST(overlay, deleting_hides_a_row_until_the_server_decides) {
    store_kit kit = with_customer();
    satchel_record task = kit_record(&kit, SATCHEL_TASK_TITLE, "call back");
    kit_create(&kit, SATCHEL_ENTITY_TASK, kit_id(30), &task);
    kit_delete(&kit, SATCHEL_ENTITY_TASK, kit_id(30));
    CHECK_UINT(kit_flags(&kit, SATCHEL_ENTITY_TASK, kit_id(30)), SATCHEL_ROW_PENDING | SATCHEL_ROW_DELETED);
    kit_set(&task, SATCHEL_TASK_STATUS, SATCHEL_TASK_STATUS_OPEN);
    kit_page page = kit_page_begin(2);
    kit_page_result(&page, 1, 1, SATCHEL_RESULT_APPLIED);
    const satchel_op_result refused = {.index = 0, .code = SATCHEL_RESULT_REFUSED, .status = SATCHEL_FORBIDDEN};
    kit_page_op_result(&page, 2, 1, &refused, 1);
    kit_page_row(&kit, &page, SATCHEL_ENTITY_TASK, kit_id(30), 8, &task);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_UINT(kit_flags(&kit, SATCHEL_ENTITY_TASK, kit_id(30)), SATCHEL_ROW_REFUSED);
    kit_close(&kit);
}

TEST(overlay, a_row_that_the_server_deleted_is_marked_so) {
    store_kit kit = with_customer();
    satchel_record record = server_row(&kit, "Huaning", "Ningbo", 10);
    satchel_buffer bytes = {NULL, 0, 0};
    REQUIRE_OK(satchel_record_encode(satchel_store_schema(kit.store), CUSTOMER, &record, &bytes));
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_ROW};
    frame.as.row = (satchel_row_frame){.entity = CUSTOMER,
                                       .row = kit_id(1),
                                       .n = 12,
                                       .whole = true,
                                       .deleted = true,
                                       .record = satchel_buffer_view(&bytes)};
    kit_page page = kit_page_begin(0);
    kit_page_frame(&page, &frame);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_UINT(kit_flags(&kit, CUSTOMER, kit_id(1)), SATCHEL_ROW_DELETED);
    CHECK_UINT(kit_find(&kit, "Huaning"), 0);
    satchel_buffer_deinit(&bytes);
    kit_close(&kit);
}
