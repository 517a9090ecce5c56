/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a device: create, open, lock, suspend, PIN, and what it says of itself.
 */
#include <satchel/repair.h>

#include "unit/device/fixture.h"

#include <string.h>

TEST(device, a_new_store_opens_again) {
    phone p;
    phone_init(&p, 1);
    phone_create(&p);
    phone_close(&p);
    phone_open(&p);
    satchel_device_info info = phone_info(&p);
    CHECK(!info.enrolled);
    CHECK(!info.locked);
    CHECK_UINT(info.rows, 0);
    phone_deinit(&p);
}

TEST(device, create_refuses_a_folder_with_a_store) {
    phone p;
    satchel_device *second;
    phone_init(&p, 2);
    phone_create(&p);
    phone_close(&p);
    CHECK_STATUS(satchel_device_create(&second, &p.config, &p.error), SATCHEL_ALREADY_EXISTS);
    CHECK(second == NULL);
    phone_deinit(&p);
}

TEST(device, open_needs_a_store_and_a_sound_configuration) {
    phone p;
    phone_init(&p, 3);
    CHECK_STATUS(satchel_device_open(&p.device, &p.config, &p.error), SATCHEL_NOT_FOUND);
    satchel_device_config bad = p.config;
    bad.size = 8;
    CHECK_STATUS(satchel_device_create(&p.device, &bad, &p.error), SATCHEL_INVALID_ARGUMENT);
    bad = p.config;
    bad.folder = NULL;
    CHECK_STATUS(satchel_device_create(&p.device, &bad, &p.error), SATCHEL_INVALID_ARGUMENT);
    bad = p.config;
    bad.keys.secret = NULL;
    CHECK_STATUS(satchel_device_create(&p.device, &bad, &p.error), SATCHEL_INVALID_ARGUMENT);
    CHECK(p.device == NULL);
    phone_deinit(&p);
}

TEST(device, a_pin_has_its_least_and_most_length) {
    static const struct {
        size_t bytes;
        satchel_status status;
    } cases[] = {{SATCHEL_PIN_LEAST_BYTES - 1, SATCHEL_INVALID_ARGUMENT},
                 {SATCHEL_PIN_LEAST_BYTES, SATCHEL_OK},
                 {SATCHEL_PIN_MOST_BYTES, SATCHEL_OK},
                 {SATCHEL_PIN_MOST_BYTES + 1, SATCHEL_INVALID_ARGUMENT}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        phone p;
        char pin[SATCHEL_PIN_MOST_BYTES + 2] = {0};
        phone_init(&p, 4);
        memset(pin, '7', cases[i].bytes);
        p.config.pin = pin;
        test_note("%zu bytes", cases[i].bytes);
        CHECK_STATUS(satchel_device_create(&p.device, &p.config, &p.error), cases[i].status);
        phone_deinit(&p);
    }
}

TEST(device, a_second_user_of_a_store_is_told) {
    phone p;
    satchel_device *second;
    phone_init(&p, 5);
    phone_create(&p);
    CHECK_STATUS(satchel_device_open(&second, &p.config, &p.error), SATCHEL_IN_USE);
    phone_deinit(&p);
}

TEST(device, a_wrong_pin_opens_nothing) {
    phone p;
    phone_init(&p, 6);
    p.config.pin = "2468";
    phone_create(&p);
    phone_close(&p);
    p.config.pin = "1357";
    CHECK_STATUS(satchel_device_open(&p.device, &p.config, &p.error), SATCHEL_WRONG_PIN);
    CHECK(p.device == NULL);
    p.config.pin = "2468";
    p.monotonic_ms += 3600000;
    phone_open(&p);
    phone_deinit(&p);
}

TEST(device, many_wrong_pins_must_wait_and_the_detail_tells_how_long) {
    phone p;
    satchel_status status = SATCHEL_OK;
    phone_init(&p, 7);
    p.config.pin = "2468";
    phone_create(&p);
    phone_close(&p);
    p.config.pin = "1357";
    for (int i = 0; i < 9 && status != SATCHEL_PIN_DELAYED; i++) {
        status = satchel_device_open(&p.device, &p.config, &p.error);
    }
    CHECK_STATUS(status, SATCHEL_PIN_DELAYED);
    CHECK(strstr(p.error.detail, "second") != NULL);
    phone_deinit(&p);
}

TEST(device, what_the_keystore_answers_is_passed_on) {
    phone p;
    phone_init(&p, 8);
    phone_create(&p);
    phone_close(&p);
    p.keystore_status = SATCHEL_KEY_UNAVAILABLE;
    CHECK_STATUS(satchel_device_open(&p.device, &p.config, &p.error), SATCHEL_KEY_UNAVAILABLE);
    p.keystore_status = SATCHEL_KEY_GONE;
    CHECK_STATUS(satchel_device_open(&p.device, &p.config, &p.error), SATCHEL_KEY_GONE);
    p.keystore_status = SATCHEL_OK;
    phone_open(&p);
    phone_deinit(&p);
}

TEST(device, locked_it_answers_nothing_but_status) {
    phone p;
    satchel_write *write;
    satchel_exchange *exchange;
    satchel_fields *fields;
    phone_ready(&p, 9);
    REQUIRE_OK(satchel_device_lock(p.device, &p.error));
    CHECK(phone_info(&p).locked);
    CHECK_STATUS(satchel_write_begin(&write, p.device, &p.error), SATCHEL_LOCKED);
    CHECK_STATUS(satchel_exchange_open(&exchange, p.device, 0, &p.error), SATCHEL_LOCKED);
    CHECK_STATUS(satchel_fields_open(&fields, p.device, &p.error), SATCHEL_LOCKED);
    CHECK_STATUS(satchel_device_suspend(p.device, &p.error), SATCHEL_LOCKED);
    CHECK_STATUS(satchel_device_resume(p.device, &p.error), SATCHEL_LOCKED);
    CHECK_OK(satchel_device_lock(p.device, &p.error));
    REQUIRE_OK(satchel_device_unlock(p.device, NULL, &p.error));
    char name[64];
    CHECK(phone_text(&p, SATCHEL_ENTITY_CUSTOMER, &fake_customer, SATCHEL_CUSTOMER_NAME, name, sizeof name));
    CHECK_TEXT(name, "Huaning Market");
    CHECK(phone_info(&p).enrolled);
    phone_deinit(&p);
}

TEST(device, unlock_asks_for_the_pin) {
    phone p;
    phone_init(&p, 10);
    p.config.pin = "2468";
    phone_create(&p);
    REQUIRE_OK(satchel_device_lock(p.device, &p.error));
    CHECK_STATUS(satchel_device_unlock(p.device, "1357", &p.error), SATCHEL_WRONG_PIN);
    CHECK(phone_info(&p).locked);
    CHECK_STATUS(satchel_device_unlock(p.device, "12", &p.error), SATCHEL_INVALID_ARGUMENT);
    p.monotonic_ms += 3600000;
    CHECK_OK(satchel_device_unlock(p.device, "2468", &p.error));
    CHECK_STATUS(satchel_device_unlock(p.device, "1357", &p.error), SATCHEL_WRONG_PIN);
    CHECK(!phone_info(&p).locked);
    p.monotonic_ms += 3600000;
    CHECK_OK(satchel_device_unlock(p.device, "2468", &p.error));
    phone_deinit(&p);
}

TEST(device, lock_takes_the_content_of_open_writes) {
    phone p;
    satchel_write *write;
    satchel_id id = {{0}};
    phone_ready(&p, 11);
    REQUIRE_OK(satchel_write_begin(&write, p.device, &p.error));
    REQUIRE_OK(satchel_device_lock(p.device, &p.error));
    CHECK_STATUS(satchel_commit(write, NULL, &p.error), SATCHEL_LOCKED);
    REQUIRE_OK(satchel_device_unlock(p.device, NULL, &p.error));
    CHECK_STATUS(satchel_commit(write, NULL, &p.error), SATCHEL_LOCKED);
    CHECK_STATUS(satchel_write_create(write, SATCHEL_ENTITY_CUSTOMER, (satchel_bytes){NULL, 0}, &id, &p.error),
                 SATCHEL_LOCKED);
    satchel_write_abandon(write);
    phone_deinit(&p);
}

TEST(device, suspended_it_lets_another_open_the_store) {
    phone p;
    satchel_device *other;
    satchel_device_info info;
    phone_ready(&p, 12);
    REQUIRE_OK(satchel_device_suspend(p.device, &p.error));
    CHECK_STATUS(satchel_device_get_info(p.device, &info, &p.error), SATCHEL_MISUSE);
    CHECK_STATUS(satchel_device_lock(p.device, &p.error), SATCHEL_MISUSE);
    CHECK_STATUS(satchel_device_unlock(p.device, NULL, &p.error), SATCHEL_MISUSE);
    REQUIRE_OK(satchel_device_open(&other, &p.config, &p.error));
    CHECK_STATUS(satchel_device_resume(p.device, &p.error), SATCHEL_IN_USE);
    satchel_device_close(other);
    REQUIRE_OK(satchel_device_resume(p.device, &p.error));
    CHECK(phone_info(&p).enrolled);
    CHECK_OK(satchel_device_resume(p.device, &p.error));
    phone_deinit(&p);
}

TEST(device, regress_another_data_key_while_suspended_asks_to_be_unlocked) {
    phone p;
    phone_ready(&p, 120);
    REQUIRE_OK(satchel_device_suspend(p.device, &p.error));
    REQUIRE_OK(satchel_device_rekey(&p.config, &p.error));
    CHECK_STATUS(satchel_device_resume(p.device, &p.error), SATCHEL_LOCKED);
    CHECK(phone_info(&p).locked);
    REQUIRE_OK(satchel_device_unlock(p.device, NULL, &p.error));
    CHECK(phone_info(&p).enrolled);
    phone_deinit(&p);
}

TEST(device, suspended_it_can_be_closed) {
    phone p;
    phone_ready(&p, 13);
    REQUIRE_OK(satchel_device_suspend(p.device, &p.error));
    phone_close(&p);
    phone_open(&p);
    CHECK(phone_info(&p).enrolled);
    phone_deinit(&p);
}

TEST(device, a_changed_pin_is_the_only_one) {
    phone p;
    phone_init(&p, 14);
    p.config.pin = "2468";
    phone_create(&p);
    CHECK_STATUS(satchel_device_change_pin(p.device, "1357", "9999", &p.error), SATCHEL_WRONG_PIN);
    p.monotonic_ms += 3600000;
    CHECK_STATUS(satchel_device_change_pin(p.device, "2468", "99", &p.error), SATCHEL_INVALID_ARGUMENT);
    REQUIRE_OK(satchel_device_change_pin(p.device, "2468", "9999", &p.error));
    phone_close(&p);
    CHECK_STATUS(satchel_device_open(&p.device, &p.config, &p.error), SATCHEL_WRONG_PIN);
    p.monotonic_ms += 3600000;
    p.config.pin = "9999";
    phone_open(&p);
    phone_deinit(&p);
}

TEST(device, stats_count_what_was_sealed_and_refused) {
    phone p;
    satchel_store_stats stats;
    phone_ready(&p, 15);
    REQUIRE_OK(satchel_device_get_stats(p.device, &stats, &p.error));
    CHECK_UINT(stats.refused_opens, 0);
    CHECK(stats.file_bytes > 0);
    CHECK(stats.pages_sealed > 0);
    phone_deinit(&p);
}

TEST(device, a_failing_random_source_creates_nothing) {
    phone p;
    phone_init(&p, 16);
    p.random_fails = true;
    CHECK_STATUS(satchel_device_create(&p.device, &p.config, &p.error), SATCHEL_RANDOM_FAILED);
    p.random_fails = false;
    phone_create(&p);
    phone_deinit(&p);
}

TEST(device, its_own_clock_and_randomness_serve_if_none_are_given) {
    phone p;
    phone_init(&p, 17);
    p.config.platform = (satchel_platform){NULL, NULL, NULL};
    phone_create(&p);
    phone_enroll(&p);
    fake_server_stock(&p.server, "Huaning Market");
    CHECK_OK(phone_sync(&p));
    phone_rename(&p, "HN");
    phone_close(&p);
    phone_open(&p);
    CHECK_UINT(phone_info(&p).units_unsent, 1);
    phone_deinit(&p);
}

TEST(device, the_version_is_that_of_the_header) {
    CHECK_TEXT(satchel_version(), SATCHEL_VERSION_TEXT);
    CHECK_UINT(satchel_schema_version(), SATCHEL_MODEL_VERSION);
}
