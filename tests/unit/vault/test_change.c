/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of the key file: which way in holds after a failure, what another process did meanwhile, what a PIN costs.
 */
#include "base/bytes.h"
#include "crypto/hash.h"
#include "fixture.h"
#include "support/vault/disk.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define AT_SLOT 64 /* of the key file; page-format.md */

static satchel_status old_secret(void *context, uint8_t out[32]) {
    (void)context;
    memset(out, 1, 32);
    return SATCHEL_OK;
}

static satchel_status new_secret(void *context, uint8_t out[32]) {
    (void)context;
    memset(out, 2, 32);
    return SATCHEL_OK;
}

typedef satchel_status secret_giver(void *context, uint8_t out[32]);

static satchel_vault_config config_on(test_disk *disk, secret_giver *with) {
    satchel_vault_config config;
    satchel_vault_config_init(&config);
    config.folder = "/vault";
    config.parent = test_disk_vfs(disk);
    config.files = test_disk_files(disk);
    config.unlock = (satchel_vault_unlock){.slot = SATCHEL_VAULT_SLOT_DEVICE, .keystore = {with, NULL}};
    config.cache_kib = 64;
    return config;
}

static satchel_status try_on(test_disk *disk, secret_giver *with) {
    satchel_vault_config config = config_on(disk, with);
    satchel_vault *vault = NULL;
    satchel_status status = satchel_vault_open(&vault, &config, NULL);
    satchel_vault_close(vault);
    return status;
}

/* A vault whose slot was changed while operation `point` of the change failed, with `forever` all after it as well. */
static test_disk *change_on(uint64_t point, bool forever, satchel_status *out_status, satchel_error *out_error,
                            bool *out_reached) {
    test_disk *disk = test_disk_make();
    satchel_vault_config config = config_on(disk, old_secret);
    satchel_vault *vault = NULL;
    REQUIRE_OK(satchel_vault_create(&vault, &config, NULL));
    satchel_vault_unlock next = config_on(disk, new_secret).unlock;
    uint64_t before = test_disk_operations(disk);
    test_disk_fail_at(disk, before + point, forever, TEST_FAULT_ERROR);
    *out_status = satchel_vault_rewrap(vault, &next, out_error);
    *out_reached = test_disk_operations(disk) >= before + point;
    test_disk_fail_at(disk, 0, false, TEST_FAULT_ERROR);
    satchel_vault_close(vault);
    return disk;
}

/* A rename whose sync fails has happened all the same: without more the new way in would hold although it failed. */
TEST(change, regress_a_change_that_failed_leaves_the_old_way_in_whatever_the_power_does) {
    bool reached = true;
    int failures = 0;
    for (uint64_t point = 1; reached; point++) {
        for (int survival = 0; survival < TEST_SURVIVAL_COUNT; survival++) {
            satchel_status status = SATCHEL_OK;
            satchel_error error = {0};
            test_disk *disk = change_on(point, false, &status, &error, &reached);
            test_disk *left = test_disk_after_power_loss(disk, (test_survival)survival, point);
            test_note("operation %llu, survival %d: %s", (unsigned long long)point, survival, error.detail);
            CHECK_STATUS(try_on(left, new_secret), status == SATCHEL_OK ? SATCHEL_OK : SATCHEL_KEY_GONE);
            CHECK_STATUS(try_on(left, old_secret), status == SATCHEL_OK ? SATCHEL_KEY_GONE : SATCHEL_OK);
            CHECK(status == SATCHEL_OK || strstr(error.detail, "the old ones hold") != NULL);
            failures += status != SATCHEL_OK ? 1 : 0;
            test_disk_free(left);
            test_disk_free(disk);
        }
        REQUIRE(point < 60);
    }
    CHECK(failures > 0);
}

TEST(change, a_disk_that_stays_broken_leaves_one_way_in_and_the_detail_says_if_none_knows_which) {
    bool reached = true;
    int unsure = 0;
    for (uint64_t point = 1; reached; point++) {
        satchel_status status = SATCHEL_OK;
        satchel_error error = {0};
        test_disk *disk = change_on(point, true, &status, &error, &reached);
        bool new_opens = try_on(disk, new_secret) == SATCHEL_OK;
        test_note("operation %llu: %s", (unsigned long long)point, error.detail);
        CHECK(new_opens != (try_on(disk, old_secret) == SATCHEL_OK));
        CHECK(status != SATCHEL_OK || new_opens);
        CHECK(status == SATCHEL_OK || !new_opens || strstr(error.detail, "old ones or the new ones") != NULL);
        unsure += status != SATCHEL_OK && new_opens ? 1 : 0;
        test_disk_free(disk);
        REQUIRE(point < 60);
    }
    CHECK(unsure > 0);
}

/* ---- another process, while this one is suspended ---- */

/* What another process does with the store. */
static satchel_vault *as_other_process(const vault_fixture *fixture) {
    satchel_vault *other = NULL;
    REQUIRE_OK(satchel_vault_open(&other, &fixture->config, NULL));
    return other;
}

TEST(change, regress_a_resumed_vault_keeps_the_slots_that_another_process_made) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    REQUIRE_OK(satchel_vault_suspend(fixture.vault, NULL));
    satchel_vault *other = as_other_process(&fixture);
    satchel_vault_unlock pin = {.slot = SATCHEL_VAULT_SLOT_PIN_DEVICE,
                                .pin = satchel_text_of("2468"),
                                .keystore = fixture_keystore(&fixture.keystore)};
    REQUIRE_OK(satchel_vault_slot_add(other, &pin, NULL));
    CHECK(satchel_vault_has_slot(other, SATCHEL_VAULT_SLOT_PIN_DEVICE));
    satchel_vault_close(other);
    CHECK(!satchel_vault_has_slot(fixture.vault, SATCHEL_VAULT_SLOT_PIN_DEVICE));
    REQUIRE_OK(satchel_vault_resume(fixture.vault, NULL));
    CHECK(satchel_vault_has_slot(fixture.vault, SATCHEL_VAULT_SLOT_PIN_DEVICE));
    CHECK(satchel_vault_has_slot(fixture.vault, SATCHEL_VAULT_SLOT_DEVICE));
    REQUIRE_OK(satchel_vault_forget_messages(fixture.vault, NULL)); /* writes the key file */
    fixture_close(&fixture);
    fixture.config.unlock = pin;
    fixture_open(&fixture);
    fixture_deinit(&fixture);
}

TEST(change, regress_a_resumed_vault_is_locked_if_another_process_changed_the_data_key) {
    vault_fixture fixture;
    satchel_error error = {0};
    fixture_init(&fixture);
    fixture_create(&fixture);
    fill_rows(fixture.vault, 3);
    REQUIRE_OK(satchel_vault_suspend(fixture.vault, NULL));
    satchel_vault *other = as_other_process(&fixture);
    REQUIRE_OK(satchel_vault_rekey(other, &fixture.config.unlock, 1, NULL));
    satchel_vault_close(other);
    CHECK_STATUS(satchel_vault_resume(fixture.vault, &error), SATCHEL_LOCKED);
    REQUIRE_OK(satchel_vault_unlock_again(fixture.vault, &fixture.config.unlock, NULL));
    CHECK_INT(number_of(fixture.vault, "SELECT count(*) FROM t"), 3);
    fixture_deinit(&fixture);
}

TEST(change, a_key_file_that_was_forged_meanwhile_is_not_resumed_with) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    REQUIRE_OK(satchel_vault_suspend(fixture.vault, NULL));
    satchel_buffer good = file_bytes(&fixture, "keys.a");
    satchel_buffer bad = file_bytes(&fixture, "keys.a");
    satchel_put_u32be(bad.data + AT_SLOT + 160, SATCHEL_VAULT_SLOT_ESCROW); /* a stranger's recovery key */
    satchel_hash_of(satchel_bytes_of(bad.data, 992), bad.data + 992);
    file_write(&fixture, "keys.a", satchel_buffer_view(&bad));
    file_write(&fixture, "keys.b", satchel_buffer_view(&bad));
    CHECK_STATUS(satchel_vault_resume(fixture.vault, NULL), SATCHEL_DAMAGED);
    CHECK(satchel_vault_database(fixture.vault) == NULL);
    file_write(&fixture, "keys.a", satchel_buffer_view(&good));
    file_write(&fixture, "keys.b", satchel_buffer_view(&good));
    CHECK_OK(satchel_vault_resume(fixture.vault, NULL));
    satchel_buffer_deinit(&good);
    satchel_buffer_deinit(&bad);
    fixture_deinit(&fixture);
}

/* ---- what a PIN costs ---- */

static uint32_t number_at(const vault_fixture *fixture, size_t at) {
    satchel_buffer bytes = file_bytes(fixture, "keys.a");
    uint32_t number = satchel_get_u32be(bytes.data + at);
    satchel_buffer_deinit(&bytes);
    return number;
}

TEST(change, a_new_pin_costs_what_was_set_last) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_use_pin(&fixture, "135790");
    fixture_create(&fixture);
    CHECK_UINT(number_at(&fixture, AT_SLOT + 8), SATCHEL_VAULT_MEMORY_KIB_FLOOR);
    REQUIRE_OK(satchel_vault_set_pin_cost(fixture.vault, 4, SATCHEL_VAULT_MEMORY_KIB_FLOOR + 8, NULL));
    REQUIRE_OK(satchel_vault_rewrap(fixture.vault, &fixture.config.unlock, NULL));
    CHECK_UINT(number_at(&fixture, AT_SLOT + 4), 4);
    CHECK_UINT(number_at(&fixture, AT_SLOT + 8), SATCHEL_VAULT_MEMORY_KIB_FLOOR + 8);
    fixture_deinit(&fixture);
}

TEST(change, the_cost_of_a_pin_stays_within_floor_and_ceiling) {
    static const struct {
        uint32_t passes, memory_kib;
        satchel_status status;
    } cases[] = {
        {SATCHEL_VAULT_PASSES_FLOOR, SATCHEL_VAULT_MEMORY_KIB_FLOOR, SATCHEL_OK},
        {SATCHEL_VAULT_PASSES_CEILING, SATCHEL_VAULT_MEMORY_KIB_CEILING, SATCHEL_OK},
        {SATCHEL_VAULT_PASSES_FLOOR - 1, SATCHEL_VAULT_MEMORY_KIB_FLOOR, SATCHEL_INVALID_ARGUMENT},
        {SATCHEL_VAULT_PASSES_FLOOR, SATCHEL_VAULT_MEMORY_KIB_FLOOR - 1, SATCHEL_INVALID_ARGUMENT},
        {SATCHEL_VAULT_PASSES_CEILING + 1, SATCHEL_VAULT_MEMORY_KIB_CEILING, SATCHEL_INVALID_ARGUMENT},
        {SATCHEL_VAULT_PASSES_CEILING, SATCHEL_VAULT_MEMORY_KIB_CEILING + 1, SATCHEL_INVALID_ARGUMENT},
    };
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_note("case %zu", i);
        CHECK_STATUS(satchel_vault_set_pin_cost(fixture.vault, cases[i].passes, cases[i].memory_kib, NULL),
                     cases[i].status);
    }
    fixture_deinit(&fixture);
}

/* Pages of private memory that the process has mapped. */
static rlim_t mapped_bytes(void) {
    unsigned long total = 0, resident = 0, shared = 0, text = 0, lib = 0, data = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    REQUIRE(file != NULL);
    int read = fscanf(file, "%lu %lu %lu %lu %lu %lu", &total, &resident, &shared, &text, &lib, &data);
    (void)fclose(file);
    REQUIRE(read == 6);
    return (rlim_t)data * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* Opens while Argon2id finds no memory. */
static satchel_status try_without_memory(vault_fixture *fixture) {
    struct rlimit before, tight;
    REQUIRE(getrlimit(RLIMIT_DATA, &before) == 0);
    tight = before;
    tight.rlim_cur = mapped_bytes() + (rlim_t)SATCHEL_VAULT_MEMORY_KIB_FLOOR * 512; /* half of what it needs */
    REQUIRE(setrlimit(RLIMIT_DATA, &tight) == 0);
    satchel_status status = fixture_try_open(fixture);
    REQUIRE(setrlimit(RLIMIT_DATA, &before) == 0);
    return status;
}

/* Ten tries of the right PIN on a phone that is short of memory erased the slots. */
TEST(change, regress_a_pin_that_was_not_looked_at_for_want_of_memory_is_not_counted) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_use_pin(&fixture, "135790");
    fixture_create(&fixture);
    fixture_close(&fixture);
    fixture_use_pin(&fixture, "0");
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_WRONG_PIN);
    fixture_use_pin(&fixture, "135790");
    for (int i = 0; i < SATCHEL_VAULT_WRONG_PINS_MAX + 1; i++) {
        CHECK_STATUS(try_without_memory(&fixture), SATCHEL_NO_MEMORY);
    }
    fixture_open(&fixture);
    fixture_deinit(&fixture);
}
