/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries of the ledger and their list. The id of an entry follows from its content, so that the same entry is there
 * once.
 */
#include "service/ledger.h"

#include "base/error.h"
#include "base/ids.h"
#include "service/admin.h"
#include "service/erase.h"
#include "service/identity.h"

#include <string.h>

static satchel_status encode_enrolled(const satchel_ledger_entry *entry, satchel_buffer *out) {
    satchel_status status = satchel_buffer_append(out, satchel_id_view(&entry->row));
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(out, satchel_id_view(&entry->life));
    }
    return status == SATCHEL_OK
               ? satchel_buffer_append(out, satchel_bytes_of(entry->public_key, sizeof entry->public_key))
               : status;
}

static satchel_status encode_entry(const satchel_ledger_entry *entry, satchel_buffer *out) {
    satchel_status status = satchel_buffer_append_byte(out, (uint8_t)entry->kind);
    if (status == SATCHEL_OK && entry->kind <= SATCHEL_LEDGER_EPOCH) {
        status = satchel_buffer_append_varint(out, entry->epoch);
    }
    if (status == SATCHEL_OK && entry->kind == SATCHEL_LEDGER_NUMBERS) {
        status = satchel_buffer_append_varint(out, entry->n);
    }
    if (status == SATCHEL_OK && entry->kind >= SATCHEL_LEDGER_REVOKED) {
        status = satchel_buffer_append(out, satchel_id_view(&entry->id));
    }
    if (status == SATCHEL_OK && entry->kind == SATCHEL_LEDGER_ENROLLED) {
        return encode_enrolled(entry, out);
    }
    if (status != SATCHEL_OK || entry->kind != SATCHEL_LEDGER_ERASED) {
        return status;
    }
    status = satchel_buffer_append_varint(out, entry->entity);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(out, satchel_id_view(&entry->row));
    }
    return status == SATCHEL_OK ? satchel_buffer_append_varint(out, satchel_zigzag(entry->at_ms)) : status;
}

static satchel_status put_serial(uint64_t serial, satchel_buffer *out) {
    satchel_status status = satchel_buffer_append_byte(out, SATCHEL_LEDGER_NUMBERED);
    return status == SATCHEL_OK ? satchel_buffer_append_varint(out, serial) : status;
}

satchel_status satchel_ledger_encode(const satchel_ledger_entry *entry, satchel_buffer *out) {
    satchel_status status = entry->serial != 0 ? put_serial(entry->serial, out) : SATCHEL_OK;
    return status == SATCHEL_OK ? encode_entry(entry, out) : status;
}

satchel_status satchel_ledger_number(uint64_t serial, satchel_bytes entry, satchel_buffer *out) {
    satchel_status status = put_serial(serial, out);
    return status == SATCHEL_OK ? satchel_buffer_append(out, entry) : status;
}

/* What follows the serial; the serial is 0 if there is none. False: it is none that was ever written. */
static bool read_serial(satchel_reader *reader, uint64_t *out) {
    *out = 0;
    satchel_reader ahead = *reader;
    uint8_t kind = 0;
    if (satchel_reader_byte(&ahead, &kind) != SATCHEL_OK || kind != SATCHEL_LEDGER_NUMBERED) {
        return true;
    }
    *reader = ahead;
    return satchel_reader_varint(reader, out) == SATCHEL_OK && *out != 0 && *out <= INT64_MAX;
}

uint64_t satchel_ledger_serial_of(satchel_bytes bytes) {
    satchel_reader reader = satchel_reader_of(bytes);
    uint64_t serial = 0;
    return read_serial(&reader, &serial) ? serial : 0;
}

static bool read_id(satchel_reader *reader, satchel_id *out) {
    satchel_bytes bytes = {NULL, 0};
    return satchel_reader_take(reader, SATCHEL_ID_BYTES, &bytes) == SATCHEL_OK &&
           satchel_id_from(bytes, out) == SATCHEL_OK;
}

satchel_status satchel_ledger_decode(satchel_bytes bytes, satchel_ledger_entry *out) {
    satchel_reader reader = satchel_reader_of(bytes);
    uint64_t numbers[3] = {0, 0, 0};
    uint64_t serial = 0;
    uint8_t kind = 0;
    bool fits = read_serial(&reader, &serial) && satchel_reader_byte(&reader, &kind) == SATCHEL_OK &&
                kind >= SATCHEL_LEDGER_NUMBERS && kind <= SATCHEL_LEDGER_ENROLLED && kind != SATCHEL_LEDGER_NUMBERED;
    *out = (satchel_ledger_entry){.kind = (satchel_ledger_kind)kind, .serial = serial};
    if (fits && kind <= SATCHEL_LEDGER_EPOCH) {
        fits = satchel_reader_varint(&reader, &numbers[0]) == SATCHEL_OK && numbers[0] <= UINT32_MAX;
    }
    if (fits && kind == SATCHEL_LEDGER_NUMBERS) {
        fits = satchel_reader_varint(&reader, &numbers[1]) == SATCHEL_OK && numbers[1] <= INT64_MAX;
    }
    if (fits && kind >= SATCHEL_LEDGER_REVOKED) {
        fits = read_id(&reader, &out->id);
    }
    if (fits && kind == SATCHEL_LEDGER_ERASED) {
        fits = satchel_reader_varint(&reader, &numbers[0]) == SATCHEL_OK && numbers[0] < SATCHEL_TABLE_COUNT &&
               read_id(&reader, &out->row) && satchel_reader_varint(&reader, &numbers[2]) == SATCHEL_OK;
        out->entity = (uint32_t)numbers[0];
        out->at_ms = satchel_unzigzag(numbers[2]);
    }
    if (fits && kind == SATCHEL_LEDGER_ENROLLED) {
        satchel_bytes key = {NULL, 0};
        fits = read_id(&reader, &out->row) && read_id(&reader, &out->life) &&
               satchel_reader_take(&reader, sizeof out->public_key, &key) == SATCHEL_OK;
        memcpy(out->public_key, key.data != NULL ? key.data : out->public_key, key.bytes);
    }
    out->epoch = kind <= SATCHEL_LEDGER_EPOCH ? (uint32_t)numbers[0] : 0;
    out->n = numbers[1];
    return fits && satchel_reader_left(&reader) == 0 ? SATCHEL_OK : SATCHEL_MALFORMED;
}

/* --- the list --- */

/* The bytes without a serial, and the id that follows from them. */
static satchel_status name_entry(const satchel_ledger_entry *entry, satchel_buffer *bytes, satchel_id *out_id,
                                 satchel_error *error) {
    satchel_status status = encode_entry(entry, bytes);
    satchel_bytes part = satchel_buffer_view(bytes);
    *out_id = satchel_id_derive("satchel ledger", &part, 1);
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(error, status, "no memory for an entry of the ledger");
}

/* An entry of a database of before the serials waits under 0, and gets one when it is put or adopted again. */
#define NUMBER_FOLLOWING " ON CONFLICT (id) DO UPDATE SET serial = CASE WHEN ledger_outbox.serial = 0 THEN"

/* Who was revoked or erased shall be known to phones with their next exchange: the next checkpoint is due at once. */
static satchel_status hasten_checkpoint(satchel_db *db, const satchel_ledger_entry *entry, satchel_error *error) {
    return entry->kind == SATCHEL_LEDGER_REVOKED || entry->kind == SATCHEL_LEDGER_ERASED
               ? satchel_db_exec(db, "UPDATE order_book SET checkpoint_ms = 0 WHERE one = 1", error)
               : SATCHEL_OK;
}

satchel_status satchel_ledger_put(satchel_db *db, const satchel_ledger_entry *entry, satchel_error *error) {
    satchel_buffer bytes;
    satchel_id id;
    satchel_buffer_init(&bytes);
    satchel_status status = name_entry(entry, &bytes, &id, error);
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(db, error,
                                "INSERT INTO ledger_outbox (id, entry, serial) SELECT ?1, ?2,"
                                " coalesce(max(serial), 0) + 1 FROM ledger_outbox WHERE TRUE" NUMBER_FOLLOWING
                                " excluded.serial ELSE ledger_outbox.serial END",
                                satchel_value_id(&id), satchel_value_bytes(satchel_buffer_view(&bytes)));
    }
    satchel_buffer_deinit(&bytes);
    return status == SATCHEL_OK ? hasten_checkpoint(db, entry, error) : status;
}

static satchel_status count_of(satchel_db *db, const char *sql, uint64_t *out, satchel_error *error) {
    int64_t count = 0;
    satchel_status status = satchel_db_number_values(db, sql, NULL, 0, 0, &count, error);
    *out = (uint64_t)count;
    return status;
}

/* Another entry under the serial goes behind all. */
static satchel_status make_room(satchel_db *db, const satchel_id *id, uint64_t serial, satchel_error *error) {
    return SATCHEL_DB_RUN(db, error,
                          "UPDATE ledger_outbox SET serial = (SELECT max(serial) + 1 FROM ledger_outbox)"
                          " WHERE serial = ?1 AND id <> ?2",
                          satchel_db_count(serial), satchel_value_id(id));
}

static satchel_status adopt_numbered(satchel_db *db, const satchel_ledger_entry *entry, const satchel_id *id,
                                     satchel_bytes bytes, bool *out_new, satchel_error *error) {
    int64_t known = 0;
    satchel_status status = SATCHEL_DB_NUMBER(db, error, &known, -1, "SELECT serial FROM ledger_outbox WHERE id = ?1",
                                              satchel_value_id(id));
    *out_new = known < 0;
    if (status != SATCHEL_OK || known == (int64_t)entry->serial) {
        return status;
    }
    status = make_room(db, id, entry->serial, error);
    return status == SATCHEL_OK
               ? SATCHEL_DB_RUN(db, error,
                                "INSERT INTO ledger_outbox (id, entry, serial) VALUES (?1, ?2, ?3)"
                                " ON CONFLICT (id) DO UPDATE SET serial = excluded.serial",
                                satchel_value_id(id), satchel_value_bytes(bytes), satchel_db_count(entry->serial))
               : status;
}

satchel_status satchel_ledger_adopt(satchel_db *db, const satchel_ledger_entry *entry, bool *out_new,
                                    satchel_error *error) {
    satchel_buffer bytes;
    satchel_id id;
    uint64_t before = 0;
    uint64_t after = 0;
    *out_new = false;
    satchel_buffer_init(&bytes);
    satchel_status status = name_entry(entry, &bytes, &id, error);
    if (status == SATCHEL_OK && entry->serial != 0) {
        status = adopt_numbered(db, entry, &id, satchel_buffer_view(&bytes), out_new, error);
    } else if (status == SATCHEL_OK) {
        status = satchel_ledger_head(db, &before, error);
        status = status == SATCHEL_OK ? satchel_ledger_put(db, entry, error) : status;
        status = status == SATCHEL_OK ? satchel_ledger_head(db, &after, error) : status;
        *out_new = after > before;
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

satchel_status satchel_ledger_reserve(satchel_db *db, uint32_t epoch, uint64_t n, satchel_error *error) {
    const satchel_ledger_entry entry = {.kind = SATCHEL_LEDGER_NUMBERS, .epoch = epoch, .n = n};
    return satchel_ledger_put(db, &entry, error);
}

satchel_status satchel_ledger_number_all(satchel_db *db, satchel_error *error) {
    uint64_t moved = 1;
    satchel_status status = SATCHEL_OK;
    while (status == SATCHEL_OK && moved > 0) {
        status =
            satchel_db_run_values(db,
                                  "UPDATE ledger_outbox SET serial = (SELECT max(serial) + 1 FROM ledger_outbox)"
                                  " WHERE id = (SELECT id FROM ledger_outbox WHERE serial = 0 ORDER BY id LIMIT 1)",
                                  NULL, 0, &moved, error);
    }
    return status;
}

satchel_status satchel_ledger_head(satchel_db *db, uint64_t *out, satchel_error *error) {
    return count_of(db, "SELECT coalesce(max(serial), 0) FROM ledger_outbox", out, error);
}

satchel_status satchel_ledger_known(satchel_db *db, uint64_t *out, satchel_error *error) {
    return count_of(db, "SELECT ledger_known FROM counter", out, error);
}

satchel_status satchel_ledger_know(satchel_db *db, uint64_t serial, satchel_error *error) {
    return SATCHEL_DB_RUN(db, error, "UPDATE counter SET ledger_known = ?1 WHERE ledger_known < ?1 AND fenced <> ?2",
                          satchel_db_count(serial), satchel_value_int(SATCHEL_FENCE_BEHIND));
}

satchel_status satchel_ledger_want(satchel_db *db, uint64_t serial, satchel_error *error) {
    return SATCHEL_DB_RUN(db, error, "UPDATE counter SET ledger_known = ?1", satchel_db_count(serial));
}

satchel_status satchel_ledger_waiting(satchel_db *db, uint64_t *out, satchel_error *error) {
    return count_of(db, "SELECT count(*) FROM ledger_outbox WHERE serial > (SELECT ledger_known FROM counter)", out,
                    error);
}

satchel_status satchel_ledger_list(satchel_db *db, uint64_t after, satchel_ledger_visitor visit, void *context,
                                   satchel_error *error) {
    satchel_db_statement *statement = NULL;
    satchel_status status = SATCHEL_DB_START(
        &statement, db, error, "SELECT serial, entry FROM ledger_outbox WHERE serial > ?1 ORDER BY serial",
        satchel_db_count(after));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            status = visit(context, satchel_db_uint(statement, 0), satchel_db_bytes(statement, 1));
        }
    }
    satchel_db_end(statement);
    return status;
}

void satchel_ledger_mark(satchel_ledger_marks *marks, const satchel_ledger_entry *entry) {
    marks->epoch = entry->epoch > marks->epoch ? entry->epoch : marks->epoch;
    marks->n = entry->n > marks->n ? entry->n : marks->n;
    marks->serial = entry->serial > marks->serial ? entry->serial : marks->serial;
}

satchel_status satchel_ledger_is_due(satchel_db *db, const satchel_ledger_entry *entry, bool *out,
                                     satchel_error *error) {
    int64_t count = 0;
    satchel_status status = SATCHEL_OK;
    *out = false;
    switch (entry->kind) {
    case SATCHEL_LEDGER_REVOKED:
        status = SATCHEL_DB_NUMBER(db, error, &count, 0,
                                   "SELECT count(*) FROM device_state WHERE device = ?1 AND revoked = 0",
                                   satchel_value_id(&entry->id));
        *out = count > 0;
        break;
    case SATCHEL_LEDGER_ERASED:
        status = SATCHEL_DB_NUMBER(db, error, &count, 0, "SELECT count(*) FROM \"erasure\" WHERE \"id\" = ?1",
                                   satchel_value_id(&entry->id));
        *out = count == 0;
        break;
    case SATCHEL_LEDGER_ENROLLED:
        status = SATCHEL_DB_NUMBER(db, error, &count, 0,
                                   "SELECT (SELECT count(*) FROM device_state WHERE device = ?1 OR public_key = ?2)"
                                   " + (SELECT count(*) FROM incarnation WHERE id = ?3)",
                                   satchel_value_id(&entry->id),
                                   satchel_db_blob(entry->public_key, sizeof entry->public_key),
                                   satchel_value_id(&entry->life));
        *out = count == 0;
        if (status == SATCHEL_OK && *out) { /* whose user went with the stretch has nobody to speak for */
            status = SATCHEL_DB_NUMBER(db, error, &count, 0,
                                       "SELECT count(*) FROM \"user\" WHERE \"id\" = ?1 AND \"deleted\" = 0",
                                       satchel_value_id(&entry->row));
            *out = count > 0;
        }
        break;
    case SATCHEL_LEDGER_NUMBERS:
    case SATCHEL_LEDGER_EPOCH:
    case SATCHEL_LEDGER_NUMBERED: break;
    }
    return status;
}

satchel_status satchel_ledger_carry_out(const satchel_service *service, satchel_db *db,
                                        const satchel_ledger_entry *entry, bool *out_done, satchel_error *error) {
    const satchel_actor system = satchel_actor_system();
    satchel_status status = satchel_ledger_is_due(db, entry, out_done, error);
    if (status != SATCHEL_OK || !*out_done) {
        return status;
    }
    switch (entry->kind) {
    case SATCHEL_LEDGER_REVOKED: return satchel_device_revoke(service, db, &system, &entry->id, error);
    case SATCHEL_LEDGER_ENROLLED: return satchel_device_again(service, db, entry, error);
    default: return satchel_erase_again(service, db, entry, out_done, error);
    }
}
