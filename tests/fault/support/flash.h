/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A phone's flash in an attacker's hands: files in memory that can be read, changed, cut and put back at any time.
 *
 * It is a parent VFS and a table of file verbs for a vault, and nothing on it ever fails: failures and losses of power
 * are support/vault/disk.h's. Every change of a file can be watched, so that what was overwritten or deleted later is
 * seen too. Files are told apart by the last part of their path. One thread.
 */
#ifndef SATCHEL_TESTS_FAULT_SUPPORT_FLASH_H
#define SATCHEL_TESTS_FAULT_SUPPORT_FLASH_H

#include "vault/vault.h"

#define FLASH_FOLDER "/flash"
#define FLASH_NAME_BYTES 32
#define FLASH_FILES_MOST 64

typedef struct flash_file {
    char name[FLASH_NAME_BYTES]; /* "": free */
    uint8_t *data;
    size_t bytes;
    size_t room;
    bool there;
} flash_file;

/* Called after bytes of a file were written: its whole content, and where the new part is. */
typedef void flash_watcher(void *context, const flash_file *file, size_t offset, size_t bytes);

typedef struct flash flash;

flash *flash_make(void);
/* All files must be closed. NULL is fine. */
void flash_free(flash *one);

struct sqlite3_vfs *flash_vfs(flash *one);
const satchel_vault_files *flash_files(flash *one);
void flash_watch(flash *one, flash_watcher *watcher, void *context);

/* NULL: there is no such file. `data` may be changed in place; valid until somebody writes to it. */
flash_file *flash_find(flash *one, const char *name);
void flash_put(flash *one, const char *name, satchel_bytes content);
void flash_remove(flash *one, const char *name);
/* Makes `to` hold what `from` holds. Nothing of `to` may be open. */
void flash_copy(flash *to, const flash *from);

#endif
