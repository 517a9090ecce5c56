/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vault whose store may be destroyed: unlocked without SQLite, looked through, and given a new store.
 *
 * The new store is made under the name repair.db with the keys that are there, so that slots, PIN and the seals of ops
 * stay. When it is whole, repair.ready says so; from then on the old store is moved aside as quarantine-<n>.db, with
 * its WAL, and the new one takes its place. A kill before repair.ready leaves the old store as it was, a kill after it
 * is finished by the next satchel_vault_finish_repair. What is set aside stays sealed under the same keys: a change of
 * the data key makes it unreadable.
 */
#ifndef SATCHEL_VAULT_SALVAGE_VAULT_H
#define SATCHEL_VAULT_SALVAGE_VAULT_H

#include "vault/salvage.h"
#include "vault/vault.h"

/* Stores that lie aside at once; a user removes them. */
#define SATCHEL_QUARANTINE_MOST 8u

/*
 * Unlocks the key file and holds the folder; there is no connection. Finishes a repair that was cut off.
 * Errors: as satchel_vault_open, but for what concerns the store's own content; NOT_FOUND (neither store nor WAL).
 */
SATCHEL_MUST_USE satchel_status satchel_vault_open_unread(satchel_vault **out, const satchel_vault_config *config,
                                                          satchel_error *error);

/* Whether both copies of the key file are there and the same. */
bool satchel_vault_key_file_is_whole(const satchel_vault *vault);

/* Stores that lie aside. Errors: IO_ERROR, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_vault_count_quarantine(const satchel_vault *vault, uint32_t *out);

/*
 * `number` 0: the store; else what lies aside under that number. For a vault without a connection.
 * Errors: as satchel_salvage_open.
 */
SATCHEL_MUST_USE satchel_status satchel_vault_look(satchel_vault *vault, uint32_t number, satchel_salvage **out,
                                                   satchel_error *error);

/*
 * Makes the new, empty store beside the old one and connects to it (satchel_vault_database).
 * Errors: as satchel_vault_create; LIMIT_EXCEEDED (SATCHEL_QUARANTINE_MOST stores lie aside).
 */
SATCHEL_MUST_USE satchel_status satchel_vault_begin_repair(satchel_vault *vault, satchel_error *error);

/*
 * The new store, closed and whole, takes the old one's place; `*out_number` is where that lies now. The vault is
 * without a connection. Errors: BUSY (a statement is open), IO_ERROR, DISK_FULL, NO_MEMORY, DAMAGED.
 */
SATCHEL_MUST_USE satchel_status satchel_vault_end_repair(satchel_vault *vault, uint32_t *out_number,
                                                         satchel_error *error);

/* Whether a repair was cut off between its two halves: then nothing else may be done with the folder. */
bool satchel_vault_repair_is_due(const satchel_vault_config *config);

/* Finishes it. Nothing to finish is fine. Errors: IN_USE, IO_ERROR, DISK_FULL, NO_MEMORY, DAMAGED. */
SATCHEL_MUST_USE satchel_status satchel_vault_finish_repair(const satchel_vault_config *config, satchel_error *error);

#endif
