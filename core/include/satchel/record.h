/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as protobuf bytes, made and read field by field, for shells without generated classes of model.proto.
 *
 * A builder or reader belongs to one thread at a time and must be closed before its satchel_fields.
 */
#ifndef SATCHEL_RECORD_H
#define SATCHEL_RECORD_H

#include <satchel/fields.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct satchel_record_builder satchel_record_builder;

/* An empty record of `entity`. Errors: UNKNOWN_ENTITY, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_record_builder_open(satchel_record_builder **out, const satchel_fields *fields,
                                                            uint32_t entity);
void satchel_record_builder_close(satchel_record_builder *builder);

/*
 * Each sets or replaces one field; texts and bytes are copied. _int serves BOOL, INT and TIME.
 * Ranges, lengths and patterns are checked by satchel_write_create and satchel_write_edit, not here.
 * Errors: UNKNOWN_FIELD, WRONG_TYPE, BAD_TEXT, LIMIT_EXCEEDED, NO_MEMORY; the builder is then unchanged.
 */
SATCHEL_MUST_USE satchel_status satchel_record_builder_int(satchel_record_builder *builder, uint32_t field,
                                                           int64_t value);
SATCHEL_MUST_USE satchel_status satchel_record_builder_real(satchel_record_builder *builder, uint32_t field,
                                                            double value);
SATCHEL_MUST_USE satchel_status satchel_record_builder_text(satchel_record_builder *builder, uint32_t field,
                                                            satchel_text value);
SATCHEL_MUST_USE satchel_status satchel_record_builder_bytes(satchel_record_builder *builder, uint32_t field,
                                                             satchel_bytes value);
SATCHEL_MUST_USE satchel_status satchel_record_builder_id(satchel_record_builder *builder, uint32_t field,
                                                          const satchel_id *value);

/* Adds an element to a set, or takes one out; a set without elements is left as an empty set. Errors: as above. */
SATCHEL_MUST_USE satchel_status satchel_record_builder_add(satchel_record_builder *builder, uint32_t field,
                                                           satchel_bytes element);
SATCHEL_MUST_USE satchel_status satchel_record_builder_remove(satchel_record_builder *builder, uint32_t field,
                                                              satchel_bytes element);

/*
 * Sets a field from its text form: true and false, whole numbers (money in minor units), quantities as decimals,
 * choices by name, days "2026-11-21", times "2026-11-21T08:05:00Z", ids "0190b4c8-…", elements of a set separated by
 * ';', bytes in hexadecimal. An empty text gives an empty field. Errors: as above, MALFORMED, OUT_OF_RANGE.
 */
SATCHEL_MUST_USE satchel_status satchel_record_builder_parse(satchel_record_builder *builder, uint32_t field,
                                                             satchel_text text, satchel_error *error);

/* The record as bytes, owned by the builder until its next call. Errors: NO_MEMORY, LIMIT_EXCEEDED. */
SATCHEL_MUST_USE satchel_status satchel_record_builder_encode(satchel_record_builder *builder, satchel_bytes *out);

typedef struct satchel_record_reader satchel_record_reader;

/* A value; the member that goes with `type` is valid. Texts and bytes are owned by the reader. */
typedef struct satchel_cell {
    uint32_t field;
    satchel_field_type type;
    int64_t integer; /* BOOL (0 or 1), INT, TIME */
    double real;
    satchel_text text;
    satchel_bytes bytes;
    satchel_id id;
    uint32_t element_count; /* SET */
} satchel_cell;

/* Copies `bytes`. Errors: UNKNOWN_ENTITY, MALFORMED, BAD_TEXT, LIMIT_EXCEEDED, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_record_reader_open(satchel_record_reader **out, const satchel_fields *fields,
                                                           uint32_t entity, satchel_bytes bytes, satchel_error *error);
void satchel_record_reader_close(satchel_record_reader *reader);

/* Number of fields that hold a value. */
uint32_t satchel_record_reader_count(const satchel_record_reader *reader);
/* In order of number. Errors: OUT_OF_RANGE. */
SATCHEL_MUST_USE satchel_status satchel_record_reader_at(const satchel_record_reader *reader, uint32_t index,
                                                         satchel_cell *out);
/* Errors: NOT_FOUND (the record holds no value of the field). */
SATCHEL_MUST_USE satchel_status satchel_record_reader_get(const satchel_record_reader *reader, uint32_t field,
                                                          satchel_cell *out);
/* An element of a set, in canonical order. Errors: NOT_FOUND, WRONG_TYPE, OUT_OF_RANGE. */
SATCHEL_MUST_USE satchel_status satchel_record_reader_element(const satchel_record_reader *reader, uint32_t field,
                                                              uint32_t index, satchel_bytes *out);

/*
 * The value as text, owned by the reader until it is closed. `language` NULL: the form of satchel_record_builder_parse.
 * "zh…" or other: as people read it, with labels for choices and decimals for money, whose digits are those of the
 * record's own currency, else of `currency` (ISO 4217, may be empty). Errors: NOT_FOUND, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_record_reader_text(satchel_record_reader *reader, uint32_t field,
                                                           const char *language, satchel_text currency,
                                                           satchel_text *out);

/* Ids to and from their text form. Errors: MALFORMED. */
void satchel_id_write(const satchel_id *id, char text[SATCHEL_ID_TEXT_BYTES]);
SATCHEL_MUST_USE satchel_status satchel_id_read(satchel_text text, satchel_id *out);

#ifdef __cplusplus
}
#endif
#endif
