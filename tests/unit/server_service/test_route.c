/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of a snapshot: the customers of today's route first, as it was when the snapshot began, then all others;
 * each row once, wherever pages end and replies are lost, and whatever becomes of the plan meanwhile.
 */
#include "service/route.h"
#include "support/server_service/stage.h"

#include "base/ids.h"
#include "base/text.h"
#include "base/times.h"

#include <stdio.h>

#define SHOPS 60u
#define STOPS 3u
#define CONTACTS 14u /* of each stop: more than a page holds, which is 1 KiB at least */

typedef struct round_trip {
    stage here;
    satchel_id li, plan;
    satchel_id shops[SHOPS];
    satchel_id stops[STOPS];
    phone mine;
} round_trip;

static const uint32_t route[STOPS] = {41, 7, 30};

static satchel_id make_plan(round_trip *all, int64_t from) {
    satchel_record plan = stage_record(&all->here);
    REQUIRE_OK(satchel_record_set_text(&plan, SATCHEL_VISIT_PLAN_NAME, satchel_text_of("Round")));
    REQUIRE_OK(satchel_record_set_id(&plan, SATCHEL_VISIT_PLAN_OWNER, &all->li));
    REQUIRE_OK(satchel_record_set_int(&plan, SATCHEL_VISIT_PLAN_RULE, SATCHEL_PLAN_RULE_EVERY_DAYS));
    REQUIRE_OK(satchel_record_set_int(&plan, SATCHEL_VISIT_PLAN_EVERY_DAYS, 7));
    REQUIRE_OK(satchel_record_set_int(&plan, SATCHEL_VISIT_PLAN_VALID_FROM, from));
    return stage_create(&all->here, SATCHEL_ENTITY_VISIT_PLAN, &plan).id;
}

static satchel_id make_stop(round_trip *all, uint32_t shop, int64_t position) {
    satchel_record stop = stage_record(&all->here);
    REQUIRE_OK(satchel_record_set_id(&stop, SATCHEL_PLAN_STOP_PLAN, &all->plan));
    REQUIRE_OK(satchel_record_set_id(&stop, SATCHEL_PLAN_STOP_CUSTOMER, &all->shops[shop]));
    REQUIRE_OK(satchel_record_set_int(&stop, SATCHEL_PLAN_STOP_POSITION, position));
    return stage_create(&all->here, SATCHEL_ENTITY_PLAN_STOP, &stop).id;
}

static void make_contact(round_trip *all, uint32_t shop, const char *name) {
    satchel_record contact = stage_record(&all->here);
    REQUIRE_OK(satchel_record_set_text(&contact, SATCHEL_CONTACT_NAME, satchel_text_of(name)));
    REQUIRE_OK(satchel_record_set_id(&contact, SATCHEL_CONTACT_CUSTOMER, &all->shops[shop]));
    stage_create(&all->here, SATCHEL_ENTITY_CONTACT, &contact);
}

static void make_visit(round_trip *all, uint32_t shop, int64_t planned_ms) {
    satchel_record visit = stage_record(&all->here);
    REQUIRE_OK(satchel_record_set_id(&visit, SATCHEL_VISIT_CUSTOMER, &all->shops[shop]));
    REQUIRE_OK(satchel_record_set_id(&visit, SATCHEL_VISIT_OWNER, &all->li));
    REQUIRE_OK(satchel_record_set_int(&visit, SATCHEL_VISIT_STATUS, SATCHEL_VISIT_STATUS_PLANNED));
    REQUIRE_OK(satchel_record_set_time(&visit, SATCHEL_VISIT_PLANNED_START, planned_ms));
    stage_create(&all->here, SATCHEL_ENTITY_VISIT, &visit);
}

static void set_up(round_trip *all, uint32_t page_bytes) {
    stage_open(&all->here, NULL, 61);
    all->li = stage_user(&all->here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    for (uint32_t i = 0; i < SHOPS; i++) {
        char name[128];
        snprintf(name, sizeof name, "Shop %u of a long name, so that a page, which is 1 KiB at least, has few",
                 (unsigned)i);
        all->shops[i] = stage_customer(&all->here, name, &all->li, NULL);
    }
    all->plan = make_plan(all, stage_today(&all->here) - 14);
    for (uint32_t i = 0; i < STOPS; i++) {
        all->stops[i] = make_stop(all, route[i], i + 1);
        for (uint32_t c = 0; c < CONTACTS; c++) {
            make_contact(all, route[i], "Chen, who has the keys, and is there in the morning, but never on Mondays");
        }
    }
    phone_enrol(&all->mine, &all->here, &all->li);
    all->mine.page_bytes = page_bytes;
}

static void tear_down(round_trip *all) {
    CHECK_TEXT(all->mine.complaint, "");
    phone_close(&all->mine);
    stage_close(&all->here);
}

/* The shops in the order in which they came; the phone lists rows as they arrive. */
static uint32_t came(const round_trip *all, uint32_t *out) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < all->mine.row_count; i++) {
        for (uint32_t s = 0; s < SHOPS && all->mine.rows[i]->entity == SATCHEL_ENTITY_CUSTOMER; s++) {
            if (satchel_id_equal(&all->mine.rows[i]->id, &all->shops[s])) {
                out[count++] = s;
            }
        }
    }
    return count;
}

/* Rows of an entity in all answers, each time that one came. */
static uint32_t sent(round_trip *all, uint32_t entity) {
    uint32_t count = 0;
    satchel_reader reader = satchel_reader_of(satchel_buffer_view(&all->mine.wire));
    while (satchel_reader_left(&reader) > 0) {
        satchel_answer_frame frame;
        REQUIRE_OK(satchel_answer_read(&reader, &all->here.arena, &frame, NULL));
        count += frame.kind == SATCHEL_FRAME_ROW && frame.as.row.entity == entity ? 1 : 0;
    }
    return count;
}

static void check_complete(round_trip *all) {
    uint32_t order[SHOPS];
    REQUIRE_UINT(came(all, order), SHOPS);
    for (uint32_t i = 0; i < STOPS; i++) {
        CHECK_UINT(order[i], route[i]);
    }
    for (uint32_t i = STOPS + 1; i < SHOPS; i++) {
        CHECK(satchel_id_compare(&all->shops[order[i - 1]], &all->shops[order[i]]) < 0);
    }
    CHECK_UINT(sent(all, SATCHEL_ENTITY_CUSTOMER), SHOPS);
    CHECK_UINT(sent(all, SATCHEL_ENTITY_CONTACT), STOPS * CONTACTS);
    CHECK_UINT(all->mine.rows_done, all->mine.rows_total);
}

TEST(route, todays_customers_come_first_with_all_that_hangs_on_them_wherever_pages_end) {
    for (uint32_t bytes = 300; bytes <= 9000; bytes += bytes / 3) {
        round_trip all;
        set_up(&all, bytes);
        phone_sync(&all.mine);
        check_complete(&all);
        CHECK(all.mine.rows[0]->entity == SATCHEL_ENTITY_CUSTOMER);
        CHECK(all.mine.rows[1]->entity == SATCHEL_ENTITY_CONTACT && all.mine.rows[2]->entity == SATCHEL_ENTITY_CONTACT);
        CHECK_UINT(phone_count(&all.mine, SATCHEL_ENTITY_PLAN_STOP), STOPS);
        tear_down(&all);
    }
}

TEST(route, a_snapshot_goes_on_where_it_was_after_every_lost_reply) {
    round_trip all;
    set_up(&all, 400);
    do {
        phone_exchange(&all.mine, PHONE_LOSE_REPLY);
        REQUIRE_STATUS(phone_exchange(&all.mine, PHONE_GOOD_LUCK), SATCHEL_OK);
    } while (all.mine.more);
    check_complete(&all);
    tear_down(&all);
}

/* Hazard: the plan changes during a snapshot. The list is that of its beginning. */
TEST(route, a_plan_that_changes_during_the_snapshot_changes_no_order_and_loses_no_row) {
    for (int after = 1; after <= 12; after++) {
        round_trip all;
        set_up(&all, 300);
        for (int page = 0; page < after; page++) {
            REQUIRE_STATUS(phone_exchange(&all.mine, PHONE_GOOD_LUCK), SATCHEL_OK);
        }
        satchel_record moved = stage_record(&all.here);
        REQUIRE_OK(satchel_record_set_id(&moved, SATCHEL_PLAN_STOP_CUSTOMER, &all.shops[55]));
        stage_edit(&all.here, SATCHEL_ENTITY_PLAN_STOP, &all.stops[2], &moved);
        make_stop(&all, 58, 1);
        make_visit(&all, 59, all.here.now_ms + 1000);
        phone_sync(&all.mine);
        check_complete(&all);
        CHECK_UINT(phone_count(&all.mine, SATCHEL_ENTITY_PLAN_STOP), STOPS + 1);
        CHECK_UINT(phone_count(&all.mine, SATCHEL_ENTITY_VISIT), 1);
        tear_down(&all);
    }
}

TEST(route, what_changes_behind_the_snapshot_comes_again_and_what_lies_ahead_waits) {
    for (uint32_t i = 0; i < 4; i++) {
        static const uint32_t changed[] = {41, 7, 30, 50}; /* passed, in hand, ahead on the route, ahead behind it */
        round_trip all;
        set_up(&all, 300);
        const satchel_id *shop = &all.shops[changed[i]];
        while (came(&all, (uint32_t[SHOPS]){0}) < 2) {
            REQUIRE_STATUS(phone_exchange(&all.mine, PHONE_GOOD_LUCK), SATCHEL_OK);
        }
        bool is_here = phone_find(&all.mine, SATCHEL_ENTITY_CUSTOMER, shop) != NULL;
        CHECK(is_here == (i < 2));
        CHECK(phone_count(&all.mine, SATCHEL_ENTITY_CONTACT) < 2 * CONTACTS);
        stage_pass(&all.here, 5000); /* the new contact's id is behind those of the others */
        stage_edit_text(&all.here, SATCHEL_ENTITY_CUSTOMER, shop, SATCHEL_CUSTOMER_CITY, "Wuxi");
        make_contact(&all, changed[i], "New");
        phone_sync(&all.mine);
        CHECK_UINT(sent(&all, SATCHEL_ENTITY_CUSTOMER), SHOPS + (is_here ? 1 : 0));
        CHECK_UINT(sent(&all, SATCHEL_ENTITY_CONTACT), STOPS * CONTACTS + 1);
        CHECK(satchel_text_is(phone_text(&all.mine, SATCHEL_ENTITY_CUSTOMER, shop, SATCHEL_CUSTOMER_CITY), "Wuxi"));
        tear_down(&all);
    }
}

TEST(route, a_customer_of_the_route_that_leaves_goes_and_comes_back_whole) {
    round_trip all;
    set_up(&all, 300);
    satchel_id wang = stage_user(&all.here, "wang", SATCHEL_ROLE_REP, NULL, NULL);
    while (came(&all, (uint32_t[SHOPS]){0}) < 2) {
        REQUIRE_STATUS(phone_exchange(&all.mine, PHONE_GOOD_LUCK), SATCHEL_OK);
    }
    stage_reassign(&all.here, &all.shops[route[0]], &wang);
    REQUIRE_STATUS(phone_exchange(&all.mine, PHONE_GOOD_LUCK), SATCHEL_OK);
    CHECK(phone_find(&all.mine, SATCHEL_ENTITY_CUSTOMER, &all.shops[route[0]]) == NULL);
    stage_reassign(&all.here, &all.shops[route[0]], &all.li);
    phone_sync(&all.mine);
    CHECK_UINT(phone_count(&all.mine, SATCHEL_ENTITY_CUSTOMER), SHOPS);
    CHECK_UINT(phone_count(&all.mine, SATCHEL_ENTITY_CONTACT), STOPS * CONTACTS);
    tear_down(&all);
}

TEST(route, a_page_has_as_many_rows_as_the_phone_takes_and_its_last_aggregate_whole) {
    for (uint32_t rows = 1; rows <= 2 * CONTACTS; rows += 3) {
        round_trip all;
        set_up(&all, 1 << 20);
        all.mine.page_rows = rows;
        uint32_t before = 0;
        do {
            REQUIRE_STATUS(phone_exchange(&all.mine, PHONE_GOOD_LUCK), SATCHEL_OK);
            uint32_t came_now = all.mine.row_count - before;
            CHECK(came_now <= rows - 1 + 1 + CONTACTS);
            CHECK(came_now >= rows || !all.mine.more);
            before = all.mine.row_count;
        } while (all.mine.more);
        check_complete(&all);
        tear_down(&all);
    }
}

TEST(route, the_cursor_names_no_customer_that_the_user_never_had) {
    round_trip all;
    satchel_cursor cursor;
    set_up(&all, 300);
    satchel_id wang = stage_user(&all.here, "wang", SATCHEL_ROLE_REP, NULL, NULL);
    stage_reassign(&all.here, &all.shops[route[1]], &wang); /* and is a stop of Li's plan all the same */
    REQUIRE_STATUS(phone_exchange(&all.mine, PHONE_GOOD_LUCK), SATCHEL_OK);
    REQUIRE_OK(satchel_cursor_read(satchel_bytes_of(all.mine.cursor, all.mine.cursor_bytes), &cursor, NULL));
    CHECK_UINT(cursor.route_count, STOPS - 1);
    CHECK(satchel_id_equal(&cursor.route[0], &all.shops[route[0]]));
    CHECK(satchel_id_equal(&cursor.route[1], &all.shops[route[2]]));
    tear_down(&all);
}

static uint32_t list_route(round_trip *all, satchel_id out[SATCHEL_CURSOR_ROUTE_MOST]) {
    uint32_t count = 0;
    REQUIRE_OK(satchel_db_begin(all->here.db, SATCHEL_DB_READ, NULL));
    REQUIRE_OK(satchel_route_of(all->here.service, all->here.db, &all->li, out, &count, NULL));
    satchel_db_rollback(all->here.db);
    return count;
}

TEST(route, visits_and_stops_are_merged_by_time_each_customer_once) {
    round_trip all;
    satchel_id found[SATCHEL_CURSOR_ROUTE_MOST];
    set_up(&all, 300);
    make_visit(&all, 2, all.here.now_ms + SATCHEL_MS_PER_DAY);
    make_visit(&all, 5, all.here.now_ms + SATCHEL_MS_PER_DAY / 2);
    make_visit(&all, 7, all.here.now_ms + 2 * SATCHEL_MS_PER_DAY); /* a stop of today's, too */
    make_visit(&all, 9, all.here.now_ms - 3 * SATCHEL_MS_PER_DAY); /* over */
    static const uint32_t expected[] = {41, 7, 30, 5, 2};
    REQUIRE_UINT(list_route(&all, found), 5);
    for (uint32_t i = 0; i < 5; i++) {
        CHECK(satchel_id_equal(&found[i], &all.shops[expected[i]]));
    }
    tear_down(&all);
}

TEST(route, a_route_has_so_many_customers_at_most) {
    round_trip all;
    satchel_id found[SATCHEL_CURSOR_ROUTE_MOST];
    set_up(&all, 300);
    for (uint32_t i = 0; i < SHOPS; i++) {
        make_visit(&all, i, all.here.now_ms + i);
    }
    CHECK_UINT(list_route(&all, found), SHOPS);
    for (uint32_t i = 0; i <= SATCHEL_CURSOR_ROUTE_MOST - SHOPS; i++) {
        all.shops[0] = stage_customer(&all.here, "One more", &all.li, NULL);
        make_visit(&all, 0, all.here.now_ms + SATCHEL_MS_PER_DAY);
    }
    CHECK_UINT(list_route(&all, found), SATCHEL_CURSOR_ROUTE_MOST);
    tear_down(&all);
}

TEST(route, a_cursor_holds_so_many_customers_and_no_more) {
    satchel_cursor cursor = {.epoch = 1, .snapshot_count = 1, .route_count = SATCHEL_CURSOR_ROUTE_MOST};
    satchel_cursor again;
    satchel_buffer bytes = {NULL, 0, 0};
    cursor.route_at = 5;
    cursor.route[SATCHEL_CURSOR_ROUTE_MOST - 1].bytes[0] = 9;
    REQUIRE_OK(satchel_cursor_write(&cursor, &bytes));
    CHECK(bytes.bytes <= SATCHEL_LIMIT_CURSOR_BYTES);
    REQUIRE_OK(satchel_cursor_read(satchel_buffer_view(&bytes), &again, NULL));
    CHECK_UINT(again.route_count, SATCHEL_CURSOR_ROUTE_MOST);
    CHECK_UINT(again.route_at, 5);
    CHECK_UINT(again.route[SATCHEL_CURSOR_ROUTE_MOST - 1].bytes[0], 9);
    size_t count_at = bytes.bytes - SATCHEL_CURSOR_ROUTE_MOST * SATCHEL_ID_BYTES - 2;
    REQUIRE_UINT(bytes.data[count_at], SATCHEL_CURSOR_ROUTE_MOST);
    static const uint8_t wrong[] = {0, 4, SATCHEL_CURSOR_ROUTE_MOST - 1, SATCHEL_CURSOR_ROUTE_MOST + 1};
    for (size_t i = 0; i < sizeof wrong; i++) {
        bytes.data[count_at] = wrong[i];
        CHECK_STATUS(satchel_cursor_read(satchel_buffer_view(&bytes), &again, NULL), SATCHEL_STALE_CURSOR);
    }
    satchel_buffer_deinit(&bytes);
}

TEST(route, a_plan_is_due_by_its_rule) {
    static const struct {
        satchel_plan_terms plan;
        int64_t today, due; /* -1: never */
    } cases[] = {
        {{SATCHEL_PLAN_RULE_EVERY_DAYS, 7, 0, 0, 100, INT64_MAX}, 114, 114},
        {{SATCHEL_PLAN_RULE_EVERY_DAYS, 7, 0, 0, 100, INT64_MAX}, 115, 121},
        {{SATCHEL_PLAN_RULE_EVERY_DAYS, 7, 0, 0, 100, 120}, 115, -1},
        {{SATCHEL_PLAN_RULE_EVERY_DAYS, 0, 0, 0, 100, INT64_MAX}, 115, 115},
        {{SATCHEL_PLAN_RULE_EVERY_DAYS, 3, 0, 0, 200, INT64_MAX}, 115, 200}, /* begins later */
        /* day 20779 is Sunday, 2026-11-22 */
        {{SATCHEL_PLAN_RULE_WEEKDAYS, 0, 1, 1, 20000, INT64_MAX}, 20779, 20780},
        {{SATCHEL_PLAN_RULE_WEEKDAYS, 0, 64, 1, 20000, INT64_MAX}, 20779, 20779},
        {{SATCHEL_PLAN_RULE_WEEKDAYS, 0, 64, 2, 20773, INT64_MAX}, 20779, 20779}, /* in the first week */
        {{SATCHEL_PLAN_RULE_WEEKDAYS, 0, 32, 2, 20779, INT64_MAX}, 20779, 20792}, /* the first week's is over */
        {{SATCHEL_PLAN_RULE_WEEKDAYS, 0, 0, 1, 20000, INT64_MAX}, 20779, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t day = -1;
        CHECK(satchel_plan_due(&cases[i].plan, cases[i].today, &day) == (cases[i].due >= 0));
        CHECK_INT(day, cases[i].due);
    }
}
