/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records for shells without generated classes: a builder that encodes and a reader that decodes.
 */
#include <satchel/record.h>

#include "device/catalogue.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "schema/text_form.h"
#include "wire/record_codec.h"

#include <string.h>

/* --- builder --- */

struct satchel_record_builder {
    const satchel_fields *fields;
    uint32_t entity;
    satchel_arena arena;
    satchel_record record;
    satchel_buffer encoded;
};

satchel_status satchel_record_builder_open(satchel_record_builder **out, const satchel_fields *fields,
                                           uint32_t entity) {
    *out = NULL;
    if (satchel_schema_entity(&fields->schema, entity) == NULL) {
        return SATCHEL_UNKNOWN_ENTITY;
    }
    satchel_record_builder *builder = satchel_memory_take(sizeof *builder);
    if (builder == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    builder->fields = fields;
    builder->entity = entity;
    satchel_record_init(&builder->record, &builder->arena);
    *out = builder;
    return SATCHEL_OK;
}

void satchel_record_builder_close(satchel_record_builder *builder) {
    if (builder != NULL) {
        satchel_buffer_deinit(&builder->encoded);
        satchel_arena_deinit(&builder->arena);
        satchel_memory_give(builder);
    }
}

static const satchel_field *field_of(const satchel_record_builder *builder, uint32_t number) {
    return satchel_schema_field(&builder->fields->schema, builder->entity, number);
}

/* Sets a value whose type must be the field's. */
static satchel_status put(satchel_record_builder *builder, uint32_t number, const satchel_value *value) {
    const satchel_field *field = field_of(builder, number);
    if (field == NULL) {
        return SATCHEL_UNKNOWN_FIELD;
    }
    if (field->type != value->type) {
        return SATCHEL_WRONG_TYPE;
    }
    return satchel_record_set(&builder->record, number, value);
}

satchel_status satchel_record_builder_int(satchel_record_builder *builder, uint32_t field, int64_t value) {
    const satchel_field *found = field_of(builder, field);
    satchel_value put_value = satchel_value_int(value);
    if (found != NULL && found->type == SATCHEL_TYPE_BOOL) {
        put_value = satchel_value_bool(value != 0);
    } else if (found != NULL && found->type == SATCHEL_TYPE_TIME) {
        put_value = satchel_value_time(value);
    }
    return put(builder, field, &put_value);
}

satchel_status satchel_record_builder_real(satchel_record_builder *builder, uint32_t field, double value) {
    const satchel_value put_value = satchel_value_real(value);
    return put(builder, field, &put_value);
}

satchel_status satchel_record_builder_text(satchel_record_builder *builder, uint32_t field, satchel_text value) {
    const satchel_value put_value = satchel_value_text(value);
    return satchel_text_valid(value) ? put(builder, field, &put_value) : SATCHEL_BAD_TEXT;
}

satchel_status satchel_record_builder_bytes(satchel_record_builder *builder, uint32_t field, satchel_bytes value) {
    const satchel_value put_value = satchel_value_bytes(value);
    return put(builder, field, &put_value);
}

satchel_status satchel_record_builder_id(satchel_record_builder *builder, uint32_t field, const satchel_id *value) {
    const satchel_value put_value = satchel_value_id(value);
    return put(builder, field, &put_value);
}

/* --- sets --- */

static satchel_status check_element(const satchel_field *field, satchel_bytes element) {
    if (field == NULL) {
        return SATCHEL_UNKNOWN_FIELD;
    }
    if (field->type != SATCHEL_TYPE_SET) {
        return SATCHEL_WRONG_TYPE;
    }
    if (field->element == SATCHEL_TYPE_ID) {
        return element.bytes == SATCHEL_ID_BYTES ? SATCHEL_OK : SATCHEL_WRONG_TYPE;
    }
    return satchel_text_valid(satchel_text_from(element)) ? SATCHEL_OK : SATCHEL_BAD_TEXT;
}

static satchel_status change_set(satchel_record_builder *builder, uint32_t number, satchel_bytes element, bool add) {
    satchel_set one;
    satchel_set changed;
    satchel_status status = check_element(field_of(builder, number), element);
    if (status == SATCHEL_OK) {
        status = satchel_set_sort(&builder->arena, &element, 1, &one);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_value *now = satchel_record_get(&builder->record, number);
    const satchel_set before = now == NULL ? (satchel_set){NULL, 0} : now->as.set;
    status = add ? satchel_set_union(&builder->arena, &before, &one, &changed)
                 : satchel_set_minus(&builder->arena, &before, &one, &changed);
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_value value = satchel_value_set(changed.elements, changed.count);
    return satchel_record_set(&builder->record, number, &value);
}

satchel_status satchel_record_builder_add(satchel_record_builder *builder, uint32_t field, satchel_bytes element) {
    return change_set(builder, field, element, true);
}

satchel_status satchel_record_builder_remove(satchel_record_builder *builder, uint32_t field, satchel_bytes element) {
    return change_set(builder, field, element, false);
}

/* --- text and bytes --- */

satchel_status satchel_record_builder_parse(satchel_record_builder *builder, uint32_t field, satchel_text text,
                                            satchel_error *error) {
    const satchel_field *found = field_of(builder, field);
    satchel_value value;
    if (found == NULL) {
        return satchel_fail_field(error, SATCHEL_UNKNOWN_FIELD, builder->entity, field, "there is no such field");
    }
    satchel_status status = satchel_value_from_text(found, text, &builder->arena, &value, error);
    if (status != SATCHEL_OK) {
        if (error != NULL) {
            error->entity = builder->entity;
        }
        return status;
    }
    return satchel_record_set(&builder->record, field, &value);
}

satchel_status satchel_record_builder_encode(satchel_record_builder *builder, satchel_bytes *out) {
    satchel_buffer_clear(&builder->encoded);
    satchel_status status =
        satchel_record_encode(&builder->fields->schema, builder->entity, &builder->record, &builder->encoded);
    *out = satchel_buffer_view(&builder->encoded);
    return status;
}

/* --- reader --- */

struct satchel_record_reader {
    const satchel_fields *fields;
    uint32_t entity;
    satchel_arena arena;
    satchel_record record;
};

satchel_status satchel_record_reader_open(satchel_record_reader **out, const satchel_fields *fields, uint32_t entity,
                                          satchel_bytes bytes, satchel_error *error) {
    *out = NULL;
    satchel_record_reader *reader = satchel_memory_take(sizeof *reader);
    if (reader == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a record");
    }
    reader->fields = fields;
    reader->entity = entity;
    satchel_record_init(&reader->record, &reader->arena);
    satchel_status status = satchel_record_decode(&fields->schema, entity, bytes, false, &reader->record, error);
    if (status == SATCHEL_OK) {
        *out = reader;
    } else {
        satchel_record_reader_close(reader);
    }
    return status;
}

void satchel_record_reader_close(satchel_record_reader *reader) {
    if (reader != NULL) {
        satchel_arena_deinit(&reader->arena);
        satchel_memory_give(reader);
    }
}

uint32_t satchel_record_reader_count(const satchel_record_reader *reader) {
    return reader->record.count;
}

static void give_cell(const satchel_field_value *from, satchel_cell *out) {
    const satchel_value *value = &from->value;
    memset(out, 0, sizeof *out);
    out->field = from->number;
    out->type = (satchel_field_type)value->type;
    switch (value->type) {
    case SATCHEL_TYPE_NULL: break;
    case SATCHEL_TYPE_BOOL: out->integer = value->as.boolean ? 1 : 0; break;
    case SATCHEL_TYPE_INT:
    case SATCHEL_TYPE_TIME: out->integer = value->as.integer; break;
    case SATCHEL_TYPE_REAL: out->real = value->as.real; break;
    case SATCHEL_TYPE_TEXT: out->text = satchel_text_from(value->as.bytes); break;
    case SATCHEL_TYPE_BYTES: out->bytes = value->as.bytes; break;
    case SATCHEL_TYPE_ID: out->id = value->as.id; break;
    case SATCHEL_TYPE_SET: out->element_count = value->as.set.count; break;
    }
}

satchel_status satchel_record_reader_at(const satchel_record_reader *reader, uint32_t index, satchel_cell *out) {
    if (index >= reader->record.count) {
        return SATCHEL_OUT_OF_RANGE;
    }
    give_cell(&reader->record.fields[index], out);
    return SATCHEL_OK;
}

static const satchel_value *value_of(const satchel_record_reader *reader, uint32_t field) {
    const satchel_value *value = satchel_record_get(&reader->record, field);
    return value == NULL || value->type == SATCHEL_TYPE_NULL ? NULL : value;
}

satchel_status satchel_record_reader_get(const satchel_record_reader *reader, uint32_t field, satchel_cell *out) {
    const satchel_value *value = value_of(reader, field);
    if (value == NULL) {
        return SATCHEL_NOT_FOUND;
    }
    const satchel_field_value found = {field, *value};
    give_cell(&found, out);
    return SATCHEL_OK;
}

satchel_status satchel_record_reader_element(const satchel_record_reader *reader, uint32_t field, uint32_t index,
                                             satchel_bytes *out) {
    const satchel_value *value = value_of(reader, field);
    if (value == NULL) {
        return SATCHEL_NOT_FOUND;
    }
    if (value->type != SATCHEL_TYPE_SET) {
        return SATCHEL_WRONG_TYPE;
    }
    if (index >= value->as.set.count) {
        return SATCHEL_OUT_OF_RANGE;
    }
    *out = value->as.set.elements[index];
    return SATCHEL_OK;
}

satchel_status satchel_record_reader_text(satchel_record_reader *reader, uint32_t field, const char *language,
                                          satchel_text currency, satchel_text *out) {
    const satchel_value *value = value_of(reader, field);
    const satchel_field *found = satchel_schema_field(&reader->fields->schema, reader->entity, field);
    satchel_buffer text = {0};
    satchel_bytes kept = {0};
    satchel_status status;
    *out = (satchel_text){NULL, 0};
    if (value == NULL || found == NULL) {
        return SATCHEL_NOT_FOUND;
    }
    if (language == NULL) {
        status = satchel_value_to_text(found, value, &text);
    } else {
        unsigned digits = satchel_record_digits(&reader->fields->schema, reader->entity, &reader->record, currency);
        status = satchel_field_show(found, value, digits, strncmp(language, "zh", 2) == 0, &text);
    }
    if (status == SATCHEL_OK) {
        status = satchel_arena_copy(&reader->arena, satchel_buffer_view(&text), &kept);
    }
    satchel_buffer_deinit(&text);
    *out = satchel_text_from(kept);
    return status;
}
