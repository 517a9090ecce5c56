/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One validation for both sides: on the phone at entry, on the server at apply.
 *
 * Who may write is not decided here (access), nor whether a state can be reached on the server (merge).
 */
#ifndef SATCHEL_SCHEMA_VALIDATE_H
#define SATCHEL_SCHEMA_VALIDATE_H

#include "schema/op.h"

/*
 * A value against its field: type, range, length, UTF-8, pattern, choice. NULL is fine unless the field is required.
 * Errors: WRONG_TYPE, OUT_OF_RANGE, TOO_LONG, BAD_TEXT, PATTERN_MISMATCH, REQUIRED_MISSING, LIMIT_EXCEEDED (set).
 */
SATCHEL_MUST_USE satchel_status satchel_validate_value(const satchel_entity *entity, const satchel_field *field,
                                                       const satchel_value *value, satchel_error *error);

/*
 * An op by itself: known entity, fields and kinds; groups whole (every member of a group set or cleared together);
 * set/removed/cleared disjoint and of fitting policies; required fields there on create; facts only created; `from` given
 * for every STATE field set by an edit; deltas only for SUM. A field that this version does not know is in the tails and
 * passes. `by_phone`: fields that phones never write are refused with READ_ONLY_FIELD.
 * Errors: as satchel_validate_value, UNKNOWN_ENTITY, UNKNOWN_FIELD, READ_ONLY_FIELD, IMMUTABLE, INVALID_ARGUMENT,
 * ILLEGAL_STATE (the op's own from → to is no path).
 */
SATCHEL_MUST_USE satchel_status satchel_validate_op(const satchel_schema *schema, const satchel_op *op, bool by_phone,
                                                    satchel_error *error);

#endif
