/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One op as bytes: message Op of envelope.proto, its three records nested as bytes of the entity's message.
 *
 * Members with their zero value are not written, nor is the kind of an edit, by far the most common. The op's sequence
 * follows from its place in the unit.
 */
#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "wire/message.h"
#include "wire/record_codec.h"
#include "wire/unit_codec.h"

/* Field numbers of Op. */
#define KIND 1u
#define ENTITY 2u
#define ROW 3u
#define BASE_N 4u
#define EXCEPTIONS 5u
#define SET 6u
#define REMOVED 7u
#define FROM 8u
#define CLEARED 9u
#define TARGET 10u
#define COMMAND 11u
#define SCHEMA 12u

/* An op before its records are read. */
typedef struct op_shape {
    uint32_t kind;
    uint32_t entity;
    satchel_id row;
    uint64_t base_n;
    satchel_bytes exceptions; /* varint pairs: field, base_n */
    satchel_bytes set;
    satchel_bytes removed;
    satchel_bytes from;
    const uint32_t *cleared;
    uint32_t cleared_count;
    uint64_t target;
    uint32_t command;
    uint32_t schema; /* above the first release, else 0 */
} op_shape;

static const satchel_wire_member op_members[] = {
    SATCHEL_WIRE_MEMBER(op_shape, kind, KIND, SATCHEL_WIRE_ENUM, SATCHEL_OP_COMMAND),
    SATCHEL_WIRE_MEMBER(op_shape, entity, ENTITY, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(op_shape, row, ROW, SATCHEL_WIRE_FIXED, SATCHEL_ID_BYTES),
    SATCHEL_WIRE_MEMBER(op_shape, base_n, BASE_N, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(op_shape, exceptions, EXCEPTIONS, SATCHEL_WIRE_BLOB, SATCHEL_LIMIT_BASE_EXCEPTIONS * 20),
    SATCHEL_WIRE_MEMBER(op_shape, set, SET, SATCHEL_WIRE_BLOB, SATCHEL_LIMIT_RECORD_BYTES),
    SATCHEL_WIRE_MEMBER(op_shape, removed, REMOVED, SATCHEL_WIRE_BLOB, SATCHEL_LIMIT_RECORD_BYTES),
    SATCHEL_WIRE_MEMBER(op_shape, from, FROM, SATCHEL_WIRE_BLOB, SATCHEL_LIMIT_RECORD_BYTES),
    SATCHEL_WIRE_LIST(op_shape, cleared, cleared_count, CLEARED, SATCHEL_LIMIT_FIELDS_PER_RECORD),
    SATCHEL_WIRE_MEMBER(op_shape, target, TARGET, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(op_shape, command, COMMAND, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(op_shape, schema, SCHEMA, SATCHEL_WIRE_U32, 0),
};
static const satchel_wire_message op_message = SATCHEL_WIRE_TABLE("Op", op_shape, op_members);

/* What every op has, whoever made it. */
static bool well_shaped(satchel_op_kind kind, uint32_t entity, const satchel_id *row, uint64_t target,
                        uint32_t command) {
    switch (kind) {
    case SATCHEL_OP_CREATE:
    case SATCHEL_OP_EDIT:
    case SATCHEL_OP_DELETE: return entity != 0 && !satchel_id_is_none(row);
    case SATCHEL_OP_VOID: return target != 0;
    case SATCHEL_OP_COMMAND: return command != 0;
    default: return false;
    }
}

static bool ascending(const uint32_t *numbers, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        if (numbers[i - 1] >= numbers[i]) {
            return false;
        }
    }
    return true;
}

static bool exceptions_ascending(const satchel_base_exception *exceptions, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        if (exceptions[i - 1].field >= exceptions[i].field) {
            return false;
        }
    }
    return true;
}

static satchel_status write_exceptions(const satchel_op *op, satchel_buffer *out) {
    size_t mark = 0;
    if (op->exception_count == 0) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_wire_begin(out, EXCEPTIONS, &mark);
    for (uint32_t i = 0; i < op->exception_count && status == SATCHEL_OK; i++) {
        status = satchel_buffer_append_varint(out, op->exceptions[i].field);
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append_varint(out, op->exceptions[i].base_n);
        }
    }
    return status == SATCHEL_OK ? satchel_wire_end(out, mark) : status;
}

/* A record without fields and tail is absent. */
static satchel_status write_record(const satchel_schema *schema, uint32_t entity, uint32_t number,
                                   const satchel_record *record, satchel_buffer *out) {
    size_t mark = 0;
    size_t start = out->bytes;
    if (record->count == 0 && record->tail.bytes == 0) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_wire_begin(out, number, &mark);
    if (status == SATCHEL_OK) {
        status = satchel_record_encode(schema, entity, record, out);
    }
    if (status == SATCHEL_OK && out->bytes == mark) {
        out->bytes = start;
        return SATCHEL_OK;
    }
    return status == SATCHEL_OK ? satchel_wire_end(out, mark) : status;
}

static satchel_status write_records(const satchel_schema *schema, const satchel_op *op, satchel_buffer *out) {
    satchel_status status = write_record(schema, op->entity, SET, &op->set, out);
    if (status == SATCHEL_OK) {
        status = write_record(schema, op->entity, REMOVED, &op->removed, out);
    }
    return status == SATCHEL_OK ? write_record(schema, op->entity, FROM, &op->from, out) : status;
}

static satchel_status write_op(const satchel_schema *schema, const satchel_op *op, satchel_buffer *out) {
    op_shape before = {.kind = op->kind == SATCHEL_OP_EDIT ? 0 : (uint32_t)op->kind,
                       .entity = op->entity,
                       .row = op->row,
                       .base_n = op->base_n};
    op_shape after = {.cleared = op->cleared,
                      .cleared_count = op->cleared_count,
                      .target = op->target,
                      .command = op->command,
                      .schema = op->schema > 1 ? op->schema : 0};
    satchel_status status = satchel_wire_write(&op_message, &before, out);
    if (status == SATCHEL_OK) {
        status = write_exceptions(op, out);
    }
    if (status == SATCHEL_OK) {
        status = write_records(schema, op, out);
    }
    return status == SATCHEL_OK ? satchel_wire_write(&op_message, &after, out) : status;
}

satchel_status satchel_op_encode(const satchel_schema *schema, const satchel_op *op, satchel_buffer *out) {
    size_t start = out->bytes;
    if (!well_shaped(op->kind, op->entity, &op->row, op->target, op->command) ||
        !ascending(op->cleared, op->cleared_count) || !exceptions_ascending(op->exceptions, op->exception_count)) {
        return SATCHEL_INVALID_ARGUMENT;
    }
    if (op->exception_count > SATCHEL_LIMIT_BASE_EXCEPTIONS) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    return satchel_wire_cut(out, start, write_op(schema, op, out));
}

static satchel_status read_exceptions(satchel_bytes bytes, satchel_arena *arena, satchel_op *out) {
    satchel_reader reader = satchel_reader_of(bytes);
    size_t most = bytes.bytes / 2; /* a pair takes two bytes at least */
    size_t capacity = most < SATCHEL_LIMIT_BASE_EXCEPTIONS ? most : SATCHEL_LIMIT_BASE_EXCEPTIONS;
    satchel_base_exception *exceptions = satchel_arena_take_array(arena, capacity, sizeof *exceptions);
    if (exceptions == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    while (satchel_reader_left(&reader) > 0) {
        uint64_t field = 0;
        uint64_t base_n = 0;
        if (satchel_reader_varint(&reader, &field) != SATCHEL_OK || field == 0 || field > UINT32_MAX ||
            satchel_reader_varint(&reader, &base_n) != SATCHEL_OK) {
            return SATCHEL_MALFORMED;
        }
        if (out->exception_count == SATCHEL_LIMIT_BASE_EXCEPTIONS) {
            return SATCHEL_LIMIT_EXCEEDED;
        }
        exceptions[out->exception_count++] = (satchel_base_exception){(uint32_t)field, base_n};
    }
    out->exceptions = exceptions;
    return exceptions_ascending(exceptions, out->exception_count) ? SATCHEL_OK : SATCHEL_MALFORMED;
}

static satchel_status read_record(const satchel_schema *schema, uint32_t entity, satchel_bytes bytes,
                                  satchel_record *out, satchel_error *error) {
    return bytes.bytes == 0 ? SATCHEL_OK : satchel_record_decode(schema, entity, bytes, true, out, error);
}

static satchel_status fill(const satchel_schema *schema, const op_shape *shape, satchel_arena *arena, satchel_op *out,
                           satchel_error *error) {
    out->base_n = shape->base_n;
    out->cleared = shape->cleared;
    out->cleared_count = shape->cleared_count;
    out->target = shape->target;
    out->command = shape->command;
    out->schema = shape->schema > 1 ? shape->schema : 1;
    satchel_status status = SATCHEL_OK;
    if (shape->exceptions.bytes > 0) {
        status = read_exceptions(shape->exceptions, arena, out);
        if (status != SATCHEL_OK) {
            return satchel_fail(error, status, "Op: bad base exceptions");
        }
    }
    status = read_record(schema, shape->entity, shape->set, &out->set, error);
    if (status == SATCHEL_OK) {
        status = read_record(schema, shape->entity, shape->removed, &out->removed, error);
    }
    return status == SATCHEL_OK ? read_record(schema, shape->entity, shape->from, &out->from, error) : status;
}

static bool first_is_zero(const uint32_t *numbers, uint32_t count) {
    return count > 0 && numbers[0] == 0;
}

satchel_status satchel_op_decode(const satchel_schema *schema, satchel_bytes bytes, uint64_t sequence,
                                 satchel_arena *arena, satchel_op *out, satchel_error *error) {
    op_shape shape;
    satchel_status status = satchel_arena_copy(arena, bytes, &bytes);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "Op: %zu bytes", bytes.bytes);
    }
    status = satchel_wire_read(&op_message, bytes, arena, &shape, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_op_kind kind = shape.kind == 0 ? SATCHEL_OP_EDIT : (satchel_op_kind)shape.kind;
    if (!well_shaped(kind, shape.entity, &shape.row, shape.target, shape.command) ||
        !ascending(shape.cleared, shape.cleared_count) || first_is_zero(shape.cleared, shape.cleared_count)) {
        return satchel_fail(error, SATCHEL_MALFORMED, "Op: kind %u lacks a part, or fields do not ascend", shape.kind);
    }
    if (shape.entity != 0 && satchel_schema_entity(schema, shape.entity) == NULL) {
        return satchel_fail(error, SATCHEL_UNKNOWN_ENTITY, "Op: no entity %u", shape.entity);
    }
    satchel_op_init(out, kind, shape.entity, &shape.row, arena);
    out->sequence = sequence;
    return fill(schema, &shape, arena, out, error);
}
