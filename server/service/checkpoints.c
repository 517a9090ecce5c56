/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints: the chain's end, signed now and then, handed to the phones and shown by them again.
 *
 * What was handed out cannot be called back: a chain that is cut or written anew contradicts some phone. What this does
 * not show: entries behind the newest checkpoint that any phone holds, and lies told before they were entered.
 */
#include "service/orders.h"

#include "base/error.h"
#include "base/ids.h"
#include "crypto/secret.h"
#include "service/audit.h"
#include "service/ledger.h"

#include <satchel/model.h>
#include <string.h>

bool satchel_checkpoint_due(const satchel_service *service, const satchel_order_state *state) {
    int64_t hour = satchel_service_now_ms(service) / SATCHEL_CHECKPOINT_STEP_MS;
    return state->checkpoint_position == 0 || state->checkpoint_ms / SATCHEL_CHECKPOINT_STEP_MS != hour;
}

static satchel_status keep_checkpoint(satchel_db *db, const satchel_checkpoint *checkpoint, satchel_bytes block,
                                      satchel_error *error) {
    satchel_status status =
        SATCHEL_DB_RUN(db, error,
                       "INSERT INTO audit_checkpoint (position, at_ms, hash, block) VALUES (?1, ?2, ?3, ?4)"
                       " ON CONFLICT (position) DO UPDATE SET at_ms = excluded.at_ms, block = excluded.block",
                       satchel_db_count(checkpoint->position), satchel_value_time(checkpoint->at_ms),
                       satchel_db_blob(checkpoint->hash, sizeof checkpoint->hash), satchel_value_bytes(block));
    return status == SATCHEL_OK
               ? SATCHEL_DB_RUN(db, error,
                                "UPDATE order_book SET checkpoint_position = ?1, checkpoint_ms = ?2"
                                " WHERE one = 1",
                                satchel_db_count(checkpoint->position), satchel_value_time(checkpoint->at_ms))
               : status;
}

satchel_status satchel_checkpoint_make(const satchel_service *service, satchel_db *db, satchel_error *error) {
    satchel_counter counter;
    satchel_order_state state;
    const satchel_id none = {{0}};
    uint8_t secret[SATCHEL_SIGN_SECRET_BYTES] = {0};
    satchel_buffer block = {0};
    satchel_status status = satchel_counter_read(db, &counter, error);
    if (status == SATCHEL_OK) {
        status = satchel_order_state_load(db, &none, &state, error);
    }
    if (status != SATCHEL_OK || !satchel_checkpoint_due(service, &state)) {
        return status;
    }
    satchel_checkpoint checkpoint = {.position = counter.audit_position,
                                     .at_ms = satchel_service_now_ms(service),
                                     .epoch = counter.epoch,
                                     .n = counter.n};
    memcpy(checkpoint.hash, counter.audit_hash, sizeof checkpoint.hash);
    status = satchel_ledger_known(db, &checkpoint.ledger, error);
    if (status == SATCHEL_OK) {
        status = satchel_company_secret(db, secret, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_checkpoint_sign(&checkpoint, secret, &block);
        status = status == SATCHEL_OK ? status : satchel_fail(error, status, "a checkpoint cannot be written");
    }
    if (status == SATCHEL_OK) {
        status = keep_checkpoint(db, &checkpoint, satchel_buffer_view(&block), error);
    }
    satchel_secret_wipe(secret, sizeof secret);
    satchel_buffer_deinit(&block);
    return status;
}

/* The only column of the only row, copied; empty if there is none. */
static satchel_status get_bytes(satchel_db *db, const char *sql, uint64_t number, satchel_arena *arena,
                                satchel_bytes *out, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    *out = (satchel_bytes){NULL, 0};
    satchel_status status = SATCHEL_DB_START(&statement, db, error, sql, satchel_db_count(number));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && found) {
        status = satchel_arena_copy(arena, satchel_db_bytes(statement, 0), out);
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_checkpoint_newest(satchel_db *db, satchel_arena *arena, satchel_bytes *out,
                                         satchel_error *error) {
    return get_bytes(db, "SELECT block FROM audit_checkpoint WHERE position >= ?1 ORDER BY position DESC LIMIT 1", 0,
                     arena, out, error);
}

satchel_status satchel_audit_hash_at(satchel_db *db, uint64_t position, uint8_t out[SATCHEL_HASH_BYTES],
                                     bool *out_found, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes hash = {NULL, 0};
    memset(out, 0, SATCHEL_HASH_BYTES);
    satchel_status status =
        position > INT64_MAX
            ? SATCHEL_OK
            : get_bytes(db, "SELECT \"hash\" FROM \"audit_event\" WHERE rowid = ?1", position, &arena, &hash, error);
    *out_found = status == SATCHEL_OK && hash.bytes == SATCHEL_HASH_BYTES;
    if (*out_found) {
        memcpy(out, hash.data, hash.bytes);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status keep_witness(const satchel_service *service, satchel_db *db, const satchel_id *device,
                                   const satchel_checkpoint *shown, satchel_error *error) {
    return SATCHEL_DB_RUN(db, error,
                          "INSERT INTO audit_witness (device, position, at_ms, hash, seen_ms, bad_position, bad_ms,"
                          " bad_hash) VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, '') ON CONFLICT (device) DO UPDATE SET"
                          " position = excluded.position, at_ms = excluded.at_ms, hash = excluded.hash,"
                          " seen_ms = excluded.seen_ms",
                          satchel_value_id(device), satchel_db_count(shown->position), satchel_value_time(shown->at_ms),
                          satchel_db_blob(shown->hash, sizeof shown->hash),
                          satchel_value_time(satchel_service_now_ms(service)));
}

/* The evidence stays; what the phone holds counts as nothing, so that it is given what there is now. */
static satchel_status raise_alarm(const satchel_service *service, satchel_db *db, const satchel_id *device,
                                  const satchel_checkpoint *shown, satchel_error *error) {
    const satchel_audit_entry alarm = {.action = "audit contradicted",
                                       .device = *device,
                                       .subject_entity = SATCHEL_ENTITY_DEVICE,
                                       .subject_row = *device,
                                       .status = SATCHEL_DAMAGED};
    satchel_status status = SATCHEL_DB_RUN(
        db, error,
        "INSERT INTO audit_witness (device, position, at_ms, hash, seen_ms, bad_position, bad_ms, bad_hash)"
        " VALUES (?1, 0, 0, '', ?2, ?3, ?4, ?5) ON CONFLICT (device) DO UPDATE SET position = 0, hash = '',"
        " seen_ms = excluded.seen_ms, bad_position = excluded.bad_position, bad_ms = excluded.bad_ms,"
        " bad_hash = excluded.bad_hash",
        satchel_value_id(device), satchel_value_time(satchel_service_now_ms(service)),
        satchel_db_count(shown->position), satchel_value_time(shown->at_ms),
        satchel_db_blob(shown->hash, sizeof shown->hash));
    if (status == SATCHEL_OK) {
        status = satchel_audit_note(service, db, &alarm, error);
    }
    return status == SATCHEL_OK ? satchel_metric_add(db, "audit_alarms", 1, error) : status;
}

satchel_status satchel_witness_take(const satchel_service *service, satchel_db *db, const satchel_id *device,
                                    satchel_bytes block, satchel_error *error) {
    satchel_company company;
    satchel_checkpoint shown;
    satchel_order_state before;
    uint8_t hash[SATCHEL_HASH_BYTES];
    bool found = false;
    satchel_status status = satchel_company_get(service, db, &company, error);
    if (status != SATCHEL_OK || satchel_checkpoint_read(block, company.public_key, &shown, NULL) != SATCHEL_OK) {
        return status; /* not the company's: it proves nothing */
    }
    status = satchel_order_state_load(db, device, &before, error);
    if (status == SATCHEL_OK) {
        status = satchel_audit_hash_at(db, shown.position, hash, &found, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    if (found && memcmp(hash, shown.hash, sizeof hash) == 0) {
        return keep_witness(service, db, device, &shown, error);
    }
    return before.bad_position == 0 ? raise_alarm(service, db, device, &shown, error) : SATCHEL_OK;
}

/* --- comparing --- */

/* Everything that somebody holds of the chain, beside what the chain says there. */
#define HELD                                                                                                           \
    "FROM (SELECT device, position, hash FROM audit_witness WHERE position > 0"                                        \
    " UNION ALL SELECT device, bad_position, bad_hash FROM audit_witness WHERE bad_position > 0"                       \
    " UNION ALL SELECT ?1, position, hash FROM audit_checkpoint) h"                                                    \
    " LEFT JOIN \"audit_event\" e ON e.rowid = h.position WHERE "

static satchel_status find_held(satchel_db *db, const char *sql, uint64_t below, uint64_t *out_position,
                                satchel_id *out_device, satchel_error *error) {
    const satchel_id none = {{0}};
    satchel_db_statement *statement = NULL;
    bool found = false;
    satchel_status status =
        SATCHEL_DB_START(&statement, db, error, sql, satchel_value_id(&none), satchel_db_count(below));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    *out_position = status == SATCHEL_OK && found ? satchel_db_uint(statement, 0) : 0;
    *out_device = status == SATCHEL_OK && found ? satchel_db_id(statement, 1) : none;
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_audit_compare(satchel_db *db, satchel_audit_comparison *out, satchel_error *error) {
    satchel_counter counter;
    satchel_id ignored;
    int64_t witnesses = 0;
    *out = (satchel_audit_comparison){0};
    satchel_status status = satchel_counter_read(db, &counter, error);
    if (status == SATCHEL_OK) {
        out->entries = counter.audit_position;
        status = satchel_db_number_values(db, "SELECT count(*) FROM audit_witness", NULL, 0, 0, &witnesses, error);
        out->witnesses = (uint64_t)witnesses;
    }
    if (status == SATCHEL_OK) {
        status = find_held(db,
                           "SELECT h.position, h.device " HELD
                           "(e.\"hash\" IS NULL OR e.\"hash\" <> h.hash) AND h.position < ?2"
                           " ORDER BY h.position, h.device DESC LIMIT 1",
                           INT64_MAX, &out->contradicted, &out->device, error);
    }
    if (status == SATCHEL_OK && out->contradicted != 0) {
        status = find_held(db,
                           "SELECT h.position, h.device " HELD
                           "e.\"hash\" = h.hash AND h.position < ?2 ORDER BY h.position DESC LIMIT 1",
                           out->contradicted, &out->agreed, &ignored, error);
    }
    return status;
}
