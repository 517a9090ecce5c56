/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clock and randomness: those that the shell gave, else the operating system's.
 *
 * The clock's word is never trusted alone: each moment also carries a clock that never jumps within one start of the
 * phone. What tells the starts apart is the kernel's boot id; where there is none, the minute in which the phone
 * started by its own clock serves, and a clock that is set then merely looks like a new start.
 */
#include "device/device.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "base/times.h"
#include "crypto/hash.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BOOT_NAME "boot"
#define BOOT_BYTES (4 + SATCHEL_BOOT_TAG_BYTES)
#define NOW_MOST_MS INT64_C(253402300799999) /* the last ms of the year 9999 */

#ifdef CLOCK_BOOTTIME
#define STEADY_CLOCK CLOCK_BOOTTIME
#else
#define STEADY_CLOCK CLOCK_MONOTONIC
#endif

static int64_t clock_ms(clockid_t clock) {
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * SATCHEL_MS_PER_SECOND + now.tv_nsec / 1000000;
}

static bool read_boot_id(uint8_t tag[SATCHEL_BOOT_TAG_BYTES]) {
    char text[SATCHEL_ID_TEXT_BYTES] = {0};
    int file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    satchel_id id;
    if (got != (ssize_t)sizeof text - 1 || satchel_id_read((satchel_text){text, sizeof text - 1}, &id) != SATCHEL_OK) {
        return false;
    }
    memcpy(tag, id.bytes, SATCHEL_BOOT_TAG_BYTES);
    return true;
}

static void system_now(int64_t *wall_ms, int64_t *monotonic_ms, uint8_t *boot_tag) {
    *wall_ms = clock_ms(CLOCK_REALTIME);
    *monotonic_ms = clock_ms(STEADY_CLOCK);
    if (boot_tag != NULL && !read_boot_id(boot_tag)) {
        memset(boot_tag, 0, SATCHEL_BOOT_TAG_BYTES);
        satchel_put_u64be(boot_tag, (uint64_t)((*wall_ms - *monotonic_ms) / (60 * SATCHEL_MS_PER_SECOND)));
    }
}

void satchel_device_clock(const satchel_device *device, int64_t *wall_ms, int64_t *monotonic_ms,
                          uint8_t boot_tag[SATCHEL_BOOT_TAG_BYTES]) {
    const satchel_platform *platform = &device->config.platform;
    uint8_t unwanted[SATCHEL_BOOT_TAG_BYTES];
    if (platform->now != NULL) {
        platform->now(platform->context, wall_ms, monotonic_ms, boot_tag != NULL ? boot_tag : unwanted);
    } else {
        system_now(wall_ms, monotonic_ms, boot_tag);
    }
}

satchel_moment satchel_device_moment(const satchel_device *device) {
    satchel_moment moment = {device->boot, 0, 0, device->offset_ms};
    satchel_device_clock(device, &moment.wall_ms, &moment.monotonic_ms, NULL);
    return moment;
}

satchel_moment satchel_device_vault_moment(const satchel_device *device) {
    uint8_t tag[SATCHEL_BOOT_TAG_BYTES];
    uint8_t hash[SATCHEL_HASH_BYTES];
    satchel_moment moment = {0};
    satchel_device_clock(device, &moment.wall_ms, &moment.monotonic_ms, tag);
    satchel_hash_of(satchel_bytes_of(tag, sizeof tag), hash);
    moment.boot = satchel_get_u32be(hash);
    return moment;
}

int64_t satchel_device_now_ms(const satchel_device *device) {
    satchel_moment moment = satchel_device_moment(device);
    int64_t now_ms;
    if (__builtin_add_overflow(moment.wall_ms, moment.offset_ms, &now_ms) || now_ms < 0) {
        return 0;
    }
    return now_ms > NOW_MOST_MS ? NOW_MOST_MS : now_ms;
}

satchel_random satchel_device_random(satchel_device *device) {
    const satchel_platform *platform = &device->config.platform;
    if (platform->random == NULL) {
        return satchel_random_system();
    }
    return (satchel_random){platform->random, platform->context};
}

satchel_status satchel_device_new_id(satchel_device *device, satchel_id *out) {
    uint8_t random[SATCHEL_ID_RANDOM_BYTES];
    satchel_status status = satchel_random_fill(satchel_device_random(device), random, sizeof random);
    if (status == SATCHEL_OK) {
        *out = satchel_id_make(satchel_device_now_ms(device), random);
    }
    return status;
}

satchel_status satchel_device_count_boot(satchel_device *device, satchel_error *error) {
    uint8_t now[BOOT_BYTES] = {0};
    int64_t wall_ms;
    int64_t monotonic_ms;
    satchel_device_clock(device, &wall_ms, &monotonic_ms, now + 4);
    satchel_arena arena = {0};
    satchel_bytes known = {0};
    satchel_status status = satchel_store_get_value(device->store, BOOT_NAME, &arena, &known, error);
    if (status == SATCHEL_NOT_FOUND || (status == SATCHEL_OK && known.bytes != BOOT_BYTES)) {
        device->boot = 1;
    } else if (status != SATCHEL_OK) {
        goto done;
    } else if (memcmp(known.data + 4, now + 4, SATCHEL_BOOT_TAG_BYTES) == 0) {
        device->boot = satchel_get_u32be(known.data);
        goto done;
    } else {
        device->boot = satchel_get_u32be(known.data) + 1;
    }
    satchel_put_u32be(now, device->boot);
    status = satchel_store_put_value(device->store, BOOT_NAME, satchel_bytes_of(now, sizeof now), error);
done:
    satchel_arena_deinit(&arena);
    return status;
}
