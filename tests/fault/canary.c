/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing legible on the flash: every byte that is ever written to any file, those overwritten or deleted later too, is
 * searched for known texts in four encodings, for the schema and for secrets, through a whole life of a store. The same
 * search over a plain SQLite must find them all. And what is known to be equal must not look equal: no two sealed
 * blocks of 16 bytes are the same, whether a page is sealed twice or many pages hold the same.
 */
#include "base/text.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "fault/support/fault.h"
#include "fault/support/flash.h"
#include "support/test.h"
#include "vault/wal.h"

#include <iconv.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE SATCHEL_PAGE_BYTES
#define BLOCK 16u
#define NEEDLE_BYTES 96
#define OLD_PIN "27182818"
#define NEW_PIN "16180339"

static const char *const texts[] = {"Canary-Wang-Xiaoming", "金丝雀客户王小明先生", "+86-138-0013-8000-canary"};
static const char *const encodings[] = {"UTF-8", "UTF-16LE", "UTF-16BE", "GB18030"};
static const char *const bare[] = {"CREATE TABLE customer", "SQLite format 3", OLD_PIN, NEW_PIN};
enum {
    TEXTS = sizeof texts / sizeof texts[0],
    ENCODINGS = sizeof encodings / sizeof encodings[0],
    BARE = sizeof bare / sizeof bare[0],
    SECRET = TEXTS * ENCODINGS + BARE,
    NEEDLES
};

typedef struct needle {
    uint8_t bytes[NEEDLE_BYTES];
    size_t count;
    uint64_t found;
} needle;

typedef struct search {
    needle needles[NEEDLES];
    uint64_t scanned;
} search;

/* ---- the search ---- */

static void encode(const char *text, const char *encoding, needle *out) {
    char *in = (char *)(uintptr_t)text, *to = (char *)out->bytes;
    size_t left = strlen(text), room = sizeof out->bytes;
    iconv_t converter = iconv_open(encoding, "UTF-8");
    REQUIRE(converter != (iconv_t)-1);
    REQUIRE(iconv(converter, &in, &left, &to, &room) != (size_t)-1);
    (void)iconv_close(converter);
    out->count = sizeof out->bytes - room;
}

static void fill_secret(uint8_t out[32]) {
    for (size_t at = 0; at < 32; at++) {
        out[at] = (uint8_t)(at * 37 + 11);
    }
}

static void search_init(search *one) {
    memset(one, 0, sizeof *one);
    for (size_t text = 0; text < TEXTS; text++) {
        for (size_t encoding = 0; encoding < ENCODINGS; encoding++) {
            encode(texts[text], encodings[encoding], &one->needles[text * ENCODINGS + encoding]);
        }
    }
    for (size_t at = 0; at < BARE; at++) {
        encode(bare[at], "UTF-8", &one->needles[TEXTS * ENCODINGS + at]);
    }
    fill_secret(one->needles[SECRET].bytes);
    one->needles[SECRET].count = 32;
}

static bool stands_in(const uint8_t *data, size_t bytes, const needle *wanted) {
    const uint8_t *end = data + bytes;
    while ((size_t)(end - data) >= wanted->count) {
        data = memchr(data, wanted->bytes[0], (size_t)(end - data) - wanted->count + 1);
        if (data == NULL) {
            return false;
        }
        if (memcmp(data, wanted->bytes, wanted->count) == 0) {
            return true;
        }
        data++;
    }
    return false;
}

/* After each write: what was written and what lies around it, as far as a needle reaches. */
static void look(void *context, const flash_file *file, size_t offset, size_t bytes) {
    search *one = context;
    size_t from = offset < NEEDLE_BYTES ? 0 : offset - NEEDLE_BYTES;
    size_t to = offset + bytes + NEEDLE_BYTES < file->bytes ? offset + bytes + NEEDLE_BYTES : file->bytes;
    for (size_t at = 0; at < NEEDLES && bytes > 0; at++) {
        one->needles[at].found += stands_in(file->data + from, to - from, &one->needles[at]) ? 1 : 0;
    }
    one->scanned += bytes;
}

/* ---- a life ---- */

static satchel_status keystore_secret(void *context, uint8_t out[32]) {
    (void)context;
    fill_secret(out);
    return SATCHEL_OK;
}

static void must(sqlite3 *database, const char *sql) {
    int code = sqlite3_exec(database, sql, NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        test_note("%s: %s", sql, sqlite3_errmsg(database));
    }
    REQUIRE_INT(code, SQLITE_OK);
}

/* A row with every text as text, and with each in every encoding as bytes. */
static void insert(sqlite3 *database, const search *one, int rows) {
    sqlite3_stmt *statement = NULL;
    REQUIRE_INT(sqlite3_prepare_v2(database, "INSERT INTO customer(name, photo) VALUES(?, ?)", -1, &statement, NULL),
                SQLITE_OK);
    for (int row = 0; row < rows; row++) {
        const needle *photo = &one->needles[row % (TEXTS * ENCODINGS)];
        (void)sqlite3_bind_text(statement, 1, texts[row % TEXTS], -1, SQLITE_STATIC);
        (void)sqlite3_bind_blob(statement, 2, photo->bytes, (int)photo->count, SQLITE_STATIC);
        REQUIRE_INT(sqlite3_step(statement), SQLITE_DONE);
        (void)sqlite3_reset(statement);
    }
    (void)sqlite3_finalize(statement);
}

/* What plain and sealed stores do alike: small and large transactions, full text, sorting, rollback, deletion. */
static void live(sqlite3 *database, const search *one) {
    must(database, "CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT, photo BLOB)");
    must(database, "CREATE INDEX by_name ON customer(name, photo)");
    must(database, "CREATE VIRTUAL TABLE words USING fts5(name)");
    insert(database, one, 24);
    must(database, "BEGIN");
    insert(database, one, 3000); /* more than the cache: spills */
    must(database, "INSERT INTO words SELECT name FROM customer; COMMIT");
    must(database, "BEGIN; UPDATE customer SET name = name || name || id");
    must(database, "SAVEPOINT here; DELETE FROM customer WHERE id % 3 = 0; ROLLBACK TO here; ROLLBACK");
    must(database, "CREATE TEMP TABLE kept AS SELECT name FROM customer; DROP TABLE temp.kept");
    must(database, "SELECT name || photo FROM customer ORDER BY photo || id DESC, name");
    must(database, "DELETE FROM customer WHERE id > 500; DELETE FROM words WHERE rowid > 500");
}

static satchel_vault_unlock way_in(satchel_vault_slot slot, const char *pin) {
    return (satchel_vault_unlock){.slot = slot,
                                  .pin = satchel_text_of(pin),
                                  .keystore = {keystore_secret, NULL},
                                  .now = {.boot = 1, .monotonic_ms = 1000}};
}

static satchel_vault_config config_on(flash *on, satchel_cipher cipher) {
    satchel_vault_config config;
    satchel_vault_config_init(&config);
    config.folder = FLASH_FOLDER;
    config.parent = flash_vfs(on);
    config.files = flash_files(on);
    config.cipher = (uint32_t)cipher;
    config.cache_kib = 64;
    config.checkpoint_frames = 100;
    config.pin_passes = SATCHEL_VAULT_PASSES_FLOOR;
    config.pin_memory_kib = SATCHEL_VAULT_MEMORY_KIB_FLOOR;
    config.unlock = way_in(SATCHEL_VAULT_SLOT_PIN_DEVICE, OLD_PIN);
    return config;
}

static void end(satchel_vault *vault) {
    fault_count(FAULT_REFUSED_OPENS, satchel_vault_stats_of(vault).refused_opens);
    satchel_vault_close(vault);
}

/* A kill in the middle of a transaction that has spilled; whoever finds the phone opens it, and it goes on. */
static void kill_and_recover(flash *on, satchel_vault *vault, search *one) {
    satchel_vault *found = NULL;
    flash *left = flash_make();
    flash_watch(left, look, one);
    must(satchel_vault_database(vault), "BEGIN; UPDATE customer SET name = name || id");
    insert(satchel_vault_database(vault), one, 2000);
    flash_copy(left, on);
    must(satchel_vault_database(vault), "ROLLBACK");
    satchel_vault_config config = config_on(left, SATCHEL_CIPHER_XCHACHA20_POLY1305); /* it keeps its own */
    config.unlock = way_in(SATCHEL_VAULT_SLOT_PIN_DEVICE, NEW_PIN);
    REQUIRE_OK(satchel_vault_open(&found, &config, NULL));
    insert(satchel_vault_database(found), one, 50);
    must(satchel_vault_database(found), "UPDATE customer SET photo = name");
    end(found);
    REQUIRE_OK(satchel_vault_erase(&config, NULL));
    flash_free(left);
}

static void change_keys(satchel_vault *vault) {
    satchel_vault_unlock pin = way_in(SATCHEL_VAULT_SLOT_PIN_DEVICE, NEW_PIN);
    satchel_vault_unlock ways[2] = {way_in(SATCHEL_VAULT_SLOT_DEVICE, ""), pin};
    REQUIRE_OK(satchel_vault_rewrap(vault, &pin, NULL));
    REQUIRE_OK(satchel_vault_slot_add(vault, &ways[0], NULL));
    REQUIRE_OK(satchel_vault_lock(vault, NULL));
    REQUIRE_OK(satchel_vault_unlock_again(vault, &pin, NULL));
    REQUIRE_OK(satchel_vault_rekey(vault, ways, 2, NULL));
    REQUIRE_OK(satchel_vault_suspend(vault, NULL));
    REQUIRE_OK(satchel_vault_resume(vault, NULL));
}

static void life_of(satchel_cipher cipher) {
    search one;
    satchel_vault *vault = NULL;
    flash *on = flash_make();
    search_init(&one);
    flash_watch(on, look, &one);
    satchel_vault_config config = config_on(on, cipher);
    REQUIRE_OK(satchel_vault_create(&vault, &config, NULL));
    live(satchel_vault_database(vault), &one);
    REQUIRE_OK(satchel_vault_checkpoint(vault, NULL));
    REQUIRE_OK(satchel_vault_compact(vault, NULL));
    change_keys(vault);
    kill_and_recover(on, vault, &one);
    must(satchel_vault_database(vault), "DELETE FROM customer");
    end(vault);
    REQUIRE_OK(satchel_vault_erase(&config, NULL));
    for (size_t at = 0; at < NEEDLES; at++) {
        if (one.needles[at].found > 0) {
            fault_wrong(FAULT_SILENT, "cipher %d: text %zu was written %" PRIu64 " times", (int)cipher, at,
                        one.needles[at].found);
        }
    }
    CHECK(one.scanned > (uint64_t)1 << 20);
    fault_count(FAULT_BYTES_SCANNED, one.scanned);
    flash_free(on);
}

static void sealed(void) {
    REQUIRE_OK(satchel_crypto_init());
    for (unsigned cipher = 1; cipher <= SATCHEL_CIPHER_AEGIS256; cipher++) {
        if (satchel_cipher_available((satchel_cipher)cipher)) {
            life_of((satchel_cipher)cipher);
        }
    }
}

/* The same life on a plain SQLite, in both kinds of journal: each text must be found, or the search finds nothing. */
static void plain(void) {
    static const char *const modes[] = {"PRAGMA journal_mode=DELETE", "PRAGMA journal_mode=WAL"};
    for (size_t mode = 0; mode < 2; mode++) {
        search one;
        sqlite3 *database = NULL;
        flash *on = flash_make();
        search_init(&one);
        flash_watch(on, look, &one);
        REQUIRE_INT(sqlite3_vfs_register(flash_vfs(on), 0), SQLITE_OK);
        REQUIRE_INT(sqlite3_open_v2(FLASH_FOLDER "/plain.db", &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                                    flash_vfs(on)->zName),
                    SQLITE_OK);
        must(database, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=16; PRAGMA temp_store=FILE");
        must(database, modes[mode]);
        live(database, &one);
        REQUIRE_INT(sqlite3_close(database), SQLITE_OK);
        for (size_t at = 0; at < TEXTS * ENCODINGS + 2; at++) { /* all but PINs and the keystore's secret */
            if (one.needles[at].found == 0) {
                fault_wrong(FAULT_FAILURES, "%s: the search does not find text %zu", modes[mode], at);
            }
        }
        fault_count(FAULT_BYTES_SCANNED, one.scanned);
        (void)sqlite3_vfs_unregister(flash_vfs(on));
        flash_free(on);
    }
}

/* ---- equal blocks ---- */

typedef struct block_list {
    uint8_t *data;
    size_t count;
    size_t room;
} block_list;

static void add_block(block_list *list, const uint8_t *block) {
    if (list->count == list->room) {
        list->room = 2 * list->room + 4096;
        list->data = realloc(list->data, list->room * BLOCK);
        REQUIRE(list->data != NULL);
    }
    memcpy(list->data + list->count++ * BLOCK, block, BLOCK);
}

/* All aligned blocks of `data` but those that hold a part of a nonce: nonces are public, and of AES-GCM only half new.
 */
static void add_blocks(block_list *list, const uint8_t *data, size_t bytes, size_t nonce_at) {
    for (size_t at = 0; at + BLOCK <= bytes; at += BLOCK) {
        if (at + BLOCK <= nonce_at || at >= nonce_at + SATCHEL_NONCE_BYTES) {
            add_block(list, data + at);
        }
    }
}

static int compare_blocks(const void *a, const void *b) {
    return memcmp(a, b, BLOCK);
}

static size_t equal_blocks(block_list *list) {
    size_t equal = 0;
    qsort(list->data, list->count, BLOCK, compare_blocks);
    for (size_t at = 1; at < list->count; at++) {
        equal += memcmp(list->data + (at - 1) * BLOCK, list->data + at * BLOCK, BLOCK) == 0 ? 1 : 0;
    }
    fault_count(FAULT_BYTES_SCANNED, list->count * BLOCK);
    free(list->data);
    return equal;
}

/* One content under one number and under many, as page and as WAL frame, with the nonces that a store draws. */
static void seal_alike(satchel_cipher cipher) {
    enum { TIMES = 400 };
    static uint8_t plain_page[PAGE], sealed_page[PAGE], slot[SATCHEL_WAL_SLOT_BYTES];
    satchel_nonces nonces = {0};
    const uint8_t header[SATCHEL_WAL_FRAME_HEADER_BYTES] = {0};
    uint8_t nonce[SATCHEL_NONCE_BYTES];
    block_list list = {0};
    satchel_random_seeded seed;
    satchel_random random = satchel_random_from_seed(&seed, fault_seed());
    satchel_vault_keys *keys = satchel_vault_keys_take();
    REQUIRE(keys != NULL);
    keys->cipher = cipher;
    satchel_vault_keys_derive(keys);
    size_t nonce_at = PAGE - satchel_page_reserve_bytes(cipher);
    for (uint64_t time = 0; time < TIMES; time++) {
        uint64_t number = time < TIMES / 2 ? 5 : time;
        REQUIRE_OK(satchel_nonces_next(&nonces, random, cipher == SATCHEL_CIPHER_AES256_GCM, nonce));
        REQUIRE_OK(satchel_page_seal(keys, number, nonce, plain_page, sealed_page));
        add_blocks(&list, sealed_page, PAGE, nonce_at);
        REQUIRE_OK(satchel_nonces_next(&nonces, random, cipher == SATCHEL_CIPHER_AES256_GCM, nonce));
        REQUIRE_OK(satchel_wal_slot_seal(keys, number, nonce, header, plain_page, slot));
        add_blocks(&list, slot, sizeof slot, 0);
    }
    size_t equal = equal_blocks(&list);
    if (equal > 0) {
        fault_wrong(FAULT_SILENT, "cipher %d: %zu equal blocks of equal pages", (int)cipher, equal);
    }
    satchel_secret_give(keys);
}

/* Many pages that hold the same, written twice: the database before and after, and the WAL. */
static void store_alike(satchel_cipher cipher) {
    satchel_vault *vault = NULL;
    flash *on = flash_make(), *before = flash_make();
    block_list list = {0};
    satchel_vault_config config = config_on(on, cipher);
    config.unlock = way_in(SATCHEL_VAULT_SLOT_DEVICE, "");
    config.checkpoint_frames = 1000;
    REQUIRE_OK(satchel_vault_create(&vault, &config, NULL));
    must(satchel_vault_database(vault),
         "CREATE TABLE same(body); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
         "INSERT INTO same SELECT zeroblob(3500) FROM n");
    REQUIRE_OK(satchel_vault_checkpoint(vault, NULL));
    flash_copy(before, on);
    must(satchel_vault_database(vault), "UPDATE same SET body = NULL; UPDATE same SET body = zeroblob(3500)");
    const flash_file *wal = flash_find(on, "store.db-wal");
    for (size_t at = SATCHEL_WAL_PROLOGUE_BYTES; at < wal->bytes; at += SATCHEL_WAL_SLOT_BYTES) {
        add_blocks(&list, wal->data + at, SATCHEL_WAL_SLOT_BYTES, 0);
    }
    REQUIRE_OK(satchel_vault_checkpoint(vault, NULL));
    const flash_file *old = flash_find(before, "store.db"), *new = flash_find(on, "store.db");
    size_t nonce_at = PAGE - satchel_page_reserve_bytes(cipher);
    for (size_t at = PAGE; at < old->bytes && at < new->bytes; at += PAGE) { /* page 1 begins in clear */
        add_blocks(&list, new->data + at, PAGE, nonce_at);
        if (memcmp(old->data + at, new->data + at, PAGE) != 0) {
            add_blocks(&list, old->data + at, PAGE, nonce_at);
        }
    }
    CHECK(list.count > (size_t)700 * PAGE / BLOCK);
    size_t equal = equal_blocks(&list);
    if (equal > 0) {
        fault_wrong(FAULT_SILENT, "cipher %d: %zu equal blocks in a store of equal pages", (int)cipher, equal);
    }
    end(vault);
    flash_free(before);
    flash_free(on);
}

static void alike(void) {
    block_list list = {0};
    static const uint8_t same[4 * BLOCK];
    REQUIRE_OK(satchel_crypto_init());
    add_blocks(&list, same, sizeof same, sizeof same);
    CHECK_UINT(equal_blocks(&list), 3); /* what is equal is seen */
    for (unsigned cipher = 1; cipher <= SATCHEL_CIPHER_AEGIS256; cipher++) {
        if (satchel_cipher_available((satchel_cipher)cipher)) {
            seal_alike((satchel_cipher)cipher);
            store_alike((satchel_cipher)cipher);
        }
    }
}

const fault_case fault_cases[] = {
    {"a_sealed_life", sealed},
    {"a_plain_life", plain},
    {"equal_pages", alike},
    {NULL, NULL},
};
