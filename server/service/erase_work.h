/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of erasing: what the files that look for rows, and that empty what was kept of them, share. Not for other
 * modules.
 */
#ifndef SATCHEL_SERVER_SERVICE_ERASE_WORK_H
#define SATCHEL_SERVER_SERVICE_ERASE_WORK_H

#include "service/desk.h"
#include "service/erase.h"

typedef struct erase_work {
    const satchel_service *service;
    satchel_db *db;
    satchel_arena *arena;
    satchel_desk *desk; /* NULL: rows are only looked for */
    satchel_change *change;
    satchel_id erasure;
    satchel_person_row *rows;
    uint32_t count;
    uint32_t capacity;
    uint64_t wiped;
    satchel_error *error;
} erase_work;

/* --- erase_kept.c: all write --- */

/* Values of the row in conflicts, refusals and parked edits. */
SATCHEL_MUST_USE satchel_status satchel_erase_journals(erase_work *work, const satchel_person_row *at);
/* What of the row came back after a restore. */
SATCHEL_MUST_USE satchel_status satchel_erase_returned(erase_work *work, const satchel_person_row *at);
/* What commands kept of it. */
SATCHEL_MUST_USE satchel_status satchel_erase_commands(erase_work *work, const satchel_person_row *at);
/* Kept units that are about one of the rows, or name a person among them. */
SATCHEL_MUST_USE satchel_status satchel_erase_kept_units(erase_work *work);

#endif
