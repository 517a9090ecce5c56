/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Look-ups in the model and in custom fields, the checks of custom definitions, reachability of states.
 */
#include "base/limits.h"
#include "base/text.h"
#include "satchel/model.h"
#include "schema/schema.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

#define MODEL (&satchel_generated_model)

static satchel_custom_field custom_text(uint32_t entity, uint32_t number, const char *name) {
    satchel_custom_field custom;
    memset(&custom, 0, sizeof custom);
    custom.entity = entity;
    custom.field.number = number;
    custom.field.name = name;
    custom.field.label = (satchel_label){name, name};
    custom.field.type = SATCHEL_TYPE_TEXT;
    custom.field.encoding = SATCHEL_ENCODING_BYTES;
    custom.field.flags = SATCHEL_FIELD_CUSTOM;
    custom.field.max_bytes = 100;
    return custom;
}

static satchel_schema plain_schema(void) {
    satchel_schema schema;
    REQUIRE_OK(satchel_schema_init(&schema, MODEL, NULL, 0, NULL));
    return schema;
}

TEST(schema, finds_entities_by_number_and_name) {
    satchel_schema schema = plain_schema();
    const satchel_entity *order = satchel_schema_entity(&schema, SATCHEL_ENTITY_ORDER);
    REQUIRE(order != NULL);
    CHECK_TEXT(order->name, "order");
    CHECK_TEXT(order->label.zh, "订单");
    CHECK(satchel_schema_entity_named(&schema, satchel_text_of("order")) == order);
    CHECK(satchel_schema_entity(&schema, 0) == NULL);
    CHECK(satchel_schema_entity(&schema, 17) == NULL);
    CHECK(satchel_schema_entity(&schema, UINT32_MAX) == NULL);
    CHECK(satchel_schema_entity_named(&schema, satchel_text_of("orde")) == NULL);
    CHECK(satchel_schema_entity_named(&schema, satchel_text_of("")) == NULL);
}

TEST(schema, finds_every_field_by_number_name_and_index) {
    satchel_schema schema = plain_schema();
    for (uint32_t e = 0; e < MODEL->entity_count; e++) {
        const satchel_entity *entity = &MODEL->entities[e];
        CHECK(satchel_schema_entity(&schema, entity->number) == entity);
        for (uint32_t i = 0; i < entity->field_count; i++) {
            const satchel_field *field = &entity->fields[i];
            CHECK(satchel_schema_field(&schema, entity->number, field->number) == field);
            CHECK(satchel_schema_field_named(&schema, entity->number, satchel_text_of(field->name)) == field);
            CHECK(satchel_schema_field_at(&schema, entity->number, i) == field);
        }
        CHECK(satchel_schema_field_at(&schema, entity->number, entity->field_count) == NULL);
        CHECK(satchel_schema_field(&schema, entity->number, 0) == NULL);
        CHECK(satchel_schema_field(&schema, entity->number, 899) == NULL);
        CHECK(satchel_schema_field_named(&schema, entity->number, satchel_text_of("none")) == NULL);
    }
    CHECK(satchel_schema_field_at(&schema, 17, 0) == NULL);
    CHECK(satchel_schema_field(&schema, 17, 2) == NULL);
}

TEST(schema, custom_fields_follow_those_of_the_model) {
    const satchel_custom_field custom[] = {
        custom_text(SATCHEL_ENTITY_CUSTOMER, 1000, "shelf_count"), custom_text(SATCHEL_ENTITY_CUSTOMER, 1007, "brand"),
        custom_text(SATCHEL_ENTITY_VISIT, 1000, "shelf_count"), /* another entity may use number and name again */
    };
    satchel_schema schema;
    REQUIRE_OK(satchel_schema_init(&schema, MODEL, custom, 3, NULL));
    uint32_t own = satchel_schema_entity(&schema, SATCHEL_ENTITY_CUSTOMER)->field_count;
    CHECK(satchel_schema_field(&schema, SATCHEL_ENTITY_CUSTOMER, 1007) == &custom[1].field);
    CHECK(satchel_schema_field(&schema, SATCHEL_ENTITY_CUSTOMER, 1001) == NULL);
    CHECK(satchel_schema_field(&schema, SATCHEL_ENTITY_TASK, 1000) == NULL);
    CHECK(satchel_schema_field_at(&schema, SATCHEL_ENTITY_CUSTOMER, own) == &custom[0].field);
    CHECK(satchel_schema_field_at(&schema, SATCHEL_ENTITY_CUSTOMER, own + 1) == &custom[1].field);
    CHECK(satchel_schema_field_at(&schema, SATCHEL_ENTITY_CUSTOMER, own + 2) == NULL);
    CHECK(satchel_schema_field_at(&schema, SATCHEL_ENTITY_CUSTOMER, UINT32_MAX) == NULL);
    CHECK(satchel_schema_field_named(&schema, SATCHEL_ENTITY_VISIT, satchel_text_of("shelf_count")) ==
          &custom[2].field);
}

/* Init with two customer fields, the second as given, must answer `expected`. */
static void expect_init(satchel_custom_field second, satchel_status expected) {
    const satchel_custom_field custom[] = {custom_text(SATCHEL_ENTITY_CUSTOMER, 1000, "first"), second};
    satchel_schema schema;
    satchel_error error;
    memset(&error, 0, sizeof error);
    CHECK_STATUS(satchel_schema_init(&schema, MODEL, custom, 2, &error), expected);
    CHECK_UINT(schema.custom_count, expected == SATCHEL_OK ? 2 : 0);
    CHECK(expected == SATCHEL_OK || error.detail[0] != '\0');
}

TEST(schema, refuses_custom_fields_that_are_out_of_order_range_or_name) {
    expect_init(custom_text(1, 1001, "second"), SATCHEL_OK);
    expect_init(custom_text(1, 1000, "second"), SATCHEL_INVALID_ARGUMENT);
    expect_init(custom_text(0, 1001, "second"), SATCHEL_INVALID_ARGUMENT);
    expect_init(custom_text(17, 1001, "second"), SATCHEL_INVALID_ARGUMENT);
    expect_init(custom_text(2, 999, "second"), SATCHEL_INVALID_ARGUMENT);
    expect_init(custom_text(2, 1000, "second"), SATCHEL_OK);
    expect_init(custom_text(1, 65535, "second"), SATCHEL_OK);
    expect_init(custom_text(1, 65536, "second"), SATCHEL_INVALID_ARGUMENT);
    expect_init(custom_text(1, 1001, "first"), SATCHEL_INVALID_ARGUMENT);
    expect_init(custom_text(2, 1001, "first"), SATCHEL_OK);
    expect_init(custom_text(1, 1001, "credit_limit_minor"), SATCHEL_INVALID_ARGUMENT);
    expect_init(custom_text(1, 1001, ""), SATCHEL_INVALID_ARGUMENT);
}

TEST(schema, refuses_a_definition_that_is_not_whole) {
    static const satchel_choice bad_items[] = {{64, "a", {"A", "A"}, 0, 0, false, 0}};
    static const satchel_choices bad = {"Bad", 1, bad_items, 0}, none = {"None", 0, NULL, 0};
    satchel_custom_field base = custom_text(1, 1001, "second"), broken[9];
    for (int i = 0; i < 9; i++) {
        broken[i] = base;
    }
    broken[0].field.flags = 0;
    broken[1].field.max_bytes = 0;
    broken[2].field.type = SATCHEL_TYPE_NULL;
    broken[3].field.type = SATCHEL_TYPE_TIME + 1;
    broken[4].field.type = SATCHEL_TYPE_SET; /* of what? */
    broken[5].field.group = 1;
    broken[6].field.sensitivity = SATCHEL_SENSITIVITY_COUNT;
    broken[7].field.type = SATCHEL_TYPE_INT;
    broken[7].field.choices = &bad;
    broken[8].field.type = SATCHEL_TYPE_INT;
    broken[8].field.choices = &none;
    for (int i = 0; i < 9; i++) {
        test_note("definition %d", i);
        expect_init(broken[i], SATCHEL_INVALID_ARGUMENT);
    }
}

TEST(schema, takes_the_limit_of_custom_fields_and_not_one_more) {
    static satchel_custom_field custom[SATCHEL_LIMIT_CUSTOM_FIELDS + 1];
    static char names[SATCHEL_LIMIT_CUSTOM_FIELDS + 1][16];
    satchel_schema schema;
    for (uint32_t i = 0; i <= SATCHEL_LIMIT_CUSTOM_FIELDS; i++) {
        snprintf(names[i], sizeof names[i], "custom_%u", i);
        custom[i] = custom_text(SATCHEL_ENTITY_CUSTOMER, 1000 + i, names[i]);
    }
    CHECK_OK(satchel_schema_init(&schema, MODEL, custom, SATCHEL_LIMIT_CUSTOM_FIELDS, NULL));
    CHECK_STATUS(satchel_schema_init(&schema, MODEL, custom, SATCHEL_LIMIT_CUSTOM_FIELDS + 1, NULL),
                 SATCHEL_LIMIT_EXCEEDED);
}

TEST(schema, finds_choices_by_value_and_name) {
    satchel_schema schema = plain_schema();
    const satchel_field *status = satchel_schema_field(&schema, SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_STATUS);
    const satchel_field *name = satchel_schema_field(&schema, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME);
    const satchel_choice *choice = satchel_field_choice(status, SATCHEL_VISIT_STATUS_IN_PROGRESS);
    REQUIRE(choice != NULL);
    CHECK_TEXT(choice->name, "in_progress");
    CHECK(satchel_field_choice_named(status, satchel_text_of("in_progress")) == choice);
    CHECK(satchel_field_choice(status, 0) == NULL);
    CHECK(satchel_field_choice(status, 5) == NULL);
    CHECK(satchel_field_choice(status, INT64_MIN) == NULL);
    CHECK(satchel_field_choice_named(status, satchel_text_of("unset")) == NULL);
    CHECK(satchel_field_choice(name, 1) == NULL);
    CHECK(satchel_field_choice_named(name, satchel_text_of("planned")) == NULL);
}

TEST(schema, a_state_reaches_what_its_steps_lead_to) {
    satchel_schema schema = plain_schema();
    const satchel_choices *visit = satchel_schema_field(&schema, SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_STATUS)->choices;
    static const bool expected[6][6] = {
        {false},
        {false, true, true, true, true, false},
        {false, false, true, true, true, false},
        {false, false, false, true, false, false},
        {false, false, false, false, true, false},
        {false},
    };
    for (int from = 0; from < 6; from++) {
        for (int to = 0; to < 6; to++) {
            test_note("%d to %d", from, to);
            CHECK(satchel_choices_reach(visit, from, to) == expected[from][to]);
        }
    }
    CHECK(!satchel_choices_reach(visit, 64, 1));
    CHECK(!satchel_choices_reach(visit, 1, 64));
    CHECK(!satchel_choices_reach(visit, -1, INT64_MAX));
}
