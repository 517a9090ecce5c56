/* SPDX-License-Identifier: Apache-2.0 */
/*
 * satcheld restore: a backup into an empty folder (or an empty PostgreSQL database), as the beginning of a new epoch.
 */
#ifndef SATCHEL_SERVER_RESTORE_H
#define SATCHEL_SERVER_RESTORE_H

#include "host/backup_file.h"

typedef struct satchel_restored {
    satchel_backup_facts facts;
    uint32_t epoch;
    bool fenced; /* no ledger was found */
} satchel_restored;

/*
 * All or nothing, in one transaction: rows, ledger, epoch. Errors: ALREADY_EXISTS (there is a company), those of
 * reading the backup, of the ledger and of the database.
 */
SATCHEL_MUST_USE satchel_status satchel_restore(const satchel_host_config *config, const char *path,
                                                const char *key_path, satchel_restored *out, satchel_error *error);

#endif
