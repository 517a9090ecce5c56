/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of renames and syncs by which a new store takes the place of a damaged one.
 *
 * repair.ready is written when repair.db is whole and synced, and holds the number under which the old store is put
 * aside. While repair.db has its own name, store.db and its WAL are the old ones; once it has none, they are the new.
 * The database goes before its WAL: a database without its WAL would open as an older state of itself.
 */
#include "vault/salvage_vault.h"

#include "base/error.h"
#include "base/memory.h"
#include "vault/handle.h"
#include "vault/store_file.h"

#include <stdio.h>
#include <string.h>

#define STORE_NAME "store.db"
#define STORE_WAL_NAME "store.db-wal"
#define REPAIR_NAME "repair.db"
#define REPAIR_WAL_NAME "repair.db-wal"
#define READY_NAME "repair.ready"
#define NAME_BYTES 32

static void aside_name(uint32_t number, bool wal, char out[NAME_BYTES]) {
    (void)snprintf(out, NAME_BYTES, "quarantine-%u.db%s", number, wal ? "-wal" : "");
}

/* --- names --- */

static satchel_status exists(const satchel_vault *vault, const char *name, bool *out) {
    uint64_t bytes = 0;
    char *path = satchel_keyring_path(vault->folder, name);
    satchel_status status = path != NULL ? vault->files->size(vault->files->context, path, &bytes) : SATCHEL_NO_MEMORY;
    satchel_memory_give(path);
    *out = status == SATCHEL_OK;
    return status == SATCHEL_NOT_FOUND ? SATCHEL_OK : status;
}

static satchel_status rename_in(const satchel_vault *vault, const char *from, const char *to) {
    char *old_path = satchel_keyring_path(vault->folder, from);
    char *new_path = satchel_keyring_path(vault->folder, to);
    satchel_status status = old_path != NULL && new_path != NULL
                                ? vault->files->rename(vault->files->context, old_path, new_path)
                                : SATCHEL_NO_MEMORY;
    satchel_memory_give(old_path);
    satchel_memory_give(new_path);
    if (status == SATCHEL_OK) {
        status = vault->files->sync_folder(vault->files->context, vault->folder);
    }
    return status;
}

/* If it is there. */
static satchel_status put_aside(const satchel_vault *vault, const char *name, uint32_t number, bool wal) {
    char aside[NAME_BYTES];
    bool there = false;
    satchel_status status = exists(vault, name, &there);
    aside_name(number, wal, aside);
    return status == SATCHEL_OK && there ? rename_in(vault, name, aside) : status;
}

/* repair.ready first: a repair that lost its new store is none. */
satchel_status satchel_handle_remove_repairs(const satchel_vault *vault) {
    static const char *const names[] = {READY_NAME, REPAIR_NAME, REPAIR_WAL_NAME};
    char aside[NAME_BYTES];
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && status == SATCHEL_OK; i++) {
        status = satchel_handle_remove(vault, names[i]);
    }
    for (uint32_t file = 0; file < 2 * SATCHEL_QUARANTINE_MOST && status == SATCHEL_OK; file++) {
        aside_name(file / 2 + 1, file % 2 == 1, aside);
        status = satchel_handle_remove(vault, aside);
    }
    return status;
}

/* The absolute form of a name beside store.db. */
static char *path_beside(const satchel_vault *vault, const char *name) {
    size_t folder_bytes = strlen(vault->store_path) - strlen(STORE_NAME);
    char *path = satchel_memory_take(folder_bytes + strlen(name) + 1);
    if (path != NULL) {
        memcpy(path, vault->store_path, folder_bytes);
        memcpy(path + folder_bytes, name, strlen(name) + 1);
    }
    return path;
}

/* --- the second half --- */

/* NOT_FOUND: no repair is that far. */
static satchel_status read_ready(const satchel_vault *vault, uint32_t *out_number) {
    satchel_buffer content = {NULL, 0, 0};
    char *path = satchel_keyring_path(vault->folder, READY_NAME);
    satchel_status status =
        path != NULL ? vault->files->read(vault->files->context, path, NAME_BYTES, &content) : SATCHEL_NO_MEMORY;
    satchel_memory_give(path);
    *out_number = 0;
    if (status == SATCHEL_OK) {
        bool whole =
            content.bytes == 1 && content.data[0] >= '1' && content.data[0] < '1' + (int)SATCHEL_QUARANTINE_MOST;
        *out_number = whole ? (uint32_t)(content.data[0] - '0') : 0;
        status = whole ? SATCHEL_OK : SATCHEL_DAMAGED;
    }
    satchel_buffer_deinit(&content);
    return status;
}

static satchel_status finish(const satchel_vault *vault) {
    uint32_t number = 0;
    bool fresh = false;
    satchel_status status = read_ready(vault, &number);
    if (status == SATCHEL_NOT_FOUND) {
        return SATCHEL_OK;
    }
    if (status == SATCHEL_DAMAGED) { /* cut off while it was written: the old store is untouched */
        return satchel_handle_remove(vault, READY_NAME);
    }
    if (status == SATCHEL_OK) {
        status = exists(vault, REPAIR_NAME, &fresh);
    }
    if (status == SATCHEL_OK && fresh) {
        status = put_aside(vault, STORE_NAME, number, false);
        if (status == SATCHEL_OK) {
            status = put_aside(vault, STORE_WAL_NAME, number, true);
        }
        if (status == SATCHEL_OK) {
            status = rename_in(vault, REPAIR_NAME, STORE_NAME);
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_handle_remove(vault, READY_NAME);
    }
    return status == SATCHEL_OK ? vault->files->sync_folder(vault->files->context, vault->folder) : status;
}

static satchel_status finish_told(const satchel_vault *vault, satchel_error *error) {
    satchel_status status = finish(vault);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the repaired store cannot take its place");
}

bool satchel_vault_repair_is_due(const satchel_vault_config *config) {
    uint64_t bytes = 0;
    const satchel_vault_files *files = config->files != NULL ? config->files : satchel_vault_files_posix();
    char *path = satchel_keyring_path(config->folder, READY_NAME);
    /* if memory is exhausted the opening that follows fails as well, and changes nothing */
    bool due = path != NULL && files->size(files->context, path, &bytes) == SATCHEL_OK;
    satchel_memory_give(path);
    return due;
}

satchel_status satchel_vault_finish_repair(const satchel_vault_config *config, satchel_error *error) {
    satchel_vault *vault = NULL;
    satchel_status status = satchel_handle_prepare(&vault, config, error);
    if (status == SATCHEL_OK) {
        status = finish_told(vault, error);
        satchel_vault_close(vault);
    }
    return status;
}

/* --- unlocking --- */

/* Page 1 may be destroyed, and with it the id that tells which of two key files is the store's. */
static satchel_status load_keyring(satchel_vault *vault, satchel_error *error) {
    satchel_id store;
    satchel_status status = satchel_store_file_id(vault->below, vault->store_path, &store);
    bool named = status == SATCHEL_OK; /* else its first page is lost, and any key file of this folder will do */
    if (named) {
        status = satchel_keyring_load(&vault->keyring, vault->files, vault->folder, &store);
    }
    if (!named ? status != SATCHEL_NO_MEMORY
               : status != SATCHEL_OK && status != SATCHEL_NO_MEMORY && status != SATCHEL_IO_ERROR) {
        status = satchel_keyring_load(&vault->keyring, vault->files, vault->folder, NULL);
    }
    if (status == SATCHEL_NOT_FOUND) {
        return satchel_fail(error, SATCHEL_KEY_GONE, "there is no key file");
    }
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the key file cannot be read");
}

static satchel_status check_there(const satchel_vault *vault, satchel_error *error) {
    bool database = false;
    bool wal = false;
    satchel_status status = exists(vault, STORE_NAME, &database);
    if (status == SATCHEL_OK && !database) {
        status = exists(vault, STORE_WAL_NAME, &wal);
    }
    if (status == SATCHEL_OK && !database && !wal) {
        status = SATCHEL_NOT_FOUND;
    }
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "there is no store");
}

static satchel_status unlock(satchel_vault *vault, const satchel_vault_unlock *way, satchel_error *error) {
    if (way->slot == SATCHEL_VAULT_SLOT_PIN_DEVICE &&
        (way->pin.bytes == 0 || way->pin.bytes > SATCHEL_VAULT_PIN_BYTES_MAX)) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a PIN has 1 to %d bytes", SATCHEL_VAULT_PIN_BYTES_MAX);
    }
    satchel_status status = satchel_handle_take_keys(vault, error);
    if (status == SATCHEL_OK) {
        status = satchel_keyring_unlock(&vault->keyring, way, &vault->policy, vault->keys, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_message_keys_read(&vault->keyring.file, vault->keys, vault->message);
        status = status == SATCHEL_OK ? status : satchel_fail(error, status, "the message keys do not open");
    }
    return status;
}

satchel_status satchel_vault_open_unread(satchel_vault **out, const satchel_vault_config *config,
                                         satchel_error *error) {
    satchel_vault *vault = NULL;
    *out = NULL;
    satchel_status status = satchel_handle_prepare(&vault, config, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = finish_told(vault, error);
    if (status == SATCHEL_OK) {
        status = check_there(vault, error);
    }
    if (status == SATCHEL_OK) {
        status = load_keyring(vault, error);
    }
    if (status == SATCHEL_OK) {
        status = unlock(vault, &config->unlock, error);
    }
    if (status != SATCHEL_OK) {
        satchel_vault_close(vault);
        return status;
    }
    *out = vault;
    return SATCHEL_OK;
}

satchel_status satchel_vault_look(satchel_vault *vault, uint32_t number, satchel_salvage **out, satchel_error *error) {
    char name[NAME_BYTES] = STORE_NAME;
    *out = NULL;
    if (vault->keys == NULL || vault->database != NULL) {
        return satchel_fail(error, vault->keys == NULL ? SATCHEL_LOCKED : SATCHEL_MISUSE, "the vault is not unread");
    }
    if (number > 0) {
        aside_name(number, false, name);
    }
    char *path = path_beside(vault, name);
    satchel_status status = path != NULL ? satchel_salvage_open(out, vault->below, path, vault->keys, error)
                                         : satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a path");
    satchel_memory_give(path);
    return status;
}

/* --- the first half --- */

static satchel_status lies_aside(const satchel_vault *vault, uint32_t number, bool *out) {
    char name[NAME_BYTES];
    aside_name(number, false, name);
    satchel_status status = exists(vault, name, out);
    if (status == SATCHEL_OK && !*out) {
        aside_name(number, true, name);
        status = exists(vault, name, out);
    }
    return status;
}

static satchel_status find_number(const satchel_vault *vault, uint32_t *out) {
    for (uint32_t number = 1; number <= SATCHEL_QUARANTINE_MOST; number++) {
        bool taken = false;
        satchel_status status = lies_aside(vault, number, &taken);
        if (status != SATCHEL_OK) {
            return status;
        }
        if (!taken) {
            *out = number;
            return SATCHEL_OK;
        }
    }
    return SATCHEL_LIMIT_EXCEEDED;
}

satchel_status satchel_vault_count_quarantine(const satchel_vault *vault, uint32_t *out) {
    satchel_status status = SATCHEL_OK;
    *out = 0;
    for (uint32_t number = 1; number <= SATCHEL_QUARANTINE_MOST && status == SATCHEL_OK; number++) {
        bool taken = false;
        status = lies_aside(vault, number, &taken);
        *out += taken ? 1 : 0;
    }
    return status;
}

bool satchel_vault_key_file_is_whole(const satchel_vault *vault) {
    return !vault->keyring.other_bad;
}

satchel_status satchel_vault_begin_repair(satchel_vault *vault, satchel_error *error) {
    static const char *const leftovers[] = {REPAIR_NAME, REPAIR_WAL_NAME};
    uint32_t number = 0;
    satchel_status status = find_number(vault, &number);
    if (status == SATCHEL_LIMIT_EXCEEDED) {
        return satchel_fail(error, status, "%u damaged stores lie in quarantine: remove one", SATCHEL_QUARANTINE_MOST);
    }
    for (size_t i = 0; i < sizeof leftovers / sizeof leftovers[0] && status == SATCHEL_OK; i++) {
        status = satchel_handle_remove(vault, leftovers[i]);
    }
    char *path = path_beside(vault, REPAIR_NAME);
    if (status != SATCHEL_OK || path == NULL) {
        satchel_memory_give(path);
        return satchel_fail(error, status != SATCHEL_OK ? status : SATCHEL_NO_MEMORY, "a repair cannot begin");
    }
    status = satchel_handle_make_empty(vault, path, error);
    if (status == SATCHEL_OK) {
        status = satchel_vfs_open(&vault->vfs, path, false, vault->keys, vault->policy.random, vault->below);
        status = status == SATCHEL_OK ? satchel_connection_open(&vault->database, vault->vfs, &vault->connection, error)
                                      : satchel_fail(error, status, "the VFS cannot be made");
    }
    satchel_memory_give(path);
    return status;
}

static satchel_status write_ready(const satchel_vault *vault, uint32_t number) {
    const char digit = (char)('0' + (int)number);
    char *path = satchel_keyring_path(vault->folder, READY_NAME);
    satchel_status status = path != NULL ? vault->files->write(vault->files->context, path, satchel_bytes_of(&digit, 1))
                                         : SATCHEL_NO_MEMORY;
    satchel_memory_give(path);
    return status == SATCHEL_OK ? vault->files->sync_folder(vault->files->context, vault->folder) : status;
}

/* Everything of the new store in its one file, on the disk. */
static satchel_status settle_new_store(satchel_vault *vault, satchel_error *error) {
    satchel_status status = satchel_vault_checkpoint(vault, error);
    if (status == SATCHEL_OK) {
        status = satchel_handle_disconnect(vault);
        if (status != SATCHEL_OK) {
            return satchel_fail(error, status, "the new store cannot be closed");
        }
    }
    char *path = status == SATCHEL_OK ? path_beside(vault, REPAIR_NAME) : NULL;
    if (status == SATCHEL_OK) {
        status = path != NULL ? vault->files->sync(vault->files->context, path) : SATCHEL_NO_MEMORY;
        if (status == SATCHEL_OK) {
            status = satchel_handle_remove(vault, REPAIR_WAL_NAME); /* its frames are in the database */
        }
        if (status != SATCHEL_OK) {
            (void)satchel_fail(error, status, "the new store cannot be synced");
        }
    }
    satchel_memory_give(path);
    return status;
}

satchel_status satchel_vault_end_repair(satchel_vault *vault, uint32_t *out_number, satchel_error *error) {
    *out_number = 0;
    satchel_status status = settle_new_store(vault, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = find_number(vault, out_number);
    if (status == SATCHEL_OK) {
        status = write_ready(vault, *out_number);
    }
    return status == SATCHEL_OK ? finish_told(vault, error)
                                : satchel_fail(error, status, "the end of a repair cannot be noted");
}
