/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a store: wipe, retire, sign out.
 *
 * Keys go first: a wipe that is cut off leaves either the whole store or nothing that can be read. Then the inbox,
 * whose items were sealed to a key of the store, then what the keystore holds.
 */
#include "device/device.h"
#include "device/ending.h"

#include "device/inbox.h"

#include "base/error.h"
#include "store/salvage.h"
#include "vault/salvage_vault.h"

#include <string.h>

satchel_status satchel_device_count_aside(satchel_store *store, const satchel_vault *vault, uint64_t *out,
                                          satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes value = {NULL, 0};
    uint32_t stores = 0;
    *out = 0;
    satchel_status status = satchel_store_get_value(store, SATCHEL_ASIDE_NAME, &arena, &value, error);
    if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
    } else if (status == SATCHEL_OK) {
        satchel_reader reader = satchel_reader_of(value);
        status = satchel_reader_varint(&reader, out);
        if (status == SATCHEL_OK) {
            status = satchel_vault_count_quarantine(vault, &stores);
        }
        *out = stores > 0 ? *out : 0;
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status count_left(satchel_device *device, satchel_wipe_receipt *out, satchel_error *error) {
    satchel_device_info info = {0};
    satchel_status status = satchel_store_count_info(device->store, &info, error);
    if (status == SATCHEL_OK) {
        out->units_unsent = info.units_unsent;
        out->ops_troubled = info.ops_refused + info.ops_parked;
        out->device = device->identity.device;
        out->user = device->identity.user;
        status = satchel_inbox_kept(device, &out->inbox_items, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_device_count_aside(device->store, device->vault, &out->ops_aside, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_restoring(device->store, &out->repaired, error);
    }
    out->counted = status == SATCHEL_OK;
    return status;
}

/* As far as it can be known; what cannot be counted does not keep a store from being wiped. */
void satchel_ending_count(satchel_device *device, satchel_wipe_receipt *out) {
    int64_t monotonic_ms;
    uint64_t waiting = 0;
    memset(out, 0, sizeof *out);
    satchel_device_clock(device, &out->at_ms, &monotonic_ms, NULL);
    if (device->state == SATCHEL_DEVICE_OPEN) {
        satchel_status counted = count_left(device, out, NULL);
        (void)counted; /* `out->counted` says so */
    }
    if (satchel_inbox_waiting(device->folder, &waiting) != SATCHEL_OK) {
        out->counted = false;
    }
    out->inbox_items += waiting;
}

/* The device is held; its store and vault are closed. */
static satchel_status erase(satchel_device *device, satchel_wipe_receipt *out, satchel_error *error) {
    const satchel_key_provider *keys = &device->config.keys;
    satchel_vault_config config;
    satchel_device_vault_config(device, NULL, &config);
    satchel_status status = satchel_vault_erase(&config, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    out->wiped = true;
    status = satchel_inbox_erase(device->folder, error);
    /* Other processes write into the inbox: what cannot be removed there must not keep the secret. */
    satchel_status forgotten = keys->forget != NULL ? keys->forget(keys->context) : SATCHEL_OK;
    if (status == SATCHEL_OK && forgotten != SATCHEL_OK) {
        status = satchel_fail(error, forgotten, "the keystore does not forget the store's secret");
    }
    return status;
}

/* From any state. Whether it fails or not, the handle is of no more use but for another wipe. */
satchel_status satchel_ending_wipe(satchel_device *device, satchel_wipe_receipt *out, satchel_error *error) {
    device->anchor.on = false; /* nothing is left to be named */
    satchel_device_close_store(device, SATCHEL_LOCKED);
    satchel_vault_close(device->vault);
    device->vault = NULL;
    device->state = SATCHEL_DEVICE_WIPED;
    return erase(device, out, error);
}

satchel_status satchel_device_wipe(satchel_device *device, satchel_wipe_receipt *out, satchel_error *error) {
    pthread_mutex_lock(&device->mutex);
    satchel_ending_count(device, out);
    satchel_status status = satchel_ending_wipe(device, out, error);
    pthread_mutex_unlock(&device->mutex);
    return status;
}

satchel_status satchel_store_wipe(const satchel_device_config *config, satchel_wipe_receipt *out,
                                  satchel_error *error) {
    satchel_device *device = NULL;
    memset(out, 0, sizeof *out);
    satchel_status status = satchel_device_prepare(&device, config, error);
    if (status == SATCHEL_OK) {
        satchel_ending_count(device, out);
        status = satchel_ending_wipe(device, out, error);
    }
    satchel_device_close(device);
    return status;
}

bool satchel_ending_is_clear(const satchel_wipe_receipt *receipt) {
    return receipt->counted && !receipt->repaired && receipt->units_unsent == 0 && receipt->inbox_items == 0 &&
           receipt->ops_aside == 0;
}

satchel_status satchel_device_retire(satchel_device *device, satchel_wipe_receipt *out, satchel_error *error) {
    memset(out, 0, sizeof *out);
    satchel_status status = satchel_device_enter(device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_ending_count(device, out);
    if (!satchel_ending_is_clear(out)) {
        status = satchel_fail(
            error, SATCHEL_REQUIRED_BEFORE, "not handed over: %llu changes, %llu items, %llu changes in quarantine%s%s",
            (unsigned long long)out->units_unsent, (unsigned long long)out->inbox_items,
            (unsigned long long)out->ops_aside, out->repaired ? "; the repaired store has not synced" : "",
            out->counted ? "" : "; not all could be counted");
    } else {
        status = satchel_ending_wipe(device, out, error);
    }
    satchel_device_leave(device);
    return status;
}

satchel_status satchel_device_sign_out(satchel_device *device, satchel_wipe_receipt *out, satchel_error *error) {
    satchel_status status = satchel_device_retire(device, out, error);
    if (status == SATCHEL_LOCKED || status == SATCHEL_REQUIRED_BEFORE) {
        satchel_error_clear(error);
        status = satchel_device_lock(device, error);
    }
    return status;
}
