/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing the data key: what opens before and after it, and a loss of power or a failing disk at each of its steps.
 */
#include "base/bytes.h"
#include "base/memory.h"
#include "base/text.h"
#include "crypto/seal.h"
#include "fixture.h"
#include "support/vault/disk.h"

#include <string.h>

/* The old state opens with one secret of the keystore, the new one with another. */
#define OLD_SECRET 9
#define NEW_SECRET 8
#define ROWS 40
#define ROWS_TEXT "40"

static const uint8_t recovery_seed[32] = {42, 7};

static satchel_status secret_of(void *context, uint8_t out[32]) {
    memset(out, *(const uint8_t *)context, 32);
    return SATCHEL_OK;
}

static satchel_vault_unlock with_secret(uint8_t *byte) {
    return (satchel_vault_unlock){.slot = SATCHEL_VAULT_SLOT_DEVICE, .keystore = {secret_of, byte}};
}

static uint8_t old_byte = OLD_SECRET, new_byte = NEW_SECRET;

static satchel_vault_config config_of(test_disk *disk, uint8_t *byte) {
    satchel_vault_config config;
    satchel_vault_config_init(&config);
    config.folder = "/vault";
    config.parent = test_disk_vfs(disk);
    config.files = test_disk_files(disk);
    config.unlock = with_secret(byte);
    config.cache_kib = 64;
    return config;
}

static satchel_bytes text_bytes(const char *text) {
    return satchel_text_bytes(satchel_text_of(text));
}

/* A message in the store, as the op log keeps its ops. */
static void put_message(satchel_vault *vault, const char *text) {
    satchel_buffer sealed = {0};
    sqlite3_stmt *statement = NULL;
    REQUIRE_OK(satchel_vault_seal(vault, SATCHEL_VAULT_FOR_OPLOG, text_bytes("op"), text_bytes(text), &sealed));
    REQUIRE_INT(sqlite3_prepare_v2(satchel_vault_database(vault), "INSERT INTO ops VALUES(?)", -1, &statement, NULL),
                SQLITE_OK);
    REQUIRE_INT(sqlite3_bind_blob(statement, 1, sealed.data, (int)sealed.bytes, SQLITE_TRANSIENT), SQLITE_OK);
    REQUIRE_INT(sqlite3_step(statement), SQLITE_DONE);
    (void)sqlite3_finalize(statement);
    satchel_buffer_deinit(&sealed);
}

/* How many messages open to `text`, or open at all if that is NULL. */
static int messages_that_open(satchel_vault *vault, const char *text) {
    sqlite3_stmt *statement = NULL;
    int count = 0;
    (void)sqlite3_prepare_v2(satchel_vault_database(vault), "SELECT body FROM ops", -1, &statement, NULL);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        satchel_buffer plain = {0};
        satchel_bytes sealed =
            satchel_bytes_of(sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0));
        if (satchel_vault_unseal(vault, SATCHEL_VAULT_FOR_OPLOG, text_bytes("op"), sealed, &plain) == SATCHEL_OK &&
            (text == NULL || satchel_bytes_equal(satchel_buffer_view(&plain), text_bytes(text)))) {
            count++;
        }
        satchel_buffer_deinit(&plain);
    }
    (void)sqlite3_finalize(statement);
    return count;
}

/* ---- a failing disk ---- */

/* A store in its old state, on a disk that works, closed. With `killed` its WAL is left behind. */
static test_disk *prepared_disk(bool killed) {
    test_disk *disk = test_disk_make();
    satchel_vault_config config = config_of(disk, &old_byte);
    satchel_vault *vault = NULL;
    uint8_t public_key[32];
    satchel_box_public(recovery_seed, public_key);
    config.escrow_public = public_key;
    REQUIRE_OK(satchel_vault_create(&vault, &config, NULL));
    must_run(vault, "CREATE TABLE ops(body BLOB)");
    fill_rows(vault, ROWS);
    put_message(vault, "before");
    test_disk *left = killed ? test_disk_after_power_loss(disk, TEST_SURVIVES_ALL, 1) : NULL;
    satchel_vault_close(vault);
    if (!killed) {
        left = test_disk_after_power_loss(disk, TEST_SURVIVES_ALL, 1);
    }
    test_disk_free(disk);
    return left;
}

/* NULL, or what is wrong with a vault that is open. */
static const char *judge_content(satchel_vault *vault) {
    if (number_of(vault, "SELECT count(*) FROM t") != ROWS) {
        return "rows are lost";
    }
    if (messages_that_open(vault, "before") != 1) {
        return "a message does not open";
    }
    if (number_of(vault, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'") != 0) {
        return "the store is not sound";
    }
    if (run_sql(vault, "CREATE TABLE later(x); INSERT INTO later VALUES(zeroblob(9000)); DROP TABLE later") !=
        SQLITE_OK) {
        return "the store takes no more work";
    }
    return satchel_vault_stats_of(vault).escrow ? NULL : "the escrow slot is gone";
}

/* Opens by exactly one of the two secrets; `*out_new` tells which. */
static const char *judge_disk(test_disk *disk, bool *out_new) {
    int opened = 0;
    const char *wrong = NULL;
    for (int fresh = 0; fresh < 2; fresh++) {
        satchel_vault *vault = NULL;
        satchel_error error = {0};
        satchel_vault_config config = config_of(disk, fresh != 0 ? &new_byte : &old_byte);
        satchel_status status = satchel_vault_open(&vault, &config, &error);
        if (status == SATCHEL_OK) {
            opened++;
            *out_new = fresh != 0;
            wrong = wrong != NULL ? wrong : judge_content(vault);
        } else if (status != SATCHEL_KEY_GONE) {
            test_note("%s: %s", satchel_status_name(status), error.detail);
            wrong = "the store does not open";
        }
        satchel_vault_close(vault);
    }
    return wrong != NULL || opened == 1 ? wrong : "not exactly one of the states opens";
}

static satchel_vault *open_old(test_disk *disk) {
    satchel_vault *vault = NULL;
    satchel_vault_config config = config_of(disk, &old_byte);
    REQUIRE_OK(satchel_vault_open(&vault, &config, NULL));
    return vault;
}

static satchel_status rekey_to_new(satchel_vault *vault) {
    satchel_vault_unlock next = with_secret(&new_byte);
    return satchel_vault_rekey(vault, &next, 1, NULL);
}

/* Operations of the disk from the opening on: up to the change, and up to its end. */
typedef struct rekey_span {
    uint64_t first;
    uint64_t last;
} rekey_span;

static rekey_span span_of(const test_disk *prepared) {
    rekey_span span;
    test_disk *disk = test_disk_after_power_loss(prepared, TEST_SURVIVES_ALL, 1);
    satchel_vault *vault = open_old(disk);
    span.first = test_disk_operations(disk) + 1;
    REQUIRE_OK(rekey_to_new(vault));
    span.last = test_disk_operations(disk);
    satchel_vault_close(vault);
    test_disk_free(disk);
    return span;
}

/* How many disks that a loss of power may leave are wrong; each is told if `tell`. */
static int wrong_disks(const test_disk *disk, uint64_t point, bool tell, int *out_new) {
    int wrong_ones = 0;
    for (int survival = 0; survival < TEST_SURVIVAL_COUNT; survival++) {
        bool fresh = false;
        test_disk *left = test_disk_after_power_loss(disk, (test_survival)survival, point);
        test_note("operation %llu, survival %d", (unsigned long long)point, survival);
        const char *wrong = judge_disk(left, &fresh);
        if (tell) {
            CHECK_TEXT(wrong != NULL ? wrong : "", "");
        }
        wrong_ones += wrong != NULL ? 1 : 0;
        *out_new += fresh ? 1 : 0;
        test_disk_free(left);
    }
    return wrong_ones;
}

static void lose_power_everywhere(bool killed) {
    test_disk *prepared = prepared_disk(killed);
    rekey_span span = span_of(prepared);
    int news = 0, points = 0;
    for (uint64_t point = span.first; point <= span.last; point++, points++) {
        test_disk *disk = test_disk_after_power_loss(prepared, TEST_SURVIVES_ALL, 1);
        satchel_vault *vault = open_old(disk);
        test_disk_fail_at(disk, point, true, TEST_FAULT_ERROR);
        (void)rekey_to_new(vault);
        CHECK_INT(wrong_disks(disk, point, true, &news), 0);
        satchel_vault_close(vault);
        test_disk_free(disk);
    }
    CHECK(points > 30 && news > 0 && news < points * TEST_SURVIVAL_COUNT); /* both states were met */
    test_disk_free(prepared);
}

TEST(rekey, a_loss_of_power_at_any_operation_leaves_the_old_state_or_the_new) {
    lose_power_everywhere(false);
}

TEST(rekey, a_loss_of_power_leaves_a_state_also_when_the_wal_was_full) {
    lose_power_everywhere(true);
}

/* The change was cut off; its finishing, at the next opening, is cut off as well. */
TEST(rekey, a_second_loss_of_power_while_it_is_finished_does_no_harm) {
    test_disk *prepared = prepared_disk(false);
    rekey_span span = span_of(prepared);
    int news = 0;
    for (uint64_t point = span.last; point > span.last - 24; point--) {
        test_disk *disk = test_disk_after_power_loss(prepared, TEST_SURVIVES_ALL, 1);
        satchel_vault *vault = open_old(disk);
        test_disk_fail_at(disk, point, true, TEST_FAULT_ERROR);
        (void)rekey_to_new(vault);
        satchel_vault_close(vault);
        for (uint64_t second = 1; second <= 40; second += 3) {
            test_disk *left = test_disk_after_power_loss(disk, (test_survival)(second % TEST_SURVIVAL_COUNT), point);
            satchel_vault_config config = config_of(left, &new_byte);
            test_disk_fail_at(left, second, true, TEST_FAULT_ERROR);
            vault = NULL;
            satchel_status status = satchel_vault_open(&vault, &config, NULL);
            CHECK_INT(wrong_disks(left, point * 100 + second, true, &news), 0);
            CHECK((vault != NULL) == (status == SATCHEL_OK));
            satchel_vault_close(vault);
            test_disk_free(left);
        }
        test_disk_free(disk);
    }
    CHECK(news > 0);
    test_disk_free(prepared);
}

/* The proofs above must be able to fail. */
TEST(rekey, without_syncs_a_loss_of_power_is_seen_to_do_harm) {
    test_disk *prepared = prepared_disk(false);
    rekey_span span = span_of(prepared);
    int wrong = 0, news = 0;
    for (uint64_t point = span.first; point <= span.last; point++) {
        test_disk *disk = test_disk_after_power_loss(prepared, TEST_SURVIVES_ALL, 1);
        satchel_vault *vault = open_old(disk);
        test_disk_lie_about_syncs(disk);
        test_disk_fail_at(disk, point, true, TEST_FAULT_ERROR);
        (void)rekey_to_new(vault);
        wrong += wrong_disks(disk, point, false, &news);
        satchel_vault_close(vault);
        test_disk_free(disk);
    }
    CHECK(wrong > 10);
    test_disk_free(prepared);
}

/* The process lives on after a failure: the vault works in one of the states, or is locked and opens in one. */
static void judge_after_failure(satchel_vault *vault, satchel_status status) {
    satchel_vault_unlock old = with_secret(&old_byte), new = with_secret(&new_byte);
    if (satchel_vault_database(vault) == NULL) {
        CHECK(status != SATCHEL_OK);
        satchel_status again = satchel_vault_unlock_again(vault, &old, NULL);
        if (again == SATCHEL_KEY_GONE) {
            again = satchel_vault_unlock_again(vault, &new, NULL);
        }
        REQUIRE_OK(again);
    }
    const char *wrong = judge_content(vault);
    CHECK_TEXT(wrong != NULL ? wrong : "", "");
    satchel_status opens_old = satchel_vault_check(vault, &old, NULL);
    CHECK(status != SATCHEL_OK || opens_old == SATCHEL_KEY_GONE);
    CHECK((opens_old == SATCHEL_OK) != (satchel_vault_check(vault, &new, NULL) == SATCHEL_OK));
}

/* What is acknowledged after the failure outlives a loss of power: the store's new name lasts before work goes on. */
static void judge_later_work(test_disk *disk, satchel_vault *vault) {
    int found = 0;
    must_run(vault, "CREATE TABLE acknowledged(x)");
    test_disk *left = test_disk_after_power_loss(disk, TEST_SURVIVES_NONE, 1);
    for (int fresh = 0; fresh < 2; fresh++) {
        satchel_vault *again = NULL;
        satchel_vault_config config = config_of(left, fresh != 0 ? &new_byte : &old_byte);
        if (satchel_vault_open(&again, &config, NULL) == SATCHEL_OK) {
            found += number_of(again, "SELECT count(*) FROM acknowledged") == 0 ? 1 : 0;
        }
        satchel_vault_close(again);
    }
    CHECK_INT(found, 1);
    test_disk_free(left);
}

TEST(rekey, a_failure_at_any_operation_leaves_a_vault_that_works) {
    test_disk *prepared = prepared_disk(false);
    rekey_span span = span_of(prepared);
    for (uint64_t point = span.first; point <= span.last; point++) {
        for (int fault = 0; fault < TEST_FAULT_COUNT; fault++) {
            bool fresh = false;
            test_disk *disk = test_disk_after_power_loss(prepared, TEST_SURVIVES_ALL, 1);
            satchel_vault *vault = open_old(disk);
            test_disk_fail_at(disk, point, false, (test_fault)fault);
            test_note("operation %llu, fault %d", (unsigned long long)point, fault);
            satchel_status status = rekey_to_new(vault);
            test_note("operation %llu, fault %d: %s", (unsigned long long)point, fault, satchel_status_name(status));
            CHECK(status == SATCHEL_OK || status == SATCHEL_IO_ERROR || status == SATCHEL_DISK_FULL);
            judge_after_failure(vault, status);
            judge_later_work(disk, vault);
            satchel_vault_close(vault);
            const char *wrong = judge_disk(disk, &fresh);
            CHECK_TEXT(wrong != NULL ? wrong : "", "");
            test_disk_free(disk);
        }
    }
    test_disk_free(prepared);
}

/* The disk's verbs, of which two can be made to fail. */
typedef struct moody_files {
    const satchel_vault_files *below;
    bool writes_fail;
    bool syncs_fail; /* from the moment on at which the store gets its new name */
    bool named;
} moody_files;

static satchel_status moody_write(void *context, const char *path, satchel_bytes content) {
    const moody_files *files = context;
    return files->writes_fail ? SATCHEL_DISK_FULL : files->below->write(files->below->context, path, content);
}

static satchel_status moody_rename(void *context, const char *from, const char *to) {
    moody_files *files = context;
    files->named = files->named || strcmp(to, "/vault/store.db") == 0;
    return files->below->rename(files->below->context, from, to);
}

static satchel_status moody_sync_folder(void *context, const char *folder) {
    const moody_files *files = context;
    return files->syncs_fail && files->named ? SATCHEL_IO_ERROR
                                             : files->below->sync_folder(files->below->context, folder);
}

static satchel_status moody_read(void *context, const char *path, size_t limit_bytes, satchel_buffer *out) {
    const moody_files *files = context;
    return files->below->read(files->below->context, path, limit_bytes, out);
}

static satchel_status moody_remove(void *context, const char *path) {
    const moody_files *files = context;
    return files->below->remove(files->below->context, path);
}

static satchel_status moody_size(void *context, const char *path, uint64_t *out_bytes) {
    const moody_files *files = context;
    return files->below->size(files->below->context, path, out_bytes);
}

static satchel_status moody_lock(void *context, const char *path, intptr_t *out_lock) {
    const moody_files *files = context;
    return files->below->lock(files->below->context, path, out_lock);
}

static void moody_unlock(void *context, intptr_t lock) {
    const moody_files *files = context;
    files->below->unlock(files->below->context, lock);
}

TEST(rekey, a_name_that_may_not_last_locks_the_vault_until_it_does) {
    test_disk *disk = prepared_disk(false);
    moody_files mood = {.below = test_disk_files(disk), .syncs_fail = true};
    satchel_vault_files files = {
        .context = &mood,
        .read = moody_read,
        .write = moody_write,
        .rename = moody_rename,
        .remove = moody_remove,
        .sync_folder = moody_sync_folder,
        .size = moody_size,
        .lock = moody_lock,
        .unlock = moody_unlock,
    };
    satchel_vault_config config = config_of(disk, &old_byte);
    satchel_vault_unlock next = with_secret(&new_byte);
    satchel_vault *vault = NULL;
    config.files = &files;
    REQUIRE_OK(satchel_vault_open(&vault, &config, NULL));
    CHECK_STATUS(rekey_to_new(vault), SATCHEL_IO_ERROR);
    CHECK(satchel_vault_database(vault) == NULL);
    CHECK_STATUS(satchel_vault_unlock_again(vault, &next, NULL), SATCHEL_IO_ERROR);
    mood = (moody_files){.below = mood.below, .writes_fail = true}; /* the key files cannot follow yet */
    REQUIRE_OK(satchel_vault_unlock_again(vault, &next, NULL));
    judge_later_work(disk, vault);
    satchel_vault_close(vault);
    test_disk_free(disk);
}

/* ---- what opens ---- */

static void rekeyed_fixture(vault_fixture *fixture) {
    fixture_init(fixture);
    fixture_create(fixture);
    must_run(fixture->vault, "CREATE TABLE ops(body BLOB)");
    fill_rows(fixture->vault, ROWS);
    put_message(fixture->vault, "before");
}

TEST(rekey, a_copy_of_the_old_key_file_opens_nothing_of_the_new_store) {
    vault_fixture fixture, thief;
    rekeyed_fixture(&fixture);
    satchel_id old_id = satchel_vault_id(fixture.vault);
    satchel_buffer old_keys = file_bytes(&fixture, "keys.a");
    REQUIRE_OK(satchel_vault_rekey(fixture.vault, &fixture.config.unlock, 1, NULL));
    satchel_id new_id = satchel_vault_id(fixture.vault);
    CHECK(memcmp(&old_id, &new_id, sizeof old_id) != 0);
    CHECK_INT(number_of(fixture.vault, "SELECT count(*) FROM t"), ROWS);
    fixture_close(&fixture);
    fixture_copy(&thief, &fixture);
    file_write(&thief, "keys.a", satchel_buffer_view(&old_keys));
    file_write(&thief, "keys.b", satchel_buffer_view(&old_keys));
    CHECK_STATUS(fixture_try_open(&thief), SATCHEL_FOREIGN_FILE);
    satchel_buffer store = file_bytes(&thief, "store.db");
    memcpy(store.data, old_keys.data + 16, 16); /* the old id in clear does not help: it is associated data */
    file_write(&thief, "store.db", satchel_buffer_view(&store));
    CHECK_STATUS(fixture_try_open(&thief), SATCHEL_DAMAGED);
    satchel_buffer_deinit(&store);
    satchel_buffer_deinit(&old_keys);
    fixture_deinit(&thief);
    fixture_deinit(&fixture);
}

TEST(rekey, nothing_of_it_stays_in_the_folder_and_no_page_stays_the_same) {
    vault_fixture fixture;
    rekeyed_fixture(&fixture);
    REQUIRE_OK(satchel_vault_checkpoint(fixture.vault, NULL));
    satchel_buffer before = file_bytes(&fixture, "store.db");
    REQUIRE_OK(satchel_vault_rekey(fixture.vault, &fixture.config.unlock, 1, NULL));
    satchel_buffer after = file_bytes(&fixture, "store.db");
    REQUIRE_UINT(after.bytes, before.bytes);
    for (size_t at = 24; at < after.bytes; at += 16) {
        CHECK(memcmp(before.data + at, after.data + at, after.bytes - at < 16 ? 8 : 16) != 0);
    }
    CHECK(!file_exists(&fixture, "keys.next") && !file_exists(&fixture, "store.new"));
    CHECK_UINT(file_mode(&fixture, "store.db"), 0600);
    fixture_close(&fixture);
    file_remove(&fixture, "keys.a"); /* both copies are of the new state */
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_OK);
    file_remove(&fixture, "keys.b");
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_OK);
    satchel_buffer_deinit(&before);
    satchel_buffer_deinit(&after);
    fixture_deinit(&fixture);
}

TEST(rekey, messages_sealed_before_it_open_after_it_but_new_ones_not_with_the_old_key) {
    vault_fixture fixture, old;
    rekeyed_fixture(&fixture);
    fixture_copy(&old, &fixture);
    REQUIRE_OK(satchel_vault_rekey(fixture.vault, &fixture.config.unlock, 1, NULL));
    put_message(fixture.vault, "after");
    CHECK_INT(messages_that_open(fixture.vault, "before"), 1);
    CHECK_INT(messages_that_open(fixture.vault, "after"), 1);
    satchel_buffer sealed = {0}, plain = {0};
    REQUIRE_OK(satchel_vault_seal(fixture.vault, SATCHEL_VAULT_FOR_EXPORT, text_bytes("x"), text_bytes("y"), &sealed));
    fixture_open(&old); /* the thief of the old key, and of an export made since */
    CHECK_STATUS(satchel_vault_unseal(old.vault, SATCHEL_VAULT_FOR_EXPORT, text_bytes("x"),
                                      satchel_buffer_view(&sealed), &plain),
                 SATCHEL_DAMAGED);
    satchel_buffer_deinit(&sealed);
    satchel_buffer_deinit(&plain);
    fixture_deinit(&old);
    fixture_deinit(&fixture);
}

TEST(rekey, keeps_four_old_message_keys_until_they_are_forgotten) {
    vault_fixture fixture;
    const satchel_vault_unlock *same = &fixture.config.unlock;
    rekeyed_fixture(&fixture);
    for (uint32_t made = 1; made <= SATCHEL_VAULT_OLD_MESSAGE_KEYS_MOST; made++) {
        REQUIRE_OK(satchel_vault_rekey(fixture.vault, same, 1, NULL));
        CHECK_UINT(satchel_vault_stats_of(fixture.vault).old_message_keys, made);
    }
    CHECK_INT(messages_that_open(fixture.vault, "before"), 1);
    CHECK_STATUS(satchel_vault_rekey(fixture.vault, same, 1, NULL), SATCHEL_LIMIT_EXCEEDED);
    CHECK_INT(messages_that_open(fixture.vault, "before"), 1);
    must_run(fixture.vault, "DELETE FROM ops");
    put_message(fixture.vault, "again");
    REQUIRE_OK(satchel_vault_forget_messages(fixture.vault, NULL));
    CHECK_UINT(satchel_vault_stats_of(fixture.vault).old_message_keys, 0);
    fixture_close(&fixture);
    fixture_open(&fixture);
    CHECK_INT(messages_that_open(fixture.vault, "again"), 1);
    CHECK_OK(satchel_vault_rekey(fixture.vault, same, 1, NULL));
    fixture_deinit(&fixture);
}

TEST(rekey, makes_exactly_the_slots_that_are_asked_for_and_keeps_escrow) {
    vault_fixture fixture;
    uint8_t public_key[32];
    fixture_init(&fixture);
    satchel_box_public(recovery_seed, public_key);
    fixture.config.escrow_public = public_key;
    fixture_create(&fixture);
    satchel_vault_unlock next[2] = {fixture.config.unlock, fixture.config.unlock};
    next[1].slot = SATCHEL_VAULT_SLOT_PIN_DEVICE;
    next[1].pin = satchel_text_of("135790");
    REQUIRE_OK(satchel_vault_rekey(fixture.vault, next, 2, NULL));
    CHECK_OK(satchel_vault_check(fixture.vault, &next[0], NULL));
    CHECK_OK(satchel_vault_check(fixture.vault, &next[1], NULL));
    REQUIRE_OK(satchel_vault_rekey(fixture.vault, &next[1], 1, NULL));
    CHECK_STATUS(satchel_vault_check(fixture.vault, &next[0], NULL), SATCHEL_UNSUPPORTED);
    satchel_vault_unlock escrow = {.slot = SATCHEL_VAULT_SLOT_ESCROW, .recovery = recovery_seed};
    CHECK_OK(satchel_vault_check(fixture.vault, &escrow, NULL));
    fixture_deinit(&fixture);
}

TEST(rekey, refuses_what_it_cannot_do_and_changes_nothing) {
    vault_fixture fixture;
    sqlite3_stmt *open = NULL;
    rekeyed_fixture(&fixture);
    satchel_id id = satchel_vault_id(fixture.vault);
    satchel_vault_unlock next[3] = {fixture.config.unlock, fixture.config.unlock, fixture.config.unlock};
    CHECK_STATUS(satchel_vault_rekey(fixture.vault, next, 0, NULL), SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_vault_rekey(fixture.vault, next, 2, NULL), SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_vault_rekey(fixture.vault, next, SATCHEL_VAULT_REKEY_SLOTS_MOST + 1, NULL),
                 SATCHEL_INVALID_ARGUMENT);
    fixture.keystore.status = SATCHEL_KEY_UNAVAILABLE;
    CHECK_STATUS(satchel_vault_rekey(fixture.vault, next, 1, NULL), SATCHEL_KEY_UNAVAILABLE);
    fixture.keystore.status = SATCHEL_OK;
    must_run(fixture.vault, "BEGIN; DELETE FROM t");
    CHECK_STATUS(satchel_vault_rekey(fixture.vault, next, 1, NULL), SATCHEL_BUSY);
    must_run(fixture.vault, "ROLLBACK");
    REQUIRE_INT(sqlite3_prepare_v2(satchel_vault_database(fixture.vault), "SELECT * FROM t", -1, &open, NULL), 0);
    CHECK_STATUS(satchel_vault_rekey(fixture.vault, next, 1, NULL), SATCHEL_BUSY);
    (void)sqlite3_finalize(open);
    satchel_id same = satchel_vault_id(fixture.vault);
    CHECK_ID(&same, &id);
    CHECK_INT(number_of(fixture.vault, "SELECT count(*) FROM t"), ROWS);
    REQUIRE_OK(satchel_vault_lock(fixture.vault, NULL));
    CHECK_STATUS(satchel_vault_rekey(fixture.vault, next, 1, NULL), SATCHEL_LOCKED);
    fixture_deinit(&fixture);
}

TEST(rekey, without_randomness_the_old_state_goes_on) {
    satchel_random_seeded state;
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture.config.random = satchel_random_from_seed(&state, 7);
    fixture_create(&fixture);
    fill_rows(fixture.vault, ROWS);
    uint64_t before = state.calls;
    satchel_status status = SATCHEL_RANDOM_FAILED;
    for (uint64_t more = 0; more < 40 && status != SATCHEL_OK; more++) {
        state.limited = true;
        state.fails_after = state.calls + more;
        status = satchel_vault_rekey(fixture.vault, &fixture.config.unlock, 1, NULL);
        CHECK(status == SATCHEL_OK || status == SATCHEL_RANDOM_FAILED);
        state.limited = false;
        if (satchel_vault_database(fixture.vault) == NULL) { /* not even the VFS had a name */
            REQUIRE_OK(satchel_vault_unlock_again(fixture.vault, &fixture.config.unlock, NULL));
        }
        CHECK_INT(number_of(fixture.vault, "SELECT count(*) FROM t"), ROWS);
    }
    CHECK(status == SATCHEL_OK && state.calls > before);
    fixture_deinit(&fixture);
}

TEST(rekey, without_memory_the_old_state_goes_on) {
    vault_fixture fixture;
    satchel_status status = SATCHEL_NO_MEMORY;
    rekeyed_fixture(&fixture);
    unsigned long failing = 1;
    for (; status != SATCHEL_OK && failing < 200; failing++) {
        satchel_memory_fail_at(failing, 0);
        status = satchel_vault_rekey(fixture.vault, &fixture.config.unlock, 1, NULL);
        satchel_memory_fail_at(0, 0);
        test_note("allocation %lu: %s", failing, satchel_status_name(status));
        CHECK(status == SATCHEL_OK || status == SATCHEL_NO_MEMORY);
        if (satchel_vault_database(fixture.vault) == NULL) { /* the switch was made, but not the connection */
            REQUIRE_OK(satchel_vault_unlock_again(fixture.vault, &fixture.config.unlock, NULL));
        }
        CHECK_INT(number_of(fixture.vault, "SELECT count(*) FROM t"), ROWS);
        REQUIRE_OK(satchel_vault_forget_messages(fixture.vault, NULL));
        must_run(fixture.vault, "DELETE FROM ops");
        put_message(fixture.vault, "before");
        CHECK_INT(messages_that_open(fixture.vault, "before"), 1);
    }
    CHECK(status == SATCHEL_OK && failing > 10);
    fixture_deinit(&fixture);
}

TEST(rekey, a_damaged_page_stops_it_and_is_named) {
    vault_fixture fixture;
    rekeyed_fixture(&fixture);
    fixture_close(&fixture);
    satchel_buffer store = file_bytes(&fixture, "store.db");
    store.data[4096 * 4 + 100] ^= 1;
    file_write(&fixture, "store.db", satchel_buffer_view(&store));
    fixture_open(&fixture);
    CHECK_STATUS(satchel_vault_rekey(fixture.vault, &fixture.config.unlock, 1, &fixture.error), SATCHEL_DAMAGED);
    CHECK_TEXT(fixture.error.detail, "page 5 could not be sealed anew");
    CHECK(satchel_vault_database(fixture.vault) != NULL);
    CHECK(!file_exists(&fixture, "store.new"));
    satchel_buffer_deinit(&store);
    fixture_deinit(&fixture);
}
