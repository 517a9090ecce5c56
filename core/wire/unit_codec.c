/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Units as bytes: message Unit of envelope.proto. The ops stay bytes here, so that a unit is put together and taken
 * apart without reading them.
 */
#include "wire/unit_codec.h"

#include "base/error.h"
#include "base/limits.h"
#include "crypto/hash.h"
#include "wire/answer.h"
#include "wire/message.h"

_Static_assert(SATCHEL_DIGEST_BYTES == SATCHEL_HASH_BYTES, "the digest is a whole hash");

/* Field number of Unit.ops. */
#define OPS 5u

typedef struct unit_head {
    uint64_t first_sequence;
    satchel_moment moment;
    uint32_t seen_epoch;
    uint64_t seen_n;
} unit_head;

static const satchel_wire_member unit_members[] = {
    SATCHEL_WIRE_MEMBER(unit_head, first_sequence, 1, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_NESTED(unit_head, moment, 2, &satchel_wire_moment),
    SATCHEL_WIRE_MEMBER(unit_head, seen_epoch, 3, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(unit_head, seen_n, 4, SATCHEL_WIRE_U64, 0),
};
static const satchel_wire_message unit_message = SATCHEL_WIRE_TABLE("Unit", unit_head, unit_members);

/* Fields of a unit that is shown again. */
#define RETURN_FIRST 6u
#define RETURN_LAST 8u

static const satchel_wire_member return_members[] = {
    SATCHEL_WIRE_MEMBER(satchel_unit_return, receipt, 6, SATCHEL_WIRE_BLOB, SATCHEL_RECEIPT_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_unit_return, stamp_ms, 7, SATCHEL_WIRE_I64, 0),
    SATCHEL_WIRE_MEMBER(satchel_unit_return, code, 8, SATCHEL_WIRE_U32, 0),
};
static const satchel_wire_message return_message = SATCHEL_WIRE_TABLE("Unit", satchel_unit_return, return_members);

/* Sequences of a unit neither begin at 0 nor pass the end of 64 bits. */
static bool countable(uint64_t first_sequence, uint32_t count) {
    return first_sequence > 0 && count > 0 && first_sequence <= UINT64_MAX - (count - 1);
}

static satchel_status write_unit(const satchel_unit_ops *head, const satchel_bytes *op_bytes, uint32_t op_count,
                                 satchel_buffer *out) {
    unit_head unit = {head->first_sequence, satchel_wire_moment_out(head->moment), head->seen.epoch, head->seen.n};
    satchel_status status = satchel_wire_write(&unit_message, &unit, out);
    for (uint32_t i = 0; i < op_count && status == SATCHEL_OK; i++) {
        status = satchel_wire_put_bytes(out, OPS, op_bytes[i]);
    }
    return status;
}

satchel_status satchel_unit_encode(const satchel_unit_ops *head, const satchel_bytes *op_bytes, uint32_t op_count,
                                   satchel_buffer *out) {
    size_t start = out->bytes;
    if (op_count > SATCHEL_LIMIT_UNIT_OPS) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    if (!countable(head->first_sequence, op_count)) {
        return SATCHEL_INVALID_ARGUMENT;
    }
    satchel_status status = write_unit(head, op_bytes, op_count, out);
    if (status == SATCHEL_OK && out->bytes - start > SATCHEL_LIMIT_UNIT_BYTES) {
        status = SATCHEL_LIMIT_EXCEEDED;
    }
    return satchel_wire_cut(out, start, status);
}

/* Counts the ops if `out` is NULL, else puts them there. */
static satchel_status walk_ops(satchel_bytes bytes, satchel_bytes *out, uint32_t *out_count) {
    satchel_reader reader = satchel_reader_of(bytes);
    satchel_wire_field field = {0};
    uint32_t count = 0;
    for (bool found = true; found;) {
        satchel_status status = satchel_wire_next(&reader, &field, &found);
        if (status != SATCHEL_OK) {
            return status;
        }
        if (!found || field.number != OPS) {
            continue;
        }
        if (field.type != SATCHEL_WIRE_BYTES) {
            return SATCHEL_MALFORMED;
        }
        if (count == SATCHEL_LIMIT_UNIT_OPS) {
            return SATCHEL_LIMIT_EXCEEDED;
        }
        if (out != NULL) {
            out[count] = field.bytes;
        }
        count++;
    }
    *out_count = count;
    return SATCHEL_OK;
}

satchel_status satchel_unit_decode(satchel_bytes bytes, satchel_arena *arena, satchel_unit_ops *out_head,
                                   satchel_bytes **out_op_bytes, satchel_error *error) {
    unit_head unit;
    uint32_t count = 0;
    *out_op_bytes = NULL;
    if (bytes.bytes > SATCHEL_LIMIT_UNIT_BYTES) {
        return satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "Unit: %zu bytes", bytes.bytes);
    }
    satchel_status status = satchel_wire_read(&unit_message, bytes, NULL, &unit, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = walk_ops(bytes, NULL, &count);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "Unit: bad list of ops");
    }
    if (!countable(unit.first_sequence, count)) {
        return satchel_fail(error, SATCHEL_MALFORMED, "Unit: no ops, or no first sequence");
    }
    satchel_bytes *op_bytes = satchel_arena_take_array(arena, count, sizeof *op_bytes);
    if (op_bytes == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "Unit: %u ops", count);
    }
    (void)walk_ops(bytes, op_bytes, &count); /* it passed above */
    *out_head = (satchel_unit_ops){.first_sequence = unit.first_sequence,
                                   .moment = satchel_wire_moment_in(unit.moment),
                                   .seen = {unit.seen_epoch, unit.seen_n},
                                   .count = count};
    *out_op_bytes = op_bytes;
    return SATCHEL_OK;
}

satchel_status satchel_unit_write_return(const satchel_unit_return *shown, satchel_buffer *out) {
    size_t start = out->bytes;
    if (shown->receipt.bytes != SATCHEL_RECEIPT_BYTES) {
        return SATCHEL_INVALID_ARGUMENT;
    }
    return satchel_wire_cut(out, start, satchel_wire_write(&return_message, shown, out));
}

satchel_status satchel_unit_split(satchel_bytes bytes, satchel_bytes *out_unit, satchel_unit_return *out,
                                  satchel_error *error) {
    satchel_reader reader = satchel_reader_of(bytes);
    satchel_wire_field field = {0};
    bool found = true;
    *out = (satchel_unit_return){.receipt = {NULL, 0}};
    *out_unit = bytes;
    while (found) {
        size_t at = reader.at;
        if (satchel_wire_next(&reader, &field, &found) != SATCHEL_OK) {
            return satchel_fail(error, SATCHEL_MALFORMED, "Unit: bad field at byte %zu", at);
        }
        if (found && field.number >= RETURN_FIRST && field.number <= RETURN_LAST) {
            *out_unit = satchel_bytes_of(bytes.data, at);
            satchel_bytes rest = satchel_bytes_of(bytes.data + at, bytes.bytes - at);
            satchel_status status = satchel_wire_read(&return_message, rest, NULL, out, error);
            if (status == SATCHEL_OK && out->receipt.bytes != SATCHEL_RECEIPT_BYTES) {
                return satchel_fail(error, SATCHEL_MALFORMED, "Unit: a receipt of %zu bytes", out->receipt.bytes);
            }
            return status;
        }
    }
    return SATCHEL_OK;
}

void satchel_unit_digest(satchel_bytes unit, uint8_t out[SATCHEL_DIGEST_BYTES]) {
    satchel_hash_of(unit, out);
}
