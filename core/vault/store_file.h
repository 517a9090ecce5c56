/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a vault as bytes, through the VFS below and without SQLite's pager: the store's id, a copy of the store
 * sealed anew, a file overwritten in its place. No connection to the file may be open.
 */
#ifndef SATCHEL_VAULT_STORE_FILE_H
#define SATCHEL_VAULT_STORE_FILE_H

#include "crypto/random.h"
#include "vault/keys.h"

#include <sqlite3.h>

/* The id in clear at the front of page 1. Errors: NOT_FOUND, DAMAGED (shorter than a page), IO_ERROR, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_store_file_id(sqlite3_vfs *below, const char *path, satchel_id *out);

/* Overwrites every byte with zeros in its place and syncs; absent is fine. Errors: IO_ERROR, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_store_file_scrub(sqlite3_vfs *below, const char *path);

/*
 * Opens every page of `from` with `old_keys` and writes it to `to` (which exists and is empty) under `new_keys`; `to`
 * is synced. `*out_page` is the page at which it ended.
 * Errors: DAMAGED, FOREIGN_FILE, IO_ERROR, DISK_FULL, RANDOM_FAILED, NO_MEMORY, UNSUPPORTED.
 */
SATCHEL_MUST_USE satchel_status satchel_store_file_reseal(sqlite3_vfs *below, const char *from,
                                                          satchel_vault_keys *old_keys, const char *to,
                                                          satchel_vault_keys *new_keys, satchel_random random,
                                                          uint64_t *out_page);

#endif
