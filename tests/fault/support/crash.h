/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses of power at every operation of a story, each followed by a reopening that is compared with the model.
 *
 * A story plays on a vault over a disk in memory. It is played twice: first to learn what each commit leaves (a digest
 * of all rows), then again while, before every operation that follows a change, the power is lost in several ways. Each
 * disk that is left is opened: it must hold what the last acknowledged commit left, or what the one in flight would
 * have; it must be sound and let itself be written. For some of them the recovery is a story of its own, so that the
 * power is lost again in it. Equal disks that one moment leaves count once; a moment before which nothing changed is
 * the moment before. One thread.
 */
#ifndef SATCHEL_TESTS_FAULT_SUPPORT_CRASH_H
#define SATCHEL_TESTS_FAULT_SUPPORT_CRASH_H

#include "fault/support/fault.h"
#include "support/random.h"
#include "support/vault/disk.h"

struct sqlite3;
typedef struct crash_play crash_play;

typedef struct crash_story {
    const char *name;
    /* Plays on play->vault, which is open; NULL vault: the story makes it itself. All of it must succeed. */
    void (*tell)(crash_play *play);
    /* Whether the story begins with a vault that is there and synced. */
    bool begins_open;
    uint32_t cache_kib;         /* 0: 64, so that larger transactions spill */
    uint32_t checkpoint_frames; /* 0: 25 */
    /* Before anything is opened. NULL, or what is wrong. */
    const char *(*inspect)(const crash_play *play, const satchel_vault_config *config);
    /* After a reopening, beside the comparison of rows. NULL, or what is wrong. */
    const char *(*look)(const crash_play *play, satchel_vault *vault);
    unsigned moments; /* of a run that is not full; 0: 24 */
    unsigned seeds;   /* ways in which some and torn writes survive, in a full run; 0: 8 */
    unsigned second;  /* one of so many losses is followed by another in its recovery, in a full run; 0: 40 */
    bool slow;        /* an unlock costs milliseconds: no second losses, few seeds */
} crash_story;

typedef struct crash_states {
    uint64_t *digests;
    size_t count;
    size_t room;
} crash_states;

struct crash_play {
    const crash_story *story;
    uint64_t seed;
    test_random random; /* for what the story does */
    satchel_random_seeded seeded;
    test_disk *disk;
    satchel_vault_config config; /* on `disk`; config.unlock opens what was acknowledged */
    satchel_vault_unlock next;   /* opens what is in flight, if has_next */
    bool has_next;
    bool next_alone;          /* it takes the place of what opened before: at no time do both */
    satchel_vault_unlock old; /* opened it before and must not do so any more, if has_old */
    bool has_old;
    satchel_vault *vault;
    bool made;           /* the creation of the vault was acknowledged */
    bool recording;      /* the first time */
    crash_states states; /* what the vault holds after each commit; 0: in the beginning */
    size_t acked;        /* the state that was acknowledged last */
    bool ending;         /* the store is being destroyed: it is whole or cannot be opened any more */
    bool ended;          /* that was acknowledged */
    uint32_t wrong_pins; /* acknowledged */
    void *own;           /* the story's */
    unsigned depth;      /* 0: the story; 1: its recovery */
    struct crash_work *work;
};

/* Runs a story once, with all its losses. In a full run `seed` makes another round. */
void crash_run(const crash_story *story, uint64_t seed);

/*
 * One round, or in a full run so many: each with a seed, a cache and a length of the WAL of its own, so that the
 * moments differ.
 */
void crash_run_rounds(const crash_story *story, uint64_t rounds);

/* Says that this must be found: the same story while syncs do nothing. Counts a failure if no loss shows. */
void crash_run_lying(const crash_story *story, uint64_t seed);

/* --- verbs of stories; each ends the program if it fails --- */

void crash_create(crash_play *play);
void crash_open(crash_play *play);
void crash_close(crash_play *play);
void crash_sql(crash_play *play, const char *sql);
/* The same, and it may fail. */
int crash_try_sql(crash_play *play, const char *sql);
/*
 * Gives the vault another way in by `change`, which must succeed; `alone`: in place of the one there is. From then on
 * config.unlock is `next`.
 */
typedef satchel_status crash_change(satchel_vault *vault, const satchel_vault_unlock *next, satchel_error *error);
void crash_change_key(crash_play *play, crash_change *change, const satchel_vault_unlock *next, bool alone);
/* To be called after what gave the vault another connection. */
void crash_follow(crash_play *play);
/* Lines of SQL, and "!reopen", "!lock", "!suspend", "!checkpoint". The last one is NULL. */
void crash_script(crash_play *play, const char *const *lines);

/* Two secrets of a keystore. */
satchel_vault_keystore crash_keystore(bool second);

/* A digest of every row of every table and of the schema; false if something cannot be read. */
bool crash_digest(struct sqlite3 *database, uint64_t *out);

#endif
