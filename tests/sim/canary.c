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
        sim_violation(phone->sim, "table %s of phone %u cannot be read", table, (unsigned)phone->index);
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

/* The names of the tables; a virtual one is what its own tables hold. */
static uint32_t list_tables(sqlite3 *database, char names[TABLES_MOST][NAME_BYTES]) {
    sqlite3_stmt *statement = NULL;
    uint32_t count = 0;
    if (sqlite3_prepare_v2(database, "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0", -1,
                           &statement, NULL) == SQLITE_OK) {
        while (count < TABLES_MOST && sqlite3_step(statement) == SQLITE_ROW) {
            (void)snprintf(names[count++], NAME_BYTES, "%s", (const char *)sqlite3_column_text(statement, 0));
        }
    }
    (void)sqlite3_finalize(statement);
    return count;
}

/* Which of them hold something, in one question: most are empty, and a statement for each costs more than its rows. */
static bool note_filled(sqlite3 *database, char names[TABLES_MOST][NAME_BYTES], uint32_t count, bool *filled) {
    static char sql[TABLES_MOST * (NAME_BYTES + 32)];
    size_t bytes = 0;
    sqlite3_stmt *statement = NULL;
    for (uint32_t i = 0; i < count; i++) {
        int put = snprintf(sql + bytes, sizeof sql - bytes, "%s EXISTS (SELECT 1 FROM \"%s\")", i == 0 ? "SELECT" : ",",
                           names[i]);
        bytes += put > 0 ? (size_t)put : 0;
    }
    bool known = count > 0 && sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK &&
                 sqlite3_step(statement) == SQLITE_ROW;
    for (uint32_t i = 0; known && i < count; i++) {
        filled[i] = sqlite3_column_int(statement, (int)i) != 0;
    }
    (void)sqlite3_finalize(statement);
    return known;
}

void sim_judge_store(sim_phone *phone) {
    static char names[TABLES_MOST][NAME_BYTES];
    bool filled[TABLES_MOST] = {false};
    sqlite3 *database = phone->device->store->database;
    uint32_t count = list_tables(database, names);
    if (!note_filled(database, names, count, filled)) {
        sim_violation(phone->sim, "the store of phone %u cannot be looked through", (unsigned)phone->index);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (filled[i]) {
            look_at_table(phone, database, names[i]);
        }
    }
}
