/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries of the ledger and their outbox. The id of an entry follows from its content, so that the same entry waits
 * once.
 */
#include "service/ledger.h"

#include "base/error.h"
#include "base/ids.h"
#include "service/admin.h"
#include "service/erase.h"

satchel_status satchel_ledger_encode(const satchel_ledger_entry *entry, satchel_buffer *out) {
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
    if (status != SATCHEL_OK || entry->kind != SATCHEL_LEDGER_ERASED) {
        return status;
    }
    status = satchel_buffer_append_varint(out, entry->entity);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(out, satchel_id_view(&entry->row));
    }
    return status == SATCHEL_OK ? satchel_buffer_append_varint(out, satchel_zigzag(entry->at_ms)) : status;
}

static bool read_id(satchel_reader *reader, satchel_id *out) {
    satchel_bytes bytes = {NULL, 0};
    return satchel_reader_take(reader, SATCHEL_ID_BYTES, &bytes) == SATCHEL_OK &&
           satchel_id_from(bytes, out) == SATCHEL_OK;
}

satchel_status satchel_ledger_decode(satchel_bytes bytes, satchel_ledger_entry *out) {
    satchel_reader reader = satchel_reader_of(bytes);
    uint64_t numbers[3] = {0, 0, 0};
    uint8_t kind = 0;
    bool fits = satchel_reader_byte(&reader, &kind) == SATCHEL_OK && kind >= SATCHEL_LEDGER_NUMBERS &&
                kind <= SATCHEL_LEDGER_ERASED;
    *out = (satchel_ledger_entry){.kind = (satchel_ledger_kind)kind};
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
    out->epoch = kind <= SATCHEL_LEDGER_EPOCH ? (uint32_t)numbers[0] : 0;
    out->n = numbers[1];
    return fits && satchel_reader_left(&reader) == 0 ? SATCHEL_OK : SATCHEL_MALFORMED;
}

satchel_status satchel_ledger_put(satchel_db *db, const satchel_ledger_entry *entry, satchel_error *error) {
    satchel_buffer bytes;
    satchel_buffer_init(&bytes);
    satchel_status status = satchel_ledger_encode(entry, &bytes);
    if (status == SATCHEL_OK) {
        satchel_bytes part = satchel_buffer_view(&bytes);
        satchel_id id = satchel_id_derive("satchel ledger", &part, 1);
        status = SATCHEL_DB_RUN(db, error,
                                "INSERT INTO ledger_outbox (id, entry) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
                                satchel_value_id(&id), satchel_value_bytes(part));
    } else {
        status = satchel_fail(error, status, "no memory for an entry of the ledger");
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

satchel_status satchel_ledger_reserve(satchel_db *db, uint32_t epoch, uint64_t n, satchel_error *error) {
    const satchel_ledger_entry entry = {.kind = SATCHEL_LEDGER_NUMBERS, .epoch = epoch, .n = n};
    return satchel_ledger_put(db, &entry, error);
}

satchel_status satchel_ledger_waiting(satchel_db *db, uint64_t *out, satchel_error *error) {
    int64_t count = 0;
    satchel_status status =
        satchel_db_number_values(db, "SELECT count(*) FROM ledger_outbox", NULL, 0, 0, &count, error);
    *out = (uint64_t)count;
    return status;
}

satchel_status satchel_ledger_list(satchel_db *db, satchel_ledger_visitor visit, void *context, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    satchel_status status =
        satchel_db_start(&statement, db, "SELECT id, entry FROM ledger_outbox ORDER BY id", NULL, 0, error);
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            satchel_id id = satchel_db_id(statement, 0);
            status = visit(context, &id, satchel_db_bytes(statement, 1));
        }
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_ledger_drop(satchel_db *db, const satchel_id *id, satchel_error *error) {
    return SATCHEL_DB_RUN(db, error, "DELETE FROM ledger_outbox WHERE id = ?1", satchel_value_id(id));
}

void satchel_ledger_mark(satchel_ledger_marks *marks, const satchel_ledger_entry *entry) {
    marks->epoch = entry->epoch > marks->epoch ? entry->epoch : marks->epoch;
    marks->n = entry->n > marks->n ? entry->n : marks->n;
}

/* A device that the restored database does not know cannot speak: its key went with it. */
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
    case SATCHEL_LEDGER_NUMBERS:
    case SATCHEL_LEDGER_EPOCH: break;
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
    return entry->kind == SATCHEL_LEDGER_REVOKED ? satchel_device_revoke(service, db, &system, &entry->id, error)
                                                 : satchel_erase_again(service, db, entry, out_done, error);
}
