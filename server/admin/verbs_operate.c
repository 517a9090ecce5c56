/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verbs for who runs the server: status, day, audit.
 */
#include "admin/command.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "base/times.h"
#include "service/returned_list.h"
#include "service/tombstone.h"

#include <string.h>

static satchel_status tell_counts(satchel_command *command, const satchel_company *company,
                                  const satchel_service_counts *counts) {
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {{"epoch", counts->epoch},
                   {"revision", counts->n},
                   {"users", counts->users},
                   {"devices", counts->devices},
                   {"devices_revoked", counts->devices_revoked},
                   {"units_applied", counts->units_applied},
                   {"units_refused", counts->units_refused},
                   {"units_parked", counts->units_parked},
                   {"units_held", counts->units_held},
                   {"units_quarantined", counts->units_quarantined},
                   {"stored_answers", counts->stored_answers},
                   {"digest_repairs", counts->digest_repairs},
                   {"digest_books", counts->digest_books},
                   {"conflicts", counts->conflicts},
                   {"conflicts_open", counts->conflicts_open},
                   {"parked_open", counts->parked_open},
                   {"audit_entries", counts->audit_entries},
                   {"audit_alarms", counts->audit_alarms},
                   {"backups", counts->backups},
                   {"backup_age_s", counts->backup_age_s},
                   {"fenced", counts->fenced},
                   {"role_troubles", counts->role_troubles}};
    if (json_object_set_new(command->result, "company", json_string(company->name)) != 0) {
        return SATCHEL_NO_MEMORY;
    }
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        json_t *value = json_integer((json_int_t)figures[i].value);
        if (json_object_set_new(command->result, figures[i].name, value) != 0) {
            return SATCHEL_NO_MEMORY;
        }
    }
    return SATCHEL_OK;
}

/* Up to where traces of what left may go, and the device that needs the rest. */
static satchel_status tell_horizon(satchel_command *command, const satchel_horizon *horizon) {
    char device[SATCHEL_ID_TEXT_BYTES] = "";
    if (!satchel_id_is_none(&horizon->held_by)) {
        satchel_id_write(&horizon->held_by, device);
    }
    json_t *out = command->result;
    bool told = json_object_set_new(out, "horizon", json_integer((json_int_t)horizon->n)) == 0 &&
                json_object_set_new(out, "horizon_pruned", json_integer((json_int_t)horizon->pruned)) == 0 &&
                json_object_set_new(out, "horizon_device", json_string(device)) == 0;
    return told ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

/* What phones brought back after a restore and found no place: see the verb returned. */
static satchel_status tell_returned(satchel_command *command, satchel_db *db, satchel_error *error) {
    uint64_t count = 0;
    satchel_status status = satchel_returned_count(db, &count, error);
    bool told = json_object_set_new(command->result, "returned_waiting", json_integer((json_int_t)count)) == 0;
    return status == SATCHEL_OK && !told ? SATCHEL_NO_MEMORY : status;
}

static satchel_status tell_clock(satchel_command *command) {
    char now[SATCHEL_TIME_TEXT_BYTES];
    satchel_time_write(satchel_service_now_ms(command->service), now);
    bool rehearsal = satchel_host_clock_offset_ms(command->host) != 0;
    bool whole = json_object_set_new(command->result, "time", json_string(now)) == 0 &&
                 json_object_set_new(command->result, "rehearsal", json_boolean(rehearsal)) == 0;
    return whole ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status count(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    (void)context;
    satchel_company company;
    satchel_service_counts counts;
    satchel_horizon horizon;
    satchel_status status = satchel_company_get(command->service, db, &company, error);
    if (status == SATCHEL_OK) {
        status = satchel_service_count(command->service, db, &counts, error);
    }
    if (status == SATCHEL_OK) {
        status = tell_counts(command, &company, &counts);
    }
    if (status == SATCHEL_OK) {
        status = satchel_horizon_read(command->service, db, &horizon, error);
    }
    if (status == SATCHEL_OK) {
        status = tell_horizon(command, &horizon);
    }
    if (status == SATCHEL_OK) {
        status = tell_returned(command, db, error);
    }
    return status == SATCHEL_OK ? tell_clock(command) : status;
}

satchel_status satchel_verb_status(satchel_command *command, satchel_error *error) {
    struct poptOption table[] = {POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    if (status == SATCHEL_OK && command->argument_count != 1) {
        status = satchel_command_usage(command, error);
    }
    return status == SATCHEL_OK ? satchel_command_read(command, count, NULL, error) : status;
}

satchel_status satchel_verb_day(satchel_command *command, satchel_error *error) {
    struct poptOption table[] = {POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (command->argument_count > 2) {
        return satchel_command_usage(command, error);
    }
    if (command->argument_count == 2) {
        int64_t day = SATCHEL_HOST_REAL_DAY;
        if (strcmp(command->arguments[1], "real") != 0 &&
            satchel_day_read(satchel_text_of(command->arguments[1]), &day) != SATCHEL_OK) {
            return satchel_command_usage(command, error);
        }
        status = satchel_host_set_day(command->host, day, error);
    }
    return status == SATCHEL_OK ? tell_clock(command) : status;
}

/* What phones hold shows more than the chain can: that its end is missing, or all of it was written anew. */
static satchel_status compare(satchel_command *command, satchel_db *db, satchel_error *error) {
    satchel_audit_comparison held;
    char device[SATCHEL_ID_TEXT_BYTES] = "no phone";
    satchel_status status = satchel_audit_compare(db, &held, error);
    if (status == SATCHEL_OK &&
        json_object_set_new(command->result, "witnesses", json_integer((json_int_t)held.witnesses)) != 0) {
        status = SATCHEL_NO_MEMORY;
    }
    if (status != SATCHEL_OK || held.contradicted == 0) {
        return status;
    }
    if (!satchel_id_is_none(&held.device)) {
        satchel_id_write(&held.device, device);
    }
    unsigned long long first = held.agreed + 1;
    return held.contradicted > held.entries
               ? satchel_fail(error, SATCHEL_DAMAGED,
                              "the audit ends with entry %llu, and entry %llu was handed out (device %s)",
                              (unsigned long long)held.entries, (unsigned long long)held.contradicted, device)
               : satchel_fail(error, SATCHEL_DAMAGED,
                              "the first bad entry is one of %llu to %llu: what was handed out differs (device %s)",
                              first, (unsigned long long)held.contradicted, device);
}

static satchel_status verify(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    (void)context;
    uint64_t bad = 0;
    uint64_t entries = 0;
    satchel_status status = satchel_audit_verify(db, &bad, &entries, error);
    if (status == SATCHEL_OK &&
        json_object_set_new(command->result, "entries", json_integer((json_int_t)entries)) != 0) {
        status = SATCHEL_NO_MEMORY;
    }
    if (status == SATCHEL_OK && bad != 0) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "entry %llu of the audit does not fit the one before it",
                              (unsigned long long)bad);
    }
    return status == SATCHEL_OK ? compare(command, db, error) : status;
}

satchel_status satchel_verb_audit(satchel_command *command, satchel_error *error) {
    struct poptOption table[] = {POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    if (status == SATCHEL_OK && !satchel_command_is(command, "verify", 2)) {
        status = satchel_command_usage(command, error);
    }
    return status == SATCHEL_OK ? satchel_command_read(command, verify, NULL, error) : status;
}
