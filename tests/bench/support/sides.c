/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counting VFS stands on SQLite's own and puts counted methods in place of each table of methods that it meets.
 * One thread.
 */
#include "sides.h"

#include "bench.h"

#include <stdio.h>
#include <string.h>

#define KINDS_OF_METHODS 4 /* the unix VFS has one table with locks for databases, one without for WALs */
#define VFS_NAME "bench-counting"

static bench_calls calls;
static sqlite3_vfs counting_vfs;
static sqlite3_io_methods counting_methods[KINDS_OF_METHODS];
static const sqlite3_io_methods *unix_methods[KINDS_OF_METHODS];

static const sqlite3_io_methods *methods_of(const sqlite3_file *file) {
    return unix_methods[file->pMethods - counting_methods];
}

static int count_sync(sqlite3_file *file, int flags) {
    calls.syncs++;
    return methods_of(file)->xSync(file, flags);
}

static int count_read(sqlite3_file *file, void *out, int bytes, sqlite3_int64 offset) {
    calls.reads++;
    calls.bytes_read += (uint64_t)bytes;
    return methods_of(file)->xRead(file, out, bytes, offset);
}

static int count_write(sqlite3_file *file, const void *data, int bytes, sqlite3_int64 offset) {
    calls.writes++;
    calls.bytes_written += (uint64_t)bytes;
    return methods_of(file)->xWrite(file, data, bytes, offset);
}

static int counting_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags) {
    sqlite3_vfs *below = vfs->pAppData;
    int code = below->xOpen(below, path, file, flags, out_flags);
    if (code != SQLITE_OK) {
        return code;
    }
    int kind = 0;
    while (kind < KINDS_OF_METHODS - 1 && unix_methods[kind] != NULL && unix_methods[kind] != file->pMethods) {
        kind++;
    }
    bench_require(unix_methods[kind] == NULL || unix_methods[kind] == file->pMethods, "few kinds of files");
    unix_methods[kind] = file->pMethods;
    counting_methods[kind] = *file->pMethods;
    counting_methods[kind].xSync = count_sync;
    counting_methods[kind].xRead = count_read;
    counting_methods[kind].xWrite = count_write;
    file->pMethods = &counting_methods[kind];
    return SQLITE_OK;
}

/* The unix VFS finds its own data in pAppData, so calls that need it go to the original. */
static int below_access(sqlite3_vfs *vfs, const char *path, int flags, int *out) {
    sqlite3_vfs *below = vfs->pAppData;
    return below->xAccess(below, path, flags, out);
}

static int below_delete(sqlite3_vfs *vfs, const char *path, int sync) {
    sqlite3_vfs *below = vfs->pAppData;
    return below->xDelete(below, path, sync);
}

static int below_full_path(sqlite3_vfs *vfs, const char *path, int bytes, char *out) {
    sqlite3_vfs *below = vfs->pAppData;
    return below->xFullPathname(below, path, bytes, out);
}

static void register_counting_vfs(void) {
    sqlite3_vfs *below = sqlite3_vfs_find(NULL);
    counting_vfs = *below;
    counting_vfs.zName = VFS_NAME;
    counting_vfs.pAppData = below;
    counting_vfs.xOpen = counting_open;
    counting_vfs.xAccess = below_access;
    counting_vfs.xDelete = below_delete;
    counting_vfs.xFullPathname = below_full_path;
    counting_vfs.pNext = NULL;
    bench_require(sqlite3_vfs_register(&counting_vfs, 0) == SQLITE_OK, "a counting VFS");
}

size_t bench_sides_init(bench_side sides[BENCH_SIDES_MOST]) {
    static const bench_side known[BENCH_SIDES_MOST] = {
        {.name = "plain"},
        {.name = "xchacha20", .cipher = SATCHEL_CIPHER_XCHACHA20_POLY1305},
        {.name = "aes256gcm", .cipher = SATCHEL_CIPHER_AES256_GCM},
        {.name = "aegis256", .cipher = SATCHEL_CIPHER_AEGIS256},
    };
    size_t count = 0;
    bench_require(satchel_crypto_init() == SATCHEL_OK, "libsodium");
    register_counting_vfs();
    for (size_t index = 0; index < BENCH_SIDES_MOST; index++) {
        if (known[index].cipher == 0 || satchel_cipher_available(known[index].cipher)) {
            sides[count] = known[index];
            sides[count++].temp = test_temp_make();
        }
    }
    return count;
}

void bench_sides_deinit(bench_side *sides, size_t count) {
    for (size_t index = 0; index < count; index++) {
        test_temp_remove(&sides[index].temp);
    }
}

void bench_sql(sqlite3 *database, const char *sql) {
    char *message = NULL;
    int code = sqlite3_exec(database, sql, NULL, NULL, &message);
    if (code != SQLITE_OK) {
        (void)fprintf(stderr, "%s: %s\n", sql, message != NULL ? message : "?");
    }
    bench_require(code == SQLITE_OK, "SQL");
}

sqlite3_stmt *bench_prepare(sqlite3 *database, const char *sql) {
    sqlite3_stmt *statement = NULL;
    bench_require(sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK, sql);
    return statement;
}

static satchel_status bench_secret(void *context, uint8_t out[32]) {
    (void)context;
    memset(out, 7, 32);
    return SATCHEL_OK;
}

static void open_sealed(bench_side *side, uint32_t cache_kib, bool fresh) {
    satchel_vault_config config;
    satchel_error error = {0};
    satchel_vault_config_init(&config);
    config.folder = side->temp.path;
    config.parent = &counting_vfs;
    config.cipher = side->cipher;
    config.cache_kib = cache_kib;
    config.checkpoint_frames = BENCH_CHECKPOINT_FRAMES;
    config.unlock.slot = SATCHEL_VAULT_SLOT_DEVICE;
    config.unlock.keystore.secret = bench_secret;
    satchel_status status =
        fresh ? satchel_vault_create(&side->vault, &config, &error) : satchel_vault_open(&side->vault, &config, &error);
    bench_require(status == SATCHEL_OK, error.detail);
    side->database = satchel_vault_database(side->vault);
}

static void plain_path(const bench_side *side, char *out, size_t bytes) {
    (void)snprintf(out, bytes, "%s/%s", side->temp.path, side->cipher != 0 ? "store.db" : "plain.db");
}

static void open_plain(bench_side *side, uint32_t cache_kib, bool fresh) {
    char text[TEST_PATH_BYTES + 64];
    plain_path(side, text, sizeof text);
    int code = sqlite3_open_v2(text, &side->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                               VFS_NAME);
    bench_require(code == SQLITE_OK, "a plain store");
    bench_sql(side->database, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;"
                              "PRAGMA synchronous=FULL; PRAGMA secure_delete=ON");
    if (fresh) {
        bench_sql(side->database, "PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL");
    }
    (void)snprintf(text, sizeof text,
                   "PRAGMA cache_size=-%u; PRAGMA wal_autocheckpoint=%d; PRAGMA journal_size_limit=%d", cache_kib,
                   BENCH_CHECKPOINT_FRAMES, 2 * BENCH_CHECKPOINT_FRAMES * 4120);
    bench_sql(side->database, text);
    bench_sql(side->database, "SELECT count(*) FROM sqlite_schema");
}

static void open_side(bench_side *side, uint32_t cache_kib, bool fresh) {
    if (side->cipher != 0) {
        open_sealed(side, cache_kib, fresh);
    } else {
        open_plain(side, cache_kib, fresh);
    }
}

void bench_side_create(bench_side *side, uint32_t cache_kib) {
    test_temp_remove(&side->temp);
    side->temp = test_temp_make();
    open_side(side, cache_kib, true);
}

void bench_side_open(bench_side *side, uint32_t cache_kib) {
    open_side(side, cache_kib, false);
}

void bench_side_close(bench_side *side) {
    if (side->cipher != 0) {
        bench_require(satchel_vault_stats_of(side->vault).refused_opens == 0, "no refused open");
        satchel_vault_close(side->vault);
    } else {
        bench_require(sqlite3_close(side->database) == SQLITE_OK, "a clean close");
    }
    side->database = NULL;
    side->vault = NULL;
}

void bench_side_synchronous(bench_side *side, const char *level) {
    char text[64];
    (void)snprintf(text, sizeof text, "PRAGMA synchronous=%s", level);
    if (side->cipher != 0) {
        (void)sqlite3_set_authorizer(side->database, NULL, NULL);
    }
    bench_sql(side->database, text);
}

int64_t bench_side_file_bytes(const bench_side *side) {
    char path[TEST_PATH_BYTES + 16];
    uint64_t bytes = 0;
    const satchel_vault_files *files = satchel_vault_files_posix();
    plain_path(side, path, sizeof path);
    bench_require(files->size(files->context, path, &bytes) == SATCHEL_OK, "the size of the file");
    return (int64_t)bytes;
}

bench_calls bench_calls_so_far(void) {
    return calls;
}
