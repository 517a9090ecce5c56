/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The straight line: make, change, send, be told, be shown.
 */
#include "kit.h"

#include "wire/unit_codec.h"

TEST(store, a_created_row_is_there_and_pending) {
    store_kit kit = kit_open(NULL);
    const satchel_id id = kit_id(1);
    CHECK_UINT(kit_customer(&kit, id, "Huaning Foods"), 1);
    CHECK_TEXT(kit_text(&kit, id, SATCHEL_CUSTOMER_NAME), "Huaning Foods");
    CHECK_UINT(kit_flags(&kit, SATCHEL_ENTITY_CUSTOMER, id), SATCHEL_ROW_PENDING);
    kit_reopen(&kit);
    CHECK_TEXT(kit_text(&kit, id, SATCHEL_CUSTOMER_NAME), "Huaning Foods");
    CHECK_UINT(kit_edit_text(&kit, id, SATCHEL_CUSTOMER_CITY, "Ningbo"), 2);
    CHECK_TEXT(kit_text(&kit, id, SATCHEL_CUSTOMER_CITY), "Ningbo");
    kit_close(&kit);
}

TEST(store, a_page_gives_rows_that_are_clean) {
    store_kit kit = kit_open(NULL);
    satchel_record record = kit_record(&kit, SATCHEL_CUSTOMER_NAME, "Blue Shop");
    kit_elements(&record, SATCHEL_CUSTOMER_TAGS, "vip north");
    kit_set(&record, SATCHEL_CUSTOMER_GRADE, 2);
    kit_page page = kit_page_begin(0);
    kit_page_row(&kit, &page, SATCHEL_ENTITY_CUSTOMER, kit_id(7), 41, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    uint32_t flags;
    satchel_record read = kit_read(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(7), &flags);
    kit_set(&record, SATCHEL_FIELD_REVISION, 41);
    CHECK(satchel_record_equal(&read, &record));
    CHECK_UINT(flags, 0);
    CHECK_UINT(kit.outcome.rows_stored, 1);
    CHECK_UINT(kit.outcome.changed[0], 1u << SATCHEL_ENTITY_CUSTOMER);
    kit_close(&kit);
}

TEST(store, an_accepted_op_is_settled_and_its_row_becomes_clean) {
    store_kit kit = kit_open(NULL);
    const satchel_id id = kit_id(1);
    kit_customer(&kit, id, "Huaning");
    satchel_record record = kit_record(&kit, SATCHEL_CUSTOMER_NAME, "Huaning");
    kit_page page = kit_page_begin(1);
    kit_page_result(&page, 1, 1, SATCHEL_RESULT_APPLIED);
    kit_page_row(&kit, &page, SATCHEL_ENTITY_CUSTOMER, id, 9, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_UINT(kit.outcome.settled_through, 1);
    CHECK_UINT(kit_flags(&kit, SATCHEL_ENTITY_CUSTOMER, id), 0);
    satchel_unit_batch batch;
    REQUIRE_OK(satchel_store_load_units(kit.store, 0, 10000, &kit.arena, &batch, NULL));
    CHECK_UINT(batch.count, 0);
    CHECK_UINT(kit_why(&kit, SATCHEL_ENTITY_CUSTOMER, id, (satchel_reason_kind)0, NULL), 0);
    kit_close(&kit);
}

TEST(store, a_unit_is_loaded_as_it_was_committed) {
    store_kit kit = kit_open(NULL);
    kit.state.position = (satchel_revision){3, 77};
    REQUIRE_OK(satchel_store_save_sync_state(kit.store, &kit.state, NULL));
    kit_customer(&kit, kit_id(1), "One");
    kit_customer(&kit, kit_id(2), "Two");
    satchel_unit_batch batch;
    REQUIRE_OK(satchel_store_load_units(kit.store, 0, 10000, &kit.arena, &batch, NULL));
    REQUIRE_UINT(batch.count, 2);
    CHECK(!batch.more);
    CHECK_UINT(batch.last_sequence, 2);
    satchel_unit_ops unit;
    satchel_bytes *ops;
    satchel_op op;
    REQUIRE_OK(satchel_unit_decode(batch.units[1], &kit.arena, &unit, &ops, NULL));
    CHECK_UINT(unit.first_sequence, 2);
    CHECK_UINT(unit.seen.n, 77);
    CHECK_INT(unit.moment.offset_ms, 5);
    REQUIRE_OK(satchel_op_decode(satchel_store_schema(kit.store), ops[0], 2, &kit.arena, &op, NULL));
    CHECK_INT(op.kind, SATCHEL_OP_CREATE);
    CHECK_TEXT(satchel_record_text(&op.set, SATCHEL_CUSTOMER_NAME), "Two");
    kit_close(&kit);
}

TEST(store, units_come_in_portions_but_at_least_one) {
    store_kit kit = kit_open(NULL);
    for (uint32_t i = 1; i <= 5; i++) {
        kit_customer(&kit, kit_id(i), "Someone");
    }
    satchel_unit_batch batch;
    REQUIRE_OK(satchel_store_load_units(kit.store, 0, 1, &kit.arena, &batch, NULL));
    CHECK_UINT(batch.count, 1);
    CHECK(batch.more);
    size_t bytes = batch.units[0].bytes;
    REQUIRE_OK(satchel_store_load_units(kit.store, 1, (uint32_t)(2 * bytes), &kit.arena, &batch, NULL));
    CHECK_UINT(batch.count, 2);
    CHECK_UINT(batch.last_sequence, 3);
    REQUIRE_OK(satchel_store_load_units(kit.store, 3, (uint32_t)(2 * bytes), &kit.arena, &batch, NULL));
    CHECK_UINT(batch.count, 2);
    CHECK(!batch.more);
    REQUIRE_OK(satchel_store_load_units(kit.store, 5, 100, &kit.arena, &batch, NULL));
    CHECK_UINT(batch.count, 0);
    CHECK_UINT(batch.last_sequence, 5);
    kit_close(&kit);
}
