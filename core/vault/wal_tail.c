/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of the WAL, judged.
 *
 * Under synchronous=FULL a transaction's frames are synced before the next transaction writes any. So only the last
 * transaction can have frames missing after a power cut, in any pattern, its commit frame present or not. If behind a
 * missing frame a commit frame is found, and behind that a frame which continues its chain of checksums, then a later
 * transaction had begun, the missing frame had been synced, and this is damage. (Frames of a transaction that was
 * rolled back also lie behind the end; they are of this generation, but do not continue the chain.)
 */
#include "vault/wal_tail.h"

#include <string.h>

satchel_slot_state satchel_wal_state_of(const satchel_wal_file *file, const uint8_t *frame) {
    bool same = file->has_header && memcmp(frame + SATCHEL_WAL_FRAME_SALT_AT, file->header + SATCHEL_WAL_HEADER_SALT_AT,
                                           SATCHEL_WAL_SALT_BYTES) == 0;
    return same ? SATCHEL_SLOT_CURRENT : SATCHEL_SLOT_STALE;
}

/* SQLite's magic is 0x377f0682 for little-endian checksums, 0x377f0683 for big-endian ones. */
static bool big_endian_sums(const satchel_wal_file *file) {
    return (file->header[3] & 1) != 0;
}

void satchel_wal_tail_follow(satchel_wal_file *file, uint64_t number) {
    if (number != file->chain_frame + 1 || !satchel_wal_chain_holds(file->chain, file->frame, big_endian_sums(file))) {
        return;
    }
    memcpy(file->chain, file->frame + SATCHEL_WAL_FRAME_SUM_AT, sizeof file->chain);
    file->chain_frame = number;
    uint64_t commit = satchel_wal_frame_commit(file->frame);
    if (commit != 0 && commit < file->low_pages) {
        file->low_pages = commit;
    }
}

/* What lies behind the first slot that is not of this generation. */
typedef struct tail_findings {
    bool any;       /* a frame of this generation */
    bool commit;    /* a commit frame of this generation */
    bool continued; /* a commit frame, and a frame that continues its chain */
} tail_findings;

static int look_behind(satchel_wal_file *file, uint64_t number, tail_findings *findings) {
    uint8_t sum[8] = {0};
    uint64_t commit_frame = 0; /* number of the commit frame whose checksum is in `sum` */
    for (;; number++) {
        satchel_slot_state state;
        int code = satchel_wal_file_load(file, number, &state);
        if (code != SQLITE_OK || state == SATCHEL_SLOT_ABSENT) {
            return code;
        }
        if (state != SATCHEL_SLOT_CURRENT) {
            continue;
        }
        findings->any = true;
        if (commit_frame != 0 && commit_frame + 1 == number &&
            satchel_wal_chain_holds(sum, file->frame, big_endian_sums(file))) {
            findings->continued = true;
            return SQLITE_OK;
        }
        if (satchel_wal_frame_commit(file->frame) != 0) {
            findings->commit = true;
            commit_frame = number;
            memcpy(sum, file->frame + SATCHEL_WAL_FRAME_SUM_AT, sizeof sum);
        }
    }
}

int satchel_wal_tail_judge(satchel_wal_file *file, uint64_t number, satchel_slot_state state) {
    tail_findings findings = {false, false, false};
    if (state == SATCHEL_SLOT_ABSENT) {
        return SQLITE_OK;
    }
    int code = look_behind(file, number + 1, &findings);
    if (code != SQLITE_OK) {
        return code;
    }
    if (findings.continued) {
        file->vfs->damaged_page = number;
        file->vfs->damage_in_wal = true;
        return SQLITE_IOERR_DATA;
    }
    if (findings.commit) {
        file->vfs->stats.tail = SATCHEL_VAULT_TAIL_BROKEN;
    } else if (state == SATCHEL_SLOT_BROKEN) {
        file->vfs->stats.tail = SATCHEL_VAULT_TAIL_UNFINISHED;
    }
    return SQLITE_OK;
}
