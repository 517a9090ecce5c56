/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of field sales through the façade: a day without network, then one sync.
 */
#include "device/device.h"
#include "unit/device/fixture.h"

static const satchel_fix no_fix = {false, 0, 0, 0, false};

TEST(sales_verbs, a_visit_from_plan_to_check_out) {
    phone p;
    satchel_id planned = {{0}};
    satchel_id visit = {{0}};
    phone_ready(&p, 70);
    REQUIRE_OK(satchel_visit_plan(p.device, &fake_customer, 20000, &planned, &p.error));
    REQUIRE_OK(satchel_visit_check_in(p.device, &fake_customer, &planned, &no_fix, &visit, &p.error));
    CHECK_ID(&visit, &planned);
    REQUIRE_OK(satchel_visit_check_out(p.device, &visit, &no_fix, SATCHEL_VISIT_OUTCOME_FOLLOW_UP,
                                       satchel_text_of("ask again in May"), &p.error));
    CHECK_INT(phone_int(&p, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_STATUS), SATCHEL_VISIT_STATUS_COMPLETED);
    satchel_id other = {{0}};
    REQUIRE_OK(satchel_visit_plan(p.device, &fake_customer, 20001, &other, &p.error));
    REQUIRE_OK(satchel_visit_cancel(p.device, &other, satchel_text_of("holiday"), &p.error));
    CHECK_INT(phone_int(&p, SATCHEL_ENTITY_VISIT, &other, SATCHEL_VISIT_STATUS), SATCHEL_VISIT_STATUS_CANCELLED);
    REQUIRE_OK(phone_sync(&p));
    CHECK_UINT(p.server.units_applied, 5);
    phone_deinit(&p);
}

TEST(sales_verbs, the_time_of_a_fact_is_the_servers_not_the_phones) {
    phone p;
    satchel_id visit = {{0}};
    phone_ready(&p, 71);
    p.wall_ms += 3600000; /* the offset was measured before the clock was set */
    REQUIRE_OK(satchel_visit_check_in(p.device, &fake_customer, NULL, &no_fix, &visit, &p.error));
    int64_t shown = phone_int(&p, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_CHECK_IN_AT);
    CHECK(shown >= p.server.now_ms + 3600000);
    CHECK(shown < p.server.now_ms + 3660000);
    phone_deinit(&p);
}

TEST(sales_verbs, an_order_with_a_line_taken_out_again) {
    phone p;
    satchel_id order = {{0}};
    satchel_id kept = {{0}};
    satchel_id gone = {{0}};
    phone_ready(&p, 72);
    REQUIRE_OK(satchel_order_new(p.device, &fake_customer, NULL, satchel_text_of("CNY"), satchel_text_of("X-1"), &order,
                                 &p.error));
    REQUIRE_OK(satchel_order_add(p.device, &order, &fake_product, 2000, -1, 1000, &kept, &p.error));
    REQUIRE_OK(satchel_order_add(p.device, &order, &fake_product, 1000, 99, 0, &gone, &p.error));
    REQUIRE_OK(satchel_order_remove(p.device, &gone, &p.error));
    REQUIRE_OK(satchel_order_submit(p.device, &order, &p.error));
    CHECK_INT(phone_int(&p, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_TOTAL_MINOR), 2250);
    REQUIRE_OK(phone_sync(&p));
    CHECK_UINT(phone_info(&p).units_unsent, 0);
    phone_deinit(&p);
}

TEST(sales_verbs, too_large_a_discount_is_told_beforehand_and_asked_for) {
    phone p;
    satchel_id order = {{0}};
    bool waits = false;
    phone_ready(&p, 74);
    REQUIRE_OK(satchel_order_new(p.device, &fake_customer, NULL, satchel_text_of("CNY"), satchel_text_of(""), &order,
                                 &p.error));
    REQUIRE_OK(satchel_order_add(p.device, &order, &fake_product, 2000, -1, 1000, NULL, &p.error));
    CHECK_OK(satchel_order_waits(p.device, &order, &waits, &p.error));
    CHECK(!waits);
    p.device->book.orders.discount_limit_bp = 999;
    p.device->book.orders.discount_steps = 1;
    CHECK_OK(satchel_order_waits(p.device, &order, &waits, &p.error));
    CHECK(waits);
    REQUIRE_OK(satchel_order_submit(p.device, &order, &p.error));
    CHECK_INT(phone_int(&p, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_STATUS), SATCHEL_ORDER_STATUS_DRAFT);
    CHECK_STATUS(satchel_order_waits(p.device, &fake_customer, &waits, &p.error), SATCHEL_NOT_FOUND);
    phone_deinit(&p);
}

TEST(sales_verbs, tasks_and_notes) {
    phone p;
    satchel_id done = {{0}};
    satchel_id dropped = {{0}};
    satchel_id note = {{0}};
    phone_ready(&p, 73);
    REQUIRE_OK(satchel_task_add(p.device, satchel_text_of("bring samples"), &fake_customer, NULL, 0, &done, &p.error));
    REQUIRE_OK(satchel_task_add(p.device, satchel_text_of("call"), NULL, NULL, 0, &dropped, &p.error));
    REQUIRE_OK(satchel_task_finish(p.device, &done, &p.error));
    REQUIRE_OK(satchel_task_cancel(p.device, &dropped, &p.error));
    REQUIRE_OK(satchel_note_add(p.device, &fake_customer, SATCHEL_ACTIVITY_KIND_NOTE, satchel_text_of("shelf"),
                                satchel_text_of("wants a new one"), &note, &p.error));
    CHECK_INT(phone_int(&p, SATCHEL_ENTITY_TASK, &done, SATCHEL_TASK_STATUS), SATCHEL_TASK_STATUS_COMPLETED);
    CHECK_INT(phone_int(&p, SATCHEL_ENTITY_TASK, &dropped, SATCHEL_TASK_STATUS), SATCHEL_TASK_STATUS_CANCELLED);
    REQUIRE_OK(phone_sync(&p));
    CHECK_UINT(p.server.units_applied, 5);
    phone_deinit(&p);
}
