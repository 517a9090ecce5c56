/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the company asks of a store, and the keystore's own ways to fail, at each call that needs it.
 */
#include <satchel/repair.h>

#include "unit/device/fixture.h"

#include "crypto/seal.h"
#include "vault/key_file.h"
#include "vault/vault.h"

#include <stdio.h>
#include <string.h>

TEST(settings, an_enrolment_with_a_recovery_key_escrows_the_store) {
    phone p;
    uint8_t seed[32];
    satchel_vault_config config;
    satchel_vault *vault;
    phone_init(&p, 601);
    memset(seed, 9, sizeof seed);
    phone_create(&p);
    satchel_box_public(seed, p.server.recovery_key);
    CHECK(!phone_info(&p).escrowed);
    phone_enroll(&p);
    CHECK(phone_info(&p).escrowed);
    phone_close(&p);
    phone_open(&p);
    CHECK(phone_info(&p).escrowed);
    phone_close(&p);
    satchel_vault_config_init(&config);
    config.folder = p.folder;
    config.unlock.slot = SATCHEL_VAULT_SLOT_ESCROW;
    config.unlock.recovery = seed;
    CHECK_OK(satchel_vault_open(&vault, &config, &p.error));
    satchel_vault_close(vault);
    phone_deinit(&p);
}

TEST(settings, without_a_recovery_key_there_is_no_escrow) {
    phone p;
    phone_ready(&p, 602);
    CHECK(!phone_info(&p).escrowed);
    CHECK(!phone_info(&p).pin_required);
    phone_deinit(&p);
}

TEST(settings, a_company_that_requires_a_pin_syncs_nothing_before_there_is_one) {
    phone p;
    phone_init(&p, 603);
    phone_create(&p);
    p.server.policy = SATCHEL_POLICY_PIN_REQUIRED;
    phone_enroll(&p);
    CHECK(phone_info(&p).pin_required);
    fake_server_stock(&p.server, "Huaning Market");
    CHECK_STATUS(phone_sync(&p), SATCHEL_REQUIRED_BEFORE);
    CHECK_UINT(phone_info(&p).rows, 0);
    REQUIRE_OK(satchel_device_change_pin(p.device, NULL, "2468", &p.error));
    CHECK(!phone_info(&p).pin_required);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK(phone_info(&p).rows > 0);
    CHECK_STATUS(satchel_device_change_pin(p.device, "2468", NULL, &p.error), SATCHEL_FORBIDDEN);
    phone_close(&p);
    p.config.pin = "2468";
    phone_open(&p);
    CHECK(!phone_info(&p).pin_required);
    phone_deinit(&p);
}

typedef satchel_status keyed_call(phone *p);

static satchel_status create(phone *p) {
    return satchel_device_create(&p->device, &p->config, &p->error);
}

static satchel_status open_again(phone *p) {
    return satchel_device_open(&p->device, &p->config, &p->error);
}

static satchel_status unlock(phone *p) {
    return satchel_device_unlock(p->device, NULL, &p->error);
}

static satchel_status change_pin(phone *p) {
    return satchel_device_change_pin(p->device, NULL, "2468", &p->error);
}

/* Each call passes on what the keystore says, nothing changes, and it works when the keystore does. */
TEST(settings, what_the_keystore_says_comes_through_every_call) {
    static keyed_call *const calls[] = {create, open_again, unlock, change_pin};
    static const satchel_status answers[] = {SATCHEL_KEY_UNAVAILABLE, SATCHEL_KEY_GONE};
    for (size_t i = 0; i < 4; i++) {
        phone p;
        phone_init(&p, 604);
        if (i > 0) {
            phone_create(&p);
        }
        if (i == 1) {
            phone_close(&p);
        } else if (i == 2) {
            REQUIRE_OK(satchel_device_lock(p.device, &p.error));
        }
        for (size_t k = 0; k < 2; k++) {
            test_note("call %zu, answer %zu", i, k);
            p.keystore_status = answers[k];
            CHECK_STATUS(calls[i](&p), answers[k]);
        }
        p.keystore_status = SATCHEL_OK;
        CHECK_OK(calls[i](&p));
        phone_deinit(&p);
    }
}

/* After a restore onto another phone, say: the store is whole, but its secret is not here. */
TEST(settings, another_secret_is_told_from_a_wrong_pin) {
    phone p;
    phone_init(&p, 605);
    phone_create(&p);
    phone_close(&p);
    p.keystore_byte ^= 1;
    CHECK_STATUS(satchel_device_open(&p.device, &p.config, &p.error), SATCHEL_KEY_GONE);
    p.keystore_byte ^= 1;
    phone_open(&p);
    REQUIRE_OK(satchel_device_change_pin(p.device, NULL, "2468", &p.error));
    phone_close(&p);
    p.config.pin = "2468";
    p.keystore_byte ^= 1;
    CHECK_STATUS(satchel_device_open(&p.device, &p.config, &p.error), SATCHEL_KEY_GONE);
    p.keystore_byte ^= 1;
    phone_open(&p);
    phone_deinit(&p);
}

TEST(settings, a_new_store_has_the_cipher_that_was_asked_for_and_says_so) {
    static const satchel_store_cipher asked[] = {SATCHEL_STORE_CIPHER_BEST, SATCHEL_STORE_CIPHER_XCHACHA20_POLY1305};
    for (size_t i = 0; i < 2; i++) {
        phone p;
        satchel_store_stats stats;
        phone_init(&p, 606);
        p.config.cipher = asked[i];
        phone_create(&p);
        REQUIRE_OK(satchel_device_get_stats(p.device, &stats, &p.error));
        const satchel_store_cipher best = (satchel_store_cipher)satchel_cipher_best();
        CHECK_INT(stats.cipher, i == 0 ? best : asked[i]);
        CHECK_UINT(stats.tail, 0);
        CHECK_UINT(stats.wrong_pins, 0);
        CHECK(!stats.pin_alone);
        CHECK(!stats.key_file_healed);
        phone_deinit(&p);
    }
}

TEST(settings, a_store_without_a_keystore_says_that_its_pin_stands_alone) {
    phone p;
    satchel_store_stats stats;
    phone_init(&p, 607);
    p.config.keys = (satchel_key_provider){.context = NULL};
    p.config.pin = "2468";
    phone_create(&p);
    REQUIRE_OK(satchel_device_get_stats(p.device, &stats, &p.error));
    CHECK(stats.pin_alone);
    CHECK_STATUS(satchel_device_change_pin(p.device, "1357", "9999", &p.error), SATCHEL_WRONG_PIN);
    REQUIRE_OK(satchel_device_get_stats(p.device, &stats, &p.error));
    CHECK_UINT(stats.wrong_pins, 1);
    phone_deinit(&p);
}

/* A clock that this test moves: the same work looks slow or fast, and the slot costs less or more. */
static int64_t step_ms;
static int64_t stepped_ms;

static void stepping_now(void *context, int64_t *wall_ms, int64_t *monotonic_ms,
                         uint8_t boot_tag[SATCHEL_BOOT_TAG_BYTES]) {
    (void)context;
    stepped_ms += step_ms;
    *wall_ms = FAKE_START_MS + stepped_ms;
    *monotonic_ms = stepped_ms;
    memset(boot_tag, 1, SATCHEL_BOOT_TAG_BYTES);
}

/* A phone with this clock and no word of its shell on what a PIN may cost. */
static void measuring_phone(phone *p, int64_t ms_a_look) {
    phone_init(p, 608);
    step_ms = ms_a_look;
    p->config.platform.now = stepping_now;
    p->config.argon2_memory_kib = 0;
    p->config.argon2_passes = 0;
}

/* Passes times KiB of the PIN's slot. */
static uint64_t slot_cost(const phone *p) {
    uint8_t file[1024];
    satchel_key_file read;
    REQUIRE(phone_file_read(p, "keys.a", file, sizeof file) == sizeof file);
    REQUIRE_OK(satchel_key_file_read(satchel_bytes_of(file, sizeof file), &read));
    size_t slot = satchel_key_file_find(&read, SATCHEL_VAULT_SLOT_PIN_DEVICE);
    REQUIRE(slot < SATCHEL_KEY_FILE_SLOTS);
    return (uint64_t)read.slots[slot].passes * read.slots[slot].memory_kib;
}

/* Of a store that was made with this clock. */
static uint64_t cost_of(int64_t ms_a_look) {
    phone p;
    measuring_phone(&p, ms_a_look);
    p.config.pin = "2468";
    phone_create(&p);
    phone_close(&p);
    uint64_t cost = slot_cost(&p);
    phone_deinit(&p);
    return cost;
}

/* The first PIN of a store that was made without one; and the same PIN in a file that was made anew. */
TEST(settings, regress_a_pin_that_comes_later_costs_what_the_phone_can_bear) {
    phone p;
    const uint64_t floor = (uint64_t)SATCHEL_VAULT_PASSES_FLOOR * SATCHEL_VAULT_MEMORY_KIB_FLOOR;
    measuring_phone(&p, 60000);
    phone_create(&p);
    REQUIRE_OK(satchel_device_change_pin(p.device, NULL, "2468", &p.error));
    CHECK_UINT(slot_cost(&p), floor);
    phone_close(&p);
    p.config.pin = "2468";
    REQUIRE_OK(satchel_device_rekey(&p.config, &p.error));
    CHECK_UINT(slot_cost(&p), floor);
    phone_open(&p);
    phone_deinit(&p);
}

TEST(settings, a_pin_costs_what_the_phone_can_bear) {
    uint64_t slow = cost_of(60000);
    uint64_t fast = cost_of(200);
    CHECK_UINT(slow, SATCHEL_VAULT_PASSES_FLOOR * SATCHEL_VAULT_MEMORY_KIB_FLOOR);
    CHECK(fast > slow);
}
