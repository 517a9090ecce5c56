/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The company's recovery key: what it opens, what it outlives, and who cannot use it.
 */
#include "base/bytes.h"
#include "base/memory.h"
#include "crypto/hash.h"
#include "crypto/seal.h"
#include "fixture.h"

#include <string.h>

static const uint8_t seed[32] = {42, 7};
static const uint8_t other_seed[32] = {42, 8};

static satchel_vault_unlock recovery_with(const uint8_t *with_seed) {
    return (satchel_vault_unlock){.slot = SATCHEL_VAULT_SLOT_ESCROW, .recovery = with_seed};
}

/* A closed store with a PIN and an escrow slot. */
static void create_with_escrow(vault_fixture *fixture) {
    uint8_t public_key[32];
    fixture_init(fixture);
    fixture_use_pin(fixture, "135790");
    satchel_box_public(seed, public_key);
    fixture->config.escrow_public = public_key;
    fixture_create(fixture);
    CHECK(satchel_vault_stats_of(fixture->vault).escrow);
    fill_rows(fixture->vault, 2);
    fixture_close(fixture);
    fixture->config.escrow_public = NULL;
}

static satchel_status try_recovery(vault_fixture *fixture, const uint8_t *with_seed) {
    satchel_vault_unlock before = fixture->config.unlock;
    fixture->config.unlock = recovery_with(with_seed);
    satchel_status status = fixture_try_open(fixture);
    fixture->config.unlock = before;
    return status;
}

TEST(escrow, the_recovery_key_opens_the_store_without_pin_and_keystore) {
    vault_fixture fixture;
    create_with_escrow(&fixture);
    fixture.keystore.status = SATCHEL_KEY_GONE;
    fixture.config.unlock = recovery_with(seed);
    fixture_open(&fixture);
    CHECK_INT(number_of(fixture.vault, "SELECT count(*) FROM t"), 2);
    fixture_deinit(&fixture);
}

TEST(escrow, another_recovery_key_is_told_from_a_missing_slot) {
    vault_fixture fixture;
    create_with_escrow(&fixture);
    CHECK_STATUS(try_recovery(&fixture, other_seed), SATCHEL_UNAUTHENTICATED);
    CHECK(strstr(fixture.error.detail, "another recovery key") != NULL);
    CHECK_STATUS(try_recovery(&fixture, NULL), SATCHEL_INVALID_ARGUMENT);
    fixture_open(&fixture);
    REQUIRE_OK(satchel_vault_escrow_put(fixture.vault, NULL, NULL));
    CHECK(!satchel_vault_stats_of(fixture.vault).escrow);
    fixture_close(&fixture);
    CHECK_STATUS(try_recovery(&fixture, seed), SATCHEL_UNSUPPORTED);
    fixture_deinit(&fixture);
}

TEST(escrow, counts_no_tries_and_waits_for_no_delay) {
    vault_fixture fixture;
    create_with_escrow(&fixture);
    fixture_use_pin(&fixture, "0");
    for (int wrong = 0; wrong < 3; wrong++) {
        CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_WRONG_PIN);
    }
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_PIN_DELAYED);
    for (int tried = 0; tried < 20; tried++) {
        CHECK_STATUS(try_recovery(&fixture, other_seed), SATCHEL_UNAUTHENTICATED);
    }
    fixture.config.unlock = recovery_with(seed);
    fixture_open(&fixture);
    CHECK_UINT(satchel_vault_stats_of(fixture.vault).wrong_pins, 3); /* and takes none back */
    fixture_deinit(&fixture);
}

TEST(escrow, outlives_the_erasure_after_wrong_pins_and_makes_a_new_pin) {
    vault_fixture fixture;
    create_with_escrow(&fixture);
    fixture.config.wrong_pins_max = 2;
    fixture_use_pin(&fixture, "0");
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_WRONG_PIN);
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_KEY_GONE);
    fixture_use_pin(&fixture, "135790");
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_KEY_GONE);
    satchel_vault_unlock next = fixture.config.unlock;
    next.pin = satchel_text_of("2468");
    fixture.config.unlock = recovery_with(seed);
    fixture_open(&fixture);
    REQUIRE_OK(satchel_vault_rewrap(fixture.vault, &next, NULL));
    fixture_close(&fixture);
    fixture.config.unlock = next;
    fixture_open(&fixture);
    CHECK_INT(number_of(fixture.vault, "SELECT count(*) FROM t"), 2);
    CHECK_UINT(satchel_vault_stats_of(fixture.vault).wrong_pins, 0);
    fixture_close(&fixture);
    CHECK_STATUS(try_recovery(&fixture, seed), SATCHEL_OK); /* a change of PIN leaves it, too */
    fixture_deinit(&fixture);
}

TEST(escrow, can_be_added_and_replaced_later) {
    vault_fixture fixture;
    uint8_t public_key[32];
    fixture_init(&fixture);
    fixture_create(&fixture);
    satchel_box_public(other_seed, public_key);
    REQUIRE_OK(satchel_vault_escrow_put(fixture.vault, public_key, NULL));
    satchel_box_public(seed, public_key);
    REQUIRE_OK(satchel_vault_escrow_put(fixture.vault, public_key, NULL));
    uint8_t none[32] = {0};
    CHECK_STATUS(satchel_vault_escrow_put(fixture.vault, none, NULL), SATCHEL_INVALID_ARGUMENT);
    REQUIRE_OK(satchel_vault_lock(fixture.vault, NULL));
    CHECK_STATUS(satchel_vault_escrow_put(fixture.vault, public_key, NULL), SATCHEL_LOCKED);
    fixture_close(&fixture);
    CHECK_STATUS(try_recovery(&fixture, other_seed), SATCHEL_UNAUTHENTICATED);
    CHECK_STATUS(try_recovery(&fixture, seed), SATCHEL_OK);
    file_remove(&fixture, "keys.a"); /* it is in both copies */
    CHECK_STATUS(try_recovery(&fixture, seed), SATCHEL_OK);
    fixture_deinit(&fixture);
}

/* Every bit of the slot, with a checksum that fits, in both copies. */
TEST(escrow, a_forged_slot_does_not_open) {
    size_t slot_at = 0;
    vault_fixture fixture;
    create_with_escrow(&fixture);
    satchel_buffer good = file_bytes(&fixture, "keys.a");
    for (size_t at = 64; at < 704; at += 160) {
        slot_at = satchel_get_u32be(good.data + at) == SATCHEL_VAULT_SLOT_ESCROW ? at : slot_at;
    }
    REQUIRE(slot_at != 0);
    for (size_t bit = 8 * slot_at + 32; bit < 8 * (slot_at + 160); bit += 7) {
        good.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        satchel_hash_of(satchel_bytes_of(good.data, 992), good.data + 992);
        file_write(&fixture, "keys.a", satchel_buffer_view(&good));
        file_write(&fixture, "keys.b", satchel_buffer_view(&good));
        satchel_status status = try_recovery(&fixture, seed);
        test_note("bit %zu: %s", bit - 8 * slot_at, satchel_status_name(status));
        CHECK(status == SATCHEL_UNAUTHENTICATED || status == SATCHEL_DAMAGED);
        good.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    satchel_buffer_deinit(&good);
    fixture_deinit(&fixture);
}

/* Puts nonsense into the escrow slot of both copies; with `no_mac` the file claims to have been erased. */
static void exchange_slot(const vault_fixture *fixture, bool no_mac) {
    satchel_buffer keys = file_bytes(fixture, "keys.a");
    for (size_t at = 64; at < 704; at += 160) {
        if (satchel_get_u32be(keys.data + at) == SATCHEL_VAULT_SLOT_ESCROW) {
            memset(keys.data + at + 16, 0x55, 112);
        }
    }
    if (no_mac) {
        memset(keys.data + 704, 0, 32);
    }
    satchel_hash_of(satchel_bytes_of(keys.data, 992), keys.data + 992);
    file_write(fixture, "keys.a", satchel_buffer_view(&keys));
    file_write(fixture, "keys.b", satchel_buffer_view(&keys));
    satchel_buffer_deinit(&keys);
}

/* The slot that unlocks is whole, another one was exchanged: the MAC over all shows it. */
TEST(escrow, an_exchanged_slot_is_seen_by_who_opens_another) {
    for (int no_mac = 0; no_mac < 2; no_mac++) {
        vault_fixture fixture;
        create_with_escrow(&fixture);
        exchange_slot(&fixture, no_mac != 0);
        CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_DAMAGED);
        fixture_deinit(&fixture);
    }
}

TEST(escrow, a_slot_that_cannot_be_made_changes_nothing) {
    satchel_random_seeded state;
    vault_fixture fixture;
    uint8_t public_key[32];
    fixture_init(&fixture);
    fixture.config.random = satchel_random_from_seed(&state, 3);
    fixture_create(&fixture);
    satchel_box_public(seed, public_key);
    state.limited = true;
    state.fails_after = 0;
    CHECK_STATUS(satchel_vault_escrow_put(fixture.vault, public_key, NULL), SATCHEL_RANDOM_FAILED);
    state.limited = false;
    satchel_memory_fail_at(1, 1);
    satchel_status status = satchel_vault_escrow_put(fixture.vault, public_key, NULL);
    satchel_memory_fail_at(0, 0);
    CHECK_STATUS(status, SATCHEL_NO_MEMORY);
    CHECK(!satchel_vault_stats_of(fixture.vault).escrow);
    CHECK_OK(satchel_vault_check(fixture.vault, &fixture.config.unlock, NULL));
    CHECK_OK(satchel_vault_escrow_put(fixture.vault, public_key, NULL));
    fixture_deinit(&fixture);
}
