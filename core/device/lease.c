/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting the lease.
 *
 *   value "lease"   [format 1 = 1][used_ms varint][boot varint][mark_ms varint][renewed_ms varint]
 *
 * Within one start of the phone its monotonic clock goes on, whether this process runs or not. After a restart
 * everything that the new clock shows has passed, too; what the old one would have shown since it was last written down
 * is not known and does not count.
 */
#include "device/lease.h"

#include "device/device.h"

#include "base/error.h"

#include <string.h>

#define LEASE_NAME "lease"
#define FORMAT 1
#define DAY_MS INT64_C(86400000)

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* Sum of two amounts of time, neither negative. */
static int64_t add_ms(int64_t a, int64_t b) {
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

int64_t satchel_lease_used_ms(const satchel_device *device) {
    const satchel_lease *lease = &device->lease;
    const satchel_moment now = satchel_device_moment(device);
    int64_t since_ms = now.boot == lease->boot ? now.monotonic_ms - lease->mark_ms : now.monotonic_ms;
    return add_ms(lease->used_ms, later(since_ms, 0));
}

/* From here on it is counted from now. */
static void mark(satchel_device *device) {
    const satchel_moment now = satchel_device_moment(device);
    device->lease.used_ms = satchel_lease_used_ms(device);
    device->lease.boot = now.boot;
    device->lease.mark_ms = later(now.monotonic_ms, 0);
}

static satchel_status keep(satchel_device *device, satchel_error *error) {
    const satchel_lease *lease = &device->lease;
    satchel_buffer value = {0};
    const uint64_t numbers[] = {(uint64_t)lease->used_ms, lease->boot, (uint64_t)lease->mark_ms,
                                (uint64_t)lease->renewed_ms};
    satchel_status status = satchel_buffer_append_byte(&value, FORMAT);
    for (size_t i = 0; status == SATCHEL_OK && i < sizeof numbers / sizeof *numbers; i++) {
        status = satchel_buffer_append_varint(&value, numbers[i]);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_put_value(device->store, LEASE_NAME, satchel_buffer_view(&value), error);
    }
    satchel_buffer_deinit(&value);
    device->lease.kept_ms = status == SATCHEL_OK ? lease->mark_ms : lease->kept_ms;
    return status;
}

static bool read_value(satchel_bytes value, satchel_lease *out) {
    satchel_reader reader = satchel_reader_of(value);
    uint8_t format = 0;
    uint64_t numbers[4];
    if (satchel_reader_byte(&reader, &format) != SATCHEL_OK || format != FORMAT) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        if (satchel_reader_varint(&reader, &numbers[i]) != SATCHEL_OK || numbers[i] > INT64_MAX) {
            return false;
        }
    }
    out->used_ms = (int64_t)numbers[0];
    out->boot = (uint32_t)numbers[1];
    out->mark_ms = (int64_t)numbers[2];
    out->renewed_ms = (int64_t)numbers[3];
    return numbers[1] <= UINT32_MAX;
}

satchel_status satchel_lease_load(satchel_device *device, uint32_t days, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes value = {NULL, 0};
    const satchel_moment now = satchel_device_moment(device);
    satchel_lease lease = {0};
    satchel_status status = satchel_store_get_value(device->store, LEASE_NAME, &arena, &value, error);
    if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        lease.boot = now.boot;
        lease.mark_ms = later(now.monotonic_ms, 0);
        status = SATCHEL_OK;
    } else if (status == SATCHEL_OK && !read_value(value, &lease)) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "the lease cannot be read");
    }
    satchel_arena_deinit(&arena);
    if (status == SATCHEL_OK) {
        lease.days = days;
        device->lease = lease;
        mark(device);
    }
    return status;
}

satchel_status satchel_lease_change(satchel_device *device, uint32_t days, satchel_error *error) {
    const satchel_moment now = satchel_device_moment(device);
    if (device->lease.days == days) {
        return SATCHEL_OK;
    }
    device->lease = (satchel_lease){
        .days = days, .boot = now.boot, .mark_ms = later(now.monotonic_ms, 0), .renewed_ms = device->lease.renewed_ms};
    return keep(device, error);
}

satchel_status satchel_lease_hear(satchel_device *device, int64_t server_ms, bool renews, satchel_error *error) {
    satchel_lease *lease = &device->lease;
    if (lease->days == 0 || server_ms <= 0) {
        return SATCHEL_OK;
    }
    mark(device);
    if (!renews) {
        int64_t away_ms = lease->renewed_ms > 0 && server_ms > lease->renewed_ms ? server_ms - lease->renewed_ms : 0;
        bool moved = away_ms > lease->used_ms;
        lease->used_ms = later(lease->used_ms, away_ms);
        return moved ? keep(device, error) : SATCHEL_OK;
    }
    bool worth = lease->used_ms >= SATCHEL_LEASE_STEP_MS || lease->renewed_ms == 0;
    lease->used_ms = 0;
    lease->renewed_ms = later(lease->renewed_ms, server_ms);
    return worth ? keep(device, error) : SATCHEL_OK;
}

int64_t satchel_lease_left_ms(const satchel_device *device) {
    return (int64_t)device->lease.days * DAY_MS - satchel_lease_used_ms(device);
}

satchel_status satchel_lease_check(satchel_device *device, satchel_error *error) {
    const satchel_lease *lease = &device->lease;
    if (lease->days == 0) {
        return SATCHEL_OK;
    }
    const satchel_moment now = satchel_device_moment(device);
    if (now.monotonic_ms - lease->kept_ms >= SATCHEL_LEASE_STEP_MS || now.monotonic_ms < lease->kept_ms) {
        satchel_lease_keep(device);
    }
    return satchel_lease_left_ms(device) < 0
               ? satchel_fail(error, SATCHEL_LEASE_OVER, "not synced for more than %u days: sync first", lease->days)
               : SATCHEL_OK;
}

void satchel_lease_keep(satchel_device *device) {
    if (device->lease.days == 0 || device->store == NULL) {
        return;
    }
    mark(device);
    satchel_status status = keep(device, NULL);
    (void)status; /* the next chance is not far */
    device->lease.kept_ms = device->lease.mark_ms;
}
