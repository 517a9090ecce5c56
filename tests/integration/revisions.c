/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Revisions become visible in the order of their numbers: 64 writers hold their commits for up to 200 ms, some go back,
 * some lose their session; meanwhile readers go on by cursor. What a reader saw must be all that was committed.
 *
 * Runs on the PostgreSQL database of SATCHEL_TEST_POSTGRES. The waiting is done by the database (pg_sleep), as a slow
 * disk or a far server would.
 */
#include "support/database.h"
#include "support/random.h"

#include <pthread.h>
#include <string.h>

#define WRITERS 64
#define READERS 4
#define ROUNDS 3
#define ROWS_MOST 4096
/* One hold in so many is long; the others are short, or one lock for all would make the test last for minutes. */
#define LONG_HOLD_EVERY 24
#define LONG_HOLD_MS 200
#define SHORT_HOLD_MS 6

typedef struct scene {
    char where[TEST_DATABASE_WHERE_BYTES];
    bool by_sequence; /* the mutant: numbers from nextval, and no lock */
    atomic_bool ended;
} scene;

static satchel_db *connect_to(const scene *here, satchel_db_role role) {
    satchel_db *db = NULL;
    return satchel_db_open_postgres(&db, here->where, role, NULL) == SATCHEL_OK ? db : NULL;
}

static satchel_status take_number(const scene *here, satchel_db *db, int64_t *out) {
    if (here->by_sequence) {
        return satchel_db_number_values(db, "SELECT nextval('numbers')", NULL, 0, 0, out, NULL);
    }
    satchel_status status = satchel_db_exec(db, "UPDATE counter SET n = n + 1", NULL);
    return status == SATCHEL_OK ? satchel_db_number_values(db, "SELECT n FROM counter", NULL, 0, 0, out, NULL) : status;
}

static satchel_status hold(satchel_db *db, uint32_t hold_ms) {
    char sql[64];
    (void)snprintf(sql, sizeof sql, "SELECT pg_sleep(%u / 1000.0)", hold_ms);
    return satchel_db_exec(db, sql, NULL);
}

/* One transaction: a number, a row, a while, and then its end. */
static void write_once(const scene *here, satchel_db *db, test_random *random) {
    int64_t n = 0;
    satchel_status status = here->by_sequence ? satchel_db_exec(db, "BEGIN ISOLATION LEVEL READ COMMITTED", NULL)
                                              : satchel_db_begin(db, SATCHEL_DB_WRITE, NULL);
    if (status == SATCHEL_OK) {
        status = take_number(here, db, &n);
    }
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(db, NULL, "INSERT INTO log (n) VALUES (?1)", satchel_value_int(n));
    }
    bool is_long = test_random_below(random, LONG_HOLD_EVERY) == 0;
    if (status == SATCHEL_OK) {
        status = hold(db, (uint32_t)test_random_below(random, is_long ? LONG_HOLD_MS : SHORT_HOLD_MS));
    }
    uint64_t end = test_random_below(random, 10);
    if (status == SATCHEL_OK && end == 0) {
        status = satchel_db_exec(db, "SELECT pg_terminate_backend(pg_backend_pid())", NULL);
        CHECK_STATUS(status, SATCHEL_IO_ERROR);
    } else if (status == SATCHEL_OK && end > 2) {
        CHECK_OK(satchel_db_commit(db, NULL));
    }
    satchel_db_rollback(db);
}

typedef struct actor {
    scene *here;
    uint64_t seed;
    bool seen[ROWS_MOST];
    int64_t cursor;
} actor;

static void *write_on(void *argument) {
    actor *mine = argument;
    test_random random = test_random_of(mine->seed);
    satchel_db *db = connect_to(mine->here, SATCHEL_DB_WRITER);
    CHECK(db != NULL);
    for (int round = 0; db != NULL && round < ROUNDS; round++) {
        write_once(mine->here, db, &random);
    }
    satchel_db_close(db);
    return NULL;
}

/* What lies behind the cursor in one snapshot; the cursor moves on to the last of it. */
static void read_once(actor *mine, satchel_db *db) {
    satchel_db_statement *statement = NULL;
    bool row = false;
    CHECK_OK(satchel_db_begin(db, SATCHEL_DB_READ, NULL));
    satchel_status status = SATCHEL_DB_START(&statement, db, NULL, "SELECT n FROM log WHERE n > ?1 ORDER BY n LIMIT 16",
                                             satchel_value_int(mine->cursor));
    row = status == SATCHEL_OK;
    while (status == SATCHEL_OK && row) {
        status = satchel_db_step(statement, &row, NULL);
        if (status == SATCHEL_OK && row) {
            mine->cursor = satchel_db_int(statement, 0);
            mine->seen[mine->cursor % ROWS_MOST] = true;
        }
    }
    CHECK_OK(status);
    satchel_db_end(statement);
    satchel_db_rollback(db);
}

static void *read_on(void *argument) {
    actor *mine = argument;
    satchel_db *db = connect_to(mine->here, SATCHEL_DB_READER);
    CHECK(db != NULL);
    bool last = db == NULL;
    while (!last) {
        last = atomic_load(&mine->here->ended); /* once more after the end, to the end */
        int64_t before = mine->cursor;
        read_once(mine, db);
        last = last && mine->cursor == before;
    }
    satchel_db_close(db);
    return NULL;
}

/* Committed rows that some reader never saw. */
static uint32_t count_missed(const scene *here, const actor *readers) {
    satchel_db *db = connect_to(here, SATCHEL_DB_READER);
    satchel_db_statement *statement = NULL;
    uint32_t missed = 0;
    uint32_t rows = 0;
    bool row = false;
    REQUIRE(db != NULL);
    REQUIRE_OK(satchel_db_start(&statement, db, "SELECT n FROM log", NULL, 0, NULL));
    REQUIRE_OK(satchel_db_step(statement, &row, NULL));
    while (row) {
        int64_t n = satchel_db_int(statement, 0);
        REQUIRE(n > 0 && n < ROWS_MOST);
        for (int i = 0; i < READERS; i++) {
            missed += readers[i].seen[n] ? 0 : 1;
        }
        rows++;
        REQUIRE_OK(satchel_db_step(statement, &row, NULL));
    }
    satchel_db_end(statement);
    satchel_db_close(db);
    CHECK(rows > WRITERS * ROUNDS / 3);
    return missed;
}

static uint32_t play(bool by_sequence) {
    static scene here;
    static actor writers[WRITERS];
    static actor readers[READERS];
    pthread_t threads[WRITERS + READERS];
    REQUIRE(test_database_server() != NULL);
    memset(&here, 0, sizeof here);
    memset(readers, 0, sizeof readers);
    here.by_sequence = by_sequence;
    test_database_make(NULL, here.where);
    satchel_db *db = connect_to(&here, SATCHEL_DB_WRITER);
    REQUIRE(db != NULL);
    REQUIRE_OK(satchel_db_exec(db,
                               "CREATE TABLE log (n BIGINT PRIMARY KEY); CREATE SEQUENCE numbers;"
                               " CREATE TABLE counter (n BIGINT NOT NULL); INSERT INTO counter VALUES (0)",
                               NULL));
    for (uint64_t i = 0; i < READERS; i++) {
        readers[i].here = &here;
        REQUIRE(pthread_create(&threads[WRITERS + i], NULL, read_on, &readers[i]) == 0);
    }
    for (uint64_t i = 0; i < WRITERS; i++) {
        writers[i] = (actor){.here = &here, .seed = 1000 + i};
        REQUIRE(pthread_create(&threads[i], NULL, write_on, &writers[i]) == 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    atomic_store(&here.ended, true);
    for (size_t i = WRITERS; i < WRITERS + READERS; i++) {
        pthread_join(threads[i], NULL);
    }
    satchel_db_close(db);
    return count_missed(&here, readers);
}

TEST(revisions, readers_by_cursor_miss_nothing_that_64_slow_writers_commit) {
    CHECK_UINT(play(false), 0);
}

TEST(revisions, numbers_of_a_sequence_would_be_missed) {
    CHECK(play(true) > 0);
}
