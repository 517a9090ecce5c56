/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two byte types: satchel_bytes borrows, satchel_buffer owns and grows. Big-endian and varint helpers.
 */
#ifndef SATCHEL_BASE_BYTES_H
#define SATCHEL_BASE_BYTES_H

#include <satchel/status.h>
#include <satchel/types.h>

/* Bytes owned by this struct; freed by satchel_buffer_deinit. A zeroed struct is an empty buffer. */
typedef struct satchel_buffer {
    uint8_t *data;
    size_t bytes;
    size_t capacity;
} satchel_buffer;

void satchel_buffer_init(satchel_buffer *buffer);
void satchel_buffer_deinit(satchel_buffer *buffer);

/* Overwrites the whole capacity with zeros before it is freed. For secrets. */
void satchel_buffer_wipe(satchel_buffer *buffer);

/* Keeps the capacity. */
void satchel_buffer_clear(satchel_buffer *buffer);

/* Makes room for `more` bytes behind the current ones. Errors: NO_MEMORY, LIMIT_EXCEEDED (sum overflows). */
SATCHEL_MUST_USE satchel_status satchel_buffer_reserve(satchel_buffer *buffer, size_t more);

/* Appends a copy; `bytes` may lie inside the buffer itself. Errors: as reserve; the buffer is then unchanged. */
SATCHEL_MUST_USE satchel_status satchel_buffer_append(satchel_buffer *buffer, satchel_bytes bytes);
SATCHEL_MUST_USE satchel_status satchel_buffer_append_byte(satchel_buffer *buffer, uint8_t byte);

/* Base-128 varint, least significant group first, as in Protocol Buffers. */
SATCHEL_MUST_USE satchel_status satchel_buffer_append_varint(satchel_buffer *buffer, uint64_t value);

/* printf-style text without a terminating zero. */
SATCHEL_MUST_USE satchel_status satchel_buffer_append_format(satchel_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline satchel_bytes satchel_buffer_view(const satchel_buffer *buffer) {
    return (satchel_bytes){buffer->data, buffer->bytes};
}
static inline satchel_bytes satchel_bytes_of(const void *data, size_t bytes) {
    return (satchel_bytes){(const uint8_t *)data, bytes};
}

bool satchel_bytes_equal(satchel_bytes a, satchel_bytes b);

/* memcmp order, a prefix before what it begins. */
int satchel_bytes_compare(satchel_bytes a, satchel_bytes b);

/* A reader over borrowed bytes that never passes the end. */
typedef struct satchel_reader {
    const uint8_t *data;
    size_t bytes;
    size_t at;
} satchel_reader;

static inline satchel_reader satchel_reader_of(satchel_bytes bytes) {
    return (satchel_reader){bytes.data, bytes.bytes, 0};
}
static inline size_t satchel_reader_left(const satchel_reader *reader) {
    return reader->bytes - reader->at;
}

/* Errors: MALFORMED (ends early, or a varint of more than 64 bits). The reader does not move on failure. */
SATCHEL_MUST_USE satchel_status satchel_reader_varint(satchel_reader *reader, uint64_t *out);
SATCHEL_MUST_USE satchel_status satchel_reader_byte(satchel_reader *reader, uint8_t *out);
SATCHEL_MUST_USE satchel_status satchel_reader_take(satchel_reader *reader, size_t bytes, satchel_bytes *out);

static inline uint64_t satchel_zigzag(int64_t value) {
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}
static inline int64_t satchel_unzigzag(uint64_t value) {
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

void satchel_put_u32be(uint8_t *out, uint32_t value);
void satchel_put_u64be(uint8_t *out, uint64_t value);
uint32_t satchel_get_u32be(const uint8_t *in);
uint64_t satchel_get_u64be(const uint8_t *in);

/* Lower-case hexadecimal. `text` takes 2 × bytes + 1 characters. */
void satchel_hex_write(satchel_bytes bytes, char *text);
/* Errors: MALFORMED (odd length, other characters, or not exactly `bytes` bytes). Both cases are read. */
SATCHEL_MUST_USE satchel_status satchel_hex_read(satchel_text text, uint8_t *out, size_t bytes);

#endif
