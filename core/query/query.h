/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One description of which rows are wanted, checked against the schema and compiled to SQL text with its bindings.
 *
 * Both sides use it: the phone over its store (dialect SQLite), the server over its database (SQLite or PostgreSQL),
 * where a predicate of access is injected in the one place made for it. Pure: text in, text out.
 */
#ifndef SATCHEL_QUERY_QUERY_H
#define SATCHEL_QUERY_QUERY_H

#include <satchel/query.h>

#include "schema/record.h"

/* Behind the public builder of <satchel/query.h>. */
typedef struct satchel_condition {
    uint32_t field;
    satchel_compare compare;
    bool is_null_test;
    bool wants_null;
    satchel_value value;
} satchel_condition;

typedef struct satchel_sort_key {
    uint32_t field;
    bool descending;
} satchel_sort_key;

/* What the compiler needs to know of the database that it writes for. */
typedef enum satchel_dialect { SATCHEL_DIALECT_SQLITE = 0, SATCHEL_DIALECT_POSTGRES = 1 } satchel_dialect;

/* SQL text and what is bound to its parameters, in order. */
typedef struct satchel_sql {
    satchel_buffer text; /* zero-terminated */
    satchel_value *bindings;
    uint32_t binding_count;
} satchel_sql;

/*
 * Injected by the database side: `text` is ANDed to the WHERE clause. Its parameters are question marks in both
 * dialects, bound where they stand; it must hold no other question mark.
 */
typedef struct satchel_predicate {
    satchel_text text;
    const satchel_value *bindings;
    uint32_t binding_count;
} satchel_predicate;

uint32_t satchel_query_entity(const satchel_query *query);
bool satchel_query_has_search(const satchel_query *query);
/* Nothing but a search: no condition, no order but by id. */
bool satchel_query_only_searches(const satchel_query *query);
satchel_text satchel_query_words(const satchel_query *query);
/* Does which rows come, or in which order, depend on the field: by a condition, the search, nearness or a sort key? */
bool satchel_query_reads(const satchel_query *query, uint32_t field);

/*
 * Checks the query against `schema` (custom fields too; conditions whose number is ≥ SATCHEL_CUSTOM_FIELD_FIRST are
 * accepted by the builder and checked here) and writes SELECT <columns> FROM <table> … ORDER BY … LIMIT limit + 1.
 * The keyset continues behind the row that it names. Nulls sort before every value, ids break ties. `predicate` may
 * be NULL; the words of a search and "not hidden" come in through it too (the compiler knows no search index).
 * Bindings that are no keyset values borrow from `query` and `predicate`, which must outlive `out`; the rest lives in
 * `arena`. A condition "not equal" holds for a null field. Each compile sets `out` anew; satchel_sql_deinit frees it,
 * also after a failure. Errors: UNKNOWN_FIELD, WRONG_TYPE, MALFORMED (keyset), UNSUPPORTED (the schema lacks the
 * entity), INVALID_ARGUMENT (fewer question marks than bindings in the predicate), NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_query_compile(const satchel_query *query, const satchel_schema *schema,
                                                      satchel_dialect dialect, satchel_text columns,
                                                      const satchel_predicate *predicate, satchel_bytes keyset,
                                                      uint32_t limit, satchel_arena *arena, satchel_sql *out,
                                                      satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_query_compile_count(const satchel_query *query, const satchel_schema *schema,
                                                            satchel_dialect dialect, const satchel_predicate *predicate,
                                                            satchel_arena *arena, satchel_sql *out,
                                                            satchel_error *error);

/* The keyset behind a row: sort values and id, with a mark of the query that it belongs to. */
SATCHEL_MUST_USE satchel_status satchel_query_keyset(const satchel_query *query, const satchel_record *row,
                                                     const satchel_id *id, satchel_buffer *out);
void satchel_sql_deinit(satchel_sql *sql);

#endif
