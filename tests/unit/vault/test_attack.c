/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks on the files of a closed or killed store: every change is an error or makes no difference; nothing is
 * legible.
 */
#include "fixture.h"

#include "support/random.h"
#include "support/vault/ciphers.h"
#include "vault/page.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE SATCHEL_PAGE_BYTES

/* A closed store of some 20 pages, all of which an integrity check reads. */
static void small_store(vault_fixture *fixture, satchel_cipher cipher) {
    fixture_init(fixture);
    fixture->config.cipher = (uint32_t)cipher;
    fixture_create(fixture);
    fill_rows(fixture->vault, 120);
    must_run(fixture->vault, "CREATE INDEX ti ON t(body)");
    fixture_close(fixture);
}

/* True if the changed store is refused, or answers all questions as before. */
static bool seen_or_same(vault_fixture *fixture, int64_t sum) {
    satchel_vault *vault = NULL;
    if (satchel_vault_open(&vault, &fixture->config, NULL) != SATCHEL_OK) {
        return true;
    }
    bool sound = number_of(vault, "SELECT integrity_check='ok' FROM pragma_integrity_check") == 1;
    bool same = number_of(vault, "SELECT sum(length(body) + id) FROM t") == sum;
    satchel_vault_close(vault);
    return !sound || same;
}

/* True if this very page does not open, as the VFS finds it: what SQLite thinks of its content is no proof of a seal.
 */
static bool is_sealed_off(satchel_vault *vault, size_t page) {
    uint8_t bytes[PAGE];
    sqlite3_file *file = NULL;
    sqlite3 *database = satchel_vault_database(vault);
    REQUIRE_INT(sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file), SQLITE_OK);
    return file->pMethods->xRead(file, bytes, PAGE, (sqlite3_int64)((page - 1) * PAGE)) == SQLITE_IOERR_DATA;
}

static bool names(const satchel_error *error, size_t page) {
    char text[64];
    (void)snprintf(text, sizeof text, " page %zu does not open", page);
    return strstr(error->detail, text) != NULL;
}

/* True only if the vault itself finds that the changed pages do not authenticate; both of two, unless one is enough to
 * keep the store shut. */
static bool seen(vault_fixture *fixture, size_t page, size_t other) {
    satchel_vault *vault = NULL;
    satchel_error error;
    satchel_status status = satchel_vault_open(&vault, &fixture->config, &error);
    if (status != SATCHEL_OK) {
        bool of_page = names(&error, page) || names(&error, other);
        return (status == SATCHEL_DAMAGED && of_page) ||
               (status == SATCHEL_FOREIGN_FILE && (page == 1 || other == 1)); /* page 1 tells whose file it is */
    }
    bool found = is_sealed_off(vault, page) && is_sealed_off(vault, other);
    satchel_vault_close(vault);
    return found;
}

static int64_t sum_of(vault_fixture *fixture) {
    fixture_open(fixture);
    int64_t sum = number_of(fixture->vault, "SELECT sum(length(body) + id) FROM t");
    fixture_close(fixture);
    REQUIRE(sum > 0);
    return sum;
}

TEST_CIPHERS(attack, no_flipped_bit_of_the_store_is_silent) {
    vault_fixture fixture;
    small_store(&fixture, cipher);
    int64_t sum = sum_of(&fixture);
    satchel_buffer store = file_bytes(&fixture, "store.db");
    const char *wanted = getenv("SATCHEL_FLIPS"); /* how many of the bits, spread evenly */
    size_t flips = wanted != NULL ? (size_t)strtoul(wanted, NULL, 10) : 150;
    size_t step = 8 * store.bytes / (flips > 0 ? flips : 1);
    for (size_t bit = 0; bit<8 * store.bytes; bit += step> 0 ? step : 1) {
        store.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        file_write(&fixture, "store.db", satchel_buffer_view(&store));
        test_note("bit %zu", bit);
        CHECK(seen_or_same(&fixture, sum));
        CHECK(seen(&fixture, bit / 8 / PAGE + 1, bit / 8 / PAGE + 1));
        store.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    satchel_buffer_deinit(&store);
    fixture_deinit(&fixture);
}

TEST_CIPHERS(attack, no_pair_of_pages_can_be_exchanged) {
    vault_fixture fixture;
    small_store(&fixture, cipher);
    satchel_buffer store = file_bytes(&fixture, "store.db");
    satchel_buffer changed = {0};
    REQUIRE_OK(satchel_buffer_append(&changed, satchel_buffer_view(&store)));
    size_t pages = store.bytes / PAGE;
    for (size_t a = 0; a < pages; a++) {
        size_t b = (a * 7 + 3) % pages;
        if (a == b) {
            continue;
        }
        memcpy(changed.data + a * PAGE, store.data + b * PAGE, PAGE);
        memcpy(changed.data + b * PAGE, store.data + a * PAGE, PAGE);
        file_write(&fixture, "store.db", satchel_buffer_view(&changed));
        test_note("pages %zu and %zu", a + 1, b + 1);
        CHECK(seen(&fixture, a + 1, b + 1));
        memcpy(changed.data, store.data, store.bytes);
    }
    satchel_buffer_deinit(&store);
    satchel_buffer_deinit(&changed);
    fixture_deinit(&fixture);
}

TEST_CIPHERS(attack, no_page_can_be_zeroed_or_brought_from_another_store) {
    vault_fixture fixture, other;
    small_store(&fixture, cipher);
    small_store(&other, cipher);
    satchel_buffer store = file_bytes(&fixture, "store.db");
    satchel_buffer theirs = file_bytes(&other, "store.db");
    uint8_t kept[PAGE];
    for (size_t at = 0; at + PAGE <= store.bytes && at + PAGE <= theirs.bytes; at += PAGE) {
        memcpy(kept, store.data + at, PAGE);
        test_note("page %zu", at / PAGE + 1);
        memset(store.data + at, 0, PAGE);
        file_write(&fixture, "store.db", satchel_buffer_view(&store));
        CHECK(seen(&fixture, at / PAGE + 1, at / PAGE + 1));
        memcpy(store.data + at, theirs.data + at, PAGE);
        file_write(&fixture, "store.db", satchel_buffer_view(&store));
        CHECK(seen(&fixture, at / PAGE + 1, at / PAGE + 1));
        memcpy(store.data + at, kept, PAGE);
    }
    satchel_buffer_deinit(&store);
    satchel_buffer_deinit(&theirs);
    fixture_deinit(&fixture);
    fixture_deinit(&other);
}

TEST_CIPHERS(attack, no_flipped_bit_of_the_wal_is_silent) {
    vault_fixture live, copy;
    fixture_init(&live);
    live.config.cipher = (uint32_t)cipher;
    fixture_create(&live);
    fill_rows(live.vault, 20);
    satchel_buffer wal = file_bytes(&live, "store.db-wal");
    for (size_t bit = 0; bit < 8 * wal.bytes; bit += 8 * wal.bytes / 200 + 1) {
        fixture_copy(&copy, &live);
        wal.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        file_write(&copy, "store.db-wal", satchel_buffer_view(&wal));
        wal.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        test_note("bit %zu", bit);
        if (satchel_vault_open(&copy.vault, &copy.config, NULL) == SATCHEL_OK) {
            /* The last commit is gone, or the two last if it is the commit before that cannot be read. */
            bool unfinished = satchel_vault_stats_of(copy.vault).tail == SATCHEL_VAULT_TAIL_UNFINISHED;
            bool broken = satchel_vault_stats_of(copy.vault).tail == SATCHEL_VAULT_TAIL_BROKEN;
            CHECK(unfinished || broken);
            CHECK_INT(number_of(copy.vault, "SELECT count(*) FROM t"), unfinished ? 19 : 18);
        }
        fixture_deinit(&copy);
    }
    satchel_buffer_deinit(&wal);
    fixture_deinit(&live);
}

static bool contains(satchel_bytes in, satchel_bytes what) {
    for (size_t at = 0; at + what.bytes <= in.bytes; at++) {
        if (in.data[at] == what.data[0] && memcmp(in.data + at, what.data, what.bytes) == 0) {
            return true;
        }
    }
    return false;
}

/* Files of the folder in which the text stands, in UTF-8 or in UTF-16 of either order. */
static int files_with(const vault_fixture *fixture, const char *text) {
    size_t bytes = strlen(text);
    uint8_t wide[2][128] = {{0}};
    int found = 0;
    for (size_t i = 0; i < bytes; i++) {
        wide[0][2 * i] = (uint8_t)text[i];
        wide[1][2 * i + 1] = (uint8_t)text[i];
    }
    DIR *folder = opendir(fixture->temp.path);
    REQUIRE(folder != NULL);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        satchel_buffer content = file_bytes(fixture, entry->d_name);
        satchel_bytes view = satchel_buffer_view(&content);
        found += contains(view, satchel_bytes_of(text, bytes)) ||
                 contains(view, satchel_bytes_of(wide[0], 2 * bytes)) ||
                 contains(view, satchel_bytes_of(wide[1], 2 * bytes));
        satchel_buffer_deinit(&content);
    }
    (void)closedir(folder);
    return found;
}

TEST_CIPHERS(canary, no_file_of_an_open_or_closed_store_holds_plain_text) {
    static const char *const texts[] = {CANARY, "CREATE TABLE", "SQLite format", "CREATE", "body TEXT"};
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture.config.cipher = (uint32_t)cipher;
    fixture.config.cache_kib = 64;
    fixture_create(&fixture);
    fill_rows(fixture.vault, 200);
    must_run(fixture.vault, "CREATE INDEX ti ON t(body); CREATE VIRTUAL TABLE f USING fts5(body)");
    must_run(fixture.vault, "BEGIN; INSERT INTO f SELECT body FROM t; UPDATE t SET body='" CANARY "'||body");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        CHECK_INT(files_with(&fixture, texts[i]), 0); /* in the middle of a transaction */
    }
    must_run(fixture.vault, "COMMIT");
    fixture_close(&fixture);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        CHECK_INT(files_with(&fixture, texts[i]), 0);
    }
    fixture_deinit(&fixture);
}

TEST(canary, the_same_scan_finds_them_in_a_plain_store) {
    vault_fixture fixture;
    char path[TEST_PATH_BYTES];
    sqlite3 *plain = NULL;
    fixture_init(&fixture);
    REQUIRE_INT(sqlite3_open(test_temp_path(&fixture.temp, "plain.db", path), &plain), SQLITE_OK);
    CHECK_INT(sqlite3_exec(plain, "PRAGMA encoding='UTF-16le'; CREATE TABLE t(b); INSERT INTO t VALUES('" CANARY "')",
                           NULL, NULL, NULL),
              SQLITE_OK);
    CHECK_INT(sqlite3_close(plain), SQLITE_OK);
    CHECK_INT(files_with(&fixture, CANARY), 1);
    fixture_deinit(&fixture);
}

TEST_CIPHERS(canary, the_same_page_written_twice_has_no_equal_block) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture.config.cipher = (uint32_t)cipher;
    fixture_create(&fixture);
    fill_rows(fixture.vault, 50);
    REQUIRE_OK(satchel_vault_checkpoint(fixture.vault, NULL));
    satchel_buffer before = file_bytes(&fixture, "store.db");
    must_run(fixture.vault, "UPDATE t SET body = '!' || substr(body, 2)");
    REQUIRE_OK(satchel_vault_checkpoint(fixture.vault, NULL));
    must_run(fixture.vault, "UPDATE t SET body = 'C' || substr(body, 2)"); /* as it was */
    REQUIRE_OK(satchel_vault_checkpoint(fixture.vault, NULL));
    satchel_buffer after = file_bytes(&fixture, "store.db");
    size_t changed = 0;
    REQUIRE_UINT(after.bytes, before.bytes);
    for (size_t page = PAGE; page < before.bytes; page += PAGE) {
        bool same = memcmp(before.data + page, after.data + page, PAGE) == 0; /* not written again */
        changed += same ? 0 : 1;
        size_t nonce = page + PAGE - satchel_page_reserve_bytes(cipher);
        for (size_t at = page; !same && at < page + PAGE; at += 8) {
            bool in_nonce = at >= nonce && at < nonce + SATCHEL_NONCE_BYTES; /* of which AES-GCM renews only half */
            REQUIRE(in_nonce || memcmp(before.data + at, after.data + at, 8) != 0);
        }
        REQUIRE(same || memcmp(before.data + nonce, after.data + nonce, SATCHEL_NONCE_BYTES) != 0);
    }
    CHECK(changed > 3);
    satchel_buffer_deinit(&before);
    satchel_buffer_deinit(&after);
    fixture_deinit(&fixture);
}

/* Pages, opened by the VFS itself, in which the text stands. */
static int open_pages_with(const vault_fixture *fixture, const char *text) {
    sqlite3_file *file = NULL;
    sqlite3_int64 bytes = 0;
    int found = 0;
    sqlite3 *database = satchel_vault_database(fixture->vault);
    REQUIRE_INT(sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file), SQLITE_OK);
    REQUIRE_INT(file->pMethods->xFileSize(file, &bytes), SQLITE_OK);
    for (sqlite3_int64 at = 0; at < bytes; at += PAGE) {
        uint8_t page[PAGE];
        REQUIRE_INT(file->pMethods->xRead(file, page, PAGE, at), SQLITE_OK);
        found += contains(satchel_bytes_of(page, PAGE), satchel_bytes_of(text, strlen(text)));
    }
    return found;
}

TEST_CIPHERS(canary, what_was_deleted_stands_in_no_page) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture.config.cipher = (uint32_t)cipher;
    fixture_create(&fixture);
    fill_rows(fixture.vault, 100);
    REQUIRE_OK(satchel_vault_checkpoint(fixture.vault, NULL));
    CHECK(open_pages_with(&fixture, CANARY) > 5);
    must_run(fixture.vault, "DELETE FROM t");
    REQUIRE_OK(satchel_vault_checkpoint(fixture.vault, NULL));
    CHECK_INT(open_pages_with(&fixture, CANARY), 0);
    fixture_deinit(&fixture);
}
