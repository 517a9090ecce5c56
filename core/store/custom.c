/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The company's own fields: their definitions are rows of entity custom_field; here they become part of the schema. A
 * definition that makes no sense is passed over: its values then stay, unread, in the rows' tails.
 */
#include "store/page.h"

#include "base/text.h"

#include <satchel/model.h>

#include <stdlib.h>

#define LONGEST_DEFAULT 4000u
#define CHOICE_LAST 63

/* --- choices: one a line, "value name|English|中文" --- */

static satchel_text cut(satchel_text *rest, char border) {
    size_t at = 0;
    while (at < rest->bytes && rest->data[at] != border) {
        at++;
    }
    satchel_text part = {rest->data, at};
    size_t skipped = at < rest->bytes ? at + 1 : at;
    *rest = (satchel_text){rest->data + skipped, rest->bytes - skipped};
    return part;
}

static bool read_choice(satchel_arena *arena, satchel_text line, satchel_choice *out) {
    int64_t value = 0;
    satchel_text number = cut(&line, ' ');
    satchel_text name = cut(&line, '|');
    satchel_text en = cut(&line, '|');
    memset(out, 0, sizeof *out);
    out->name = satchel_arena_text(arena, name);
    out->label.en = satchel_arena_text(arena, en);
    out->label.zh = satchel_arena_text(arena, line.bytes > 0 ? line : en);
    if (satchel_text_to_int(number, &value) != SATCHEL_OK || value < 1 || value > CHOICE_LAST || name.bytes == 0) {
        return false;
    }
    out->value = (int32_t)value;
    return out->name != NULL && out->label.en != NULL && out->label.zh != NULL;
}

static const satchel_choices *read_choices(satchel_arena *arena, satchel_text lines, const char *name) {
    satchel_choices *choices = satchel_arena_take(arena, sizeof *choices);
    satchel_choice *items = satchel_arena_take_array(arena, CHOICE_LAST, sizeof *items);
    uint32_t count = 0;
    if (choices == NULL || items == NULL) {
        return NULL;
    }
    while (lines.bytes > 0 && count < CHOICE_LAST) {
        satchel_choice choice;
        if (!read_choice(arena, cut(&lines, '\n'), &choice)) {
            continue;
        }
        if (count > 0 && items[count - 1].value >= choice.value) {
            return NULL; /* they come by value */
        }
        items[count++] = choice;
    }
    *choices = (satchel_choices){.name = name, .count = count, .items = items};
    return choices;
}

/* --- definitions --- */

static bool set_type(satchel_field *field, int64_t type) {
    switch (type) {
    case SATCHEL_CUSTOM_TYPE_BOOL: field->type = SATCHEL_TYPE_BOOL; return true;
    case SATCHEL_CUSTOM_TYPE_DAY:
        field->unit = SATCHEL_UNIT_DAYS;
        field->type = SATCHEL_TYPE_INT;
        return true;
    case SATCHEL_CUSTOM_TYPE_MONEY:
        field->unit = SATCHEL_UNIT_MONEY;
        field->type = SATCHEL_TYPE_INT;
        return true;
    case SATCHEL_CUSTOM_TYPE_INT:
    case SATCHEL_CUSTOM_TYPE_CHOICE: field->type = SATCHEL_TYPE_INT; return true;
    case SATCHEL_CUSTOM_TYPE_REAL: field->type = SATCHEL_TYPE_REAL; return true;
    case SATCHEL_CUSTOM_TYPE_TEXT: field->type = SATCHEL_TYPE_TEXT; return true;
    case SATCHEL_CUSTOM_TYPE_TIME: field->type = SATCHEL_TYPE_TIME; return true;
    case SATCHEL_CUSTOM_TYPE_TEXTS:
        field->type = SATCHEL_TYPE_SET;
        field->element = SATCHEL_TYPE_TEXT;
        return true;
    case SATCHEL_CUSTOM_TYPE_ID: field->type = SATCHEL_TYPE_ID; return true;
    default: return false;
    }
}

static void set_bounds(satchel_field *field, const satchel_record *row) {
    int64_t longest = satchel_record_int(row, SATCHEL_CUSTOM_FIELD_LONGEST_BYTES, 0);
    bool is_element = field->type == SATCHEL_TYPE_SET;
    uint32_t most = is_element ? SATCHEL_LIMIT_SET_ELEMENT_BYTES : SATCHEL_LIMIT_TEXT_BYTES;
    uint32_t usual = is_element ? SATCHEL_LIMIT_SET_ELEMENT_BYTES : LONGEST_DEFAULT;
    field->max_bytes = longest > 0 && longest <= most ? (uint32_t)longest : usual;
    field->min = satchel_record_int(row, SATCHEL_CUSTOM_FIELD_SMALLEST, INT64_MIN);
    field->max = satchel_record_int(row, SATCHEL_CUSTOM_FIELD_LARGEST, INT64_MAX);
}

static void set_flags(satchel_field *field, const satchel_record *row) {
    int64_t policy = satchel_record_int(row, SATCHEL_CUSTOM_FIELD_POLICY, 0);
    int64_t sensitivity = satchel_record_int(row, SATCHEL_CUSTOM_FIELD_SENSITIVITY, 0);
    int64_t search = satchel_record_int(row, SATCHEL_CUSTOM_FIELD_SEARCH, 0);
    bool archived = satchel_record_int(row, SATCHEL_CUSTOM_FIELD_ARCHIVED, 0) != 0;
    bool mandatory = satchel_record_int(row, SATCHEL_CUSTOM_FIELD_MANDATORY, 0) != 0;
    field->flags = (uint8_t)(SATCHEL_FIELD_CUSTOM | (mandatory ? SATCHEL_FIELD_REQUIRED : 0u) |
                             (archived ? SATCHEL_FIELD_ARCHIVED : 0u));
    field->policy = policy > 0 && policy <= SATCHEL_POLICY_ONCE_THEN_ASK ? (uint8_t)policy : SATCHEL_POLICY_LATER;
    if (field->type == SATCHEL_TYPE_SET) {
        field->policy = SATCHEL_POLICY_SET;
    }
    field->sensitivity =
        sensitivity >= 0 && sensitivity < SATCHEL_SENSITIVITY_COUNT ? (uint8_t)sensitivity : SATCHEL_SENSITIVITY_SECRET;
    field->search = search >= 0 && search <= SATCHEL_SEARCH_PINYIN ? (uint8_t)search : SATCHEL_SEARCH_NONE;
    field->ref = (uint32_t)satchel_record_int(row, SATCHEL_CUSTOM_FIELD_REF_ENTITY, 0);
}

static bool read_definition(satchel_arena *arena, const satchel_record *row, satchel_custom_field *out) {
    int64_t entity = satchel_record_int(row, SATCHEL_CUSTOM_FIELD_OF_ENTITY, 0);
    int64_t number = satchel_record_int(row, SATCHEL_CUSTOM_FIELD_NUMBER, 0);
    int64_t type = satchel_record_int(row, SATCHEL_CUSTOM_FIELD_TYPE, 0);
    memset(out, 0, sizeof *out);
    if (entity < 1 || entity > 255 || number < SATCHEL_CUSTOM_FIELD_FIRST || number > SATCHEL_CUSTOM_FIELD_LAST ||
        !set_type(&out->field, type)) {
        return false;
    }
    out->entity = (uint32_t)entity;
    out->field.number = (uint32_t)number;
    out->field.name = satchel_arena_text(arena, satchel_record_text(row, SATCHEL_CUSTOM_FIELD_NAME));
    out->field.label.en = satchel_arena_text(arena, satchel_record_text(row, SATCHEL_CUSTOM_FIELD_LABEL_EN));
    out->field.label.zh = satchel_arena_text(arena, satchel_record_text(row, SATCHEL_CUSTOM_FIELD_LABEL_ZH));
    if (out->field.name == NULL || out->field.label.en == NULL || out->field.label.zh == NULL) {
        return false;
    }
    set_bounds(&out->field, row);
    set_flags(&out->field, row);
    if (type == SATCHEL_CUSTOM_TYPE_CHOICE) {
        out->field.choices =
            read_choices(arena, satchel_record_text(row, SATCHEL_CUSTOM_FIELD_CHOICES), out->field.name);
        return out->field.choices != NULL;
    }
    return true;
}

static int by_place(const void *left, const void *right) {
    const satchel_custom_field *a = left;
    const satchel_custom_field *b = right;
    if (a->entity != b->entity) {
        return a->entity < b->entity ? -1 : 1;
    }
    return a->field.number < b->field.number ? -1 : a->field.number > b->field.number;
}

typedef struct definitions {
    satchel_arena *arena;
    satchel_custom_field *fields;
    uint32_t count;
} definitions;

static satchel_status read_definitions(satchel_store *store, definitions *out, satchel_error *error) {
    satchel_table *table = satchel_table_of(store, SATCHEL_ENTITY_CUSTOM_FIELD);
    satchel_arena arena = {0};
    satchel_buffer sql = {NULL, 0, 0};
    sqlite3_stmt *statement = NULL;
    bool has_row = true;
    satchel_status status = satchel_buffer_append_format(
        &sql, "SELECT %s FROM \"%s\" WHERE coalesce(\"deleted\", 0) = 0", table->columns, table->entity->name);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_of(store, (const char *)sql.data, &statement, error);
    }
    while (status == SATCHEL_OK && out->count < SATCHEL_LIMIT_CUSTOM_FIELDS) {
        satchel_record row;
        status = satchel_statement_step(store, statement, &has_row, error);
        if (status != SATCHEL_OK || !has_row) {
            break;
        }
        satchel_arena_reset(&arena);
        status = satchel_row_read(store, table, statement, 0, &arena, &row, error);
        if (status == SATCHEL_OK && read_definition(out->arena, &row, &out->fields[out->count])) {
            out->count++;
        }
    }
    satchel_statement_end(statement);
    satchel_buffer_deinit(&sql);
    satchel_arena_deinit(&arena);
    return status;
}

/* Sorted, each (entity, number) once, of entities that are known. */
static void tidy(const satchel_schema *model, definitions *list) {
    uint32_t kept = 0;
    if (list->count > 0) {
        qsort(list->fields, list->count, sizeof *list->fields, by_place);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        bool known = satchel_schema_entity(model, list->fields[i].entity) != NULL;
        bool twice = kept > 0 && by_place(&list->fields[kept - 1], &list->fields[i]) == 0;
        if (known && !twice) {
            list->fields[kept++] = list->fields[i];
        }
    }
    list->count = kept;
}

satchel_status satchel_store_load_custom(satchel_store *store, satchel_error *error) {
    const satchel_schema bare = {store->schema.model, NULL, 0};
    satchel_arena arena = {0};
    definitions list = {&arena, NULL, 0};
    satchel_schema schema;
    list.fields = satchel_arena_take_array(&arena, SATCHEL_LIMIT_CUSTOM_FIELDS, sizeof *list.fields);
    if (list.fields == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for custom fields");
    }
    satchel_status status = read_definitions(store, &list, error);
    if (status != SATCHEL_OK) {
        satchel_arena_deinit(&arena);
        return status;
    }
    tidy(&bare, &list);
    if (satchel_schema_init(&schema, bare.model, list.fields, list.count, NULL) != SATCHEL_OK) {
        schema = bare; /* definitions that contradict one another: none is used until they are mended */
    }
    satchel_arena_deinit(&store->schema_arena);
    store->schema_arena = arena;
    store->schema = schema;
    for (uint32_t i = 0; i < store->table_count; i++) {
        sqlite3_finalize(store->tables[i].fetch); /* it names what is searched */
        store->tables[i].fetch = NULL;
        store->tables[i].searchable = satchel_entity_is_searchable(&store->schema, store->tables[i].entity);
    }
    return SATCHEL_OK;
}
