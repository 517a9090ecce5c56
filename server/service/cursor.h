/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cursor: what a phone has, as far as the server must remember it. Opaque to the phone, drawn in
 * core/doc/server-store.md.
 *
 * A forged cursor gains nothing: what is sent is filtered by what the user may see now; it can only spoil the phone
 * that forged it.
 */
#ifndef SATCHEL_SERVER_SERVICE_CURSOR_H
#define SATCHEL_SERVER_SERVICE_CURSOR_H

#include "service/members.h"

#define SATCHEL_CURSOR_FORMAT 2
#define SATCHEL_CURSOR_SNAPSHOTS_MOST 8

/* A snapshot that is not finished: scopes that the phone is still getting. */
typedef struct satchel_cursor_snapshot {
    uint32_t set;     /* of scopes */
    uint64_t start_n; /* revision at which it began */
    bool begun;       /* `at` holds the last aggregate that was sent */
    satchel_place at;
    uint64_t done; /* aggregates, for progress */
    uint64_t total;
} satchel_cursor_snapshot;

typedef struct satchel_cursor {
    uint32_t epoch;
    uint64_t view;      /* satchel_person.view */
    uint8_t generation; /* of the scopes on the wire */
    uint32_t set;       /* of all scopes that the phone has or is getting, 0: none yet */
    uint64_t full_n;    /* every change up to here was sent */
    uint64_t hour;      /* since 1970, when it was made: see satchel_pull */
    bool cut;           /* the change lane was cut within a revision: behind (cut_n, cut_at) */
    uint64_t cut_n;
    satchel_place cut_at;
    satchel_cursor_snapshot snapshots[SATCHEL_CURSOR_SNAPSHOTS_MOST];
    uint32_t snapshot_count;
} satchel_cursor;

SATCHEL_MUST_USE satchel_status satchel_cursor_write(const satchel_cursor *cursor, satchel_buffer *out);
/* Errors: STALE_CURSOR (not one of ours). */
SATCHEL_MUST_USE satchel_status satchel_cursor_read(satchel_bytes bytes, satchel_cursor *out, satchel_error *error);

#endif
