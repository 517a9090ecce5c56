/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every allocation of a call fails in turn: the call says so, nothing is half done, and the next try succeeds.
 */
#include "unit/device/fixture.h"

#include "base/memory.h"

#include <string.h>

typedef satchel_status attempt(phone *p);

static satchel_status edit(phone *p) {
    satchel_fields *fields = NULL;
    satchel_record_builder *builder = NULL;
    satchel_write *write = NULL;
    satchel_bytes record = {NULL, 0};
    satchel_status status = satchel_fields_open(&fields, p->device, &p->error);
    if (status == SATCHEL_OK) {
        status = satchel_record_builder_open(&builder, fields, SATCHEL_ENTITY_CUSTOMER);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_builder_text(builder, SATCHEL_CUSTOMER_CITY, satchel_text_of("Shanghai"));
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_builder_encode(builder, &record);
    }
    if (status == SATCHEL_OK) {
        status = satchel_write_begin(&write, p->device, &p->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_write_edit(write, SATCHEL_ENTITY_CUSTOMER, &fake_customer, record, NULL, 0, &p->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_commit(write, NULL, &p->error);
    }
    if (status != SATCHEL_OK) {
        satchel_write_abandon(write);
    }
    satchel_record_builder_close(builder);
    satchel_fields_close(fields);
    return status;
}

static satchel_status read_page(phone *p) {
    satchel_query *query = NULL;
    satchel_page *page = NULL;
    satchel_fields *fields = NULL;
    satchel_record_reader *reader = NULL;
    satchel_row_view row;
    satchel_text text;
    satchel_status status = satchel_query_open(&query, SATCHEL_ENTITY_CUSTOMER);
    if (status == SATCHEL_OK) {
        status = satchel_query_search(query, satchel_text_of("huaning"));
    }
    if (status == SATCHEL_OK) {
        status = satchel_page_open(&page, p->device, query, (satchel_bytes){NULL, 0}, 10, &p->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_page_row(page, 0, &row);
    }
    if (status == SATCHEL_OK) {
        status = satchel_fields_open(&fields, p->device, &p->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_reader_open(&reader, fields, SATCHEL_ENTITY_CUSTOMER, row.record, &p->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_reader_text(reader, SATCHEL_CUSTOMER_NAME, "en", satchel_text_of(""), &text);
    }
    satchel_record_reader_close(reader);
    satchel_fields_close(fields);
    satchel_page_close(page);
    satchel_query_close(query);
    return status;
}

static satchel_status explain(phone *p) {
    satchel_reasons *reasons;
    satchel_status status = satchel_why(&reasons, p->device, SATCHEL_ENTITY_CUSTOMER, &fake_customer, &p->error);
    satchel_reasons_close(reasons);
    return status;
}

static satchel_status observe(phone *p) {
    satchel_observer *observer;
    satchel_status status = satchel_observer_open(&observer, p->device, 0, NULL, NULL);
    satchel_observer_close(observer);
    return status;
}

static satchel_status lock_and_unlock(phone *p) {
    satchel_status status = satchel_device_lock(p->device, &p->error);
    return status == SATCHEL_OK ? satchel_device_unlock(p->device, NULL, &p->error) : status;
}

static satchel_status take_order(phone *p) {
    satchel_id order = {{0}};
    satchel_status status = satchel_order_new(p->device, &fake_customer, NULL, satchel_text_of("CNY"),
                                              satchel_text_of(""), &order, &p->error);
    if (status == SATCHEL_OK) {
        status = satchel_order_add(p->device, &order, &fake_product, 1000, -1, 0, NULL, &p->error);
    }
    return status == SATCHEL_OK ? satchel_order_submit(p->device, &order, &p->error) : status;
}

/* The engine retries what it can; a sync may end with NO_MEMORY, never with a wrong state. */
static satchel_status make_exchange(phone *p) {
    satchel_exchange *exchange;
    satchel_step step = {.status = SATCHEL_OK};
    satchel_status status = satchel_exchange_open(&exchange, p->device, 0, &p->error);
    if (status == SATCHEL_OK) {
        status = satchel_exchange_next(exchange, &step, &p->error);
    }
    satchel_exchange_close(exchange);
    return status;
}

static const struct {
    const char *name;
    attempt *run;
} attempts[] = {
    {"edit", edit},
    {"read", read_page},
    {"explain", explain},
    {"observe", observe},
    {"order", take_order},
    {"exchange", make_exchange},
    {"lock, unlock", lock_and_unlock},
};

TEST(memory, each_allocation_of_a_call_may_fail) {
    phone p;
    phone_ready(&p, 90);
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        unsigned long failed = 0;
        for (unsigned long at = 1; at < 100000; at++) {
            test_note("%s, allocation %lu", attempts[i].name, at);
            satchel_memory_fail_at(at, 0);
            satchel_status status = attempts[i].run(&p);
            bool reached = satchel_memory_count() >= at;
            satchel_memory_fail_at(0, 0);
            if (status != SATCHEL_OK) {
                failed++;
                REQUIRE_STATUS(status, SATCHEL_NO_MEMORY);
            }
            if (phone_info(&p).locked) {
                REQUIRE_OK(satchel_device_unlock(p.device, NULL, &p.error));
            }
            if (!reached) {
                break;
            }
        }
        CHECK(failed > 0);
        CHECK_OK(attempts[i].run(&p));
    }
    REQUIRE_OK(phone_sync(&p));
    CHECK_UINT(phone_info(&p).units_unsent, 0);
    phone_deinit(&p);
}
