/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step of a backup plan: make or verify, copy, throw away.
 */
#include "host/backup_plan.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/memory.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "host/small_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES 65536

/* --- the plan --- */

satchel_status satchel_duration_read(const char *text, int64_t *out_ms, satchel_error *error) {
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    int64_t count = 0;
    size_t at = 0;
    for (; text[at] >= '0' && text[at] <= '9' && at < 9; at++) {
        count = count * 10 + (text[at] - '0');
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (at > 0 && count > 0 && text[at] == units[i].unit && text[at + 1] == '\0') {
            *out_ms = count * units[i].ms;
            return *out_ms <= SATCHEL_BACKUP_EVERY_MOST_MS
                       ? SATCHEL_OK
                       : satchel_fail(error, SATCHEL_OUT_OF_RANGE, "backups have to be made once a year at least");
        }
    }
    return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a time is a number and s, m, h or d: %.20s", text);
}

static satchel_status check_folder(const char *path, struct stat *out, satchel_error *error) {
    return stat(path, out) == 0 && S_ISDIR(out->st_mode)
               ? SATCHEL_OK
               : satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "there is no folder for backups at %.200s", path);
}

satchel_status satchel_backup_plan_check(const satchel_backup_plan *plan, satchel_error *error) {
    struct stat first;
    struct stat second;
    if (plan->every_ms <= 0 || plan->keep < 1 || plan->keep > SATCHEL_BACKUP_KEEP_MOST) {
        return satchel_fail(error, SATCHEL_OUT_OF_RANGE, "of backups 1 to %d are kept", SATCHEL_BACKUP_KEEP_MOST);
    }
    if (plan->key_path == NULL) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "backups need a key: --key KEYFILE");
    }
    satchel_status status = check_folder(plan->folder, &first, error);
    if (status == SATCHEL_OK && plan->second != NULL) {
        status = check_folder(plan->second, &second, error);
        if (status == SATCHEL_OK && first.st_dev == second.st_dev && first.st_ino == second.st_ino) {
            status = satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "the second place of backups is the first");
        }
    }
    return status;
}

/* --- what lies in a folder --- */

typedef struct backup_name {
    uint32_t epoch;
    uint64_t n;
} backup_name;

static bool write_name(const char *folder, const backup_name *name, char out[PATH_MAX]) {
    int bytes = snprintf(out, PATH_MAX, "%s/satchel-%u-%llu.backup", folder, (unsigned)name->epoch,
                         (unsigned long long)name->n);
    return bytes > 0 && bytes < PATH_MAX;
}

/* A file that such a name would be given to, and no other: what else lies there is somebody's. */
static bool read_name(const char *file, backup_name *out) {
    char again[64];
    char *end = NULL;
    if (strncmp(file, "satchel-", 8) != 0) {
        return false;
    }
    unsigned long long epoch = strtoull(file + 8, &end, 10);
    if (epoch > UINT32_MAX || *end != '-') {
        return false;
    }
    *out = (backup_name){(uint32_t)epoch, strtoull(end + 1, &end, 10)};
    (void)snprintf(again, sizeof again, "satchel-%u-%llu.backup", (unsigned)out->epoch, (unsigned long long)out->n);
    return strcmp(again, file) == 0;
}

static int newest_first(const void *a, const void *b) {
    const backup_name *left = a;
    const backup_name *right = b;
    if (left->epoch != right->epoch) {
        return left->epoch > right->epoch ? -1 : 1;
    }
    return left->n > right->n ? -1 : left->n < right->n ? 1 : 0;
}

static satchel_status list_backups(const char *folder, satchel_buffer *out, satchel_error *error) {
    DIR *open = opendir(folder);
    satchel_status status = SATCHEL_OK;
    if (open == NULL) {
        return satchel_fail(error, SATCHEL_IO_ERROR, "the folder of backups: %s", strerror(errno));
    }
    for (const struct dirent *entry = readdir(open); status == SATCHEL_OK && entry != NULL; entry = readdir(open)) {
        backup_name name;
        if (read_name(entry->d_name, &name)) {
            status = satchel_buffer_append(out, satchel_bytes_of(&name, sizeof name));
        }
    }
    (void)closedir(open);
    if (out->bytes > 0) {
        qsort(out->data, out->bytes / sizeof(backup_name), sizeof(backup_name), newest_first);
    }
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(error, status, "no memory for a list of backups");
}

/* The newest `keep` stay. */
static satchel_status throw_away(const char *folder, uint32_t keep, satchel_error *error) {
    satchel_buffer list = {NULL, 0, 0};
    char path[PATH_MAX];
    satchel_status status = list_backups(folder, &list, error);
    for (size_t i = keep; status == SATCHEL_OK && (i + 1) * sizeof(backup_name) <= list.bytes; i++) {
        backup_name name;
        memcpy(&name, list.data + i * sizeof name, sizeof name);
        if (write_name(folder, &name, path) && unlink(path) != 0 && errno != ENOENT) {
            status = satchel_fail(error, SATCHEL_IO_ERROR, "an old backup stays: %s", strerror(errno));
        }
    }
    satchel_buffer_deinit(&list);
    return status;
}

/* --- copying --- */

static satchel_status fail_copy(satchel_error *error) {
    return satchel_fail(error, errno == ENOSPC ? SATCHEL_DISK_FULL : SATCHEL_IO_ERROR, "the backup is not copied: %s",
                        strerror(errno));
}

static satchel_status pour(int from, int to, satchel_error *error) {
    uint8_t *piece = satchel_memory_take(COPY_BYTES);
    satchel_status status = piece != NULL ? SATCHEL_OK : satchel_fail(error, SATCHEL_NO_MEMORY, "no memory to copy");
    ssize_t got = piece != NULL ? read(from, piece, COPY_BYTES) : 0;
    while (status == SATCHEL_OK && got > 0) {
        for (ssize_t done = 0; status == SATCHEL_OK && done < got;) {
            ssize_t put = write(to, piece + done, (size_t)(got - done));
            done += put > 0 ? put : 0;
            status = put > 0 ? SATCHEL_OK : fail_copy(error);
        }
        got = status == SATCHEL_OK ? read(from, piece, COPY_BYTES) : 0;
    }
    satchel_memory_give(piece);
    if (status == SATCHEL_OK && (got < 0 || fsync(to) != 0)) {
        status = fail_copy(error);
    }
    return status;
}

/* The copy holds what the first holds, bit by bit of the stream. */
static satchel_status check_copy(const char *first, const char *copy, const uint8_t key[SATCHEL_KEY_BYTES],
                                 satchel_error *error) {
    uint8_t digests[2][SATCHEL_HASH_BYTES];
    satchel_backup_facts facts;
    satchel_status status = satchel_backup_read(first, key, NULL, &facts, digests[0], error);
    if (status == SATCHEL_OK) {
        status = satchel_backup_read(copy, key, NULL, &facts, digests[1], error);
    }
    return status == SATCHEL_OK && memcmp(digests[0], digests[1], SATCHEL_HASH_BYTES) != 0
               ? satchel_fail(error, SATCHEL_DAMAGED, "the copy of a backup is not like it")
               : status;
}

static satchel_status copy_file(const char *first, const char *folder, const char *path,
                                const uint8_t key[SATCHEL_KEY_BYTES], satchel_error *error) {
    char partial[PATH_MAX];
    uint8_t draw[4];
    satchel_status status = satchel_random_fill(satchel_random_system(), draw, sizeof draw);
    int bytes =
        snprintf(partial, sizeof partial, "%s/.satchel-%08x.partial", folder, (unsigned)satchel_get_u32be(draw));
    if (status != SATCHEL_OK || bytes <= 0 || (size_t)bytes >= sizeof partial) {
        return satchel_fail(error, status != SATCHEL_OK ? status : SATCHEL_TOO_LONG, "a copy cannot be named");
    }
    int from = open(first, O_RDONLY | O_CLOEXEC);
    int to = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    status = from >= 0 && to >= 0 ? pour(from, to, error) : fail_copy(error);
    if (from >= 0) {
        close(from);
    }
    if (to >= 0 && close(to) != 0 && status == SATCHEL_OK) {
        status = fail_copy(error);
    }
    if (status == SATCHEL_OK) {
        status = check_copy(first, partial, key, error);
    }
    if (status == SATCHEL_OK && rename(partial, path) != 0) {
        status = fail_copy(error);
    }
    if (status != SATCHEL_OK) {
        (void)unlink(partial);
        return status;
    }
    return satchel_file_name_sync(path, error);
}

/* The newest is in the second place, too. */
static satchel_status copy_newest(const satchel_backup_plan *plan, const uint8_t key[SATCHEL_KEY_BYTES],
                                  satchel_error *error) {
    satchel_buffer list = {NULL, 0, 0};
    backup_name newest;
    char first[PATH_MAX];
    char second[PATH_MAX];
    satchel_status status = list_backups(plan->folder, &list, error);
    if (status == SATCHEL_OK && list.bytes >= sizeof newest) {
        memcpy(&newest, list.data, sizeof newest);
        bool fits = write_name(plan->folder, &newest, first) && write_name(plan->second, &newest, second);
        if (fits && access(second, F_OK) != 0) {
            status = copy_file(first, plan->second, second, key, error);
        }
    }
    satchel_buffer_deinit(&list);
    return status;
}

/* --- a step --- */

typedef struct last_backup {
    satchel_backup_last last;
    satchel_company company;
    const satchel_service *service;
} last_backup;

static satchel_status look(void *context, satchel_db *db, satchel_error *error) {
    last_backup *out = context;
    satchel_status status = satchel_backup_newest(db, &out->last, error);
    return status == SATCHEL_OK ? satchel_company_get(out->service, db, &out->company, error) : status;
}

typedef struct verified {
    const satchel_service *service;
    satchel_backup_facts facts;
    uint8_t digest[SATCHEL_HASH_BYTES];
    uint64_t bytes;
} verified;

static satchel_status note_verified(void *context, satchel_db *db, satchel_error *error) {
    const verified *found = context;
    return satchel_backup_note(found->service, db, &found->facts, found->bytes, found->digest, error);
}

/* Nothing moved since: what lies there is read once more. */
static satchel_status verify_again(satchel_host *host, const char *path, const uint8_t key[SATCHEL_KEY_BYTES],
                                   satchel_error *error) {
    struct stat info;
    verified found = {.service = satchel_host_service(host)};
    satchel_status status = satchel_backup_read(path, key, NULL, &found.facts, found.digest, error);
    found.bytes = stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
    return status == SATCHEL_OK ? satchel_host_write(host, note_verified, &found, error) : status;
}

static satchel_status make_or_verify(satchel_host *host, const satchel_backup_plan *plan, const last_backup *at,
                                     const uint8_t key[SATCHEL_KEY_BYTES], satchel_error *error) {
    satchel_backup_facts facts;
    uint64_t bytes = 0;
    char path[PATH_MAX];
    const backup_name present = {at->company.epoch, at->company.n};
    bool there = write_name(plan->folder, &present, path) && access(path, F_OK) == 0;
    return there ? verify_again(host, path, key, error)
                 : satchel_backup_make(host, plan->folder, key, &facts, &bytes, error);
}

static satchel_status do_step(satchel_host *host, const satchel_backup_plan *plan, const last_backup *at, bool due,
                              satchel_error *error) {
    uint8_t key[SATCHEL_KEY_BYTES];
    satchel_status status = satchel_backup_key_read(plan->key_path, key, error);
    if (status == SATCHEL_OK && due) {
        status = make_or_verify(host, plan, at, key, error);
    }
    if (status == SATCHEL_OK && plan->second != NULL) {
        status = copy_newest(plan, key, error);
    }
    satchel_secret_wipe(key, sizeof key);
    if (status == SATCHEL_OK) {
        status = throw_away(plan->folder, plan->keep, error);
    }
    return status == SATCHEL_OK && plan->second != NULL ? throw_away(plan->second, plan->keep, error) : status;
}

satchel_status satchel_backup_plan_step(satchel_host *host, satchel_backup_plan *plan, int64_t now_ms, bool *out_made,
                                        satchel_error *error) {
    last_backup at = {.service = satchel_host_service(host)};
    *out_made = false;
    if (now_ms < plan->next_ms && plan->next_ms - now_ms <= SATCHEL_BACKUP_RETRY_MS) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_host_read(host, look, &at, error);
    /* A clock that was turned back must not stop backups. */
    int64_t age_ms = now_ms - at.last.at_ms;
    bool due = status == SATCHEL_OK && (at.last.number == 0 || age_ms >= plan->every_ms || age_ms < 0);
    if (status == SATCHEL_OK) {
        status = do_step(host, plan, &at, due, error);
    }
    *out_made = status == SATCHEL_OK && due;
    plan->next_ms = status == SATCHEL_OK ? 0 : now_ms + SATCHEL_BACKUP_RETRY_MS;
    return status;
}
