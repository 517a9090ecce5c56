/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing, reading back and loading backup files.
 */
#include "host/backup_file.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "crypto/seal.h"
#include "crypto/secret.h"
#include "host/small_file.h"
#include "wire/base64.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "SATCHEL BACKUP 1\n"
#define MAGIC_BYTES (sizeof MAGIC - 1)
#define HEAD_BYTES (MAGIC_BYTES + SATCHEL_ID_BYTES)
#define ASSOCIATED_BYTES (SATCHEL_ID_BYTES + 9)
#define PIECE_MOST (SATCHEL_BACKUP_RECORD_MOST + SATCHEL_BACKUP_PIECE_BYTES)
#define KEY_WORD "satchel-backup-key-1 "
#define KEY_TEXT_BYTES SATCHEL_BASE64_TEXT_BYTES(SATCHEL_KEY_BYTES)

static satchel_status fail_errno(satchel_error *error, const char *what) {
    return satchel_fail(error, errno == ENOSPC ? SATCHEL_DISK_FULL : SATCHEL_IO_ERROR, "%s: %s", what, strerror(errno));
}

/* --- keys --- */

satchel_status satchel_backup_key_make(const char *path, satchel_error *error) {
    uint8_t key[SATCHEL_KEY_BYTES];
    char text[KEY_TEXT_BYTES];
    char line[sizeof KEY_WORD + KEY_TEXT_BYTES + 2];
    satchel_status status = satchel_random_fill(satchel_random_system(), key, sizeof key);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the random source failed");
    }
    satchel_base64_write(satchel_bytes_of(key, sizeof key), true, text);
    int bytes = snprintf(line, sizeof line, KEY_WORD "%s\n", text);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) {
        status = errno == EEXIST ? satchel_fail(error, SATCHEL_ALREADY_EXISTS, "the key file is there already")
                                 : fail_errno(error, "the key file");
    } else {
        bool whole = write(file, line, (size_t)bytes) == bytes && fsync(file) == 0;
        whole = close(file) == 0 && whole;
        status = whole ? SATCHEL_OK : fail_errno(error, "the key file cannot be written");
        if (!whole) {
            (void)unlink(path);
        }
    }
    satchel_secret_wipe(key, sizeof key);
    satchel_secret_wipe(text, sizeof text);
    satchel_secret_wipe(line, sizeof line);
    return status;
}

satchel_status satchel_backup_key_read(const char *path, uint8_t out[SATCHEL_KEY_BYTES], satchel_error *error) {
    char line[256] = "";
    size_t word = strlen(KEY_WORD);
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return errno == ENOENT ? satchel_fail(error, SATCHEL_NOT_FOUND, "there is no key file")
                               : fail_errno(error, "the key file");
    }
    size_t bytes = fread(line, 1, sizeof line - 1, file);
    (void)fclose(file);
    while (bytes > 0 && (line[bytes - 1] == '\n' || line[bytes - 1] == '\r')) {
        bytes--;
    }
    bool fits =
        bytes > word && memcmp(line, KEY_WORD, word) == 0 &&
        satchel_base64_read((satchel_text){line + word, bytes - word}, true, out, SATCHEL_KEY_BYTES) == SATCHEL_OK;
    satchel_secret_wipe(line, sizeof line);
    return fits ? SATCHEL_OK : satchel_fail(error, SATCHEL_MALFORMED, "this is no key file for backups");
}

/* --- pieces --- */

typedef struct backup_stream {
    FILE *file;
    const uint8_t *key;
    uint8_t id[SATCHEL_ID_BYTES];
    uint64_t place;
    uint64_t bytes;
    satchel_hash hash; /* over the plain pieces */
    satchel_buffer sealed;
} backup_stream;

static satchel_bytes associated_of(const backup_stream *stream, bool last, uint8_t out[ASSOCIATED_BYTES]) {
    memcpy(out, stream->id, SATCHEL_ID_BYTES);
    satchel_put_u64be(out + SATCHEL_ID_BYTES, stream->place);
    out[ASSOCIATED_BYTES - 1] = last ? 1 : 0;
    return satchel_bytes_of(out, ASSOCIATED_BYTES);
}

static satchel_status put_bytes(backup_stream *stream, satchel_bytes bytes, satchel_error *error) {
    if (fwrite(bytes.data, 1, bytes.bytes, stream->file) != bytes.bytes) {
        return fail_errno(error, "the backup cannot be written");
    }
    stream->bytes += bytes.bytes;
    return SATCHEL_OK;
}

static satchel_status put_piece(void *context, satchel_bytes piece, bool last, satchel_error *error) {
    backup_stream *stream = context;
    uint8_t associated[ASSOCIATED_BYTES];
    uint8_t length[4];
    satchel_hash_add(&stream->hash, piece);
    satchel_buffer_clear(&stream->sealed);
    satchel_status status = satchel_seal_message(stream->key, satchel_random_system(),
                                                 associated_of(stream, last, associated), piece, &stream->sealed);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "a piece of the backup cannot be sealed");
    }
    satchel_put_u32be(length, (uint32_t)stream->sealed.bytes);
    stream->place++;
    status = put_bytes(stream, satchel_bytes_of(length, sizeof length), error);
    return status == SATCHEL_OK ? put_bytes(stream, satchel_buffer_view(&stream->sealed), error) : status;
}

/* --- reading --- */

static satchel_status read_head(backup_stream *stream, satchel_error *error) {
    uint8_t head[HEAD_BYTES];
    if (fread(head, 1, sizeof head, stream->file) != sizeof head || memcmp(head, MAGIC, MAGIC_BYTES) != 0) {
        return satchel_fail(error, SATCHEL_FOREIGN_FILE, "this is no backup");
    }
    memcpy(stream->id, head + MAGIC_BYTES, sizeof stream->id);
    return SATCHEL_OK;
}

/* The next piece, opened; `*out_last` once the last was read. */
static satchel_status next_piece(backup_stream *stream, satchel_buffer *plain, bool *out_last, satchel_error *error) {
    uint8_t associated[ASSOCIATED_BYTES];
    uint8_t length[4];
    bool whole = fread(length, 1, sizeof length, stream->file) == sizeof length;
    uint32_t bytes = whole ? satchel_get_u32be(length) : 0;
    satchel_buffer_clear(&stream->sealed);
    satchel_buffer_clear(plain);
    if (bytes == 0 || bytes > PIECE_MOST) {
        return satchel_fail(error, SATCHEL_DAMAGED, "the backup is cut short or damaged");
    }
    satchel_status status = satchel_buffer_reserve(&stream->sealed, bytes);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "no memory for a piece of the backup");
    }
    if (fread(stream->sealed.data, 1, bytes, stream->file) != bytes) {
        return satchel_fail(error, SATCHEL_DAMAGED, "the backup is cut short");
    }
    satchel_bytes sealed = satchel_bytes_of(stream->sealed.data, bytes);
    *out_last = false;
    status = satchel_unseal_message(stream->key, associated_of(stream, false, associated), sealed, plain);
    if (status == SATCHEL_DAMAGED) {
        *out_last = true;
        status = satchel_unseal_message(stream->key, associated_of(stream, true, associated), sealed, plain);
    }
    stream->place++;
    return status == SATCHEL_OK
               ? SATCHEL_OK
               : satchel_fail(error, status, "the backup does not open: another key, or it is damaged");
}

static satchel_status read_pieces(backup_stream *stream, satchel_db *db, satchel_backup_facts *out,
                                  satchel_error *error) {
    satchel_backup_loader *loader = NULL;
    satchel_buffer plain;
    bool last = false;
    satchel_buffer_init(&plain);
    satchel_status status = satchel_backup_load_open(&loader, db);
    while (status == SATCHEL_OK && !last) {
        status = next_piece(stream, &plain, &last, error);
        if (status == SATCHEL_OK) {
            satchel_hash_add(&stream->hash, satchel_buffer_view(&plain));
            status = satchel_backup_load(loader, satchel_buffer_view(&plain), error);
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_backup_load_end(loader, out, error);
    }
    if (status == SATCHEL_OK && fgetc(stream->file) != EOF) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "something stands behind the backup");
    }
    satchel_backup_load_close(loader);
    satchel_buffer_deinit(&plain);
    return status;
}

satchel_status satchel_backup_read(const char *path, const uint8_t key[SATCHEL_KEY_BYTES], satchel_db *db,
                                   satchel_backup_facts *out, uint8_t out_digest[SATCHEL_HASH_BYTES],
                                   satchel_error *error) {
    backup_stream stream = {.key = key};
    stream.file = fopen(path, "rbe");
    if (stream.file == NULL) {
        return errno == ENOENT ? satchel_fail(error, SATCHEL_NOT_FOUND, "there is no such backup")
                               : fail_errno(error, "the backup");
    }
    satchel_buffer_init(&stream.sealed);
    satchel_hash_begin(&stream.hash);
    satchel_status status = read_head(&stream, error);
    if (status == SATCHEL_OK) {
        status = read_pieces(&stream, db, out, error);
    }
    satchel_hash_end(&stream.hash, out_digest);
    satchel_buffer_deinit(&stream.sealed);
    (void)fclose(stream.file);
    return status;
}

/* --- making --- */

typedef struct backup_work {
    satchel_host *host;
    backup_stream stream;
    satchel_backup_facts facts;
    uint8_t digest[SATCHEL_HASH_BYTES];
} backup_work;

static satchel_status dump(void *context, satchel_db *db, satchel_error *error) {
    backup_work *work = context;
    return satchel_backup_dump(satchel_host_service(work->host), db, put_piece, &work->stream, &work->facts, error);
}

static satchel_status note(void *context, satchel_db *db, satchel_error *error) {
    backup_work *work = context;
    return satchel_backup_note(satchel_host_service(work->host), db, &work->facts, work->stream.bytes, work->digest,
                               error);
}

static satchel_status write_file(backup_work *work, const char *path, satchel_error *error) {
    backup_stream *stream = &work->stream;
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    stream->file = file >= 0 ? fdopen(file, "wb") : NULL;
    if (stream->file == NULL) {
        if (file >= 0) {
            close(file);
        }
        return fail_errno(error, "the backup cannot be made");
    }
    satchel_hash_begin(&stream->hash);
    satchel_status status = satchel_random_fill(satchel_random_system(), stream->id, sizeof stream->id);
    if (status == SATCHEL_OK) {
        status = put_bytes(stream, satchel_bytes_of(MAGIC, MAGIC_BYTES), error);
    }
    if (status == SATCHEL_OK) {
        status = put_bytes(stream, satchel_bytes_of(stream->id, sizeof stream->id), error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_host_read(work->host, dump, work, error);
    }
    satchel_hash_end(&stream->hash, work->digest);
    if (status == SATCHEL_OK && (fflush(stream->file) != 0 || fsync(fileno(stream->file)) != 0)) {
        status = fail_errno(error, "the backup cannot be made durable");
    }
    if (fclose(stream->file) != 0 && status == SATCHEL_OK) {
        status = fail_errno(error, "the backup cannot be closed");
    }
    return status;
}

/* What stands on the disk is what was sent there. */
static satchel_status read_back(const backup_work *work, const char *path, satchel_error *error) {
    satchel_backup_facts found;
    uint8_t digest[SATCHEL_HASH_BYTES];
    satchel_status status = satchel_backup_read(path, work->stream.key, NULL, &found, digest, error);
    bool same = status == SATCHEL_OK && found.n == work->facts.n && found.rows == work->facts.rows &&
                found.epoch == work->facts.epoch && memcmp(digest, work->digest, sizeof digest) == 0;
    return status == SATCHEL_OK && !same
               ? satchel_fail(error, SATCHEL_DAMAGED, "the backup does not read back as it was written")
               : status;
}

/* A folder gets a name of its own in it. */
static satchel_status choose_name(const backup_work *work, const char *path, char out[PATH_MAX], satchel_error *error) {
    struct stat info;
    int bytes = stat(path, &info) == 0 && S_ISDIR(info.st_mode)
                    ? snprintf(out, PATH_MAX, "%s/satchel-%u-%llu.backup", path, (unsigned)work->facts.epoch,
                               (unsigned long long)work->facts.n)
                    : snprintf(out, PATH_MAX, "%s", path);
    if (bytes <= 0 || bytes >= PATH_MAX) {
        return satchel_fail(error, SATCHEL_TOO_LONG, "the path of the backup is too long");
    }
    return access(out, F_OK) == 0 ? satchel_fail(error, SATCHEL_ALREADY_EXISTS, "the backup is there already")
                                  : SATCHEL_OK;
}

/* Two backups may run at once: what one has read back must not be what the other goes on writing. */
static satchel_status name_partial(const char *path, char out[PATH_MAX], satchel_error *error) {
    struct stat info;
    uint8_t draw[4];
    bool folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    if (!folder && access(path, F_OK) == 0) {
        return satchel_fail(error, SATCHEL_ALREADY_EXISTS, "the backup is there already");
    }
    satchel_status status = satchel_random_fill(satchel_random_system(), draw, sizeof draw);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the random source failed");
    }
    int bytes = snprintf(out, PATH_MAX, folder ? "%s/.satchel-%08x.partial" : "%s-%08x.partial", path,
                         (unsigned)satchel_get_u32be(draw));
    return bytes > 0 && bytes < PATH_MAX ? SATCHEL_OK
                                         : satchel_fail(error, SATCHEL_TOO_LONG, "the path of the backup is too long");
}

satchel_status satchel_backup_make(satchel_host *host, const char *path, const uint8_t key[SATCHEL_KEY_BYTES],
                                   satchel_backup_facts *out, uint64_t *out_bytes, satchel_error *error) {
    char partial[PATH_MAX];
    char name[PATH_MAX];
    backup_work work = {.host = host, .stream = {.key = key}};
    satchel_status status = name_partial(path, partial, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_buffer_init(&work.stream.sealed);
    status = write_file(&work, partial, error);
    satchel_buffer_deinit(&work.stream.sealed);
    if (status == SATCHEL_OK) {
        status = read_back(&work, partial, error);
    }
    if (status == SATCHEL_OK) {
        status = choose_name(&work, path, name, error);
    }
    if (status == SATCHEL_OK && rename(partial, name) != 0) {
        status = fail_errno(error, "the backup cannot be named");
    }
    if (status == SATCHEL_OK) {
        status = satchel_file_name_sync(name, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_host_write(host, note, &work, error);
    } else {
        (void)unlink(partial);
    }
    *out = work.facts;
    *out_bytes = work.stream.bytes;
    return status;
}
