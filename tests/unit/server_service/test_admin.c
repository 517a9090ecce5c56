/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Administration: people, rows, imports, decisions on conflicts, the audit chain, and that a restart forgets nothing.
 */
#include "support/server_service/stage.h"

#include "base/ids.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

static satchel_status add_user(stage *here, const satchel_new_user *user, satchel_id *out, satchel_error *error) {
    stage_begin(here);
    satchel_status status = satchel_user_add(here->service, here->db, &here->system, user, out, error);
    stage_commit(here);
    return status;
}

TEST(admin, users_are_checked_before_they_are_made) {
    stage here;
    satchel_id id;
    satchel_error error;
    stage_open(&here, NULL, 7);
    satchel_new_user user = {.login = satchel_text_of("li"), .name = satchel_text_of("Li"), .roles = 4};
    CHECK_OK(add_user(&here, &user, &id, &error));
    CHECK_STATUS(add_user(&here, &user, &id, &error), SATCHEL_ALREADY_EXISTS);
    user.login = satchel_text_of("wang");
    user.roles = 0;
    CHECK_STATUS(add_user(&here, &user, &id, &error), SATCHEL_INVALID_ARGUMENT);
    user.roles = 4;
    user.manager = (satchel_id){{3}};
    CHECK_STATUS(add_user(&here, &user, &id, &error), SATCHEL_REFERENCE_MISSING);
    user.manager = (satchel_id){{0}};
    user.name = satchel_text_of("");
    CHECK(add_user(&here, &user, &id, &error) != SATCHEL_OK);
    CHECK_UINT(stage_counts(&here).users, 1);
    CHECK_OK(satchel_user_named(here.service, here.db, satchel_text_of("li"), &id, &error));
    CHECK_STATUS(satchel_user_named(here.service, here.db, satchel_text_of("no"), &id, &error), SATCHEL_NOT_FOUND);
    stage_close(&here);
}

TEST(admin, nobody_comes_to_report_to_himself) {
    stage here;
    satchel_error error;
    stage_open(&here, NULL, 7);
    satchel_id top = stage_user(&here, "top", SATCHEL_ROLE_MANAGER, NULL, NULL);
    satchel_id low = stage_user(&here, "low", SATCHEL_ROLE_MANAGER, &top, NULL);
    satchel_user_change change = {.manager = &low};
    stage_begin(&here);
    CHECK_STATUS(satchel_user_change_to(here.service, here.db, &here.system, &top, &change, &error),
                 SATCHEL_INVALID_ARGUMENT);
    change.manager = &top;
    CHECK_STATUS(satchel_user_change_to(here.service, here.db, &here.system, &top, &change, &error),
                 SATCHEL_INVALID_ARGUMENT);
    stage_commit(&here);
    stage_close(&here);
}

TEST(admin, an_act_that_fails_leaves_nothing) {
    stage here;
    satchel_write_outcome outcome;
    satchel_error error;
    stage_open(&here, NULL, 7);
    uint64_t n = stage_counts(&here).n;
    satchel_record record = stage_record(&here);
    satchel_id missing = {{9}};
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of("Shop")));
    REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_CUSTOMER_OWNER, &missing));
    stage_begin(&here);
    CHECK_STATUS(satchel_served_row_create(here.service, here.db, &here.system, SATCHEL_ENTITY_CUSTOMER, NULL, &record,
                                           &outcome, &error),
                 SATCHEL_REFERENCE_MISSING);
    CHECK_UINT(error.field, SATCHEL_CUSTOMER_OWNER);
    stage_commit(&here);
    CHECK_UINT(stage_counts(&here).n, n);
    CHECK_INT(stage_number(&here, "SELECT count(*) FROM customer"), 0);
    stage_close(&here);
}

TEST(admin, an_edit_says_only_what_differs) {
    stage here;
    stage_open(&here, NULL, 7);
    satchel_id shop = stage_customer(&here, "Shop", NULL, NULL);
    uint64_t n = stage_counts(&here).n;
    satchel_write_outcome same = stage_edit_text(&here, SATCHEL_ENTITY_CUSTOMER, &shop, SATCHEL_CUSTOMER_NAME, "Shop");
    CHECK(!same.changed);
    CHECK_UINT(stage_counts(&here).n, n);
    satchel_write_outcome other =
        stage_edit_text(&here, SATCHEL_ENTITY_CUSTOMER, &shop, SATCHEL_CUSTOMER_NAME, "Shop 2");
    CHECK(other.changed);
    CHECK_UINT(stage_counts(&here).n, n + 1);
    stage_close(&here);
}

TEST(admin, an_edit_on_an_old_revision_merges_like_any_other) {
    stage here;
    uint64_t seen = 0;
    satchel_write_outcome outcome;
    stage_open(&here, NULL, 7);
    satchel_id boss = stage_user(&here, "boss", SATCHEL_ROLE_ADMINISTRATOR, NULL, NULL);
    satchel_actor actor = satchel_actor_user(&boss);
    satchel_id shop = stage_customer(&here, "Shop", NULL, NULL);
    stage_read(&here, SATCHEL_ENTITY_CUSTOMER, &shop, &seen);
    stage_edit_text(&here, SATCHEL_ENTITY_CUSTOMER, &shop, SATCHEL_CUSTOMER_NAME, "Theirs");
    satchel_record record = stage_record(&here);
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of("Mine")));
    CHECK_OK(stage_try_edit(&here, &actor, SATCHEL_ENTITY_CUSTOMER, &shop, seen, &record, &outcome));
    CHECK_UINT(outcome.conflicts, 1);
    satchel_record row = stage_read(&here, SATCHEL_ENTITY_CUSTOMER, &shop, NULL);
    CHECK_TEXT(satchel_record_text(&row, SATCHEL_CUSTOMER_NAME), "Theirs");
    stage_close(&here);
}

TEST(admin, a_customer_is_archived_not_deleted) {
    stage here;
    satchel_write_outcome outcome;
    stage_open(&here, NULL, 7);
    satchel_id shop = stage_customer(&here, "Shop", NULL, NULL);
    stage_begin(&here);
    CHECK_OK(
        satchel_served_row_delete(here.service, here.db, &here.system, SATCHEL_ENTITY_CUSTOMER, &shop, &outcome, NULL));
    stage_commit(&here);
    satchel_record row = stage_read(&here, SATCHEL_ENTITY_CUSTOMER, &shop, NULL);
    const satchel_value *archived = satchel_record_get(&row, SATCHEL_CUSTOMER_ARCHIVED);
    CHECK(archived != NULL && archived->as.boolean);
    stage_close(&here);
}

/* --- who acts --- */

TEST(admin, a_rep_administers_nothing_and_reads_only_his_own) {
    stage here;
    satchel_id out;
    uint64_t n = 0;
    satchel_error error;
    stage_open(&here, NULL, 7);
    satchel_id li = stage_user(&here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    satchel_actor actor = satchel_actor_user(&li);
    satchel_id shop = stage_customer(&here, "Shop", NULL, NULL);
    satchel_new_user user = {.login = satchel_text_of("x"), .name = satchel_text_of("X"), .roles = 1};
    satchel_record record = stage_record(&here);
    stage_begin(&here);
    CHECK_STATUS(satchel_user_add(here.service, here.db, &actor, &user, &out, &error), SATCHEL_FORBIDDEN);
    CHECK_STATUS(satchel_customer_reassign(here.service, here.db, &actor, &shop, &li, NULL, &error),
                 SATCHEL_OUT_OF_SCOPE);
    CHECK_STATUS(
        satchel_served_row_read(here.service, here.db, &actor, SATCHEL_ENTITY_CUSTOMER, &shop, &record, &n, &error),
        SATCHEL_OUT_OF_SCOPE);
    stage_commit(&here);
    stage_reassign(&here, &shop, &li);
    CHECK_OK(
        satchel_served_row_read(here.service, here.db, &actor, SATCHEL_ENTITY_CUSTOMER, &shop, &record, &n, &error));
    stage_close(&here);
}

static satchel_status count_rows(void *context, const satchel_id *id, const satchel_record *record, uint64_t n) {
    (void)id;
    (void)record;
    (void)n;
    *(uint32_t *)context += 1;
    return SATCHEL_OK;
}

static uint32_t list_as(stage *here, const satchel_actor *actor, uint32_t entity, uint32_t limit) {
    satchel_query *query = NULL;
    satchel_buffer next = {0};
    satchel_buffer keyset = {0};
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    uint32_t count = 0;
    REQUIRE_OK(satchel_query_open(&query, entity));
    do {
        satchel_buffer_clear(&keyset);
        REQUIRE_OK(satchel_buffer_append(&keyset, satchel_buffer_view(&next)));
        satchel_status status = satchel_rows_list(here->service, here->db, actor, query, satchel_buffer_view(&keyset),
                                                  limit, count_rows, &count, &next, &error);
        if (status != SATCHEL_OK) {
            test_note("%s", error.detail);
        }
        REQUIRE_OK(status);
    } while (next.bytes > 0);
    satchel_query_close(query);
    satchel_buffer_deinit(&next);
    satchel_buffer_deinit(&keyset);
    return count;
}

TEST(admin, lists_show_each_actor_what_he_may_read_page_by_page) {
    stage here;
    stage_open(&here, NULL, 7);
    satchel_id li = stage_user(&here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    satchel_actor rep = satchel_actor_user(&li);
    for (int i = 0; i < 23; i++) {
        satchel_id shop = stage_customer(&here, "Shop", i % 3 == 0 ? &li : NULL, NULL);
        satchel_record contact = stage_record(&here);
        REQUIRE_OK(satchel_record_set_text(&contact, SATCHEL_CONTACT_NAME, satchel_text_of("Chen")));
        REQUIRE_OK(satchel_record_set_id(&contact, SATCHEL_CONTACT_CUSTOMER, &shop));
        stage_create(&here, SATCHEL_ENTITY_CONTACT, &contact);
    }
    CHECK_UINT(list_as(&here, &here.system, SATCHEL_ENTITY_CUSTOMER, 5), 23);
    CHECK_UINT(list_as(&here, &rep, SATCHEL_ENTITY_CUSTOMER, 3), 8);
    CHECK_UINT(list_as(&here, &rep, SATCHEL_ENTITY_CONTACT, 3), 8);
    CHECK_UINT(list_as(&here, &rep, SATCHEL_ENTITY_USER, 3), 1);
    stage_close(&here);
}

/* --- many at once --- */

static satchel_status put_customer(satchel_bulk *bulk, stage *here, const char *number, const char *name,
                                   satchel_write_outcome *out) {
    satchel_record record = stage_record(here);
    satchel_error error;
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_EXTERNAL_ID, satchel_text_of(number)));
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of(name)));
    return satchel_bulk_put(bulk, SATCHEL_ENTITY_CUSTOMER, NULL, &record, out, &error);
}

TEST(bulk, rows_are_found_again_by_their_number_and_a_bad_one_spoils_no_other) {
    stage here;
    satchel_bulk *bulk = NULL;
    satchel_write_outcome first;
    satchel_write_outcome outcome;
    stage_open(&here, NULL, 7);
    uint64_t n = stage_counts(&here).n;
    char long_name[400];
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    stage_begin(&here);
    REQUIRE_OK(satchel_bulk_open(&bulk, here.service, here.db, &here.system, NULL));
    CHECK_OK(put_customer(bulk, &here, "A1", "Shop", &first));
    CHECK(first.created);
    CHECK_STATUS(put_customer(bulk, &here, "A2", long_name, &outcome), SATCHEL_TOO_LONG);
    CHECK_OK(put_customer(bulk, &here, "A1", "Shop renamed", &outcome));
    CHECK(!outcome.created && outcome.changed);
    CHECK_ID(&outcome.id, &first.id);
    CHECK_OK(put_customer(bulk, &here, "A1", "Shop renamed", &outcome));
    CHECK(!outcome.changed);
    CHECK_OK(satchel_bulk_close(bulk, NULL));
    stage_commit(&here);
    CHECK_UINT(stage_counts(&here).n, n + 1);
    CHECK_INT(stage_number(&here, "SELECT count(*) FROM customer"), 1);
    CHECK_OK(satchel_served_row_by_external_id(here.service, here.db, SATCHEL_ENTITY_CUSTOMER, satchel_text_of("A1"),
                                               &outcome.id, NULL));
    CHECK_STATUS(satchel_served_row_by_external_id(here.service, here.db, SATCHEL_ENTITY_CUSTOMER,
                                                   satchel_text_of("A2"), &outcome.id, NULL),
                 SATCHEL_NOT_FOUND);
    CHECK_STATUS(satchel_served_row_by_external_id(here.service, here.db, SATCHEL_ENTITY_TASK, satchel_text_of("A2"),
                                                   &outcome.id, NULL),
                 SATCHEL_UNSUPPORTED);
    stage_close(&here);
}

/* Puts a customer of his own with a number in as the actor. */
static satchel_status import_as(stage *here, const satchel_actor *actor, const char *number, const char *name,
                                satchel_write_outcome *out) {
    satchel_bulk *bulk = NULL;
    satchel_record record = stage_record(here);
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_EXTERNAL_ID, satchel_text_of(number)));
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of(name)));
    if (!actor->system) {
        REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_CUSTOMER_OWNER, &actor->user));
    }
    stage_begin(here);
    REQUIRE_OK(satchel_bulk_open(&bulk, here->service, here->db, actor, NULL));
    satchel_status status = satchel_bulk_put(bulk, SATCHEL_ENTITY_CUSTOMER, NULL, &record, out, NULL);
    CHECK_OK(satchel_bulk_close(bulk, NULL));
    stage_commit(here);
    return status;
}

TEST(bulk, a_number_of_a_row_that_he_does_not_see_is_like_one_that_nobody_has) {
    stage here;
    satchel_write_outcome hidden;
    satchel_write_outcome taken;
    satchel_write_outcome unused;
    stage_open(&here, NULL, 7);
    satchel_id boss = stage_user(&here, "boss", SATCHEL_ROLE_MANAGER, NULL, NULL);
    satchel_actor actor = satchel_actor_user(&boss);
    CHECK_OK(import_as(&here, &here.system, "A1", "Hidden", &hidden));
    uint64_t n = hidden.n;
    CHECK_OK(import_as(&here, &actor, "A1", "Shop", &taken));
    CHECK_OK(import_as(&here, &actor, "A2", "Shop", &unused));
    CHECK(taken.created && unused.created);
    satchel_record kept = stage_read(&here, SATCHEL_ENTITY_CUSTOMER, &hidden.id, &n);
    CHECK_UINT(n, hidden.n);
    CHECK_TEXT(satchel_record_text(&kept, SATCHEL_CUSTOMER_NAME), "Hidden");
    /* His own he finds, though another is older. */
    CHECK_OK(import_as(&here, &actor, "A1", "Renamed", &unused));
    CHECK(!unused.created && unused.changed);
    CHECK_ID(&unused.id, &taken.id);
    stage_close(&here);
}

/* --- conflicts --- */

typedef struct quarrel {
    stage here;
    satchel_id li, shop, conflict;
    phone mine;
} quarrel;

static void start_quarrel(quarrel *about) {
    stage_open(&about->here, NULL, 8);
    about->li = stage_user(&about->here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    about->shop = stage_customer(&about->here, "Shop", &about->li, NULL);
    phone_enrol(&about->mine, &about->here, &about->li);
    phone_sync(&about->mine);
    stage_edit_text(&about->here, SATCHEL_ENTITY_CUSTOMER, &about->shop, SATCHEL_CUSTOMER_NAME, "Office's");
    phone_edit_text(&about->mine, SATCHEL_ENTITY_CUSTOMER, &about->shop, SATCHEL_CUSTOMER_NAME, "Li's");
    phone_sync(&about->mine);
    REQUIRE_UINT(stage_list(&about->here, SATCHEL_ENTITY_CONFLICT, &about->conflict, 1), 1);
}

static satchel_status decide(quarrel *about, satchel_decision decision) {
    satchel_error error;
    stage_begin(&about->here);
    satchel_status status = satchel_conflict_decide(about->here.service, about->here.db, &about->here.system,
                                                    &about->conflict, decision, &error);
    stage_commit(&about->here);
    return status;
}

TEST(conflicts, the_loser_can_be_put_back_once) {
    quarrel about;
    start_quarrel(&about);
    CHECK_OK(decide(&about, SATCHEL_DECISION_RESTORE));
    CHECK_STATUS(decide(&about, SATCHEL_DECISION_KEEP), SATCHEL_OVERTAKEN);
    phone_sync(&about.mine);
    CHECK_TEXT(phone_text(&about.mine, SATCHEL_ENTITY_CUSTOMER, &about.shop, SATCHEL_CUSTOMER_NAME), "Li's");
    CHECK_UINT(stage_counts(&about.here).conflicts_open, 0);
    phone_close(&about.mine);
    stage_close(&about.here);
}

TEST(conflicts, of_one_field_one_is_open_and_no_loser_is_forgotten) {
    quarrel about;
    start_quarrel(&about);
    stage_edit_text(&about.here, SATCHEL_ENTITY_CUSTOMER, &about.shop, SATCHEL_CUSTOMER_NAME, "Office's again");
    phone_edit_text(&about.mine, SATCHEL_ENTITY_CUSTOMER, &about.shop, SATCHEL_CUSTOMER_NAME, "Li's again");
    phone_sync(&about.mine);
    CHECK_UINT(stage_counts(&about.here).conflicts, 2);
    CHECK_UINT(stage_counts(&about.here).conflicts_open, 1);
    CHECK_OK(decide(&about, SATCHEL_DECISION_RESTORE));
    satchel_record row = stage_read(&about.here, SATCHEL_ENTITY_CUSTOMER, &about.shop, NULL);
    CHECK_TEXT(satchel_record_text(&row, SATCHEL_CUSTOMER_NAME), "Li's");
    phone_close(&about.mine);
    stage_close(&about.here);
}

/* --- the chain, and what a restart forgets --- */

TEST(audit, the_chain_names_the_first_bad_entry) {
    stage here;
    uint64_t bad = 0;
    uint64_t count = 0;
    stage_open(&here, NULL, 9);
    for (int i = 0; i < 5; i++) {
        stage_customer(&here, "Shop", NULL, NULL);
    }
    CHECK_OK(satchel_audit_verify(here.db, &bad, &count, NULL));
    CHECK_UINT(bad, 0);
    CHECK_UINT(count, 6);
    REQUIRE_OK(satchel_db_exec(here.db, "UPDATE audit_event SET at = at + 1 WHERE rowid = 3", NULL));
    CHECK_OK(satchel_audit_verify(here.db, &bad, &count, NULL));
    CHECK_UINT(bad, 3);
    REQUIRE_OK(satchel_db_exec(here.db, "UPDATE audit_event SET at = at - 1 WHERE rowid = 3", NULL));
    REQUIRE_OK(satchel_db_exec(here.db, "DELETE FROM audit_event WHERE rowid = 6", NULL));
    CHECK_OK(satchel_audit_verify(here.db, &bad, &count, NULL));
    CHECK_UINT(bad, 6);
    stage_close(&here);
}

/* What fits its predecessors, but is not what was written last. */
TEST(audit, regress_the_chain_ends_with_the_entry_that_was_written_last) {
    stage here;
    uint64_t bad = 0;
    uint64_t count = 0;
    stage_open(&here, NULL, 9);
    stage_customer(&here, "Shop", NULL, NULL);
    REQUIRE_OK(satchel_db_exec(
        here.db, "UPDATE counter SET audit_hash = (SELECT previous_hash FROM audit_event WHERE rowid = 2)", NULL));
    CHECK_OK(satchel_audit_verify(here.db, &bad, &count, NULL));
    CHECK_UINT(bad, 2);
    CHECK_UINT(count, 2);
    stage_close(&here);
}

TEST(restart, everything_is_in_the_database) {
    test_temp temp = test_temp_make();
    char path[TEST_PATH_BYTES];
    stage here;
    phone mine;
    test_temp_path(&temp, "server.db", path);
    stage_open(&here, path, 10);
    satchel_id li = stage_user(&here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    satchel_id shop = stage_customer(&here, "Shop", &li, NULL);
    phone_enrol(&mine, &here, &li);
    phone_sync(&mine);
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &shop, SATCHEL_CUSTOMER_CITY, "Ningbo");
    CHECK_STATUS(phone_exchange(&mine, PHONE_LOSE_REPLY), SATCHEL_NETWORK_ERROR);
    stage_reopen(&here);
    phone_sync(&mine);
    CHECK_INT(phone_last(&mine).code, SATCHEL_RESULT_APPLIED);
    CHECK_UINT(stage_counts(&here).stored_answers, 1);
    CHECK_UINT(stage_counts(&here).units_applied, 1);
    CHECK_TEXT(phone_text(&mine, SATCHEL_ENTITY_CUSTOMER, &shop, SATCHEL_CUSTOMER_CITY), "Ningbo");
    satchel_company company;
    CHECK_OK(satchel_company_get(here.service, here.db, &company, NULL));
    CHECK_TEXT(company.name, "华宁 Trading");
    phone_close(&mine);
    stage_close(&here);
    test_temp_remove(&temp);
}

TEST(company, it_is_made_once_and_has_a_name) {
    stage here;
    stage_open(&here, NULL, 10);
    char long_name[SATCHEL_COMPANY_NAME_BYTES + 2];
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    stage_begin(&here);
    CHECK_STATUS(satchel_company_init(here.service, here.db, satchel_text_of("Other"), NULL), SATCHEL_ALREADY_EXISTS);
    CHECK_STATUS(satchel_company_init(here.service, here.db, satchel_text_of(""), NULL), SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_company_init(here.service, here.db, satchel_text_of(long_name), NULL), SATCHEL_TOO_LONG);
    stage_commit(&here);
    stage_close(&here);
}

static satchel_status see_device(void *context, const satchel_device_row *row) {
    CHECK_TEXT(row->name, "test phone");
    CHECK(!row->revoked);
    *(int *)context += 1;
    return SATCHEL_OK;
}

static satchel_status see_kept(void *context, const satchel_id *device, uint64_t first_sequence, satchel_status reason,
                               int64_t at_ms, satchel_bytes unit) {
    (void)device;
    (void)at_ms;
    CHECK_UINT(first_sequence, 1);
    CHECK_STATUS(reason, SATCHEL_QUARANTINED);
    CHECK(unit.bytes > 0);
    *(int *)context += 1;
    return SATCHEL_OK;
}

TEST(devices, devices_and_quarantined_units_are_listed_for_the_operator) {
    quarrel about;
    int devices = 0;
    int kept = 0;
    stage_open(&about.here, NULL, 8);
    about.li = stage_user(&about.here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    about.shop = stage_customer(&about.here, "Shop", &about.li, NULL);
    phone_enrol(&about.mine, &about.here, &about.li);
    phone_sync(&about.mine);
    REQUIRE_OK(SATCHEL_DB_RUN(about.here.db, NULL, "UPDATE customer SET versions = ?1",
                              satchel_db_blob("\xff\xff\xff\xff", 4)));
    phone_edit_text(&about.mine, SATCHEL_ENTITY_CUSTOMER, &about.shop, SATCHEL_CUSTOMER_CITY, "Ningbo");
    about.mine.page_bytes = 0;
    CHECK_STATUS(phone_exchange(&about.mine, PHONE_GOOD_LUCK), SATCHEL_OK);
    CHECK_OK(satchel_devices_list(about.here.service, about.here.db, &about.here.system, see_device, &devices, NULL));
    CHECK_OK(satchel_quarantine_list(about.here.service, about.here.db, &about.here.system, see_kept, &kept, NULL));
    CHECK_INT(devices, 1);
    CHECK_INT(kept, 1);
    phone_close(&about.mine);
    stage_close(&about.here);
}
