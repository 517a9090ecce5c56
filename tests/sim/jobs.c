/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers take the next seed from a number that they share and tell their results through a pipe each. A worker that
 * dies costs the seed that it played: that is a failure, and another one goes on behind it.
 *
 * One seed in a hundred is played a second time, some seeds later, and must leave the same trace: what was played
 * before in a process must not matter.
 */
#include "sim/jobs.h"

#include "sim/image.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TWICE_EVERY 100
#define TWICE_AFTER 5 /* seeds */
#define WORKERS_MOST 64
#define DEATHS_MOST 20
#define SHRINKS_MOST 3 /* a worker tells later failures as they are */
#define PROGRESS_SECONDS 30
#define POLL_MS 1000

typedef struct shared {
    atomic_uint_fast64_t next;
} shared;

/* Asked to stop: what has begun is played to its end. */
static volatile sig_atomic_t stopped;

static void stop(int number) {
    (void)number;
    stopped = 1;
}

typedef struct worker_task {
    const sim_playing *how;
    uint64_t first;
    uint64_t last;
    shared *common;
    int pipe;         /* -1: there is no other process */
    sim_tally *tally; /* of this process */
    uint32_t shrinks;
    bool waits; /* a seed is to be played again */
    uint64_t again;
    uint64_t again_trace;
    uint32_t again_in;
} worker_task;

static void tell(const worker_task *task, const sim_result *result) {
    const uint8_t *at = (const uint8_t *)result;
    size_t left = sizeof *result;
    if (task->pipe < 0) {
        if (result->ended) {
            sim_tally_add(task->tally, result);
        }
        return;
    }
    while (left > 0) {
        ssize_t put = write(task->pipe, at, left);
        if (put < 0 && errno != EINTR) {
            _exit(3);
        }
        at += put > 0 ? put : 0;
        left -= put > 0 ? (size_t)put : 0;
    }
}

/* The end of a run, told. */
static void end_run(worker_task *task, sim *here, sim_result *result) {
    memcpy(result->counters, here->counters, sizeof result->counters);
    result->ended = true;
    tell(task, result);
}

static void play_again(worker_task *task, sim *here) {
    sim_result result = {.seed = task->again, .again = true};
    sim_playing how = *task->how;
    how.tells = false;
    task->waits = false;
    tell(task, &result);
    (void)sim_play(here, &how, task->again);
    result.fine = here->trace == task->again_trace;
    if (!result.fine) {
        printf("seed %" PRIu64 ": played twice, it went two ways\n", task->again);
        sim_print_command(&how, task->again);
    }
    end_run(task, here, &result);
}

static void play_seed(worker_task *task, sim *here, uint64_t seed) {
    sim_result result = {.seed = seed};
    tell(task, &result);
    result.fine = sim_play(here, task->how, seed);
    uint64_t trace = here->trace;
    end_run(task, here, &result);
    if (!result.fine && task->shrinks++ < SHRINKS_MOST) {
        sim_shrink(here, *task->how, seed);
    } else if (!result.fine) {
        sim_print_command(task->how, seed);
    }
    if (task->waits && --task->again_in == 0) {
        play_again(task, here);
    }
    if (seed % TWICE_EVERY == 0 && result.fine && !task->waits) {
        task->waits = true;
        task->again = seed;
        task->again_trace = trace;
        task->again_in = TWICE_AFTER;
    }
}

static void work(worker_task *task) {
    static sim here;
    uint64_t seed;
    while (stopped == 0 && (seed = task->first + atomic_fetch_add(&task->common->next, 1)) <= task->last) {
        play_seed(task, &here, seed);
    }
    if (task->waits) {
        play_again(task, &here);
    }
    sim_image_drop();
}

/* --- the process that waits --- */

typedef struct worker {
    pid_t process; /* 0: none */
    int pipe;
    uint64_t seed;
    bool plays;
    size_t got;
    sim_result result;
} worker;

typedef struct foreman {
    worker_task task;
    sim_tally *tally;
    worker workers[WORKERS_MOST];
    uint32_t count;
    uint32_t deaths;
    time_t began;
    time_t told;
} foreman;

static bool start(foreman *boss, worker *one) {
    int ends[2];
    fflush(stdout);
    fflush(stderr);
    if (pipe(ends) != 0) {
        return false;
    }
    pid_t process = fork();
    if (process == 0) {
        worker_task task = boss->task;
        close(ends[0]);
        (void)signal(SIGINT, SIG_IGN); /* the one who waits is told, and takes the seeds away */
        (void)signal(SIGTERM, SIG_IGN);
        task.pipe = ends[1];
        work(&task);
        exit(0);
    }
    close(ends[1]);
    *one = (worker){.process = process, .pipe = ends[0]};
    if (process < 0) {
        close(ends[0]);
        one->process = 0;
    }
    return process > 0;
}

static void take_result(foreman *boss, worker *one) {
    one->plays = !one->result.ended;
    one->seed = one->result.seed;
    if (one->result.ended) {
        sim_tally_add(boss->tally, &one->result);
    }
}

/* Its pipe has ended: it is done, or it died. */
static void bury(foreman *boss, worker *one) {
    int state = 0;
    close(one->pipe);
    (void)waitpid(one->process, &state, 0);
    one->process = 0;
    if (WIFEXITED(state) && WEXITSTATUS(state) == 0 && !one->plays) {
        return;
    }
    printf("seed %" PRIu64 ": its process died, state %d\n", one->seed, state);
    sim_print_command(boss->task.how, one->seed);
    boss->tally->failed++;
    boss->tally->counters[SIM_VIOLATIONS]++;
    if (++boss->deaths < DEATHS_MOST && !start(boss, one)) {
        printf("no process can be started\n");
    }
}

static void listen_to(foreman *boss, worker *one) {
    ssize_t got = read(one->pipe, (uint8_t *)&one->result + one->got, sizeof one->result - one->got);
    if (got <= 0 && !(got < 0 && errno == EINTR)) {
        bury(boss, one);
        return;
    }
    one->got += got > 0 ? (size_t)got : 0;
    if (one->got == sizeof one->result) {
        one->got = 0;
        take_result(boss, one);
    }
}

static void tell_progress(foreman *boss) {
    time_t now = time(NULL);
    if (now - boss->told >= PROGRESS_SECONDS) {
        boss->told = now;
        fprintf(stderr, "%" PRIu64 " of %" PRIu64 " seeds, %" PRIu64 " edits a second, %" PRIu64 " failed\n",
                boss->tally->seeds, boss->task.last - boss->task.first + 1,
                boss->tally->counters[SIM_EDITS] / (uint64_t)(now - boss->began), boss->tally->failed);
    }
}

static bool wait_for_workers(foreman *boss) {
    struct pollfd ends[WORKERS_MOST];
    worker *of[WORKERS_MOST];
    nfds_t count = 0;
    for (uint32_t i = 0; i < boss->count; i++) {
        if (boss->workers[i].process != 0) {
            of[count] = &boss->workers[i];
            ends[count++] = (struct pollfd){.fd = boss->workers[i].pipe, .events = POLLIN};
        }
    }
    if (count > 0 && poll(ends, count, POLL_MS) > 0) {
        for (nfds_t i = 0; i < count; i++) {
            if (ends[i].revents != 0) {
                listen_to(boss, of[i]);
            }
        }
    }
    return count > 0;
}

/* No seed is taken from here on. Gives the first that was not. */
static uint64_t take_seeds_away(shared *common, uint64_t first, uint64_t last) {
    uint64_t taken = atomic_exchange(&common->next, UINT64_MAX / 2);
    return taken < UINT64_MAX / 2 && first + taken <= last ? first + taken : last + 1;
}

static void oversee(foreman *boss, shared *common) {
    bool told = false;
    while (wait_for_workers(boss)) {
        tell_progress(boss);
        if (stopped != 0 && !told) {
            uint64_t next = take_seeds_away(common, boss->task.first, boss->task.last);
            fprintf(stderr, "stopped: the rest is --seeds %" PRIu64 "..%" PRIu64 "\n", next, boss->task.last);
            told = true;
        }
    }
}

void sim_jobs_run(const sim_playing *how, uint64_t first, uint64_t last, uint32_t jobs, sim_tally *out) {
    static foreman boss;
    shared *common = mmap(NULL, sizeof *common, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (common == MAP_FAILED) {
        printf("no memory to share\n");
        out->failed++;
        return;
    }
    atomic_init(&common->next, 0);
    (void)signal(SIGINT, stop);
    (void)signal(SIGTERM, stop);
    boss.tally = out;
    boss.began = time(NULL);
    boss.told = boss.began;
    boss.task = (worker_task){.how = how, .first = first, .last = last, .common = common, .pipe = -1, .tally = out};
    if (jobs <= 1) {
        work(&boss.task);
    } else {
        boss.count = jobs < WORKERS_MOST ? jobs : WORKERS_MOST;
        for (uint32_t i = 0; i < boss.count; i++) {
            if (!start(&boss, &boss.workers[i])) {
                printf("no process can be started\n");
                out->failed++;
            }
        }
        oversee(&boss, common);
    }
    (void)munmap(common, sizeof *common);
}
