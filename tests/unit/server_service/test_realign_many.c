/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A realignment of ten thousand customers (`./run test release server_service` runs it whole): the preview counts them
 * all, each step is as large as it was asked to be and no larger, and at the end phones, lists, memberships and digests
 * say the same.
 */
#include "service/digest.h"
#include "service/realign.h"
#include "support/server_service/stage.h"

#include "base/ids.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* The phones' mirror looks through all its rows for each that comes or goes: under a sanitizer a fifth has to do. */
#ifdef __SANITIZE_ADDRESS__
#define CUSTOMERS 2000u
#else
#define CUSTOMERS 10000u
#endif
#define TASKS (CUSTOMERS / 10) /* at every tenth of them */
#define STEP 500u
/* Statements of one customer's step, and of a step itself. */
#define STATEMENTS_EACH 40u
#define STATEMENTS_MORE 200u

typedef struct company {
    stage here;
    satchel_id boss, li, wang, north, south;
    phone old, new;
} company;

static void put(company *all, satchel_bulk *bulk, uint32_t entity, const satchel_record *record, satchel_id *out) {
    const satchel_id none = {{0}};
    satchel_write_outcome outcome;
    REQUIRE_OK(satchel_bulk_put(bulk, entity, &none, record, &outcome, NULL));
    *out = outcome.id;
    satchel_arena_reset(&all->here.arena);
}

static void fill(company *all) {
    satchel_bulk *bulk = NULL;
    stage_begin(&all->here);
    REQUIRE_OK(satchel_bulk_open(&bulk, all->here.service, all->here.db, &all->here.system, NULL));
    for (uint32_t i = 0; i < CUSTOMERS; i++) {
        satchel_id customer, task;
        satchel_record record = stage_record(&all->here);
        REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of("Shop")));
        REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_CUSTOMER_OWNER, &all->li));
        REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_CUSTOMER_TERRITORY, &all->north));
        put(all, bulk, SATCHEL_ENTITY_CUSTOMER, &record, &customer);
        if (i % (CUSTOMERS / TASKS) == 0) {
            record = stage_record(&all->here);
            REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_TASK_TITLE, satchel_text_of("Call")));
            REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_TASK_STATUS, SATCHEL_TASK_STATUS_OPEN));
            REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_TASK_CUSTOMER, &customer));
            put(all, bulk, SATCHEL_ENTITY_TASK, &record, &task);
        }
    }
    REQUIRE_OK(satchel_bulk_close(bulk, NULL));
    stage_commit(&all->here);
}

static void set_up(company *all) {
    stage *here = &all->here;
    memset(all, 0, sizeof *all);
    stage_open(here, NULL, 78);
    all->north = stage_territory(here, "North", NULL);
    all->south = stage_territory(here, "South", NULL);
    all->boss = stage_user(here, "boss", SATCHEL_ROLE_MANAGER, NULL, &all->north);
    all->li = stage_user(here, "li", SATCHEL_ROLE_REP, &all->boss, NULL);
    all->wang = stage_user(here, "wang", SATCHEL_ROLE_REP, NULL, NULL);
    fill(all);
    phone_enrol(&all->old, here, &all->li);
    phone_enrol(&all->new, here, &all->wang);
    phone_sync(&all->old);
    phone_sync(&all->new);
}

static void check_preview(company *all, const satchel_realign_wish *wish) {
    satchel_arena arena = {0};
    satchel_realign_impact impact;
    REQUIRE_OK(
        satchel_realign_preview(all->here.service, all->here.db, &all->here.system, wish, &arena, &impact, NULL));
    CHECK(impact.customers == CUSTOMERS && impact.open_tasks == TASKS && impact.children == TASKS);
    REQUIRE_UINT(impact.user_count, 3);
    for (uint32_t i = 0; i < impact.user_count; i++) {
        const bool is_wang = satchel_id_equal(&impact.users[i].user, &all->wang);
        CHECK_UINT(impact.users[i].gains, is_wang ? CUSTOMERS : 0);
        CHECK_UINT(impact.users[i].loses, is_wang ? 0 : CUSTOMERS);
    }
    satchel_arena_deinit(&arena);
}

/* All steps. Each takes as many customers as it may, one change for all, and is no longer than they need. */
static uint32_t work_off(company *all) {
    satchel_realign_progress left = {CUSTOMERS, 0};
    uint32_t steps = 0;
    while (left.to_remove > 0 || left.to_add > 0) {
        const satchel_realign_progress before = left;
        const uint64_t statements = satchel_db_get_stats(all->here.db).statements;
        int64_t n = stage_number(&all->here, "SELECT n FROM counter");
        stage_begin(&all->here);
        REQUIRE_OK(satchel_realign_step(all->here.service, all->here.db, STEP, &left, NULL));
        stage_commit(&all->here);
        CHECK_UINT(before.to_remove + before.to_add - left.to_remove - left.to_add, before.to_remove > 0 ? 0 : STEP);
        CHECK_UINT(before.to_remove - left.to_remove, before.to_remove > 0 ? STEP : 0);
        CHECK_INT(stage_number(&all->here, "SELECT n FROM counter"), n + 1);
        CHECK(satchel_db_get_stats(all->here.db).statements - statements < STEP * STATEMENTS_EACH + STATEMENTS_MORE);
        steps++;
    }
    return steps;
}

TEST(realign_many, thousands_of_customers_move_in_bounded_steps_and_all_agree) {
    company all;
    uint64_t moved = 0;
    bool done = true;
    set_up(&all);
    CHECK_UINT(phone_count(&all.old, SATCHEL_ENTITY_CUSTOMER), CUSTOMERS);
    const satchel_realign_wish wish = {.of_owner = &all.li, .owner = &all.wang, .territory = &all.south};
    check_preview(&all, &wish);
    stage_begin(&all.here);
    REQUIRE_OK(satchel_realign_begin(all.here.service, all.here.db, &all.here.system, &wish, &moved, NULL));
    stage_commit(&all.here);
    CHECK_UINT(moved, CUSTOMERS);
    CHECK_UINT(work_off(&all), 2 * CUSTOMERS / STEP);
    phone_sync(&all.old);
    phone_sync(&all.new);
    CHECK_UINT(phone_count(&all.old, SATCHEL_ENTITY_CUSTOMER), 0);
    CHECK_UINT(phone_count(&all.old, SATCHEL_ENTITY_TASK), 0);
    CHECK_UINT(phone_count(&all.new, SATCHEL_ENTITY_CUSTOMER), CUSTOMERS);
    CHECK_UINT(phone_count(&all.new, SATCHEL_ENTITY_TASK), TASKS);
    CHECK_TEXT(all.old.complaint, "");
    CHECK_TEXT(all.new.complaint, "");
    stage_begin(&all.here);
    REQUIRE_OK(satchel_digest_rebuild(all.here.service, all.here.db, &done, NULL));
    stage_commit(&all.here);
    CHECK(!done); /* the books held all the while */
    phone_close(&all.old);
    phone_close(&all.new);
    stage_close(&all.here);
}
