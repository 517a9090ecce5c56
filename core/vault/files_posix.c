/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault's file verbs over POSIX. Files are made for the owner alone and never inherited by another program.
 */
#include "vault/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static satchel_status status_of(int error) {
    switch (error) {
    case ENOENT: return SATCHEL_NOT_FOUND;
    case ENOSPC:
    case EDQUOT: return SATCHEL_DISK_FULL;
    case ENOMEM: return SATCHEL_NO_MEMORY;
    case EWOULDBLOCK: return SATCHEL_IN_USE;
    default: return SATCHEL_IO_ERROR;
    }
}

/* On Apple's systems fsync leaves the data in the drive's cache. */
static int sync_descriptor(int descriptor) {
#if defined(F_FULLFSYNC)
    if (fcntl(descriptor, F_FULLFSYNC) == 0) {
        return 0;
    }
#endif
    return fsync(descriptor);
}

static int open_retrying(const char *path, int flags) {
    int descriptor;
    do {
        descriptor = open(path, flags | O_CLOEXEC, S_IRUSR | S_IWUSR);
    } while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

static satchel_status read_some(int descriptor, size_t limit_bytes, satchel_buffer *out) {
    size_t total = 0;
    for (;;) {
        uint8_t part[4096];
        ssize_t got = read(descriptor, part, sizeof part);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0 ? SATCHEL_OK : status_of(errno);
        }
        if ((size_t)got > limit_bytes - total) {
            return SATCHEL_LIMIT_EXCEEDED;
        }
        total += (size_t)got;
        satchel_status status = satchel_buffer_append(out, satchel_bytes_of(part, (size_t)got));
        if (status != SATCHEL_OK) {
            return status;
        }
    }
}

static satchel_status posix_read(void *context, const char *path, size_t limit_bytes, satchel_buffer *out) {
    (void)context;
    int descriptor = open_retrying(path, O_RDONLY);
    if (descriptor < 0) {
        return status_of(errno);
    }
    satchel_status status = read_some(descriptor, limit_bytes, out);
    (void)close(descriptor);
    return status;
}

static satchel_status write_all(int descriptor, satchel_bytes content) {
    size_t at = 0;
    while (at < content.bytes) {
        ssize_t put = write(descriptor, content.data + at, content.bytes - at);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return status_of(put == 0 ? ENOSPC : errno);
        }
        at += (size_t)put;
    }
    return SATCHEL_OK;
}

static satchel_status posix_write(void *context, const char *path, satchel_bytes content) {
    (void)context;
    int descriptor = open_retrying(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (descriptor < 0) {
        return status_of(errno);
    }
    satchel_status status = write_all(descriptor, content);
    if (status == SATCHEL_OK && sync_descriptor(descriptor) != 0) {
        status = status_of(errno);
    }
    if (close(descriptor) != 0 && status == SATCHEL_OK) {
        status = status_of(errno);
    }
    return status;
}

static satchel_status posix_sync(void *context, const char *path) {
    (void)context;
    int descriptor = open_retrying(path, O_RDWR);
    if (descriptor < 0) {
        return status_of(errno);
    }
    satchel_status status = sync_descriptor(descriptor) == 0 ? SATCHEL_OK : status_of(errno);
    (void)close(descriptor);
    return status;
}

static satchel_status posix_rename(void *context, const char *from, const char *to) {
    (void)context;
    return rename(from, to) == 0 ? SATCHEL_OK : status_of(errno);
}

static satchel_status posix_remove(void *context, const char *path) {
    (void)context;
    return unlink(path) == 0 || errno == ENOENT ? SATCHEL_OK : status_of(errno);
}

static satchel_status posix_sync_folder(void *context, const char *folder) {
    (void)context;
    int descriptor = open_retrying(folder, O_RDONLY | O_DIRECTORY);
    if (descriptor < 0) {
        return status_of(errno);
    }
    satchel_status status = fsync(descriptor) == 0 ? SATCHEL_OK : status_of(errno);
    (void)close(descriptor);
    return status;
}

static satchel_status posix_size(void *context, const char *path, uint64_t *out_bytes) {
    (void)context;
    struct stat info;
    *out_bytes = 0;
    if (stat(path, &info) != 0) {
        return status_of(errno);
    }
    *out_bytes = (uint64_t)info.st_size;
    return SATCHEL_OK;
}

static satchel_status posix_lock(void *context, const char *path, intptr_t *out_lock) {
    (void)context;
    int descriptor = open_retrying(path, O_RDWR | O_CREAT);
    if (descriptor < 0) {
        return status_of(errno);
    }
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        satchel_status status = status_of(errno);
        (void)close(descriptor);
        return status;
    }
    *out_lock = descriptor;
    return SATCHEL_OK;
}

static void posix_unlock(void *context, intptr_t lock) {
    (void)context;
    (void)close((int)lock);
}

const satchel_vault_files *satchel_vault_files_posix(void) {
    static const satchel_vault_files posix = {
        .read = posix_read,
        .write = posix_write,
        .sync = posix_sync,
        .rename = posix_rename,
        .remove = posix_remove,
        .sync_folder = posix_sync_folder,
        .size = posix_size,
        .lock = posix_lock,
        .unlock = posix_unlock,
    };
    return &posix;
}
