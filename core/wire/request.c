/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The payload of a sync request: message SyncRequest of envelope.proto, written and read one member at a time.
 */
#include "wire/request.h"

#include "base/error.h"
#include "base/ids.h"
#include "wire/message.h"
#include "wire/orders.h"
#include "wire/unit_codec.h"

/* Field numbers of SyncRequest. */
#define HEAD 1u
#define UNITS 2u
/* A unit that is shown again carries its receipt. */
#define UNIT_BYTES_MOST (SATCHEL_LIMIT_UNIT_BYTES + SATCHEL_UNIT_RETURN_BYTES_MOST)

static const satchel_wire_member head_members[] = {
    SATCHEL_WIRE_MEMBER(satchel_request_head, protocol, 1, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_request_head, schema, 2, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_request_head, incarnation, 3, SATCHEL_WIRE_FIXED, SATCHEL_ID_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_request_head, token_current, 4, SATCHEL_WIRE_FIXED, SATCHEL_TOKEN_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_request_head, token_next, 5, SATCHEL_WIRE_FIXED, SATCHEL_TOKEN_BYTES),
    SATCHEL_WIRE_NESTED(satchel_request_head, now, 6, &satchel_wire_moment),
    SATCHEL_WIRE_MEMBER(satchel_request_head, cursor, 7, SATCHEL_WIRE_BLOB, SATCHEL_LIMIT_CURSOR_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_request_head, page_bytes, 8, SATCHEL_WIRE_KIB, 0),
    SATCHEL_WIRE_MEMBER(satchel_request_head, settled_through, 9, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_request_head, digest_wanted, 10, SATCHEL_WIRE_BOOL, 0),
    SATCHEL_WIRE_MEMBER(satchel_request_head, parents, 11, SATCHEL_WIRE_BLOB, SATCHEL_LIMIT_PARENTS *SATCHEL_ID_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_request_head, parent_sequence, 12, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_request_head, digests, 13, SATCHEL_WIRE_BLOB, SATCHEL_LIMIT_DIGEST_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_request_head, witness, 15, SATCHEL_WIRE_BLOB, SATCHEL_CHECKPOINT_BLOCK_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_request_head, receipt, 16, SATCHEL_WIRE_BLOB, SATCHEL_ORDER_RECEIPT_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_request_head, orders_serial, 17, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_request_head, erased, 18, SATCHEL_WIRE_BLOB, SATCHEL_ERASURES_MOST *SATCHEL_ID_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_request_head, heard_epoch, 19, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_request_head, page_rows, 20, SATCHEL_WIRE_U32, 0),
};
static const satchel_wire_message head_message = SATCHEL_WIRE_TABLE("RequestHead", satchel_request_head, head_members);

satchel_status satchel_request_write_head(const satchel_request_head *head, satchel_buffer *payload) {
    size_t start = payload->bytes;
    satchel_request_head sent = *head;
    sent.now = satchel_wire_moment_out(head->now);
    if (sent.protocol == SATCHEL_PROTOCOL_VERSION) {
        sent.protocol = 0; /* the first version is not written */
    }
    return satchel_wire_cut(payload, start, satchel_wire_write_in(&head_message, HEAD, &sent, payload));
}

satchel_status satchel_request_write_unit(satchel_bytes unit, satchel_buffer *payload) {
    size_t start = payload->bytes;
    if (unit.bytes > UNIT_BYTES_MOST) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    return satchel_wire_cut(payload, start, satchel_wire_put_bytes(payload, UNITS, unit));
}

satchel_status satchel_request_read_head(satchel_reader *payload, satchel_request_head *out, satchel_error *error) {
    satchel_wire_field field;
    bool found = false;
    size_t start = payload->at;
    satchel_status status = satchel_wire_next(payload, &field, &found);
    if (status != SATCHEL_OK || !found || field.number != HEAD || field.type != SATCHEL_WIRE_BYTES) {
        payload->at = start;
        return satchel_fail(error, SATCHEL_MALFORMED, "SyncRequest: does not begin with its head");
    }
    status = satchel_wire_read(&head_message, field.bytes, NULL, out, error);
    out->now = satchel_wire_moment_in(out->now);
    if (status == SATCHEL_OK && out->protocol == 0) {
        out->protocol = SATCHEL_PROTOCOL_VERSION;
    }
    return status;
}

satchel_status satchel_request_next_unit(satchel_reader *payload, satchel_bytes *out, bool *out_found,
                                         satchel_error *error) {
    satchel_wire_field field;
    bool found = true;
    *out_found = false;
    *out = (satchel_bytes){NULL, 0};
    while (found) {
        satchel_status status = satchel_wire_next(payload, &field, &found);
        if (status != SATCHEL_OK || (found && field.number == HEAD) ||
            (found && field.number == UNITS && field.type != SATCHEL_WIRE_BYTES)) {
            return satchel_fail(error, SATCHEL_MALFORMED, "SyncRequest: bad unit at byte %zu", payload->at);
        }
        if (found && field.number == UNITS) {
            if (field.bytes.bytes > UNIT_BYTES_MOST) {
                return satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "SyncRequest: unit of %zu bytes", field.bytes.bytes);
            }
            *out = field.bytes;
            *out_found = true;
            return SATCHEL_OK;
        }
    }
    return SATCHEL_OK;
}

satchel_status satchel_request_check(satchel_bytes payload, satchel_request_head *out_head, uint32_t *out_unit_count,
                                     satchel_error *error) {
    satchel_reader reader = satchel_reader_of(payload);
    satchel_bytes unit;
    bool found = true;
    *out_unit_count = 0;
    satchel_status status = satchel_request_read_head(&reader, out_head, error);
    while (status == SATCHEL_OK && found) {
        status = satchel_request_next_unit(&reader, &unit, &found, error);
        if (status == SATCHEL_OK && found && ++*out_unit_count > SATCHEL_LIMIT_UNITS_PER_REQUEST) {
            return satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "SyncRequest: more than %d units",
                                SATCHEL_LIMIT_UNITS_PER_REQUEST);
        }
    }
    if (status == SATCHEL_OK && out_head->parents.bytes % SATCHEL_ID_BYTES != 0) {
        return satchel_fail(error, SATCHEL_MALFORMED, "SyncRequest: parents that are no ids");
    }
    if (status == SATCHEL_OK && out_head->erased.bytes % SATCHEL_ID_BYTES != 0) {
        return satchel_fail(error, SATCHEL_MALFORMED, "SyncRequest: erasures that are no ids");
    }
    if (status == SATCHEL_OK && out_head->parents.bytes > 0 && satchel_id_is_none(&out_head->incarnation)) {
        return satchel_fail(error, SATCHEL_MALFORMED, "SyncRequest: parents without an incarnation");
    }
    if (status == SATCHEL_OK && *out_unit_count > 0 && satchel_id_is_none(&out_head->incarnation)) {
        return satchel_fail(error, SATCHEL_MALFORMED, "SyncRequest: units without an incarnation");
    }
    return status;
}
