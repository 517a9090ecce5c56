/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cursor's bytes.
 */
#include "service/cursor.h"

#include "base/error.h"
#include "base/ids.h"

#include <string.h>

/* --- writing; the status is sticky --- */

typedef struct cursor_writer {
    satchel_buffer *out;
    satchel_status status;
} cursor_writer;

static void put_number(cursor_writer *writer, uint64_t number) {
    if (writer->status == SATCHEL_OK) {
        writer->status = satchel_buffer_append_varint(writer->out, number);
    }
}

static void put_bytes(cursor_writer *writer, satchel_bytes bytes) {
    if (writer->status == SATCHEL_OK) {
        writer->status = satchel_buffer_append(writer->out, bytes);
    }
}

static void put_place(cursor_writer *writer, const satchel_place *place) {
    put_bytes(writer, satchel_id_view(&place->anchor));
    put_number(writer, place->rank);
    put_bytes(writer, satchel_id_view(&place->root));
}

satchel_status satchel_cursor_write(const satchel_cursor *cursor, satchel_buffer *out) {
    cursor_writer writer = {out, SATCHEL_OK};
    uint8_t view[8];
    satchel_put_u64be(view, cursor->view);
    put_number(&writer, SATCHEL_CURSOR_FORMAT);
    put_number(&writer, cursor->epoch);
    put_bytes(&writer, satchel_bytes_of(view, sizeof view));
    put_number(&writer, cursor->generation);
    put_number(&writer, cursor->set);
    put_number(&writer, cursor->full_n);
    put_number(&writer, cursor->hour);
    put_number(&writer, cursor->cut ? 1 : 0);
    if (cursor->cut) {
        put_number(&writer, cursor->cut_n);
        put_place(&writer, &cursor->cut_at);
    }
    put_number(&writer, cursor->snapshot_count);
    for (uint32_t i = 0; i < cursor->snapshot_count; i++) {
        const satchel_cursor_snapshot *snapshot = &cursor->snapshots[i];
        put_number(&writer, snapshot->set);
        put_number(&writer, snapshot->start_n);
        put_number(&writer, snapshot->done);
        put_number(&writer, snapshot->total);
        put_number(&writer, snapshot->begun ? 1 : 0);
        if (snapshot->begun) {
            put_place(&writer, &snapshot->at);
        }
    }
    return writer.status;
}

/* --- reading --- */

typedef struct cursor_reader {
    satchel_reader in;
    bool bad; /* sticky */
} cursor_reader;

static uint64_t take_number(cursor_reader *reader, uint64_t most) {
    uint64_t number = 0;
    if (!reader->bad) {
        reader->bad = satchel_reader_varint(&reader->in, &number) != SATCHEL_OK || number > most;
    }
    return reader->bad ? 0 : number;
}

static satchel_id take_id(cursor_reader *reader) {
    satchel_id id = {{0}};
    satchel_bytes bytes = {NULL, 0};
    if (!reader->bad) {
        reader->bad = satchel_reader_take(&reader->in, sizeof id.bytes, &bytes) != SATCHEL_OK;
    }
    if (!reader->bad) {
        memcpy(id.bytes, bytes.data, sizeof id.bytes);
    }
    return id;
}

static satchel_place take_place(cursor_reader *reader) {
    satchel_place place;
    place.anchor = take_id(reader);
    place.rank = (uint32_t)take_number(reader, SATCHEL_TABLE_COUNT - 1);
    place.root = take_id(reader);
    return place;
}

static void take_snapshot(cursor_reader *reader, satchel_cursor_snapshot *out) {
    out->set = (uint32_t)take_number(reader, UINT32_MAX);
    out->start_n = take_number(reader, INT64_MAX);
    out->done = take_number(reader, INT64_MAX);
    out->total = take_number(reader, INT64_MAX);
    out->begun = take_number(reader, 1) != 0;
    if (out->begun) {
        out->at = take_place(reader);
    }
}

satchel_status satchel_cursor_read(satchel_bytes bytes, satchel_cursor *out, satchel_error *error) {
    cursor_reader reader = {satchel_reader_of(bytes), false};
    satchel_bytes view = {NULL, 0};
    *out = (satchel_cursor){0};
    bool known = take_number(&reader, UINT64_MAX) == SATCHEL_CURSOR_FORMAT;
    out->epoch = (uint32_t)take_number(&reader, UINT32_MAX);
    if (!known || reader.bad || satchel_reader_take(&reader.in, 8, &view) != SATCHEL_OK) {
        return satchel_fail(error, SATCHEL_STALE_CURSOR, "the cursor is not one of this server's");
    }
    out->view = satchel_get_u64be(view.data);
    out->generation = (uint8_t)take_number(&reader, UINT8_MAX);
    out->set = (uint32_t)take_number(&reader, UINT32_MAX);
    out->full_n = take_number(&reader, INT64_MAX);
    out->hour = take_number(&reader, INT64_MAX);
    out->cut = take_number(&reader, 1) != 0;
    if (out->cut) {
        out->cut_n = take_number(&reader, INT64_MAX);
        out->cut_at = take_place(&reader);
    }
    out->snapshot_count = (uint32_t)take_number(&reader, SATCHEL_CURSOR_SNAPSHOTS_MOST);
    for (uint32_t i = 0; i < out->snapshot_count; i++) {
        take_snapshot(&reader, &out->snapshots[i]);
    }
    if (reader.bad || satchel_reader_left(&reader.in) != 0) {
        return satchel_fail(error, SATCHEL_STALE_CURSOR, "the cursor is damaged");
    }
    return SATCHEL_OK;
}
