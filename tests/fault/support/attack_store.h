/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store for attacks: its files closed, and killed with commits in its WAL, and what each of these states holds.
 *
 * It has an index, overflow pages, free pages and pages of the pointer map. Its WAL was used before, so that slots of
 * an older generation lie behind the current ones.
 */
#ifndef SATCHEL_TESTS_FAULT_SUPPORT_ATTACK_STORE_H
#define SATCHEL_TESTS_FAULT_SUPPORT_ATTACK_STORE_H

#include "fault/support/flash.h"

#include "crypto/sealer.h"

#include <sqlite3.h>

#define ATTACK_PAGES 64u
#define ATTACK_COMMITS 5u
#define ATTACK_PIN "271828"

typedef struct attack_store {
    satchel_cipher cipher;
    uint8_t secret; /* of its keystore */
    flash *early;   /* closed, before every page was changed */
    flash *closed;
    flash *killed;
    uint64_t states[ATTACK_COMMITS + 1]; /* digests: of `closed`, then after each commit that lies in the WAL */
    uint64_t ends[ATTACK_COMMITS + 1];   /* slots of the WAL up to that commit */
    size_t pages;
    size_t slots; /* of the WAL, those of the older generation included */
} attack_store;

/* What is met when files are opened and everything on them is read. */
typedef struct attack_look {
    satchel_status opened;
    bool by_seal;        /* not opened, because something did not authenticate: SQLite's own complaints do not count */
    satchel_status read; /* of all rows, through the index too; OK if not opened */
    uint64_t digest;     /* of the rows; valid if both are OK */
    satchel_vault_tail tail;
    bool healed;        /* a copy of the key file */
    uint64_t pages;     /* read one by one, those that no row needs included */
    uint64_t bad_pages; /* of these: did not open */
    uint64_t healed_pages;
} attack_look;

void attack_store_make(attack_store *store, satchel_cipher cipher, uint8_t secret);
void attack_store_free(attack_store *store);

satchel_vault_config attack_config(const attack_store *store, flash *on);

/*
 * Opens what lies on `on`, reads all rows, closes. With `every_page` the pages of the database are read one by one as
 * well, those that no row needs included. Counts files in clear that were asked for.
 */
attack_look attack_look_at(const attack_store *store, flash *on, bool every_page);

/* The number of the state that the digest is of, -1 if of none. */
int attack_state_of(const attack_store *store, uint64_t digest);

/* The VFS's file of the open database: reads of pages as SQLite makes them. */
sqlite3_file *attack_file(satchel_vault *vault);

#endif
