/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids.
 *
 *     byte  0 … 5   ms since 1970, big-endian
 *     byte  6       0111 and 4 random bits            version 7
 *     byte  7       8 random bits
 *     byte  8       10 and 6 random bits              variant
 *     byte  9 … 15  56 random bits
 */
#include "base/ids.h"

#include "base/bytes.h"

#include <string.h>

#define MS_LAST INT64_C(0xffffffffffff)

satchel_id satchel_id_make(int64_t unix_ms, const uint8_t random[SATCHEL_ID_RANDOM_BYTES]) {
    satchel_id id;
    uint8_t time[8];
    int64_t clamped = unix_ms < 0 ? 0 : unix_ms > MS_LAST ? MS_LAST : unix_ms;
    satchel_put_u64be(time, (uint64_t)clamped);
    memcpy(id.bytes, time + 2, 6);
    memcpy(id.bytes + 6, random, SATCHEL_ID_RANDOM_BYTES);
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x70);
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

satchel_id satchel_id_after(const satchel_id *id) {
    satchel_id next = *id;
    for (size_t i = SATCHEL_ID_BYTES; i > 9 && ++next.bytes[i - 1] == 0; i--) {
    }
    return next;
}

bool satchel_id_equal(const satchel_id *a, const satchel_id *b) {
    return memcmp(a->bytes, b->bytes, SATCHEL_ID_BYTES) == 0;
}

int satchel_id_compare(const satchel_id *a, const satchel_id *b) {
    int order = memcmp(a->bytes, b->bytes, SATCHEL_ID_BYTES);
    return (order > 0) - (order < 0);
}

bool satchel_id_is_none(const satchel_id *id) {
    static const satchel_id none;
    return satchel_id_equal(id, &none);
}

/* Does a hyphen stand before the byte with this index in the text form? */
static bool hyphen_before(size_t index) {
    return index == 4 || index == 6 || index == 8 || index == 10;
}

void satchel_id_write(const satchel_id *id, char text[SATCHEL_ID_TEXT_BYTES]) {
    char *to = text;
    for (size_t i = 0; i < SATCHEL_ID_BYTES; i++) {
        if (hyphen_before(i)) {
            *to++ = '-';
        }
        satchel_hex_write((satchel_bytes){id->bytes + i, 1}, to);
        to += 2;
    }
}

satchel_status satchel_id_read(satchel_text text, satchel_id *out) {
    satchel_id id = {{0}};
    if (text.bytes == 2 * (size_t)SATCHEL_ID_BYTES) {
        satchel_status status = satchel_hex_read(text, id.bytes, SATCHEL_ID_BYTES);
        if (status == SATCHEL_OK) {
            *out = id;
        }
        return status;
    }
    if (text.bytes != SATCHEL_ID_TEXT_BYTES - 1) {
        return SATCHEL_MALFORMED;
    }
    const char *from = text.data;
    for (size_t i = 0; i < SATCHEL_ID_BYTES; i++) {
        if (hyphen_before(i) && *from++ != '-') {
            return SATCHEL_MALFORMED;
        }
        satchel_status status = satchel_hex_read((satchel_text){from, 2}, id.bytes + i, 1);
        if (status != SATCHEL_OK) {
            return status;
        }
        from += 2;
    }
    *out = id;
    return SATCHEL_OK;
}

satchel_status satchel_id_from(satchel_bytes bytes, satchel_id *out) {
    if (bytes.bytes != SATCHEL_ID_BYTES) {
        return SATCHEL_MALFORMED;
    }
    memcpy(out->bytes, bytes.data, SATCHEL_ID_BYTES);
    return SATCHEL_OK;
}
