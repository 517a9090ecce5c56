/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A phone for the error loops: a whole device, its files on a disk in memory under the medium that fails.
 *
 * A scenario begins from an image of a disk, does one thing, and is judged: the status is typed and fits the trouble,
 * what failed has not happened, what was acknowledged is there, the same handle goes on, and so does the store opened
 * again. What is right is what the same scenario leaves without trouble.
 *
 * The device asks satchel_vault_files_posix for its file verbs, so a program that uses this gives a function of that
 * name that returns medium_files().
 */
#ifndef SATCHEL_TESTS_FAULT_SUPPORT_HANDSET_H
#define SATCHEL_TESTS_FAULT_SUPPORT_HANDSET_H

#include "device/device.h"
#include "fault/support/fault.h"
#include "fault/support/trouble.h"
#include "support/temp.h"
#include "support/vault/disk.h"

typedef struct handset {
    test_disk *disk;
    satchel_device_config config;
    satchel_device *device;
    const char *pin; /* NULL: none */
    satchel_write *write;
    bool filled;     /* the write holds all that the scenario changes */
    uint64_t answer; /* a hash of what a reading scenario got */
    uint64_t randoms;
    satchel_error error;
} handset;

/* On which disk a scenario begins. */
typedef enum handset_image {
    HANDSET_EMPTY,
    HANDSET_READY,   /* closed in order */
    HANDSET_TORN,    /* power was lost with commits in the WAL */
    HANDSET_FRESH,   /* a page has come whose rows are not indexed yet */
    HANDSET_PURGING, /* a scope is lost whose rows are not purged yet */
    HANDSET_IMAGE_COUNT
} handset_image;

typedef struct handset_scenario {
    const char *name;
    handset_image image;
    bool closed;                             /* begins without a device */
    bool store_may_be_gone;                  /* a failure may leave no store */
    satchel_status (*stand)(handset *phone); /* before each try, without trouble; NULL: nothing to do */
    satchel_status (*act)(handset *phone);   /* once more after a failure: goes on */
} handset_scenario;

/* Ends with a NULL name. */
extern const handset_scenario handset_scenarios[];

/* What a scenario leaves without trouble. */
typedef struct handset_truth {
    uint64_t before, after, thorough; /* digests */
    uint64_t answer;
} handset_truth;

/* Makes the images; false if that failed. To be called once, after SQLite and libsodium are set up. */
bool handset_begin(void);
void handset_end(void);

/* Runs the scenario without trouble between `begin` and `end` (may be NULL), which may count. */
bool handset_measure(const handset_scenario *scenario, void (*begin)(void), void (*end)(void), handset_truth *out);
/* Runs it with trouble, judges and counts. */
void handset_point(const handset_scenario *scenario, const handset_truth *truth, const fault_trouble *trouble);

#endif
