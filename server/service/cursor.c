/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cursor's bytes.
 */
#include "service/cursor.h"

#include "base/error.h"
#include "base/ids.h"

#include <string.h>

/* --- how far a snapshot is --- */

/* Where the customer stands on the route; its length: nowhere. */
static uint32_t route_index(const satchel_cursor *cursor, const satchel_id *customer) {
    uint32_t i = 0;
    while (i < cursor->route_count && !satchel_id_equal(&cursor->route[i], customer)) {
        i++;
    }
    return i;
}

bool satchel_cursor_is_on_route(const satchel_cursor *cursor, const satchel_place *place) {
    return route_index(cursor, &place->anchor) < cursor->route_count;
}

bool satchel_cursor_has_reached(const satchel_cursor *cursor, const satchel_cursor_snapshot *snapshot,
                                const satchel_place *place) {
    bool passed = snapshot->begun && satchel_place_compare(place, &snapshot->at) <= 0;
    if (snapshot != cursor->snapshots || cursor->route_count == 0) {
        return passed;
    }
    uint32_t index = route_index(cursor, &place->anchor);
    if (index < cursor->route_count) {
        return index < cursor->route_at || (index == cursor->route_at && passed);
    }
    return cursor->route_at == cursor->route_count && passed;
}

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
    bool has_route = cursor->route_count > 0 && cursor->snapshot_count > 0;
    put_number(&writer, has_route ? SATCHEL_CURSOR_FORMAT_ROUTE : SATCHEL_CURSOR_FORMAT);
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
    if (has_route) {
        put_number(&writer, cursor->route_count);
        put_number(&writer, cursor->route_at);
        put_bytes(&writer, satchel_bytes_of(cursor->route, cursor->route_count * sizeof *cursor->route));
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

/* One form only: a route is not empty and belongs to a snapshot. */
static void take_route(cursor_reader *reader, satchel_cursor *out) {
    out->route_count = (uint32_t)take_number(reader, SATCHEL_CURSOR_ROUTE_MOST);
    out->route_at = (uint32_t)take_number(reader, out->route_count);
    reader->bad = reader->bad || out->route_count == 0 || out->snapshot_count == 0;
    for (uint32_t i = 0; i < out->route_count; i++) {
        out->route[i] = take_id(reader);
    }
}

satchel_status satchel_cursor_read(satchel_bytes bytes, satchel_cursor *out, satchel_error *error) {
    cursor_reader reader = {satchel_reader_of(bytes), false};
    satchel_bytes view = {NULL, 0};
    *out = (satchel_cursor){0};
    uint64_t format = take_number(&reader, UINT64_MAX);
    bool known = format == SATCHEL_CURSOR_FORMAT || format == SATCHEL_CURSOR_FORMAT_ROUTE;
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
    if (format == SATCHEL_CURSOR_FORMAT_ROUTE) {
        take_route(&reader, out);
    }
    if (reader.bad || satchel_reader_left(&reader.in) != 0) {
        return satchel_fail(error, SATCHEL_STALE_CURSOR, "the cursor is damaged");
    }
    return SATCHEL_OK;
}
