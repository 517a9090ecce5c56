/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk over sealed pages and frames.
 *
 * The WAL is read twice: once to see which slots open, what generation they are of and where commits end, once to give
 * the pages. If the prologue does not open, the salts that the newest commit frames carry tell the generation: SQLite
 * raises the first salt by one with each use of the file.
 */
#include "vault/salvage.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "crypto/secret.h"
#include "vault/wal.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define WAL_SUFFIX "-wal"
/* SQLite's VFSes look for parameters behind a name's end. */
#define NAME_PADDING 8u
#define PROBE_PLACES 16u

static_assert(SATCHEL_SALVAGE_PAGE_BYTES == SATCHEL_PAGE_BYTES, "one size of pages");

typedef enum slot_state {
    SLOT_BROKEN = 0,
    SLOT_OLD = 1, /* of an earlier generation, committed there */
    SLOT_CURRENT = 2,
    SLOT_LEFT = 3 /* of an earlier generation, in no transaction whose end is still there */
} slot_state;

typedef struct slot_note {
    uint8_t state;
    uint32_t page;
    uint32_t commit; /* pages of the database after it; 0: no commit frame */
    uint8_t salts[SATCHEL_WAL_SALT_BYTES];
    uint8_t sums[8];
    uint8_t chain_holds; /* it continues the slot before it */
} slot_note;

struct satchel_salvage {
    satchel_vault_keys *keys;
    sqlite3_file *database;
    sqlite3_file *wal; /* NULL: there is none */
    uint64_t file_pages;
    uint64_t slot_count;
    slot_note *slots;  /* slot n at n - 1 */
    uint64_t *by_page; /* current, committed slots, by page and number */
    uint64_t by_page_count;
    uint64_t last_commit;  /* slot, 0: none */
    uint64_t wanted_pages; /* of the database, as the last commit says; 0: not known */
    uint8_t header[SATCHEL_WAL_HEADER_BYTES];
    uint8_t *slot;  /* scratch */
    uint8_t *plain; /* scratch: a page of the walk */
    satchel_salvage_count count;
};

/* --- files --- */

static satchel_status status_of(int code) {
    switch (code & 0xff) {
    case SQLITE_OK: return SATCHEL_OK;
    case SQLITE_NOMEM: return SATCHEL_NO_MEMORY;
    default: return SATCHEL_IO_ERROR;
    }
}

static char *padded_name(const char *path, const char *suffix) {
    size_t bytes = strlen(path);
    char *name = satchel_memory_take(bytes + strlen(suffix) + NAME_PADDING);
    if (name != NULL) {
        memcpy(name, path, bytes);
        memcpy(name + bytes, suffix, strlen(suffix));
    }
    return name;
}

/* Absent is NOT_FOUND. The name must outlive the file, so it lies behind it. */
static satchel_status open_file(sqlite3_vfs *below, const char *path, const char *suffix, sqlite3_file **out) {
    int exists = 0;
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB;
    char *name = padded_name(path, suffix);
    *out = NULL;
    if (name == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    satchel_status status = status_of(below->xAccess(below, name, SQLITE_ACCESS_EXISTS, &exists));
    if (status == SATCHEL_OK && exists == 0) {
        status = SATCHEL_NOT_FOUND;
    }
    size_t room = ((size_t)below->szOsFile + 15u) & ~(size_t)15u;
    sqlite3_file *file = status == SATCHEL_OK ? satchel_memory_take(room + strlen(name) + NAME_PADDING) : NULL;
    if (status == SATCHEL_OK && file == NULL) {
        status = SATCHEL_NO_MEMORY;
    }
    if (file != NULL) {
        char *kept = (char *)file + room;
        memcpy(kept, name, strlen(name));
        status = status_of(below->xOpen(below, kept, file, flags, &flags));
        if (status == SATCHEL_OK) {
            *out = file;
        } else {
            satchel_memory_give(file);
        }
    }
    satchel_memory_give(name);
    return status;
}

static void close_file(sqlite3_file *file) {
    if (file != NULL) {
        (void)file->pMethods->xClose(file);
        satchel_memory_give(file);
    }
}

static satchel_status read_at(sqlite3_file *file, uint64_t offset, void *out, size_t bytes) {
    return status_of(file->pMethods->xRead(file, out, (int)bytes, (sqlite3_int64)offset));
}

static satchel_status size_of(sqlite3_file *file, uint64_t *out) {
    sqlite3_int64 bytes = 0;
    satchel_status status = status_of(file->pMethods->xFileSize(file, &bytes));
    *out = bytes > 0 ? (uint64_t)bytes : 0;
    return status;
}

/* Whether any of a few places spread over the file can be read. */
static bool can_be_read(sqlite3_file *file) {
    uint8_t byte = 0;
    uint64_t bytes = 0;
    if (size_of(file, &bytes) != SATCHEL_OK) {
        return false;
    }
    for (uint64_t i = 0; i < PROBE_PLACES; i++) {
        if (bytes > i && read_at(file, bytes / PROBE_PLACES * i + i, &byte, 1) == SATCHEL_OK) {
            return true;
        }
    }
    return false;
}

/*
 * A page or slot. A sector that cannot be read is as bad as one that does not open (DAMAGED); but where nothing can be
 * read the phone is locked or its card gone, and nothing may be concluded (IO_ERROR).
 */
static satchel_status read_piece(sqlite3_file *file, uint64_t offset, void *out, size_t bytes) {
    satchel_status status = read_at(file, offset, out, bytes);
    if (status == SATCHEL_IO_ERROR) {
        status = read_at(file, offset, out, bytes);
    }
    return status == SATCHEL_IO_ERROR && can_be_read(file) ? SATCHEL_DAMAGED : status;
}

/* --- the WAL --- */

/* Opens slot `number` into the scratch. DAMAGED: it does not open. */
static satchel_status open_slot(satchel_salvage *salvage, uint64_t number, uint8_t **out_frame) {
    satchel_status status =
        read_piece(salvage->wal, satchel_wal_slot_at(number), salvage->slot, SATCHEL_WAL_SLOT_BYTES);
    return status == SATCHEL_OK ? satchel_wal_slot_open(salvage->keys, number, salvage->slot, out_frame) : status;
}

static bool big_endian_sums(const satchel_salvage *salvage) {
    return (salvage->header[3] & 1) != 0;
}

static void note_bad(uint64_t *counter, uint64_t named[SATCHEL_SALVAGE_NAMED_MOST], uint64_t number) {
    if (*counter < SATCHEL_SALVAGE_NAMED_MOST) {
        named[*counter] = number;
    }
    ++*counter;
}

static satchel_status note_slot(satchel_salvage *salvage, uint64_t number) {
    slot_note *note = &salvage->slots[number - 1];
    uint8_t *frame = NULL;
    satchel_status status = open_slot(salvage, number, &frame);
    if (status == SATCHEL_DAMAGED) {
        note_bad(&salvage->count.frames_bad, salvage->count.bad_frame, number);
        return SATCHEL_OK;
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    note->state = SLOT_OLD;
    note->page = satchel_get_u32be(frame);
    note->commit = satchel_wal_frame_commit(frame);
    memcpy(note->salts, frame + SATCHEL_WAL_FRAME_SALT_AT, sizeof note->salts);
    memcpy(note->sums, frame + SATCHEL_WAL_FRAME_SUM_AT, sizeof note->sums);
    const slot_note *before = number > 1 ? note - 1 : NULL;
    const uint8_t *sums = before != NULL ? before->sums : salvage->header + SATCHEL_WAL_HEADER_SUM_AT;
    bool known = before != NULL ? before->state != SLOT_BROKEN : !salvage->count.prologue_bad;
    note->chain_holds = known && satchel_wal_chain_holds(sums, frame, big_endian_sums(salvage)) ? 1 : 0;
    return SATCHEL_OK;
}

/* Which of two generations is the later one: the first salt counts up, and may wrap. */
static bool is_later(const uint8_t a[SATCHEL_WAL_SALT_BYTES], const uint8_t b[SATCHEL_WAL_SALT_BYTES]) {
    return (int32_t)(satchel_get_u32be(a) - satchel_get_u32be(b)) > 0;
}

/* The salts of this generation: the prologue's, or without it the latest that a frame has. False: there is no frame. */
static bool find_salts(const satchel_salvage *salvage, uint8_t out[SATCHEL_WAL_SALT_BYTES]) {
    bool found = false;
    if (!salvage->count.prologue_bad) {
        memcpy(out, salvage->header + SATCHEL_WAL_HEADER_SALT_AT, SATCHEL_WAL_SALT_BYTES);
        return true;
    }
    for (uint64_t i = 0; i < salvage->slot_count; i++) {
        const slot_note *note = &salvage->slots[i];
        if (note->state != SLOT_BROKEN && (!found || is_later(note->salts, out))) {
            memcpy(out, note->salts, SATCHEL_WAL_SALT_BYTES);
            found = true;
        }
    }
    return found;
}

/*
 * The end of what was committed. Unbroken, the chain of checksums tells it exactly. Behind a slot that does not open,
 * commit frames of this generation are believed: losing a transaction that was acknowledged is worse than keeping one
 * whose sync failed.
 */
static void find_end(satchel_salvage *salvage) {
    for (uint64_t i = 0; i < salvage->slot_count; i++) {
        const slot_note *note = &salvage->slots[i];
        bool follows_whole = i == 0 ? !salvage->count.prologue_bad : salvage->slots[i - 1].state != SLOT_BROKEN;
        if (note->state == SLOT_BROKEN) {
            continue;
        }
        if (note->state != SLOT_CURRENT || (follows_whole && !note->chain_holds)) {
            break; /* from here on: what an earlier use of the file, or a transaction taken back, left */
        }
        if (note->commit != 0) {
            salvage->last_commit = i + 1;
            salvage->wanted_pages = note->commit;
        }
    }
}

/*
 * What earlier generations left is believed as far as a commit frame behind it tells, in an unbroken chain: a
 * transaction that was taken back may have been written in part, and nobody was told of it.
 */
static void sort_out_old(satchel_salvage *salvage) {
    bool committed = false;
    for (uint64_t i = salvage->slot_count; i-- > 0;) {
        slot_note *note = &salvage->slots[i];
        if (note->state != SLOT_OLD) {
            committed = false;
            continue;
        }
        committed = committed || note->commit != 0;
        note->state = committed ? SLOT_OLD : SLOT_LEFT;
        committed = committed && note->chain_holds;
    }
}

/* `by_page` holds page << 32 | slot, so that numbers alone order it. */
static int compare_places(const void *a, const void *b) {
    uint64_t left;
    uint64_t right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return (left > right) - (left < right);
}

static uint64_t place_of(uint64_t page, uint64_t slot) {
    return page << 32 | slot;
}

static satchel_status sort_slots(satchel_salvage *salvage) {
    salvage->by_page = satchel_memory_take((size_t)(salvage->last_commit + 1) * sizeof *salvage->by_page);
    if (salvage->by_page == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (uint64_t i = 0; i < salvage->last_commit; i++) {
        if (salvage->slots[i].state == SLOT_CURRENT) {
            salvage->by_page[salvage->by_page_count++] = place_of(salvage->slots[i].page, i + 1);
        }
    }
    qsort(salvage->by_page, (size_t)salvage->by_page_count, sizeof *salvage->by_page, compare_places);
    return SATCHEL_OK;
}

static void judge_slots(satchel_salvage *salvage) {
    uint8_t salts[SATCHEL_WAL_SALT_BYTES];
    if (!find_salts(salvage, salts)) {
        return;
    }
    for (uint64_t i = 0; i < salvage->slot_count; i++) {
        slot_note *note = &salvage->slots[i];
        if (note->state == SLOT_OLD && memcmp(note->salts, salts, sizeof salts) == 0) {
            note->state = SLOT_CURRENT;
        }
    }
    find_end(salvage);
    sort_out_old(salvage);
    for (uint64_t i = 0; i < salvage->slot_count; i++) {
        slot_state state = (slot_state)salvage->slots[i].state;
        bool dropped = state == SLOT_LEFT || (state == SLOT_CURRENT && i >= salvage->last_commit);
        salvage->count.frames_old += state == SLOT_OLD ? 1 : 0;
        salvage->count.frames_dropped += dropped ? 1 : 0;
    }
}

static satchel_status look_at_wal(satchel_salvage *salvage) {
    uint8_t prologue[SATCHEL_WAL_PROLOGUE_BYTES];
    uint64_t bytes = 0;
    uint64_t base_pages = 0;
    satchel_status status = size_of(salvage->wal, &bytes);
    if (status != SATCHEL_OK || bytes < SATCHEL_WAL_PROLOGUE_BYTES) {
        return status;
    }
    salvage->slot_count = (bytes - SATCHEL_WAL_PROLOGUE_BYTES) / SATCHEL_WAL_SLOT_BYTES;
    salvage->count.frames = salvage->slot_count;
    if (salvage->slot_count > UINT32_MAX) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    salvage->slots = satchel_memory_take((size_t)(salvage->slot_count + 1) * sizeof *salvage->slots);
    if (salvage->slots == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    status = read_piece(salvage->wal, 0, prologue, sizeof prologue);
    if (status == SATCHEL_OK) {
        status = satchel_wal_prologue_open(salvage->keys, prologue, salvage->header, &base_pages);
    }
    salvage->count.prologue_bad = status == SATCHEL_DAMAGED;
    salvage->wanted_pages = status == SATCHEL_OK ? base_pages : 0;
    status = status == SATCHEL_DAMAGED ? SATCHEL_OK : status;
    for (uint64_t number = 1; number <= salvage->slot_count && status == SATCHEL_OK; number++) {
        status = note_slot(salvage, number);
    }
    if (status == SATCHEL_OK) {
        judge_slots(salvage);
        status = sort_slots(salvage);
    }
    return status;
}

/* --- open and close --- */

satchel_status satchel_salvage_open(satchel_salvage **out, struct sqlite3_vfs *below, const char *store_path,
                                    satchel_vault_keys *keys, satchel_error *error) {
    uint64_t bytes = 0;
    *out = NULL;
    satchel_salvage *salvage = satchel_memory_take(sizeof *salvage);
    if (salvage == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory to look through a store");
    }
    salvage->keys = keys;
    salvage->slot = satchel_memory_take(SATCHEL_WAL_SLOT_BYTES);
    salvage->plain = satchel_memory_take(SATCHEL_PAGE_BYTES);
    satchel_status status = salvage->slot != NULL && salvage->plain != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
    if (status == SATCHEL_OK) {
        status = open_file(below, store_path, WAL_SUFFIX, &salvage->wal);
        status = status == SATCHEL_NOT_FOUND ? SATCHEL_OK : status;
    }
    if (status == SATCHEL_OK) {
        status = open_file(below, store_path, "", &salvage->database);
        if (status == SATCHEL_OK) {
            status = size_of(salvage->database, &bytes);
            salvage->file_pages = bytes / SATCHEL_PAGE_BYTES;
        } else if (status == SATCHEL_NOT_FOUND && salvage->wal != NULL) {
            status = SATCHEL_OK; /* the WAL alone is left */
        }
    }
    if (status == SATCHEL_OK && salvage->wal != NULL) {
        status = look_at_wal(salvage);
    }
    if (status != SATCHEL_OK) {
        satchel_salvage_close(salvage);
        return satchel_fail(error, status, "the store cannot be looked through");
    }
    *out = salvage;
    return SATCHEL_OK;
}

void satchel_salvage_close(satchel_salvage *salvage) {
    if (salvage == NULL) {
        return;
    }
    close_file(salvage->database);
    close_file(salvage->wal);
    satchel_memory_give(salvage->slots);
    satchel_memory_give(salvage->by_page);
    if (salvage->slot != NULL) {
        satchel_secret_wipe(salvage->slot, SATCHEL_WAL_SLOT_BYTES); /* a frame is opened in its place */
    }
    satchel_memory_give(salvage->slot);
    if (salvage->plain != NULL) {
        satchel_secret_wipe(salvage->plain, SATCHEL_PAGE_BYTES);
    }
    satchel_memory_give(salvage->plain);
    satchel_memory_give(salvage);
}

size_t satchel_salvage_usable_bytes(const satchel_salvage *salvage) {
    return SATCHEL_PAGE_BYTES - satchel_page_reserve_bytes(salvage->keys->cipher);
}

const satchel_salvage_count *satchel_salvage_counts(const satchel_salvage *salvage) {
    return &salvage->count;
}

/* --- the walk --- */

static satchel_status visit_slot(satchel_salvage *salvage, uint64_t number, uint64_t age, satchel_salvage_visitor visit,
                                 void *context) {
    uint8_t *frame = NULL;
    satchel_status status = open_slot(salvage, number, &frame);
    if (status != SATCHEL_OK) {
        return status == SATCHEL_DAMAGED ? SATCHEL_OK : status; /* counted before */
    }
    memcpy(salvage->plain, frame + SATCHEL_WAL_FRAME_HEADER_BYTES, SATCHEL_PAGE_BYTES);
    const satchel_salvage_page page = {salvage->slots[number - 1].page, age, salvage->plain};
    return visit(context, &page);
}

static satchel_status visit_slots(satchel_salvage *salvage, slot_state state, satchel_salvage_visitor visit,
                                  void *context) {
    uint64_t last = state == SLOT_CURRENT ? salvage->last_commit : salvage->slot_count;
    satchel_status status = SATCHEL_OK;
    for (uint64_t number = 1; number <= last && status == SATCHEL_OK; number++) {
        if (salvage->slots[number - 1].state == state) {
            status = visit_slot(salvage, number, state == SLOT_CURRENT ? number : 0, visit, context);
        }
    }
    return status;
}

static satchel_status read_database(satchel_salvage *salvage, uint64_t number, uint8_t *out) {
    satchel_status status = read_piece(salvage->database, (number - 1) * SATCHEL_PAGE_BYTES, out, SATCHEL_PAGE_BYTES);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_page_unseal(salvage->keys, number, out, out);
    return status == SATCHEL_FOREIGN_FILE ? SATCHEL_DAMAGED : status;
}

/* A page above the end that the last commit names, or one that the WAL replaces, is no loss if it does not open. */
static bool is_wanted(const satchel_salvage *salvage, uint64_t number) {
    if (salvage->wanted_pages != 0 && number > salvage->wanted_pages) {
        return false;
    }
    uint64_t low = 0;
    uint64_t high = salvage->by_page_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (salvage->by_page[middle] >> 32 < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == salvage->by_page_count || salvage->by_page[low] >> 32 != number;
}

/*
 * Pages that the last commit names and neither file nor WAL has. A forged number may be huge, so pages are looked at
 * one by one only as long as they are named; of the rest those that the WAL has are taken off.
 */
static void count_missing(satchel_salvage *salvage) {
    satchel_salvage_count *count = &salvage->count;
    uint64_t number = salvage->file_pages + 1;
    for (; number <= salvage->wanted_pages && count->pages_bad < SATCHEL_SALVAGE_NAMED_MOST; number++) {
        if (is_wanted(salvage, number)) {
            note_bad(&count->pages_bad, count->bad_page, number);
            count->pages_missing++;
        }
    }
    if (number > salvage->wanted_pages) {
        return;
    }
    uint64_t rest = salvage->wanted_pages - number + 1;
    uint64_t last = 0;
    for (size_t i = 0; i < salvage->by_page_count; i++) {
        uint64_t page = salvage->by_page[i] >> 32;
        rest -= page != last && page >= number && page <= salvage->wanted_pages ? 1 : 0;
        last = page;
    }
    count->pages_bad += rest;
    count->pages_missing += rest;
}

static satchel_status visit_database(satchel_salvage *salvage, satchel_salvage_visitor visit, void *context) {
    satchel_salvage_count *count = &salvage->count;
    satchel_status status = SATCHEL_OK;
    count->pages = salvage->file_pages > salvage->wanted_pages ? salvage->file_pages : salvage->wanted_pages;
    count->pages_bad = 0;
    count->pages_missing = 0;
    for (uint64_t number = 1; number <= salvage->file_pages && status == SATCHEL_OK; number++) {
        status = read_database(salvage, number, salvage->plain);
        if (status == SATCHEL_OK) {
            const satchel_salvage_page page = {number, 0, salvage->plain};
            status = visit(context, &page);
        } else if (status == SATCHEL_DAMAGED) {
            status = SATCHEL_OK;
            if (is_wanted(salvage, number)) {
                note_bad(&count->pages_bad, count->bad_page, number);
            }
        }
    }
    if (status == SATCHEL_OK) {
        count_missing(salvage);
    }
    return status;
}

satchel_status satchel_salvage_walk(satchel_salvage *salvage, satchel_salvage_visitor visit, void *context,
                                    satchel_error *error) {
    satchel_status status = visit_slots(salvage, SLOT_OLD, visit, context);
    if (status == SATCHEL_OK) {
        status = visit_database(salvage, visit, context);
    }
    if (status == SATCHEL_OK) {
        status = visit_slots(salvage, SLOT_CURRENT, visit, context);
    }
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the walk through a store ended early");
}

/* --- one page --- */

/* The commit frame that ends the transaction of slot `age`. */
static uint64_t end_of_transaction(const satchel_salvage *salvage, uint64_t age) {
    while (age < salvage->last_commit && salvage->slots[age - 1].commit == 0) {
        age++;
    }
    return age;
}

/* The newest committed slot of the page that is not above `last`, 0: none. */
static uint64_t find_slot(const satchel_salvage *salvage, uint64_t page, uint64_t last) {
    uint64_t low = 0;
    uint64_t high = salvage->by_page_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (salvage->by_page[middle] <= place_of(page, last)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && salvage->by_page[low - 1] >> 32 == page ? salvage->by_page[low - 1] & UINT32_MAX : 0;
}

satchel_status satchel_salvage_read(satchel_salvage *salvage, uint64_t number, uint64_t age,
                                    uint8_t out[SATCHEL_SALVAGE_PAGE_BYTES]) {
    uint8_t *frame = NULL;
    if (number == 0 || number > UINT32_MAX) {
        return SATCHEL_NOT_FOUND;
    }
    uint64_t slot = age > 0 ? find_slot(salvage, number, end_of_transaction(salvage, age)) : 0;
    if (slot > 0) {
        satchel_status status = open_slot(salvage, slot, &frame);
        if (status == SATCHEL_OK) {
            memcpy(out, frame + SATCHEL_WAL_FRAME_HEADER_BYTES, SATCHEL_PAGE_BYTES);
        }
        return status;
    }
    return number <= salvage->file_pages ? read_database(salvage, number, out) : SATCHEL_NOT_FOUND;
}
