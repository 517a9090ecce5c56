/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The op log keeps what a server that comes back from a backup would lack, and not for ever.
 */
#include "kit.h"

#include "store/log_prune.h"
#include "store/store_state.h"

#include <stdio.h>

#define DAY INT64_C(86400000)

static int64_t logged(store_kit *kit) {
    int64_t ops = 0;
    REQUIRE_OK(satchel_store_number(kit->store, "SELECT count(*) FROM store_op", 0, &ops, NULL));
    return ops;
}

/* Units of one edit each of customer 1; returns the last sequence. */
static uint64_t edits(store_kit *kit, uint32_t count) {
    uint64_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "edit %u", (unsigned)i);
        last = kit_edit_text(kit, kit_id(1), SATCHEL_CUSTOMER_NAME, name);
    }
    return last;
}

/* A last page that decides on units `first` … `last`, each made at revision 1000 + its sequence, and tells backups. */
static void decide(store_kit *kit, uint64_t first, uint64_t last, satchel_result_code code, uint64_t verified_n) {
    kit_page page = {.payload = {NULL, 0, 0}};
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    frame.as.head = (satchel_answer_head){.applied_through = last, .verified_n = verified_n, .epoch = 1};
    kit_page_frame(&page, &frame);
    for (uint64_t s = first; s <= last; s++) {
        uint8_t receipt[SATCHEL_RECEIPT_BYTES] = {1};
        satchel_put_u64be(receipt + 4, 1000 + s);
        frame = (satchel_answer_frame){.kind = SATCHEL_FRAME_RESULT};
        frame.as.result = (satchel_unit_result){
            .first_sequence = s, .count = 1, .code = code, .receipt = satchel_bytes_of(receipt, sizeof receipt)};
        kit_page_frame(&page, &frame);
    }
    REQUIRE_OK(kit_page_store(kit, &page, false));
}

static store_kit with_customer(void) {
    store_kit kit = kit_open(NULL);
    kit_page page = kit_page_begin(0);
    satchel_record record = kit_record(&kit, SATCHEL_CUSTOMER_NAME, "shop");
    kit_page_row(&kit, &page, SATCHEL_ENTITY_CUSTOMER, kit_id(1), 5, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    return kit;
}

TEST(log_prune, what_a_backup_holds_goes_but_for_the_newest) {
    store_kit kit = with_customer();
    uint64_t last = edits(&kit, SATCHEL_LOG_KEPT_OPS + 40);
    decide(&kit, 1, last, SATCHEL_RESULT_APPLIED, 0);
    kit_purge(&kit);
    CHECK_INT(logged(&kit), SATCHEL_LOG_KEPT_OPS + 40); /* no backup yet */
    decide(&kit, last + 1, last, SATCHEL_RESULT_APPLIED, 1030);
    kit_purge(&kit);
    CHECK_INT(logged(&kit), SATCHEL_LOG_KEPT_OPS + 10);
    decide(&kit, last + 1, last, SATCHEL_RESULT_APPLIED, 9000);
    kit_purge(&kit);
    CHECK_INT(logged(&kit), SATCHEL_LOG_KEPT_OPS);
    kit_reopen(&kit);
    CHECK_UINT(edits(&kit, 1), last + 1); /* sequences go on */
    kit_close(&kit);
}

TEST(log_prune, what_is_not_decided_or_not_dismissed_stays_whatever_its_age) {
    store_kit kit = with_customer();
    uint64_t last = edits(&kit, SATCHEL_LOG_KEPT_OPS + 40);
    decide(&kit, 1, 10, SATCHEL_RESULT_APPLIED, 9000);
    decide(&kit, 11, 12, SATCHEL_RESULT_REFUSED, 9000);
    kit.state.seen_ms = kit.now_ms + 1000 * DAY;
    decide(&kit, 13, 20, SATCHEL_RESULT_APPLIED, 9000);
    kit_purge(&kit);
    CHECK_INT(logged(&kit), (int64_t)last - 18);
    CHECK_UINT(kit_reasons(&kit, SATCHEL_REASON_REFUSED), 2);
    CHECK_TEXT(kit_text(&kit, kit_id(1), SATCHEL_CUSTOMER_NAME), "edit 295");
    kit_close(&kit);
}

TEST(log_prune, old_ops_go_without_a_backup_after_their_days) {
    store_kit kit = with_customer();
    uint64_t last = edits(&kit, SATCHEL_LOG_KEPT_OPS + 5);
    decide(&kit, 1, last, SATCHEL_RESULT_APPLIED, 0);
    int64_t made_ms = kit.now_ms;
    for (int late = 0; late < 2; late++) {
        kit.state.seen_ms = made_ms + SATCHEL_LOG_DAYS_MOST * DAY - (late == 0 ? DAY : 0);
        decide(&kit, last + 1, last, SATCHEL_RESULT_APPLIED, 1 + (uint64_t)late);
        kit_purge(&kit);
        CHECK_INT(logged(&kit), SATCHEL_LOG_KEPT_OPS + (late == 0 ? 5 : 0));
    }
    kit_close(&kit);
}

TEST(log_prune, a_unit_that_lies_on_a_row_stays) {
    store_kit kit = with_customer();
    uint64_t created = kit_customer(&kit, kit_id(9), "mine");
    uint64_t last = edits(&kit, SATCHEL_LOG_KEPT_OPS + 5);
    decide(&kit, created + 1, last, SATCHEL_RESULT_APPLIED, 9000); /* the reply about the first one was lost */
    kit_purge(&kit);
    CHECK(kit_has(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(9)));
    CHECK_INT(logged(&kit), SATCHEL_LOG_KEPT_OPS + 6);
    decide(&kit, created, created, SATCHEL_RESULT_APPLIED, 9000);
    kit_purge(&kit);
    CHECK_INT(logged(&kit), SATCHEL_LOG_KEPT_OPS);
    kit_close(&kit);
}

/* The number of ops is moved instead of committing so many. */
TEST(log_prune, ops_beyond_a_number_go_without_a_backup) {
    for (uint64_t past = 0; past < 2; past++) {
        store_kit kit = with_customer();
        uint64_t last = edits(&kit, 1);
        decide(&kit, 1, last, SATCHEL_RESULT_APPLIED, 0);
        kit.store->next_sequence = SATCHEL_LOG_OPS_MOST + 1 + past;
        kit.store->verified_n = 1;
        uint32_t budget = 100;
        REQUIRE_OK(satchel_store_begin(kit.store, NULL));
        CHECK(satchel_log_prune_is_due(kit.store));
        REQUIRE_OK(satchel_store_end(kit.store, satchel_log_prune(kit.store, &budget, NULL), NULL));
        CHECK_INT(logged(&kit), past == 0 ? 1 : 0);
        satchel_log_prune_reset(kit.store);
        kit_close(&kit);
    }
}
