/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals, parked edits and kept units: nothing that a phone sent is thrown away.
 */
#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/text.h"
#include "crypto/seal.h"
#include "service/journal.h"
#include "wire/unit_codec.h"

#include <satchel/model.h>

#define PARK_KEY "parkedop"

/* Who sent it, from where: the fields that refusals and parked edits share. */
typedef struct origin_fields {
    uint32_t user, device, incarnation, sequence, entity, row, at;
} origin_fields;

static satchel_status put_origin(const satchel_change *change, const satchel_op *op, const origin_fields *fields,
                                 satchel_record *out) {
    const satchel_author *author = change->author;
    satchel_status status = satchel_record_set_id(out, fields->user, &author->user);
    if (status == SATCHEL_OK && !satchel_id_is_none(&author->device)) {
        status = satchel_record_set_id(out, fields->device, &author->device);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(out, fields->incarnation, &author->incarnation_id);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(out, fields->sequence, (int64_t)op->sequence);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(out, fields->entity, op->entity);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(out, fields->row, &op->row);
    }
    return status == SATCHEL_OK ? satchel_record_set_time(out, fields->at, change->now_ms) : status;
}

static satchel_id row_of_op(const char *context, const satchel_id *incarnation, uint64_t sequence) {
    uint8_t number[8];
    satchel_put_u64be(number, sequence);
    const satchel_bytes parts[] = {satchel_id_view(incarnation), satchel_bytes_of(number, sizeof number)};
    return satchel_id_derive(context, parts, 2);
}

satchel_status satchel_journal_refusal(satchel_change *change, const satchel_op *op, satchel_bytes op_bytes,
                                       const satchel_op_decision *decision, satchel_error *error) {
    static const origin_fields fields = {
        SATCHEL_REFUSAL_USER,     SATCHEL_REFUSAL_DEVICE,         SATCHEL_REFUSAL_INCARNATION,
        SATCHEL_REFUSAL_SEQUENCE, SATCHEL_REFUSAL_SUBJECT_ENTITY, SATCHEL_REFUSAL_SUBJECT_ROW,
        SATCHEL_REFUSAL_AT};
    satchel_record record;
    satchel_record_init(&record, change->arena);
    satchel_id id = row_of_op("satchel refusal", &change->author->incarnation_id, op->sequence);
    satchel_status status = put_origin(change, op, &fields, &record);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&record, SATCHEL_REFUSAL_STATUS, decision->status);
    }
    if (status == SATCHEL_OK && decision->field != 0) {
        status = satchel_record_set_int(&record, SATCHEL_REFUSAL_SUBJECT_FIELD, decision->field);
    }
    if (status == SATCHEL_OK && decision->rule != NULL) {
        status = satchel_record_set_text(&record, SATCHEL_REFUSAL_RULE,
                                         satchel_text_clip(satchel_text_of(decision->rule), 255));
    }
    /* A larger op is in the kept unit. */
    if (status == SATCHEL_OK && op_bytes.bytes <= SATCHEL_LIMIT_TEXT_BYTES) {
        satchel_value bytes = satchel_value_bytes(op_bytes);
        status = satchel_record_set(&record, SATCHEL_REFUSAL_OP, &bytes);
    }
    return status == SATCHEL_OK ? satchel_change_insert(change, SATCHEL_ENTITY_REFUSAL, &id, &record, NULL, error)
                                : status;
}

static satchel_status seal_op(satchel_change *change, const satchel_id *id, satchel_bytes op_bytes, satchel_record *out,
                              satchel_error *error) {
    uint8_t key[SATCHEL_KEY_BYTES];
    satchel_buffer sealed;
    satchel_buffer_init(&sealed);
    satchel_status status = satchel_company_key(change->db, PARK_KEY, key, error);
    if (status == SATCHEL_OK) {
        status = satchel_seal_message(key, change->service->platform.random, satchel_id_view(id), op_bytes, &sealed);
    }
    if (status == SATCHEL_OK) {
        satchel_value value = satchel_value_bytes(satchel_buffer_view(&sealed));
        status = satchel_record_set(out, SATCHEL_PARKED_EDIT_SEALED_OP, &value);
    }
    satchel_buffer_deinit(&sealed);
    return status;
}

satchel_id satchel_parked_id(const satchel_id *incarnation, uint64_t sequence) {
    return row_of_op("satchel parked edit", incarnation, sequence);
}

satchel_status satchel_journal_park(satchel_change *change, const satchel_op *op, satchel_bytes op_bytes,
                                    satchel_status reason, const satchel_place *place, satchel_error *error) {
    static const origin_fields fields = {
        SATCHEL_PARKED_EDIT_USER,     SATCHEL_PARKED_EDIT_DEVICE,         SATCHEL_PARKED_EDIT_INCARNATION,
        SATCHEL_PARKED_EDIT_SEQUENCE, SATCHEL_PARKED_EDIT_SUBJECT_ENTITY, SATCHEL_PARKED_EDIT_SUBJECT_ROW,
        SATCHEL_PARKED_EDIT_AT};
    satchel_record record;
    satchel_record_init(&record, change->arena);
    satchel_id id = satchel_parked_id(&change->author->incarnation_id, op->sequence);
    satchel_status status = put_origin(change, op, &fields, &record);
    if (status == SATCHEL_OK && !satchel_id_is_none(&place->anchor)) {
        status = satchel_record_set_id(&record, SATCHEL_PARKED_EDIT_CUSTOMER, &place->anchor);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&record, SATCHEL_PARKED_EDIT_REASON, reason);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&record, SATCHEL_PARKED_EDIT_STATUS, SATCHEL_PARKED_STATUS_WAITING);
    }
    if (status == SATCHEL_OK) {
        status = seal_op(change, &id, op_bytes, &record, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_change_insert(change, SATCHEL_ENTITY_PARKED_EDIT, &id, &record, NULL, error);
    }
    change->parked += status == SATCHEL_OK ? 1 : 0;
    return status;
}

satchel_status satchel_journal_open_parked(const satchel_service *service, satchel_db *db,
                                           const satchel_stored_row *parked, satchel_arena *arena, satchel_op *out,
                                           satchel_error *error) {
    uint8_t key[SATCHEL_KEY_BYTES];
    satchel_buffer plain;
    satchel_buffer_init(&plain);
    const satchel_value *sealed = satchel_record_get(&parked->merged.value, SATCHEL_PARKED_EDIT_SEALED_OP);
    satchel_status status = sealed != NULL ? satchel_company_key(db, PARK_KEY, key, error) : SATCHEL_DAMAGED;
    if (status == SATCHEL_OK) {
        status = satchel_unseal_message(key, satchel_id_view(&parked->id), sealed->as.bytes, &plain);
    }
    if (status == SATCHEL_OK) {
        uint64_t sequence = (uint64_t)satchel_record_int(&parked->merged.value, SATCHEL_PARKED_EDIT_SEQUENCE, 1);
        status = satchel_op_decode(&service->schema, satchel_buffer_view(&plain), sequence, arena, out, error);
    }
    satchel_buffer_deinit(&plain);
    return status;
}

satchel_status satchel_journal_keep(satchel_db *db, uint64_t incarnation, uint64_t first_sequence,
                                    satchel_result_code code, satchel_status reason, int64_t at_ms, satchel_bytes unit,
                                    satchel_error *error) {
    return SATCHEL_DB_RUN(db, error,
                          "INSERT INTO kept_unit (incarnation, first_sequence, code, reason, at_ms, unit)"
                          " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                          satchel_db_count(incarnation), satchel_db_count(first_sequence), satchel_value_int(code),
                          satchel_value_int(reason), satchel_value_time(at_ms), satchel_value_bytes(unit));
}
