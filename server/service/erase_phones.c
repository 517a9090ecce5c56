/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Phones and erasures: each is told until it confirms, in parts that fit an answer; one that cannot confirm any more is
 * not waited for.
 *
 * A part is told under a name of its own, the last one under the erasure's, so that a phone confirms it like any other
 * and a confirmation that comes twice means nothing.
 */
#include "service/erase.h"

#include "base/error.h"
#include "base/ids.h"
#include "service/audit.h"
#include "service/tombstone.h"
#include "wire/answer.h"

#include <satchel/model.h>
#include <string.h>

/* Rows of one frame; a customer with more takes several. */
#define FRAME_ROWS 512
/* Erasures that one answer tells of. */
#define ERASURES_OF_ANSWER 16
/* Devices that are looked at in one step. */
#define CLOSED_AT_ONCE 64

typedef struct erased_part {
    satchel_id id; /* under which it is told and confirmed */
    satchel_id erasure;
    uint32_t entity; /* of its last row */
    satchel_id last;
    bool is_last;
    uint32_t *entities;
    satchel_id *rows;
    uint32_t count;
} erased_part;

typedef struct due_erasure {
    satchel_id erasure;
    uint32_t after_entity;
    satchel_id after_row;
} due_erasure;

static satchel_status list_due(satchel_db *db, const satchel_id *device, satchel_arena *arena, due_erasure **out,
                               uint32_t *out_count, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    *out_count = 0;
    *out = satchel_arena_take_array(arena, ERASURES_OF_ANSWER, sizeof **out);
    if (*out == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for erasures");
    }
    satchel_status status =
        SATCHEL_DB_START(&statement, db, error,
                         "SELECT erasure, after_entity, after_row FROM erasure_due WHERE device = ?1 ORDER BY erasure"
                         " LIMIT ?2",
                         satchel_value_id(device), satchel_value_int(ERASURES_OF_ANSWER));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found && *out_count < ERASURES_OF_ANSWER) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            (*out)[(*out_count)++] = (due_erasure){satchel_db_id(statement, 0), (uint32_t)satchel_db_uint(statement, 1),
                                                   satchel_db_id(statement, 2)};
        }
    }
    satchel_db_end(statement);
    return status;
}

static void name_part(erased_part *part) {
    uint8_t entity[4];
    satchel_put_u32be(entity, part->entity);
    const satchel_bytes parts[] = {satchel_id_view(&part->erasure), satchel_bytes_of(entity, sizeof entity),
                                   satchel_id_view(&part->last)};
    part->id = part->is_last ? part->erasure : satchel_id_derive("satchel erasure part", parts, 3);
}

/* The rows behind the place that the device confirmed, up to a part's size. */
static satchel_status load_part(satchel_db *db, const due_erasure *due, satchel_arena *arena, erased_part *out,
                                satchel_error *error) {
    satchel_db_statement *statement = NULL;
    *out = (erased_part){.erasure = due->erasure, .is_last = true};
    out->entities = satchel_arena_take_array(arena, SATCHEL_ERASED_PART_ROWS, sizeof *out->entities);
    out->rows = satchel_arena_take_array(arena, SATCHEL_ERASED_PART_ROWS, sizeof *out->rows);
    if (out->entities == NULL || out->rows == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for erased rows");
    }
    satchel_status status = SATCHEL_DB_START(
        &statement, db, error,
        "SELECT entity, row FROM erased_row WHERE erasure = ?1 AND (entity > ?2 OR (entity = ?2 AND row > ?3))"
        " ORDER BY entity, row LIMIT ?4",
        satchel_value_id(&due->erasure), satchel_db_count(due->after_entity), satchel_value_id(&due->after_row),
        satchel_value_int(SATCHEL_ERASED_PART_ROWS + 1));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, error);
        if (status != SATCHEL_OK || !found) {
            break;
        }
        if (out->count == SATCHEL_ERASED_PART_ROWS) {
            out->is_last = false;
            break;
        }
        out->entity = (uint32_t)satchel_db_uint(statement, 0);
        out->last = satchel_db_id(statement, 1);
        out->entities[out->count] = out->entity;
        out->rows[out->count++] = out->last;
    }
    satchel_db_end(statement);
    name_part(out);
    return status;
}

static satchel_status write_frame(const satchel_id *id, uint32_t entity, satchel_bytes rows, satchel_buffer *out) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_ERASED};
    frame.as.erased = (satchel_erased_frame){*id, entity, rows};
    return satchel_answer_write(&frame, out);
}

static satchel_status write_part(const erased_part *part, satchel_buffer *out, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    uint32_t first = 0;
    for (uint32_t i = 1; status == SATCHEL_OK && i <= part->count; i++) {
        bool ends = i == part->count || part->entities[i] != part->entities[first] || i - first == FRAME_ROWS;
        if (ends) {
            satchel_bytes rows = satchel_bytes_of(&part->rows[first], (size_t)(i - first) * SATCHEL_ID_BYTES);
            status = write_frame(&part->id, part->entities[first], rows, out);
            first = i;
        }
    }
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(error, status, "a frame of an erasure");
}

satchel_status satchel_erase_frames(satchel_db *db, const satchel_id *device, satchel_arena *arena, satchel_buffer *out,
                                    satchel_error *error) {
    due_erasure *due = NULL;
    uint32_t count = 0;
    uint32_t told = 0;
    satchel_status status = list_due(db, device, arena, &due, &count, error);
    for (uint32_t i = 0; status == SATCHEL_OK && i < count && told < SATCHEL_ERASED_ROWS_OF_ANSWER; i++) {
        erased_part part;
        status = load_part(db, &due[i], arena, &part, error);
        if (status != SATCHEL_OK || told + part.count > SATCHEL_ERASED_ROWS_OF_ANSWER) {
            break; /* the next exchange tells it */
        }
        told += part.count;
        status = write_part(&part, out, error);
    }
    return status;
}

satchel_status satchel_erase_due(satchel_db *db, const satchel_id *device, bool *out, satchel_error *error) {
    int64_t due = 0;
    satchel_status status = SATCHEL_DB_NUMBER(db, error, &due, 0, "SELECT count(*) FROM erasure_due WHERE device = ?1",
                                              satchel_value_id(device));
    *out = due > 0;
    return status;
}

/* --- confirming --- */

/* Done when nobody is waited for any more. */
static satchel_status settle(const satchel_service *service, satchel_db *db, const satchel_id *erasure,
                             satchel_error *error) {
    return SATCHEL_DB_RUN(db, error,
                          "UPDATE \"erasure\" SET \"status\" = ?2, \"done_at\" = ?3 WHERE \"id\" = ?1 AND"
                          " \"status\" <> ?2 AND coalesce(\"receipts\", 0) + (SELECT count(*) FROM erasure_closed c"
                          " WHERE c.erasure = ?1) >= \"receipts_due\"",
                          satchel_value_id(erasure), satchel_value_int(SATCHEL_ERASURE_STATUS_DONE),
                          satchel_value_time(satchel_service_now_ms(service)));
}

static satchel_status note(const satchel_service *service, satchel_db *db, const char *action, const satchel_id *device,
                           const satchel_id *erasure, satchel_status reason, satchel_error *error) {
    const satchel_audit_entry entry = {.action = action,
                                       .device = *device,
                                       .subject_entity = SATCHEL_ENTITY_ERASURE,
                                       .subject_row = *erasure,
                                       .status = reason};
    return satchel_audit_note(service, db, &entry, error);
}

/* One more phone did it; one that had been given up did it after all. */
static satchel_status count_receipt(const satchel_service *service, satchel_db *db, const satchel_id *device,
                                    const satchel_id *erasure, satchel_error *error) {
    satchel_status status = SATCHEL_DB_RUN(db, error, "DELETE FROM erasure_due WHERE device = ?1 AND erasure = ?2",
                                           satchel_value_id(device), satchel_value_id(erasure));
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(db, error, "DELETE FROM erasure_closed WHERE device = ?1 AND erasure = ?2",
                                satchel_value_id(device), satchel_value_id(erasure));
    }
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(db, error,
                                "UPDATE \"erasure\" SET \"receipts\" = coalesce(\"receipts\", 0) + 1 WHERE \"id\" = ?1",
                                satchel_value_id(erasure));
    }
    if (status == SATCHEL_OK) {
        status = settle(service, db, erasure, error);
    }
    return status == SATCHEL_OK ? note(service, db, "erasure confirmed", device, erasure, SATCHEL_OK, error) : status;
}

static satchel_status move_on(satchel_db *db, const satchel_id *device, const erased_part *part, satchel_error *error) {
    return SATCHEL_DB_RUN(db, error,
                          "UPDATE erasure_due SET after_entity = ?3, after_row = ?4 WHERE device = ?1 AND erasure = ?2",
                          satchel_value_id(device), satchel_value_id(&part->erasure), satchel_db_count(part->entity),
                          satchel_value_id(&part->last));
}

static bool names(satchel_bytes ids, const satchel_id *id) {
    bool found = false;
    for (size_t at = 0; !found && at + SATCHEL_ID_BYTES <= ids.bytes; at += SATCHEL_ID_BYTES) {
        found = memcmp(ids.data + at, id->bytes, SATCHEL_ID_BYTES) == 0;
    }
    return found;
}

satchel_status satchel_erase_confirmed(const satchel_service *service, satchel_db *db, const satchel_id *device,
                                       satchel_bytes erasures, satchel_error *error) {
    satchel_arena arena;
    due_erasure *due = NULL;
    uint32_t count = 0;
    satchel_arena_init(&arena);
    satchel_status status = list_due(db, device, &arena, &due, &count, error);
    for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
        erased_part part;
        status = load_part(db, &due[i], &arena, &part, error);
        if (status == SATCHEL_OK && names(erasures, &part.id)) {
            status = part.is_last ? count_receipt(service, db, device, &part.erasure, error)
                                  : move_on(db, device, &part, error);
        }
    }
    satchel_arena_deinit(&arena);
    return status;
}

/* --- phones that cannot confirm --- */

typedef struct silent_phone {
    satchel_id device;
    satchel_id erasure;
    satchel_status reason;
    bool may_return; /* it is told all the same if it does */
} silent_phone;

/* Wiped or retired: its keys are gone, at once. Revoked, or simply not heard of: when its lease is over. */
static satchel_status list_silent(const satchel_service *service, satchel_db *db, satchel_arena *arena,
                                  silent_phone **out, uint32_t *out_count, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    int64_t days = 0;
    *out_count = 0;
    *out = satchel_arena_take_array(arena, CLOSED_AT_ONCE, sizeof **out);
    satchel_status status = *out != NULL ? satchel_lease_days(db, &days, error)
                                         : satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for silent phones");
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_START(
            &statement, db, error,
            "SELECT u.device, u.erasure, d.revoked, coalesce(o.receipt_kind, 0) FROM erasure_due u JOIN device_state d"
            " ON d.device = u.device LEFT JOIN device_orders o ON o.device = u.device LEFT JOIN device_point p ON"
            " p.device = u.device LEFT JOIN erasure_closed c ON c.erasure = u.erasure AND c.device = u.device"
            " WHERE c.device IS NULL AND (coalesce(o.receipt_kind, 0) <> 0 OR"
            " (d.seen_ms <= ?1 AND coalesce(p.at_ms, 0) <= ?1)) LIMIT ?2",
            satchel_value_time(satchel_service_now_ms(service) - days * SATCHEL_LEASE_DAY_MS),
            satchel_value_int(CLOSED_AT_ONCE));
    }
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found && *out_count < CLOSED_AT_ONCE) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            bool revoked = satchel_db_int(statement, 2) != 0;
            bool ended = satchel_db_int(statement, 3) != 0;
            (*out)[(*out_count)++] = (silent_phone){satchel_db_id(statement, 0), satchel_db_id(statement, 1),
                                                    ended     ? SATCHEL_RETIRED
                                                    : revoked ? SATCHEL_REVOKED
                                                              : SATCHEL_LEASE_OVER,
                                                    !revoked && !ended};
        }
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status close_one(const satchel_service *service, satchel_db *db, const silent_phone *phone,
                                satchel_error *error) {
    satchel_status status =
        SATCHEL_DB_RUN(db, error, "INSERT INTO erasure_closed (erasure, device, reason, at_ms) VALUES (?1, ?2, ?3, ?4)",
                       satchel_value_id(&phone->erasure), satchel_value_id(&phone->device),
                       satchel_value_int(phone->reason), satchel_value_time(satchel_service_now_ms(service)));
    if (status == SATCHEL_OK && !phone->may_return) {
        status = SATCHEL_DB_RUN(db, error, "DELETE FROM erasure_due WHERE device = ?1 AND erasure = ?2",
                                satchel_value_id(&phone->device), satchel_value_id(&phone->erasure));
    }
    if (status == SATCHEL_OK) {
        status = settle(service, db, &phone->erasure, error);
    }
    return status == SATCHEL_OK
               ? note(service, db, "erasure not confirmed", &phone->device, &phone->erasure, phone->reason, error)
               : status;
}

satchel_status satchel_erase_close(const satchel_service *service, satchel_db *db, bool *out_left,
                                   satchel_error *error) {
    satchel_arena arena;
    silent_phone *silent = NULL;
    uint32_t count = 0;
    satchel_arena_init(&arena);
    satchel_status status = list_silent(service, db, &arena, &silent, &count, error);
    for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
        status = close_one(service, db, &silent[i], error);
    }
    *out_left = count == CLOSED_AT_ONCE;
    satchel_arena_deinit(&arena);
    return status;
}

/* --- telling --- */

satchel_status satchel_erase_phones(satchel_db *db, const satchel_id *erasure, satchel_erase_visitor visit,
                                    void *context, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    satchel_status status =
        SATCHEL_DB_START(&statement, db, error,
                         "SELECT device, 0, 0 FROM erasure_due u WHERE erasure = ?1 AND NOT EXISTS (SELECT 1 FROM"
                         " erasure_closed c WHERE c.erasure = ?1 AND c.device = u.device)"
                         " UNION ALL SELECT device, reason, at_ms FROM erasure_closed WHERE erasure = ?1 ORDER BY 1",
                         satchel_value_id(erasure));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            satchel_id device = satchel_db_id(statement, 0);
            status =
                visit(context, &device, (satchel_status)satchel_db_int(statement, 1), satchel_db_int(statement, 2));
        }
    }
    satchel_db_end(statement);
    return status;
}
