/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Written under another name, synced, renamed, and the folder synced: after a crash there is the old line or the new.
 */
#include "host/small_file.h"

#include "base/error.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static satchel_status path_of(const char *folder, const char *name, const char *suffix, char out[PATH_MAX],
                              satchel_error *error) {
    int written = snprintf(out, PATH_MAX, "%s/%s%s", folder, name, suffix);
    return written > 0 && written < PATH_MAX ? SATCHEL_OK
                                             : satchel_fail(error, SATCHEL_TOO_LONG, "the path is too long");
}

static satchel_status fail(const char *name, satchel_error *error) {
    return satchel_fail(error, SATCHEL_IO_ERROR, "%s: %s", name, strerror(errno));
}

satchel_status satchel_small_file_read(const char *folder, const char *name, char out[SATCHEL_SMALL_FILE_BYTES],
                                       satchel_error *error) {
    char path[PATH_MAX];
    satchel_status status = path_of(folder, name, "", path, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return errno == ENOENT ? satchel_fail(error, SATCHEL_NOT_FOUND, "there is no %s", name) : fail(name, error);
    }
    ssize_t got = read(file, out, SATCHEL_SMALL_FILE_BYTES);
    close(file);
    if (got < 0) {
        return fail(name, error);
    }
    if (got == SATCHEL_SMALL_FILE_BYTES) {
        return satchel_fail(error, SATCHEL_TOO_LONG, "%s holds more than a line", name);
    }
    satchel_text line = satchel_text_trim((satchel_text){out, (size_t)got});
    memmove(out, line.data, line.bytes);
    out[line.bytes] = '\0';
    return SATCHEL_OK;
}

static satchel_status write_new(const char *path, const char *name, const char *line, satchel_error *error) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) {
        return fail(name, error);
    }
    size_t bytes = strlen(line);
    bool written = write(file, line, bytes) == (ssize_t)bytes && write(file, "\n", 1) == 1 && fsync(file) == 0;
    satchel_status status = written ? SATCHEL_OK : fail(name, error);
    close(file);
    return status;
}

static satchel_status sync_folder(const char *folder, const char *name, satchel_error *error) {
    int handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = handle >= 0 && fsync(handle) == 0;
    satchel_status status = synced ? SATCHEL_OK : fail(name, error);
    if (handle >= 0) {
        close(handle);
    }
    return status;
}

satchel_status satchel_file_name_sync(const char *path, satchel_error *error) {
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        slash[slash == folder ? 1 : 0] = '\0';
    }
    return sync_folder(slash != NULL ? folder : ".", path, error);
}

satchel_status satchel_small_file_store(const char *folder, const char *name, const char *line, satchel_error *error) {
    char path[PATH_MAX];
    char fresh[PATH_MAX];
    satchel_status status = path_of(folder, name, "", path, error);
    if (status == SATCHEL_OK) {
        status = path_of(folder, name, ".new", fresh, error);
    }
    if (status == SATCHEL_OK && line != NULL && strlen(line) + 1 >= SATCHEL_SMALL_FILE_BYTES) {
        status = satchel_fail(error, SATCHEL_TOO_LONG, "%s is too long a line", name);
    }
    if (status == SATCHEL_OK && line != NULL) {
        status = write_new(fresh, name, line, error);
        if (status == SATCHEL_OK && rename(fresh, path) != 0) {
            status = fail(name, error);
        }
    } else if (status == SATCHEL_OK && unlink(path) != 0 && errno != ENOENT) {
        status = fail(name, error);
    }
    return status == SATCHEL_OK ? sync_folder(folder, name, error) : status;
}
