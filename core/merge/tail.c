/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joining the bytes of fields that this version does not know. They are protobuf fields, so their extent is known but
 * not their policy. A number replaces the number that was there (a later scalar wins when read, too). Bytes are one
 * text, or elements of a set, and look the same: they are appended, an exact repetition only once. What no element can
 * be is a text and is replaced; of what may be elements the newest stay, as many as a set has, and at the limit of the
 * tail the oldest of the longest field go, so that edits of one text, however many, never end in a refusal.
 */
#include "base/bytes.h"
#include "base/limits.h"
#include "merge/kernel.h"

#include <stdlib.h>
#include <string.h>

#define WIRE_VARINT 0
#define WIRE_FIXED64 1
#define WIRE_BYTES 2
#define WIRE_FIXED32 5

/* All fields of one tag. */
typedef struct tail_run {
    uint64_t tag;
    uint32_t kept;
    size_t bytes; /* of the kept ones */
} tail_run;

typedef struct tail_field {
    uint64_t tag;
    satchel_bytes whole;   /* tag included */
    satchel_bytes payload; /* of WIRE_BYTES */
    uint32_t at;           /* place: the larger is the newer */
    bool dropped;
    tail_run *run;
} tail_field;

typedef struct tail {
    tail_field *fields; /* as they came */
    tail_field **order; /* by tag, payload and age */
    tail_run *runs;
    uint32_t count;
    uint32_t run_count;
    size_t bytes; /* of what is kept */
} tail;

static satchel_status skip_payload(satchel_reader *reader, uint64_t tag, satchel_bytes *out) {
    uint64_t number = 0;
    satchel_status status;
    switch (tag & 7) {
    case WIRE_VARINT: return satchel_reader_varint(reader, &number);
    case WIRE_FIXED64: return satchel_reader_take(reader, 8, out);
    case WIRE_FIXED32: return satchel_reader_take(reader, 4, out);
    case WIRE_BYTES:
        status = satchel_reader_varint(reader, &number);
        if (status != SATCHEL_OK || number > satchel_reader_left(reader)) {
            return SATCHEL_MALFORMED;
        }
        return satchel_reader_take(reader, (size_t)number, out);
    default: return SATCHEL_MALFORMED;
    }
}

static satchel_status next_field(satchel_reader *reader, tail_field *out) {
    size_t start = reader->at;
    *out = (tail_field){.tag = 0};
    satchel_status status = satchel_reader_varint(reader, &out->tag);
    if (status == SATCHEL_OK) {
        status = skip_payload(reader, out->tag, &out->payload);
    }
    out->whole = (satchel_bytes){reader->data + start, reader->at - start};
    return status;
}

/* Counts them if `out` is NULL. */
static satchel_status walk(satchel_bytes bytes, tail *out, uint32_t *count) {
    satchel_reader reader = satchel_reader_of(bytes);
    while (satchel_reader_left(&reader) > 0) {
        tail_field field;
        satchel_status status = next_field(&reader, &field);
        if (status != SATCHEL_OK) {
            return status;
        }
        field.at = *count;
        if (out != NULL) {
            out->fields[*count] = field;
            out->order[*count] = &out->fields[*count];
        }
        (*count)++;
    }
    return SATCHEL_OK;
}

static int compare_fields(const void *a, const void *b) {
    const tail_field *left = *(tail_field *const *)a;
    const tail_field *right = *(tail_field *const *)b;
    if (left->tag != right->tag) {
        return left->tag < right->tag ? -1 : 1;
    }
    int payloads = (left->tag & 7) == WIRE_BYTES ? satchel_bytes_compare(left->payload, right->payload) : 0;
    return payloads != 0 ? payloads : left->at < right->at ? -1 : 1;
}

static void drop(tail *all, tail_field *field) {
    field->dropped = true;
    field->run->kept--;
    field->run->bytes -= field->whole.bytes;
    all->bytes -= field->whole.bytes;
}

/* The fields of one tag, ordered[0] … ordered[count - 1]: can they only be one value? */
static bool is_scalar(tail_field *const *ordered, uint32_t count) {
    bool scalar = (ordered[0]->tag & 7) != WIRE_BYTES;
    for (uint32_t i = 0; i < count && !scalar; i++) {
        scalar = ordered[i]->payload.bytes > SATCHEL_LIMIT_SET_ELEMENT_BYTES;
    }
    return scalar;
}

/* Of one value the newest counts; of elements each counts once. */
static void thin_out(tail *all, tail_field *const *ordered, uint32_t count) {
    bool scalar = is_scalar(ordered, count);
    uint32_t newest = 0;
    for (uint32_t i = 0; i < count; i++) {
        newest = ordered[i]->at > newest ? ordered[i]->at : newest;
    }
    for (uint32_t i = 0; i < count; i++) {
        bool repeated = i + 1 < count && satchel_bytes_equal(ordered[i]->payload, ordered[i + 1]->payload);
        if (scalar ? ordered[i]->at != newest : repeated) {
            drop(all, ordered[i]);
        }
    }
}

static void group(tail *all) {
    uint32_t next = 0;
    qsort(all->order, all->count, sizeof(tail_field *), compare_fields);
    for (uint32_t i = 0; i < all->count; i = next) {
        tail_run *run = &all->runs[all->run_count++];
        *run = (tail_run){.tag = all->order[i]->tag};
        for (next = i; next < all->count && all->order[next]->tag == run->tag; next++) {
            all->order[next]->run = run;
            run->kept++;
            run->bytes += all->order[next]->whole.bytes;
        }
        all->bytes += run->bytes;
        thin_out(all, all->order + i, next - i);
    }
}

/* Drops the oldest of a run until there are `most`, or, with `fits`, until the tail has room. */
static void shorten(tail *all, const tail_run *run, uint32_t most, bool fits) {
    for (uint32_t i = 0; i < all->count && run->kept > most; i++) {
        tail_field *field = &all->fields[i];
        if (fits && all->bytes <= SATCHEL_LIMIT_TAIL_BYTES) {
            return;
        }
        if (field->run == run && !field->dropped) {
            drop(all, field);
        }
    }
}

static tail_run *longest_run(tail *all) {
    tail_run *longest = NULL;
    for (uint32_t i = 0; i < all->run_count; i++) {
        tail_run *run = &all->runs[i];
        if (run->kept > 1 && (longest == NULL || run->bytes > longest->bytes)) {
            longest = run;
        }
    }
    return longest;
}

static void make_room(tail *all) {
    for (uint32_t i = 0; i < all->run_count; i++) {
        shorten(all, &all->runs[i], SATCHEL_LIMIT_SET_ELEMENTS, false);
    }
    while (all->bytes > SATCHEL_LIMIT_TAIL_BYTES) {
        const tail_run *longest = longest_run(all);
        if (longest == NULL) {
            return;
        }
        shorten(all, longest, 1, true);
    }
}

static satchel_status take_apart(satchel_arena *arena, satchel_bytes old, satchel_bytes more, tail *out) {
    uint32_t count = 0;
    satchel_status status = walk(more, NULL, &count);
    if (status == SATCHEL_OK) {
        status = walk(old, NULL, &count);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    *out = (tail){.fields = satchel_arena_take_array(arena, count, sizeof(tail_field)),
                  .order = satchel_arena_take_array(arena, count, sizeof(tail_field *)),
                  .runs = satchel_arena_take_array(arena, count, sizeof(tail_run))};
    if (out->fields == NULL || out->order == NULL || out->runs == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    status = walk(old, out, &out->count);
    return status == SATCHEL_OK ? walk(more, out, &out->count) : status;
}

satchel_status satchel_merge_tails(satchel_arena *arena, satchel_bytes old, satchel_bytes more, satchel_bytes *out) {
    tail all;
    if (old.bytes > SATCHEL_LIMIT_TAIL_BYTES || more.bytes > SATCHEL_LIMIT_TAIL_BYTES) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    satchel_status status = take_apart(arena, old, more, &all);
    if (status != SATCHEL_OK) {
        return status;
    }
    group(&all);
    make_room(&all);
    if (all.bytes > SATCHEL_LIMIT_TAIL_BYTES) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    uint8_t *joined = satchel_arena_take(arena, all.bytes);
    size_t bytes = 0;
    if (joined == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (uint32_t i = 0; i < all.count; i++) {
        const tail_field *field = &all.fields[i];
        if (!field->dropped) {
            memcpy(joined + bytes, field->whole.data, field->whole.bytes);
            bytes += field->whole.bytes;
        }
    }
    *out = (satchel_bytes){joined, bytes};
    return SATCHEL_OK;
}
