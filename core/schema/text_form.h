/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as people write them: for command lines, CSV and JSON.
 *
 * BOOL true/false · INT decimal, an enum by name or number, a day as YYYY-MM-DD, a quantity or percentage point in
 * units with a decimal point where the unit says so (quantity_e3 "2.5" is 2500), money always as its integer of minor
 * units · REAL decimal · TIME RFC 3339 or ms · ID as its 36 characters · SET elements separated by ';' · BYTES
 * hexadecimal.
 */
#ifndef SATCHEL_SCHEMA_TEXT_FORM_H
#define SATCHEL_SCHEMA_TEXT_FORM_H

#include "schema/record.h"

/*
 * Reads a value for `field`; an empty text gives NULL. What it points to lives in `arena`. Ranges, lengths and patterns
 * are not checked here but by satchel_validate_value. Errors: MALFORMED, OUT_OF_RANGE, BAD_TEXT, LIMIT_EXCEEDED (set),
 * NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_value_from_text(const satchel_field *field, satchel_text text,
                                                        satchel_arena *arena, satchel_value *out, satchel_error *error);

/*
 * Appends the same form; NULL appends nothing. A day or moment outside the years 0 … 9999 is its number.
 * Errors: NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_value_to_text(const satchel_field *field, const satchel_value *value,
                                                      satchel_buffer *out);

#endif
