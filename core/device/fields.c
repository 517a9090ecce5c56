/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public view of the schema table. The model's part is static; the company's own fields are copied.
 */
#include "device/device.h"

#include "device/catalogue.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"

#include <assert.h>
#include <string.h>

static_assert((int)SATCHEL_FIELD_TYPE_TIME == (int)SATCHEL_TYPE_TIME && (int)SATCHEL_FIELD_TYPE_SET == SATCHEL_TYPE_SET,
              "the public types are those of the schema");
static_assert((int)SATCHEL_FIELD_UNIT_BYTES == (int)SATCHEL_UNIT_BYTES &&
                  (int)SATCHEL_FIELD_UNIT_QUANTITY_E3 == (int)SATCHEL_UNIT_QUANTITY_E3,
              "the public units are those of the schema");

/* --- the copy --- */

static const char *copy_text(satchel_arena *arena, const char *text) {
    return text == NULL ? NULL : satchel_arena_text(arena, satchel_text_of(text));
}

static bool copy_choices(satchel_arena *arena, const satchel_choices *from, const satchel_choices **out) {
    satchel_choices *choices = satchel_arena_take(arena, sizeof *choices);
    satchel_choice *items = satchel_arena_take_array(arena, from->count, sizeof *items);
    if (choices == NULL || items == NULL) {
        return false;
    }
    *choices = *from;
    choices->name = copy_text(arena, from->name);
    choices->items = items;
    for (uint32_t i = 0; i < from->count; i++) {
        items[i] = from->items[i];
        items[i].name = copy_text(arena, from->items[i].name);
        items[i].label.en = copy_text(arena, from->items[i].label.en);
        items[i].label.zh = copy_text(arena, from->items[i].label.zh);
        if (items[i].name == NULL || items[i].label.en == NULL || items[i].label.zh == NULL) {
            return false;
        }
    }
    *out = choices;
    return true;
}

static bool copy_custom(satchel_arena *arena, const satchel_custom_field *from, satchel_custom_field *out) {
    *out = *from;
    out->field.name = copy_text(arena, from->field.name);
    out->field.label.en = copy_text(arena, from->field.label.en);
    out->field.label.zh = copy_text(arena, from->field.label.zh);
    out->field.pattern = copy_text(arena, from->field.pattern);
    if (out->field.name == NULL || out->field.label.en == NULL || out->field.label.zh == NULL ||
        (from->field.pattern != NULL && out->field.pattern == NULL)) {
        return false;
    }
    return from->field.choices == NULL || copy_choices(arena, from->field.choices, &out->field.choices);
}

static satchel_status copy_schema(satchel_fields *fields, const satchel_schema *from) {
    satchel_custom_field *custom = satchel_arena_take_array(&fields->arena, from->custom_count, sizeof *custom);
    if (custom == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (uint32_t i = 0; i < from->custom_count; i++) {
        if (!copy_custom(&fields->arena, &from->custom[i], &custom[i])) {
            return SATCHEL_NO_MEMORY;
        }
    }
    fields->schema = (satchel_schema){from->model, custom, from->custom_count};
    return SATCHEL_OK;
}

satchel_status satchel_fields_open(satchel_fields **out, satchel_device *device, satchel_error *error) {
    const satchel_schema model = {&satchel_generated_model, NULL, 0};
    satchel_status status = SATCHEL_OK;
    *out = NULL;
    satchel_fields *fields = satchel_memory_take(sizeof *fields);
    if (fields == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the fields");
    }
    if (device == NULL) {
        status = copy_schema(fields, &model);
    } else {
        status = satchel_device_enter(device, error);
        if (status == SATCHEL_OK) {
            status = copy_schema(fields, satchel_store_schema(device->store));
            satchel_device_leave(device);
        }
    }
    if (status == SATCHEL_OK) {
        *out = fields;
    } else {
        satchel_fields_close(fields);
    }
    return status;
}

void satchel_fields_close(satchel_fields *fields) {
    if (fields != NULL) {
        satchel_arena_deinit(&fields->arena);
        satchel_memory_give(fields);
    }
}

/* --- entities --- */

static uint32_t count_fields(const satchel_fields *fields, const satchel_entity *entity) {
    uint32_t count = entity->field_count;
    for (uint32_t i = 0; i < fields->schema.custom_count; i++) {
        count += fields->schema.custom[i].entity == entity->number ? 1 : 0;
    }
    return count;
}

static satchel_status give_entity(const satchel_fields *fields, const satchel_entity *entity,
                                  satchel_entity_info *out) {
    if (entity == NULL) {
        return SATCHEL_UNKNOWN_ENTITY;
    }
    *out = (satchel_entity_info){
        .number = entity->number,
        .name = entity->name,
        .plural = entity->plural,
        .label_en = entity->label.en,
        .label_zh = entity->label.zh,
        .root = entity->root,
        .root_field = entity->root_field,
        .anchor_field = entity->anchor_field,
        .owner_field = entity->owner_field,
        .title_field = entity->title_field,
        .field_count = count_fields(fields, entity),
        .fact = (entity->flags & SATCHEL_ENTITY_FACT) != 0,
        .server_made = (entity->flags & SATCHEL_ENTITY_SERVER_MADE) != 0,
        .server_only = (entity->flags & SATCHEL_ENTITY_SERVER_ONLY) != 0,
    };
    return SATCHEL_OK;
}

uint32_t satchel_fields_entity_count(const satchel_fields *fields) {
    return fields->schema.model->entity_count;
}

satchel_status satchel_fields_entity_at(const satchel_fields *fields, uint32_t index, satchel_entity_info *out) {
    if (index >= fields->schema.model->entity_count) {
        return SATCHEL_OUT_OF_RANGE;
    }
    return give_entity(fields, &fields->schema.model->entities[index], out);
}

satchel_status satchel_fields_entity(const satchel_fields *fields, uint32_t entity, satchel_entity_info *out) {
    return give_entity(fields, satchel_schema_entity(&fields->schema, entity), out);
}

satchel_status satchel_fields_entity_named(const satchel_fields *fields, satchel_text name, satchel_entity_info *out) {
    const satchel_entity *entity = satchel_schema_entity_named(&fields->schema, name);
    for (uint32_t i = 0; entity == NULL && i < fields->schema.model->entity_count; i++) {
        const satchel_entity *candidate = &fields->schema.model->entities[i];
        entity = satchel_text_is(name, candidate->plural) ? candidate : NULL;
    }
    return give_entity(fields, entity, out);
}

/* --- fields --- */

bool satchel_field_is_day(const satchel_field *field) {
    return field->unit == SATCHEL_UNIT_DAYS && field->encoding == SATCHEL_ENCODING_ZIGZAG;
}

static satchel_status give_field(const satchel_field *field, satchel_field_info *out) {
    if (field == NULL) {
        return SATCHEL_UNKNOWN_FIELD;
    }
    *out = (satchel_field_info){
        .number = field->number,
        .name = field->name,
        .label_en = field->label.en,
        .label_zh = field->label.zh,
        .type = (satchel_field_type)field->type,
        .element = (satchel_field_type)field->element,
        .unit = (satchel_field_unit)field->unit,
        .group = field->group,
        .ref = field->ref,
        .choice_count = field->choices == NULL ? 0 : field->choices->count,
        .max_bytes = field->max_bytes,
        .min = field->min,
        .max = field->max,
        .required = (field->flags & SATCHEL_FIELD_REQUIRED) != 0,
        .read_only = field->policy == SATCHEL_POLICY_SERVER || field->writer == SATCHEL_WRITE_SERVER ||
                     (field->flags & (SATCHEL_FIELD_META | SATCHEL_FIELD_DERIVED | SATCHEL_FIELD_ARCHIVED)) != 0,
        .counter = field->policy == SATCHEL_POLICY_SUM,
        .calendar_day = satchel_field_is_day(field),
        .meta = (field->flags & SATCHEL_FIELD_META) != 0,
        .custom = (field->flags & SATCHEL_FIELD_CUSTOM) != 0,
        .archived = (field->flags & SATCHEL_FIELD_ARCHIVED) != 0,
    };
    return SATCHEL_OK;
}

satchel_status satchel_fields_field_at(const satchel_fields *fields, uint32_t entity, uint32_t index,
                                       satchel_field_info *out) {
    if (satchel_schema_entity(&fields->schema, entity) == NULL) {
        return SATCHEL_UNKNOWN_ENTITY;
    }
    const satchel_field *field = satchel_schema_field_at(&fields->schema, entity, index);
    return field == NULL ? SATCHEL_OUT_OF_RANGE : give_field(field, out);
}

satchel_status satchel_fields_field(const satchel_fields *fields, uint32_t entity, uint32_t field,
                                    satchel_field_info *out) {
    if (satchel_schema_entity(&fields->schema, entity) == NULL) {
        return SATCHEL_UNKNOWN_ENTITY;
    }
    return give_field(satchel_schema_field(&fields->schema, entity, field), out);
}

satchel_status satchel_fields_field_named(const satchel_fields *fields, uint32_t entity, satchel_text name,
                                          satchel_field_info *out) {
    if (satchel_schema_entity(&fields->schema, entity) == NULL) {
        return SATCHEL_UNKNOWN_ENTITY;
    }
    return give_field(satchel_schema_field_named(&fields->schema, entity, name), out);
}

/* --- choices --- */

static void give_choice(const satchel_choice *choice, satchel_choice_info *out) {
    *out = (satchel_choice_info){choice->value, choice->name, choice->label.en, choice->label.zh};
}

static satchel_status find_field(const satchel_fields *fields, uint32_t entity, uint32_t number,
                                 const satchel_field **out) {
    if (satchel_schema_entity(&fields->schema, entity) == NULL) {
        return SATCHEL_UNKNOWN_ENTITY;
    }
    *out = satchel_schema_field(&fields->schema, entity, number);
    return *out == NULL ? SATCHEL_UNKNOWN_FIELD : SATCHEL_OK;
}

satchel_status satchel_fields_choice_at(const satchel_fields *fields, uint32_t entity, uint32_t field, uint32_t index,
                                        satchel_choice_info *out) {
    const satchel_field *found = NULL;
    satchel_status status = find_field(fields, entity, field, &found);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (found->choices == NULL || index >= found->choices->count) {
        return SATCHEL_OUT_OF_RANGE;
    }
    give_choice(&found->choices->items[index], out);
    return SATCHEL_OK;
}

satchel_status satchel_fields_choice(const satchel_fields *fields, uint32_t entity, uint32_t field, int64_t value,
                                     satchel_choice_info *out) {
    const satchel_field *found = NULL;
    satchel_status status = find_field(fields, entity, field, &found);
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_choice *choice = satchel_field_choice(found, value);
    if (choice == NULL) {
        return SATCHEL_OUT_OF_RANGE;
    }
    give_choice(choice, out);
    return SATCHEL_OK;
}
