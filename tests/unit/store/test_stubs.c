/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a phone keeps of a parked edit for its user: when, of what kind, how many, and who has it.
 */
#include "kit.h"

#define CUSTOMER SATCHEL_ENTITY_CUSTOMER
#define NAME SATCHEL_CUSTOMER_NAME

static const satchel_id keeper = {{0xba, 5}};

/* Stores the result of the unit at `first`; `listed`: with a word about its first op. */
static void park(store_kit *kit, uint64_t first, uint32_t count, bool listed, const satchel_id *who) {
    kit_page page = kit_page_begin(first + count - 1);
    const satchel_op_result op = {.code = SATCHEL_RESULT_PARKED, .status = SATCHEL_MOVED_AWAY, .rule = {"moved", 5}};
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_RESULT};
    frame.as.result = (satchel_unit_result){.first_sequence = first,
                                            .count = count,
                                            .code = SATCHEL_RESULT_PARKED,
                                            .ops = &op,
                                            .op_count = listed ? 1 : 0,
                                            .keeper = *who};
    kit_page_frame(&page, &frame);
    REQUIRE_OK(kit_page_store_results(kit, &page));
}

TEST(stubs, a_parked_edit_says_when_what_how_many_and_who_has_it) {
    store_kit kit = kit_open(NULL);
    kit_page page = kit_page_begin(0);
    satchel_record record = kit_record(&kit, NAME, "Huaning");
    kit_page_row(&kit, &page, CUSTOMER, kit_id(1), 5, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    kit_edit_text(&kit, kit_id(1), NAME, "Mine");
    park(&kit, 1, 1, true, &keeper);
    kit_reopen(&kit);
    satchel_reason reason;
    REQUIRE_UINT(kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_PARKED, &reason), 1);
    CHECK_ID(&reason.keeper, &keeper);
    CHECK_INT(reason.change, SATCHEL_CHANGE_EDIT);
    CHECK_UINT(reason.unit_ops, 1);
    CHECK_INT(reason.status, SATCHEL_MOVED_AWAY);
    CHECK_TEXT(reason.rule, "moved");
    CHECK(reason.at_ms > 0);
    CHECK_UINT(reason.mine.bytes + reason.theirs.bytes, 0);
    kit_close(&kit);
}

TEST(stubs, every_op_of_the_unit_names_the_keeper_though_the_answer_listed_one) {
    for (int listed = 0; listed < 2; listed++) {
        store_kit kit = kit_open(NULL);
        satchel_draft *draft;
        REQUIRE_OK(satchel_draft_open(&draft, kit.store));
        for (uint8_t i = 1; i <= 3; i++) {
            satchel_record record = kit_record(&kit, NAME, "New");
            const satchel_id id = kit_id(i);
            REQUIRE_OK(satchel_draft_create(draft, CUSTOMER, &id, &record, NULL));
        }
        kit_commit(&kit, draft);
        satchel_draft_close(draft);
        park(&kit, 1, 3, listed != 0, &keeper);
        for (uint8_t i = 1; i <= 3; i++) {
            satchel_reason reason = {.kind = (satchel_reason_kind)0};
            REQUIRE_UINT(kit_why(&kit, CUSTOMER, kit_id(i), SATCHEL_REASON_PARKED, &reason), 1);
            CHECK_ID(&reason.keeper, &keeper);
            CHECK_INT(reason.change, SATCHEL_CHANGE_CREATE);
            CHECK_UINT(reason.unit_ops, 3);
            CHECK_UINT(reason.unit, 1);
        }
        kit_close(&kit);
    }
}

TEST(stubs, a_keeper_that_was_not_named_is_none) {
    static const satchel_id nobody = {{0}};
    store_kit kit = kit_open(NULL);
    kit_customer(&kit, kit_id(1), "Huaning");
    park(&kit, 1, 1, true, &nobody);
    satchel_reason reason;
    REQUIRE_UINT(kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_PARKED, &reason), 1);
    CHECK_ID(&reason.keeper, &nobody);
    kit_close(&kit);
}

TEST(stubs, only_what_is_parked_has_a_keeper) {
    store_kit kit = kit_open(NULL);
    kit_customer(&kit, kit_id(1), "Huaning");
    kit_page page = kit_page_begin(1);
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_RESULT};
    frame.as.result =
        (satchel_unit_result){.first_sequence = 1, .count = 1, .code = SATCHEL_RESULT_REFUSED, .keeper = keeper};
    kit_page_frame(&page, &frame);
    REQUIRE_OK(kit_page_store_results(&kit, &page));
    satchel_reason reason;
    static const satchel_id nobody = {{0}};
    REQUIRE_UINT(kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_REFUSED, &reason), 1);
    CHECK_ID(&reason.keeper, &nobody);
    kit_close(&kit);
}
