/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses of power while ways in and keys change: the old or the new one opens the store, never both where one takes the
 * place of the other, and wrong PINs that were answered stay counted.
 */
#include "fault/support/crash.h"
#include "vault/attempts.h"

#include "base/text.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS 6u /* of a story in a full run */
#define SLOW_ROUNDS 2u
#define WRONG_PINS 5u
#define HOUR_MS (INT64_C(9) * 3600 * 1000) /* longer than each delay */

static satchel_vault_unlock device_unlock(const crash_play *play, bool second) {
    satchel_vault_unlock unlock = play->config.unlock;
    unlock.slot = SATCHEL_VAULT_SLOT_DEVICE;
    unlock.keystore = crash_keystore(second);
    return unlock;
}

static satchel_vault_unlock pin_unlock(const crash_play *play, const char *pin) {
    satchel_vault_unlock unlock = device_unlock(play, false);
    unlock.slot = SATCHEL_VAULT_SLOT_PIN_DEVICE;
    unlock.pin = satchel_text_of(pin);
    return unlock;
}

static void fill(crash_play *play) {
    crash_sql(play, "CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
    crash_sql(play, "INSERT INTO t(b) WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 40) "
                    "SELECT zeroblob(i * 90) FROM c");
}

/* --- slots --- */

static void tell_slots(crash_play *play) {
    fill(play);
    for (unsigned turn = 0; turn < 3; turn++) {
        const satchel_vault_unlock next = device_unlock(play, turn % 2 == 0);
        crash_change_key(play, satchel_vault_rewrap, &next, true);
        crash_sql(play, "INSERT INTO t(b) VALUES('turn')");
    }
    const satchel_vault_unlock next = device_unlock(play, false);
    crash_change_key(play, satchel_vault_slot_add, &next, true);
    crash_sql(play, "DELETE FROM t WHERE a % 2");
}

static void slots(void) {
    static const crash_story story = {.name = "slots", .tell = tell_slots, .begins_open = true, .second = 8};
    crash_run_rounds(&story, ROUNDS);
}

static void tell_escrow(crash_play *play) {
    static const uint8_t first[32] = {9}, second[32] = {7, 7};
    fill(play);
    REQUIRE_OK(satchel_vault_escrow_put(play->vault, first, NULL));
    crash_sql(play, "INSERT INTO t(b) VALUES('one')");
    REQUIRE_OK(satchel_vault_escrow_put(play->vault, second, NULL));
    REQUIRE_OK(satchel_vault_escrow_put(play->vault, NULL, NULL));
    crash_sql(play, "INSERT INTO t(b) VALUES('two')");
}

static void escrow(void) {
    static const crash_story story = {.name = "escrow", .tell = tell_escrow, .begins_open = true, .second = 8};
    crash_run_rounds(&story, ROUNDS);
}

/* --- PINs: each judgement costs an Argon2id at its floor --- */

static void tell_pins(crash_play *play) {
    const satchel_vault_unlock first = pin_unlock(play, "1111"), second = pin_unlock(play, "2222");
    fill(play);
    crash_change_key(play, satchel_vault_rewrap, &first, true);
    crash_change_key(play, satchel_vault_rewrap, &second, true);
    const satchel_vault_unlock device = device_unlock(play, false);
    crash_change_key(play, satchel_vault_slot_add, &device, false);
    crash_sql(play, "INSERT INTO t(b) VALUES('after')");
}

static void pins(void) {
    static const crash_story story = {
        .name = "pins", .tell = tell_pins, .begins_open = true, .moments = 8, .slow = true};
    crash_run_rounds(&story, SLOW_ROUNDS);
}

/* Each attempt comes when the delay after the ones before is over. */
static satchel_status open_with(crash_play *play, const char *pin) {
    satchel_vault_config config = play->config;
    config.unlock.pin = satchel_text_of(pin);
    config.unlock.now.monotonic_ms += HOUR_MS;
    satchel_status status = satchel_vault_open(&play->vault, &config, NULL);
    play->config.unlock.now = config.unlock.now;
    return status;
}

/* Right after a restart of the phone the whole delay is still to come. */
static const char *inspect_delay(const crash_play *play, const satchel_vault_config *config) {
    satchel_vault_config then = *config;
    int64_t wait_ms = 0;
    then.unlock.now = (satchel_moment){.boot = 77, .monotonic_ms = 0};
    if (play->wrong_pins == 0) {
        return NULL;
    }
    if (satchel_vault_pin_wait_ms(&then, &wait_ms, NULL) != SATCHEL_OK) {
        return "the count of wrong PINs cannot be read";
    }
    return wait_ms >= satchel_attempts_delay_ms(play->wrong_pins) ? NULL : "a wrong PIN that was answered is forgotten";
}

static void begin_with_pin(crash_play *play) {
    play->config.unlock = pin_unlock(play, "1111");
    crash_create(play);
    crash_sql(play, "CREATE TABLE t(a)");
    crash_close(play);
}

static void tell_wrong_pins(crash_play *play) {
    begin_with_pin(play);
    for (unsigned number = 0; number < WRONG_PINS; number++) {
        REQUIRE_STATUS(open_with(play, "9999"), SATCHEL_WRONG_PIN);
        play->wrong_pins++;
    }
    play->wrong_pins = 0; /* the right one may have taken the count back at any moment from here on */
    REQUIRE_OK(open_with(play, "1111"));
    crash_follow(play);
    crash_sql(play, "INSERT INTO t VALUES(1)");
}

static void wrong_pins(void) {
    static const crash_story story = {
        .name = "wrong pins", .tell = tell_wrong_pins, .inspect = inspect_delay, .moments = 12, .slow = true};
    crash_run_rounds(&story, SLOW_ROUNDS);
}

static void tell_last_pin(crash_play *play) {
    play->config.wrong_pins_max = 2;
    begin_with_pin(play);
    REQUIRE_STATUS(open_with(play, "9999"), SATCHEL_WRONG_PIN);
    play->ending = true;
    REQUIRE_STATUS(open_with(play, "9999"), SATCHEL_KEY_GONE);
    play->ended = true;
    REQUIRE_STATUS(open_with(play, "1111"), SATCHEL_KEY_GONE);
}

static void last_pin(void) {
    static const crash_story story = {.name = "last pin", .tell = tell_last_pin, .moments = 12, .slow = true};
    crash_run_rounds(&story, SLOW_ROUNDS);
}

/* --- a new data key --- */

static satchel_status rekey(satchel_vault *vault, const satchel_vault_unlock *next, satchel_error *error) {
    return satchel_vault_rekey(vault, next, 1, error);
}

static const char sealed_text[] = "what was sealed under the first key";

/* What was sealed under the first key still opens. */
static const char *look_at_message(const crash_play *play, satchel_vault *vault) {
    const satchel_buffer *sealed = play->own;
    satchel_buffer plain = {NULL, 0, 0};
    const satchel_bytes none = {NULL, 0};
    satchel_status status =
        satchel_vault_unseal(vault, SATCHEL_VAULT_FOR_OPLOG, none, satchel_buffer_view(sealed), &plain);
    bool same = status == SATCHEL_OK && plain.bytes == sizeof sealed_text &&
                memcmp(plain.data, sealed_text, sizeof sealed_text) == 0;
    satchel_buffer_deinit(&plain);
    return same ? NULL : "an old message does not open";
}

static void tell_rekey(crash_play *play) {
    satchel_buffer sealed = {NULL, 0, 0};
    const satchel_bytes none = {NULL, 0}, text = satchel_bytes_of(sealed_text, sizeof sealed_text);
    REQUIRE_OK(satchel_vault_seal(play->vault, SATCHEL_VAULT_FOR_OPLOG, none, text, &sealed));
    play->own = &sealed;
    fill(play);
    for (unsigned turn = 0; turn < 2; turn++) {
        const satchel_vault_unlock next = device_unlock(play, turn % 2 == 0);
        crash_change_key(play, rekey, &next, true);
        crash_sql(play, "INSERT INTO t(b) VALUES(zeroblob(9000)); DELETE FROM t WHERE a % 5 = 0");
    }
    const satchel_vault_unlock same = play->config.unlock;
    crash_change_key(play, rekey, &same, false);
    crash_sql(play, "INSERT INTO t(b) VALUES('after')");
    crash_close(play);
    play->own = NULL;
    satchel_buffer_deinit(&sealed);
}

static const char *look_at_any_message(const crash_play *play, satchel_vault *vault) {
    return play->own != NULL ? look_at_message(play, vault) : NULL;
}

static void rekeying(void) {
    static const crash_story story = {
        .name = "rekey", .tell = tell_rekey, .begins_open = true, .look = look_at_any_message, .second = 12};
    crash_run_rounds(&story, ROUNDS);
}

/* --- compacting and destroying --- */

static void tell_compact(crash_play *play) {
    fill(play);
    crash_sql(play, "INSERT INTO t(b) VALUES(zeroblob(400000))");
    crash_sql(play, "DELETE FROM t WHERE a > 5");
    REQUIRE_OK(satchel_vault_compact(play->vault, NULL));
    crash_sql(play, "INSERT INTO t(b) VALUES('after')");
    REQUIRE_OK(satchel_vault_compact(play->vault, NULL));
}

static void compacting(void) {
    static const crash_story story = {.name = "compact", .tell = tell_compact, .begins_open = true};
    crash_run_rounds(&story, ROUNDS);
}

static void tell_erasing(crash_play *play) {
    fill(play);
    crash_close(play);
    play->ending = true;
    REQUIRE_OK(satchel_vault_erase(&play->config, NULL));
    play->ended = true;
}

static void erasing(void) {
    static const crash_story story = {.name = "erase", .tell = tell_erasing, .begins_open = true};
    crash_run_rounds(&story, ROUNDS);
}

const fault_case fault_cases[] = {
    {"slots", slots},           {"escrow", escrow},     {"pins", pins},
    {"wrong_pins", wrong_pins}, {"last_pin", last_pin}, {"rekeying", rekeying},
    {"compacting", compacting}, {"erasing", erasing},   {NULL, NULL},
};
