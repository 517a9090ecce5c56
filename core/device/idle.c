/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How background work is divided. The clock is the platform's, in ms: a slice that took most of its time is followed by
 * one of half the rows, one that took little by one of twice as many.
 */
#include "device/idle.h"

#include "device/device.h"

#include "base/error.h"

void satchel_idle_begin(satchel_device *device) {
    device->idle = (satchel_idle){.rows = SATCHEL_IDLE_ROWS_FIRST,
                                  .page_rows = SATCHEL_STORING_ROWS_FIRST,
                                  .calls = atomic_load(&device->calls),
                                  .in_use_ms = INT64_MIN};
    satchel_store_share(device->store, SATCHEL_SHARED_ROWS);
}

static uint32_t rows_after(uint32_t rows, uint32_t most, int64_t took_ms) {
    if (took_ms > SATCHEL_IDLE_SLICE_MS / 2) {
        return rows / 2 > SATCHEL_IDLE_ROWS_LEAST ? rows / 2 : SATCHEL_IDLE_ROWS_LEAST;
    }
    if (took_ms <= SATCHEL_IDLE_SLICE_MS / 4) {
        return rows * 2 < most ? rows * 2 : most;
    }
    return rows;
}

uint32_t satchel_idle_rows_after(uint32_t rows, int64_t took_ms) {
    return rows_after(rows, SATCHEL_IDLE_ROWS_MOST, took_ms);
}

uint32_t satchel_page_rows_after(uint32_t rows, int64_t took_ms) {
    return rows_after(rows, SATCHEL_STORING_ROWS_MOST, took_ms);
}

/* A slice takes half of SATCHEL_IDLE_SLICE_MS at most; the first size says nothing yet. */
uint32_t satchel_idle_page_credit(uint32_t slice_rows) {
    uint32_t rows = slice_rows * (SATCHEL_SYNC_PAGE_MS / (SATCHEL_IDLE_SLICE_MS / 2));
    if (slice_rows >= SATCHEL_STORING_ROWS_FIRST) {
        return 0;
    }
    return rows > SATCHEL_CREDIT_ROWS_LEAST ? rows : SATCHEL_CREDIT_ROWS_LEAST;
}

static int64_t steady_ms(const satchel_device *device) {
    return satchel_device_moment(device).monotonic_ms;
}

void satchel_idle_share(satchel_device *device, int64_t now_ms) {
    unsigned calls = atomic_load(&device->calls);
    if (calls != device->idle.calls) {
        device->idle.calls = calls;
        device->idle.in_use_ms = now_ms + SATCHEL_IN_USE_MS;
    }
    satchel_store_share(device->store,
                        now_ms < device->idle.in_use_ms ? SATCHEL_SHARED_ROWS_IN_USE : SATCHEL_SHARED_ROWS);
}

/* A slice that came to an end had fewer rows than it might have had: how quick it was says nothing. */
static void size_next(satchel_device *device, int64_t began_ms, bool left) {
    uint32_t rows = satchel_idle_rows_after(device->idle.rows, steady_ms(device) - began_ms);
    device->idle.rows = left || rows < device->idle.rows ? rows : device->idle.rows;
}

satchel_status satchel_idle_purge(satchel_device *device, bool *out_left, satchel_error *error) {
    int64_t began_ms = steady_ms(device);
    satchel_idle_share(device, began_ms);
    satchel_status status = satchel_store_purge(device->store, device->idle.rows, out_left, error);
    size_next(device, began_ms, *out_left);
    return status;
}

satchel_status satchel_idle_page(satchel_device *device, satchel_bytes payload, const satchel_sync_state *state,
                                 satchel_store_outcome *out, bool *out_left, satchel_error *error) {
    int64_t began_ms = steady_ms(device);
    satchel_idle_share(device, began_ms);
    uint32_t rows = device->idle.page_rows;
    satchel_status status = payload.data != NULL
                                ? satchel_store_page_begin(device->store, payload, state, rows, out, out_left, error)
                                : satchel_store_page_go_on(device->store, rows, out, out_left, error);
    if (status == SATCHEL_MALFORMED && payload.data == NULL) {
        satchel_status gone = satchel_store_page_abandon(device->store, NULL);
        status = gone == SATCHEL_OK ? status : gone;
    }
    if (status == SATCHEL_OK && *out_left) {
        device->idle.page_rows = satchel_page_rows_after(rows, steady_ms(device) - began_ms);
    }
    return status;
}

/* A page that an exchange began and left; a running one goes on with its own. */
static satchel_status page_slice(satchel_device *device, satchel_changed_set *changed, bool *out_left,
                                 satchel_error *error) {
    const satchel_bytes none = {NULL, 0};
    satchel_store_outcome outcome = {0};
    *out_left = satchel_store_page_left(device->store);
    if (!*out_left || device->exchange != NULL) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_idle_page(device, none, NULL, &outcome, out_left, error);
    if (status == SATCHEL_MALFORMED) {
        satchel_error_clear(error);
        return SATCHEL_OK; /* it was given up: the next exchange brings what it held */
    }
    for (size_t i = 0; status == SATCHEL_OK && i < sizeof outcome.changed; i++) {
        changed->bits[i] = (uint8_t)(changed->bits[i] | outcome.changed[i]);
    }
    return status;
}

/* First what can be seen, the rows; then the seals. */
static satchel_status slice(satchel_device *device, satchel_changed_set *changed, bool *out_left,
                            satchel_error *error) {
    satchel_status status = page_slice(device, changed, out_left, error);
    if (status == SATCHEL_OK && (!*out_left || device->exchange != NULL)) {
        status = satchel_idle_purge(device, out_left, error);
    }
    if (status != SATCHEL_OK || *out_left) {
        return status;
    }
    if (satchel_vault_stats_of(device->vault).old_message_keys == 0) {
        return SATCHEL_OK;
    }
    int64_t began_ms = steady_ms(device);
    status = satchel_store_settle(device->store, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_store_reseal_slice(device->vault, &device->idle.reseal, device->idle.rows, out_left, error);
    size_next(device, began_ms, *out_left);
    return status;
}

/* A full disk is no reason to leave removed rows where they are: the purge is what makes space. */
static satchel_status slice_in_reserve(satchel_device *device, satchel_changed_set *changed, bool *out_left,
                                       satchel_error *error) {
    satchel_status status = slice(device, changed, out_left, error);
    if (status == SATCHEL_DISK_FULL && satchel_space_relieve(device)) {
        satchel_error_clear(error);
        status = slice(device, changed, out_left, error);
    }
    satchel_store_take_changed(device->store, changed->bits);
    return status;
}

satchel_status satchel_device_idle(satchel_device *device, uint32_t budget_ms, bool *out_left, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    bool left = true;
    bool began = false;
    int64_t end_ms = 0;
    *out_left = false;
    satchel_error_clear(error);
    while (left) {
        status = satchel_device_enter_slice(device, error);
        if (status != SATCHEL_OK) {
            return status;
        }
        end_ms = began ? end_ms : steady_ms(device) + (int64_t)budget_ms;
        began = true;
        satchel_changed_set changed = {{0}};
        status = slice_in_reserve(device, &changed, &left, error);
        bool over = steady_ms(device) >= end_ms;
        if (status == SATCHEL_OK && over) {
            status = satchel_store_settle(device->store, error);
        }
        satchel_device_leave(device);
        satchel_observers_tell(&device->observers, &changed);
        if (status != SATCHEL_OK || over) {
            break;
        }
        satchel_device_give_way(device);
    }
    *out_left = left;
    return status;
}
