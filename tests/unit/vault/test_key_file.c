/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key file's bytes, its slots and the delays after wrong PINs.
 */
#include "base/bytes.h"
#include "base/text.h"
#include "support/test.h"
#include "vault/attempts.h"
#include "vault/page.h"
#include "vault/slot.h"

#include <string.h>

static const uint8_t data_key[SATCHEL_KEY_BYTES] = {1, 2, 3};
static const uint8_t secret[SATCHEL_KEY_BYTES] = {4};
static const uint8_t other_secret[SATCHEL_KEY_BYTES] = {5};

static satchel_slot_input pin_input(const char *pin, const uint8_t *with_secret) {
    return (satchel_slot_input){SATCHEL_VAULT_SLOT_PIN_DEVICE, satchel_text_of(pin), with_secret};
}

static satchel_key_slot slot_of(const satchel_key_file *file, const satchel_slot_input *input) {
    satchel_key_slot slot;
    REQUIRE_OK(satchel_crypto_init());
    REQUIRE_OK(satchel_slot_wrap(file, input, SATCHEL_VAULT_PASSES_FLOOR, SATCHEL_VAULT_MEMORY_KIB_FLOOR,
                                 satchel_random_system(), data_key, &slot));
    return slot;
}

static satchel_key_file file_make(void) {
    satchel_key_file file = {0};
    satchel_slot_input device = {SATCHEL_VAULT_SLOT_DEVICE, {NULL, 0}, secret};
    satchel_slot_input pin = pin_input("2468", secret);
    file.cipher = SATCHEL_CIPHER_XCHACHA20_POLY1305;
    memset(file.store.bytes, 0x77, sizeof file.store.bytes);
    file.generation = 3;
    file.slots[0] = slot_of(&file, &device);
    file.slots[2] = slot_of(&file, &pin);
    file.attempts = (satchel_key_attempts){.sequence = 9, .wrong = 2, .boot = 4, .monotonic_ms = 123456};
    satchel_key_file_mac(&file, data_key, file.mac);
    satchel_key_attempts_mac(&file, secret, file.attempts.mac);
    return file;
}

TEST(key_file, what_was_written_is_read) {
    satchel_key_file file = file_make(), got;
    uint8_t bytes[SATCHEL_KEY_FILE_BYTES], again[SATCHEL_KEY_FILE_BYTES];
    satchel_key_file_write(&file, bytes);
    REQUIRE_OK(satchel_key_file_read(satchel_bytes_of(bytes, sizeof bytes), &got));
    satchel_key_file_write(&got, again);
    CHECK(memcmp(bytes, again, sizeof bytes) == 0);
    CHECK_UINT(got.generation, 3);
    CHECK_UINT(got.attempts.sequence, 9);
    CHECK_UINT(got.attempts.wrong, 2);
    CHECK_INT(got.attempts.monotonic_ms, 123456);
    CHECK_UINT(satchel_key_file_find(&got, SATCHEL_VAULT_SLOT_PIN_DEVICE), 2);
    CHECK_UINT(satchel_key_file_find(&got, SATCHEL_VAULT_SLOT_ESCROW), SATCHEL_KEY_FILE_SLOTS);
}

/* The second one would be found by no lookup and outlive the removal of the first. */
TEST(key_file, regress_two_slots_of_a_kind_are_damage) {
    satchel_key_file file = file_make(), got;
    uint8_t bytes[SATCHEL_KEY_FILE_BYTES];
    file.slots[1].kind = SATCHEL_VAULT_SLOT_ESCROW;
    satchel_key_file_write(&file, bytes);
    CHECK_OK(satchel_key_file_read(satchel_bytes_of(bytes, sizeof bytes), &got));
    file.slots[3].kind = SATCHEL_VAULT_SLOT_ESCROW;
    satchel_key_file_write(&file, bytes);
    CHECK_STATUS(satchel_key_file_read(satchel_bytes_of(bytes, sizeof bytes), &got), SATCHEL_DAMAGED);
}

TEST(key_file, every_flipped_bit_and_every_other_length_is_damage) {
    satchel_key_file file = file_make(), got;
    uint8_t bytes[SATCHEL_KEY_FILE_BYTES + 1] = {0};
    satchel_key_file_write(&file, bytes);
    for (size_t bit = 0; bit < 8 * SATCHEL_KEY_FILE_BYTES; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        REQUIRE_STATUS(satchel_key_file_read(satchel_bytes_of(bytes, SATCHEL_KEY_FILE_BYTES), &got), SATCHEL_DAMAGED);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t count = 0; count <= sizeof bytes; count++) {
        bool whole = count == SATCHEL_KEY_FILE_BYTES;
        CHECK_STATUS(satchel_key_file_read(satchel_bytes_of(bytes, count), &got), whole ? SATCHEL_OK : SATCHEL_DAMAGED);
    }
}

/* Someone who can write the file also renews its checksum. */
static satchel_status read_forged(uint8_t bytes[SATCHEL_KEY_FILE_BYTES], size_t at, uint32_t value) {
    satchel_key_file got;
    satchel_put_u32be(bytes + at, value);
    satchel_hash_of(satchel_bytes_of(bytes, 992), bytes + 992);
    return satchel_key_file_read(satchel_bytes_of(bytes, SATCHEL_KEY_FILE_BYTES), &got);
}

TEST(key_file, forged_values_are_held_within_their_bounds) {
    enum { VERSION = 8, CIPHER = 12, PIN_SLOT = 64 + 2 * 160, PASSES = PIN_SLOT + 4, MEMORY = PIN_SLOT + 8 };
    static const struct {
        size_t at;
        uint32_t value;
        satchel_status status;
    } cases[] = {
        {0, 0x12345678, SATCHEL_FOREIGN_FILE},
        {VERSION, 2, SATCHEL_NEWER_FORMAT},
        {CIPHER, 4, SATCHEL_NEWER_FORMAT},
        {PASSES, SATCHEL_VAULT_PASSES_FLOOR - 1, SATCHEL_DAMAGED},
        {PASSES, SATCHEL_VAULT_PASSES_CEILING, SATCHEL_OK},
        {PASSES, SATCHEL_VAULT_PASSES_CEILING + 1, SATCHEL_DAMAGED},
        {MEMORY, SATCHEL_VAULT_MEMORY_KIB_FLOOR - 1, SATCHEL_DAMAGED},
        {MEMORY, SATCHEL_VAULT_MEMORY_KIB_CEILING, SATCHEL_OK},
        {MEMORY, SATCHEL_VAULT_MEMORY_KIB_CEILING + 1, SATCHEL_DAMAGED},
        {64 + 4, 1, SATCHEL_DAMAGED}, /* a device slot has no cost */
    };
    satchel_key_file file = file_make();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[SATCHEL_KEY_FILE_BYTES];
        satchel_key_file_write(&file, bytes);
        CHECK_STATUS(read_forged(bytes, cases[i].at, cases[i].value), cases[i].status);
    }
}

TEST(key_file, a_slot_of_an_unknown_kind_is_kept_as_it_is) {
    satchel_key_file file = file_make(), got;
    uint8_t bytes[SATCHEL_KEY_FILE_BYTES], again[SATCHEL_KEY_FILE_BYTES];
    enum { A_LATER_KIND = 9 };
    file.slots[1].kind = A_LATER_KIND;
    memset(file.slots[1].raw, 0xcc, sizeof file.slots[1].raw);
    satchel_put_u32be(file.slots[1].raw, A_LATER_KIND);
    satchel_key_file_write(&file, bytes);
    REQUIRE_OK(satchel_key_file_read(satchel_bytes_of(bytes, sizeof bytes), &got));
    satchel_key_file_write(&got, again);
    CHECK(memcmp(bytes, again, sizeof bytes) == 0);
    CHECK_UINT(bytes[64 + 160 + 159], 0xcc);
}

TEST(slot, opens_with_what_it_was_made_with_only) {
    satchel_key_file file = file_make();
    static const struct {
        int slot;
        const char *pin;
        const uint8_t *secret;
        satchel_status status;
    } cases[] = {
        {0, "", secret, SATCHEL_OK},
        {0, "", other_secret, SATCHEL_KEY_GONE},
        {0, "", NULL, SATCHEL_INVALID_ARGUMENT},
        {2, "2468", secret, SATCHEL_OK},
        {2, "2469", secret, SATCHEL_WRONG_PIN},
        {2, "2468", other_secret, SATCHEL_WRONG_PIN},
        {2, "2468", NULL, SATCHEL_INVALID_ARGUMENT},
        {2, "", secret, SATCHEL_WRONG_PIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t got[SATCHEL_KEY_BYTES] = {0};
        const satchel_key_slot *slot = &file.slots[cases[i].slot];
        satchel_slot_input input = {(satchel_vault_slot)slot->kind, satchel_text_of(cases[i].pin), cases[i].secret};
        CHECK_STATUS(satchel_slot_unwrap(&file, slot, &input, got), cases[i].status);
        CHECK((memcmp(got, data_key, sizeof got) == 0) == (cases[i].status == SATCHEL_OK));
    }
    CHECK(satchel_slot_secret_fits(&file.slots[2], secret));
    CHECK(!satchel_slot_secret_fits(&file.slots[2], other_secret));
    CHECK(!satchel_slot_secret_fits(&file.slots[2], NULL));
}

TEST(slot, a_pin_may_stand_alone) {
    satchel_key_file file = {.cipher = SATCHEL_CIPHER_XCHACHA20_POLY1305};
    satchel_slot_input input = pin_input("2468", NULL);
    satchel_key_slot slot = slot_of(&file, &input);
    uint8_t got[SATCHEL_KEY_BYTES];
    CHECK_UINT(slot.flags, 0);
    CHECK(satchel_slot_secret_fits(&slot, NULL));
    CHECK_OK(satchel_slot_unwrap(&file, &slot, &input, got));
}

TEST(slot, is_bound_to_its_store_and_its_own_fields) {
    satchel_key_file file = file_make();
    satchel_slot_input input = pin_input("2468", secret);
    uint8_t got[SATCHEL_KEY_BYTES];
    satchel_key_slot slot = file.slots[2];
    slot.salt[0] ^= 1;
    CHECK_STATUS(satchel_slot_unwrap(&file, &slot, &input, got), SATCHEL_WRONG_PIN);
    slot = file.slots[2];
    slot.check[0] ^= 1;
    CHECK_STATUS(satchel_slot_unwrap(&file, &slot, &input, got), SATCHEL_WRONG_PIN);
    slot = file.slots[2];
    file.store.bytes[0] ^= 1;
    CHECK_STATUS(satchel_slot_unwrap(&file, &slot, &input, got), SATCHEL_WRONG_PIN);
}

TEST(slot, needs_randomness) {
    satchel_random_seeded state;
    satchel_random random = satchel_random_from_seed(&state, 1);
    satchel_key_file file = {0};
    satchel_slot_input input = {SATCHEL_VAULT_SLOT_DEVICE, {NULL, 0}, secret};
    satchel_key_slot slot = {0};
    state.limited = true;
    for (state.fails_after = 0; state.fails_after < 2; state.fails_after++) {
        state.calls = 0;
        CHECK_STATUS(satchel_slot_wrap(&file, &input, 0, 0, random, data_key, &slot), SATCHEL_RANDOM_FAILED);
        CHECK_UINT(slot.kind, 0);
    }
    state.calls = 0;
    CHECK_OK(satchel_slot_wrap(&file, &input, 0, 0, random, data_key, &slot));
}

TEST(attempts, the_delay_grows) {
    CHECK_INT(satchel_attempts_delay_ms(0), 0);
    CHECK_INT(satchel_attempts_delay_ms(2), 0);
    CHECK_INT(satchel_attempts_delay_ms(3), 30000);
    for (uint32_t wrong = 3; wrong < 9; wrong++) {
        CHECK(satchel_attempts_delay_ms(wrong) < satchel_attempts_delay_ms(wrong + 1));
    }
    CHECK_INT(satchel_attempts_delay_ms(9), satchel_attempts_delay_ms(UINT32_MAX));
}

TEST(attempts, only_the_monotonic_clock_shortens_the_wait) {
    static const struct {
        uint32_t boot;
        int64_t monotonic_ms;
        int64_t wait_ms;
    } cases[] = {
        {5, 100000, 30000}, {5, 129999, 1}, {5, 130000, 0}, {5, 200000, 0},
        {6, 0, 30000},      {6, 29999, 1},  {6, 30000, 0},  {6, 100000, 0}, /* restarted: since the restart */
        {5, 20000, 10000}, /* the clock went back: as after a restart */
        {5, -5, 30000},
    };
    satchel_key_attempts attempts = {.wrong = 3, .boot = 5, .monotonic_ms = 100000};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_moment now = {.boot = cases[i].boot, .monotonic_ms = cases[i].monotonic_ms, .wall_ms = INT64_MAX};
        CHECK_INT(satchel_attempts_wait_ms(&attempts, &now), cases[i].wait_ms);
    }
}
