/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists on the server: no query tells what its asker is not shown, and lists and sync show the same rows.
 */
#include "command_stage.h"
#include "query/query.h"
#include "service/realign.h"
#include "support/server_service/stage.h"

#include "base/text.h"

#define CUSTOMER SATCHEL_ENTITY_CUSTOMER

typedef struct counted {
    uint32_t rows;
    uint32_t pages;
} counted;

static satchel_status count_row(void *context, const satchel_id *id, const satchel_record *record, uint64_t n) {
    counted *into = context;
    (void)id;
    (void)record;
    (void)n;
    into->rows++;
    return SATCHEL_OK;
}

/* All pages. */
static satchel_status list(stage *here, const satchel_actor *actor, const satchel_query *query, uint32_t limit,
                           counted *out, satchel_error *error) {
    satchel_buffer next = {0};
    satchel_buffer keyset = {0};
    satchel_status status = SATCHEL_OK;
    *out = (counted){0, 0};
    do {
        satchel_buffer_clear(&keyset);
        REQUIRE_OK(satchel_buffer_append(&keyset, satchel_buffer_view(&next)));
        status = satchel_rows_list(here->service, here->db, actor, query, satchel_buffer_view(&keyset), limit,
                                   count_row, out, &next, error);
        out->pages++;
    } while (status == SATCHEL_OK && next.bytes > 0);
    satchel_buffer_deinit(&next);
    satchel_buffer_deinit(&keyset);
    return status;
}

typedef satchel_status (*query_part)(satchel_query *query);

static satchel_status where_phone(satchel_query *query) {
    return satchel_query_where_null(query, SATCHEL_CUSTOMER_PHONES, false);
}
static satchel_status where_risk(satchel_query *query) {
    return satchel_query_where_text(query, SATCHEL_CUSTOMER_RISK_NOTE, SATCHEL_COMPARE_BEGINS_WITH,
                                    satchel_text_of("b"));
}
static satchel_status where_no_risk(satchel_query *query) {
    return satchel_query_where_null(query, SATCHEL_CUSTOMER_RISK_NOTE, true);
}
static satchel_status sort_by_risk(satchel_query *query) {
    return satchel_query_sort(query, SATCHEL_CUSTOMER_RISK_NOTE, true);
}
static satchel_status sort_by_tax(satchel_query *query) {
    return satchel_query_sort(query, SATCHEL_CUSTOMER_TAX_NUMBER, false);
}
static satchel_status sort_by_change(satchel_query *query) {
    return satchel_query_sort(query, SATCHEL_FIELD_UPDATED_AT, true);
}
static satchel_status sort_by_birth(satchel_query *query) {
    return satchel_query_sort(query, SATCHEL_FIELD_CREATED_AT, true);
}
static satchel_status sort_by_name(satchel_query *query) {
    return satchel_query_sort(query, SATCHEL_CUSTOMER_NAME, false);
}

static void check_answer(stage *here, const satchel_actor *actor, query_part part, satchel_status wanted) {
    satchel_query *query = NULL;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    counted seen;
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    REQUIRE_OK(part(query));
    CHECK_STATUS(list(here, actor, query, 5, &seen, &error), wanted);
    if (wanted == SATCHEL_UNKNOWN_FIELD) {
        CHECK_TEXT(satchel_text_of(error.detail), "the query names an unknown field");
    }
    satchel_query_close(query);
}

TEST(lists, a_query_names_only_fields_that_its_asker_reads_in_every_row) {
    enum { MANAGER, REP, MARKETING, AUDITOR, OPERATOR, ASKERS };
    static const uint32_t roles[] = {SATCHEL_ROLE_MANAGER, SATCHEL_ROLE_REP, SATCHEL_ROLE_MARKETING,
                                     SATCHEL_ROLE_AUDITOR};
    static const char *const logins[] = {"a", "b", "c", "d"};
    const satchel_status ok = SATCHEL_OK;
    const satchel_status no = SATCHEL_UNKNOWN_FIELD;
    const satchel_status part = SATCHEL_FORBIDDEN;
    const struct {
        query_part part;
        satchel_status wanted[ASKERS];
    } asked[] = {
        {where_phone, {ok, part, part, ok, ok}},      {where_risk, {no, no, no, ok, ok}},
        {where_no_risk, {no, no, no, ok, ok}},        {sort_by_risk, {no, no, no, ok, ok}},
        {sort_by_tax, {ok, part, no, ok, ok}},        {sort_by_name, {ok, ok, ok, ok, ok}},
        {sort_by_change, {part, part, part, ok, ok}}, {sort_by_birth, {ok, ok, ok, ok, ok}},
    };
    stage here;
    stage_open(&here, NULL, 7);
    for (int a = 0; a < ASKERS; a++) {
        satchel_id user = a < OPERATOR ? stage_user(&here, logins[a], roles[a], NULL, NULL) : (satchel_id){{0}};
        satchel_actor actor = a < OPERATOR ? satchel_actor_user(&user) : here.system;
        for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
            check_answer(&here, &actor, asked[i].part, asked[i].wanted[a]);
        }
    }
    stage_close(&here);
}

/* Nothing of what hangs on a customer is ever in the pool, so what a rep sees there is no bar. */
TEST(lists, a_rep_finds_contacts_by_what_is_personal_among_his_own) {
    stage here;
    satchel_query *query = NULL;
    counted seen;
    stage_open(&here, NULL, 7);
    satchel_id li = stage_user(&here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    satchel_actor rep = satchel_actor_user(&li);
    for (int i = 0; i < 2; i++) {
        satchel_id shop = stage_customer(&here, "Shop", i == 0 ? &li : NULL, NULL);
        satchel_record contact = stage_record(&here);
        REQUIRE_OK(satchel_record_set_text(&contact, SATCHEL_CONTACT_NAME, satchel_text_of("Chen")));
        REQUIRE_OK(satchel_record_set_id(&contact, SATCHEL_CONTACT_CUSTOMER, &shop));
        REQUIRE_OK(satchel_record_set_text(&contact, SATCHEL_CONTACT_WECHAT, satchel_text_of("chen8")));
        stage_create(&here, SATCHEL_ENTITY_CONTACT, &contact);
    }
    REQUIRE_OK(satchel_query_open(&query, SATCHEL_ENTITY_CONTACT));
    REQUIRE_OK(
        satchel_query_where_text(query, SATCHEL_CONTACT_WECHAT, SATCHEL_COMPARE_EQUAL, satchel_text_of("chen8")));
    CHECK_OK(list(&here, &rep, query, 5, &seen, NULL));
    CHECK_UINT(seen.rows, 1);
    satchel_query_close(query);
    stage_close(&here);
}

TEST(lists, a_rep_lists_customers_of_the_pool_as_his_phone_has_them) {
    command_day day;
    satchel_query *query = NULL;
    counted seen;
    command_day_open(&day);
    for (int i = 0; i < 3; i++) {
        pool_customer(&day, "Pool Shop");
    }
    phone_sync(&day.lis);
    satchel_actor rep = satchel_actor_user(&day.li);
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    CHECK_OK(list(&day.here, &rep, query, 2, &seen, NULL));
    CHECK_UINT(seen.rows, phone_count(&day.lis, CUSTOMER));
    CHECK(seen.rows >= 3);
    satchel_query_close(query);
    command_day_close(&day);
}

/* While customers are realigned the condition lets them through for everybody. */
TEST(lists, rows_that_he_does_not_see_end_no_page_and_are_no_more) {
    stage here;
    satchel_query *query = NULL;
    counted seen;
    uint64_t moved = 0;
    stage_open(&here, NULL, 7);
    satchel_id li = stage_user(&here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    satchel_id wang = stage_user(&here, "wang", SATCHEL_ROLE_REP, NULL, NULL);
    satchel_id zhao = stage_user(&here, "zhao", SATCHEL_ROLE_REP, NULL, NULL);
    for (int i = 0; i < 12; i++) {
        stage_customer(&here, "Shop", i % 4 == 1 ? &li : &wang, NULL);
    }
    const satchel_realign_wish wish = {.of_owner = &wang, .owner = &zhao};
    stage_begin(&here);
    REQUIRE_OK(satchel_realign_begin(here.service, here.db, &here.system, &wish, &moved, NULL));
    stage_commit(&here);
    REQUIRE_UINT(moved, 9);
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    const struct {
        satchel_id user;
        uint32_t limit, rows, pages;
    } asked[] = {{li, 1, 3, 3}, {li, 2, 3, 2}, {li, 3, 3, 1}, {wang, 1, 0, 1}, {zhao, 4, 9, 3}};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        satchel_actor actor = satchel_actor_user(&asked[i].user);
        CHECK_OK(list(&here, &actor, query, asked[i].limit, &seen, NULL));
        CHECK_UINT(seen.rows, asked[i].rows);
        CHECK_UINT(seen.pages, asked[i].pages);
    }
    satchel_query_close(query);
    stage_close(&here);
}

/* --- conditions that need functions of ours in the database --- */

static void lists_rows(stage *here, satchel_query *query, uint32_t wanted) {
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    counted seen;
    CHECK_OK(list(here, &here->system, query, 3, &seen, &error));
    CHECK_TEXT(satchel_text_of(error.detail), "");
    CHECK_UINT(seen.rows, wanted);
    satchel_query_close(query);
}

TEST(lists, regress_an_element_of_a_set_is_found) {
    stage here;
    satchel_query *query = NULL;
    stage_open(&here, NULL, 7);
    satchel_id li = stage_user(&here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    for (int i = 0; i < 8; i++) {
        const satchel_bytes tag = satchel_text_bytes(satchel_text_of(i % 2 == 0 ? "south" : "southern"));
        const satchel_bytes with = satchel_id_view(&li);
        satchel_value tags = satchel_value_set(&tag, 1);
        satchel_value shared = satchel_value_set(&with, 1);
        satchel_record shop = stage_record(&here);
        REQUIRE_OK(satchel_record_set_text(&shop, SATCHEL_CUSTOMER_NAME, satchel_text_of("Shop")));
        REQUIRE_OK(i < 6 ? satchel_record_set(&shop, SATCHEL_CUSTOMER_TAGS, &tags) : SATCHEL_OK);
        REQUIRE_OK(i > 5 ? satchel_record_set(&shop, SATCHEL_CUSTOMER_SHARED_WITH, &shared) : SATCHEL_OK);
        stage_create(&here, CUSTOMER, &shop);
    }
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    REQUIRE_OK(satchel_query_where_text(query, SATCHEL_CUSTOMER_TAGS, SATCHEL_COMPARE_HAS, satchel_text_of("south")));
    lists_rows(&here, query, 3);
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    REQUIRE_OK(satchel_query_where_id(query, SATCHEL_CUSTOMER_SHARED_WITH, SATCHEL_COMPARE_HAS, &li));
    lists_rows(&here, query, 2);
    stage_close(&here);
}

TEST(lists, regress_what_is_near_is_found) {
    stage here;
    satchel_query *query = NULL;
    stage_open(&here, NULL, 7);
    for (int i = 0; i < 10; i++) { /* every 0.01 degrees to the east, 963 m there; the last one is nowhere */
        satchel_record shop = stage_record(&here);
        REQUIRE_OK(satchel_record_set_text(&shop, SATCHEL_CUSTOMER_NAME, satchel_text_of("Shop")));
        if (i < 9) {
            REQUIRE_OK(satchel_record_set_int(&shop, SATCHEL_CUSTOMER_LATITUDE_E7, 300000000));
            REQUIRE_OK(satchel_record_set_int(&shop, SATCHEL_CUSTOMER_LONGITUDE_E7, 1200000000 + 100000 * i));
        }
        stage_create(&here, CUSTOMER, &shop);
    }
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    REQUIRE_OK(satchel_query_near(query, 300000000, 1200000000, 3000));
    lists_rows(&here, query, 4);
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    REQUIRE_OK(satchel_query_near(query, 300000000, 1200000000, 100));
    lists_rows(&here, query, 1);
    stage_close(&here);
}
