/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb bundle: what support may know of a server. Ids of devices, numbers and names of statuses; no value, no name.
 */
#include "admin/command.h"

#include "base/error.h"

#include <string.h>

static satchel_status append_device(void *context, const satchel_device_row *row) {
    json_t *object =
        json_pack("{s:o, s:I, s:I, s:I, s:b, s:i, s:b, s:i, s:I, s:I}", "id", satchel_json_id(&row->id), "enrolled_ms",
                  (json_int_t)row->enrolled_ms, "seen_ms", (json_int_t)row->seen_ms, "applied_through",
                  (json_int_t)row->applied_through, "revoked", row->revoked ? 1 : 0, "command", (int)row->command,
                  "orders_pending", row->orders_pending ? 1 : 0, "receipt", (int)row->receipt_kind, "witness",
                  (json_int_t)row->witness_position, "contradicts", (json_int_t)row->bad_position);
    return object != NULL && json_array_append_new(context, object) == 0 ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status append_kept(void *context, const satchel_id *device, uint64_t first_sequence,
                                  satchel_status reason, int64_t at_ms, satchel_bytes unit) {
    json_t *object = json_pack("{s:o, s:I, s:s, s:I, s:I}", "device", satchel_json_id(device), "first_sequence",
                               (json_int_t)first_sequence, "reason", satchel_status_name(reason), "at_ms",
                               (json_int_t)at_ms, "bytes", (json_int_t)unit.bytes);
    return object != NULL && json_array_append_new(context, object) == 0 ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status put_counts(satchel_command *command, satchel_db *db, satchel_error *error) {
    satchel_service_counts counts;
    satchel_status status = satchel_service_count(command->service, db, &counts, error);
    json_t *object = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "epoch",
        (json_int_t)counts.epoch, "n", (json_int_t)counts.n, "users", (json_int_t)counts.users, "devices",
        (json_int_t)counts.devices, "units_applied", (json_int_t)counts.units_applied, "units_refused",
        (json_int_t)counts.units_refused, "units_parked", (json_int_t)counts.units_parked, "units_held",
        (json_int_t)counts.units_held, "units_quarantined", (json_int_t)counts.units_quarantined, "stored_answers",
        (json_int_t)counts.stored_answers, "conflicts_open", (json_int_t)counts.conflicts_open, "parked_open",
        (json_int_t)counts.parked_open, "memberships", (json_int_t)counts.memberships, "audit_entries",
        (json_int_t)counts.audit_entries, "audit_alarms", (json_int_t)counts.audit_alarms);
    if (status == SATCHEL_OK && json_object_set(command->result, "counts", object) != 0) {
        status = SATCHEL_NO_MEMORY;
    }
    json_decref(object);
    return status;
}

static satchel_status put_audit(satchel_command *command, satchel_db *db, satchel_error *error) {
    uint64_t bad = 0;
    uint64_t entries = 0;
    satchel_audit_comparison held;
    satchel_status status = satchel_audit_verify(db, &bad, &entries, error);
    if (status == SATCHEL_OK) {
        status = satchel_audit_compare(db, &held, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    json_t *object = json_pack("{s:I, s:I, s:I, s:I}", "entries", (json_int_t)entries, "bad", (json_int_t)bad,
                               "witnesses", (json_int_t)held.witnesses, "contradicted", (json_int_t)held.contradicted);
    return json_object_set_new(command->result, "audit", object) == 0 ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status gather(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const satchel_actor system = satchel_actor_system();
    json_t *devices = json_array();
    json_t *kept = json_array();
    (void)context;
    bool whole = json_object_set_new(command->result, "schema", json_integer(command->schema->model->version)) == 0 &&
                 json_object_set_new(command->result, "devices", devices) == 0 &&
                 json_object_set_new(command->result, "quarantine", kept) == 0;
    satchel_status status = whole ? put_counts(command, db, error) : SATCHEL_NO_MEMORY;
    if (status == SATCHEL_OK) {
        status = put_audit(command, db, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_devices_list(command->service, db, &system, append_device, devices, error);
    }
    return status == SATCHEL_OK ? satchel_quarantine_list(command->service, db, &system, append_kept, kept, error)
                                : status;
}

satchel_status satchel_verb_bundle(satchel_command *command, satchel_error *error) {
    struct poptOption table[] = {POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    if (status == SATCHEL_OK && command->argument_count != 1) {
        status = satchel_command_usage(command, error);
    }
    return status == SATCHEL_OK ? satchel_command_read(command, gather, NULL, error) : status;
}
