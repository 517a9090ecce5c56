/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing and reading structs by their table. A member is reached by its offset and copied by memcpy, so that no
 * alignment or aliasing is assumed.
 */
#include "wire/message.h"

#include "base/error.h"
#include "base/text.h"

#include <string.h>

#define NESTING_MOST 4
#define KIB 1024u

static const satchel_wire_member moment_members[] = {
    SATCHEL_WIRE_MEMBER(satchel_moment, boot, 1, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_moment, monotonic_ms, 2, SATCHEL_WIRE_I64, 0),
    SATCHEL_WIRE_MEMBER(satchel_moment, wall_ms, 3, SATCHEL_WIRE_S64, 0),
    SATCHEL_WIRE_MEMBER(satchel_moment, offset_ms, 4, SATCHEL_WIRE_S64, 0),
};
const satchel_wire_message satchel_wire_moment = SATCHEL_WIRE_TABLE("Moment", satchel_moment, moment_members);

/* Unsigned, for it must not overflow for any clock; what is taken away here is added there. */
satchel_moment satchel_wire_moment_out(satchel_moment moment) {
    moment.wall_ms = (int64_t)((uint64_t)moment.wall_ms - (uint64_t)moment.monotonic_ms);
    return moment;
}

satchel_moment satchel_wire_moment_in(satchel_moment moment) {
    moment.wall_ms = (int64_t)((uint64_t)moment.wall_ms + (uint64_t)moment.monotonic_ms);
    return moment;
}

_Static_assert(sizeof(satchel_status) == sizeof(uint32_t), "enums are read and written as 32 bits");

/* ---- writing ---- */

static uint32_t get_u32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t get_u64(const uint8_t *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static satchel_bytes get_bytes(const satchel_wire_member *member, const uint8_t *at) {
    satchel_bytes bytes;
    satchel_text text;
    if (member->kind == SATCHEL_WIRE_FIXED) {
        return satchel_bytes_of(at, member->limit);
    }
    if (member->kind == SATCHEL_WIRE_TEXT) {
        memcpy(&text, at, sizeof text);
        return satchel_text_bytes(text);
    }
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

static bool all_zero(satchel_bytes bytes) {
    for (size_t i = 0; i < bytes.bytes; i++) {
        if (bytes.data[i] != 0) {
            return false;
        }
    }
    return true;
}

static satchel_status write_number(const satchel_wire_member *member, const uint8_t *at, satchel_buffer *out) {
    uint64_t value = 0;
    switch (member->kind) {
    case SATCHEL_WIRE_BOOL: value = *at != 0 ? 1 : 0; break;
    case SATCHEL_WIRE_U32:
    case SATCHEL_WIRE_ENUM: value = get_u32(at); break;
    case SATCHEL_WIRE_KIB: value = ((uint64_t)get_u32(at) + KIB - 1) / KIB; break;
    case SATCHEL_WIRE_S64: value = satchel_zigzag((int64_t)get_u64(at)); break;
    default: value = get_u64(at); break;
    }
    return value == 0 ? SATCHEL_OK : satchel_wire_put_varint(out, member->number, value);
}

static satchel_status write_bytes(const satchel_wire_member *member, const uint8_t *at, satchel_buffer *out) {
    satchel_bytes bytes = get_bytes(member, at);
    if (bytes.bytes > member->limit) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    if (bytes.bytes == 0 || (member->kind == SATCHEL_WIRE_FIXED && all_zero(bytes))) {
        return SATCHEL_OK;
    }
    return satchel_wire_put_bytes(out, member->number, bytes);
}

static satchel_status write_numbers(const satchel_wire_member *member, const uint8_t *at, uint32_t count,
                                    satchel_buffer *out) {
    const uint32_t *numbers;
    size_t mark = 0;
    memcpy(&numbers, at, sizeof numbers);
    if (count > member->limit) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    if (count == 0) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_wire_begin(out, member->number, &mark);
    for (uint32_t i = 0; i < count && status == SATCHEL_OK; i++) {
        status = satchel_buffer_append_varint(out, numbers[i]);
    }
    return status == SATCHEL_OK ? satchel_wire_end(out, mark) : status;
}

static satchel_status write_at(const satchel_wire_message *message, const uint8_t *from, unsigned depth,
                               satchel_buffer *out);

static satchel_status write_nested(const satchel_wire_member *member, const uint8_t *at, unsigned depth, bool always,
                                   satchel_buffer *out) {
    size_t before = out->bytes;
    size_t mark = 0;
    satchel_status status = satchel_wire_begin(out, member->number, &mark);
    if (status == SATCHEL_OK) {
        status = write_at(member->nested, at, depth + 1, out);
    }
    if (status == SATCHEL_OK && out->bytes == mark && !always) {
        out->bytes = before;
        return SATCHEL_OK;
    }
    return status == SATCHEL_OK ? satchel_wire_end(out, mark) : status;
}

static satchel_status write_many(const satchel_wire_member *member, const uint8_t *at, uint32_t count, unsigned depth,
                                 satchel_buffer *out) {
    const uint8_t *items;
    satchel_status status = SATCHEL_OK;
    memcpy(&items, at, sizeof items);
    if (count > member->limit) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    for (uint32_t i = 0; i < count && status == SATCHEL_OK; i++) {
        status = write_nested(member, items + (size_t)i * member->nested->bytes, depth, true, out);
    }
    return status;
}

static satchel_status write_member(const satchel_wire_member *member, const uint8_t *from, unsigned depth,
                                   satchel_buffer *out) {
    const uint8_t *at = from + member->offset;
    switch (member->kind) {
    case SATCHEL_WIRE_FIXED:
    case SATCHEL_WIRE_BLOB:
    case SATCHEL_WIRE_TEXT: return write_bytes(member, at, out);
    case SATCHEL_WIRE_NUMBERS: return write_numbers(member, at, get_u32(from + member->count_offset), out);
    case SATCHEL_WIRE_ONE: return write_nested(member, at, depth, false, out);
    case SATCHEL_WIRE_MANY: return write_many(member, at, get_u32(from + member->count_offset), depth, out);
    default: return write_number(member, at, out);
    }
}

/* The depth is bounded by the tables themselves, which hold no cycle. */
static satchel_status write_at(const satchel_wire_message *message, const uint8_t *from, unsigned depth,
                               satchel_buffer *out) {
    satchel_status status = depth < NESTING_MOST ? SATCHEL_OK : SATCHEL_INTERNAL;
    for (size_t i = 0; i < message->member_count && status == SATCHEL_OK; i++) {
        status = write_member(&message->members[i], from, depth, out);
    }
    return status;
}

satchel_status satchel_wire_write(const satchel_wire_message *message, const void *from, satchel_buffer *out) {
    return write_at(message, from, 0, out);
}

satchel_status satchel_wire_write_in(const satchel_wire_message *message, uint32_t number, const void *from,
                                     satchel_buffer *out) {
    size_t mark = 0;
    satchel_status status = satchel_wire_begin(out, number, &mark);
    if (status == SATCHEL_OK) {
        status = write_at(message, from, 0, out);
    }
    return status == SATCHEL_OK ? satchel_wire_end(out, mark) : status;
}

/* ---- reading ---- */

static satchel_status put_u32(const satchel_wire_member *member, uint64_t value, uint8_t *at) {
    uint32_t narrow = (uint32_t)value;
    if (value > UINT32_MAX || (member->kind == SATCHEL_WIRE_ENUM && value > member->limit)) {
        return SATCHEL_MALFORMED;
    }
    memcpy(at, &narrow, sizeof narrow);
    return SATCHEL_OK;
}

static satchel_status read_number(const satchel_wire_member *member, uint64_t value, uint8_t *at) {
    bool truth = value != 0;
    switch (member->kind) {
    case SATCHEL_WIRE_BOOL: memcpy(at, &truth, sizeof truth); return SATCHEL_OK;
    case SATCHEL_WIRE_U32:
    case SATCHEL_WIRE_ENUM: return put_u32(member, value, at);
    case SATCHEL_WIRE_KIB: return value <= UINT32_MAX / KIB ? put_u32(member, value * KIB, at) : SATCHEL_MALFORMED;
    case SATCHEL_WIRE_S64: value = (uint64_t)satchel_unzigzag(value); break;
    default: break;
    }
    memcpy(at, &value, sizeof value);
    return SATCHEL_OK;
}

static satchel_status read_fixed(const satchel_wire_member *member, satchel_bytes bytes, uint8_t *at) {
    if (bytes.bytes == 0) {
        memset(at, 0, member->limit);
        return SATCHEL_OK;
    }
    if (bytes.bytes != member->limit) {
        return SATCHEL_MALFORMED;
    }
    memcpy(at, bytes.data, bytes.bytes);
    return SATCHEL_OK;
}

static satchel_status read_bytes(const satchel_wire_member *member, satchel_bytes bytes, uint8_t *at) {
    satchel_text text = satchel_text_from(bytes);
    if (member->kind == SATCHEL_WIRE_FIXED) {
        return read_fixed(member, bytes, at);
    }
    if (bytes.bytes > member->limit) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    if (member->kind == SATCHEL_WIRE_BLOB) {
        memcpy(at, &bytes, sizeof bytes);
        return SATCHEL_OK;
    }
    if (!satchel_text_valid(text)) {
        return SATCHEL_MALFORMED;
    }
    memcpy(at, &text, sizeof text);
    return SATCHEL_OK;
}

static satchel_status count_varints(satchel_bytes bytes, uint32_t limit, uint32_t *out) {
    uint32_t count = 0;
    for (size_t i = 0; i < bytes.bytes; i++) {
        if ((bytes.data[i] & 0x80) == 0 && ++count > limit) {
            return SATCHEL_LIMIT_EXCEEDED;
        }
    }
    *out = count;
    return SATCHEL_OK;
}

static satchel_status read_numbers(const satchel_wire_member *member, satchel_bytes bytes, satchel_arena *arena,
                                   uint8_t *at, uint8_t *count_at) {
    uint32_t count = 0;
    satchel_reader reader = satchel_reader_of(bytes);
    satchel_status status = count_varints(bytes, member->limit, &count);
    if (status != SATCHEL_OK) {
        return status;
    }
    uint32_t *numbers = satchel_arena_take_array(arena, count, sizeof *numbers);
    if (numbers == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t number = 0;
        if (satchel_reader_varint(&reader, &number) != SATCHEL_OK || number > UINT32_MAX) {
            return SATCHEL_MALFORMED;
        }
        numbers[i] = (uint32_t)number;
    }
    if (satchel_reader_left(&reader) > 0) {
        return SATCHEL_MALFORMED;
    }
    memcpy(at, &numbers, sizeof numbers);
    memcpy(count_at, &count, sizeof count);
    return SATCHEL_OK;
}

/* How far the reading of a message has come. */
typedef struct reading {
    satchel_bytes bytes;
    satchel_arena *arena;
    unsigned depth;
} reading;

static satchel_status read_at(const satchel_wire_message *message, const reading *from, uint8_t *out);

/* The array of a repeated message is taken when its first element comes, for all that `bytes` hold. */
static satchel_status take_items(const satchel_wire_member *member, const reading *from, uint8_t **out) {
    satchel_reader reader = satchel_reader_of(from->bytes);
    satchel_wire_field field = {0};
    size_t count = 0;
    for (bool found = true; found;) {
        satchel_status status = satchel_wire_next(&reader, &field, &found);
        if (status != SATCHEL_OK) {
            return status;
        }
        if (found && field.number == member->number && ++count > member->limit) {
            return SATCHEL_LIMIT_EXCEEDED;
        }
    }
    *out = satchel_arena_take_array(from->arena, count, member->nested->bytes);
    return *out != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status read_item(const satchel_wire_member *member, satchel_bytes bytes, const reading *from,
                                uint8_t *out) {
    uint8_t *items;
    uint32_t count = get_u32(out + member->count_offset);
    memcpy(&items, out + member->offset, sizeof items);
    if (count == 0) {
        satchel_status status = take_items(member, from, &items);
        if (status != SATCHEL_OK) {
            return status;
        }
        memcpy(out + member->offset, &items, sizeof items);
    }
    reading item = {bytes, from->arena, from->depth + 1};
    satchel_status status = read_at(member->nested, &item, items + (size_t)count * member->nested->bytes);
    count++;
    memcpy(out + member->count_offset, &count, sizeof count);
    return status;
}

static satchel_status read_member(const satchel_wire_member *member, const satchel_wire_field *field,
                                  const reading *from, uint8_t *out) {
    uint8_t *at = out + member->offset;
    bool number = member->kind <= SATCHEL_WIRE_ENUM;
    if (field->type != (number ? SATCHEL_WIRE_VARINT : SATCHEL_WIRE_BYTES)) {
        return SATCHEL_MALFORMED;
    }
    reading nested = {field->bytes, from->arena, from->depth + 1};
    switch (member->kind) {
    case SATCHEL_WIRE_FIXED:
    case SATCHEL_WIRE_BLOB:
    case SATCHEL_WIRE_TEXT: return read_bytes(member, field->bytes, at);
    case SATCHEL_WIRE_NUMBERS: return read_numbers(member, field->bytes, from->arena, at, out + member->count_offset);
    case SATCHEL_WIRE_ONE: return read_at(member->nested, &nested, at);
    case SATCHEL_WIRE_MANY: return read_item(member, field->bytes, from, out);
    default: return read_number(member, field->value, at);
    }
}

static const satchel_wire_member *find(const satchel_wire_message *message, uint32_t number) {
    for (size_t i = 0; i < message->member_count; i++) {
        if (message->members[i].number == number) {
            return &message->members[i];
        }
    }
    return NULL;
}

/* A message that comes a second time replaces its arrays: they were taken for what the first one held. */
static void drop_items(const satchel_wire_message *message, uint8_t *out) {
    for (size_t i = 0; i < message->member_count; i++) {
        if (message->members[i].kind == SATCHEL_WIRE_MANY) {
            memset(out + message->members[i].count_offset, 0, sizeof(uint32_t));
        }
    }
}

static satchel_status read_at(const satchel_wire_message *message, const reading *from, uint8_t *out) {
    drop_items(message, out);
    satchel_reader reader = satchel_reader_of(from->bytes);
    satchel_wire_field field = {0};
    satchel_status status = from->depth < NESTING_MOST ? SATCHEL_OK : SATCHEL_INTERNAL;
    bool found = true;
    while (found && status == SATCHEL_OK) {
        status = satchel_wire_next(&reader, &field, &found);
        const satchel_wire_member *member = status == SATCHEL_OK && found ? find(message, field.number) : NULL;
        if (member != NULL) {
            status = read_member(member, &field, from, out);
        }
    }
    return status;
}

satchel_status satchel_wire_read(const satchel_wire_message *message, satchel_bytes bytes, satchel_arena *arena,
                                 void *out, satchel_error *error) {
    reading from = {bytes, arena, 0};
    memset(out, 0, message->bytes);
    satchel_status status = read_at(message, &from, out);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "%s: not well-formed, or past a limit", message->name);
    }
    return SATCHEL_OK;
}
