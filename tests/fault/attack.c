/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks on the files of a store by somebody who writes the flash: bits flipped, pages and frames exchanged, zeroed,
 * brought from elsewhere, cut off, put back as they were before. Every cipher that is available, every file.
 *
 * Each change must be an error, or be reported (the WAL's tail), or be healed (a copy of the key file); all else is
 * silent. What is known to pass, the replay of old states (core/doc/threat-model.md), is counted and printed.
 */
#include "base/text.h"
#include "fault/support/attack_store.h"
#include "fault/support/fault.h"
#include "support/test.h"
#include "vault/wal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PAGE SATCHEL_PAGE_BYTES

/* The points of each kind for each cipher, unless all are asked for. */
#define BITS_READ 3000u
#define TAIL 56u  /* bytes of nonce and tag at the end of a page, at most */
#define TAILS 21u /* of so many pages, one has all of these bits flipped */
#define BITS_OPENED 60u
#define BITS_KEYS 60u
#define PAIRS 40u

typedef void attack_run(const attack_store *store, flash *work);

/* Runs one case for every cipher, on a store of its own. */
static void each_cipher(attack_run *run) {
    REQUIRE_OK(satchel_crypto_init());
    for (unsigned cipher = 1; cipher <= SATCHEL_CIPHER_AEGIS256; cipher++) {
        if (!satchel_cipher_available((satchel_cipher)cipher)) {
            continue;
        }
        attack_store store;
        flash *work = flash_make();
        attack_store_make(&store, (satchel_cipher)cipher, 7);
        run(&store, work);
        attack_store_free(&store);
        flash_free(work);
    }
}

static void flip(flash *on, const char *name, uint64_t bit) {
    flash_find(on, name)->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

static bool is_damage(satchel_status status) {
    return status == SATCHEL_DAMAGED || status == SATCHEL_FOREIGN_FILE;
}

/* A change of the database of a closed store: an error at open, or when rows are read, or when the page itself is. */
static void judge_database(const attack_store *store, flash *work, const char *what, uint64_t at, uint64_t other) {
    attack_look look = attack_look_at(store, work, true);
    if (look.opened != SATCHEL_OK && !is_damage(look.opened)) {
        fault_wrong(FAULT_FAILURES, "cipher %d, %s %" PRIu64 " %" PRIu64 ": opening gives %s", (int)store->cipher, what,
                    at, other, satchel_status_name(look.opened));
    } else if (look.opened != SATCHEL_OK && !look.by_seal) {
        fault_wrong(FAULT_SILENT, "cipher %d, %s %" PRIu64 " %" PRIu64 ": SQLite alone refuses it", (int)store->cipher,
                    what, at, other);
    } else if (look.opened == SATCHEL_OK && look.read != SATCHEL_OK && look.read != SATCHEL_DAMAGED) {
        fault_wrong(FAULT_FAILURES, "cipher %d, %s %" PRIu64 " %" PRIu64 ": reading gives %s", (int)store->cipher, what,
                    at, other, satchel_status_name(look.read));
    } else if (look.opened == SATCHEL_OK && look.bad_pages == 0) {
        fault_wrong(FAULT_SILENT, "cipher %d, %s %" PRIu64 " %" PRIu64, (int)store->cipher, what, at, other);
    } else if (look.read == SATCHEL_OK && look.opened == SATCHEL_OK && attack_state_of(store, look.digest) != 0) {
        fault_wrong(FAULT_SILENT, "cipher %d, %s %" PRIu64 " %" PRIu64 ": other rows", (int)store->cipher, what, at,
                    other);
    }
}

/* ---- bits ---- */

/* Bits of one page, each read through the VFS of a store that stays open: the call by which SQLite reads a page. */
static void flip_page(const attack_store *store, flash *work, sqlite3_file *file, uint64_t page) {
    uint8_t before[PAGE], after[PAGE];
    uint64_t total = 8 * PAGE * (uint64_t)store->pages;
    sqlite3_int64 offset = (sqlite3_int64)(page * PAGE);
    REQUIRE_INT(file->pMethods->xRead(file, before, PAGE, offset), SQLITE_OK);
    for (uint64_t bit = 8 * PAGE * page; bit < 8 * PAGE * (page + 1); bit++) {
        bool in_tail = bit % (8 * PAGE) >= 8 * (PAGE - TAIL); /* nonce and tag: each bit has a meaning of its own */
        if (!fault_takes(bit + 1, total, BITS_READ) && !(in_tail && page % TAILS == fault_seed() % TAILS)) {
            continue;
        }
        flip(work, "store.db", bit);
        int code = file->pMethods->xRead(file, after, PAGE, offset);
        flip(work, "store.db", bit);
        fault_count(FAULT_BITS_FLIPPED, 1);
        if (code == SQLITE_OK) {
            fault_wrong(FAULT_SILENT, "cipher %d: bit %" PRIu64 " of the database", (int)store->cipher, bit);
        } else if (code != SQLITE_IOERR_DATA) {
            fault_wrong(FAULT_FAILURES, "cipher %d: bit %" PRIu64 ": code %d", (int)store->cipher, bit, code);
        }
    }
    REQUIRE_INT(file->pMethods->xRead(file, after, PAGE, offset), SQLITE_OK);
    CHECK(memcmp(before, after, PAGE) == 0); /* each bit was put back, so each flip was a change */
}

static void bits_read_with(const attack_store *store, flash *work) {
    satchel_vault *vault = NULL;
    flash_copy(work, store->closed);
    satchel_vault_config config = attack_config(store, work);
    REQUIRE_OK(satchel_vault_open(&vault, &config, NULL));
    for (uint64_t page = 0; page < store->pages; page++) {
        flip_page(store, work, attack_file(vault), page);
    }
    satchel_vault_close(vault);
}

/* The whole way: opened, all rows read, all pages read. All bits of page 1, which is read in its own way, and some. */
static void bits_opened_with(const attack_store *store, flash *work) {
    uint64_t total = 8 * PAGE * (uint64_t)store->pages;
    for (uint64_t bit = 0; bit < total; bit++) {
        bool taken = fault_full() ? bit < 8 * PAGE || bit % 101 == 0 : fault_takes(bit + 1, total, BITS_OPENED);
        if (taken) {
            flash_copy(work, store->closed);
            flip(work, "store.db", bit);
            judge_database(store, work, "bit", bit, 0);
            fault_count(FAULT_BITS_FLIPPED, 1);
        }
    }
}

/*
 * A change of the WAL of a killed store at `slot` (0: the prologue). What may be: DAMAGED; an earlier state, reported;
 * and the last state, if the slot is one of an older generation, which nobody needs. One slot changed costs at most the
 * two last commits. Two of them can look like one long last transaction that a power cut has spoilt.
 */
static void judge_wal(const attack_store *store, flash *work, const char *what, uint64_t slot, uint64_t at, int most) {
    attack_look look = attack_look_at(store, work, false);
    int state = attack_state_of(store, look.digest);
    const char *wrong = NULL;
    fault_counter counter = FAULT_SILENT;
    if (look.opened == SATCHEL_DAMAGED && look.by_seal) {
        return;
    }
    if (look.opened != SATCHEL_OK || look.read != SATCHEL_OK || look.bad_pages > 0 || look.healed_pages > 0) {
        wrong = "neither damage nor whole";
        counter = FAULT_FAILURES;
    } else if (state < 0) {
        wrong = "rows that never were";
    } else if (state == (int)ATTACK_COMMITS && slot <= store->ends[ATTACK_COMMITS]) {
        wrong = "no difference";
    } else if (state < (int)ATTACK_COMMITS && look.tail == SATCHEL_VAULT_TAIL_CLEAN) {
        wrong = "a commit is lost without a word";
    } else if (state < (int)ATTACK_COMMITS - most) {
        wrong = "more is lost than the last commits";
    }
    if (wrong != NULL) {
        fault_wrong(counter, "cipher %d, %s %" PRIu64 " of slot %" PRIu64 ": %s (%s, state %d)", (int)store->cipher,
                    what, at, slot, wrong, satchel_status_name(look.opened), state);
    }
}

static uint64_t slot_of(uint64_t byte) {
    return byte < SATCHEL_WAL_PROLOGUE_BYTES ? 0 : (byte - SATCHEL_WAL_PROLOGUE_BYTES) / SATCHEL_WAL_SLOT_BYTES + 1;
}

static void bits_wal_with(const attack_store *store, flash *work) {
    uint64_t total = 8 * flash_find(store->killed, "store.db-wal")->bytes;
    for (uint64_t bit = 0; bit < total; bit++) {
        if (fault_takes(bit + 1, total, 3 * BITS_OPENED)) {
            flash_copy(work, store->killed);
            flip(work, "store.db-wal", bit);
            judge_wal(store, work, "bit", slot_of(bit / 8), bit, 2);
            fault_count(FAULT_BITS_FLIPPED, 1);
        }
    }
}

/* One copy of the key file is healed, so that it opens alone afterwards; both copies changed are an error. */
static void flip_key_bit(const attack_store *store, flash *work, const char *name, const char *other, uint64_t bit) {
    flash_copy(work, store->closed);
    flip(work, name, bit);
    attack_look look = attack_look_at(store, work, false);
    flash_remove(work, other);
    attack_look again = attack_look_at(store, work, false);
    if (look.opened != SATCHEL_OK || attack_state_of(store, look.digest) != 0) {
        fault_wrong(FAULT_FAILURES, "cipher %d: bit %" PRIu64 " of %s: %s", (int)store->cipher, bit, name,
                    satchel_status_name(look.opened));
    } else if (!look.healed || again.opened != SATCHEL_OK || attack_state_of(store, again.digest) != 0) {
        fault_wrong(FAULT_SILENT, "cipher %d: bit %" PRIu64 " of %s is not healed", (int)store->cipher, bit, name);
    }
    flash_copy(work, store->closed);
    flip(work, name, bit);
    flip(work, other, bit);
    look = attack_look_at(store, work, false);
    if (look.opened == SATCHEL_OK) {
        fault_wrong(FAULT_SILENT, "cipher %d: bit %" PRIu64 " of both key files", (int)store->cipher, bit);
    } else if (!is_damage(look.opened)) {
        fault_wrong(FAULT_FAILURES, "cipher %d: bit %" PRIu64 " of both key files: %s", (int)store->cipher, bit,
                    satchel_status_name(look.opened));
    }
    fault_count(FAULT_BITS_FLIPPED, 3);
}

static void bits_keys_with(const attack_store *store, flash *work) {
    uint64_t bits = 8 * flash_find(store->closed, "keys.a")->bytes;
    CHECK_UINT(8 * flash_find(store->closed, "keys.b")->bytes, bits);
    for (uint64_t bit = 0; bit < bits; bit++) {
        if (fault_takes(bit + 1, bits, BITS_KEYS)) {
            flip_key_bit(store, work, "keys.a", "keys.b", bit);
            flip_key_bit(store, work, "keys.b", "keys.a", bit);
        }
    }
}

/* ---- pages and frames that are moved ---- */

static uint8_t *page_at(flash *on, uint64_t page) {
    return flash_find(on, "store.db")->data + page * PAGE;
}

static uint8_t *slot_at(flash *on, uint64_t slot) {
    return flash_find(on, "store.db-wal")->data + satchel_wal_slot_at(slot);
}

static void exchange(uint8_t *a, uint8_t *b, size_t bytes) {
    for (size_t at = 0; at < bytes; at++) {
        uint8_t kept = a[at];
        a[at] = b[at];
        b[at] = kept;
    }
}

/* Every ordered pair: one page in the other's place; every pair: exchanged. */
static void move_pages_with(const attack_store *store, flash *work) {
    uint64_t total = (uint64_t)store->pages * store->pages;
    for (uint64_t pair = 0; pair < total; pair++) {
        uint64_t from = pair / store->pages, to = pair % store->pages;
        if (from == to || !fault_takes(pair + 1, total, PAIRS)) {
            continue;
        }
        flash_copy(work, store->closed);
        memcpy(page_at(work, to), page_at(store->closed, from), PAGE);
        judge_database(store, work, "page in place of page", from + 1, to + 1);
        flash_copy(work, store->closed);
        exchange(page_at(work, from), page_at(work, to), PAGE);
        judge_database(store, work, "exchanged pages", from + 1, to + 1);
        fault_count(FAULT_PAGES_SWAPPED, 2);
    }
}

static void move_slots_with(const attack_store *store, flash *work) {
    uint64_t count = store->slots;
    for (uint64_t pair = 0; pair < count * count; pair++) {
        uint64_t from = pair / count + 1, to = pair % count + 1;
        if (from == to || !fault_takes(pair + 1, count * count, PAIRS)) {
            continue;
        }
        flash_copy(work, store->killed);
        memcpy(slot_at(work, to), slot_at(store->killed, from), SATCHEL_WAL_SLOT_BYTES);
        judge_wal(store, work, "copy of slot", to, from, 2);
        flash_copy(work, store->killed);
        exchange(slot_at(work, from), slot_at(work, to), SATCHEL_WAL_SLOT_BYTES);
        judge_wal(store, work, "exchange with slot", from < to ? from : to, from < to ? to : from, (int)ATTACK_COMMITS);
        fault_count(FAULT_PAGES_SWAPPED, 2);
    }
}

static void blank_with(const attack_store *store, flash *work) {
    for (unsigned round = 0; round < 2; round++) {
        int value = round == 0 ? 0 : 0xff;
        for (uint64_t page = 0; page < store->pages; page++) {
            flash_copy(work, store->closed);
            memset(page_at(work, page), value, PAGE);
            judge_database(store, work, "blank page", page + 1, round);
        }
        for (uint64_t slot = 1; slot <= store->slots; slot++) {
            flash_copy(work, store->killed);
            memset(slot_at(work, slot), value, SATCHEL_WAL_SLOT_BYTES);
            judge_wal(store, work, "blank", slot, round, 2);
        }
        fault_count(FAULT_PAGES_SWAPPED, store->pages + store->slots);
    }
}

/* Of another store with the same rows' shape on the same device: pages, slots, the whole WAL, the database. */
static void foreign_with(const attack_store *store, flash *work) {
    attack_store other;
    attack_store_make(&other, store->cipher, store->secret);
    for (uint64_t page = 0; page < store->pages && page < other.pages; page++) {
        flash_copy(work, store->closed);
        memcpy(page_at(work, page), page_at(other.closed, page), PAGE);
        judge_database(store, work, "page of another store", page + 1, 0);
    }
    for (uint64_t slot = 1; slot <= store->slots && slot <= other.slots; slot++) {
        flash_copy(work, store->killed);
        memcpy(slot_at(work, slot), slot_at(other.killed, slot), SATCHEL_WAL_SLOT_BYTES);
        judge_wal(store, work, "slot of another store", slot, 0, 2);
    }
    flash_copy(work, store->killed);
    memcpy(flash_find(work, "store.db-wal")->data, flash_find(other.killed, "store.db-wal")->data,
           SATCHEL_WAL_PROLOGUE_BYTES);
    judge_wal(store, work, "prologue of another store", 0, 0, 2);
    static const char *const names[] = {"store.db", "store.db-wal"};
    for (size_t i = 0; i < 2; i++) {
        const flash_file *theirs = flash_find(other.killed, names[i]);
        flash_copy(work, store->killed);
        flash_put(work, names[i], satchel_bytes_of(theirs->data, theirs->bytes));
        attack_look look = attack_look_at(store, work, true);
        if (!is_damage(look.opened)) {
            fault_wrong(FAULT_SILENT, "cipher %d: %s of another store: %s", (int)store->cipher, names[i],
                        satchel_status_name(look.opened));
        }
    }
    fault_count(FAULT_PAGES_SWAPPED, store->pages + store->slots + 3);
    attack_store_free(&other);
}

/* ---- old states ---- */

/* A page as it was before opens, being sealed for its place: known, and never more than that one page's rows. */
static void replay_with(const attack_store *store, flash *work) {
    uint64_t opened = 0, refused = 0;
    for (uint64_t page = 0; page < store->pages; page++) {
        flash_copy(work, store->closed);
        memcpy(page_at(work, page), page_at(store->early, page), PAGE);
        attack_look look = attack_look_at(store, work, true);
        bool seen = look.opened != SATCHEL_OK || look.read != SATCHEL_OK || look.bad_pages > 0;
        opened += seen ? 0 : 1;
        refused += seen ? 1 : 0;
        if (look.bad_pages > 0) {
            fault_wrong(FAULT_FAILURES, "cipher %d: an old page %" PRIu64 " does not open", (int)store->cipher,
                        page + 1);
        }
    }
    fault_count(FAULT_PAGES_SWAPPED, store->pages);
    printf("replay, cipher %d: of %zu old pages %" PRIu64 " pass, %" PRIu64 " are refused by SQLite\n",
           (int)store->cipher, store->pages, opened, refused);
}

/* A WAL that ends earlier is an older state of the store, known to look clean: exactly the commits that are whole. */
static void cut_wal(const attack_store *store, flash *work, size_t bytes) {
    flash_copy(work, store->killed);
    flash_find(work, "store.db-wal")->bytes = bytes;
    attack_look look = attack_look_at(store, work, true);
    uint64_t kept = bytes < SATCHEL_WAL_PROLOGUE_BYTES ? 0 : slot_of(bytes) - 1;
    int state = (int)ATTACK_COMMITS;
    while (state > 0 && store->ends[state] > kept) {
        state--;
    }
    if (look.opened != SATCHEL_OK || look.read != SATCHEL_OK || look.bad_pages > 0) {
        fault_wrong(FAULT_UNOPENABLE, "cipher %d: WAL cut to %zu bytes: %s", (int)store->cipher, bytes,
                    satchel_status_name(look.opened));
    } else if (attack_state_of(store, look.digest) != state) {
        fault_wrong(FAULT_SILENT, "cipher %d: WAL cut to %zu bytes: state %d, not %d", (int)store->cipher, bytes,
                    attack_state_of(store, look.digest), state);
    }
}

static void cut_database(const attack_store *store, flash *work, size_t bytes) {
    flash_copy(work, store->closed);
    flash_find(work, "store.db")->bytes = bytes;
    attack_look look = attack_look_at(store, work, true);
    if (look.opened == SATCHEL_OK) {
        bool noticed = look.read != SATCHEL_OK || look.bad_pages > 0;
        fault_wrong(noticed ? FAULT_FAILURES : FAULT_SILENT, "cipher %d: database cut to %zu bytes opens",
                    (int)store->cipher, bytes);
    }
    flash_copy(work, store->killed);
    flash_find(work, "store.db")->bytes = bytes;
    look = attack_look_at(store, work, true);
    if (look.opened != SATCHEL_DAMAGED) {
        fault_wrong(FAULT_SILENT, "cipher %d: database beside its WAL cut to %zu bytes: %s", (int)store->cipher, bytes,
                    satchel_status_name(look.opened));
    }
}

static void cut_with(const attack_store *store, flash *work) {
    static const size_t more[] = {0, 1, 100, 511, 2048, 4095};
    size_t kinds = sizeof more / sizeof more[0];
    for (uint64_t cut = 0; cut < store->pages * kinds; cut++) {
        if (fault_takes(cut + 1, store->pages * kinds, PAIRS)) {
            cut_database(store, work, (size_t)(cut / kinds) * PAGE + more[cut % kinds]);
            fault_count(FAULT_PAGES_SWAPPED, 2);
        }
    }
    for (uint64_t cut = 0; cut < store->slots * kinds; cut++) {
        if (fault_takes(cut + 1, store->slots * kinds, PAIRS)) {
            cut_wal(store, work, (size_t)satchel_wal_slot_at(cut / kinds + 1) + more[cut % kinds]);
            fault_count(FAULT_PAGES_SWAPPED, 1);
        }
    }
    for (size_t bytes = 0; bytes < SATCHEL_WAL_PROLOGUE_BYTES; bytes += 13) {
        cut_wal(store, work, bytes);
    }
}

/* ---- key files ---- */

static void put_key(flash *on, const char *name, flash *from, const char *which) {
    const flash_file *file = flash_find(from, which);
    flash_put(on, name, satchel_bytes_of(file->data, file->bytes));
}

/* One of another store beside ours; both of another store. The same keystore's secret opens either. */
static void foreign_keys(const attack_store *store, flash *work) {
    static const char *const names[] = {"keys.a", "keys.b"};
    attack_store other;
    attack_store_make(&other, store->cipher, store->secret);
    for (unsigned mix = 1; mix < 4; mix++) {
        flash_copy(work, store->closed);
        for (unsigned copy = 0; copy < 2; copy++) {
            if ((mix & 1u << copy) != 0) {
                put_key(work, names[copy], other.closed, names[copy]);
            }
        }
        attack_look look = attack_look_at(store, work, true);
        bool whole = look.opened == SATCHEL_OK && attack_state_of(store, look.digest) == 0;
        if (mix == 3 ? !is_damage(look.opened) : !whole) {
            fault_wrong(FAULT_FAILURES, "cipher %d: key files of another store (%u): %s", (int)store->cipher, mix,
                        satchel_status_name(look.opened));
        }
        fault_count(FAULT_PAGES_SWAPPED, 1);
    }
    attack_store_free(&other);
}

/* After a new PIN: an old copy beside a new one must not bring the old PIN back; both old ones do, a replay. */
static void old_keys(const attack_store *store, flash *work) {
    satchel_vault *vault = NULL;
    flash *old = flash_make();
    flash_copy(work, store->closed);
    satchel_vault_config config = attack_config(store, work);
    satchel_vault_unlock pin = config.unlock, next = config.unlock;
    pin.slot = next.slot = SATCHEL_VAULT_SLOT_PIN_DEVICE;
    pin.pin = satchel_text_of(ATTACK_PIN);
    next.pin = satchel_text_of("161803");
    REQUIRE_OK(satchel_vault_open(&vault, &config, NULL));
    REQUIRE_OK(satchel_vault_rewrap(vault, &pin, NULL));
    flash_copy(old, work);
    REQUIRE_OK(satchel_vault_rewrap(vault, &next, NULL));
    satchel_vault_close(vault);
    flash *changed = flash_make();
    flash_copy(changed, work);
    for (unsigned mix = 0; mix < 4; mix++) {
        flash_copy(work, changed);
        put_key(work, "keys.a", (mix & 1) != 0 ? old : changed, "keys.a");
        put_key(work, "keys.b", (mix & 2) != 0 ? old : changed, "keys.b");
        config.unlock = pin;
        satchel_status status = satchel_vault_open(&vault, &config, NULL);
        satchel_vault_close(status == SATCHEL_OK ? vault : NULL);
        if (status != (mix == 3 ? SATCHEL_OK : SATCHEL_WRONG_PIN)) {
            fault_wrong(mix == 3 ? FAULT_FAILURES : FAULT_SILENT, "old key files (%u): the old PIN gives %s", mix,
                        satchel_status_name(status));
        }
        fault_count(FAULT_PAGES_SWAPPED, 1);
    }
    flash_free(changed);
    flash_free(old);
}

static void keys_with(const attack_store *store, flash *work) {
    foreign_keys(store, work);
    old_keys(store, work);
}

static void bits_read(void) {
    each_cipher(bits_read_with);
}
static void bits_opened(void) {
    each_cipher(bits_opened_with);
}
static void bits_wal(void) {
    each_cipher(bits_wal_with);
}
static void bits_keys(void) {
    each_cipher(bits_keys_with);
}
static void move_pages(void) {
    each_cipher(move_pages_with);
}
static void move_slots(void) {
    each_cipher(move_slots_with);
}
static void blank(void) {
    each_cipher(blank_with);
}
static void foreign(void) {
    each_cipher(foreign_with);
}
static void replay(void) {
    each_cipher(replay_with);
}
static void cut(void) {
    each_cipher(cut_with);
}
static void keys(void) {
    each_cipher(keys_with);
}

const fault_case fault_cases[] = {
    {"bits_of_pages_read", bits_read}, {"bits_of_pages_opened", bits_opened},
    {"bits_of_the_wal", bits_wal},     {"bits_of_the_keys", bits_keys},
    {"pages_moved", move_pages},       {"slots_moved", move_slots},
    {"pages_and_slots_blank", blank},  {"parts_of_another_store", foreign},
    {"pages_replayed", replay},        {"files_cut", cut},
    {"key_files_exchanged", keys},     {NULL, NULL},
};
