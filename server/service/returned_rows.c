/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of a row to which decided facts come back: the row as it was before the first, and the facts.
 *
 *   restored_row.before   [exists 1][deleted 1][record bytes varint][record][versions]
 */
#include "service/returned_work.h"

#include "base/error.h"
#include "base/ids.h"
#include "wire/record_codec.h"

static satchel_status encode_row(const satchel_returned_work *work, satchel_buffer *out) {
    const satchel_merge_row *row = &work->now.merged;
    satchel_buffer record;
    satchel_buffer_init(&record);
    satchel_status status =
        satchel_record_encode(&work->change->service->schema, work->entity->number, &row->value, &record);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(out, row->exists ? 1 : 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(out, row->deleted ? 1 : 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(out, record.bytes);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(out, satchel_buffer_view(&record));
    }
    if (status == SATCHEL_OK) {
        status = satchel_versions_encode(&row->versions, out);
    }
    satchel_buffer_deinit(&record);
    return status;
}

static satchel_status decode_row(const satchel_returned_work *work, satchel_bytes bytes, satchel_merge_row *out) {
    satchel_reader reader = satchel_reader_of(bytes);
    satchel_bytes record = {NULL, 0};
    satchel_bytes versions = {NULL, 0};
    uint64_t length = 0;
    uint8_t exists = 0;
    uint8_t deleted = 0;
    satchel_merge_row_init(out, work->change->arena);
    if (satchel_reader_byte(&reader, &exists) != SATCHEL_OK || satchel_reader_byte(&reader, &deleted) != SATCHEL_OK ||
        satchel_reader_varint(&reader, &length) != SATCHEL_OK || length > satchel_reader_left(&reader) ||
        satchel_reader_take(&reader, (size_t)length, &record) != SATCHEL_OK ||
        satchel_reader_take(&reader, satchel_reader_left(&reader), &versions) != SATCHEL_OK) {
        return SATCHEL_DAMAGED;
    }
    out->exists = exists != 0;
    out->deleted = deleted != 0;
    satchel_status status = satchel_record_decode(&work->change->service->schema, work->entity->number, record, false,
                                                  &out->value, work->error);
    return status == SATCHEL_OK ? satchel_versions_decode(versions, &out->versions) : status;
}

satchel_status satchel_returned_take_before(satchel_returned_work *work) {
    satchel_db_statement *statement = NULL;
    satchel_buffer bytes;
    bool found = false;
    satchel_buffer_init(&bytes);
    satchel_status status = encode_row(work, &bytes);
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(work->change->db, work->error,
                                "INSERT INTO restored_row (entity, row, before) VALUES (?1, ?2, ?3)"
                                " ON CONFLICT (entity, row) DO NOTHING",
                                satchel_db_count(work->entity->number), satchel_value_id(&work->row),
                                satchel_value_bytes(satchel_buffer_view(&bytes)));
    }
    satchel_buffer_deinit(&bytes);
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_START(&statement, work->change->db, work->error,
                                  "SELECT before FROM restored_row WHERE entity = ?1 AND row = ?2",
                                  satchel_db_count(work->entity->number), satchel_value_id(&work->row));
    }
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, work->error);
    }
    if (status == SATCHEL_OK) {
        status = decode_row(work, satchel_db_bytes(statement, 0), &work->built);
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_returned_add(const satchel_returned_work *work, const satchel_op *op, uint64_t old_n,
                                    satchel_returned_state state) {
    const satchel_change *change = work->change;
    satchel_buffer bytes;
    satchel_buffer_init(&bytes);
    satchel_status status = satchel_op_encode(&change->service->schema, op, &bytes);
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(
            change->db, work->error,
            "INSERT INTO returned_op (entity, row, n, sequence, incarnation, owner, stamp_ms, op, command)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (entity, row, n, sequence, incarnation)"
            " DO NOTHING",
            satchel_db_count(op->entity), satchel_value_id(&op->row), satchel_db_count(old_n),
            satchel_db_count(op->sequence), satchel_db_count(change->author->incarnation),
            satchel_value_id(&change->author->user), satchel_value_time(change->stamp_ms),
            satchel_value_bytes(satchel_buffer_view(&bytes)), satchel_value_int(state));
    } else {
        status = satchel_fail(work->error, status, "an op that came back");
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

static satchel_status read_entry(satchel_returned_work *work, const satchel_db_statement *statement,
                                 satchel_returned_entry *out) {
    *out = (satchel_returned_entry){.n = satchel_db_uint(statement, 0),
                                    .writer = {satchel_db_uint(statement, 2), satchel_db_uint(statement, 1)},
                                    .user = satchel_db_id(statement, 3),
                                    .stamp_ms = satchel_db_int(statement, 4),
                                    .state = (satchel_returned_state)satchel_db_int(statement, 6)};
    return satchel_op_decode(&work->change->service->schema, satchel_db_bytes(statement, 5), out->writer.sequence,
                             work->change->arena, &out->op, work->error);
}

satchel_status satchel_returned_load(satchel_returned_work *work) {
    satchel_change *change = work->change;
    satchel_db_statement *statement = NULL;
    int64_t count = 0;
    satchel_status status = SATCHEL_DB_NUMBER(change->db, work->error, &count, 0,
                                              "SELECT count(*) FROM returned_op WHERE entity = ?1 AND row = ?2"
                                              " AND command IN (0, 4)",
                                              satchel_db_count(work->entity->number), satchel_value_id(&work->row));
    work->entries = satchel_arena_take_array(change->arena, (size_t)count, sizeof *work->entries);
    work->outcomes = satchel_arena_take_array(change->arena, (size_t)count, sizeof *work->outcomes);
    if (status == SATCHEL_OK && (work->entries == NULL || work->outcomes == NULL)) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for what came back");
    }
    if (status == SATCHEL_OK) {
        status =
            SATCHEL_DB_START(&statement, change->db, work->error,
                             "SELECT n, sequence, incarnation, owner, stamp_ms, op, command FROM returned_op"
                             " WHERE entity = ?1 AND row = ?2 AND command IN (0, 4) ORDER BY n, sequence, incarnation",
                             satchel_db_count(work->entity->number), satchel_value_id(&work->row));
    }
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found && work->count < count) {
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            status = read_entry(work, statement, &work->entries[work->count]);
            work->count += status == SATCHEL_OK ? 1 : 0;
        }
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_returned_mark(const satchel_returned_work *work, satchel_returned_entry *entry,
                                     satchel_returned_state state) {
    if (entry->state == state) {
        return SATCHEL_OK;
    }
    entry->state = state;
    return SATCHEL_DB_RUN(work->change->db, work->error,
                          "UPDATE returned_op SET command = ?1 WHERE entity = ?2 AND row = ?3 AND n = ?4"
                          " AND sequence = ?5 AND incarnation = ?6",
                          satchel_value_int(state), satchel_db_count(work->entity->number),
                          satchel_value_id(&work->row), satchel_db_count(entry->n),
                          satchel_db_count(entry->writer.sequence), satchel_db_count(entry->writer.incarnation));
}
