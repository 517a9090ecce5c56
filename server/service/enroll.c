/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /v1/enroll: a one-time code turns a public key into a device. Redeeming again with the same key gives the same
 * device.
 */
#include "wire/enroll.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "crypto/secret.h"
#include "service/exchange.h"
#include "service/identity.h"
#include "wire/body.h"

#include <satchel/model.h>
#include <string.h>

typedef struct enrolment {
    const satchel_service *service;
    satchel_db *db;
    satchel_arena *arena;
    satchel_error *error;
    satchel_company company;
    satchel_company_policy policy;
    satchel_enroll_request request;
    uint8_t code[SATCHEL_CODE_BYTES];
    satchel_id user;
    satchel_id device; /* none until redeemed */
    satchel_enroll_answer answer;
} enrolment;

/* --- the code --- */

/* Finds the code. The answer is CODE_EXPIRED whatever is wrong with it, so that nothing can be learned by trying. */
static satchel_status find_code(enrolment *work) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    work->answer.status = SATCHEL_CODE_EXPIRED;
    satchel_status status =
        SATCHEL_DB_START(&statement, work->db, work->error,
                         "SELECT code, owner, expires_ms, public_key, device FROM enrolment_code WHERE code_key = ?1",
                         satchel_db_blob(work->request.code_key, sizeof work->request.code_key));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, work->error);
    }
    if (status == SATCHEL_OK && found) {
        satchel_bytes code = satchel_db_bytes(statement, 0);
        satchel_bytes used_by = satchel_db_bytes(statement, 3);
        satchel_bytes key = satchel_bytes_of(work->request.device_key, sizeof work->request.device_key);
        bool fresh = satchel_service_now_ms(work->service) < satchel_db_int(statement, 2);
        bool free = used_by.bytes == 0 || satchel_bytes_equal(used_by, key);
        work->user = satchel_db_id(statement, 1);
        work->device = satchel_db_id(statement, 4);
        if (fresh && free && code.bytes == sizeof work->code) {
            memcpy(work->code, code.data, code.bytes);
            work->answer.status = SATCHEL_OK;
        }
    }
    satchel_db_end(statement);
    return status;
}

static void check_proof(enrolment *work) {
    uint8_t expected[SATCHEL_MAC_BYTES];
    satchel_enroll_request_mac(work->code, work->company.public_key, &work->request, expected);
    if (!satchel_secret_equal(expected, work->request.mac, sizeof expected)) {
        work->answer.status = SATCHEL_UNAUTHENTICATED;
    }
}

/* --- the device --- */

/* What the ledger keeps of it, so that a restore does not lose what it sends. */
static satchel_status note_in_ledger(enrolment *work) {
    satchel_ledger_entry entry = {
        .kind = SATCHEL_LEDGER_ENROLLED, .id = work->device, .row = work->user, .life = work->request.incarnation};
    memcpy(entry.public_key, work->request.device_key, sizeof entry.public_key);
    return satchel_ledger_put(work->db, &entry, work->error);
}

static satchel_status insert_device_row(enrolment *work, int64_t now_ms) {
    satchel_person system;
    satchel_change change;
    satchel_counter counter;
    satchel_record record;
    const satchel_author author = {.user = work->user};
    satchel_value key = satchel_db_blob(work->request.device_key, sizeof work->request.device_key);
    satchel_record_init(&record, work->arena);
    satchel_status status = satchel_counter_read(work->db, &counter, work->error);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(&record, SATCHEL_DEVICE_USER, &work->user);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_text(&record, SATCHEL_DEVICE_NAME, work->request.device_name);
    }
    if (status == SATCHEL_OK) {
        status =
            satchel_record_set_text(&record, SATCHEL_DEVICE_PLATFORM, satchel_text_clip(work->request.platform, 90));
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&record, SATCHEL_DEVICE_STATUS, SATCHEL_DEVICE_STATUS_ACTIVE);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set(&record, SATCHEL_DEVICE_PUBLIC_KEY, &key);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_time(&record, SATCHEL_DEVICE_ENROLLED_AT, now_ms);
    }
    satchel_person_system(work->service, &system);
    satchel_change_begin(&change, work->service, work->db, work->arena, &counter, &system, &author);
    change.trusted = true;
    if (status == SATCHEL_OK) {
        status = satchel_change_insert(&change, SATCHEL_ENTITY_DEVICE, &work->device, &record, NULL, work->error);
    }
    const satchel_audit_entry entry = {.action = "device enrolled",
                                       .user = work->user,
                                       .device = work->device,
                                       .subject_entity = SATCHEL_ENTITY_DEVICE,
                                       .subject_row = work->device};
    return status == SATCHEL_OK ? satchel_change_finish(&change, &entry, work->error) : status;
}

static satchel_status add_device(enrolment *work) {
    int64_t now_ms = satchel_service_now_ms(work->service);
    satchel_incarnation incarnation = {.id = work->request.incarnation, .user = work->user};
    satchel_device_state state = {.user = work->user, .enrolled_ms = now_ms, .seen_ms = now_ms};
    satchel_status status = satchel_id_is_none(&work->device)
                                ? satchel_service_make_id(work->service, &work->device, work->error)
                                : SATCHEL_OK;
    incarnation.device = work->device;
    state.id = work->device;
    if (status == SATCHEL_OK) {
        status = satchel_incarnation_add(work->db, &incarnation, work->error);
    }
    if (status == SATCHEL_OK) {
        state.incarnation = incarnation.number;
        memcpy(state.public_key, work->request.device_key, sizeof state.public_key);
        memcpy(state.token_current, work->request.token, sizeof state.token_current);
        status = satchel_device_state_save(work->db, &state, work->error);
    }
    if (status == SATCHEL_OK) {
        status = insert_device_row(work, now_ms);
    }
    if (status == SATCHEL_OK) {
        status = note_in_ledger(work);
    }
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(work->db, work->error,
                                "UPDATE enrolment_code SET public_key = ?2, device = ?3 WHERE code_key = ?1",
                                satchel_db_blob(work->request.code_key, sizeof work->request.code_key),
                                satchel_db_blob(work->request.device_key, sizeof work->request.device_key),
                                satchel_value_id(&work->device));
    }
    return status;
}

satchel_status satchel_device_again(const satchel_service *service, satchel_db *db, const satchel_ledger_entry *entry,
                                    satchel_error *error) {
    satchel_arena arena;
    satchel_arena_init(&arena);
    enrolment work = {.service = service, .db = db, .arena = &arena, .error = error};
    work.user = entry->row;
    work.device = entry->id;
    work.request.incarnation = entry->life;
    work.request.device_name = satchel_text_of("-");
    work.request.platform = satchel_text_of("-");
    memcpy(work.request.device_key, entry->public_key, sizeof work.request.device_key);
    satchel_status status = add_device(&work);
    satchel_arena_deinit(&arena);
    return status;
}

/* The answer to the first redemption was lost: what the phone has drawn anew since is taken as long as nothing was
 * synced. */
static satchel_status renew_device(enrolment *work) {
    satchel_device_state state;
    satchel_incarnation incarnation;
    satchel_status status = satchel_device_state_load(work->db, &work->device, &state, work->error);
    if (status != SATCHEL_OK || state.request_number != 0) {
        return status;
    }
    memcpy(state.token_current, work->request.token, sizeof state.token_current);
    status = satchel_incarnation_load(work->db, &work->request.incarnation, &incarnation, NULL);
    if (status == SATCHEL_NOT_FOUND) {
        incarnation =
            (satchel_incarnation){.id = work->request.incarnation, .user = work->user, .device = work->device};
        status = satchel_incarnation_add(work->db, &incarnation, work->error);
    }
    if (status == SATCHEL_OK && satchel_id_equal(&incarnation.device, &work->device)) {
        state.incarnation = incarnation.number;
    }
    return status == SATCHEL_OK ? satchel_device_state_save(work->db, &state, work->error) : status;
}

/* A key or a store's name that belongs to another enrolment is a copied phone, not a new one. */
static satchel_status check_is_new(enrolment *work) {
    int64_t taken = 0;
    satchel_status status =
        SATCHEL_DB_NUMBER(work->db, work->error, &taken, 0,
                          "SELECT (SELECT count(*) FROM device_state WHERE public_key = ?1) + (SELECT count(*) FROM"
                          " incarnation WHERE id = ?2)",
                          satchel_db_blob(work->request.device_key, sizeof work->request.device_key),
                          satchel_value_id(&work->request.incarnation));
    if (status == SATCHEL_OK && taken > 0) {
        work->answer.status = SATCHEL_FORKED;
    }
    return status;
}

static satchel_status redeem(enrolment *work) {
    satchel_stored_row user;
    satchel_status status = satchel_stored_row_load(work->service->tables, work->db, SATCHEL_ENTITY_USER, &work->user,
                                                    work->arena, &user, work->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_value *active = satchel_record_get(&user.merged.value, SATCHEL_USER_ACTIVE);
    if (!user.merged.exists || user.merged.deleted || (active != NULL && !active->as.boolean)) {
        work->answer.status = SATCHEL_CODE_EXPIRED;
        return SATCHEL_OK;
    }
    work->answer.login = satchel_record_text(&user.merged.value, SATCHEL_USER_LOGIN);
    if (!satchel_id_is_none(&work->device)) {
        return renew_device(work);
    }
    status = check_is_new(work);
    return status == SATCHEL_OK && work->answer.status == SATCHEL_OK ? add_device(work) : status;
}

/* --- the whole --- */

static void check_request(enrolment *work) {
    const satchel_enroll_request *request = &work->request;
    if (request->protocol != SATCHEL_PROTOCOL_VERSION) {
        work->answer.status = SATCHEL_UPGRADE_REQUIRED;
    } else if (!satchel_text_valid(request->device_name) || !satchel_text_valid(request->platform) ||
               satchel_id_is_none(&request->incarnation)) {
        work->answer.status = SATCHEL_PROTOCOL_ERROR;
    }
}

static satchel_status decide(enrolment *work) {
    check_request(work);
    if (work->answer.status != SATCHEL_OK) {
        return SATCHEL_OK;
    }
    satchel_status status = find_code(work);
    if (status == SATCHEL_OK && work->answer.status == SATCHEL_OK) {
        check_proof(work);
    }
    if (status == SATCHEL_OK && work->answer.status == SATCHEL_OK) {
        status = redeem(work);
    }
    return status;
}

static satchel_status write_answer(enrolment *work, satchel_buffer *out_body) {
    satchel_buffer payload;
    satchel_enroll_answer *answer = &work->answer;
    satchel_buffer_init(&payload);
    answer->server_time_ms = satchel_service_now_ms(work->service);
    if (answer->status == SATCHEL_OK) {
        answer->device = work->device;
        answer->user = work->user;
        answer->company = satchel_text_of(work->company.name);
        answer->epoch = work->company.epoch;
        answer->policy = work->policy.flags;
        memcpy(answer->recovery_key, work->policy.recovery_key, sizeof answer->recovery_key);
        memcpy(answer->server_key, work->company.public_key, sizeof answer->server_key);
        satchel_enroll_answer_mac(work->code, &work->request, answer, answer->mac);
    }
    satchel_status status = satchel_enroll_answer_write(answer, &payload);
    if (status == SATCHEL_OK) {
        status = satchel_body_pack(satchel_buffer_view(&payload), out_body);
    }
    satchel_buffer_deinit(&payload);
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(work->error, status, "an enrolment answer");
}

/* The phone reads the body; proxies, logs and those who try codes see a refusal. */
static uint32_t http_status_of(satchel_status status) {
    switch (status) {
    case SATCHEL_OK: return 200;
    case SATCHEL_PROTOCOL_ERROR: return 400;
    case SATCHEL_FORKED: return 409;
    case SATCHEL_UPGRADE_REQUIRED: return 426;
    default: return 401;
    }
}

satchel_status satchel_service_enroll(const satchel_service *service, satchel_db *db, satchel_bytes body,
                                      satchel_buffer *out_body, uint32_t *out_http_status, satchel_error *error) {
    satchel_arena arena;
    satchel_buffer payload;
    satchel_arena_init(&arena);
    satchel_buffer_init(&payload);
    enrolment work = {.service = service, .db = db, .arena = &arena, .error = error};
    satchel_status status = satchel_company_get(service, db, &work.company, error);
    if (status != SATCHEL_OK) {
        goto done;
    }
    status = satchel_store_policy_get(db, &work.policy, error);
    if (status != SATCHEL_OK) {
        goto done;
    }
    status = satchel_body_unpack(body, &payload, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_enroll_request_read(satchel_buffer_view(&payload), &work.request, NULL);
    }
    if (status == SATCHEL_OK) {
        status = decide(&work);
    } else if (status != SATCHEL_NO_MEMORY) {
        work.answer.status = SATCHEL_PROTOCOL_ERROR;
        status = SATCHEL_OK;
    }
    if (status == SATCHEL_OK) {
        *out_http_status = http_status_of(work.answer.status);
        status = write_answer(&work, out_body);
    }
done:
    satchel_secret_wipe(work.code, sizeof work.code);
    satchel_buffer_deinit(&payload);
    satchel_arena_deinit(&arena);
    return status;
}
