/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lane: many callers, one writer; a failing job undoes its own writes and no other's; nothing is answered before it
 * is durable.
 */
#include "service/lane.h"

#include "base/error.h"
#include "support/database.h"
#include "support/temp.h"
#include "support/test.h"

#include <pthread.h>
#include <string.h>

#define THREADS 8
#define JOBS_EACH 50

typedef struct bench_lane {
    test_temp temp;
    char where[TEST_DATABASE_WHERE_BYTES];
    satchel_db *writer;
    satchel_lane *lane;
} bench_lane;

static void set_up(bench_lane *here) {
    here->temp = test_temp_make();
    char path[TEST_PATH_BYTES];
    test_database_make(test_temp_path(&here->temp, "lane.db", path), here->where);
    REQUIRE_OK(satchel_db_open(&here->writer, here->where, SATCHEL_DB_WRITER, NULL));
    REQUIRE_OK(satchel_db_exec(here->writer, "CREATE TABLE t (n BIGINT PRIMARY KEY)", NULL));
    REQUIRE_OK(satchel_lane_open(&here->lane, here->writer, NULL));
}

static void tear_down(bench_lane *here) {
    satchel_lane_close(here->lane);
    satchel_db_close(here->writer);
    test_temp_remove(&here->temp);
}

static satchel_status insert(void *context, satchel_db *db, satchel_error *error) {
    const int64_t *n = context;
    satchel_status status = SATCHEL_DB_RUN(db, error, "INSERT INTO t (n) VALUES (?1)", satchel_value_int(*n));
    if (status == SATCHEL_OK && *n % 5 == 0) {
        return satchel_fail(error, SATCHEL_OUT_OF_RANGE, "no fives");
    }
    return status;
}

static int64_t count_rows(bench_lane *here) {
    satchel_db *reader = NULL;
    int64_t count = 0;
    REQUIRE_OK(satchel_db_open(&reader, here->where, SATCHEL_DB_READER, NULL));
    REQUIRE_OK(satchel_db_number_values(reader, "SELECT count(*) FROM t", NULL, 0, 0, &count, NULL));
    satchel_db_close(reader);
    return count;
}

typedef struct worker {
    bench_lane *here;
    int64_t first;
    int wrong;
} worker;

static void *work(void *argument) {
    worker *mine = argument;
    for (int64_t n = mine->first; n < mine->first + JOBS_EACH; n++) {
        satchel_status expected = n % 5 == 0 ? SATCHEL_OUT_OF_RANGE : SATCHEL_OK;
        mine->wrong += satchel_lane_run(mine->here->lane, insert, &n, NULL) != expected;
    }
    return NULL;
}

TEST(lane, many_callers_each_get_their_own_outcome) {
    bench_lane here;
    pthread_t threads[THREADS];
    worker workers[THREADS];
    set_up(&here);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){&here, i * JOBS_EACH, 0};
        REQUIRE(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_INT(workers[i].wrong, 0);
    }
    satchel_lane_stats stats = satchel_lane_get_stats(here.lane);
    CHECK_INT(count_rows(&here), THREADS * JOBS_EACH * 4 / 5);
    CHECK_UINT(stats.jobs, THREADS * JOBS_EACH);
    CHECK_UINT(stats.failures, THREADS * JOBS_EACH / 5);
    CHECK(stats.commits <= stats.jobs);
    tear_down(&here);
}

TEST(lane, what_is_answered_is_there_for_a_reader_of_its_own) {
    bench_lane here;
    set_up(&here);
    for (int64_t n = 1; n <= 4; n++) {
        REQUIRE_OK(satchel_lane_run(here.lane, insert, &n, NULL));
        CHECK_INT(count_rows(&here), n);
    }
    tear_down(&here);
}

/* Ends the transaction under the lane's feet. */
static satchel_status break_transaction(void *context, satchel_db *db, satchel_error *error) {
    (void)context;
    (void)error;
    satchel_db_rollback(db);
    return SATCHEL_OK;
}

TEST(lane, a_job_that_breaks_the_transaction_fails_alone) {
    bench_lane here;
    set_up(&here);
    int64_t n = 1;
    CHECK(satchel_lane_run(here.lane, break_transaction, NULL, NULL) != SATCHEL_OK);
    CHECK_OK(satchel_lane_run(here.lane, insert, &n, NULL));
    CHECK_INT(count_rows(&here), 1);
    tear_down(&here);
}

TEST(lane, the_error_detail_reaches_the_caller) {
    bench_lane here;
    set_up(&here);
    int64_t n = 5;
    satchel_error error;
    CHECK_STATUS(satchel_lane_run(here.lane, insert, &n, &error), SATCHEL_OUT_OF_RANGE);
    CHECK_TEXT(error.detail, "no fives");
    tear_down(&here);
}

TEST(lane, closing_nothing_is_fine) {
    satchel_lane_close(NULL);
    CHECK(true);
}
