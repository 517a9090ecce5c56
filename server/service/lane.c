/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group commit: the lane's thread takes all jobs that wait, carries each out under a savepoint of one transaction,
 * commits once and then tells every caller. If the transaction itself breaks, the jobs are done again one by one, so
 * that one job's trouble is never another's.
 */
#include "service/lane.h"

#include "base/error.h"
#include "base/memory.h"

#include <pthread.h>
#include <string.h>

/* A job lives on its caller's stack; the caller waits until it is done. */
typedef struct job {
    satchel_lane_work work;
    void *context;
    satchel_status status;
    satchel_error error;
    bool done;
    struct job *next;
} job;

struct satchel_lane {
    satchel_db *writer;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    pthread_cond_t finished;
    job *first;
    job *last;
    uint32_t waiting;
    bool closing;
    satchel_lane_stats stats;
};

/* Under a savepoint: what a failing job wrote is undone. */
static void run_job(satchel_db *writer, job *given) {
    memset(&given->error, 0, sizeof given->error);
    given->status = satchel_db_savepoint(writer, &given->error);
    if (given->status != SATCHEL_OK) {
        return;
    }
    given->status = given->work(given->context, writer, &given->error);
    if (given->status != SATCHEL_OK) {
        satchel_db_back(writer);
    } else {
        given->status = satchel_db_release(writer, &given->error);
    }
}

/* False: the transaction as a whole did not become durable; nothing of any job is kept. */
static bool run_together(satchel_db *writer, job *jobs, satchel_error *error) {
    satchel_status status = satchel_db_begin(writer, SATCHEL_DB_WRITE, error);
    if (status != SATCHEL_OK) {
        return false;
    }
    bool anything = false;
    for (job *each = jobs; each != NULL; each = each->next) {
        run_job(writer, each);
        anything = anything || each->status == SATCHEL_OK;
        if (!satchel_db_in_transaction(writer)) {
            satchel_fail(error, SATCHEL_DATABASE_ERROR, "the database gave the transaction up");
            return false;
        }
    }
    if (!anything) {
        satchel_db_rollback(writer);
        return true;
    }
    return satchel_db_commit(writer, error) == SATCHEL_OK;
}

static void run_alone(satchel_db *writer, job *given) {
    job *next = given->next;
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    given->next = NULL;
    if (!run_together(writer, given, &error) && given->status == SATCHEL_OK) {
        given->status = error.status;
        given->error = error;
    }
    given->next = next;
    satchel_db_rollback(writer);
}

static void run_batch(satchel_lane *lane, job *jobs) {
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    if (run_together(lane->writer, jobs, &error)) {
        return;
    }
    satchel_db_rollback(lane->writer);
    for (job *each = jobs; each != NULL; each = each->next) {
        run_alone(lane->writer, each);
    }
}

/* Takes up to SATCHEL_LANE_JOBS_MOST jobs off the queue; the mutex is held. */
static job *take_batch(satchel_lane *lane, uint32_t *out_count) {
    job *batch = lane->first;
    job *last = batch;
    *out_count = batch != NULL;
    while (last != NULL && last->next != NULL && *out_count < SATCHEL_LANE_JOBS_MOST) {
        last = last->next;
        (*out_count)++;
    }
    if (last != NULL) {
        lane->first = last->next;
        last->next = NULL;
    }
    if (lane->first == NULL) {
        lane->last = NULL;
    }
    lane->waiting -= *out_count;
    return batch;
}

static void finish_batch(satchel_lane *lane, job *batch, uint32_t count) {
    lane->stats.commits++;
    lane->stats.jobs += count;
    lane->stats.largest = count > lane->stats.largest ? count : lane->stats.largest;
    while (batch != NULL) {
        job *next = batch->next; /* the job is gone once its caller wakes */
        lane->stats.failures += batch->status != SATCHEL_OK;
        batch->done = true;
        batch = next;
    }
    pthread_cond_broadcast(&lane->finished);
}

static void *lane_main(void *argument) {
    satchel_lane *lane = argument;
    pthread_mutex_lock(&lane->mutex);
    for (;;) {
        while (lane->first == NULL && !lane->closing) {
            pthread_cond_wait(&lane->arrived, &lane->mutex);
        }
        if (lane->first == NULL) {
            break;
        }
        uint32_t count = 0;
        job *batch = take_batch(lane, &count);
        pthread_mutex_unlock(&lane->mutex);
        run_batch(lane, batch);
        pthread_mutex_lock(&lane->mutex);
        finish_batch(lane, batch, count);
    }
    pthread_mutex_unlock(&lane->mutex);
    return NULL;
}

satchel_status satchel_lane_open(satchel_lane **out, satchel_db *writer, satchel_error *error) {
    *out = NULL;
    satchel_lane *lane = satchel_memory_take(sizeof *lane);
    if (lane == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the writer's lane");
    }
    lane->writer = writer;
    pthread_mutex_init(&lane->mutex, NULL);
    pthread_cond_init(&lane->arrived, NULL);
    pthread_cond_init(&lane->finished, NULL);
    if (pthread_create(&lane->thread, NULL, lane_main, lane) != 0) {
        pthread_cond_destroy(&lane->finished);
        pthread_cond_destroy(&lane->arrived);
        pthread_mutex_destroy(&lane->mutex);
        satchel_memory_give(lane);
        return satchel_fail(error, SATCHEL_INTERNAL, "no thread for the writer's lane");
    }
    *out = lane;
    return SATCHEL_OK;
}

satchel_status satchel_lane_run(satchel_lane *lane, satchel_lane_work work, void *context, satchel_error *error) {
    job mine = {.work = work, .context = context};
    pthread_mutex_lock(&lane->mutex);
    if (lane->closing || lane->waiting >= SATCHEL_LANE_WAITING_MOST) {
        pthread_mutex_unlock(&lane->mutex);
        return satchel_fail(error, SATCHEL_BUSY, "too many writes wait");
    }
    if (lane->last != NULL) {
        lane->last->next = &mine;
    } else {
        lane->first = &mine;
    }
    lane->last = &mine;
    lane->waiting++;
    pthread_cond_signal(&lane->arrived);
    while (!mine.done) {
        pthread_cond_wait(&lane->finished, &lane->mutex);
    }
    pthread_mutex_unlock(&lane->mutex);
    if (error != NULL && mine.status != SATCHEL_OK) {
        *error = mine.error;
    }
    return mine.status;
}

satchel_lane_stats satchel_lane_get_stats(satchel_lane *lane) {
    pthread_mutex_lock(&lane->mutex);
    satchel_lane_stats stats = lane->stats;
    pthread_mutex_unlock(&lane->mutex);
    return stats;
}

void satchel_lane_close(satchel_lane *lane) {
    if (lane == NULL) {
        return;
    }
    pthread_mutex_lock(&lane->mutex);
    lane->closing = true;
    pthread_cond_signal(&lane->arrived);
    pthread_mutex_unlock(&lane->mutex);
    pthread_join(lane->thread, NULL);
    pthread_cond_destroy(&lane->finished);
    pthread_cond_destroy(&lane->arrived);
    pthread_mutex_destroy(&lane->mutex);
    satchel_memory_give(lane);
}
