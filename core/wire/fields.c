/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protobuf fields by nanopb's primitives. Output streams grow a satchel_buffer; input streams run over borrowed memory,
 * and what is left of them tells where a field's bytes lie, so that nothing is copied.
 */
#include "wire/fields.h"

#include <pb_decode.h>
#include <pb_encode.h>
#include <string.h>

#define FIELD_NUMBER_MOST 536870911u /* 2^29 - 1, the largest that a tag can hold */
#define VARINT_BYTES_MOST 10

static bool append(pb_ostream_t *stream, const pb_byte_t *data, size_t bytes) {
    return satchel_buffer_append(stream->state, satchel_bytes_of(data, bytes)) == SATCHEL_OK;
}

static pb_ostream_t stream_to(satchel_buffer *out) {
    pb_ostream_t stream = {0};
    stream.callback = append;
    stream.state = out;
    stream.max_size = SIZE_MAX;
    return stream;
}

satchel_status satchel_wire_put_varint(satchel_buffer *out, uint32_t number, uint64_t value) {
    pb_ostream_t stream = stream_to(out);
    bool done = pb_encode_tag(&stream, PB_WT_VARINT, number) && pb_encode_varint(&stream, value);
    return done ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

satchel_status satchel_wire_put_fixed64(satchel_buffer *out, uint32_t number, uint64_t value) {
    pb_ostream_t stream = stream_to(out);
    bool done = pb_encode_tag(&stream, PB_WT_64BIT, number) && pb_encode_fixed64(&stream, &value);
    return done ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

satchel_status satchel_wire_put_bytes(satchel_buffer *out, uint32_t number, satchel_bytes bytes) {
    pb_ostream_t stream = stream_to(out);
    bool done = pb_encode_tag(&stream, PB_WT_STRING, number) && pb_encode_varint(&stream, bytes.bytes);
    if (!done) {
        return SATCHEL_NO_MEMORY;
    }
    return satchel_buffer_append(out, bytes) == SATCHEL_OK ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

/* The length takes one byte at first; satchel_wire_end makes room if it needs more. */
satchel_status satchel_wire_begin(satchel_buffer *out, uint32_t number, size_t *out_mark) {
    pb_ostream_t stream = stream_to(out);
    if (!pb_encode_tag(&stream, PB_WT_STRING, number) || !pb_encode_varint(&stream, 0)) {
        return SATCHEL_NO_MEMORY;
    }
    *out_mark = out->bytes;
    return SATCHEL_OK;
}

satchel_status satchel_wire_end(satchel_buffer *out, size_t mark) {
    pb_byte_t length[VARINT_BYTES_MOST];
    size_t content = out->bytes - mark;
    pb_ostream_t stream = pb_ostream_from_buffer(length, sizeof length);
    (void)pb_encode_varint(&stream, content); /* ten bytes hold any */
    size_t more = stream.bytes_written - 1;
    if (more > 0) {
        if (satchel_buffer_reserve(out, more) != SATCHEL_OK) {
            return SATCHEL_NO_MEMORY;
        }
        memmove(out->data + mark + more, out->data + mark, content);
        out->bytes += more;
    }
    memcpy(out->data + mark - 1, length, stream.bytes_written);
    return SATCHEL_OK;
}

satchel_status satchel_wire_cut(satchel_buffer *out, size_t bytes, satchel_status status) {
    if (status != SATCHEL_OK) {
        out->bytes = bytes;
    }
    return status;
}

static bool read_bytes(pb_istream_t *stream, const satchel_reader *reader, satchel_bytes *out) {
    uint64_t length = 0;
    if (!pb_decode_varint(stream, &length) || length > stream->bytes_left) {
        return false;
    }
    *out = satchel_bytes_of(reader->data + (reader->bytes - stream->bytes_left), (size_t)length);
    return pb_read(stream, NULL, (size_t)length);
}

static bool read_content(pb_istream_t *stream, const satchel_reader *reader, pb_wire_type_t type,
                         satchel_wire_field *out) {
    uint32_t half = 0;
    switch (type) {
    case PB_WT_VARINT: out->type = SATCHEL_WIRE_VARINT; return pb_decode_varint(stream, &out->value);
    case PB_WT_64BIT: out->type = SATCHEL_WIRE_FIXED64; return pb_decode_fixed64(stream, &out->value);
    case PB_WT_32BIT:
        out->type = SATCHEL_WIRE_FIXED32;
        if (!pb_decode_fixed32(stream, &half)) {
            return false;
        }
        out->value = half;
        return true;
    case PB_WT_STRING: out->type = SATCHEL_WIRE_BYTES; return read_bytes(stream, reader, &out->bytes);
    default: return false;
    }
}

satchel_status satchel_wire_next(satchel_reader *reader, satchel_wire_field *out, bool *out_found) {
    satchel_wire_field field = {0};
    pb_wire_type_t type = PB_WT_VARINT;
    bool end = false;
    size_t left = satchel_reader_left(reader);
    *out_found = false;
    if (left == 0) {
        return SATCHEL_OK;
    }
    const uint8_t *start = reader->data + reader->at;
    pb_istream_t stream = pb_istream_from_buffer(start, left);
    if (!pb_decode_tag(&stream, &type, &field.number, &end) || field.number == 0 || field.number > FIELD_NUMBER_MOST ||
        !read_content(&stream, reader, type, &field)) {
        return SATCHEL_MALFORMED;
    }
    field.raw = satchel_bytes_of(start, left - stream.bytes_left);
    reader->at = reader->bytes - stream.bytes_left;
    *out = field;
    *out_found = true;
    return SATCHEL_OK;
}

uint64_t satchel_wire_bits(double real) {
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    return bits;
}

double satchel_wire_real(uint64_t bits) {
    double real;
    memcpy(&real, &bits, sizeof real);
    return real;
}
