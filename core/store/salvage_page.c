/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells, payloads and records. Every number is checked against what it points into: the page is authentic, but it may
 * be of a kind that only looks like a b-tree page.
 *
 * An overflow page and a page of the freelist begin with a page number of four bytes, whose first byte is no kind of
 * b-tree page below 32 million pages; pages of the pointer map stand at fixed places. So what a user typed, which fills
 * overflow pages, is never taken for a page of rows.
 */
#include "store/salvage_page.h"

#include "store/salvage.h"

#include <string.h>

#define KIND_INDEX_INTERIOR 0x02
#define KIND_INDEX_LEAF 0x0a
#define KIND_TABLE_LEAF 0x0d
#define FILE_HEADER_BYTES 100u
#define LEAF_HEADER_BYTES 8u
#define INTERIOR_HEADER_BYTES 12u
#define CHILD_BYTES 4u
#define POINTER_MAP_ENTRY_BYTES 5u
#define POINTER_MAP_FIRST 2u
#define VARINT_MOST_BYTES 9u

typedef struct page_reading {
    satchel_salvage *pages;
    const satchel_salvage_page *page;
    size_t usable;
    size_t unclaimed; /* bytes that no cell's payload has had: cells share none, so a page of nonsense costs little */
    uint8_t kind;
    satchel_buffer *room;
    satchel_salvage_column columns[SATCHEL_SALVAGE_COLUMNS_MOST];
} page_reading;

static uint32_t get_u16(const uint8_t *at) {
    return (uint32_t)at[0] << 8 | at[1];
}

/* SQLite's varint: big-endian, seven bits a byte, the ninth byte whole. Bytes taken, 0: cut off. */
static size_t take_varint(const uint8_t *at, size_t left, uint64_t *out) {
    uint64_t value = 0;
    for (size_t i = 0; i < VARINT_MOST_BYTES && i < left; i++) {
        if (i == VARINT_MOST_BYTES - 1) {
            *out = value << 8 | at[i];
            return i + 1;
        }
        value = value << 7 | (at[i] & 0x7f);
        if ((at[i] & 0x80) == 0) {
            *out = value;
            return i + 1;
        }
    }
    return 0;
}

/* --- payloads --- */

/* How much of a payload lies in its cell. */
static size_t local_bytes(const page_reading *reading, uint64_t payload) {
    size_t usable = reading->usable;
    size_t most = reading->kind == KIND_TABLE_LEAF ? usable - 35 : (usable - 12) * 64 / 255 - 23;
    size_t least = (usable - 12) * 32 / 255 - 23;
    if (payload <= most) {
        return (size_t)payload;
    }
    size_t fitting = least + (size_t)((payload - least) % (usable - 4));
    return fitting <= most ? fitting : least;
}

/*
 * The rest of a payload from its chain of overflow pages. NOT_FOUND: a page of it is lost, or it is none. A chain that
 * comes round again is none: it meets the page that is noted after 1, 2, 4 … steps (Brent's algorithm).
 */
static satchel_status take_overflow(page_reading *reading, uint32_t next, uint64_t payload) {
    uint8_t content[SATCHEL_SALVAGE_PAGE_BYTES];
    satchel_status status = SATCHEL_OK;
    uint32_t noted = 0;
    for (uint64_t step = 1; status == SATCHEL_OK && reading->room->bytes < payload; step++) {
        if (next == noted) {
            return SATCHEL_NOT_FOUND; /* 0 is no page */
        }
        noted = (step & (step - 1)) == 0 ? next : noted;
        status = satchel_salvage_read(reading->pages, next, reading->page->age, content);
        if (status == SATCHEL_OK) {
            uint64_t left = payload - reading->room->bytes;
            uint64_t here = left < reading->usable - 4 ? left : reading->usable - 4;
            next = satchel_get_u32be(content);
            status = satchel_buffer_append(reading->room, satchel_bytes_of(content + 4, (size_t)here));
        }
    }
    return status == SATCHEL_DAMAGED ? SATCHEL_NOT_FOUND : status;
}

static satchel_status take_payload(page_reading *reading, size_t at, uint64_t payload, satchel_bytes *out) {
    const uint8_t *content = reading->page->content;
    if (payload == 0 || payload > SATCHEL_SALVAGE_ROW_MOST_BYTES) {
        return SATCHEL_NOT_FOUND;
    }
    size_t local = local_bytes(reading, payload);
    size_t pointer = local < payload ? 4 : 0;
    if (at > reading->usable || local + pointer > reading->usable - at || local + pointer > reading->unclaimed) {
        return SATCHEL_NOT_FOUND;
    }
    reading->unclaimed -= local + pointer;
    if (pointer == 0) {
        *out = satchel_bytes_of(content + at, local);
        return SATCHEL_OK;
    }
    satchel_buffer_clear(reading->room);
    satchel_status status = satchel_buffer_append(reading->room, satchel_bytes_of(content + at, local));
    if (status == SATCHEL_OK) {
        status = take_overflow(reading, satchel_get_u32be(content + at + local), payload);
    }
    *out = satchel_buffer_view(reading->room);
    return status;
}

/* --- records --- */

static int64_t read_integer(const uint8_t *at, size_t bytes) {
    uint64_t value = (at[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | at[i];
    }
    return (int64_t)value;
}

/* Bytes of the content of a serial type; SIZE_MAX: no such type. */
static size_t content_bytes(uint64_t serial) {
    static const uint8_t sizes[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};
    if (serial < sizeof sizes) {
        return sizes[serial];
    }
    return serial < 12 || serial > 2 * (uint64_t)SATCHEL_SALVAGE_ROW_MOST_BYTES ? SIZE_MAX : (size_t)(serial - 12) / 2;
}

static void fill_column(uint64_t serial, const uint8_t *at, size_t bytes, satchel_salvage_column *out) {
    *out = (satchel_salvage_column){SATCHEL_SALVAGE_NULL, 0, {NULL, 0}};
    if (serial >= 12) {
        out->type = serial % 2 == 0 ? SATCHEL_SALVAGE_BLOB : SATCHEL_SALVAGE_TEXT;
        out->bytes = satchel_bytes_of(at, bytes);
    } else if (serial == 7) {
        out->type = SATCHEL_SALVAGE_REAL;
    } else if (serial != 0) {
        out->type = SATCHEL_SALVAGE_INTEGER;
        out->integer = serial >= 8 ? (int64_t)(serial - 8) : read_integer(at, bytes);
    }
}

/* False: no record. */
static bool read_record(page_reading *reading, satchel_bytes record, uint32_t *out_count) {
    uint64_t header = 0;
    size_t at = take_varint(record.data, record.bytes, &header);
    if (at == 0 || header < at || header > record.bytes) {
        return false;
    }
    size_t content = (size_t)header;
    *out_count = 0;
    while (at < header) {
        uint64_t serial = 0;
        size_t taken = take_varint(record.data + at, (size_t)header - at, &serial);
        size_t bytes = content_bytes(serial);
        if (taken == 0 || bytes > record.bytes - content) {
            return false;
        }
        if (*out_count < SATCHEL_SALVAGE_COLUMNS_MOST) {
            fill_column(serial, record.data + content, bytes, &reading->columns[*out_count]);
            ++*out_count;
        }
        at += taken;
        content += bytes;
    }
    return content == record.bytes;
}

/* --- cells --- */

static satchel_status visit_cell(page_reading *reading, size_t at, satchel_salvage_row_visitor visit, void *context) {
    const uint8_t *content = reading->page->content;
    satchel_salvage_row row = {.columns = reading->columns, .has_rowid = reading->kind == KIND_TABLE_LEAF};
    satchel_bytes record = {NULL, 0};
    uint64_t payload = 0;
    uint64_t rowid = 0;
    at += reading->kind == KIND_INDEX_INTERIOR ? CHILD_BYTES : 0;
    size_t taken = at < reading->usable ? take_varint(content + at, reading->usable - at, &payload) : 0;
    at += taken;
    if (taken > 0 && row.has_rowid) {
        taken = at < reading->usable ? take_varint(content + at, reading->usable - at, &rowid) : 0;
        at += taken;
        row.rowid = (int64_t)rowid;
    }
    if (taken == 0) {
        return SATCHEL_OK;
    }
    satchel_status status = take_payload(reading, at, payload, &record);
    if (status != SATCHEL_OK) {
        return status == SATCHEL_NOT_FOUND ? SATCHEL_OK : status;
    }
    return read_record(reading, record, &row.column_count) ? visit(context, &row) : SATCHEL_OK;
}

static bool is_pointer_map(uint64_t number, size_t usable) {
    uint64_t each = usable / POINTER_MAP_ENTRY_BYTES + 1;
    return number >= POINTER_MAP_FIRST && (number - POINTER_MAP_FIRST) % each == 0;
}

satchel_status satchel_salvage_rows(satchel_salvage *pages, const satchel_salvage_page *page, satchel_buffer *room,
                                    satchel_salvage_row_visitor visit, void *context) {
    page_reading reading = {.pages = pages, .page = page, .usable = satchel_salvage_usable_bytes(pages), .room = room};
    size_t header = page->number == 1 ? FILE_HEADER_BYTES : 0;
    reading.unclaimed = reading.usable;
    reading.kind = page->content[header];
    bool leaf = reading.kind == KIND_TABLE_LEAF || reading.kind == KIND_INDEX_LEAF;
    if ((!leaf && reading.kind != KIND_INDEX_INTERIOR) || is_pointer_map(page->number, reading.usable)) {
        return SATCHEL_OK;
    }
    size_t first = header + (leaf ? LEAF_HEADER_BYTES : INTERIOR_HEADER_BYTES);
    uint32_t cells = get_u16(page->content + header + 3);
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < cells && status == SATCHEL_OK && first + 2 * (size_t)i + 2 <= reading.usable; i++) {
        status = visit_cell(&reading, get_u16(page->content + first + 2 * (size_t)i), visit, context);
    }
    return status;
}
