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

#define SATCHEL_CURSOR_FORMAT 2       /* without a route */
#define SATCHEL_CURSOR_FORMAT_ROUTE 3 /* with one */
#define SATCHEL_CURSOR_SNAPSHOTS_MOST 8
#define SATCHEL_CURSOR_ROUTE_MOST 64 /* customers: 1 KiB */

/* A snapshot that is not finished: scopes that the phone is still getting. */
typedef struct satchel_cursor_snapshot {
    uint32_t set;     /* of scopes */
    uint64_t start_n; /* revision at which it began */
    bool begun;       /* `at` holds the last aggregate that was sent; on the route: of the customer in hand */
    satchel_place at;
    uint64_t done;  /* aggregates, for progress */
    uint64_t total; /* 0: not counted yet */
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
    /*
     * Of the first snapshot: customers that come before all else with what hangs on them, as they were when it began,
     * and how many of them are done. They stay here to its end: all others follow in order of place, without these.
     */
    satchel_id route[SATCHEL_CURSOR_ROUTE_MOST];
    uint32_t route_count;
    uint32_t route_at;
} satchel_cursor;

/* Was the place sent by the unfinished snapshot? */
bool satchel_cursor_has_reached(const satchel_cursor *cursor, const satchel_cursor_snapshot *snapshot,
                                const satchel_place *place);
/* Is its customer on the route? */
bool satchel_cursor_is_on_route(const satchel_cursor *cursor, const satchel_place *place);

SATCHEL_MUST_USE satchel_status satchel_cursor_write(const satchel_cursor *cursor, satchel_buffer *out);
/* Errors: STALE_CURSOR (not one of ours). */
SATCHEL_MUST_USE satchel_status satchel_cursor_read(satchel_bytes bytes, satchel_cursor *out, satchel_error *error);

#endif
