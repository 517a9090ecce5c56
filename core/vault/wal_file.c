/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing the sealed WAL.
 *
 * SQLite writes a frame as a header of 24 bytes and a page of 4096. The header waits until its page comes; both are
 * sealed as one slot into a run, which goes to the disk with the commit frame, when it is full, or before a sync.
 * SQLite also rewrites a frame of a running transaction: its page alone, and later the headers after it, each read
 * before. Then the slot is opened, changed and sealed again under a fresh nonce.
 */
#include "vault/wal_file.h"

#include "base/bytes.h"
#include "base/memory.h"
#include "vault/database_file.h"
#include "vault/wal_tail.h"

#include <string.h>

static satchel_wal_file *file_of(sqlite3_file *base) {
    return (satchel_wal_file *)(void *)base;
}

static int damaged(satchel_wal_file *file, uint64_t frame) {
    file->vfs->damaged_page = frame;
    file->vfs->damage_in_wal = true;
    return SQLITE_IOERR_DATA;
}

static void forget_frame(satchel_wal_file *file) {
    file->frame = NULL;
}

/* What waits goes to the disk. After a failure the frames are gone, and only a rewind to them makes writing possible.
 */
static int flush(satchel_wal_file *file) {
    uint64_t first = file->run.first;
    int code = satchel_run_flush(&file->run, file->vfs, file->below);
    if (code != SQLITE_OK && (!file->lost || first < file->lost_frame)) {
        file->lost = true;
        file->lost_frame = first;
    }
    return code;
}

int satchel_wal_file_load(satchel_wal_file *file, uint64_t number, satchel_slot_state *out_state) {
    if (file->frame != NULL && file->frame_number == number) {
        *out_state = satchel_wal_state_of(file, file->frame);
        return SQLITE_OK;
    }
    forget_frame(file);
    const uint8_t *waiting = satchel_run_find(&file->run, number);
    if (waiting != NULL) {
        memcpy(file->slot, waiting, SATCHEL_WAL_SLOT_BYTES);
    } else {
        int code =
            satchel_vfs_read(file->vfs, file->below, file->slot, SATCHEL_WAL_SLOT_BYTES, satchel_wal_slot_at(number));
        if (code == SQLITE_IOERR_SHORT_READ) {
            *out_state = SATCHEL_SLOT_ABSENT;
            return SQLITE_OK;
        }
        if (code != SQLITE_OK) {
            return code;
        }
    }
    uint8_t *frame = NULL;
    file->vfs->stats.pages_opened++;
    if (satchel_wal_slot_open(file->vfs->keys, number, file->slot, &frame) != SATCHEL_OK) {
        *out_state = SATCHEL_SLOT_BROKEN;
        return SQLITE_OK;
    }
    file->frame = frame;
    file->frame_number = number;
    *out_state = satchel_wal_state_of(file, frame);
    return SQLITE_OK;
}

/* Loads a frame that must be there. */
static int load_current(satchel_wal_file *file, uint64_t number) {
    satchel_slot_state state;
    int code = satchel_wal_file_load(file, number, &state);
    if (code != SQLITE_OK) {
        return code;
    }
    if (state != SATCHEL_SLOT_CURRENT && file->lost && number >= file->lost_frame) {
        return SQLITE_IOERR_READ; /* it never reached the disk */
    }
    return state == SATCHEL_SLOT_CURRENT ? SQLITE_OK : damaged(file, number);
}

/* Seals a frame into the run. A commit frame goes to the disk at once: what was committed outlives the process. */
static int put_frame(satchel_wal_file *file, uint64_t number, const uint8_t *header, const uint8_t *page) {
    uint8_t nonce[SATCHEL_NONCE_BYTES];
    if (file->lost && number > file->lost_frame) {
        return SQLITE_IOERR_WRITE;
    }
    file->lost = false;
    if (!satchel_run_takes(&file->run, number)) {
        int code = flush(file);
        if (code != SQLITE_OK) {
            return code;
        }
    }
    int code = satchel_vfs_nonce(file->vfs, nonce);
    if (code != SQLITE_OK) {
        return code;
    }
    uint8_t *room = satchel_run_room(&file->run, number);
    satchel_status status = satchel_wal_slot_seal(file->vfs->keys, number, nonce, header, page, room);
    if (status != SATCHEL_OK) {
        return satchel_vfs_poison(file->vfs, status);
    }
    satchel_run_keep(&file->run, number);
    file->vfs->stats.pages_sealed++;
    if (satchel_wal_frame_commit(header) != 0 || satchel_run_full(&file->run)) {
        return flush(file);
    }
    return SQLITE_OK;
}

/* A frame that is there gets a new header, a new page, or both (those that are not NULL). */
static int change_frame(satchel_wal_file *file, uint64_t number, const uint8_t *header, const uint8_t *page) {
    int code = load_current(file, number);
    if (code != SQLITE_OK) {
        return code;
    }
    const uint8_t *old = file->frame;
    code = put_frame(file, number, header != NULL ? header : old,
                     page != NULL ? page : old + SATCHEL_WAL_FRAME_HEADER_BYTES);
    forget_frame(file);
    return code;
}

/* A header whose page never came was meant for a frame that is there. */
static int settle(satchel_wal_file *file) {
    if (!file->pending) {
        return SQLITE_OK;
    }
    file->pending = false;
    return change_frame(file, file->pending_frame, file->pending_header, NULL);
}

static int read_wal_header(satchel_wal_file *file, uint8_t *out) {
    uint8_t prologue[SATCHEL_WAL_PROLOGUE_BYTES];
    file->has_header = false;
    file->recovering = false;
    memset(out, 0, SATCHEL_WAL_HEADER_BYTES);
    sqlite3_int64 size = 0;
    int code = file->below->pMethods->xFileSize(file->below, &size);
    if (code != SQLITE_OK || satchel_wal_size_seen((uint64_t)size) == 0) {
        return code != SQLITE_OK ? code : SQLITE_IOERR_SHORT_READ;
    }
    code = satchel_vfs_read(file->vfs, file->below, prologue, sizeof prologue, 0);
    if (code != SQLITE_OK) {
        return code;
    }
    if (satchel_wal_prologue_open(file->vfs->keys, prologue, file->header, &file->base_pages) != SATCHEL_OK) {
        /* Frames follow only a prologue that was synced. Without any, a cut-off first write has lost nothing. */
        return (uint64_t)size < satchel_wal_slot_at(2) ? SQLITE_OK : damaged(file, 0);
    }
    file->has_header = true;
    file->recovering = true;
    file->low_pages = file->base_pages;
    memcpy(file->chain, file->header + SATCHEL_WAL_HEADER_SUM_AT, sizeof file->chain);
    file->chain_frame = 0;
    memcpy(out, file->header, SATCHEL_WAL_HEADER_BYTES);
    return SQLITE_OK;
}

/* While SQLite recovers the WAL, what does not belong to this generation reads as zeros: that ends the recovery. */
static int read_frame(satchel_wal_file *file, uint64_t number, uint8_t *out) {
    satchel_slot_state state;
    int code = satchel_wal_file_load(file, number, &state);
    if (code != SQLITE_OK) {
        return code;
    }
    if (state == SATCHEL_SLOT_CURRENT) {
        memcpy(out, file->frame, SATCHEL_WAL_FRAME_BYTES);
        if (file->recovering) {
            satchel_wal_tail_follow(file, number);
        }
        return SQLITE_OK;
    }
    if (!file->recovering) {
        return damaged(file, number);
    }
    memset(out, 0, SATCHEL_WAL_FRAME_BYTES);
    return satchel_wal_tail_judge(file, number, state);
}

/* SQLite's magic is 0x377f0682 for little-endian checksums, 0x377f0683 for big-endian ones. */
static bool big_endian_sums(const satchel_wal_file *file) {
    return (file->header[3] & 1) != 0;
}

static int read_sum(satchel_wal_file *file, uint64_t number, uint8_t out[8]) {
    if (number == 0) {
        memcpy(out, file->header + SATCHEL_WAL_HEADER_SUM_AT, 8);
        return SQLITE_OK;
    }
    int code = load_current(file, number);
    if (code == SQLITE_OK) {
        memcpy(out, file->frame + SATCHEL_WAL_FRAME_SUM_AT, 8);
    }
    return code;
}

/*
 * SQLite asks for the checksum of the frame before those whose checksums it is going to write. Its 3.40 forgets, when a
 * savepoint is undone after a spill, that the place from which it means to write them may be gone: then it asks for one
 * behind frames whose own it still owes, never writes these, and nothing from there on would be recovered. So what is
 * owed up to `number` is written here; the answer is the last checksum written, on which SQLite goes on.
 */
static int pay_sums(satchel_wal_file *file, uint64_t owed, uint64_t number, uint8_t out[8]) {
    uint64_t last = number < file->last_frame ? number : file->last_frame;
    int code = read_sum(file, owed - 1, out);
    for (uint64_t frame = owed; frame <= last && code == SQLITE_OK; frame++) {
        uint8_t header[SATCHEL_WAL_FRAME_HEADER_BYTES];
        code = load_current(file, frame);
        if (code == SQLITE_OK) {
            satchel_wal_chain_next(out, file->frame, big_endian_sums(file), out);
            memcpy(header, file->frame, sizeof header);
            memcpy(header + SATCHEL_WAL_FRAME_SUM_AT, out, 8);
            code = change_frame(file, frame, header, NULL);
        }
    }
    return code;
}

/* Parts of a frame, and the checksum in the WAL's own header. */
static int read_part(satchel_wal_file *file, satchel_wal_place place, uint8_t *out, size_t bytes) {
    if (place.frame == 0) {
        if (!file->has_header) {
            return damaged(file, 0);
        }
        memcpy(out, file->header + place.within, bytes);
        return SQLITE_OK;
    }
    if (place.within == SATCHEL_WAL_FRAME_SUM_AT) {
        uint64_t owed = file->owed_frame;
        file->owed_frame = 0;
        if (owed != 0 && place.frame >= owed) {
            return pay_sums(file, owed, place.frame, out);
        }
    }
    int code = load_current(file, place.frame);
    if (code == SQLITE_OK) {
        memcpy(out, file->frame + place.within, bytes);
    }
    return code;
}

static bool part_known(satchel_wal_place place, int amount) {
    if (place.frame == 0) {
        return place.within == SATCHEL_WAL_HEADER_SUM_AT && amount == 8;
    }
    return (place.within == 0 && amount == SATCHEL_WAL_FRAME_HEADER_BYTES) ||
           (place.within == SATCHEL_WAL_FRAME_SUM_AT && amount == 8) ||
           (place.within == SATCHEL_WAL_FRAME_HEADER_BYTES && amount == SATCHEL_PAGE_BYTES);
}

static int wal_read(sqlite3_file *base, void *out, int amount, sqlite3_int64 offset) {
    satchel_wal_file *file = file_of(base);
    if (file->vfs->poison != SATCHEL_OK) {
        return SQLITE_IOERR_READ;
    }
    if (offset < 0) {
        return satchel_vfs_poison(file->vfs, SATCHEL_UNSUPPORTED_IO);
    }
    int code = settle(file);
    if (code != SQLITE_OK) {
        return code;
    }
    satchel_wal_place place = satchel_wal_place_of((uint64_t)offset);
    if (offset == 0 && amount == SATCHEL_WAL_HEADER_BYTES) {
        return read_wal_header(file, out);
    }
    if (place.frame > 0 && place.within == 0 && amount == SATCHEL_WAL_FRAME_BYTES) {
        return read_frame(file, place.frame, out);
    }
    if (part_known(place, amount)) {
        file->recovering = false;
        return read_part(file, place, out, (size_t)amount);
    }
    return satchel_vfs_poison(file->vfs, SATCHEL_UNSUPPORTED_IO);
}

/* A new header begins a new generation. The database is whole and synced now, so its length is worth keeping. */
static int write_wal_header(satchel_wal_file *file, const uint8_t *header) {
    uint8_t nonce[SATCHEL_NONCE_BYTES];
    uint8_t prologue[SATCHEL_WAL_PROLOGUE_BYTES];
    uint64_t pages = file->vfs->database != NULL ? file->vfs->database->pages : 0;
    forget_frame(file);
    int code = flush(file);
    if (code == SQLITE_OK) {
        code = satchel_vfs_nonce(file->vfs, nonce);
    }
    if (code != SQLITE_OK) {
        return code;
    }
    satchel_status status = satchel_wal_prologue_seal(file->vfs->keys, nonce, header, pages, prologue);
    if (status != SATCHEL_OK) {
        return satchel_vfs_poison(file->vfs, status);
    }
    code = satchel_vfs_write(file->vfs, file->below, prologue, sizeof prologue, 0);
    if (code == SQLITE_OK) {
        memcpy(file->header, header, SATCHEL_WAL_HEADER_BYTES);
        file->has_header = true;
        file->base_pages = pages;
        file->low_pages = pages;
        file->owed_frame = 0;
        file->lost = false;
    }
    return code;
}

/*
 * Once a transaction has overwritten one of its frames, SQLite leaves salts and checksum of later ones at zero until it
 * rewrites them at commit. The slot must still tell its generation, so it gets the salts; the zero checksum keeps
 * recovery from taking it for a finished frame.
 */
static bool take_header(const satchel_wal_file *file, const uint8_t *header, uint8_t *out) {
    static const uint8_t unset[SATCHEL_WAL_FRAME_HEADER_BYTES - SATCHEL_WAL_FRAME_SALT_AT];
    const uint8_t *salts = file->header + SATCHEL_WAL_HEADER_SALT_AT;
    memcpy(out, header, SATCHEL_WAL_FRAME_HEADER_BYTES);
    if (memcmp(header + SATCHEL_WAL_FRAME_SALT_AT, unset, sizeof unset) == 0) {
        memcpy(out + SATCHEL_WAL_FRAME_SALT_AT, salts, SATCHEL_WAL_SALT_BYTES);
    }
    return memcmp(out + SATCHEL_WAL_FRAME_SALT_AT, salts, SATCHEL_WAL_SALT_BYTES) == 0;
}

static int write_frame_header(satchel_wal_file *file, uint64_t number, const uint8_t *header) {
    if (!take_header(file, header, file->pending_header)) {
        return satchel_vfs_poison(file->vfs, SATCHEL_UNSUPPORTED_IO);
    }
    if (file->frame != NULL && file->frame_number == number) {
        return change_frame(file, number, file->pending_header, NULL); /* just read: its checksum is being rewritten */
    }
    file->pending = true;
    file->pending_frame = number;
    return SQLITE_OK;
}

/* A frame is appended. Without its checksum: from the first of these on SQLite owes them, until it reads to write. */
static void note_sum(satchel_wal_file *file, uint64_t number) {
    static const uint8_t unset[SATCHEL_WAL_FRAME_HEADER_BYTES - SATCHEL_WAL_FRAME_SUM_AT];
    bool owed = memcmp(file->pending_header + SATCHEL_WAL_FRAME_SUM_AT, unset, sizeof unset) == 0;
    file->last_frame = number;
    if (!owed) {
        file->owed_frame = 0;
    } else if (file->owed_frame == 0 || number < file->owed_frame) {
        file->owed_frame = number;
    }
}

static int write_page(satchel_wal_file *file, uint64_t number, const uint8_t *page) {
    if (!file->pending || file->pending_frame != number) {
        int code = settle(file);
        return code == SQLITE_OK ? change_frame(file, number, NULL, page) : code;
    }
    file->pending = false;
    if (file->frame_number == number) {
        forget_frame(file);
    }
    note_sum(file, number);
    return put_frame(file, number, file->pending_header, page);
}

static int wal_write(sqlite3_file *base, const void *data, int amount, sqlite3_int64 offset) {
    satchel_wal_file *file = file_of(base);
    if (file->vfs->poison != SATCHEL_OK) {
        return SQLITE_IOERR_WRITE;
    }
    file->recovering = false;
    if (offset < 0) {
        return satchel_vfs_poison(file->vfs, SATCHEL_UNSUPPORTED_IO);
    }
    satchel_wal_place place = satchel_wal_place_of((uint64_t)offset);
    if (offset == 0 && amount == SATCHEL_WAL_HEADER_BYTES) {
        int code = settle(file);
        return code == SQLITE_OK ? write_wal_header(file, data) : code;
    }
    if (place.frame > 0 && file->has_header) {
        if (place.within == 0 && amount == SATCHEL_WAL_FRAME_HEADER_BYTES) {
            int code = settle(file);
            return code == SQLITE_OK ? write_frame_header(file, place.frame, data) : code;
        }
        if (place.within == SATCHEL_WAL_FRAME_HEADER_BYTES && amount == SATCHEL_PAGE_BYTES) {
            return write_page(file, place.frame, data);
        }
    }
    return satchel_vfs_poison(file->vfs, SATCHEL_UNSUPPORTED_IO);
}

/* Everything that waits, a lone header included, goes to the disk. */
static int settle_all(satchel_wal_file *file) {
    int code = settle(file);
    return code == SQLITE_OK ? flush(file) : code;
}

static int wal_truncate(sqlite3_file *base, sqlite3_int64 size) {
    satchel_wal_file *file = file_of(base);
    if (file->vfs->poison != SATCHEL_OK || size < 0) {
        return SQLITE_IOERR_TRUNCATE;
    }
    int code = settle_all(file);
    if (code != SQLITE_OK) {
        return code;
    }
    forget_frame(file);
    if (size == 0) {
        file->has_header = false;
    }
    uint64_t on_disk = satchel_wal_size_on_disk((uint64_t)size);
    return file->below->pMethods->xTruncate(file->below, (sqlite3_int64)on_disk);
}

static int wal_sync(sqlite3_file *base, int flags) {
    satchel_wal_file *file = file_of(base);
    int code = settle_all(file);
    return code == SQLITE_OK ? satchel_vfs_sync(file->vfs, file->below, flags) : code;
}

static int wal_size(sqlite3_file *base, sqlite3_int64 *out) {
    satchel_wal_file *file = file_of(base);
    sqlite3_int64 size = 0;
    int code = settle_all(file);
    if (code == SQLITE_OK) {
        code = file->below->pMethods->xFileSize(file->below, &size);
    }
    *out = (sqlite3_int64)satchel_wal_size_seen((uint64_t)size);
    return code;
}

static int wal_lock(sqlite3_file *base, int level) {
    (void)base;
    (void)level;
    return SQLITE_OK; /* the lock on the database covers its WAL */
}

static int wal_check_reserved(sqlite3_file *base, int *out) {
    (void)base;
    *out = 0;
    return SQLITE_OK;
}

static int wal_control(sqlite3_file *base, int op, void *argument) {
    satchel_wal_file *file = file_of(base);
    return satchel_vfs_file_control(file->vfs, file->below, op, argument);
}

static int wal_sector_size(sqlite3_file *base) {
    sqlite3_file *below = file_of(base)->below;
    return below->pMethods->xSectorSize(below);
}

static int wal_close(sqlite3_file *base) {
    satchel_wal_file *file = file_of(base);
    int settled = settle_all(file);
    int code = file->below->pMethods->xClose(file->below);
    file->vfs->wal = NULL;
    satchel_run_deinit(&file->run);
    satchel_memory_give(file->slot);
    return settled != SQLITE_OK ? settled : code;
}

static const sqlite3_io_methods wal_methods = {
    .iVersion = 1,
    .xClose = wal_close,
    .xRead = wal_read,
    .xWrite = wal_write,
    .xTruncate = wal_truncate,
    .xSync = wal_sync,
    .xFileSize = wal_size,
    .xLock = wal_lock,
    .xUnlock = wal_lock,
    .xCheckReservedLock = wal_check_reserved,
    .xFileControl = wal_control,
    .xSectorSize = wal_sector_size,
    .xDeviceCharacteristics = satchel_vfs_device_characteristics,
};

int satchel_wal_file_init(satchel_wal_file *file, satchel_vfs *vfs) {
    satchel_status status = satchel_run_init(&file->run, SATCHEL_WAL_SLOT_BYTES, SATCHEL_WAL_PROLOGUE_BYTES);
    file->slot = satchel_memory_take(SATCHEL_WAL_SLOT_BYTES);
    if (status != SATCHEL_OK || file->slot == NULL) {
        satchel_run_deinit(&file->run);
        satchel_memory_give(file->slot);
        return SQLITE_NOMEM;
    }
    file->base.pMethods = &wal_methods;
    vfs->wal = file;
    return SQLITE_OK;
}
