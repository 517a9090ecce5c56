/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolment codes, devices, and units that an operator must look at.
 */
#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "service/desk.h"
#include "service/ledger.h"
#include "service/orders.h"

#include <satchel/model.h>
#include <string.h>

static satchel_status store_code(satchel_desk *desk, const satchel_id *user, const satchel_issued_code *code) {
    uint8_t key[SATCHEL_CODE_KEY_BYTES];
    const satchel_id none = {{0}};
    satchel_code_key(code->code, key);
    /* What has run out is forgotten, with the codes of devices that were enrolled by it. */
    satchel_status status = SATCHEL_DB_RUN(desk->db, desk->error, "DELETE FROM enrolment_code WHERE expires_ms < ?1",
                                           satchel_value_time(desk->change.now_ms));
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(desk->db, desk->error,
                                "INSERT INTO enrolment_code (code_key, code, owner, expires_ms, public_key, device)"
                                " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                                satchel_db_blob(key, sizeof key), satchel_db_blob(code->code, sizeof code->code),
                                satchel_value_id(user), satchel_value_time(code->expires_ms), satchel_db_blob(NULL, 0),
                                satchel_value_id(&none));
    }
    return status;
}

satchel_status satchel_code_issue(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                  const satchel_id *user, satchel_issued_code *out, satchel_error *error) {
    satchel_desk desk;
    satchel_stored_row row;
    satchel_company company;
    *out = (satchel_issued_code){.expires_ms = satchel_service_now_ms(service) + SATCHEL_CODE_LIFE_MS};
    satchel_status status = satchel_desk_open(&desk, service, db, actor, 0, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_desk_require(&desk, SATCHEL_ENTITY_USER, SATCHEL_VERB_EDIT);
    if (status == SATCHEL_OK) {
        status = satchel_stored_row_load(service->tables, db, SATCHEL_ENTITY_USER, user, &desk.arena, &row, error);
    }
    if (status == SATCHEL_OK && (!row.merged.exists || row.merged.deleted)) {
        status = satchel_fail(error, SATCHEL_NOT_FOUND, "there is no such user");
    }
    if (status == SATCHEL_OK) {
        status = satchel_company_get(service, db, &company, error);
        memcpy(out->server_key, company.public_key, sizeof out->server_key);
    }
    if (status == SATCHEL_OK &&
        satchel_random_fill(service->platform.random, out->code, sizeof out->code) != SATCHEL_OK) {
        status = satchel_fail(error, SATCHEL_RANDOM_FAILED, "no randomness for a code");
    }
    if (status == SATCHEL_OK) {
        status = store_code(&desk, user, out);
    }
    return satchel_desk_close(&desk, status, "code issued", SATCHEL_ENTITY_USER, user);
}

/* --- devices --- */

static const char devices_sql[] =
    "SELECT s.device, s.owner, d.\"name\", d.\"platform\", s.enrolled_ms, s.seen_ms, i.applied_through, s.revoked,"
    " o.command, o.receipt_kind, o.receipt_ms, o.receipt, o.heard, o.serial, b.policy_serial, w.position,"
    " w.bad_position FROM device_state s JOIN \"device\" d ON d.\"id\" = s.device JOIN incarnation i"
    " ON i.number = s.incarnation CROSS JOIN order_book b LEFT JOIN device_orders o ON o.device = s.device"
    " LEFT JOIN audit_witness w ON w.device = s.device WHERE b.one = 1"
    " ORDER BY s.enrolled_ms, s.device";

static bool orders_pending(const satchel_db_statement *statement) {
    uint64_t heard = satchel_db_uint(statement, 12);
    return satchel_db_uint(statement, 13) > heard || satchel_db_uint(statement, 14) > heard;
}

/* What the phone said that it lost when it ended. */
static const satchel_device_row *add_losses(const satchel_db_statement *statement, satchel_device_row *row) {
    satchel_order_receipt receipt;
    if (row->receipt_kind != 0 &&
        satchel_order_receipt_read(satchel_db_bytes(statement, 11), &receipt, NULL) == SATCHEL_OK) {
        row->lost_counted = receipt.counted;
        row->lost = receipt.units_unsent + receipt.inbox_items + receipt.ops_aside;
    }
    return row;
}

satchel_status satchel_devices_list(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                    satchel_device_visitor visit, void *context, satchel_error *error) {
    satchel_desk desk;
    satchel_db_statement *statement = NULL;
    satchel_status status = satchel_desk_enter(&desk, service, db, actor, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_desk_require(&desk, SATCHEL_ENTITY_DEVICE, SATCHEL_VERB_READ);
    if (status == SATCHEL_OK) {
        status = satchel_db_start(&statement, db, devices_sql, NULL, 0, error);
    }
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            satchel_device_row row = {.id = satchel_db_id(statement, 0),
                                      .user = satchel_db_id(statement, 1),
                                      .name = satchel_text_from(satchel_db_bytes(statement, 2)),
                                      .platform = satchel_text_from(satchel_db_bytes(statement, 3)),
                                      .enrolled_ms = satchel_db_int(statement, 4),
                                      .seen_ms = satchel_db_int(statement, 5),
                                      .applied_through = satchel_db_uint(statement, 6),
                                      .revoked = satchel_db_int(statement, 7) != 0,
                                      .command = (satchel_order_command)satchel_db_int(statement, 8),
                                      .receipt_kind = (satchel_receipt_kind)satchel_db_int(statement, 9),
                                      .receipt_ms = satchel_db_int(statement, 10),
                                      .orders_pending = orders_pending(statement),
                                      .witness_position = satchel_db_uint(statement, 15),
                                      .bad_position = satchel_db_uint(statement, 16)};
            status = visit(context, add_losses(statement, &row));
        }
    }
    satchel_db_end(statement);
    satchel_desk_leave(&desk);
    return status;
}

static satchel_status mark(satchel_desk *desk, const satchel_id *device, int64_t device_status) {
    satchel_stored_row row;
    const uint32_t changed = SATCHEL_DEVICE_STATUS;
    satchel_value value = satchel_value_int(device_status);
    satchel_status status = satchel_stored_row_load(desk->service->tables, desk->db, SATCHEL_ENTITY_DEVICE, device,
                                                    &desk->arena, &row, desk->error);
    if (status == SATCHEL_OK && row.merged.exists) {
        status = satchel_change_put(&desk->change, &row, changed, &value);
        if (status == SATCHEL_OK) {
            status = satchel_change_save(&desk->change, &row, &changed, 1, desk->error);
        }
    }
    return status;
}

/* What a command does on the server at once. */
typedef struct device_ending {
    const char *action;
    satchel_order_command command;
    bool revokes;
    int64_t device_status;
} device_ending;

static satchel_status end_device(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                 const satchel_id *device, const device_ending *ending, satchel_error *error) {
    satchel_desk desk;
    satchel_device_state state;
    satchel_status status = satchel_desk_open(&desk, service, db, actor, 0, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_desk_require(&desk, SATCHEL_ENTITY_DEVICE, SATCHEL_VERB_EDIT);
    if (status == SATCHEL_OK) {
        status = satchel_device_state_load(db, device, &state, error);
    }
    if (status == SATCHEL_OK && state.revoked && !ending->revokes) {
        status = satchel_fail(error, SATCHEL_REVOKED, "the device is revoked: it can hand nothing over any more");
    }
    if (status == SATCHEL_OK && ending->revokes) {
        const satchel_ledger_entry revoked = {.kind = SATCHEL_LEDGER_REVOKED, .id = *device};
        state.revoked = true;
        status = satchel_device_state_save(db, &state, error);
        if (status == SATCHEL_OK) {
            status = satchel_ledger_put(db, &revoked, error);
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_orders_command(service, db, device, ending->command, error);
    }
    if (status == SATCHEL_OK) {
        status = mark(&desk, device, ending->device_status);
    }
    return satchel_desk_close(&desk, status, ending->action, SATCHEL_ENTITY_DEVICE, device);
}

satchel_status satchel_device_revoke(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                     const satchel_id *device, satchel_error *error) {
    static const device_ending ending = {"device revoked", SATCHEL_ORDER_NONE, true, SATCHEL_DEVICE_STATUS_REVOKED};
    return end_device(service, db, actor, device, &ending, error);
}

satchel_status satchel_device_order_wipe(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                         const satchel_id *device, satchel_error *error) {
    static const device_ending ending = {"wipe ordered", SATCHEL_ORDER_WIPE, true, SATCHEL_DEVICE_STATUS_REVOKED};
    return end_device(service, db, actor, device, &ending, error);
}

satchel_status satchel_device_order_retirement(const satchel_service *service, satchel_db *db,
                                               const satchel_actor *actor, const satchel_id *device,
                                               satchel_error *error) {
    static const device_ending ending = {"retirement ordered", SATCHEL_ORDER_RETIRE, false,
                                         SATCHEL_DEVICE_STATUS_RETIRING};
    return end_device(service, db, actor, device, &ending, error);
}

/* --- quarantine --- */

satchel_status satchel_quarantine_list(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                       satchel_kept_visitor visit, void *context, satchel_error *error) {
    satchel_desk desk;
    satchel_db_statement *statement = NULL;
    satchel_status status = satchel_desk_enter(&desk, service, db, actor, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_desk_require(&desk, SATCHEL_ENTITY_REFUSAL, SATCHEL_VERB_READ);
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_START(&statement, db, error,
                                  "SELECT i.device, k.first_sequence, k.reason, k.at_ms, k.unit FROM kept_unit k JOIN"
                                  " incarnation i ON i.number = k.incarnation WHERE k.reason = ?1 ORDER BY k.at_ms",
                                  satchel_value_int(SATCHEL_QUARANTINED));
    }
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            satchel_id device = satchel_db_id(statement, 0);
            status =
                visit(context, &device, satchel_db_uint(statement, 1), (satchel_status)satchel_db_int(statement, 2),
                      satchel_db_int(statement, 3), satchel_db_bytes(statement, 4));
        }
    }
    satchel_db_end(statement);
    satchel_desk_leave(&desk);
    return status;
}
