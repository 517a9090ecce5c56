/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row a walk; its column `day` holds `at`.
 */
#include "service/walk.h"

#include "base/text.h"

satchel_status satchel_walk_load(satchel_db *db, const char *name, satchel_walk *out, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    *out = (satchel_walk){.done = true};
    satchel_status status =
        SATCHEL_DB_START(&statement, db, error, "SELECT day, done, place FROM company_mark WHERE name = ?1",
                         satchel_value_text(satchel_text_of(name)));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && found) {
        *out = (satchel_walk){satchel_db_int(statement, 0), satchel_db_int(statement, 1) != 0,
                              satchel_db_id(statement, 2)};
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_walk_save(satchel_db *db, const char *name, const satchel_walk *walk, satchel_error *error) {
    return SATCHEL_DB_RUN(db, error,
                          "INSERT INTO company_mark (name, day, done, place) VALUES (?1, ?2, ?3, ?4)"
                          " ON CONFLICT (name) DO UPDATE SET day = excluded.day, done = excluded.done,"
                          " place = excluded.place",
                          satchel_value_text(satchel_text_of(name)), satchel_value_int(walk->at),
                          satchel_value_int(walk->done ? 1 : 0), satchel_value_id(&walk->after));
}
