/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rest of a page that is stored in slices. It is kept in the store beside the state of sync that follows it, so
 * that a kill between two slices loses nothing and asks for nothing twice: what was stored of a page must never stand
 * under a cursor that does not know it, for the server could then take a row back without a word.
 *
 *   ".page"    the answer from its first frame that was left on
 *   ".paging"  [format 1][offset varint][within varint][through varint][state of sync as in ".sync"]
 */
#include "store/digest.h"
#include "store/store_state.h"

#define PAGE_NAME ".page"
#define PLACE_NAME ".paging"
#define PLACE_FORMAT 1

void satchel_paging_close(satchel_store *store) {
    if (store->paging != NULL) {
        satchel_buffer_deinit(&store->paging->payload);
        satchel_memory_give(store->paging);
        store->paging = NULL;
    }
}

satchel_status satchel_paging_reload(satchel_store *store, satchel_error *error) {
    int64_t left = 0;
    satchel_paging_close(store);
    satchel_status status =
        satchel_store_number(store, "SELECT 1 FROM store_value WHERE name = '" PLACE_NAME "'", 0, &left, error);
    store->page_left = left != 0;
    return status;
}

static satchel_status make(satchel_store *store, satchel_error *error) {
    satchel_paging_close(store);
    store->paging = satchel_memory_take(sizeof *store->paging);
    return store->paging != NULL ? SATCHEL_OK : satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a page");
}

satchel_status satchel_paging_move(satchel_store *store, satchel_error *error) {
    const satchel_paging *paging = store->paging;
    const uint64_t numbers[] = {paging->offset, paging->within, paging->through};
    satchel_buffer bytes = {NULL, 0, 0};
    satchel_status status = satchel_buffer_append_byte(&bytes, PLACE_FORMAT);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == SATCHEL_OK; i++) {
        status = satchel_buffer_append_varint(&bytes, numbers[i]);
    }
    if (status == SATCHEL_OK) {
        status = satchel_sync_encode(&paging->state, &bytes);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_write_value(store, PLACE_NAME, satchel_buffer_view(&bytes), error);
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

satchel_status satchel_paging_keep(satchel_store *store, satchel_bytes rest, uint64_t through,
                                   const satchel_sync_state *state, satchel_error *error) {
    satchel_status status = make(store, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    store->paging->through = through;
    store->paging->state = *state;
    status = satchel_buffer_append(&store->paging->payload, rest);
    if (status == SATCHEL_OK) {
        status = satchel_store_write_value(store, PAGE_NAME, rest, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_paging_move(store, error);
    }
    store->page_left = status == SATCHEL_OK;
    return status;
}

static bool read_place(satchel_bytes bytes, satchel_paging *out) {
    satchel_reader reader = satchel_reader_of(bytes);
    satchel_bytes state;
    uint64_t offset = 0;
    uint64_t within = 0;
    uint8_t format = 0;
    if (satchel_reader_byte(&reader, &format) != SATCHEL_OK || format != PLACE_FORMAT ||
        satchel_reader_varint(&reader, &offset) != SATCHEL_OK || offset > out->payload.bytes ||
        satchel_reader_varint(&reader, &within) != SATCHEL_OK || within > out->payload.bytes ||
        satchel_reader_varint(&reader, &out->through) != SATCHEL_OK ||
        satchel_reader_take(&reader, satchel_reader_left(&reader), &state) != SATCHEL_OK) {
        return false;
    }
    out->offset = (size_t)offset;
    out->within = (size_t)within;
    return satchel_sync_decode(state, &out->state);
}

satchel_status satchel_paging_need(satchel_store *store, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes payload = {NULL, 0};
    satchel_bytes place = {NULL, 0};
    if (store->paging != NULL) {
        return SATCHEL_OK;
    }
    satchel_status status = make(store, error);
    if (status == SATCHEL_OK) {
        status = satchel_store_get_value(store, PAGE_NAME, &arena, &payload, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_get_value(store, PLACE_NAME, &arena, &place, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(&store->paging->payload, payload);
    }
    bool unread = status == SATCHEL_OK && !read_place(place, store->paging);
    if (unread || status == SATCHEL_NOT_FOUND) {
        status = satchel_fail(error, SATCHEL_MALFORMED, "the page that was begun cannot be read");
    }
    if (status != SATCHEL_OK) {
        satchel_paging_close(store);
    }
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_paging_end(satchel_store *store, satchel_error *error) {
    const satchel_bytes none = {NULL, 0};
    satchel_status status = satchel_store_write_value(store, PAGE_NAME, none, error);
    if (status == SATCHEL_OK) {
        status = satchel_store_write_value(store, PLACE_NAME, none, error);
    }
    store->page_left = status != SATCHEL_OK;
    return status;
}

/* What is here stays, under a cursor that knows of nothing: rows that the server would take back differ in the digest.
 */
satchel_status satchel_store_page_abandon(satchel_store *store, satchel_error *error) {
    satchel_status status = satchel_store_begin(store, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_sync_state state = store->sync;
    state.cursor_bytes = 0;
    satchel_digests_unknown(store);
    status = satchel_store_write_sync(store, &state, error);
    if (status == SATCHEL_OK) {
        status = satchel_paging_end(store, error);
    }
    status = satchel_store_end(store, status, error);
    if (status == SATCHEL_OK) {
        satchel_paging_close(store);
    }
    return status;
}

bool satchel_store_page_left(const satchel_store *store) {
    return store->page_left;
}
