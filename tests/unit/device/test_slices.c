/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cancel and budget between two slices of a page, and how far an exchange says that it is. Time is counted in slices:
 * observers are told after each one, and the observer here moves the clock.
 */
#include "device/device.h"
#include "store/store_state.h"
#include "unit/device/fixture.h"

#include <satchel/read.h>
#include <stdio.h>
#include <string.h>

#define ROWS 400
#define SLICE_MS 10

/* Counts slices while an exchange runs; at `cancel_at` it cancels. */
typedef struct counted {
    phone *p;
    satchel_exchange *exchange;
    satchel_observer *observer;
    unsigned slices;
    unsigned cancel_at;  /* 0: never */
    uint64_t customers;  /* as a look behind the last slice counted them, */
    unsigned open_looks; /* … and looks that found the transaction of slices open and left it so */
    satchel_step end;
    satchel_progress during; /* as another thread would see it behind the last slice */
} counted;

static void look(counted *c) {
    satchel_query *query = NULL;
    bool open = c->p->device->store->held.open;
    REQUIRE_OK(satchel_query_open(&query, SATCHEL_ENTITY_CUSTOMER));
    CHECK_OK(satchel_count(c->p->device, query, &c->customers, NULL));
    satchel_query_close(query);
    CHECK(c->p->device->store->held.open == open);
    c->open_looks += open ? 1 : 0;
}

static void on_change(void *context, uint32_t entity) {
    counted *c = context;
    (void)entity;
    c->slices++;
    c->p->monotonic_ms += SLICE_MS;
    CHECK_OK(satchel_sync_progress(c->p->device, &c->during, NULL));
    look(c);
    if (c->slices == c->cancel_at) {
        satchel_exchange_cancel(c->exchange);
    }
}

/* A phone whose next page has ROWS customers, and one change to send. */
static void begin(phone *p, uint64_t seed) {
    phone_ready(p, seed);
    for (uint32_t i = 0; i < ROWS; i++) {
        satchel_id id = fake_customer;
        char name[32];
        id.bytes[14] = (uint8_t)(1 + i / 250);
        id.bytes[15] = (uint8_t)(1 + i % 250);
        snprintf(name, sizeof name, "Shop %u", (unsigned)i);
        satchel_record *record = fake_server_add(&p->server, SATCHEL_ENTITY_CUSTOMER, &id);
        REQUIRE_OK(satchel_record_set_text(record, SATCHEL_CUSTOMER_NAME, satchel_text_of(name)));
    }
    phone_rename(p, "HN");
}

/* One exchange; its end is in `c->end`. */
static void run(counted *c, phone *p, int64_t budget_ms, unsigned cancel_at) {
    satchel_buffer body = {0};
    *c = (counted){.p = p, .cancel_at = cancel_at};
    REQUIRE_OK(satchel_exchange_open(&c->exchange, p->device, budget_ms, &p->error));
    REQUIRE_OK(satchel_observer_open(&c->observer, p->device, SATCHEL_ENTITY_CUSTOMER, on_change, c));
    for (;;) {
        REQUIRE_OK(satchel_exchange_next(c->exchange, &c->end, &p->error));
        if (c->end.kind != SATCHEL_STEP_SEND) {
            break;
        }
        uint32_t http_status = fake_server_answer(&p->server, &c->end.request, &body);
        REQUIRE_OK(satchel_exchange_feed(c->exchange, http_status, satchel_buffer_view(&body), 1, &p->error));
    }
    satchel_observer_close(c->observer);
    satchel_exchange_close(c->exchange);
    satchel_buffer_deinit(&body);
    CHECK_INT(c->end.kind, SATCHEL_STEP_DONE);
}

static void check_whole(phone *p) {
    CHECK_UINT(phone_info(p).rows, ROWS + 3);
    CHECK_UINT(phone_info(p).units_unsent, 0);
    CHECK_UINT(p->server.units_applied, 1);
}

TEST(slices, a_page_is_stored_in_several) {
    phone p;
    counted c;
    begin(&p, 60);
    run(&c, &p, 0, 0);
    CHECK_STATUS(c.end.status, SATCHEL_OK);
    CHECK(!c.end.more);
    CHECK(c.slices >= 3);
    CHECK(c.open_looks > 0); /* who looks waits for no disk, */
    CHECK(c.customers > 64); /* … and sees what is not settled */
    check_whole(&p);
    phone_deinit(&p);
}

TEST(slices, a_budget_ends_between_two_slices_and_the_next_exchange_goes_on) {
    phone p;
    counted c;
    begin(&p, 61);
    run(&c, &p, SLICE_MS, 0);
    CHECK_UINT(c.slices, 1);
    CHECK_STATUS(c.end.status, SATCHEL_OK);
    CHECK(c.end.more);
    uint64_t rows = phone_info(&p).rows;
    CHECK(rows > 3 && rows < ROWS);
    CHECK(phone_info(&p).first_sync_done); /* an earlier exchange was complete */
    uint64_t requests = p.server.request_number;
    run(&c, &p, SLICE_MS, 0);
    CHECK_UINT(c.slices, 1);
    CHECK_UINT(p.server.request_number, requests); /* what was begun comes first */
    run(&c, &p, 0, 0);
    CHECK(!c.end.more);
    check_whole(&p);
    phone_deinit(&p);
}

TEST(slices, a_budget_that_is_over_at_once_still_brings_a_page_to_its_end) {
    phone p;
    counted c;
    begin(&p, 62);
    unsigned exchanges = 0;
    run(&c, &p, SLICE_MS, 0);
    while (c.end.more) {
        p.monotonic_ms += 1000;
        run(&c, &p, 1, 0);
        REQUIRE(++exchanges < 20);
    }
    check_whole(&p);
    phone_deinit(&p);
}

TEST(slices, cancelled_at_any_slice_it_ends_there_and_nothing_is_lost) {
    for (unsigned at = 1; at <= 2; at++) {
        phone p;
        counted c;
        begin(&p, 63);
        run(&c, &p, 0, at);
        test_note("cancelled at slice %u", at);
        CHECK_UINT(c.slices, at);
        CHECK_STATUS(c.end.status, SATCHEL_CANCELLED);
        CHECK_STATUS(phone_info(&p).last_sync_status, SATCHEL_CANCELLED);
        phone_close(&p); /* a kill */
        phone_open(&p);
        run(&c, &p, 0, 0);
        CHECK_STATUS(c.end.status, SATCHEL_OK);
        check_whole(&p);
        phone_deinit(&p);
    }
}

TEST(slices, cancelled_while_it_goes_on_with_a_page_it_ends_at_once) {
    phone p;
    counted c;
    begin(&p, 64);
    run(&c, &p, SLICE_MS, 0);
    run(&c, &p, 0, 1);
    CHECK_UINT(c.slices, 1);
    CHECK_STATUS(c.end.status, SATCHEL_CANCELLED);
    run(&c, &p, 0, 0);
    check_whole(&p);
    phone_deinit(&p);
}

TEST(slices, idle_work_goes_on_with_what_a_budget_left) {
    phone p;
    counted c;
    bool left = true;
    begin(&p, 65);
    run(&c, &p, SLICE_MS, 0);
    REQUIRE_OK(satchel_device_idle(p.device, 10000, &left, &p.error));
    CHECK(!left);
    CHECK_UINT(phone_info(&p).rows, ROWS + 3);
    run(&c, &p, 0, 0);
    check_whole(&p);
    phone_deinit(&p);
}

TEST(slices, progress_counts_rows_changes_and_bytes_both_ways) {
    phone p;
    counted c;
    begin(&p, 66);
    run(&c, &p, 0, 0);
    CHECK_UINT(c.end.progress.rows_received, ROWS);
    CHECK_UINT(c.end.progress.changes_done, 1);
    CHECK_UINT(c.end.progress.changes_total, 1);
    CHECK(c.end.progress.bytes_sent > 100 && c.end.progress.bytes_received > 1000);
    CHECK(c.during.rows_received > 0 && c.during.bytes_received == c.end.progress.bytes_received);
    satchel_progress none;
    REQUIRE_OK(satchel_sync_progress(p.device, &none, &p.error));
    CHECK_UINT(none.rows_received + none.bytes_sent + none.changes_total, 0);
    REQUIRE_OK(satchel_device_lock(p.device, &p.error));
    CHECK_STATUS(satchel_sync_progress(p.device, &none, &p.error), SATCHEL_LOCKED);
    REQUIRE_OK(satchel_device_unlock(p.device, NULL, &p.error));
    phone_deinit(&p);
}
