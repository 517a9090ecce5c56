/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing what phones show with what the server knows, and the fence that follows.
 */
#include "service/evidence.h"

#include "base/error.h"
#include "crypto/secret.h"
#include "service/audit.h"
#include "service/returned.h"

#include <satchel/model.h>

/* What an epoch behind this one began with; INT64_MAX: nothing can be held against it. */
static satchel_status least_behind(satchel_db *db, const char *sql, uint64_t epoch, uint64_t *out,
                                   satchel_error *error) {
    int64_t least = INT64_MAX;
    satchel_status status = SATCHEL_DB_NUMBER(db, error, &least, INT64_MAX, sql, satchel_db_count(epoch));
    *out = (uint64_t)least;
    return status;
}

static satchel_status fence(const satchel_service *service, satchel_db *db, const satchel_id *device, uint64_t serial,
                            satchel_error *error) {
    const satchel_audit_entry entry = {.action = "later state shown",
                                       .device = *device,
                                       .subject_entity = SATCHEL_ENTITY_DEVICE,
                                       .subject_row = *device,
                                       .status = SATCHEL_DAMAGED};
    satchel_status status = satchel_audit_note(service, db, &entry, error);
    if (status == SATCHEL_OK) {
        status = satchel_ledger_want(db, serial, error);
    }
    return status == SATCHEL_OK ? satchel_epoch_fence(service, db, SATCHEL_FENCE_BEHIND, error) : status;
}

satchel_status satchel_evidence_of_checkpoint(const satchel_service *service, satchel_db *db,
                                              const satchel_checkpoint *shown, bool *out_fenced, satchel_error *error) {
    const satchel_id nobody = {{0}};
    satchel_counter counter;
    uint64_t most = 0;
    *out_fenced = false;
    satchel_status status = satchel_counter_read(db, &counter, error);
    if (status != SATCHEL_OK || shown->epoch == 0) {
        return status;
    }
    if (shown->epoch < counter.epoch) {
        status = least_behind(db, "SELECT min(ledger_serial) FROM epoch WHERE number > ?1", shown->epoch, &most, error);
        *out_fenced = shown->ledger > most;
    } else {
        status = satchel_ledger_head(db, &most, error);
        *out_fenced = shown->epoch > counter.epoch || shown->n > counter.n || shown->ledger > most;
    }
    return status == SATCHEL_OK && *out_fenced ? fence(service, db, &nobody, shown->ledger, error) : status;
}

static bool bears_receipt(const satchel_arrived_unit *units, uint32_t unit_count) {
    bool bears = false;
    for (uint32_t i = 0; i < unit_count; i++) {
        bears = bears || units[i].shown.receipt.bytes > 0;
    }
    return bears;
}

/* The first number that the present epoch gave out itself: no other can have given it out before. */
static const char begins_sql[] =
    "SELECT max(begins_n) FROM epoch WHERE number > ?1 AND ledger_serial < 9223372036854775807";

satchel_status satchel_evidence_of_units(const satchel_service *service, satchel_db *db, const satchel_id *device,
                                         const satchel_arrived_unit *units, uint32_t unit_count, bool *out_fenced,
                                         satchel_error *error) {
    uint8_t key[SATCHEL_KEY_BYTES] = {0};
    satchel_counter counter;
    *out_fenced = false;
    if (!bears_receipt(units, unit_count)) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_counter_read(db, &counter, error);
    if (status == SATCHEL_OK) {
        status = satchel_company_key(db, "receipts", key, error);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < unit_count && !*out_fenced; i++) {
        satchel_receipt_facts facts;
        uint64_t begins_n = 0;
        if (units[i].shown.receipt.bytes == 0 ||
            !satchel_receipt_check(key, device, units[i].digest, &units[i].shown, &facts)) {
            continue;
        }
        status = least_behind(db, begins_sql, facts.epoch, &begins_n, error);
        bool ended = facts.epoch < counter.epoch;
        *out_fenced =
            status == SATCHEL_OK && (ended ? facts.n >= begins_n : facts.epoch > counter.epoch || facts.n > counter.n);
    }
    satchel_secret_wipe(key, sizeof key);
    return status == SATCHEL_OK && *out_fenced ? fence(service, db, device, 0, error) : status;
}

satchel_status satchel_evidence_look(const satchel_service *service, satchel_db *db, const satchel_id *device,
                                     satchel_bytes witness, const satchel_arrived_unit *units, uint32_t unit_count,
                                     bool *out_fenced, satchel_error *error) {
    satchel_company company;
    satchel_checkpoint shown;
    satchel_status status = satchel_evidence_of_units(service, db, device, units, unit_count, out_fenced, error);
    if (status != SATCHEL_OK || *out_fenced || witness.bytes == 0) {
        return status;
    }
    status = satchel_company_get(service, db, &company, error);
    return status == SATCHEL_OK && satchel_checkpoint_read(witness, company.public_key, &shown, NULL) == SATCHEL_OK
               ? satchel_evidence_of_checkpoint(service, db, &shown, out_fenced, error)
               : status;
}
