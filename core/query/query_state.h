/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a query holds, shared by the builder, the compiler and the keyset. Not for other modules.
 */
#ifndef SATCHEL_QUERY_QUERY_STATE_H
#define SATCHEL_QUERY_QUERY_STATE_H

#include "base/arena.h"
#include "base/limits.h"
#include "query/query.h"

struct satchel_query {
    satchel_arena arena; /* owns the texts of the conditions */
    const satchel_entity *entity;
    satchel_condition conditions[SATCHEL_LIMIT_CONDITIONS];
    uint32_t condition_count;
    satchel_sort_key sorts[SATCHEL_LIMIT_SORT_KEYS];
    uint32_t sort_count;
    satchel_text words; /* trimmed; empty: no search */
    bool has_near;
    int64_t near_latitude_e7;
    int64_t near_longitude_e7;
    int64_t near_metres;
    bool include_deleted;
};

/* A keyset in parts; values live in the arena that it was read into. */
typedef struct satchel_keyset {
    satchel_value values[SATCHEL_LIMIT_SORT_KEYS];
    satchel_id id;
} satchel_keyset;

/* Errors: MALFORMED (another query's, other types, not exactly a keyset), UNKNOWN_FIELD, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_keyset_read(const satchel_query *query, const satchel_schema *schema,
                                                    satchel_bytes bytes, satchel_arena *arena, satchel_keyset *out,
                                                    satchel_error *error);

/* The fields of the entity that hold its position; both NULL if it has none. */
void satchel_query_position_fields(const satchel_entity *entity, const satchel_field **latitude,
                                   const satchel_field **longitude);

/*
 * Does a value of the type sort and compare as the column of a field of the other type? BOOL, INT and TIME are one.
 */
bool satchel_query_types_fit(uint8_t value_type, uint8_t field_type);

#endif
