/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two lanes of a page. Not for other modules than pull.
 */
#ifndef SATCHEL_SERVER_SERVICE_LANES_H
#define SATCHEL_SERVER_SERVICE_LANES_H

#include "service/pull.h"

typedef struct pull_work {
    const satchel_service *service;
    satchel_db *db;
    const satchel_person *person;
    satchel_arena *arena;
    uint32_t page_bytes;
    uint32_t page_rows; /* 0: as many as fit */
    satchel_error *error;
    uint64_t now_n; /* newest revision of the snapshot that is read */
    satchel_scope_list scopes;
    uint32_t set; /* of these */
    satchel_cursor cursor;
    satchel_scope_list snapshot_scopes[SATCHEL_CURSOR_SNAPSHOTS_MOST]; /* beside cursor.snapshots */
    satchel_gathering gathering;
    uint32_t *lost; /* on the wire */
    uint32_t lost_count;
    uint64_t scanned; /* entries that were looked at */
    uint64_t progress_done;
    uint64_t progress_total;
} pull_work;

/* Sends what moved behind the cursor, as far as the page takes it. */
SATCHEL_MUST_USE satchel_status satchel_change_lane(pull_work *work, bool *out_exhausted);

/* Goes on with the unfinished snapshots, as far as the page takes them. Only after an exhausted change lane. */
SATCHEL_MUST_USE satchel_status satchel_snapshot_lane(pull_work *work);

#endif
