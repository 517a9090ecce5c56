/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps that making, opening and re-keying a vault share.
 */
#include "vault/handle.h"

#include "base/error.h"
#include "base/memory.h"
#include "crypto/secret.h"
#include "vault/store_file.h"

#include <string.h>

static uint32_t or_default(uint32_t value, uint32_t normal) {
    return value != 0 ? value : normal;
}

satchel_status satchel_handle_check_cost(uint32_t passes, uint32_t memory_kib, satchel_error *error) {
    if (passes < SATCHEL_VAULT_PASSES_FLOOR || passes > SATCHEL_VAULT_PASSES_CEILING ||
        memory_kib < SATCHEL_VAULT_MEMORY_KIB_FLOOR || memory_kib > SATCHEL_VAULT_MEMORY_KIB_CEILING) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "the cost of Argon2id is outside its bounds");
    }
    return SATCHEL_OK;
}

satchel_status satchel_handle_check_config(const satchel_vault_config *config, satchel_error *error) {
    if (config == NULL || config->size != sizeof *config || config->folder == NULL || config->folder[0] == '\0' ||
        config->random.fill == NULL) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "the config is not complete");
    }
    if (config->wrong_pins_max > SATCHEL_VAULT_WRONG_PINS_MAX ||
        config->checkpoint_frames > SATCHEL_VAULT_CHECKPOINT_FRAMES_MAX) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a number of the config is outside its bounds");
    }
    return satchel_handle_check_cost(or_default(config->pin_passes, SATCHEL_VAULT_PASSES_DEFAULT),
                                     or_default(config->pin_memory_kib, SATCHEL_VAULT_MEMORY_KIB_DEFAULT), error);
}

/* SQLite's own absolute form of folder/store.db. */
static char *absolute_store_path(const satchel_vault *vault) {
    char *plain = satchel_keyring_path(vault->folder, "store.db");
    size_t bytes = (size_t)vault->below->mxPathname + 1;
    char *path = plain != NULL ? satchel_memory_take(bytes) : NULL;
    if (path != NULL) {
        int code = vault->below->xFullPathname(vault->below, plain, (int)bytes, path);
        if ((code & 0xff) != SQLITE_OK) {
            satchel_memory_give(path);
            path = NULL;
        }
    }
    satchel_memory_give(plain);
    return path;
}

static satchel_status new_vault(satchel_vault **out, const satchel_vault_config *config, satchel_error *error) {
    satchel_vault *vault = satchel_memory_take(sizeof *vault);
    if (vault == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the vault");
    }
    size_t folder_bytes = strlen(config->folder);
    vault->files = config->files != NULL ? config->files : satchel_vault_files_posix();
    vault->below = config->parent != NULL ? config->parent : sqlite3_vfs_find(NULL);
    vault->policy = (satchel_keyring_policy){
        .passes = or_default(config->pin_passes, SATCHEL_VAULT_PASSES_DEFAULT),
        .memory_kib = or_default(config->pin_memory_kib, SATCHEL_VAULT_MEMORY_KIB_DEFAULT),
        .wrong_pins_max = or_default(config->wrong_pins_max, SATCHEL_VAULT_WRONG_PINS_MAX),
        .random = config->random,
    };
    vault->connection = (satchel_connection_config){
        .cache_kib = or_default(config->cache_kib, SATCHEL_VAULT_CACHE_KIB_DEFAULT),
        .checkpoint_frames = or_default(config->checkpoint_frames, SATCHEL_VAULT_CHECKPOINT_FRAMES_DEFAULT),
    };
    vault->folder = satchel_memory_take(folder_bytes + 1);
    if (vault->folder != NULL) {
        memcpy(vault->folder, config->folder, folder_bytes);
        vault->store_path = absolute_store_path(vault);
    }
    if (vault->folder == NULL || vault->store_path == NULL) {
        satchel_vault_close(vault);
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the paths");
    }
    *out = vault;
    return SATCHEL_OK;
}

satchel_status satchel_handle_hold(satchel_vault *vault, satchel_error *error) {
    char *path = satchel_keyring_path(vault->folder, "store.lock");
    satchel_status status =
        path != NULL ? vault->files->lock(vault->files->context, path, &vault->hold) : SATCHEL_NO_MEMORY;
    satchel_memory_give(path);
    vault->held = status == SATCHEL_OK;
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the folder cannot be held");
}

void satchel_handle_release(satchel_vault *vault) {
    if (vault->held) {
        vault->files->unlock(vault->files->context, vault->hold);
    }
    vault->held = false;
}

satchel_status satchel_handle_prepare(satchel_vault **out, const satchel_vault_config *config, satchel_error *error) {
    satchel_vault *vault = NULL;
    satchel_status status = satchel_handle_check_config(config, error);
    if (status == SATCHEL_OK) {
        status = satchel_connection_check_sqlite(error);
    }
    if (status == SATCHEL_OK && satchel_crypto_init() != SATCHEL_OK) {
        status = satchel_fail(error, SATCHEL_INTERNAL, "libsodium cannot be used");
    }
    if (status == SATCHEL_OK) {
        status = new_vault(&vault, config, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_handle_hold(vault, error);
    if (status != SATCHEL_OK) {
        satchel_vault_close(vault);
        return status;
    }
    *out = vault;
    return SATCHEL_OK;
}

satchel_status satchel_handle_remove(const satchel_vault *vault, const char *name) {
    char *path = satchel_keyring_path(vault->folder, name);
    satchel_status status = path != NULL ? vault->files->remove(vault->files->context, path) : SATCHEL_NO_MEMORY;
    satchel_memory_give(path);
    return status;
}

/* Both names have eight characters, so the absolute form differs only at its end. */
char *satchel_handle_fresh_path(const satchel_vault *vault) {
    size_t path_bytes = strlen(vault->store_path);
    char *fresh = satchel_memory_take(path_bytes + 2);
    if (fresh != NULL) {
        memcpy(fresh, vault->store_path, path_bytes - 2);
        memcpy(fresh + path_bytes - 2, "new", 4);
    }
    return fresh;
}

satchel_status satchel_handle_take_keys(satchel_vault *vault, satchel_error *error) {
    vault->keys = satchel_vault_keys_take();
    vault->message = satchel_secret_take(sizeof *vault->message);
    if (vault->keys == NULL || vault->message == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no locked memory for the keys");
    }
    return SATCHEL_OK;
}

void satchel_handle_give_keys(satchel_vault *vault) {
    satchel_secret_give(vault->keys);
    satchel_secret_give(vault->message);
    vault->keys = NULL;
    vault->message = NULL;
}

satchel_status satchel_handle_connect(satchel_vault *vault, satchel_error *error) {
    satchel_status status =
        satchel_vfs_open(&vault->vfs, vault->store_path, false, vault->keys, vault->policy.random, vault->below);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the VFS cannot be made");
    }
    return satchel_connection_open(&vault->database, vault->vfs, &vault->connection, error);
}

satchel_status satchel_handle_disconnect(satchel_vault *vault) {
    satchel_status status = satchel_connection_close(vault->database);
    if (status == SATCHEL_BUSY) {
        return status;
    }
    vault->database = NULL;
    vault->before = satchel_vault_stats_of(vault);
    satchel_vfs_close(vault->vfs);
    vault->vfs = NULL;
    return status;
}

satchel_status satchel_handle_shut(satchel_vault *vault) {
    satchel_status status = satchel_handle_disconnect(vault);
    if (status != SATCHEL_BUSY) {
        satchel_keyring_pay_reset(&vault->keyring);
        satchel_handle_give_keys(vault);
    }
    return status;
}

static const char *const copies[] = {"keys.a", "keys.b"};

/* The copy that is not the newest, overwritten in its place before the rename that replaces it. */
static void scrub_older(const satchel_vault *vault) {
    char *path = satchel_keyring_path(vault->folder, copies[vault->keyring.newest == 0 ? 1 : 0]);
    if (path != NULL) {
        satchel_status scrubbed = satchel_store_file_scrub(vault->below, path);
        (void)scrubbed; /* the blocks of a file that was replaced are the file system's in any case */
    }
    satchel_memory_give(path);
}

/* keys.next into both copies. They hold the old data key of this store, wrapped. */
static void promote_next(satchel_vault *vault) {
    satchel_keyring *keyring = &vault->keyring;
    bool good = true;
    for (int copy = keyring->newest < 2 ? 1 : 0; copy < 2 && good; copy++) {
        scrub_older(vault);
        good = satchel_keyring_save(keyring, false) == SATCHEL_OK;
    }
    keyring->other_bad = !good;
}

void satchel_handle_settle(satchel_vault *vault) {
    satchel_keyring *keyring = &vault->keyring;
    if (keyring->other_bad && keyring->next_counts) {
        promote_next(vault);
    } else if (keyring->other_bad) {
        vault->key_file_healed = satchel_keyring_save(keyring, true) == SATCHEL_OK;
    }
    if (keyring->next_there && (!keyring->next_counts || !keyring->other_bad)) {
        satchel_status dropped = satchel_keyring_drop_next(keyring);
        satchel_status removed = satchel_handle_remove(vault, "store.new");
        (void)dropped; /* what stays is removed at the next unlock, and counts for nothing until then */
        (void)removed;
    }
}
