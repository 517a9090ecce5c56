/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joining the bytes of fields that this version does not know. They are protobuf fields, so their extent is known but
 * not their policy: a number replaces the number that was there (a later scalar wins when read, too), text and elements
 * are appended, an exact repetition only once. The op itself is kept, so a newer version can merge it again by the
 * rules.
 */
#include "base/bytes.h"
#include "base/limits.h"
#include "merge/kernel.h"

#include <string.h>

#define WIRE_VARINT 0
#define WIRE_FIXED64 1
#define WIRE_BYTES 2
#define WIRE_FIXED32 5

typedef struct tail_field {
    uint64_t tag;
    satchel_bytes whole; /* tag included */
} tail_field;

static satchel_status skip_payload(satchel_reader *reader, uint64_t tag) {
    uint64_t number = 0;
    satchel_bytes ignored;
    satchel_status status;
    switch (tag & 7) {
    case WIRE_VARINT: return satchel_reader_varint(reader, &number);
    case WIRE_FIXED64: return satchel_reader_take(reader, 8, &ignored);
    case WIRE_FIXED32: return satchel_reader_take(reader, 4, &ignored);
    case WIRE_BYTES:
        status = satchel_reader_varint(reader, &number);
        if (status != SATCHEL_OK || number > satchel_reader_left(reader)) {
            return SATCHEL_MALFORMED;
        }
        return satchel_reader_take(reader, (size_t)number, &ignored);
    default: return SATCHEL_MALFORMED;
    }
}

static satchel_status next_field(satchel_reader *reader, tail_field *out) {
    size_t start = reader->at;
    satchel_status status = satchel_reader_varint(reader, &out->tag);
    if (status == SATCHEL_OK) {
        status = skip_payload(reader, out->tag);
    }
    out->whole = (satchel_bytes){reader->data + start, reader->at - start};
    return status;
}

static bool replaces(const tail_field *newer, const tail_field *older) {
    if ((newer->tag & 7) != WIRE_BYTES && newer->tag == older->tag) {
        return true;
    }
    return satchel_bytes_equal(newer->whole, older->whole);
}

/* Is the field repeated or replaced by one in the bytes that come after it? */
static satchel_status is_replaced(const tail_field *field, satchel_bytes later, bool *out) {
    satchel_reader reader = satchel_reader_of(later);
    *out = false;
    while (!*out && satchel_reader_left(&reader) > 0) {
        tail_field newer;
        satchel_status status = next_field(&reader, &newer);
        if (status != SATCHEL_OK) {
            return status;
        }
        *out = replaces(&newer, field);
    }
    return SATCHEL_OK;
}

static satchel_status check_fields(satchel_bytes bytes) {
    satchel_reader reader = satchel_reader_of(bytes);
    while (satchel_reader_left(&reader) > 0) {
        tail_field field;
        satchel_status status = next_field(&reader, &field);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    return SATCHEL_OK;
}

satchel_status satchel_merge_tails(satchel_arena *arena, satchel_bytes old, satchel_bytes more, satchel_bytes *out) {
    satchel_status status = check_fields(more);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (old.bytes > SATCHEL_LIMIT_TAIL_BYTES || more.bytes > SATCHEL_LIMIT_TAIL_BYTES) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    uint8_t *joined = satchel_arena_take(arena, old.bytes + more.bytes);
    if (joined == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    size_t bytes = 0;
    satchel_reader reader = satchel_reader_of(old);
    while (satchel_reader_left(&reader) > 0) {
        tail_field field;
        bool replaced = false;
        status = next_field(&reader, &field);
        if (status == SATCHEL_OK) {
            status = is_replaced(&field, more, &replaced);
        }
        if (status != SATCHEL_OK) {
            return status;
        }
        if (!replaced) {
            memcpy(joined + bytes, field.whole.data, field.whole.bytes);
            bytes += field.whole.bytes;
        }
    }
    if (bytes + more.bytes > SATCHEL_LIMIT_TAIL_BYTES) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    if (more.bytes > 0) {
        memcpy(joined + bytes, more.data, more.bytes);
    }
    *out = (satchel_bytes){joined, bytes + more.bytes};
    return SATCHEL_OK;
}
