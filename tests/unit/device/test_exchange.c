/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges against the scripted server: the straight line, and what may go wrong on it.
 */
#include "unit/device/fixture.h"

#include <stdio.h>
#include <string.h>

TEST(exchange, brings_rows_and_takes_edits) {
    phone p;
    char text[64];
    phone_ready(&p, 40);
    CHECK(phone_info(&p).first_sync_done);
    CHECK(phone_text(&p, SATCHEL_ENTITY_CUSTOMER, &fake_customer, SATCHEL_CUSTOMER_NAME, text, sizeof text));
    CHECK_TEXT(text, "Huaning Market");
    phone_rename(&p, "HN");
    CHECK_UINT(phone_info(&p).units_unsent, 1);
    REQUIRE_OK(phone_sync(&p));
    CHECK_UINT(phone_info(&p).units_unsent, 0);
    CHECK_UINT(p.server.units_applied, 1);
    CHECK_UINT(p.server.decided, 1);
    satchel_device_info info = phone_info(&p);
    CHECK_INT(info.last_sync_ms, p.server.now_ms);
    CHECK_STATUS(info.last_sync_status, SATCHEL_OK);
    CHECK_UINT(info.position.epoch, 1);
    CHECK_UINT(info.rows, 3);
    phone_deinit(&p);
}

TEST(exchange, an_edit_survives_the_page_below_it) {
    phone p;
    char text[64];
    phone_ready(&p, 41);
    phone_rename(&p, "mine");
    satchel_record *record = fake_server_add(&p.server, SATCHEL_ENTITY_CUSTOMER, &fake_customer);
    REQUIRE_OK(satchel_record_set_text(record, SATCHEL_CUSTOMER_NAME, satchel_text_of("Huaning Market 2")));
    REQUIRE_OK(satchel_record_set_text(record, SATCHEL_CUSTOMER_SHORT_NAME, satchel_text_of("mine")));
    REQUIRE_OK(phone_sync(&p));
    CHECK(phone_text(&p, SATCHEL_ENTITY_CUSTOMER, &fake_customer, SATCHEL_CUSTOMER_NAME, text, sizeof text));
    CHECK_TEXT(text, "Huaning Market 2");
    CHECK(phone_text(&p, SATCHEL_ENTITY_CUSTOMER, &fake_customer, SATCHEL_CUSTOMER_SHORT_NAME, text, sizeof text));
    CHECK_TEXT(text, "mine");
    phone_deinit(&p);
}

/* The phone dies before step `stop` of an exchange and comes back: nothing is lost, nothing counts twice. */
TEST(exchange, may_be_killed_between_any_two_steps) {
    bool stopped = true;
    for (unsigned stop = 1; stopped; stop++) {
        phone p;
        char text[64];
        phone_init(&p, 42);
        phone_create(&p);
        phone_enroll(&p);
        fake_server_stock(&p.server, "Huaning Market");
        p.server.rows_a_page = 1;
        REQUIRE_OK(phone_sync(&p));
        fake_server_stock(&p.server, "Huaning Market 2");
        phone_rename(&p, "first");
        phone_rename(&p, "second");
        test_note("stop at step %u", stop);
        stopped = phone_sync_until(&p, stop);
        phone_close(&p);
        phone_open(&p);
        REQUIRE_OK(phone_sync(&p));
        CHECK_UINT(p.server.decided, 2);
        CHECK_UINT(p.server.units_applied, 2);
        CHECK_UINT(phone_info(&p).units_unsent, 0);
        CHECK(phone_text(&p, SATCHEL_ENTITY_CUSTOMER, &fake_customer, SATCHEL_CUSTOMER_NAME, text, sizeof text));
        CHECK_TEXT(text, "Huaning Market 2");
        phone_deinit(&p);
        REQUIRE(stop < 100);
    }
}

TEST(exchange, a_lost_answer_is_asked_for_again) {
    phone p;
    satchel_exchange *exchange;
    satchel_step step;
    satchel_buffer body = {0};
    phone_ready(&p, 43);
    phone_rename(&p, "HN");
    REQUIRE_OK(satchel_exchange_open(&exchange, p.device, 0, &p.error));
    REQUIRE_OK(satchel_exchange_next(exchange, &step, &p.error));
    REQUIRE_INT(step.kind, SATCHEL_STEP_SEND);
    CHECK_UINT(step.units_unsent, 1);
    (void)fake_server_answer(&p.server, &step.request, &body);
    REQUIRE_OK(satchel_exchange_fail(exchange, &p.error));
    REQUIRE_OK(satchel_exchange_next(exchange, &step, &p.error));
    REQUIRE_INT(step.kind, SATCHEL_STEP_WAIT);
    CHECK(step.wait_ms > 0);
    CHECK_STATUS(step.status, SATCHEL_NETWORK_ERROR);
    satchel_exchange_close(exchange);
    REQUIRE_OK(phone_sync(&p));
    CHECK_UINT(p.server.units_applied, 1);
    CHECK_UINT(phone_info(&p).units_unsent, 0);
    satchel_buffer_deinit(&body);
    phone_deinit(&p);
}

TEST(exchange, gives_up_after_some_tries_and_says_why) {
    phone p;
    phone_ready(&p, 44);
    phone_rename(&p, "HN");
    p.server.http_status = 502;
    CHECK_STATUS(phone_sync(&p), SATCHEL_SERVER_ERROR);
    CHECK_STATUS(phone_info(&p).last_sync_status, SATCHEL_SERVER_ERROR);
    CHECK_UINT(phone_info(&p).units_unsent, 1);
    p.server.http_status = 0;
    CHECK_OK(phone_sync(&p));
    CHECK_STATUS(phone_info(&p).last_sync_status, SATCHEL_OK);
    phone_deinit(&p);
}

TEST(exchange, only_one_runs_at_a_time) {
    phone p;
    satchel_exchange *first;
    satchel_exchange *second;
    phone_ready(&p, 45);
    REQUIRE_OK(satchel_exchange_open(&first, p.device, 0, &p.error));
    CHECK_STATUS(satchel_exchange_open(&second, p.device, 0, &p.error), SATCHEL_MISUSE);
    CHECK(second == NULL);
    satchel_exchange_close(first);
    REQUIRE_OK(satchel_exchange_open(&second, p.device, 0, &p.error));
    satchel_exchange_close(second);
    phone_deinit(&p);
}

TEST(exchange, answers_fit_requests) {
    phone p;
    satchel_exchange *exchange;
    satchel_step step;
    const satchel_bytes nothing = {NULL, 0};
    phone_ready(&p, 46);
    REQUIRE_OK(satchel_exchange_open(&exchange, p.device, 0, &p.error));
    CHECK_STATUS(satchel_exchange_feed(exchange, 200, nothing, 1, &p.error), SATCHEL_MISUSE);
    CHECK_STATUS(satchel_exchange_fail(exchange, &p.error), SATCHEL_MISUSE);
    REQUIRE_OK(satchel_exchange_next(exchange, &step, &p.error));
    CHECK_STATUS(satchel_exchange_next(exchange, &step, &p.error), SATCHEL_MISUSE);
    REQUIRE_OK(satchel_exchange_feed(exchange, 200, satchel_bytes_of("rubbish", 7), 1, &p.error));
    REQUIRE_OK(satchel_exchange_next(exchange, &step, &p.error));
    CHECK_INT(step.kind, SATCHEL_STEP_WAIT);
    CHECK_STATUS(step.status, SATCHEL_PROTOCOL_ERROR);
    satchel_exchange_close(exchange);
    phone_deinit(&p);
}

TEST(exchange, cancelled_from_anywhere_it_ends) {
    phone p;
    satchel_exchange *exchange;
    satchel_step step;
    phone_ready(&p, 47);
    phone_rename(&p, "HN");
    REQUIRE_OK(satchel_exchange_open(&exchange, p.device, 0, &p.error));
    REQUIRE_OK(satchel_exchange_next(exchange, &step, &p.error));
    satchel_exchange_cancel(exchange);
    REQUIRE_OK(satchel_exchange_next(exchange, &step, &p.error));
    CHECK_INT(step.kind, SATCHEL_STEP_DONE);
    CHECK_STATUS(step.status, SATCHEL_CANCELLED);
    REQUIRE_OK(satchel_exchange_next(exchange, &step, &p.error));
    CHECK_STATUS(step.status, SATCHEL_CANCELLED);
    satchel_exchange_close(exchange);
    CHECK_OK(phone_sync(&p));
    CHECK_UINT(p.server.units_applied, 1);
    phone_deinit(&p);
}

TEST(exchange, a_budget_ends_it_with_more_to_come) {
    phone p;
    satchel_exchange *exchange;
    satchel_step step;
    satchel_buffer body = {0};
    phone_ready(&p, 48);
    fake_server_stock(&p.server, "again");
    p.server.rows_a_page = 1;
    REQUIRE_OK(satchel_exchange_open(&exchange, p.device, 50, &p.error));
    REQUIRE_OK(satchel_exchange_next(exchange, &step, &p.error));
    uint32_t http_status = fake_server_answer(&p.server, &step.request, &body);
    p.monotonic_ms += 50;
    REQUIRE_OK(satchel_exchange_feed(exchange, http_status, satchel_buffer_view(&body), 50, &p.error));
    REQUIRE_OK(satchel_exchange_next(exchange, &step, &p.error));
    CHECK_INT(step.kind, SATCHEL_STEP_DONE);
    CHECK_STATUS(step.status, SATCHEL_OK);
    CHECK(step.more);
    satchel_exchange_close(exchange);
    satchel_buffer_deinit(&body);
    phone_deinit(&p);
}

TEST(exchange, ends_when_the_device_is_locked_or_suspended) {
    phone p;
    satchel_exchange *exchange;
    satchel_step step;
    phone_ready(&p, 49);
    REQUIRE_OK(satchel_exchange_open(&exchange, p.device, 0, &p.error));
    REQUIRE_OK(satchel_device_suspend(p.device, &p.error));
    CHECK_STATUS(satchel_exchange_next(exchange, &step, &p.error), SATCHEL_MISUSE);
    REQUIRE_OK(satchel_device_resume(p.device, &p.error));
    REQUIRE_OK(satchel_exchange_next(exchange, &step, &p.error));
    CHECK_INT(step.kind, SATCHEL_STEP_DONE);
    CHECK_STATUS(step.status, SATCHEL_CANCELLED);
    satchel_exchange_close(exchange);
    REQUIRE_OK(satchel_exchange_open(&exchange, p.device, 0, &p.error));
    REQUIRE_OK(satchel_device_lock(p.device, &p.error));
    CHECK_STATUS(satchel_exchange_next(exchange, &step, &p.error), SATCHEL_LOCKED);
    satchel_exchange_close(exchange);
    phone_deinit(&p);
}

TEST(exchange, rows_that_leave_are_gone_at_once) {
    phone p;
    satchel_page *page;
    phone_ready(&p, 50);
    fake_server_remove(&p.server, SATCHEL_ENTITY_CUSTOMER, &fake_customer);
    REQUIRE_OK(phone_sync(&p));
    CHECK_STATUS(satchel_row_open(&page, p.device, SATCHEL_ENTITY_CUSTOMER, &fake_customer, &p.error),
                 SATCHEL_NOT_FOUND);
    CHECK_UINT(phone_info(&p).rows, 2);
    phone_deinit(&p);
}

TEST(exchange, a_refusal_is_explained_and_can_be_dismissed) {
    phone p;
    satchel_reasons *reasons;
    satchel_reason reason;
    phone_ready(&p, 51);
    phone_rename(&p, "HN");
    p.server.refuse_ops = true;
    REQUIRE_OK(phone_sync(&p));
    CHECK_UINT(phone_info(&p).ops_refused, 1);
    REQUIRE_OK(satchel_reasons_list(&reasons, p.device, SATCHEL_REASON_REFUSED, 10, &p.error));
    REQUIRE_UINT(satchel_reasons_count(reasons), 1);
    REQUIRE_OK(satchel_reasons_at(reasons, 0, &reason));
    CHECK_STATUS(reason.status, SATCHEL_FORBIDDEN);
    CHECK_ID(&reason.row, &fake_customer);
    CHECK_TEXT(reason.rule, "test.rule");
    CHECK_STATUS(satchel_reasons_at(reasons, 1, &reason), SATCHEL_OUT_OF_RANGE);
    REQUIRE_OK(satchel_reason_dismiss(p.device, reason.unit, &p.error));
    satchel_reasons_close(reasons);
    CHECK_UINT(phone_info(&p).ops_refused, 0);
    phone_deinit(&p);
}

TEST(exchange, clocks_are_measured_and_boots_are_counted) {
    phone p;
    phone_ready(&p, 52);
    p.wall_ms = INT64_C(631152000000); /* 1990 */
    p.monotonic_ms = 500;
    memset(p.boot_tag, 2, sizeof p.boot_tag);
    phone_close(&p);
    phone_open(&p);
    phone_rename(&p, "1990");
    CHECK_OK(phone_sync(&p));
    CHECK_UINT(phone_info(&p).units_unsent, 0);
    p.wall_ms = INT64_C(2145916800000); /* 2038 */
    phone_rename(&p, "2038");
    CHECK_OK(phone_sync(&p));
    CHECK_UINT(p.server.units_applied, 2);
    phone_deinit(&p);
}

TEST(exchange, a_budget_that_ends_while_it_waits_tells_why_it_waited) {
    phone p;
    satchel_exchange *exchange;
    satchel_step step;
    phone_ready(&p, 53);
    REQUIRE_OK(satchel_exchange_open(&exchange, p.device, 500, &p.error));
    REQUIRE_OK(satchel_exchange_next(exchange, &step, &p.error));
    REQUIRE_OK(satchel_exchange_fail(exchange, &p.error));
    REQUIRE_OK(satchel_exchange_next(exchange, &step, &p.error));
    REQUIRE_INT(step.kind, SATCHEL_STEP_WAIT);
    p.monotonic_ms += 500;
    REQUIRE_OK(satchel_exchange_next(exchange, &step, &p.error));
    CHECK_INT(step.kind, SATCHEL_STEP_DONE);
    CHECK_STATUS(step.status, SATCHEL_NETWORK_ERROR);
    CHECK(step.more);
    satchel_exchange_close(exchange);
    phone_deinit(&p);
}
