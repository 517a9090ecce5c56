/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading, choosing and replacing the copies of the key file.
 */
#include "vault/keyring.h"

#include "base/memory.h"

#include <string.h>

#define COPIES 3u
#define NEXT 2u
static const char *const copy_names[COPIES] = {"keys.a", "keys.b", SATCHEL_KEYRING_NEXT};
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

static bool same_id(const satchel_id *a, const satchel_id *b) {
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* The copies as found. */
typedef struct found_copies {
    satchel_key_file file[COPIES];
    satchel_status status[COPIES];
} found_copies;

/* The newest copy that belongs to `store`, COPIES if there is none. keys.next counts only if it is newer than others.
 */
static unsigned newest_of_store(const found_copies *found, const satchel_id *store) {
    unsigned newest = COPIES;
    for (unsigned which = 0; which < COPIES; which++) {
        if (found->status[which] == SATCHEL_OK && same_id(&found->file[which].store, store) &&
            (newest == COPIES || satchel_key_file_newer(&found->file[which], &found->file[newest]))) {
            newest = which;
        }
    }
    return newest;
}

/* Without a store to compare with: keys.a and keys.b must be two copies of one file. */
static satchel_status choose_blindly(const found_copies *found, unsigned *out) {
    bool a = found->status[0] == SATCHEL_OK, b = found->status[1] == SATCHEL_OK;
    if (!a && !b) {
        return found->status[0] == SATCHEL_DAMAGED ? found->status[0] : found->status[1];
    }
    if (a && b && !same_id(&found->file[0].store, &found->file[1].store)) {
        return SATCHEL_FOREIGN_FILE;
    }
    *out = b && (!a || satchel_key_file_newer(&found->file[1], &found->file[0])) ? 1 : 0;
    return SATCHEL_OK;
}

static bool is_good_copy(const found_copies *found, unsigned which, const satchel_key_file *newest) {
    return found->status[which] == SATCHEL_OK && same_id(&found->file[which].store, &newest->store) &&
           found->file[which].generation == newest->generation;
}

satchel_status satchel_keyring_load(satchel_keyring *keyring, const satchel_vault_files *files, const char *folder,
                                    const satchel_id *store) {
    found_copies found;
    memset(keyring, 0, sizeof *keyring);
    keyring->files = files;
    keyring->folder = folder;
    for (unsigned which = 0; which < COPIES; which++) {
        found.status[which] = read_copy(keyring, which, &found.file[which]);
        if (found.status[which] != SATCHEL_OK && !replaceable(found.status[which])) {
            return found.status[which];
        }
    }
    unsigned newest = store != NULL ? newest_of_store(&found, store) : COPIES;
    satchel_status status = newest == COPIES ? choose_blindly(&found, &newest) : SATCHEL_OK;
    if (status != SATCHEL_OK) {
        return status;
    }
    keyring->file = found.file[newest];
    keyring->newest = newest;
    keyring->next_there = found.status[NEXT] != SATCHEL_NOT_FOUND;
    keyring->next_counts = found.status[NEXT] == SATCHEL_OK && same_id(&found.file[NEXT].store, &keyring->file.store);
    keyring->other_bad =
        !is_good_copy(&found, 0, &keyring->file) || !is_good_copy(&found, 1, &keyring->file) || newest == NEXT;
    return SATCHEL_OK;
}

static satchel_status write_as(const satchel_keyring *keyring, const char *temporary, const char *name) {
    const satchel_vault_files *files = keyring->files;
    uint8_t bytes[SATCHEL_KEY_FILE_BYTES];
    char *fresh = satchel_keyring_path(keyring->folder, temporary);
    char *path = satchel_keyring_path(keyring->folder, name);
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
done:
    satchel_memory_give(fresh);
    satchel_memory_give(path);
    return status;
}

static unsigned older_copy(const satchel_keyring *keyring) {
    return keyring->newest == 0 ? 1 : 0;
}

static satchel_status save_older(satchel_keyring *keyring) {
    unsigned older = older_copy(keyring);
    satchel_status status = write_as(keyring, new_name, copy_names[older]);
    if (status == SATCHEL_OK) {
        keyring->newest = older;
    }
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

/* Whether the copy is the file that could not be saved. One that cannot be read might be it. */
static bool is_replaced(const satchel_keyring *keyring, unsigned copy, const satchel_key_file *by) {
    satchel_key_file found;
    satchel_status status = read_copy(keyring, copy, &found);
    return status == SATCHEL_OK ? memcmp(found.mac, by->mac, sizeof found.mac) == 0 : !replaceable(status);
}

satchel_status satchel_keyring_take_back(satchel_keyring *keyring, const satchel_keyring *before) {
    const satchel_key_file failed = keyring->file;
    *keyring = *before; /* the next writing goes over the same copy */
    keyring->other_bad = true;
    if (!is_replaced(keyring, older_copy(keyring), &failed)) {
        return SATCHEL_OK;
    }
    return write_as(keyring, new_name, copy_names[older_copy(keyring)]);
}

satchel_status satchel_keyring_save_next(const satchel_keyring *keyring) {
    return write_as(keyring, new_name, SATCHEL_KEYRING_NEXT);
}

satchel_status satchel_keyring_drop_next(satchel_keyring *keyring) {
    char *path = satchel_keyring_path(keyring->folder, SATCHEL_KEYRING_NEXT);
    satchel_status status = path != NULL ? keyring->files->remove(keyring->files->context, path) : SATCHEL_NO_MEMORY;
    satchel_memory_give(path);
    if (status == SATCHEL_OK) {
        keyring->next_there = false;
        keyring->next_counts = false;
    }
    return status;
}
