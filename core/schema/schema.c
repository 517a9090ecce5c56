/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Look-ups in the entity table and in the company's custom fields. The table is trusted, because the generator checked
 * it; custom fields come from the database and are checked once, in init.
 */
#include "schema/schema.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"

static const satchel_entity *find_entity(const satchel_model *model, uint32_t entity) {
    if (entity - 1 < model->entity_count && model->entities[entity - 1].number == entity) {
        return &model->entities[entity - 1]; /* the lower numbers have no gaps */
    }
    uint32_t low = 0, high = model->entity_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (model->entities[middle].number < entity) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < model->entity_count && model->entities[low].number == entity ? &model->entities[low] : NULL;
}

static const satchel_field *find_model_field(const satchel_entity *entity, uint32_t field) {
    if (field - 1 < entity->field_count && entity->fields[field - 1].number == field) {
        return &entity->fields[field - 1];
    }
    uint32_t low = 0, high = entity->field_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (entity->fields[middle].number < field) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < entity->field_count && entity->fields[low].number == field ? &entity->fields[low] : NULL;
}

/* Index of the first custom field that is not before (entity, field). */
static uint32_t custom_place(const satchel_schema *schema, uint32_t entity, uint32_t field) {
    uint32_t low = 0, high = schema->custom_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const satchel_custom_field *custom = &schema->custom[middle];
        if (custom->entity < entity || (custom->entity == entity && custom->field.number < field)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool name_taken(const satchel_schema *schema, uint32_t index) {
    const satchel_custom_field *custom = &schema->custom[index];
    const satchel_entity *entity = find_entity(schema->model, custom->entity);
    satchel_text name = satchel_text_of(custom->field.name);
    for (uint32_t i = 0; i < entity->field_count; i++) {
        if (satchel_text_is(name, entity->fields[i].name)) {
            return true;
        }
    }
    for (uint32_t i = index; i > 0 && schema->custom[i - 1].entity == custom->entity; i--) {
        if (satchel_text_is(name, schema->custom[i - 1].field.name)) {
            return true;
        }
    }
    return false;
}

static bool choices_well_formed(const satchel_choices *choices) {
    int32_t before = 0;
    for (uint32_t i = 0; i < choices->count; i++) {
        if (choices->items[i].value <= before || choices->items[i].value > SATCHEL_CHOICE_LAST) {
            return false;
        }
        before = choices->items[i].value;
    }
    return choices->count > 0;
}

/* What the rest of the code takes for granted about any field. */
static bool well_formed(const satchel_field *field) {
    bool sized =
        field->type == SATCHEL_TYPE_TEXT || field->type == SATCHEL_TYPE_BYTES || field->type == SATCHEL_TYPE_SET;
    bool set = field->type == SATCHEL_TYPE_SET;
    bool element = field->element == SATCHEL_TYPE_TEXT || field->element == SATCHEL_TYPE_ID;
    if (field->choices != NULL && (field->type != SATCHEL_TYPE_INT || !choices_well_formed(field->choices))) {
        return false;
    }
    return field->name != NULL && field->name[0] != '\0' && (field->flags & SATCHEL_FIELD_CUSTOM) != 0 &&
           field->type > SATCHEL_TYPE_NULL && field->type <= SATCHEL_TYPE_TIME && (!sized || field->max_bytes > 0) &&
           (set ? element : field->element == SATCHEL_TYPE_NULL) && field->group == 0 &&
           field->sensitivity < SATCHEL_SENSITIVITY_COUNT && field->policy <= SATCHEL_POLICY_ONCE_THEN_ASK;
}

static satchel_status check_custom(const satchel_schema *schema, uint32_t index, satchel_error *error) {
    const satchel_custom_field *custom = &schema->custom[index];
    const satchel_custom_field *before = index > 0 ? &schema->custom[index - 1] : NULL;
    uint32_t entity = custom->entity, number = custom->field.number;
    if (before != NULL && (before->entity > entity || (before->entity == entity && before->field.number >= number))) {
        return satchel_fail_field(error, SATCHEL_INVALID_ARGUMENT, entity, number, "custom fields are not sorted");
    }
    if (number < SATCHEL_CUSTOM_FIELD_FIRST || number > SATCHEL_CUSTOM_FIELD_LAST) {
        return satchel_fail_field(error, SATCHEL_INVALID_ARGUMENT, entity, number,
                                  "custom field %u lies outside %d … %d", number, SATCHEL_CUSTOM_FIELD_FIRST,
                                  SATCHEL_CUSTOM_FIELD_LAST);
    }
    if (find_entity(schema->model, entity) == NULL) {
        return satchel_fail_field(error, SATCHEL_INVALID_ARGUMENT, entity, number,
                                  "custom field %u is of the unknown entity %u", number, entity);
    }
    if (!well_formed(&custom->field)) {
        return satchel_fail_field(error, SATCHEL_INVALID_ARGUMENT, entity, number,
                                  "the definition of custom field %u is not whole", number);
    }
    if (name_taken(schema, index)) {
        return satchel_fail_field(error, SATCHEL_INVALID_ARGUMENT, entity, number,
                                  "the name of custom field %u is taken", number);
    }
    return SATCHEL_OK;
}

satchel_status satchel_schema_init(satchel_schema *schema, const satchel_model *model,
                                   const satchel_custom_field *custom, uint32_t custom_count, satchel_error *error) {
    *schema = (satchel_schema){model, NULL, 0};
    if (custom_count > SATCHEL_LIMIT_CUSTOM_FIELDS) {
        return satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "%u custom fields, %d are allowed", custom_count,
                            SATCHEL_LIMIT_CUSTOM_FIELDS);
    }
    satchel_schema with_custom = {model, custom, custom_count};
    for (uint32_t i = 0; i < custom_count; i++) {
        satchel_status status = check_custom(&with_custom, i, error);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    *schema = with_custom;
    return SATCHEL_OK;
}

const satchel_entity *satchel_schema_entity(const satchel_schema *schema, uint32_t entity) {
    return find_entity(schema->model, entity);
}

const satchel_entity *satchel_schema_entity_named(const satchel_schema *schema, satchel_text name) {
    for (uint32_t i = 0; i < schema->model->entity_count; i++) {
        if (satchel_text_is(name, schema->model->entities[i].name)) {
            return &schema->model->entities[i];
        }
    }
    return NULL;
}

const satchel_field *satchel_schema_field(const satchel_schema *schema, uint32_t entity, uint32_t field) {
    if (field < SATCHEL_CUSTOM_FIELD_FIRST) {
        const satchel_entity *found = find_entity(schema->model, entity);
        return found != NULL ? find_model_field(found, field) : NULL;
    }
    uint32_t place = custom_place(schema, entity, field);
    if (place == schema->custom_count || schema->custom[place].entity != entity ||
        schema->custom[place].field.number != field) {
        return NULL;
    }
    return &schema->custom[place].field;
}

const satchel_field *satchel_schema_field_named(const satchel_schema *schema, uint32_t entity, satchel_text name) {
    const satchel_field *field = NULL;
    for (uint32_t i = 0; (field = satchel_schema_field_at(schema, entity, i)) != NULL; i++) {
        if (satchel_text_is(name, field->name)) {
            return field;
        }
    }
    return NULL;
}

const satchel_field *satchel_schema_field_at(const satchel_schema *schema, uint32_t entity, uint32_t index) {
    const satchel_entity *found = find_entity(schema->model, entity);
    if (found == NULL) {
        return NULL;
    }
    if (index < found->field_count) {
        return &found->fields[index];
    }
    uint32_t place = custom_place(schema, entity, 0);
    uint32_t wanted = index - found->field_count;
    if (wanted >= schema->custom_count - place || schema->custom[place + wanted].entity != entity) {
        return NULL;
    }
    return &schema->custom[place + wanted].field;
}

const satchel_choice *satchel_field_choice(const satchel_field *field, int64_t value) {
    for (uint32_t i = 0; field->choices != NULL && i < field->choices->count; i++) {
        if (field->choices->items[i].value == value) {
            return &field->choices->items[i];
        }
    }
    return NULL;
}

const satchel_choice *satchel_field_choice_named(const satchel_field *field, satchel_text name) {
    for (uint32_t i = 0; field->choices != NULL && i < field->choices->count; i++) {
        if (satchel_text_is(name, field->choices->items[i].name)) {
            return &field->choices->items[i];
        }
    }
    return NULL;
}

bool satchel_choices_reach(const satchel_choices *choices, int64_t from, int64_t to) {
    uint64_t known = 0;
    for (uint32_t i = 0; i < choices->count; i++) {
        known |= UINT64_C(1) << choices->items[i].value;
    }
    if (from < 1 || from > SATCHEL_CHOICE_LAST || to < 1 || to > SATCHEL_CHOICE_LAST || (known >> from & 1) == 0 ||
        (known >> to & 1) == 0) {
        return false;
    }
    uint64_t reached = UINT64_C(1) << from, before = 0;
    while (reached != before) {
        before = reached;
        for (uint32_t i = 0; i < choices->count; i++) {
            if (before >> choices->items[i].value & 1) {
                reached |= choices->items[i].next;
            }
        }
    }
    return reached >> to & 1;
}
