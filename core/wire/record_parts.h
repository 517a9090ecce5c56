/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the record codec and the codec of custom values share. Internal to wire/.
 *
 * Content is checked against the limits of one value; ranges and patterns are the business of schema/validate.h.
 */
#ifndef SATCHEL_WIRE_RECORD_PARTS_H
#define SATCHEL_WIRE_RECORD_PARTS_H

#include "schema/record.h"
#include "wire/fields.h"

/* Inserts or replaces without copying what the value points to. Errors: NO_MEMORY, LIMIT_EXCEEDED. */
SATCHEL_MUST_USE satchel_status satchel_wire_record_put(satchel_record *record, uint32_t number,
                                                        const satchel_value *value);

/*
 * Adds an element (borrowed) to a set that is being read, in the order of arrival; finish makes it canonical.
 * Errors: NO_MEMORY, LIMIT_EXCEEDED (number or size of elements), MALFORMED (an id of another size), BAD_TEXT.
 */
SATCHEL_MUST_USE satchel_status satchel_wire_set_add(satchel_arena *arena, satchel_type element_type,
                                                     satchel_bytes element, satchel_set *set);
SATCHEL_MUST_USE satchel_status satchel_wire_set_finish(satchel_arena *arena, satchel_set *set);

/* A text, bytes or id from the bytes of a field, borrowed. Errors: LIMIT_EXCEEDED, BAD_TEXT, MALFORMED. */
SATCHEL_MUST_USE satchel_status satchel_wire_value_of(satchel_type type, satchel_bytes bytes, satchel_value *out);

/* May the value be written as one of this type and element type? Errors: WRONG_TYPE, LIMIT_EXCEEDED. */
SATCHEL_MUST_USE satchel_status satchel_wire_value_check(const satchel_field *field, const satchel_value *value);

/* Appends one custom value as an element of field 900. Errors: NO_MEMORY, UNKNOWN_FIELD, WRONG_TYPE, LIMIT_EXCEEDED. */
SATCHEL_MUST_USE satchel_status satchel_wire_custom_write(const satchel_schema *schema, uint32_t entity,
                                                          const satchel_field_value *value, satchel_buffer *out);

/*
 * Reads the content of one element of field 900 into `out`; `*out_known` false if this version does not know the field
 * or the kind of value. Errors: NO_MEMORY, MALFORMED, BAD_TEXT, LIMIT_EXCEEDED.
 */
SATCHEL_MUST_USE satchel_status satchel_wire_custom_read(const satchel_schema *schema, uint32_t entity,
                                                         satchel_bytes bytes, satchel_record *out, bool *out_known);

/* The unknown fields of a record while it is read: adjacent ones are borrowed, scattered ones gathered in the arena. */
typedef struct satchel_wire_tail {
    satchel_bytes whole; /* what is being read: the tail is never longer */
    uint8_t *gathered;
} satchel_wire_tail;

/* Errors: NO_MEMORY, LIMIT_EXCEEDED. */
SATCHEL_MUST_USE satchel_status satchel_wire_tail_add(satchel_wire_tail *tail, satchel_record *record,
                                                      satchel_bytes raw);

#endif
