/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffers that grow, readers that stop, and fixed forms of numbers.
 */
#include "base/bytes.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CAPACITY_SMALLEST ((size_t)64)
#define VARINT_BYTES_MOST 10

void satchel_buffer_init(satchel_buffer *buffer) {
    *buffer = (satchel_buffer){NULL, 0, 0};
}

void satchel_buffer_deinit(satchel_buffer *buffer) {
    satchel_memory_give(buffer->data);
    satchel_buffer_init(buffer);
}

void satchel_buffer_wipe(satchel_buffer *buffer) {
    volatile uint8_t *byte = buffer->data; /* volatile, or the compiler may drop writes to memory about to be freed */
    for (size_t i = 0; i < buffer->capacity; i++) {
        byte[i] = 0;
    }
    satchel_buffer_deinit(buffer);
}

void satchel_buffer_clear(satchel_buffer *buffer) {
    buffer->bytes = 0;
}

satchel_status satchel_buffer_reserve(satchel_buffer *buffer, size_t more) {
    if (more > SIZE_MAX - buffer->bytes) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    size_t needed = buffer->bytes + more;
    if (needed <= buffer->capacity && buffer->data != NULL) {
        return SATCHEL_OK;
    }
    size_t capacity = buffer->capacity < SIZE_MAX / 2 ? buffer->capacity * 2 : SIZE_MAX;
    if (capacity < CAPACITY_SMALLEST) {
        capacity = CAPACITY_SMALLEST;
    }
    if (capacity < needed) {
        capacity = needed;
    }
    uint8_t *data = satchel_memory_resize(buffer->data, capacity);
    if (data == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return SATCHEL_OK;
}

satchel_status satchel_buffer_append(satchel_buffer *buffer, satchel_bytes bytes) {
    uintptr_t begin = (uintptr_t)buffer->data;
    uintptr_t from = (uintptr_t)bytes.data;
    bool is_inside = buffer->data != NULL && from >= begin && from - begin < buffer->bytes;
    satchel_status status = satchel_buffer_reserve(buffer, bytes.bytes);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (bytes.bytes > 0) {
        const uint8_t *source = is_inside ? buffer->data + (from - begin) : bytes.data;
        memcpy(buffer->data + buffer->bytes, source, bytes.bytes);
        buffer->bytes += bytes.bytes;
    }
    return SATCHEL_OK;
}

satchel_status satchel_buffer_append_byte(satchel_buffer *buffer, uint8_t byte) {
    satchel_status status = satchel_buffer_reserve(buffer, 1);
    if (status == SATCHEL_OK) {
        buffer->data[buffer->bytes++] = byte;
    }
    return status;
}

satchel_status satchel_buffer_append_varint(satchel_buffer *buffer, uint64_t value) {
    satchel_status status = satchel_buffer_reserve(buffer, VARINT_BYTES_MOST);
    if (status != SATCHEL_OK) {
        return status;
    }
    while (value >= 0x80) {
        buffer->data[buffer->bytes++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    buffer->data[buffer->bytes++] = (uint8_t)value;
    return SATCHEL_OK;
}

satchel_status satchel_buffer_append_format(satchel_buffer *buffer, const char *format, ...) {
    va_list arguments;
    size_t room = buffer->data != NULL ? buffer->capacity - buffer->bytes : 0;
    va_start(arguments, format);
    int length = vsnprintf(room > 0 ? (char *)buffer->data + buffer->bytes : NULL, room, format, arguments);
    va_end(arguments);
    if (length < 0) {
        return SATCHEL_INVALID_ARGUMENT;
    }
    if ((size_t)length < room) { /* mostly it has room for it */
        buffer->bytes += (size_t)length;
        return SATCHEL_OK;
    }
    satchel_status status = satchel_buffer_reserve(buffer, (size_t)length + 1); /* vsnprintf ends with a zero */
    if (status != SATCHEL_OK) {
        return status;
    }
    va_start(arguments, format);
    vsnprintf((char *)buffer->data + buffer->bytes, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer->bytes += (size_t)length;
    return SATCHEL_OK;
}

bool satchel_bytes_equal(satchel_bytes a, satchel_bytes b) {
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.data, b.data, a.bytes) == 0);
}

int satchel_bytes_compare(satchel_bytes a, satchel_bytes b) {
    size_t common = a.bytes < b.bytes ? a.bytes : b.bytes;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0) {
        return order < 0 ? -1 : 1;
    }
    return (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

satchel_status satchel_reader_varint(satchel_reader *reader, uint64_t *out) {
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_BYTES_MOST && i < satchel_reader_left(reader); i++) {
        uint8_t byte = reader->data[reader->at + i];
        if (i == VARINT_BYTES_MOST - 1 && byte > 1) { /* nine groups of seven leave one bit */
            return SATCHEL_MALFORMED;
        }
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            reader->at += i + 1;
            *out = value;
            return SATCHEL_OK;
        }
    }
    return SATCHEL_MALFORMED;
}

satchel_status satchel_reader_byte(satchel_reader *reader, uint8_t *out) {
    if (satchel_reader_left(reader) == 0) {
        return SATCHEL_MALFORMED;
    }
    *out = reader->data[reader->at++];
    return SATCHEL_OK;
}

satchel_status satchel_reader_take(satchel_reader *reader, size_t bytes, satchel_bytes *out) {
    if (satchel_reader_left(reader) < bytes) {
        return SATCHEL_MALFORMED;
    }
    *out = (satchel_bytes){bytes > 0 ? reader->data + reader->at : NULL, bytes};
    reader->at += bytes;
    return SATCHEL_OK;
}

void satchel_put_u32be(uint8_t *out, uint32_t value) {
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

void satchel_put_u64be(uint8_t *out, uint64_t value) {
    for (unsigned i = 0; i < 8; i++) {
        out[i] = (uint8_t)(value >> (56 - 8 * i));
    }
}

uint32_t satchel_get_u32be(const uint8_t *in) {
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++) {
        value = value << 8 | in[i];
    }
    return value;
}

uint64_t satchel_get_u64be(const uint8_t *in) {
    return (uint64_t)satchel_get_u32be(in) << 32 | satchel_get_u32be(in + 4);
}

void satchel_hex_write(satchel_bytes bytes, char *text) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.bytes; i++) {
        text[2 * i] = digits[bytes.data[i] >> 4];
        text[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    text[2 * bytes.bytes] = '\0';
}

static int hex_digit(char character) {
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    if (character >= 'a' && character <= 'f') {
        return character - 'a' + 10;
    }
    if (character >= 'A' && character <= 'F') {
        return character - 'A' + 10;
    }
    return -1;
}

satchel_status satchel_hex_read(satchel_text text, uint8_t *out, size_t bytes) {
    if (text.bytes % 2 != 0 || text.bytes / 2 != bytes) {
        return SATCHEL_MALFORMED;
    }
    for (size_t i = 0; i < bytes; i++) {
        int high = hex_digit(text.data[2 * i]);
        int low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return SATCHEL_MALFORMED;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return SATCHEL_OK;
}
