/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a record leaves the server for a user: each field at the level of its class.
 */
#include "access/access.h"

#include "base/arena.h"
#include "base/text.h"

#include <string.h>

#define COVER "***"
#define COVER_PHONE "****"
#define PHONE_HEAD 3
#define PHONE_TAIL 4
/* Of a shorter number head and tail together would give away more than half. */
#define PHONE_SHOWN_FROM 8

/* Common fields that a schema may not list: what everybody who sees the row sees. */
static bool is_common(uint32_t number) {
    return number == SATCHEL_FIELD_ID || (number >= SATCHEL_FIELD_CREATED_AT && number <= SATCHEL_FIELD_REVISION);
}

static uint32_t class_of(const satchel_field *field, uint32_t number) {
    if (field == NULL) {
        return is_common(number) ? SATCHEL_SENSITIVITY_OPEN : SATCHEL_SENSITIVITY_SECRET;
    }
    return field->sensitivity < SATCHEL_SENSITIVITY_COUNT ? field->sensitivity : SATCHEL_SENSITIVITY_SECRET;
}

static satchel_status filter_field(const satchel_field *field, satchel_level level, const satchel_field_value *from,
                                   satchel_record *out) {
    if (level >= SATCHEL_LEVEL_READ) {
        return satchel_record_set(out, from->number, &from->value);
    }
    if (level == SATCHEL_LEVEL_HIDDEN || field == NULL) {
        return SATCHEL_OK;
    }
    satchel_value masked;
    satchel_status status = satchel_access_mask(out->arena, field, &from->value, &masked);
    return status == SATCHEL_OK ? satchel_record_set(out, from->number, &masked) : status;
}

satchel_status satchel_access_filter(const satchel_schema *schema, const satchel_access_policy *policy,
                                     const satchel_access_user *user, uint32_t entity, uint32_t relations,
                                     const satchel_record *record, satchel_record *out) {
    satchel_level levels[SATCHEL_SENSITIVITY_COUNT];
    for (uint32_t i = 0; i < SATCHEL_SENSITIVITY_COUNT; i++) {
        levels[i] = satchel_access_level(policy, user, entity, relations, (satchel_sensitivity)i);
    }
    satchel_record_init(out, out->arena);
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < record->count && status == SATCHEL_OK; i++) {
        const satchel_field_value *from = &record->fields[i];
        const satchel_field *field = satchel_schema_field(schema, entity, from->number);
        status = filter_field(field, levels[class_of(field, from->number)], from, out);
    }
    if (status == SATCHEL_OK && levels[SATCHEL_SENSITIVITY_SECRET] >= SATCHEL_LEVEL_READ) {
        status = satchel_arena_copy(out->arena, record->tail, &out->tail);
    }
    return status;
}

static satchel_status join(satchel_arena *arena, satchel_bytes head, const char *cover, satchel_bytes tail,
                           satchel_bytes *out) {
    size_t cover_bytes = strlen(cover);
    uint8_t *bytes = satchel_arena_take(arena, head.bytes + cover_bytes + tail.bytes);
    if (bytes == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    if (head.bytes > 0) {
        memcpy(bytes, head.data, head.bytes);
    }
    memcpy(bytes + head.bytes, cover, cover_bytes);
    if (tail.bytes > 0) {
        memcpy(bytes + head.bytes + cover_bytes, tail.data, tail.bytes);
    }
    *out = (satchel_bytes){bytes, head.bytes + cover_bytes + tail.bytes};
    return SATCHEL_OK;
}

/* The first code point; none of a text that is a single one. */
static satchel_bytes first_of(satchel_bytes text) {
    size_t end = 0;
    satchel_text whole = satchel_text_from(text);
    (void)satchel_text_next(whole, &end);
    return (satchel_bytes){text.data, end < text.bytes ? end : 0};
}

static satchel_status mask_plain(satchel_arena *arena, satchel_bytes text, satchel_bytes *out) {
    satchel_bytes none = {NULL, 0};
    return join(arena, first_of(text), COVER, none, out);
}

/* "+86 138-1234-4729" → "+86****4729": characters, not digits, so that separators stay where they show. */
static satchel_status mask_phone(satchel_arena *arena, satchel_bytes text, satchel_bytes *out) {
    if (satchel_text_count(satchel_text_from(text)) != text.bytes || text.bytes < PHONE_SHOWN_FROM) {
        return mask_plain(arena, text, out);
    }
    satchel_bytes head = {text.data, PHONE_HEAD};
    satchel_bytes tail = {text.data + text.bytes - PHONE_TAIL, PHONE_TAIL};
    return join(arena, head, COVER_PHONE, tail, out);
}

static satchel_status mask_email(satchel_arena *arena, satchel_bytes text, satchel_bytes *out) {
    const uint8_t *at = text.bytes > 0 ? memchr(text.data, '@', text.bytes) : NULL;
    if (at == NULL) {
        return mask_plain(arena, text, out);
    }
    size_t local = (size_t)(at - text.data);
    satchel_bytes head = first_of((satchel_bytes){text.data, local});
    satchel_bytes domain = {at, text.bytes - local};
    return join(arena, head, COVER, domain, out);
}

static bool has_pattern(const satchel_field *field, const char *pattern) {
    return field->pattern != NULL && strcmp(field->pattern, pattern) == 0;
}

static satchel_status mask_text(satchel_arena *arena, const satchel_field *field, satchel_bytes text,
                                satchel_bytes *out) {
    if (text.bytes == 0) {
        *out = text;
        return SATCHEL_OK;
    }
    if (has_pattern(field, "phone") || field->search == SATCHEL_SEARCH_PHONE) {
        return mask_phone(arena, text, out);
    }
    return has_pattern(field, "email") ? mask_email(arena, text, out) : mask_plain(arena, text, out);
}

static satchel_status mask_set(satchel_arena *arena, const satchel_field *field, const satchel_set *set,
                               satchel_value *out) {
    satchel_bytes *masked = satchel_arena_take_array(arena, set->count, sizeof *masked);
    if (masked == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < set->count && status == SATCHEL_OK; i++) {
        status = mask_text(arena, field, set->elements[i], &masked[i]);
    }
    satchel_set sorted = {NULL, 0};
    if (status == SATCHEL_OK) {
        status = satchel_set_sort(arena, masked, set->count, &sorted);
    }
    *out = satchel_value_set(sorted.elements, sorted.count);
    return status;
}

satchel_status satchel_access_mask(satchel_arena *arena, const satchel_field *field, const satchel_value *value,
                                   satchel_value *out) {
    *out = satchel_value_null();
    if (value->type == SATCHEL_TYPE_SET && field->element == SATCHEL_TYPE_TEXT) {
        return mask_set(arena, field, &value->as.set, out);
    }
    if (value->type != SATCHEL_TYPE_TEXT) {
        return SATCHEL_OK;
    }
    satchel_bytes masked;
    satchel_status status = mask_text(arena, field, value->as.bytes, &masked);
    if (status == SATCHEL_OK) {
        *out = satchel_value_text(satchel_text_from(masked));
    }
    return status;
}
