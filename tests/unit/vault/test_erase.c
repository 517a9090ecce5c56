/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Destroying a vault, compacting one, and measuring what a PIN may cost.
 */
#include "base/bytes.h"
#include "fixture.h"
#include "support/vault/disk.h"
#include "vault/reserve.h"

#include <stdio.h>
#include <string.h>

/* ---- destroying ---- */

static satchel_status secret(void *context, uint8_t out[32]) {
    (void)context;
    memset(out, 9, 32);
    return SATCHEL_OK;
}

static satchel_vault_config config_of(test_disk *disk) {
    satchel_vault_config config;
    satchel_vault_config_init(&config);
    config.folder = "/vault";
    config.parent = test_disk_vfs(disk);
    config.files = test_disk_files(disk);
    config.unlock = (satchel_vault_unlock){.slot = SATCHEL_VAULT_SLOT_DEVICE, .keystore = {secret, NULL}};
    config.cache_kib = 64;
    return config;
}

/* What repairs make, and what they leave for the user. */
static const char *const repair_names[] = {"repair.db",          "repair.db-wal",       "repair.ready",
                                           "quarantine-1.db",    "quarantine-1.db-wal", "quarantine-8.db",
                                           "quarantine-8.db-wal"};
#define REPAIR_NAMES (sizeof repair_names / sizeof repair_names[0])

static void disk_path(const char *name, char out[64]) {
    (void)snprintf(out, 64, "/vault/%s", name);
}

static void leave_repairs(test_disk *disk) {
    const satchel_vault_files *files = test_disk_files(disk);
    for (size_t index = 0; index < REPAIR_NAMES; index++) {
        char path[64];
        disk_path(repair_names[index], path);
        REQUIRE_OK(files->write(files->context, path, satchel_bytes_of("rest", 4)));
    }
    REQUIRE_OK(files->sync_folder(files->context, "/vault"));
}

static bool repairs_are_gone(test_disk *disk) {
    const satchel_vault_files *files = test_disk_files(disk);
    bool gone = true;
    for (size_t index = 0; index < REPAIR_NAMES; index++) {
        char path[64];
        uint64_t bytes = 0;
        disk_path(repair_names[index], path);
        gone = gone && files->size(files->context, path, &bytes) == SATCHEL_NOT_FOUND;
    }
    return gone;
}

/* A killed store with rows in its WAL only, the reserve, and what repairs left. */
static test_disk *prepared_disk(void) {
    test_disk *disk = test_disk_make();
    satchel_vault_config config = config_of(disk);
    satchel_vault *vault = NULL;
    REQUIRE_OK(satchel_vault_create(&vault, &config, NULL));
    REQUIRE_OK(satchel_reserve_keep(config.files, config.folder, config.random));
    fill_rows(vault, 20);
    REQUIRE_OK(satchel_vault_checkpoint(vault, NULL));
    fill_rows(vault, 1);
    leave_repairs(disk);
    test_disk *left = test_disk_after_power_loss(disk, TEST_SURVIVES_ALL, 1);
    satchel_vault_close(vault);
    test_disk_free(disk);
    return left;
}

/* Whole with all its rows, or nothing that opens; `*out_whole` tells which. */
static const char *judge(test_disk *disk, bool *out_whole) {
    satchel_vault *vault = NULL;
    satchel_vault_config config = config_of(disk);
    satchel_status status = satchel_vault_open(&vault, &config, NULL);
    *out_whole = status == SATCHEL_OK;
    int64_t rows = status == SATCHEL_OK ? number_of(vault, "SELECT count(*) FROM t") : 0;
    satchel_vault_close(vault);
    if (status == SATCHEL_OK) {
        return rows == 21 ? NULL : "it opens without all its rows";
    }
    bool gone = status == SATCHEL_NOT_FOUND || status == SATCHEL_KEY_GONE || status == SATCHEL_DAMAGED;
    return gone ? NULL : "another failure";
}

static const char *finish(test_disk *disk) {
    satchel_vault_config config = config_of(disk);
    satchel_vault *vault = NULL;
    if (satchel_vault_erase(&config, NULL) != SATCHEL_OK) {
        return "it cannot be finished";
    }
    satchel_status status = satchel_vault_open(&vault, &config, NULL);
    return status == SATCHEL_NOT_FOUND && repairs_are_gone(disk) ? NULL : "something is left";
}

static uint64_t operations_of_erasing(const test_disk *prepared) {
    test_disk *disk = test_disk_after_power_loss(prepared, TEST_SURVIVES_ALL, 1);
    satchel_vault_config config = config_of(disk);
    REQUIRE_OK(satchel_vault_erase(&config, NULL));
    uint64_t operations = test_disk_operations(disk);
    test_disk_free(disk);
    return operations;
}

TEST(erase, a_loss_of_power_leaves_the_whole_store_or_nothing_that_opens) {
    test_disk *prepared = prepared_disk();
    uint64_t operations = operations_of_erasing(prepared);
    int wholes = 0, points = 0;
    for (uint64_t point = 1; point <= operations; point++) {
        test_disk *disk = test_disk_after_power_loss(prepared, TEST_SURVIVES_ALL, 1);
        satchel_vault_config config = config_of(disk);
        test_disk_fail_at(disk, point, true, TEST_FAULT_ERROR);
        satchel_status status = satchel_vault_erase(&config, NULL);
        CHECK(status != SATCHEL_OK);
        for (int survival = 0; survival < TEST_SURVIVAL_COUNT; survival++, points++) {
            bool whole = false;
            test_disk *left = test_disk_after_power_loss(disk, (test_survival)survival, point);
            const char *wrong = judge(left, &whole);
            wrong = wrong != NULL ? wrong : finish(left);
            test_note("operation %llu, survival %d", (unsigned long long)point, survival);
            CHECK_TEXT(wrong != NULL ? wrong : "", "");
            wholes += whole ? 1 : 0;
            test_disk_free(left);
        }
        test_disk_free(disk);
    }
    CHECK(points > 40 && wholes > 0 && wholes < points);
    test_disk_free(prepared);
}

TEST(erase, one_failure_at_any_operation_is_told_and_the_next_call_finishes) {
    test_disk *prepared = prepared_disk();
    uint64_t operations = operations_of_erasing(prepared);
    for (uint64_t point = 1; point <= operations; point++) {
        bool whole = false;
        test_disk *disk = test_disk_after_power_loss(prepared, TEST_SURVIVES_ALL, 1);
        satchel_vault_config config = config_of(disk);
        test_disk_fail_at(disk, point, false, TEST_FAULT_ERROR);
        satchel_status status = satchel_vault_erase(&config, NULL);
        test_note("operation %llu: %s", (unsigned long long)point, satchel_status_name(status));
        const char *wrong = judge(disk, &whole);
        CHECK_TEXT(wrong != NULL ? wrong : "", "");
        CHECK(status != SATCHEL_OK || !whole);
        wrong = finish(disk);
        CHECK_TEXT(wrong != NULL ? wrong : "", "");
        test_disk_free(disk);
    }
    test_disk_free(prepared);
}

TEST(erase, needs_no_key_and_leaves_an_empty_folder_but_for_the_lock) {
    static const char *const names[] = {"keys.a",       "keys.b",    "keys.new",      "keys.next",    "store.db",
                                        "store.db-wal", "store.new", "store.new-wal", "store.reserve"};
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    CHECK_STATUS(satchel_vault_erase(&fixture.config, NULL), SATCHEL_IN_USE);
    fixture_close(&fixture);
    fixture.config.unlock = (satchel_vault_unlock){.slot = SATCHEL_VAULT_SLOT_DEVICE};
    for (size_t index = 2; index < sizeof names / sizeof names[0]; index++) {
        if (strcmp(names[index], "store.db") != 0) {
            file_write(&fixture, names[index], satchel_bytes_of("rest", 4));
        }
    }
    REQUIRE_OK(satchel_vault_erase(&fixture.config, NULL));
    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++) {
        CHECK(!file_exists(&fixture, names[index]));
    }
    CHECK_OK(satchel_vault_erase(&fixture.config, NULL));
    fixture.config.unlock.keystore = fixture_keystore(&fixture.keystore);
    fixture_create(&fixture); /* and a new one can be made there */
    fixture_deinit(&fixture);
}

TEST(erase, regress_quarantine_and_half_made_repairs_go_with_the_store) {
    test_disk *disk = prepared_disk();
    satchel_vault_config config = config_of(disk);
    CHECK(!repairs_are_gone(disk));
    REQUIRE_OK(satchel_vault_erase(&config, NULL));
    CHECK(repairs_are_gone(disk));
    test_disk_free(disk);
}

/* Between its two halves a repair leaves no store.db: the keys are still those of a store. */
TEST(erase, regress_no_store_is_made_over_a_repair_that_was_cut_off) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    fixture_close(&fixture);
    satchel_buffer keys = file_bytes(&fixture, "keys.a");
    file_remove(&fixture, "store.db");
    file_write(&fixture, "repair.ready", satchel_bytes_of("1", 1));
    CHECK_STATUS(satchel_vault_create(&fixture.vault, &fixture.config, NULL), SATCHEL_ALREADY_EXISTS);
    satchel_buffer after = file_bytes(&fixture, "keys.a");
    CHECK_BYTES(satchel_buffer_view(&after), satchel_buffer_view(&keys));
    satchel_buffer_deinit(&keys);
    satchel_buffer_deinit(&after);
    fixture_deinit(&fixture);
}

/* The key files are overwritten in their place before they go: a link to the file sees zeros. */
TEST(erase, overwrites_the_key_files) {
    test_disk *disk = prepared_disk();
    satchel_vault_config config = config_of(disk);
    satchel_buffer bytes = {0};
    uint64_t operations = operations_of_erasing(disk);
    bool scrubbed = false;
    for (uint64_t point = 1; point <= operations && !scrubbed; point++) {
        test_disk *copy = test_disk_after_power_loss(disk, TEST_SURVIVES_ALL, 1);
        config = config_of(copy);
        test_disk_fail_at(copy, point, true, TEST_FAULT_ERROR);
        CHECK(satchel_vault_erase(&config, NULL) != SATCHEL_OK);
        test_disk_fail_at(copy, 0, false, TEST_FAULT_ERROR);
        bytes.bytes = 0;
        for (const char *name = "/vault/keys.a"; name != NULL; name = name[12] == 'a' ? "/vault/keys.b" : NULL) {
            REQUIRE_OK(config.files->read(config.files->context, name, 4096, &bytes));
        }
        REQUIRE_UINT(bytes.bytes, 2048);
        scrubbed = true;
        for (size_t at = 0; at < bytes.bytes; at++) {
            scrubbed = scrubbed && bytes.data[at] == 0;
        }
        test_disk_free(copy);
    }
    CHECK(scrubbed);
    satchel_buffer_deinit(&bytes);
    test_disk_free(disk);
}

/* ---- compacting ---- */

static satchel_vault *open_on(test_disk *disk) {
    satchel_vault *vault = NULL;
    satchel_vault_config config = config_of(disk);
    REQUIRE_OK(satchel_vault_open(&vault, &config, NULL));
    return vault;
}

/* Many rows, most of them deleted. */
static test_disk *holey_disk(void) {
    test_disk *disk = test_disk_make();
    satchel_vault_config config = config_of(disk);
    satchel_vault *vault = NULL;
    REQUIRE_OK(satchel_vault_create(&vault, &config, NULL));
    must_run(vault, "CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT)");
    must_run(vault, "INSERT INTO t WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<900) "
                    "SELECT i, '" CANARY "' || hex(zeroblob(700)) FROM c; DELETE FROM t WHERE id % 30 <> 0");
    satchel_vault_close(vault);
    test_disk *left = test_disk_after_power_loss(disk, TEST_SURVIVES_ALL, 1);
    test_disk_free(disk);
    return left;
}

TEST(compact, shrinks_the_file_and_keeps_the_rows) {
    test_disk *disk = holey_disk();
    satchel_vault_config config = config_of(disk);
    uint64_t before = 0, after = 0;
    REQUIRE_OK(config.files->size(config.files->context, "/vault/store.db", &before));
    satchel_vault *vault = open_on(disk);
    must_run(vault, "BEGIN");
    CHECK_STATUS(satchel_vault_compact(vault, NULL), SATCHEL_BUSY);
    must_run(vault, "COMMIT");
    REQUIRE_OK(satchel_vault_compact(vault, NULL));
    CHECK_INT(number_of(vault, "PRAGMA freelist_count"), 0);
    CHECK_INT(number_of(vault, "SELECT count(*) FROM t"), 30);
    CHECK_UINT(satchel_vault_stats_of(vault).refused_opens, 0);
    REQUIRE_OK(satchel_vault_lock(vault, NULL));
    CHECK_STATUS(satchel_vault_compact(vault, NULL), SATCHEL_LOCKED);
    satchel_vault_close(vault);
    REQUIRE_OK(config.files->size(config.files->context, "/vault/store.db", &after));
    CHECK(after < before / 5);
    test_disk_free(disk);
}

static const char *judge_compacted(test_disk *disk) {
    satchel_vault *vault = NULL;
    satchel_vault_config config = config_of(disk);
    if (satchel_vault_open(&vault, &config, NULL) != SATCHEL_OK) {
        return "the store does not open";
    }
    bool sound = number_of(vault, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'") == 1 &&
                 number_of(vault, "SELECT count(*) FROM t") == 30 && satchel_vault_compact(vault, NULL) == SATCHEL_OK &&
                 number_of(vault, "PRAGMA freelist_count") == 0;
    satchel_vault_close(vault);
    return sound ? NULL : "it is not sound, or cannot be compacted";
}

/* A sample of some fifty points: each one recovers, checks and compacts four disks. */
TEST(compact, a_loss_of_power_at_any_time_loses_no_row) {
    test_disk *prepared = holey_disk();
    test_disk *clean = test_disk_after_power_loss(prepared, TEST_SURVIVES_ALL, 1);
    satchel_vault *vault = open_on(clean);
    uint64_t first = test_disk_operations(clean) + 1;
    REQUIRE_OK(satchel_vault_compact(vault, NULL));
    uint64_t last = test_disk_operations(clean);
    satchel_vault_close(vault);
    test_disk_free(clean);
    for (uint64_t point = first; point <= last; point += (last - first) / 50 + 1) {
        test_disk *disk = test_disk_after_power_loss(prepared, TEST_SURVIVES_ALL, 1);
        vault = open_on(disk);
        test_disk_fail_at(disk, point, true, TEST_FAULT_ERROR);
        satchel_status status = satchel_vault_compact(vault, NULL);
        for (int survival = 0; survival < TEST_SURVIVAL_COUNT; survival++) {
            test_disk *left = test_disk_after_power_loss(disk, (test_survival)survival, point);
            const char *wrong = judge_compacted(left);
            test_note("operation %llu, survival %d: %s", (unsigned long long)point, survival,
                      satchel_status_name(status));
            CHECK_TEXT(wrong != NULL ? wrong : "", "");
            test_disk_free(left);
        }
        satchel_vault_close(vault);
        test_disk_free(disk);
    }
    test_disk_free(prepared);
}

/* ---- measuring ---- */

/* A run of Argon2id seems to take what the list says. */
typedef struct fake_clock {
    int64_t now_ms;
    const int64_t *runs_ms;
    int reads;
} fake_clock;

static int64_t read_clock(void *context) {
    fake_clock *clock = context;
    if (clock->reads % 2 == 1) {
        clock->now_ms += clock->runs_ms[clock->reads / 2];
    }
    clock->reads++;
    return clock->now_ms;
}

TEST(calibrate, the_cost_follows_the_machine_within_floor_and_ceiling) {
    static const struct {
        int64_t runs_ms[2]; /* of 64 MiB, two passes */
        uint32_t target_ms;
        uint32_t passes;
        uint32_t memory_kib;
    } cases[] = {
        {{100, 100}, 150, 3, 65536},
        {{900, 100}, 150, 3, 65536}, /* the first run also fetched the memory */
        {{200, 200}, 150, 2, 49152},
        {{100000, 100000}, 150, SATCHEL_VAULT_PASSES_FLOOR, SATCHEL_VAULT_MEMORY_KIB_FLOOR},
        {{100, 100}, 800, 16, 65536},
        {{100, 100}, 1600, 16, 131072}, /* more memory before more passes than the ceiling */
        {{1, 1}, 60000, SATCHEL_VAULT_PASSES_CEILING, SATCHEL_VAULT_MEMORY_KIB_CEILING},
        {{0, -5}, 60000, SATCHEL_VAULT_PASSES_CEILING, SATCHEL_VAULT_MEMORY_KIB_CEILING}, /* a clock that stands */
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        fake_clock state = {5000, cases[index].runs_ms, 0};
        satchel_vault_clock clock = {read_clock, &state};
        uint32_t passes = 0, memory_kib = 0;
        test_note("case %zu", index);
        REQUIRE_OK(satchel_vault_calibrate(&clock, cases[index].target_ms, &passes, &memory_kib));
        CHECK_UINT(passes, cases[index].passes);
        CHECK_UINT(memory_kib, cases[index].memory_kib);
    }
}

TEST(calibrate, needs_a_clock_and_a_target) {
    static const int64_t runs_ms[2] = {1, 1};
    fake_clock state = {0, runs_ms, 0};
    satchel_vault_clock clock = {read_clock, &state}, none = {NULL, NULL};
    uint32_t passes = 0, memory_kib = 0;
    CHECK_STATUS(satchel_vault_calibrate(NULL, 1, &passes, &memory_kib), SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_vault_calibrate(&none, 1, &passes, &memory_kib), SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_vault_calibrate(&clock, 0, &passes, &memory_kib), SATCHEL_INVALID_ARGUMENT);
    CHECK_INT(state.reads, 0);
    CHECK_UINT(passes, SATCHEL_VAULT_PASSES_FLOOR); /* what a caller that looks no further may use */
    CHECK_UINT(memory_kib, SATCHEL_VAULT_MEMORY_KIB_FLOOR);
}
