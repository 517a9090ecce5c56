/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk in memory that can fail at any operation and lose power at any moment.
 *
 * It is a parent VFS and a table of file verbs for a vault. What was written is at once visible to the process, but
 * outlives a loss of power only once it was synced; a name (creation, rename, removal) only once its folder was synced,
 * or, for a WAL made through the VFS, once the WAL was synced, as SQLite's unix VFS does. Not for threads.
 */
#ifndef SATCHEL_TESTS_SUPPORT_VAULT_DISK_H
#define SATCHEL_TESTS_SUPPORT_VAULT_DISK_H

#include "vault/vault.h"

typedef struct test_disk test_disk;

/* What survives of writes that were not synced. */
typedef enum test_survival {
    TEST_SURVIVES_NONE,
    TEST_SURVIVES_ALL,
    TEST_SURVIVES_SOME, /* any subset of the writes */
    TEST_SURVIVES_TORN, /* any subset of their sectors of 512 bytes */
    TEST_SURVIVAL_COUNT
} test_survival;

typedef enum test_fault {
    TEST_FAULT_ERROR, /* the call fails and has done nothing */
    TEST_FAULT_FULL,  /* a write puts a part of its bytes and reports a full disk; other calls fail */
    TEST_FAULT_COUNT
} test_fault;

test_disk *test_disk_make(void);
/* All files must be closed. NULL is fine. */
void test_disk_free(test_disk *disk);

struct sqlite3_vfs *test_disk_vfs(test_disk *disk);
const satchel_vault_files *test_disk_files(test_disk *disk);

/* Calls so far that could have failed: opens, reads, writes, truncations, syncs, renames, removals. */
uint64_t test_disk_operations(const test_disk *disk);

/* Operation `number` (counted from the disk's making, 1 is the first) fails; with `forever` all after it, too. 0: none.
 */
void test_disk_fail_at(test_disk *disk, uint64_t number, bool forever, test_fault fault);

/* A bad sector: from now on no read of the file (VFS only) that touches byte `at` succeeds. */
void test_disk_spoil(test_disk *disk, const char *path, uint64_t at);

/*
 * `watch` is called before each operation that could have failed, as long as it is not NULL. What it may do with this
 * disk is to look at it: a loss of power at that moment is test_disk_after_power_loss.
 */
void test_disk_watch(test_disk *disk, void (*watch)(void *context), void *context);

/* Counts whatever may change what a loss of power leaves: writes, truncations, syncs, renames, removals. */
uint64_t test_disk_changes(const test_disk *disk);

/* Syncs of files so far, and: sync `number` of them fails, once. */
uint64_t test_disk_syncs(const test_disk *disk);
void test_disk_fail_sync(test_disk *disk, uint64_t number);

/* Syncs report success and do nothing: a bug that every proof on this disk must find. */
void test_disk_lie_about_syncs(test_disk *disk);

/* The disk that a loss of power leaves now. The old one stays as it is. */
test_disk *test_disk_after_power_loss(const test_disk *disk, test_survival survival, uint64_t seed);

/* Tells the disks apart that losses of power at one moment left: equal marks, equal disks. */
uint64_t test_disk_mark(const test_disk *disk);

#endif
