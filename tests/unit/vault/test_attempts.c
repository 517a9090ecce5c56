/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The count of wrong PINs against kills, full disks and other slots, and what each call makes of a keystore's failure.
 */
#include "base/bytes.h"
#include "fixture.h"
#include "support/vault/disk.h"
#include "vault/keyring.h"
#include "vault/reserve.h"

#include <string.h>

#define RIGHT "135790"
#define WRONG "135791"

/* ---- kills ---- */

static satchel_vault_config config_of(test_disk *disk, const char *pin) {
    satchel_vault_config config;
    satchel_vault_config_init(&config);
    config.folder = "/vault";
    config.parent = test_disk_vfs(disk);
    config.files = test_disk_files(disk);
    config.pin_passes = SATCHEL_VAULT_PASSES_FLOOR;
    config.pin_memory_kib = SATCHEL_VAULT_MEMORY_KIB_FLOOR;
    config.wrong_pins_max = 3;
    config.unlock = (satchel_vault_unlock){
        .slot = SATCHEL_VAULT_SLOT_PIN_DEVICE,
        .pin = satchel_text_of(pin),
        .now = {.boot = 1, .monotonic_ms = INT64_C(1) << 40},
    };
    return config;
}

static satchel_status try_pin(test_disk *disk, const char *pin) {
    satchel_vault *vault = NULL;
    satchel_vault_config config = config_of(disk, pin);
    satchel_status status = satchel_vault_open(&vault, &config, NULL);
    satchel_vault_close(vault);
    return status;
}

/* A closed store after `wrong` wrong PINs. */
static test_disk *disk_after(int wrong) {
    test_disk *disk = test_disk_make();
    satchel_vault_config config = config_of(disk, RIGHT);
    satchel_vault *vault = NULL;
    REQUIRE_OK(satchel_vault_create(&vault, &config, NULL));
    satchel_vault_close(vault);
    for (int tried = 0; tried < wrong; tried++) {
        REQUIRE_STATUS(try_pin(disk, WRONG), SATCHEL_WRONG_PIN);
    }
    return disk;
}

static uint32_t count_on(test_disk *disk) {
    satchel_keyring keyring;
    REQUIRE_OK(satchel_keyring_load(&keyring, test_disk_files(disk), "/vault", NULL));
    return keyring.file.attempts.wrong;
}

/* A try with `pin` on a copy of the disk that works up to operation `point`; what it gave. */
static satchel_status try_until(const test_disk *disk, const char *pin, uint64_t point, test_disk **out) {
    *out = test_disk_after_power_loss(disk, TEST_SURVIVES_ALL, 1);
    test_disk_fail_at(*out, point, true, TEST_FAULT_ERROR);
    satchel_status status = try_pin(*out, pin);
    test_note("operation %llu: %s", (unsigned long long)point, satchel_status_name(status));
    return status;
}

static uint64_t operations_of(const test_disk *disk, const char *pin) {
    test_disk *copy = test_disk_after_power_loss(disk, TEST_SURVIVES_ALL, 1);
    (void)try_pin(copy, pin);
    uint64_t operations = test_disk_operations(copy);
    test_disk_free(copy);
    return operations;
}

TEST(attempts, a_wrong_pin_that_was_looked_at_is_counted_whenever_the_power_goes) {
    test_disk *disk = disk_after(1);
    uint64_t operations = operations_of(disk, WRONG);
    int looked_at = 0;
    for (uint64_t point = 1; point <= operations + 1; point++) {
        test_disk *tried = NULL;
        satchel_status status = try_until(disk, WRONG, point, &tried);
        looked_at += status == SATCHEL_WRONG_PIN ? 1 : 0;
        for (int survival = 0; survival < TEST_SURVIVAL_COUNT; survival++) {
            test_disk *left = test_disk_after_power_loss(tried, (test_survival)survival, point);
            uint32_t count = count_on(left);
            CHECK(count == 2 || (count == 1 && status != SATCHEL_WRONG_PIN));
            test_disk_free(left);
        }
        test_disk_free(tried);
    }
    CHECK(looked_at > 0 && (uint64_t)looked_at < operations);
    test_disk_free(disk);
}

TEST(attempts, a_right_pin_cut_off_at_any_operation_opens_the_next_time) {
    test_disk *disk = disk_after(1);
    uint64_t operations = operations_of(disk, RIGHT);
    for (uint64_t point = 1; point <= operations; point++) {
        test_disk *tried = NULL;
        (void)try_until(disk, RIGHT, point, &tried);
        test_disk *left = test_disk_after_power_loss(tried, (test_survival)(point % TEST_SURVIVAL_COUNT), point);
        CHECK(count_on(left) <= 2);
        CHECK_STATUS(try_pin(left, RIGHT), SATCHEL_OK);
        CHECK_UINT(count_on(left), 0);
        test_disk_free(left);
        test_disk_free(tried);
    }
    test_disk_free(disk);
}

/* The last try that is left, wrong: once it is counted, not even the right PIN opens any more. */
TEST(attempts, the_erasure_cannot_be_cut_off) {
    test_disk *disk = disk_after(2);
    uint64_t operations = operations_of(disk, WRONG);
    int erased = 0;
    for (uint64_t point = 1; point <= operations + 1; point++) {
        test_disk *tried = NULL;
        satchel_status status = try_until(disk, WRONG, point, &tried);
        for (int survival = 0; survival < TEST_SURVIVAL_COUNT; survival++) {
            test_disk *left = test_disk_after_power_loss(tried, (test_survival)survival, point);
            bool counted = count_on(left) == 3;
            CHECK(counted || status != SATCHEL_KEY_GONE);
            CHECK_STATUS(try_pin(left, RIGHT), counted ? SATCHEL_KEY_GONE : SATCHEL_OK);
            CHECK_STATUS(try_pin(left, RIGHT), counted ? SATCHEL_KEY_GONE : SATCHEL_OK);
            erased += counted ? 1 : 0;
            test_disk_free(left);
        }
        test_disk_free(tried);
    }
    CHECK(erased > 8);
    test_disk_free(disk);
}

TEST(attempts, the_erasure_reaches_both_copies_at_once) {
    test_disk *disk = disk_after(2);
    const satchel_vault_files *files = test_disk_files(disk);
    CHECK_STATUS(try_pin(disk, WRONG), SATCHEL_KEY_GONE);
    for (int copy = 0; copy < 2; copy++) {
        satchel_buffer bytes = {0};
        REQUIRE_OK(files->read(files->context, copy == 0 ? "/vault/keys.a" : "/vault/keys.b", 1024, &bytes));
        for (size_t at = 64; at < 736; at++) { /* slots and MAC */
            CHECK_UINT(bytes.data[at], 0);
        }
        satchel_buffer_deinit(&bytes);
    }
    test_disk_free(disk);
}

/* ---- disks that take nothing more ---- */

/* Full as long as the reserve is there, and for the first `refusals` writes after it. */
typedef struct full_disk {
    char reserve[TEST_PATH_BYTES];
    int refusals;
    int writes_until_full;
} full_disk;

static satchel_status write_unless_full(void *context, const char *path, satchel_bytes content) {
    const satchel_vault_files *posix = satchel_vault_files_posix();
    full_disk *disk = context;
    uint64_t bytes = 0;
    if (disk->writes_until_full > 0) {
        disk->writes_until_full--;
        return posix->write(posix->context, path, content);
    }
    if (posix->size(posix->context, disk->reserve, &bytes) == SATCHEL_OK) {
        return SATCHEL_DISK_FULL;
    }
    disk->refusals--;
    return disk->refusals >= 0 ? SATCHEL_DISK_FULL : posix->write(posix->context, path, content);
}

static satchel_vault_files files_of(full_disk *disk, const vault_fixture *fixture) {
    satchel_vault_files files = *satchel_vault_files_posix(); /* the other verbs look at no context */
    (void)test_temp_path(&fixture->temp, SATCHEL_RESERVE_NAME, disk->reserve);
    files.context = disk;
    files.write = write_unless_full;
    return files;
}

static void create_with_pin(vault_fixture *fixture) {
    fixture_init(fixture);
    fixture_use_pin(fixture, RIGHT);
    fixture_create(fixture);
    fixture_close(fixture);
}

TEST(attempts, the_reserve_lets_the_owner_in_on_a_full_disk) {
    full_disk disk = {.refusals = 0};
    vault_fixture fixture;
    create_with_pin(&fixture);
    satchel_vault_files files = files_of(&disk, &fixture);
    REQUIRE_OK(satchel_reserve_keep(satchel_vault_files_posix(), fixture.temp.path, satchel_random_system()));
    fixture.config.files = &files;
    fixture_use_pin(&fixture, WRONG);
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_WRONG_PIN); /* and is counted */
    CHECK(!file_exists(&fixture, SATCHEL_RESERVE_NAME));
    fixture_use_pin(&fixture, RIGHT);
    fixture_open(&fixture);
    fixture_close(&fixture);
    disk.refusals = 1; /* no reserve is left */
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_DISK_FULL);
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_OK);
    fixture_deinit(&fixture);
}

static uint32_t count_in(const vault_fixture *fixture) {
    satchel_keyring keyring;
    REQUIRE_OK(satchel_keyring_load(&keyring, satchel_vault_files_posix(), fixture->temp.path, NULL));
    return keyring.file.attempts.wrong;
}

TEST(attempts, a_count_that_cannot_be_set_back_keeps_nobody_out_and_is_owed) {
    full_disk disk = {.refusals = 1, .writes_until_full = 1};
    vault_fixture fixture;
    create_with_pin(&fixture);
    satchel_vault_files files = files_of(&disk, &fixture);
    fixture.config.files = &files;
    fixture_open(&fixture); /* the try is counted, its end is not */
    CHECK_UINT(count_in(&fixture), 1);
    CHECK_UINT(satchel_vault_stats_of(fixture.vault).wrong_pins, 0);
    REQUIRE_OK(satchel_vault_lock(fixture.vault, NULL));
    CHECK_UINT(count_in(&fixture), 0);
    CHECK_OK(satchel_vault_unlock_again(fixture.vault, &fixture.config.unlock, NULL));
    fixture_deinit(&fixture);
}

/* ---- other slots ---- */

TEST(attempts, regress_a_new_device_slot_does_not_set_the_count_back) {
    vault_fixture fixture;
    uint8_t public_key[32] = {9};
    create_with_pin(&fixture);
    satchel_vault_unlock device = {.slot = SATCHEL_VAULT_SLOT_DEVICE, .keystore = fixture.config.unlock.keystore};
    fixture_open(&fixture);
    REQUIRE_OK(satchel_vault_slot_add(fixture.vault, &device, NULL));
    fixture_close(&fixture);
    fixture_use_pin(&fixture, WRONG);
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_WRONG_PIN);
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_WRONG_PIN);
    fixture.config.unlock.slot = SATCHEL_VAULT_SLOT_DEVICE;
    fixture_open(&fixture);
    REQUIRE_OK(satchel_vault_slot_add(fixture.vault, &device, NULL));
    CHECK_UINT(satchel_vault_stats_of(fixture.vault).wrong_pins, 2);
    REQUIRE_OK(satchel_vault_escrow_put(fixture.vault, public_key, NULL));
    CHECK_UINT(satchel_vault_stats_of(fixture.vault).wrong_pins, 2);
    fixture_close(&fixture);
    CHECK_UINT(count_in(&fixture), 2);
    fixture_use_pin(&fixture, RIGHT);
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_OK);
    CHECK_UINT(count_in(&fixture), 0);
    fixture_deinit(&fixture);
}

/* ---- the keystore's failures ---- */

static const satchel_status keystore_failures[] = {SATCHEL_KEY_UNAVAILABLE, SATCHEL_KEY_GONE, SATCHEL_RANDOM_FAILED,
                                                   SATCHEL_NO_MEMORY, SATCHEL_INTERNAL};
#define KEYSTORE_FAILURES (sizeof keystore_failures / sizeof keystore_failures[0])

/* A closed store with both slots of the phone. */
static void create_with_both(vault_fixture *fixture) {
    create_with_pin(fixture);
    satchel_vault_unlock device = {.slot = SATCHEL_VAULT_SLOT_DEVICE, .keystore = fixture->config.unlock.keystore};
    fixture_open(fixture);
    REQUIRE_OK(satchel_vault_slot_add(fixture->vault, &device, NULL));
    fixture_close(fixture);
}

TEST(keystore, its_failures_are_told_apart_by_each_call_that_opens) {
    static const satchel_vault_slot slots[] = {SATCHEL_VAULT_SLOT_DEVICE, SATCHEL_VAULT_SLOT_PIN_DEVICE};
    vault_fixture fixture;
    create_with_both(&fixture);
    for (size_t index = 0; index < 2 * KEYSTORE_FAILURES; index++) {
        satchel_status failure = keystore_failures[index / 2];
        fixture.config.unlock.slot = slots[index % 2];
        fixture.keystore.status = failure;
        CHECK_STATUS(fixture_try_open(&fixture), failure);
        fixture.keystore.status = SATCHEL_OK;
        fixture_open(&fixture);
        fixture.keystore.status = failure;
        CHECK_STATUS(satchel_vault_check(fixture.vault, &fixture.config.unlock, NULL), failure);
        REQUIRE_OK(satchel_vault_lock(fixture.vault, NULL));
        CHECK_STATUS(satchel_vault_unlock_again(fixture.vault, &fixture.config.unlock, NULL), failure);
        CHECK(satchel_vault_database(fixture.vault) == NULL);
        fixture.keystore.status = SATCHEL_OK;
        CHECK_OK(satchel_vault_unlock_again(fixture.vault, &fixture.config.unlock, NULL));
        fixture_close(&fixture);
        CHECK_UINT(count_in(&fixture), 0); /* no try of a PIN */
    }
    fixture_deinit(&fixture);
}

TEST(keystore, its_failures_are_told_apart_by_each_call_that_makes_slots) {
    vault_fixture fixture;
    create_with_both(&fixture);
    fixture_open(&fixture);
    const satchel_vault_unlock *same = &fixture.config.unlock;
    for (size_t index = 0; index < KEYSTORE_FAILURES; index++) {
        vault_fixture other;
        satchel_status failure = keystore_failures[index];
        fixture_init(&other);
        other.keystore.status = failure;
        CHECK_STATUS(satchel_vault_create(&other.vault, &other.config, NULL), failure);
        CHECK(!file_exists(&other, "store.db"));
        fixture.keystore.status = failure;
        CHECK_STATUS(satchel_vault_rewrap(fixture.vault, same, NULL), failure);
        CHECK_STATUS(satchel_vault_slot_add(fixture.vault, same, NULL), failure);
        CHECK_STATUS(satchel_vault_rekey(fixture.vault, same, 1, NULL), failure);
        fixture.keystore.status = SATCHEL_OK;
        CHECK_OK(satchel_vault_check(fixture.vault, same, NULL));
        fixture_deinit(&other);
    }
    fixture_deinit(&fixture);
}

TEST(keystore, another_secret_is_a_lost_key_for_each_slot_and_no_wrong_pin) {
    vault_fixture fixture;
    create_with_both(&fixture);
    fixture.keystore.byte = 8;
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_KEY_GONE);
    fixture.config.unlock.slot = SATCHEL_VAULT_SLOT_DEVICE;
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_KEY_GONE);
    CHECK_UINT(count_in(&fixture), 0);
    fixture.keystore.byte = 7;
    fixture_open(&fixture);
    fixture.keystore.byte = 8; /* a device slot of another keystore would leave the PIN's count without its key */
    CHECK_STATUS(satchel_vault_slot_add(fixture.vault, &fixture.config.unlock, NULL), SATCHEL_KEY_GONE);
    REQUIRE_OK(satchel_vault_rewrap(fixture.vault, &fixture.config.unlock, NULL)); /* alone it is a new beginning */
    fixture_close(&fixture);
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_OK);
    fixture.keystore.byte = 7;
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_KEY_GONE);
    fixture_deinit(&fixture);
}
