/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of order_book and device_orders, and the block that is made of them.
 */
#include "service/orders.h"

#include "base/error.h"
#include "base/ids.h"
#include "crypto/secret.h"
#include "service/audit.h"
#include "service/command.h"

#include <satchel/model.h>
#include <string.h>

static const char state_sql[] =
    "SELECT b.policy_serial, b.lease_days, b.minimum_app, b.checkpoint_position, b.checkpoint_ms, c.audit_position,"
    " o.serial, o.command, o.heard, o.receipt_kind, w.position, w.bad_position, w.at_ms FROM order_book b"
    " CROSS JOIN counter c LEFT JOIN device_orders o ON o.device = ?1 LEFT JOIN audit_witness w ON w.device = ?1"
    " WHERE b.one = 1";

satchel_status satchel_order_state_load(satchel_db *db, const satchel_id *device, satchel_order_state *out,
                                        satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    *out = (satchel_order_state){0};
    satchel_status status = SATCHEL_DB_START(&statement, db, error, state_sql, satchel_value_id(device));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && found) {
        uint64_t own = satchel_db_uint(statement, 6);
        uint64_t company = satchel_db_uint(statement, 0);
        *out = (satchel_order_state){.serial = own > company ? own : company,
                                     .heard = satchel_db_uint(statement, 8),
                                     .command = (satchel_order_command)satchel_db_int(statement, 7),
                                     .lease_days = (uint32_t)satchel_db_uint(statement, 1),
                                     .minimum_app = (uint32_t)satchel_db_uint(statement, 2),
                                     .receipt_kind = (satchel_receipt_kind)satchel_db_int(statement, 9),
                                     .checkpoint_position = satchel_db_uint(statement, 3),
                                     .checkpoint_ms = satchel_db_int(statement, 4),
                                     .audit_position = satchel_db_uint(statement, 5),
                                     .witness_position = satchel_db_uint(statement, 10),
                                     .bad_position = satchel_db_uint(statement, 11),
                                     .witness_ms = satchel_db_int(statement, 12)};
    }
    satchel_db_end(statement);
    return status;
}

/* --- giving orders --- */

/* Above all that was given out in an earlier epoch, too: a restored server may have forgotten some. */
static satchel_status next_serial(satchel_db *db, int64_t *out, satchel_error *error) {
    satchel_counter counter;
    satchel_status status = satchel_counter_read(db, &counter, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    uint64_t least = ((uint64_t)(counter.epoch - 1) << 32) + 1;
    return SATCHEL_DB_NUMBER(db, error, out, 0,
                             "UPDATE order_book SET serial = CASE WHEN serial + 1 > ?1 THEN serial + 1 ELSE ?1 END"
                             " WHERE one = 1 RETURNING serial",
                             satchel_db_count(least));
}

satchel_status satchel_orders_renew(satchel_db *db, satchel_error *error) {
    int64_t serial = 0;
    satchel_status status = next_serial(db, &serial, error);
    return status == SATCHEL_OK ? SATCHEL_DB_RUN(db, error, "UPDATE order_book SET policy_serial = ?1 WHERE one = 1",
                                                 satchel_value_int(serial))
                                : status;
}

satchel_status satchel_orders_command(const satchel_service *service, satchel_db *db, const satchel_id *device,
                                      satchel_order_command command, satchel_error *error) {
    int64_t serial = 0;
    satchel_status status = next_serial(db, &serial, error);
    return status == SATCHEL_OK
               ? SATCHEL_DB_RUN(db, error,
                                "INSERT INTO device_orders (device, serial, command, ordered_ms, heard, heard_ms,"
                                " receipt_kind, receipt_ms, receipt) VALUES (?1, ?2, ?3, ?4, 0, 0, 0, 0, '')"
                                " ON CONFLICT (device) DO UPDATE SET serial = excluded.serial,"
                                " command = excluded.command, ordered_ms = excluded.ordered_ms",
                                satchel_value_id(device), satchel_value_int(serial), satchel_value_int(command),
                                satchel_value_time(satchel_service_now_ms(service)))
               : status;
}

satchel_status satchel_orders_build(const satchel_service *service, satchel_db *db, const satchel_id *device,
                                    const satchel_order_state *state, satchel_buffer *out, satchel_error *error) {
    satchel_company_policy policy;
    int64_t limit_bp = 0;
    int64_t steps = 0;
    uint8_t secret[SATCHEL_SIGN_SECRET_BYTES];
    satchel_status status = satchel_store_policy_get(db, &policy, error);
    if (status == SATCHEL_OK) {
        status = satchel_company_secret(db, secret, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_rule_get(db, SATCHEL_RULE_DISCOUNT_LIMIT_BP, &limit_bp, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_rule_get(db, SATCHEL_RULE_APPROVE_DISCOUNT, &steps, error);
    }
    if (status == SATCHEL_OK) {
        satchel_orders orders = {.device = *device,
                                 .serial = state->serial,
                                 .policy = policy.flags,
                                 .lease_days = state->lease_days,
                                 .minimum_app = state->minimum_app,
                                 .command = state->command,
                                 .issued_ms = satchel_service_now_ms(service),
                                 .discount_limit_bp = (uint32_t)limit_bp,
                                 .discount_steps = (uint32_t)steps};
        memcpy(orders.recovery_key, policy.recovery_key, sizeof orders.recovery_key);
        status = satchel_orders_sign(&orders, secret, out);
        status = status == SATCHEL_OK ? status : satchel_fail(error, status, "orders cannot be written");
    }
    satchel_secret_wipe(secret, sizeof secret);
    return status;
}

/* --- what the phone says of them --- */

satchel_status satchel_orders_heard(const satchel_service *service, satchel_db *db, const satchel_id *device,
                                    uint64_t serial, satchel_error *error) {
    if (serial > INT64_MAX) {
        return SATCHEL_OK; /* nobody ordered that */
    }
    return SATCHEL_DB_RUN(db, error,
                          "INSERT INTO device_orders (device, serial, command, ordered_ms, heard, heard_ms,"
                          " receipt_kind, receipt_ms, receipt) VALUES (?1, 0, 0, 0, ?2, ?3, 0, 0, '')"
                          " ON CONFLICT (device) DO UPDATE SET heard = excluded.heard, heard_ms = excluded.heard_ms"
                          " WHERE device_orders.heard < excluded.heard",
                          satchel_value_id(device), satchel_db_count(serial),
                          satchel_value_time(satchel_service_now_ms(service)));
}

satchel_status satchel_orders_forget(satchel_db *db, const satchel_id *device, satchel_error *error) {
    satchel_status status =
        SATCHEL_DB_RUN(db, error, "UPDATE device_orders SET heard = 0 WHERE device = ?1", satchel_value_id(device));
    return status == SATCHEL_OK
               ? SATCHEL_DB_RUN(db, error, "DELETE FROM audit_witness WHERE device = ?1 AND bad_position = 0",
                                satchel_value_id(device))
               : status;
}

static satchel_status note_receipt(const satchel_service *service, satchel_db *db, const satchel_id *device,
                                   const satchel_order_receipt *receipt, satchel_bytes bytes, satchel_error *error) {
    bool retired = receipt->kind == SATCHEL_RECEIPT_RETIRED;
    const satchel_audit_entry entry = {.action = retired ? "device retired" : "device wiped",
                                       .device = *device,
                                       .subject_entity = SATCHEL_ENTITY_DEVICE,
                                       .subject_row = *device};
    satchel_status status = SATCHEL_DB_RUN(
        db, error,
        "INSERT INTO device_orders (device, serial, command, ordered_ms, heard, heard_ms, receipt_kind, receipt_ms,"
        " receipt) VALUES (?1, 0, 0, 0, ?2, ?3, ?4, ?3, ?5) ON CONFLICT (device) DO UPDATE SET heard = excluded.heard,"
        " heard_ms = excluded.heard_ms, receipt_kind = excluded.receipt_kind, receipt_ms = excluded.receipt_ms,"
        " receipt = excluded.receipt",
        satchel_value_id(device), satchel_db_count(receipt->serial),
        satchel_value_time(satchel_service_now_ms(service)), satchel_value_int(receipt->kind),
        satchel_value_bytes(bytes));
    /* There is nobody behind this key any more. */
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(db, error, "UPDATE device_state SET revoked = 1 WHERE device = ?1",
                                satchel_value_id(device));
    }
    return status == SATCHEL_OK ? satchel_audit_note(service, db, &entry, error) : status;
}

satchel_status satchel_orders_receive(const satchel_service *service, satchel_db *db, const satchel_id *device,
                                      satchel_bytes bytes, satchel_error *error) {
    satchel_order_receipt receipt;
    satchel_order_state state;
    if (satchel_order_receipt_read(bytes, &receipt, NULL) != SATCHEL_OK || receipt.serial > INT64_MAX) {
        return SATCHEL_OK; /* a receipt that nobody can read says nothing */
    }
    satchel_status status = satchel_order_state_load(db, device, &state, error);
    /* The first one counts: an answer that was lost makes the phone say it again. */
    return status == SATCHEL_OK && state.receipt_kind == 0 ? note_receipt(service, db, device, &receipt, bytes, error)
                                                           : status;
}
