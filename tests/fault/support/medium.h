/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer that makes chosen I/O calls fail, over any SQLite VFS and, for a vault, over its file verbs.
 *
 * There is one in a process. Its VFS is registered as SQLite's default, so whoever opens a database without naming a
 * VFS goes through it. Calls are counted from the arming on; what is not armed passes. Locks, closing and what cannot
 * fail are not counted.
 */
#ifndef SATCHEL_TESTS_FAULT_SUPPORT_MEDIUM_H
#define SATCHEL_TESTS_FAULT_SUPPORT_MEDIUM_H

#include "vault/files.h"

#include <stdbool.h>
#include <stdint.h>

struct sqlite3_vfs;

typedef enum medium_fault {
    MEDIUM_ERROR, /* the call fails and has done nothing */
    MEDIUM_FULL,  /* a write puts a part of its bytes and reports a full disk; other calls fail */
    MEDIUM_PART,  /* a write puts some whole sectors and reports an error; other calls fail */
    MEDIUM_LATE,  /* the call has done its work and reports an error all the same */
    MEDIUM_SYNC,  /* nothing but syncs fails */
    MEDIUM_FAULT_COUNT
} medium_fault;

const char *medium_fault_name(medium_fault fault);

/* Puts the layer over `below`, NULL = SQLite's default; `files` may be NULL. Nothing may be open when it is moved. */
void medium_put_over(struct sqlite3_vfs *below, const satchel_vault_files *files);
const satchel_vault_files *medium_files(void);

/*
 * Call `number` from now fails (1 = the next), with `forever` all that follow, too; 0: none. Counts from now on. Of
 * MEDIUM_SYNC the calls are counted alike, but only a sync at or behind `number` fails.
 */
void medium_fail_at(uint64_t number, bool forever, medium_fault fault);
uint64_t medium_calls(void);
/* Whether a call has failed since the arming. */
bool medium_has_failed(void);

/* Whether a WAL was written and not synced since: nothing may be acknowledged then. */
bool medium_wal_is_unsynced(void);

#endif
