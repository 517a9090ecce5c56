/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inbox on the disk, and how a process without a key puts an item.
 *
 * An item is written under a name of its own, synced, then renamed: it is there whole or not at all. Nothing is ever
 * opened through a symbolic link, and what is no plain file is never read: the folder is open to other processes.
 */
#include "device/inbox.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/memory.h"
#include "base/text.h"
#include "crypto/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FORMAT 1
#define KEY_FILE_BYTES 53
#define KEY_BOUND_BYTES 37
#define NAME_DIGITS 32
#define TEMPORARY "tmp-"
#define ENTRIES_A_SCAN 4096    /* looked at; what is strange goes, so the next scan sees further */
#define FOLDERS_DEEP_MOST 8    /* of folders that others made in the inbox, when it is removed */
#define TEMPORARY_SECONDS 3600 /* a temporary name that is older belongs to no living process */

static const uint8_t magic[4] = {'S', 'I', 'N', 'B'};

static satchel_status status_of_errno(void) {
    return errno == ENOSPC || errno == EDQUOT ? SATCHEL_DISK_FULL : SATCHEL_IO_ERROR;
}

/* --- names and folders --- */

void satchel_inbox_name(const satchel_id *id, char out[SATCHEL_INBOX_NAME_BYTES]) {
    satchel_hex_write(satchel_id_view(id), out);
}

void satchel_inbox_binding(const satchel_id *id, uint8_t out[SATCHEL_INBOX_BINDING_BYTES]) {
    memcpy(out, "satchel inbox item 1", 20);
    memcpy(out + 20, id->bytes, SATCHEL_ID_BYTES);
}

int satchel_inbox_folder(const char *folder, const char *name, bool make) {
    int above = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (above < 0) {
        return -1;
    }
    if (make) {
        (void)mkdirat(above, name, 0700); /* if it cannot be made, opening says so */
    }
    int found = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int why = errno;
    close(above);
    errno = why;
    return found;
}

/* --- files --- */

satchel_status satchel_inbox_read(int folder, const char *name, size_t most, satchel_buffer *out) {
    struct stat found;
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) {
        bool foreign = errno == ELOOP || errno == ENXIO || errno == EACCES;
        return errno == ENOENT ? SATCHEL_NOT_FOUND : foreign ? SATCHEL_DAMAGED : SATCHEL_IO_ERROR;
    }
    satchel_status status = fstat(file, &found) == 0 ? SATCHEL_OK : SATCHEL_IO_ERROR;
    if (status == SATCHEL_OK && (!S_ISREG(found.st_mode) || (uint64_t)found.st_size > most)) {
        status = SATCHEL_DAMAGED;
    }
    satchel_buffer_clear(out);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_reserve(out, most + 1);
    }
    ssize_t got = 1;
    while (status == SATCHEL_OK && got > 0 && out->bytes <= most) {
        got = read(file, out->data + out->bytes, most + 1 - out->bytes);
        status = got < 0 ? SATCHEL_IO_ERROR : SATCHEL_OK;
        out->bytes += got > 0 ? (size_t)got : 0;
    }
    close(file);
    return status == SATCHEL_OK && out->bytes > most ? SATCHEL_DAMAGED : status; /* it grew meanwhile */
}

static bool write_all(int file, satchel_bytes bytes) {
    size_t at = 0;
    while (at < bytes.bytes) {
        ssize_t put = write(file, bytes.data + at, bytes.bytes - at);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return false;
        }
        at += (size_t)put;
    }
    return fsync(file) == 0;
}

satchel_status satchel_inbox_write(int folder, const char *name, satchel_bytes bytes) {
    uint8_t random[8];
    char digits[2 * sizeof random + 1];
    char temporary[sizeof TEMPORARY + sizeof digits];
    if (satchel_random_fill(satchel_random_system(), random, sizeof random) != SATCHEL_OK) {
        return SATCHEL_RANDOM_FAILED;
    }
    satchel_hex_write(satchel_bytes_of(random, sizeof random), digits);
    snprintf(temporary, sizeof temporary, TEMPORARY "%s", digits);
    int file = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) {
        return status_of_errno();
    }
    satchel_status status = write_all(file, bytes) ? SATCHEL_OK : status_of_errno();
    if (close(file) != 0 && status == SATCHEL_OK) {
        status = status_of_errno();
    }
    if (status == SATCHEL_OK && (renameat(folder, temporary, folder, name) != 0 || fsync(folder) != 0)) {
        status = status_of_errno();
    }
    if (status != SATCHEL_OK) {
        (void)unlinkat(folder, temporary, 0);
    }
    return status;
}

/* --- the public key --- */

static void write_key(const uint8_t public_key[SATCHEL_KEY_BYTES], uint8_t out[KEY_FILE_BYTES]) {
    uint8_t hash[SATCHEL_HASH_BYTES];
    memcpy(out, magic, sizeof magic);
    out[4] = FORMAT;
    memcpy(out + 5, public_key, SATCHEL_KEY_BYTES);
    satchel_hash_of(satchel_bytes_of(out, KEY_BOUND_BYTES), hash);
    memcpy(out + KEY_BOUND_BYTES, hash, KEY_FILE_BYTES - KEY_BOUND_BYTES);
}

static satchel_status read_key(const char *folder, uint8_t out[SATCHEL_KEY_BYTES]) {
    uint8_t expected[KEY_FILE_BYTES];
    satchel_buffer bytes = {0};
    int above = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (above < 0) {
        return errno == ENOENT || errno == ENOTDIR ? SATCHEL_NOT_FOUND : SATCHEL_IO_ERROR;
    }
    satchel_status status = satchel_inbox_read(above, SATCHEL_INBOX_KEY_FILE, KEY_FILE_BYTES, &bytes);
    close(above);
    if (status == SATCHEL_OK && bytes.bytes == KEY_FILE_BYTES) {
        memcpy(out, bytes.data + 5, SATCHEL_KEY_BYTES);
        write_key(out, expected);
    }
    if (status == SATCHEL_OK && (bytes.bytes != KEY_FILE_BYTES || memcmp(bytes.data, expected, sizeof expected) != 0)) {
        status = SATCHEL_DAMAGED;
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

satchel_status satchel_inbox_publish(const char *folder, const uint8_t public_key[SATCHEL_KEY_BYTES]) {
    uint8_t there[SATCHEL_KEY_BYTES];
    uint8_t bytes[KEY_FILE_BYTES];
    if (read_key(folder, there) == SATCHEL_OK && memcmp(there, public_key, sizeof there) == 0) {
        return SATCHEL_OK;
    }
    int above = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (above < 0) {
        return status_of_errno();
    }
    write_key(public_key, bytes);
    satchel_status status = satchel_inbox_write(above, SATCHEL_INBOX_KEY_FILE, satchel_bytes_of(bytes, sizeof bytes));
    close(above);
    return status;
}

/* --- what lies there --- */

static bool is_item_name(const char *name) {
    return strlen(name) == NAME_DIGITS && strspn(name, "0123456789abcdef") == NAME_DIGITS;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(a, b);
}

/* A temporary name that its process left behind goes; the clock decides, and a wrong one costs that process a retry. */
static void clear_temporary(int folder, const char *name) {
    struct stat found;
    if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) == 0) {
        int64_t age = (int64_t)time(NULL) - (int64_t)found.st_mtime;
        if (age > TEMPORARY_SECONDS || age < -TEMPORARY_SECONDS) {
            (void)unlinkat(folder, name, 0);
        }
    }
}

/* What nobody put. A link or a file goes; a folder stays, it can hold nothing up. */
static void remove_strange(int folder, const char *name, uint32_t *count) {
    (*count)++;
    (void)unlinkat(folder, name, 0);
}

satchel_status satchel_inbox_scan(int folder, satchel_inbox_names *out) {
    memset(out, 0, sizeof *out);
    int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = own >= 0 ? fdopendir(own) : NULL;
    if (entries == NULL) {
        if (own >= 0) {
            close(own);
        }
        return SATCHEL_IO_ERROR;
    }
    out->items = satchel_memory_take((size_t)SATCHEL_INBOX_ITEMS_MOST * sizeof *out->items);
    satchel_status status = out->items != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
    const struct dirent *entry;
    for (int seen = 0; status == SATCHEL_OK && seen < ENTRIES_A_SCAN && out->count < SATCHEL_INBOX_ITEMS_MOST; seen++) {
        if ((entry = readdir(entries)) == NULL) {
            break;
        }
        if (is_item_name(entry->d_name)) {
            memcpy(out->items[out->count++], entry->d_name, SATCHEL_INBOX_NAME_BYTES);
        } else if (strncmp(entry->d_name, TEMPORARY, strlen(TEMPORARY)) == 0) {
            clear_temporary(folder, entry->d_name);
        } else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            remove_strange(folder, entry->d_name, &out->strange);
        }
    }
    closedir(entries);
    if (status == SATCHEL_OK && out->count > 1) {
        qsort(out->items, out->count, sizeof *out->items, compare_names);
    }
    return status;
}

/* Counts, touching nothing: the putting process asks too. */
static satchel_status count_entries(int folder, uint64_t *out) {
    *out = 0;
    int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = own >= 0 ? fdopendir(own) : NULL;
    if (entries == NULL) {
        if (own >= 0) {
            close(own);
        }
        return SATCHEL_IO_ERROR;
    }
    for (const struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        *out += is_item_name(entry->d_name) ? 1 : 0;
    }
    closedir(entries);
    return SATCHEL_OK;
}

satchel_status satchel_inbox_waiting(const char *folder, uint64_t *out) {
    *out = 0;
    int inbox = satchel_inbox_folder(folder, SATCHEL_INBOX_FOLDER, false);
    if (inbox < 0) {
        bool none = errno == ENOENT || errno == ENOTDIR || errno == ELOOP; /* a link or a file holds no items */
        return none ? SATCHEL_OK : SATCHEL_IO_ERROR;
    }
    satchel_status status = count_entries(inbox, out);
    close(inbox);
    return status;
}

static bool empty_at(int folder, unsigned depth);

/* A file, a link, or a folder with all that is in it. */
static bool remove_any(int folder, const char *name, unsigned depth) {
    if (unlinkat(folder, name, 0) == 0 || unlinkat(folder, name, AT_REMOVEDIR) == 0) {
        return true;
    }
    int below = depth > 0 ? openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    bool gone = below >= 0 && empty_at(below, depth - 1) && unlinkat(folder, name, AT_REMOVEDIR) == 0;
    if (below >= 0) {
        close(below);
    }
    return gone;
}

static bool empty_at(int folder, unsigned depth) {
    int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = own >= 0 ? fdopendir(own) : NULL;
    bool gone = true;
    if (entries == NULL) {
        if (own >= 0) {
            close(own);
        }
        return false;
    }
    for (const struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        bool is_self = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        gone = (is_self || remove_any(folder, entry->d_name, depth)) && gone;
    }
    closedir(entries);
    return gone;
}

static bool empty_folder(const char *folder, const char *name) {
    int found = satchel_inbox_folder(folder, name, false);
    if (found < 0) {
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP; /* a link or a file is removed as such */
    }
    bool gone = empty_at(found, FOLDERS_DEEP_MOST);
    close(found);
    return gone;
}

static bool remove_at(int folder, const char *name) {
    return unlinkat(folder, name, 0) == 0 || errno == ENOENT || unlinkat(folder, name, AT_REMOVEDIR) == 0;
}

satchel_status satchel_inbox_erase(const char *folder, satchel_error *error) {
    bool gone = empty_folder(folder, SATCHEL_INBOX_FOLDER);
    gone = empty_folder(folder, SATCHEL_INBOX_BAD_FOLDER) && gone;
    int above = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (above >= 0) {
        gone = remove_at(above, SATCHEL_INBOX_KEY_FILE) && gone;
        gone = remove_at(above, SATCHEL_INBOX_FOLDER) && gone;
        gone = remove_at(above, SATCHEL_INBOX_BAD_FOLDER) && gone;
        close(above);
    } else {
        gone = errno == ENOENT;
    }
    return gone ? SATCHEL_OK : satchel_fail(error, SATCHEL_IO_ERROR, "the inbox cannot be removed");
}

/* --- putting --- */

static satchel_status check_item(const satchel_inbox_item *item, satchel_error *error) {
    if (satchel_id_is_none(&item->id)) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "the item has no id");
    }
    if (item->kind.bytes > SATCHEL_INBOX_KIND_BYTES_MOST || item->content.bytes > SATCHEL_INBOX_ITEM_BYTES_MOST) {
        return satchel_fail(error, SATCHEL_TOO_LONG, "a kind has up to %d bytes, an item up to %d",
                            SATCHEL_INBOX_KIND_BYTES_MOST, SATCHEL_INBOX_ITEM_BYTES_MOST);
    }
    return satchel_text_valid(item->kind) ? SATCHEL_OK : satchel_fail(error, SATCHEL_BAD_TEXT, "the kind is not UTF-8");
}

static satchel_status seal_item(const uint8_t key[SATCHEL_KEY_BYTES], const satchel_inbox_item *item,
                                satchel_buffer *out) {
    uint8_t binding[SATCHEL_INBOX_BINDING_BYTES];
    satchel_buffer plain = {0};
    satchel_inbox_binding(&item->id, binding);
    satchel_status status = satchel_buffer_append_byte(&plain, FORMAT);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(&plain, item->kind.bytes);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(&plain, satchel_text_bytes(item->kind));
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(&plain, satchel_zigzag(item->at_ms));
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(&plain, item->content);
    }
    if (status == SATCHEL_OK) {
        status = satchel_box_seal(key, satchel_random_system(), satchel_bytes_of(binding, sizeof binding),
                                  satchel_buffer_view(&plain), out);
    }
    satchel_buffer_wipe(&plain);
    satchel_buffer_deinit(&plain);
    return status;
}

static satchel_status drop_item(int inbox, const satchel_inbox_item *item, satchel_bytes box, satchel_error *error) {
    char name[SATCHEL_INBOX_NAME_BYTES];
    satchel_inbox_name(&item->id, name);
    if (faccessat(inbox, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return SATCHEL_OK;
    }
    uint64_t waiting = 0;
    satchel_status status = count_entries(inbox, &waiting);
    if (status == SATCHEL_OK && waiting >= SATCHEL_INBOX_ITEMS_MOST) {
        return satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "%d items wait in the inbox", SATCHEL_INBOX_ITEMS_MOST);
    }
    status = status == SATCHEL_OK ? satchel_inbox_write(inbox, name, box) : status;
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the item cannot be written");
}

satchel_status satchel_inbox_put(const char *folder, const satchel_inbox_item *item, satchel_error *error) {
    uint8_t key[SATCHEL_KEY_BYTES];
    satchel_buffer box = {0};
    int inbox = -1;
    satchel_error_clear(error);
    satchel_status status = check_item(item, error);
    if (status == SATCHEL_OK && satchel_crypto_init() != SATCHEL_OK) {
        status = satchel_fail(error, SATCHEL_INTERNAL, "libsodium cannot be used");
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    status = read_key(folder, key);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the store's public key cannot be read");
    }
    status = seal_item(key, item, &box);
    if (status == SATCHEL_OK) {
        inbox = satchel_inbox_folder(folder, SATCHEL_INBOX_FOLDER, true);
        status = inbox >= 0 ? drop_item(inbox, item, satchel_buffer_view(&box), error)
                            : satchel_fail(error, status_of_errno(), "the inbox cannot be opened: %s", strerror(errno));
    } else {
        satchel_fail(error, status == SATCHEL_INVALID_ARGUMENT ? SATCHEL_DAMAGED : status, "the item cannot be sealed");
        status = status == SATCHEL_INVALID_ARGUMENT ? SATCHEL_DAMAGED : status;
    }
    if (inbox >= 0) {
        close(inbox);
    }
    satchel_buffer_deinit(&box);
    return status;
}
