/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading, appending and syncing the ledger's file. After a failed write the file is cut back to its last whole record,
 * so that what follows can be read.
 */
#include "host/ledger_file.h"

#include "base/error.h"
#include "base/memory.h"
#include "crypto/seal.h"
#include "host/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "SATCHEL LEDGER 1\n"
#define MAGIC_BYTES (sizeof MAGIC - 1)
#define HEAD_BYTES (MAGIC_BYTES + SATCHEL_SIGN_PUBLIC_BYTES)
#define RECORD_MOST (SATCHEL_NONCE_BYTES + SATCHEL_LEDGER_ENTRY_MOST + SATCHEL_TAG_BYTES)
#define SECTOR_BYTES 512
#define RECORD_LEAST (SATCHEL_NONCE_BYTES + 1 + SATCHEL_TAG_BYTES)

struct satchel_ledger_file {
    int file;
    off_t end; /* behind the last whole record */
    uint64_t place;
    uint64_t serial; /* of the newest entry */
    uint8_t last_tag[SATCHEL_TAG_BYTES];
    uint8_t key[SATCHEL_KEY_BYTES];
    bool dirty;
};

static satchel_status fail_errno(satchel_error *error, const char *what) {
    return satchel_fail(error, errno == ENOSPC ? SATCHEL_DISK_FULL : SATCHEL_IO_ERROR, "the ledger cannot be %s: %s",
                        what, strerror(errno));
}

static bool read_at(int file, off_t at, void *out, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        ssize_t got = pread(file, (uint8_t *)out + done, bytes - done, at + (off_t)done);
        if (got <= 0) {
            return false;
        }
        done += (size_t)got;
    }
    return true;
}

static bool write_at(int file, off_t at, const void *from, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        ssize_t put = pwrite(file, (const uint8_t *)from + done, bytes - done, at + (off_t)done);
        if (put <= 0) {
            errno = put == 0 ? ENOSPC : errno;
            return false;
        }
        done += (size_t)put;
    }
    return true;
}

/* The tag of the record before and the place: no record can go, come or change places unseen. */
static satchel_bytes associated_of(const satchel_ledger_file *file, uint8_t out[SATCHEL_TAG_BYTES + 8]) {
    memcpy(out, file->last_tag, SATCHEL_TAG_BYTES);
    satchel_put_u64be(out + SATCHEL_TAG_BYTES, file->place);
    return satchel_bytes_of(out, SATCHEL_TAG_BYTES + 8);
}

static void step_over(satchel_ledger_file *file, satchel_bytes record) {
    memcpy(file->last_tag, record.data + record.bytes - SATCHEL_TAG_BYTES, SATCHEL_TAG_BYTES);
    file->place++;
    file->end += (off_t)(4 + record.bytes);
}

static satchel_status open_record(satchel_ledger_file *file, satchel_bytes record, satchel_ledger_reader visit,
                                  void *context, bool *out_opens, satchel_error *error) {
    uint8_t associated[SATCHEL_TAG_BYTES + 8];
    satchel_buffer plain;
    satchel_ledger_entry entry;
    satchel_buffer_init(&plain);
    satchel_status status = satchel_unseal_message(file->key, associated_of(file, associated), record, &plain);
    *out_opens = status == SATCHEL_OK || status == SATCHEL_NO_MEMORY;
    if (status != SATCHEL_OK) {
        status =
            satchel_fail(error, status, "record %llu of the ledger does not open", (unsigned long long)file->place + 1);
    }
    uint64_t serial = status == SATCHEL_OK ? satchel_ledger_serial_of(satchel_buffer_view(&plain)) : 0;
    if (serial != 0 && serial <= file->serial) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "record %llu of the ledger is out of order",
                              (unsigned long long)file->place + 1);
    }
    file->serial = serial > file->serial ? serial : file->serial;
    /* A kind that this version does not know was written by a later one, and is its business. */
    if (status == SATCHEL_OK && visit != NULL &&
        satchel_ledger_decode(satchel_buffer_view(&plain), &entry) == SATCHEL_OK) {
        status = visit(context, &entry, error);
    }
    satchel_buffer_deinit(&plain);
    return status;
}

/* Is some sector of these bytes of the file all zeros, as far as it lies among them? */
static bool lacks_sector(const satchel_ledger_file *file, off_t at, off_t end) {
    uint8_t bytes[SECTOR_BYTES];
    for (off_t next = 0; at < end; at = next) {
        next = (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
        next = next < end ? next : end;
        size_t count = (size_t)(next - at);
        uint8_t any = 0;
        bool read = read_at(file->file, at, bytes, count);
        for (size_t i = 0; read && i < count; i++) {
            any |= bytes[i];
        }
        if (read && any == 0) {
            return true;
        }
    }
    return false;
}

/* The record at the end of what was read opened not, or has no length: torn if it was never written whole. */
static bool is_torn(const satchel_ledger_file *file, uint32_t bytes, off_t size) {
    bool has_length = bytes >= RECORD_LEAST && bytes <= RECORD_MOST;
    off_t end = has_length ? file->end + 4 + (off_t)bytes : file->end + 4 + (off_t)RECORD_LEAST;
    return lacks_sector(file, file->end, end < size ? end : size);
}

static satchel_status read_records(satchel_ledger_file *file, off_t size, satchel_ledger_reader visit, void *context,
                                   satchel_error *error) {
    uint8_t record[RECORD_MOST];
    uint8_t length[4];
    satchel_status status = SATCHEL_OK;
    while (status == SATCHEL_OK && file->end + 4 <= size) {
        if (!read_at(file->file, file->end, length, sizeof length)) {
            return fail_errno(error, "read");
        }
        uint32_t bytes = satchel_get_u32be(length);
        if (bytes < RECORD_LEAST || bytes > RECORD_MOST) {
            if (is_torn(file, bytes, size)) {
                break;
            }
            return satchel_fail(error, SATCHEL_DAMAGED, "record %llu of the ledger has no length",
                                (unsigned long long)file->place + 1);
        }
        if (file->end + 4 + (off_t)bytes > size) {
            break; /* torn at the end */
        }
        if (!read_at(file->file, file->end + 4, record, bytes)) {
            return fail_errno(error, "read");
        }
        bool opens = true;
        status = open_record(file, satchel_bytes_of(record, bytes), visit, context, &opens, error);
        if (!opens && is_torn(file, bytes, size)) {
            satchel_error_clear(error);
            return SATCHEL_OK;
        }
        if (status == SATCHEL_OK) {
            step_over(file, satchel_bytes_of(record, bytes));
        }
    }
    return status;
}

/* One that is there has to have our head; of a file that was being made when the power went it has only a part. */
static satchel_status check_head(satchel_ledger_file *file, const char *path,
                                 const uint8_t company[SATCHEL_SIGN_PUBLIC_BYTES], off_t size, bool create,
                                 satchel_error *error) {
    uint8_t head[HEAD_BYTES];
    uint8_t found[HEAD_BYTES];
    size_t there = size < (off_t)sizeof head ? (size_t)size : sizeof head;
    memcpy(head, MAGIC, MAGIC_BYTES);
    memcpy(head + MAGIC_BYTES, company, SATCHEL_SIGN_PUBLIC_BYTES);
    file->end = (off_t)sizeof head;
    if (!read_at(file->file, 0, found, there) || memcmp(head, found, there) != 0) {
        return satchel_fail(error, SATCHEL_FOREIGN_FILE, "this is no ledger of this company");
    }
    if (there == sizeof head) {
        return SATCHEL_OK;
    }
    if (!create) {
        return satchel_fail(error, SATCHEL_NOT_FOUND, "the ledger at %.200s was never begun", path);
    }
    return write_at(file->file, 0, head, sizeof head) && fsync(file->file) == 0 ? satchel_file_name_sync(path, error)
                                                                                : fail_errno(error, "written");
}

satchel_status satchel_ledger_file_open(satchel_ledger_file **out, const char *path, bool create,
                                        const uint8_t key[SATCHEL_KEY_BYTES],
                                        const uint8_t company[SATCHEL_SIGN_PUBLIC_BYTES], satchel_ledger_reader visit,
                                        void *context, satchel_error *error) {
    struct stat info;
    *out = NULL;
    satchel_ledger_file *file = satchel_memory_take(sizeof *file);
    if (file == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the ledger");
    }
    memcpy(file->key, key, sizeof file->key);
    file->file = open(path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
    satchel_status status = SATCHEL_OK;
    if (file->file < 0) {
        status = errno == ENOENT ? satchel_fail(error, SATCHEL_NOT_FOUND, "there is no ledger at %.200s", path)
                                 : fail_errno(error, "opened");
    } else if (fstat(file->file, &info) != 0) {
        status = fail_errno(error, "read");
    }
    if (status == SATCHEL_OK) {
        status = check_head(file, path, company, info.st_size, create, error);
    }
    if (status == SATCHEL_OK) {
        status = read_records(file, info.st_size, visit, context, error);
    }
    if (status == SATCHEL_OK && info.st_size > file->end && ftruncate(file->file, file->end) != 0) {
        status = fail_errno(error, "cut");
    }
    if (status != SATCHEL_OK) {
        satchel_ledger_file_close(file);
        return status;
    }
    *out = file;
    return SATCHEL_OK;
}

satchel_status satchel_ledger_file_append(satchel_ledger_file *file, satchel_bytes entry, satchel_error *error) {
    uint8_t associated[SATCHEL_TAG_BYTES + 8];
    uint8_t length[4];
    uint64_t serial = satchel_ledger_serial_of(entry);
    satchel_buffer record;
    satchel_buffer_init(&record);
    if (entry.bytes == 0 || entry.bytes > SATCHEL_LEDGER_ENTRY_MOST) {
        return satchel_fail(error, SATCHEL_TOO_LONG, "an entry of %zu bytes", entry.bytes);
    }
    satchel_status status = satchel_buffer_append(&record, satchel_bytes_of("\0\0\0\0", 4));
    if (status == SATCHEL_OK) {
        status =
            satchel_seal_message(file->key, satchel_random_system(), associated_of(file, associated), entry, &record);
    }
    if (status != SATCHEL_OK) {
        satchel_buffer_deinit(&record);
        return satchel_fail(error, status, "an entry of the ledger cannot be sealed");
    }
    satchel_put_u32be(length, (uint32_t)(record.bytes - 4));
    memcpy(record.data, length, sizeof length);
    if (write_at(file->file, file->end, record.data, record.bytes)) {
        step_over(file, satchel_bytes_of(record.data + 4, record.bytes - 4));
        file->serial = serial > file->serial ? serial : file->serial;
        file->dirty = true;
    } else {
        status = fail_errno(error, "written");
        if (ftruncate(file->file, file->end) != 0) {
            status = satchel_fail(error, status, "the ledger cannot be written, nor cut back");
        }
    }
    satchel_buffer_deinit(&record);
    return status;
}

uint64_t satchel_ledger_file_serial(const satchel_ledger_file *file) {
    return file->serial;
}

satchel_status satchel_ledger_file_sync(satchel_ledger_file *file, satchel_error *error) {
    if (file->dirty && fsync(file->file) != 0) {
        return fail_errno(error, "made durable");
    }
    file->dirty = false;
    return SATCHEL_OK;
}

void satchel_ledger_file_close(satchel_ledger_file *file) {
    if (file != NULL) {
        if (file->file >= 0) {
            close(file->file);
        }
        satchel_memory_give(file);
    }
}
