/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy as rows: presets, roles of the company's own, and that a change holds from its commit on.
 */
#include "service/people.h"
#include "service/policies.h"
#include "support/server_service/stage.h"

#include "base/text.h"
#include "base/times.h"

#include <stdio.h>
#include <string.h>

static satchel_status put_role(stage *here, const char *name, const char *rules) {
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    stage_begin(here);
    satchel_status status =
        satchel_role_put(here->service, here->db, &here->system, satchel_text_of(name), satchel_text_of(rules), &error);
    stage_commit(here);
    return status;
}

static satchel_status apply(stage *here, const char *name) {
    satchel_preset preset = SATCHEL_PRESET_SMALL;
    REQUIRE_OK(satchel_preset_named(satchel_text_of(name), &preset));
    stage_begin(here);
    satchel_status status = satchel_preset_apply(here->service, here->db, &here->system, preset, NULL);
    stage_commit(here);
    return status;
}

TEST(policies, three_presets_by_size_and_a_preset_takes_no_role_from_anybody) {
    stage here;
    satchel_preset preset;
    stage_open(&here, NULL, 5);
    CHECK_OK(apply(&here, "small"));
    CHECK_INT(stage_number(&here, "SELECT count(*) FROM \"role\" WHERE \"deleted\" = 0"), 2);
    CHECK_OK(apply(&here, "large"));
    CHECK_INT(stage_number(&here, "SELECT count(*) FROM \"role\" WHERE \"deleted\" = 0"), 6);
    CHECK_INT(stage_number(&here, "SELECT value FROM company_rule WHERE name = 'approve.transfer'"), 1);
    CHECK_OK(apply(&here, "medium"));
    CHECK_INT(stage_number(&here, "SELECT count(*) FROM company_rule WHERE name = 'approve.transfer'"), 0);
    stage_user(&here, "boss", SATCHEL_ROLE_MANAGER, NULL, NULL);
    CHECK_STATUS(apply(&here, "small"), SATCHEL_UNSUPPORTED);
    CHECK_STATUS(satchel_preset_named(satchel_text_of("huge"), &preset), SATCHEL_NOT_FOUND);
    stage_close(&here);
}

TEST(policies, the_shipped_policy_as_rows_decides_as_before) {
    stage here;
    const satchel_policy_book *rows = NULL;
    stage_open(&here, NULL, 6);
    CHECK_OK(apply(&here, "medium"));
    REQUIRE_OK(satchel_policy_now(here.service, here.db, &rows, NULL));
    const satchel_policy_book *shipped = satchel_policy_shipped(here.service);
    CHECK(rows != shipped);
    CHECK(memcmp(rows->marks, shipped->marks, sizeof rows->marks) == 0);
    CHECK(memcmp(rows->names, shipped->names, sizeof rows->names) == 0);
    stage_close(&here);
}

TEST(policies, another_rule_of_a_role_holds_at_its_commit_on_phones_too) {
    stage here;
    phone mine;
    stage_open(&here, NULL, 7);
    satchel_id li = stage_user(&here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    satchel_id shop = stage_customer(&here, "Shop", &li, NULL);
    phone_enrol(&mine, &here, &li);
    phone_sync(&mine);
    CHECK(phone_find(&mine, SATCHEL_ENTITY_CUSTOMER, &shop) != NULL);
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &shop, SATCHEL_CUSTOMER_CITY, "Ningbo");
    CHECK_OK(put_role(&here, "rep", "* read company\ncustomer read own\ncustomer open=read own"));
    phone_sync(&mine);
    CHECK_STATUS(phone_last(&mine).status, SATCHEL_FORBIDDEN);
    CHECK(phone_find(&mine, SATCHEL_ENTITY_CUSTOMER, &shop) != NULL);
    CHECK_OK(put_role(&here, "rep", "* read company"));
    phone_sync(&mine);
    CHECK(phone_find(&mine, SATCHEL_ENTITY_CUSTOMER, &shop) == NULL);
    phone_close(&mine);
    stage_close(&here);
}

TEST(policies, a_role_of_the_companys_own_has_a_number_and_its_rules_are_checked) {
    stage here;
    const satchel_policy_book *book = NULL;
    char name[SATCHEL_ROLE_NAME_BYTES + 2];
    uint32_t role = 0;
    stage_open(&here, NULL, 8);
    CHECK_OK(put_role(&here, "driver", "customer read any\ncustomer open=read any"));
    REQUIRE_OK(satchel_policy_now(here.service, here.db, &book, NULL));
    CHECK_OK(satchel_policy_role_named(book, satchel_text_of("driver"), &role));
    CHECK_UINT(role, SATCHEL_ROLE_FIRST_OWN);
    CHECK_STATUS(put_role(&here, "driver", "customer fly any"), SATCHEL_MALFORMED);
    CHECK_STATUS(put_role(&here, "", "* read any"), SATCHEL_INVALID_ARGUMENT);
    memset(name, 'n', sizeof name);
    name[SATCHEL_ROLE_NAME_BYTES + 1] = '\0';
    CHECK_STATUS(put_role(&here, name, "* read any"), SATCHEL_TOO_LONG);
    name[SATCHEL_ROLE_NAME_BYTES] = '\0';
    CHECK_OK(put_role(&here, name, "* read any"));
    for (uint32_t i = SATCHEL_ROLE_FIRST_OWN + 2; i < SATCHEL_ROLES_MOST; i++) {
        name[0] = (char)('a' + i % 26);
        name[1] = (char)('a' + i / 26);
        REQUIRE_OK(put_role(&here, name, "* read any"));
    }
    CHECK_STATUS(put_role(&here, "one too many", "* read any"), SATCHEL_LIMIT_EXCEEDED);
    stage_close(&here);
}

TEST(policies, a_role_that_is_rolled_back_never_was) {
    stage here;
    const satchel_policy_book *before = NULL;
    const satchel_policy_book *after = NULL;
    satchel_value name = satchel_value_text(satchel_text_of("rep"));
    stage_open(&here, NULL, 9);
    REQUIRE_OK(satchel_policy_now(here.service, here.db, &before, NULL));
    stage_begin(&here);
    REQUIRE_OK(
        satchel_role_put(here.service, here.db, &here.system, satchel_text_of("rep"), satchel_text_of(""), NULL));
    REQUIRE_OK(satchel_policy_now(here.service, here.db, &after, NULL));
    CHECK(after != before);
    const satchel_set names = {&name.as.bytes, 1};
    CHECK_UINT(satchel_policy_roles(after, &names), 1u << SATCHEL_ROLE_REP);
    satchel_db_rollback(here.db);
    REQUIRE_OK(satchel_policy_now(here.service, here.db, &after, NULL));
    CHECK(after == before);
    stage_close(&here);
}

static void spoil(stage *here, const char *rules) {
    stage_begin(here);
    REQUIRE_OK(SATCHEL_DB_RUN(here->db, NULL, "UPDATE \"role\" SET \"rules\" = ?1 WHERE \"name\" = 'rep'",
                              satchel_value_text(satchel_text_of(rules))));
    REQUIRE_OK(satchel_policy_moved(here->service, here->db, NULL));
    stage_commit(here);
}

TEST(policies, a_line_that_is_no_rule_gives_nothing_and_the_operator_is_told) {
    stage here;
    phone mine;
    const satchel_policy_book *book = NULL;
    stage_open(&here, NULL, 10);
    satchel_id li = stage_user(&here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    satchel_id shop = stage_customer(&here, "Shop", &li, NULL);
    CHECK_OK(put_role(&here, "rep", "* read company\ncustomer read own\ncustomer open=read own"));
    CHECK_UINT(stage_counts(&here).role_troubles, 0);
    spoil(&here, "* read company\ncustomer read own,everywhere\ncustomer open=read own");
    phone_enrol(&mine, &here, &li);
    phone_sync(&mine);
    CHECK(phone_find(&mine, SATCHEL_ENTITY_CUSTOMER, &shop) == NULL);
    CHECK_UINT(stage_counts(&here).role_troubles, 1);
    REQUIRE_OK(satchel_policy_now(here.service, here.db, &book, NULL));
    REQUIRE(book->trouble_count == 1);
    CHECK_UINT(book->troubles[0].line, 2);
    CHECK(strcmp(book->troubles[0].name, "rep") == 0);
    static const char told[] = "SELECT count(*) FROM audit_event WHERE action = 'role not understood'";
    int64_t before = stage_number(&here, told);
    stage_pass(&here, SATCHEL_MS_PER_DAY);
    phone_sync(&mine);
    phone_sync(&mine);
    CHECK_INT(stage_number(&here, told), before + 1); /* once a day */
    phone_close(&mine);
    stage_close(&here);
}

TEST(policies, a_role_that_is_no_role_gives_nothing_as_a_whole) {
    stage here;
    stage_open(&here, NULL, 11);
    CHECK_OK(put_role(&here, "driver", "customer read any"));
    stage_begin(&here);
    REQUIRE_OK(satchel_db_exec(here.db, "UPDATE \"role\" SET \"role_index\" = 0 WHERE \"name\" = 'driver'", NULL));
    REQUIRE_OK(satchel_policy_moved(here.service, here.db, NULL));
    stage_commit(&here);
    const satchel_policy_book *book = NULL;
    REQUIRE_OK(satchel_policy_now(here.service, here.db, &book, NULL));
    REQUIRE(book->trouble_count == 1);
    CHECK_UINT(book->troubles[0].line, 0);
    stage_close(&here);
}

TEST(policies, troubles_beyond_those_that_are_kept_are_counted) {
    stage here;
    stage_open(&here, NULL, 13);
    CHECK_OK(put_role(&here, "driver", "customer read any"));
    for (uint32_t i = 0; i <= SATCHEL_ROLE_TROUBLES_MOST; i++) {
        satchel_record role = stage_record(&here);
        char name[16];
        snprintf(name, sizeof name, "role%u", (unsigned)i);
        REQUIRE_OK(satchel_record_set_text(&role, SATCHEL_ROLE_NAME, satchel_text_of(name)));
        REQUIRE_OK(satchel_record_set_int(&role, SATCHEL_ROLE_ROLE_INDEX, 0)); /* the administrator's */
        stage_create(&here, SATCHEL_ENTITY_ROLE, &role);
    }
    CHECK_UINT(stage_counts(&here).role_troubles, SATCHEL_ROLE_TROUBLES_MOST + 1);
    stage_begin(&here);
    REQUIRE_OK(satchel_policy_audit_troubles(here.service, here.db, NULL));
    stage_commit(&here);
    CHECK_INT(stage_number(&here, "SELECT count(*) FROM audit_event WHERE action = 'role not understood'"),
              SATCHEL_ROLE_TROUBLES_MOST);
    stage_close(&here);
}

TEST(policies, rules_that_make_no_sense_are_refused_by_whatever_way_they_are_written) {
    stage here;
    satchel_write_outcome outcome;
    satchel_id ids[16];
    stage_open(&here, NULL, 12);
    CHECK_OK(put_role(&here, "driver", "customer read any"));
    uint32_t count = stage_list(&here, SATCHEL_ENTITY_ROLE, ids, 16);
    REQUIRE(count == 7);
    satchel_record record = stage_record(&here);
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_ROLE_RULES, satchel_text_of("customer fly any")));
    for (uint32_t i = 0; i < count; i++) {
        CHECK_STATUS(stage_try_edit(&here, &here.system, SATCHEL_ENTITY_ROLE, &ids[i], 0, &record, &outcome),
                     SATCHEL_MALFORMED);
    }
    CHECK_UINT(stage_counts(&here).role_troubles, 0);
    stage_close(&here);
}
