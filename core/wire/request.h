/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The payload of a sync request: head, then units one by one.
 */
#ifndef SATCHEL_WIRE_REQUEST_H
#define SATCHEL_WIRE_REQUEST_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/limits.h"

#define SATCHEL_PROTOCOL_VERSION 1u
/* Tokens tell copies of a store apart, they prove nothing: 64 random bits are enough and keep polls small. */
#define SATCHEL_TOKEN_BYTES 8
#define SATCHEL_ERASURES_MOST 64 /* confirmed in one request */

typedef struct satchel_request_head {
    uint32_t protocol;
    uint32_t schema;
    satchel_id incarnation; /* none: the device's current one; only in a request without units */
    uint8_t token_current[SATCHEL_TOKEN_BYTES];
    uint8_t token_next[SATCHEL_TOKEN_BYTES];
    satchel_moment now;
    satchel_bytes cursor;
    uint32_t page_bytes; /* size of the page that fits the link, travels in KiB, rounded up; 0 = results only */
    uint32_t page_rows;  /* rows that the phone takes in it, and what its last aggregate has more; 0: all that fit */
    uint64_t settled_through; /* 0: nothing new to say */
    /*
     * A store that begins a new life (a restored or cloned one): the lives that it may go on from, newest first, 16
     * bytes each, and the last op that is settled in it. The first that the server knows counts. Empty: no new life.
     */
    satchel_bytes parents;
    uint64_t parent_sequence;
    bool digest_wanted;     /* the last page is to tell the digest even if nothing moved */
    satchel_bytes digests;  /* ranges with the phone's sums (wire/digest.h), of a phone whose digest differed */
    satchel_bytes witness;  /* the newest checkpoint of the audit that the phone holds, when there is cause */
    satchel_bytes receipt;  /* what was done of an order (wire/orders.h) */
    uint64_t orders_serial; /* of the standing orders that are carried out; 0: nothing new to say */
    satchel_bytes erased;   /* erasures that were carried out here and are not confirmed yet, 16 bytes each */
    uint32_t heard_epoch;   /* of a restored server that told what it lacks, before its first page; 0: none */
} satchel_request_head;

/* Appends. Errors: NO_MEMORY, LIMIT_EXCEEDED (cursor, unit). */
SATCHEL_MUST_USE satchel_status satchel_request_write_head(const satchel_request_head *head, satchel_buffer *payload);
SATCHEL_MUST_USE satchel_status satchel_request_write_unit(satchel_bytes unit, satchel_buffer *payload);

/* Reads the head, which must come first; the cursor is borrowed. Errors: MALFORMED, LIMIT_EXCEEDED. */
SATCHEL_MUST_USE satchel_status satchel_request_read_head(satchel_reader *payload, satchel_request_head *out,
                                                          satchel_error *error);
/* The next unit's bytes, borrowed; `*out_found` false at the end. Unknown fields are skipped. Errors: MALFORMED,
 * LIMIT_EXCEEDED. */
SATCHEL_MUST_USE satchel_status satchel_request_next_unit(satchel_reader *payload, satchel_bytes *out, bool *out_found,
                                                          satchel_error *error);

/*
 * Walks a whole payload: head, then every unit's frame; to be called before anything is done with it.
 * Errors: MALFORMED (also units or parents without an incarnation), LIMIT_EXCEEDED (also the number of units).
 */
SATCHEL_MUST_USE satchel_status satchel_request_check(satchel_bytes payload, satchel_request_head *out_head,
                                                      uint32_t *out_unit_count, satchel_error *error);

#endif
