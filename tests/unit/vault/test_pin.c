/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PINs: the count of wrong ones, delays, erasure, change, and attacks on the key file.
 */
#include "fixture.h"

#include "base/bytes.h"
#include "crypto/hash.h"
#include "vault/attempts.h"

#include <string.h>

static void create_with_pin(vault_fixture *fixture, const char *pin) {
    fixture_init(fixture);
    fixture_use_pin(fixture, pin);
    fixture_create(fixture);
    fill_rows(fixture->vault, 2);
    fixture_close(fixture);
}

/* The phone has been on for a day since the last try. */
static void let_a_day_pass(vault_fixture *fixture) {
    fixture->config.unlock.now.monotonic_ms += INT64_C(86400000);
}

static satchel_status try_pin(vault_fixture *fixture, const char *pin) {
    fixture_use_pin(fixture, pin);
    return fixture_try_open(fixture);
}

TEST(pin, opens_with_the_right_one_only) {
    vault_fixture fixture;
    create_with_pin(&fixture, "135790");
    CHECK_STATUS(try_pin(&fixture, "135791"), SATCHEL_WRONG_PIN);
    CHECK_STATUS(try_pin(&fixture, ""), SATCHEL_INVALID_ARGUMENT);
    fixture_use_pin(&fixture, "135790");
    fixture_open(&fixture);
    CHECK_INT(number_of(fixture.vault, "SELECT count(*) FROM t"), 2);
    CHECK_UINT(satchel_vault_stats_of(fixture.vault).wrong_pins, 0);
    CHECK(!satchel_vault_stats_of(fixture.vault).pin_alone);
    fixture_deinit(&fixture);
}

TEST(pin, has_1_to_256_bytes) {
    char pin[SATCHEL_VAULT_PIN_BYTES_MAX + 2];
    vault_fixture fixture;
    memset(pin, '5', sizeof pin);
    pin[SATCHEL_VAULT_PIN_BYTES_MAX + 1] = '\0';
    fixture_init(&fixture);
    fixture_use_pin(&fixture, pin);
    CHECK_STATUS(satchel_vault_create(&fixture.vault, &fixture.config, NULL), SATCHEL_INVALID_ARGUMENT);
    pin[SATCHEL_VAULT_PIN_BYTES_MAX] = '\0';
    fixture_use_pin(&fixture, pin);
    CHECK_OK(satchel_vault_create(&fixture.vault, &fixture.config, NULL));
    fixture_deinit(&fixture);
}

TEST(pin, without_the_keystores_secret_is_not_enough) {
    vault_fixture fixture;
    create_with_pin(&fixture, "135790");
    fixture.keystore.byte = 8;
    CHECK_STATUS(try_pin(&fixture, "135790"), SATCHEL_KEY_GONE);
    fixture.keystore = (fake_keystore){SATCHEL_KEY_UNAVAILABLE, 7};
    CHECK_STATUS(try_pin(&fixture, "135790"), SATCHEL_KEY_UNAVAILABLE);
    fixture.keystore.status = SATCHEL_OK;
    CHECK_STATUS(try_pin(&fixture, "135790"), SATCHEL_OK); /* neither counted as a wrong PIN */
    fixture_deinit(&fixture);
}

TEST(pin, wrong_ones_are_counted_across_restarts_and_delayed) {
    vault_fixture fixture;
    int64_t wait_ms = 0;
    create_with_pin(&fixture, "135790");
    for (int wrong = 0; wrong < 3; wrong++) {
        CHECK_STATUS(try_pin(&fixture, "0"), SATCHEL_WRONG_PIN);
    }
    CHECK_STATUS(try_pin(&fixture, "135790"), SATCHEL_PIN_DELAYED); /* the right one waits too */
    REQUIRE_OK(satchel_vault_pin_wait_ms(&fixture.config, &wait_ms, NULL));
    CHECK_INT(wait_ms, 30000);
    fixture.config.unlock.now.monotonic_ms += 29999;
    CHECK_STATUS(try_pin(&fixture, "135790"), SATCHEL_PIN_DELAYED);
    fixture.config.unlock.now.monotonic_ms += 1;
    REQUIRE_OK(satchel_vault_pin_wait_ms(&fixture.config, &wait_ms, NULL));
    CHECK_INT(wait_ms, 0);
    CHECK_STATUS(try_pin(&fixture, "135790"), SATCHEL_OK);
    CHECK_STATUS(try_pin(&fixture, "0"), SATCHEL_WRONG_PIN); /* counted anew */
    CHECK_STATUS(try_pin(&fixture, "135790"), SATCHEL_OK);
    fixture_deinit(&fixture);
}

TEST(pin, a_restart_or_another_wall_clock_does_not_shorten_the_delay) {
    vault_fixture fixture;
    create_with_pin(&fixture, "135790");
    for (int wrong = 0; wrong < 3; wrong++) {
        CHECK_STATUS(try_pin(&fixture, "0"), SATCHEL_WRONG_PIN);
    }
    fixture.config.unlock.now = (satchel_moment){.boot = 2, .monotonic_ms = 29999, .wall_ms = INT64_MAX};
    CHECK_STATUS(try_pin(&fixture, "135790"), SATCHEL_PIN_DELAYED);
    fixture.config.unlock.now.monotonic_ms = 30000;
    CHECK_STATUS(try_pin(&fixture, "135790"), SATCHEL_OK);
    fixture_deinit(&fixture);
}

TEST(pin, too_many_wrong_ones_erase_the_slots) {
    vault_fixture fixture;
    create_with_pin(&fixture, "135790");
    for (int wrong = 1; wrong < SATCHEL_VAULT_WRONG_PINS_MAX; wrong++) {
        let_a_day_pass(&fixture);
        CHECK_STATUS(try_pin(&fixture, "0"), SATCHEL_WRONG_PIN);
    }
    let_a_day_pass(&fixture);
    CHECK_STATUS(try_pin(&fixture, "0"), SATCHEL_KEY_GONE);
    let_a_day_pass(&fixture);
    CHECK_STATUS(try_pin(&fixture, "135790"), SATCHEL_KEY_GONE);
    for (int copy = 0; copy < 2; copy++) { /* no copy keeps a wrapped key */
        satchel_buffer bytes = file_bytes(&fixture, copy == 0 ? "keys.a" : "keys.b");
        for (size_t at = 64; at < 704; at++) {
            CHECK_UINT(bytes.data[at], 0);
        }
        satchel_buffer_deinit(&bytes);
    }
    fixture_deinit(&fixture);
}

TEST(pin, the_last_try_may_be_right) {
    vault_fixture fixture;
    create_with_pin(&fixture, "135790");
    fixture.config.wrong_pins_max = 3;
    CHECK_STATUS(try_pin(&fixture, "0"), SATCHEL_WRONG_PIN);
    CHECK_STATUS(try_pin(&fixture, "0"), SATCHEL_WRONG_PIN);
    CHECK_STATUS(try_pin(&fixture, "135790"), SATCHEL_OK);
    CHECK_STATUS(try_pin(&fixture, "0"), SATCHEL_WRONG_PIN);
    CHECK_STATUS(try_pin(&fixture, "0"), SATCHEL_WRONG_PIN);
    CHECK_STATUS(try_pin(&fixture, "0"), SATCHEL_KEY_GONE);
    fixture_deinit(&fixture);
}

/* A disk that takes no more writes. */
static satchel_status full_disk(void *context, const char *path, satchel_bytes content) {
    (void)context;
    (void)path;
    (void)content;
    return SATCHEL_DISK_FULL;
}

TEST(pin, is_not_looked_at_before_the_try_is_counted) {
    vault_fixture fixture;
    satchel_vault_files files = *satchel_vault_files_posix();
    create_with_pin(&fixture, "135790");
    files.write = full_disk;
    fixture.config.files = &files;
    CHECK_STATUS(try_pin(&fixture, "135790"), SATCHEL_DISK_FULL);
    CHECK_STATUS(try_pin(&fixture, "0"), SATCHEL_DISK_FULL);
    fixture.config.files = NULL;
    CHECK_STATUS(try_pin(&fixture, "135790"), SATCHEL_OK);
    fixture_deinit(&fixture);
}

TEST(pin, changing_it_rewraps_the_key_file_and_leaves_the_store) {
    vault_fixture fixture;
    create_with_pin(&fixture, "135790");
    satchel_buffer before = file_bytes(&fixture, "store.db");
    satchel_vault_unlock next = fixture.config.unlock;
    next.pin = satchel_text_of("2468");
    fixture_open(&fixture);
    REQUIRE_OK(satchel_vault_rewrap(fixture.vault, &next, NULL));
    fixture_close(&fixture);
    satchel_buffer after = file_bytes(&fixture, "store.db");
    CHECK(satchel_bytes_equal(satchel_buffer_view(&before), satchel_buffer_view(&after)));
    CHECK_STATUS(try_pin(&fixture, "135790"), SATCHEL_WRONG_PIN);
    CHECK_STATUS(try_pin(&fixture, "2468"), SATCHEL_OK);
    file_remove(&fixture, "keys.a"); /* the other copy has the new PIN as well */
    CHECK_STATUS(try_pin(&fixture, "135790"), SATCHEL_WRONG_PIN);
    CHECK_STATUS(try_pin(&fixture, "2468"), SATCHEL_OK);
    satchel_buffer_deinit(&before);
    satchel_buffer_deinit(&after);
    fixture_deinit(&fixture);
}

TEST(pin, a_device_slot_beside_it_opens_without_it) {
    vault_fixture fixture;
    satchel_vault_unlock device = {.slot = SATCHEL_VAULT_SLOT_DEVICE};
    create_with_pin(&fixture, "135790");
    fixture.config.unlock.slot = SATCHEL_VAULT_SLOT_DEVICE;
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_UNSUPPORTED);
    fixture_use_pin(&fixture, "135790");
    fixture_open(&fixture);
    device.keystore = fixture_keystore(&fixture.keystore);
    REQUIRE_OK(satchel_vault_slot_add(fixture.vault, &device, NULL));
    fixture_close(&fixture);
    CHECK_STATUS(try_pin(&fixture, "0"), SATCHEL_WRONG_PIN);
    CHECK_STATUS(try_pin(&fixture, "135790"), SATCHEL_OK);
    fixture.config.unlock.slot = SATCHEL_VAULT_SLOT_DEVICE;
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_OK);
    fixture_deinit(&fixture);
}

TEST(pin, may_stand_without_a_keystore) {
    vault_fixture fixture;
    satchel_vault_unlock device = {.slot = SATCHEL_VAULT_SLOT_DEVICE};
    fixture_init(&fixture);
    fixture.config.unlock.keystore.secret = NULL;
    fixture_use_pin(&fixture, "135790");
    fixture_create(&fixture);
    CHECK(satchel_vault_stats_of(fixture.vault).pin_alone); /* and that is told */
    device.keystore = fixture_keystore(&fixture.keystore);
    REQUIRE_OK(satchel_vault_slot_add(fixture.vault, &device, NULL)); /* the PIN's count stays free of the keystore */
    CHECK_STATUS(
        satchel_vault_slot_add(fixture.vault, &(satchel_vault_unlock){.slot = SATCHEL_VAULT_SLOT_DEVICE}, NULL),
        SATCHEL_INVALID_ARGUMENT);
    fixture_close(&fixture);
    CHECK_STATUS(try_pin(&fixture, "0"), SATCHEL_WRONG_PIN);
    CHECK_STATUS(try_pin(&fixture, "135790"), SATCHEL_OK);
    fixture_deinit(&fixture);
}

/* Flips one bit in a copy of the key file; with `forge` its checksum is made to fit again. */
static void flip(const vault_fixture *fixture, const char *name, size_t bit, bool forge) {
    satchel_buffer bytes = file_bytes(fixture, name);
    bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    if (forge) {
        satchel_hash_of(satchel_bytes_of(bytes.data, 992), bytes.data + 992);
    }
    file_write(fixture, name, satchel_buffer_view(&bytes));
    satchel_buffer_deinit(&bytes);
}

TEST(key_file_attack, one_damaged_copy_is_healed) {
    for (size_t bit = 0; bit < 8192; bit += 97) {
        vault_fixture fixture;
        fixture_init(&fixture);
        fixture_create(&fixture);
        fixture_close(&fixture);
        flip(&fixture, bit % 2 == 0 ? "keys.a" : "keys.b", bit, false);
        fixture_open(&fixture);
        CHECK(satchel_vault_stats_of(fixture.vault).key_file_healed);
        fixture_close(&fixture);
        satchel_buffer a = file_bytes(&fixture, "keys.a"), b = file_bytes(&fixture, "keys.b");
        CHECK(satchel_bytes_equal(satchel_buffer_view(&a), satchel_buffer_view(&b)));
        satchel_buffer_deinit(&a);
        satchel_buffer_deinit(&b);
        fixture_deinit(&fixture);
    }
}

TEST(key_file_attack, two_damaged_copies_are_damage) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    fixture_close(&fixture);
    flip(&fixture, "keys.a", 1000, false);
    flip(&fixture, "keys.b", 2000, false);
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_DAMAGED);
    fixture_deinit(&fixture);
}

/* The checksum is made to fit; the MAC, the wrapped key's tag and the strict form remain. */
TEST(key_file_attack, forged_copies_do_not_open) {
    for (size_t bit = 0; bit < 8 * 736; bit += 61) {
        vault_fixture fixture;
        fixture_init(&fixture);
        fixture_create(&fixture);
        fixture_close(&fixture);
        flip(&fixture, "keys.a", bit, true);
        flip(&fixture, "keys.b", bit, true);
        test_note("bit %zu", bit);
        satchel_status status = fixture_try_open(&fixture);
        CHECK(status == SATCHEL_DAMAGED || status == SATCHEL_KEY_GONE || status == SATCHEL_FOREIGN_FILE ||
              status == SATCHEL_NEWER_FORMAT);
        fixture_deinit(&fixture);
    }
}

TEST(key_file_attack, a_forged_count_of_wrong_pins_is_seen) {
    vault_fixture fixture;
    create_with_pin(&fixture, "135790");
    CHECK_STATUS(try_pin(&fixture, "0"), SATCHEL_WRONG_PIN);
    for (int copy = 0; copy < 2; copy++) {
        satchel_buffer bytes = file_bytes(&fixture, copy == 0 ? "keys.a" : "keys.b");
        satchel_put_u32be(bytes.data + 744, 0);
        satchel_put_u64be(bytes.data + 736, 99);
        satchel_hash_of(satchel_bytes_of(bytes.data, 992), bytes.data + 992);
        file_write(&fixture, copy == 0 ? "keys.a" : "keys.b", satchel_buffer_view(&bytes));
        satchel_buffer_deinit(&bytes);
    }
    CHECK_STATUS(try_pin(&fixture, "135790"), SATCHEL_DAMAGED);
    fixture_deinit(&fixture);
}

TEST(key_file_attack, a_newer_version_is_named) {
    vault_fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture);
    fixture_close(&fixture);
    satchel_buffer bytes = file_bytes(&fixture, "keys.b");
    satchel_put_u32be(bytes.data + 8, 2);
    satchel_hash_of(satchel_bytes_of(bytes.data, 992), bytes.data + 992);
    file_write(&fixture, "keys.b", satchel_buffer_view(&bytes)); /* a newer app began to write */
    satchel_buffer_deinit(&bytes);
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_NEWER_FORMAT);
    fixture_deinit(&fixture);
}
