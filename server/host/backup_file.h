/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups as files: the stream of service/backup.h, sealed piece by piece with a key of its own file.
 *
 *   "SATCHEL BACKUP 1\n" [id 16]
 *   pieces   [bytes 4, big-endian][nonce 24, sealed, tag 16]   associated: id, number of the piece 8, last 1
 *
 * A file is written under another name, read back as a whole, and only then gets its own.
 */
#ifndef SATCHEL_SERVER_HOST_BACKUP_FILE_H
#define SATCHEL_SERVER_HOST_BACKUP_FILE_H

#include "host/host.h"
#include "service/backup.h"

/* Makes a new key file, readable by its owner alone. Errors: ALREADY_EXISTS, IO_ERROR, DISK_FULL, RANDOM_FAILED. */
SATCHEL_MUST_USE satchel_status satchel_backup_key_make(const char *path, satchel_error *error);
/* Errors: NOT_FOUND, MALFORMED, IO_ERROR. */
SATCHEL_MUST_USE satchel_status satchel_backup_key_read(const char *path, uint8_t out[SATCHEL_KEY_BYTES],
                                                        satchel_error *error);

/*
 * Backs the company up while it goes on: one snapshot, written, made durable, read back, noted. `path` is a file that
 * is not there, or a folder, which gets "satchel-<epoch>-<n>.backup". Any thread. Errors: ALREADY_EXISTS, IO_ERROR,
 * DISK_FULL, DAMAGED (it does not read back as it was written).
 */
SATCHEL_MUST_USE satchel_status satchel_backup_make(satchel_host *host, const char *path,
                                                    const uint8_t key[SATCHEL_KEY_BYTES], satchel_backup_facts *out,
                                                    uint64_t *out_bytes, satchel_error *error);

/* Reads a whole file, and loads it if `db` is not NULL (inside its write transaction). Errors: FOREIGN_FILE, DAMAGED
 * (also: another key, cut short), NEWER_FORMAT, MALFORMED. */
SATCHEL_MUST_USE satchel_status satchel_backup_read(const char *path, const uint8_t key[SATCHEL_KEY_BYTES],
                                                    satchel_db *db, satchel_backup_facts *out,
                                                    uint8_t out_digest[SATCHEL_HASH_BYTES], satchel_error *error);

#endif
