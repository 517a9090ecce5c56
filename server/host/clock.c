/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decimal number of ms in one small file, replaced as a whole.
 */
#include "host/clock.h"

#include "base/error.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CLOCK_NAME "clock"
#define NUMBER_BYTES 32

int64_t satchel_clock_system_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t satchel_clock_now_ms(void *clock) {
    satchel_clock *moved = clock;
    return satchel_clock_system_ms() + atomic_load(&moved->offset_ms);
}

static satchel_status path_of(const char *folder, const char *suffix, char out[PATH_MAX], satchel_error *error) {
    int written = snprintf(out, PATH_MAX, "%s/%s%s", folder, CLOCK_NAME, suffix);
    return written > 0 && written < PATH_MAX ? SATCHEL_OK
                                             : satchel_fail(error, SATCHEL_TOO_LONG, "the path is too long");
}

satchel_status satchel_clock_load(satchel_clock *clock, const char *folder, satchel_error *error) {
    char path[PATH_MAX];
    char text[NUMBER_BYTES];
    atomic_init(&clock->offset_ms, 0);
    satchel_status status = path_of(folder, "", path, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return errno == ENOENT ? SATCHEL_OK : satchel_fail(error, SATCHEL_IO_ERROR, "clock: %s", strerror(errno));
    }
    ssize_t got = read(file, text, sizeof text);
    close(file);
    int64_t offset_ms = 0;
    if (got < 0) {
        return satchel_fail(error, SATCHEL_IO_ERROR, "clock: %s", strerror(errno));
    }
    if (satchel_text_to_int(satchel_text_trim((satchel_text){text, (size_t)got}), &offset_ms) != SATCHEL_OK) {
        return satchel_fail(error, SATCHEL_DAMAGED, "the file of the rehearsal's clock holds no number");
    }
    atomic_store(&clock->offset_ms, offset_ms);
    return SATCHEL_OK;
}

static satchel_status write_new(const char *path, int64_t offset_ms, satchel_error *error) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) {
        return satchel_fail(error, SATCHEL_IO_ERROR, "clock: %s", strerror(errno));
    }
    char text[NUMBER_BYTES];
    int length = snprintf(text, sizeof text, "%lld\n", (long long)offset_ms);
    bool written = write(file, text, (size_t)length) == length && fsync(file) == 0;
    int saved_errno = errno;
    close(file);
    return written ? SATCHEL_OK : satchel_fail(error, SATCHEL_IO_ERROR, "clock: %s", strerror(saved_errno));
}

satchel_status satchel_clock_store(satchel_clock *clock, const char *folder, int64_t offset_ms, satchel_error *error) {
    char path[PATH_MAX];
    char fresh[PATH_MAX];
    satchel_status status = path_of(folder, "", path, error);
    if (status == SATCHEL_OK) {
        status = path_of(folder, ".new", fresh, error);
    }
    if (status == SATCHEL_OK && offset_ms != 0) {
        status = write_new(fresh, offset_ms, error);
        if (status == SATCHEL_OK && rename(fresh, path) != 0) {
            status = satchel_fail(error, SATCHEL_IO_ERROR, "clock: %s", strerror(errno));
        }
    } else if (status == SATCHEL_OK && unlink(path) != 0 && errno != ENOENT) {
        status = satchel_fail(error, SATCHEL_IO_ERROR, "clock: %s", strerror(errno));
    }
    if (status == SATCHEL_OK) {
        atomic_store(&clock->offset_ms, offset_ms);
    }
    return status;
}
