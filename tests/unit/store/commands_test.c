/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands in the op log: what shows while they wait, and what is told when they were decided. How many losses are
 * kept.
 */
#include "kit.h"

#include "store/commands.h"

#include <satchel/command.h>

#define CUSTOMER SATCHEL_ENTITY_CUSTOMER

static void give_customer(store_kit *kit, uint64_t n) {
    satchel_record record = kit_record(kit, SATCHEL_CUSTOMER_NAME, "Pool Shop");
    kit_page page = kit_page_begin(0);
    kit_page_row(kit, &page, CUSTOMER, kit_id(1), n, &record);
    REQUIRE_OK(kit_page_store(kit, &page, false));
}

static uint64_t command(store_kit *kit, uint32_t entity, satchel_id id, satchel_command_kind kind,
                        const satchel_record *set) {
    satchel_draft *draft = NULL;
    REQUIRE_OK(satchel_draft_open(&draft, kit->store));
    REQUIRE_OK(satchel_draft_command(draft, entity, &id, kind, set, &kit->error));
    uint64_t sequence = kit_commit(kit, draft).first_sequence;
    satchel_draft_close(draft);
    return sequence;
}

static uint64_t claim(store_kit *kit) {
    satchel_record none = kit_record(kit, 0, NULL);
    return command(kit, CUSTOMER, kit_id(1), SATCHEL_COMMAND_CLAIM, &none);
}

static uint32_t list(store_kit *kit, satchel_command_info **out) {
    uint32_t count = 0;
    REQUIRE_OK(satchel_store_commands(kit->store, SATCHEL_PAGE_ROWS_MOST, &kit->arena, out, &count, &kit->error));
    return count;
}

TEST(commands, a_command_changes_no_value_but_the_row_waits) {
    store_kit kit = kit_open(NULL);
    satchel_command_info *commands = NULL;
    give_customer(&kit, 5);
    claim(&kit);
    CHECK_TEXT(satchel_text_of(kit_text(&kit, kit_id(1), SATCHEL_CUSTOMER_NAME)), "Pool Shop");
    CHECK_UINT(kit_flags(&kit, CUSTOMER, kit_id(1)), SATCHEL_ROW_PENDING);
    CHECK_UINT(kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_WAITING, NULL), 1);
    REQUIRE_UINT(list(&kit, &commands), 1);
    CHECK_INT(commands[0].kind, SATCHEL_COMMAND_CLAIM);
    CHECK_INT(commands[0].state, SATCHEL_COMMAND_WAITING);
    REQUIRE_OK(satchel_store_mark_sent(kit.store, 1, NULL));
    REQUIRE_UINT(list(&kit, &commands), 1);
    CHECK_INT(commands[0].state, SATCHEL_COMMAND_SENT);
    kit_close(&kit);
}

/* The server's word on op `sequence`: refused, user 61 was first. */
static void refuse(store_kit *kit, uint64_t sequence) {
    const satchel_result_loss loss = {.field = SATCHEL_CUSTOMER_OWNER,
                                      .policy = SATCHEL_POLICY_SERVER,
                                      .kind = 1,
                                      .status = SATCHEL_OVERTAKEN,
                                      .winner_user = kit_id(61),
                                      .winner_ms = 77};
    const satchel_op_result result = {.index = 0,
                                      .code = SATCHEL_RESULT_REFUSED,
                                      .status = SATCHEL_OVERTAKEN,
                                      .rule = satchel_text_of("it is not in the pool"),
                                      .losses = &loss,
                                      .loss_count = 1};
    kit_page page = kit_page_begin(sequence);
    kit_page_op_result(&page, sequence, 1, &result, 1);
    REQUIRE_OK(kit_page_store(kit, &page, false));
}

TEST(commands, a_refused_one_names_who_was_first_even_when_the_row_is_gone) {
    store_kit kit = kit_open(NULL);
    satchel_command_info *commands = NULL;
    satchel_reason reason;
    const satchel_id winner = kit_id(61);
    give_customer(&kit, 5);
    refuse(&kit, claim(&kit));
    kit_page page = kit_page_begin(1);
    kit_page_removal(&page, CUSTOMER, kit_id(1));
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    kit_purge(&kit);
    kit_reopen(&kit);
    REQUIRE_UINT(list(&kit, &commands), 1);
    CHECK_INT(commands[0].state, SATCHEL_COMMAND_REFUSED);
    CHECK_STATUS(commands[0].status, SATCHEL_OVERTAKEN);
    CHECK_ID(&commands[0].winner, &winner);
    CHECK_INT(commands[0].winner_ms, 77);
    REQUIRE_UINT(kit_why(&kit, CUSTOMER, kit_id(1), SATCHEL_REASON_REFUSED, &reason), 1);
    CHECK_ID(&reason.other_user, &winner);
    CHECK_UINT(kit_reasons(&kit, SATCHEL_REASON_CONFLICT), 0);
    kit_close(&kit);
}

TEST(commands, one_that_waits_for_an_approval_says_so_and_a_dismissed_one_is_not_listed) {
    store_kit kit = kit_open(NULL);
    satchel_command_info *commands = NULL;
    give_customer(&kit, 5);
    uint64_t first = claim(&kit);
    const satchel_op_result pending = {.code = SATCHEL_RESULT_APPLIED, .status = SATCHEL_APPROVAL_PENDING};
    kit_page page = kit_page_begin(first);
    kit_page_op_result(&page, first, 1, &pending, 1);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    REQUIRE_UINT(list(&kit, &commands), 1);
    CHECK_INT(commands[0].state, SATCHEL_COMMAND_ACCEPTED);
    CHECK_STATUS(commands[0].status, SATCHEL_APPROVAL_PENDING);
    uint64_t second = claim(&kit);
    refuse(&kit, second);
    REQUIRE_UINT(list(&kit, &commands), 2);
    REQUIRE_OK(satchel_store_dismiss(kit.store, second, NULL));
    REQUIRE_UINT(list(&kit, &commands), 1);
    CHECK_UINT(commands[0].sequence, first);
    kit_close(&kit);
}

TEST(commands, what_a_command_names_is_here_but_for_a_new_stop_of_a_plan) {
    store_kit kit = kit_open(NULL);
    satchel_draft *draft = NULL;
    satchel_id row = kit_id(9);
    satchel_record none = kit_record(&kit, 0, NULL);
    satchel_record stop = kit_record(&kit, 0, NULL);
    kit_refer(&stop, SATCHEL_PLAN_STOP_PLAN, kit_id(3));
    kit_refer(&stop, SATCHEL_PLAN_STOP_CUSTOMER, kit_id(1));
    kit_set(&stop, SATCHEL_PLAN_STOP_POSITION, 1);
    REQUIRE_OK(satchel_draft_open(&draft, kit.store));
    CHECK_STATUS(satchel_draft_command(draft, CUSTOMER, &row, SATCHEL_COMMAND_CLAIM, &none, NULL), SATCHEL_NOT_FOUND);
    CHECK_STATUS(satchel_draft_command(draft, SATCHEL_ENTITY_PLAN_STOP, &row, SATCHEL_COMMAND_CHANGE_PLAN, &none, NULL),
                 SATCHEL_NOT_FOUND);
    satchel_draft_close(draft);
    command(&kit, SATCHEL_ENTITY_PLAN_STOP, row, SATCHEL_COMMAND_CHANGE_PLAN, &stop);
    CHECK(!kit_has(&kit, SATCHEL_ENTITY_PLAN_STOP, row));
    kit_close(&kit);
}

TEST(commands, as_many_are_listed_as_asked_for) {
    store_kit kit = kit_open(NULL);
    satchel_command_info *commands = NULL;
    uint32_t count = 0;
    give_customer(&kit, 5);
    for (int i = 0; i < 3; i++) {
        claim(&kit);
    }
    REQUIRE_OK(satchel_store_commands(kit.store, 2, &kit.arena, &commands, &count, NULL));
    REQUIRE_UINT(count, 2);
    CHECK_UINT(commands[0].sequence, 3);
    CHECK_STATUS(satchel_store_commands(kit.store, 0, &kit.arena, &commands, &count, NULL), SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_store_commands(kit.store, SATCHEL_PAGE_ROWS_MOST + 1, &kit.arena, &commands, &count, NULL),
                 SATCHEL_INVALID_ARGUMENT);
    kit_close(&kit);
}

/* Op `sequence` lost a value. */
static void lose(store_kit *kit, uint64_t sequence) {
    const satchel_result_loss loss = {
        .field = SATCHEL_CUSTOMER_CITY, .kind = 1, .status = SATCHEL_OVERTAKEN, .conflict = kit_id(10000)};
    const satchel_op_result result = {.code = SATCHEL_RESULT_MERGED, .losses = &loss, .loss_count = 1};
    kit_page page = kit_page_begin(sequence);
    kit_page_op_result(&page, sequence, 1, &result, 1);
    REQUIRE_OK(kit_page_store_results(kit, &page));
}

TEST(commands, so_many_losses_are_kept_and_the_others_are_counted) {
    store_kit kit = kit_open(NULL);
    satchel_device_info info;
    give_customer(&kit, 5);
    for (uint64_t i = 1; i <= SATCHEL_LOSSES_MOST; i++) {
        lose(&kit, kit_edit_text(&kit, kit_id(1), SATCHEL_CUSTOMER_CITY, i % 2 == 0 ? "A" : "B"));
    }
    REQUIRE_OK(satchel_store_count_info(kit.store, &info, NULL));
    CHECK_UINT(info.losses_on_server, 0);
    for (int i = 0; i < 2; i++) {
        lose(&kit, kit_edit_text(&kit, kit_id(1), SATCHEL_CUSTOMER_CITY, i == 0 ? "C" : "D"));
    }
    REQUIRE_OK(satchel_store_count_info(kit.store, &info, NULL));
    CHECK_UINT(info.losses_on_server, 2);
    kit_close(&kit);
}
