/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backup as a stream of plain bytes: every table of one snapshot, the same for SQLite and PostgreSQL, so that it can
 * be loaded into either. Who seals and stores it is the host's business (host/backup_file.h).
 *
 *   header  1 [format 1][format of the tables][epoch][n][audit position] varints [end of the audit chain 32]
 *   table   2 [name][columns][name …]           texts: varint length, bytes
 *   row     3 values of its columns: 0 null, 1 integer zigzag, 2 real 8 bytes, 3 text, 4 bytes (varint length, bytes)
 *   end     4 [rows varint]
 */
#ifndef SATCHEL_SERVER_SERVICE_BACKUP_H
#define SATCHEL_SERVER_SERVICE_BACKUP_H

#include "service/state.h"

/* What a backup says of itself. */
typedef struct satchel_backup_facts {
    uint32_t tables_format;
    uint32_t epoch;
    uint64_t n;
    uint64_t audit_position;
    uint8_t audit_hash[SATCHEL_HASH_BYTES];
    uint64_t rows;
} satchel_backup_facts;

/* Pieces that a sink gets and a load takes are cut between records, and have about this size. */
#define SATCHEL_BACKUP_PIECE_BYTES 65536u
/* A row is never larger. */
#define SATCHEL_BACKUP_RECORD_MOST (64u << 20)

typedef satchel_status (*satchel_backup_sink)(void *context, satchel_bytes piece, bool last, satchel_error *error);

/* Reads: writes everything that the transaction of `db` sees. Errors: the sink's, those of the database. */
SATCHEL_MUST_USE satchel_status satchel_backup_dump(const satchel_service *service, satchel_db *db,
                                                    satchel_backup_sink sink, void *context, satchel_backup_facts *out,
                                                    satchel_error *error);

/* Reads a stream piece by piece: checks its form, and writes its rows if `db` is not NULL. */
typedef struct satchel_backup_loader satchel_backup_loader;
SATCHEL_MUST_USE satchel_status satchel_backup_load_open(satchel_backup_loader **out, satchel_db *db);
/* Writes. Errors: MALFORMED, NEWER_FORMAT, and those of the database (a table that is not there). */
SATCHEL_MUST_USE satchel_status satchel_backup_load(satchel_backup_loader *loader, satchel_bytes piece,
                                                    satchel_error *error);
/* Writes the last things. Errors: MALFORMED (the end is missing). NULL db: fills the facts alone. */
SATCHEL_MUST_USE satchel_status satchel_backup_load_end(satchel_backup_loader *loader, satchel_backup_facts *out,
                                                        satchel_error *error);
void satchel_backup_load_close(satchel_backup_loader *loader);

/* Writes: a backup with these facts was read back whole; `digest` is of its stream. */
SATCHEL_MUST_USE satchel_status satchel_backup_note(const satchel_service *service, satchel_db *db,
                                                    const satchel_backup_facts *facts, uint64_t bytes,
                                                    const uint8_t digest[SATCHEL_HASH_BYTES], satchel_error *error);
/* Up to where the newest verified backup of the present database reaches; 0: there is none. */
SATCHEL_MUST_USE satchel_status satchel_backup_verified(satchel_db *db, uint64_t *out, satchel_error *error);
/* The newest verified backup that this database knows of. */
typedef struct satchel_backup_last {
    uint64_t number; /* 0: there is none */
    uint32_t epoch;
    uint64_t n;
    int64_t at_ms; /* when it was read back */
} satchel_backup_last;
SATCHEL_MUST_USE satchel_status satchel_backup_newest(satchel_db *db, satchel_backup_last *out, satchel_error *error);

/*
 * Writes, when a backup was loaded: it was read whole, so all of it is in a verified backup. Its age is that of the
 * newest change in it.
 */
SATCHEL_MUST_USE satchel_status satchel_backup_note_loaded(satchel_db *db, const satchel_backup_facts *facts,
                                                           const uint8_t digest[SATCHEL_HASH_BYTES],
                                                           satchel_error *error);

#endif
