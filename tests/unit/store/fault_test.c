/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures in mid-work: every allocation of a commit and of a page in turn, a full disk, an interrupted statement.
 * What failed has not happened, what is repeated does happen, and nothing that was there is gone.
 */
#include "kit.h"

#include "base/memory.h"

#include <stdio.h>

#define CUSTOMER SATCHEL_ENTITY_CUSTOMER
#define NAME SATCHEL_CUSTOMER_NAME
#define CITY SATCHEL_CUSTOMER_CITY

static store_kit with_customer(void) {
    store_kit kit = kit_open(NULL);
    satchel_record record = kit_record(&kit, NAME, "Huaning");
    kit_page page = kit_page_begin(0);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(1), 5, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    kit_edit_text(&kit, kit_id(1), CITY, "Ningbo");
    return kit;
}

static satchel_status commit_edit(store_kit *kit, const char *city, uint64_t *sequence) {
    const satchel_moment moment = {1, 2, 3, 4};
    satchel_receipt receipt = {0, 0};
    satchel_draft *draft = NULL;
    satchel_record record;
    satchel_arena arena = {0};
    const satchel_id id = kit_id(1);
    satchel_record_init(&record, &arena);
    satchel_status status = satchel_record_set_text(&record, CITY, satchel_text_of(city));
    if (status == SATCHEL_OK) {
        status = satchel_draft_open(&draft, kit->store);
    }
    if (status == SATCHEL_OK) {
        status = satchel_draft_edit(draft, CUSTOMER, &id, &record, NULL, 0, NULL);
    }
    if (status == SATCHEL_OK) {
        status = satchel_draft_commit(draft, &moment, &receipt, &kit->error);
    }
    satchel_draft_close(draft);
    satchel_arena_deinit(&arena);
    *sequence = receipt.first_sequence;
    return status;
}

TEST(store_fault, a_commit_survives_the_failure_of_any_allocation) {
    store_kit kit = with_customer();
    satchel_status status = SATCHEL_NO_MEMORY;
    unsigned long at = 0;
    uint64_t sequence = 0;
    while (status != SATCHEL_OK && at < 2000) {
        satchel_memory_fail_at(++at, 0);
        status = commit_edit(&kit, "Hangzhou", &sequence);
        satchel_memory_fail_at(0, 0);
        if (status != SATCHEL_OK) {
            REQUIRE_STATUS(status, SATCHEL_NO_MEMORY);
            REQUIRE_TEXT(kit_text(&kit, kit_id(1), CITY), "Ningbo");
        }
    }
    CHECK(at > 10);
    CHECK_UINT(sequence, 2); /* no number was used up by a failure */
    CHECK_TEXT(kit_text(&kit, kit_id(1), CITY), "Hangzhou");
    kit_close(&kit);
}

static kit_page page_of_all(store_kit *kit) {
    satchel_record customer = kit_record(kit, NAME, "Theirs");
    satchel_record other = kit_record(kit, NAME, "Other");
    const satchel_op_result refused = {.index = 0, .code = SATCHEL_RESULT_REFUSED, .status = SATCHEL_FORBIDDEN};
    kit_elements(&other, SATCHEL_CUSTOMER_TAGS, "a b");
    kit_page page = kit_page_begin(1);
    kit_page_op_result(&page, 1, 1, &refused, 1);
    kit_page_scope_set(&page, 1, 10);
    kit_page_row_in(kit, &page, CUSTOMER, kit_id(1), 8, 1, &customer);
    kit_page_row_in(kit, &page, CUSTOMER, kit_id(2), 8, 1, &other);
    kit_page_removal(&page, CUSTOMER, kit_id(77));
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_END};
    kit_page_frame(&page, &frame);
    return page;
}

TEST(store_fault, a_page_survives_the_failure_of_any_allocation) {
    store_kit kit = with_customer();
    kit_page page = page_of_all(&kit);
    satchel_status status = SATCHEL_NO_MEMORY;
    unsigned long at = 0;
    while (status != SATCHEL_OK && at < 2000) {
        satchel_memory_fail_at(++at, 0);
        status = satchel_store_page(kit.store, satchel_buffer_view(&page.payload), &kit.state, &kit.outcome, NULL);
        satchel_memory_fail_at(0, 0);
        if (status != SATCHEL_OK) {
            REQUIRE_STATUS(status, SATCHEL_NO_MEMORY);
            REQUIRE_TEXT(kit_text(&kit, kit_id(1), CITY), "Ningbo");
            REQUIRE(!kit_has(&kit, CUSTOMER, kit_id(2)));
            REQUIRE_UINT(kit_flags(&kit, CUSTOMER, kit_id(1)), SATCHEL_ROW_PENDING);
        }
    }
    CHECK(at > 10);
    CHECK_TEXT(kit_text(&kit, kit_id(1), NAME), "Theirs");
    CHECK_UINT(kit_flags(&kit, CUSTOMER, kit_id(1)), SATCHEL_ROW_REFUSED);
    CHECK(kit_has(&kit, CUSTOMER, kit_id(2)));
    satchel_buffer_deinit(&page.payload);
    kit_close(&kit);
}

TEST(store_fault, reading_survives_the_failure_of_any_allocation) {
    store_kit kit = with_customer();
    satchel_status status = SATCHEL_NO_MEMORY;
    for (unsigned long at = 1; status != SATCHEL_OK && at < 2000; at++) {
        satchel_arena arena = {0};
        satchel_reason *reasons;
        uint32_t count;
        const satchel_id id = kit_id(1);
        satchel_memory_fail_at(at, 0);
        status =
            satchel_store_reasons(kit.store, CUSTOMER, &id, (satchel_reason_kind)0, 9, &arena, &reasons, &count, NULL);
        satchel_memory_fail_at(0, 0);
        REQUIRE(status == SATCHEL_OK || status == SATCHEL_NO_MEMORY);
        satchel_arena_deinit(&arena);
    }
    CHECK_STATUS(status, SATCHEL_OK);
    kit_close(&kit);
}

static void limit_pages(store_kit *kit, int64_t more) {
    sqlite3_stmt *statement;
    char sql[64];
    REQUIRE_INT(sqlite3_prepare_v2(kit->database, "PRAGMA page_count", -1, &statement, NULL), SQLITE_OK);
    REQUIRE_INT(sqlite3_step(statement), SQLITE_ROW);
    long long pages = sqlite3_column_int64(statement, 0) + more;
    sqlite3_finalize(statement);
    snprintf(sql, sizeof sql, "PRAGMA max_page_count = %lld", pages);
    REQUIRE_INT(sqlite3_exec(kit->database, sql, NULL, NULL, NULL), SQLITE_OK);
}

TEST(store_fault, a_full_disk_leaves_everything_as_it_was) {
    store_kit kit = with_customer();
    uint64_t sequence = 1;
    satchel_status status = SATCHEL_OK;
    limit_pages(&kit, 1);
    for (int i = 0; i < 1000 && status == SATCHEL_OK; i++) {
        char city[32];
        snprintf(city, sizeof city, "City %d", i);
        status = commit_edit(&kit, city, &sequence);
    }
    CHECK_STATUS(status, SATCHEL_DISK_FULL);
    satchel_device_info before;
    REQUIRE_OK(satchel_store_count_info(kit.store, &before, NULL));
    kit_page page = page_of_all(&kit);
    status = satchel_store_page(kit.store, satchel_buffer_view(&page.payload), &kit.state, &kit.outcome, NULL);
    CHECK(status == SATCHEL_DISK_FULL || status == SATCHEL_OK);
    satchel_buffer_deinit(&page.payload);
    limit_pages(&kit, 10000);
    kit_reopen(&kit);
    uint64_t next = 0;
    REQUIRE_OK(commit_edit(&kit, "after", &next));
    CHECK_UINT(next, before.units_unsent + 1); /* all that were acknowledged, and none more */
    CHECK_TEXT(kit_text(&kit, kit_id(1), CITY), "after");
    kit_close(&kit);
}

static int interrupt(void *context) {
    int *left = context;
    return --*left < 0;
}

TEST(store_fault, an_interrupted_statement_undoes_its_transaction) {
    store_kit kit = with_customer();
    satchel_status status = SATCHEL_CANCELLED;
    uint64_t sequence = 0;
    int steps = 0;
    int failed = 0;
    while (status != SATCHEL_OK && steps < 100000) {
        int left = steps;
        sqlite3_progress_handler(kit.database, 1, interrupt, &left);
        status = commit_edit(&kit, "Hangzhou", &sequence);
        sqlite3_progress_handler(kit.database, 0, NULL, NULL);
        REQUIRE(status == SATCHEL_OK || status == SATCHEL_CANCELLED);
        REQUIRE_TEXT(kit_text(&kit, kit_id(1), CITY), status == SATCHEL_OK ? "Hangzhou" : "Ningbo");
        failed += status != SATCHEL_OK ? 1 : 0;
        steps += 1;
    }
    test_note("%s, %d steps", kit.error.detail, steps);
    CHECK_STATUS(status, SATCHEL_OK);
    CHECK(failed > 10);
    CHECK_UINT(sequence, 2);
    kit_close(&kit);
}

TEST(store_fault, a_store_opens_after_the_failure_of_any_allocation_or_says_so) {
    sqlite3 *database;
    satchel_store *store = NULL;
    satchel_status status = SATCHEL_NO_MEMORY;
    REQUIRE_INT(sqlite3_open(":memory:", &database), SQLITE_OK);
    unsigned long at = 0;
    while (status != SATCHEL_OK && at < 5000) {
        at += at < 40 ? 1 : 23;
        satchel_memory_fail_at(at, 0);
        status = satchel_store_open(&store, database, NULL, NULL);
        satchel_memory_fail_at(0, 0);
        REQUIRE(status == SATCHEL_OK || status == SATCHEL_NO_MEMORY);
    }
    CHECK(at > 40);
    satchel_store_close(store);
    CHECK_INT(sqlite3_close(database), SQLITE_OK);
}
