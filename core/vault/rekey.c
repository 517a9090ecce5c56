/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new data key for a store that is open.
 *
 * Before the switch only new names are written: store.new, the store sealed anew, and keys.next, its key file; both are
 * synced with their names. The switch is the rename of store.new to store.db. What comes after it, keys.next into
 * keys.a and keys.b, any later unlock finishes, as the key file that names the store's id is the one that counts.
 * The WAL is empty and gone before: it is sealed under the old key.
 */
#include "vault/handle.h"

#include "base/error.h"
#include "base/memory.h"
#include "crypto/secret.h"
#include "vault/store_file.h"

#include <inttypes.h>
#include <string.h>

/* What the store will have. */
typedef struct next_state {
    satchel_keyring keyring;
    satchel_vault_keys *keys;
    satchel_message_keys *message;
} next_state;

static void next_deinit(next_state *next) {
    satchel_secret_give(next->keys);
    satchel_secret_give(next->message);
    *next = (next_state){0};
}

static satchel_status draw(next_state *next, const satchel_vault *vault, satchel_error *error) {
    satchel_random random = vault->policy.random;
    next->keys = satchel_vault_keys_take();
    next->message = satchel_secret_take(sizeof *next->message);
    if (next->keys == NULL || next->message == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no locked memory for the keys");
    }
    *next->message = *vault->message;
    satchel_status status = satchel_message_keys_renew(next->message, random);
    if (status == SATCHEL_LIMIT_EXCEEDED) {
        return satchel_fail(error, status, "%u old message keys: seal the messages anew and forget them",
                            next->message->count - 1);
    }
    if (status == SATCHEL_OK) {
        status = satchel_random_fill(random, next->keys->data, SATCHEL_KEY_BYTES);
    }
    if (status == SATCHEL_OK) {
        status = satchel_random_fill(random, next->keys->store.bytes, SATCHEL_ID_BYTES);
    }
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "no randomness for the new key");
    }
    next->keys->cipher = vault->keys->cipher;
    satchel_vault_keys_derive(next->keys);
    return SATCHEL_OK;
}

/* The new key file in memory: its slots and the escrow slot, if there was one. */
static satchel_status wrap(next_state *next, const satchel_vault *vault, const satchel_vault_unlock *slots,
                           size_t count, satchel_error *error) {
    satchel_keyring *keyring = &next->keyring;
    const satchel_key_file *old = &vault->keyring.file;
    *keyring = vault->keyring;
    keyring->reset_owed = false;
    memset(keyring->file.slots, 0, sizeof keyring->file.slots);
    keyring->file.store = next->keys->store;
    satchel_status status = satchel_message_keys_write(next->message, next->keys, vault->policy.random, &keyring->file);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the message keys cannot be sealed");
    }
    size_t escrow = satchel_key_file_find(old, SATCHEL_VAULT_SLOT_ESCROW);
    if (escrow < SATCHEL_KEY_FILE_SLOTS) {
        status =
            satchel_keyring_put_escrow(keyring, old->slots[escrow].recovery, vault->policy.random, next->keys, error);
    }
    for (size_t index = 0; index < count && status == SATCHEL_OK; index++) {
        status = satchel_keyring_put(keyring, &slots[index], false, &vault->policy, next->keys, error);
    }
    return status;
}

static satchel_status check_slots(const satchel_vault_unlock *next, size_t count, satchel_error *error) {
    if (count == 0 || count > SATCHEL_VAULT_REKEY_SLOTS_MOST) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a store has 1 to %d slots of its phone",
                            SATCHEL_VAULT_REKEY_SLOTS_MOST);
    }
    if (count == SATCHEL_VAULT_REKEY_SLOTS_MOST && next[0].slot == next[1].slot) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "two slots of one kind");
    }
    return SATCHEL_OK;
}

/* All that the WAL holds goes into the database, and the connection ends. BUSY: nothing has changed. */
static satchel_status settle_store(satchel_vault *vault, satchel_error *error) {
    if (sqlite3_get_autocommit(vault->database) == 0) {
        return satchel_fail(error, SATCHEL_BUSY, "a transaction is open");
    }
    int code = sqlite3_wal_checkpoint_v2(vault->database, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    satchel_status status = satchel_vault_status(vault, code);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "checkpoint: code %d", code);
    }
    status = satchel_handle_disconnect(vault);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the connection did not end");
}

/* An emptied WAL may have stayed, and so may what an earlier change left. */
static satchel_status clear_way(const satchel_vault *vault, satchel_error *error) {
    static const char *const names[] = {SATCHEL_KEYRING_NEXT, "store.new", "store.new-wal", "store.db-wal"};
    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++) {
        satchel_status status = satchel_handle_remove(vault, names[index]);
        if (status != SATCHEL_OK) {
            return satchel_fail(error, status, "%s cannot be removed", names[index]);
        }
    }
    return SATCHEL_OK;
}

/* store.new and keys.next, on the disk with their names. */
static satchel_status prepare_switch(const satchel_vault *vault, const char *fresh, next_state *next,
                                     satchel_error *error) {
    uint64_t page = 0;
    satchel_status status = clear_way(vault, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    /* Made here, so that it is the owner's alone. */
    status = vault->files->write(vault->files->context, fresh, satchel_bytes_of("", 0));
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the new store cannot be made");
    }
    status = satchel_store_file_reseal(vault->below, vault->store_path, vault->keys, fresh, next->keys,
                                       vault->policy.random, &page);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "page %" PRIu64 " could not be sealed anew", page);
    }
    status = satchel_keyring_save_next(&next->keyring);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the new key file cannot be written");
}

/* The old state goes on. Whatever is still in the way of that locks the vault. */
static void go_back(satchel_vault *vault) {
    satchel_status cleared = clear_way(vault, NULL);
    (void)cleared; /* leftovers count for nothing */
    if (satchel_handle_connect(vault, NULL) != SATCHEL_OK) {
        (void)satchel_handle_shut(vault);
    }
}

/* The rename, and that it lasts. `*out_unsure`: the disk does not tell which store it will have. */
static satchel_status switch_store(const satchel_vault *vault, const char *fresh, const next_state *next,
                                   bool *out_unsure, satchel_error *error) {
    const satchel_vault_files *files = vault->files;
    satchel_status status = files->rename(files->context, fresh, vault->store_path);
    *out_unsure = false;
    if (status != SATCHEL_OK) {
        satchel_id there;
        bool old = satchel_store_file_id(vault->below, vault->store_path, &there) == SATCHEL_OK &&
                   memcmp(&there, &next->keys->store, sizeof there) != 0;
        *out_unsure = !old;
        return satchel_fail(error, status, "the new store cannot be named");
    }
    status = files->sync_folder(files->context, vault->folder);
    *out_unsure = status != SATCHEL_OK;
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the new store's name may not last");
}

/* From here on the new state is the only one. */
static satchel_status take_over(satchel_vault *vault, next_state *next, satchel_error *error) {
    satchel_handle_give_keys(vault); /* wipes the old ones */
    vault->keyring = next->keyring;
    vault->keyring.newest = 2;
    vault->keyring.next_there = true;
    vault->keyring.next_counts = true;
    vault->keyring.other_bad = true;
    vault->keys = next->keys;
    vault->message = next->message;
    *next = (next_state){0};
    satchel_handle_settle(vault);
    satchel_status status = satchel_handle_connect(vault, error);
    if (status != SATCHEL_OK) {
        (void)satchel_handle_shut(vault);
    }
    return status;
}

static satchel_status rekey_closed(satchel_vault *vault, next_state *next, const char *fresh, satchel_error *error) {
    bool unsure = false;
    satchel_status status = prepare_switch(vault, fresh, next, error);
    if (status == SATCHEL_OK) {
        status = switch_store(vault, fresh, next, &unsure, error);
    }
    if (status == SATCHEL_OK) {
        return take_over(vault, next, error);
    }
    if (unsure) {
        (void)satchel_handle_shut(vault);
    } else {
        go_back(vault);
    }
    return status;
}

satchel_status satchel_vault_rekey(satchel_vault *vault, const satchel_vault_unlock *next, size_t count,
                                   satchel_error *error) {
    next_state state = {0};
    if (vault->database == NULL) {
        return satchel_fail(error, SATCHEL_LOCKED, "the vault is locked");
    }
    satchel_status status = check_slots(next, count, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    char *fresh = satchel_handle_fresh_path(vault);
    if (fresh == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the path");
    }
    status = draw(&state, vault, error);
    if (status == SATCHEL_OK) {
        status = wrap(&state, vault, next, count, error);
    }
    if (status == SATCHEL_OK) {
        status = settle_store(vault, error);
        if (status != SATCHEL_OK && vault->database == NULL) {
            go_back(vault);
        }
    }
    if (status == SATCHEL_OK) {
        status = rekey_closed(vault, &state, fresh, error);
    }
    next_deinit(&state);
    satchel_secret_wipe_stack();
    satchel_memory_give(fresh);
    return status;
}
