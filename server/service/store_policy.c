/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the company asks of the stores on its phones: the recovery key of escrow slots, and the policy. A phone is told
 * at enrolment, under the proof of its code. The secret half of the recovery key never comes here.
 */
#include "base/error.h"
#include "base/ids.h"
#include "service/state.h"

#include "service/audit.h"
#include "service/orders.h"

#include <string.h>

#define RECOVERY "recovery_public"
#define POLICY "store_policy"

static satchel_status get_bytes(satchel_db *db, const char *name, uint8_t *out, size_t bytes, satchel_error *error) {
    satchel_arena arena;
    satchel_bytes found = {NULL, 0};
    satchel_arena_init(&arena);
    memset(out, 0, bytes);
    satchel_status status = satchel_meta_get(db, name, &arena, &found, error);
    if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
    } else if (status == SATCHEL_OK && found.bytes != bytes) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "the company's value %s", name);
    } else if (status == SATCHEL_OK) {
        memcpy(out, found.data, bytes);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status get_numbers(satchel_db *db, satchel_company_policy *out, satchel_error *error) {
    const satchel_id none = {{0}};
    satchel_order_state state;
    satchel_status status = satchel_order_state_load(db, &none, &state, error);
    out->lease_days = status == SATCHEL_OK ? state.lease_days : 0;
    out->minimum_app = status == SATCHEL_OK ? state.minimum_app : 0;
    return status;
}

static satchel_status set_numbers(satchel_db *db, const satchel_company_policy *policy, satchel_error *error) {
    satchel_status status =
        SATCHEL_DB_RUN(db, error, "UPDATE order_book SET lease_days = ?1, minimum_app = ?2 WHERE one = 1",
                       satchel_db_count(policy->lease_days), satchel_db_count(policy->minimum_app));
    return status == SATCHEL_OK ? satchel_orders_renew(db, error) : status;
}

satchel_status satchel_store_policy_get(satchel_db *db, satchel_company_policy *out, satchel_error *error) {
    uint8_t flags[4];
    satchel_status status = get_bytes(db, RECOVERY, out->recovery_key, sizeof out->recovery_key, error);
    if (status == SATCHEL_OK) {
        status = get_bytes(db, POLICY, flags, sizeof flags, error);
    }
    out->flags = status == SATCHEL_OK ? satchel_get_u32be(flags) : 0;
    return status == SATCHEL_OK ? get_numbers(db, out, error) : status;
}

satchel_status satchel_store_policy_set(const satchel_service *service, satchel_db *db,
                                        const satchel_company_policy *policy, satchel_error *error) {
    uint8_t flags[4];
    satchel_company company;
    const satchel_audit_entry entry = {.action = "store policy"};
    satchel_put_u32be(flags, policy->flags);
    if (policy->lease_days > SATCHEL_LEASE_DAYS_MOST) {
        return satchel_fail(error, SATCHEL_OUT_OF_RANGE, "a lease has at most %d days", SATCHEL_LEASE_DAYS_MOST);
    }
    satchel_status status = satchel_company_get(service, db, &company, error);
    if (status == SATCHEL_OK) {
        status =
            satchel_meta_put(db, RECOVERY, satchel_bytes_of(policy->recovery_key, sizeof policy->recovery_key), error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_meta_put(db, POLICY, satchel_bytes_of(flags, sizeof flags), error);
    }
    if (status == SATCHEL_OK) {
        status = set_numbers(db, policy, error);
    }
    return status == SATCHEL_OK ? satchel_audit_note(service, db, &entry, error) : status;
}
