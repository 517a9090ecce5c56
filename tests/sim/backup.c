/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups of the server: the whole database as a stream of pieces, and the little ledger beside it, which a restore
 * does not put back.
 *
 * These are the parts of the server's epochs that the simulator has in its process: dump, load, ledger entries, a new
 * epoch. Files, keys and the fence of a server without a ledger are the host's, and tested with it.
 */
#include "service/backup.h"
#include "service/epoch.h"
#include "sim/sim.h"

#include <string.h>

#define PIECES_MOST 256
#define ENTRIES_MOST 1024

/* The simulator is one thread. */
static struct {
    satchel_buffer pieces[PIECES_MOST];
    uint32_t count;
} tape;

static struct {
    satchel_ledger_entry entries[ENTRIES_MOST];
    uint32_t count;
} ledger;

static void wind_back(void) {
    for (uint32_t i = 0; i < tape.count; i++) {
        satchel_buffer_deinit(&tape.pieces[i]);
    }
    tape.count = 0;
}

void sim_backup_forget(void) {
    wind_back();
    ledger.count = 0;
}

bool sim_backup_is_there(void) {
    return tape.count > 0;
}

static satchel_status to_tape(void *context, satchel_bytes piece, bool last, satchel_error *error) {
    (void)context;
    (void)last;
    (void)error;
    if (tape.count == PIECES_MOST) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    memset(&tape.pieces[tape.count], 0, sizeof tape.pieces[tape.count]);
    return satchel_buffer_append(&tape.pieces[tape.count++], piece);
}

satchel_status sim_backup_take(sim *here) {
    satchel_backup_facts facts;
    wind_back();
    satchel_status status = satchel_db_begin(here->db, SATCHEL_DB_READ, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_backup_dump(here->service, here->db, to_tape, NULL, &facts, NULL);
    }
    satchel_db_rollback(here->db);
    return status;
}

static satchel_status keep_entry(void *context, uint64_t serial, satchel_bytes entry) {
    (void)context;
    if (ledger.count == ENTRIES_MOST) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    satchel_status status = satchel_ledger_decode(entry, &ledger.entries[ledger.count]);
    ledger.entries[ledger.count++].serial = serial;
    return status;
}

static satchel_status load(satchel_db *db) {
    satchel_backup_loader *loader = NULL;
    satchel_backup_facts facts;
    satchel_status status = satchel_backup_load_open(&loader, db);
    for (uint32_t i = 0; i < tape.count && status == SATCHEL_OK; i++) {
        status = satchel_backup_load(loader, satchel_buffer_view(&tape.pieces[i]), NULL);
    }
    if (status == SATCHEL_OK) {
        status = satchel_backup_load_end(loader, &facts, NULL);
    }
    satchel_backup_load_close(loader);
    return status;
}

/* As the host does: the database takes up what the ledger has, under its serials, so that what follows is behind it. */
static satchel_status adopt(satchel_db *db, satchel_ledger_marks *marks) {
    satchel_status status = satchel_ledger_number_all(db, NULL);
    bool is_new = false;
    for (uint32_t i = 0; i < ledger.count && status == SATCHEL_OK; i++) {
        satchel_ledger_mark(marks, &ledger.entries[i]);
        status = satchel_ledger_adopt(db, &ledger.entries[i], &is_new, NULL);
    }
    return status;
}

/* What is in the ledger is carried out on what was loaded, before anybody is served. */
static satchel_status put_back(sim *here, void *context) {
    satchel_ledger_marks marks = {0, 0, 0};
    uint32_t epoch = 0;
    bool done = false;
    (void)context;
    satchel_status status = load(here->db);
    if (status == SATCHEL_OK) {
        status = adopt(here->db, &marks);
    }
    if (status == SATCHEL_OK) {
        status = satchel_epoch_begin(here->service, here->db, &marks, &epoch, NULL);
    }
    for (uint32_t i = 0; i < ledger.count && status == SATCHEL_OK; i++) {
        status = satchel_ledger_carry_out(here->service, here->db, &ledger.entries[i], &done, NULL);
    }
    return status == SATCHEL_OK ? satchel_epoch_fence(here->service, here->db, false, NULL) : status;
}

satchel_status sim_backup_put_back(sim *here) {
    /* It outlives every database: what earlier ones wrote into it stays. */
    uint64_t last = ledger.count > 0 ? ledger.entries[ledger.count - 1].serial : 0;
    satchel_status status = satchel_db_begin(here->db, SATCHEL_DB_READ, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_ledger_list(here->db, last, keep_entry, NULL, NULL);
    }
    satchel_db_rollback(here->db);
    if (status == SATCHEL_OK) {
        status = sim_office_write(here, put_back, NULL);
    }
    sim_office_restart(here);
    return status;
}
