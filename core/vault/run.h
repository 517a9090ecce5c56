/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of sealed units that lie side by side in a file, gathered so that one write takes them all to the disk.
 */
#ifndef SATCHEL_VAULT_RUN_H
#define SATCHEL_VAULT_RUN_H

#include "vault/vfs.h"

typedef struct satchel_run {
    uint8_t *data;
    size_t unit_bytes;
    size_t count;
    uint64_t first;  /* number of the first unit */
    uint64_t origin; /* where unit 1 lies in the file */
} satchel_run;

/* Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_run_init(satchel_run *run, size_t unit_bytes, uint64_t origin);
void satchel_run_deinit(satchel_run *run);

/* The unit `number` if it waits here, else NULL. */
uint8_t *satchel_run_find(const satchel_run *run, uint64_t number);

/* Whether `number` can be put without flushing first: it waits here, follows the last one, or the run is empty. */
bool satchel_run_takes(const satchel_run *run, uint64_t number);

/* Room for unit `number`, which satchel_run_takes. A new one counts only after satchel_run_keep. */
uint8_t *satchel_run_room(const satchel_run *run, uint64_t number);
void satchel_run_keep(satchel_run *run, uint64_t number);

static inline bool satchel_run_full(const satchel_run *run) {
    return run->count == SATCHEL_RUN_UNITS;
}

/* Writes what waits. The run is empty afterwards, also on failure. Gives a code of SQLite. */
int satchel_run_flush(satchel_run *run, satchel_vfs *vfs, sqlite3_file *below);

#endif
