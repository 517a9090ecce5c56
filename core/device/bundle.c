/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the support bundle. What goes in is named here line by line, so that nothing goes in by accident: no value of
 * a row, no text of a rule, no address is ever formatted.
 */
#include <satchel/bundle.h>
#include <satchel/version.h>

#include "device/device.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"

#include <satchel/model.h>
#include <sqlite3.h>
#include <time.h>

typedef struct bundle {
    satchel_device *device;
    satchel_buffer text;
    satchel_status status; /* the first failure; later lines are then nothing */
} bundle;

static void put_number(bundle *out, const char *name, uint64_t value) {
    if (out->status == SATCHEL_OK) {
        out->status = satchel_buffer_append_format(&out->text, "%s %llu\n", name, (unsigned long long)value);
    }
}

static void put_signed(bundle *out, const char *name, int64_t value) {
    if (out->status == SATCHEL_OK) {
        out->status = satchel_buffer_append_format(&out->text, "%s %lld\n", name, (long long)value);
    }
}

static void put_word(bundle *out, const char *name, const char *word) {
    if (out->status == SATCHEL_OK) {
        out->status = satchel_buffer_append_format(&out->text, "%s %s\n", name, word);
    }
}

static void put_versions(bundle *out) {
    char id[SATCHEL_ID_TEXT_BYTES];
    satchel_id_write(&out->device->identity.device, id);
    put_word(out, "satchel.bundle", "1");
    put_word(out, "version", satchel_version());
    put_number(out, "schema", satchel_schema_version());
    put_word(out, "sqlite", sqlite3_libversion());
    put_word(out, "device", out->device->identity.enrolled ? id : "not-enrolled");
}

static void put_counts(bundle *out, const satchel_device_info *info) {
    put_number(out, "units.unsent", info->units_unsent);
    put_number(out, "ops.refused", info->ops_refused);
    put_number(out, "ops.parked", info->ops_parked);
    put_number(out, "conflicts.open", info->conflicts_open);
    put_number(out, "rows", info->rows);
    put_number(out, "position.epoch", info->position.epoch);
    put_number(out, "position.n", info->position.n);
    put_number(out, "sync.first-done", info->first_sync_done ? 1 : 0);
    put_word(out, "sync.status", satchel_status_name(info->last_sync_status));
    put_signed(out, "sync.last-ms", info->last_sync_ms);
    put_number(out, "warnings", info->warnings);
    put_number(out, "disk.low", info->disk_low ? 1 : 0);
    put_number(out, "upgrade.done", info->upgrade_done);
    put_number(out, "upgrade.total", info->upgrade_total);
    put_number(out, "escrowed", info->escrowed ? 1 : 0);
    put_number(out, "pin.required", info->pin_required ? 1 : 0);
    put_number(out, "orders.serial", info->orders_serial);
    put_number(out, "orders.retiring", info->retiring ? 1 : 0);
    put_number(out, "lease.days", info->lease_days);
    put_signed(out, "lease.left-ms", info->lease_left_ms);
    put_number(out, "store.repairs", info->repairs);
    put_number(out, "audit.position", info->audit_position);
    put_number(out, "audit.findings", info->audit_findings);
}

static void put_stats(bundle *out, const satchel_store_stats *stats) {
    put_number(out, "store.bytes", stats->file_bytes);
    put_number(out, "log.bytes", stats->log_bytes);
    put_number(out, "vault.refused-opens", stats->refused_opens);
    put_number(out, "vault.pages-sealed", stats->pages_sealed);
    put_number(out, "vault.pages-opened", stats->pages_opened);
    put_number(out, "vault.cipher", (uint64_t)stats->cipher);
    put_number(out, "vault.wrong-pins", stats->wrong_pins);
    put_number(out, "vault.tail", stats->tail);
    put_number(out, "vault.pin-alone", stats->pin_alone ? 1 : 0);
    put_number(out, "vault.anchored", stats->anchored ? 1 : 0);
    put_number(out, "vault.healed", stats->key_file_healed ? 1 : 0);
}

static void put_health(bundle *out, const satchel_device_health *health) {
    if (health == NULL) {
        put_word(out, "check", "not-made");
        return;
    }
    put_word(out, "check", health->healthy ? "healthy" : "damaged");
    put_word(out, "check.status", satchel_status_name(health->status));
    put_number(out, "check.pages", health->pages);
    put_number(out, "check.pages-bad", health->pages_bad);
    put_number(out, "check.frames", health->frames);
    put_number(out, "check.frames-bad", health->frames_bad);
    put_number(out, "check.ops", health->ops);
    put_number(out, "check.ops-waiting", health->ops_waiting);
    put_number(out, "check.ops-lost", health->ops_lost);
    put_number(out, "check.quarantined", health->quarantined);
}

static const char *entity_name(uint32_t number) {
    const satchel_schema schema = {&satchel_generated_model, NULL, 0};
    const satchel_entity *entity = satchel_schema_entity(&schema, number);
    return entity != NULL ? entity->name : "unknown";
}

static satchel_status put_state(void *context, const satchel_state_view *op) {
    bundle *out = context;
    return satchel_buffer_append_format(&out->text, "op %llu unit %llu %s state %u %s held-by %llu\n",
                                        (unsigned long long)op->sequence, (unsigned long long)op->unit,
                                        entity_name(op->entity), (unsigned)op->state, satchel_status_name(op->status),
                                        (unsigned long long)op->held_by);
}

static int64_t microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static satchel_status fill(bundle *out, const satchel_device_health *health, satchel_error *error) {
    satchel_device_info info;
    satchel_store_stats stats;
    int64_t began = microseconds();
    satchel_status status = satchel_device_get_info(out->device, &info, error);
    int64_t counted = microseconds();
    if (status == SATCHEL_OK) {
        status = satchel_device_get_stats(out->device, &stats, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_device_enter(out->device, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    put_versions(out);
    put_counts(out, &info);
    put_stats(out, &stats);
    put_health(out, health);
    int64_t walked = microseconds();
    if (out->status == SATCHEL_OK) {
        status = satchel_store_walk_states(out->device->store, SATCHEL_BUNDLE_OPS_MOST, put_state, out, error);
    }
    put_signed(out, "timing.count-us", counted - began);
    put_signed(out, "timing.log-us", microseconds() - walked);
    satchel_device_leave(out->device);
    return status == SATCHEL_OK && out->status != SATCHEL_OK
               ? satchel_fail(error, out->status, "no memory for a support bundle")
               : status;
}

satchel_status satchel_bundle_write(satchel_device *device, const satchel_device_health *health,
                                    satchel_bundle_taker taken, void *context, satchel_error *error) {
    bundle out = {.device = device};
    satchel_error_clear(error);
    satchel_status status = fill(&out, health, error);
    if (status == SATCHEL_OK) {
        status = taken(context, satchel_text_from(satchel_buffer_view(&out.text)));
    }
    satchel_buffer_deinit(&out.text);
    return status;
}
