/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hazards of pages: what changes while a phone is being sent rows one page after another.
 */
#include "sim/hazards/hazard.h"

#include "base/text.h"

#define MANY 1500
#define MARKETING (UINT64_C(1) << SATCHEL_ROLE_MARKETING)
#define REP (UINT64_C(1) << SATCHEL_ROLE_REP)

/* Anna's phone has begun the snapshot of every customer, and has the first page. */
static void begin_snapshot(hazard *on) {
    hazard_office_many(on, SATCHEL_ENTITY_CUSTOMER, MANY, "Shop", SATCHEL_CUSTOMER_NAME, SATCHEL_CUSTOMER_OWNER, BORIS);
    hazard_office_roles(on, ANNA, REP | MARKETING, "a marketing person as well, who reads every customer");
    hazard_ask(on, ANNA, HAZARD_FINE);
    hazard_tell(on, "Anna's phone has the first page of %d shops.", MANY);
    hazard_expect(on, hazard_info(on, ANNA).rows < MANY, "more than one page was to come.");
}

/* The number-th of the many. */
static hazard_row shop_of(hazard *on, const char *name) {
    hazard_row row = {.name = name, .entity = SATCHEL_ENTITY_CUSTOMER};
    satchel_db_statement *statement = NULL;
    const satchel_value wanted = satchel_value_text(satchel_text_of(name));
    bool found = false;
    satchel_status status = satchel_db_begin(on->here->db, SATCHEL_DB_READ, NULL);
    if (status == SATCHEL_OK) {
        status =
            satchel_db_start(&statement, on->here->db, "SELECT id FROM customer WHERE name = ?1", &wanted, 1, NULL);
    }
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, NULL);
    }
    if (status == SATCHEL_OK && found) {
        row.id = satchel_db_id(statement, 0);
    }
    satchel_db_end(statement);
    satchel_db_rollback(on->here->db);
    hazard_expect(on, found, "there is no %s.", name);
    return row;
}

static void row_changes_in_snapshot(hazard *on) {
    begin_snapshot(on);
    hazard_row first = shop_of(on, "Shop 1");
    hazard_row middle = shop_of(on, "Shop 700");
    hazard_row last = shop_of(on, "Shop 1500");
    hazard_office_edit(on, &first, SATCHEL_CUSTOMER_CITY, "Ningbo");
    hazard_ask(on, ANNA, HAZARD_FINE);
    hazard_office_edit(on, &middle, SATCHEL_CUSTOMER_CITY, "Suzhou");
    hazard_office_edit(on, &last, SATCHEL_CUSTOMER_CITY, "Wuxi");
    hazard_ask(on, ANNA, HAZARD_ANSWER_LOST);
    hazard_office_edit(on, &first, SATCHEL_CUSTOMER_CITY, "Hangzhou");
    hazard_settle(on);
    hazard_holds(on, ANNA, SATCHEL_ENTITY_CUSTOMER, MANY + HAZARD_SHOPS);
    hazard_shows(on, ANNA, &first, SATCHEL_CUSTOMER_CITY, "Hangzhou");
    hazard_shows(on, ANNA, &middle, SATCHEL_CUSTOMER_CITY, "Suzhou");
    hazard_shows(on, ANNA, &last, SATCHEL_CUSTOMER_CITY, "Wuxi");
    hazard_why(on, "What changes behind the snapshot's place comes with the changes, what changes before it comes with"
                   " the snapshot or with both; a row is stored whole, so twice does no harm.");
}

static void plan_changes_in_snapshot(hazard *on) {
    begin_snapshot(on);
    hazard_row visit = hazard_visit_plan(on, TABLET, "the visit", &on->shops[TIGER], 0);
    hazard_sync(on, TABLET);
    hazard_ask(on, ANNA, HAZARD_FINE);
    hazard_visit_cancel(on, TABLET, &visit, "closed today");
    hazard_row other = hazard_visit_plan(on, TABLET, "another visit", &on->shops[LOTUS], 0);
    hazard_sync(on, TABLET);
    hazard_settle(on);
    hazard_shows(on, ANNA, &visit, SATCHEL_VISIT_STATUS, "cancelled");
    hazard_shows(on, ANNA, &other, SATCHEL_VISIT_STATUS, "planned");
    hazard_holds(on, ANNA, SATCHEL_ENTITY_CUSTOMER, MANY + HAZARD_SHOPS);
    hazard_why(on, "The order of a snapshot was fixed when it began; a plan that changes meanwhile travels as a change"
                   " and moves nothing in that order.");
}

static void leaves_and_reenters(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    begin_snapshot(on);
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "Opens at ten");
    hazard_office_roles(on, ANNA, REP, "a rep and nothing else");
    hazard_office_gives(on, lotus, BORIS);
    hazard_office_gives(on, lotus, ANNA);
    hazard_ask(on, ANNA, HAZARD_FINE);
    hazard_office_roles(on, ANNA, REP | MARKETING, "a marketing person again");
    hazard_ask(on, ANNA, HAZARD_ANSWER_LOST);
    hazard_settle(on);
    hazard_holds(on, ANNA, SATCHEL_ENTITY_CUSTOMER, MANY + HAZARD_SHOPS);
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_NAME, "Lotus");
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_NOTE, "Opens at ten");
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "Opens at ten");
    hazard_why(on, "A row that has entered behind the phone's position comes whole, whatever happened to it between;"
                   " and as Lotus is Anna's again when her note arrives, the note is let in.");
}

static void scope_lost_in_snapshot(hazard *on) {
    begin_snapshot(on);
    hazard_office_roles(on, ANNA, REP, "a rep and nothing else");
    hazard_ask(on, ANNA, HAZARD_FINE);
    hazard_settle(on);
    hazard_holds(on, ANNA, SATCHEL_ENTITY_CUSTOMER, 2);
    hazard_why(on, "The scope is gone in one short message, with the rows of it that had come already; the unfinished"
                   " snapshot ends with it.");
}

const hazard_story hazard_stories_pages[] = {
    {"row_changes_in_snapshot", "Rows change before and behind the place that a snapshot has reached.",
     row_changes_in_snapshot, false},
    {"plan_changes_in_snapshot", "The plan of the day changes while a phone is still being filled.",
     plan_changes_in_snapshot, true},
    {"leaves_and_reenters", "A row leaves and comes back between two pages.", leaves_and_reenters, false},
    {"scope_lost_in_snapshot", "A scope is lost while its rows are still coming.", scope_lost_in_snapshot, false},
    {NULL, NULL, NULL, false},
};
