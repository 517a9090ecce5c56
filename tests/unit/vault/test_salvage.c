/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages that still open, given without SQLite; and a new store that takes the old one's place, whenever power is lost.
 */
#include "vault/salvage_vault.h"

#include "fixture.h"
#include "support/vault/disk.h"

#include <string.h>

/* --- the walk --- */

typedef struct page_list {
    satchel_salvage *salvage;
    uint64_t count;
    uint64_t canaries;
    uint64_t last_age;
} page_list;

static bool holds(const uint8_t *content, const char *text) {
    size_t bytes = strlen(text);
    for (size_t at = 0; at + bytes <= SATCHEL_SALVAGE_PAGE_BYTES; at++) {
        if (memcmp(content + at, text, bytes) == 0) {
            return true;
        }
    }
    return false;
}

static satchel_status note_page(void *context, const satchel_salvage_page *page) {
    page_list *list = context;
    uint8_t again[SATCHEL_SALVAGE_PAGE_BYTES];
    list->count++;
    list->canaries += holds(page->content, CANARY) ? 1 : 0;
    CHECK(page->age >= list->last_age);
    list->last_age = page->age;
    if (page->age == 0 && satchel_salvage_counts(list->salvage)->frames_old == 0) {
        CHECK_OK(satchel_salvage_read(list->salvage, page->number, 0, again));
        CHECK(memcmp(again, page->content, sizeof again) == 0);
    }
    return SATCHEL_OK;
}

static page_list walk(vault_fixture *fixture, satchel_salvage_count *count) {
    page_list list = {NULL, 0, 0, 0};
    satchel_vault *vault = NULL;
    REQUIRE_OK(satchel_vault_open_unread(&vault, &fixture->config, &fixture->error));
    REQUIRE_OK(satchel_vault_look(vault, 0, &list.salvage, &fixture->error));
    CHECK_UINT(satchel_salvage_usable_bytes(list.salvage), 4056);
    REQUIRE_OK(satchel_salvage_walk(list.salvage, note_page, &list, &fixture->error));
    *count = *satchel_salvage_counts(list.salvage);
    satchel_salvage_close(list.salvage);
    CHECK(satchel_vault_key_file_is_whole(vault));
    satchel_vault_close(vault);
    return list;
}

static void flip(const vault_fixture *fixture, const char *name, size_t at) {
    satchel_buffer bytes = file_bytes(fixture, name);
    REQUIRE(bytes.bytes > at);
    bytes.data[at] ^= 1;
    file_write(fixture, name, satchel_buffer_view(&bytes));
    satchel_buffer_deinit(&bytes);
}

TEST(salvage, gives_every_page_of_a_whole_store) {
    vault_fixture fixture;
    satchel_salvage_count count;
    fixture_init(&fixture);
    fixture_create(&fixture);
    fill_rows(fixture.vault, 200);
    fixture_close(&fixture);
    page_list list = walk(&fixture, &count);
    CHECK_UINT(list.count, count.pages);
    CHECK(list.canaries > 0);
    CHECK_UINT(count.pages_bad, 0);
    CHECK_UINT(count.frames, 0);
    fixture_deinit(&fixture);
}

TEST(salvage, counts_and_names_pages_that_do_not_open) {
    vault_fixture fixture;
    satchel_salvage_count count;
    fixture_init(&fixture);
    fixture_create(&fixture);
    fill_rows(fixture.vault, 600);
    fixture_close(&fixture);
    satchel_salvage_count whole;
    walk(&fixture, &whole);
    REQUIRE(whole.pages > SATCHEL_SALVAGE_NAMED_MOST + 1);
    for (uint32_t i = 0; i < SATCHEL_SALVAGE_NAMED_MOST + 1; i++) { /* one more than are named */
        flip(&fixture, "store.db", (size_t)i * SATCHEL_SALVAGE_PAGE_BYTES + 99);
    }
    page_list list = walk(&fixture, &count);
    CHECK_UINT(count.pages_bad, SATCHEL_SALVAGE_NAMED_MOST + 1);
    CHECK_UINT(list.count, whole.pages - count.pages_bad);
    CHECK_UINT(count.bad_page[0], 1);
    CHECK_UINT(count.bad_page[SATCHEL_SALVAGE_NAMED_MOST - 1], SATCHEL_SALVAGE_NAMED_MOST);
    fixture_deinit(&fixture);
}

TEST(salvage, reads_the_log_of_changes_without_its_beginning) {
    vault_fixture fixture;
    vault_fixture killed;
    satchel_salvage_count count;
    fixture_init(&fixture);
    fixture_create(&fixture);
    fill_rows(fixture.vault, 30);
    fixture_init(&killed);
    fixture_copy(&killed, &fixture);
    flip(&killed, "store.db-wal", 30);
    flip(&killed, "store.db-wal", 80 + 4160 * 5 + 900);
    page_list list = walk(&killed, &count);
    CHECK(count.prologue_bad);
    CHECK_UINT(count.frames_bad, 1);
    CHECK_UINT(count.bad_frame[0], 6);
    CHECK_UINT(count.frames_dropped, 0);
    CHECK(list.canaries >= 20);
    fixture_deinit(&killed);
    fixture_deinit(&fixture);
}

TEST(salvage, does_not_give_what_was_never_committed) {
    vault_fixture fixture;
    vault_fixture killed;
    satchel_salvage_count count;
    fixture_init(&fixture);
    fixture_create(&fixture);
    must_run(fixture.vault, "CREATE TABLE t (x)");
    must_run(fixture.vault, "PRAGMA cache_size=1");
    must_run(fixture.vault, "BEGIN; WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 400) "
                            "INSERT INTO t SELECT '" CANARY "' || hex(zeroblob(400)) FROM c");
    fixture_init(&killed);
    fixture_copy(&killed, &fixture);
    page_list list = walk(&killed, &count);
    CHECK(count.frames_dropped > 0);
    CHECK_UINT(list.canaries, 0);
    must_run(fixture.vault, "ROLLBACK");
    fixture_deinit(&killed);
    fixture_deinit(&fixture);
}

/* What a rolled-back transaction spilled stays in the file behind the frames of the next use of it. */
TEST(salvage, regress_gives_no_frames_of_an_earlier_use_that_were_never_committed) {
    vault_fixture fixture;
    vault_fixture killed;
    satchel_salvage_count count;
    fixture_init(&fixture);
    fixture_create(&fixture);
    must_run(fixture.vault, "CREATE TABLE t (x)");
    must_run(fixture.vault, "PRAGMA cache_size=1");
    must_run(fixture.vault, "BEGIN; WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 400) "
                            "INSERT INTO t SELECT '" CANARY "' || hex(zeroblob(400)) FROM c");
    must_run(fixture.vault, "ROLLBACK");
    must_run(fixture.vault, "INSERT INTO t VALUES ('kept')");
    must_run(fixture.vault, "PRAGMA wal_checkpoint(RESTART)");
    must_run(fixture.vault, "INSERT INTO t VALUES ('also kept')");
    fixture_init(&killed);
    fixture_copy(&killed, &fixture);
    page_list list = walk(&killed, &count);
    CHECK(count.frames_dropped > 50);
    CHECK(count.frames_old > 0);
    CHECK_UINT(list.canaries, 0);
    fixture_deinit(&killed);
    fixture_deinit(&fixture);
}

/* --- a new store in place of the old --- */

static satchel_vault_config config_on(test_disk *disk, fake_keystore *keystore) {
    satchel_vault_config config;
    satchel_vault_config_init(&config);
    config.folder = "/disk";
    config.unlock = (satchel_vault_unlock){.slot = SATCHEL_VAULT_SLOT_DEVICE, .keystore = fixture_keystore(keystore)};
    config.parent = test_disk_vfs(disk);
    config.files = test_disk_files(disk);
    return config;
}

static void make_old(test_disk *disk, fake_keystore *keystore) {
    satchel_vault *vault = NULL;
    const satchel_vault_config config = config_on(disk, keystore);
    REQUIRE_OK(satchel_vault_create(&vault, &config, NULL));
    must_run(vault, "CREATE TABLE old (x); INSERT INTO old VALUES (1), (2), (3)");
    satchel_vault_close(vault);
}

/* Ends where the disk fails. */
static bool replace(test_disk *disk, fake_keystore *keystore) {
    satchel_vault *vault = NULL;
    uint32_t number = 0;
    const satchel_vault_config config = config_on(disk, keystore);
    satchel_status status = satchel_vault_open_unread(&vault, &config, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_vault_begin_repair(vault, NULL);
    }
    if (status == SATCHEL_OK && run_sql(vault, "CREATE TABLE fresh (x); INSERT INTO fresh VALUES (1)") != SQLITE_OK) {
        status = SATCHEL_IO_ERROR;
    }
    if (status == SATCHEL_OK) {
        status = satchel_vault_end_repair(vault, &number, NULL);
        CHECK(status != SATCHEL_OK || number == 1);
    }
    satchel_vault_close(vault);
    return status == SATCHEL_OK;
}

/* 1: the old store, whole; 2: the new one, and the old lies aside. */
static int what_is_there(test_disk *disk, fake_keystore *keystore) {
    satchel_vault *vault = NULL;
    uint32_t aside = 0;
    const satchel_vault_config config = config_on(disk, keystore);
    if (satchel_vault_repair_is_due(&config)) {
        CHECK_OK(satchel_vault_finish_repair(&config, NULL));
    }
    CHECK(!satchel_vault_repair_is_due(&config));
    REQUIRE_OK(satchel_vault_open(&vault, &config, NULL));
    int found = run_sql(vault, "SELECT * FROM fresh") == SQLITE_OK ? 2 : 1;
    CHECK_INT(number_of(vault, found == 2 ? "SELECT count(*) FROM fresh" : "SELECT count(*) FROM old"),
              found == 2 ? 1 : 3);
    CHECK_OK(satchel_vault_count_quarantine(vault, &aside));
    CHECK_UINT(aside, found == 2 ? 1 : 0);
    satchel_vault_close(vault);
    return found;
}

TEST(salvage, a_repair_is_done_wholly_or_not_at_all) {
    unsigned found[3] = {0, 0, 0};
    bool ended = false;
    for (uint64_t at = 1; !ended; at++) {
        fake_keystore keystore = {SATCHEL_OK, 7};
        test_disk *disk = test_disk_make();
        make_old(disk, &keystore);
        test_disk_fail_at(disk, test_disk_operations(disk) + at, true, TEST_FAULT_ERROR);
        ended = replace(disk, &keystore);
        for (int survival = 0; survival < TEST_SURVIVAL_COUNT && (at % 3 == 1 || survival == (int)(at % 4));
             survival++) {
            test_note("operation %llu, survival %d", (unsigned long long)at, survival);
            test_disk *after = test_disk_after_power_loss(disk, (test_survival)survival, at);
            found[what_is_there(after, &keystore)]++;
            test_disk_free(after);
        }
        test_disk_free(disk);
    }
    CHECK(found[1] > 0 && found[2] > 0);
}

static satchel_status ignore_page(void *context, const satchel_salvage_page *page) {
    uint64_t *count = context;
    *count += page->number != 0 ? 1 : 0;
    return SATCHEL_OK;
}

/* Walks the store of `disk`; counts the pages that were given. */
static satchel_status walk_disk(test_disk *disk, fake_keystore *keystore, uint64_t *given,
                                satchel_salvage_count *count) {
    satchel_vault *vault = NULL;
    satchel_salvage *salvage = NULL;
    const satchel_vault_config config = config_on(disk, keystore);
    REQUIRE_OK(satchel_vault_open_unread(&vault, &config, NULL));
    *given = 0;
    satchel_status status = satchel_vault_look(vault, 0, &salvage, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_salvage_walk(salvage, ignore_page, given, NULL);
        *count = *satchel_salvage_counts(salvage);
    }
    satchel_salvage_close(salvage);
    satchel_vault_close(vault);
    return status;
}

TEST(salvage, regress_a_sector_that_cannot_be_read_costs_its_page_only) {
    fake_keystore keystore = {SATCHEL_OK, 7};
    satchel_salvage_count count;
    uint64_t whole = 0, given = 0;
    test_disk *disk = test_disk_make();
    make_old(disk, &keystore);
    REQUIRE_OK(walk_disk(disk, &keystore, &whole, &count));
    REQUIRE(whole >= 2);
    for (uint64_t page = 0; page < whole; page++) {
        test_disk_spoil(disk, "/disk/store.db", page * SATCHEL_SALVAGE_PAGE_BYTES + 7);
        CHECK_OK(walk_disk(disk, &keystore, &given, &count));
        CHECK_UINT(given, whole - 1);
        CHECK_UINT(count.pages_bad, 1);
        CHECK_UINT(count.bad_page[0], page + 1);
    }
    test_disk_free(disk);
}

TEST(salvage, concludes_nothing_where_nothing_can_be_read) {
    fake_keystore keystore = {SATCHEL_OK, 7};
    satchel_salvage *salvage = NULL;
    satchel_vault *vault = NULL;
    uint64_t given = 0;
    test_disk *disk = test_disk_make();
    make_old(disk, &keystore);
    const satchel_vault_config config = config_on(disk, &keystore);
    REQUIRE_OK(satchel_vault_open_unread(&vault, &config, NULL));
    REQUIRE_OK(satchel_vault_look(vault, 0, &salvage, NULL));
    test_disk_fail_at(disk, test_disk_operations(disk) + 2, true, TEST_FAULT_ERROR); /* behind the first page */
    CHECK_STATUS(satchel_salvage_walk(salvage, ignore_page, &given, NULL), SATCHEL_IO_ERROR);
    CHECK_UINT(given, 1);
    satchel_salvage_close(salvage);
    satchel_vault_close(vault);
    test_disk_free(disk);
}

/* An error that passes: the same repair again succeeds. */
TEST(salvage, a_repair_that_failed_can_be_repeated) {
    bool ended = false;
    for (uint64_t at = 1; !ended; at += 2) {
        fake_keystore keystore = {SATCHEL_OK, 7};
        test_disk *disk = test_disk_make();
        make_old(disk, &keystore);
        test_disk_fail_at(disk, test_disk_operations(disk) + at, false, TEST_FAULT_FULL);
        ended = replace(disk, &keystore);
        test_disk_fail_at(disk, 0, false, TEST_FAULT_ERROR);
        test_note("operation %llu", (unsigned long long)at);
        if (what_is_there(disk, &keystore) == 1) {
            CHECK(replace(disk, &keystore));
            CHECK_INT(what_is_there(disk, &keystore), 2);
        }
        test_disk_free(disk);
    }
}
