/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What survives a restart and an upgrade: values, the state of sync, tables of an older model, fields that were
 * unknown.
 */
#include "kit.h"

#include "support/temp.h"

#include <stdio.h>
#include <string.h>

#define CUSTOMER SATCHEL_ENTITY_CUSTOMER
#define NAME SATCHEL_CUSTOMER_NAME

TEST(store_state, values_are_kept_replaced_and_removed) {
    store_kit kit = kit_open(NULL);
    satchel_bytes value;
    const satchel_bytes first = satchel_bytes_of("one", 3);
    CHECK_STATUS(satchel_store_get_value(kit.store, "a", &kit.arena, &value, NULL), SATCHEL_NOT_FOUND);
    REQUIRE_OK(satchel_store_put_value(kit.store, "a", first, NULL));
    kit_reopen(&kit);
    REQUIRE_OK(satchel_store_get_value(kit.store, "a", &kit.arena, &value, NULL));
    CHECK_BYTES(value, first);
    REQUIRE_OK(satchel_store_put_value(kit.store, "a", satchel_bytes_of("", 0), NULL));
    REQUIRE_OK(satchel_store_get_value(kit.store, "a", &kit.arena, &value, NULL));
    CHECK_UINT(value.bytes, 0);
    REQUIRE_OK(satchel_store_put_value(kit.store, "a", (satchel_bytes){NULL, 0}, NULL));
    CHECK_STATUS(satchel_store_get_value(kit.store, "a", &kit.arena, &value, NULL), SATCHEL_NOT_FOUND);
    CHECK_STATUS(satchel_store_put_value(kit.store, ".sync", first, NULL), SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_store_put_value(kit.store, "", first, NULL), SATCHEL_INVALID_ARGUMENT);
    kit_close(&kit);
}

TEST(store_state, a_value_takes_as_many_bytes_as_its_limit) {
    store_kit kit = kit_open(NULL);
    static uint8_t bytes[65537];
    CHECK_OK(satchel_store_put_value(kit.store, "a", satchel_bytes_of(bytes, 65536), NULL));
    CHECK_STATUS(satchel_store_put_value(kit.store, "a", satchel_bytes_of(bytes, 65537), NULL), SATCHEL_TOO_LONG);
    kit_close(&kit);
}

TEST(store_state, the_state_of_sync_survives) {
    store_kit kit = kit_open(NULL);
    satchel_sync_state state;
    memset(&state, 0, sizeof state);
    state.incarnation = kit_id(77);
    memset(state.token_current, 1, sizeof state.token_current);
    memset(state.token_next, 2, sizeof state.token_next);
    state.token_next_sent = true;
    state.request_number = UINT64_MAX;
    memset(state.cursor, 3, sizeof state.cursor);
    state.cursor_bytes = SATCHEL_LIMIT_CURSOR_BYTES;
    state.position = (satchel_revision){4, 5};
    state.seen_ms = -6;
    state.offset_ms = INT64_MIN;
    state.page_bytes = 65536;
    REQUIRE_OK(satchel_store_save_sync_state(kit.store, &state, NULL));
    kit_reopen(&kit);
    CHECK_INT(memcmp(&kit.state, &state, sizeof state), 0);
    state.cursor_bytes++;
    CHECK_STATUS(satchel_store_save_sync_state(kit.store, &state, NULL), SATCHEL_LIMIT_EXCEEDED);
    kit_close(&kit);
}

TEST(store_state, a_new_life_and_its_parents_survive_until_the_server_answered) {
    store_kit kit = kit_open(NULL);
    satchel_sync_state state = {.incarnation = kit_id(1), .page_bytes = 65536};
    for (uint8_t i = 0; i < SATCHEL_LIMIT_PARENTS; i++) {
        const satchel_id next = kit_id((uint8_t)(2 + i));
        satchel_sync_begin_life(&state, &next, (const uint8_t[SATCHEL_TOKEN_BYTES]){5});
    }
    REQUIRE_OK(satchel_store_save_sync_state(kit.store, &state, NULL));
    kit_reopen(&kit);
    CHECK_INT(memcmp(&kit.state, &state, sizeof state), 0);
    memset(state.parents, 0, sizeof state.parents);
    state.parent_count = 0;
    state.incarnation_new = false;
    REQUIRE_OK(satchel_store_save_sync_state(kit.store, &state, NULL));
    kit_reopen(&kit);
    CHECK_INT(memcmp(&kit.state, &state, sizeof state), 0);
    kit_close(&kit);
}

TEST(store_state, page_and_cursor_are_stored_together_or_not_at_all) {
    store_kit kit = kit_open(NULL);
    satchel_record record = kit_record(&kit, NAME, "x");
    kit_page page = kit_page_begin(0);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(1), 1, &record);
    page.payload.bytes -= 3; /* cut off in mid-frame */
    satchel_sync_state moved = kit.state;
    moved.position = (satchel_revision){1, 9};
    CHECK_STATUS(satchel_store_page(kit.store, satchel_buffer_view(&page.payload), &moved, &kit.outcome, NULL),
                 SATCHEL_MALFORMED);
    satchel_buffer_deinit(&page.payload);
    satchel_sync_state found;
    REQUIRE_OK(satchel_store_sync_state(kit.store, &found, NULL));
    CHECK_UINT(found.position.n, 0);
    CHECK(!kit_has(&kit, CUSTOMER, kit_id(1)));
    kit_close(&kit);
}

static void execute(store_kit *kit, const char *sql) {
    REQUIRE_INT(sqlite3_exec(kit->database, sql, NULL, NULL, NULL), SQLITE_OK);
}

TEST(store_state, a_store_of_a_newer_format_is_not_touched) {
    store_kit kit = kit_open(NULL);
    satchel_store_close(kit.store);
    kit.store = NULL;
    execute(&kit, "PRAGMA user_version = 255");
    CHECK_STATUS(satchel_store_open(&kit.store, kit.database, NULL, NULL), SATCHEL_NEWER_FORMAT);
    CHECK(kit.store == NULL);
    kit_close(&kit);
}

TEST(store_state, a_damaged_note_of_the_store_itself_is_told) {
    static const char *const names[] = {".sync", ".log", ".digest"};
    for (int i = 0; i < 3; i++) {
        store_kit kit = kit_open(NULL);
        kit_customer(&kit, kit_id(1), "x");
        kit_page page = kit_page_begin(0);
        REQUIRE_OK(kit_page_store(&kit, &page, false));
        satchel_store_close(kit.store);
        kit.store = NULL;
        char sql[128];
        snprintf(sql, sizeof sql, "UPDATE store_value SET value = x'01' WHERE name = '%s'", names[i]);
        execute(&kit, sql);
        CHECK_STATUS(satchel_store_open(&kit.store, kit.database, NULL, NULL), SATCHEL_DAMAGED);
        kit_close(&kit);
    }
}

/*
 * A store as an older model would have left it: customers have no column `city`, prices no table; what a page sent
 * for `city` lies in the tail.
 */
static void make_older(store_kit *kit) {
    satchel_store_close(kit->store);
    kit->store = NULL;
    execute(kit, "ALTER TABLE customer DROP COLUMN city; DROP TABLE price");
    execute(kit, "UPDATE customer SET tail = x'9a01064e696e67626f'"); /* field 19, "Ningbo" */
    execute(kit, "UPDATE store_value SET value = x'00' WHERE name = '.tables'");
    REQUIRE_OK(satchel_store_open(&kit->store, kit->database, NULL, &kit->error));
}

TEST(store_state, an_older_store_is_brought_up_and_its_unknown_fields_with_it) {
    store_kit kit = kit_open(NULL);
    satchel_record record = kit_record(&kit, NAME, "Huaning");
    kit_page page = kit_page_begin(0);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(1), 1, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    kit_edit_text(&kit, kit_id(1), SATCHEL_CUSTOMER_NOTE, "mine");
    make_older(&kit);
    CHECK_TEXT(kit_text(&kit, kit_id(1), SATCHEL_CUSTOMER_CITY), "Ningbo");
    CHECK_TEXT(kit_text(&kit, kit_id(1), SATCHEL_CUSTOMER_NOTE), "mine");
    CHECK_UINT(kit_read(&kit, CUSTOMER, kit_id(1), NULL).tail.bytes, 0);
    CHECK_UINT(kit_find(&kit, "ningbo"), 1);
    CHECK_UINT(kit_find(&kit, "huaning"), 1);
    satchel_record price = kit_record(&kit, 0, NULL);
    kit_set(&price, SATCHEL_PRICE_PRICE_MINOR, 5);
    page = kit_page_begin(0);
    kit_page_row(&kit, &page, SATCHEL_ENTITY_PRICE, kit_id(2), 1, &price);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK(kit_has(&kit, SATCHEL_ENTITY_PRICE, kit_id(2)));
    kit_close(&kit);
}

/* The definition of a text field 1000 of customers that is searched. */
static satchel_record definition(store_kit *kit) {
    satchel_record record = kit_record(kit, SATCHEL_CUSTOM_FIELD_NAME, "shelf");
    kit_set(&record, SATCHEL_CUSTOM_FIELD_OF_ENTITY, CUSTOMER);
    kit_set(&record, SATCHEL_CUSTOM_FIELD_NUMBER, 1000);
    kit_set(&record, SATCHEL_CUSTOM_FIELD_TYPE, SATCHEL_CUSTOM_TYPE_TEXT);
    kit_set(&record, SATCHEL_CUSTOM_FIELD_SEARCH, SATCHEL_SEARCH_TEXT);
    kit_put(&record, SATCHEL_CUSTOM_FIELD_LABEL_EN, "Shelf");
    kit_put(&record, SATCHEL_CUSTOM_FIELD_LABEL_ZH, "Shelf");
    return record;
}

TEST(store_state, a_custom_field_that_is_defined_later_finds_its_values) {
    store_kit kit = kit_open(NULL);
    satchel_record record = kit_record(&kit, NAME, "Huaning");
    const uint8_t tail[] = {0xa2, 0x38, 0x09, 0x08, 0xe8, 0x07,
                            0x2a, 0x04, 'n',  'e',  'a',  'r'}; /* 900: {1000, "near"} */
    record.tail = satchel_bytes_of(tail, sizeof tail);
    satchel_record later = definition(&kit);
    kit_page page = kit_page_begin(0);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(1), 1, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_UINT(kit_find(&kit, "near"), 0);
    page = kit_page_begin(0);
    kit_page_row(&kit, &page, SATCHEL_ENTITY_CUSTOM_FIELD, kit_id(2), 2, &later);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_TEXT(kit_text(&kit, kit_id(1), 1000), "near");
    CHECK_UINT(kit_find(&kit, "near"), 1);
    kit_edit_text(&kit, kit_id(1), 1000, "far");
    kit_reopen(&kit);
    CHECK_TEXT(kit_text(&kit, kit_id(1), 1000), "far");
    CHECK_UINT(kit_find(&kit, "far"), 1);
    satchel_query *query;
    uint64_t count;
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    REQUIRE_OK(satchel_query_where_text(query, 1000, SATCHEL_COMPARE_EQUAL, satchel_text_of("far")));
    REQUIRE_OK(satchel_store_count(kit.store, query, &count, NULL));
    CHECK_UINT(count, 1);
    satchel_query_close(query);
    kit_close(&kit);
}

TEST(store_state, definitions_that_make_no_sense_are_passed_over) {
    store_kit kit = kit_open(NULL);
    kit_page page = kit_page_begin(0);
    for (uint32_t i = 0; i < 4; i++) {
        satchel_record record = definition(&kit);
        kit_set(&record, SATCHEL_CUSTOM_FIELD_NUMBER, 1000 + (int64_t)i);
        kit_put(&record, SATCHEL_CUSTOM_FIELD_NAME,
                i == 0   ? "good"
                : i == 1 ? "bad_type"
                : i == 2 ? "nobody"
                         : "choice");
        kit_set(&record, SATCHEL_CUSTOM_FIELD_OF_ENTITY, i == 2 ? 222 : CUSTOMER);
        kit_set(&record, SATCHEL_CUSTOM_FIELD_TYPE, i == 1 ? 99 : i == 3 ? SATCHEL_CUSTOM_TYPE_CHOICE : 4);
        kit_put(&record, SATCHEL_CUSTOM_FIELD_CHOICES, "1 one|One|1\n2 two|Two|2\nnonsense");
        kit_page_row(&kit, &page, SATCHEL_ENTITY_CUSTOM_FIELD, kit_id(10 + i), 1, &record);
    }
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    const satchel_schema *schema = satchel_store_schema(kit.store);
    CHECK(satchel_schema_field(schema, CUSTOMER, 1000) != NULL);
    CHECK(satchel_schema_field(schema, CUSTOMER, 1001) == NULL);
    const satchel_field *choice = satchel_schema_field(schema, CUSTOMER, 1003);
    REQUIRE(choice != NULL && choice->choices != NULL);
    CHECK_UINT(choice->choices->count, 2);
    CHECK_TEXT(satchel_field_choice(choice, 2)->name, "two");
    kit_close(&kit);
}
