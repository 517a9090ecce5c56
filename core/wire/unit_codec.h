/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Units and ops as bytes (messages Unit and Op of envelope.proto). Encoding is deterministic: a unit that is encoded
 * again has the same bytes and so the same digest.
 */
#ifndef SATCHEL_WIRE_UNIT_CODEC_H
#define SATCHEL_WIRE_UNIT_CODEC_H

#include "schema/op.h"

#define SATCHEL_DIGEST_BYTES 32

/*
 * One op without its sequence (its place in the unit gives it): what the op log stores.
 * Errors: as satchel_record_encode, INVALID_ARGUMENT (a part that its kind needs is missing, fields do not ascend).
 */
SATCHEL_MUST_USE satchel_status satchel_op_encode(const satchel_schema *schema, const satchel_op *op,
                                                  satchel_buffer *out);
/* Everything is copied into `arena`. Errors: NO_MEMORY, MALFORMED, BAD_TEXT, LIMIT_EXCEEDED, UNKNOWN_ENTITY. */
SATCHEL_MUST_USE satchel_status satchel_op_decode(const satchel_schema *schema, satchel_bytes bytes, uint64_t sequence,
                                                  satchel_arena *arena, satchel_op *out, satchel_error *error);

/*
 * A unit from its head (ops are not read) and its ops' bytes in order. The incarnation is not part of it: the request
 * names it. Errors: NO_MEMORY, LIMIT_EXCEEDED, INVALID_ARGUMENT (no ops, or sequence 0).
 */
SATCHEL_MUST_USE satchel_status satchel_unit_encode(const satchel_unit_ops *head, const satchel_bytes *op_bytes,
                                                    uint32_t op_count, satchel_buffer *out);
/*
 * The head, and the ops still as bytes (borrowed from `bytes`). Errors: NO_MEMORY, MALFORMED, LIMIT_EXCEEDED.
 * A unit without ops or with first_sequence 0 is MALFORMED.
 */
SATCHEL_MUST_USE satchel_status satchel_unit_decode(satchel_bytes bytes, satchel_arena *arena,
                                                    satchel_unit_ops *out_head, satchel_bytes **out_op_bytes,
                                                    satchel_error *error);

/*
 * What a phone shows with a unit that was decided in an epoch that ended: fields behind those of the unit, no part of
 * its bytes and digest.
 */
typedef struct satchel_unit_return {
    satchel_bytes receipt; /* SATCHEL_RECEIPT_BYTES */
    int64_t stamp_ms;      /* effective stamp */
    uint32_t code;         /* satchel_result_code of the unit */
} satchel_unit_return;
#define SATCHEL_UNIT_RETURN_BYTES_MOST 64u

/* Appends the three fields. Errors: NO_MEMORY, INVALID_ARGUMENT (no receipt). */
SATCHEL_MUST_USE satchel_status satchel_unit_write_return(const satchel_unit_return *shown, satchel_buffer *out);
/* Cuts them off: `*out_unit` are the unit's own bytes. `out->receipt` empty: it came without. Errors: MALFORMED. */
SATCHEL_MUST_USE satchel_status satchel_unit_split(satchel_bytes bytes, satchel_bytes *out_unit,
                                                   satchel_unit_return *out, satchel_error *error);

/* BLAKE2b-256 over the unit's bytes. */
void satchel_unit_digest(satchel_bytes unit, uint8_t out[SATCHEL_DIGEST_BYTES]);

#endif
