/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appending to the audit chain and walking it from its start.
 */
#include "service/audit.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"

#include <string.h>

/* Entries that a check reads at once. */
#define VERIFY_BATCH 1000

static void add_number(satchel_hash *hash, uint64_t number) {
    uint8_t bytes[8];
    satchel_put_u64be(bytes, number);
    satchel_hash_add(hash, satchel_bytes_of(bytes, sizeof bytes));
}

static satchel_bytes id_part(const satchel_id *id) {
    return satchel_id_is_none(id) ? (satchel_bytes){NULL, 0} : satchel_id_view(id);
}

static void chain(const uint8_t previous[SATCHEL_HASH_BYTES], uint64_t position, int64_t at_ms,
                  const satchel_audit_entry *entry, satchel_text action, uint8_t out[SATCHEL_HASH_BYTES]) {
    satchel_hash hash;
    satchel_hash_begin(&hash);
    satchel_hash_add(&hash, satchel_bytes_of(previous, SATCHEL_HASH_BYTES));
    add_number(&hash, position);
    add_number(&hash, (uint64_t)at_ms);
    satchel_hash_add_part(&hash, satchel_text_bytes(action));
    satchel_hash_add_part(&hash, id_part(&entry->user));
    satchel_hash_add_part(&hash, id_part(&entry->device));
    add_number(&hash, entry->subject_entity);
    satchel_hash_add_part(&hash, id_part(&entry->subject_row));
    add_number(&hash, (uint64_t)entry->status);
    satchel_hash_add_part(&hash, entry->commitment);
    satchel_hash_end(&hash, out);
}

static satchel_value id_value(const satchel_id *id) {
    return satchel_id_is_none(id) ? satchel_value_null() : satchel_value_id(id);
}

satchel_status satchel_audit_add(satchel_db *db, satchel_counter *counter, int64_t at_ms,
                                 const satchel_audit_entry *entry, satchel_error *error) {
    uint8_t hash[SATCHEL_HASH_BYTES];
    uint8_t number[SATCHEL_ID_RANDOM_BYTES] = {0};
    uint64_t position = counter->audit_position + 1;
    /* Time and position: unique in the chain, and always at the end of the index. */
    satchel_put_u64be(number + sizeof number - 8, position);
    satchel_id id = satchel_id_make(at_ms, number);
    chain(counter->audit_hash, position, at_ms, entry, satchel_text_of(entry->action), hash);
    satchel_status status = SATCHEL_DB_RUN(
        db, error,
        "INSERT INTO \"audit_event\" (rowid, \"id\", \"position\", \"at\", \"action\", \"user\", \"device\","
        " \"subject_entity\", \"subject_row\", \"commitment\", \"previous_hash\", \"hash\", \"status\", \"deleted\")"
        " VALUES (?1, ?2, ?1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0)",
        satchel_db_count(position), satchel_value_id(&id), satchel_value_time(at_ms),
        satchel_value_text(satchel_text_of(entry->action)), id_value(&entry->user), id_value(&entry->device),
        satchel_db_count(entry->subject_entity), id_value(&entry->subject_row), satchel_value_bytes(entry->commitment),
        satchel_db_blob(counter->audit_hash, sizeof counter->audit_hash), satchel_db_blob(hash, sizeof hash),
        satchel_value_int((int64_t)entry->status));
    if (status == SATCHEL_OK) {
        counter->audit_position = position;
        memcpy(counter->audit_hash, hash, sizeof hash);
    }
    return status;
}

satchel_status satchel_audit_note(const satchel_service *service, satchel_db *db, const satchel_audit_entry *entry,
                                  satchel_error *error) {
    satchel_counter counter;
    satchel_status status = satchel_counter_read(db, &counter, error);
    if (status == SATCHEL_OK) {
        status = satchel_audit_add(db, &counter, satchel_service_now_ms(service), entry, error);
    }
    return status == SATCHEL_OK ? satchel_counter_write(db, &counter, error) : status;
}

/* Does the present row of the walk follow from the hash before it? Moves the hash on. */
static bool follows(const satchel_db_statement *statement, uint64_t position, uint8_t hash[SATCHEL_HASH_BYTES]) {
    uint8_t expected[SATCHEL_HASH_BYTES];
    satchel_audit_entry entry = {.user = satchel_db_id(statement, 3),
                                 .device = satchel_db_id(statement, 4),
                                 .subject_entity = (uint32_t)satchel_db_uint(statement, 5),
                                 .subject_row = satchel_db_id(statement, 6),
                                 .commitment = satchel_db_bytes(statement, 7),
                                 .status = (satchel_status)satchel_db_int(statement, 9)};
    satchel_text action = satchel_text_from(satchel_db_bytes(statement, 2));
    chain(hash, position, satchel_db_int(statement, 1), &entry, action, expected);
    memcpy(hash, expected, sizeof expected);
    return satchel_db_uint(statement, 0) == position &&
           satchel_bytes_equal(satchel_db_bytes(statement, 8), satchel_bytes_of(expected, sizeof expected));
}

/* Checks up to VERIFY_BATCH entries behind `*out_count`; `*out_more` tells whether there were as many. */
static satchel_status verify_some(satchel_db *db, uint8_t hash[SATCHEL_HASH_BYTES], uint64_t *out_bad,
                                  uint64_t *out_count, bool *out_more, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    uint64_t before = *out_count;
    satchel_status status =
        SATCHEL_DB_START(&statement, db, error,
                         "SELECT \"position\", \"at\", \"action\", \"user\", \"device\", \"subject_entity\","
                         " \"subject_row\", \"commitment\", \"hash\", \"status\" FROM \"audit_event\""
                         " WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
                         satchel_db_count(before), satchel_value_int(VERIFY_BATCH));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found && *out_bad == 0) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            *out_count += 1;
            *out_bad = follows(statement, *out_count, hash) ? 0 : *out_count;
        }
    }
    satchel_db_end(statement);
    *out_more = status == SATCHEL_OK && *out_bad == 0 && *out_count - before == VERIFY_BATCH;
    return status;
}

satchel_status satchel_audit_verify(satchel_db *db, uint64_t *out_bad, uint64_t *out_count, satchel_error *error) {
    satchel_counter counter;
    uint8_t hash[SATCHEL_HASH_BYTES] = {0};
    *out_bad = 0;
    *out_count = 0;
    satchel_status status = satchel_counter_read(db, &counter, error);
    bool more = status == SATCHEL_OK;
    while (more) {
        status = verify_some(db, hash, out_bad, out_count, &more, error);
    }
    if (status == SATCHEL_OK && *out_bad == 0 && *out_count != counter.audit_position) {
        *out_bad = *out_count + 1;
    }
    if (status == SATCHEL_OK && *out_bad == 0 && memcmp(hash, counter.audit_hash, sizeof hash) != 0) {
        *out_bad = *out_count; /* the newest entry was written anew, with a hash that fits it */
    }
    return status;
}
