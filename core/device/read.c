/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads: the rows of a page are copied out as encoded records, so the store is free again when the call returns.
 */
#include "device/device.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "wire/record_codec.h"

#include <assert.h>

static_assert(SATCHEL_PAGE_ROWS_MOST == SATCHEL_LIMIT_PAGE_ROWS &&
                  SATCHEL_CONDITIONS_MOST == SATCHEL_LIMIT_CONDITIONS &&
                  SATCHEL_SORT_KEYS_MOST == SATCHEL_LIMIT_SORT_KEYS &&
                  SATCHEL_SEARCH_BYTES_MOST == SATCHEL_LIMIT_SEARCH_BYTES,
              "the limits that shells see are those that are checked");

typedef struct page_row {
    satchel_id id;
    size_t at; /* of the record in `records` */
    size_t bytes;
    uint32_t flags;
    uint64_t base_n;
} page_row;

struct satchel_page {
    const satchel_schema *schema; /* only while the page is filled */
    uint32_t entity;
    page_row *rows;
    uint32_t count;
    uint32_t capacity;
    satchel_buffer records;
    satchel_buffer next;
};

static satchel_status page_take(satchel_page **out, const satchel_schema *schema, uint32_t entity, uint32_t rows) {
    satchel_page *page = satchel_memory_take(sizeof *page);
    page_row *room = satchel_memory_take(rows * sizeof *room);
    if (page == NULL || room == NULL) {
        satchel_memory_give(page);
        satchel_memory_give(room);
        return SATCHEL_NO_MEMORY;
    }
    page->schema = schema;
    page->entity = entity;
    page->rows = room;
    page->capacity = rows;
    *out = page;
    return SATCHEL_OK;
}

void satchel_page_close(satchel_page *page) {
    if (page == NULL) {
        return;
    }
    satchel_buffer_deinit(&page->records);
    satchel_buffer_deinit(&page->next);
    satchel_memory_give(page->rows);
    satchel_memory_give(page);
}

static satchel_status add_row(void *context, const satchel_id *id, const satchel_record *record, uint32_t flags,
                              uint64_t base_n) {
    satchel_page *page = context;
    if (page->count == page->capacity) {
        return SATCHEL_INTERNAL;
    }
    size_t at = page->records.bytes;
    satchel_status status = satchel_record_encode(page->schema, page->entity, record, &page->records);
    if (status == SATCHEL_OK) {
        page->rows[page->count++] = (page_row){*id, at, page->records.bytes - at, flags, base_n};
    }
    return status;
}

satchel_status satchel_page_open(satchel_page **out, satchel_device *device, const satchel_query *query,
                                 satchel_bytes after, uint32_t limit, satchel_error *error) {
    satchel_page *page = NULL;
    *out = NULL;
    if (limit == 0 || limit > SATCHEL_LIMIT_PAGE_ROWS) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a page has 1 to %d rows", SATCHEL_LIMIT_PAGE_ROWS);
    }
    satchel_status status = satchel_device_enter_look(device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = page_take(&page, satchel_store_schema(device->store), satchel_query_entity(query), limit);
    if (status != SATCHEL_OK) {
        satchel_fail(error, status, "no memory for a page");
        goto done;
    }
    status = satchel_store_query(device->store, query, after, limit, add_row, page, &page->next, error);
    if (status == SATCHEL_OK) {
        *out = page;
        page = NULL;
    }
done:
    satchel_page_close(page);
    satchel_device_leave(device);
    return status;
}

uint32_t satchel_page_count(const satchel_page *page) {
    return page->count;
}

satchel_status satchel_page_row(const satchel_page *page, uint32_t index, satchel_row_view *out) {
    if (index >= page->count) {
        return SATCHEL_OUT_OF_RANGE;
    }
    const page_row *row = &page->rows[index];
    out->id = row->id;
    out->record = satchel_bytes_of(row->bytes == 0 ? NULL : page->records.data + row->at, row->bytes);
    out->flags = row->flags;
    out->base_n = row->base_n;
    return SATCHEL_OK;
}

satchel_bytes satchel_page_next(const satchel_page *page) {
    return satchel_buffer_view(&page->next);
}

satchel_status satchel_row_open(satchel_page **out, satchel_device *device, uint32_t entity, const satchel_id *id,
                                satchel_error *error) {
    satchel_arena arena = {0};
    satchel_page *page = NULL;
    satchel_record record;
    uint32_t flags = 0;
    uint64_t base_n = 0;
    *out = NULL;
    satchel_status status = satchel_device_enter_look(device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_store_read(device->store, entity, id, &arena, &record, &flags, &base_n, error);
    if (status == SATCHEL_OK && (flags & SATCHEL_ROW_DELETED) != 0) {
        status = satchel_fail(error, SATCHEL_NOT_FOUND, "the row is deleted");
    }
    if (status == SATCHEL_OK) {
        status = page_take(&page, satchel_store_schema(device->store), entity, 1);
    }
    if (status == SATCHEL_OK) {
        status = add_row(page, id, &record, flags, base_n);
    }
    if (status == SATCHEL_OK) {
        *out = page;
        page = NULL;
    }
    satchel_page_close(page);
    satchel_arena_deinit(&arena);
    satchel_device_leave(device);
    return status;
}

satchel_status satchel_count(satchel_device *device, const satchel_query *query, uint64_t *out, satchel_error *error) {
    *out = 0;
    satchel_status status = satchel_device_enter_look(device, error);
    if (status == SATCHEL_OK) {
        status = satchel_store_count(device->store, query, out, error);
        satchel_device_leave(device);
    }
    return status;
}
