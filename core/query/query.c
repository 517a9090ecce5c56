/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The builder of <satchel/query.h>. Fields of the model are checked at once; numbers of custom fields, which only a
 * store or a server knows, are checked when the query is compiled.
 */
#include "query/query_state.h"

#include "base/ids.h"
#include "base/memory.h"
#include "base/text.h"

#define NEAR_METRES_MOST INT64_C(20037509) /* half of the equator, rounded up */
#define LATITUDE_MOST_E7 INT64_C(900000000)
#define LONGITUDE_MOST_E7 INT64_C(1800000000)

satchel_status satchel_query_open(satchel_query **out, uint32_t entity) {
    *out = NULL;
    const satchel_schema schema = {&satchel_generated_model, NULL, 0};
    const satchel_entity *found = satchel_schema_entity(&schema, entity);
    if (found == NULL) {
        return SATCHEL_UNKNOWN_ENTITY;
    }
    satchel_query *query = satchel_memory_take(sizeof *query);
    if (query == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    satchel_arena_init(&query->arena);
    query->entity = found;
    *out = query;
    return SATCHEL_OK;
}

void satchel_query_close(satchel_query *query) {
    if (query != NULL) {
        satchel_arena_deinit(&query->arena);
        satchel_memory_give(query);
    }
}

uint32_t satchel_query_entity(const satchel_query *query) {
    return query->entity->number;
}

bool satchel_query_has_search(const satchel_query *query) {
    return query->words.bytes > 0;
}

bool satchel_query_only_searches(const satchel_query *query) {
    return query->words.bytes > 0 && query->condition_count == 0 && query->sort_count == 0 && !query->has_near;
}

satchel_text satchel_query_words(const satchel_query *query) {
    return query->words;
}

bool satchel_query_types_fit(uint8_t value_type, uint8_t field_type) {
    bool value_is_int =
        value_type == SATCHEL_TYPE_INT || value_type == SATCHEL_TYPE_BOOL || value_type == SATCHEL_TYPE_TIME;
    bool field_is_int =
        field_type == SATCHEL_TYPE_INT || field_type == SATCHEL_TYPE_BOOL || field_type == SATCHEL_TYPE_TIME;
    return value_is_int ? field_is_int : value_type == field_type;
}

/* NULL in `*out` with OK: a custom field, to be checked later. */
static satchel_status find_field(const satchel_query *query, uint32_t number, const satchel_field **out) {
    *out = NULL;
    if (number >= SATCHEL_CUSTOM_FIELD_FIRST && number <= SATCHEL_CUSTOM_FIELD_LAST) {
        return SATCHEL_OK;
    }
    const satchel_schema schema = {&satchel_generated_model, NULL, 0};
    *out = satchel_schema_field(&schema, query->entity->number, number);
    return *out != NULL ? SATCHEL_OK : SATCHEL_UNKNOWN_FIELD;
}

static bool compare_fits(const satchel_field *field, satchel_compare compare, uint8_t value_type) {
    if (compare == SATCHEL_COMPARE_HAS) {
        return field == NULL || (field->type == SATCHEL_TYPE_SET && field->element == value_type);
    }
    if (compare < SATCHEL_COMPARE_EQUAL || compare > SATCHEL_COMPARE_BEGINS_WITH) {
        return false;
    }
    if (compare == SATCHEL_COMPARE_BEGINS_WITH && value_type != SATCHEL_TYPE_TEXT) {
        return false;
    }
    return field == NULL || satchel_query_types_fit(value_type, field->type);
}

static satchel_status add_condition(satchel_query *query, const satchel_condition *condition) {
    if (query->condition_count == SATCHEL_LIMIT_CONDITIONS) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    query->conditions[query->condition_count++] = *condition;
    return SATCHEL_OK;
}

static satchel_status add_compare(satchel_query *query, uint32_t number, satchel_compare compare,
                                  const satchel_value *value) {
    const satchel_field *field;
    satchel_status status = find_field(query, number, &field);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (!compare_fits(field, compare, (uint8_t)value->type)) {
        return SATCHEL_WRONG_TYPE;
    }
    satchel_condition condition = {number, compare, false, false, *value};
    return add_condition(query, &condition);
}

satchel_status satchel_query_where_int(satchel_query *query, uint32_t field, satchel_compare compare, int64_t value) {
    if (compare == SATCHEL_COMPARE_HAS) {
        return SATCHEL_WRONG_TYPE;
    }
    satchel_value integer = satchel_value_int(value);
    return add_compare(query, field, compare, &integer);
}

satchel_status satchel_query_where_text(satchel_query *query, uint32_t field, satchel_compare compare,
                                        satchel_text value) {
    satchel_bytes copy;
    if (!satchel_text_valid(value)) {
        return SATCHEL_BAD_TEXT;
    }
    if (value.bytes > SATCHEL_LIMIT_TEXT_BYTES) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    satchel_status status = satchel_arena_copy(&query->arena, satchel_text_bytes(value), &copy);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_value text = satchel_value_text(satchel_text_from(copy));
    return add_compare(query, field, compare, &text);
}

satchel_status satchel_query_where_id(satchel_query *query, uint32_t field, satchel_compare compare,
                                      const satchel_id *value) {
    satchel_value id = satchel_value_id(value);
    return add_compare(query, field, compare, &id);
}

satchel_status satchel_query_where_null(satchel_query *query, uint32_t number, bool is_null) {
    const satchel_field *field;
    satchel_status status = find_field(query, number, &field);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_condition condition = {number, SATCHEL_COMPARE_EQUAL, true, is_null, satchel_value_null()};
    return add_condition(query, &condition);
}

satchel_status satchel_query_search(satchel_query *query, satchel_text words) {
    bool searchable = false;
    satchel_bytes copy;
    for (uint32_t i = 0; i < query->entity->field_count; i++) {
        searchable = searchable || query->entity->fields[i].search != SATCHEL_SEARCH_NONE;
    }
    if (!searchable) {
        return SATCHEL_UNSUPPORTED;
    }
    if (words.bytes > SATCHEL_LIMIT_SEARCH_BYTES) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    if (!satchel_text_valid(words)) {
        return SATCHEL_BAD_TEXT;
    }
    satchel_status status = satchel_arena_copy(&query->arena, satchel_text_bytes(satchel_text_trim(words)), &copy);
    if (status == SATCHEL_OK) {
        query->words = satchel_text_from(copy);
    }
    return status;
}

void satchel_query_position_fields(const satchel_entity *entity, const satchel_field **latitude,
                                   const satchel_field **longitude) {
    const satchel_schema schema = {&satchel_generated_model, NULL, 0};
    *latitude = satchel_schema_field_named(&schema, entity->number, satchel_text_of("latitude_e7"));
    *longitude = satchel_schema_field_named(&schema, entity->number, satchel_text_of("longitude_e7"));
    if (*latitude == NULL || *longitude == NULL) {
        *latitude = NULL;
        *longitude = NULL;
    }
}

static bool searches(const satchel_query *query, uint32_t number) {
    const satchel_schema schema = {&satchel_generated_model, NULL, 0};
    const satchel_field *field =
        query->words.bytes > 0 ? satchel_schema_field(&schema, query->entity->number, number) : NULL;
    return field != NULL && field->search != SATCHEL_SEARCH_NONE;
}

static bool is_near(const satchel_query *query, uint32_t number) {
    const satchel_field *latitude;
    const satchel_field *longitude;
    if (!query->has_near) {
        return false;
    }
    satchel_query_position_fields(query->entity, &latitude, &longitude);
    return latitude->number == number || longitude->number == number;
}

bool satchel_query_reads(const satchel_query *query, uint32_t field) {
    for (uint32_t i = 0; i < query->condition_count; i++) {
        if (query->conditions[i].field == field) {
            return true;
        }
    }
    for (uint32_t i = 0; i < query->sort_count; i++) {
        if (query->sorts[i].field == field) {
            return true;
        }
    }
    return searches(query, field) || is_near(query, field);
}

satchel_status satchel_query_near(satchel_query *query, int64_t latitude_e7, int64_t longitude_e7, int64_t metres) {
    const satchel_field *latitude;
    const satchel_field *longitude;
    satchel_query_position_fields(query->entity, &latitude, &longitude);
    if (latitude == NULL) {
        return SATCHEL_UNSUPPORTED;
    }
    if (latitude_e7 < -LATITUDE_MOST_E7 || latitude_e7 > LATITUDE_MOST_E7 || longitude_e7 < -LONGITUDE_MOST_E7 ||
        longitude_e7 > LONGITUDE_MOST_E7 || metres < 0 || metres > NEAR_METRES_MOST) {
        return SATCHEL_OUT_OF_RANGE;
    }
    query->has_near = true;
    query->near_latitude_e7 = latitude_e7;
    query->near_longitude_e7 = longitude_e7;
    query->near_metres = metres;
    return SATCHEL_OK;
}

satchel_status satchel_query_sort(satchel_query *query, uint32_t number, bool descending) {
    const satchel_field *field;
    satchel_status status = find_field(query, number, &field);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (field != NULL && field->type == SATCHEL_TYPE_SET) {
        return SATCHEL_WRONG_TYPE;
    }
    if (query->sort_count == SATCHEL_LIMIT_SORT_KEYS) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    query->sorts[query->sort_count++] = (satchel_sort_key){number, descending};
    return SATCHEL_OK;
}

void satchel_query_include_deleted(satchel_query *query) {
    query->include_deleted = true;
}
