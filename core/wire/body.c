/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies: two bytes that say what follows, then the payload, plain or as one zstd frame with its content size.
 *
 * What the other side claims is checked before a byte of memory is taken for it: size, ratio, and that the frame is one
 * and ends where the body ends.
 */
#include "wire/body.h"

#include "base/error.h"
#include "base/limits.h"

#include <zstd.h>

#define HEAD_BYTES 2u
#define COMPRESS_FROM_BYTES 128u /* below this the time is not worth the few bytes */
#define COMPRESSION_LEVEL 3      /* of 19: on 1 KB the highest saves 3 per cent for five times the time */

static satchel_status write_head(uint8_t compression, satchel_buffer *out) {
    satchel_status status = satchel_buffer_append_byte(out, SATCHEL_BODY_FORMAT);
    return status == SATCHEL_OK ? satchel_buffer_append_byte(out, compression) : status;
}

/* Would unpack take it? Both sides ask the same. */
static bool ratio_allowed(size_t plain, size_t compressed) {
    return plain <= SATCHEL_LIMIT_RATIO_FREE_BYTES || plain / SATCHEL_LIMIT_COMPRESSION_RATIO <= compressed;
}

/* `*out_smaller` false: the payload had better travel plain. */
static satchel_status compress(satchel_bytes payload, satchel_buffer *out, bool *out_smaller) {
    satchel_status status = write_head(SATCHEL_BODY_ZSTD, out);
    *out_smaller = false;
    if (status == SATCHEL_OK) {
        status = satchel_buffer_reserve(out, payload.bytes);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    /* Room for a byte less than the payload: if that is not enough, it is not worth it. */
    size_t bytes =
        ZSTD_compress(out->data + out->bytes, payload.bytes - 1, payload.data, payload.bytes, COMPRESSION_LEVEL);
    if (ZSTD_isError(bytes) || !ratio_allowed(payload.bytes, bytes)) {
        return SATCHEL_OK;
    }
    out->bytes += bytes;
    *out_smaller = true;
    return SATCHEL_OK;
}

static satchel_status pack(satchel_bytes payload, satchel_buffer *out) {
    bool smaller = false;
    satchel_status status = SATCHEL_OK;
    if (payload.bytes >= COMPRESS_FROM_BYTES) {
        status = compress(payload, out, &smaller);
    }
    if (status == SATCHEL_OK && !smaller) {
        satchel_buffer_clear(out);
        status = write_head(SATCHEL_BODY_PLAIN, out);
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append(out, payload);
        }
    }
    return status;
}

satchel_status satchel_body_pack(satchel_bytes payload, satchel_buffer *out) {
    satchel_buffer_clear(out);
    if (payload.bytes > SATCHEL_LIMIT_PLAIN_BYTES) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    satchel_status status = pack(payload, out);
    if (status == SATCHEL_OK && out->bytes > SATCHEL_LIMIT_BODY_BYTES) {
        status = SATCHEL_LIMIT_EXCEEDED;
    }
    if (status != SATCHEL_OK) {
        satchel_buffer_clear(out);
    }
    return status;
}

static satchel_status decompress(satchel_bytes frame, satchel_buffer *out, satchel_error *error) {
    unsigned long long claimed = ZSTD_getFrameContentSize(frame.data, frame.bytes);
    if (claimed == ZSTD_CONTENTSIZE_UNKNOWN || claimed == ZSTD_CONTENTSIZE_ERROR ||
        ZSTD_findFrameCompressedSize(frame.data, frame.bytes) != frame.bytes) {
        return satchel_fail(error, SATCHEL_MALFORMED, "body: not one zstd frame of known size");
    }
    if (claimed > SATCHEL_LIMIT_PLAIN_BYTES || !ratio_allowed((size_t)claimed, frame.bytes)) {
        return satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "body: %zu bytes claim to be %llu", frame.bytes, claimed);
    }
    size_t plain = (size_t)claimed;
    satchel_status status = satchel_buffer_reserve(out, plain);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "body: %zu bytes", plain);
    }
    size_t bytes = ZSTD_decompress(out->data, plain, frame.data, frame.bytes);
    if (bytes != plain) { /* an error code of zstd is no size either */
        return satchel_fail(error, SATCHEL_MALFORMED, "body: broken zstd frame");
    }
    out->bytes = plain;
    return SATCHEL_OK;
}

satchel_status satchel_body_unpack(satchel_bytes body, satchel_buffer *out, satchel_error *error) {
    satchel_buffer_clear(out);
    if (body.bytes > SATCHEL_LIMIT_BODY_BYTES) {
        return satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "body: %zu bytes", body.bytes);
    }
    if (body.bytes < HEAD_BYTES) {
        return satchel_fail(error, SATCHEL_MALFORMED, "body: %zu bytes", body.bytes);
    }
    if (body.data[0] != SATCHEL_BODY_FORMAT || body.data[1] > SATCHEL_BODY_ZSTD) {
        return satchel_fail(error, SATCHEL_NEWER_FORMAT, "body: format %u, compression %u", body.data[0], body.data[1]);
    }
    satchel_bytes content = satchel_bytes_of(body.data + HEAD_BYTES, body.bytes - HEAD_BYTES);
    if (body.data[1] == SATCHEL_BODY_ZSTD) {
        return decompress(content, out, error);
    }
    satchel_status status = satchel_buffer_append(out, content);
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(error, status, "body: %zu bytes", content.bytes);
}
