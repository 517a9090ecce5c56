/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Explanations: what waits, what was sent, what lost, conflicts as results tell of them and as rows.
 */
#include "kit.h"

#include "merge/merge.h"
#include "wire/record_codec.h"

#define CUSTOMER SATCHEL_ENTITY_CUSTOMER
#define NAME SATCHEL_CUSTOMER_NAME
#define CITY SATCHEL_CUSTOMER_CITY

static satchel_buffer encoded(store_kit *kit, uint32_t field, const char *text) {
    satchel_record record = kit_record(kit, field, text);
    satchel_buffer bytes = {NULL, 0, 0};
    REQUIRE_OK(satchel_record_encode(satchel_store_schema(kit->store), CUSTOMER, &record, &bytes));
    return bytes;
}

static void give_customer(store_kit *kit, uint64_t n, uint64_t applied, const char *name) {
    satchel_record record = kit_record(kit, NAME, name);
    kit_page page = kit_page_begin(applied);
    kit_page_row(kit, &page, CUSTOMER, kit_id(1), n, &record);
    REQUIRE_OK(kit_page_store(kit, &page, false));
}

TEST(reasons, an_op_waits_then_is_sent_then_is_no_reason) {
    store_kit kit = kit_open(NULL);
    kit_customer(&kit, kit_id(1), "Huaning");
    satchel_reason reason;
    REQUIRE_UINT(kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_WAITING, &reason), 1);
    CHECK_UINT(reason.sequence, 1);
    CHECK_UINT(reason.unit, 1);
    CHECK_INT(reason.at_ms, INT64_C(1700000000005)); /* wall clock and offset */
    REQUIRE_OK(satchel_store_mark_sent(kit.store, 1, NULL));
    CHECK_UINT(kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_SENT, NULL), 1);
    CHECK_UINT(kit_reasons(&kit, SATCHEL_REASON_WAITING), 0);
    CHECK_UINT(kit_reasons(&kit, SATCHEL_REASON_SENT), 1);
    kit_page page = kit_page_begin(1);
    kit_page_result(&page, 1, 1, SATCHEL_RESULT_APPLIED);
    REQUIRE_OK(kit_page_store_results(&kit, &page));
    CHECK_UINT(kit_why(&kit, CUSTOMER, kit_id(1), (satchel_reason_kind)0, NULL), 0);
    kit_close(&kit);
}

/* The own name of customer 1 lost against "Theirs", as a result with conflict 50 tells. */
static void store_loss(store_kit *kit, satchel_loss_kind kind) {
    satchel_buffer winner = encoded(kit, NAME, "Theirs");
    satchel_buffer loser = encoded(kit, NAME, "Mine");
    const satchel_result_loss loss = {.field = NAME,
                                      .policy = SATCHEL_POLICY_ASK,
                                      .kind = kind,
                                      .status = SATCHEL_OVERTAKEN,
                                      .conflict = kit_id(50),
                                      .winner = satchel_buffer_view(&winner),
                                      .loser = satchel_buffer_view(&loser),
                                      .winner_user = kit_id(61),
                                      .winner_ms = 1234};
    const satchel_op_result result = {.index = 0, .code = SATCHEL_RESULT_MERGED, .losses = &loss, .loss_count = 1};
    give_customer(kit, 5, 0, "Huaning");
    kit_edit_text(kit, kit_id(1), NAME, "Mine");
    kit_page page = kit_page_begin(1);
    kit_page_op_result(&page, 1, 1, &result, 1);
    REQUIRE_OK(kit_page_store(kit, &page, false));
    satchel_buffer_deinit(&winner);
    satchel_buffer_deinit(&loser);
}

TEST(reasons, a_lost_value_is_kept_with_both_sides) {
    store_kit kit = kit_open(NULL);
    store_loss(&kit, SATCHEL_LOSS_ASK);
    kit_reopen(&kit);
    satchel_reason reason;
    REQUIRE_UINT(kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_CONFLICT, &reason), 1);
    satchel_buffer mine = encoded(&kit, NAME, "Mine");
    satchel_buffer theirs = encoded(&kit, NAME, "Theirs");
    CHECK_BYTES(reason.mine, satchel_buffer_view(&mine));
    CHECK_BYTES(reason.theirs, satchel_buffer_view(&theirs));
    satchel_buffer base = encoded(&kit, NAME, "Huaning");
    CHECK_BYTES(reason.base, satchel_buffer_view(&base)); /* as he saw it when he wrote */
    satchel_buffer_deinit(&base);
    CHECK(reason.open);
    CHECK(!reason.mine_stands);
    CHECK_UINT(reason.field, NAME);
    CHECK_INT(reason.status, SATCHEL_OVERTAKEN);
    CHECK_INT(reason.other_ms, 1234);
    const satchel_id other = kit_id(61);
    CHECK_ID(&reason.other_user, &other);
    satchel_buffer_deinit(&mine);
    satchel_buffer_deinit(&theirs);
    kit_close(&kit);
}

TEST(reasons, a_won_conflict_says_that_mine_stands) {
    store_kit kit = kit_open(NULL);
    store_loss(&kit, SATCHEL_LOSS_OF_CURRENT);
    satchel_reason reason;
    REQUIRE_UINT(kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_CONFLICT, &reason), 1);
    CHECK(reason.mine_stands);
    CHECK(!reason.open);
    kit_close(&kit);
}

TEST(reasons, the_same_result_again_changes_nothing) {
    store_kit kit = kit_open(NULL);
    store_loss(&kit, SATCHEL_LOSS_ASK);
    const satchel_op_result refused = {.index = 0, .code = SATCHEL_RESULT_REFUSED, .status = SATCHEL_FORBIDDEN};
    kit_page page = kit_page_begin(1);
    kit_page_op_result(&page, 1, 1, &refused, 1);
    kit_page_result(&page, 7, 3, SATCHEL_RESULT_REFUSED); /* a unit that is not ours */
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_UINT(kit_reasons(&kit, SATCHEL_REASON_CONFLICT), 1);
    CHECK_UINT(kit_reasons(&kit, SATCHEL_REASON_REFUSED), 0);
    satchel_device_info info;
    REQUIRE_OK(satchel_store_count_info(kit.store, &info, NULL));
    CHECK_UINT(info.units_unsent, 0);
    CHECK_UINT(info.ops_refused, 0);
    kit_close(&kit);
}

/* The row of conflict 50 about the name of customer 1: winner "Theirs", loser "Mine" of this phone's op 1. */
static satchel_record conflict_row(store_kit *kit, int64_t status) {
    satchel_record record = kit_record(kit, 0, NULL);
    satchel_buffer values = {NULL, 0, 0};
    satchel_buffer sides[2] = {encoded(kit, NAME, "Theirs"), encoded(kit, NAME, "Mine")};
    kit_set(&record, SATCHEL_CONFLICT_SUBJECT_ENTITY, CUSTOMER);
    kit_refer(&record, SATCHEL_CONFLICT_SUBJECT_ROW, kit_id(1));
    kit_set(&record, SATCHEL_CONFLICT_SUBJECT_FIELD, NAME);
    kit_set(&record, SATCHEL_CONFLICT_STATUS, status);
    kit_set(&record, SATCHEL_CONFLICT_POLICY, SATCHEL_POLICY_ASK);
    kit_set(&record, SATCHEL_CONFLICT_REASON, SATCHEL_OVERTAKEN);
    kit_refer(&record, SATCHEL_CONFLICT_WINNER_USER, kit_id(61));
    kit_refer(&record, SATCHEL_CONFLICT_LOSER_USER, kit_id(60));
    for (uint8_t i = 0; i < 2; i++) {
        REQUIRE_OK(satchel_buffer_append_byte(&values, (uint8_t)((i + 1) << 3 | 2)));
        REQUIRE_OK(satchel_buffer_append_varint(&values, sides[i].bytes));
        REQUIRE_OK(satchel_buffer_append(&values, satchel_buffer_view(&sides[i])));
        satchel_buffer_deinit(&sides[i]);
    }
    satchel_value blob = satchel_value_bytes(satchel_buffer_view(&values));
    REQUIRE_OK(satchel_record_set(&record, SATCHEL_CONFLICT_VALUES_OPEN, &blob));
    satchel_buffer_deinit(&values);
    return record;
}

static void give_conflict(store_kit *kit, int64_t status, uint64_t n) {
    satchel_record record = conflict_row(kit, status);
    kit_page page = kit_page_begin(1);
    kit_page_row(kit, &page, SATCHEL_ENTITY_CONFLICT, kit_id(50), n, &record);
    REQUIRE_OK(kit_page_store(kit, &page, false));
}

TEST(reasons, a_conflict_that_comes_as_a_row_marks_its_subject_until_it_is_closed) {
    store_kit kit = kit_open(NULL);
    give_customer(&kit, 5, 0, "Theirs");
    give_conflict(&kit, SATCHEL_CONFLICT_STATUS_OPEN, 6);
    CHECK_UINT(kit_flags(&kit, CUSTOMER, kit_id(1)), SATCHEL_ROW_CONFLICT);
    satchel_device_info info;
    REQUIRE_OK(satchel_store_count_info(kit.store, &info, NULL));
    CHECK_UINT(info.conflicts_open, 1);
    satchel_reason reason;
    REQUIRE_UINT(kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_CONFLICT, &reason), 1);
    CHECK(reason.open);
    satchel_buffer mine = encoded(&kit, NAME, "Mine");
    CHECK_BYTES(reason.mine, satchel_buffer_view(&mine));
    satchel_buffer_deinit(&mine);
    give_conflict(&kit, SATCHEL_CONFLICT_STATUS_KEPT, 7);
    CHECK_UINT(kit_flags(&kit, CUSTOMER, kit_id(1)), 0);
    REQUIRE_UINT(kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_CONFLICT, &reason), 1);
    CHECK(!reason.open);
    kit_close(&kit);
}

TEST(reasons, the_winner_is_told_that_his_value_stands) {
    store_kit kit = kit_open(NULL);
    const satchel_id me = kit_id(61);
    REQUIRE_OK(satchel_store_put_value(kit.store, SATCHEL_STORE_USER_NAME, satchel_id_view(&me), NULL));
    give_customer(&kit, 5, 0, "Theirs");
    give_conflict(&kit, SATCHEL_CONFLICT_STATUS_OPEN, 6);
    satchel_reason reason;
    REQUIRE_UINT(kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_CONFLICT, &reason), 1);
    CHECK(reason.mine_stands);
    const satchel_id other = kit_id(60);
    CHECK_ID(&reason.other_user, &other);
    kit_close(&kit);
}

TEST(reasons, a_conflict_told_twice_is_listed_once) {
    store_kit kit = kit_open(NULL);
    store_loss(&kit, SATCHEL_LOSS_ASK);
    give_conflict(&kit, SATCHEL_CONFLICT_STATUS_OPEN, 6);
    CHECK_UINT(kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_CONFLICT, NULL), 1);
    CHECK_UINT(kit_reasons(&kit, SATCHEL_REASON_CONFLICT), 1);
    kit_close(&kit);
}

TEST(reasons, values_go_with_the_row) {
    store_kit kit = kit_open(NULL);
    store_loss(&kit, SATCHEL_LOSS_ASK);
    kit_page page = kit_page_begin(1);
    kit_page_removal(&page, CUSTOMER, kit_id(1));
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    satchel_reason reason;
    REQUIRE_UINT(kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_CONFLICT, &reason), 1);
    CHECK_UINT(reason.mine.bytes, 0);
    CHECK_UINT(reason.theirs.bytes, 0);
    kit_purge(&kit);
    CHECK_UINT(kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_CONFLICT, NULL), 0);
    kit_close(&kit);
}

TEST(reasons, a_list_has_a_row_or_a_kind_and_a_size) {
    store_kit kit = kit_open(NULL);
    satchel_reason *reasons;
    uint32_t count;
    const satchel_id id = kit_id(1);
    for (uint32_t i = 0; i < 5; i++) {
        kit_customer(&kit, kit_id(i), "x");
    }
    REQUIRE_OK(satchel_store_reasons(kit.store, 0, &id, SATCHEL_REASON_WAITING, 3, &kit.arena, &reasons, &count, NULL));
    REQUIRE_UINT(count, 3);
    CHECK_UINT(reasons[0].sequence, 5); /* the newest first */
    CHECK_UINT(reasons[2].sequence, 3);
    CHECK_STATUS(satchel_store_reasons(kit.store, 0, &id, SATCHEL_REASON_SENT, 0, &kit.arena, &reasons, &count, NULL),
                 SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_store_reasons(kit.store, 0, &id, SATCHEL_REASON_SENT, SATCHEL_LIMIT_PAGE_ROWS + 1, &kit.arena,
                                       &reasons, &count, NULL),
                 SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(
        satchel_store_reasons(kit.store, 0, &id, (satchel_reason_kind)0, 5, &kit.arena, &reasons, &count, NULL),
        SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(
        satchel_store_reasons(kit.store, CUSTOMER, &id, SATCHEL_REASON_SENT, 5, &kit.arena, &reasons, &count, NULL),
        SATCHEL_INVALID_ARGUMENT);
    kit_close(&kit);
}
