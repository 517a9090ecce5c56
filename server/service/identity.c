/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of device_state and incarnation.
 */
#include "service/identity.h"

#include "base/error.h"
#include "base/ids.h"

#include <string.h>

static void take_bytes(const satchel_db_statement *statement, uint32_t column, uint8_t *out, size_t bytes) {
    satchel_bytes found = satchel_db_bytes(statement, column);
    memset(out, 0, bytes);
    if (found.bytes == bytes) {
        memcpy(out, found.data, bytes);
    }
}

satchel_status satchel_device_state_load(satchel_db *db, const satchel_id *device, satchel_device_state *out,
                                         satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    *out = (satchel_device_state){.id = *device};
    satchel_status status =
        SATCHEL_DB_START(&statement, db, error,
                         "SELECT owner, public_key, incarnation, token_current, token_previous, request_number,"
                         " enrolled_ms, seen_ms, revoked FROM device_state WHERE device = ?1",
                         satchel_value_id(device));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && !found) {
        status = satchel_fail(error, SATCHEL_NOT_FOUND, "there is no such device");
    }
    if (status == SATCHEL_OK) {
        out->user = satchel_db_id(statement, 0);
        take_bytes(statement, 1, out->public_key, sizeof out->public_key);
        out->incarnation = satchel_db_uint(statement, 2);
        take_bytes(statement, 3, out->token_current, sizeof out->token_current);
        take_bytes(statement, 4, out->token_previous, sizeof out->token_previous);
        out->request_number = satchel_db_uint(statement, 5);
        out->enrolled_ms = satchel_db_int(statement, 6);
        out->seen_ms = satchel_db_int(statement, 7);
        out->revoked = satchel_db_int(statement, 8) != 0;
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_device_state_save(satchel_db *db, const satchel_device_state *state, satchel_error *error) {
    return SATCHEL_DB_RUN(
        db, error,
        "INSERT INTO device_state (device, owner, public_key, incarnation, token_current, token_previous,"
        " request_number, enrolled_ms, seen_ms, revoked) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        " ON CONFLICT (device) DO UPDATE SET incarnation = excluded.incarnation,"
        " token_current = excluded.token_current, token_previous = excluded.token_previous,"
        " request_number = excluded.request_number, seen_ms = excluded.seen_ms, revoked = excluded.revoked",
        satchel_value_id(&state->id), satchel_value_id(&state->user),
        satchel_db_blob(state->public_key, sizeof state->public_key), satchel_db_count(state->incarnation),
        satchel_db_blob(state->token_current, sizeof state->token_current),
        satchel_db_blob(state->token_previous, sizeof state->token_previous), satchel_db_count(state->request_number),
        satchel_value_time(state->enrolled_ms), satchel_value_time(state->seen_ms), satchel_value_bool(state->revoked));
}

#define INCARNATION_COLUMNS                                                                                            \
    "SELECT number, id, device, owner, parent, parent_sequence, applied_through, applied_digest FROM incarnation"

static satchel_status load_incarnation(satchel_db *db, const char *sql, satchel_value key, satchel_incarnation *out,
                                       satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    *out = (satchel_incarnation){0};
    satchel_status status = SATCHEL_DB_START(&statement, db, error, sql, key);
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && !found) {
        status = satchel_fail(error, SATCHEL_NOT_FOUND, "there is no such incarnation");
    }
    if (status == SATCHEL_OK) {
        out->number = satchel_db_uint(statement, 0);
        out->id = satchel_db_id(statement, 1);
        out->device = satchel_db_id(statement, 2);
        out->user = satchel_db_id(statement, 3);
        out->parent = satchel_db_uint(statement, 4);
        out->parent_sequence = satchel_db_uint(statement, 5);
        out->applied_through = satchel_db_uint(statement, 6);
        take_bytes(statement, 7, out->applied_digest, sizeof out->applied_digest);
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_incarnation_load(satchel_db *db, const satchel_id *id, satchel_incarnation *out,
                                        satchel_error *error) {
    return load_incarnation(db, INCARNATION_COLUMNS " WHERE id = ?1", satchel_value_id(id), out, error);
}

satchel_status satchel_incarnation_by_number(satchel_db *db, uint64_t number, satchel_incarnation *out,
                                             satchel_error *error) {
    return load_incarnation(db, INCARNATION_COLUMNS " WHERE number = ?1", satchel_db_count(number), out, error);
}

satchel_status satchel_incarnation_add(satchel_db *db, satchel_incarnation *incarnation, satchel_error *error) {
    int64_t number = 0;
    satchel_status status = SATCHEL_DB_NUMBER(
        db, error, &number, 0,
        "INSERT INTO incarnation (number, id, device, owner, parent, parent_sequence, applied_through, applied_digest)"
        " SELECT coalesce(max(number), 0) + 1, ?1, ?2, ?3, ?4, ?5, ?6, ?7 FROM incarnation RETURNING number",
        satchel_value_id(&incarnation->id), satchel_value_id(&incarnation->device),
        satchel_value_id(&incarnation->user), satchel_db_count(incarnation->parent),
        satchel_db_count(incarnation->parent_sequence), satchel_db_count(incarnation->applied_through),
        satchel_db_blob(incarnation->applied_digest, sizeof incarnation->applied_digest));
    incarnation->number = (uint64_t)number;
    return status;
}

satchel_status satchel_incarnation_advance(satchel_db *db, const satchel_incarnation *incarnation,
                                           satchel_error *error) {
    return SATCHEL_DB_RUN(db, error,
                          "UPDATE incarnation SET applied_through = ?2, applied_digest = ?3, parent_sequence = ?4,"
                          " parent = ?5 WHERE number = ?1",
                          satchel_db_count(incarnation->number), satchel_db_count(incarnation->applied_through),
                          satchel_db_blob(incarnation->applied_digest, sizeof incarnation->applied_digest),
                          satchel_db_count(incarnation->parent_sequence), satchel_db_count(incarnation->parent));
}

satchel_status satchel_author_of_phone(satchel_db *db, const satchel_incarnation *incarnation, satchel_author *out,
                                       satchel_error *error) {
    *out = (satchel_author){.incarnation = incarnation->number,
                            .incarnation_id = incarnation->id,
                            .device = incarnation->device,
                            .user = incarnation->user};
    uint64_t parent = incarnation->parent;
    uint64_t sequence = incarnation->parent_sequence;
    satchel_status status = SATCHEL_OK;
    while (status == SATCHEL_OK && parent != 0 &&
           out->ancestor_count < sizeof out->ancestors / sizeof *out->ancestors) {
        satchel_incarnation older;
        out->ancestors[out->ancestor_count++] = (satchel_writer){parent, sequence};
        status = satchel_incarnation_by_number(db, parent, &older, error);
        parent = older.parent;
        sequence = older.parent_sequence < sequence ? older.parent_sequence : sequence;
    }
    return status;
}

satchel_status satchel_incarnation_holder(satchel_db *db, uint64_t number, uint64_t sequence, uint64_t *out,
                                          satchel_error *error) {
    satchel_incarnation life;
    satchel_status status = satchel_incarnation_by_number(db, number, &life, error);
    while (status == SATCHEL_OK && life.parent != 0 && sequence <= life.parent_sequence) {
        status = satchel_incarnation_by_number(db, life.parent, &life, error);
    }
    *out = life.number;
    return status;
}

satchel_status satchel_author_on_server(const satchel_service *service, satchel_db *db, const satchel_id *user,
                                        satchel_author *out, satchel_error *error) {
    *out = (satchel_author){.user = *user};
    if (satchel_id_is_none(user)) {
        return SATCHEL_OK;
    }
    satchel_bytes part = satchel_id_view(user);
    satchel_incarnation hand = {.id = satchel_id_derive("satchel console", &part, 1), .user = *user};
    satchel_status status = satchel_incarnation_load(db, &hand.id, &hand, error);
    if (status == SATCHEL_NOT_FOUND) {
        hand = (satchel_incarnation){.id = satchel_id_derive("satchel console", &part, 1), .user = *user};
        status = satchel_incarnation_add(db, &hand, error);
    }
    (void)service;
    out->incarnation = hand.number;
    out->incarnation_id = hand.id;
    return status;
}
