/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a vault consists of while it is open, and the steps that making, opening and re-keying share.
 * Inside the module only; other modules know vault.h.
 */
#ifndef SATCHEL_VAULT_HANDLE_H
#define SATCHEL_VAULT_HANDLE_H

#include "vault/connection.h"
#include "vault/keyring.h"
#include "vault/message_keys.h"

struct satchel_vault {
    const satchel_vault_files *files;
    sqlite3_vfs *below;
    satchel_keyring_policy policy;
    satchel_connection_config connection;
    char *folder;
    char *store_path; /* absolute */
    bool held;        /* `hold` is the lock on store.lock */
    intptr_t hold;
    satchel_keyring keyring;
    bool key_file_healed;
    satchel_vault_keys *keys;      /* NULL while locked */
    satchel_message_keys *message; /* the same */
    satchel_vfs *vfs;
    sqlite3 *database;
    satchel_vault_stats before; /* of connections that were locked */
};

/* Config, libraries, and the folder held for this handle alone. Errors: as satchel_vault_open. */
SATCHEL_MUST_USE satchel_status satchel_handle_prepare(satchel_vault **out, const satchel_vault_config *config,
                                                       satchel_error *error);

/* Errors: INVALID_ARGUMENT. */
SATCHEL_MUST_USE satchel_status satchel_handle_check_config(const satchel_vault_config *config, satchel_error *error);

/* Argon2id's cost for a new slot. Errors: INVALID_ARGUMENT (outside its bounds). */
SATCHEL_MUST_USE satchel_status satchel_handle_check_cost(uint32_t passes, uint32_t memory_kib, satchel_error *error);

/* The lock on store.lock. Errors: IN_USE, IO_ERROR, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_handle_hold(satchel_vault *vault, satchel_error *error);
void satchel_handle_release(satchel_vault *vault);

/* Removes `name` in the folder; absent is fine. Errors: IO_ERROR, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_handle_remove(const satchel_vault *vault, const char *name);

/* Removes what repairs made or were making, quarantined stores with it. Errors: IO_ERROR, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_handle_remove_repairs(const satchel_vault *vault);

/* store.new beside store.db, absolute; NULL if memory is exhausted. Freed with satchel_memory_give. */
SATCHEL_MUST_USE char *satchel_handle_fresh_path(const satchel_vault *vault);

/* The keys of the vault, zeroed, in place of none. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_handle_take_keys(satchel_vault *vault, satchel_error *error);
/* Wipes them. */
void satchel_handle_give_keys(satchel_vault *vault);

/* An encrypted store without tables at `path`, not synced. Errors: IO_ERROR, DISK_FULL, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_handle_make_empty(const satchel_vault *vault, const char *path,
                                                          satchel_error *error);

/* The connection to store.db with the keys at hand. Errors: as satchel_vault_open. */
SATCHEL_MUST_USE satchel_status satchel_handle_connect(satchel_vault *vault, satchel_error *error);

/* With a statement still open the connection lives on, and nothing changes: BUSY. Else it has ended. */
satchel_status satchel_handle_disconnect(satchel_vault *vault);

/*
 * After an unlock: makes both copies of the key file whole and the same, and removes what a change of the data key
 * left. What fails is done at the next unlock.
 */
void satchel_handle_settle(satchel_vault *vault);

/* Ends the connection and wipes the keys. Errors: as before. */
satchel_status satchel_handle_shut(satchel_vault *vault);

#endif
