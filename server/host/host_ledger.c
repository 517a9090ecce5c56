/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replaying and feeding the ledger.
 */
#include "host/host_ledger.h"

#include "base/error.h"
#include "base/ids.h"
#include "crypto/secret.h"
#include "service/epoch.h"

#include <stdio.h>
#include <string.h>

#define KEY_CONTEXT "ledger 1"
#define KNOWN_NAME "ledger" /* in meta: the company has one */

satchel_status satchel_host_ledger_init(satchel_host_ledger *ledger, const char *folder, const char *place,
                                        satchel_error *error) {
    int bytes = place != NULL ? snprintf(ledger->path, sizeof ledger->path, "%s", place)
                              : snprintf(ledger->path, sizeof ledger->path, "%s/" SATCHEL_LEDGER_NAME, folder);
    ledger->file = NULL;
    ledger->marks = (satchel_ledger_marks){0, 0, 0};
    ledger->written = 0;
    return bytes > 0 && (size_t)bytes < sizeof ledger->path
               ? SATCHEL_OK
               : satchel_fail(error, SATCHEL_TOO_LONG, "the path of the ledger is too long");
}

void satchel_host_ledger_deinit(satchel_host_ledger *ledger) {
    satchel_ledger_file_close(ledger->file);
    ledger->file = NULL;
    pthread_mutex_destroy(&ledger->mutex);
}

typedef struct replay_work {
    satchel_host_ledger *ledger;
    const satchel_service *service;
    satchel_db *db;
    satchel_buffer due; /* entries that are to be carried out, as they are in memory */
    bool brings;        /* the file has entries that the database had not */
} replay_work;

/* A device that was enrolled and revoked in the lost stretch is to be both again. */
static bool is_enrolled_again(const replay_work *work, const satchel_id *device) {
    satchel_ledger_entry entry;
    bool is = false;
    for (size_t at = 0; !is && at + sizeof entry <= work->due.bytes; at += sizeof entry) {
        memcpy(&entry, work->due.data + at, sizeof entry);
        is = entry.kind == SATCHEL_LEDGER_ENROLLED && satchel_id_equal(&entry.id, device);
    }
    return is;
}

static satchel_status replay_entry(void *context, const satchel_ledger_entry *entry, satchel_error *error) {
    replay_work *work = context;
    bool due = false;
    bool is_new = false;
    satchel_ledger_mark(&work->ledger->marks, entry);
    if (work->db == NULL) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_ledger_adopt(work->db, entry, &is_new, error);
    work->brings = work->brings || (is_new && entry->serial != 0); /* one of before the serials was once dropped here */
    if (status == SATCHEL_OK) {
        status = satchel_ledger_is_due(work->db, entry, &due, error);
    }
    due = due || (entry->kind == SATCHEL_LEDGER_REVOKED && is_enrolled_again(work, &entry->id));
    return status == SATCHEL_OK && due ? satchel_buffer_append(&work->due, satchel_bytes_of(entry, sizeof *entry))
                                       : status;
}

static satchel_status carry_out_due(const replay_work *work, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    satchel_ledger_entry entry;
    for (size_t at = 0; status == SATCHEL_OK && at + sizeof entry <= work->due.bytes; at += sizeof entry) {
        bool done = false;
        memcpy(&entry, work->due.data + at, sizeof entry);
        status = satchel_ledger_carry_out(work->service, work->db, &entry, &done, error);
    }
    return status;
}

static satchel_status open_file(replay_work *work, satchel_db *db, bool create, satchel_error *error) {
    uint8_t key[SATCHEL_KEY_BYTES];
    satchel_company company;
    satchel_host_ledger *ledger = work->ledger;
    satchel_status status = satchel_company_get(work->service, db, &company, error);
    if (status == SATCHEL_OK) {
        status = satchel_company_key(db, KEY_CONTEXT, key, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_ledger_file_open(&ledger->file, ledger->path, create, key, company.public_key, replay_entry,
                                          work, error);
    }
    satchel_secret_wipe(key, sizeof key);
    return status;
}

static satchel_status had_ledger(satchel_db *db, bool *out, satchel_error *error) {
    int64_t count = 0;
    satchel_status status = satchel_db_number_values(db, "SELECT count(*) FROM meta WHERE name = '" KNOWN_NAME "'",
                                                     NULL, 0, 0, &count, error);
    *out = count > 0;
    return status;
}

satchel_status satchel_host_ledger_note(satchel_db *db, satchel_error *error) {
    static const uint8_t yes = 1;
    return satchel_meta_put(db, KNOWN_NAME, satchel_bytes_of(&yes, 1), error);
}

/*
 * There is none: a company that never had one gets one, any other is fenced. On PostgreSQL a server without one may be
 * a further server of a company that lives: it begins its own, and a database that PostgreSQL's tools restored is told
 * by the ledgers of the other servers, or by `epoch new`.
 */
static satchel_status do_without(replay_work *work, bool restored, satchel_error *error) {
    bool had = false;
    uint32_t epoch = 0;
    satchel_status status = had_ledger(work->db, &had, error);
    if (status == SATCHEL_OK && restored) {
        return satchel_epoch_begin(work->service, work->db, NULL, &epoch, error);
    }
    if (status == SATCHEL_OK && had && satchel_db_dialect(work->db) == SATCHEL_DIALECT_SQLITE) {
        return satchel_epoch_fence(work->service, work->db, SATCHEL_FENCE_MISSING, error);
    }
    if (status == SATCHEL_OK) {
        status = open_file(work, work->db, true, error);
    }
    return status == SATCHEL_OK ? satchel_host_ledger_note(work->db, error) : status;
}

/*
 * The file is an old copy. A database that was restored begins an epoch whose numbers no copy can have heard of. What
 * the file says is carried out all the same; it is not fed before the fence is down.
 */
static satchel_status do_with_old(replay_work *work, bool restored, satchel_error *error) {
    uint32_t epoch = 0;
    satchel_ledger_file_close(work->ledger->file);
    work->ledger->file = NULL;
    satchel_status status = restored || work->due.bytes > 0
                                ? satchel_epoch_begin(work->service, work->db, NULL, &epoch, error)
                                : SATCHEL_OK;
    if (status == SATCHEL_OK) {
        status = carry_out_due(work, error);
    }
    return status == SATCHEL_OK ? satchel_epoch_fence(work->service, work->db, SATCHEL_FENCE_STALE, error) : status;
}

/*
 * Is the database older than what the ledger says of it? Then the epoch begins first: what is carried out must not take
 * numbers that were given out in the lost stretch. A fence that a phone caused falls only with a ledger that brings
 * what was missing.
 */
static satchel_status compare(replay_work *work, bool restored, satchel_error *error) {
    satchel_counter counter;
    uint64_t known = 0;
    uint32_t epoch = 0;
    const satchel_ledger_marks *marks = &work->ledger->marks;
    satchel_status status = satchel_counter_read(work->db, &counter, error);
    if (status == SATCHEL_OK) {
        status = satchel_ledger_known(work->db, &known, error);
    }
    bool lags = marks->serial < known;
    bool alone = satchel_db_dialect(work->db) == SATCHEL_DIALECT_SQLITE;
    if (status == SATCHEL_OK && lags && (alone || restored || counter.fenced != SATCHEL_FENCE_NONE)) {
        return do_with_old(work, restored, error);
    }
    bool older = restored || work->brings || work->due.bytes > 0 || marks->epoch > counter.epoch ||
                 marks->n > counter.reserved_n;
    if (status == SATCHEL_OK && older) {
        status = satchel_epoch_begin(work->service, work->db, marks, &epoch, error);
    }
    if (status == SATCHEL_OK) {
        status = carry_out_due(work, error);
    }
    if (status == SATCHEL_OK && work->brings) {
        status = satchel_epoch_catch_up(work->db, marks->serial, error);
    }
    if (status == SATCHEL_OK && (counter.fenced != SATCHEL_FENCE_BEHIND || work->brings)) {
        status = satchel_epoch_fence(work->service, work->db, SATCHEL_FENCE_NONE, error);
    }
    return status == SATCHEL_OK ? satchel_host_ledger_note(work->db, error) : status;
}

satchel_status satchel_host_ledger_replay(satchel_host_ledger *ledger, const satchel_service *service, satchel_db *db,
                                          bool restored, satchel_error *error) {
    replay_work work = {.ledger = ledger, .service = service, .db = db};
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    satchel_company company;
    satchel_status status = satchel_company_get(service, db, &company, &why);
    if (status == SATCHEL_NOT_FOUND) {
        return SATCHEL_OK;
    }
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "%s", why.detail);
    }
    status = satchel_ledger_number_all(db, &why);
    status = status == SATCHEL_OK ? open_file(&work, db, false, &why) : status;
    if (status == SATCHEL_NOT_FOUND) {
        return do_without(&work, restored, error);
    }
    status = status == SATCHEL_OK ? compare(&work, restored, error) : satchel_fail(error, status, "%s", why.detail);
    satchel_buffer_deinit(&work.due);
    return status;
}

satchel_status satchel_host_ledger_make(satchel_host_ledger *ledger, const satchel_service *service, satchel_db *db,
                                        satchel_error *error) {
    replay_work work = {.ledger = ledger, .service = service};
    pthread_mutex_lock(&ledger->mutex);
    satchel_status status = ledger->file == NULL ? open_file(&work, db, true, error) : SATCHEL_OK;
    pthread_mutex_unlock(&ledger->mutex);
    return status;
}

/* --- feeding --- */

bool satchel_host_ledger_lags(satchel_host_ledger *ledger, uint64_t head) {
    pthread_mutex_lock(&ledger->mutex);
    bool lags = ledger->written < head;
    pthread_mutex_unlock(&ledger->mutex);
    return lags;
}

typedef struct fill_work {
    satchel_host_ledger *ledger;
    satchel_error *error;
} fill_work;

static satchel_status copy_entry(void *context, uint64_t serial, satchel_bytes bytes) {
    fill_work *work = context;
    satchel_ledger_entry entry;
    satchel_buffer numbered;
    satchel_buffer_init(&numbered);
    satchel_status status = satchel_ledger_number(serial, bytes, &numbered);
    if (status == SATCHEL_OK) {
        status = satchel_ledger_file_append(work->ledger->file, satchel_buffer_view(&numbered), work->error);
    } else {
        status = satchel_fail(work->error, status, "no memory for an entry of the ledger");
    }
    if (status == SATCHEL_OK && satchel_ledger_decode(satchel_buffer_view(&numbered), &entry) == SATCHEL_OK) {
        satchel_ledger_mark(&work->ledger->marks, &entry);
    }
    satchel_buffer_deinit(&numbered);
    return status;
}

/* A company that was made just now. */
static satchel_status make_first(satchel_host_ledger *ledger, const satchel_service *service, satchel_db *db,
                                 satchel_error *error) {
    replay_work fresh = {.ledger = ledger, .service = service};
    satchel_company company;
    bool had = false;
    bool there = satchel_company_get(service, db, &company, NULL) == SATCHEL_OK;
    satchel_status status = had_ledger(db, &had, error);
    return status == SATCHEL_OK && there && !had ? open_file(&fresh, db, true, error) : status;
}

satchel_status satchel_host_ledger_fill(satchel_host_ledger *ledger, const satchel_service *service, satchel_db *db,
                                        uint64_t *out_serial, satchel_error *error) {
    fill_work work = {ledger, error};
    satchel_status status = SATCHEL_OK;
    *out_serial = 0;
    pthread_mutex_lock(&ledger->mutex);
    if (ledger->file == NULL) {
        status = make_first(ledger, service, db, error);
    }
    if (status == SATCHEL_OK && ledger->file != NULL) {
        status = satchel_ledger_list(db, satchel_ledger_file_serial(ledger->file), copy_entry, &work, error);
        if (status == SATCHEL_OK) {
            status = satchel_ledger_file_sync(ledger->file, error);
        }
        if (status == SATCHEL_OK) {
            ledger->written = satchel_ledger_file_serial(ledger->file);
            *out_serial = ledger->written;
        }
    }
    pthread_mutex_unlock(&ledger->mutex);
    return status;
}
