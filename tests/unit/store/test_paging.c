/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages that are stored in slices: what a kill between two of them leaves, and what the end of the last one moves.
 */
#include "kit.h"

#include "store/store_state.h"

#include <stdio.h>

#define CUSTOMER SATCHEL_ENTITY_CUSTOMER
#define NAME SATCHEL_CUSTOMER_NAME
#define ROWS 20u

/* Rows that a page of the server's brought before. */
static void store_old(store_kit *kit, uint32_t count) {
    kit_page page = kit_page_begin(0);
    kit_page_scope_set(&page, 1, 7);
    for (uint32_t i = 0; i < count; i++) {
        const satchel_record record = kit_record(kit, NAME, "Old shop");
        kit_page_row_in(kit, &page, CUSTOMER, kit_id(50 + i), i + 1, 1, &record);
    }
    REQUIRE_OK(kit_page_store(kit, &page, false));
}

static uint32_t old_here(store_kit *kit) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        count += kit_has(kit, CUSTOMER, kit_id(50 + i)) ? 1 : 0;
    }
    return count;
}

/* A page of so many rows in scope set 1, and of removals of `removed` old ones. */
static kit_page many_rows(store_kit *kit, uint32_t count, uint32_t removed) {
    kit_page page = kit_page_begin(0);
    kit_page_scope_set(&page, 1, 7);
    for (uint32_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "Shop %u", (unsigned)i);
        const satchel_record record = kit_record(kit, NAME, name);
        kit_page_row_in(kit, &page, CUSTOMER, kit_id(100 + i), i + 1, 1, &record);
    }
    satchel_buffer ids = {NULL, 0, 0};
    for (uint32_t i = 0; i < removed; i++) {
        const satchel_id id = kit_id(50 + i);
        REQUIRE_OK(satchel_buffer_append(&ids, satchel_bytes_of(id.bytes, sizeof id.bytes)));
    }
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_REMOVAL};
    frame.as.removal = (satchel_removal_frame){.entity = CUSTOMER, .rows = satchel_buffer_view(&ids)};
    if (removed > 0) {
        kit_page_frame(&page, &frame);
    }
    satchel_buffer_deinit(&ids);
    return page;
}

static void end_page(kit_page *page) {
    const satchel_answer_frame frame = {.kind = SATCHEL_FRAME_END};
    kit_page_frame(page, &frame);
}

static satchel_sync_state moved(const store_kit *kit) {
    satchel_sync_state state = kit->state;
    state.position = (satchel_revision){1, 9};
    state.cursor_bytes = 3;
    memcpy(state.cursor, "new", 3);
    return state;
}

static uint64_t position(store_kit *kit) {
    satchel_sync_state found;
    REQUIRE_OK(satchel_store_sync_state(kit->store, &found, NULL));
    return found.position.n;
}

static uint32_t rows_here(store_kit *kit) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        count += kit_has(kit, CUSTOMER, kit_id(100 + i)) ? 1 : 0;
    }
    return count;
}

static void begin(store_kit *kit, kit_page *page, uint32_t budget, bool *left) {
    const satchel_sync_state state = moved(kit);
    REQUIRE_OK(satchel_store_page_begin(kit->store, satchel_buffer_view(&page->payload), &state, budget, &kit->outcome,
                                        left, &kit->error));
    satchel_buffer_deinit(&page->payload);
}

static bool go_on(store_kit *kit, uint32_t budget) {
    bool left = true;
    REQUIRE_OK(satchel_store_page_go_on(kit->store, budget, &kit->outcome, &left, &kit->error));
    return left;
}

static void put_customer(satchel_record *contact, satchel_id customer) {
    REQUIRE_OK(satchel_record_set_id(contact, SATCHEL_CONTACT_CUSTOMER, &customer));
}

TEST(store_paging, a_short_page_is_stored_at_once) {
    store_kit kit = kit_open(NULL);
    kit_page page = many_rows(&kit, ROWS, 0);
    bool left = true;
    end_page(&page);
    begin(&kit, &page, ROWS, &left);
    CHECK(!left && !satchel_store_page_left(kit.store));
    CHECK_UINT(rows_here(&kit), ROWS);
    CHECK_UINT(position(&kit), 9);
    CHECK(!go_on(&kit, 1)); /* nothing is left to go on with */
    kit_close(&kit);
}

TEST(store_paging, the_cursor_moves_with_the_last_slice_whatever_their_size) {
    for (uint32_t budget = 1; budget <= ROWS + 1; budget++) {
        store_kit kit = kit_open(NULL);
        store_old(&kit, 6);
        kit_page page = many_rows(&kit, ROWS, 4);
        bool left = false;
        end_page(&page);
        begin(&kit, &page, budget, &left);
        while (left) {
            CHECK_UINT(position(&kit), 1);
            CHECK(satchel_store_page_left(kit.store));
            left = go_on(&kit, budget);
        }
        CHECK_UINT(position(&kit), 9);
        CHECK_UINT(rows_here(&kit), ROWS);
        CHECK_UINT(old_here(&kit), 2);
        kit_close(&kit);
    }
}

TEST(store_paging, what_a_page_takes_away_goes_before_the_rest_of_its_rows) {
    store_kit kit = kit_open(NULL);
    store_old(&kit, 6);
    kit_page page = many_rows(&kit, ROWS, 4);
    bool left = false;
    end_page(&page);
    begin(&kit, &page, 1, &left);
    REQUIRE(left && go_on(&kit, 4));
    CHECK_UINT(old_here(&kit), 2);
    CHECK_UINT(rows_here(&kit), 1);
    kit_close(&kit);
}

/* A contact went from one customer to another, whereupon the first left: the server sends what changed of it. */
TEST(store_paging, regress_a_part_of_a_row_that_left_its_customer_is_not_lost_with_it) {
    store_kit kit = kit_open(NULL);
    store_old(&kit, 2);
    kit_page page = kit_page_begin(0);
    satchel_record record = kit_record(&kit, SATCHEL_CONTACT_NAME, "Anna");
    bool left = false;
    put_customer(&record, kit_id(50));
    kit_page_row(&kit, &page, SATCHEL_ENTITY_CONTACT, kit_id(1), 3, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    page = many_rows(&kit, 4, 0);
    satchel_record_init(&record, record.arena);
    put_customer(&record, kit_id(51));
    kit_page_part(&kit, &page, SATCHEL_ENTITY_CONTACT, kit_id(1), 9, &record, NULL, 0);
    kit_page_removal(&page, CUSTOMER, kit_id(50));
    end_page(&page);
    begin(&kit, &page, 1, &left);
    while (left) {
        left = go_on(&kit, 1);
        CHECK_UINT(kit.outcome.rows_set_aside, 0);
    }
    CHECK(kit_has(&kit, SATCHEL_ENTITY_CONTACT, kit_id(1)) && !kit_has(&kit, CUSTOMER, kit_id(50)));
    kit_close(&kit);
}

TEST(store_paging, after_a_kill_between_any_two_slices_the_page_goes_on_where_it_was) {
    store_kit kit = kit_open(NULL);
    store_old(&kit, 6);
    kit_page page = many_rows(&kit, ROWS, 4);
    bool left = false;
    end_page(&page);
    begin(&kit, &page, 3, &left);
    for (uint32_t slices = 1; left; slices++) {
        kit_reopen(&kit);
        CHECK(satchel_store_page_left(kit.store));
        CHECK_UINT(position(&kit), 1);
        CHECK(rows_here(&kit) <= slices * 3);
        left = go_on(&kit, 3);
        CHECK(kit.outcome.rows_stored <= 3);
    }
    kit_reopen(&kit);
    CHECK(!satchel_store_page_left(kit.store));
    CHECK_UINT(position(&kit), 9);
    CHECK_UINT(rows_here(&kit), ROWS);
    CHECK_UINT(old_here(&kit), 2);
    kit_close(&kit);
}

TEST(store_paging, what_is_malformed_shows_before_anything_is_stored) {
    store_kit kit = kit_open(NULL);
    kit_page page = many_rows(&kit, ROWS, 0);
    const satchel_record record = kit_record(&kit, NAME, "of no set");
    const satchel_sync_state state = moved(&kit);
    bool left = true;
    kit_page_row_in(&kit, &page, CUSTOMER, kit_id(1), 1, 2, &record);
    end_page(&page);
    CHECK_STATUS(
        satchel_store_page_begin(kit.store, satchel_buffer_view(&page.payload), &state, 2, &kit.outcome, &left, NULL),
        SATCHEL_MALFORMED);
    satchel_buffer_deinit(&page.payload);
    CHECK(!left && !satchel_store_page_left(kit.store));
    CHECK_UINT(rows_here(&kit), 0);
    kit_close(&kit);
}

TEST(store_paging, regress_ranges_that_are_none_show_before_anything_is_stored) {
    store_kit kit = kit_open(NULL);
    kit_page page = many_rows(&kit, ROWS, 0);
    const satchel_sync_state state = moved(&kit);
    static const uint8_t none[] = {0xff};
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_RANGES};
    bool left = true;
    frame.as.ranges.settled = satchel_bytes_of(none, sizeof none);
    kit_page_frame(&page, &frame);
    end_page(&page);
    CHECK_STATUS(
        satchel_store_page_begin(kit.store, satchel_buffer_view(&page.payload), &state, 2, &kit.outcome, &left, NULL),
        SATCHEL_MALFORMED);
    satchel_buffer_deinit(&page.payload);
    CHECK(!left && !satchel_store_page_left(kit.store));
    CHECK_UINT(rows_here(&kit), 0);
    kit_close(&kit);
}

TEST(store_paging, no_other_page_comes_between) {
    store_kit kit = kit_open(NULL);
    kit_page page = many_rows(&kit, ROWS, 0);
    bool left = false;
    end_page(&page);
    begin(&kit, &page, 2, &left);
    REQUIRE(left);
    kit_page other = kit_page_begin(0);
    CHECK_STATUS(kit_page_store(&kit, &other, false), SATCHEL_MISUSE);
    CHECK_STATUS(satchel_store_page_go_on(kit.store, 0, &kit.outcome, &left, NULL), SATCHEL_INVALID_ARGUMENT);
    while (go_on(&kit, 5)) {
    }
    other = kit_page_begin(0);
    CHECK_OK(kit_page_store(&kit, &other, false));
    kit_close(&kit);
}

TEST(store_paging, own_ops_are_reflected_slice_by_slice) {
    store_kit kit = kit_open(NULL);
    for (uint32_t i = 0; i < ROWS; i++) {
        kit_customer(&kit, kit_id(100 + i), "mine");
    }
    kit_page page = kit_page_begin(ROWS);
    bool left = false;
    for (uint32_t i = 0; i < ROWS; i++) {
        kit_page_result(&page, i + 1, 1, SATCHEL_RESULT_APPLIED);
    }
    end_page(&page);
    begin(&kit, &page, 6, &left);
    uint32_t before = rows_here(&kit);
    for (; left; before = rows_here(&kit)) {
        left = go_on(&kit, 6);
        CHECK(before - rows_here(&kit) <= 6); /* accepted, and no page brought them: they are not for us */
    }
    CHECK_UINT(rows_here(&kit), 0);
    CHECK_UINT(kit.store->reflected_through, ROWS);
    kit_close(&kit);
}

TEST(store_paging, a_new_life_that_began_meanwhile_keeps_its_name) {
    store_kit kit = kit_open(NULL);
    kit_page page = many_rows(&kit, ROWS, 0);
    const satchel_id life = kit_id(77);
    satchel_sync_state state;
    bool left = false;
    end_page(&page);
    begin(&kit, &page, 2, &left);
    REQUIRE_OK(satchel_store_sync_state(kit.store, &state, NULL));
    satchel_sync_begin_life(&state, &life, (const uint8_t[SATCHEL_TOKEN_BYTES]){5});
    REQUIRE_OK(satchel_store_save_sync_state(kit.store, &state, NULL));
    while (go_on(&kit, 5)) {
    }
    REQUIRE_OK(satchel_store_sync_state(kit.store, &state, NULL));
    CHECK(satchel_id_equal(&state.incarnation, &life));
    CHECK_UINT(state.token_current[0], 5);
    CHECK_UINT(state.cursor_bytes, 3);
    CHECK_UINT(state.position.n, 9);
    kit_close(&kit);
}

TEST(store_paging, regress_a_page_that_cannot_be_gone_on_with_is_given_up) {
    static const char *const notes[] = {"DELETE FROM store_value WHERE name = '.page'",
                                        "UPDATE store_value SET value = x'01' WHERE name = '.paging'",
                                        "UPDATE store_value SET value = x'02000000' WHERE name = '.paging'"};
    for (int i = 0; i < 3; i++) {
        store_kit kit = kit_open(NULL);
        kit_page page = many_rows(&kit, ROWS, 0);
        bool left = false;
        end_page(&page);
        begin(&kit, &page, 2, &left);
        REQUIRE_INT(sqlite3_exec(kit.database, notes[i], NULL, NULL, NULL), SQLITE_OK);
        kit_reopen(&kit);
        CHECK_STATUS(satchel_store_page_go_on(kit.store, 5, &kit.outcome, &left, NULL), SATCHEL_MALFORMED);
        REQUIRE_OK(satchel_store_page_abandon(kit.store, NULL));
        kit_reopen(&kit);
        CHECK(!satchel_store_page_left(kit.store));
        CHECK_UINT(kit.store->sync.cursor_bytes, 0);
        kit_close(&kit);
    }
}

/* --- slices that share a transaction --- */

/* A page that was begun, of which slices of two rows share transactions of six. */
static store_kit begin_shared(void) {
    store_kit kit = kit_open(NULL);
    kit_page page = many_rows(&kit, ROWS, 0);
    bool left = false;
    end_page(&page);
    begin(&kit, &page, 1, &left);
    satchel_store_share(kit.store, 6);
    REQUIRE(left);
    return kit;
}

TEST(store_paging, slices_that_share_a_transaction_last_when_it_is_full) {
    store_kit kit = begin_shared();
    for (uint32_t slices = 1; slices <= 3; slices++) {
        CHECK(go_on(&kit, 2));
        CHECK_UINT(rows_here(&kit), 1 + slices * 2);
    }
    CHECK(satchel_held_is_full(kit.store));
    CHECK(go_on(&kit, 2)); /* the commit alone */
    CHECK_UINT(kit.outcome.rows_stored, 0);
    CHECK_UINT(rows_here(&kit), 7);
    CHECK(go_on(&kit, 2));
    CHECK_UINT(rows_here(&kit), 9);
    kit_reopen(&kit);
    CHECK_UINT(rows_here(&kit), 7);
    while (go_on(&kit, 2)) {
    }
    CHECK_UINT(rows_here(&kit), ROWS);
    CHECK_UINT(position(&kit), 9);
    kit_close(&kit);
}

TEST(store_paging, what_slices_left_open_lasts_once_it_is_settled) {
    for (int by = 0; by < 3; by++) {
        store_kit kit = begin_shared();
        uint32_t lasting = 3;
        CHECK(go_on(&kit, 2));
        if (by == 0) {
            lasting = 1; /* nobody settles it: it is done again */
        } else if (by == 1) {
            CHECK_OK(satchel_store_settle(kit.store, NULL));
        } else {
            kit_customer(&kit, kit_id(900), "Whoever begins settles");
        }
        kit_reopen(&kit);
        CHECK_UINT(rows_here(&kit), lasting);
        CHECK(satchel_store_page_left(kit.store));
        while (go_on(&kit, 2)) {
        }
        CHECK_UINT(rows_here(&kit), ROWS);
        CHECK_OK(satchel_store_settle(kit.store, NULL));
        kit_close(&kit);
    }
}

TEST(store_paging, a_failure_undoes_what_slices_left_open_and_they_come_again) {
    store_kit kit = begin_shared();
    bool left = false;
    REQUIRE(sqlite3_exec(kit.database,
                         "CREATE TEMP TRIGGER no BEFORE INSERT ON customer WHEN NEW.name = 'Shop 4' "
                         "BEGIN SELECT raise(FAIL, 'no'); END",
                         NULL, NULL, NULL) == SQLITE_OK);
    CHECK(go_on(&kit, 2));
    CHECK(satchel_store_page_go_on(kit.store, 4, &kit.outcome, &left, NULL) != SATCHEL_OK);
    CHECK_UINT(rows_here(&kit), 1);
    CHECK_UINT(kit.outcome.rows_stored, 0);
    REQUIRE(sqlite3_exec(kit.database, "DROP TRIGGER no", NULL, NULL, NULL) == SQLITE_OK);
    while (go_on(&kit, 4)) {
    }
    CHECK_UINT(rows_here(&kit), ROWS);
    CHECK_UINT(kit_find(&kit, "shop"), ROWS); /* the index of the search follows */
    kit_close(&kit);
}

TEST(store_paging, rows_of_slices_that_share_a_transaction_go_into_the_index_without_a_queue) {
    store_kit kit = begin_shared();
    int64_t queued = 0;
    CHECK(go_on(&kit, 2));
    CHECK(go_on(&kit, 2));
    REQUIRE_OK(satchel_store_number(kit.store, "SELECT count(*) FROM store_unindexed", -1, &queued, NULL));
    CHECK_INT(queued, 1); /* of the first slice, which had a transaction of its own */
    CHECK_UINT(kit_find(&kit, "shop"), 5);
    kit_close(&kit);
}

TEST(store_paging, the_work_behind_pages_shares_transactions_too) {
    store_kit kit = kit_open(NULL);
    bool left = true;
    store_old(&kit, 6); /* they wait for the index */
    satchel_store_share(kit.store, 4);
    REQUIRE_OK(satchel_store_purge(kit.store, 2, &left, NULL));
    CHECK(left);
    kit_reopen(&kit);
    satchel_store_share(kit.store, 4);
    uint32_t slices = 0;
    for (left = true; left; slices++) {
        REQUIRE_OK(satchel_store_purge(kit.store, 2, &left, NULL));
    }
    CHECK_UINT(slices, 5); /* the first two were done again, and one is a commit alone */
    kit_reopen(&kit);
    REQUIRE_OK(satchel_store_purge(kit.store, 2, &left, NULL));
    CHECK(!left);
    CHECK_UINT(kit_find(&kit, "old"), 6);
    kit_close(&kit);
}

/* Others look at what is open; a fault that they meet can make SQLite take all of it back. */
TEST(store_paging, what_was_undone_while_others_looked_comes_again) {
    for (int settles = 0; settles < 2; settles++) {
        store_kit kit = begin_shared();
        CHECK(go_on(&kit, 2));
        CHECK_UINT(rows_here(&kit), 3);
        REQUIRE_INT(sqlite3_exec(kit.database, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
        if (settles != 0) {
            CHECK_STATUS(satchel_store_settle(kit.store, NULL), SATCHEL_IO_ERROR);
            CHECK_OK(satchel_store_settle(kit.store, NULL));
        }
        CHECK(go_on(&kit, 2));
        CHECK_UINT(rows_here(&kit), 3);
        while (go_on(&kit, 2)) {
        }
        CHECK_UINT(rows_here(&kit), ROWS);
        CHECK_UINT(kit_find(&kit, "shop"), ROWS);
        CHECK_UINT(position(&kit), 9);
        kit_close(&kit);
    }
}
