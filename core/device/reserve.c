/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the reserve is made, given back, and made again.
 */
#include "device/reserve.h"

#include "device/device.h"

#include "base/error.h"
#include "vault/reserve.h"

static const satchel_vault_files *files_of(const satchel_device *device) {
    return device->files != NULL ? device->files : satchel_vault_files_posix();
}

/*
 * What is written is no secret and must not use up the randomness that a test gives. Only a full disk is low on space:
 * another fault leaves the store without a reserve until it is opened again, and takes no work away.
 */
static void keep(satchel_device *device) {
    int64_t wall_ms;
    satchel_device_clock(device, &wall_ms, &device->space.tried_ms, NULL);
    device->space.low =
        satchel_reserve_keep(files_of(device), device->folder, satchel_random_system()) == SATCHEL_DISK_FULL;
}

satchel_status satchel_space_admit(satchel_device *device, satchel_error *error) {
    int64_t wall_ms;
    int64_t now_ms;
    if (!device->space.low) {
        return SATCHEL_OK;
    }
    satchel_device_clock(device, &wall_ms, &now_ms, NULL);
    if (now_ms < device->space.tried_ms || now_ms - device->space.tried_ms >= SATCHEL_RESERVE_STEP_MS) {
        keep(device);
    }
    return device->space.low ? satchel_fail(error, SATCHEL_READ_ONLY_STORE,
                                            "the disk is full: what is there can be read and synced, make space first")
                             : SATCHEL_OK;
}

bool satchel_space_relieve(satchel_device *device) {
    bool freed = false;
    int64_t wall_ms;
    satchel_status status = satchel_reserve_free(files_of(device), device->folder, &freed);
    device->space.low = true;
    satchel_device_clock(device, &wall_ms, &device->space.tried_ms, NULL);
    return status == SATCHEL_OK && freed;
}

static satchel_status admit(void *context, satchel_error *error) {
    return satchel_space_admit(context, error);
}

static bool relieve(void *context) {
    return satchel_space_relieve(context);
}

void satchel_space_open(satchel_device *device) {
    const satchel_store_space space = {device, admit, relieve};
    keep(device);
    satchel_store_watch_space(device->store, &space);
}
