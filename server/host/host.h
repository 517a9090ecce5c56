/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A data folder in use: its lock, its database with one writer lane and a pool of readers, and the service over them.
 *
 *   <folder>/satchel.db   the company's database (SQLite, WAL), unless
 *   <folder>/database     says at which address of PostgreSQL it is
 *   <folder>/lock         held while a process uses the folder: never a second writer
 *   <folder>/ledger       what must outlive a restored backup (host/ledger_file.h), unless
 *   <folder>/ledger_at    says that it is elsewhere
 *   <folder>/clock        a rehearsal's clock, if one was set
 */
#ifndef SATCHEL_SERVER_HOST_HOST_H
#define SATCHEL_SERVER_HOST_HOST_H

#include "service/lane.h"
#include "service/service.h"

typedef struct satchel_host satchel_host;

typedef struct satchel_host_config {
    const char *folder;
    bool create;          /* make the folder if it is absent (init) */
    int32_t zone_minutes; /* the company's zone, east of UTC */
    const char *database; /* address of a PostgreSQL database, remembered; NULL: the remembered one, else SQLite */
    const char *ledger;   /* where the ledger is, remembered; NULL: the remembered place, else in the folder */
    bool loading;         /* a backup is about to be loaded: see satchel_host_load */
} satchel_host_config;

/* Readers kept open between calls; more are opened while more are needed at once. */
#define SATCHEL_HOST_READERS_KEPT 16

/*
 * Servers with a folder each may share one PostgreSQL database. Errors: NOT_FOUND (no data folder or no company in it),
 * IN_USE (another process has the folder), MISUSE (an address for a folder that holds a company, or another address),
 * IO_ERROR and those of database and service.
 */
SATCHEL_MUST_USE satchel_status satchel_host_open(satchel_host **out, const satchel_host_config *config,
                                                  satchel_error *error);

/* Ends the lane after what waits, checkpoints, closes. No call may run. NULL is fine. */
void satchel_host_close(satchel_host *host);

const satchel_service *satchel_host_service(const satchel_host *host);
const char *satchel_host_folder(const satchel_host *host);

/* Carries out `work` inside a read transaction of a pooled reader. Any thread. Errors: what `work` returned, those of
 * the database. */
SATCHEL_MUST_USE satchel_status satchel_host_read(satchel_host *host, satchel_lane_work work, void *context,
                                                  satchel_error *error);

/* Carries out `work` on the lane; durable when it returns OK. Any thread but the lane's. Errors: as satchel_lane_run.
 */
SATCHEL_MUST_USE satchel_status satchel_host_write(satchel_host *host, satchel_lane_work work, void *context,
                                                   satchel_error *error);

/*
 * After a backup was loaded into the empty database (inside that write transaction): replays the ledger and begins a
 * new epoch; without a ledger the server is fenced. The host is to be closed then.
 */
SATCHEL_MUST_USE satchel_status satchel_host_loaded(satchel_host *host, satchel_db *db, satchel_error *error);
/* Begins a new epoch, because the database was restored by tools of its own. */
SATCHEL_MUST_USE satchel_status satchel_host_new_epoch(satchel_host *host, uint32_t *out_epoch, satchel_error *error);
/* Takes the fence down, and makes a new ledger: what the old one held is lost. Errors: NOT_FOUND (no fence). */
SATCHEL_MUST_USE satchel_status satchel_host_unfence(satchel_host *host, satchel_error *error);

satchel_lane_stats satchel_host_lane_stats(const satchel_host *host);

/*
 * A rehearsal's clock: the server's time is moved so that today is `day` (days since 1970-01-01, in the company's
 * zone), and stays moved after a restart; SATCHEL_HOST_REAL_DAY gives the real time back. For training and tests: dated
 * assignments begin and end with these days. Memberships follow at once. Errors: IO_ERROR, OUT_OF_RANGE and those of
 * the database.
 */
#define SATCHEL_HOST_REAL_DAY INT64_MIN
SATCHEL_MUST_USE satchel_status satchel_host_set_day(satchel_host *host, int64_t day, satchel_error *error);
/* ms by which the clock is moved, 0 = real time. */
int64_t satchel_host_clock_offset_ms(const satchel_host *host);

/* Moves memberships whose dated assignments begin or end today. To be called now and then; cheap if nothing is due. */
SATCHEL_MUST_USE satchel_status satchel_host_day(satchel_host *host, satchel_error *error);

/* Background work in short turns of the lane: see satchel_service_tidy. To be called now and then. */
#define SATCHEL_HOST_TIDY_STEPS 20
SATCHEL_MUST_USE satchel_status satchel_host_tidy(satchel_host *host, satchel_error *error);

#endif
