/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing: a local transaction of changes that is committed as one unit and synced as one unit.
 *
 * Until commit nothing is stored. What commit has returned OK for survives kill, power cut and upgrade.
 */
#ifndef SATCHEL_WRITE_H
#define SATCHEL_WRITE_H

#include <satchel/device.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SATCHEL_UNIT_OPS_MOST 4096
#define SATCHEL_UNIT_BYTES_MOST 1048576

/* Belongs to one thread at a time. A device that is locked or suspended empties its open writes: they answer LOCKED. */
typedef struct satchel_write satchel_write;

/* Errors: NO_MEMORY, LOCKED, READ_ONLY_STORE. */
SATCHEL_MUST_USE satchel_status satchel_write_begin(satchel_write **out, satchel_device *device, satchel_error *error);

/* Drops what was not committed. NULL is fine. */
void satchel_write_abandon(satchel_write *write);

/*
 * A new row from protobuf bytes of the entity's message. `*id`: none = an id is made and given back; else used as is.
 * Errors: those of validation (REQUIRED_MISSING, WRONG_TYPE, OUT_OF_RANGE, TOO_LONG, BAD_TEXT, PATTERN_MISMATCH,
 * READ_ONLY_FIELD, UNKNOWN_ENTITY, UNKNOWN_FIELD, MALFORMED), ALREADY_EXISTS, REFERENCE_MISSING, LATE_FOR_PARENT,
 * FORBIDDEN, LIMIT_EXCEEDED (SATCHEL_UNIT_OPS_MOST, SATCHEL_UNIT_BYTES_MOST), NO_MEMORY. The write stays usable.
 */
SATCHEL_MUST_USE satchel_status satchel_write_create(satchel_write *write, uint32_t entity, satchel_bytes record,
                                                     satchel_id *id, satchel_error *error);

/*
 * Changes fields of a row: those in `record` are set (a set field to exactly these elements; what was added and
 * removed is derived), those in `cleared` become null. Fields equal to what the user sees are not part of the change;
 * if none is left nothing is recorded. A group is completed from what the user sees. Errors: as satchel_write_create,
 * NOT_FOUND, IMMUTABLE, ILLEGAL_STATE.
 */
SATCHEL_MUST_USE satchel_status satchel_write_edit(satchel_write *write, uint32_t entity, const satchel_id *id,
                                                   satchel_bytes record, const uint32_t *cleared,
                                                   uint32_t cleared_count, satchel_error *error);

/* Adds to a counter (policy SUM). Errors: as satchel_write_edit, WRONG_TYPE (no counter), OUT_OF_RANGE. */
SATCHEL_MUST_USE satchel_status satchel_write_add(satchel_write *write, uint32_t entity, const satchel_id *id,
                                                  uint32_t field, int64_t delta, satchel_error *error);

/*
 * Deletes the row and the rows that travel with it.
 * Errors: NOT_FOUND, IMMUTABLE, FORBIDDEN (archived instead), LATE_FOR_PARENT, LIMIT_EXCEEDED.
 */
SATCHEL_MUST_USE satchel_status satchel_write_delete(satchel_write *write, uint32_t entity, const satchel_id *id,
                                                     satchel_error *error);

/* Names what was committed; sequences are contiguous. count 0: there was nothing to commit. */
typedef struct satchel_receipt {
    uint64_t first_sequence;
    uint32_t count;
} satchel_receipt;

/*
 * Commits durably and frees the write. On failure nothing was stored and the write stays as it was, for another try
 * or satchel_write_abandon. `receipt` may be NULL. Errors: DISK_FULL, IO_ERROR, LOCKED, RANDOM_FAILED, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_commit(satchel_write *write, satchel_receipt *receipt, satchel_error *error);

/*
 * Takes an op back by a new unit with the inverse change, and marks it as taken back.
 * Errors: NOT_FOUND, IMMUTABLE (a fact that the server has), and as commit.
 */
SATCHEL_MUST_USE satchel_status satchel_undo(satchel_device *device, uint64_t sequence, satchel_error *error);

#ifdef __cplusplus
}
#endif
#endif
