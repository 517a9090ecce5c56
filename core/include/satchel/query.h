/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries: one description of which rows are wanted, built step by step, checked against the schema.
 */
#ifndef SATCHEL_QUERY_H
#define SATCHEL_QUERY_H

#include <satchel/status.h>
#include <satchel/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SATCHEL_CONDITIONS_MOST 64
#define SATCHEL_SORT_KEYS_MOST 4
#define SATCHEL_SEARCH_BYTES_MOST 256

/* Belongs to one thread at a time; needs no device. */
typedef struct satchel_query satchel_query;

typedef enum satchel_compare {
    SATCHEL_COMPARE_EQUAL = 1,
    SATCHEL_COMPARE_NOT_EQUAL = 2, /* a null field is not equal to anything */
    SATCHEL_COMPARE_LESS = 3,
    SATCHEL_COMPARE_LESS_OR_EQUAL = 4,
    SATCHEL_COMPARE_GREATER = 5,
    SATCHEL_COMPARE_GREATER_OR_EQUAL = 6,
    SATCHEL_COMPARE_BEGINS_WITH = 7, /* text, byte for byte */
    SATCHEL_COMPARE_HAS = 8          /* a set field has the element */
} satchel_compare;

/* A query for rows of `entity` that are not deleted, in order of id. Errors: NO_MEMORY, UNKNOWN_ENTITY. */
SATCHEL_MUST_USE satchel_status satchel_query_open(satchel_query **out, uint32_t entity);
void satchel_query_close(satchel_query *query);

/*
 * Conditions; all must hold. The field's type must fit: _int for bool, integer, enum and time.
 * Errors: UNKNOWN_FIELD, WRONG_TYPE, LIMIT_EXCEEDED (SATCHEL_CONDITIONS_MOST), BAD_TEXT, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_query_where_int(satchel_query *query, uint32_t field, satchel_compare compare,
                                                        int64_t value);
SATCHEL_MUST_USE satchel_status satchel_query_where_text(satchel_query *query, uint32_t field, satchel_compare compare,
                                                         satchel_text value);
SATCHEL_MUST_USE satchel_status satchel_query_where_id(satchel_query *query, uint32_t field, satchel_compare compare,
                                                       const satchel_id *value);
SATCHEL_MUST_USE satchel_status satchel_query_where_null(satchel_query *query, uint32_t field, bool is_null);

/*
 * Words that must all occur in the searchable fields.
 * Errors: BAD_TEXT, NO_MEMORY, LIMIT_EXCEEDED (SATCHEL_SEARCH_BYTES_MOST), UNSUPPORTED (nothing is searchable).
 */
SATCHEL_MUST_USE satchel_status satchel_query_search(satchel_query *query, satchel_text words);

/* Only rows whose position lies within `metres`. Errors: OUT_OF_RANGE, UNSUPPORTED (the entity has no position). */
SATCHEL_MUST_USE satchel_status satchel_query_near(satchel_query *query, int64_t latitude_e7, int64_t longitude_e7,
                                                   int64_t metres);

/*
 * Sorts by this field, then by those added later, then by id.
 * Errors: UNKNOWN_FIELD, WRONG_TYPE (set), LIMIT_EXCEEDED (SATCHEL_SORT_KEYS_MOST).
 */
SATCHEL_MUST_USE satchel_status satchel_query_sort(satchel_query *query, uint32_t field, bool descending);

/* Deleted and archived rows too. */
void satchel_query_include_deleted(satchel_query *query);

#ifdef __cplusplus
}
#endif
#endif
