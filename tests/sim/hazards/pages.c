/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hazards of pages: what changes while a phone is being sent rows one page after another.
 */
#include "sim/hazards/hazard.h"

#include "base/text.h"
#include "service/tombstone.h"

#include <inttypes.h>

#define MANY 1500
#define DAY_MINUTES 1440
#define AWAY_DAYS (2 * SATCHEL_HORIZON_LEASE_DAYS)
#define TIDY_STEPS_MOST 100
#define TRACES "SELECT count(*) FROM membership WHERE present = 0"
#define OLD_TRACES TRACES " AND last_n <= (SELECT pruned_n FROM horizon)"
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

static satchel_status tidy(hazard *on, void *context) {
    return satchel_service_tidy(on->here->service, on->here->db, context, NULL);
}

/* What idle servers do, until nothing is left to do. */
static void office_tidies(hazard *on) {
    bool left = true;
    satchel_status status = SATCHEL_OK;
    for (uint32_t steps = 0; status == SATCHEL_OK && left && steps < TIDY_STEPS_MOST; steps++) {
        status = hazard_write_with(on, tidy, &left);
    }
    hazard_tell(on, "The server forgets what everybody has heard who still calls.");
    hazard_expect(on, status == SATCHEL_OK && !left, "it comes to no end: %s.", satchel_status_text(status, "en"));
}

/* Once the phone has begun anew it is the digest that finds what it holds too much. The judge wants none in a story. */
static satchel_status forget_repairs(hazard *on, void *context) {
    (void)context;
    return SATCHEL_DB_RUN(on->here->db, NULL, "UPDATE metric SET value = 0 WHERE name = ?1",
                          satchel_value_text(satchel_text_of("digest_repairs")));
}

static void repaired(hazard *on) {
    int64_t times = hazard_server_number(on, "SELECT value FROM metric WHERE name = 'digest_repairs'");
    hazard_tell(on, "Anna's phone asked by its digest what it holds too much: %" PRId64 " request.", times);
    hazard_expect(on, times == 1 && hazard_write_with(on, forget_repairs, NULL) == SATCHEL_OK, "it was to ask once.");
}

static void horizon_passed(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    const hazard_row *tiger = &on->shops[TIGER];
    hazard_row task =
        hazard_create(on, ANNA, SATCHEL_ENTITY_TASK, "the task", NULL, 0, SATCHEL_TASK_TITLE, "Look at the shelf");
    hazard_settle(on);
    hazard_edit(on, ANNA, tiger, SATCHEL_CUSTOMER_NOTE, "Ask for Mrs Wu");
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "Moves in May");
    hazard_row order = hazard_order(on, ANNA, "the order", tiger);
    hazard_line(on, ANNA, "a line of tea", &order, 2, 1250);
    hazard_office_gives(on, lotus, BORIS);
    hazard_office_delete(on, &task);
    hazard_tell(on, "Anna's phone lies in a drawer for more than two years; then the others call on two days.");
    hazard_pass(on, AWAY_DAYS * DAY_MINUTES);
    for (int day = 0; day < 2; day++) {
        hazard_pass(on, DAY_MINUTES);
        hazard_sync(on, BORIS);
        hazard_sync(on, MONA);
    }
    hazard_expect(on, hazard_server_number(on, TRACES) > 0, "there was to be a trace of what left.");
    office_tidies(on);
    hazard_expect(
        on, hazard_server_number(on, OLD_TRACES) == 0 && hazard_server_number(on, "SELECT pruned_n FROM horizon") > 0,
        "no trace of what left then was to stay.");
    hazard_forbid(on, ANNA, "Boris only");
    hazard_office_edit(on, lotus, SATCHEL_CUSTOMER_NOTE, "Boris only");
    hazard_sync(on, ANNA);
    hazard_settle(on);
    hazard_server_shows(on, tiger, SATCHEL_CUSTOMER_NOTE, "Ask for Mrs Wu");
    hazard_server_shows(on, &order, SATCHEL_ORDER_TOTAL_MINOR, "2500");
    hazard_lists(on, ANNA, SATCHEL_REASON_REFUSED, 1);
    hazard_expect(on, hazard_server_number(on, "SELECT count(*) FROM kept_unit") == 1, "one unit was to be kept.");
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, NULL);
    hazard_shows(on, ANNA, &task, SATCHEL_TASK_TITLE, NULL);
    hazard_holds(on, ANNA, SATCHEL_ENTITY_CUSTOMER, 1);
    repaired(on);
    hazard_why(on, "Nobody can tell her phone any more what left and went, so it is told to begin anew: what it had to"
                   " send is taken first, and then it is filled as a new one is. That Lotus was hers nobody remembers,"
                   " so her note is refused; its bytes are kept, and her phone lists it.");
}

const hazard_story hazard_stories_pages[] = {
    {"row_changes_in_snapshot", "Rows change before and behind the place that a snapshot has reached.",
     row_changes_in_snapshot, false},
    {"plan_changes_in_snapshot", "The plan of the day changes while a phone is still being filled.",
     plan_changes_in_snapshot, true},
    {"leaves_and_reenters", "A row leaves and comes back between two pages.", leaves_and_reenters, false},
    {"scope_lost_in_snapshot", "A scope is lost while its rows are still coming.", scope_lost_in_snapshot, false},
    {"horizon_passed", "A phone is away for longer than the server remembers what left.", horizon_passed, false},
    {NULL, NULL, NULL, false},
};
