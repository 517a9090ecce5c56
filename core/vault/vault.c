/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening, locking and closing a vault, its slots and its messages.
 */
#include "vault/handle.h"

#include "base/error.h"
#include "base/memory.h"
#include "crypto/secret.h"
#include "vault/attempts.h"
#include "vault/store_file.h"

#include <string.h>

void satchel_vault_config_init(satchel_vault_config *config) {
    memset(config, 0, sizeof *config);
    config->size = sizeof *config;
    config->random = satchel_random_system();
}

/*
 * The key file that belongs to the store at `path`. A store whose front cannot be read leaves the choice to the copies.
 * A store without keys is lost to this phone; keys without a store are what a creation that was cut off leaves.
 */
static satchel_status load_keys(satchel_vault *vault, satchel_error *error) {
    satchel_id store;
    satchel_status found = satchel_store_file_id(vault->below, vault->store_path, &store);
    if (found != SATCHEL_OK && found != SATCHEL_DAMAGED) {
        return satchel_fail(error, found,
                            found == SATCHEL_NOT_FOUND ? "there is no store" : "the store cannot be read");
    }
    satchel_status status =
        satchel_keyring_load(&vault->keyring, vault->files, vault->folder, found == SATCHEL_OK ? &store : NULL);
    if (status == SATCHEL_NOT_FOUND) {
        return satchel_fail(error, SATCHEL_KEY_GONE, "there is a store, but no key file");
    }
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the key file cannot be read");
    }
    if (found != SATCHEL_OK) {
        return satchel_fail(error, found, "the store is shorter than a page");
    }
    /*
     * The store's name must last before anything is written under it: a creation or a change of keys whose last step
     * failed has left it to the next opening.
     */
    status = vault->files->sync_folder(vault->files->context, vault->folder);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the folder cannot be synced");
}

static satchel_status unlock_in(satchel_vault *vault, const satchel_vault_unlock *unlock, satchel_error *error) {
    if (unlock->slot == SATCHEL_VAULT_SLOT_PIN_DEVICE &&
        (unlock->pin.bytes == 0 || unlock->pin.bytes > SATCHEL_VAULT_PIN_BYTES_MAX)) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a PIN has 1 to %d bytes", SATCHEL_VAULT_PIN_BYTES_MAX);
    }
    satchel_status status = load_keys(vault, error);
    if (status == SATCHEL_OK) {
        status = satchel_handle_take_keys(vault, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_keyring_unlock(&vault->keyring, unlock, &vault->policy, vault->keys, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_message_keys_read(&vault->keyring.file, vault->keys, vault->message);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the message keys do not open");
    }
    satchel_handle_settle(vault);
    return satchel_handle_connect(vault, error);
}

/* A caller's forgotten statement keeps its connection; both can do nothing any more, and the VFS stays for them. */
static void abandon(satchel_vault *vault) {
    satchel_vfs_abandon(vault->vfs);
    (void)sqlite3_close_v2(vault->database);
    satchel_handle_give_keys(vault);
}

satchel_status satchel_vault_open(satchel_vault **out, const satchel_vault_config *config, satchel_error *error) {
    satchel_vault *vault = NULL;
    *out = NULL;
    satchel_status status = satchel_handle_prepare(&vault, config, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = unlock_in(vault, &config->unlock, error);
    if (status != SATCHEL_OK) {
        satchel_vault_close(vault);
        return status;
    }
    satchel_secret_wipe_stack();
    *out = vault;
    return SATCHEL_OK;
}

static satchel_status store_id(const satchel_vault_config *config, satchel_id *out) {
    sqlite3_vfs *below = config->parent != NULL ? config->parent : sqlite3_vfs_find(NULL);
    char *path = satchel_keyring_path(config->folder, "store.db");
    satchel_status status = path != NULL ? satchel_store_file_id(below, path, out) : SATCHEL_NO_MEMORY;
    satchel_memory_give(path);
    return status;
}

satchel_status satchel_vault_pin_wait_ms(const satchel_vault_config *config, int64_t *out_wait_ms,
                                         satchel_error *error) {
    satchel_keyring keyring;
    *out_wait_ms = 0;
    satchel_status status = satchel_handle_check_config(config, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (satchel_crypto_init() != SATCHEL_OK) {
        return satchel_fail(error, SATCHEL_INTERNAL, "libsodium cannot be used");
    }
    const satchel_vault_files *files = config->files != NULL ? config->files : satchel_vault_files_posix();
    satchel_id store;
    status = store_id(config, &store);
    status = status == SATCHEL_OK || status == SATCHEL_DAMAGED || status == SATCHEL_NOT_FOUND
                 ? satchel_keyring_load(&keyring, files, config->folder, status == SATCHEL_OK ? &store : NULL)
                 : status;
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
    satchel_status status = satchel_handle_shut(vault);
    satchel_secret_wipe_stack();
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the connection did not end cleanly");
}

satchel_status satchel_vault_unlock_again(satchel_vault *vault, const satchel_vault_unlock *unlock,
                                          satchel_error *error) {
    if (vault->keys != NULL) {
        return satchel_fail(error, SATCHEL_MISUSE, "the vault is not locked");
    }
    satchel_status status =
        vault->held ? SATCHEL_OK : satchel_handle_hold(vault, error); /* given up by suspend, then locked */
    if (status != SATCHEL_OK) {
        return status;
    }
    status = unlock_in(vault, unlock, error);
    if (status != SATCHEL_OK) {
        (void)satchel_handle_shut(vault);
    }
    satchel_secret_wipe_stack();
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
    satchel_secret_wipe_stack();
    return status;
}

satchel_status satchel_vault_suspend(satchel_vault *vault, satchel_error *error) {
    satchel_status status = satchel_vault_checkpoint(vault, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_handle_disconnect(vault);
    if (status == SATCHEL_BUSY) {
        return satchel_fail(error, status, "a statement is open");
    }
    satchel_handle_release(vault);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the connection did not end cleanly");
}

/* Another process may have had the store meanwhile: what it left on the disk counts, not what is remembered here. */
static satchel_status reload_keys(satchel_vault *vault, satchel_error *error) {
    const satchel_keyring before = vault->keyring;
    satchel_status status = load_keys(vault, error);
    if (status == SATCHEL_OK &&
        memcmp(&vault->keyring.file.store, &vault->keys->store, sizeof vault->keys->store) != 0) {
        satchel_handle_give_keys(vault);
        status = satchel_fail(error, SATCHEL_LOCKED, "another process has changed the data key");
    }
    if (status == SATCHEL_OK) {
        status = satchel_keyring_check_mac(&vault->keyring, vault->keys, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_message_keys_read(&vault->keyring.file, vault->keys, vault->message);
    }
    if (status != SATCHEL_OK || (before.reset_owed && before.file.generation == vault->keyring.file.generation)) {
        vault->keyring = before;
    }
    return status;
}

satchel_status satchel_vault_resume(satchel_vault *vault, satchel_error *error) {
    if (vault->keys == NULL) {
        return satchel_fail(error, SATCHEL_LOCKED, "the vault is locked");
    }
    if (vault->held) {
        return satchel_fail(error, SATCHEL_MISUSE, "the vault is not suspended");
    }
    satchel_status status = satchel_handle_hold(vault, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = reload_keys(vault, error);
    if (status == SATCHEL_OK) {
        status = satchel_handle_connect(vault, error);
    }
    if (status != SATCHEL_OK) {
        (void)satchel_handle_disconnect(vault);
        satchel_handle_release(vault);
    }
    return status;
}

void satchel_vault_close(satchel_vault *vault) {
    if (vault == NULL) {
        return;
    }
    if (satchel_handle_shut(vault) == SATCHEL_BUSY) {
        abandon(vault);
    }
    satchel_secret_wipe_stack();
    satchel_handle_release(vault);
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
    stats.escrow = satchel_vault_has_slot(vault, SATCHEL_VAULT_SLOT_ESCROW);
    stats.cipher = vault->keyring.file.cipher;
    stats.old_message_keys = vault->message != NULL && vault->message->count > 0 ? vault->message->count - 1 : 0;
    return stats;
}

bool satchel_vault_has_slot(const satchel_vault *vault, satchel_vault_slot slot) {
    return satchel_key_file_find(&vault->keyring.file, (uint32_t)slot) < SATCHEL_KEY_FILE_SLOTS;
}

satchel_id satchel_vault_id(const satchel_vault *vault) {
    return vault->keyring.file.store;
}

/* Makes the file in memory last; without, it is again as it was `before`. */
static satchel_status save_file(satchel_vault *vault, const satchel_keyring *before, satchel_error *error) {
    satchel_status status = satchel_keyring_save(&vault->keyring, true);
    if (status == SATCHEL_OK) {
        return SATCHEL_OK;
    }
    bool sure = satchel_keyring_take_back(&vault->keyring, before) == SATCHEL_OK;
    return satchel_fail(error, status, "the key files cannot be written: %s",
                        sure ? "the old ones hold" : "the old ones or the new ones will hold");
}

static satchel_status change_slots(satchel_vault *vault, const satchel_vault_unlock *next, bool alone,
                                   satchel_error *error) {
    if (vault->keys == NULL) {
        return satchel_fail(error, SATCHEL_LOCKED, "the vault is locked");
    }
    satchel_keyring before = vault->keyring;
    satchel_status status = satchel_keyring_put(&vault->keyring, next, alone, &vault->policy, vault->keys, error);
    satchel_secret_wipe_stack();
    return status == SATCHEL_OK ? save_file(vault, &before, error) : status;
}

satchel_status satchel_vault_set_pin_cost(satchel_vault *vault, uint32_t passes, uint32_t memory_kib,
                                          satchel_error *error) {
    satchel_status status = satchel_handle_check_cost(passes, memory_kib, error);
    if (status == SATCHEL_OK) {
        vault->policy.passes = passes;
        vault->policy.memory_kib = memory_kib;
    }
    return status;
}

satchel_status satchel_vault_rewrap(satchel_vault *vault, const satchel_vault_unlock *next, satchel_error *error) {
    return change_slots(vault, next, true, error);
}

satchel_status satchel_vault_slot_add(satchel_vault *vault, const satchel_vault_unlock *next, satchel_error *error) {
    return change_slots(vault, next, false, error);
}

satchel_status satchel_vault_escrow_put(satchel_vault *vault, const uint8_t *public_key, satchel_error *error) {
    if (vault->keys == NULL) {
        return satchel_fail(error, SATCHEL_LOCKED, "the vault is locked");
    }
    satchel_keyring before = vault->keyring;
    satchel_status status =
        satchel_keyring_put_escrow(&vault->keyring, public_key, vault->policy.random, vault->keys, error);
    satchel_secret_wipe_stack();
    return status == SATCHEL_OK ? save_file(vault, &before, error) : status;
}

satchel_status satchel_vault_forget_messages(satchel_vault *vault, satchel_error *error) {
    if (vault->keys == NULL) {
        return satchel_fail(error, SATCHEL_LOCKED, "the vault is locked");
    }
    satchel_keyring before = vault->keyring;
    satchel_key_file *file = &vault->keyring.file;
    satchel_message_keys *kept = satchel_secret_take(sizeof *kept);
    if (kept == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no locked memory for the message key");
    }
    *kept = *vault->message;
    satchel_message_keys_trim(kept);
    satchel_status status = satchel_message_keys_write(kept, vault->keys, vault->policy.random, file);
    if (status != SATCHEL_OK) {
        vault->keyring = before;
        (void)satchel_fail(error, status, "the message key cannot be sealed");
        goto done;
    }
    file->generation++;
    satchel_key_file_mac(file, vault->keys->sub[SATCHEL_SUBKEY_KEY_FILE], file->mac);
    status = save_file(vault, &before, error);
    if (status == SATCHEL_OK) {
        satchel_message_keys_trim(vault->message);
    }
done:
    satchel_secret_give(kept);
    return status;
}

satchel_status satchel_vault_seal(satchel_vault *vault, satchel_vault_purpose purpose, satchel_bytes associated,
                                  satchel_bytes plain, satchel_buffer *out) {
    if (vault->keys == NULL) {
        return SATCHEL_LOCKED;
    }
    return satchel_message_keys_seal(vault->message, (uint32_t)purpose, vault->policy.random, associated, plain, out);
}

satchel_status satchel_vault_unseal(const satchel_vault *vault, satchel_vault_purpose purpose, satchel_bytes associated,
                                    satchel_bytes sealed, satchel_buffer *out) {
    if (vault->keys == NULL) {
        return SATCHEL_LOCKED;
    }
    return satchel_message_keys_unseal(vault->message, (uint32_t)purpose, associated, sealed, out);
}
