/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How things stand: counts of the store, the identity, and what is remembered of the last exchange.
 *
 *   note "sync": [format 1 = 1][first sync done 1][status of the last exchange, varint]
 */
#include "device/device.h"

#include <satchel/model.h>
#include <satchel/version.h>

#include "base/error.h"
#include "store/migrate.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYNC_NOTE "sync"
#define SYNC_NOTE_FORMAT 1
#define STORE_PATH_BYTES 4096

const char *satchel_version(void) {
    return SATCHEL_VERSION_TEXT;
}

uint32_t satchel_schema_version(void) {
    return satchel_generated_model.version;
}

satchel_status satchel_device_load_notes(satchel_device *device, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes note = {0};
    satchel_sync_state state;
    device->first_sync_done = false;
    device->last_sync_status = SATCHEL_OK;
    satchel_status status = satchel_store_get_value(device->store, SYNC_NOTE, &arena, &note, error);
    if (status == SATCHEL_OK) {
        satchel_reader reader = satchel_reader_of(note);
        uint8_t format;
        uint8_t done;
        uint64_t last;
        /* A note of a later version says nothing to this one; it only costs a status line. */
        if (satchel_reader_byte(&reader, &format) == SATCHEL_OK && format == SYNC_NOTE_FORMAT &&
            satchel_reader_byte(&reader, &done) == SATCHEL_OK && satchel_reader_varint(&reader, &last) == SATCHEL_OK) {
            device->first_sync_done = done != 0;
            device->last_sync_status = (satchel_status)(last & 0xffff);
        }
    } else if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
    }
    satchel_arena_deinit(&arena);
    if (status == SATCHEL_OK) {
        status = satchel_store_sync_state(device->store, &state, error);
    }
    if (status == SATCHEL_OK) {
        device->offset_ms = state.offset_ms;
        device->seen_ms = state.seen_ms;
    }
    return status;
}

satchel_status satchel_device_note_sync(satchel_device *device, satchel_status last, bool complete,
                                        satchel_error *error) {
    bool done = device->first_sync_done || complete;
    if (done == device->first_sync_done && last == device->last_sync_status) {
        return SATCHEL_OK;
    }
    satchel_buffer note = {0};
    satchel_status status = satchel_buffer_append_byte(&note, SYNC_NOTE_FORMAT);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&note, done ? 1 : 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(&note, (uint64_t)last);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_put_value(device->store, SYNC_NOTE, satchel_buffer_view(&note), error);
    }
    satchel_buffer_deinit(&note);
    if (status == SATCHEL_OK) {
        device->first_sync_done = done;
        device->last_sync_status = last;
    }
    return status;
}

/* A share is all that the store tells. */
static satchel_status fill_upgrade(satchel_store *store, satchel_device_info *out, satchel_error *error) {
    satchel_store_progress progress;
    satchel_status status = satchel_store_upgrade_progress(store, &progress, error);
    if (status == SATCHEL_OK && progress.running) {
        out->upgrade_done = progress.permille;
        out->upgrade_total = 1000;
    }
    return status;
}

static void copy_identity(const satchel_identity *identity, satchel_device_info *out) {
    out->enrolled = identity->enrolled;
    out->device = identity->device;
    out->user = identity->user;
    memcpy(out->login, identity->login, sizeof out->login);
    memcpy(out->company, identity->company, sizeof out->company);
    memcpy(out->server, identity->server, sizeof out->server);
}

satchel_status satchel_device_get_info(satchel_device *device, satchel_device_info *out, satchel_error *error) {
    satchel_sync_state state;
    memset(out, 0, sizeof *out);
    satchel_status status = satchel_device_enter(device, error);
    if (status == SATCHEL_LOCKED) {
        satchel_error_clear(error);
        out->locked = true;
        return SATCHEL_OK;
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_store_count_info(device->store, out, error);
    if (status == SATCHEL_OK) {
        status = satchel_store_sync_state(device->store, &state, error);
    }
    if (status == SATCHEL_OK) {
        status = fill_upgrade(device->store, out, error);
    }
    if (status == SATCHEL_OK) {
        copy_identity(&device->identity, out);
        out->first_sync_done = device->first_sync_done;
        out->last_sync_status = device->last_sync_status;
        out->last_sync_ms = device->first_sync_done ? device->seen_ms : 0;
        out->position = state.position;
        out->disk_low = satchel_space_admit(device, NULL) != SATCHEL_OK; /* looks for space now and then */
        out->warnings = device->warnings;
        out->escrowed = satchel_vault_stats_of(device->vault).escrow;
        satchel_orders_tell(device, out);
        out->pin_required = satchel_orders_want_pin(device);
        out->repairs = satchel_store_repairs(device->store);
    }
    satchel_device_leave(device);
    return status;
}

static uint64_t bytes_of_file(const char *folder, const char *name) {
    char path[STORE_PATH_BYTES];
    struct stat found;
    int written = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (written < 0 || (size_t)written >= sizeof path || stat(path, &found) != 0) {
        return 0;
    }
    return (uint64_t)found.st_size;
}

satchel_status satchel_device_get_stats(satchel_device *device, satchel_store_stats *out, satchel_error *error) {
    memset(out, 0, sizeof *out);
    satchel_status status = satchel_device_enter(device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_vault_stats stats = satchel_vault_stats_of(device->vault);
    out->refused_opens = stats.refused_opens;
    out->pages_sealed = stats.pages_sealed;
    out->pages_opened = stats.pages_opened;
    out->cipher = (satchel_store_cipher)stats.cipher;
    out->wrong_pins = stats.wrong_pins;
    out->tail = (uint32_t)stats.tail;
    out->key_file_healed = stats.key_file_healed;
    out->pin_alone = stats.pin_alone;
    out->anchored = device->anchor.on && device->anchor.written != 0;
    out->anchor_writes = device->anchor.writes;
    out->file_bytes = bytes_of_file(device->folder, "store.db");
    out->log_bytes = bytes_of_file(device->folder, "store.db-wal");
    satchel_device_leave(device);
    return SATCHEL_OK;
}
