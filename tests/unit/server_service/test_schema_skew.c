/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Phones of another version than the server: what a newer one says in fields that the server does not know is applied
 * and kept for the version that will know them. Until then nobody can tell who may see them, so nobody is shown them.
 * What an older one sends is always decided, also when the company wants pages to go to newer ones only.
 */
#include "support/server_service/stage.h"

#include "base/ids.h"
#include "base/text.h"
#include "service/rule_flags.h"
#include "service/skew.h"
#include "service/state.h"

#include <string.h>

/* Field 600, which no release has: text "later". */
static const uint8_t LATER[] = {0xc2, 0x25, 5, 'l', 'a', 't', 'e', 'r'};
static const uint8_t SOONER[] = {0xc2, 0x25, 6, 's', 'o', 'o', 'n', 'e', 'r'};

typedef struct skewed {
    stage here;
    satchel_id user;
    satchel_id customer;
    phone newer;
    phone other;
} skewed;

static void set_up(skewed *all) {
    memset(all, 0, sizeof *all);
    stage_open(&all->here, NULL, 1);
    all->user = stage_user(&all->here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    all->customer = stage_customer(&all->here, "Shop", &all->user, NULL);
    phone_enrol(&all->newer, &all->here, &all->user);
    phone_enrol(&all->other, &all->here, &all->user);
    phone_sync(&all->newer);
    phone_sync(&all->other);
}

static void tear_down(skewed *all) {
    phone_close(&all->newer);
    phone_close(&all->other);
    stage_close(&all->here);
}

static void say(skewed *all, const uint8_t *field, size_t bytes, const char *name) {
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_edit(&all->newer, &unit, SATCHEL_ENTITY_CUSTOMER, &all->customer);
    if (name != NULL) {
        REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CUSTOMER_NAME, satchel_text_of(name)));
    }
    op->set.tail = satchel_bytes_of(field, bytes);
    phone_commit(&all->newer, &unit);
    phone_sync(&all->newer);
}

static bool holds(satchel_bytes all, const uint8_t *part, size_t bytes) {
    for (size_t at = 0; at + bytes <= all.bytes; at++) {
        if (memcmp(all.data + at, part, bytes) == 0) {
            return true;
        }
    }
    return false;
}

TEST(schema_skew, a_field_that_the_server_does_not_know_is_kept_and_not_shown) {
    skewed all;
    set_up(&all);
    say(&all, LATER, sizeof LATER, "Renamed");
    CHECK_INT(phone_last(&all.newer).code, SATCHEL_RESULT_APPLIED);
    satchel_record row = stage_read(&all.here, SATCHEL_ENTITY_CUSTOMER, &all.customer, NULL);
    CHECK_BYTES(row.tail, satchel_bytes_of(LATER, sizeof LATER));
    satchel_buffer_clear(&all.other.wire);
    phone_sync(&all.other);
    CHECK(!holds(satchel_buffer_view(&all.other.wire), LATER, sizeof LATER));
    CHECK_TEXT(phone_text(&all.other, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_NAME), "Renamed");
    tear_down(&all);
}

TEST(schema_skew, an_older_phone_edits_the_row_and_the_newer_ones_field_stays) {
    skewed all;
    set_up(&all);
    say(&all, LATER, sizeof LATER, NULL);
    phone_sync(&all.other);
    phone_edit_text(&all.other, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_CITY, "Basel");
    phone_sync(&all.other);
    satchel_record row = stage_read(&all.here, SATCHEL_ENTITY_CUSTOMER, &all.customer, NULL);
    CHECK_BYTES(row.tail, satchel_bytes_of(LATER, sizeof LATER));
    say(&all, SOONER, sizeof SOONER, NULL);
    row = stage_read(&all.here, SATCHEL_ENTITY_CUSTOMER, &all.customer, NULL);
    REQUIRE(row.tail.bytes >= sizeof SOONER);
    satchel_bytes last = {row.tail.data + row.tail.bytes - sizeof SOONER, sizeof SOONER};
    CHECK_BYTES(last, satchel_bytes_of(SOONER, sizeof SOONER)); /* the last one counts when it is read */
    tear_down(&all);
}

/* --- pages for newer phones only --- */

/* The company's server is of the release after today's. */
static void upgrade_server(skewed *all, satchel_model *model) {
    *model = satchel_generated_model;
    model->version++;
    all->here.service->schema.model = model;
}

static satchel_status ask_for_schema(skewed *all, uint32_t version) {
    stage_begin(&all->here);
    satchel_status status = satchel_minimum_schema_set(all->here.service, all->here.db, version, NULL);
    stage_commit(&all->here);
    return status;
}

TEST(schema_skew, the_oldest_schema_for_pages_is_one_that_the_server_knows) {
    skewed all;
    satchel_model model;
    uint32_t minimum = 0;
    set_up(&all);
    REQUIRE_OK(satchel_minimum_schema_get(all.here.db, &minimum, NULL));
    CHECK_UINT(minimum, 1);
    upgrade_server(&all, &model);
    CHECK_STATUS(ask_for_schema(&all, 0), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(ask_for_schema(&all, model.version + 1), SATCHEL_OUT_OF_RANGE);
    CHECK_OK(ask_for_schema(&all, model.version));
    REQUIRE_OK(satchel_minimum_schema_get(all.here.db, &minimum, NULL));
    CHECK_UINT(minimum, model.version);
    CHECK(satchel_schema_is_too_old(1, 2) && satchel_schema_is_too_old(0, 2) && !satchel_schema_is_too_old(2, 2));
    CHECK(!satchel_schema_is_too_old(0, 1) && !satchel_schema_is_too_old(3, 2));
    tear_down(&all);
}

TEST(schema_skew, an_old_phone_is_asked_to_upgrade_and_its_work_is_decided) {
    skewed all;
    satchel_model model;
    set_up(&all);
    phone_edit_text(&all.newer, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_CITY, "Basel");
    phone_sync(&all.newer);
    upgrade_server(&all, &model);
    REQUIRE_OK(ask_for_schema(&all, 2));
    phone_edit_text(&all.other, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_NOTE, "back door");
    CHECK_STATUS(phone_exchange(&all.other, PHONE_GOOD_LUCK), SATCHEL_UPGRADE_REQUIRED);
    CHECK_UINT(all.other.minimum_schema, 2);
    CHECK_INT(phone_last(&all.other).code, SATCHEL_RESULT_APPLIED);
    CHECK_UINT(all.other.outbox_count, 0);
    CHECK_TEXT(phone_text(&all.other, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_CITY), "");
    satchel_record row = stage_read(&all.here, SATCHEL_ENTITY_CUSTOMER, &all.customer, NULL);
    CHECK_TEXT(satchel_record_text(&row, SATCHEL_CUSTOMER_NOTE), "back door");
    all.other.schema = 2; /* the app was upgraded */
    CHECK_STATUS(phone_exchange(&all.other, PHONE_GOOD_LUCK), SATCHEL_OK);
    CHECK_TEXT(phone_text(&all.other, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_CITY), "Basel");
    tear_down(&all);
}

TEST(schema_skew, a_phone_newer_than_the_server_is_served_as_any) {
    skewed all;
    set_up(&all);
    all.newer.schema = satchel_generated_model.version + 1;
    say(&all, LATER, sizeof LATER, "Renamed");
    CHECK_INT(phone_last(&all.newer).code, SATCHEL_RESULT_APPLIED);
    CHECK_UINT(all.newer.minimum_schema, 1);
    CHECK_TEXT(phone_text(&all.newer, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_NAME), "Renamed");
    tear_down(&all);
}

/* --- rules that are newer than an op --- */

typedef struct narrowed {
    satchel_model model;
    satchel_entity entities[64];
    satchel_field fields[128];
} narrowed;

/* The release after today's takes only so many bytes in one field of an entity. */
static void narrow(skewed *all, narrowed *next, uint32_t entity, uint32_t field, uint32_t max_bytes) {
    const satchel_model *model = &satchel_generated_model;
    REQUIRE(model->entity_count <= 64);
    memcpy(next->entities, model->entities, model->entity_count * sizeof *model->entities);
    for (uint32_t i = 0; i < model->entity_count; i++) {
        if (next->entities[i].number == entity) {
            REQUIRE(next->entities[i].field_count <= 128);
            memcpy(next->fields, next->entities[i].fields, next->entities[i].field_count * sizeof *next->fields);
            next->entities[i].fields = next->fields;
        }
    }
    next->model = (satchel_model){model->version + 1, model->entity_count, next->entities};
    all->here.service->schema.model = &next->model;
    satchel_field *ruled = (satchel_field *)(uintptr_t)satchel_schema_field(&all->here.service->schema, entity, field);
    ruled->max_bytes = max_bytes;
    ruled->rules_since = model->version + 1;
}

static phone_result say_city(phone *mine, const satchel_id *customer, const char *city, uint32_t made_by) {
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_edit(mine, &unit, SATCHEL_ENTITY_CUSTOMER, customer);
    op->schema = made_by;
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CUSTOMER_CITY, satchel_text_of(city)));
    phone_commit(mine, &unit);
    phone_sync(mine);
    return phone_last(mine);
}

TEST(schema_skew, what_an_old_app_wrote_before_a_rule_is_applied_and_flagged) {
    skewed all;
    narrowed next;
    set_up(&all);
    narrow(&all, &next, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_CITY, 4);
    all.other.schema = 2; /* the app was upgraded with the op in its log */
    CHECK_INT(say_city(&all.other, &all.customer, "Lund", 1).code, SATCHEL_RESULT_APPLIED);
    satchel_record row = stage_read(&all.here, SATCHEL_ENTITY_CUSTOMER, &all.customer, NULL);
    CHECK(satchel_record_get(&row, SATCHEL_CUSTOMER_FLAGS) == NULL);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(say_city(&all.other, &all.customer, i == 0 ? "Basel" : "Berne", 1).code, SATCHEL_RESULT_APPLIED);
        row = stage_read(&all.here, SATCHEL_ENTITY_CUSTOMER, &all.customer, NULL);
        const satchel_value *flags = satchel_record_get(&row, SATCHEL_CUSTOMER_FLAGS);
        REQUIRE(flags != NULL && flags->as.set.count == 1);
        CHECK_TEXT(satchel_text_from(flags->as.set.elements[0]), SATCHEL_FLAG_NEWER_RULE);
    }
    CHECK_TEXT(satchel_record_text(&row, SATCHEL_CUSTOMER_CITY), "Berne");
    CHECK_STATUS(say_city(&all.other, &all.customer, "Geneva", 2).status, SATCHEL_TOO_LONG);
    tear_down(&all);
}

TEST(schema_skew, a_kind_without_flags_is_noted_in_the_audit) {
    skewed all;
    narrowed next;
    satchel_id contact;
    phone_unit unit = {.count = 0};
    set_up(&all);
    narrow(&all, &next, SATCHEL_ENTITY_CONTACT, SATCHEL_CONTACT_NAME, 4);
    satchel_op *op = phone_create(&all.other, &unit, SATCHEL_ENTITY_CONTACT, &contact);
    op->schema = 1;
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CONTACT_NAME, satchel_text_of("Wang Fang")));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_CONTACT_CUSTOMER, &all.customer));
    uint64_t before = stage_counts(&all.here).audit_entries;
    phone_commit(&all.other, &unit);
    phone_sync(&all.other);
    CHECK_INT(phone_last(&all.other).code, SATCHEL_RESULT_APPLIED);
    CHECK_UINT(stage_counts(&all.here).audit_entries, before + 2); /* its own, and the unit's */
    tear_down(&all);
}
