/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Envelope messages by table: one list of fields a message says where each member of the C struct lies, and both
 * writing and reading follow it. Internal to wire/.
 *
 * Members that have their zero value are not written (proto3). Unknown fields are skipped. Byte strings that are read
 * are borrowed; arrays live in an arena.
 */
#ifndef SATCHEL_WIRE_MESSAGE_H
#define SATCHEL_WIRE_MESSAGE_H

#include "base/arena.h"
#include "wire/fields.h"

typedef enum satchel_wire_kind {
    SATCHEL_WIRE_U32 = 1,
    SATCHEL_WIRE_U64,
    SATCHEL_WIRE_I64, /* int64: negative numbers take ten bytes */
    SATCHEL_WIRE_S64, /* sint64: zigzag */
    SATCHEL_WIRE_BOOL,
    SATCHEL_WIRE_KIB,     /* a uint32 of bytes that travels in KiB, rounded up */
    SATCHEL_WIRE_ENUM,    /* an enum of C that is no larger than `limit` */
    SATCHEL_WIRE_FIXED,   /* an array of exactly `limit` bytes; all zero is absent */
    SATCHEL_WIRE_BLOB,    /* satchel_bytes of at most `limit` bytes */
    SATCHEL_WIRE_TEXT,    /* satchel_text of at most `limit` bytes */
    SATCHEL_WIRE_NUMBERS, /* packed uint32: pointer, and count at `count_offset`, at most `limit` */
    SATCHEL_WIRE_ONE,     /* a nested struct, of `nested` */
    SATCHEL_WIRE_MANY     /* an array of `nested` structs: pointer, and count at `count_offset`, at most `limit` */
} satchel_wire_kind;

struct satchel_wire_message;

typedef struct satchel_wire_member {
    uint32_t number;
    satchel_wire_kind kind;
    size_t offset;
    size_t count_offset;
    uint32_t limit;
    const struct satchel_wire_message *nested;
} satchel_wire_member;

typedef struct satchel_wire_message {
    const char *name;                   /* for error details */
    size_t bytes;                       /* of the struct */
    const satchel_wire_member *members; /* by number */
    size_t member_count;
} satchel_wire_message;

/* Rows of such tables. */
#define SATCHEL_WIRE_MEMBER(type, member, number, kind, limit)                                                         \
    { number, kind, offsetof(type, member), 0, limit, NULL }
#define SATCHEL_WIRE_LIST(type, member, count, number, limit)                                                          \
    { number, SATCHEL_WIRE_NUMBERS, offsetof(type, member), offsetof(type, count), limit, NULL }
#define SATCHEL_WIRE_NESTED(type, member, number, nested)                                                              \
    { number, SATCHEL_WIRE_ONE, offsetof(type, member), 0, 0, nested }
#define SATCHEL_WIRE_REPEATED(type, member, count, number, limit, nested)                                              \
    { number, SATCHEL_WIRE_MANY, offsetof(type, member), offsetof(type, count), limit, nested }
#define SATCHEL_WIRE_TABLE(name, type, members)                                                                        \
    { name, sizeof(type), members, sizeof(members) / sizeof((members)[0]) }

/*
 * The message Moment, part of several. On the wire it has the wall clock's time at the start of the phone instead of
 * wall_ms: the same in every unit of a day, so that it compresses. To be called before writing and after reading.
 */
extern const satchel_wire_message satchel_wire_moment;
satchel_moment satchel_wire_moment_out(satchel_moment moment);
satchel_moment satchel_wire_moment_in(satchel_moment moment);

/* Appends the fields. Errors: NO_MEMORY, LIMIT_EXCEEDED; the buffer may then hold a part, see satchel_wire_cut. */
SATCHEL_MUST_USE satchel_status satchel_wire_write(const satchel_wire_message *message, const void *from,
                                                   satchel_buffer *out);

/* The same as field `number` of a larger message. */
SATCHEL_MUST_USE satchel_status satchel_wire_write_in(const satchel_wire_message *message, uint32_t number,
                                                      const void *from, satchel_buffer *out);

/*
 * Reads `bytes` as a whole into `out`, which is zeroed first. `arena` may be NULL if the message has no arrays.
 * Errors: NO_MEMORY, MALFORMED, LIMIT_EXCEEDED.
 */
SATCHEL_MUST_USE satchel_status satchel_wire_read(const satchel_wire_message *message, satchel_bytes bytes,
                                                  satchel_arena *arena, void *out, satchel_error *error);

#endif
