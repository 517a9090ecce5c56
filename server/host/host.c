/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a data folder and lending out its connections. Readers are lent one to a call and returned; the lane alone
 * writes and checkpoints.
 */
#include "host/host.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/times.h"
#include "host/clock.h"
#include "host/host_ledger.h"
#include "host/small_file.h"
#include "service/epoch.h"
#include "service/realign.h"
#include "service/tombstone.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATABASE_NAME "satchel.db"
#define LOCK_NAME "lock"
#define ADDRESS_NAME "database"
#define LEDGER_PLACE_NAME "ledger_at"

struct satchel_host {
    char folder[PATH_MAX];
    char database[PATH_MAX]; /* address or path */
    int lock_file;
    int32_t zone_minutes;
    satchel_clock clock;
    satchel_db *writer;
    satchel_service *service;
    satchel_lane *lane;
    satchel_host_ledger ledger;
    pthread_mutex_t mutex; /* guards the pool */
    satchel_db *readers[SATCHEL_HOST_READERS_KEPT];
    uint32_t reader_count;
};

static satchel_status prepare_folder(satchel_host *host, const satchel_host_config *config, satchel_error *error) {
    size_t length = strlen(config->folder);
    if (length == 0 || length + sizeof DATABASE_NAME + 1 >= sizeof host->folder) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "the path of the data folder is empty or too long");
    }
    memcpy(host->folder, config->folder, length + 1);
    if (config->create && mkdir(host->folder, 0700) != 0 && errno != EEXIST) {
        return satchel_fail(error, SATCHEL_IO_ERROR, "cannot make the data folder: %s", strerror(errno));
    }
    struct stat info;
    if (stat(host->folder, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return satchel_fail(error, SATCHEL_NOT_FOUND, "there is no data folder here: make one with init");
    }
    return SATCHEL_OK;
}

/* An address that is given for the first time is remembered; it never changes under a company. */
static satchel_status take_address(satchel_host *host, const char *given, bool has_file, satchel_error *error) {
    char known[SATCHEL_SMALL_FILE_BYTES];
    satchel_status status = satchel_small_file_read(host->folder, ADDRESS_NAME, known, error);
    if (status == SATCHEL_OK && given != NULL && strcmp(given, known) != 0) {
        return satchel_fail(error, SATCHEL_MISUSE, "the data folder belongs to another database");
    }
    if (status == SATCHEL_NOT_FOUND && given != NULL) {
        if (has_file) {
            return satchel_fail(error, SATCHEL_MISUSE, "the data folder holds a company of its own");
        }
        if (!satchel_db_is_postgres(given)) {
            return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "the database is not named by postgres://…");
        }
        status = satchel_small_file_store(host->folder, ADDRESS_NAME, given, error);
    }
    if (status == SATCHEL_OK) {
        (void)snprintf(host->database, sizeof host->database, "%s", given != NULL ? given : known);
    }
    return status;
}

/* The folder's lock is held. */
static satchel_status find_database(satchel_host *host, const satchel_host_config *config, satchel_error *error) {
    struct stat info;
    (void)snprintf(host->database, sizeof host->database, "%.*s/%s", PATH_MAX - 32, host->folder, DATABASE_NAME);
    bool has_file = stat(host->database, &info) == 0;
    satchel_status status = take_address(host, config->database, has_file, error);
    if (status != SATCHEL_NOT_FOUND) {
        return status;
    }
    satchel_error_clear(error);
    return has_file || config->create
               ? SATCHEL_OK
               : satchel_fail(error, SATCHEL_NOT_FOUND, "the data folder holds no company: make one with init");
}

/* flock goes with the process, so a killed server leaves nothing behind that would have to be cleared by hand. */
static satchel_status take_lock(satchel_host *host, satchel_error *error) {
    char path[PATH_MAX + sizeof LOCK_NAME + 1];
    (void)snprintf(path, sizeof path, "%s/%s", host->folder, LOCK_NAME);
    host->lock_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (host->lock_file < 0) {
        return satchel_fail(error, SATCHEL_IO_ERROR, "cannot open the lock of the data folder: %s", strerror(errno));
    }
    if (flock(host->lock_file, LOCK_EX | LOCK_NB) != 0) {
        return satchel_fail(error, SATCHEL_IN_USE, "another satcheld uses this data folder");
    }
    return SATCHEL_OK;
}

static satchel_status open_service(satchel_host *host, satchel_error *error) {
    satchel_service_platform platform = {&host->clock, satchel_clock_now_ms, satchel_random_system(),
                                         host->zone_minutes};
    satchel_status status = satchel_crypto_init();
    if (status == SATCHEL_OK) {
        status = satchel_db_open(&host->writer, host->database, SATCHEL_DB_WRITER, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_service_open(&host->service, &platform, host->writer, error);
    }
    return status;
}

/* A place that is given is remembered; it may be another than before. */
static satchel_status find_ledger(satchel_host *host, const char *given, satchel_error *error) {
    char known[SATCHEL_SMALL_FILE_BYTES];
    satchel_error why = {SATCHEL_OK, 0, 0, {0}};
    satchel_status status = SATCHEL_OK;
    if (given != NULL) {
        status = satchel_small_file_store(host->folder, LEDGER_PLACE_NAME, given, error);
        return status == SATCHEL_OK ? satchel_host_ledger_init(&host->ledger, host->folder, given, error) : status;
    }
    status = satchel_small_file_read(host->folder, LEDGER_PLACE_NAME, known, &why);
    if (status != SATCHEL_OK && status != SATCHEL_NOT_FOUND) {
        return satchel_fail(error, status, "%s", why.detail);
    }
    return satchel_host_ledger_init(&host->ledger, host->folder, status == SATCHEL_OK ? known : NULL, error);
}

/* Before anything is served. */
static satchel_status replay_ledger(satchel_host *host, satchel_error *error) {
    satchel_status status = satchel_db_begin(host->writer, SATCHEL_DB_WRITE, error);
    if (status == SATCHEL_OK) {
        status = satchel_host_ledger_replay(&host->ledger, host->service, host->writer, false, error);
    }
    if (status == SATCHEL_OK) {
        return satchel_db_commit(host->writer, error);
    }
    satchel_db_rollback(host->writer);
    return status;
}

static satchel_status feed_ledger(satchel_host *host, satchel_error *error);

satchel_status satchel_host_open(satchel_host **out, const satchel_host_config *config, satchel_error *error) {
    *out = NULL;
    satchel_host *host = satchel_memory_take(sizeof *host);
    if (host == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the data folder");
    }
    host->lock_file = -1;
    host->zone_minutes = config->zone_minutes;
    pthread_mutex_init(&host->mutex, NULL);
    pthread_mutex_init(&host->ledger.mutex, NULL);
    satchel_status status = prepare_folder(host, config, error);
    if (status == SATCHEL_OK) {
        status = take_lock(host, error);
    }
    if (status == SATCHEL_OK) {
        status = find_database(host, config, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_clock_load(&host->clock, host->folder, error);
    }
    if (status == SATCHEL_OK) {
        status = find_ledger(host, config->ledger, error);
    }
    if (status == SATCHEL_OK) {
        status = open_service(host, error);
    }
    if (status == SATCHEL_OK && !config->loading) {
        status = replay_ledger(host, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_lane_open(&host->lane, host->writer, error);
    }
    if (status == SATCHEL_OK && !config->loading) {
        status = feed_ledger(host, error);
    }
    if (status != SATCHEL_OK) {
        satchel_host_close(host);
        return status;
    }
    *out = host;
    return SATCHEL_OK;
}

void satchel_host_close(satchel_host *host) {
    if (host == NULL) {
        return;
    }
    satchel_lane_close(host->lane);
    for (uint32_t i = 0; i < host->reader_count; i++) {
        satchel_db_close(host->readers[i]);
    }
    satchel_host_ledger_deinit(&host->ledger);
    satchel_service_close(host->service);
    satchel_db_close(host->writer);
    if (host->lock_file >= 0) {
        close(host->lock_file);
    }
    pthread_mutex_destroy(&host->mutex);
    satchel_memory_give(host);
}

const satchel_service *satchel_host_service(const satchel_host *host) {
    return host->service;
}

const char *satchel_host_folder(const satchel_host *host) {
    return host->folder;
}

satchel_lane_stats satchel_host_lane_stats(const satchel_host *host) {
    return satchel_lane_get_stats(host->lane);
}

static satchel_status borrow_reader(satchel_host *host, satchel_db **out, satchel_error *error) {
    *out = NULL;
    pthread_mutex_lock(&host->mutex);
    if (host->reader_count > 0) {
        *out = host->readers[--host->reader_count];
    }
    pthread_mutex_unlock(&host->mutex);
    return *out != NULL ? SATCHEL_OK : satchel_db_open(out, host->database, SATCHEL_DB_READER, error);
}

static void return_reader(satchel_host *host, satchel_db *reader) {
    pthread_mutex_lock(&host->mutex);
    if (host->reader_count < SATCHEL_HOST_READERS_KEPT) {
        host->readers[host->reader_count++] = reader;
        reader = NULL;
    }
    pthread_mutex_unlock(&host->mutex);
    satchel_db_close(reader);
}

satchel_status satchel_host_read(satchel_host *host, satchel_lane_work work, void *context, satchel_error *error) {
    satchel_db *reader;
    satchel_status status = borrow_reader(host, &reader, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_db_begin(reader, SATCHEL_DB_READ, error);
    if (status == SATCHEL_OK) {
        status = work(context, reader, error);
    }
    satchel_db_rollback(reader);
    return_reader(host, reader);
    return status;
}

#define REALIGN_STEP_CUSTOMERS 500

/* --- writing, and what of it belongs into the ledger --- */

typedef struct noted_write {
    satchel_lane_work work;
    void *context;
    uint64_t head; /* of the ledger's list after it */
} noted_write;

static satchel_status do_noted(void *context, satchel_db *db, satchel_error *error) {
    noted_write *noted = context;
    satchel_status status = noted->work(noted->context, db, error);
    return status == SATCHEL_OK ? satchel_ledger_head(db, &noted->head, error) : status;
}

typedef struct ledger_feed {
    satchel_host *host;
    uint64_t serial;
    bool unknown; /* that the file goes so far is not written down yet */
} ledger_feed;

static satchel_status fill_file(void *context, satchel_db *db, satchel_error *error) {
    ledger_feed *feed = context;
    uint64_t known = 0;
    satchel_status status =
        satchel_host_ledger_fill(&feed->host->ledger, feed->host->service, db, &feed->serial, error);
    if (status == SATCHEL_OK) {
        status = satchel_ledger_known(db, &known, error);
    }
    feed->unknown = known < feed->serial;
    return status;
}

static satchel_status know_serial(void *context, satchel_db *db, satchel_error *error) {
    const ledger_feed *feed = context;
    satchel_status status = satchel_ledger_know(db, feed->serial, error);
    return status == SATCHEL_OK ? satchel_host_ledger_note(db, error) : status;
}

static satchel_status feed_ledger(satchel_host *host, satchel_error *error) {
    ledger_feed feed = {.host = host};
    satchel_status status = satchel_host_read(host, fill_file, &feed, error);
    return status == SATCHEL_OK && feed.unknown ? satchel_lane_run(host->lane, know_serial, &feed, error) : status;
}

satchel_status satchel_host_write(satchel_host *host, satchel_lane_work work, void *context, satchel_error *error) {
    noted_write noted = {work, context, 0};
    satchel_status status = satchel_lane_run(host->lane, do_noted, &noted, error);
    return status == SATCHEL_OK && satchel_host_ledger_lags(&host->ledger, noted.head) ? feed_ledger(host, error)
                                                                                       : status;
}

satchel_status satchel_host_loaded(satchel_host *host, satchel_db *db, satchel_error *error) {
    return satchel_host_ledger_replay(&host->ledger, host->service, db, true, error);
}

typedef struct epoch_work {
    satchel_host *host;
    uint32_t epoch;
} epoch_work;

static satchel_status begin_epoch(void *context, satchel_db *db, satchel_error *error) {
    epoch_work *work = context;
    satchel_host_ledger *ledger = &work->host->ledger;
    pthread_mutex_lock(&ledger->mutex);
    const satchel_ledger_marks marks = ledger->marks;
    bool there = ledger->file != NULL;
    pthread_mutex_unlock(&ledger->mutex);
    return satchel_epoch_begin(work->host->service, db, there ? &marks : NULL, &work->epoch, error);
}

satchel_status satchel_host_new_epoch(satchel_host *host, uint32_t *out_epoch, satchel_error *error) {
    epoch_work work = {host, 0};
    satchel_status status = satchel_host_write(host, begin_epoch, &work, error);
    *out_epoch = work.epoch;
    return status;
}

static satchel_status unfence(void *context, satchel_db *db, satchel_error *error) {
    satchel_host *host = context;
    bool fenced = false;
    uint32_t epoch = 0;
    satchel_status status = satchel_epoch_is_fenced(db, &fenced, error);
    if (status == SATCHEL_OK && !fenced) {
        return satchel_fail(error, SATCHEL_NOT_FOUND, "the server is not fenced");
    }
    if (status == SATCHEL_OK) {
        status = satchel_host_ledger_make(&host->ledger, host->service, db, error);
    }
    return status == SATCHEL_OK ? satchel_epoch_accept_loss(host->service, db, &epoch, error) : status;
}

satchel_status satchel_host_unfence(satchel_host *host, satchel_error *error) {
    return satchel_host_write(host, unfence, host, error);
}

typedef struct day_question {
    const satchel_service *service;
    bool due;
} day_question;

static satchel_status day_is_due(void *context, satchel_db *db, satchel_error *error) {
    day_question *question = context;
    return satchel_service_day_due(question->service, db, &question->due, error);
}

static satchel_status do_day(void *context, satchel_db *db, satchel_error *error) {
    return satchel_service_day(context, db, error);
}

static satchel_status realigns(void *context, satchel_db *db, satchel_error *error) {
    return satchel_realign_left(db, context, error);
}

static satchel_status do_realign(void *context, satchel_db *db, satchel_error *error) {
    satchel_realign_progress left;
    return satchel_realign_step(context, db, REALIGN_STEP_CUSTOMERS, &left, error);
}

/* A realignment whose command was killed goes on, one step each time. */
static satchel_status go_on_realigning(satchel_host *host, satchel_error *error) {
    satchel_realign_progress left;
    satchel_status status = satchel_host_read(host, realigns, &left, error);
    bool waits = status == SATCHEL_OK && (left.to_remove > 0 || left.to_add > 0);
    return waits ? satchel_host_write(host, do_realign, host->service, error) : status;
}

satchel_status satchel_host_day(satchel_host *host, satchel_error *error) {
    day_question question = {host->service, false};
    satchel_status status = satchel_host_read(host, day_is_due, &question, error);
    if (status == SATCHEL_OK && question.due) {
        status = satchel_host_write(host, do_day, host->service, error);
    }
    return status == SATCHEL_OK ? go_on_realigning(host, error) : status;
}

typedef struct tidying {
    const satchel_service *service;
    bool left;
} tidying;

static satchel_status do_tidy(void *context, satchel_db *db, satchel_error *error) {
    tidying *work = context;
    return satchel_service_tidy(work->service, db, &work->left, error);
}

satchel_status satchel_host_tidy(satchel_host *host, satchel_error *error) {
    tidying work = {host->service, true};
    satchel_status status = SATCHEL_OK;
    for (int step = 0; status == SATCHEL_OK && work.left && step < SATCHEL_HOST_TIDY_STEPS; step++) {
        status = satchel_host_write(host, do_tidy, &work, error);
    }
    return status;
}

satchel_status satchel_host_set_day(satchel_host *host, int64_t day, satchel_error *error) {
    int64_t offset_ms = 0;
    if (day != SATCHEL_HOST_REAL_DAY) {
        satchel_civil first = {1971, 1, 1};
        satchel_civil last = {9998, 12, 31};
        if (day < satchel_days_from_civil(first) || day > satchel_days_from_civil(last)) {
            return satchel_fail(error, SATCHEL_OUT_OF_RANGE, "the day must lie between 1971-01-01 and 9998-12-31");
        }
        offset_ms = (day - satchel_day_of(satchel_clock_system_ms(), host->zone_minutes)) * SATCHEL_MS_PER_DAY;
    }
    satchel_status status = satchel_clock_store(&host->clock, host->folder, offset_ms, error);
    return status == SATCHEL_OK ? satchel_host_day(host, error) : status;
}

int64_t satchel_host_clock_offset_ms(const satchel_host *host) {
    return atomic_load(&host->clock.offset_ms);
}
