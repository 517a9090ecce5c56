/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values and records: field number → typed value, generic over all entities.
 *
 * A record holds only the fields that were given. SATCHEL_TYPE_NULL as a value means "known to be empty".
 * Everything that a record points to lives in its arena.
 */
#ifndef SATCHEL_SCHEMA_RECORD_H
#define SATCHEL_SCHEMA_RECORD_H

#include "base/arena.h"
#include "base/bytes.h"
#include "schema/schema.h"

/* Elements are sorted by memcmp order and distinct. */
typedef struct satchel_set {
    const satchel_bytes *elements;
    uint32_t count;
} satchel_set;

typedef struct satchel_value {
    satchel_type type;
    union {
        bool boolean;        /* BOOL */
        int64_t integer;     /* INT, TIME */
        double real;         /* REAL */
        satchel_bytes bytes; /* TEXT (valid UTF-8), BYTES */
        satchel_id id;       /* ID */
        satchel_set set;     /* SET */
    } as;
} satchel_value;

typedef struct satchel_field_value {
    uint32_t number;
    satchel_value value;
} satchel_field_value;

typedef struct satchel_record {
    satchel_arena *arena;
    satchel_field_value *fields; /* by number, distinct */
    uint32_t count;
    uint32_t capacity;
    satchel_bytes tail; /* bytes of fields that this version does not know, as they came; see wire/record_codec.h */
} satchel_record;

static inline satchel_value satchel_value_null(void) {
    satchel_value value = {SATCHEL_TYPE_NULL, {false}};
    return value;
}
satchel_value satchel_value_bool(bool boolean);
satchel_value satchel_value_int(int64_t integer);
satchel_value satchel_value_real(double real);
satchel_value satchel_value_time(int64_t unix_ms);
satchel_value satchel_value_text(satchel_text text);
satchel_value satchel_value_bytes(satchel_bytes bytes);
satchel_value satchel_value_id(const satchel_id *id);
satchel_value satchel_value_set(const satchel_bytes *sorted_elements, uint32_t count);

/* Same type and same content; two NaN are equal, -0.0 and 0.0 are not; NULL equals NULL. */
bool satchel_value_equal(const satchel_value *a, const satchel_value *b);

/*
 * A total order for ties and for MAX/MIN: NULL first, then by type, then by content (integers and reals by value,
 * NaN below every number, -0.0 below 0.0, bytes by memcmp, sets element by element).
 */
int satchel_value_compare(const satchel_value *a, const satchel_value *b);

/* Deep copy into `arena`. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_value_copy(satchel_arena *arena, const satchel_value *from, satchel_value *out);

void satchel_record_init(satchel_record *record, satchel_arena *arena);

/* Sets or replaces; the value is copied into the record's arena. Errors: NO_MEMORY, LIMIT_EXCEEDED. */
SATCHEL_MUST_USE satchel_status satchel_record_set(satchel_record *record, uint32_t number, const satchel_value *value);

/* Room for one field more, for who writes `fields` itself in their order. Errors: NO_MEMORY, LIMIT_EXCEEDED. */
SATCHEL_MUST_USE satchel_status satchel_record_make_room(satchel_record *record);

/* Shorthands. Errors as satchel_record_set. */
SATCHEL_MUST_USE satchel_status satchel_record_set_int(satchel_record *record, uint32_t number, int64_t integer);
SATCHEL_MUST_USE satchel_status satchel_record_set_time(satchel_record *record, uint32_t number, int64_t unix_ms);
SATCHEL_MUST_USE satchel_status satchel_record_set_bool(satchel_record *record, uint32_t number, bool boolean);
SATCHEL_MUST_USE satchel_status satchel_record_set_text(satchel_record *record, uint32_t number, satchel_text text);
SATCHEL_MUST_USE satchel_status satchel_record_set_id(satchel_record *record, uint32_t number, const satchel_id *id);

/* NULL if the record does not hold the field. A held NULL value is returned as a value of type NULL. */
const satchel_value *satchel_record_get(const satchel_record *record, uint32_t number);

/* The content of an INT, TIME or BOOL (0 or 1), or `otherwise` if absent, null or of another type. */
int64_t satchel_record_int(const satchel_record *record, uint32_t number, int64_t otherwise);
satchel_text satchel_record_text(const satchel_record *record, uint32_t number);
/* None (all zero) if absent. */
satchel_id satchel_record_id(const satchel_record *record, uint32_t number);

/* Does nothing if absent. */
void satchel_record_remove(satchel_record *record, uint32_t number);

/* Deep copy into the arena of `out`, which must be initialised; its old content is dropped. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_record_copy(const satchel_record *from, satchel_record *out);

/* Same fields, values and tail. */
bool satchel_record_equal(const satchel_record *a, const satchel_record *b);

/*
 * Set algebra on canonical sets, results in `arena`. Errors: NO_MEMORY, LIMIT_EXCEEDED (union past the limit).
 * sort: makes a canonical set of any elements (copies them).
 */
SATCHEL_MUST_USE satchel_status satchel_set_sort(satchel_arena *arena, const satchel_bytes *elements, uint32_t count,
                                                 satchel_set *out);
SATCHEL_MUST_USE satchel_status satchel_set_union(satchel_arena *arena, const satchel_set *a, const satchel_set *b,
                                                  satchel_set *out);
SATCHEL_MUST_USE satchel_status satchel_set_minus(satchel_arena *arena, const satchel_set *a, const satchel_set *b,
                                                  satchel_set *out);
bool satchel_set_has(const satchel_set *set, satchel_bytes element);

#endif
