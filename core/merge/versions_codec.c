/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions as bytes for one database column; drawn in core/doc/merge.md. Most fields of a row were written together, so
 * the distinct writes come first and each entry names one by its index.
 * Bytes that are read are not trusted: order, indexes and lengths are checked.
 */
#include "base/bytes.h"
#include "base/limits.h"
#include "merge/versions.h"

#include <stdlib.h>

#define VERSIONS_FORMAT 1

typedef struct write_entry {
    uint64_t n;
    int64_t stamp_ms;
    satchel_writer writer;
} write_entry;

static write_entry write_of(const satchel_version *version) {
    return (write_entry){version->n, version->stamp_ms, version->writer};
}

static int order_u64(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

static int compare_writes(const void *left, const void *right) {
    const write_entry *a = left;
    const write_entry *b = right;
    int order = order_u64(a->n, b->n);
    if (order == 0) {
        order = (a->stamp_ms > b->stamp_ms) - (a->stamp_ms < b->stamp_ms);
    }
    if (order == 0) {
        order = order_u64(a->writer.incarnation, b->writer.incarnation);
    }
    return order != 0 ? order : order_u64(a->writer.sequence, b->writer.sequence);
}

/* The distinct writes in order. */
static satchel_status collect_writes(const satchel_versions *versions, satchel_arena *arena, write_entry **out,
                                     uint32_t *out_count) {
    write_entry *writes = satchel_arena_take_array(arena, versions->count, sizeof *writes);
    if (writes == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < versions->count; i++) {
        write_entry write = write_of(&versions->items[i]);
        if (count == 0 || compare_writes(&writes[count - 1], &write) != 0) {
            writes[count++] = write;
        }
    }
    qsort(writes, count, sizeof *writes, compare_writes);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || compare_writes(&writes[kept - 1], &writes[i]) != 0) {
            writes[kept++] = writes[i];
        }
    }
    *out = writes;
    *out_count = kept;
    return SATCHEL_OK;
}

static uint32_t index_of_write(const write_entry *writes, uint32_t count, const satchel_version *version) {
    write_entry write = write_of(version);
    const write_entry *found = bsearch(&write, writes, count, sizeof *writes, compare_writes);
    return (uint32_t)(found - writes);
}

/* Stamps as differences in modular arithmetic: any two int64 have one. */
static uint64_t stamp_step(int64_t from_ms, int64_t to_ms) {
    return satchel_zigzag((int64_t)((uint64_t)to_ms - (uint64_t)from_ms));
}

static satchel_status put_varint(satchel_status status, satchel_buffer *out, uint64_t value) {
    return status == SATCHEL_OK ? satchel_buffer_append_varint(out, value) : status;
}

static satchel_status encode_writes(const write_entry *writes, uint32_t count, satchel_buffer *out) {
    satchel_status status = satchel_buffer_append_varint(out, count);
    write_entry before = {0, 0, {0, 0}};
    for (uint32_t i = 0; i < count; i++) {
        status = put_varint(status, out, writes[i].n - before.n);
        status = put_varint(status, out, stamp_step(before.stamp_ms, writes[i].stamp_ms));
        status = put_varint(status, out, writes[i].writer.incarnation + 1);
        status = put_varint(status, out, writes[i].writer.sequence);
        before = writes[i];
    }
    return status;
}

static satchel_status encode_entries(const satchel_versions *versions, const write_entry *writes, uint32_t count,
                                     satchel_buffer *out) {
    satchel_status status = SATCHEL_OK;
    uint32_t before = 0;
    for (uint32_t i = 0; i < versions->count; i++) {
        const satchel_version *version = &versions->items[i];
        bool element = version->element.bytes > 0;
        status = put_varint(status, out, (uint64_t)(version->field - before) << 1 | (element ? 1 : 0));
        if (element) {
            status = put_varint(status, out, version->element.bytes);
            status = status == SATCHEL_OK ? satchel_buffer_append(out, version->element) : status;
        }
        status = put_varint(status, out, index_of_write(writes, count, version));
        before = version->field;
    }
    return status;
}

satchel_status satchel_versions_encode(const satchel_versions *versions, satchel_buffer *out) {
    satchel_arena scratch;
    satchel_arena_init(&scratch);
    size_t start = out->bytes;
    write_entry *writes = NULL;
    uint32_t count = 0;
    satchel_status status = collect_writes(versions, &scratch, &writes, &count);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(out, VERSIONS_FORMAT);
    }
    if (status == SATCHEL_OK) {
        status = encode_writes(writes, count, out);
    }
    if (status == SATCHEL_OK) {
        status = encode_entries(versions, writes, count, out);
    }
    if (status != SATCHEL_OK) {
        out->bytes = start;
    }
    satchel_arena_deinit(&scratch);
    return status;
}

static satchel_status decode_write(satchel_reader *reader, const write_entry *before, write_entry *out) {
    uint64_t n_step = 0;
    uint64_t step = 0;
    uint64_t incarnation = 0;
    satchel_status status = satchel_reader_varint(reader, &n_step);
    if (status == SATCHEL_OK) {
        status = satchel_reader_varint(reader, &step);
    }
    if (status == SATCHEL_OK) {
        status = satchel_reader_varint(reader, &incarnation);
    }
    if (status == SATCHEL_OK) {
        status = satchel_reader_varint(reader, &out->writer.sequence);
    }
    if (status != SATCHEL_OK || n_step > UINT64_MAX - before->n) {
        return SATCHEL_MALFORMED;
    }
    out->n = before->n + n_step;
    out->stamp_ms = (int64_t)((uint64_t)before->stamp_ms + (uint64_t)satchel_unzigzag(step));
    out->writer.incarnation = incarnation - 1; /* 0 wraps to SATCHEL_WRITER_SEVERAL */
    return SATCHEL_OK;
}

static satchel_status decode_writes(satchel_reader *reader, satchel_arena *arena, write_entry **out,
                                    uint64_t *out_count) {
    uint64_t count = 0;
    satchel_status status = satchel_reader_varint(reader, &count);
    if (status != SATCHEL_OK) {
        return status;
    }
    /* A write takes four bytes at least, so a forged count cannot ask for more memory than the bytes justify. */
    if (count > satchel_reader_left(reader) / 4) {
        return SATCHEL_MALFORMED;
    }
    write_entry *writes = satchel_arena_take_array(arena, (size_t)count, sizeof *writes);
    if (writes == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    write_entry before = {0, 0, {0, 0}};
    for (uint64_t i = 0; i < count; i++) {
        status = decode_write(reader, &before, &writes[i]);
        if (status != SATCHEL_OK) {
            return status;
        }
        if (i > 0 && compare_writes(&before, &writes[i]) >= 0) {
            return SATCHEL_MALFORMED;
        }
        before = writes[i];
    }
    *out = writes;
    *out_count = count;
    return SATCHEL_OK;
}

static satchel_status decode_entry(satchel_reader *reader, const write_entry *writes, uint64_t count,
                                   satchel_version *version) {
    uint64_t head = 0;
    uint64_t length = 0;
    uint64_t index = 0;
    satchel_status status = satchel_reader_varint(reader, &head);
    version->element = (satchel_bytes){NULL, 0};
    if (status == SATCHEL_OK && (head & 1) != 0) {
        status = satchel_reader_varint(reader, &length);
        if (status == SATCHEL_OK && (length == 0 || length > SATCHEL_LIMIT_SET_ELEMENT_BYTES)) {
            return SATCHEL_MALFORMED;
        }
        if (status == SATCHEL_OK) {
            status = satchel_reader_take(reader, (size_t)length, &version->element);
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_reader_varint(reader, &index);
    }
    if (status != SATCHEL_OK || index >= count || head >> 1 > UINT32_MAX - version->field) {
        return SATCHEL_MALFORMED;
    }
    version->field += (uint32_t)(head >> 1);
    version->n = writes[index].n;
    version->stamp_ms = writes[index].stamp_ms;
    version->writer = writes[index].writer;
    return SATCHEL_OK;
}

/* By field, element, n; what has no element stands alone. */
static bool ascends(const satchel_version *before, const satchel_version *after) {
    if (after->field != before->field) {
        return after->field > before->field;
    }
    int order = satchel_bytes_compare(before->element, after->element);
    return order < 0 || (order == 0 && after->element.bytes > 0 && after->n > before->n);
}

static satchel_status decode_entries(satchel_reader *reader, const write_entry *writes, uint64_t count,
                                     satchel_versions *out) {
    satchel_version version = {.field = 0};
    satchel_version before = version;
    while (satchel_reader_left(reader) > 0) {
        satchel_status status = decode_entry(reader, writes, count, &version);
        if (status != SATCHEL_OK) {
            return status;
        }
        if (!ascends(&before, &version)) {
            return SATCHEL_MALFORMED;
        }
        status = satchel_versions_add(out, &version);
        if (status != SATCHEL_OK) {
            return status;
        }
        before = version;
    }
    return SATCHEL_OK;
}

satchel_status satchel_versions_decode(satchel_bytes bytes, satchel_versions *out) {
    out->count = 0;
    if (bytes.bytes == 0) {
        return SATCHEL_OK;
    }
    satchel_reader reader = satchel_reader_of(bytes);
    satchel_arena scratch;
    satchel_arena_init(&scratch);
    uint8_t format = 0;
    write_entry *writes = NULL;
    uint64_t count = 0;
    satchel_status status = satchel_reader_byte(&reader, &format);
    if (status == SATCHEL_OK && format != VERSIONS_FORMAT) {
        status = format > VERSIONS_FORMAT ? SATCHEL_NEWER_FORMAT : SATCHEL_MALFORMED;
    }
    if (status == SATCHEL_OK) {
        status = decode_writes(&reader, &scratch, &writes, &count);
    }
    if (status == SATCHEL_OK) {
        status = decode_entries(&reader, writes, count, out);
    }
    if (status != SATCHEL_OK) {
        out->count = 0;
    }
    satchel_arena_deinit(&scratch);
    return status;
}
