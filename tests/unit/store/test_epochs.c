/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that comes back from a backup, and persons that were erased, as the store meets them.
 */
#include "store/epoch.h"
#include "store/store_state.h"
#include "unit/store/kit.h"

#include <satchel/model.h>

static void put_head(kit_page *page, uint32_t epoch, satchel_status status, uint64_t applied, uint64_t verified_n) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    *page = (kit_page){{NULL, 0, 0}};
    frame.as.head = (satchel_answer_head){
        .status = status, .server_time_ms = 1000, .epoch = epoch, .applied_through = applied, .verified_n = verified_n};
    kit_page_frame(page, &frame);
}

static void put_result(kit_page *page, uint64_t first, uint8_t n) {
    const uint8_t receipt[SATCHEL_RECEIPT_BYTES] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, n};
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_RESULT};
    frame.as.result = (satchel_unit_result){.first_sequence = first,
                                            .count = 1,
                                            .code = SATCHEL_RESULT_APPLIED,
                                            .stamp_ms = -70,
                                            .receipt = satchel_bytes_of(receipt, sizeof receipt)};
    kit_page_frame(page, &frame);
}

/* Two customers, both accepted with receipts, and on a page of epoch 1. */
static store_kit accepted(void) {
    store_kit kit = kit_open(NULL);
    kit_page page;
    satchel_record record;
    kit_customer(&kit, kit_id(1), "Baker");
    kit_customer(&kit, kit_id(2), "Smith");
    put_head(&page, 1, SATCHEL_OK, 2, 0);
    put_result(&page, 1, 11);
    put_result(&page, 2, 12);
    kit_page_scope_set(&page, 3, 9);
    record = kit_record(&kit, SATCHEL_CUSTOMER_NAME, "Baker");
    kit_page_row_in(&kit, &page, SATCHEL_ENTITY_CUSTOMER, kit_id(1), 11, 3, &record);
    record = kit_record(&kit, SATCHEL_CUSTOMER_NAME, "Smith");
    kit_page_row_in(&kit, &page, SATCHEL_ENTITY_CUSTOMER, kit_id(2), 12, 3, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    return kit;
}

static uint32_t units_to_send(store_kit *kit, satchel_unit_return *last_shown) {
    satchel_arena arena = {0};
    satchel_unit_batch batch;
    satchel_bytes unit;
    REQUIRE_OK(satchel_store_load_units(kit->store, 0, 1 << 20, &arena, &batch, &kit->error));
    if (batch.count > 0) {
        REQUIRE_OK(satchel_unit_split(batch.units[batch.count - 1], &unit, last_shown, NULL));
        last_shown->receipt.bytes = last_shown->receipt.bytes == SATCHEL_RECEIPT_BYTES ? 1 : 0; /* its bytes go now */
    }
    satchel_arena_deinit(&arena);
    return batch.count;
}

TEST(epochs, what_a_restored_server_lacks_is_shown_again_with_receipts) {
    store_kit kit = accepted();
    satchel_unit_return shown = {{NULL, 0}, 0, 0};
    kit_page page;
    CHECK_UINT(units_to_send(&kit, &shown), 0);
    put_head(&page, 2, SATCHEL_STALE_CURSOR, 1, 0);
    REQUIRE_OK(kit_page_store_results(&kit, &page));
    CHECK_UINT(kit.outcome.settled_through, 1);
    kit_reopen(&kit);
    CHECK_UINT(units_to_send(&kit, &shown), 1);
    CHECK(shown.receipt.bytes == 1 && shown.stamp_ms == -70 && shown.code == SATCHEL_RESULT_APPLIED);
    kit_edit_text(&kit, kit_id(1), SATCHEL_CUSTOMER_NOTE, "new");
    CHECK_UINT(units_to_send(&kit, &shown), 2);
    CHECK_UINT(shown.receipt.bytes, 0); /* the new one has none */
    put_head(&page, 2, SATCHEL_OK, 2, 0);
    put_result(&page, 2, 77);
    REQUIRE_OK(kit_page_store_results(&kit, &page));
    CHECK_UINT(kit.outcome.settled_through, 2);
    CHECK_UINT(units_to_send(&kit, &shown), 1);
    kit_close(&kit);
}

TEST(epochs, the_first_page_of_an_epoch_leaves_what_does_not_come_again) {
    store_kit kit = accepted();
    kit_page page;
    put_head(&page, 2, SATCHEL_STALE_CURSOR, 2, 0);
    REQUIRE_OK(kit_page_store_results(&kit, &page));
    CHECK(kit_has(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(1)) && kit_has(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(2)));
    put_head(&page, 2, SATCHEL_OK, 2, 0);
    kit_page_scope_set(&page, 3, 9);
    satchel_record record = kit_record(&kit, SATCHEL_CUSTOMER_NAME, "Baker");
    kit_page_row_in(&kit, &page, SATCHEL_ENTITY_CUSTOMER, kit_id(1), 5000, 3, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK(kit_has(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(1)));
    CHECK(!kit_has(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(2)));
    kit_close(&kit);
}

TEST(epochs, a_verified_backup_is_remembered_and_never_goes_back) {
    store_kit kit = accepted();
    kit_page page;
    const uint64_t told[][2] = {{40, 40}, {30, 40}, {50, 50}};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        put_head(&page, 1, SATCHEL_OK, 2, told[i][0]);
        REQUIRE_OK(kit_page_store_results(&kit, &page));
        kit_reopen(&kit);
        CHECK_UINT(kit.store->verified_n, told[i][1]);
    }
    kit_close(&kit);
}

TEST(epochs, an_erased_person_leaves_rows_log_and_search) {
    store_kit kit = accepted();
    kit_page page;
    satchel_arena arena = {0};
    satchel_bytes erased = {NULL, 0};
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_ERASED};
    const satchel_id row = kit_id(1);
    kit_edit_text(&kit, row, SATCHEL_CUSTOMER_NOTE, "canary");
    CHECK_UINT(kit_find(&kit, "canary"), 1);
    frame.as.erased =
        (satchel_erased_frame){kit_id(99), SATCHEL_ENTITY_CUSTOMER, satchel_bytes_of(row.bytes, SATCHEL_ID_BYTES)};
    for (int i = 0; i < 2; i++) { /* told twice is done once */
        put_head(&page, 1, SATCHEL_OK, 2, 0);
        kit_page_frame(&page, &frame);
        REQUIRE_OK(kit_page_store_results(&kit, &page));
    }
    CHECK_TEXT(kit_text(&kit, row, SATCHEL_CUSTOMER_NAME), "-");
    CHECK_TEXT(kit_text(&kit, row, SATCHEL_CUSTOMER_NOTE), "");
    kit_purge(&kit);
    CHECK_UINT(kit_find(&kit, "canary"), 0);
    CHECK_UINT(kit_find(&kit, "Baker"), 0);
    CHECK_UINT(kit_find(&kit, "Smith"), 1);
    REQUIRE_OK(satchel_store_erased(kit.store, &arena, &erased, &kit.error));
    CHECK_UINT(erased.bytes, SATCHEL_ID_BYTES);
    REQUIRE_OK(satchel_store_erased_told(kit.store, &kit.error));
    REQUIRE_OK(satchel_store_erased(kit.store, &arena, &erased, &kit.error));
    CHECK_UINT(erased.bytes, 0);
    satchel_arena_deinit(&arena);
    kit_close(&kit);
}
