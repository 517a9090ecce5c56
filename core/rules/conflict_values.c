/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields 1 and 2 of a message, both of bytes (Protocol Buffers' wire type 2).
 */
#include "rules/conflict_values.h"

#include "base/bytes.h"

#include <satchel/model.h>

#define WIRE_TYPE_BYTES 2u

static const uint32_t value_fields[SATCHEL_SENSITIVITY_COUNT] = {
    SATCHEL_CONFLICT_VALUES_OPEN, SATCHEL_CONFLICT_VALUES_PERSONAL, SATCHEL_CONFLICT_VALUES_COMMERCIAL,
    SATCHEL_CONFLICT_VALUES_SECRET};

uint32_t satchel_conflict_value_field(satchel_sensitivity of) {
    return value_fields[of];
}

satchel_sensitivity satchel_conflict_class(const satchel_record *conflict) {
    for (uint32_t c = SATCHEL_SENSITIVITY_COUNT; c > 1; c--) {
        if (satchel_record_get(conflict, value_fields[c - 1]) != NULL) {
            return (satchel_sensitivity)(c - 1);
        }
    }
    return SATCHEL_SENSITIVITY_OPEN;
}

satchel_bytes satchel_conflict_values(const satchel_record *conflict) {
    const satchel_value *value = satchel_record_get(conflict, value_fields[satchel_conflict_class(conflict)]);
    return value != NULL && value->type == SATCHEL_TYPE_BYTES ? value->as.bytes : (satchel_bytes){NULL, 0};
}

satchel_status satchel_conflict_side_put(satchel_conflict_side side, satchel_bytes record, satchel_buffer *out) {
    satchel_status status = satchel_buffer_append_byte(out, (uint8_t)((unsigned)side << 3 | WIRE_TYPE_BYTES));
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(out, record.bytes);
    }
    return status == SATCHEL_OK ? satchel_buffer_append(out, record) : status;
}

satchel_status satchel_conflict_side_find(satchel_bytes values, satchel_conflict_side side, satchel_bytes *out,
                                          bool *out_found) {
    satchel_reader reader = satchel_reader_of(values);
    *out = (satchel_bytes){NULL, 0};
    *out_found = false;
    while (!*out_found && satchel_reader_left(&reader) > 0) {
        uint64_t tag = 0;
        uint64_t bytes = 0;
        satchel_bytes content;
        if (satchel_reader_varint(&reader, &tag) != SATCHEL_OK || (tag & 7) != WIRE_TYPE_BYTES ||
            satchel_reader_varint(&reader, &bytes) != SATCHEL_OK || bytes > satchel_reader_left(&reader) ||
            satchel_reader_take(&reader, (size_t)bytes, &content) != SATCHEL_OK) {
            return SATCHEL_MALFORMED;
        }
        if (tag >> 3 == (uint64_t)side) {
            *out = content;
            *out_found = true;
        }
    }
    return SATCHEL_OK;
}
