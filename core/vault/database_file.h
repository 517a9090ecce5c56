/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database file as SQLite sees it through the sealing VFS.
 *
 * Reads: 4096 bytes on a page boundary, 100 at 0, 16 at 24. Writes: 4096 bytes on a page boundary. Truncation to whole
 * pages. Anything else poisons the VFS.
 */
#ifndef SATCHEL_VAULT_DATABASE_FILE_H
#define SATCHEL_VAULT_DATABASE_FILE_H

#include "vault/run.h"
#include "vault/vfs.h"

typedef struct satchel_database_file {
    sqlite3_file base;
    satchel_vfs *vfs;
    sqlite3_file *below; /* lies behind this struct */
    satchel_run run;
    uint64_t pages;   /* whole pages of the file, those in `run` included */
    uint8_t *scratch; /* one page */
    uint8_t *ahead;   /* sealed pages read in one go by a scan */
    uint64_t ahead_first;
    uint64_t ahead_count;
    uint64_t last_read; /* page of the last read, to see a scan */
    uint32_t in_order;  /* reads from the disk that followed the page before */
} satchel_database_file;

/* Makes `file`, whose `below` is open already, ready. On failure the caller closes `below`. Gives a code of SQLite. */
int satchel_database_file_init(satchel_database_file *file, satchel_vfs *vfs);

/* As satchel_vfs_finish_recovery: pages above `lower` that do not open become empty pages. */
SATCHEL_MUST_USE satchel_status satchel_database_file_heal(satchel_database_file *file, uint64_t lower);

#endif
