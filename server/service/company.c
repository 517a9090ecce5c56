/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The company: its name, its keys, its days.
 */
#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "crypto/secret.h"
#include "service/mend.h"
#include "service/people_moves.h"
#include "service/policies.h"
#include "service/pool.h"

#include <satchel/model.h>
#include <string.h>

#define NAME "company_name"
#define SEED "company_seed"
#define PUBLIC "company_public"

static satchel_status check_name(satchel_text name, satchel_error *error) {
    if (name.bytes == 0) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a company has a name");
    }
    if (name.bytes > SATCHEL_COMPANY_NAME_BYTES) {
        return satchel_fail(error, SATCHEL_TOO_LONG, "the name has more than %d bytes", SATCHEL_COMPANY_NAME_BYTES);
    }
    return satchel_text_valid(name) ? SATCHEL_OK : satchel_fail(error, SATCHEL_BAD_TEXT, "the name is not UTF-8");
}

static satchel_status make_keys(const satchel_service *service, satchel_db *db, satchel_error *error) {
    uint8_t seed[SATCHEL_KEY_BYTES];
    uint8_t public_key[SATCHEL_SIGN_PUBLIC_BYTES];
    uint8_t secret[SATCHEL_SIGN_SECRET_BYTES];
    if (satchel_random_fill(service->platform.random, seed, sizeof seed) != SATCHEL_OK) {
        return satchel_fail(error, SATCHEL_RANDOM_FAILED, "no randomness for the company's keys");
    }
    satchel_sign_keys(seed, public_key, secret);
    satchel_status status = satchel_meta_put(db, SEED, satchel_bytes_of(seed, sizeof seed), error);
    if (status == SATCHEL_OK) {
        status = satchel_meta_put(db, PUBLIC, satchel_bytes_of(public_key, sizeof public_key), error);
    }
    satchel_secret_wipe(seed, sizeof seed);
    satchel_secret_wipe(secret, sizeof secret);
    return status;
}

satchel_status satchel_company_init(const satchel_service *service, satchel_db *db, satchel_text name,
                                    satchel_error *error) {
    satchel_company company;
    uint32_t scope = 0;
    const satchel_id none = {{0}};
    satchel_status status = check_name(name, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_company_get(service, db, &company, error);
    if (status == SATCHEL_OK) {
        return satchel_fail(error, SATCHEL_ALREADY_EXISTS, "there is a company already");
    }
    if (status != SATCHEL_NOT_FOUND) {
        return status;
    }
    status = satchel_meta_put(db, NAME, satchel_text_bytes(name), error);
    if (status == SATCHEL_OK) {
        status = make_keys(service, db, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_scope_take(db, SATCHEL_SCOPE_COMPANY, &none, &scope, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_scope_take(db, SATCHEL_SCOPE_UNOWNED, &none, &scope, error);
    }
    if (status == SATCHEL_OK) {
        const satchel_audit_entry entry = {.action = "company init"};
        status = satchel_audit_note(service, db, &entry, error);
    }
    satchel_error_clear(status == SATCHEL_OK ? error : NULL);
    return status;
}

satchel_status satchel_company_get(const satchel_service *service, satchel_db *db, satchel_company *out,
                                   satchel_error *error) {
    satchel_arena arena;
    satchel_bytes name = {NULL, 0};
    satchel_bytes key = {NULL, 0};
    satchel_counter counter;
    (void)service;
    *out = (satchel_company){.name = ""};
    satchel_arena_init(&arena);
    satchel_status status = satchel_meta_get(db, NAME, &arena, &name, error);
    if (status == SATCHEL_OK) {
        status = satchel_meta_get(db, PUBLIC, &arena, &key, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_counter_read(db, &counter, error);
    }
    if (status == SATCHEL_OK && (name.bytes > SATCHEL_COMPANY_NAME_BYTES || key.bytes != sizeof out->public_key)) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "the company's values");
    }
    if (status == SATCHEL_OK) {
        memcpy(out->name, name.data, name.bytes);
        memcpy(out->public_key, key.data, key.bytes);
        out->epoch = counter.epoch;
        out->n = counter.n;
    }
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_company_key(satchel_db *db, const char *context, uint8_t out[SATCHEL_KEY_BYTES],
                                   satchel_error *error) {
    satchel_arena arena;
    satchel_bytes seed = {NULL, 0};
    satchel_arena_init(&arena);
    satchel_status status = satchel_meta_get(db, SEED, &arena, &seed, error);
    if (status == SATCHEL_OK && seed.bytes != SATCHEL_KEY_BYTES) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "the company's seed");
    }
    if (status == SATCHEL_OK) {
        satchel_derive_subkey(seed.data, 1, context, out);
    }
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_company_secret(satchel_db *db, uint8_t out[SATCHEL_SIGN_SECRET_BYTES], satchel_error *error) {
    satchel_arena arena;
    satchel_bytes seed = {NULL, 0};
    uint8_t public_key[SATCHEL_SIGN_PUBLIC_BYTES];
    memset(out, 0, SATCHEL_SIGN_SECRET_BYTES);
    satchel_arena_init(&arena);
    satchel_status status = satchel_meta_get(db, SEED, &arena, &seed, error);
    if (status == SATCHEL_OK && seed.bytes != SATCHEL_KEY_BYTES) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "the company's seed");
    }
    if (status == SATCHEL_OK) {
        satchel_sign_keys(seed.data, public_key, out);
    }
    satchel_arena_deinit(&arena);
    return status;
}

/* --- days --- */

static satchel_status look_at_day(const satchel_service *service, satchel_db *db, const satchel_counter *counter,
                                  bool *out_due, satchel_error *error) {
    *out_due = counter->day < satchel_service_today(service);
    return *out_due ? SATCHEL_OK : satchel_pool_due(service, db, out_due, error);
}

satchel_status satchel_service_gate(const satchel_service *service, satchel_db *db, bool *out_day_due, bool *out_fenced,
                                    satchel_error *error) {
    satchel_counter counter;
    satchel_status status = satchel_counter_read(db, &counter, error);
    *out_day_due = false;
    *out_fenced = status == SATCHEL_OK && counter.fenced;
    return status == SATCHEL_OK ? look_at_day(service, db, &counter, out_day_due, error) : status;
}

satchel_status satchel_service_day_due(const satchel_service *service, satchel_db *db, bool *out_due,
                                       satchel_error *error) {
    bool fenced = false;
    return satchel_service_gate(service, db, out_due, &fenced, error);
}

/* Customers that some assignment gives, or takes from, somebody between the two days. */
static satchel_status moved_customers(satchel_db *db, int64_t after, int64_t until, satchel_arena *arena,
                                      satchel_id_list *out, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    satchel_status status =
        SATCHEL_DB_START(&statement, db, error,
                         "SELECT DISTINCT \"customer\" FROM \"assignment\" WHERE \"customer\" IS NOT NULL AND"
                         " ((\"from_day\" > ?1 AND \"from_day\" <= ?2) OR (\"to_day\" >= ?1 AND \"to_day\" < ?2))",
                         satchel_value_int(after), satchel_value_int(until));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            satchel_id customer = satchel_db_id(statement, 0);
            status = satchel_id_list_add(out, arena, &customer);
        }
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status move_day(const satchel_service *service, satchel_db *db, satchel_counter *counter, int64_t today,
                               satchel_arena *arena, satchel_error *error) {
    satchel_person system;
    satchel_change change;
    satchel_people_moves moves;
    const satchel_author author = {.incarnation = 0};
    satchel_id_list customers = {NULL, 0, 0};
    satchel_status status = satchel_people_moves_begin(&moves, service, db, counter->day, arena, error);
    if (status == SATCHEL_OK) {
        status = moved_customers(db, counter->day, today, arena, &customers, error);
    }
    satchel_person_system(service, &system);
    satchel_change_begin(&change, service, db, arena, counter, &system, &author);
    change.trusted = true;
    for (uint32_t i = 0; status == SATCHEL_OK && i < customers.count; i++) {
        status = satchel_change_refresh(&change, &customers.items[i], error);
    }
    counter->day = today;
    change.moved = true;
    if (status == SATCHEL_OK) {
        status = satchel_people_moves_end(&moves, today, change.n, error);
    }
    const satchel_audit_entry entry = {.action = "day"};
    return status == SATCHEL_OK ? satchel_change_finish(&change, &entry, error) : status;
}

satchel_status satchel_service_day(const satchel_service *service, satchel_db *db, satchel_error *error) {
    satchel_counter counter;
    satchel_arena arena;
    int64_t today = satchel_service_today(service);
    satchel_status status = satchel_counter_read(db, &counter, error);
    if (status != SATCHEL_OK || counter.day >= today) {
        return status == SATCHEL_OK ? satchel_pool_step(service, db, error) : status;
    }
    satchel_arena_init(&arena);
    status = move_day(service, db, &counter, today, &arena, error);
    satchel_arena_deinit(&arena);
    status = status == SATCHEL_OK ? satchel_policy_audit_troubles(service, db, error) : status;
    status = status == SATCHEL_OK ? satchel_mend_pools(db, error) : status;
    return status == SATCHEL_OK ? satchel_pool_step(service, db, error) : status;
}
