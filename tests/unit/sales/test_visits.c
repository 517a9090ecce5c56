/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Visits: planned, begun, ended, cancelled, and what may not happen to them.
 */
#include "unit/sales/fixture.h"

#include <string.h>

static const satchel_fix no_fix = {false, 0, 0, 0, false};
/* 111 metres to the north of the customer. */
static const satchel_fix near_fix = {true, 312314000, 1214737000, 12, false};

static satchel_id check_in(shop *s) {
    satchel_id visit = {{0}};
    REQUIRE_OK(satchel_sales_check_in(&s->sales, &shop_customer, NULL, &near_fix, &visit, &s->error));
    return visit;
}

TEST(visits, check_in_records_time_place_and_distance) {
    shop s;
    shop_open(&s, 1);
    satchel_id visit = check_in(&s);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_STATUS), SATCHEL_VISIT_STATUS_IN_PROGRESS);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_CHECK_IN_AT), SHOP_NOW_MS);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_CHECK_IN_LATITUDE_E7), 312314000);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_CHECK_IN_ACCURACY_M), 12);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_CHECK_IN_DISTANCE_M), 111);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_CHECK_IN_MOCK), 0);
    satchel_record record = shop_read(&s, SATCHEL_ENTITY_VISIT, &visit);
    const satchel_id owner = satchel_record_id(&record, SATCHEL_VISIT_OWNER);
    CHECK_ID(&owner, &shop_rep);
    shop_close(&s);
}

TEST(visits, check_in_without_a_fix_records_that_there_was_none) {
    shop s;
    satchel_id visit = {{0}};
    shop_open(&s, 2);
    REQUIRE_OK(satchel_sales_check_in(&s.sales, &shop_customer, NULL, &no_fix, &visit, &s.error));
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_CHECK_IN_AT), SHOP_NOW_MS);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_CHECK_IN_LATITUDE_E7), INT64_MIN);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_CHECK_IN_DISTANCE_M), INT64_MIN);
    shop_close(&s);
}

TEST(visits, a_simulated_position_is_marked) {
    shop s;
    satchel_id visit = {{0}};
    satchel_fix fix = near_fix;
    fix.mocked = true;
    shop_open(&s, 3);
    REQUIRE_OK(satchel_sales_check_in(&s.sales, &shop_customer, NULL, &fix, &visit, &s.error));
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_CHECK_IN_MOCK), 1);
    shop_close(&s);
}

TEST(visits, one_is_open_at_a_time_and_the_refusal_names_it) {
    shop s;
    char text[SATCHEL_ID_TEXT_BYTES];
    satchel_id second = {{0}};
    shop_open(&s, 4);
    satchel_id first = check_in(&s);
    CHECK_STATUS(satchel_sales_check_in(&s.sales, &shop_customer, NULL, &no_fix, &second, &s.error),
                 SATCHEL_REQUIRED_BEFORE);
    satchel_id_write(&first, text);
    CHECK(strstr(s.error.detail, text) != NULL);
    CHECK(satchel_id_is_none(&second));
    CHECK_UINT(shop_units(&s), 1);
    shop_close(&s);
}

TEST(visits, a_repeated_check_in_with_the_same_id_is_told_apart) {
    shop s;
    shop_open(&s, 5);
    satchel_id visit = check_in(&s);
    CHECK_STATUS(satchel_sales_check_in(&s.sales, &shop_customer, NULL, &near_fix, &visit, &s.error),
                 SATCHEL_ALREADY_EXISTS);
    REQUIRE_OK(
        satchel_sales_check_out(&s.sales, &visit, &no_fix, SATCHEL_VISIT_OUTCOME_ORDER, satchel_text_of(""), &s.error));
    CHECK_STATUS(satchel_sales_check_in(&s.sales, &shop_customer, NULL, &near_fix, &visit, &s.error),
                 SATCHEL_ALREADY_EXISTS);
    shop_close(&s);
}

TEST(visits, check_out_completes_with_an_outcome) {
    shop s;
    shop_open(&s, 6);
    satchel_id visit = check_in(&s);
    s.sales.now_ms += 1800000;
    REQUIRE_OK(satchel_sales_check_out(&s.sales, &visit, &near_fix, SATCHEL_VISIT_OUTCOME_INTERESTED,
                                       satchel_text_of("wants samples"), &s.error));
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_STATUS), SATCHEL_VISIT_STATUS_COMPLETED);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_CHECK_OUT_AT), SHOP_NOW_MS + 1800000);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_CHECK_OUT_DISTANCE_M), 111);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_OUTCOME), SATCHEL_VISIT_OUTCOME_INTERESTED);
    satchel_record record = shop_read(&s, SATCHEL_ENTITY_VISIT, &visit);
    CHECK_TEXT(satchel_record_text(&record, SATCHEL_VISIT_SUMMARY), "wants samples");
    CHECK_STATUS(
        satchel_sales_check_out(&s.sales, &visit, &no_fix, SATCHEL_VISIT_OUTCOME_ORDER, satchel_text_of(""), &s.error),
        SATCHEL_ILLEGAL_STATE);
    shop_close(&s);
}

TEST(visits, facts_and_the_customer_never_share_a_unit) {
    shop s;
    shop_open(&s, 7);
    satchel_id visit = check_in(&s);
    CHECK(!shop_last_touches(&s, SATCHEL_ENTITY_CUSTOMER));
    REQUIRE_OK(satchel_sales_check_out(&s.sales, &visit, &near_fix, SATCHEL_VISIT_OUTCOME_ORDER, satchel_text_of("x"),
                                       &s.error));
    CHECK(!shop_last_touches(&s, SATCHEL_ENTITY_CUSTOMER));
    CHECK(shop_last_touches(&s, SATCHEL_ENTITY_VISIT));
    CHECK_UINT(shop_units(&s), 2);
    shop_close(&s);
}

TEST(visits, a_planned_one_is_begun_once) {
    shop s;
    satchel_id planned = {{0}};
    satchel_id visit = {{0}};
    shop_open(&s, 8);
    REQUIRE_OK(satchel_sales_plan(&s.sales, &shop_customer, 20000, &planned, &s.error));
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_VISIT, &planned, SATCHEL_VISIT_STATUS), SATCHEL_VISIT_STATUS_PLANNED);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_VISIT, &planned, SATCHEL_VISIT_PLANNED_START), INT64_C(20000) * 86400000);
    REQUIRE_OK(satchel_sales_check_in(&s.sales, &shop_customer, &planned, &near_fix, &visit, &s.error));
    CHECK_ID(&visit, &planned);
    CHECK_STATUS(satchel_sales_check_in(&s.sales, &shop_customer, &planned, &near_fix, NULL, &s.error),
                 SATCHEL_ILLEGAL_STATE);
    REQUIRE_OK(satchel_sales_check_out(&s.sales, &planned, &no_fix, SATCHEL_VISIT_OUTCOME_ORDER, satchel_text_of(""),
                                       &s.error));
    CHECK_STATUS(satchel_sales_check_in(&s.sales, &shop_customer, &planned, &near_fix, NULL, &s.error),
                 SATCHEL_ILLEGAL_STATE);
    shop_close(&s);
}

TEST(visits, a_plan_is_for_its_own_customer_and_for_a_day_that_exists) {
    static const struct {
        int64_t day;
        satchel_status status;
    } days[] = {{-1, SATCHEL_OUT_OF_RANGE}, {0, SATCHEL_OK}, {2932896, SATCHEL_OK}, {2932897, SATCHEL_OUT_OF_RANGE}};
    shop s;
    satchel_id planned = {{0}};
    shop_open(&s, 9);
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
        satchel_id id = {{0}};
        test_note("day %lld", (long long)days[i].day);
        CHECK_STATUS(satchel_sales_plan(&s.sales, &shop_customer, days[i].day, &id, &s.error), days[i].status);
    }
    REQUIRE_OK(satchel_sales_plan(&s.sales, &shop_customer, 20000, &planned, &s.error));
    CHECK_STATUS(satchel_sales_check_in(&s.sales, &shop_rep, &planned, &no_fix, NULL, &s.error), SATCHEL_NOT_FOUND);
    CHECK_STATUS(satchel_sales_plan(&s.sales, &shop_rep, 20000, NULL, &s.error), SATCHEL_NOT_FOUND);
    shop_close(&s);
}

TEST(visits, are_cancelled_with_a_reason_unless_they_are_over) {
    shop s;
    satchel_id planned = {{0}};
    shop_open(&s, 10);
    REQUIRE_OK(satchel_sales_plan(&s.sales, &shop_customer, 20000, &planned, &s.error));
    CHECK_STATUS(satchel_sales_cancel(&s.sales, &planned, satchel_text_of(""), &s.error), SATCHEL_REQUIRED_MISSING);
    REQUIRE_OK(satchel_sales_cancel(&s.sales, &planned, satchel_text_of("closed today"), &s.error));
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_VISIT, &planned, SATCHEL_VISIT_STATUS), SATCHEL_VISIT_STATUS_CANCELLED);
    CHECK_STATUS(satchel_sales_cancel(&s.sales, &planned, satchel_text_of("again"), &s.error), SATCHEL_ILLEGAL_STATE);
    CHECK_STATUS(satchel_sales_check_out(&s.sales, &planned, &no_fix, 1, satchel_text_of(""), &s.error),
                 SATCHEL_ILLEGAL_STATE);
    shop_close(&s);
}

TEST(visits, a_position_must_lie_on_earth) {
    static const satchel_fix fixes[] = {{true, 900000001, 0, 1, false}, {true, 0, 1800000001, 1, false}};
    shop s;
    shop_open(&s, 11);
    for (size_t i = 0; i < sizeof fixes / sizeof fixes[0]; i++) {
        test_note("fix %zu", i);
        CHECK_STATUS(satchel_sales_check_in(&s.sales, &shop_customer, NULL, &fixes[i], NULL, &s.error),
                     SATCHEL_OUT_OF_RANGE);
    }
    CHECK_UINT(shop_units(&s), 0);
    shop_close(&s);
}

TEST(visits, an_outcome_is_one_of_its_choices) {
    shop s;
    shop_open(&s, 12);
    satchel_id visit = check_in(&s);
    CHECK_STATUS(satchel_sales_check_out(&s.sales, &visit, &no_fix, 62, satchel_text_of(""), &s.error),
                 SATCHEL_OUT_OF_RANGE);
    CHECK_INT(shop_int(&s, SATCHEL_ENTITY_VISIT, &visit, SATCHEL_VISIT_STATUS), SATCHEL_VISIT_STATUS_IN_PROGRESS);
    shop_close(&s);
}
