/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every page of a store that still opens, without SQLite: of the database and of each frame of its WAL.
 *
 * Nothing is assumed of what SQLite needs to find its way: page 1, the order of frames, the prologue may be destroyed.
 * What is given was sealed by this store: a page that does not authenticate is counted and never given. Frames of a
 * transaction that no commit frame ends are not given either: nobody was told that they are there. A page that the disk
 * does not read counts as damaged as long as others can be read.
 * Reads only. The caller holds the folder, and no connection is open on it that may write.
 */
#ifndef SATCHEL_VAULT_SALVAGE_H
#define SATCHEL_VAULT_SALVAGE_H

#include <satchel/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite3_vfs;
struct satchel_vault_keys;

#define SATCHEL_SALVAGE_PAGE_BYTES 4096u

typedef struct satchel_salvage satchel_salvage;

/* Damaged pages and frames that are named; the others are counted. */
#define SATCHEL_SALVAGE_NAMED_MOST 16u

typedef struct satchel_salvage_count {
    uint64_t pages; /* of the database: whole ones in the file, and missing ones */
    uint64_t pages_bad;
    uint64_t pages_missing; /* the file is shorter than the newest state of the store wants; part of pages_bad */
    uint64_t frames;        /* slots of the WAL, those of earlier generations too */
    uint64_t frames_bad;
    uint64_t frames_old;     /* of an earlier generation: in the database since */
    uint64_t frames_dropped; /* behind the last commit of their generation */
    bool prologue_bad;
    uint64_t bad_page[SATCHEL_SALVAGE_NAMED_MOST];
    uint64_t bad_frame[SATCHEL_SALVAGE_NAMED_MOST];
} satchel_salvage_count;

/*
 * Looks through the WAL `store_path`-wal and the database. `below` is the VFS under the vault's; `keys` are borrowed.
 * Errors: NOT_FOUND (neither is there), IO_ERROR, NO_MEMORY, UNSUPPORTED (the cipher).
 */
SATCHEL_MUST_USE satchel_status satchel_salvage_open(satchel_salvage **out, struct sqlite3_vfs *below,
                                                     const char *store_path, struct satchel_vault_keys *keys,
                                                     satchel_error *error);
/* NULL is fine. */
void satchel_salvage_close(satchel_salvage *salvage);

/* Bytes of a page that SQLite uses. */
size_t satchel_salvage_usable_bytes(const satchel_salvage *salvage);

/*
 * One state of a page. `age`: 0 in the database, else the number of the frame. Frames of an earlier generation come
 * first and with age 0, then the database, then the frames in order: a later call is never about an older state of the
 * same page.
 */
typedef struct satchel_salvage_page {
    uint64_t number;
    uint64_t age;
    const uint8_t *content; /* SATCHEL_SALVAGE_PAGE_BYTES, until the return */
} satchel_salvage_page;
/* A status other than OK ends the walk and is returned. It may call satchel_salvage_read. */
typedef satchel_status (*satchel_salvage_visitor)(void *context, const satchel_salvage_page *page);
SATCHEL_MUST_USE satchel_status satchel_salvage_walk(satchel_salvage *salvage, satchel_salvage_visitor visit,
                                                     void *context, satchel_error *error);

/*
 * The page as the transaction left it that wrote the frame `age` (0: as the database has it): for what a page found by
 * the walk refers to. Errors: NOT_FOUND, DAMAGED, IO_ERROR.
 */
SATCHEL_MUST_USE satchel_status satchel_salvage_read(satchel_salvage *salvage, uint64_t number, uint64_t age,
                                                     uint8_t out[SATCHEL_SALVAGE_PAGE_BYTES]);

/* What was found; pages of the database are counted by the walk. */
const satchel_salvage_count *satchel_salvage_counts(const satchel_salvage *salvage);

#endif
