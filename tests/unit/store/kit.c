/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kit of the store's tests.
 */
#include "kit.h"

#include "wire/record_codec.h"

#include <string.h>

static void open_store(store_kit *kit) {
    REQUIRE_OK(satchel_store_open(&kit->store, kit->database, NULL, &kit->error));
    REQUIRE_OK(satchel_store_sync_state(kit->store, &kit->state, NULL));
}

store_kit kit_open(const char *path) {
    store_kit kit;
    memset(&kit, 0, sizeof kit);
    kit.now_ms = INT64_C(1700000000000);
    REQUIRE_INT(sqlite3_open(path != NULL ? path : ":memory:", &kit.database), SQLITE_OK);
    open_store(&kit);
    return kit;
}

void kit_close(store_kit *kit) {
    satchel_store_close(kit->store);
    kit->store = NULL;
    CHECK_INT(sqlite3_close(kit->database), SQLITE_OK); /* an open statement would be BUSY */
    satchel_arena_deinit(&kit->arena);
}

void kit_reopen(store_kit *kit) {
    satchel_store_close(kit->store);
    kit->store = NULL;
    open_store(kit);
}

satchel_id kit_id(uint32_t number) {
    satchel_id id = {{0x01, 0x90}};
    satchel_put_u32be(id.bytes + 12, number);
    return id;
}

/* --- writing --- */

satchel_record kit_record(store_kit *kit, uint32_t field, const char *text) {
    satchel_record record;
    satchel_record_init(&record, &kit->arena);
    if (text != NULL) {
        REQUIRE_OK(satchel_record_set_text(&record, field, satchel_text_of(text)));
    }
    return record;
}

void kit_set(satchel_record *record, uint32_t field, int64_t integer) {
    REQUIRE_OK(satchel_record_set_int(record, field, integer));
}

void kit_put(satchel_record *record, uint32_t field, const char *text) {
    REQUIRE_OK(satchel_record_set_text(record, field, satchel_text_of(text)));
}

void kit_refer(satchel_record *record, uint32_t field, satchel_id id) {
    REQUIRE_OK(satchel_record_set_id(record, field, &id));
}

void kit_elements(satchel_record *record, uint32_t field, const char *words) {
    satchel_bytes elements[16];
    uint32_t count = 0;
    satchel_set set;
    while (*words != '\0' && count < 16) {
        size_t bytes = strcspn(words, " ");
        elements[count++] = satchel_bytes_of(words, bytes);
        words += bytes + (words[bytes] == ' ' ? 1 : 0);
    }
    REQUIRE_OK(satchel_set_sort(record->arena, elements, count, &set));
    satchel_value value = satchel_value_set(set.elements, set.count);
    REQUIRE_OK(satchel_record_set(record, field, &value));
}

satchel_receipt kit_commit(store_kit *kit, satchel_draft *draft) {
    const satchel_moment moment = {1, kit->now_ms / 2, kit->now_ms, 5};
    satchel_receipt receipt;
    REQUIRE_OK(satchel_draft_commit(draft, &moment, &receipt, &kit->error));
    kit->now_ms += 1000;
    return receipt;
}

static uint64_t commit_and_close(store_kit *kit, satchel_draft *draft) {
    satchel_receipt receipt = kit_commit(kit, draft);
    satchel_draft_close(draft);
    return receipt.first_sequence;
}

uint64_t kit_create(store_kit *kit, uint32_t entity, satchel_id id, const satchel_record *record) {
    satchel_draft *draft;
    REQUIRE_OK(satchel_draft_open(&draft, kit->store));
    REQUIRE_OK(satchel_draft_create(draft, entity, &id, record, &kit->error));
    return commit_and_close(kit, draft);
}

uint64_t kit_edit(store_kit *kit, uint32_t entity, satchel_id id, const satchel_record *record) {
    satchel_draft *draft;
    REQUIRE_OK(satchel_draft_open(&draft, kit->store));
    REQUIRE_OK(satchel_draft_edit(draft, entity, &id, record, NULL, 0, &kit->error));
    return commit_and_close(kit, draft);
}

uint64_t kit_edit_text(store_kit *kit, satchel_id customer, uint32_t field, const char *text) {
    satchel_record record = kit_record(kit, field, text);
    return kit_edit(kit, SATCHEL_ENTITY_CUSTOMER, customer, &record);
}

uint64_t kit_add(store_kit *kit, satchel_id customer, int64_t points) {
    satchel_draft *draft;
    REQUIRE_OK(satchel_draft_open(&draft, kit->store));
    REQUIRE_OK(satchel_draft_add(draft, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_LOYALTY_POINTS, points,
                                 &kit->error));
    return commit_and_close(kit, draft);
}

uint64_t kit_delete(store_kit *kit, uint32_t entity, satchel_id id) {
    satchel_draft *draft;
    REQUIRE_OK(satchel_draft_open(&draft, kit->store));
    REQUIRE_OK(satchel_draft_delete(draft, entity, &id, &kit->error));
    return commit_and_close(kit, draft);
}

uint64_t kit_customer(store_kit *kit, satchel_id id, const char *name) {
    satchel_record record = kit_record(kit, SATCHEL_CUSTOMER_NAME, name);
    return kit_create(kit, SATCHEL_ENTITY_CUSTOMER, id, &record);
}

/* --- reading --- */

satchel_record kit_read(store_kit *kit, uint32_t entity, satchel_id id, uint32_t *flags) {
    satchel_record record;
    uint32_t ignored;
    uint64_t base;
    REQUIRE_OK(satchel_store_read(kit->store, entity, &id, &kit->arena, &record, flags != NULL ? flags : &ignored,
                                  &base, &kit->error));
    return record;
}

bool kit_has(store_kit *kit, uint32_t entity, satchel_id id) {
    satchel_record record;
    uint32_t flags = 0;
    uint64_t base;
    satchel_status status =
        satchel_store_read(kit->store, entity, &id, &kit->arena, &record, &flags, &base, &kit->error);
    REQUIRE(status == SATCHEL_OK || status == SATCHEL_NOT_FOUND);
    return status == SATCHEL_OK;
}

const char *kit_text(store_kit *kit, satchel_id customer, uint32_t field) {
    satchel_record record = kit_read(kit, SATCHEL_ENTITY_CUSTOMER, customer, NULL);
    const char *text = satchel_arena_text(&kit->arena, satchel_record_text(&record, field));
    REQUIRE(text != NULL);
    return text;
}

int64_t kit_int(store_kit *kit, satchel_id customer, uint32_t field) {
    satchel_record record = kit_read(kit, SATCHEL_ENTITY_CUSTOMER, customer, NULL);
    return satchel_record_int(&record, field, 0);
}

uint32_t kit_flags(store_kit *kit, uint32_t entity, satchel_id id) {
    uint32_t flags;
    kit_read(kit, entity, id, &flags);
    return flags;
}

uint32_t kit_why(store_kit *kit, uint32_t entity, satchel_id id, satchel_reason_kind kind, satchel_reason *first) {
    satchel_reason *reasons;
    uint32_t count;
    uint32_t fitting = 0;
    REQUIRE_OK(satchel_store_reasons(kit->store, entity, &id, (satchel_reason_kind)0, 100, &kit->arena, &reasons,
                                     &count, &kit->error));
    for (uint32_t i = 0; i < count; i++) {
        if (kind == 0 || reasons[i].kind == kind) {
            if (fitting == 0 && first != NULL) {
                *first = reasons[i];
            }
            fitting++;
        }
    }
    return fitting;
}

uint32_t kit_reasons(store_kit *kit, satchel_reason_kind kind) {
    satchel_reason *reasons;
    uint32_t count;
    const satchel_id none = {{0}};
    REQUIRE_OK(satchel_store_reasons(kit->store, 0, &none, kind, 100, &kit->arena, &reasons, &count, &kit->error));
    return count;
}

uint32_t kit_find(store_kit *kit, const char *words) {
    satchel_query *query;
    uint64_t count;
    REQUIRE_OK(satchel_query_open(&query, SATCHEL_ENTITY_CUSTOMER));
    REQUIRE_OK(satchel_query_search(query, satchel_text_of(words)));
    REQUIRE_OK(satchel_store_count(kit->store, query, &count, &kit->error));
    satchel_query_close(query);
    return (uint32_t)count;
}

/* --- pages --- */

void kit_page_frame(kit_page *page, const satchel_answer_frame *frame) {
    REQUIRE_OK(satchel_answer_write(frame, &page->payload));
}

kit_page kit_page_begin(uint64_t applied_through) {
    kit_page page = {{NULL, 0, 0}};
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    frame.as.head.server_time_ms = INT64_C(1700000000000);
    frame.as.head.epoch = 1;
    frame.as.head.applied_through = applied_through;
    kit_page_frame(&page, &frame);
    return page;
}

void kit_page_op_result(kit_page *page, uint64_t first, uint32_t count, const satchel_op_result *ops,
                        uint32_t op_count) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_RESULT};
    frame.as.result.first_sequence = first;
    frame.as.result.count = count;
    frame.as.result.code = SATCHEL_RESULT_APPLIED;
    frame.as.result.ops = ops;
    frame.as.result.op_count = op_count;
    kit_page_frame(page, &frame);
}

void kit_page_result(kit_page *page, uint64_t first, uint32_t count, satchel_result_code code) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_RESULT};
    frame.as.result.first_sequence = first;
    frame.as.result.count = count;
    frame.as.result.code = code;
    kit_page_frame(page, &frame);
}

void kit_page_scope_set(kit_page *page, uint32_t number, uint32_t scope) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_SCOPE_SET};
    frame.as.scope_set = (satchel_scope_set){number, &scope, 1};
    kit_page_frame(page, &frame);
}

void kit_page_scope_loss(kit_page *page, uint32_t scope) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_SCOPE_LOSS};
    frame.as.scope_set = (satchel_scope_set){0, &scope, 1};
    kit_page_frame(page, &frame);
}

static void put_row(store_kit *kit, kit_page *page, const satchel_row_frame *head, const satchel_record *record) {
    satchel_buffer bytes = {NULL, 0, 0};
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_ROW};
    REQUIRE_OK(satchel_record_encode(satchel_store_schema(kit->store), head->entity, record, &bytes));
    frame.as.row = *head;
    frame.as.row.record = satchel_buffer_view(&bytes);
    kit_page_frame(page, &frame);
    satchel_buffer_deinit(&bytes);
}

void kit_page_row_in(store_kit *kit, kit_page *page, uint32_t entity, satchel_id id, uint64_t n, uint32_t scope_set,
                     const satchel_record *record) {
    const satchel_row_frame head = {.entity = entity, .row = id, .n = n, .scope_set = scope_set, .whole = true};
    put_row(kit, page, &head, record);
}

void kit_page_row(store_kit *kit, kit_page *page, uint32_t entity, satchel_id id, uint64_t n,
                  const satchel_record *record) {
    kit_page_row_in(kit, page, entity, id, n, 0, record);
}

void kit_page_part(store_kit *kit, kit_page *page, uint32_t entity, satchel_id id, uint64_t n,
                   const satchel_record *record, const uint32_t *cleared, uint32_t cleared_count) {
    const satchel_row_frame head = {
        .entity = entity, .row = id, .n = n, .cleared = cleared, .cleared_count = cleared_count};
    put_row(kit, page, &head, record);
}

void kit_page_removal(kit_page *page, uint32_t entity, satchel_id id) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_REMOVAL};
    frame.as.removal = (satchel_removal_frame){entity, satchel_id_view(&id)};
    kit_page_frame(page, &frame);
}

satchel_status kit_page_store_results(store_kit *kit, kit_page *page) {
    satchel_status status =
        satchel_store_page(kit->store, satchel_buffer_view(&page->payload), &kit->state, &kit->outcome, &kit->error);
    satchel_buffer_deinit(&page->payload);
    return status;
}

satchel_status kit_page_store(store_kit *kit, kit_page *page, bool more) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_END};
    const uint8_t cursor[4] = {1, 2, 3, 4};
    frame.as.end.cursor = satchel_bytes_of(cursor, sizeof cursor);
    frame.as.end.position_n = kit->state.position.n + 1;
    frame.as.end.more = more;
    kit_page_frame(page, &frame);
    kit->state.position = (satchel_revision){1, kit->state.position.n + 1};
    return kit_page_store_results(kit, page);
}

void kit_purge(store_kit *kit) {
    bool left = true;
    for (int i = 0; left && i < 10000; i++) {
        REQUIRE_OK(satchel_store_purge(kit->store, 64, &left, &kit->error));
    }
    CHECK(!left);
}
