/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies: `[format 1][compression 1][payload]`, format 1, compression 0 (none) or 1 (zstd, content size in its frame).
 */
#ifndef SATCHEL_WIRE_BODY_H
#define SATCHEL_WIRE_BODY_H

#include "base/bytes.h"

#define SATCHEL_BODY_FORMAT 1
#define SATCHEL_BODY_PLAIN 0
#define SATCHEL_BODY_ZSTD 1

/* The media type of request and answer. */
#define SATCHEL_BODY_MEDIA_TYPE "application/vnd.satchel.sync"

/* Compresses where that makes it smaller. Replaces the content of `out`. Errors: NO_MEMORY, LIMIT_EXCEEDED. */
SATCHEL_MUST_USE satchel_status satchel_body_pack(satchel_bytes payload, satchel_buffer *out);

/*
 * Errors: MALFORMED, NEWER_FORMAT (another format or compression), LIMIT_EXCEEDED (size or ratio; nothing larger
 * than the limit is ever allocated), NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_body_unpack(satchel_bytes body, satchel_buffer *out, satchel_error *error);

#endif
