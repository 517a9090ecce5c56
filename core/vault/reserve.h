/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reserve: a file beside the store that holds disk space for the moment when there is none left.
 *
 * When a write ends with DISK_FULL the reserve is given back to the file system, so that what was begun can be finished
 * and synced. It is made again when space is back; whoever writes new work waits until it is there.
 * It holds random bytes, so that no file system stores it as a hole or in less space; it says nothing about the store.
 */
#ifndef SATCHEL_VAULT_RESERVE_H
#define SATCHEL_VAULT_RESERVE_H

#include "crypto/random.h"
#include "vault/files.h"

#define SATCHEL_RESERVE_NAME "store.reserve"
/* Some 250 frames of the WAL: far more than the largest unit and the answers to it take. */
#define SATCHEL_RESERVE_BYTES 1048576u

/* Whether the whole reserve is there. */
bool satchel_reserve_is_whole(const satchel_vault_files *files, const char *folder);

/*
 * Makes the reserve if it is not whole. After a failure nothing of it is left, so it takes no space that others need.
 * Errors: DISK_FULL, IO_ERROR, RANDOM_FAILED, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_reserve_keep(const satchel_vault_files *files, const char *folder,
                                                     satchel_random random);

/*
 * Gives the space back. `*out_freed` tells whether there was any: a write that failed is worth one more try.
 * Errors: IO_ERROR, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_reserve_free(const satchel_vault_files *files, const char *folder,
                                                     bool *out_freed);

#endif
