/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of restored servers share: a backup in memory, and phones that keep what they were told.
 */
#ifndef SATCHEL_TESTS_EPOCH_STAGE_H
#define SATCHEL_TESTS_EPOCH_STAGE_H

#include "service/backup.h"
#include "service/epoch.h"
#include "service/returned.h"
#include "support/server_service/mirror.h"
#include "support/server_service/stage.h"

#define KEEPER_UNITS_MOST 256

typedef struct tape {
    satchel_buffer pieces[64];
    uint32_t count;
    satchel_backup_facts facts;
} tape;

void tape_record(stage *here, tape *out);
void tape_erase(tape *on);
/* Puts the database back; the marks are what a ledger would say. Returns the new epoch. */
uint32_t tape_put_back(stage *here, const tape *from, bool has_ledger);

typedef struct told_unit {
    satchel_buffer bytes;
    uint64_t first;
    uint32_t ops;
    uint8_t receipt[SATCHEL_RECEIPT_BYTES];
    satchel_unit_return shown;
} told_unit;

typedef struct keeper {
    phone phone;
    told_unit units[KEEPER_UNITS_MOST];
    uint32_t count;
} keeper;

void keeper_note(keeper *mine);
void keeper_sync(keeper *mine);
/* As a store does that hears of a new epoch: everything behind what the server has goes out again, with receipts. */
void keeper_show_again(keeper *mine, uint64_t after);
uint64_t keeper_applied(stage *here, const keeper *mine);
/* The phone comes back after a restore, shows what is missing, and goes on. */
void keeper_return(keeper *mine);
void keeper_close(keeper *mine);

/* One exchange; `out_told`: how far the server says that it knows the phone's ops. */
satchel_status keeper_exchange(keeper *mine, uint64_t *out_told);
/* The same store on another phone: what it was told it was told as well. Request numbers are kept apart. */
keeper *keeper_copy(const keeper *mine);

/* What the company looks like: the values of all rows of the kinds that phones write, whatever order they came in. */
void stretch_picture(stage *here, satchel_buffer *out);
/* Does the phone hold of the customer what stands on the server: the fields that lives write? */
bool stretch_shows(stage *here, const keeper *mine, const satchel_id *customer);
void phone_add_points(phone *mine, const satchel_id *customer, int64_t points);
/* Three phones do so many things, now and then calling the server, and all call at the end; customers are shared. */
void stretch_live(stage *here, keeper *phones, test_random *random, satchel_id *customers, uint32_t *count, int steps);

#endif
