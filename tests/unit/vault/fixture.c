/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault's fixture. Files are read and written through the vault's own POSIX verbs.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_LIMIT_BYTES ((size_t)64 << 20)

static satchel_status fake_secret(void *context, uint8_t out[32]) {
    const fake_keystore *keystore = context;
    if (keystore->status == SATCHEL_OK) {
        memset(out, keystore->byte, 32);
    }
    return keystore->status;
}

satchel_vault_keystore fixture_keystore(fake_keystore *keystore) {
    return (satchel_vault_keystore){fake_secret, keystore};
}

/* Where there is a file system in memory, syncs cost nothing; TMPDIR still says otherwise if it is set. */
static void prefer_memory(void) {
    static const char memory[] = "/dev/shm";
    if (getenv("TMPDIR") == NULL && access(memory, W_OK) == 0) {
        REQUIRE_INT(setenv("TMPDIR", memory, 0), 0);
    }
}

void fixture_init(vault_fixture *fixture) {
    memset(fixture, 0, sizeof *fixture);
    prefer_memory();
    fixture->temp = test_temp_make();
    fixture->keystore = (fake_keystore){SATCHEL_OK, 7};
    satchel_vault_config_init(&fixture->config);
    fixture->config.folder = fixture->temp.path;
    fixture->config.pin_passes = SATCHEL_VAULT_PASSES_FLOOR;
    fixture->config.pin_memory_kib = SATCHEL_VAULT_MEMORY_KIB_FLOOR;
    fixture->config.unlock.slot = SATCHEL_VAULT_SLOT_DEVICE;
    fixture->config.unlock.keystore = fixture_keystore(&fixture->keystore);
    fixture->config.unlock.now = (satchel_moment){.boot = 1, .monotonic_ms = 1000};
}

void fixture_close(vault_fixture *fixture) {
    if (fixture->vault != NULL) {
        CHECK_UINT(satchel_vault_stats_of(fixture->vault).refused_opens, 0);
    }
    satchel_vault_close(fixture->vault);
    fixture->vault = NULL;
}

void fixture_deinit(vault_fixture *fixture) {
    fixture_close(fixture);
    test_temp_remove(&fixture->temp);
}

void fixture_create(vault_fixture *fixture) {
    satchel_status status = satchel_vault_create(&fixture->vault, &fixture->config, &fixture->error);
    if (status != SATCHEL_OK) {
        test_note("%s", fixture->error.detail);
    }
    REQUIRE_OK(status);
}

void fixture_open(vault_fixture *fixture) {
    satchel_status status = satchel_vault_open(&fixture->vault, &fixture->config, &fixture->error);
    if (status != SATCHEL_OK) {
        test_note("%s", fixture->error.detail);
    }
    REQUIRE_OK(status);
}

satchel_status fixture_try_open(vault_fixture *fixture) {
    satchel_vault *vault = NULL;
    satchel_status status = satchel_vault_open(&vault, &fixture->config, &fixture->error);
    CHECK((vault != NULL) == (status == SATCHEL_OK));
    satchel_vault_close(vault);
    return status;
}

void fixture_use_pin(vault_fixture *fixture, const char *pin) {
    fixture->config.unlock.slot = SATCHEL_VAULT_SLOT_PIN_DEVICE;
    fixture->config.unlock.pin = satchel_text_of(pin);
}

int run_sql(satchel_vault *vault, const char *sql) {
    return sqlite3_exec(satchel_vault_database(vault), sql, NULL, NULL, NULL);
}

void must_run(satchel_vault *vault, const char *sql) {
    int code = run_sql(vault, sql);
    if (code != SQLITE_OK) {
        test_note("%s: %s", sql, sqlite3_errmsg(satchel_vault_database(vault)));
    }
    REQUIRE_INT(code, SQLITE_OK);
}

int64_t number_of(satchel_vault *vault, const char *sql) {
    sqlite3_stmt *statement = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(satchel_vault_database(vault), sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        number = sqlite3_column_int64(statement, 0);
    }
    (void)sqlite3_finalize(statement);
    return number;
}

satchel_buffer file_bytes(const vault_fixture *fixture, const char *name) {
    char path[TEST_PATH_BYTES];
    satchel_buffer bytes = {0};
    const satchel_vault_files *files = satchel_vault_files_posix();
    REQUIRE_OK(files->read(files->context, test_temp_path(&fixture->temp, name, path), FILE_LIMIT_BYTES, &bytes));
    return bytes;
}

void file_write(const vault_fixture *fixture, const char *name, satchel_bytes content) {
    char path[TEST_PATH_BYTES];
    FILE *file = fopen(test_temp_path(&fixture->temp, name, path), "wb");
    REQUIRE(file != NULL);
    size_t put = fwrite(content.data, 1, content.bytes, file);
    CHECK_INT(fclose(file), 0);
    REQUIRE_UINT(put, content.bytes);
}

unsigned file_mode(const vault_fixture *fixture, const char *name) {
    char path[TEST_PATH_BYTES];
    struct stat info;
    REQUIRE_INT(stat(test_temp_path(&fixture->temp, name, path), &info), 0);
    return (unsigned)info.st_mode & 0777u;
}

bool file_exists(const vault_fixture *fixture, const char *name) {
    char path[TEST_PATH_BYTES];
    struct stat info;
    return stat(test_temp_path(&fixture->temp, name, path), &info) == 0;
}

void file_remove(const vault_fixture *fixture, const char *name) {
    char path[TEST_PATH_BYTES];
    REQUIRE_INT(unlink(test_temp_path(&fixture->temp, name, path)), 0);
}

void fixture_copy(vault_fixture *to, const vault_fixture *from) {
    static const char *const names[] = {"keys.a", "keys.b", "store.db", "store.db-wal"};
    fixture_init(to);
    to->keystore = from->keystore;
    to->config.unlock.slot = from->config.unlock.slot;
    to->config.unlock.pin = from->config.unlock.pin;
    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++) {
        if (file_exists(from, names[index])) {
            satchel_buffer bytes = file_bytes(from, names[index]);
            file_write(to, names[index], satchel_buffer_view(&bytes));
            satchel_buffer_deinit(&bytes);
        }
    }
}

void fill_rows(satchel_vault *vault, int rows) {
    must_run(vault, "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, body TEXT)");
    for (int row = 0; row < rows; row++) {
        must_run(vault, "INSERT INTO t(body) VALUES('" CANARY "' || hex(randomblob(150)))");
    }
}
