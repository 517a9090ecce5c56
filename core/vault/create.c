/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a vault.
 *
 * A new store is made under the name store.new; the rename to store.db, after both key files are on the disk, is the
 * moment from which the vault exists.
 */
#include "vault/handle.h"

#include "base/error.h"
#include "base/memory.h"
#include "crypto/secret.h"
#include "vault/salvage_vault.h"

#include <string.h>

/* The size of the store file. Errors: NOT_FOUND, IO_ERROR. */
static satchel_status store_size(const satchel_vault *vault, uint64_t *out_bytes) {
    return vault->files->size(vault->files->context, vault->store_path, out_bytes);
}

static satchel_status draw_keys(satchel_vault *vault, satchel_cipher cipher, satchel_error *error) {
    satchel_status status = satchel_handle_take_keys(vault, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    vault->keys->cipher = cipher;
    status = satchel_random_fill(vault->policy.random, vault->keys->data, SATCHEL_KEY_BYTES);
    if (status == SATCHEL_OK) {
        status = satchel_random_fill(vault->policy.random, vault->keys->store.bytes, SATCHEL_ID_BYTES);
    }
    if (status == SATCHEL_OK) {
        status = satchel_message_keys_renew(vault->message, vault->policy.random);
    }
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "no randomness for the data key");
    }
    satchel_vault_keys_derive(vault->keys);
    return SATCHEL_OK;
}

/* What an earlier creation or a removed store left would be taken for ours. */
static satchel_status remove_leftovers(const satchel_vault *vault, satchel_error *error) {
    static const char *const names[] = {"store.new", "store.new-wal", "store.db-wal", "keys.new", SATCHEL_KEYRING_NEXT};
    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++) {
        satchel_status status = satchel_handle_remove(vault, names[index]);
        if (status != SATCHEL_OK) {
            return satchel_fail(error, status, "%s cannot be removed", names[index]);
        }
    }
    return SATCHEL_OK;
}

/* A store that opens as the format demands: SQLite swallows some failures while it makes one. */
static satchel_status try_store(const satchel_vault *vault, const char *path, satchel_error *error) {
    satchel_vfs *vfs = NULL;
    sqlite3 *database = NULL;
    satchel_status status = satchel_vfs_open(&vfs, path, false, vault->keys, vault->policy.random, vault->below);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the VFS cannot be made");
    }
    status = satchel_connection_open(&database, vfs, &vault->connection, error);
    satchel_status closed = satchel_connection_close(database);
    satchel_vfs_close(vfs);
    return status != SATCHEL_OK ? status : closed;
}

satchel_status satchel_handle_make_empty(const satchel_vault *vault, const char *path, satchel_error *error) {
    satchel_vfs *vfs = NULL;
    /* SQLite would make it readable by others; its WAL takes the mode over. */
    satchel_status status = vault->files->write(vault->files->context, path, satchel_bytes_of("", 0));
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the new store cannot be made");
    }
    status = satchel_vfs_open(&vfs, path, true, vault->keys, vault->policy.random, vault->below);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the VFS cannot be made");
    }
    status = satchel_connection_create(vfs, error);
    satchel_vfs_close(vfs);
    return status;
}

/* The store under its temporary name, whole and synced. */
static satchel_status make_store(const satchel_vault *vault, const char *path, satchel_error *error) {
    satchel_status status = satchel_handle_make_empty(vault, path, error);
    if (status == SATCHEL_OK) {
        status = try_store(vault, path, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    status = vault->files->sync(vault->files->context, path);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the new store cannot be synced");
}

static satchel_status make_key_files(satchel_vault *vault, const satchel_vault_config *config, satchel_error *error) {
    satchel_keyring *keyring = &vault->keyring;
    memset(keyring, 0, sizeof *keyring);
    keyring->files = vault->files;
    keyring->folder = vault->folder;
    keyring->file.cipher = (uint32_t)vault->keys->cipher;
    keyring->file.store = vault->keys->store;
    satchel_status status =
        satchel_message_keys_write(vault->message, vault->keys, vault->policy.random, &keyring->file);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the message key cannot be sealed");
    }
    if (config->escrow_public != NULL) {
        status = satchel_keyring_put_escrow(keyring, config->escrow_public, vault->policy.random, vault->keys, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_keyring_put(keyring, &config->unlock, true, &vault->policy, vault->keys, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_keyring_save(keyring, true);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the key files cannot be written");
}

/* The store takes its name: from here on the vault exists. */
static satchel_status name_store(const satchel_vault *vault, const char *fresh, satchel_error *error) {
    satchel_status status = vault->files->rename(vault->files->context, fresh, vault->store_path);
    if (status == SATCHEL_OK) {
        status = vault->files->sync_folder(vault->files->context, vault->folder);
    }
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the new store cannot be named");
}

static satchel_cipher cipher_of(const satchel_vault_config *config) {
    return config->cipher != 0 ? (satchel_cipher)config->cipher : SATCHEL_CIPHER_XCHACHA20_POLY1305;
}

static satchel_status create_in(satchel_vault *vault, const satchel_vault_config *config, satchel_error *error) {
    uint64_t bytes = 0;
    if (!satchel_cipher_available(cipher_of(config))) {
        return satchel_fail(error, SATCHEL_UNSUPPORTED, "cipher %u is not available", config->cipher);
    }
    satchel_status status = store_size(vault, &bytes);
    if (status != SATCHEL_NOT_FOUND) {
        return satchel_fail(error, status == SATCHEL_OK ? SATCHEL_ALREADY_EXISTS : status, "there is a store");
    }
    if (satchel_vault_repair_is_due(config)) { /* cut off while the store had no name: its keys are the folder's */
        return satchel_fail(error, SATCHEL_ALREADY_EXISTS, "there is a store whose repair is to be finished");
    }
    char *fresh = satchel_handle_fresh_path(vault);
    if (fresh == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the path");
    }
    status = remove_leftovers(vault, error);
    if (status == SATCHEL_OK) {
        status = draw_keys(vault, cipher_of(config), error);
    }
    if (status == SATCHEL_OK) {
        status = make_store(vault, fresh, error);
    }
    if (status == SATCHEL_OK) {
        status = make_key_files(vault, config, error);
    }
    if (status == SATCHEL_OK) {
        status = name_store(vault, fresh, error);
    }
    satchel_memory_give(fresh);
    return status == SATCHEL_OK ? satchel_handle_connect(vault, error) : status;
}

satchel_status satchel_vault_create(satchel_vault **out, const satchel_vault_config *config, satchel_error *error) {
    satchel_vault *vault = NULL;
    *out = NULL;
    satchel_status status = satchel_handle_prepare(&vault, config, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = create_in(vault, config, error);
    if (status != SATCHEL_OK) {
        satchel_vault_close(vault);
        return status;
    }
    satchel_secret_wipe_stack();
    *out = vault;
    return SATCHEL_OK;
}
