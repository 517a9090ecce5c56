/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading, choosing and replacing the copies of the key file.
 */
#include "vault/keyring.h"

#include "base/memory.h"

#include <string.h>

static const char *const copy_names[2] = {"keys.a", "keys.b"};
static const char new_name[] = "keys.new";

char *satchel_keyring_path(const char *folder, const char *name) {
    size_t folder_bytes = strlen(folder);
    size_t name_bytes = strlen(name);
    char *path = satchel_memory_take(folder_bytes + name_bytes + 2);
    if (path != NULL) {
        memcpy(path, folder, folder_bytes);
        path[folder_bytes] = '/';
        memcpy(path + folder_bytes + 1, name, name_bytes);
    }
    return path;
}

static satchel_status read_copy(const satchel_keyring *keyring, unsigned which, satchel_key_file *out) {
    satchel_buffer bytes;
    satchel_buffer_init(&bytes);
    char *path = satchel_keyring_path(keyring->folder, copy_names[which]);
    if (path == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    satchel_status status = keyring->files->read(keyring->files->context, path, SATCHEL_KEY_FILE_BYTES, &bytes);
    if (status == SATCHEL_OK) {
        status = satchel_key_file_read(satchel_buffer_view(&bytes), out);
    } else if (status == SATCHEL_LIMIT_EXCEEDED) {
        status = SATCHEL_DAMAGED;
    }
    satchel_buffer_deinit(&bytes);
    satchel_memory_give(path);
    return status;
}

/* A copy that is absent or damaged is made good from the other; any other failure must not be papered over. */
static bool replaceable(satchel_status status) {
    return status == SATCHEL_NOT_FOUND || status == SATCHEL_DAMAGED;
}

satchel_status satchel_keyring_load(satchel_keyring *keyring, const satchel_vault_files *files, const char *folder) {
    satchel_key_file copies[2];
    satchel_status status[2];
    memset(keyring, 0, sizeof *keyring);
    keyring->files = files;
    keyring->folder = folder;
    for (unsigned which = 0; which < 2; which++) {
        status[which] = read_copy(keyring, which, &copies[which]);
        if (status[which] != SATCHEL_OK && !replaceable(status[which])) {
            return status[which];
        }
    }
    if (status[0] != SATCHEL_OK && status[1] != SATCHEL_OK) {
        return status[0] == SATCHEL_DAMAGED ? status[0] : status[1];
    }
    if (status[0] == SATCHEL_OK && status[1] == SATCHEL_OK) {
        if (memcmp(&copies[0].store, &copies[1].store, sizeof copies[0].store) != 0) {
            return SATCHEL_FOREIGN_FILE;
        }
        keyring->newest = copies[1].attempts.sequence > copies[0].attempts.sequence ? 1 : 0;
        keyring->other_bad = copies[0].generation != copies[1].generation;
    } else {
        keyring->newest = status[0] == SATCHEL_OK ? 0 : 1;
        keyring->other_bad = true;
    }
    keyring->file = copies[keyring->newest];
    return SATCHEL_OK;
}

static satchel_status save_older(satchel_keyring *keyring) {
    const satchel_vault_files *files = keyring->files;
    unsigned older = 1 - keyring->newest;
    uint8_t bytes[SATCHEL_KEY_FILE_BYTES];
    char *fresh = satchel_keyring_path(keyring->folder, new_name);
    char *path = satchel_keyring_path(keyring->folder, copy_names[older]);
    satchel_status status = SATCHEL_NO_MEMORY;
    if (fresh == NULL || path == NULL) {
        goto done;
    }
    satchel_key_file_write(&keyring->file, bytes);
    status = files->write(files->context, fresh, satchel_bytes_of(bytes, sizeof bytes));
    if (status == SATCHEL_OK) {
        status = files->rename(files->context, fresh, path);
    }
    if (status == SATCHEL_OK) {
        status = files->sync_folder(files->context, keyring->folder);
    }
    if (status == SATCHEL_OK) {
        keyring->newest = older;
    }
done:
    satchel_memory_give(fresh);
    satchel_memory_give(path);
    return status;
}

satchel_status satchel_keyring_save(satchel_keyring *keyring, bool both) {
    satchel_status status = save_older(keyring);
    if (status == SATCHEL_OK && both) {
        /* One whole new copy makes the change last; a second one that fails is written again at the next unlock. */
        keyring->other_bad = save_older(keyring) != SATCHEL_OK;
    }
    return status;
}
