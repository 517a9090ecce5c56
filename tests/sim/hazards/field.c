/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hazards of work in the field: visits that are called off and done, plans made twice, lines that come too late, one
 * shop found by two reps.
 */
#include "sim/hazards/hazard.h"

#include <satchel/sales.h>

static void cancelled_and_completed(hazard *on) {
    hazard_row visit = hazard_visit_plan(on, ANNA, "the visit", &on->shops[LOTUS], 0);
    hazard_settle(on);
    hazard_check_in(on, ANNA, "the visit", &on->shops[LOTUS], &visit);
    hazard_visit_cancel(on, MONA, &visit, "Not worth the way");
    hazard_check_out(on, ANNA, &visit, "Sold tea");
    hazard_sync(on, MONA);
    hazard_server_shows(on, &visit, SATCHEL_VISIT_STATUS, "cancelled");
    hazard_sync(on, ANNA);
    hazard_settle(on);
    hazard_server_shows(on, &visit, SATCHEL_VISIT_STATUS, "completed");
    hazard_server_shows(on, &visit, SATCHEL_VISIT_SUMMARY, "Sold tea");
    hazard_shows(on, MONA, &visit, SATCHEL_VISIT_STATUS, "completed");
    hazard_server_lists(on, SATCHEL_ENTITY_CONFLICT, 2, "conflicts");
    hazard_why(on, "What was done in the field, with a check-in, stands over what was called off at the office. Both"
                   " turns are listed: that the check-in met a cancelled visit, and that the cancellation lost.");
}

static void completed_then_cancelled(hazard *on) {
    hazard_row visit = hazard_visit_plan(on, ANNA, "the visit", &on->shops[LOTUS], 0);
    hazard_settle(on);
    hazard_check_in(on, ANNA, "the visit", &on->shops[LOTUS], &visit);
    hazard_check_out(on, ANNA, &visit, "Sold tea");
    hazard_visit_cancel(on, MONA, &visit, "Not worth the way");
    hazard_sync(on, ANNA);
    hazard_sync(on, MONA);
    hazard_settle(on);
    hazard_server_shows(on, &visit, SATCHEL_VISIT_STATUS, "completed");
    hazard_server_lists(on, SATCHEL_ENTITY_CONFLICT, 1, "conflicts");
    hazard_why(on, "The order of arrival does not matter.");
}

/* Both devices make today's visit from the same plan, and so under the same id. */
static void make_from_plan(hazard *on, uint32_t phone, hazard_row *visit) {
    hazard_pass(on, 1);
    hazard_tell(on, "%s makes today's visit to Lotus from the plan.", hazard_phone_name(on, phone));
    satchel_status status = satchel_visit_plan(on->here->phones[phone].device, &on->shops[LOTUS].id,
                                               on->here->now_ms / 86400000, &visit->id, NULL);
    hazard_expect(on, status == SATCHEL_OK, "the phone refuses: %s.", satchel_status_text(status, "en"));
}

static void plan_regenerated(hazard *on) {
    hazard_row visit = {"the visit", SATCHEL_ENTITY_VISIT, {{0x42, 0x17, 0x42, 0x17}}};
    make_from_plan(on, ANNA, &visit);
    make_from_plan(on, TABLET, &visit);
    hazard_check_in(on, ANNA, "the visit", &on->shops[LOTUS], &visit);
    hazard_check_out(on, ANNA, &visit, "Sold tea");
    hazard_sync(on, ANNA);
    hazard_sync(on, TABLET);
    hazard_settle(on);
    hazard_holds(on, ANNA, SATCHEL_ENTITY_VISIT, 1);
    hazard_holds(on, TABLET, SATCHEL_ENTITY_VISIT, 1);
    hazard_shows(on, TABLET, &visit, SATCHEL_VISIT_STATUS, "completed");
    hazard_lists(on, TABLET, SATCHEL_REASON_REFUSED, 0);
    hazard_why(on, "One plan and one day give one id, so the two are one visit; that it was planned once more does not"
                   " undo that it was done.");
}

static void late_line(hazard *on) {
    hazard_row order = hazard_order(on, ANNA, "the order", &on->shops[LOTUS]);
    hazard_line(on, ANNA, "a line of tea", &order, 3, 1250);
    hazard_settle(on);
    hazard_row rice = hazard_line(on, TABLET, "a line of rice", &order, 1, 50);
    hazard_submit(on, ANNA, &order);
    hazard_sync(on, ANNA);
    hazard_sync(on, TABLET);
    hazard_settle(on);
    hazard_server_shows(on, &order, SATCHEL_ORDER_TOTAL_MINOR, "3750");
    hazard_server_shows(on, &rice, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, NULL);
    hazard_lists(on, TABLET, SATCHEL_REASON_REFUSED, 1);
    hazard_shows(on, TABLET, &order, SATCHEL_ORDER_STATUS, "submitted");
    hazard_why(on, "A submitted order stands as it was agreed; the line is refused, and kept on the tablet for whoever"
                   " wrote it.");
}

static void one_shop_twice(hazard *on) {
    hazard_row annas =
        hazard_create(on, ANNA, SATCHEL_ENTITY_CUSTOMER, "Anna's Dragon", NULL, 0, SATCHEL_CUSTOMER_NAME, "Dragon");
    hazard_row boriss =
        hazard_create(on, BORIS, SATCHEL_ENTITY_CUSTOMER, "Boris's Dragon", NULL, 0, SATCHEL_CUSTOMER_NAME, "Dragon");
    hazard_row visit = hazard_check_in(on, BORIS, "the visit", &boriss, NULL);
    hazard_check_out(on, BORIS, &visit, "Wants tea");
    hazard_forbid(on, ANNA, "Wants tea");
    hazard_sync(on, ANNA);
    hazard_sync(on, BORIS);
    hazard_settle(on);
    hazard_server_shows(on, &annas, SATCHEL_CUSTOMER_NAME, "Dragon");
    hazard_server_shows(on, &boriss, SATCHEL_CUSTOMER_NAME, "Dragon");
    hazard_holds(on, MONA, SATCHEL_ENTITY_CUSTOMER, 5);
    hazard_why(on, "Two reps who cannot see each other's customers make one shop twice; both rows stand with what hangs"
                   " on them, until somebody who sees both joins them.");
}

const hazard_story hazard_stories_field[] = {
    {"cancelled_and_completed", "A visit is called off at the office while the rep is making it.",
     cancelled_and_completed, false},
    {"completed_then_cancelled", "The same, and the rep's phone is the first to sync.", completed_then_cancelled,
     false},
    {"plan_regenerated", "Two devices of one rep make the day's visit from one plan, both offline.", plan_regenerated,
     true},
    {"late_line", "A line for an order that was submitted meanwhile.", late_line, true},
    {"one_shop_twice", "Two reps make one shop.", one_shop_twice, false},
    {NULL, NULL, NULL, false},
};
