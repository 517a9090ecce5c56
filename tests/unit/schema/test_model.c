/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The generated table of today's model: what all code takes for granted about it, and a few facts read by eye.
 */
#include "base/limits.h"
#include "base/text.h"
#include "satchel/model.h"
#include "schema/patterns.h"
#include "schema/schema.h"
#include "support/test.h"

static const satchel_field *field_of(uint32_t entity, uint32_t number) {
    satchel_schema schema;
    REQUIRE_OK(satchel_schema_init(&schema, &satchel_generated_model, NULL, 0, NULL));
    return satchel_schema_field(&schema, entity, number);
}

static const satchel_entity *entity_of(uint32_t number) {
    satchel_schema schema;
    REQUIRE_OK(satchel_schema_init(&schema, &satchel_generated_model, NULL, 0, NULL));
    return satchel_schema_entity(&schema, number);
}

TEST(model, entities_and_fields_ascend_and_are_labelled) {
    const satchel_model *model = &satchel_generated_model;
    CHECK_UINT(model->version, SATCHEL_MODEL_VERSION);
    for (uint32_t e = 0; e < model->entity_count; e++) {
        const satchel_entity *entity = &model->entities[e];
        CHECK(e == 0 || entity->number > model->entities[e - 1].number);
        CHECK(entity->label.en[0] != '\0' && entity->label.zh[0] != '\0' && entity->plural[0] != '\0');
        for (uint32_t i = 0; i < entity->field_count; i++) {
            const satchel_field *field = &entity->fields[i];
            test_note("%s.%s", entity->name, field->name);
            CHECK(i == 0 || field->number > entity->fields[i - 1].number);
            CHECK(field->number < SATCHEL_CUSTOM_FIELD_FIRST);
            CHECK(satchel_text_valid(satchel_text_of(field->label.zh)) && field->label.zh[0] != '\0');
            CHECK(field->label.en[0] != '\0');
        }
    }
}

static void check_field(const satchel_field *field) {
    bool set = field->type == SATCHEL_TYPE_SET;
    bool sized = set || field->type == SATCHEL_TYPE_TEXT || field->type == SATCHEL_TYPE_BYTES;
    CHECK(!sized || field->max_bytes > 0);
    CHECK(field->max_bytes <= (set ? SATCHEL_LIMIT_SET_ELEMENT_BYTES : SATCHEL_LIMIT_TEXT_BYTES));
    CHECK(set == (field->element != SATCHEL_TYPE_NULL));
    CHECK(field->policy != SATCHEL_POLICY_SET || set);
    CHECK(field->policy != SATCHEL_POLICY_STATE || field->choices != NULL);
    CHECK(field->policy != SATCHEL_POLICY_SERVER || field->writer == SATCHEL_WRITE_SERVER);
    CHECK(field->ref == 0 || entity_of(field->ref) != NULL);
    CHECK(field->pattern == NULL || satchel_pattern_known(field->pattern));
    CHECK(field->min <= field->max);
    CHECK((field->choices != NULL) <= (field->type == SATCHEL_TYPE_INT));
}

TEST(model, every_field_hangs_together) {
    const satchel_model *model = &satchel_generated_model;
    for (uint32_t e = 0; e < model->entity_count; e++) {
        for (uint32_t i = 0; i < model->entities[e].field_count; i++) {
            test_note("%s.%s", model->entities[e].name, model->entities[e].fields[i].name);
            check_field(&model->entities[e].fields[i]);
        }
    }
}

TEST(model, customers_come_first_and_a_root_before_its_children) {
    const satchel_model *model = &satchel_generated_model;
    CHECK_UINT(model->entities[0].number, SATCHEL_ENTITY_CUSTOMER);
    for (uint32_t e = 0; e < model->entity_count; e++) {
        const satchel_entity *entity = &model->entities[e];
        if (entity->root != 0) {
            CHECK(entity->root < entity->number);
            CHECK_UINT(entity_of(entity->root)->root, 0);
            CHECK_UINT(field_of(entity->number, entity->root_field)->ref, entity->root);
        }
        if (entity->anchor_field != 0) {
            CHECK_UINT(field_of(entity->number, entity->anchor_field)->ref, SATCHEL_ENTITY_CUSTOMER);
        }
        if (entity->owner_field != 0) {
            CHECK_UINT(field_of(entity->number, entity->owner_field)->ref, SATCHEL_ENTITY_USER);
        }
    }
}

TEST(model, the_customer_is_as_described) {
    const satchel_entity *customer = entity_of(SATCHEL_ENTITY_CUSTOMER);
    const satchel_field *name = field_of(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME);
    const satchel_field *credit = field_of(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR);
    CHECK_TEXT(customer->plural, "customers");
    CHECK_UINT(customer->flags, SATCHEL_ENTITY_ARCHIVE);
    CHECK_UINT(customer->owner_field, SATCHEL_CUSTOMER_OWNER);
    CHECK_UINT(customer->title_field, SATCHEL_CUSTOMER_NAME);
    CHECK_TEXT(name->label.zh, "名称");
    CHECK_INT(name->policy, SATCHEL_POLICY_ASK);
    CHECK_UINT(name->flags, SATCHEL_FIELD_REQUIRED);
    CHECK_INT(name->search, SATCHEL_SEARCH_PINYIN);
    CHECK_INT(credit->writer, SATCHEL_WRITE_MANAGER);
    CHECK_INT(credit->sensitivity, SATCHEL_SENSITIVITY_COMMERCIAL);
    CHECK_INT(credit->unit, SATCHEL_UNIT_MONEY);
    CHECK_INT(credit->encoding, SATCHEL_ENCODING_ZIGZAG);
    CHECK_INT(credit->group, SATCHEL_CUSTOMER_GROUP_CREDIT);
    CHECK_INT(field_of(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_POOL_STATE)->policy, SATCHEL_POLICY_SERVER);
}

TEST(model, states_carry_their_paths_ranks_and_evidence) {
    const satchel_choices *visit = field_of(SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_STATUS)->choices;
    const satchel_choices *order = field_of(SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_STATUS)->choices;
    CHECK_TEXT(visit->name, "VisitStatus");
    CHECK_INT(visit->initial, SATCHEL_VISIT_STATUS_PLANNED);
    CHECK_UINT(visit->items[0].next, 1u << SATCHEL_VISIT_STATUS_IN_PROGRESS | 1u << SATCHEL_VISIT_STATUS_CANCELLED);
    CHECK_INT(visit->items[2].rank, 2);
    CHECK_UINT(visit->items[2].rank_field, SATCHEL_VISIT_CHECK_IN_AT);
    CHECK_INT(visit->items[3].rank, 1);
    CHECK_UINT(visit->items[3].rank_field, 0);
    CHECK(order->items[SATCHEL_ORDER_STATUS_CONFIRMED - 1].server_only);
    CHECK(!order->items[SATCHEL_ORDER_STATUS_SUBMITTED - 1].server_only);
}
