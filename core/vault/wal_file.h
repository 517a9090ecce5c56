/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The WAL as SQLite sees it through the sealing VFS.
 *
 * Reads: 32 bytes at 0; of a frame 4120 bytes, its 24-byte header, its 4096-byte page, or the 8 bytes of checksum (of
 * the header too). Writes: 32 bytes at 0, 24-byte frame headers, 4096-byte pages. Anything else poisons the VFS.
 */
#ifndef SATCHEL_VAULT_WAL_FILE_H
#define SATCHEL_VAULT_WAL_FILE_H

#include "vault/run.h"
#include "vault/vfs.h"

typedef struct satchel_wal_file {
    sqlite3_file base;
    satchel_vfs *vfs;
    sqlite3_file *below; /* lies behind this struct */
    satchel_run run;
    uint8_t *slot;  /* scratch: one slot, plain while `frame` points into it */
    uint8_t *frame; /* the frame last opened, NULL: none */
    uint64_t frame_number;
    uint8_t header[SATCHEL_WAL_HEADER_BYTES]; /* of this generation; valid if has_header */
    bool has_header;
    bool recovering;     /* between the header's read and the first other access */
    uint64_t base_pages; /* pages of the database when this generation began: all of them sealed and synced */
    uint64_t low_pages;  /* the least that any commit of this generation left of the database */
    uint8_t chain[8];    /* checksum of the last frame in unbroken order, while recovering */
    uint64_t chain_frame;
    bool pending; /* a frame header has come whose page has not */
    uint64_t pending_frame;
    uint8_t pending_header[SATCHEL_WAL_FRAME_HEADER_BYTES];
    uint64_t last_frame; /* appended last by the running transaction */
    uint64_t owed_frame; /* the first whose checksum SQLite still owes, 0: none */
    bool lost;           /* a write failed: frames from `lost_frame` on are not on the disk */
    uint64_t lost_frame;
} satchel_wal_file;

/* Makes `file`, whose `below` is open already, ready. On failure the caller closes `below`. Gives a code of SQLite. */
int satchel_wal_file_init(satchel_wal_file *file, satchel_vfs *vfs);

#endif
