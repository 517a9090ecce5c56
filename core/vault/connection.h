/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How SQLite is set up for a store: what it must be able to do, and what is closed.
 */
#ifndef SATCHEL_VAULT_CONNECTION_H
#define SATCHEL_VAULT_CONNECTION_H

#include "vault/vfs.h"

#define SATCHEL_VAULT_APPLICATION_ID 0x53415443 /* "SATC" in SQLite's header, sealed like the rest */

/* Version ≥ 3.40, threads, FTS5, R*Tree. Errors: UNSUPPORTED_SQLITE. */
SATCHEL_MUST_USE satchel_status satchel_connection_check_sqlite(satchel_error *error);

/* Makes the empty database of `vfs` (which is in creating mode) and closes it again: one sealed file, no WAL. */
SATCHEL_MUST_USE satchel_status satchel_connection_create(satchel_vfs *vfs, satchel_error *error);

typedef struct satchel_connection_config {
    uint32_t cache_kib;
    uint32_t checkpoint_frames;
} satchel_connection_config;

/* Opens, recovers, checks, and closes the ways out. Errors: as satchel_vault_open. */
SATCHEL_MUST_USE satchel_status satchel_connection_open(sqlite3 **out, satchel_vfs *vfs,
                                                        const satchel_connection_config *config, satchel_error *error);

/* NULL is fine. Errors: BUSY (a statement is open: the connection lives on), else as satchel_connection_status. */
satchel_status satchel_connection_close(sqlite3 *database);

/* The status for a result code, with what the VFS knows. `database` may be NULL. */
satchel_status satchel_connection_status(const satchel_vfs *vfs, sqlite3 *database, int code);

#endif
