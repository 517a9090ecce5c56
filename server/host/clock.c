/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decimal number of ms in one small file, replaced as a whole.
 */
#include "host/clock.h"

#include "base/error.h"
#include "base/text.h"
#include "host/small_file.h"

#include <stdio.h>
#include <time.h>

#define CLOCK_NAME "clock"
#define NUMBER_BYTES 32

int64_t satchel_clock_system_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t satchel_clock_now_ms(void *clock) {
    satchel_clock *moved = clock;
    return satchel_clock_system_ms() + atomic_load(&moved->offset_ms);
}

satchel_status satchel_clock_load(satchel_clock *clock, const char *folder, satchel_error *error) {
    char line[SATCHEL_SMALL_FILE_BYTES];
    int64_t offset_ms = 0;
    atomic_init(&clock->offset_ms, 0);
    satchel_status status = satchel_small_file_read(folder, CLOCK_NAME, line, error);
    if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        return SATCHEL_OK;
    }
    if (status == SATCHEL_OK && satchel_text_to_int(satchel_text_of(line), &offset_ms) != SATCHEL_OK) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "the file of the rehearsal's clock holds no number");
    }
    atomic_store(&clock->offset_ms, offset_ms);
    return status;
}

satchel_status satchel_clock_store(satchel_clock *clock, const char *folder, int64_t offset_ms, satchel_error *error) {
    char line[NUMBER_BYTES];
    (void)snprintf(line, sizeof line, "%lld", (long long)offset_ms);
    satchel_status status = satchel_small_file_store(folder, CLOCK_NAME, offset_ms != 0 ? line : NULL, error);
    if (status == SATCHEL_OK) {
        atomic_store(&clock->offset_ms, offset_ms);
    }
    return status;
}
