/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making, opening, locking and closing a vault, and what each refusal says.
 */
#include "fixture.h"

#include "base/bytes.h"

#include <string.h>

TEST(vault, keeps_what_was_committed) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    fill_rows(fixture.vault, 300);
    int64_t sum = number_of(fixture.vault, "SELECT sum(length(body)) FROM t");
    fixture_close(&fixture);
    CHECK(!file_exists(&fixture, "store.db-wal")); /* a clean close leaves no WAL */
    fixture_open(&fixture);
    CHECK_INT(number_of(fixture.vault, "SELECT count(*) FROM t"), 300);
    CHECK_INT(number_of(fixture.vault, "SELECT sum(length(body)) FROM t"), sum);
    fixture_deinit(&fixture);
}

TEST(vault, is_set_up_as_the_design_says) {
    static const struct {
        const char *sql;
        int64_t value;
    } cases[] = {
        {"PRAGMA page_size", 4096},
        {"PRAGMA auto_vacuum", 2},
        {"PRAGMA synchronous", 2},
        {"PRAGMA temp_store", 2},
        {"PRAGMA cache_size", -SATCHEL_VAULT_CACHE_KIB_DEFAULT},
        {"PRAGMA wal_autocheckpoint", SATCHEL_VAULT_CHECKPOINT_FRAMES_DEFAULT},
        {"PRAGMA fullfsync", 1},
        {"PRAGMA secure_delete", 1},
        {"SELECT journal_mode = 'wal' FROM pragma_journal_mode", 1},
        {"SELECT locking_mode = 'exclusive' FROM pragma_locking_mode", 1},
    };
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_note("%s", cases[i].sql);
        CHECK_INT(number_of(fixture.vault, cases[i].sql), cases[i].value);
    }
    fixture_deinit(&fixture);
}

TEST(vault, the_ways_out_are_closed) {
    static const char *const denied[] = {
        "ATTACH ':memory:' AS x",
        "ATTACH '/tmp/satchel-plain' AS x",
        "VACUUM",
        "VACUUM INTO '/tmp/satchel-x'",
        "PRAGMA journal_mode=DELETE",
        "PRAGMA locking_mode=NORMAL",
        "PRAGMA synchronous=OFF",
        "PRAGMA temp_store=FILE",
        "PRAGMA writable_schema=ON",
        "PRAGMA mmap_size=1000000",
        "PRAGMA wal_autocheckpoint=0",
        "SELECT load_extension('x')",
        "PRAGMA temp_store_directory='/tmp'",
    };
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    for (size_t i = 0; i < sizeof denied / sizeof denied[0]; i++) {
        test_note("%s", denied[i]);
        CHECK(run_sql(fixture.vault, denied[i]) != SQLITE_OK);
    }
    must_run(fixture.vault, "PRAGMA incremental_vacuum");
    must_run(fixture.vault, "PRAGMA user_version=7");
    must_run(fixture.vault, "PRAGMA wal_checkpoint(TRUNCATE)");
    fixture_deinit(&fixture);
}

TEST(vault, temporary_work_never_asks_for_a_file) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture.config.cache_kib = 64;
    fixture_create(&fixture);
    fill_rows(fixture.vault, 500);
    must_run(fixture.vault, "CREATE INDEX ti ON t(body)");
    must_run(fixture.vault, "CREATE TEMP TABLE x AS SELECT * FROM t ORDER BY body DESC");
    must_run(fixture.vault, "SELECT count(*) FROM (SELECT DISTINCT substr(t.body, 30) || u.id FROM t, t AS u)");
    must_run(fixture.vault, "SAVEPOINT s; UPDATE t SET body=body||'x'; ROLLBACK TO s; RELEASE s");
    must_run(fixture.vault, "BEGIN; UPDATE t SET body=body||'y'; ROLLBACK");
    must_run(fixture.vault, "UPDATE OR IGNORE t SET id=id+1000");
    CHECK_INT(number_of(fixture.vault, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check='ok'"), 1);
    fixture_deinit(&fixture); /* checks that no open was refused */
}

TEST(vault, is_made_once) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    fixture_close(&fixture);
    CHECK_STATUS(satchel_vault_create(&fixture.vault, &fixture.config, NULL), SATCHEL_ALREADY_EXISTS);
    CHECK(fixture.vault == NULL);
    fixture_deinit(&fixture);
}

TEST(vault, its_files_are_readable_by_the_owner_alone) {
    static const char *const names[] = {"keys.a", "keys.b", "store.db", "store.db-wal", "store.lock"};
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    fill_rows(fixture.vault, 3);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        test_note("%s", names[i]);
        CHECK_UINT(file_mode(&fixture, names[i]), 0600);
    }
    fixture_deinit(&fixture);
}

TEST(vault, leftovers_of_a_cut_off_creation_are_replaced) {
    static const char *const names[] = {"store.new", "store.new-wal", "store.db-wal", "keys.new", "keys.a", "keys.b"};
    vault_fixture fixture;
    fixture_init(&fixture);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        file_write(&fixture, names[i], satchel_bytes_of("leftover", 8));
    }
    fixture_create(&fixture);
    fill_rows(fixture.vault, 3);
    fixture_close(&fixture);
    fixture_open(&fixture);
    CHECK_INT(number_of(fixture.vault, "SELECT count(*) FROM t"), 3);
    CHECK(!file_exists(&fixture, "store.new"));
    CHECK(!file_exists(&fixture, "keys.new"));
    fixture_deinit(&fixture);
}

TEST(vault, one_handle_at_a_time) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_IN_USE);
    fixture_close(&fixture);
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_OK);
    fixture_deinit(&fixture);
}

TEST(vault, what_is_missing_or_foreign_is_named) {
    static const struct {
        const char *removed;
        satchel_status status;
    } cases[] = {
        {"store.db", SATCHEL_NOT_FOUND}, {"keys.a", SATCHEL_OK}, {"keys.b", SATCHEL_OK}, {NULL, SATCHEL_KEY_GONE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vault_fixture fixture;
        fixture_init(&fixture);
        fixture_create(&fixture);
        fixture_close(&fixture);
        if (cases[i].removed != NULL) {
            file_remove(&fixture, cases[i].removed);
        } else {
            file_remove(&fixture, "keys.a");
            file_remove(&fixture, "keys.b");
        }
        CHECK_STATUS(fixture_try_open(&fixture), cases[i].status);
        fixture_deinit(&fixture);
    }
}

TEST(vault, an_empty_folder_has_no_store) {
    vault_fixture fixture;
    int64_t wait_ms = 5;
    fixture_init(&fixture);
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_NOT_FOUND);
    CHECK_STATUS(satchel_vault_pin_wait_ms(&fixture.config, &wait_ms, NULL), SATCHEL_NOT_FOUND);
    CHECK_INT(wait_ms, 0);
    fixture_deinit(&fixture);
}

TEST(vault, a_store_and_a_key_file_of_different_vaults_do_not_fit) {
    vault_fixture one, two;
    fixture_init(&one);
    fixture_create(&one);
    fixture_close(&one);
    fixture_init(&two);
    fixture_create(&two);
    fixture_close(&two);
    satchel_buffer store = file_bytes(&two, "store.db");
    satchel_buffer keys = file_bytes(&two, "keys.a");
    file_write(&one, "store.db", satchel_buffer_view(&store));
    CHECK_STATUS(fixture_try_open(&one), SATCHEL_FOREIGN_FILE);
    file_write(&one, "keys.a", satchel_buffer_view(&keys)); /* keys.b still is the other vault's: healed */
    CHECK_STATUS(fixture_try_open(&one), SATCHEL_OK);
    file_remove(&one, "keys.a");
    CHECK_STATUS(fixture_try_open(&one), SATCHEL_OK);
    satchel_buffer_deinit(&store);
    satchel_buffer_deinit(&keys);
    fixture_deinit(&one);
    fixture_deinit(&two);
}

TEST(vault, the_keystores_answer_is_passed_on) {
    static const satchel_status answers[] = {SATCHEL_KEY_UNAVAILABLE, SATCHEL_KEY_GONE, SATCHEL_NO_MEMORY};
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    fixture_close(&fixture);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        fixture.keystore.status = answers[i];
        CHECK_STATUS(fixture_try_open(&fixture), answers[i]);
    }
    fixture.keystore = (fake_keystore){SATCHEL_OK, 8}; /* the phone was reset: another secret */
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_KEY_GONE);
    fixture.keystore.byte = 7;
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_OK);
    fixture.config.unlock.keystore.secret = NULL;
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_INVALID_ARGUMENT);
    fixture_deinit(&fixture);
}

TEST(vault, a_config_outside_its_bounds_is_refused) {
    enum { CASES = 9 };
    vault_fixture fixture;
    fixture_init(&fixture);
    for (int i = 0; i < CASES; i++) {
        satchel_vault *vault = NULL;
        satchel_vault_config config = fixture.config;
        switch (i) {
        case 0: config.size = 0; break;
        case 1: config.folder = NULL; break;
        case 2: config.folder = ""; break;
        case 3: config.pin_passes = SATCHEL_VAULT_PASSES_FLOOR - 1; break;
        case 4: config.pin_memory_kib = SATCHEL_VAULT_MEMORY_KIB_FLOOR - 1; break;
        case 5: config.pin_memory_kib = SATCHEL_VAULT_MEMORY_KIB_CEILING + 1; break;
        case 6: config.wrong_pins_max = SATCHEL_VAULT_WRONG_PINS_MAX + 1; break;
        case 7: config.checkpoint_frames = SATCHEL_VAULT_CHECKPOINT_FRAMES_MAX + 1; break;
        default: config.unlock.slot = SATCHEL_VAULT_SLOT_ESCROW; break;
        }
        test_note("case %d", i);
        CHECK_STATUS(satchel_vault_create(&vault, &config, NULL), SATCHEL_INVALID_ARGUMENT);
        CHECK(vault == NULL);
    }
    CHECK_STATUS(satchel_vault_create(&fixture.vault, NULL, NULL), SATCHEL_INVALID_ARGUMENT);
    fixture_deinit(&fixture);
}

TEST(vault, a_locked_vault_answers_locked_and_opens_again) {
    vault_fixture fixture;
    satchel_buffer out = {0};
    satchel_bytes none = {NULL, 0};
    fixture_init(&fixture);
    fixture_create(&fixture);
    fill_rows(fixture.vault, 5);
    CHECK_STATUS(satchel_vault_unlock_again(fixture.vault, &fixture.config.unlock, NULL), SATCHEL_MISUSE);
    REQUIRE_OK(satchel_vault_lock(fixture.vault, NULL));
    CHECK(satchel_vault_database(fixture.vault) == NULL);
    CHECK_STATUS(satchel_vault_checkpoint(fixture.vault, NULL), SATCHEL_LOCKED);
    CHECK_STATUS(satchel_vault_seal(fixture.vault, SATCHEL_VAULT_FOR_BLOB, none, none, &out), SATCHEL_LOCKED);
    CHECK_STATUS(satchel_vault_unseal(fixture.vault, SATCHEL_VAULT_FOR_BLOB, none, none, &out), SATCHEL_LOCKED);
    CHECK_STATUS(satchel_vault_rewrap(fixture.vault, &fixture.config.unlock, NULL), SATCHEL_LOCKED);
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_IN_USE); /* the folder is still held */
    fixture.keystore.status = SATCHEL_KEY_UNAVAILABLE;
    CHECK_STATUS(satchel_vault_unlock_again(fixture.vault, &fixture.config.unlock, NULL), SATCHEL_KEY_UNAVAILABLE);
    fixture.keystore.status = SATCHEL_OK;
    REQUIRE_OK(satchel_vault_unlock_again(fixture.vault, &fixture.config.unlock, NULL));
    CHECK_INT(number_of(fixture.vault, "SELECT count(*) FROM t"), 5);
    fixture_deinit(&fixture);
}

static sqlite3_stmt *open_statement(const vault_fixture *fixture) {
    sqlite3_stmt *statement = NULL;
    sqlite3 *database = satchel_vault_database(fixture->vault);
    REQUIRE_INT(sqlite3_prepare_v2(database, "SELECT body FROM t", -1, &statement, NULL), SQLITE_OK);
    REQUIRE_INT(sqlite3_step(statement), SQLITE_ROW);
    return statement;
}

TEST(vault, an_open_statement_holds_up_lock_and_suspend) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    fill_rows(fixture.vault, 5);
    sqlite3_stmt *statement = open_statement(&fixture);
    CHECK_STATUS(satchel_vault_checkpoint(fixture.vault, NULL), SATCHEL_BUSY);
    CHECK_STATUS(satchel_vault_lock(fixture.vault, NULL), SATCHEL_BUSY);
    (void)sqlite3_reset(statement);
    CHECK_STATUS(satchel_vault_suspend(fixture.vault, NULL), SATCHEL_BUSY);
    REQUIRE_INT(sqlite3_step(statement), SQLITE_ROW); /* nothing has changed for it */
    (void)sqlite3_finalize(statement);
    CHECK_OK(satchel_vault_lock(fixture.vault, NULL));
    fixture_deinit(&fixture);
}

TEST(vault, a_forgotten_statement_is_dead_after_close) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture.config.cache_kib = 64;
    fixture_create(&fixture);
    fill_rows(fixture.vault, 900);
    sqlite3_stmt *statement = open_statement(&fixture);
    fixture_close(&fixture);
    int rows = 0;
    while (sqlite3_step(statement) == SQLITE_ROW && rows <= 900) {
        rows++;
    }
    CHECK(rows < 900); /* what is in SQLite's cache, no more */
    (void)sqlite3_finalize(statement);
    fixture_open(&fixture);
    CHECK_INT(number_of(fixture.vault, "SELECT count(*) FROM t"), 900);
    fixture_deinit(&fixture);
}

TEST(vault, full_text_tables_close_and_lock_cleanly) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    must_run(fixture.vault, "CREATE VIRTUAL TABLE f USING fts5(body)");
    must_run(fixture.vault, "INSERT INTO f VALUES('one two'),('two three')");
    CHECK_INT(number_of(fixture.vault, "SELECT count(*) FROM f WHERE f MATCH 'two'"), 2);
    REQUIRE_OK(satchel_vault_lock(fixture.vault, NULL)); /* FTS5 keeps statements of its own */
    REQUIRE_OK(satchel_vault_unlock_again(fixture.vault, &fixture.config.unlock, NULL));
    must_run(fixture.vault, "INSERT INTO f VALUES('two four')");
    CHECK_INT(number_of(fixture.vault, "SELECT count(*) FROM f WHERE f MATCH 'two'"), 3);
    fixture_deinit(&fixture);
}

TEST(vault, a_suspended_vault_holds_no_file_and_resumes_without_a_pin) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_use_pin(&fixture, "135790");
    fixture_create(&fixture);
    fill_rows(fixture.vault, 5);
    CHECK_STATUS(satchel_vault_resume(fixture.vault, NULL), SATCHEL_MISUSE);
    REQUIRE_OK(satchel_vault_suspend(fixture.vault, NULL));
    CHECK(satchel_vault_database(fixture.vault) == NULL);
    CHECK_STATUS(satchel_vault_suspend(fixture.vault, NULL), SATCHEL_LOCKED);
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_OK); /* nobody holds the folder */
    REQUIRE_OK(satchel_vault_resume(fixture.vault, NULL));
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_IN_USE);
    CHECK_INT(number_of(fixture.vault, "SELECT count(*) FROM t"), 5);
    REQUIRE_OK(satchel_vault_lock(fixture.vault, NULL));
    CHECK_STATUS(satchel_vault_resume(fixture.vault, NULL), SATCHEL_LOCKED);
    fixture_deinit(&fixture);
}

TEST(vault, a_pin_can_be_checked_while_the_vault_is_open) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_use_pin(&fixture, "135790");
    fixture_create(&fixture);
    satchel_vault_unlock unlock = fixture.config.unlock;
    CHECK_OK(satchel_vault_check(fixture.vault, &unlock, NULL));
    unlock.pin = satchel_text_of("0");
    CHECK_STATUS(satchel_vault_check(fixture.vault, &unlock, NULL), SATCHEL_WRONG_PIN);
    CHECK_UINT(satchel_vault_stats_of(fixture.vault).wrong_pins, 1); /* counted like any other */
    REQUIRE_OK(satchel_vault_lock(fixture.vault, NULL));
    CHECK_STATUS(satchel_vault_check(fixture.vault, &unlock, NULL), SATCHEL_LOCKED);
    fixture_deinit(&fixture);
}

TEST(vault, a_checkpoint_empties_the_wal_into_the_database) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    fill_rows(fixture.vault, 100);
    satchel_buffer before = file_bytes(&fixture, "store.db");
    REQUIRE_OK(satchel_vault_checkpoint(fixture.vault, NULL));
    satchel_buffer after = file_bytes(&fixture, "store.db");
    CHECK(after.bytes > before.bytes);
    satchel_buffer_deinit(&before);
    satchel_buffer_deinit(&after);
    fixture_deinit(&fixture);
}

TEST(vault, sealed_messages_open_for_their_purpose_only) {
    vault_fixture fixture;
    satchel_buffer sealed = {0}, out = {0};
    satchel_bytes plain = satchel_bytes_of("op", 2);
    fixture_init(&fixture);
    fixture_create(&fixture);
    for (int made = SATCHEL_VAULT_FOR_EXPORT; made <= SATCHEL_VAULT_FOR_OPLOG; made++) {
        satchel_buffer_clear(&sealed);
        REQUIRE_OK(satchel_vault_seal(fixture.vault, (satchel_vault_purpose)made, plain, plain, &sealed));
        for (int tried = SATCHEL_VAULT_FOR_EXPORT; tried <= SATCHEL_VAULT_FOR_OPLOG; tried++) {
            CHECK_STATUS(satchel_vault_unseal(fixture.vault, (satchel_vault_purpose)tried, plain,
                                              satchel_buffer_view(&sealed), &out),
                         tried == made ? SATCHEL_OK : SATCHEL_DAMAGED);
        }
    }
    CHECK_STATUS(satchel_vault_seal(fixture.vault, (satchel_vault_purpose)1, plain, plain, &sealed),
                 SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_vault_unseal(fixture.vault, (satchel_vault_purpose)8, plain, plain, &out),
                 SATCHEL_INVALID_ARGUMENT);
    satchel_buffer_deinit(&sealed);
    satchel_buffer_deinit(&out);
    fixture_deinit(&fixture);
}

TEST(vault, ids_differ_and_stay) {
    vault_fixture one, two;
    fixture_init(&one);
    fixture_create(&one);
    fixture_init(&two);
    fixture_create(&two);
    satchel_id first = satchel_vault_id(one.vault), second = satchel_vault_id(two.vault);
    CHECK(memcmp(&first, &second, sizeof first) != 0);
    fixture_close(&one);
    fixture_open(&one);
    second = satchel_vault_id(one.vault);
    CHECK_ID(&first, &second);
    fixture_deinit(&one);
    fixture_deinit(&two);
}

TEST(vault, result_codes_become_statuses) {
    static const struct {
        int code;
        satchel_status status;
    } cases[] = {
        {SQLITE_OK, SATCHEL_OK},
        {SQLITE_ROW, SATCHEL_OK},
        {SQLITE_DONE, SATCHEL_OK},
        {SQLITE_NOMEM, SATCHEL_NO_MEMORY},
        {SQLITE_IOERR_NOMEM, SATCHEL_NO_MEMORY},
        {SQLITE_FULL, SATCHEL_DISK_FULL},
        {SQLITE_BUSY, SATCHEL_BUSY},
        {SQLITE_CORRUPT, SATCHEL_DAMAGED},
        {SQLITE_IOERR_DATA, SATCHEL_DAMAGED},
        {SQLITE_IOERR_READ, SATCHEL_IO_ERROR},
        {SQLITE_INTERRUPT, SATCHEL_CANCELLED},
        {SQLITE_READONLY, SATCHEL_READ_ONLY_STORE},
        {SQLITE_TOOBIG, SATCHEL_LIMIT_EXCEEDED},
        {SQLITE_CONSTRAINT, SATCHEL_DATABASE_ERROR},
    };
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_STATUS(satchel_vault_status(fixture.vault, cases[i].code), cases[i].status);
    }
    fixture_deinit(&fixture);
}
