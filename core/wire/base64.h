/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base 64 (RFC 4648): the padded alphabet of HTTP headers and the unpadded one of links and keys that people copy.
 */
#ifndef SATCHEL_WIRE_BASE64_H
#define SATCHEL_WIRE_BASE64_H

#include "base/bytes.h"

/* Characters of `bytes` bytes in the padded form, and a zero. */
#define SATCHEL_BASE64_TEXT_BYTES(bytes) (((bytes) + 2) / 3 * 4 + 1)

/* `text` has room for SATCHEL_BASE64_TEXT_BYTES; the result is zero-terminated. `for_url`: alphabet with - and _, no
 * padding. */
void satchel_base64_write(satchel_bytes bytes, bool for_url, char *text);

/* Exactly `bytes` bytes in the one canonical form. Errors: MALFORMED. */
SATCHEL_MUST_USE satchel_status satchel_base64_read(satchel_text text, bool for_url, uint8_t *out, size_t bytes);

#endif
