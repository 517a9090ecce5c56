/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Destroying a vault: the keys first, and surely, then the rest.
 *
 * As long as one whole key file is left, nothing else is touched, so that what is left is the whole store. The database
 * goes before its WAL: a database without its WAL would open as an older state of itself.
 */
#include "vault/handle.h"

#include "base/error.h"
#include "base/memory.h"
#include "vault/reserve.h"
#include "vault/store_file.h"

static const char *const key_names[] = {"keys.new", SATCHEL_KEYRING_NEXT, "keys.a", "keys.b"};
#define KEY_NAMES (sizeof key_names / sizeof key_names[0])

static satchel_status scrub(const satchel_vault *vault, const char *name) {
    char *path = satchel_keyring_path(vault->folder, name);
    satchel_status status = path != NULL ? satchel_store_file_scrub(vault->below, path) : SATCHEL_NO_MEMORY;
    satchel_memory_give(path);
    return status;
}

static satchel_status destroy_keys(const satchel_vault *vault, satchel_error *error) {
    for (size_t index = 0; index < KEY_NAMES; index++) {
        satchel_status status = scrub(vault, key_names[index]);
        if (status != SATCHEL_OK) {
            return satchel_fail(error, status, "%s cannot be overwritten", key_names[index]);
        }
    }
    for (size_t index = 0; index < KEY_NAMES; index++) {
        satchel_status status = satchel_handle_remove(vault, key_names[index]);
        if (status != SATCHEL_OK) {
            return satchel_fail(error, status, "%s cannot be removed", key_names[index]);
        }
    }
    satchel_status status = vault->files->sync_folder(vault->files->context, vault->folder);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the end of the keys may not last");
}

static satchel_status remove_rest(const satchel_vault *vault, satchel_error *error) {
    static const char *const names[] = {"store.db", "store.db-wal", "store.new", "store.new-wal", SATCHEL_RESERVE_NAME};
    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++) {
        satchel_status status = satchel_handle_remove(vault, names[index]);
        if (status != SATCHEL_OK) {
            return satchel_fail(error, status, "%s cannot be removed", names[index]);
        }
    }
    satchel_status status = satchel_handle_remove_repairs(vault);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "what repairs left cannot be removed");
    }
    status = vault->files->sync_folder(vault->files->context, vault->folder);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the end of the store may not last");
}

satchel_status satchel_vault_erase(const satchel_vault_config *config, satchel_error *error) {
    satchel_vault *vault = NULL;
    satchel_status status = satchel_handle_prepare(&vault, config, error);
    if (status == SATCHEL_NOT_FOUND) {
        return SATCHEL_OK; /* not even the folder is there */
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    status = destroy_keys(vault, error);
    if (status == SATCHEL_OK) {
        status = remove_rest(vault, error);
    }
    satchel_vault_close(vault);
    return status;
}
