/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders of events that nobody means to happen: what left must stay away, what is told must not get stuck.
 */
#include "unit/store/kit.h"

#include "wire/unit_codec.h"

#include <string.h>

static const uint32_t TEXT_FIELD = SATCHEL_CUSTOMER_SHORT_NAME;

static satchel_status store(store_kit *kit, kit_page *page) {
    return kit_page_store(kit, page, false);
}

static void page_customer(store_kit *kit, kit_page *page, satchel_id id, uint64_t n, uint32_t set, const char *name) {
    satchel_record record = kit_record(kit, SATCHEL_CUSTOMER_NAME, name);
    kit_page_row_in(kit, page, SATCHEL_ENTITY_CUSTOMER, id, n, set, &record);
}

/* The base that a waiting op of a unit of its own carries for a field. */
static uint64_t base_of(store_kit *kit, uint64_t sequence, uint32_t field) {
    satchel_unit_batch batch;
    satchel_unit_ops head;
    satchel_bytes *ops;
    satchel_op op;
    REQUIRE_OK(satchel_store_load_units(kit->store, sequence - 1, 1, &kit->arena, &batch, &kit->error));
    REQUIRE(batch.count == 1);
    REQUIRE_OK(satchel_unit_decode(batch.units[0], &kit->arena, &head, &ops, NULL));
    REQUIRE_OK(satchel_op_decode(satchel_store_schema(kit->store), ops[0], sequence, &kit->arena, &op, NULL));
    return satchel_op_base(&op, field);
}

/* --- rows that were set aside and then left --- */

/* A definition of field 1001. */
static void page_definition_of(store_kit *kit, kit_page *page, uint64_t n, int64_t entity, int64_t type) {
    satchel_record field = kit_record(kit, SATCHEL_CUSTOM_FIELD_NAME, "shelf");
    kit_put(&field, SATCHEL_CUSTOM_FIELD_LABEL_EN, "Shelf");
    kit_put(&field, SATCHEL_CUSTOM_FIELD_LABEL_ZH, "货架");
    kit_set(&field, SATCHEL_CUSTOM_FIELD_OF_ENTITY, entity);
    kit_set(&field, SATCHEL_CUSTOM_FIELD_NUMBER, 1001);
    kit_set(&field, SATCHEL_CUSTOM_FIELD_TYPE, type);
    kit_page_row(kit, page, SATCHEL_ENTITY_CUSTOM_FIELD, kit_id(7000), n, &field);
}

static void page_definition(store_kit *kit, kit_page *page, uint64_t n, int64_t type) {
    page_definition_of(kit, page, n, SATCHEL_ENTITY_CUSTOMER, type);
}

/* A customer whose record cannot be read while field 1001 is a number: its value is a text. */
static void page_unreadable(kit_page *page, satchel_id id, uint32_t set) {
    static const uint8_t record[] = {
        0x12, 0x06, 'S',  'e',  'c',  'r',  'e',  't',      /* field 2 */
        0xA2, 0x38, 0x06, 0x08, 0xE9, 0x07, 0x2A, 0x01, 'x' /* 900: number 1001, text "x" */
    };
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_ROW};
    frame.as.row = (satchel_row_frame){.entity = SATCHEL_ENTITY_CUSTOMER,
                                       .row = id,
                                       .n = 10,
                                       .scope_set = set,
                                       .whole = true,
                                       .record = satchel_bytes_of(record, sizeof record)};
    kit_page_frame(page, &frame);
}

static void give_unreadable(store_kit *kit, satchel_id id) {
    kit_page page = kit_page_begin(0);
    page_definition(kit, &page, 5, SATCHEL_CUSTOM_TYPE_INT);
    REQUIRE_OK(store(kit, &page));
    page = kit_page_begin(0);
    kit_page_scope_set(&page, 3, 30);
    page_unreadable(&page, id, 3);
    REQUIRE_OK(store(kit, &page));
    REQUIRE(kit->outcome.rows_set_aside == 1);
    CHECK_UINT(kit_reasons(kit, SATCHEL_REASON_UNREAD), 1);
}

static void mend_definition(store_kit *kit) {
    kit_page page = kit_page_begin(0);
    page_definition(kit, &page, 20, SATCHEL_CUSTOM_TYPE_TEXT);
    REQUIRE_OK(store(kit, &page));
}

TEST(store_attack, a_row_set_aside_comes_back_when_it_can_be_read) {
    store_kit kit = kit_open(NULL);
    give_unreadable(&kit, kit_id(1));
    mend_definition(&kit);
    CHECK(kit_has(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(1)));
    CHECK_UINT(kit_reasons(&kit, SATCHEL_REASON_UNREAD), 0);
    kit_close(&kit);
}

TEST(store_attack, a_row_set_aside_that_was_removed_never_comes_back) {
    store_kit kit = kit_open(NULL);
    give_unreadable(&kit, kit_id(1));
    kit_page page = kit_page_begin(0);
    kit_page_removal(&page, SATCHEL_ENTITY_CUSTOMER, kit_id(1));
    REQUIRE_OK(store(&kit, &page));
    CHECK_UINT(kit_reasons(&kit, SATCHEL_REASON_UNREAD), 0);
    mend_definition(&kit);
    CHECK(!kit_has(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(1)));
    kit_close(&kit);
}

TEST(store_attack, a_row_set_aside_goes_with_its_scope) {
    store_kit kit = kit_open(NULL);
    give_unreadable(&kit, kit_id(1));
    kit_page page = kit_page_begin(0);
    kit_page_scope_loss(&page, 30);
    REQUIRE_OK(store(&kit, &page));
    CHECK_UINT(kit_reasons(&kit, SATCHEL_REASON_UNREAD), 0);
    page = kit_page_begin(0);
    kit_page_scope_set(&page, 3, 31); /* the number means something else now */
    REQUIRE_OK(store(&kit, &page));
    mend_definition(&kit);
    CHECK(!kit_has(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(1)));
    kit_purge(&kit);
    CHECK(!kit_has(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(1)));
    kit_close(&kit);
}

/* A row that is here, whose newer state cannot be read, and whose scope set's number has changed its meaning. */
TEST(store_attack, a_row_set_aside_keeps_the_meaning_of_its_scope_set) {
    store_kit kit = kit_open(NULL);
    give_unreadable(&kit, kit_id(1));
    kit_page page = kit_page_begin(0);
    kit_page_scope_set(&page, 3, 31);
    REQUIRE_OK(store(&kit, &page));
    mend_definition(&kit);
    REQUIRE(kit_has(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(1)));
    page = kit_page_begin(0);
    kit_page_scope_loss(&page, 30);
    REQUIRE_OK(store(&kit, &page));
    CHECK(!kit_has(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(1)));
    kit_close(&kit);
}

/* A line of an order, whose field 1001 cannot be read yet. */
static void page_unreadable_line(kit_page *page, satchel_id id, satchel_id order, uint32_t set) {
    uint8_t record[32] = {SATCHEL_ORDER_LINE_ORDER << 3 | 2, SATCHEL_ID_BYTES};
    static const uint8_t custom[] = {0xA2, 0x38, 0x06, 0x08, 0xE9, 0x07, 0x2A, 0x01, 'x'};
    memcpy(record + 2, order.bytes, SATCHEL_ID_BYTES);
    memcpy(record + 2 + SATCHEL_ID_BYTES, custom, sizeof custom);
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_ROW};
    frame.as.row = (satchel_row_frame){.entity = SATCHEL_ENTITY_ORDER_LINE,
                                       .row = id,
                                       .n = 10,
                                       .scope_set = set,
                                       .whole = true,
                                       .record = satchel_bytes_of(record, 2 + SATCHEL_ID_BYTES + sizeof custom)};
    kit_page_frame(page, &frame);
}

static void define_line_field(store_kit *kit, uint64_t n, int64_t type) {
    kit_page page = kit_page_begin(0);
    page_definition_of(kit, &page, n, SATCHEL_ENTITY_ORDER_LINE, type);
    REQUIRE_OK(store(kit, &page));
}

TEST(store_attack, a_child_set_aside_goes_with_its_root) {
    store_kit kit = kit_open(NULL);
    satchel_record order;
    define_line_field(&kit, 5, SATCHEL_CUSTOM_TYPE_INT);
    kit_page page = kit_page_begin(0);
    kit_page_scope_set(&page, 3, 30);
    satchel_record_init(&order, &kit.arena);
    kit_refer(&order, SATCHEL_ORDER_CUSTOMER, kit_id(9));
    for (uint32_t i = 1; i <= 2; i++) {
        kit_page_row_in(&kit, &page, SATCHEL_ENTITY_ORDER, kit_id(i), 9, 3, &order);
        page_unreadable_line(&page, kit_id(10 + i), kit_id(i), 3);
    }
    REQUIRE_OK(store(&kit, &page));
    REQUIRE(kit.outcome.rows_set_aside == 2);
    page = kit_page_begin(0);
    kit_page_removal(&page, SATCHEL_ENTITY_ORDER, kit_id(1));
    REQUIRE_OK(store(&kit, &page));
    define_line_field(&kit, 20, SATCHEL_CUSTOM_TYPE_TEXT);
    CHECK(!kit_has(&kit, SATCHEL_ENTITY_ORDER_LINE, kit_id(11)));
    CHECK(kit_has(&kit, SATCHEL_ENTITY_ORDER_LINE, kit_id(12)));
    kit_close(&kit);
}

/* It left and came back unreadable before the purge got to it: the purge takes only what was there before. */
TEST(store_attack, a_purge_leaves_what_was_set_aside_after_the_removal) {
    store_kit kit = kit_open(NULL);
    kit_page page = kit_page_begin(0);
    page_definition(&kit, &page, 5, SATCHEL_CUSTOM_TYPE_INT);
    kit_page_scope_set(&page, 3, 30);
    page_customer(&kit, &page, kit_id(1), 6, 3, "Huaning");
    REQUIRE_OK(store(&kit, &page));
    page = kit_page_begin(0);
    kit_page_removal(&page, SATCHEL_ENTITY_CUSTOMER, kit_id(1));
    REQUIRE_OK(store(&kit, &page));
    give_unreadable(&kit, kit_id(1));
    kit_purge(&kit);
    CHECK_UINT(kit_reasons(&kit, SATCHEL_REASON_UNREAD), 1);
    mend_definition(&kit);
    CHECK(kit_has(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(1)));
    kit_close(&kit);
}

/* --- conflicts of rows that left --- */

static void page_conflict(store_kit *kit, kit_page *page, satchel_id id, satchel_id subject, uint32_t set) {
    satchel_record conflict;
    satchel_record_init(&conflict, &kit->arena);
    kit_set(&conflict, SATCHEL_CONFLICT_SUBJECT_ENTITY, SATCHEL_ENTITY_CUSTOMER);
    kit_refer(&conflict, SATCHEL_CONFLICT_SUBJECT_ROW, subject);
    kit_set(&conflict, SATCHEL_CONFLICT_SUBJECT_FIELD, TEXT_FIELD);
    kit_set(&conflict, SATCHEL_CONFLICT_STATUS, SATCHEL_CONFLICT_STATUS_OPEN);
    kit_page_row_in(kit, page, SATCHEL_ENTITY_CONFLICT, id, 11, set, &conflict);
}

static uint64_t open_conflicts(store_kit *kit) {
    satchel_device_info info;
    memset(&info, 0, sizeof info);
    REQUIRE_OK(satchel_store_count_info(kit->store, &info, &kit->error));
    return info.conflicts_open;
}

TEST(store_attack, conflicts_of_a_lost_scope_are_not_counted) {
    store_kit kit = kit_open(NULL);
    kit_page page = kit_page_begin(0);
    kit_page_scope_set(&page, 3, 30);
    page_customer(&kit, &page, kit_id(1), 10, 3, "Huaning");
    page_conflict(&kit, &page, kit_id(2), kit_id(1), 3);
    REQUIRE_OK(store(&kit, &page));
    CHECK_UINT(open_conflicts(&kit), 1);
    page = kit_page_begin(0);
    kit_page_scope_loss(&page, 30);
    REQUIRE_OK(store(&kit, &page));
    CHECK_UINT(kit_reasons(&kit, SATCHEL_REASON_CONFLICT), 0);
    CHECK_UINT(open_conflicts(&kit), 0);
    kit_reopen(&kit);
    CHECK_UINT(open_conflicts(&kit), 0);
    kit_purge(&kit);
    CHECK_UINT(open_conflicts(&kit), 0);
    kit_close(&kit);
}

TEST(store_attack, conflicts_that_travel_with_a_removed_row_are_not_counted) {
    store_kit kit = kit_open(NULL);
    kit_page page = kit_page_begin(0);
    kit_page_scope_set(&page, 3, 30);
    page_customer(&kit, &page, kit_id(1), 10, 3, "Huaning");
    page_conflict(&kit, &page, kit_id(2), kit_id(1), 3);
    REQUIRE_OK(store(&kit, &page));
    page = kit_page_begin(0);
    kit_page_removal(&page, SATCHEL_ENTITY_CONFLICT, kit_id(2));
    kit_page_removal(&page, SATCHEL_ENTITY_CUSTOMER, kit_id(1));
    REQUIRE_OK(store(&kit, &page));
    CHECK_UINT(kit_reasons(&kit, SATCHEL_REASON_CONFLICT), 0);
    CHECK_UINT(open_conflicts(&kit), 0);
    kit_close(&kit);
}

/* --- results that do not fit --- */

TEST(store_attack, a_result_of_half_a_unit_does_not_stop_sending) {
    store_kit kit = kit_open(NULL);
    satchel_draft *draft;
    satchel_unit_batch batch;
    REQUIRE_OK(satchel_draft_open(&draft, kit.store));
    for (uint32_t i = 0; i < 2; i++) {
        satchel_record record = kit_record(&kit, SATCHEL_CUSTOMER_NAME, "Huaning");
        satchel_id id = kit_id(i + 1);
        REQUIRE_OK(satchel_draft_create(draft, SATCHEL_ENTITY_CUSTOMER, &id, &record, &kit.error));
    }
    REQUIRE(kit_commit(&kit, draft).count == 2);
    satchel_draft_close(draft);
    kit_page page = kit_page_begin(0);
    kit_page_result(&page, 1, 1, SATCHEL_RESULT_APPLIED);
    satchel_status status = kit_page_store_results(&kit, &page);
    CHECK(status == SATCHEL_OK || status == SATCHEL_MALFORMED);
    CHECK_OK(satchel_store_load_units(kit.store, 0, 1 << 20, &kit.arena, &batch, &kit.error));
    CHECK_UINT(batch.count, status == SATCHEL_OK ? 0 : 1);
    kit_close(&kit);
}

/* --- several generations of ops on a row that left --- */

TEST(store_attack, an_edit_in_hand_while_its_row_is_purged_joins_the_earlier_one) {
    store_kit kit = kit_open(NULL);
    satchel_draft *draft;
    satchel_id id = kit_id(1);
    kit_page page = kit_page_begin(0);
    kit_page_scope_set(&page, 3, 30);
    page_customer(&kit, &page, id, 10, 3, "Huaning");
    REQUIRE_OK(store(&kit, &page));
    kit_edit_text(&kit, id, TEXT_FIELD, "first");
    REQUIRE_OK(satchel_draft_open(&draft, kit.store));
    satchel_record record = kit_record(&kit, SATCHEL_CUSTOMER_INDUSTRY, "second");
    REQUIRE_OK(satchel_draft_edit(draft, SATCHEL_ENTITY_CUSTOMER, &id, &record, NULL, 0, &kit.error));
    page = kit_page_begin(0);
    kit_page_scope_loss(&page, 30);
    REQUIRE_OK(store(&kit, &page));
    kit_purge(&kit);
    kit_commit(&kit, draft);
    satchel_draft_close(draft);
    page = kit_page_begin(0);
    kit_page_scope_set(&page, 4, 40);
    page_customer(&kit, &page, id, 12, 4, "Huaning");
    REQUIRE_OK(kit_page_store(&kit, &page, true));
    CHECK_TEXT(kit_text(&kit, id, TEXT_FIELD), "first");
    CHECK_TEXT(kit_text(&kit, id, SATCHEL_CUSTOMER_INDUSTRY), "second");
    kit_close(&kit);
}

/* --- searching telephone numbers as people write them --- */

TEST(store_attack, a_phone_is_found_however_it_is_written) {
    static const struct {
        const char *words;
        uint32_t found;
    } cases[] = {
        {"13800134729", 1},       {"4729", 1},
        {"138 0013 4729", 1},     {"138-0013-4729", 1},
        {"+86 138 0013 4729", 1}, {"+86-138-0013-4729", 1},
        {"0013 4729", 1},         {"138 0013", 1},
        {"０１３ ４７２９", 1},   {"138 0014 4729", 0},
        {"+49 138 0013 4729", 0}, {"Huaning 4729", 1},
        {"4729 Huaning", 1},
    };
    store_kit kit = kit_open(NULL);
    satchel_record record = kit_record(&kit, SATCHEL_CUSTOMER_NAME, "Huaning");
    kit_elements(&record, SATCHEL_CUSTOMER_PHONES, "+86-138-0013-4729");
    kit_create(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(1), &record);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_note("%s", cases[i].words);
        CHECK_UINT(kit_find(&kit, cases[i].words), cases[i].found);
    }
    kit_close(&kit);
}

/* --- Chinese names and what stands between their characters --- */

TEST(store_attack, chinese_names_are_found_whatever_stands_between) {
    static const struct {
        const char *name;
        const char *words;
        uint32_t found;
    } cases[] = {
        {"华宁（上海）贸易有限公司", "华宁上海", 0},
        {"华宁（上海）贸易有限公司", "华宁 上海", 1},
        {"华宁（上海）贸易有限公司", "华宁(上海)", 1},
        {"华宁·贸易", "华宁·贸易", 1},
        {"华宁，贸易", "宁，贸", 1},
        {"ＫＦＣ肯德基", "kfc肯德", 1},
        {"7天酒店", "7天", 1},
        {"麦当劳McDonald's", "donald", 0},
        {"麦当劳McDonald's", "mcdonald", 1},
        {"店", "店", 1},
        {"𠮷野家", "𠮷野", 1},
        {"カフェ東京", "フェ東", 1},
        {"华宁", "宁华", 0},
        {"永辉超市", "永超", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        store_kit kit = kit_open(NULL);
        kit_customer(&kit, kit_id(1), cases[i].name);
        test_note("%s in %s", cases[i].words, cases[i].name);
        CHECK_UINT(kit_find(&kit, cases[i].words), cases[i].found);
        kit_close(&kit);
    }
}

TEST(store_attack, a_search_of_the_longest_kind_is_answered) {
    static const char *const patterns[] = {
        "1 ", "12 ", "a ", "永", "永a", "永1 ", "1a 2 ", "\"*() ", "AND OR NOT NEAR "};
    store_kit kit = kit_open(NULL);
    kit_customer(&kit, kit_id(1), "Huaning");
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        char words[SATCHEL_SEARCH_BYTES_MOST + 1] = "";
        size_t step = strlen(patterns[i]);
        for (size_t at = 0; at + step <= SATCHEL_SEARCH_BYTES_MOST; at += step) {
            memcpy(words + at, patterns[i], step);
        }
        test_note("%s", words);
        CHECK_UINT(kit_find(&kit, words), 0);
    }
    kit_close(&kit);
}

/* --- undo in odd moments --- */

TEST(store_attack, a_void_that_is_refused_brings_the_row_back) {
    store_kit kit = kit_open(NULL);
    satchel_draft *draft;
    uint64_t made = kit_customer(&kit, kit_id(1), "Huaning");
    kit_edit_text(&kit, kit_id(1), TEXT_FIELD, "later");
    REQUIRE_OK(satchel_draft_open(&draft, kit.store));
    REQUIRE_OK(satchel_draft_invert(draft, made, &kit.error));
    kit_commit(&kit, draft);
    satchel_draft_close(draft);
    CHECK((kit_flags(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(1)) & SATCHEL_ROW_DELETED) != 0);
    CHECK_UINT(kit_find(&kit, "Huaning"), 0);
    kit_page page = kit_page_begin(3);
    kit_page_result(&page, 1, 1, SATCHEL_RESULT_APPLIED);
    kit_page_result(&page, 2, 1, SATCHEL_RESULT_APPLIED);
    kit_page_result(&page, 3, 1, SATCHEL_RESULT_REFUSED);
    satchel_record record = kit_record(&kit, SATCHEL_CUSTOMER_NAME, "Huaning");
    kit_put(&record, TEXT_FIELD, "later");
    kit_page_row(&kit, &page, SATCHEL_ENTITY_CUSTOMER, kit_id(1), 9, &record);
    REQUIRE_OK(store(&kit, &page));
    CHECK_UINT(kit_flags(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(1)) & SATCHEL_ROW_DELETED, 0);
    CHECK_TEXT(kit_text(&kit, kit_id(1), TEXT_FIELD), "later");
    CHECK_UINT(kit_find(&kit, "Huaning"), 1);
    kit_close(&kit);
}

TEST(store_attack, an_undo_that_was_refused_can_be_tried_again) {
    store_kit kit = kit_open(NULL);
    satchel_draft *draft;
    (void)kit_customer(&kit, kit_id(1), "Huaning");
    uint64_t edited = kit_edit_text(&kit, kit_id(1), TEXT_FIELD, "later");
    REQUIRE_OK(satchel_draft_open(&draft, kit.store));
    REQUIRE_OK(satchel_draft_invert(draft, edited, &kit.error));
    kit_commit(&kit, draft);
    CHECK(satchel_draft_invert(draft, edited, &kit.error) != SATCHEL_OK);
    kit_page page = kit_page_begin(3);
    kit_page_result(&page, 1, 1, SATCHEL_RESULT_APPLIED);
    kit_page_result(&page, 2, 1, SATCHEL_RESULT_APPLIED);
    kit_page_result(&page, 3, 1, SATCHEL_RESULT_REFUSED);
    satchel_record record = kit_record(&kit, SATCHEL_CUSTOMER_NAME, "Huaning");
    kit_put(&record, TEXT_FIELD, "later");
    kit_page_row(&kit, &page, SATCHEL_ENTITY_CUSTOMER, kit_id(1), 9, &record);
    REQUIRE_OK(store(&kit, &page));
    CHECK_OK(satchel_draft_invert(draft, edited, &kit.error));
    satchel_draft_close(draft);
    kit_close(&kit);
}

/* --- a switch that was turned off counts as off before and after the server knows it --- */

static uint64_t count_where_main(store_kit *kit, int64_t value) {
    satchel_query *query;
    uint64_t count;
    REQUIRE_OK(satchel_query_open(&query, SATCHEL_ENTITY_CONTACT));
    REQUIRE_OK(satchel_query_where_int(query, SATCHEL_CONTACT_MAIN, SATCHEL_COMPARE_EQUAL, value));
    REQUIRE_OK(satchel_store_count(kit->store, query, &count, &kit->error));
    satchel_query_close(query);
    return count;
}

TEST(store_attack, a_switch_turned_off_is_off_at_once_and_later) {
    store_kit kit = kit_open(NULL);
    kit_page page = kit_page_begin(0);
    page_customer(&kit, &page, kit_id(9), 5, 0, "Huaning");
    satchel_record contact = kit_record(&kit, SATCHEL_CONTACT_NAME, "Wang");
    kit_refer(&contact, SATCHEL_CONTACT_CUSTOMER, kit_id(9));
    REQUIRE_OK(satchel_record_set_bool(&contact, SATCHEL_CONTACT_MAIN, true));
    kit_page_row(&kit, &page, SATCHEL_ENTITY_CONTACT, kit_id(1), 6, &contact);
    REQUIRE_OK(store(&kit, &page));
    CHECK_UINT(count_where_main(&kit, 1), 1);
    satchel_record off;
    satchel_record_init(&off, &kit.arena);
    REQUIRE_OK(satchel_record_set_bool(&off, SATCHEL_CONTACT_MAIN, false));
    kit_edit(&kit, SATCHEL_ENTITY_CONTACT, kit_id(1), &off);
    CHECK_UINT(count_where_main(&kit, 0), 1);
    REQUIRE_OK(satchel_record_set_bool(&contact, SATCHEL_CONTACT_MAIN, false));
    page = kit_page_begin(1);
    kit_page_row(&kit, &page, SATCHEL_ENTITY_CONTACT, kit_id(1), 7, &contact);
    REQUIRE_OK(store(&kit, &page));
    CHECK_UINT(count_where_main(&kit, 0), 1);
    kit_close(&kit);
}

/* --- how many rows there are --- */

TEST(store_attack, rows_are_counted_right_whatever_leaves) {
    store_kit kit = kit_open(NULL);
    satchel_device_info info;
    memset(&info, 0, sizeof info);
    kit_page page = kit_page_begin(0);
    kit_page_scope_set(&page, 3, 30);
    for (uint32_t i = 1; i <= 4; i++) {
        page_customer(&kit, &page, kit_id(i), 10 + i, 3, "Huaning");
    }
    REQUIRE_OK(store(&kit, &page));
    kit_customer(&kit, kit_id(5), "own");
    kit_edit_text(&kit, kit_id(2), TEXT_FIELD, "dirty");
    page = kit_page_begin(0);
    kit_page_removal(&page, SATCHEL_ENTITY_CUSTOMER, kit_id(1));
    kit_page_removal(&page, SATCHEL_ENTITY_CUSTOMER, kit_id(2));
    kit_page_removal(&page, SATCHEL_ENTITY_CUSTOMER, kit_id(2));
    REQUIRE_OK(store(&kit, &page));
    REQUIRE_OK(satchel_store_count_info(kit.store, &info, &kit.error));
    CHECK_UINT(info.rows, 3);
    page = kit_page_begin(0);
    kit_page_result(&page, 1, 1, SATCHEL_RESULT_PARKED); /* the row made here goes */
    page_customer(&kit, &page, kit_id(2), 20, 3, "back");
    REQUIRE_OK(store(&kit, &page));
    REQUIRE_OK(satchel_store_count_info(kit.store, &info, &kit.error));
    CHECK_UINT(info.rows, 3);
    kit_purge(&kit);
    REQUIRE_OK(satchel_store_count_info(kit.store, &info, &kit.error));
    CHECK_UINT(info.rows, 3);
    CHECK_TEXT(kit_text(&kit, kit_id(2), TEXT_FIELD), "dirty");
    kit_close(&kit);
}

/* --- one row through refusals, holds and dismissals --- */

TEST(store_attack, edits_held_for_a_dismissed_row_leave_nothing_behind) {
    store_kit kit = kit_open(NULL);
    kit_customer(&kit, kit_id(1), "Huaning");
    kit_edit_text(&kit, kit_id(1), TEXT_FIELD, "held");
    kit_page page = kit_page_begin(2);
    kit_page_result(&page, 1, 1, SATCHEL_RESULT_REFUSED);
    kit_page_result(&page, 2, 1, SATCHEL_RESULT_HELD);
    REQUIRE_OK(store(&kit, &page));
    CHECK_TEXT(kit_text(&kit, kit_id(1), TEXT_FIELD), "held");
    uint64_t third = kit_edit_text(&kit, kit_id(1), TEXT_FIELD, "more");
    CHECK_UINT(third, 3);
    REQUIRE_OK(satchel_store_dismiss(kit.store, 1, &kit.error));
    CHECK(!kit_has(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(1)));
    CHECK_UINT(kit_find(&kit, "Huaning"), 0);
    REQUIRE_OK(satchel_store_dismiss(kit.store, 2, &kit.error));
    page = kit_page_begin(3);
    kit_page_result(&page, 3, 1, SATCHEL_RESULT_HELD);
    REQUIRE_OK(store(&kit, &page));
    CHECK_UINT(kit.outcome.settled_through, 3);
    REQUIRE_OK(satchel_store_dismiss(kit.store, 3, &kit.error));
    kit_reopen(&kit);
    CHECK_UINT(kit_reasons(&kit, SATCHEL_REASON_HELD), 0);
    CHECK(!kit_has(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(1)));
    kit_close(&kit);
}

/* The base of a dirty field stays that of its first op, even if a page moved the row and the first was refused. */
TEST(store_attack, a_base_is_free_again_when_what_froze_it_is_refused) {
    store_kit kit = kit_open(NULL);
    satchel_record got;
    uint32_t flags;
    kit_page page = kit_page_begin(0);
    page_customer(&kit, &page, kit_id(1), 10, 0, "Huaning");
    REQUIRE_OK(store(&kit, &page));
    kit_edit_text(&kit, kit_id(1), TEXT_FIELD, "one");
    kit_edit_text(&kit, kit_id(1), SATCHEL_CUSTOMER_INDUSTRY, "two");
    page = kit_page_begin(0);
    kit_page_result(&page, 1, 1, SATCHEL_RESULT_REFUSED);
    page_customer(&kit, &page, kit_id(1), 20, 0, "Huaning 2");
    REQUIRE_OK(store(&kit, &page));
    got = kit_read(&kit, SATCHEL_ENTITY_CUSTOMER, kit_id(1), &flags);
    CHECK_TEXT(satchel_record_text(&got, SATCHEL_CUSTOMER_INDUSTRY), "two");
    CHECK_TEXT(satchel_record_text(&got, TEXT_FIELD), "");
    uint64_t again = kit_edit_text(&kit, kit_id(1), TEXT_FIELD, "three");
    uint64_t more = kit_edit_text(&kit, kit_id(1), SATCHEL_CUSTOMER_INDUSTRY, "four");
    CHECK_UINT(base_of(&kit, again, TEXT_FIELD), 20);
    CHECK_UINT(base_of(&kit, more, SATCHEL_CUSTOMER_INDUSTRY), 10);
    kit_close(&kit);
}

/* Kill and power cut end in a rollback: a sequence that was never acknowledged is used again, one that was is not. */
TEST(store_attack, sequences_go_on_behind_what_was_dismissed_and_undone) {
    store_kit kit = kit_open(NULL);
    uint64_t first = kit_customer(&kit, kit_id(1), "Huaning");
    kit_page page = kit_page_begin(1);
    kit_page_result(&page, 1, 1, SATCHEL_RESULT_REFUSED);
    REQUIRE_OK(store(&kit, &page));
    REQUIRE_OK(satchel_store_dismiss(kit.store, first, &kit.error));
    kit_reopen(&kit);
    CHECK_UINT(kit_customer(&kit, kit_id(2), "Huaning"), first + 1);
    kit_close(&kit);
}
