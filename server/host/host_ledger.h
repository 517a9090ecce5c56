/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger of a data folder in use: opened with the company's key, replayed before anything is served, fed from the
 * database's list after every write. Internal to host/.
 *
 * A database that is older than its ledger was restored: a new epoch begins, and what the ledger says is carried out.
 * A company that had a ledger and has none now, or an older copy than the database knows of, is fenced until the newest
 * is back, or its loss is accepted. On PostgreSQL the file of a server that was away lags behind those of others, which
 * is no reason for a fence unless the database was restored: it is filled up from the list.
 */
#ifndef SATCHEL_SERVER_HOST_HOST_LEDGER_H
#define SATCHEL_SERVER_HOST_HOST_LEDGER_H

#include "host/ledger_file.h"

#include <limits.h>
#include <pthread.h>

typedef struct satchel_host_ledger {
    char path[PATH_MAX];
    pthread_mutex_t mutex;     /* guards what follows */
    satchel_ledger_file *file; /* NULL: there is none yet */
    satchel_ledger_marks marks;
    uint64_t written; /* the list up to this serial is in the file, and durable */
} satchel_host_ledger;

/* `place` NULL: in the folder. The mutex is made by the caller. Errors: TOO_LONG. */
SATCHEL_MUST_USE satchel_status satchel_host_ledger_init(satchel_host_ledger *ledger, const char *folder,
                                                         const char *place, satchel_error *error);
void satchel_host_ledger_deinit(satchel_host_ledger *ledger);

/*
 * Writes, in a transaction of the caller's. Opens and replays the file. `restored`: the database was just loaded from
 * a backup, so a new epoch begins in any case. Without a company there is nothing to do.
 */
SATCHEL_MUST_USE satchel_status satchel_host_ledger_replay(satchel_host_ledger *ledger, const satchel_service *service,
                                                           satchel_db *db, bool restored, satchel_error *error);

/* Writes: the company has a ledger, which must not be missing from now on. */
SATCHEL_MUST_USE satchel_status satchel_host_ledger_note(satchel_db *db, satchel_error *error);

/* Makes the file anew, if it is not there: its loss is accepted, or there never was one. Reads the database. */
SATCHEL_MUST_USE satchel_status satchel_host_ledger_make(satchel_host_ledger *ledger, const satchel_service *service,
                                                         satchel_db *db, satchel_error *error);

/* Is anything behind `head`, the list's newest serial, that the file does not hold? Any thread. */
bool satchel_host_ledger_lags(satchel_host_ledger *ledger, uint64_t head);

/*
 * Copies what the file lacks of the list into it and makes it durable; `*out_serial` says how far it goes then, 0 if
 * there is no file. Reads the database: who may write notes it there (satchel_ledger_know).
 */
SATCHEL_MUST_USE satchel_status satchel_host_ledger_fill(satchel_host_ledger *ledger, const satchel_service *service,
                                                         satchel_db *db, uint64_t *out_serial, satchel_error *error);

#endif
