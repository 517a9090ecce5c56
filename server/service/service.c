/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening the service, the counter row, named values, and what is counted.
 */
#include "service/backup.h"
#include "service/ledger.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/times.h"
#include "service/lift.h"
#include "service/mend.h"
#include "service/policies.h"

#include <string.h>

/* --- opening --- */

static satchel_status create_tables(const satchel_tables *tables, satchel_db *db, satchel_error *error) {
    satchel_status status = satchel_db_begin(db, SATCHEL_DB_WRITE, error);
    if (status == SATCHEL_OK) {
        status = satchel_db_tables_create(tables, db, error);
    }
    if (status == SATCHEL_OK) {
        return satchel_db_commit(db, error);
    }
    satchel_db_rollback(db);
    return status;
}

/* Rows of custom fields are read with the bare model, then the schema is made with them. */
static satchel_status load_schema(satchel_service *service, satchel_db *db, satchel_error *error) {
    satchel_custom_field *custom = NULL;
    uint32_t count = 0;
    satchel_status status = satchel_db_begin(db, SATCHEL_DB_READ, error);
    if (status == SATCHEL_OK) {
        status = satchel_custom_fields_load(service->tables, db, &service->arena, &custom, &count, error);
        satchel_db_rollback(db);
    }
    if (status == SATCHEL_OK) {
        status = satchel_schema_init(&service->schema, &satchel_generated_model, custom, count, error);
    }
    /* Definitions that contradict each other must not keep the server from starting. */
    if (status == SATCHEL_INVALID_ARGUMENT) {
        status = satchel_schema_init(&service->schema, &satchel_generated_model, NULL, 0, error);
    }
    return status;
}

/* What an older server left in the company's scope is walked to its place while the server is idle. */
static satchel_status find_old_pools(satchel_db *db, satchel_error *error) {
    satchel_status status = satchel_db_begin(db, SATCHEL_DB_WRITE, error);
    if (status == SATCHEL_OK) {
        status = satchel_mend_pools(db, error);
    }
    if (status == SATCHEL_OK) {
        return satchel_db_commit(db, error);
    }
    satchel_db_rollback(db);
    return status;
}

satchel_status satchel_service_open(satchel_service **out, const satchel_service_platform *platform, satchel_db *db,
                                    satchel_error *error) {
    *out = NULL;
    satchel_service *service = satchel_memory_take(sizeof *service);
    if (service == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the service");
    }
    service->platform = *platform;
    satchel_arena_init(&service->arena);
    satchel_status status = satchel_crypto_init();
    if (status == SATCHEL_OK) {
        status = satchel_policies_open(service, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_schema_init(&service->schema, &satchel_generated_model, NULL, 0, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_db_tables_open(&service->tables, &service->schema, satchel_db_dialect(db));
    }
    if (status == SATCHEL_OK) {
        status = create_tables(service->tables, db, error);
    }
    if (status == SATCHEL_OK) {
        status = load_schema(service, db, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_service_lift(service, db, error);
    }
    if (status == SATCHEL_OK) {
        status = find_old_pools(db, error);
    }
    if (status != SATCHEL_OK) {
        satchel_service_close(service);
        return status;
    }
    *out = service;
    return SATCHEL_OK;
}

void satchel_service_close(satchel_service *service) {
    if (service != NULL) {
        satchel_policies_close(service);
        satchel_db_tables_close(service->tables);
        satchel_arena_deinit(&service->arena);
        satchel_memory_give(service);
    }
}

const satchel_schema *satchel_service_schema(const satchel_service *service) {
    return &service->schema;
}

int64_t satchel_service_now_ms(const satchel_service *service) {
    return service->platform.now_ms(service->platform.context);
}

int64_t satchel_service_today(const satchel_service *service) {
    return satchel_day_of(satchel_service_now_ms(service), service->platform.zone_minutes);
}

satchel_status satchel_service_make_id(const satchel_service *service, satchel_id *out, satchel_error *error) {
    uint8_t random[SATCHEL_ID_RANDOM_BYTES];
    if (satchel_random_fill(service->platform.random, random, sizeof random) != SATCHEL_OK) {
        return satchel_fail(error, SATCHEL_RANDOM_FAILED, "no randomness for an id");
    }
    *out = satchel_id_make(satchel_service_now_ms(service), random);
    return SATCHEL_OK;
}

bool satchel_status_refuses(satchel_status status) {
    satchel_status_class of_class = satchel_status_class_of(status);
    return of_class == SATCHEL_CLASS_USER || of_class == SATCHEL_CLASS_ACCESS;
}

bool satchel_status_is_of_machine(satchel_status status) {
    switch (status) {
    case SATCHEL_NO_MEMORY:
    case SATCHEL_IO_ERROR:
    case SATCHEL_DISK_FULL:
    case SATCHEL_BUSY:
    case SATCHEL_RANDOM_FAILED: return true;
    default: return false;
    }
}

/* --- the counter --- */

satchel_status satchel_counter_read(satchel_db *db, satchel_counter *out, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    *out = (satchel_counter){0};
    satchel_status status = satchel_db_start(
        &statement, db,
        "SELECT epoch, n, audit_position, audit_hash, day, reserved_n, erasures, fenced FROM counter WHERE one = 1",
        NULL, 0, error);
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && !found) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "the counter row is gone");
    }
    if (status == SATCHEL_OK) {
        satchel_bytes hash = satchel_db_bytes(statement, 3);
        out->epoch = (uint32_t)satchel_db_uint(statement, 0);
        out->n = satchel_db_uint(statement, 1);
        out->audit_position = satchel_db_uint(statement, 2);
        out->day = satchel_db_int(statement, 4);
        out->reserved_n = satchel_db_uint(statement, 5);
        out->erasures = satchel_db_uint(statement, 6);
        out->fenced = (satchel_fence)satchel_db_int(statement, 7);
        if (hash.bytes == sizeof out->audit_hash) {
            memcpy(out->audit_hash, hash.data, hash.bytes);
        }
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_counter_write(satchel_db *db, const satchel_counter *counter, satchel_error *error) {
    uint64_t reserved = counter->reserved_n;
    satchel_status status = SATCHEL_OK;
    if (counter->n > reserved) {
        reserved = counter->n + SATCHEL_LEDGER_RESERVE;
        status = satchel_ledger_reserve(db, counter->epoch, reserved, error);
    }
    return status == SATCHEL_OK
               ? SATCHEL_DB_RUN(db, error,
                                "UPDATE counter SET epoch = ?1, n = ?2, audit_position = ?3, audit_hash = ?4, day = ?5,"
                                " reserved_n = ?6, erasures = ?7, fenced = ?8 WHERE one = 1",
                                satchel_db_count(counter->epoch), satchel_db_count(counter->n),
                                satchel_db_count(counter->audit_position),
                                satchel_db_blob(counter->audit_hash, sizeof counter->audit_hash),
                                satchel_value_int(counter->day), satchel_db_count(reserved),
                                satchel_db_count(counter->erasures), satchel_value_int(counter->fenced))
               : status;
}

/* --- named values --- */

satchel_status satchel_meta_get(satchel_db *db, const char *name, satchel_arena *arena, satchel_bytes *out,
                                satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    *out = (satchel_bytes){NULL, 0};
    satchel_status status = SATCHEL_DB_START(&statement, db, error, "SELECT value FROM meta WHERE name = ?1",
                                             satchel_value_text(satchel_text_of(name)));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && found) {
        status = satchel_arena_copy(arena, satchel_db_bytes(statement, 0), out);
    } else if (status == SATCHEL_OK) {
        status = satchel_fail(error, SATCHEL_NOT_FOUND, "%s is not set", name);
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_meta_put(satchel_db *db, const char *name, satchel_bytes value, satchel_error *error) {
    return SATCHEL_DB_RUN(db, error,
                          "INSERT INTO meta (name, value) VALUES (?1, ?2)"
                          " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                          satchel_value_text(satchel_text_of(name)), satchel_value_bytes(value));
}

satchel_status satchel_metric_add(satchel_db *db, const char *name, uint64_t count, satchel_error *error) {
    return SATCHEL_DB_RUN(db, error,
                          "INSERT INTO metric (name, value) VALUES (?1, ?2)"
                          " ON CONFLICT (name) DO UPDATE SET value = metric.value + excluded.value",
                          satchel_value_text(satchel_text_of(name)), satchel_db_count(count));
}

/* --- counts --- */

/* Where each count comes from; metrics are counted as they happen, the others are looked up. */
static const struct {
    size_t place;
    const char *sql;
} counts[] = {
    {offsetof(satchel_service_counts, users), "SELECT count(*) FROM \"user\" WHERE \"deleted\" = 0"},
    {offsetof(satchel_service_counts, devices), "SELECT count(*) FROM device_state"},
    {offsetof(satchel_service_counts, devices_revoked), "SELECT count(*) FROM device_state WHERE revoked = 1"},
    {offsetof(satchel_service_counts, units_applied), "SELECT value FROM metric WHERE name = 'units_applied'"},
    {offsetof(satchel_service_counts, units_refused), "SELECT value FROM metric WHERE name = 'units_refused'"},
    {offsetof(satchel_service_counts, units_parked), "SELECT value FROM metric WHERE name = 'units_parked'"},
    {offsetof(satchel_service_counts, units_held), "SELECT value FROM metric WHERE name = 'units_held'"},
    {offsetof(satchel_service_counts, units_quarantined), "SELECT value FROM metric WHERE name = 'units_quarantined'"},
    {offsetof(satchel_service_counts, stored_answers), "SELECT value FROM metric WHERE name = 'stored_answers'"},
    {offsetof(satchel_service_counts, digest_repairs), "SELECT value FROM metric WHERE name = 'digest_repairs'"},
    {offsetof(satchel_service_counts, digest_books), "SELECT value FROM metric WHERE name = 'digest_books'"},
    {offsetof(satchel_service_counts, conflicts), "SELECT count(*) FROM \"conflict\""},
    {offsetof(satchel_service_counts, conflicts_open), "SELECT count(*) FROM \"conflict\" WHERE \"status\" = 1"},
    {offsetof(satchel_service_counts, parked_open), "SELECT count(*) FROM \"parked_edit\" WHERE \"status\" = 1"},
    {offsetof(satchel_service_counts, memberships), "SELECT coalesce(sum(members), 0) FROM scope"},
    {offsetof(satchel_service_counts, audit_entries), "SELECT audit_position FROM counter"},
    {offsetof(satchel_service_counts, audit_alarms), "SELECT value FROM metric WHERE name = 'audit_alarms'"},
    {offsetof(satchel_service_counts, backups), "SELECT count(*) FROM backup"},
    {offsetof(satchel_service_counts, fenced), "SELECT fenced FROM counter"},
    {offsetof(satchel_service_counts, n), "SELECT n FROM counter"},
};

satchel_status satchel_service_count(const satchel_service *service, satchel_db *db, satchel_service_counts *out,
                                     satchel_error *error) {
    *out = (satchel_service_counts){0};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int64_t value = 0;
        satchel_status status = satchel_db_number_values(db, counts[i].sql, NULL, 0, 0, &value, error);
        if (status != SATCHEL_OK) {
            return status;
        }
        uint64_t count = (uint64_t)value;
        memcpy((uint8_t *)out + counts[i].place, &count, sizeof count);
    }
    int64_t epoch = 0;
    const satchel_policy_book *book = NULL;
    satchel_status status = satchel_db_number_values(db, "SELECT epoch FROM counter", NULL, 0, 0, &epoch, error);
    out->epoch = (uint32_t)epoch;
    if (status == SATCHEL_OK) {
        status = satchel_policy_now(service, db, &book, error);
    }
    out->role_troubles = status == SATCHEL_OK ? book->trouble_count : 0;
    satchel_backup_last last = {.number = 0};
    if (status == SATCHEL_OK) {
        status = satchel_backup_newest(db, &last, error);
    }
    int64_t age_ms = last.number != 0 ? satchel_service_now_ms(service) - last.at_ms : 0;
    out->backup_age_s = age_ms > 0 ? (uint64_t)age_ms / 1000 : 0;
    return status;
}
