/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elements, sums and ranges of digests.
 */
#include "wire/digest.h"

#include "base/ids.h"
#include "crypto/hash.h"

#include <string.h>

#define SUM_BYTES 8

satchel_row_digest satchel_row_digest_of(uint32_t entity, const satchel_id *row, uint64_t n) {
    uint8_t element[4 + SATCHEL_ID_BYTES + 8];
    uint8_t hash[SATCHEL_HASH_BYTES];
    satchel_put_u32be(element, entity);
    memcpy(element + 4, row->bytes, SATCHEL_ID_BYTES);
    satchel_put_u64be(element + 4 + SATCHEL_ID_BYTES, n);
    satchel_hash_of(satchel_bytes_of(element, sizeof element), hash);
    return (satchel_row_digest){{satchel_get_u64be(hash), satchel_get_u64be(hash + 8)}};
}

void satchel_row_digest_add(satchel_row_digest *sum, const satchel_row_digest *more) {
    sum->lanes[0] += more->lanes[0];
    sum->lanes[1] += more->lanes[1];
}

void satchel_row_digest_take(satchel_row_digest *sum, const satchel_row_digest *less) {
    sum->lanes[0] -= less->lanes[0];
    sum->lanes[1] -= less->lanes[1];
}

bool satchel_row_digest_equal(const satchel_row_digest *a, const satchel_row_digest *b) {
    return a->lanes[0] == b->lanes[0] && a->lanes[1] == b->lanes[1];
}

bool satchel_row_digest_is_zero(const satchel_row_digest *digest) {
    return digest->lanes[0] == 0 && digest->lanes[1] == 0;
}

void satchel_row_digest_write(const satchel_row_digest *digest, uint8_t out[SATCHEL_ROW_DIGEST_BYTES]) {
    satchel_put_u64be(out, digest->lanes[0]);
    satchel_put_u64be(out + 8, digest->lanes[1]);
}

satchel_status satchel_row_digest_read(satchel_bytes bytes, satchel_row_digest *out) {
    *out = (satchel_row_digest){{0, 0}};
    if (bytes.bytes != SATCHEL_ROW_DIGEST_BYTES) {
        return SATCHEL_MALFORMED;
    }
    *out = (satchel_row_digest){{satchel_get_u64be(bytes.data), satchel_get_u64be(bytes.data + 8)}};
    return SATCHEL_OK;
}

/* The finaliser of MurmurHash3 (public domain): every bit of the input moves every bit of the output. */
static uint64_t mix(uint64_t x) {
    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 33;
    x *= UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

uint64_t satchel_digest_place(const satchel_id *root) {
    return mix(satchel_get_u64be(root->bytes) + mix(satchel_get_u64be(root->bytes + 8)));
}

bool satchel_digest_range_has(const satchel_digest_range *range, uint64_t place) {
    return range->bits == 0 || place >> (64 - range->bits) == range->prefix;
}

satchel_status satchel_digest_range_write(const satchel_digest_range *range, bool with_sum, satchel_buffer *out) {
    uint8_t sum[SUM_BYTES];
    satchel_put_u64be(sum, range->sum);
    satchel_status status = satchel_buffer_append_byte(out, range->bits);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(out, range->prefix);
    }
    if (status == SATCHEL_OK && with_sum) {
        status = satchel_buffer_append_varint(out, range->rows);
    }
    return status == SATCHEL_OK && with_sum ? satchel_buffer_append(out, satchel_bytes_of(sum, sizeof sum)) : status;
}

static satchel_status read_range(satchel_reader *reader, bool with_sum, satchel_digest_range *out) {
    satchel_bytes sum = {NULL, 0};
    *out = (satchel_digest_range){.bits = 0};
    satchel_status status = satchel_reader_byte(reader, &out->bits);
    if (status == SATCHEL_OK) {
        status = satchel_reader_varint(reader, &out->prefix);
    }
    if (status == SATCHEL_OK && with_sum) {
        status = satchel_reader_varint(reader, &out->rows);
    }
    if (status == SATCHEL_OK && with_sum) {
        status = satchel_reader_take(reader, SUM_BYTES, &sum);
    }
    if (status != SATCHEL_OK || out->bits > SATCHEL_RANGE_BITS_MOST || out->prefix >> out->bits != 0) {
        return SATCHEL_MALFORMED;
    }
    out->sum = with_sum ? satchel_get_u64be(sum.data) : 0;
    return SATCHEL_OK;
}

satchel_status satchel_digest_ranges_read(satchel_bytes bytes, bool with_sums, satchel_digest_range *out, uint32_t most,
                                          uint32_t *out_count) {
    satchel_reader reader = satchel_reader_of(bytes);
    satchel_status status = SATCHEL_OK;
    *out_count = 0;
    while (status == SATCHEL_OK && satchel_reader_left(&reader) > 0) {
        if (*out_count == most) {
            return SATCHEL_LIMIT_EXCEEDED;
        }
        status = read_range(&reader, with_sums, &out[*out_count]);
        *out_count += status == SATCHEL_OK ? 1 : 0;
    }
    return status;
}
