/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group commit. Callers wait on a condition of their own job; the lane takes what waits, works it off under one
 * transaction, commits, and only then tells anybody.
 *
 * If a job breaks the transaction itself (the database gave it up), its batch is worked off again, each job in a
 * transaction of its own, so that only those fail that fail by themselves.
 */
#include "service/lane.h"

#include "base/error.h"
#include "base/memory.h"

#include <pthread.h>
#include <string.h>

typedef struct lane_job {
    satchel_lane_work work;
    void *context;
    satchel_error *error;
    satchel_status status;
    bool done;
    struct lane_job *next;
} lane_job;

struct satchel_lane {
    satchel_db *db;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards all that follows */
    pthread_cond_t arrived;
    pthread_cond_t finished;
    lane_job *first;
    lane_job *last;
    uint32_t waiting;
    bool closing;
    satchel_lane_stats stats;
};

/* --- a batch, on the lane's thread, without the mutex --- */

/*
 * A job that is alone needs no savepoint: what undoes it is the end of the transaction. (With one, SQLite would go
 * through all pages that it keeps for it whenever the job gives up a savepoint of its own.)
 */
static bool carry_out_alone(satchel_lane *lane, lane_job *job) {
    job->status = job->work(job->context, lane->db, job->error);
    return satchel_db_in_transaction(lane->db);
}

/* One job under a savepoint. False: the transaction is gone. */
static bool carry_out(satchel_lane *lane, lane_job *job) {
    satchel_error *error = job->error;
    job->status = satchel_db_savepoint(lane->db, error);
    if (job->status != SATCHEL_OK) {
        return satchel_db_in_transaction(lane->db);
    }
    job->status = job->work(job->context, lane->db, error);
    if (job->status == SATCHEL_OK) {
        job->status = satchel_db_release(lane->db, error);
    } else {
        satchel_db_back(lane->db);
    }
    return satchel_db_in_transaction(lane->db);
}

static void fail_all(lane_job *batch, satchel_status status, const satchel_error *why) {
    for (lane_job *job = batch; job != NULL; job = job->next) {
        if (job->status == SATCHEL_OK) {
            job->status = status;
            if (job->error != NULL) {
                *job->error = *why;
            }
        }
    }
}

/* False: the transaction broke on the way and nothing of the batch is kept. */
static bool try_batch(satchel_lane *lane, lane_job *batch) {
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    for (lane_job *job = batch; job != NULL; job = job->next) {
        job->status = SATCHEL_OK;
    }
    satchel_status status = satchel_db_begin(lane->db, SATCHEL_DB_WRITE, &why);
    if (status != SATCHEL_OK) {
        fail_all(batch, status, &why);
        return true;
    }
    const bool alone = batch->next == NULL;
    for (lane_job *job = batch; job != NULL; job = job->next) {
        if (!(alone ? carry_out_alone(lane, job) : carry_out(lane, job))) {
            satchel_db_rollback(lane->db);
            return false;
        }
    }
    if (alone && batch->status != SATCHEL_OK) {
        satchel_db_rollback(lane->db);
        return true;
    }
    status = satchel_db_commit(lane->db, &why);
    if (status != SATCHEL_OK) {
        fail_all(batch, status, &why);
    }
    return true;
}

static void work_off(satchel_lane *lane, lane_job *batch) {
    if (try_batch(lane, batch)) {
        return;
    }
    for (lane_job *job = batch; job != NULL;) {
        lane_job *next = job->next;
        job->next = NULL;
        if (!try_batch(lane, job) && job->status == SATCHEL_OK) {
            job->status = satchel_fail(job->error, SATCHEL_IO_ERROR, "the database gave the transaction up");
        }
        job->next = next;
        job = next;
    }
}

/* --- the thread --- */

/* Takes up to SATCHEL_LANE_JOBS_MOST jobs off the queue; the mutex is held. */
static lane_job *take_batch(satchel_lane *lane, uint64_t *out_count) {
    lane_job *batch = lane->first;
    lane_job *end = batch;
    *out_count = 1;
    while (end->next != NULL && *out_count < SATCHEL_LANE_JOBS_MOST) {
        end = end->next;
        *out_count += 1;
    }
    lane->first = end->next;
    lane->last = lane->first == NULL ? NULL : lane->last;
    lane->waiting -= (uint32_t)*out_count;
    end->next = NULL;
    return batch;
}

static void tell(satchel_lane *lane, lane_job *batch, uint64_t count) {
    lane->stats.commits++;
    lane->stats.jobs += count;
    lane->stats.largest = count > lane->stats.largest ? count : lane->stats.largest;
    while (batch != NULL) {
        /* The caller may be gone as soon as it sees `done`. */
        lane_job *next = batch->next;
        lane->stats.failures += batch->status == SATCHEL_OK ? 0 : 1;
        batch->done = true;
        batch = next;
    }
    pthread_cond_broadcast(&lane->finished);
}

static void *run_lane(void *context) {
    satchel_lane *lane = context;
    pthread_mutex_lock(&lane->mutex);
    for (;;) {
        while (lane->first == NULL && !lane->closing) {
            pthread_cond_wait(&lane->arrived, &lane->mutex);
        }
        if (lane->first == NULL) {
            break;
        }
        uint64_t count = 0;
        lane_job *batch = take_batch(lane, &count);
        pthread_mutex_unlock(&lane->mutex);
        work_off(lane, batch);
        pthread_mutex_lock(&lane->mutex);
        tell(lane, batch, count);
    }
    pthread_mutex_unlock(&lane->mutex);
    return NULL;
}

/* --- callers --- */

satchel_status satchel_lane_open(satchel_lane **out, satchel_db *writer, satchel_error *error) {
    *out = NULL;
    satchel_lane *lane = satchel_memory_take(sizeof *lane);
    if (lane == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the lane");
    }
    lane->db = writer;
    pthread_mutex_init(&lane->mutex, NULL);
    pthread_cond_init(&lane->arrived, NULL);
    pthread_cond_init(&lane->finished, NULL);
    if (pthread_create(&lane->thread, NULL, run_lane, lane) != 0) {
        pthread_cond_destroy(&lane->finished);
        pthread_cond_destroy(&lane->arrived);
        pthread_mutex_destroy(&lane->mutex);
        satchel_memory_give(lane);
        return satchel_fail(error, SATCHEL_INTERNAL, "the lane's thread cannot be started");
    }
    *out = lane;
    return SATCHEL_OK;
}

satchel_status satchel_lane_run(satchel_lane *lane, satchel_lane_work work, void *context, satchel_error *error) {
    lane_job job = {.work = work, .context = context, .error = error, .status = SATCHEL_OK};
    pthread_mutex_lock(&lane->mutex);
    if (lane->closing || lane->waiting >= SATCHEL_LANE_WAITING_MOST) {
        pthread_mutex_unlock(&lane->mutex);
        return satchel_fail(error, SATCHEL_BUSY, "the writer takes no more work now");
    }
    if (lane->last != NULL) {
        lane->last->next = &job;
    } else {
        lane->first = &job;
    }
    lane->last = &job;
    lane->waiting++;
    pthread_cond_signal(&lane->arrived);
    while (!job.done) {
        pthread_cond_wait(&lane->finished, &lane->mutex);
    }
    pthread_mutex_unlock(&lane->mutex);
    return job.status;
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
