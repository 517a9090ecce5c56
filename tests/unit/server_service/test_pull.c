/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes down: pages, removals, dated assignments, hidden fields, and that little is sent twice.
 */
#include "support/server_service/stage.h"

#include "base/limits.h"
#include "base/text.h"
#include "base/times.h"

#include <stdio.h>
#include <string.h>

typedef struct company {
    stage here;
    satchel_id north, town; /* town lies in the north */
    satchel_id boss, li, wang;
    phone mine; /* Li's */
} company;

static void set_up(company *all) {
    stage *here = &all->here;
    stage_open(here, NULL, 6);
    all->north = stage_territory(here, "North", NULL);
    all->town = stage_territory(here, "Town", &all->north);
    all->boss = stage_user(here, "boss", SATCHEL_ROLE_MANAGER, NULL, &all->north);
    all->li = stage_user(here, "li", SATCHEL_ROLE_REP, &all->boss, &all->town);
    all->wang = stage_user(here, "wang", SATCHEL_ROLE_REP, &all->boss, NULL);
    phone_enrol(&all->mine, here, &all->li);
}

static void tear_down(company *all) {
    phone_close(&all->mine);
    stage_close(&all->here);
}

static bool has_customer(const phone *mine, const satchel_id *id) {
    return phone_find(mine, SATCHEL_ENTITY_CUSTOMER, id) != NULL;
}

TEST(pull, a_snapshot_in_small_pages_brings_everything_once) {
    company all;
    set_up(&all);
    for (int i = 0; i < 300; i++) {
        char name[32];
        snprintf(name, sizeof name, "Shop %d", i);
        stage_customer(&all.here, name, &all.li, NULL);
    }
    all.mine.page_bytes = 2000;
    int pages = 0;
    do {
        REQUIRE_STATUS(phone_exchange(&all.mine, PHONE_GOOD_LUCK), SATCHEL_OK);
        CHECK(all.mine.rows_done <= all.mine.rows_total);
        pages++;
    } while (all.mine.more);
    CHECK_UINT(phone_count(&all.mine, SATCHEL_ENTITY_CUSTOMER), 300);
    CHECK(pages > 10 && pages < 60);
    CHECK_UINT(all.mine.rows_done, all.mine.rows_total);
    CHECK_TEXT(all.mine.complaint, "");
    tear_down(&all);
}

TEST(pull, a_customer_that_goes_to_someone_else_goes_from_the_phone_with_its_contacts) {
    company all;
    set_up(&all);
    satchel_id shop = stage_customer(&all.here, "Shop", &all.li, NULL);
    satchel_record contact = stage_record(&all.here);
    REQUIRE_OK(satchel_record_set_text(&contact, SATCHEL_CONTACT_NAME, satchel_text_of("Chen")));
    REQUIRE_OK(satchel_record_set_id(&contact, SATCHEL_CONTACT_CUSTOMER, &shop));
    stage_create(&all.here, SATCHEL_ENTITY_CONTACT, &contact);
    phone_sync(&all.mine);
    CHECK_UINT(phone_count(&all.mine, SATCHEL_ENTITY_CONTACT), 1);
    stage_reassign(&all.here, &shop, &all.wang);
    phone_sync(&all.mine);
    CHECK(!has_customer(&all.mine, &shop));
    CHECK_UINT(phone_count(&all.mine, SATCHEL_ENTITY_CONTACT), 0);
    CHECK_UINT(all.mine.removals, 2);
    stage_reassign(&all.here, &shop, &all.li);
    phone_sync(&all.mine);
    CHECK(has_customer(&all.mine, &shop));
    CHECK_UINT(phone_count(&all.mine, SATCHEL_ENTITY_CONTACT), 1);
    tear_down(&all);
}

TEST(pull, a_row_that_leaves_one_scope_but_not_the_other_stays) {
    company all;
    set_up(&all);
    phone boss;
    satchel_id shop = stage_customer(&all.here, "Shop", &all.li, &all.town);
    phone_enrol(&boss, &all.here, &all.boss);
    phone_sync(&boss);
    CHECK(has_customer(&boss, &shop));
    satchel_id none = {{0}};
    stage_reassign(&all.here, &shop, &none);
    phone_sync(&boss);
    CHECK(has_customer(&boss, &shop));
    CHECK_UINT(boss.removals, 0);
    phone_close(&boss);
    tear_down(&all);
}

TEST(pull, a_dated_assignment_begins_and_ends_as_days_pass) {
    company all;
    set_up(&all);
    satchel_id shop = stage_customer(&all.here, "Shop", &all.wang, NULL);
    int64_t today = stage_today(&all.here);
    stage_assign(&all.here, &all.li, &shop, today + 1, today + 2);
    phone_sync(&all.mine);
    CHECK(!has_customer(&all.mine, &shop));
    for (int day = 1; day <= 2; day++) {
        stage_pass(&all.here, SATCHEL_MS_PER_DAY);
        phone_sync(&all.mine);
        CHECK(has_customer(&all.mine, &shop));
    }
    stage_pass(&all.here, SATCHEL_MS_PER_DAY);
    phone_sync(&all.mine);
    CHECK(!has_customer(&all.mine, &shop));
    tear_down(&all);
}

TEST(pull, an_assignment_of_a_territory_brings_all_its_customers_for_its_days) {
    company all;
    set_up(&all);
    satchel_id shop = stage_customer(&all.here, "Shop", &all.wang, &all.town);
    satchel_id id;
    satchel_new_assignment given = {.user = all.li,
                                    .territory = all.north,
                                    .first_day = stage_today(&all.here),
                                    .last_day = stage_today(&all.here)};
    phone_sync(&all.mine);
    CHECK(!has_customer(&all.mine, &shop));
    stage_begin(&all.here);
    REQUIRE_OK(satchel_assignment_add(all.here.service, all.here.db, &all.here.system, &given, &id, NULL));
    stage_commit(&all.here);
    phone_sync(&all.mine);
    CHECK(has_customer(&all.mine, &shop));
    stage_pass(&all.here, SATCHEL_MS_PER_DAY);
    phone_sync(&all.mine);
    CHECK(!has_customer(&all.mine, &shop));
    tear_down(&all);
}

TEST(pull, sharing_a_customer_shows_it_and_taking_it_back_hides_it) {
    company all;
    set_up(&all);
    satchel_id shop = stage_customer(&all.here, "Shop", &all.wang, NULL);
    satchel_bytes element = satchel_bytes_of(all.li.bytes, SATCHEL_ID_BYTES);
    satchel_record record = stage_record(&all.here);
    satchel_value with = satchel_value_set(&element, 1);
    satchel_value without = satchel_value_set(NULL, 0);
    REQUIRE_OK(satchel_record_set(&record, SATCHEL_CUSTOMER_SHARED_WITH, &with));
    stage_edit(&all.here, SATCHEL_ENTITY_CUSTOMER, &shop, &record);
    phone_sync(&all.mine);
    CHECK(has_customer(&all.mine, &shop));
    REQUIRE_OK(satchel_record_set(&record, SATCHEL_CUSTOMER_SHARED_WITH, &without));
    stage_edit(&all.here, SATCHEL_ENTITY_CUSTOMER, &shop, &record);
    phone_sync(&all.mine);
    CHECK(!has_customer(&all.mine, &shop));
    tear_down(&all);
}

TEST(pull, only_the_fields_that_changed_travel) {
    company all;
    set_up(&all);
    satchel_id shop = stage_customer(&all.here, "A shop with a name that is rather long for a shop", &all.li, NULL);
    phone_sync(&all.mine);
    satchel_buffer_clear(&all.mine.wire);
    stage_edit_text(&all.here, SATCHEL_ENTITY_CUSTOMER, &shop, SATCHEL_CUSTOMER_CITY, "Ningbo");
    phone_sync(&all.mine);
    CHECK(memmem(all.mine.wire.data, all.mine.wire.bytes, "Ningbo", 6) != NULL);
    CHECK(memmem(all.mine.wire.data, all.mine.wire.bytes, "rather long", 11) == NULL);
    CHECK_TEXT(phone_text(&all.mine, SATCHEL_ENTITY_CUSTOMER, &shop, SATCHEL_CUSTOMER_CITY), "Ningbo");
    satchel_record record = stage_record(&all.here);
    satchel_value null = satchel_value_null();
    REQUIRE_OK(satchel_record_set(&record, SATCHEL_CUSTOMER_CITY, &null));
    stage_edit(&all.here, SATCHEL_ENTITY_CUSTOMER, &shop, &record);
    phone_sync(&all.mine);
    CHECK_TEXT(phone_text(&all.mine, SATCHEL_ENTITY_CUSTOMER, &shop, SATCHEL_CUSTOMER_CITY), "");
    CHECK_TEXT(all.mine.complaint, "");
    tear_down(&all);
}

TEST(pull, a_secret_field_and_its_edits_leave_no_trace) {
    company all;
    set_up(&all);
    satchel_id shop = stage_customer(&all.here, "Shop", &all.li, NULL);
    phone_sync(&all.mine);
    const mirror_row *row = phone_find(&all.mine, SATCHEL_ENTITY_CUSTOMER, &shop);
    REQUIRE(row != NULL);
    uint64_t n = row->n;
    satchel_buffer_clear(&all.mine.wire);
    stage_edit_text(&all.here, SATCHEL_ENTITY_CUSTOMER, &shop, SATCHEL_CUSTOMER_RISK_NOTE, "pays late");
    phone_sync(&all.mine);
    CHECK_UINT(phone_find(&all.mine, SATCHEL_ENTITY_CUSTOMER, &shop)->n, n);
    CHECK(memmem(all.mine.wire.data, all.mine.wire.bytes, "pays late", 9) == NULL);
    CHECK(memmem(all.mine.wire.data, all.mine.wire.bytes, shop.bytes, SATCHEL_ID_BYTES) == NULL);
    tear_down(&all);
}

TEST(pull, masked_fields_come_masked) {
    company all;
    set_up(&all);
    phone ads;
    satchel_id user = stage_user(&all.here, "ads", SATCHEL_ROLE_MARKETING, NULL, NULL);
    satchel_id shop = stage_customer(&all.here, "Shop", &all.li, NULL);
    satchel_bytes element = satchel_bytes_of("13812344729", 11);
    satchel_value phones = satchel_value_set(&element, 1);
    satchel_record record = stage_record(&all.here);
    REQUIRE_OK(satchel_record_set(&record, SATCHEL_CUSTOMER_PHONES, &phones));
    stage_edit(&all.here, SATCHEL_ENTITY_CUSTOMER, &shop, &record);
    phone_enrol(&ads, &all.here, &user);
    phone_sync(&ads);
    CHECK(has_customer(&ads, &shop));
    CHECK(memmem(ads.wire.data, ads.wire.bytes, "13812344729", 11) == NULL);
    CHECK(memmem(ads.wire.data, ads.wire.bytes, "138****4729", 11) != NULL);
    phone_close(&ads);
    tear_down(&all);
}

TEST(pull, a_manager_sees_his_people_and_stops_when_they_leave_him) {
    company all;
    set_up(&all);
    phone boss;
    satchel_id shop = stage_customer(&all.here, "Shop", &all.wang, NULL);
    satchel_id none = {{0}};
    phone_enrol(&boss, &all.here, &all.boss);
    phone_sync(&boss);
    CHECK(has_customer(&boss, &shop));
    satchel_user_change change = {.manager = &none};
    stage_begin(&all.here);
    REQUIRE_OK(satchel_user_change_to(all.here.service, all.here.db, &all.here.system, &all.wang, &change, NULL));
    stage_commit(&all.here);
    phone_sync(&boss);
    CHECK(!has_customer(&boss, &shop));
    CHECK_TEXT(boss.complaint, "");
    phone_close(&boss);
    tear_down(&all);
}

TEST(pull, another_role_brings_exactly_what_it_shows) {
    company all;
    set_up(&all);
    satchel_id shop = stage_customer(&all.here, "Shop", &all.wang, NULL);
    phone_sync(&all.mine);
    CHECK(!has_customer(&all.mine, &shop));
    uint64_t roles = UINT64_C(1) << SATCHEL_ROLE_SERVICE;
    satchel_user_change change = {.roles = &roles};
    stage_begin(&all.here);
    REQUIRE_OK(satchel_user_change_to(all.here.service, all.here.db, &all.here.system, &all.li, &change, NULL));
    stage_commit(&all.here);
    phone_sync(&all.mine);
    CHECK(has_customer(&all.mine, &shop));
    CHECK_TEXT(all.mine.complaint, "");
    tear_down(&all);
}

TEST(pull, a_deleted_row_goes_and_a_new_phone_never_hears_of_it) {
    company all;
    set_up(&all);
    satchel_record task = stage_record(&all.here);
    satchel_write_outcome outcome;
    REQUIRE_OK(satchel_record_set_text(&task, SATCHEL_TASK_TITLE, satchel_text_of("Call Anna")));
    REQUIRE_OK(satchel_record_set_int(&task, SATCHEL_TASK_STATUS, SATCHEL_TASK_STATUS_OPEN));
    REQUIRE_OK(satchel_record_set_id(&task, SATCHEL_TASK_ASSIGNEE, &all.li));
    satchel_id id = stage_create(&all.here, SATCHEL_ENTITY_TASK, &task).id;
    phone_sync(&all.mine);
    CHECK_UINT(phone_count(&all.mine, SATCHEL_ENTITY_TASK), 1);
    stage_begin(&all.here);
    REQUIRE_OK(satchel_served_row_delete(all.here.service, all.here.db, &all.here.system, SATCHEL_ENTITY_TASK, &id,
                                         &outcome, NULL));
    stage_commit(&all.here);
    phone_sync(&all.mine);
    CHECK_UINT(phone_count(&all.mine, SATCHEL_ENTITY_TASK), 0);
    phone other;
    phone_enrol(&other, &all.here, &all.li);
    phone_sync(&other);
    CHECK(memmem(other.wire.data, other.wire.bytes, id.bytes, SATCHEL_ID_BYTES) == NULL);
    phone_close(&other);
    tear_down(&all);
}

TEST(pull, a_cursor_that_leads_nowhere_is_stale) {
    company all;
    set_up(&all);
    phone_sync(&all.mine);
    uint8_t good[SATCHEL_LIMIT_CURSOR_BYTES];
    size_t bytes = all.mine.cursor_bytes;
    memcpy(good, all.mine.cursor, bytes);
    all.mine.cursor_bytes = bytes - 1;
    CHECK_STATUS(phone_exchange(&all.mine, PHONE_GOOD_LUCK), SATCHEL_STALE_CURSOR);
    memcpy(all.mine.cursor, good, bytes);
    all.mine.cursor_bytes = bytes;
    all.mine.cursor[1] = 9;
    CHECK_STATUS(phone_exchange(&all.mine, PHONE_GOOD_LUCK), SATCHEL_STALE_CURSOR);
    all.mine.cursor_bytes = 0;
    phone_sync(&all.mine);
    tear_down(&all);
}

/* A phone that asks for everything at once still gets pages: up to the limit in one, past it in two. */
TEST(pull, a_page_ends_at_its_limit_whatever_the_phone_asks_for) {
    static const struct {
        uint32_t customers;
        bool more;
    } cases[] = {{SATCHEL_LIMIT_PAGE_BYTES / 4200, false}, {SATCHEL_LIMIT_PAGE_BYTES / 3900 + 1, true}};
    char note[4000];
    memset(note, 'x', sizeof note - 1);
    note[sizeof note - 1] = '\0';
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        company all;
        set_up(&all);
        for (uint32_t n = 0; n < cases[i].customers; n++) {
            satchel_id id = stage_customer(&all.here, "Shop", &all.li, NULL);
            stage_edit_text(&all.here, SATCHEL_ENTITY_CUSTOMER, &id, SATCHEL_CUSTOMER_NOTE, note);
        }
        all.mine.page_bytes = 2 * SATCHEL_LIMIT_PAGE_BYTES;
        CHECK_OK(phone_exchange(&all.mine, PHONE_GOOD_LUCK));
        CHECK(all.mine.more == cases[i].more);
        CHECK(all.mine.wire.bytes <= SATCHEL_LIMIT_PAGE_BYTES + 8192);
        phone_sync(&all.mine);
        CHECK_UINT(phone_count(&all.mine, SATCHEL_ENTITY_CUSTOMER), cases[i].customers);
        tear_down(&all);
    }
}
