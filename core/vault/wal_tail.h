/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a WAL ends, and whether its end is what a power cut leaves or the trace of damage.
 */
#ifndef SATCHEL_VAULT_WAL_TAIL_H
#define SATCHEL_VAULT_WAL_TAIL_H

#include "vault/wal_file.h"

typedef enum satchel_slot_state {
    SATCHEL_SLOT_CURRENT, /* opens and is of this generation */
    SATCHEL_SLOT_STALE,   /* opens and is of another one: what an earlier use of the file left */
    SATCHEL_SLOT_BROKEN,  /* does not open */
    SATCHEL_SLOT_ABSENT   /* the file ends before or within it */
} satchel_slot_state;

/* CURRENT or STALE, by the salts of an opened frame. */
satchel_slot_state satchel_wal_state_of(const satchel_wal_file *file, const uint8_t *frame);

/* Opens slot `number` into file->frame (CURRENT and STALE only). Defined in wal_file.c. Gives a code of SQLite. */
int satchel_wal_file_load(satchel_wal_file *file, uint64_t number, satchel_slot_state *out_state);

/* Notes the frame just loaded as the next one of the recovery. */
void satchel_wal_tail_follow(satchel_wal_file *file, uint64_t number);

/*
 * Judges the slots behind `number`, the first that is not of this generation. Sets stats.tail.
 * SQLITE_OK: recovery may end here. SQLITE_IOERR_DATA: a transaction is damaged that had been synced.
 */
int satchel_wal_tail_judge(satchel_wal_file *file, uint64_t number, satchel_slot_state state);

#endif
