/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule of erasing, field by field.
 */
#include "rules/erase.h"

#include "base/text.h"

#include <satchel/model.h>

bool satchel_erase_is_person(uint32_t entity) {
    return entity == SATCHEL_ENTITY_CONTACT || entity == SATCHEL_ENTITY_CUSTOMER || entity == SATCHEL_ENTITY_USER;
}

static bool is_free_text(const satchel_field *field) {
    bool text =
        field->type == SATCHEL_TYPE_TEXT || (field->type == SATCHEL_TYPE_SET && field->element == SATCHEL_TYPE_TEXT);
    return text && (field->sensitivity == SATCHEL_SENSITIVITY_PERSONAL || field->max_bytes > SATCHEL_ERASE_TEXT_MOST);
}

bool satchel_erase_takes(uint32_t entity, const satchel_field *field) {
    bool stays = (field->flags & (SATCHEL_FIELD_META | SATCHEL_FIELD_DERIVED)) != 0 || field->ref != 0 ||
                 field->type == SATCHEL_TYPE_ID || field->policy == SATCHEL_POLICY_STATE;
    bool required = (field->flags & SATCHEL_FIELD_REQUIRED) != 0;
    if (stays || (required && field->type != SATCHEL_TYPE_TEXT)) {
        return false;
    }
    bool decided = field->choices != NULL || field->type == SATCHEL_TYPE_BOOL || field->unit == SATCHEL_UNIT_MONEY;
    if (satchel_erase_is_person(entity) || (field->flags & SATCHEL_FIELD_CUSTOM) != 0) {
        return !decided;
    }
    return field->sensitivity == SATCHEL_SENSITIVITY_PERSONAL ? !decided : is_free_text(field);
}

satchel_status satchel_erase_record(const satchel_schema *schema, uint32_t entity, satchel_record *record) {
    satchel_status status = SATCHEL_OK;
    record->tail = (satchel_bytes){NULL, 0};
    for (uint32_t i = record->count; status == SATCHEL_OK && i > 0; i--) {
        uint32_t number = record->fields[i - 1].number;
        const satchel_field *field = satchel_schema_field(schema, entity, number);
        if (field != NULL && !satchel_erase_takes(entity, field)) {
            continue;
        }
        if (field != NULL && (field->flags & SATCHEL_FIELD_REQUIRED) != 0) {
            status = satchel_record_set_text(record, number, satchel_text_of(SATCHEL_ERASED_TEXT));
        } else {
            satchel_record_remove(record, number);
        }
    }
    return status;
}
