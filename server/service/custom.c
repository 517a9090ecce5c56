/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The company's own fields: rows of custom_field as the schema module wants them.
 *
 * A definition that does not make sense (it was made by a later version) is left out: its values then are a tail.
 */
#include "service/state.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"

#include <satchel/model.h>
#include <stdlib.h>
#include <string.h>

typedef struct custom_type {
    uint8_t type;
    uint8_t element;
    uint8_t unit;
} custom_type;

static custom_type type_of(int64_t number) {
    switch (number) {
    case SATCHEL_CUSTOM_TYPE_BOOL: return (custom_type){SATCHEL_TYPE_BOOL, 0, SATCHEL_UNIT_NONE};
    case SATCHEL_CUSTOM_TYPE_INT:
    case SATCHEL_CUSTOM_TYPE_CHOICE: return (custom_type){SATCHEL_TYPE_INT, 0, SATCHEL_UNIT_NONE};
    case SATCHEL_CUSTOM_TYPE_REAL: return (custom_type){SATCHEL_TYPE_REAL, 0, SATCHEL_UNIT_NONE};
    case SATCHEL_CUSTOM_TYPE_TEXT: return (custom_type){SATCHEL_TYPE_TEXT, 0, SATCHEL_UNIT_NONE};
    case SATCHEL_CUSTOM_TYPE_TIME: return (custom_type){SATCHEL_TYPE_TIME, 0, SATCHEL_UNIT_NONE};
    case SATCHEL_CUSTOM_TYPE_DAY: return (custom_type){SATCHEL_TYPE_INT, 0, SATCHEL_UNIT_DAYS};
    case SATCHEL_CUSTOM_TYPE_TEXTS: return (custom_type){SATCHEL_TYPE_SET, SATCHEL_TYPE_TEXT, SATCHEL_UNIT_NONE};
    case SATCHEL_CUSTOM_TYPE_MONEY: return (custom_type){SATCHEL_TYPE_INT, 0, SATCHEL_UNIT_MONEY};
    case SATCHEL_CUSTOM_TYPE_ID: return (custom_type){SATCHEL_TYPE_ID, 0, SATCHEL_UNIT_NONE};
    default: return (custom_type){SATCHEL_TYPE_NULL, 0, SATCHEL_UNIT_NONE};
    }
}

static satchel_text part_until(satchel_text *text, char stop) {
    size_t at = 0;
    while (at < text->bytes && text->data[at] != stop) {
        at++;
    }
    satchel_text part = {text->data, at};
    size_t step = at < text->bytes ? at + 1 : at;
    text->data += step;
    text->bytes -= step;
    return part;
}

/* One line: "value name|English|中文". False: it is none. */
static bool read_choice(satchel_text line, satchel_arena *arena, satchel_choice *out) {
    int64_t value = 0;
    satchel_text number = part_until(&line, ' ');
    if (satchel_text_to_int(number, &value) != SATCHEL_OK || value < 1 || value > 63) {
        return false;
    }
    out->value = (int32_t)value;
    out->name = satchel_arena_text(arena, part_until(&line, '|'));
    out->label.en = satchel_arena_text(arena, part_until(&line, '|'));
    out->label.zh = satchel_arena_text(arena, line);
    return out->name != NULL && out->label.en != NULL && out->label.zh != NULL;
}

static satchel_status read_choices(satchel_text text, satchel_arena *arena, const satchel_choices **out) {
    satchel_choices *choices = satchel_arena_take(arena, sizeof *choices);
    satchel_choice *items = satchel_arena_take_array(arena, 63, sizeof *items);
    if (choices == NULL || items == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    uint32_t count = 0;
    while (text.bytes > 0 && count < 63) {
        satchel_choice choice = {0};
        if (read_choice(part_until(&text, '\n'), arena, &choice)) {
            items[count++] = choice;
        }
    }
    *choices = (satchel_choices){"", count, items, 0};
    *out = choices;
    return SATCHEL_OK;
}

static void fill_range(const satchel_record *row, satchel_field *field) {
    bool counts = field->type == SATCHEL_TYPE_INT || field->type == SATCHEL_TYPE_TIME;
    bool texts = field->type == SATCHEL_TYPE_TEXT || field->type == SATCHEL_TYPE_SET;
    if (counts) {
        field->min = satchel_record_int(row, SATCHEL_CUSTOM_FIELD_SMALLEST, INT64_MIN);
        field->max = satchel_record_int(row, SATCHEL_CUSTOM_FIELD_LARGEST, INT64_MAX);
    }
    if (texts) {
        int64_t most = field->type == SATCHEL_TYPE_SET ? SATCHEL_LIMIT_SET_ELEMENT_BYTES : 4000;
        field->max_bytes = (uint32_t)satchel_record_int(row, SATCHEL_CUSTOM_FIELD_LONGEST_BYTES, most);
    }
}

static satchel_status read_definition(const satchel_record *row, satchel_arena *arena, satchel_custom_field *out) {
    satchel_field *field = &out->field;
    int64_t type = satchel_record_int(row, SATCHEL_CUSTOM_FIELD_TYPE, 0);
    custom_type known = type_of(type);
    out->entity = (uint32_t)satchel_record_int(row, SATCHEL_CUSTOM_FIELD_OF_ENTITY, 0);
    field->number = (uint32_t)satchel_record_int(row, SATCHEL_CUSTOM_FIELD_NUMBER, 0);
    field->name = satchel_arena_text(arena, satchel_record_text(row, SATCHEL_CUSTOM_FIELD_NAME));
    field->label.en = satchel_arena_text(arena, satchel_record_text(row, SATCHEL_CUSTOM_FIELD_LABEL_EN));
    field->label.zh = satchel_arena_text(arena, satchel_record_text(row, SATCHEL_CUSTOM_FIELD_LABEL_ZH));
    if (field->name == NULL || field->label.en == NULL || field->label.zh == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    field->type = known.type;
    field->element = known.element;
    field->unit = known.unit;
    field->policy = (uint8_t)satchel_record_int(
        row, SATCHEL_CUSTOM_FIELD_POLICY, known.type == SATCHEL_TYPE_SET ? SATCHEL_POLICY_SET : SATCHEL_POLICY_LATER);
    field->sensitivity = (uint8_t)satchel_record_int(row, SATCHEL_CUSTOM_FIELD_SENSITIVITY, 0);
    field->search = (uint8_t)satchel_record_int(row, SATCHEL_CUSTOM_FIELD_SEARCH, 0);
    field->ref = (uint32_t)satchel_record_int(row, SATCHEL_CUSTOM_FIELD_REF_ENTITY, 0);
    field->flags = SATCHEL_FIELD_CUSTOM;
    const satchel_value *archived = satchel_record_get(row, SATCHEL_CUSTOM_FIELD_ARCHIVED);
    if (archived != NULL && archived->as.boolean) {
        field->flags |= SATCHEL_FIELD_ARCHIVED;
    }
    fill_range(row, field);
    if (type == SATCHEL_CUSTOM_TYPE_CHOICE) {
        return read_choices(satchel_record_text(row, SATCHEL_CUSTOM_FIELD_CHOICES), arena, &field->choices);
    }
    return SATCHEL_OK;
}

static bool makes_sense(const satchel_tables *tables, const satchel_custom_field *field) {
    return field->field.type != SATCHEL_TYPE_NULL && field->field.number >= SATCHEL_CUSTOM_FIELD_FIRST &&
           field->field.number <= SATCHEL_CUSTOM_FIELD_LAST && satchel_db_tables_get(tables, field->entity) != NULL;
}

static int compare_fields(const void *a, const void *b) {
    const satchel_custom_field *left = a;
    const satchel_custom_field *right = b;
    if (left->entity != right->entity) {
        return left->entity < right->entity ? -1 : 1;
    }
    return left->field.number < right->field.number ? -1 : left->field.number > right->field.number;
}

satchel_status satchel_custom_fields_load(const satchel_tables *tables, satchel_db *db, satchel_arena *arena,
                                          satchel_custom_field **out, uint32_t *out_count, satchel_error *error) {
    satchel_buffer sql;
    satchel_buffer_init(&sql);
    *out_count = 0;
    *out = satchel_arena_take_array(arena, SATCHEL_LIMIT_CUSTOM_FIELDS, sizeof **out);
    const satchel_table *table = satchel_db_tables_get(tables, SATCHEL_ENTITY_CUSTOM_FIELD);
    satchel_status status = *out != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
    if (status == SATCHEL_OK) {
        status =
            satchel_buffer_append_format(&sql, "SELECT %s FROM %s WHERE \"deleted\" = 0", table->columns, table->name);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    satchel_db_statement *statement = NULL;
    bool found = status == SATCHEL_OK;
    if (status == SATCHEL_OK) {
        status = satchel_db_start(&statement, db, (const char *)sql.data, NULL, 0, error);
    }
    while (status == SATCHEL_OK && found && *out_count < SATCHEL_LIMIT_CUSTOM_FIELDS) {
        satchel_stored_row row;
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            status = satchel_stored_row_read(tables, statement, SATCHEL_ENTITY_CUSTOM_FIELD, arena, &row, error);
        }
        if (status == SATCHEL_OK && found) {
            status = read_definition(&row.merged.value, arena, &(*out)[*out_count]);
            *out_count += makes_sense(tables, &(*out)[*out_count]) ? 1 : 0;
        }
    }
    satchel_db_end(statement);
    satchel_buffer_deinit(&sql);
    if (status == SATCHEL_OK && *out_count > 1) {
        qsort(*out, *out_count, sizeof **out, compare_fields);
    }
    return status;
}
