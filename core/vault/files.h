/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few file verbs that a vault needs beside SQLite's VFS, as a table, so that tests can put a failing disk below it.
 *
 * Names are paths. Each verb gives OK, NOT_FOUND, IO_ERROR, DISK_FULL, IN_USE or NO_MEMORY; a locked phone's refusal is
 * IO_ERROR and worth a retry.
 */
#ifndef SATCHEL_VAULT_FILES_H
#define SATCHEL_VAULT_FILES_H

#include "base/bytes.h"

#include <satchel/status.h>

typedef struct satchel_vault_files {
    void *context;
    /* The whole file, at most `limit_bytes`, appended to `out`. Also LIMIT_EXCEEDED. */
    satchel_status (*read)(void *context, const char *path, size_t limit_bytes, satchel_buffer *out);
    /* Writes a new file or replaces an old one, and syncs it. Not atomic. */
    satchel_status (*write)(void *context, const char *path, satchel_bytes content);
    /* Syncs the file `path`. */
    satchel_status (*sync)(void *context, const char *path);
    /* Replaces `to` by `from` at once. */
    satchel_status (*rename)(void *context, const char *from, const char *to);
    /* OK also if there is no such file. */
    satchel_status (*remove)(void *context, const char *path);
    /* Makes renames and removals in the folder last. */
    satchel_status (*sync_folder)(void *context, const char *folder);
    satchel_status (*size)(void *context, const char *path, uint64_t *out_bytes);
    /* Holds the file `path` (made if absent) for this handle alone, until unlock. IN_USE if another has it. */
    satchel_status (*lock)(void *context, const char *path, intptr_t *out_lock);
    void (*unlock)(void *context, intptr_t lock);
} satchel_vault_files;

/* The POSIX file system. */
const satchel_vault_files *satchel_vault_files_posix(void);

#endif
