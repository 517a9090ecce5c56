/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Realignment: facts at once, memberships in steps; what anybody may see or do follows the facts all the while.
 */
#include "service/realign.h"
#include "support/server_service/stage.h"

#include "base/ids.h"
#include "base/text.h"

#include <string.h>

#define CUSTOMERS 7

typedef struct company {
    stage here;
    satchel_id boss, li, wang, north, south;
    satchel_id customers[CUSTOMERS];
    phone old, new;
} company;

static void set_up(company *all, const char *path) {
    stage *here = &all->here;
    memset(all, 0, sizeof *all);
    stage_open(here, path, 77);
    all->north = stage_territory(here, "North", NULL);
    all->south = stage_territory(here, "South", NULL);
    all->boss = stage_user(here, "boss", SATCHEL_ROLE_MANAGER, NULL, &all->north);
    all->li = stage_user(here, "li", SATCHEL_ROLE_REP, &all->boss, NULL);
    all->wang = stage_user(here, "wang", SATCHEL_ROLE_REP, NULL, NULL);
    for (int i = 0; i < CUSTOMERS; i++) {
        all->customers[i] = stage_customer(here, "Shop", &all->li, &all->north);
    }
    phone_enrol(&all->old, here, &all->li);
    phone_enrol(&all->new, here, &all->wang);
    phone_sync(&all->old);
    phone_sync(&all->new);
}

static void tear_down(company *all) {
    phone_close(&all->old);
    phone_close(&all->new);
    stage_close(&all->here);
}

static uint64_t give_all_to_wang(company *all) {
    const satchel_realign_wish wish = {.of_owner = &all->li, .owner = &all->wang, .territory = &all->south};
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    uint64_t moved = 0;
    stage_begin(&all->here);
    REQUIRE_OK(satchel_realign_begin(all->here.service, all->here.db, &all->here.system, &wish, &moved, &error));
    stage_commit(&all->here);
    return moved;
}

static satchel_realign_progress step(company *all, uint32_t customers) {
    satchel_realign_progress left;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    stage_begin(&all->here);
    REQUIRE_OK(satchel_realign_step(all->here.service, all->here.db, customers, &left, &error));
    stage_commit(&all->here);
    return left;
}

static satchel_status count_row(void *context, const satchel_id *id, const satchel_record *record, uint64_t n) {
    uint32_t *rows = context;
    (void)id;
    (void)record;
    (void)n;
    *rows += 1;
    return SATCHEL_OK;
}

/* Customers that a user finds on the console. */
static uint32_t listed(company *all, const satchel_id *user) {
    satchel_query *query = NULL;
    satchel_buffer next = {0};
    const satchel_actor actor = {.user = *user};
    uint32_t rows = 0;
    REQUIRE_OK(satchel_query_open(&query, SATCHEL_ENTITY_CUSTOMER));
    REQUIRE_OK(satchel_rows_list(all->here.service, all->here.db, &actor, query, (satchel_bytes){NULL, 0}, 100,
                                 count_row, &rows, &next, NULL));
    satchel_query_close(query);
    satchel_buffer_deinit(&next);
    return rows;
}

TEST(realign, facts_hold_at_once_and_phones_follow_in_steps_removals_first) {
    company all;
    set_up(&all, NULL);
    CHECK_UINT(give_all_to_wang(&all), CUSTOMERS);
    CHECK_UINT(listed(&all, &all.wang), CUSTOMERS);
    CHECK_UINT(listed(&all, &all.li), 0);
    satchel_realign_progress left = step(&all, 4);
    CHECK_UINT(left.to_remove, CUSTOMERS - 4);
    phone_sync(&all.old);
    phone_sync(&all.new);
    CHECK_UINT(phone_count(&all.old, SATCHEL_ENTITY_CUSTOMER), CUSTOMERS - 4);
    CHECK_UINT(phone_count(&all.new, SATCHEL_ENTITY_CUSTOMER), 0);
    left = step(&all, SATCHEL_REALIGN_STEP_MOST);
    CHECK(left.to_remove == 0 && left.to_add == CUSTOMERS);
    left = step(&all, 5);
    left = step(&all, 5);
    CHECK(left.to_remove == 0 && left.to_add == 0);
    phone_sync(&all.old);
    phone_sync(&all.new);
    CHECK_UINT(phone_count(&all.old, SATCHEL_ENTITY_CUSTOMER), 0);
    CHECK_UINT(phone_count(&all.new, SATCHEL_ENTITY_CUSTOMER), CUSTOMERS);
    tear_down(&all);
}

TEST(realign, while_phones_wait_nothing_leaks_and_facts_come_in) {
    company all;
    set_up(&all, NULL);
    phone_check_in(&all.old, &all.customers[0]);
    phone_edit_text(&all.old, SATCHEL_ENTITY_CUSTOMER, &all.customers[0], SATCHEL_CUSTOMER_NOTE, "likes tea");
    give_all_to_wang(&all);
    stage_edit_text(&all.here, SATCHEL_ENTITY_CUSTOMER, &all.customers[1], SATCHEL_CUSTOMER_NOTE, "not for Li");
    satchel_buffer_clear(&all.old.wire);
    phone_sync(&all.old);
    CHECK(memmem(all.old.wire.data, all.old.wire.bytes, "not for Li", 10) == NULL);
    CHECK_INT(phone_result_of(&all.old, 1).code, SATCHEL_RESULT_APPLIED);
    CHECK_INT(phone_result_of(&all.old, 2).code, SATCHEL_RESULT_PARKED);
    /* What is saved at a customer takes it along: Wang's phone has the visit and its customer. */
    phone_sync(&all.new);
    CHECK_UINT(phone_count(&all.new, SATCHEL_ENTITY_VISIT), 1);
    CHECK(phone_find(&all.new, SATCHEL_ENTITY_CUSTOMER, &all.customers[0]) != NULL);
    CHECK_TEXT(all.new.complaint, "");
    /* He does not know of the move yet: his work is still that of someone who has the customer. */
    phone_check_in(&all.old, &all.customers[2]);
    phone_sync(&all.old);
    CHECK_INT(phone_last(&all.old).code, SATCHEL_RESULT_APPLIED);
    tear_down(&all);
}

TEST(realign, a_server_that_is_killed_goes_on_where_it_was) {
    company all;
    test_temp temp = test_temp_make();
    char path[TEST_PATH_BYTES];
    test_temp_path(&temp, "realign.db", path);
    set_up(&all, path);
    give_all_to_wang(&all);
    step(&all, 3);
    stage_reopen(&all.here);
    satchel_realign_progress left;
    REQUIRE_OK(satchel_realign_left(all.here.db, &left, NULL));
    CHECK(left.to_remove == CUSTOMERS - 3 && left.to_add == 3);
    while (left.to_remove > 0 || left.to_add > 0) {
        left = step(&all, 3);
        stage_reopen(&all.here);
    }
    phone_sync(&all.old);
    phone_sync(&all.new);
    CHECK_UINT(phone_count(&all.old, SATCHEL_ENTITY_CUSTOMER), 0);
    CHECK_UINT(phone_count(&all.new, SATCHEL_ENTITY_CUSTOMER), CUSTOMERS);
    tear_down(&all);
    test_temp_remove(&temp);
}

TEST(realign, the_preview_counts_who_gains_and_who_loses_and_changes_nothing) {
    company all;
    set_up(&all, NULL);
    satchel_arena arena = {0};
    satchel_realign_impact impact;
    satchel_record task = stage_record(&all.here);
    REQUIRE_OK(satchel_record_set_text(&task, SATCHEL_TASK_TITLE, satchel_text_of("Call")));
    REQUIRE_OK(satchel_record_set_int(&task, SATCHEL_TASK_STATUS, SATCHEL_TASK_STATUS_OPEN));
    REQUIRE_OK(satchel_record_set_id(&task, SATCHEL_TASK_CUSTOMER, &all.customers[0]));
    stage_create(&all.here, SATCHEL_ENTITY_TASK, &task);
    /* Wang covers one of them today already, Li keeps one that is given to him for today. */
    int64_t today = stage_today(&all.here);
    stage_assign(&all.here, &all.wang, &all.customers[1], today, today);
    stage_assign(&all.here, &all.li, &all.customers[2], today, today);
    const satchel_realign_wish wish = {
        .customers = all.customers, .customer_count = CUSTOMERS, .owner = &all.wang, .territory = &all.south};
    REQUIRE_OK(satchel_realign_preview(all.here.service, all.here.db, &all.here.system, &wish, &arena, &impact, NULL));
    CHECK(impact.customers == CUSTOMERS && impact.open_tasks == 1 && impact.open_visits == 0);
    CHECK_UINT(impact.children, 3); /* the task and two assignments */
    REQUIRE_UINT(impact.user_count, 3);
    for (uint32_t i = 0; i < impact.user_count; i++) {
        const satchel_realign_user *user = &impact.users[i];
        bool is_wang = satchel_id_equal(&user->user, &all.wang);
        bool is_li = satchel_id_equal(&user->user, &all.li);
        CHECK_UINT(user->gains, is_wang ? CUSTOMERS - 1 : 0);
        CHECK_UINT(user->loses, is_li ? CUSTOMERS - 1 : is_wang ? 0 : CUSTOMERS);
        CHECK_UINT(user->phones, is_li || is_wang ? 1 : 0);
    }
    CHECK(impact.answer_bytes > 0);
    CHECK_INT(stage_number(&all.here, "SELECT count(*) FROM realigned_customer"), 0);
    satchel_arena_deinit(&arena);
    tear_down(&all);
}

TEST(realign, it_says_of_which_and_whose_and_steps_are_bounded) {
    company all;
    set_up(&all, NULL);
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    satchel_realign_progress left;
    uint64_t moved = 0;
    const satchel_id nobody = {{9}};
    const satchel_realign_wish wishes[] = {
        {.of_owner = &all.li}, {.owner = &all.wang}, {.of_owner = &all.li, .owner = &nobody}};
    const satchel_status expected[] = {SATCHEL_INVALID_ARGUMENT, SATCHEL_INVALID_ARGUMENT, SATCHEL_REFERENCE_MISSING};
    const satchel_actor rep = {.user = all.li};
    stage_begin(&all.here);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(satchel_realign_begin(all.here.service, all.here.db, &all.here.system, &wishes[i], &moved, &error),
                     expected[i]);
    }
    CHECK_STATUS(satchel_realign_begin(all.here.service, all.here.db, &rep, &wishes[2], &moved, &error),
                 SATCHEL_FORBIDDEN);
    CHECK_OK(satchel_realign_step(all.here.service, all.here.db, SATCHEL_REALIGN_STEP_MOST, &left, &error));
    CHECK_STATUS(satchel_realign_step(all.here.service, all.here.db, SATCHEL_REALIGN_STEP_MOST + 1, &left, &error),
                 SATCHEL_INVALID_ARGUMENT);
    stage_commit(&all.here);
    tear_down(&all);
}

static void give_one(company *all, const satchel_id *customer, const satchel_id *to) {
    const satchel_realign_wish wish = {.customers = customer, .customer_count = 1, .owner = to};
    uint64_t moved = 0;
    stage_begin(&all->here);
    REQUIRE_OK(satchel_realign_begin(all->here.service, all->here.db, &all->here.system, &wish, &moved, NULL));
    stage_commit(&all->here);
    CHECK_UINT(moved, 1);
}

/* While it was another's by the facts alone, the phone passed it over; back again, it is whole. */
TEST(realign, regress_a_customer_that_comes_back_before_its_memberships_moved_comes_whole) {
    company all;
    set_up(&all, NULL);
    satchel_id late = stage_customer(&all.here, "Late Shop", &all.li, NULL);
    give_one(&all, &late, &all.wang);
    stage_edit_text(&all.here, SATCHEL_ENTITY_CUSTOMER, &all.customers[0], SATCHEL_CUSTOMER_CITY, "Ningbo");
    phone_sync(&all.old); /* his cursor goes on */
    CHECK(phone_find(&all.old, SATCHEL_ENTITY_CUSTOMER, &late) == NULL);
    give_one(&all, &late, &all.li);
    stage_edit_text(&all.here, SATCHEL_ENTITY_CUSTOMER, &all.customers[0], SATCHEL_CUSTOMER_CITY, "Wenzhou");
    phone_sync(&all.old);
    CHECK_TEXT(all.old.complaint, "");
    CHECK_TEXT(phone_text(&all.old, SATCHEL_ENTITY_CUSTOMER, &late, SATCHEL_CUSTOMER_NAME), "Late Shop");
    tear_down(&all);
}

/* What came by the facts alone would stay: the scopes that it came through show his role nothing of it. */
TEST(realign, regress_what_is_seen_by_facts_alone_waits_for_its_memberships) {
    company all;
    phone service;
    set_up(&all, NULL);
    satchel_id eve = stage_user(&all.here, "eve", SATCHEL_ROLE_SERVICE, NULL, NULL);
    phone_enrol(&service, &all.here, &eve);
    satchel_id visit = phone_check_in(&all.old, &all.customers[0]);
    phone_sync(&all.old);
    give_one(&all, &all.customers[0], &eve);
    phone_sync(&service);
    stage_reassign(&all.here, &all.customers[0], &all.wang);
    phone_sync(&service);
    CHECK_TEXT(service.complaint, "");
    CHECK(phone_find(&service, SATCHEL_ENTITY_CUSTOMER, &all.customers[0]) != NULL);
    CHECK(phone_find(&service, SATCHEL_ENTITY_VISIT, &visit) == NULL);
    phone_close(&service);
    tear_down(&all);
}
