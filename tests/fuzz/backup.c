/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backup's stream, in pieces: [length of the first piece 2, big-endian][stream]. Both ways of reading it, checking
 * and loading into a company's tables, take any bytes; what is checked whole counts its rows, and no piece behind the
 * end is taken.
 */
#include "fuzz/support/fuzz.h"

#include "base/ids.h"
#include "service/backup.h"

#include <string.h>

#define MEMORY_BYTES(bytes) ((bytes)*4 + 262144)

static bool is_answer(satchel_status status) {
    return status == SATCHEL_OK || status == SATCHEL_MALFORMED || status == SATCHEL_NEWER_FORMAT;
}

/* Pieces are cut between records; one that is not is refused. */
static satchel_status check(satchel_bytes first, satchel_bytes second, satchel_backup_facts *out) {
    satchel_backup_loader *loader = NULL;
    FUZZ_HOLDS(satchel_backup_load_open(&loader, NULL) == SATCHEL_OK);
    satchel_status status = satchel_backup_load(loader, first, NULL);
    if (status == SATCHEL_OK && second.bytes > 0) {
        status = satchel_backup_load(loader, second, NULL);
    }
    FUZZ_HOLDS(is_answer(status));
    if (status == SATCHEL_OK) {
        status = satchel_backup_load_end(loader, out, NULL);
        FUZZ_HOLDS(status == SATCHEL_OK || status == SATCHEL_MALFORMED);
    }
    if (status == SATCHEL_OK) {
        static const uint8_t more[] = {4, 0};
        FUZZ_HOLDS(satchel_backup_load(loader, satchel_bytes_of(more, sizeof more), NULL) == SATCHEL_MALFORMED);
    }
    satchel_backup_load_close(loader);
    return status;
}

/* Into an empty database: names of tables and columns never become other text of SQL. */
static void load(satchel_bytes stream) {
    satchel_backup_loader *loader = NULL;
    satchel_db *db = NULL;
    int64_t there = 0;
    satchel_backup_facts facts;
    FUZZ_HOLDS(satchel_db_open_sqlite(&db, ":memory:", SATCHEL_DB_WRITER, NULL) == SATCHEL_OK);
    FUZZ_HOLDS(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL) == SATCHEL_OK);
    FUZZ_HOLDS(satchel_db_exec(db,
                               "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB); CREATE TABLE keep (a, b);"
                               "INSERT INTO keep VALUES (1, 2)",
                               NULL) == SATCHEL_OK);
    FUZZ_HOLDS(satchel_backup_load_open(&loader, db) == SATCHEL_OK);
    satchel_status status = satchel_backup_load(loader, stream, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_backup_load_end(loader, &facts, NULL);
    }
    satchel_backup_load_close(loader);
    FUZZ_HOLDS(satchel_db_number_values(db, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'", NULL, 0, 0,
                                        &there, NULL) == SATCHEL_OK);
    FUZZ_HOLDS(there == 2);
    satchel_db_rollback(db);
    satchel_db_close(db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_reader input = satchel_reader_of(satchel_bytes_of(data, bytes));
    uint8_t length[2];
    satchel_backup_facts whole;
    satchel_backup_facts parts;
    fuzz_begin();
    fuzz_fill(&input, length, sizeof length);
    satchel_bytes stream = fuzz_rest(&input);
    size_t cut = (size_t)(length[0] * 256 + length[1]);
    cut = cut < stream.bytes ? cut : stream.bytes;
    satchel_status once = check(stream, (satchel_bytes){NULL, 0}, &whole);
    satchel_status twice =
        check(satchel_bytes_of(stream.data, cut), satchel_bytes_of(stream.data + cut, stream.bytes - cut), &parts);
    FUZZ_HOLDS(twice != SATCHEL_OK || once == SATCHEL_OK);
    FUZZ_HOLDS(once != SATCHEL_OK || whole.rows <= stream.bytes);
    FUZZ_HOLDS(twice != SATCHEL_OK || (parts.rows == whole.rows && parts.n == whole.n && parts.epoch == whole.epoch));
    load(stream);
    fuzz_end(MEMORY_BYTES(bytes));
    return 0;
}

/* --- seeds: a small database of the real writer --- */

typedef struct tape {
    satchel_buffer bytes;
} tape;

static satchel_status keep(void *context, satchel_bytes piece, bool last, satchel_error *error) {
    (void)last;
    (void)error;
    return satchel_buffer_append(&((tape *)context)->bytes, piece);
}

void fuzz_seeds(void) {
    static const uint16_t cuts[] = {0, 46, 60, 65535};
    satchel_db *db = NULL;
    satchel_backup_facts facts;
    tape stream = {{NULL, 0, 0}};
    FUZZ_HOLDS(satchel_db_open_sqlite(&db, ":memory:", SATCHEL_DB_WRITER, NULL) == SATCHEL_OK);
    FUZZ_HOLDS(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL) == SATCHEL_OK);
    FUZZ_HOLDS(satchel_db_exec(db,
                               "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB);"
                               "CREATE TABLE counter (one INTEGER, epoch BIGINT, n BIGINT, audit_position BIGINT,"
                               " audit_hash BLOB, day BIGINT, reserved_n BIGINT, erasures BIGINT, fenced BIGINT);"
                               "INSERT INTO counter VALUES (1, 2, 7, 3, '', 0, 0, 0, 0);"
                               "CREATE TABLE keep (a BIGINT, b TEXT); INSERT INTO keep VALUES (-1, 'x'), (NULL, '');"
                               "CREATE TABLE real_one (rowid INTEGER PRIMARY KEY, r REAL, c BLOB);"
                               "INSERT INTO real_one VALUES (5, 0.5, x'00ff')",
                               NULL) == SATCHEL_OK);
    FUZZ_HOLDS(satchel_backup_dump(NULL, db, keep, &stream, &facts, NULL) == SATCHEL_OK);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        satchel_buffer seed = {NULL, 0, 0};
        const uint8_t length[2] = {(uint8_t)(cuts[i] >> 8), (uint8_t)cuts[i]};
        fuzz_append(&seed, satchel_bytes_of(length, sizeof length));
        fuzz_append(&seed, satchel_buffer_view(&stream.bytes));
        fuzz_seed(satchel_buffer_view(&seed));
        satchel_buffer_deinit(&seed);
    }
    satchel_buffer_deinit(&stream.bytes);
    satchel_db_rollback(db);
    satchel_db_close(db);
}
