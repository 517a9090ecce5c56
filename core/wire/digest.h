/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests: what the phone holds against what the server says that it should hold, without sending it.
 *
 * Each row that the user sees, and that is not deleted, is an element: BLAKE2b over (entity, id, n in his view). A set
 * of rows has the sum of its elements, so it is kept while rows come, change and go, whatever their order.
 *
 * Why a sum of 128 bits is enough: nobody gains by a collision. The server is trusted, and a phone that lies about its
 * rows harms itself alone; so this finds mistakes and damage, and those hit a collision once in 2^128 sums. A sum
 * rather than XOR, since a row that was counted twice does not vanish from it. It is no proof against whoever picks
 * rows to that end.
 */
#ifndef SATCHEL_WIRE_DIGEST_H
#define SATCHEL_WIRE_DIGEST_H

#include "base/bytes.h"
#include "base/limits.h"

#define SATCHEL_ROW_DIGEST_BYTES 16

typedef struct satchel_row_digest {
    uint64_t lanes[2]; /* each a sum modulo 2^64 */
} satchel_row_digest;

/* The element of one row. */
satchel_row_digest satchel_row_digest_of(uint32_t entity, const satchel_id *row, uint64_t n);
void satchel_row_digest_add(satchel_row_digest *sum, const satchel_row_digest *more);
void satchel_row_digest_take(satchel_row_digest *sum, const satchel_row_digest *less);
bool satchel_row_digest_equal(const satchel_row_digest *a, const satchel_row_digest *b);
bool satchel_row_digest_is_zero(const satchel_row_digest *digest);
void satchel_row_digest_write(const satchel_row_digest *digest, uint8_t out[SATCHEL_ROW_DIGEST_BYTES]);
/* Errors: MALFORMED (another length). */
SATCHEL_MUST_USE satchel_status satchel_row_digest_read(satchel_bytes bytes, satchel_row_digest *out);

/*
 * A range: all rows whose aggregate's root stands at a place that begins with the `bits` bits of `prefix`. Places are
 * spread evenly whatever the ids are.
 */
#define SATCHEL_RANGE_BITS_MOST 60

typedef struct satchel_digest_range {
    uint8_t bits;
    uint64_t prefix; /* less than 2^bits */
    uint64_t rows;   /* not of ranges in an answer, as is the sum */
    uint64_t sum;    /* the first lane of the range's digest: the rest is for the combined one */
} satchel_digest_range;

uint64_t satchel_digest_place(const satchel_id *root);
bool satchel_digest_range_has(const satchel_digest_range *range, uint64_t place);

/*
 * Ranges one after another: [bits 1][prefix varint] and, in a request, [rows varint][sum 8, big-endian]. Reading stops
 * at `most`. Errors of reading: MALFORMED, LIMIT_EXCEEDED.
 */
SATCHEL_MUST_USE satchel_status satchel_digest_range_write(const satchel_digest_range *range, bool with_sum,
                                                           satchel_buffer *out);
SATCHEL_MUST_USE satchel_status satchel_digest_ranges_read(satchel_bytes bytes, bool with_sums,
                                                           satchel_digest_range *out, uint32_t most,
                                                           uint32_t *out_count);

#endif
