/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and reading the store for attacks.
 */
#include "fault/support/attack_store.h"

#include "fault/support/fault.h"
#include "support/test.h"
#include "vault/wal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECKPOINT_FRAMES 8
#define ROWS 150
#define FILLER_BYTES 3000

static satchel_status keystore_secret(void *context, uint8_t out[32]) {
    const attack_store *store = context;
    memset(out, store->secret, 32);
    return SATCHEL_OK;
}

satchel_vault_config attack_config(const attack_store *store, flash *on) {
    satchel_vault_config config;
    satchel_vault_config_init(&config);
    config.folder = FLASH_FOLDER;
    config.parent = flash_vfs(on);
    config.files = flash_files(on);
    config.cipher = (uint32_t)store->cipher;
    config.pin_passes = SATCHEL_VAULT_PASSES_FLOOR;
    config.pin_memory_kib = SATCHEL_VAULT_MEMORY_KIB_FLOOR;
    config.checkpoint_frames = CHECKPOINT_FRAMES;
    config.unlock.slot = SATCHEL_VAULT_SLOT_DEVICE;
    config.unlock.keystore = (satchel_vault_keystore){keystore_secret, (void *)(uintptr_t)store};
    config.unlock.now = (satchel_moment){.boot = 1, .monotonic_ms = 1000};
    return config;
}

static void must(satchel_vault *vault, const char *sql) {
    int code = sqlite3_exec(satchel_vault_database(vault), sql, NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        test_note("%s: %s", sql, sqlite3_errmsg(satchel_vault_database(vault)));
    }
    REQUIRE_INT(code, SQLITE_OK);
}

static int64_t number_of(satchel_vault *vault, const char *sql) {
    sqlite3_stmt *statement = NULL;
    REQUIRE_INT(sqlite3_prepare_v2(satchel_vault_database(vault), sql, -1, &statement, NULL), SQLITE_OK);
    REQUIRE_INT(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return number;
}

/* In the manner of FNV-1a, eight bytes at a time; the length ends each text. */
static uint64_t mix(uint64_t digest, const uint8_t *text, size_t bytes) {
    uint64_t word = 0;
    for (; bytes >= sizeof word; bytes -= sizeof word, text += sizeof word) {
        memcpy(&word, text, sizeof word);
        digest = (digest ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        digest ^= digest >> 32;
    }
    word = bytes;
    for (; bytes > 0; bytes--, text++) {
        word = word << 8 | *text;
    }
    digest = (digest ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return digest ^ digest >> 32;
}

/* Every column of every row. */
static int add_rows(sqlite3 *database, const char *sql, uint64_t *digest) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(statement);
        for (int column = 0; code == SQLITE_ROW && column < sqlite3_column_count(statement); column++) {
            const uint8_t *text = sqlite3_column_text(statement, column);
            *digest = mix(*digest, text, (size_t)sqlite3_column_bytes(statement, column));
        }
    }
    (void)sqlite3_finalize(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int digest_of(satchel_vault *vault, uint64_t *out) {
    static const char *const queries[] = {"SELECT id, body FROM t ORDER BY id", "SELECT body FROM t ORDER BY body",
                                          "SELECT id, body FROM long ORDER BY id",
                                          "SELECT id, body FROM filler ORDER BY id"};
    int code = SQLITE_OK;
    *out = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0] && code == SQLITE_OK; i++) {
        code = add_rows(satchel_vault_database(vault), queries[i], out);
    }
    return code;
}

static void fill(satchel_vault *vault) {
    char sql[200];
    must(vault, "CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT); CREATE INDEX ti ON t(body)");
    must(vault, "CREATE TABLE long(id INTEGER PRIMARY KEY, body TEXT)");
    must(vault, "CREATE TABLE filler(id INTEGER PRIMARY KEY, body TEXT); BEGIN");
    for (int row = 1; row <= ROWS; row++) {
        (void)snprintf(sql, sizeof sql, "INSERT INTO t VALUES(%d, '%d' || hex(randomblob(40)))", row, row);
        must(vault, sql);
    }
    must(vault, "INSERT INTO long VALUES(1, hex(randomblob(9000))); COMMIT"); /* a chain of overflow pages */
    (void)snprintf(sql, sizeof sql, "INSERT INTO filler(body) VALUES(hex(randomblob(%d)))", FILLER_BYTES / 2);
    while (number_of(vault, "PRAGMA page_count") < (int64_t)ATTACK_PAGES) {
        must(vault, sql);
    }
    must(vault, "DELETE FROM filler WHERE id % 9 = 4"); /* free pages */
    CHECK(number_of(vault, "PRAGMA freelist_count") >= 3);
}

/* Every row gets other bytes, so that most pages differ from `early`; then a WAL that is used a second time. */
static void change_all(satchel_vault *vault) {
    must(vault, "UPDATE t SET body = id || hex(randomblob(40))");
    must(vault, "UPDATE long SET body = hex(randomblob(9000))");
    must(vault, "UPDATE filler SET body = hex(randomblob(1500))");
    REQUIRE_OK(satchel_vault_checkpoint(vault, NULL));
}

static int note_frames(void *context, sqlite3 *database, const char *name, int frames) {
    uint64_t *out = context;
    (void)database;
    (void)name;
    *out = (uint64_t)frames;
    return SQLITE_OK;
}

/* One transaction as long as the WAL may get, which is moved into the database; then short ones over its slots. */
static void commit_some(attack_store *store, satchel_vault *vault) {
    uint64_t frames = 0;
    must(vault, "UPDATE filler SET body = hex(randomblob(1500)) WHERE id BETWEEN 10 AND 21");
    REQUIRE_INT(digest_of(vault, &store->states[0]), SQLITE_OK);
    (void)sqlite3_wal_hook(satchel_vault_database(vault), note_frames, &frames);
    for (size_t commit = 1; commit <= ATTACK_COMMITS; commit++) {
        must(vault, commit % 2 == 1 ? "UPDATE filler SET body = hex(randomblob(1500)) WHERE id = 11"
                                    : "UPDATE filler SET body = hex(randomblob(1500)) WHERE id IN (10, 12)");
        REQUIRE_INT(digest_of(vault, &store->states[commit]), SQLITE_OK);
        store->ends[commit] = frames;
    }
}

void attack_store_make(attack_store *store, satchel_cipher cipher, uint8_t secret) {
    satchel_vault *vault = NULL;
    *store = (attack_store){.cipher = cipher, .secret = secret};
    store->early = flash_make();
    store->closed = flash_make();
    store->killed = flash_make();
    flash *work = flash_make();
    satchel_vault_config config = attack_config(store, work);
    REQUIRE_OK(satchel_vault_create(&vault, &config, NULL));
    fill(vault);
    REQUIRE_OK(satchel_vault_checkpoint(vault, NULL));
    flash_copy(store->early, work);
    flash_remove(store->early, "store.db-wal");
    change_all(vault);
    commit_some(store, vault);
    flash_copy(store->killed, work);
    satchel_vault_close(vault);
    flash_free(work);
    flash_copy(store->closed, store->killed);
    flash_remove(store->closed, "store.db-wal"); /* all that is in the database lies there since the last checkpoint */
    const flash_file *wal = flash_find(store->killed, "store.db-wal");
    store->pages = flash_find(store->closed, "store.db")->bytes / SATCHEL_PAGE_BYTES;
    store->slots = (wal->bytes - SATCHEL_WAL_PROLOGUE_BYTES) / SATCHEL_WAL_SLOT_BYTES;
    CHECK(store->pages >= ATTACK_PAGES);
    CHECK(store->slots > store->ends[ATTACK_COMMITS] + 2); /* some of the older generation */
    attack_look looked = attack_look_at(store, store->closed, true);
    CHECK(looked.opened == SATCHEL_OK && attack_state_of(store, looked.digest) == 0 && looked.bad_pages == 0);
}

void attack_store_free(attack_store *store) {
    flash_free(store->early);
    flash_free(store->closed);
    flash_free(store->killed);
}

sqlite3_file *attack_file(satchel_vault *vault) {
    sqlite3_file *file = NULL;
    REQUIRE_INT(sqlite3_file_control(satchel_vault_database(vault), "main", SQLITE_FCNTL_FILE_POINTER, &file),
                SQLITE_OK);
    return file;
}

static void read_pages(satchel_vault *vault, attack_look *look) {
    uint8_t page[SATCHEL_PAGE_BYTES];
    sqlite3_int64 bytes = 0;
    sqlite3_file *file = attack_file(vault);
    REQUIRE_INT(file->pMethods->xFileSize(file, &bytes), SQLITE_OK);
    for (sqlite3_int64 at = 0; at < bytes; at += SATCHEL_PAGE_BYTES) {
        look->pages++;
        look->bad_pages += file->pMethods->xRead(file, page, SATCHEL_PAGE_BYTES, at) != SQLITE_OK;
    }
}

/* The vault names page or frame, or gives the code: that of an I/O error is the VFS's, those of odd content SQLite's.
 */
static bool is_of_the_vfs(const char *detail) {
    const char *code = strstr(detail, "code ");
    return strstr(detail, " does not open") != NULL ||
           (code != NULL && (strtol(code + strlen("code "), NULL, 10) & 0xff) == SQLITE_IOERR);
}

attack_look attack_look_at(const attack_store *store, flash *on, bool every_page) {
    attack_look look = {0};
    satchel_vault *vault = NULL;
    satchel_vault_config config = attack_config(store, on);
    satchel_error error;
    look.opened = satchel_vault_open(&vault, &config, &error);
    if (look.opened != SATCHEL_OK) {
        look.by_seal =
            look.opened == SATCHEL_FOREIGN_FILE || (look.opened == SATCHEL_DAMAGED && is_of_the_vfs(error.detail));
        return look;
    }
    look.read = satchel_vault_status(vault, digest_of(vault, &look.digest));
    if (every_page) {
        read_pages(vault, &look);
    }
    satchel_vault_stats stats = satchel_vault_stats_of(vault);
    look.tail = stats.tail;
    look.healed = stats.key_file_healed;
    look.healed_pages = stats.healed_pages;
    fault_count(FAULT_REFUSED_OPENS, stats.refused_opens);
    satchel_vault_close(vault);
    return look;
}

int attack_state_of(const attack_store *store, uint64_t digest) {
    for (int state = 0; state <= (int)ATTACK_COMMITS; state++) {
        if (store->states[state] == digest) {
            return state;
        }
    }
    return -1;
}
