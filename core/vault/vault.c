/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making, opening, locking and closing a vault.
 *
 * A new store is made under the name store.new; the rename to store.db, after both key files are on the disk, is the
 * moment from which the vault exists.
 */
#include "vault/vault.h"

#include "base/error.h"
#include "base/memory.h"
#include "crypto/secret.h"
#include "vault/attempts.h"
#include "vault/connection.h"
#include "vault/keyring.h"

#include <string.h>

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
    satchel_vault_keys *keys; /* NULL while locked */
    satchel_vfs *vfs;
    sqlite3 *database;
    satchel_vault_stats before; /* of connections that were locked */
};

void satchel_vault_config_init(satchel_vault_config *config) {
    memset(config, 0, sizeof *config);
    config->size = sizeof *config;
    config->random = satchel_random_system();
}

static uint32_t or_default(uint32_t value, uint32_t normal) {
    return value != 0 ? value : normal;
}

static satchel_status check_config(const satchel_vault_config *config, satchel_error *error) {
    if (config == NULL || config->size != sizeof *config || config->folder == NULL || config->folder[0] == '\0' ||
        config->random.fill == NULL) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "the config is not complete");
    }
    uint32_t passes = or_default(config->pin_passes, SATCHEL_VAULT_PASSES_DEFAULT);
    uint32_t memory_kib = or_default(config->pin_memory_kib, SATCHEL_VAULT_MEMORY_KIB_DEFAULT);
    if (passes < SATCHEL_VAULT_PASSES_FLOOR || passes > SATCHEL_VAULT_PASSES_CEILING ||
        memory_kib < SATCHEL_VAULT_MEMORY_KIB_FLOOR || memory_kib > SATCHEL_VAULT_MEMORY_KIB_CEILING) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "the cost of Argon2id is outside its bounds");
    }
    if (config->wrong_pins_max > SATCHEL_VAULT_WRONG_PINS_MAX ||
        config->checkpoint_frames > SATCHEL_VAULT_CHECKPOINT_FRAMES_MAX) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a number of the config is outside its bounds");
    }
    return SATCHEL_OK;
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

static satchel_status hold_folder(satchel_vault *vault, satchel_error *error) {
    char *path = satchel_keyring_path(vault->folder, "store.lock");
    satchel_status status =
        path != NULL ? vault->files->lock(vault->files->context, path, &vault->hold) : SATCHEL_NO_MEMORY;
    satchel_memory_give(path);
    vault->held = status == SATCHEL_OK;
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the folder cannot be held");
}

/* Config, libraries, and the folder held for this handle alone. */
static satchel_status prepare(satchel_vault **out, const satchel_vault_config *config, satchel_error *error) {
    satchel_vault *vault = NULL;
    satchel_status status = check_config(config, error);
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
    status = hold_folder(vault, error);
    if (status != SATCHEL_OK) {
        satchel_vault_close(vault);
        return status;
    }
    *out = vault;
    return SATCHEL_OK;
}

/* The size of the store file. Errors: NOT_FOUND, IO_ERROR. */
static satchel_status store_size(const satchel_vault *vault, uint64_t *out_bytes) {
    return vault->files->size(vault->files->context, vault->store_path, out_bytes);
}

static satchel_status remove_named(const satchel_vault *vault, const char *name) {
    char *path = satchel_keyring_path(vault->folder, name);
    satchel_status status = path != NULL ? vault->files->remove(vault->files->context, path) : SATCHEL_NO_MEMORY;
    satchel_memory_give(path);
    return status;
}

static satchel_status open_connection(satchel_vault *vault, satchel_error *error) {
    satchel_status status =
        satchel_vfs_open(&vault->vfs, vault->store_path, false, vault->keys, vault->policy.random, vault->below);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the VFS cannot be made");
    }
    return satchel_connection_open(&vault->database, vault->vfs, &vault->connection, error);
}

static satchel_status draw_keys(satchel_vault *vault, satchel_error *error) {
    vault->keys = satchel_vault_keys_take();
    if (vault->keys == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no locked memory for the keys");
    }
    vault->keys->cipher = SATCHEL_CIPHER_XCHACHA20_POLY1305;
    satchel_status status = satchel_random_fill(vault->policy.random, vault->keys->data, SATCHEL_KEY_BYTES);
    if (status == SATCHEL_OK) {
        status = satchel_random_fill(vault->policy.random, vault->keys->store.bytes, SATCHEL_ID_BYTES);
    }
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "no randomness for the data key");
    }
    satchel_vault_keys_derive(vault->keys);
    return SATCHEL_OK;
}

/* What an earlier creation or a removed store left would be taken for ours. */
static satchel_status remove_leftovers(const satchel_vault *vault, satchel_error *error) {
    static const char *const names[] = {"store.new", "store.new-wal", "store.db-wal", "keys.new"};
    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++) {
        satchel_status status = remove_named(vault, names[index]);
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

/* The store under its temporary name, whole and synced. */
static satchel_status make_store(const satchel_vault *vault, const char *path, satchel_error *error) {
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
    if (status == SATCHEL_OK) {
        status = try_store(vault, path, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    status = vault->files->sync(vault->files->context, path);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the new store cannot be synced");
}

static satchel_status make_key_files(satchel_vault *vault, const satchel_vault_unlock *unlock, satchel_error *error) {
    satchel_keyring *keyring = &vault->keyring;
    memset(keyring, 0, sizeof *keyring);
    keyring->files = vault->files;
    keyring->folder = vault->folder;
    keyring->file.cipher = (uint32_t)vault->keys->cipher;
    keyring->file.store = vault->keys->store;
    satchel_status status = satchel_keyring_put(keyring, unlock, true, &vault->policy, vault->keys, error);
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

static satchel_status create_in(satchel_vault *vault, const satchel_vault_unlock *unlock, satchel_error *error) {
    uint64_t bytes = 0;
    satchel_status status = store_size(vault, &bytes);
    if (status != SATCHEL_NOT_FOUND) {
        return satchel_fail(error, status == SATCHEL_OK ? SATCHEL_ALREADY_EXISTS : status, "there is a store");
    }
    /* store.db → store.new: both names have eight characters, so the absolute form differs only at its end. */
    size_t path_bytes = strlen(vault->store_path);
    char *fresh = satchel_memory_take(path_bytes + 2);
    if (fresh == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the path");
    }
    memcpy(fresh, vault->store_path, path_bytes - 2);
    memcpy(fresh + path_bytes - 2, "new", 4);
    status = remove_leftovers(vault, error);
    if (status == SATCHEL_OK) {
        status = draw_keys(vault, error);
    }
    if (status == SATCHEL_OK) {
        status = make_store(vault, fresh, error);
    }
    if (status == SATCHEL_OK) {
        status = make_key_files(vault, unlock, error);
    }
    if (status == SATCHEL_OK) {
        status = name_store(vault, fresh, error);
    }
    satchel_memory_give(fresh);
    return status == SATCHEL_OK ? open_connection(vault, error) : status;
}

satchel_status satchel_vault_create(satchel_vault **out, const satchel_vault_config *config, satchel_error *error) {
    satchel_vault *vault = NULL;
    *out = NULL;
    satchel_status status = prepare(&vault, config, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = create_in(vault, &config->unlock, error);
    if (status != SATCHEL_OK) {
        satchel_vault_close(vault);
        return status;
    }
    *out = vault;
    return SATCHEL_OK;
}

/* A store without keys is lost to this phone; keys without a store are what a creation that was cut off leaves. */
static satchel_status load_keys(satchel_vault *vault, satchel_error *error) {
    uint64_t bytes = 0;
    satchel_status status = store_size(vault, &bytes);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "there is no store");
    }
    status = satchel_keyring_load(&vault->keyring, vault->files, vault->folder);
    if (status == SATCHEL_NOT_FOUND) {
        return satchel_fail(error, SATCHEL_KEY_GONE, "there is a store, but no key file");
    }
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the key file cannot be read");
    }
    if (bytes < SATCHEL_PAGE_BYTES) {
        return satchel_fail(error, SATCHEL_DAMAGED, "the store is shorter than a page");
    }
    return SATCHEL_OK;
}

/* A failure waits for the next unlock: one whole copy is there. */
static void heal_key_file(satchel_vault *vault) {
    if (vault->keyring.other_bad) {
        vault->key_file_healed = satchel_keyring_save(&vault->keyring, true) == SATCHEL_OK;
    }
}

static satchel_status unlock_in(satchel_vault *vault, const satchel_vault_unlock *unlock, satchel_error *error) {
    if (unlock->slot == SATCHEL_VAULT_SLOT_PIN_DEVICE &&
        (unlock->pin.bytes == 0 || unlock->pin.bytes > SATCHEL_VAULT_PIN_BYTES_MAX)) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a PIN has 1 to %d bytes", SATCHEL_VAULT_PIN_BYTES_MAX);
    }
    satchel_status status = load_keys(vault, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    vault->keys = satchel_vault_keys_take();
    if (vault->keys == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no locked memory for the keys");
    }
    status = satchel_keyring_unlock(&vault->keyring, unlock, &vault->policy, vault->keys, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    heal_key_file(vault);
    return open_connection(vault, error);
}

/* With a statement still open the connection lives on, and nothing changes: BUSY. */
static satchel_status end_connection(satchel_vault *vault) {
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

/* Ends the connection and wipes the keys. */
static satchel_status shut(satchel_vault *vault) {
    satchel_status status = end_connection(vault);
    if (status != SATCHEL_BUSY) {
        satchel_secret_give(vault->keys);
        vault->keys = NULL;
    }
    return status;
}

/* A caller's forgotten statement keeps its connection; both can do nothing any more, and the VFS stays for them. */
static void abandon(satchel_vault *vault) {
    satchel_vfs_abandon(vault->vfs);
    (void)sqlite3_close_v2(vault->database);
    satchel_secret_give(vault->keys);
}

satchel_status satchel_vault_open(satchel_vault **out, const satchel_vault_config *config, satchel_error *error) {
    satchel_vault *vault = NULL;
    *out = NULL;
    satchel_status status = prepare(&vault, config, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = unlock_in(vault, &config->unlock, error);
    if (status != SATCHEL_OK) {
        satchel_vault_close(vault);
        return status;
    }
    *out = vault;
    return SATCHEL_OK;
}

satchel_status satchel_vault_pin_wait_ms(const satchel_vault_config *config, int64_t *out_wait_ms,
                                         satchel_error *error) {
    satchel_keyring keyring;
    *out_wait_ms = 0;
    satchel_status status = check_config(config, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (satchel_crypto_init() != SATCHEL_OK) {
        return satchel_fail(error, SATCHEL_INTERNAL, "libsodium cannot be used");
    }
    const satchel_vault_files *files = config->files != NULL ? config->files : satchel_vault_files_posix();
    status = satchel_keyring_load(&keyring, files, config->folder);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the key file cannot be read");
    }
    *out_wait_ms = satchel_attempts_wait_ms(&keyring.file.attempts, &config->unlock.now);
    return SATCHEL_OK;
}

sqlite3 *satchel_vault_database(satchel_vault *vault) {
    return vault->database;
}

satchel_status satchel_vault_status(const satchel_vault *vault, int sqlite_code) {
    return satchel_connection_status(vault->vfs, vault->database, sqlite_code);
}

satchel_status satchel_vault_checkpoint(satchel_vault *vault, satchel_error *error) {
    if (vault->database == NULL) {
        return satchel_fail(error, SATCHEL_LOCKED, "the vault is locked");
    }
    int code = sqlite3_wal_checkpoint_v2(vault->database, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    satchel_status status = satchel_vault_status(vault, code);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "checkpoint: code %d", code);
}

satchel_status satchel_vault_lock(satchel_vault *vault, satchel_error *error) {
    satchel_status status = shut(vault);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the connection did not end cleanly");
}

satchel_status satchel_vault_unlock_again(satchel_vault *vault, const satchel_vault_unlock *unlock,
                                          satchel_error *error) {
    if (vault->keys != NULL) {
        return satchel_fail(error, SATCHEL_MISUSE, "the vault is not locked");
    }
    satchel_status status = vault->held ? SATCHEL_OK : hold_folder(vault, error); /* given up by suspend, then locked */
    if (status != SATCHEL_OK) {
        return status;
    }
    status = unlock_in(vault, unlock, error);
    if (status != SATCHEL_OK) {
        (void)shut(vault);
    }
    return status;
}

satchel_status satchel_vault_check(satchel_vault *vault, const satchel_vault_unlock *unlock, satchel_error *error) {
    if (vault->keys == NULL) {
        return satchel_fail(error, SATCHEL_LOCKED, "the vault is locked");
    }
    satchel_vault_keys *keys = satchel_vault_keys_take();
    if (keys == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no locked memory for the keys");
    }
    satchel_status status = satchel_keyring_unlock(&vault->keyring, unlock, &vault->policy, keys, error);
    satchel_secret_give(keys);
    return status;
}

satchel_status satchel_vault_suspend(satchel_vault *vault, satchel_error *error) {
    satchel_status status = satchel_vault_checkpoint(vault, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = end_connection(vault);
    if (status == SATCHEL_BUSY) {
        return satchel_fail(error, status, "a statement is open");
    }
    vault->files->unlock(vault->files->context, vault->hold);
    vault->held = false;
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the connection did not end cleanly");
}

satchel_status satchel_vault_resume(satchel_vault *vault, satchel_error *error) {
    if (vault->keys == NULL) {
        return satchel_fail(error, SATCHEL_LOCKED, "the vault is locked");
    }
    if (vault->held) {
        return satchel_fail(error, SATCHEL_MISUSE, "the vault is not suspended");
    }
    satchel_status status = hold_folder(vault, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = open_connection(vault, error);
    if (status != SATCHEL_OK) {
        (void)end_connection(vault);
        vault->files->unlock(vault->files->context, vault->hold);
        vault->held = false;
    }
    return status;
}

void satchel_vault_close(satchel_vault *vault) {
    if (vault == NULL) {
        return;
    }
    if (shut(vault) == SATCHEL_BUSY) {
        abandon(vault);
    }
    if (vault->held) {
        vault->files->unlock(vault->files->context, vault->hold);
    }
    satchel_memory_give(vault->folder);
    satchel_memory_give(vault->store_path);
    satchel_memory_give(vault);
}

satchel_vault_stats satchel_vault_stats_of(const satchel_vault *vault) {
    satchel_vault_stats stats = vault->before;
    if (vault->vfs != NULL) {
        const satchel_vault_stats *now = &vault->vfs->stats;
        stats.refused_opens += now->refused_opens;
        stats.pages_sealed += now->pages_sealed;
        stats.pages_opened += now->pages_opened;
        stats.bytes_written += now->bytes_written;
        stats.bytes_read += now->bytes_read;
        stats.writes += now->writes;
        stats.reads += now->reads;
        stats.syncs += now->syncs;
        stats.healed_pages += now->healed_pages;
        stats.tail = now->tail;
    }
    stats.key_file_healed = vault->key_file_healed;
    stats.wrong_pins = vault->keyring.file.attempts.wrong;
    size_t pin = satchel_key_file_find(&vault->keyring.file, SATCHEL_VAULT_SLOT_PIN_DEVICE);
    stats.pin_alone =
        pin < SATCHEL_KEY_FILE_SLOTS && (vault->keyring.file.slots[pin].flags & SATCHEL_KEY_SLOT_KEYSTORE) == 0;
    return stats;
}

satchel_id satchel_vault_id(const satchel_vault *vault) {
    return vault->keyring.file.store;
}

static satchel_status change_slots(satchel_vault *vault, const satchel_vault_unlock *next, bool alone,
                                   satchel_error *error) {
    if (vault->keys == NULL) {
        return satchel_fail(error, SATCHEL_LOCKED, "the vault is locked");
    }
    satchel_keyring before = vault->keyring;
    satchel_status status = satchel_keyring_put(&vault->keyring, next, alone, &vault->policy, vault->keys, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_keyring_save(&vault->keyring, true);
    if (status != SATCHEL_OK) {
        vault->keyring = before; /* the next writing goes over the same copy */
        vault->keyring.other_bad = true;
        return satchel_fail(error, status, "the key files cannot be written");
    }
    return SATCHEL_OK;
}

satchel_status satchel_vault_rewrap(satchel_vault *vault, const satchel_vault_unlock *next, satchel_error *error) {
    return change_slots(vault, next, true, error);
}

satchel_status satchel_vault_slot_add(satchel_vault *vault, const satchel_vault_unlock *next, satchel_error *error) {
    return change_slots(vault, next, false, error);
}

static bool purpose_known(satchel_vault_purpose purpose) {
    return purpose >= SATCHEL_VAULT_FOR_EXPORT && purpose <= SATCHEL_VAULT_FOR_OPLOG;
}

satchel_status satchel_vault_seal(satchel_vault *vault, satchel_vault_purpose purpose, satchel_bytes associated,
                                  satchel_bytes plain, satchel_buffer *out) {
    if (!purpose_known(purpose)) {
        return SATCHEL_INVALID_ARGUMENT;
    }
    if (vault->keys == NULL) {
        return SATCHEL_LOCKED;
    }
    return satchel_seal_message(vault->keys->sub[purpose], vault->policy.random, associated, plain, out);
}

satchel_status satchel_vault_unseal(const satchel_vault *vault, satchel_vault_purpose purpose, satchel_bytes associated,
                                    satchel_bytes sealed, satchel_buffer *out) {
    if (!purpose_known(purpose)) {
        return SATCHEL_INVALID_ARGUMENT;
    }
    if (vault->keys == NULL) {
        return SATCHEL_LOCKED;
    }
    return satchel_unseal_message(vault->keys->sub[purpose], associated, sealed, out);
}
