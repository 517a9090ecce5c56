/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The anchor of a store in the platform's keystore, and the warnings that follow from it.
 *
 * The count is the base plus what commits move anyway (satchel_store_moves): it costs the store no write. The keystore
 * is told after the commit that is named, so it is never ahead of an honest store: a store behind its anchor was put
 * back. Then the base leaps above the anchor, so that every older copy, of either life, stays older for good.
 *
 *   record in the keystore   [format 1 = 1][anchor id 16][count 8, big-endian]
 *   value "anchor"           [format 1 = 1, or 2: the keystore was not told yet][anchor id 16][base varint]
 *   value "warnings"         [bits 4, big-endian]
 */
#include "device/device.h"

#include "base/error.h"
#include "base/ids.h"

#include <string.h>

#define ANCHOR_NAME "anchor"
#define WARNINGS_NAME "warnings"
#define FORMAT 1
#define FORMAT_UNTOLD 2
#define RECORD_BYTES 25
/* So far leaps the count of a repaired store that it is not taken for one put back, whatever pages it lost. */
#define LEAP (UINT64_C(1) << 32)

static uint64_t count_of(const satchel_device *device) {
    return device->anchor.base + satchel_store_moves(device->store);
}

/* --- warnings --- */

static satchel_status put_warnings(satchel_device *device, uint32_t warnings, satchel_error *error) {
    uint8_t value[4];
    if (warnings == device->warnings) {
        return SATCHEL_OK;
    }
    satchel_put_u32be(value, warnings);
    satchel_status status =
        satchel_store_put_value(device->store, WARNINGS_NAME, satchel_bytes_of(value, sizeof value), error);
    if (status == SATCHEL_OK) {
        device->warnings = warnings;
    }
    return status;
}

satchel_status satchel_device_warn(satchel_device *device, uint32_t warnings, satchel_error *error) {
    return put_warnings(device, device->warnings | warnings, error);
}

satchel_status satchel_device_acknowledge(satchel_device *device, uint32_t warnings, satchel_error *error) {
    satchel_status status = satchel_device_enter(device, error);
    if (status == SATCHEL_OK) {
        status = put_warnings(device, device->warnings & ~warnings, error);
        satchel_device_leave(device);
    }
    return status;
}

satchel_status satchel_device_load_warnings(satchel_device *device, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes value = {0};
    device->warnings = 0;
    satchel_status status = satchel_store_get_value(device->store, WARNINGS_NAME, &arena, &value, error);
    if (status == SATCHEL_OK && value.bytes == sizeof device->warnings) {
        device->warnings = satchel_get_u32be(value.data);
    } else if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
    }
    satchel_arena_deinit(&arena);
    return status;
}

/* --- what the store knows of its anchor --- */

static satchel_status put_anchor(satchel_store *store, const satchel_anchor *anchor, satchel_error *error) {
    satchel_buffer value = {0};
    satchel_status status = satchel_buffer_append_byte(&value, anchor->told ? FORMAT : FORMAT_UNTOLD);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(&value, satchel_id_view(&anchor->id));
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(&value, anchor->base);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_put_value(store, ANCHOR_NAME, satchel_buffer_view(&value), error);
    }
    satchel_buffer_deinit(&value);
    return status;
}

static satchel_status save_anchor(satchel_device *device, satchel_error *error) {
    satchel_status status = put_anchor(device->store, &device->anchor, error);
    device->anchor.on = status == SATCHEL_OK;
    return status;
}

static bool read_anchor(satchel_bytes value, satchel_anchor *out) {
    satchel_reader reader = satchel_reader_of(value);
    uint8_t format = 0;
    satchel_bytes id;
    bool whole = satchel_reader_byte(&reader, &format) == SATCHEL_OK && (format == FORMAT || format == FORMAT_UNTOLD) &&
                 satchel_reader_take(&reader, SATCHEL_ID_BYTES, &id) == SATCHEL_OK &&
                 satchel_id_from(id, &out->id) == SATCHEL_OK &&
                 satchel_reader_varint(&reader, &out->base) == SATCHEL_OK;
    out->told = format == FORMAT;
    return whole;
}

/* `out->on` false: the store has none. */
static satchel_status load_anchor(satchel_store *store, satchel_anchor *out, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes value = {0};
    *out = (satchel_anchor){.written = SATCHEL_ANCHOR_UNKNOWN};
    satchel_status status = satchel_store_get_value(store, ANCHOR_NAME, &arena, &value, error);
    if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
    } else if (status == SATCHEL_OK) {
        out->on = read_anchor(value, out);
        status = out->on ? SATCHEL_OK : satchel_fail(error, SATCHEL_DAMAGED, "the store's anchor cannot be read");
    }
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_anchor_leap(satchel_store *store, satchel_error *error) {
    satchel_anchor anchor;
    satchel_status status = load_anchor(store, &anchor, error);
    if (status != SATCHEL_OK || !anchor.on) {
        return status;
    }
    anchor.base += LEAP;
    return put_anchor(store, &anchor, error);
}

/* --- the keystore's record --- */

typedef struct anchor_record {
    bool found;
    satchel_id id;
    uint64_t count;
} anchor_record;

static satchel_status read_record(const satchel_device *device, anchor_record *out, satchel_error *error) {
    const satchel_key_provider *keys = &device->config.keys;
    uint8_t bytes[SATCHEL_ANCHOR_BYTES] = {0};
    size_t count = 0;
    *out = (anchor_record){.found = false};
    satchel_status status = keys->anchor_read(keys->context, bytes, &count);
    if (status == SATCHEL_NOT_FOUND || status == SATCHEL_KEY_GONE) {
        return SATCHEL_OK;
    }
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the keystore does not give the store's anchor");
    }
    if (count == RECORD_BYTES && bytes[0] == FORMAT) {
        out->found = true;
        memcpy(out->id.bytes, bytes + 1, SATCHEL_ID_BYTES);
        out->count = satchel_get_u64be(bytes + 1 + SATCHEL_ID_BYTES);
    }
    return SATCHEL_OK;
}

void satchel_anchor_write(satchel_device *device) {
    const satchel_key_provider *keys = &device->config.keys;
    satchel_anchor *anchor = &device->anchor;
    uint8_t record[RECORD_BYTES] = {FORMAT};
    if (!anchor->on || device->store == NULL || keys->anchor_write == NULL || anchor->written == count_of(device)) {
        return;
    }
    uint64_t count = count_of(device);
    memcpy(record + 1, anchor->id.bytes, SATCHEL_ID_BYTES);
    satchel_put_u64be(record + 1 + SATCHEL_ID_BYTES, count);
    anchor->writes++;
    if (keys->anchor_write(keys->context, record, sizeof record) == SATCHEL_OK) {
        anchor->written = count;
    }
    int64_t wall_ms;
    satchel_device_clock(device, &wall_ms, &anchor->written_ms, NULL);
}

void satchel_anchor_note(satchel_device *device) {
    int64_t wall_ms;
    int64_t now_ms;
    if (!device->anchor.on || device->anchor.written == count_of(device)) {
        return;
    }
    satchel_device_clock(device, &wall_ms, &now_ms, NULL);
    if (now_ms < device->anchor.written_ms || now_ms - device->anchor.written_ms >= SATCHEL_ANCHOR_STEP_MS) {
        satchel_anchor_write(device);
    }
}

/* --- comparing --- */

/* From here on the store is another one to the server, which settles by their bytes what it knows of its ops. */
static satchel_status begin_life(satchel_device *device, satchel_error *error) {
    uint8_t token[SATCHEL_TOKEN_BYTES];
    satchel_id incarnation;
    satchel_sync_state state;
    satchel_status status = satchel_store_sync_state(device->store, &state, error);
    if (status != SATCHEL_OK || satchel_id_is_none(&state.incarnation)) {
        return status;
    }
    status = satchel_random_fill(satchel_device_random(device), token, sizeof token);
    if (status == SATCHEL_OK) {
        status = satchel_device_new_id(device, &incarnation);
    }
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the random source failed");
    }
    satchel_sync_begin_life(&state, &incarnation, token);
    return satchel_store_save_sync_state(device->store, &state, error);
}

/* The base leaps last: a kill before it leaves a store that is found old again. */
static satchel_status go_on_from_old(satchel_device *device, uint64_t anchored, satchel_error *error) {
    satchel_status status = begin_life(device, error);
    if (status == SATCHEL_OK) {
        status = satchel_device_warn(device, SATCHEL_WARNING_ROLLED_BACK, error);
    }
    if (status == SATCHEL_OK) {
        device->anchor.base = anchored + 1 - satchel_store_moves(device->store);
        status = save_anchor(device, error);
    }
    return status;
}

static satchel_status name_anchor(satchel_device *device, satchel_error *error) {
    satchel_status status = satchel_device_new_id(device, &device->anchor.id);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the random source failed");
    }
    return save_anchor(device, error);
}

static satchel_status compare(satchel_device *device, const anchor_record *record, satchel_error *error) {
    if (!record->found || !satchel_id_equal(&record->id, &device->anchor.id)) {
        if (!device->anchor.told) {
            return SATCHEL_OK; /* nothing is lost: a kill, or the keystore's failure, kept the first record back */
        }
        return satchel_device_warn(device, SATCHEL_WARNING_ANCHOR_LOST, error);
    }
    if (record->count <= count_of(device)) {
        device->anchor.written = record->count;
        return SATCHEL_OK;
    }
    if ((device->settings.policy & SATCHEL_POLICY_LOCK_ROLLED_BACK) != 0 && !device->config.accept_rolled_back) {
        return satchel_fail(error, SATCHEL_ROLLED_BACK, "the store was put back to an earlier state");
    }
    return go_on_from_old(device, record->count, error);
}

satchel_status satchel_anchor_check(satchel_device *device, bool fresh, satchel_error *error) {
    const satchel_key_provider *keys = &device->config.keys;
    anchor_record record;
    satchel_status status = load_anchor(device->store, &device->anchor, error);
    if (status != SATCHEL_OK || keys->anchor_read == NULL || keys->anchor_write == NULL) {
        return status;
    }
    status = read_record(device, &record, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (device->anchor.on) {
        status = compare(device, &record, error);
    } else {
        /* The first anchor of this store. One of a store from before it had any is older than all of them. */
        bool older = record.found && !fresh;
        status = older ? begin_life(device, error) : SATCHEL_OK;
        if (status == SATCHEL_OK && older) {
            status = satchel_device_warn(device, SATCHEL_WARNING_ROLLED_BACK, error);
        }
        if (status == SATCHEL_OK) {
            status = name_anchor(device, error);
        }
    }
    if (status == SATCHEL_OK) {
        satchel_anchor_write(device);
    }
    if (status == SATCHEL_OK && !device->anchor.told && device->anchor.written == count_of(device)) {
        device->anchor.told = true;
        status = save_anchor(device, error);
    }
    return status;
}
