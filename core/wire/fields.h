/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protobuf fields over satchel_buffer and satchel_reader: thin verbs above nanopb's primitives.
 *
 * A read field borrows its bytes from the reader. Groups (wire types 3 and 4) are malformed here: proto3 has none.
 */
#ifndef SATCHEL_WIRE_FIELDS_H
#define SATCHEL_WIRE_FIELDS_H

#include "base/bytes.h"

typedef enum satchel_wire_type {
    SATCHEL_WIRE_VARINT = 0,
    SATCHEL_WIRE_FIXED64 = 1,
    SATCHEL_WIRE_BYTES = 2,
    SATCHEL_WIRE_FIXED32 = 5
} satchel_wire_type;

/* One field as it stands on the wire. */
typedef struct satchel_wire_field {
    uint32_t number;
    satchel_wire_type type;
    uint64_t value;      /* VARINT, FIXED64, FIXED32 */
    satchel_bytes bytes; /* BYTES */
    satchel_bytes raw;   /* tag and content, to be kept unchanged */
} satchel_wire_field;

/* Appends one field. Errors: NO_MEMORY; the buffer may then hold a part of it, see satchel_wire_cut. */
SATCHEL_MUST_USE satchel_status satchel_wire_put_varint(satchel_buffer *out, uint32_t number, uint64_t value);
SATCHEL_MUST_USE satchel_status satchel_wire_put_fixed64(satchel_buffer *out, uint32_t number, uint64_t value);
SATCHEL_MUST_USE satchel_status satchel_wire_put_bytes(satchel_buffer *out, uint32_t number, satchel_bytes bytes);

/* A field whose content is appended between begin and end; the length is put before it at the end. Errors: NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_wire_begin(satchel_buffer *out, uint32_t number, size_t *out_mark);
SATCHEL_MUST_USE satchel_status satchel_wire_end(satchel_buffer *out, size_t mark);

/* On failure drops what was appended past `bytes`; gives `status` back. */
satchel_status satchel_wire_cut(satchel_buffer *out, size_t bytes, satchel_status status);

/* The next field; `*out_found` false at the end. Errors: MALFORMED; the reader does not move then. */
SATCHEL_MUST_USE satchel_status satchel_wire_next(satchel_reader *reader, satchel_wire_field *out, bool *out_found);

/* The bits of a double, and back. */
uint64_t satchel_wire_bits(double real);
double satchel_wire_real(uint64_t bits);

#endif
