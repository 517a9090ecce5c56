/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids: making (randomness is an input), comparing, text form.
 */
#ifndef SATCHEL_BASE_IDS_H
#define SATCHEL_BASE_IDS_H

#include <satchel/status.h>
#include <satchel/types.h>

#define SATCHEL_ID_RANDOM_BYTES 10

/* An UUID of version 7 (RFC 9562, section 5.7) from ms since 1970-01-01 UTC (0 … 2^48-1, clamped) and random bytes. */
satchel_id satchel_id_make(int64_t unix_ms, const uint8_t random[SATCHEL_ID_RANDOM_BYTES]);

/*
 * The id behind one, of rows that are made together (RFC 9562, section 6.2): as unlikely to meet another as the first,
 * and next to nothing beside it on the wire. Of 2^56 the last is followed by the first.
 */
satchel_id satchel_id_after(const satchel_id *id);

bool satchel_id_equal(const satchel_id *a, const satchel_id *b);
/* memcmp order. */
int satchel_id_compare(const satchel_id *a, const satchel_id *b);
bool satchel_id_is_none(const satchel_id *id);

/* Lower case with hyphens, zero-terminated. */
void satchel_id_write(const satchel_id *id, char text[SATCHEL_ID_TEXT_BYTES]);

/* Reads 32 hexadecimal digits, hyphens as in the text form or none. Errors: MALFORMED. */
SATCHEL_MUST_USE satchel_status satchel_id_read(satchel_text text, satchel_id *out);

static inline satchel_bytes satchel_id_view(const satchel_id *id) {
    return (satchel_bytes){id->bytes, SATCHEL_ID_BYTES};
}
/* Errors: MALFORMED (not 16 bytes). */
SATCHEL_MUST_USE satchel_status satchel_id_from(satchel_bytes bytes, satchel_id *out);

#endif
