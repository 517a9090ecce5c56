/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies in a phone's store: every value that a user wrote is a canary, and none lies there that the phone's user
 * never could read, in whatever table: rows, what is set aside, journals, the search index.
 */
#include "sim/sim.h"

#include "store/store_state.h"

#include <sqlite3.h>
#include <stdio.h>

#define TABLES_MOST 256
#define NAME_BYTES 96

static void look_at_bytes(sim_phone *phone, const char *table, const uint8_t *data, size_t bytes) {
    sim *here = phone->sim;
    for (size_t at = 0; at < bytes; at++) {
        int32_t number = sim_value_at(data + at, bytes - at);
        if (number >= 0 && (uint32_t)number < here->edit_count && !sim_is_known_to(here, phone, &here->edits[number])) {
            sim_violation(here, "phone %u holds %s in %s, which its user never could read", (unsigned)phone->index,
                          here->edits[number].value, table);
            return;
        }
    }
}

static void look_at_table(sim_phone *phone, sqlite3 *database, const char *table) {
    char sql[NAME_BYTES + 32];
    sqlite3_stmt *statement = NULL;
    (void)snprintf(sql, sizeof sql, "SELECT * FROM \"%.*s\"", NAME_BYTES, table);
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK) {
        return; /* a table of an extension that is not linked here */
    }
    while (sqlite3_step(statement) == SQLITE_ROW) {
        for (int column = 0; column < sqlite3_column_count(statement); column++) {
            int type = sqlite3_column_type(statement, column);
            if (type == SQLITE_TEXT || type == SQLITE_BLOB) {
                const uint8_t *data = sqlite3_column_blob(statement, column);
                look_at_bytes(phone, table, data, (size_t)sqlite3_column_bytes(statement, column));
            }
        }
    }
    (void)sqlite3_finalize(statement);
}

void sim_judge_store(sim_phone *phone) {
    static char names[TABLES_MOST][NAME_BYTES];
    sqlite3 *database = phone->device->store->database;
    sqlite3_stmt *statement = NULL;
    uint32_t count = 0;
    if (sqlite3_prepare_v2(database, "SELECT name FROM sqlite_master WHERE type = 'table'", -1, &statement, NULL) ==
        SQLITE_OK) {
        while (count < TABLES_MOST && sqlite3_step(statement) == SQLITE_ROW) {
            (void)snprintf(names[count++], NAME_BYTES, "%s", (const char *)sqlite3_column_text(statement, 0));
        }
    }
    (void)sqlite3_finalize(statement);
    for (uint32_t i = 0; i < count; i++) {
        look_at_table(phone, database, names[i]);
    }
    if (count == 0) {
        sim_violation(phone->sim, "the store of phone %u cannot be looked through", (unsigned)phone->index);
    }
}
