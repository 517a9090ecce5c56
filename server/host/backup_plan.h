/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups by a plan: one whenever the newest verified one is so old, a copy of it in a second place, old ones thrown
 * away. Who calls tells the time; nothing here waits.
 *
 * A copy is read back as well before it gets its name. Without a change since the newest one no other is made: that one
 * is read once more, and counts as verified anew.
 */
#ifndef SATCHEL_SERVER_HOST_BACKUP_PLAN_H
#define SATCHEL_SERVER_HOST_BACKUP_PLAN_H

#include "host/backup_file.h"

#define SATCHEL_BACKUP_KEEP_MOST 10000
#define SATCHEL_BACKUP_EVERY_MOST_MS (INT64_C(366) * 86400000)
/* After a failure the next try comes no sooner. */
#define SATCHEL_BACKUP_RETRY_MS INT64_C(300000)

typedef struct satchel_backup_plan {
    const char *folder;
    const char *second;   /* another place for copies; NULL: none */
    const char *key_path; /* read each time, so that it need not stay in memory */
    int64_t every_ms;
    uint32_t keep;   /* files in each place, at least 1 */
    int64_t next_ms; /* nothing before; 0 at first */
} satchel_backup_plan;

/* "90s", "15m", "6h", "1d". Errors: INVALID_ARGUMENT (also: zero), OUT_OF_RANGE. */
SATCHEL_MUST_USE satchel_status satchel_duration_read(const char *text, int64_t *out_ms, satchel_error *error);

/* Errors: INVALID_ARGUMENT, OUT_OF_RANGE: places that are no folders, or the same, no key, nothing to keep. */
SATCHEL_MUST_USE satchel_status satchel_backup_plan_check(const satchel_backup_plan *plan, satchel_error *error);

/*
 * Does what is due at `now_ms`, which is the service's own time in a server. `*out_made`: a backup was made or verified
 * anew. Errors: those of making, reading, copying; what was made before one stays.
 */
SATCHEL_MUST_USE satchel_status satchel_backup_plan_step(satchel_host *host, satchel_backup_plan *plan, int64_t now_ms,
                                                         bool *out_made, satchel_error *error);

#endif
