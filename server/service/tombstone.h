/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The horizon: up to which revision nobody needs to hear any more of what left or went. Below it the traces go, in
 * small steps while the server is idle: left memberships, lost scopes, times of revisions, stored answers that are too
 * old as well.
 *
 * It is the least point that any live device has acknowledged by the cursor of a request: one that is not revoked, not
 * wiped, and called within its lease. A phone with an older cursor begins anew (STALE_CURSOR): it gets a snapshot, and
 * the digest finds what it holds too much. Its op log is not touched by any of this.
 */
#ifndef SATCHEL_SERVER_SERVICE_TOMBSTONE_H
#define SATCHEL_SERVER_SERVICE_TOMBSTONE_H

#include "service/cursor.h"

#define SATCHEL_HORIZON_LEASE_DAYS 400  /* of devices without a lease */
#define SATCHEL_STORED_ANSWERS_DAYS 400 /* a store that was put back later than this is a new one */
#define SATCHEL_POINT_EVERY_MS 21600000 /* a device's point is written so often, if it moved; else once a day */
#define SATCHEL_TIDY_ROWS 500           /* of one step */

typedef struct satchel_horizon {
    uint64_t n;         /* nobody needs what went up to here */
    uint64_t pruned;    /* a cursor below this has missed something */
    satchel_id held_by; /* the device whose point it is; none: no device holds it back */
} satchel_horizon;

#define SATCHEL_LEASE_DAY_MS INT64_C(86400000)
/* Days after which a device that did not call does not count. */
SATCHEL_MUST_USE satchel_status satchel_lease_days(satchel_db *db, int64_t *out, satchel_error *error);

/* The horizon as it is now. Errors: those of the database. */
SATCHEL_MUST_USE satchel_status satchel_horizon_read(const satchel_service *service, satchel_db *db,
                                                     satchel_horizon *out, satchel_error *error);

/* Has the device's point moved, and was it written long ago? `n`: of the cursor that it sent. */
SATCHEL_MUST_USE satchel_status satchel_point_is_due(const satchel_service *service, satchel_db *db,
                                                     const satchel_id *device, uint64_t n, bool *out,
                                                     satchel_error *error);
/* Writes it. */
SATCHEL_MUST_USE satchel_status satchel_point_write(const satchel_service *service, satchel_db *db,
                                                    const satchel_id *device, uint64_t n, satchel_error *error);
/* The point of a cursor; `*out_found` false: it is empty, or none of ours. */
void satchel_point_of(satchel_bytes cursor, uint64_t *out_n, bool *out_found);

/* Is the cursor's point behind what was pruned? */
SATCHEL_MUST_USE satchel_status satchel_horizon_has_passed(satchel_db *db, uint64_t n, bool *out, satchel_error *error);

/*
 * Writes: one step of tidying, at most SATCHEL_TIDY_ROWS rows: memberships, then digests that are to be made anew
 * (these all at once), then what lies below the horizon. `*out_left`: there is more. Errors: those of the database.
 */
SATCHEL_MUST_USE satchel_status satchel_service_tidy(const satchel_service *service, satchel_db *db, bool *out_left,
                                                     satchel_error *error);

#endif
