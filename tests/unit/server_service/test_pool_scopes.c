/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public pool is cut by territory: whose phone holds which customers of it, and who may claim them.
 */
#include "command_stage.h"

#include "service/mend.h"
#include "service/scopes.h"
#include "service/tombstone.h"

#include <string.h>

typedef struct pools {
    command_day day;
    satchel_id east, ningbo, haishu, west; /* Haishu is part of Ningbo, which is part of the East */
    satchel_id zhao;                       /* of Ningbo */
    phone zhaos;
} pools;

static satchel_id pool_in(pools *all, const char *name, const satchel_id *territory) {
    stage *here = &all->day.here;
    satchel_id id = stage_customer(here, name, NULL, territory);
    REQUIRE_OK(desk_give(here, &here->system, SATCHEL_COMMAND_RELEASE, SATCHEL_ENTITY_CUSTOMER, &id, NULL, NULL));
    return id;
}

static void set_up(pools *all) {
    stage *here = &all->day.here;
    command_day_open(&all->day);
    all->east = stage_territory(here, "East", NULL);
    all->ningbo = stage_territory(here, "Ningbo", &all->east);
    all->haishu = stage_territory(here, "Haishu", &all->ningbo);
    all->west = stage_territory(here, "West", NULL);
    all->zhao = stage_user(here, "zhao", SATCHEL_ROLE_REP, NULL, &all->ningbo);
    phone_enrol(&all->zhaos, here, &all->zhao);
    phone_sync(&all->zhaos);
}

static void tear_down(pools *all) {
    phone_close(&all->zhaos);
    command_day_close(&all->day);
}

static bool holds(const phone *mine, const satchel_id *customer) {
    return phone_find(mine, SATCHEL_ENTITY_CUSTOMER, customer) != NULL;
}

TEST(pool_scopes, a_phone_holds_the_pool_of_its_territories_those_below_and_above_and_of_none) {
    pools all;
    set_up(&all);
    satchel_id east = pool_in(&all, "East Shop", &all.east);
    satchel_id ningbo = pool_in(&all, "Ningbo Shop", &all.ningbo);
    satchel_id haishu = pool_in(&all, "Haishu Shop", &all.haishu);
    satchel_id west = pool_in(&all, "West Shop", &all.west);
    satchel_id nowhere = pool_in(&all, "Shop", NULL);
    phone_sync(&all.zhaos);
    phone_sync(&all.day.lis); /* of no territory */
    CHECK(holds(&all.zhaos, &east) && holds(&all.zhaos, &ningbo) && holds(&all.zhaos, &haishu));
    CHECK(holds(&all.zhaos, &nowhere) && !holds(&all.zhaos, &west));
    CHECK(holds(&all.day.lis, &nowhere));
    CHECK(!holds(&all.day.lis, &east) && !holds(&all.day.lis, &ningbo) && !holds(&all.day.lis, &west));
    CHECK_TEXT(all.zhaos.complaint, "");
    tear_down(&all);
}

TEST(pool_scopes, who_reads_every_customer_sees_every_pool) {
    pools all;
    phone service;
    set_up(&all);
    satchel_id eve = stage_user(&all.day.here, "eve", SATCHEL_ROLE_SERVICE, NULL, NULL);
    satchel_id west = pool_in(&all, "West Shop", &all.west);
    phone_enrol(&service, &all.day.here, &eve);
    phone_sync(&service);
    CHECK(holds(&service, &west));
    phone_close(&service);
    tear_down(&all);
}

/* More pools appear, one after another, than a cursor names snapshots. */
TEST(pool_scopes, regress_pools_that_appear_during_a_first_sync_do_not_begin_it_again) {
    enum { OWN = 40, POOLS = 14 };
    pools all;
    satchel_id in_pool[POOLS];
    char name[32];
    set_up(&all);
    phone second;
    for (int i = 0; i < OWN; i++) {
        snprintf(name, sizeof name, "Own %d", i);
        (void)stage_customer(&all.day.here, name, &all.zhao, &all.ningbo);
    }
    phone_enrol(&second, &all.day.here, &all.zhao);
    second.page_rows = 2;
    uint64_t done = 0;
    for (int i = 0; i < POOLS; i++) {
        REQUIRE_STATUS(phone_exchange(&second, PHONE_GOOD_LUCK), SATCHEL_OK);
        CHECK(second.more && second.rows_done >= done);
        done = second.rows_done;
        snprintf(name, sizeof name, "Part %d", i);
        satchel_id part = stage_territory(&all.day.here, name, &all.ningbo);
        in_pool[i] = pool_in(&all, name, &part);
    }
    CHECK_UINT(second.rows_done, done);
    CHECK(done > POOLS);
    phone_sync(&second);
    for (int i = 0; i < POOLS; i++) {
        CHECK(holds(&second, &in_pool[i]));
    }
    CHECK_TEXT(second.complaint, "");
    phone_close(&second);
    tear_down(&all);
}

TEST(pool_scopes, who_sees_very_many_territories_holds_the_pools_among_them) {
    pools all;
    set_up(&all);
    satchel_id ningbo = pool_in(&all, "Ningbo Shop", &all.ningbo);
    satchel_id last = {{0}};
    for (int i = 0; i < 70; i++) { /* past those that are looked up one by one */
        char name[32];
        snprintf(name, sizeof name, "Part %d", i);
        last = stage_territory(&all.day.here, name, &all.ningbo);
    }
    satchel_id part = pool_in(&all, "Part Shop", &last);
    satchel_id west = pool_in(&all, "West Shop", &all.west);
    phone_sync(&all.zhaos);
    CHECK(holds(&all.zhaos, &ningbo) && holds(&all.zhaos, &part) && !holds(&all.zhaos, &west));
    tear_down(&all);
}

TEST(pool_scopes, claiming_elsewhere_is_answered_like_claiming_what_is_not_there) {
    pools all;
    set_up(&all);
    satchel_id west = pool_in(&all, "West Shop", &all.west);
    satchel_id ningbo = pool_in(&all, "Ningbo Shop", &all.ningbo);
    satchel_id nothing = {{9}};
    phone_sync(&all.zhaos);
    const satchel_id *customers[] = {&west, &nothing, &ningbo};
    static const satchel_status expected[] = {SATCHEL_OUT_OF_SCOPE, SATCHEL_OUT_OF_SCOPE, SATCHEL_OK};
    for (size_t i = 0; i < 3; i++) {
        give_customer(&all.zhaos, SATCHEL_COMMAND_CLAIM, customers[i]);
        phone_sync(&all.zhaos);
        CHECK_STATUS(phone_last(&all.zhaos).status, expected[i]);
    }
    CHECK(is_owner(&all.day.here, &ningbo, &all.zhao));
    CHECK(!is_owner(&all.day.here, &west, &all.zhao));
    satchel_actor zhao = satchel_actor_user(&all.zhao);
    satchel_record seen = stage_record(&all.day.here);
    uint64_t n = 0;
    CHECK_STATUS(satchel_served_row_read(all.day.here.service, all.day.here.db, &zhao, SATCHEL_ENTITY_CUSTOMER, &west,
                                         &seen, &n, NULL),
                 SATCHEL_OUT_OF_SCOPE);
    tear_down(&all);
}

TEST(pool_scopes, another_territory_of_the_customer_or_the_user_moves_it) {
    pools all;
    set_up(&all);
    satchel_id shop = pool_in(&all, "Shop", &all.ningbo);
    phone_sync(&all.zhaos);
    CHECK(holds(&all.zhaos, &shop));
    satchel_record moved = stage_record(&all.day.here);
    REQUIRE_OK(satchel_record_set_id(&moved, SATCHEL_CUSTOMER_TERRITORY, &all.west));
    stage_edit(&all.day.here, SATCHEL_ENTITY_CUSTOMER, &shop, &moved);
    phone_sync(&all.zhaos);
    CHECK(!holds(&all.zhaos, &shop));
    const satchel_user_change change = {.territory = &all.west};
    stage_begin(&all.day.here);
    REQUIRE_OK(
        satchel_user_change_to(all.day.here.service, all.day.here.db, &all.day.here.system, &all.zhao, &change, NULL));
    stage_commit(&all.day.here);
    phone_sync(&all.zhaos);
    CHECK(holds(&all.zhaos, &shop));
    CHECK_TEXT(all.zhaos.complaint, "");
    tear_down(&all);
}

TEST(pool_scopes, who_covers_a_territory_for_days_holds_its_pool_so_long) {
    pools all;
    set_up(&all);
    satchel_id west = pool_in(&all, "West Shop", &all.west);
    int64_t today = stage_today(&all.day.here);
    satchel_record cover = stage_record(&all.day.here);
    REQUIRE_OK(satchel_record_set_id(&cover, SATCHEL_ASSIGNMENT_USER, &all.zhao));
    REQUIRE_OK(satchel_record_set_id(&cover, SATCHEL_ASSIGNMENT_TERRITORY, &all.west));
    REQUIRE_OK(satchel_record_set_int(&cover, SATCHEL_ASSIGNMENT_KIND, SATCHEL_ASSIGNMENT_KIND_SUPPORT));
    REQUIRE_OK(satchel_record_set_int(&cover, SATCHEL_ASSIGNMENT_FROM_DAY, today));
    REQUIRE_OK(satchel_record_set_int(&cover, SATCHEL_ASSIGNMENT_TO_DAY, today));
    stage_create(&all.day.here, SATCHEL_ENTITY_ASSIGNMENT, &cover);
    phone_sync(&all.zhaos);
    CHECK(holds(&all.zhaos, &west));
    stage_pass(&all.day.here, DAY_MS);
    phone_sync(&all.zhaos);
    phone_sync(&all.zhaos);
    CHECK(!holds(&all.zhaos, &west));
    tear_down(&all);
}

/* A company of before: the customers of its pool are rows of the company. */
TEST(pool_scopes, pools_of_before_are_cut_by_a_walk_that_the_day_begins) {
    pools all;
    set_up(&all);
    stage *here = &all.day.here;
    satchel_id west = pool_in(&all, "West Shop", &all.west);
    satchel_id ningbo = pool_in(&all, "Ningbo Shop", &all.ningbo);
    stage_begin(here);
    REQUIRE_OK(satchel_db_exec(here->db,
                               "UPDATE membership SET scope = (SELECT number FROM scope WHERE kind = 1) WHERE scope IN"
                               " (SELECT number FROM scope WHERE kind = 7)",
                               NULL));
    stage_commit(here);
    stage_pass(here, DAY_MS);
    phone_sync(&all.zhaos); /* begins the day */
    bool left = true;
    for (int i = 0; left && i < 9; i++) {
        stage_begin(here);
        REQUIRE_OK(satchel_service_tidy(here->service, here->db, &left, NULL));
        stage_commit(here);
    }
    phone_sync(&all.zhaos);
    CHECK(holds(&all.zhaos, &ningbo) && !holds(&all.zhaos, &west));
    CHECK_INT(stage_number(here, "SELECT count(*) FROM membership m JOIN scope s ON s.number = m.scope WHERE s.kind = 1"
                                 " AND m.rank = 0 AND m.present = 1"),
              0);
    stage_begin(here);
    REQUIRE_OK(satchel_mend_pools(here->db, NULL)); /* nothing is left to do */
    bool walked = true;
    REQUIRE_OK(satchel_mend_step(here->service, here->db, &walked, NULL));
    stage_commit(here);
    CHECK(!walked);
    tear_down(&all);
}

TEST(pool_scopes, regress_an_older_database_is_walked_from_its_opening_on) {
    pools all;
    set_up(&all);
    stage *here = &all.day.here;
    satchel_id west = pool_in(&all, "West Shop", &all.west);
    stage_begin(here);
    REQUIRE_OK(satchel_db_exec(here->db,
                               "UPDATE membership SET scope = (SELECT number FROM scope WHERE kind = 1) WHERE scope IN"
                               " (SELECT number FROM scope WHERE kind = 7)",
                               NULL));
    stage_commit(here);
    satchel_service *again = NULL;
    const satchel_service_platform platform = here->service->platform;
    REQUIRE_OK(satchel_service_open(&again, &platform, here->db, NULL));
    satchel_service_close(again);
    bool left = true;
    for (int i = 0; left && i < 9; i++) {
        stage_begin(here);
        REQUIRE_OK(satchel_service_tidy(here->service, here->db, &left, NULL));
        stage_commit(here);
    }
    phone_sync(&all.zhaos);
    CHECK(!holds(&all.zhaos, &west));
    tear_down(&all);
}

TEST(pool_scopes, regress_one_of_the_pool_that_is_archived_goes_on_as_a_row_of_it) {
    pools all;
    set_up(&all);
    satchel_id shop = pool_in(&all, "Shop", &all.ningbo);
    phone_sync(&all.zhaos);
    satchel_record archived = stage_record(&all.day.here);
    REQUIRE_OK(satchel_record_set_bool(&archived, SATCHEL_CUSTOMER_ARCHIVED, true));
    stage_edit(&all.day.here, SATCHEL_ENTITY_CUSTOMER, &shop, &archived);
    phone_sync(&all.zhaos);
    const mirror_row *row = phone_find(&all.zhaos, SATCHEL_ENTITY_CUSTOMER, &shop);
    REQUIRE(row != NULL);
    CHECK(satchel_record_get(&row->record, SATCHEL_CUSTOMER_ARCHIVED) != NULL);
    CHECK_TEXT(all.zhaos.complaint, "");
    give_customer(&all.zhaos, SATCHEL_COMMAND_CLAIM, &shop);
    phone_sync(&all.zhaos);
    CHECK_STATUS(phone_last(&all.zhaos).status, SATCHEL_OVERTAKEN);
    tear_down(&all);
}
