/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing through the façade: pages, counts, writes, undo, explanations.
 */
#include "unit/device/fixture.h"

#include "base/limits.h"

#include <stdio.h>
#include <string.h>

/* Bytes of a customer with this name; the builder must be closed by the caller. */
static satchel_bytes named(satchel_record_builder *builder, const char *name) {
    satchel_bytes record;
    REQUIRE_OK(satchel_record_builder_text(builder, SATCHEL_CUSTOMER_NAME, satchel_text_of(name)));
    REQUIRE_OK(satchel_record_builder_encode(builder, &record));
    return record;
}

/* `count` new customers in one unit, named 000, 001, … */
static void add_customers(phone *p, unsigned count) {
    satchel_fields *fields;
    satchel_record_builder *builder;
    satchel_write *write;
    satchel_receipt receipt;
    REQUIRE_OK(satchel_fields_open(&fields, p->device, &p->error));
    REQUIRE_OK(satchel_record_builder_open(&builder, fields, SATCHEL_ENTITY_CUSTOMER));
    REQUIRE_OK(satchel_write_begin(&write, p->device, &p->error));
    for (unsigned i = 0; i < count; i++) {
        char name[16];
        satchel_id id = {{0}};
        snprintf(name, sizeof name, "%03u", i);
        REQUIRE_OK(satchel_write_create(write, SATCHEL_ENTITY_CUSTOMER, named(builder, name), &id, &p->error));
        CHECK(!satchel_id_is_none(&id));
    }
    REQUIRE_OK(satchel_commit(write, &receipt, &p->error));
    CHECK_UINT(receipt.count, count);
    satchel_record_builder_close(builder);
    satchel_fields_close(fields);
}

TEST(rows, pages_follow_one_another_by_their_keyset) {
    phone p;
    satchel_query *query;
    satchel_page *page;
    satchel_page *next;
    satchel_row_view row;
    phone_ready(&p, 60);
    add_customers(&p, 5);
    REQUIRE_OK(satchel_query_open(&query, SATCHEL_ENTITY_CUSTOMER));
    REQUIRE_OK(satchel_query_sort(query, SATCHEL_CUSTOMER_NAME, true));
    REQUIRE_OK(satchel_page_open(&page, p.device, query, (satchel_bytes){NULL, 0}, 4, &p.error));
    CHECK_UINT(satchel_page_count(page), 4);
    REQUIRE(satchel_page_next(page).bytes > 0);
    REQUIRE_OK(satchel_page_row(page, 0, &row));
    CHECK_ID(&row.id, &fake_customer);
    CHECK_STATUS(satchel_page_row(page, 4, &row), SATCHEL_OUT_OF_RANGE);
    REQUIRE_OK(satchel_page_open(&next, p.device, query, satchel_page_next(page), 4, &p.error));
    CHECK_UINT(satchel_page_count(next), 2);
    CHECK_UINT(satchel_page_next(next).bytes, 0);
    satchel_page_close(page);
    satchel_page_close(next);
    satchel_query_close(query);
    phone_deinit(&p);
}

TEST(rows, a_page_has_one_row_at_least_and_the_limit_at_most) {
    static const struct {
        uint32_t limit;
        satchel_status status;
    } cases[] = {{0, SATCHEL_INVALID_ARGUMENT},
                 {1, SATCHEL_OK},
                 {SATCHEL_LIMIT_PAGE_ROWS, SATCHEL_OK},
                 {SATCHEL_LIMIT_PAGE_ROWS + 1, SATCHEL_INVALID_ARGUMENT}};
    phone p;
    satchel_query *query;
    phone_ready(&p, 61);
    REQUIRE_OK(satchel_query_open(&query, SATCHEL_ENTITY_CUSTOMER));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_page *page;
        satchel_reasons *reasons;
        test_note("limit %u", cases[i].limit);
        CHECK_STATUS(satchel_page_open(&page, p.device, query, (satchel_bytes){NULL, 0}, cases[i].limit, &p.error),
                     cases[i].status);
        satchel_page_close(page);
        CHECK_STATUS(satchel_reasons_list(&reasons, p.device, SATCHEL_REASON_SENT, cases[i].limit, &p.error),
                     cases[i].status);
        satchel_reasons_close(reasons);
    }
    satchel_query_close(query);
    phone_deinit(&p);
}

TEST(rows, conditions_count_what_fits) {
    phone p;
    satchel_query *query;
    uint64_t count;
    phone_ready(&p, 62);
    add_customers(&p, 3);
    REQUIRE_OK(satchel_query_open(&query, SATCHEL_ENTITY_CUSTOMER));
    REQUIRE_OK(satchel_count(p.device, query, &count, &p.error));
    CHECK_UINT(count, 4);
    REQUIRE_OK(
        satchel_query_where_text(query, SATCHEL_CUSTOMER_NAME, SATCHEL_COMPARE_BEGINS_WITH, satchel_text_of("00")));
    REQUIRE_OK(satchel_count(p.device, query, &count, &p.error));
    CHECK_UINT(count, 3);
    satchel_query_close(query);
    phone_deinit(&p);
}

TEST(rows, a_write_that_is_abandoned_leaves_nothing) {
    phone p;
    satchel_fields *fields;
    satchel_record_builder *builder;
    satchel_write *write;
    satchel_id id = {{9}};
    satchel_page *page;
    phone_ready(&p, 63);
    REQUIRE_OK(satchel_fields_open(&fields, p.device, &p.error));
    REQUIRE_OK(satchel_record_builder_open(&builder, fields, SATCHEL_ENTITY_CUSTOMER));
    REQUIRE_OK(satchel_write_begin(&write, p.device, &p.error));
    REQUIRE_OK(satchel_write_create(write, SATCHEL_ENTITY_CUSTOMER, named(builder, "gone"), &id, &p.error));
    satchel_write_abandon(write);
    satchel_write_abandon(NULL);
    CHECK_STATUS(satchel_row_open(&page, p.device, SATCHEL_ENTITY_CUSTOMER, &id, &p.error), SATCHEL_NOT_FOUND);
    CHECK_UINT(phone_info(&p).units_unsent, 0);
    satchel_record_builder_close(builder);
    satchel_fields_close(fields);
    phone_deinit(&p);
}

TEST(rows, a_given_id_is_used_and_only_once) {
    phone p;
    satchel_fields *fields;
    satchel_record_builder *builder;
    satchel_write *write;
    const satchel_id wanted = {{1, 2, 3, 4, 5, 6, 0x70, 8, 0x80, 10, 11, 12, 13, 14, 15, 16}};
    satchel_id id = wanted;
    phone_ready(&p, 64);
    REQUIRE_OK(satchel_fields_open(&fields, p.device, &p.error));
    REQUIRE_OK(satchel_record_builder_open(&builder, fields, SATCHEL_ENTITY_CUSTOMER));
    satchel_bytes record = named(builder, "one");
    REQUIRE_OK(satchel_write_begin(&write, p.device, &p.error));
    REQUIRE_OK(satchel_write_create(write, SATCHEL_ENTITY_CUSTOMER, record, &id, &p.error));
    CHECK_ID(&id, &wanted);
    REQUIRE_OK(satchel_commit(write, NULL, &p.error));
    REQUIRE_OK(satchel_write_begin(&write, p.device, &p.error));
    CHECK_STATUS(satchel_write_create(write, SATCHEL_ENTITY_CUSTOMER, record, &id, &p.error), SATCHEL_ALREADY_EXISTS);
    satchel_write_abandon(write);
    satchel_record_builder_close(builder);
    satchel_fields_close(fields);
    phone_deinit(&p);
}

TEST(rows, an_edit_of_nothing_commits_nothing) {
    phone p;
    satchel_write *write;
    satchel_receipt receipt = {1, 1};
    phone_ready(&p, 65);
    REQUIRE_OK(satchel_write_begin(&write, p.device, &p.error));
    REQUIRE_OK(satchel_write_edit(write, SATCHEL_ENTITY_CUSTOMER, &fake_customer, (satchel_bytes){NULL, 0}, NULL, 0,
                                  &p.error));
    REQUIRE_OK(satchel_commit(write, &receipt, &p.error));
    CHECK_UINT(receipt.count, 0);
    CHECK_UINT(phone_info(&p).units_unsent, 0);
    phone_deinit(&p);
}

TEST(rows, counters_add_up_and_deletes_delete) {
    phone p;
    satchel_write *write;
    phone_ready(&p, 66);
    REQUIRE_OK(satchel_write_begin(&write, p.device, &p.error));
    REQUIRE_OK(satchel_write_add(write, SATCHEL_ENTITY_CUSTOMER, &fake_customer, SATCHEL_CUSTOMER_LOYALTY_POINTS, 30,
                                 &p.error));
    REQUIRE_OK(satchel_write_add(write, SATCHEL_ENTITY_CUSTOMER, &fake_customer, SATCHEL_CUSTOMER_LOYALTY_POINTS, -5,
                                 &p.error));
    CHECK_STATUS(satchel_write_add(write, SATCHEL_ENTITY_CUSTOMER, &fake_customer, SATCHEL_CUSTOMER_NAME, 1, &p.error),
                 SATCHEL_WRONG_TYPE);
    REQUIRE_OK(satchel_commit(write, NULL, &p.error));
    CHECK_INT(phone_int(&p, SATCHEL_ENTITY_CUSTOMER, &fake_customer, SATCHEL_CUSTOMER_LOYALTY_POINTS), 25);
    satchel_id task = {{0}};
    REQUIRE_OK(satchel_task_add(p.device, satchel_text_of("call"), NULL, NULL, 0, &task, &p.error));
    REQUIRE_OK(satchel_write_begin(&write, p.device, &p.error));
    REQUIRE_OK(satchel_write_delete(write, SATCHEL_ENTITY_TASK, &task, &p.error));
    REQUIRE_OK(satchel_commit(write, NULL, &p.error));
    satchel_page *page;
    CHECK_STATUS(satchel_row_open(&page, p.device, SATCHEL_ENTITY_TASK, &task, &p.error), SATCHEL_NOT_FOUND);
    phone_deinit(&p);
}

TEST(rows, undo_brings_the_earlier_value_back) {
    phone p;
    char text[64] = {0};
    phone_ready(&p, 67);
    phone_rename(&p, "first");
    phone_rename(&p, "second");
    REQUIRE_OK(satchel_undo(p.device, 2, &p.error));
    CHECK(phone_text(&p, SATCHEL_ENTITY_CUSTOMER, &fake_customer, SATCHEL_CUSTOMER_SHORT_NAME, text, sizeof text));
    CHECK_TEXT(text, "first");
    CHECK_STATUS(satchel_undo(p.device, 99, &p.error), SATCHEL_NOT_FOUND);
    REQUIRE_OK(phone_sync(&p));
    CHECK_UINT(phone_info(&p).units_unsent, 0);
    phone_deinit(&p);
}

TEST(rows, why_tells_what_waits) {
    phone p;
    satchel_reasons *reasons;
    satchel_reason reason;
    phone_ready(&p, 68);
    phone_rename(&p, "HN");
    REQUIRE_OK(satchel_why(&reasons, p.device, SATCHEL_ENTITY_CUSTOMER, &fake_customer, &p.error));
    REQUIRE_UINT(satchel_reasons_count(reasons), 1);
    REQUIRE_OK(satchel_reasons_at(reasons, 0, &reason));
    CHECK_INT(reason.kind, SATCHEL_REASON_WAITING);
    CHECK_UINT(reason.sequence, 1);
    satchel_reasons_close(reasons);
    CHECK_STATUS(satchel_why(&reasons, p.device, 250, &fake_customer, &p.error), SATCHEL_UNKNOWN_ENTITY);
    CHECK_STATUS(satchel_reasons_list(&reasons, p.device, (satchel_reason_kind)99, 1, &p.error),
                 SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_reason_dismiss(p.device, 77, &p.error), SATCHEL_NOT_FOUND);
    phone_deinit(&p);
}
