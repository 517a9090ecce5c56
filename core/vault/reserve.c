/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and freeing the reserve, over the vault's file verbs.
 */
#include "vault/reserve.h"

#include "base/memory.h"
#include "vault/keyring.h"

/* The size of what is there, 0 if nothing is. */
static satchel_status size_of(const satchel_vault_files *files, const char *path, uint64_t *out_bytes) {
    satchel_status status = files->size(files->context, path, out_bytes);
    if (status == SATCHEL_NOT_FOUND) {
        *out_bytes = 0;
        status = SATCHEL_OK;
    }
    return status;
}

bool satchel_reserve_is_whole(const satchel_vault_files *files, const char *folder) {
    uint64_t bytes = 0;
    char *path = satchel_keyring_path(folder, SATCHEL_RESERVE_NAME);
    bool whole = path != NULL && size_of(files, path, &bytes) == SATCHEL_OK && bytes == (uint64_t)SATCHEL_RESERVE_BYTES;
    satchel_memory_give(path);
    return whole;
}

static satchel_status write_reserve(const satchel_vault_files *files, const char *folder, const char *path,
                                    satchel_random random) {
    uint8_t *content = satchel_memory_take(SATCHEL_RESERVE_BYTES);
    if (content == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    /* It keeps no secret: a medium that compresses must only not find it small. */
    uint64_t seed = 0;
    satchel_random_seeded stream;
    satchel_status status = satchel_random_fill(random, &seed, sizeof seed);
    if (status == SATCHEL_OK) {
        status = satchel_random_fill(satchel_random_from_seed(&stream, seed), content, SATCHEL_RESERVE_BYTES);
    }
    if (status == SATCHEL_OK) {
        status = files->write(files->context, path, satchel_bytes_of(content, SATCHEL_RESERVE_BYTES));
        if (status == SATCHEL_OK) {
            status = files->sync_folder(files->context, folder);
        }
        if (status != SATCHEL_OK) {
            satchel_status removed = files->remove(files->context, path);
            (void)removed; /* if it stays it is short, and the next call writes it again */
        }
    }
    satchel_memory_give(content);
    return status;
}

satchel_status satchel_reserve_keep(const satchel_vault_files *files, const char *folder, satchel_random random) {
    if (satchel_reserve_is_whole(files, folder)) {
        return SATCHEL_OK;
    }
    char *path = satchel_keyring_path(folder, SATCHEL_RESERVE_NAME);
    satchel_status status = path != NULL ? write_reserve(files, folder, path, random) : SATCHEL_NO_MEMORY;
    satchel_memory_give(path);
    return status;
}

satchel_status satchel_reserve_free(const satchel_vault_files *files, const char *folder, bool *out_freed) {
    uint64_t bytes = 0;
    *out_freed = false;
    char *path = satchel_keyring_path(folder, SATCHEL_RESERVE_NAME);
    if (path == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    satchel_status status = size_of(files, path, &bytes);
    if (status == SATCHEL_OK && bytes > 0) {
        status = files->remove(files->context, path);
        *out_freed = status == SATCHEL_OK;
        if (status == SATCHEL_OK) {
            /* The space is back at once; that its name is gone needs to last only if nothing else is written. */
            satchel_status synced = files->sync_folder(files->context, folder);
            (void)synced;
        }
    }
    satchel_memory_give(path);
    return status;
}
