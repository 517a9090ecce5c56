/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work of laying decided facts into one row, shared by the files that do it. Internal to service/.
 */
#ifndef SATCHEL_SERVER_SERVICE_RETURNED_WORK_H
#define SATCHEL_SERVER_SERVICE_RETURNED_WORK_H

#include "service/returned.h"

/* What became of an op that came back; as it is stored in returned_op.command. */
typedef enum satchel_returned_state {
    SATCHEL_RETURNED_LAID = 0,        /* no command; it is in its row */
    SATCHEL_RETURNED_WAITS = 1,       /* a command that cannot be carried out yet */
    SATCHEL_RETURNED_CARRIED_OUT = 2, /* a command */
    SATCHEL_RETURNED_OVERTAKEN = 3,   /* a command */
    SATCHEL_RETURNED_NOT_LAID = 4 /* no command; merging will not have it, as long as what it builds on is missing */
} satchel_returned_state;

typedef struct satchel_returned_entry {
    uint64_t n;
    satchel_writer writer;
    satchel_id user;
    int64_t stamp_ms;
    satchel_op op;
    satchel_returned_state state;
} satchel_returned_entry;

/* A row and its ops. */
typedef struct satchel_returned_work {
    satchel_change *change;
    const satchel_entity *entity;
    satchel_id row;
    satchel_stored_row now; /* as it is stored */
    satchel_merge_row built;
    satchel_returned_entry *entries;
    uint32_t count;
    int64_t begins_n;                /* where the present epoch begins */
    satchel_merge_outcome *outcomes; /* one an entry */
    satchel_error *error;
} satchel_returned_work;

/* --- returned_rows.c: what is kept of it --- */

/* Keeps the row as it is before the first fact comes, and takes it from there. */
SATCHEL_MUST_USE satchel_status satchel_returned_take_before(satchel_returned_work *work);
SATCHEL_MUST_USE satchel_status satchel_returned_add(const satchel_returned_work *work, const satchel_op *op,
                                                     uint64_t old_n, satchel_returned_state state);
/* All ops of the row, in their old order. */
SATCHEL_MUST_USE satchel_status satchel_returned_load(satchel_returned_work *work);
SATCHEL_MUST_USE satchel_status satchel_returned_mark(const satchel_returned_work *work, satchel_returned_entry *entry,
                                                      satchel_returned_state state);

/* --- returned.c --- */

/* Was this loss recorded when an earlier op came back? */
SATCHEL_MUST_USE satchel_status satchel_returned_is_recorded(satchel_db *db, const satchel_id *row,
                                                             const satchel_loss *loss, bool *out, satchel_error *error);

/* --- returned_sight.c --- */

/* Gives fields of an edit that its maker may not have seen a lower base, before it is laid for the first time. */
SATCHEL_MUST_USE satchel_status satchel_returned_narrow(const satchel_returned_work *work, satchel_op *op);

/* --- returned_build.c --- */

/* Did somebody write to the row since the restore? */
SATCHEL_MUST_USE satchel_status satchel_returned_is_written(satchel_returned_work *work, bool *out);
/* Lays all ops onto the row as it was. */
SATCHEL_MUST_USE satchel_status satchel_returned_build(satchel_returned_work *work);
/* Fields whose value differs, ascending; `out` has room for those of both. Gives how many. */
uint32_t satchel_returned_differing(const satchel_record *before, const satchel_record *after, uint32_t *out);

#endif
