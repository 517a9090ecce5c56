/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 text: checking, walking, comparing. Knows no language; folding of names is in rules/.
 */
#ifndef SATCHEL_BASE_TEXT_H
#define SATCHEL_BASE_TEXT_H

#include <satchel/status.h>
#include <satchel/types.h>
#include <string.h>

static inline satchel_text satchel_text_of(const char *zero_terminated) {
    return (satchel_text){zero_terminated, zero_terminated ? strlen(zero_terminated) : 0};
}
static inline satchel_text satchel_text_from(satchel_bytes bytes) {
    return (satchel_text){(const char *)bytes.data, bytes.bytes};
}
static inline satchel_bytes satchel_text_bytes(satchel_text text) {
    return (satchel_bytes){(const uint8_t *)text.data, text.bytes};
}

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, ≤ U+10FFFF) without U+0000. */
bool satchel_text_valid(satchel_text text);

bool satchel_text_equal(satchel_text a, satchel_text b);
bool satchel_text_is(satchel_text text, const char *zero_terminated);

/* Number of code points of a valid text. */
size_t satchel_text_count(satchel_text text);

/* The code point at `*at` of a valid text, moving `*at` behind it; 0 at the end. */
uint32_t satchel_text_next(satchel_text text, size_t *at);

/* Writes a code point as UTF-8 into `out` (4 bytes of room) and returns the bytes written; 0 if it is not a scalar
 * value. */
size_t satchel_text_put(uint32_t code_point, char out[4]);

/* Longest prefix of a valid text of at most `bytes` bytes that does not cut a code point. */
satchel_text satchel_text_clip(satchel_text text, size_t bytes);

/* Without ASCII white space and U+3000 at both ends. */
satchel_text satchel_text_trim(satchel_text text);

/* A decimal integer with optional sign and nothing else. Errors: MALFORMED, OUT_OF_RANGE. */
SATCHEL_MUST_USE satchel_status satchel_text_to_int(satchel_text text, int64_t *out);

/*
 * A decimal number as an integer with `scale` digits after the point ("12.5" with scale 2 is 1250). `scale` ≤ 9.
 * Digits past the scale must be zeros. Errors: MALFORMED, OUT_OF_RANGE.
 */
SATCHEL_MUST_USE satchel_status satchel_text_to_fixed(satchel_text text, unsigned scale, int64_t *out);

/* The reverse: "12.50". `out` takes SATCHEL_FIXED_TEXT_BYTES. */
#define SATCHEL_FIXED_TEXT_BYTES 32
void satchel_text_from_fixed(int64_t value, unsigned scale, char out[SATCHEL_FIXED_TEXT_BYTES]);

#endif
