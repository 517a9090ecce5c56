/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as protobuf bytes of the entity's own message in model.proto, by the schema table over nanopb's primitives.
 *
 * Fields ascend by number; a set is one tagged element after another; custom fields are CustomValue messages in field
 * 900; the raw tail of unknown fields is written last, unchanged. A NULL value is not written: "cleared" lists say it.
 */
#ifndef SATCHEL_WIRE_RECORD_CODEC_H
#define SATCHEL_WIRE_RECORD_CODEC_H

#include "schema/record.h"

/* Appends the record. The id (field 1) is written only if the record holds it. Errors: NO_MEMORY, LIMIT_EXCEEDED,
 * UNKNOWN_FIELD, WRONG_TYPE. */
SATCHEL_MUST_USE satchel_status satchel_record_encode(const satchel_schema *schema, uint32_t entity,
                                                      const satchel_record *record, satchel_buffer *out);

/*
 * Decodes into `out`, which is initialised; values are copied into its arena (or borrowed from `bytes` if `borrow`).
 * Known fields are checked for wire type, UTF-8 and size limits, not against their ranges (validate.h does that).
 * Unknown fields, known fields of an unexpected wire type excluded, are kept in the tail. Last of repeated scalars
 * wins. Errors: NO_MEMORY, MALFORMED, BAD_TEXT, LIMIT_EXCEEDED, UNKNOWN_ENTITY.
 */
SATCHEL_MUST_USE satchel_status satchel_record_decode(const satchel_schema *schema, uint32_t entity,
                                                      satchel_bytes bytes, bool borrow, satchel_record *out,
                                                      satchel_error *error);

/* A single value with its type, for columns and journals; form in value_codec.c. Errors as above. */
SATCHEL_MUST_USE satchel_status satchel_value_encode(const satchel_value *value, satchel_buffer *out);
SATCHEL_MUST_USE satchel_status satchel_value_decode(satchel_reader *reader, satchel_arena *arena, satchel_value *out);

/* Elements of a set as one blob: varint count, then varint length and bytes each, in canonical order. */
SATCHEL_MUST_USE satchel_status satchel_set_encode(const satchel_set *set, satchel_buffer *out);
SATCHEL_MUST_USE satchel_status satchel_set_decode(satchel_bytes bytes, satchel_arena *arena, satchel_set *out);

/* The custom values of a record as one blob (repeated CustomValue, as in field 900), and back, added to `out`. */
SATCHEL_MUST_USE satchel_status satchel_custom_encode(const satchel_schema *schema, uint32_t entity,
                                                      const satchel_record *record, satchel_buffer *out);
SATCHEL_MUST_USE satchel_status satchel_custom_decode(const satchel_schema *schema, uint32_t entity,
                                                      satchel_bytes bytes, satchel_record *out);

#endif
