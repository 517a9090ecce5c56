/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One validation for both sides: on the phone at entry, on the server at apply.
 *
 * Who may write is not decided here (access), nor whether a state can be reached on the server (merge). No message
 * holds a value.
 */
#ifndef SATCHEL_SCHEMA_VALIDATE_H
#define SATCHEL_SCHEMA_VALIDATE_H

#include "schema/op.h"

/* Largest delta of a SUM field in one op, either way: sums of many stay far from the ends of int64. */
#define SATCHEL_LARGEST_DELTA INT64_C(1000000000000000)

/*
 * A value against its field: type, range, length, UTF-8, pattern, choice. NULL is fine unless the field is required;
 * a required text of nothing but white space and an empty required set are as good as NULL. A real number is finite, an
 * id is not all zero, a set is canonical (WRONG_TYPE otherwise) and has no empty element.
 * Errors: WRONG_TYPE, OUT_OF_RANGE, TOO_LONG, BAD_TEXT, PATTERN_MISMATCH, REQUIRED_MISSING, LIMIT_EXCEEDED (set).
 */
SATCHEL_MUST_USE satchel_status satchel_validate_value(const satchel_entity *entity, const satchel_field *field,
                                                       const satchel_value *value, satchel_error *error);

/*
 * An op by itself:
 * - known entity, kind and fields; a field that this version does not know is in the tails and passes;
 * - CREATE: required fields there (but not those of the server if `by_phone`, and never custom ones, because a rule may
 *   be newer than the phone), states reachable from the initial one, nothing removed;
 * - EDIT: says something, is not of a fact; `from` given for every STATE field set, unless the field is not required
 *   (then its absence means that there was no state);
 * - set and cleared disjoint, adds and removes of one set disjoint; SET, SUM, MAX, MIN and STATE fields and required
 *   ones are never cleared, `removed` holds SET fields only, `from` STATE fields only that are also set;
 * - groups whole: an EDIT that sets or clears one member sets or clears each of them (in a CREATE the absent are
 *   null);
 * - SUM: a delta of at most SATCHEL_LARGEST_DELTA either way;
 * - DELETE, VOID: nothing else said; COMMAND: values are checked against the fields of the entity, and that is all;
 * - meta fields are never set; `by_phone`: nor fields of the server, states reserved to it, nor rows only it makes.
 * Errors: as satchel_validate_value, UNKNOWN_ENTITY, UNKNOWN_FIELD, READ_ONLY_FIELD, IMMUTABLE, INVALID_ARGUMENT,
 * ILLEGAL_STATE (the op's own from → to is no path), LIMIT_EXCEEDED (exceptions, tail).
 */
SATCHEL_MUST_USE satchel_status satchel_validate_op(const satchel_schema *schema, const satchel_op *op, bool by_phone,
                                                    satchel_error *error);

/*
 * The same for an op that may have been made by an older release (op->schema): a rule of a field (required, range,
 * length, pattern) that is newer than the op does not refuse it. `*out_flagged` is the first such field whose rule it
 * breaks, 0 if there is none; NULL: as satchel_validate_op.
 */
SATCHEL_MUST_USE satchel_status satchel_validate_old_op(const satchel_schema *schema, const satchel_op *op,
                                                        bool by_phone, uint32_t *out_flagged, satchel_error *error);

/*
 * A whole row: every value, every required field, custom ones included, but no meta fields. For entry forms and
 * imports, and for the server to flag what it may not refuse. `by_phone`: fields of the server may be absent.
 * Errors: as satchel_validate_value, UNKNOWN_ENTITY, UNKNOWN_FIELD.
 */
SATCHEL_MUST_USE satchel_status satchel_validate_row(const satchel_schema *schema, uint32_t entity,
                                                     const satchel_record *row, bool by_phone, satchel_error *error);

#endif
