/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The company's settings as a value of the store.
 *
 *   "settings"   [format 1 = 1][policy 4, big-endian][recovery key 32]
 */
#include "device/settings.h"

#include "device/device.h"

#include "base/error.h"

#include <string.h>

#define SETTINGS_NAME "settings"
#define FORMAT 1
#define VALUE_BYTES (5 + SATCHEL_PUBLIC_KEY_BYTES)

satchel_status satchel_settings_load(satchel_settings *out, satchel_store *store, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes value = {0};
    memset(out, 0, sizeof *out);
    satchel_status status = satchel_store_get_value(store, SETTINGS_NAME, &arena, &value, error);
    if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
    } else if (status == SATCHEL_OK && (value.bytes != VALUE_BYTES || value.data[0] != FORMAT)) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "the company's settings cannot be read");
    } else if (status == SATCHEL_OK) {
        out->policy = satchel_get_u32be(value.data + 1);
        memcpy(out->recovery_key, value.data + 5, sizeof out->recovery_key);
    }
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_settings_save(const satchel_settings *settings, satchel_store *store, satchel_error *error) {
    uint8_t value[VALUE_BYTES] = {FORMAT};
    satchel_put_u32be(value + 1, settings->policy);
    memcpy(value + 5, settings->recovery_key, sizeof settings->recovery_key);
    return satchel_store_put_value(store, SETTINGS_NAME, satchel_bytes_of(value, sizeof value), error);
}

bool satchel_settings_escrow(const satchel_settings *settings) {
    static const uint8_t none[SATCHEL_PUBLIC_KEY_BYTES] = {0};
    return memcmp(settings->recovery_key, none, sizeof none) != 0;
}

satchel_status satchel_settings_open_escrow(satchel_device *device, const satchel_settings *settings,
                                            satchel_error *error) {
    const satchel_settings *now = &device->settings;
    bool escrow = satchel_settings_escrow(settings);
    bool has_slot = satchel_vault_stats_of(device->vault).escrow;
    bool same_key = memcmp(now->recovery_key, settings->recovery_key, sizeof now->recovery_key) == 0;
    return escrow != has_slot || !same_key
               ? satchel_vault_escrow_put(device->vault, escrow ? settings->recovery_key : NULL, error)
               : SATCHEL_OK;
}

satchel_status satchel_settings_apply(satchel_device *device, const satchel_settings *settings, satchel_error *error) {
    const satchel_settings *now = &device->settings;
    bool same_key = memcmp(now->recovery_key, settings->recovery_key, sizeof now->recovery_key) == 0;
    satchel_status status = satchel_settings_open_escrow(device, settings, error);
    if (status == SATCHEL_OK && (!same_key || now->policy != settings->policy)) {
        status = satchel_settings_save(settings, device->store, error);
    }
    if (status == SATCHEL_OK) {
        device->settings = *settings;
    }
    return status;
}
